//! What one SELECT showed.

use crate::journal::Mark;
use crate::protocol::types::{FlagDelta, FlagSet, SeqNum};

/// A mailbox as one connection saw it, complete: message `n` is `messages[n - 1]`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Observation {
    /// What holds for the mailbox as a whole.
    pub facts: MailboxFacts,
    /// Every message, in the server's order.
    pub messages: Vec<SeenMessage>,
    /// How much was looked at to know that.
    pub coverage: Coverage,
}

/// How much of a mailbox was looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Coverage {
    /// Every message was shown, or named by its UID.
    #[default]
    Whole,
    /// A few were shown, and the others follow from them.
    Glance {
        /// Whether headers are compared as well, where several messages share date and size.
        closely: bool,
    },
    /// The same, and then every message was shown.
    Check {
        /// How many of them the glance had wrong.
        missed_count: usize,
    },
}

/// One message as the server showed it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SeenMessage {
    /// What may identify it.
    pub mark: Mark,
    /// Its flags, without `\Recent`.
    pub flags: FlagSet,
    /// The zone the internal date was written in, in minutes east of UTC; shown to clients, never compared.
    pub zone_minutes: i16,
}

/// What a server says of a mailbox when it is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MailboxFacts {
    /// Whether changes are kept.
    pub access: Access,
    /// UIDVALIDITY, on servers that have UIDs.
    pub uid_validity: Option<u32>,
    /// HIGHESTMODSEQ when the mailbox was opened, on servers that count changes (CONDSTORE): as long as it stays, nothing
    /// was added or marked.
    pub mod_seq: Option<u64>,
    /// The flags the server keeps, where it says so.
    pub permanent: Option<FlagSet>,
    /// Whether EXPUNGE can be told which messages to remove (UIDPLUS).
    pub scoped_expunge: bool,
}

/// Whether a mailbox is open for changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// The server said `[READ-WRITE]`.
    ReadWrite,
    /// The server said `[READ-ONLY]`, or that it keeps no flag.
    ReadOnly,
    /// The server said nothing, as servers below IMAP2bis may.
    Unsaid,
}

impl Default for MailboxFacts {
    fn default() -> Self {
        Self {
            access: Access::Unsaid,
            uid_validity: None,
            mod_seq: None,
            permanent: None,
            scoped_expunge: false,
        }
    }
}

impl MailboxFacts {
    /// Whether the server gave the mailbox another UIDVALIDITY since: it may be another mailbox of the name.
    #[must_use]
    pub fn is_replaced_by(&self, now: &Self) -> bool {
        let both = self.uid_validity.zip(now.uid_validity);
        both.is_some_and(|(before, now)| before != now)
    }
}

impl Observation {
    /// The message at a sequence number of this observation.
    #[must_use]
    pub fn at(&self, seq: SeqNum) -> Option<&SeenMessage> {
        self.messages.get(seq.index())
    }

    /// Shows a message as if a change had come to its flags.
    pub fn pretend(&mut self, seq: SeqNum, delta: FlagDelta) {
        if let Some(seen) = self.messages.get_mut(seq.index()) {
            seen.flags = delta.apply(seen.flags);
        }
    }

    /// All messages with their sequence numbers.
    pub fn numbered(&self) -> impl Iterator<Item = (SeqNum, &SeenMessage)> {
        self.messages
            .iter()
            .enumerate()
            .filter_map(|(index, seen)| Some((SeqNum::from_index(index)?, seen)))
    }
}
