//! `[limits]`: how long to wait and how much to accept.

use crate::config::error::Fault;
use crate::config::raw::Section;
use std::time::Duration;

/// Bounds on waiting, trying and accepting, for the whole daemon. Defaults are in the table of keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// How long servers may be silent, for accounts that say nothing else.
    pub timeouts: Timeouts,
    /// The wait after a first failed connection, from which it doubles.
    pub retry_first: Duration,
    /// The longest wait between two tries to connect; at least `retry_first`.
    pub retry_longest: Duration,
    /// Mail clients connected at one time.
    pub endpoint_connections: u32,
    /// The longest line from a logged-in client without its literals, in bytes.
    pub endpoint_line: u64,
    /// The largest literal from a logged-in client, in bytes; not for APPEND.
    pub endpoint_literal: u64,
    /// The largest message that a client may append, in bytes.
    pub endpoint_append: u64,
}

/// How much is borne of one server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Tries for one journal entry before it is parked.
    pub attempts: u32,
    /// The longest line without its literals, in bytes.
    pub line: u64,
    /// The largest literal, in bytes.
    pub literal: u64,
}

/// How long each kind of silence of a server is borne.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// For the TCP connection, or for the tunnel's command to start.
    pub connect: Duration,
    /// For the TLS handshake.
    pub tls: Duration,
    /// For the greeting.
    pub greeting: Duration,
    /// For the next byte of the answer to a command.
    pub command: Duration,
    /// For the answer to LOGOUT.
    pub logout: Duration,
}

impl Limits {
    pub(super) fn read(section: &Section<'_>) -> Result<Self, Fault> {
        let first = section.require("retry-first")?;
        let longest = section.require("retry-longest")?;
        let (retry_first, retry_longest) = (first.duration()?, longest.duration()?);
        if retry_longest < retry_first {
            let at_fault = section.given("retry-longest").unwrap_or(first);
            let problem = "limits.retry-longest is shorter than limits.retry-first";
            return Err(at_fault.fault(
                problem,
                "Make retry-longest at least as long as retry-first",
            ));
        }
        // For accounts, which read them again: a fault is told also where no account gets as far.
        Bounds::read(section)?;
        Ok(Self {
            timeouts: Timeouts::read(&section.child("timeouts")?)?,
            retry_first,
            retry_longest,
            endpoint_connections: section.require("endpoint-connections")?.count()?,
            endpoint_line: section.require("endpoint-line")?.size()?,
            endpoint_literal: section.require("endpoint-literal")?.size()?,
            endpoint_append: section.require("endpoint-append")?.size()?,
        })
    }
}

impl Bounds {
    pub(super) fn read(section: &Section<'_>) -> Result<Self, Fault> {
        Ok(Self {
            attempts: section.require("attempts")?.count()?,
            line: section.require("upstream-line")?.size()?,
            literal: section.require("upstream-literal")?.size()?,
        })
    }
}

impl Timeouts {
    pub(super) fn read(section: &Section<'_>) -> Result<Self, Fault> {
        let wait = |name| section.require(name)?.duration();
        Ok(Self {
            connect: wait("connect")?,
            tls: wait("tls")?,
            greeting: wait("greeting")?,
            command: wait("command")?,
            logout: wait("logout")?,
        })
    }
}
