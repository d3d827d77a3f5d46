//! How a server is reached: over the network, or through a command.

use crate::config::account::Tls;
use crate::config::command::CommandLine;
use crate::config::error::Fault;
use crate::config::paths::Paths;
use crate::config::raw::{Entry, Section};
use std::net::IpAddr;
use std::path::PathBuf;

/// The way to a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Route {
    /// A TCP connection.
    Network {
        /// The server: a name, or an address without brackets.
        host: String,
        /// Its port. Default: 993 with implicit TLS, otherwise 143.
        port: u16,
        /// What protects the connection. Default: implicit TLS.
        security: Security,
    },
    /// The standard input and output of a command are the connection.
    Tunnel {
        /// The command.
        command: CommandLine,
        /// The server's name in messages, if the file gives one; the connection does not use it.
        host: Option<String>,
    },
}

/// What protects a TCP connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Security {
    /// TLS from the first byte.
    Implicit {
        /// PEM file of certificates to trust beside the system's.
        ca_file: Option<PathBuf>,
    },
    /// TLS after STARTTLS, never without.
    StartTls {
        /// PEM file of certificates to trust beside the system's.
        ca_file: Option<PathBuf>,
    },
    /// Nothing: the host is this machine, or the user has said in so many words that it may be so.
    Cleartext,
}

impl Route {
    /// Reads the way to the server; `None` if there is none, because the account is a store on this machine.
    pub(super) fn read(section: &Section<'_>, paths: &Paths) -> Result<Option<Self>, Fault> {
        let host = section
            .given("host")
            .map(|entry| host(&entry))
            .transpose()?;
        match (section.given("tunnel"), host) {
            (Some(tunnel), host) => {
                refuse_beside_tunnel(section)?;
                Ok(Some(Self::Tunnel {
                    command: CommandLine::read(&tunnel, paths)?,
                    host,
                }))
            }
            (None, Some(host)) => network(section, host, paths).map(Some),
            (None, None) => Ok(None),
        }
    }
}

fn network(section: &Section<'_>, host: String, paths: &Paths) -> Result<Route, Fault> {
    let tls = section.require("tls")?;
    let consent = section.require("allow-cleartext")?.flag()?;
    let (default_port, security) = match tls.word()? {
        Tls::Implicit => (
            993,
            Security::Implicit {
                ca_file: ca_file(section, paths)?,
            },
        ),
        Tls::StartTls => (
            143,
            Security::StartTls {
                ca_file: ca_file(section, paths)?,
            },
        ),
        Tls::None => (143, cleartext(section, &tls, &host, consent)?),
    };
    let port = match section.given("port") {
        Some(entry) => u16::try_from(entry.count()?).map_err(|_| entry.wrong())?,
        None => default_port,
    };
    Ok(Route::Network {
        host,
        port,
        security,
    })
}

fn ca_file(section: &Section<'_>, paths: &Paths) -> Result<Option<PathBuf>, Fault> {
    section
        .given("ca-file")
        .map(|entry| entry.path(paths))
        .transpose()
}

fn cleartext(
    section: &Section<'_>,
    tls: &Entry<'_>,
    host: &str,
    consent: bool,
) -> Result<Security, Fault> {
    if let Some(entry) = section.given("ca-file") {
        return Err(entry.fault(
            format!("{} has no use without TLS", entry.name),
            "Remove ca-file, or choose another tls",
        ));
    }
    if is_this_machine(host) || consent {
        return Ok(Security::Cleartext);
    }
    let problem = format!(
        "{} cannot be \"none\": the password and all mail would cross the network to {host} \
         readable by anyone",
        tls.name
    );
    Err(tls.fault(problem, "Write \"implicit\" or \"starttls\", use a tunnel, or add allow-cleartext = true if you accept that"))
}

/// A tunnel is a connection already: what shapes a TCP connection would be believed in vain.
fn refuse_beside_tunnel(section: &Section<'_>) -> Result<(), Fault> {
    let unused = ["port", "tls", "allow-cleartext", "ca-file"];
    match unused.iter().find_map(|key| section.given(key)) {
        None => Ok(()),
        Some(entry) => Err(entry.fault(
            format!(
                "{} has no use beside tunnel, which is the connection",
                entry.name
            ),
            "Remove it, or remove tunnel",
        )),
    }
}

/// A name or an address; brackets around an IPv6 address are taken off.
fn host(entry: &Entry<'_>) -> Result<String, Fault> {
    let text = entry.text()?;
    let bare = text
        .strip_prefix('[')
        .and_then(|text| text.strip_suffix(']'))
        .unwrap_or(text);
    let is_name = text
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_'));
    if bare.parse::<IpAddr>().is_ok() || (is_name && text.len() <= LONGEST_NAME) {
        return Ok(bare.to_owned());
    }
    Err(entry.fault(
        format!(
            "{} cannot be {text:?}, which is neither a host name nor an address",
            entry.name
        ),
        "Write it like \"mail.example.org\" or \"192.0.2.1\", without port or scheme",
    ))
}

fn is_this_machine(host: &str) -> bool {
    host.eq_ignore_ascii_case("localhost")
        || host
            .parse::<IpAddr>()
            .is_ok_and(|address| address.is_loopback())
}

/// The longest name in the domain name system, in bytes.
const LONGEST_NAME: usize = 253;
