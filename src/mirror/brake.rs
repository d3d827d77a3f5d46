//! Brakes: whether so much may be lost without a person having looked.

use super::merge::{Outcome, Verdict, Verdicts};
use super::view::{LocalState, MessageState, Remote, RemoteState};

/// Why nothing may be sent or recorded until a person has looked, or what others did has lasted for a while.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Halt {
    /// Most of the mailbox vanished from the server.
    VanishedThere {
        /// How many messages are gone.
        gone_count: usize,
        /// How many there were.
        base_count: usize,
        /// Whether nothing of them is left there.
        is_all: bool,
    },
    /// The journal would remove most of the mailbox.
    RemovedHere {
        /// How many messages would go.
        removed_count: usize,
        /// How many there are.
        base_count: usize,
    },
}

/// From which size on a loss in one pass is looked at by a person first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Brakes {
    /// Losses below this count pass, unless they are everything.
    pub few: usize,
    /// A removal of this many stops however large the mailbox is.
    pub many: usize,
}

impl Default for Brakes {
    fn default() -> Self {
        Self { few: 20, many: 500 }
    }
}

impl Brakes {
    /// What would be lost by carrying on, as far as that is more than may be lost without a question. A mailbox is replaced
    /// where it has another UIDVALIDITY than before: then it has to be shown to be the same.
    #[must_use]
    pub fn halts(self, verdicts: &Verdicts, remote: &Remote, is_replaced: bool) -> Vec<Halt> {
        let base_count = remote.states.len();
        let removed_count = verdicts
            .messages
            .iter()
            .filter(|verdict| removes(verdict))
            .count();
        let ours_gone = verdicts.messages.iter().filter(|verdict| {
            verdict.remote == RemoteState::Gone
                && matches!(verdict.local, LocalState::Expunged { .. })
        });
        let gone = remote
            .states
            .iter()
            .filter(|&&state| state == RemoteState::Gone)
            .count();
        let gone_count = gone.saturating_sub(ours_gone.count());
        let is_all = gone == base_count && base_count >= 2 && gone_count > 0;
        let is_another = is_replaced && gone_count > base_count.div_euclid(2);
        let vanished = is_all || is_another || self.trips(gone_count, base_count);
        let removed = removed_count >= self.many || self.trips(removed_count, base_count);
        let vanished = vanished.then_some(Halt::VanishedThere {
            gone_count,
            base_count,
            is_all,
        });
        let removed = removed.then_some(Halt::RemovedHere {
            removed_count,
            base_count,
        });
        vanished.into_iter().chain(removed).collect()
    }

    fn trips(self, lost_count: usize, of_count: usize) -> bool {
        lost_count >= self.few && lost_count.saturating_mul(2) >= of_count
    }
}

/// Whether a verdict takes a message away that the server still holds.
pub(super) fn removes(verdict: &Verdict) -> bool {
    matches!(verdict.remote, RemoteState::Present(_))
        && verdict.outcome == Outcome::Settle(MessageState::Gone)
}

impl std::fmt::Display for Halt {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::VanishedThere {
                gone_count,
                base_count,
                ..
            } => {
                write!(
                    f,
                    "{gone_count} of {base_count} messages are gone from the server"
                )
            }
            Self::RemovedHere {
                removed_count,
                base_count,
            } => {
                write!(
                    f,
                    "{REMOVED_HERE} {removed_count} of {base_count} messages from the server"
                )
            }
        }
    }
}

impl Halt {
    /// Whether a person who approved these words meant this: what others removed, exactly so; what the user removed, as long as
    /// it is no more. A part of it may be done by now.
    #[must_use]
    pub fn is_meant_by(&self, reason: &str) -> bool {
        match self {
            Self::VanishedThere { .. } => self.to_string() == reason,
            Self::RemovedHere { removed_count, .. } => {
                let approved = reason.strip_prefix(REMOVED_HERE).map(str::split_whitespace);
                let approved = approved.and_then(|mut words| words.next()?.parse().ok());
                approved.is_some_and(|approved: usize| *removed_count <= approved)
            }
        }
    }
}

const REMOVED_HERE: &str = "what was done here would remove";
