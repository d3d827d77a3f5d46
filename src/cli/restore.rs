//! `lowtide restore`: what was removed, and how it comes back.

use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, absolute};

use super::Context;
use super::ago::ago;
use super::args::RestoreWish;
use super::asking::unexpected;
use super::exit::Exit;
use super::output::Tone;
use super::report::Problem;
use crate::daemon::control::{Answer, RemovedInfo, Request};

pub(super) async fn run(context: &Context, wish: RestoreWish) -> Result<Exit, Problem> {
    let Some(account) = &wish.account else {
        return list(context, wish.json.json).await;
    };
    if let (Some(_), [_, _, ..]) = (&wish.file, wish.id.as_slice()) {
        return Err(Problem::new(
            Exit::Usage,
            "several messages cannot go into one file",
            "Name one message with --file",
        ));
    }
    for id in &wish.id {
        match &wish.file {
            Some(file) => write(context, account, *id, file).await?,
            None => restore(context, account, *id, &wish).await?,
        }
    }
    Ok(Exit::Done)
}

async fn list(context: &Context, json: bool) -> Result<Exit, Problem> {
    let Answer::Removed(removed) = context.ask_plainly(Request::Removed).await? else {
        return Err(unexpected());
    };
    if json {
        context.out.json("removed", &removed)?;
        return Ok(Exit::Done);
    }
    if removed.is_empty() {
        let nothing = "Nothing was removed of late that can be restored.";
        context.out.news(Tone::Good, nothing)?;
        return Ok(Exit::Done);
    }
    let header = [
        "ACCOUNT", "ID", "MAILBOX", "REMOVED", "BY", "FROM", "SUBJECT",
    ];
    context
        .out
        .table(header, removed.iter().map(row).collect())?;
    let next = "\"lowtide restore ACCOUNT ID\" brings one back.";
    context.out.news(Tone::Faint, next)?;
    Ok(Exit::Done)
}

fn row(removed: &RemovedInfo) -> [String; 7] {
    let subject = removed.subject.clone().unwrap_or_default();
    [
        removed.account.clone(),
        removed.id.to_string(),
        removed.mailbox.clone(),
        ago(removed.removed_at),
        if removed.by_user { "you" } else { "others" }.to_owned(),
        removed.from.clone().unwrap_or_default(),
        match removed.restored_at {
            Some(_) => format!("(restored) {subject}"),
            None => subject,
        },
    ]
}

async fn restore(
    context: &Context,
    account: &str,
    id: i64,
    wish: &RestoreWish,
) -> Result<(), Problem> {
    let request = Request::Restore {
        account: account.to_owned(),
        removed: id,
        into: wish.into.clone(),
        mailbox: wish.to.clone(),
    };
    let Answer::Restored { mailbox, waits } = context.ask_plainly(request).await? else {
        return Err(unexpected());
    };
    let into = wish.into.as_deref().unwrap_or(account);
    let when = if waits {
        "goes back with the next pass"
    } else {
        "is back"
    };
    let done = format!("{account} {id} {when}, as a new message in {into}/{mailbox}.");
    context.out.news(Tone::Good, &done)
}

/// Writes a message to a file that is not there yet.
async fn write(context: &Context, account: &str, id: i64, file: &Path) -> Result<(), Problem> {
    let request = Request::Text {
        account: account.to_owned(),
        removed: id,
    };
    let Answer::Text(text) = context.ask_plainly(request).await? else {
        return Err(unexpected());
    };
    let Some(text) = text else {
        return Err(Problem::new(
            Exit::Usage,
            format!("{account} has no removed message {id}"),
            "Run \"lowtide restore\" to see which there are",
        ));
    };
    let octets: Vec<u8> = text
        .chars()
        .filter_map(|octet| u8::try_from(octet).ok())
        .collect();
    if file == Path::new("-") {
        return context.out.document(&octets);
    }
    let written = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(file)
        .and_then(|mut file| file.write_all(&octets).and_then(|()| file.sync_all()));
    let shown = absolute(file).unwrap_or_else(|_| file.to_owned());
    written.map_err(|error| {
        Problem::new(
            Exit::Usage,
            format!("{} could not be written: {error}", shown.display()),
            "Name a file that is not there yet, in a directory of yours",
        )
    })?;
    let done = format!("{account} {id} is in {}.", shown.display());
    context.out.news(Tone::Good, &done)
}
