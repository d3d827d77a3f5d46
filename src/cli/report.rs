//! What went wrong, told to people: one sentence on what happened, one on what to do next, on standard error.

use std::error::Error;
use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

use clap::builder::styling::{AnsiColor, Style};

use super::exit::Exit;
use super::text::{visible, word};
use crate::config::{ConfigError, SecretError};
use crate::daemon::control::{Failure, FailureKind};
use crate::daemon::{DaemonError, chain};
use crate::endpoint::ListenError;

/// Something a person has to know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Problem {
    pub(super) exit: Exit,
    /// What happened: a fragment without its full stop.
    pub(super) what: String,
    /// What to do next: a sentence without its full stop.
    pub(super) next: String,
}

impl Problem {
    pub(super) fn new(exit: Exit, what: impl Into<String>, next: impl Into<String>) -> Self {
        Self {
            exit,
            what: what.into(),
            next: next.into(),
        }
    }

    /// Nobody listens any more.
    pub(super) fn silent() -> Self {
        Self::new(Exit::Done, "", "")
    }

    pub(super) fn output(error: &std::io::Error) -> Self {
        Self::new(
            Exit::Store,
            format!("the answer could not be written: {error}"),
            "Make room where the output goes, and run the command again",
        )
    }

    pub(super) fn internal(what: &str, error: &dyn Error) -> Self {
        Self::new(Exit::Internal, format!("{what}: {}", chain(error)), BUG)
    }

    /// A failure at an account or a mailbox of it, with the sentence that fits.
    pub(super) fn of_account(place: Option<&str>, account: &str, failure: &Failure) -> Self {
        let what = place.map_or_else(
            || failure.what.clone(),
            |place| format!("{place}: {}", failure.what),
        );
        Self::new(failure.kind.into(), what, advice(failure, account))
    }

    /// A mailbox that waits for a person.
    pub(super) fn held(account: &str, mailbox: &str, why: &str) -> Self {
        Self::new(
            Exit::Brake,
            format!("{account}/{mailbox} was stopped: {why}"),
            approval(account, mailbox),
        )
    }
}

/// How to let a mailbox go on.
pub(super) fn approval(account: &str, mailbox: &str) -> String {
    let mailbox = word(mailbox);
    format!("If that is right, run \"lowtide approve {account} {mailbox}\"")
}

impl From<Failure> for Problem {
    fn from(failure: Failure) -> Self {
        let next = advice(&failure, "ACCOUNT");
        Self::new(failure.kind.into(), failure.what, next)
    }
}

impl From<ConfigError> for Problem {
    fn from(error: ConfigError) -> Self {
        Self::new(Exit::Configuration, chain(&error), error.suggestion())
    }
}

impl From<SecretError> for Problem {
    fn from(error: SecretError) -> Self {
        Self::new(Exit::Configuration, chain(&error), error.suggestion())
    }
}

impl From<DaemonError> for Problem {
    fn from(error: DaemonError) -> Self {
        let what = chain(&error);
        match error {
            DaemonError::Account { account, source } => {
                let failure = Failure::from(source);
                Self::new(failure.kind.into(), what, advice(&failure, &account))
            }
            DaemonError::Password(error) => {
                Self::new(Exit::Configuration, what, error.suggestion())
            }
            DaemonError::Listen(error) => {
                let (exit, next) = listening(&error);
                Self::new(exit, what, next)
            }
            DaemonError::Control { .. } => Self::new(
                Exit::Store,
                what,
                "Give the data directory a shorter path, or see who else uses it",
            ),
            DaemonError::Signals(_) | DaemonError::Panicked { .. } => {
                Self::new(Exit::Internal, what, BUG)
            }
        }
    }
}

fn listening(error: &ListenError) -> (Exit, &'static str) {
    match error {
        ListenError::Taken { .. } => (
            Exit::Locked,
            "Stop that program, or choose another port with listen in [endpoint]",
        ),
        ListenError::NotLoopback { .. } | ListenError::NoAddress | ListenError::Tcp { .. } => (
            Exit::Configuration,
            "Correct listen in [endpoint]; [] does without TCP",
        ),
        ListenError::Exposed { .. } | ListenError::Socket { .. } => (
            Exit::Configuration,
            "Mend that directory, or choose another socket in [endpoint]",
        ),
    }
}

/// What to do about a failure of an account: what is known of this one, or fits all of its sort.
fn advice(failure: &Failure, account: &str) -> String {
    let known = failure.advice.clone();
    known.unwrap_or_else(|| next(failure.kind, account))
}

/// What to do about failures of a sort.
fn next(kind: FailureKind, account: &str) -> String {
    match kind {
        FailureKind::Usage => {
            "Run \"lowtide status\" to see which accounts and mailboxes there are".to_owned()
        }
        FailureKind::Unreachable => format!(
            "Check the network, and the way to the server in [account.{account}]; what you did is kept and waits"
        ),
        FailureKind::Insecure => format!(
            "Make sure that this network is one you trust; if the certificate is the server's own, name it with ca-file in [account.{account}]"
        ),
        FailureKind::Protocol => {
            "Run it again; if it comes back, report it with what --verbose says".to_owned()
        }
        FailureKind::Login => format!(
            "Correct user or password in [account.{account}], then run \"lowtide sync {account}\""
        ),
        FailureKind::Refused => format!(
            "See what the server wants; leave a mailbox out with mailboxes in [account.{account}] if it is not for you"
        ),
        FailureKind::Offline => format!("Run \"lowtide online {account}\" first"),
        FailureKind::Store => {
            "Nothing is deleted: see that the disk is sound, and that the data directory and all in it is yours".to_owned()
        }
        FailureKind::Cache => {
            "Start lowtide again, or run this once more: the copy is set aside and fetched anew, and nothing you did is lost".to_owned()
        }
        FailureKind::DiskFull => "Make room on the disk, and run it again; nothing is lost".to_owned(),
        FailureKind::Locked => {
            "Wait until it is through, or end it; while \"lowtide run\" runs, it answers every command".to_owned()
        }
        FailureKind::Interrupted => "Run it again; nothing is lost".to_owned(),
        FailureKind::Configuration => format!("Correct [account.{account}] in the configuration"),
        FailureKind::Internal => BUG.to_owned(),
    }
}

/// Tells a person what happened and what to do next.
pub(super) fn problem(problem: &Problem) {
    if problem.what.is_empty() {
        return;
    }
    let red = AnsiColor::Red.on_default().bold();
    say(
        red,
        &format!(
            "{}. {}.",
            visible(problem.what.trim_end_matches('.')),
            visible(&problem.next)
        ),
    );
}

/// Tells a person what was done beside what they asked for.
pub(super) fn note(what: &str) {
    say(Style::new().bold(), &format!("{}.", visible(what)));
}

/// Tells what of the command line makes no sense, or gives the help that was asked for.
pub(super) fn refuse(refusal: &clap::Error) -> ExitCode {
    match refusal.print() {
        Ok(()) if !refusal.use_stderr() => Exit::Done.into(),
        Ok(()) | Err(_) => Exit::Usage.into(),
    }
}

/// Where the error stream is gone, there is nobody left to tell.
fn say(style: Style, sentence: &str) {
    let line = format!("{style}lowtide:{style:#} {sentence}\n");
    drop(anstream::stderr().lock().write_all(line.as_bytes()));
}

/// A path, for a sentence.
pub(super) fn shown(path: &Path) -> String {
    path.display().to_string()
}

const BUG: &str = "Please report this with what --verbose says";
