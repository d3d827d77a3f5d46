//! The loop of one account: connect, pass over the mailboxes, wait for a reason to do it again.

use std::collections::{BTreeMap, BTreeSet};

use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{Instant, sleep_until};

use super::agenda::{Agenda, Round};
use super::control::Failure;
use super::error::PassError;
use super::progress::Progress;
use super::visit::{self, Errand, Outcome};
use crate::config::Upstream;
use crate::endpoint::stopped;
use crate::id::{MailboxId, MessageId};
use crate::protocol::types::MailboxName;
use crate::store::{Store, StoreError};
use crate::upstream::{Retry, Session};

/// What somebody asks of an account while its daemon runs.
#[derive(Debug)]
pub(super) struct Visit {
    pub(super) errand: Errand,
    pub(super) progress: Progress,
    pub(super) answer: oneshot::Sender<Result<Vec<Outcome>, PassError>>,
}

/// How an account stands with its server.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Standing {
    pub(super) link: Link,
    /// The mailboxes that could not be passed over, and why.
    pub(super) troubles: BTreeMap<MailboxName, Failure>,
}

/// How the connection of an account is, when it is not kept offline on purpose.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) enum Link {
    /// Not tried yet.
    #[default]
    Starting,
    /// The server is talked to, or was a moment ago without trouble.
    Online,
    /// The last try failed.
    Failed(Failure),
}

/// One account's task.
pub(super) struct Keeper {
    pub(super) upstream: Upstream,
    pub(super) store: Store,
    pub(super) agenda: Agenda,
    pub(super) visits: mpsc::Receiver<Visit>,
    pub(super) online: watch::Receiver<bool>,
    pub(super) released: watch::Receiver<bool>,
    pub(super) standing: watch::Sender<Standing>,
}

/// Why the loop woke up.
enum Wake {
    /// The time for a round has come.
    Due,
    /// The user did something.
    Rung,
    /// A client waits for a text.
    Wished,
    /// Somebody asks for a visit and waits for its outcome.
    Asked(Visit),
    /// Whether to be online may have changed.
    Switched,
    /// The account is no longer kept.
    Released,
}

/// Texts that clients wait for.
type Wishes = BTreeSet<(MailboxId, MessageId)>;

impl Keeper {
    /// Runs until it is released.
    pub(super) async fn run(mut self) {
        let mut session: Option<Session> = None;
        let mut accepted = self.store.accepted();
        self.switch(&mut session);
        loop {
            match self.wake(&mut accepted).await {
                Wake::Released => break,
                Wake::Switched => self.switch(&mut session),
                Wake::Rung => {
                    self.agenda.press();
                    if self.is_out_of_reach() {
                        self.pin_sources().await;
                    }
                }
                Wake::Wished if self.is_out_of_reach() => self.give_up(&self.wishes()),
                Wake::Wished => self.agenda.press(),
                Wake::Due => {
                    self.attend(&mut session).await;
                    self.pin_sources().await;
                }
                Wake::Asked(visit) => {
                    self.oblige(&mut session, visit).await;
                    self.pin_sources().await;
                }
            }
        }
        self.give_up(&self.wishes());
        if let Some(session) = session {
            session.logout().await;
        }
    }

    async fn wake(&mut self, accepted: &mut watch::Receiver<u64>) -> Wake {
        let mut wanted = self.store.wanted();
        let is_online = *self.online.borrow();
        tokio::select! {
            biased;
            () = stopped(&mut self.released) => Wake::Released,
            switched = self.online.changed() => if switched.is_ok() { Wake::Switched } else { Wake::Released },
            visit = self.visits.recv() => visit.map_or(Wake::Released, Wake::Asked),
            () = sleep_until(self.agenda.next_at()), if is_online => Wake::Due,
            _ = accepted.changed() => Wake::Rung,
            _ = wanted.wait_for(|wanted| !wanted.is_empty()) => Wake::Wished,
        }
    }

    /// Takes over whether to be online.
    fn switch(&mut self, session: &mut Option<Session>) {
        if *self.online.borrow_and_update() {
            self.agenda.start_over(Instant::now());
            self.stand(Link::Starting);
        } else {
            drop(session.take());
        }
    }

    /// Whether a text that a client waits for will not come soon.
    fn is_out_of_reach(&self) -> bool {
        !*self.online.borrow() || self.agenda.is_backing_off(Instant::now())
    }

    /// Keeps what waits to be copied, now that it waits for longer than a moment; until there is something else to do.
    async fn pin_sources(&self) {
        let (mut online, mut released) = (self.online.clone(), self.released.clone());
        let pinned = tokio::select! {
            pinned = self.store.pin_sources() => pinned,
            _ = online.changed() => Ok(()),
            () = stopped(&mut released) => Ok(()),
        };
        if let Err(error) = pinned {
            tracing::warn!(%error, "the texts of messages that are to be copied were not kept");
        }
    }

    /// Does what is due.
    async fn attend(&mut self, session: &mut Option<Session>) {
        let round = self.agenda.due(Instant::now());
        let wishes = self.wishes();
        let errand = match round {
            Round::Full => Ok(Some(Errand::default())),
            Round::Pressing | Round::Asked => self.pressing().await,
        };
        match errand {
            Ok(None) => self.agenda.nothing_presses(),
            Ok(Some(errand)) => {
                let outcome = self.round(session, &errand, &Progress::silent()).await;
                self.judge(round, &outcome);
            }
            Err(error) => self.judge(round, &Err(error.into())),
        }
        // What was wanted by then and did not come with this round will not come.
        self.give_up(&wishes);
    }

    /// Does what somebody asks for, whatever failed before.
    async fn oblige(&mut self, session: &mut Option<Session>, visit: Visit) {
        let Visit {
            errand,
            progress,
            answer,
        } = visit;
        let outcome = if *self.online.borrow() {
            let is_full = errand.is_full();
            let wishes = if is_full {
                self.wishes()
            } else {
                Wishes::new()
            };
            let outcome = self.round(session, &errand, &progress).await;
            let round = if is_full { Round::Full } else { Round::Asked };
            self.judge(round, &outcome);
            self.give_up(&wishes);
            outcome
        } else {
            Err(PassError::Offline)
        };
        // Whoever asked may have gone.
        drop(answer.send(outcome));
    }

    /// Runs an errand on the connection there is, or a new one. Ends at once when the account is switched off or released;
    /// a pass that is dropped in the middle is like a connection that broke.
    async fn round(
        &self,
        session: &mut Option<Session>,
        errand: &Errand,
        progress: &Progress,
    ) -> Result<Vec<Outcome>, PassError> {
        let (mut online, mut released) = (self.online.clone(), self.released.clone());
        tokio::select! {
            outcome = self.talk(session, errand, progress) => outcome,
            _ = online.wait_for(|online| !online) => Err(PassError::Offline),
            () = stopped(&mut released) => Err(PassError::Released),
        }
    }

    async fn talk(
        &self,
        kept: &mut Option<Session>,
        errand: &Errand,
        progress: &Progress,
    ) -> Result<Vec<Outcome>, PassError> {
        let mut alive = kept.take();
        if let Some(session) = alive.as_mut()
            && !session.is_alive().await
        {
            alive = None;
        }
        let mut session = match alive {
            Some(session) => session,
            None => visit::connect(&self.upstream).await?,
        };
        self.stand(Link::Online);
        let outcomes =
            visit::passes(&mut session, &self.upstream, &self.store, errand, progress).await?;
        if failure(&outcomes).is_some() {
            return Ok(outcomes);
        }
        if session.features().dialect.mailboxes_are_shared() {
            *kept = Some(session);
        } else {
            session.logout().await;
        }
        Ok(outcomes)
    }

    /// What waits to be done at once, if anything does.
    async fn pressing(&self) -> Result<Option<Errand>, StoreError> {
        let mut mailboxes = visit::pressing(&self.store).await?;
        mailboxes.retain(|name| self.upstream.mailboxes.matches(name.as_bytes()));
        Ok((!mailboxes.is_empty()).then_some(Errand {
            mailboxes: Some(mailboxes),
            dry_run: false,
        }))
    }

    fn wishes(&self) -> Wishes {
        self.store.wanted().borrow().clone()
    }

    /// Clients that wait for a text are told when it will not come.
    fn give_up(&self, wishes: &Wishes) {
        if !wishes.is_empty() {
            self.store.cannot_fetch(wishes);
        }
    }

    /// Notes what a round came to: when to look next, and how the account stands.
    fn judge(&mut self, round: Round, outcome: &Result<Vec<Outcome>, PassError>) {
        if let Ok(outcomes) = outcome {
            self.note_troubles(round, outcomes);
        }
        let failed = match outcome {
            Err(error) => Some(error),
            Ok(outcomes) => failure(outcomes),
        };
        let retry = match failed {
            None => {
                self.agenda.succeeded(round, Instant::now());
                return self.stand(Link::Online);
            }
            // Nothing failed; the loop hears of it next.
            Some(PassError::Offline | PassError::Released) => return,
            Some(PassError::Upstream(error)) => error.retry(),
            Some(PassError::Store(_) | PassError::Overtaken { .. }) => Retry::Later,
        };
        self.agenda.failed(retry, chance(), Instant::now());
        // Nothing will come before the end of the wait, so nobody needs to wait for it.
        self.give_up(&self.wishes());
        if let Some(error) = failed {
            let failure = Failure::from(error);
            tracing::warn!(problem = %failure.what, "the account could not be synchronised");
            self.stand(Link::Failed(failure));
        }
    }

    /// What is wrong with one mailbox does not hold up the others; it is remembered until that mailbox is passed over.
    fn note_troubles(&self, round: Round, outcomes: &[Outcome]) {
        let mut troubles = match round {
            Round::Full => BTreeMap::new(),
            Round::Pressing | Round::Asked => self.standing.borrow().troubles.clone(),
        };
        for Outcome { mailbox, result } in outcomes {
            match result {
                Err(error) if !error.ends_visit() => {
                    let failure = Failure::from(error);
                    let known = self.standing.borrow().troubles.get(mailbox) == Some(&failure);
                    if !known {
                        tracing::warn!(%mailbox, problem = %failure.what, "a mailbox could not be synchronised");
                    }
                    troubles.insert(mailbox.clone(), failure);
                }
                Ok(_) | Err(_) => drop(troubles.remove(mailbox)),
            }
        }
        self.standing
            .send_modify(|standing| standing.troubles = troubles);
    }

    fn stand(&self, link: Link) {
        self.standing.send_modify(|standing| standing.link = link);
    }
}

/// What ended a visit before its time.
fn failure(outcomes: &[Outcome]) -> Option<&PassError> {
    let mut errors = outcomes
        .iter()
        .filter_map(|outcome| outcome.result.as_ref().err());
    errors.find(|error| error.ends_visit())
}

fn chance() -> u32 {
    getrandom::u32().unwrap_or(u32::MAX / 2)
}
