//! Below IMAP4 a message may be removed while a command speaks of numbers: what it did to the wrong one is taken back.

use lowtide::journal::Action;
use lowtide::mirror::ConflictKind;
use lowtide::protocol::types::{Flag, FlagDelta, FlagSet};
use lowtide::store::{NamedAction, Undone};

use super::world::{
    FIRST_FLAGGED, NOTES_ARE_EMPTY, World, headed, header_read, last_headers_read, opened, shown,
};

/// The pass shows `script` after the listing and ends because numbers moved.
async fn moves(world: &World, flags: &[&str], script: &str) {
    let script = format!("{}{script}", opened(flags));
    world.loses_numbers(&script).await;
    assert!(!world.journal().await.is_empty());
}

#[tokio::test]
async fn a_flag_on_the_message_behind_is_taken_off() {
    let world = World::holding(4).await;
    world.set(2, FlagSet::FLAGGED).await;
    let script = "
        C: x STORE 2 +FLAGS (\\Flagged)
        S: * 1 EXPUNGE
        S: * 2 FETCH (FLAGS (\\Flagged))
        S: x OK
        LOOK 2 (\\Flagged)
        C: x STORE 2 -FLAGS (\\Flagged)
        S: * 2 FETCH (FLAGS ())
        S: x OK
        LOOK 2 ()
        CHECK";
    moves(&world, &["", "", "", ""], script).await;
}

#[tokio::test]
async fn a_flag_that_stands_on_the_right_message_stays() {
    let world = World::holding(4).await;
    world.set(2, FlagSet::FLAGGED).await;
    let script = "
        C: x STORE 2 +FLAGS (\\Flagged)
        S: * 2 FETCH (FLAGS (\\Flagged))
        S: * 1 EXPUNGE
        S: x OK
        LOOK 2 ()";
    moves(&world, &["", "", "", ""], script).await;
}

#[tokio::test]
async fn a_flag_that_the_message_behind_had_before_stays() {
    let world = World::holding(3).await;
    world.passes(&opened(&["", "", "\\Flagged"])).await;
    world.set(2, FlagSet::FLAGGED).await;
    let script = "
        C: x STORE 2 +FLAGS (\\Flagged)
        S: * 1 EXPUNGE
        S: x OK
        LOOK 2 (\\Flagged)";
    moves(&world, &["", "", "\\Flagged"], script).await;
}

/// The server does not repeat what it has just told.
#[tokio::test]
async fn a_flag_that_was_told_before_it_was_asked_for_stays() {
    let world = World::holding(4).await;
    world.set(2, FlagSet::ANSWERED).await;
    world.set(1, FlagSet::FLAGGED).await;
    let script = "
        C: x STORE 2 +FLAGS (\\Answered)
        S: * 2 FETCH (FLAGS (\\Answered \\Flagged))
        S: x OK
        C: x FETCH 2 FLAGS
        S: x OK
        C: x STORE 1 +FLAGS (\\Flagged)
        S: * 1 EXPUNGE
        S: x OK
        LOOK 1 (\\Answered \\Flagged)";
    moves(&world, &["", "", "", ""], script).await;
}

#[tokio::test]
async fn a_deleted_mark_on_a_message_that_only_just_arrived_is_taken_off() {
    let world = World::holding(2).await;
    world.set(2, FlagSet::DELETED).await;
    let script = "
        C: x STORE 2 +FLAGS (\\Deleted)
        S: * 1 EXPUNGE
        S: * 2 EXISTS
        S: x OK
        LOOK 2 (\\Deleted)
        C: x STORE 2 -FLAGS (\\Deleted)
        S: x OK
        LOOK 2 ()
        CHECK";
    moves(&world, &["", ""], script).await;
}

#[tokio::test]
async fn a_flag_that_was_taken_off_the_wrong_message_is_set_again() {
    let world = World::holding(3).await;
    world.passes(&opened(&["\\Seen", "\\Seen", "\\Seen"])).await;
    let remove = FlagSet::SEEN;
    let add = FlagSet::EMPTY;
    let unread = Action::Flags(FlagDelta { add, remove });
    world.wish(2, unread).await;
    let script = "
        C: x STORE 2 -FLAGS (\\Seen)
        S: * 1 EXPUNGE
        S: x OK
        LOOK 2 ()
        C: x STORE 2 +FLAGS (\\Seen)
        S: x OK
        LOOK 2 (\\Seen)
        CHECK";
    moves(&world, &["\\Seen", "\\Seen", "\\Seen"], script).await;
}

#[tokio::test]
async fn a_change_back_that_goes_astray_is_taken_back_too() {
    let world = World::holding(4).await;
    world.passes(&opened(&["", "", "", "\\Flagged"])).await;
    world.set(2, FlagSet::FLAGGED).await;
    let script = "
        C: x STORE 2 +FLAGS (\\Flagged)
        S: * 1 EXPUNGE
        S: x OK
        LOOK 2 (\\Flagged)
        C: x STORE 2 -FLAGS (\\Flagged)
        S: * 1 EXPUNGE
        S: x OK
        C: x FETCH 1:2 FLAGS
        S: * 1 FETCH (FLAGS (\\Flagged))
        S: * 2 FETCH (FLAGS ())
        S: x OK
        C: x STORE 1 -FLAGS (\\Flagged)
        S: x OK
        C: x FETCH 1:2 FLAGS
        S: * 1 FETCH (FLAGS ())
        S: * 2 FETCH (FLAGS ())
        S: x OK
        C: x STORE 2 +FLAGS (\\Flagged)
        S: x OK
        LOOK 2 (\\Flagged)
        CHECK";
    moves(&world, &["", "", "", "\\Flagged"], script).await;
}

/// The line breaks, or the lock is lost, before the server has written down that it was taken back.
#[tokio::test]
async fn what_is_not_seen_to_be_taken_back_is_taken_back_by_the_next_pass() {
    let lost = "S: * OK [READ-ONLY] the lock is lost\nS: x OK\nLOOK 2 ()\nCHECK";
    let flags = [FlagSet::DELETED, FlagSet::ANSWERED];
    let flags = flags.into_iter().zip(["\\Deleted", "\\Answered"]);
    for ((flag, named), end) in flags.flat_map(|flag| [(flag, "HANG UP"), (flag, lost)]) {
        let world = World::holding(3).await;
        world.set(2, flag).await;
        let script = format!(
            "{}
            C: x STORE 2 +FLAGS ({named})
            S: * 1 EXPUNGE
            S: x OK
            LOOK 2 ({named})
            C: x STORE 2 -FLAGS ({named})
            {end}",
            opened(&["", "", ""])
        );
        assert!(world.tries(&script).await.is_err());
        let noted = world.store.stray_notes(world.inbox).await.unwrap();
        let noted: Vec<_> = noted.iter().map(|note| note.back.remove).collect();
        assert_eq!((noted, world.journal().await.len()), (vec![flag], 1));
        let look = |first, second| {
            format!(
                "C: x SELECT INBOX
                S: * 2 EXISTS
                S: x OK
                C: x FETCH 1:2 FAST
                {}
                {}
                S: x OK
                C: x FETCH 1:2 RFC822.HEADER
                {}
                {}
                S: x OK",
                shown(1, 2, first),
                shown(2, 3, second),
                headed(1, 2),
                headed(2, 3)
            )
        };
        // One visit puts it right, opens the mailbox anew, does what the user asked for and proves it.
        let visit = format!(
            "{}
            C: x STORE 2 -FLAGS ({named})
            S: x OK
            LOOK 2 ()
            CHECK
            {}
            C: x STORE 1 +FLAGS ({named})
            S: x OK
            LOOK 1 ({named})
            CHECK
            {}",
            look("", named),
            look("", ""),
            look(named, "")
        );
        world.is_visited(&visit).await;
        assert_eq!(world.store.stray_notes(world.inbox).await.unwrap(), []);
        assert_eq!(world.base().await, [flag, FlagSet::EMPTY]);
        assert_eq!(world.journal().await, []);
    }
}

/// Letter 2 of four is flagged, the first is gone, `script` follows, and the line breaks: what takes it off letter 3 is noted.
async fn is_noted_of_the_one_behind(script: &str) {
    let world = World::holding(4).await;
    world.set(2, FlagSet::FLAGGED).await;
    let script = format!(
        "{}
        C: x STORE 2 +FLAGS (\\Flagged)
        S: * 1 EXPUNGE
        {script}
        HANG UP",
        opened(&["", "", "", ""])
    );
    world.tries(&script).await.unwrap_err();
    let noted = world.store.stray_notes(world.inbox).await.unwrap();
    let noted: Vec<_> = noted.iter().map(|note| (note.message, note.back)).collect();
    let back = FlagDelta {
        remove: FlagSet::FLAGGED,
        ..FlagDelta::NONE
    };
    assert_eq!(noted, [(world.letters[2], back)]);
}

/// The line breaks before anything is shown of the message that may have been hit, or while the suspects are looked at.
#[tokio::test]
async fn what_may_have_gone_astray_on_a_broken_line_is_noted() {
    is_noted_of_the_one_behind("").await;
    let hit = "S: x OK
        C: x FETCH 2 FLAGS
        S: * 2 FETCH (FLAGS (\\Flagged))";
    is_noted_of_the_one_behind(hit).await;
}

/// The line breaks before anybody has said that a message is gone: whoever changed the one behind, it is told, and undone if
/// the user says so.
#[tokio::test]
async fn what_may_have_gone_astray_before_a_removal_was_told_is_put_on_record() {
    let world = World::holding(4).await;
    world.set(2, FlagSet::FLAGGED).await;
    let script = format!(
        "{}
        C: x STORE 2 +FLAGS (\\Flagged)
        HANG UP",
        opened(&["", "", "", ""])
    );
    world.tries(&script).await.unwrap_err();
    let of = [("", 2), ("\\Seen \\Flagged", 3), ("", 4)];
    let lines = (1..)
        .zip(of)
        .map(|(seq, (flags, letter))| shown(seq, letter, flags));
    let listed = format!(
        "C: x SELECT INBOX
        S: * FLAGS (\\Answered \\Flagged \\Deleted \\Seen)
        S: * 3 EXISTS
        S: x OK opened
        C: x FETCH 1:3 FAST
        {}
        S: x OK
        C: x FETCH 2:3 RFC822.HEADER
        {}
        {}
        S: x OK",
        lines.collect::<Vec<_>>().join("\n"),
        headed(2, 3),
        headed(3, 4)
    );
    // It is told, and on record, before anything else is sent.
    let told = world.passes(&listed).await;
    assert_eq!((told.counts.conflicts, told.put_off), (1, true));
    let conflicts = world.store.conflicts().await.unwrap();
    let [conflict] = conflicts.as_slice() else {
        panic!("{conflicts:?}");
    };
    assert_eq!(conflict.kind, ConflictKind::ChangedThereLikeAnother);
    assert_eq!(conflict.message, world.letters[2]);
    let sides = (conflict.seen.as_str(), conflict.there.as_str());
    assert_eq!(sides, ("(\\Seen)", "(\\Seen \\Flagged)"));
    let undone = world.store.undo_conflict(conflict.id).await.unwrap();
    assert_eq!(undone, Undone::Asked);
    let journal = world.journal().await;
    let asked = journal
        .iter()
        .find(|entry| entry.message == world.letters[2]);
    let taken_off = NamedAction::Flags {
        add: Vec::new(),
        remove: vec![Flag::Flagged],
    };
    assert_eq!(asked.unwrap().action, taken_off);
}

/// What somebody marks after it was seen not to have been hit is theirs.
#[tokio::test]
async fn what_others_mark_beside_a_change_that_went_astray_stays() {
    let world = World::holding(4).await;
    world.set(2, FlagSet::FLAGGED).await;
    let script = "
        C: x STORE 2 +FLAGS (\\Flagged)
        S: * 1 EXPUNGE
        S: * 1 EXPUNGE
        S: x OK
        C: x FETCH 1:2 FLAGS
        S: * 1 FETCH (FLAGS ())
        S: * 2 FETCH (FLAGS (\\Flagged))
        S: * 1 FETCH (FLAGS (\\Flagged))
        S: x OK
        C: x STORE 2 -FLAGS (\\Flagged)
        S: x OK
        LOOK 2 ()
        CHECK";
    moves(&world, &["", "", "", ""], script).await;
}

#[tokio::test]
async fn numbers_that_move_while_the_suspects_are_looked_at_are_looked_at_again() {
    let world = World::holding(4).await;
    world.set(3, FlagSet::FLAGGED).await;
    let script = "
        C: x STORE 3 +FLAGS (\\Flagged)
        S: * 1 EXPUNGE
        S: x OK
        C: x FETCH 3 FLAGS
        S: * 1 EXPUNGE
        S: x OK
        LOOK 2 ()";
    moves(&world, &["", "", "", ""], script).await;
}

#[tokio::test]
async fn a_letter_that_was_marked_as_read_by_a_copy_of_another_is_unread_again() {
    let world = World::holding(3).await;
    world.copy(2, "notes").await;
    let script = format!(
        "{NOTES_ARE_EMPTY}{}
        C: x COPY 2 notes
        S: * 1 EXPUNGE
        S: * 2 FETCH (FLAGS (\\Seen))
        S: x OK
        LOOK 2 (\\Seen)
        C: x STORE 2 -FLAGS (\\Seen)
        S: x OK
        LOOK 2 ()
        CHECK",
        opened(&["", "", ""])
    );
    world.loses_numbers(&script).await;
    let noted = world.store.stray_notes(world.inbox).await.unwrap();
    assert_eq!(
        noted.len(),
        1,
        "the letter that was meant is seen to by the next pass"
    );
}

/// What our reading has marked, the user has read meanwhile.
#[tokio::test]
async fn what_the_user_asked_for_is_not_put_right() {
    let world = World::holding(2).await;
    let unread = vec![(world.letters[1], FlagDelta::UNREAD)];
    world.store.note_strays(world.inbox, unread).await.unwrap();
    world.set(2, FlagSet::SEEN).await;
    world.set(2, FlagSet::FLAGGED).await;
    let visit = format!(
        "{}
        C: x STORE 2 +FLAGS (\\Flagged)
        S: x OK
        LOOK 2 (\\Seen \\Flagged)
        CHECK
        {}",
        opened(&["", "\\Seen"]),
        opened(&["", "\\Seen \\Flagged"])
    );
    world.is_visited(&visit).await;
    assert_eq!(world.journal().await, []);
    assert_eq!(world.store.stray_notes(world.inbox).await.unwrap(), []);
    let both = FlagSet::SEEN.union(FlagSet::FLAGGED);
    assert_eq!(world.base().await, [FlagSet::EMPTY, both]);
}

/// A mark that only we may have set there is the user's as well.
#[tokio::test]
async fn what_the_user_removes_is_not_undeleted_first() {
    let world = World::holding(3).await;
    let back = FlagDelta {
        remove: FlagSet::DELETED,
        ..FlagDelta::NONE
    };
    let stray = vec![(world.letters[1], back)];
    world.store.note_strays(world.inbox, stray).await.unwrap();
    world.delete(2).await;
    let script = format!(
        "{}
        CHECK
        C: x SEARCH DELETED
        S: * SEARCH 2
        S: x OK
        C: x EXPUNGE
        S: * 2 EXPUNGE
        S: x OK
        CHECK",
        opened(&["", "\\Deleted", ""])
    );
    world.passes(&script).await;
    assert_eq!(world.journal().await, []);
    assert_eq!(world.store.conflicts().await.unwrap(), []);
}

/// An earlier note was seen to be needless; this one is not.
#[tokio::test]
async fn what_a_copy_marked_stays_noted_until_it_is_taken_off() {
    let world = World::holding(2).await;
    let unread = vec![(world.letters[1], FlagDelta::UNREAD)];
    world.store.note_strays(world.inbox, unread).await.unwrap();
    world.copy(2, "notes").await;
    let script = format!(
        "{NOTES_ARE_EMPTY}{}
        C: x COPY 2 notes
        S: x OK
        LOOK 2 (\\Seen)
        C: x STORE 2 -FLAGS (\\Seen)
        S: x OK
        LOOK 2 (\\Seen)
        CHECK
        CHECK",
        opened(&["", ""])
    );
    world.passes(&script).await;
    let noted = world.store.stray_notes(world.inbox).await.unwrap();
    let noted: Vec<_> = noted.iter().map(|note| (note.message, note.back)).collect();
    assert_eq!(noted, [(world.letters[1], FlagDelta::UNREAD)]);
}

#[tokio::test]
async fn a_letter_that_arrived_while_others_were_read_stays_unread() {
    let world = World::holding(2).await;
    let script = format!(
        "{}
        C: x FETCH 1:2 RFC822
        S: * 1 EXPUNGE
        S: * 2 EXISTS
        S: * 1 FETCH (RFC822 «Subject: letter 2¶¶ebb» FLAGS (\\Seen))
        S: * 2 FETCH (RFC822 «Subject: letter 3¶¶flow» FLAGS (\\Seen))
        S: x OK
        LOOK 2 (\\Seen)
        C: x STORE 2 -FLAGS (\\Seen)
        S: x OK
        LOOK 2 ()
        CHECK
        C: x STORE 1 -FLAGS (\\Seen)
        S: x OK
        LOOK 1 ()
        CHECK",
        opened(&["", ""])
    );
    let report = world.holds_everything(&script).await.unwrap();
    assert_eq!(report.counts.bodies, 1);
    assert_eq!(world.store.stray_notes(world.inbox).await.unwrap(), []);
}

/// What the user asked for is not put off for ever.
#[tokio::test]
async fn where_letters_come_at_every_look_numbers_are_spoken_of_at_every_second_one() {
    let world = World::holding(1).await;
    world.set(1, FlagSet::FLAGGED).await;
    // Only the first header is known to be compared.
    let comes = |flags: &[&str]| {
        let last = last_headers_read(flags.len());
        opened(flags).replace(&last, &header_read(1, 1))
    };
    let script = format!(
        "{}
        {}
        {FIRST_FLAGGED}
        {}
        {}",
        comes(&["", ""]),
        comes(&["", "", ""]),
        comes(&["\\Flagged", "", ""]),
        last_headers_read(3),
    );
    world.is_visited(&script).await;
    assert_eq!(world.journal().await, []);
}
