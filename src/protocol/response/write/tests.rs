use proptest::prelude::*;

use super::*;
use crate::protocol::framer::Frame;
use crate::protocol::response::{FetchData, Response, Untagged};
use crate::protocol::support::{bodies, envelopes, internal_dates, keywords, octets, sections};

fn written(dialect: Dialect, write: impl FnOnce(&mut ResponseWriter<'_>)) -> String {
    let mut out = Vec::new();
    write(&mut ResponseWriter::new(&mut out, dialect));
    String::from_utf8(out).unwrap()
}

fn seq(number: u32) -> SeqNum {
    SeqNum::new(number).unwrap()
}

fn date() -> InternalDate {
    InternalDate::parse(b"7-Feb-1994 13:52:25 -0800").unwrap()
}

#[test]
fn lines_are_written_as_the_rfcs_show_them() {
    let tag = Tag::from_bytes(b"a1").unwrap();
    let name = |text: &str| text.parse::<MailboxName>().unwrap();
    let text = written(Dialect::Rfc1176, |writer| {
        writer.untagged(Condition::Ok, "lowtide ready");
        writer.flags([Flag::Answered, Flag::Seen]);
        writer.permanent_flags([Flag::Seen]);
        writer.exists(23);
        writer.recent(2);
        writer.expunge(seq(8));
        writer.copied(seq(8));
        writer.search([seq(2), seq(882)]);
        writer.search([]);
        writer.mailbox(&name("low tide"));
        writer.bboard(&name("inbox"));
        writer.capability("IMAP2");
        writer.go_ahead("Go ahead");
        writer.tagged(&tag, Status::Ok, "[READ-WRITE] SELECT completed");
        writer.bad(None, "empty line");
        writer.untagged(Condition::Bye, "gone");
        writer.untagged(Condition::PreAuth, "ada");
        writer.untagged(Condition::No, "hm");
    });
    let lines: Vec<_> = text.split_terminator("\r\n").collect();
    assert_eq!(
        lines,
        [
            "* OK lowtide ready",
            "* FLAGS (\\Answered \\Seen)",
            "* OK [PERMANENTFLAGS (\\Seen)] Kept",
            "* 23 EXISTS",
            "* 2 RECENT",
            "* 8 EXPUNGE",
            "* SEARCH 2 882",
            "* SEARCH",
            "* MAILBOX low tide",
            "* BBOARD INBOX",
            "* CAPABILITY IMAP2",
            "+ Go ahead",
            "a1 OK [READ-WRITE] SELECT completed",
            "* BAD empty line",
            "* BYE gone",
            "* PREAUTH ada",
            "* NO hm",
        ]
    );
}

#[test]
fn words_cannot_break_a_line() {
    assert_eq!(
        written(Dialect::Rfc1176, |writer| writer
            .untagged(Condition::Ok, "a\r\nb\0")),
        "* OK a??b?\r\n"
    );
}

#[test]
fn row_1064_store_reply_and_copy_untagged_are_the_oldest_dialects_alone() {
    let names = FlagNames::new(&Keywords::default());
    let stored = |dialect| {
        written(dialect, |writer| {
            writer.copied(seq(3));
            writer
                .stored(seq(2))
                .flags(FlagSet::DELETED, Recent::No, &names)
                .finish();
        })
    };
    assert_eq!(
        stored(Dialect::Rfc1064),
        "* 3 COPY\r\n* 2 STORE (FLAGS (\\Deleted))\r\n"
    );
    assert_eq!(
        stored(Dialect::Rfc1176),
        "* 2 FETCH (FLAGS (\\Deleted))\r\n"
    );
}

#[test]
fn row_1064_fetch_internaldate_the_form_follows_the_dialect() {
    let fast = |dialect| {
        let names = FlagNames::new(&Keywords::default());
        written(dialect, |writer| {
            let flags = FlagSet::SEEN.union(FlagSet::FLAGGED);
            writer
                .fetch(seq(12))
                .flags(flags, Recent::Yes, &names)
                .internal_date(&date())
                .size(2210)
                .finish();
        })
    };
    let old = "* 12 FETCH (FLAGS (\\Seen \\Flagged \\Recent) INTERNALDATE \" 7-Feb-94 13:52:25-PST\" RFC822.SIZE 2210)\r\n";
    assert_eq!(fast(Dialect::Rfc1176), old);
    assert_eq!(
        fast(Dialect::Imap2bis),
        old.replace("94 13:52:25-PST", "1994 13:52:25 -0800")
    );
}

#[test]
fn row_1064_fetch_flags_empty_and_nothing_at_all() {
    let names = FlagNames::new(&Keywords::default());
    let none = written(Dialect::Rfc1176, |writer| {
        writer
            .fetch(seq(1))
            .flags(FlagSet::EMPTY, Recent::No, &names)
            .finish();
        writer
            .fetch(seq(2))
            .flags(FlagSet::EMPTY, Recent::Yes, &names)
            .finish();
        writer.fetch(seq(3)).finish();
    });
    assert_eq!(
        none,
        "* 1 FETCH (FLAGS ())\r\n* 2 FETCH (FLAGS (\\Recent))\r\n* 3 FETCH ()\r\n"
    );
}

#[test]
fn a_bit_without_a_name_is_left_out() {
    let mut keywords = Keywords::default();
    let tide = keywords.define(&"Tide".parse().unwrap()).unwrap();
    let names = FlagNames::new(&keywords);
    let set = tide.union(FlagSet::keyword(9).unwrap());
    let text = written(Dialect::Rfc1176, |writer| {
        writer.fetch(seq(1)).flags(set, Recent::No, &names).finish()
    });
    assert_eq!(text, "* 1 FETCH (FLAGS (Tide))\r\n");
}

#[test]
fn row_1064_fetch_rfc822_texts_are_literals_byte_for_byte() {
    let text = written(Dialect::Rfc1176, |writer| {
        writer
            .fetch(seq(1))
            .header(b"A: b\r\n\r\n")
            .text(b"")
            .rfc822(b"x")
            .section(&Section::whole(), None)
            .finish();
    });
    let expected = "* 1 FETCH (RFC822.HEADER {8}\r\nA: b\r\n\r\n RFC822.TEXT {0}\r\n RFC822 {1}\r\nx BODY[] NIL)\r\n";
    assert_eq!(text, expected);
}

fn read(out: &[u8], dialect: Dialect) -> FetchData {
    match Response::parse(Frame::of(out), dialect.quoting()) {
        Ok(Response::Untagged(Untagged::Fetch(_, data))) => *data,
        other => panic!("{other:?}"),
    }
}

proptest! {
    #[test]
    fn what_the_endpoint_writes_a_client_reads(
        bits in any::<u64>(),
        names in prop::collection::vec(keywords(), 0..58),
        date in internal_dates(),
        size in any::<u32>(),
        uid in 1u32..,
        (envelope, body) in (envelopes(), bodies()),
        (message, section) in (octets(), sections()),
    ) {
        let mut keywords = Keywords::default();
        for name in &names {
            keywords.define(name).unwrap();
        }
        let known = FlagSet::SYSTEM.union(keywords.all());
        let flags = FlagSet::from_bits(bits).intersection(known);
        let flag_names = FlagNames::new(&keywords);
        for dialect in [Dialect::Rfc1064, Dialect::Imap2bis, Dialect::Imap4rev1] {
            let mut out = Vec::new();
            let mut rendered = Vec::new();
            envelope.encode(&mut rendered);
            ResponseWriter::new(&mut out, dialect)
                .fetch(seq(1))
                .flags(flags, Recent::Yes, &flag_names)
                .internal_date(&date)
                .size(size)
                .uid(uid)
                .envelope_rendered(&rendered)
                .body(&body)
                .rfc822(&message)
                .section(&section, Some(&message))
                .finish();
            let data = read(&out, dialect);
            let (set, unknown) = keywords.resolve(&data.flags.unwrap());
            prop_assert_eq!((set, unknown.len()), (flags, 0));
            prop_assert_eq!(data.internal_date.map(|date| date.instant_secs), Some(date.instant_secs));
            prop_assert_eq!((data.size, data.uid), (Some(size), Some(uid)));
            prop_assert_eq!(data.envelope.as_deref(), Some(&envelope));
            prop_assert_eq!(data.body.as_ref(), Some(&body));
            prop_assert_eq!(&data.rfc822, &Some(Some(message.clone())));
            prop_assert_eq!(data.sections, [(section.clone(), Some(message.clone()))]);
        }
    }
}
