use super::*;

/// Writes a structure as `TYPE/SUBTYPE size lines` and `(parts SUBTYPE)`.
fn shown(message: &[u8]) -> String {
    use crate::protocol::types::{Body, PartKind};
    fn write(body: &Body) -> String {
        match body {
            Body::Multipart { parts, subtype } => {
                let parts: Vec<_> = parts.iter().map(write).collect();
                format!("({} {})", parts.join(" "), subtype.escape_ascii())
            }
            Body::Single(part) => {
                let name = [&part.media_type[..], &part.subtype].join(&b'/');
                let start = format!("{} {}", name.escape_ascii(), part.size);
                match &part.kind {
                    PartKind::Basic => start,
                    PartKind::Text { line_count } => format!("{start} {line_count}"),
                    PartKind::Message {
                        body, line_count, ..
                    } => format!("{start} {line_count} [{}]", write(body)),
                }
            }
        }
    }
    write(&Structure::of(message).body())
}

/// Checks a message with bare LF, given as such, and with CRLF: `expected` has the sizes for CRLF.
#[track_caller]
fn check(message: &str, expected: &str) {
    let with_crlf = message.replace('\n', "\r\n");
    assert_eq!(shown(with_crlf.as_bytes()), expected, "{message}");
    let without_digits = |text: &str| text.replace(|c: char| c.is_ascii_digit(), "");
    let with_lf = shown(message.as_bytes());
    assert_eq!(
        without_digits(&with_lf),
        without_digits(expected),
        "{message}"
    );
}

fn multipart(subtype: &str, text: &str) -> String {
    format!("Content-Type: multipart/{subtype}; boundary=b\n\n{text}")
}

#[test]
fn single_parts() {
    check("A: b\n\nhello\nworld\n", "TEXT/PLAIN 14 2");
    check("A: b\n\nhello\nworld", "TEXT/PLAIN 12 1");
    check("A: b\n\n", "TEXT/PLAIN 0 0");
    check("A: b\n", "TEXT/PLAIN 0 0");
    check("", "TEXT/PLAIN 0 0");
    check("\ntext\n", "TEXT/PLAIN 6 1");
    check("Content-Type: text/html\n\n<p>\n", "TEXT/HTML 5 1");
    check("Content-Type: image/png\n\nx", "IMAGE/PNG 1");
    check(
        "Content-Type: nonsense, of course\n\nx",
        "NONSENSE/UNKNOWN 1",
    );
    check("Content-Type: =?\n\nx", "TEXT/PLAIN 1 0");
    check(
        "Content-Type: message/partial; id=x\n\nx",
        "MESSAGE/PARTIAL 1",
    );
    check(
        "Content-Type: text/html\nContent-Type: image/png\n\nx",
        "TEXT/HTML 1 0",
    );
}

#[test]
fn multiparts() {
    check(
        &multipart(
            "mixed",
            "preamble\n--b\n\none\ntwo\n--b\nContent-Type: image/png\n\nxyz\n--b--\nepilogue\n",
        ),
        "(TEXT/PLAIN 8 1 IMAGE/PNG 3 MIXED)",
    );
    check(
        &multipart("mixed", "--b\n\none\n\n\n--b--\n"),
        "(TEXT/PLAIN 7 2 MIXED)",
    );
    check(
        &multipart("mixed", "--b\n\none\n--b\n\ntwo\n"),
        "(TEXT/PLAIN 3 0 TEXT/PLAIN 5 1 MIXED)",
    );
    check(
        &multipart("mixed", "--b  \n\none\n--b\t\n\ntwo\n--b-- \n"),
        "(TEXT/PLAIN 3 0 TEXT/PLAIN 3 0 MIXED)",
    );
    check(
        &multipart("mixed", "--b\n\none --b two\n --b\n-b\n--bc\n--b--"),
        "(TEXT/PLAIN 27 3 MIXED)",
    );
    check(
        &multipart("mixed", "--b\n\none\n--b--\n--b\n\nghost\n--b--\n"),
        "(TEXT/PLAIN 3 0 MIXED)",
    );
    check(
        &multipart(
            "x",
            "--b\n--b\n\n--b\n\n\n--b\nContent-Type: text/html\n--b\nno field\nContent-Type: text/html\n\n--b--\n",
        ),
        "(TEXT/PLAIN 0 0 TEXT/PLAIN 0 0 TEXT/PLAIN 0 0 TEXT/HTML 0 0 TEXT/HTML 0 0 X)",
    );
}

#[test]
fn nested_multiparts() {
    let inner =
        |boundary: &str| format!("Content-Type: multipart/alternative; boundary={boundary}\n\n");
    check(
        &multipart(
            "mixed",
            &format!(
                "--b\n{}--in\n\none\n--in--\n\n--b\n\nlast\n--b--\n",
                inner("in")
            ),
        ),
        "((TEXT/PLAIN 3 0 ALTERNATIVE) TEXT/PLAIN 4 0 MIXED)",
    );
    check(
        &multipart(
            "mixed",
            &format!("--b\n{}--in\n\none\n--b\n\nlast\n--b--\n", inner("in")),
        ),
        "((TEXT/PLAIN 3 0 ALTERNATIVE) TEXT/PLAIN 4 0 MIXED)",
    );
    for longer in ["bc", "b--c", "b--"] {
        check(
            &multipart(
                "mixed",
                &format!(
                    "--b\n{}--{longer}\n\none\n--{longer}--\n--b\n\nlast\n--b--\n",
                    inner(longer)
                ),
            ),
            "((TEXT/PLAIN 3 0 ALTERNATIVE) TEXT/PLAIN 4 0 MIXED)",
        );
    }
    check(
        &multipart(
            "mixed",
            &format!("--b\n{}--b\n\none\n--b--\n--b\n\nlast\n--b--\n", inner("b")),
        ),
        "((TEXT/PLAIN 3 0 ALTERNATIVE) TEXT/PLAIN 4 0 MIXED)",
    );
}

#[test]
fn messages_within() {
    check(
        "Content-Type: message/rfc822\n\nSubject: s\n\ninner\n",
        "MESSAGE/RFC822 21 3 [TEXT/PLAIN 7 1]",
    );
    check(
        &multipart(
            "digest",
            "--b\n\nSubject: s\n\ninner\n--b\nContent-Type: text/plain\n\none\n--b--\n",
        ),
        "(MESSAGE/RFC822 19 2 [TEXT/PLAIN 5 0] TEXT/PLAIN 3 0 DIGEST)",
    );
    check(
        &multipart(
            "mixed",
            "--b\nContent-Type: message/rfc822\n\nContent-Type: multipart/mixed; boundary=c\n\n--c\n\none\n--c--\n--b--\n",
        ),
        "(MESSAGE/RFC822 62 5 [(TEXT/PLAIN 3 0 MIXED)] MIXED)",
    );
    check(
        &multipart(
            "mixed",
            "--b\nContent-Type: message/rfc822\n\nContent-Type: multipart/mixed; boundary=c\n\n--c\n\none\n--b\n\nlast\n--b--\n",
        ),
        "(MESSAGE/RFC822 55 4 [(TEXT/PLAIN 3 0 MIXED)] TEXT/PLAIN 4 0 MIXED)",
    );
    check(
        &multipart(
            "mixed",
            "--b\nContent-Type: message/rfc822\n\n--b\nContent-Type: message/rfc822\n\nno header\n--b--\n",
        ),
        "(MESSAGE/RFC822 0 0 [TEXT/PLAIN 0 0] MESSAGE/RFC822 9 0 [TEXT/PLAIN 0 0] MIXED)",
    );
}

#[test]
fn broken_multiparts_show_as_text() {
    check(
        "Content-Type: multipart/mixed\n\n--b\n\none\n--b--\n",
        "TEXT/PLAIN 19 4",
    );
    check(
        "Content-Type: multipart/mixed; boundary=\"\"\n\n--\n\none\n----\n",
        "TEXT/PLAIN 17 4",
    );
    check("Content-Type: multipart\n\none\n", "TEXT/PLAIN 5 1");
    check(&multipart("mixed", "no part at all\n"), "TEXT/PLAIN 16 1");
    check(&multipart("mixed", ""), "TEXT/PLAIN 0 0");
    check(&multipart("mixed", "--b--\n"), "TEXT/PLAIN 7 1");
    check(
        &multipart(
            "mixed",
            "--b\nContent-Type: multipart/mixed; boundary=c\n--b\n\ntwo\n--b--\n",
        ),
        "(TEXT/PLAIN 0 0 TEXT/PLAIN 3 0 MIXED)",
    );
}

#[test]
fn parts_that_say_more() {
    let message =
        b"Content-Type: Text/Html; Charset=\"UTF-8\"\nContent-Transfer-Encoding: Base64\n\
        Content-ID: <c@x>\nContent-Description:\n a\n desc\n\nx";
    let mut out = Vec::new();
    Structure::of(message).body().encode(&mut out);
    assert_eq!(
        out.escape_ascii().to_string().replace('\\', ""),
        r#"("TEXT" "HTML" ("CHARSET" "UTF-8") "<c@x>" "a desc" "BASE64" 1 0)"#
    );
}

#[test]
fn nothing_nests_deeper_or_has_more_parts_than_allowed() {
    let mut deep = String::new();
    for level in 0..300 {
        deep += &format!("Content-Type: multipart/mixed; boundary=b{level}\n\n--b{level}\n");
    }
    let text = shown(deep.as_bytes());
    assert_eq!(text.matches('(').count(), Structure::MAX_DEPTH - 1);
    assert!(text.contains("TEXT/PLAIN"), "{text}");

    let messages = "Content-Type: message/rfc822\n\n".repeat(300);
    assert_eq!(
        shown(messages.as_bytes()).matches('[').count(),
        Structure::MAX_DEPTH - 1
    );

    let wide = multipart("mixed", &"--b\n\nx\n".repeat(20_000));
    let structure = Structure::of(wide.as_bytes());
    assert_eq!(structure.entities().len(), Structure::MAX_PARTS);
    let last = structure.entities().last().map(|part| part.body.end);
    assert_eq!(last, Some(wide.len()));
}

#[test]
fn a_million_levels_fit_a_small_stack() {
    let mut deep = b"Content-Type: multipart/mixed; boundary=b\n\n--b\n".repeat(1_000_000);
    deep.extend(b"Content-Type: message/rfc822\n\n".repeat(1_000_000));
    let thread = std::thread::Builder::new().stack_size(256 * 1024);
    let length = thread
        .spawn(move || shown(&deep).len())
        .unwrap()
        .join()
        .unwrap();
    assert!(length > 0);
}
