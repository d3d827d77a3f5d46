use proptest::prelude::*;

use super::*;
use crate::protocol::framer::Frame;
use crate::protocol::parse::SERVER_DEPTH;
use crate::protocol::support::bodies;
use crate::protocol::types::Quoting;

fn read(wire: &[u8]) -> Result<Body, ParseError> {
    // As in a FETCH: a line of its own whose second word is NO would be text for people, in which nothing is a literal.
    let mut frame = Frame::of(&[b"* 1 ", wire, b"\r\n"].concat());
    let mut cursor = Cursor::new(&mut frame, Quoting::Plain, SERVER_DEPTH);
    cursor.skip(b"* 1 ".len());
    Body::parse(&mut cursor)
}

fn part(wire: &str) -> Part {
    match read(wire.as_bytes()) {
        Ok(Body::Single(part)) => *part,
        other => panic!("{wire}: {other:?}"),
    }
}

#[test]
fn row_2bis_fetch_body_basic_and_text_parts() {
    let text = part(r#"("TEXT" "PLAIN" ("CHARSET" "US-ASCII") NIL NIL "7BIT" 2279 48)"#);
    assert_eq!(
        (text.size, text.kind),
        (2279, PartKind::Text { line_count: 48 })
    );
    assert_eq!(
        text.params,
        [Param {
            name: b"CHARSET".to_vec(),
            value: b"US-ASCII".to_vec()
        }]
    );
    let image = part(r#"("IMAGE" "PNG" NIL "<tide@x>" "a chart" "BASE64" 4711)"#);
    assert_eq!(
        (image.kind, image.id),
        (PartKind::Basic, Some(b"<tide@x>".to_vec()))
    );
    assert_eq!(
        part(r#"("TEXT" "PLAIN" () NIL NIL NIL 5 NIL)"#).kind,
        PartKind::Text { line_count: 0 }
    );
}

#[test]
fn row_2bis_fetch_body_multi_parts_nest() {
    let wire = r#"(("TEXT" "PLAIN" NIL NIL NIL "7BIT" 1 1)(("TEXT" "HTML" NIL NIL NIL "7BIT" 2 1) ("IMAGE" "GIF" NIL NIL NIL "BASE64" 3) "related") "mixed")"#;
    let Ok(Body::Multipart { parts, subtype }) = read(wire.as_bytes()) else {
        panic!()
    };
    assert_eq!((parts.len(), subtype.as_slice()), (2, &b"mixed"[..]));
    assert!(matches!(&parts[1], Body::Multipart { parts, .. } if parts.len() == 2));
}

#[test]
fn row_2bis_fetch_body_message_holds_an_envelope_and_a_body() {
    let wire = r#"("MESSAGE" "RFC822" NIL NIL NIL "7BIT" 342 (NIL "low" NIL NIL NIL NIL NIL NIL NIL NIL) ("TEXT" "PLAIN" NIL NIL NIL "7BIT" 5 1) 9)"#;
    let PartKind::Message {
        envelope,
        line_count,
        ..
    } = part(wire).kind
    else {
        panic!()
    };
    assert_eq!((envelope.subject, line_count), (Some(b"low".to_vec()), 9));
    assert_eq!(
        part(r#"("MESSAGE" "DELIVERY-STATUS" NIL NIL NIL NIL 5)"#).kind,
        PartKind::Basic
    );
    assert_eq!(
        part(r#"("MESSAGE" "RFC822" NIL NIL NIL NIL 5)"#).kind,
        PartKind::Basic
    );
}

#[test]
fn row_imap4_fetch_bodystructure_extension_data_is_skipped() {
    for wire in [
        r#"("TEXT" "PLAIN" NIL NIL NIL "7BIT" 5 1 "md5" ("inline" ("filename" "a)b")) ("en" "de") NIL)"#,
        r#"("IMAGE" "PNG" NIL NIL NIL "7BIT" 5 NIL NIL NIL "loc" (1 (2 (3))))"#,
    ] {
        part(wire);
    }
    let multipart = r#"(("TEXT" "PLAIN" NIL NIL NIL "7BIT" 5 1 NIL NIL NIL NIL) "mixed" ("boundary" "x") NIL "en" NIL)"#;
    assert!(matches!(
        read(multipart.as_bytes()),
        Ok(Body::Multipart { .. })
    ));
}

#[test]
fn parts_of_all_levels_are_counted_together() {
    let leaf = "(a b NIL NIL NIL NIL 0)";
    let half = format!("({} mixed)", leaf.repeat(Body::MAX_PARTS / 2 + 1));
    assert!(read(half.as_bytes()).is_ok());
    let whole = format!("({half}{half} mixed)");
    assert_eq!(
        read(whole.as_bytes()),
        Err(ParseError::TooMany { what: "parts" })
    );
    let params = format!("(a b ({}) NIL NIL NIL 0)", "n v ".repeat(Body::MAX_PARTS));
    assert_eq!(
        read(params.as_bytes()),
        Err(ParseError::TooMany { what: "parts" })
    );
}

#[test]
fn what_is_no_body_is_refused() {
    for wire in [
        "()",
        "NIL",
        "(\"TEXT\")",
        r#"("IMAGE" "PNG" NIL NIL NIL "7BIT")"#,
        r#"("IMAGE" "PNG" (a) NIL NIL NIL 5)"#,
        "(((",
    ] {
        assert!(read(wire.as_bytes()).is_err(), "{wire}");
    }
}

proptest! {
    #[test]
    fn a_written_body_reads_back(body in bodies()) {
        let mut wire = Vec::new();
        body.encode(&mut wire);
        prop_assert_eq!(read(&wire), Ok(body));
    }
}
