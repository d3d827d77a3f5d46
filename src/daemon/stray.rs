//! Flags that we may have changed unasked: our own reading marks messages, and a change can fall on a message that was not
//! meant. Both are noted, and put right before anything else is sent, however often the line breaks.

use std::collections::{BTreeMap, BTreeSet};

use super::error::PassError;
use crate::id::{MailboxId, MessageId};
use crate::journal::{Action, JournalEntry};
use crate::mirror::{Access, Observation};
use crate::protocol::types::{FlagDelta, FlagSet, SeqNum};
use crate::store::{PassInput, Store, StrayNote};
use crate::upstream::{Astray, Selected, Wrong};

/// Writes down what fell on messages that were not meant, and could not be seen to be taken back. Keywords are left as they
/// are.
pub(super) async fn note(
    selected: &mut Selected<'_>,
    store: &Store,
    mailbox: MailboxId,
) -> Result<(), PassError> {
    let back = |stray: Astray| {
        let back = stray.back.within(FlagSet::SYSTEM);
        // Nothing is marked for removal in doubt.
        let add = back.add.minus(FlagSet::DELETED);
        (stray.message, FlagDelta { add, ..back })
    };
    let strays = selected.astray().into_iter().map(back);
    let strays: Vec<_> = strays.filter(|(_, back)| !back.is_empty()).collect();
    if !strays.is_empty() {
        store.note_strays(mailbox, strays).await?;
    }
    Ok(())
}

/// What came of putting flags right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Restored {
    /// There was nothing to put right.
    Nothing,
    /// Some are right, as far as this session shows. The mailbox has to be opened anew: what we took back says nothing of
    /// what the user asked for.
    Anew,
    /// None could be put right. Numbers may have moved meanwhile.
    InVain,
}

/// What earlier connections may have left on the messages of a mailbox, beside what a look has shown.
#[derive(Debug, Default)]
pub(super) struct Noted {
    found: Vec<Found>,
    spoken_of: SpokenOf,
    /// Messages that stand nowhere, but may be found later, since a cache was lost.
    lost: BTreeSet<MessageId>,
    is_writable: bool,
}

/// A note without the flags that the user speaks of, and what is wrong.
#[derive(Debug)]
struct Found {
    note: StrayNote,
    wrong: Wrong,
    /// The messages that stand where it is wrong.
    messages: Vec<MessageId>,
}

/// The flags that actions speak of which are to be carried out, message by message: they are no accident.
#[derive(Debug, Default)]
struct SpokenOf(BTreeMap<MessageId, FlagSet>);

impl Noted {
    /// Compares notes with what was seen.
    pub(super) fn of(selected: &Selected<'_>, input: &PassInput, notes: &[StrayNote]) -> Self {
        if notes.is_empty() {
            return Self::default();
        }
        let messages = notes.iter().map(|note| note.message);
        let spoken_of = SpokenOf::of(&input.entries);
        Self {
            found: spoken_of.compare(selected, notes),
            spoken_of,
            lost: messages.filter(|id| input.base.has_lost(*id)).collect(),
            is_writable: selected.facts().access != Access::ReadOnly,
        }
    }

    /// Whether anything has to be put right, and can be.
    pub(super) fn is_wrong(&self) -> bool {
        self.is_writable && places(&self.found).next().is_some()
    }

    /// Message by message, what may have been sent to put it right.
    pub(super) fn backs(&self) -> BTreeMap<MessageId, FlagDelta> {
        let mut backs: BTreeMap<MessageId, FlagDelta> = BTreeMap::new();
        for found in &self.found {
            for message in found.messages.iter().chain([&found.note.message]) {
                let back = backs.entry(*message).or_default();
                *back = back.then(found.note.back);
            }
        }
        backs
    }

    /// Shows messages as they will be once they are put right: until then, nobody is to be told of what only we may have done.
    pub(super) fn hide(&self, seen: &mut Observation) {
        for (seq, back) in places(&self.found) {
            seen.pretend(seq, back);
        }
    }

    /// Forgets what was seen to be right: whoever changes it from now on means it. What is sent later is noted anew.
    pub(super) async fn forget_what_is_right(
        &self,
        store: &Store,
        mailbox: MailboxId,
    ) -> Result<(), PassError> {
        let right = if self.is_writable {
            right(&self.found, &self.lost)
        } else {
            Vec::new()
        };
        if !right.is_empty() {
            store.drop_strays(mailbox, right).await?;
        }
        Ok(())
    }

    /// Puts right what is wrong. What was seen should be on record before: if this falls on another message, and the line breaks,
    /// the next look can tell.
    pub(super) async fn put_right(
        self,
        selected: &mut Selected<'_>,
        store: &Store,
        mailbox: MailboxId,
    ) -> Result<Restored, PassError> {
        if !self.is_wrong() {
            return Ok(Restored::Nothing);
        }
        // What the user asked for may be answered by now.
        let notes = store.stray_notes(mailbox).await?;
        let before = self.spoken_of.compare(selected, &notes);
        let wrong: BTreeMap<SeqNum, FlagDelta> = places(&before).collect();
        if wrong.is_empty() {
            return Ok(Restored::Nothing);
        }
        selected.put_right(&Vec::from_iter(wrong)).await?;
        selected.checkpoint().await?;
        if selected.facts().access == Access::ReadOnly {
            return Ok(Restored::InVain);
        }
        let after = self.spoken_of.compare(selected, &notes);
        store
            .drop_strays(mailbox, right(&after, &self.lost))
            .await?;
        selected.recall_flags();
        Ok(if places(&after).count() < places(&before).count() {
            Restored::Anew
        } else {
            Restored::InVain
        })
    }
}

impl SpokenOf {
    fn of(entries: &[JournalEntry]) -> Self {
        let mut flags: BTreeMap<MessageId, FlagSet> = BTreeMap::new();
        for entry in entries.iter().filter(|entry| entry.is_active()) {
            let named = match &entry.action {
                Action::Flags(delta) => delta.touched(),
                Action::Expunge => FlagSet::DELETED,
                Action::Copy { .. } | Action::Append { .. } => FlagSet::EMPTY,
            };
            let known = flags.entry(entry.message).or_default();
            *known = known.union(named);
        }
        Self(flags)
    }

    /// A change to a message without the flags that the user speaks of.
    fn spare(&self, message: Option<MessageId>, back: FlagDelta) -> FlagDelta {
        let named = message.and_then(|message| self.0.get(&message));
        back.minus(back.within(named.copied().unwrap_or_default()))
    }

    fn compare(&self, selected: &Selected<'_>, notes: &[StrayNote]) -> Vec<Found> {
        let compare = |note: &StrayNote| {
            let back = self.spare(Some(note.message), note.back);
            let note = StrayNote { back, ..*note };
            let mut wrong = selected.wrong(note.message, &note.mark, back);
            for (seq, back) in &mut wrong.places {
                *back = self.spare(selected.message_at(*seq), *back);
            }
            wrong.places.retain(|(_, back)| !back.is_empty());
            let seqs = wrong.places.iter().map(|(seq, _)| *seq);
            Found {
                note,
                messages: seqs.filter_map(|seq| selected.message_at(seq)).collect(),
                wrong,
            }
        };
        notes.iter().map(compare).collect()
    }
}

/// Where something is wrong, and what puts it right.
fn places(found: &[Found]) -> impl Iterator<Item = (SeqNum, FlagDelta)> {
    found.iter().flat_map(|found| &found.wrong.places).copied()
}

/// What of notes is right, or stands on messages that are gone.
fn right(found: &[Found], lost: &BTreeSet<MessageId>) -> Vec<(MessageId, FlagDelta)> {
    let known = found
        .iter()
        .filter(|found| found.wrong.is_found || !lost.contains(&found.note.message));
    let right = known.map(|Found { note, wrong, .. }| {
        let open = wrong.places.iter().map(|(_, back)| *back);
        let open = open.fold(wrong.unknown, FlagDelta::then);
        (note.message, note.back.minus(open))
    });
    right.filter(|(_, back)| !back.is_empty()).collect()
}
