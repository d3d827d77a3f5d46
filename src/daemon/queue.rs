//! Which texts to read next, and how many at once.

use std::mem;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

use crate::id::{MailboxId, MessageId};
use crate::journal::Mark;
use crate::mirror::BaseMessage;
use crate::store::{Store, StoreError};

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

/// The texts to read: those that somebody waits for first, whenever they are asked for, then the newest.
pub(super) struct Queue<'a> {
    pub(super) store: &'a Store,
    pub(super) mailbox: MailboxId,
    /// Every message whose header is known and whose text is not held, in the order of ids.
    missing: &'a [BaseMessage],
    /// Which of them were handed out.
    is_taken: Vec<bool>,
    /// Where those stand that are held offline, oldest first.
    wanted: Vec<usize>,
    accepted: watch::Receiver<u64>,
    size: BatchSize,
    /// Whether it goes on although somebody else has something urgent.
    goes_on: bool,
    /// Whether it ended early, for somebody who should not wait until all is read.
    pub(super) is_interrupted: bool,
    /// Why only those come that somebody waits for.
    pub(super) shortage: Option<StoreError>,
}

impl<'a> Queue<'a> {
    pub(super) fn new(
        store: &'a Store,
        mailbox: MailboxId,
        keep: Keep,
        missing: &'a [BaseMessage],
        most_octets: u64,
    ) -> Self {
        let numbered = missing.iter().enumerate();
        let wanted = numbered.filter(|(_, message)| keep.wants(message));
        Self {
            store,
            mailbox,
            missing,
            is_taken: vec![false; missing.len()],
            wanted: wanted.map(|(index, _)| index).collect(),
            accepted: store.accepted(),
            size: BatchSize::up_to(most_octets),
            goes_on: false,
            is_interrupted: false,
            shortage: None,
        }
    }

    /// The same, read to its end whatever others want meanwhile.
    pub(super) fn whatever_happens(self) -> Self {
        Self {
            goes_on: true,
            ..self
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

    pub(super) fn len(&self) -> usize {
        self.wanted.len()
    }

    /// As many messages as are worth a command and not too long to lose.
    pub(super) fn next(&mut self) -> Option<Vec<MessageId>> {
        let may_end = !self.goes_on && self.size.has_begun() && !self.wanted.is_empty();
        if may_end && self.is_urgent_elsewhere() {
            self.is_interrupted = true;
            return None;
        }
        let enough = self.size.next();
        if !self.goes_on && !self.wanted.is_empty() {
            self.shortage = self.store.require_room(enough).err();
        }
        let mut waited_for = self.store.waited_for(self.mailbox);
        let mut batch = Vec::new();
        let mut octets: u64 = 0;
        while octets < enough && batch.len() < BODIES_AT_ONCE {
            let first = waited_for.pop_last().map(|id| find(self.missing, id));
            let next = || self.wanted.pop().map(Some);
            let Some(index) = first.or_else(|| self.shortage.is_none().then(next)?) else {
                break;
            };
            if let Some(message) = index.and_then(|index| self.take(index)) {
                octets = octets.saturating_add(u64::from(message.mark.size));
                batch.push(message.id);
            }
        }
        (!batch.is_empty()).then_some(batch)
    }

    /// How the server shows one of the messages.
    pub(super) fn mark_of(&self, message: MessageId) -> Option<Mark> {
        let known = self.missing.get(find(self.missing, message)?)?;
        Some(known.mark)
    }

    /// The message at this place, unless it was handed out before.
    fn take(&mut self, index: usize) -> Option<&'a BaseMessage> {
        let is_taken = self.is_taken.get_mut(index)?;
        (!mem::replace(is_taken, true)).then(|| self.missing.get(index))?
    }
}

pub(super) fn find(missing: &[BaseMessage], id: MessageId) -> Option<usize> {
    missing.binary_search_by_key(&id, |message| message.id).ok()
}

/// How much a batch of texts may hold: what comes in the time that somebody with something urgent can wait.
#[derive(Debug)]
struct BatchSize {
    octets: u64,
    most_octets: u64,
    begun_at: Option<Instant>,
}

impl BatchSize {
    fn up_to(most_octets: u64) -> Self {
        Self {
            octets: FIRST_BATCH_OCTETS,
            most_octets,
            begun_at: None,
        }
    }

    fn has_begun(&self) -> bool {
        self.begun_at.is_some()
    }

    /// The octets after which the next batch is full. The time since the last call is what one batch takes.
    fn next(&mut self) -> u64 {
        let took = self.begun_at.map(|begun_at| begun_at.elapsed());
        let octets = match took {
            Some(took) if took < QUICK => self.octets.saturating_mul(2),
            Some(took) if took > SLOW => self.octets.div_ceil(2),
            _ => self.octets,
        };
        self.octets = octets.clamp(LEAST_BATCH_OCTETS, self.most_octets);
        self.begun_at = Some(Instant::now());
        self.octets
    }
}

/// How many texts come with one command, and are committed together.
const BODIES_AT_ONCE: usize = 128;
/// What a batch of texts holds at first, and at least.
const FIRST_BATCH_OCTETS: u64 = 1 << 19;
const LEAST_BATCH_OCTETS: u64 = 1 << 15;
/// A batch that comes faster than this can be larger.
const QUICK: Duration = Duration::from_millis(250);
/// A batch that takes longer than this keeps others waiting.
const SLOW: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_batch_holds_what_comes_in_the_time_that_others_can_wait() {
        let most = 4 * FIRST_BATCH_OCTETS;
        let mut size = BatchSize::up_to(most);
        let mut after = async |millis| {
            tokio::time::advance(Duration::from_millis(millis)).await;
            size.next()
        };
        assert_eq!(after(0).await, FIRST_BATCH_OCTETS);
        assert_eq!(after(500).await, FIRST_BATCH_OCTETS);
        assert_eq!(after(1001).await, FIRST_BATCH_OCTETS / 2);
        assert_eq!(after(100).await, FIRST_BATCH_OCTETS);
        for _ in 0..9 {
            after(1).await;
        }
        assert_eq!(after(1).await, most);
        for _ in 0..9 {
            after(90_000).await;
        }
        assert_eq!(after(90_000).await, LEAST_BATCH_OCTETS);
    }
}
