//! Strings: how octets are put between quotes, into an atom or into a literal, and how they come back.

use std::fmt;

use crate::protocol::parse::push_number;

/// A string that may be absent: `NIL` on the wire.
pub type NString = Option<Vec<u8>>;

/// Whether a backslash inside quotes is an escape.
///
/// IMAP2 has none: a quote ends the string, always. Rows `1064-LEX-NOESCAPE`, `IMAP4-LEX-ESCAPE`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quoting {
    /// RFC 1064, RFC 1176, IMAP2bis: a backslash is a backslash.
    Plain,
    /// IMAP4 on: `\"` and `\\`.
    Escaped,
}

/// How a string goes on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StringForm {
    Atom,
    Quoted,
    Literal,
}

/// The form a client sends to a server: an atom if it can be, quotes if need be, else a literal.
///
/// Quotes never hold `"`, `\`, CR, LF, NUL or 8-bit octets; below IMAP4 neither `%` nor `{`. Row `1064-LEX-QUOTED`.
pub(crate) fn form_for_server(octets: &[u8], quoting: Quoting) -> StringForm {
    let quotable = |byte: u8| {
        is_quotable(byte) || (quoting == Quoting::Escaped && matches!(byte, b'%' | b'{'))
    };
    if !octets.iter().copied().all(quotable) {
        StringForm::Literal
    } else if !octets.is_empty()
        && octets.iter().copied().all(is_safe_atom_char)
        && !octets.eq_ignore_ascii_case(b"NIL")
    {
        StringForm::Atom
    } else {
        StringForm::Quoted
    }
}

/// Octets that stand between quotes in every dialect.
fn is_quotable(byte: u8) -> bool {
    !matches!(
        byte,
        0 | b'\r' | b'\n' | b'"' | b'%' | b'\\' | b'{' | 0x80..
    )
}

fn is_safe_atom_char(byte: u8) -> bool {
    byte.is_ascii_graphic() && is_quotable(byte) && !matches!(byte, b'(' | b')' | b'*')
}

/// Appends a string for a client: quoted, or as a literal where quotes cannot hold it.
///
/// Old clients know no escapes, so none is ever sent. Rows `CCLIENT-LITERAL`, `1064-LEX-8BIT`.
pub(crate) fn push_string(out: &mut Vec<u8>, octets: &[u8]) {
    // No early end: the whole string is looked at several octets at a time.
    if octets
        .iter()
        .fold(true, |all, &byte| all & is_quotable(byte))
    {
        out.push(b'"');
        out.extend_from_slice(octets);
        out.push(b'"');
    } else {
        push_literal(out, octets);
    }
}

/// Appends `NIL` or a string for a client.
pub(crate) fn push_nstring(out: &mut Vec<u8>, octets: Option<&[u8]>) {
    match octets {
        Some(octets) => push_string(out, octets),
        None => out.extend_from_slice(b"NIL"),
    }
}

/// Appends a literal: the count in braces, CRLF, the octets.
pub(crate) fn push_literal(out: &mut Vec<u8>, octets: &[u8]) {
    push_literal_header(out, octets.len());
    out.extend_from_slice(octets);
}

/// Appends `{count}` and CRLF.
pub(crate) fn push_literal_header(out: &mut Vec<u8>, count: usize) {
    out.push(b'{');
    push_number(out, u64::try_from(count).unwrap_or(u64::MAX));
    out.extend_from_slice(b"}\r\n");
}

/// Writes octets for people: printable ASCII as it is, a backslash doubled, everything else as `\xNN`.
pub(crate) fn write_escaped(f: &mut fmt::Formatter<'_>, octets: &[u8]) -> fmt::Result {
    for &byte in octets {
        match byte {
            b'\\' => f.write_str("\\\\")?,
            b' '..=b'~' => fmt::Write::write_char(f, char::from(byte))?,
            _ => write!(f, "\\x{byte:02x}")?,
        }
    }
    Ok(())
}

/// A password on its way to or from the wire. `Debug` shows nothing of it.
#[derive(Clone, PartialEq, Eq)]
pub struct Password(Vec<u8>);

impl Password {
    /// Wraps the octets.
    #[must_use]
    pub fn new(octets: Vec<u8>) -> Self {
        Self(octets)
    }

    /// The octets, for the one who compares or sends them.
    #[must_use]
    pub fn expose(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn row_1064_lex_quoted_form_for_a_server() {
        for (octets, form) in [
            (&b"ada"[..], StringForm::Atom),
            (b"a]b", StringForm::Atom),
            (b"", StringForm::Quoted),
            (b"nil", StringForm::Quoted),
            (b"low tide", StringForm::Quoted),
            (b"a(b", StringForm::Quoted),
            (b"*", StringForm::Quoted),
            (b"tab\there", StringForm::Quoted),
            (b"ada.l\"lo", StringForm::Literal),
            (b"s\\p", StringForm::Literal),
            (b"100%", StringForm::Literal),
            (b"{5}", StringForm::Literal),
            (b"a\r\nb", StringForm::Literal),
            (b"caf\xe9", StringForm::Literal),
        ] {
            assert_eq!(
                form_for_server(octets, Quoting::Plain),
                form,
                "{:?}",
                String::from_utf8_lossy(octets)
            );
        }
        assert_eq!(form_for_server(b"%", Quoting::Escaped), StringForm::Quoted);
        assert_eq!(
            form_for_server(b"a\\b", Quoting::Escaped),
            StringForm::Literal
        );
    }

    #[test]
    fn row_cclient_literal_strings_for_a_client() {
        for (octets, wire) in [
            (&b"plain"[..], &b"\"plain\""[..]),
            (b"", b"\"\""),
            (b"say \"hi\"", b"{8}\r\nsay \"hi\""),
            (b"C:\\dir", b"{6}\r\nC:\\dir"),
            (b"50% off", b"{7}\r\n50% off"),
            (b"\xe9", b"{1}\r\n\xe9"),
        ] {
            let mut out = Vec::new();
            push_string(&mut out, octets);
            assert_eq!(out, wire);
        }
    }

    #[test]
    fn a_password_does_not_show() {
        assert_eq!(
            format!("{:?}", Password::new(b"low-water".to_vec())),
            "Password(..)"
        );
    }
}
