//! What a key accepts: the bounds that are checked, and the words in which an error or the manual says so.

use crate::config::keys::{BODIES, PASSWORD};
use crate::config::quantity::{self, SIZE, TIME};
use std::fmt;

/// What may stand to the right of a key. `Display` completes a sentence that begins with "write".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A text that is not empty and has no control characters.
    Text,
    /// A path: absolute, from `~/`, or else relative to the directory of the configuration file.
    Path,
    /// `true` or `false`.
    Flag,
    /// A whole number.
    Count {
        /// The smallest allowed.
        least: u32,
        /// The largest allowed.
        most: u32,
    },
    /// A duration or an age.
    Duration {
        /// The smallest allowed, in milliseconds.
        least: u64,
        /// The largest allowed, in milliseconds.
        most: u64,
    },
    /// A number of bytes.
    Size {
        /// The smallest allowed, in bytes.
        least: u64,
        /// The largest allowed, in bytes.
        most: u64,
    },
    /// One of a few words.
    Word(&'static [&'static str]),
    /// A program and its arguments, with an example; no shell reads them.
    Command(&'static str),
    /// Loopback addresses with their port.
    Addresses,
    /// Mailbox names and patterns.
    Mailboxes,
    /// Where a password is kept: a table with one of a few keys.
    Password,
    /// Which bodies to hold: a word, or a table of limits.
    Bodies(&'static [&'static str]),
    /// A table whose keys are listed under the name given here.
    Table(&'static str),
}

impl Kind {
    /// The table of keys that the value has if it is a table.
    pub(super) fn table(self) -> Option<&'static str> {
        match self {
            Self::Table(keys) => Some(keys),
            Self::Password => Some(PASSWORD),
            Self::Bodies(_) => Some(BODIES),
            Self::Text | Self::Path | Self::Flag | Self::Count { .. } | Self::Duration { .. } => {
                None
            }
            Self::Size { .. }
            | Self::Word(_)
            | Self::Command(_)
            | Self::Addresses
            | Self::Mailboxes => None,
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text => f.write_str("a text in quotes, not empty and without control characters"),
            Self::Path => f.write_str("a path in quotes; \"~/\" is the home directory"),
            Self::Flag => f.write_str("true or false"),
            Self::Count { least, most } => write!(f, "a whole number from {least} to {most}"),
            Self::Duration { least, most } => bounds(f, DURATION, [*least, *most], TIME),
            Self::Size { least, most } => bounds(f, SIZE_IN_BYTES, [*least, *most], SIZE),
            Self::Word(words) => alternatives(f, words),
            Self::Command(example) => {
                write!(
                    f,
                    "a list of the program and its arguments, such as {example}"
                )
            }
            Self::Addresses => f.write_str(ADDRESSES),
            Self::Mailboxes => f.write_str(MAILBOXES),
            Self::Password => f.write_str(PLACES),
            Self::Bodies(words) => {
                alternatives(f, words)?;
                f.write_str(", or limits such as { newer-than = \"90d\", smaller-than = \"5MB\" }")
            }
            Self::Table(keys) => write!(f, "a table such as [{keys}]"),
        }
    }
}

fn bounds(
    f: &mut fmt::Formatter<'_>,
    what: &str,
    bounds: [u64; 2],
    units: quantity::Units,
) -> fmt::Result {
    let [least, most] = bounds.map(|bound| quantity::show(bound, units));
    write!(f, "{what}, from {least} to {most}")
}

fn alternatives(f: &mut fmt::Formatter<'_>, words: &[&str]) -> fmt::Result {
    for (index, word) in words.iter().enumerate() {
        let joint = match (index, index.saturating_add(1) == words.len()) {
            (0, _) => "",
            (_, true) => " or ",
            (_, false) => ", ",
        };
        write!(f, "{joint}\"{word}\"")?;
    }
    Ok(())
}

const DURATION: &str = "a duration such as \"90s\", \"5m\", \"1h\" or \"90d\"";
const SIZE_IN_BYTES: &str = "a size such as \"500kB\", \"5MB\" or \"256MiB\"";
const ADDRESSES: &str =
    "loopback addresses with their port, such as [\"127.0.0.1:1143\", \"[::1]:1143\"]";
const MAILBOXES: &str = "a list of names, \"*\" for anything, \"!\" to leave out, \
    such as [\"INBOX\", \"lists/*\", \"!lists/old\"]";
const PLACES: &str = "where it is kept: { command = [\"pass\", \"show\", \"work\"] }, \
    { file = \"~/.work-password\" } or { credential = \"work\" }";
