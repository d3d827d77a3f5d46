use super::*;

const NESTED: &str = "From: a@x\r\nTo: b@x\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n\
    --b\r\n\r\none\r\n\
    --b\r\nContent-Type: message/rfc822\r\n\r\nSubject: in\r\nContent-Type: multipart/mixed; boundary=c\r\n\r\n\
    --c\r\nX: y\r\n\r\ninner\r\n--c\r\nContent-Type: text/html\r\n\r\n<b>\r\n--c--\r\n\
    --b\r\nContent-Type: message/rfc822\r\n\r\nSubject: plain\r\n\r\nlast\r\n--b--\r\n";

fn section(part: &[u32], text: Option<SectionText>) -> Section {
    Section {
        part: part.to_vec(),
        text,
    }
}

fn found(message: &str, part: &[u32], text: Option<SectionText>) -> Option<String> {
    let octets = Structure::of(message.as_bytes()).section(&section(part, text))?;
    Some(String::from_utf8(octets.into_owned()).unwrap())
}

#[track_caller]
fn check(message: &str, part: &[u32], text: Option<SectionText>, expected: Option<&str>) {
    let shown = format!("{part:?} {text:?}");
    assert_eq!(found(message, part, text).as_deref(), expected, "{shown}");
}

#[test]
fn parts_of_a_nested_message() {
    check(NESTED, &[], None, Some(NESTED));
    check(NESTED, &[1], None, Some("one"));
    check(NESTED, &[2, 1], None, Some("inner"));
    check(NESTED, &[2, 2], None, Some("<b>"));
    check(NESTED, &[3], None, Some("Subject: plain\r\n\r\nlast"));
    check(NESTED, &[3, 1], None, Some("last"));
    for none in [
        &[4][..],
        &[1, 1],
        &[2, 3],
        &[2, 1, 1],
        &[3, 2],
        &[3, 1, 1],
        &[u32::MAX],
    ] {
        check(NESTED, none, None, None);
    }
}

#[test]
fn headers_texts_and_mime_headers() {
    use SectionText::{Header, Mime, Text};
    let header = NESTED.split_inclusive("\r\n\r\n").next();
    check(NESTED, &[], Some(Header), header);
    check(
        NESTED,
        &[],
        Some(Text),
        NESTED.strip_prefix(header.unwrap()),
    );
    check(NESTED, &[1], Some(Mime), Some("\r\n"));
    check(
        NESTED,
        &[2],
        Some(Mime),
        Some("Content-Type: message/rfc822\r\n\r\n"),
    );
    check(NESTED, &[2, 1], Some(Mime), Some("X: y\r\n\r\n"));
    check(NESTED, &[3], Some(Header), Some("Subject: plain\r\n\r\n"));
    check(NESTED, &[3], Some(Text), Some("last"));
    for part in [&[1][..], &[2, 1], &[9]] {
        check(NESTED, part, Some(Header), None);
        check(NESTED, part, Some(Text), None);
    }
    check(NESTED, &[], Some(Mime), None);
}

#[test]
fn part_nought_is_a_header() {
    check(
        NESTED,
        &[0],
        None,
        found(NESTED, &[], Some(SectionText::Header)).as_deref(),
    );
    check(NESTED, &[3, 0], None, Some("Subject: plain\r\n\r\n"));
    check(NESTED, &[1, 0], None, None);
    check(NESTED, &[0, 1], None, None);
    check(NESTED, &[0], Some(SectionText::Mime), None);
}

#[test]
fn a_message_that_is_no_multipart_has_its_text_as_part_1() {
    let message = "A: b\r\n\r\ntext\r\n";
    check(message, &[1], None, Some("text\r\n"));
    check(message, &[1], Some(SectionText::Mime), Some("A: b\r\n\r\n"));
    check(message, &[2], None, None);
    check(message, &[1, 1], None, None);
    let within = "Content-Type: message/rfc822\r\n\r\nA: b\r\n\r\ntext\r\n";
    check(within, &[1], None, Some(message));
    check(within, &[1, 1], None, Some("text\r\n"));
    check(
        within,
        &[1],
        Some(SectionText::Header),
        Some("A: b\r\n\r\n"),
    );
}

#[test]
fn header_fields_are_selected_as_they_are() {
    let message = "A: one\r\n two\r\nno field\r\nB: x\r\na : three\r\n\r\ntext";
    let names = || vec![b"a".to_vec(), b"Z".to_vec()];
    let only = Some(SectionText::HeaderFields(names()));
    check(
        message,
        &[],
        only,
        Some("A: one\r\n two\r\na : three\r\n\r\n"),
    );
    let but = Some(SectionText::HeaderFieldsNot(names()));
    check(message, &[], but, Some("B: x\r\n\r\n"));
    let cut = Some(SectionText::HeaderFields(names()));
    check("A: b\nC: d\n", &[], cut, Some("A: b\n"));
    check(
        NESTED,
        &[3],
        Some(SectionText::HeaderFields(names())),
        Some("\r\n"),
    );
}
