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
/// One pass over the text per question. RFC 1176 and RFC 3501 SEARCH.
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

    /// Whether it is anywhere in a header: the half of TEXT that needs no body.
    #[must_use]
    pub fn in_header(&self, header: &[u8]) -> bool {
        self.in_octets(header) || fields(header).any(|field| self.in_decoded_value(field.value))
    }

    /// Whether it is in the message without its header: the key BODY.
    #[must_use]
    pub fn in_body(&self, message: &Structure<'_>) -> bool {
        self.in_octets(message.text())
            || message
                .entities()
                .iter()
                .any(|entity| self.in_entity(message, entity))
    }

    /// Whether it is in the header or the body: the key TEXT.
    #[must_use]
    pub fn in_text(&self, message: &Structure<'_>) -> bool {
        self.in_header(message.header()) || self.in_body(message)
    }

    fn in_value(&self, value: &[u8]) -> bool {
        self.in_octets(value) || self.in_decoded_value(value)
    }

    fn in_decoded_value(&self, value: &[u8]) -> bool {
        let is_plain = value.is_ascii() && !value.contains(&b'\n') && find(value, b"=?").is_none();
        !is_plain && self.in_decoded(&decode_words(value))
    }

    /// What an entity says when decoded: a text, or the header of a message within.
    fn in_entity(&self, message: &Structure<'_>, entity: &Entity) -> bool {
        match entity.kind {
            Kind::Message(inner) => message.entity(inner).is_some_and(|inner| {
                let header = message.octets(inner.header.clone());
                fields(header).any(|field| self.in_decoded_value(field.value))
            }),
            Kind::Leaf => entity.content.is_text() && self.in_text_part(message, entity),
            Kind::Multipart(_) => false,
        }
    }

    fn in_text_part(&self, message: &Structure<'_>, entity: &Entity) -> bool {
        let octets = message.octets(entity.body.clone());
        let label = entity.content.param(b"CHARSET").unwrap_or(b"US-ASCII");
        match message.encoding(entity).as_slice() {
            b"BASE64" => self.in_decoded(&charset(&base64(octets), label)),
            b"QUOTED-PRINTABLE" => self.in_decoded(&charset(&quoted_printable(octets), label)),
            // What is written here is what it says, and was looked at.
            _ if self.is_ascii && is_ascii_compatible(label) => false,
            _ => self.in_decoded(&charset(octets, label)),
        }
    }

    fn in_decoded(&self, text: &str) -> bool {
        self.text
            .as_ref()
            .is_some_and(|needle| needle.find(lower_case(text).as_bytes()).is_some())
    }

    /// Looks through octets piece by piece, so that a great message is not copied whole.
    fn in_octets(&self, octets: &[u8]) -> bool {
        let length = self.octets.needle().len();
        let step = PIECE.max(length);
        let mut folded = Vec::new();
        let mut rest = octets;
        loop {
            let piece = rest.get(..step.saturating_add(length)).unwrap_or(rest);
            folded.clear();
            folded.extend(piece.iter().map(u8::to_ascii_lowercase));
            if self.octets.find(&folded).is_some() {
                return true;
            }
            match rest.get(step..) {
                Some(behind) if piece.len() < rest.len() => rest = behind,
                _ => return false,
            }
        }
    }
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
