//! Encoded words of header fields (RFC 2047), decoded for searching only.

use memchr::{memchr, memmem};

use super::decode::{base64, charset, guess, quoted_printable};
use super::header::unfold;

/// Unfolds and decodes a field's value.
///
/// White space between encoded words is dropped. Neighbours in one charset are decoded together, because many programs
/// cut characters in two. What is no encoded word is UTF-8 if it can be, else windows-1252.
pub(super) fn decode_words(value: &[u8]) -> String {
    let value = unfold(value);
    let mut decoder = Decoder::default();
    let mut rest = value.as_slice();
    while let Some(at) = memmem::find(rest, b"=?") {
        let (plain, behind) = rest.split_at(at);
        match Word::read(behind) {
            Some((word, behind)) => {
                decoder.plain(plain);
                decoder.word(&word);
                rest = behind;
            }
            None => {
                let (plain, behind) = rest.split_at(at.saturating_add(2));
                decoder.plain(plain);
                rest = behind;
            }
        }
    }
    decoder.plain(rest);
    decoder.flush();
    decoder.text
}

#[derive(Default)]
struct Decoder<'a> {
    text: String,
    /// The charset and the octets of the encoded words read last.
    label: &'a [u8],
    octets: Vec<u8>,
    after_word: bool,
}

impl<'a> Decoder<'a> {
    fn plain(&mut self, plain: &[u8]) {
        if plain.is_empty() || self.after_word && plain.trim_ascii().is_empty() {
            return;
        }
        self.flush();
        self.text.push_str(&guess(plain));
        self.after_word = false;
    }

    fn word(&mut self, word: &Word<'a>) {
        if !self.after_word || !self.label.eq_ignore_ascii_case(word.label) {
            self.flush();
        }
        self.label = word.label;
        self.octets.extend(word.octets());
        self.after_word = true;
    }

    fn flush(&mut self) {
        if !self.octets.is_empty() {
            self.text.push_str(&charset(&self.octets, self.label));
            self.octets.clear();
        }
    }
}

struct Word<'a> {
    label: &'a [u8],
    is_base64: bool,
    text: &'a [u8],
}

impl<'a> Word<'a> {
    /// `"=?" charset ["*" language] "?" ("B" / "Q") "?" text "?="`; spaces in the text are borne.
    fn read(octets: &'a [u8]) -> Option<(Self, &'a [u8])> {
        let (label, rest) = until_question_mark(octets.strip_prefix(b"=?")?)?;
        let (encoding, rest) = until_question_mark(rest)?;
        let (text, rest) = until_question_mark(rest)?;
        let rest = rest.strip_prefix(b"=")?;
        let is_base64 = encoding.eq_ignore_ascii_case(b"B");
        let is_word = is_base64 || encoding.eq_ignore_ascii_case(b"Q");
        let label = label.split(|&byte| byte == b'*').next()?;
        is_word.then_some((
            Self {
                label,
                is_base64,
                text,
            },
            rest,
        ))
    }

    fn octets(&self) -> Vec<u8> {
        if self.is_base64 {
            return base64(self.text);
        }
        let spaced: Vec<u8> = self
            .text
            .iter()
            .map(|&byte| if byte == b'_' { b' ' } else { byte })
            .collect();
        quoted_printable(&spaced)
    }
}

fn until_question_mark(octets: &[u8]) -> Option<(&[u8], &[u8])> {
    let (found, rest) = octets.split_at(memchr(b'?', octets)?);
    Some((found, rest.get(1..)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encoded_words_are_decoded() {
        for (value, text) in [
            (" plain text", "plain text"),
            ("=?iso-8859-1?Q?caf=E9_au?= lait", "caf\u{e9} au lait"),
            (
                "a =?utf-8?B?w6k=?= =?utf-8?q?=C3=A9?= b",
                "a \u{e9}\u{e9} b",
            ),
            ("=?utf-8?Q?=C3?=\r\n =?utf-8?Q?=A9?=", "\u{e9}"),
            ("=?utf-8?Q?a?= =?iso-8859-1?Q?=E9?=", "a\u{e9}"),
            ("=?utf-8*en?Q?a?=b", "ab"),
            ("=?utf-8?Q?with spaces?=", "with spaces"),
            ("=?utf-8?X?a?=", "=?utf-8?X?a?="),
            ("=?utf-8?Q?a", "=?utf-8?Q?a"),
            ("=?=?utf-8?Q?a?=", "=?a"),
            ("=?", "=?"),
            ("=?nonsense?Q?=E9?=", "\u{e9}"),
            ("caf\u{e9}\r\n folded", "caf\u{e9} folded"),
            ("", ""),
        ] {
            assert_eq!(decode_words(value.as_bytes()), text, "{value}");
        }
        assert_eq!(decode_words(b"caf\xe9"), "caf\u{e9}");
    }
}
