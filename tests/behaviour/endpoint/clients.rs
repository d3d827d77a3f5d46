//! Real mail clients on the endpoint, where they are installed.

use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use lowtide::endpoint::{EndpointSettings, Listener, PasswordDigest};
use lowtide::store::Kind;
use tokio::task::JoinHandle;

use super::world::{Held, World, date, sample};

const SAMPLES: [&str; 3] = ["low-water.eml", "awkward.eml", "parts.eml"];

struct Open {
    world: World,
    address: SocketAddr,
    run: JoinHandle<()>,
}

async fn open() -> Open {
    let settings = EndpointSettings {
        password: Some(PasswordDigest::of(b"lowwater")),
        ..EndpointSettings::default()
    };
    let world = World::with(Kind::Local, settings);
    let inbox = world.mailbox("INBOX").await;
    for name in SAMPLES {
        let date = date("4-Mar-91 07:15:09-GMT");
        world
            .message(inbox, &sample(name), date, &[], Held::Text)
            .await;
    }
    let mut listener = Listener::new();
    listener
        .bind_tcp(&["127.0.0.1:0".parse().unwrap()])
        .unwrap();
    let address = listener.tcp_addresses()[0];
    let run = listener.run(world.endpoint.clone(), world.shutdown.subscribe());
    #[expect(clippy::disallowed_methods, reason = "the test awaits it")]
    let run = tokio::spawn(run);
    Open {
        world,
        address,
        run,
    }
}

impl Open {
    async fn close(self) {
        self.world.shutdown.send(true).unwrap();
        self.run.await.unwrap();
    }
}

fn is_installed(program: &str) -> bool {
    let found = Command::new("sh")
        .args(["-c", &format!("command -v {program}")])
        .stdout(Stdio::null())
        .status()
        .unwrap()
        .success();
    if !found {
        println!("skipped: {program} is not installed");
    }
    found
}

async fn output(mut command: Command) -> Output {
    tokio::task::spawn_blocking(move || command.output().unwrap())
        .await
        .unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fetchmail_fetches_every_message_octet_by_octet() {
    if !is_installed("fetchmail") {
        return;
    }
    let open = open().await;
    let home = tempfile::tempdir().unwrap();
    let rc = home.path().join("fetchmailrc");
    let text = format!(
        "set no bouncemail\nset invisible\npoll 127.0.0.1 service {} protocol imap auth password\n  user ada password lowwater \
         fetchall keep no rewrite no forcecr mda \"cat > {}/$$.got\"\n",
        open.address.port(),
        home.path().display()
    );
    std::fs::write(&rc, text).unwrap();
    std::fs::set_permissions(&rc, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    let mut fetchmail = Command::new("fetchmail");
    fetchmail
        .env("HOME", home.path())
        .args(["--nosyslog", "--sslproto", "", "-v", "-f"])
        .arg(&rc)
        .arg("--pidfile")
        .arg(home.path().join("pid"));
    let said = output(fetchmail).await;
    let words = String::from_utf8_lossy(&said.stdout).into_owned();
    assert!(
        said.status.success(),
        "{words}{}",
        String::from_utf8_lossy(&said.stderr)
    );
    let mut got: Vec<Vec<u8>> = files(home.path(), ".got");
    let mut expected: Vec<Vec<u8>> = SAMPLES
        .iter()
        .map(|name| unix_lines(&sample(name)))
        .collect();
    got.sort();
    expected.sort();
    assert_eq!(shown(&got), shown(&expected), "{words}");
    open.close().await;
}

fn files(dir: &Path, suffix: &str) -> Vec<Vec<u8>> {
    let entries = std::fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    entries
        .filter(|path| path.to_string_lossy().ends_with(suffix))
        .map(|path| std::fs::read(path).unwrap())
        .collect()
}

fn unix_lines(octets: &[u8]) -> Vec<u8> {
    octets
        .iter()
        .copied()
        .filter(|byte| *byte != b'\r')
        .collect()
}

fn shown(messages: &[Vec<u8>]) -> Vec<String> {
    messages
        .iter()
        .map(|octets| octets.escape_ascii().to_string())
        .collect()
}

/// `mailutil` reads its password from a terminal; `script` gives it one.
async fn mailutil(open: &Open, home: &Path, words: &str) -> String {
    let remote = format!("{{{}/notls/user=ada}}", open.address);
    let line = format!("mailutil {}", words.replace('@', &remote));
    let mut script = Command::new("sh");
    script.env("HOME", home).args(["-c", &format!("(sleep 1; echo lowwater; sleep 1; echo lowwater; sleep 2) | script -qec '{line} -v' /dev/null")]);
    String::from_utf8_lossy(&output(script).await.stdout).into_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mailutil_checks_copies_and_renames() {
    if !is_installed("mailutil") || !is_installed("script") {
        return;
    }
    let open = open().await;
    let home = tempfile::tempdir().unwrap();
    for (words, answer) in [
        ("check @INBOX", "3 new message(s) (3 unseen), 3 total"),
        ("copy @INBOX @copies", "[Ok 3 messages(s)]"),
        ("create @fresh", "[CREATE completed]"),
        ("rename @fresh @fresher", "[RENAME completed]"),
        ("delete @fresher", "[DELETE completed]"),
        ("check @copies", "3 total"),
    ] {
        let said = mailutil(&open, home.path(), words).await;
        assert!(said.contains(answer), "{words}: {said}");
    }
    let copies = open
        .world
        .store
        .mailbox(&"copies".parse().unwrap())
        .unwrap();
    let view = open.world.store.view(copies).await.unwrap();
    let ids = view.messages().map(|(row, _)| row.id).collect();
    let texts = open.world.store.bodies(ids).await.unwrap();
    let expected: Vec<_> = SAMPLES.iter().map(|name| Some(sample(name))).collect();
    assert_eq!(texts, expected);
    open.close().await;
}
