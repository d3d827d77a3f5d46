//! A command on its way to a server: lines, and the places where the server must first say `+`.

use super::parse::push_number;
use super::types::{Quoting, StringForm, form_for_server};

/// A piece of an encoded command. It may hold a password, so it has no `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Piece {
    /// Octets to send.
    Octets(Vec<u8>),
    /// Nothing more before the server has said `+`.
    AwaitGoAhead,
}

/// How strings may be written for a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct StringRules {
    /// Whether quotes know escapes, and with them what quotes can hold.
    pub(crate) quoting: Quoting,
    /// Whether literals need a go-ahead; with LITERAL+ they do not.
    pub(crate) literals_wait: bool,
}

/// Writes the arguments of one command.
pub(crate) struct CommandWriter {
    pieces: Vec<Piece>,
    line: Vec<u8>,
    rules: StringRules,
}

impl CommandWriter {
    pub(crate) fn new(rules: StringRules) -> Self {
        Self {
            pieces: Vec::new(),
            line: Vec::new(),
            rules,
        }
    }

    /// The line being written, for whatever needs no string.
    pub(crate) fn line(&mut self) -> &mut Vec<u8> {
        &mut self.line
    }

    /// Appends words as they are.
    pub(crate) fn raw(&mut self, words: &str) {
        self.line.extend_from_slice(words.as_bytes());
    }

    /// Appends a space and a string: an atom if it can be one, else quoted, else a literal.
    pub(crate) fn string(&mut self, octets: &[u8]) {
        self.line.push(b' ');
        match form_for_server(octets, self.rules.quoting) {
            StringForm::Atom => self.line.extend_from_slice(octets),
            StringForm::Quoted => {
                self.line.push(b'"');
                self.line.extend_from_slice(octets);
                self.line.push(b'"');
            }
            StringForm::Literal => {
                self.literal_header(octets.len());
                self.line.extend_from_slice(octets);
            }
        }
    }

    /// Appends a space and a literal that is moved, not copied: a message may be large.
    pub(crate) fn message(&mut self, octets: Vec<u8>) {
        self.line.push(b' ');
        self.literal_header(octets.len());
        self.flush();
        self.pieces.push(Piece::Octets(octets));
    }

    fn literal_header(&mut self, count: usize) {
        self.line.push(b'{');
        push_number(&mut self.line, u64::try_from(count).unwrap_or(u64::MAX));
        if self.rules.literals_wait {
            self.line.extend_from_slice(b"}\r\n");
            self.await_go_ahead();
        } else {
            self.line.extend_from_slice(b"+}\r\n");
        }
    }

    /// Ends the line and waits for `+`, as AUTHENTICATE does.
    pub(crate) fn end_line_and_wait(&mut self) {
        self.raw("\r\n");
        self.await_go_ahead();
    }

    fn await_go_ahead(&mut self) {
        self.flush();
        self.pieces.push(Piece::AwaitGoAhead);
    }

    fn flush(&mut self) {
        if !self.line.is_empty() {
            self.pieces
                .push(Piece::Octets(std::mem::take(&mut self.line)));
        }
    }

    /// Ends the command.
    pub(crate) fn finish(mut self) -> Vec<Piece> {
        self.raw("\r\n");
        self.flush();
        self.pieces
    }
}
