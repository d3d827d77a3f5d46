//! The loop of one account: connect, pass over the mailboxes, wait for a reason to do it again.

use std::collections::BTreeSet;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{Instant, sleep_until};

use super::error::PassError;
use super::progress::Progress;
use super::visit::{self, Errand, Outcome};
use crate::config::Upstream;
use crate::store::Store;
use crate::upstream::{Backoff, Retry, Session, UpstreamError};

/// What somebody asks of an account while its daemon runs.
#[derive(Debug)]
pub(super) struct Visit {
    pub(super) errand: Errand,
    pub(super) progress: Progress,
    pub(super) answer: oneshot::Sender<Result<Vec<Outcome>, PassError>>,
}

/// How the connection of an account is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) enum Link {
    /// Not tried yet.
    #[default]
    Starting,
    /// The server is talked to, or was a moment ago without trouble.
    Online,
    /// Kept offline on purpose.
    Offline,
    /// The last try failed.
    Failed {
        /// Why, in words.
        problem: String,
    },
}

/// One account's task.
pub(super) struct Keeper {
    pub(super) upstream: Upstream,
    pub(super) store: Store,
    pub(super) visits: mpsc::Receiver<Visit>,
    pub(super) online: watch::Receiver<bool>,
    pub(super) link: watch::Sender<Link>,
    pub(super) backoff: Backoff,
}

/// Why the loop woke up.
enum Wake {
    /// The time for a look has come.
    Poll,
    /// The user did something, or waits for a text.
    Doorbell,
    /// Somebody asks for a visit and waits for its outcome.
    Asked(Visit),
    /// Whether to be online has changed.
    Switched,
    /// Nobody can ask any more: the daemon stops.
    Stopped,
}

impl Keeper {
    /// Runs until nobody can ask for visits any more.
    pub(super) async fn run(mut self) {
        let mut session: Option<Session> = None;
        let mut failures: u32 = 0;
        let mut next = Instant::now();
        let mut accepted = self.store.accepted();
        let mut wanted = self.store.wanted();
        loop {
            let wake = tokio::select! {
                biased;
                visit = self.visits.recv() => visit.map_or(Wake::Stopped, Wake::Asked),
                switched = self.online.changed() => if switched.is_ok() { Wake::Switched } else { Wake::Stopped },
                () = sleep_until(next) => Wake::Poll,
                _ = accepted.changed() => Wake::Doorbell,
                _ = wanted.wait_for(|wanted| !wanted.is_empty()) => Wake::Doorbell,
            };
            let online = *self.online.borrow_and_update();
            let (errands, asked) = match wake {
                Wake::Stopped => break,
                Wake::Poll => (vec![Errand::default()], None),
                Wake::Switched => (
                    if online {
                        vec![Errand::default()]
                    } else {
                        Vec::new()
                    },
                    None,
                ),
                Wake::Doorbell => (self.pressing().await, None),
                Wake::Asked(visit) => (vec![visit.errand.clone()], Some(visit)),
            };
            if !online {
                drop(session.take());
                self.link.send_replace(Link::Offline);
                self.give_up_texts();
                next = far_future();
                if let Some(visit) = asked {
                    drop(
                        visit.answer.send(Err(UpstreamError::NotOffered {
                            what: "a connection: the account is offline",
                        }
                        .into())),
                    );
                }
                continue;
            }
            let progress = asked
                .as_ref()
                .map_or_else(Progress::silent, |visit| visit.progress.clone());
            let outcome = self.round(&mut session, &errands, &progress).await;
            next = self.judge(&outcome, &mut failures);
            self.give_up_texts();
            if let Some(visit) = asked {
                drop(visit.answer.send(outcome));
            }
        }
        if let Some(session) = session {
            session.logout().await;
        }
    }

    /// Runs errands on the connection there is, or a new one. Ends at once when the account is switched off; a pass that is
    /// dropped in the middle is like a connection that broke.
    async fn round(
        &mut self,
        session: &mut Option<Session>,
        errands: &[Errand],
        progress: &Progress,
    ) -> Result<Vec<Outcome>, PassError> {
        let mut online = self.online.clone();
        tokio::select! {
            outcome = self.talk(session, errands, progress) => outcome,
            _ = online.wait_for(|online| !online) => Err(UpstreamError::Closed { text: "taken offline".to_owned() }.into()),
        }
    }

    async fn talk(
        &self,
        kept: &mut Option<Session>,
        errands: &[Errand],
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
        self.link.send_replace(Link::Online);
        let mut outcomes = Vec::new();
        for errand in errands {
            outcomes.extend(
                visit::passes(&mut session, &self.upstream, &self.store, errand, progress).await?,
            );
        }
        let broken = outcomes.iter().any(|outcome| matches!(&outcome.result, Err(PassError::Upstream(error)) if error.ends_connection()));
        if broken {
            return Ok(outcomes);
        }
        if session.features().dialect.mailboxes_are_shared() {
            *kept = Some(session);
        } else {
            session.logout().await;
        }
        Ok(outcomes)
    }

    /// The mailboxes in which something waits to be done at once.
    async fn pressing(&self) -> Vec<Errand> {
        let entries = self.store.entries().await.unwrap_or_default();
        let mut names: BTreeSet<_> = entries
            .into_iter()
            .filter(|row| row.is_active())
            .map(|row| row.mailbox)
            .collect();
        let wanted = self.store.wanted().borrow().clone();
        let mailboxes = self.store.mailboxes().await.unwrap_or_default();
        names.extend(
            mailboxes
                .into_iter()
                .filter(|row| wanted.iter().any(|(id, _)| *id == row.id))
                .map(|row| row.name),
        );
        names
            .into_iter()
            .map(|name| Errand {
                mailbox: Some(name),
                dry_run: false,
            })
            .collect()
    }

    /// Clients that wait for a text are told when it will not come.
    fn give_up_texts(&self) {
        let left = self.store.wanted().borrow().clone();
        if !left.is_empty() {
            self.store.cannot_fetch(&left);
        }
    }

    /// When to look next.
    fn judge(&self, outcome: &Result<Vec<Outcome>, PassError>, failures: &mut u32) -> Instant {
        let failed = match outcome {
            Err(error) => Some(error),
            Ok(outcomes) => outcomes
                .iter()
                .find_map(|outcome| outcome.result.as_ref().err()),
        };
        let now = Instant::now();
        let Some(error) = failed else {
            *failures = 0;
            self.link.send_replace(Link::Online);
            return now.checked_add(self.upstream.poll).unwrap_or(now);
        };
        *failures = failures.saturating_add(1);
        let problem = chain(error);
        tracing::warn!(failures, %problem, "the account could not be synchronised");
        self.link.send_replace(Link::Failed { problem });
        let retry = match error {
            PassError::Upstream(error) => error.retry(),
            PassError::Store(_) => Retry::Later,
        };
        let wait = self.backoff.wait(*failures, chance(), retry);
        now.checked_add(wait).unwrap_or(now)
    }
}

/// An error with its causes, in one line.
pub(super) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let words = cause.to_string();
        if !text.ends_with(&words) {
            text = format!("{text}: {words}");
        }
        source = cause.source();
    }
    text
}

fn chance() -> u32 {
    getrandom::u32().unwrap_or(u32::MAX / 2)
}

fn far_future() -> Instant {
    let now = Instant::now();
    now.checked_add(Duration::from_secs(60 * 60 * 24 * 365))
        .unwrap_or(now)
}
