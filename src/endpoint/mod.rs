//! The loopback IMAP server: a complete IMAP2 server (RFC 1064, RFC 1176, IMAP2bis) on the local copy of the mail.
//!
//! A connection never sees the tables of the store. It has its own [`numbers`], which change only where the protocol lets
//! them, and every command counts by these. What a client asks for goes to the store as journal entries; it is answered
//! with OK once they are durable, and only then does anybody see the effect. What others do arrives the same way for all:
//! the store shows a later view, and each connection tells its client what has become different.
//!
//! - [`listener`], [`socket`]: where clients connect;
//! - [`peer`], [`login`]: whose connection it is;
//! - [`service`]: what all connections share;
//! - [`connection`]: octets in, commands one after the other, octets out;
//! - [`session`]: what a connection knows between two commands;
//! - [`stored`]: what is read of messages;
//! - [`deliver`](mod@deliver): how whole messages come in;
//! - [`command`]: one file for each command.

mod command;
mod connection;
mod deliver;
mod listener;
mod login;
mod numbers;
mod peer;
mod reply;
mod service;
mod session;
mod settings;
mod socket;
mod stored;
mod wire;

pub use crate::protocol::server::ServerLimits;
pub use connection::preauth_words;
pub use deliver::{Letter, deliver};
pub use listener::{ListenError, Listener, after_refusal, stopped};
pub use login::PasswordDigest;
pub use service::{Endpoint, Peer};
pub use settings::{Accounts, DialectPin, EndpointLimits, EndpointSettings};
