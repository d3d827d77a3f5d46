//! The server's end of a connection: IMAP2 as it was written, IMAP4rev1, and both as some wrote them.

mod doubt;
mod line;

use std::cell::RefCell;
use std::fmt::Write as _;
use std::rc::Rc;

use lowtide::protocol::types::FlagSet;

use crate::manners::Manners;
use crate::model::{DELETED, Look, Message, Model, NAMES, Place, SEEN, Serial, Who};
use crate::random::Random;
use crate::wire::{NONSENSE, date, flag, instant, names, numbers};

/// One connection.
pub(crate) struct Server {
    pub(crate) model: Rc<RefCell<Model>>,
    manners: Manners,
    chance: Random,
    selected: Option<Place>,
    is_read_only: bool,
    /// The messages by number, as far as the client was told.
    view: Vec<(Serial, FlagSet)>,
    /// The same when the command came.
    told_before: Vec<(Serial, FlagSet)>,
    /// Whether numbers moved since the command came.
    has_moved: bool,
    /// What stood marked for removal when we last looked, if nothing was sent since.
    searched: Option<Vec<Serial>>,
    /// Messages with changes that are not kept yet, for a server that forgets.
    unkept: Vec<(Place, Serial)>,
    told: Vec<u8>,
    /// Messages that were copied, and not looked at since: a mark on one may be the copy's.
    copied: Vec<Serial>,
    /// The message that an APPEND brings.
    literal: Vec<u8>,
}

impl Server {
    pub(crate) fn new(model: Rc<RefCell<Model>>, manners: Manners, chance: Random) -> Self {
        Self {
            model,
            manners,
            chance,
            selected: None,
            is_read_only: false,
            view: Vec::new(),
            told_before: Vec::new(),
            has_moved: false,
            searched: None,
            unkept: Vec::new(),
            told: Vec::new(),
            literal: Vec::new(),
            copied: Vec::new(),
        }
    }

    /// What was stored is written down, as far as the mailbox is still ours to write.
    fn keep(&mut self) {
        if self.manners.keeps_nothing {
            return;
        }
        if self.is_read_only {
            self.leave();
        }
        let mut model = self.model.borrow_mut();
        for (place, serial) in self.unkept.drain(..) {
            model.keep(place, serial);
        }
    }

    /// The connection is over, and nobody left the mailbox.
    fn leave(&mut self) {
        let mut model = self.model.borrow_mut();
        for (place, serial) in self.unkept.drain(..) {
            model.forget(place, serial);
        }
    }

    fn say(&mut self, text: &str) {
        self.told.extend(text.as_bytes());
        self.told.extend(b"\r\n");
    }

    fn answer(&mut self, command: &str) -> String {
        let words: Vec<&str> = command.split(' ').collect();
        self.told_before.clone_from(&self.view);
        self.has_moved = false;
        self.model.borrow_mut().is_being_read = command.ends_with(" RFC822");
        self.stir();
        if self.manners.frail && words[0] == "STORE" {
            self.wear(words[1]);
        }
        if self.manners.babbles && self.chance.percent(3) {
            let line = *self.chance.pick(&NONSENSE);
            self.say(line);
        }
        let is_open = self.selected.is_some() && words[0] != "SELECT";
        if self.manners.loses_locks && is_open && self.chance.percent(2) {
            self.is_read_only = true;
            if !self.manners.hides_lost_locks {
                self.say("* OK [READ-ONLY] the lock is lost");
            }
        }
        let changes = matches!(words[0], "STORE" | "COPY" | "APPEND" | "EXPUNGE" | "CHECK");
        if self.manners.refuses && changes && self.chance.percent(5) {
            return "NO not now".to_owned();
        }
        if self.manners.denies && changes && words[0] != "CHECK" {
            return "NO never".to_owned();
        }
        if self.manners.shrinks && is_open && self.chance.percent(1) && !self.view.is_empty() {
            self.say(&format!("* {} EXISTS", self.view.len() - 1));
        }
        let may_move =
            self.manners.eager || !matches!(words[0], "FETCH" | "STORE" | "SEARCH" | "COPY");
        // A copy of the wrong message is beyond repair, and no server is known that takes numbers so late there.
        if may_move && words[0] != "COPY" {
            self.tell_news();
        }
        if words[0] != "EXPUNGE" {
            self.searched = None;
        }
        let unheard = self.unheard();
        let verdict = self.obey(&words, command);
        let left = self.shown();
        if may_move {
            self.stir();
            self.tell_news();
        }
        // Until the next look nobody can say who changed these flags.
        if words[0] == "STORE" && self.has_moved {
            self.contest(flags_in(command), &unheard, &left);
        } else if words[0] == "FETCH" {
            self.model.borrow_mut().contested = FlagSet::EMPTY;
        }
        verdict.map_or_else(str::to_owned, |()| "OK done".to_owned())
    }

    /// Carries out a command.
    fn obey(&mut self, words: &[&str], command: &str) -> Result<(), &'static str> {
        match words {
            ["LOGIN", ..] | ["NOOP"] => Ok(()),
            ["CHECK" | "LOGOUT"] => {
                self.keep();
                let shows_read = |serial: &Serial, _: &mut (Place, Look)| {
                    let shown = self.view.iter().find(|(known, _)| known == serial);
                    shown.is_none_or(|(_, flags)| flags.contains(SEEN))
                };
                if !self.is_read_only {
                    self.model.borrow_mut().read.retain(shows_read);
                }
                Ok(())
            }
            ["CAPABILITY"] if self.manners.is_modern => {
                let by_uid = self.manners.expunges_by_uid.then_some(" UIDPLUS");
                let counts = self.manners.counts.then_some(" CONDSTORE");
                let extras: String = by_uid.into_iter().chain(counts).collect();
                self.say(&format!("* CAPABILITY IMAP4rev1{extras}"));
                Ok(())
            }
            ["LIST", ..] => {
                NAMES
                    .iter()
                    .for_each(|name| self.say(&format!("* LIST () NIL {name}")));
                Ok(())
            }
            ["FIND", ..] => {
                NAMES
                    .iter()
                    .for_each(|name| self.say(&format!("* MAILBOX {name}")));
                Ok(())
            }
            ["SELECT", name, ..] => self.select(name),
            ["APPEND", to, ..] if self.manners.is_modern => self.append(to, command),
            _ if self.selected.is_none() => Err("BAD nothing is selected"),
            ["FETCH", set, ..] => self.fetch(set, command),
            ["STORE", set, mode, ..] => self.store(set, mode, command),
            ["SEARCH", key] => self.search(key),
            ["COPY", set, to] => self.copy(set, to),
            ["EXPUNGE"] | ["UID", "EXPUNGE", _] if self.is_read_only => {
                Err("NO it can only be read")
            }
            ["UID", "EXPUNGE", set] => {
                let place = self.selected.unwrap();
                let uids = numbers(set, usize::MAX);
                let named = |message: &Message| uids.contains(&(message.uid as usize));
                self.model.borrow_mut().expunge(Who::Us, place, named);
                self.tell_news();
                Ok(())
            }
            ["EXPUNGE"] => self.expunge(),
            _ => Err("BAD what is that?"),
        }
    }

    fn expunge(&mut self) -> Result<(), &'static str> {
        let place = self.selected.unwrap();
        let mut model = self.model.borrow_mut();
        let searched = self.searched.take();
        model.expunge(Who::Us, place, |message| {
            let was_seen = |seen: &Vec<Serial>| seen.contains(&message.serial);
            searched.as_ref().is_none_or(was_seen) || !message.theirs.contains(DELETED)
        });
        // Others marked these since we looked; nobody can see that coming.
        model.expunge(Who::Others, place, |_| true);
        drop(model);
        self.tell_news();
        Ok(())
    }

    /// Perhaps somebody else acts now.
    fn stir(&mut self) {
        if self.chance.percent(self.manners.others) {
            self.model.borrow_mut().others_act(&mut self.chance);
        }
    }

    /// Perhaps a message before those that are spoken of goes now.
    fn wear(&mut self, set: &str) {
        let first = numbers(set, self.view.len()).first().copied();
        let before = first.and_then(|first| first.checked_sub(1)).unwrap_or(0);
        if before == 0 || !self.chance.percent(50) {
            return;
        }
        let (serial, _) = self.view[self.chance.below(before)];
        let place = self.selected.unwrap();
        let mut model = self.model.borrow_mut();
        if let Some(message) = model.find(place, serial).cloned() {
            model.others_remove(place, &message);
        }
    }

    /// Tells what changed in the selected mailbox: removals, then new flags, then arrivals.
    fn tell_news(&mut self) {
        let Some(place) = self.selected else { return };
        let model = self.model.clone();
        let model = model.borrow();
        let mailbox = &model.mailboxes[place];
        let mut number = 0;
        while number < self.view.len() {
            let (serial, shown) = self.view[number];
            match mailbox.iter().find(|message| message.serial == serial) {
                None if serial == GHOST => number += 1,
                None => {
                    self.view.remove(number);
                    self.has_moved = true;
                    self.say(&format!("* {} EXPUNGE", number + 1));
                }
                Some(message) => {
                    number += 1;
                    if message.flags != shown && self.chance.percent(50) {
                        self.view[number - 1].1 = message.flags;
                        let line = format!("* {number} FETCH (FLAGS ({}))", names(message.flags));
                        self.say(&line);
                    }
                }
            }
        }
        let is_known = |message: &&Message| {
            self.view
                .iter()
                .any(|(serial, _)| *serial == message.serial)
        };
        let news = mailbox.iter().skip_while(is_known);
        let news: Vec<_> = news
            .map(|message| (message.serial, message.flags))
            .collect();
        if !news.is_empty() {
            self.view.extend(news);
            self.say(&format!("* {} EXISTS", self.view.len()));
        }
    }

    fn select(&mut self, name: &str) -> Result<(), &'static str> {
        self.keep();
        self.leave();
        self.selected = NAMES.iter().position(|known| *known == name);
        let place = self.selected.ok_or("NO there is no such mailbox")?;
        self.is_read_only = self.manners.is_library && place + 1 == NAMES.len();
        self.model.borrow_mut().open(place);
        self.view = self.model.borrow().mailboxes[place]
            .iter()
            .map(|message| (message.serial, message.flags))
            .collect();
        if self.manners.has_ghosts && self.chance.percent(10) {
            self.view.push((GHOST, FlagSet::EMPTY));
        }
        self.say("* FLAGS (\\Answered \\Flagged \\Deleted \\Seen)");
        self.say(&format!("* {} EXISTS", self.view.len()));
        self.say("* 0 RECENT");
        if self.manners.is_modern {
            let (validity, next, count) = {
                let model = self.model.borrow();
                (
                    model.uid_validity[place],
                    model.uid_next[place],
                    model.mod_seq[place],
                )
            };
            self.say(&format!(
                "* OK [UIDVALIDITY {validity}] of this incarnation"
            ));
            self.say(&format!("* OK [UIDNEXT {next}] comes next"));
            if self.manners.counts {
                self.say(&format!("* OK [HIGHESTMODSEQ {count}] changes"));
            }
        }
        if self.is_read_only {
            self.say("* OK [READ-ONLY] for reading");
        }
        Ok(())
    }

    fn fetch(&mut self, set: &str, command: &str) -> Result<(), &'static str> {
        let place = self.selected.unwrap();
        let items = match command.splitn(3, ' ').nth(2).unwrap() {
            "FAST" => "FLAGS INTERNALDATE RFC822.SIZE",
            "ALL" => "FLAGS INTERNALDATE RFC822.SIZE ENVELOPE",
            others => others,
        };
        let reads = items == "RFC822";
        let peeks = items == "BODY.PEEK[]";
        let items = if peeks { "BODY[]" } else { items };
        for number in numbers(set, self.view.len()) {
            if self.manners.eager && self.chance.percent(5) {
                self.stir();
                self.tell_news();
            }
            let Some((serial, _)) = self.view.get(number - 1).copied() else {
                continue;
            };
            let leaves_out = self.manners.gaps && !reads && !peeks && self.chance.percent(10);
            let Some(message) = self.model.borrow().find(place, serial).cloned() else {
                continue;
            };
            if leaves_out {
                continue;
            }
            if reads {
                self.mark_read(place, serial);
            } else if items == "FLAGS" && self.copied.contains(&serial) {
                self.could_mark(place, serial);
                self.copied.retain(|copied| *copied != serial);
            }
            let flags = self.model.borrow().find(place, serial).unwrap().flags;
            if items.contains("FLAGS") || reads {
                self.view[number - 1].1 = flags;
            }
            let parts = self.data(&message, flags, items, reads);
            self.told.extend(format!("* {number} FETCH (").into_bytes());
            self.told.extend(&parts[1..]);
            self.say(")");
        }
        Ok(())
    }

    /// What FETCH shows of a message, each item behind a space.
    fn data(&self, message: &Message, flags: FlagSet, items: &str, reads: bool) -> Vec<u8> {
        let is_whole = reads || items == "BODY[]";
        let mut parts: Vec<u8> = Vec::new();
        let wants = |item: &str| items.contains(item);
        if wants("FLAGS") || reads {
            parts.extend(format!(" FLAGS ({})", names(flags)).into_bytes());
        }
        if wants("UID") {
            parts.extend(format!(" UID {}", message.uid).into_bytes());
        }
        if wants("INTERNALDATE") {
            parts.extend(
                format!(
                    " INTERNALDATE \"{}\"",
                    date(message.letter.1, self.manners.is_modern)
                )
                .into_bytes(),
            );
        }
        if wants("RFC822.SIZE") {
            parts.extend(format!(" RFC822.SIZE {}", message.bytes.len()).into_bytes());
        }
        if wants("ENVELOPE") {
            let text = String::from_utf8_lossy(&message.bytes).into_owned();
            let field = |name: &str| {
                let value = text.lines().find_map(|line| line.strip_prefix(name));
                value.map_or("NIL".to_owned(), |value| format!("\"{value}\""))
            };
            let (subject, id) = (field("Subject: "), field("Message-ID: "));
            parts.extend(
                format!(" ENVELOPE (NIL {subject} NIL NIL NIL NIL NIL NIL NIL {id})").into_bytes(),
            );
        }
        if items == "RFC822.HEADER" || is_whole {
            let end = message
                .bytes
                .windows(4)
                .position(|four| four == b"\r\n\r\n")
                .unwrap()
                + 4;
            let text = if is_whole {
                &message.bytes[..]
            } else {
                &message.bytes[..end]
            };
            parts.extend(format!(" {items} {{{}}}\r\n", text.len()).into_bytes());
            parts.extend(text);
        }
        parts
    }

    /// The client has to reckon with this mark: if others set or took it just now, nobody can say whose it is.
    fn could_mark(&mut self, place: Place, serial: Serial) {
        let told = self.told_before.iter().find(|(known, _)| *known == serial);
        let is_told = told.is_some_and(|(_, flags)| flags.contains(SEEN));
        let is_read = self
            .model
            .borrow()
            .find(place, serial)
            .unwrap()
            .flags
            .contains(SEEN);
        if is_told != is_read {
            self.model.borrow_mut().nobody_knows(place, serial);
        }
    }

    fn mark_read(&mut self, place: Place, serial: Serial) {
        self.could_mark(place, serial);
        let (before, look) = {
            let model = self.model.borrow();
            let message = model.find(place, serial).unwrap();
            (message.flags, message.look())
        };
        self.model.borrow_mut().read.insert(serial, (place, look));
        self.change(place, serial, before, before.union(SEEN));
    }

    fn change(&mut self, place: Place, serial: Serial, before: FlagSet, after: FlagSet) {
        let is_for_now = self.manners.forgetful || self.manners.keeps_nothing || self.is_read_only;
        if is_for_now && before != after {
            self.unkept.push((place, serial));
            self.model.borrow_mut().set_for_now(place, serial, after);
        } else {
            self.model.borrow_mut().set(Who::Us, place, serial, after);
        }
    }

    fn store(&mut self, set: &str, mode: &str, command: &str) -> Result<(), &'static str> {
        let place = self.selected.unwrap();
        if self.is_read_only && !self.manners.loses_locks {
            return Err("NO it can only be read");
        }
        let flags = flags_in(command);
        if self.manners.ignores && self.chance.percent(20) {
            return Ok(());
        }
        for number in numbers(set, self.view.len()) {
            let Some((serial, _)) = self.view.get(number - 1).copied() else {
                continue;
            };
            let Some(before) = self
                .model
                .borrow()
                .find(place, serial)
                .map(|message| message.flags)
            else {
                continue;
            };
            let after = match mode {
                "+FLAGS" => before.union(flags),
                "-FLAGS" => before.minus(flags),
                _ => return Err("BAD flags are not to be replaced"),
            };
            self.change(place, serial, before, after);
            if self.has_moved {
                self.model.borrow_mut().mistake(place, serial);
            }
            if !self.manners.mute_store {
                self.view[number - 1].1 = after;
                self.say(&format!("* {number} FETCH (FLAGS ({}))", names(after)));
            }
        }
        Ok(())
    }

    fn search(&mut self, key: &str) -> Result<(), &'static str> {
        if self.manners.no_search && key != "DELETED" {
            return Err("BAD that is not searched for");
        }
        let place = self.selected.unwrap();
        let (flag, wanted) = match key.strip_prefix("UN") {
            Some(name) => (flag(&format!("\\{name}")), false),
            None => (flag(&format!("\\{key}")), true),
        };
        let model = self.model.clone();
        let model = model.borrow();
        let mut line = "* SEARCH".to_owned();
        let mut found = Vec::new();
        for (index, (serial, _)) in self.view.iter().enumerate() {
            if model
                .find(place, *serial)
                .is_some_and(|message| message.flags.contains(flag) == wanted)
            {
                write!(line, " {}", index + 1).unwrap();
                found.push(*serial);
            }
        }
        if !found.is_empty() || !self.manners.silent {
            self.say(&line);
        }
        self.searched = (key == "DELETED").then_some(found);
        Ok(())
    }

    fn append(&mut self, to: &str, command: &str) -> Result<(), &'static str> {
        let to = NAMES.iter().position(|name| *name == to);
        let to = to.ok_or("NO there is no such mailbox")?;
        if self.manners.is_library && to + 1 == NAMES.len() {
            return Err("NO it can only be read");
        }
        let flags = command
            .split_once('(')
            .and_then(|(_, rest)| rest.split_once(')'));
        let flags = flags.map_or("", |(flags, _)| flags).split_whitespace();
        let flags: FlagSet = flags.map(flag).collect();
        let date = instant(command.split('"').nth(1).unwrap());
        let mut bytes = std::mem::take(&mut self.literal);
        if self.manners.adds_lines {
            bytes.extend(b"\r\n");
        }
        self.model.borrow_mut().append_ours(to, date, bytes, flags);
        if self.selected == Some(to) {
            self.tell_news();
        }
        Ok(())
    }

    fn copy(&mut self, set: &str, to: &str) -> Result<(), &'static str> {
        let place = self.selected.unwrap();
        let to = NAMES
            .iter()
            .position(|name| *name == to)
            .ok_or("NO there is no such mailbox")?;
        for number in numbers(set, self.view.len()) {
            let Some((serial, _)) = self.view.get(number - 1).copied() else {
                continue;
            };
            self.model.borrow_mut().copy(Who::Us, place, serial, to);
            let is_there = self.model.borrow().find(place, serial).is_some();
            match (is_there, self.manners.copy_reads) {
                (true, true) => self.mark_read(place, serial),
                (true, false) if !self.manners.is_modern => {
                    self.could_mark(place, serial);
                    self.copied.push(serial);
                }
                _ => {}
            }
        }
        Ok(())
    }
}

/// A message that is counted, and is not there.
const GHOST: Serial = 0;

/// The flags that a STORE names.
fn flags_in(command: &str) -> FlagSet {
    let list = command
        .split_once('(')
        .and_then(|(_, rest)| rest.strip_suffix(')'));
    list.unwrap().split(' ').map(flag).collect()
}
