//! lowtide mirrors remote mailboxes for people who read mail on a laptop, serves the copy to any mail client on this
//! machine, and carries what they did there back to the server.
//!
//! Its promise, in order: no message is lost; no action of the user is lost; nobody else's change is undone; nothing is
//! marked read that was not read; and then it is fast.
//!
//! # The story in one page
//!
//! A mail client connects to the [`endpoint`], a complete IMAP2 server on loopback. What it sees is the [`store`]'s *base*,
//! the state of a mailbox that was last proven, with the [`journal`] of what the user did since laid over it. What it asks
//! for becomes a journal entry: answered once it is durable, seen by every client from then on, and known to no server yet.
//!
//! The [`daemon`] keeps one task for each account. When the time has come, or the user did something, it makes a *pass* over
//! a mailbox: the [`upstream`] client observes what the server shows, and the [`mirror`] decides, by pure functions of
//! values, which message is which, what each should come to, and what to send for that. What was sent counts for nothing;
//! only what the server shows afterwards does. It becomes the new base, and entries are retired that it proves.
//!
//! There are no UIDs in IMAP2, so messages are told apart by their order and by what does not change about them. Where that
//! is not enough there is doubt, which is a value, and in doubt nothing is done that cannot be undone.
//!
//! [`protocol`] is the wire, both roles, without I/O; [`message`] reads what messages are made of; [`config`] what a person
//! wrote; [`cli`] is what they type. ARCHITECTURE.md says who may use whom, and where to start reading.

#![cfg_attr(
    test,
    expect(
        clippy::arithmetic_side_effects,
        reason = "tests count freely; an overflow fails them"
    )
)]

pub mod cli;
pub mod clock;
pub mod config;
pub mod daemon;
pub mod endpoint;
pub mod id;
pub mod journal;
pub mod message;
pub mod mirror;
pub mod protocol;
pub mod store;
pub mod upstream;
