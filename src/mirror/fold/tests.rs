use super::fold;
use crate::journal::{Action, EntryState, JournalEntry, ParkReason};
use crate::mirror::support::{
    ANSWERED, Chance, DELETED, FLAGGED, KEYWORD, SEEN, adding, attempted, base, entry, id, mark,
    removing, seeds,
};
use crate::mirror::{Base, LocalState};
use crate::protocol::types::{FlagSet, MailboxName};

fn copy() -> Action {
    Action::Copy {
        to: MailboxName::inbox(),
    }
}

fn parked(entry: JournalEntry) -> JournalEntry {
    JournalEntry {
        state: EntryState::Parked(ParkReason::NotKept),
        ..entry
    }
}

/// A base of two messages, the first `\Seen`.
fn two() -> Base {
    let mut base = base(&[mark(1, 1, 1), mark(2, 2, 2)]);
    base.messages[0].flags = SEEN;
    base
}

#[test]
fn messages_that_no_entry_names_are_not_listed() {
    let local = fold(&two(), &[entry(1, 2, adding(FLAGGED))]);
    assert_eq!(local.changed.keys().copied().collect::<Vec<_>>(), [id(2)]);
    assert!(local.unbound.is_empty());
    assert_eq!(fold(&two(), &[]), crate::mirror::Local::default());
}

#[test]
fn entries_are_applied_in_their_order() {
    let entries = [
        entry(1, 1, adding(FLAGGED)),
        entry(2, 1, removing(FLAGGED.union(SEEN))),
        entry(3, 1, adding(DELETED)),
    ];
    let local = fold(&two(), &entries);
    let message = &local.changed[&id(1)];
    assert_eq!(message.state, LocalState::Present(DELETED));
    assert_eq!(message.entries, entries.map(|entry| entry.id));
}

#[test]
fn a_copy_carries_the_flags_of_its_moment() {
    let entries = [
        entry(1, 1, adding(FLAGGED)),
        entry(2, 1, copy()),
        entry(3, 1, removing(SEEN)),
        entry(4, 1, copy()),
    ];
    let local = fold(&two(), &entries);
    let wishes: Vec<_> = local.changed[&id(1)]
        .copies
        .iter()
        .map(|wish| (wish.entry, wish.flags))
        .collect();
    assert_eq!(
        wishes,
        [
            (entries[1].id, SEEN.union(FLAGGED)),
            (entries[3].id, FLAGGED)
        ]
    );
}

#[test]
fn parked_entries_do_not_count_but_their_copies_are_owed() {
    let entries = [
        parked(entry(1, 1, adding(FLAGGED))),
        parked(entry(2, 1, copy())),
        parked(entry(3, 2, Action::Expunge)),
    ];
    let local = fold(&two(), &entries);
    let message = &local.changed[&id(1)];
    assert_eq!(message.state, LocalState::Present(SEEN));
    assert_eq!(message.copies.len(), 1);
    assert!(!local.changed.contains_key(&id(2)));
}

#[test]
fn attempts_leave_a_trace_of_their_flags() {
    let entries = [
        attempted(entry(1, 1, adding(FLAGGED)), 1),
        attempted(entry(2, 1, removing(SEEN)), 2),
        entry(3, 1, adding(DELETED)),
    ];
    let tried = fold(&two(), &entries).changed[&id(1)].tried;
    assert_eq!((tried.add, tried.remove), (FLAGGED, SEEN));
}

#[test]
fn entries_of_messages_from_a_lost_cache_are_left_unbound() {
    let lost = [entry(1, 7, adding(SEEN)), entry(2, 1, Action::Expunge)];
    let mut base = two();
    base.lost = vec![id(1)..id(8)];
    let local = fold(&base, &lost);
    assert_eq!(local.unbound, [lost[0].clone()]);
    assert!(local.departed.is_empty());
    assert_eq!(
        local.changed[&id(1)].state,
        LocalState::Expunged { flags: SEEN }
    );
}

#[test]
fn entries_of_messages_that_were_seen_to_go_are_folded_from_what_the_user_saw() {
    let seen = JournalEntry {
        flags_before: SEEN,
        ..entry(1, 7, adding(FLAGGED))
    };
    let local = fold(&two(), &[seen]);
    assert!(local.unbound.is_empty() && local.changed.is_empty());
    let departed = &local.departed[&id(7)];
    assert_eq!(departed.before, SEEN);
    assert_eq!(departed.state, LocalState::Present(SEEN.union(FLAGGED)));
}

#[test]
fn folding_is_applying_entries_one_by_one() {
    let alphabet = [SEEN, FLAGGED, ANSWERED, DELETED, KEYWORD];
    for seed in seeds(5_000) {
        let chance = &mut Chance::new(seed);
        let mut base = base(&[mark(1, 1, 1), mark(2, 2, 2), mark(3, 3, 3)]);
        for message in &mut base.messages {
            message.flags = chance.flags(&alphabet, 40);
        }
        let mut flags: Vec<FlagSet> = base.messages.iter().map(|message| message.flags).collect();
        let mut removed = [false; 3];
        let mut entries = Vec::new();
        for raw in 1..=i64::try_from(chance.below(8)).unwrap() {
            let index = chance.below(3);
            let change = chance.flags(&alphabet, 30);
            let message = base.messages[index].id.raw();
            entries.push(match chance.below(4) {
                0 => {
                    removed[index] = true;
                    entry(raw, message, Action::Expunge)
                }
                1 => {
                    flags[index] = flags[index].minus(change);
                    entry(raw, message, removing(change))
                }
                2 => {
                    flags[index] = flags[index].union(change);
                    entry(raw, message, adding(change))
                }
                _ => parked(entry(raw, message, adding(change))),
            });
        }
        let local = fold(&base, &entries);
        for (index, message) in base.messages.iter().enumerate() {
            let expected = if removed[index] {
                LocalState::Expunged {
                    flags: flags[index],
                }
            } else {
                LocalState::Present(flags[index])
            };
            let state = local
                .changed
                .get(&message.id)
                .map_or(LocalState::Present(message.flags), |changed| changed.state);
            assert_eq!(state, expected, "seed {seed}: {entries:?}");
        }
    }
}
