//! Stray changes: below IMAP4 a message may be removed while a command that changes flags by number is under way, and then
//! nobody can say which message the server took a number for.
//!
//! What every message showed before is kept, so a change that fell on a message that was not meant can be told, and is
//! taken back: one message at a time, looking before and after, since numbers may move again. The connection is given up
//! afterwards in any case; what became of the messages that were meant, the next one sees. Row `1064-NUM-EXPUNGE-INCMD`.

use super::error::UpstreamError;
use super::observe::MAX_RANGES;
use super::selected::{Map, Selected, Slot};
use crate::id::MessageId;
use crate::mirror::Access;
use crate::protocol::client::Completion;
use crate::protocol::command::{Command, Numbering};
use crate::protocol::response::Status;
use crate::protocol::types::{
    FetchItem, FetchRequest, Flag, FlagDelta, FlagSet, SeqNum, SequenceSet, StoreMode, StoreReply,
};

/// The numbers that a command speaks of, and when: numbers mean what they meant until the next removal.
#[derive(Debug)]
pub(super) struct Aim {
    seqs: Vec<SeqNum>,
    generation: u64,
}

/// What is remembered of a message while a command that changes flags by number is under way.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Watch {
    /// Its flags before. A message that only just arrived has none.
    before: FlagSet,
    /// What was first shown of a suspect once the command was over. What comes later is somebody else's doing.
    after: Option<FlagSet>,
    /// What it showed when it was last asked.
    told: Option<FlagSet>,
    role: Role,
}

/// A change of ours that fell on a message that was not meant, as long as it is not certain that it was taken back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Astray {
    /// The message.
    pub message: MessageId,
    /// What takes the change back.
    pub back: FlagDelta,
}

/// What a message has to do with such a command.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Role {
    #[default]
    Bystander,
    Meant,
    /// Not meant, and perhaps hit.
    Suspect,
}

impl Selected<'_> {
    /// Stores flags on the messages at some numbers. Gives the last answer; behind a refusal nothing more is sent.
    ///
    /// # Errors
    /// [`UpstreamError::Desynchronised`] when messages were removed meanwhile; changes that went astray are taken back by then.
    pub(super) async fn store_by_number(
        &mut self,
        seqs: &[SeqNum],
        mode: StoreMode,
        flags: FlagSet,
    ) -> Result<Option<Completion>, UpstreamError> {
        let mut last = None;
        for set in SequenceSet::chunked(seqs.iter().copied(), MAX_RANGES) {
            let store = self.store_command(set, mode, flags);
            let may = delta(mode, flags);
            let completion = self.change_by_number(store, seqs, may).await?;
            let is_refused = completion.status != Status::Ok;
            last = Some(completion);
            if is_refused {
                break;
            }
        }
        Ok(last)
    }

    /// Sends a command that may change flags of the messages at some numbers: `may` says how.
    ///
    /// # Errors
    /// [`UpstreamError::Desynchronised`] when messages were removed meanwhile; changes that went astray are taken back by then.
    pub(super) async fn change_by_number(
        &mut self,
        command: Command,
        seqs: &[SeqNum],
        may: FlagDelta,
    ) -> Result<Completion, UpstreamError> {
        let is_timed = self.dialect.expunge_is_timed();
        let aim = if is_timed {
            self.map.aim(seqs)
        } else {
            self.map.watch(seqs)
        };
        let heard = self.hear(command).await;
        if self.map.moved_since(&aim) == 0 {
            return heard;
        }
        if !is_timed {
            self.map.suspect(&aim);
        }
        let seen_to = match heard {
            Ok(_) if is_timed => Ok(()),
            Ok(_) => self.take_back(may).await,
            Err(error) => Err(error),
        };
        if seen_to.is_err() {
            // Whoever was not looked at may have been hit.
            self.astray.extend(self.map.perhaps_astray(may));
        }
        seen_to?;
        Err(UpstreamError::Desynchronised {
            problem: "messages were removed while flags were changed by number",
        })
    }

    /// Takes `\Seen` off messages that were not asked for, where numbers moved while texts were read: also off those that
    /// arrived meanwhile.
    ///
    /// # Errors
    /// [`UpstreamError`] when the connection is of no further use.
    pub async fn unmark_strays(&mut self) -> Result<(), UpstreamError> {
        if self.map.suspects().next().is_some() {
            let may = delta(StoreMode::Add, FlagSet::SEEN);
            self.take_back(may).await?;
            self.map.forget_suspects();
        }
        Ok(())
    }

    /// Takes back what fell on messages that were not meant. A change back can go astray as well, so what it did by
    /// mistake is looked for too.
    async fn take_back(&mut self, mut may: FlagDelta) -> Result<(), UpstreamError> {
        let mut is_changed = false;
        let earlier_count = self.astray.len();
        for _ in 0..MOST_TAKEN_BACK {
            self.look_at_suspects().await?;
            self.map.clear_of_suspicion(may);
            let Some((seq, stray)) = self.map.stray(may) else {
                break;
            };
            self.astray.extend(self.map.astray(seq, stray));
            let (mode, flags) = if stray.remove.is_empty() {
                (StoreMode::Add, stray.add)
            } else {
                (StoreMode::Remove, stray.remove)
            };
            tracing::warn!(
                seq = seq.get(),
                "a change fell on a message that was not meant; it is taken back"
            );
            let aim = self.map.aim(&[seq]);
            let store = self.store_command(SequenceSet::single(seq), mode, flags);
            let completion = self.hear(store).await?;
            is_changed = true;
            let also = delta(mode, flags);
            may.add = may.add.union(also.add);
            may.remove = may.remove.union(also.remove);
            self.map.suspect(&aim);
            if completion.status != Status::Ok {
                tracing::warn!(text = %completion.text, "the server does not let it be taken back");
                return Ok(());
            }
        }
        if is_changed {
            // What a server only remembers, it forgets with the connection.
            let written = self.hear(Command::Check).await?;
            let is_kept = self.map.facts.access != Access::ReadOnly;
            if written.status == Status::Ok && is_kept && self.map.stray(may).is_none() {
                self.astray.truncate(earlier_count);
            }
        }
        Ok(())
    }

    /// What may still stand on messages that were not meant; said once.
    pub fn astray(&mut self) -> Vec<Astray> {
        std::mem::take(&mut self.astray)
    }

    /// Asks for the flags of every message that may have been hit, and again where numbers moved before anything was shown of
    /// it. What was shown of it before stands where nothing new is told.
    async fn look_at_suspects(&mut self) -> Result<(), UpstreamError> {
        self.map.forget_what_suspects_show();
        for _ in 0..LOOKS {
            let suspects: Vec<SeqNum> = self.map.unshown_suspects().collect();
            let aim = self.map.aim(&suspects);
            for set in SequenceSet::chunked(suspects, MAX_RANGES) {
                let request = FetchRequest::Items(vec![FetchItem::Flags]);
                let fetch = Command::Fetch(Numbering::Sequence, set, request);
                let map = &mut self.map;
                let hear = |untagged| {
                    map.apply(untagged)?;
                    map.note_what_suspects_show();
                    Ok(())
                };
                self.wire.run(fetch, hear).await?;
            }
            if self.map.moved_since(&aim) == 0 {
                break;
            }
        }
        self.map.recall_what_suspects_show();
        Ok(())
    }

    async fn hear(&mut self, command: Command) -> Result<Completion, UpstreamError> {
        let map = &mut self.map;
        let hear = |untagged| map.apply(untagged);
        self.wire.run(command, hear).await
    }

    fn store_command(&self, set: SequenceSet, mode: StoreMode, flags: FlagSet) -> Command {
        let names: Vec<Flag> = self.map.keywords.names(flags).collect();
        Command::Store {
            numbering: Numbering::Sequence,
            set,
            mode,
            reply: StoreReply::Report,
            flags: names,
        }
    }
}

impl Map {
    /// Numbers as they stand now.
    fn aim(&self, seqs: &[SeqNum]) -> Aim {
        Aim {
            seqs: seqs.to_vec(),
            generation: self.generation,
        }
    }

    /// The same, and what every message shows is remembered. A suspect stays one.
    pub(super) fn watch(&mut self, seqs: &[SeqNum]) -> Aim {
        for slot in &mut self.slots {
            if slot.watch.role != Role::Suspect {
                slot.watch = Watch {
                    before: slot.last_shown().unwrap_or_default(),
                    after: None,
                    told: None,
                    role: Role::Bystander,
                };
            }
        }
        for seq in seqs {
            if let Some(slot) = self.slots.get_mut(seq.index()) {
                slot.watch.role = Role::Meant;
            }
        }
        self.aim(seqs)
    }

    /// How many messages were removed since.
    fn moved_since(&self, aim: &Aim) -> usize {
        let removed = self.generation.wrapping_sub(aim.generation);
        usize::try_from(removed).unwrap_or(usize::MAX)
    }

    /// The message that a number meant to the server stands at that number now, or as many places before it as messages
    /// were removed, at most.
    pub(super) fn suspect(&mut self, aim: &Aim) {
        let moved = self.moved_since(aim);
        if moved == 0 {
            return;
        }
        self.slots.resize(self.exists, Slot::default());
        for seq in &aim.seqs {
            let first = seq.index().saturating_sub(moved);
            let count = seq.index().saturating_sub(first).saturating_add(1);
            for slot in self.slots.iter_mut().skip(first).take(count) {
                if slot.watch.role == Role::Bystander {
                    slot.watch.role = Role::Suspect;
                }
            }
        }
    }

    fn forget_suspects(&mut self) {
        for slot in &mut self.slots {
            slot.watch.role = Role::Bystander;
        }
    }

    fn suspects(&self) -> impl Iterator<Item = SeqNum> {
        let slots = self.slots.iter().enumerate();
        let suspects = slots.filter(|(_, slot)| slot.watch.role == Role::Suspect);
        suspects.filter_map(|(index, _)| SeqNum::from_index(index))
    }

    fn unshown_suspects(&self) -> impl Iterator<Item = SeqNum> {
        let is_unshown = |seq: &SeqNum| {
            let slot = self.slots.get(seq.index());
            slot.is_some_and(|slot| slot.watch.after.is_none())
        };
        self.suspects().filter(is_unshown)
    }

    /// The suspects are asked for their flags anew.
    fn forget_what_suspects_show(&mut self) {
        for slot in &mut self.slots {
            if slot.watch.role == Role::Suspect {
                slot.watch.after = None;
                slot.watch.told = slot.flags.take().or(slot.watch.told);
            }
        }
    }

    /// The first that is shown of a suspect counts.
    fn note_what_suspects_show(&mut self) {
        for slot in &mut self.slots {
            if slot.watch.role == Role::Suspect && slot.watch.after.is_none() {
                slot.watch.after = slot.flags;
            }
        }
    }

    /// Where nothing new was told, what was told before stands.
    fn recall_what_suspects_show(&mut self) {
        for slot in &mut self.slots {
            if slot.watch.role == Role::Suspect {
                slot.flags = slot.flags.or(slot.watch.told);
                slot.watch.after = slot.watch.after.or(slot.flags);
            }
        }
    }

    /// Whoever was shown without a stray change was not hit; what changes there from now on is somebody else's doing.
    fn clear_of_suspicion(&mut self, may: FlagDelta) {
        for slot in &mut self.slots {
            let is_clean = slot.watch.stray(may).is_some_and(FlagDelta::is_empty);
            if slot.watch.role == Role::Suspect && is_clean {
                slot.watch.role = Role::Bystander;
                slot.watch.before = slot.flags.unwrap_or(slot.watch.before);
            }
        }
    }

    fn astray(&self, seq: SeqNum, back: FlagDelta) -> Option<Astray> {
        let slot = self.slots.get(seq.index())?;
        Some(Astray {
            message: slot.message?,
            back,
        })
    }

    /// The suspects of which nothing was shown since, or the change, and what would take it back.
    fn perhaps_astray(&self, may: FlagDelta) -> Vec<Astray> {
        let suspects = self
            .slots
            .iter()
            .filter(|slot| slot.watch.role == Role::Suspect);
        let perhaps = suspects.filter_map(|slot| {
            let before = slot.watch.before;
            let unshown = FlagDelta::between(may.apply(before), before);
            let back = slot.watch.stray(may).unwrap_or(unshown);
            let message = slot.message.filter(|_| !back.is_empty())?;
            Some(Astray { message, back })
        });
        perhaps.collect()
    }

    /// The first message with a change that was not meant for it, and what takes it back.
    fn stray(&self, may: FlagDelta) -> Option<(SeqNum, FlagDelta)> {
        self.suspects().find_map(|seq| {
            let back = self.slots.get(seq.index())?.watch.stray(may)?;
            (!back.is_empty()).then_some((seq, back))
        })
    }
}

impl Watch {
    /// What would take back a change that was not meant for a message, as far as it was looked at.
    fn stray(&self, may: FlagDelta) -> Option<FlagDelta> {
        let (before, after) = (self.before, self.after?);
        Some(FlagDelta {
            add: before.minus(after).intersection(may.remove),
            remove: after.minus(before).intersection(may.add),
        })
    }
}

/// How a STORE may change a message; nothing is ever replaced here.
fn delta(mode: StoreMode, flags: FlagSet) -> FlagDelta {
    let mut delta = FlagDelta::NONE;
    if mode == StoreMode::Remove {
        delta.remove = flags;
    } else {
        delta.add = flags;
    }
    delta
}

/// How many changes are taken back at most: as many as one command names, and some that go astray again.
const MOST_TAKEN_BACK: usize = 100;
/// How often the suspects are looked at before numbers stand still.
const LOOKS: usize = 4;
