//! Carry out: a plan, step by step. Each attempt is on record before its first octet leaves, and that something was refused as
//! soon as that is heard.

use super::error::PassError;
use super::pass::NOT_WHERE_IT_WAS;
use super::unread;
use crate::id::{EntryId, MailboxId, MessageId};
use crate::mirror::{Access, Brought, Plan, Step, StepOutcome};
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
    let mut brought = Brought::default();
    let mark_of = |message| input.base.find(message).map(|known| known.mark);
    for step in &plan.steps {
        if !selected.recognise(step.messages(), mark_of).await? {
            return Err(NOT_WHERE_IT_WAS.into());
        }
        if let Step::Expunge { only } = step
            && !is_marked(selected, only).await?
        {
            outcomes.push(StepOutcome::Unsent);
            continue;
        }
        let brings = step.brings(&input.name, &input.entries);
        let before = brings.map_or(0, |(to, mark)| brought.count(to, mark));
        let attempts = step.attempts(&input.entries, before);
        if !store.begin_attempt(mailbox, attempts).await? {
            return Err(GIVEN_UP);
        }
        let unread = unread::at_risk(selected, step);
        unread::note(store, mailbox, &unread).await?;
        let outcome = send(selected, store, mailbox, input, step).await?;
        if let (Some((to, mark)), StepOutcome::Done(_)) = (brings, &outcome) {
            brought.add(to, *mark);
        }
        let marked = unread::marked(store, mailbox, unread, &outcome).await?;
        unread::clear(store, mailbox, selected, &marked).await?;
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

/// Whether the server has written down that messages are marked, and nobody took that back. Once EXPUNGE may have been carried
/// out, a message without its mark is taken for another one.
async fn is_marked(selected: &mut Selected<'_>, messages: &[MessageId]) -> Result<bool, PassError> {
    selected.checkpoint().await?;
    require_access(selected)?;
    Ok(selected.show_deleted(messages))
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
    if let Step::Copy { entry, .. } | Step::Append { entry, .. } = step
        && (is_refused || never_left)
    {
        store.note_refusal(mailbox, *entry).await?;
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
