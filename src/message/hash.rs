//! The header's hash: the strong half of how a message is recognised on a server that gives it no name.

use memchr::memchr2;

use super::header::{Lines, LogicalLines, without_line_end};

/// Hashes a raw header. The value is kept on disk, so what goes into it never changes under one context:
///
/// 1. The input ends at the first empty line, which does not count; the header may come with or without it, or with the
///    message's text behind it.
/// 2. It is cut into logical lines: a line and the lines behind it that begin with a space or a tab. A logical line whose
///    name, which is what stands before the first line's first colon without white space at its end, is one of those
///    in `VOLATILE`, in any case, or one of those behind `RENAMED`, is left out. All else counts, in order, fields or not.
/// 3. Every line loses its LF and the one CR before it, if any, and gets CR LF; the last one too. Nothing else is changed:
///    not case, not white space, not folding.
/// 4. The octets go to BLAKE3 in its key derivation mode, with `CONTEXT` as the context string.
///
/// Upstream servers keep message state in the lines left out, and show them or not as they like.
#[must_use]
pub fn header_hash(header: &[u8]) -> [u8; 32] {
    blake3::derive_key(CONTEXT, &counted(header))
}

/// The octets that count, in one piece: many small updates cost as much as the hashing.
fn counted(header: &[u8]) -> Vec<u8> {
    let mut counted = Vec::with_capacity(header.len().min(FIRST_ROOM));
    for line in LogicalLines(header).filter(|line| !is_volatile(line)) {
        for line in Lines(line) {
            counted.extend_from_slice(without_line_end(line));
            counted.extend_from_slice(b"\r\n");
        }
    }
    counted
}

fn is_volatile(logical_line: &[u8]) -> bool {
    let end = memchr2(b':', b'\n', logical_line).unwrap_or(logical_line.len());
    let (name, _) = logical_line.split_at(end);
    let name = name.trim_ascii_end();
    let name = match name.split_at_checked(RENAMED.len()) {
        Some((prefix, original)) if prefix.eq_ignore_ascii_case(RENAMED) => original,
        _ => name,
    };
    VOLATILE
        .iter()
        .any(|volatile| volatile.eq_ignore_ascii_case(name))
}

const CONTEXT: &str = "lowtide message header hash, version 1";

/// More than most headers, so that a whole message handed in costs no more.
const FIRST_ROOM: usize = 8192;

/// UW imapd puts this before such a field when a message that has it is appended to a plain mailbox file.
const RENAMED: &[u8] = b"X-Original-";

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
mod tests {
    use super::*;

    const HEADER: &[u8] = b"From: a@x.example\r\nSubject: tide\r\n\ttable\r\n\r\n";

    #[test]
    fn the_hash_is_of_the_fields_with_crlf_and_nothing_else() {
        let counted = b"From: a@x.example\r\nSubject: tide\r\n\ttable\r\n";
        assert_eq!(header_hash(HEADER), blake3::derive_key(CONTEXT, counted));
    }

    #[test]
    fn the_hash_kept_on_disk_never_changes() {
        let hash = blake3::Hash::from(header_hash(HEADER)).to_hex();
        assert_eq!(
            hash.as_str(),
            "92bd5c88f8f6f2d2e01850359f7b8a29945e5040b5ed6781cfa5918fe2f5608a"
        );
    }

    #[test]
    fn what_servers_change_does_not_change_the_hash() {
        for header in [
            &b"From: a@x.example\r\nSubject: tide\r\n\ttable\r\n"[..],
            b"From: a@x.example\r\nSubject: tide\r\n\ttable",
            b"From: a@x.example\nSubject: tide\n\ttable\n\n",
            b"From: a@x.example\nSubject: tide\r\n\ttable\r\n\r\nthe text\r\n",
            b"Status: RO\r\nFrom: a@x.example\r\nX-Status: A\r\nX-UID: 7\r\nSubject: tide\r\n\ttable\r\nX-IMAP: 1 2\r\n\r\n",
            b"X-IMAPbase: 1 2\r\n  Harbour\r\nFrom: a@x.example\r\nSubject: tide\r\n\ttable\r\nContent-Length: 7\r\nx-keywords : \r\n\r\n",
            b"From: a@x.example\r\nSubject: tide\r\n\ttable\r\nSTATUS\r\n\r\n",
            b"X-Original-Status: RO\r\nx-original-X-UID: 7\r\nFrom: a@x.example\r\nSubject: tide\r\n\ttable\r\n\r\n",
        ] {
            assert_eq!(header_hash(header), header_hash(HEADER), "{}", header.escape_ascii());
        }
    }

    #[test]
    fn everything_else_changes_the_hash() {
        for header in [
            &b""[..],
            b"Subject: tide\r\n\ttable\r\nFrom: a@x.example\r\n",
            b"From: a@x.example\r\nSubject: tide\r\n table\r\n",
            b"From: a@x.example\r\nSubject: tide\r\n\ttable \r\n",
            b"from: a@x.example\r\nSubject: tide\r\n\ttable\r\n",
            b"From: a@x.example\r\nSubject: tide\r\n\ttable\r\nno field\r\n",
            b"From: a@x.example\r\nSubject: tide\r\n\ttable\r\nX-Status-2: A\r\n",
            b"X-Original-To: b@x.example\r\nFrom: a@x.example\r\nSubject: tide\r\n\ttable\r\n",
            b"From: a@x.example\r\r\nSubject: tide\r\n\ttable\r\n",
        ] {
            assert_ne!(
                header_hash(header),
                header_hash(HEADER),
                "{}",
                header.escape_ascii()
            );
        }
    }
}
