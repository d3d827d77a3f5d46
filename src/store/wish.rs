//! Texts that clients wait for. A wish lasts for as long as anybody waits for it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{MutexGuard, PoisonError};

use super::Inner;
use crate::id::{MailboxId, MessageId};

/// A text, by its message.
pub(super) type Wish = (MailboxId, MessageId);

/// How many wait for each text.
pub(super) type Waiters = BTreeMap<Wish, usize>;

/// Somebody who waits, until this is dropped.
pub(super) struct Waiting<'a> {
    inner: &'a Inner,
    pub(super) wishes: BTreeSet<Wish>,
}

impl<'a> Waiting<'a> {
    /// Makes the wishes known.
    pub(super) fn new(inner: &'a Inner, wishes: BTreeSet<Wish>) -> Self {
        let mut waiters = inner.waiters();
        for wish in &wishes {
            let count = waiters.entry(*wish).or_default();
            *count = count.saturating_add(1);
        }
        inner.wanted.send_if_modified(|wanted| {
            let before = wanted.len();
            wanted.extend(&wishes);
            wanted.len() != before
        });
        drop(waiters);
        Self { inner, wishes }
    }
}

/// Takes back the wishes that nobody else has.
impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        let mut waiters = self.inner.waiters();
        for wish in &self.wishes {
            match waiters.get_mut(wish) {
                Some(count) if *count > 1 => *count = count.saturating_sub(1),
                _ => drop(waiters.remove(wish)),
            }
        }
        self.inner.wanted.send_if_modified(|wanted| {
            let before = wanted.len();
            wanted.retain(|wish| !self.wishes.contains(wish) || waiters.contains_key(wish));
            wanted.len() != before
        });
    }
}

impl Inner {
    fn waiters(&self) -> MutexGuard<'_, Waiters> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
