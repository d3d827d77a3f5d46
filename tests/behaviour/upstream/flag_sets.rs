//! Flags of a large mailbox, read as sets: which answer is whose, and what is believed.

use lowtide::protocol::types::FlagSet;

use super::glancing::{
    DATED, SELECTED, UNMARKED, enveloped, glances, headed_as, last, listed, three,
};
use super::world::{World, shown};

const SEEN: FlagSet = FlagSet::SEEN;
const NONE: FlagSet = FlagSet::EMPTY;

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

/// It says nothing where it finds nothing, and answers in two lines elsewhere: as many lines as questions.
#[tokio::test]
async fn a_part_of_one_set_is_not_taken_for_another() {
    let world = twelve().await;
    let looked_at = four_of_twelve("\\Answered")
        .replace(
            "1 FETCH (FLAGS () INTERNALDATE \" 1-",
            "1 FETCH (FLAGS (\\Seen) INTERNALDATE \" 1-",
        )
        .replace("12 FETCH (FLAGS ()", "12 FETCH (FLAGS (\\Deleted)");
    let sets = [
        ("SEEN", " 1 2 3"),
        ("ANSWERED", " 8"),
        ("FLAGGED", ""),
        ("DELETED", " 12"),
    ];
    let in_turn =
        sets.map(|(flag, numbers)| format!("C: x SEARCH {flag}\nS: * SEARCH{numbers}\nS: x OK"));
    let in_turn = in_turn.join("\n");
    let report = glances(&world, &format!("{looked_at}{in_turn}")).await;
    assert_eq!(report.counts.changed, 5);
    let looked_at = looked_at.replace("FETCH 1,8,11", "FETCH 1,3,8,11").replace(
        "S: * 8 FETCH",
        "S: * 3 FETCH (FLAGS (\\Seen) INTERNALDATE \" 3-Feb-94 12:00:00-GMT\")\nS: * 8 FETCH",
    );
    let parted = searched_at_once([" 1 3", " 2", " 8", " 12"]);
    let report = glances(&world, &format!("{looked_at}{parted}\n{in_turn}")).await;
    assert!(report.counts.is_empty(), "{report:?}");
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
