//! `lowtide demo`: the whole product in a minute, without an account and without a network.
//!
//! A lowtide account without a server is an IMAP2 server by itself; here it plays the remote one. A second account mirrors
//! it over loopback, exactly as it would mirror any server: nothing is made up but the mail.

mod client;
mod letters;
mod stage;
mod story;

use std::io;

pub(crate) use stage::Stage;

use crate::config::ConfigError;
use crate::daemon::PassError;
use crate::endpoint::ListenError;
use crate::store::StoreError;

/// Why the demo could not be shown to its end.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DemoError {
    /// No place for its files, or a pipe broke.
    #[error("the demo's files or pipes failed")]
    Io(#[from] io::Error),
    /// Its stores failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Its server could not listen.
    #[error(transparent)]
    Listen(#[from] ListenError),
    /// Its configuration was refused.
    #[error("the demo's configuration is refused")]
    Config(#[from] ConfigError),
    /// A pass failed.
    #[error(transparent)]
    Pass(#[from] PassError),
    /// A command was refused.
    #[error("{command} was answered with {answer}")]
    Refused {
        /// The command.
        command: String,
        /// The answer.
        answer: String,
    },
    /// An endpoint closed its end.
    #[error("the endpoint hung up")]
    HungUp,
    /// Both sides should be equal and are not.
    #[error("the mirror and the server disagree about {mailbox}")]
    Disagree {
        /// The mailbox.
        mailbox: String,
    },
}

/// Shows everything, line by line, through `tell`.
///
/// # Errors
/// [`DemoError`]; [`DemoError::Disagree`] if lowtide failed at what it is for.
pub(crate) async fn show(stage: &mut Stage, tell: &mut impl FnMut(&str)) -> Result<(), DemoError> {
    story::tell(stage, tell).await
}
