//! What happened, in the words and numbers that people and programs are told.

use std::collections::{BTreeMap, BTreeSet};

use super::control::{ConflictInfo, Entry, Failure, FailureKind, MailboxStatus, MailboxSync};
use super::error::{PassError, chain};
use super::report::Report;
use super::visit::Outcome;
use crate::id::MessageId;
use crate::journal::EntryState;
use crate::message;
use crate::mirror::{ConflictKind, Plan, Step};
use crate::protocol::types::{Flag, FlagSet, Keywords};
use crate::store::{ConflictRow, EntryRow, FileKind, NamedAction, Store, StoreError};
use crate::upstream::UpstreamError;

/// How the mailboxes of an account are.
pub(super) async fn mailboxes(store: &Store) -> Result<Vec<MailboxStatus>, StoreError> {
    let backlogs = store.backlog().await?;
    let holds = store.holds().await?;
    let mut mailboxes = Vec::new();
    for row in store.mailboxes().await? {
        let view = store.view(row.id).await?;
        let backlog = backlogs.get(&row.name).copied().unwrap_or_default();
        mailboxes.push(MailboxStatus {
            name: row.name.to_string(),
            message_count: view.messages().count(),
            unread_count: view
                .messages()
                .filter(|(_, flags)| !flags.contains(FlagSet::SEEN))
                .count(),
            pending_count: backlog.pending_count,
            parked_count: backlog.parked_count,
            last_pass_at: row.last_pass_at,
            missed_count: row.missed_count,
            on_server: row.on_server,
            is_mirrored: true,
            failure: None,
            held: holds
                .iter()
                .find(|hold| hold.mailbox == row.name && !hold.approved)
                .map(|hold| hold.reason.clone()),
        });
    }
    Ok(mailboxes)
}

/// The journal of an account, in words.
///
/// # Errors
/// What is wrong with the files.
pub async fn journal_of(account: &str, store: &Store) -> Result<Vec<Entry>, StoreError> {
    let rows = store.entries().await?;
    let holds = store.holds().await?;
    let mut subjects = subjects(store, rows.iter().map(|row| row.message).collect()).await?;
    for row in &rows {
        if let NamedAction::Append { .. } = row.action
            && let Ok(Some(octets)) = store.pinned(row.id).await
        {
            let (header, _) = message::header::split(&octets);
            subjects.extend(subject(header).map(|subject| (row.message, subject)));
        }
    }
    let entry = |row: EntryRow| {
        let held = holds
            .iter()
            .find(|hold| hold.mailbox == row.mailbox && !hold.approved);
        let (state, reason) = match (&row.state, held) {
            (EntryState::Parked(reason), _) => ("parked", Some(reason.to_string())),
            (_, Some(hold)) => ("held", Some(hold.reason.clone())),
            (EntryState::Attempted(_), None) if row.trouble.is_empty() => (
                "ambiguous",
                Some("it was sent, and the server has to be looked at first".to_owned()),
            ),
            (EntryState::Attempted(_) | EntryState::Refused(_) | EntryState::Pending, None) => (
                "pending",
                (!row.trouble.is_empty()).then(|| row.trouble.clone()),
            ),
        };
        Entry {
            id: row.id.raw(),
            account: account.to_owned(),
            mailbox: row.mailbox.to_string(),
            subject: subjects.get(&row.message).cloned(),
            action: action(&row.action),
            state: state.to_owned(),
            reason,
            accepted_at: row.accepted_at,
        }
    };
    Ok(rows.into_iter().map(entry).collect())
}

/// The conflicts of an account.
pub(super) async fn conflicts(
    account: &str,
    store: &Store,
) -> Result<Vec<ConflictInfo>, StoreError> {
    let rows = store.conflicts().await?;
    let subjects = subjects(store, rows.iter().map(|row| row.message).collect()).await?;
    let info = |row: ConflictRow| ConflictInfo {
        undo: undo_words(&row).map(str::to_owned),
        id: row.id,
        account: account.to_owned(),
        mailbox: row.mailbox.to_string(),
        subject: subjects.get(&row.message).cloned(),
        kind: row.kind.to_string(),
        of_another: row.kind == ConflictKind::ChangedThereLikeAnother,
        seen: row.seen,
        wished: row.wished,
        there: row.there,
        kept: row.kept,
        at: row.at,
        undone_at: row.undone_at,
        agreed_at: row.agreed_at,
    };
    Ok(rows.into_iter().map(info).collect())
}

/// What it means to have a decision otherwise.
fn undo_words(row: &ConflictRow) -> Option<&'static str> {
    match row.kind {
        ConflictKind::DeletedHereMarkedThere | ConflictKind::DeletedHereUndeletedThere
            if row.removes =>
        {
            Some("remove the message all the same")
        }
        ConflictKind::DeletedHereMarkedThere | ConflictKind::DeletedHereUndeletedThere => {
            Some("mark the message deleted all the same")
        }
        ConflictKind::MarkedHereDeletedThere => Some("take their deletion mark off"),
        ConflictKind::ChangedThereLikeAnother => Some("have it as it was before"),
        ConflictKind::ChangedHereDeletedThere | ConflictKind::ChangedHereRestoredThere => None,
    }
}

/// What the passes of a visit came to.
pub(super) async fn passes(
    store: &Store,
    outcomes: Vec<Outcome>,
) -> Result<Vec<MailboxSync>, StoreError> {
    let mut passes = Vec::new();
    for Outcome { mailbox, result } in outcomes {
        let name = mailbox.to_string();
        passes.push(match result {
            Err(error) => MailboxSync {
                mailbox: name,
                failure: Some(Failure::from(&error)),
                ..MailboxSync::default()
            },
            Ok(report) => {
                let plan = match (&report.plan, store.mailbox(&mailbox)) {
                    (Some(plan), Some(id)) => {
                        let keywords = store.view(id).await?.keywords;
                        steps(store, plan, &report.would_go, &keywords).await?
                    }
                    (Some(_), None) | (None, _) => Vec::new(),
                };
                counted(name, &report, plan)
            }
        });
    }
    Ok(passes)
}

fn counted(mailbox: String, report: &Report, plan: Vec<String>) -> MailboxSync {
    MailboxSync {
        mailbox,
        counts: report.counts,
        plan,
        held: report.halt.map(|halt| halt.to_string()),
        failure: None,
    }
}

/// A plan in words, a line for each message and step; before it, what would go here.
async fn steps(
    store: &Store,
    plan: &Plan,
    would_go: &[MessageId],
    keywords: &Keywords,
) -> Result<Vec<String>, StoreError> {
    let acted_on = plan
        .steps
        .iter()
        .flat_map(|step| step.messages().iter().copied());
    let messages = acted_on.chain(would_go.iter().copied()).collect();
    let subjects = subjects(store, messages).await?;
    let subject = |message: &MessageId| {
        subjects.get(message).map_or_else(
            || format!("message {message}"),
            |subject| format!("\"{subject}\""),
        )
    };
    let gone = would_go.iter();
    let mut lines: Vec<String> = gone
        .map(|message| format!("let {} go here", subject(message)))
        .collect();
    for step in &plan.steps {
        for message in step.messages() {
            let subject = subject(message);
            lines.push(match step {
                Step::StoreFlags { delta, .. } => {
                    let names = |sign: &str, flags| signed(sign, keywords.names(flags));
                    let change: Vec<String> = names("+", delta.add)
                        .into_iter()
                        .chain(names("-", delta.remove))
                        .collect();
                    format!("flag {subject} {}", change.join(" "))
                }
                Step::Copy { to, .. } => format!("copy {subject} to {to}"),
                Step::Append { .. } => format!("append {subject}"),
                Step::Expunge { .. } => format!("expunge {subject}"),
            });
        }
    }
    lines.extend(
        plan.delays
            .iter()
            .map(|(message, delay)| format!("wait with {}: {delay}", subject(message))),
    );
    Ok(lines)
}

/// The subjects of messages, as far as their headers are held; few headers are in memory at one time.
async fn subjects(
    store: &Store,
    messages: BTreeSet<MessageId>,
) -> Result<BTreeMap<MessageId, String>, StoreError> {
    let messages: Vec<MessageId> = messages.into_iter().collect();
    let mut subjects = BTreeMap::new();
    for some in messages.chunks(HEADERS_AT_ONCE) {
        let headers = store.headers(some.to_vec()).await?;
        let read = some.iter().zip(headers);
        subjects.extend(read.filter_map(|(message, header)| Some((*message, subject(&header?)?))));
    }
    Ok(subjects)
}

fn subject(header: &[u8]) -> Option<String> {
    field(header, b"Subject")
}

/// A field of a header, as far as people need it to know the message by.
pub(super) fn field(header: &[u8], name: &[u8]) -> Option<String> {
    let raw = message::header::first_value(header, name)?;
    let text = String::from_utf8_lossy(&message::header::unfold(raw))
        .trim()
        .to_owned();
    Some(text.chars().take(MAX_SUBJECT_CHARS).collect())
}

fn action(action: &NamedAction) -> String {
    match action {
        NamedAction::Flags { add, remove } => {
            let change: Vec<String> = signed("+", add.iter().cloned())
                .into_iter()
                .chain(signed("-", remove.iter().cloned()))
                .collect();
            format!("flags {}", change.join(" "))
        }
        NamedAction::Expunge => "expunge".to_owned(),
        NamedAction::Copy { to } => format!("copy to {to}"),
        NamedAction::Append { .. } => "append".to_owned(),
    }
}

fn signed(sign: &str, flags: impl Iterator<Item = Flag>) -> Vec<String> {
    flags.map(|flag| format!("{sign}{flag}")).collect()
}

impl From<&PassError> for Failure {
    fn from(error: &PassError) -> Self {
        let kind = match error {
            PassError::Store(error) => store_kind(error),
            PassError::Offline => FailureKind::Offline,
            PassError::Released | PassError::Overtaken { .. } => FailureKind::Interrupted,
            PassError::Upstream(error) => match error {
                UpstreamError::Unreachable { .. }
                | UpstreamError::Closed { .. }
                | UpstreamError::Io(_)
                | UpstreamError::Silent { .. }
                | UpstreamError::Tunnel { .. }
                | UpstreamError::Unwilling { .. } => FailureKind::Unreachable,
                UpstreamError::Insecure { .. } => FailureKind::Insecure,
                UpstreamError::LoginRefused { .. } | UpstreamError::NoPassword { .. } => {
                    FailureKind::Login
                }
                UpstreamError::TrustRoots { .. } | UpstreamError::NotOffered { .. } => {
                    FailureKind::Configuration
                }
                UpstreamError::NotOpened { .. } | UpstreamError::Refused { .. } => {
                    FailureKind::Refused
                }
                UpstreamError::Protocol(_) | UpstreamError::Desynchronised { .. } => {
                    FailureKind::Protocol
                }
            },
        };
        let advice = match error {
            PassError::Upstream(UpstreamError::NoPassword { advice, .. }) => Some(advice.clone()),
            PassError::Store(error) => store_advice(error),
            PassError::Upstream(_)
            | PassError::Overtaken { .. }
            | PassError::Offline
            | PassError::Released => None,
        };
        Self {
            advice,
            ..Self::new(kind, chain(error))
        }
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self {
            advice: store_advice(&error),
            ..Self::new(store_kind(&error), chain(&error))
        }
    }
}

fn store_kind(error: &StoreError) -> FailureKind {
    match error {
        StoreError::Locked { .. } => FailureKind::Locked,
        StoreError::Full | StoreError::NoRoom { .. } => FailureKind::DiskFull,
        StoreError::NoMailbox
        | StoreError::MessageGone
        | StoreError::MailboxExists
        | StoreError::KeywordsFull => FailureKind::Usage,
        StoreError::NoDirectory { .. } => FailureKind::Configuration,
        StoreError::Damaged {
            kind: FileKind::Cache,
            ..
        } => FailureKind::Cache,
        StoreError::Foreign { .. }
        | StoreError::Newer { .. }
        | StoreError::Damaged { .. }
        | StoreError::Unsafe { .. }
        | StoreError::Exposed { .. }
        | StoreError::Io { .. }
        | StoreError::Sqlite { .. }
        | StoreError::Stopped => FailureKind::Store,
    }
}

/// What to do about files of which more is known than that they failed.
fn store_advice(error: &StoreError) -> Option<String> {
    let advice = match error {
        StoreError::Damaged {
            kind: FileKind::Journal,
            ..
        } => DAMAGED_JOURNAL,
        StoreError::Damaged {
            kind: FileKind::Mail,
            ..
        } => DAMAGED_MAIL,
        StoreError::Newer { .. } => "Use the lowtide that wrote it, or a newer one",
        StoreError::Foreign { .. } => "Move it away, or name another data-dir in [storage]",
        StoreError::NoDirectory { .. } => {
            "Correct data-dir in [storage], or move away what stands in its place"
        }
        StoreError::Unsafe { .. } => {
            "Name a data-dir in [storage] that is on a disk of this machine"
        }
        StoreError::Exposed { .. } => "Mend that, and run it again",
        StoreError::Damaged {
            kind: FileKind::Cache,
            ..
        }
        | StoreError::Locked { .. }
        | StoreError::Full
        | StoreError::NoRoom { .. }
        | StoreError::Io { .. }
        | StoreError::Sqlite { .. }
        | StoreError::Stopped
        | StoreError::NoMailbox
        | StoreError::MessageGone
        | StoreError::MailboxExists
        | StoreError::KeywordsFull => return None,
    };
    Some(advice.to_owned())
}

const DAMAGED_JOURNAL: &str = "Start lowtide again: it sets the file aside, and what could be saved of it then waits for \
    \"lowtide journal accept\"";
const DAMAGED_MAIL: &str = "Stop lowtide and move the file aside, with those beside it that begin with the same name, and delete \
    none of them: this mail is nowhere else. Put a backup in its place, or what \"sqlite3 OLD .recover | sqlite3 mail.db\" saves";
const MAX_SUBJECT_CHARS: usize = 60;
const HEADERS_AT_ONCE: usize = 256;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::MailboxId;
    use crate::journal::{Action, HeaderHash, Mark, NewEntry};
    use crate::mirror::{Arrival, SeenMessage, Settlement};
    use crate::protocol::types::{FlagDelta, MailboxName, SeqNum};
    use crate::store::{HeaderIn, Kind, Packed};

    fn arrival(index: usize) -> Arrival {
        let mark = Mark {
            instant: 0,
            size: 1,
            header: None,
            uid: None,
        };
        let seen = SeenMessage {
            mark,
            flags: FlagSet::EMPTY,
            zone_minutes: 0,
        };
        Arrival {
            seq: SeqNum::from_index(index).unwrap(),
            seen,
            was: None,
        }
    }

    /// So many messages, each with its number as its subject, and all of them flagged.
    async fn flagged(store: &Store, inbox: MailboxId, count: usize) {
        store.view(inbox).await.unwrap();
        let settlement = Settlement {
            arrived: (0..count).map(arrival).collect(),
            ..Settlement::default()
        };
        let messages = store.record(inbox, settlement).await.unwrap();
        let header = |(number, message): (usize, &MessageId)| HeaderIn {
            message: *message,
            hash: HeaderHash([0; 32]),
            envelope: Vec::new(),
            bytes: Packed::new(format!("Subject: letter {number}\r\n\r\n").into_bytes()),
        };
        let headers = messages.iter().enumerate().map(header).collect();
        store.keep_headers(inbox, headers).await.unwrap();
        let wish = |message| NewEntry {
            message,
            action: Action::Flags(FlagDelta {
                add: FlagSet::FLAGGED,
                remove: FlagSet::EMPTY,
            }),
        };
        let wishes = messages.into_iter().map(wish).collect();
        store.accept(inbox, wishes).await.unwrap();
    }

    #[tokio::test]
    async fn each_action_of_a_long_journal_has_its_own_subject() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(&dir.path().join("work"), Kind::Mirror).unwrap();
        let inbox = store.adopt_list(vec![MailboxName::inbox()]).await.unwrap()[0];
        let count = HEADERS_AT_ONCE * 2 + 1;
        flagged(&store, inbox, count).await;
        let entries = journal_of("work", &store).await.unwrap();
        assert_eq!(entries.len(), count);
        for (number, entry) in entries.iter().enumerate() {
            assert_eq!(entry.subject, Some(format!("letter {number}")));
        }
        let shown = mailboxes(&store).await.unwrap();
        assert_eq!((shown[0].pending_count, shown[0].parked_count), (count, 0));
    }
}
