//! A mirror of one INBOX in a temporary directory, and the client that keeps it.

use std::time::Duration;

use lowtide::daemon::{self, Keep, PassError, PassOptions, Progress, Report};
use lowtide::id::{MailboxId, MessageId};
use lowtide::journal::{Action, HeaderHash, Mark, NewEntry};
use lowtide::message::header_hash;
use lowtide::mirror::{Arrival, Brakes, MailboxFacts, Policy, SeenMessage, Settlement};
use lowtide::protocol::types::{FlagDelta, FlagSet, MailboxName, Password, SeqNum};
use lowtide::store::{EntryRow, HeaderIn, Kind, Packed, Store};
use lowtide::upstream::{
    Allowance, Credentials, Level, Patience, Security, Server, Session, Transport, UpstreamError,
};
use tempfile::TempDir;
use tokio::net::TcpListener;

use super::script::play;

/// The server greets and takes the login.
pub(super) const LOGGED_IN: &str = "S: * OK ready
    C: x LOGIN ada secret
    S: x OK welcome
    ";
/// The client leaves.
pub(super) const LEFT: &str = "
    C: x LOGOUT
    S: * BYE come again
    S: x OK bye";
/// The client asks for the mailboxes, and there is one besides INBOX.
pub(super) const LISTED: &str = "C: x FIND ALL.MAILBOXES \"*\"
    S: * MAILBOX notes
    S: x OK
    ";

/// The client looks first into the mailbox that a copy goes to, and it is empty.
pub(super) const NOTES_ARE_EMPTY: &str = "C: x SELECT notes
    S: * 0 EXISTS
    S: x OK
    ";

/// What a pass keeps, in most tests.
pub(super) const OPTIONS: PassOptions = PassOptions {
    policy: Policy {
        delete_what_others_marked: false,
        restore_what_others_removed: false,
    },
    brakes: Brakes { few: 20, many: 500 },
    attempts: 2,
    keep: Keep::Headers,
    rescue_up_to: 0,
    dry_run: false,
    closely: false,
    records_first: true,
    list_up_to: 200,
    list_every: Duration::from_secs(7 * 24 * 3600),
    chance: 0,
};

/// A mirror whose INBOX holds some letters, unread, with their headers.
pub(super) struct World {
    pub(super) store: Store,
    pub(super) inbox: MailboxId,
    pub(super) letters: Vec<MessageId>,
    _dir: TempDir,
}

impl World {
    pub(super) async fn holding(letter_count: usize) -> Self {
        Self::at(MailboxFacts::default(), letter_count).await
    }

    /// The same, last seen under these facts; where there is a UIDVALIDITY, letter `n` has the UID `n`.
    pub(super) async fn at(facts: MailboxFacts, letter_count: usize) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(&dir.path().join("ada"), Kind::Mirror).unwrap();
        let names = vec![MailboxName::inbox(), "notes".parse().unwrap()];
        let inbox = store.adopt_list(names).await.unwrap()[0];
        store.view(inbox).await.unwrap();
        let settlement = Settlement {
            facts,
            arrived: (1..=letter_count).map(|n| arrival(n, &facts)).collect(),
            ..Settlement::default()
        };
        let letters = store.record(inbox, settlement).await.unwrap();
        let headers = letters.iter().zip(1..).map(|(id, n)| header(*id, n));
        store.keep_headers(inbox, headers.collect()).await.unwrap();
        Self {
            store,
            inbox,
            letters,
            _dir: dir,
        }
    }

    /// The user sets flags on a letter, counted from 1.
    pub(super) async fn set(&self, letter: usize, add: FlagSet) {
        let delta = FlagDelta {
            add,
            ..FlagDelta::NONE
        };
        self.wish(letter, Action::Flags(delta)).await;
    }

    /// The user removes a letter for good.
    pub(super) async fn delete(&self, letter: usize) {
        self.set(letter, FlagSet::DELETED).await;
        self.wish(letter, Action::Expunge).await;
    }

    pub(super) async fn copy(&self, letter: usize, to: &str) {
        let to = to.parse().unwrap();
        self.wish(letter, Action::Copy { to }).await;
    }

    pub(super) async fn wish(&self, letter: usize, action: Action) {
        let message = self.letters[letter.strict_sub(1)];
        let wish = NewEntry { message, action };
        self.store.accept(self.inbox, vec![wish]).await.unwrap();
    }

    pub(super) async fn pass(&self, session: &mut Session) -> Result<Report, PassError> {
        self.pass_with(session, &OPTIONS).await
    }

    async fn pass_with(
        &self,
        session: &mut Session,
        options: &PassOptions,
    ) -> Result<Report, PassError> {
        let silent = Progress::silent();
        daemon::pass(session, &self.store, self.inbox, options, false, &silent).await
    }

    /// One pass over INBOX against a server of 1990 that shows `script` after the login.
    pub(super) async fn passes(&self, script: &str) -> Report {
        self.tries(script).await.unwrap()
    }

    /// The same, and the look after it, which finds these flags: only that proves what was sent.
    pub(super) async fn passes_and_proves(&self, script: &str, flags: &[&str]) -> Report {
        let sent = self.passes(script).await;
        assert_eq!((sent.counts.retired, sent.unproven), (0, true));
        self.passes(&opened(flags)).await
    }

    /// As many passes over INBOX as a visit makes.
    pub(super) async fn is_visited(&self, script: &str) {
        let script = format!("{LOGGED_IN}{script}{LEFT}");
        let silent = Progress::silent();
        let act = async |session: &mut Session| {
            daemon::until_quiet(session, &self.store, self.inbox, &OPTIONS, &silent).await
        };
        let visited = converse(Level::Imap2, &script, act).await.unwrap();
        visited.unwrap();
    }

    /// The same, where the pass may end early.
    pub(super) async fn tries(&self, script: &str) -> Result<Report, PassError> {
        self.tries_with(script, &OPTIONS).await
    }

    /// The same, where whole letters are kept.
    pub(super) async fn holds_everything(&self, script: &str) -> Result<Report, PassError> {
        let keep = Keep::All;
        let options = PassOptions { keep, ..OPTIONS };
        self.tries_with(script, &options).await
    }

    /// One that ends early because numbers are not what they were.
    pub(super) async fn loses_numbers(&self, script: &str) {
        let ended = self.tries(script).await;
        assert!(
            matches!(
                ended,
                Err(PassError::Upstream(UpstreamError::Desynchronised { .. }))
            ),
            "{script}: {ended:?}"
        );
    }

    pub(super) async fn tries_with(
        &self,
        script: &str,
        options: &PassOptions,
    ) -> Result<Report, PassError> {
        let script = format!("{LOGGED_IN}{script}{LEFT}");
        let act = async |session: &mut Session| self.pass_with(session, options).await;
        converse(Level::Imap2, &script, act).await.unwrap()
    }

    /// The first letters lose their UIDs: they were in doubt while the mailbox got another UIDVALIDITY.
    pub(super) async fn forget_uids(&self, count: usize) {
        let input = self.store.pass_input(self.inbox).await.unwrap();
        let first = input.base.messages.iter().take(count);
        let marks = first.map(|known| {
            (
                known.id,
                Mark {
                    uid: None,
                    ..known.mark
                },
            )
        });
        let settlement = Settlement {
            facts: input.base.facts,
            marks: marks.collect(),
            ..Settlement::default()
        };
        self.store.record(self.inbox, settlement).await.unwrap();
    }

    /// What waits in the journal.
    pub(super) async fn journal(&self) -> Vec<EntryRow> {
        self.store.entries().await.unwrap()
    }

    /// The flags that INBOX was last seen to have.
    pub(super) async fn base(&self) -> Vec<FlagSet> {
        let input = self.store.pass_input(self.inbox).await.unwrap();
        let messages = input.base.messages.iter();
        messages.map(|message| message.flags).collect()
    }
}

/// Connects to a server that plays a script, does something, and leaves.
pub(super) async fn converse<T>(
    level: Level,
    script: &str,
    act: impl AsyncFnOnce(&mut Session) -> T,
) -> Result<T, UpstreamError> {
    let (listener, server) = listen(level).await;
    let client = async {
        let mut session = Session::connect(&server).await?;
        let result = act(&mut session).await;
        session.logout().await;
        Ok(result)
    };
    tokio::join!(client, play(listener, script)).0
}

/// A port of this machine, and the server that a client takes it for.
pub(super) async fn listen(level: Level) -> (TcpListener, Server) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let server = Server {
        transport: Transport::Tcp {
            host: "127.0.0.1".to_owned(),
            port: listener.local_addr().unwrap().port(),
            security: Security::Clear,
        },
        credentials: Some(Credentials {
            user: "ada".to_owned(),
            password: Password::new(b"secret".to_vec()),
        }),
        level,
        patience: Patience {
            connect: PATIENCE,
            tls: PATIENCE,
            greeting: PATIENCE,
            silence: PATIENCE,
            logout: PATIENCE,
        },
        allowance: Allowance {
            line: 64 * 1024,
            literal: 64 * 1024,
        },
    };
    (listener, server)
}

/// The client opens INBOX and lists letters with these flags, as a server of 1990 shows them. That nothing is missing at
/// the end, the headers of the last two prove.
pub(super) fn opened(flags: &[&str]) -> String {
    let count = flags.len();
    let shown = flags.iter().zip(1..).map(|(flags, n)| shown(n, n, flags));
    let range = range(1, count);
    format!(
        "C: x SELECT INBOX
        S: * FLAGS (\\Answered \\Flagged \\Deleted \\Seen)
        S: * {count} EXISTS
        S: x OK opened
        C: x FETCH {range} FAST
        {}
        S: x OK
        {}",
        shown.collect::<Vec<_>>().join("\n"),
        last_headers_read(count)
    )
}

/// The client flags the first letter, and the server shows it.
pub(super) const FIRST_FLAGGED: &str = "
    C: x STORE 1 +FLAGS (\\Flagged)
    S: x OK
    LOOK 1 (\\Flagged)
    CHECK";

/// The client reads the headers of the last two of so many letters.
pub(super) fn last_headers_read(count: usize) -> String {
    let first = count.saturating_sub(1).max(1);
    let read: Vec<String> = (first..=count).map(|n| headed(n, n)).collect();
    format!(
        "C: x FETCH {} RFC822.HEADER
        {}
        S: x OK",
        range(first, count),
        read.join("\n")
    )
}

fn range(first: usize, last: usize) -> String {
    if first == last {
        first.to_string()
    } else {
        format!("{first}:{last}")
    }
}

/// A letter at a number.
pub(super) fn shown(seq: usize, letter: usize, flags: &str) -> String {
    let size = size(letter);
    format!(
        "S: * {seq} FETCH (FLAGS ({flags}) INTERNALDATE \" {letter}-Feb-94 12:00:00-GMT\" RFC822.SIZE {size})"
    )
}

/// The client reads a letter's header at a number.
pub(super) fn header_read(seq: usize, letter: usize) -> String {
    format!(
        "C: x FETCH {seq} RFC822.HEADER
        {}
        S: x OK",
        headed(seq, letter)
    )
}

/// A letter's header at a number.
pub(super) fn headed(seq: usize, letter: usize) -> String {
    format!("S: * {seq} FETCH (RFC822.HEADER «Subject: letter {letter}¶¶»)")
}

fn arrival(n: usize, facts: &MailboxFacts) -> Arrival {
    let day = i64::try_from(n).unwrap();
    let mark = Mark {
        instant: EVE.strict_add(day.strict_mul(86_400)),
        size: size(n),
        header: None,
        uid: facts.uid_validity.map(|_| u32::try_from(n).unwrap()),
    };
    Arrival {
        seq: SeqNum::new(u32::try_from(n).unwrap()).unwrap(),
        seen: SeenMessage {
            mark,
            flags: FlagSet::EMPTY,
            zone_minutes: 0,
        },
        was: None,
    }
}

fn header(message: MessageId, n: usize) -> HeaderIn {
    let bytes = format!("Subject: letter {n}\r\n\r\n").into_bytes();
    HeaderIn {
        message,
        hash: HeaderHash(header_hash(&bytes)),
        envelope: Vec::new(),
        bytes: Packed::new(bytes),
    }
}

fn size(letter: usize) -> u32 {
    u32::try_from(letter).unwrap().strict_add(100)
}

/// Noon of 31 January 1994.
const EVE: i64 = 760_017_600;
/// Longer than any test takes.
const PATIENCE: Duration = Duration::from_secs(10);
