//! Files that are damaged, or older than they should be: what the user did is not lost, and nothing is sent in doubt.

use std::fs;
use std::os::unix::fs::DirBuilderExt;
use std::path::PathBuf;

use super::content::body;
use super::limbo::letter;
use super::{Account, DELETED, FLAGGED, SEEN, adding, expunging, found, mark, name, removing};
use crate::id::{EntryId, MessageId};
use crate::journal::{EntryState, JournalEntry, ParkReason};
use crate::mirror::{Settlement, fold};
use crate::protocol::types::{FlagDelta, FlagSet, Keywords};
use crate::store::journal::{self, Draft};
use crate::store::{EntryRow, FileKind, Kind, Store, StoreError};

impl Account {
    pub(super) fn file(&self, kind: FileKind) -> PathBuf {
        self.path().join(kind.name())
    }

    /// The octets of a file once it is closed, with what waited in its log.
    pub(super) async fn octets(&mut self, kind: FileKind) -> Vec<u8> {
        self.close().await;
        let file = rusqlite::Connection::open(self.file(kind)).unwrap();
        let checkpoint = "PRAGMA wal_checkpoint(TRUNCATE)";
        file.query_row(checkpoint, [], |_| Ok(())).unwrap();
        drop(file);
        fs::read(self.file(kind)).unwrap()
    }

    /// Opens the files anew, one of them as it once was.
    async fn puts_back(&mut self, kind: FileKind, old: &[u8]) {
        self.octets(kind).await;
        fs::write(self.file(kind), old).unwrap();
        self.reopen().await;
    }

    /// Something else writes into the journal while it is closed.
    async fn changes_journal(&mut self, sql: &str) {
        self.close().await;
        let file = rusqlite::Connection::open(self.file(FileKind::Journal)).unwrap();
        file.execute_batch(sql).unwrap();
        drop(file);
        self.reopen().await;
    }

    /// The user flags every message.
    async fn flags_everything(&self) {
        let flagged = |message: &MessageId| adding(*message, FLAGGED);
        self.accept(self.messages.iter().map(flagged).collect())
            .await;
    }

    async fn rows(&self) -> Vec<EntryRow> {
        self.store().entries().await.unwrap()
    }

    /// The entries are carried out, as a pass records it.
    async fn retires(&self) {
        let settlement = Settlement {
            retired: self.entries().await,
            ..Settlement::default()
        };
        self.record(settlement).await;
    }
}

fn parked(rows: &[EntryRow], reason: &ParkReason) -> bool {
    rows.iter()
        .all(|row| row.state == EntryState::Parked(reason.clone()))
}

#[tokio::test]
async fn a_journal_that_was_put_back_is_not_carried_out_unasked() {
    let mut account = Account::with(2).await;
    account
        .accept(vec![adding(account.messages[0], FLAGGED)])
        .await;
    let [first, second] = [account.messages[0], account.messages[1]];
    let back = |add, remove| FlagDelta { add, remove };
    let strays = vec![
        (first, back(FlagSet::ANSWERED, SEEN.union(FLAGGED))),
        (second, back(FlagSet::ANSWERED, FLAGGED)),
    ];
    let noted = account.store().note_strays(account.inbox, strays).await;
    noted.unwrap();
    let old = account.octets(FileKind::Journal).await;
    account.reopen().await;
    account.view().await;
    account.retires().await;
    let shown = Settlement {
        flags: vec![(first, FLAGGED)],
        ..Settlement::default()
    };
    account.record(shown).await;
    account.puts_back(FileKind::Journal, &old).await;
    let rows = account.rows().await;
    assert_eq!(rows.len(), 1);
    assert!(parked(&rows, &ParkReason::Stale), "{rows:?}");
    // It says nothing of the cache either.
    let base = account
        .store()
        .pass_input(account.inbox)
        .await
        .unwrap()
        .base;
    let flags: Vec<_> = base.messages.iter().map(|known| known.flags).collect();
    assert_eq!(flags, [FLAGGED, FlagSet::EMPTY]);
    // Rather unread by mistake than read; else nothing is changed on the word of an old file.
    let notes = account.store().stray_notes(account.inbox).await.unwrap();
    let notes: Vec<_> = notes.iter().map(|note| (note.message, note.back)).collect();
    assert_eq!(notes, [(first, FlagDelta::UNREAD)]);
    assert!(account.store().confirm_entries().await.unwrap());
    account.reopen().await;
    assert_eq!(account.rows().await[0].state, EntryState::Pending);
    assert!(!account.store().confirm_entries().await.unwrap());
}

/// As it is after `lowtide sync`: nothing is written after the last entry was let go of.
#[tokio::test]
async fn a_journal_that_was_put_back_is_known_at_once() {
    let mut account = Account::with(1).await;
    let one = account.messages[0];
    for is_dropped in [false, true] {
        account.accept(vec![adding(one, FLAGGED)]).await;
        let old = account.octets(FileKind::Journal).await;
        account.reopen().await;
        account.view().await;
        if is_dropped {
            let entry = account.entries().await[0];
            assert!(account.store().drop_entry(entry).await.unwrap());
        } else {
            account.retires().await;
        }
        account.puts_back(FileKind::Journal, &old).await;
        let rows = account.rows().await;
        assert_eq!(rows.len(), 1);
        assert!(parked(&rows, &ParkReason::Stale), "{rows:?}");
        assert!(account.store().drop_entry(rows[0].id).await.unwrap());
    }
}

/// Otherwise it would be taken for an action on a message that is gone.
#[tokio::test]
async fn what_a_cache_that_was_put_back_does_not_know_is_not_taken_to_be_gone() {
    let mut account = Account::with(1).await;
    let old = account.octets(FileKind::Cache).await;
    account.reopen().await;
    account.view().await;
    let later = account.record(found(&[mark(2)])).await[0];
    account.accept(vec![adding(later, FLAGGED)]).await;
    account.puts_back(FileKind::Cache, &old).await;
    account.view().await;
    let input = account.store().pass_input(account.inbox).await.unwrap();
    let local = fold(&input.base, &input.entries);
    assert_eq!(local.unbound.len(), 1);
    assert!(local.departed.is_empty(), "{local:?}");
    // What is recorded from now on is known again.
    let again = account.record(found(&[mark(2)])).await[0];
    account.accept(vec![adding(again, FLAGGED)]).await;
    account.reopen().await;
    account.view().await;
    let input = account.store().pass_input(account.inbox).await.unwrap();
    assert!(input.base.find(again).is_some());
    assert!(input.base.has_lost(later), "{later}");
    // What it knew before is known as well: if it is gone, it is gone.
    let one = account.messages[0];
    let gone = Settlement {
        gone: vec![one],
        ..Settlement::default()
    };
    account.record(gone).await;
    account.reopen().await;
    account.view().await;
    let input = account.store().pass_input(account.inbox).await.unwrap();
    assert!(input.base.find(one).is_none() && !input.base.has_lost(one));
}

#[tokio::test]
async fn what_is_noted_of_a_message_that_a_cache_does_not_know_is_kept() {
    let mut account = Account::with(1).await;
    let old = account.octets(FileKind::Cache).await;
    account.reopen().await;
    account.view().await;
    let later = account.record(found(&[mark(2)])).await[0];
    let strays = vec![(later, FlagDelta::UNREAD)];
    let noted = account.store().note_strays(account.inbox, strays).await;
    noted.unwrap();
    account.puts_back(FileKind::Cache, &old).await;
    account.view().await;
    let input = account.store().pass_input(account.inbox).await.unwrap();
    assert!(input.base.has_lost(later));
    assert!(!input.base.has_lost(account.messages[0]));
}

/// Otherwise what others did before the user acted would pass for a change of theirs after it.
#[tokio::test]
async fn a_cache_that_was_put_back_is_put_right_by_what_users_saw() {
    let mut account = Account::with(2).await;
    let [one, two] = [account.messages[0], account.messages[1]];
    let shown = |flags| Settlement {
        flags: vec![(one, flags), (two, flags)],
        ..Settlement::default()
    };
    account.record(shown(FLAGGED)).await;
    account.accept(vec![adding(two, FlagSet::ANSWERED)]).await;
    account.reopen().await;
    account.view().await;
    let old = account.octets(FileKind::Cache).await;
    account.reopen().await;
    account.view().await;
    account.record(shown(SEEN)).await;
    let wishes = vec![
        adding(one, FLAGGED),
        adding(two, DELETED),
        expunging(two),
        removing(one, FLAGGED.union(SEEN)),
    ];
    account.accept(wishes).await;
    account.puts_back(FileKind::Cache, &old).await;
    for _ in 0..2 {
        account.view().await;
        let input = account.store().pass_input(account.inbox).await.unwrap();
        let flags: Vec<_> = input
            .base
            .messages
            .iter()
            .map(|known| known.flags)
            .collect();
        // Of the second one all was seen when it was removed, but for what is said of it before.
        assert_eq!(flags, [SEEN, SEEN]);
        account.reopen().await;
    }
    // What is recorded since is not doubted.
    account.view().await;
    account.record(shown(FLAGGED)).await;
    account.reopen().await;
    account.view().await;
    let input = account.store().pass_input(account.inbox).await.unwrap();
    assert!(
        input
            .base
            .messages
            .iter()
            .all(|known| known.flags == FLAGGED)
    );
}

#[tokio::test]
async fn what_grew_old_while_the_program_ran_waits_for_a_person() {
    let account = Account::with(1).await;
    let one = account.messages[0];
    account.accept(vec![adding(one, FLAGGED)]).await;
    account.store().set_old_aside().await.unwrap();
    assert_eq!(account.rows().await[0].state, EntryState::Pending);
    let long_ago = crate::clock::unix_seconds() - 31 * 86_400;
    let entry = JournalEntry::appending(one, mark(1), adding(one, SEEN).action, long_ago);
    let (inbox, keywords) = (name("INBOX"), Keywords::default());
    let draft = Draft::of(&inbox, &keywords, &entry);
    let mut file = rusqlite::Connection::open(account.file(FileKind::Journal)).unwrap();
    let transaction = file.transaction().unwrap();
    journal::insert(&transaction, &draft).unwrap();
    transaction.commit().unwrap();
    account.store().set_old_aside().await.unwrap();
    assert!(parked(&account.rows().await, &ParkReason::Old));
    let input = account.store().pass_input(account.inbox).await.unwrap();
    let left = input.entries.iter().filter(|entry| entry.is_active());
    assert_eq!(left.count(), 0);
}

#[tokio::test]
async fn a_salvage_that_was_interrupted_is_ended_by_the_next_start() {
    for is_moved in [false, true] {
        let mut account = Account::with(1).await;
        account
            .accept(vec![adding(account.messages[0], FLAGGED)])
            .await;
        let octets = account.octets(FileKind::Journal).await;
        let journal = account.file(FileKind::Journal);
        fs::write(journal.with_extension("saved"), octets).unwrap();
        if is_moved {
            fs::remove_file(&journal).unwrap();
        } else {
            fs::write(&journal, "this is no database").unwrap();
        }
        account.reopen().await;
        assert_eq!(account.entries().await.len(), 1);
        assert!(!journal.with_extension("saved").exists());
    }
}

#[tokio::test]
async fn what_is_to_be_appended_to_a_mailbox_that_is_gone_is_set_aside() {
    let account = Account::with(0).await;
    let store = account.store();
    store.accept_message(account.inbox, letter()).await.unwrap();
    store.park_stranded(&[name("INBOX")]).await.unwrap();
    assert_eq!(account.rows().await[0].state, EntryState::Pending);
    store.park_stranded(&[name("notes")]).await.unwrap();
    assert!(parked(&account.rows().await, &ParkReason::NoDestination));
}

#[tokio::test]
async fn what_was_asked_for_long_ago_is_asked_about() {
    let mut account = Account::with(1).await;
    account
        .accept(vec![adding(account.messages[0], FLAGGED)])
        .await;
    account.close().await;
    let file = rusqlite::Connection::open(account.file(FileKind::Journal)).unwrap();
    // The checksum covers the date, so it is only looked at here.
    let aside = journal::set_old_aside(&file, i64::MAX).unwrap();
    assert_eq!(aside, 1);
    drop(file);
    account.reopen().await;
    assert!(parked(&account.rows().await, &ParkReason::Old));
    account.store().confirm_entries().await.unwrap();
    account.close().await;
    let file = rusqlite::Connection::open(account.file(FileKind::Journal)).unwrap();
    let again = journal::set_old_aside(&file, i64::MAX).unwrap();
    assert_eq!(again, 0, "a person said that it is meant");
}

#[tokio::test]
async fn a_damaged_cache_is_set_aside_and_built_anew() {
    let mut account = Account::with(3).await;
    account
        .accept(vec![adding(account.messages[0], FLAGGED)])
        .await;
    let mut octets = account.octets(FileKind::Cache).await;
    octets[..100].fill(0x55);
    fs::write(account.file(FileKind::Cache), &octets).unwrap();
    account.reopen().await;
    assert_eq!(account.entries().await.len(), 1);
    assert_eq!(account.store().mailboxes().await.unwrap(), []);
    let aside = account.path().join("cache.db.damaged");
    assert_eq!(fs::read(&aside).unwrap(), octets);
}

#[tokio::test]
async fn a_text_that_is_not_what_it_was_is_read_again() {
    let mut account = Account::with(1).await;
    let one = account.messages[0];
    let held = body(one, b"ebb and flow");
    account.store().keep_bodies(vec![held]).await.unwrap();
    account.close().await;
    let file = rusqlite::Connection::open(account.file(FileKind::Cache)).unwrap();
    file.execute("UPDATE blob SET bytes = x'00', size = 1", [])
        .unwrap();
    drop(file);
    account.reopen().await;
    assert!(account.store().bodies(vec![one]).await.is_err());
    account.reopen().await;
    assert_eq!(account.store().bodies(vec![one]).await.unwrap(), [None]);
    let missing = account.store().without_body(account.inbox).await.unwrap();
    assert_eq!(missing.len(), 1);
}

/// A row that reads well and stands for another entry, or speaks of another message, is no action of the user.
#[tokio::test]
async fn an_entry_that_is_about_another_message_is_not_carried_out() {
    for damage in ["id = id + 1", "message = message - 1"] {
        let mut account = Account::with(2).await;
        account.flags_everything().await;
        let written = account.rows().await;
        account
            .changes_journal(&format!("UPDATE entry SET {damage} WHERE id = 2"))
            .await;
        let rows = account.rows().await;
        assert_eq!(rows.len(), 1, "{damage}");
        assert_eq!(asked(&rows[0]), asked(&written[0]), "{damage}");
        assert!(parked(&rows, &ParkReason::Salvaged), "{damage}");
    }
}

/// What a table is called, or what its columns are, is known anyhow: nothing in it is lost.
#[tokio::test]
async fn a_table_that_is_said_to_be_another_is_known_all_the_same() {
    for damage in [
        "sql = replace(sql, 'confirmed', 'donfirmed')",
        "sql = replace(sql, 'CREATE', 'GREATE')",
        "name = 'entsy'",
        "tbl_name = 'entsy'",
        "type = 'tabme'",
        "sql = NULL",
        // What only an earlier version wrote into its declaration.
        "sql = replace(sql, '-- ', '-- once: ')",
    ] {
        let mut account = Account::with(1).await;
        account
            .accept(vec![adding(account.messages[0], FLAGGED)])
            .await;
        let written = account.rows().await;
        let sql = format!(
            "PRAGMA writable_schema = 1; UPDATE sqlite_schema SET {damage} WHERE name = 'entry'"
        );
        account.changes_journal(&sql).await;
        assert_eq!(account.rows().await, written, "{damage}");
        assert!(
            !account.path().join("journal.db.damaged").exists(),
            "{damage}"
        );
    }
}

/// The checksum of the first versions leaves two columns out. (By now, what they wrote down is old.)
#[tokio::test]
async fn an_entry_of_an_earlier_version_is_known() {
    let mut account = Account::with(1).await;
    account
        .changes_journal(
            r"INSERT INTO entry (mailbox, message, instant, size, uid, uid_validity, flags_before, kind, payload, accepted_at, checksum)
             VALUES (CAST('INBOX' AS BLOB), 1, 760190400, 101, 7, 5, '\Seen', 1, CAST('+\Flagged' AS BLOB), 1590000000, 4203750860)",
        )
        .await;
    let rows = account.rows().await;
    assert_eq!(rows.len(), 1);
    assert_eq!(rows[0].state, EntryState::Parked(ParkReason::Old));
}

/// Wherever an octet of the journal is flipped: the account opens, and what it holds is what was written, or is told to be gone.
#[tokio::test]
async fn no_flipped_octet_of_the_journal_becomes_an_action() {
    let mut account = Account::with(30).await;
    account.flags_everything().await;
    let strays = account
        .messages
        .iter()
        .map(|message| (*message, FlagDelta::UNREAD));
    account
        .store()
        .note_strays(account.inbox, strays.collect())
        .await
        .unwrap();
    let written = account.rows().await;
    let noted = account.store().stray_notes(account.inbox).await.unwrap();
    let inbox = account.inbox;
    let (journal, cache) = (
        account.octets(FileKind::Journal).await,
        fs::read(account.file(FileKind::Cache)).unwrap(),
    );
    let (mut salvaged_count, mut whole_count) = (0, 0);
    for position in (0..journal.len()).step_by(241) {
        let dir = tempfile::tempdir().unwrap();
        let mut octets = journal.clone();
        octets[position] ^= 0x10;
        let account = dir.path().join("account");
        fs::DirBuilder::new().mode(0o700).create(&account).unwrap();
        fs::write(account.join("journal.db"), &octets).unwrap();
        fs::write(account.join("cache.db"), &cache).unwrap();
        let store = match Store::open(&account, Kind::Mirror) {
            Ok(store) => store,
            // The octets by which a file is known for ours.
            Err(StoreError::Foreign { .. } | StoreError::Newer { .. }) => continue,
            Err(error) => panic!("octet {position}: {error:?}"),
        };
        let rows = store.entries().await.unwrap();
        for row in &rows {
            let original = written.iter().find(|known| known.id == row.id).unwrap();
            assert_eq!(asked(row), asked(original), "octet {position}");
        }
        let notes = store.stray_notes(inbox).await.unwrap();
        for note in &notes {
            assert!(noted.contains(note), "octet {position}: {note:?}");
        }
        let is_aside = account.join("journal.db.damaged").exists();
        if is_aside {
            assert!(parked(&rows, &ParkReason::Salvaged), "octet {position}");
            salvaged_count += rows.len();
        } else {
            let states =
                |rows: &[EntryRow]| rows.iter().map(|row| row.state.clone()).collect::<Vec<_>>();
            assert_eq!(states(&rows), states(&written), "octet {position}");
            assert_eq!(notes, noted, "octet {position}");
            whole_count += 1;
        }
    }
    assert!(
        salvaged_count > 0 && whole_count > 0,
        "{salvaged_count} {whole_count}"
    );
}

/// What an entry asks for.
fn asked(row: &EntryRow) -> (EntryId, MessageId, String) {
    (
        row.id,
        row.message,
        format!("{:?} {:?} {:?}", row.mark, row.action, row.flags_before),
    )
}
