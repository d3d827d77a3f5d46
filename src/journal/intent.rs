//! From a client's STORE to deltas: what the user meant, given what the client showed.

use crate::protocol::types::{FlagDelta, FlagSet, StoreMode};

/// A STORE command's request, before it is known which messages it meets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FlagIntent {
    /// Replace, add or remove.
    pub mode: StoreMode,
    /// The flags named.
    pub flags: FlagSet,
}

impl FlagIntent {
    /// The delta this request means for a message that the client last saw with the flags `shown`.
    ///
    /// A replacing STORE becomes a delta here and is never again anything else: flags that the client neither saw
    /// nor named stay as they are, whoever set them.
    #[must_use]
    pub fn delta(&self, shown: FlagSet) -> FlagDelta {
        match self.mode {
            StoreMode::Replace => FlagDelta::between(shown, self.flags),
            StoreMode::Add => FlagDelta {
                add: self.flags,
                remove: FlagSet::EMPTY,
            },
            StoreMode::Remove => FlagDelta {
                add: FlagSet::EMPTY,
                remove: self.flags,
            },
        }
    }
}
