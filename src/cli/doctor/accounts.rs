//! Accounts: whether their files hold, and whether their servers let us in.

use tokio::sync::mpsc;

use super::Finding;
use crate::cli::exit::Exit;
use crate::cli::report::Problem;
use crate::config::{Account, Config, Route, Security, Upstream};
use crate::daemon::control::{AccountStatus, Answer, Failure, Request};
use crate::daemon::{Desk, PassError, probe};

pub(super) async fn look(
    config: &Config,
    account: &Account,
    is_running: bool,
    kept: &[AccountStatus],
) -> Vec<Finding> {
    let name = &account.name;
    let files = if is_running {
        kept_by_daemon(account, kept)
    } else {
        open(config, account).await
    };
    let mut findings = vec![Finding::of(format!("{name}: files"), files)];
    if let Some(upstream) = &account.upstream {
        findings.push(Finding::of(
            format!("{name}: server"),
            connect(account, upstream).await,
        ));
    }
    findings
}

fn kept_by_daemon(account: &Account, kept: &[AccountStatus]) -> Result<String, Problem> {
    let name = account.name.as_str();
    if let Some(status) = kept.iter().find(|status| status.name == name) {
        return match &status.failure {
            Some(failure) if status.state == "closed" => {
                Err(Problem::of_account(None, name, failure))
            }
            Some(_) | None => Ok("open, in the daemon".to_owned()),
        };
    }
    Err(Problem::new(
        Exit::Configuration,
        "the running daemon does not keep this account",
        "See its log for the reason, or start it again",
    ))
}

/// Opens the files, reads them whole, and looks at every mailbox once.
async fn open(config: &Config, account: &Account) -> Result<String, Problem> {
    let dir = config.storage.account_dir(&account.name);
    if !dir.exists() {
        return Ok("will be made with the first pass".to_owned());
    }
    let desk = Desk::open([(account.clone(), dir)])?;
    desk.verify().await?;
    let (ticks, _) = mpsc::channel(1);
    match desk.answer(Request::Status, ticks).await {
        Answer::Status(accounts) => {
            let mailboxes = || accounts.iter().flat_map(|account| &account.mailboxes);
            let message_count: usize = mailboxes().map(|mailbox| mailbox.message_count).sum();
            let mailbox_count = mailboxes().count();
            let missed_count: u64 = mailboxes().map(|mailbox| mailbox.missed_count).sum();
            let missed = if missed_count > 0 {
                format!(
                    ", listings so far found {missed_count} otherwise than a quick look had told"
                )
            } else {
                String::new()
            };
            Ok(format!(
                "whole; mailboxes: {mailbox_count}, messages: {message_count}{missed}"
            ))
        }
        Answer::Failed(failure) => Err(failure.into()),
        _ => Err(crate::cli::asking::unexpected()),
    }
}

/// Logs in and leaves again.
async fn connect(account: &Account, upstream: &Upstream) -> Result<String, Problem> {
    let name = account.name.as_str();
    let way = match &upstream.route {
        Route::Tunnel { command, .. } => format!("through {}", command.program),
        Route::Network {
            security: Security::Implicit { .. } | Security::StartTls { .. },
            ..
        } => "over TLS, with a certificate that is trusted".to_owned(),
        Route::Network {
            security: Security::Cleartext,
            ..
        } => "in clear text".to_owned(),
    };
    match probe(upstream).await {
        Ok(dialect) => Ok(format!("lets us in, {way}; it is spoken to in {dialect}")),
        Err(error) => Err(Problem::of_account(
            None,
            name,
            &Failure::from(&PassError::from(error)),
        )),
    }
}
