//! lowtide: an offline mirror for IMAP2 mailboxes.

pub mod message;
pub mod protocol;
