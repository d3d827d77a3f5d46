//! Copies and appended messages: whether one still has to be sent, from what its destination holds.
//!
//! COPY and APPEND cannot be repeated safely and their answers can get lost, so neither is believed because it was sent. The
//! destination is looked at before and after: one more equal message than before the attempt is the receipt.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use crate::id::EntryId;
use crate::journal::{Attempt, EntryState, HeaderHash, JournalEntry, Mark, ParkReason};
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
    /// Send it, after recording this attempt; what is sent before it on the same connection is counted with what is held.
    Send(Attempt),
    /// Wait until it is known what became of an equal message that is sent there.
    Wait,
    /// Leave it to a person.
    Park(ParkReason),
}

/// Decides about every message that is to come into a mailbox, oldest entry first. The entries are those of the mailbox `own`;
/// `elsewhere` is what entries of other mailboxes have sent to where, and no answer came. As long as that is open, nothing
/// that resembles it is sent there: its arrival would be taken for the other's. Nor is a message of the user's own sent
/// together with another one of its header.
#[must_use]
pub fn weigh(
    own: &MailboxName,
    entries: &[JournalEntry],
    elsewhere: &[(MailboxName, Mark)],
    sightings: &BTreeMap<EntryId, Sighting>,
) -> BTreeMap<EntryId, CopyDecision> {
    let mut open = Brought::default();
    for (to, mark) in elsewhere {
        open.add(to, *mark);
    }
    let received = receipts(own, entries, sightings);
    let mut sending = Sending::default();
    let mut decisions = BTreeMap::new();
    for entry in entries {
        let Some(to) = entry.destination(own) else {
            continue;
        };
        let must_wait = || open.count(to, &entry.mark) > 0 || sending.confuses(to, entry);
        let decision = match (&entry.state, sightings.get(&entry.id)) {
            (EntryState::Parked(reason), _) => CopyDecision::Park(reason.clone()),
            (_, None) => continue,
            (_, Some(Sighting::NoMailbox)) => CopyDecision::Park(ParkReason::NoDestination),
            (_, Some(Sighting::Holds(_))) if received.contains(&entry.id) => CopyDecision::Received,
            (state, Some(&Sighting::Holds(held))) => match next_attempt(state, held) {
                None => CopyDecision::Park(ParkReason::NoReceipt),
                Some(_) if must_wait() => CopyDecision::Wait,
                Some(attempt) => {
                    sending.add(to, entry);
                    CopyDecision::Send(attempt)
                }
            },
        };
        decisions.insert(entry.id, decision);
    }
    decisions
}

/// What is about to be sent: where to, which header, and whether a message of the user's own is among it. How many octets
/// a server makes of that, and thereby what else its arrival passes for, shows only afterwards.
#[derive(Debug, Default)]
struct Sending<'a>(BTreeMap<(&'a MailboxName, Option<HeaderHash>), bool>);

impl<'a> Sending<'a> {
    /// Whether something is sent there already, and nobody could say which of the two has arrived.
    fn confuses(&self, to: &MailboxName, entry: &JournalEntry) -> bool {
        let earlier = self.0.get(&(to, entry.mark.header));
        earlier.is_some_and(|has_own| *has_own || entry.is_append())
    }

    fn add(&mut self, to: &'a MailboxName, entry: &JournalEntry) {
        let has_own = self.0.entry((to, entry.mark.header)).or_default();
        *has_own |= entry.is_append();
    }
}

/// The messages that arrived. Each arrival proves one of them: the one that was sent last of those it can have been. What the
/// server said NO to did not arrive.
fn receipts(
    own: &MailboxName,
    entries: &[JournalEntry],
    sightings: &BTreeMap<EntryId, Sighting>,
) -> BTreeSet<EntryId> {
    let sent = entries.iter().filter_map(|entry| {
        let EntryState::Attempted(attempt) = entry.state else {
            return None;
        };
        let to = entry.destination(own)?;
        Some((Reverse(attempt.equals_before), entry.id, to, &entry.mark))
    });
    let mut sent: Vec<_> = sent.collect();
    sent.sort_unstable_by_key(|&(before, id, _, _)| (before, id));
    let mut proven = Brought::default();
    let mut received = BTreeSet::new();
    for (Reverse(before), id, to, mark) in sent {
        let accounted_for = before.saturating_add(proven.count(to, mark));
        if matches!(sightings.get(&id), Some(&Sighting::Holds(held)) if held > accounted_for) {
            proven.add(to, *mark);
            received.insert(id);
        }
    }
    received
}

/// The attempt that would come next, if there is one.
fn next_attempt(state: &EntryState, equals_before: u32) -> Option<Attempt> {
    let number = match state {
        EntryState::Attempted(attempt) if attempt.number >= MAX_SENDS => return None,
        EntryState::Attempted(attempt) | EntryState::Refused(attempt) => {
            attempt.number.saturating_add(1)
        }
        EntryState::Pending | EntryState::Parked(_) => 1,
    };
    Some(Attempt {
        number,
        equals_before,
    })
}

/// What an entry that was sent, did not arrive, and is not sent again in this pass has to be counted by from now on: what is
/// there now is another's arrival, also once that other entry is forgotten.
#[must_use]
pub fn recount(entry: &JournalEntry, decision: &CopyDecision) -> Option<Attempt> {
    let (EntryState::Attempted(attempt), CopyDecision::Send(next)) = (&entry.state, decision)
    else {
        return None;
    };
    (next.equals_before > attempt.equals_before).then_some(Attempt {
        equals_before: next.equals_before,
        ..*attempt
    })
}

/// Messages that were brought to mailboxes, to be counted by their resemblance.
#[derive(Debug, Default)]
pub struct Brought<'a> {
    by_header: BTreeMap<(&'a MailboxName, HeaderHash), Vec<Mark>>,
    by_date: BTreeMap<(&'a MailboxName, (i64, u32)), Vec<Mark>>,
}

impl<'a> Brought<'a> {
    /// How many of them pass for this message where it is to come.
    #[must_use]
    pub fn count(&self, to: &'a MailboxName, mark: &Mark) -> u32 {
        let same_header = mark.header.and_then(|hash| self.by_header.get(&(to, hash)));
        let same_date = self.by_date.get(&(to, mark.weak())).into_iter().flatten();
        let unread = same_date.filter(|other| other.header.is_none() || mark.header.is_none());
        let alike = same_header.into_iter().flatten().chain(unread);
        let count = alike.filter(|other| other.resembles(mark)).count();
        u32::try_from(count).unwrap_or(u32::MAX)
    }

    /// Counts one more.
    pub fn add(&mut self, to: &'a MailboxName, mark: Mark) {
        if let Some(hash) = mark.header {
            self.by_header.entry((to, hash)).or_default().push(mark);
        }
        self.by_date
            .entry((to, mark.weak()))
            .or_default()
            .push(mark);
    }
}

/// A copy whose answer was lost is sent again once; after that a person looks.
const MAX_SENDS: u32 = 2;

#[cfg(test)]
mod tests;
