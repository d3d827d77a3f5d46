use super::*;

fn in_body(needle: &[u8], message: &Structure<'_>) -> bool {
    let mut search = TextSearch::default();
    search.add_body(Needle::new(needle));
    search.holds(message)
}

fn in_text(needle: &[u8], message: &Structure<'_>) -> bool {
    let mut search = TextSearch::default();
    search.add_text(Needle::new(needle));
    search.holds(message)
}

#[track_caller]
fn subject(value: &str, needle: &str, expected: bool) {
    let header = format!("From: a@x\r\nSubject: {value}\r\n\r\n");
    let found = Needle::new(needle.as_bytes()).in_field(header.as_bytes(), b"SUBJECT");
    assert_eq!(found, expected, "{needle} in {value}");
}

#[test]
fn fields_are_looked_through_as_written_and_as_meant() {
    subject("Low Water", "low w", true);
    subject("Low Water", "LOW W", true);
    subject("low water", "high", false);
    subject("low\r\n water", "low water", true);
    subject("=?utf-8?Q?Caf=C3=A9?=", "caf\u{e9}", true);
    subject("=?utf-8?Q?Caf=C3=A9?=", "CAF\u{c9}", true);
    subject("=?utf-8?Q?Caf=C3=A9?=", "=?UTF-8?q?caf", true);
    subject("=?utf-8?Q?low_?= =?utf-8?Q?water?=", "low water", true);
    subject(
        "=?iso-2022-jp?B?GyRCJTMlcxsoQg==?=",
        "\u{30b3}\u{30f3}",
        true,
    );
    subject("caf\u{e9}", "CAF\u{c9}", true);
    subject(
        "\u{39f}\u{394}\u{39f}\u{3a3}!",
        "\u{3bf}\u{3b4}\u{3bf}\u{3c3}",
        true,
    );
    subject("x", "a@x", false);
    subject("anything", "", true);
}

#[test]
fn only_the_named_field_counts_and_each_of_its_kind() {
    let header = b"To: ada@tide\nCc: bob@tide\ncc: cy@tide\n\nTo: dora@tide\n";
    for (name, needle, expected) in [
        (&b"to"[..], &b"ADA"[..], true),
        (b"to", b"bob", false),
        (b"cc", b"cy@", true),
        (b"to", b"dora", false),
        (b"bcc", b"", false),
        (b"cc", b"", true),
    ] {
        assert_eq!(Needle::new(needle).in_field(header, name), expected);
    }
}

#[test]
fn octets_that_are_no_utf_8_are_found_as_they_are() {
    let header = b"Subject: caf\xe9\n";
    assert!(Needle::new(b"CAF\xe9").in_field(header, b"subject"));
    assert!(Needle::new("CAF\u{c9}".as_bytes()).in_field(header, b"subject"));
    assert!(!Needle::new(b"caf\xe8").in_field(header, b"subject"));
}

const MIXED: &str = "Subject: =?utf-8?Q?=C3=A9t=C3=A9?=\nContent-Type: multipart/mixed; boundary=b\n\n\
    --b\nContent-Type: text/plain; charset=iso-8859-1\nContent-Transfer-Encoding: quoted-printable\n\n\
    Un caf=E9 bien chaud, s'il vous pl=\na=EEt\n\
    --b\nContent-Type: text/html; charset=utf-8\nContent-Transfer-Encoding: base64\n\nPGI+SGFyYm91cjwv\nYj4=\n\
    --b\nContent-Type: application/x\nContent-Transfer-Encoding: base64\n\naGlkZGVuIHdvcmRz\n\
    --b\nContent-Type: text/plain; charset=iso-2022-jp\n\n\x1b$B%3%s\x1b(B\n\
    --b\nContent-Type: message/rfc822\n\nSubject: =?utf-8?B?UGlsb3Rz?=\n\nplain inner text\n--b--\n";

#[test]
fn bodies_are_looked_through_as_written_and_as_meant() {
    let message = Structure::of(MIXED.as_bytes());
    let mut all = TextSearch::default();
    for (needle, is_in_body, is_in_text) in [
        ("caf=e9", true, true),
        ("CAF\u{c9} BIEN", true, true),
        ("vous pla\u{ee}t", true, true),
        ("harbour", true, true),
        ("hidden words", false, false),
        ("%3%s", true, true),
        ("\u{30b3}\u{30f3}", true, true),
        ("pilots", true, true),
        ("INNER TEXT", true, true),
        ("\u{e9}t\u{e9}", false, true),
        ("subject", true, true),
        ("=?utf-8?q?=c3", false, true),
        ("nowhere", false, false),
        ("", true, true),
    ] {
        let octets = needle.as_bytes();
        assert_eq!(in_body(octets, &message), is_in_body, "BODY {needle}");
        assert_eq!(in_text(octets, &message), is_in_text, "TEXT {needle}");
        if is_in_body {
            all.add_body(Needle::new(octets));
        }
        if is_in_text {
            all.add_text(Needle::new(octets));
        }
    }
    assert!(
        all.holds(&message),
        "what is there one by one is there together"
    );
    all.add_body(Needle::new("\u{e9}t\u{e9}".as_bytes()));
    assert!(!all.holds(&message), "in the header alone");
}

#[test]
fn a_needle_across_two_pieces_is_found() {
    for at in [PIECE - 4, PIECE - 1, PIECE, 2 * PIECE - 2] {
        let mut text = b"\n".to_vec();
        text.resize(at, b'x');
        text.extend(b"Low Water");
        text.resize(3 * PIECE, b'x');
        assert!(in_body(b"low water", &Structure::of(&text)), "{at}");
        assert!(!in_body(b"low waters", &Structure::of(&text)), "{at}");
    }
    let long = [&b"\n"[..], &b"ab".repeat(2 * PIECE)].concat();
    assert!(in_body(&long[1..], &Structure::of(&long)));
    assert!(!in_body(
        &[&long[1..], b"a"].concat(),
        &Structure::of(&long)
    ));
}
