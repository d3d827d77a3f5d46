use super::*;
use crate::protocol::framer::Frame;
use crate::protocol::outgoing::{Piece, StringRules};
use crate::protocol::parse::CLIENT_DEPTH;
use crate::protocol::types::Quoting;

fn read(wire: &str) -> Result<Vec<SearchKey>, ParseError> {
    let mut cursor = Cursor::over(wire.as_bytes(), Quoting::Escaped);
    let keys = SearchKey::parse_all(&mut cursor)?;
    cursor.want_end()?;
    Ok(keys)
}

fn one(wire: &str) -> SearchKey {
    let mut keys = read(wire).unwrap_or_else(|error| panic!("{wire}: {error}"));
    assert_eq!(keys.len(), 1, "{wire}");
    keys.remove(0)
}

/// The key, written as for a server of IMAP2 and read again.
fn carried(key: &SearchKey) -> SearchKey {
    let rules = StringRules {
        quoting: Quoting::Plain,
        literals_wait: true,
    };
    let mut writer = CommandWriter::new(rules);
    key.encode(&mut writer, YearDigits::Two);
    let octets: Vec<_> = writer
        .finish()
        .into_iter()
        .filter_map(|piece| match piece {
            Piece::Octets(octets) => Some(octets),
            Piece::AwaitGoAhead => None,
        })
        .collect();
    let mut frame = Frame::of(&octets.concat());
    let mut keys =
        SearchKey::parse_all(&mut Cursor::new(&mut frame, Quoting::Escaped, CLIENT_DEPTH)).unwrap();
    keys.remove(0)
}

fn day(text: &str) -> SearchDate {
    SearchDate::parse(text.as_bytes()).unwrap()
}

#[test]
fn rows_1064_search_keys_of_imap2_are_read_in_any_case() {
    for (wire, key) in [
        ("all", SearchKey::All),
        ("ANSWERED", SearchKey::Answered),
        ("bcc ada", SearchKey::Bcc(b"ada".to_vec())),
        ("BEFORE 1-Oct-87", SearchKey::Before(day("1-Oct-1987"))),
        ("BODY \"low tide\"", SearchKey::Body(b"low tide".to_vec())),
        ("CC x", SearchKey::Cc(b"x".to_vec())),
        ("Deleted", SearchKey::Deleted),
        ("FLAGGED", SearchKey::Flagged),
        ("FROM SMITH", SearchKey::From(b"SMITH".to_vec())),
        (
            "KEYWORD Harbour",
            SearchKey::Keyword("harbour".parse().unwrap()),
        ),
        ("NEW", SearchKey::New),
        ("OLD", SearchKey::Old),
        ("ON \"1-OCT-1987\"", SearchKey::On(day("1-Oct-87"))),
        ("RECENT", SearchKey::Recent),
        ("SEEN", SearchKey::Seen),
        ("SINCE \" 1-Oct-87\"", SearchKey::Since(day("1-Oct-87"))),
        ("SUBJECT \"\"", SearchKey::Subject(Vec::new())),
        ("TEXT nil", SearchKey::Text(b"nil".to_vec())),
        (
            "TO \"say \\\"hi\\\"\"",
            SearchKey::To(b"say \"hi\"".to_vec()),
        ),
        ("UNANSWERED", SearchKey::Unanswered),
        ("UNDELETED", SearchKey::Undeleted),
        ("UNFLAGGED", SearchKey::Unflagged),
        (
            "UNKEYWORD Harbour",
            SearchKey::Unkeyword("Harbour".parse().unwrap()),
        ),
        ("UNSEEN", SearchKey::Unseen),
    ] {
        assert_eq!(one(wire), key);
        assert_eq!(carried(&key), key, "{wire}");
        assert!(!key.needs_imap4(), "{wire}");
    }
}

#[test]
fn rows_imap4_search_keys_are_read_and_known_to_be_newer() {
    for wire in [
        "DRAFT",
        "UNDRAFT",
        "SENTBEFORE 1-Oct-1987",
        "SENTON 1-Oct-1987",
        "SENTSINCE 1-Oct-1987",
        "LARGER 5",
        "SMALLER 0",
        "HEADER Subject x",
        "2,4:7",
        "UID 5:*",
        "NOT SEEN",
        "OR SEEN (FLAGGED NEW)",
        "(SEEN)",
    ] {
        let key = one(wire);
        assert!(key.needs_imap4(), "{wire}");
        assert_eq!(carried(&key), key, "{wire}");
    }
}

#[test]
fn row_1064_search_and_keys_stand_side_by_side() {
    assert_eq!(read("SEEN  FLAGGED SINCE 1-Oct-87 ").unwrap().len(), 3);
}

#[test]
fn rows_1064_search_noarg_and_badkey_are_refused() {
    for wire in [
        "",
        "KEYWORD",
        "FROM",
        "SINCE",
        "SINCE yesterday",
        "ON \"3-Feb-94 21:52:02-GMT\"",
        "KEYWORD \\Seen",
        "TIDE",
        "OR SEEN",
        "NOT",
        "()",
        "(SEEN",
        "SEEN)",
        "LARGER x",
        "LARGER -1",
        "UID",
        "UID x",
        "0",
        "1:2:3",
        "HEADER x",
        "SEEN(FLAGGED",
    ] {
        assert!(read(wire).is_err(), "{wire}");
    }
}

#[test]
fn keys_are_bounded_in_number_and_depth() {
    let nested = |depth: usize| format!("{}SEEN", "NOT ".repeat(depth));
    assert!(read(&nested(15)).is_ok());
    assert_eq!(read(&nested(16)), Err(ParseError::TooDeep));
    assert_eq!(read(&nested(1_000_000)), Err(ParseError::TooDeep));
    assert_eq!(read(&"(".repeat(1_000_000)), Err(ParseError::TooDeep));
    assert!(read(&vec!["SEEN"; SearchKey::MAX_KEYS].join(" ")).is_ok());
    let many = vec!["SEEN"; SearchKey::MAX_KEYS + 1].join(" ");
    assert_eq!(
        read(&many),
        Err(ParseError::TooMany {
            what: "search keys"
        })
    );
}
