//! Opening an account's files: who may, with which settings, and whether they hold.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{ErrorKind, Read, Seek, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::Path;
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, OpenFlags};
use rustix::fs::{FlockOperation, flock};

use super::error::StoreError;
use super::file::{Fault, StoreFile};
use super::migrate::Schema;

/// Refuses a library with known faults in its write-ahead log.
pub(super) fn require_library() -> Result<(), StoreError> {
    if rusqlite::version_number() < OLDEST_SQLITE {
        return Err(StoreError::Unsafe {
            setting: "a write-ahead log without known faults",
            found: rusqlite::version().to_owned(),
        });
    }
    Ok(())
}

/// Holds an account's directory for this process; released when dropped, however the process ends. Its file names the holder,
/// and afterwards a holder that did not come to its end.
#[derive(Debug)]
pub(super) struct Lock(File);

/// How the process ended that had the directory before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Before {
    /// It let go of the files, or there was none.
    Closed,
    /// It was killed, or the machine was.
    Killed,
}

impl Lock {
    /// Takes the lock, or names the process that has it.
    pub(super) fn take(dir: &Path) -> Result<(Self, Before), StoreError> {
        let path = dir.join("lock");
        let at = |source| StoreError::io(&path, source);
        let mut file = private_file()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(at)?;
        let is_taken = flock(&file, FlockOperation::NonBlockingLockExclusive).is_err();
        let mut holder = String::new();
        file.read_to_string(&mut holder).map_err(at)?;
        if is_taken {
            return Err(StoreError::Locked {
                holder: holder.trim().parse().ok(),
                path,
            });
        }
        let before = if holder.is_empty() {
            Before::Closed
        } else {
            Before::Killed
        };
        file.set_len(0).map_err(at)?;
        file.rewind().map_err(at)?;
        writeln!(file, "{}", std::process::id()).map_err(at)?;
        Ok((Self(file), before))
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // If it fails, the files are checked once more than they need to be.
        drop(self.0.set_len(0));
    }
}

/// Makes the account's directory, or checks that it is ours alone.
pub(super) fn private_dir(dir: &Path) -> Result<(), StoreError> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(dir)
        .map_err(|source| StoreError::no_directory(dir, source))?;
    let metadata = std::fs::symlink_metadata(dir).map_err(|source| StoreError::io(dir, source))?;
    let exposed = |problem| {
        Err(StoreError::Exposed {
            path: dir.to_owned(),
            problem,
        })
    };
    if !metadata.is_dir() {
        return exposed("is not a directory");
    }
    if metadata.uid() != rustix::process::geteuid().as_raw() {
        return exposed("belongs to another user");
    }
    if metadata.mode() & 0o077 != 0 {
        return exposed("can be reached by other users; give it mode 0700");
    }
    let disk = rustix::fs::statfs(dir).map_err(|error| StoreError::io(dir, error.into()))?;
    if is_remote(disk.f_type) {
        return exposed("is on a network file system, where locks and logs do not keep it whole");
    }
    Ok(())
}

/// Whether file systems of a kind, as `statfs` names it, are those of other machines.
fn is_remote(kind: rustix::fs::FsWord) -> bool {
    // The numbers have 32 bits, and the word has as many as the machine's.
    let low = kind.to_le_bytes().first_chunk().copied();
    low.is_some_and(|low| REMOTE.contains(&u32::from_le_bytes(low)))
}

/// NFS, SMB of three kinds, AFS of two, Coda, NCP, Ceph, Lustre, GFS2, OCFS2.
const REMOTE: [u32; 12] = [
    0x6969,
    0x517b,
    0xff53_4d42,
    0xfe53_4d42,
    0x5346_414f,
    0x6b41_4653,
    0x7375_7245,
    0x564c,
    0x00c3_6400,
    0x0bd0_0bd0,
    0x0116_1970,
    0x7461_636f,
];

/// Opens one database for writing, migrated and with every setting read back.
pub(super) fn writer(file: &StoreFile, schema: &Schema) -> Result<Connection, StoreError> {
    create_private(&file.path)?;
    try_writer(file, schema).map_err(|fault| file.told(fault))
}

fn try_writer(file: &StoreFile, schema: &Schema) -> Result<Connection, Fault> {
    let mut connection = Connection::open_with_flags(&file.path, FLAGS)?;
    connection.busy_timeout(Duration::from_secs(5))?;
    let tables = "SELECT count(*) FROM sqlite_schema";
    let table_count: u32 = connection.query_row(tables, [], |row| row.get(0))?;
    if table_count == 0 {
        connection.pragma_update(None, "page_size", PAGE_SIZE_BYTES)?;
    }
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "wal_autocheckpoint", WAL_PAGES)?;
    connection.pragma_update(None, "journal_size_limit", 4 << 20)?;
    harden(&connection)?;
    require(&connection, "journal_mode", "wal")?;
    require(&connection, "synchronous", "2")?;
    require(&connection, "foreign_keys", "1")?;
    require(&connection, "cell_size_check", "1")?;
    require(&connection, "mmap_size", "0")?;
    schema.apply(&mut connection, file)?;
    Ok(connection)
}

/// Opens one database for reading only.
pub(super) fn reader(path: &Path) -> Result<Connection, Fault> {
    let connection = Connection::open_with_flags(path, FLAGS)?;
    connection.busy_timeout(Duration::from_secs(5))?;
    harden(&connection)?;
    connection.pragma_update(None, "query_only", true)?;
    Ok(connection)
}

/// Reads a whole file and checks that it holds together, indexes and all.
pub(super) fn check(connection: &Connection) -> Result<(), Fault> {
    let verdict = connection.pragma_query_value(None, "integrity_check", |row| row.get(0))?;
    require_ok(verdict)
}

/// Reads one table and checks that it holds together.
pub(super) fn check_table(connection: &Connection, table: &str) -> Result<(), Fault> {
    let mut verdict = String::new();
    connection.pragma(None, "quick_check", table, |row| {
        verdict = row.get(0)?;
        Ok(())
    })?;
    require_ok(verdict)
}

fn require_ok(verdict: String) -> Result<(), Fault> {
    if verdict == "ok" {
        Ok(())
    } else {
        Err(Fault::damage(verdict))
    }
}

fn harden(connection: &Connection) -> Result<(), Fault> {
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false)?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.pragma_update(None, "cell_size_check", true)?;
    connection.pragma_update(None, "mmap_size", 0)?;
    connection.pragma_update(None, "cache_size", -CACHE_KIB)?;
    connection.set_prepared_statement_cache_capacity(64);
    Ok(())
}

/// Reads a setting back. A library that lacks the feature behind it shows nothing, which is as good as 0.
fn require(connection: &Connection, setting: &'static str, wanted: &str) -> Result<(), Fault> {
    let mut found = "0".to_owned();
    connection.pragma_query(None, setting, |row| {
        found = match row.get_ref(0)? {
            ValueRef::Integer(number) => number.to_string(),
            ValueRef::Text(text) => String::from_utf8_lossy(text).into_owned(),
            ValueRef::Null | ValueRef::Real(_) | ValueRef::Blob(_) => String::new(),
        };
        Ok(())
    })?;
    if found == wanted {
        Ok(())
    } else {
        Err(StoreError::Unsafe { setting, found }.into())
    }
}

/// SQLite would create the file readable by others; its WAL inherits the mode.
pub(super) fn create_private(path: &Path) -> Result<(), StoreError> {
    match private_file().write(true).create_new(true).open(path) {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
        Err(source) => Err(StoreError::io(path, source)),
    }
}

pub(super) fn private_file() -> OpenOptions {
    let mut options = OpenOptions::new();
    options
        .mode(0o600)
        .custom_flags(rustix::fs::OFlags::NOFOLLOW.bits().cast_signed());
    options
}

/// A link in the place of a file is refused.
pub(super) const FLAGS: OpenFlags = OpenFlags::SQLITE_OPEN_READ_WRITE
    .union(OpenFlags::SQLITE_OPEN_NO_MUTEX)
    .union(OpenFlags::SQLITE_OPEN_NOFOLLOW);
/// 3.51.3 mended a fault by which a reset of the write-ahead log could lose a commit.
const OLDEST_SQLITE: i32 = 3_051_003;
/// Large pages suit rows that hold whole messages.
const PAGE_SIZE_BYTES: u32 = 16 * 1024;
/// Checkpoint once the WAL holds about 4 MiB.
const WAL_PAGES: u32 = 256;
/// Page cache of one connection.
const CACHE_KIB: i32 = 4 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_of_other_machines_are_not_taken_for_ours() {
        // NFS and SMB; ext4, XFS, Btrfs, tmpfs, overlay and FUSE.
        for (kind, expected) in [
            (0x6969, true),
            (0xff53_4d42, true),
            (0xef53, false),
            (0x5846_5342, false),
            (0x9123_683e, false),
            (0x0102_1994, false),
            (0x794c_7630, false),
            (0x6573_5546, false),
        ] {
            assert_eq!(is_remote(kind), expected, "{kind:x}");
        }
    }
}
