//! Restore: what was removed is shown, and comes back.

use super::control::{Answer, Failure, FailureKind, RemovedInfo};
use super::words::field;
use crate::endpoint::{Letter, deliver};
use crate::protocol::types::{InternalDate, MailboxName};
use crate::store::{Kind, Removed, Store, StoreError};

/// What can be had back of an account, oldest first.
pub(super) async fn removed(account: &str, store: &Store) -> Result<Vec<RemovedInfo>, StoreError> {
    let info = |row: Removed| RemovedInfo {
        id: row.id,
        account: account.to_owned(),
        mailbox: row.mailbox.to_string(),
        subject: field(&row.header, b"Subject"),
        from: field(&row.header, b"From"),
        flags: row.flags.iter().map(ToString::to_string).collect(),
        size: row.size,
        by_user: row.by_user,
        removed_at: row.removed_at,
        restored_at: row.restored_at,
    };
    Ok(store.removed().await?.into_iter().map(info).collect())
}

/// The text of a removed message, one character for each octet.
pub(super) async fn text(store: &Store, id: i64) -> Result<Option<String>, StoreError> {
    let text = store.removed_text(id).await?;
    Ok(text.map(|octets| octets.into_iter().map(char::from).collect()))
}

/// Where a removed message is to go.
pub(super) struct Target<'a> {
    /// The account's name.
    pub(super) account: &'a str,
    pub(super) store: &'a Store,
    /// The mailbox; without it, one of the name it was in.
    pub(super) mailbox: Option<MailboxName>,
}

/// Brings a removed message back.
pub(super) async fn restore(
    account: &str,
    from: &Store,
    id: i64,
    to: Target<'_>,
) -> Result<Answer, Failure> {
    let found = from.removed().await?.into_iter().find(|row| row.id == id);
    let octets = from.removed_text(id).await?;
    let (Some(removed), Some(octets)) = (found, octets) else {
        let what = format!("{account} has no removed message {id}");
        return Err(Failure {
            advice: Some("Run \"lowtide restore\" to see which there are".to_owned()),
            ..Failure::new(FailureKind::Usage, what)
        });
    };
    if !to.store.takes_messages() {
        let what = format!("the server of {} takes no messages", to.account);
        let advice =
            "Have it written to a file with --file, or put it into another account with --into";
        return Err(Failure {
            advice: Some(advice.to_owned()),
            ..Failure::new(FailureKind::Usage, what)
        });
    }
    let name = to.mailbox.unwrap_or(removed.mailbox);
    let mailbox = match to.store.mailbox(&name) {
        Some(mailbox) => mailbox,
        None if to.store.kind() == Kind::Local => to.store.create_mailbox(name.clone()).await?,
        None => {
            let what = format!("the account {} has no mailbox {name}", to.account);
            return Err(Failure {
                advice: Some("Name one that it has with --to".to_owned()),
                ..Failure::new(FailureKind::Usage, what)
            });
        }
    };
    let letter = Letter {
        flags: removed.flags,
        date: InternalDate {
            instant_secs: removed.instant,
            offset_minutes: removed.zone_minutes,
            zone_known: true,
        },
        octets,
    };
    deliver(to.store, mailbox, letter).await?;
    from.note_restored(id).await?;
    Ok(Answer::Restored {
        mailbox: name.to_string(),
        waits: to.store.kind() == Kind::Mirror,
    })
}
