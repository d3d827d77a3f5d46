//! The nouns of the RFCs: what a mailbox, a flag, a date or an envelope is on the wire.

mod body;
mod date;
mod envelope;
mod fetch;
mod flag;
mod flag_set;
mod keywords;
mod mailbox;
mod pattern;
mod search;
mod section;
mod sequence;
mod store;
mod tag;
mod text;
mod zone;

pub use body::{Body, Param, Part, PartKind};
pub use date::{BadDate, InternalDate, SearchDate};
pub use envelope::{Address, Envelope};
pub(crate) use fetch::item_name;
pub use fetch::{FetchItem, FetchRequest};
pub use flag::{BadKeyword, Flag, Keyword};
pub use flag_set::{FlagDelta, FlagSet};
pub use keywords::{Keywords, KeywordsFull};
pub use mailbox::{BadMailboxName, MailboxName};
pub use pattern::{MailboxPattern, PatternTooLong, Wildcards};
pub use search::{SearchKey, YearDigits};
pub use section::{Section, SectionText};
pub use sequence::{SeqNum, SequenceError, SequenceSet, StarAllowed};
pub use store::{StoreMode, StoreReply};
pub use tag::{BadTag, Tag};
pub use text::{NString, Password, Quoting};
pub(crate) use text::{
    StringForm, form_for_server, push_literal, push_literal_header, write_escaped,
};

#[cfg(test)]
pub(crate) use text::push_string;
