//! `lowtide conflicts`: where the user and somebody else wanted different things.

use super::Context;
use super::ago::ago;
use super::args::{ConflictsVerb, ConflictsWish};
use super::asking::unexpected;
use super::exit::Exit;
use super::output::Tone;
use super::report::Problem;
use crate::daemon::control::{Answer, ConflictInfo, Request};

pub(super) async fn run(context: &Context, wish: ConflictsWish) -> Result<Exit, Problem> {
    match wish.what.unwrap_or(ConflictsVerb::List) {
        ConflictsVerb::List => list(context, wish.json.json).await,
    }
}

async fn list(context: &Context, json: bool) -> Result<Exit, Problem> {
    let Answer::Conflicts(conflicts) = context.ask_plainly(Request::Conflicts).await? else {
        return Err(unexpected());
    };
    if json {
        context.out.json("conflicts", &conflicts)?;
    } else if conflicts.is_empty() {
        context
            .out
            .news(Tone::Good, "There are no conflicts on record.")?;
    } else {
        let header = [
            "account",
            "id",
            "mailbox",
            "what happened",
            "you wanted",
            "it was",
            "when",
        ];
        context
            .out
            .table(header, conflicts.iter().map(row).collect())?;
    }
    Ok(Exit::Done)
}

fn row(conflict: &ConflictInfo) -> [String; 7] {
    [
        conflict.account.clone(),
        conflict.id.to_string(),
        conflict.mailbox.clone(),
        conflict.kind.clone(),
        conflict.wished.clone(),
        conflict.kept.clone(),
        ago(conflict.at),
    ]
}
