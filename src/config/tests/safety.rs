//! What keeps mail and passwords from others, as far as the file decides it.

use super::{parse, remote, said};
use insta::assert_snapshot;

fn password(value: &str) -> String {
    format!("[account.work]\nhost = 'h'\nuser = 'ada'\npassword = {value}\n")
}

fn endpoint(line: &str) -> String {
    format!("[account.work]\n[endpoint]\n{line}\n")
}

#[test]
fn clear_text_to_another_machine_needs_consent() {
    assert_snapshot!(said(remote("tls = 'none'")), @r##"
    5:7 (account.work.tls)
    account.work.tls cannot be "none": the password and all mail would cross the network to mail.example.org readable by anyone
    Write "implicit" or "starttls", use a tunnel, or add allow-cleartext = true if you accept that
    "##);
    assert_snapshot!(said(remote("tls = 'none'\nallow-cleartext = true\nca-file = 'x'")), @r##"
    7:11 (account.work.ca-file)
    account.work.ca-file has no use without TLS
    Remove ca-file, or choose another tls
    "##);
}

#[test]
fn passwords_are_kept_elsewhere() {
    assert_snapshot!(said("[account.work]\nhost = 'h'\nuser = 'ada'\npassword = 'hunter2'"), @r##"
    4:12 (account.work.password)
    account.work.password is written out in the file, where it can be read and copied
    Put it in a file of its own with mode 0600 and write { file = "..." }, or name a command: { command = ["pass", "show", "work"] }
    "##);
    assert_snapshot!(said(password("{ keyring = true }")), @r##"
    4:24 (account.work.password.keyring)
    this build of lowtide has no keyring support
    Use { command = [...] } with your keyring's command, such as ["secret-tool", "lookup", "mail", "work"]
    "##);
    assert_snapshot!(said(password("{}")), @r##"
    4:12 (account.work.password)
    account.work.password names no place
    Write one of command, file and credential
    "##);
    assert_snapshot!(said(password("{ file = 'pw', credential = 'work' }")), @r##"
    4:12 (account.work.password)
    account.work.password names more than one place
    Write one of command, file and credential
    "##);
    assert_snapshot!(said(password("{ credential = '../work' }")), @r##"
    4:27 (account.work.password.credential)
    account.work.password.credential has to be a name, not a path
    Write the name before the colon in LoadCredential=
    "##);
    assert_snapshot!(said(password("3")), @r##"
    4:12 (account.work.password)
    account.work.password cannot be a number
    Write where it is kept: { command = ["pass", "show", "work"] }, { file = "~/.work-password" } or { credential = "work" }
    "##);
    assert_snapshot!(said(password("{ command = 'pass show work' }")), @r##"
    4:24 (account.work.password.command)
    account.work.password.command cannot be this text
    Write a list of the program and its arguments, such as ["pass", "show", "work"]
    "##);
    assert_snapshot!(said(password("{ command = [] }")), @r##"
    4:24 (account.work.password.command)
    account.work.password.command cannot be an empty list
    Write a list of the program and its arguments, such as ["pass", "show", "work"]
    "##);
    assert_snapshot!(said(password("{ pass = 'hunter2' }")), @r##"
    4:14 (account.work.password.pass)
    there is no key "pass" in [account.work.password]
    Use one of command, file, credential, keyring
    "##);
}

#[test]
fn the_endpoint_stays_on_this_machine() {
    assert_snapshot!(said(endpoint("listen = ['0.0.0.0:1143']")), @r##"
    3:11 (endpoint.listen)
    endpoint.listen cannot be 0.0.0.0:1143, which other machines can reach
    Write 127.0.0.1 or [::1]; from elsewhere, tunnel to it with ssh
    "##);
    assert_snapshot!(said(endpoint("listen = ['127.0.0.1:1143', '[2001:db8::1]:1143']")), @r##"
    3:29 (endpoint.listen)
    endpoint.listen cannot be [2001:db8::1]:1143, which other machines can reach
    Write 127.0.0.1 or [::1]; from elsewhere, tunnel to it with ssh
    "##);
    assert_snapshot!(said(endpoint("listen = ['[::ffff:127.0.0.1]:1143']")), @r##"
    3:11 (endpoint.listen)
    endpoint.listen cannot be [::ffff:127.0.0.1]:1143, which other machines can reach
    Write 127.0.0.1 or [::1]; from elsewhere, tunnel to it with ssh
    "##);
    assert_snapshot!(said(endpoint("listen = ['localhost:1143']")), @r##"
    3:11 (endpoint.listen)
    endpoint.listen cannot be "localhost:1143"
    Write loopback addresses with their port, such as ["127.0.0.1:1143", "[::1]:1143"]
    "##);
    assert_snapshot!(said(endpoint("listen = '127.0.0.1:1143'")), @r##"
    3:10 (endpoint.listen)
    endpoint.listen cannot be "127.0.0.1:1143"
    Write loopback addresses with their port, such as ["127.0.0.1:1143", "[::1]:1143"]
    "##);
    assert_snapshot!(said(endpoint("listen = ['[::1]:1', '[::1]:1']")), @r##"
    3:22 (endpoint.listen)
    endpoint.listen has [::1]:1 twice
    Remove one of the two
    "##);
    assert_snapshot!(said(endpoint("dialect = 'rfc822'")), @r##"
    3:11 (endpoint.dialect)
    endpoint.dialect cannot be "rfc822"
    Write "auto", "rfc1064", "rfc1176" or "imap2bis"
    "##);
    assert_snapshot!(said(endpoint(&format!("socket = '/{}'", "s".repeat(200)))), @r##"
    3:10 (endpoint.socket)
    endpoint.socket has 201 bytes as a full path
    Choose a path of at most 103 bytes, the most a socket may have
    "##);
    assert_snapshot!(said(endpoint("password = 'hunter2'")), @r##"
    3:12 (endpoint.password)
    endpoint.password is written out in the file, where it can be read and copied
    Put it in a file of its own with mode 0600 and write { file = "..." }, or name a command: { command = ["pass", "show", "work"] }
    "##);
}

#[test]
fn no_message_repeats_a_password() {
    for wrong in [
        "password = 'hunter2'",
        "password = hunter2",
        "password = { hunter2 }",
        "password = 'hunter2' x",
        "password = 'hunter2",
        "password = { file = 'hunter2\u{1}' }",
        "password = { credential = 'a/hunter2' }",
        "password = { credential = '' }",
        "password = { command = 'hunter2' }",
        "password = { command = ['', 'hunter2'] }",
    ] {
        let text = format!("[account.work]\nhost = 'h'\nuser = 'ada'\n{wrong}\n");
        let error = parse(&text).expect_err(wrong);
        let everything = format!("{error} {error:?} {}", error.suggestion());
        assert!(!everything.contains("hunter2"), "{everything}");
    }
}
