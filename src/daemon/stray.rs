//! Flags that we may have changed unasked: our own reading marks messages, and a change can fall on a message that was not
//! meant. Both are noted, and put right first thing, however often the line breaks.

use std::collections::{BTreeMap, BTreeSet};

use super::error::PassError;
use crate::id::{MailboxId, MessageId};
use crate::journal::Action;
use crate::mirror::{Access, Alignment, Base, Observation};
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
    /// Note by note.
    found: Vec<(StrayNote, Wrong)>,
    /// Messages that stand nowhere, but may be found later, since a cache was lost.
    lost: BTreeSet<MessageId>,
    is_writable: bool,
}

impl Noted {
    /// Compares notes with what was seen.
    pub(super) fn of(selected: &Selected<'_>, base: &Base, notes: &[StrayNote]) -> Self {
        let messages = notes.iter().map(|note| note.message);
        Self {
            found: compare(selected, notes),
            lost: messages.filter(|id| base.has_lost(*id)).collect(),
            is_writable: selected.facts().access != Access::ReadOnly,
        }
    }

    /// Whether anything has to be put right, and can be.
    pub(super) fn is_wrong(&self) -> bool {
        self.is_writable && place_count(&self.found) > 0
    }

    /// Message by message, what is to be put right.
    pub(super) fn backs(&self) -> BTreeMap<MessageId, FlagDelta> {
        let notes = self.found.iter().map(|(note, _)| note);
        notes.map(|note| (note.message, note.back)).collect()
    }

    /// Shows messages as they will be once they are put right: until then, nobody is to be told of what only we may have done.
    /// What the user asked for since is no accident.
    pub(super) fn hide(&self, seen: &mut Observation, alignment: &Alignment, input: &PassInput) {
        let places = self.found.iter().flat_map(|(_, wrong)| &wrong.places);
        let places: BTreeMap<SeqNum, FlagDelta> = places.copied().collect();
        if places.is_empty() {
            return;
        }
        let known = |index: usize| input.base.messages.get(index).map(|known| known.id);
        let ids: BTreeMap<SeqNum, Option<MessageId>> = alignment
            .present()
            .map(|(index, seq)| (seq, known(index)))
            .collect();
        for (seq, back) in places {
            let id = ids.get(&seq).copied().flatten();
            let entries = input
                .entries
                .iter()
                .filter(|entry| Some(entry.message) == id);
            let named = entries.filter_map(|entry| match &entry.action {
                Action::Flags(delta) => Some(delta.touched()),
                Action::Expunge | Action::Copy { .. } | Action::Append { .. } => None,
            });
            seen.pretend(seq, back.minus(back.within(named.collect())));
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

    /// Puts right what is wrong. What was seen is to be on record before: if this falls on another message, and the line breaks,
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
        // What the user asked for is answered by now, and no accident.
        let notes = store.stray_notes(mailbox).await?;
        let before = compare(selected, &notes);
        let places = before.iter().flat_map(|(_, wrong)| &wrong.places);
        let places: BTreeMap<SeqNum, FlagDelta> = places.copied().collect();
        if places.is_empty() {
            return Ok(Restored::Nothing);
        }
        selected.put_right(&Vec::from_iter(places)).await?;
        selected.checkpoint().await?;
        if selected.facts().access == Access::ReadOnly {
            return Ok(Restored::InVain);
        }
        let after = compare(selected, &notes);
        store
            .drop_strays(mailbox, right(&after, &self.lost))
            .await?;
        selected.recall_flags();
        Ok(if place_count(&after) < place_count(&before) {
            Restored::Anew
        } else {
            Restored::InVain
        })
    }
}

fn compare(selected: &Selected<'_>, notes: &[StrayNote]) -> Vec<(StrayNote, Wrong)> {
    let wrong = |note: &StrayNote| {
        let wrong = selected.wrong(note.message, &note.mark, note.back);
        (*note, wrong)
    };
    notes.iter().map(wrong).collect()
}

/// What of notes is right, or stands on messages that are gone.
fn right(found: &[(StrayNote, Wrong)], lost: &BTreeSet<MessageId>) -> Vec<(MessageId, FlagDelta)> {
    let known = found
        .iter()
        .filter(|(note, wrong)| wrong.is_found || !lost.contains(&note.message));
    let right = known.map(|(note, wrong)| {
        let open = wrong.places.iter().map(|(_, back)| *back);
        let open = open.fold(wrong.unknown, FlagDelta::then);
        (note.message, note.back.minus(open))
    });
    right.filter(|(_, back)| !back.is_empty()).collect()
}

fn place_count(found: &[(StrayNote, Wrong)]) -> usize {
    found.iter().map(|(_, wrong)| wrong.places.len()).sum()
}
