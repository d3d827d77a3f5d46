//! BODY from the parts that were found.

use memchr::memchr_iter;

use super::super::envelope::envelope;
use super::super::header::{first_value, unfold};
use super::{Entity, Kind, Structure};
use crate::protocol::types::{Body, Envelope, NString, Param, Part, PartKind};

impl Structure<'_> {
    /// Returns the structure as BODY shows it.
    ///
    /// Types, names of parameters and encodings are in upper case, as at UW imapd. Text without a charset is US-ASCII.
    /// Sizes and lines are those of the octets held, still encoded; what `u32` cannot hold is cut to its greatest value.
    ///
    /// IMAP2bis and RFC 3501 BODY.
    #[must_use]
    pub fn body(&self) -> Body {
        let mut bodies: Vec<Option<Body>> = Vec::new();
        bodies.resize_with(self.entities.len(), || None);
        for (index, entity) in self.entities.iter().enumerate().rev() {
            let body = self.body_of(entity, &mut bodies);
            if let Some(place) = bodies.get_mut(index) {
                *place = Some(body);
            }
        }
        take(&mut bodies, 0)
    }

    /// One entity's structure, from those of what it holds.
    fn body_of(&self, entity: &Entity, bodies: &mut [Option<Body>]) -> Body {
        let kind = match &entity.kind {
            Kind::Multipart(parts) => {
                return Body::Multipart {
                    parts: parts.iter().map(|&part| take(bodies, part)).collect(),
                    subtype: entity.content.subtype.clone(),
                };
            }
            Kind::Message(inner) => PartKind::Message {
                envelope: Box::new(self.envelope_of(*inner)),
                body: take(bodies, *inner),
                line_count: self.line_count(entity),
            },
            Kind::Leaf if entity.content.is_text() => PartKind::Text {
                line_count: self.line_count(entity),
            },
            Kind::Leaf => PartKind::Basic,
        };
        let header = self.octets(entity.header.clone());
        let text = |name: &[u8]| -> NString { first_value(header, name).map(unfold) };
        Body::Single(Box::new(Part {
            media_type: entity.content.media_type.clone(),
            subtype: entity.content.subtype.clone(),
            params: params(entity),
            id: text(b"Content-ID"),
            description: text(b"Content-Description"),
            encoding: Some(self.encoding(entity)),
            size: to_u32(entity.body.len()),
            kind,
        }))
    }

    fn envelope_of(&self, index: usize) -> Envelope {
        self.entity(index)
            .map(|inner| envelope(self.octets(inner.header.clone())))
            .unwrap_or_default()
    }

    fn line_count(&self, entity: &Entity) -> u32 {
        to_u32(memchr_iter(b'\n', self.octets(entity.body.clone())).count())
    }
}

fn params(entity: &Entity) -> Vec<Param> {
    let content = &entity.content;
    let mut params = content.params.clone();
    if content.is_text() && content.param(b"CHARSET").is_none() {
        params.push((b"CHARSET".to_vec(), b"US-ASCII".to_vec()));
    }
    let named = |(name, value)| Param { name, value };
    params.into_iter().map(named).collect()
}

/// Takes a body that was built before; every entity is held by one other.
fn take(bodies: &mut [Option<Body>], index: usize) -> Body {
    bodies
        .get_mut(index)
        .and_then(Option::take)
        .unwrap_or_else(|| Body::Multipart {
            parts: Vec::new(),
            subtype: b"MIXED".to_vec(),
        })
}

fn to_u32(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}
