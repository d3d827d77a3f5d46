//! Mailboxes that live here: what clients do there is the state itself, and lasts.

use super::{DELETED, FLAGGED, adding, expunging, name, shown};
use crate::id::MessageId;
use crate::journal::{Action, HeaderHash, NewEntry};
use crate::protocol::types::FlagSet;
use crate::store::{BodyIn, HeaderIn, Kind, NewMessage, Packer, Store, StoreError};

fn letter(text: &[u8]) -> NewMessage {
    let message = MessageId::from_raw(0);
    NewMessage {
        flags: FlagSet::EMPTY,
        instant: 7,
        zone_minutes: 60,
        size: u32::try_from(text.len()).unwrap(),
        header: HeaderIn {
            message,
            hash: HeaderHash([1; 32]),
            envelope: b"(NIL)".to_vec(),
            bytes: Packer::new().pack(Vec::new()),
        },
        body: BodyIn {
            message,
            hash: *blake3::hash(text).as_bytes(),
            structure: b"(\"TEXT\")".to_vec(),
            bytes: Packer::new().pack(text.to_vec()),
        },
    }
}

#[tokio::test]
async fn what_is_done_in_local_mailboxes_lasts() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("account");
    let open = || Store::open(&path, Kind::Local).unwrap();
    let store = open();
    let inbox = store
        .mailbox(&name("INBOX"))
        .expect("it is there from the first");
    let box_of_copies = store.create_mailbox(name("copies")).await.unwrap();
    for text in [b"one", b"two", b"six"] {
        store.append(inbox, letter(text)).await.unwrap();
    }
    let ids: Vec<_> = shown(&store.view(inbox).await.unwrap())
        .into_iter()
        .map(|(id, _)| id)
        .collect();
    let copy = NewEntry {
        message: ids[1],
        action: Action::Copy { to: name("copies") },
    };
    let wishes = vec![
        adding(ids[1], FLAGGED),
        copy,
        adding(ids[0], DELETED),
        expunging(ids[0]),
    ];
    store.accept(inbox, wishes).await.unwrap();
    assert!(
        store.entries().await.unwrap().is_empty(),
        "nothing is owed to a server"
    );

    store.close().await;
    let store = open();
    let inbox_now = shown(&store.view(inbox).await.unwrap());
    assert_eq!(inbox_now, [(ids[1], FLAGGED), (ids[2], FlagSet::EMPTY)]);
    let copies = shown(&store.view(box_of_copies).await.unwrap());
    assert_eq!(copies.len(), 1);
    assert_eq!(copies[0].1, FLAGGED);
    let texts = store.bodies(vec![copies[0].0, ids[2]]).await.unwrap();
    assert_eq!(texts, [Some(b"two".to_vec()), Some(b"six".to_vec())]);
}

#[tokio::test]
async fn a_mailbox_that_is_removed_takes_its_mail_along_and_leaves_copies_alone() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(&dir.path().join("account"), Kind::Local).unwrap();
    let inbox = store.mailbox(&name("INBOX")).unwrap();
    store.append(inbox, letter(b"one")).await.unwrap();
    let attic = store.create_mailbox(name("attic")).await.unwrap();
    let id = shown(&store.view(inbox).await.unwrap())[0].0;
    let copy = NewEntry {
        message: id,
        action: Action::Copy { to: name("attic") },
    };
    store.accept(inbox, vec![copy]).await.unwrap();
    store
        .rename_mailbox(name("attic"), name("loft"))
        .await
        .unwrap();
    assert!(store.mailbox(&name("attic")).is_none());
    assert_eq!(store.mailbox(&name("loft")), Some(attic));
    store.delete_mailbox(name("loft")).await.unwrap();
    assert!(matches!(
        store.view(attic).await,
        Err(StoreError::NoMailbox)
    ));
    let kept = store.bodies(vec![id]).await.unwrap();
    assert_eq!(kept, [Some(b"one".to_vec())]);
}
