//! The part of a message that `BODY[...]` names.

use super::text::push_string;
use crate::protocol::parse::{Capitals, Cursor, ParseError, push_number};

/// What stands between the brackets of `BODY[...]`. Rows `2BIS-FETCH-BODY-SECTION`, `R1-BODY.PEEK`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Section {
    /// The part numbers, outermost first; empty for the message itself.
    pub part: Vec<u32>,
    /// What of that part; `None` is all of it.
    pub text: Option<SectionText>,
}

/// What of a part is meant (IMAP4rev1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SectionText {
    /// `HEADER`: the header of a message, with its blank line.
    Header,
    /// `TEXT`: the message without its header.
    Text,
    /// `MIME`: the header of a part.
    Mime,
    /// `HEADER.FIELDS (names)`: only these fields.
    HeaderFields(Vec<Vec<u8>>),
    /// `HEADER.FIELDS.NOT (names)`: all but these fields.
    HeaderFieldsNot(Vec<Vec<u8>>),
}

impl Section {
    /// The most part numbers, and the most header field names.
    pub const MAX_NAMES: usize = 100;

    /// The whole message: `[]`.
    #[must_use]
    pub fn whole() -> Self {
        Self::default()
    }

    /// The header of the message: `[HEADER]`.
    #[must_use]
    pub fn header() -> Self {
        Self {
            part: Vec::new(),
            text: Some(SectionText::Header),
        }
    }

    /// Whether both name the same octets: the names of header fields compare without regard to case.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        let same_names = |one: &[Vec<u8>], other: &[Vec<u8>]| {
            one.len() == other.len()
                && one
                    .iter()
                    .zip(other)
                    .all(|(a, b)| a.eq_ignore_ascii_case(b))
        };
        let same_text = match (&self.text, &other.text) {
            (Some(SectionText::HeaderFields(one)), Some(SectionText::HeaderFields(other)))
            | (
                Some(SectionText::HeaderFieldsNot(one)),
                Some(SectionText::HeaderFieldsNot(other)),
            ) => same_names(one, other),
            (one, other) => one == other,
        };
        same_text && self.part == other.part
    }

    /// Reads a section with its brackets.
    ///
    /// # Errors
    /// [`ParseError`].
    pub fn parse(cursor: &mut Cursor<'_>) -> Result<Self, ParseError> {
        cursor.want(b'[', "an opening bracket")?;
        let mut section = Self::default();
        while cursor.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            if section.part.len() >= Self::MAX_NAMES {
                return Err(ParseError::TooMany {
                    what: "part numbers",
                });
            }
            section.part.push(cursor.number()?);
            if !cursor.eat(b'.') {
                break;
            }
        }
        if cursor.peek() != Some(b']') {
            section.text = Some(SectionText::parse(cursor)?);
        }
        cursor.want(b']', "a closing bracket")?;
        Ok(section)
    }

    /// Appends the section with its brackets.
    pub fn encode(&self, out: &mut Vec<u8>) {
        out.push(b'[');
        for (index, number) in self.part.iter().enumerate() {
            if index > 0 {
                out.push(b'.');
            }
            push_number(out, u64::from(*number));
        }
        if let Some(text) = &self.text {
            if !self.part.is_empty() {
                out.push(b'.');
            }
            text.encode(out);
        }
        out.push(b']');
    }
}

impl SectionText {
    fn parse(cursor: &mut Cursor<'_>) -> Result<Self, ParseError> {
        let at = cursor.position();
        let word = cursor.take_while(|byte| byte.is_ascii_alphabetic() || byte == b'.');
        match Capitals::of(word).as_bytes() {
            b"HEADER" => Ok(Self::Header),
            b"TEXT" => Ok(Self::Text),
            b"MIME" => Ok(Self::Mime),
            b"HEADER.FIELDS" => names(cursor).map(Self::HeaderFields),
            b"HEADER.FIELDS.NOT" => names(cursor).map(Self::HeaderFieldsNot),
            _ => Err(ParseError::Expected {
                what: "a section",
                at,
            }),
        }
    }

    fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::Header => out.extend_from_slice(b"HEADER"),
            Self::Text => out.extend_from_slice(b"TEXT"),
            Self::Mime => out.extend_from_slice(b"MIME"),
            Self::HeaderFields(fields) => push_names(out, b"HEADER.FIELDS", fields),
            Self::HeaderFieldsNot(fields) => push_names(out, b"HEADER.FIELDS.NOT", fields),
        }
    }
}

fn names(cursor: &mut Cursor<'_>) -> Result<Vec<Vec<u8>>, ParseError> {
    cursor.spaces();
    cursor.open()?;
    let mut names = Vec::new();
    while !cursor.close() {
        if names.len() >= Section::MAX_NAMES {
            return Err(ParseError::TooMany {
                what: "header field names",
            });
        }
        names.push(cursor.string()?);
    }
    Ok(names)
}

fn push_names(out: &mut Vec<u8>, word: &[u8], names: &[Vec<u8>]) {
    out.extend_from_slice(word);
    out.extend_from_slice(b" (");
    for (index, name) in names.iter().enumerate() {
        if index > 0 {
            out.push(b' ');
        }
        push_string(out, name);
    }
    out.push(b')');
}
