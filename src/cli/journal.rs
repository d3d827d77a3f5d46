//! `lowtide journal`: what waits to be carried out on the servers, and decisions on what could not be.

use super::Context;
use super::ago::ago;
use super::args::{JournalVerb, JournalWish};
use super::asking::unexpected;
use super::exit::Exit;
use super::output::Tone;
use super::report::Problem;
use crate::daemon::control::{Answer, Entry, Request};

pub(super) async fn run(context: &Context, wish: JournalWish) -> Result<Exit, Problem> {
    match wish.what.unwrap_or(JournalVerb::List) {
        JournalVerb::List => list(context, wish.json.json).await,
        JournalVerb::Retry { account, id } => {
            let request = Request::Retry {
                account: account.clone(),
                entry: id,
            };
            let done = format!("{account}: action {id} is tried again with the next pass.");
            decide(
                context,
                request,
                &done,
                &format!("{account} has no action {id} that is set aside"),
            )
            .await
        }
        JournalVerb::Accept { account } => {
            let request = Request::Accept {
                account: account.clone(),
            };
            let done = format!("{account}: they are carried out with the next pass.");
            let absent = format!("{account} has no actions that wait for this");
            decide(context, request, &done, &absent).await
        }
        JournalVerb::Drop { account, id } => {
            let request = Request::Drop {
                account: account.clone(),
                entry: id,
            };
            let done =
                format!("{account}: action {id} is given up, unless it is on its way already.");
            decide(
                context,
                request,
                &done,
                &format!("{account} has no action {id}"),
            )
            .await
        }
    }
}

async fn list(context: &Context, json: bool) -> Result<Exit, Problem> {
    let Answer::Journal(entries) = context.ask_plainly(Request::Journal).await? else {
        return Err(unexpected());
    };
    if json {
        context.out.json("entries", &entries)?;
    } else if entries.is_empty() {
        context.out.news(
            Tone::Good,
            "Nothing waits: all you did has been carried out.",
        )?;
    } else {
        let header = [
            "account", "id", "mailbox", "action", "message", "state", "since", "why",
        ];
        context
            .out
            .table(header, entries.iter().map(row).collect())?;
    }
    let parked = entries.iter().any(|entry| entry.state == "parked");
    Ok(if parked { Exit::Attention } else { Exit::Done })
}

fn row(entry: &Entry) -> [String; 8] {
    [
        entry.account.clone(),
        entry.id.to_string(),
        entry.mailbox.clone(),
        entry.action.clone(),
        entry.subject.clone().unwrap_or_default(),
        entry.state.clone(),
        ago(entry.accepted_at),
        entry.reason.clone().unwrap_or_default(),
    ]
}

async fn decide(
    context: &Context,
    request: Request,
    done: &str,
    absent: &str,
) -> Result<Exit, Problem> {
    match context.ask_plainly(request).await? {
        Answer::Done { changed: true } => {
            context.out.news(Tone::Good, done)?;
            Ok(Exit::Done)
        }
        Answer::Done { changed: false } => Err(Problem::new(
            Exit::Usage,
            absent,
            "Run \"lowtide journal\" to see which there are",
        )),
        _ => Err(unexpected()),
    }
}
