//! Notes of flags that we may have changed unasked. They lie beside the journal: what puts such a flag right is sent
//! whatever becomes of the cache.

use rusqlite::{Connection, Row, ToSql, Transaction, params};

use super::error::StoreError;
use super::file::Fault;
use super::{Store, journal};
use crate::id::{EntryId, MailboxId, MessageId};
use crate::journal::{HeaderHash, Mark};
use crate::protocol::types::{FlagDelta, FlagSet, Keywords, MailboxName};

/// A message whose flags we may have changed unasked: our own reading may have marked it `\Seen`, or a change may have fallen
/// on it that was meant for another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StrayNote {
    /// The message, as far as the cache of then is still there.
    pub message: MessageId,
    /// How to find it otherwise.
    pub mark: Mark,
    /// What puts it right. It does not speak of keywords: which bits they have is the cache's business.
    pub back: FlagDelta,
}

impl Store {
    /// Notes what may have to be put right on messages, beside what is noted already: before a read that may mark them
    /// `\Seen`, nothing may be read before this returns.
    ///
    /// # Errors
    /// [`StoreError`]: then nothing may be read.
    pub async fn note_strays(
        &self,
        mailbox: MailboxId,
        strays: Vec<(MessageId, FlagDelta)>,
    ) -> Result<(), StoreError> {
        self.hold(mailbox).await?;
        let (name, notes) = self.inner.with(mailbox, |held| {
            let note = |(message, back): &(MessageId, FlagDelta)| {
                let known = held.base.find(*message)?;
                Some(StrayNote {
                    message: known.id,
                    mark: known.mark,
                    back: *back,
                })
            };
            let named = strays.iter().filter(|(_, back)| !back.is_empty());
            let notes: Vec<StrayNote> = named.filter_map(note).collect();
            (held.name.clone(), notes)
        })?;
        self.change_notes(name, move |journal, name| {
            notes
                .into_iter()
                .try_for_each(|note| add(journal, name, note))
        })
        .await
    }

    /// What may have to be put right on messages.
    ///
    /// # Errors
    /// What is wrong with the files.
    pub async fn stray_notes(&self, mailbox: MailboxId) -> Result<Vec<StrayNote>, StoreError> {
        let name = self.inner.name(mailbox)?;
        let load = move |journal: &Connection| {
            let notes = select(journal, "WHERE mailbox = ?1", params![name.as_bytes()])?;
            let notes = notes.into_iter().map(|(_, note)| note);
            Ok(notes.filter(|note| !note.back.is_empty()).collect())
        };
        self.inner.journal_readers.run(load).await
    }

    /// Messages were read that stood in the place of others, and have these headers: what is noted of that reading holds for them
    /// as well. They have no ids yet: it is theirs once they are recognised.
    ///
    /// # Errors
    /// [`StoreError`]: the notes are as they were.
    pub async fn correct_strays(
        &self,
        mailbox: MailboxId,
        headers: Vec<(MessageId, HeaderHash)>,
    ) -> Result<(), StoreError> {
        let name = self.inner.name(mailbox)?;
        self.change_notes(name, move |journal, name| {
            for (message, header) in headers {
                let Some(note) = find(journal, name, message)? else {
                    continue;
                };
                let mark = Mark {
                    header: Some(header),
                    uid: None,
                    ..note.mark
                };
                let other = StrayNote {
                    message: in_place_of(message),
                    mark,
                    back: unread(note.back),
                };
                add(journal, name, other)?;
            }
            Ok(())
        })
        .await
    }

    /// Takes notes over to the messages that they can stand on: all of one message to the only one; `\Seen`, which is taken off, to
    /// each of several. Of none of them it is forgotten.
    ///
    /// # Errors
    /// [`StoreError`]: the notes are as they were.
    pub async fn move_strays(
        &self,
        mailbox: MailboxId,
        moves: Vec<(MessageId, Vec<MessageId>)>,
    ) -> Result<(), StoreError> {
        self.hold(mailbox).await?;
        let (name, moves) = self.inner.with(mailbox, |held| {
            let marked = |message: &MessageId| Some((*message, held.base.find(*message)?.mark));
            let moves = moves.into_iter().map(|(message, places)| {
                let places = places.iter().filter_map(marked);
                (message, places.collect::<Vec<_>>())
            });
            (held.name.clone(), moves.collect::<Vec<_>>())
        })?;
        self.change_notes(name, move |journal, name| {
            for (message, places) in moves {
                let Some(note) = find(journal, name, message)? else {
                    continue;
                };
                let back = if places.len() == 1 {
                    note.back
                } else {
                    unread(note.back)
                };
                for (message, mark) in places {
                    let here = StrayNote {
                        message,
                        mark,
                        back,
                    };
                    add(journal, name, here)?;
                }
                forget(journal, name, message, |back| back)?;
            }
            Ok(())
        })
        .await
    }

    /// Forgets what was put right, or stands on messages that are gone.
    ///
    /// # Errors
    /// [`StoreError`]: the notes are still there.
    pub async fn drop_strays(
        &self,
        mailbox: MailboxId,
        strays: Vec<(MessageId, FlagDelta)>,
    ) -> Result<(), StoreError> {
        let name = self.inner.name(mailbox)?;
        self.change_notes(name, move |journal, name| {
            let mut strays = strays.into_iter();
            strays.try_for_each(|(message, done)| forget(journal, name, message, |_| done))
        })
        .await
    }

    /// Changes the notes of one mailbox, all or nothing.
    async fn change_notes(
        &self,
        mailbox: MailboxName,
        change: impl FnOnce(&Connection, &[u8]) -> Result<(), Fault> + Send + 'static,
    ) -> Result<(), StoreError> {
        let change = move |journal: &mut Connection| {
            let transaction = journal.transaction()?;
            change(&transaction, mailbox.as_bytes())?;
            Ok(transaction.commit()?)
        };
        self.inner.journal.run(change).await
    }
}

/// The id of nobody, under which a message is noted that was read in the place of another.
pub(crate) fn in_place_of(message: MessageId) -> MessageId {
    MessageId::from_raw(message.raw().saturating_neg())
}

/// The user's own actions are done with these flags of these messages: what was noted of them before counts no more.
pub(super) fn answered(transaction: &Transaction<'_>, entries: &[EntryId]) -> Result<(), Fault> {
    let any = "SELECT EXISTS (SELECT 1 FROM restore_unseen)";
    if !transaction.query_row(any, [], |row| row.get(0))? {
        return Ok(());
    }
    let asked = "SELECT mailbox, message, payload FROM entry WHERE id = ?1 AND kind = 1";
    for entry in entries {
        let mut statement = transaction.prepare_cached(asked)?;
        let mut rows = statement.query([entry.raw()])?;
        while let Some(row) = rows.next()? {
            let mailbox: Vec<u8> = row.get(0)?;
            let named = journal::system_delta(&row.get::<_, Vec<u8>>(2)?).touched();
            let message = MessageId::from_raw(row.get(1)?);
            forget(transaction, &mailbox, message, |back| back.within(named))?;
        }
    }
    Ok(())
}

/// Of the notes of a journal that is older than the cache, only those count that take a mark of reading off: rather unread by
/// mistake than read. What else they speak of may have been put right long ago, and decided anew by somebody.
pub(super) fn distrust(journal: &Connection) -> Result<(), Fault> {
    for (mailbox, note) in all(journal)? {
        let back = unread(note.back);
        put(journal, &mailbox, &StrayNote { back, ..note })?;
    }
    Ok(())
}

/// What of a note takes a mark of reading off.
fn unread(back: FlagDelta) -> FlagDelta {
    FlagDelta {
        add: FlagSet::EMPTY,
        remove: back.remove.intersection(FlagSet::SEEN),
    }
}

/// Every note, with the name of its mailbox. One that is not as it was written is damage.
pub(super) fn all(journal: &Connection) -> Result<Vec<(Vec<u8>, StrayNote)>, Fault> {
    select(journal, "", params![])
}

/// Whether a row that begins with [`COLUMNS`] is a note as it was written.
pub(super) fn is_as_written(row: &Row<'_>) -> bool {
    read(row).is_ok()
}

fn find(
    journal: &Connection,
    mailbox: &[u8],
    message: MessageId,
) -> Result<Option<StrayNote>, Fault> {
    let key = "WHERE mailbox = ?1 AND message = ?2";
    let found = select(journal, key, params![mailbox, message.raw()])?;
    Ok(found.into_iter().next().map(|(_, note)| note))
}

fn select(
    journal: &Connection,
    which: &str,
    values: &[&dyn ToSql],
) -> Result<Vec<(Vec<u8>, StrayNote)>, Fault> {
    let sql = format!("SELECT {COLUMNS} FROM restore_unseen {which}");
    let mut statement = journal.prepare_cached(&sql)?;
    let mut rows = statement.query(values)?;
    let mut notes = Vec::new();
    while let Some(row) = rows.next()? {
        notes.push((row.get(0)?, read(row)?));
    }
    Ok(notes)
}

/// Writes a note beside what is noted of the message already.
fn add(journal: &Connection, mailbox: &[u8], note: StrayNote) -> Result<(), Fault> {
    let earlier = find(journal, mailbox, note.message)?;
    let note = earlier.map_or(note, |earlier| StrayNote {
        // Of two accidents the first one knew how it was before.
        back: note.back.then(earlier.back),
        ..earlier
    });
    put(journal, mailbox, &note)
}

/// What is left of a note when a part of it is done.
fn forget(
    journal: &Connection,
    mailbox: &[u8],
    message: MessageId,
    done: impl FnOnce(FlagDelta) -> FlagDelta,
) -> Result<(), Fault> {
    let Some(note) = find(journal, mailbox, message)? else {
        return Ok(());
    };
    let back = note.back.minus(done(note.back));
    put(journal, mailbox, &StrayNote { back, ..note })
}

/// Writes a note in the place of an earlier one; one that says nothing any more is forgotten.
fn put(journal: &Connection, mailbox: &[u8], note: &StrayNote) -> Result<(), Fault> {
    if note.back.is_empty() {
        let sql = "DELETE FROM restore_unseen WHERE mailbox = ?1 AND message = ?2";
        let mut forget = journal.prepare_cached(sql)?;
        forget.execute(params![mailbox, note.message.raw()])?;
        return Ok(());
    }
    let sql = format!(
        "INSERT OR REPLACE INTO restore_unseen ({COLUMNS}) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)"
    );
    let back = journal::delta_names(&Keywords::default(), note.back);
    let mark = note.mark;
    journal.prepare_cached(&sql)?.execute(params![
        mailbox,
        note.message.raw(),
        mark.instant,
        mark.size,
        mark.header.map(|hash| hash.0),
        mark.uid,
        back,
        checksum(mailbox, note, back.as_bytes()),
    ])?;
    Ok(())
}

pub(super) const COLUMNS: &str =
    "mailbox, message, instant, size, header_hash, uid, back, checksum";

/// Reads a row that begins with [`COLUMNS`].
fn read(row: &Row<'_>) -> Result<StrayNote, Fault> {
    let octets = |column| Ok::<_, rusqlite::Error>(row.get_ref(column)?.as_bytes()?);
    let (mailbox, back) = (octets(0)?, octets(6)?);
    let note = StrayNote {
        message: MessageId::from_raw(row.get(1)?),
        mark: Mark {
            instant: row.get(2)?,
            size: row.get(3)?,
            header: row.get::<_, Option<[u8; 32]>>(4)?.map(HeaderHash),
            uid: row.get(5)?,
        },
        back: journal::system_delta(back),
    };
    // Earlier versions wrote none.
    match row.get::<_, Option<u32>>(7)? {
        Some(sum) if sum != checksum(mailbox, &note, back) => {
            let message = note.message;
            let detail =
                format!("what is noted of message {message} does not read as it was written");
            Err(Fault::damage(detail))
        }
        Some(_) | None => Ok(note),
    }
}

fn checksum(mailbox: &[u8], note: &StrayNote, back: &[u8]) -> u32 {
    let mut sum = journal::Sum::default();
    sum.part(mailbox);
    sum.part(&note.message.raw().to_le_bytes());
    sum.mark(&note.mark);
    sum.part(back);
    sum.finish()
}
