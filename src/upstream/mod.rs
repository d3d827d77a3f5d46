//! The client of the remote server: connect, observe one mailbox, carry out the steps of a plan, read content.
//!
//! Nothing here knows the store or the journal. A [`Session`] is one connection; [`Selected`] is one open mailbox on it and
//! holds the only map between the server's numbers and our messages. Both end with the connection.

mod append;
mod backoff;
mod content;
mod dial;
mod error;
mod execute;
mod flag_sets;
mod glance;
mod observe;
mod selected;
mod server;
mod session;
mod stray;
mod survey;
mod wire;

pub use backoff::Backoff;
pub use content::Content;
pub use error::{Retry, UpstreamError};
pub use glance::{Effort, Glance};
pub use selected::{Selected, Wrong};
pub use server::{Allowance, Credentials, Level, Patience, Security, Server, Transport};
pub use session::{Features, Session};
pub use stray::Astray;

pub use crate::protocol::dialect::Dialect;
