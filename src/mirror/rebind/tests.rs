use super::{Rebinding, rebind, recognise};
use crate::id::EntryId;
use crate::journal::{Action, EntryState, JournalEntry, Mark, ParkReason};
use crate::mirror::support::{FLAGGED, adding, base, entry, id, mark};
use crate::protocol::types::MailboxName;

const ENTRY: EntryId = EntryId::from_raw(1);

/// An entry of message 50, in a base of messages 1, 2, ... with these marks.
fn check(known: &[Mark], action: Action, expected: Rebinding) {
    let lost = JournalEntry {
        mark: mark(7, 7, 7),
        ..entry(1, 50, action)
    };
    assert_eq!(rebind(&base(known), &[lost]), expected);
}

fn tied(message: i64) -> Rebinding {
    Rebinding {
        ties: vec![(ENTRY, id(message))],
        ..Rebinding::default()
    }
}

fn done() -> Rebinding {
    Rebinding {
        done: vec![ENTRY],
        ..Rebinding::default()
    }
}

fn lost() -> Rebinding {
    parked(ParkReason::Unbound)
}

fn parked(reason: ParkReason) -> Rebinding {
    Rebinding {
        lost: vec![(ENTRY, reason)],
        ..Rebinding::default()
    }
}

fn copy() -> Action {
    Action::Copy {
        to: MailboxName::inbox(),
    }
}

/// A base that holds the message once, twice, not at all, and without its header.
const ONCE: &[(i64, u64)] = &[(1, 1), (7, 7)];
const TWICE: &[(i64, u64)] = &[(7, 7), (7, 7)];
const NEVER: &[(i64, u64)] = &[(1, 1), (7, 8)];
const UNREAD: &[(i64, u64)] = &[(7, 0)];

fn marks(looks: &[(i64, u64)]) -> Vec<Mark> {
    looks
        .iter()
        .map(|&(instant, read)| mark(instant, 7, read))
        .collect()
}

#[test]
fn after_the_loss_of_a_cache_a_unique_header_finds_the_message() {
    for action in [adding(FLAGGED), Action::Expunge, copy()] {
        check(&marks(ONCE), action.clone(), tied(2));
        check(&marks(TWICE), action, lost());
    }
}

#[test]
fn after_the_loss_of_a_cache_a_removal_of_what_is_not_there_is_done() {
    check(&marks(NEVER), Action::Expunge, done());
    check(&marks(NEVER), adding(FLAGGED), lost());
    check(&marks(NEVER), copy(), parked(ParkReason::SourceGone));
}

#[test]
fn as_long_as_headers_are_missing_what_is_not_found_waits() {
    for action in [adding(FLAGGED), Action::Expunge, copy()] {
        let open = Rebinding {
            open: vec![ENTRY],
            ..Rebinding::default()
        };
        check(&marks(UNREAD), action, open);
    }
}

#[test]
fn an_entry_from_before_its_header_was_read_is_not_taken_for_done() {
    let unread = JournalEntry {
        mark: mark(7, 7, 0),
        ..entry(1, 50, Action::Expunge)
    };
    assert_eq!(rebind(&base(&marks(ONCE)), &[unread]), lost());
}

#[test]
fn after_the_loss_of_a_cache_a_uid_tells_equal_messages_apart() {
    let named = |uid: u32| Mark {
        uid: Some(uid),
        ..mark(7, 7, 7)
    };
    let entry_of = |uid: Option<u32>, validity: Option<u32>| JournalEntry {
        mark: Mark {
            uid,
            ..mark(7, 7, 7)
        },
        uid_validity: validity,
        ..entry(1, 50, Action::Expunge)
    };
    for (known, uid, validity, expected) in [
        (vec![named(3), named(5)], Some(5), Some(1), tied(2)),
        (vec![named(3), named(5)], Some(4), Some(1), done()),
        (vec![named(3)], Some(5), Some(1), done()),
        (vec![named(3), named(5)], Some(5), Some(2), lost()),
        (vec![named(3), named(5)], Some(5), None, lost()),
        (vec![named(3), named(5)], None, Some(1), lost()),
        (vec![named(3)], Some(5), Some(2), tied(1)),
        (vec![mark(7, 7, 7)], Some(5), Some(1), tied(1)),
    ] {
        let mut base = base(&known);
        base.facts.uid_validity = Some(1);
        assert_eq!(
            rebind(&base, &[entry_of(uid, validity)]),
            expected,
            "{known:?} {uid:?} {validity:?}"
        );
    }
}

#[test]
fn a_parked_entry_keeps_its_reason() {
    let parked = JournalEntry {
        state: EntryState::Parked(ParkReason::SourceGone),
        ..entry(1, 50, copy())
    };
    assert_eq!(rebind(&base(&[]), &[parked]), Rebinding::default());
}

#[test]
fn a_noted_message_is_any_that_looks_like_it_once_headers_are_read() {
    let noted = mark(7, 7, 7);
    for (known, expected) in [
        (ONCE, Some(vec![id(2)])),
        (TWICE, Some(vec![id(1), id(2)])),
        (NEVER, Some(vec![])),
        (UNREAD, None),
    ] {
        assert_eq!(recognise(&base(&marks(known)), &noted), expected);
    }
    let unread = mark(7, 7, 0);
    assert_eq!(recognise(&base(&marks(NEVER)), &unread), Some(vec![id(2)]));
}
