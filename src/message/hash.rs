//! The header's hash: the strong half of how a message is recognised on a server that gives it no name.

use super::header::{Lines, LogicalLines, without_line_end};

/// Hashes a raw header. The value is kept on disk, so what goes into it never changes under one context:
///
/// 1. The input ends at the first empty line, which does not count; the header may come with or without it, or with the
///    message's text behind it.
/// 2. It is cut into logical lines: a line and the lines behind it that begin with a space or a tab. A logical line whose
///    name, which is what stands before the first line's first colon without white space at its end, is one of those
///    in `VOLATILE`, in any case, is left out. All else counts, in order, fields or not.
/// 3. Every line loses its LF and the one CR before it, if any, and gets CR LF; the last one too. Nothing else is changed:
///    not case, not white space, not folding.
/// 4. The octets go to BLAKE3 in its key derivation mode, with `CONTEXT` as the context string.
///
/// Upstream servers keep message state in the lines left out, and show them or not as they like.
#[must_use]
pub fn header_hash(header: &[u8]) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new_derive_key(CONTEXT);
    for line in LogicalLines(header).filter(|line| !is_volatile(line)) {
        for line in Lines(line) {
            if line.ends_with(b"\r\n") {
                hasher.update(line);
            } else {
                hasher.update(without_line_end(line)).update(b"\r\n");
            }
        }
    }
    hasher.finalize().into()
}

fn is_volatile(logical_line: &[u8]) -> bool {
    let mut parts = logical_line.splitn(2, |&byte| matches!(byte, b':' | b'\n'));
    let name = parts.next().unwrap_or_default().trim_ascii_end();
    VOLATILE
        .iter()
        .any(|volatile| volatile.eq_ignore_ascii_case(name))
}

const CONTEXT: &str = "lowtide message header hash, version 1";

const VOLATILE: [&[u8]; 7] = [
    b"Status",
    b"X-Status",
    b"X-Keywords",
    b"X-UID",
    b"X-IMAP",
    b"X-IMAPbase",
    b"Content-Length",
];

#[cfg(test)]
mod tests;
