//! Sessions with the endpoint, word for word, whole and one octet at a time.
//!
//! A transcript is read line by line. It begins with how things are:
//!
//! - `@kind local`, or `mirror`; `@dialect rfc1064` and its like, for one that is pinned;
//! - `@permanent FLAGS`, `@access read-only`: what the server of a mirror says;
//! - `@mailbox NAME`, and for each of its messages `@message FILE DATE HELD FLAGS`, HELD being `text`, `header` or `listed`.
//!
//! Then comes what is said:
//!
//! - `@client N [unknown]`: the client that speaks from here on; a new one is logged in, unless it is unknown;
//! - `C:` octets of that client, `S:` octets of the endpoint, each with CRLF; `C~` and `S~` without;
//! - `@gone N ...`, `@flags N FLAGS`, `@arrived FILE DATE HELD FLAGS`: what a pass finds in a mirror, by message as above;
//! - `@undo N`: entry N of the journal is given up;
//! - `@journal`: each entry of the journal in words, or nothing;
//! - `#` a remark.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use lowtide::endpoint::{DialectPin, EndpointSettings, PasswordDigest, Peer};
use lowtide::id::{MailboxId, MessageId};
use lowtide::mirror::{Access, Settlement};
use lowtide::protocol::types::{Flag, SeqNum};
use lowtide::store::{EntryRow, Kind, NamedAction};

use super::world::{Client, Held, World, date, sample};

/// How a client's octets are cut into chunks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Feed {
    Whole,
    SingleOctets,
}

/// A transcript on its way.
struct Play {
    name: String,
    feed: Feed,
    line: usize,
    world: World,
    clients: BTreeMap<u32, Client>,
    speaker: u32,
    mailbox: Option<MailboxId>,
    messages: Vec<(MailboxId, MessageId)>,
}

async fn play(name: &str) {
    for feed in [Feed::Whole, Feed::SingleOctets] {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/transcripts/endpoint");
        let path = path.join(name).with_extension("txt");
        let text =
            fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let mut play = Play::new(name, feed, &text);
        for (index, line) in text.lines().enumerate() {
            play.line = index.saturating_add(1);
            play.step(line).await;
        }
        play.end().await;
    }
}

impl Play {
    fn new(name: &str, feed: Feed, text: &str) -> Self {
        let is_set = |wanted: &str| text.lines().any(|line| line == wanted);
        let kind = if is_set("@kind mirror") {
            Kind::Mirror
        } else {
            Kind::Local
        };
        let dialect = [
            ("@dialect rfc1064", DialectPin::Rfc1064),
            ("@dialect rfc1176", DialectPin::Rfc1176),
            ("@dialect imap2bis", DialectPin::Imap2bis),
        ];
        let dialect = dialect.into_iter().find(|(line, _)| is_set(line));
        let settings = EndpointSettings {
            dialect: dialect.map(|(_, pin)| pin).unwrap_or_default(),
            password: Some(PasswordDigest::of(b"low\"water")),
            ..EndpointSettings::default()
        };
        Self {
            name: name.to_owned(),
            feed,
            line: 0,
            world: World::with(kind, settings),
            clients: BTreeMap::new(),
            speaker: 0,
            mailbox: None,
            messages: Vec::new(),
        }
    }

    async fn step(&mut self, line: &str) {
        let (kind, rest) = line.split_at(line.len().min(2));
        let rest = rest.strip_prefix(' ').unwrap_or(rest);
        let crlf = |text: &str| [octets(text), b"\r\n".to_vec()].concat();
        match kind {
            "" => {}
            _ if line.starts_with('#') => {}
            "C:" => self.say(&crlf(rest)).await,
            "C~" => self.say(&octets(rest)).await,
            "S:" => self.hear(&crlf(rest)).await,
            "S~" => self.hear(&octets(rest)).await,
            _ => {
                let line = line.strip_prefix('@').expect("a line of a known kind");
                let mut words = line.split_ascii_whitespace();
                let order = words.next().unwrap_or_default();
                self.set(order, &words.collect::<Vec<_>>()).await;
            }
        }
    }

    async fn set(&mut self, order: &str, words: &[&str]) {
        match order {
            "kind" | "dialect" => {}
            "access" => self.world.facts.access = Access::ReadOnly,
            "permanent" => {
                let set = flags(words).iter().filter_map(Flag::system_set).collect();
                self.world.facts.permanent = Some(set);
            }
            "mailbox" => self.mailbox = Some(self.world.mailbox(&words.join(" ")).await),
            "message" | "arrived" => self.add(words).await,
            "client" => self.turn(words).await,
            "gone" => {
                let gone = words.iter().map(|word| self.message(word)).collect();
                self.pass(Settlement {
                    gone,
                    ..Settlement::default()
                })
                .await;
            }
            "flags" => {
                let set = flags(&words[1..])
                    .iter()
                    .filter_map(Flag::system_set)
                    .collect();
                self.pass(Settlement {
                    flags: vec![(self.message(words[0]), set)],
                    ..Settlement::default()
                })
                .await;
            }
            "undo" => {
                let nth: SeqNum = words[0].parse().map(SeqNum::new).unwrap().unwrap();
                let entry = self.world.store.entries().await.unwrap()[nth.index()].id;
                assert!(self.world.store.drop_entry(entry).await.unwrap());
            }
            "journal" => self.check_journal(&words.join(" ")).await,
            _ => panic!("{}:{}: @{order}", self.name, self.line),
        }
    }

    async fn add(&mut self, words: &[&str]) {
        let &[file, day, time, held, ref names @ ..] = words else {
            panic!("{}:{}: a message has a date", self.name, self.line)
        };
        let held = match held {
            "text" => Held::Text,
            "header" => Held::Header,
            "listed" => Held::Listed,
            _ => panic!("{}:{}: {held}", self.name, self.line),
        };
        let date = date(&format!("{day} {time}"));
        let mailbox = self.mailbox.expect("a mailbox before its messages");
        let octets = sample(file);
        let id = self
            .world
            .message(mailbox, &octets, date, &flags(names), held)
            .await;
        self.messages.push((mailbox, id));
    }

    fn message(&self, number: &str) -> MessageId {
        let number: SeqNum = number.parse().map(SeqNum::new).unwrap().unwrap();
        self.messages[number.index()].1
    }

    async fn pass(&self, settlement: Settlement) {
        self.world.settle(self.mailbox.unwrap(), settlement).await;
    }

    async fn turn(&mut self, words: &[&str]) {
        self.speaker = words[0].parse().unwrap();
        if self.clients.contains_key(&self.speaker) {
            return;
        }
        let peer = match words.get(1) {
            Some(&"unknown") => Peer::Unknown,
            Some(&"trusted") => Peer::Trusted,
            _ => Peer::Owner("ada".parse().unwrap()),
        };
        let is_silent = words.len() == 1;
        let mut client = self.world.connect(peer);
        if is_silent {
            assert_eq!(
                client.line().await,
                "* PREAUTH lowtide IMAP2 ready, logged in as ada"
            );
        }
        self.clients.insert(self.speaker, client);
    }

    async fn say(&mut self, octets: &[u8]) {
        let chunk = match self.feed {
            Feed::Whole => octets.len().max(1),
            Feed::SingleOctets => 1,
        };
        let client = self.clients.get_mut(&self.speaker).expect("@client first");
        for chunk in octets.chunks(chunk) {
            client.send(chunk).await;
            tokio::task::yield_now().await;
        }
    }

    async fn hear(&mut self, expected: &[u8]) {
        let client = self.clients.get_mut(&self.speaker).expect("@client first");
        let mut came = client.read(expected.len()).await;
        if came != expected {
            // The rest of the line makes the difference readable.
            while !came.ends_with(b"\n") {
                let more = client.read(1).await;
                if more.is_empty() {
                    break;
                }
                came.extend(more);
            }
        }
        assert_eq!(
            came.escape_ascii().to_string(),
            expected.escape_ascii().to_string(),
            "{}:{} ({:?})",
            self.name,
            self.line,
            self.feed
        );
    }

    async fn check_journal(&self, expected: &str) {
        let entries = self.world.store.entries().await.unwrap();
        let words: Vec<String> = entries.iter().map(|entry| self.words(entry)).collect();
        assert_eq!(words.join("; "), expected, "{}:{}", self.name, self.line);
    }

    fn words(&self, entry: &EntryRow) -> String {
        let at = self
            .messages
            .iter()
            .position(|(_, id)| *id == entry.message);
        let number = at.and_then(SeqNum::from_index).map_or(0, SeqNum::get);
        let names = |sign: &str, flags: &[Flag]| -> String {
            flags.iter().map(|flag| format!(" {sign}{flag}")).collect()
        };
        match &entry.action {
            NamedAction::Flags { add, remove } => {
                format!("{number}{}{}", names("+", add), names("-", remove))
            }
            NamedAction::Expunge => format!("{number} expunge"),
            NamedAction::Copy { to } => format!("{number} copy {to}"),
            NamedAction::Append { flags, .. } => format!("append {flags:?}"),
        }
    }

    /// Nobody has more to say, and nobody was told more than was expected.
    async fn end(self) {
        for (number, mut client) in self.clients {
            tokio::io::AsyncWriteExt::shutdown(&mut client.io)
                .await
                .unwrap();
            let rest = client.rest().await;
            assert_eq!(
                rest.escape_ascii().to_string(),
                "",
                "{} ({:?}): client {number} was told more",
                self.name,
                self.feed
            );
        }
    }
}

fn flags(words: &[&str]) -> Vec<Flag> {
    words
        .iter()
        .map(|word| Flag::from_bytes(word.as_bytes()).unwrap())
        .collect()
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

macro_rules! transcripts {
    ($($name:ident: $file:literal),* $(,)?) => {
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                play($file).await;
            }
        )*

        #[test]
        fn every_transcript_is_played() {
            let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/transcripts/endpoint");
            let mut found: Vec<String> = fs::read_dir(dir)
                .unwrap()
                .filter_map(|entry| {
                    let name = entry.unwrap().file_name().into_string().unwrap();
                    Some(name.strip_suffix(".txt")?.to_owned())
                })
                .collect();
            found.sort();
            let mut played = vec![$($file),*];
            played.sort();
            assert_eq!(found, played);
        }
    };
}

transcripts! {
    a_reader_of_1990: "rfc1176-reader",
    logging_in: "login",
    the_forms_of_1988: "rfc1064",
    what_clients_may_write: "lexical",
    every_item_of_fetch: "fetch",
    two_clients_and_their_numbers: "numbers",
    every_form_of_store: "store",
    every_key_of_search: "search",
    mailboxes_that_live_here: "mailboxes",
    a_copy_and_its_journal: "mirror",
    a_copy_that_cannot_be_changed: "mirror-read-only",
}
