//! The files themselves: whose they are, how they are set up, and what is refused.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use rusqlite::{Connection, params};

use super::{Account, FLAGGED, SEEN, adding, found, mark, name, open};
use crate::id::MessageId;
use crate::journal::JournalEntry;
use crate::protocol::types::{FlagDelta, Keywords};
use crate::store::journal::{self, Draft};
use crate::store::migrate;
use crate::store::{FileKind, Kind, Store, StoreError};

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

fn refused(dir: &Path) -> StoreError {
    Store::open(dir, Kind::Mirror).expect_err("it is refused")
}

/// Changes one of the files while nobody has it open.
fn tamper(path: &Path, sql: &str) {
    let file = Connection::open(path).unwrap();
    file.execute_batch(sql).unwrap();
}

#[tokio::test]
async fn everything_is_for_its_owner_alone() {
    let account = Account::with(1).await;
    account
        .accept(vec![adding(account.messages[0], FLAGGED)])
        .await;
    assert_eq!(mode(&account.path()), 0o700);
    let files: Vec<_> = fs::read_dir(account.path()).unwrap().collect();
    assert!(files.len() >= 5, "two databases, their logs and the lock");
    for file in files {
        let path = file.unwrap().path();
        assert_eq!(mode(&path), 0o600, "{}", path.display());
    }
}

#[tokio::test]
async fn every_setting_is_in_force() {
    let account = Account::with(0).await;
    let settings = [
        ("journal_mode", "wal"),
        ("synchronous", "2"),
        ("foreign_keys", "1"),
        ("cell_size_check", "1"),
        ("trusted_schema", "0"),
        ("mmap_size", "0"),
    ];
    for writer in [&account.store().inner.journal, &account.store().inner.cache] {
        let read = move |file: &mut Connection| {
            let shown = settings.map(|(setting, _)| {
                file.pragma_query_value(None, setting, |row| {
                    let value: rusqlite::types::Value = row.get(0)?;
                    Ok(match value {
                        rusqlite::types::Value::Integer(number) => number.to_string(),
                        rusqlite::types::Value::Text(text) => text,
                        other => format!("{other:?}"),
                    })
                })
                .unwrap_or_else(|_| "0".to_owned())
            });
            Ok(shown)
        };
        let shown = writer.run(read).await.unwrap();
        assert_eq!(shown, settings.map(|(_, wanted)| wanted.to_owned()));
    }
}

#[tokio::test]
async fn a_second_owner_is_told_who_the_first_is() {
    let account = Account::with(0).await;
    let StoreError::Locked { holder, .. } = refused(&account.path()) else {
        panic!("it is not locked");
    };
    assert_eq!(holder, Some(std::process::id()));
}

#[tokio::test]
async fn files_of_others_of_a_later_program_and_of_no_kind_at_all_are_refused_untouched() {
    for (file, sql) in [
        ("journal.db", "PRAGMA application_id = 7"),
        ("cache.db", "PRAGMA application_id = 7"),
        ("journal.db", "PRAGMA user_version = 999"),
        ("cache.db", "PRAGMA user_version = 999"),
    ] {
        let mut account = Account::with(0).await;
        account.close().await;
        let path = account.path().join(file);
        tamper(&path, sql);
        let before = fs::read(&path).unwrap();
        let found = match refused(&account.path()) {
            StoreError::Foreign { path, .. } | StoreError::Newer { path, .. } => path,
            other => panic!("{file}, {sql}: {other:?}"),
        };
        assert_eq!(found, path);
        assert_eq!(fs::read(&path).unwrap(), before, "{file}, {sql}");
    }
}

/// Ways in which a disk spoils a file.
const HARMS: [fn(&mut Vec<u8>); 3] = [
    |octets| octets[..100].fill(0x55),
    |octets| octets[16 * 1024..].fill(0x55),
    |octets| octets.truncate(octets.len() / 2),
];

#[tokio::test]
async fn a_damaged_file_of_a_mirror_is_set_aside_as_it_is() {
    for kind in [FileKind::Journal, FileKind::Cache] {
        for harm in HARMS {
            let mut account = Account::with(3).await;
            account
                .accept(vec![adding(account.messages[0], FLAGGED)])
                .await;
            let mut octets = account.octets(kind).await;
            harm(&mut octets);
            fs::write(account.file(kind), &octets).unwrap();
            account.reopen().await;
            let aside = format!("{}.damaged", kind.name());
            assert_eq!(fs::read(account.path().join(aside)).unwrap(), octets);
            if kind == FileKind::Cache {
                assert_eq!(account.entries().await.len(), 1);
            }
        }
    }
}

/// A journal as an earlier lowtide left it, with one action in it.
fn journal_of_version(path: &Path, version: usize, message: MessageId) {
    let mut file = Connection::open(path).unwrap();
    for migration in migrate::JOURNAL.migrations.iter().take(version) {
        file.execute_batch(migration).unwrap();
    }
    file.pragma_update(None, "application_id", migrate::JOURNAL.application_id)
        .unwrap();
    file.pragma_update(None, "user_version", u32::try_from(version).unwrap())
        .unwrap();
    let transaction = file.transaction().unwrap();
    let asked = adding(message, FLAGGED).action;
    let entry = JournalEntry::appending(message, mark(1), asked, crate::clock::unix_seconds());
    let (inbox, keywords) = (name("INBOX"), Keywords::default());
    let draft = Draft::of(&inbox, &keywords, &entry);
    journal::insert(&transaction, &draft).unwrap();
    let noted =
        "INSERT INTO restore_unseen (mailbox, message, instant, size) VALUES (?1, ?2, 1, 101)";
    let noted = transaction.execute(noted, params![inbox.as_bytes(), message.raw()]);
    assert_eq!(noted.unwrap(), 1);
    transaction.commit().unwrap();
}

/// Before version 3 there was no name of the server, before version 4 no newest message.
#[tokio::test]
async fn an_older_cache_is_brought_to_the_newest_shape() {
    for version in 1..migrate::CACHE.migrations.len() {
        let mut account = Account::with(1).await;
        account
            .accept(vec![adding(account.messages[0], FLAGGED)])
            .await;
        account.close().await;
        let path = account.file(FileKind::Cache);
        for end in ["", "-wal", "-shm"] {
            drop(fs::remove_file(format!("{}{end}", path.display())));
        }
        let file = Connection::open(&path).unwrap();
        for migration in migrate::CACHE.migrations.iter().take(version) {
            file.execute_batch(migration).unwrap();
        }
        file.execute_batch(&format!(
            "PRAGMA application_id = {}; PRAGMA user_version = {version};
             INSERT INTO first_message (only, id) VALUES (1, 1);
             INSERT INTO mailbox (name) VALUES (CAST('INBOX' AS BLOB));
             INSERT INTO message (mailbox_id, id, instant, zone, size, flags) VALUES (1, 1, 1, 60, 101, 1);",
            migrate::CACHE.application_id
        ))
        .unwrap();
        drop(file);
        account.reopen().await;
        let first = account.messages[0];
        assert_eq!(
            account.view().await,
            [(first, SEEN.union(FLAGGED))],
            "{version}"
        );
        assert!(!account.path().join("cache.db.damaged").exists());
        account.record(found(&[mark(2)])).await;
        account.reopen().await;
        assert_eq!(account.view().await.len(), 2, "{version}");
    }
}

const PAGE: usize = 16 * 1024;

/// Whether the cache is told to be damaged, or set aside, when it is opened with one page spoilt, after its last holder closed it, or was killed.
async fn is_noticed(account: &Account, octets: &[u8], page: usize, holder: &str) -> bool {
    let (path, aside) = (
        account.file(FileKind::Cache),
        account.path().join("cache.db.damaged"),
    );
    let mut octets = octets.to_vec();
    octets[page * PAGE + 8..][..16].fill(0x55);
    fs::write(&path, octets).unwrap();
    fs::write(account.path().join("lock"), holder).unwrap();
    let opened = Store::open(&account.path(), Kind::Mirror);
    let is_noticed = opened.is_err() || aside.exists();
    if let Ok(store) = opened {
        store.close().await;
    }
    for file in fs::read_dir(account.path()).unwrap() {
        let file = file.unwrap();
        if file.file_name().as_encoded_bytes().starts_with(b"cache.db") {
            fs::remove_file(file.path()).unwrap();
        }
    }
    is_noticed
}

#[tokio::test]
async fn after_a_kill_the_cache_is_looked_at() {
    let mut account = Account::with(200).await;
    let octets = account.octets(FileKind::Cache).await;
    assert_eq!(
        fs::read(account.path().join("lock")).unwrap(),
        b"",
        "closed"
    );
    let (mut closed, mut killed) = (0, 0);
    for page in 1..octets.len() / PAGE {
        closed += u32::from(is_noticed(&account, &octets, page, "").await);
        killed += u32::from(is_noticed(&account, &octets, page, "7\n").await);
    }
    assert!(killed > closed, "{killed} {closed}");
}

#[tokio::test]
async fn an_older_file_is_brought_to_the_newest_shape() {
    for version in 1..migrate::JOURNAL.migrations.len() {
        let mut account = Account::with(1).await;
        account.close().await;
        let path = account.file(FileKind::Journal);
        for end in ["", "-wal", "-shm"] {
            drop(fs::remove_file(format!("{}{end}", path.display())));
        }
        journal_of_version(&path, version, account.messages[0]);
        account.reopen().await;
        assert_eq!(account.view().await, [(account.messages[0], FLAGGED)]);
        assert_eq!(account.store().removed().await.unwrap(), []);
        let noted = account.store().stray_notes(account.inbox).await.unwrap();
        let noted: Vec<_> = noted.iter().map(|note| (note.message, note.back)).collect();
        assert_eq!(noted, [(account.messages[0], FlagDelta::UNREAD)]);
        let copy = account.path().join(format!("journal.db.version-{version}"));
        let mode = fs::metadata(&copy).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let copy = Connection::open(copy).unwrap();
        let held = |sql| copy.query_row(sql, [], |row| row.get::<_, u32>(0)).unwrap();
        assert_eq!(held("PRAGMA user_version") as usize, version);
        assert_eq!(held("SELECT count(*) FROM entry"), 1);
    }
}

#[tokio::test]
async fn damaged_mail_that_is_nowhere_else_is_told_and_left_alone() {
    for harm in HARMS {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("account");
        Store::open(&path, Kind::Local).unwrap().close().await;
        let file = path.join(FileKind::Mail.name());
        tamper(&file, "PRAGMA wal_checkpoint(TRUNCATE)");
        let mut octets = fs::read(&file).unwrap();
        harm(&mut octets);
        fs::write(&file, &octets).unwrap();
        let Err(StoreError::Damaged {
            path: told,
            kind: FileKind::Mail,
            ..
        }) = Store::open(&path, Kind::Local)
        else {
            panic!("it is not damaged");
        };
        assert_eq!(told, file);
        assert_eq!(fs::read(&file).unwrap(), octets);
    }
}

#[test]
fn a_directory_that_cannot_be_made_is_told_apart_from_files_that_fail() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("no-directory");
    fs::write(&file, "").unwrap();
    for place in [file.clone(), file.join("account")] {
        let StoreError::NoDirectory { path, .. } = refused(&place) else {
            panic!("{}", place.display());
        };
        assert_eq!(path, place);
    }
}

#[tokio::test]
async fn an_empty_cache_is_as_good_as_none() {
    let mut account = Account::with(1).await;
    account
        .accept(vec![adding(account.messages[0], FLAGGED)])
        .await;
    account.close().await;
    for file in ["cache.db-wal", "cache.db-shm"] {
        drop(fs::remove_file(account.path().join(file)));
    }
    fs::write(account.path().join("cache.db"), b"").unwrap();
    let store = open(&account.path());
    assert!(store.mailbox(&name("INBOX")).is_none());
    assert_eq!(store.entries().await.unwrap().len(), 1);
}

#[test]
fn directories_that_others_can_reach_and_links_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let open_to_all = dir.path().join("open");
    fs::create_dir(&open_to_all).unwrap();
    fs::set_permissions(&open_to_all, fs::Permissions::from_mode(0o755)).unwrap();
    assert!(matches!(refused(&open_to_all), StoreError::Exposed { .. }));

    let target = dir.path().join("target");
    drop(open(&target));
    let link = dir.path().join("link");
    symlink(&target, &link).unwrap();
    assert!(matches!(refused(&link), StoreError::Exposed { .. }));

    let account = dir.path().join("account");
    fs::create_dir(&account).unwrap();
    fs::set_permissions(&account, fs::Permissions::from_mode(0o700)).unwrap();
    symlink(target.join("journal.db"), account.join("journal.db")).unwrap();
    refused(&account);
}
