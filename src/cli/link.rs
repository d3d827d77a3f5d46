//! `lowtide offline` and `lowtide online`: whether the daemon talks to servers.

use super::Context;
use super::asking::unexpected;
use super::exit::Exit;
use super::output::Tone;
use super::report::Problem;
use crate::daemon::control::{Answer, Request, ask};

/// Which of the two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wish {
    Offline,
    Online,
}

/// Asks the daemon; without one nothing connects on its own, and there is nothing to switch.
pub(super) async fn set(
    context: &Context,
    account: Option<String>,
    wish: Wish,
) -> Result<Exit, Problem> {
    let config = context.config()?;
    let request = Request::SetOnline {
        account,
        online: wish == Wish::Online,
    };
    let answer = match ask(&config.storage.data_dir, &request, drop).await {
        None => {
            return Err(Problem::new(
                Exit::Usage,
                "no daemon runs, so nothing connects by itself",
                "Start it with \"lowtide run\", or run \"lowtide sync\" for one pass",
            ));
        }
        Some(answer) => answer.map_err(|error| super::asking::lost(&error))?,
    };
    let words = match (answer, wish) {
        (Answer::Failed(failure), _) => return Err(failure.into()),
        (Answer::Done { changed: true }, Wish::Offline) => {
            "Offline. What you do is kept, and carried out after \"lowtide online\"."
        }
        (Answer::Done { changed: true }, Wish::Online) => "Online. What waits is carried out now.",
        (Answer::Done { changed: false }, Wish::Offline) => "It was offline already.",
        (Answer::Done { changed: false }, Wish::Online) => "It was online already.",
        _ => return Err(unexpected()),
    };
    context.out.news(Tone::Good, words)?;
    Ok(Exit::Done)
}
