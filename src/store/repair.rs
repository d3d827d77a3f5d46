//! What becomes of files that are damaged, or older than they should be: nothing is thrown away, and nothing is sent in doubt.
//!
//! A damaged journal is set aside, and every entry that still reads as it was written goes into a new one, to wait for a
//! person. A damaged cache is set aside and built anew from the server. A journal that is older than the cache was put back
//! from a copy: what it asks for may have been done since.

use std::ffi::OsString;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use rusqlite::types::Value;
use rusqlite::{Connection, ErrorCode, Row, params_from_iter};

use super::content::{self, Packed};
use super::error::StoreError;
use super::file::{Fault, FileKind, StoreFile};
use super::migrate::{self, Schema};
use super::open::Before;
use super::{base, journal, mailbox, open, stray};
use crate::clock;
use crate::id::MessageId;

/// Opens a file and reads it whole.
///
/// # Errors
/// [`StoreError::Damaged`] if it does not hold together.
pub(super) fn whole(file: &StoreFile, schema: &Schema) -> Result<Connection, StoreError> {
    let connection = shaped(file, schema)?;
    open::check(&connection).map_err(|fault| file.told(fault))?;
    Ok(connection)
}

/// Opens a file whose tables are what they should be.
fn shaped(file: &StoreFile, schema: &Schema) -> Result<Connection, StoreError> {
    if file.path.exists() {
        let put_right = schema.put_right(&file.path);
        put_right.map_err(|fault| file.told(fault))?;
    }
    open::writer(file, schema)
}

/// Opens the journal, or what can be saved of it. What is saved is complete before anything is moved: whenever this is
/// interrupted, the next start does it again, or ends it.
pub(super) fn journal(file: &StoreFile) -> Result<Connection, StoreError> {
    let saved = file.path.with_extension("saved");
    if saved.exists() {
        put_in_place(&saved, file)?;
    }
    let sound = whole(file, &migrate::JOURNAL).and_then(|connection| {
        let read = journal::load(&connection, None).and_then(|_| stray::all(&connection));
        read.map_err(|fault| file.told(fault))?;
        Ok(connection)
    });
    let Some(detail) = sound.as_ref().err().and_then(damage) else {
        return sound;
    };
    let draft = StoreFile {
        path: file.path.with_extension("draft").into(),
        kind: file.kind,
    };
    remove_all(&draft.path)?;
    let mut fresh = open::writer(&draft, &migrate::JOURNAL)?;
    let count = salvage(&file.path, &mut fresh).map_err(|fault| draft.told(fault))?;
    // Closed, it is one file.
    fresh
        .close()
        .map_err(|(_, error)| draft.told(error.into()))?;
    let at = |source| StoreError::io(&draft.path, source);
    std::fs::rename(&draft.path, &saved).map_err(at)?;
    let aside = put_in_place(&saved, file)?;
    tracing::error!(
        file = %aside.display(),
        detail,
        entries = count,
        "the journal is damaged; what could be saved of it waits for \"lowtide journal accept\""
    );
    open::writer(file, &migrate::JOURNAL)
}

/// Sets the damaged journal aside, if that was not done yet, and puts what was saved of it in its place.
fn put_in_place(saved: &Path, file: &StoreFile) -> Result<PathBuf, StoreError> {
    let aside = set_aside(&file.path, Earlier::Kept)?;
    let at = |source| StoreError::io(saved, source);
    std::fs::rename(saved, &file.path).map_err(at)?;
    Ok(aside)
}

/// Removes a database that was never used, with what is beside it.
fn remove_all(path: &Path) -> Result<(), StoreError> {
    for end in ["", "-wal", "-shm"] {
        let file = beside(path, end);
        match std::fs::remove_file(&file) {
            Err(source) if source.kind() != ErrorKind::NotFound => {
                return Err(StoreError::io(&file, source));
            }
            Ok(()) | Err(_) => {}
        }
    }
    Ok(())
}

fn beside(path: &Path, end: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(end);
    PathBuf::from(name)
}

/// Opens the cache, or a new one. It is only read whole where something spoke against it, and after a kill as far as no hash tells
/// what is wrong.
pub(super) fn cache(file: &StoreFile, before: Before) -> Result<Connection, StoreError> {
    let suspicion = suspicion(&file.path);
    let opened = if suspicion.exists() {
        whole(file, &migrate::CACHE).and_then(|cache| {
            forget_damaged_texts(&cache).map_err(|fault| file.told(fault))?;
            Ok(cache)
        })
    } else {
        shaped(file, &migrate::CACHE)
    };
    let opened = opened.and_then(|cache| {
        if before == Before::Killed {
            open::check_table(&cache, "message").map_err(|fault| file.told(fault))?;
        }
        Ok(cache)
    });
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

/// Sets entries aside that should not be carried out unasked.
pub(super) fn hold_back(journal: &Connection, cache: &Connection) -> Result<(), Fault> {
    let (ours, known) = (journal::epoch(journal)?, journal::epoch(cache)?);
    if ours < known {
        let count = journal::distrust(journal)?;
        stray::distrust(journal)?;
        tracing::error!(
            entries = count,
            "the journal is older than the copy of the mail"
        );
        journal::set_epoch(journal, known)?;
        base::doubt_nothing(cache)?;
    }
    journal::set_epoch(cache, ours.max(known))?;
    set_old_aside(journal).map(drop)
}

/// Sets entries aside that are too old to be carried out without a question. Says whether there were any.
pub(super) fn set_old_aside(journal: &Connection) -> Result<bool, Fault> {
    let count = journal::set_old_aside(journal, too_old())?;
    if count > 0 {
        tracing::warn!(
            entries = count,
            "actions are more than 30 days old; they wait for a person"
        );
    }
    Ok(count > 0)
}

/// Whether there are such entries.
pub(super) fn has_old(journal: &Connection) -> Result<bool, Fault> {
    journal::has_old(journal, too_old())
}

fn too_old() -> i64 {
    clock::unix_seconds().saturating_sub(OLD_SECONDS)
}

/// What becomes of a file that was set aside before.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Earlier {
    Kept,
    Replaced,
}

/// Gives a database and its log another name, as far as they are still there. Nobody may have it open.
fn set_aside(path: &Path, earlier: Earlier) -> Result<PathBuf, StoreError> {
    let mut aside = beside(path, ".damaged");
    let mut number = 1_u32;
    while earlier == Earlier::Kept && aside.exists() {
        number = number.saturating_add(1);
        aside = beside(path, &format!(".damaged-{number}"));
    }
    // The database last: as long as it is there, it is known that this is not done.
    for end in ["-wal", "-shm", ""] {
        let from = beside(path, end);
        match std::fs::rename(&from, beside(&aside, end)) {
            Err(source) if source.kind() != ErrorKind::NotFound => {
                return Err(StoreError::io(&from, source));
            }
            Ok(()) | Err(_) => {}
        }
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
    for table in TABLES {
        table.save(&damaged, &transaction)?;
    }
    let next = damaged.query_row("SELECT next FROM id_block", [], |row| row.get::<_, i64>(0));
    let next = next.unwrap_or_default().saturating_add(IDS_LEFT_OUT);
    journal::reserve(&transaction, next)?;
    transaction.commit()?;
    Ok(fresh.query_row("SELECT count(*) FROM entry", [], |row| row.get::<_, u32>(0))? as usize)
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
    /// Saves every row that can be read, and is as it was written: from the beginning up to the damage, and from the end back
    /// to it. One row is in memory at a time.
    fn save(&self, damaged: &Connection, fresh: &Connection) -> Result<(), Fault> {
        if self.key.is_empty() {
            return self.save_in_turn(damaged, fresh);
        }
        let last = self.walk(damaged, fresh, Way::Forth, i64::MIN)?;
        self.walk(damaged, fresh, Way::Back, last)?;
        Ok(())
    }

    /// The rows of a table that has no numbers, up to the damage.
    fn save_in_turn(&self, damaged: &Connection, fresh: &Connection) -> Result<(), Fault> {
        let sql = format!("SELECT {} FROM {}", self.columns, self.name);
        let Ok(mut statement) = damaged.prepare(&sql) else {
            return Ok(());
        };
        let count = statement.column_count();
        let Ok(mut rows) = statement.query([]) else {
            return Ok(());
        };
        while let Ok(Some(row)) = rows.next() {
            let values: rusqlite::Result<Vec<Value>> = (0..count).map(|at| row.get(at)).collect();
            if let Some(values) = values.ok().filter(|_| (self.is_sound)(row)) {
                self.insert(fresh, values)?;
            }
        }
        Ok(())
    }

    /// Goes from row to row, as far as that leads on, and on the way back not beyond `bound`. Gives the last key.
    fn walk(
        &self,
        damaged: &Connection,
        fresh: &Connection,
        way: Way,
        bound: i64,
    ) -> Result<i64, Fault> {
        let Self {
            name, key, columns, ..
        } = self;
        let (beyond, order, from) = match way {
            Way::Forth => (">", "ASC", i64::MIN),
            Way::Back => ("<", "DESC", i64::MAX),
        };
        let sql = format!(
            "SELECT {columns}, {key} FROM {name} WHERE {key} {beyond} ?1 ORDER BY {key} {order} LIMIT 1"
        );
        let mut at = from;
        let Ok(mut statement) = damaged.prepare(&sql) else {
            return Ok(at);
        };
        let count = statement.column_count().saturating_sub(1);
        loop {
            let read = statement.query_row([at], |row| {
                let key: i64 = row.get(count)?;
                let values = (0..count).map(|column| row.get(column)).collect();
                let values: rusqlite::Result<Vec<Value>> = values;
                Ok((key, values.ok().filter(|_| (self.is_sound)(row))))
            });
            let Ok((key, row)) = read else { return Ok(at) };
            let leads_on = match way {
                Way::Forth => key > at,
                Way::Back => key < at && key > bound,
            };
            if !leads_on {
                return Ok(at);
            }
            at = key;
            if let Some(row) = row {
                self.insert(fresh, row)?;
            }
        }
    }

    /// A row that contradicts another is left out.
    fn insert(&self, fresh: &Connection, mut row: Vec<Value>) -> Result<(), Fault> {
        let mut columns = self.columns.to_owned();
        for (column, value) in self.marks {
            columns.push_str(&format!(", {column}"));
            row.push(Value::Integer(*value));
        }
        let places = vec!["?"; row.len()].join(", ");
        let sql = format!("INSERT INTO {} ({columns}) VALUES ({places})", self.name);
        match fresh.execute(&sql, params_from_iter(row)) {
            Err(error) if error.sqlite_error_code() != Some(ErrorCode::ConstraintViolation) => {
                Err(error.into())
            }
            Ok(_) | Err(_) => Ok(()),
        }
    }
}

/// In which direction the rows of a damaged table are read.
#[derive(Clone, Copy)]
enum Way {
    Forth,
    Back,
}

/// Texts and headers that are not what they were are read again.
fn forget_damaged_texts(cache: &Connection) -> Result<(), Fault> {
    let mut ids = cache.prepare("SELECT message_id FROM header")?;
    let ids: Vec<i64> = ids
        .query_map([], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    for id in ids {
        if content::headers(cache, &[MessageId::from_raw(id)]).is_err() {
            cache.execute("UPDATE message SET has_header = 0 WHERE id = ?1", [id])?;
            cache.execute("DELETE FROM header WHERE message_id = ?1", [id])?;
        }
    }
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
        columns: "id, mailbox, message, instant, size, kind, wished, kept, at, seen, there, removes, undone_at, agreed_at",
        marks: &[],
        is_sound: |_| true,
    },
    Salvaged {
        name: "restore_unseen",
        key: "",
        columns: stray::COLUMNS,
        marks: &[],
        is_sound: stray::is_as_written,
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
