//! Twins: equal messages of which some are gone, and nobody can say which.
//!
//! Where the user asked for something on one of them, that is doubt, and it stays. Where nobody did, it does not matter
//! which of them is taken for the one that is left, as long as they keep their order.

use std::collections::BTreeSet;

use super::align::{Alignment, Fate};
use super::observation::Observation;
use super::view::Base;
use crate::id::MessageId;
use crate::journal::Mark;
use crate::protocol::types::SeqNum;

/// Settles doubt between messages that are not among the `touched`: their headers are known to be equal, or were never
/// read, and then nothing is held of them that could be another's.
///
/// The earliest are taken for those that are left, which is one of the readings of the whole observation.
#[must_use]
pub fn choose(
    base: &Base,
    seen: &Observation,
    alignment: Alignment,
    touched: &BTreeSet<MessageId>,
) -> Alignment {
    if !alignment.fates.contains(&Fate::Doubtful) {
        return alignment;
    }
    let open = open_looks(base, &alignment, touched);
    let settled = |mark: &Mark| !open.contains(&mark.weak());
    let mut chosen = alignment;
    for (index, seq) in leftmost(base, seen, &chosen) {
        if let (Some(known), Some(fate)) = (base.messages.get(index), chosen.fates.get_mut(index))
            && settled(&known.mark)
        {
            *fate = Fate::Chosen(seq);
        }
    }
    for (fate, known) in chosen.fates.iter_mut().zip(&base.messages) {
        if *fate == Fate::Doubtful && settled(&known.mark) {
            *fate = Fate::Gone;
        }
    }
    chosen
}

/// Date and size of the messages about which the doubt has to stay: somebody acted on one of them.
fn open_looks(
    base: &Base,
    alignment: &Alignment,
    touched: &BTreeSet<MessageId>,
) -> BTreeSet<(i64, u32)> {
    let doubtful = base
        .messages
        .iter()
        .zip(&alignment.fates)
        .filter(|(_, fate)| **fate == Fate::Doubtful);
    doubtful
        .filter(|(known, _)| touched.contains(&known.id))
        .map(|(known, _)| known.mark.weak())
        .collect()
}

/// For every known message of the observation that has no certain partner, the earliest it can be.
fn leftmost(base: &Base, seen: &Observation, alignment: &Alignment) -> Vec<(usize, SeqNum)> {
    let mut certain = alignment.present().peekable();
    let mut from = 0_usize;
    let mut pairs = Vec::new();
    for (seq, message) in seen.numbered().take(alignment.known_count) {
        if let Some((index, _)) = certain.next_if(|(_, paired)| *paired == seq) {
            from = index.saturating_add(1);
            continue;
        }
        let rest = base.messages.get(from..).unwrap_or_default().iter();
        let fates = alignment.fates.get(from..).unwrap_or_default();
        let mut rest = rest.zip(fates);
        let free = rest
            .position(|(known, fate)| *fate == Fate::Doubtful && known.mark.agrees(&message.mark));
        if let Some(behind) = free {
            let index = from.saturating_add(behind);
            pairs.push((index, seq));
            from = index.saturating_add(1);
        }
    }
    pairs
}

#[cfg(test)]
mod tests;
