//! A private Cyrus: its own configuration, directories and port. Its programs give up root for the user `cyrus` themselves, so
//! that only root can start them.
//!
//! Cyrus 3.6.1 keeps messages that are expunged for a while, and gives back what was appended as it was. It refuses a message
//! with NUL, or with a line break that is not CRLF.

use std::fs::{self, File};
use std::io::Write;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};

use tempfile::TempDir;

use super::Absent;
use super::client::Client;
use super::dovecot::{PASSWORD, USER};
use super::process::{Running, copy_program, find_built, find_program, until};
use super::user::is_root;

/// A running server; it ends when this is dropped, and its mail goes with it.
pub(crate) struct Cyrus {
    pub(crate) imap: SocketAddr,
    _master: Master,
    _home: TempDir,
}

/// The process that starts the others, and ends them where it is asked to end.
struct Master(Running);

impl Drop for Master {
    fn drop(&mut self) {
        self.0.terminate();
    }
}

impl Cyrus {
    /// Starts a server for one user, [`USER`] with [`PASSWORD`], who has an empty INBOX.
    pub(crate) fn start() -> Result<Self, Absent> {
        let imapd = find_built("cyrus-imapd")?;
        if !is_root() || !Path::new(PROGRAMS).join("master").is_file() {
            let why = "cyrus-common is not installed, or this is not root";
            return Err(Absent(why.to_owned()));
        }
        let saslpasswd = find_program("saslpasswd2")?;
        let home = TempDir::with_prefix("lowtide-cyrus-").unwrap();
        let at = home.path();
        // Where it was unpacked the user cyrus may not be allowed to look.
        copy_program(&imapd, &at.join("imapd"));
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let imap = listener.local_addr().unwrap();
        drop(listener);
        for part in ["conf", "mail", "sock"] {
            fs::create_dir(at.join(part)).unwrap();
        }
        fs::write(at.join("imapd.conf"), settings(at)).unwrap();
        fs::write(at.join("cyrus.conf"), services(at, imap)).unwrap();
        for user in [USER, ADMIN] {
            add_user(&saslpasswd, at, user);
        }
        fs::set_permissions(at, fs::Permissions::from_mode(0o755)).unwrap();
        let owned = Command::new("chown")
            .args(["-R", "cyrus:mail"])
            .arg(at)
            .status();
        assert!(owned.unwrap().success(), "the user cyrus owns its files");
        let mut master = Command::new(Path::new(PROGRAMS).join("master"));
        master
            // At its end it ends everything in its group, and that would be the other servers of Cyrus as well.
            .process_group(0)
            .arg("-C")
            .arg(at.join("imapd.conf"))
            .arg("-M")
            .arg(at.join("cyrus.conf"))
            .arg("-p")
            .arg(at.join("master.pid"))
            .stderr(File::create(at.join("stderr")).unwrap());
        let master = Master(Running::start(&mut master)?);
        until("Cyrus listens", || TcpStream::connect(imap).ok());
        let mut admin = Client::connect(imap);
        admin.login(ADMIN, PASSWORD);
        admin.ok(&format!("CREATE user/{USER}"));
        admin.logout();
        Ok(Self {
            imap,
            _master: master,
            _home: home,
        })
    }

    /// A session that is logged in. One of its processes may end just then, and takes the connection with it.
    pub(crate) fn client(&self) -> Client {
        let mut client = until("Cyrus answers", || Client::try_connect(self.imap).ok());
        client.login(USER, PASSWORD);
        client
    }
}

fn add_user(saslpasswd: &Path, at: &Path, user: &str) {
    let mut command = Command::new(saslpasswd);
    command.args(["-p", "-c", "-u", "localhost", "-f"]);
    command.arg(at.join("sasldb2")).arg(user);
    let mut child = command.stdin(Stdio::piped()).spawn().unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(PASSWORD.as_bytes())
        .unwrap();
    assert!(child.wait().unwrap().success(), "{user} gets a password");
}

fn settings(at: &Path) -> String {
    let at = at.display();
    format!(
        "configdirectory: {at}/conf\n\
         partition-default: {at}/mail\n\
         defaultpartition: default\n\
         proc_path: {at}/conf/proc\n\
         mboxname_lockpath: {at}/conf/lock\n\
         temp_path: {at}\n\
         idlesocket: {at}/sock/idle\n\
         notifysocket: {at}/sock/notify\n\
         lmtpsocket: {at}/sock/lmtp\n\
         servername: localhost\n\
         admins: {ADMIN}\n\
         allowplaintext: yes\n\
         sasl_mech_list: PLAIN LOGIN\n\
         sasl_pwcheck_method: auxprop\n\
         sasl_auxprop_plugin: sasldb\n\
         sasl_sasldb_path: {at}/sasldb2\n\
         altnamespace: yes\n\
         unixhierarchysep: yes\n\
         virtdomains: off\n"
    )
}

fn services(at: &Path, imap: SocketAddr) -> String {
    let at = at.display();
    format!(
        "START {{\n  recover cmd=\"{PROGRAMS}/ctl_cyrusdb -C {at}/imapd.conf -r\"\n}}\n\
         SERVICES {{\n  imap cmd=\"{at}/imapd -C {at}/imapd.conf -U 10000\" listen=\"{imap}\" prefork=2\n}}\n\
         EVENTS {{\n}}\n"
    )
}

/// Where Debian keeps them.
const PROGRAMS: &str = "/usr/lib/cyrus/bin";
const ADMIN: &str = "admin";
