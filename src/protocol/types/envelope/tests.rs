use proptest::prelude::*;

use super::*;
use crate::protocol::framer::Frame;
use crate::protocol::parse::SERVER_DEPTH;
use crate::protocol::support::envelopes;
use crate::protocol::types::Quoting;

fn read(wire: &[u8], quoting: Quoting) -> Result<Envelope, ParseError> {
    // As in a FETCH: a line of its own whose second word is NO would be text for people, in which nothing is a literal.
    let mut frame = Frame::of(&[b"* 1 ", wire, b"\r\n"].concat());
    let mut cursor = Cursor::new(&mut frame, quoting, SERVER_DEPTH);
    cursor.skip(b"* 1 ".len());
    Envelope::parse(&mut cursor)
}

#[test]
fn row_1064_fetch_envelope_ten_fields_in_order() {
    let envelope = read(b"(d s ((f NIL f f)) ((s NIL s s)) ((r NIL r r)) ((t NIL t t)) ((c NIL c c)) ((b NIL b b)) i m)", Quoting::Plain)
        .unwrap();
    let text = |text: &NString| {
        text.clone()
            .map(|text| String::from_utf8(text).unwrap())
            .unwrap()
    };
    let single = [
        &envelope.date,
        &envelope.subject,
        &envelope.in_reply_to,
        &envelope.message_id,
    ]
    .map(text);
    assert_eq!(single, ["d", "s", "i", "m"]);
    let lists = [
        &envelope.from,
        &envelope.sender,
        &envelope.reply_to,
        &envelope.to,
        &envelope.cc,
        &envelope.bcc,
    ];
    assert_eq!(
        lists.map(|list| text(&list[0].name)),
        ["f", "s", "r", "t", "c", "b"]
    );
}

#[test]
fn row_1064_fetch_envelope_nil_and_empty_lists_are_one() {
    let absent = read(b"(NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL)", Quoting::Plain).unwrap();
    assert!(absent.is_empty());
    assert_eq!(
        read(b"(nil nil () () ( ) nil nil nil nil nil )", Quoting::Plain),
        Ok(absent)
    );
}

#[test]
fn what_is_no_envelope_is_refused() {
    for wire in [
        "()",
        "NIL",
        "(a b)",
        "(d s f NIL NIL NIL NIL NIL NIL NIL)",
        "(d s ((a b c)) NIL NIL NIL NIL NIL NIL NIL)",
        "(NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL)",
    ] {
        assert!(read(wire.as_bytes(), Quoting::Plain).is_err(), "{wire}");
    }
}

#[test]
fn addresses_are_counted() {
    let many = "(NIL NIL a b)".repeat(Envelope::MAX_ADDRESSES + 1);
    let wire = format!("(NIL NIL ({many}) NIL NIL NIL NIL NIL NIL NIL)");
    assert_eq!(
        read(wire.as_bytes(), Quoting::Plain),
        Err(ParseError::TooMany { what: "addresses" })
    );
}

#[test]
fn row_1064_fetch_envelope_literal_is_sent_where_quotes_cannot_hold_a_subject() {
    let envelope = Envelope {
        subject: Some(b"50% {off} \"now\" \\o/".to_vec()),
        ..Envelope::default()
    };
    let mut wire = Vec::new();
    envelope.encode(&mut wire);
    assert_eq!(
        wire,
        b"(NIL {19}\r\n50% {off} \"now\" \\o/ NIL NIL NIL NIL NIL NIL NIL NIL)"
    );
}

#[test]
fn a_date_that_looks_like_an_answer_is_a_date() {
    let envelope = Envelope {
        date: Some(b" nO ".to_vec()),
        subject: Some(b"\x80".to_vec()),
        ..Envelope::default()
    };
    let mut wire = Vec::new();
    envelope.encode(&mut wire);
    assert_eq!(read(&wire, Quoting::Plain), Ok(envelope));
}

proptest! {
    #[test]
    fn a_written_envelope_reads_back_in_every_dialect(envelope in envelopes()) {
        let mut wire = Vec::new();
        envelope.encode(&mut wire);
        prop_assert_eq!(read(&wire, Quoting::Plain), Ok(envelope.clone()));
        prop_assert_eq!(read(&wire, Quoting::Escaped), Ok(envelope));
    }
}
