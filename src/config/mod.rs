//! The configuration file, checked once and then only read.
//!
//! A file goes through three steps. `raw` turns its text into tables and values that know their line and column.
//! `unknown` refuses every key that the table in `keys` does not list. Then each section reads its keys into the types
//! below, in which a setting that makes no sense cannot be written: an account without a server has no poll interval,
//! and clear text to another machine exists only where the user has agreed to it. Defaults are in `keys`, nowhere else.
//!
//! Reading a file fails as a whole or succeeds as a whole, so that a half-written file never takes effect.

use crate::id::AccountName;
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::string::FromUtf8Error;
use toml::de::DeTable;

mod account;
mod command;
mod endpoint;
mod error;
mod filter;
mod keep;
mod keys;
mod kind;
mod limits;
mod paths;
mod quantity;
mod raw;
mod route;
mod secret;
mod unknown;
mod word;

pub use account::{
    Account, Brake, ConflictPolicy, ConflictRules, DeletedHere, DeletedThere, Login, Protocol, Tls,
    Upstream,
};
pub use command::CommandLine;
pub use endpoint::{Dialect, Endpoint};
pub use error::{ConfigError, Fault};
pub use filter::MailboxFilter;
pub use keep::Bodies;
pub use keys::{Fallback, KEYS, Key};
pub use kind::Kind;
pub use limits::{Bounds, Limits, Timeouts};
pub use paths::Paths;
pub use route::{Route, Security};
pub use secret::{Flaw, Secret, SecretError, SecretSource};

use raw::Section;

/// Everything the file says, with defaults filled in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// The server for mail clients on this machine.
    pub endpoint: Endpoint,
    /// The accounts; at least one.
    pub accounts: BTreeMap<AccountName, Account>,
    /// Where mail is kept.
    pub storage: Storage,
    /// How long to wait and how much to accept.
    pub limits: Limits,
}

/// Where mail is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Storage {
    /// Directory of everything. Default: `lowtide` in `$XDG_DATA_HOME`, or without that in `~/.local/share`.
    pub data_dir: PathBuf,
}

impl Storage {
    /// The directory of one account.
    #[must_use]
    pub fn account_dir(&self, account: &AccountName) -> PathBuf {
        self.data_dir.join(account.as_str())
    }

    fn read(section: &Section<'_>, paths: &Paths) -> Result<Self, Fault> {
        let data_dir = section
            .given("data-dir")
            .map(|entry| entry.path(paths))
            .transpose()?;
        Ok(Self {
            data_dir: data_dir.unwrap_or_else(|| paths.data_dir.clone()),
        })
    }
}

impl Config {
    /// Reads and checks a file. Blocks on the disk.
    ///
    /// # Errors
    /// If there is no such file, it cannot be read, or [`parse`](Self::parse) refuses it.
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        match std::fs::read(path) {
            Ok(bytes) => match String::from_utf8(bytes) {
                Ok(text) => Self::parse(path, &text),
                Err(error) => Err(not_text(path, &error)),
            },
            Err(error) if error.kind() == io::ErrorKind::NotFound => Err(ConfigError::Missing {
                path: path.to_owned(),
            }),
            Err(source) => Err(ConfigError::Unreadable {
                path: path.to_owned(),
                source,
            }),
        }
    }

    /// Checks the text of a file; `path` is for errors and for relative paths in it.
    ///
    /// # Errors
    /// If the text is not TOML, has a key that is not known, or a value that its key does not accept. An error names
    /// all unknown keys, or else the first fault of each section.
    pub fn parse(path: &Path, text: &str) -> Result<Self, ConfigError> {
        Self::parse_in(Paths::from_environment()?, path, text)
    }

    /// A file to begin with: every key with what it does, its default commented out.
    #[must_use]
    pub fn sample() -> &'static str {
        include_str!("../../contrib/config.toml")
    }

    fn parse_in(paths: Paths, path: &Path, text: &str) -> Result<Self, ConfigError> {
        let paths = paths.beside(path);
        read(&paths, text).map_err(|mut faults| {
            faults.sort_by_key(|fault| (fault.line, fault.column));
            faults.dedup();
            ConfigError::Invalid {
                path: path.to_owned(),
                faults,
            }
        })
    }
}

fn read(paths: &Paths, text: &str) -> Result<Config, Vec<Fault>> {
    let table = DeTable::parse(text).map_err(|error| vec![not_toml(text, &error)])?;
    let root = Section::root(text, table.get_ref());
    let mut faults = Vec::new();
    unknown::unknown_keys(&root, &mut faults);
    if !faults.is_empty() {
        return Err(faults);
    }
    let child = |name| root.child(name).map_err(|fault| vec![fault]);
    let (endpoint, accounts, storage, limits) = (
        child("endpoint")?,
        child("account")?,
        child("storage")?,
        child("limits")?,
    );

    let mut note = |fault| faults.push(fault);
    let storage = Storage::read(&storage, paths).map_err(&mut note).ok();
    let data_dir = storage
        .as_ref()
        .map_or(&paths.data_dir, |storage| &storage.data_dir);
    let endpoint = Endpoint::read(&endpoint, paths, data_dir)
        .map_err(&mut note)
        .ok();
    let accounts = read_accounts(&accounts, paths, &limits, &mut note);
    let limits = Limits::read(&limits).map_err(&mut note).ok();
    match (endpoint, storage, limits) {
        (Some(endpoint), Some(storage), Some(limits)) if faults.is_empty() => Ok(Config {
            endpoint,
            accounts,
            storage,
            limits,
        }),
        _ => Err(faults),
    }
}

/// Reads every account that can be read, and notes one fault for each that cannot.
fn read_accounts(
    section: &Section<'_>,
    paths: &Paths,
    limits: &Section<'_>,
    note: &mut impl FnMut(Fault),
) -> BTreeMap<AccountName, Account> {
    let mut accounts = BTreeMap::new();
    for (name, offset) in section.names() {
        match read_account(section, name, offset, paths, limits) {
            Ok(account) => drop(accounts.insert(account.name.clone(), account)),
            Err(fault) => note(fault),
        }
    }
    // A file cut short while it is saved is often empty; it must not look like the wish to have no account.
    if section.names().next().is_none() {
        note(section.fault(
            "the file names no account",
            "Add a table such as [account.work]",
        ));
    }
    accounts
}

fn read_account(
    section: &Section<'_>,
    name: &str,
    offset: usize,
    paths: &Paths,
    limits: &Section<'_>,
) -> Result<Account, Fault> {
    let parsed = name.parse().map_err(|_| {
        section.key_fault(
            name,
            offset,
            format!("{name:?} cannot be the name of an account"),
            "Choose a name of 1 to 32 of a-z, 0-9, _ and -",
        )
    })?;
    Account::read(&section.child(name)?, parsed, paths, limits)
}

fn not_toml(text: &str, error: &toml::de::Error) -> Fault {
    let offset = error.span().map_or(0, |span| span.start);
    raw::fault(
        text,
        offset,
        "",
        format!("the file is not TOML here: {}", error.message()),
        "Correct this line; a text stands in quotes, and a key stands only once",
    )
}

fn not_text(path: &Path, error: &FromUtf8Error) -> ConfigError {
    let text = String::from_utf8_lossy(error.as_bytes());
    let fault = raw::fault(
        &text,
        error.utf8_error().valid_up_to(),
        "",
        "the file is not UTF-8 text here",
        "Save it in the encoding UTF-8",
    );
    ConfigError::Invalid {
        path: path.to_owned(),
        faults: vec![fault],
    }
}

#[cfg(test)]
mod tests;
