//! One pass over one mailbox, top to bottom: the only way anything reaches a server.
//!
//! Every decision is made by [`crate::mirror`]; this file says in which order to look, decide, act and record. A pass that
//! ends early, for whatever reason, has recorded nothing that was not proven, and the next one begins by looking.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::carry::carry_out;
use super::content;
use super::error::PassError;
use super::glance;
use super::lost;
use super::progress::Progress;
use super::queue::Keep;
use super::report::Report;
use super::stray::{self, Noted, Restored};
use crate::id::{EntryId, MailboxId, MessageId};
use crate::journal::{JournalEntry, Mark};
use crate::mirror::{
    Aligned, Alignment, Base, Brakes, Halt, Observation, PassRecord, Policy, Remote, Sighting,
    Verdicts, align, choose, fold, merge, mistakes, plan, settle, weigh,
};
use crate::protocol::types::{FlagSet, MailboxName, SeqNum};
use crate::store::{PassInput, Store, StrayNote};
use crate::upstream::{Effort, Selected, Session, UpstreamError};

/// How to pass over a mailbox.
#[derive(Clone, Copy, Debug)]
pub struct PassOptions {
    /// What to do where wishes exclude each other.
    pub policy: Policy,
    /// How much may be lost in one pass without a question.
    pub brakes: Brakes,
    /// How often something is sent for an action before a person has to look.
    pub attempts: u32,
    /// Which texts to hold offline.
    pub keep: Keep,
    /// Texts of no more octets than this are read before their message is removed, so that it can be had back.
    pub rescue_up_to: u32,
    /// Look and plan, and send nothing that writes.
    pub dry_run: bool,
    /// Look closely, since something was not what it was taken for: list everything, and read the headers of the messages
    /// that somebody acted on before anything is decided.
    pub closely: bool,
    /// Whether what has come, was changed by others, or was hit by mistake is on record before flags are changed by number, and
    /// what is noted is put right before anything else is sent.
    pub records_first: bool,
    /// Mailboxes with no more messages than this are always listed whole.
    pub list_up_to: usize,
    /// How often larger ones are, at least, where messages have no UIDs.
    pub list_every: Duration,
    /// Decides about some of the places that are looked at in between.
    pub chance: u64,
}

/// Passes over one mailbox. If `proves_first`, a pass that has sent something reads nothing, since another one follows at
/// once.
///
/// # Errors
/// [`PassError`]; what the pass had proven by then is recorded or will be found again.
pub async fn pass(
    session: &mut Session,
    store: &Store,
    mailbox: MailboxId,
    options: &PassOptions,
    proves_first: bool,
    progress: &Progress,
) -> Result<Report, PassError> {
    let input = store.pass_input(mailbox).await?;
    let sightings = survey(session, &input).await?;
    let mut selected = session.select(&input.name, input.keywords.clone()).await?;
    let passed = async {
        let (mut report, unbound) =
            reconcile(&mut selected, store, mailbox, input, &sightings, options).await?;
        if report.unproven && proves_first {
            return Ok(report);
        }
        let Some(unbound) = unbound else {
            return Ok(report);
        };
        content::headers(&mut selected, store, mailbox, progress, &mut report).await?;
        // What was read now may be what tells them apart.
        report.again |= report.doubtful && report.counts.headers > 0;
        let notes = store.stray_notes(mailbox).await?;
        report.again |= lost::find_again(store, mailbox, &unbound, &sightings, &notes).await?;
        store.append_instead().await?;
        // What cannot be taken off is not put on: then only what somebody waits for is read.
        let mut marked = notes.iter().map(|note| note.back.remove);
        let is_marked = marked.any(|marks| marks.contains(FlagSet::SEEN));
        let keep = if is_marked {
            Keep::Headers
        } else {
            options.keep
        };
        content::bodies(&mut selected, store, mailbox, keep, progress, &mut report).await?;
        Ok(report)
    }
    .await;
    // Also where the line is broken.
    stray::note(&mut selected, store, mailbox).await?;
    passed
}

/// Makes both sides agree about which messages there are and how they are marked. Gives also the entries whose messages
/// were not found, or nothing if the pass ends here.
async fn reconcile(
    selected: &mut Selected<'_>,
    store: &Store,
    mailbox: MailboxId,
    input: PassInput,
    sightings: &BTreeMap<EntryId, Sighting>,
    options: &PassOptions,
) -> Result<(Report, Option<Vec<JournalEntry>>), PassError> {
    let notes = store.stray_notes(mailbox).await?;
    let effort = glance::effort(store, mailbox, &input, &notes, options).await?;
    let (mut seen, alignment) = look(selected, &input, &notes, &effort, options).await?;
    agree_on_keywords(store, mailbox, selected).await?;
    let noted = Noted::of(selected, &input, &notes);
    let mistakes = mistakes(
        &input.base,
        &input.entries,
        &noted.backs(),
        &seen,
        &alignment,
    );
    let mistakes = store.untold(mailbox, mistakes).await?;
    noted.hide(&mut seen);

    let remote = alignment.remote(&seen);
    let local = fold(&input.base, &input.entries);
    let copies = weigh(&input.name, &input.entries, &input.elsewhere, sightings);
    let verdicts = merge(&input.base, &local, &remote, options.policy);
    let plan = plan(&verdicts, &remote, &seen.facts, &copies);
    if let Some(halt) = obstacle(&input, &seen, &verdicts, &remote, options.brakes) {
        let mut report = halted(store, mailbox, &input, halt, options.dry_run).await?;
        if options.dry_run {
            report = report.beyond(plan, verdicts.gone());
        } else if mistakes.is_empty() {
            noted.forget_what_is_right(store, mailbox).await?;
            noted.put_right(selected, store, mailbox).await?;
        }
        return Ok((report, None));
    }
    if options.dry_run {
        return Ok((Report::planned(input.name, plan), None));
    }

    let plan = if options.records_first && noted.is_wrong() {
        plan.later()
    } else if options.records_first && selected.numbers_may_move() {
        plan.beside(&input.base, &local, &remote, &mistakes)
    } else {
        plan
    };
    if mistakes.is_empty() {
        noted.forget_what_is_right(store, mailbox).await?;
    }
    if !options.closely {
        let rescued = options.rescue_up_to;
        content::rescue(selected, store, mailbox, &plan.removed(), rescued).await?;
    }
    let outcomes = carry_out(selected, store, mailbox, &input, &plan).await?;
    let settlement = settle(&PassRecord {
        base: &input.base,
        entries: &input.entries,
        seen: &seen,
        alignment: &alignment,
        verdicts: &verdicts,
        copies: &copies,
        plan: &plan,
        mistakes: &mistakes,
        outcomes: &outcomes,
        attempts: options.attempts,
    });
    let mut report = Report::settled(input.name, &plan, &outcomes, &settlement);
    // So that the store need not keep this one beside the new one.
    drop(input.base);
    let arrivals = store.record(mailbox, settlement).await?;
    let restored = noted.put_right(selected, store, mailbox).await?;
    selected.bind_arrivals(&arrivals);
    let goes_on = !plan.put_off && restored != Restored::Anew;
    report.begins_anew(restored);
    Ok((report, goes_on.then_some(local.unbound)))
}

/// What a person has to approve first.
fn obstacle(
    input: &PassInput,
    seen: &Observation,
    verdicts: &Verdicts,
    remote: &Remote,
    brakes: Brakes,
) -> Option<Halt> {
    let is_replaced = input.base.facts.is_replaced_by(&seen.facts);
    let halts = brakes.halts(verdicts, remote, is_replaced);
    let hold = input.hold.as_ref();
    let mut halts = halts.into_iter();
    halts.find(|halt| !hold.is_some_and(|hold| hold.lets_pass(halt)))
}

/// Looks into the mailboxes that messages are to come into, before the mailbox itself is opened.
async fn survey(
    session: &mut Session,
    input: &PassInput,
) -> Result<BTreeMap<EntryId, Sighting>, UpstreamError> {
    let mut wanted: BTreeMap<MailboxName, Vec<(EntryId, Mark)>> = BTreeMap::new();
    for entry in input.entries.iter().filter(|entry| entry.is_active()) {
        if let Some(to) = entry.destination(&input.name) {
            wanted
                .entry(to.clone())
                .or_default()
                .push((entry.id, entry.mark));
        }
    }
    let mut sightings = BTreeMap::new();
    for (destination, copies) in wanted {
        sightings.extend(session.survey(&destination, &copies).await?);
    }
    Ok(sightings)
}

/// Observes, asks for as much evidence as the alignment needs, and ties our messages to their numbers.
async fn look(
    selected: &mut Selected<'_>,
    input: &PassInput,
    notes: &[StrayNote],
    effort: &Effort,
    options: &PassOptions,
) -> Result<(Observation, Alignment), UpstreamError> {
    let mut seen = selected.observe(&input.base, effort).await?;
    let expunging = input
        .entries
        .iter()
        .filter(|entry| entry.may_have_removed());
    let expunging: BTreeSet<MessageId> = expunging.map(|entry| entry.message).collect();
    let acted_on = input.entries.iter().map(|entry| entry.message);
    let noted = notes.iter().map(|note| note.message);
    let touched: BTreeSet<MessageId> = acted_on.chain(noted).collect();
    for _ in 0..MAX_LOOKS {
        match align(&input.base, &seen, &expunging) {
            Aligned::Done(alignment) if selected.misplaces(&input.base, &alignment) => {
                seen = selected.list_recalled().await?;
            }
            Aligned::Done(alignment) => {
                let unread = unread_headers(&input.base, &seen, &alignment, &touched);
                if options.closely && !unread.is_empty() {
                    seen = selected.add_evidence(&unread).await?;
                    continue;
                }
                let alignment = choose(&input.base, &seen, alignment, &touched);
                selected.bind(&input.base, &alignment);
                return Ok((seen, alignment));
            }
            Aligned::NeedEvidence(seqs) => seen = selected.add_evidence(&seqs).await?,
        }
    }
    Err(UpstreamError::Desynchronised {
        problem: "the headers of its messages keep changing",
    })
}

/// Where messages stand that somebody acted on, and of which only date and size were compared.
fn unread_headers(
    base: &Base,
    seen: &Observation,
    alignment: &Alignment,
    touched: &BTreeSet<MessageId>,
) -> Vec<SeqNum> {
    let is_open = |(index, seq): &(usize, SeqNum)| {
        let known = base.messages.get(*index);
        let has_name = known.is_some_and(|known| known.mark.uid.is_some());
        known.is_some_and(|known| touched.contains(&known.id) && known.mark.header.is_some())
            && seen.at(*seq).is_some_and(|seen| {
                seen.mark.header.is_none() && !(has_name && seen.mark.uid.is_some())
            })
    };
    let open = alignment.present().filter(is_open);
    open.map(|(_, seq)| seq).collect()
}

/// Writes the server's keywords down before any flag set that uses their bits.
async fn agree_on_keywords(
    store: &Store,
    mailbox: MailboxId,
    selected: &Selected<'_>,
) -> Result<(), PassError> {
    let shown = selected.keywords();
    let names = shown.positions().map(|(_, name)| name.clone()).collect();
    let agreed = store.define_keywords(mailbox, names).await?;
    if shown
        .positions()
        .all(|(position, name)| agreed.lookup(name) == FlagSet::keyword(position))
    {
        return Ok(());
    }
    Err(PassError::Overtaken {
        problem: "a mail client defined a keyword while the mailbox was looked at",
    })
}

async fn halted(
    store: &Store,
    mailbox: MailboxId,
    input: &PassInput,
    halt: Halt,
    dry_run: bool,
) -> Result<Report, PassError> {
    if !dry_run {
        store.hold_mailbox(mailbox, halt.to_string()).await?;
    }
    Ok(Report::halted(input.name.clone(), halt))
}

/// What was taken over from the base is wrong.
pub(super) const NOT_WHERE_IT_WAS: UpstreamError = UpstreamError::Desynchronised {
    problem: "a message is not where it was taken to be",
};
/// How often headers are asked for, many times more each time, before it is clear that they do not stand still.
const MAX_LOOKS: usize = 8;
