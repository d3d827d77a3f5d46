use proptest::prelude::*;

use super::*;
use crate::protocol::support::protocol_soup;

const LIMITS: FrameLimits = FrameLimits {
    line: 100,
    literal: 50,
    literal_total: 80,
};

/// Everything a framer says, one line of text per saying; announced literals up to the limit are let through.
fn say(peer: Peer, limits: FrameLimits, chunks: &[&[u8]]) -> Vec<String> {
    let mut framer = Framer::new(peer, limits);
    let mut told = Vec::new();
    for chunk in chunks {
        let mut rest = *chunk;
        while let Some(framed) = framer.take(&mut rest) {
            told.push(match framed {
                Framed::Frame(frame) => spelt(&frame),
                Framed::Announced(announced) if announced.size <= limits.literal => {
                    framer.accept();
                    format!("accept {}", announced.size)
                }
                Framed::Announced(announced) => {
                    framer.refuse();
                    format!("refuse {}", announced.size)
                }
                Framed::LineTooLong(start) => format!("too long: {}", start.escape_ascii()),
                Framed::LiteralTooLarge => "lost".to_owned(),
            });
        }
    }
    told
}

fn spelt(frame: &Frame) -> String {
    let literals: Vec<_> = frame
        .literals
        .iter()
        .map(|l| format!("{}:{}", l.end_of_header, l.octets.escape_ascii()))
        .collect();
    format!("{} <{}>", frame.text.escape_ascii(), literals.join(" "))
}

fn check(peer: Peer, octets: &str, expected: &[&str]) {
    let octets = octets.as_bytes();
    assert_eq!(say(peer, LIMITS, &[octets]), expected);
    let single: Vec<_> = octets.chunks(1).collect();
    assert_eq!(say(peer, LIMITS, &single), expected, "one octet at a time");
}

#[test]
fn lines_end_with_lf_and_lose_one_cr() {
    check(
        Peer::Client,
        "a\r\nb\nc\r\r\n\r\n\nopen",
        &["a <>", "b <>", "c\\r <>", " <>", " <>"],
    );
}

#[test]
fn row_1064_lex_lit_s2c_a_servers_literal_is_read_by_count() {
    check(
        Peer::Server,
        "* 1 X {5}\r\na\r\nb) (c) {0}\r\n {1}\r\nz\r\n",
        &["* 1 X {5} (c) {0} {1} <9:a\\r\\nb) 17: 21:z>"],
    );
    check(Peer::Server, "x {3}\r\nabc\r\n", &["x {3} <5:abc>"]);
}

#[test]
fn free_text_of_a_server_announces_nothing() {
    for line in [
        "* OK see {5}",
        "+go {5}",
        "+ go {5}",
        "a1 NO not {5}",
        "* MAILBOX odd{5}",
        "* bye {5}",
    ] {
        check(
            Peer::Server,
            &format!("{line}\r\nnext\r\n"),
            &[&format!("{line} <>"), "next <>"],
        );
    }
}

#[test]
fn braces_that_are_no_count_announce_nothing() {
    for line in ["{}", "{a}", "{5", "5}", "{+}", "{5 }", "{-5}", "x}"] {
        check(
            Peer::Client,
            &format!("{line}\r\n"),
            &[&format!("{line} <>")],
        );
    }
}

#[test]
fn a_client_is_asked_about_each_literal() {
    check(
        Peer::Client,
        "a {3}\r\nxyz {60}\r\nb {2+}\r\nxy\r\n",
        &["accept 3", "refuse 60", "accept 2", "b {2+} <6:xy>"],
    );
    check(
        Peer::Client,
        "a {99999999999999999999999}\r\nb\r\n",
        &[&format!("refuse {}", usize::MAX), "b <>"],
    );
}

#[test]
fn the_line_limit_is_exact_and_leaves_room_for_the_line_end() {
    let (full, over) = ("x".repeat(100), "x".repeat(101));
    check(
        Peer::Client,
        &format!("{full}\r\n{full}\n{over}\r\nb\r\n"),
        &[
            &format!("{full} <>"),
            &format!("{full} <>"),
            &format!("too long: {full}"),
            "b <>",
        ],
    );
    let split = format!(
        "{} {{9}}\r\n123456789{}\r\n",
        "x".repeat(90),
        "y".repeat(20)
    );
    assert_eq!(say(Peer::Client, LIMITS, &[split.as_bytes()]).len(), 2);
}

#[test]
fn a_long_line_that_sends_a_literal_unasked_loses_the_peer() {
    for length in [95, 96, 97, 98, 99, 200] {
        let line = format!("{} {{5+}}\r\na1 EXPUNGE\r\n", "x".repeat(length));
        for chunk in [1, 2, 3, 1000] {
            let chunks: Vec<_> = line.as_bytes().chunks(chunk).collect();
            let told = say(Peer::Client, LIMITS, &chunks);
            if length <= 95 {
                assert_eq!(
                    told.first().map(String::as_str),
                    Some("accept 5"),
                    "{length} {chunk}"
                );
            } else {
                assert_eq!(
                    told.last().map(String::as_str),
                    Some("lost"),
                    "{length} {chunk} {told:?}"
                );
            }
        }
    }
}

#[test]
fn a_literal_costs_what_has_arrived_and_not_what_was_announced() {
    let limits = FrameLimits {
        line: 100,
        literal: usize::MAX,
        literal_total: usize::MAX,
    };
    let mut framer = Framer::new(Peer::Server, limits);
    assert!(
        framer
            .take(&mut &b"* 1 X {2000000000}\r\nabc"[..])
            .is_none()
    );
    let literal = framer.unfinished().literals.first().unwrap();
    assert!(
        literal.octets.capacity() <= 64 * 1024,
        "{}",
        literal.octets.capacity()
    );
}

#[test]
fn the_literals_of_a_line_are_counted() {
    let limits = FrameLimits {
        line: usize::MAX,
        literal: 1,
        literal_total: usize::MAX,
    };
    let line = |count: usize| format!("{}\r\n", "{0}\r\n".repeat(count));
    assert_eq!(
        say(Peer::Server, limits, &[line(MAX_LITERALS + 1).as_bytes()]),
        ["lost"]
    );
    assert_ne!(
        say(Peer::Server, limits, &[line(MAX_LITERALS).as_bytes()]),
        ["lost"]
    );
}

#[test]
fn nothing_is_read_while_a_literal_waits_for_a_decision() {
    let mut framer = Framer::new(Peer::Client, LIMITS);
    let mut input = &b"a {3}\r\nxyz\r\n"[..];
    assert!(matches!(
        framer.take(&mut input),
        Some(Framed::Announced(_))
    ));
    assert!(framer.take(&mut input).is_none());
    assert_eq!(input, b"xyz\r\n");
    assert_eq!(framer.unfinished().text, b"a {3}");
    framer.refuse();
    assert!(matches!(framer.take(&mut input), Some(Framed::Frame(frame)) if frame.text == b"xyz"));
}

#[test]
fn a_frame_shows_its_size_alone() {
    assert_eq!(
        format!("{:?}", Frame::of(b"a LOGIN ada secret\r\n")),
        "Frame(18 octets, 0 literals)"
    );
}

proptest! {
    #[test]
    fn chunking_never_changes_what_is_said(
        octets in protocol_soup(),
        sizes in prop::collection::vec(1usize..9, 1..40),
        from_server in any::<bool>(),
        line in 1usize..60,
    ) {
        let peer = if from_server { Peer::Server } else { Peer::Client };
        let limits = FrameLimits { line, literal: 6, literal_total: 9 };
        let mut chunks = Vec::new();
        let mut rest = octets.as_slice();
        for size in sizes.iter().cycle() {
            let (chunk, left) = rest.split_at(rest.len().min(*size));
            chunks.push(chunk);
            rest = left;
            if rest.is_empty() {
                break;
            }
        }
        prop_assert_eq!(say(peer, limits, &chunks), say(peer, limits, &[&octets]));
    }
}
