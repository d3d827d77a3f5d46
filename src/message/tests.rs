//! What holds for any octets.

use std::hint::black_box;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use super::decode::{base64, charset, quoted_printable};
use super::header::{fields, split};
use super::words::decode_words;
use super::*;
use crate::protocol::framer::{FrameLimits, Framed, Framer, Peer};
use crate::protocol::parse::{Cursor, SERVER_DEPTH};
use crate::protocol::types::{Body, Envelope, Quoting, Section, SectionText};

/// What messages are made of, whole and in pieces.
const PIECES: [&str; 48] = [
    "\r\n",
    "\n",
    "\r",
    "\r\n\r\n",
    "\n\n",
    " ",
    "\t",
    "\r\n ",
    ":",
    ";",
    ",",
    "<",
    ">",
    "@",
    ".",
    "(",
    ")",
    "\"",
    "\\",
    "[",
    "]",
    "=",
    "?",
    "=?",
    "?=",
    "/",
    "--",
    "--b",
    "--b--",
    "--c",
    "\0",
    "\u{e9}",
    "a",
    "b",
    "c",
    "0",
    "To: ",
    "From: ",
    "Subject: ",
    "Content-Type: ",
    "Content-Transfer-Encoding: ",
    "multipart/mixed; boundary=",
    "multipart/digest; boundary=",
    "message/rfc822",
    "text/html; charset=",
    "utf-8",
    "base64",
    "=?utf-8?Q?=C3=A9?=",
];

fn octets() -> impl Strategy<Value = Vec<u8>> {
    let pieces = vec(select(&PIECES[..]), 0..120).prop_map(|it| it.concat().into_bytes());
    prop_oneof![4 => messages(), 3 => pieces, 1 => vec(any::<u8>(), 0..200)]
}

/// Multiparts and messages within one another, more or less well made.
fn messages() -> impl Strategy<Value = Vec<u8>> {
    let end = select(&["\r\n", "\n"][..]);
    let line = vec(select(&PIECES[..]), 0..6).prop_map(|it| it.concat());
    let leaf = vec(line, 0..5).prop_map(|lines| ["Subject: x", "", &lines.join("\n")].join("\n"));
    let whole = leaf.prop_recursive(5, 40, 4, |inner| {
        let parts = vec(inner.clone(), 0..4);
        let boundary = select(&["b", "c", "bc", "b--"][..]);
        let closing = select(&["--", "", " ", "x"][..]);
        let multipart = (parts, boundary, closing).prop_map(|(parts, boundary, closing)| {
            let mut text = format!("Content-Type: multipart/mixed; boundary={boundary}\n\n");
            for part in parts {
                text += &format!("--{boundary}\n{part}\n");
            }
            text + "--" + boundary + closing
        });
        let message = inner.prop_map(|text| format!("Content-Type: message/rfc822\n\n{text}"));
        prop_oneof![multipart, message]
    });
    (whole, end).prop_map(|(text, end)| text.replace('\n', end).into_bytes())
}

/// Does with the octets all that can be done.
fn read_everything(octets: &[u8]) {
    black_box(header_hash(octets));
    black_box(envelope(octets));
    let structure = Structure::of(octets);
    black_box(structure.body());
    let mut search = TextSearch::default();
    for needle in ["aab", "\u{e9}\u{e9}b"].map(|it| Needle::new(it.as_bytes())) {
        black_box(needle.in_field(octets, b"subject"));
        search.add_text(needle);
    }
    black_box(search.holds(&structure));
    black_box(decode_words(octets));
}

/// Reads back what would be sent.
fn parsed<T>(encoded: &[u8], parse: impl FnOnce(&mut Cursor<'_>) -> T) -> T {
    let limits = FrameLimits {
        line: 1 << 20,
        literal: 1 << 20,
        literal_total: 1 << 20,
    };
    let line = [encoded, b"\r\n"].concat();
    match Framer::new(Peer::Server, limits).take(&mut &line[..]) {
        Some(Framed::Frame(mut frame)) => {
            parse(&mut Cursor::new(&mut frame, Quoting::Escaped, SERVER_DEPTH))
        }
        _ => panic!("no whole frame"),
    }
}

proptest! {
    #[test]
    fn any_octets_are_read_without_panic(octets in octets()) {
        read_everything(&octets);
    }

    #[test]
    fn header_and_text_are_the_whole(octets in octets()) {
        let (header, text) = split(&octets);
        prop_assert_eq!(&[header, text].concat(), &octets);
        let structure = Structure::of(&octets);
        prop_assert_eq!((structure.header(), structure.text()), (header, text));
        prop_assert_eq!(envelope(&octets), envelope(header));
        prop_assert_eq!(header_hash(&octets), header_hash(header));
        let size: usize = fields(&octets).map(|field| field.raw.len()).sum();
        prop_assert!(size <= header.len());
    }

    #[test]
    fn what_is_computed_can_be_sent_and_read_again(octets in octets()) {
        let mut encoded = Vec::new();
        let first = envelope(&octets);
        first.encode(&mut encoded);
        prop_assert_eq!(parsed(&encoded, Envelope::parse).unwrap(), first);
        encoded.clear();
        let body = Structure::of(&octets).body();
        body.encode(&mut encoded);
        prop_assert_eq!(parsed(&encoded, Body::parse).unwrap(), body);
        prop_assert!(!encoded.contains(&0));
    }

    #[test]
    fn every_section_lies_within_the_one_that_holds_it(octets in octets()) {
        let structure = Structure::of(&octets);
        let mut todo = vec![(Vec::new(), 0..octets.len())];
        while let Some((part, outer)) = todo.pop() {
            use SectionText::{Header, Mime, Text};
            for text in [None, Some(Header), Some(Text), Some(Mime)] {
                let section = Section { part: part.clone(), text };
                let Some(range) = structure.range(&section) else { continue };
                prop_assert!(range.start <= range.end && range.end <= octets.len());
                let is_header_of_part = matches!(section.text, Some(Mime));
                prop_assert!(is_header_of_part || outer.start <= range.start && range.end <= outer.end);
                let found = structure.section(&section);
                prop_assert_eq!(found.as_deref(), octets.get(range));
            }
            for number in 1..5 {
                let part = [&part[..], &[number]].concat();
                if let Some(range) = structure.range(&Section { part: part.clone(), text: None }) {
                    todo.push((part, range));
                }
            }
        }
    }

    #[test]
    fn every_part_of_a_structure_is_a_section_of_its_size(octets in octets()) {
        let structure = Structure::of(&octets);
        let mut todo = match structure.body() {
            body @ Body::Multipart { .. } => vec![(Vec::new(), body)],
            body @ Body::Single(_) => vec![(vec![1], body)],
        };
        while let Some((part, body)) = todo.pop() {
            match body {
                Body::Multipart { parts, .. } => {
                    todo.extend((1..).zip(parts).map(|(number, body)| ([&part[..], &[number]].concat(), body)));
                }
                Body::Single(single) => {
                    let range = structure.range(&Section { part: part.clone(), text: None });
                    prop_assert_eq!(range.map(|it| it.len()), usize::try_from(single.size).ok());
                    if let crate::protocol::types::PartKind::Message { body, .. } = single.kind {
                        let part = match body {
                            Body::Multipart { .. } => part,
                            Body::Single(_) => [&part[..], &[1]].concat(),
                        };
                        todo.push((part, body));
                    }
                }
            }
        }
    }

    #[test]
    fn decoders_never_write_more_than_four_times_what_they_read(
        octets in octets(),
        label in select(&["utf-8", "iso-8859-9", "utf-16", "utf-7", "cp850", "iso-2022-kr", "big5", "gb18030", "x"][..]),
    ) {
        let most = octets.len().saturating_mul(4);
        prop_assert!(base64(&octets).len() <= octets.len());
        prop_assert!(quoted_printable(&octets).len() <= octets.len());
        prop_assert!(search::lower_case(&charset(&octets, label.as_bytes())).len() <= most);
        prop_assert!(search::lower_case(&decode_words(&octets)).len() <= most);
    }

    #[test]
    fn a_header_hashes_alike_with_either_line_end(lines in vec("[ -~]{0,40}", 0..20)) {
        let text = lines.join("\n");
        prop_assert_eq!(header_hash(text.as_bytes()), header_hash(text.replace('\n', "\r\n").as_bytes()));
    }
}

/// Whether the time grows with the size is for the benchmarks to say; here nothing may be lost or fail.
#[test]
fn texts_made_to_be_slow_are_read_like_any_other() {
    const FRONTS: [&str; 4] = [
        "",
        "To: ",
        "Content-Type: multipart/mixed; boundary=b; x=",
        "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\n",
    ];
    let repeated = [
        "a",
        "aa ",
        "aaaa\r\n",
        " \r\n",
        "\r\n ",
        "(",
        "()",
        "\"",
        "\\",
        "\"\\\"",
        "[",
        "<",
        "<@",
        "@",
        "@,",
        ".",
        ":",
        "a:",
        ",",
        "a@b(c),",
        ";",
        "a=",
        ";a=b",
        ";a=\"",
        "=?",
        "=?a?q?",
        "=?a?q?a?= ",
        "--",
        "--b\r\n",
        "--b--\r\n",
        "\r\n--",
        "=",
        "=\r\n",
        "=a",
        "\u{e9}",
        "\0",
        "To: a@b\r\n",
        "--b\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n",
        "Content-Type: message/rfc822\r\n\r\n",
        "--b\r\nContent-Type: message/rfc822\r\n\r\n",
        "--b\r\nContent-Transfer-Encoding: base64\r\n\r\naaaa\r\n",
    ];
    for front in FRONTS {
        for piece in repeated {
            let octets = [front, &piece.repeat(32_000 / piece.len())]
                .concat()
                .into_bytes();
            let structure = Structure::of(&octets);
            assert_eq!([structure.header(), structure.text()].concat(), octets);
            read_everything(&octets);
        }
    }
}
