//! One visit to a server: connect, take over its list, pass over each mailbox until nothing is left to do at once.

use super::error::PassError;
use super::pass::{PassOptions, pass};
use super::progress::Progress;
use super::report::Report;
use super::settings;
use crate::config::Upstream;
use crate::id::MailboxId;

use crate::protocol::types::MailboxName;
use crate::store::Store;
use crate::upstream::{Dialect, Session, UpstreamError};

/// What to do on a visit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Errand {
    /// Only this mailbox; `None` for all that are mirrored.
    pub mailbox: Option<MailboxName>,
    /// Look and plan, and send nothing that writes.
    pub dry_run: bool,
}

/// What became of one mailbox.
#[derive(Debug)]
pub struct Outcome {
    /// The mailbox.
    pub mailbox: MailboxName,
    /// What was done, or why it was not.
    pub result: Result<Report, PassError>,
}

/// Connects and logs in.
///
/// # Errors
/// [`UpstreamError`].
pub(super) async fn connect(upstream: &Upstream) -> Result<Session, UpstreamError> {
    Session::connect(&settings::server(upstream).await?).await
}

/// Connects, logs in and leaves again: what the server speaks.
///
/// # Errors
/// [`UpstreamError`] as a visit would meet it.
pub async fn probe(upstream: &Upstream) -> Result<Dialect, UpstreamError> {
    let session = connect(upstream).await?;
    let dialect = session.features().dialect;
    session.logout().await;
    Ok(dialect)
}

/// Takes over the server's list of mailboxes; gives those that are mirrored, INBOX first.
pub(super) async fn mailboxes(
    session: &mut Session,
    upstream: &Upstream,
    store: &Store,
) -> Result<Vec<(MailboxName, MailboxId)>, PassError> {
    let mut names = session.list().await?;
    names.retain(|name| upstream.mailboxes.matches(name.as_bytes()));
    for named in upstream.mailboxes.named() {
        if let Ok(name) = MailboxName::from_bytes(named.as_bytes())
            && !names.contains(&name)
        {
            names.push(name);
        }
    }
    names.sort_by_key(|name| !name.is_inbox());
    let ids = store.adopt_list(names.clone()).await?;
    Ok(names.into_iter().zip(ids).collect())
}

/// Passes over the mailboxes of an errand. Ends early when the connection is of no further use.
///
/// # Errors
/// [`PassError`] when not even the list could be had.
pub(super) async fn passes(
    session: &mut Session,
    upstream: &Upstream,
    store: &Store,
    errand: &Errand,
    progress: &Progress,
) -> Result<Vec<Outcome>, PassError> {
    let options = PassOptions {
        dry_run: errand.dry_run,
        ..settings::options(upstream)
    };
    let mirrored = mailboxes(session, upstream, store).await?;
    let mut outcomes = Vec::new();
    for (mailbox, id) in mirrored {
        if errand.mailbox.as_ref().is_some_and(|only| *only != mailbox) {
            continue;
        }
        let result = until_quiet(session, store, id, &options, progress).await;
        let over = matches!(&result, Err(PassError::Upstream(error)) if error.ends_connection());
        let broken = matches!(&result, Err(PassError::Store(_)));
        outcomes.push(Outcome { mailbox, result });
        if over || broken {
            break;
        }
    }
    Ok(outcomes)
}

/// Passes over one mailbox until a pass leaves nothing to do at once: a copy, for one, is proven by the pass after it.
async fn until_quiet(
    session: &mut Session,
    store: &Store,
    mailbox: MailboxId,
    options: &PassOptions,
    progress: &Progress,
) -> Result<Report, PassError> {
    let mut total = Report::default();
    for _ in 0..MAX_PASSES {
        let report = pass(session, store, mailbox, options, progress).await?;
        let again = report.again;
        total = total.and(report);
        if !again {
            break;
        }
    }
    Ok(total)
}

/// Visits a server once, for one errand.
///
/// # Errors
/// [`PassError`] when not even the list of mailboxes could be had.
pub async fn visit(
    upstream: &Upstream,
    store: &Store,
    errand: &Errand,
    progress: &Progress,
) -> Result<Vec<Outcome>, PassError> {
    let mut session = connect(upstream).await?;
    let outcomes = passes(&mut session, upstream, store, errand, progress).await?;
    session.logout().await;
    Ok(outcomes)
}

/// How many passes over one mailbox may follow one another.
const MAX_PASSES: usize = 5;
