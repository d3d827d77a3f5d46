//! What our user asked for, and whether it came true.

use lowtide::protocol::types::{FlagDelta, FlagSet};

use crate::model::{Event, Letter, Model, Place};

/// Something that our user asked for, and how far it was ever seen to have come true.
#[derive(Clone, Debug)]
pub(crate) struct Wish {
    pub(crate) place: Place,
    pub(crate) letter: Letter,
    pub(crate) what: What,
    /// Whether it was acknowledged. If the process died meanwhile, it may have been taken or not.
    pub(crate) is_certain: bool,
    /// Whether one of the letter was removed since, or there were fewer then than our user saw: it may have been the one
    /// that was meant.
    pub(crate) may_be_gone: bool,
}

/// What a wish is.
#[derive(Clone, Debug)]
pub(crate) enum What {
    /// Flags that are still to be set and to be cleared: those that were never seen so since, nor asked otherwise.
    Flags {
        add: FlagSet,
        remove: FlagSet,
        /// All that it ever was about.
        named: FlagSet,
        /// Those that we did not set or clear ourselves yet: who takes them back asks for nothing.
        unsent: FlagDelta,
    },
    /// Remove it; whether there were fewer at any time since.
    Remove { is_done: bool },
    /// Copy it.
    Copy { to: Place },
    /// Append it, since our user wrote it or wants it back.
    Append,
}

impl Model {
    /// Our user asks for something; what was asked before about the same flags counts no more.
    pub(crate) fn wish(
        &mut self,
        place: Place,
        letter: Letter,
        what: What,
        count: usize,
        is_certain: bool,
    ) {
        let mut what = what;
        if let What::Flags {
            add: set,
            remove: cleared,
            ..
        } = &mut what
        {
            let touched = set.union(*cleared);
            let meant = |wish: &&mut Wish| (wish.place, wish.letter) == (place, letter);
            for wish in self.wishes.iter_mut().filter(meant) {
                if let What::Flags {
                    add,
                    remove,
                    unsent,
                    ..
                } = &mut wish.what
                {
                    // Who takes back what has not come true yet asks for nothing.
                    *set = set.minus(unsent.remove);
                    *cleared = cleared.minus(unsent.add);
                    // If it was not taken after all, the earlier one can still be taken back.
                    if is_certain {
                        *unsent = unsent.minus(unsent.within(touched));
                    }
                    *add = add.minus(touched);
                    *remove = remove.minus(touched);
                }
            }
        }
        let was_removed = self.events.iter().any(|event| {
            matches!(event, Event::Removed { mailbox, letter: gone, .. } if (*mailbox, *gone) == (place, letter))
        });
        let there = self.mailboxes[place].iter();
        let there = there.filter(|message| message.letter == letter).count();
        self.wishes.push(Wish {
            place,
            letter,
            what,
            is_certain,
            may_be_gone: there < count || was_removed,
        });
        self.note();
    }

    /// Whether a wish may only take back what had not come true yet: of twins nobody can tell which of them that was.
    pub(crate) fn may_take_back(&self, wish: &Wish, flags: FlagSet) -> bool {
        let alike = self.mailboxes[wish.place].iter();
        let alike = alike.filter(|message| message.letter == wish.letter);
        let before = self
            .wishes
            .iter()
            .take_while(|other| !std::ptr::eq(*other, wish));
        let mut before = before.filter(|other| {
            (other.place, other.letter) == (wish.place, wish.letter)
                && matches!(other.what, What::Flags { named, .. } if named.contains(flags))
        });
        alike.count() > 1 && before.next().is_some()
    }

    /// Sees which wishes have come true.
    pub(crate) fn note(&mut self) {
        for wish in &mut self.wishes {
            let mailbox = self.mailboxes[wish.place].iter();
            let alike: Vec<FlagSet> = mailbox
                .filter(|message| message.letter == wish.letter)
                .map(|message| message.kept)
                .collect();
            match &mut wish.what {
                What::Flags { add, remove, .. } => {
                    for flags in alike {
                        *add = add.minus(flags);
                        *remove = remove.intersection(flags);
                    }
                }
                What::Remove { is_done } => *is_done |= wish.may_be_gone,
                What::Copy { .. } | What::Append => {}
            }
        }
    }
}
