//! Where a server is and how to talk to it.

use std::path::PathBuf;
use std::time::Duration;

use crate::protocol::framer::FrameLimits;
use crate::protocol::types::Password;

/// Everything needed to connect to one account's server.
#[derive(Clone, Debug)]
pub struct Server {
    /// How octets get there.
    pub transport: Transport,
    /// Who we are. Not needed where the connection is somebody's already.
    pub credentials: Option<Credentials>,
    /// Which protocol level to speak.
    pub level: Level,
    /// How long to wait.
    pub patience: Patience,
    /// How much to accept.
    pub allowance: Allowance,
}

/// How octets get to a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Transport {
    /// A TCP connection.
    Tcp {
        /// Host name or address.
        host: String,
        /// Port.
        port: u16,
        /// Whether and how the connection is secured.
        security: Security,
    },
    /// A command's standard input and output.
    Tunnel {
        /// The program and its arguments.
        command: Vec<String>,
    },
}

/// Whether and how a TCP connection is secured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Security {
    /// TLS from the first octet.
    Tls {
        /// More certificates to trust.
        extra_roots: Option<PathBuf>,
    },
    /// TLS after STARTTLS; never without.
    StartTls {
        /// More certificates to trust.
        extra_roots: Option<PathBuf>,
    },
    /// None.
    Clear,
}

/// A user's name and password.
#[derive(Clone, Debug)]
pub struct Credentials {
    /// The name.
    pub user: String,
    /// The password.
    pub password: Password,
}

/// Which protocol level to speak.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// The best the server has.
    Detect,
    /// IMAP2 of RFC 1176, and nothing later, whatever the server has.
    Imap2,
    /// IMAP2bis.
    Imap2bis,
    /// IMAP4rev1; anything less is an error.
    Imap4rev1,
}

/// How much to accept from a server, in octets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Allowance {
    /// The longest line without its literals.
    pub line: usize,
    /// The largest literal, and so the largest message.
    pub literal: usize,
}

impl Allowance {
    pub(super) fn frames(self) -> FrameLimits {
        FrameLimits {
            line: self.line,
            literal: self.literal,
            literal_total: self.literal.saturating_mul(2),
        }
    }
}

/// How long to wait for a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience {
    /// For a TCP connection.
    pub connect: Duration,
    /// For TLS to be agreed on.
    pub tls: Duration,
    /// For the greeting.
    pub greeting: Duration,
    /// For the next octet while a command is answered.
    pub silence: Duration,
    /// For the end of a connection.
    pub logout: Duration,
}
