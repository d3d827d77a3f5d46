//! What a SEARCH looks for.

use super::{Keyword, SearchDate, SequenceSet};
use crate::protocol::outgoing::CommandWriter;
use crate::protocol::parse::{Capitals, Cursor, ParseError, push_number};

/// One search key. Several keys side by side must all hold.
///
/// RFC 1064 and RFC 1176 have everything up to `Since`; the rest is IMAP4. Rows `1064-SEARCH-*`, `IMAP4-SEARCH-*`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are the protocol's own words")]
pub enum SearchKey {
    All,
    Answered,
    Deleted,
    Flagged,
    New,
    Old,
    Recent,
    Seen,
    Unanswered,
    Undeleted,
    Unflagged,
    Unseen,
    Keyword(Keyword),
    Unkeyword(Keyword),
    Bcc(Vec<u8>),
    Body(Vec<u8>),
    Cc(Vec<u8>),
    From(Vec<u8>),
    Subject(Vec<u8>),
    Text(Vec<u8>),
    To(Vec<u8>),
    Before(SearchDate),
    On(SearchDate),
    Since(SearchDate),
    Draft,
    Undraft,
    SentBefore(SearchDate),
    SentOn(SearchDate),
    SentSince(SearchDate),
    Larger(u32),
    Smaller(u32),
    Header(Vec<u8>, Vec<u8>),
    Sequence(SequenceSet),
    Uid(SequenceSet),
    Not(Box<SearchKey>),
    Or(Box<SearchKey>, Box<SearchKey>),
    /// Keys in parentheses: all must hold.
    And(Vec<SearchKey>),
}

/// How years of search dates are written. Row `1064-SEARCH-DATE2`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum YearDigits {
    /// Below IMAP4.
    Two,
    /// IMAP4 on.
    Four,
}

impl SearchKey {
    /// The most keys of one SEARCH.
    pub const MAX_KEYS: usize = 256;
    /// How deeply keys may nest.
    pub const MAX_DEPTH: u32 = 16;

    /// Reads keys up to the end of the line; at least one.
    ///
    /// # Errors
    /// [`ParseError`]. Rows `1064-SEARCH-NOARG`, `1064-SEARCH-BADKEY`.
    pub fn parse_all(cursor: &mut Cursor<'_>) -> Result<Vec<Self>, ParseError> {
        let mut left = Self::MAX_KEYS;
        let mut keys = vec![Self::parse(cursor, &mut left, Self::MAX_DEPTH)?];
        while cursor.spaces() && !cursor.is_end() {
            keys.push(Self::parse(cursor, &mut left, Self::MAX_DEPTH)?);
        }
        Ok(keys)
    }

    fn parse(cursor: &mut Cursor<'_>, left: &mut usize, depth: u32) -> Result<Self, ParseError> {
        *left = left.checked_sub(1).ok_or(ParseError::TooMany {
            what: "search keys",
        })?;
        let depth = depth.checked_sub(1).ok_or(ParseError::TooDeep)?;
        if cursor.peek() == Some(b'(') {
            return Self::parse_list(cursor, left, depth);
        }
        let at = cursor.position();
        let word = cursor.word();
        let capitals = Capitals::of(word);
        if let Some(key) = PLAIN
            .iter()
            .find(|key| key.word().as_bytes() == capitals.as_bytes())
        {
            return Ok(key.clone());
        }
        match capitals.as_bytes() {
            b"NOT" => Ok(Self::Not(Self::next(cursor, left, depth)?)),
            b"OR" => Ok(Self::Or(
                Self::next(cursor, left, depth)?,
                Self::next(cursor, left, depth)?,
            )),
            _ => Self::parse_with_argument(cursor, word, at),
        }
    }

    fn next(
        cursor: &mut Cursor<'_>,
        left: &mut usize,
        depth: u32,
    ) -> Result<Box<Self>, ParseError> {
        cursor.want_space()?;
        Self::parse(cursor, left, depth).map(Box::new)
    }

    fn parse_list(
        cursor: &mut Cursor<'_>,
        left: &mut usize,
        depth: u32,
    ) -> Result<Self, ParseError> {
        cursor.open()?;
        cursor.spaces();
        let mut keys = vec![Self::parse(cursor, left, depth)?];
        while !cursor.close() {
            keys.push(Self::parse(cursor, left, depth)?);
        }
        Ok(Self::And(keys))
    }

    fn parse_with_argument(
        cursor: &mut Cursor<'_>,
        word: &[u8],
        at: usize,
    ) -> Result<Self, ParseError> {
        match Capitals::of(word).as_bytes() {
            b"BCC" => string(cursor).map(Self::Bcc),
            b"BODY" => string(cursor).map(Self::Body),
            b"CC" => string(cursor).map(Self::Cc),
            b"FROM" => string(cursor).map(Self::From),
            b"SUBJECT" => string(cursor).map(Self::Subject),
            b"TEXT" => string(cursor).map(Self::Text),
            b"TO" => string(cursor).map(Self::To),
            b"KEYWORD" => keyword(cursor).map(Self::Keyword),
            b"UNKEYWORD" => keyword(cursor).map(Self::Unkeyword),
            b"BEFORE" => date(cursor).map(Self::Before),
            b"ON" => date(cursor).map(Self::On),
            b"SINCE" => date(cursor).map(Self::Since),
            b"SENTBEFORE" => date(cursor).map(Self::SentBefore),
            b"SENTON" => date(cursor).map(Self::SentOn),
            b"SENTSINCE" => date(cursor).map(Self::SentSince),
            b"LARGER" => number(cursor).map(Self::Larger),
            b"SMALLER" => number(cursor).map(Self::Smaller),
            b"HEADER" => Ok(Self::Header(string(cursor)?, string(cursor)?)),
            b"UID" => {
                cursor.want_space()?;
                sequence(cursor.word(), at).map(Self::Uid)
            }
            _ => sequence(word, at).map(Self::Sequence),
        }
    }

    /// Appends the key to a command.
    pub(crate) fn encode(&self, writer: &mut CommandWriter, years: YearDigits) {
        writer.raw(self.word());
        match self {
            Self::Keyword(keyword) | Self::Unkeyword(keyword) => {
                writer.raw(" ");
                writer.raw(keyword.as_str());
            }
            Self::Bcc(text) | Self::Body(text) | Self::Cc(text) | Self::From(text) => {
                writer.string(text)
            }
            Self::Subject(text) | Self::Text(text) | Self::To(text) => writer.string(text),
            Self::Before(date) | Self::On(date) | Self::Since(date) => {
                push_date(writer, *date, years)
            }
            Self::SentBefore(date) | Self::SentOn(date) | Self::SentSince(date) => {
                push_date(writer, *date, years)
            }
            Self::Larger(size) | Self::Smaller(size) => {
                writer.raw(" ");
                push_number(writer.line(), u64::from(*size));
            }
            Self::Header(field, text) => {
                writer.string(field);
                writer.string(text);
            }
            Self::Sequence(set) => set.encode(writer.line()),
            Self::Uid(set) => {
                writer.raw(" ");
                set.encode(writer.line());
            }
            Self::Not(key) => {
                writer.raw(" ");
                key.encode(writer, years);
            }
            Self::Or(first, second) => {
                writer.raw(" ");
                first.encode(writer, years);
                writer.raw(" ");
                second.encode(writer, years);
            }
            Self::And(keys) => {
                for (index, key) in keys.iter().enumerate() {
                    writer.raw(if index == 0 { "(" } else { " " });
                    key.encode(writer, years);
                }
                writer.raw(")");
            }
            Self::All
            | Self::Answered
            | Self::Deleted
            | Self::Flagged
            | Self::New
            | Self::Old
            | Self::Recent => {}
            Self::Seen | Self::Unanswered | Self::Undeleted | Self::Unflagged | Self::Unseen => {}
            Self::Draft | Self::Undraft => {}
        }
    }

    /// Whether only servers from IMAP4 on understand the key.
    #[must_use]
    pub fn needs_imap4(&self) -> bool {
        match self {
            Self::Draft
            | Self::Undraft
            | Self::SentBefore(_)
            | Self::SentOn(_)
            | Self::SentSince(_) => true,
            Self::Larger(_)
            | Self::Smaller(_)
            | Self::Header(..)
            | Self::Sequence(_)
            | Self::Uid(_) => true,
            Self::Not(_) | Self::Or(..) | Self::And(_) => true,
            Self::All
            | Self::Answered
            | Self::Deleted
            | Self::Flagged
            | Self::New
            | Self::Old
            | Self::Recent => false,
            Self::Seen | Self::Unanswered | Self::Undeleted | Self::Unflagged | Self::Unseen => {
                false
            }
            Self::Keyword(_)
            | Self::Unkeyword(_)
            | Self::Before(_)
            | Self::On(_)
            | Self::Since(_) => false,
            Self::Bcc(_) | Self::Body(_) | Self::Cc(_) | Self::From(_) => false,
            Self::Subject(_) | Self::Text(_) | Self::To(_) => false,
        }
    }

    fn word(&self) -> &'static str {
        match self {
            Self::Keyword(_) => "KEYWORD",
            Self::Unkeyword(_) => "UNKEYWORD",
            Self::Bcc(_) => "BCC",
            Self::Body(_) => "BODY",
            Self::Cc(_) => "CC",
            Self::From(_) => "FROM",
            Self::Subject(_) => "SUBJECT",
            Self::Text(_) => "TEXT",
            Self::To(_) => "TO",
            Self::Before(_) => "BEFORE",
            Self::On(_) => "ON",
            Self::Since(_) => "SINCE",
            Self::SentBefore(_) => "SENTBEFORE",
            Self::SentOn(_) => "SENTON",
            Self::SentSince(_) => "SENTSINCE",
            Self::Larger(_) => "LARGER",
            Self::Smaller(_) => "SMALLER",
            Self::Header(..) => "HEADER",
            Self::Uid(_) => "UID",
            Self::Not(_) => "NOT",
            Self::Or(..) => "OR",
            Self::Sequence(_) | Self::And(_) => "",
            Self::All => "ALL",
            Self::Answered => "ANSWERED",
            Self::Deleted => "DELETED",
            Self::Flagged => "FLAGGED",
            Self::New => "NEW",
            Self::Old => "OLD",
            Self::Recent => "RECENT",
            Self::Seen => "SEEN",
            Self::Unanswered => "UNANSWERED",
            Self::Undeleted => "UNDELETED",
            Self::Unflagged => "UNFLAGGED",
            Self::Unseen => "UNSEEN",
            Self::Draft => "DRAFT",
            Self::Undraft => "UNDRAFT",
        }
    }
}

fn string(cursor: &mut Cursor<'_>) -> Result<Vec<u8>, ParseError> {
    cursor.want_space()?;
    cursor.string()
}

fn keyword(cursor: &mut Cursor<'_>) -> Result<Keyword, ParseError> {
    cursor.want_space()?;
    let at = cursor.position();
    Keyword::from_bytes(cursor.word()).map_err(|_| ParseError::Expected {
        what: "a keyword",
        at,
    })
}

fn date(cursor: &mut Cursor<'_>) -> Result<SearchDate, ParseError> {
    cursor.want_space()?;
    let at = cursor.position();
    let text = cursor.string()?;
    SearchDate::parse(text.trim_ascii()).map_err(|_| ParseError::Expected { what: "a date", at })
}

fn number(cursor: &mut Cursor<'_>) -> Result<u32, ParseError> {
    cursor.want_space()?;
    cursor.number()
}

fn sequence(word: &[u8], at: usize) -> Result<SequenceSet, ParseError> {
    SequenceSet::parse(word).map_err(|_| ParseError::Expected {
        what: "a search key",
        at,
    })
}

fn push_date(writer: &mut CommandWriter, date: SearchDate, years: YearDigits) {
    writer.raw(" ");
    match years {
        YearDigits::Two => date.encode_2(writer.line()),
        YearDigits::Four => date.encode_4(writer.line()),
    }
}

const PLAIN: [SearchKey; 14] = [
    SearchKey::All,
    SearchKey::Answered,
    SearchKey::Deleted,
    SearchKey::Flagged,
    SearchKey::New,
    SearchKey::Old,
    SearchKey::Recent,
    SearchKey::Seen,
    SearchKey::Unanswered,
    SearchKey::Undeleted,
    SearchKey::Unflagged,
    SearchKey::Unseen,
    SearchKey::Draft,
    SearchKey::Undraft,
];

#[cfg(test)]
mod tests;
