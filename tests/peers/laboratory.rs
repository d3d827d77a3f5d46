//! The laboratory's own tests: what each server was given comes back as the independent client should see it.

use std::time::Duration;

use super::lab::client::{Client, Dialect};
use super::lab::corpus::{self, Message};
use super::lab::cut::{Cut, Direction};
use super::lab::dovecot::{Dovecot, PASSWORD, Storage, USER};
use super::lab::present;
use super::lab::process::find_program;
use super::lab::server_state::{State, assert_same};
use super::lab::tmux::Terminal;
use super::lab::uw::{Format, Uw};

#[test]
fn dovecot_serves_what_it_was_given() {
    for storage in [Storage::Maildir, Storage::Sdbox, Storage::Mdbox] {
        let Some(dovecot) = present(Dovecot::start(storage)) else {
            return;
        };
        let messages = corpus::awkward(42, 1000);
        dovecot.client().fill("INBOX", &messages);
        assert_serves(&mut dovecot.client(), &messages, Message::clone);
    }
}

#[test]
fn uw_imapd_serves_what_it_was_given() {
    for format in [Format::Mbx, Format::Mix] {
        let Some(uw) = present(Uw::prepare(format)) else {
            return;
        };
        let messages = corpus::awkward(43, 1000);
        uw.fill("INBOX", &messages);
        assert_serves(&mut uw.client(), &messages, Message::clone);
    }
}

#[test]
fn uw_imapd_with_a_plain_mailbox_file_serves_what_the_file_can_hold() {
    let Some(uw) = present(Uw::prepare(Format::Mbox)) else {
        return;
    };
    let messages = corpus::awkward(44, 1000);
    uw.fill("INBOX", &messages);
    assert_serves(&mut uw.client(), &messages, as_a_plain_file_holds_it);
}

#[test]
fn files_put_into_a_maildir_are_served_like_appended_messages() {
    let Some(dovecot) = present(Dovecot::start(Storage::Maildir)) else {
        return;
    };
    let messages: Vec<Message> = corpus::ordinary(1, 1000).collect();
    dovecot.fill_maildir("INBOX", messages.iter().cloned());
    dovecot.fill_maildir("notes", messages.iter().cloned());
    assert_serves(&mut dovecot.client(), &messages, Message::clone);
    let mut client = dovecot.client();
    assert_same(
        ("INBOX", &State::read(&mut client, "INBOX")),
        ("notes", &State::read(&mut client, "notes")),
    );
}

#[test]
fn both_dialects_read_the_same_mailbox() {
    let Some(dovecot) = present(Dovecot::start(Storage::Maildir)) else {
        return;
    };
    let mut client = dovecot.client();
    client.fill("INBOX", &corpus::awkward(3, 100));
    let new = State::read(&mut client, "INBOX");
    let old = State::read_as(&mut client, "INBOX", Dialect::Imap2);
    assert_same(("IMAP4rev1", &new), ("IMAP2", &old));
    assert!(old.0.iter().all(|message| message.uid.is_none()));
}

#[test]
fn a_difference_between_mailboxes_is_found_and_told() {
    let Some(dovecot) = present(Dovecot::start(Storage::Maildir)) else {
        return;
    };
    let mut client = dovecot.client();
    let messages = corpus::awkward(5, 60);
    client.fill("INBOX", &messages[..50]);
    client.select("INBOX");
    client.store("1:*", "-FLAGS (\\Deleted \\Flagged)");
    let before = State::read(&mut client, "INBOX");
    client.select("INBOX");
    client.store("7", "+FLAGS (\\Flagged)");
    client.store("9", "+FLAGS (\\Deleted)");
    client.ok("EXPUNGE");
    client.append("INBOX", &messages[50]);
    let difference = before.difference(&State::read(&mut client, "INBOX"));
    let starts: Vec<&str> = difference.lines().map(|line| line.split_at(5).0).collect();
    assert_eq!(starts, ["  #7 ", "- #9 ", "+ #50"], "{difference}");
}

#[test]
fn dovecot_is_reached_through_tls_that_is_verified() {
    let Some(dovecot) = present(Dovecot::start(Storage::Sdbox)) else {
        return;
    };
    let Some(mut client) = present(dovecot.tls_client()) else {
        return;
    };
    assert_eq!(client.select("INBOX"), 0);
    client.logout();
    let capability = Client::connect(dovecot.imap).ok("CAPABILITY")[0].text();
    assert!(capability.contains(" STARTTLS "), "{capability}");
}

#[test]
fn a_tunnel_of_words_reaches_uw_imapd() {
    let Some(uw) = present(Uw::prepare(Format::Mbx)) else {
        return;
    };
    let words = uw.tunnel();
    let mut client =
        Client::spawn(std::process::Command::new(&words[0]).args(&words[1..])).unwrap();
    assert!(
        client.greeting.text().starts_with("* PREAUTH"),
        "{:?}",
        client.greeting
    );
    uw.create("notes");
    assert_eq!(client.select("notes"), 0);
}

#[test]
fn a_second_session_on_a_plain_mailbox_file_ends_the_first() {
    let sessions = |format| {
        let uw = present(Uw::prepare(format))?;
        uw.fill("INBOX", &corpus::awkward(6, 3));
        let (mut first, mut second) = (uw.client(), uw.client());
        first.select("INBOX");
        second.select("INBOX");
        second.store("1", "+FLAGS (\\Flagged)");
        Some(first.command("NOOP").is_ok())
    };
    for (format, survives) in [
        (Format::Mbox, false),
        (Format::Mbx, true),
        (Format::Mix, true),
    ] {
        let Some(survived) = sessions(format) else {
            return;
        };
        assert_eq!(survived, survives, "{format:?}");
    }
}

#[test]
fn a_connection_is_cut_at_the_very_byte() {
    let Some(dovecot) = present(Dovecot::start(Storage::Maildir)) else {
        return;
    };
    let cut = Cut::before(dovecot.imap);
    let whole = cut.during(|| talk(Client::connect(cut.address), true).unwrap());
    // The answer to LOGOUT says how long it took, and is now longer and now shorter.
    for after in [whole.to_client / 4 * 3, whole.to_client / 2] {
        cut.next_after(Direction::ToClient, after);
        let traffic = cut.during(|| assert!(talk(Client::connect(cut.address), true).is_err()));
        assert_eq!(traffic.to_client, after);
    }
    cut.next_after(Direction::ToServer, whole.to_server - 1);
    let traffic = cut.during(|| assert!(talk(Client::connect(cut.address), true).is_err()));
    assert_eq!(
        (traffic.connections, traffic.to_server),
        (1, whole.to_server - 1)
    );
    assert_eq!(cut.doomed_count(), 0);
}

#[test]
fn a_slow_line_tells_its_round_trips() {
    let Some(dovecot) = present(Dovecot::start(Storage::Maildir)) else {
        return;
    };
    let line = Cut::before(dovecot.imap);
    line.delay(Duration::from_millis(5));
    let traffic = line.during(|| talk(Client::connect(line.address), true).unwrap());
    assert_eq!(traffic.turns, 3, "LOGIN, NOOP, LOGOUT");
}

#[test]
fn a_session_with_a_command_is_cut_too() {
    let Some(uw) = present(Uw::prepare(Format::Mbx)) else {
        return;
    };
    let uw = std::sync::Arc::new(uw);
    let cut = Cut::before_command({
        let uw = std::sync::Arc::clone(&uw);
        move || uw.command()
    });
    let whole = cut.during(|| talk(Client::connect(cut.address), false).unwrap());
    cut.next_after(Direction::ToClient, whole.to_client - 1);
    let traffic = cut.during(|| assert!(talk(Client::connect(cut.address), false).is_err()));
    assert_eq!(traffic.to_client, whole.to_client - 1);
}

#[test]
fn a_program_is_typed_at_and_looked_at() {
    let script = "read name; echo hello $name from $(cat note)";
    let terminal = Terminal::start(&["sh", "-c", script], |home| {
        std::fs::write(home.join("note"), "a file").unwrap()
    });
    let Some(terminal) = present(terminal) else {
        return;
    };
    terminal.type_text("ada; -x");
    terminal.press("Enter");
    terminal.wait_for("hello ada; -x from a file");
}

#[test]
fn a_peer_that_is_not_there_is_absent() {
    assert!(find_program("no-such-mail-program").is_err());
}

/// The server shows the same messages, changed as given, with the same flags, dates and sizes.
fn assert_serves(client: &mut Client, messages: &[Message], change: fn(&Message) -> Message) {
    client.examine("INBOX");
    let held = client.messages(Dialect::Imap4rev1);
    assert_eq!(held.len(), messages.len());
    for (held, message) in held.iter().zip(messages.iter().map(change)) {
        if held.hash != blake3::hash(&message.bytes) {
            let (served, expected) = (client.bytes(held.seq), &message.bytes);
            assert_eq!(
                String::from_utf8_lossy(&served),
                String::from_utf8_lossy(expected),
                "{}",
                message.kind
            );
        }
        assert_eq!(held.flags, message.flags, "{}", message.kind);
        assert_eq!(
            held.internal_date, message.internal_date,
            "{}",
            message.kind
        );
        assert_eq!(
            usize::try_from(held.size).unwrap(),
            message.bytes.len(),
            "{}",
            message.kind
        );
    }
}

/// What becomes of a message in a plain mailbox file; the module of UW imapd tells it in words.
fn as_a_plain_file_holds_it(message: &Message) -> Message {
    let mut kept = Message {
        bytes: Vec::new(),
        ..message.clone()
    };
    let mut in_header = true;
    let text = message
        .bytes
        .strip_suffix(b"\r\n")
        .unwrap_or(&message.bytes);
    for line in text
        .split(|byte| *byte == b'\n')
        .map(|line| line.strip_suffix(b"\r").unwrap_or(line))
    {
        in_header &= !line.is_empty();
        match line.split(|byte| *byte == b':').next().unwrap() {
            b"X-UID" | b"X-Keywords" | b"X-IMAP" if in_header => continue,
            b"Status" | b"X-Status" if in_header => {
                kept.flags
                    .extend(["\\Seen", "\\Answered", "\\Flagged"].map(str::to_owned));
                continue;
            }
            _ if line.starts_with(b"From ") => kept.bytes.push(b'>'),
            _ => (),
        }
        kept.bytes.extend(line);
        kept.bytes.extend(b"\r\n");
    }
    if in_header {
        kept.bytes.extend(b"\r\n");
    }
    kept
}

/// A short session; an end that comes too early is an error.
fn talk(mut client: Client, login: bool) -> std::io::Result<()> {
    if login {
        client.command(&format!("LOGIN {USER} {PASSWORD}"))?;
    }
    client.command("NOOP")?;
    client.command("LOGOUT")?;
    Ok(())
}
