//! What can go wrong with the files on this machine.

use std::path::PathBuf;

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
    #[error("the local store failed")]
    Sqlite(#[source] rusqlite::Error),
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

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            Some(rusqlite::ErrorCode::DiskFull) => Self::Full,
            _ => Self::Sqlite(error),
        }
    }
}
