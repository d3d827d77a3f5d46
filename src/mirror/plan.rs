//! Plan: the steps that bring the server to what the verdicts ask.
//!
//! Order matters twice. A copy carries the flags its source has at that moment, so flags the user set before copying go
//! first. And EXPUNGE on a server without UIDPLUS removes whatever is `\Deleted`, so messages that are to be marked but
//! not removed get their mark after it.

use std::collections::{BTreeMap, BTreeSet};

use super::copies::CopyDecision;
use super::merge::{Outcome, Verdict, Verdicts, WaitReason};
use super::mistake::Mistake;
use super::observation::{Access, MailboxFacts};
use super::view::{
    Base, BaseMessage, CopyWish, Local, LocalState, MessageState, Remote, RemoteState,
};
use crate::id::{EntryId, MessageId};
use crate::journal::{Action, Attempt, JournalEntry, Mark};
use crate::protocol::types::{FlagDelta, FlagSet, MailboxName};

/// What to send, in order, and who has to wait.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// The steps, in the order in which they must run.
    pub steps: Vec<Step>,
    /// Messages whose wish is not, or not wholly, carried out in this pass.
    pub delays: BTreeMap<MessageId, Delay>,
    /// Whether none of it is sent until what was seen is on record. Another pass follows at once.
    pub put_off: bool,
}

/// One thing to send, addressed by our names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Set and clear flags. Can be repeated safely.
    StoreFlags {
        /// The messages, in the server's order.
        messages: Vec<MessageId>,
        /// What to set and to clear.
        delta: FlagDelta,
    },
    /// Append one copy to another mailbox. Never repeated without a look at the destination.
    Copy {
        /// The source.
        message: MessageId,
        /// The entry that asks for it.
        entry: EntryId,
        /// The destination.
        to: MailboxName,
        /// What to record before sending.
        attempt: Attempt,
    },
    /// Append a message that the journal holds. Never repeated without a look at the mailbox.
    Append {
        /// The message's id.
        message: MessageId,
        /// The entry that asks for it.
        entry: EntryId,
        /// What to record before sending.
        attempt: Attempt,
    },
    /// Remove messages that are marked `\Deleted` by now.
    Expunge {
        /// Exactly these, in the server's order.
        only: Vec<MessageId>,
    },
}

impl Step {
    /// The messages a step acts on.
    #[must_use]
    pub fn messages(&self) -> &[MessageId] {
        match self {
            Self::StoreFlags { messages, .. } => messages,
            Self::Copy { message, .. } | Self::Append { message, .. } => {
                std::slice::from_ref(message)
            }
            Self::Expunge { only } => only,
        }
    }

    /// The entries that it is sent for, each counted once more. Of what it brings, `brought_before` passes for the same and was
    /// brought on this connection already.
    #[must_use]
    pub fn attempts(
        &self,
        entries: &[JournalEntry],
        brought_before: u32,
    ) -> Vec<(EntryId, Attempt)> {
        if let Self::Copy { entry, attempt, .. } | Self::Append { entry, attempt, .. } = self {
            let equals_before = attempt.equals_before.saturating_add(brought_before);
            let attempt = Attempt {
                equals_before,
                ..*attempt
            };
            return vec![(*entry, attempt)];
        }
        self.attempted(entries, matches!(self, Self::Expunge { .. }))
    }

    /// The same if nothing but the marks for a removal was sent after all.
    #[must_use]
    pub fn marked_only(&self, entries: &[JournalEntry]) -> Vec<(EntryId, Attempt)> {
        self.attempted(entries, false)
    }

    fn attempted(&self, entries: &[JournalEntry], removes: bool) -> Vec<(EntryId, Attempt)> {
        let messages: BTreeSet<MessageId> = self.messages().iter().copied().collect();
        let meant = entries.iter().filter(|entry| {
            entry.is_active() && !entry.is_copy() && messages.contains(&entry.message)
        });
        let again = |entry: &JournalEntry| {
            let earlier = entry.attempt();
            let sent = earlier.map_or(0, |attempt| attempt.equals_before);
            let attempt = Attempt {
                number: earlier
                    .map_or(0, |attempt| attempt.number)
                    .saturating_add(1),
                equals_before: sent.max(u32::from(removes && entry.action == Action::Expunge)),
            };
            (entry.id, attempt)
        };
        meant.map(again).collect()
    }

    /// Whether it brings the message of an entry.
    #[must_use]
    pub fn sends(&self, id: EntryId) -> bool {
        match self {
            Self::Copy { entry, .. } | Self::Append { entry, .. } => *entry == id,
            Self::StoreFlags { .. } | Self::Expunge { .. } => false,
        }
    }

    /// What it brings, and to which mailbox; it is carried out in the mailbox `own`, of which the entries are.
    #[must_use]
    pub fn brings<'a>(
        &self,
        own: &'a MailboxName,
        entries: &'a [JournalEntry],
    ) -> Option<(&'a MailboxName, &'a Mark)> {
        let wish = entries.iter().find(|wish| self.sends(wish.id))?;
        Some((wish.destination(own)?, &wish.mark))
    }

    /// Whether it changes the mailbox that it is carried out in.
    #[must_use]
    pub fn writes(&self) -> bool {
        match self {
            Self::StoreFlags { .. } | Self::Expunge { .. } | Self::Append { .. } => true,
            Self::Copy { .. } => false,
        }
    }
}

/// Why a wish is not carried out in this pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Delay {
    /// The mailbox is open for reading only.
    ReadOnly,
    /// Other messages are `\Deleted` that nobody here asked to remove, and EXPUNGE would take them along.
    OthersDeleted,
    /// It came after a removal that waits, and would stand in its way.
    AfterRemoval,
    /// A copy of the message has to be proven first.
    CopyFirst,
    /// What the user added has to be proven first: it may be what replaces the message.
    AppendFirst,
    /// An equal message was sent there, and what became of it has to be known first.
    EqualFirst,
    /// It is not certain which message on the server it is.
    Doubtful,
    /// The message came back as a new one; the wish goes over to that one.
    Returned,
}

/// Plans a pass.
#[must_use]
pub fn plan(
    verdicts: &Verdicts,
    remote: &Remote,
    facts: &MailboxFacts,
    copies: &BTreeMap<EntryId, CopyDecision>,
) -> Plan {
    let mut plan = Plan::default();
    let mut aims: Vec<Aim> = Vec::new();
    for verdict in &verdicts.messages {
        let owed = verdict
            .copies
            .iter()
            .any(|wish| copies.get(&wish.entry) != Some(&CopyDecision::Received));
        if let Some(delay) = delay(verdict, facts, owed).filter(|_| !verdict.entries.is_empty()) {
            plan.delays.insert(verdict.message, delay);
        }
        aims.extend(Aim::of(verdict, owed));
    }
    let is_adding = plan.append(verdicts, copies, facts);
    if facts.access == Access::ReadOnly {
        // A copy changes nothing here; it has the flags that its source has.
        plan.copy(verdicts, copies, &mut []);
        return plan;
    }
    plan.copy(verdicts, copies, &mut aims);
    plan.store(&aims, Aim::before_expunge);
    if plan.expunge(remote, facts, &aims, is_adding) {
        plan.store(&aims, Aim::after_expunge);
    }
    plan
}

/// Where one present message is to go in this pass.
struct Aim {
    message: MessageId,
    now: FlagSet,
    flags: FlagSet,
    removes: bool,
}

impl Aim {
    fn of(verdict: &Verdict, owed: bool) -> Option<Self> {
        let RemoteState::Present(now) = verdict.remote else {
            return None;
        };
        let (flags, removes) = match verdict.outcome {
            Outcome::Wait(_)
            | Outcome::Conflict {
                kept: MessageState::Gone,
                ..
            } => return None,
            Outcome::Settle(MessageState::Gone) if owed => (now, false),
            Outcome::Settle(MessageState::Gone) => (now.union(FlagSet::DELETED), true),
            Outcome::Settle(MessageState::Present(flags))
            | Outcome::Conflict {
                kept: MessageState::Present(flags),
                ..
            } => {
                let held_back = if owed {
                    FlagSet::DELETED.minus(now)
                } else {
                    FlagSet::EMPTY
                };
                (flags.minus(held_back), false)
            }
        };
        Some(Self {
            message: verdict.message,
            now,
            flags,
            removes,
        })
    }

    /// Everything but the marks that EXPUNGE must not see.
    fn before_expunge(&self) -> FlagDelta {
        let delta = FlagDelta::between(self.now, self.flags);
        if self.removes {
            delta
        } else {
            FlagDelta {
                add: delta.add.minus(FlagSet::DELETED),
                remove: delta.remove,
            }
        }
    }

    /// The marks that EXPUNGE must not see.
    fn after_expunge(&self) -> FlagDelta {
        let marks = self.flags.minus(self.now).intersection(FlagSet::DELETED);
        FlagDelta {
            add: if self.removes { FlagSet::EMPTY } else { marks },
            remove: FlagSet::EMPTY,
        }
    }
}

impl Plan {
    /// The messages that it removes.
    #[must_use]
    pub fn removed(&self) -> BTreeSet<MessageId> {
        let only = self.steps.iter().filter_map(|step| match step {
            Step::Expunge { only } => Some(only),
            Step::StoreFlags { .. } | Step::Copy { .. } | Step::Append { .. } => None,
        });
        only.flatten().copied().collect()
    }

    /// What of it may be sent by numbers that can move, before what was seen is on record: no flags where others changed the
    /// same ones, or beside what has come; and nothing beside what was hit by mistake. Were that hit, or hit again, nobody
    /// could tell how it was. What is as the user wants it is no news.
    #[must_use]
    pub fn beside(self, base: &Base, local: &Local, remote: &Remote, mistakes: &[Mistake]) -> Self {
        let changes = self.steps.iter().filter_map(|step| match step {
            Step::StoreFlags { delta, .. } => Some(delta.touched()),
            Step::Copy { .. } | Step::Append { .. } | Step::Expunge { .. } => None,
        });
        let touched: FlagSet = changes.collect();
        let is_news = |(known, state): (&BaseMessage, &RemoteState)| {
            let RemoteState::Present(flags) = *state else {
                return false;
            };
            let wish = local.changed.get(&known.id);
            let fulfilled = wish.map_or(FlagSet::EMPTY, |wish| {
                let (LocalState::Present(wanted) | LocalState::Expunged { flags: wanted }) =
                    wish.state;
                wish.named
                    .minus(FlagDelta::between(flags, wanted).touched())
            });
            let changed = FlagDelta::between(known.flags, flags).touched();
            changed.minus(fulfilled).intersects(touched)
        };
        let has_news = base.messages.iter().zip(&remote.states).any(is_news)
            || remote.strangers.iter().any(|stranger| stranger.arrived);
        let is_told_first = !mistakes.is_empty() && !self.steps.is_empty();
        if is_told_first || !touched.is_empty() && has_news {
            self.later()
        } else {
            self
        }
    }

    /// The same with none of it to be sent yet.
    #[must_use]
    pub fn later(self) -> Self {
        Self {
            steps: Vec::new(),
            put_off: true,
            ..self
        }
    }

    /// Copies in the order in which the user asked for them, each with the flags its source had then.
    fn copy(
        &mut self,
        verdicts: &Verdicts,
        decisions: &BTreeMap<EntryId, CopyDecision>,
        aims: &mut [Aim],
    ) {
        let mut wishes: Vec<(&CopyWish, MessageId, Attempt)> = Vec::new();
        for verdict in verdicts
            .messages
            .iter()
            .filter(|verdict| matches!(verdict.remote, RemoteState::Present(_)))
        {
            for wish in &verdict.copies {
                match decisions.get(&wish.entry) {
                    Some(&CopyDecision::Send(attempt)) => {
                        wishes.push((wish, verdict.message, attempt));
                    }
                    Some(CopyDecision::Wait) => self.wait_for_equal(verdict.message),
                    Some(CopyDecision::Received | CopyDecision::Park(_)) | None => {}
                }
            }
        }
        wishes.sort_by_key(|(wish, _, _)| wish.entry);
        for (wish, message, attempt) in wishes {
            let aim = aims.binary_search_by_key(&message, |aim| aim.message);
            if let Some(aim) = aim.ok().and_then(|index| aims.get_mut(index)) {
                let flags = wish
                    .flags
                    .minus(FlagSet::DELETED)
                    .union(aim.now.intersection(FlagSet::DELETED));
                self.push_flags(vec![message], FlagDelta::between(aim.now, flags));
                aim.now = flags;
            }
            self.steps.push(Step::Copy {
                message,
                entry: wish.entry,
                to: wish.to.clone(),
                attempt,
            });
        }
    }

    /// What the user adds comes first: what it is meant to replace is removed once it is seen there. Says whether something is
    /// still to come.
    fn append(
        &mut self,
        verdicts: &Verdicts,
        decisions: &BTreeMap<EntryId, CopyDecision>,
        facts: &MailboxFacts,
    ) -> bool {
        let mut is_adding = false;
        for &(message, entry) in &verdicts.appended {
            let decision = decisions.get(&entry);
            is_adding |= matches!(decision, Some(CopyDecision::Send(_) | CopyDecision::Wait));
            match decision {
                _ if facts.access == Access::ReadOnly => {
                    self.delays.insert(message, Delay::ReadOnly);
                }
                Some(&CopyDecision::Send(attempt)) => self.steps.push(Step::Append {
                    message,
                    entry,
                    attempt,
                }),
                Some(CopyDecision::Wait) => self.wait_for_equal(message),
                Some(CopyDecision::Received | CopyDecision::Park(_)) | None => {}
            }
        }
        is_adding
    }

    fn wait_for_equal(&mut self, message: MessageId) {
        let delay = self.delays.entry(message).or_insert(Delay::EqualFirst);
        if *delay == Delay::CopyFirst {
            *delay = Delay::EqualFirst;
        }
    }

    /// One step for all messages with the same change.
    fn store(&mut self, aims: &[Aim], delta_of: impl Fn(&Aim) -> FlagDelta) {
        let mut groups: BTreeMap<FlagDelta, Vec<MessageId>> = BTreeMap::new();
        for aim in aims {
            groups.entry(delta_of(aim)).or_default().push(aim.message);
        }
        for (delta, messages) in groups {
            self.push_flags(messages, delta);
        }
    }

    fn push_flags(&mut self, messages: Vec<MessageId>, delta: FlagDelta) {
        if !delta.is_empty() {
            self.steps.push(Step::StoreFlags { messages, delta });
        }
    }

    /// EXPUNGE, if it can be told what to remove, or if nothing else stands marked at that moment. Says whether what comes
    /// after it may be done.
    fn expunge(
        &mut self,
        remote: &Remote,
        facts: &MailboxFacts,
        aims: &[Aim],
        is_adding: bool,
    ) -> bool {
        let only: Vec<MessageId> = aims
            .iter()
            .filter(|aim| aim.removes)
            .map(|aim| aim.message)
            .collect();
        if only.is_empty() {
            return true;
        }
        let added = is_adding.then_some(Delay::AppendFirst);
        let Some(delay) = added.or_else(|| Self::obstacle(remote, facts, aims)) else {
            self.steps.push(Step::Expunge { only });
            return true;
        };
        // A mark that the user set afterwards would stand in its way as well.
        let marks = aims.iter().filter(|aim| !aim.after_expunge().is_empty());
        let removals = only.into_iter().map(|message| (message, delay));
        self.delays.extend(removals);
        self.delays
            .extend(marks.map(|aim| (aim.message, Delay::AfterRemoval)));
        false
    }

    /// What EXPUNGE has to wait for, beside what is still to be added.
    fn obstacle(remote: &Remote, facts: &MailboxFacts, aims: &[Aim]) -> Option<Delay> {
        let marked_after = |aim: &&Aim| {
            !aim.removes
                && aim
                    .before_expunge()
                    .apply(aim.now)
                    .contains(FlagSet::DELETED)
        };
        let marked_there = remote.marked_count().saturating_sub(
            aims.iter()
                .filter(|aim| aim.now.contains(FlagSet::DELETED))
                .count(),
        );
        let others_marked = marked_there > 0 || aims.iter().any(|aim| marked_after(&aim));
        (others_marked && !facts.scoped_expunge).then_some(Delay::OthersDeleted)
    }
}

fn delay(verdict: &Verdict, facts: &MailboxFacts, owed: bool) -> Option<Delay> {
    match verdict.outcome {
        Outcome::Wait(WaitReason::Doubtful) => Some(Delay::Doubtful),
        Outcome::Wait(WaitReason::Returned) => Some(Delay::Returned),
        Outcome::Settle(MessageState::Gone) if verdict.remote == RemoteState::Gone => None,
        Outcome::Settle(MessageState::Present(flags))
            if verdict.remote == RemoteState::Present(flags) =>
        {
            owed.then_some(Delay::CopyFirst)
        }
        Outcome::Settle(_) | Outcome::Conflict { .. } if facts.access == Access::ReadOnly => {
            Some(Delay::ReadOnly)
        }
        Outcome::Settle(_) | Outcome::Conflict { .. } => owed.then_some(Delay::CopyFirst),
    }
}

impl std::fmt::Display for Delay {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::ReadOnly => "the server opens this mailbox for reading only",
            Self::OthersDeleted => {
                "other messages are marked deleted there, and EXPUNGE would remove them too"
            }
            Self::AfterRemoval => "it comes after a removal that waits, and would stand in its way",
            Self::CopyFirst => "its copy has to be seen in the destination first",
            Self::AppendFirst => "what you added has to be seen there first",
            Self::EqualFirst => "an equal message was sent there, and no answer came yet",
            Self::Doubtful => "it cannot be told for certain which message on the server it is",
            Self::Returned => "the message left its place and came back as a new one",
        })
    }
}

#[cfg(test)]
mod tests;
