//! Headers and texts: read in bulk, several commands on their way at once, since reading moves no numbers.

use std::collections::VecDeque;

use tokio::sync::mpsc;

use super::error::UpstreamError;
use super::selected::Selected;
use super::wire::accept;
use crate::id::MessageId;
use crate::mirror::MessageState;
use crate::protocol::command::{Command, Numbering};
use crate::protocol::dialect::PeekForm;
use crate::protocol::response::{FetchData, Status, Untagged};
use crate::protocol::types::{
    FetchItem, FetchRequest, Flag, FlagSet, Section, SequenceSet, StoreMode, StoreReply,
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

    /// Reads content of messages, and hands each over as it comes. What the server does not give is left out. Ends early,
    /// between two commands, when nobody takes what is handed over.
    ///
    /// # Errors
    /// [`UpstreamError`] when the connection is of no further use; what was handed over stands.
    pub async fn read(
        &mut self,
        content: Content,
        batches: &[Vec<MessageId>],
        deliver: mpsc::Sender<(MessageId, Vec<u8>)>,
    ) -> Result<(), UpstreamError> {
        let mut under_way: VecDeque<crate::protocol::types::Tag> = VecDeque::new();
        let mut batches = batches.iter();
        let mut open: VecDeque<SequenceSet> = VecDeque::new();
        loop {
            while under_way.len() < PIPELINED {
                if open.is_empty() {
                    let Some(batch) = batches.next() else { break };
                    open.extend(self.sets(batch));
                    continue;
                }
                let Some(set) = open.pop_front() else { break };
                let request = FetchRequest::Items(vec![self.item(content)]);
                under_way.push_back(self.wire.client.send(Command::Fetch(
                    Numbering::Sequence,
                    set,
                    request,
                )));
            }
            let Some(tag) = under_way.pop_front() else {
                return Ok(());
            };
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
            accept("FETCH", completion)?;
            for read in arrived {
                if deliver.send(read).await.is_err() {
                    return Ok(());
                }
            }
        }
    }

    /// Takes `\Seen` off messages again, and says what the server shows of them afterwards.
    ///
    /// # Errors
    /// [`UpstreamError`] when the connection is of no further use.
    pub async fn clear_seen(
        &mut self,
        messages: &[MessageId],
    ) -> Result<Vec<(MessageId, MessageState)>, UpstreamError> {
        for set in self.sets(messages) {
            let generation = self.map.generation;
            let flags = vec![Flag::Seen];
            let (mode, reply) = (StoreMode::Remove, StoreReply::Report);
            let store = Command::Store {
                numbering: Numbering::Sequence,
                set,
                mode,
                reply,
                flags,
            };
            let map = &mut self.map;
            let completion = self.wire.run(store, |untagged| map.apply(untagged)).await?;
            if self.map.generation != generation {
                return Err(UpstreamError::Desynchronised {
                    problem: "messages were removed while flags were stored by number",
                });
            }
            if completion.status == Status::Bad {
                return Err(UpstreamError::Desynchronised {
                    problem: "the server does not know the numbers it gave",
                });
            }
        }
        self.read_flags(messages).await
    }

    /// The flags that were last shown of a message on this connection.
    #[must_use]
    pub fn shown_flags(&self, message: MessageId) -> Option<FlagSet> {
        self.map
            .slots
            .iter()
            .find(|slot| slot.message == Some(message))
            .and_then(|slot| slot.flags)
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
