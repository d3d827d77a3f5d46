//! `lowtide approve`: a mailbox was stopped because much of it would go; a person says that this is right.

use super::Context;
use super::asking::unexpected;
use super::exit::Exit;
use super::output::Tone;
use super::report::Problem;
use super::text::word;
use crate::daemon::control::{Answer, Request};

pub(super) async fn run(
    context: &Context,
    account: String,
    mailbox: String,
) -> Result<Exit, Problem> {
    let (held, plan) = held(context, &account, &mailbox).await?;
    if let Some(held) = held {
        let held = format!("{account}/{mailbox}: {held}.");
        context.out.news(Tone::Notable, &held)?;
    }
    for step in plan.iter().take(MOST_LINES) {
        context.out.news(Tone::Plain, &format!("    {step}"))?;
    }
    if let Some(more) = plan.len().checked_sub(MOST_LINES).filter(|more| *more > 0) {
        context
            .out
            .news(Tone::Plain, &format!("    and {more} more"))?;
    }
    let request = Request::Approve {
        account: account.clone(),
        mailbox: mailbox.clone(),
    };
    match context.ask_plainly(request).await? {
        Answer::Done { changed: true } => {
            let next = format!(
                "Approved. The next pass carries it out; \"lowtide sync {account} {}\" makes it now.",
                word(&mailbox)
            );
            context.out.news(Tone::Good, &next)?;
            Ok(Exit::Done)
        }
        Answer::Done { changed: false } => Err(Problem::new(
            Exit::Usage,
            format!("{account}/{mailbox} was not stopped, so there is nothing to approve"),
            "Run \"lowtide status\" to see which mailboxes wait",
        )),
        _ => Err(unexpected()),
    }
}

/// Why the mailbox waits, and what it would come to: as it is now where the server can be asked, or else as it was when it was
/// stopped.
async fn held(
    context: &Context,
    account: &str,
    mailbox: &str,
) -> Result<(Option<String>, Vec<String>), Problem> {
    let look = Request::Sync {
        account: Some(account.to_owned()),
        mailbox: Some(mailbox.to_owned()),
        dry_run: true,
    };
    if let Answer::Synced(accounts) = context.ask_plainly(look).await? {
        let now = accounts
            .into_iter()
            .flat_map(|account| account.mailboxes)
            .find(|mailbox| mailbox.held.is_some());
        if let Some(now) = now {
            return Ok((now.held, now.plan));
        }
    }
    let Answer::Status(accounts) = context.ask_plainly(Request::Status).await? else {
        return Err(unexpected());
    };
    let before = accounts
        .into_iter()
        .filter(|status| status.name == account)
        .flat_map(|status| status.mailboxes)
        .find(|status| status.is_called(mailbox))
        .and_then(|status| status.held);
    Ok((before, Vec::new()))
}

/// How much of what it would come to is shown.
const MOST_LINES: usize = 20;
