//! What RFC 822 and MIME field values share: quoted strings, comments, escapes.

use memchr::{memchr2, memchr3};

/// Passes a quoted string behind its opening quote; without a closing one it reaches to the end.
pub(super) fn quoted<'a>(rest: &mut &'a [u8]) -> &'a [u8] {
    let text = *rest;
    let mut at = 0_usize;
    while let Some(step) = text.get(at..).and_then(|left| memchr2(b'"', b'\\', left)) {
        let found = at.saturating_add(step);
        if text.get(found) == Some(&b'"') {
            let (inside, behind) = text.split_at(found);
            *rest = behind.get(1..).unwrap_or_default();
            return inside;
        }
        at = found.saturating_add(2);
    }
    *rest = &[];
    text
}

/// Passes a comment behind its opening parenthesis, with the comments in it; `None` if it is never closed.
pub(super) fn comment<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let text = *rest;
    let mut at = 0_usize;
    let mut open = 1_usize;
    while let Some(step) = text
        .get(at..)
        .and_then(|left| memchr3(b'(', b')', b'\\', left))
    {
        let found = at.saturating_add(step);
        at = found.saturating_add(1);
        match text.get(found) {
            Some(b'(') => open = open.saturating_add(1),
            Some(b')') => open = open.saturating_sub(1),
            _ => at = at.saturating_add(1),
        }
        if open == 0 {
            *rest = text.get(at..).unwrap_or_default();
            return text.get(..found);
        }
    }
    *rest = &[];
    None
}

/// Appends text without its escapes, its folding and NUL.
pub(super) fn push_unescaped(out: &mut Vec<u8>, text: &[u8]) {
    let mut bytes = text.iter().copied();
    while let Some(byte) = bytes.next() {
        match byte {
            b'\\' => out.extend(
                bytes
                    .next()
                    .filter(|next| !matches!(next, 0 | b'\r' | b'\n')),
            ),
            b'\r' | b'\n' | 0 => {}
            b'\t' => out.push(b' '),
            _ => out.push(byte),
        }
    }
}

/// Passes octets for as long as they are wanted.
pub(super) fn take_while<'a>(rest: &mut &'a [u8], wanted: impl Fn(u8) -> bool) -> &'a [u8] {
    let end = rest
        .iter()
        .position(|&byte| !wanted(byte))
        .unwrap_or(rest.len());
    let (taken, behind) = rest.split_at(end);
    *rest = behind;
    taken
}
