//! Copies: whether one still has to be sent, from what its destination holds.
//!
//! COPY cannot be repeated safely and its answer can get lost, so a copy is never believed because it was sent. The
//! destination is looked at before and after: one more equal message than before the attempt is the receipt.

use std::collections::BTreeMap;

use crate::id::EntryId;
use crate::journal::{Action, Attempt, EntryState, JournalEntry, Mark, ParkReason};
use crate::protocol::types::MailboxName;

/// What a look at the destination showed for one copy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sighting {
    /// The server has no such mailbox.
    NoMailbox,
    /// The destination holds this many messages equal to the one to be copied.
    Holds(u32),
}

/// What to do about one copy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CopyDecision {
    /// The copy stands in its destination.
    Received,
    /// Send it, after recording this attempt.
    Send(Attempt),
    /// Leave it to a person.
    Park(ParkReason),
}

/// Decides about every copy among the entries, oldest first.
#[must_use]
pub fn weigh(
    entries: &[JournalEntry],
    sightings: &BTreeMap<EntryId, Sighting>,
) -> BTreeMap<EntryId, CopyDecision> {
    let mut under_way: BTreeMap<(&MailboxName, (i64, u32)), Vec<Mark>> = BTreeMap::new();
    let mut decisions = BTreeMap::new();
    for entry in entries {
        let Action::Copy { to } = &entry.action else {
            continue;
        };
        let decision = match (&entry.state, sightings.get(&entry.id)) {
            (EntryState::Parked(reason), _) => CopyDecision::Park(reason.clone()),
            (_, None) => continue,
            (_, Some(Sighting::NoMailbox)) => CopyDecision::Park(ParkReason::NoDestination),
            (state, Some(&Sighting::Holds(held))) => {
                let alike = under_way.entry((to, entry.mark.weak())).or_default();
                let equal = alike.iter().filter(|mark| mark.agrees(&entry.mark));
                let sending = u32::try_from(equal.count()).unwrap_or(u32::MAX);
                let decision = weigh_one(state, held, sending);
                if matches!(decision, CopyDecision::Send(_)) {
                    alike.push(entry.mark);
                }
                decision
            }
        };
        decisions.insert(entry.id, decision);
    }
    decisions
}

fn weigh_one(state: &EntryState, held: u32, sending: u32) -> CopyDecision {
    let number = match state {
        EntryState::Attempted(attempt) if held > attempt.copies_before => {
            return CopyDecision::Received;
        }
        EntryState::Attempted(attempt) if attempt.number >= MAX_SENDS => {
            return CopyDecision::Park(ParkReason::NoReceipt);
        }
        EntryState::Attempted(attempt) => attempt.number.saturating_add(1),
        EntryState::Pending | EntryState::Parked(_) => 1,
    };
    CopyDecision::Send(Attempt {
        number,
        copies_before: held.saturating_add(sending),
    })
}

/// A copy is sent again once; after that a person looks.
const MAX_SENDS: u32 = 2;

#[cfg(test)]
mod tests;
