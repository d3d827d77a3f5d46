//! A line that breaks while the server changes a message by its number, and another one has just gone: the wrong one is hit.

use std::collections::BTreeSet;
use std::sync::Mutex;

use super::home::{Home, mirror};
use super::server::{HANG_UP, server};

/// Letters by number, and which of them are flagged or marked as read; a server of 1990 has nothing else to tell them by.
struct Shelf {
    letters: Vec<u32>,
    flagged: BTreeSet<u32>,
    read: BTreeSet<u32>,
    deleted: BTreeSet<u32>,
    /// Whether whoever asks for a text has read it.
    marks: bool,
    /// Whether the next STORE comes too late: the first letter is gone by then, and the line breaks.
    tears: bool,
    /// Which letter has come by then, and nobody was shown it.
    comes: Option<u32>,
}

static SHELF: Mutex<Shelf> = Mutex::new(Shelf::empty());
static DESK: Mutex<Shelf> = Mutex::new(Shelf::empty());
static BASKET: Mutex<Shelf> = Mutex::new(Shelf::empty());

#[test]
fn whoever_was_hit_by_mistake_is_told_of_and_had_back_as_it_was() {
    SHELF.lock().unwrap().letters = vec![1, 2, 3, 4, 5];
    let home = Home::empty();
    home.secret("server-password", "secret");
    let address = server("* OK ready\r\n", answer);
    home.configure(&mirror(address, "ada", "protocol = \"imap2\""));
    home.run(&["sync"]).ended(0);
    home.session(
        "work",
        "a SELECT INBOX\r\nb STORE 2:4 +FLAGS (\\Flagged)\r\nc LOGOUT\r\n",
    );
    SHELF.lock().unwrap().tears = true;
    home.run(&["sync"]).ended(69);
    assert_eq!(SHELF.lock().unwrap().flagged, BTreeSet::from([3, 4, 5]));
    home.run(&["sync"]).ended(3);
    home.run(&["conflicts"]).ended(0).shows(&[
        "\"letter 5\" in INBOX",
        "by somebody else or by mistake: the line broke",
        "you asked of the other one: +\\Flagged; this one had (), as far as is known",
        "to have it as it was before: lowtide conflicts undo work 1",
    ]);
    home.run(&["conflicts", "undo", "work", "1"]).ended(0);
    home.run(&["sync"]).ended(0);
    assert_eq!(SHELF.lock().unwrap().flagged, BTreeSet::from([2, 3, 4]));
    home.run(&["journal"]).ended(0).shows(&["Nothing waits"]);

    // One that has only just come: how it was is on record before anything is sent.
    SHELF.lock().unwrap().flagged.insert(5);
    home.run(&["sync"]).ended(0);
    home.session(
        "work",
        "a SELECT INBOX\r\nb STORE 4 -FLAGS (\\Flagged)\r\nc LOGOUT\r\n",
    );
    SHELF.lock().unwrap().comes_flagged(6);
    SHELF.lock().unwrap().tears = true;
    home.run(&["sync"]).ended(69);
    assert_eq!(SHELF.lock().unwrap().letters, [3, 4, 5, 6]);
    assert_eq!(SHELF.lock().unwrap().flagged, BTreeSet::from([2, 3, 4, 5]));
    home.run(&["sync"]).ended(3);
    home.run(&["conflicts"]).ended(0).shows(&[
        "\"letter 6\" in INBOX",
        "you asked of the other one: -\\Flagged; this one had (\\Flagged), as far as is known",
        "lowtide conflicts undo work 2",
    ]);
    home.run(&["conflicts", "undo", "work", "2"]).ended(0);
    home.run(&["sync"]).ended(0);
    assert_eq!(SHELF.lock().unwrap().flagged, BTreeSet::from([2, 3, 4, 6]));

    // One that nobody was shown: what was set on it is told.
    SHELF.lock().unwrap().flagged.remove(&6);
    home.run(&["sync"]).ended(0);
    home.session(
        "work",
        "a SELECT INBOX\r\nb STORE 4 +FLAGS (\\Flagged)\r\nc LOGOUT\r\n",
    );
    SHELF.lock().unwrap().comes = Some(7);
    SHELF.lock().unwrap().tears = true;
    home.run(&["sync"]).ended(69);
    assert_eq!(SHELF.lock().unwrap().flagged, BTreeSet::from([2, 3, 4, 7]));
    home.run(&["sync"]).ended(3);
    home.run(&["conflicts"]).ended(0).shows(&[
        "\"letter 7\" in INBOX",
        "you asked of the other one: +\\Flagged; this one had (), as far as is known",
    ]);
    home.run(&["conflicts", "undo", "work", "3"]).ended(0);
    home.run(&["sync"]).ended(0);
    assert_eq!(SHELF.lock().unwrap().flagged, BTreeSet::from([2, 3, 4, 6]));
}

/// A text is read, which marks it; the line breaks while that mark is taken off, and the letter behind, which others have read,
/// becomes unread.
#[test]
fn whoever_becomes_unread_instead_of_what_we_read_is_told_of() {
    let answer = |tag: &str, command: &str| DESK.lock().unwrap().answers(tag, command);
    {
        let mut desk = DESK.lock().unwrap();
        (desk.letters, desk.marks) = (vec![1, 2, 3], true);
        desk.read = BTreeSet::from([1, 3]);
        desk.tears = true;
    }
    let home = Home::empty();
    home.secret("server-password", "secret");
    let address = server("* OK ready\r\n", answer);
    home.configure(&mirror(address, "ada", "protocol = \"imap2\""));
    home.run(&["sync"]).ended(69);
    assert_eq!(DESK.lock().unwrap().read, BTreeSet::from([1, 2]));
    home.run(&["sync"]).ended(3);
    home.run(&["conflicts"]).ended(0).shows(&[
        "\"letter 3\" in INBOX",
        "lowtide may have been putting the other one back as it was; this one had (\\Seen), as far as is known",
        "to have it as it was before: lowtide conflicts undo work 1",
    ]);
    let read = || {
        let desk = DESK.lock().unwrap();
        desk.read
            .iter()
            .filter(|letter| **letter > 1)
            .copied()
            .collect::<Vec<_>>()
    };
    assert!(read().is_empty(), "nobody has read letter 2");
    home.run(&["conflicts", "undo", "work", "1"]).ended(0);
    home.run(&["sync"]).ended(0);
    assert_eq!(read(), [3]);
}

/// A letter is marked deleted, and the one behind it is hit. Mail clients show that, and remove what is marked.
#[test]
fn whatever_only_a_mistake_has_marked_is_not_removed() {
    let answer = |tag: &str, command: &str| BASKET.lock().unwrap().answers(tag, command);
    BASKET.lock().unwrap().letters = vec![1, 2, 3, 4];
    let home = Home::empty();
    home.secret("server-password", "secret");
    let address = server("* OK ready\r\n", answer);
    home.configure(&mirror(address, "ada", "protocol = \"imap2\""));
    home.run(&["sync"]).ended(0);
    let client = |lines: &str| {
        home.session(
            "work",
            &format!("a SELECT INBOX\r\n{lines}\r\nz LOGOUT\r\n"),
        )
    };
    client("b STORE 2 +FLAGS (\\Deleted)");
    BASKET.lock().unwrap().tears = true;
    home.run(&["sync"]).ended(69);
    assert_eq!(BASKET.lock().unwrap().deleted, BTreeSet::from([3]));
    home.run(&["sync"]).ended(3);
    let told = client("b FETCH 2 FLAGS\r\nc EXPUNGE");
    assert!(told.contains("* 2 FETCH (FLAGS (\\Deleted))"), "{told}");
    assert!(
        told.contains("c OK EXPUNGE completed, but what may be marked by mistake stays"),
        "{told}"
    );
    // EXPUNGE would take it along.
    home.run(&["sync"]).ended(3);
    home.run(&["journal"])
        .ended(0)
        .shows(&["other messages are marked deleted there"]);
    assert_eq!(BASKET.lock().unwrap().letters, [2, 3, 4]);
    home.run(&["conflicts", "undo", "work", "1"]).ended(0);
    home.run(&["sync"]).ended(0);
    assert_eq!(BASKET.lock().unwrap().letters, [3, 4]);
    home.run(&["journal"]).ended(0).shows(&["Nothing waits"]);
}

fn answer(tag: &str, command: &str) -> String {
    SHELF.lock().unwrap().answers(tag, command)
}

impl Shelf {
    const fn empty() -> Self {
        Self {
            letters: Vec::new(),
            flagged: BTreeSet::new(),
            read: BTreeSet::new(),
            deleted: BTreeSet::new(),
            marks: false,
            tears: false,
            comes: None,
        }
    }

    fn answers(&mut self, tag: &str, command: &str) -> String {
        let words: Vec<&str> = command.split(' ').collect();
        let told = match words.as_slice() {
            ["SELECT", ..] => {
                let count = self.letters.len();
                format!(
                    "* FLAGS (\\Answered \\Flagged \\Deleted \\Seen)\r\n* {count} EXISTS\r\n* 0 RECENT\r\n"
                )
            }
            ["FETCH", set, items @ ..] => {
                let shown = numbers(set).map(|number| self.shows(number, &items.join(" ")));
                shown.collect()
            }
            ["STORE", set, mode, flag] => {
                let is_late = std::mem::take(&mut self.tears);
                if is_late {
                    self.letters.remove(0);
                    let comes = self.comes.take();
                    self.letters.extend(comes);
                }
                for number in numbers(set) {
                    self.mark(self.at(number), flag, mode.starts_with('+'));
                }
                if is_late {
                    return HANG_UP.to_owned();
                }
                String::new()
            }
            ["SEARCH", "DELETED"] => {
                let found = (1..=self.letters.len())
                    .filter(|number| self.deleted.contains(&self.at(*number)));
                let found: Vec<String> = found.map(|number| number.to_string()).collect();
                format!("* SEARCH {}\r\n", found.join(" "))
            }
            ["EXPUNGE"] => {
                let mut told = String::new();
                let marked =
                    |shelf: &Self, number: &usize| shelf.deleted.contains(&shelf.at(*number));
                while let Some(number) = (1..=self.letters.len()).find(|of| marked(self, of)) {
                    self.letters.remove(number.checked_sub(1).unwrap());
                    told.push_str(&format!("* {number} EXPUNGE\r\n"));
                }
                told
            }
            ["FIND", ..] => "* MAILBOX INBOX\r\n".to_owned(),
            _ => String::new(),
        };
        format!("{told}{tag} OK done\r\n")
    }

    fn mark(&mut self, letter: u32, flag: &str, is_set: bool) {
        let marked = match flag {
            "(\\Flagged)" => &mut self.flagged,
            "(\\Seen)" => &mut self.read,
            "(\\Deleted)" => &mut self.deleted,
            _ => panic!("{flag} is stored"),
        };
        if is_set {
            marked.insert(letter);
        } else {
            marked.remove(&letter);
        }
    }

    fn at(&self, number: usize) -> u32 {
        self.letters[number.checked_sub(1).unwrap()]
    }

    fn comes_flagged(&mut self, letter: u32) {
        self.letters.push(letter);
        self.flagged.insert(letter);
    }

    fn shows(&mut self, number: usize, items: &str) -> String {
        let letter = self.at(number);
        if self.marks && items == "RFC822" {
            self.read.insert(letter);
        }
        let marks = [
            (&self.flagged, "\\Flagged"),
            (&self.read, "\\Seen"),
            (&self.deleted, "\\Deleted"),
        ];
        let marks = marks.iter().filter(|(of, _)| of.contains(&letter));
        let flags: Vec<&str> = marks.map(|(_, flag)| *flag).collect();
        let flags = flags.join(" ");
        let header = format!("Subject: letter {letter}\r\n\r\n");
        let text = format!("{header}It comes, and it goes.\r\n");
        let shown = match items {
            "FLAGS" => format!("FLAGS ({flags})"),
            "FAST" => format!(
                "FLAGS ({flags}) INTERNALDATE \" {letter}-Feb-94 12:00:00-GMT\" RFC822.SIZE {}",
                text.len()
            ),
            "RFC822.HEADER" => format!("RFC822.HEADER {{{}}}\r\n{header}", header.len()),
            "RFC822" => format!("RFC822 {{{}}}\r\n{text}", text.len()),
            _ => panic!("{items} is asked for"),
        };
        format!("* {number} FETCH ({shown})\r\n")
    }
}

fn numbers(set: &str) -> impl Iterator<Item = usize> {
    set.split(',').flat_map(|range| {
        let (first, last) = range.split_once(':').unwrap_or((range, range));
        first.parse().unwrap()..=last.parse().unwrap()
    })
}
