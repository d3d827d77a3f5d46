//! Who gets in: addresses, modes, and users.

use std::io::Read;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::MetadataExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use lowtide::endpoint::{EndpointSettings, ListenError, Listener, PasswordDigest};
use lowtide::store::Kind;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::world::World;

struct Open {
    world: World,
    addresses: Vec<SocketAddr>,
    run: JoinHandle<()>,
}

fn open(mut listener: Listener, addresses: &[&str]) -> Open {
    let settings = EndpointSettings {
        password: Some(PasswordDigest::of(b"low water")),
        ..EndpointSettings::default()
    };
    let world = World::with(Kind::Local, settings);
    let addresses: Vec<SocketAddr> = addresses.iter().map(|text| text.parse().unwrap()).collect();
    listener.bind_tcp(&addresses).unwrap();
    let addresses = listener.tcp_addresses();
    let endpoint = world.endpoint.clone();
    let run = listener.run(endpoint, world.shutdown.subscribe());
    #[expect(clippy::disallowed_methods, reason = "the test awaits it")]
    let run = tokio::spawn(run);
    Open {
        world,
        addresses,
        run,
    }
}

fn greeting(mut stream: impl Read) -> String {
    let mut octets = [0; 200];
    let read = stream.read(&mut octets).unwrap_or(0);
    String::from_utf8_lossy(&octets[..read]).into_owned()
}

async fn tcp_greeting(address: SocketAddr) -> String {
    tokio::task::spawn_blocking(move || {
        let stream = TcpStream::connect(address).unwrap();
        stream
            .set_read_timeout(Some(Duration::from_secs(5)))
            .unwrap();
        greeting(stream)
    })
    .await
    .unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn both_loopback_addresses_answer_and_the_end_is_quick() {
    let open = open(Listener::new(), &["127.0.0.1:0", "[::1]:0"]);
    assert!(!open.addresses.is_empty());
    for &address in &open.addresses {
        assert_eq!(tcp_greeting(address).await, "* OK lowtide IMAP2 ready\r\n");
    }
    let _idle = TcpStream::connect(open.addresses[0]).unwrap();
    let start = Instant::now();
    open.world.shutdown.send(true).unwrap();
    open.run.await.unwrap();
    assert!(start.elapsed() < Duration::from_secs(5));
}

#[tokio::test]
async fn an_address_that_is_taken_is_named() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let free = "127.0.0.1:0".parse().unwrap();
    let mut listener = Listener::new();
    let error = listener.bind_tcp(&[free, address]).unwrap_err();
    assert_eq!(
        error.to_string(),
        format!("{address} is taken by another program")
    );
    assert!(listener.tcp_addresses().is_empty(), "all addresses or none");
}

#[tokio::test]
async fn both_addresses_of_localhost_are_held_whichever_was_named() {
    if TcpListener::bind("[::1]:0").is_err() {
        println!("skipped: this machine has no ::1");
        return;
    }
    for (named, other) in [
        ("127.0.0.1", "::1"),
        ("::1", "127.0.0.1"),
        ("127.0.0.9", "::1"),
    ] {
        let address = |ip: &str, port| SocketAddr::new(ip.parse().unwrap(), port);
        let mut listener = Listener::new();
        listener.bind_tcp(&[address(named, 0)]).unwrap();
        let held = listener.tcp_addresses();
        let port = held[0].port();
        assert!(held.contains(&address(named, port)), "{held:?}");
        assert!(TcpListener::bind(address(other, port)).is_err());
        drop(listener);
        // If another program was there first, nothing is listened on.
        let first = TcpListener::bind(address(other, port)).unwrap();
        let mut listener = Listener::new();
        let error = listener.bind_tcp(&[address(named, port)]).unwrap_err();
        let taken = format!("{} is taken by another program", address(other, port));
        assert_eq!(error.to_string(), taken);
        assert!(listener.tcp_addresses().is_empty());
        drop(first);
    }
}

#[tokio::test]
async fn addresses_that_others_can_reach_are_refused_and_missing_ones_left_out() {
    let mut listener = Listener::new();
    let everywhere = "0.0.0.0:0".parse().unwrap();
    assert!(matches!(
        listener.bind_tcp(&[everywhere]).unwrap_err(),
        ListenError::NotLoopback { address } if address == everywhere
    ));
    // Every address 127.x.y.z is there; ::1 may be missing, and then is no error beside one that is there.
    listener
        .bind_tcp(&["127.0.0.1:0".parse().unwrap(), "[::1]:0".parse().unwrap()])
        .unwrap();
    assert!(!listener.tcp_addresses().is_empty());
    listener.bind_tcp(&[]).unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_user_finds_the_door_shut() {
    let open = open(Listener::new(), &["127.0.0.1:0", "[::1]:0"]);
    for address in &open.addresses {
        let script = format!(
            "exec 3<>/dev/tcp/{}/{} || exit 1; IFS= read -r -t 5 line <&3; printf %s \"$line\"",
            address.ip(),
            address.port()
        );
        let ours = Command::new("bash").args(["-c", &script]).output().unwrap();
        assert_eq!(
            String::from_utf8_lossy(&ours.stdout),
            "* OK lowtide IMAP2 ready\r"
        );
        let theirs = Command::new("setpriv")
            .args([
                "--reuid=65534",
                "--regid=65534",
                "--clear-groups",
                "bash",
                "-c",
                &script,
            ])
            .stderr(Stdio::null())
            .output();
        match theirs {
            Ok(theirs) if rustix_is_root() => {
                assert!(theirs.stdout.is_empty(), "{:?}", theirs.stdout);
                assert!(theirs.status.success(), "it connects, and hears nothing");
            }
            _ => println!("skipped: another user's connection, which needs root and setpriv"),
        }
    }
}

fn rustix_is_root() -> bool {
    std::fs::metadata("/proc/self").is_ok_and(|process| process.uid() == 0)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_unix_socket_is_ours_alone_and_a_stale_one_is_replaced() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("run/imap.sock");
    for _ in 0..2 {
        let mut listener = Listener::new();
        listener.bind_unix(&path).unwrap();
        let mode = |path: &Path| std::fs::metadata(path).unwrap().mode() & 0o777;
        assert_eq!((mode(&path), mode(path.parent().unwrap())), (0o600, 0o700));
        let error = Listener::new().bind_unix(&path).unwrap_err();
        assert!(matches!(error, ListenError::Taken { .. }), "{error}");
        let open = open(listener, &[]);
        let socket = path.clone();
        let told =
            tokio::task::spawn_blocking(move || greeting(UnixStream::connect(socket).unwrap()));
        assert_eq!(
            told.await.unwrap(),
            "* PREAUTH lowtide IMAP2 ready, logged in as ada\r\n"
        );
        open.world.shutdown.send(true).unwrap();
        open.run.await.unwrap();
        assert!(!path.exists(), "the socket goes with the listener");
        // What a program leaves that was killed.
        drop(UnixListener::bind(&path).unwrap());
        assert!(path.exists());
    }
}

#[tokio::test]
async fn a_socket_takes_the_place_of_nothing_else() {
    let dir = tempfile::tempdir().unwrap();
    let private = dir.path().join("private");
    let path = private.join("imap.sock");
    Listener::new().bind_unix(&path).unwrap();
    std::fs::write(&path, "somebody's notes").unwrap();
    let error = Listener::new().bind_unix(&path).unwrap_err();
    assert!(matches!(error, ListenError::Taken { .. }), "{error}");
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "somebody's notes");
    let open_to_all = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(&private, open_to_all).unwrap();
    let error = Listener::new().bind_unix(&path).unwrap_err();
    assert!(matches!(error, ListenError::Exposed { .. }), "{error}");
}
