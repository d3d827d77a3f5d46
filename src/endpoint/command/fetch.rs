//! FETCH: data of messages. RFC 1176 FETCH; rows `1064-FETCH-*`, `1176-FETCH-*-SEEN`, `2BIS-FETCH-*`.
//!
//! Messages are read and sent a chunk at a time: while one chunk goes out, the next is read. Nothing is held open in the
//! store while the client reads.

mod content;
mod plan;
mod tell;

use std::ops::RangeInclusive;

use tokio::time::Instant;

use crate::endpoint::numbers::Numbers;
use crate::endpoint::reply::{Reply, Stop};
use crate::endpoint::session::{Selected, Session};
use crate::endpoint::wire::{Ended, Wire};
use crate::id::{MailboxId, MessageId};
use crate::protocol::response::Condition;
use crate::protocol::types::{FetchRequest, FlagSet, SeqNum, SequenceSet};
use crate::store::{Kind, Row, Store, View};
use content::Content;
use plan::Plan;

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
    let fetch = Fetch {
        may_mark_seen: selected.is_writable(&view) && marks_seen(store.kind(), &view),
        first: first_written(set),
        plan,
        mailbox: selected.mailbox,
        give_up: Instant::now().checked_add(patience),
        store,
        view,
    };
    fetch.send_all(selected, wire, ranges).await
}

/// One FETCH being answered.
struct Fetch {
    plan: Plan,
    store: Store,
    mailbox: MailboxId,
    view: View,
    may_mark_seen: bool,
    /// The message that the client named first.
    first: Option<u32>,
    /// When to wait for texts no longer.
    give_up: Option<Instant>,
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

/// What could not be served.
#[derive(Clone, Copy, Default)]
struct Missing {
    gone: bool,
    header: bool,
    text: bool,
    structure: bool,
}

impl Fetch {
    async fn send_all(
        &self,
        selected: &mut Selected,
        wire: &mut Wire,
        ranges: Vec<RangeInclusive<u32>>,
    ) -> Result<Reply, Stop> {
        let mut numbers = ranges.into_iter().flatten();
        let mut missing = Missing::default();
        let mut chunk = self.next_chunk(&selected.numbers, &mut numbers);
        let mut content = self.load(&chunk).await?;
        while !chunk.is_empty() {
            let next = self.next_chunk(&selected.numbers, &mut numbers);
            let (told, loaded) = tokio::join!(
                self.tell(selected, wire, &chunk, content, &mut missing),
                self.load(&next)
            );
            told?;
            (chunk, content) = (next, loaded?);
        }
        Ok(verdict(wire, missing))
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
            if let Some((row, _)) = found
                && self.plan.needs_text
            {
                octet_count = octet_count.saturating_add(row.size as usize);
            }
            chunk.push(Target {
                seq,
                id: shown.id,
                flags: found.map_or(shown.flags, |(_, flags)| flags),
                row: found.map(|(row, _)| *row),
            });
        }
        chunk
    }

    async fn load(&self, chunk: &[Target]) -> Result<Vec<Content>, Stop> {
        content::load(self, chunk).await
    }

    async fn tell(
        &self,
        selected: &mut Selected,
        wire: &mut Wire,
        chunk: &[Target],
        content: Vec<Content>,
        missing: &mut Missing,
    ) -> Result<(), Ended> {
        let mut chunk = chunk.to_vec();
        let seen = self.mark_seen(&mut chunk, &content).await;
        for (target, content) in chunk.iter().zip(content) {
            let names_flags = self.plan.names_flags || seen.contains(&target.id);
            tell::message(self, selected, wire, target, &content, names_flags, missing).await?;
            wire.make_room().await?;
        }
        Ok(())
    }
}

fn verdict(wire: &mut Wire, missing: Missing) -> Reply {
    if missing.gone {
        return Reply::no("Some of these messages are gone; NOOP tells which");
    }
    if missing.text {
        return Reply::no(
            "Some texts are not held here, and their server could not be asked in time",
        );
    }
    if missing.header {
        return Reply::no("Some headers were not read from their server yet");
    }
    if missing.structure {
        let warning = "The structure of a message is known only once its text is held here";
        wire.writer().untagged(Condition::No, warning);
    }
    Reply::ok("FETCH completed")
}

/// A mark that the server would not keep would be lost again.
fn marks_seen(kind: Kind, view: &View) -> bool {
    crate::endpoint::session::storable_flags(kind, view).contains(FlagSet::SEEN)
}

/// The number with which the set begins as the client wrote it: of a list, that is the message the user waits for.
fn first_written(set: &SequenceSet) -> Option<u32> {
    let mut text = Vec::new();
    set.encode(&mut text);
    let digits: Vec<u8> = text.into_iter().take_while(u8::is_ascii_digit).collect();
    std::str::from_utf8(&digits).ok()?.parse().ok()
}

/// How many messages are read in one go.
const CHUNK_MESSAGES: usize = 250;
/// How much text is read in one go, one message more or less.
const CHUNK_OCTETS: usize = 256 * 1024;
