//! The file from the outside: what it means, and when it cannot be read at all.

use super::paths::tests::ada;
use super::*;
use std::time::Duration;

mod messages;
mod safety;
mod table;

fn parse(text: &str) -> Result<Config, ConfigError> {
    Config::parse_in(
        ada(),
        Path::new("/home/ada/.config/lowtide/config.toml"),
        text,
    )
}

fn good(text: &str) -> Config {
    parse(text).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

/// The first fault, as `line:column (key)` and the two sentences that a person reads.
fn said(text: impl AsRef<str>) -> String {
    let error = parse(text.as_ref()).expect_err("an error");
    let fault = error.fault().expect("a fault");
    format!(
        "{}:{} ({})\n{}\n{}",
        fault.line, fault.column, fault.key, fault.problem, fault.suggestion
    )
}

/// One account with a login, and more lines for it.
fn remote(more: &str) -> String {
    format!(
        "[account.work]\nhost = \"mail.example.org\"\nuser = \"ada\"\npassword = {{ file = \"pw\" }}\n{more}\n"
    )
}

fn upstream(text: &str) -> Upstream {
    good(text).accounts["work"].upstream.clone().expect(text)
}

fn local(path: &str) -> PathBuf {
    Path::new("/home/ada").join(path)
}

#[test]
fn the_smallest_account_has_every_default() {
    let config = good(&remote(""));
    assert_eq!(
        config.endpoint.listen,
        ["127.0.0.1:1143", "[::1]:1143"].map(|text| text.parse().unwrap())
    );
    assert_eq!(
        config.endpoint.socket,
        Path::new("/run/user/1000/lowtide/imap.sock")
    );
    assert_eq!(
        config.endpoint.password,
        SecretSource::File(local(".config/lowtide/endpoint-password"))
    );
    assert_eq!(config.endpoint.dialect, Dialect::Auto);
    assert_eq!(
        config.storage.account_dir(&"work".parse().unwrap()),
        local(".local/share/lowtide/work")
    );
    let expected = Upstream {
        route: Route::Network {
            host: "mail.example.org".to_owned(),
            port: 993,
            security: Security::Implicit { ca_file: None },
        },
        login: Some(Login {
            user: "ada".to_owned(),
            password: SecretSource::File(local(".config/lowtide/pw")),
        }),
        protocol: Protocol::Auto,
        mailboxes: MailboxFilter::default(),
        poll: Duration::from_secs(300),
        scrub: Duration::from_secs(7 * 86_400),
        bodies: Bodies::All,
        before_removal: 1_000_000,
        conflict: upstream(&remote("conflict.mailbox = {}")).conflict,
        brake: Brake { few: 20, many: 500 },
        timeouts: config.limits.timeouts,
        bounds: Bounds {
            attempts: 5,
            line: 16 << 20,
            literal: 256 << 20,
        },
    };
    assert_eq!(upstream(&remote("")), expected);
    let defaults = ConflictPolicy {
        deleted_here_changed_there: DeletedHere::Keep,
        changed_here_deleted_there: DeletedThere::Accept,
    };
    assert_eq!(expected.conflict.of(b"anything"), defaults);
}

#[test]
fn a_host_is_reached_as_its_tls_says() {
    let implicit = |ca_file: Option<&str>| Security::Implicit {
        ca_file: ca_file.map(PathBuf::from),
    };
    let start_tls = Security::StartTls { ca_file: None };
    for (host, more, expected_host, expected_port, expected) in [
        (
            "mail.example.org",
            "",
            "mail.example.org",
            993,
            implicit(None),
        ),
        ("192.0.2.1", "port = 1", "192.0.2.1", 1, implicit(None)),
        (
            "[2001:db8::1]",
            "port = 65535",
            "2001:db8::1",
            65_535,
            implicit(None),
        ),
        ("::1", "tls = 'none'", "::1", 143, Security::Cleartext),
        (
            "LocalHost",
            "tls = 'none'\nport = 1143",
            "LocalHost",
            1143,
            Security::Cleartext,
        ),
        (
            "h",
            "ca-file = '/etc/x.pem'",
            "h",
            993,
            implicit(Some("/etc/x.pem")),
        ),
        (
            "h",
            "ca-file = '~/x.pem'",
            "h",
            993,
            implicit(Some("/home/ada/x.pem")),
        ),
        ("h", "tls = 'starttls'", "h", 143, start_tls),
        (
            "h",
            "tls = 'none'\nallow-cleartext = true",
            "h",
            143,
            Security::Cleartext,
        ),
    ] {
        let text = remote(more).replace("mail.example.org", host);
        let route = Route::Network {
            host: expected_host.to_owned(),
            port: expected_port,
            security: expected,
        };
        assert_eq!(upstream(&text).route, route, "{text}");
    }
}

#[test]
fn only_this_machine_is_trusted_with_clear_text() {
    for other in [
        "127.0.0.1.example.org",
        "localhost.example.org",
        "128.0.0.1",
        "::2",
        "0.0.0.0",
    ] {
        assert!(
            parse(&remote("tls = 'none'").replace("mail.example.org", other)).is_err(),
            "{other}"
        );
    }
}

#[test]
fn a_tunnel_needs_neither_host_nor_login() {
    let bare = upstream("[account.work]\ntunnel = ['~/bin/t', '~/a b']\n");
    let command = CommandLine {
        program: "/home/ada/bin/t".to_owned(),
        arguments: vec!["~/a b".to_owned()],
    };
    assert_eq!(
        bare.route,
        Route::Tunnel {
            command: command.clone(),
            host: None
        }
    );
    assert_eq!(bare.login, None);
    let full = upstream(
        "[account.work]\nhost = 'h'\nuser = 'ada'\npassword = { credential = 'c' }\ntunnel = ['~/bin/t', '~/a b']\n",
    );
    assert_eq!(
        full.route,
        Route::Tunnel {
            command,
            host: Some("h".to_owned())
        }
    );
    assert_eq!(
        full.login.map(|login| login.password),
        Some(SecretSource::Credential("c".to_owned()))
    );
}

#[test]
fn an_account_without_a_server_is_a_store() {
    let config = good("[account.attic]\n");
    assert_eq!(config.accounts["attic"].upstream, None);
}

#[test]
fn settings_of_an_account_are_read() {
    let text = remote(
        "protocol = 'imap2bis'\nmailboxes = ['INBOX', '!old']\npoll = '90s'\nscrub = '30d'\n[account.work.keep]\n\
         bodies = { newer-than = '90d', smaller-than = '5MB' }\nbefore-removal = '10kB'\n[account.work.conflict]\n\
         deleted-here-changed-there = 'delete'\nchanged-here-deleted-there = 'restore'\n\
         [account.work.brake]\nfew = 5\nmany = 50",
    );
    let work = upstream(&text);
    assert_eq!(work.brake, Brake { few: 5, many: 50 });
    assert_eq!(work.protocol, Protocol::Imap2bis);
    assert!(work.mailboxes.matches("inbox") && !work.mailboxes.matches("old"));
    assert_eq!(work.poll, Duration::from_secs(90));
    assert_eq!(work.scrub, Duration::from_secs(30 * 86_400));
    assert_eq!(work.before_removal, 10_000);
    let newer_than = Some(Duration::from_secs(90 * 86_400));
    assert_eq!(
        work.bodies,
        Bodies::Within {
            newer_than,
            smaller_than: Some(5_000_000)
        }
    );
    let conflict = work.conflict.of(b"INBOX");
    assert_eq!(conflict.deleted_here_changed_there, DeletedHere::Delete);
    assert_eq!(conflict.changed_here_deleted_there, DeletedThere::Restore);
    let headers = upstream(&remote("keep.bodies = 'headers'"));
    assert_eq!(headers.bodies, Bodies::Headers);
}

#[test]
fn a_mailbox_has_its_own_rules_by_the_longest_name_that_fits() {
    let work = upstream(&remote(
        "[account.work.conflict]\ndeleted-here-changed-there = 'delete'\n[account.work.conflict.mailbox]\n\
         'lists/*' = { deleted-here-changed-there = 'keep' }\n\
         'lists/bot/*' = { changed-here-deleted-there = 'restore' }\ninbox = { deleted-here-changed-there = 'keep' }",
    ));
    for (mailbox, expected) in [
        ("INBOX", DeletedHere::Keep),
        ("notes", DeletedHere::Delete),
        ("lists/rust", DeletedHere::Keep),
        ("lists/bot/ci", DeletedHere::Delete),
    ] {
        let policy = work.conflict.of(mailbox.as_bytes());
        assert_eq!(policy.deleted_here_changed_there, expected, "{mailbox}");
    }
    let there = |mailbox: &[u8]| work.conflict.of(mailbox).changed_here_deleted_there;
    assert_eq!(there(b"lists/bot/ci"), DeletedThere::Restore);
    assert_eq!(there(b"lists/rust"), DeletedThere::Accept);
    let nameless = said(remote("conflict.mailbox.'' = {}"));
    assert!(nameless.contains("a mailbox without a name"), "{nameless}");
}

#[test]
fn waits_come_from_the_account_then_from_the_limits_then_from_the_defaults() {
    let text = remote("timeouts = { tls = '2s' }\n[limits.timeouts]\ntls = '3s'\ngreeting = '4s'");
    let waits = upstream(&text).timeouts;
    let seconds = [waits.tls, waits.greeting, waits.connect].map(|wait| wait.as_secs());
    assert_eq!(seconds, [2, 4, 15]);
    assert_eq!(good(&text).limits.timeouts.tls, Duration::from_secs(3));
}

#[test]
fn the_socket_follows_the_runtime_or_the_data_directory() {
    let paths = Paths {
        runtime_dir: None,
        ..ada()
    };
    let parse = |text| {
        Config::parse_in(paths.clone(), Path::new("/etc/lowtide.toml"), text)
            .unwrap()
            .endpoint
    };
    assert_eq!(
        parse("[account.a]").socket,
        local(".local/share/lowtide/imap.sock")
    );
    assert_eq!(
        parse("[account.a]\n[storage]\ndata-dir = '/srv/l'").socket,
        Path::new("/srv/l/imap.sock")
    );
    assert_eq!(
        parse("[account.a]\n[endpoint]\nsocket = 's'").socket,
        Path::new("/etc/s")
    );
    assert_eq!(parse("[account.a]\n[endpoint]\nlisten = []").listen, []);
}

#[test]
fn a_reload_tells_which_account_changed() {
    let two = |poll: &str| {
        good(&format!(
            "# {poll}\n[account.attic]\n{}",
            remote(&format!("poll = '{poll}'"))
        ))
    };
    assert_eq!(two("5m"), two("300s"));
    let (before, after) = (two("5m"), two("6m"));
    assert_ne!(before.accounts["work"], after.accounts["work"]);
    assert_eq!(before.accounts["attic"], after.accounts["attic"]);
    assert_eq!(
        (before.endpoint, before.storage, before.limits),
        (after.endpoint, after.storage, after.limits)
    );
}

#[test]
fn a_file_cut_anywhere_is_refused_or_read_but_never_a_panic() {
    let text = remote("tls = 'none'\nallow-cleartext = true\n[limits]\nattempts = 7");
    let read = (0..text.len())
        .filter(|end| parse(&text[..*end]).is_ok())
        .count();
    assert!(read < text.len() / 2, "{read}");
}

#[test]
fn a_file_that_cannot_be_read_is_told_from_one_that_is_wrong() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("config.toml");
    assert!(
        matches!(Config::load(&path), Err(ConfigError::Missing { path: missing }) if missing == path)
    );
    assert!(matches!(
        Config::load(dir.path()),
        Err(ConfigError::Unreadable { .. })
    ));
    std::fs::write(&path, b"[account.a]\n# \xc3\xa4 \xff\n").unwrap();
    let error = Config::load(&path).unwrap_err();
    let place = error.fault().map(|fault| (fault.line, fault.column));
    assert_eq!(place, Some((2, 5)), "{error}");
    std::fs::write(&path, Config::sample()).unwrap();
    let config = Config::load(&path).unwrap();
    assert_eq!(
        config.endpoint.password,
        SecretSource::File(dir.path().join("endpoint-password"))
    );
    assert_eq!(config.accounts.len(), 3);
}
