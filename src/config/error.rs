//! What can be wrong with a configuration file, told so that it can be mended.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// Why there is no usable configuration.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// There is no file.
    #[error("there is no configuration at {}", path.display())]
    Missing {
        /// Where it was looked for.
        path: PathBuf,
    },
    /// There is a file, but it could not be read.
    #[error("could not read {}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file was read and is not a valid configuration.
    #[error("{}:{}", path.display(), Summary(faults))]
    Invalid {
        /// The file.
        path: PathBuf,
        /// What is wrong, in the order of the file; at least one.
        faults: Vec<Fault>,
    },
    /// The user has no home directory, so no default place can be worked out.
    #[error("the home directory is not known")]
    NoHome,
}

impl ConfigError {
    /// The file concerned.
    #[must_use]
    pub fn path(&self) -> Option<&Path> {
        match self {
            Self::Missing { path } | Self::Unreadable { path, .. } | Self::Invalid { path, .. } => {
                Some(path)
            }
            Self::NoHome => None,
        }
    }

    /// The first fault in the file, if the file could be read.
    #[must_use]
    pub fn fault(&self) -> Option<&Fault> {
        match self {
            Self::Invalid { faults, .. } => faults.first(),
            Self::Missing { .. } | Self::Unreadable { .. } | Self::NoHome => None,
        }
    }

    /// What to do next: a sentence without its full stop.
    #[must_use]
    pub fn suggestion(&self) -> String {
        match self {
            Self::Missing { .. } => {
                "Write one there, as the README shows, or name another with --config".to_owned()
            }
            Self::Unreadable { path, .. } => {
                format!(
                    "Make {} a file that you may read, or name another with --config",
                    path.display()
                )
            }
            Self::Invalid { .. } => self
                .fault()
                .map(|fault| fault.suggestion.clone())
                .unwrap_or_default(),
            Self::NoHome => "Set HOME to your home directory".to_owned(),
        }
    }
}

/// One thing that is wrong in the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The line, from 1.
    pub line: usize,
    /// The column in characters, from 1.
    pub column: usize,
    /// The key with its tables, such as `account.work.poll`; empty if the file is not TOML.
    pub key: String,
    /// What is wrong: a fragment that starts in lower case and has no full stop. Never holds a password.
    pub problem: String,
    /// What to do next: a sentence without its full stop.
    pub suggestion: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.line, self.column, self.problem)
    }
}

/// The first of several faults, and how many more there are.
struct Summary<'a>(&'a [Fault]);

impl fmt::Display for Summary<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some((first, others)) = self.0.split_first() else {
            return Ok(());
        };
        write!(f, "{first}")?;
        match others.len() {
            0 => Ok(()),
            more => write!(f, " (and {more} more)"),
        }
    }
}
