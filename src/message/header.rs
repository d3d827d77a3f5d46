//! The header of a message: where it ends, and its fields.
//!
//! Lines end with LF, with or without a CR before it, so that messages from servers that keep bare LF read the same.

use memchr::{memchr, memchr2};

/// Splits a message behind the blank line that ends its header: the header has the blank line, the text has the rest.
///
/// Put together again the two are the message. The header ends at the first empty line, whatever stands before it: lines
/// that are no fields do not end it, nor does a line of white space. Without an empty line all is header. UW imapd and
/// Dovecot split at the same octet, but for a message that begins with its blank line, which UW imapd takes for
/// header altogether.
///
/// RFC 822 "message"; RFC 1176 RFC822.HEADER and RFC822.TEXT.
#[must_use]
pub fn split(message: &[u8]) -> (&[u8], &[u8]) {
    let mut lines = Lines(message);
    let _blank = lines.find(|line| is_blank(line));
    message.split_at(message.len().saturating_sub(lines.0.len()))
}

/// Returns the fields of a header in order, up to its blank line. What is no field is left out.
pub fn fields(header: &[u8]) -> impl Iterator<Item = Field<'_>> {
    LogicalLines(header).filter_map(Field::read)
}

/// Returns every value of a field in order; its name in any case.
pub fn values<'a>(header: &'a [u8], name: &[u8]) -> impl Iterator<Item = &'a [u8]> {
    fields(header)
        .filter(move |field| field.is(name))
        .map(|field| field.value)
}

/// Returns the first value of a field; its name in any case.
#[must_use]
pub fn first_value<'a>(header: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    values(header, name).next()
}

/// Unfolds a value as servers do for ENVELOPE: no line ends, tabs become spaces, no white space before it.
///
/// White space behind the value stays, as at UW imapd. NUL octets are left out: no IMAP string can hold them.
#[must_use]
pub fn unfold(value: &[u8]) -> Vec<u8> {
    let mut text = Vec::with_capacity(value.len());
    for &byte in value.trim_ascii_start() {
        match byte {
            b'\r' | b'\n' | 0 => {}
            b'\t' => text.push(b' '),
            _ => text.push(byte),
        }
    }
    text
}

/// One field of a header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field<'a> {
    /// What stands before the colon, without white space before the colon.
    pub name: &'a [u8],
    /// What stands behind the colon, folded as it was, without its last line end.
    pub value: &'a [u8],
    /// The whole field as it was, with its last line end.
    pub raw: &'a [u8],
}

impl<'a> Field<'a> {
    /// Whether the field has this name, in any case.
    #[must_use]
    pub fn is(&self, name: &[u8]) -> bool {
        self.name.eq_ignore_ascii_case(name)
    }

    fn read(raw: &'a [u8]) -> Option<Self> {
        if is_continuation(raw) {
            return None;
        }
        let (name, behind) = raw.split_at(memchr2(b':', b'\n', raw)?);
        let value = behind.strip_prefix(b":")?;
        let name = name.trim_ascii_end();
        (!name.is_empty()).then_some(Self {
            name,
            value: without_line_end(value),
            raw,
        })
    }
}

/// Lines together with those that continue them, up to the blank line; fields or not.
pub(super) struct LogicalLines<'a>(pub(super) &'a [u8]);

impl<'a> Iterator for LogicalLines<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let mut lines = Lines(self.0);
        if is_blank(lines.next()?) {
            self.0 = &[];
            return None;
        }
        while is_continuation(lines.0) {
            lines.next();
        }
        let (line, rest) = self.0.split_at(self.0.len().saturating_sub(lines.0.len()));
        self.0 = rest;
        Some(line)
    }
}

/// Lines with their ends.
pub(super) struct Lines<'a>(pub(super) &'a [u8]);

impl<'a> Iterator for Lines<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        if self.0.is_empty() {
            return None;
        }
        let end = memchr(b'\n', self.0).map_or(self.0.len(), |at| at.saturating_add(1));
        let (line, rest) = self.0.split_at(end);
        self.0 = rest;
        Some(line)
    }
}

/// Whether a line, given with its end, is empty.
pub(super) fn is_blank(line: &[u8]) -> bool {
    matches!(line, b"\r\n" | b"\n")
}

/// Takes the line end off, if there is one.
pub(super) fn without_line_end(line: &[u8]) -> &[u8] {
    match line.strip_suffix(b"\n") {
        Some(line) => line.strip_suffix(b"\r").unwrap_or(line),
        None => line,
    }
}

fn is_continuation(line: &[u8]) -> bool {
    matches!(line.first(), Some(b' ' | b'\t'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_split_behind_its_first_empty_line() {
        for (message, header_size) in [
            (&b"A: b\r\n\r\ntext\r\n"[..], 8),
            (b"A: b\n\ntext\n", 6),
            (b"A: b\r\n\ntext", 7),
            (b"A: b\n\r\ntext", 7),
            (b"A: b\r\n\r\n", 8),
            (b"A: b\r\n\r\n\r\ntext", 8),
            (b"A: b\r\n", 6),
            (b"A: b", 4),
            (b"", 0),
            (b"\r\ntext without a header\r\n", 2),
            (b"\ntext", 1),
            (b"no header at all\r\nbut two lines", 31),
            (b"no field\r\nA: b\r\n\r\ntext", 18),
            (b"From ada Mon Mar  4\nA: b\n\ntext", 26),
            (b"A: b\r\n \r\nC: d\r\n\r\ntext", 17),
            (b"A: b\r\n\t\n\ntext", 9),
            (b"A: b\r\r\n\r\ntext", 9),
            (b"A: b\r\r\rtext", 11),
            (b"\r", 1),
            (b"A: \0\r\n\r\n\0", 8),
        ] {
            let (header, text) = split(message);
            assert_eq!(header.len(), header_size, "{}", message.escape_ascii());
            assert_eq!([header, text].concat(), message);
        }
    }

    #[test]
    fn fields_are_found_as_they_are() {
        let header = b" lead\r\nFrom ada Mon\r\nA: b\r\n c\r\n\td\r\nsubject \t:x\r\nno field\r\n more: y\r\n: empty\r\nE:\r\nF: g";
        let found: Vec<_> = fields(header).collect();
        let field = |name, value, raw| Field { name, value, raw };
        assert_eq!(
            found,
            [
                field(
                    &b"A"[..],
                    &b" b\r\n c\r\n\td"[..],
                    &b"A: b\r\n c\r\n\td\r\n"[..]
                ),
                field(b"subject", b"x", b"subject \t:x\r\n"),
                field(b"E", b"", b"E:\r\n"),
                field(b"F", b" g", b"F: g"),
            ]
        );
    }

    #[test]
    fn fields_end_at_the_blank_line() {
        assert_eq!(fields(b"A: b\n\nC: d\n").count(), 1);
        assert_eq!(fields(b"\r\nC: d\r\n").count(), 0);
    }

    #[test]
    fn values_are_found_in_any_case_and_in_order() {
        let header = b"To: a\nCC: x\nTO : b\n\nto: c\n";
        assert_eq!(first_value(header, b"to"), Some(&b" a"[..]));
        assert_eq!(
            values(header, b"tO").collect::<Vec<_>>(),
            [&b" a"[..], b" b"]
        );
        assert_eq!(first_value(header, b"bcc"), None);
    }

    #[test]
    fn unfolding_takes_line_ends_and_leading_space_only() {
        for (value, text) in [
            (&b" one\r\n two"[..], &b"one two"[..]),
            (b" one\n\ttwo", b"one two"),
            (b"\r\n <m@x>", b"<m@x>"),
            (b" a\tb  ", b"a b  "),
            (b" three  \r\n   four", b"three     four"),
            (b" caf\xe9\0!", b"caf\xe9!"),
            (b" \r\n ", b""),
            (b"", b""),
        ] {
            assert_eq!(unfold(value), text, "{}", value.escape_ascii());
        }
    }
}
