//! Mirroring content: headers first, then whole messages, newest first, in batches that commit together.

use std::collections::{BTreeMap, BTreeSet};

use tokio::sync::mpsc;

use super::error::PassError;
use super::progress::{Part, Progress, Tick};
use super::report::Report;
use super::unread;
use crate::id::{MailboxId, MessageId};
use crate::journal::{HeaderHash, Mark};
use crate::message;
use crate::mirror::BaseMessage;
use crate::protocol::types::MailboxName;
use crate::store::{BodyIn, HeaderIn, Packed, Store, StoreError};
use crate::upstream::{Content, Selected, UpstreamError};

/// Which texts to hold offline.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Keep {
    /// All of them.
    #[default]
    All,
    /// Headers only; a text comes when somebody reads it.
    Headers,
    /// Those that are young and small enough.
    Within {
        /// Not older than this, in seconds since 1970; `None` for any age.
        since: Option<i64>,
        /// Smaller than this, in octets; `None` for any size.
        below: Option<u32>,
    },
}

impl Keep {
    fn wants(self, message: &BaseMessage) -> bool {
        match self {
            Self::All => true,
            Self::Headers => false,
            Self::Within { since, below } => {
                since.is_none_or(|since| message.mark.instant >= since)
                    && below.is_none_or(|below| message.mark.size < below)
            }
        }
    }
}

/// Reads the headers that are missing.
pub(super) async fn headers(
    selected: &mut Selected<'_>,
    store: &Store,
    mailbox: MailboxId,
    progress: &Progress,
    report: &mut Report,
) -> Result<(), PassError> {
    let missing = store.without_header(mailbox).await?;
    if missing.is_empty() {
        return Ok(());
    }
    let batches: Vec<Vec<MessageId>> = missing
        .chunks(HEADERS_AT_ONCE)
        .map(<[MessageId]>::to_vec)
        .collect();
    let mut meter = Meter {
        progress,
        mailbox: report.mailbox.as_ref(),
        part: Part::Headers,
        done: 0,
        of: missing.len(),
    };
    let (deliver, mut delivered) = mpsc::channel(HEADERS_AT_ONCE);
    let read = selected.read(Content::Header, &batches, deliver);
    let keep = async {
        while let Some(batch) = next_batch(&mut delivered, HEADERS_AT_ONCE).await {
            let count = batch.len();
            let packed =
                on_blocking_thread(move || batch.into_iter().map(pack_header).collect()).await?;
            store.keep_headers(mailbox, packed).await?;
            meter.add(count);
        }
        Ok::<_, StoreError>(())
    };
    let (read, kept) = tokio::join!(read, keep);
    report.counts.headers = meter.done;
    kept?;
    Ok(read?)
}

/// Reads the texts that are missing and wanted; those that somebody waits for come first.
pub(super) async fn bodies(
    selected: &mut Selected<'_>,
    store: &Store,
    mailbox: MailboxId,
    keep: Keep,
    progress: &Progress,
    report: &mut Report,
) -> Result<(), PassError> {
    let mut missing = store.without_body(mailbox).await?;
    if missing.is_empty() {
        return Ok(());
    }
    let base = store.pass_input(mailbox).await?.base;
    let known: BTreeMap<MessageId, &BaseMessage> = base
        .messages
        .iter()
        .map(|known| (known.id, known))
        .collect();
    let waited_for: BTreeSet<MessageId> = store.waited_for(mailbox);
    missing.retain(|id| {
        known.get(id).is_some_and(|known| {
            known.mark.header.is_some() && (keep.wants(known) || waited_for.contains(id))
        })
    });
    missing.sort_by_key(|id| !waited_for.contains(id));
    let marks: BTreeMap<MessageId, Mark> = missing
        .iter()
        .filter_map(|id| Some((*id, known.get(id)?.mark)))
        .collect();
    let batches = batches(&missing, &marks);
    let mut meter = Meter {
        progress,
        mailbox: report.mailbox.as_ref(),
        part: Part::Bodies,
        done: 0,
        of: missing.len(),
    };
    let outcome = if selected.peeks() {
        read_bodies(selected, store, &batches, &marks, &mut meter).await
    } else {
        read_unread_bodies(selected, store, mailbox, &batches, &marks, &mut meter).await
    };
    report.counts.bodies = meter.done;
    outcome
}

/// Reads where reading marks nothing.
async fn read_bodies(
    selected: &mut Selected<'_>,
    store: &Store,
    batches: &[Vec<MessageId>],
    marks: &BTreeMap<MessageId, Mark>,
    meter: &mut Meter<'_>,
) -> Result<(), PassError> {
    let (deliver, mut delivered) = mpsc::channel(BODIES_AT_ONCE);
    let read = selected.read(Content::Whole, batches, deliver);
    let keep = async {
        while let Some(batch) = next_batch(&mut delivered, BODIES_AT_ONCE).await {
            let count = batch.len();
            let known: Vec<(MessageId, Vec<u8>, Option<HeaderHash>)> = batch
                .into_iter()
                .map(|(id, text)| (id, text, marks.get(&id).and_then(|mark| mark.header)))
                .collect();
            let packed: Vec<Option<BodyIn>> =
                on_blocking_thread(move || known.into_iter().map(pack_body).collect()).await?;
            let right: Option<Vec<BodyIn>> = packed.into_iter().collect();
            let right = right.ok_or(UpstreamError::Desynchronised {
                problem: "a text came with the header of another message",
            })?;
            store.keep_bodies(right).await?;
            meter.add(count);
        }
        Ok::<_, PassError>(())
    };
    let (read, kept) = tokio::join!(read, keep);
    kept?;
    Ok(read?)
}

/// Reads where reading marks messages as read: batch by batch, noted before and cleared after.
async fn read_unread_bodies(
    selected: &mut Selected<'_>,
    store: &Store,
    mailbox: MailboxId,
    batches: &[Vec<MessageId>],
    marks: &BTreeMap<MessageId, Mark>,
    meter: &mut Meter<'_>,
) -> Result<(), PassError> {
    for batch in batches {
        let at_risk = unread::unread_of(selected, batch);
        unread::note(store, mailbox, marks, &at_risk).await?;
        read_bodies(selected, store, std::slice::from_ref(batch), marks, meter).await?;
        unread::clear(store, mailbox, selected, &at_risk).await?;
    }
    Ok(())
}

/// Cuts a list into batches of a size that is worth a command and not too long to lose.
fn batches(messages: &[MessageId], marks: &BTreeMap<MessageId, Mark>) -> Vec<Vec<MessageId>> {
    let mut batches: Vec<Vec<MessageId>> = Vec::new();
    let mut size: u64 = BATCH_BYTES;
    for message in messages {
        let own = marks.get(message).map_or(0, |mark| u64::from(mark.size));
        match batches.last_mut() {
            Some(batch) if size < BATCH_BYTES && batch.len() < BODIES_AT_ONCE => {
                batch.push(*message)
            }
            _ => {
                batches.push(vec![*message]);
                size = 0;
            }
        }
        size = size.saturating_add(own);
    }
    batches
}

/// Everything that has been delivered by now, and at least something; `None` at the end.
async fn next_batch(
    delivered: &mut mpsc::Receiver<(MessageId, Vec<u8>)>,
    limit: usize,
) -> Option<Vec<(MessageId, Vec<u8>)>> {
    let mut batch = Vec::new();
    let count = delivered.recv_many(&mut batch, limit).await;
    (count > 0).then_some(batch)
}

fn pack_header((message, bytes): (MessageId, Vec<u8>)) -> HeaderIn {
    let mut envelope = Vec::new();
    message::envelope(&bytes).encode(&mut envelope);
    HeaderIn {
        message,
        hash: HeaderHash(message::header_hash(&bytes)),
        envelope,
        bytes: Packed::new(bytes),
    }
}

/// A whole message, if its header is the one that is known.
fn pack_body((message, bytes, known): (MessageId, Vec<u8>, Option<HeaderHash>)) -> Option<BodyIn> {
    let (header, _) = message::header::split(&bytes);
    if known.is_some_and(|known| known != HeaderHash(message::header_hash(header))) {
        return None;
    }
    let mut structure = Vec::new();
    message::Structure::of(&bytes).body().encode(&mut structure);
    let hash = *blake3::hash(&bytes).as_bytes();
    Some(BodyIn {
        message,
        hash,
        structure,
        bytes: Packed::new(bytes),
    })
}

async fn on_blocking_thread<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, StoreError> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|_| StoreError::Stopped)
}

/// How far the reading is.
struct Meter<'a> {
    progress: &'a Progress,
    mailbox: Option<&'a MailboxName>,
    part: Part,
    done: usize,
    of: usize,
}

impl Meter<'_> {
    fn add(&mut self, count: usize) {
        self.done = self.done.saturating_add(count);
        self.progress.tick(Tick {
            mailbox: self.mailbox.map(ToString::to_string).unwrap_or_default(),
            part: self.part,
            done: u64::try_from(self.done).unwrap_or(u64::MAX),
            of: u64::try_from(self.of).unwrap_or(u64::MAX),
        });
    }
}

const HEADERS_AT_ONCE: usize = 256;
const BODIES_AT_ONCE: usize = 64;
/// A batch of texts ends once it holds this much.
const BATCH_BYTES: u64 = 1 << 20;
