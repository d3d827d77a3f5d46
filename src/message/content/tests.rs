use super::*;

fn check(value: &str, expected: &str) {
    let found = ContentType::read(value.as_bytes()).map_or_else(
        || "none".to_owned(),
        |content| {
            let mut text = [content.media_type, content.subtype].join(&b'/');
            for (name, value) in content.params {
                text.extend([b";", &name[..], b"=", &value].concat());
            }
            text.escape_ascii().to_string()
        },
    );
    assert_eq!(found, expected, "{value}");
}

#[test]
fn content_types_as_they_should_be() {
    check(" text/plain", "TEXT/PLAIN");
    check("Text/Html; Charset=\"UTF-8\"", "TEXT/HTML;CHARSET=UTF-8");
    check("a/b;c=d;e=f;", "A/B;C=d;E=f");
    check("text/plain\r\n ; charset=\r\n\tutf-8", "TEXT/PLAIN;CHARSET=utf-8");
    check("text/plain (c); (d) charset (e) = (f) utf-8 (g)", "TEXT/PLAIN;CHARSET=utf-8");
    check("a/b; name=\"x;y\\\"z\"; n=1", "A/B;NAME=x;y\\\"z;N=1");
    check("a/b; name=\"\"", "A/B;NAME=");
    check("a/b; name*0=x; name*1=y", "A/B;NAME*0=x;NAME*1=y");
}

#[test]
fn content_types_as_they_are_written() {
    check("text", "TEXT/PLAIN");
    check("multipart/; boundary=b", "MULTIPART/MIXED;BOUNDARY=b");
    check("application", "APPLICATION/OCTET-STREAM");
    check("message", "MESSAGE/RFC822");
    check("font", "FONT/UNKNOWN");
    check("text/plain charset=utf-8", "TEXT/PLAIN");
    check("text/plain, x; charset=utf-8", "TEXT/PLAIN;CHARSET=utf-8");
    check("a/b; c; d=; =e; f=g", "A/B;F=g");
    check("a/b; c=d;; e=f", "A/B;C=d;E=f");
    check("a/b; name=My File.pdf; c=d", "A/B;NAME=My;C=d");
    check("a/b; name=caf\u{e9}.txt", "A/B;NAME=caf\\xc3\\xa9.txt");
    check("a/b; name==?utf-8?Q?a?=", "A/B;NAME==?utf-8?Q?a?=");
    check("a/b; c=\"never closed", "A/B;C=never closed");
    check("a/b; (never closed; c=d", "A/B");
    for nothing in ["", " ", "/plain", ";charset=x", "\"text\"/\"plain\"", "(text/plain)", "\u{e9}/x"] {
        check(nothing, "none");
    }
}

#[test]
fn transfer_encodings() {
    for (value, expected) in [
        (None, "7BIT"),
        (Some(""), "7BIT"),
        (Some(" base64\r\n"), "BASE64"),
        (Some(" (c) Base64 (d)"), "BASE64"),
        (Some("\"base64\""), "BASE64"),
        (Some("quoted-printable; x"), "QUOTED-PRINTABLE"),
        (Some("x-foo"), "X-FOO"),
        (Some("=?x?="), "7BIT"),
    ] {
        assert_eq!(
            transfer_encoding(value.map(str::as_bytes)),
            expected.as_bytes(),
            "{value:?}"
        );
    }
}
