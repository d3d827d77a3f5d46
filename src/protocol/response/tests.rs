use super::*;
use crate::protocol::framer::Frame;
use crate::protocol::parse::ParseError;
use crate::protocol::types::{InternalDate, Quoting, Section, SectionText};

fn read(octets: &[u8]) -> Result<Response, ParseError> {
    Response::parse(Frame::of(octets), Quoting::Plain)
}

fn untagged(octets: &[u8]) -> Untagged {
    match read(octets) {
        Ok(Response::Untagged(untagged)) => untagged,
        other => panic!("{}: {other:?}", String::from_utf8_lossy(octets)),
    }
}

fn fetch(octets: &[u8]) -> FetchData {
    let Untagged::Fetch(_, data) = untagged(octets) else {
        panic!("{}", String::from_utf8_lossy(octets))
    };
    *data
}

fn names(flags: Option<Vec<Flag>>) -> Vec<String> {
    flags
        .expect("flags")
        .iter()
        .map(ToString::to_string)
        .collect()
}

#[test]
fn row_1064_resp_ok_no_bad_tagged_lines() {
    for (line, expected) in [
        ("a1 OK done\r\n", Status::Ok),
        ("a1 no [TRYCREATE] not there\r\n", Status::No),
        ("a1  Bad\r\n", Status::Bad),
    ] {
        let Ok(Response::Tagged { tag, status, .. }) = read(line.as_bytes()) else {
            panic!("{line}")
        };
        assert_eq!(
            (tag, status),
            (Tag::from_bytes(b"a1").ok(), expected),
            "{line}"
        );
    }
    for line in [
        "a1 done\r\n",
        "a1\r\n",
        "\r\n",
        "a1 OKAY\r\n",
        "*\r\n",
        "* \r\n",
    ] {
        assert!(read(line.as_bytes()).is_err(), "{line}");
    }
}

#[test]
fn row_1064_resp_cont() {
    for line in ["+\r\n", "+ \r\n", "+ Ready for {5}\r\n", "+OK\r\n"] {
        assert!(
            matches!(read(line.as_bytes()), Ok(Response::GoAhead(_))),
            "{line}"
        );
    }
}

#[test]
fn rows_1064_resp_numbers() {
    assert_eq!(untagged(b"* 23 EXISTS\r\n"), Untagged::Exists(23));
    assert_eq!(untagged(b"*  2  recent \n"), Untagged::Recent(2));
    assert_eq!(untagged(b"* 0 EXPUNGE\r\n"), Untagged::Expunge(0));
    assert_eq!(untagged(b"* 3 COPY\r\n"), Untagged::Copy(3));
    assert_eq!(
        untagged(b"* 3 TIDE (high (low))\r\n"),
        Untagged::Unknown {
            keyword: b"TIDE".to_vec()
        }
    );
    for line in [
        "* 4294967296 EXISTS\r\n",
        "* 1 EXISTS 2\r\n",
        "* -1 EXISTS x\r\n",
        "* 0 FETCH (FLAGS ())\r\n",
    ] {
        assert!(
            !matches!(
                read(line.as_bytes()),
                Ok(Response::Untagged(
                    Untagged::Exists(_) | Untagged::Fetch(..)
                ))
            ),
            "{line}"
        );
    }
}

#[test]
fn row_1064_resp_search_and_search_empty() {
    assert_eq!(untagged(b"* SEARCH\r\n"), Untagged::Search(vec![]));
    assert_eq!(untagged(b"* SEARCH \r\n"), Untagged::Search(vec![]));
    assert_eq!(
        untagged(b"* search 2  84 882 \r\n"),
        Untagged::Search(vec![2, 84, 882])
    );
    assert_eq!(
        untagged(b"* SEARCH 2 5 (MODSEQ 917)\r\n"),
        Untagged::Search(vec![2, 5])
    );
    for line in [
        "* SEARCH 0\r\n",
        "* SEARCH x\r\n",
        "* SEARCH 1,2\r\n",
        "* SEARCH 4294967296\r\n",
    ] {
        assert!(read(line.as_bytes()).is_err(), "{line}");
    }
}

#[test]
fn row_1064_resp_flags() {
    let Untagged::Flags(flags) = untagged(b"* FLAGS (\\Answered \\SEEN Harbour \\XXXX \\*)\r\n")
    else {
        panic!()
    };
    assert_eq!(
        names(Some(flags)),
        ["\\Answered", "\\Seen", "Harbour", "\\XXXX"]
    );
}

#[test]
fn row_1176_resp_mailbox_the_name_is_the_rest_of_the_line() {
    let name = |text: &[u8]| MailboxName::from_bytes(text).unwrap();
    assert_eq!(
        untagged(b"* MAILBOX low tide {5}\r\n"),
        Untagged::Mailbox(name(b"low tide {5}"))
    );
    assert_eq!(
        untagged(b"* BBOARD caf\xe9\r\n"),
        Untagged::Bboard(name(b"caf\xe9"))
    );
    assert_eq!(
        untagged(b"* MAILBOX inbox\r\n"),
        Untagged::Mailbox(MailboxName::inbox())
    );
    assert!(matches!(
        untagged(b"* MAILBOX\r\n"),
        Untagged::Unknown { .. }
    ));
}

#[test]
fn row_imap4_list_names_in_every_form() {
    for line in [
        &b"* LIST (\\Noselect) \"/\" a/b\r\n"[..],
        b"* LIST (\\NoSelect \\HasChildren) / \"a/b\"\r\n",
        b"* LIST (\\noselect) \"/\" {3}\r\na/b\r\n",
    ] {
        let Untagged::List(listed) = untagged(line) else {
            panic!()
        };
        assert_eq!(
            (listed.delimiter, listed.name.as_bytes()),
            (Some(b'/'), &b"a/b"[..])
        );
        assert!(!listed.is_selectable());
    }
    let Untagged::Lsub(listed) = untagged(b"* LSUB () NIL INBOX\r\n") else {
        panic!()
    };
    assert!(listed.delimiter.is_none() && listed.is_selectable());
}

#[test]
fn rows_imap4_codes() {
    let code = |line: &str| {
        let untagged = untagged(format!("* OK [{line}] words\r\n").as_bytes());
        let Untagged::Status(Status::Ok, text) = untagged else {
            panic!("{untagged:?}")
        };
        assert_eq!(text.text, b"words");
        text.code.unwrap()
    };
    let set = |text: &[u8]| SequenceSet::parse(text).unwrap();
    for (text, expected) in [
        ("READ-ONLY", Code::ReadOnly),
        ("read-write", Code::ReadWrite),
        ("TRYCREATE", Code::TryCreate),
        ("ALERT", Code::Alert),
        ("PARSE", Code::Parse),
        ("UNSEEN 12", Code::Unseen(12)),
        ("UIDVALIDITY 3857529045", Code::UidValidity(3_857_529_045)),
        ("UIDNEXT 4392", Code::UidNext(4392)),
        ("CLOSED", Code::Closed),
        ("EXPUNGEISSUED", Code::ExpungeIssued),
        (
            "HIGHESTMODSEQ 715194045007",
            Code::HighestModSeq(715_194_045_007),
        ),
        ("NOMODSEQ", Code::NoModSeq),
        ("MODIFIED 7,9", Code::Modified(set(b"7,9"))),
        (
            "APPENDUID 38505 3955",
            Code::AppendUid {
                validity: 38505,
                uid: 3955,
            },
        ),
        (
            "COPYUID 38505 304,319:320 3956:3958",
            Code::CopyUid {
                validity: 38505,
                source: set(b"304,319:320"),
                copies: set(b"3956:3958"),
            },
        ),
        ("AUTHENTICATIONFAILED", Code::AuthenticationFailed),
        ("X-TIDE low", Code::Other(b"X-TIDE".to_vec())),
        ("UIDVALIDITY many", Code::Other(b"UIDVALIDITY".to_vec())),
        ("", Code::Other(Vec::new())),
    ] {
        assert_eq!(code(text), expected, "{text}");
    }
    let permanent = |text: &str| {
        let Code::PermanentFlags {
            flags,
            new_keywords,
        } = code(text)
        else {
            panic!("{text}")
        };
        (names(Some(flags)), new_keywords)
    };
    let owned = |list: &[&str]| list.iter().map(ToString::to_string).collect::<Vec<_>>();
    assert_eq!(permanent("PERMANENTFLAGS ()"), (owned(&[]), false));
    assert_eq!(
        permanent("PERMANENTFLAGS (\\Deleted a]b \\*)"),
        (owned(&["\\Deleted", "a]b"]), true)
    );
}

#[test]
fn a_bracket_without_an_end_is_text() {
    let Untagged::Status(_, text) = untagged(b"* OK [hello there\r\n") else {
        panic!()
    };
    assert_eq!(
        (text.code, text.text.as_slice()),
        (None, &b"[hello there"[..])
    );
}

#[test]
fn words_of_a_server_are_shown_without_control_characters() {
    let Untagged::Status(_, text) = untagged(b"* NO \x1b[31mred \xff\r\n") else {
        panic!()
    };
    assert_eq!(text.to_string(), "\\x1b[31mred \\xff");
}

#[test]
fn row_1064_fetch_order_items_come_in_any_order_case_and_spacing() {
    let data = fetch(
        b"* 12 Fetch (rfc822.size 2210  Flags ( \\Seen Harbour )INTERNALDATE \" 4-Mar-91 07:15:09-GMT\" X-NEW (a (b \"c)\")) UID 7)\n",
    );
    assert_eq!(data.size, Some(2210));
    assert_eq!(
        data.internal_date,
        InternalDate::parse(b"4-Mar-1991 07:15:09 +0000").ok()
    );
    assert_eq!((data.uid, data.unknown_count), (Some(7), 1));
    assert_eq!(names(data.flags), ["\\Seen", "Harbour"]);
}

#[test]
fn row_1064_resp_store_is_fetch_and_parentheses_may_miss() {
    assert_eq!(
        names(fetch(b"* 2 STORE (FLAGS (\\Deleted))\r\n").flags),
        ["\\Deleted"]
    );
    assert_eq!(
        names(fetch(b"* 2 FETCH FLAGS (\\Deleted)\r\n").flags),
        ["\\Deleted"]
    );
    let both = fetch(b"* 2 FETCH FLAGS () RFC822.SIZE 5 \r\n");
    assert_eq!((names(both.flags), both.size), (vec![], Some(5)));
    assert!(read(b"* 2 FETCH\r\n").is_err());
}

#[test]
fn row_1064_fetch_flags_empty() {
    for line in [
        &b"* 1 FETCH (FLAGS ())\r\n"[..],
        b"* 1 FETCH (FLAGS NIL)\r\n",
        b"* 1 FETCH (FLAGS (   ))\r\n",
    ] {
        assert!(fetch(line).flags.expect("flags").is_empty());
    }
    assert_eq!(
        names(fetch(b"* 1 FETCH (FLAGS (\\ \"q\" caf\xe9 ok))\r\n").flags),
        ["ok"]
    );
}

#[test]
fn row_1064_fetch_envelope_and_its_kin() {
    let data = fetch(
        b"* 12 FETCH (ENVELOPE (\"Mon, 4 Mar 91 07:14:58 GMT\" {17}\r\nsay \"50%\" {to} \\x ((\"Ada L\" NIL \"ada\" \"tide.example\")) \
          ((NIL \"@relay1.example,@relay2.example\" ada tide.example)) nil ((NIL NIL crew NIL)(NIL NIL \"a\" \"x.example\") (NIL NIL NIL NIL)) \
          NIL NIL NIL \"NIL\"))\r\n",
    );
    let envelope = data.envelope.expect("an envelope");
    assert_eq!(
        envelope.subject.as_deref(),
        Some(&b"say \"50%\" {to} \\x"[..])
    );
    assert_eq!(envelope.from.len(), 1);
    assert_eq!(
        envelope.sender[0].adl.as_deref(),
        Some(&b"@relay1.example,@relay2.example"[..])
    );
    assert_eq!(
        envelope.sender[0].host.as_deref(),
        Some(&b"tide.example"[..])
    );
    assert!(envelope.reply_to.is_empty());
    assert_eq!(envelope.to.len(), 3);
    assert_eq!(envelope.to[2], crate::protocol::types::Address::default());
    assert_eq!(envelope.message_id.as_deref(), Some(&b"NIL"[..]));
}

#[test]
fn row_r1_expungeissued_nil_data_is_recognised() {
    let data = fetch(
        b"* 4 FETCH (RFC822.HEADER NIL ENVELOPE NIL INTERNALDATE NIL RFC822.SIZE NIL BODY NIL)\r\n",
    );
    assert_eq!(data.header, Some(None));
    assert!(data.envelope.expect("an envelope").is_empty());
    assert_eq!(
        (data.internal_date, data.size, data.body),
        (None, None, None)
    );
}

#[test]
fn row_1064_lex_noescape_and_imap4_lex_escape() {
    let header = |quoting| match Response::parse(
        Frame::of(b"* 1 FETCH (RFC822.HEADER \"C:\\\\dir\")\r\n"),
        quoting,
    ) {
        Ok(Response::Untagged(Untagged::Fetch(_, mut data))) => {
            data.take_header().flatten().unwrap()
        }
        other => panic!("{other:?}"),
    };
    assert_eq!(header(Quoting::Plain), b"C:\\\\dir");
    assert_eq!(header(Quoting::Escaped), b"C:\\dir");
}

#[test]
fn row_r1_body_peek_sections_are_read() {
    let mut data = fetch(
        b"* 1 FETCH (BODY[] {4}\r\nab\r\n BODY[HEADER] \"h\" BODY[1.2] text BODY[HEADER.FIELDS (To \"Cc\")] NIL BINARY[1] x)\r\n",
    );
    assert_eq!(data.take_message(), Some(Some(b"ab\r\n".to_vec())));
    assert_eq!(data.take_header(), Some(Some(b"h".to_vec())));
    let part = Section {
        part: vec![1, 2],
        text: None,
    };
    assert_eq!(data.take_section(&part), Some(Some(b"text".to_vec())));
    assert_eq!((data.sections.len(), data.unknown_count), (1, 1));
}

#[test]
fn row_r1_qresync_vanished() {
    let set = SequenceSet::parse(b"41,43:116").unwrap();
    assert_eq!(
        untagged(b"* VANISHED (EARLIER) 41,43:116\r\n"),
        Untagged::Vanished {
            earlier: true,
            uids: set.clone()
        }
    );
    assert_eq!(
        untagged(b"* VANISHED 41,43:116\r\n"),
        Untagged::Vanished {
            earlier: false,
            uids: set
        }
    );
}

#[test]
fn an_unreadable_date_does_not_close_a_mailbox() {
    let data = fetch(b"* 1 FETCH (INTERNALDATE \"yesterday\")\r\n");
    assert_eq!(data.internal_date, Some(InternalDate::UNREADABLE));
}

#[test]
fn malformed_data_is_an_error_and_not_a_guess() {
    for line in [
        "* 1 FETCH (FLAGS (\\Seen)\r\n",
        "* 1 FETCH (RFC822.SIZE -5)\r\n",
        "* 1 FETCH (RFC822.SIZE 99999999999)\r\n",
        "* 1 FETCH (ENVELOPE (NIL))\r\n",
        "* 1 FETCH (RFC822 \"open)\r\n",
        "* 1 FETCH (RFC822)\r\n",
        "* 1 FETCH (X-THING)\r\n",
        "* 1 FETCH (FLAGS ()) trailing\r\n",
        "* 1 FETCH (BODY[)\r\n",
        "* LIST\r\n",
        "* FLAGS\r\n",
    ] {
        assert!(read(line.as_bytes()).is_err(), "{line}");
    }
}

#[test]
fn nesting_is_bounded() {
    let nested = |depth: usize| {
        format!(
            "* 1 FETCH (X {}{})\r\n",
            "(".repeat(depth),
            ")".repeat(depth)
        )
    };
    assert!(read(nested(90).as_bytes()).is_ok());
    for depth in [200, 1_000_000] {
        assert_eq!(read(nested(depth).as_bytes()), Err(ParseError::TooDeep));
        let body = format!("* 1 FETCH (BODY {})\r\n", "(".repeat(depth));
        assert_eq!(read(body.as_bytes()), Err(ParseError::TooDeep));
    }
}

#[test]
fn later_data_of_a_message_counts() {
    let mut data = fetch(b"* 1 FETCH (FLAGS (\\Seen) RFC822.SIZE 5)\r\n");
    data.merge(fetch(b"* 1 FETCH (FLAGS () UID 9 BODY[] x)\r\n"));
    assert_eq!(
        (names(data.flags), data.size, data.uid, data.sections.len()),
        (vec![], Some(5), Some(9), 1)
    );
}

/// The deepest structures that are read, on a stack smaller than any task's.
#[test]
fn the_deepest_nesting_fits_a_small_stack() {
    let message = "(MESSAGE RFC822 NIL NIL NIL NIL 5 (NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL) ";
    let lines = [
        format!(
            "* 1 FETCH (BODY {}(a b NIL NIL NIL NIL 5){})\r\n",
            "(".repeat(90),
            " mixed)".repeat(90)
        ),
        format!(
            "* 1 FETCH (BODY {}(a b NIL NIL NIL NIL 5){})\r\n",
            message.repeat(90),
            " 7)".repeat(90)
        ),
    ];
    let read_all = move || lines.iter().all(|line| read(line.as_bytes()).is_ok());
    let small = std::thread::Builder::new()
        .stack_size(256 * 1024)
        .spawn(read_all)
        .unwrap();
    assert!(small.join().unwrap());
}

/// UW imapd and Dovecot both write the names in capitals.
#[test]
fn a_section_is_found_whatever_the_case_of_its_field_names() {
    let mut data = fetch(b"* 1 FETCH (BODY[HEADER.FIELDS (SUBJECT TO)] x)\r\n");
    let named = |names: &[&str]| Section {
        part: Vec::new(),
        text: Some(SectionText::HeaderFields(
            names.iter().map(|name| name.as_bytes().to_vec()).collect(),
        )),
    };
    assert_eq!(data.take_section(&named(&["Subject"])), None);
    assert_eq!(
        data.take_section(&named(&["Subject", "To"])),
        Some(Some(b"x".to_vec()))
    );
}

#[test]
fn some_of_a_message_is_never_taken_for_all_of_it() {
    let mut data = fetch(b"* 1 FETCH (BODY[]<0> \"low\")\r\n");
    assert_eq!(data.take_message(), None);
    assert_eq!(data.pieces, [(Section::whole(), 0, Some(b"low".to_vec()))]);
}

#[test]
fn of_a_server_that_talks_without_end_the_beginning_is_shown() {
    let shown = |text: &str| {
        let text = text.as_bytes().to_vec();
        StatusText { code: None, text }.to_string()
    };
    let sentence = "x".repeat(200);
    assert_eq!(shown(&sentence), sentence);
    assert_eq!(shown(&format!("{sentence}y")), format!("{sentence} ..."));
    let hidden = shown(&"\u{1b}".repeat(1_000_000));
    assert_eq!(hidden, format!("{} ...", "\\x1b".repeat(200)));
}
