//! Headers and texts: read in bulk, several commands on their way at once where reading moves no numbers.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use tokio::sync::mpsc;

use super::error::UpstreamError;
use super::selected::Selected;
use super::stray::Aim;
use super::wire::accept;
use crate::id::MessageId;
use crate::protocol::client::Completion;
use crate::protocol::command::{Command, Numbering};
use crate::protocol::dialect::PeekForm;
use crate::protocol::response::{FetchData, Status, Untagged};
use crate::protocol::types::{
    FetchItem, FetchRequest, FlagDelta, FlagSet, Section, SeqNum, SequenceSet, StoreMode, Tag,
};

/// What to read of messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Content {
    /// The raw header with its blank line. Never marks a message as read.
    Header,
    /// Header and text. Below IMAP4rev1 this marks the message as read.
    Whole,
}

impl Selected<'_> {
    /// Whether texts can be read without marking messages as read.
    #[must_use]
    pub fn peeks(&self) -> bool {
        self.dialect.peeks() == PeekForm::BodyPeek
    }

    /// Reads content of messages, a batch with each command, and hands over what came of each. `next` is asked for a batch
    /// when there is room for another command. What the server does not give is left out. Ends early, between two
    /// commands, when nobody takes what is handed over.
    ///
    /// Returns messages of which something came although it was not asked for: where numbers may move while a FETCH runs,
    /// they did, and [`Selected::unmark_strays`] is due.
    ///
    /// # Errors
    /// [`UpstreamError`] when the connection is of no further use; what was handed over stands.
    pub async fn read(
        &mut self,
        content: Content,
        mut next: impl FnMut() -> Option<Vec<MessageId>>,
        deliver: &mpsc::Sender<Vec<(MessageId, Vec<u8>)>>,
    ) -> Result<Vec<MessageId>, UpstreamError> {
        let at_once = if self.dialect.expunge_is_timed() {
            PIPELINED
        } else {
            1
        };
        let mut under_way: VecDeque<(Tag, Vec<MessageId>, Option<Aim>)> = VecDeque::new();
        let mut open: Vec<Vec<MessageId>> = Vec::new();
        let mut uninvited = Vec::new();
        loop {
            while under_way.len() < at_once
                && let Some(batch) = open.pop().or_else(&mut next)
            {
                match <[SequenceSet; 1]>::try_from(self.sets(&batch)) {
                    Ok([set]) => {
                        let aim = self.watch_reading(content, &batch);
                        under_way.push_back((self.ask(content, set)?, batch, aim));
                    }
                    Err(sets) if sets.is_empty() => {}
                    Err(_) => open.extend(halves(batch)),
                }
            }
            let Some((tag, asked, aim)) = under_way.pop_front() else {
                return Ok(uninvited);
            };
            let (completion, arrived) = self.answer(tag).await?;
            if let Some(aim) = aim {
                self.map.suspect(&aim);
            }
            let asked: BTreeSet<MessageId> = asked.into_iter().collect();
            let came: BTreeSet<MessageId> = arrived.iter().map(|(message, _)| *message).collect();
            uninvited.extend(came.difference(&asked));
            if completion.status == Status::No {
                open.extend(refused(asked.difference(&came), &completion));
            } else {
                accept("FETCH", completion)?;
            }
            if !arrived.is_empty() && deliver.send(arrived).await.is_err() {
                return Ok(uninvited);
            }
        }
    }

    /// Where reading may mark messages as read and numbers may move, what is marked by mistake has to be found.
    fn watch_reading(&mut self, content: Content, batch: &[MessageId]) -> Option<Aim> {
        let may_stray =
            content == Content::Whole && !self.peeks() && !self.dialect.expunge_is_timed();
        let seqs = self.seqs(batch);
        may_stray.then(|| self.map.watch(&seqs))
    }

    fn ask(&mut self, content: Content, set: SequenceSet) -> Result<Tag, UpstreamError> {
        let request = FetchRequest::Items(vec![self.item(content)]);
        let fetch = Command::Fetch(Numbering::Sequence, set, request);
        self.wire.send(fetch)
    }

    /// The end of a FETCH, and the texts that came before it.
    async fn answer(
        &mut self,
        tag: Tag,
    ) -> Result<(Completion, Vec<(MessageId, Vec<u8>)>), UpstreamError> {
        let mut arrived = Vec::new();
        let map = &mut self.map;
        let hear = |untagged| {
            let (mut told, text) = split(untagged);
            if let (Some(text), Untagged::Fetch(seq, _)) = (text, &mut told)
                && let Some(message) = map.slots.get(seq.index()).and_then(|slot| slot.message)
            {
                arrived.push((message, text));
            }
            map.apply(told)
        };
        let completion = self.wire.finish(tag, hear).await?;
        Ok((completion, arrived))
    }

    /// Takes `\Seen` off messages again.
    ///
    /// # Errors
    /// [`UpstreamError`] when the connection is of no further use.
    pub async fn clear_seen(&mut self, messages: &[MessageId]) -> Result<(), UpstreamError> {
        let seqs = self.seqs(messages).into_iter();
        let marked: Vec<_> = seqs.map(|seq| (seq, FlagDelta::UNREAD)).collect();
        self.put_right(&marked).await
    }

    /// Those of the messages that are gone, or were shown without `\Seen` at least for a moment: who shows it again after that
    /// was read by somebody else meanwhile.
    #[must_use]
    pub fn cleared(&self, messages: &[MessageId]) -> Vec<MessageId> {
        let numbers = self.map.numbers();
        let was_cleared = |message: &&MessageId| {
            let slot = self.map.slot(&numbers, **message);
            slot.map_or_else(
                || self.map.vanished.contains(message),
                |slot| !slot.may_be_marked(),
            )
        };
        messages.iter().filter(was_cleared).copied().collect()
    }

    /// Puts flags right on the messages at these numbers, ascending, and asks for their flags.
    ///
    /// # Errors
    /// [`UpstreamError`] when the connection is of no further use.
    pub async fn put_right(&mut self, wrong: &[(SeqNum, FlagDelta)]) -> Result<(), UpstreamError> {
        let mut alike: BTreeMap<FlagDelta, Vec<SeqNum>> = BTreeMap::new();
        for (seq, back) in wrong {
            alike.entry(*back).or_default().push(*seq);
            if let Some(slot) = self.map.slots.get_mut(seq.index()) {
                slot.forget_flags();
                slot.is_cleared = false;
            }
        }
        for (back, seqs) in alike {
            for (mode, flags) in [(StoreMode::Remove, back.remove), (StoreMode::Add, back.add)] {
                if flags.is_empty() {
                    continue;
                }
                let answer = self.store_by_number(&seqs, mode, flags).await?;
                if answer.is_some_and(|answer| answer.status == Status::Ok) {
                    self.note_what_is_unread(&seqs);
                }
            }
        }
        let seqs: Vec<SeqNum> = wrong.iter().map(|(seq, _)| *seq).collect();
        self.read_flags_at(&seqs).await?;
        self.note_what_is_unread(&seqs);
        Ok(())
    }

    /// An OK alone is not believed, since there are servers that say so and do nothing; but once a message was shown unread,
    /// whoever marks it again has read it.
    fn note_what_is_unread(&mut self, seqs: &[SeqNum]) {
        for seq in seqs {
            if let Some(slot) = self.map.slots.get_mut(seq.index()) {
                slot.is_cleared |= slot
                    .flags
                    .is_some_and(|flags| !flags.contains(FlagSet::SEEN));
            }
        }
    }

    /// Whether reading a message can mark it: it has a number here, and was not shown to be read.
    #[must_use]
    pub fn can_be_marked(&self, message: MessageId) -> bool {
        let slot = self.map.slot(&self.map.numbers(), message).copied();
        slot.is_some_and(|slot| {
            let shown = slot.last_shown();
            shown.is_none_or(|flags| !flags.contains(FlagSet::SEEN))
        })
    }

    fn item(&self, content: Content) -> FetchItem {
        match content {
            Content::Header => FetchItem::Rfc822Header,
            Content::Whole if self.peeks() => FetchItem::Section {
                section: Section::whole(),
                peek: true,
                range: None,
            },
            Content::Whole => FetchItem::Rfc822,
        }
    }
}

/// What is left to be asked for after a NO: in two parts, so that one message that the server cannot read hides no other.
fn refused<'a>(
    left: impl Iterator<Item = &'a MessageId>,
    completion: &Completion,
) -> Vec<Vec<MessageId>> {
    let left: Vec<MessageId> = left.copied().collect();
    if let [only] = left.as_slice() {
        tracing::warn!(message = only.raw(), text = %completion.text, "the server does not give a message");
        return Vec::new();
    }
    halves(left)
}

fn halves(mut batch: Vec<MessageId>) -> Vec<Vec<MessageId>> {
    let rest = batch.split_off(batch.len() / 2);
    let parts = [rest, batch].into_iter();
    parts.filter(|part| !part.is_empty()).collect()
}

/// Takes the text out of a FETCH, so that it is moved and not copied.
fn split(untagged: Untagged) -> (Untagged, Option<Vec<u8>>) {
    let Untagged::Fetch(seq, mut data) = untagged else {
        return (untagged, None);
    };
    let text = take_text(&mut data);
    (Untagged::Fetch(seq, data), text)
}

fn take_text(data: &mut FetchData) -> Option<Vec<u8>> {
    let whole = data
        .sections
        .iter()
        .position(|(section, _)| *section == Section::whole());
    let section = whole.map(|index| data.sections.swap_remove(index).1);
    section
        .or_else(|| data.rfc822.take())
        .or_else(|| data.header.take())
        .flatten()
}

/// How many FETCHes may be on their way.
const PIPELINED: usize = 2;
