//! The IMAP wire, both roles, sans-IO: bytes in, values out, and back.
//!
//! Nothing here awaits, opens a socket, reads a clock or writes a log line. The layers, lowest first:
//!
//! - [`types`]: the nouns of the RFCs, each with its parser and encoder;
//! - [`framer`]: octets to whole lines with their literals, within limits;
//! - [`parse`]: the cursor and the small rules that both grammars share;
//! - [`command`] and [`response`]: the two grammars, each read and written;
//! - [`dialect`]: the protocol's versions and how they differ, by name;
//! - [`client`] and [`server`]: one connection, seen from either end.

mod base64;
pub mod capability;
pub mod client;
pub mod command;
pub mod dialect;
pub mod framer;
mod outgoing;
pub mod parse;
pub mod response;
pub mod server;
#[cfg(test)]
mod support;
pub mod types;
