//! Why a password could not be had, and what to do about it.

use std::io;
use std::path::PathBuf;
use std::process::ExitStatus;

/// Why a password could not be had. Never holds the password.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// The file cannot be opened or read.
    #[error("could not read the password file {}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Others may read or change the file.
    #[error("other users have access to the password file {} (mode {mode:04o})", path.display())]
    Exposed {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// The file belongs to somebody else.
    #[error("the password file {} belongs to user {owner}", path.display())]
    NotOurs {
        /// The file.
        path: PathBuf,
        /// The user id of its owner.
        owner: u32,
    },
    /// The command did not start.
    #[error("could not run {program}, which should print the password")]
    NotStarted {
        /// The program.
        program: String,
        /// What the system said.
        source: io::Error,
    },
    /// The command ended badly.
    #[error(
        "{program}, which should print the password, failed ({status}){}",
        quoted(stderr)
    )]
    Failed {
        /// The program.
        program: String,
        /// How it ended.
        status: ExitStatus,
        /// The end of what it wrote to standard error, on one line.
        stderr: String,
    },
    /// The command did not end in time.
    #[error("{program}, which should print the password, did not finish in {seconds} seconds")]
    TooSlow {
        /// The program.
        program: String,
        /// The time it had, in seconds.
        seconds: u64,
    },
    /// systemd gave this process no credentials.
    #[error("there is no credential {name}: systemd passed none to this process")]
    NoCredentials {
        /// The credential asked for.
        name: String,
    },
    /// What was found cannot be a password.
    #[error("the password from {origin} {flaw}")]
    Unusable {
        /// The file or program.
        origin: String,
        /// What is wrong with it.
        flaw: Flaw,
    },
}

/// Why some bytes cannot be a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Flaw {
    /// There are none.
    #[error("is empty")]
    Empty,
    /// There is more after the first line.
    #[error("has more than one line")]
    ManyLines,
    /// A NUL byte, which IMAP cannot carry.
    #[error("holds a NUL byte")]
    Nul,
    /// More than a password could be.
    #[error("is longer than 4096 bytes")]
    TooLong,
}

impl SecretError {
    /// What to do next: a sentence without its full stop.
    #[must_use]
    pub fn suggestion(&self) -> String {
        match self {
            Self::Unreadable { path, .. } => {
                format!("Make {} a plain file that you may read", path.display())
            }
            Self::Exposed { path, .. } => {
                format!(
                    "Run \"chmod 600 {}\", and change the password if others use this machine",
                    path.display()
                )
            }
            Self::NotOurs { path, .. } => format!(
                "Make a copy of {} that is yours, with mode 0600",
                path.display()
            ),
            Self::NotStarted { .. } => {
                "Correct the command, or write the program with its full path".to_owned()
            }
            Self::Failed { program, .. } | Self::TooSlow { program, .. } => {
                format!(
                    "Run {program} yourself as the configuration has it; it must print the password without asking"
                )
            }
            Self::NoCredentials { name } => {
                format!(
                    "Add LoadCredential={name}:PATH to the unit, or name a file or command for use outside systemd"
                )
            }
            Self::Unusable {
                flaw: Flaw::ManyLines,
                ..
            } => "Leave only the password, on one line".to_owned(),
            Self::Unusable { .. } => "Put the password there, on one line".to_owned(),
        }
    }
}

fn quoted(stderr: &str) -> String {
    if stderr.is_empty() {
        String::new()
    } else {
        format!(": {stderr}")
    }
}
