//! A disk that fills up: nothing is promised that is not kept, reading goes on, and so does writing once there is room.

use rusqlite::Connection;

use super::super::thread::Writer;
use super::{Account, FLAGGED, NONE, adding, found, mark};
use crate::store::{BodyIn, Packer, StoreError};

/// Lets a file have no more pages than it has, or as many as it likes.
async fn room(writer: &Writer, pages: u32) {
    let limit = format!("PRAGMA max_page_count = {pages}");
    writer
        .run(move |file: &mut Connection| Ok(file.execute_batch(&limit)?))
        .await
        .unwrap();
}

/// More than fits into the pages that are there.
fn large(account: &Account) -> BodyIn {
    let octets: Vec<u8> = (0..40_000_u32)
        .flat_map(|number| *blake3::hash(&number.to_le_bytes()).as_bytes())
        .collect();
    BodyIn {
        message: account.messages[0],
        hash: *blake3::hash(&octets).as_bytes(),
        structure: Vec::new(),
        bytes: Packer::new().pack(octets),
    }
}

#[tokio::test]
async fn an_action_that_does_not_fit_is_refused_and_a_later_one_is_kept() {
    let mut account = Account::with(1).await;
    let message = account.messages[0];
    let journal = &account.store().inner.journal;
    room(journal, 1).await;
    let mut accepted = 0;
    let refusal = loop {
        // Entries fill the last page first.
        let delta = if accepted % 2 == 0 {
            adding(message, FLAGGED)
        } else {
            super::removing(message, FLAGGED)
        };
        match account.store().accept(account.inbox, vec![delta]).await {
            Ok(_) => accepted += 1,
            Err(error) => break error,
        }
        assert!(accepted < 100_000, "the file has no limit");
    };
    assert!(matches!(refusal, StoreError::Full), "{refusal:?}");
    assert_eq!(account.entries().await.len(), accepted);
    let view = account.view().await;
    room(&account.store().inner.journal, 1_000_000).await;
    let more = super::removing(message, view[0].1);
    let more = if view[0].1 == NONE {
        adding(message, FLAGGED)
    } else {
        more
    };
    account.accept(vec![more]).await;
    account.reopen().await;
    assert_eq!(account.entries().await.len(), accepted + 1);
}

#[tokio::test]
async fn a_text_that_does_not_fit_is_missing_and_comes_once_there_is_room() {
    let account = Account::with(1).await;
    let cache = &account.store().inner.cache;
    room(cache, 1).await;
    let failed = account.store().keep_bodies(vec![large(&account)]).await;
    assert!(matches!(failed, Err(StoreError::Full)), "{failed:?}");
    assert_eq!(account.view().await.len(), 1);
    assert_eq!(
        account
            .store()
            .without_body(account.inbox)
            .await
            .unwrap()
            .len(),
        1
    );
    room(cache, 1_000_000).await;
    account
        .store()
        .keep_bodies(vec![large(&account)])
        .await
        .unwrap();
    assert!(
        account
            .store()
            .without_body(account.inbox)
            .await
            .unwrap()
            .is_empty()
    );
}

#[tokio::test]
async fn a_mailbox_can_be_opened_although_nothing_can_be_written() {
    let account = Account::with(1).await;
    let newest = account.record(found(&[mark(2)])).await[0];
    room(&account.store().inner.cache, 1).await;
    let before = account
        .store()
        .seen_by_client(account.inbox, newest)
        .await
        .unwrap();
    assert!(before < newest);
    let again = account
        .store()
        .seen_by_client(account.inbox, newest)
        .await
        .unwrap();
    assert_eq!(again, newest);
}
