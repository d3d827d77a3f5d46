//! What can go wrong with the files on this machine.
//!
//! A job works in one file and does not know its path. What it meets there is a [`Fault`]; whoever lent it the file turns
//! that into a [`StoreError`] with [`File::told`], the one place where SQLite's codes are read.

use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::Arc;

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

    /// Why a directory could not be made.
    pub(super) fn no_directory(path: &Path, source: io::Error) -> Self {
        if is_full(&source) {
            return Self::Full;
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

/// What one of an account's files holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileKind {
    /// What the user did, and it is nowhere else.
    Journal,
    /// A copy of what a server has.
    Cache,
    /// The mail of an account without a server, and it is nowhere else.
    Mail,
}

impl FileKind {
    /// Its name in the account's directory.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Journal => "journal.db",
            Self::Cache => "cache.db",
            Self::Mail => "mail.db",
        }
    }
}

/// One of an account's files.
#[derive(Clone, Debug)]
pub(super) struct File {
    pub(super) path: Arc<Path>,
    pub(super) kind: FileKind,
}

/// What a job meets in a file.
#[derive(Debug)]
pub(super) enum Fault {
    /// SQLite fails.
    Sqlite(rusqlite::Error),
    /// The file holds what it should not hold.
    Damage(String),
    /// What is asked for cannot be; the file is as it should be.
    Told(StoreError),
}

impl Fault {
    pub(super) fn damage(detail: impl Into<String>) -> Self {
        Self::Damage(detail.into())
    }

    /// Whether the disk can no longer be believed. A full disk is not a reason: nothing was promised.
    pub(super) fn poisons(&self) -> bool {
        match self {
            Self::Sqlite(error) if leaves_no_room(error) => false,
            Self::Sqlite(error) => {
                tells_damage(error) || error.sqlite_error_code() == Some(ErrorCode::SystemIoFailure)
            }
            Self::Damage(_) | Self::Told(_) => false,
        }
    }
}

impl From<rusqlite::Error> for Fault {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

impl From<StoreError> for Fault {
    fn from(error: StoreError) -> Self {
        Self::Told(error)
    }
}

impl File {
    pub(super) fn of(dir: &Path, kind: FileKind) -> Self {
        Self {
            path: dir.join(kind.name()).into(),
            kind,
        }
    }

    /// What it means that a job met this here.
    pub(super) fn told(&self, fault: Fault) -> StoreError {
        match fault {
            Fault::Told(error) => error,
            Fault::Damage(detail) => self.damaged(detail),
            Fault::Sqlite(error) if leaves_no_room(&error) => StoreError::Full,
            Fault::Sqlite(error) if makes_no_file(&error) && has_no_room(&self.path) => {
                StoreError::Full
            }
            Fault::Sqlite(error) if tells_damage(&error) => self.damaged(error.to_string()),
            Fault::Sqlite(source) => StoreError::Sqlite {
                path: self.path.to_path_buf(),
                source,
            },
        }
    }

    fn damaged(&self, detail: String) -> StoreError {
        StoreError::Damaged {
            path: self.path.to_path_buf(),
            kind: self.kind,
            detail,
        }
    }
}

/// A full disk is told as such, except where the index of the log beside the file cannot be made or grow.
fn leaves_no_room(error: &rusqlite::Error) -> bool {
    let is_index = |error: &ffi::Error| error.extended_code == ffi::SQLITE_IOERR_SHMSIZE;
    error.sqlite_error_code() == Some(ErrorCode::DiskFull)
        || error.sqlite_error().is_some_and(is_index)
}

/// SQLite does not say why it could not make the log or its index.
fn makes_no_file(error: &rusqlite::Error) -> bool {
    let is_index = |error: &ffi::Error| error.extended_code == ffi::SQLITE_IOERR_SHMOPEN;
    error.sqlite_error_code() == Some(ErrorCode::CannotOpen)
        || error.sqlite_error().is_some_and(is_index)
}

/// Whether the disk that a file is on can take no octet or no file more. Some disks count no files.
fn has_no_room(path: &Path) -> bool {
    rustix::fs::statvfs(path)
        .is_ok_and(|disk| disk.f_bavail == 0 || (disk.f_files > 0 && disk.f_favail == 0))
}

fn tells_damage(error: &rusqlite::Error) -> bool {
    matches!(
        error.sqlite_error_code(),
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sqlite(code: i32) -> Fault {
        Fault::Sqlite(rusqlite::Error::SqliteFailure(ffi::Error::new(code), None))
    }

    #[test]
    fn every_failure_is_told_as_what_it_is_and_with_its_file() {
        let file = File::of(Path::new("/tide/work"), FileKind::Cache);
        let check = |fault: Fault, poisons: bool, words: &str| {
            assert_eq!(fault.poisons(), poisons, "{fault:?}");
            assert_eq!(file.told(fault).to_string(), words);
        };
        let full = "no space is left for the local store";
        check(sqlite(ffi::SQLITE_FULL), false, full);
        check(sqlite(ffi::SQLITE_IOERR_SHMSIZE), false, full);
        let io = "could not use /tide/work/cache.db";
        check(sqlite(ffi::SQLITE_IOERR_FSYNC), true, io);
        check(sqlite(ffi::SQLITE_BUSY), false, io);
        check(sqlite(ffi::SQLITE_CANTOPEN), false, io);
        let damaged = "/tide/work/cache.db is damaged: ";
        for code in [
            ffi::SQLITE_CORRUPT,
            ffi::SQLITE_CORRUPT_INDEX,
            ffi::SQLITE_NOTADB,
        ] {
            let fault = sqlite(code);
            assert!(fault.poisons());
            assert!(file.told(fault).to_string().starts_with(damaged), "{code}");
        }
        check(
            Fault::damage("it shrank"),
            false,
            &format!("{damaged}it shrank"),
        );
        let asked = StoreError::NoMailbox.into();
        check(asked, false, "there is no such mailbox");
    }

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
}
