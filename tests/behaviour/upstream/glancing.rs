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
pub(super) const GLANCES: PassOptions = PassOptions {
    list_up_to: 1,
    ..OPTIONS
};
/// The server names what it keeps, and there are three letters.
pub(super) const SELECTED: &str = "C: x SELECT INBOX
    S: * FLAGS (\\Answered \\Flagged \\Deleted \\Seen)
    S: * 3 EXISTS
    S: x OK opened
    ";
/// Letters 1 and 2 are looked at from afar.
pub(super) const DATED: &str = "C: x FETCH 1:2 (FLAGS INTERNALDATE)
    S: * 1 FETCH (FLAGS () INTERNALDATE \" 1-Feb-94 12:00:00-GMT\")
    S: * 2 FETCH (FLAGS () INTERNALDATE \" 2-Feb-94 12:00:00-GMT\")
    S: x OK
    ";
/// None has any of the flags.
pub(super) const UNMARKED: &str = "C: x SEARCH SEEN
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
pub(super) fn last(flags: &str) -> String {
    enveloped(3, 3, flags)
}

pub(super) fn enveloped(seq: usize, letter: usize, flags: &str) -> String {
    format!(
        "C: x FETCH {seq} ALL
        S: * {seq} FETCH (FLAGS ({flags}) INTERNALDATE \" {letter}-Feb-94 12:00:00-GMT\" RFC822.SIZE 10{letter} ENVELOPE (NIL \"letter {letter}\" NIL NIL NIL NIL NIL NIL NIL \"<{letter}@a.example>\"))
        S: x OK
        "
    )
}

/// Noon of that day in 1994.
const FIRST_OF_FEBRUARY: i64 = 760_104_000;

/// Everything that was not shown, behind a glance that was not enough.
pub(super) fn listed() -> String {
    let [one, two] = [1, 2].map(|n| shown(n, n, ""));
    format!("\nC: x FETCH 1:2 FAST\n{one}\n{two}\nS: x OK\n{LAST_HEADERS}")
}

const LAST_HEADERS: &str = "C: x FETCH 2:3 RFC822.HEADER
    S: * 2 FETCH (RFC822.HEADER «Subject: letter 2¶Message-ID: <2@a.example>¶¶»)
    S: * 3 FETCH (RFC822.HEADER «Subject: letter 3¶Message-ID: <3@a.example>¶¶»)
    S: x OK";

/// Three letters whose headers say which they are.
pub(super) async fn three() -> World {
    let world = World::holding(3).await;
    headed_as(&world, &[1, 2, 3]).await;
    world
}

/// The letters get headers that say which they are.
pub(super) async fn headed_as(world: &World, names: &[usize]) {
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

pub(super) async fn glances(world: &World, script: &str) -> Report {
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
