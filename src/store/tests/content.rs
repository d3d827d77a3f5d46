//! Headers and texts: what goes in comes out, each text is kept once, and what is damaged is never shown.

use super::{Account, found, mark};
use crate::id::MessageId;
use crate::journal::HeaderHash;
use crate::mirror::Settlement;
use crate::store::{BodyIn, HeaderIn, Packer, StoreError};

pub(super) fn header(message: MessageId, octets: &[u8]) -> HeaderIn {
    HeaderIn {
        message,
        hash: HeaderHash([9; 32]),
        envelope: b"(NIL)".to_vec(),
        bytes: Packer::new().pack(octets.to_vec()),
    }
}

pub(super) fn body(message: MessageId, octets: &[u8]) -> BodyIn {
    BodyIn {
        message,
        hash: *blake3::hash(octets).as_bytes(),
        structure: b"(\"TEXT\")".to_vec(),
        bytes: Packer::new().pack(octets.to_vec()),
    }
}

/// Octets that can be compressed, octets that cannot, few, none, and every one there is.
fn texts() -> Vec<Vec<u8>> {
    let noise: Vec<u8> = (0..200_u32)
        .flat_map(|number| *blake3::hash(&number.to_le_bytes()).as_bytes())
        .collect();
    vec![
        b"low water\r\n".repeat(900),
        noise,
        b"x".to_vec(),
        Vec::new(),
        (0..=255).collect(),
    ]
}

/// How many texts the file holds, however many messages have them.
async fn blob_count(account: &Account) -> u32 {
    let count = |file: &mut rusqlite::Connection| {
        Ok(file.query_row("SELECT count(*) FROM blob", [], |row| row.get(0))?)
    };
    account.store().inner.cache.run(count).await.unwrap()
}

#[tokio::test]
async fn texts_come_out_octet_for_octet() {
    let mut account = Account::with(5).await;
    let messages = account.messages.clone();
    let pairs = || messages.iter().copied().zip(texts());
    let headers = pairs().map(|(message, text)| header(message, &text));
    let bodies = pairs().map(|(message, text)| body(message, &text));
    let store = account.store();
    store
        .keep_headers(account.inbox, headers.collect())
        .await
        .unwrap();
    store.keep_bodies(bodies.collect()).await.unwrap();
    let all: Vec<_> = texts().into_iter().map(Some).collect();
    for _ in 0..2 {
        let store = account.store();
        assert_eq!(store.headers(messages.clone()).await.unwrap(), all);
        assert_eq!(store.bodies(messages.clone()).await.unwrap(), all);
        let envelopes = store.envelopes(messages.clone()).await.unwrap();
        assert_eq!(envelopes, vec![Some(b"(NIL)".to_vec()); 5]);
        assert!(
            store
                .without_header(account.inbox)
                .await
                .unwrap()
                .is_empty()
        );
        assert!(store.without_body(account.inbox).await.unwrap().is_empty());
        account.reopen().await;
    }
}

#[tokio::test]
async fn what_is_not_held_is_missing_and_nothing_else() {
    let account = Account::with(3).await;
    let messages = account.messages.clone();
    account
        .store()
        .keep_bodies(vec![body(messages[1], b"held")])
        .await
        .unwrap();
    let held = account.store().bodies(messages.clone()).await.unwrap();
    assert_eq!(held, [None, Some(b"held".to_vec()), None]);
    let missing = account.store().without_body(account.inbox).await.unwrap();
    let missing: Vec<_> = missing.iter().map(|known| (known.id, known.mark)).collect();
    assert_eq!(missing, [(messages[0], mark(1)), (messages[2], mark(3))]);
}

#[tokio::test]
async fn equal_texts_are_kept_once_and_as_long_as_somebody_has_them() {
    let account = Account::with(3).await;
    let messages = account.messages.clone();
    let equal = messages.iter().map(|message| body(*message, b"equal"));
    account.store().keep_bodies(equal.collect()).await.unwrap();
    for gone in messages {
        assert_eq!(blob_count(&account).await, 1);
        account
            .record(Settlement {
                gone: vec![gone],
                ..Settlement::default()
            })
            .await;
    }
    assert_eq!(blob_count(&account).await, 0);
}

#[tokio::test]
async fn of_messages_that_look_alike_only_equal_texts_are_believed() {
    let account = Account::with(0).await;
    let marks = [1, 1, 1, 2, 2, 3].map(mark);
    let messages = account.record(found(&marks)).await;
    let texts: [&[u8]; 6] = [b"one", b"other", b"one", b"equal", b"equal", b"one"];
    let bodies = messages.iter().zip(texts);
    let bodies = bodies.map(|(message, text)| body(*message, text));
    account.store().keep_bodies(bodies.collect()).await.unwrap();
    let choose = |chosen: &[MessageId]| {
        account.record(Settlement {
            chosen: chosen.to_vec(),
            ..Settlement::default()
        })
    };
    let held = async || {
        let texts = account.store().bodies(messages.clone()).await.unwrap();
        texts
            .into_iter()
            .map(|text| text.is_some())
            .collect::<Vec<_>>()
    };
    choose(&messages[1..2]).await;
    assert_eq!(held().await, [true, false, true, true, true, true]);
    choose(&messages).await;
    assert_eq!(held().await, [false, false, false, true, true, true]);
    assert_eq!(blob_count(&account).await, 2);
}

#[tokio::test]
async fn a_text_that_is_not_what_it_was_is_never_shown() {
    let account = Account::with(2).await;
    let messages = account.messages.clone();
    let bodies = vec![body(messages[0], b"one"), body(messages[1], b"two")];
    account.store().keep_bodies(bodies).await.unwrap();
    let damage = |file: &mut rusqlite::Connection| {
        Ok(file.execute(
            "UPDATE blob SET bytes = x'6f6e65' WHERE bytes = x'74776f'",
            [],
        )?)
    };
    assert_eq!(account.store().inner.cache.run(damage).await.unwrap(), 1);
    let read = account.store().bodies(vec![messages[0]]).await.unwrap();
    assert_eq!(read, [Some(b"one".to_vec())]);
    let damaged = account.store().bodies(vec![messages[1]]).await;
    let Err(StoreError::Damaged { path, .. }) = damaged else {
        panic!("{damaged:?}");
    };
    assert_eq!(path, account.path().join("cache.db"));
}
