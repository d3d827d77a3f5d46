//! What nobody can know where numbers move during a command.

use std::collections::BTreeMap;

use lowtide::protocol::types::FlagSet;

use super::Server;
use crate::model::Serial;

impl Server {
    /// Flags were changed by numbers that moved. Nobody knows what was had before by what came meanwhile, nor whose doing it is
    /// that a flag is not as it was told.
    pub(super) fn contest(
        &mut self,
        flags: FlagSet,
        unheard: &BTreeMap<Serial, FlagSet>,
        left: &BTreeMap<Serial, FlagSet>,
    ) {
        let now = self.shown();
        let mut model = self.model.borrow_mut();
        model.contested = flags;
        let place = self.selected.unwrap();
        for (serial, _) in &self.view {
            let is_new = self.told_before.iter().all(|(known, _)| known != serial);
            let before = unheard.get(serial).copied().unwrap_or_default();
            let later = match (left.get(serial), now.get(serial)) {
                (Some(left), Some(now)) => differing(*left, *now),
                _ => FlagSet::EMPTY,
            };
            let doubtful = if is_new { flags } else { before.union(later) };
            model.contest(place, *serial, doubtful.intersection(flags));
        }
    }

    /// The flags of the messages that the client counts.
    pub(super) fn shown(&self) -> BTreeMap<Serial, FlagSet> {
        let model = self.model.borrow();
        let place = self.selected.unwrap_or_default();
        let counted = self.view.iter().filter_map(|(serial, _)| {
            let message = model.find(place, *serial)?;
            Some((*serial, message.flags))
        });
        counted.collect()
    }

    /// What others changed of them that the client had not heard of when its command came.
    pub(super) fn unheard(&self) -> BTreeMap<Serial, FlagSet> {
        let shown = self.shown();
        let told = self.told_before.iter();
        let differs = told
            .filter_map(|(serial, told)| Some((*serial, differing(*told, *shown.get(serial)?))));
        differs.collect()
    }
}

fn differing(one: FlagSet, other: FlagSet) -> FlagSet {
    one.minus(other).union(other.minus(one))
}
