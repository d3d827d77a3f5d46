//! What a connection knows between two commands, once its client is known: the account, and the mailbox it has open.

use std::future::pending;
use std::sync::Arc;

use tokio::sync::watch;

use super::numbers::{Expunges, News, Numbers};
use super::reply::Stop;
use super::settings::{Accounts, DialectPin, EndpointLimits};
use super::wire::{Ended, Wire};
use crate::id::{AccountName, MailboxId, MessageId};
use crate::protocol::response::{FlagNames, Recent};
use crate::protocol::types::{Flag, FlagSet, Keywords};
use crate::store::{Kind, Store, StoreError, View};

/// A client that is logged in.
#[derive(Debug)]
pub(super) struct Session {
    pub(super) account: AccountName,
    pub(super) store: Store,
    pub(super) accounts: watch::Receiver<Accounts>,
    pub(super) dialect: DialectPin,
    pub(super) limits: EndpointLimits,
    pub(super) selected: Option<Selected>,
}

/// The mailbox that a client has open.
#[derive(Debug)]
pub(super) struct Selected {
    pub(super) mailbox: MailboxId,
    pub(super) opened: Opened,
    pub(super) numbers: Numbers,
    /// The keywords that the client was told of.
    keywords: Arc<Keywords>,
    /// The flags by name, ready for the wire.
    pub(super) names: FlagNames,
}

/// By which command a mailbox was opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Opened {
    /// SELECT.
    ToWrite,
    /// EXAMINE: nothing is changed, not even what is `\Recent`.
    ToRead,
}

/// What a client is told before the end of a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tell {
    /// Nothing: there is no mailbox, or it was just opened.
    Nothing,
    /// What others have added or marked.
    Changes,
    /// Also what is gone.
    Expunges,
    /// Also how many messages there are, whether or not that is news.
    Counts,
}

impl Session {
    /// Returns once the account is no longer among those that are served: its files are wanted back, and no other files of
    /// its name can be opened before. Never, where the accounts cannot change.
    pub(super) async fn dismissed(&mut self) {
        let account = &self.account;
        let gone = |accounts: &Accounts| !accounts.contains_key(account);
        if self.accounts.wait_for(gone).await.is_err() {
            pending().await
        }
    }

    /// The open mailbox. Commands that need one are not let through without.
    pub(super) fn selected(&mut self) -> Result<&mut Selected, Stop> {
        self.selected
            .as_mut()
            .ok_or(Stop::Ended(Ended::Bye("No mailbox is open")))
    }

    /// The open mailbox as the store shows it now.
    pub(super) async fn view(&mut self) -> Result<View, Stop> {
        let mailbox = self.selected()?.mailbox;
        self.store.view(mailbox).await.map_err(lost)
    }

    /// Tells the client what has become different since it was last told.
    pub(super) async fn tell(&mut self, wire: &mut Wire, tell: Tell) -> Result<(), Stop> {
        let expunges = match tell {
            Tell::Nothing => return Ok(()),
            Tell::Changes => Expunges::Held,
            Tell::Expunges | Tell::Counts => Expunges::Told,
        };
        if self.selected.is_none() {
            return Ok(());
        }
        let view = self.view().await?;
        let store = self.store.clone();
        let selected = self.selected()?;
        let news = selected.numbers.compare(&view, expunges);
        if news.has_grown {
            selected.claim_recent(&store, &view).await?;
        }
        selected.tell_keywords(wire, store.kind(), &view);
        selected.tell_news(wire, &news, tell).await?;
        Ok(())
    }
}

impl Selected {
    /// What a client gets that opens the mailbox now, and what it is told of it.
    pub(super) async fn open(
        store: &Store,
        mailbox: MailboxId,
        opened: Opened,
        view: &View,
        wire: &mut Wire,
    ) -> Result<Self, StoreError> {
        let mut selected = Self {
            mailbox,
            opened,
            numbers: Numbers::new(view),
            keywords: view.keywords.clone(),
            names: FlagNames::new(&view.keywords),
        };
        selected.claim_recent(store, view).await?;
        wire.writer().flags(listed_flags(store.kind(), view));
        selected.tell_counts(wire);
        Ok(selected)
    }

    /// Decides which messages are `\Recent` to this client: those that no client was told of before.
    async fn claim_recent(&mut self, store: &Store, view: &View) -> Result<(), StoreError> {
        let Some(newest) = self.numbers.newest() else {
            return Ok(());
        };
        let seen_to = match self.opened {
            Opened::ToWrite => store.seen_by_client(self.mailbox, newest).await?,
            Opened::ToRead => view.seen_to,
        };
        self.numbers.add_recent(seen_to, newest);
        Ok(())
    }

    /// Whether the client may change anything.
    pub(super) fn is_writable(&self, view: &View) -> bool {
        self.opened == Opened::ToWrite && view.writable
    }

    /// Whether a message is shown as `\Recent`.
    pub(super) fn recent(&self, id: MessageId) -> Recent {
        if self.numbers.is_recent(id) {
            Recent::Yes
        } else {
            Recent::No
        }
    }

    /// Tells of keywords that are new, before any message is shown with them.
    pub(super) fn tell_keywords(&mut self, wire: &mut Wire, kind: Kind, view: &View) {
        if *self.keywords != *view.keywords {
            self.keywords = view.keywords.clone();
            self.names = FlagNames::new(&view.keywords);
            wire.writer().flags(listed_flags(kind, view));
        }
    }

    fn tell_counts(&self, wire: &mut Wire) {
        wire.writer().exists(self.numbers.count());
        wire.writer().recent(self.numbers.recent_count());
    }

    async fn tell_news(&mut self, wire: &mut Wire, news: &News, tell: Tell) -> Result<(), Ended> {
        for seq in &news.expunged {
            wire.writer().expunge(*seq);
            wire.make_room().await?;
        }
        if news.has_grown || !news.expunged.is_empty() || tell == Tell::Counts {
            self.tell_counts(wire);
        }
        for seq in &news.changed {
            if let Some(shown) = self.numbers.get(seq.get()) {
                let recent = self.recent(shown.id);
                let fetch = wire.writer();
                fetch
                    .into_fetch(*seq)
                    .flags(shown.flags, recent, &self.names)
                    .finish();
            }
            wire.make_room().await?;
        }
        Ok(())
    }
}

/// The flags that messages of a mailbox can be given.
pub(super) fn storable_flags(kind: Kind, view: &View) -> FlagSet {
    let all = FlagSet::SYSTEM.union(view.keywords.all());
    match (kind, view.permanent) {
        (Kind::Local, _) => all,
        (Kind::Mirror, Some(permanent)) => permanent,
        // A server that does not say is a server of IMAP2, where there are no drafts.
        (Kind::Mirror, None) => all.minus(FlagSet::DRAFT),
    }
}

/// The flags of a mailbox, as `* FLAGS` names them: the system flags first.
pub(super) fn listed_flags(kind: Kind, view: &View) -> impl Iterator<Item = Flag> {
    let listed = storable_flags(kind, view).union(view.keywords.all());
    view.keywords.names(listed)
}

/// A mailbox that is no longer there takes its connection with it: the client's numbers mean nothing any more.
fn lost(error: StoreError) -> Stop {
    match error {
        StoreError::NoMailbox => Stop::Ended(Ended::Bye("The mailbox that was open is gone")),
        error => error.into(),
    }
}
