//! One mailbox in memory: its base, the journal entries that speak of it, and the view that follows from both.
//!
//! The files are written first. What is here changes on the thread that has just committed, so that nobody is shown
//! what a crash could still take back.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::id::{EntryId, MessageId};
use crate::journal::JournalEntry;
use crate::mirror::{Access, Base, BaseMessage, LocalState};
use crate::protocol::types::{FlagSet, Keywords, MailboxName};

use super::doubt::marks;
use super::view::{Row, View};

/// A mailbox in memory.
#[derive(Clone, Debug)]
pub(super) struct Held {
    pub(super) name: MailboxName,
    pub(super) base: Arc<Base>,
    pub(super) entries: Vec<JournalEntry>,
    /// Messages that left their place, and the ids under which they came back. The journal's file may not know it yet.
    pub(super) moved: BTreeMap<MessageId, MessageId>,
    pub(super) view: View,
}

impl Held {
    /// The entry that was accepted last of those that are left.
    pub(super) fn newest_entry(&self) -> EntryId {
        let newest = self.entries.iter().map(|entry| entry.id).max();
        newest.unwrap_or(EntryId::from_raw(0))
    }

    /// A mailbox as the files have it.
    pub(super) fn new(
        name: MailboxName,
        base: Base,
        keywords: Keywords,
        seen_to: MessageId,
        moved: BTreeMap<MessageId, MessageId>,
        entries: Vec<JournalEntry>,
    ) -> Self {
        let entries = current(entries, &moved);
        let writable = base.facts.access != Access::ReadOnly;
        let mut view = View::new(
            rows(&base),
            states(&base, &entries),
            keywords,
            seen_to,
            writable,
        );
        view.permanent = base.facts.permanent;
        Self {
            name,
            base: Arc::new(base),
            entries,
            moved,
            view,
        }
    }

    /// Takes over all entries anew, as the journal's file has them.
    pub(super) fn reload(&mut self, entries: Vec<JournalEntry>) {
        self.entries = current(entries, &self.moved);
        self.refresh();
    }

    /// Notes that messages left their place and came back under other ids.
    pub(super) fn follow(&mut self, moves: &BTreeMap<MessageId, MessageId>) {
        if moves.is_empty() {
            return;
        }
        let earlier = self.moved.values_mut();
        let meant = self.entries.iter_mut().map(|entry| &mut entry.message);
        for id in earlier.chain(meant) {
            *id = moves.get(id).copied().unwrap_or(*id);
        }
        self.moved.extend(moves);
    }

    /// Takes in entries that were just committed.
    pub(super) fn accept(&mut self, entries: Vec<JournalEntry>) {
        self.view = self.view.with(&entries);
        self.entries.extend(entries);
    }

    /// Takes in a new base or another state of the entries.
    pub(super) fn refresh(&mut self) {
        self.view = self
            .view
            .rebuilt(rows(&self.base), states(&self.base, &self.entries));
        self.view.writable = self.base.facts.access != Access::ReadOnly;
        self.view.permanent = self.base.facts.permanent;
    }

    /// The base, to be changed. A pass that looks at it meanwhile keeps the one that it began with.
    pub(super) fn base_mut(&mut self) -> &mut Base {
        Arc::make_mut(&mut self.base)
    }

    /// An entry. They stand in the order of their ids.
    pub(super) fn entry(&self, id: EntryId) -> Option<&JournalEntry> {
        self.entries.get(self.entry_index(id)?)
    }

    pub(super) fn entry_mut(&mut self, id: EntryId) -> Option<&mut JournalEntry> {
        let index = self.entry_index(id)?;
        self.entries.get_mut(index)
    }

    fn entry_index(&self, id: EntryId) -> Option<usize> {
        let entries = &self.entries;
        entries.binary_search_by_key(&id, |entry| entry.id).ok()
    }

    /// The id that a message has now, if clients see it.
    pub(super) fn current(&self, id: MessageId) -> Option<MessageId> {
        let id = self.moved.get(&id).copied().unwrap_or(id);
        self.flags(id).map(|_| id)
    }

    /// Whether the user has marked a message for removal, and that is not carried out yet.
    pub(super) fn marks_deleted(&self, id: MessageId) -> bool {
        let mut entries = self.entries.iter().filter(|entry| entry.message == id);
        entries.any(|entry| marks(&entry.action))
    }

    /// The flags a message has for clients, if it is there.
    pub(super) fn flags(&self, id: MessageId) -> Option<FlagSet> {
        self.view.find(id).map(|(_, flags)| flags)
    }
}

/// Entries with their messages under the ids that these have now.
fn current(
    mut entries: Vec<JournalEntry>,
    moved: &BTreeMap<MessageId, MessageId>,
) -> Vec<JournalEntry> {
    for entry in &mut entries {
        entry.message = moved.get(&entry.message).copied().unwrap_or(entry.message);
    }
    entries
}

fn rows(base: &Base) -> Vec<Row> {
    let row = |message: &BaseMessage| Row {
        id: message.id,
        instant: message.mark.instant,
        size: message.mark.size,
        zone_minutes: message.zone_minutes,
    };
    base.messages.iter().map(row).collect()
}

fn states(base: &Base, entries: &[JournalEntry]) -> Vec<LocalState> {
    let mut states: Vec<LocalState> = base
        .messages
        .iter()
        .map(|message| LocalState::Present(message.flags))
        .collect();
    for entry in entries.iter().filter(|entry| entry.is_active()) {
        if let Ok(index) = base
            .messages
            .binary_search_by_key(&entry.message, |message| message.id)
            && let Some(state) = states.get_mut(index)
        {
            *state = state.after(&entry.action);
        }
    }
    states
}
