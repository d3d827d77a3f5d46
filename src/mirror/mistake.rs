//! Mistakes: changes of ours that may stand on another message than the one they were meant for.
//!
//! Below IMAP4 a message may be removed while a command speaks of numbers, and then a number means the message behind. If
//! the line breaks before anybody has said so, the next look shows a message changed just as another was to be changed.
//! Whether that was us nobody can know, so it stays as it is, and the user is told.

use std::collections::BTreeMap;

use super::align::{Alignment, Fate};
use super::observation::Observation;
use super::settle::Conflict;
use super::table::ConflictKind;
use super::view::{Base, BaseMessage, MessageState, RemoteState};
use crate::id::MessageId;
use crate::journal::{Action, JournalEntry};
use crate::protocol::types::{FlagDelta, FlagSet};

/// Messages that were changed like one before them that was to be changed, and was not: as far behind it as messages before
/// them are gone.
#[must_use]
pub fn mistakes(
    base: &Base,
    entries: &[JournalEntry],
    seen: &Observation,
    alignment: &Alignment,
) -> Vec<Conflict> {
    // Before EXPUNGE is sent, the mark for it was seen where it belongs.
    let is_open = |entry: &&JournalEntry| entry.attempt().is_some() && !entry.may_have_removed();
    let sent: Vec<&JournalEntry> = entries.iter().filter(is_open).collect();
    if sent.is_empty() {
        return Vec::new();
    }
    let places = Place::all(base, seen, alignment);
    let mut found = BTreeMap::new();
    for entry in sent {
        for (place, mistake) in reached(&places, entry.message, change_of(entry)) {
            let here = entries
                .iter()
                .filter(|other| other.message == place.known.id);
            let asked_for: FlagSet = here.map(|other| change_of(other).touched()).collect();
            if !mistake.touched().intersects(asked_for) {
                place.blame(entry, mistake, &mut found);
            }
        }
    }
    found.into_values().collect()
}

/// What is sent for an entry by STORE.
fn change_of(entry: &JournalEntry) -> FlagDelta {
    match entry.action {
        Action::Flags(change) => change,
        Action::Expunge => FlagDelta {
            add: FlagSet::DELETED,
            remove: FlagSet::EMPTY,
        },
        Action::Copy { .. } | Action::Append { .. } => FlagDelta::NONE,
    }
}

/// The places that a change may have fallen on, and what of it is new there.
fn reached<'a>(
    places: &'a [Place<'a>],
    meant: MessageId,
    change: FlagDelta,
) -> impl Iterator<Item = (&'a Place<'a>, FlagDelta)> {
    let meant = places.binary_search_by_key(&meant, |place| place.known.id);
    let from = meant.ok().and_then(|index| places.get(index..));
    let behind = from.and_then(|from| {
        let (meant, behind) = from.split_first()?;
        let is_named = meant.known.mark.uid.is_some();
        let is_shown = meant.flags.is_some_and(|flags| change.holds_in(flags));
        (!is_named && !is_shown).then_some(behind)
    });
    let placed = (1_usize..).zip(behind.unwrap_or_default());
    placed
        .take_while(|(distance, place)| *distance <= place.gone_before)
        .filter_map(move |(_, place)| Some((place, place.mistake(change)?)))
}

/// A message of the base, and what became of it.
struct Place<'a> {
    known: &'a BaseMessage,
    /// The flags it shows, if it is there for certain.
    flags: Option<FlagSet>,
    /// How many messages before it are not.
    gone_before: usize,
}

impl<'a> Place<'a> {
    fn all(base: &'a Base, seen: &Observation, alignment: &Alignment) -> Vec<Self> {
        let mut gone_before = 0_usize;
        let place = |(known, fate): (&'a BaseMessage, &Fate)| {
            let flags = match *fate {
                Fate::Present(seq) | Fate::Chosen(seq) => seen.at(seq).map(|seen| seen.flags),
                Fate::Gone | Fate::Returned(_) | Fate::Doubtful => None,
            };
            let place = Self {
                known,
                flags,
                gone_before,
            };
            gone_before = gone_before.saturating_add(usize::from(flags.is_none()));
            place
        };
        let fates = base.messages.iter().zip(&alignment.fates);
        fates.map(place).collect()
    }

    /// What is new here of a change, if it is shown whole.
    fn mistake(&self, change: FlagDelta) -> Option<FlagDelta> {
        let flags = self.flags.filter(|flags| change.holds_in(*flags))?;
        let new = FlagDelta::between(self.known.flags, flags);
        let mistake = FlagDelta {
            add: new.add.intersection(change.add),
            remove: new.remove.intersection(change.remove),
        };
        (!mistake.is_empty()).then_some(mistake)
    }

    /// Puts on record that an entry may have done this.
    fn blame(
        &self,
        entry: &JournalEntry,
        mistake: FlagDelta,
        found: &mut BTreeMap<MessageId, Conflict>,
    ) {
        let shown = self.flags.unwrap_or_default();
        let conflict = found.entry(self.known.id).or_insert_with(|| Conflict {
            message: self.known.id,
            kind: ConflictKind::ChangedThereLikeAnother,
            saw: shown,
            there: RemoteState::Present(shown),
            kept: MessageState::Present(shown),
            entries: Vec::new(),
        });
        conflict.saw = conflict.saw.minus(mistake.add).union(mistake.remove);
        conflict.entries.push(entry.id);
    }
}

#[cfg(test)]
mod tests;
