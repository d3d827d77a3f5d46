//! FETCH: data of messages. RFC 1176 FETCH; rows `1064-FETCH-*`, `1176-FETCH-*-SEEN`, `2BIS-FETCH-*`.
//!
//! Messages are read and sent a chunk at a time: while one chunk goes out, the next is read, and those of the one before,
//! which was sent, are marked as read. Nothing is held open in the store while the client reads.

mod content;
mod plan;
mod tell;

use std::ops::RangeInclusive;
use std::time::Duration;

use crate::endpoint::numbers::Numbers;
use crate::endpoint::reply::{Reply, Stop};
use crate::endpoint::session::{Selected, Session, storable_flags};
use crate::endpoint::wire::{Ended, Wire};
use crate::id::{MailboxId, MessageId};
use crate::journal::{Action, NewEntry};
use crate::protocol::response::Condition;
use crate::protocol::types::{FetchRequest, FlagDelta, FlagSet, SeqNum, SequenceSet};
use crate::store::{Row, Store, View};
use content::Content;
use plan::Plan;
use tell::Shown;

/// Serves every message that can be served, and says NO if that was not all that was asked for.
pub(super) async fn run(
    session: &mut Session,
    wire: &mut Wire,
    set: &SequenceSet,
    request: &FetchRequest,
) -> Result<Reply, Stop> {
    let plan = Plan::new(request, session.dialect)?;
    let view = session.view().await?;
    let store = session.store.clone();
    let patience = session.limits.text;
    let selected = session.selected()?;
    let ranges = selected.numbers.resolve(set)?;
    selected.tell_keywords(wire, store.kind(), &view);
    // A mark that the server would not keep would be lost again.
    let is_kept = storable_flags(store.kind(), &view).contains(FlagSet::SEEN);
    let fetch = Fetch {
        marks_seen: plan.sets_seen && is_kept && selected.is_writable(&view),
        first: first_written(set),
        plan,
        mailbox: selected.mailbox,
        store,
        view,
    };
    let mut read = Vec::new();
    let outcome = fetch
        .send_all(selected, wire, ranges, patience, &mut read)
        .await;
    fetch.mark_seen(read).await;
    Ok(outcome?.reply(wire))
}

/// One FETCH being answered.
struct Fetch {
    plan: Plan,
    store: Store,
    mailbox: MailboxId,
    view: View,
    /// Whether messages whose text is sent become `\Seen`.
    marks_seen: bool,
    /// The message that the client named first.
    first: Option<u32>,
}

/// A message asked for.
#[derive(Clone, Copy)]
struct Target {
    seq: SeqNum,
    id: MessageId,
    flags: FlagSet,
    /// `None` once the message is gone.
    row: Option<Row>,
}

/// What was served, and what could not be.
#[derive(Clone, Copy, Default)]
struct Verdict {
    served: bool,
    gone: bool,
    lacks_header: bool,
    lacks_text: bool,
    lacks_structure: bool,
}

impl Fetch {
    /// Sends the messages. In `read` are left those that were sent last and are still to be marked.
    async fn send_all(
        &self,
        selected: &mut Selected,
        wire: &mut Wire,
        ranges: Vec<RangeInclusive<u32>>,
        mut patience: Duration,
        read: &mut Vec<MessageId>,
    ) -> Result<Verdict, Stop> {
        let mut numbers = ranges.into_iter().flatten();
        let mut verdict = Verdict::default();
        let mut chunk = self.next_chunk(&selected.numbers, &mut numbers);
        let mut content = content::load(self, &chunk, &mut patience).await?;
        while !chunk.is_empty() {
            let next = self.next_chunk(&selected.numbers, &mut numbers);
            let sent_before = std::mem::take(read);
            let (sent, loaded, ()) = tokio::join!(
                self.send(selected, wire, &chunk, content, &mut verdict),
                content::load(self, &next, &mut patience),
                self.mark_seen(sent_before),
            );
            *read = sent?;
            (chunk, content) = (next, loaded?);
        }
        Ok(verdict)
    }

    /// The next messages: as many as are read in one go.
    fn next_chunk(&self, known: &Numbers, numbers: &mut impl Iterator<Item = u32>) -> Vec<Target> {
        let mut chunk = Vec::new();
        let mut octet_count = 0usize;
        while chunk.len() < CHUNK_MESSAGES && octet_count < CHUNK_OCTETS {
            let Some(number) = numbers.next() else { break };
            let (Some(seq), Some(shown)) = (SeqNum::new(number), known.get(number)) else {
                continue;
            };
            let found = self.view.find(shown.id);
            let target = Target {
                seq,
                id: shown.id,
                flags: found.map_or(shown.flags, |(_, flags)| flags),
                row: found.map(|(row, _)| *row),
            };
            if self.plan.needs_text {
                octet_count = octet_count.saturating_add(target.size());
            }
            chunk.push(target);
        }
        chunk
    }

    /// Sends a chunk. Returns the messages that the client has read by it and that were unread.
    async fn send(
        &self,
        selected: &mut Selected,
        wire: &mut Wire,
        chunk: &[Target],
        content: Vec<Content>,
        verdict: &mut Verdict,
    ) -> Result<Vec<MessageId>, Ended> {
        let mut read = Vec::new();
        for (target, content) in chunk.iter().zip(content) {
            let shown = tell::message(self, selected, wire, target, &content, verdict);
            if self.marks_seen && shown == Shown::Text && !target.flags.contains(FlagSet::SEEN) {
                read.push(target.id);
            }
            wire.make_room().await?;
        }
        if !read.is_empty() {
            wire.flush().await?;
        }
        Ok(read)
    }

    /// Marks messages as `\Seen`, durably: their texts were handed to the client's socket to the last octet. The client is
    /// told at the end of the command, as of all that has changed.
    ///
    /// If they cannot be marked, they stay unread.
    async fn mark_seen(&self, read: Vec<MessageId>) {
        if read.is_empty() {
            return;
        }
        let wish = |message| NewEntry {
            message,
            action: Action::Flags(FlagDelta {
                add: FlagSet::SEEN,
                remove: FlagSet::EMPTY,
            }),
        };
        let wishes = read.into_iter().map(wish).collect();
        if let Err(error) = self.store.accept(self.mailbox, wishes).await {
            tracing::warn!(%error, "messages that were read stay unread");
        }
    }
}

impl Target {
    /// How much text the message has.
    fn size(&self) -> usize {
        self.row.map_or(0, |row| row.size as usize)
    }
}

impl Verdict {
    /// Texts are asked for because somebody wants to read them, so one that is missing is a NO. Of anything else what there
    /// is will do, with a warning: a client that hears NO to a list asks for less from then on.
    fn reply(self, wire: &mut Wire) -> Reply {
        const NO_HEADER: &str = "Some headers were not read from their server yet";
        if self.gone {
            return Reply::no("Some of these messages are gone; NOOP tells which");
        }
        if self.lacks_text {
            return Reply::no(
                "Some texts are not held here, and their server could not be asked in time",
            );
        }
        if self.lacks_header && !self.served {
            return Reply::no(NO_HEADER);
        }
        if self.lacks_header {
            wire.writer().untagged(Condition::No, NO_HEADER);
        }
        if self.lacks_structure {
            let warning = "The structure of a message is known only once its text is held here";
            wire.writer().untagged(Condition::No, warning);
        }
        Reply::ok("FETCH completed")
    }
}

/// The number with which the set begins as the client wrote it: of a list, that is the message the user waits for.
fn first_written(set: &SequenceSet) -> Option<u32> {
    let mut text = Vec::new();
    set.encode(&mut text);
    let digits: Vec<u8> = text.into_iter().take_while(u8::is_ascii_digit).collect();
    std::str::from_utf8(&digits).ok()?.parse().ok()
}

/// How many messages are read in one go.
const CHUNK_MESSAGES: usize = 500;
/// How much text is read in one go, one message more or less. One chunk is read while one is sent, so a connection holds
/// twice as much.
const CHUNK_OCTETS: usize = 768 * 1024;
