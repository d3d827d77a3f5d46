//! What is said of a file that is wrong: place, problem, and what to do next.

use super::{ConfigError, parse, remote, said};
use insta::assert_snapshot;

#[test]
fn a_file_that_is_not_toml_says_where() {
    assert_snapshot!(said("[account.work"), @r##"
    1:14 ()
    the file is not TOML here: unclosed table, expected `]`
    Correct this line; a text stands in quotes, and a key stands only once
    "##);
    assert_snapshot!(said("[account.work]\nhost = mail.example.org\n"), @r##"
    2:8 ()
    the file is not TOML here: string values must be quoted, expected literal string
    Correct this line; a text stands in quotes, and a key stands only once
    "##);
    assert_snapshot!(said("[storage]\n[storage]\n"), @r##"
    2:2 ()
    the file is not TOML here: duplicate key
    Correct this line; a text stands in quotes, and a key stands only once
    "##);
    assert_snapshot!(said("[account.w\u{f6}rk]"), @r##"
    1:11 ()
    the file is not TOML here: invalid unquoted key, expected letters, numbers, `-`, `_`
    Correct this line; a text stands in quotes, and a key stands only once
    "##);
}

#[test]
fn an_empty_file_is_not_a_wish_for_no_account() {
    assert_snapshot!(said(""), @r##"
    1:1 (account)
    the file names no account
    Add a table such as [account.work]
    "##);
    assert_snapshot!(said("# only a comment\n[endpoint]\n"), @r##"
    1:1 (account)
    the file names no account
    Add a table such as [account.work]
    "##);
}

#[test]
fn unknown_keys_name_the_nearest_known_one() {
    assert_snapshot!(said("[acount.work]"), @r##"
    1:2 (acount)
    there is no key "acount" at the top of the file
    Write "account" instead
    "##);
    assert_snapshot!(said(remote("hsot = 'x'")), @r##"
    5:1 (account.work.hsot)
    there is no key "hsot" in [account.work]
    Write "host" instead
    "##);
    assert_snapshot!(said(remote("timeout = 3")), @r##"
    5:1 (account.work.timeout)
    there is no key "timeout" in [account.work]
    Write "timeouts" instead
    "##);
    assert_snapshot!(said(remote("CA_FILE = 'x'")), @r##"
    5:1 (account.work.CA_FILE)
    there is no key "CA_FILE" in [account.work]
    Write "ca-file" instead
    "##);
    assert_snapshot!(said(remote("data_dir = '/x'")), @r##"
    5:1 (account.work.data_dir)
    there is no key "data_dir" in [account.work]
    Move it to [storage]
    "##);
    assert_snapshot!(said(remote("storage = 3")), @r##"
    5:1 (account.work.storage)
    there is no key "storage" in [account.work]
    Write [storage] as a table of its own
    "##);
    assert_snapshot!(said(remote("xyzzy = 3")), @r##"
    5:1 (account.work.xyzzy)
    there is no key "xyzzy" in [account.work]
    Use one of host, port, tls, allow-cleartext, ca-file, user, password, tunnel, protocol, mailboxes, poll, scrub, keep, conflict, brake, timeouts
    "##);
    assert_snapshot!(said(remote("[account.work.keep]\nbodies = { newer_than = '3d' }")), @r##"
    6:12 (account.work.keep.bodies.newer_than)
    there is no key "newer_than" in [account.work.keep.bodies]
    Write "newer-than" instead
    "##);
    assert_snapshot!(said("[limits.timeouts]\nlogut = '3s'"), @r##"
    2:1 (limits.timeouts.logut)
    there is no key "logut" in [limits.timeouts]
    Write "logout" instead
    "##);
    assert_snapshot!(said("host = 'h'"), @r##"
    1:1 (host)
    there is no key "host" at the top of the file
    Move it to [account.NAME]
    "##);
}

#[test]
fn accounts_have_a_name_and_are_tables() {
    assert_snapshot!(said("[account.Work]"), @r##"
    1:10 (account.Work)
    "Work" cannot be the name of an account
    Choose a name of 1 to 32 of a-z, 0-9, _ and -
    "##);
    assert_snapshot!(said("account = 3"), @r##"
    1:11 (account)
    account cannot be the number 3
    Write a table such as [account]
    "##);
    assert_snapshot!(said("[account]\nhost = 'h'"), @r##"
    2:8 (account.host)
    account.host cannot be "h"
    Write a table such as [account.NAME]
    "##);
    assert_snapshot!(said("[[account]]"), @r##"
    1:1 (account)
    account cannot be a list
    Write a table such as [account]
    "##);
}

#[test]
fn what_an_account_needs_is_asked_for() {
    assert_snapshot!(said("[account.work]\nhost = 'h'"), @r##"
    1:1 (account.work)
    account.work has no user
    Add user to [account.work]: a text in quotes, not empty and without control characters
    "##);
    assert_snapshot!(said("[account.work]\nhost = 'h'\nuser = 'ada'"), @r##"
    1:1 (account.work)
    account.work has no password
    Add password to [account.work]: where it is kept: { command = ["pass", "show", "work"] }, { file = "~/.work-password" } or { credential = "work" }
    "##);
    assert_snapshot!(said("[account.work]\ntunnel = ['ssh']\nuser = 'ada'"), @r##"
    1:1 (account.work)
    account.work has no password
    Add password to [account.work]: where it is kept: { command = ["pass", "show", "work"] }, { file = "~/.work-password" } or { credential = "work" }
    "##);
}

#[test]
fn values_of_the_wrong_type_or_size_are_named() {
    assert_snapshot!(said(remote("poll = 300")), @r##"
    5:8 (account.work.poll)
    account.work.poll cannot be the number 300
    Write a duration such as "90s", "5m", "1h" or "90d", from 10s to 30d
    "##);
    assert_snapshot!(said(remote("poll = '5 minutes'")), @r##"
    5:8 (account.work.poll)
    account.work.poll cannot be "5 minutes"
    Write a duration such as "90s", "5m", "1h" or "90d", from 10s to 30d
    "##);
    assert_snapshot!(said(remote("poll = '1s'")), @r##"
    5:8 (account.work.poll)
    account.work.poll cannot be "1s"
    Write a duration such as "90s", "5m", "1h" or "90d", from 10s to 30d
    "##);
    assert_snapshot!(said(remote("port = 0")), @r##"
    5:8 (account.work.port)
    account.work.port cannot be the number 0
    Write a whole number from 1 to 65535
    "##);
    assert_snapshot!(said(remote("port = '993'")), @r##"
    5:8 (account.work.port)
    account.work.port cannot be "993"
    Write a whole number from 1 to 65535
    "##);
    assert_snapshot!(said(remote("tls = 'ssl'")), @r##"
    5:7 (account.work.tls)
    account.work.tls cannot be "ssl"
    Write "implicit", "starttls" or "none"
    "##);
    assert_snapshot!(said(remote("allow-cleartext = 'yes'")), @r##"
    5:19 (account.work.allow-cleartext)
    account.work.allow-cleartext cannot be "yes"
    Write true or false
    "##);
    assert_snapshot!(said(remote("protocol = 1987-07-01")), @r##"
    5:12 (account.work.protocol)
    account.work.protocol cannot be a date
    Write "auto", "imap2", "imap2bis" or "imap4rev1"
    "##);
    assert_snapshot!(said(remote("user = ''").replace("user = \"ada\"\n", "")), @r##"
    4:8 (account.work.user)
    account.work.user cannot be ""
    Write a text in quotes, not empty and without control characters
    "##);
    assert_snapshot!(said(remote("ca-file = '~bob/x'")), @r##"
    5:11 (account.work.ca-file)
    account.work.ca-file cannot be "~bob/x"
    Write a path in quotes; "~/" is the home directory
    "##);
    assert_snapshot!(said(remote("mailboxes = ['a', 3]")), @r##"
    5:19 (account.work.mailboxes)
    account.work.mailboxes cannot be the number 3
    Write a list of names, "*" for anything, "!" to leave out, such as ["INBOX", "lists/*", "!lists/old"]
    "##);
    assert_snapshot!(said(remote("mailboxes = []")), @r##"
    5:13 (account.work.mailboxes)
    account.work.mailboxes is empty, so that nothing would be mirrored
    Name some, or remove the key to mirror all
    "##);
    assert_snapshot!(said(remote("mailboxes = ['!']")), @r##"
    5:13 (account.work.mailboxes)
    account.work.mailboxes has a "!" without a name
    Write the name to leave out after the "!"
    "##);
    assert_snapshot!(said(remote("[account.work.keep]\nbodies = 'some'")), @r##"
    6:10 (account.work.keep.bodies)
    account.work.keep.bodies cannot be "some"
    Write "all" or "headers", or limits such as { newer-than = "90d", smaller-than = "5MB" }
    "##);
    assert_snapshot!(said(remote("[account.work.keep]\nbodies = {}")), @r##"
    6:10 (account.work.keep.bodies)
    account.work.keep.bodies cannot be an empty table
    Write "all" or "headers", or limits such as { newer-than = "90d", smaller-than = "5MB" }
    "##);
    assert_snapshot!(said(remote("[account.work.keep]\nbodies = { newer-than = 3 }")), @r##"
    6:25 (account.work.keep.bodies.newer-than)
    account.work.keep.bodies.newer-than cannot be the number 3
    Write a duration such as "90s", "5m", "1h" or "90d", from 1h to 36500d
    "##);
    assert_snapshot!(said("[limits]\nendpoint-line = '4KiB'\n[account.a]"), @r##"
    2:17 (limits.endpoint-line)
    limits.endpoint-line cannot be "4KiB"
    Write a size such as "500kB", "5MB" or "256MiB", from 8KiB to 16MiB
    "##);
    assert_snapshot!(said("[limits]\nretry-first = '20m'\n[account.a]"), @r##"
    2:15 (limits.retry-first)
    limits.retry-longest is shorter than limits.retry-first
    Make retry-longest at least as long as retry-first
    "##);
}

#[test]
fn a_host_is_a_name_or_an_address() {
    assert_snapshot!(said("[account.work]\nhost = 'imaps://mail.example.org'"), @r##"
    2:8 (account.work.host)
    account.work.host cannot be "imaps://mail.example.org", which is neither a host name nor an address
    Write it like "mail.example.org" or "192.0.2.1", without port or scheme
    "##);
    assert_snapshot!(said("[account.work]\nhost = 'mail.example.org:993'"), @r##"
    2:8 (account.work.host)
    account.work.host cannot be "mail.example.org:993", which is neither a host name nor an address
    Write it like "mail.example.org" or "192.0.2.1", without port or scheme
    "##);
    assert_snapshot!(said("[account.work]\nhost = 3"), @r##"
    2:8 (account.work.host)
    account.work.host cannot be the number 3
    Write a text in quotes, not empty and without control characters
    "##);
}

#[test]
fn a_store_on_this_machine_has_no_remote_keys() {
    assert_snapshot!(said("[account.work]\nuser = 'ada'"), @r##"
    2:1 (account.work.user)
    account.work has neither host nor tunnel, so it is a mailbox store on this machine, which has no user
    Add host to mirror a server, or remove user
    "##);
    assert_snapshot!(said("[account.work]\nuser = 'ada'\nallow-cleartext = true"), @r##"
    2:1 (account.work.user)
    account.work has neither host nor tunnel, so it is a mailbox store on this machine, which has no user
    Add host to mirror a server, or remove user
    "##);
    assert_snapshot!(said("[account.work.timeouts]\ntls = '3s'"), @r##"
    1:15 (account.work.timeouts)
    account.work has neither host nor tunnel, so it is a mailbox store on this machine, which has no timeouts
    Add host to mirror a server, or remove timeouts
    "##);
}

#[test]
fn a_tunnel_is_a_command_and_the_connection() {
    assert_snapshot!(said("[account.work]\ntunnel = ['imapd']\nport = 143"), @r##"
    3:8 (account.work.port)
    account.work.port has no use beside tunnel, which is the connection
    Remove it, or remove tunnel
    "##);
    assert_snapshot!(said("[account.work]\ntunnel = []"), @r##"
    2:10 (account.work.tunnel)
    account.work.tunnel cannot be an empty list
    Write a list of the program and its arguments, such as ["ssh", "mail.example.org", "imapd"]
    "##);
    assert_snapshot!(said("[account.work]\ntunnel = 'ssh x'"), @r##"
    2:10 (account.work.tunnel)
    account.work.tunnel cannot be "ssh x"
    Write a list of the program and its arguments, such as ["ssh", "mail.example.org", "imapd"]
    "##);
    assert_snapshot!(said("[account.work]\ntunnel = ['ssh', 3]"), @r##"
    2:18 (account.work.tunnel)
    account.work.tunnel cannot be the number 3
    Write a list of the program and its arguments, such as ["ssh", "mail.example.org", "imapd"]
    "##);
}

#[test]
fn several_faults_are_told_in_the_order_of_the_file() {
    let text = "[limits]\nattempts = 0\n[account.b]\nhost = 3\n[account.a]\nhost = 4\n[endpoint]\ndialect = 5\n";
    let error = parse(text).unwrap_err();
    assert_snapshot!(error, @"/home/ada/.config/lowtide/config.toml:2:12: limits.attempts cannot be the number 0 (and 3 more)");
    let ConfigError::Invalid { faults, .. } = error else {
        panic!("{error}");
    };
    let lines: Vec<_> = faults.iter().map(|fault| fault.line).collect();
    assert_eq!(lines, [2, 4, 6, 8]);
}

#[test]
fn a_fault_that_several_accounts_share_is_told_once() {
    let text =
        "[account.a]\ntunnel = ['x']\n[account.b]\ntunnel = ['y']\n[limits.timeouts]\ntls = 3\n";
    assert!(!parse(text).unwrap_err().to_string().contains("more"));
}

#[test]
fn columns_count_characters() {
    assert!(said("[account]\n\"\u{e4}\u{f6}\u{fc}\" = {}, x = 3").starts_with("2:11 "));
}
