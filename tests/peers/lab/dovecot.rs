//! A private Dovecot: its own configuration, directories and ports, running as an unprivileged user.
//!
//! Dovecot 2.3.19 gives back what was appended as it was, whatever it was: bytes, flags, keywords, internal date
//! and size, in each of its storages, also where the last line break or the end of the header is missing.

use std::fs::{self, File};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, SystemTime};

use tempfile::TempDir;

use super::Absent;
use super::certificate::Certificate;
use super::client::Client;
use super::corpus::Message;
use super::process::{Running, find_program, until};
use super::user::User;

/// How Dovecot keeps mail on disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Storage {
    Maildir,
    Sdbox,
    Mdbox,
}

/// A running server; it ends when this is dropped, and its mail goes with it.
pub(crate) struct Dovecot {
    /// Plain and STARTTLS.
    pub(crate) imap: SocketAddr,
    /// TLS from the first byte.
    pub(crate) imaps: SocketAddr,
    pub(crate) certificate: Certificate,
    master: Running,
    home: TempDir,
}

impl Dovecot {
    /// Starts a server for one user, [`USER`] with [`PASSWORD`], who has an empty INBOX.
    pub(crate) fn start(storage: Storage) -> Result<Self, Absent> {
        let program = find_program("dovecot")?;
        // Another program may take a port between our looking and Dovecot's listening; then it is tried anew.
        for _ in 0..10 {
            let mut dovecot = Self::launch(&program, storage)?;
            let listens = until("Dovecot listens", || {
                match TcpStream::connect(dovecot.imap) {
                    Ok(_) => Some(true),
                    Err(_) => dovecot.master.0.try_wait().unwrap().map(|_| false),
                }
            });
            if listens {
                return Ok(dovecot);
            }
            assert!(
                dovecot.log().contains("Address already in use"),
                "Dovecot ended: {}",
                dovecot.log()
            );
        }
        panic!("no free port in ten attempts");
    }

    fn launch(program: &Path, storage: Storage) -> Result<Self, Absent> {
        let user = User::unprivileged();
        let home = user.directory();
        let certificate = Certificate::create(home.path());
        user.own(&certificate.key);
        let (imap, imaps) = free_ports();
        let configuration = home.path().join("dovecot.conf");
        fs::write(
            &configuration,
            configure(storage, home.path(), user, &certificate, imap, imaps),
        )
        .unwrap();
        fs::write(
            home.path().join("users"),
            format!("{USER}:{{PLAIN}}{PASSWORD}\n"),
        )
        .unwrap();
        let mut command = user.command(program, home.path());
        command
            .arg("-F")
            .arg("-c")
            .arg(&configuration)
            .stderr(File::create(home.path().join("stderr")).unwrap());
        let master = Running::start(&mut command)?;
        Ok(Self {
            imap,
            imaps,
            certificate,
            master,
            home,
        })
    }

    /// A session that is logged in.
    pub(crate) fn client(&self) -> Client {
        let mut client = Client::connect(self.imap);
        client.login(USER, PASSWORD);
        client
    }

    /// A session that is logged in, in TLS with the certificate verified; OpenSSL does that part.
    pub(crate) fn tls_client(&self) -> Result<Client, Absent> {
        let mut command = Command::new(find_program("openssl")?);
        command.args([
            "s_client",
            "-quiet",
            "-verify_return_error",
            "-verify_hostname",
            "localhost",
        ]);
        command
            .arg("-connect")
            .arg(format!("localhost:{}", self.imaps.port()));
        command
            .arg("-CAfile")
            .arg(&self.certificate.authority)
            .stderr(Stdio::null());
        let mut client = Client::spawn(&mut command)?;
        client.login(USER, PASSWORD);
        Ok(client)
    }

    /// Puts messages into an empty mailbox of a Maildir by writing files, which is much faster than appending them.
    /// Keywords are left out: their letters are each mailbox's own.
    pub(crate) fn fill_maildir(&self, mailbox: &str, messages: impl IntoIterator<Item = Message>) {
        let directory = match mailbox {
            "INBOX" => self.home.path().join("mail"),
            name => self.home.path().join("mail").join(format!(".{name}")),
        };
        let user = User::unprivileged();
        for part in ["", "cur", "new", "tmp"] {
            fs::create_dir_all(directory.join(part)).unwrap();
            user.own(&directory.join(part));
        }
        for (number, message) in messages.into_iter().enumerate() {
            let size = message.bytes.len();
            let letters: String = MAILDIR_FLAGS
                .iter()
                .filter(|(flag, _)| message.flags.contains(*flag))
                .map(|(_, letter)| letter)
                .collect();
            // Dovecot takes new files in the order of their names, and both sizes from them.
            let path = directory.join("cur").join(format!(
                "{:010}.M{number}.lab,S={size},W={size}:2,{letters}",
                1_000_000_000 + number
            ));
            fs::write(&path, &message.bytes).unwrap();
            user.own(&path);
            let seconds = u64::try_from(message.internal_date.0).unwrap();
            let file = File::options().write(true).open(&path).unwrap();
            file.set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds))
                .unwrap();
        }
    }

    /// What the server has to say for itself.
    pub(crate) fn log(&self) -> String {
        let read = |name| fs::read_to_string(self.home.path().join(name)).unwrap_or_default();
        read("stderr") + &read("dovecot.log")
    }
}

impl Drop for Dovecot {
    fn drop(&mut self) {
        self.master.terminate();
    }
}

/// The name to log in with.
pub(crate) const USER: &str = "ada";
/// The password of [`USER`].
pub(crate) const PASSWORD: &str = "lowwater";

const MAILDIR_FLAGS: [(&str, char); 5] = [
    ("\\Draft", 'D'),
    ("\\Flagged", 'F'),
    ("\\Answered", 'R'),
    ("\\Seen", 'S'),
    ("\\Deleted", 'T'),
];

/// Two ports that nobody listened on a moment ago.
fn free_ports() -> (SocketAddr, SocketAddr) {
    let bind = || TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let (one, other) = (bind(), bind());
    (one.local_addr().unwrap(), other.local_addr().unwrap())
}

fn configure(
    storage: Storage,
    home: &Path,
    user: &User,
    certificate: &Certificate,
    imap: SocketAddr,
    imaps: SocketAddr,
) -> String {
    let location = match storage {
        Storage::Maildir => "maildir:~/mail",
        Storage::Sdbox => "sdbox:~/mail",
        Storage::Mdbox => "mdbox:~/mail",
    };
    let path = |path: &PathBuf| path.display().to_string();
    let (chain, key, home) = (
        path(&certificate.chain),
        path(&certificate.key),
        home.display(),
    );
    let (
        User {
            name,
            group,
            uid,
            gid,
            ..
        },
        imap,
        imaps,
    ) = (user, imap.port(), imaps.port());
    format!(
        "base_dir = {home}/run
         state_dir = {home}/state
         log_path = {home}/dovecot.log
         protocols = imap
         listen = 127.0.0.1
         default_login_user = {name}
         default_internal_user = {name}
         default_internal_group = {group}
         first_valid_uid = {uid}
         first_valid_gid = {gid}
         ssl = yes
         ssl_cert = <{chain}
         ssl_key = <{key}
         disable_plaintext_auth = no
         mail_location = {location}
         mail_max_userip_connections = 100
         passdb {{
           driver = passwd-file
           args = {home}/users
         }}
         userdb {{
           driver = static
           args = uid={uid} gid={gid} home={home}
         }}
         namespace inbox {{
           inbox = yes
         }}
         service imap-login {{
           chroot =
           inet_listener imap {{
             port = {imap}
           }}
           inet_listener imaps {{
             port = {imaps}
             ssl = yes
           }}
         }}
         service anvil {{
           chroot =
         }}
         service stats {{
           chroot =
         }}
        "
    )
}
