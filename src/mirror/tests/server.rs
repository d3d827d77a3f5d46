//! A server as simple as can be: lists of messages with flags. It knows who did what, so that nothing can be denied.

use crate::journal::Mark;
use crate::mirror::support::{ANSWERED, Chance, DELETED, FLAGGED, KEYWORD, SEEN, header};
use crate::mirror::{Coverage, MailboxFacts, Observation, SeenMessage};
use crate::protocol::types::{FlagDelta, FlagSet};

/// One message on the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Message {
    /// Never given twice; nobody but the test sees it.
    pub(super) number: u32,
    pub(super) mark: Mark,
    pub(super) flags: FlagSet,
}

/// The mailbox that is mirrored, and another one that receives copies.
#[derive(Clone, Debug, Default)]
pub(super) struct Server {
    pub(super) messages: Vec<Message>,
    pub(super) archive: Vec<Mark>,
    /// What went because we asked for it.
    pub(super) gone_by_us: Vec<Mark>,
    /// Whether messages have UIDs.
    pub(super) uids: bool,
    /// Whether EXPUNGE can be told what to remove.
    pub(super) scoped: bool,
    /// How many of a hundred new messages are twins of the newest; with 0, no twin is moved either.
    pub(super) twins: usize,
    last: u32,
    now: i64,
}

pub(super) const ALPHABET: [FlagSet; 5] = [SEEN, FLAGGED, ANSWERED, DELETED, KEYWORD];

impl Server {
    pub(super) fn new(chance: &mut Chance) -> Self {
        let uids = chance.percent(30);
        let mut server = Self {
            uids,
            scoped: uids && chance.percent(50),
            twins: 5,
            ..Self::default()
        };
        for _ in 0..chance.below(8) {
            server.deliver(chance);
            if chance.percent(50) {
                let last = server.messages.len() - 1;
                server.messages[last].flags = chance.flags(&ALPHABET, 15);
            }
        }
        server
    }

    fn deliver(&mut self, chance: &mut Chance) {
        self.now += chance.pick(&[0, 1, 60]);
        let twin = self.messages.last().filter(|_| chance.percent(self.twins));
        let mark = twin.map_or_else(
            || Mark {
                instant: self.now,
                size: 100 + self.last % 3,
                header: Some(header(u64::from(self.last) + 1)),
                uid: None,
            },
            |twin| twin.mark,
        );
        self.append(mark, FlagSet::EMPTY);
    }

    fn append(&mut self, mark: Mark, flags: FlagSet) {
        self.last += 1;
        let uid = self.uids.then_some(self.last);
        self.messages.push(Message {
            number: self.last,
            mark: Mark { uid, ..mark },
            flags,
        });
    }

    /// Whether a message is gone, or stands marked.
    pub(super) fn shows_deleted(&mut self, number: u32) -> bool {
        self.find(number)
            .is_none_or(|message| message.flags.contains(FlagSet::DELETED))
    }

    pub(super) fn find(&mut self, number: u32) -> Option<&mut Message> {
        self.messages
            .iter_mut()
            .find(|message| message.number == number)
    }

    /// What SELECT and a listing show. Headers come only when they are asked for.
    pub(super) fn listing(&self) -> Observation {
        let shown = |message: &Message| SeenMessage {
            mark: Mark {
                header: None,
                ..message.mark
            },
            flags: message.flags,
            zone_minutes: 0,
        };
        Observation {
            facts: MailboxFacts {
                uid_validity: self.uids.then_some(1),
                scoped_expunge: self.scoped,
                ..MailboxFacts::default()
            },
            messages: self.messages.iter().map(shown).collect(),
            coverage: Coverage::Whole,
        }
    }

    pub(super) fn store(&mut self, number: u32, delta: FlagDelta) {
        if let Some(message) = self.find(number) {
            message.flags = delta.apply(message.flags);
        }
    }

    pub(super) fn marked(&self) -> Vec<u32> {
        let marked = self
            .messages
            .iter()
            .filter(|message| message.flags.contains(DELETED));
        marked.map(|message| message.number).collect()
    }

    /// Removes what is marked, of these or of all, because we asked for it.
    pub(super) fn expunge(&mut self, only: Option<&[u32]>) {
        let listed = |number: &u32| only.is_none_or(|only| only.contains(number));
        let goes =
            |message: &mut Message| message.flags.contains(DELETED) && listed(&message.number);
        let gone = self.messages.extract_if(.., goes);
        self.gone_by_us.extend(gone.map(|message| message.mark));
    }

    fn has_twin(&self, message: &Message) -> bool {
        let equal = |other: &&Message| other.mark.header == message.mark.header;
        self.messages.iter().filter(equal).count() > 1
    }

    /// Something that another client does.
    pub(super) fn other_client(&mut self, chance: &mut Chance) {
        if chance.percent(30) || self.messages.is_empty() {
            return self.deliver(chance);
        }
        let index = chance.below(self.messages.len());
        let message = self.messages[index];
        match chance.below(8) {
            0 => self
                .messages
                .retain(|message| !message.flags.contains(DELETED)),
            1 => {
                self.messages.remove(index);
            }
            2 if self.twins > 0 || !self.has_twin(&message) => {
                self.messages.remove(index);
                self.append(message.mark, message.flags);
            }
            _ => {
                let flag = chance.pick(&ALPHABET);
                let changed = if message.flags.contains(flag) {
                    message.flags.minus(flag)
                } else {
                    message.flags.union(flag)
                };
                self.messages[index].flags = changed;
            }
        }
    }
}
