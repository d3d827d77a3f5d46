//! `lowtide conflicts`: where the user and somebody else wanted different things.

use super::Context;
use super::ago::ago;
use super::args::{ConflictsVerb, ConflictsWish};
use super::asking::unexpected;
use super::exit::Exit;
use super::output::Tone;
use super::report::Problem;
use crate::daemon::conflict_rules;
use crate::daemon::control::{Answer, ConflictInfo, Request};

pub(super) async fn run(context: &Context, wish: ConflictsWish) -> Result<Exit, Problem> {
    match wish.what.unwrap_or(ConflictsVerb::List) {
        ConflictsVerb::List => list(context, wish.json.json).await,
        ConflictsVerb::Undo { account, id } => undo(context, account, id).await,
    }
}

/// Prints the rules.
pub(super) fn table(context: &Context) -> Result<Exit, Problem> {
    context.out.document(conflict_rules().as_bytes())?;
    Ok(Exit::Done)
}

async fn list(context: &Context, json: bool) -> Result<Exit, Problem> {
    let Answer::Conflicts(conflicts) = context.ask_plainly(Request::Conflicts).await? else {
        return Err(unexpected());
    };
    if json {
        context.out.json("conflicts", &conflicts)?;
        return Ok(Exit::Done);
    }
    if conflicts.is_empty() {
        context
            .out
            .news(Tone::Good, "There are no conflicts on record.")?;
    }
    for conflict in &conflicts {
        for (tone, line) in lines(conflict) {
            context.out.line(tone, &line)?;
        }
    }
    Ok(Exit::Done)
}

/// A conflict with both sides, and what can be done about it.
fn lines(conflict: &ConflictInfo) -> Vec<(Tone, String)> {
    let ConflictInfo {
        id,
        account,
        mailbox,
        kind,
        wished,
        there,
        kept,
        seen,
        ..
    } = conflict;
    let message = match &conflict.subject {
        Some(subject) => format!("\"{subject}\" in {mailbox}"),
        None => format!("a message in {mailbox}"),
    };
    let asked = if conflict.of_another && wished.is_empty() {
        format!(
            "    lowtide may have been putting the other one back as it was; this one had {seen}, as far as is known"
        )
    } else if conflict.of_another {
        format!("    you asked of the other one: {wished}; this one had {seen}, as far as is known")
    } else {
        format!("    you saw {seen} and asked: {wished}")
    };
    let mut lines = vec![
        (
            Tone::Notable,
            format!("{account} {id}: {message}, {}", ago(conflict.at)),
        ),
        (Tone::Plain, format!("    {kind}")),
        (Tone::Plain, asked),
        (
            Tone::Plain,
            format!("    the server showed {there}; outcome: {kept}"),
        ),
    ];
    let agreed = conflict
        .agreed_at
        .map(|at| format!("    you marked it deleted too, {}", ago(at)));
    lines.extend(agreed.map(|agreed| (Tone::Faint, agreed)));
    let next = match (conflict.undone_at, &conflict.undo) {
        (Some(at), _) => Some(format!("    you had it otherwise, {}", ago(at))),
        (None, Some(undo)) => Some(format!(
            "    to {undo}: lowtide conflicts undo {account} {id}"
        )),
        (None, None) => None,
    };
    lines.extend(next.map(|next| (Tone::Faint, next)));
    lines
}

async fn undo(context: &Context, account: String, id: i64) -> Result<Exit, Problem> {
    let request = Request::Undo {
        account: account.clone(),
        conflict: id,
    };
    match context.ask_plainly(request).await? {
        Answer::Done { changed: true } => {
            let done = format!(
                "{account}: conflict {id} is undone here, and the next pass carries it to the server."
            );
            context.out.news(Tone::Good, &done)?;
            Ok(Exit::Done)
        }
        Answer::Done { changed: false } => Err(Problem::new(
            Exit::Usage,
            format!("{account} has no conflict {id} that is still as it was decided"),
            "Run \"lowtide conflicts\" to see which there are",
        )),
        _ => Err(unexpected()),
    }
}
