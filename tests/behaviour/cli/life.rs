//! The life of a daemon: other configurations, a disk that fails, and its end.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::process::Command;

use rustix::process::{Resource, Rlimit, prlimit};
use serde_json::Value;

use super::home::{Daemon, Home};
use super::server::{Client, server};

const LETTER: &str = "Subject: tide tables\r\n\r\nHigh water at noon.\r\n";
const TWO: &str = "[account.attic]\n[account.cellar]";

fn client(home: &Home, daemon: &Daemon, account: &str) -> Client {
    let password = fs::read_to_string(home.path("endpoint-password")).unwrap();
    Client::login(daemon.address, account, password.trim())
}

/// The accounts of a running daemon, once they are as many.
fn accounts(home: &Home, count: usize) -> Vec<Value> {
    for _ in 0..1000 {
        let status = home.run(&["status", "--json"]).ended(0).json();
        let accounts = status["accounts"].as_array().unwrap();
        if accounts.len() == count {
            return accounts.clone();
        }
    }
    panic!("never {count} accounts");
}

#[test]
fn accounts_go_and_come_back_while_their_clients_are_connected() {
    let home = Home::new(TWO);
    let daemon = home.daemon();
    let mut stays = client(&home, &daemon, "attic");
    let mut goes = client(&home, &daemon, "cellar");
    goes.append("INBOX", LETTER);
    home.configure("[account.attic]");
    assert!(goes.line().starts_with("* BYE The account has changed"));
    accounts(&home, 1);
    home.configure(TWO);
    for account in accounts(&home, 2) {
        assert_eq!(account["state"], "local", "{account}");
    }
    let mut back = client(&home, &daemon, "cellar");
    assert!(back.does("SELECT INBOX").contains("* 1 EXISTS"));
    stays.does("NOOP");
    assert_eq!(daemon.stop().0, Some(0));
}

/// No file can be written any more: to SQLite that is a disk that fails.
#[test]
fn a_daemon_whose_disk_fails_ends_with_74() {
    let home = Home::new(TWO);
    let plain = home.command(&["run"]);
    let mut command = Command::new("sh");
    command
        .args(["-c", "trap '' XFSZ; exec \"$@\"", "sh"])
        .arg(plain.get_program())
        .args(plain.get_args())
        .env_clear();
    for (name, value) in plain.get_envs() {
        command.env(name, value.unwrap());
    }
    let mut daemon = Home::started(command);
    let mut client = client(&home, &daemon, "cellar");
    client.append("INBOX", LETTER);
    let nothing = Rlimit {
        current: Some(0),
        maximum: Some(0),
    };
    prlimit(Some(daemon.pid()), Resource::Fsize, nothing).unwrap();
    client.send(&format!("t APPEND INBOX {{{}}}\r\n", LETTER.len()));
    assert!(client.line().starts_with("+ "));
    client.send(&format!("{LETTER}\r\n"));
    assert!(client.line().starts_with("t NO "));
    let (code, told) = daemon.ended();
    assert_eq!(code, Some(74), "{told}");
    let what = "the files of the account cellar cannot be used";
    assert!(told.contains(what), "{told}");
}

#[test]
fn who_waits_for_a_sync_is_told_that_the_daemon_stops() {
    let silent = server("* OK IMAP2 service ready\r\n", |_, _| String::new());
    let home = Home::mirroring(silent, "ada", "secret");
    let daemon = home.daemon();
    let mut asking = UnixStream::connect(home.path("data/control.sock")).unwrap();
    let request = r#"{"request":"sync","account":null,"mailbox":null,"dry_run":false}"#;
    asking.write_all(format!("{request}\n").as_bytes()).unwrap();
    let mut answer = BufReader::new(asking);
    let mut line = String::new();
    answer.read_line(&mut line).unwrap();
    assert_eq!(line, "\"working\"\n");
    assert_eq!(daemon.stop().0, Some(0));
    let mut rest = String::new();
    answer.read_to_string(&mut rest).unwrap();
    let last: Value = serde_json::from_str(rest.lines().last().unwrap()).unwrap();
    let failure = &last["answer"]["synced"][0]["failure"];
    assert_eq!(failure["kind"], "interrupted", "{rest}");
    let what = failure["what"].as_str().unwrap();
    assert!(what.starts_with("the daemon stops"), "{what}");
}
