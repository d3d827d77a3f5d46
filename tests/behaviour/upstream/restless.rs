//! A mailbox that is never at rest: messages go and come while flags are stored by number, and the server takes numbers as
//! it likes. Whatever happens, messages that were not meant end up as they were.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use lowtide::id::MessageId;
use lowtide::journal::Mark;
use lowtide::mirror::{Alignment, Base, BaseMessage, Fate, Step};
use lowtide::protocol::types::{FlagDelta, FlagSet, Keywords, MailboxName, SeqNum};
use lowtide::upstream::{Effort, Level, Session};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

use super::world::listen;

/// One message on the server.
#[derive(Clone, Copy, Debug)]
struct Letter {
    id: u32,
    flags: FlagSet,
    original: FlagSet,
}

/// The server's side.
struct Mailbox {
    letters: Vec<Letter>,
    next: u32,
    chance: u64,
    /// How many messages may still go; below that, nothing would ever come to rest.
    unrest: u32,
}

impl Mailbox {
    fn new(seed: u64) -> Self {
        let mut mailbox = Self {
            letters: Vec::new(),
            next: 1,
            chance: seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1,
            unrest: 0,
        };
        for _ in 0..COUNT {
            let flags = [FlagSet::SEEN, FlagSet::FLAGGED];
            let flags = flags
                .into_iter()
                .filter(|_| mailbox.below(2) == 0)
                .collect();
            mailbox.arrive(flags);
        }
        mailbox
    }

    fn below(&mut self, limit: u64) -> u64 {
        self.chance ^= self.chance << 13;
        self.chance ^= self.chance >> 7;
        self.chance ^= self.chance << 17;
        self.chance.checked_rem(limit).unwrap_or(0)
    }

    fn arrive(&mut self, flags: FlagSet) {
        self.letters.push(Letter {
            id: self.next,
            flags,
            original: flags,
        });
        self.next = self.next.strict_add(1);
    }

    /// Somebody else removes a message, or one arrives, or nothing happens.
    fn stir(&mut self, told: &mut String) {
        if self.unrest == 0 || self.letters.len() < 3 {
            return;
        }
        match self.below(4) {
            0 => {
                self.unrest = self.unrest.strict_sub(1);
                let limit = u64::try_from(self.letters.len()).unwrap();
                let index = usize::try_from(self.below(limit)).unwrap();
                self.letters.remove(index);
                write!(told, "* {} EXPUNGE\r\n", index.strict_add(1)).unwrap();
            }
            1 => {
                self.arrive(FlagSet::EMPTY);
                write!(told, "* {} EXISTS\r\n", self.letters.len()).unwrap();
            }
            _ => {}
        }
    }

    fn answer(&mut self, command: &str) -> String {
        let words: Vec<&str> = command.split(' ').collect();
        let mut told = String::new();
        match words.as_slice() {
            ["SELECT", _] => write!(told, "* {} EXISTS\r\n", self.letters.len()).unwrap(),
            ["FETCH", set, "FAST"] => {
                for seq in numbers(set) {
                    let Letter { id, flags, .. } = self.letters[seq.strict_sub(1)];
                    let flags = names(flags);
                    let date = "1-Feb-94 12:00:00-GMT";
                    let size = id.strict_add(100);
                    write!(told, "* {seq} FETCH (FLAGS ({flags}) INTERNALDATE \" {date}\" RFC822.SIZE {size})\r\n").unwrap();
                }
                self.unrest = 10;
            }
            ["FETCH", set, "FLAGS"] => {
                for seq in numbers(set) {
                    self.stir(&mut told);
                    self.show(seq, &mut told);
                }
            }
            ["STORE", set, mode, flag] => self.store(set, mode, flag, &mut told),
            _ => {}
        }
        told
    }

    /// Takes the numbers as they stood when the command came, or as they stand by then.
    fn store(&mut self, set: &str, mode: &str, flag: &str, told: &mut String) {
        let before: Vec<u32> = self.letters.iter().map(|letter| letter.id).collect();
        let as_they_stood = self.below(2) == 0;
        let flag = if flag == "(\\Seen)" {
            FlagSet::SEEN
        } else {
            FlagSet::FLAGGED
        };
        for seq in numbers(set) {
            self.stir(told);
            let index = if as_they_stood {
                let id = before.get(seq.strict_sub(1)).copied();
                self.letters.iter().position(|letter| Some(letter.id) == id)
            } else {
                Some(seq.strict_sub(1))
            };
            let Some(index) = index.filter(|index| *index < self.letters.len()) else {
                continue;
            };
            let flags = &mut self.letters[index].flags;
            *flags = match mode {
                "+FLAGS" => flags.union(flag),
                _ => flags.minus(flag),
            };
            if self.below(2) == 0 {
                self.show(index.strict_add(1), told);
            }
        }
        self.stir(told);
    }

    fn show(&self, seq: usize, told: &mut String) {
        if let Some(letter) = self.letters.get(seq.strict_sub(1)) {
            let flags = names(letter.flags);
            write!(told, "* {seq} FETCH (FLAGS ({flags}))\r\n").unwrap();
        }
    }

    /// Serves one client until it leaves.
    async fn serve(mut self, listener: TcpListener) -> Self {
        let (stream, _) = listener.accept().await.unwrap();
        let mut io: BufReader<TcpStream> = BufReader::new(stream);
        io.get_mut().write_all(b"* OK ready\r\n").await.unwrap();
        let mut line = String::new();
        while io.read_line(&mut line).await.unwrap_or_default() > 0 {
            let (tag, command) = line.trim_end().split_once(' ').unwrap();
            let told = self.answer(command);
            let answer = format!("{told}{tag} OK\r\n");
            io.get_mut().write_all(answer.as_bytes()).await.unwrap();
            line.clear();
        }
        self
    }
}

fn numbers(set: &str) -> Vec<usize> {
    let range = |item: &str| {
        let (first, last) = item.split_once(':').unwrap_or((item, item));
        first.parse::<usize>().unwrap()..=last.parse().unwrap()
    };
    set.split(',').flat_map(range).collect()
}

fn names(flags: FlagSet) -> String {
    let keywords = Keywords::default();
    let flags: Vec<String> = keywords.names(flags).map(|flag| flag.to_string()).collect();
    flags.join(" ")
}

/// The client marks some of the messages and unmarks them in another way.
async fn change(session: &mut Session, meant: &[MessageId]) {
    let inbox = MailboxName::inbox();
    let mut selected = session.select(&inbox, Keywords::default()).await.unwrap();
    let seen = selected
        .observe(&Base::default(), &Effort::List)
        .await
        .unwrap();
    let known = |(id, message): (i64, &lowtide::mirror::SeenMessage)| BaseMessage {
        id: MessageId::from_raw(id),
        mark: Mark { ..message.mark },
        flags: message.flags,
        zone_minutes: 0,
    };
    let base = Base {
        messages: (1..).zip(&seen.messages).map(known).collect(),
        ..Base::default()
    };
    let numbers = (1..=COUNT).map(|n| SeqNum::new(u32::try_from(n).unwrap()).unwrap());
    let alignment = Alignment {
        fates: numbers.map(Fate::Present).collect(),
        known_count: seen.messages.len(),
    };
    selected.bind(&base, &alignment);
    let step = Step::StoreFlags {
        messages: meant.to_vec(),
        delta: FlagDelta {
            add: FlagSet::FLAGGED,
            remove: FlagSet::SEEN,
        },
    };
    // Whether it came to its end or numbers moved: what counts is what it left behind.
    drop(selected.execute(&step, &base).await);
}

#[tokio::test]
async fn messages_that_were_not_meant_end_up_as_they_were() {
    for seed in 1..=500 {
        let (listener, server) = listen(Level::Imap2).await;
        let mut mailbox = Mailbox::new(seed);
        let ids: Vec<i64> = (1..=COUNT).filter(|_| mailbox.below(4) == 0).collect();
        let meant: Vec<MessageId> = ids.iter().copied().map(MessageId::from_raw).collect();
        let client = async {
            let mut session = Session::connect(&server).await.unwrap();
            change(&mut session, &meant).await;
            session.logout().await;
        };
        let ((), mailbox) = tokio::join!(client, mailbox.serve(listener));
        let meant: BTreeSet<u32> = ids.iter().map(|id| u32::try_from(*id).unwrap()).collect();
        for letter in &mailbox.letters {
            assert!(
                meant.contains(&letter.id) || letter.flags == letter.original,
                "seed {seed}, meant {meant:?}: {letter:?}"
            );
        }
    }
}

/// How many messages there are at first.
const COUNT: i64 = 16;
