//! An endpoint with one account in a temporary directory, and clients of it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use lowtide::endpoint::{Accounts, Endpoint, EndpointSettings, Peer};
use lowtide::id::{AccountName, MailboxId, MessageId};
use lowtide::journal::{HeaderHash, Mark};
use lowtide::message::{Structure, envelope, header_hash};
use lowtide::mirror::{Access, Arrival, MailboxFacts, SeenMessage, Settlement};
use lowtide::protocol::types::{
    Flag, FlagSet, InternalDate, Keyword, Keywords, MailboxName, SeqNum,
};
use lowtide::store::{BodyIn, HeaderIn, Kind, NewMessage, Packed, Store};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::timeout;

/// An endpoint and its only account, `ada`.
pub(super) struct World {
    pub(super) store: Store,
    pub(super) endpoint: Endpoint,
    pub(super) facts: MailboxFacts,
    pub(super) shutdown: watch::Sender<bool>,
    sessions: JoinSet<()>,
    accounts: watch::Sender<Accounts>,
    dir: TempDir,
}

/// How much of a message a mirror holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Held {
    Listed,
    Header,
    Text,
}

impl World {
    pub(super) fn new(kind: Kind) -> Self {
        Self::with(kind, EndpointSettings::default())
    }

    pub(super) fn with(kind: Kind, settings: EndpointSettings) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(&dir.path().join("ada"), kind).unwrap();
        let name: AccountName = "ada".parse().unwrap();
        let (accounts, told) = watch::channel(BTreeMap::from([(name, store.clone())]));
        Self {
            store,
            endpoint: Endpoint::new(settings, told),
            facts: MailboxFacts {
                access: Access::ReadWrite,
                ..MailboxFacts::default()
            },
            shutdown: watch::Sender::new(false),
            sessions: JoinSet::new(),
            accounts,
            dir,
        }
    }

    /// Another account of the same kind, which clients can log in to from now on.
    pub(super) async fn add_account(&self, name: &str) {
        let store = Store::open(&self.dir.path().join(name), self.store.kind()).unwrap();
        self.accounts
            .send_modify(|accounts| drop(accounts.insert(name.parse().unwrap(), store)));
    }

    pub(super) async fn mailbox(&self, name: &str) -> MailboxId {
        let name: MailboxName = name.parse().unwrap();
        match self.store.kind() {
            Kind::Local => match self.store.mailbox(&name) {
                Some(id) => id,
                None => self.store.create_mailbox(name).await.unwrap(),
            },
            Kind::Mirror => {
                let rows = self.store.mailboxes().await.unwrap();
                let mut names: Vec<MailboxName> = rows.into_iter().map(|row| row.name).collect();
                names.push(name.clone());
                self.store.adopt_list(names).await.unwrap();
                let id = self.store.mailbox(&name).unwrap();
                self.store.view(id).await.unwrap();
                id
            }
        }
    }

    /// Puts a message into a mailbox as somebody else would: by APPEND here, by a pass in a mirror.
    pub(super) async fn message(
        &self,
        mailbox: MailboxId,
        octets: &[u8],
        date: InternalDate,
        flags: &[Flag],
        held: Held,
    ) -> MessageId {
        let keywords = self.keywords(mailbox, flags).await;
        let flags = keywords.resolve(flags).0;
        match self.store.kind() {
            Kind::Local => {
                let message = NewMessage {
                    flags,
                    instant: date.instant_secs,
                    zone_minutes: date.offset_minutes,
                    size: u32::try_from(octets.len()).unwrap(),
                    header: header(MessageId::from_raw(0), octets),
                    body: body(MessageId::from_raw(0), octets),
                };
                self.store.append(mailbox, message).await.unwrap()
            }
            Kind::Mirror => {
                let arrival = arrival(octets, date, flags);
                let settlement = Settlement {
                    facts: self.facts,
                    arrived: vec![arrival],
                    ..Settlement::default()
                };
                let ids = self.store.record(mailbox, settlement);
                let id = ids.await.unwrap()[0];
                if held != Held::Listed {
                    self.store
                        .keep_headers(mailbox, vec![header(id, octets)])
                        .await
                        .unwrap();
                }
                if held == Held::Text {
                    self.keep_body(id, octets).await;
                }
                id
            }
        }
    }

    pub(super) async fn keep_body(&self, id: MessageId, octets: &[u8]) {
        self.store
            .keep_bodies(vec![body(id, octets)])
            .await
            .unwrap();
    }

    /// What a pass does that finds a message gone, or with other flags.
    pub(super) async fn settle(&self, mailbox: MailboxId, settlement: Settlement) {
        let facts = self.facts;
        let settlement = Settlement {
            facts,
            ..settlement
        };
        self.store.record(mailbox, settlement).await.unwrap();
    }

    async fn keywords(&self, mailbox: MailboxId, flags: &[Flag]) -> Keywords {
        let names: Vec<Keyword> = flags
            .iter()
            .filter_map(|flag| match flag {
                Flag::Keyword(keyword) => Some(keyword.clone()),
                _ => None,
            })
            .collect();
        self.store.define_keywords(mailbox, names).await.unwrap()
    }

    /// Waits until every session has ended.
    pub(super) async fn ended(&mut self) {
        while let Some(ended) = self.sessions.join_next().await {
            ended.unwrap();
        }
    }

    /// The directory of the account.
    pub(super) fn dir(&self) -> PathBuf {
        self.dir.path().join("ada")
    }

    pub(super) fn owner(&mut self) -> Client {
        self.connect(Peer::Owner("ada".parse().unwrap()))
    }

    pub(super) fn connect(&mut self, peer: Peer) -> Client {
        let (ours, theirs) = tokio::io::duplex(64 * 1024);
        let (endpoint, shutdown) = (self.endpoint.clone(), self.shutdown.subscribe());
        self.sessions
            .spawn(async move { endpoint.serve(theirs, peer, shutdown).await });
        Client { io: ours }
    }
}

/// One mail client.
pub(super) struct Client {
    pub(super) io: DuplexStream,
}

impl Client {
    pub(super) async fn send(&mut self, octets: &[u8]) {
        self.io.write_all(octets).await.unwrap();
    }

    /// Reads exactly as many octets, or what comes before the end.
    pub(super) async fn read(&mut self, count: usize) -> Vec<u8> {
        let mut octets = Vec::new();
        while octets.len() < count {
            let mut chunk = vec![0; count.saturating_sub(octets.len())];
            match timeout(PATIENCE, self.io.read(&mut chunk)).await {
                Ok(Ok(0)) | Err(_) => break,
                Ok(read) => octets.extend_from_slice(&chunk[..read.unwrap()]),
            }
        }
        octets
    }

    pub(super) async fn line(&mut self) -> String {
        let mut line = Vec::new();
        while !line.ends_with(b"\n") {
            let octet = self.read(1).await;
            if octet.is_empty() {
                break;
            }
            line.extend(octet);
        }
        String::from_utf8_lossy(&line).trim_end().to_owned()
    }

    /// Sends a command and reads up to its tagged answer. Only for answers without literals that hold the tag.
    pub(super) async fn command(&mut self, command: &str) -> Vec<String> {
        self.send(format!("x {command}\r\n").as_bytes()).await;
        let mut lines = Vec::new();
        loop {
            let line = self.line().await;
            let last = line.starts_with("x ") || line.is_empty();
            lines.push(line);
            if last {
                return lines;
            }
        }
    }

    /// Everything up to the end of the connection.
    pub(super) async fn rest(&mut self) -> Vec<u8> {
        let mut octets = Vec::new();
        timeout(PATIENCE, self.io.read_to_end(&mut octets))
            .await
            .expect("the connection should have ended")
            .unwrap();
        octets
    }
}

fn arrival(octets: &[u8], date: InternalDate, flags: FlagSet) -> Arrival {
    let mark = Mark {
        instant: date.instant_secs,
        size: u32::try_from(octets.len()).unwrap(),
        header: None,
        uid: None,
    };
    Arrival {
        seq: SeqNum::new(1).unwrap(),
        seen: SeenMessage {
            mark,
            flags,
            zone_minutes: date.offset_minutes,
        },
        was: None,
    }
}

pub(super) fn header(message: MessageId, octets: &[u8]) -> HeaderIn {
    let structure = Structure::of(octets);
    let mut wire = Vec::new();
    envelope(structure.header()).encode(&mut wire);
    HeaderIn {
        message,
        hash: HeaderHash(header_hash(structure.header())),
        envelope: wire,
        bytes: Packed::new(structure.header().to_vec()),
    }
}

pub(super) fn body(message: MessageId, octets: &[u8]) -> BodyIn {
    let mut wire = Vec::new();
    Structure::of(octets).body().encode(&mut wire);
    BodyIn {
        message,
        hash: blake3::hash(octets).into(),
        structure: wire,
        bytes: Packed::new(octets.to_vec()),
    }
}

/// A sample message, with the line ends of mail.
pub(super) fn sample(name: &str) -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/transcripts/endpoint/messages")
        .join(name);
    let text = std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let lines: Vec<&[u8]> = text.split(|&byte| byte == b'\n').collect();
    lines.join(&b"\r\n"[..])
}

pub(super) fn date(text: &str) -> InternalDate {
    InternalDate::parse(text.as_bytes()).unwrap()
}

pub(super) const PATIENCE: Duration = Duration::from_secs(10);
