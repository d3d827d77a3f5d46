//! Who may come in at the endpoint, and what others can read on disk.

use std::collections::BTreeMap;
use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Output;
use std::time::{Duration, Instant};

use super::lab::client::{Client, Dialect};
use super::lab::corpus;
use super::lab::lowtide::{ACCOUNT, Daemon, ENDPOINT_PASSWORD, Lowtide, endpoint};
use super::lab::server_state::{State, assert_same};
use super::lab::user::{User, is_root};
use super::lab::{Absent, present};

#[test]
fn another_user_of_this_machine_is_turned_away() {
    if !is_root() {
        present::<()>(Err(Absent("only root can be another user".to_owned())));
        return;
    }
    let (lowtide, daemon) = start();
    let before = held(&daemon);
    let lines = format!(
        "a LOGIN {ACCOUNT} {ENDPOINT_PASSWORD}\\r\\nb SELECT INBOX\\r\\nc STORE 1 +FLAGS (\\\\Deleted)\\r\\nd EXPUNGE\\r\\n"
    );
    let script = |open: &str| format!("exec 3<>{open} || exit 9; printf '{lines}' >&3; cat <&3");
    let user = User::unprivileged();
    let home = user.directory();
    let ask = |script: &str| -> Output {
        let mut command = user.command(Path::new("/bin/bash"), home.path());
        command.arg("-c").arg(script).output().unwrap()
    };
    let answer = ask(&script(&format!(
        "/dev/tcp/127.0.0.1/{}",
        daemon.address.port()
    )));
    let said = String::from_utf8_lossy(&answer.stdout).into_owned();
    assert!(
        !said.contains(" OK ") && !said.contains("EXISTS"),
        "{said:?}"
    );
    // The door is shut without a word.
    assert!(said.is_empty(), "{said:?} {answer:?}");
    let trouble = String::from_utf8_lossy(&answer.stderr).into_owned();
    assert!(!trouble.contains("refused"), "nobody listened: {trouble}");
    // The same words of the daemon's own user are understood.
    let mut own = TcpStream::connect(daemon.address).unwrap();
    own.write_all(format!("a LOGIN {ACCOUNT} {ENDPOINT_PASSWORD}\r\nb LOGOUT\r\n").as_bytes())
        .unwrap();
    assert!(to_the_end(own).contains("a OK "));
    // And the sockets are out of reach.
    for socket in ["data/imap.sock", "data/control.sock"] {
        let path = lowtide.path(socket);
        assert!(path.exists(), "{socket}");
        let looked = ask(&format!("test -e '{}'", path.display()));
        assert!(!looked.status.success(), "{socket} can be seen by others");
    }
    assert_same(("before", &before), ("after", &held(&daemon)));
}

#[test]
fn a_web_page_that_posts_imap_runs_no_command() {
    let (_lowtide, daemon) = start();
    let before = held(&daemon);
    let commands = format!(
        "a LOGIN {ACCOUNT} {ENDPOINT_PASSWORD}\r\nb SELECT INBOX\r\nc STORE 1 +FLAGS (\\Deleted)\r\nd EXPUNGE\r\n"
    );
    for method in ["POST", "GET", "PUT", "OPTIONS"] {
        let mut stream = TcpStream::connect(daemon.address).unwrap();
        let head = format!(
            "{method} / HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nContent-Type: text/plain\r\nContent-Length: {}\r\n\r\n",
            daemon.address.port(),
            commands.len()
        );
        // The endpoint may hang up before all is written.
        stream.write_all(head.as_bytes()).unwrap();
        stream.write_all(commands.as_bytes()).ok();
        let said = to_the_end(stream);
        assert!(
            !said.contains("a OK") && !said.contains("EXISTS"),
            "{method}: {said:?}"
        );
    }
    assert_same(("before", &before), ("after", &held(&daemon)));
}

#[test]
fn a_wrong_password_is_refused_slower_each_time_and_thrice_at_most() {
    let (_lowtide, daemon) = start();
    let mut client = daemon.stranger();
    for least in [1, 2] {
        let (took, reply) = timed(|| client.command(&format!("LOGIN {ACCOUNT} wrong")));
        assert_eq!(reply.unwrap().status, "NO");
        assert!(took >= Duration::from_millis(least * 900), "{took:?}");
    }
    let (took, reply) = timed(|| client.command(&format!("LOGIN {ACCOUNT} wrong")));
    assert!(took >= Duration::from_millis(3600), "{took:?}");
    if let Ok(reply) = reply {
        assert_eq!(reply.status, "NO");
        assert!(
            client
                .command(&format!("LOGIN {ACCOUNT} {ENDPOINT_PASSWORD}"))
                .is_err()
        );
    }
    let mut other = daemon.stranger();
    assert_ne!(other.command("SELECT INBOX").unwrap().status, "OK");
    assert_ne!(
        other
            .command(&format!("LOGIN nobody {ENDPOINT_PASSWORD}"))
            .unwrap()
            .status,
        "OK"
    );
    other.login(ACCOUNT, ENDPOINT_PASSWORD);
}

#[test]
fn files_directories_and_sockets_are_for_their_owner_alone() {
    let (lowtide, daemon) = start();
    let mut modes = BTreeMap::new();
    collect_modes(&lowtide.path("data"), &mut modes);
    drop(daemon);
    assert!(modes.len() > 4, "{modes:?}");
    for (path, mode) in &modes {
        assert_eq!(mode & 0o077, 0, "{path} has mode {mode:o}");
    }
    // A password that lowtide makes by itself is no more open.
    let password = lowtide.path("endpoint-password");
    fs::remove_file(&password).unwrap();
    let (address, keys) = endpoint();
    lowtide.configure(super::lab::lowtide::Network::There, &keys, "");
    let daemon = Daemon::start(&lowtide, address);
    assert_eq!(
        fs::metadata(&password).unwrap().permissions().mode() & 0o777,
        0o600
    );
    let made = fs::read_to_string(&password).unwrap();
    assert!(made.trim().len() >= 20, "a short password");
    daemon.stranger().login(ACCOUNT, made.trim());
}

/// A daemon with an account of local mailboxes, and some mail in it.
fn start() -> (Lowtide, Daemon) {
    let (address, keys) = endpoint();
    let lowtide = Lowtide::install("", &keys);
    let daemon = Daemon::start(&lowtide, address);
    let mut client = daemon.client();
    for message in corpus::awkward(909, 5) {
        client.append_plainly("INBOX", &message.bytes);
    }
    client.logout();
    (lowtide, daemon)
}

fn held(daemon: &Daemon) -> State {
    let mut client: Client = daemon.client();
    State::read_as(&mut client, "INBOX", Dialect::Imap2)
}

fn to_the_end(mut stream: TcpStream) -> String {
    stream
        .set_read_timeout(Some(super::lab::process::PATIENCE))
        .unwrap();
    let mut said = Vec::new();
    // A reset is an end, too.
    stream.read_to_end(&mut said).ok();
    String::from_utf8_lossy(&said).into_owned()
}

fn collect_modes(path: &Path, modes: &mut BTreeMap<String, u32>) {
    let mode = fs::symlink_metadata(path).unwrap().permissions().mode() & 0o777;
    modes.insert(path.display().to_string(), mode);
    if path.is_dir() {
        for entry in fs::read_dir(path).unwrap() {
            collect_modes(&entry.unwrap().path(), modes);
        }
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "another program is timed, which knows no paused time"
)]
fn timed<T>(act: impl FnOnce() -> T) -> (Duration, T) {
    let begun = Instant::now();
    let answer = act();
    (begun.elapsed(), answer)
}
