//! Settle: what a pass has proven, and which entries are thereby done.
//!
//! The new base is what the server was *seen* to hold when the mailbox was opened, never what we wanted it to hold, nor what
//! a session shows of its own changes: servers show flags that they forget with the session. An entry is retired when
//! the state seen is the state its verdict asked for; whatever was sent is proven by the next look, which follows at once.
//! Only a removal is believed as it is told: what EXPUNGE has removed does not come back. And a `\Deleted` that stood there is
//! remembered: whoever took it off before the next look wants to keep the message.

use std::collections::{BTreeMap, BTreeSet};

use super::align::{Alignment, Fate};
use super::brake::{Halt, removes};
use super::copies::{CopyDecision, recount};
use super::merge::{Outcome, Verdict, Verdicts, WaitReason};
use super::mistake::Mistake;
use super::observation::{Coverage, MailboxFacts, Observation, SeenMessage};
use super::plan::{Delay, Plan, Step};
use super::table::ConflictKind;
use super::view::{Base, BaseMessage, LocalState, MessageState, RemoteState};
use crate::id::{EntryId, MessageId};
use crate::journal::{Attempt, JournalEntry, Mark, ParkReason};
use crate::protocol::types::{FlagSet, SeqNum};

/// What came of one step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StepOutcome {
    /// The server said OK; this is what it showed afterwards.
    Done(Vec<(MessageId, MessageState)>),
    /// The server said NO.
    Refused {
        /// Its words.
        text: String,
        /// The messages of the step that it refused; to others of it, it said OK.
        of: Vec<MessageId>,
        /// What it showed afterwards.
        seen: Vec<(MessageId, MessageState)>,
    },
    /// Nothing was sent after all: EXPUNGE would have removed something else, or not all that it is meant for.
    Unsent,
}

impl StepOutcome {
    /// What was seen after it.
    #[must_use]
    pub fn seen(&self) -> &[(MessageId, MessageState)] {
        match self {
            Self::Done(seen) | Self::Refused { seen, .. } => seen,
            Self::Unsent => &[],
        }
    }
}

/// What one pass changes in the store, all at once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settlement {
    /// What holds for the mailbox as a whole from now on.
    pub facts: MailboxFacts,
    /// How much was looked at to know all this.
    pub coverage: Coverage,
    /// Messages of the base whose flags are different now.
    pub flags: Vec<(MessageId, FlagSet)>,
    /// Messages of the base whose mark says more, or other things, than before.
    pub marks: Vec<(MessageId, Mark)>,
    /// Messages of the base that are no more.
    pub gone: Vec<MessageId>,
    /// Messages of the base that were taken for one of several equals: their texts may be another's.
    pub chosen: Vec<MessageId>,
    /// Messages that stand after the base, in the server's order.
    pub arrived: Vec<Arrival>,
    /// Entries that the server is proven to hold, or that a conflict answered.
    pub retired: Vec<EntryId>,
    /// Entries whose message did not arrive, or whose EXPUNGE was not sent, counted anew.
    pub recounted: Vec<(EntryId, Attempt)>,
    /// Entries that a person has to look at.
    pub parked: Vec<(EntryId, ParkReason)>,
    /// Entries that wait, and why.
    pub troubled: Vec<(EntryId, Trouble)>,
    /// What was decided against a wish of the user, for the record.
    pub conflicts: Vec<Conflict>,
    /// Messages that may have been hit by mistake.
    pub mistakes: Vec<Mistake>,
    /// What was to be removed and is there still: an approval of it goes on.
    pub unremoved: Option<Halt>,
}

impl Settlement {
    /// Messages of the base that are no more, and did not come back as others either.
    #[must_use]
    pub fn removed(&self) -> Vec<MessageId> {
        let came_back: BTreeSet<MessageId> = self
            .arrived
            .iter()
            .filter_map(|arrival| arrival.was)
            .collect();
        let gone = self.gone.iter().copied();
        gone.filter(|id| !came_back.contains(id)).collect()
    }
}

/// A message that the base does not have yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arrival {
    /// Where it stands.
    pub seq: SeqNum,
    /// What was seen of it.
    pub seen: SeenMessage,
    /// The message of the base that left its place and came back as this one.
    pub was: Option<MessageId>,
}

impl Arrival {
    /// The same as a message of the base.
    #[must_use]
    pub fn recorded(&self, id: MessageId) -> BaseMessage {
        BaseMessage {
            id,
            mark: self.seen.mark,
            flags: self.seen.flags,
            zone_minutes: self.seen.zone_minutes,
        }
    }
}

/// Why an entry is still there after a pass.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// The plan held it back.
    Delayed(Delay),
    /// The server said NO, with these words.
    Refused(String),
    /// It was sent before, and this look does not show it.
    NotShown,
}

/// A wish that was not carried out, because somebody else's excluded it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conflict {
    /// The message.
    pub message: MessageId,
    /// Which wishes met.
    pub kind: ConflictKind,
    /// The flags that the user saw when asking.
    pub saw: FlagSet,
    /// What the server showed.
    pub there: RemoteState,
    /// What both sides came to.
    pub kept: MessageState,
    /// The entries that it answered.
    pub entries: Vec<EntryId>,
}

impl Conflict {
    /// Whether the message was removed by others and is to go back to the server.
    #[must_use]
    pub fn restores(&self) -> bool {
        self.kind == ConflictKind::ChangedHereRestoredThere
    }
}

/// Everything that one pass looked at and did.
#[derive(Clone, Copy, Debug)]
pub struct PassRecord<'a> {
    /// The base it began with.
    pub base: &'a Base,
    /// The journal entries it folded.
    pub entries: &'a [JournalEntry],
    /// What the server showed.
    pub seen: &'a Observation,
    /// How that was read.
    pub alignment: &'a Alignment,
    /// What was decided.
    pub verdicts: &'a Verdicts,
    /// About copies.
    pub copies: &'a BTreeMap<EntryId, CopyDecision>,
    /// What was to be sent.
    pub plan: &'a Plan,
    /// What may have been hit by mistake.
    pub mistakes: &'a [Mistake],
    /// What came of each step, in the plan's order.
    pub outcomes: &'a [StepOutcome],
    /// How often something is sent for an entry before a person has to look.
    pub attempts: u32,
}

/// Settles a pass.
#[must_use]
pub fn settle(pass: &PassRecord<'_>) -> Settlement {
    let proven = Proven::of(pass);
    let mut settlement = Settlement {
        facts: pass.seen.facts,
        coverage: pass.seen.coverage,
        mistakes: pass.mistakes.to_vec(),
        ..Settlement::default()
    };
    settlement.base(pass, &proven);
    let entries: BTreeMap<EntryId, &JournalEntry> =
        pass.entries.iter().map(|entry| (entry.id, entry)).collect();
    for (entry, decision) in pass.copies {
        settlement.copy(entries.get(entry).copied(), decision, &pass.plan.steps);
    }
    let verdicts = pass.verdicts.messages.iter();
    for verdict in verdicts.chain(&pass.verdicts.departed) {
        settlement.answer(verdict, &proven, pass, &entries);
    }
    settlement.recount_unsent(pass);
    settlement.unremoved = proven.unremoved(pass);
    for (message, entry) in &pass.verdicts.appended {
        let waiting = entries.get(entry).copied();
        let waiting = waiting.filter(|entry| pass.leaves_open(entry));
        settlement.explain(*message, waiting.into_iter(), &proven, pass);
    }
    settlement
}

impl PassRecord<'_> {
    /// Whether an entry is still to be carried out, as far as a look at its destination has shown.
    fn leaves_open(&self, entry: &JournalEntry) -> bool {
        let decided = match self.copies.get(&entry.id) {
            Some(CopyDecision::Received | CopyDecision::Park(_)) => true,
            Some(CopyDecision::Send(_) | CopyDecision::Wait) | None => false,
        };
        entry.is_active() && !decided
    }

    /// Whether it is a copy that was sent, and nobody could look whether it arrived.
    fn may_have_come(&self, entry: &JournalEntry) -> bool {
        let is_sent = entry.is_copy() && entry.may_have_been_sent();
        is_sent && !self.copies.contains_key(&entry.id)
    }
}

/// What the server was seen to hold of the messages this pass dealt with.
struct Proven {
    states: BTreeMap<MessageId, MessageState>,
    /// What was said NO to, where a step acts on messages.
    refusals: BTreeMap<MessageId, String>,
    /// The same where it brings one message, for one entry.
    refused: BTreeMap<EntryId, String>,
    stepped: BTreeSet<MessageId>,
    /// Messages that were shown as `\Deleted` once we had marked them.
    marked: BTreeSet<MessageId>,
}

impl Proven {
    fn of(pass: &PassRecord<'_>) -> Self {
        let verdicts = pass.verdicts.messages.iter();
        let shown = verdicts
            .chain(&pass.verdicts.departed)
            .filter_map(|verdict| match verdict.remote {
                RemoteState::Present(flags) => {
                    Some((verdict.message, MessageState::Present(flags)))
                }
                RemoteState::Gone | RemoteState::Returned => {
                    Some((verdict.message, MessageState::Gone))
                }
                RemoteState::Doubtful => None,
            });
        let mut proven = Self {
            states: shown.collect(),
            refusals: BTreeMap::new(),
            refused: BTreeMap::new(),
            stepped: BTreeSet::new(),
            marked: BTreeSet::new(),
        };
        for (step, outcome) in pass.plan.steps.iter().zip(pass.outcomes) {
            proven.stepped.extend(step.messages());
            for &(message, state) in outcome.seen() {
                match state {
                    MessageState::Gone => {
                        proven.states.insert(message, state);
                    }
                    MessageState::Present(flags) if flags.contains(FlagSet::DELETED) => {
                        proven.marked.insert(message);
                    }
                    MessageState::Present(_) => {}
                }
            }
            let StepOutcome::Refused { text, of, .. } = outcome else {
                continue;
            };
            match step {
                Step::Copy { entry, .. } | Step::Append { entry, .. } => {
                    proven.refused.insert(*entry, text.clone());
                }
                Step::StoreFlags { .. } | Step::Expunge { .. } => {
                    let words = |&message| (message, text.clone());
                    proven.refusals.extend(of.iter().map(words));
                }
            }
        }
        proven
    }
}

impl Proven {
    /// What the base is to know of a message that was found with these flags.
    fn remember(&self, message: MessageId, flags: FlagSet) -> FlagSet {
        if self.marked.contains(&message) {
            flags.union(FlagSet::DELETED)
        } else {
            flags
        }
    }

    fn unremoved(&self, pass: &PassRecord<'_>) -> Option<Halt> {
        let is_there =
            |verdict: &&Verdict| self.states.get(&verdict.message) != Some(&MessageState::Gone);
        let waits = |verdict: &Verdict| {
            matches!(verdict.outcome, Outcome::Wait(_))
                && matches!(verdict.local, LocalState::Expunged { .. })
        };
        let verdicts = pass.verdicts.messages.iter().filter(is_there);
        let removed_count = verdicts
            .filter(|verdict| removes(verdict) || waits(verdict))
            .count();
        (removed_count > 0).then_some(Halt::RemovedHere {
            removed_count,
            base_count: pass.base.messages.len(),
        })
    }
}

impl Settlement {
    /// What is different in the base now, and what stands after it.
    fn base(&mut self, pass: &PassRecord<'_>, proven: &Proven) {
        for (known, fate) in pass.base.messages.iter().zip(&pass.alignment.fates) {
            let seen = match *fate {
                Fate::Present(seq) => pass.seen.at(seq),
                Fate::Chosen(seq) => {
                    self.chosen.push(known.id);
                    pass.seen.at(seq)
                }
                Fate::Gone | Fate::Returned(_) => {
                    self.gone.push(known.id);
                    continue;
                }
                Fate::Doubtful => {
                    // Under another UIDVALIDITY its UID is the name of somebody else.
                    if pass.seen.facts.uid_validity != pass.base.facts.uid_validity
                        && known.mark.uid.is_some()
                    {
                        let mark = Mark {
                            uid: None,
                            ..known.mark
                        };
                        self.marks.push((known.id, mark));
                    }
                    continue;
                }
            };
            let Some(seen) = seen else { continue };
            match proven
                .states
                .get(&known.id)
                .copied()
                .unwrap_or(MessageState::Present(seen.flags))
            {
                MessageState::Gone => self.gone.push(known.id),
                MessageState::Present(flags) => {
                    let flags = proven.remember(known.id, flags);
                    if flags != known.flags {
                        self.flags.push((known.id, flags));
                    }
                }
            }
            let mark = Mark {
                header: seen.mark.header.or(known.mark.header),
                ..seen.mark
            };
            if mark != known.mark {
                self.marks.push((known.id, mark));
            }
        }
        let came_back = came_back(pass);
        let arrived = pass.seen.numbered().skip(pass.alignment.known_count);
        let seen_count = pass.seen.messages.len();
        self.arrived
            .reserve_exact(seen_count.saturating_sub(pass.alignment.known_count));
        self.arrived.extend(arrived.map(|(seq, seen)| Arrival {
            seq,
            seen: *seen,
            was: came_back.get(&seq).copied(),
        }));
    }

    fn copy(&mut self, entry: Option<&JournalEntry>, decision: &CopyDecision, steps: &[Step]) {
        let Some(entry) = entry.filter(|entry| entry.is_active()) else {
            return;
        };
        match decision {
            CopyDecision::Received => self.retired.push(entry.id),
            CopyDecision::Park(reason) => self.parked.push((entry.id, reason.clone())),
            CopyDecision::Wait => {}
            CopyDecision::Send(_) if steps.iter().any(|step| step.sends(entry.id)) => {}
            CopyDecision::Send(_) => {
                let again = recount(entry, decision);
                self.recounted
                    .extend(again.map(|attempt| (entry.id, attempt)));
            }
        }
    }

    /// A removal that was about to be sent, and was not, has removed nothing.
    fn recount_unsent(&mut self, pass: &PassRecord<'_>) {
        let outcomes = pass.plan.steps.iter().zip(pass.outcomes);
        let unsent = outcomes.filter(|(_, outcome)| **outcome == StepOutcome::Unsent);
        for (step, _) in unsent {
            self.recounted.extend(step.marked_only(pass.entries));
        }
    }

    /// Retires, parks or explains the entries behind one verdict.
    fn answer(
        &mut self,
        verdict: &Verdict,
        proven: &Proven,
        pass: &PassRecord<'_>,
        entries: &BTreeMap<EntryId, &JournalEntry>,
    ) {
        let state = proven.states.get(&verdict.message).copied();
        let reached = match verdict.outcome {
            Outcome::Settle(target) | Outcome::Conflict { kept: target, .. } => {
                state == Some(target)
            }
            Outcome::Wait(_) => false,
        };
        let mine = verdict
            .entries
            .iter()
            .filter_map(|id| entries.get(id).copied());
        let (mut copies, mut wishes): (Vec<_>, Vec<_>) = mine
            .filter(|entry| pass.leaves_open(entry))
            .partition(|entry| entry.is_copy());
        if reached {
            let answered: Vec<EntryId> = wishes.drain(..).map(|entry| entry.id).collect();
            self.retired.extend(&answered);
            if let Outcome::Conflict { kind, kept } = verdict.outcome {
                self.conflicts.push(Conflict {
                    message: verdict.message,
                    kind,
                    saw: verdict.saw,
                    there: verdict.remote,
                    kept,
                    entries: answered,
                });
            }
        }
        let returned = verdict.outcome == Outcome::Wait(WaitReason::Returned);
        if state == Some(MessageState::Gone) && !returned {
            let sourceless = copies
                .extract_if(.., |entry| !pass.may_have_come(entry))
                .map(|entry| (entry.id, ParkReason::SourceGone));
            self.parked.extend(sourceless);
        }
        self.explain(
            verdict.message,
            wishes.into_iter().chain(copies),
            proven,
            pass,
        );
    }

    /// Says why entries are still there, or parks them when a person has to look.
    fn explain<'a>(
        &mut self,
        message: MessageId,
        waiting: impl Iterator<Item = &'a JournalEntry>,
        proven: &Proven,
        pass: &PassRecord<'_>,
    ) {
        if pass.plan.put_off {
            // They keep the reasons that they had.
            return;
        }
        let delay = pass.plan.delays.get(&message).copied();
        let waiting: Vec<&JournalEntry> = waiting.collect();
        let is_spent = |entry: &JournalEntry| {
            let attempt = entry.attempt();
            attempt.is_some_and(|attempt| attempt.number >= pass.attempts)
        };
        // Lines that broke prove nothing, nor does what is missing since the user asked for more.
        let mut wishes = waiting
            .iter()
            .filter(|entry| !(entry.is_copy() || entry.is_append()));
        let is_missed = proven.stepped.contains(&message)
            && wishes
                .all(|entry| is_spent(entry) && entry.trouble == Trouble::NotShown.to_string());
        for entry in waiting {
            let refusal = if entry.is_copy() || entry.is_append() {
                proven.refused.get(&entry.id)
            } else {
                proven.refusals.get(&message)
            };
            let spent = is_spent(entry);
            match (refusal, delay) {
                (Some(text), _) if spent => {
                    let reason = ParkReason::Refused { text: text.clone() };
                    self.parked.push((entry.id, reason));
                }
                (Some(text), _) => {
                    let trouble = Trouble::Refused(text.clone());
                    self.troubled.push((entry.id, trouble));
                }
                (None, Some(delay)) => {
                    self.troubled.push((entry.id, Trouble::Delayed(delay)));
                }
                (None, None) if pass.may_have_come(entry) => {
                    self.troubled.push((entry.id, Trouble::NotShown));
                }
                (None, None) if entry.is_copy() || entry.is_append() => {}
                (None, None) if is_missed => {
                    self.parked.push((entry.id, ParkReason::NotKept));
                }
                (None, None) if entry.attempt().is_some() => {
                    self.troubled.push((entry.id, Trouble::NotShown));
                }
                (None, None) => {}
            }
        }
    }
}

impl std::fmt::Display for Trouble {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Delayed(delay) => delay.fmt(f),
            Self::Refused(text) => write!(f, "the server said NO: {text}"),
            Self::NotShown => f.write_str("it was sent, and the server does not show it"),
        }
    }
}

/// Which arrivals are messages that left their place.
fn came_back(pass: &PassRecord<'_>) -> BTreeMap<SeqNum, MessageId> {
    let fates = pass.base.messages.iter().zip(&pass.alignment.fates);
    let returned = fates.filter_map(|(known, fate)| match *fate {
        Fate::Returned(seq) => Some((seq, known.id)),
        Fate::Present(_) | Fate::Gone | Fate::Doubtful | Fate::Chosen(_) => None,
    });
    returned.collect()
}

#[cfg(test)]
mod tests;
