//! Conflicts on record: what was decided against a wish of the user, and how to have it otherwise.

use std::collections::BTreeSet;

use rusqlite::{Connection, Transaction, params};

use super::Store;
use super::error::StoreError;
use super::file::Fault;
use super::held::Held;
use super::mailbox::name_of;
use crate::clock;
use crate::id::{MailboxId, MessageId};
use crate::journal::{Action, Mark, NewEntry};
use crate::mirror::{Conflict, ConflictKind, MessageState, Mistake, RemoteState};
use crate::protocol::types::{Flag, FlagDelta, FlagSet, Keywords, MailboxName};

/// A wish that was not carried out because somebody else's excluded it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConflictRow {
    /// Our number for it.
    pub id: i64,
    /// The mailbox.
    pub mailbox: MailboxName,
    /// The message.
    pub message: MessageId,
    /// Which wishes met.
    pub kind: ConflictKind,
    /// The flags that the user saw when asking; or those that the message has without what may be a mistake.
    pub seen: String,
    /// What the user had asked for; of this message, or of the one that was meant.
    pub wished: String,
    /// Whether that was for the message to go.
    pub removes: bool,
    /// What the server showed then.
    pub there: String,
    /// What both sides came to.
    pub kept: String,
    /// When it was settled, in seconds since 1970.
    pub at: i64,
    /// When the user had it otherwise, in seconds since 1970.
    pub undone_at: Option<i64>,
    /// When the user marked for removal what a mistake may have marked before, in seconds since 1970.
    pub agreed_at: Option<i64>,
}

/// What came of the wish to have a decision otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Undone {
    /// What the user had asked for is in the journal once more.
    Asked,
    /// The message is there as the user wants it already.
    Agreed,
    /// The message is gone.
    MessageGone,
    /// There is no such conflict, or it was undone before.
    NoConflict,
}

impl Store {
    /// Conflicts on record, oldest first.
    ///
    /// # Errors
    /// What is wrong with the files.
    pub async fn conflicts(&self) -> Result<Vec<ConflictRow>, StoreError> {
        self.inner.journal_readers.run(load).await
    }

    /// Leaves out what is told already of messages in doubt, each of which shows it at every look.
    ///
    /// # Errors
    /// What is wrong with the files.
    pub async fn untold(
        &self,
        mailbox: MailboxId,
        mut mistakes: Vec<Mistake>,
    ) -> Result<Vec<Mistake>, StoreError> {
        if !mistakes.iter().any(|mistake| mistake.in_doubt) {
            return Ok(mistakes);
        }
        let told = self.conflicts().await?;
        let is_open = |told: &&ConflictRow| told.undone_at.is_none();
        let sides = |told: &ConflictRow| (told.message, told.seen.clone(), told.there.clone());
        let told: BTreeSet<_> = told.iter().filter(is_open).map(sides).collect();
        self.inner.with(mailbox, |held| {
            let keywords = &held.view.keywords;
            mistakes.retain(|mistake| {
                let conflict = mistake.conflict(&[]).filter(|_| mistake.in_doubt);
                conflict.is_none_or(|of| {
                    let (seen, there) = (names(keywords, of.saw), shown(keywords, of.there));
                    !told.contains(&(of.message, seen, there))
                })
            });
        })?;
        Ok(mistakes)
    }

    /// Puts changes on record that may have fallen on these messages by mistake; what has arrived is to have these ids. The base
    /// is to learn of it afterwards: whatever comes between, it is told, if need be twice.
    pub(super) async fn tell(
        &self,
        mailbox: MailboxId,
        mistakes: Vec<Mistake>,
        arrived: Vec<MessageId>,
    ) -> Result<(), StoreError> {
        if mistakes.is_empty() {
            return Ok(());
        }
        let inner = self.inner.clone();
        let tell = move |journal: &mut Connection| {
            let transaction = journal.transaction()?;
            inner.with(mailbox, |held| {
                for mistake in &mistakes {
                    if let Some(conflict) = mistake.conflict(&arrived) {
                        add(&transaction, held, &conflict, Some(mistake.mark))?;
                        if held.marks_deleted(conflict.message) {
                            agree(&transaction, transaction.last_insert_rowid())?;
                        }
                    }
                }
                Ok::<_, Fault>(())
            })??;
            transaction.commit()?;
            Ok(())
        };
        self.inner.journal.run(tell).await
    }

    /// Asks once more for what a decision was against, knowing now what others did. What the user sees at this moment is
    /// what the new wish is about.
    ///
    /// # Errors
    /// [`StoreError`] when nothing was asked for.
    pub async fn undo_conflict(&self, id: i64) -> Result<Undone, StoreError> {
        let conflicts = self.conflicts().await?;
        let stands = |conflict: &ConflictRow| conflict.id == id && conflict.undone_at.is_none();
        let Some(conflict) = conflicts.into_iter().find(stands) else {
            return Ok(Undone::NoConflict);
        };
        let Some(mailbox) = self.mailbox(&conflict.mailbox) else {
            return Ok(Undone::MessageGone);
        };
        self.hold(mailbox).await?;
        let wishes = self.inner.with(mailbox, |held| {
            let message = held.current(conflict.message)?;
            let showed = named(&held.view.keywords, &conflict.there);
            Some((conflict.wishes(message, &held.view.keywords), showed))
        })?;
        let Some((wishes, showed)) = wishes else {
            return Ok(Undone::MessageGone);
        };
        let mut accepted = self.accept(mailbox, wishes.clone()).await?;
        // The base may not have learnt what was told.
        if accepted.accepted_count == 0 && conflict.kind == ConflictKind::ChangedThereLikeAnother {
            accepted = self.insist(mailbox, wishes, showed).await?;
        }
        let close = move |journal: &mut Connection| {
            let sql = "UPDATE conflict SET undone_at = ?2 WHERE id = ?1";
            journal.execute(sql, params![id, clock::unix_seconds()])?;
            Ok(())
        };
        self.inner.journal.run(close).await?;
        Ok(if accepted.accepted_count > 0 {
            Undone::Asked
        } else {
            Undone::Agreed
        })
    }
}

impl ConflictRow {
    /// What the user would have to ask for to have it otherwise.
    fn wishes(&self, message: MessageId, keywords: &Keywords) -> Vec<NewEntry> {
        let marks = match self.kind {
            ConflictKind::DeletedHereMarkedThere | ConflictKind::DeletedHereUndeletedThere => {
                FlagDelta {
                    add: FlagSet::DELETED,
                    remove: FlagSet::EMPTY,
                }
            }
            ConflictKind::MarkedHereDeletedThere
            | ConflictKind::ChangedHereDeletedThere
            | ConflictKind::ChangedHereRestoredThere => FlagDelta {
                add: FlagSet::EMPTY,
                remove: FlagSet::DELETED,
            },
            ConflictKind::ChangedThereLikeAnother => {
                let flags = |names| named(keywords, names);
                FlagDelta::between(flags(&self.there), flags(&self.seen))
            }
        };
        let actions = [
            Some(Action::Flags(marks)),
            self.removes.then_some(Action::Expunge),
        ];
        let wish = |action| NewEntry { message, action };
        actions.into_iter().flatten().map(wish).collect()
    }
}

fn load(journal: &Connection) -> Result<Vec<ConflictRow>, Fault> {
    let sql = "SELECT id, mailbox, message, kind, seen, wished, there, kept, removes, at, undone_at, agreed_at FROM conflict ORDER BY id";
    let mut statement = journal.prepare(sql)?;
    let mut rows = statement.query([])?;
    let mut conflicts = Vec::new();
    while let Some(row) = rows.next()? {
        conflicts.push(ConflictRow {
            id: row.get(0)?,
            mailbox: name_of(&row.get::<_, Vec<u8>>(1)?)?,
            message: MessageId::from_raw(row.get(2)?),
            kind: kind_of(row.get(3)?)?,
            seen: row.get(4)?,
            wished: row.get(5)?,
            there: row.get(6)?,
            kept: row.get(7)?,
            removes: row.get(8)?,
            at: row.get(9)?,
            undone_at: row.get(10)?,
            agreed_at: row.get(11)?,
        });
    }
    Ok(conflicts)
}

/// Puts a decision on record, with the mark of its message if that is not in the base.
pub(super) fn add(
    transaction: &Transaction<'_>,
    held: &Held,
    conflict: &Conflict,
    mark: Option<Mark>,
) -> Result<(), Fault> {
    let keywords = &held.view.keywords;
    let entries = || conflict.entries.iter().filter_map(|id| held.entry(*id));
    let wished: Vec<String> = entries()
        .map(|entry| entry.action.words(keywords))
        .collect();
    let kept = match conflict.kept {
        MessageState::Present(flags) => format!("kept, with {}", names(keywords, flags)),
        MessageState::Gone if conflict.restores() => "put back as a new message".to_owned(),
        MessageState::Gone => GONE.to_owned(),
    };
    let known = held.base.find(conflict.message).map(|known| known.mark);
    let mark = mark
        .or(known)
        .or_else(|| entries().map(|entry| entry.mark).next());
    // What was asked of another message is not asked of this one.
    let removes = conflict.kind != ConflictKind::ChangedThereLikeAnother
        && entries().any(|entry| entry.action == Action::Expunge);
    let sql = "INSERT INTO conflict (mailbox, message, instant, size, kind, seen, wished, there, kept, removes, at) \
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)";
    transaction.prepare_cached(sql)?.execute(params![
        held.name.as_bytes(),
        conflict.message.raw(),
        mark.map_or(0, |mark| mark.instant),
        mark.map_or(0, |mark| mark.size),
        code_of(conflict.kind),
        names(keywords, conflict.saw),
        wished.join(", "),
        shown(keywords, conflict.there),
        kept,
        removes,
        clock::unix_seconds(),
    ])?;
    Ok(())
}

/// A message that was marked for removal perhaps by mistake.
pub(super) struct Accused {
    /// The conflict that tells of it.
    pub(super) conflict: i64,
    pub(super) message: MessageId,
    /// Its date and size.
    pub(super) weak: (i64, u32),
}

/// The messages of a mailbox that were marked for removal perhaps by mistake, where nobody has said yet whether it is meant.
pub(super) fn marked_by_mistake(
    journal: &Connection,
    mailbox: &MailboxName,
) -> Result<Vec<Accused>, Fault> {
    let sql = "SELECT id, message, seen, there, instant, size FROM conflict \
               WHERE mailbox = ?1 AND kind = ?2 AND undone_at IS NULL AND agreed_at IS NULL";
    let mut statement = journal.prepare_cached(sql)?;
    let kind = code_of(ConflictKind::ChangedThereLikeAnother);
    let mut rows = statement.query(params![mailbox.as_bytes(), kind])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let flags = |names: String| named(&Keywords::default(), &names);
        let (seen, there) = (flags(row.get(2)?), flags(row.get(3)?));
        if there.minus(seen).contains(FlagSet::DELETED) {
            found.push(Accused {
                conflict: row.get(0)?,
                message: MessageId::from_raw(row.get(1)?),
                weak: (row.get(4)?, row.get(5)?),
            });
        }
    }
    Ok(found)
}

/// The user has marked for removal what a mistake may have marked.
pub(super) fn agree(transaction: &Transaction<'_>, conflict: i64) -> Result<(), Fault> {
    let sql = "UPDATE conflict SET agreed_at = ?2 WHERE id = ?1";
    let mut agree = transaction.prepare_cached(sql)?;
    agree.execute(params![conflict, clock::unix_seconds()])?;
    Ok(())
}

/// What the server showed, as people read it.
fn shown(keywords: &Keywords, there: RemoteState) -> String {
    match there {
        RemoteState::Present(flags) => names(keywords, flags),
        RemoteState::Gone | RemoteState::Returned | RemoteState::Doubtful => GONE.to_owned(),
    }
}

/// Flags as people read them.
fn names(keywords: &Keywords, flags: FlagSet) -> String {
    let names: Vec<String> = keywords.names(flags).map(|flag| flag.to_string()).collect();
    format!("({})", names.join(" "))
}

/// The flags with these names, as far as there are any now.
fn named(keywords: &Keywords, names: &str) -> FlagSet {
    let names = names.trim_matches(['(', ')']).split_whitespace();
    let flags = names.filter_map(|name| Flag::from_bytes(name.as_bytes()).ok());
    keywords.resolve(&flags.collect::<Vec<_>>()).0
}

fn code_of(kind: ConflictKind) -> i64 {
    match kind {
        ConflictKind::DeletedHereMarkedThere => 1,
        ConflictKind::DeletedHereUndeletedThere => 2,
        ConflictKind::ChangedHereDeletedThere => 3,
        ConflictKind::MarkedHereDeletedThere => 4,
        ConflictKind::ChangedHereRestoredThere => 5,
        ConflictKind::ChangedThereLikeAnother => 6,
    }
}

fn kind_of(code: i64) -> Result<ConflictKind, Fault> {
    Ok(match code {
        1 => ConflictKind::DeletedHereMarkedThere,
        2 => ConflictKind::DeletedHereUndeletedThere,
        3 => ConflictKind::ChangedHereDeletedThere,
        4 => ConflictKind::MarkedHereDeletedThere,
        5 => ConflictKind::ChangedHereRestoredThere,
        6 => ConflictKind::ChangedThereLikeAnother,
        _ => return Err(Fault::damage(format!("a conflict of the kind {code}"))),
    })
}

/// What is no more.
const GONE: &str = "gone";
