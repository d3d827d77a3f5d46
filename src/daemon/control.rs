//! What the command line and the daemon say to each other: one JSON object per line over a Unix socket.
//!
//! The same requests are answered in the same way where no daemon runs; see [`Desk`].

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::UnixStream;
use tokio::sync::{mpsc, watch};
use tokio::time::{interval, timeout};

use super::Desk;
use super::error::PassError;
use super::progress::Tick;
use super::report::Counts;
use crate::protocol::types::MailboxName;

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
    /// Says that entries are meant that wait for such a word.
    Accept {
        /// The account.
        account: String,
    },
    /// What was decided against the user.
    Conflicts,
    /// Asks once more for what a decision was against.
    Undo {
        /// The account.
        account: String,
        /// The conflict.
        conflict: i64,
    },
    /// What was removed and can be had back.
    Removed,
    /// The text of a removed message.
    Text {
        /// The account.
        account: String,
        /// The removed message.
        removed: i64,
    },
    /// Brings a removed message back.
    Restore {
        /// The account it was removed from.
        account: String,
        /// The removed message.
        removed: i64,
        /// The account it goes to; without it, the same.
        into: Option<String>,
        /// The mailbox it goes to; without it, the one it was in.
        mailbox: Option<String>,
    },
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
    /// It takes a while, and nothing is to be told.
    Working,
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
    /// To [`Request::Removed`].
    Removed(Vec<RemovedInfo>),
    /// To [`Request::Text`]: one character for each octet; nothing if there is no such message.
    Text(Option<String>),
    /// To [`Request::Restore`].
    Restored {
        /// The mailbox it goes to.
        mailbox: String,
        /// Whether a server has to take it first.
        waits: bool,
    },
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
    /// `online`, `offline`, `failed`, `starting`, `stopped` where no daemon runs, or `closed` where its files cannot be
    /// used.
    pub state: String,
    /// Why the last try failed, or the files cannot be used.
    pub failure: Option<Failure>,
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
    /// How many messages listings found to be otherwise than looking here and there had told, where messages have no UIDs.
    #[serde(default)]
    pub missed_count: u64,
    /// Whether the server still lists it.
    pub on_server: bool,
    /// Whether the configuration wants it here.
    pub is_mirrored: bool,
    /// Why it waits for a person.
    pub held: Option<String>,
    /// Why the last try to pass over it failed.
    pub failure: Option<Failure>,
}

impl MailboxStatus {
    /// Whether a person who types this means the mailbox.
    #[must_use]
    pub fn is_called(&self, typed: &str) -> bool {
        self.name.parse::<MailboxName>() == typed.parse()
    }
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
    /// The message's subject, as far as it is known.
    pub subject: Option<String>,
    /// Which wishes met.
    pub kind: String,
    /// Whether the user had asked for it on another message, and nothing on this one.
    pub of_another: bool,
    /// The flags that the user saw when asking; of a message that nothing was asked for, those that it had before.
    pub seen: String,
    /// What the user had asked for.
    pub wished: String,
    /// What the server showed then.
    pub there: String,
    /// What both sides came to.
    pub kept: String,
    /// When, in seconds since 1970.
    pub at: i64,
    /// When the user asked for it once more, in seconds since 1970.
    pub undone_at: Option<i64>,
    /// When the user marked for removal what may have been marked by mistake, in seconds since 1970.
    pub agreed_at: Option<i64>,
    /// What `undo` would ask for, in words; nothing where the message is gone.
    pub undo: Option<String>,
}

/// A message that was removed and can be had back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RemovedInfo {
    /// Its number.
    pub id: i64,
    /// The account.
    pub account: String,
    /// The mailbox it was in.
    pub mailbox: String,
    /// Its subject.
    pub subject: Option<String>,
    /// Who it is from.
    pub from: Option<String>,
    /// Its flags, by name.
    pub flags: Vec<String>,
    /// Octets.
    pub size: u32,
    /// Whether it was removed here; otherwise by somebody else.
    pub by_user: bool,
    /// When it was found to be gone, in seconds since 1970.
    pub removed_at: i64,
    /// When it was last had back, in seconds since 1970.
    pub restored_at: Option<i64>,
}

/// Something that did not work.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// What sort of thing.
    pub kind: FailureKind,
    /// What happened, in one sentence fragment.
    pub what: String,
    /// What to do next, where more is known than its sort: a sentence without its full stop.
    pub advice: Option<String>,
}

impl Failure {
    /// A failure of which its sort says what to do next.
    #[must_use]
    pub fn new(kind: FailureKind, what: impl Into<String>) -> Self {
        Self {
            kind,
            what: what.into(),
            advice: None,
        }
    }
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
    /// The local copy is damaged, which can be fetched again.
    Cache,
    /// The local disk is full.
    DiskFull,
    /// Another process has the files.
    Locked,
    /// The daemon stopped before it was through.
    Interrupted,
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
/// How far it is goes to `hear`.
///
/// # Errors
/// The connection broke before the answer came, or the daemon has hung.
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
    while let Some(line) = timeout(SILENCE, lines.next_line()).await?? {
        match serde_json::from_str(&line)? {
            Line::Answer(answer) => return Ok(answer),
            tick @ Line::Tick { .. } => hear(tick),
            Line::Working => {}
        }
    }
    Err(std::io::ErrorKind::UnexpectedEof.into())
}

/// Serves one connection of the command line. Who asks when the daemon is about to stop is told so.
pub(super) async fn serve(
    stream: UnixStream,
    desk: &watch::Receiver<Arc<Desk>>,
    stop: &watch::Receiver<bool>,
) -> std::io::Result<()> {
    let (reader, mut writer) = stream.into_split();
    let mut request = String::new();
    let mut limited = BufReader::new(tokio::io::AsyncReadExt::take(reader, MAX_REQUEST_BYTES));
    timeout(REQUEST_WITHIN, limited.read_line(&mut request)).await??;
    let request: Request = serde_json::from_str(&request)?;
    let answer = if *stop.borrow() {
        Answer::Failed(Failure::from(&PassError::Released))
    } else {
        // Taken only now: a desk holds the accounts' files open.
        let desk = desk.borrow().clone();
        attend(&desk, request, &mut writer).await?
    };
    send(&mut writer, &Line::Answer(answer)).await
}

/// Gets the answer, and tells how far it is, or that it takes a while.
async fn attend(
    desk: &Desk,
    request: Request,
    writer: &mut (impl AsyncWrite + Unpin),
) -> std::io::Result<Answer> {
    let (ticks, mut ticked) = mpsc::channel(QUEUED_TICKS);
    let answer = desk.answer(request, ticks);
    tokio::pin!(answer);
    let mut beat = interval(BEAT);
    loop {
        let line = tokio::select! {
            answer = &mut answer => return Ok(answer),
            Some(tick) = ticked.recv() => tick,
            _ = beat.tick() => Line::Working,
        };
        send(writer, &line).await?;
    }
}

async fn send(writer: &mut (impl AsyncWrite + Unpin), line: &Line) -> std::io::Result<()> {
    let mut octets = serde_json::to_vec(line)?;
    octets.push(b'\n');
    writer.write_all(&octets).await
}

const MAX_REQUEST_BYTES: u64 = 64 * 1024;
const QUEUED_TICKS: usize = 64;
/// How long a request may take to be sent.
const REQUEST_WITHIN: Duration = Duration::from_secs(5);
/// How often the daemon says that it is still at work.
const BEAT: Duration = Duration::from_secs(5);
/// How long a daemon may say nothing: several beats.
const SILENCE: Duration = Duration::from_secs(30);

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_daemon_that_has_hung_is_not_waited_for() {
        let (ours, _theirs) = UnixStream::pair().unwrap();
        let answer = converse(ours, &Request::Status, &mut |_| {}).await;
        assert_eq!(answer.unwrap_err().kind(), std::io::ErrorKind::TimedOut);
    }

    #[tokio::test]
    async fn a_daemon_that_works_for_long_is_waited_for() {
        let (ours, mut theirs) = UnixStream::pair().unwrap();
        let answer = Answer::Done { changed: true };
        let serve = async {
            for line in [
                &Line::Working,
                &Line::Working,
                &Line::Answer(answer.clone()),
            ] {
                send(&mut theirs, line).await.unwrap();
            }
        };
        let mut hear = |line| panic!("nothing is to be heard: {line:?}");
        let ask = converse(ours, &Request::Status, &mut hear);
        let ((), heard) = tokio::join!(serve, ask);
        assert_eq!(heard.unwrap(), answer);
    }
}
