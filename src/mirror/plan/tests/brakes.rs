//! Where a loss is so large that a person looks first.

use super::Case;
use crate::journal::Action;
use crate::mirror::RemoteState;
use crate::mirror::support::{DELETED, NONE, SEEN, adding};
use crate::mirror::{Brakes, Halt};

/// A mailbox of so many messages of which so many are gone there, after `actions` on each of these.
fn vanishing(gone: usize, of: usize, actions: &[Action]) -> Case {
    let mut case = Case::quiet(&vec![NONE; of]);
    for message in 1..=gone {
        case = case
            .doing(i64::try_from(message).unwrap(), actions)
            .finding(message, RemoteState::Gone);
    }
    case
}

fn there(gone_count: usize, base_count: usize) -> Option<Halt> {
    Some(Halt::VanishedThere {
        gone_count,
        base_count,
        is_all: false,
    })
}

fn all_there(gone_count: usize, base_count: usize) -> Option<Halt> {
    Some(Halt::VanishedThere {
        gone_count,
        base_count,
        is_all: true,
    })
}

fn here(removed_count: usize, base_count: usize) -> Option<Halt> {
    Some(Halt::RemovedHere {
        removed_count,
        base_count,
    })
}

fn braked(case: &Case, expected: Option<Halt>) {
    assert_eq!(case.halts(), Vec::from_iter(expected));
}

#[test]
fn what_vanished_there_brakes_at_its_thresholds() {
    for (gone, of, expected) in [
        (0, 0, None),
        (1, 1, None),
        (2, 2, all_there(2, 2)),
        (1, 2, None),
        (18, 19, None),
        (19, 19, all_there(19, 19)),
        (19, 38, None),
        (20, 40, there(20, 40)),
        (20, 41, None),
        (21, 41, there(21, 41)),
        (999, 2000, None),
        (1000, 2000, there(1000, 2000)),
    ] {
        braked(&vanishing(gone, of, &[]), expected);
    }
}

/// Elsewhere so few are a day's tidying.
#[test]
fn a_mailbox_with_another_uidvalidity_has_to_hold_half_of_what_it_held() {
    for (gone, of, expected) in [
        (0, 0, None),
        (1, 1, there(1, 1)),
        (1, 2, None),
        (3, 6, None),
        (4, 6, there(4, 6)),
        (14, 15, there(14, 15)),
    ] {
        let case = vanishing(gone, of, &[]);
        let halts = Brakes::default().halts(&case.verdicts(), &case.remote, true);
        assert_eq!(halts, Vec::from_iter(expected));
        braked(&case, None);
    }
}

#[test]
fn more_than_was_approved_is_asked_about_again() {
    let [less, approved, more] = [12, 30, 31].map(|count| here(count, 40).unwrap());
    let words = approved.to_string();
    assert!(approved.is_meant_by(&words) && less.is_meant_by(&words));
    assert!(!more.is_meant_by(&words));
    assert!(!approved.is_meant_by("it is late"));
    let [gone, fewer] = [30, 29].map(|count| there(count, 40).unwrap());
    assert!(gone.is_meant_by(&gone.to_string()) && !fewer.is_meant_by(&gone.to_string()));
    assert!(!gone.is_meant_by(&words) && !approved.is_meant_by(&gone.to_string()));
}

#[test]
fn flags_set_here_are_no_reason_to_believe_that_messages_vanished() {
    braked(&vanishing(2, 2, &[adding(SEEN)]), all_there(2, 2));
    braked(&vanishing(30, 40, &[adding(SEEN)]), there(30, 40));
}

#[test]
fn what_was_removed_here_may_be_gone_there() {
    let removal = [adding(DELETED), Action::Expunge];
    braked(&vanishing(2, 2, &removal), None);
    braked(&vanishing(30, 40, &removal), None);
    let others_too = vanishing(30, 40, &removal).finding(31, RemoteState::Gone);
    braked(&others_too, None);
}

#[test]
fn a_mailbox_that_is_empty_brakes_unless_all_of_it_was_removed_here() {
    let one_removed = vanishing(1, 3, &[adding(DELETED), Action::Expunge]);
    let and_the_others_gone = one_removed
        .finding(2, RemoteState::Gone)
        .finding(3, RemoteState::Gone);
    braked(&and_the_others_gone, all_there(2, 3));
}

#[test]
fn what_was_removed_here_brakes_at_its_thresholds() {
    for (removed, of, expected) in [
        (1, 1, None),
        (19, 19, None),
        (20, 40, here(20, 40)),
        (20, 41, None),
        (499, 2000, None),
        (500, 2000, here(500, 2000)),
    ] {
        let mut case = Case::quiet(&vec![NONE; of]);
        for message in 1..=i64::from(removed) {
            case = case.removing(message);
        }
        braked(&case, expected);
    }
}

#[test]
fn both_brakes_are_told_of_at_once() {
    let mut case = vanishing(30, 80, &[]);
    for message in 31..=50 {
        case = case.removing(message);
    }
    assert_eq!(case.halts(), []);
    let mut case = vanishing(30, 60, &[]);
    for message in 31..=60 {
        case = case.removing(message);
    }
    let both = [there(30, 60), here(30, 60)].map(Option::unwrap);
    assert_eq!(case.halts(), both);
}
