//! Flags that we may have changed unasked: our own reading marks messages, and a change can fall on a message that was not
//! meant. Both are noted, and put right first thing, however often the line breaks.

use std::collections::BTreeMap;

use super::error::PassError;
use crate::id::{MailboxId, MessageId};
use crate::mirror::Access;
use crate::protocol::types::{FlagDelta, FlagSet, SeqNum};
use crate::store::{Store, StrayNote};
use crate::upstream::{Astray, Selected};

/// Writes down what fell on messages that were not meant, and could not be seen to be taken back. Keywords are left as they
/// are.
pub(super) async fn note(
    selected: &mut Selected<'_>,
    store: &Store,
    mailbox: MailboxId,
) -> Result<(), PassError> {
    let back = |stray: Astray| (stray.message, stray.back.within(FlagSet::SYSTEM));
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
    notes: &[StrayNote],
) -> Result<Restored, PassError> {
    if notes.is_empty() || selected.facts().access == Access::ReadOnly {
        return Ok(Restored::Nothing);
    }
    let wrong = wrongs(selected, notes);
    if !wrong.is_empty() {
        let places: BTreeMap<SeqNum, FlagDelta> =
            wrong.iter().map(|(_, seq, back)| (*seq, *back)).collect();
        selected.put_right(&Vec::from_iter(places)).await?;
        selected.checkpoint().await?;
        if selected.facts().access == Access::ReadOnly {
            return Ok(Restored::InVain);
        }
    }
    let left: BTreeMap<MessageId, FlagDelta> = wrongs(selected, notes)
        .into_iter()
        .map(|(message, _, back)| (message, back))
        .collect();
    let left = |message: &MessageId| left.get(message).copied().unwrap_or(FlagDelta::NONE);
    let settled = notes
        .iter()
        .map(|note| (note.message, note.back.minus(left(&note.message))));
    store.drop_strays(mailbox, settled.collect()).await?;
    Ok(if wrong.is_empty() {
        Restored::Nothing
    } else if wrong
        .iter()
        .all(|(message, _, back)| *back == left(message))
    {
        Restored::InVain
    } else {
        Restored::Anew
    })
}

/// What is to be put right, and where.
fn wrongs(selected: &Selected<'_>, notes: &[StrayNote]) -> Vec<(MessageId, SeqNum, FlagDelta)> {
    let wrongs = notes.iter().flat_map(|note| {
        let places = selected.to_put_right(note.message, &note.mark, note.back);
        places
            .into_iter()
            .map(|(seq, back)| (note.message, seq, back))
    });
    wrongs.collect()
}
