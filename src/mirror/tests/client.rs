//! Our side of a life: base and journal in plain lists, and the stages strung together as a pass does it.

use std::collections::{BTreeMap, BTreeSet};

use super::server::{ALPHABET, Server};
use crate::id::{EntryId, MessageId};
use crate::journal::{Action, Attempt, EntryState, JournalEntry, Mark};
use crate::mirror::support::{ANSWERED, Chance, DELETED, FLAGGED, NONE, adding, id, removing};
use crate::mirror::{
    Aligned, Alignment, Base, BaseMessage, Brought, Fate, Local, LocalState, MessageState,
    Observation, PassRecord, Policy, Settlement, Sighting, Step, StepOutcome, align, choose, fold,
    merge, plan, rebind, settle, weigh,
};
use crate::protocol::types::{FlagSet, MailboxName};

/// What can go wrong in a pass, and what others may do in the middle of it; in percent of the steps.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Weather {
    pub(super) refused: usize,
    pub(super) ignored: usize,
    pub(super) lost_before: usize,
    pub(super) lost_after: usize,
    /// The base is written and the journal is not.
    pub(super) torn: usize,
    pub(super) others: usize,
}

/// What a pass came to.
#[derive(Debug)]
pub(super) enum Ended {
    /// The connection was lost; nothing was recorded.
    Cut,
    /// Everything was recorded.
    Recorded(Box<Record>),
}

/// A pass that came to its end, for the test to look at.
#[derive(Debug)]
pub(super) struct Record {
    pub(super) steps: Vec<Step>,
    pub(super) doubt: bool,
    pub(super) settlement: Settlement,
    /// Entries and local states as they were folded, and where each message was found on the server.
    pub(super) entries: Vec<JournalEntry>,
    pub(super) local: Local,
    pub(super) numbers: BTreeMap<MessageId, u32>,
    pub(super) base: Base,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Client {
    pub(super) base: Base,
    pub(super) journal: Vec<JournalEntry>,
    pub(super) conflicts: Vec<EntryId>,
    /// What the user asked to remove, by content, since the beginning of this life.
    pub(super) removals: Vec<Mark>,
    next_message: i64,
    next_entry: i64,
}

fn archive() -> MailboxName {
    MailboxName::from_bytes(b"archive").unwrap()
}

impl Client {
    /// What the user sees: the messages that are there, with their flags.
    pub(super) fn view(&self) -> Vec<(BaseMessage, FlagSet)> {
        let local = fold(&self.base, &self.journal);
        let shown = |message: &BaseMessage| {
            let state = local
                .changed
                .get(&message.id)
                .map_or(LocalState::Present(message.flags), |mine| mine.state);
            match state {
                LocalState::Present(flags) => Some((*message, flags)),
                LocalState::Expunged { .. } => None,
            }
        };
        self.base.messages.iter().filter_map(shown).collect()
    }

    /// Something that the user does to a message that is shown.
    pub(super) fn act(&mut self, chance: &mut Chance) -> Vec<(MessageId, Action)> {
        let view = self.view();
        if view.is_empty() {
            return Vec::new();
        }
        let (message, mut flags) = view[chance.below(view.len())];
        let flag = chance.pick(&ALPHABET);
        let copy = Action::Copy { to: archive() };
        let mut actions = match chance.below(8) {
            0 => vec![copy],
            1 => vec![copy, adding(DELETED), Action::Expunge],
            2 | 3 => vec![adding(DELETED), Action::Expunge],
            _ if flags.contains(flag) => vec![removing(flag)],
            _ => vec![adding(flag)],
        };
        if flags.contains(DELETED) {
            actions.retain(|action| *action != adding(DELETED));
        }
        for action in &actions {
            self.accept(&message, flags, action.clone());
            if let Action::Flags(delta) = action {
                flags = delta.apply(flags);
            }
        }
        actions
            .into_iter()
            .map(|action| (message.id, action))
            .collect()
    }

    fn accept(&mut self, message: &BaseMessage, flags_before: FlagSet, action: Action) {
        if action == Action::Expunge {
            self.removals.push(message.mark);
        }
        self.next_entry += 1;
        self.journal.push(JournalEntry {
            id: EntryId::from_raw(self.next_entry),
            message: message.id,
            mark: message.mark,
            flags_before,
            action,
            state: EntryState::Pending,
            trouble: String::new(),
            accepted_at: 0,
            uid_validity: None,
        });
    }

    pub(super) fn pass(
        &mut self,
        server: &mut Server,
        weather: Weather,
        chance: &mut Chance,
    ) -> Ended {
        let (seen, alignment) = self.look(server);
        let numbers: BTreeMap<MessageId, u32> = alignment
            .present()
            .map(|(index, seq)| {
                (
                    self.base.messages[index].id,
                    server.messages[seq.index()].number,
                )
            })
            .collect();
        let entries = self.journal.clone();
        let local = fold(&self.base, &entries);
        let own = "INBOX".parse().unwrap();
        let copies = weigh(&own, &entries, &[], &self.sightings(server));
        let remote = alignment.remote(&seen);
        let verdicts = merge(&self.base, &local, &remote, Policy::default());
        let plan = plan(&verdicts, &remote, &seen.facts, &copies);
        let mut outcomes = Vec::new();
        let mut brought = Brought::default();
        for step in &plan.steps {
            while chance.percent(weather.others) {
                server.other_client(chance);
            }
            if let Step::Expunge { only } = step
                && !only
                    .iter()
                    .all(|message| server.shows_deleted(numbers[message]))
            {
                outcomes.push(StepOutcome::Done(Vec::new()));
                continue;
            }
            let brings = step.brings(&own, &entries);
            let before = brings.map_or(0, |(to, mark)| brought.count(to, mark));
            self.attempt(step.attempts(&entries, before));
            let Some(outcome) = self.execute(step, &numbers, server, weather, chance) else {
                return Ended::Cut;
            };
            if let (Some((to, mark)), StepOutcome::Done(_)) = (brings, &outcome) {
                brought.add(to, *mark);
            }
            outcomes.push(outcome);
        }
        let settlement = settle(&PassRecord {
            base: &self.base,
            entries: &entries,
            seen: &seen,
            alignment: &alignment,
            verdicts: &verdicts,
            copies: &copies,
            plan: &plan,
            mistakes: &[],
            outcomes: &outcomes,
            attempts: 5,
        });
        let record = Record {
            steps: plan.steps,
            doubt: alignment.fates.contains(&Fate::Doubtful),
            settlement: settlement.clone(),
            entries,
            local,
            numbers,
            base: self.base.clone(),
        };
        let torn = chance.percent(weather.torn);
        self.record(settlement, torn);
        Ended::Recorded(Box::new(record))
    }

    fn look(&self, server: &Server) -> (Observation, Alignment) {
        let mut seen = server.listing();
        let expunging: BTreeSet<MessageId> = self
            .journal
            .iter()
            .filter(|entry| entry.action == Action::Expunge && entry.attempt().is_some())
            .map(|entry| entry.message)
            .collect();
        for _ in 0..10 {
            match align(&self.base, &seen, &expunging) {
                Aligned::Done(alignment) => {
                    let touched = self.journal.iter().map(|entry| entry.message).collect();
                    let chosen = choose(&self.base, &seen, alignment, &touched);
                    return (seen, chosen);
                }
                Aligned::NeedEvidence(asked) => {
                    for seq in asked {
                        seen.messages[seq.index()].mark.header =
                            server.messages[seq.index()].mark.header;
                    }
                }
            }
        }
        panic!("no end of questions");
    }

    fn sightings(&self, server: &Server) -> BTreeMap<EntryId, Sighting> {
        let copies = self.journal.iter().filter(|entry| entry.is_copy());
        let held = |mark: &Mark| {
            server
                .archive
                .iter()
                .filter(|there| there.header == mark.header)
                .count()
        };
        copies
            .map(|entry| {
                (
                    entry.id,
                    Sighting::Holds(u32::try_from(held(&entry.mark)).unwrap()),
                )
            })
            .collect()
    }

    /// Writes down what is about to be sent.
    fn attempt(&mut self, attempts: Vec<(EntryId, Attempt)>) {
        for (id, attempt) in attempts {
            let meant = self.journal.iter_mut().find(|entry| entry.id == id);
            meant.expect("in the journal").state = EntryState::Attempted(attempt);
        }
    }

    /// Carries out a step; `None` where the connection is lost before or after.
    fn execute(
        &self,
        step: &Step,
        numbers: &BTreeMap<MessageId, u32>,
        server: &mut Server,
        weather: Weather,
        chance: &mut Chance,
    ) -> Option<StepOutcome> {
        if chance.percent(weather.lost_before) {
            return None;
        }
        let refused = chance.percent(weather.refused);
        if !refused && !chance.percent(weather.ignored) {
            self.take_effect(step, numbers, server, weather);
        }
        if chance.percent(weather.lost_after) {
            return None;
        }
        let shown = |message: &MessageId| {
            let found = server.find(numbers[message]);
            (
                *message,
                found.map_or(MessageState::Gone, |found| {
                    MessageState::Present(found.flags)
                }),
            )
        };
        let seen = step.messages().iter().map(shown).collect();
        Some(if refused {
            StepOutcome::Refused {
                text: "not today".to_owned(),
                of: step.messages().to_vec(),
                seen,
            }
        } else {
            StepOutcome::Done(seen)
        })
    }

    fn take_effect(
        &self,
        step: &Step,
        numbers: &BTreeMap<MessageId, u32>,
        server: &mut Server,
        weather: Weather,
    ) {
        self.is_allowed(step, numbers, server, weather);
        match step {
            Step::StoreFlags { messages, delta } => {
                for message in messages {
                    server.store(numbers[message], *delta);
                }
            }
            Step::Copy { message, .. } => {
                if let Some(source) = server.find(numbers[message]).map(|source| source.mark) {
                    server.archive.push(source);
                }
            }
            Step::Append { .. } => panic!("nothing was appended"),
            Step::Expunge { only } => {
                let targets: Vec<u32> = only.iter().map(|message| numbers[message]).collect();
                if server.scoped {
                    server.expunge(Some(&targets));
                } else if server.marked() == targets {
                    server.expunge(None);
                }
            }
        }
    }

    /// Nothing is done to a message but what an entry asks, and to no message but the one it names.
    fn is_allowed(
        &self,
        step: &Step,
        numbers: &BTreeMap<MessageId, u32>,
        server: &mut Server,
        weather: Weather,
    ) {
        for message in step.messages() {
            let known = self
                .base
                .messages
                .iter()
                .find(|known| known.id == *message)
                .expect("in the base");
            let (there, header) = (server.find(numbers[message]), known.mark.header);
            if let (Some(there), Some(_)) = (&there, header) {
                assert_eq!(there.mark.header, header, "{step:?} meets another message");
            }
            let mut named = NONE;
            let mut removal = false;
            for entry in self
                .journal
                .iter()
                .filter(|entry| entry.message == *message && entry.is_active())
            {
                match &entry.action {
                    Action::Flags(delta) => named = named.union(delta.touched()),
                    Action::Expunge => removal = true,
                    Action::Copy { .. } | Action::Append { .. } => {}
                }
            }
            match step {
                Step::StoreFlags { delta, .. } => {
                    let ours = if removal { named.union(DELETED) } else { named };
                    assert!(
                        ours.contains(delta.touched()),
                        "{step:?} is not asked for by {:?}",
                        self.journal
                    );
                }
                Step::Expunge { .. } => {
                    assert!(removal, "{step:?} is not asked for");
                    let unseen =
                        self.marks_unseen(*message, there.map_or(NONE, |there| there.flags));
                    assert!(
                        weather.others > 0 || unseen.is_empty(),
                        "{step:?} takes what others marked {unseen:?}"
                    );
                }
                Step::Copy { .. } | Step::Append { .. } => {}
            }
        }
    }

    /// The marks of others on a message that the user had not seen when asking for its removal.
    fn marks_unseen(&self, message: MessageId, now: FlagSet) -> FlagSet {
        let entries = self.journal.iter().filter(|entry| entry.message == message);
        let seen_or_ours = entries.map(|entry| match &entry.action {
            Action::Flags(delta) => delta.touched(),
            Action::Expunge => entry.flags_before,
            Action::Copy { .. } | Action::Append { .. } => NONE,
        });
        now.minus(seen_or_ours.collect())
            .intersection(FLAGGED.union(ANSWERED))
    }

    fn record(&mut self, settlement: Settlement, torn: bool) {
        self.base.facts = settlement.facts;
        for message in &mut self.base.messages {
            if let Some((_, flags)) = settlement
                .flags
                .iter()
                .find(|(changed, _)| *changed == message.id)
            {
                message.flags = *flags;
            }
            if let Some((_, mark)) = settlement
                .marks
                .iter()
                .find(|(changed, _)| *changed == message.id)
            {
                message.mark = *mark;
            }
        }
        self.base
            .messages
            .retain(|message| !settlement.gone.contains(&message.id));
        for arrival in settlement.arrived {
            self.next_message += 1;
            let id = id(self.next_message);
            self.base.messages.push(BaseMessage {
                id,
                mark: arrival.seen.mark,
                flags: arrival.seen.flags,
                zone_minutes: 0,
            });
            for entry in self
                .journal
                .iter_mut()
                .filter(|entry| arrival.was == Some(entry.message))
            {
                entry.message = id;
            }
        }
        if torn {
            return;
        }
        self.journal
            .retain(|entry| !settlement.retired.contains(&entry.id));
        for (parked, reason) in settlement.parked {
            for entry in self.journal.iter_mut().filter(|entry| entry.id == parked) {
                entry.state = EntryState::Parked(reason.clone());
            }
        }
        for (troubled, trouble) in settlement.troubled {
            for entry in self.journal.iter_mut().filter(|entry| entry.id == troubled) {
                entry.trouble = trouble.to_string();
            }
        }
        self.conflicts.extend(
            settlement
                .conflicts
                .into_iter()
                .flat_map(|conflict| conflict.entries),
        );
    }

    /// Reads the headers that are missing, and finds lost messages by them, as a pass does after recording.
    pub(super) fn fetch_headers(&mut self, server: &Server, unbound: &[JournalEntry]) {
        let (_, alignment) = self.look(server);
        for (index, seq) in alignment.present() {
            self.base.messages[index].mark.header = server.messages[seq.index()].mark.header;
        }
        let rebinding = rebind(&self.base, unbound);
        for entry in &mut self.journal {
            if let Some((_, message)) = rebinding.ties.iter().find(|(tied, _)| *tied == entry.id) {
                entry.message = *message;
            }
            if let Some((_, reason)) = rebinding.lost.iter().find(|(lost, _)| *lost == entry.id) {
                entry.state = EntryState::Parked(reason.clone());
            }
        }
        self.journal
            .retain(|entry| !rebinding.done.contains(&entry.id));
    }
}
