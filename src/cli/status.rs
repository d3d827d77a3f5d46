//! `lowtide status`: how the accounts and mailboxes are, and what to do next.

use std::time::Duration;

use super::Context;
use super::ago::ago;
use super::args::StatusWish;
use super::asking::unexpected;
use super::exit::Exit;
use super::output::{Output, Tone};
use super::report::{Problem, approval};
use crate::daemon::control::{AccountStatus, Answer, Failure, FailureKind, MailboxStatus, Request};

pub(super) async fn run(context: &Context, wish: StatusWish) -> Result<Exit, Problem> {
    let mut accounts = look(context).await?;
    show(context.out, &accounts, wish.json.json)?;
    if !wish.watch {
        return Ok(exit(&accounts));
    }
    loop {
        tokio::select! {
            interrupted = tokio::signal::ctrl_c() => {
                return interrupted
                    .map(|()| Exit::Done)
                    .map_err(|error| Problem::internal("signals cannot be had", &error));
            }
            () = tokio::time::sleep(LOOK_EVERY) => {}
        }
        let now = look(context).await?;
        if now != accounts {
            accounts = now;
            if !wish.json.json {
                context.out.clear()?;
            }
            show(context.out, &accounts, wish.json.json)?;
        }
    }
}

async fn look(context: &Context) -> Result<Vec<AccountStatus>, Problem> {
    match context.ask_plainly(Request::Status).await? {
        Answer::Status(accounts) => Ok(accounts),
        _ => Err(unexpected()),
    }
}

/// Whether something needs a person. A server out of reach does not: this shows what is here.
fn exit(accounts: &[AccountStatus]) -> Exit {
    let mailboxes = || accounts.iter().flat_map(|account| &account.mailboxes);
    let closed = accounts
        .iter()
        .filter(|account| account.state == "closed")
        .filter_map(|account| account.failure.as_ref())
        .map(|failure| Exit::from(failure.kind));
    let is_held = mailboxes().any(|mailbox| mailbox.held.is_some());
    let is_parked = mailboxes().any(|mailbox| mailbox.parked_count > 0);
    closed
        .chain(is_held.then_some(Exit::Brake))
        .chain(is_parked.then_some(Exit::Attention))
        .max()
        .unwrap_or(Exit::Done)
}

fn show(out: Output, accounts: &[AccountStatus], json: bool) -> Result<(), Problem> {
    if json {
        return out.json("accounts", &accounts);
    }
    for account in accounts {
        head(out, account)?;
        if !account.mailboxes.is_empty() {
            let rows = account.mailboxes.iter().map(row).collect();
            out.table(
                [
                    "mailbox",
                    "messages",
                    "unread",
                    "waiting",
                    "set aside",
                    "current as of",
                ],
                rows,
            )?;
        }
        advise(out, account)?;
    }
    Ok(())
}

fn head(out: Output, account: &AccountStatus) -> Result<(), Problem> {
    let AccountStatus {
        name, kind, state, ..
    } = account;
    let (tone, words) = match (kind.as_str(), state.as_str()) {
        (_, "closed") => (Tone::Bad, "not to be used"),
        ("local", _) => (Tone::Plain, "mailboxes on this machine"),
        (_, "online") => (Tone::Good, "online"),
        (_, "offline") => (Tone::Notable, "kept offline"),
        (_, "failed") => (Tone::Bad, failed(account)),
        (_, "starting") => (Tone::Plain, "connecting"),
        (_, _) => (Tone::Faint, "no daemon runs"),
    };
    out.line(tone, &format!("{name}: {words}"))
}

/// Why an account is not in sync, in few words; [`advise`] has more.
fn failed(account: &AccountStatus) -> &'static str {
    match account.failure.as_ref().map(|failure| failure.kind) {
        Some(FailureKind::Unreachable) | None => "out of reach",
        Some(FailureKind::Login) => "not logged in",
        Some(FailureKind::Insecure) => "not connected, since that would not be secure",
        Some(
            FailureKind::Store | FailureKind::Cache | FailureKind::DiskFull | FailureKind::Locked,
        ) => "stopped by its files",
        Some(
            FailureKind::Usage
            | FailureKind::Protocol
            | FailureKind::Refused
            | FailureKind::Offline
            | FailureKind::Interrupted
            | FailureKind::Configuration
            | FailureKind::Internal,
        ) => "not in sync",
    }
}

fn row(mailbox: &MailboxStatus) -> [String; 6] {
    let current = match mailbox.last_pass_at {
        _ if !mailbox.is_mirrored => "not mirrored".to_owned(),
        _ if !mailbox.on_server => "gone from the server".to_owned(),
        Some(at) => ago(at),
        None => "-".to_owned(),
    };
    [
        mailbox.name.clone(),
        mailbox.message_count.to_string(),
        mailbox.unread_count.to_string(),
        mailbox.pending_count.to_string(),
        mailbox.parked_count.to_string(),
        current,
    ]
}

/// What is wrong, and what to do about it.
fn advise(out: Output, account: &AccountStatus) -> Result<(), Problem> {
    let name = &account.name;
    let wrong = |place: &str, failure: &Failure| {
        let problem = Problem::of_account(Some(place), name, failure);
        out.line(Tone::Bad, &format!("{}. {}.", problem.what, problem.next))
    };
    if let Some(failure) = &account.failure {
        wrong(name, failure)?;
    }
    if account.state == "offline" {
        out.line(
            Tone::Notable,
            &format!("Run \"lowtide online {name}\" to go back to the server."),
        )?;
    }
    for mailbox in &account.mailboxes {
        if let Some(failure) = &mailbox.failure {
            wrong(&format!("{name}/{}", mailbox.name), failure)?;
        }
        if !mailbox.is_mirrored && mailbox.pending_count > 0 {
            let mailbox = &mailbox.name;
            out.line(
                Tone::Notable,
                &format!("{name}/{mailbox} is not mirrored, so nothing is carried out there. Add it to mailboxes in [account.{name}], or see \"lowtide journal\"."),
            )?;
        }
        if let Some(held) = &mailbox.held {
            let mailbox = &mailbox.name;
            out.line(
                Tone::Bad,
                &format!(
                    "{name}/{mailbox} was stopped: {held}. {}.",
                    approval(name, mailbox)
                ),
            )?;
        }
    }
    if account
        .mailboxes
        .iter()
        .any(|mailbox| mailbox.parked_count > 0)
    {
        out.line(
            Tone::Notable,
            "Some actions are set aside for you to decide; see \"lowtide journal\".",
        )?;
    }
    Ok(())
}

const LOOK_EVERY: Duration = Duration::from_secs(1);
