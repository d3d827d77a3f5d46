//! What the endpoint is told by those who start it.

use std::collections::BTreeMap;
use std::time::Duration;

use super::login::PasswordDigest;
use crate::id::AccountName;
use crate::protocol::dialect::Dialect;
use crate::protocol::server::ServerLimits;
use crate::store::Store;

/// The accounts that clients can log in to, by the name they log in with.
pub type Accounts = BTreeMap<AccountName, Store>;

/// How the endpoint behaves, the same for all accounts.
#[derive(Clone, Debug, Default)]
pub struct EndpointSettings {
    /// The password that LOGIN over TCP wants; without one, every LOGIN over TCP is refused.
    pub password: Option<PasswordDigest>,
    /// Which protocol is spoken.
    pub dialect: DialectPin,
    /// How much is accepted, and for how long.
    pub limits: EndpointLimits,
}

/// Which protocol the endpoint speaks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DialectPin {
    /// IMAP2, and IMAP2bis once the client has asked for CAPABILITY.
    #[default]
    Auto,
    /// RFC 1064 and nothing newer, EXAMINE and FIND aside.
    Rfc1064,
    /// RFC 1176 and nothing newer, EXAMINE and FIND ALL.MAILBOXES aside.
    Rfc1176,
    /// IMAP2bis from the start.
    Imap2bis,
}

/// How much one endpoint bears.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EndpointLimits {
    /// Connections at one time; one more is told BYE.
    pub connection_count: usize,
    /// Connections at one time that have not logged in; one more is told BYE.
    pub newcomer_count: usize,
    /// Sizes of lines and literals.
    pub sizes: ServerLimits,
    /// Octets of all messages that clients are appending at one time; one message of the size that is allowed always fits.
    pub messages: usize,
    /// How long a client may take for one line before login.
    pub login_line: Duration,
    /// How long a client may say nothing after login.
    pub idle: Duration,
    /// How long a client may read nothing of what is sent to it.
    pub progress: Duration,
    /// How long one command waits, in all, for what is not held here.
    pub text: Duration,
    /// How many lines in a row may be no commands.
    pub bad_line_count: u32,
}

impl Default for EndpointLimits {
    fn default() -> Self {
        Self {
            connection_count: 32,
            newcomer_count: 8,
            sizes: ServerLimits::default(),
            messages: 64 * 1024 * 1024,
            login_line: Duration::from_secs(60),
            idle: Duration::from_mins(30),
            progress: Duration::from_secs(60),
            text: Duration::from_secs(30),
            bad_line_count: 20,
        }
    }
}

impl DialectPin {
    /// What is spoken before the client has said anything.
    #[must_use]
    pub(super) fn first(self) -> Dialect {
        match self {
            Self::Auto | Self::Rfc1176 => Dialect::Rfc1176,
            Self::Rfc1064 => Dialect::Rfc1064,
            Self::Imap2bis => Dialect::Imap2bis,
        }
    }

    /// The newest dialect of which commands are offered.
    #[must_use]
    pub(super) fn newest(self) -> Dialect {
        match self {
            Self::Rfc1064 => Dialect::Rfc1064,
            Self::Rfc1176 => Dialect::Rfc1176,
            Self::Auto | Self::Imap2bis => Dialect::Imap2bis,
        }
    }

    /// Whether IMAP2bis is there for those who ask for it: the items BODY and FULL.
    #[must_use]
    pub(super) fn has_imap2bis(self) -> bool {
        matches!(self, Self::Auto | Self::Imap2bis)
    }
}
