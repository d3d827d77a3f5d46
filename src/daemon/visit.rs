//! One visit to a server: connect, take over its list, pass over each mailbox until nothing is left to do at once.

use std::collections::{BTreeSet, VecDeque};

use super::error::PassError;
use super::pass::{PassOptions, pass};
use super::progress::Progress;
use super::queue::Keep;
use super::report::Report;
use super::settings;
use crate::config::Upstream;
use crate::id::MailboxId;
use crate::protocol::types::MailboxName;
use crate::store::{Store, StoreError};
use crate::upstream::{Dialect, Session, UpstreamError};

/// What to do on a visit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Errand {
    /// Only these mailboxes; `None` for all that are mirrored.
    pub mailboxes: Option<BTreeSet<MailboxName>>,
    /// Look and plan, and send nothing that writes.
    pub dry_run: bool,
}

impl Errand {
    /// Whether all that is mirrored is looked at and brought up to date.
    pub(super) fn is_full(&self) -> bool {
        self.mailboxes.is_none() && !self.dry_run
    }
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

/// Takes over what the server says of itself, and its list of mailboxes; gives those that are mirrored, INBOX first. One that is left out is still
/// known to be there, if it was mirrored once; otherwise there is no need to know of it. Where every mailbox is named in
/// the configuration, there is no need for the list either.
pub(super) async fn mailboxes(
    session: &mut Session,
    upstream: &Upstream,
    store: &Store,
) -> Result<Vec<(MailboxName, MailboxId)>, PassError> {
    let is_mirrored = |name: &MailboxName| upstream.mailboxes.matches(name.as_bytes());
    store
        .learn_server(session.features().dialect.takes_messages())
        .await?;
    let known = store.mailboxes().await?;
    let names_all = upstream.mailboxes.names_all();
    let mut names = if names_all && known.iter().all(|known| is_mirrored(&known.name)) {
        Vec::new()
    } else {
        session.list().await?
    };
    names.retain(|name| is_mirrored(name) || store.mailbox(name).is_some());
    for named in upstream.mailboxes.named() {
        if let Ok(name) = MailboxName::from_bytes(named.as_bytes())
            && !names.contains(&name)
        {
            names.push(name);
        }
    }
    names.sort_by_key(|name| !name.is_inbox());
    let ids = store.adopt_list(names.clone()).await?;
    let listed = names.into_iter().zip(ids);
    let mirrored: Vec<(MailboxName, MailboxId)> =
        listed.filter(|(name, _)| is_mirrored(name)).collect();
    let passed_over: Vec<MailboxName> = mirrored.iter().map(|(name, _)| name.clone()).collect();
    store.park_stranded(&passed_over).await?;
    store.set_old_aside().await?;
    store.append_instead().await?;
    Ok(mirrored)
}

/// Passes over the mailboxes of an errand. A mailbox that spoils the connection gets another one, once. Ends early when the
/// server is of no further use.
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
    let mut stops = route(&mirrored, errand.mailboxes.as_ref(), store).await?;
    let mut outcomes = Vec::new();
    while let Some(stop) = stops.pop_front() {
        let Some((mailbox, id)) = mirrored.get(stop.place) else {
            continue;
        };
        let options = PassOptions {
            policy: settings::policy(upstream, mailbox),
            ..stop.options(options)
        };
        let result = until_quiet(session, store, *id, &options, progress).await;
        if let Ok(report) = &result
            && report.interrupted
        {
            // What somebody did or waits for meanwhile comes first, and the texts go on after it.
            let waiting = pressing(store).await?;
            stops.push_front(stop);
            for urgent in route(&mirrored, Some(&waiting), store)
                .await?
                .into_iter()
                .rev()
            {
                stops.push_front(urgent.without_texts());
            }
        }
        let failed = result.as_ref().err();
        let mut is_over = failed.is_some_and(PassError::ends_visit);
        if failed.is_some_and(PassError::asks_for_a_fresh_start) {
            match connect(upstream).await {
                Ok(fresh) => *session = fresh,
                Err(_) => is_over = true,
            }
            if !is_over && !stop.is_second_try {
                stops.push_front(stop.again());
                continue;
            }
        }
        add(&mut outcomes, mailbox, result);
        if is_over {
            break;
        }
    }
    Ok(outcomes)
}

/// One mailbox on the way of a visit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stop {
    /// Its position in the list of mailboxes.
    place: usize,
    texts: Texts,
    is_second_try: bool,
}

/// Which texts to read at a stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Texts {
    /// Those that are held offline.
    Held,
    /// Those that somebody waits for, and no others.
    WaitedFor,
}

impl Stop {
    fn at(place: usize) -> Self {
        Self {
            place,
            texts: Texts::Held,
            is_second_try: false,
        }
    }

    fn without_texts(self) -> Self {
        Self {
            texts: Texts::WaitedFor,
            ..self
        }
    }

    fn again(self) -> Self {
        Self {
            is_second_try: true,
            ..self
        }
    }

    fn options(self, mut options: PassOptions) -> PassOptions {
        if self.texts == Texts::WaitedFor {
            options.keep = Keep::Headers;
        }
        options.closely = self.is_second_try;
        options
    }
}

/// The stops for these mailboxes, or for all.
async fn route(
    mirrored: &[(MailboxName, MailboxId)],
    only: Option<&BTreeSet<MailboxName>>,
    store: &Store,
) -> Result<VecDeque<Stop>, StoreError> {
    let names = mirrored.iter().map(|(name, _)| name);
    let places = itinerary(names, only, &store.routes_of_copies().await?);
    Ok(places.into_iter().map(Stop::at).collect())
}

/// The mailboxes in which something waits to be done at once.
pub(super) async fn pressing(store: &Store) -> Result<BTreeSet<MailboxName>, StoreError> {
    let wanted = store.wanted().borrow().clone();
    let rows = store.mailboxes().await?.into_iter();
    let wished = rows
        .filter(|row| wanted.iter().any(|(id, _)| *id == row.id))
        .map(|row| row.name);
    let mut names: BTreeSet<MailboxName> = wished.collect();
    let backlog = store.backlog().await?.into_iter();
    names.extend(
        backlog
            .filter(|(_, backlog)| backlog.pending_count > 0)
            .map(|(name, _)| name),
    );
    Ok(names)
}

/// Which mailboxes to pass over, in order, as positions in `names`. What is copied shows here only after a look at its
/// destination, so a destination comes once more behind the last mailbox from which something is copied to it.
fn itinerary<'a>(
    names: impl Iterator<Item = &'a MailboxName>,
    only: Option<&BTreeSet<MailboxName>>,
    copies: &BTreeSet<(MailboxName, MailboxName)>,
) -> Vec<usize> {
    let names: Vec<&MailboxName> = names.collect();
    let chosen: Vec<(usize, &MailboxName)> = names
        .iter()
        .copied()
        .enumerate()
        .filter(|(_, name)| only.is_none_or(|only| only.contains(*name)))
        .collect();
    let copied = |from: &MailboxName, to: &MailboxName| {
        copies
            .iter()
            .any(|(source, destination)| source == from && destination == to)
    };
    let is_late = |(place, to): &(usize, &&MailboxName)| {
        let last = chosen.iter().rfind(|(_, from)| copied(from, to));
        let looked_at = chosen.iter().any(|(chosen, _)| chosen == place);
        last.is_some_and(|(last, _)| !looked_at || place <= last)
    };
    let late = names.iter().enumerate().filter(is_late);
    let stops = chosen.iter().map(|(place, _)| *place);
    stops.chain(late.map(|(place, _)| place)).collect()
}

/// Adds what became of a mailbox to what is told of it already.
fn add(outcomes: &mut Vec<Outcome>, mailbox: &MailboxName, result: Result<Report, PassError>) {
    let earlier = outcomes
        .iter_mut()
        .find(|outcome| outcome.mailbox == *mailbox);
    match (earlier, result) {
        (Some(earlier), Ok(report)) if earlier.result.is_ok() => {
            let before = std::mem::replace(&mut earlier.result, Ok(Report::default()));
            earlier.result = before.map(|before| before.and(report));
        }
        (Some(earlier), Err(error)) => earlier.result = Err(error),
        (Some(_), Ok(_)) => {}
        (None, result) => outcomes.push(Outcome {
            mailbox: mailbox.clone(),
            result,
        }),
    }
}

/// Passes over one mailbox until a pass leaves nothing to do at once. What is sent is proven by the pass after it, and what
/// was waiting for that proof is sent then. What a pass sends once more, and nothing else came of it, has time until the
/// next visit.
///
/// # Errors
/// [`PassError`] of the pass that failed; [`PassError::Overtaken`] only if every one of them was.
pub async fn until_quiet(
    session: &mut Session,
    store: &Store,
    mailbox: MailboxId,
    options: &PassOptions,
    progress: &Progress,
) -> Result<Report, PassError> {
    let mut total = Report::default();
    let mut overtaken = None;
    let mut is_proof = false;
    let mut options = *options;
    for _ in 0..MAX_PASSES {
        let passed = pass(session, store, mailbox, &options, !is_proof, progress).await;
        if let Err(error @ PassError::Overtaken { .. }) = passed {
            overtaken = Some(error);
            continue;
        }
        overtaken = None;
        let report = passed?;
        let progressed = report.counts.retired > 0 || report.counts.conflicts > 0;
        let again = report.again || report.unproven && (!is_proof || progressed);
        // Where messages come at every look, what the user asked for is sent at every second one.
        options.records_first = !report.put_off;
        is_proof = report.unproven || is_proof && report.put_off;
        total = total.and(report);
        if !again {
            break;
        }
    }
    overtaken.map_or(Ok(total), Err)
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
    // What is known of the mailboxes is read from the files while the connection is made.
    let (session, read) = tokio::join!(connect(upstream), read_ahead(upstream, store, errand));
    read?;
    let mut session = session?;
    let outcomes = passes(&mut session, upstream, store, errand, progress).await?;
    session.logout().await;
    Ok(outcomes)
}

/// Brings the mailboxes of an errand into memory, as far as they are known.
async fn read_ahead(upstream: &Upstream, store: &Store, errand: &Errand) -> Result<(), StoreError> {
    for known in store.mailboxes().await? {
        let chosen = errand.mailboxes.as_ref();
        if upstream.mailboxes.matches(known.name.as_bytes())
            && chosen.is_none_or(|chosen| chosen.contains(&known.name))
        {
            store.view(known.id).await?;
        }
    }
    Ok(())
}

/// How many passes over one mailbox may follow one another.
const MAX_PASSES: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_destination_is_looked_at_after_the_last_that_copies_to_it() {
        let names = ["INBOX", "archive", "notes"].map(|name| name.parse::<MailboxName>().unwrap());
        let check = |only: &[usize], copies: &[(usize, usize)], stops: &[usize]| {
            let copies = copies
                .iter()
                .map(|(from, to)| (names[*from].clone(), names[*to].clone()));
            let only: BTreeSet<_> = only.iter().map(|only| names[*only].clone()).collect();
            let only = Some(&only).filter(|only| !only.is_empty());
            assert_eq!(itinerary(names.iter(), only, &copies.collect()), stops);
        };
        check(&[], &[], &[0, 1, 2]);
        check(&[], &[(0, 1)], &[0, 1, 2]);
        check(&[], &[(2, 0)], &[0, 1, 2, 0]);
        check(&[], &[(0, 1), (2, 1)], &[0, 1, 2, 1]);
        check(&[], &[(1, 1)], &[0, 1, 2, 1]);
        check(&[0], &[(0, 1)], &[0, 1]);
        check(&[0], &[(2, 1)], &[0]);
        check(&[2], &[(2, 2)], &[2, 2]);
        check(&[0, 2], &[(2, 1)], &[0, 2, 1]);
    }
}
