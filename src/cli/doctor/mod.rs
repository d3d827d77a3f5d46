//! `lowtide doctor`: looks at everything that lowtide depends on, and says how to mend what is wrong.

mod accounts;
mod places;

use serde::Serialize;

use super::Context;
use super::args::Json;
use super::exit::Exit;
use super::output::{Output, Tone};
use super::report::Problem;
use crate::daemon::control::{AccountStatus, Answer, Request, ask};

/// One thing that was looked at.
struct Finding {
    /// What was looked at.
    check: String,
    /// How it is, or what is wrong.
    outcome: Result<String, Problem>,
}

impl Finding {
    fn good(check: impl Into<String>, how: impl Into<String>) -> Self {
        Self::of(check, Ok(how.into()))
    }

    fn of(check: impl Into<String>, outcome: Result<String, Problem>) -> Self {
        Self {
            check: check.into(),
            outcome,
        }
    }
}

/// A finding as programs read it.
#[derive(Serialize)]
struct Shown<'a> {
    check: &'a str,
    good: bool,
    what: &'a str,
    next: Option<&'a str>,
}

/// Looks at everything, whatever is found on the way; ends with the code of the worst.
pub(super) async fn run(context: &Context, json: Json) -> Result<Exit, Problem> {
    let findings = look(context).await;
    if json.json {
        let shown: Vec<Shown<'_>> = findings.iter().map(shown).collect();
        context.out.json("findings", &shown)?;
    } else {
        for finding in &findings {
            tell(context.out, finding)?;
        }
    }
    let exits = findings
        .iter()
        .filter_map(|finding| finding.outcome.as_ref().err())
        .map(|problem| problem.exit);
    Ok(exits.max().unwrap_or(Exit::Done))
}

async fn look(context: &Context) -> Vec<Finding> {
    let path = context.config_path.display().to_string();
    let config = match context.config() {
        Ok(config) => config,
        Err(error) => return vec![Finding::of("configuration", Err(error.into()))],
    };
    let mut findings = vec![Finding::good("configuration", path)];
    let running = ask_daemon(&config.storage.data_dir).await;
    findings.push(match &running {
        Some(Ok(_)) => Finding::good("daemon", "runs, and answers"),
        Some(Err(problem)) => Finding::of("daemon", Err(problem.clone())),
        None => Finding::good("daemon", "does not run"),
    });
    let is_running = running.is_some();
    findings.extend(places::look(&context.config_path, &config));
    findings.push(places::endpoint_password(&config.endpoint.password).await);
    findings.extend(places::addresses(&config.endpoint, is_running).await);
    let kept = running.and_then(Result::ok).unwrap_or_default();
    for account in config.accounts.values() {
        findings.extend(accounts::look(&config, account, is_running, &kept).await);
    }
    findings
}

/// What a running daemon says of its accounts; `None` where none runs.
async fn ask_daemon(data_dir: &std::path::Path) -> Option<Result<Vec<AccountStatus>, Problem>> {
    let answer = ask(data_dir, &Request::Status, drop).await?;
    Some(match answer {
        Ok(Answer::Status(accounts)) => Ok(accounts),
        Ok(Answer::Failed(failure)) => Err(failure.into()),
        Ok(_) => Err(super::asking::unexpected()),
        Err(error) => Err(super::asking::lost(&error)),
    })
}

fn shown(finding: &Finding) -> Shown<'_> {
    let (what, next) = match &finding.outcome {
        Ok(how) => (how.as_str(), None),
        Err(problem) => (problem.what.as_str(), Some(problem.next.as_str())),
    };
    Shown {
        check: &finding.check,
        good: finding.outcome.is_ok(),
        what,
        next,
    }
}

fn tell(out: Output, finding: &Finding) -> Result<(), Problem> {
    let check = &finding.check;
    match &finding.outcome {
        Ok(how) => out.news(Tone::Good, &format!("good  {check}: {how}")),
        Err(problem) => out.line(
            Tone::Bad,
            &format!("BAD   {check}: {}. {}.", problem.what, problem.next),
        ),
    }
}
