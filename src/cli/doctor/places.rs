//! Files and addresses: who else can reach them.

use std::fs::{self, Metadata};
use std::io;
use std::net::SocketAddr;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::Finding;
use crate::cli::exit::Exit;
use crate::cli::report::Problem;
use crate::config::{Config, Endpoint, SecretSource};
use crate::daemon::DaemonError;
use crate::endpoint::{ListenError, Listener};

/// The configuration, which others must not change, and the files of mail, which others must not read.
pub(super) fn look(config_path: &Path, config: &Config) -> Vec<Finding> {
    let data_dir = &config.storage.data_dir;
    let mut wrong = Vec::new();
    examine(config_path, OTHERS_MAY_WRITE, &mut wrong);
    if data_dir.is_dir() {
        examine_all(data_dir, &mut wrong);
    } else if data_dir.exists() {
        wrong.push(Problem::new(
            Exit::Configuration,
            format!("{} is no directory", data_dir.display()),
            "Correct data-dir in [storage]",
        ));
    }
    if wrong.is_empty() {
        let shown = data_dir.display();
        let how = if data_dir.exists() {
            format!("{shown} is yours alone")
        } else {
            format!("{shown} will be made when it is needed")
        };
        return vec![Finding::good("files", how)];
    }
    let finding = |problem| Finding::of("files", Err(problem));
    wrong.into_iter().map(finding).collect()
}

/// Everything below a directory, without following links.
fn examine_all(path: &Path, wrong: &mut Vec<Problem>) {
    examine(path, OTHERS_MAY_ANYTHING, wrong);
    let is_journal = |name: &str| name.starts_with("journal.db.damaged") && !name.contains("-wal");
    if path
        .file_name()
        .and_then(|name| name.to_str())
        .is_some_and(is_journal)
    {
        wrong.push(Problem::new(
            Exit::Attention,
            format!("a journal was damaged, and is kept as {}", path.display()),
            "Look at \"lowtide journal\" for what could be saved of it, then delete the file",
        ));
    }
    let is_directory = fs::symlink_metadata(path).is_ok_and(|found| found.is_dir());
    if !is_directory {
        return;
    }
    match fs::read_dir(path) {
        Ok(entries) => {
            for entry in entries.flatten() {
                examine_all(&entry.path(), wrong);
            }
        }
        Err(error) => wrong.push(unreadable(path, &error)),
    }
}

fn examine(path: &Path, forbidden: u32, wrong: &mut Vec<Problem>) {
    match fs::symlink_metadata(path) {
        Ok(found) => wrong.extend(exposed(path, &found, forbidden)),
        // SQLite's files beside a database come and go.
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => wrong.push(unreadable(path, &error)),
    }
}

fn exposed(path: &Path, found: &Metadata, forbidden: u32) -> Option<Problem> {
    let shown = path.display();
    let mode = found.mode() & 0o7777;
    if found.uid() != rustix::process::geteuid().as_raw() {
        return Some(Problem::new(
            Exit::Store,
            format!("{shown} belongs to user {}", found.uid()),
            format!("Make it yours, as root: chown \"$USER\" {shown}"),
        ));
    }
    // The socket's own mode does not count where its directory lets nobody in; a link's never does.
    if found.is_symlink() || (!found.is_file() && !found.is_dir()) || mode & forbidden == 0 {
        return None;
    }
    let mended = mode & !forbidden;
    let what = if forbidden == OTHERS_MAY_WRITE {
        "change"
    } else {
        "reach"
    };
    Some(Problem::new(
        Exit::Store,
        format!("other users can {what} {shown} (mode {mode:04o})"),
        format!("Run \"chmod {mended:o} {shown}\""),
    ))
}

fn unreadable(path: &Path, error: &io::Error) -> Problem {
    Problem::new(
        Exit::Store,
        format!("{} cannot be looked at: {error}", path.display()),
        "Make it yours again",
    )
}

/// The password for mail clients.
pub(super) async fn endpoint_password(source: &SecretSource) -> Finding {
    const CHECK: &str = "password for mail clients";
    if let SecretSource::File(path) = source
        && !path.exists()
    {
        return Finding::good(CHECK, "will be made when \"lowtide run\" first starts");
    }
    let outcome = match (source.fetch().await, source) {
        (Ok(_), SecretSource::File(path)) => Ok(path.display().to_string()),
        (Ok(_), SecretSource::Command(_) | SecretSource::Credential(_)) => {
            Ok("is there".to_owned())
        }
        (Err(error), _) => Err(error.into()),
    };
    Finding::of(CHECK, outcome)
}

/// Where mail clients connect: the daemon must be there, or nobody.
pub(super) async fn addresses(endpoint: &Endpoint, is_running: bool) -> Vec<Finding> {
    let mut findings = Vec::new();
    for &address in &endpoint.listen {
        let outcome = if address.port() == 0 {
            Ok("a port that is free at the time".to_owned())
        } else if is_running {
            answers(address).await
        } else {
            is_free(address)
        };
        findings.push(Finding::of(format!("address {address}"), outcome));
    }
    if endpoint.listen.is_empty() {
        findings.push(Finding::good("addresses", "TCP is turned off"));
    }
    if !is_running {
        let socket = Listener::new().bind_unix(&endpoint.socket);
        findings.push(Finding::of(
            "socket",
            socket
                .map(|()| format!("{} is free", endpoint.socket.display()))
                .map_err(|error| DaemonError::Listen(error).into()),
        ));
    }
    findings
}

/// Whoever listens there while the daemon runs is the daemon, or somebody in its place: the greeting tells.
async fn answers(address: SocketAddr) -> Result<String, Problem> {
    let greeted = async {
        let mut lines = BufReader::new(TcpStream::connect(address).await?).take(LONGEST_GREETING);
        let mut greeting = String::new();
        lines.read_line(&mut greeting).await?;
        Ok::<_, io::Error>(greeting)
    };
    match timeout(PATIENCE, greeted).await {
        Ok(Ok(greeting)) if greeting.starts_with("* OK lowtide ") => {
            Ok("mail clients can connect".to_owned())
        }
        Ok(Ok(_)) => Err(Problem::new(
            Exit::Configuration,
            "another program answers there",
            "Do not give it your password; find it with \"ss -tlnp\", or choose another port with listen in [endpoint]",
        )),
        Ok(Err(error)) if error.kind() == io::ErrorKind::AddrNotAvailable => Ok(absent()),
        Ok(Err(_)) | Err(_) => Err(Problem::new(
            Exit::Configuration,
            "the running daemon does not listen there",
            "Start it again: changes of [endpoint] take effect then",
        )),
    }
}

fn is_free(address: SocketAddr) -> Result<String, Problem> {
    match Listener::new().bind_tcp(&[address]) {
        Ok(()) => Ok("is free".to_owned()),
        Err(ListenError::NoAddress) => Ok(absent()),
        Err(error) => Err(DaemonError::Listen(error).into()),
    }
}

fn absent() -> String {
    "this machine does not have it, so nobody else can take it".to_owned()
}

const OTHERS_MAY_WRITE: u32 = 0o022;
const OTHERS_MAY_ANYTHING: u32 = 0o077;
const LONGEST_GREETING: u64 = 512;
const PATIENCE: Duration = Duration::from_secs(2);
