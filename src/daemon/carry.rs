//! Carry out: a plan, step by step. Each attempt is on record before its first octet leaves, and that something was refused as
//! soon as that is heard.

use std::collections::BTreeSet;

use super::error::PassError;
use super::pass::NOT_WHERE_IT_WAS;
use super::unread;
use crate::id::{EntryId, MailboxId};
use crate::mirror::{Access, Plan, Step, StepOutcome};
use crate::protocol::types::MailboxName;
use crate::store::{PassInput, Store};
use crate::upstream::{Selected, UpstreamError};

/// Sends the plan, step by step. An attempt is durable before its first octet leaves.
pub(super) async fn carry_out(
    selected: &mut Selected<'_>,
    store: &Store,
    mailbox: MailboxId,
    input: &PassInput,
    plan: &Plan,
) -> Result<Vec<StepOutcome>, PassError> {
    let mut outcomes = Vec::with_capacity(plan.steps.len());
    let mut refused: BTreeSet<&MailboxName> = BTreeSet::new();
    let mark_of = |message| input.base.find(message).map(|known| known.mark);
    for step in &plan.steps {
        if !selected.recognise(step.messages(), mark_of).await? {
            return Err(NOT_WHERE_IT_WAS.into());
        }
        if !is_due(selected, step, &refused, &input.name).await? {
            outcomes.push(StepOutcome::Done(Vec::new()));
            continue;
        }
        let attempts = step.attempts(&input.entries);
        if !store.begin_attempt(mailbox, attempts).await? {
            return Err(GIVEN_UP);
        }
        let unread = unread::at_risk(selected, step);
        unread::note(store, mailbox, &unread).await?;
        let mut outcome = send(selected, store, mailbox, input, step).await?;
        if let StepOutcome::Refused { .. } = outcome {
            refused.extend(step.brings_to(&input.name));
        }
        let marked = unread::marked(store, mailbox, unread, &outcome).await?;
        outcome.see(unread::clear(store, mailbox, selected, &marked).await?);
        outcomes.push(outcome);
    }
    if !outcomes.is_empty() {
        selected.checkpoint().await?;
    }
    if plan.steps.iter().any(Step::writes) {
        require_access(selected)?;
    }
    Ok(outcomes)
}

/// Whether a step can still be carried out as it was planned.
async fn is_due(
    selected: &mut Selected<'_>,
    step: &Step,
    refused: &BTreeSet<&MailboxName>,
    own: &MailboxName,
) -> Result<bool, PassError> {
    let Step::Expunge { only } = step else {
        // How many there are of its like was reckoned with what did not come.
        return Ok(step.brings_to(own).is_none_or(|to| !refused.contains(to)));
    };
    // Once EXPUNGE may have been carried out, a message without its mark is taken for another one.
    selected.checkpoint().await?;
    require_access(selected)?;
    Ok(selected.show_deleted(only))
}

/// Carries out a step. That a message was refused, or never left, is on record at once: then it need not be looked for.
async fn send(
    selected: &mut Selected<'_>,
    store: &Store,
    mailbox: MailboxId,
    input: &PassInput,
    step: &Step,
) -> Result<StepOutcome, PassError> {
    let (outcome, never_left) = match step {
        Step::Append { entry, .. } => {
            let appended = append(selected, store, input, *entry).await;
            let never_left = appended.is_err() && selected.has_unsent();
            (appended, never_left)
        }
        step => {
            let executed = selected.execute(step, &input.base).await;
            (executed.map_err(PassError::from), false)
        }
    };
    let is_refused = matches!(outcome, Ok(StepOutcome::Refused { .. }));
    if step.brings_to(&input.name).is_some() && (is_refused || never_left) {
        let sent = step.attempts(&input.entries).into_iter();
        let entries = sent.map(|(entry, _)| entry);
        store.note_refusals(mailbox, entries).await?;
    }
    outcome
}

/// Has the server append a message that the journal holds.
async fn append(
    selected: &mut Selected<'_>,
    store: &Store,
    input: &PassInput,
    entry: EntryId,
) -> Result<StepOutcome, PassError> {
    let wish = input.entries.iter().find(|wish| wish.id == entry);
    let (Some(wish), Some(octets)) = (wish, store.pinned(entry).await?) else {
        return Err(GIVEN_UP);
    };
    Ok(selected.append(&input.name, wish, octets).await?)
}

/// A server that has lost its lock shows what was stored, and forgets it with the session.
fn require_access(selected: &Selected<'_>) -> Result<(), UpstreamError> {
    if selected.facts().access == Access::ReadOnly {
        return Err(UpstreamError::Desynchronised {
            problem: "the mailbox was made read-only while changes were sent",
        });
    }
    Ok(())
}

/// The user was faster.
const GIVEN_UP: PassError = PassError::Overtaken {
    problem: "an action was given up while it was about to be carried out",
};
