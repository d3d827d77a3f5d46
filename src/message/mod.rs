//! Reading of RFC 822 and MIME messages: what a server would say about them, computed from their octets.
//!
//! Pure and without I/O. A message's octets are never changed: everything here reads, and answers with ranges of the
//! message or with values of its own. Nothing panics on any input, time is linear in its length, and whatever is
//! broken in a message, the message can still be shown. The layers, lowest first:
//!
//! - [`header`]: where the header ends, and its fields;
//! - [`hash`]: the header's hash, by which a message is recognised;
//! - [`mod@envelope`]: the header as ENVELOPE, with its addresses;
//! - [`structure`]: where the parts lie, and BODY;
//! - [`part`]: the octets that `BODY[...]` names;
//! - [`search`]: the string keys of SEARCH.

mod address;
mod content;
mod decode;
pub mod envelope;
pub mod hash;
pub mod header;
mod lex;
pub mod part;
pub mod search;
pub mod structure;
mod words;

pub use envelope::envelope;
pub use hash::header_hash;
pub use search::{Needle, TextSearch};
pub use structure::Structure;

#[cfg(test)]
mod tests;
