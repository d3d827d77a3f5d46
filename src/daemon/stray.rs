//! Flags that we may have changed unasked: our own reading marks messages, and a change can fall on a message that was not
//! meant. Both are noted, and put right first thing, however often the line breaks.

use std::collections::BTreeMap;

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

/// Puts right what an earlier connection may have left.
pub(super) async fn restore(
    selected: &mut Selected<'_>,
    store: &Store,
    mailbox: MailboxId,
    base: &Base,
    notes: &[StrayNote],
) -> Result<Restored, PassError> {
    if notes.is_empty() || selected.facts().access == Access::ReadOnly {
        return Ok(Restored::Nothing);
    }
    let wrong = wrongs(selected, notes);
    let places = wrong.iter().flat_map(|(_, found)| &found.places);
    let places: BTreeMap<SeqNum, FlagDelta> = places.copied().collect();
    if !places.is_empty() {
        selected.put_right(&Vec::from_iter(places)).await?;
        selected.checkpoint().await?;
        if selected.facts().access == Access::ReadOnly {
            return Ok(Restored::InVain);
        }
    }
    let left = wrongs(selected, notes);
    // What stands on a message of a lost cache may be found later.
    let is_known = |(_, (message, left)): &(&StrayNote, &(MessageId, Wrong))| {
        left.is_found || !base.has_lost(*message)
    };
    let known = notes.iter().zip(&left).filter(is_known);
    let settled = known.map(|(note, (message, left))| {
        let open = left.places.iter().map(|(_, back)| *back);
        let open = open.fold(left.unknown, FlagDelta::then);
        (*message, note.back.minus(open))
    });
    let settled: Vec<_> = settled.filter(|(_, back)| !back.is_empty()).collect();
    if !settled.is_empty() {
        store.drop_strays(mailbox, settled).await?;
    }
    selected.recall_flags();
    let count = |wrong: &[(MessageId, Wrong)]| -> usize {
        wrong.iter().map(|(_, found)| found.places.len()).sum()
    };
    Ok(match (count(&wrong), count(&left)) {
        (0, _) => Restored::Nothing,
        (before, after) if after < before => Restored::Anew,
        _ => Restored::InVain,
    })
}

/// Shows messages as they will be once they are put right: until then, nobody is to be told of what only we may have done. What
/// the user asked for since is no accident.
pub(super) fn hide(
    seen: &mut Observation,
    alignment: &Alignment,
    input: &PassInput,
    notes: &[StrayNote],
) {
    if notes.is_empty() {
        return;
    }
    let noted: BTreeMap<MessageId, FlagDelta> =
        notes.iter().map(|note| (note.message, note.back)).collect();
    for (index, seq) in alignment.present() {
        let known = input.base.messages.get(index);
        let Some((message, back)) = known.and_then(|known| noted.get_key_value(&known.id)) else {
            continue;
        };
        let named = input
            .entries
            .iter()
            .filter_map(|entry| match &entry.action {
                Action::Flags(delta) if entry.message == *message => Some(delta.touched()),
                _ => None,
            });
        let named = named.fold(FlagSet::EMPTY, FlagSet::union);
        seen.pretend(seq, back.minus(back.within(named)));
    }
}

/// What is wrong, note by note.
fn wrongs(selected: &Selected<'_>, notes: &[StrayNote]) -> Vec<(MessageId, Wrong)> {
    let wrong = |note: &StrayNote| {
        let wrong = selected.wrong(note.message, &note.mark, note.back);
        (note.message, wrong)
    };
    notes.iter().map(wrong).collect()
}
