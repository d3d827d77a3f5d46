//! What was removed can be had back: whole, with its flags and date, for a while and up to a size.

use super::content::{body, header};
use super::{Account, DELETED, FLAGGED, SEEN, adding, arrivals, expunging, mark, name};
use crate::id::MessageId;
use crate::journal::NewEntry;
use crate::journal::{Action, EntryState, HeaderHash, ParkReason};
use crate::mirror::{
    Arrival, Conflict, ConflictKind, MessageState, RemoteState, Settlement, rebind,
};
use crate::protocol::types::{Flag, MailboxName};
use crate::store::limbo::forget;
use crate::store::{NamedAction, NewMessage, Removed};

impl Account {
    async fn holding(texts: &[&str]) -> Self {
        let account = Self::with(u8::try_from(texts.len()).unwrap()).await;
        for (message, text) in account.messages.iter().zip(texts) {
            account.hold(*message, text).await;
        }
        account
    }

    async fn hold(&self, message: MessageId, text: &str) {
        let (store, octets) = (self.store(), text.as_bytes());
        let header = header(message, b"Subject: ebb\r\n\r\n");
        store.keep_headers(self.inbox, vec![header]).await.unwrap();
        store
            .keep_bodies(vec![body(message, octets)])
            .await
            .unwrap();
    }

    async fn loses(&self, gone: &[MessageId]) {
        let settlement = Settlement {
            gone: gone.to_vec(),
            ..Settlement::default()
        };
        self.record(settlement).await;
    }

    async fn removed(&self) -> Vec<Removed> {
        self.store().removed().await.unwrap()
    }
}

#[tokio::test]
async fn what_others_removed_can_be_had_back_whole() {
    let mut account = Account::holding(&["ebb and flow"]).await;
    let one = account.messages[0];
    account.accept(vec![adding(one, FLAGGED.union(SEEN))]).await;
    account.loses(&[one]).await;
    account.reopen().await;
    let removed = account.removed().await;
    let [row] = &removed[..] else {
        panic!("{removed:?}")
    };
    assert_eq!((row.instant, row.zone_minutes, row.size), (1, 60, 12));
    assert_eq!(row.flags, [Flag::Seen, Flag::Flagged]);
    assert_eq!(row.header, b"Subject: ebb\r\n\r\n");
    assert!(!row.by_user);
    let text = account.store().removed_text(row.id).await.unwrap();
    assert_eq!(text.unwrap(), b"ebb and flow");
    account.store().note_restored(row.id).await.unwrap();
    assert!(account.removed().await[0].restored_at.is_some());
}

#[tokio::test]
async fn what_the_user_removed_is_told_apart() {
    let account = Account::holding(&["ebb", "flow"]).await;
    let one = account.messages[0];
    account
        .accept(vec![adding(one, DELETED), expunging(one)])
        .await;
    assert_eq!(account.removed().await, []);
    account.loses(&account.messages).await;
    let removed = account.removed().await;
    let by_user: Vec<bool> = removed.iter().map(|row| row.by_user).collect();
    assert_eq!(by_user, [true, false]);
    assert_eq!(removed[0].flags, []);
}

#[tokio::test]
async fn what_is_still_there_or_came_back_was_not_removed() {
    let account = Account::holding(&["ebb", "flow", "neap"]).await;
    let [one, two, three] = account.messages[..] else {
        panic!("three")
    };
    // A crash between the journal's commit and the cache's.
    let keep = account.store().keep_in_limbo(account.inbox, vec![one]);
    keep.await.unwrap();
    let settlement = Settlement {
        gone: vec![two],
        arrived: arrivals(&[mark(2)])
            .into_iter()
            .map(|arrival| Arrival {
                was: Some(two),
                ..arrival
            })
            .collect(),
        ..Settlement::default()
    };
    account.record(settlement).await;
    assert_eq!(account.removed().await, []);
    account.loses(&[one, three]).await;
    assert_eq!(account.removed().await.len(), 2);
}

#[tokio::test]
async fn a_message_whose_text_was_not_held_cannot_be_had_back() {
    let account = Account::with(2).await;
    account.hold(account.messages[1], "flow").await;
    account.loses(&account.messages).await;
    assert_eq!(account.removed().await.len(), 1);
}

#[tokio::test]
async fn the_oldest_go_when_there_is_too_much_and_the_old_in_time() {
    let account = Account::holding(&["ebb", "flow", "neap"]).await;
    account.loses(&account.messages).await;
    let forget = async |since, most| {
        let forget = move |journal: &mut rusqlite::Connection| {
            let transaction = journal.transaction()?;
            forget(&transaction, since, most)?;
            Ok(transaction.commit()?)
        };
        account.store().inner.journal.run(forget).await.unwrap();
        account
            .removed()
            .await
            .iter()
            .map(|row| row.id)
            .collect::<Vec<_>>()
    };
    assert_eq!(forget(0, 11).await, [1, 2, 3]);
    assert_eq!(forget(0, 10).await, [2, 3]);
    assert_eq!(forget(i64::MAX, 10).await, [0; 0]);
}

const LETTER: &[u8] = b"Subject: ebb\r\n\r\nlow water";

/// A message that is to be appended.
pub(super) fn letter() -> NewMessage {
    let unnamed = MessageId::from_raw(0);
    NewMessage {
        flags: FLAGGED,
        instant: 5,
        zone_minutes: -60,
        size: 25,
        header: header(unnamed, b"Subject: ebb\r\n\r\n"),
        body: body(unnamed, LETTER),
    }
}

#[tokio::test]
async fn a_message_that_is_to_be_appended_survives_without_a_cache() {
    let mut account = Account::with(0).await;
    let accepted = account.store().accept_message(account.inbox, letter());
    accepted.await.unwrap();
    assert_eq!(account.view().await, []);
    account.lose_cache().await;
    let input = account.store().pass_input(account.inbox).await.unwrap();
    let [entry] = &input.entries[..] else {
        panic!("{:?}", input.entries)
    };
    let crate::journal::Action::Append {
        flags,
        zone_minutes,
    } = entry.action
    else {
        panic!("{entry:?}")
    };
    assert_eq!((flags, zone_minutes), (FLAGGED, -60));
    assert_eq!((entry.mark.instant, entry.mark.size), (5, 25));
    let store = account.store();
    assert_eq!(store.pinned(entry.id).await.unwrap().unwrap(), LETTER);
    assert!(store.drop_entry(entry.id).await.unwrap());
    assert_eq!(store.pinned(entry.id).await.unwrap(), None);
}

/// What the user flagged and others removed, where that is to be put back.
async fn flagged_and_removed(account: &Account) {
    let one = account.messages[0];
    account.accept(vec![adding(one, FLAGGED)]).await;
    let ids = account.entries().await;
    let conflict = Conflict {
        message: one,
        kind: ConflictKind::ChangedHereRestoredThere,
        saw: SEEN,
        there: RemoteState::Gone,
        kept: MessageState::Gone,
        entries: ids.clone(),
    };
    let settlement = Settlement {
        gone: vec![one],
        retired: ids,
        conflicts: vec![conflict],
        ..Settlement::default()
    };
    account.record(settlement).await;
}

#[tokio::test]
async fn what_others_removed_is_appended_anew_where_that_is_wanted_and_can_be() {
    let account = Account::holding(&["ebb"]).await;
    account.store().learn_server(true).await.unwrap();
    flagged_and_removed(&account).await;
    let entries = account.store().entries().await.unwrap();
    let [entry] = &entries[..] else {
        panic!("{entries:?}")
    };
    assert_eq!(entry.mark.header, Some(HeaderHash([9; 32])));
    assert!(!account.messages.contains(&entry.message));
    let octets = account.store().pinned(entry.id).await.unwrap().unwrap();
    assert_eq!(octets, b"ebb");
    let NamedAction::Append { flags, .. } = &entry.action else {
        panic!("{entry:?}")
    };
    assert_eq!(*flags, [Flag::Flagged]);
    let conflicts = account.store().conflicts().await.unwrap();
    assert_eq!(conflicts[0].kept, "put back as a new message");
}

#[tokio::test]
async fn what_cannot_be_put_back_is_told_to_be_gone() {
    let (held, unheld) = (Account::holding(&["ebb"]).await, Account::with(1).await);
    unheld.store().learn_server(true).await.unwrap();
    for account in [held, unheld] {
        flagged_and_removed(&account).await;
        assert_eq!(account.entries().await, []);
        let conflicts = account.store().conflicts().await.unwrap();
        assert_eq!(conflicts[0].kind, ConflictKind::ChangedHereDeletedThere);
        assert_eq!(conflicts[0].kept, "gone");
    }
}

#[tokio::test]
async fn a_copy_of_what_is_gone_is_appended_where_its_text_was_kept() {
    for (takes_messages, is_held) in [(true, true), (true, false), (false, true)] {
        let mut account = Account::with(1).await;
        let one = account.messages[0];
        if is_held {
            account.hold(one, "ebb and flow").await;
        }
        let store = account.store();
        let ids = store.adopt_list(vec![MailboxName::inbox(), name("notes")]);
        let notes = ids.await.unwrap()[1];
        store.learn_server(takes_messages).await.unwrap();
        store.view(notes).await.unwrap();
        let to = name("notes");
        let copy = NewEntry {
            message: one,
            action: Action::Copy { to: to.clone() },
        };
        account.accept(vec![adding(one, FLAGGED), copy]).await;
        let asked = account.entries().await;
        let settlement = Settlement {
            gone: vec![one],
            retired: vec![asked[0]],
            parked: vec![(asked[1], ParkReason::SourceGone)],
            ..Settlement::default()
        };
        account.record(settlement).await;
        // It dies before the text is appended; the next visit does it.
        account.reopen().await;
        let is_instead = takes_messages && is_held;
        assert_eq!(account.store().append_instead().await.unwrap(), is_instead);
        assert!(!account.store().append_instead().await.unwrap());
        let rows = account.store().entries().await.unwrap();
        assert_eq!(rows.len(), 1);
        if !is_instead {
            assert_eq!(rows[0].state, EntryState::Parked(ParkReason::SourceGone));
            continue;
        }
        assert_eq!(
            (&rows[0].mailbox, &rows[0].state),
            (&to, &EntryState::Pending)
        );
        let NamedAction::Append { flags, .. } = &rows[0].action else {
            panic!("{rows:?}")
        };
        assert_eq!(flags, &[Flag::Flagged]);
        let pinned = account.store().pinned(rows[0].id).await.unwrap();
        assert_eq!(pinned.unwrap(), b"ebb and flow");
        let input = account.store().pass_input(notes).await.unwrap();
        assert_eq!(input.entries.len(), 1);
        account.reopen().await;
        assert_eq!(account.entries().await, [rows[0].id]);
    }
}

/// The cache was lost, and then others removed the message: all that is left is what the journal has.
#[tokio::test]
async fn a_copy_needs_neither_the_cache_nor_the_message() {
    for is_held in [true, false] {
        let mut account = Account::with(2).await;
        let one = account.messages[0];
        if is_held {
            account.hold(one, "ebb and flow").await;
        }
        let (notes, here) = (name("notes"), MailboxName::inbox());
        let copying = |to| NewEntry {
            message: one,
            action: Action::Copy { to },
        };
        let wishes = vec![adding(one, FLAGGED), copying(notes.clone()), copying(here)];
        account.accept(wishes).await;
        for _ in 0..2 {
            account.store().pin_sources().await.unwrap();
        }
        let asked = account.entries().await;
        let dropped = asked[2];
        account.store().drop_entry(dropped).await.unwrap();
        account.lose_cache().await;
        account.store().learn_server(true).await.unwrap();
        let input = account.store().pass_input(account.inbox).await.unwrap();
        let rebinding = rebind(&input.base, &input.entries);
        assert!(!account.store().append_instead().await.unwrap());
        let bound = account.store().rebind(account.inbox, rebinding);
        bound.await.unwrap();
        assert_eq!(account.store().append_instead().await.unwrap(), is_held);
        let rows = account.store().entries().await.unwrap();
        let last = &rows[1];
        if !is_held {
            assert_eq!(last.state, EntryState::Parked(ParkReason::SourceGone));
            continue;
        }
        assert_eq!((&last.mailbox, &last.state), (&notes, &EntryState::Pending));
        assert!(
            matches!(&last.action, NamedAction::Append { flags, .. } if *flags == [Flag::Flagged])
        );
        let text = account.store().pinned(last.id).await.unwrap();
        assert_eq!(text.unwrap(), b"ebb and flow");
        assert_eq!(account.store().pinned(asked[1]).await.unwrap(), None);
        assert_eq!(account.store().pinned(dropped).await.unwrap(), None);
    }
}
