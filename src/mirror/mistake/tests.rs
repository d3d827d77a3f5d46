use std::collections::{BTreeMap, BTreeSet};

use super::mistakes;
use crate::journal::{Action, Attempt, EntryState, JournalEntry, Mark};
use crate::mirror::support::{
    ANSWERED, DELETED, FLAGGED, NONE, SEEN, adding, attempted, base, entry, id, mark, observation,
    removing,
};
use crate::mirror::{Aligned, Base, Observation, align};
use crate::protocol::types::{FlagDelta, FlagSet};

/// Five messages, of which these are left, with these flags; and which are told to be changed by mistake, without that.
fn told(
    flags: [FlagSet; 5],
    left: &[(i64, FlagSet)],
    entries: &[JournalEntry],
) -> Vec<(i64, FlagSet)> {
    told_beside(&[], flags, left, entries)
}

/// The same, where marks of these are to be put right.
fn told_beside(
    noted: &[(i64, FlagDelta)],
    flags: [FlagSet; 5],
    left: &[(i64, FlagSet)],
    entries: &[JournalEntry],
) -> Vec<(i64, FlagSet)> {
    let look = |number: i64| mark(number, 1, u64::try_from(number).unwrap());
    let (base, seen) = world(flags, left, look);
    let Aligned::Done(alignment) = align(&base, &seen, &BTreeSet::new()) else {
        panic!("every header is shown");
    };
    let arrived = [6, 7].map(id);
    let noted = noted.iter().map(|(number, back)| (id(*number), *back));
    let noted = noted.collect();
    let told = mistakes(&base, entries, &noted, &seen, &alignment).into_iter();
    let told = told.map(|mistake| {
        let conflict = mistake.conflict(&arrived).unwrap();
        let number = (1..=7).find(|number| conflict.message == id(*number));
        let mut marks = left.iter().map(|(number, _)| look(*number));
        assert!(marks.any(|mark| mark == mistake.mark));
        (number.unwrap(), conflict.saw)
    });
    told.collect()
}

fn world(
    flags: [FlagSet; 5],
    left: &[(i64, FlagSet)],
    look: impl Fn(i64) -> Mark,
) -> (Base, Observation) {
    let marks: Vec<Mark> = (1..=5).map(&look).collect();
    let mut base = base(&marks);
    for (known, flags) in base.messages.iter_mut().zip(flags) {
        known.flags = flags;
    }
    let marks: Vec<Mark> = left.iter().map(|(number, _)| look(*number)).collect();
    let mut seen = observation(&marks);
    for (shown, (_, flags)) in seen.messages.iter_mut().zip(left) {
        shown.flags = *flags;
    }
    (base, seen)
}

fn sent(message: i64, action: Action) -> JournalEntry {
    attempted(entry(message, message, action), 1)
}

const BARE: [FlagSet; 5] = [NONE; 5];

#[test]
fn the_message_behind_may_have_been_hit_as_far_as_messages_before_it_are_gone() {
    let deleted = [sent(2, adding(DELETED))];
    // One before is gone: the number of 2 meant 3.
    let left = [(2, NONE), (3, DELETED), (4, DELETED), (5, NONE)];
    assert_eq!(told(BARE, &left, &deleted), [(3, NONE)]);
    // It is gone itself.
    let left = [(1, NONE), (3, DELETED), (4, NONE), (5, NONE)];
    assert_eq!(told(BARE, &left, &deleted), [(3, NONE)]);
    // Two are.
    let left = [(2, NONE), (4, SEEN.union(DELETED)), (5, DELETED)];
    assert_eq!(told(BARE, &left, &deleted), [(4, SEEN)]);
    // What is gone behind moves nothing.
    let left = [(1, NONE), (2, NONE), (3, DELETED), (4, NONE)];
    assert_eq!(told(BARE, &left, &deleted), []);
    // Nor is anything before it hit.
    let left = [(2, DELETED), (3, NONE), (4, NONE), (5, NONE)];
    assert_eq!(told(BARE, &left, &[sent(3, adding(DELETED))]), []);
}

#[test]
fn nobody_is_blamed_for_what_was_so_before_or_was_asked_for_or_was_not_sent() {
    let left = [(2, NONE), (3, FLAGGED), (4, NONE), (5, NONE)];
    let flagged = sent(2, adding(FLAGGED));
    let one = std::slice::from_ref(&flagged);
    assert_eq!(told(BARE, &left, one), [(3, NONE)]);
    assert_eq!(told([NONE, NONE, FLAGGED, NONE, NONE], &left, one), []);
    let both = [flagged.clone(), sent(3, adding(FLAGGED))];
    assert_eq!(told(BARE, &left, &both), []);
    // Whoever flagged it where it was meant, it may have been others.
    let both_show = [(2, FLAGGED), (3, FLAGGED), (4, NONE), (5, NONE)];
    assert_eq!(told(BARE, &both_show, one), [(3, NONE)]);
    // Nothing of it is shown.
    let none = [(2, NONE), (3, NONE), (4, FLAGGED), (5, NONE)];
    assert_eq!(told(BARE, &none, one), []);
    // Only a part of what was asked for: somebody may have done the rest where it was meant.
    let whole = [sent(2, adding(FLAGGED.union(ANSWERED)))];
    assert_eq!(told(BARE, &left, &whole), [(3, NONE)]);
    // Nothing was sent.
    assert_eq!(told(BARE, &left, &[entry(2, 2, adding(FLAGGED))]), []);
}

#[test]
fn what_was_taken_off_is_told_too_and_two_changes_of_one_message_once() {
    let left = [(2, SEEN), (3, FLAGGED), (4, NONE), (5, NONE)];
    let unread = sent(2, removing(SEEN));
    let flagged = JournalEntry {
        id: crate::id::EntryId::from_raw(9),
        ..sent(2, adding(FLAGGED))
    };
    let before = [NONE, SEEN, SEEN, NONE, NONE];
    assert_eq!(told(before, &left, &[unread, flagged]), [(3, SEEN)]);
}

/// One command names them all, and each number meant the one behind.
#[test]
fn a_row_of_messages_is_missed_by_one_and_the_one_behind_it_is_hit() {
    let row = [2, 3, 4].map(|number| sent(number, adding(DELETED)));
    let left = [(2, NONE), (3, DELETED), (4, DELETED), (5, DELETED)];
    assert_eq!(told(BARE, &left, &row), [(5, NONE)]);
}

/// Nobody here knows how it was before: what was taken off cannot be told.
#[test]
fn what_has_just_come_may_have_been_hit_as_well() {
    let left = [
        (2, NONE),
        (3, NONE),
        (4, NONE),
        (5, NONE),
        (6, DELETED.union(SEEN)),
    ];
    let deleted = sent(5, adding(DELETED));
    assert_eq!(
        told(BARE, &left, std::slice::from_ref(&deleted)),
        [(6, SEEN)]
    );
    let left = [(3, NONE), (4, NONE), (5, NONE), (6, NONE), (7, DELETED)];
    assert_eq!(
        told(BARE, &left, std::slice::from_ref(&deleted)),
        [(7, NONE)]
    );
    let left = [
        (2, NONE),
        (3, NONE),
        (4, NONE),
        (5, NONE),
        (6, NONE),
        (7, DELETED),
    ];
    assert_eq!(told(BARE, &left, &[deleted]), []);
    let flagged = [NONE, NONE, NONE, NONE, FLAGGED];
    let left = [(2, NONE), (3, NONE), (4, NONE), (5, FLAGGED), (6, NONE)];
    assert_eq!(told(flagged, &left, &[sent(5, removing(FLAGGED))]), []);
}

/// The base knows it.
#[test]
fn what_left_its_place_and_came_back_is_as_it_was() {
    let came_back = |flags| [(1, NONE), (2, NONE), (4, NONE), (5, NONE), (3, flags)];
    let seen = [sent(5, adding(SEEN))];
    let had = |flags| [NONE, NONE, flags, NONE, NONE];
    assert_eq!(told(had(SEEN), &came_back(SEEN), &seen), []);
    assert_eq!(told(had(NONE), &came_back(SEEN), &seen), [(6, NONE)]);
    let asked = [sent(5, adding(SEEN)), sent(3, adding(SEEN))];
    assert_eq!(told(had(NONE), &came_back(SEEN), &asked), []);
    let unread = [sent(5, removing(SEEN))];
    let both = [NONE, NONE, SEEN, NONE, SEEN];
    let shown = [(1, NONE), (2, NONE), (4, NONE), (5, SEEN), (3, NONE)];
    assert_eq!(told(both, &shown, &unread), [(6, SEEN)]);
}

#[test]
fn of_a_message_that_the_user_changed_as_well_the_other_flags_are_told() {
    let entries = [sent(2, adding(FLAGGED.union(SEEN))), sent(3, adding(SEEN))];
    let left = [(2, NONE), (3, FLAGGED.union(SEEN)), (4, NONE), (5, NONE)];
    assert_eq!(told(BARE, &left, &entries), [(3, SEEN)]);
}

#[test]
fn the_mark_for_a_removal_may_stand_elsewhere_until_expunge_was_sent() {
    let left = [(2, NONE), (3, DELETED), (4, NONE), (5, NONE)];
    let marked = sent(2, Action::Expunge);
    assert_eq!(
        told(BARE, &left, std::slice::from_ref(&marked)),
        [(3, NONE)]
    );
    let EntryState::Attempted(attempt) = marked.state else {
        panic!("{marked:?}");
    };
    let removed = JournalEntry {
        state: EntryState::Attempted(Attempt {
            equals_before: 1,
            ..attempt
        }),
        ..marked
    };
    let left = [(1, NONE), (3, DELETED), (4, NONE), (5, NONE)];
    let both = [removed, sent(2, adding(DELETED))];
    assert_eq!(told(BARE, &left, &both), []);
    // Nor is a copy such a change.
    let copied = sent(
        2,
        Action::Copy {
            to: "notes".parse().unwrap(),
        },
    );
    assert_eq!(told(BARE, &left, &[copied]), []);
}

/// Our reading marks a message, and the mark is taken off again by its number.
#[test]
fn marks_of_our_reading_may_be_taken_off_the_message_behind() {
    let two = [(2, FlagDelta::UNREAD)];
    let read = [NONE, NONE, SEEN, NONE, NONE];
    let missed = [(2, SEEN), (3, NONE), (4, NONE), (5, NONE)];
    assert_eq!(told_beside(&two, read, &missed, &[]), [(3, SEEN)]);
    assert_eq!(told_beside(&[], read, &missed, &[]), []);
    let cleared = [(2, NONE), (3, SEEN), (4, NONE), (5, NONE)];
    assert_eq!(told_beside(&two, read, &cleared, &[]), []);
    // Nothing moved.
    let still = [(1, NONE), (2, SEEN), (3, NONE), (4, NONE), (5, NONE)];
    assert_eq!(told_beside(&two, read, &still, &[]), []);
    // Gone, and its number meant the next.
    let gone = [(1, NONE), (3, NONE), (4, NONE), (5, NONE)];
    assert_eq!(told_beside(&two, read, &gone, &[]), [(3, SEEN)]);
    // Of those that are to be put right anyway, nobody is told; of the one behind them.
    let row = [2, 3, 4].map(|number| (number, FlagDelta::UNREAD));
    let left = [(2, SEEN), (3, NONE), (4, NONE), (5, NONE)];
    let before = [NONE, NONE, SEEN, NONE, SEEN];
    assert_eq!(told_beside(&row, before, &left, &[]), [(5, SEEN)]);
    // The user marked it as unread.
    let asked = [sent(3, removing(SEEN))];
    assert_eq!(told_beside(&two, read, &missed, &asked), []);
}

/// What fell on a message and was heard of is put back by its number as well.
#[test]
fn what_is_put_right_may_fall_on_the_message_behind() {
    let flagged = FlagDelta {
        add: FLAGGED,
        remove: NONE,
    };
    let two = [(2, flagged)];
    let left = [(2, NONE), (3, FLAGGED), (4, NONE), (5, NONE)];
    assert_eq!(told_beside(&two, BARE, &left, &[]), [(3, NONE)]);
    let left = [(2, FLAGGED), (3, NONE), (4, NONE), (5, NONE)];
    assert_eq!(told_beside(&two, BARE, &left, &[]), []);
}

/// Two are equal, and one of those that look like them is gone.
#[test]
fn of_equal_messages_that_are_in_doubt_one_is_told_of() {
    let look = |number: i64| match number {
        3 | 4 => mark(3, 1, 3),
        other => mark(other, 1, u64::try_from(other).unwrap()),
    };
    let told = |left: &[(i64, FlagSet)]| {
        let (base, seen) = world(BARE, left, look);
        let Aligned::Done(alignment) = align(&base, &seen, &BTreeSet::new()) else {
            panic!("every header is shown");
        };
        let entries = [sent(2, adding(DELETED))];
        let told = mistakes(&base, &entries, &BTreeMap::new(), &seen, &alignment);
        let in_doubt = told.iter().map(|mistake| mistake.in_doubt);
        in_doubt.collect::<Vec<_>>()
    };
    assert_eq!(told(&[(2, NONE), (3, DELETED), (5, NONE)]), [true]);
    assert_eq!(told(&[(2, NONE), (3, NONE), (5, NONE)]), [] as [bool; 0]);
    // Any of them may be what went before the last one.
    assert_eq!(told(&[(1, NONE), (3, NONE), (5, DELETED)]), [false]);
    let all = [(2, NONE), (3, DELETED), (4, NONE), (5, NONE)];
    assert_eq!(told(&all), [false]);
}

#[test]
fn what_has_a_uid_was_not_named_by_a_number() {
    let look = |number: i64| Mark {
        uid: u32::try_from(number).ok(),
        ..mark(number, 1, u64::try_from(number).unwrap())
    };
    let left = [(2, NONE), (3, DELETED), (4, NONE), (5, NONE)];
    let (base, seen) = world(BARE, &left, look);
    let Aligned::Done(alignment) = align(&base, &seen, &BTreeSet::new()) else {
        panic!("every header is shown");
    };
    let entries = [sent(2, adding(DELETED))];
    let noted = BTreeMap::from([(id(2), FlagDelta::UNREAD)]);
    assert_eq!(mistakes(&base, &entries, &noted, &seen, &alignment), []);
}
