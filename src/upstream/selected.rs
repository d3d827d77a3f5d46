//! One open mailbox: the live map between the server's numbers and our messages.
//!
//! A number is spent here and nowhere else. Every untagged line is applied in the order in which it came; an EXPUNGE moves
//! the numbers behind it at once and begins a new generation. Whoever needs numbers to stand still compares generations.

use std::sync::{Arc, OnceLock};

use super::error::UpstreamError;
use super::session::Session;
use super::stray::{Astray, Watch};
use super::wire::Wire;
use crate::id::MessageId;
use crate::journal::Mark;
use crate::mirror::{Access, Alignment, Base, Coverage, MailboxFacts, Observation, SeenMessage};
use crate::protocol::client::Completion;
use crate::protocol::command::{Command, Numbering};
use crate::protocol::dialect::Dialect;
use crate::protocol::response::{Code, FetchData, Status, Untagged};
use crate::protocol::types::{
    Flag, FlagDelta, FlagSet, Keywords, MailboxName, SearchKey, SeqNum, Tag,
};

/// A mailbox opened with SELECT.
#[derive(Debug)]
pub struct Selected<'s> {
    pub(super) wire: &'s mut Wire,
    pub(super) dialect: Dialect,
    pub(super) map: Map,
    /// Changes that may still stand on messages that were not meant.
    pub(super) astray: Vec<Astray>,
}

/// What is known of the open mailbox, number by number.
#[derive(Clone, Debug)]
pub(super) struct Map {
    pub(super) facts: MailboxFacts,
    pub(super) keywords: Keywords,
    /// The flags that the server has named, and whether it takes keywords that it has not.
    pub(super) named: Option<FlagSet>,
    new_keywords: bool,
    /// How many messages the server says there are.
    pub(super) exists: usize,
    /// Counts the EXPUNGEs; numbers taken under one generation mean nothing under the next.
    pub(super) generation: u64,
    /// Known messages by number; those that arrived later are not in it.
    pub(super) slots: Vec<Slot>,
    /// How much was looked at to know them.
    pub(super) coverage: Coverage,
    /// The same by message; looked up once and forgotten whenever a message gets a number or another one.
    numbers: OnceLock<Arc<Numbers>>,
    /// Messages of ours that an EXPUNGE has removed on this connection.
    pub(super) vanished: Vec<MessageId>,
    /// Messages that an EXPUNGE has removed and that were not ours to name.
    pub(super) vanished_strangers: usize,
}

/// What is wrong with the flags of a noted message.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wrong {
    /// Where it may stand, and what puts it right there.
    pub places: Vec<(SeqNum, FlagDelta)>,
    /// What of the note cannot be carried out, since it is not known which of several messages it is.
    pub unknown: FlagDelta,
    /// Whether there is any message that it can be.
    pub is_found: bool,
}

impl Wrong {
    fn at(places: impl IntoIterator<Item = (SeqNum, FlagDelta)>) -> Self {
        let mut wrong = Self::default();
        for place in places {
            wrong.is_found = true;
            wrong
                .places
                .extend(Some(place).filter(|(_, left)| !left.is_empty()));
        }
        wrong
    }
}

/// One message of the open mailbox, as far as it was shown on this connection.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Slot {
    pub(super) message: Option<MessageId>,
    pub(super) instant: Option<(i64, i16)>,
    pub(super) size: Option<u32>,
    pub(super) uid: Option<u32>,
    pub(super) header: Option<crate::journal::HeaderHash>,
    pub(super) flags: Option<FlagSet>,
    /// What they were when they were asked for anew.
    pub(super) flags_before: Option<FlagSet>,
    pub(super) recalled: Recalled,
    /// Whether it was without `\Seen` after that was last taken off.
    pub(super) is_cleared: bool,
    pub(super) watch: Watch,
}

/// What of a slot was not shown on this connection: it is taken over from the base, since looks elsewhere tell that it
/// must be so. Good enough to leave a message alone; whoever acts on it looks first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Recalled {
    /// Which message of the base it was taken for, whether or not it was shown.
    pub(super) message: Option<MessageId>,
    pub(super) instant: bool,
    pub(super) size: bool,
    pub(super) header: bool,
}

impl<'s> Selected<'s> {
    pub(super) async fn open(
        session: &'s mut Session,
        name: &MailboxName,
        keywords: Keywords,
    ) -> Result<Self, UpstreamError> {
        let scoped_expunge =
            session.features.capabilities.has("UIDPLUS") && session.features.dialect.has_uids();
        let facts = MailboxFacts {
            scoped_expunge,
            ..MailboxFacts::default()
        };
        let mut map = Map {
            facts,
            keywords,
            named: None,
            new_keywords: false,
            exists: 0,
            generation: 0,
            slots: Vec::new(),
            coverage: Coverage::Whole,
            numbers: OnceLock::new(),
            vanished: Vec::new(),
            vanished_strangers: 0,
        };
        // Before this SELECT took effect, lines may still speak of the mailbox that was open before.
        let hear = |untagged| {
            match &untagged {
                Untagged::Status(_, text) if text.code == Some(Code::Closed) => map.forget(),
                Untagged::Expunge(_) if map.exists == 0 => return Ok(()),
                // The count of changes is that of the moment when it was told.
                Untagged::Exists(_) | Untagged::Expunge(_) | Untagged::Fetch(..) => {
                    map.facts.mod_seq = None;
                }
                Untagged::Status(_, text) => map.note_mod_seq(text.code.as_ref()),
                _ => {}
            }
            map.apply(untagged)
        };
        let counts = session.features.capabilities.has("CONDSTORE");
        let select = if counts && session.features.dialect.has_uids() {
            Command::SelectCounting(name.clone())
        } else {
            Command::Select(name.clone())
        };
        let completion = session.wire.run(select, hear).await?;
        if completion.status != Status::Ok {
            return Err(UpstreamError::NotOpened {
                mailbox: name.to_string(),
                text: completion.text.to_string(),
            });
        }
        map.note(completion.text.code.as_ref());
        map.note_mod_seq(completion.text.code.as_ref());
        if map.facts.uid_validity.is_some() {
            session.saw_uid_validity();
        }
        if map.facts.permanent == Some(FlagSet::EMPTY) {
            map.facts.access = Access::ReadOnly;
        }
        Ok(Self {
            wire: &mut session.wire,
            dialect: session.features.dialect,
            map,
            astray: Vec::new(),
        })
    }

    /// What holds for the mailbox as a whole.
    #[must_use]
    pub fn facts(&self) -> MailboxFacts {
        self.map.facts
    }

    /// Whether numbers can move while a command speaks of them.
    #[must_use]
    pub fn numbers_may_move(&self) -> bool {
        !self.dialect.expunge_is_timed()
    }

    /// What the keyword bits mean, with those that this server has named.
    #[must_use]
    pub fn keywords(&self) -> &Keywords {
        &self.map.keywords
    }

    /// The message that has a number now, as far as it is known.
    #[must_use]
    pub fn message_at(&self, seq: SeqNum) -> Option<MessageId> {
        self.map.slots.get(seq.index())?.message
    }

    /// How many messages the server says there are.
    #[must_use]
    pub fn exists(&self) -> usize {
        self.map.exists
    }

    /// Ties numbers to our messages, as the alignment of what was just observed found them, and to no others.
    pub fn bind(&mut self, base: &Base, alignment: &Alignment) {
        for slot in &mut self.map.slots {
            slot.message = None;
        }
        for (index, seq) in alignment.present() {
            if let (Some(known), Some(slot)) = (
                base.messages.get(index),
                self.map.slots.get_mut(seq.index()),
            ) {
                slot.message = Some(known.id);
            }
        }
        self.map.numbers.take();
    }

    /// Sends SEARCH. Gives its end, and the numbers if a line with some or none came.
    pub(super) async fn search(
        &mut self,
        key: SearchKey,
    ) -> Result<(Completion, Option<Vec<u32>>), UpstreamError> {
        let tag = self.send_search(key)?;
        let (completion, lines) = self.found(tag).await?;
        Ok((completion, (!lines.is_empty()).then(|| lines.concat())))
    }

    pub(super) fn send_search(&mut self, key: SearchKey) -> Result<Tag, UpstreamError> {
        self.wire.send(Command::Search {
            numbering: Numbering::Sequence,
            charset: None,
            keys: vec![key],
        })
    }

    /// The end of a SEARCH that was sent, and the lines of numbers that came before it.
    pub(super) async fn found(
        &mut self,
        tag: Tag,
    ) -> Result<(Completion, Vec<Vec<u32>>), UpstreamError> {
        let mut found = Vec::new();
        let map = &mut self.map;
        let hear = |untagged| {
            if let Untagged::Search(numbers) = &untagged {
                found.push(numbers.clone());
            }
            map.apply(untagged)
        };
        let completion = self.wire.finish(tag, hear).await?;
        Ok((completion, found))
    }

    /// Whether any message that a glance took for one of the base turned out to be another, or nobody can tell. Then what
    /// was only recalled between them proves nothing.
    #[must_use]
    pub fn misplaces(&self, base: &Base, alignment: &Alignment) -> bool {
        let taken = |seq: SeqNum| self.map.slots.get(seq.index())?.recalled.message;
        let known = |index: usize| base.messages.get(index).map(|known| known.id);
        let confirmed = alignment
            .present()
            .filter(|(index, seq)| taken(*seq).is_some_and(|taken| known(*index) == Some(taken)));
        let slots = self.map.slots.iter();
        let claimed = slots.filter(|slot| slot.recalled.message.is_some());
        confirmed.count() != claimed.count()
    }

    /// Where a noted message may stand, and what is still to be put right there: at the one tied to it, or else the only one
    /// with its header. If there are several, `\Seen` is taken off all that look like it and are tied to no other. Where flags
    /// were not shown, nothing is known to be right.
    #[must_use]
    pub fn wrong(&self, message: MessageId, mark: &Mark, back: FlagDelta) -> Wrong {
        let slots = self.map.slots.iter().enumerate();
        let numbered = slots.filter_map(|(index, slot)| Some((SeqNum::from_index(index)?, slot)));
        let shows = |slot: &Slot, is_it: fn(&Mark, &Mark) -> bool| {
            slot.mark().is_some_and(|shown| is_it(&shown, mark))
        };
        let proven = || {
            let mut proven = numbered
                .clone()
                .filter(|(_, slot)| shows(slot, Mark::proves));
            let (seq, _) = proven.next()?;
            proven.next().is_none().then_some(seq)
        };
        let seq = self.map.numbers().of(message).or_else(proven);
        if let Some((seq, slot)) = seq.and_then(|seq| Some((seq, self.map.slots.get(seq.index())?)))
        {
            return Wrong::at([(seq, slot.is_left_of(back))]);
        }
        let alike: Vec<(SeqNum, &Slot)> = numbered
            .filter(|(_, slot)| slot.message.is_none() && shows(slot, Mark::agrees))
            .collect();
        let unread = FlagDelta {
            remove: back.remove.intersection(FlagSet::SEEN),
            ..FlagDelta::NONE
        };
        let unknown = if alike.is_empty() {
            FlagDelta::NONE
        } else {
            back.minus(unread)
        };
        let left = alike
            .into_iter()
            .map(|(seq, slot)| (seq, slot.is_left_of(unread)));
        Wrong {
            unknown,
            ..Wrong::at(left)
        }
    }

    /// Where flags were asked for and nothing was said, what was shown before stands.
    pub fn recall_flags(&mut self) {
        for slot in &mut self.map.slots {
            slot.flags = slot.last_shown();
        }
    }

    /// Ties the last messages of the observation to the ids they were recorded under, if none of them is gone again.
    pub fn bind_arrivals(&mut self, ids: &[MessageId]) {
        if self.map.vanished_strangers > 0 {
            return;
        }
        let known = self.map.slots.len().saturating_sub(ids.len());
        for (slot, id) in self.map.slots.iter_mut().skip(known).zip(ids) {
            slot.message = Some(*id);
        }
        self.map.numbers.take();
    }
}

impl Map {
    /// Applies one line of the server.
    pub(super) fn apply(&mut self, untagged: Untagged) -> Result<(), UpstreamError> {
        match untagged {
            Untagged::Exists(count) => self.resize(count as usize)?,
            Untagged::Expunge(number) => self.expunge(number)?,
            Untagged::Fetch(seq, data) => self.fetched(seq, &data),
            Untagged::Flags(flags) => self.named = Some(self.flag_set(&flags)),
            Untagged::Status(_, text) => self.note(text.code.as_ref()),
            Untagged::Search(_)
            | Untagged::Recent(_)
            | Untagged::Copy(_)
            | Untagged::Mailbox(_)
            | Untagged::Bboard(_)
            | Untagged::Capability(_)
            | Untagged::List(_)
            | Untagged::Lsub(_)
            | Untagged::Vanished { .. }
            | Untagged::Unknown { .. }
            | Untagged::Bye(_)
            | Untagged::PreAuth(_) => {}
        }
        Ok(())
    }

    fn forget(&mut self) {
        self.exists = 0;
        self.slots.clear();
        self.numbers.take();
        self.generation = self.generation.wrapping_add(1);
    }

    fn resize(&mut self, count: usize) -> Result<(), UpstreamError> {
        // Before the mailbox was listed, a line may still speak of the one that was open before.
        if count < self.exists && !self.slots.is_empty() {
            return Err(UpstreamError::Desynchronised {
                problem: "the mailbox shrank without an EXPUNGE",
            });
        }
        if count > MAX_MESSAGES {
            return Err(UpstreamError::Desynchronised {
                problem: "the mailbox claims more messages than any mailbox has",
            });
        }
        self.exists = count;
        Ok(())
    }

    fn expunge(&mut self, number: u32) -> Result<(), UpstreamError> {
        let seq = SeqNum::new(number).filter(|seq| seq.index() < self.exists);
        let seq = seq.ok_or(UpstreamError::Desynchronised {
            problem: "a message was removed that was not there",
        })?;
        self.exists = self.exists.saturating_sub(1);
        self.generation = self.generation.wrapping_add(1);
        if seq.index() < self.slots.len() {
            self.numbers.take();
            match self.slots.remove(seq.index()).message {
                Some(message) => self.vanished.push(message),
                None => self.vanished_strangers = self.vanished_strangers.saturating_add(1),
            }
        }
        Ok(())
    }

    fn fetched(&mut self, seq: SeqNum, data: &FetchData) {
        let flags = data.flags.as_ref().map(|flags| self.flag_set(flags));
        self.named = self
            .named
            .map(|named| named.union(flags.unwrap_or_default()));
        let Some(slot) = self.slots.get_mut(seq.index()) else {
            return;
        };
        slot.flags = flags.or(slot.flags);
        slot.instant = data
            .internal_date
            .map(|date| (date.instant_secs, date.offset_minutes))
            .or(slot.instant);
        slot.size = data.size.or(slot.size);
        slot.recalled.instant &= data.internal_date.is_none();
        slot.recalled.size &= data.size.is_none();
        slot.uid = data.uid.or(slot.uid);
    }

    /// A list of flags as a set; keywords that are new get a bit, as long as there is one.
    fn flag_set(&mut self, flags: &[Flag]) -> FlagSet {
        self.define(flags);
        self.keywords.resolve(flags).0
    }

    fn define(&mut self, flags: &[Flag]) {
        for flag in flags {
            if let Flag::Keyword(keyword) = flag
                && self.keywords.define(keyword).is_err()
            {
                tracing::warn!("the mailbox has more keywords than can be kept");
            }
        }
    }

    fn note(&mut self, code: Option<&Code>) {
        match code {
            Some(Code::ReadOnly) => self.facts.access = Access::ReadOnly,
            Some(Code::ReadWrite) => self.facts.access = Access::ReadWrite,
            Some(Code::UidValidity(validity)) => self.facts.uid_validity = Some(*validity),
            Some(Code::PermanentFlags {
                flags,
                new_keywords,
            }) => {
                self.facts.permanent = Some(self.flag_set(flags));
                self.new_keywords = *new_keywords;
            }
            Some(_) | None => {}
        }
    }

    /// Flags that would not be kept if they were stored: those the server does not list as permanent, and keywords that it
    /// has not named. Rows `IMAP4-CODE-PERMANENTFLAGS`, `1064-STORE-KEYWORD`.
    pub(super) fn unkept(&self, flags: FlagSet) -> FlagSet {
        let permanent = self.facts.permanent.unwrap_or(flags);
        let named = self.named.unwrap_or(flags).union(FlagSet::SYSTEM);
        let unkept = flags.minus(permanent.intersection(named));
        if self.new_keywords {
            unkept.intersection(FlagSet::SYSTEM)
        } else {
            unkept
        }
    }

    /// How far the mailbox had changed when it was opened. What is said of that later is not taken: the listing may be older.
    fn note_mod_seq(&mut self, code: Option<&Code>) {
        if let Some(Code::HighestModSeq(mod_seq)) = code {
            self.facts.mod_seq = Some(*mod_seq);
        }
    }

    /// A change of flags was obeyed. Until they are shown, that is how they were last known to be.
    pub(super) fn expect(&mut self, seqs: &[SeqNum], delta: FlagDelta) {
        for seq in seqs {
            if let Some(slot) = self.slots.get_mut(seq.index()) {
                slot.flags = slot.flags.map(|flags| delta.apply(flags));
                slot.flags_before = slot.flags_before.map(|flags| delta.apply(flags));
            }
        }
    }

    /// The numbers of our messages now.
    pub(super) fn numbers(&self) -> Arc<Numbers> {
        let look = || {
            let numbered = self.slots.iter().enumerate();
            let mut numbers: Vec<(MessageId, SeqNum)> = numbered
                .filter_map(|(index, slot)| Some((slot.message?, SeqNum::from_index(index)?)))
                .collect();
            numbers.sort_unstable();
            Arc::new(Numbers(numbers))
        };
        self.numbers.get_or_init(look).clone()
    }

    /// What was shown of one of our messages.
    pub(super) fn slot(&self, numbers: &Numbers, message: MessageId) -> Option<&Slot> {
        self.slots.get(numbers.of(message)?.index())
    }

    /// Everything that was shown, if it is whole.
    pub(super) fn observation(&self) -> Option<Observation> {
        let mut messages = Vec::with_capacity(self.slots.len());
        for slot in &self.slots {
            messages.push(slot.seen()?);
        }
        Some(Observation {
            facts: self.facts,
            messages,
            coverage: self.coverage,
        })
    }
}

/// The numbers of our messages at one moment.
#[derive(Debug)]
pub(super) struct Numbers(Vec<(MessageId, SeqNum)>);

impl Numbers {
    pub(super) fn of(&self, message: MessageId) -> Option<SeqNum> {
        let index = self.0.binary_search_by_key(&message, |(id, _)| *id).ok()?;
        self.0.get(index).map(|(_, seq)| *seq)
    }
}

impl Slot {
    /// The flags are asked for anew.
    pub(super) fn forget_flags(&mut self) {
        self.flags_before = self.last_shown();
        self.flags = None;
    }

    /// A server that says nothing of them now has not taken back what it showed before.
    pub(super) fn last_shown(&self) -> Option<FlagSet> {
        self.flags.or(self.flags_before)
    }
}

impl Recalled {
    /// Whether date or size were not shown.
    pub(super) fn in_part(self) -> bool {
        self.instant || self.size
    }
}

impl Slot {
    /// Whether it may still be marked as read because we read it.
    pub(super) fn may_be_marked(&self) -> bool {
        let is_read = self.flags.is_none_or(|flags| flags.contains(FlagSet::SEEN));
        is_read && !self.is_cleared
    }

    /// What of a change that is to put it right is not done yet.
    fn is_left_of(&self, back: FlagDelta) -> FlagDelta {
        let open = |shown| FlagDelta::between(shown, back.apply(shown));
        let left = self.flags.map_or(back, open);
        if self.may_be_marked() {
            left
        } else {
            left.minus(FlagDelta::UNREAD)
        }
    }

    pub(super) fn mark(&self) -> Option<Mark> {
        Some(Mark {
            instant: self.instant?.0,
            size: self.size?,
            header: self.header,
            uid: self.uid,
        })
    }

    fn seen(&self) -> Option<SeenMessage> {
        Some(SeenMessage {
            mark: self.mark()?,
            flags: self.flags?,
            zone_minutes: self.instant?.1,
        })
    }
}

/// More than any mailbox has: a limit on what a server can make us allocate.
const MAX_MESSAGES: usize = 2_000_000;
