//! How much of its clients' messages a server holds at one time.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Octets that all connections share. A message takes its share before its client may send it.
#[derive(Clone, Debug)]
pub struct Budget(Arc<AtomicUsize>);

/// Octets taken out of a budget; given back when this is dropped.
#[derive(Debug)]
pub(super) struct Share {
    budget: Budget,
    octet_count: usize,
}

impl Budget {
    /// A budget of so many octets.
    #[must_use]
    pub fn new(octet_count: usize) -> Self {
        Self(Arc::new(AtomicUsize::new(octet_count)))
    }

    /// Takes a share, if so much is left.
    pub(super) fn take(&self, octet_count: usize) -> Option<Share> {
        let less = |left: usize| left.checked_sub(octet_count);
        let taken = self
            .0
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, less);
        taken.ok().map(|_| Share {
            budget: self.clone(),
            octet_count,
        })
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.budget.0.fetch_add(self.octet_count, Ordering::AcqRel);
    }
}
