//! What is known beside the actions: what was decided, what is held, what may have been read by us, and how much waits.

use super::{Account, DELETED, FLAGGED, NONE, SEEN, adding, expunging, mark, name};
use crate::clock;
use crate::journal::{Action, HeaderHash, NewEntry, ParkReason};
use crate::mirror::{Conflict, ConflictKind, Halt, MessageState, RemoteState, Settlement};
use crate::protocol::types::{Flag, FlagDelta, FlagSet};
use crate::store::{Backlog, FileKind, Hold, StrayNote, Undone};

#[tokio::test]
async fn the_backlog_says_what_waits_what_is_set_aside_and_where_copies_go() {
    let account = Account::with(2).await;
    let [one, two] = account.messages[..] else {
        panic!("two")
    };
    let copy = |message, to: &str| NewEntry {
        message,
        action: Action::Copy { to: name(to) },
    };
    assert!(account.store().backlog().await.unwrap().is_empty());
    let wishes = vec![
        adding(one, SEEN),
        copy(one, "archive"),
        copy(two, "archive"),
        copy(two, "notes"),
    ];
    account.accept(wishes).await;
    let ids = account.entries().await;
    let settlement = Settlement {
        parked: vec![(ids[3], ParkReason::NoReceipt)],
        ..Settlement::default()
    };
    account.record(settlement).await;
    let expected = Backlog {
        pending_count: 3,
        parked_count: 1,
    };
    let backlog = account.store().backlog().await.unwrap();
    assert_eq!(
        backlog.into_iter().collect::<Vec<_>>(),
        [(name("INBOX"), expected)]
    );
    let routes = account.store().routes_of_copies().await.unwrap();
    let routes: Vec<_> = routes.into_iter().collect();
    assert_eq!(routes, [(name("INBOX"), name("archive"))]);
}

#[tokio::test]
async fn conflicts_are_kept_with_what_was_wished() {
    let mut account = Account::with(1).await;
    let one = account.messages[0];
    account
        .accept(vec![adding(one, DELETED), expunging(one)])
        .await;
    decided(&account, ConflictKind::DeletedHereMarkedThere, FLAGGED).await;
    account.reopen().await;
    assert_eq!(account.view().await, [(one, FLAGGED)]);
    let conflicts = account.store().conflicts().await.unwrap();
    assert_eq!(conflicts.len(), 1);
    assert_eq!(conflicts[0].wished, "+\\Deleted, expunge");
    assert_eq!(conflicts[0].kept, "kept, with (\\Flagged)");
    assert_eq!(conflicts[0].kind, ConflictKind::DeletedHereMarkedThere);
    assert_eq!(conflicts[0].seen, "(\\Seen)");
    assert_eq!(conflicts[0].there, "(\\Flagged)");
    assert!(conflicts[0].removes && conflicts[0].undone_at.is_none());
}

/// A decision on the first of one message, that came to `flags`.
async fn decided(account: &Account, kind: ConflictKind, flags: FlagSet) {
    let one = account.messages[0];
    let ids = account.entries().await;
    let conflict = Conflict {
        message: one,
        kind,
        saw: SEEN,
        there: RemoteState::Present(flags),
        kept: MessageState::Present(flags),
        entries: ids.clone(),
    };
    let settlement = Settlement {
        flags: vec![(one, flags)],
        retired: ids,
        conflicts: vec![conflict],
        ..Settlement::default()
    };
    account.record(settlement).await;
}

#[tokio::test]
async fn a_deletion_that_was_decided_against_is_asked_for_once_more() {
    let mut account = Account::with(1).await;
    let one = account.messages[0];
    account
        .accept(vec![adding(one, DELETED), expunging(one)])
        .await;
    decided(&account, ConflictKind::DeletedHereMarkedThere, FLAGGED).await;
    account.reopen().await;
    let store = account.store();
    assert_eq!(store.undo_conflict(99).await.unwrap(), Undone::NoConflict);
    assert_eq!(store.undo_conflict(1).await.unwrap(), Undone::Asked);
    assert_eq!(store.undo_conflict(1).await.unwrap(), Undone::NoConflict);
    assert_eq!(account.view().await, [], "it is gone here at once");
    let entries = store.entries().await.unwrap();
    assert_eq!(entries.len(), 2);
    assert_eq!(entries[0].flags_before, [Flag::Flagged]);
    assert!(store.conflicts().await.unwrap()[0].undone_at.is_some());
}

#[tokio::test]
async fn a_mark_of_others_that_the_user_was_told_of_is_taken_off() {
    let account = Account::with(1).await;
    let one = account.messages[0];
    account.accept(vec![adding(one, FLAGGED)]).await;
    let both = FLAGGED.union(DELETED);
    decided(&account, ConflictKind::MarkedHereDeletedThere, both).await;
    let store = account.store();
    assert_eq!(store.undo_conflict(1).await.unwrap(), Undone::Asked);
    assert_eq!(account.view().await, [(one, FLAGGED)]);
}

/// A mail client shows it and would remove it.
#[tokio::test]
async fn what_a_mistake_may_have_marked_is_not_removed_before_the_user_marks_it() {
    let mut account = Account::with(2).await;
    let (one, other) = (account.messages[0], account.messages[1]);
    let marked = SEEN.union(DELETED);
    decided(&account, ConflictKind::ChangedThereLikeAnother, marked).await;
    account.accept(vec![adding(other, DELETED)]).await;
    account.reopen().await;
    let accept = |wishes| account.store().accept(account.inbox, wishes);
    let both = vec![expunging(one), expunging(other)];
    let accepted = accept(both).await.unwrap();
    assert_eq!((accepted.accepted_count, accepted.left_out_count), (1, 1));
    assert_eq!(account.view().await, [(one, marked)]);
    // The user marks it too, which changes nothing.
    let agreed = accept(vec![adding(one, DELETED)]).await.unwrap();
    assert_eq!((agreed.accepted_count, agreed.left_out_count), (0, 0));
    account.reopen().await;
    assert!(
        account.store().conflicts().await.unwrap()[0]
            .agreed_at
            .is_some()
    );
    let accepted = account.store().accept(account.inbox, vec![expunging(one)]);
    assert_eq!(accepted.await.unwrap().accepted_count, 1);
    assert_eq!(account.view().await, []);
}

#[tokio::test]
async fn a_mistake_that_is_undone_removes_nothing_and_stands_in_the_way_of_nothing() {
    let account = Account::with(1).await;
    let one = account.messages[0];
    let marked = SEEN.union(DELETED);
    decided(&account, ConflictKind::ChangedThereLikeAnother, marked).await;
    let store = account.store();
    assert_eq!(store.undo_conflict(1).await.unwrap(), Undone::Asked);
    assert_eq!(account.view().await, [(one, SEEN)]);
    let accept = |wish| store.accept(account.inbox, vec![wish]);
    let accepted = accept(expunging(one)).await.unwrap();
    assert_eq!((accepted.accepted_count, accepted.left_out_count), (0, 0));
    accept(adding(one, DELETED)).await.unwrap();
    assert_eq!(accept(expunging(one)).await.unwrap().accepted_count, 1);
}

/// The message is in doubt, or the machine died before the base had learnt of it.
#[tokio::test]
async fn a_mistake_that_the_copy_does_not_show_can_be_undone_as_well() {
    let account = Account::with(1).await;
    let one = account.messages[0];
    let conflict = Conflict {
        message: one,
        kind: ConflictKind::ChangedThereLikeAnother,
        saw: NONE,
        there: RemoteState::Present(FLAGGED),
        kept: MessageState::Present(FLAGGED),
        entries: Vec::new(),
    };
    let settlement = Settlement {
        conflicts: vec![conflict],
        ..Settlement::default()
    };
    account.record(settlement).await;
    let store = account.store();
    assert_eq!(store.undo_conflict(1).await.unwrap(), Undone::Asked);
    let entries = store.entries().await.unwrap();
    assert_eq!(entries.len(), 1);
    assert_eq!(entries[0].flags_before, [Flag::Flagged]);
    assert_eq!(account.view().await, [(one, NONE)]);
}

#[tokio::test]
async fn nothing_is_asked_for_about_a_message_that_is_gone() {
    let account = Account::with(1).await;
    let one = account.messages[0];
    account.accept(vec![adding(one, FLAGGED)]).await;
    decided(&account, ConflictKind::ChangedHereDeletedThere, NONE).await;
    account
        .record(Settlement {
            gone: vec![one],
            ..Settlement::default()
        })
        .await;
    let store = account.store();
    assert_eq!(store.undo_conflict(1).await.unwrap(), Undone::MessageGone);
    assert!(store.conflicts().await.unwrap()[0].undone_at.is_none());
    assert_eq!(account.entries().await, []);
}

#[tokio::test]
async fn notes_of_strays_last_until_all_of_them_is_dropped() {
    let mut account = Account::with(2).await;
    let delta = |add, remove| FlagDelta { add, remove };
    let answered = delta(FlagSet::ANSWERED, FlagSet::EMPTY);
    let note = |index: usize, back: FlagDelta| StrayNote {
        message: account.messages[index],
        mark: mark(u8::try_from(index).unwrap() + 1),
        back,
    };
    let both = delta(FlagSet::ANSWERED, FlagSet::SEEN);
    let notes = [note(0, both), note(1, FlagDelta::UNREAD)];
    let [first, second] = [account.messages[0], account.messages[1]];
    let keyword = delta(
        FlagSet::EMPTY,
        FlagSet::keyword(0).unwrap().union(FlagSet::SEEN),
    );
    for strays in [
        vec![(first, FlagDelta::UNREAD), (second, keyword)],
        vec![(first, answered)],
    ] {
        account
            .store()
            .note_strays(account.inbox, strays)
            .await
            .unwrap();
    }
    account.lose_cache().await;
    assert_eq!(
        account.store().stray_notes(account.inbox).await.unwrap(),
        notes
    );
    let done = vec![(first, FlagDelta::UNREAD), (second, FlagDelta::UNREAD)];
    account
        .store()
        .drop_strays(account.inbox, done)
        .await
        .unwrap();
    account.reopen().await;
    let left = [StrayNote {
        back: answered,
        ..notes[0]
    }];
    assert_eq!(
        account.store().stray_notes(account.inbox).await.unwrap(),
        left
    );
}

/// Otherwise what the user did later would be taken back.
#[tokio::test]
async fn what_the_user_did_with_a_flag_is_the_end_of_what_was_noted_of_it() {
    let account = Account::with(1).await;
    let one = account.messages[0];
    let back = FlagDelta {
        add: FlagSet::ANSWERED,
        remove: FLAGGED.union(SEEN),
    };
    let noted = vec![(one, back)];
    account
        .store()
        .note_strays(account.inbox, noted)
        .await
        .unwrap();
    account.accept(vec![adding(one, FLAGGED)]).await;
    let asked = account.entries().await[0];
    account
        .record(Settlement {
            retired: vec![asked],
            ..Settlement::default()
        })
        .await;
    let left = account.store().stray_notes(account.inbox).await.unwrap();
    assert_eq!(left.len(), 1);
    let back = FlagDelta {
        remove: SEEN,
        ..back
    };
    assert_eq!(left[0].back, back);
}

async fn is_approved(account: &Account) -> bool {
    let input = account.store().pass_input(account.inbox).await.unwrap();
    input.hold.is_some_and(|hold| hold.approved)
}

#[test]
fn a_part_that_stays_away_is_believed_to_be_gone() {
    let gone = |gone_count, is_all| Halt::VanishedThere {
        gone_count,
        base_count: 40,
        is_all,
    };
    let ours = Halt::RemovedHere {
        removed_count: 30,
        base_count: 40,
    };
    let hold = |halt: &Halt, seconds_ago, approved| Hold {
        mailbox: name("INBOX"),
        reason: halt.to_string(),
        since: clock::unix_seconds() - seconds_ago,
        approved,
    };
    let part = gone(30, false);
    assert!(hold(&part, 601, false).lets_pass(&part));
    assert!(!hold(&part, 590, false).lets_pass(&part));
    // It goes on, or somebody put the clock back.
    assert!(!hold(&gone(29, false), 601, false).lets_pass(&part));
    assert!(!hold(&part, -601, false).lets_pass(&part));
    for never in [gone(40, true), ours] {
        assert!(!hold(&never, 1_000_000, false).lets_pass(&never));
        assert!(hold(&never, 0, true).lets_pass(&never));
    }
}

#[tokio::test]
async fn a_hold_is_as_old_as_its_reason() {
    let account = Account::with(1).await;
    let hold = async |reason: &str| {
        let held = account
            .store()
            .hold_mailbox(account.inbox, reason.to_owned());
        held.await.unwrap();
        account.store().holds().await.unwrap()[0].since
    };
    let first = hold("30 are gone").await;
    let time_goes_by = || {
        let file = rusqlite::Connection::open(account.file(FileKind::Journal)).unwrap();
        let set = "UPDATE hold SET since = since - 1000";
        file.execute(set, []).unwrap();
    };
    time_goes_by();
    assert_eq!(hold("30 are gone").await, first - 1000);
    assert!(hold("31 are gone").await >= first);
}

#[tokio::test]
async fn a_hold_lasts_until_a_pass_uses_its_approval() {
    let mut account = Account::with(1).await;
    assert!(!account.store().approve(name("INBOX")).await.unwrap());
    account
        .store()
        .hold_mailbox(account.inbox, "most of it is gone".to_owned())
        .await
        .unwrap();
    account.reopen().await;
    assert!(!is_approved(&account).await);
    assert!(account.store().approve(name("INBOX")).await.unwrap());
    account.reopen().await;
    assert!(is_approved(&account).await);
    assert_eq!(
        account.store().holds().await.unwrap()[0].reason,
        "most of it is gone"
    );
    account.record(Settlement::default()).await;
    assert_eq!(account.store().holds().await.unwrap(), []);
    assert!(!is_approved(&account).await);
}

/// A removal may have to wait for an answer, or for a copy, while the pass gets other things done.
#[tokio::test]
async fn an_approval_goes_on_for_what_is_still_to_be_removed() {
    let account = Account::with(1).await;
    let store = account.store();
    let removing = |removed_count| Halt::RemovedHere {
        removed_count,
        base_count: 40,
    };
    let passing = async |left| {
        let settlement = Settlement {
            unremoved: Some(removing(left)),
            ..Settlement::default()
        };
        account.record(settlement).await;
        store.holds().await.unwrap()
    };
    let asked = |count| removing(count).to_string();
    store.hold_mailbox(account.inbox, asked(30)).await.unwrap();
    assert_eq!(passing(30).await, [], "nobody approved it");
    store.hold_mailbox(account.inbox, asked(30)).await.unwrap();
    assert!(store.approve(name("INBOX")).await.unwrap());
    let left = &passing(25).await[0];
    assert!(left.lets_pass(&removing(25)) && !left.lets_pass(&removing(26)));
    assert_eq!(passing(26).await, [], "more than what was left");
    let gone = "30 of 40 messages are gone from the server".to_owned();
    store.hold_mailbox(account.inbox, gone).await.unwrap();
    assert!(store.approve(name("INBOX")).await.unwrap());
    assert_eq!(passing(3).await, [], "of these nobody was asked");
}

/// The messages that they were written on had other ids in the cache that was lost.
#[tokio::test]
async fn notes_of_strays_go_over_to_the_messages_they_can_stand_on() {
    let account = Account::with(4).await;
    let [lost, one, two, three] = account.messages[..] else {
        panic!("four")
    };
    let both = FlagDelta {
        add: FlagSet::ANSWERED,
        remove: SEEN,
    };
    let store = account.store();
    let back = async || {
        let notes = store.stray_notes(account.inbox).await.unwrap();
        notes
            .iter()
            .map(|note| (note.message, note.back))
            .collect::<Vec<_>>()
    };
    for (places, expected) in [
        (vec![one], vec![(one, both)]),
        (
            vec![two, three],
            vec![
                (one, both),
                (two, FlagDelta::UNREAD),
                (three, FlagDelta::UNREAD),
            ],
        ),
        (
            vec![],
            vec![
                (one, both),
                (two, FlagDelta::UNREAD),
                (three, FlagDelta::UNREAD),
            ],
        ),
    ] {
        let noted = store.note_strays(account.inbox, vec![(lost, both)]).await;
        noted.unwrap();
        let moved = store.move_strays(account.inbox, vec![(lost, places)]).await;
        moved.unwrap();
        assert_eq!(back().await, expected);
    }
}

/// A text that was read in place of another one shows whose it was.
#[tokio::test]
async fn a_note_holds_as_well_for_the_message_that_was_read_in_fact() {
    let mut account = Account::with(2).await;
    let [one, two] = [account.messages[0], account.messages[1]];
    let (store, inbox) = (account.store(), account.inbox);
    let noted = store.note_strays(inbox, vec![(one, FlagDelta::UNREAD)]);
    noted.await.unwrap();
    // What was meant for the one is not meant for the other.
    let header = HeaderHash([7; 32]);
    for _ in 0..2 {
        let wrong = vec![(one, header), (two, header)];
        store.correct_strays(inbox, wrong).await.unwrap();
    }
    account.reopen().await;
    account.view().await;
    let notes = account.store().stray_notes(inbox).await.unwrap();
    let [note, before] = &notes[..] else {
        panic!("{notes:?}")
    };
    assert_eq!((before.message, before.back), (one, FlagDelta::UNREAD));
    assert_eq!(note.mark.header, Some(header));
    assert_eq!(note.mark.weak(), mark(1).weak());
    assert_eq!(note.back, FlagDelta::UNREAD);
    let input = account.store().pass_input(inbox).await.unwrap();
    assert!(input.base.has_lost(note.message), "nobody knows it yet");
    assert!(!input.base.has_lost(one));
}
