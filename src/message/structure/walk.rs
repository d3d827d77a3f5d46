//! One walk over a message, from boundary to boundary.

use std::ops::Range;

use memchr::{memchr, memmem};

use super::super::content::ContentType;
use super::super::header::{first_value, is_blank, without_line_end};
use super::{Entity, Kind, Structure};

/// Finds the entities of a message; there is always one.
pub(super) fn entities(message: &[u8]) -> Vec<Entity> {
    let mut walker = Walker {
        message,
        at: 0,
        entities: Vec::new(),
        open: Vec::new(),
        line_with_dashes: memmem::Finder::new(b"\n--"),
    };
    walker.enter();
    while let Some(delimiter) = walker.next_delimiter() {
        walker.pass(&delimiter);
    }
    walker.close(0, message.len());
    walker.entities
}

struct Walker<'a> {
    message: &'a [u8],
    /// How far the walk has come; always the start of a line.
    at: usize,
    entities: Vec<Entity>,
    /// The entities that have not ended, outermost first.
    open: Vec<Open>,
    line_with_dashes: memmem::Finder<'static>,
}

struct Open {
    entity: usize,
    /// A multipart's boundary, until it was closed.
    boundary: Option<Vec<u8>>,
}

/// A line that ends a part.
struct Delimiter {
    line: Range<usize>,
    /// Which of the open entities it belongs to.
    owner: usize,
    is_last: bool,
}

impl Walker<'_> {
    /// Opens the entity that begins here, and the messages that begin within.
    fn enter(&mut self) {
        loop {
            let header = self.at..self.header_end();
            self.at = header.end;
            let content = self.content_type(header.clone());
            let boundary = boundary(&content).filter(|_| self.may_hold());
            let is_message = content.is_message() && self.may_hold();
            let (content, kind) = if boundary.is_some() {
                (content, Kind::Multipart(Vec::new()))
            } else if is_message {
                (content, Kind::Message(0))
            } else if content.is_multipart() || content.is_message() {
                (ContentType::text_plain(), Kind::Leaf)
            } else {
                (content, Kind::Leaf)
            };
            let entity = self.entities.len();
            self.link(entity);
            self.entities.push(Entity {
                body: header.end..header.end,
                header,
                content,
                kind,
            });
            self.open.push(Open { entity, boundary });
            if !is_message {
                return;
            }
        }
    }

    fn content_type(&self, header: Range<usize>) -> ContentType {
        let header = self.message.get(header).unwrap_or_default();
        match first_value(header, b"Content-Type") {
            Some(value) => ContentType::read(value).unwrap_or_else(ContentType::text_plain),
            None if self
                .holder()
                .is_some_and(|holder| holder.content.is_digest()) =>
            {
                ContentType::message()
            }
            None => ContentType::text_plain(),
        }
    }

    /// Whether the entity that begins here may hold others, by the limits.
    fn may_hold(&self) -> bool {
        self.open.len() < Structure::MAX_DEPTH.saturating_sub(1)
            && self.entities.len() < Structure::MAX_PARTS.saturating_sub(1)
    }

    fn holder(&self) -> Option<&Entity> {
        self.entities.get(self.open.last()?.entity)
    }

    /// Tells the innermost open entity that it holds a new one.
    fn link(&mut self, entity: usize) {
        let Some(holder) = self.open.last() else {
            return;
        };
        match self.entities.get_mut(holder.entity).map(|it| &mut it.kind) {
            Some(Kind::Multipart(parts)) => parts.push(entity),
            Some(Kind::Message(inner)) => *inner = entity,
            Some(Kind::Leaf) | None => {}
        }
    }

    /// Where the header that begins here ends: behind its blank line, or before a boundary that cuts it off.
    fn header_end(&self) -> usize {
        let mut line = self.line_at(self.at);
        while !line.is_empty() {
            let text = self.message.get(line.clone()).unwrap_or_default();
            if is_blank(text) {
                return line.end;
            }
            if self.owner(text).is_some() {
                return line.start;
            }
            line = self.line_at(line.end);
        }
        line.end
    }

    fn next_delimiter(&self) -> Option<Delimiter> {
        let is_full = self.entities.len() >= Structure::MAX_PARTS;
        if is_full || self.open.iter().all(|open| open.boundary.is_none()) {
            return None;
        }
        let mut start = self.at;
        loop {
            let rest = self.message.get(start..)?;
            if !rest.starts_with(b"--") {
                let before = self.line_with_dashes.find(rest)?;
                start = start.saturating_add(before).saturating_add(1);
            }
            let line = self.line_at(start);
            start = line.end;
            if let Some((owner, is_last)) = self.owner(self.message.get(line.clone())?) {
                return Some(Delimiter {
                    line,
                    owner,
                    is_last,
                });
            }
        }
    }

    /// Whose boundary a line is, the innermost first, and whether it is the last of its kind.
    ///
    /// `"--" boundary ["--"] *WSP`: no other octet may follow, so that one boundary may begin like another.
    fn owner(&self, line: &[u8]) -> Option<(usize, bool)> {
        let found = line.strip_prefix(b"--")?.trim_ascii_end();
        let last = found.strip_suffix(b"--").map(<[u8]>::trim_ascii_end);
        let open = self.open.iter().enumerate().rev();
        open.filter_map(|(index, open)| Some((index, open.boundary.as_deref()?)))
            .find(|(_, boundary)| *boundary == found || Some(*boundary) == last)
            .map(|(index, boundary)| (index, boundary != found))
    }

    /// Ends what the delimiter ends, and opens what it starts.
    fn pass(&mut self, delimiter: &Delimiter) {
        let before = self.message.get(..delimiter.line.start).unwrap_or_default();
        let end = without_line_end(before).len();
        self.close(delimiter.owner.saturating_add(1), end);
        self.at = delimiter.line.end;
        if !delimiter.is_last {
            self.enter();
        } else if let Some(owner) = self.open.last_mut() {
            owner.boundary = None;
        }
    }

    /// Ends all but the outermost `keep` open entities.
    fn close(&mut self, keep: usize, end: usize) {
        for open in self.open.drain(keep.min(self.open.len())..) {
            if let Some(entity) = self.entities.get_mut(open.entity) {
                entity.end_at(end);
            }
        }
    }

    /// The line that begins here, with its end; empty at the end of the message.
    fn line_at(&self, start: usize) -> Range<usize> {
        let rest = self.message.get(start..).unwrap_or_default();
        let length = memchr(b'\n', rest).map_or(rest.len(), |at| at.saturating_add(1));
        start..start.saturating_add(length)
    }
}

impl Entity {
    fn end_at(&mut self, end: usize) {
        let end = end.max(self.header.start);
        self.header.end = self.header.end.min(end);
        self.body = self.header.end..end;
        if matches!(&self.kind, Kind::Multipart(parts) if parts.is_empty()) {
            self.content = ContentType::text_plain();
            self.kind = Kind::Leaf;
        }
    }
}

/// The boundary of a multipart; an empty one would be found everywhere and counts as none.
fn boundary(content: &ContentType) -> Option<Vec<u8>> {
    let boundary = content.param(b"BOUNDARY")?.trim_ascii_end();
    (content.is_multipart() && !boundary.is_empty()).then(|| boundary.to_vec())
}
