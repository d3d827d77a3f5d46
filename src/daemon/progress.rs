//! What a pass tells those who watch.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// Where a pass tells how far it is.
#[derive(Clone)]
pub struct Progress(Arc<dyn Fn(Tick) + Send + Sync>);

/// How far one part of a pass is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tick {
    /// The mailbox.
    pub mailbox: String,
    /// What is read.
    pub part: Part,
    /// How many are done.
    pub done: u64,
    /// How many there are.
    pub of: u64,
}

/// What a pass reads in bulk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Part {
    /// Headers.
    Headers,
    /// Whole messages.
    Bodies,
}

impl Progress {
    /// Tells somebody.
    #[must_use]
    pub fn to(listener: impl Fn(Tick) + Send + Sync + 'static) -> Self {
        Self(Arc::new(listener))
    }

    /// Tells nobody.
    #[must_use]
    pub fn silent() -> Self {
        Self::to(|_| {})
    }

    pub(super) fn tick(&self, tick: Tick) {
        (self.0)(tick);
    }
}

impl std::fmt::Debug for Progress {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Progress")
    }
}
