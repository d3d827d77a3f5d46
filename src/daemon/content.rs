//! Mirroring content: headers first, then whole messages, newest first, in batches that commit together.

use std::mem;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

use super::error::PassError;
use super::progress::{Part, Progress, Tick};
use super::report::Report;
use super::unread;
use crate::id::{MailboxId, MessageId};
use crate::journal::HeaderHash;
use crate::message;
use crate::mirror::BaseMessage;
use crate::protocol::types::MailboxName;
use crate::store::{BodyIn, HeaderIn, Packer, Store, StoreError};
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
    let mut meter = Meter {
        progress,
        mailbox: report.mailbox.as_ref(),
        part: Part::Headers,
        done: 0,
        of: missing.len(),
    };
    let newest_first = missing.rchunks(HEADERS_AT_ONCE);
    let mut batches = newest_first.map(<[MessageId]>::to_vec);
    let (deliver, mut delivered) = mpsc::channel(1);
    let read = async {
        let deliver = deliver;
        let next = || batches.next();
        selected.read(Content::Header, next, &deliver).await
    };
    let keep = async {
        while let Some(batch) = delivered.recv().await {
            let count = batch.len();
            let packed = on_blocking_thread(move || pack_headers(batch)).await?;
            store.keep_headers(mailbox, packed).await?;
            meter.add(count);
        }
        Ok::<_, StoreError>(())
    };
    let (read, kept) = tokio::join!(read, keep);
    report.counts.headers = meter.done;
    kept?;
    read?;
    Ok(())
}

/// Reads the texts that are missing and wanted, and keeps each batch while the next is on its way.
pub(super) async fn bodies(
    selected: &mut Selected<'_>,
    store: &Store,
    mailbox: MailboxId,
    keep: Keep,
    progress: &Progress,
    report: &mut Report,
) -> Result<(), PassError> {
    let mut missing = store.without_body(mailbox).await?;
    missing.retain(|message| message.mark.header.is_some());
    let mut queue = Queue::new(store, mailbox, keep, &missing);
    let mut meter = Meter {
        progress,
        mailbox: report.mailbox.as_ref(),
        part: Part::Bodies,
        done: 0,
        of: queue.len(),
    };
    let (deliver, delivered) = mpsc::channel(1);
    let (hand_on, packed) = mpsc::channel(1);
    let read = read_bodies(selected, &mut queue, deliver);
    let pack = pack_bodies(delivered, &missing, hand_on);
    let keep = keep_bodies(store, packed, &mut meter);
    let (read, packed, kept) = tokio::join!(read, pack, keep);
    report.counts.bodies = meter.done;
    report.interrupted = queue.is_interrupted;
    kept?;
    packed?;
    read
}

/// Where reading marks messages as read, that is noted before each batch and cleared soon after it: not after each, since
/// a server takes its time for each STORE, however many messages it names.
async fn read_bodies(
    selected: &mut Selected<'_>,
    queue: &mut Queue<'_>,
    deliver: mpsc::Sender<Vec<(MessageId, Vec<u8>)>>,
) -> Result<(), PassError> {
    if selected.peeks() {
        let next = || queue.next();
        selected.read(Content::Whole, next, &deliver).await?;
        return Ok(());
    }
    let (store, mailbox) = (queue.store, queue.mailbox);
    let mut marked = Vec::new();
    let mut cleared = Instant::now();
    while !deliver.is_closed()
        && let Some(batch) = queue.next()
    {
        let at_risk = unread::unread_of(selected, &batch);
        unread::note(store, mailbox, &at_risk).await?;
        marked.extend(at_risk);
        let mut only = Some(batch);
        let next = || only.take();
        let uninvited = selected.read(Content::Whole, next, &deliver).await?;
        let also = store.unread_in_base(mailbox, &uninvited)?;
        unread::note(store, mailbox, &also).await?;
        marked.extend(also);
        selected.unmark_strays().await?;
        if cleared.elapsed() >= MARKED_AT_MOST {
            unread::clear(store, mailbox, selected, &mem::take(&mut marked)).await?;
            cleared = Instant::now();
        }
    }
    unread::clear(store, mailbox, selected, &marked).await?;
    Ok(())
}

/// Compresses what was read, on a thread of its own, while the next is on its way.
async fn pack_bodies(
    mut delivered: mpsc::Receiver<Vec<(MessageId, Vec<u8>)>>,
    missing: &[BaseMessage],
    hand_on: mpsc::Sender<Vec<BodyIn>>,
) -> Result<(), PassError> {
    while let Some(batch) = delivered.recv().await {
        let known: Vec<(MessageId, Vec<u8>, Option<HeaderHash>)> = batch
            .into_iter()
            .map(|(id, text)| {
                let known = find(missing, id).and_then(|index| missing.get(index));
                (id, text, known.and_then(|message| message.mark.header))
            })
            .collect();
        let packed = on_blocking_thread(move || pack(known)).await?;
        let right = packed.ok_or(UpstreamError::Desynchronised {
            problem: "a text came with the header of another message",
        })?;
        if hand_on.send(right).await.is_err() {
            break;
        }
    }
    Ok(())
}

async fn keep_bodies(
    store: &Store,
    mut packed: mpsc::Receiver<Vec<BodyIn>>,
    meter: &mut Meter<'_>,
) -> Result<(), PassError> {
    while let Some(bodies) = packed.recv().await {
        let count = bodies.len();
        store.keep_bodies(bodies).await?;
        meter.add(count);
    }
    Ok(())
}

/// The texts to read: those that somebody waits for first, whenever they are asked for, then the newest.
struct Queue<'a> {
    store: &'a Store,
    mailbox: MailboxId,
    /// Every message whose header is known and whose text is not held, in the order of ids.
    missing: &'a [BaseMessage],
    /// Which of them were handed out.
    is_taken: Vec<bool>,
    /// Where those stand that are held offline, oldest first.
    wanted: Vec<usize>,
    accepted: watch::Receiver<u64>,
    has_begun: bool,
    /// Whether it ended early, for somebody who should not wait until all is read.
    is_interrupted: bool,
}

impl<'a> Queue<'a> {
    fn new(store: &'a Store, mailbox: MailboxId, keep: Keep, missing: &'a [BaseMessage]) -> Self {
        let numbered = missing.iter().enumerate();
        let wanted = numbered.filter(|(_, message)| keep.wants(message));
        Self {
            store,
            mailbox,
            missing,
            is_taken: vec![false; missing.len()],
            wanted: wanted.map(|(index, _)| index).collect(),
            accepted: store.accepted(),
            has_begun: false,
            is_interrupted: false,
        }
    }

    /// Whether somebody did something since this began, or waits for a text of another mailbox.
    fn is_urgent_elsewhere(&self) -> bool {
        let wanted = self.store.wanted();
        let elsewhere = wanted
            .borrow()
            .iter()
            .any(|(mailbox, _)| *mailbox != self.mailbox);
        elsewhere || self.accepted.has_changed().unwrap_or(false)
    }

    fn len(&self) -> usize {
        self.wanted.len()
    }

    /// As many messages as are worth a command and not too long to lose.
    fn next(&mut self) -> Option<Vec<MessageId>> {
        if self.has_begun && !self.wanted.is_empty() && self.is_urgent_elsewhere() {
            self.is_interrupted = true;
            return None;
        }
        self.has_begun = true;
        let mut waited_for = self.store.waited_for(self.mailbox);
        let mut batch = Vec::new();
        let mut octets: u64 = 0;
        while octets < BATCH_OCTETS && batch.len() < BODIES_AT_ONCE {
            let first = waited_for.pop_last().map(|id| find(self.missing, id));
            let Some(index) = first.or_else(|| self.wanted.pop().map(Some)) else {
                break;
            };
            if let Some(message) = index.and_then(|index| self.take(index)) {
                octets = octets.saturating_add(u64::from(message.mark.size));
                batch.push(message.id);
            }
        }
        (!batch.is_empty()).then_some(batch)
    }

    /// The message at this place, unless it was handed out before.
    fn take(&mut self, index: usize) -> Option<&'a BaseMessage> {
        let is_taken = self.is_taken.get_mut(index)?;
        (!mem::replace(is_taken, true)).then(|| self.missing.get(index))?
    }
}

fn find(missing: &[BaseMessage], id: MessageId) -> Option<usize> {
    missing.binary_search_by_key(&id, |message| message.id).ok()
}

fn pack_headers(batch: Vec<(MessageId, Vec<u8>)>) -> Vec<HeaderIn> {
    let mut packer = Packer::new();
    let pack = |(message, bytes): (MessageId, Vec<u8>)| {
        let mut envelope = Vec::new();
        message::envelope(&bytes).encode(&mut envelope);
        HeaderIn {
            message,
            hash: HeaderHash(message::header_hash(&bytes)),
            envelope,
            bytes: packer.pack(bytes),
        }
    };
    batch.into_iter().map(pack).collect()
}

/// Whole messages, if the header of each is the one that is known.
fn pack(batch: Vec<(MessageId, Vec<u8>, Option<HeaderHash>)>) -> Option<Vec<BodyIn>> {
    let mut packer = Packer::new();
    let pack = |(message, bytes, known): (MessageId, Vec<u8>, Option<HeaderHash>)| {
        let (header, _) = message::header::split(&bytes);
        if known.is_some_and(|known| known != HeaderHash(message::header_hash(header))) {
            return None;
        }
        let mut structure = Vec::new();
        message::Structure::of(&bytes).body().encode(&mut structure);
        Some(BodyIn {
            message,
            hash: *blake3::hash(&bytes).as_bytes(),
            structure,
            bytes: packer.pack(bytes),
        })
    };
    batch.into_iter().map(pack).collect()
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

/// How many headers come with one command, and are committed together.
const HEADERS_AT_ONCE: usize = 256;
/// The same for texts.
const BODIES_AT_ONCE: usize = 128;
/// A batch of texts ends once it holds this much.
const BATCH_OCTETS: u64 = 1 << 20;
/// How long others may see messages as read that were only mirrored; a batch that takes longer is cleared when it ends.
const MARKED_AT_MOST: Duration = Duration::from_millis(250);
