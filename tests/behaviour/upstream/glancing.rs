//! Large mailboxes whose messages have no UIDs: a few looks and a set of flags at a time, instead of a line for each
//! message.

use lowtide::daemon::{Keep, PassError, PassOptions, Report};
use lowtide::journal::{HeaderHash, Mark};
use lowtide::message::header_hash;
use lowtide::mirror::{Arrival, SeenMessage, Settlement};
use lowtide::protocol::types::{FlagSet, SeqNum};
use lowtide::store::{HeaderIn, Packed};

use super::world::{OPTIONS, World, shown};

const SEEN: FlagSet = FlagSet::SEEN;
const NONE: FlagSet = FlagSet::EMPTY;

/// Here a mailbox of two is large.
const GLANCES: PassOptions = PassOptions {
    list_up_to: 1,
    ..OPTIONS
};
/// The server names what it keeps, and there are three letters.
const SELECTED: &str = "C: x SELECT INBOX
    S: * FLAGS (\\Answered \\Flagged \\Deleted \\Seen)
    S: * 3 EXISTS
    S: x OK opened
    ";
/// Letters 1 and 2 are looked at from afar.
const DATED: &str = "C: x FETCH 1:2 (FLAGS INTERNALDATE)
    S: * 1 FETCH (FLAGS () INTERNALDATE \" 1-Feb-94 12:00:00-GMT\")
    S: * 2 FETCH (FLAGS () INTERNALDATE \" 2-Feb-94 12:00:00-GMT\")
    S: x OK
    ";
/// None has any of the flags.
const UNMARKED: &str = "C: x SEARCH SEEN
    S: * SEARCH
    S: x OK
    C: x SEARCH ANSWERED
    S: * SEARCH
    S: x OK
    C: x SEARCH FLAGGED
    S: * SEARCH
    S: x OK
    C: x SEARCH DELETED
    S: * SEARCH
    S: x OK";

/// Letter 3 at a number, told by its envelope.
fn last(flags: &str) -> String {
    enveloped(3, 3, flags)
}

fn enveloped(seq: usize, letter: usize, flags: &str) -> String {
    format!(
        "C: x FETCH {seq} ALL
        S: * {seq} FETCH (FLAGS ({flags}) INTERNALDATE \" {letter}-Feb-94 12:00:00-GMT\" RFC822.SIZE 10{letter} ENVELOPE (NIL \"letter {letter}\" NIL NIL NIL NIL NIL NIL NIL \"<{letter}@a.example>\"))
        S: x OK
        "
    )
}

/// Noon of that day in 1994.
const FIRST_OF_FEBRUARY: i64 = 760_104_000;

/// Three letters whose headers say which they are.
async fn three() -> World {
    let world = World::holding(3).await;
    headed_as(&world, &[1, 2, 3]).await;
    world
}

/// The letters get headers that say which they are.
async fn headed_as(world: &World, names: &[usize]) {
    let headers = world.letters.iter().zip(names).map(|(letter, n)| {
        let bytes =
            format!("Subject: letter {n}\r\nMessage-ID: <{n}@a.example>\r\n\r\n").into_bytes();
        HeaderIn {
            message: *letter,
            hash: HeaderHash(header_hash(&bytes)),
            envelope: Vec::new(),
            bytes: Packed::new(bytes),
        }
    });
    let headers = headers.collect();
    let kept = world.store.keep_headers(world.inbox, headers).await;
    kept.unwrap();
}

async fn glances(world: &World, script: &str) -> Report {
    world.tries_with(script, &GLANCES).await.unwrap()
}

#[tokio::test]
async fn a_mailbox_that_did_not_change_is_not_listed() {
    let world = three().await;
    let report = glances(&world, &format!("{SELECTED}{DATED}{}{UNMARKED}", last(""))).await;
    assert!(report.counts.is_empty(), "{report:?}");
}

#[tokio::test]
async fn where_nothing_is_at_stake_a_glance_is_close_now_and_then() {
    let world = three().await;
    let unsized_last = last("")
        .replace("FETCH 3 ALL", "FETCH 3 (FLAGS INTERNALDATE ENVELOPE)")
        .replace("RFC822.SIZE 103 ", "");
    let script = format!("{SELECTED}{DATED}{unsized_last}{UNMARKED}");
    let mostly = PassOptions {
        chance: 1,
        ..GLANCES
    };
    let report = world.tries_with(&script, &mostly).await.unwrap();
    assert!(report.counts.is_empty(), "{report:?}");
    // Somebody acted, though on another message.
    world.set(1, SEEN).await;
    let script = format!(
        "{SELECTED}{DATED}{}C: x FETCH 1 FAST
        {}
        S: x OK
        {}",
        last(""),
        shown(1, 1, "\\Seen"),
        UNMARKED.replacen("S: * SEARCH\n", "S: * SEARCH 1\n", 1)
    )
    .replacen(
        "FLAGS () INTERNALDATE \" 1-",
        "FLAGS (\\Seen) INTERNALDATE \" 1-",
        1,
    );
    world.tries_with(&script, &mostly).await.unwrap();
    assert_eq!(world.journal().await, []);
}

#[tokio::test]
async fn a_last_message_that_the_envelope_does_not_name_is_told_by_its_header() {
    let world = World::holding(3).await;
    let script = format!(
        "{SELECTED}{DATED}C: x FETCH 3 ALL
        S: * 3 FETCH (FLAGS () INTERNALDATE \" 3-Feb-94 12:00:00-GMT\" RFC822.SIZE 103 ENVELOPE (NIL \"letter 3\" NIL NIL NIL NIL NIL NIL NIL NIL))
        S: x OK
        {UNMARKED}
        {}",
        super::world::header_read(3, 3)
    );
    assert!(glances(&world, &script).await.counts.is_empty());
}

#[tokio::test]
async fn a_server_that_gives_no_envelope_or_no_dates_is_listed_or_looked_at_otherwise() {
    let world = three().await;
    let unwilling = format!(
        "{SELECTED}C: x FETCH 1:2 (FLAGS INTERNALDATE)
        S: x NO not these
        {}{}",
        last(""),
        listed()
    );
    assert!(glances(&world, &unwilling).await.counts.is_empty());
    let script = format!(
        "{SELECTED}{DATED}C: x FETCH 3 ALL
        S: x NO it cannot be parsed
        C: x FETCH 3 FAST
        {}
        S: x OK
        {UNMARKED}
        C: x FETCH 3 RFC822.HEADER
        S: * 3 FETCH (RFC822.HEADER «Subject: letter 3¶Message-ID: <3@a.example>¶¶»)
        S: x OK",
        shown(3, 3, "")
    );
    assert!(glances(&world, &script).await.counts.is_empty());
}

#[tokio::test]
async fn a_last_message_of_another_size_is_another_message() {
    let world = three().await;
    let other = last("").replace("RFC822.SIZE 103", "RFC822.SIZE 99");
    let script = format!(
        "{SELECTED}{DATED}{other}C: x FETCH 1:2 FAST
        {}
        {}
        S: x OK
        {UNMARKED}
        C: x FETCH 2 RFC822.HEADER
        S: * 2 FETCH (RFC822.HEADER «Subject: letter 2¶Message-ID: <2@a.example>¶¶»)
        S: x OK
        C: x FETCH 3 RFC822.HEADER
        S: * 3 FETCH (RFC822.HEADER «Subject: letter 3¶Message-ID: <3@a.example>¶¶»)
        S: x OK",
        shown(1, 1, ""),
        shown(2, 2, "")
    );
    let report = glances(&world, &script).await;
    assert_eq!((report.counts.gone, report.counts.arrived), (1, 1));
}

#[tokio::test]
async fn a_removal_during_the_first_looks_moves_the_places() {
    let world = three().await;
    let script = format!(
        "{SELECTED}C: x FETCH 1:2 (FLAGS INTERNALDATE)
        S: * 1 FETCH (FLAGS () INTERNALDATE \" 1-Feb-94 12:00:00-GMT\")
        S: * 2 FETCH (FLAGS () INTERNALDATE \" 2-Feb-94 12:00:00-GMT\")
        S: * 1 EXPUNGE
        S: x OK
        C: x FETCH 3 ALL
        S: x NO there is no such message
        C: x FETCH 1:2 FAST
        {}
        {}
        S: x OK
        {UNMARKED}
        C: x FETCH 2 RFC822.HEADER
        S: * 2 FETCH (RFC822.HEADER «Subject: letter 3¶Message-ID: <3@a.example>¶¶»)
        S: x OK",
        shown(1, 2, ""),
        shown(2, 3, "")
    );
    let report = glances(&world, &script).await;
    assert_eq!((report.counts.gone, report.counts.arrived), (1, 0));
}

#[tokio::test]
async fn flags_are_read_as_sets_whichever_is_smaller() {
    let world = three().await;
    let seen = format!(
        "{SELECTED}{DATED}{}C: x SEARCH SEEN
        S: * SEARCH 3
        S: x OK
        C: x SEARCH ANSWERED
        S: * SEARCH
        S: x OK
        C: x SEARCH FLAGGED
        S: * SEARCH 3
        S: x OK
        C: x SEARCH DELETED
        S: * SEARCH
        S: x OK",
        last("\\Seen \\Flagged")
    );
    assert_eq!(glances(&world, &seen).await.counts.changed, 1);
    assert_eq!(
        world.base().await,
        [NONE, NONE, SEEN.union(FlagSet::FLAGGED)]
    );
    let all_seen = super::world::opened(&["\\Seen", "\\Seen", "\\Seen"]);
    let all_seen = [2, 3].iter().fold(all_seen, |script, n| {
        let named = format!("«Subject: letter {n}¶Message-ID: <{n}@a.example>¶¶»");
        script.replace(&format!("«Subject: letter {n}¶¶»"), &named)
    });
    world.passes(&all_seen).await;
    assert_eq!(world.base().await, [SEEN, SEEN, SEEN]);
    // Two were looked at; of the last, only the set tells. None of them is missing in it.
    let dated = DATED.replace("FLAGS () INTERNALDATE", "FLAGS (\\Seen) INTERNALDATE");
    let unseen = format!(
        "{SELECTED}{dated}{}{}",
        last("\\Seen"),
        UNMARKED.replace("SEARCH SEEN", "SEARCH UNSEEN")
    );
    assert!(glances(&world, &unseen).await.counts.is_empty());
    // An answer that says nothing at all is not taken for "everything is read".
    let silent = UNMARKED.replace("SEARCH SEEN\n    S: * SEARCH\n", "SEARCH UNSEEN\n");
    let silent = format!(
        "{SELECTED}{dated}{}{silent}
        {silent}
        C: x SEARCH SEEN
        S: * SEARCH 1 2 3
        S: x OK",
        last("\\Seen")
    );
    assert!(glances(&world, &silent).await.counts.is_empty());
    assert_eq!(world.base().await, [SEEN, SEEN, SEEN]);
}

/// Everything that was not shown, behind a glance that was not enough.
fn listed() -> String {
    let [one, two] = [1, 2].map(|n| shown(n, n, ""));
    format!("\nC: x FETCH 1:2 FAST\n{one}\n{two}\nS: x OK\n{LAST_HEADERS}")
}

const LAST_HEADERS: &str = "C: x FETCH 2:3 RFC822.HEADER
    S: * 2 FETCH (RFC822.HEADER «Subject: letter 2¶Message-ID: <2@a.example>¶¶»)
    S: * 3 FETCH (RFC822.HEADER «Subject: letter 3¶Message-ID: <3@a.example>¶¶»)
    S: x OK";

#[tokio::test]
async fn whatever_cannot_be_believed_is_listed() {
    let seen = |answer: &str| UNMARKED.replacen("S: * SEARCH\n    S: x OK\n", answer, 1);
    let unwilling = |answer: &str| format!("{}\nC: x SEARCH SEEN\n{answer}", seen(answer));
    for told in [
        // It does not search, asked twice.
        unwilling("S: x BAD what?\n"),
        unwilling("S: * SEARCH 1\nS: x BAD what?\n"),
        unwilling("S: x NO not now\n"),
        // Numbers that no message has.
        seen("S: * SEARCH 4\nS: x OK\n"),
        // What was shown message by message says otherwise.
        seen("S: * SEARCH 2\nS: x OK\n"),
    ] {
        let world = three().await;
        let script = format!("{SELECTED}{DATED}{}{told}{}", last(""), listed());
        let report = glances(&world, &script).await;
        assert!(report.counts.is_empty(), "{told}");
    }
}

/// Two lines before the first end, as where a server searches for several things at a time; an end that comes before an
/// earlier one; silence, where nothing is found: one of the answers could be another's, and what was shown fits none.
#[tokio::test]
async fn where_nobody_can_say_which_search_is_answered_they_are_sent_one_by_one() {
    let all_sent =
        "C: x SEARCH SEEN\nC: x SEARCH ANSWERED\nC: x SEARCH FLAGGED\nC: x SEARCH DELETED\n";
    let ends = [5, 6, 7, 8].map(|number| format!("S: t000000{number} OK"));
    let at_once = format!(
        "S: * SEARCH 1\nS: * SEARCH\nS: * SEARCH\nS: * SEARCH\n{}",
        ends.join("\n")
    );
    let [seen, answered, flagged, deleted] = &ends;
    let crossed = format!(
        "S: * SEARCH\n{seen}\nS: * SEARCH\n{flagged}\nS: * SEARCH\n{answered}\nS: * SEARCH 1\n{deleted}"
    );
    let silent = format!(
        "{seen}\nS: * SEARCH\n{answered}\nS: * SEARCH\n{flagged}\nS: * SEARCH 1\n{deleted}"
    );
    for answers in [at_once, crossed, silent] {
        let world = three().await;
        let script = format!(
            "{SELECTED}{DATED}{}{all_sent}{answers}
            {UNMARKED}",
            last("")
        );
        let report = glances(&world, &script).await;
        assert!(report.counts.is_empty(), "{answers}");
    }
}

/// Twelve letters, of which a glance sees four: the first, and near the end.
async fn twelve() -> World {
    let world = World::holding(12).await;
    let names: Vec<usize> = (1..=12).collect();
    headed_as(&world, &names).await;
    world
}

/// A glance at them, up to the sets.
fn four_of_twelve(flags_of_8: &str) -> String {
    let dated = |letter: usize, flags: &str| {
        format!(
            "S: * {letter} FETCH (FLAGS ({flags}) INTERNALDATE \"{letter:2}-Feb-94 12:00:00-GMT\")"
        )
    };
    format!(
        "{}C: x FETCH 1,8,11 (FLAGS INTERNALDATE)
        {}
        {}
        {}
        S: x OK
        {}",
        SELECTED.replace('3', "12"),
        dated(1, ""),
        dated(8, flags_of_8),
        dated(11, ""),
        enveloped(12, 12, "")
            .replace(" 12-Feb", "12-Feb")
            .replace("SIZE 1012", "SIZE 112")
    )
}

/// Each SEARCH is sent before the first answer; all lines come before the first end.
fn searched_at_once(lines: [&str; 4]) -> String {
    let ends = [5, 6, 7, 8].map(|number| format!("S: t000000{number} OK"));
    format!(
        "C: x SEARCH SEEN\nC: x SEARCH ANSWERED\nC: x SEARCH FLAGGED\nC: x SEARCH DELETED\n{}\n{}",
        lines.map(|line| format!("S: * SEARCH{line}")).join("\n"),
        ends.join("\n")
    )
}

#[tokio::test]
async fn whoever_searches_for_several_things_at_a_time_is_understood_by_the_flags_that_were_shown()
{
    let world = twelve().await;
    let flagged = UNMARKED.replacen(
        "FLAGGED\n    S: * SEARCH\n",
        "FLAGGED\n    S: * SEARCH 8\n",
        1,
    );
    let report = glances(&world, &format!("{}{flagged}", four_of_twelve("\\Flagged"))).await;
    assert_eq!(report.counts.changed, 1);
    for lines in [["", "", " 8", ""], [" 8", "", "", ""]] {
        let script = format!("{}{}", four_of_twelve("\\Flagged"), searched_at_once(lines));
        assert!(
            glances(&world, &script).await.counts.is_empty(),
            "{lines:?}"
        );
    }
    // The other one is flagged as well, or something else: its own flags were not shown.
    for lines in [
        ["", "", " 8", " 5"],
        ["", "", " 8 5", " 8"],
        ["", "", "", ""],
    ] {
        let script = format!(
            "{}{}\n{flagged}",
            four_of_twelve("\\Flagged"),
            searched_at_once(lines)
        );
        assert!(
            glances(&world, &script).await.counts.is_empty(),
            "{lines:?}"
        );
    }
}

/// Where the base has messages in a set, one of them is looked at; otherwise the set could be another's.
#[tokio::test]
async fn one_message_of_each_set_is_looked_at() {
    let world = twelve().await;
    let flagged = |numbers: &str| {
        UNMARKED.replacen(
            "FLAGGED\n    S: * SEARCH\n",
            &format!("FLAGGED\n    S: * SEARCH{numbers}\n"),
            1,
        )
    };
    let report = glances(
        &world,
        &format!("{}{}", four_of_twelve(""), flagged(" 5 6")),
    )
    .await;
    assert_eq!(report.counts.changed, 2);
    let looked_at = four_of_twelve("")
        .replace("FETCH 1,8,11", "FETCH 1,6,8,11")
        .replace(
            "S: * 8 FETCH",
            "S: * 6 FETCH (FLAGS (\\Flagged) INTERNALDATE \" 6-Feb-94 12:00:00-GMT\")\nS: * 8 FETCH",
        );
    let script = format!("{looked_at}{}", searched_at_once(["", " 5 6", "", ""]));
    assert!(glances(&world, &script).await.counts.is_empty());
}

#[tokio::test]
async fn a_removal_while_flags_are_read_moves_the_numbers_and_the_flags_are_read_anew() {
    let world = three().await;
    let script = format!(
        "{SELECTED}{DATED}{}{}\n{UNMARKED}",
        last(""),
        UNMARKED.replacen("S: * SEARCH\n", "S: * SEARCH 3\n    S: * 1 EXPUNGE\n", 1)
    );
    let report = glances(&world, &script).await;
    assert_eq!((report.counts.gone, report.counts.changed), (1, 0));
    assert_eq!(world.base().await, [NONE, NONE]);
}

#[tokio::test]
async fn mail_that_comes_while_flags_are_read_is_listed() {
    let world = three().await;
    let script = format!(
        "{SELECTED}{DATED}{}{}
        C: x FETCH 4 FAST
        {}
        S: x OK
        {}",
        last(""),
        UNMARKED.replacen("S: * SEARCH\n", "S: * 4 EXISTS\nS: * SEARCH 4\n", 1),
        shown(4, 4, "\\Seen"),
        super::world::header_read(4, 4)
    );
    let report = glances(&world, &script).await;
    assert_eq!((report.counts.arrived, report.counts.changed), (1, 0));
    assert_eq!(world.base().await, [NONE, NONE, NONE, SEEN]);
}

#[tokio::test]
async fn a_message_that_somebody_acted_on_is_looked_at_first() {
    let world = three().await;
    world.set(1, FlagSet::FLAGGED).await;
    let look = |flags| {
        format!(
            "{SELECTED}{DATED}{}C: x FETCH 1 FAST
            {}
            S: x OK
            {UNMARKED}",
            last(""),
            shown(1, 1, flags)
        )
    };
    let script = format!(
        "{}
        C: x STORE 1 +FLAGS (\\Flagged)
        S: * 1 FETCH (FLAGS (\\Flagged))
        S: x OK
        LOOK 1 (\\Flagged)
        CHECK",
        look("")
    );
    assert!(glances(&world, &script).await.unproven);
    let found = "C: x SEARCH FLAGGED\n    S: * SEARCH";
    let proof = look("\\Flagged").replace(found, &format!("{found} 1"));
    glances(&world, &proof).await;
    assert_eq!(world.journal().await, []);
    assert_eq!(world.base().await, [FlagSet::FLAGGED, NONE, NONE]);
}

/// It may have gone, and a copy of the one behind it stand at the end.
#[tokio::test]
async fn the_message_before_one_that_somebody_acted_on_is_looked_at_too() {
    let world = three().await;
    world.set(2, FlagSet::FLAGGED).await;
    let script = format!(
        "{SELECTED}{DATED}{}C: x FETCH 1:2 FAST
        {}
        {}
        S: x OK
        {UNMARKED}
        C: x STORE 2 +FLAGS (\\Flagged)
        S: * 2 FETCH (FLAGS (\\Flagged))
        S: x OK
        LOOK 2 (\\Flagged)
        CHECK",
        last(""),
        shown(1, 1, ""),
        shown(2, 2, "")
    );
    assert!(glances(&world, &script).await.unproven);
}

#[tokio::test]
async fn where_reading_marks_a_message_it_is_recognised_before() {
    let world = three().await;
    let options = PassOptions {
        keep: Keep::All,
        ..GLANCES
    };
    let glance = format!("{SELECTED}{DATED}{}{UNMARKED}", last(""));
    // Somewhere among the three stands another message.
    let script = format!(
        "{glance}
        C: x FETCH 1:2 FAST
        {}
        {}
        S: x OK",
        shown(1, 1, ""),
        shown(2, 7, "")
    );
    let ended = world.tries_with(&script, &options).await;
    assert!(matches!(ended, Err(PassError::Upstream(_))), "{ended:?}");
    let notes = world.store.stray_notes(world.inbox).await.unwrap();
    assert_eq!(notes, []);
}

#[tokio::test]
async fn what_a_glance_had_wrong_is_found_by_the_next_listing_and_counted() {
    let world = three().await;
    let options = PassOptions {
        list_every: std::time::Duration::ZERO,
        ..GLANCES
    };
    // Only letter 2's size gives away that it is another.
    let script = format!(
        "{SELECTED}{DATED}{}{UNMARKED}
        C: x FETCH 1:2 FAST
        {}
        S: * 2 FETCH (FLAGS () INTERNALDATE \" 2-Feb-94 12:00:00-GMT\" RFC822.SIZE 777)
        S: x OK
        C: x FETCH 1,3 RFC822.HEADER
        S: * 1 FETCH (RFC822.HEADER «Subject: letter 1¶Message-ID: <1@a.example>¶¶»)
        S: * 3 FETCH (RFC822.HEADER «Subject: letter 3¶Message-ID: <3@a.example>¶¶»)
        S: x OK
        C: x FETCH 2:3 RFC822.HEADER
        S: * 2 FETCH (RFC822.HEADER «Subject: other¶¶»)
        S: * 3 FETCH (RFC822.HEADER «Subject: letter 3¶Message-ID: <3@a.example>¶¶»)
        S: x OK",
        last(""),
        shown(1, 1, "")
    );
    world.tries_with(&script, &options).await.unwrap();
    let rows = world.store.mailboxes().await.unwrap();
    let inbox = rows.iter().find(|row| row.id == world.inbox).unwrap();
    assert_eq!(inbox.missed_count, 1);
}

/// Five letters of one day: two of their own sizes, then the same one twice, and one that only its header tells from it.
async fn alike() -> World {
    let mut world = World::holding(0).await;
    let arrived = [101, 102, 103, 103, 103].into_iter().enumerate();
    let arrived = arrived.map(|(index, size)| Arrival {
        seq: SeqNum::from_index(index).unwrap(),
        seen: SeenMessage {
            mark: Mark {
                instant: FIRST_OF_FEBRUARY,
                size,
                uid: None,
                header: None,
            },
            flags: NONE,
            zone_minutes: 0,
        },
        was: None,
    });
    let settlement = Settlement {
        arrived: arrived.collect(),
        ..Settlement::default()
    };
    world.letters = world.store.record(world.inbox, settlement).await.unwrap();
    headed_as(&world, &[1, 2, 3, 3, 5]).await;
    world
}

/// The second is gone, and the last has come once more: every size is one that may stand there.
#[tokio::test]
async fn a_glance_that_a_header_contradicts_tells_nothing_of_the_places_between() {
    let world = alike().await;
    let shown = |seq: usize, size: usize| {
        format!(
            "S: * {seq} FETCH (FLAGS () INTERNALDATE \" 1-Feb-94 12:00:00-GMT\" RFC822.SIZE {size})"
        )
    };
    let headed = |seq: usize, n: usize| {
        format!(
            "S: * {seq} FETCH (RFC822.HEADER «Subject: letter {n}¶Message-ID: <{n}@a.example>¶¶»)"
        )
    };
    let last = enveloped(5, 5, "")
        .replace(" 5-Feb", " 1-Feb")
        .replace("SIZE 105", "SIZE 103");
    let script = format!(
        "{}C: x FETCH 1,4 FAST
        {}
        {}
        S: x OK
        {last}{UNMARKED}
        C: x FETCH 3:4 RFC822.HEADER
        {}
        {}
        S: x OK
        C: x FETCH 2:3 FAST
        {}
        {}
        S: x OK
        C: x FETCH 2 RFC822.HEADER
        {}
        S: x OK
        C: x FETCH 5 RFC822.HEADER
        {}
        S: x OK",
        SELECTED.replace('3', "5"),
        shown(1, 101),
        shown(4, 103),
        headed(3, 3),
        headed(4, 5),
        shown(2, 103),
        shown(3, 103),
        headed(2, 3),
        headed(5, 5)
    );
    glances(&world, &script).await;
    let input = world.store.pass_input(world.inbox).await.unwrap();
    let known = input.base.messages.iter().map(|known| known.id);
    let letters = &world.letters;
    let left = [letters[0], letters[2], letters[3], letters[4]];
    assert!(known.take(4).eq(left), "{:?}", input.base.messages);
}
