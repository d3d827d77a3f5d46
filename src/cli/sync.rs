//! `lowtide sync`: one pass now, and what came of it.

use super::Context;
use super::args::SyncWish;
use super::asking::unexpected;
use super::exit::Exit;
use super::output::{Output, Tone};
use super::progress::Bars;
use super::report::{self, Problem};
use crate::daemon::control::{AccountSync, Answer, Failure, FailureKind, Request};

pub(super) async fn run(context: &Context, wish: SyncWish) -> Result<Exit, Problem> {
    let dry_run = wish.dry_run;
    let request = Request::Sync {
        account: wish.account.clone(),
        mailbox: wish.mailbox,
        dry_run,
    };
    let mut bars = Bars::new(context.out.is_quiet());
    let answer = context.ask(request, |line| bars.hear(line)).await;
    drop(bars);
    let Answer::Synced(accounts) = answer? else {
        return Err(unexpected());
    };
    if wish.json.json {
        context.out.json("accounts", &accounts)?;
    } else {
        if let (Some(name), true) = (&wish.account, accounts.is_empty()) {
            context.out.news(
                Tone::Plain,
                &format!("{name} has its mailboxes here; there is no server to agree with."),
            )?;
        }
        for account in &accounts {
            tell(context.out, account, dry_run)?;
        }
    }
    let exits = accounts.iter().map(|account| exit(account, dry_run));
    Ok(exits.max().unwrap_or(Exit::Done))
}

/// How an account's visit ended. What is still to be done is news only after it was tried.
fn exit(account: &AccountSync, dry_run: bool) -> Exit {
    let failures = failures(account).map(|failure| Exit::from(failure.kind));
    let held = account
        .mailboxes
        .iter()
        .any(|mailbox| mailbox.held.is_some());
    let conflict = account
        .mailboxes
        .iter()
        .any(|mailbox| mailbox.counts.conflicts > 0);
    let waits = account.pending_count > 0 && !dry_run;
    failures
        .chain(held.then_some(Exit::Brake))
        .chain((conflict || waits || account.parked_count > 0).then_some(Exit::Attention))
        .max()
        .unwrap_or(Exit::Done)
}

/// What failed, of the account or of its mailboxes.
fn failures(account: &AccountSync) -> impl Iterator<Item = &Failure> {
    let mailboxes = account.mailboxes.iter();
    mailboxes
        .filter_map(|mailbox| mailbox.failure.as_ref())
        .chain(&account.failure)
}

fn tell(out: Output, account: &AccountSync, dry_run: bool) -> Result<(), Problem> {
    let name = &account.account;
    for mailbox in &account.mailboxes {
        let place = format!("{name}/{}", mailbox.mailbox);
        if let Some(failure) = &mailbox.failure {
            report::problem(&Problem::of_account(Some(&place), name, failure));
            continue;
        }
        if let Some(held) = &mailbox.held {
            report::problem(&Problem::held(name, &mailbox.mailbox, held));
            continue;
        }
        if dry_run {
            for step in &mailbox.plan {
                out.line(Tone::Plain, &format!("{place}: {step}"))?;
            }
        } else if !mailbox.counts.is_empty() {
            out.news(Tone::Plain, &format!("{place}: {}", mailbox.counts))?;
        }
    }
    if let Some(failure) = &account.failure {
        report::problem(&Problem::of_account(Some(name), name, failure));
    }
    conclude(out, account, dry_run)
}

/// One line for the account as a whole.
fn conclude(out: Output, account: &AccountSync, dry_run: bool) -> Result<(), Problem> {
    let name = &account.account;
    if failures(account).any(|failure| failure.kind == FailureKind::Usage) {
        return Ok(());
    }
    let plan_is_empty = account
        .mailboxes
        .iter()
        .all(|mailbox| mailbox.plan.is_empty());
    match (account.pending_count, account.parked_count) {
        (0, 0) if failures(account).next().is_some() => Ok(()),
        (0, 0) if dry_run && plan_is_empty => {
            out.news(Tone::Good, &format!("{name}: nothing would be sent."))
        }
        (_, 0) if dry_run => Ok(()),
        (0, 0) => out.news(Tone::Good, &format!("{name}: in sync.")),
        (pending, 0) => out.line(
            Tone::Notable,
            &format!(
                "{name}: {} to be carried out; see \"lowtide journal\".",
                waiting(pending)
            ),
        ),
        (pending, parked) => out.line(
            Tone::Notable,
            &format!(
                "{name}: {parked} set aside for you to decide{}; see \"lowtide journal\".",
                match pending {
                    0 => String::new(),
                    pending => format!(", {}", waiting(pending)),
                }
            ),
        ),
    }
}

fn waiting(count: usize) -> String {
    match count {
        1 => "1 action waits".to_owned(),
        count => format!("{count} actions wait"),
    }
}
