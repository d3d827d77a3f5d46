//! What the user did here: one entry per message and action, kept until a server proves that it holds.
//!
//! An entry is self-contained. It names its message twice: by [`MessageId`](crate::id::MessageId), which is
//! enough while the cache lives, and by [`Mark`], so that a rebuilt cache can find the message again.
//!
//! Never here: SQL, sequence numbers, tags.

mod entry;
mod intent;
mod mark;

pub use entry::{Action, Attempt, EntryState, JournalEntry, NewEntry, ParkReason};
pub use intent::FlagIntent;
pub use mark::{HeaderHash, Mark};
