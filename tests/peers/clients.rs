//! Mail programs at the endpoint of a running daemon, on mailboxes that live here and on a mirror of Dovecot.

use std::fs;
use std::path::Path;

use super::lab::client::{Client, Dialect};
use super::lab::corpus::{self, Message};
use super::lab::date::InternalDate;
use super::lab::lowtide::{ACCOUNT, Daemon, ENDPOINT_PASSWORD, Lowtide, endpoint};
use super::lab::present;
use super::lab::process::{find_program, until};
use super::lab::rig::{Kind, Server, clear_account, with_protocol};
use super::lab::server_state::State;
use super::lab::tmux::Terminal;
use super::lab::user::User;

#[test]
fn alpine_reads_flags_removes_and_saves_in_mailboxes_that_live_here() {
    let Some(house) = House::local(&letters()) else {
        return;
    };
    alpine(&house);
}

#[test]
fn alpine_reads_flags_removes_and_saves_in_a_mirror_and_on_its_server() {
    let Some(house) = House::mirror(&letters()) else {
        return;
    };
    if alpine(&house).is_none() {
        return;
    }
    until("the server has what Alpine did", || {
        let mut client = house.server.as_ref()?.client();
        let inbox = summary(&State::read(&mut client, "INBOX"));
        let archive = summary(&State::read(&mut client, "archive"));
        (inbox == LEFT && archive.len() == 1).then_some(())
    });
}

#[test]
fn mailutil_checks_copies_and_transfers() {
    let messages = corpus::awkward(111, 60);
    let Some(house) = House::local(&messages) else {
        return;
    };
    let remote = format!("{}INBOX", house.place());
    let Some(screen) = mailutil(&format!("check '{remote}'")) else {
        return;
    };
    assert!(screen.contains("60 total"), "{screen}");

    // Out to a file of mailutil's own and back into another mailbox.
    let there_and_back = format!(
        "copy '{remote}' '#driver.mbx/copy' && mailutil append copy '{}archive'",
        house.place()
    );
    mailutil(&there_and_back);
    let mut client = house.lowtide.client();
    let inbox = State::read_as(&mut client, "INBOX", Dialect::Imap2);
    let archive = State::read_as(&mut client, "archive", Dialect::Imap2);
    let hashes = |state: &State| {
        state
            .0
            .iter()
            .map(|held| (held.hash, held.size))
            .collect::<Vec<_>>()
    };
    assert_eq!(hashes(&inbox), hashes(&archive));

    let screen = mailutil(&format!("transfer '{}' '#driver.mbx/all/'", house.place())).unwrap();
    assert!(screen.contains("finished 0"), "{screen}");
}

#[test]
fn fetchmail_fetches_every_message_as_it_is() {
    if present(find_program("fetchmail").map(drop)).is_none() {
        return;
    }
    let messages: Vec<Message> = corpus::ordinary(222, 40).collect();
    let Some(house) = House::local(&messages) else {
        return;
    };
    let user = User::unprivileged();
    let home = user.directory();
    let fetched = fetch(&house, home.path());
    assert_eq!(fetched.len(), messages.len());
    for (fetched, message) in fetched.iter().zip(&messages) {
        // fetchmail hands lines over as a Unix program wants them, and ends the last one.
        let mut expected = String::from_utf8_lossy(&message.bytes).replace("\r\n", "\n");
        if !expected.ends_with('\n') {
            expected.push('\n');
        }
        assert_eq!(String::from_utf8_lossy(fetched), expected);
    }
    let mut client = house.lowtide.client();
    let after = State::read_as(&mut client, "INBOX", Dialect::Imap2);
    assert!(
        after.0.iter().all(|held| held.flags.contains("\\Seen")),
        "fetchmail marks what it fetched"
    );
}

#[test]
fn mutt_says_that_it_wants_a_newer_protocol() {
    let Some(house) = House::local(&letters()) else {
        return;
    };
    let rc = format!(
        "set tunnel=\"{}\"\nset folder=\"imap://{ACCOUNT}@localhost/\"\n\
         set spoolfile=\"imap://{ACCOUNT}@localhost/INBOX\"\n",
        house.lowtide.tunnel()
    );
    let terminal = Terminal::start(&["mutt", "-n", "-F", "muttrc"], |home| {
        fs::write(home.join("muttrc"), rc).unwrap();
    });
    if let Some(terminal) = present(terminal) {
        terminal.wait_for("This IMAP server is ancient. Mutt does not work with it.");
    }
}

#[test]
fn two_clients_of_mailboxes_that_live_here_see_what_the_other_does() {
    let Some(house) = House::local(&letters()) else {
        return;
    };
    let mut reader = two_clients(&house);
    let mut other = house.lowtide.client();
    other.append_plainly("INBOX", &letter(7).bytes);
    assert!(told(&mut reader, "EXISTS", 5));
}

#[test]
fn two_clients_of_a_mirror_see_what_the_other_does_and_what_arrives() {
    let Some(house) = House::mirror(&letters()) else {
        return;
    };
    let mut reader = two_clients(&house);
    let server = house.server.as_ref().unwrap();
    // What was expunged here has to be gone there first, so that counting is certain.
    until("the server has what was done", || {
        let held = State::read(&mut server.client(), "INBOX");
        (held.0.len() == 4).then_some(())
    });
    server.client().append("INBOX", &letter(7));
    let ended = house.lowtide.run(&["sync"]);
    assert_eq!(ended.code, Some(0), "{ended:#?}");
    assert!(told(&mut reader, "EXISTS", 5));
    let mut flagger = server.client();
    flagger.select("INBOX");
    flagger.store("5", "+FLAGS (\\Flagged)");
    house.lowtide.run(&["sync"]);
    assert!(told(&mut reader, "FETCH", 5));
}

/// A client with INBOX open, after another one flagged message 1 and expunged message 2 of five.
fn two_clients(house: &House) -> Client {
    let mut reader = house.lowtide.client();
    let mut writer = house.lowtide.client();
    assert_eq!((reader.select("INBOX"), writer.select("INBOX")), (5, 5));
    writer.store("1", "+FLAGS (\\Flagged)");
    assert!(told(&mut reader, "FETCH", 1));
    reader.store("3", "+FLAGS (\\Answered)");
    assert!(told(&mut writer, "FETCH", 3));
    writer.store("2", "+FLAGS (\\Deleted)");
    writer.ok("EXPUNGE");
    assert!(told(&mut reader, "EXPUNGE", 2));
    reader
}

/// Whether NOOP tells this of a message, or of how many there are, at once or soon.
fn told(client: &mut Client, kind: &str, number: u32) -> bool {
    until(kind, || {
        let said = client.ok("NOOP");
        said.iter()
            .any(|line| line.numbered(kind).is_some_and(|(told, _)| told == number))
            .then_some(true)
    })
}

/// What Alpine is made to do, key by key, with an eye on the marks of its index: a word in its last line may be
/// overwritten by the next one before anybody saw it.
fn alpine(house: &House) -> Option<()> {
    let place = house.place();
    let features = [
        "disable-password-file-saving",
        "disable-password-caching",
        "enable-flag-cmd",
        "expunge-without-confirm",
        "quit-without-confirm",
    ];
    let rc = format!(
        "inbox-path={place}INBOX\nfolder-collections=Here {place}[]\ndefault-fcc=\"\"\nuser-domain=example.org\n\
         last-version-used=6.26\nfeature-list={}\n",
        features.join(",")
    );
    present(find_program("alpine").map(drop))?;
    // The last words are said when Alpine has given the screen back.
    let script = "alpine -i -p pinerc; cat";
    let alpine = present(Terminal::start(&["sh", "-c", script], |home| {
        fs::create_dir(home.join("mail")).unwrap();
        fs::write(home.join("pinerc"), rc).unwrap();
        User::unprivileged().own(&home.join("mail"));
        User::unprivileged().own(&home.join("pinerc"));
    }))?;
    let press = |keys: &str, enter: bool, wait: &str| -> String {
        alpine.type_text(keys);
        if enter {
            alpine.press("Enter");
        }
        alpine.wait_for(wait)
    };
    let jump = |number: &str| {
        press("j", false, "Message number to jump to");
        press(number, true, &format!("Message {number} of"));
    };
    alpine.wait_for("ENTER PASSWORD");
    let index = press(ENDPOINT_PASSWORD, true, "letter 4");
    for subject in ["letter 0", "letter 1", "letter 2", "letter 3", "letter 4"] {
        assert!(index.contains(subject), "{index}");
    }
    jump("1");
    press("", true, "hello 0");
    press("<", false, "MESSAGE INDEX");
    jump("2");
    press("*", false, "Flag New, Deleted");
    press("", true, "* N   2");
    jump("3");
    press("d", false, "D   3");
    alpine.type_text("x");
    alpine.wait_without("letter 2");
    jump("3");
    press("s", false, "SAVE Msg #3");
    press("archive", true, "D   3");
    press("q", false, "Kept 3 messages and removed 1");

    let mut client = house.lowtide.client();
    assert_eq!(
        summary(&State::read_as(&mut client, "INBOX", Dialect::Imap2)),
        LEFT
    );
    let archive = until("the copy is there", || {
        let archive = State::read_as(&mut client, "archive", Dialect::Imap2);
        (!archive.0.is_empty()).then_some(archive)
    });
    assert_eq!(archive.0.len(), 1);
    assert_eq!(archive.0[0].label, "letter 3");
    Some(())
}

/// What Alpine leaves of five letters.
const LEFT: [&str; 3] = ["letter 0 \\Seen", "letter 1 \\Flagged", "letter 4"];

fn summary(state: &State) -> Vec<String> {
    let line = |held: &super::lab::client::Held| {
        let words: Vec<&str> = std::iter::once(held.label.as_str())
            .chain(held.flags.iter().map(String::as_str))
            .collect();
        words.join(" ")
    };
    state.0.iter().map(line).collect()
}

/// Runs mailutil, types the password as often as it is asked for, and gives the last screen.
fn mailutil(words: &str) -> Option<String> {
    present(find_program("mailutil").map(drop))?;
    let script = format!("mailutil {words}; echo finished $?");
    let terminal = present(Terminal::start(&["sh", "-c", &script], |_| ()))?;
    let mut asked = 0;
    Some(until("mailutil ends", || {
        let screen = terminal.screen();
        if screen.matches("password:").count() > asked {
            asked += 1;
            terminal.type_text(ENDPOINT_PASSWORD);
            terminal.press("Enter");
        }
        screen.contains("finished ").then_some(screen)
    }))
}

/// What fetchmail hands to a program that writes each message into a file.
fn fetch(house: &House, home: &Path) -> Vec<Vec<u8>> {
    let (user, got) = (User::unprivileged(), home.join("got"));
    fs::create_dir(&got).unwrap();
    user.own(&got);
    let script = home.join("keep.sh");
    fs::write(&script, "cd \"$1\" && cat > \"$(ls | wc -l)\"\n").unwrap();
    let rc = home.join("fetchmailrc");
    let text = format!(
        "poll 127.0.0.1 service {} protocol imap username \"{ACCOUNT}\" password \"{ENDPOINT_PASSWORD}\"\n\
         mda \"/bin/sh {} {}\" fetchall keep no rewrite no mimedecode sslproto \"\"\n",
        house.daemon.address.port(),
        script.display(),
        got.display()
    );
    fs::write(&rc, text).unwrap();
    fs::set_permissions(&rc, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    user.own(&rc);
    let mut command = user.command(&find_program("fetchmail").unwrap(), home);
    command
        .args(["--invisible", "--nodetach", "--nosyslog", "--fetchmailrc"])
        .arg(&rc);
    let output = command.output().unwrap();
    let count = fs::read_dir(&got).unwrap().count();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    (0..count)
        .map(|number| fs::read(got.join(number.to_string())).unwrap())
        .collect()
}

/// A daemon, its mail, and the server it mirrors if there is one. The daemon ends before its files go.
struct House {
    daemon: Daemon,
    lowtide: Lowtide,
    server: Option<Server>,
}

impl House {
    /// Mailboxes that live here: INBOX with these messages, and an empty `archive`.
    fn local(messages: &[Message]) -> Option<Self> {
        let (address, keys) = endpoint();
        let lowtide = Lowtide::install_for_programs("", &keys);
        let daemon = Daemon::start(&lowtide, address);
        let mut client = lowtide.client();
        client.ok("CREATE archive");
        for message in messages {
            client.append_plainly("INBOX", &message.bytes);
        }
        client.logout();
        Some(Self {
            daemon,
            lowtide,
            server: None,
        })
    }

    /// A mirror of a Dovecot that holds the same, in sync.
    fn mirror(messages: &[Message]) -> Option<Self> {
        let server = present(Server::start(Kind::DovecotTcp))?;
        server.fill("INBOX", messages);
        server.create("archive");
        let Server::Dovecot(dovecot) = &server else {
            return None;
        };
        let account = with_protocol(&clear_account(dovecot.imap.port()), "imap2");
        let (address, keys) = endpoint();
        let lowtide = Lowtide::install_for_programs(&account, &keys);
        let daemon = Daemon::start(&lowtide, address);
        let ended = lowtide.run(&["sync"]);
        assert_eq!(ended.code, Some(0), "{ended:#?}");
        Some(Self {
            daemon,
            lowtide,
            server: Some(server),
        })
    }

    /// How Alpine and mailutil call the endpoint.
    fn place(&self) -> String {
        format!("{{{}/imap/user={ACCOUNT}/notls}}", self.daemon.address)
    }
}

fn letters() -> Vec<Message> {
    (0..5).map(letter).collect()
}

fn letter(number: i64) -> Message {
    let text = format!(
        "From: ada@example.org\r\nTo: bob@example.org\r\nSubject: letter {number}\r\n\
         Date: Mon, 1 Jan 2024 10:00:0{number} +0000\r\nMessage-ID: <{number}@example.org>\r\n\r\nhello {number}\r\n"
    );
    Message {
        kind: "letter",
        bytes: text.into_bytes(),
        internal_date: InternalDate(1_704_103_200 + number),
        flags: Default::default(),
    }
}
