//! Fold: what the user made of the base, entry by entry.

use super::view::{Base, CopyWish, Local, LocalMessage, LocalState};
use crate::journal::{Action, JournalEntry};
use crate::protocol::types::{FlagDelta, FlagSet};

/// Folds journal entries, oldest first, over the base.
///
/// Parked entries do not count, since what they asked for is with a person now; but a parked copy stays owed, so that
/// its source is not removed before it. What is to be appended is not in the base yet, and changes nothing that is.
#[must_use]
pub fn fold(base: &Base, entries: &[JournalEntry]) -> Local {
    let mut local = Local::default();
    for entry in entries
        .iter()
        .filter(|entry| entry.is_active() || entry.is_copy())
    {
        if entry.is_append() {
            local.appended.push((entry.message, entry.id));
            continue;
        }
        let (messages, before) = match base.find(entry.message) {
            Some(known) => (&mut local.changed, known.flags),
            None if !base.has_lost(entry.message) => (&mut local.departed, entry.flags_before),
            None => {
                local.unbound.push(entry.clone());
                continue;
            }
        };
        let message = messages.entry(entry.message);
        message
            .or_insert_with(|| LocalMessage::untouched(before))
            .fold(entry);
    }
    local
}

impl LocalMessage {
    /// A message as the base has it.
    #[must_use]
    pub fn untouched(flags: FlagSet) -> Self {
        Self {
            before: flags,
            state: LocalState::Present(flags),
            tried: FlagDelta::NONE,
            saw: flags,
            knew: flags,
            may_be_removed: false,
            named: FlagSet::EMPTY,
            began: FlagDelta::NONE,
            copies: Vec::new(),
            entries: Vec::new(),
        }
    }

    fn fold(&mut self, entry: &JournalEntry) {
        self.entries.push(entry.id);
        self.knew = entry.flags_before;
        self.may_be_removed |= entry.may_have_removed();
        if entry.deletes() {
            let on_its_way = self.state.flags().intersection(FlagSet::DELETED);
            self.saw = entry.flags_before.minus(on_its_way);
        }
        if let Action::Flags(delta) = &entry.action {
            self.named = self.named.union(delta.touched());
            if entry.attempt().is_none() {
                let known = self.began.touched();
                self.began.add = self.began.add.union(delta.add.minus(known));
                self.began.remove = self.began.remove.union(delta.remove.minus(known));
            }
            if entry.attempt().is_some() {
                self.tried.add = self.tried.add.union(delta.add);
                self.tried.remove = self.tried.remove.union(delta.remove);
            }
        }
        if let Action::Copy { to } = &entry.action {
            self.copies.push(CopyWish {
                entry: entry.id,
                to: to.clone(),
                flags: self.state.flags(),
            });
        }
        self.state = self.state.after(&entry.action);
    }
}

impl LocalState {
    /// The flags as the user last had them.
    #[must_use]
    pub fn flags(self) -> FlagSet {
        match self {
            Self::Present(flags) | Self::Expunged { flags } => flags,
        }
    }

    /// The state after one more action of the user.
    #[must_use]
    pub fn after(self, action: &Action) -> Self {
        match (action, self) {
            (Action::Flags(delta), Self::Present(flags)) => Self::Present(delta.apply(flags)),
            (Action::Flags(delta), Self::Expunged { flags }) => Self::Expunged {
                flags: delta.apply(flags),
            },
            (Action::Expunge, state) => Self::Expunged {
                flags: state.flags(),
            },
            (Action::Copy { .. } | Action::Append { .. }, state) => state,
        }
    }
}

#[cfg(test)]
mod tests;
