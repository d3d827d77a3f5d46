//! The MIME structure of a message: where its parts lie.
//!
//! An own walker, because what IMAP shows must be exact to the octet: boundaries count at the start of a line only,
//! the line end before a boundary belongs to it, and an outer boundary ends everything within. Nothing recurses.

mod body;
mod walk;

use std::ops::Range;

use super::content::{ContentType, transfer_encoding};
use super::header::first_value;

/// A message together with where its parts lie.
///
/// Broken MIME never hides what is in a message: a multipart of which no part is found, because its boundary is
/// missing or never comes, is one part of plain text; so are containers beyond [`Structure::MAX_DEPTH`], and beyond
/// [`Structure::MAX_PARTS`] the rest of the message belongs to the last part.
#[derive(Clone, Debug)]
pub struct Structure<'a> {
    message: &'a [u8],
    /// The message first, every container before what it holds.
    entities: Vec<Entity>,
}

/// A message or a part: a header and a body.
#[derive(Clone, Debug)]
pub(super) struct Entity {
    pub(super) header: Range<usize>,
    pub(super) body: Range<usize>,
    pub(super) content: ContentType,
    pub(super) kind: Kind,
}

/// What a body holds, by index.
#[derive(Clone, Debug)]
pub(super) enum Kind {
    Leaf,
    Multipart(Vec<usize>),
    /// A message within, as an entity of its own.
    Message(usize),
}

impl<'a> Structure<'a> {
    /// How deeply parts may nest.
    pub const MAX_DEPTH: usize = 100;
    /// The most parts of one message.
    pub const MAX_PARTS: usize = 10_000;

    /// Finds the parts of a message.
    #[must_use]
    pub fn of(message: &'a [u8]) -> Self {
        Self {
            message,
            entities: walk::entities(message),
        }
    }

    /// The whole message.
    #[must_use]
    pub fn message(&self) -> &'a [u8] {
        self.message
    }

    /// The header of the message, with its blank line.
    #[must_use]
    pub fn header(&self) -> &'a [u8] {
        self.root()
            .map_or(&[], |root| self.octets(root.header.clone()))
    }

    /// The message without its header.
    #[must_use]
    pub fn text(&self) -> &'a [u8] {
        self.root()
            .map_or(&[], |root| self.octets(root.body.clone()))
    }

    pub(super) fn root(&self) -> Option<&Entity> {
        self.entities.first()
    }

    pub(super) fn entity(&self, index: usize) -> Option<&Entity> {
        self.entities.get(index)
    }

    pub(super) fn entities(&self) -> &[Entity] {
        &self.entities
    }

    pub(super) fn octets(&self, range: Range<usize>) -> &'a [u8] {
        self.message.get(range).unwrap_or_default()
    }

    /// The transfer encoding of a part, in upper case.
    pub(super) fn encoding(&self, entity: &Entity) -> Vec<u8> {
        let header = self.octets(entity.header.clone());
        transfer_encoding(first_value(header, b"Content-Transfer-Encoding"))
    }
}

#[cfg(test)]
mod tests;
