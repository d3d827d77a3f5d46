//! The string keys of SEARCH: a substring, in any case, of what is written and of what it says when decoded.

use memchr::memmem::{Finder, find};

use super::decode::{base64, charset, is_ascii_compatible, quoted_printable};
use super::header::{fields, values};
use super::structure::{Entity, Kind, Structure};
use super::words::decode_words;

/// What a SEARCH looks for, made ready to be looked for in many messages.
///
/// It is found in the octets as they are, cases of ASCII letters alike, and, being UTF-8, in what they say when encoded
/// words, transfer encodings and charsets are undone, cases of all letters alike. The empty text is in everything.
/// RFC 1176 and RFC 3501 SEARCH.
#[derive(Clone, Debug)]
pub struct Needle {
    octets: Finder<'static>,
    text: Option<Finder<'static>>,
    is_ascii: bool,
}

impl Needle {
    /// Makes a needle of a SEARCH argument, which is in UTF-8 if it is more than ASCII.
    #[must_use]
    pub fn new(argument: &[u8]) -> Self {
        let text = std::str::from_utf8(argument).ok().map(lower_case);
        Self {
            octets: Finder::new(&argument.to_ascii_lowercase()).into_owned(),
            text: text.map(|text| Finder::new(&text).into_owned()),
            is_ascii: argument.is_ascii(),
        }
    }

    /// Whether it is in a field of this name: the keys FROM, TO, CC, BCC, SUBJECT and HEADER.
    ///
    /// The empty needle is in every field there is, so that `HEADER X ""` asks whether there is one.
    #[must_use]
    pub fn in_field(&self, header: &[u8], name: &[u8]) -> bool {
        values(header, name).any(|value| self.in_value(value))
    }

    fn in_value(&self, value: &[u8]) -> bool {
        self.in_octets(value) || self.in_decoded_value(value)
    }

    /// Whether the octets have it, in upper case or lower. For one value: a whole text is looked through by [`TextSearch`].
    fn in_octets(&self, octets: &[u8]) -> bool {
        self.octets.find(&octets.to_ascii_lowercase()).is_some()
    }

    fn in_decoded_value(&self, value: &[u8]) -> bool {
        !is_plain(value) && self.in_lower_case(&lower_case(&decode_words(value)))
    }

    fn in_lower_case(&self, text: &str) -> bool {
        let needle = self.text.as_ref();
        needle.is_some_and(|needle| needle.find(text.as_bytes()).is_some())
    }
}

/// What a SEARCH looks for in whole messages: the keys BODY and TEXT, all of which must hold.
///
/// A message is looked through and decoded once, however many keys there are.
#[derive(Clone, Debug, Default)]
pub struct TextSearch {
    body: Vec<Needle>,
    anywhere: Vec<Needle>,
}

impl TextSearch {
    /// Adds the key BODY: in the message without its header.
    pub fn add_body(&mut self, needle: Needle) {
        self.body.push(needle);
    }

    /// Adds the key TEXT: in the header or the body.
    pub fn add_text(&mut self, needle: Needle) {
        self.anywhere.push(needle);
    }

    /// Whether nothing is looked for.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.body.is_empty() && self.anywhere.is_empty()
    }

    /// Whether everything is found.
    #[must_use]
    pub fn holds(&self, message: &Structure<'_>) -> bool {
        let mut missing = Missing(self.anywhere.iter().collect());
        missing.seek_octets(message.header());
        missing.seek_fields(message.header());
        missing.0.extend(&self.body);
        missing.seek_octets(message.text());
        for entity in message.entities() {
            missing.seek_entity(message, entity);
        }
        missing.0.is_empty()
    }
}

/// The needles that were not found yet.
struct Missing<'a>(Vec<&'a Needle>);

impl Missing<'_> {
    /// Looks through octets piece by piece, so that a great message is not copied whole.
    fn seek_octets(&mut self, octets: &[u8]) {
        let lengths = self.0.iter().map(|needle| needle.octets.needle().len());
        let longest = lengths.max().unwrap_or(0);
        let step = PIECE.max(longest);
        let mut folded = Vec::new();
        let mut rest = octets;
        while !self.0.is_empty() {
            let piece = rest.get(..step.saturating_add(longest)).unwrap_or(rest);
            folded.clear();
            folded.extend(piece.iter().map(u8::to_ascii_lowercase));
            self.0
                .retain(|needle| needle.octets.find(&folded).is_none());
            match rest.get(step..) {
                Some(behind) if piece.len() < rest.len() => rest = behind,
                _ => return,
            }
        }
    }

    /// Looks for what the fields of a header say when decoded.
    fn seek_fields(&mut self, header: &[u8]) {
        for field in fields(header).filter(|field| !is_plain(field.value)) {
            if self.0.is_empty() {
                return;
            }
            self.seek_decoded(&decode_words(field.value));
        }
    }

    /// Looks for what an entity says when decoded: a text, or the header of a message within.
    fn seek_entity(&mut self, message: &Structure<'_>, entity: &Entity) {
        if self.0.is_empty() {
            return;
        }
        match entity.kind {
            Kind::Message(inner) => {
                if let Some(inner) = message.entity(inner) {
                    self.seek_fields(message.octets(inner.header.clone()));
                }
            }
            Kind::Leaf if entity.content.is_text() => self.seek_text_part(message, entity),
            Kind::Leaf | Kind::Multipart(_) => {}
        }
    }

    fn seek_text_part(&mut self, message: &Structure<'_>, entity: &Entity) {
        let octets = message.octets(entity.body.clone());
        let label = entity.content.param(b"CHARSET").unwrap_or(b"US-ASCII");
        match message.encoding(entity).as_slice() {
            b"BASE64" => self.seek_decoded(&charset(&base64(octets), label)),
            b"QUOTED-PRINTABLE" => self.seek_decoded(&charset(&quoted_printable(octets), label)),
            // What is written here in ASCII is what it says, and was looked at.
            _ if is_ascii_compatible(label) => {
                let is_ascii = |needle: &mut &Needle| needle.is_ascii;
                let ascii: Vec<&Needle> = self.0.extract_if(.., is_ascii).collect();
                if !self.0.is_empty() {
                    self.seek_decoded(&charset(octets, label));
                }
                self.0.extend(ascii);
            }
            _ => self.seek_decoded(&charset(octets, label)),
        }
    }

    fn seek_decoded(&mut self, text: &str) {
        let text = lower_case(text);
        self.0.retain(|needle| !needle.in_lower_case(&text));
    }
}

/// Whether a field's value says what is written, to the octet.
fn is_plain(value: &[u8]) -> bool {
    value.is_ascii() && !value.contains(&b'\n') && find(value, b"=?").is_none()
}

/// Lower case letter by letter, so that a part of a text becomes a part of the lower-case text.
pub(super) fn lower_case(text: &str) -> String {
    if text.is_ascii() {
        text.to_ascii_lowercase()
    } else {
        text.chars().flat_map(char::to_lowercase).collect()
    }
}

/// How many octets are looked at in one go.
const PIECE: usize = 64 * 1024;

#[cfg(test)]
mod tests;
