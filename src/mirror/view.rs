//! The three views of one mailbox that a pass brings together: base, local and remote.

use std::collections::BTreeMap;
use std::ops::Range;

use super::observation::MailboxFacts;
use crate::id::{EntryId, MessageId};
use crate::journal::{JournalEntry, Mark};
use crate::protocol::types::{FlagDelta, FlagSet, MailboxName, SeqNum};

/// What the server was last proven to hold, in the server's order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Base {
    /// The messages, oldest first.
    pub messages: Vec<BaseMessage>,
    /// Ids of messages that were in a cache, or a state of it, that was lost: this one cannot know them.
    pub lost: Vec<Range<MessageId>>,
    /// What held for the mailbox as a whole: under which UIDVALIDITY the marks' UIDs were given, and how far it had changed.
    pub facts: MailboxFacts,
}

impl Base {
    /// A message by its id. Ids grow in the server's order.
    #[must_use]
    pub fn find(&self, id: MessageId) -> Option<&BaseMessage> {
        let index = self
            .messages
            .binary_search_by_key(&id, |known| known.id)
            .ok()?;
        self.messages.get(index)
    }

    /// Whether a message may stand here under another id, since the one it had was lost.
    #[must_use]
    pub fn has_lost(&self, id: MessageId) -> bool {
        self.lost.iter().any(|lost| lost.contains(&id)) && self.find(id).is_none()
    }

    /// The same, to be changed.
    pub fn find_mut(&mut self, id: MessageId) -> Option<&mut BaseMessage> {
        let index = self
            .messages
            .binary_search_by_key(&id, |known| known.id)
            .ok()?;
        self.messages.get_mut(index)
    }
}

/// One message of the base.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BaseMessage {
    /// Our name for it.
    pub id: MessageId,
    /// How the server shows it.
    pub mark: Mark,
    /// Its flags when it was last seen.
    pub flags: FlagSet,
    /// The zone its internal date was written in, in minutes east of UTC; shown to clients, never compared.
    pub zone_minutes: i16,
}

/// The user's side, as differences: a message that is not listed is as the base has it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Local {
    /// The messages that journal entries speak of.
    pub changed: BTreeMap<MessageId, LocalMessage>,
    /// The same of messages that were in this base and were seen to go, while their entries were not answered yet.
    pub departed: BTreeMap<MessageId, LocalMessage>,
    /// Entries whose message was in a base that was lost.
    pub unbound: Vec<JournalEntry>,
    /// Messages that are to be appended, and the entries that ask for it, in the order in which the user acted.
    pub appended: Vec<(MessageId, EntryId)>,
}

/// What the user made of one message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LocalMessage {
    /// Its flags in the base; of a message that is gone, those that it had when the user first acted on it.
    pub before: FlagSet,
    /// There, or removed.
    pub state: LocalState,
    /// Every change of flags that was attempted: the server may show it, although the user may have taken it back since.
    pub tried: FlagDelta,
    /// The flags it showed when the user last asked to delete it, without a `\Deleted` that is still on its way.
    pub saw: FlagSet,
    /// The flags it showed when the user last acted on it.
    pub knew: FlagSet,
    /// Whether EXPUNGE may have removed it already.
    pub may_be_removed: bool,
    /// Every flag that the entries speak of.
    pub named: FlagSet,
    /// What the user began with, as far as nothing was sent for it: the flags that entries of which none was attempted took
    /// off first, and those that they set first. The base may have learnt since of others who did the same.
    pub began: FlagDelta,
    /// Copies asked for, oldest first.
    pub copies: Vec<CopyWish>,
    /// The entries folded in here, oldest first.
    pub entries: Vec<EntryId>,
}

/// Whether the user still has a message, with the flags as last seen here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LocalState {
    /// The message is there.
    Present(FlagSet),
    /// The user removed it.
    Expunged {
        /// The flags it had then.
        flags: FlagSet,
    },
}

/// A copy that is still owed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CopyWish {
    /// The journal entry that asks for it.
    pub entry: EntryId,
    /// The receiving mailbox.
    pub to: MailboxName,
    /// The flags the message had when the user copied it.
    pub flags: FlagSet,
}

/// The server's side under our names: one state per message of the base, in the base's order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Remote {
    /// Parallel to [`Base::messages`].
    pub states: Vec<RemoteState>,
    /// What stands on the server and is not in the base.
    pub strangers: Vec<Stranger>,
}

impl Remote {
    /// How many messages stand marked `\\Deleted` on the server, whoever they are.
    #[must_use]
    pub fn marked_count(&self) -> usize {
        let marked = |flags: &FlagSet| flags.contains(FlagSet::DELETED);
        let known = self
            .states
            .iter()
            .filter(|state| matches!(state, RemoteState::Present(flags) if marked(flags)));
        known.count().saturating_add(
            self.strangers
                .iter()
                .filter(|stranger| marked(&stranger.flags))
                .count(),
        )
    }
}

/// What the server holds of a message that the base knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RemoteState {
    /// There, with these flags.
    Present(FlagSet),
    /// Removed.
    Gone,
    /// Gone from its place, and an equal message stands among the arrivals.
    Returned,
    /// It cannot be told which of several equal messages this is, nor whether it is still there.
    Doubtful,
}

/// A message on the server that is no message of the base for certain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stranger {
    /// Its place in the observation.
    pub seq: SeqNum,
    /// Its flags.
    pub flags: FlagSet,
    /// Whether it is new, rather than one of several that cannot be told apart.
    pub arrived: bool,
}

/// What a message comes to when a pass is through with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MessageState {
    /// It exists with these flags.
    Present(FlagSet),
    /// It does not exist.
    Gone,
}
