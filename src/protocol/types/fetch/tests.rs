use proptest::prelude::*;

use super::*;
use crate::protocol::support::fetch_requests;
use crate::protocol::types::Quoting;

fn read(wire: &str) -> Result<FetchRequest, ParseError> {
    let mut cursor = Cursor::over(wire.as_bytes(), Quoting::Plain);
    let request = FetchRequest::parse(&mut cursor)?;
    cursor.want_end()?;
    Ok(request)
}

#[test]
fn rows_1064_fetch_all_and_fast_and_2bis_fetch_full_are_macros() {
    assert_eq!(
        read("fast").unwrap().items(),
        [
            FetchItem::Flags,
            FetchItem::InternalDate,
            FetchItem::Rfc822Size
        ]
    );
    assert_eq!(read("All").unwrap().items().len(), 4);
    assert_eq!(
        read("All").unwrap().items().last(),
        Some(&FetchItem::Envelope)
    );
    assert_eq!(read("FULL").unwrap().items().last(), Some(&FetchItem::Body));
}

#[test]
fn rows_1064_fetch_atom_and_list() {
    assert_eq!(
        read("rfc822.header"),
        Ok(FetchRequest::Items(vec![FetchItem::Rfc822Header]))
    );
    assert_eq!(
        read("( Envelope  BODY.PEEK[1.2.MIME]<0.100>)"),
        Ok(FetchRequest::Items(vec![
            FetchItem::Envelope,
            FetchItem::Section {
                section: Section {
                    part: vec![1, 2],
                    text: Some(crate::protocol::types::SectionText::Mime)
                },
                peek: true,
                range: Some((0, 100)),
            }
        ]))
    );
}

#[test]
fn rows_1064_fetch_macrolist_and_baditem_are_refused() {
    for wire in [
        "(FAST)",
        "(FLAGS ALL)",
        "FLAGS ENVELOPE",
        "RFC822.PEEK",
        "RFC822.TEXT.PEEK",
        "RFC822.HEADER.LINES (To)",
        "()",
        "",
        "(",
        "(FLAGS",
        "FLAGS)",
        "BODY[",
        "BODY[x]",
        "BODY[1..2]",
        "BODY[]<5>",
        "FLAGS[1]",
        "((FLAGS))",
        "TIDE",
    ] {
        assert!(read(wire).is_err(), "{wire}");
    }
    let many = format!("({})", vec!["FLAGS"; FetchRequest::MAX_ITEMS + 1].join(" "));
    assert_eq!(
        read(&many),
        Err(ParseError::TooMany {
            what: "FETCH items"
        })
    );
}

#[test]
fn rows_1176_fetch_seen_only_texts_mark_a_message_as_read() {
    for (wire, sets_seen) in [
        ("RFC822", true),
        ("RFC822.TEXT", true),
        ("RFC822.HEADER", false),
        ("BODY[1]", true),
        ("BODY.PEEK[1]", false),
        ("BODY", false),
        ("ENVELOPE", false),
    ] {
        assert_eq!(
            read(wire).unwrap().items().iter().any(FetchItem::sets_seen),
            sets_seen,
            "{wire}"
        );
    }
}

proptest! {
    #[test]
    fn a_written_request_reads_back(request in fetch_requests()) {
        let mut wire = Vec::new();
        request.encode(&mut wire);
        prop_assert_eq!(read(std::str::from_utf8(&wire).unwrap()), Ok(request));
    }
}
