//! The file as TOML with positions, and the readers that turn one value into one Rust type.

use crate::config::error::Fault;
use crate::config::keys::{self, Key};
use crate::config::kind::Kind;
use crate::config::paths::Paths;
use crate::config::quantity::{self, SIZE, TIME};
use crate::config::word::Word;
use std::path::PathBuf;
use std::time::Duration;
use toml::de::{DeTable, DeValue};

/// A table of the file, or the lack of one: then every key has its default.
#[derive(Clone)]
pub(super) struct Section<'a> {
    text: &'a str,
    /// As the file names it: `account.work.keep`.
    pub(super) name: String,
    /// As [`keys`] names it: `account.NAME.keep`.
    pub(super) keys: &'static str,
    offset: usize,
    table: Option<&'a DeTable<'a>>,
    behind: Option<&'a Section<'a>>,
}

/// A value of the file, or the default that stands in for it.
pub(super) struct Entry<'a> {
    text: &'a str,
    /// The key with its tables: `account.work.poll`.
    pub(super) name: String,
    key: &'static Key,
    offset: usize,
    value: &'a DeValue<'a>,
}

impl<'a> Section<'a> {
    /// The whole file.
    pub(super) fn root(text: &'a str, table: &'a DeTable<'a>) -> Self {
        Self {
            text,
            name: String::new(),
            keys: "",
            offset: 0,
            table: Some(table),
            behind: None,
        }
    }

    /// The same section, taking what it leaves out from another one before the defaults.
    pub(super) fn backed_by<'b>(self, behind: &'b Section<'b>) -> Section<'b>
    where
        'a: 'b,
    {
        Section {
            behind: Some(behind),
            ..self
        }
    }

    /// The value that the file has for a key.
    pub(super) fn given(&self, name: &str) -> Option<Entry<'a>> {
        let value = self.table?.get(name)?;
        Some(Entry {
            text: self.text,
            name: join(&self.name, name),
            key: keys::find(self.keys, name)?,
            offset: value.span().start,
            value: value.get_ref(),
        })
    }

    /// The value that holds for a key: the file's, that of the section behind, or the default.
    ///
    /// # Errors
    /// If there is none: the key has to be given.
    pub(super) fn require(&self, name: &str) -> Result<Entry<'a>, Fault> {
        self.given(name)
            .or_else(|| self.behind?.given(name))
            .or_else(|| self.default(name))
            .ok_or_else(|| self.missing(name))
    }

    /// The table under a key; without it in the file, one in which every key has its default.
    pub(super) fn child(&self, name: &str) -> Result<Self, Fault> {
        match self.given(name) {
            Some(entry) => entry.table(),
            None => Ok(Self {
                name: join(&self.name, name),
                keys: keys::find(self.keys, name)
                    .and_then(|key| key.kind.table())
                    .unwrap_or_default(),
                table: None,
                ..self.clone()
            }),
        }
    }

    /// Every key that the file has here, known or not, with its place.
    pub(super) fn names(&self) -> impl Iterator<Item = (&'a str, usize)> + use<'a> {
        let keys = self.table.into_iter().flat_map(DeTable::keys);
        keys.map(|key| (key.get_ref().as_ref(), key.span().start))
    }

    /// A fault of the whole section.
    pub(super) fn fault(&self, problem: impl Into<String>, suggestion: impl Into<String>) -> Fault {
        fault(self.text, self.offset, &self.name, problem, suggestion)
    }

    /// A fault of a key in it, known or not, at its place.
    pub(super) fn key_fault(
        &self,
        name: &str,
        offset: usize,
        problem: String,
        suggestion: impl Into<String>,
    ) -> Fault {
        fault(
            self.text,
            offset,
            &join(&self.name, name),
            problem,
            suggestion,
        )
    }

    fn default(&self, name: &str) -> Option<Entry<'a>> {
        let key = keys::find(self.keys, name)?;
        let value = key.default_value()?;
        Some(Entry {
            text: self.text,
            name: join(&self.name, name),
            key,
            offset: self.offset,
            value,
        })
    }

    fn missing(&self, name: &str) -> Fault {
        let accepts = keys::find(self.keys, name)
            .map(|key| key.kind.to_string())
            .unwrap_or_default();
        let suggestion = format!("Add {name} to [{}]: {accepts}", self.name);
        self.fault(format!("{} has no {name}", self.name), suggestion)
    }
}

impl<'a> Entry<'a> {
    /// A text that is not empty and has no control characters.
    pub(super) fn text(&self) -> Result<&'a str, Fault> {
        let usable = |text: &&str| !text.is_empty() && !text.contains(char::is_control);
        self.value
            .as_str()
            .filter(usable)
            .ok_or_else(|| self.wrong())
    }

    pub(super) fn word<T: Word>(&self) -> Result<T, Fault> {
        self.value
            .as_str()
            .and_then(T::from_word)
            .ok_or_else(|| self.wrong())
    }

    pub(super) fn flag(&self) -> Result<bool, Fault> {
        self.value.as_bool().ok_or_else(|| self.wrong())
    }

    pub(super) fn count(&self) -> Result<u32, Fault> {
        let number = self
            .value
            .as_integer()
            .and_then(|number| u32::from_str_radix(number.as_str(), number.radix()).ok());
        let allowed = |number: &u32| matches!(self.key.kind, Kind::Count { least, most } if (least..=most).contains(number));
        number.filter(allowed).ok_or_else(|| self.wrong())
    }

    pub(super) fn duration(&self) -> Result<Duration, Fault> {
        let millis = self
            .value
            .as_str()
            .and_then(|text| quantity::parse(text, TIME));
        let allowed = |millis: &u64| matches!(self.key.kind, Kind::Duration { least, most } if (least..=most).contains(millis));
        millis
            .filter(allowed)
            .map(Duration::from_millis)
            .ok_or_else(|| self.wrong())
    }

    pub(super) fn size(&self) -> Result<u64, Fault> {
        let bytes = self
            .value
            .as_str()
            .and_then(|text| quantity::parse(text, SIZE));
        let allowed = |bytes: &u64| matches!(self.key.kind, Kind::Size { least, most } if (least..=most).contains(bytes));
        bytes.filter(allowed).ok_or_else(|| self.wrong())
    }

    pub(super) fn path(&self, paths: &Paths) -> Result<PathBuf, Fault> {
        paths.resolve(self.text()?).ok_or_else(|| self.wrong())
    }

    /// The values of a list, each with its own place.
    pub(super) fn list(&self) -> Result<Vec<Self>, Fault> {
        let list = self.value.as_array().ok_or_else(|| self.wrong())?;
        let entry = |value: &'a toml::Spanned<DeValue<'a>>| Self {
            name: self.name.clone(),
            offset: value.span().start,
            value: value.get_ref(),
            ..*self
        };
        Ok(list.iter().map(entry).collect())
    }

    pub(super) fn table(&self) -> Result<Section<'a>, Fault> {
        self.as_table().ok_or_else(|| self.wrong())
    }

    /// The value as a table, if it is one and the key may hold one.
    pub(super) fn as_table(&self) -> Option<Section<'a>> {
        Some(Section {
            text: self.text,
            name: self.name.clone(),
            keys: self.key.kind.table()?,
            offset: self.offset,
            table: Some(self.value.as_table()?),
            behind: None,
        })
    }

    /// The value as a text, for keys that take a text or something else.
    pub(super) fn as_str(&self) -> Option<&'a str> {
        self.value.as_str()
    }

    /// The fault of a value that its key does not accept, whether by type or by content.
    pub(super) fn wrong(&self) -> Fault {
        self.fault(
            format!("{} cannot be {}", self.name, self.found()),
            format!("Write {}", self.key.kind),
        )
    }

    pub(super) fn fault(&self, problem: impl Into<String>, suggestion: impl Into<String>) -> Fault {
        fault(self.text, self.offset, &self.name, problem, suggestion)
    }

    /// The value in words; what may be a password is not quoted.
    fn found(&self) -> String {
        let secret = self.key.kind == Kind::Password || self.key.table == keys::PASSWORD;
        match self.value {
            DeValue::String(_) if secret => "this text".to_owned(),
            DeValue::String(text) if text.chars().count() > LONGEST_QUOTE => {
                "a text this long".to_owned()
            }
            DeValue::String(text) => format!("{text:?}"),
            DeValue::Integer(_) | DeValue::Float(_) if secret => "a number".to_owned(),
            DeValue::Integer(number) => format!("the number {number}"),
            DeValue::Float(number) => format!("the number {number}"),
            DeValue::Boolean(flag) => flag.to_string(),
            DeValue::Datetime(_) => "a date".to_owned(),
            DeValue::Array(list) if list.is_empty() => "an empty list".to_owned(),
            DeValue::Array(_) => "a list".to_owned(),
            DeValue::Table(table) if table.is_empty() => "an empty table".to_owned(),
            DeValue::Table(_) => "a table".to_owned(),
        }
    }
}

/// Puts a fault at its line and column.
pub(super) fn fault(
    text: &str,
    offset: usize,
    key: &str,
    problem: impl Into<String>,
    suggestion: impl Into<String>,
) -> Fault {
    let before = text.get(..offset).unwrap_or(text);
    let line_start = before
        .rfind('\n')
        .map_or(0, |newline| newline.saturating_add(1));
    let column = before.get(line_start..).unwrap_or_default().chars().count();
    Fault {
        line: before.matches('\n').count().saturating_add(1),
        column: column.saturating_add(1),
        key: key.to_owned(),
        problem: problem.into(),
        suggestion: suggestion.into(),
    }
}

fn join(section: &str, name: &str) -> String {
    if section.is_empty() {
        name.to_owned()
    } else {
        format!("{section}.{name}")
    }
}

/// The longest text that an error repeats, in characters.
const LONGEST_QUOTE: usize = 60;
