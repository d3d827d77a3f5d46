//! Each exit code, with the sentence that goes with it.

use std::fs::{self, File, Permissions};
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::process::{Child, Stdio};
use std::sync::Arc;
use std::thread;

use super::home::{Home, mirror, preauth};
use super::server::{nobody, server};

const GREETING: &str = "* OK IMAP2 service ready\r\n";
const MIRROR: &str = "[account.work]\nhost = \"127.0.0.1\"\ntls = \"none\"\nuser = \"ada\"\npassword = { file = \"server-password\" }";

#[test]
fn a_command_that_makes_no_sense_ends_with_2() {
    let home = Home::new("[account.attic]");
    for arguments in [
        &["sink"][..],
        &[],
        &["sync", "--backwards"],
        &["journal", "drop", "attic", "twelve"],
        &["--quiet", "--verbose", "status"],
    ] {
        let ran = home.run(arguments).ended(2);
        assert!(
            ran.err.contains("--help") || ran.err.contains("Usage: lowtide"),
            "{ran:#?}"
        );
        assert_eq!(ran.out, "");
    }
    for (arguments, what) in [
        (&["sync", "nowhere"][..], "there is no account nowhere"),
        (&["imapd", "nowhere"], "there is no account nowhere"),
        (
            &["approve", "nowhere", "INBOX"],
            "there is no account nowhere",
        ),
        (&["journal", "retry", "attic", "7"], "attic has no action 7"),
        (
            &["conflicts", "undo", "attic", "7"],
            "attic has no conflict 7",
        ),
        (
            &["conflicts", "undo", "nowhere", "7"],
            "there is no account nowhere",
        ),
        (
            &["approve", "attic", "INBOX"],
            "attic/INBOX was not stopped",
        ),
        (&["online"], "no daemon runs"),
    ] {
        home.run(arguments).ended(2).says(what, "lowtide ");
    }
}

#[test]
fn a_server_out_of_reach_ends_with_69() {
    let home = Home::mirroring(nobody(), "ada", "secret");
    home.run(&["sync"])
        .ended(69)
        .says("work: could not reach 127.0.0.1:", "Check the network");
    let bye = server("* BYE gone fishing\r\n", |_, _| String::new());
    let home = Home::mirroring(bye, "ada", "secret");
    home.run(&["sync"])
        .ended(69)
        .says("gone fishing", "is kept");
}

#[test]
fn a_certificate_that_nobody_vouches_for_ends_with_69() {
    let home = Home::empty();
    home.secret("server-password", "secret");
    let address = tls_server();
    home.configure(&format!(
        "[account.work]\nhost = \"127.0.0.1\"\nport = {}\nuser = \"ada\"\npassword = {{ file = \"server-password\" }}",
        address.port()
    ));
    home.run(&["sync"])
        .ended(69)
        .says("is not secure", "name it with ca-file in [account.work]");
}

/// A TLS server with a certificate of its own making.
fn tls_server() -> std::net::SocketAddr {
    use tokio_rustls::rustls;
    let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
    let key = rustls::pki_types::PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .unwrap();
    let config = Arc::new(config);
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            let mut session = rustls::ServerConnection::new(config.clone()).unwrap();
            while session.is_handshaking() && session.complete_io(&mut stream).is_ok() {}
        }
    });
    address
}

#[test]
fn a_daemon_that_does_not_answer_ends_with_70() {
    let home = Home::new("[account.attic]");
    answering(&home.path("data/control.sock"), |stream| {
        // Reads the question, so that the end comes as an end and not as a broken pipe.
        drop(BufReader::new(stream).read_line(&mut String::new()));
    });
    home.run(&["status"])
        .ended(70)
        .says("the running daemon did not answer", "start it again");
}

/// A socket in a directory of its own, as a daemon makes it; `answer` is given everyone who connects.
fn answering(socket: &Path, answer: impl FnMut(UnixStream) + Send + 'static) {
    let directory = socket.parent().unwrap();
    let mut builder = fs::DirBuilder::new();
    builder.mode(0o700).create(directory).unwrap();
    let socket = UnixListener::bind(socket).unwrap();
    thread::spawn(move || socket.incoming().map_while(Result::ok).for_each(answer));
}

#[test]
fn files_that_others_can_reach_or_that_are_damaged_end_with_74() {
    let home = Home::new("[account.attic]");
    home.run(&["status"]).ended(0);
    let account = home.path("data/attic");
    fs::set_permissions(&account, Permissions::from_mode(0o755)).unwrap();
    home.run(&["status"])
        .ended(74)
        .says("can be reached by other users", "Mend that");
    home.run(&["doctor"]).ended(74);
    fs::set_permissions(&account, Permissions::from_mode(0o700)).unwrap();
    home.run(&["doctor"]).ended(0);
    spoil(&account.join("mail.db"));
    home.run(&["status"])
        .ended(74)
        .says("mail.db is damaged", "this mail is nowhere else");
}

fn spoil(database: &Path) {
    fs::write(database, "this is no database").unwrap();
    // What waits in the write-ahead log would mend it.
    drop(fs::remove_file(database.with_extension("db-wal")));
}

#[test]
fn a_damaged_copy_is_set_aside_and_what_is_saved_of_a_journal_waits_for_a_word() {
    let home = Home::mirroring(nobody(), "ada", "secret");
    home.run(&["status"]).ended(0);
    let account = home.path("data/work");
    spoil(&account.join("cache.db"));
    home.run(&["status"]).ended(0);
    assert!(account.join("cache.db.damaged").exists());
    home.run(&["doctor"]).ended(69);
    spoil(&account.join("journal.db"));
    home.run(&["status"]).ended(0);
    let found = home.run(&["doctor"]);
    found.shows(&[
        "a journal was damaged",
        "journal.db.damaged",
        "delete the file",
    ]);
    home.run(&["journal", "accept", "work"])
        .ended(2)
        .says("work has no actions that wait for this", "lowtide journal");
}

#[test]
fn an_answer_that_cannot_be_written_ends_with_74() {
    let home = Home::new("[account.attic]");
    let mut command = home.command(&["status"]);
    command.stdout(File::create("/dev/full").unwrap());
    Home::ran(command)
        .ended(74)
        .says("could not be written", "Make room");
}

#[test]
fn files_in_use_end_with_75_and_the_holder_is_named() {
    let home = Home::new("[account.attic]");
    let holder = Holder::of(&home, "attic");
    let named = format!("in use by process {}", holder.client.id());
    home.run(&["status"])
        .ended(75)
        .says(&named, "Wait until it is through");
    home.run(&["run"]).ended(75);
    holder.leave();
    home.run(&["status"]).ended(0);
}

#[test]
fn an_account_in_use_keeps_no_other_away() {
    let home = Home::new("[account.attic]\n[account.cellar]");
    let holder = Holder::of(&home, "attic");
    home.run(&["status"]).ended(75).shows(&[
        "attic: not to be used\n",
        "Wait until it is through",
        "cellar: mailboxes on this machine\n",
    ]);
    home.run(&["sync"]).ended(0);
    holder.leave();
    home.run(&["status"]).ended(0);
}

/// A mail client that has an account open, without a daemon.
struct Holder {
    client: Child,
}

impl Holder {
    fn of(home: &Home, account: &str) -> Self {
        let mut command = home.command(&["imapd", account]);
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut client = command.spawn().unwrap();
        let mut told = String::new();
        let stdout = client.stdout.take().unwrap();
        BufReader::new(stdout).read_line(&mut told).unwrap();
        assert_eq!(told, preauth(account));
        Self { client }
    }

    fn leave(mut self) {
        drop(self.client.stdin.take());
        assert!(self.client.wait().unwrap().success());
    }
}

#[test]
fn a_daemon_that_lets_nobody_in_ends_a_client_with_75() {
    let home = Home::new("[account.attic]");
    answering(&home.path("run/imap.sock"), |mut stream| {
        drop(stream.write_all(b"* BYE Too many connections; close some and try again\r\n"));
    });
    home.run(&["imapd", "attic"])
        .ended(75)
        .says("Too many connections", "endpoint-connections in [limits]");
}

#[test]
fn a_server_that_breaks_the_protocol_ends_with_76() {
    for greeting in ["HTTP/1.1 400 Bad Request\r\n", "\u{1b}[2J\0\r\n"] {
        let home = Home::mirroring(server(greeting, |_, _| String::new()), "ada", "secret");
        let ran = home.run(&["sync"]).ended(76);
        ran.says("work: ", "report it");
        assert!(!ran.err.contains('\u{1b}') && !ran.err.contains('\0'));
    }
    let confused = server(GREETING, |tag, command| {
        match command.split(' ').next().unwrap_or_default() {
            "LOGIN" | "FIND" | "NOOP" | "LOGOUT" => format!("{tag} OK done\r\n"),
            "SELECT" => format!("* 1 EXISTS\r\n{tag} OK done\r\n"),
            "FETCH" => format!("* 1 FETCH (RFC822.SIZE {{99999999999}}\r\n{tag} OK done\r\n"),
            _ => format!("{tag} BAD what?\r\n"),
        }
    });
    let home = Home::mirroring(confused, "ada", "secret");
    home.run(&["sync"]).ended(76).says("work", "report it");
    home.run(&["status"]).ended(0);
}

#[test]
fn a_login_that_is_refused_ends_with_77() {
    let strict = server(GREETING, |tag, command| {
        match command.split(' ').next().unwrap_or_default() {
            "LOGIN" => format!("{tag} NO \u{1b}]0;no such user\u{7}\r\n"),
            _ => format!("{tag} BAD log in first\r\n"),
        }
    });
    let home = Home::mirroring(strict, "ada", "wrong-canary");
    for verb in ["sync", "doctor"] {
        let ran = home.run(&[verb]).ended(77);
        let told = format!("{}{}", ran.out, ran.err);
        assert!(told.contains("refused the login for ada"), "{told}");
        assert!(
            told.contains("Correct user or password in [account.work]"),
            "{told}"
        );
        assert!(!told.contains('\u{1b}') && !told.contains("wrong-canary"));
    }
    home.run(&["sync"])
        .says("no such user", "lowtide sync work");
    fs::remove_file(home.path("server-password")).unwrap();
    home.run(&["sync"]).ended(77).says(
        "could not read the password file",
        "a plain file that you may read",
    );
}

#[test]
fn a_configuration_that_cannot_be_used_ends_with_78() {
    let home = Home::empty();
    home.run(&["status"])
        .ended(78)
        .says("there is no configuration at", "--config");
    for (accounts, what, next) in [
        ("", "names no account", "[account.work]"),
        ("[account.work]\nhots = \"x\"", "config.toml:5:1: ", "host"),
        ("[account.Work]", "cannot be the name of an account", "a-z"),
        ("[account", "is not TOML here", "Correct this line"),
        (
            "[account.work]\nhost = \"mail.example.org\"\ntls = \"none\"\nuser = \"a\"\npassword = { file = \"p\" }",
            "readable by anyone",
            "allow-cleartext",
        ),
    ] {
        home.configure(accounts);
        for verb in ["sync", "run"] {
            home.run(&[verb]).ended(78).says(what, next);
        }
        home.run(&["doctor"]).ended(78).shows(&[what]);
    }
    home.configure("[account.attic]");
    fs::write(home.path("data"), "no directory").unwrap();
    home.run(&["status"])
        .ended(78)
        .says("could not make the directory", "data-dir in [storage]");
    let advice = "is no directory. Correct data-dir in [storage].";
    home.run(&["doctor"]).ended(78).shows(&[advice]);
    let mut unset = home.command(&["status"]);
    unset.env("LOWTIDE_CONFIG", "");
    Home::ran(unset)
        .ended(78)
        .says(".config/lowtide/config.toml", "--config");
    home.configure(MIRROR);
    let elsewhere = home.path("elsewhere.toml");
    home.run(&["--config", elsewhere.to_str().unwrap(), "status"])
        .ended(78)
        .says("elsewhere.toml", "--config");
}

#[test]
fn the_worst_of_several_accounts_is_told_and_the_others_are_synchronised() {
    let strict = server(GREETING, |tag, _| format!("{tag} NO never\r\n"));
    let home = Home::empty();
    home.secret("server-password", "secret");
    let away = mirror(nobody(), "ada", "").replace("work", "away");
    home.configure(&format!("{}{away}", mirror(strict, "ada", "")));
    let ran = home.run(&["sync"]).ended(77);
    assert_eq!(ran.err.lines().count(), 2, "{ran:#?}");
    assert!(ran.err.contains("away: could not reach") && ran.err.contains("work: "));
}
