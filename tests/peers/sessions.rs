//! Two people and one mailbox, over a line that breaks: the user of the mirror, and somebody with a mail program of their
//! own, both at once. lowtide is killed now and then, and hears nonsense. After each session the line is calm, and both sides have to hold
//! what the two were told OK for, and nothing else.
//!
//! Each letter is one person's, who alone changes it, so that what it has to come to is never in doubt; what was under way
//! when a line broke may have happened or not. Who is told that the mailbox can only be read, as UW imapd says to one of
//! two who open a plain file at once, is told OK for nothing that is kept. `LOWTIDE_SESSIONS` says how many sessions each
//! server has.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard};

use super::lab::client::{Client, Dialect};
use super::lab::corpus::Message;
use super::lab::cut::{Cut, Direction};
use super::lab::date::InternalDate;
use super::lab::lowtide::{Daemon, Network, endpoint};
use super::lab::random::Random;
use super::lab::rig::{Kind, Rig, clear_account, with_protocol};
use super::lab::server_state::{State, assert_same};
use super::lab::uw::Format;

#[test]
fn with_uw_imapd_and_a_plain_file() {
    sessions(Kind::Uw(Format::Mbox), "imap2bis", 1);
}

#[test]
fn with_uw_imapd_and_mbx() {
    sessions(Kind::Uw(Format::Mbx), "imap2", 2);
}

#[test]
fn with_uw_imapd_and_mix() {
    sessions(Kind::Uw(Format::Mix), "auto", 3);
}

#[test]
fn with_dovecot_in_imap2() {
    sessions(Kind::DovecotTcp, "imap2", 4);
}

#[test]
fn with_dovecot_in_imap4rev1() {
    sessions(Kind::DovecotTcp, "auto", 5);
}

#[test]
fn with_cyrus_in_imap2() {
    sessions(Kind::Cyrus, "imap2", 6);
}

#[test]
fn with_cyrus_in_imap4rev1() {
    sessions(Kind::Cyrus, "auto", 7);
}

/// Whose a letter is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Who {
    User,
    Other,
}

/// What became of a letter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    There,
    /// Its removal was under way when the line broke.
    Doubtful,
    Gone,
}

/// What a letter has to be like.
#[derive(Debug)]
struct Letter {
    owner: Who,
    /// Whether the mirror may not hold it yet. Where reading marks, a mark that others set in the same moment is taken for ours.
    is_new: bool,
    fate: Fate,
    /// Nothing where a change was under way when the line broke.
    flags: BTreeMap<&'static str, Option<bool>>,
    copy_count: usize,
    doubtful_copy_count: usize,
}

/// Every letter there ever was, by its subject.
#[derive(Debug, Default)]
struct Ledger(BTreeMap<String, Letter>, Tally);

/// What happened, for a person to read.
#[derive(Clone, Copy, Debug, Default)]
struct Tally {
    done: usize,
    broken: usize,
    cuts: usize,
    kills: usize,
}

impl Ledger {
    /// New letters, in turn one person's and the other's.
    fn write(&mut self, count: usize) -> Vec<Message> {
        let letter = |number: usize| {
            let (subject, owner) = (
                format!("letter-{number}"),
                [Who::User, Who::Other][number % 2],
            );
            let bytes = format!(
                "Subject: {subject}\r\nMessage-ID: <{number}@two.example>\r\n\r\nText {number}.\r\n"
            );
            let message = Message {
                kind: "of two people",
                bytes: bytes.into_bytes(),
                internal_date: InternalDate(800_000_000 + i64::try_from(number).unwrap() * 60),
                flags: Default::default(),
            };
            let letter = Letter {
                owner,
                is_new: true,
                fate: Fate::There,
                flags: FLAGS.map(|flag| (flag, Some(false))).into(),
                copy_count: 0,
                doubtful_copy_count: 0,
            };
            ((subject, letter), message)
        };
        let first = self.0.len();
        let (letters, messages): (Vec<_>, Vec<_>) = (first..first + count).map(letter).unzip();
        self.0.extend(letters);
        messages
    }

    /// The server holds what the two were told, and what was in doubt is no longer.
    fn agrees(&mut self, inbox: &State, archive: &State) {
        let mut there: BTreeMap<&str, _> = BTreeMap::new();
        for held in &inbox.0 {
            let before = there.insert(&held.label, held);
            assert!(before.is_none(), "{} is there twice", held.label);
        }
        for (subject, letter) in &mut self.0 {
            let copies = archive.0.iter().filter(|held| held.label == *subject);
            let (found, least) = (copies.count(), letter.copy_count);
            let most = least + letter.doubtful_copy_count;
            assert!(
                (least..=most).contains(&found),
                "{subject} was copied {found} times: {letter:?}"
            );
            (letter.copy_count, letter.doubtful_copy_count) = (found, 0);
            letter.is_new = false;
            let Some(held) = there.remove(subject.as_str()) else {
                assert_ne!(letter.fate, Fate::There, "{subject} is lost: {letter:?}");
                letter.fate = Fate::Gone;
                continue;
            };
            assert_ne!(letter.fate, Fate::Gone, "{subject} came back: {letter:?}");
            for (flag, wanted) in &mut letter.flags {
                let has_it = held.flags.contains(*flag);
                assert_eq!(
                    wanted.unwrap_or(has_it),
                    has_it,
                    "{subject} {flag}: {held:?}"
                );
                *wanted = Some(has_it);
            }
            let is_marked = held.flags.contains("\\Deleted");
            assert!(
                !is_marked || letter.fate == Fate::Doubtful,
                "{subject}: {held:?}"
            );
        }
        assert!(there.is_empty(), "nobody wrote {there:?}");
    }
}

/// Somebody before an open mailbox. Nothing is what comes of it once the line is broken.
struct Seat {
    client: Client,
    who: Who,
    /// Whether OK means that something is kept.
    is_believed: bool,
    /// Whether the server takes messages.
    can_append: bool,
    /// The subjects by number.
    view: Vec<String>,
}

impl Seat {
    fn take(who: Who, mut client: Client) -> Option<Self> {
        let opened = client.command("SELECT INBOX").ok()?;
        let count = opened
            .untagged
            .iter()
            .find_map(|line| line.numbered("EXISTS"))?
            .0;
        let mut seat = Self {
            client,
            who,
            is_believed: !opened.text.contains("READ-ONLY"),
            can_append: false,
            view: vec![String::new(); usize::try_from(count).unwrap()],
        };
        let listed = seat
            .client
            .command(&format!("FETCH 1:{count} RFC822.HEADER"))
            .ok()?;
        for line in &listed.untagged {
            if let Some((number, _)) = line.numbered("FETCH") {
                let text = line.text();
                let subject = text.split_once("Subject: ")?.1.lines().next()?;
                seat.view[usize::try_from(number).unwrap() - 1] = subject.to_owned();
            }
        }
        Some(seat)
    }

    /// Has a command carried out. That it was refused is as good as a broken line.
    fn does(&mut self, command: &str) -> Option<()> {
        let reply = self.client.command(command).ok()?;
        for line in &reply.untagged {
            // The lock is lost: what is done now is not kept, whatever is said.
            if line.text().contains("[READ-ONLY]") {
                return None;
            }
            // What arrives is not acted on, but it can be removed again.
            if let Some((number, _)) = line.numbered("EXISTS") {
                let count = self.view.len().max(usize::try_from(number).unwrap());
                self.view.resize(count, String::new());
            }
            if let Some((number, _)) = line.numbered("EXPUNGE") {
                self.view.remove(usize::try_from(number).unwrap() - 1);
            }
        }
        // Some servers write flags down only then.
        let is_done = reply.status == "OK"
            && (self.who == Who::User
                || !command.starts_with("STORE")
                || self.does("CHECK").is_some());
        is_done.then_some(())
    }

    /// Does one thing to a letter of one's own.
    fn acts(&mut self, ledger: &Mutex<Ledger>, random: &mut Random) -> Option<()> {
        let mine = |(number, subject): (usize, &String)| {
            let ledger = lock(ledger);
            let letter = ledger.0.get(subject)?;
            (letter.owner == self.who && letter.fate != Fate::Gone)
                .then(|| (number + 1, subject.clone()))
        };
        let mine: Vec<(usize, String)> = self.view.iter().enumerate().filter_map(mine).collect();
        if mine.is_empty() {
            return self.does("NOOP");
        }
        let (number, subject) = random.pick(&mine).clone();
        let with =
            |change: &mut dyn FnMut(&mut Letter)| change(lock(ledger).0.get_mut(&subject).unwrap());
        match random.below(100) {
            0..65 => {
                let is_new = lock(ledger).0[&subject].is_new;
                let first = usize::from(is_new && self.who == Who::Other);
                let flag = *random.pick(&FLAGS[first..]);
                let mut wanted = true;
                with(&mut |letter| {
                    wanted = !letter.flags[flag].unwrap_or_default();
                    letter.flags.insert(flag, None);
                });
                let sign = if wanted { '+' } else { '-' };
                self.does(&format!("STORE {number} {sign}FLAGS ({flag})"))?;
                let known = self.is_believed.then_some(wanted);
                with(&mut |letter| {
                    letter.flags.insert(flag, known);
                });
            }
            65..77 => {
                with(&mut |letter| letter.fate = Fate::Doubtful);
                self.does(&format!("STORE {number} +FLAGS (\\Deleted)"))?;
                self.does("EXPUNGE")?;
                if self.is_believed {
                    with(&mut |letter| letter.fate = Fate::Gone);
                }
            }
            77..90 if self.who == Who::User => {
                with(&mut |letter| letter.doubtful_copy_count += 1);
                self.does(&format!("COPY {number} archive"))?;
                with(&mut |letter| {
                    letter.doubtful_copy_count -= 1;
                    letter.copy_count += 1;
                });
            }
            90..97 if self.who == Who::User && self.can_append => self.appends(ledger)?,
            _ => self.does("NOOP")?,
        }
        Some(())
    }

    /// Writes a letter of one's own.
    fn appends(&mut self, ledger: &Mutex<Ledger>) -> Option<()> {
        let message = lock(ledger).write(1).pop()?;
        let subject = format!("letter-{}", lock(ledger).0.len() - 1);
        let becomes = |fate| {
            let mut ledger = lock(ledger);
            let letter = ledger.0.get_mut(&subject).unwrap();
            (letter.owner, letter.fate) = (Who::User, fate);
        };
        becomes(Fate::Doubtful);
        let is_taken = self.client.appends("INBOX", &message).ok()?;
        is_taken.then(|| becomes(Fate::There))
    }

    fn acts_for_a_while(mut self, ledger: &Mutex<Ledger>, random: &mut Random) {
        for _ in 0..4 + random.below(6) {
            if self.acts(ledger, random).is_none() {
                lock(ledger).1.broken += 1;
                return;
            }
            lock(ledger).1.done += 1;
        }
        self.client.command("LOGOUT").ok();
    }
}

fn sessions(kind: Kind, protocol: &str, seed: u64) {
    let count = std::env::var("LOWTIDE_SESSIONS").map_or(SESSIONS, |count| count.parse().unwrap());
    let ledger = Mutex::new(Ledger::default());
    let first = lock(&ledger).write(40);
    let Some(rig) = Rig::build(kind, protocol, &first) else {
        return;
    };
    let line = rig.server.cut();
    let (address, keys) = endpoint();
    let account = with_protocol(&clear_account(line.address.port()), protocol);
    rig.lowtide.configure(Network::There, &keys, &account);
    rig.lowtide.sync(&[0]);
    for session in 0..count {
        let mut random = Random::new(seed * 1_000_000 + session);
        let there = |letter: &&Letter| letter.fate == Fate::There;
        let there = lock(&ledger).0.values().filter(there).count();
        let letters = lock(&ledger).write(40_usize.saturating_sub(there).max(random.below(3)));
        if !letters.is_empty() {
            rig.server.fill("INBOX", &letters);
        }
        let mut daemon = Daemon::start(&rig.lowtide, address);
        let cuts = random.below(4);
        for _ in 0..cuts {
            let way = *random.pick(&[Direction::ToServer, Direction::ToClient]);
            line.next_after(way, random.number() % 6_000);
        }
        if random.percent(25) {
            line.next_babbles_after(random.number() % 3_000);
        }
        std::thread::scope(|scope| {
            let mut other = Random::new(random.number());
            let (rig, ledger) = (&rig, &ledger);
            scope.spawn(move || {
                if let Some(seat) = Seat::take(Who::Other, rig.server.client()) {
                    seat.acts_for_a_while(ledger, &mut other);
                }
            });
            for _ in 0..2 {
                let asked = rig.lowtide.start(&["sync"]);
                if let Some(mut seat) = Seat::take(Who::User, daemon.client()) {
                    seat.can_append = protocol != "imap2";
                    seat.acts_for_a_while(ledger, &mut random);
                }
                let is_killed = random.percent(30);
                if is_killed {
                    daemon.started.process.0.kill().unwrap();
                    daemon.started.process.0.wait().unwrap();
                    lock(ledger).1.kills += 1;
                }
                // Without a daemon it does by itself what it was asked for.
                asked.wait();
                if is_killed {
                    daemon = Daemon::start(&rig.lowtide, address);
                }
            }
        });
        lock(&ledger).1.cuts += cuts - line.doomed_count();
        grows_calm(&rig, &line);
        daemon.started.process.terminate();
        let state = |mailbox| State::read(&mut rig.server.client(), mailbox);
        let (inbox, archive) = (state("INBOX"), state("archive"));
        lock(&ledger).agrees(&inbox, &archive);
        let mut client = rig.lowtide.offline_client();
        for (name, there) in [("INBOX", &inbox), ("archive", &archive)] {
            let here = State::read_as(&mut client, name, Dialect::Imap2);
            assert_same(("the server", there), ("the mirror", &here));
        }
        client.logout();
    }
    let tally = lock(&ledger).1;
    println!("{kind:?} {protocol}: {count} sessions, {tally:?}");
}

/// The line holds, the other one carries out what was begun, and lowtide comes to an end with everything.
fn grows_calm(rig: &Rig, line: &Cut) {
    line.spare();
    let mut ended = None;
    for _ in 0..12 {
        let mut other = rig.server.client();
        // A plain file lets only the last one in who asks.
        for command in ["SELECT INBOX", "EXPUNGE", "LOGOUT"] {
            other.command(command).ok();
        }
        // The other one's EXPUNGE comes to nothing where the mailbox can only be read, and then ours waits.
        let sync = rig.lowtide.sync(&[0, 3, 69]);
        let is_through = sync.code == Some(0) && rig.lowtide.journal().is_empty();
        ended = Some(sync);
        if is_through {
            return;
        }
    }
    panic!(
        "it does not come to an end: {ended:#?}\n{:#?}",
        rig.lowtide.journal()
    );
}

fn lock(ledger: &Mutex<Ledger>) -> MutexGuard<'_, Ledger> {
    ledger.lock().unwrap()
}

const FLAGS: [&str; 3] = ["\\Seen", "\\Flagged", "\\Answered"];
/// So that a run of all checks is soon over; a longer one was made of two hundred each.
const SESSIONS: u64 = 6;
