use std::collections::{BTreeMap, BTreeSet};

use super::{Arrival, Conflict, PassRecord, Settlement, StepOutcome, Trouble, settle};
use crate::id::{EntryId, MessageId};
use crate::journal::{Action, Attempt, EntryState, JournalEntry, Mark, ParkReason};
use crate::mirror::support::{
    DELETED, FLAGGED, NONE, SEEN, adding, attempted, base, entry, header, id, mark, observation,
};
use crate::mirror::{
    Access, Aligned, Base, ConflictKind, CopyDecision, Delay, MessageState, Observation, Policy,
    RemoteState, align, fold, merge, plan,
};
use crate::protocol::types::{FlagSet, MailboxName};
use MessageState::{Gone, Present};

/// A pass up to its steps; the test says what came of them.
struct Pass {
    base: Base,
    entries: Vec<JournalEntry>,
    seen: Observation,
    copies: BTreeMap<EntryId, CopyDecision>,
}

impl Pass {
    /// Messages 1, 2, ... without flags, which the server shows as they are.
    fn over(count: i64) -> Self {
        let marks: Vec<Mark> = (1..=count).map(look).collect();
        Self {
            base: base(&marks),
            entries: Vec::new(),
            seen: observation(&marks),
            copies: BTreeMap::new(),
        }
    }

    fn entry(mut self, entry: JournalEntry) -> Self {
        self.entries.push(entry);
        self
    }

    fn shown(mut self, message: usize, flags: FlagSet) -> Self {
        self.seen.messages[message - 1].flags = flags;
        self
    }

    fn decided(mut self, entry: i64, decision: CopyDecision) -> Self {
        self.copies.insert(EntryId::from_raw(entry), decision);
        self
    }

    /// Settles with these outcomes; those of further steps never came.
    fn settled(&self, outcomes: &[StepOutcome]) -> Settlement {
        let Aligned::Done(alignment) = align(&self.base, &self.seen, &BTreeSet::new()) else {
            panic!("every header is shown");
        };
        let remote = alignment.remote(&self.seen);
        let local = fold(&self.base, &self.entries);
        let verdicts = merge(&self.base, &local, &remote, Policy::default());
        let plan = plan(&verdicts, &remote, &self.seen.facts, &self.copies);
        assert!(outcomes.len() <= plan.steps.len(), "{:?}", plan.steps);
        settle(&PassRecord {
            base: &self.base,
            entries: &self.entries,
            seen: &self.seen,
            alignment: &alignment,
            verdicts: &verdicts,
            copies: &self.copies,
            plan: &plan,
            mistakes: &[],
            outcomes,
            attempts: 5,
        })
    }
}

fn look(number: i64) -> Mark {
    mark(number, 1, number.unsigned_abs())
}

fn done(seen: &[(i64, MessageState)]) -> StepOutcome {
    StepOutcome::Done(named(seen))
}

fn refused(seen: &[(i64, MessageState)]) -> StepOutcome {
    StepOutcome::Refused {
        text: "no".to_owned(),
        of: seen.iter().map(|&(message, _)| id(message)).collect(),
        seen: named(seen),
    }
}

fn named(seen: &[(i64, MessageState)]) -> Vec<(MessageId, MessageState)> {
    seen.iter()
        .map(|&(message, state)| (id(message), state))
        .collect()
}

fn entries(raw: &[i64]) -> Vec<EntryId> {
    raw.iter().copied().map(EntryId::from_raw).collect()
}

fn copy() -> Action {
    Action::Copy {
        to: MailboxName::inbox(),
    }
}

fn removal(pass: Pass) -> Pass {
    pass.entry(entry(1, 1, adding(DELETED)))
        .entry(entry(2, 1, Action::Expunge))
}

#[test]
fn a_quiet_pass_changes_nothing() {
    let settlement = Pass::over(2).settled(&[]);
    assert_eq!(settlement, Settlement::default());
}

#[test]
fn what_others_did_becomes_the_base() {
    let mut pass = Pass::over(3).shown(3, FLAGGED);
    pass.seen.messages.remove(1);
    pass.seen.messages.extend(observation(&[look(9)]).messages);
    let settlement = pass.settled(&[]);
    assert_eq!(settlement.gone, [id(2)]);
    assert_eq!(settlement.flags, [(id(3), FLAGGED)]);
    let arrived: Vec<Mark> = settlement
        .arrived
        .iter()
        .map(|arrival| arrival.seen.mark)
        .collect();
    assert_eq!(arrived, [look(9)]);
}

#[test]
fn what_a_session_shows_of_its_own_changes_proves_nothing() {
    let pass = Pass::over(1).entry(entry(1, 1, adding(SEEN)));
    for outcome in [
        done(&[(1, Present(SEEN))]),
        done(&[(1, Present(SEEN.union(FLAGGED)))]),
        done(&[(1, Present(NONE))]),
        done(&[]),
        refused(&[(1, Present(NONE))]),
        refused(&[(1, Present(SEEN))]),
    ] {
        let settlement = pass.settled(std::slice::from_ref(&outcome));
        assert!(
            settlement.retired.is_empty() && settlement.flags.is_empty(),
            "{outcome:?}"
        );
    }
}

#[test]
fn an_entry_that_is_so_already_is_retired_without_a_step() {
    let settlement = Pass::over(1)
        .entry(entry(1, 1, adding(SEEN)))
        .shown(1, SEEN)
        .settled(&[]);
    assert_eq!(settlement.retired, entries(&[1]));
    assert_eq!(settlement.flags, [(id(1), SEEN)]);
}

#[test]
fn a_removal_is_retired_when_the_message_is_gone() {
    let pass = removal(Pass::over(1));
    let marked = done(&[(1, Present(DELETED))]);
    let gone = pass.settled(&[marked.clone(), done(&[(1, Gone)])]);
    assert_eq!((gone.retired, gone.gone), (entries(&[1, 2]), vec![id(1)]));
    assert_eq!(gone.unremoved, None);
    let still_there = pass.settled(&[marked, done(&[])]);
    let left = still_there.unremoved.unwrap().to_string();
    assert!(left.contains("1 of 1 messages"), "{left}");
    assert_eq!(
        (still_there.retired, still_there.gone, still_there.flags),
        (entries(&[]), vec![], vec![(id(1), DELETED)])
    );
}

#[test]
fn a_removal_that_was_not_sent_after_all_has_removed_nothing() {
    let pass = removal(Pass::over(1));
    let settlement = pass.settled(&[done(&[(1, Present(DELETED))]), StepOutcome::Unsent]);
    // Somebody took the mark off: that is to be noticed.
    assert_eq!(settlement.flags, [(id(1), DELETED)]);
    let marked = Attempt {
        number: 1,
        equals_before: 0,
    };
    let recounted: Vec<_> = entries(&[1, 2])
        .into_iter()
        .map(|id| (id, marked))
        .collect();
    assert_eq!(settlement.recounted, recounted);
    let sent = pass.settled(&[done(&[]), done(&[])]);
    assert_eq!(sent.recounted, []);
}

#[test]
fn a_refusal_is_told_and_the_fifth_is_parked() {
    let trouble = (EntryId::from_raw(1), Trouble::Refused("no".to_owned()));
    for (number, parks) in [(0, false), (4, false), (5, true), (6, true)] {
        let asked = entry(1, 1, adding(SEEN));
        let asked = if number == 0 {
            asked
        } else {
            attempted(asked, number)
        };
        let settlement = Pass::over(1)
            .entry(asked)
            .settled(&[refused(&[(1, Present(NONE))])]);
        let parked = (
            EntryId::from_raw(1),
            ParkReason::Refused {
                text: "no".to_owned(),
            },
        );
        assert_eq!(settlement.parked, if parks { vec![parked] } else { vec![] });
        assert_eq!(
            settlement.troubled,
            if parks { vec![] } else { vec![trouble.clone()] }
        );
    }
}

#[test]
fn what_the_server_does_not_keep_is_parked_the_fifth_time() {
    let missed = Trouble::NotShown.to_string();
    for (number, trouble, parks) in [
        (4, missed.as_str(), false),
        (5, "", false),
        (5, missed.as_str(), true),
    ] {
        let asked = JournalEntry {
            trouble: trouble.to_owned(),
            ..attempted(entry(1, 1, adding(SEEN)), number)
        };
        let settlement = Pass::over(1)
            .entry(asked)
            .settled(&[done(&[(1, Present(NONE))])]);
        let parked = (EntryId::from_raw(1), ParkReason::NotKept);
        assert_eq!(settlement.parked, if parks { vec![parked] } else { vec![] });
    }
}

#[test]
fn a_delay_is_told_and_never_parked() {
    let mut pass = removal(Pass::over(2)).shown(2, DELETED);
    pass.entries = pass
        .entries
        .into_iter()
        .map(|entry| attempted(entry, 9))
        .collect();
    let settlement = pass.settled(&[done(&[(1, Present(DELETED))])]);
    let waits = Trouble::Delayed(Delay::OthersDeleted);
    let expected: Vec<_> = entries(&[1, 2])
        .into_iter()
        .map(|entry| (entry, waits.clone()))
        .collect();
    assert_eq!(settlement.troubled, expected);
    assert!(settlement.parked.is_empty() && settlement.retired.is_empty());
}

#[test]
fn a_mailbox_for_reading_only_holds_entries_back_and_still_learns() {
    let mut pass = Pass::over(2)
        .entry(entry(1, 1, adding(SEEN)))
        .shown(2, FLAGGED);
    pass.seen.facts.access = Access::ReadOnly;
    let settlement = pass.settled(&[]);
    assert_eq!(
        settlement.troubled,
        [(EntryId::from_raw(1), Trouble::Delayed(Delay::ReadOnly))]
    );
    assert_eq!(settlement.flags, [(id(2), FLAGGED)]);
}

/// A copy changes nothing in the mailbox that it is made from.
#[test]
fn from_a_mailbox_for_reading_only_copies_are_made_and_the_rest_waits() {
    let send = CopyDecision::Send(Attempt {
        number: 1,
        equals_before: 0,
    });
    let mut pass = Pass::over(2)
        .entry(entry(1, 1, adding(SEEN)))
        .entry(entry(2, 1, copy()))
        .entry(entry(3, 2, copy()))
        .decided(2, send.clone())
        .decided(3, send);
    pass.seen.facts.access = Access::ReadOnly;
    let settlement = pass.settled(&[done(&[]), done(&[])]);
    let waits = |raw, delay| (EntryId::from_raw(raw), Trouble::Delayed(delay));
    assert_eq!(
        settlement.troubled,
        [
            waits(1, Delay::ReadOnly),
            waits(2, Delay::ReadOnly),
            waits(3, Delay::CopyFirst)
        ]
    );
    assert!(settlement.retired.is_empty() && settlement.parked.is_empty());
}

#[test]
fn a_conflict_is_recorded_once_what_is_kept_is_seen() {
    let conflict = |there, entries| Conflict {
        message: id(1),
        kind: ConflictKind::DeletedHereMarkedThere,
        saw: NONE,
        there: RemoteState::Present(there),
        kept: Present(FLAGGED),
        entries,
    };
    let pass = removal(Pass::over(1)).shown(1, FLAGGED);
    let settlement = pass.settled(&[]);
    assert_eq!(settlement.conflicts, [conflict(FLAGGED, entries(&[1, 2]))]);
    assert_eq!(settlement.retired, entries(&[1, 2]));

    let mut half_done = removal(Pass::over(1)).shown(1, FLAGGED.union(DELETED));
    half_done.entries = half_done
        .entries
        .into_iter()
        .map(|entry| attempted(entry, 1))
        .collect();
    let settlement = half_done.settled(&[refused(&[(1, Present(FLAGGED.union(DELETED)))])]);
    assert!(settlement.conflicts.is_empty() && settlement.retired.is_empty());
    let settlement = half_done.settled(&[done(&[(1, Present(FLAGGED))])]);
    assert!(settlement.conflicts.is_empty() && settlement.retired.is_empty());
    let taken_back = half_done.shown(1, FLAGGED).settled(&[]);
    assert_eq!(taken_back.conflicts, [conflict(FLAGGED, entries(&[1, 2]))]);
    assert_eq!(taken_back.retired, entries(&[1, 2]));
}

#[test]
fn a_flag_on_a_message_that_is_gone_is_a_conflict_on_record() {
    let mut pass = Pass::over(2).entry(entry(1, 1, adding(FLAGGED)));
    pass.seen.messages.remove(0);
    let settlement = pass.settled(&[]);
    assert_eq!(settlement.conflicts.len(), 1);
    assert_eq!(
        settlement.conflicts[0].kind,
        ConflictKind::ChangedHereDeletedThere
    );
    assert_eq!(
        (settlement.retired, settlement.gone),
        (entries(&[1]), vec![id(1)])
    );
}

#[test]
fn a_copy_is_retired_by_its_receipt_alone() {
    let first_try = Attempt {
        number: 1,
        equals_before: 0,
    };
    let pass = || Pass::over(1).entry(entry(1, 1, copy()));
    let sent = pass()
        .decided(1, CopyDecision::Send(first_try))
        .settled(&[done(&[(1, Present(NONE))])]);
    assert!(sent.retired.is_empty() && sent.parked.is_empty());
    let received = pass().decided(1, CopyDecision::Received).settled(&[]);
    assert_eq!(received.retired, entries(&[1]));
    let parked = pass()
        .decided(1, CopyDecision::Park(ParkReason::NoReceipt))
        .settled(&[]);
    assert_eq!(
        parked.parked,
        [(EntryId::from_raw(1), ParkReason::NoReceipt)]
    );
}

#[test]
fn a_copy_says_why_it_waits() {
    let first_try = Attempt {
        number: 1,
        equals_before: 0,
    };
    let asked = || Pass::over(1).entry(entry(1, 1, copy()));
    let sent = || asked().decided(1, CopyDecision::Send(first_try));
    let troubled = |trouble| vec![(EntryId::from_raw(1), trouble)];
    let refusal = Trouble::Refused("no".to_owned());
    let not_seen = Trouble::Delayed(Delay::CopyFirst);
    assert_eq!(sent().settled(&[refused(&[])]).troubled, troubled(refusal));
    assert_eq!(
        sent().settled(&[done(&[])]).troubled,
        troubled(not_seen.clone())
    );
    assert_eq!(asked().settled(&[]).troubled, troubled(not_seen));
    let parked = asked().decided(1, CopyDecision::Park(ParkReason::NoReceipt));
    assert_eq!(parked.settled(&[]).troubled, []);
    let received = asked().decided(1, CopyDecision::Received);
    assert_eq!(received.settled(&[]).troubled, []);
}

#[test]
fn a_copy_whose_source_is_gone_is_parked_once() {
    for decision in [None, Some(CopyDecision::Park(ParkReason::NoDestination))] {
        let mut pass = Pass::over(2).entry(entry(1, 1, copy()));
        pass.seen.messages.remove(0);
        pass.copies
            .extend(decision.map(|decision| (EntryId::from_raw(1), decision)));
        let settlement = pass.settled(&[]);
        assert_eq!(settlement.parked.len(), 1, "{:?}", settlement.parked);
        assert_eq!(settlement.gone, [id(1)]);
    }
}

/// Its destination cannot be opened now, and may hold it: what is appended instead would be there twice.
#[test]
fn a_copy_that_was_sent_is_not_given_up_before_somebody_looked() {
    let attempt = Attempt {
        number: 1,
        equals_before: 0,
    };
    for (decision, parked) in [(None, 0), (Some(CopyDecision::Send(attempt)), 1)] {
        let sent = JournalEntry {
            state: EntryState::Attempted(attempt),
            ..entry(1, 1, copy())
        };
        let mut pass = Pass::over(2).entry(sent);
        pass.seen.messages.remove(0);
        let decision = decision.map(|decision| (EntryId::from_raw(1), decision));
        pass.copies.extend(decision);
        let settlement = pass.settled(&[]);
        assert_eq!(settlement.parked.len(), parked, "{:?}", settlement.parked);
        let waits = settlement.troubled.iter().map(|(_, why)| why);
        assert_eq!(
            waits.filter(|why| **why == Trouble::NotShown).count(),
            1 - parked
        );
    }
}

#[test]
fn a_removal_with_a_copy_that_arrived_retires_both() {
    let pass = Pass::over(1)
        .entry(entry(1, 1, copy()))
        .entry(entry(2, 1, adding(DELETED)))
        .entry(entry(3, 1, Action::Expunge))
        .decided(1, CopyDecision::Received);
    let settlement = pass.settled(&[done(&[(1, Present(DELETED))]), done(&[(1, Gone)])]);
    assert_eq!(settlement.retired, entries(&[1, 2, 3]));
    assert!(settlement.parked.is_empty());
}

#[test]
fn a_message_in_doubt_loses_the_name_that_another_uidvalidity_gave_it() {
    let named = |mark: Mark, uid| Mark {
        uid: Some(uid),
        ..mark
    };
    let twin = mark(7, 7, 7);
    for (validity, stays) in [(5, true), (6, false)] {
        let mut pass = Pass::over(0);
        pass.base = base(&[named(twin, 1), named(twin, 2), named(look(9), 3)]);
        pass.base.facts.uid_validity = Some(5);
        pass.seen = if stays {
            observation(&[named(twin, 2), named(look(9), 3)])
        } else {
            observation(&[named(twin, 1), named(look(9), 2)])
        };
        pass.seen.facts.uid_validity = Some(validity);
        let settlement = pass.settled(&[]);
        let marks = if stays {
            Vec::new()
        } else {
            vec![(id(1), twin), (id(2), twin), (id(3), named(look(9), 2))]
        };
        assert_eq!(settlement.marks, marks);
        assert_eq!(settlement.gone.len(), usize::from(stays));
    }
}

#[test]
fn doubtful_messages_stay_in_the_base_and_their_entries_wait() {
    let twin = mark(7, 7, 7);
    let mut pass = Pass::over(0).entry(entry(1, 1, adding(SEEN)));
    pass.base = base(&[twin, twin]);
    pass.seen = observation(&[twin]);
    let settlement = pass.settled(&[]);
    assert!(settlement.gone.is_empty() && settlement.arrived.is_empty());
    assert_eq!(
        settlement.troubled,
        [(EntryId::from_raw(1), Trouble::Delayed(Delay::Doubtful))]
    );
}

/// Otherwise the arrival that proved another copy would prove it as well, once that one is forgotten.
#[test]
fn a_copy_that_did_not_arrive_and_cannot_be_sent_again_yet_is_counted_anew() {
    let twin = mark(7, 7, 7);
    let again = |equals_before| Attempt {
        number: 1,
        equals_before,
    };
    let sent = JournalEntry {
        state: EntryState::Attempted(again(0)),
        ..entry(1, 1, copy())
    };
    let next = Attempt {
        number: 2,
        equals_before: 1,
    };
    let mut pass = Pass::over(0)
        .entry(sent)
        .decided(1, CopyDecision::Send(next));
    pass.base = base(&[twin, twin]);
    pass.seen = observation(&[twin]);
    let settlement = pass.settled(&[]);
    assert_eq!(settlement.recounted, [(EntryId::from_raw(1), again(1))]);
}

#[test]
fn the_entries_of_a_message_that_came_back_go_over_to_it() {
    let mut pass = removal(Pass::over(2));
    pass.seen.messages.reverse();
    let settlement = pass.settled(&[]);
    let arrival = Arrival {
        seq: crate::mirror::support::seq(2),
        seen: pass.seen.messages[1],
        was: Some(id(1)),
    };
    assert_eq!(settlement.arrived, [arrival]);
    assert_eq!(settlement.gone, [id(1)]);
    assert!(settlement.retired.is_empty() && settlement.parked.is_empty());
}

#[test]
fn entries_of_a_message_that_left_the_base_before_they_were_answered_are_answered_now() {
    for (action, conflicts) in [
        (adding(FLAGGED), 1),
        (adding(SEEN), 0),
        (Action::Expunge, 0),
    ] {
        let pass = Pass::over(1).entry(entry(7, 9, action));
        let settlement = pass.settled(&[]);
        assert_eq!(settlement.retired, entries(&[7]));
        assert_eq!(settlement.conflicts.len(), conflicts);
        assert!(settlement.gone.is_empty());
    }
    let settlement = Pass::over(1).entry(entry(7, 9, copy())).settled(&[]);
    assert_eq!(
        settlement.parked,
        [(EntryId::from_raw(7), ParkReason::SourceGone)]
    );
}

#[test]
fn marks_learn_and_do_not_forget() {
    let mut pass = Pass::over(6);
    pass.base.messages[1].mark.header = None;
    pass.seen.messages[0].mark.header = None;
    for (uid, message) in (5..).zip(&mut pass.seen.messages) {
        message.mark.uid = Some(uid);
    }
    pass.seen.facts.uid_validity = Some(9);
    let settlement = pass.settled(&[]);
    let learnt = |number: i64, uid: i64| Mark {
        header: Some(header(number.unsigned_abs())),
        uid: u32::try_from(uid).ok(),
        ..look(number)
    };
    assert_eq!(
        settlement.marks,
        [1, 2, 3, 4, 5, 6].map(|number| (id(number), learnt(number, number + 4)))
    );
    assert_eq!(settlement.facts.uid_validity, Some(9));
}
