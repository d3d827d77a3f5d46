//! Passwords: where they are kept, and how they are fetched from there.
//!
//! The configuration never holds a password, and neither do arguments or the environment, which other users can see.

use crate::config::command::CommandLine;
use crate::config::error::Fault;
use crate::config::paths::Paths;
use crate::config::raw::Entry;
use secrecy::{ExposeSecret, SecretBox};
use std::fmt;
use std::path::PathBuf;

mod error;
mod fetch;
pub use error::{Flaw, SecretError};

/// A password or the like: wiped from memory when dropped, masked in `Debug`, without `Display`.
pub struct Secret(SecretBox<[u8]>);

impl Secret {
    /// Takes a secret over. The bytes given are not copied.
    #[must_use]
    pub fn new(bytes: Box<[u8]>) -> Self {
        Self(SecretBox::new(bytes))
    }

    /// The secret itself, for the moment it is sent or compared.
    #[must_use]
    pub fn expose(&self) -> &[u8] {
        self.0.expose_secret()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

/// Where a password is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SecretSource {
    /// The output of a command, which has 30 seconds.
    Command(CommandLine),
    /// A file that must belong to the user and be closed to everyone else.
    File(PathBuf),
    /// A file of this name in `$CREDENTIALS_DIRECTORY`, where systemd puts credentials of a unit.
    Credential(String),
}

impl SecretSource {
    /// Reads `{ command = [...] }`, `{ file = "..." }` or `{ credential = "..." }`.
    pub(super) fn read(entry: &Entry<'_>, paths: &Paths) -> Result<Self, Fault> {
        if entry.as_str().is_some() {
            let problem = format!(
                "{} is written out in the file, where it can be read and copied",
                entry.name
            );
            return Err(entry.fault(problem, ELSEWHERE));
        }
        let table = entry.table()?;
        if let Some(keyring) = table.given("keyring") {
            return Err(keyring.fault("this build of lowtide has no keyring support", BY_COMMAND));
        }
        let sources = ["command", "file", "credential"].map(|name| table.given(name));
        match sources {
            [Some(command), None, None] => Ok(Self::Command(CommandLine::read(&command, paths)?)),
            [None, Some(file), None] => Ok(Self::File(file.path(paths)?)),
            [None, None, Some(name)] => credential(&name),
            [None, None, None] => {
                Err(entry.fault(format!("{} names no place", entry.name), ONE_PLACE))
            }
            [..] => Err(entry.fault(
                format!("{} names more than one place", entry.name),
                ONE_PLACE,
            )),
        }
    }
}

fn credential(entry: &Entry<'_>) -> Result<SecretSource, Fault> {
    match entry.text()? {
        path if path.contains('/') || path == "." || path == ".." => Err(entry.fault(
            format!("{} has to be a name, not a path", entry.name),
            "Write the name before the colon in LoadCredential=",
        )),
        name => Ok(SecretSource::Credential(name.to_owned())),
    }
}

const ELSEWHERE: &str = "Put it in a file of its own with mode 0600 and write { file = \"...\" }, \
    or name a command: { command = [\"pass\", \"show\", \"work\"] }";
const BY_COMMAND: &str = "Use { command = [...] } with your keyring's command, \
    such as [\"secret-tool\", \"lookup\", \"mail\", \"work\"]";
const ONE_PLACE: &str = "Write one of command, file and credential";

#[cfg(test)]
mod tests;
