use super::*;

/// Writes addresses as `name|adl|mailbox|host`, with `-` for NIL.
fn shown(value: &[u8]) -> Vec<String> {
    let mut addresses = Vec::new();
    read_addresses(value, &mut addresses);
    let text = |part: &NString| match part {
        Some(text) => text.escape_ascii().to_string(),
        None => "-".to_owned(),
    };
    addresses
        .iter()
        .map(|a| [&a.name, &a.adl, &a.mailbox, &a.host].map(text).join("|"))
        .collect()
}

#[track_caller]
fn check(value: &str, expected: &[&str]) {
    assert_eq!(shown(value.as_bytes()), expected, "{value}");
}

#[test]
fn addresses_as_they_should_be() {
    check("ada@tide.example", &["-|-|ada|tide.example"]);
    check(" Ada L <a@x.example>", &["Ada L|-|a|x.example"]);
    check("\"L, Ada\" <a@x>, b@y", &["L, Ada|-|a|x", "-|-|b|y"]);
    check("\"Ada \\\"the\\\" L\" <a@x>", &["Ada \\\"the\\\" L|-|a|x"]);
    check(
        "Ada\r\n <a@x>,\r\n\tBob\r\n Byron <b@x>",
        &["Ada|-|a|x", "Bob Byron|-|b|x"],
    );
    check("\"folded\r\n name\" <a@x>", &["folded name|-|a|x"]);
    check("Ada \"the\" L. Byron <a@x>", &["Ada the L. Byron|-|a|x"]);
    check("\"a b\"@x.example", &["-|-|a b|x.example"]);
    check("a@[192.0.2.1]", &["-|-|a|[192.0.2.1]"]);
    check("a@[IPv6:2001:db8::1]", &["-|-|a|[IPv6:2001:db8::1]"]);
    check("ada . l @ tide . example", &["-|-|ada.l|tide.example"]);
    check("=?utf-8?Q?a=2Cb?= <a@x>", &["=?utf-8?Q?a=2Cb?=|-|a|x"]);
    check("Andr\u{e9} <a@x>", &["Andr\\xc3\\xa9|-|a|x"]);
}

#[test]
fn comments_are_names_only_behind_an_address_without_one() {
    check("a@x (Ada L)", &["Ada L|-|a|x"]);
    check("a@x (Ada (the) \\) L)", &["Ada (the) ) L|-|a|x"]);
    check("a@x (one) (two), b@x ( Bob )", &["one|-|a|x", "Bob|-|b|x"]);
    check("<a@x> (Ada)", &["Ada|-|a|x"]);
    check("Ada <a@x> (comment)", &["Ada|-|a|x"]);
    check("Ada (mid) L <a@x>", &["Ada L|-|a|x"]);
    check("(first) a@x", &["-|-|a|x"]);
    check("a@x (one) .example", &["-|-|a|x.example"]);
    check("(only a comment)", &[]);
    check(
        "MAILER-DAEMON (Mail)",
        &["Mail|-|MAILER-DAEMON|.MISSING-HOST-NAME."],
    );
}

#[test]
fn source_routes_are_kept_apart() {
    check("<@r1.x,@r2.x:ada@tide.x>", &["-|@r1.x,@r2.x|ada|tide.x"]);
    check("Ada <@r1.x : ada@tide.x>", &["Ada|@r1.x|ada|tide.x"]);
    check("<@r1.x:>", &["-|@r1.x|MISSING_MAILBOX|.MISSING-HOST-NAME."]);
    check("<@r1.x>, b@x", &["-|-|MISSING_MAILBOX|r1.x", "-|-|b|x"]);
}

#[test]
fn groups_have_a_start_and_an_end() {
    check(
        "crew: a@x, B <b@x>;, c@x",
        &["-|-|crew|-", "-|-|a|x", "B|-|b|x", "-|-|-|-", "-|-|c|x"],
    );
    check(
        "undisclosed-recipients:;",
        &["-|-|undisclosed-recipients|-", "-|-|-|-"],
    );
    check(
        "\"my crew\" (c) : a@x",
        &["-|-|my crew|-", "-|-|a|x", "-|-|-|-"],
    );
    check(": a@x;", &["-|-||-", "-|-|a|x", "-|-|-|-"]);
    check(
        "g: h: a@x;;",
        &["-|-|g|-", "-|-|h|-", "-|-|a|x", "-|-|-|-", "-|-|-|-"],
    );
    check("g: , ;;", &["-|-|g|-", "-|-|-|-"]);
    check("g: a@x; b@x", &["-|-|g|-", "-|-|a|x", "-|-|-|-", "-|-|b|x"]);
}

#[test]
fn what_is_missing_gets_a_placeholder() {
    check("ada", &["-|-|ada|.MISSING-HOST-NAME."]);
    check("<ada>", &["-|-|ada|.MISSING-HOST-NAME."]);
    check("Ada L", &["Ada L|-|MISSING_MAILBOX|.MISSING-HOST-NAME."]);
    check("Ada <>", &["Ada|-|MISSING_MAILBOX|.MISSING-HOST-NAME."]);
    check("a@", &["-|-|a|.MISSING-HOST-NAME."]);
    check("@b", &["-|-|MISSING_MAILBOX|b"]);
    check(
        "\"never closed <a@x>",
        &["-|-|never closed <a@x>|.MISSING-HOST-NAME."],
    );
}

#[test]
fn junk_costs_no_address_behind_it() {
    check("", &[]);
    check(" ,, ;,> , ", &[]);
    check(", a@x,, b@x,", &["-|-|a|x", "-|-|b|x"]);
    check("a@x; b@x", &["-|-|a|x", "-|-|b|x"]);
    check("a@x <y@z> junk, b@x", &["-|-|a|x", "-|-|b|x"]);
    check("Ada <a@x \"q,\" (c,), b@x", &["Ada|-|a|x", "-|-|b|x"]);
    check("Ada <<a@x>>, b@x", &["Ada|-|a|x", "-|-|b|x"]);
    check("Ada <a@x, Bob <b@x>", &["Ada|-|a|x", "Bob|-|b|x"]);
    check("Ada [x] <a@x>", &["Ada [x]|-|a|x"]);
    check("x y z@x", &["x y|-|z|x"]);
    check("<a b@x>", &["-|-|a b|x"]);
    check("<mailto:a@x>", &["-|-|mailto:a|x"]);
    check("a\\@b@x", &["-|-|a@b|x"]);
    check("a@x (never closed, b@x", &["-|-|a|x"]);
    check("a\0b@x\0y", &["-|-|ab|xy"]);
    check("a@x\\", &["-|-|a|x"]);
}

#[test]
fn a_list_stops_at_its_limit_with_its_groups_closed() {
    let endless = b"a@x,".repeat(Envelope::MAX_ADDRESSES);
    assert_eq!(
        shown(&[&endless[..], b"b@x"].concat()).len(),
        Envelope::MAX_ADDRESSES
    );
    for start in [&b"g:"[..], b"a@x, g:b@y,"] {
        let nested = start.repeat(Envelope::MAX_ADDRESSES);
        let found = shown(&nested);
        assert!(found.len() <= Envelope::MAX_ADDRESSES);
        let starts = found.iter().filter(|it| *it == "-|-|g|-").count();
        let ends = found.iter().filter(|it| *it == "-|-|-|-").count();
        assert_eq!((starts, ends), (starts, starts));
        assert!(starts > Envelope::MAX_ADDRESSES / 5);
    }
}
