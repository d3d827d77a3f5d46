//! The octets that `BODY[...]` names, still transfer-encoded.

use std::borrow::Cow;
use std::ops::Range;

use super::header::{Lines, fields, is_blank};
use super::structure::{Entity, Kind, Structure};
use crate::protocol::types::{Section, SectionText};

impl<'a> Structure<'a> {
    /// Returns the octets of a section; `None` if the message has no such part.
    ///
    /// Selected header fields come with the header's blank line.
    ///
    /// IMAP2bis and RFC 3501 `BODY[...]`; rows `2BIS-FETCH-BODY-SECTION`, `R1-BODY.PEEK`.
    #[must_use]
    pub fn section(&self, section: &Section) -> Option<Cow<'a, [u8]>> {
        let octets = self.octets(self.range(section)?);
        Some(match &section.text {
            Some(SectionText::HeaderFields(names)) => {
                Cow::Owned(select_fields(octets, |name| has(names, name)))
            }
            Some(SectionText::HeaderFieldsNot(names)) => {
                Cow::Owned(select_fields(octets, |name| !has(names, name)))
            }
            Some(SectionText::Header | SectionText::Text | SectionText::Mime) | None => {
                Cow::Borrowed(octets)
            }
        })
    }

    /// Returns where a section lies in the message; for selected header fields, the header they are selected from.
    ///
    /// Part 0 is the header of the message, or of a message within, as at UW imapd.
    #[must_use]
    pub fn range(&self, section: &Section) -> Option<Range<usize>> {
        if let (Some((0, part)), None) = (section.part.split_last(), &section.text) {
            return self.message_header(part);
        }
        match &section.text {
            None if section.part.is_empty() => Some(0..self.message().len()),
            None => Some(self.part(&section.part)?.body.clone()),
            Some(SectionText::Mime) => Some(self.part(&section.part)?.header.clone()),
            Some(SectionText::Text) => Some(self.message_at(&section.part)?.body.clone()),
            Some(
                SectionText::Header
                | SectionText::HeaderFields(_)
                | SectionText::HeaderFieldsNot(_),
            ) => self.message_header(&section.part),
        }
    }

    fn message_header(&self, part: &[u32]) -> Option<Range<usize>> {
        Some(self.message_at(part)?.header.clone())
    }

    /// The message that a part holds; the message itself for no numbers.
    fn message_at(&self, part: &[u32]) -> Option<&Entity> {
        if part.is_empty() {
            return self.root();
        }
        match self.part(part)?.kind {
            Kind::Message(inner) => self.entity(inner),
            Kind::Leaf | Kind::Multipart(_) => None,
        }
    }

    /// Follows part numbers: those of a multipart count its parts; a message that is none has its text as part 1.
    fn part(&self, numbers: &[u32]) -> Option<&Entity> {
        let mut found: Option<&Entity> = None;
        for &number in numbers {
            let (scope, is_message) = match found {
                None => (self.root()?, true),
                Some(part) => match part.kind {
                    Kind::Message(inner) => (self.entity(inner)?, true),
                    Kind::Leaf | Kind::Multipart(_) => (part, false),
                },
            };
            found = Some(match &scope.kind {
                Kind::Multipart(parts) => {
                    let index = usize::try_from(number.checked_sub(1)?).ok()?;
                    self.entity(*parts.get(index)?)?
                }
                Kind::Leaf | Kind::Message(_) if is_message && number == 1 => scope,
                Kind::Leaf | Kind::Message(_) => return None,
            });
        }
        found
    }
}

/// Copies the fields whose names are wanted, as they are, and the header's blank line.
fn select_fields(header: &[u8], is_wanted: impl Fn(&[u8]) -> bool) -> Vec<u8> {
    let mut selected = Vec::new();
    for field in fields(header).filter(|field| is_wanted(field.name)) {
        selected.extend_from_slice(field.raw);
    }
    let last_line = Lines(header).last().unwrap_or_default();
    if is_blank(last_line) {
        selected.extend_from_slice(last_line);
    }
    selected
}

fn has(names: &[Vec<u8>], name: &[u8]) -> bool {
    names.iter().any(|wanted| wanted.eq_ignore_ascii_case(name))
}

#[cfg(test)]
mod tests;
