//! One journal entry: an action of the user on one message, and how far it has come.

use crate::id::{EntryId, MessageId};
use crate::journal::Mark;
use crate::protocol::types::{FlagDelta, FlagSet, Keywords, MailboxName};

/// What the user asked for, as deltas and names that stay true however often they are looked at again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Flags to set and to clear; never a replacement of the whole set.
    Flags(FlagDelta),
    /// Remove exactly this message. It was `\Deleted` in the view of the client that asked.
    Expunge,
    /// Append a copy to another mailbox of the account.
    Copy {
        /// The mailbox that receives the copy.
        to: MailboxName,
    },
    /// Append a message that the journal holds. It has an id of its own, and its mark says how it will be shown.
    Append {
        /// The flags it is to have.
        flags: FlagSet,
        /// The zone of its internal date, in minutes east of UTC.
        zone_minutes: i16,
    },
}

/// An action that a client asked for and that is not in the journal yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewEntry {
    /// The message acted on.
    pub message: MessageId,
    /// What to do with it.
    pub action: Action,
}

/// An action that was accepted: durable, and owed to the user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JournalEntry {
    /// Position in the journal; the order in which the user acted.
    pub id: EntryId,
    /// The message acted on.
    pub message: MessageId,
    /// How to find the message again if the cache is lost.
    pub mark: Mark,
    /// The message's flags as the user saw them before the action.
    pub flags_before: FlagSet,
    /// What to do.
    pub action: Action,
    /// How far it has come.
    pub state: EntryState,
    /// Why it waits, in words; empty while it simply has not had its turn.
    pub trouble: String,
    /// When it was accepted, in seconds since 1970; for people to read, never compared.
    pub accepted_at: i64,
    /// The UIDVALIDITY under which the mark's UID is the message's name.
    pub uid_validity: Option<u32>,
}

/// How far a journal entry has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EntryState {
    /// Waiting for its turn.
    Pending,
    /// Its command may have left for the server; the outcome is not known until the server is looked at.
    Attempted(Attempt),
    /// The server said NO to the last attempt. It is sent again later, a few times.
    Refused(Attempt),
    /// Set aside until a person decides; blocks nothing but its message.
    Parked(ParkReason),
}

/// What was about to be sent when an attempt began: a hypothesis for the next look, never a fact.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// How often this entry was sent, this time included.
    pub number: u32,
    /// For a copy or an APPEND: how many equal messages the destination held before it was sent. For a removal: 0 as long as only the
    /// mark for it was sent, and not EXPUNGE.
    pub equals_before: u32,
}

/// Why an entry waits for a person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ParkReason {
    /// The server said NO, with its words.
    Refused {
        /// The server's text.
        text: String,
    },
    /// The server said OK, and later showed that it did not keep the change.
    NotKept,
    /// The destination of a copy is not there.
    NoDestination,
    /// The message to copy is gone.
    SourceGone,
    /// Sent twice, and neither try can be found on the server.
    NoReceipt,
    /// The message could not be found again after the cache was rebuilt, or stands there more than once.
    Unbound,
    /// The journal was put back from an older copy, and this may have been done since.
    Stale,
    /// It was found in a damaged journal.
    Salvaged,
    /// It was asked for long ago.
    Old,
}

impl ParkReason {
    /// Whether nothing speaks against the action itself: it only takes a person to say that it is still meant.
    #[must_use]
    pub fn asks_if_meant(&self) -> bool {
        matches!(self, Self::Stale | Self::Salvaged | Self::Old)
    }
}

impl Action {
    /// What it does, as people read it: `+\\Seen -\\Flagged`, `expunge`, `copy to receipts`.
    #[must_use]
    pub fn words(&self, keywords: &Keywords) -> String {
        let names = |sign: &'static str, flags| {
            keywords
                .names(flags)
                .map(move |flag| format!("{sign}{flag}"))
        };
        match self {
            Self::Flags(delta) => names("+", delta.add)
                .chain(names("-", delta.remove))
                .collect::<Vec<_>>()
                .join(" "),
            Self::Expunge => "expunge".to_owned(),
            Self::Copy { to } => format!("copy to {to}"),
            Self::Append { .. } => "append".to_owned(),
        }
    }
}

impl JournalEntry {
    /// A message that is to be appended, under an id of its own; the journal gives the entry its number.
    #[must_use]
    pub fn appending(message: MessageId, mark: Mark, action: Action, accepted_at: i64) -> Self {
        Self {
            id: EntryId::from_raw(0),
            message,
            mark,
            flags_before: FlagSet::EMPTY,
            action,
            state: EntryState::Pending,
            trouble: String::new(),
            accepted_at,
            uid_validity: None,
        }
    }

    /// Whether replay looks at this entry at all.
    #[must_use]
    pub fn is_active(&self) -> bool {
        !matches!(self.state, EntryState::Parked(_))
    }

    /// Whether it asks for a copy.
    #[must_use]
    pub fn is_copy(&self) -> bool {
        matches!(self.action, Action::Copy { .. })
    }

    /// Whether it brings a message of its own.
    #[must_use]
    pub fn is_append(&self) -> bool {
        matches!(self.action, Action::Append { .. })
    }

    /// The mailbox that is to have one message more; it is in the journal of the mailbox `own`.
    #[must_use]
    pub fn destination<'a>(&'a self, own: &'a MailboxName) -> Option<&'a MailboxName> {
        match &self.action {
            Action::Copy { to } => Some(to),
            Action::Append { .. } => Some(own),
            Action::Flags(_) | Action::Expunge => None,
        }
    }

    /// Whether it asks for the message to go: now, or with the next EXPUNGE.
    #[must_use]
    pub fn deletes(&self) -> bool {
        match &self.action {
            Action::Flags(delta) => delta.add.contains(FlagSet::DELETED),
            Action::Expunge => true,
            Action::Copy { .. } | Action::Append { .. } => false,
        }
    }

    /// Whether EXPUNGE may have removed the message already.
    #[must_use]
    pub fn may_have_removed(&self) -> bool {
        let sent = self
            .attempt()
            .is_some_and(|attempt| attempt.equals_before > 0);
        self.action == Action::Expunge && sent
    }

    /// Whether it was sent, and no answer told that it was in vain.
    #[must_use]
    pub fn may_have_been_sent(&self) -> bool {
        matches!(self.state, EntryState::Attempted(_))
    }

    /// The attempt that may already have taken effect.
    #[must_use]
    pub fn attempt(&self) -> Option<Attempt> {
        match self.state {
            EntryState::Attempted(attempt) | EntryState::Refused(attempt) => Some(attempt),
            EntryState::Pending | EntryState::Parked(_) => None,
        }
    }
}

impl std::fmt::Display for ParkReason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Refused { text } => write!(f, "the server refused it: {text}"),
            Self::NotKept => f.write_str("the server said OK and did not keep it"),
            Self::NoDestination => {
                f.write_str("the destination mailbox does not exist on the server")
            }
            Self::SourceGone => {
                f.write_str("the message was removed on the server before it could be copied")
            }
            Self::NoReceipt => f.write_str("sent twice, and it cannot be found in the destination"),
            Self::Unbound => f.write_str("the message cannot be told from others on the server"),
            Self::Stale => {
                f.write_str("the journal is an older copy, and this may be done already")
            }
            Self::Salvaged => f.write_str("it was found in a damaged journal"),
            Self::Old => f.write_str("it was asked for more than 30 days ago"),
        }
    }
}
