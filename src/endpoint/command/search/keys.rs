//! The keys of a SEARCH, sorted by what has to be read for them.

use crate::endpoint::numbers::{Numbers, Shown};
use crate::endpoint::reply::Reply;
use crate::endpoint::stored::Part;
use crate::message::{Needle, Structure, TextSearch};
use crate::protocol::types::{FlagSet, InternalDate, Keyword, SearchDate, SearchKey};
use crate::store::View;

/// What must all hold.
#[derive(Debug, Default)]
pub(super) struct Criteria {
    plain: Vec<PlainKey>,
    header: Vec<HeaderKey>,
    text: TextSearch,
}

/// A key that needs nothing but what is in memory.
#[derive(Debug)]
enum PlainKey {
    Set(FlagSet),
    Clear(FlagSet),
    Keyword(Keyword),
    Unkeyword(Keyword),
    Recent,
    Old,
    Before(SearchDate),
    On(SearchDate),
    Since(SearchDate),
}

/// A string in a field of the header.
#[derive(Debug)]
struct HeaderKey {
    field: &'static [u8],
    needle: Needle,
}

impl Criteria {
    /// Sorts the keys; one that came with IMAP4 makes the whole SEARCH wrong. Row `1064-SEARCH-BADKEY`.
    pub(super) fn new(keys: Vec<SearchKey>) -> Result<Self, Reply> {
        let mut criteria = Self::default();
        for key in keys {
            criteria.add(key)?;
        }
        Ok(criteria)
    }

    fn add(&mut self, key: SearchKey) -> Result<(), Reply> {
        let plain = match key {
            SearchKey::All => return Ok(()),
            SearchKey::Answered => PlainKey::Set(FlagSet::ANSWERED),
            SearchKey::Deleted => PlainKey::Set(FlagSet::DELETED),
            SearchKey::Flagged => PlainKey::Set(FlagSet::FLAGGED),
            SearchKey::Seen => PlainKey::Set(FlagSet::SEEN),
            SearchKey::Unanswered => PlainKey::Clear(FlagSet::ANSWERED),
            SearchKey::Undeleted => PlainKey::Clear(FlagSet::DELETED),
            SearchKey::Unflagged => PlainKey::Clear(FlagSet::FLAGGED),
            SearchKey::Unseen => PlainKey::Clear(FlagSet::SEEN),
            SearchKey::Recent => PlainKey::Recent,
            SearchKey::Old => PlainKey::Old,
            SearchKey::New => {
                self.plain.push(PlainKey::Recent);
                PlainKey::Clear(FlagSet::SEEN)
            }
            SearchKey::Keyword(keyword) => PlainKey::Keyword(keyword),
            SearchKey::Unkeyword(keyword) => PlainKey::Unkeyword(keyword),
            SearchKey::Before(day) => PlainKey::Before(day),
            SearchKey::On(day) => PlainKey::On(day),
            SearchKey::Since(day) => PlainKey::Since(day),
            SearchKey::Bcc(text) => return self.add_field(b"Bcc", &text),
            SearchKey::Cc(text) => return self.add_field(b"Cc", &text),
            SearchKey::From(text) => return self.add_field(b"From", &text),
            SearchKey::Subject(text) => return self.add_field(b"Subject", &text),
            SearchKey::To(text) => return self.add_field(b"To", &text),
            SearchKey::Body(text) => return self.add_text(TextSearch::add_body, &text),
            SearchKey::Text(text) => return self.add_text(TextSearch::add_text, &text),
            SearchKey::Draft
            | SearchKey::Undraft
            | SearchKey::SentBefore(_)
            | SearchKey::SentOn(_)
            | SearchKey::SentSince(_)
            | SearchKey::Larger(_)
            | SearchKey::Smaller(_)
            | SearchKey::Header(..)
            | SearchKey::Sequence(_)
            | SearchKey::Uid(_)
            | SearchKey::Not(_)
            | SearchKey::Or(..)
            | SearchKey::And(_) => return Err(Reply::bad("IMAP2 has no such search key")),
        };
        self.plain.push(plain);
        Ok(())
    }

    fn add_field(&mut self, field: &'static [u8], text: &[u8]) -> Result<(), Reply> {
        let needle = Needle::new(text);
        self.header.push(HeaderKey { field, needle });
        Ok(())
    }

    fn add_text(&mut self, add: fn(&mut TextSearch, Needle), text: &[u8]) -> Result<(), Reply> {
        add(&mut self.text, Needle::new(text));
        Ok(())
    }

    /// What has to be read of messages, in the order in which it is worth it.
    pub(super) fn parts(&self) -> impl Iterator<Item = Part> + use<> {
        let header = (!self.header.is_empty()).then_some(Part::Header);
        let whole = (!self.text.is_empty()).then_some(Part::Whole);
        header.into_iter().chain(whole)
    }

    /// Whether the keys hold that need this part of a message.
    pub(super) fn hold_in(&self, part: Part, octets: &[u8]) -> bool {
        match part {
            Part::Header => self.header.iter().all(|key| key.holds(octets)),
            Part::Whole => self.text.holds(&Structure::of(octets)),
            Part::Envelope | Part::Structure => true,
        }
    }

    /// Whether the keys that need no reading hold for a message as the client knows it.
    pub(super) fn admits(&self, shown: &Shown, numbers: &Numbers, view: &View) -> bool {
        self.plain.iter().all(|key| key.holds(shown, numbers, view))
    }
}

impl PlainKey {
    fn holds(&self, shown: &Shown, numbers: &Numbers, view: &View) -> bool {
        let has = |keyword: &Keyword| {
            view.keywords
                .lookup(keyword)
                .is_some_and(|flag| shown.flags.contains(flag))
        };
        match self {
            Self::Set(flag) => shown.flags.contains(*flag),
            Self::Clear(flag) => !shown.flags.contains(*flag),
            Self::Keyword(keyword) => has(keyword),
            Self::Unkeyword(keyword) => !has(keyword),
            Self::Recent => numbers.is_recent(shown.id),
            Self::Old => !numbers.is_recent(shown.id),
            Self::Before(day) => arrival_day(shown, view).is_some_and(|arrival| arrival < *day),
            Self::On(day) => arrival_day(shown, view).is_some_and(|arrival| arrival == *day),
            Self::Since(day) => arrival_day(shown, view).is_some_and(|arrival| arrival >= *day),
        }
    }
}

/// The day of the internal date, in the date's own zone.
fn arrival_day(shown: &Shown, view: &View) -> Option<SearchDate> {
    let (row, _) = view.find(shown.id)?;
    let date = InternalDate {
        instant_secs: row.instant,
        offset_minutes: row.zone_minutes,
        zone_known: true,
    };
    Some(date.local_day())
}

impl HeaderKey {
    fn holds(&self, header: &[u8]) -> bool {
        self.needle.in_field(header, self.field)
    }
}
