//! The command line: what a person types, and what they are told.
//!
//! Each verb has a file. It asks the running daemon or, where none runs, a desk of its own ([`asking`]), writes what was
//! asked for to standard output ([`output`]), and ends with an [`Exit`]. What goes wrong becomes a [`Problem`], and
//! [`report`] alone puts it into words for people.

mod ago;
mod approve;
mod args;
mod asking;
mod conflicts;
mod demo;
mod doctor;
mod exit;
mod imapd;
mod journal;
mod link;
mod logs;
mod output;
mod packaging;
mod password;
mod process;
mod progress;
mod report;
mod restore;
mod run;
mod status;
mod sync;
mod text;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;

pub use exit::Exit;

use crate::config::{Config, ConfigError, Paths};
use args::{Arguments, Verb};
use output::Output;
use report::Problem;

/// What every verb has at hand.
struct Context {
    config_path: PathBuf,
    out: Output,
}

impl Context {
    fn config(&self) -> Result<Config, ConfigError> {
        Config::load(&self.config_path)
    }
}

/// Does what the command line asks for, tells what went wrong, and gives the exit code.
#[must_use]
pub fn run() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(refusal) => return report::refuse(&refusal),
    };
    arguments.color.apply();
    let quiet = arguments.quiet;
    let exit = process::guard()
        .and_then(|()| perform(arguments))
        .unwrap_or_else(|problem| {
            report::problem(&problem);
            problem.exit
        });
    tracing::debug!(?exit, quiet, "ended");
    exit.into()
}

fn perform(arguments: Arguments) -> Result<Exit, Problem> {
    logs::start(&arguments);
    let config_path = match arguments.config {
        Some(path) => path,
        None => Paths::from_environment()?.config_file(),
    };
    let context = Context {
        config_path,
        out: Output::new(arguments.quiet),
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Problem::internal("the program could not start its threads", &error))?;
    let exit = runtime.block_on(serve(&context, arguments.verb));
    // A thread may still wait for standard input; nothing depends on it.
    runtime.shutdown_background();
    exit
}

async fn serve(context: &Context, verb: Verb) -> Result<Exit, Problem> {
    match verb {
        Verb::Run => run::run(context).await,
        Verb::Sync(wish) => sync::run(context, wish).await,
        Verb::Status(wish) => status::run(context, wish).await,
        Verb::Journal(wish) => journal::run(context, wish).await,
        Verb::Conflicts(wish) if wish.table => conflicts::table(context),
        Verb::Conflicts(wish) => conflicts::run(context, wish).await,
        Verb::Restore(wish) => restore::run(context, wish).await,
        Verb::Approve { account, mailbox } => approve::run(context, account, mailbox).await,
        Verb::Offline { account } => link::set(context, account, link::Wish::Offline).await,
        Verb::Online { account } => link::set(context, account, link::Wish::Online).await,
        Verb::Imapd { account } => imapd::run(context, &account).await,
        Verb::Doctor(json) => doctor::run(context, json).await,
        Verb::Demo { stay } => demo::run(context, stay).await,
        Verb::Completions { shell } => packaging::completions(&context.out, shell),
        Verb::Man => packaging::man(&context.out),
    }
}
