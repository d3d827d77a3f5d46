//! What servers send, taken apart just far enough to compare mailboxes.

use std::collections::BTreeSet;
use std::io::{self, BufRead, Read};

/// One word of a response: an atom, a string of either kind, or a list of words.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Word {
    Atom(String),
    Text(Vec<u8>),
    List(Vec<Word>),
}

impl Word {
    /// The bytes of an atom or a string; `NIL` has none, and a list has none either.
    pub(crate) fn bytes(&self) -> &[u8] {
        match self {
            Self::Atom(atom) if atom.eq_ignore_ascii_case("NIL") => b"",
            Self::Atom(atom) => atom.as_bytes(),
            Self::Text(text) => text,
            Self::List(_) => b"",
        }
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(self.bytes()).into_owned()
    }

    pub(crate) fn number(&self) -> Option<u32> {
        self.text().parse().ok()
    }

    pub(crate) fn list(&self) -> &[Self] {
        match self {
            Self::List(words) => words,
            Self::Atom(_) | Self::Text(_) => &[],
        }
    }
}

/// One whole response: its line with every literal that belongs to it, without the last line break.
#[derive(Clone, PartialEq)]
pub(crate) struct Response(pub(crate) Vec<u8>);

impl Response {
    /// Reads one; the end of the stream is an error.
    pub(crate) fn read(reader: &mut impl BufRead) -> io::Result<Self> {
        let mut bytes = Vec::new();
        loop {
            reader.read_until(b'\n', &mut bytes)?;
            if !bytes.ends_with(b"\n") {
                return Err(io::Error::new(
                    io::ErrorKind::UnexpectedEof,
                    "the server closed the connection",
                ));
            }
            let Some(size) = announced_literal(&bytes) else {
                break;
            };
            let wanted = u64::try_from(size).unwrap();
            if reader.by_ref().take(wanted).read_to_end(&mut bytes)? < size {
                return Err(io::Error::new(
                    io::ErrorKind::UnexpectedEof,
                    "the server closed the connection in a literal",
                ));
            }
        }
        bytes.truncate(bytes.trim_ascii_end().len());
        Ok(Self(bytes))
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.0).into_owned()
    }

    /// The number and the words of a response such as `* 3 FETCH (...)`, if it is of that kind.
    pub(crate) fn numbered(&self, kind: &str) -> Option<(u32, Vec<Word>)> {
        let mut words = self.words().into_iter();
        let number = words.nth(1)?.number()?;
        words
            .next()
            .filter(|word| word.text().eq_ignore_ascii_case(kind))?;
        Some((number, words.collect()))
    }

    pub(crate) fn words(&self) -> Vec<Word> {
        Parser { rest: &self.0 }.words()
    }
}

impl std::fmt::Debug for Response {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(
            self.0
                .get(..400)
                .map(String::from_utf8_lossy)
                .unwrap_or_else(|| self.text().into())
                .as_ref(),
        )
    }
}

/// Flags as one comparable set: system flags spelt as the RFC does, and without `\Recent`, which is each session's own.
pub(crate) fn flags<'a>(names: impl IntoIterator<Item = &'a str>) -> BTreeSet<String> {
    let spell = |name: &str| {
        SYSTEM_FLAGS
            .iter()
            .find(|flag| flag.eq_ignore_ascii_case(name))
            .map_or(name.to_owned(), |flag| (*flag).to_owned())
    };
    names
        .into_iter()
        .filter(|name| !name.eq_ignore_ascii_case("\\Recent"))
        .map(spell)
        .collect()
}

const SYSTEM_FLAGS: [&str; 5] = ["\\Answered", "\\Deleted", "\\Draft", "\\Flagged", "\\Seen"];

/// The size in `{size}` at the end of the line just read.
fn announced_literal(bytes: &[u8]) -> Option<usize> {
    let line = bytes.strip_suffix(b"\r\n")?.strip_suffix(b"}")?;
    let start = line.iter().rposition(|byte| *byte == b'{')?;
    std::str::from_utf8(&line[start + 1..]).ok()?.parse().ok()
}

struct Parser<'a> {
    rest: &'a [u8],
}

impl Parser<'_> {
    /// Words up to the closing parenthesis, or to the end.
    fn words(&mut self) -> Vec<Word> {
        let mut words = Vec::new();
        while let Some((first, rest)) = self.rest.split_first() {
            match first {
                b' ' => self.rest = rest,
                b')' => {
                    self.rest = rest;
                    break;
                }
                b'(' => {
                    self.rest = rest;
                    let list = self.words();
                    words.push(Word::List(list));
                }
                b'"' => {
                    self.rest = rest;
                    words.push(self.quoted());
                }
                b'{' => words.push(self.literal()),
                _ => words.push(self.atom()),
            }
        }
        words
    }

    fn quoted(&mut self) -> Word {
        let mut text = Vec::new();
        let mut bytes = self.rest.iter();
        while let Some(byte) = bytes.next() {
            match byte {
                b'"' => break,
                b'\\' => text.extend(bytes.next()),
                _ => text.push(*byte),
            }
        }
        self.rest = bytes.as_slice();
        Word::Text(text)
    }

    fn literal(&mut self) -> Word {
        let end = self
            .rest
            .iter()
            .position(|byte| *byte == b'\n')
            .map_or(self.rest.len(), |end| end + 1);
        let (head, rest) = self.rest.split_at(end);
        let Some(size) = announced_literal(head) else {
            return self.atom();
        };
        let (text, rest) = rest.split_at(size.min(rest.len()));
        self.rest = rest;
        Word::Text(text.to_vec())
    }

    /// An atom; blanks and parentheses between brackets are part of it, as in `BODY[HEADER.FIELDS (DATE)]`.
    fn atom(&mut self) -> Word {
        let mut bracketed = false;
        let end = self.rest.iter().position(|byte| {
            bracketed = match byte {
                b'[' => true,
                b']' => false,
                _ => bracketed,
            };
            !bracketed && matches!(byte, b' ' | b'(' | b')' | b'"')
        });
        let (atom, rest) = self.rest.split_at(end.unwrap_or(self.rest.len()).max(1));
        self.rest = rest;
        Word::Atom(String::from_utf8_lossy(atom).into_owned())
    }
}

#[test]
fn a_response_is_read_whole_and_taken_apart() {
    let mut wire: &[u8] = b"* 3 FETCH (FLAGS (\\seen X) BODY[HEADER.FIELDS (A B)] {5}\r\na)\r\nb ENVELOPE (NIL \"q\\\"\"))\r\n* OK\r\n";
    let response = Response::read(&mut wire).unwrap();
    let (seq, words) = response.numbered("fetch").unwrap();
    let fetched = words[0].list();
    assert_eq!(seq, 3);
    assert_eq!(fetched[2], Word::Atom("BODY[HEADER.FIELDS (A B)]".into()));
    assert_eq!(fetched[3].bytes(), b"a)\r\nb");
    assert_eq!(fetched[5].list()[1].text(), "q\"");
    assert_eq!(wire, b"* OK\r\n");
}
