//! The keywords of one mailbox: which bit of a flag set means which name.

use super::{Flag, FlagSet, Keyword};

/// The dictionary of one mailbox between keyword names and the bits of a [`FlagSet`].
///
/// Positions are never given to another name, so a stored set keeps its meaning for as long as the dictionary lives.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Keywords(Vec<Option<Keyword>>);

/// The mailbox already has as many keywords as a flag set can hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the mailbox has no room for another keyword")]
pub struct KeywordsFull;

impl Keywords {
    /// Builds the dictionary from stored positions; a position out of range is left out, a later one replaces.
    pub fn from_positions(stored: impl IntoIterator<Item = (u32, Keyword)>) -> Self {
        let mut names = Vec::new();
        for (position, keyword) in stored {
            if FlagSet::keyword(position).is_none() {
                continue;
            }
            let index = position as usize;
            if names.len() <= index {
                names.resize(index.saturating_add(1), None);
            }
            if let Some(slot) = names.get_mut(index) {
                *slot = Some(keyword);
            }
        }
        Self(names)
    }

    /// Every keyword with its position, lowest first.
    pub fn positions(&self) -> impl Iterator<Item = (u32, &Keyword)> {
        (0u32..)
            .zip(&self.0)
            .filter_map(|(position, slot)| Some((position, slot.as_ref()?)))
    }

    /// The set of this keyword alone; the keyword is added if it is new.
    ///
    /// # Errors
    /// [`KeywordsFull`] when every bit is taken.
    pub fn define(&mut self, keyword: &Keyword) -> Result<FlagSet, KeywordsFull> {
        if let Some(set) = self.lookup(keyword) {
            return Ok(set);
        }
        let free = self
            .0
            .iter()
            .position(Option::is_none)
            .unwrap_or(self.0.len());
        let set = u32::try_from(free)
            .ok()
            .and_then(FlagSet::keyword)
            .ok_or(KeywordsFull)?;
        match self.0.get_mut(free) {
            Some(slot) => *slot = Some(keyword.clone()),
            None => self.0.push(Some(keyword.clone())),
        }
        Ok(set)
    }

    /// The set of this keyword alone, if the mailbox has it.
    #[must_use]
    pub fn lookup(&self, keyword: &Keyword) -> Option<FlagSet> {
        self.positions()
            .find(|(_, known)| *known == keyword)
            .and_then(|(position, _)| FlagSet::keyword(position))
    }

    /// Every keyword of the mailbox as a set.
    #[must_use]
    pub fn all(&self) -> FlagSet {
        self.positions()
            .filter_map(|(position, _)| FlagSet::keyword(position))
            .collect()
    }

    /// The flags of a set by name, system flags first. Bits without a name are left out.
    pub fn names(&self, set: FlagSet) -> impl Iterator<Item = Flag> {
        set.iter().filter_map(|flag| self.name(flag))
    }

    fn name(&self, flag: FlagSet) -> Option<Flag> {
        if let Some(position) = flag.keyword_position() {
            return Some(Flag::Keyword(self.0.get(position as usize)?.clone()?));
        }
        [
            Flag::Seen,
            Flag::Answered,
            Flag::Flagged,
            Flag::Deleted,
            Flag::Draft,
        ]
        .into_iter()
        .find(|system| system.system_set() == Some(flag))
    }

    /// Splits names into the set this dictionary knows and the keywords it does not.
    ///
    /// `\Recent` and extension flags are in neither: nobody can store them.
    #[must_use]
    pub fn resolve(&self, flags: &[Flag]) -> (FlagSet, Vec<Keyword>) {
        let mut set = FlagSet::EMPTY;
        let mut unknown = Vec::new();
        for flag in flags {
            match flag {
                Flag::Keyword(keyword) => match self.lookup(keyword) {
                    Some(known) => set = set.union(known),
                    None => unknown.push(keyword.clone()),
                },
                Flag::Recent | Flag::Extension(_) => {}
                Flag::Seen | Flag::Answered | Flag::Flagged | Flag::Deleted | Flag::Draft => {
                    set = set.union(flag.system_set().unwrap_or_default());
                }
            }
        }
        (set, unknown)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keyword(name: &str) -> Keyword {
        name.parse().unwrap()
    }

    #[test]
    fn a_keyword_keeps_its_bit_and_its_first_spelling() {
        let mut keywords = Keywords::default();
        let harbour = keywords.define(&keyword("Harbour")).unwrap();
        let pier = keywords.define(&keyword("Pier")).unwrap();
        assert_ne!(harbour, pier);
        assert_eq!(keywords.define(&keyword("hARBOUR")), Ok(harbour));
        let names: Vec<_> = keywords
            .names(pier.union(harbour).union(FlagSet::SEEN))
            .map(|f| f.to_string())
            .collect();
        assert_eq!(names, ["\\Seen", "Harbour", "Pier"]);
        assert_eq!(keywords.all(), harbour.union(pier));
    }

    #[test]
    fn the_fifty_ninth_keyword_is_refused() {
        let mut keywords = Keywords::default();
        for number in 0..FlagSet::KEYWORD_COUNT {
            keywords.define(&keyword(&format!("k{number}"))).unwrap();
        }
        assert_eq!(keywords.define(&keyword("one-more")), Err(KeywordsFull));
        assert!(keywords.define(&keyword("K7")).is_ok());
    }

    #[test]
    fn stored_positions_come_back_as_they_were() {
        let stored = [
            (4, keyword("four")),
            (0, keyword("zero")),
            (99, keyword("never")),
        ];
        let mut keywords = Keywords::from_positions(stored);
        let positions: Vec<_> = keywords
            .positions()
            .map(|(p, k)| (p, k.as_str().to_owned()))
            .collect();
        assert_eq!(positions, [(0, "zero".to_owned()), (4, "four".to_owned())]);
        assert_eq!(
            keywords.define(&keyword("new")),
            Ok(FlagSet::keyword(1).unwrap())
        );
    }

    #[test]
    fn recent_and_extension_flags_are_in_no_set() {
        let mut keywords = Keywords::default();
        let known = keywords.define(&keyword("known")).unwrap();
        let flags: Vec<_> = [&b"\\Seen"[..], b"\\Recent", b"\\XXXX", b"known", b"other"]
            .iter()
            .map(|name| Flag::from_bytes(name).unwrap())
            .collect();
        assert_eq!(
            keywords.resolve(&flags),
            (FlagSet::SEEN.union(known), vec![keyword("other")])
        );
    }
}
