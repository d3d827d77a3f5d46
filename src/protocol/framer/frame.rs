//! One line of the protocol and what belongs to it.

use std::fmt;

/// One line, with the literals that continued it. A line end is CRLF or a bare LF and is not part of the text.
///
/// The text keeps the `{count}` of each literal; what followed the literal continues right behind it.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Frame {
    pub(crate) text: Vec<u8>,
    pub(crate) literals: Vec<Literal>,
}

/// The octets of one literal, and where in the text its `{count}` ends.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Literal {
    pub(crate) end_of_header: usize,
    pub(crate) octets: Vec<u8>,
}

impl Frame {
    /// How many literals have been announced and let through.
    pub(crate) fn literal_count(&self) -> usize {
        self.literals.len()
    }

    /// The size of all literals that have arrived.
    pub(crate) fn literal_octets(&self) -> usize {
        self.literals.iter().fold(0, |total, literal| {
            total.saturating_add(literal.octets.len())
        })
    }

    /// The text behind the last literal. An announcement before it is spent.
    pub(super) fn behind_literals(&self) -> &[u8] {
        let start = self
            .literals
            .last()
            .map_or(0, |literal| literal.end_of_header);
        self.text.get(start..).unwrap_or_default()
    }
}

#[cfg(test)]
impl Frame {
    /// The first frame of what a server sends.
    pub(crate) fn of(mut octets: &[u8]) -> Self {
        use super::{FrameLimits, Framed, Framer, Peer};

        let limits = FrameLimits {
            line: usize::MAX,
            literal: usize::MAX,
            literal_total: usize::MAX,
        };
        match Framer::new(Peer::Server, limits).take(&mut octets) {
            Some(Framed::Frame(frame)) => frame,
            _ => panic!("no whole frame"),
        }
    }
}

/// Shows sizes alone: a line may hold a password.
impl fmt::Debug for Frame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "Frame({} octets, {} literals)",
            self.text.len(),
            self.literals.len()
        )
    }
}
