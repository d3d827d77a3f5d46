use proptest::prelude::*;

use super::*;
use crate::protocol::support::{octets, protocol_soup};
use crate::protocol::types::push_string;

fn with<T>(line: &[u8], quoting: Quoting, read: impl FnOnce(&mut Cursor<'_>) -> T) -> (T, String) {
    let mut frame = Frame::of(&[line, b"\r\n"].concat());
    let mut cursor = Cursor::new(&mut frame, quoting, SERVER_DEPTH);
    let read = read(&mut cursor);
    (
        read,
        String::from_utf8_lossy(cursor.lookahead()).into_owned(),
    )
}

#[test]
fn row_1064_lex_atom_and_nil_strings_come_in_three_forms() {
    for (line, expected, rest) in [
        ("\"low tide\" x", Some("low tide"), " x"),
        ("low(", Some("low"), "("),
        ("{8}\r\nlow tide)", Some("low tide"), ")"),
        ("\"\"", Some(""), ""),
        ("{0}\r\n", Some(""), ""),
        ("nil x", None, " x"),
        ("\"NIL\"", Some("NIL"), ""),
        ("nile", Some("nile"), ""),
    ] {
        let (read, left) = with(line.as_bytes(), Quoting::Plain, |cursor| cursor.nstring());
        assert_eq!(
            read,
            Ok(expected.map(|text| text.as_bytes().to_vec())),
            "{line}"
        );
        assert_eq!(left, rest, "{line}");
    }
    for line in ["", "(", "\"open", "{5} x", "{x}", ")"] {
        assert!(
            with(line.as_bytes(), Quoting::Plain, |cursor| cursor.string())
                .0
                .is_err(),
            "{line}"
        );
    }
}

#[test]
fn row_1064_lex_noescape_a_backslash_is_a_backslash_below_imap4() {
    for (line, plain, escaped) in [
        (r#""C:\dir""#, r"C:\dir", r"C:\dir"),
        (r#""a\\b""#, r"a\\b", r"a\b"),
        (r#""a\"b""#, r"a\", r#"a"b"#),
        (r#""a\""#, r"a\", ""),
    ] {
        let read = |quoting| {
            with(line.as_bytes(), quoting, |cursor| cursor.quoted())
                .0
                .unwrap_or_default()
        };
        assert_eq!(read(Quoting::Plain), plain.as_bytes(), "{line}");
        assert_eq!(read(Quoting::Escaped), escaped.as_bytes(), "{line}");
    }
}

#[test]
fn numbers_have_digits_alone_and_fit() {
    for (line, number) in [
        ("0", Some(0)),
        ("007x", Some(7)),
        ("4294967295", Some(u32::MAX)),
        ("4294967296", None),
    ] {
        assert_eq!(
            with(line.as_bytes(), Quoting::Plain, |cursor| cursor.number())
                .0
                .ok(),
            number,
            "{line}"
        );
    }
    for line in ["", "-1", "+1", "x", "99999999999999999999999999"] {
        assert!(
            with(line.as_bytes(), Quoting::Plain, |cursor| cursor
                .long_number())
            .0
            .is_err(),
            "{line}"
        );
    }
}

#[test]
fn values_of_any_kind_are_passed_over() {
    for (line, rest) in [
        ("word x", " x"),
        ("\"a (b\" x", " x"),
        ("(a (b \")\" {2}\r\n)) c)) x", " x"),
        ("()x", "x"),
        ("( ) x", " x"),
    ] {
        let (read, left) = with(line.as_bytes(), Quoting::Plain, |cursor| {
            cursor.skip_value()
        });
        assert_eq!((read, left.as_str()), (Ok(()), rest), "{line}");
    }
    for line in ["", ")", "(a", "\"a"] {
        assert!(
            with(line.as_bytes(), Quoting::Plain, |cursor| cursor
                .skip_value())
            .0
            .is_err(),
            "{line}"
        );
    }
}

#[test]
fn errors_say_where() {
    let (read, _) = with(b"FLAGS ]", Quoting::Plain, |cursor| {
        cursor.eat_word(b"flags");
        cursor.want_space()?;
        cursor.open()
    });
    assert_eq!(
        read.unwrap_err().to_string(),
        "expected an opening parenthesis at octet 6"
    );
}

#[test]
fn literals_are_moved_and_not_copied() {
    let mut frame = Frame::of(b"{5}\r\nhello\r\n");
    let before = frame.literals[0].octets.as_ptr();
    let octets = Cursor::new(&mut frame, Quoting::Plain, 1).string().unwrap();
    assert_eq!(octets.as_ptr(), before);
}

proptest! {
    #[test]
    fn numbers_are_written_as_people_write_them(number in any::<u64>()) {
        let mut out = Vec::new();
        push_number(&mut out, number);
        prop_assert_eq!(out, number.to_string().into_bytes());
    }

    #[test]
    fn a_written_string_reads_back_in_every_dialect(octets in octets()) {
        let mut wire = Vec::new();
        push_string(&mut wire, &octets);
        for quoting in [Quoting::Plain, Quoting::Escaped] {
            prop_assert_eq!(with(&wire, quoting, |cursor| cursor.nstring()).0, Ok(Some(octets.clone())));
        }
    }

    #[test]
    fn passing_a_value_always_gets_on(octets in protocol_soup()) {
        let mut cursor = Cursor::over(&octets, Quoting::Escaped);
        while !cursor.is_end() {
            let before = cursor.position();
            if cursor.skip_value().is_err() {
                cursor.skip(1);
            }
            prop_assert!(cursor.position() > before);
        }
    }
}
