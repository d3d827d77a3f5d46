//! What is on the server, as simple as it can be: lists of messages with flags, and a record of who did what.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use lowtide::id::MessageId;
use lowtide::protocol::types::FlagSet;
use lowtide::store::ConflictRow;

use crate::life::trace;
use crate::oracle::is_mistake;
use crate::random::Random;
use crate::user::undoing;
use crate::wish::{What, Wish};

pub(crate) const SEEN: FlagSet = FlagSet::SEEN;
pub(crate) const ANSWERED: FlagSet = FlagSet::ANSWERED;
pub(crate) const FLAGGED: FlagSet = FlagSet::FLAGGED;
pub(crate) const DELETED: FlagSet = FlagSet::DELETED;
/// Flags that everybody uses.
pub(crate) const ALPHABET: [FlagSet; 4] = [SEEN, ANSWERED, FLAGGED, DELETED];

/// What a message says, and when it came. Two messages of one letter cannot be told apart by anybody.
pub(crate) type Letter = (u32, i64);
/// Its date and size.
pub(crate) type Look = (i64, u32);
/// Which message it is: never given twice, and seen by nobody but the test.
pub(crate) type Serial = u32;

/// One message on the server.
#[derive(Clone)]
pub(crate) struct Message {
    pub(crate) serial: Serial,
    /// Its name there, until the mailbox gets another UIDVALIDITY.
    pub(crate) uid: u32,
    pub(crate) letter: Letter,
    pub(crate) bytes: Rc<[u8]>,
    pub(crate) flags: FlagSet,
    /// Those that the server has written down; it forgets the others with the session.
    pub(crate) kept: FlagSet,
    /// What its flags would be if nothing but users had ever acted on it: our user's wishes are not in it.
    pub(crate) theirs: FlagSet,
    /// Whether others marked or unmarked it as read without our being told before we read it: then nobody can say whose mark
    /// it is.
    pub(crate) is_anyones: bool,
    /// Flags that others changed while a change of ours may have gone astray: it is taken back, and nobody can say whose it is.
    pub(crate) contested: FlagSet,
    /// Whether a change of ours may have fallen on it while numbers moved. It is taken back on the same line, unless that
    /// is cut.
    pub(crate) is_mistaken: Option<usize>,
    /// Whether somebody copied it from elsewhere.
    pub(crate) is_copy: bool,
}

impl Message {
    /// What a listing shows of it.
    pub(crate) fn look(&self) -> Look {
        (self.letter.1, u32::try_from(self.bytes.len()).unwrap())
    }
}

/// Who did something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Who {
    /// lowtide.
    Us,
    /// Another client, or the post.
    Others,
}

/// Something that happened.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Event {
    /// A message was removed.
    Removed {
        who: Who,
        mailbox: Place,
        letter: Letter,
    },
    /// A message was appended by COPY.
    Copied { who: Who, to: Place, letter: Letter },
    /// A message was appended by us.
    Appended { to: Place, letter: Letter },
    /// A message came, however it did.
    Arrived { mailbox: Place, letter: Letter },
}

/// A mailbox, by its position in [`NAMES`].
pub(crate) type Place = usize;
/// Every mailbox there is.
pub(crate) const NAMES: [&str; 2] = ["INBOX", "archive"];

/// The server's memory.
#[derive(Clone, Debug, Default)]
pub(crate) struct Model {
    pub(crate) mailboxes: [Vec<Message>; 2],
    pub(crate) uid_validity: [u32; 2],
    pub(crate) uid_next: [u32; 2],
    /// Counts flags that changed and messages that came. Not every server counts those that went.
    pub(crate) mod_seq: [u64; 2],
    pub(crate) events: Vec<Event>,
    /// What our user asked for.
    pub(crate) wishes: Vec<Wish>,
    /// Messages of which a connection that broke left a note that we may have marked them as read.
    pub(crate) noted: BTreeSet<(Place, Look)>,
    /// Messages of which such a note says that other flags of theirs are to be put right, whoever changed them.
    pub(crate) astray: BTreeMap<(Place, Look), FlagSet>,
    /// Messages that we have read on this connection: until they are shown unread, and that is written down, they are to be
    /// unmarked, whoever marked them.
    pub(crate) read: BTreeMap<Serial, (Place, Look)>,
    /// Flags that we changed by numbers that moved, until we have looked what became of it.
    pub(crate) contested: FlagSet,
    /// Whether we read texts or change flags by number just now: what is put here meanwhile may be hit by that, and nobody
    /// knows how it was before.
    pub(crate) is_being_read: bool,
    /// Whether the line broke before anybody had heard what a change fell on.
    pub(crate) is_torn: bool,
    /// Which of our connections it is.
    pub(crate) connection: usize,
    last_serial: Serial,
    last_text: u32,
    now: i64,
    /// How many of a hundred new messages are twins of another.
    pub(crate) twins: usize,
    /// How many seconds may lie between two messages.
    pub(crate) pace: i64,
}

impl Model {
    pub(crate) fn new(chance: &mut Random) -> Self {
        let mut model = Self {
            twins: *chance.pick(&[0, 5, 5, 30]),
            pace: *chance.pick(&[0, 1, 60, 100_000]),
            now: 700_000_000,
            uid_validity: [7, 8],
            uid_next: [1, 1],
            mod_seq: [1, 1],
            ..Self::default()
        };
        for place in 0..NAMES.len() {
            for _ in 0..chance.below([25, 6][place]) {
                model.deliver(place, chance);
                let message = model.mailboxes[place].last_mut().unwrap();
                message.flags = flags(chance, 25);
                message.kept = message.flags;
                message.theirs = message.flags;
            }
        }
        model.events.clear();
        model
    }

    /// The post brings a message.
    pub(crate) fn deliver(&mut self, place: Place, chance: &mut Random) {
        self.now += i64::try_from(chance.below(usize::try_from(self.pace).unwrap() + 1)).unwrap();
        let twin = self.mailboxes[place]
            .last()
            .filter(|_| chance.percent(self.twins))
            .cloned();
        let (letter, bytes) = match twin {
            Some(twin) if chance.percent(70) => (twin.letter, twin.bytes),
            // The same letter at another time: as alike as a copy that took its time.
            Some(twin) => ((twin.letter.0, self.now), twin.bytes),
            None => {
                self.last_text += 1;
                let bytes = write(self.last_text, chance);
                ((self.last_text, self.now), bytes)
            }
        };
        self.append(place, letter, bytes, FlagSet::EMPTY);
    }

    pub(crate) fn append(&mut self, place: Place, letter: Letter, bytes: Rc<[u8]>, flags: FlagSet) {
        self.last_serial += 1;
        let uid = self.uid_next[place];
        self.uid_next[place] += 1;
        self.mod_seq[place] += 1;
        self.mailboxes[place].push(Message {
            serial: self.last_serial,
            uid,
            letter,
            bytes,
            flags,
            kept: flags,
            theirs: flags,
            is_anyones: false,
            contested: FlagSet::EMPTY,
            is_mistaken: None,
            is_copy: false,
        });
        self.events.push(Event::Arrived {
            mailbox: place,
            letter,
        });
        self.note();
    }

    /// We append a message.
    pub(crate) fn append_ours(&mut self, to: Place, date: i64, bytes: Vec<u8>, flags: FlagSet) {
        let letter = (text_of(&bytes), date);
        self.append(to, letter, bytes.into(), flags);
        self.events.push(Event::Appended { to, letter });
    }

    /// Something that our user may append: new, or once more what is there.
    pub(crate) fn compose(&mut self, place: Place, chance: &mut Random) -> (Letter, Rc<[u8]>) {
        if let Some(last) = self.mailboxes[place].last().filter(|_| chance.percent(30)) {
            return (last.letter, last.bytes.clone());
        }
        self.last_text += 1;
        ((self.last_text, self.now), write(self.last_text, chance))
    }

    pub(crate) fn find(&self, place: Place, serial: Serial) -> Option<&Message> {
        self.mailboxes[place]
            .iter()
            .find(|message| message.serial == serial)
    }

    /// What only holds as long as a connection.
    pub(crate) fn forget_connection(&mut self) {
        self.noted.clear();
        self.astray.clear();
        self.read.clear();
        self.contested = FlagSet::EMPTY;
    }

    /// We may have marked a message of this date and size as read, and say so in a note. Of several nobody can say which.
    pub(crate) fn note_reading(&mut self, place: Place, look: Look) {
        self.noted.insert((place, look));
        let alike = self.mailboxes[place].iter_mut();
        let mut alike: Vec<&mut Message> = alike.filter(|message| message.look() == look).collect();
        let is_one_of_many = alike.len() > 1;
        for message in &mut alike {
            // Whether others read it before or after the note was made, nobody can say either.
            message.is_anyones |= is_one_of_many || message.theirs.contains(SEEN);
        }
    }

    /// A mailbox is opened anew. What our reading has left marked there is noted, and taken off first thing.
    pub(crate) fn open(&mut self, place: Place) {
        let left = self.read.values().filter(|(there, _)| *there == place);
        let looks: Vec<Look> = left.map(|(_, look)| *look).collect();
        for look in looks {
            self.note_reading(place, look);
        }
    }

    /// We are about to read a message that others marked or unmarked as read, of which we have not heard.
    pub(crate) fn nobody_knows(&mut self, place: Place, serial: Serial) {
        for message in &mut self.mailboxes[place] {
            message.is_anyones |= message.serial == serial;
        }
    }

    /// What may have fallen on a message is taken off, whoever put it there.
    pub(crate) fn contest(&mut self, place: Place, serial: Serial, flags: FlagSet) {
        for message in &mut self.mailboxes[place] {
            if message.serial == serial {
                message.contested = message.contested.union(flags);
            }
        }
    }

    /// Others change flags that they see: whatever they take back had come true before.
    fn was_seen(&mut self, place: Place, serial: Serial, flags: FlagSet) {
        for message in &mut self.mailboxes[place] {
            if message.serial == serial {
                let touched = flags.minus(message.flags).union(message.flags.minus(flags));
                let shown = message.flags.intersection(touched);
                message.kept = message.kept.minus(touched).union(shown);
            }
        }
        self.note();
    }

    /// What was only shown is written down.
    pub(crate) fn keep(&mut self, place: Place, serial: Serial) {
        for message in &mut self.mailboxes[place] {
            if message.serial == serial {
                message.kept = message.flags;
            }
        }
        self.note();
    }

    /// What was only shown is forgotten.
    pub(crate) fn forget(&mut self, place: Place, serial: Serial) {
        for message in &mut self.mailboxes[place] {
            if message.serial == serial {
                message.flags = message.kept;
            }
        }
        self.mod_seq[place] += 1;
    }

    /// This connection was not cut: whatever went astray on it was taken back.
    pub(crate) fn nothing_is_mistaken(&mut self) {
        for message in self.mailboxes.iter_mut().flatten() {
            if message.is_mistaken == Some(self.connection) {
                message.is_mistaken = None;
            }
        }
    }

    /// Whether there may be something that our user is told of as a mistake.
    pub(crate) fn may_be_told(&self) -> bool {
        let mut messages = self.mailboxes.iter().flatten();
        messages.any(|message| message.is_mistaken.is_some())
    }

    /// What was known of how messages were is lost: whatever fell on them cannot be told any more.
    pub(crate) fn nobody_knows_how_it_was(&mut self) {
        for message in self.mailboxes.iter_mut().flatten() {
            if message.is_mistaken.is_some() {
                message.theirs = message.flags;
            }
        }
    }

    /// What our user removes is not marked for it only by a mistake that is told and not answered.
    pub(crate) fn was_meant(message: MessageId, letter: Letter, conflicts: &[ConflictRow]) {
        let accuses = |told: &ConflictRow| {
            told.message == message
                && told.undone_at.or(told.agreed_at).is_none()
                && is_mistake(told.kind)
                && undoing(told).remove.contains(DELETED)
        };
        assert!(
            !conflicts.iter().any(accuses),
            "{letter:?} is removed, since a mistake has marked it: {conflicts:?}"
        );
    }

    /// A change of ours may have fallen on the wrong message.
    pub(crate) fn mistake(&mut self, place: Place, serial: Serial) {
        for message in &mut self.mailboxes[place] {
            if message.serial == serial {
                message.is_mistaken.get_or_insert(self.connection);
            }
        }
    }

    /// Changes the flags of a message.
    pub(crate) fn set(&mut self, who: Who, place: Place, serial: Serial, flags: FlagSet) {
        self.change((who, true), place, serial, flags);
    }

    /// The same, where it is only kept if the session comes to a good end.
    pub(crate) fn set_for_now(&mut self, place: Place, serial: Serial, flags: FlagSet) {
        self.change((Who::Us, false), place, serial, flags);
    }

    fn change(
        &mut self,
        (who, is_kept): (Who, bool),
        place: Place,
        serial: Serial,
        flags: FlagSet,
    ) {
        if who == Who::Others {
            self.was_seen(place, serial, flags);
        }
        if let Some(message) = self.mailboxes[place]
            .iter_mut()
            .find(|message| message.serial == serial)
        {
            if who == Who::Others {
                let (on, off) = (flags.minus(message.flags), message.flags.minus(flags));
                message.theirs = message.theirs.union(on).minus(off);
                let key = (place, message.look());
                let astray = self.astray.get(&key).copied().unwrap_or_default();
                let contested = on.union(off).intersection(self.contested.union(astray));
                message.contested = message.contested.union(contested);
                let is_noted = self.noted.contains(&key);
                message.is_anyones |=
                    on.contains(SEEN) && (is_noted || self.read.contains_key(&serial));
            }
            let (on, off) = (flags.minus(message.flags), message.flags.minus(flags));
            let key = (place, message.letter);
            if is_kept {
                message.kept = message.kept.union(on).minus(off);
            }
            self.mod_seq[place] += 1;
            message.flags = flags;
            let mut sent = on.union(off);
            if self.read.contains_key(&serial) {
                // What our reading marked is taken off; that carries out no wish.
                sent = sent.minus(SEEN);
            }
            for wish in &mut self.wishes {
                if let What::Flags { unsent, .. } = &mut wish.what
                    && who == Who::Us
                    && (wish.place, wish.letter) == key
                {
                    *unsent = unsent.minus(unsent.within(sent));
                }
            }
        }
        self.note();
    }

    /// Removes messages that are marked.
    pub(crate) fn expunge(&mut self, who: Who, place: Place, only: impl Fn(&Message) -> bool) {
        let gone = self.mailboxes[place].extract_if(.., |message| {
            message.flags.contains(DELETED) && only(message)
        });
        for message in gone {
            let letter = message.letter;
            self.events.push(Event::Removed {
                who,
                mailbox: place,
                letter,
            });
            let meant = |wish: &&mut Wish| (wish.place, wish.letter) == (place, letter);
            for wish in self.wishes.iter_mut().filter(meant) {
                wish.may_be_gone = true;
            }
        }
        self.note();
    }

    pub(crate) fn copy(&mut self, who: Who, place: Place, serial: Serial, to: Place) {
        let Some(message) = self.find(place, serial).cloned() else {
            return;
        };
        let letter = message.letter;
        self.put(who, to, message);
        self.events.push(Event::Copied { who, to, letter });
    }

    /// Appends a message that came from elsewhere, as it is: a mark of ours goes along.
    fn put(&mut self, who: Who, place: Place, message: Message) {
        self.append(place, message.letter, message.bytes.clone(), message.flags);
        if let Some(last) = self.mailboxes[place].last_mut() {
            last.theirs = message.theirs;
            last.is_copy = true;
            last.is_mistaken = message.is_mistaken.map(|_| usize::MAX);
            if who == Who::Others {
                // Whoever copies a message with a mistake of ours sees what they copy.
                if message.is_mistaken.is_some() {
                    last.theirs = message.flags;
                }
                // Whoever puts a message there that is marked for removal, leaves it to the next EXPUNGE.
                last.theirs = last.theirs.union(message.flags.intersection(DELETED));
            }
            last.is_anyones = message.is_anyones
                || message.flags.contains(SEEN) != message.theirs.contains(SEEN)
                || self.noted.contains(&(place, message.look()))
                || self.read.contains_key(&message.serial)
                || self.is_being_read;
        }
    }

    /// Somebody has a mailbox indexed anew: other names, for the same messages.
    pub(crate) fn renumber(&mut self, place: Place) {
        self.uid_validity[place] += 1;
        self.mod_seq[place] = 1;
        self.uid_next[place] = 1;
        for message in &mut self.mailboxes[place] {
            message.uid = self.uid_next[place];
            self.uid_next[place] += 1;
        }
    }

    /// Something that another client does.
    pub(crate) fn others_act(&mut self, chance: &mut Random) {
        let place = *chance.pick(&[0, 0, 0, 1]);
        if chance.percent(30) || self.mailboxes[place].is_empty() {
            return self.deliver(place, chance);
        }
        let index = chance.below(self.mailboxes[place].len());
        let message = self.mailboxes[place][index].clone();
        trace(|| format!("others act on {message:?} in {}", NAMES[place]));
        match chance.below(12) {
            0 => self.expunge(Who::Others, place, |_| true),
            1 | 2 => {
                self.others_remove(place, &message);
            }
            3 => self.copy(Who::Others, place, message.serial, 1 - place),
            4 => {
                // Taken out and put back.
                self.others_remove(place, &message);
                self.put(Who::Others, place, message);
            }
            _ => {
                let flag = *chance.pick(&ALPHABET);
                let flags = if message.flags.contains(flag) {
                    message.flags.minus(flag)
                } else {
                    message.flags.union(flag)
                };
                self.set(Who::Others, place, message.serial, flags);
            }
        }
    }

    /// Others take a message out.
    pub(crate) fn others_remove(&mut self, place: Place, message: &Message) {
        let marked = message.flags.union(DELETED);
        self.set(Who::Others, place, message.serial, marked);
        self.expunge(Who::Others, place, |other| other.serial == message.serial);
    }
}

pub(crate) fn flags(chance: &mut Random, share: usize) -> FlagSet {
    ALPHABET
        .into_iter()
        .filter(|_| chance.percent(share))
        .collect()
}

fn write(letter: u32, chance: &mut Random) -> Rc<[u8]> {
    let named = if chance.percent(80) {
        format!("Message-ID: <{letter}@sim.example>\r\n")
    } else {
        String::new()
    };
    let body = "x\r\n".repeat(chance.below(3));
    format!("Subject: letter {letter}\r\n{named}\r\n{body}")
        .into_bytes()
        .into()
}

/// Which text some octets are.
pub(crate) fn text_of(bytes: &[u8]) -> u32 {
    let text = std::str::from_utf8(bytes).unwrap();
    let line = text.lines().next().unwrap();
    line.strip_prefix("Subject: letter ")
        .unwrap()
        .parse()
        .unwrap()
}

impl std::fmt::Debug for Message {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self {
            serial,
            letter,
            flags,
            theirs,
            ..
        } = self;
        write!(
            f,
            "#{serial} letter {letter:?} {flags:?} (others: {theirs:?})"
        )
    }
}
