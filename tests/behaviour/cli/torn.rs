//! A line that breaks while the server changes a message by its number, and another one has just gone: the wrong one is hit.

use std::collections::BTreeSet;
use std::sync::Mutex;

use super::home::{Home, mirror};
use super::server::{HANG_UP, server};

/// Letters by number, and which of them are flagged; a server of 1990 has nothing else to tell them by.
struct Shelf {
    letters: Vec<u32>,
    flagged: BTreeSet<u32>,
    /// Whether the next STORE comes too late: the first letter is gone by then, and the line breaks.
    tears: bool,
    /// Which letter has come by then, and nobody was shown it.
    comes: Option<u32>,
}

static SHELF: Mutex<Shelf> = Mutex::new(Shelf {
    letters: Vec::new(),
    flagged: BTreeSet::new(),
    tears: false,
    comes: None,
});

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

fn answer(tag: &str, command: &str) -> String {
    let mut shelf = SHELF.lock().unwrap();
    let words: Vec<&str> = command.split(' ').collect();
    let told = match words.as_slice() {
        ["SELECT", ..] => {
            let count = shelf.letters.len();
            format!(
                "* FLAGS (\\Answered \\Flagged \\Deleted \\Seen)\r\n* {count} EXISTS\r\n* 0 RECENT\r\n"
            )
        }
        ["FETCH", set, items @ ..] => {
            let shown = numbers(set).map(|number| shelf.shows(number, &items.join(" ")));
            shown.collect()
        }
        ["STORE", set, mode, ..] => {
            let is_late = std::mem::take(&mut shelf.tears);
            if is_late {
                shelf.letters.remove(0);
                let comes = shelf.comes.take();
                shelf.letters.extend(comes);
            }
            for number in numbers(set) {
                let letter = shelf.at(number);
                if mode.starts_with('-') {
                    shelf.flagged.remove(&letter);
                } else {
                    shelf.flagged.insert(letter);
                }
            }
            if is_late {
                return HANG_UP.to_owned();
            }
            String::new()
        }
        ["FIND", ..] => "* MAILBOX INBOX\r\n".to_owned(),
        _ => String::new(),
    };
    format!("{told}{tag} OK done\r\n")
}

impl Shelf {
    fn at(&self, number: usize) -> u32 {
        self.letters[number.checked_sub(1).unwrap()]
    }

    fn comes_flagged(&mut self, letter: u32) {
        self.letters.push(letter);
        self.flagged.insert(letter);
    }

    fn shows(&self, number: usize, items: &str) -> String {
        let letter = self.at(number);
        let flags = if self.flagged.contains(&letter) {
            "\\Flagged"
        } else {
            ""
        };
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
