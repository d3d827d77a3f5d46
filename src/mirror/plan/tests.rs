mod brakes;
mod server;

use std::collections::{BTreeMap, BTreeSet};

use self::server::ServerModel;
use super::{Delay, Plan, Step, plan};
use crate::id::{EntryId, MessageId};
use crate::journal::{Action, Attempt, JournalEntry, ParkReason};
use crate::mirror::support::{
    ANSWERED, Chance, DELETED, FLAGGED, KEYWORD, NONE, SEEN, adding, attempted, base, entry, id,
    mark, removing, seeds, seq,
};
use crate::mirror::{
    Access, Base, CopyDecision, MailboxFacts, Policy, Remote, RemoteState, Stranger, Verdicts,
    fold, merge,
};
use crate::mirror::{Brakes, Halt};
use crate::protocol::types::{FlagDelta, FlagSet, MailboxName};

/// Everything a plan is made from, as a test writes it.
#[derive(Clone, Debug)]
struct Case {
    base: Base,
    entries: Vec<JournalEntry>,
    remote: Remote,
    facts: MailboxFacts,
    copies: BTreeMap<EntryId, CopyDecision>,
}

impl Case {
    /// Messages 1, 2, ... which nobody has changed since the base.
    fn quiet(flags: &[FlagSet]) -> Self {
        let marks: Vec<_> = (1..)
            .take(flags.len())
            .map(|number| mark(number, 1, 1))
            .collect();
        let mut base = base(&marks);
        for (message, &flags) in base.messages.iter_mut().zip(flags) {
            message.flags = flags;
        }
        Self {
            base,
            entries: Vec::new(),
            remote: Remote {
                states: flags
                    .iter()
                    .map(|&flags| RemoteState::Present(flags))
                    .collect(),
                strangers: Vec::new(),
            },
            facts: MailboxFacts::default(),
            copies: BTreeMap::new(),
        }
    }

    fn doing(mut self, message: i64, actions: &[Action]) -> Self {
        for action in actions {
            let raw = i64::try_from(self.entries.len()).unwrap() + 1;
            self.entries.push(entry(raw, message, action.clone()));
        }
        self
    }

    fn removing(self, message: i64) -> Self {
        self.doing(message, &[adding(DELETED), Action::Expunge])
    }

    fn finding(mut self, message: usize, state: RemoteState) -> Self {
        self.remote.states[message - 1] = state;
        self
    }

    fn stranger(mut self, flags: FlagSet, arrived: bool) -> Self {
        let place = self.remote.states.len() + self.remote.strangers.len() + 1;
        self.remote.strangers.push(Stranger {
            seq: seq(u32::try_from(place).unwrap()),
            flags,
            arrived,
        });
        self
    }

    fn deciding(mut self, entry: i64, decision: CopyDecision) -> Self {
        self.copies.insert(EntryId::from_raw(entry), decision);
        self
    }

    fn verdicts(&self) -> Verdicts {
        merge(
            &self.base,
            &fold(&self.base, &self.entries),
            &self.remote,
            Policy::default(),
        )
    }

    fn planned(&self) -> Plan {
        plan(&self.verdicts(), &self.remote, &self.facts, &self.copies)
    }

    fn halts(&self) -> Vec<Halt> {
        Brakes::default().halts(&self.verdicts(), &self.remote, false)
    }

    fn check(&self, steps: &[Step], delays: &[(i64, Delay)]) {
        assert_eq!(self.halts(), []);
        let plan = self.planned();
        assert_eq!(plan.steps, steps, "{self:?}");
        let expected: BTreeMap<MessageId, Delay> = delays
            .iter()
            .map(|&(message, delay)| (id(message), delay))
            .collect();
        assert_eq!(plan.delays, expected, "{self:?}");
        ServerModel::of(self).carry_out(&plan, self);
    }
}

fn store(messages: &[i64], add: FlagSet, remove: FlagSet) -> Step {
    Step::StoreFlags {
        messages: messages.iter().map(|&raw| id(raw)).collect(),
        delta: FlagDelta { add, remove },
    }
}

fn expunge(only: &[i64]) -> Step {
    Step::Expunge {
        only: only.iter().map(|&raw| id(raw)).collect(),
    }
}

fn archive() -> MailboxName {
    MailboxName::from_bytes(b"archive").unwrap()
}

fn copy() -> Action {
    Action::Copy { to: archive() }
}

fn append() -> Action {
    Action::Append {
        flags: SEEN,
        zone_minutes: 0,
    }
}

fn first_try() -> Attempt {
    Attempt {
        number: 1,
        equals_before: 0,
    }
}

fn copying(message: i64, entry: i64) -> Step {
    Step::Copy {
        message: id(message),
        entry: EntryId::from_raw(entry),
        to: archive(),
        attempt: first_try(),
    }
}

#[test]
fn a_settled_mailbox_plans_nothing() {
    Case::quiet(&[NONE, SEEN, DELETED])
        .stranger(DELETED, true)
        .check(&[], &[]);
    Case::quiet(&[NONE])
        .doing(1, &[adding(SEEN)])
        .finding(1, RemoteState::Present(SEEN))
        .check(&[], &[]);
    Case::quiet(&[NONE, SEEN])
        .finding(1, RemoteState::Gone)
        .finding(2, RemoteState::Present(FLAGGED))
        .check(&[], &[]);
}

#[test]
fn equal_changes_are_one_step() {
    Case::quiet(&[NONE; 3])
        .doing(3, &[adding(SEEN)])
        .doing(1, &[adding(SEEN)])
        .doing(2, &[adding(SEEN.union(FLAGGED))])
        .check(
            &[
                store(&[1, 3], SEEN, NONE),
                store(&[2], SEEN.union(FLAGGED), NONE),
            ],
            &[],
        );
}

#[test]
fn a_removal_is_marked_and_then_expunged() {
    Case::quiet(&[NONE, DELETED, NONE])
        .removing(1)
        .doing(2, &[Action::Expunge])
        .check(&[store(&[1], DELETED, NONE), expunge(&[1, 2])], &[]);
}

#[test]
fn deleted_marks_of_others_hold_expunge_back() {
    let marked = [store(&[1], DELETED, NONE)];
    let waits = [(1, Delay::OthersDeleted)];
    Case::quiet(&[NONE, DELETED])
        .removing(1)
        .check(&marked, &waits);
    Case::quiet(&[NONE, NONE])
        .removing(1)
        .finding(2, RemoteState::Present(DELETED))
        .check(&marked, &waits);
    Case::quiet(&[NONE])
        .removing(1)
        .stranger(DELETED, true)
        .check(&marked, &waits);
    Case::quiet(&[NONE, NONE])
        .removing(1)
        .finding(2, RemoteState::Doubtful)
        .stranger(DELETED, false)
        .check(&marked, &waits);
    Case::quiet(&[NONE])
        .removing(1)
        .stranger(FLAGGED, true)
        .check(&[marked[0].clone(), expunge(&[1])], &[]);
}

/// A letter that is written anew and replaces another one is there before the other one goes.
#[test]
fn a_removal_waits_for_what_is_appended() {
    let appended = Step::Append {
        message: id(-1),
        entry: EntryId::from_raw(1),
        attempt: first_try(),
    };
    let steps = [appended, store(&[1], DELETED, NONE)];
    Case::quiet(&[NONE])
        .doing(-1, &[append()])
        .removing(1)
        .deciding(1, CopyDecision::Send(first_try()))
        .check(&steps, &[(1, Delay::AppendFirst)]);
}

#[test]
fn what_waits_for_an_equal_message_of_another_mailbox_says_so() {
    for (message, action) in [(-1, append()), (1, copy())] {
        Case::quiet(&[NONE])
            .doing(message, &[action])
            .deciding(1, CopyDecision::Wait)
            .check(&[], &[(message, Delay::EqualFirst)]);
    }
}

/// Otherwise the user's own mark would keep the removal waiting for ever, although it came after it.
#[test]
fn a_mark_that_follows_a_removal_waits_with_it() {
    Case::quiet(&[NONE, NONE, DELETED])
        .removing(1)
        .doing(2, &[adding(DELETED.union(SEEN))])
        .check(
            &[store(&[2], SEEN, NONE), store(&[1], DELETED, NONE)],
            &[(1, Delay::OthersDeleted), (2, Delay::AfterRemoval)],
        );
}

#[test]
fn an_expunge_that_can_be_told_what_to_remove_is_not_held_back() {
    let mut case = Case::quiet(&[NONE, DELETED])
        .removing(1)
        .stranger(DELETED, true);
    case.facts.scoped_expunge = true;
    case.check(&[store(&[1], DELETED, NONE), expunge(&[1])], &[]);
}

#[test]
fn messages_that_are_only_marked_get_their_mark_after_expunge() {
    Case::quiet(&[NONE, NONE])
        .removing(1)
        .doing(2, &[adding(DELETED.union(SEEN))])
        .check(
            &[
                store(&[2], SEEN, NONE),
                store(&[1], DELETED, NONE),
                expunge(&[1]),
                store(&[2], DELETED, NONE),
            ],
            &[],
        );
}

#[test]
fn a_mark_that_comes_off_no_longer_holds_expunge_back() {
    Case::quiet(&[NONE, DELETED])
        .removing(1)
        .doing(2, &[removing(DELETED)])
        .check(
            &[
                store(&[2], NONE, DELETED),
                store(&[1], DELETED, NONE),
                expunge(&[1]),
            ],
            &[],
        );
}

#[test]
fn copies_are_sent_in_the_order_of_the_journal_with_the_flags_of_their_moment() {
    Case::quiet(&[NONE, NONE])
        .doing(2, &[adding(SEEN), copy()])
        .doing(1, &[copy(), adding(FLAGGED)])
        .doing(2, &[removing(SEEN)])
        .deciding(2, CopyDecision::Send(first_try()))
        .deciding(3, CopyDecision::Send(first_try()))
        .check(
            &[
                store(&[2], SEEN, NONE),
                copying(2, 2),
                copying(1, 3),
                store(&[2], NONE, SEEN),
                store(&[1], FLAGGED, NONE),
            ],
            &[(1, Delay::CopyFirst), (2, Delay::CopyFirst)],
        );
}

#[test]
fn a_copy_is_never_marked_deleted_on_the_way() {
    Case::quiet(&[NONE])
        .doing(1, &[adding(DELETED), copy()])
        .deciding(2, CopyDecision::Send(first_try()))
        .check(&[copying(1, 2)], &[(1, Delay::CopyFirst)]);
}

#[test]
fn a_move_waits_for_the_receipt_of_its_copy() {
    let moved = Case::quiet(&[NONE]).doing(1, &[copy(), adding(DELETED), Action::Expunge]);
    let waits = [(1, Delay::CopyFirst)];
    moved.clone().check(&[], &waits);
    moved
        .clone()
        .deciding(1, CopyDecision::Send(first_try()))
        .check(&[copying(1, 1)], &waits);
    moved
        .clone()
        .deciding(1, CopyDecision::Park(ParkReason::NoDestination))
        .check(&[], &waits);
    moved
        .deciding(1, CopyDecision::Received)
        .check(&[store(&[1], DELETED, NONE), expunge(&[1])], &[]);
}

#[test]
fn one_copy_of_several_is_not_enough_to_remove_the_source() {
    Case::quiet(&[NONE])
        .doing(1, &[copy(), copy(), adding(DELETED), Action::Expunge])
        .deciding(1, CopyDecision::Received)
        .deciding(2, CopyDecision::Send(first_try()))
        .check(&[copying(1, 2)], &[(1, Delay::CopyFirst)]);
}

#[test]
fn from_a_mailbox_for_reading_only_copies_are_made_and_nothing_else() {
    let mut case = Case::quiet(&[NONE, NONE, NONE])
        .removing(1)
        .doing(2, &[adding(SEEN)])
        .doing(3, &[copy()])
        .deciding(4, CopyDecision::Send(first_try()));
    case.facts.access = Access::ReadOnly;
    case.check(
        &[copying(3, 4)],
        &[
            (1, Delay::ReadOnly),
            (2, Delay::ReadOnly),
            (3, Delay::CopyFirst),
        ],
    );
}

#[test]
fn doubtful_and_returned_messages_wait() {
    Case::quiet(&[NONE, NONE, NONE])
        .removing(1)
        .finding(1, RemoteState::Doubtful)
        .doing(2, &[adding(SEEN)])
        .finding(2, RemoteState::Returned)
        .finding(3, RemoteState::Doubtful)
        .check(&[], &[(1, Delay::Doubtful), (2, Delay::Returned)]);
}

#[test]
fn beside_what_has_just_come_nothing_is_changed_by_its_number() {
    let case = Case::quiet(&[NONE, NONE]).doing(1, &[adding(SEEN)]);
    let quiet = case.planned();
    let beside = |case: &Case| {
        let local = fold(&case.base, &case.entries);
        case.planned().beside(&case.base, &local, &case.remote, &[])
    };
    assert_eq!(beside(&case), quiet);
    // Nor where others changed the same flag: the base is to know it first.
    let others_did = |flags| beside(&case.clone().finding(2, RemoteState::Present(flags)));
    assert!(others_did(SEEN).put_off);
    assert_eq!(others_did(FLAGGED), quiet);
    // What the user asked for there would be asked for once more.
    let both = case.clone().doing(2, &[adding(SEEN)]);
    assert_eq!(beside(&both.finding(2, RemoteState::Present(SEEN))), quiet);
    assert_eq!(beside(&case.clone().stranger(NONE, false)), quiet);
    let put_off = beside(&case.stranger(NONE, true));
    assert!(put_off.put_off && put_off.steps.is_empty());
    let only_copies = Case::quiet(&[NONE]).doing(1, &[copy()]);
    let only_copies = only_copies.deciding(1, CopyDecision::Send(first_try()));
    let only_copies = only_copies.stranger(NONE, true);
    assert!(!beside(&only_copies).put_off);
}

#[test]
fn a_conflict_is_carried_out_as_what_it_keeps() {
    let mut case = Case::quiet(&[NONE])
        .removing(1)
        .finding(1, RemoteState::Present(FLAGGED.union(DELETED)));
    case.check(&[], &[]);
    case.entries = case
        .entries
        .into_iter()
        .map(|entry| attempted(entry, 1))
        .collect();
    case.check(&[store(&[1], NONE, DELETED)], &[]);
}

const ALPHABET: [FlagSet; 5] = [SEEN, FLAGGED, ANSWERED, DELETED, KEYWORD];

fn any_case(chance: &mut Chance) -> Case {
    let deleted = chance.pick(&[0, 0, 10, 50]);
    let flags = |chance: &mut Chance| {
        let mark = if chance.percent(deleted) {
            DELETED
        } else {
            NONE
        };
        chance.flags(&ALPHABET, 20).minus(DELETED).union(mark)
    };
    let known: Vec<FlagSet> = (0..chance.below(6)).map(|_| flags(chance)).collect();
    let mut case = Case::quiet(&known);
    for message in 1..=known.len() {
        let state = match chance.below(8) {
            0 => RemoteState::Gone,
            1 => RemoteState::Doubtful,
            2 => RemoteState::Returned,
            3 | 4 => RemoteState::Present(flags(chance)),
            _ => RemoteState::Present(known[message - 1]),
        };
        case = case.finding(message, state);
    }
    for _ in 0..chance.below(8) {
        if known.is_empty() {
            break;
        }
        let message = i64::try_from(chance.below(known.len())).unwrap() + 1;
        case = match chance.below(5) {
            0 => case.doing(message, &[copy()]),
            1 | 2 => case.removing(message),
            3 => case.doing(message, &[adding(chance.flags(&ALPHABET, 30))]),
            _ => case.doing(message, &[removing(chance.flags(&ALPHABET, 30))]),
        };
    }
    let copies: Vec<i64> = case
        .entries
        .iter()
        .filter(|entry| entry.is_copy())
        .map(|entry| entry.id.raw())
        .collect();
    for entry in copies {
        case = match chance.below(4) {
            0 => case,
            1 => case.deciding(entry, CopyDecision::Received),
            2 => case.deciding(entry, CopyDecision::Park(ParkReason::NoReceipt)),
            _ => case.deciding(entry, CopyDecision::Send(first_try())),
        };
    }
    for _ in 0..chance.below(3) {
        case = case.stranger(flags(chance), true);
    }
    case.facts.scoped_expunge = chance.percent(30);
    case.facts.access = chance.pick(&[Access::ReadWrite, Access::Unsaid, Access::ReadOnly]);
    case
}

#[test]
fn no_plan_removes_what_nobody_asked_to_remove() {
    let mut expunge_count = 0;
    for seed in seeds(20_000) {
        let case = any_case(&mut Chance::new(seed));
        let plan = case.planned();
        expunge_count += plan
            .steps
            .iter()
            .filter(|step| matches!(step, Step::Expunge { .. }))
            .count();
        ServerModel::of(&case).carry_out(&plan, &case);
    }
    assert!(expunge_count > 1000, "{expunge_count}");
}

#[test]
fn every_entry_is_carried_out_or_has_a_reason_to_wait() {
    for seed in seeds(20_000) {
        let case = any_case(&mut Chance::new(seed));
        let plan = case.planned();
        let acted: BTreeSet<MessageId> = plan
            .steps
            .iter()
            .flat_map(|step| step.messages().iter().copied())
            .collect();
        for verdict in case.verdicts().messages {
            let reached = match verdict.outcome {
                super::Outcome::Settle(target) | super::Outcome::Conflict { kept: target, .. } => {
                    match verdict.remote {
                        RemoteState::Present(flags) => {
                            target == super::MessageState::Present(flags)
                        }
                        RemoteState::Gone | RemoteState::Returned => {
                            target == super::MessageState::Gone
                        }
                        RemoteState::Doubtful => false,
                    }
                }
                super::Outcome::Wait(_) => false,
            };
            let explained = plan.delays.contains_key(&verdict.message);
            let moves = acted.contains(&verdict.message);
            assert!(
                verdict.entries.is_empty() || reached || explained || moves,
                "seed {seed}: {verdict:?}"
            );
            if let Some(Delay::ReadOnly) = plan.delays.get(&verdict.message) {
                assert_eq!(case.facts.access, Access::ReadOnly);
            }
        }
        let changes_nothing = |step: &Step| matches!(step, Step::Copy { .. });
        assert!(case.facts.access != Access::ReadOnly || plan.steps.iter().all(changes_nothing));
        assert!(
            plan.delays
                .keys()
                .all(|message| case.entries.iter().any(|entry| entry.message == *message))
        );
    }
}
