//! What the command line and the daemon say to each other: one JSON object per line over a Unix socket.
//!
//! The same requests are answered in the same way where no daemon runs; see [`Desk`](super::Desk).

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::UnixStream;
use tokio::sync::mpsc;

use super::progress::Tick;
use super::report::Counts;

/// What somebody asks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "request", rename_all = "kebab-case")]
pub enum Request {
    /// How the accounts are.
    Status,
    /// A pass now.
    Sync {
        /// Only this account.
        account: Option<String>,
        /// Only this mailbox of it.
        mailbox: Option<String>,
        /// Look and plan, and send nothing that writes.
        dry_run: bool,
    },
    /// What waits in the journals.
    Journal,
    /// Makes a parked entry pending again.
    Retry {
        /// The account.
        account: String,
        /// The entry.
        entry: i64,
    },
    /// Gives an entry up.
    Drop {
        /// The account.
        account: String,
        /// The entry.
        entry: i64,
    },
    /// What was decided against the user.
    Conflicts,
    /// Lets the next pass do what a mailbox is held for.
    Approve {
        /// The account.
        account: String,
        /// The mailbox.
        mailbox: String,
    },
    /// Takes accounts offline, or lets them online again.
    SetOnline {
        /// Only this account.
        account: Option<String>,
        /// Which of the two.
        online: bool,
    },
}

/// One line of an answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Line {
    /// How far it is.
    Tick {
        /// The account.
        account: String,
        /// How far.
        tick: Tick,
    },
    /// The answer; nothing follows.
    Answer(Answer),
}

/// What is answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Answer {
    /// To [`Request::Status`].
    Status(Vec<AccountStatus>),
    /// To [`Request::Sync`].
    Synced(Vec<AccountSync>),
    /// To [`Request::Journal`].
    Journal(Vec<Entry>),
    /// To [`Request::Conflicts`].
    Conflicts(Vec<ConflictInfo>),
    /// To the others: whether there was something to do.
    Done {
        /// Whether anything changed.
        changed: bool,
    },
    /// To any.
    Failed(Failure),
}

/// How an account is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountStatus {
    /// Its name.
    pub name: String,
    /// `mirror`, or `local` where the mailboxes live here.
    pub kind: String,
    /// `online`, `offline`, `failed`, `starting`, or `stopped` where no daemon runs.
    pub state: String,
    /// Why the last try failed.
    pub problem: Option<String>,
    /// Its mailboxes, by name.
    pub mailboxes: Vec<MailboxStatus>,
}

/// How a mailbox is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MailboxStatus {
    /// Its name.
    pub name: String,
    /// Messages as clients see it.
    pub message_count: usize,
    /// Of these, unread.
    pub unread_count: usize,
    /// Actions that wait.
    pub pending_count: usize,
    /// Actions set aside for a person.
    pub parked_count: usize,
    /// When a pass last came to its end, in seconds since 1970.
    pub last_pass_at: Option<i64>,
    /// Whether the server still lists it.
    pub on_server: bool,
    /// Why it waits for a person.
    pub held: Option<String>,
}

/// What a visit came to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountSync {
    /// The account.
    pub account: String,
    /// Its mailboxes, in the order of the passes.
    pub mailboxes: Vec<MailboxSync>,
    /// Why there are not more of them.
    pub failure: Option<Failure>,
    /// Actions that wait after it.
    pub pending_count: usize,
    /// Actions set aside after it.
    pub parked_count: usize,
}

/// What the passes over one mailbox came to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MailboxSync {
    /// The mailbox.
    pub mailbox: String,
    /// What was done, in numbers.
    #[serde(flatten)]
    pub counts: Counts,
    /// What would be sent, step by step; of a dry run.
    pub plan: Vec<String>,
    /// Why it waits for a person.
    pub held: Option<String>,
    /// Why it was not finished.
    pub failure: Option<Failure>,
}

/// A journal entry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Its number, which stays.
    pub id: i64,
    /// The account.
    pub account: String,
    /// The mailbox.
    pub mailbox: String,
    /// The message's subject, as far as it is known.
    pub subject: Option<String>,
    /// What to do, in words.
    pub action: String,
    /// `pending`, `attempting`, `ambiguous`, `parked` or `held`.
    pub state: String,
    /// Why it is not simply pending.
    pub reason: Option<String>,
    /// When the user did it, in seconds since 1970.
    pub accepted_at: i64,
}

/// A conflict on record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConflictInfo {
    /// Its number.
    pub id: i64,
    /// The account.
    pub account: String,
    /// The mailbox.
    pub mailbox: String,
    /// Which wishes met.
    pub kind: String,
    /// What the user had asked for.
    pub wished: String,
    /// What both sides came to.
    pub kept: String,
    /// When, in seconds since 1970.
    pub at: i64,
}

/// Something that did not work.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// What sort of thing.
    pub kind: FailureKind,
    /// What happened, in one sentence fragment.
    pub what: String,
}

/// Failures, by what a person has to do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FailureKind {
    /// The request does not fit the configuration: no such account, no such mailbox, no such entry.
    Usage,
    /// The server is out of reach.
    Unreachable,
    /// The connection is not secure.
    Insecure,
    /// The server broke the protocol, or lost count.
    Protocol,
    /// The login was refused, or there is no password.
    Login,
    /// The server said NO.
    Refused,
    /// The account is kept offline.
    Offline,
    /// The local files failed.
    Store,
    /// The local disk is full.
    DiskFull,
    /// Another process has the files.
    Locked,
    /// The configuration does not fit the server.
    Configuration,
    /// Something in lowtide itself.
    Internal,
}

/// Where the daemon of a data directory listens.
#[must_use]
pub fn socket_path(data_dir: &Path) -> PathBuf {
    data_dir.join("control.sock")
}

/// Asks a running daemon. `None` if none runs.
///
/// Lines before the last go to `hear`.
///
/// # Errors
/// The connection broke before the answer came.
pub async fn ask(
    data_dir: &Path,
    request: &Request,
    mut hear: impl FnMut(Line),
) -> Option<std::io::Result<Answer>> {
    let stream = UnixStream::connect(socket_path(data_dir)).await.ok()?;
    Some(converse(stream, request, &mut hear).await)
}

async fn converse(
    stream: UnixStream,
    request: &Request,
    hear: &mut impl FnMut(Line),
) -> std::io::Result<Answer> {
    let (reader, mut writer) = stream.into_split();
    let mut line = serde_json::to_vec(request)?;
    line.push(b'\n');
    writer.write_all(&line).await?;
    let mut lines = BufReader::new(reader).lines();
    while let Some(line) = lines.next_line().await? {
        match serde_json::from_str(&line)? {
            Line::Answer(answer) => return Ok(answer),
            tick @ Line::Tick { .. } => hear(tick),
        }
    }
    Err(std::io::ErrorKind::UnexpectedEof.into())
}

/// Serves one connection of the command line.
pub(super) async fn serve(stream: UnixStream, desk: &super::Desk) -> std::io::Result<()> {
    let (reader, mut writer) = stream.into_split();
    let mut request = String::new();
    let mut limited = BufReader::new(tokio::io::AsyncReadExt::take(reader, MAX_REQUEST_BYTES));
    limited.read_line(&mut request).await?;
    let request: Request = serde_json::from_str(&request)?;
    let (ticks, mut ticked) = mpsc::channel(QUEUED_TICKS);
    let answer = desk.answer(request, ticks);
    tokio::pin!(answer);
    let answer = loop {
        tokio::select! {
            answer = &mut answer => break answer,
            Some(tick) = ticked.recv() => send(&mut writer, &tick).await?,
        }
    };
    send(&mut writer, &Line::Answer(answer)).await
}

async fn send(
    writer: &mut (impl tokio::io::AsyncWrite + Unpin),
    line: &Line,
) -> std::io::Result<()> {
    let mut octets = serde_json::to_vec(line)?;
    octets.push(b'\n');
    writer.write_all(&octets).await
}

const MAX_REQUEST_BYTES: u64 = 64 * 1024;
const QUEUED_TICKS: usize = 64;
