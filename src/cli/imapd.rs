//! `lowtide imapd ACCOUNT`: a mail client at standard input and output, logged in already.
//!
//! Where the daemon runs, it has the account's files, so the client is passed on to its socket. Where none does, the
//! account is kept by this process for as long as the client stays.

use std::io;

use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};

use super::Context;
use super::exit::Exit;
use super::report::Problem;
use crate::daemon;
use crate::endpoint::preauth_words;
use crate::id::AccountName;

pub(super) async fn run(context: &Context, name: &str) -> Result<Exit, Problem> {
    let config = context.config()?;
    let Some(account) = config.accounts.get(name) else {
        return Err(Problem::new(
            Exit::Usage,
            format!("there is no account {name}"),
            "Run \"lowtide status\" to see which there are",
        ));
    };
    let (stdin, stdout) = (tokio::io::stdin(), tokio::io::stdout());
    match UnixStream::connect(&config.endpoint.socket).await {
        Ok(stream) => pass_on(stream, &account.name, stdin, stdout).await?,
        Err(_) => daemon::serve_one(&config, account, tokio::io::join(stdin, stdout)).await?,
    }
    Ok(Exit::Done)
}

/// Enters the account at the daemon's socket, and carries octets both ways until one side has enough.
async fn pass_on(
    stream: UnixStream,
    account: &AccountName,
    mut stdin: impl AsyncRead + Unpin,
    mut stdout: impl AsyncWrite + Unpin,
) -> Result<(), Problem> {
    let (reader, mut writer) = stream.into_split();
    let mut reader = BufReader::new(reader);
    enter(&mut reader, &mut writer, account).await?;
    let greeting = format!("* PREAUTH {}\r\n", preauth_words(account));
    let upwards = async {
        let copied = tokio::io::copy(&mut stdin, &mut writer).await;
        drop(writer.shutdown().await);
        copied
    };
    let downwards = async {
        stdout.write_all(greeting.as_bytes()).await?;
        tokio::io::copy_buf(&mut reader, &mut stdout).await?;
        stdout.flush().await
    };
    // The server has the last word: once it is silent, whether the client would say more makes no difference.
    tokio::pin!(upwards, downwards);
    let ended = tokio::select! {
        ended = &mut downwards => ended,
        _ = &mut upwards => downwards.await,
    };
    match ended {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(Problem::output(&error)),
        Ok(()) | Err(_) => Ok(()),
    }
}

/// Reads the greeting, and logs in unless it says that this is done. The kernel has told the daemon whose we are, so no
/// password is asked for.
async fn enter(
    reader: &mut BufReader<OwnedReadHalf>,
    writer: &mut OwnedWriteHalf,
    account: &AccountName,
) -> Result<(), Problem> {
    let lost = |error| lost(account, &error);
    let greeting = next_line(reader).await.map_err(lost)?;
    if let Some(words) = greeting.strip_prefix("* BYE ") {
        return Err(turned_away(words));
    }
    if greeting == format!("* PREAUTH {}", preauth_words(account)) {
        return Ok(());
    }
    let login = format!("lowtide LOGIN {account} \"\"\r\n");
    writer.write_all(login.as_bytes()).await.map_err(lost)?;
    loop {
        let line = next_line(reader).await.map_err(lost)?;
        match line.strip_prefix("lowtide ") {
            Some(answer) if answer.starts_with("OK ") => return Ok(()),
            Some(answer) => return Err(lost(io::Error::other(answer.to_owned()))),
            None => {}
        }
    }
}

async fn next_line(reader: &mut BufReader<OwnedReadHalf>) -> io::Result<String> {
    let mut line = String::new();
    if reader.read_line(&mut line).await? == 0 {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    line.truncate(line.trim_end().len());
    Ok(line)
}

/// The daemon is there and takes nobody more, or is about to stop.
fn turned_away(words: &str) -> Problem {
    Problem::new(
        Exit::Locked,
        format!("the running daemon let nobody in: {words}"),
        "Close a mail client, or raise endpoint-connections in [limits]; then try again",
    )
}

fn lost(account: &AccountName, error: &io::Error) -> Problem {
    Problem::new(
        Exit::Internal,
        format!("the running daemon did not let this client into {account}: {error}"),
        "Run \"lowtide status\" to see how the account is; start the daemon again if it does not know it",
    )
}
