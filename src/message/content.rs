//! Content-Type and Content-Transfer-Encoding.

use super::lex::{comment, push_unescaped, quoted, take_while};
use crate::protocol::types::Body;

/// A media type with its parameters. Types, subtypes and parameters' names are in upper case, values as they were.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ContentType {
    pub(super) media_type: Vec<u8>,
    pub(super) subtype: Vec<u8>,
    pub(super) params: Vec<(Vec<u8>, Vec<u8>)>,
}

impl ContentType {
    /// The type of what has none, or none that can be read.
    pub(super) fn text_plain() -> Self {
        Self::new(b"TEXT", b"PLAIN")
    }

    /// The type of a digest's part that has none.
    pub(super) fn message() -> Self {
        Self::new(b"MESSAGE", b"RFC822")
    }

    fn new(media_type: &[u8], subtype: &[u8]) -> Self {
        Self {
            media_type: media_type.to_vec(),
            subtype: subtype.to_vec(),
            params: Vec::new(),
        }
    }

    /// Reads `type "/" subtype *(";" name "=" value)`; a value ends at white space or a semicolon.
    ///
    /// `None` if it does not begin with a type. A missing subtype is supplied, junk before a semicolon skipped.
    pub(super) fn read(value: &[u8]) -> Option<Self> {
        let mut rest = value;
        let media_type = token(&mut rest)?.to_ascii_uppercase();
        let subtype = eat(&mut rest, b'/').then(|| token(&mut rest)).flatten();
        let subtype = match subtype {
            Some(subtype) => subtype.to_ascii_uppercase(),
            None => usual_subtype(&media_type).to_vec(),
        };
        let mut content = Self {
            media_type,
            subtype,
            params: Vec::new(),
        };
        while next_param(&mut rest) && content.params.len() < Body::MAX_PARTS {
            content.params.extend(param(&mut rest));
        }
        Some(content)
    }

    /// The first parameter of this name, which is given in upper case.
    pub(super) fn param(&self, name: &[u8]) -> Option<&[u8]> {
        let (_, value) = self.params.iter().find(|(found, _)| found == name)?;
        Some(value)
    }

    pub(super) fn is_text(&self) -> bool {
        self.media_type == b"TEXT"
    }

    pub(super) fn is_multipart(&self) -> bool {
        self.media_type == b"MULTIPART"
    }

    pub(super) fn is_digest(&self) -> bool {
        self.is_multipart() && self.subtype == b"DIGEST"
    }

    pub(super) fn is_message(&self) -> bool {
        self.media_type == b"MESSAGE" && self.subtype == b"RFC822"
    }
}

/// Reads a Content-Transfer-Encoding in upper case; `7BIT` if there is none.
pub(super) fn transfer_encoding(value: Option<&[u8]>) -> Vec<u8> {
    let mut rest = value.unwrap_or_default();
    skip_blanks(&mut rest);
    if rest.first() == Some(&b'"') {
        rest = rest.get(1..).unwrap_or_default();
    }
    token(&mut rest).unwrap_or(b"7BIT").to_ascii_uppercase()
}

fn usual_subtype(media_type: &[u8]) -> &'static [u8] {
    match media_type {
        b"TEXT" => b"PLAIN",
        b"MULTIPART" => b"MIXED",
        b"MESSAGE" => b"RFC822",
        b"APPLICATION" => b"OCTET-STREAM",
        _ => b"UNKNOWN",
    }
}

/// Passes everything up to the next semicolon, and that; `false` at the end.
fn next_param(rest: &mut &[u8]) -> bool {
    loop {
        take_while(rest, |byte| !matches!(byte, b';' | b'"' | b'('));
        match pop(rest) {
            None => return false,
            Some(b';') => return true,
            Some(b'"') => {
                quoted(rest);
            }
            Some(_) => {
                comment(rest);
            }
        }
    }
}

/// `name "=" value`; `None` without a name or without a value, as at Dovecot.
fn param(rest: &mut &[u8]) -> Option<(Vec<u8>, Vec<u8>)> {
    let name = token(rest)?.to_ascii_uppercase();
    if !eat(rest, b'=') {
        return None;
    }
    skip_blanks(rest);
    let mut value = Vec::new();
    if rest.first() == Some(&b'"') {
        pop(rest);
        push_unescaped(&mut value, quoted(rest));
        return Some((name, value));
    }
    value.extend_from_slice(take_while(rest, |byte| {
        !matches!(byte, 0 | b' ' | b'\t' | b'\r' | b'\n' | b';' | b'(' | b'"')
    }));
    (!value.is_empty()).then_some((name, value))
}

/// A token behind white space and comments.
fn token<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    skip_blanks(rest);
    let token = take_while(rest, is_token);
    (!token.is_empty()).then_some(token)
}

fn eat(rest: &mut &[u8], wanted: u8) -> bool {
    skip_blanks(rest);
    let found = rest.first() == Some(&wanted);
    if found {
        pop(rest);
    }
    found
}

fn skip_blanks(rest: &mut &[u8]) {
    loop {
        *rest = rest.trim_ascii_start();
        if rest.first() != Some(&b'(') {
            return;
        }
        pop(rest);
        comment(rest);
    }
}

fn pop(rest: &mut &[u8]) -> Option<u8> {
    let (&first, behind) = rest.split_first()?;
    *rest = behind;
    Some(first)
}

/// RFC 2045 `token`.
fn is_token(byte: u8) -> bool {
    byte.is_ascii_graphic()
        && !matches!(
            byte,
            b'(' | b')'
                | b'<'
                | b'>'
                | b'@'
                | b','
                | b';'
                | b':'
                | b'\\'
                | b'"'
                | b'/'
                | b'['
                | b']'
                | b'?'
                | b'='
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(value: &str, expected: &str) {
        let found = ContentType::read(value.as_bytes()).map_or_else(
            || "none".to_owned(),
            |content| {
                let mut text = [content.media_type, content.subtype].join(&b'/');
                for (name, value) in content.params {
                    text.extend([b";", &name[..], b"=", &value].concat());
                }
                text.escape_ascii().to_string()
            },
        );
        assert_eq!(found, expected, "{value}");
    }

    #[test]
    fn content_types_as_they_should_be() {
        check(" text/plain", "TEXT/PLAIN");
        check("Text/Html; Charset=\"UTF-8\"", "TEXT/HTML;CHARSET=UTF-8");
        check("a/b;c=d;e=f;", "A/B;C=d;E=f");
        check(
            "text/plain\r\n ; charset=\r\n\tutf-8",
            "TEXT/PLAIN;CHARSET=utf-8",
        );
        check(
            "text/plain (c); (d) charset (e) = (f) utf-8 (g)",
            "TEXT/PLAIN;CHARSET=utf-8",
        );
        check("a/b; name=\"x;y\\\"z\"; n=1", "A/B;NAME=x;y\\\"z;N=1");
        check("a/b; name=\"\"", "A/B;NAME=");
        check("a/b; name*0=x; name*1=y", "A/B;NAME*0=x;NAME*1=y");
    }

    #[test]
    fn content_types_as_they_are_written() {
        check("text", "TEXT/PLAIN");
        check("multipart/; boundary=b", "MULTIPART/MIXED;BOUNDARY=b");
        check("application", "APPLICATION/OCTET-STREAM");
        check("message", "MESSAGE/RFC822");
        check("font", "FONT/UNKNOWN");
        check("text/plain charset=utf-8", "TEXT/PLAIN");
        check("text/plain, x; charset=utf-8", "TEXT/PLAIN;CHARSET=utf-8");
        check("a/b; c; d=; =e; f=g", "A/B;F=g");
        check("a/b; c=d;; e=f", "A/B;C=d;E=f");
        check("a/b; name=My File.pdf; c=d", "A/B;NAME=My;C=d");
        check("a/b; name=caf\u{e9}.txt", "A/B;NAME=caf\\xc3\\xa9.txt");
        check("a/b; name==?utf-8?Q?a?=", "A/B;NAME==?utf-8?Q?a?=");
        check("a/b; c=\"never closed", "A/B;C=never closed");
        check("a/b; (never closed; c=d", "A/B");
        for nothing in [
            "",
            " ",
            "/plain",
            ";charset=x",
            "\"text\"/\"plain\"",
            "(text/plain)",
            "\u{e9}/x",
        ] {
            check(nothing, "none");
        }
    }

    #[test]
    fn transfer_encodings() {
        for (value, expected) in [
            (None, "7BIT"),
            (Some(""), "7BIT"),
            (Some(" base64\r\n"), "BASE64"),
            (Some(" (c) Base64 (d)"), "BASE64"),
            (Some("\"base64\""), "BASE64"),
            (Some("quoted-printable; x"), "QUOTED-PRINTABLE"),
            (Some("x-foo"), "X-FOO"),
            (Some("=?x?="), "7BIT"),
        ] {
            assert_eq!(
                transfer_encoding(value.map(str::as_bytes)),
                expected.as_bytes(),
                "{value:?}"
            );
        }
    }
}
