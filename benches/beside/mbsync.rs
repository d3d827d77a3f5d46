//! mbsync, as its manual has one set it up, with everything it writes made durable.

use std::fs;
use std::net::SocketAddr;
use std::process::Command;

use tempfile::TempDir;

use crate::lab::dovecot::{PASSWORD, USER};

/// An installation in a directory of its own, with one channel for INBOX.
pub(crate) struct Mbsync {
    home: TempDir,
}

impl Mbsync {
    pub(crate) fn install(server: SocketAddr) -> Self {
        let home = TempDir::with_prefix("lowtide-mbsync-").unwrap();
        let (at, port) = (home.path().display(), server.port());
        let configuration = format!(
            "FSync yes\n\n\
             IMAPAccount there\nHost 127.0.0.1\nPort {port}\nUser {USER}\nPass {PASSWORD}\nSSLType None\nAuthMechs LOGIN\n\n\
             IMAPStore far\nAccount there\n\n\
             MaildirStore near\nPath {at}/mail/\nInbox {at}/mail/INBOX\nSubFolders Verbatim\n\n\
             Channel work\nFar :far:\nNear :near:\nPatterns INBOX\nCreate Near\nSyncState *\n"
        );
        fs::create_dir(home.path().join("mail")).unwrap();
        fs::write(home.path().join("mbsyncrc"), configuration).unwrap();
        Command::new("sync").status().unwrap();
        Self { home }
    }

    pub(crate) fn sync(&self) {
        let rc = self.home.path().join("mbsyncrc");
        let mut command = Command::new("mbsync");
        command.arg("--quiet").arg("--config").arg(rc).arg("work");
        let ended = command.output().expect("mbsync is installed");
        let words = String::from_utf8_lossy(&ended.stderr);
        assert!(ended.status.success(), "mbsync: {words}");
    }
}
