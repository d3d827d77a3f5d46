//! A mail client small enough to be trusted: "the other client" of a test, and the oracle of what a server holds.
//!
//! It knows nothing of lowtide. Trouble fails the test at once, except in [`Client::command`], which hands it over.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, BufReader, Write};
use std::net::SocketAddr;
use std::process::Command;

use super::Absent;
use super::corpus::Message;
use super::date::InternalDate;
use super::process::Running;
use super::reply::{Response, Word, flags};
use super::stream::Stream;

/// One IMAP session.
pub(crate) struct Client {
    reader: BufReader<Stream>,
    writer: Stream,
    tag: u32,
    exists: u32,
    pub(crate) greeting: Response,
    _server: Option<Running>,
}

/// The answer to one command.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) untagged: Vec<Response>,
    /// `OK`, `NO` or `BAD`.
    pub(crate) status: String,
    pub(crate) text: String,
}

/// How messages are read: with what IMAP4rev1 offers, or with the words of IMAP2.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Dialect {
    /// `BODY.PEEK[]` and UIDs: reading leaves no trace.
    Imap4rev1,
    /// `RFC822`: reading marks messages as seen, except where the mailbox is open for reading only.
    Imap2,
}

/// A message as a server shows it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Held {
    pub(crate) seq: u32,
    pub(crate) uid: Option<u32>,
    pub(crate) flags: BTreeSet<String>,
    pub(crate) internal_date: InternalDate,
    /// What the server says as `RFC822.SIZE`; servers have been known to be wrong.
    pub(crate) size: u32,
    pub(crate) hash: blake3::Hash,
    /// The first words of the subject, so that a person can tell messages apart.
    pub(crate) label: String,
}

impl Client {
    pub(crate) fn connect(address: SocketAddr) -> Self {
        Self::try_connect(address).unwrap()
    }

    pub(crate) fn try_connect(address: SocketAddr) -> io::Result<Self> {
        Self::over(Stream::connect(address)?, None)
    }

    /// A session with a program that speaks on stdin and stdout, which ends with the session.
    pub(crate) fn spawn(command: &mut Command) -> Result<Self, Absent> {
        let (stream, server) = Stream::spawn(command)?;
        Ok(Self::over(stream, Some(server)).unwrap())
    }

    fn over(stream: Stream, server: Option<Running>) -> io::Result<Self> {
        let mut reader = BufReader::with_capacity(1 << 16, stream.try_clone()?);
        let greeting = Response::read(&mut reader)?;
        Ok(Self {
            reader,
            writer: stream,
            tag: 0,
            exists: 0,
            greeting,
            _server: server,
        })
    }

    /// Sends one command and returns whatever is answered.
    pub(crate) fn command(&mut self, command: &str) -> io::Result<Reply> {
        self.send(command.as_bytes())?;
        let mut untagged = Vec::new();
        let (status, text) = self.answer(|response| untagged.push(response))?;
        Ok(Reply {
            untagged,
            status,
            text,
        })
    }

    /// Sends one command that must succeed.
    #[track_caller]
    pub(crate) fn ok(&mut self, command: &str) -> Vec<Response> {
        let reply = self
            .command(command)
            .unwrap_or_else(|error| panic!("{command}: {error}"));
        assert_eq!(
            reply.status, "OK",
            "{command}: {} {:?}",
            reply.text, reply.untagged
        );
        reply.untagged
    }

    #[track_caller]
    pub(crate) fn login(&mut self, user: &str, password: &str) {
        self.ok(&format!("LOGIN {user} {password}"));
    }

    /// Opens the mailbox and returns how many messages it has.
    #[track_caller]
    pub(crate) fn select(&mut self, mailbox: &str) -> u32 {
        self.exists = exists(&self.ok(&format!("SELECT {mailbox}")));
        self.exists
    }

    /// Opens the mailbox for reading only and returns how many messages it has.
    #[track_caller]
    pub(crate) fn examine(&mut self, mailbox: &str) -> u32 {
        self.exists = exists(&self.ok(&format!("EXAMINE {mailbox}")));
        self.exists
    }

    #[track_caller]
    pub(crate) fn store(&mut self, messages: &str, change: &str) {
        self.ok(&format!("STORE {messages} {change}"));
    }

    /// Appends one message.
    #[track_caller]
    pub(crate) fn append(&mut self, mailbox: &str, message: &Message) {
        self.append_as(
            &format!("{mailbox} {}", attributes(message)),
            &message.bytes,
        );
    }

    /// Appends one message with neither flags nor internal date, as IMAP2 clients do.
    #[track_caller]
    pub(crate) fn append_plainly(&mut self, mailbox: &str, bytes: &[u8]) {
        self.append_as(mailbox, bytes);
    }

    #[track_caller]
    fn append_as(&mut self, what: &str, bytes: &[u8]) {
        let appended = self.try_append(what, bytes).unwrap();
        assert_eq!(appended.0, "OK", "APPEND {what}: {}", appended.1);
    }

    /// The same, where the line may break. Gives the status and the words of the answer.
    fn try_append(&mut self, what: &str, bytes: &[u8]) -> io::Result<(String, String)> {
        self.send(format!("APPEND {what} {{{}}}", bytes.len()).as_bytes())?;
        let asked = Response::read(&mut self.reader)?;
        assert!(asked.0.starts_with(b"+"), "APPEND {what}: {asked:?}");
        self.writer.write_all(bytes)?;
        self.writer.write_all(b"\r\n")?;
        self.answer(|_| ())
    }

    /// Appends one message over a line that may break. Says whether it was taken.
    pub(crate) fn appends(&mut self, mailbox: &str, message: &Message) -> io::Result<bool> {
        let what = format!("{mailbox} {}", attributes(message));
        Ok(self.try_append(&what, &message.bytes)?.0 == "OK")
    }

    /// Appends all the messages in order, many with one command, which takes the extensions MULTIAPPEND and LITERAL+.
    #[track_caller]
    pub(crate) fn fill(&mut self, mailbox: &str, messages: &[Message]) {
        for some in messages.chunks(1000) {
            let mut command = format!("APPEND {mailbox}").into_bytes();
            for message in some {
                command.extend(
                    format!(" {} {{{}+}}\r\n", attributes(message), message.bytes.len()).bytes(),
                );
                command.extend(&message.bytes);
            }
            self.send(&command).unwrap();
            let (status, text) = self.answer(|_| ()).unwrap();
            assert_eq!(status, "OK", "APPEND of {} messages: {text}", some.len());
        }
    }

    /// Every message of the open mailbox. In IMAP2 the flags returned are those from before the reading.
    #[track_caller]
    pub(crate) fn messages(&mut self, dialect: Dialect) -> Vec<Held> {
        // An empty mailbox has no message 1, and servers differ in what they say about it.
        if self.exists == 0 {
            return Vec::new();
        }
        let mut found: BTreeMap<u32, Partial> = BTreeMap::new();
        let steps: &[&str] = match dialect {
            Dialect::Imap4rev1 => &["UID FLAGS INTERNALDATE RFC822.SIZE BODY.PEEK[]"],
            Dialect::Imap2 => &["FLAGS INTERNALDATE RFC822.SIZE", "RFC822"],
        };
        for step in steps {
            // IMAP2 has no `*`.
            let command = format!("FETCH 1:{} ({step})", self.exists);
            self.send(command.as_bytes()).unwrap();
            let mut learn = |response: Response| {
                if let Some((seq, words)) = response.numbered("FETCH") {
                    found
                        .entry(seq)
                        .or_default()
                        .learn(words.first().map_or(&[], Word::list));
                }
            };
            let (status, text) = self.answer(&mut learn).unwrap();
            assert_eq!(status, "OK", "{command}: {text}");
        }
        found
            .into_iter()
            .map(|(seq, partial)| partial.whole(seq))
            .collect()
    }

    /// The bytes of one message, without marking it as seen.
    #[track_caller]
    pub(crate) fn bytes(&mut self, seq: u32) -> Vec<u8> {
        let responses = self.ok(&format!("FETCH {seq} BODY.PEEK[]"));
        let (_, words) = responses
            .iter()
            .find_map(|response| response.numbered("FETCH"))
            .expect("a FETCH response");
        words[0].list()[1].bytes().to_vec()
    }

    #[track_caller]
    pub(crate) fn logout(mut self) {
        self.ok("LOGOUT");
    }

    /// Sends a line with the next tag, and waits for nothing.
    pub(crate) fn send(&mut self, command: &[u8]) -> io::Result<()> {
        self.tag += 1;
        let line = [format!("T{} ", self.tag).as_bytes(), command, b"\r\n"].concat();
        self.writer.write_all(&line)
    }

    /// Hands over untagged responses until the answer to the last command comes.
    fn answer(&mut self, mut untagged: impl FnMut(Response)) -> io::Result<(String, String)> {
        let tag = format!("T{} ", self.tag);
        loop {
            let response = Response::read(&mut self.reader)?;
            let Some(answer) = response.0.strip_prefix(tag.as_bytes()) else {
                untagged(response);
                continue;
            };
            let answer = String::from_utf8_lossy(answer);
            let (status, text) = answer.split_once(' ').unwrap_or((&answer, ""));
            return Ok((status.to_ascii_uppercase(), text.to_owned()));
        }
    }
}

/// What is known of a message so far: servers may answer in several lines.
#[derive(Default)]
struct Partial {
    uid: Option<u32>,
    flags: Option<BTreeSet<String>>,
    internal_date: Option<InternalDate>,
    size: Option<u32>,
    text: Option<(blake3::Hash, String)>,
}

impl Partial {
    fn learn(&mut self, attributes: &[Word]) {
        for pair in attributes.chunks_exact(2) {
            let value = &pair[1];
            match pair[0].text().to_ascii_uppercase().as_str() {
                "UID" => self.uid = value.number(),
                "INTERNALDATE" => self.internal_date = InternalDate::parse(&value.text()),
                "RFC822.SIZE" => self.size = value.number(),
                "BODY[]" | "RFC822" => {
                    self.text = Some((blake3::hash(value.bytes()), label(value.bytes())))
                }
                // Only the first: what comes with the text already shows it as seen.
                "FLAGS" => {
                    let names: Vec<String> = value.list().iter().map(Word::text).collect();
                    self.flags
                        .get_or_insert_with(|| flags(names.iter().map(String::as_str)));
                }
                _ => (),
            }
        }
    }

    #[track_caller]
    fn whole(self, seq: u32) -> Held {
        let (hash, label) = self
            .text
            .unwrap_or_else(|| panic!("the server gave no text for message {seq}"));
        Held {
            seq,
            uid: self.uid,
            flags: self
                .flags
                .unwrap_or_else(|| panic!("the server gave no flags for message {seq}")),
            internal_date: self
                .internal_date
                .unwrap_or_else(|| panic!("message {seq} has no internal date")),
            size: self
                .size
                .unwrap_or_else(|| panic!("the server gave no size for message {seq}")),
            hash,
            label,
        }
    }
}

/// What APPEND says about a message beside its text.
fn attributes(message: &Message) -> String {
    let flags: Vec<&str> = message.flags.iter().map(String::as_str).collect();
    format!(
        "({}) \"{}\"",
        flags.join(" "),
        message.internal_date.to_imap()
    )
}

fn label(bytes: &[u8]) -> String {
    let header = String::from_utf8_lossy(&bytes[..bytes.len().min(2000)]).into_owned();
    let subject = header
        .lines()
        .find_map(|line| line.strip_prefix("Subject: "))
        .unwrap_or("(no subject)");
    subject.chars().take(40).collect()
}

#[track_caller]
fn exists(responses: &[Response]) -> u32 {
    responses
        .iter()
        .find_map(|response| response.numbered("EXISTS"))
        .expect("an EXISTS response")
        .0
}
