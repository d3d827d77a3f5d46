//! Mistakes: changes of ours that may stand on another message than the one they were meant for.
//!
//! Below IMAP4 a message may be removed while a command speaks of numbers, and then a number means the message behind. If
//! the line breaks before anybody has said so, the next look shows a message changed just as another was to be changed.
//! Whether that was us nobody can know, so it stays as it is, and the user is told. Of a message that nobody here had seen
//! before, only what was set can be told: it is taken to have come without flags.
//!
//! What we send of our own accord counts as well: marks of our reading are taken off by number. And of equal messages of
//! which nobody knows which are left, one may have been hit: then it is told of one of them.

use std::collections::{BTreeMap, BTreeSet};

use super::align::{Alignment, Fate};
use super::observation::Observation;
use super::settle::Conflict;
use super::table::ConflictKind;
use super::twins::choose;
use super::view::{Base, BaseMessage, MessageState, RemoteState};
use crate::id::{EntryId, MessageId};
use crate::journal::{Action, JournalEntry, Mark};
use crate::protocol::types::{FlagDelta, FlagSet};

/// A message that shows a change that was asked of another one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    /// What identifies it.
    pub mark: Mark,
    hit: Hit,
    /// How it was before.
    saw: FlagSet,
    shown: FlagSet,
    /// Whether it can be another one that is equal: then the base does not learn of it, and each look shows it anew.
    pub in_doubt: bool,
    /// What was asked of others; nothing, if only what we do of our own accord can have hit it.
    entries: Vec<EntryId>,
}

/// Which message was hit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Hit {
    /// One of the base.
    Known(MessageId),
    /// The nth of those that stand after the base.
    Arrived(usize),
}

impl Mistake {
    /// What to put on record; what has arrived is to have these ids.
    #[must_use]
    pub fn conflict(&self, arrived: &[MessageId]) -> Option<Conflict> {
        let message = match self.hit {
            Hit::Known(message) => message,
            Hit::Arrived(nth) => *arrived.get(nth)?,
        };
        Some(Conflict {
            message,
            kind: ConflictKind::ChangedThereLikeAnother,
            saw: self.saw,
            there: RemoteState::Present(self.shown),
            kept: MessageState::Present(self.shown),
            entries: self.entries.clone(),
        })
    }
}

/// Messages that were changed like one before them was to be changed: as far behind it as messages before them are gone. Each
/// flag counts for itself, since what was sent need not be all that was asked for. Whether the one that was meant shows it as
/// well proves nothing, since others may have done the same there.
///
/// `noted` says of messages what puts right what we did to them of our own accord; `seen` is what the server shows of them.
#[must_use]
pub fn mistakes(
    base: &Base,
    entries: &[JournalEntry],
    noted: &BTreeMap<MessageId, FlagDelta>,
    seen: &Observation,
    alignment: &Alignment,
) -> Vec<Mistake> {
    let sent = Sent::all(entries, noted);
    if sent.is_empty() {
        return Vec::new();
    }
    let places = Place::all(base, seen, alignment);
    let mut found = BTreeMap::new();
    for sent in &sent {
        for change in single_changes(sent.change) {
            let meant = place_of(base, sent.message);
            let hit = meant.into_iter().flat_map(|meant| reached(&places, meant));
            let hit = hit.filter(|place| place.is_new(change));
            for place in hit.filter(|place| !is_known_of(place, change, entries, noted)) {
                place.blame(sent, change, &mut found);
            }
        }
    }
    found.into_values().collect()
}

/// A change by number that may have been sent, and that no look has answered yet.
struct Sent {
    message: MessageId,
    change: FlagDelta,
    /// The entry that asks for it; of what was sent of our own accord there is none.
    entry: Option<EntryId>,
}

impl Sent {
    /// Before EXPUNGE is sent, the mark for it was seen where it belongs.
    fn all(entries: &[JournalEntry], noted: &BTreeMap<MessageId, FlagDelta>) -> Vec<Self> {
        let removed: BTreeSet<MessageId> = entries
            .iter()
            .filter(|entry| entry.may_have_removed())
            .map(|entry| entry.message)
            .collect();
        let open = entries
            .iter()
            .filter(|entry| entry.may_have_been_sent() && !removed.contains(&entry.message));
        let asked = open.map(|entry| Self {
            message: entry.message,
            change: change_of(entry),
            entry: Some(entry.id),
        });
        let own = noted.iter().map(|(message, back)| Self {
            message: *message,
            change: *back,
            entry: None,
        });
        asked.chain(own).collect()
    }
}

/// A change, flag by flag.
fn single_changes(change: FlagDelta) -> impl Iterator<Item = FlagDelta> {
    let (add, remove) = (FlagSet::EMPTY, FlagSet::EMPTY);
    let adding = change.add.iter().map(move |add| FlagDelta { add, remove });
    let removing = change
        .remove
        .iter()
        .map(move |remove| FlagDelta { add, remove });
    adding.chain(removing)
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

/// Where a message stands in the base that is named by its number: it has no UID.
fn place_of(base: &Base, message: MessageId) -> Option<usize> {
    let known = base.find(message)?;
    let index = base
        .messages
        .binary_search_by_key(&message, |known| known.id);
    index.ok().filter(|_| known.mark.uid.is_none())
}

/// The places that the number of a message can have meant, if messages before them went in that moment.
fn reached<'a>(places: &'a [Place<'a>], meant: usize) -> impl Iterator<Item = &'a Place<'a>> {
    let behind = (1_usize..).zip(places.iter().skip(meant).skip(1));
    let reached = behind.take_while(|(distance, place)| *distance <= place.gone_before);
    reached.map(|(_, place)| place)
}

/// Whether the user speaks of this flag of the message, or it is to be put right anyway.
fn is_known_of(
    place: &Place<'_>,
    change: FlagDelta,
    entries: &[JournalEntry],
    noted: &BTreeMap<MessageId, FlagDelta>,
) -> bool {
    let Some(known) = place.known else {
        return false;
    };
    let asked = entries.iter().filter(|entry| entry.message == known.id);
    let mut changes = asked.map(change_of).chain(noted.get(&known.id).copied());
    changes.any(|known_of| known_of.touched().intersects(change.touched()))
}

/// A message of the base, and what became of it; or one that stands after the base.
struct Place<'a> {
    hit: Hit,
    mark: Mark,
    /// The message of the base that it is, or was before it left its place.
    known: Option<&'a BaseMessage>,
    /// The flags it shows, as far as it is there.
    flags: Option<FlagSet>,
    in_doubt: bool,
    /// How many messages before it are not.
    gone_before: usize,
}

impl<'a> Place<'a> {
    fn all(base: &'a Base, seen: &Observation, alignment: &Alignment) -> Vec<Self> {
        let mut gone_before = 0_usize;
        let mut returned = BTreeMap::new();
        let mut places = Vec::with_capacity(seen.messages.len());
        let chosen = choose(base, seen, alignment.clone(), &BTreeSet::new());
        let fates = alignment.fates.iter().zip(&chosen.fates);
        for (known, (fate, chosen)) in base.messages.iter().zip(fates) {
            let in_doubt = *fate == Fate::Doubtful;
            let flags = match *chosen {
                Fate::Present(seq) | Fate::Chosen(seq) => seen.at(seq).map(|seen| seen.flags),
                Fate::Returned(seq) => {
                    returned.insert(seq, known);
                    None
                }
                Fate::Gone | Fate::Doubtful => None,
            };
            places.push(Self {
                hit: Hit::Known(known.id),
                mark: known.mark,
                known: Some(known),
                flags,
                in_doubt,
                gone_before,
            });
            // Any of those in doubt may be gone.
            let may_be_gone = in_doubt || flags.is_none();
            gone_before = gone_before.saturating_add(usize::from(may_be_gone));
        }
        let arrived = seen.numbered().skip(alignment.known_count);
        places.extend(arrived.enumerate().map(|(nth, (seq, seen))| Self {
            hit: Hit::Arrived(nth),
            mark: seen.mark,
            known: returned.get(&seq).copied(),
            flags: Some(seen.flags),
            in_doubt: false,
            gone_before,
        }));
        places
    }

    fn shows(&self, change: FlagDelta) -> bool {
        self.flags.is_some_and(|flags| change.holds_in(flags))
    }

    fn is_new(&self, change: FlagDelta) -> bool {
        self.shows(change)
            && !change.holds_in(self.known.map_or(FlagSet::EMPTY, |known| known.flags))
    }

    /// Puts on record that this may have been meant for another.
    fn blame(&self, sent: &Sent, mistake: FlagDelta, found: &mut BTreeMap<Hit, Mistake>) {
        let shown = self.flags.unwrap_or_default();
        let found = found.entry(self.hit).or_insert_with(|| Mistake {
            mark: self.mark,
            hit: self.hit,
            saw: shown,
            shown,
            in_doubt: self.in_doubt,
            entries: Vec::new(),
        });
        found.saw = found.saw.minus(mistake.add).union(mistake.remove);
        let entry = sent.entry.filter(|entry| !found.entries.contains(entry));
        found.entries.extend(entry);
    }
}

#[cfg(test)]
mod tests;
