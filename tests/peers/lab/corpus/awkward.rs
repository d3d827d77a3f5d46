//! The awkward kinds, one function each. Every one has been seen in real mailboxes.

use super::super::random::Random;
use super::letter::{Letter, base64, binary, prose};

/// The name of a kind, and how a message of it is written.
pub(super) type Kind = (&'static str, fn(&mut Random) -> Vec<u8>);

pub(super) const KINDS: &[Kind] = &[
    ("plain", plain),
    ("utf-8", |random| {
        in_charset(random, "utf-8", "8bit", "Größe, 中文, 😀".as_bytes())
    }),
    ("iso-8859-1", |random| {
        in_charset(random, "iso-8859-1", "8bit", b"na\xefve caf\xe9 \xa0 \xff")
    }),
    ("iso-2022-jp", |random| {
        in_charset(random, "iso-2022-jp", "7bit", b"\x1b$B$3$s$K$A$O\x1b(B")
    }),
    ("koi8-r", |random| {
        in_charset(random, "koi8-r", "8bit", b"\xf0\xd2\xc9\xd7\xc5\xd4")
    }),
    ("raw 8-bit header", raw_8_bit_header),
    ("raw 8-bit body", |random| {
        Letter::new(random)
            .body(b"no charset \xe4\xf6\xfc\xdf\x80\x9f\r\n")
            .bytes()
    }),
    ("encoded words", encoded_words),
    ("folded header", folded_header),
    ("groups", groups),
    ("source routes", source_routes),
    ("specials in strings", specials),
    ("nested parts", nested_parts),
    ("bounce", bounce),
    ("binary attachment", binary_attachment),
    ("base64 attachment", base64_attachment),
    ("broken multipart", broken_multipart),
    ("no date", |random| {
        Letter::new(random)
            .without("Date")
            .body("undated\r\n")
            .bytes()
    }),
    ("no sender", |random| {
        Letter::new(random)
            .without("From")
            .body("nobody's\r\n")
            .bytes()
    }),
    ("no message id", |random| {
        Letter::new(random)
            .without("Message-ID")
            .body("unnamed\r\n")
            .bytes()
    }),
    ("no subject", |random| {
        Letter::new(random)
            .without("Subject")
            .body("about nothing\r\n")
            .bytes()
    }),
    ("wrong date", |random| {
        Letter::new(random)
            .field("Date", "yesterday, 31 Feb 96 25:61 XYZ")
            .body("?\r\n")
            .bytes()
    }),
    ("odd field lines", odd_field_lines),
    ("empty fields", |random| {
        Letter::new(random)
            .field("Subject", "")
            .field("To", "")
            .body("empty\r\n")
            .bytes()
    }),
    ("repeated fields", repeated_fields),
    ("header only", |random| Letter::new(random).bytes()),
    ("header without its end", |random| {
        Letter::new(random).header()
    }),
    ("body only", |random| {
        Letter::blank().body(prose(random, 200)).bytes()
    }),
    ("one line break of body", |random| {
        Letter::new(random).body("\r\n").bytes()
    }),
    ("no last line break", |random| {
        Letter::new(random).body("it ends here").bytes()
    }),
    ("many empty lines", |random| {
        Letter::new(random)
            .body("\r\n\r\n\r\ntext\r\n\r\n\r\n\r\n")
            .bytes()
    }),
    ("long lines", long_lines),
    ("many recipients", many_recipients),
    ("lines that begin with From", from_lines),
    ("lone dots", |random| {
        Letter::new(random)
            .body(".\r\n..\r\n...\r\n.\r\nQUIT\r\n.\r\n")
            .bytes()
    }),
    ("blanks at line ends", |random| {
        Letter::new(random)
            .body("two  \r\ntab\t\r\n \r\n\t\r\nend   ")
            .bytes()
    }),
    ("control characters", control_characters),
    ("same id, other text", same_id_other_text),
    ("a mailbox's own fields", mailbox_fields),
    ("large text", |random| {
        Letter::new(random).body(prose(random, 150_000)).bytes()
    }),
];

fn plain(random: &mut Random) -> Vec<u8> {
    let size = 1 << random.below(15);
    Letter::new(random).body(prose(random, size)).bytes()
}

fn in_charset(random: &mut Random, charset: &str, encoding: &str, sample: &[u8]) -> Vec<u8> {
    let mut body = prose(random, 300);
    body.extend(sample);
    body.extend(b"\r\n");
    Letter::new(random)
        .part(&format!("text/plain; charset={charset}"), encoding, body)
        .bytes()
}

fn raw_8_bit_header(random: &mut Random) -> Vec<u8> {
    let letter = Letter::new(random).field("Subject", b"\xf0\xd2\xc9\xd7\xc5\xd4 \xe9\xe8 raw");
    letter
        .field("From", b"J\xfcrgen \"\xc4\" <j@example.org>")
        .body("seven bits\r\n")
        .bytes()
}

fn encoded_words(random: &mut Random) -> Vec<u8> {
    let subject = "=?iso-8859-1?Q?a_=22b=22_=E9?= =?utf-8?B?5Lit5paH?=\r\n =?bad?X?nonsense?= =?utf-8?Q?unended";
    let from = "=?utf-8?Q?J=C3=BCrgen?= <j@example.org>";
    Letter::new(random)
        .field("Subject", subject)
        .field("From", from)
        .body("words\r\n")
        .bytes()
}

fn folded_header(random: &mut Random) -> Vec<u8> {
    let letter = Letter::new(random).field(
        "Subject",
        "folded\r\n with a blank\r\n\twith a tab\r\n  \t with both",
    );
    let letter = letter.field(
        "References",
        (0..40)
            .map(|n| format!("\r\n <{n}@example.org>"))
            .collect::<String>(),
    );
    letter
        .field("To", "\r\n ada@example.org,\r\n\tgrace@example.org")
        .body("folded\r\n")
        .bytes()
}

fn groups(random: &mut Random) -> Vec<u8> {
    let letter = Letter::new(random).field(
        "To",
        "friends: ada@example.org, Grace <grace@example.org>;, x@example.net",
    );
    letter
        .field("Cc", "undisclosed-recipients:;")
        .field("Bcc", "a: b: c;;")
        .body("to a group\r\n")
        .bytes()
}

fn source_routes(random: &mut Random) -> Vec<u8> {
    let letter =
        Letter::new(random).field("From", "Old Hand <@relay.arpa,@gate.arpa:hand@host.arpa>");
    letter
        .field("Sender", "hand%host.arpa@gate.arpa")
        .field("Reply-To", "uunet!gate!hand, <>")
        .body("routed\r\n")
        .bytes()
}

fn specials(random: &mut Random) -> Vec<u8> {
    let letter = Letter::new(random).field(
        "Subject",
        "\"quote\" \\back\\slash\\ 100% {5} {3}\r\n (open [x] * ~ NIL",
    );
    let from = "\"Quote \\\" Back \\\\ slash\" (comment (nested \\) )) <\"odd name\"@example.org>";
    letter
        .field("From", from)
        .field("Message-ID", "<\"a b\\\"c\"@[10.0.0.1]>")
        .body("} ) \" \\\r\n")
        .bytes()
}

/// A letter with a picture, forwarded, beside another forwarded within it.
fn nested_parts(random: &mut Random) -> Vec<u8> {
    let text = Letter::blank().part("text/plain; charset=us-ascii", "7bit", prose(random, 400));
    let html = Letter::blank().part(
        "text/html; charset=utf-8",
        "quoted-printable",
        "<p>tide=20=\r\n</p>\r\n",
    );
    let picture = Letter::blank().part(
        "image/png; name=\"a \\\"b\\\".png\"",
        "base64",
        base64(random, 3000),
    );
    let both = Letter::blank().parts("multipart/alternative", "inner=_1", &[text.clone(), html]);
    let deepest =
        Letter::new(random).parts("multipart/mixed", "deep", &[text.clone(), picture.clone()]);
    let forwarded = Letter::blank().part("message/rfc822", "7bit", deepest.bytes());
    let middle = Letter::new(random).parts(
        "multipart/digest",
        "middle'()+_,-./:=?",
        &[forwarded.clone(), text],
    );
    let outer = Letter::blank().part("message/rfc822", "8bit", middle.bytes());
    Letter::new(random)
        .parts(
            "multipart/mixed",
            "outer",
            &[both, picture, outer, forwarded],
        )
        .bytes()
}

fn bounce(random: &mut Random) -> Vec<u8> {
    let text = Letter::blank().body("It could not be delivered.\r\n");
    let status = "Reporting-MTA: dns; mail.example\r\n\r\nFinal-Recipient: rfc822; x@example.net\r\nAction: failed\r\n";
    let status = Letter::blank().part("message/delivery-status", "7bit", status);
    let header = Letter::blank().part("text/rfc822-headers", "7bit", Letter::new(random).header());
    let letter = Letter::new(random)
        .field("Return-Path", "<>")
        .field("From", "MAILER-DAEMON (the mailer)");
    letter
        .parts(
            "multipart/report; report-type=delivery-status",
            "bounce",
            &[text, status, header],
        )
        .bytes()
}

fn binary_attachment(random: &mut Random) -> Vec<u8> {
    let size = 1000 + random.below(20_000);
    let attachment =
        Letter::blank().part("application/octet-stream", "binary", binary(random, size));
    let text = Letter::blank().body("See the attachment.\r\n");
    Letter::new(random)
        .parts("multipart/mixed", "bin", &[text, attachment])
        .bytes()
}

fn base64_attachment(random: &mut Random) -> Vec<u8> {
    let size = 10_000 + random.below(60_000);
    let attachment = Letter::blank().part(
        "application/zip; name*=utf-8''%E4%B8%AD.zip",
        "base64",
        base64(random, size),
    );
    let text = Letter::blank().body("See the attachment.\r\n");
    Letter::new(random)
        .parts("multipart/mixed", "zip", &[text, attachment])
        .bytes()
}

fn broken_multipart(random: &mut Random) -> Vec<u8> {
    let body = "--other\r\nContent-Type\r\n\r\nno such boundary\r\n--lost\r\n\r\nand no end";
    Letter::new(random)
        .part("multipart/mixed; boundary=lost", "8bit", body)
        .bytes()
}

fn odd_field_lines(random: &mut Random) -> Vec<u8> {
    let mut bytes = Letter::new(random).header();
    bytes.extend(b"a line without a colon\r\nSpaced : value\r\n: no name\r\nX-Empty:\r\nsUbJeCt: twice\r\n\r\nodd\r\n");
    bytes
}

fn repeated_fields(random: &mut Random) -> Vec<u8> {
    let mut bytes = Letter::new(random).header();
    bytes.extend(b"Subject: a second subject\r\nFrom: second@example.org\r\nDate: Thu, 1 Jan 1970 00:00:00 GMT\r\n\r\n2\r\n");
    bytes
}

fn long_lines(random: &mut Random) -> Vec<u8> {
    let subject = "s".repeat(1000 + random.below(6000));
    Letter::new(random)
        .field("Subject", subject)
        .body("b".repeat(20_000) + "\r\nshort\r\n")
        .bytes()
}

fn many_recipients(random: &mut Random) -> Vec<u8> {
    let people: Vec<String> = (0..500)
        .map(|n| format!("Person {n} <p{n}@host{}.example.org>", n % 7))
        .collect();
    Letter::new(random)
        .field("To", people.join(",\r\n "))
        .body("to all\r\n")
        .bytes()
}

fn from_lines(random: &mut Random) -> Vec<u8> {
    let body = "From the sea\r\nFrom ada Wed Jul 17 02:23:25 1996\r\n>From quoted\r\n>>From twice\r\n\r\n\
                From ada@example.org Wed Jul 17 02:23:25 1996\r\nSubject: not a message\r\n\r\nFrom ";
    Letter::new(random).body(body).bytes()
}

fn control_characters(random: &mut Random) -> Vec<u8> {
    let every: Vec<u8> = (1..=31)
        .filter(|byte| !matches!(byte, b'\r' | b'\n'))
        .chain([127])
        .collect();
    Letter::new(random)
        .body([b"\x0c\x1b[31mred\x1b[0m\x08 ".as_slice(), &every, b"\r\n"].concat())
        .bytes()
}

fn same_id_other_text(random: &mut Random) -> Vec<u8> {
    let letter = Letter::new(random).field("Message-ID", "<one-and-the-same@example.org>");
    let subject = format!("same id, text {}", random.below(1000));
    letter
        .field("Subject", subject)
        .body(prose(random, 100))
        .bytes()
}

/// Fields in which mailbox files keep a server's own notes; a letter may bring its own.
fn mailbox_fields(random: &mut Random) -> Vec<u8> {
    let letter = Letter::new(random)
        .field("Status", "RO")
        .field("X-Status", "AF")
        .field("X-UID", "99");
    let letter = letter
        .field("X-Keywords", "$Junk")
        .field("X-IMAP", "0000000001 0000000009")
        .field("Lines", "1");
    letter
        .field("Content-Length", "3")
        .body("kept?\r\n")
        .bytes()
}
