//! An account's files, and what a job that works in one of them meets.
//!
//! A job does not know its file's path. What it meets there is a [`Fault`]; whoever lent it the file turns that into a
//! [`StoreError`] with [`StoreFile::told`], the one place where SQLite's codes are read.

use std::path::Path;
use std::sync::Arc;

use rusqlite::{ErrorCode, ffi};

use super::error::StoreError;
use super::repair;

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
pub(super) struct StoreFile {
    pub(super) path: Arc<Path>,
    pub(super) kind: FileKind,
}

impl StoreFile {
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
        repair::suspect(self, &detail);
        StoreError::Damaged {
            path: self.path.to_path_buf(),
            kind: self.kind,
            detail,
        }
    }
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

/// A full disk is told as such, except where the index of the log beside the file cannot grow.
fn leaves_no_room(error: &rusqlite::Error) -> bool {
    error.sqlite_error_code() == Some(ErrorCode::DiskFull)
        || has_extended_code(error, ffi::SQLITE_IOERR_SHMSIZE)
}

/// SQLite does not say why it could not make the log or its index.
fn makes_no_file(error: &rusqlite::Error) -> bool {
    error.sqlite_error_code() == Some(ErrorCode::CannotOpen)
        || has_extended_code(error, ffi::SQLITE_IOERR_SHMOPEN)
}

fn has_extended_code(error: &rusqlite::Error, code: i32) -> bool {
    error
        .sqlite_error()
        .is_some_and(|error| error.extended_code == code)
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
        let file = StoreFile::of(Path::new("/tide/ada"), FileKind::Cache);
        let check = |fault: Fault, poisons: bool, words: &str| {
            assert_eq!(fault.poisons(), poisons, "{fault:?}");
            assert_eq!(file.told(fault).to_string(), words);
        };
        let full = "no space is left for the local store";
        check(sqlite(ffi::SQLITE_FULL), false, full);
        check(sqlite(ffi::SQLITE_IOERR_SHMSIZE), false, full);
        let io = "could not use /tide/ada/cache.db";
        check(sqlite(ffi::SQLITE_IOERR_FSYNC), true, io);
        check(sqlite(ffi::SQLITE_BUSY), false, io);
        check(sqlite(ffi::SQLITE_CANTOPEN), false, io);
        let damaged = "/tide/ada/cache.db is damaged: ";
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
}
