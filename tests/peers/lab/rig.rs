//! A server with mail and a lowtide that mirrors it: the table of servers and protocols that every promise is shown on.

use std::process::Command;

use super::client::Client;
use super::corpus::Message;
use super::cut::Cut;
use super::cyrus::Cyrus;
use super::dovecot::{Dovecot, Storage};
use super::lowtide::Lowtide;
use super::uw::{Format, Uw};
use super::{Absent, present};

/// A kind of server, and the way to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// UW imapd through a tunnel.
    Uw(Format),
    DovecotTcp,
    DovecotTls,
    Cyrus,
}

/// A server that runs.
pub(crate) enum Server {
    Uw(Uw),
    Dovecot(Box<Dovecot>),
    Cyrus(Cyrus),
}

/// A server, and lowtide as its client.
pub(crate) struct Rig {
    pub(crate) server: Server,
    pub(crate) lowtide: Lowtide,
}

impl Server {
    pub(crate) fn start(kind: Kind) -> Result<Self, Absent> {
        Ok(match kind {
            Kind::Uw(format) => Self::Uw(Uw::prepare(format)?),
            Kind::DovecotTcp | Kind::DovecotTls => {
                Self::Dovecot(Box::new(Dovecot::start(Storage::Maildir)?))
            }
            Kind::Cyrus => Self::Cyrus(Cyrus::start()?),
        })
    }

    /// The other client.
    pub(crate) fn client(&self) -> Client {
        match self {
            Self::Uw(uw) => uw.client(),
            Self::Dovecot(dovecot) => dovecot.client(),
            Self::Cyrus(cyrus) => cyrus.client(),
        }
    }

    pub(crate) fn create(&self, mailbox: &str) {
        match self {
            Self::Uw(uw) => uw.create(mailbox),
            Self::Dovecot(_) | Self::Cyrus(_) => {
                self.client().ok(&format!("CREATE {mailbox}"));
            }
        }
    }

    pub(crate) fn fill(&self, mailbox: &str, messages: &[Message]) {
        match self {
            Self::Uw(uw) => uw.fill(mailbox, messages),
            Self::Dovecot(_) | Self::Cyrus(_) => self.client().fill(mailbox, messages),
        }
    }

    /// A proxy in front of the server, which can cut connections.
    pub(crate) fn cut(&self) -> Cut {
        match self {
            Self::Uw(uw) => {
                let words = uw.tunnel();
                Cut::before_command(move || {
                    let mut command = Command::new(&words[0]);
                    command.args(&words[1..]);
                    command
                })
            }
            Self::Dovecot(dovecot) => Cut::before(dovecot.imap),
            Self::Cyrus(cyrus) => Cut::before(cyrus.imap),
        }
    }

    /// The account's keys, but for the protocol.
    fn account(&self, kind: Kind) -> String {
        match (self, kind) {
            (Self::Uw(uw), _) => format!("tunnel = {:?}", uw.tunnel()),
            (Self::Dovecot(dovecot), Kind::DovecotTls) => format!(
                "host = \"localhost\"\nport = {}\nca-file = {:?}\n{LOGIN}",
                dovecot.imaps.port(),
                dovecot.certificate.authority
            ),
            (Self::Dovecot(dovecot), _) => clear_account(dovecot.imap.port()),
            (Self::Cyrus(cyrus), _) => clear_account(cyrus.imap.port()),
        }
    }
}

impl Rig {
    /// A server whose INBOX holds these messages, beside an empty `archive`; nothing after saying aloud why not.
    pub(crate) fn build(kind: Kind, protocol: &str, messages: &[Message]) -> Option<Self> {
        let server = present(Server::start(kind))?;
        match kind {
            Kind::Uw(Format::Mbx) => server.fill("INBOX", &with_ends(messages)),
            Kind::Uw(_) | Kind::DovecotTcp | Kind::DovecotTls | Kind::Cyrus => {
                server.fill("INBOX", messages);
            }
        }
        server.create("archive");
        let account = with_protocol(&server.account(kind), protocol);
        Some(Self {
            server,
            lowtide: Lowtide::install(&account, NO_TCP),
        })
    }
}

/// The messages, each with the empty line that ends a header: see what UW imapd does to mbx without it.
fn with_ends(messages: &[Message]) -> Vec<Message> {
    let mut messages = messages.to_vec();
    for message in &mut messages {
        if !message.bytes.windows(4).any(|bytes| bytes == b"\r\n\r\n") {
            message.bytes.extend(b"\r\n\r\n");
        }
    }
    messages
}

/// The keys of an account on a port of this machine, in clear.
pub(crate) fn clear_account(port: u16) -> String {
    format!("host = \"127.0.0.1\"\nport = {port}\ntls = \"none\"\n{LOGIN}")
}

/// The same keys, with what is mirrored and how.
pub(crate) fn with_protocol(account: &str, protocol: &str) -> String {
    format!("{account}\nprotocol = \"{protocol}\"\nmailboxes = [\"INBOX\", \"archive\"]")
}

/// An endpoint of which tests use only the commands and the socket.
pub(crate) const NO_TCP: &str = "listen = []\npassword = { file = \"endpoint-password\" }";
/// Every protocol that the promises are shown with.
pub(crate) const PROTOCOLS: [&str; 2] = ["imap2", "auto"];
const LOGIN: &str = "user = \"ada\"\npassword = { file = \"server-password\" }";
