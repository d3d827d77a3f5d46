//! Headers and texts, and what reading them marks.

use lowtide::protocol::types::{FlagDelta, FlagSet};

use super::world::{World, headed, opened, shown};

#[tokio::test]
async fn a_letter_that_reading_marked_as_read_is_unread_again() {
    for told in [
        "S: * 1 FETCH (RFC822 «Subject: letter 1¶¶ebb» FLAGS (\\Seen))",
        "S: * 1 FETCH (FLAGS (\\Seen) RFC822 «Subject: letter 1¶¶ebb»)",
        "S: * 1 FETCH (RFC822 «Subject: letter 1¶¶ebb»)\nS: * 1 FETCH (FLAGS (\\Seen))",
        "S: * 1 FETCH (RFC822 «Subject: letter 1¶¶ebb»)",
    ] {
        let world = World::holding(1).await;
        let script = format!(
            "{}
            C: x FETCH 1 RFC822
            {told}
            S: x OK
            C: x STORE 1 -FLAGS (\\Seen)
            S: * 1 FETCH (FLAGS ())
            S: x OK
            LOOK 1 ()
            CHECK",
            opened(&[""])
        );
        let report = world.holds_everything(&script).await.unwrap();
        assert_eq!(report.counts.bodies, 1);
        assert_eq!(world.base().await, [FlagSet::EMPTY]);
        assert_eq!(world.store.stray_notes(world.inbox).await.unwrap(), []);
    }
}

#[tokio::test]
async fn a_mark_that_could_not_be_taken_off_is_taken_off_by_the_next_pass() {
    let world = World::holding(1).await;
    let script = format!(
        "{}
        C: x FETCH 1 RFC822
        S: * 1 FETCH (RFC822 «Subject: letter 1¶¶ebb» FLAGS (\\Seen))
        HANG UP",
        opened(&[""])
    );
    assert!(world.holds_everything(&script).await.is_err());
    let script = format!(
        "{}
        C: x STORE 1 -FLAGS (\\Seen)
        S: x OK
        LOOK 1 ()
        CHECK",
        opened(&["\\Seen"])
    );
    world.passes(&script).await;
    assert_eq!(world.base().await, [FlagSet::EMPTY]);
}

/// A mailbox that is open for reading only, or a server that lets nothing be taken off: nobody here is told of the mark.
#[tokio::test]
async fn a_mark_that_cannot_be_taken_off_is_not_shown_to_anybody() {
    let world = World::holding(2).await;
    let first = world.letters[0];
    let noted = vec![(first, FlagDelta::UNREAD)];
    world.store.note_strays(world.inbox, noted).await.unwrap();
    let shown = opened(&["\\Seen", "\\Seen"]);
    let only_read = shown.replace("OK opened", "OK [READ-ONLY] opened");
    let refused = format!(
        "{shown}
        C: x STORE 1 -FLAGS (\\Seen)
        S: x NO not here
        LOOK 1 (\\Seen)
        CHECK"
    );
    for script in [only_read.clone(), refused] {
        world.passes(&script).await;
        assert_eq!(world.base().await, [FlagSet::EMPTY, FlagSet::SEEN]);
    }
    // The user reads it.
    world.set(1, FlagSet::SEEN).await;
    world.passes(&only_read).await;
    assert_eq!(world.journal().await, []);
    assert_eq!(world.store.stray_notes(world.inbox).await.unwrap(), []);
    world.passes(&only_read).await;
    assert_eq!(world.base().await, [FlagSet::SEEN, FlagSet::SEEN]);
}

#[tokio::test]
async fn a_mark_is_taken_off_though_the_reading_failed() {
    let world = World::holding(1).await;
    let script = format!(
        "{}
        C: x FETCH 1 RFC822
        S: * 1 FETCH (FLAGS (\\Seen))
        S: x BAD the disk creaks
        C: x STORE 1 -FLAGS (\\Seen)
        S: * 1 FETCH (FLAGS ())
        S: x OK
        LOOK 1 ()
        CHECK",
        opened(&[""])
    );
    let failed = world.holds_everything(&script).await.unwrap_err();
    assert!(failed.to_string().contains("the disk creaks"), "{failed}");
    assert_eq!(world.store.stray_notes(world.inbox).await.unwrap(), []);
}

#[tokio::test]
async fn a_letter_that_was_read_before_stays_so() {
    let world = World::holding(1).await;
    let script = format!(
        "{}
        C: x FETCH 1 RFC822
        S: * 1 FETCH (RFC822 «Subject: letter 1¶¶ebb»)
        S: x OK",
        opened(&["\\Seen"])
    );
    world.holds_everything(&script).await.unwrap();
    assert_eq!(world.base().await, [FlagSet::SEEN]);
}

#[tokio::test]
async fn headers_are_read_without_a_care_and_envelopes_are_made_here() {
    let world = World::holding(0).await;
    let script = format!(
        "C: x SELECT INBOX
        S: * 1 EXISTS
        S: x OK
        C: x FETCH 1 FAST
        {}
        S: x OK
        C: x FETCH 1 RFC822.HEADER
        S: * 1 FETCH (RFC822.HEADER «From: Ada <ada@tide.example>¶Subject: ebb¶¶»)
        S: x OK",
        shown(1, 1, "")
    );
    world.passes(&script).await;
    let input = world.store.pass_input(world.inbox).await.unwrap();
    let id = input.base.messages[0].id;
    let envelopes = world.store.envelopes(vec![id]).await.unwrap();
    let envelope = String::from_utf8(envelopes[0].clone().unwrap()).unwrap();
    let ada = r#"((Ada NIL ada tide.example))"#;
    let plain = envelope.replace('"', "");
    assert_eq!(plain.matches(ada).count(), 3, "{envelope}");
}

#[tokio::test]
async fn a_header_that_comes_unasked_for_another_letter_is_that_letters() {
    let world = World::holding(3).await;
    world.set(1, FlagSet::DELETED).await;
    let script = format!(
        "{}
        C: x FETCH 1 RFC822.HEADER
        {}
        {}
        S: x OK
        C: x STORE 1 +FLAGS (\\Deleted)
        S: x OK
        LOOK 1 (\\Deleted)
        CHECK",
        opened(&["", "", ""]),
        headed(2, 2),
        headed(1, 1)
    );
    let shown = ["\\Deleted", "", ""];
    world.passes_and_proves(&script, &shown).await;
    let unmarked = FlagSet::EMPTY;
    assert_eq!(world.base().await, [FlagSet::DELETED, unmarked, unmarked]);
}

#[tokio::test]
async fn who_reads_a_letter_while_our_mark_is_taken_off_keeps_it_read() {
    let world = World::holding(1).await;
    let script = format!(
        "{}
        C: x FETCH 1 RFC822
        S: * 1 FETCH (FLAGS (\\Seen) RFC822 «Subject: letter 1¶¶ebb»)
        S: x OK
        C: x STORE 1 -FLAGS (\\Seen)
        S: * 1 FETCH (FLAGS ())
        S: x OK
        LOOK 1 (\\Seen)
        CHECK",
        opened(&[""])
    );
    world.holds_everything(&script).await.unwrap();
    assert_eq!(world.store.stray_notes(world.inbox).await.unwrap(), []);
    // The next pass leaves the mark alone.
    let script = opened(&["\\Seen"]);
    world.holds_everything(&script).await.unwrap();
    assert_eq!(world.base().await, [FlagSet::SEEN]);
}

#[tokio::test]
async fn a_header_that_was_only_looked_at_is_read_all_the_same() {
    let world = World::holding(1).await;
    // Letter 2 came; its header told that it is not letter 1, and then the line broke.
    let looked = format!(
        "C: x SELECT INBOX
        S: * 2 EXISTS
        S: x OK
        C: x FETCH 1:2 FAST
        {}
        {}
        S: x OK
        C: x FETCH 1 RFC822.HEADER
        S: * 1 FETCH (RFC822.HEADER «Subject: something else¶¶»)
        S: x OK
        C: x FETCH 2 RFC822.HEADER
        {}
        S: x OK
        C: x FETCH 1:2 RFC822.HEADER
        HANG UP",
        shown(1, 1, ""),
        shown(2, 1, ""),
        headed(2, 1),
    );
    world.tries(&looked).await.unwrap_err();
    let input = world.store.pass_input(world.inbox).await.unwrap();
    assert!(input.base.messages[0].mark.header.is_some());
    let missing = world.store.without_header(world.inbox).await.unwrap();
    assert_eq!(missing.len(), 2);
}
