//! What the endpoint and the upstream read: content, lists, and what is still missing.

use std::collections::BTreeSet;
use std::time::Duration;

use rusqlite::Connection;
use tokio::sync::watch;

use super::content::{self};
use super::error::StoreError;
use super::mailbox::{self, MailboxRow};
use super::wish::Waiting;
use super::{Store, base, open};
use crate::id::{MailboxId, MessageId};
use crate::mirror::BaseMessage;
use crate::protocol::types::{FlagSet, MailboxName};

impl Store {
    /// Reads both files whole and checks that they hold together.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] with the file that does not.
    pub async fn verify(&self) -> Result<(), StoreError> {
        self.inner.journal_readers.run(open::check).await?;
        self.inner.readers.run(open::check).await
    }

    /// Every mailbox of the account, by name.
    ///
    /// # Errors
    /// What is wrong with the files.
    pub async fn mailboxes(&self) -> Result<Vec<MailboxRow>, StoreError> {
        self.inner.readers.run(mailbox::all).await
    }

    /// When every message of a mailbox was last shown by the server, in seconds since 1970; 0 for never.
    ///
    /// # Errors
    /// What is wrong with the files.
    pub async fn listed_at(&self, mailbox: MailboxId) -> Result<i64, StoreError> {
        self.inner
            .readers
            .run(move |cache| mailbox::listed_at(cache, mailbox))
            .await
    }

    /// Takes over the server's list: new mailboxes are added, missing ones are kept and marked.
    ///
    /// # Errors
    /// [`StoreError`] when nothing was changed.
    pub async fn adopt_list(&self, names: Vec<MailboxName>) -> Result<Vec<MailboxId>, StoreError> {
        let inner = self.inner.clone();
        let adopt = move |cache: &mut Connection| {
            let transaction = cache.transaction()?;
            let ids = mailbox::listed(&transaction, &names)?;
            transaction.commit()?;
            inner
                .memory()
                .names
                .extend(names.into_iter().zip(ids.iter().copied()));
            Ok(ids)
        };
        self.inner.cache.run(adopt).await
    }

    /// Envelopes as FETCH shows them, in the order asked for; `None` where the header was not read yet.
    ///
    /// # Errors
    /// What is wrong with the files.
    pub async fn envelopes(
        &self,
        messages: Vec<MessageId>,
    ) -> Result<Vec<Option<Vec<u8>>>, StoreError> {
        self.inner
            .readers
            .run(move |cache| content::envelopes(cache, &messages))
            .await
    }

    /// Structures as FETCH BODY shows them; `None` where the text is not held.
    ///
    /// # Errors
    /// What is wrong with the files.
    pub async fn structures(
        &self,
        messages: Vec<MessageId>,
    ) -> Result<Vec<Option<Vec<u8>>>, StoreError> {
        self.inner
            .readers
            .run(move |cache| content::structures(cache, &messages))
            .await
    }

    /// Raw headers with their blank line; `None` where the header was not read yet.
    ///
    /// # Errors
    /// What is wrong with the files.
    pub async fn headers(
        &self,
        messages: Vec<MessageId>,
    ) -> Result<Vec<Option<Vec<u8>>>, StoreError> {
        self.inner
            .readers
            .run(move |cache| content::headers(cache, &messages))
            .await
    }

    /// Whole messages; `None` where the text is not held.
    ///
    /// # Errors
    /// What is wrong with the files.
    pub async fn bodies(
        &self,
        messages: Vec<MessageId>,
    ) -> Result<Vec<Option<Vec<u8>>>, StoreError> {
        self.inner
            .readers
            .run(move |cache| content::bodies(cache, &messages))
            .await
    }

    /// Those of the messages that were unread when the mailbox was last looked at.
    ///
    /// # Errors
    /// [`StoreError::NoMailbox`].
    pub fn unread_in_base(
        &self,
        mailbox: MailboxId,
        messages: &[MessageId],
    ) -> Result<Vec<MessageId>, StoreError> {
        let unread = |held: &super::held::Held| {
            let known = messages
                .iter()
                .filter_map(|message| held.base.find(*message));
            let unread = known.filter(|known| !known.flags.contains(FlagSet::SEEN));
            unread.map(|known| known.id).collect()
        };
        self.inner.with(mailbox, unread)
    }

    /// Messages whose header is not held, in the server's order; its hash may be known.
    ///
    /// # Errors
    /// What is wrong with the files.
    pub async fn without_header(&self, mailbox: MailboxId) -> Result<Vec<BaseMessage>, StoreError> {
        self.inner
            .readers
            .run(move |cache| base::without_header(cache, mailbox))
            .await
    }

    /// Messages whose text is not held, in the server's order.
    ///
    /// # Errors
    /// What is wrong with the files.
    pub async fn without_body(&self, mailbox: MailboxId) -> Result<Vec<BaseMessage>, StoreError> {
        self.inner
            .readers
            .run(move |cache| base::without_body(cache, mailbox))
            .await
    }

    /// Asks for texts that are not held, and waits until none is owed any more, or for as long as `patience`.
    ///
    /// Which of them came is seen by reading them again.
    pub async fn want_bodies(
        &self,
        mailbox: MailboxId,
        messages: &[MessageId],
        patience: Duration,
    ) {
        let wishes = messages.iter().map(|&message| (mailbox, message));
        let waiting = Waiting::new(&self.inner, wishes.collect());
        let mut watching = self.inner.wanted.subscribe();
        let fulfilled = watching.wait_for(|wanted| wanted.is_disjoint(&waiting.wishes));
        // Whether they came or time has run out, nobody waits any more.
        drop(tokio::time::timeout(patience, fulfilled).await);
    }

    /// The texts that clients wait for, as they come and go.
    #[must_use]
    pub fn wanted(&self) -> watch::Receiver<BTreeSet<(MailboxId, MessageId)>> {
        self.inner.wanted.subscribe()
    }

    /// The texts of one mailbox that clients wait for.
    #[must_use]
    pub fn waited_for(&self, mailbox: MailboxId) -> BTreeSet<MessageId> {
        let wanted = self.inner.wanted.borrow();
        wanted
            .iter()
            .filter(|(of, _)| *of == mailbox)
            .map(|(_, message)| *message)
            .collect()
    }

    /// Gives up texts that clients wait for: the server cannot be reached, or does not have them.
    pub fn cannot_fetch(&self, messages: &BTreeSet<(MailboxId, MessageId)>) {
        self.inner
            .wanted
            .send_modify(|wanted| wanted.retain(|wish| !messages.contains(wish)));
    }

    /// Notes that a client was told of the messages up to `newest`: they are `\Recent` to nobody else. Returns up to which
    /// message that was so before; of two clients at once, only one gets the difference.
    ///
    /// # Errors
    /// [`StoreError::NoMailbox`].
    pub async fn seen_by_client(
        &self,
        mailbox: MailboxId,
        newest: MessageId,
    ) -> Result<MessageId, StoreError> {
        let before = self.inner.raise_seen_to(mailbox, newest)?;
        if before < newest {
            let save = move |cache: &mut Connection| mailbox::save_seen_to(cache, mailbox, newest);
            // A full disk is no reason to show nothing: what is lost is who sees a message as `\Recent`.
            if let Err(error) = self.inner.cache.run(save).await {
                tracing::warn!(%error, "not written down which messages are no longer recent");
            }
        }
        Ok(before)
    }
}
