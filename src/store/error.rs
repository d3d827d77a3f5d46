//! What can go wrong with the files on this machine.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use rusqlite::{ErrorCode, ffi};

/// A failure of the local store.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Another process has the account open.
    #[error("the account's store is in use by {}", holder.map_or_else(|| "another process".to_owned(), |pid| format!("process {pid}")))]
    Locked {
        /// The holder's process id, where it could be read.
        holder: Option<u32>,
        /// The lock file.
        path: PathBuf,
    },
    /// A file is not one of ours, or not the one that belongs here.
    #[error("{} is not a lowtide {expected} file", path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
        /// `journal` or `cache`.
        expected: &'static str,
    },
    /// A file was written by a newer lowtide.
    #[error("{} has version {found}, and this program knows versions up to {known}", path.display())]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: u32,
        /// The newest version this program knows.
        known: u32,
    },
    /// A file is damaged.
    #[error("{} is damaged: {detail}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What SQLite says.
        detail: String,
    },
    /// SQLite was built or set up in a way that would not keep what it is given.
    #[error("SQLite does not honour {setting}: {found}")]
    Unsafe {
        /// The setting.
        setting: &'static str,
        /// What it is instead.
        found: String,
    },
    /// A directory or file belongs to somebody else, or others can reach it.
    #[error("{} {problem}", path.display())]
    Exposed {
        /// The directory or file.
        path: PathBuf,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// No space left.
    #[error("no space is left for the local store")]
    Full,
    /// The disk failed.
    #[error("could not use {}", path.display())]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// The cause.
        source: std::io::Error,
    },
    /// SQLite failed otherwise.
    #[error("could not use {}", path.display())]
    Sqlite {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: rusqlite::Error,
    },
    /// The store stopped after an earlier failure; nothing more is accepted.
    #[error("the local store has stopped after a failed write")]
    Stopped,
    /// There is no such mailbox.
    #[error("there is no such mailbox")]
    NoMailbox,
    /// A message that was to be copied is gone.
    #[error("a message that was to be copied is gone")]
    MessageGone,
    /// A mailbox of that name is there already.
    #[error("a mailbox of that name is there already")]
    MailboxExists,
    /// The mailbox has as many keywords as it can have.
    #[error("the mailbox has its 58 keywords already")]
    KeywordsFull,
}

impl StoreError {
    /// What could not be done with a file or directory.
    pub(super) fn io(path: &Path, source: std::io::Error) -> Self {
        match source.kind() {
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded => Self::Full,
            _ => Self::Io {
                path: path.to_owned(),
                source,
            },
        }
    }

    /// Something that a file should not hold. [`StoreError::at`] says which file.
    pub(super) fn damage(detail: impl Into<String>) -> Self {
        Self::Damaged {
            path: PathBuf::new(),
            detail: detail.into(),
        }
    }

    /// The same failure, with the file that it is about.
    pub(super) fn at(self, file: &Path) -> Self {
        match self {
            Self::Sqlite { source, .. } if tells_damage(&source) => Self::Damaged {
                path: file.to_owned(),
                detail: source.to_string(),
            },
            Self::Sqlite { source, .. } => Self::Sqlite {
                path: file.to_owned(),
                source,
            },
            Self::Damaged { path, detail } if path.as_os_str().is_empty() => Self::Damaged {
                path: file.to_owned(),
                detail,
            },
            other => other,
        }
    }

    /// Whether the disk can no longer be believed. A full disk is not a reason: nothing was promised.
    pub(super) fn poisons(&self) -> bool {
        match self {
            Self::Damaged { .. } => true,
            Self::Sqlite { source, .. } => {
                source.sqlite_error_code() == Some(ErrorCode::SystemIoFailure)
            }
            _ => false,
        }
    }
}

impl From<rusqlite::Error> for StoreError {
    fn from(source: rusqlite::Error) -> Self {
        let out_of_room = source.sqlite_error_code() == Some(ErrorCode::DiskFull)
            || source
                .sqlite_error()
                .is_some_and(|error| error.extended_code == ffi::SQLITE_IOERR_SHMSIZE);
        if out_of_room {
            return Self::Full;
        }
        Self::Sqlite {
            path: PathBuf::new(),
            source,
        }
    }
}

fn tells_damage(error: &rusqlite::Error) -> bool {
    matches!(
        error.sqlite_error_code(),
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase)
    )
}
