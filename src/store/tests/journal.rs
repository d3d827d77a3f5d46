//! What the user did: durable before it is visible, and there until it is retired.

use super::{
    Account, DELETED, FLAGGED, NONE, SEEN, adding, expunging, found, mark, name, removing,
};
use crate::id::EntryId;
use crate::journal::{Action, Attempt, EntryState, NewEntry, ParkReason};
use crate::mirror::{Access, MailboxFacts, Settlement, Trouble, fold, rebind};
use crate::protocol::types::Keyword;
use crate::store::{NamedAction, StoreError};

#[tokio::test]
async fn what_was_accepted_is_there_after_a_restart() {
    let mut account = Account::with(3).await;
    let [one, two, three] = account.messages[..] else {
        panic!("three")
    };
    let copy = NewEntry {
        message: three,
        action: Action::Copy {
            to: name("archive"),
        },
    };
    let wishes = vec![
        adding(one, SEEN),
        adding(two, DELETED),
        expunging(two),
        copy,
    ];
    assert_eq!(account.accept(wishes).await, 4);
    let expected = [(one, SEEN), (three, NONE)];
    assert_eq!(account.view().await, expected);
    account.reopen().await;
    assert_eq!(account.view().await, expected);
    let rows = account.store().entries().await.unwrap();
    let actions: Vec<_> = rows
        .iter()
        .map(|row| (row.message, row.action.clone()))
        .collect();
    assert_eq!(actions[2], (two, NamedAction::Expunge));
    assert_eq!(
        actions[3],
        (
            three,
            NamedAction::Copy {
                to: name("archive")
            }
        )
    );
    assert!(
        rows.iter()
            .all(|row| row.state == EntryState::Pending && row.mailbox == name("INBOX"))
    );
    assert_eq!(
        rows[2].flags_before,
        [crate::protocol::types::Flag::Deleted]
    );
}

#[tokio::test]
async fn what_is_so_already_is_not_accepted_again() {
    let account = Account::with(1).await;
    let one = account.messages[0];
    assert_eq!(account.accept(vec![removing(one, SEEN)]).await, 0);
    assert_eq!(account.accept(vec![adding(one, SEEN)]).await, 1);
    assert_eq!(account.accept(vec![adding(one, SEEN)]).await, 0);
    assert_eq!(
        account
            .accept(vec![
                adding(one, DELETED),
                expunging(one),
                adding(one, FLAGGED)
            ])
            .await,
        2
    );
    assert_eq!(account.accept(vec![expunging(one)]).await, 0);
    assert_eq!(
        account
            .accept(vec![adding(crate::id::MessageId::from_raw(999), SEEN)])
            .await,
        0
    );
}

#[tokio::test]
async fn several_wishes_for_one_message_count_in_their_order() {
    let mut account = Account::with(1).await;
    let one = account.messages[0];
    let wishes = vec![
        adding(one, SEEN),
        removing(one, SEEN),
        adding(one, FLAGGED),
        adding(one, FLAGGED),
    ];
    assert_eq!(account.accept(wishes).await, 3);
    assert_eq!(account.view().await, [(one, FLAGGED)]);
    account.reopen().await;
    assert_eq!(account.view().await, [(one, FLAGGED)]);
    let rows = account.store().entries().await.unwrap();
    assert_eq!(rows[1].flags_before, [crate::protocol::types::Flag::Seen]);
}

#[tokio::test]
async fn an_attempt_is_on_record_before_anything_is_sent() {
    let mut account = Account::with(1).await;
    account
        .accept(vec![adding(account.messages[0], SEEN)])
        .await;
    let entry = account.entries().await[0];
    let attempt = Attempt {
        number: 2,
        equals_before: 7,
    };
    account
        .store()
        .begin_attempt(account.inbox, vec![(entry, attempt)])
        .await
        .unwrap();
    account.reopen().await;
    let input = account.store().pass_input(account.inbox).await.unwrap();
    assert_eq!(input.entries[0].state, EntryState::Attempted(attempt));
}

#[tokio::test]
async fn nothing_is_begun_for_an_action_that_was_given_up() {
    let account = Account::with(2).await;
    let [one, two] = account.messages[..] else {
        panic!("two")
    };
    account
        .accept(vec![adding(one, SEEN), adding(two, SEEN)])
        .await;
    let ids = account.entries().await;
    let attempt = Attempt {
        number: 1,
        equals_before: 0,
    };
    let begin = async |entries: &[EntryId]| {
        let attempts = entries.iter().map(|entry| (*entry, attempt)).collect();
        let begun = account.store().begin_attempt(account.inbox, attempts);
        begun.await.unwrap()
    };
    assert!(account.store().drop_entry(ids[1]).await.unwrap());
    assert!(!begin(&ids).await);
    for entry in account.store().entries().await.unwrap() {
        assert_eq!(entry.state, EntryState::Pending, "nothing was recorded");
    }
    assert!(begin(&ids[..1]).await);
}

#[tokio::test]
async fn parked_entries_show_why_and_no_longer_show_in_the_view() {
    let mut account = Account::with(2).await;
    let [one, two] = account.messages[..] else {
        panic!("two")
    };
    account
        .accept(vec![adding(one, SEEN), adding(two, SEEN)])
        .await;
    let ids = account.entries().await;
    let refused = ParkReason::Refused {
        text: "not here".to_owned(),
    };
    let settlement = Settlement {
        parked: vec![(ids[0], refused.clone())],
        troubled: vec![(ids[1], Trouble::Refused("busy".to_owned()))],
        ..Settlement::default()
    };
    account.record(settlement).await;
    for reopened in [false, true] {
        if reopened {
            account.reopen().await;
        }
        assert_eq!(account.view().await, [(one, NONE), (two, SEEN)]);
        let rows = account.store().entries().await.unwrap();
        assert_eq!(rows[0].state, EntryState::Parked(refused.clone()));
        assert_eq!(rows[1].trouble, "the server said NO: busy");
    }
    assert!(account.store().retry_entry(ids[0]).await.unwrap());
    assert!(!account.store().retry_entry(ids[1]).await.unwrap());
    assert_eq!(account.view().await, [(one, SEEN), (two, SEEN)]);
    assert!(account.store().drop_entry(ids[0]).await.unwrap());
    assert!(!account.store().drop_entry(ids[0]).await.unwrap());
    assert_eq!(account.view().await, [(one, NONE), (two, SEEN)]);
}

#[tokio::test]
async fn every_reason_to_park_is_read_back() {
    let reasons = [
        ParkReason::Refused {
            text: "words \u{e4}".to_owned(),
        },
        ParkReason::NotKept,
        ParkReason::NoDestination,
        ParkReason::SourceGone,
        ParkReason::NoReceipt,
        ParkReason::Unbound,
    ];
    let account = Account::with(1).await;
    let one = account.messages[0];
    let copies: Vec<_> = reasons
        .iter()
        .map(|_| NewEntry {
            message: one,
            action: Action::Copy { to: name("a") },
        })
        .collect();
    account.accept(copies).await;
    let parked = account
        .entries()
        .await
        .into_iter()
        .zip(reasons.clone())
        .collect();
    account
        .record(Settlement {
            parked,
            ..Settlement::default()
        })
        .await;
    let states: Vec<_> = account
        .store()
        .entries()
        .await
        .unwrap()
        .into_iter()
        .map(|row| row.state)
        .collect();
    assert_eq!(states, reasons.map(EntryState::Parked));
}

#[tokio::test]
async fn entries_survive_the_loss_of_the_cache_and_find_their_messages() {
    let mut account = Account::with(3).await;
    let [one, two, three] = account.messages[..] else {
        panic!("three")
    };
    let keyword: Keyword = "Harbour".parse().unwrap();
    let keywords = account
        .store()
        .define_keywords(account.inbox, vec![keyword.clone()])
        .await
        .unwrap();
    let harbour = keywords.lookup(&keyword).unwrap();
    account
        .accept(vec![
            adding(one, harbour),
            adding(two, DELETED),
            expunging(two),
            adding(three, FLAGGED),
        ])
        .await;
    account.lose_cache().await;

    assert_eq!(account.view().await, []);
    assert_eq!(account.entries().await.len(), 4);
    let other: Keyword = "Pier".parse().unwrap();
    account
        .store()
        .define_keywords(account.inbox, vec![other])
        .await
        .unwrap();
    let again = account.record(found(&[mark(9), mark(1), mark(2)])).await;
    assert!(
        again.iter().all(|id| *id > three),
        "{again:?} are new names"
    );

    let input = account.store().pass_input(account.inbox).await.unwrap();
    let rebinding = rebind(&input.base, &input.entries);
    account
        .store()
        .rebind(account.inbox, rebinding)
        .await
        .unwrap();
    let harbour = input.keywords.lookup(&keyword).expect("its name was kept");
    for reopened in [false, true] {
        if reopened {
            account.reopen().await;
        }
        assert_eq!(
            account.view().await,
            [(again[0], NONE), (again[1], harbour)]
        );
        let last = account.store().entries().await.unwrap().pop().unwrap();
        assert_eq!(last.state, EntryState::Parked(ParkReason::Unbound));
    }
}

#[tokio::test]
async fn a_removal_that_a_crash_left_behind_is_not_tied_to_a_twin() {
    let mut account = Account::with(0).await;
    let twins = account.record(found(&[mark(7), mark(7)])).await;
    account
        .accept(vec![adding(twins[0], DELETED), expunging(twins[0])])
        .await;
    account
        .record(Settlement {
            gone: vec![twins[0]],
            ..Settlement::default()
        })
        .await;
    account.reopen().await;
    assert_eq!(account.view().await, [(twins[1], NONE)]);
    let input = account.store().pass_input(account.inbox).await.unwrap();
    let local = fold(&input.base, &input.entries);
    assert!(local.unbound.is_empty() && local.changed.is_empty());
    assert_eq!(local.departed[&twins[0]].entries, account.entries().await);
}

#[tokio::test]
async fn what_was_done_to_a_message_that_came_back_holds_after_a_crash() {
    let mut account = Account::with(1).await;
    let old = account.messages[0];
    account.accept(vec![adding(old, FLAGGED)]).await;
    let mut came_back = found(&[mark(1)]);
    for _ in 0..2 {
        let known = account.view().await[0].0;
        came_back.gone = vec![known];
        came_back.arrived[0].was = Some(known);
        let new = account.record(came_back.clone()).await[0];
        // The journal's file still names the message as it was first known.
        account.reopen().await;
        assert_eq!(account.view().await, [(new, FLAGGED)]);
        let input = account.store().pass_input(account.inbox).await.unwrap();
        assert_eq!(input.entries[0].message, new);
    }
}

#[tokio::test]
async fn ids_are_never_given_twice() {
    let mut account = Account::with(2).await;
    let mut last = account.messages[1];
    for round in 0..6 {
        if round % 2 == 0 {
            account.reopen().await;
        } else {
            account.lose_cache().await;
        }
        account.view().await;
        for id in account
            .record(found(&[mark(round), mark(round + 100)]))
            .await
        {
            assert!(id > last, "{id} after {last}");
            last = id;
        }
    }
}

#[tokio::test]
async fn entry_ids_are_never_given_twice() {
    let mut account = Account::with(1).await;
    let mut last = EntryId::from_raw(0);
    for _ in 0..3 {
        account
            .accept(vec![adding(account.messages[0], SEEN)])
            .await;
        let id = account.entries().await[0];
        assert!(id > last);
        last = id;
        account.store().drop_entry(id).await.unwrap();
        account.reopen().await;
    }
}

#[tokio::test]
async fn a_base_that_was_written_is_shown_though_the_journal_could_not_be() {
    let mut account = Account::with(2).await;
    let [one, two] = account.messages[..] else {
        panic!("two")
    };
    account
        .accept(vec![adding(one, SEEN), adding(one, FLAGGED)])
        .await;
    let entries = account.entries().await;
    let settlement = Settlement {
        flags: vec![(one, SEEN)],
        gone: vec![two],
        retired: entries[..1].to_vec(),
        troubled: vec![(entries[1], Trouble::Refused("x".repeat(100_000)))],
        ..found(&[mark(8)])
    };
    let no_room = |room: &'static str| {
        account
            .store()
            .inner
            .journal
            .run(move |file| Ok(file.execute_batch(room)?))
    };
    no_room("PRAGMA max_page_count = 1").await.unwrap();
    let failed = account
        .store()
        .record(account.inbox, settlement.clone())
        .await;
    assert!(matches!(failed, Err(StoreError::Full)), "{failed:?}");
    no_room("PRAGMA max_page_count = 1000000").await.unwrap();

    let before = account.view().await;
    assert_eq!(before.len(), 2);
    assert_eq!(before[0], (one, SEEN.union(FLAGGED)));
    account.reopen().await;
    assert_eq!(account.view().await, before, "memory and file agree");
    assert_eq!(
        account.entries().await,
        entries,
        "the entries are still there"
    );
}

#[tokio::test]
async fn clients_see_at_once_that_a_mailbox_is_for_reading_only() {
    let mut account = Account::with(1).await;
    assert!(account.store().view(account.inbox).await.unwrap().writable);
    let settlement = Settlement {
        facts: MailboxFacts {
            access: Access::ReadOnly,
            ..MailboxFacts::default()
        },
        ..Settlement::default()
    };
    account
        .store()
        .record(account.inbox, settlement)
        .await
        .unwrap();
    assert!(!account.store().view(account.inbox).await.unwrap().writable);
    account.reopen().await;
    assert!(!account.store().view(account.inbox).await.unwrap().writable);
}

#[tokio::test]
async fn a_pass_that_is_dropped_half_way_leaves_memory_and_file_agreed() {
    let mut account = Account::with(1).await;
    account
        .accept(vec![adding(account.messages[0], SEEN)])
        .await;
    let settlement = Settlement {
        flags: vec![(account.messages[0], SEEN)],
        retired: account.entries().await,
        ..found(&[mark(8)])
    };
    let (hold_back, held_back) = std::sync::mpsc::channel::<()>();
    let store = account.store().clone();
    let busy = async {
        store
            .inner
            .journal
            .run(move |_| {
                held_back.recv().ok();
                Ok(())
            })
            .await
    };
    let recording = async {
        let record = store.record(account.inbox, settlement);
        tokio::select! {
            biased;
            recorded = record => panic!("the journal is busy: {recorded:?}"),
            // The base is written by the job before this one.
            written = store.inner.cache.run(|_| Ok(())) => written.unwrap(),
        }
        hold_back.send(()).unwrap();
    };
    let (freed, ()) = tokio::join!(busy, recording);
    freed.unwrap();
    // The entry is retired or not: that job may have been handed over before the pass was dropped. Either is right.
    store.inner.journal.run(|_| Ok(())).await.unwrap();
    store.inner.cache.run(|_| Ok(())).await.unwrap();
    let (before, waiting) = (account.view().await, account.entries().await);
    assert_eq!(before.len(), 2);
    drop(store);
    account.reopen().await;
    assert_eq!(account.view().await, before);
    assert_eq!(account.entries().await, waiting);
}

#[tokio::test]
async fn the_doorbell_rings_for_what_is_new() {
    let account = Account::with(1).await;
    let mut accepted = account.store().accepted();
    accepted.mark_unchanged();
    account
        .accept(vec![removing(account.messages[0], SEEN)])
        .await;
    assert!(!accepted.has_changed().unwrap());
    let before = account.store().view(account.inbox).await.unwrap().change;
    account
        .accept(vec![adding(account.messages[0], SEEN)])
        .await;
    assert!(accepted.has_changed().unwrap());
    assert!(account.store().view(account.inbox).await.unwrap().change > before);
}
