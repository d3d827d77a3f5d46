//! What becomes of files that are damaged, or older than they should be: nothing is thrown away, and nothing is sent in doubt.
//!
//! A damaged journal is set aside, and every entry that still reads as it was written goes into a new one, to wait for a
//! person. A damaged cache is set aside and built anew from the server. A journal that is older than the cache was put back
//! from a copy: what it asks for may have been done since.

use std::ffi::OsString;
use std::io::Write;
use std::path::{Path, PathBuf};

use rusqlite::types::Value;
use rusqlite::{Connection, ErrorCode, Row, params_from_iter};

use super::content::Packed;
use super::error::StoreError;
use super::file::{Fault, FileKind, StoreFile};
use super::migrate::{self, Schema};
use super::{journal, mailbox, open};
use crate::clock;

/// Opens a file and reads it whole.
///
/// # Errors
/// [`StoreError::Damaged`] if it does not hold together.
pub(super) fn whole(file: &StoreFile, schema: &Schema) -> Result<Connection, StoreError> {
    let connection = open::writer(file, schema)?;
    open::check(&connection).map_err(|fault| file.told(fault))?;
    Ok(connection)
}

/// Opens the journal, or what can be saved of it.
pub(super) fn journal(file: &StoreFile) -> Result<Connection, StoreError> {
    let sound = whole(file, &migrate::JOURNAL).and_then(|connection| {
        let entries = journal::load(&connection, None);
        entries.map_err(|fault| file.told(fault))?;
        Ok(connection)
    });
    let Some(detail) = sound.as_ref().err().and_then(damage) else {
        return sound;
    };
    let aside = set_aside(&file.path, Earlier::Kept)?;
    let mut fresh = open::writer(file, &migrate::JOURNAL)?;
    let saved = salvage(&aside, &mut fresh).map_err(|fault| file.told(fault))?;
    tracing::error!(
        file = %aside.display(),
        detail,
        entries = saved,
        "the journal is damaged; what could be saved of it waits for \"lowtide journal accept\""
    );
    Ok(fresh)
}

/// Opens the cache, or a new one. It is only read whole where something spoke against it.
pub(super) fn cache(file: &StoreFile) -> Result<Connection, StoreError> {
    let suspicion = suspicion(&file.path);
    let opened = if suspicion.exists() {
        whole(file, &migrate::CACHE).and_then(|cache| {
            forget_damaged_texts(&cache).map_err(|fault| file.told(fault))?;
            Ok(cache)
        })
    } else {
        open::writer(file, &migrate::CACHE)
    };
    // What is read first, and soon shows whether there is more than a first page.
    let opened = opened.and_then(|cache| {
        let read = journal::epoch(&cache).and_then(|_| mailbox::all(&cache));
        read.map_err(|fault| file.told(fault))?;
        Ok(cache)
    });
    let opened = match opened.as_ref().err().and_then(damage) {
        Some(detail) => {
            let aside = set_aside(&file.path, Earlier::Replaced)?;
            tracing::error!(
                file = %aside.display(),
                detail,
                "the copy of the mail is damaged, and is fetched again; nothing you did is lost"
            );
            open::writer(file, &migrate::CACHE)?
        }
        None => opened?,
    };
    drop(std::fs::remove_file(suspicion));
    Ok(opened)
}

/// What is wrong inside a file, if that is what keeps it from being opened. A table that is not what it was is as bad as a
/// page that is not.
fn damage(error: &StoreError) -> Option<String> {
    match error {
        StoreError::Damaged { detail, .. } => Some(detail.clone()),
        StoreError::Sqlite { source, .. } => match source.sqlite_error_code() {
            None | Some(ErrorCode::Unknown) => Some(source.to_string()),
            Some(_) => None,
        },
        _ => None,
    }
}

/// Notes that a cache is damaged, for whoever opens it next.
pub(super) fn suspect(file: &StoreFile, detail: &str) {
    if file.kind == FileKind::Cache {
        let note = open::private_file()
            .write(true)
            .create(true)
            .open(suspicion(&file.path));
        // Without the note the damage is found again where it was found now.
        drop(note.and_then(|mut note| note.write_all(detail.as_bytes())));
    }
}

/// Sets entries aside that should not be carried out unasked. Gives how often the journal let go of entries.
pub(super) fn hold_back(journal: &Connection, cache: &Connection) -> Result<i64, Fault> {
    let (ours, known) = (journal::epoch(journal)?, journal::epoch(cache)?);
    if ours < known {
        let count = journal::distrust(journal)?;
        tracing::error!(
            entries = count,
            "the journal is older than the copy of the mail"
        );
        journal::set_epoch(journal, known)?;
    }
    let before = clock::unix_seconds().saturating_sub(OLD_SECONDS);
    let count = journal::set_old_aside(journal, before)?;
    if count > 0 {
        tracing::warn!(
            entries = count,
            "actions are more than 30 days old; they wait for a person"
        );
    }
    Ok(ours.max(known))
}

/// What becomes of a file that was set aside before.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Earlier {
    Kept,
    Replaced,
}

/// Gives a database and its log another name. Nobody may have it open.
fn set_aside(path: &Path, earlier: Earlier) -> Result<PathBuf, StoreError> {
    let named = |suffix: &str| {
        let mut name = OsString::from(path);
        name.push(suffix);
        PathBuf::from(name)
    };
    let mut aside = named(".damaged");
    let mut number = 1_u32;
    while earlier == Earlier::Kept && aside.exists() {
        number = number.saturating_add(1);
        aside = named(&format!(".damaged-{number}"));
    }
    let moved = std::fs::rename(path, &aside);
    moved.map_err(|source| StoreError::io(path, source))?;
    for log in ["-wal", "-shm"] {
        let mut to = aside.clone().into_os_string();
        to.push(log);
        drop(std::fs::rename(named(log), to));
    }
    Ok(aside)
}

fn suspicion(cache: &Path) -> PathBuf {
    cache.with_extension("suspect")
}

/// Saves what a damaged journal still holds. Says how many entries that were.
fn salvage(damaged: &Path, fresh: &mut Connection) -> Result<usize, Fault> {
    let Ok(damaged) = open::reader(damaged) else {
        return Ok(0);
    };
    let transaction = fresh.transaction()?;
    let mut entry_count: usize = 0;
    for table in TABLES {
        for row in table.rows(&damaged) {
            if table.insert(&transaction, row).is_ok() && table.name == "entry" {
                entry_count = entry_count.saturating_add(1);
            }
        }
    }
    let next = damaged.query_row("SELECT next FROM id_block", [], |row| row.get::<_, i64>(0));
    let next = next.unwrap_or_default().saturating_add(IDS_LEFT_OUT);
    journal::reserve(&transaction, next)?;
    transaction.commit()?;
    Ok(entry_count)
}

/// A table of the journal, as far as it is worth saving.
struct Salvaged {
    name: &'static str,
    key: &'static str,
    columns: &'static str,
    /// What a row gets besides.
    marks: &'static [(&'static str, i64)],
    /// Whether a row, as its columns stand here, is as it was written.
    is_sound: fn(&Row<'_>) -> bool,
}

impl Salvaged {
    /// Every row that can be read, and is as it was written: from the beginning up to the damage, and from the end back to it.
    fn rows(&self, damaged: &Connection) -> Vec<Vec<Value>> {
        if self.key.is_empty() {
            return self.read_on(damaged).unwrap_or_default();
        }
        let mut forth = self.walk(damaged, "> ?1 ORDER BY", i64::MIN);
        let last = forth.last().map_or(i64::MIN, |(key, _)| *key);
        let mut back = self.walk(damaged, "< ?1 ORDER BY", i64::MAX);
        back.retain(|(key, _)| *key > last);
        back.reverse();
        forth.append(&mut back);
        forth.into_iter().filter_map(|(_, row)| row).collect()
    }

    /// The rows of a table that has no numbers, up to the damage.
    fn read_on(&self, damaged: &Connection) -> rusqlite::Result<Vec<Vec<Value>>> {
        let sql = format!("SELECT {} FROM {}", self.columns, self.name);
        let mut statement = damaged.prepare(&sql)?;
        let count = statement.column_count();
        let rows =
            statement.query_map([], |row| (0..count).map(|column| row.get(column)).collect())?;
        Ok(rows.map_while(Result::ok).collect())
    }

    fn walk(&self, damaged: &Connection, way: &str, from: i64) -> Vec<(i64, Option<Vec<Value>>)> {
        let Self {
            name, key, columns, ..
        } = self;
        let direction = if from == i64::MIN { "ASC" } else { "DESC" };
        let sql = format!(
            "SELECT {columns}, {key} FROM {name} WHERE {key} {way} {key} {direction} LIMIT 1"
        );
        let mut found = Vec::new();
        let mut at = from;
        let Ok(mut statement) = damaged.prepare(&sql) else {
            return found;
        };
        let count = statement.column_count().saturating_sub(1);
        loop {
            let read = statement.query_row([at], |row| {
                let key: i64 = row.get(count)?;
                let values = (0..count).map(|column| row.get(column)).collect();
                let values: rusqlite::Result<Vec<Value>> = values;
                Ok((key, values.ok().filter(|_| (self.is_sound)(row))))
            });
            let Ok((key, row)) = read else { return found };
            at = key;
            found.push((key, row));
        }
    }

    fn insert(&self, fresh: &Connection, mut row: Vec<Value>) -> rusqlite::Result<usize> {
        let mut columns = self.columns.to_owned();
        for (column, value) in self.marks {
            columns.push_str(&format!(", {column}"));
            row.push(Value::Integer(*value));
        }
        let places = vec!["?"; row.len()].join(", ");
        let sql = format!("INSERT INTO {} ({columns}) VALUES ({places})", self.name);
        fresh.execute(&sql, params_from_iter(row))
    }
}

/// Texts that are not what they were are read again.
fn forget_damaged_texts(cache: &Connection) -> Result<(), Fault> {
    let mut ids = cache.prepare("SELECT id FROM blob")?;
    let ids: Vec<i64> = ids
        .query_map([], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    for id in ids {
        let sql = "SELECT size, coding, bytes, hash FROM blob WHERE id = ?1";
        let is_sound = cache.query_row(sql, [id], |row| Ok(has_its_hash(row)))?;
        if !is_sound {
            cache.execute("UPDATE message SET blob_id = NULL WHERE blob_id = ?1", [id])?;
            cache.execute("DELETE FROM blob WHERE id = ?1", [id])?;
        }
    }
    Ok(())
}

/// Whether the octets of a row that begins with size, coding, bytes and hash are what they were.
fn has_its_hash(row: &Row<'_>) -> bool {
    let read = || Ok::<_, rusqlite::Error>((Packed::from_row(row)?, row.get::<_, [u8; 32]>(3)?));
    read().is_ok_and(|(packed, hash)| packed.checked(&hash).is_ok())
}

/// In the order in which they can be filled: an appended message belongs to its entry.
const TABLES: [Salvaged; 6] = [
    Salvaged {
        name: "entry",
        key: "id",
        columns: journal::COLUMNS,
        marks: &[("state", 2), ("park", 8)],
        is_sound: journal::is_as_written,
    },
    Salvaged {
        name: "pinned",
        key: "entry",
        columns: "size, coding, bytes, hash, entry",
        marks: &[],
        is_sound: has_its_hash,
    },
    Salvaged {
        name: "limbo",
        key: "id",
        columns: "size, coding, bytes, hash, id, mailbox, message, instant, zone, flags, by_user, removed_at, restored_at, header",
        marks: &[],
        is_sound: has_its_hash,
    },
    Salvaged {
        name: "conflict",
        key: "id",
        columns: "id, mailbox, message, instant, size, kind, wished, kept, at, seen, there, removes, undone_at",
        marks: &[],
        is_sound: |_| true,
    },
    Salvaged {
        name: "restore_unseen",
        key: "",
        columns: "mailbox, message, instant, size, header_hash, uid",
        marks: &[],
        is_sound: |_| true,
    },
    Salvaged {
        name: "hold",
        key: "",
        columns: "mailbox, reason, since",
        marks: &[],
        is_sound: |_| true,
    },
];
/// From which age on an action is only carried out after a question.
const OLD_SECONDS: i64 = 30 * 24 * 60 * 60;
/// Ids that may have been given after the last that a damaged journal knows of.
const IDS_LEFT_OUT: i64 = 1_000_000;
