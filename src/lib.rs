//! lowtide: an offline mirror for IMAP2 mailboxes.

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
