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
