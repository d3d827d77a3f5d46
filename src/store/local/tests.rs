use super::*;
use crate::protocol::types::FlagDelta;
use crate::store::View;

/// An account without a server, with an INBOX of one message for each set of flags.
struct Account {
    store: Store,
    inbox: MailboxId,
    messages: Vec<MessageId>,
    _dir: tempfile::TempDir,
}

impl Account {
    async fn with(flags: &[FlagSet]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(&dir.path().join("account"), Kind::Local).unwrap();
        let inbox = store.mailbox(&MailboxName::inbox()).unwrap();
        let mut messages = Vec::new();
        for &flags in flags {
            messages.push(store.append(inbox, message(flags)).await.unwrap());
        }
        Self {
            store,
            inbox,
            messages,
            _dir: dir,
        }
    }

    /// Keeps the writer busy until all of the jobs wait for it, so that each was asked for before any is done.
    async fn at_once<A, B>(
        &self,
        one: impl Future<Output = A>,
        other: impl Future<Output = B>,
    ) -> (A, B) {
        let (open, gate) = std::sync::mpsc::channel::<()>();
        let wait = self.store.inner.cache.run(move |_| {
            gate.recv().unwrap();
            Ok(())
        });
        let (waited, one, other, ()) = tokio::join!(wait, one, other, async {
            open.send(()).unwrap();
        });
        waited.unwrap();
        (one, other)
    }

    async fn accept(&self, action: Action) -> Result<Accepted, StoreError> {
        let message = self.messages[0];
        let wishes = vec![NewEntry { message, action }];
        self.store.accept(self.inbox, wishes).await
    }

    async fn view(&self, name: &str) -> View {
        let mailbox = self.store.mailbox(&named(name)).unwrap();
        self.store.view(mailbox).await.unwrap()
    }

    /// The flags of all messages of a mailbox, by name.
    async fn flags(&self, name: &str) -> Vec<String> {
        let view = self.view(name).await;
        let words = |flags| view.keywords.names(flags).map(|flag| flag.to_string());
        view.messages()
            .map(|(_, flags)| words(flags).collect::<Vec<_>>().join(" "))
            .collect()
    }
}

fn message(flags: FlagSet) -> NewMessage {
    NewMessage {
        flags,
        instant: 0,
        zone_minutes: 0,
        size: 1,
        header: HeaderIn {
            message: MessageId::from_raw(0),
            hash: crate::journal::HeaderHash([1; 32]),
            envelope: Vec::new(),
            bytes: content::Packed::new(Vec::new()),
        },
        body: BodyIn {
            message: MessageId::from_raw(0),
            hash: blake3::hash(b"w").into(),
            structure: Vec::new(),
            bytes: content::Packed::new(b"w".to_vec()),
        },
    }
}

fn named(text: &str) -> MailboxName {
    text.parse().unwrap()
}

fn unmark() -> Action {
    Action::Flags(FlagDelta {
        add: FlagSet::EMPTY,
        remove: FlagSet::DELETED,
    })
}

#[tokio::test]
async fn a_message_that_is_just_being_unmarked_is_not_removed() {
    let account = Account::with(&[FlagSet::DELETED]).await;
    let unmark = account.accept(unmark());
    let (unmarked, expunged) = account
        .at_once(unmark, account.accept(Action::Expunge))
        .await;
    assert_eq!(unmarked.unwrap().accepted_count, 1);
    assert_eq!(expunged.unwrap().accepted_count, 0);
    assert_eq!(account.flags("INBOX").await, [""]);
}

#[tokio::test]
async fn a_message_that_is_just_being_removed_is_not_said_to_be_copied() {
    let account = Account::with(&[FlagSet::DELETED]).await;
    account.store.create_mailbox(named("dest")).await.unwrap();
    let to = named("dest");
    account.view("dest").await;
    let copy = account.accept(Action::Copy { to });
    let (expunged, copied) = account.at_once(account.accept(Action::Expunge), copy).await;
    assert_eq!(expunged.unwrap().accepted_count, 1);
    let copied_count = match copied {
        Ok(copied) => copied.accepted_count,
        Err(StoreError::MessageGone) => 0,
        Err(error) => panic!("{error}"),
    };
    assert_eq!(account.view("dest").await.messages().count(), copied_count);
}

#[tokio::test]
async fn of_two_who_rename_or_delete_a_mailbox_at_once_one_finds_it() {
    let account = Account::with(&[]).await;
    let store = &account.store;
    let (rename, delete) = (
        |from: &str, to: &str| store.rename_mailbox(named(from), named(to)),
        |name: &str| store.delete_mailbox(named(name)),
    );
    store.create_mailbox(named("ebb")).await.unwrap();
    let (renamed, deleted) = account.at_once(rename("ebb", "flow"), delete("ebb")).await;
    renamed.unwrap();
    assert!(matches!(deleted, Err(StoreError::NoMailbox)));
    let (one, other) = account
        .at_once(rename("flow", "high"), rename("flow", "low"))
        .await;
    one.unwrap();
    assert!(matches!(other, Err(StoreError::NoMailbox)));
    let (deleted, renamed) = account.at_once(delete("high"), rename("high", "low")).await;
    deleted.unwrap();
    assert!(matches!(renamed, Err(StoreError::NoMailbox)));
    let left = store.mailboxes().await.unwrap();
    assert_eq!(left.len(), 1, "only INBOX: {left:?}");
    for name in ["ebb", "flow", "high", "low"] {
        assert_eq!(store.mailbox(&named(name)), None, "{name}");
    }
}

#[tokio::test]
async fn a_copy_keeps_its_keywords_for_as_many_as_there_is_room() {
    let account = Account::with(&[FlagSet::SEEN.union(FlagSet::DELETED)]).await;
    let keyword = |text: &str| text.parse::<Keyword>().unwrap();
    let names = vec![keyword("Work"), keyword("Pier")];
    let known = account
        .store
        .adopt_keywords(account.inbox, names)
        .await
        .unwrap();
    let add = Action::Flags(FlagDelta {
        add: known.all(),
        remove: FlagSet::EMPTY,
    });
    account.accept(add).await.unwrap();
    for name in ["box", "full"] {
        account.store.create_mailbox(named(name)).await.unwrap();
    }
    // The other mailbox knows one of the words under another number, and has room for nothing else.
    let full = account.store.mailbox(&named("full")).unwrap();
    let mut words: Vec<Keyword> = (1..FlagSet::KEYWORD_COUNT)
        .map(|number| keyword(&format!("k{number}")))
        .collect();
    words.push(keyword("pier"));
    account.store.adopt_keywords(full, words).await.unwrap();
    for name in ["INBOX", "box", "full"] {
        let to = named(name);
        account.accept(Action::Copy { to }).await.unwrap();
    }
    let all = ["\\Seen \\Deleted Work Pier", "\\Seen Work Pier"];
    assert_eq!(account.flags("INBOX").await, all);
    assert_eq!(account.flags("box").await, all[1..]);
    assert_eq!(account.flags("full").await, ["\\Seen pier"]);
}
