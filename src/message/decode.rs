//! Transfer encodings and charsets, undone for reading and searching only.
//!
//! Every decoder takes whatever it is given, skips what makes no sense, and writes at most three octets for one.

use std::borrow::Cow;

use encoding_rs::{Encoding, UTF_8, WINDOWS_1252};
use mail_parser::decoders::charsets::map::charset_decoder;

/// Undoes base64; octets outside its alphabet are passed over, and text may follow the padding.
pub(super) fn base64(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut group = 0_u32;
    let mut digits = 0_u32;
    for &byte in text {
        if let Some(digit) = base64_digit(byte) {
            group = group << 6 | u32::from(digit);
            digits = digits.saturating_add(1);
        }
        if digits == 4 || byte == b'=' {
            push_group(&mut out, group, digits);
            (group, digits) = (0, 0);
        }
    }
    push_group(&mut out, group, digits);
    out
}

/// Up to four digits of six bits are up to three octets; bits left over are dropped.
fn push_group(out: &mut Vec<u8>, group: u32, digits: u32) {
    let shift = 24_u32.saturating_sub(digits.saturating_mul(6));
    let [_, first, second, third] = (group << shift).to_be_bytes();
    match digits {
        4 => out.extend([first, second, third]),
        3 => out.extend([first, second]),
        2 => out.push(first),
        _ => {}
    }
}

fn base64_digit(byte: u8) -> Option<u8> {
    Some(match byte {
        b'A'..=b'Z' => byte.saturating_sub(b'A'),
        b'a'..=b'z' => byte.saturating_sub(b'a').saturating_add(26),
        b'0'..=b'9' => byte.saturating_sub(b'0').saturating_add(52),
        b'+' => 62,
        b'/' => 63,
        _ => return None,
    })
}

/// Undoes quoted-printable; an equals sign that begins no code stays.
pub(super) fn quoted_printable(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = memchr::memchr(b'=', rest) {
        let (plain, code) = rest.split_at(at);
        out.extend_from_slice(plain);
        rest = match code {
            [_, high, low, behind @ ..] if is_hex(*high, *low) => {
                out.push(hex(*high) << 4 | hex(*low));
                behind
            }
            [_, b'\r', b'\n', behind @ ..] | [_, b'\n', behind @ ..] => behind,
            [_, behind @ ..] => {
                out.push(b'=');
                behind
            }
            [] => &[],
        };
    }
    out.extend_from_slice(rest);
    out
}

fn is_hex(high: u8, low: u8) -> bool {
    high.is_ascii_hexdigit() && low.is_ascii_hexdigit()
}

fn hex(digit: u8) -> u8 {
    let lower = digit.to_ascii_lowercase();
    match lower {
        b'a'..=b'f' => lower.saturating_sub(b'a').saturating_add(10),
        _ => lower.saturating_sub(b'0'),
    }
}

/// Reads octets in a charset.
///
/// Without a charset, in US-ASCII and in an unknown one they are UTF-8 if they can be, else windows-1252.
pub(super) fn charset<'a>(octets: &'a [u8], label: &[u8]) -> Cow<'a, str> {
    let label = label.trim_ascii();
    if label.eq_ignore_ascii_case(b"us-ascii") {
        return guess(octets);
    }
    if let Some(encoding) = Encoding::for_label(label) {
        return encoding.decode(octets).0;
    }
    match charset_decoder(label) {
        Some(decode) => Cow::Owned(decode(octets)),
        None => guess(octets),
    }
}

/// Reads octets of which no charset is known.
pub(super) fn guess(octets: &[u8]) -> Cow<'_, str> {
    match std::str::from_utf8(octets) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => WINDOWS_1252.decode_without_bom_handling(octets).0,
    }
}

/// Whether ASCII text in this charset is the same octets as in ASCII.
pub(super) fn is_ascii_compatible(label: &[u8]) -> bool {
    Encoding::for_label(label.trim_ascii())
        .unwrap_or(UTF_8)
        .is_ascii_compatible()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_undone_as_far_as_it_makes_sense() {
        for (text, octets) in [
            (&b""[..], &b""[..]),
            (b"aGVsbG8=", b"hello"),
            (b"aGVs\r\nbG8", b"hello"),
            (b"aGVsbG8==", b"hello"),
            (b"aGVs*bG8h", b"hello!"),
            (b"aGk=aGk=", b"hihi"),
            (b"a", b""),
            (b"+/+/", b"\xfb\xff\xbf"),
            (b"====", b""),
        ] {
            assert_eq!(base64(text), octets, "{}", text.escape_ascii());
        }
    }

    #[test]
    fn quoted_printable_is_undone_as_far_as_it_makes_sense() {
        for (text, octets) in [
            (&b"plain"[..], &b"plain"[..]),
            (b"caf=C3=a9", b"caf\xc3\xa9"),
            (b"soft=\r\nbreak=\nhere", b"softbreakhere"),
            (b"1 = 2 =", b"1 = 2 ="),
            (b"=4", b"=4"),
            (b"=G1=\xe9", b"=G1=\xe9"),
            (b"==41", b"=A"),
        ] {
            assert_eq!(quoted_printable(text), octets, "{}", text.escape_ascii());
        }
    }

    #[test]
    fn charsets_are_read() {
        for (octets, label, text) in [
            (&b"caf\xe9"[..], "iso-8859-1", "caf\u{e9}"),
            (b"caf\xc3\xa9", "UTF-8", "caf\u{e9}"),
            (b"caf\xc3\xa9", "us-ascii", "caf\u{e9}"),
            (b"caf\xe9", "us-ascii", "caf\u{e9}"),
            (b"caf\xe9", "no-such-charset", "caf\u{e9}"),
            (b"caf\x82", "cp850", "caf\u{e9}"),
            (b"caf+AOk-", "utf-7", "caf\u{e9}"),
            (b"\x1b$B%3%s\x1b(B", "iso-2022-jp", "\u{30b3}\u{30f3}"),
            (b"\xe9\x00", "utf-16le", "\u{e9}"),
            (b"\xff\xfe", "utf-8", ""),
        ] {
            assert_eq!(charset(octets, label.as_bytes()), text, "{label}");
        }
    }
}
