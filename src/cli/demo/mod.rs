//! `lowtide demo`: the whole product in a minute, without an account and without a network.
//!
//! A lowtide account without a server is an IMAP2 server by itself; here it plays the remote one. A second account mirrors
//! it over loopback, exactly as it would mirror any server: nothing is made up but the mail.

mod client;
mod letters;
mod stage;
mod story;

use std::io;

use tokio::signal::unix::{SignalKind, signal};

use super::Context;
use super::exit::Exit;
use super::output::Tone;
use super::report::Problem;
use crate::config::ConfigError;
use crate::daemon::PassError;
use crate::endpoint::ListenError;
use crate::store::StoreError;
use stage::Stage;

/// Why the demo could not be shown to its end.
#[derive(Debug, thiserror::Error)]
pub(super) enum DemoError {
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

/// Plays the demo to its end, and fails if the end is not the right one.
pub(super) async fn run(context: &Context, stay: bool) -> Result<Exit, Problem> {
    // Whoever stops listening misses the story, not the verdict.
    let mut tell = |line: &str| drop(context.out.line(Tone::Plain, line));
    let mut stage = Stage::set().await.map_err(failed)?;
    let outcome = story::tell(&mut stage, &mut tell).await;
    if stay && outcome.is_ok() {
        // Whoever reads how to end it may do so at once.
        let deaf = |error| Problem::internal("the demo cannot hear Ctrl-C", &error);
        let mut interrupt = signal(SignalKind::interrupt()).map_err(deaf)?;
        for line in stage.directions() {
            tell(&line);
        }
        interrupt.recv().await;
    }
    stage.strike().await;
    outcome.map(|()| Exit::Done).map_err(failed)
}

fn failed(error: DemoError) -> Problem {
    Problem::internal("the demo did not come to its end", &error)
}
