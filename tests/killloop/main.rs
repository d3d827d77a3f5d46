//! The real program on real files, killed two hundred times at moments of chance while a mail client works with it: whatever
//! the client was told OK is there after each start, and in the end on the server, once.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "what goes wrong in a test ends it"
)]

mod client;
#[expect(dead_code, reason = "the tests of commands use more of it")]
#[path = "../behaviour/cli/home.rs"]
mod home;
#[expect(dead_code, reason = "the laboratory's chance makes letters as well")]
#[path = "../peers/lab/random.rs"]
mod random;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use client::{Client, Gone, Shown};
use home::{Home, mirror};
use random::Random;

#[test]
fn what_was_acknowledged_is_there_after_every_kill() {
    let mut chance = Random::new(1);
    let server_home = Home::new("[account.post]");
    let server = server_home.daemon();
    let secret = fs::read_to_string(server_home.path("endpoint-password")).unwrap();
    let other = || Client::login(server.address, "post", secret.trim()).unwrap();
    let mut post = other();
    let mut reader = Reader::default();
    for number in 0..12 {
        post.append(&format!("letter {number}")).unwrap();
    }
    let home = Home::empty();
    home.secret("server-password", &secret);
    home.configure(&mirror(server.address, "post", "protocol = \"imap2bis\""));
    home.run(&["sync"]).ended(0);
    for round in 0..KILLS {
        if round % 20 == 0 {
            post.append(&format!("letter of the post {round}")).unwrap();
        }
        let daemon = home.daemon();
        let secret = fs::read_to_string(home.path("endpoint-password")).unwrap();
        let delay = Duration::from_micros(chance.below(150_000) as u64);
        let signal = if chance.percent(75) {
            Signal::KILL
        } else {
            Signal::TERM
        };
        let killer = kill_after(daemon.pid(), delay, signal);
        if let Ok(mut client) = Client::login(daemon.address, "work", secret.trim()) {
            reader.works(&mut client, &mut chance);
        }
        killer.join().unwrap();
        drop(daemon);
    }
    // Much was removed in a short time, so that a brake may want to know whether it is meant.
    if home.run(&["sync"]).code == BRAKE {
        home.run(&["approve", "work", "INBOX"]).ended(0);
    }
    home.run(&["sync"]);
    sends_what_was_set_aside(&home);
    for _ in 0..2 {
        home.run(&["sync"]).ended(0);
    }
    let journal = home.run(&["journal", "--json"]).ended(0).json();
    assert_eq!(journal["entries"].as_array().unwrap().len(), 0, "{journal}");
    reader.agrees(&other().open().unwrap());
    println!(
        "{KILLS} kills, {} actions acknowledged, {} in doubt, {} messages appended and {} removed: 0 lost",
        reader.acknowledged,
        reader.doubtful,
        reader.written.len(),
        reader.removed.len()
    );
    assert!(
        reader.acknowledged > KILLS,
        "the client did next to nothing"
    );
}

/// A message that was being sent at two kills, and arrived at neither, is set aside: a person who knows that has it sent again.
fn sends_what_was_set_aside(home: &Home) {
    let journal = home.run(&["journal", "--json"]).json();
    for entry in journal["entries"].as_array().unwrap() {
        assert_eq!(entry["state"], "parked", "{entry}");
        assert_eq!(entry["action"], "append", "{entry}");
        let id = entry["id"].to_string();
        home.run(&["journal", "retry", "work", &id]).ended(0);
    }
}

/// Ends a process after a while. Nobody else waits for it, so it is still the one that is meant.
fn kill_after(process: Pid, delay: Duration, signal: Signal) -> thread::JoinHandle<()> {
    thread::spawn(move || {
        let (_never, after) = mpsc::channel::<()>();
        assert!(after.recv_timeout(delay).is_err());
        kill_process(process, signal).unwrap();
    })
}

/// Who reads mail, and remembers what was acknowledged.
#[derive(Default)]
struct Reader {
    /// The flags of every letter, by its subject.
    letters: BTreeMap<String, BTreeSet<String>>,
    /// What was being done to a letter when the line broke: it may have been taken or not.
    doubt: Option<Doubt>,
    removed: BTreeSet<String>,
    /// What was appended; whether that was acknowledged.
    written: BTreeMap<String, bool>,
    acknowledged: usize,
    doubtful: usize,
}

enum Doubt {
    Flag(String, &'static str),
    /// Of all that is marked for it.
    Removal,
}

impl Reader {
    /// Looks whether all is as it was left, and goes on until the line breaks.
    fn works(&mut self, client: &mut Client, chance: &mut Random) {
        let Ok(mut shown) = client.open() else { return };
        self.settles(&shown);
        loop {
            let done = self.acts(client, &mut shown, chance);
            if done.is_err() {
                self.doubtful += 1;
                return;
            }
            self.acknowledged += 1;
        }
    }

    /// Compares what is shown with what was acknowledged, and sees what became of that which was not.
    fn settles(&mut self, shown: &[Shown]) {
        for Shown { subject, flags, .. } in shown {
            if !self.letters.contains_key(subject) {
                let is_new = subject.contains("letter") || self.written.contains_key(subject);
                assert!(
                    is_new && !self.removed.contains(subject),
                    "{subject} came back"
                );
                self.letters.insert(subject.clone(), flags.clone());
            }
        }
        match self.doubt.take() {
            Some(Doubt::Flag(subject, flag)) => {
                let now = shown.iter().find(|shown| shown.subject == subject);
                let letter = self.letters.get_mut(&subject).unwrap();
                if now.is_some_and(|now| now.flags.contains(flag)) {
                    letter.insert(flag.to_owned());
                } else {
                    letter.remove(flag);
                }
            }
            Some(Doubt::Removal) => {
                let is_there = |subject: &str| shown.iter().any(|shown| shown.subject == subject);
                self.forget_marked(|subject| !is_there(subject));
            }
            None => {}
        }
        let now = shown
            .iter()
            .cloned()
            .map(|shown| (shown.subject, shown.flags));
        let now: BTreeMap<_, _> = now.collect();
        assert_eq!(now.len(), shown.len(), "a letter is there twice");
        assert_eq!(now, self.letters);
    }

    /// One thing more.
    fn acts(
        &mut self,
        client: &mut Client,
        shown: &mut Vec<Shown>,
        chance: &mut Random,
    ) -> Result<(), Gone> {
        if chance.percent(5) {
            let subject = format!("written {}", self.written.len());
            self.written.insert(subject.clone(), false);
            client.append(&subject)?;
            self.written.insert(subject, true);
            return Ok(());
        }
        let Shown {
            number, subject, ..
        } = chance.pick(shown).clone();
        if chance.percent(4) && shown.len() > 6 {
            self.store(client, number, &subject, "\\Deleted")?;
            self.doubt = Some(Doubt::Removal);
            client.does("EXPUNGE")?;
            self.doubt = None;
            self.forget_marked(|_| true);
            *shown = client.open()?;
            self.settles(shown);
            return Ok(());
        }
        let flag = *chance.pick(&["\\Flagged", "\\Answered"]);
        self.store(client, number, &subject, flag)
    }

    /// Letters that were marked for removal are gone.
    fn forget_marked(&mut self, is_gone: impl Fn(&str) -> bool) {
        let gone = self.letters.extract_if(.., |subject, flags| {
            flags.contains("\\Deleted") && is_gone(subject)
        });
        self.removed.extend(gone.map(|(subject, _)| subject));
    }

    /// Sets a flag, or takes it off.
    fn store(
        &mut self,
        client: &mut Client,
        number: usize,
        subject: &str,
        flag: &'static str,
    ) -> Result<(), Gone> {
        let letter = &self.letters[subject];
        let sign = if letter.contains(flag) { "-" } else { "+" };
        self.doubt = Some(Doubt::Flag(subject.to_owned(), flag));
        client.does(&format!("STORE {number} {sign}FLAGS ({flag})"))?;
        self.doubt = None;
        let letter = self.letters.get_mut(subject).unwrap();
        if !letter.remove(flag) {
            letter.insert(flag.to_owned());
        }
        Ok(())
    }

    /// The server holds what was acknowledged, and all that was written stands there once.
    fn agrees(&mut self, server: &[Shown]) {
        self.settles(server);
        for (subject, is_acknowledged) in &self.written {
            let is_there = self.letters.contains_key(subject) || self.removed.contains(subject);
            assert!(is_there || !is_acknowledged, "{subject} was lost");
        }
        let read = server.iter().filter(|shown| shown.flags.contains("\\Seen"));
        assert_eq!(read.count(), 0, "nobody read anything");
    }
}

const KILLS: usize = 200;
/// How a command ends when a mailbox waits for `approve`.
const BRAKE: i32 = 4;
