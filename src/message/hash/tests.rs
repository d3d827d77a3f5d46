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
    assert_eq!(hash.as_str(), "");
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
        b"From: a@x.example\r\r\nSubject: tide\r\n\ttable\r\n",
    ] {
        assert_ne!(header_hash(header), header_hash(HEADER), "{}", header.escape_ascii());
    }
}
