//! `lowtide status`: how the accounts and mailboxes are, and what to do next.

use std::time::Duration;

use super::Context;
use super::ago::ago;
use super::args::StatusWish;
use super::asking::unexpected;
use super::exit::Exit;
use super::output::{Output, Tone};
use super::report::Problem;
use crate::daemon::control::{AccountStatus, Answer, MailboxStatus, Request};

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

/// Whether something needs a person.
fn exit(accounts: &[AccountStatus]) -> Exit {
    let mailboxes = || accounts.iter().flat_map(|account| &account.mailboxes);
    if mailboxes().any(|mailbox| mailbox.held.is_some()) {
        Exit::Brake
    } else if mailboxes().any(|mailbox| mailbox.parked_count > 0) {
        Exit::Attention
    } else {
        Exit::Done
    }
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
        ("local", _) => (Tone::Plain, "mailboxes on this machine"),
        (_, "online") => (Tone::Good, "online"),
        (_, "offline") => (Tone::Notable, "kept offline"),
        (_, "failed") => (Tone::Bad, "out of reach"),
        (_, "starting") => (Tone::Plain, "connecting"),
        (_, _) => (Tone::Faint, "no daemon runs"),
    };
    out.line(tone, &format!("{name}: {words}"))
}

fn row(mailbox: &MailboxStatus) -> [String; 6] {
    let current = match (mailbox.last_pass_at, mailbox.on_server) {
        (_, false) => "gone from the server".to_owned(),
        (Some(at), true) => ago(at),
        (None, true) => "-".to_owned(),
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
    if let Some(problem) = &account.problem {
        out.line(Tone::Bad, &format!("{name}: {problem}"))?;
    }
    if account.state == "offline" {
        out.line(
            Tone::Notable,
            &format!("Run \"lowtide online {name}\" to go back to the server."),
        )?;
    }
    for mailbox in &account.mailboxes {
        if let Some(held) = &mailbox.held {
            let mailbox = &mailbox.name;
            out.line(
                Tone::Bad,
                &format!("{name}/{mailbox} was stopped: {held}. If that is right, run \"lowtide approve {name} {mailbox}\"."),
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
