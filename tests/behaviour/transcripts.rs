//! Conversations on the wire, replayed at both ends, whole and one octet at a time.
//!
//! A transcript is read line by line:
//!
//! - `C:` octets of the client, `S:` octets of the server, each with CRLF; `C~` and `S~` without;
//! - `>` the command that lowtide's client is told to send;
//! - `=` what the octets before it meant: an event to the client, a request to the server;
//! - `@dialect`, `@literals`, `@state` set what the next lines are read with;
//! - `#` a remark.
//!
//! `«0d0a»` stands for octets in hexadecimal digits.

mod describe;

use std::collections::VecDeque;
use std::fs;
use std::path::{Path, PathBuf};

use lowtide::protocol::client::{Client, ClientLiterals};
use lowtide::protocol::command::Command;
use lowtide::protocol::dialect::Dialect;
use lowtide::protocol::server::{Request, Server, ServerLimits, SessionState};

use describe::{event, request, shown};

/// One line of a transcript.
#[derive(Clone, Debug)]
enum Step {
    Client(Vec<u8>),
    Server(Vec<u8>),
    Want(Vec<u8>),
    Meant(String),
    Set(String, String),
}

/// How octets are cut into chunks.
#[derive(Clone, Copy, Debug)]
enum Feed {
    Whole,
    SingleOctets,
}

impl Feed {
    fn chunks(self, octets: &[u8]) -> Vec<&[u8]> {
        match self {
            Self::Whole => vec![octets],
            Self::SingleOctets => octets.chunks(1).collect(),
        }
    }
}

fn directory(role: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/transcripts")
        .join(role)
}

fn steps(role: &str, name: &str) -> Vec<(usize, Step)> {
    let path = directory(role).join(name).with_extension("txt");
    let text =
        fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let lines = text
        .lines()
        .enumerate()
        .filter(|(_, line)| !line.trim().is_empty() && !line.starts_with('#'));
    lines
        .map(|(index, line)| (index.saturating_add(1), step(line)))
        .collect()
}

fn step(line: &str) -> Step {
    let (kind, rest) = line.split_at(line.len().min(2));
    let rest = rest.strip_prefix(' ').unwrap_or(rest);
    match kind {
        "C:" => Step::Client([octets(rest), b"\r\n".to_vec()].concat()),
        "C~" => Step::Client(octets(rest)),
        "S:" => Step::Server([octets(rest), b"\r\n".to_vec()].concat()),
        "S~" => Step::Server(octets(rest)),
        "> " => Step::Want([octets(rest), b"\r\n".to_vec()].concat()),
        "= " => Step::Meant(rest.to_owned()),
        _ => {
            let (key, value) = line
                .strip_prefix('@')
                .and_then(|set| set.split_once(' '))
                .expect("a line of a known kind");
            Step::Set(key.to_owned(), value.to_owned())
        }
    }
}

/// Text with `«hex»` in it as octets.
fn octets(text: &str) -> Vec<u8> {
    let mut pieces = text.split('«');
    let mut octets = pieces.next().unwrap_or_default().as_bytes().to_vec();
    for piece in pieces {
        let (hex, rest) = piece.split_once('»').expect("a closing »");
        let digits = hex
            .as_bytes()
            .chunks(2)
            .map(|pair| std::str::from_utf8(pair).unwrap());
        octets.extend(digits.map(|pair| u8::from_str_radix(pair, 16).expect("hexadecimal digits")));
        octets.extend_from_slice(rest.as_bytes());
    }
    octets
}

fn dialect(name: &str) -> Dialect {
    match name {
        "rfc1064" => Dialect::Rfc1064,
        "rfc1176" => Dialect::Rfc1176,
        "imap2bis" => Dialect::Imap2bis,
        "imap4" => Dialect::Imap4,
        "imap4rev1" => Dialect::Imap4rev1,
        _ => panic!("no dialect {name}"),
    }
}

fn state(name: &str) -> SessionState {
    match name {
        "not-authenticated" => SessionState::NotAuthenticated,
        "authenticated" => SessionState::Authenticated,
        "selected" => SessionState::Selected,
        "logout" => SessionState::Logout,
        _ => panic!("no state {name}"),
    }
}

/// The command a `>` line spells, with `{n+}` literals and escapes in quotes.
fn command(line: &[u8]) -> Command {
    for state in [SessionState::NotAuthenticated, SessionState::Selected] {
        let mut server = Server::new(ServerLimits::default(), Dialect::Imap4rev1, state);
        server.receive(&[b"x ", line].concat());
        if let Some(Request::Command { command, .. }) = server.next_request() {
            return command;
        }
    }
    panic!("no command: {}", line.escape_ascii());
}

/// What must come next, and how much of it has come.
struct Checked<'a> {
    name: &'a str,
    feed: Feed,
    told: VecDeque<String>,
    sent: Vec<u8>,
    failed: bool,
}

impl Checked<'_> {
    fn meant(&mut self, line: usize, expected: &str) {
        let told = self
            .told
            .pop_front()
            .unwrap_or_else(|| "nothing".to_owned());
        assert_eq!(told, expected, "{}:{line} ({:?})", self.name, self.feed);
    }

    fn sends(&mut self, line: usize, expected: &[u8]) {
        let came = self.sent.get(..expected.len()).unwrap_or(&self.sent);
        let (came, expected_text) = (shown(came), shown(expected));
        assert_eq!(
            came, expected_text,
            "{}:{line} ({:?})",
            self.name, self.feed
        );
        self.sent.drain(..expected.len());
    }

    fn nothing_left(&self) {
        assert!(
            self.told.is_empty(),
            "{} ({:?}): not expected: {:?}",
            self.name,
            self.feed,
            self.told
        );
        let left = shown(&self.sent);
        assert_eq!(left, "", "{} ({:?}): not expected", self.name, self.feed);
    }
}

fn client(name: &str) {
    for feed in [Feed::Whole, Feed::SingleOctets] {
        let mut checked = Checked {
            name,
            feed,
            told: VecDeque::new(),
            sent: Vec::new(),
            failed: false,
        };
        let mut client = Client::new(Client::DEFAULT_LIMITS);
        for (line, step) in steps("client", name) {
            match step {
                Step::Set(key, value) if key == "dialect" => client.set_dialect(dialect(&value)),
                Step::Set(key, value) if key == "literals" && value == "plus" => {
                    client.set_literals(ClientLiterals::Plus);
                }
                Step::Set(key, value) => panic!("{name}:{line}: @{key} {value}"),
                Step::Want(wanted) => drop(client.send(command(&wanted))),
                Step::Client(octets) => checked.sends(line, &octets),
                Step::Meant(expected) => checked.meant(line, &expected),
                Step::Server(octets) => feed.chunks(&octets).into_iter().for_each(|chunk| {
                    client.receive(chunk);
                    listen(&mut client, &mut checked);
                }),
            }
            checked.sent.extend(client.take_output());
        }
        checked.nothing_left();
    }
}

fn listen(client: &mut Client, checked: &mut Checked<'_>) {
    loop {
        match client.next_event() {
            Ok(Some(told)) => checked.told.push_back(event(&told)),
            Ok(None) => return,
            Err(failure) => {
                if !std::mem::replace(&mut checked.failed, true) {
                    checked.told.push_back(format!("failed: {failure}"));
                }
                return;
            }
        }
    }
}

fn server(name: &str) {
    for feed in [Feed::Whole, Feed::SingleOctets] {
        let mut checked = Checked {
            name,
            feed,
            told: VecDeque::new(),
            sent: Vec::new(),
            failed: false,
        };
        let limits = ServerLimits {
            message: 1000,
            ..ServerLimits::default()
        };
        let mut server = Server::new(limits, Dialect::Rfc1176, SessionState::NotAuthenticated);
        for (line, step) in steps("server", name) {
            match step {
                Step::Set(key, value) if key == "dialect" => server.set_dialect(dialect(&value)),
                Step::Set(key, value) if key == "state" => server.set_state(state(&value)),
                Step::Set(key, value) => panic!("{name}:{line}: @{key} {value}"),
                Step::Want(_) => panic!("{name}:{line}: a server wants nothing"),
                Step::Server(octets) => checked.sends(line, &octets),
                Step::Meant(expected) => checked.meant(line, &expected),
                Step::Client(octets) => feed.chunks(&octets).into_iter().for_each(|chunk| {
                    server.receive(chunk);
                    while let Some(asked) = server.next_request() {
                        checked.told.push_back(request(&asked));
                    }
                }),
            }
            checked.sent.extend(server.take_output());
        }
        checked.nothing_left();
    }
}

/// One test per transcript, so that each has a name of its own.
macro_rules! transcripts {
    ($($test:ident: $role:ident $name:literal,)*) => {
        $(
            #[test]
            fn $test() {
                $role($name);
            }
        )*

        #[test]
        fn every_transcript_is_replayed() {
            let replayed = [$((stringify!($role), $name),)*];
            for role in ["client", "server"] {
                for entry in fs::read_dir(directory(role)).unwrap() {
                    let path = entry.unwrap().path();
                    let name = path.file_stem().unwrap().to_str().unwrap();
                    assert!(replayed.contains(&(role, name)), "{role}/{name} is never replayed");
                }
            }
        }
    };
}

transcripts! {
    a_session_of_1988: client "rfc1064-session",
    a_session_of_1990: client "rfc1176-session",
    find_and_its_fallbacks: client "find",
    literals_wait_for_the_go_ahead: client "literals",
    fetch_answers_of_every_shape: client "fetch-shapes",
    dates_of_every_form: client "dates",
    an_imap2bis_server_of_1993: client "imap2bis-1993",
    uw_imapd: client "uw-imapd",
    dovecot: client "dovecot",
    imap4rev1_commands: client "imap4rev1",
    append_with_and_without_flags: client "append",
    authenticate_and_challenges: client "authenticate",
    data_that_nobody_asked_for: client "unsolicited",
    a_web_server_answers: client "web-server",
    a_server_that_is_busy: client "busy",
    a_line_that_cannot_be_read: client "malformed",
    c_client_opens_and_reads: server "c-client",
    c_client_lists: server "c-client-find",
    a_person_with_netcat: server "netcat",
    a_client_sends_literals: server "literals",
    what_each_state_allows: server "states",
    a_web_page_posts: server "web-page",
    search_arguments: server "search",
    sequences_and_items: server "sequences",
    a_client_in_a_hurry: server "pipelined",
    a_client_appends: server "append",
}
