//! Brings a database file to the newest shape, one migration and one transaction at a time.

use rusqlite::Connection;

use super::error::StoreError;
use super::file::{Fault, StoreFile};

/// The shape of a file, with everything that was ever done to its shape.
#[derive(Debug)]
pub(super) struct Schema {
    /// Marks the file as ours, and as of this shape.
    pub(super) application_id: i32,
    /// `migrations[n]` leads from version `n` to `n + 1`.
    pub(super) migrations: &'static [&'static str],
}

/// The journal: what cannot be fetched again.
pub(super) const JOURNAL: Schema = Schema {
    application_id: 0x6c74_646a,
    migrations: &[
        include_str!("../../migrations/journal/0001_journal.sql"),
        include_str!("../../migrations/journal/0002_conflict.sql"),
        include_str!("../../migrations/journal/0003_limbo.sql"),
        include_str!("../../migrations/journal/0004_epoch.sql"),
    ],
};

/// The cache: what can.
pub(super) const CACHE: Schema = Schema {
    application_id: 0x6c74_6463,
    migrations: &[
        include_str!("../../migrations/cache/0001_mirror.sql"),
        include_str!("../../migrations/cache/0002_listed.sql"),
        include_str!("../../migrations/cache/0003_server.sql"),
    ],
};

impl Schema {
    /// Migrates a file that may be new.
    pub(super) fn apply(&self, connection: &mut Connection, file: &StoreFile) -> Result<(), Fault> {
        let found: u32 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
        let owner: i32 = connection.pragma_query_value(None, "application_id", |row| row.get(0))?;
        let tables: u32 =
            connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
        let fresh = found == 0 && owner == 0 && tables == 0;
        if owner != self.application_id && !fresh {
            return Err(StoreError::Foreign {
                path: file.path.to_path_buf(),
                kind: file.kind,
            }
            .into());
        }
        let known = u32::try_from(self.migrations.len()).unwrap_or(u32::MAX);
        if found > known {
            return Err(StoreError::Newer {
                path: file.path.to_path_buf(),
                found,
                known,
            }
            .into());
        }
        for (version, migration) in (1_u32..).zip(self.migrations).skip(found as usize) {
            let transaction = connection.transaction()?;
            transaction.execute_batch(migration)?;
            transaction.pragma_update(None, "application_id", self.application_id)?;
            transaction.pragma_update(None, "user_version", version)?;
            transaction.commit()?;
        }
        Ok(())
    }
}
