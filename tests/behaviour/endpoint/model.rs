//! Two clients doing anything on one mailbox, against a model that is small enough to be seen to be right.
//!
//! The model knows which messages there are, with their flags, and for each client what the lines that it got amount to.
//! A client's numbers may only change by lines that it got; every command must have meant the messages that the client
//! meant by its numbers. Each message has an INTERNALDATE of its own, by which it is recognised.

#![expect(
    clippy::arithmetic_side_effects,
    reason = "sets are subtracted, and the numbers are small"
)]

use std::collections::{BTreeMap, BTreeSet};

use lowtide::id::MailboxId;
use lowtide::protocol::types::{Flag, InternalDate};
use lowtide::store::Kind;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use super::world::{Client, Held, World, sample};

/// What somebody does.
#[derive(Clone, Debug)]
enum Act {
    Noop,
    Check,
    Expunge,
    Store(&'static str, Vec<usize>, Vec<&'static str>),
    FetchFlags(Vec<usize>),
    FetchDates(Vec<usize>),
    Search(&'static str),
    Select,
    /// A message arrives from elsewhere.
    Arrive(Vec<&'static str>),
}

type Flags = BTreeSet<String>;

/// A message as a client knows it: the second of its date, unless not asked for yet, and its flags.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Known {
    second: i64,
    flags: Flags,
}

struct Model {
    world: World,
    mailbox: MailboxId,
    there: BTreeMap<i64, Flags>,
    next: i64,
    clients: Vec<(Client, Vec<Known>)>,
}

const FLAGS: [&str; 4] = ["\\Seen", "\\Flagged", "\\Deleted", "\\Answered"];

fn acts() -> impl Strategy<Value = Act> {
    let numbers = || proptest::collection::vec(0usize..12, 1..4);
    let flags = || proptest::sample::subsequence(FLAGS.to_vec(), 0..3);
    prop_oneof![
        3 => Just(Act::Noop),
        1 => Just(Act::Check),
        2 => Just(Act::Expunge),
        6 => (prop_oneof![Just("FLAGS"), Just("+FLAGS"), Just("-FLAGS")], numbers(), flags())
            .prop_map(|(mode, numbers, flags)| Act::Store(mode, numbers, flags)),
        2 => numbers().prop_map(Act::FetchFlags),
        3 => numbers().prop_map(Act::FetchDates),
        1 => prop_oneof![Just("DELETED"), Just("UNSEEN"), Just("ALL")].prop_map(Act::Search),
        1 => Just(Act::Select),
        2 => flags().prop_map(Act::Arrive),
    ]
}

#[test]
fn r_rep_18_every_client_means_what_its_own_numbers_say() {
    let mut runner = TestRunner::new(Config {
        cases: 48,
        failure_persistence: None,
        ..Config::default()
    });
    let life = proptest::collection::vec((0usize..2, acts()), 1..40);
    let run = runner.run(&life, |life| {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async {
            let mut model = Model::new().await;
            for (client, act) in life {
                model.act(client, &act).await;
            }
            model.settle().await;
        });
        Ok(())
    });
    run.unwrap();
}

impl Model {
    async fn new() -> Self {
        let mut world = World::new(Kind::Local);
        let mailbox = world.mailbox("INBOX").await;
        let mut clients = Vec::new();
        for _ in 0..2 {
            let mut client = world.owner();
            client.line().await;
            clients.push((client, Vec::new()));
        }
        let mut model = Self {
            world,
            mailbox,
            there: BTreeMap::new(),
            next: 1,
            clients,
        };
        for _ in 0..5 {
            model.arrive(&[]).await;
        }
        for client in 0..2 {
            model.act(client, &Act::Select).await;
        }
        model
    }

    async fn arrive(&mut self, flags: &[&'static str]) {
        let date = InternalDate {
            instant_secs: 700_000_000 + self.next,
            offset_minutes: 0,
            zone_known: true,
        };
        let names: Vec<Flag> = flags
            .iter()
            .map(|flag| Flag::from_bytes(flag.as_bytes()).unwrap())
            .collect();
        let octets = sample("bare.eml");
        self.world
            .message(self.mailbox, &octets, date, &names, Held::Text)
            .await;
        let flags = flags.iter().map(|flag| (*flag).to_owned()).collect();
        self.there.insert(self.next, flags);
        self.next += 1;
    }

    async fn act(&mut self, client: usize, act: &Act) {
        let command = match act {
            Act::Arrive(flags) => return self.arrive(flags).await,
            Act::Noop => "NOOP".to_owned(),
            Act::Check => "CHECK".to_owned(),
            Act::Expunge => "EXPUNGE".to_owned(),
            Act::Search(key) => format!("SEARCH {key}"),
            Act::Select => "SELECT INBOX".to_owned(),
            Act::Store(mode, numbers, flags) => {
                let Some(set) = self.set(client, numbers) else {
                    return;
                };
                format!("STORE {set} {mode} ({})", flags.join(" "))
            }
            Act::FetchFlags(numbers) => {
                let Some(set) = self.set(client, numbers) else {
                    return;
                };
                format!("FETCH {set} FLAGS")
            }
            Act::FetchDates(numbers) => {
                let Some(set) = self.set(client, numbers) else {
                    return;
                };
                format!("FETCH {set} INTERNALDATE")
            }
        };
        self.foretell(client, act);
        let said = self.clients[client].0.command(&command).await;
        self.hear(client, act, &said);
    }

    /// Numbers that this client knows of, as a sequence.
    fn set(&self, client: usize, numbers: &[usize]) -> Option<String> {
        let count = self.clients[client].1.len();
        let numbers: Vec<String> = numbers
            .iter()
            .filter(|_| count > 0)
            .map(|n| (n % count + 1).to_string())
            .collect();
        (!numbers.is_empty()).then(|| numbers.join(","))
    }

    /// What the command does to the messages that are there, by what the client believes.
    fn foretell(&mut self, client: usize, act: &Act) {
        let known = &self.clients[client].1;
        match act {
            Act::Store(mode, numbers, flags) => {
                let named: Flags = flags.iter().map(|flag| (*flag).to_owned()).collect();
                let meant: BTreeSet<usize> = numbers.iter().map(|n| n % known.len()).collect();
                for Known {
                    second,
                    flags: shown,
                } in meant.into_iter().map(|index| &known[index])
                {
                    let Some(flags) = self.there.get_mut(second) else {
                        continue;
                    };
                    let (add, remove): (Flags, Flags) = match *mode {
                        "FLAGS" => (&named - shown, shown - &named),
                        "+FLAGS" => (named.clone(), Flags::new()),
                        _ => (Flags::new(), named.clone()),
                    };
                    *flags = &(&*flags - &remove) | &add;
                }
            }
            Act::Expunge => {
                for Known { second, flags } in known {
                    let deleted = |flags: &Flags| flags.contains("\\Deleted");
                    if deleted(flags) && self.there.get(second).is_some_and(deleted) {
                        self.there.remove(second);
                    }
                }
            }
            _ => {}
        }
    }

    /// Applies what the client was told, line by line.
    fn hear(&mut self, client: usize, act: &Act, said: &[String]) {
        // What comes with the answer has numbers that the command did not know.
        let count = self.clients[client].1.len();
        let (there, next) = (&self.there, self.next);
        let known = &mut self.clients[client].1;
        if matches!(act, Act::Select) {
            known.clear();
        }
        let mut found = None;
        for line in said {
            let words: Vec<&str> = line.split(' ').collect();
            match words.as_slice() {
                ["*", number, "EXPUNGE"] => {
                    assert!(
                        matches!(act, Act::Noop | Act::Check | Act::Expunge),
                        "{act:?}: {line}"
                    );
                    let gone = known.remove(number.parse::<usize>().unwrap() - 1);
                    assert!(!there.contains_key(&gone.second), "{gone:?} is there");
                }
                ["*", number, "EXISTS"] => {
                    let count: usize = number.parse().unwrap();
                    assert!(count >= known.len(), "{act:?}: {line}");
                    let newest = known.last().map_or(0, |known| known.second);
                    // What has come since stands behind, in the order in which it came; what came and went, or was
                    // there before this client, is not among it.
                    let came = there.range(newest + 1..next).take(count - known.len());
                    let came: Vec<Known> = came
                        .map(|(second, flags)| Known {
                            second: *second,
                            flags: flags.clone(),
                        })
                        .collect();
                    assert_eq!(came.len(), count - known.len(), "{act:?}: {line}");
                    known.extend(came);
                }
                ["*", number, "FETCH", "(FLAGS", rest @ ..] => {
                    let index = number.parse::<usize>().unwrap() - 1;
                    known[index].flags = rest
                        .iter()
                        .map(|flag| flag.trim_matches(|c| "()".contains(c)).to_owned())
                        .filter(|flag| !flag.is_empty() && flag != "\\Recent")
                        .collect();
                }
                ["*", number, "FETCH", "(INTERNALDATE", ..] => {
                    let date = InternalDate::parse(line.split('"').nth(1).unwrap().as_bytes());
                    let second = date.unwrap().instant_secs - 700_000_000;
                    let index = number.parse::<usize>().unwrap() - 1;
                    assert_eq!(known[index].second, second, "{act:?}: {line}");
                }
                ["*", "SEARCH", numbers @ ..] => {
                    let numbers = numbers
                        .iter()
                        .map(|number| number.parse::<usize>().unwrap() - 1);
                    found = Some(numbers.collect::<BTreeSet<usize>>());
                }
                ["*", _, "RECENT"] | ["*", "FLAGS", ..] | ["x", ..] => {}
                _ => panic!("{act:?}: {line}"),
            }
        }
        self.check(client, act, said, found, count);
    }

    fn check(
        &self,
        client: usize,
        act: &Act,
        said: &[String],
        found: Option<BTreeSet<usize>>,
        count: usize,
    ) {
        let known = &self.clients[client].1;
        let last = said.last().unwrap();
        let some_gone = last.starts_with("x NO Some of these messages are gone");
        assert!(last.starts_with("x OK") || some_gone, "{act:?}: {last}");
        if let (Act::FetchDates(numbers), true) = (act, some_gone) {
            let gone = |n: &usize| !self.there.contains_key(&known[n % count].second);
            assert!(numbers.iter().any(gone), "{act:?}: {last}");
        }
        if let (Act::Search(key), Some(found)) = (act, found) {
            let holds = |known: &Known| match *key {
                "DELETED" => known.flags.contains("\\Deleted"),
                "UNSEEN" => !known.flags.contains("\\Seen"),
                _ => true,
            };
            let expected: BTreeSet<usize> = (0..known.len())
                .filter(|&index| holds(&known[index]))
                .collect();
            assert_eq!(found, expected, "{act:?}");
        }
        // Flags of what is there are never behind once a command has ended.
        for message in known {
            if let Some(flags) = self.there.get(&message.second) {
                assert_eq!(&message.flags, flags, "{act:?}");
            }
        }
        if matches!(act, Act::Noop | Act::Check | Act::Expunge | Act::Select) {
            let shown: Vec<(i64, &Flags)> = known
                .iter()
                .map(|known| (known.second, &known.flags))
                .collect();
            let there: Vec<(i64, &Flags)> = self
                .there
                .iter()
                .map(|(second, flags)| (*second, flags))
                .collect();
            assert_eq!(shown, there, "{act:?}");
        }
    }

    /// In the end both clients see the same.
    async fn settle(&mut self) {
        for client in 0..2 {
            self.act(client, &Act::Noop).await;
        }
        assert_eq!(self.clients[0].1, self.clients[1].1);
    }
}
