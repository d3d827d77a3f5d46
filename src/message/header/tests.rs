use super::*;

#[test]
fn a_message_is_split_behind_its_first_empty_line() {
    for (message, header_size) in [
        (&b"A: b\r\n\r\ntext\r\n"[..], 8),
        (b"A: b\n\ntext\n", 6),
        (b"A: b\r\n\ntext", 7),
        (b"A: b\n\r\ntext", 7),
        (b"A: b\r\n\r\n", 8),
        (b"A: b\r\n\r\n\r\ntext", 8),
        (b"A: b\r\n", 6),
        (b"A: b", 4),
        (b"", 0),
        (b"\r\ntext without a header\r\n", 2),
        (b"\ntext", 1),
        (b"no header at all\r\nbut two lines", 31),
        (b"no field\r\nA: b\r\n\r\ntext", 18),
        (b"From ada Mon Mar  4\nA: b\n\ntext", 26),
        (b"A: b\r\n \r\nC: d\r\n\r\ntext", 17),
        (b"A: b\r\n\t\n\ntext", 9),
        (b"A: b\r\r\n\r\ntext", 9),
        (b"A: b\r\r\rtext", 11),
        (b"\r", 1),
        (b"A: \0\r\n\r\n\0", 8),
    ] {
        let (header, text) = split(message);
        assert_eq!(header.len(), header_size, "{}", message.escape_ascii());
        assert_eq!([header, text].concat(), message);
    }
}

#[test]
fn fields_are_found_as_they_are() {
    let header = b" lead\r\nFrom ada Mon\r\nA: b\r\n c\r\n\td\r\nsubject \t:x\r\nno field\r\n more: y\r\n: empty\r\nE:\r\nF: g";
    let found: Vec<_> = fields(header).collect();
    let field = |name, value, raw| Field { name, value, raw };
    assert_eq!(
        found,
        [
            field(&b"A"[..], &b" b\r\n c\r\n\td"[..], &b"A: b\r\n c\r\n\td\r\n"[..]),
            field(b"subject", b"x", b"subject \t:x\r\n"),
            field(b"E", b"", b"E:\r\n"),
            field(b"F", b" g", b"F: g"),
        ]
    );
}

#[test]
fn fields_end_at_the_blank_line() {
    assert_eq!(fields(b"A: b\n\nC: d\n").count(), 1);
    assert_eq!(fields(b"\r\nC: d\r\n").count(), 0);
}

#[test]
fn values_are_found_in_any_case_and_in_order() {
    let header = b"To: a\nCC: x\nTO : b\n\nto: c\n";
    assert_eq!(first_value(header, b"to"), Some(&b" a"[..]));
    assert_eq!(values(header, b"tO").collect::<Vec<_>>(), [&b" a"[..], b" b"]);
    assert_eq!(first_value(header, b"bcc"), None);
}

#[test]
fn unfolding_takes_line_ends_and_leading_space_only() {
    for (value, text) in [
        (&b" one\r\n two"[..], &b"one two"[..]),
        (b" one\n\ttwo", b"one two"),
        (b"\r\n <m@x>", b"<m@x>"),
        (b" a\tb  ", b"a b  "),
        (b" three  \r\n   four", b"three     four"),
        (b" caf\xe9\0!", b"caf\xe9!"),
        (b" \r\n ", b""),
        (b"", b""),
    ] {
        assert_eq!(unfold(value), text, "{}", value.escape_ascii());
    }
}
