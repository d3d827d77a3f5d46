//! Writing one message: header fields in order, then a body, then MIME parts within parts.

use super::super::random::Random;

/// A message in the making. Field values and bodies are taken as they are, wrong or right.
#[derive(Clone)]
pub(super) struct Letter {
    fields: Vec<(String, Vec<u8>)>,
    body: Vec<u8>,
}

impl Letter {
    /// A letter with the usual fields and no body.
    pub(super) fn new(random: &mut Random) -> Self {
        let number = random.number();
        let sender = random.pick(&["ada", "grace", "mark", "klensin", "postel"]);
        Self {
            fields: Vec::new(),
            body: Vec::new(),
        }
        .field(
            "Received",
            format!("from relay.example by mail.example; id {number:016x}"),
        )
        .field(
            "Date",
            format!(
                "Wed, {} Jul 1996 02:23:{:02} -0700",
                random.below(31) + 1,
                random.below(60)
            ),
        )
        .field("From", format!("{sender}@example.org"))
        .field("To", "imap@example.net")
        .field("Subject", format!("letter {:05}", number % 100_000))
        .field("Message-ID", format!("<{number:x}.{sender}@example.org>"))
    }

    /// No field at all.
    pub(super) fn blank() -> Self {
        Self {
            fields: Vec::new(),
            body: Vec::new(),
        }
    }

    /// Sets the field in its place, or adds it at the end.
    pub(super) fn field(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        let value = value.as_ref().to_vec();
        match self.fields.iter_mut().find(|(known, _)| known == name) {
            Some(field) => field.1 = value,
            None => self.fields.push((name.to_owned(), value)),
        }
        self
    }

    pub(super) fn without(mut self, name: &str) -> Self {
        self.fields.retain(|(known, _)| known != name);
        self
    }

    pub(super) fn body(mut self, body: impl AsRef<[u8]>) -> Self {
        self.body = body.as_ref().to_vec();
        self
    }

    /// A body of one part.
    pub(super) fn part(self, kind: &str, encoding: &str, body: impl AsRef<[u8]>) -> Self {
        let letter = self
            .field("MIME-Version", "1.0")
            .field("Content-Type", kind);
        letter
            .field("Content-Transfer-Encoding", encoding)
            .body(body)
    }

    /// A body of several parts, each written like a letter.
    pub(super) fn parts(self, kind: &str, boundary: &str, parts: &[Self]) -> Self {
        let mut body = b"This text is for readers without MIME.\r\n".to_vec();
        for part in parts {
            body.extend(format!("\r\n--{boundary}\r\n").bytes());
            body.extend(part.clone().bytes());
        }
        body.extend(format!("\r\n--{boundary}--\r\n").bytes());
        let letter = self.field("MIME-Version", "1.0");
        letter
            .field(
                "Content-Type",
                format!("{kind};\r\n\tboundary=\"{boundary}\""),
            )
            .body(body)
    }

    /// Header, empty line, body.
    pub(super) fn bytes(self) -> Vec<u8> {
        let mut bytes = self.header();
        bytes.extend(b"\r\n");
        bytes.extend(self.body);
        bytes
    }

    /// The header without the empty line that should end it.
    pub(super) fn header(&self) -> Vec<u8> {
        self.fields
            .iter()
            .flat_map(|(name, value)| [name.as_bytes(), b": ", value, b"\r\n"].concat())
            .collect()
    }
}

/// Lines of words, about as many bytes as asked for and a line at least.
pub(super) fn prose(random: &mut Random, size: usize) -> Vec<u8> {
    let mut text = Vec::new();
    while text.is_empty() || text.len() < size {
        for _ in 0..=random.below(11) {
            text.extend(random.pick(WORDS).bytes());
            text.push(b' ');
        }
        text.extend(b"flows.\r\n");
    }
    text
}

/// What base64 of nothing in particular looks like.
pub(super) fn base64(random: &mut Random, size: usize) -> Vec<u8> {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = Vec::with_capacity(size);
    while text.len() < size {
        let mut number = random.number();
        for _ in 0..8 {
            text.push(DIGITS[usize::try_from(number & 63).unwrap()]);
            number >>= 8;
        }
        if text.len() % 78 >= 72 {
            text.extend(b"\r\n");
        }
    }
    text.extend(b"==\r\n");
    text
}

/// Any bytes but NUL, CR and LF, and now and then a whole line break.
pub(super) fn binary(random: &mut Random, size: usize) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(size);
    while bytes.len() < size {
        match u8::try_from(random.below(256)).unwrap() {
            0 | b'\r' | b'\n' => bytes.extend(b"\r\n"),
            byte => bytes.push(byte),
        }
    }
    bytes
}

const WORDS: &[&str] = &[
    "tide",
    "harbour",
    "mailbox",
    "letter",
    "the",
    "a",
    "and",
    "of",
    "sandbank",
    "between",
    "moon",
    "current",
    "reply",
    "we",
    "found",
    "rising",
    "slack",
    "anchor",
    "=3D",
    "(quietly)",
    "\"said\"",
    "100%",
    "{7}",
    "ebb",
];
