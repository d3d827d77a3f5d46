//! `[endpoint]`: the server for mail clients on this machine.

use crate::config::error::Fault;
use crate::config::paths::Paths;
use crate::config::raw::{Entry, Section};
use crate::config::secret::SecretSource;
use crate::config::word::words;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

/// How mail clients on this machine reach their mail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// TCP addresses, all of them loopback; none turns TCP off. Whichever is named, its port is held on both `127.0.0.1`
    /// and `::1`, so that no other user can listen beside us under the name `localhost`. Default: port 1143.
    pub listen: Vec<SocketAddr>,
    /// Path of the Unix socket. Default: `imap.sock` in `$XDG_RUNTIME_DIR/lowtide`, or without that in the data
    /// directory.
    pub socket: PathBuf,
    /// Where the password for TCP is kept. Default: the file `endpoint-password` beside the configuration.
    pub password: SecretSource,
    /// Which IMAP is spoken. Default: `auto`.
    pub dialect: Dialect,
}

words! {
    /// The IMAP that the endpoint speaks.
    Dialect {
        /// What the client asks for by the commands it uses.
        Auto = "auto",
        /// RFC 1064 and nothing newer.
        Rfc1064 = "rfc1064",
        /// RFC 1176 and nothing newer.
        Rfc1176 = "rfc1176",
        /// IMAP2bis and nothing newer.
        Imap2bis = "imap2bis",
    }
}

impl Endpoint {
    pub(super) fn read(
        section: &Section<'_>,
        paths: &Paths,
        data_dir: &Path,
    ) -> Result<Self, Fault> {
        Ok(Self {
            listen: listen(&section.require("listen")?)?,
            socket: match section.given("socket") {
                Some(entry) => socket(&entry, paths)?,
                None => paths
                    .runtime_dir
                    .as_deref()
                    .unwrap_or(data_dir)
                    .join("imap.sock"),
            },
            password: SecretSource::read(&section.require("password")?, paths)?,
            dialect: section.require("dialect")?.word()?,
        })
    }
}

fn listen(entry: &Entry<'_>) -> Result<Vec<SocketAddr>, Fault> {
    let mut addresses = Vec::new();
    for entry in entry.list()? {
        let address: SocketAddr = entry.text()?.parse().map_err(|_| entry.wrong())?;
        if !address.ip().is_loopback() {
            let problem = format!(
                "{} cannot be {address}, which other machines can reach",
                entry.name
            );
            return Err(entry.fault(
                problem,
                "Write 127.0.0.1 or [::1]; from elsewhere, tunnel to it with ssh",
            ));
        }
        if address.port() != 0 && addresses.contains(&address) {
            return Err(entry.fault(
                format!("{} has {address} twice", entry.name),
                "Remove one of the two",
            ));
        }
        addresses.push(address);
    }
    Ok(addresses)
}

fn socket(entry: &Entry<'_>, paths: &Paths) -> Result<PathBuf, Fault> {
    let path = entry.path(paths)?;
    match path.as_os_str().len() {
        ..=LONGEST_SOCKET => Ok(path),
        length => Err(entry.fault(
            format!("{} has {length} bytes as a full path", entry.name),
            format!("Choose a path of at most {LONGEST_SOCKET} bytes, the most a socket may have"),
        )),
    }
}

/// The longest path that a socket's address can hold everywhere, in bytes.
const LONGEST_SOCKET: usize = 103;
