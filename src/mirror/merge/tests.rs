mod table;

use crate::id::EntryId;
use crate::journal::{Action, Attempt, EntryState, JournalEntry};
use crate::mirror::support::{
    ANSWERED, Chance, DELETED, FLAGGED, KEYWORD, NONE, SEEN, adding, attempted, base, entry, mark,
    removing, seeds,
};
use crate::mirror::{
    Base, ConflictKind, MessageState, Outcome, Policy, Remote, RemoteState, Verdict, fold, merge,
};
use crate::protocol::types::{FlagSet, MailboxName};

use ConflictKind::{
    ChangedHereDeletedThere, DeletedHereMarkedThere, DeletedHereUndeletedThere,
    MarkedHereDeletedThere,
};
use MessageState::{Gone, Present};
use Outcome::{Conflict, Settle};

/// A mailbox of one message with these flags.
fn one(flags: FlagSet) -> Base {
    let mut base = base(&[mark(1, 1, 1)]);
    base.messages[0].flags = flags;
    base
}

/// The verdict on a message that the user saw with the flags of the base, and then acted on.
fn verdict(
    known: FlagSet,
    entries: &[JournalEntry],
    there: RemoteState,
    policy: Policy,
) -> Option<Verdict> {
    let mut shown = known;
    let saw = entries.iter().map(|entry| {
        let flags_before = shown;
        if let Action::Flags(delta) = &entry.action {
            shown = delta.apply(shown);
        }
        JournalEntry {
            flags_before,
            ..entry.clone()
        }
    });
    verdict_later(known, &saw.collect::<Vec<_>>(), there, policy)
}

/// The verdict after the base has moved on since the user acted.
fn verdict_later(
    known: FlagSet,
    entries: &[JournalEntry],
    there: RemoteState,
    policy: Policy,
) -> Option<Verdict> {
    let base = one(known);
    let remote = Remote {
        states: vec![there],
        strangers: Vec::new(),
    };
    let verdicts = merge(&base, &fold(&base, entries), &remote, policy);
    assert!(verdicts.messages.len() <= 1);
    verdicts.messages.into_iter().next()
}

fn check(known: FlagSet, entries: &[JournalEntry], there: RemoteState, expected: Outcome) {
    let verdict = verdict(known, entries, there, Policy::default()).expect("a verdict");
    assert_eq!(
        verdict.outcome, expected,
        "{known:?}, {entries:?}, {there:?}"
    );
    let ids: Vec<EntryId> = entries.iter().map(|entry| entry.id).collect();
    assert_eq!(verdict.entries, ids, "each entry is answered");
}

fn there(flags: FlagSet) -> RemoteState {
    RemoteState::Present(flags)
}

fn set(flags: &[FlagSet]) -> FlagSet {
    flags.iter().copied().collect()
}

#[test]
fn a_flag_that_both_changed_is_changed_once() {
    check(
        NONE,
        &[entry(1, 1, adding(SEEN))],
        there(SEEN),
        Settle(Present(SEEN)),
    );
    check(
        SEEN,
        &[entry(1, 1, removing(SEEN))],
        there(NONE),
        Settle(Present(NONE)),
    );
}

#[test]
fn changes_of_different_flags_come_together() {
    let ours = [entry(1, 1, adding(SEEN)), entry(2, 1, removing(KEYWORD))];
    check(
        set(&[KEYWORD, ANSWERED]),
        &ours,
        there(set(&[KEYWORD, FLAGGED])),
        Settle(Present(set(&[SEEN, FLAGGED]))),
    );
}

/// The base has learnt, while the user acted, that others did the same; and then they did the opposite.
#[test]
fn what_nothing_was_sent_for_is_owed_although_the_base_shows_it() {
    let unread = entry(1, 1, removing(SEEN));
    check(
        NONE,
        std::slice::from_ref(&unread),
        there(SEEN),
        Settle(Present(NONE)),
    );
    let sent = JournalEntry {
        state: EntryState::Attempted(Attempt {
            number: 1,
            equals_before: 0,
        }),
        ..unread.clone()
    };
    check(NONE, &[sent], there(SEEN), Settle(Present(SEEN)));
    // Who takes back what nobody has seen yet asks for nothing.
    let taken_back = [entry(1, 1, adding(SEEN)), entry(2, 1, removing(SEEN))];
    check(NONE, &taken_back, there(SEEN), Settle(Present(SEEN)));
    let again = [
        unread,
        entry(2, 1, adding(SEEN)),
        entry(3, 1, removing(SEEN)),
    ];
    check(NONE, &again, there(SEEN), Settle(Present(NONE)));
}

#[test]
fn a_deleted_message_that_others_marked_is_kept() {
    let removed = [entry(1, 1, adding(DELETED)), entry(2, 1, Action::Expunge)];
    for (marks, count) in [(FLAGGED, 1), (FLAGGED, 2), (ANSWERED, 1), (ANSWERED, 2)] {
        let conflict = Conflict {
            kind: DeletedHereMarkedThere,
            kept: Present(marks),
        };
        check(NONE, &removed[..count], there(marks), conflict);
        let kept_anyway = Policy {
            delete_what_others_marked: true,
            ..Policy::default()
        };
        let verdict = verdict(NONE, &removed[..count], there(marks), kept_anyway).unwrap();
        let wished = if count == 2 {
            Gone
        } else {
            Present(set(&[marks, DELETED]))
        };
        assert_eq!(verdict.outcome, Settle(wished));
    }
}

/// The mark was sent and stood there, so that the base has learnt it; then others took it off.
#[test]
fn a_mark_that_was_sent_and_taken_off_is_answered_by_the_policy() {
    let wish = attempted(entry(1, 1, adding(DELETED)), 1);
    let wish = [JournalEntry {
        flags_before: SEEN,
        ..wish
    }];
    let known = SEEN.union(DELETED);
    let there = RemoteState::Present(SEEN.union(FLAGGED));
    for delete_what_others_marked in [false, true] {
        let policy = Policy {
            delete_what_others_marked,
            ..Policy::default()
        };
        let verdict = verdict_later(known, &wish, there, policy).expect("a verdict");
        let kept = Present(SEEN.union(FLAGGED));
        let kind = DeletedHereMarkedThere;
        let expected = if delete_what_others_marked {
            Settle(Present(SEEN.union(FLAGGED).union(DELETED)))
        } else {
            Conflict { kind, kept }
        };
        assert_eq!(verdict.outcome, expected);
    }
}

#[test]
fn a_message_removed_here_and_undeleted_there_is_kept() {
    let kept = Conflict {
        kind: DeletedHereUndeletedThere,
        kept: Present(SEEN),
    };
    check(DELETED, &[entry(1, 1, Action::Expunge)], there(SEEN), kept);
}

#[test]
fn a_message_that_mattered_here_and_is_gone_there_is_a_conflict() {
    let gone = Conflict {
        kind: ChangedHereDeletedThere,
        kept: Gone,
    };
    check(
        NONE,
        &[entry(1, 1, adding(FLAGGED))],
        RemoteState::Gone,
        gone,
    );
    check(
        DELETED,
        &[entry(1, 1, removing(DELETED))],
        RemoteState::Gone,
        gone,
    );
    check(
        NONE,
        &[entry(1, 1, adding(SEEN))],
        RemoteState::Gone,
        Settle(Gone),
    );
    check(
        NONE,
        &[entry(1, 1, Action::Expunge)],
        RemoteState::Gone,
        Settle(Gone),
    );
}

#[test]
fn a_change_that_may_have_landed_and_was_taken_back_is_taken_back_there() {
    for flag in [SEEN, FLAGGED, ANSWERED, DELETED, KEYWORD] {
        let set = [
            attempted(entry(1, 1, adding(flag)), 1),
            entry(2, 1, removing(flag)),
        ];
        check(NONE, &set, there(flag), Settle(Present(NONE)));
        check(NONE, &set, there(NONE), Settle(Present(NONE)));
        let cleared = [
            attempted(entry(1, 1, removing(flag)), 1),
            entry(2, 1, adding(flag)),
        ];
        check(flag, &cleared, there(NONE), Settle(Present(flag)));
    }
}

#[test]
fn a_mark_of_ours_that_was_taken_back_is_no_mark_of_others() {
    let changed_mind = [
        attempted(entry(1, 1, adding(FLAGGED)), 1),
        entry(2, 1, removing(FLAGGED)),
        entry(3, 1, adding(DELETED)),
        entry(4, 1, Action::Expunge),
    ];
    check(NONE, &changed_mind, there(FLAGGED), Settle(Gone));
    check(
        NONE,
        &changed_mind[..3],
        there(FLAGGED),
        Settle(Present(DELETED)),
    );
}

#[test]
fn what_others_took_back_after_us_stays_taken_back() {
    let ours = [attempted(entry(1, 1, adding(FLAGGED)), 1)];
    check(FLAGGED, &ours, there(NONE), Settle(Present(NONE)));
}

#[test]
fn a_conflict_takes_our_own_deleted_mark_off_and_no_other() {
    let kept = |flags| Conflict {
        kind: DeletedHereMarkedThere,
        kept: Present(flags),
    };
    let ours = [
        attempted(entry(1, 1, adding(DELETED)), 1),
        attempted(entry(2, 1, Action::Expunge), 1),
    ];
    check(NONE, &ours, there(set(&[DELETED, FLAGGED])), kept(FLAGGED));
    check(
        DELETED,
        &ours,
        there(set(&[DELETED, FLAGGED])),
        kept(FLAGGED),
    );
    let theirs = [attempted(entry(2, 1, Action::Expunge), 1)];
    check(
        DELETED,
        &theirs,
        there(set(&[DELETED, FLAGGED])),
        kept(set(&[DELETED, FLAGGED])),
    );
}

#[test]
fn a_copy_carries_the_flags_it_was_asked_with_and_those_of_others() {
    let to = MailboxName::inbox();
    let entries = [
        entry(1, 1, adding(SEEN)),
        entry(2, 1, Action::Copy { to }),
        entry(3, 1, adding(DELETED)),
    ];
    let verdict = verdict(
        KEYWORD,
        &entries,
        there(set(&[KEYWORD, FLAGGED])),
        Policy::default(),
    )
    .unwrap();
    assert_eq!(verdict.copies.len(), 1);
    assert_eq!(verdict.copies[0].flags, set(&[SEEN, KEYWORD, FLAGGED]));
}

/// What the user saw when asking for `action`, and what the base has come to since.
fn check_later(saw: FlagSet, action: Action, known: FlagSet, expected: Outcome) {
    let late = JournalEntry {
        flags_before: saw,
        ..entry(1, 1, action)
    };
    let verdict =
        verdict_later(known, &[late], there(known), Policy::default()).expect("a verdict");
    assert_eq!(verdict.outcome, expected, "{saw:?} {known:?}");
}

#[test]
fn a_mark_that_the_user_did_not_see_stays_a_conflict_when_the_base_has_it() {
    for marks in [FLAGGED, ANSWERED] {
        let kept = |flags| Conflict {
            kind: DeletedHereMarkedThere,
            kept: Present(flags),
        };
        check_later(NONE, adding(DELETED), marks, kept(marks));
        check_later(
            DELETED,
            Action::Expunge,
            set(&[DELETED, marks]),
            kept(set(&[DELETED, marks])),
        );
        check_later(
            set(&[DELETED, marks]),
            Action::Expunge,
            set(&[DELETED, marks]),
            Settle(Gone),
        );
    }
}

#[test]
fn an_undeletion_stays_a_conflict_when_the_base_has_it() {
    let kept = Conflict {
        kind: DeletedHereUndeletedThere,
        kept: Present(SEEN),
    };
    check_later(DELETED, Action::Expunge, SEEN, kept);
}

#[test]
fn the_user_hears_of_a_deletion_there_however_much_of_it_the_base_has() {
    let both = set(&[FLAGGED, DELETED]);
    let told = Conflict {
        kind: MarkedHereDeletedThere,
        kept: Present(both),
    };
    let asked = entry(1, 1, adding(FLAGGED));
    check(NONE, std::slice::from_ref(&asked), there(DELETED), told);
    check_later(NONE, adding(FLAGGED), both, told);
    check_later(DELETED, adding(FLAGGED), both, Settle(Present(both)));
}

/// EXPUNGE was sent and its answer lost; somebody puts an equal message there meanwhile, or takes the mark off.
#[test]
fn what_stands_unmarked_where_expunge_may_have_been_carried_out_is_kept() {
    let sent = |number, action, equals_before| JournalEntry {
        state: EntryState::Attempted(Attempt {
            number,
            equals_before,
        }),
        ..entry(1, 1, action)
    };
    let kept = Conflict {
        kind: DeletedHereUndeletedThere,
        kept: Present(SEEN),
    };
    for delete_what_others_marked in [false, true] {
        let policy = Policy {
            delete_what_others_marked,
            ..Policy::default()
        };
        let outcome = |expunged, now| {
            let marked = sent(1, adding(DELETED), 0);
            let removed = sent(2, Action::Expunge, expunged);
            verdict(NONE, &[marked, removed], there(now), policy)
                .unwrap()
                .outcome
        };
        assert_eq!(outcome(1, SEEN), kept, "it may be another message");
        assert_eq!(outcome(1, DELETED), Settle(Gone), "it was not carried out");
        assert_eq!(outcome(0, SEEN), Settle(Gone), "it was not even sent");
    }
}

#[test]
fn a_mark_of_our_own_is_no_conflict_when_the_base_has_it() {
    let entries = [
        attempted(entry(1, 1, adding(DELETED)), 1),
        attempted(entry(2, 1, adding(FLAGGED)), 1),
    ];
    let verdict = verdict_later(FLAGGED, &entries, there(FLAGGED), Policy::default()).unwrap();
    assert_eq!(verdict.outcome, Settle(Present(set(&[FLAGGED, DELETED]))));
}

const ALPHABET: [FlagSet; 5] = [SEEN, FLAGGED, ANSWERED, DELETED, KEYWORD];

#[test]
fn equal_views_need_no_verdict() {
    for bits in 0..32 {
        let flags = FlagSet::from_bits(bits);
        assert_eq!(verdict(flags, &[], there(flags), Policy::default()), None);
    }
}

/// A few actions of the user on one message, the first of them attempted; a removal comes last.
fn actions(chance: &mut Chance, known: FlagSet) -> Vec<JournalEntry> {
    let count = chance.below(5);
    let tried = chance.below(count + 1);
    let mut entries = Vec::new();
    let mut shown = known;
    for number in 0..count {
        let flags = chance.flags(&ALPHABET, 25);
        let action = if number + 1 == count && shown.contains(DELETED) {
            Action::Expunge
        } else if chance.percent(50) {
            adding(flags)
        } else {
            removing(flags)
        };
        if let Action::Flags(delta) = &action {
            shown = delta.apply(shown);
        }
        let raw = i64::try_from(number).unwrap() + 1;
        let made = entry(raw, 1, action);
        entries.push(if number < tried {
            attempted(made, 1)
        } else {
            made
        });
    }
    entries
}

/// What every flag comes to that the message may keep.
fn kept(outcome: Outcome) -> Option<FlagSet> {
    match outcome {
        Settle(Present(flags))
        | Conflict {
            kept: Present(flags),
            ..
        } => Some(flags),
        Settle(Gone) | Conflict { kept: Gone, .. } | Outcome::Wait(_) => None,
    }
}

#[test]
fn what_others_changed_and_we_did_not_ask_for_survives() {
    for seed in seeds(20_000) {
        let chance = &mut Chance::new(seed);
        let (known, now) = (chance.flags(&ALPHABET, 40), chance.flags(&ALPHABET, 40));
        let entries = actions(chance, known);
        let policy = Policy {
            delete_what_others_marked: chance.percent(20),
            ..Policy::default()
        };
        let Some(verdict) = verdict(known, &entries, there(now), policy) else {
            assert!(entries.is_empty() && known == now);
            continue;
        };
        let named: FlagSet = entries
            .iter()
            .map(|entry| match &entry.action {
                Action::Flags(delta) => delta.touched(),
                Action::Expunge | Action::Copy { .. } | Action::Append { .. } => NONE,
            })
            .collect();
        if let Some(flags) = kept(verdict.outcome) {
            assert_eq!(
                flags.minus(named),
                now.minus(named),
                "seed {seed}: {verdict:?}"
            );
        }
    }
}

/// Whatever part of our own commands has landed, nobody else having done anything: no conflict, and the user's last word.
#[test]
fn our_own_half_done_changes_never_count_as_somebody_elses() {
    for seed in seeds(20_000) {
        let chance = &mut Chance::new(seed);
        let known = chance.flags(&ALPHABET, 40);
        let entries = actions(chance, known);
        let mut landed = known;
        let mut wished = known;
        for entry in &entries {
            if let Action::Flags(delta) = &entry.action {
                wished = delta.apply(wished);
                if entry.attempt().is_some() {
                    landed = delta.within(chance.flags(&ALPHABET, 50)).apply(landed);
                }
            } else if entry.attempt().is_some() && chance.percent(50) {
                landed = landed.union(DELETED);
            }
        }
        let removed = entries.iter().any(|entry| entry.action == Action::Expunge);
        let expected = if removed {
            Settle(Gone)
        } else {
            Settle(Present(wished))
        };
        if let Some(verdict) = verdict(known, &entries, there(landed), Policy::default()) {
            assert_eq!(
                verdict.outcome, expected,
                "seed {seed}: {known:?}, {entries:?}, {landed:?}"
            );
        }
    }
}
