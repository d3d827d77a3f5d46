//! Getting an answer: from the daemon where one runs, otherwise at a desk of our own.

use tokio::sync::mpsc;

use super::Context;
use super::exit::Exit;
use super::report::Problem;
use crate::config::{Account, Config};
use crate::daemon::Desk;
use crate::daemon::control::{Answer, Line, Request, ask};

impl Context {
    /// Asks, and hears on the way how far it is. A failure as an answer is a problem.
    pub(super) async fn ask(
        &self,
        request: Request,
        mut hear: impl FnMut(Line),
    ) -> Result<Answer, Problem> {
        let config = self.config()?;
        let asked = ask(&config.storage.data_dir, &request, &mut hear).await;
        let answer = match asked {
            Some(answer) => answer.map_err(|error| lost(&error))?,
            None => answer_here(&config, request, hear).await?,
        };
        match answer {
            Answer::Failed(failure) => Err(failure.into()),
            answer => Ok(answer),
        }
    }

    /// Asks for something that has nothing to tell on the way.
    pub(super) async fn ask_plainly(&self, request: Request) -> Result<Answer, Problem> {
        self.ask(request, drop).await
    }
}

/// The accounts that a request is about; none where it names one that does not exist, which the desk then says.
fn concerned<'a>(config: &'a Config, request: &Request) -> Vec<&'a Account> {
    let named = match request {
        Request::Sync { account, .. } | Request::SetOnline { account, .. } => account.as_deref(),
        Request::Retry { account, .. }
        | Request::Drop { account, .. }
        | Request::Accept { account }
        | Request::Undo { account, .. }
        | Request::Text { account, .. }
        | Request::Restore { account, .. }
        | Request::Approve { account, .. } => Some(account.as_str()),
        Request::Status | Request::Journal | Request::Conflicts | Request::Removed => None,
    };
    let also = match request {
        Request::Restore { into, .. } => into.as_deref(),
        _ => None,
    };
    let Some(named) = named else {
        return config.accounts.values().collect();
    };
    let also = also.filter(|also| *also != named);
    let names = [Some(named), also].into_iter().flatten();
    names.filter_map(|name| config.accounts.get(name)).collect()
}

async fn answer_here(
    config: &Config,
    request: Request,
    mut hear: impl FnMut(Line),
) -> Result<Answer, Problem> {
    let accounts = concerned(config, &request);
    let desk = Desk::open(
        accounts
            .into_iter()
            .map(|account| (account.clone(), config.storage.account_dir(&account.name))),
    )
    .map_err(Problem::from)?;
    let (ticks, mut ticked) = mpsc::channel(QUEUED_TICKS);
    let answer = desk.answer(request, ticks);
    tokio::pin!(answer);
    loop {
        tokio::select! {
            answer = &mut answer => return Ok(answer),
            Some(tick) = ticked.recv() => hear(tick),
        }
    }
}

/// The daemon was there and did not answer to the end.
pub(super) fn lost(error: &std::io::Error) -> Problem {
    Problem::new(
        Exit::Internal,
        format!("the running daemon did not answer: {error}"),
        "Look at its log; if it was updated, start it again",
    )
}

/// The answer was to another question, which no daemon of this version gives.
pub(super) fn unexpected() -> Problem {
    Problem::new(
        Exit::Internal,
        "the running daemon answered something else than was asked",
        "Start it again: it is of another version than this command",
    )
}

const QUEUED_TICKS: usize = 64;
