//! What clients see of a mailbox: the base with the journal over it, held in memory and shared.

use std::sync::Arc;

use crate::id::{ChangeNum, MessageId};
use crate::journal::JournalEntry;
use crate::mirror::LocalState;
use crate::protocol::types::{FlagSet, Keywords};

/// One moment of a mailbox. Cheap to clone, and it never changes: a later moment is another view.
#[derive(Clone, Debug)]
pub struct View {
    /// Which moment it is; grows with every change.
    pub change: ChangeNum,
    /// What the keyword bits mean.
    pub keywords: Arc<Keywords>,
    /// Messages with a greater id are `\Recent` to the next client that selects the mailbox.
    pub seen_to: MessageId,
    /// Whether the server lets us change the mailbox.
    pub writable: bool,
    /// The flags that the server keeps; `None` where it does not say, and for mailboxes that have no server.
    pub permanent: Option<FlagSet>,
    rows: Arc<Vec<Row>>,
    states: Arc<Vec<LocalState>>,
}

/// What never changes about a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row {
    /// Our name for it; ids grow in the mailbox's order.
    pub id: MessageId,
    /// INTERNALDATE in seconds since 1970 UTC.
    pub instant: i64,
    /// RFC822.SIZE in octets.
    pub size: u32,
    /// The internal date's zone, in minutes east of UTC.
    pub zone_minutes: i16,
}

impl View {
    pub(super) fn new(
        rows: Vec<Row>,
        states: Vec<LocalState>,
        keywords: Keywords,
        seen_to: MessageId,
        writable: bool,
    ) -> Self {
        let change = ChangeNum::from_raw(1);
        Self {
            change,
            keywords: Arc::new(keywords),
            seen_to,
            writable,
            permanent: None,
            rows: Arc::new(rows),
            states: Arc::new(states),
        }
    }

    /// The messages that are there, oldest first, with their flags.
    pub fn messages(&self) -> impl DoubleEndedIterator<Item = (&Row, FlagSet)> {
        self.rows
            .iter()
            .zip(self.states.iter())
            .filter_map(|(row, state)| match *state {
                LocalState::Present(flags) => Some((row, flags)),
                LocalState::Expunged { .. } => None,
            })
    }

    /// What became of a message, if the mailbox has it at all.
    pub(super) fn state(&self, id: MessageId) -> Option<(&Row, LocalState)> {
        let index = self.rows.binary_search_by_key(&id, |row| row.id).ok()?;
        Some((self.rows.get(index)?, *self.states.get(index)?))
    }

    /// A message by its id, with its flags, if it is there.
    #[must_use]
    pub fn find(&self, id: MessageId) -> Option<(&Row, FlagSet)> {
        match self.state(id)? {
            (row, LocalState::Present(flags)) => Some((row, flags)),
            (_, LocalState::Expunged { .. }) => None,
        }
    }

    /// The next moment, with entries applied that were just accepted.
    pub(super) fn with(&self, entries: &[JournalEntry]) -> Self {
        let mut next = self.next();
        let states = Arc::make_mut(&mut next.states);
        for entry in entries.iter().filter(|entry| entry.is_active()) {
            if let Ok(index) = self.rows.binary_search_by_key(&entry.message, |row| row.id)
                && let Some(state) = states.get_mut(index)
            {
                *state = state.after(&entry.action);
            }
        }
        next
    }

    /// The next moment, otherwise the same.
    pub(super) fn next(&self) -> Self {
        Self {
            change: ChangeNum::from_raw(self.change.raw().wrapping_add(1)),
            ..self.clone()
        }
    }

    /// The next moment of a mailbox whose base has changed.
    pub(super) fn rebuilt(&self, rows: Vec<Row>, states: Vec<LocalState>) -> Self {
        let rows = if *self.rows == rows {
            Arc::clone(&self.rows)
        } else {
            Arc::new(rows)
        };
        Self {
            rows,
            states: Arc::new(states),
            ..self.next()
        }
    }
}
