//! Execute: one step of a plan, carried out on messages that are proven to be the right ones.

use std::collections::{BTreeMap, BTreeSet};

use super::error::UpstreamError;
use super::observe::MAX_RANGES;
use super::selected::{Selected, Slot};
use super::wire::accept;
use crate::id::MessageId;
use crate::mirror::{Access, Base, MessageState, Step, StepOutcome};
use crate::protocol::command::{Command, Numbering};
use crate::protocol::response::Status;
use crate::protocol::types::{
    FetchItem, FetchRequest, FlagDelta, FlagSet, MailboxName, SearchKey, SeqNum, SequenceSet,
    StoreMode,
};

impl Selected<'_> {
    /// Carries out a step on messages of the base.
    ///
    /// # Errors
    /// [`UpstreamError`] when it is not known whether, or on which messages, the step took effect. The connection is then
    /// of no further use, and the next one looks first.
    pub async fn execute(
        &mut self,
        step: &Step,
        base: &Base,
    ) -> Result<StepOutcome, UpstreamError> {
        if step.writes() {
            self.require_access()?;
        }
        match step {
            Step::StoreFlags { messages, delta } => {
                if delta.add.contains(FlagSet::DELETED) {
                    self.prove(messages, base).await?;
                }
                self.store(messages, *delta).await
            }
            Step::Copy { message, to, .. } => {
                self.prove(std::slice::from_ref(message), base).await?;
                self.copy(*message, to).await
            }
            Step::Append { .. } => Err(UpstreamError::Desynchronised {
                problem: "a message to be appended is not at hand",
            }),
            Step::Expunge { only } => {
                self.prove(only, base).await?;
                self.expunge(only).await
            }
        }
    }

    /// Has the server write down what was stored. UW imapd keeps the flags of a plain mailbox file in memory until then,
    /// and forgets them when the connection breaks: an OK to STORE alone proves nothing that lasts.
    ///
    /// # Errors
    /// [`UpstreamError`] when it is not known whether what was stored will last.
    pub async fn checkpoint(&mut self) -> Result<(), UpstreamError> {
        let map = &mut self.map;
        let completion = self
            .wire
            .run(Command::Check, |untagged| map.apply(untagged))
            .await?;
        accept("CHECK", completion).map(drop)
    }

    /// Whether these messages were last shown as `\Deleted`, all of them.
    #[must_use]
    pub fn show_deleted(&self, messages: &[MessageId]) -> bool {
        let is_marked = |(_, state): &(MessageId, MessageState)| match state {
            MessageState::Present(flags) => flags.contains(FlagSet::DELETED),
            MessageState::Gone => true,
        };
        let states = self.states(messages);
        states.len() == messages.len() && states.iter().all(is_marked)
    }

    /// Makes sure that the messages at the numbers are the messages meant: by UID, asked for once more now, as far as UIDs
    /// are still what they were; otherwise by their headers.
    async fn prove(&mut self, messages: &[MessageId], base: &Base) -> Result<(), UpstreamError> {
        let named = self.dialect.has_uids() && self.map.has_names_of(base);
        if named {
            self.read_anew(&self.seqs(messages), FetchItem::Uid, |slot| slot.uid = None)
                .await?;
        }
        let is_named = |message: Option<MessageId>| {
            let known = message.and_then(|message| base.find(message));
            named && known.is_some_and(|known| known.mark.uid.is_some())
        };
        let nameless = |seq: &SeqNum| {
            let slot = self.map.slots.get(seq.index());
            slot.is_some_and(|slot| {
                let is_read = slot.header.is_some() && !slot.recalled.header;
                !(is_read || slot.uid.is_some() && is_named(slot.message))
            })
        };
        let unproven: Vec<SeqNum> = self.seqs(messages).into_iter().filter(nameless).collect();
        if !unproven.is_empty() {
            self.add_evidence(&unproven).await?;
        }
        let numbers = self.map.numbers();
        let proven = |message: &MessageId| {
            let shown = self.map.slot(&numbers, *message).and_then(Slot::mark);
            match (shown, base.find(*message).map(|known| known.mark)) {
                (Some(shown), Some(known)) if named && known.uid.is_some() => {
                    shown.uid == known.uid
                }
                (Some(shown), Some(known)) => known.header.is_none() || known.proves(&shown),
                (None, _) | (_, None) => false,
            }
        };
        if messages.iter().all(proven) {
            Ok(())
        } else {
            Err(UpstreamError::Desynchronised {
                problem: "a message is not the one it was taken for",
            })
        }
    }

    async fn store(
        &mut self,
        messages: &[MessageId],
        delta: FlagDelta,
    ) -> Result<StepOutcome, UpstreamError> {
        let unkept = self.map.unkept(delta.touched());
        let delta = delta.minus(delta.within(unkept));
        let mut refused = BTreeMap::new();
        if let Some(text) = self.refuse(unkept) {
            refused.extend(messages.iter().map(|message| (*message, text.clone())));
        }
        let at_once = if self.dialect.expunge_is_timed() {
            MAX_STORED
        } else if delta.add.contains(FlagSet::DELETED) {
            MAX_DELETED_BELOW_IMAP4
        } else {
            MAX_STORED_BELOW_IMAP4
        };
        for chunk in messages.chunks(at_once) {
            for (mode, flags) in [
                (StoreMode::Add, delta.add),
                (StoreMode::Remove, delta.remove),
            ] {
                if !flags.is_empty() {
                    refused.extend(self.store_apart(chunk, mode, flags).await?);
                }
            }
        }
        let taken = messages
            .iter()
            .filter(|message| !refused.contains_key(message));
        let taken: Vec<MessageId> = taken.copied().collect();
        self.map.expect(&self.seqs(&taken), delta);
        let seen = self.read_flags(messages).await?;
        Ok(match refused.first_key_value() {
            None => StepOutcome::Done(seen),
            Some((_, text)) => StepOutcome::Refused {
                text: text.clone(),
                of: refused.into_keys().collect(),
                seen,
            },
        })
    }

    /// Sends STORE for a few messages. What the server refuses together is asked for in halves, so that a message it cannot
    /// take holds up no other. Gives the messages that it refused alone, and its words.
    async fn store_apart(
        &mut self,
        messages: &[MessageId],
        mode: StoreMode,
        flags: FlagSet,
    ) -> Result<Vec<(MessageId, String)>, UpstreamError> {
        let mut refused = Vec::new();
        let mut parts = vec![messages];
        while let Some(part) = parts.pop() {
            let Some(text) = self.store_once(part, mode, flags).await? else {
                continue;
            };
            if let [message] = part {
                refused.push((*message, text));
            } else {
                let (former, latter) = part.split_at(part.len().div_ceil(2));
                parts.extend([latter, former].into_iter().filter(|half| !half.is_empty()));
            }
        }
        Ok(refused)
    }

    /// What to say of flags that are not sent, because the server would not keep them.
    fn refuse(&self, unkept: FlagSet) -> Option<String> {
        let names: Vec<String> = self
            .map
            .keywords
            .names(unkept)
            .map(|flag| flag.to_string())
            .collect();
        (!names.is_empty()).then(|| format!("it does not keep {}", names.join(" ")))
    }

    /// Sends STORE for a few messages; gives the server's words if it refuses.
    async fn store_once(
        &mut self,
        messages: &[MessageId],
        mode: StoreMode,
        flags: FlagSet,
    ) -> Result<Option<String>, UpstreamError> {
        self.require_access()?;
        let answer = self
            .store_by_number(&self.seqs(messages), mode, flags)
            .await?;
        Ok(answer
            .filter(|answer| answer.status != Status::Ok)
            .map(|answer| answer.text.to_string()))
    }

    /// Nothing is planned in a mailbox that is open for reading only: a server that says so now has lost its lock.
    fn require_access(&self) -> Result<(), UpstreamError> {
        if self.map.facts.access == Access::ReadOnly {
            return Err(UpstreamError::Desynchronised {
                problem: "the mailbox was made read-only while changes were sent",
            });
        }
        Ok(())
    }

    /// What the server shows of messages now. One that an EXPUNGE removed is gone; one it says nothing of is left out.
    pub(super) async fn read_flags(
        &mut self,
        messages: &[MessageId],
    ) -> Result<Vec<(MessageId, MessageState)>, UpstreamError> {
        self.read_flags_at(&self.seqs(messages)).await?;
        Ok(self.states(messages))
    }

    /// The same as it was last shown.
    pub(super) fn states(&self, messages: &[MessageId]) -> Vec<(MessageId, MessageState)> {
        let numbers = self.map.numbers();
        let state = |message: &MessageId| match self.map.slot(&numbers, *message) {
            Some(slot) => slot.flags.map(MessageState::Present),
            None => self
                .map
                .vanished
                .contains(message)
                .then_some(MessageState::Gone),
        };
        messages
            .iter()
            .filter_map(|message| Some((*message, state(message)?)))
            .collect()
    }

    /// Asks for the flags of messages, after forgetting which were shown before.
    pub(super) async fn read_flags_at(&mut self, seqs: &[SeqNum]) -> Result<(), UpstreamError> {
        self.read_anew(seqs, FetchItem::Flags, Slot::forget_flags)
            .await
    }

    /// Asks for an item of messages, after forgetting what was shown of it before.
    async fn read_anew(
        &mut self,
        seqs: &[SeqNum],
        item: FetchItem,
        forget: impl Fn(&mut Slot),
    ) -> Result<(), UpstreamError> {
        for seq in seqs {
            self.map.slots.get_mut(seq.index()).map(&forget);
        }
        for set in SequenceSet::chunked(seqs.iter().copied(), MAX_RANGES) {
            let request = FetchRequest::Items(vec![item.clone()]);
            let fetch = Command::Fetch(Numbering::Sequence, set, request);
            let map = &mut self.map;
            let completion = self.wire.run(fetch, |untagged| map.apply(untagged)).await?;
            accept("FETCH", completion)?;
        }
        Ok(())
    }

    async fn copy(
        &mut self,
        message: MessageId,
        to: &MailboxName,
    ) -> Result<StepOutcome, UpstreamError> {
        let seqs = self.seqs(&[message]);
        let mut answer = None;
        for seq in &seqs {
            let copy = Command::Copy(Numbering::Sequence, SequenceSet::single(*seq), to.clone());
            answer = Some(if self.dialect.expunge_is_timed() {
                let map = &mut self.map;
                self.wire.run(copy, |untagged| map.apply(untagged)).await?
            } else {
                let may = FlagDelta {
                    add: FlagSet::SEEN,
                    ..FlagDelta::NONE
                };
                self.change_by_number(copy, &seqs, may).await?
            });
        }
        // What a read-only session marks as read is forgotten with it.
        let seen = if self.map.facts.access == Access::ReadOnly {
            Vec::new()
        } else {
            self.read_flags(&[message]).await?
        };
        match answer.map(|answer| (answer.status, answer.text)) {
            Some((Status::Ok, _)) => Ok(StepOutcome::Done(seen)),
            Some((Status::No | Status::Bad, text)) => Ok(StepOutcome::Refused {
                text: text.to_string(),
                of: vec![message],
                seen,
            }),
            None => Err(UpstreamError::Desynchronised {
                problem: "a message to be copied has no number",
            }),
        }
    }

    /// Removes messages, if at this moment EXPUNGE would remove these and no others.
    async fn expunge(&mut self, only: &[MessageId]) -> Result<StepOutcome, UpstreamError> {
        let scoped = self.map.facts.scoped_expunge;
        if !scoped && !self.marked_are_exactly(only).await? {
            return Ok(StepOutcome::Unsent);
        }
        let commands = if scoped {
            self.uid_expunges(only)
        } else {
            vec![Command::Expunge]
        };
        for command in commands {
            let map = &mut self.map;
            let completion = self
                .wire
                .run(command, |untagged| map.apply(untagged))
                .await?;
            if completion.status != Status::Ok {
                let seen = self.read_flags(only).await?;
                return Ok(StepOutcome::Refused {
                    text: completion.text.to_string(),
                    of: only.to_vec(),
                    seen,
                });
            }
        }
        let ours: BTreeSet<&MessageId> = only.iter().collect();
        let vanished = self.map.vanished.iter();
        let others = vanished.filter(|message| !ours.contains(message)).count();
        if others.saturating_add(self.map.vanished_strangers) > 0 {
            tracing::warn!(
                others,
                strangers = self.map.vanished_strangers,
                "messages of others went while ours were removed"
            );
        }
        Ok(StepOutcome::Done(self.read_flags(only).await?))
    }

    fn uid_expunges(&self, only: &[MessageId]) -> Vec<Command> {
        let numbers = self.map.numbers();
        let uids = only
            .iter()
            .filter_map(|message| SeqNum::new(self.map.slot(&numbers, *message)?.uid?));
        let mut uids: Vec<SeqNum> = uids.collect();
        uids.sort_unstable();
        SequenceSet::chunked(uids, MAX_RANGES)
            .into_iter()
            .map(Command::UidExpunge)
            .collect()
    }

    /// Whether the messages marked `\Deleted` on the server are these and no others.
    async fn marked_are_exactly(&mut self, only: &[MessageId]) -> Result<bool, UpstreamError> {
        let generation = self.map.generation;
        let (completion, marked) = self.search(SearchKey::Deleted).await?;
        accept("SEARCH", completion)?;
        if self.map.generation != generation {
            return Ok(false);
        }
        let numbers = self.map.numbers();
        let mut ours: Vec<u32> = only
            .iter()
            .filter_map(|message| numbers.of(*message))
            .map(SeqNum::get)
            .collect();
        ours.sort_unstable();
        let mut marked = marked.unwrap_or_default();
        marked.sort_unstable();
        marked.dedup();
        Ok(marked == ours && ours.len() == only.len())
    }

    /// The numbers of messages now, as sets that fit a line.
    pub(super) fn sets(&self, messages: &[MessageId]) -> Vec<SequenceSet> {
        SequenceSet::chunked(self.seqs(messages), MAX_RANGES)
    }

    /// The numbers of messages now, ascending.
    pub(super) fn seqs(&self, messages: &[MessageId]) -> Vec<SeqNum> {
        let numbers = self.map.numbers();
        let numbered = messages.iter().filter_map(|message| numbers.of(*message));
        let mut seqs: Vec<SeqNum> = numbered.collect();
        seqs.sort_unstable();
        seqs
    }
}

/// How many messages one STORE may name, where numbers stand still while it runs.
const MAX_STORED: usize = 500;
/// The same where they may not: few, so that little has to be looked at again.
const MAX_STORED_BELOW_IMAP4: usize = 50;
/// The same for marks that can cost a message.
const MAX_DELETED_BELOW_IMAP4: usize = 10;
