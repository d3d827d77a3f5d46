//! The IMAP wire, both roles, sans-IO: bytes in, values out, and back.
//!
//! Nothing here awaits, opens a socket, reads a clock or writes a log line. The layers, lowest first:
//!
//! - [`types`]: the nouns of the RFCs, each with its parser and encoder;
//! - [`framer`]: octets to whole lines with their literals, within limits;
//! - [`parse`]: the cursor and the small rules that both grammars share.

pub mod framer;
mod outgoing;
pub mod parse;
pub mod types;
