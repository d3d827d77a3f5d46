//! What goes wrong is told in one sentence with what to do next and the right exit code, and nothing is lost by it.

use std::fs;
use std::io::Write;
use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;
use std::process::Command;

use super::lab::certificate::Certificate;
use super::lab::client::Dialect;
use super::lab::corpus;
use super::lab::lowtide::{ACCOUNT, Ended, Lowtide, Network};
use super::lab::process::until;
use super::lab::random::Random;
use super::lab::rig::{Kind, NO_TCP, Rig, Server, clear_account, with_protocol};
use super::lab::server_state::{State, assert_same};
use super::lab::user::is_root;

#[test]
fn a_key_that_is_no_key_is_told_with_its_line_and_the_one_meant() {
    let lowtide = Lowtide::install("host = \"127.0.0.1\"\nuzer = \"ada\"", NO_TCP);
    let told = told(&lowtide.run(&["sync"]), 78);
    assert!(told.contains("uzer") && told.contains("user"), "{told}");
    assert!(told.contains(":7:"), "the line: {told}");
    fs::write(lowtide.config(Network::There), "[account.work\n").unwrap();
    self::told(&lowtide.run(&["status"]), 78);
    fs::remove_file(lowtide.config(Network::There)).unwrap();
    self::told(&lowtide.run(&["status"]), 78);
}

#[test]
fn a_wrong_password_is_told_and_the_right_one_goes_on() {
    recovers(77, "password", |rig, sync| {
        rig.lowtide.secret("server-password", "wrong");
        let ended = sync(rig);
        rig.lowtide
            .secret("server-password", super::lab::dovecot::PASSWORD);
        ended
    });
}

#[test]
fn a_server_that_is_down_is_told_and_the_next_sync_goes_on() {
    recovers(69, "", |rig, sync| {
        // Bound and not listening to anybody any more.
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
            .unwrap()
            .local_addr()
            .unwrap()
            .port();
        elsewhere(rig, port, sync)
    });
}

#[test]
fn garbage_from_a_server_is_told_and_the_next_sync_goes_on() {
    for (garbage, code) in [
        (&b"220 mail.example ESMTP ready\r\n"[..], 76),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", 76),
        (b"* OK ready\r\n* 3 FETCH ((((\r\n\0\xff\xfe\r\n", 76),
        (b"* BYE too busy\r\n", 69),
        (b"", 69),
    ] {
        recovers(code, "", |rig, sync| {
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
            let port = listener.local_addr().unwrap().port();
            std::thread::scope(|scope| {
                scope.spawn(|| {
                    let (mut stream, _) = listener.accept().unwrap();
                    stream.write_all(garbage).unwrap();
                    // Reads what the client says until it leaves, so that no reset overtakes the words.
                    stream.shutdown(std::net::Shutdown::Write).unwrap();
                    std::io::copy(&mut stream, &mut std::io::sink()).ok();
                });
                elsewhere(rig, port, sync)
            })
        });
    }
}

#[test]
fn a_certificate_of_somebody_unknown_is_not_trusted() {
    insecure(|rig, imaps| {
        let other = Certificate::create(rig.lowtide.home.path());
        format!(
            "host = \"localhost\"\nport = {imaps}\nca-file = {:?}",
            other.authority
        )
    });
    insecure(|_, imaps| format!("host = \"localhost\"\nport = {imaps}"));
}

#[test]
fn a_certificate_for_another_name_is_not_trusted() {
    insecure(|rig, imaps| {
        let Server::Dovecot(dovecot) = &rig.server else {
            panic!("no Dovecot")
        };
        // The certificate names localhost, 127.0.0.1 and ::1; this address leads to the same machine, too.
        format!(
            "host = \"0.0.0.0\"\nport = {imaps}\nca-file = {:?}",
            dovecot.certificate.authority
        )
    });
}

#[test]
fn a_second_process_is_told_who_has_the_files() {
    let Some(rig) = small() else { return };
    rig.lowtide.sync(&[0]);
    let client = rig.lowtide.offline_client();
    let ended = rig.lowtide.run(&["sync"]);
    let told = told(&ended, 75);
    assert!(
        told.chars().any(|character| character.is_ascii_digit()),
        "no process id: {told}"
    );
    client.logout();
    until("the files are free", || {
        (rig.lowtide.run(&["sync"]).code == Some(0)).then_some(())
    });
}

#[test]
fn a_truncated_cache_is_told_or_mended_and_no_action_is_lost() {
    for length in [0, 10, 4096, 20_000] {
        let Some(rig) = small() else { return };
        rig.lowtide.sync(&[0]);
        flag_offline(&rig.lowtide);
        let cache = rig.lowtide.store().join("cache.db");
        let file = fs::File::options().write(true).open(&cache).unwrap();
        file.set_len(length).unwrap();
        let ended = rig.lowtide.run(&["sync"]);
        if ended.code != Some(0) {
            told(&ended, 74);
            rig.lowtide.wipe_cache();
            rig.lowtide.sync(&[0]);
        }
        flagged_there(&rig);
    }
}

#[test]
fn a_full_disk_is_told_and_with_room_the_next_sync_goes_on() {
    if !is_root() {
        super::lab::present::<()>(Err(super::lab::Absent(
            "only root can mount a small disk".into(),
        )));
        return;
    }
    let Some(rig) = small() else { return };
    let data = rig.lowtide.path("data");
    fs::create_dir(&data).unwrap();
    let Some(_disk) = Disk::mount(&data, "500k") else {
        return;
    };
    let told = told(&rig.lowtide.run(&["sync"]), 74);
    assert!(told.contains("full") || told.contains("room"), "{told}");
    mount(&["-o", "remount,size=50m"], &data);
    rig.lowtide.sync(&[0]);
    flag_offline(&rig.lowtide);
    rig.lowtide.sync(&[0]);
    flagged_there(&rig);
}

#[test]
fn texts_leave_room_on_the_disk_for_what_the_user_does() {
    if !is_root() {
        super::lab::present::<()>(Err(super::lab::Absent(
            "only root can mount a small disk".into(),
        )));
        return;
    }
    let mut messages = corpus::awkward(808, 160);
    for message in &mut messages {
        message.flags.remove("\\Deleted");
    }
    messages[6].flags.remove("\\Draft");
    let mut random = Random::new(808);
    for message in &mut messages[20..] {
        let mut line = || format!("{:016x}{:016x}\r\n", random.number(), random.number());
        let text: String = (0..30_000).map(|_| line()).collect();
        message.bytes = format!("Subject: large\r\n\r\n{text}").into_bytes();
    }
    let Some(rig) = Rig::build(Kind::DovecotTcp, "auto", &messages) else {
        return;
    };
    let data = rig.lowtide.path("data");
    fs::create_dir(&data).unwrap();
    let Some(_disk) = Disk::mount(&data, "64m") else {
        return;
    };
    let sync = || told(&rig.lowtide.run(&["sync"]), 74);
    assert!(sync().contains("left on the disk"));
    flag_offline(&rig.lowtide);
    // The newest are read first, and the text of this one is not here.
    let mut client = rig.lowtide.offline_client();
    client.select("INBOX");
    client.store("21", "+FLAGS (\\Deleted)");
    client.ok("EXPUNGE");
    client.logout();
    assert!(sync().contains("left on the disk"));
    let there = State::read(&mut rig.server.client(), "INBOX");
    assert!(there.0[6].flags.contains("\\Draft"), "{:?}", there.0[6]);
    assert_eq!(there.0.len(), messages.len() - 1);
    assert!(rig.lowtide.journal().is_empty());
    mount(&["-o", "remount,size=400m"], &data);
    rig.lowtide.sync(&[0]);
    flagged_there(&rig);
}

/// A small file system, gone when this is dropped.
struct Disk<'a>(&'a Path);

impl<'a> Disk<'a> {
    fn mount(at: &'a Path, size: &str) -> Option<Self> {
        let options = format!("size={size},mode=0700");
        if mount(&["-t", "tmpfs", "-o", &options, "tmpfs"], at) {
            return Some(Self(at));
        }
        super::lab::present::<()>(Err(super::lab::Absent(
            "no file system can be mounted here".into(),
        )));
        None
    }
}

impl Drop for Disk<'_> {
    fn drop(&mut self) {
        Command::new("umount")
            .arg("--lazy")
            .arg(self.0)
            .status()
            .ok();
    }
}

fn mount(words: &[&str], at: &Path) -> bool {
    Command::new("mount")
        .args(words)
        .arg(at)
        .status()
        .is_ok_and(|status| status.success())
}

/// A Dovecot with a little mail.
fn small() -> Option<Rig> {
    let mut messages = corpus::awkward(808, 60);
    messages[6].flags.remove("\\Draft");
    Rig::build(Kind::DovecotTcp, "auto", &messages)
}

/// Trouble on the first sync, and again with an action waiting; then the action takes effect.
fn recovers(code: i32, word: &str, trouble: impl Fn(&Rig, &dyn Fn(&Rig) -> Ended) -> Ended) {
    let Some(rig) = small() else { return };
    let sync: &dyn Fn(&Rig) -> Ended = &|rig| rig.lowtide.run(&["sync"]);
    let first = told(&trouble(&rig, sync), code);
    assert!(first.contains(word), "{first}");
    rig.lowtide.sync(&[0]);
    flag_offline(&rig.lowtide);
    told(&trouble(&rig, sync), code);
    rig.lowtide.sync(&[0]);
    flagged_there(&rig);
}

/// Syncs with another port for once.
fn elsewhere(rig: &Rig, port: u16, sync: &dyn Fn(&Rig) -> Ended) -> Ended {
    let usual = fs::read(rig.lowtide.config(Network::There)).unwrap();
    let account = with_protocol(&clear_account(port), "auto");
    rig.lowtide.configure(Network::There, NO_TCP, &account);
    let ended = sync(rig);
    fs::write(rig.lowtide.config(Network::There), usual).unwrap();
    ended
}

fn insecure(account: impl Fn(&Rig, u16) -> String) {
    recovers(69, "secure", |rig, sync| {
        let Server::Dovecot(dovecot) = &rig.server else {
            panic!("no Dovecot")
        };
        let usual = fs::read(rig.lowtide.config(Network::There)).unwrap();
        let keys = account(rig, dovecot.imaps.port());
        let keys = format!("{keys}\nuser = \"ada\"\npassword = {{ file = \"server-password\" }}");
        rig.lowtide
            .configure(Network::There, NO_TCP, &with_protocol(&keys, "auto"));
        let ended = sync(rig);
        fs::write(rig.lowtide.config(Network::There), usual).unwrap();
        ended
    });
}

/// The one line on standard error, which says what happened and what to do next.
#[track_caller]
fn told(ended: &Ended, code: i32) -> String {
    assert_eq!(ended.code, Some(code), "{ended:#?}");
    let lines: Vec<&str> = ended.stderr.lines().collect();
    assert_eq!(lines.len(), 1, "one line: {ended:#?}");
    assert!(lines[0].starts_with("lowtide: "), "{ended:#?}");
    assert!(
        lines[0].ends_with('.') && lines[0].contains(". "),
        "two sentences: {ended:#?}"
    );
    lines[0].to_owned()
}

/// An action that has to reach the server in the end.
fn flag_offline(lowtide: &Lowtide) {
    let mut client = lowtide.offline_client();
    client.select("INBOX");
    client.store("7", "+FLAGS (\\Draft)");
    client.logout();
    assert_eq!(lowtide.journal().len(), 1);
}

#[track_caller]
fn flagged_there(rig: &Rig) {
    let there = State::read(&mut rig.server.client(), "INBOX");
    assert!(there.0[6].flags.contains("\\Draft"), "{:?}", there.0[6]);
    let mut client = rig.lowtide.offline_client();
    let here = State::read_as(&mut client, "INBOX", Dialect::Imap2);
    client.logout();
    assert_same((ACCOUNT, &here), ("the server", &there));
}
