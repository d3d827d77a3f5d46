//! The table of keys against the code that reads them, and the files in `contrib/` against both.

use super::{Config, good, parse, remote};
use crate::config::keys::{self, Fallback, KEYS, Key};
use crate::config::kind::Kind;
use crate::config::quantity::{SIZE, TIME, show};

/// A file in which `key` has `value`, around it only what it takes to be read.
fn document(key: &Key, value: &str) -> String {
    let line = format!("{} = {value}", key.name);
    match key.table {
        "" => line,
        "account" => format!("[account]\nwork = {value}"),
        account if key.name == "NAME" => remote(&format!(
            "{}.work = {value}",
            account.trim_start_matches("account.NAME.")
        )),
        keys::ACCOUNT if key.name == "tunnel" => format!("[account.work]\n{line}"),
        keys::ACCOUNT => {
            let text = remote("");
            let others = text.lines().filter(|other| !other.starts_with(key.name));
            others.chain([line.as_str()]).collect::<Vec<_>>().join("\n")
        }
        keys::PASSWORD => remote("").replace("file = \"pw\"", &line),
        keys::BODIES => remote(&format!("[account.work.keep]\nbodies = {{ {line} }}")),
        account if account.starts_with(keys::ACCOUNT) => {
            remote(&format!("[{}]\n{line}", account.replace("NAME", "work")))
        }
        table => format!("[{table}]\n{line}\n{}", remote("")),
    }
}

#[test]
fn every_key_is_checked_whatever_the_others_say() {
    for key in KEYS {
        let text = document(key, "1.5");
        let error = parse(&text).expect_err(&text);
        let told = &error.fault().expect("a fault").key;
        let name = key.name.replace("NAME", "work");
        assert!(told.ends_with(&name), "{text}\n{error}");
    }
}

#[test]
fn writing_a_default_out_changes_nothing() {
    for key in KEYS {
        if let Fallback::Value(value) = key.default {
            let of_a_mailbox = key.table.ends_with("conflict.mailbox.NAME");
            let around = if of_a_mailbox {
                "conflict.mailbox.work = {}"
            } else {
                ""
            };
            assert_eq!(
                good(&document(key, value)),
                good(&remote(around)),
                "{}.{}",
                key.table,
                key.name
            );
        }
    }
}

#[test]
fn the_bounds_of_a_key_are_those_it_tells() {
    let mut tried = 0;
    // The two waits between tries depend on each other; `messages` has them.
    for key in KEYS.iter().filter(|key| !key.name.starts_with("retry-")) {
        let bounds = |least: u64, most: u64, show: &dyn Fn(u64) -> String| {
            let below = least.checked_sub(1).map_or("'-1'".to_owned(), show);
            [below, show(least), show(most), show(most + 1)]
        };
        let values = if let Kind::Count { least, most } = key.kind {
            bounds(least.into(), most.into(), &|value| value.to_string())
        } else if let Kind::Duration { least, most } = key.kind {
            bounds(least, most, &|value| format!("'{}'", show(value, TIME)))
        } else if let Kind::Size { least, most } = key.kind {
            bounds(least, most, &|value| format!("'{}'", show(value, SIZE)))
        } else {
            continue;
        };
        let accepted = values.map(|value| parse(&document(key, &value)).is_ok());
        assert_eq!(
            accepted,
            [false, true, true, false],
            "{}.{}",
            key.table,
            key.name
        );
        tried += 1;
    }
    assert_eq!(tried, 20);
}

#[test]
fn the_sample_is_valid_and_names_every_key() {
    good(Config::sample());
    for key in KEYS
        .iter()
        .filter(|key| key.name != "keyring" && key.name != "NAME")
    {
        let written = [
            format!("{} = ", key.name),
            format!("[{}", key.name),
            format!(".{}]", key.name),
        ];
        assert!(
            written.iter().any(|form| Config::sample().contains(form)),
            "{}.{}",
            key.table,
            key.name
        );
    }
}

#[test]
fn what_the_sample_comments_out_is_the_default() {
    let commented = |line: &str| {
        line.starts_with('#') && line.as_bytes().get(1).is_some_and(u8::is_ascii_lowercase)
    };
    let mut uncommented = 0;
    let full: String = Config::sample()
        .lines()
        .map(|line| match line.strip_prefix('#') {
            Some(setting) if commented(line) => {
                uncommented += 1;
                format!("{setting}\n")
            }
            _ => format!("{line}\n"),
        })
        .collect();
    assert_eq!(good(&full), good(Config::sample()));
    assert_eq!(uncommented, 30);
}

#[test]
fn the_unit_keeps_its_hardening() {
    let unit = include_str!("../../../contrib/lowtide.service");
    for directive in [
        "Type=notify",
        "ExecStart=/usr/bin/lowtide run",
        "SyslogLevelPrefix=no",
        "UMask=0077",
        "LimitCORE=0",
        "MemoryMax=512M",
        "NoNewPrivileges=yes",
        "SystemCallFilter=@system-service",
        "SystemCallArchitectures=native",
        "RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK",
        "RestrictNamespaces=yes",
        "RestrictRealtime=yes",
        "RestrictSUIDSGID=yes",
        "LockPersonality=yes",
        "MemoryDenyWriteExecute=yes",
    ] {
        assert!(unit.lines().any(|line| line == directive), "{directive}");
    }
}
