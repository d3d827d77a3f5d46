//! What can go wrong with the files on this machine.

use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use super::file::FileKind;

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
    #[error("{} is not lowtide's {}", path.display(), kind.name())]
    Foreign {
        /// The file.
        path: PathBuf,
        /// What should be there.
        kind: FileKind,
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
        /// What it holds, and so what its loss would mean.
        kind: FileKind,
        /// How it was noticed.
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
    /// The directory cannot be there: what it is to be in is no directory, or not ours to write to.
    #[error("could not make the directory {}", path.display())]
    NoDirectory {
        /// The directory.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// No space left.
    #[error("no space is left for the local store")]
    Full,
    /// What is left is kept for what the user does.
    #[error("only {} MB are left on the disk, and no more texts are read", left >> 20)]
    NoRoom {
        /// How many octets are left.
        left: u64,
    },
    /// The disk failed.
    #[error("could not use {}", path.display())]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// The cause.
        source: io::Error,
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
    pub(super) fn io(path: &Path, source: io::Error) -> Self {
        if is_full(&source) {
            return Self::Full;
        }
        Self::Io {
            path: path.to_owned(),
            source,
        }
    }

    /// Why a directory could not be made. What is in its way does not go away by itself; what else fails may.
    pub(super) fn no_directory(path: &Path, source: io::Error) -> Self {
        let is_in_its_way = matches!(
            source.kind(),
            ErrorKind::NotADirectory | ErrorKind::AlreadyExists | ErrorKind::PermissionDenied
        );
        if !is_in_its_way {
            return Self::io(path, source);
        }
        Self::NoDirectory {
            path: path.to_owned(),
            source,
        }
    }
}

fn is_full(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_disk_without_room_is_the_same_for_files_and_directories() {
        for kind in [ErrorKind::StorageFull, ErrorKind::QuotaExceeded] {
            let path = Path::new("/tide");
            assert!(matches!(
                StoreError::io(path, kind.into()),
                StoreError::Full
            ));
            let made = StoreError::no_directory(path, kind.into());
            assert!(matches!(made, StoreError::Full));
        }
    }

    #[test]
    fn only_what_stands_in_the_way_of_a_directory_is_for_the_configuration() {
        let told = |kind: ErrorKind| StoreError::no_directory(Path::new("/tide"), kind.into());
        for kind in [
            ErrorKind::NotADirectory,
            ErrorKind::AlreadyExists,
            ErrorKind::PermissionDenied,
        ] {
            assert!(matches!(told(kind), StoreError::NoDirectory { .. }));
        }
        assert!(matches!(
            told(ErrorKind::StaleNetworkFileHandle),
            StoreError::Io { .. }
        ));
    }
}
