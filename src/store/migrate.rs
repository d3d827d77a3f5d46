//! Brings a database file to the newest shape, one migration and one transaction at a time.

use std::io::ErrorKind;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::OnceLock;

use rusqlite::{Connection, params};

use super::error::StoreError;
use super::file::{Fault, FileKind, StoreFile};
use super::open;

/// The shape of a file, with everything that was ever done to its shape.
#[derive(Debug)]
pub(super) struct Schema {
    /// Marks the file as ours, and as of this shape.
    pub(super) application_id: i32,
    /// `migrations[n]` leads from version `n` to `n + 1`.
    pub(super) migrations: &'static [&'static str],
    /// What a file of the newest shape declares, as soon as somebody asked.
    declared: OnceLock<Vec<Declared>>,
}

/// The journal: what cannot be fetched again.
pub(super) static JOURNAL: Schema = Schema {
    application_id: 0x6c74_646a,
    migrations: &[
        include_str!("../../migrations/journal/0001_journal.sql"),
        include_str!("../../migrations/journal/0002_conflict.sql"),
        include_str!("../../migrations/journal/0003_limbo.sql"),
        include_str!("../../migrations/journal/0004_epoch.sql"),
        include_str!("../../migrations/journal/0005_stray.sql"),
        include_str!("../../migrations/journal/0006_agreed.sql"),
    ],
    declared: OnceLock::new(),
};

/// The cache: what can.
pub(super) static CACHE: Schema = Schema {
    application_id: 0x6c74_6463,
    migrations: &[
        include_str!("../../migrations/cache/0001_mirror.sql"),
        include_str!("../../migrations/cache/0002_listed.sql"),
        include_str!("../../migrations/cache/0003_server.sql"),
        include_str!("../../migrations/cache/0004_past.sql"),
        include_str!("../../migrations/cache/0005_acted.sql"),
        include_str!("../../migrations/cache/0006_lost.sql"),
    ],
    declared: OnceLock::new(),
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
        if !fresh && found < known && file.kind != FileKind::Cache {
            keep_copy(connection, file, found)?;
        }
        self.migrate(connection, found)
    }

    fn migrate(&self, connection: &mut Connection, found: u32) -> Result<(), Fault> {
        for (version, migration) in (1_u32..).zip(self.migrations).skip(found as usize) {
            let transaction = connection.transaction()?;
            transaction.execute_batch(migration)?;
            transaction.pragma_update(None, "application_id", self.application_id)?;
            transaction.pragma_update(None, "user_version", version)?;
            transaction.commit()?;
        }
        Ok(())
    }

    /// Compares what a file of the newest shape says of its tables with what they are. If one of them is said to be another,
    /// that is put right: then everything in it can be read.
    pub(super) fn put_right(&self, path: &Path) -> Result<(), Fault> {
        let connection = Connection::open_with_flags(path, open::FLAGS)?;
        connection.pragma_update(None, "writable_schema", true)?;
        let found: u32 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
        let owner: i32 = connection.pragma_query_value(None, "application_id", |row| row.get(0))?;
        if owner != self.application_id || found as usize != self.migrations.len() {
            return Ok(());
        }
        let (said, known) = (declared(&connection)?, self.declared()?);
        let other = |one: &Declared, all: &[Declared]| all.iter().all(|of| of.says != one.says);
        let wrong = said.iter().filter(|one| other(one, known));
        let right = known.iter().filter(|one| other(one, &said));
        match (&*wrong.collect::<Vec<_>>(), &*right.collect::<Vec<_>>()) {
            ([], []) => Ok(()),
            ([wrong], [right]) => {
                let [kind, name, table, sql] = &right.words;
                let sentence = "UPDATE sqlite_schema SET type = CAST(?2 AS TEXT), name = CAST(?3 AS TEXT), tbl_name = CAST(?4 AS TEXT), sql = CAST(?5 AS TEXT) WHERE rowid = ?1";
                connection.execute(sentence, params![wrong.id, kind, name, table, sql])?;
                Ok(())
            }
            _ => Err(Fault::damage(
                "its tables are not what they were".to_owned(),
            )),
        }
    }

    fn declared(&self) -> Result<&[Declared], Fault> {
        if let Some(known) = self.declared.get() {
            return Ok(known);
        }
        let mut model = Connection::open_in_memory()?;
        self.migrate(&mut model, 0)?;
        let known = declared(&model)?;
        Ok(self.declared.get_or_init(|| known))
    }
}

/// Copies a file, beside it, before its shape is changed: what it holds is nowhere else. The copy is whole or not there, and takes the
/// place of an earlier one.
fn keep_copy(connection: &Connection, file: &StoreFile, version: u32) -> Result<(), Fault> {
    let copy = file.path.with_extension(format!("db.version-{version}"));
    let part = file.path.with_extension("db.part");
    let at = |source| Fault::Told(StoreError::io(&part, source));
    match std::fs::remove_file(&part) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(at(error)),
        Ok(()) | Err(_) => {}
    }
    open::create_private(&part).map_err(Fault::Told)?;
    connection.execute(
        "VACUUM INTO CAST(?1 AS TEXT)",
        [part.as_os_str().as_bytes()],
    )?;
    open::check(&open::reader(&part)?)?;
    let sync = |path: &Path| std::fs::File::open(path)?.sync_all();
    let moved = sync(&part)
        .and_then(|()| std::fs::rename(&part, &copy))
        .and_then(|()| copy.parent().map_or(Ok(()), sync));
    moved.map_err(at)?;
    tracing::info!(copy = %copy.display(), "a file gets another shape; this is how it was");
    Ok(())
}

/// A table or an index, as a file declares it.
#[derive(Debug)]
struct Declared {
    id: i64,
    /// Type, name, table and statement; not text where they are damaged.
    words: [Option<Vec<u8>>; 4],
    /// What is declared by them, without comments and in whatever lines: those can change from version to version.
    says: [Vec<u8>; 4],
}

fn says(text: &Option<Vec<u8>>) -> Vec<u8> {
    let text = String::from_utf8_lossy(text.as_deref().unwrap_or_default());
    let lines = text.lines().map(|line| line.split("--").next());
    let words = lines.flatten().flat_map(str::split_whitespace);
    words.collect::<Vec<_>>().join(" ").into_bytes()
}

fn declared(connection: &Connection) -> Result<Vec<Declared>, Fault> {
    let sql = "SELECT rowid, CAST(type AS BLOB), CAST(name AS BLOB), CAST(tbl_name AS BLOB), CAST(sql AS BLOB) FROM sqlite_schema";
    let mut statement = connection.prepare(sql)?;
    let rows = statement.query_map([], |row| {
        let words = [row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?];
        let says = words.each_ref().map(says);
        let id = row.get(0)?;
        Ok(Declared { id, words, says })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}
