//! UW imapd, by IMAP2's own author, as a command that speaks on stdin and stdout, already authenticated.
//!
//! The one that Debian ships within Alpine calls itself Panda IMAP 2010. What it does to mail that was appended:
//!
//! - mbx and mix give it back as it was: bytes, flags, internal date.
//! - A plain file adds the line break that a last line lacks, and the empty line that a header lacks; it writes `>`
//!   before each line that begins with `From `, in the header too, and never takes it away again.
//! - A plain file keeps its own notes in the fields `Status`, `X-Status`, `X-Keywords`, `X-UID` and `X-IMAP`, and
//!   hides them from clients. Those that a message brought along are hidden too. The first message of an APPEND has
//!   `Status` renamed to `X-Original-Status`; in every later one of the same command they count as the server's
//!   own, so that a message decides which flags it has.
//! - In mbx a message whose header has no end can make imapd read behind its memory: it then serves parts of other
//!   messages, or dies with `double free or corruption`, words that may end up in the mailbox file and ruin it. Whether
//!   that happens hangs on the messages before it: one of 252 octets and then one of 224 are enough.
//! - A plain file gets new flags with CHECK, EXPUNGE, LOGOUT or the next SELECT. Where the connection breaks before
//!   that, they are forgotten, although STORE was answered OK and FETCH showed them.
//! - Keywords given with APPEND are dropped unless the mailbox knows them already; STORE makes them known.
//! - An empty plain INBOX has no `UIDVALIDITY`.
//!
//! And to sessions: a second SELECT of a plain file ends the first with a BYE; while the first only just opens it, the second
//! is told `[READ-ONLY]` instead, and STORE and CHECK say OK to it all the same and keep nothing. In mbx a session never hears that
//! another expunged, nor of flags set on what is gone; in mix it hears of both, at CHECK and NOOP. COPY from
//! another format into a plain file says `* NO Unable to re-open mailbox for APPENDUID`, and succeeds.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use tempfile::TempDir;

use super::Absent;
use super::client::Client;
use super::corpus::Message;
use super::process::{copy_program, find_built};
use super::user::User;

/// How UW imapd keeps a mailbox on disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    /// The plain Unix file: one session at a time, a second SELECT throws out the first.
    Mbox,
    /// One file with fixed room for flags: shared, but one session does not see what another expunges.
    Mbx,
    /// A directory: shared, and each session hears of the others.
    Mix,
}

/// A home directory in which imapd finds its mailboxes; they go when this is dropped.
pub(crate) struct Uw {
    _directory: TempDir,
    imapd: PathBuf,
    home: PathBuf,
    format: Format,
}

impl Uw {
    /// Prepares a home with an empty INBOX of this format.
    pub(crate) fn prepare(format: Format) -> Result<Self, Absent> {
        let built = find_built("uw-imapd")?;
        let user = User::unprivileged();
        let directory = user.directory();
        // Where it was built the unprivileged user may not be allowed to look.
        let imapd = directory.path().join("imapd");
        copy_program(&built, &imapd);
        let home = directory.path().join("home");
        fs::create_dir(&home).unwrap();
        user.own(&home);
        let uw = Self {
            _directory: directory,
            imapd,
            home,
            format,
        };
        match format {
            // The spool is out of reach; an empty file of this name in the home directory takes its place.
            Format::Mbox => {
                let inbox = uw.home.join("mbox");
                fs::write(&inbox, "").unwrap();
                user.own(&inbox);
            }
            Format::Mbx | Format::Mix => uw.create("INBOX"),
        }
        Ok(uw)
    }

    /// A session of its own process.
    pub(crate) fn client(&self) -> Client {
        Client::spawn(&mut self.command()).unwrap()
    }

    /// Makes an empty mailbox of this format.
    pub(crate) fn create(&self, mailbox: &str) {
        let driver = match self.format {
            Format::Mbox => "unix",
            Format::Mbx => "mbx",
            Format::Mix => "mix",
        };
        self.client()
            .ok(&format!("CREATE #driver.{driver}/{mailbox}"));
    }

    /// Appends the messages, and then sets the keywords, which imapd leaves out where the mailbox has not met them.
    pub(crate) fn fill(&self, mailbox: &str, messages: &[Message]) {
        let mut client = self.client();
        client.fill(mailbox, messages);
        let size = usize::try_from(client.select(mailbox)).unwrap();
        let mut keywords: BTreeMap<&str, Vec<String>> = BTreeMap::new();
        for (seq, message) in (size - messages.len() + 1..).zip(messages) {
            for keyword in message.flags.iter().filter(|flag| !flag.starts_with('\\')) {
                keywords.entry(keyword).or_default().push(seq.to_string());
            }
        }
        for (keyword, seqs) in keywords {
            for some in seqs.chunks(100) {
                client.store(&some.join(","), &format!("+FLAGS ({keyword})"));
            }
        }
        client.logout();
    }

    /// The command that starts a session on its stdin and stdout.
    pub(crate) fn command(&self) -> Command {
        User::unprivileged().command(&self.imapd, &self.home)
    }

    /// The same as words, for a `tunnel`.
    pub(crate) fn tunnel(&self) -> Vec<String> {
        User::unprivileged().command_words(&self.imapd, &self.home)
    }
}
