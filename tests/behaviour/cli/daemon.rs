//! A mirror and its server, both of them daemons, driven by commands alone. (An account without a server is an IMAP2 server
//! by itself.)

use std::fs;

use super::home::{Daemon, Home, Ran, mirror, mode, preauth};
use super::server::Client;

pub(super) const LETTER: &str = "Date: Mon, 23 Nov 2026 10:00:00 +0000\r\nFrom: Grace <grace@example.org>\r\n\
Subject: tide\x1b[2J tables\r\n\r\nHigh water at noon.\r\n";

/// A server with an account `post`, and a home that mirrors it as `work`.
pub(super) struct Pair {
    server: Daemon,
    server_home: Home,
    pub(super) home: Home,
}

impl Pair {
    fn new() -> Self {
        Self::speaking("imap2", "")
    }

    /// The same in another protocol, and with more accounts at home.
    pub(super) fn speaking(protocol: &str, accounts: &str) -> Self {
        let server_home = Home::new("[account.post]");
        let server = server_home.daemon();
        let password = fs::read_to_string(server_home.path("endpoint-password")).unwrap();
        let home = Home::empty();
        home.secret("server-password", &password);
        let protocol = format!("protocol = \"{protocol}\"");
        let work = mirror(server.address, "post", &protocol);
        home.configure(&format!("{work}{accounts}"));
        Self {
            server,
            server_home,
            home,
        }
    }

    /// Another client of the server.
    pub(super) fn other(&self) -> Client {
        let password = fs::read_to_string(self.server_home.path("endpoint-password")).unwrap();
        Client::login(self.server.address, "post", password.trim())
    }

    pub(super) fn sync(&self, code: i32) -> Ran {
        self.home.run(&["sync"]).ended(code)
    }
}

#[test]
fn what_is_done_through_the_mirror_reaches_the_server_and_back() {
    let pair = Pair::new();
    pair.other().append("INBOX", LETTER);
    let daemon = pair.home.daemon();
    pair.sync(0);
    let read = pair.home.session(
        "work",
        "a SELECT INBOX\r\nb FETCH 1 RFC822\r\nc STORE 1 +FLAGS (\\Flagged)\r\nd LOGOUT\r\n",
    );
    assert!(read.starts_with(&preauth("work")), "{read}");
    assert!(
        read.contains("* 1 EXISTS") && read.contains(LETTER),
        "{read}"
    );
    pair.sync(0).shows(&["work: in sync."]);
    let flags = pair.other();
    let mut other = flags;
    other.does("SELECT INBOX");
    let flags = other.does("FETCH 1 FLAGS");
    assert!(
        flags.contains("\\Flagged") && flags.contains("\\Seen"),
        "{flags}"
    );
    assert_eq!(daemon.stop().0, Some(0));
}

#[test]
fn what_is_done_offline_waits_in_the_journal_and_is_carried_out_on_return() {
    let pair = Pair::new();
    pair.other().append("INBOX", LETTER);
    let home = &pair.home;
    let daemon = home.daemon();
    pair.sync(0);
    home.run(&["offline"]).ended(0);
    home.run(&["sync"])
        .ended(69)
        .says("work: the account is kept offline", "lowtide online work");
    home.session(
        "work",
        "a SELECT INBOX\r\nb STORE 1 +FLAGS (\\Answered)\r\nc LOGOUT\r\n",
    );
    let waiting = home.run(&["journal", "--json"]).ended(0).json();
    let entry = &waiting["entries"][0];
    assert_eq!(entry["account"], "work");
    assert_eq!(entry["mailbox"], "INBOX");
    assert_eq!(entry["action"], "flags +\\Answered");
    assert_eq!(entry["state"], "pending");
    assert_eq!(entry["subject"], "tide\u{1b}[2J tables");
    let subject = "tide\\u{1b}[2J tables";
    home.run(&["journal"]).ended(0).shows(&[subject]);
    let status = home.run(&["status", "--json"]).ended(0).json();
    assert_eq!(status["accounts"][0]["state"], "offline");
    assert_eq!(status["accounts"][0]["mailboxes"][0]["pending_count"], 1);
    home.run(&["online", "work"]).ended(0);
    pair.sync(0);
    let empty = home.run(&["journal", "--json"]).ended(0).json();
    assert_eq!(empty["entries"].as_array().unwrap().len(), 0);
    let mut other = pair.other();
    other.does("SELECT INBOX");
    assert!(other.does("FETCH 1 FLAGS").contains("\\Answered"));
    drop(daemon);
}

#[test]
fn without_a_daemon_the_same_commands_do_the_same() {
    let pair = Pair::new();
    pair.other().append("INBOX", LETTER);
    pair.sync(0).shows(&["work/INBOX: 1 new", "work: in sync."]);
    let read = pair.home.session(
        "work",
        "a SELECT INBOX\r\nb FETCH 1 RFC822.TEXT\r\nc LOGOUT\r\n",
    );
    assert!(read.contains("High water at noon."), "{read}");
    assert_eq!(pair.home.run(&["--quiet", "sync"]).ended(0).out, "");
    let status = pair.home.run(&["status"]).ended(0).out;
    assert!(status.starts_with("work: no daemon runs\n"), "{status}");
}

#[test]
fn a_dry_run_shows_what_would_be_sent_and_sends_nothing() {
    let pair = Pair::new();
    pair.other().append("INBOX", LETTER);
    let daemon = pair.home.daemon();
    pair.sync(0);
    pair.home.run(&["offline"]).ended(0);
    pair.home.session(
        "work",
        "a SELECT INBOX\r\nb STORE 1 +FLAGS (\\Flagged)\r\nc LOGOUT\r\n",
    );
    drop(daemon);
    let flag = "work/INBOX: flag \"tide\\u{1b}[2J tables\" +\\Flagged";
    let plan = pair.home.run(&["sync", "--dry-run"]).ended(0);
    plan.shows(&[flag]);
    let mut other = pair.other();
    other.does("SELECT INBOX");
    assert!(!other.does("FETCH 1 FLAGS").contains("\\Flagged"));
    pair.home.run(&["journal", "drop", "work", "1"]).ended(0);
    let plan = pair.home.run(&["sync", "--dry-run"]).ended(0).out;
    assert_eq!(plan, "work: nothing would be sent.\n");
}

#[test]
fn a_mailbox_of_which_most_is_gone_waits_for_approval_with_4() {
    let pair = Pair::new();
    let mut other = pair.other();
    other.append("INBOX", LETTER);
    other.append("INBOX", &LETTER.replace("noon", "six"));
    pair.sync(0);
    other.does("SELECT INBOX");
    other.does("STORE 1:2 +FLAGS (\\Deleted)");
    other.does("EXPUNGE");
    let home = &pair.home;
    let advice = "lowtide approve work INBOX";
    home.run(&["sync"])
        .ended(4)
        .says("work/INBOX was stopped", advice);
    home.run(&["status"]).ended(4).shows(&[advice]);
    let read = home.session("work", "a SELECT INBOX\r\nb LOGOUT\r\n");
    assert!(read.contains("* 2 EXISTS"), "{read}");
    let approved = home.run(&["approve", "work", "INBOX"]).ended(0);
    let goes = "let \"tide\\u{1b}[2J tables\" go here";
    approved.shows(&[
        "2 of 2 messages are gone from the server",
        goes,
        "Approved.",
    ]);
    home.run(&["status"]).ended(0);
    pair.sync(0);
    let read = home.session("work", "a SELECT INBOX\r\nb LOGOUT\r\n");
    assert!(read.contains("* 0 EXISTS"), "{read}");
}

#[test]
fn from_how_many_messages_on_a_person_is_asked_is_a_setting() {
    let pair = Pair::new();
    let home = &pair.home;
    let mut other = pair.other();
    for water in ["noon", "six", "seven", "eight", "nine"] {
        other.append("INBOX", &LETTER.replace("noon", water));
    }
    pair.sync(0);
    let config = std::fs::read_to_string(home.config()).unwrap();
    let brakes_at = |few: u32, many: u32| {
        let brake = format!("{config}[account.work.brake]\nfew = {few}\nmany = {many}\n");
        std::fs::write(home.config(), brake).unwrap();
    };
    other.does("SELECT INBOX");
    other.does("STORE 1:3 +FLAGS (\\Deleted)");
    other.does("EXPUNGE");
    brakes_at(3, 1000);
    let stopped = home.run(&["sync"]).ended(4);
    stopped.says("work/INBOX was stopped", "3 of 5 messages are gone");
    brakes_at(4, 1000);
    pair.sync(0);
    home.session(
        "work",
        "a SELECT INBOX\r\nb STORE 1 +FLAGS (\\Deleted)\r\nc EXPUNGE\r\nd LOGOUT\r\n",
    );
    brakes_at(1000, 1);
    home.run(&["sync"])
        .ended(4)
        .says("would remove 1 of 2 messages", "lowtide approve work INBOX");
    brakes_at(1000, 2);
    // Whoever writes that has been asked enough.
    pair.sync(0);
}

#[test]
fn a_conflict_is_told_with_3_and_stays_on_record() {
    let pair = Pair::new();
    let mut other = pair.other();
    for water in ["noon", "six", "seven"] {
        other.append("INBOX", &LETTER.replace("noon", water));
    }
    let home = &pair.home;
    let daemon = home.daemon();
    pair.sync(0);
    home.run(&["offline"]).ended(0);
    home.session(
        "work",
        "a SELECT INBOX\r\nb STORE 2 +FLAGS (\\Deleted)\r\nc EXPUNGE\r\nd LOGOUT\r\n",
    );
    other.does("SELECT INBOX");
    other.does("STORE 2 +FLAGS (\\Flagged)");
    drop(daemon);
    pair.sync(3);
    let conflicts = home.run(&["conflicts", "--json"]).ended(0).json();
    let conflict = &conflicts["conflicts"][0];
    assert_eq!(conflict["account"], "work");
    assert!(
        conflict["kept"].as_str().unwrap().contains("kept"),
        "{conflict}"
    );
    home.run(&["conflicts"]).ended(0).shows(&[
        "somebody else",
        "you saw () and asked: +\\Deleted, expunge",
        "the server showed (\\Flagged); outcome: kept, with (\\Flagged)",
        "to remove the message all the same: lowtide conflicts undo work 1",
    ]);
    assert!(other.does("FETCH 1:3 FLAGS").contains("\\Flagged"));
    pair.sync(0);

    home.run(&["conflicts", "undo", "work", "1"]).ended(0);
    pair.sync(0);
    let told = other.does("NOOP");
    assert!(told.contains("* 2 EXPUNGE"), "{told}");
    home.run(&["conflicts"])
        .ended(0)
        .shows(&["you had it otherwise"]);
    home.run(&["conflicts", "undo", "work", "1"]).ended(2);
}

#[test]
fn a_daemon_makes_its_password_and_guards_what_it_has() {
    let home = Home::new("[account.attic]");
    let daemon = home.daemon();
    assert!(
        daemon
            .told
            .starts_with("lowtide: made a password for mail clients; it is in "),
        "{}",
        daemon.told
    );
    let limits = fs::read_to_string(format!("/proc/{}/limits", daemon.id())).unwrap();
    let core = limits
        .lines()
        .find(|line| line.starts_with("Max core file size"))
        .unwrap();
    let words: Vec<&str> = core.split_whitespace().collect();
    assert_eq!(words[4..6], ["0", "0"], "{core}");
    for (path, expected) in [
        ("endpoint-password", 0o600),
        ("data", 0o700),
        ("data/attic", 0o700),
        ("data/attic/journal.db", 0o600),
        ("data/attic/mail.db", 0o600),
        ("run", 0o700),
        ("run/imap.sock", 0o600),
        ("data/control.sock", 0o700),
    ] {
        assert_eq!(mode(&home.path(path)), expected, "{path}");
    }
    home.run(&["doctor"]).ended(0);
    let (code, rest) = daemon.stop();
    assert_eq!(code, Some(0));
    assert!(rest.contains("stopping"), "{rest}");
    assert!(!home.path("run/imap.sock").exists());
    let again = home.daemon();
    assert!(!again.told.contains("made a password"), "{}", again.told);
}

#[test]
fn several_accounts_share_a_socket_and_each_client_gets_its_own() {
    let home = Home::new("[account.attic]\n[account.cellar]");
    let daemon = home.daemon();
    let mut client = {
        let password = fs::read_to_string(home.path("endpoint-password")).unwrap();
        Client::login(daemon.address, "cellar", password.trim())
    };
    client.append("INBOX", LETTER);
    for (account, count) in [("attic", 0), ("cellar", 1)] {
        let read = home.session(account, "a SELECT INBOX\r\nb LOGOUT\r\n");
        assert!(read.starts_with(&preauth(account)), "{read}");
        assert!(read.contains(&format!("* {count} EXISTS")), "{read}");
    }
}
