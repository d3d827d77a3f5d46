//! Mirroring content: headers first, then whole messages, newest first, in batches that commit together.

use std::collections::BTreeSet;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::Instant;

use super::error::PassError;
use super::pass::NOT_WHERE_IT_WAS;
use super::progress::{Part, Progress, Tick};
use super::queue::{Keep, Queue, find};
use super::report::Report;
use super::unread;
use crate::id::{MailboxId, MessageId};
use crate::journal::HeaderHash;
use crate::message;
use crate::mirror::BaseMessage;
use crate::protocol::types::MailboxName;
use crate::store::{BodyIn, HeaderIn, Packer, Store};
use crate::upstream::{Content, Selected, UpstreamError};

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
    let mut batches = newest_first.map(|batch| batch.iter().map(|message| message.id).collect());
    let (deliver, mut delivered) = mpsc::channel(1);
    let read = async {
        let deliver = deliver;
        let next = || batches.next();
        selected.read(Content::Header, next, &deliver).await
    };
    let keep = async {
        while let Some(batch) = delivered.recv().await {
            let count = batch.len();
            let mut packed = store.work(move || pack_headers(batch)).await?;
            packed.retain(|header| find(&missing, header.message).is_some());
            let is_right = |header: &HeaderIn| {
                hash_of(&missing, header.message).is_none_or(|known| known == header.hash)
            };
            if !packed.iter().all(is_right) {
                return Err(NOT_WHERE_IT_WAS.into());
            }
            store.keep_headers(mailbox, packed).await?;
            meter.add(count);
        }
        Ok::<_, PassError>(())
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
    let mut queue = Queue::new(store, mailbox, keep, &missing, most_octets(selected));
    let mut meter = Meter {
        progress,
        mailbox: report.mailbox.as_ref(),
        part: Part::Bodies,
        done: 0,
        of: queue.len(),
    };
    let read = fetch(selected, &mut queue, &missing, &mut meter).await;
    report.counts.bodies = meter.done;
    report.interrupted = queue.is_interrupted;
    read?;
    queue
        .shortage
        .map_or(Ok(()), |shortage| Err(shortage.into()))
}

/// Reads the texts of messages that are about to be removed, so that they can be had back: those that are not held, and
/// not too large. A message that cannot be read is removed all the same.
pub(super) async fn rescue(
    selected: &mut Selected<'_>,
    store: &Store,
    mailbox: MailboxId,
    messages: &BTreeSet<MessageId>,
    up_to: u32,
) -> Result<(), PassError> {
    if messages.is_empty() || up_to == 0 {
        return Ok(());
    }
    let mut missing = store.without_body(mailbox).await?;
    let mut octets: u64 = 0;
    missing.retain(|message| {
        let is_meant = messages.contains(&message.id)
            && message.mark.header.is_some()
            && message.mark.size <= up_to;
        if is_meant {
            octets = octets.saturating_add(u64::from(message.mark.size));
        }
        is_meant && octets <= MOST_OCTETS_RESCUED
    });
    let most_octets = most_octets(selected);
    let mut queue = Queue::new(store, mailbox, Keep::All, &missing, most_octets).whatever_happens();
    let mut meter = Meter {
        progress: &Progress::silent(),
        mailbox: None,
        part: Part::Bodies,
        done: 0,
        of: queue.len(),
    };
    match fetch(selected, &mut queue, &missing, &mut meter).await {
        Err(PassError::Upstream(error)) if !error.ends_connection() => {
            tracing::warn!(%error, "a message is removed that could not be read");
            Ok(())
        }
        read => read,
    }
}

/// How much a batch of texts may hold on this server.
fn most_octets(selected: &Selected<'_>) -> u64 {
    if selected.peeks() {
        MOST_OCTETS
    } else {
        MOST_OCTETS_MARKED
    }
}

/// Reads the texts of a queue, keeping each batch while the next is on its way.
async fn fetch(
    selected: &mut Selected<'_>,
    queue: &mut Queue<'_>,
    missing: &[BaseMessage],
    meter: &mut Meter<'_>,
) -> Result<(), PassError> {
    let store = queue.store;
    let (deliver, delivered) = mpsc::channel(1);
    let (hand_on, packed) = mpsc::channel(1);
    let pack = pack_bodies(store, queue.mailbox, delivered, missing, hand_on);
    let read = read_bodies(selected, queue, deliver);
    let keep = keep_bodies(store, packed, meter);
    let (read, packed, kept) = tokio::join!(read, pack, keep);
    kept?;
    packed?;
    read
}

/// Where reading marks messages as read, the marks are taken off again, also after a failure that leaves a way to do so.
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
    let read = read_and_mark(selected, queue, deliver, &mut marked).await;
    if let Err(error) = &read
        && !error.leaves_the_mailbox_open()
    {
        return read;
    }
    let cleared = unread::clear(store, mailbox, selected, &marked).await;
    read.and(cleared.map(drop))
}

/// Notes each batch before it is read, and takes the marks off after the first, and from time to time: not after each batch,
/// since a server takes its time for each STORE, however many messages it names. Those that were not taken off yet are
/// in `marked`. Where the server does not let them be taken off, nothing more is read.
async fn read_and_mark(
    selected: &mut Selected<'_>,
    queue: &mut Queue<'_>,
    deliver: mpsc::Sender<Vec<(MessageId, Vec<u8>)>>,
    marked: &mut Vec<MessageId>,
) -> Result<(), PassError> {
    let (store, mailbox) = (queue.store, queue.mailbox);
    let mut cleared_at = Instant::now();
    let mut can_be_cleared = false;
    while !deliver.is_closed()
        && let Some(batch) = queue.next()
    {
        if !selected.recognise(&batch, |id| queue.mark_of(id)).await? {
            unread::clear(store, mailbox, selected, marked).await?;
            return Err(NOT_WHERE_IT_WAS.into());
        }
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
        if cleared_at.elapsed() >= CLEAR_EVERY || !can_be_cleared && !marked.is_empty() {
            // Once: who is shown read after that was read by somebody else.
            let read = std::mem::take(marked);
            can_be_cleared = unread::clear(store, mailbox, selected, &read).await?;
            cleared_at = Instant::now();
            if !can_be_cleared {
                tracing::warn!(
                    "the server does not let messages be marked unread; no more are read"
                );
                break;
            }
        }
    }
    Ok(())
}

/// Compresses what was read, on a thread of its own, while the next is on its way. What stood in the place of its like was read
/// by us all the same.
async fn pack_bodies(
    store: &Store,
    mailbox: MailboxId,
    mut delivered: mpsc::Receiver<Vec<(MessageId, Vec<u8>)>>,
    missing: &[BaseMessage],
    hand_on: mpsc::Sender<Vec<BodyIn>>,
) -> Result<(), PassError> {
    while let Some(batch) = delivered.recv().await {
        let known: Vec<(MessageId, Vec<u8>, Option<HeaderHash>)> = batch
            .into_iter()
            .map(|(id, text)| (id, text, hash_of(missing, id)))
            .collect();
        let (right, wrong) = store.work(move || pack(known)).await?;
        if !wrong.is_empty() {
            store.correct_strays(mailbox, wrong).await?;
            return Err(UpstreamError::Desynchronised {
                problem: "a text came with the header of another message",
            }
            .into());
        }
        if hand_on.send(right).await.is_err() {
            break;
        }
    }
    Ok(())
}

/// The hash of a message's header, as far as it is known.
fn hash_of(missing: &[BaseMessage], message: MessageId) -> Option<HeaderHash> {
    missing.get(find(missing, message)?)?.mark.header
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

/// Whole messages, and those that have other headers than is known, with these.
fn pack(
    batch: Vec<(MessageId, Vec<u8>, Option<HeaderHash>)>,
) -> (Vec<BodyIn>, Vec<(MessageId, HeaderHash)>) {
    let mut packer = Packer::new();
    let (mut right, mut wrong) = (Vec::new(), Vec::new());
    for (message, bytes, known) in batch {
        let (header, _) = message::header::split(&bytes);
        let shown = HeaderHash(message::header_hash(header));
        if known.is_some_and(|known| known != shown) {
            wrong.push((message, shown));
            continue;
        }
        let mut structure = Vec::new();
        message::Structure::of(&bytes).body().encode(&mut structure);
        right.push(BodyIn {
            message,
            hash: *blake3::hash(&bytes).as_bytes(),
            structure,
            bytes: packer.pack(bytes),
        });
    }
    (right, wrong)
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
const HEADERS_AT_ONCE: usize = 200;
/// How much a batch of texts may hold. Several are in memory at a time.
const MOST_OCTETS: u64 = 1 << 20;
/// The same where the server marks what is read, and takes its time for that; none is asked for before the last has come.
const MOST_OCTETS_MARKED: u64 = 1 << 22;
/// How much is read at a time only because its messages are about to be removed.
const MOST_OCTETS_RESCUED: u64 = 64 << 20;
/// Messages that were only mirrored are shown to others as read for about so long, and until the batch has come that was
/// on its way then.
const CLEAR_EVERY: Duration = Duration::from_millis(250);
