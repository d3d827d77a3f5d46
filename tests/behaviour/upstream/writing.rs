//! What the user did, carried to a server, and what counts as proof.

use lowtide::daemon::PassOptions;
use lowtide::journal::{Action, EntryState, ParkReason};
use lowtide::protocol::types::{FlagDelta, FlagSet};

use super::world::{FIRST_FLAGGED, LISTED, OPTIONS, World, headed, header_read, opened};

#[tokio::test]
async fn an_ok_without_data_is_no_failure_and_the_flags_are_looked_at() {
    let world = World::holding(1).await;
    world.set(1, FlagSet::FLAGGED).await;
    let script = format!(
        "{}
        C: x STORE 1 +FLAGS (\\Flagged)
        S: x OK
        LOOK 1 (\\Flagged)
        CHECK",
        opened(&[""])
    );
    let proven = world.passes_and_proves(&script, &["\\Flagged"]).await;
    assert_eq!(proven.counts.retired, 1);
    assert_eq!(world.base().await, [FlagSet::FLAGGED]);
}

/// What was sent is proven on the same visit; what the server does not keep is sent once more then, and no more.
#[tokio::test]
async fn what_was_sent_is_proven_at_once() {
    let sent = |shown| {
        format!(
            "{}
            {FIRST_FLAGGED}
            {}",
            opened(&[""]),
            opened(&[shown])
        )
    };
    let world = World::holding(1).await;
    world.set(1, FlagSet::FLAGGED).await;
    world.is_visited(&sent("\\Flagged")).await;
    assert_eq!(world.journal().await, []);

    let world = World::holding(1).await;
    world.set(1, FlagSet::FLAGGED).await;
    let script = format!(
        "{}
        {FIRST_FLAGGED}",
        sent("")
    );
    world.is_visited(&script).await;
    let left = world.journal().await;
    assert!(left[0].trouble.contains("does not show it"), "{left:?}");
}

#[tokio::test]
async fn what_a_server_refuses_of_one_message_holds_up_no_other() {
    let world = World::holding(3).await;
    for letter in [1, 2, 3] {
        world.set(letter, FlagSet::FLAGGED).await;
    }
    let script = format!(
        "{}
        C: x STORE 1:3 +FLAGS (\\Flagged)
        S: x NO not one of them
        C: x STORE 1:2 +FLAGS (\\Flagged)
        S: x NO not one of them
        C: x STORE 1 +FLAGS (\\Flagged)
        S: x OK
        C: x STORE 2 +FLAGS (\\Flagged)
        S: x NO not that one
        C: x STORE 3 +FLAGS (\\Flagged)
        S: x OK
        C: x FETCH 1:3 FLAGS
        S: * 1 FETCH (FLAGS (\\Flagged))
        S: * 2 FETCH (FLAGS ())
        S: * 3 FETCH (FLAGS (\\Flagged))
        S: x OK
        CHECK",
        opened(&["", "", ""])
    );
    world.passes(&script).await;
    let again = format!(
        "{}
        C: x STORE 2 +FLAGS (\\Flagged)
        S: x NO not that one
        LOOK 2 ()
        CHECK",
        opened(&["\\Flagged", "", "\\Flagged"])
    );
    assert_eq!(world.passes(&again).await.counts.retired, 2);
    let left = world.journal().await;
    assert_eq!(left.len(), 1);
    assert_eq!(left[0].message, world.letters[1]);
    assert!(left[0].trouble.contains("not that one"), "{left:?}");
}

/// Somebody takes the mark for a removal off again before it is carried out: they want to keep the letter.
#[tokio::test]
async fn a_letter_that_is_undeleted_between_mark_and_removal_is_kept() {
    let world = World::holding(3).await;
    world.delete(2).await;
    let none = "S: * 2 FETCH (FLAGS ())\n        S: * SEARCH\n";
    let undeleted = marked("2").replace("S: * SEARCH 2\n", none);
    world.passes(&format!("{undeleted}\nCHECK")).await;
    let report = world.passes(&opened(&["", "", ""])).await;
    assert_eq!((report.counts.conflicts, report.counts.gone), (1, 0));
    assert_eq!(world.journal().await, []);
}

#[tokio::test]
async fn flags_that_a_server_thinks_it_has_shown_already_are_proven_by_the_next_select() {
    let world = World::holding(1).await;
    world.set(1, FlagSet::FLAGGED).await;
    let script = format!(
        "{}
        C: x STORE 1 +FLAGS (\\Flagged)
        S: * 1 STORE (FLAGS (\\Flagged))
        S: x OK
        C: x FETCH 1 FLAGS
        S: x OK
        CHECK",
        opened(&[""])
    );
    assert_eq!(world.passes(&script).await.counts.retired, 0);
    world.passes(&opened(&["\\Flagged"])).await;
    assert_eq!(world.journal().await, []);
}

#[tokio::test]
async fn a_flag_that_is_lost_in_silence_is_found_out_and_set_aside() {
    let world = World::holding(1).await;
    world.set(1, FlagSet::FLAGGED).await;
    let script = format!(
        "{}
        C: x STORE 1 +FLAGS (\\Flagged)
        S: * 1 FETCH (FLAGS (\\Flagged))
        S: x OK
        LOOK 1 ()
        CHECK",
        opened(&[""])
    );
    for _ in 0..=OPTIONS.attempts {
        world.passes(&script).await;
        assert_eq!(world.base().await, [FlagSet::EMPTY]);
    }
    let left = world.journal().await;
    assert_eq!(left[0].state, EntryState::Parked(ParkReason::NotKept));
}

#[tokio::test]
async fn nothing_is_stored_in_a_mailbox_that_is_open_for_reading_only() {
    let world = World::holding(1).await;
    world.set(1, FlagSet::FLAGGED).await;
    let script = opened(&[""]).replace("OK opened", "OK [READ-ONLY] opened");
    world.passes(&script).await;
    assert_eq!(world.journal().await.len(), 1);
}

#[tokio::test]
async fn a_mailbox_that_becomes_read_only_stops_what_is_under_way() {
    let world = World::holding(2).await;
    world.set(1, FlagSet::FLAGGED).await;
    world.set(2, FlagSet::ANSWERED).await;
    let script = format!(
        "{}
        C: x STORE 2 +FLAGS (\\Answered)
        S: * OK [READ-ONLY] lost the lock
        S: * 2 FETCH (FLAGS (\\Answered))
        S: x OK
        LOOK 2 (\\Answered)",
        opened(&["", ""])
    );
    world.loses_numbers(&script).await;
    assert_eq!(world.journal().await.len(), 2);
}

#[tokio::test]
async fn flags_that_are_not_permanent_are_not_sent() {
    let world = World::holding(1).await;
    let both = FlagSet::FLAGGED.union(FlagSet::ANSWERED);
    world.set(1, both).await;
    let permanent = "S: * OK [PERMANENTFLAGS (\\Answered \\Deleted)] the others are forgotten";
    let script = format!(
        "{}
        C: x STORE 1 +FLAGS (\\Answered)
        S: x OK
        LOOK 1 (\\Answered)
        CHECK",
        opened(&[""]).replace("S: * 1 EXISTS", &format!("S: * 1 EXISTS\n{permanent}"))
    );
    world.passes(&script).await;
    let left = world.journal().await;
    assert!(left[0].trouble.contains("\\Flagged"), "{left:?}");
}

#[tokio::test]
async fn a_mailbox_without_permanent_flags_is_left_alone() {
    let world = World::holding(1).await;
    world.set(1, FlagSet::FLAGGED).await;
    let permanent = "S: * OK [PERMANENTFLAGS ()] nothing is kept";
    let script = opened(&[""]).replace("S: * 1 EXISTS", &format!("S: * 1 EXISTS\n{permanent}"));
    world.passes(&script).await;
    assert_eq!(world.journal().await.len(), 1);
}

#[tokio::test]
async fn a_keyword_that_the_server_has_not_named_is_not_sent() {
    let world = World::holding(1).await;
    let names = vec!["Harbour".parse().unwrap()];
    let keywords = world.store.define_keywords(world.inbox, names.clone());
    let harbour = keywords.await.unwrap().lookup(&names[0]).unwrap();
    world.set(1, harbour).await;
    let script = format!(
        "{}
        LOOK 1 ()
        CHECK",
        opened(&[""])
    );
    world.passes(&script).await;
    let left = world.journal().await;
    assert!(left[0].trouble.contains("Harbour"), "{left:?}");

    let script = format!(
        "{}
        C: x STORE 1 +FLAGS (Harbour)
        S: x OK
        LOOK 1 (Harbour)
        CHECK",
        opened(&[""]).replace("\\Seen)", "\\Seen Harbour)")
    );
    world.passes_and_proves(&script, &["Harbour"]).await;
    assert_eq!(world.journal().await, []);
}

#[tokio::test]
async fn flags_travel_as_changes_and_never_as_replacements() {
    let world = World::holding(1).await;
    let delta = FlagDelta {
        add: FlagSet::FLAGGED,
        remove: FlagSet::SEEN,
    };
    world.passes(&opened(&["\\Seen Harbour"])).await;
    world.wish(1, Action::Flags(delta)).await;
    let script = format!(
        "{}
        C: x STORE 1 +FLAGS (\\Flagged)
        S: x OK
        C: x STORE 1 -FLAGS (\\Seen)
        S: x OK
        LOOK 1 (\\Flagged Harbour)
        CHECK",
        opened(&["\\Seen Harbour"])
    );
    world
        .passes_and_proves(&script, &["\\Flagged Harbour"])
        .await;
    assert_eq!(world.journal().await, []);
}

#[tokio::test]
async fn a_deleted_mark_removes_nothing_when_the_mailbox_is_left() {
    let world = World::holding(1).await;
    world.set(1, FlagSet::DELETED).await;
    let script = format!(
        "{}
        C: x STORE 1 +FLAGS (\\Deleted)
        S: x OK
        LOOK 1 (\\Deleted)
        CHECK",
        opened(&[""])
    );
    world.passes_and_proves(&script, &["\\Deleted"]).await;
    assert_eq!(world.base().await, [FlagSet::DELETED]);
}

/// Letter 2 of 3 is marked and found marked; `found` is what the server finds `\Deleted`.
fn marked(found: &str) -> String {
    format!(
        "{}
        C: x STORE 2 +FLAGS (\\Deleted)
        S: x OK
        LOOK 2 (\\Deleted)
        CHECK
        C: x SEARCH DELETED
        S: * SEARCH {found}
        S: x OK",
        opened(&["", "", ""])
    )
}

#[tokio::test]
async fn expunge_is_sent_when_exactly_our_messages_are_marked() {
    let world = World::holding(3).await;
    world.delete(2).await;
    let script = format!(
        "{}
        C: x EXPUNGE
        S: * 2 EXPUNGE
        S: x OK
        CHECK",
        marked("2")
    );
    let report = world.passes(&script).await;
    assert_eq!((report.counts.gone, world.journal().await.len()), (1, 0));
}

/// Letter 2 is gone, and another one of its date, size and header stands there: nobody has marked that one.
#[tokio::test]
async fn what_is_put_in_the_place_of_a_removed_letter_stays() {
    let world = World::holding(3).await;
    world.delete(2).await;
    let lost = format!(
        "{}
        C: x EXPUNGE
        S: * 2 EXPUNGE
        S: * 9 EXPUNGE
        S: x OK",
        marked("2")
    );
    world.loses_numbers(&lost).await;
    let report = world.passes(&opened(&["", "", ""])).await;
    assert_eq!(report.counts.conflicts, 1);
    assert_eq!(world.journal().await, []);
    let conflicts = world.store.conflicts().await.unwrap();
    assert_eq!(conflicts[0].kept, "kept, with ()");
    // Nothing is sent for it later either.
    world.passes(&opened(&["", "", ""])).await;
}

#[tokio::test]
async fn expunge_is_not_sent_when_it_would_take_somebody_elses_along() {
    let world = World::holding(3).await;
    world.delete(2).await;
    let script = format!("{}\nCHECK", marked("2 3"));
    world.passes(&script).await;
    assert_eq!(world.base().await.len(), 3);
    assert!(!world.journal().await.is_empty());
}

#[tokio::test]
async fn an_ok_to_expunge_removes_nothing_that_is_still_shown() {
    let world = World::holding(3).await;
    world.delete(2).await;
    let script = format!(
        "{}
        C: x EXPUNGE
        S: x OK ignored
        LOOK 2 (\\Deleted)
        CHECK",
        marked("2")
    );
    world.passes(&script).await;
    assert_eq!(world.base().await.len(), 3);
    assert!(!world.journal().await.is_empty());
}

/// The copy of a letter; `seen` is what the source shows of it afterwards.
fn copied(letter: usize, seen: &str) -> String {
    format!(
        "C: x COPY {letter} notes
        S: * {letter} COPY
        S: x OK
        LOOK {letter} ({seen})"
    )
}

fn unmarked(letter: usize) -> String {
    format!(
        "C: x STORE {letter} -FLAGS (\\Seen)
        S: x OK
        LOOK {letter} ()
        CHECK"
    )
}

#[tokio::test]
async fn letters_are_copied_in_order_and_what_copying_marked_is_unmarked() {
    let world = World::holding(3).await;
    world.copy(2, "notes").await;
    world.copy(1, "notes").await;
    let script = format!(
        "C: x SELECT notes
        S: * 0 EXISTS
        S: x OK
        {}
        {}
        {}
        {}
        {}
        CHECK",
        opened(&["", "", ""]),
        copied(2, "\\Seen"),
        unmarked(2),
        header_read(1, 1),
        // The second was not marked, so nothing is taken off: whoever reads it now has read it.
        copied(1, "")
    );
    assert!(world.passes(&script).await.unproven);
    assert_eq!(world.base().await, [FlagSet::EMPTY; 3]);
}

/// The server does not show what came of STORE and COPY: nothing is sent that would take off what was read before.
#[tokio::test]
async fn what_was_read_before_a_copy_is_not_unmarked_after_it() {
    for read_by_user in [false, true] {
        let world = World::holding(1).await;
        let (shown, stored) = if read_by_user {
            world.set(1, FlagSet::SEEN).await;
            let stored = "C: x STORE 1 +FLAGS (\\Seen)\nS: x OK\nC: x FETCH 1 FLAGS\nS: x OK\n";
            ("", stored)
        } else {
            ("\\Seen", "")
        };
        world.copy(1, "notes").await;
        world.copy(1, "notes").await;
        let silent = "C: x COPY 1 notes\nS: x OK\nC: x FETCH 1 FLAGS\nS: x OK\n";
        let script = format!(
            "C: x SELECT notes
            S: * 0 EXISTS
            S: x OK
            {}
            {stored}{silent}{}
            CHECK",
            opened(&[shown]),
            copied(1, "\\Seen")
        );
        world.passes(&script).await;
        let waiting = world.journal().await.len();
        assert_eq!(waiting, 2 + usize::from(read_by_user));
    }
}

#[tokio::test]
async fn nothing_is_copied_to_a_mailbox_that_is_not_there() {
    let world = World::holding(1).await;
    world.copy(1, "archive").await;
    let script = format!(
        "C: x SELECT archive
        S: x NO no such mailbox
        {LISTED}
        {}",
        opened(&[""])
    );
    world.passes(&script).await;
    let left = world.journal().await;
    assert_eq!(left[0].state, EntryState::Parked(ParkReason::NoDestination));
}

#[tokio::test]
async fn a_letter_that_another_took_the_place_of_is_found_out_at_the_second_try() {
    let world = World::holding(3).await;
    world.delete(1).await;
    let other = "S: * 1 FETCH (RFC822.HEADER «Subject: another of that size¶¶»)";
    let first = format!(
        "{}
        C: x FETCH 1 RFC822.HEADER
        {other}
        S: x OK",
        opened(&["", "", ""])
    );
    world.loses_numbers(&first).await;
    // Its header is read before anything is decided; the others stand behind a stranger now, and come anew.
    let second = format!(
        "{first}
        C: x FETCH 1:3 RFC822.HEADER
        {other}
        {}
        {}
        S: x OK",
        headed(2, 2),
        headed(3, 3)
    );
    let options = PassOptions {
        closely: true,
        ..OPTIONS
    };
    let report = world.tries_with(&second, &options).await.unwrap();
    assert_eq!((report.counts.gone, report.counts.arrived), (3, 3));
    assert_eq!(world.journal().await, []);
}
