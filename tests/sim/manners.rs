//! How servers differ.

use crate::random::Random;

/// How a server differs from others.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Manners {
    /// Removals are told at any time, also in the middle of a FETCH or before a STORE takes its numbers.
    pub(crate) eager: bool,
    /// Messages go while STORE is on its way, and the line breaks before anybody has heard of it.
    pub(crate) frail: bool,
    /// SEARCH says nothing where it finds nothing.
    pub(crate) silent: bool,
    /// What is stored is kept at CHECK, or when the mailbox is left; a connection that breaks loses it.
    pub(crate) forgetful: bool,
    /// COPY marks its source as read.
    pub(crate) copy_reads: bool,
    /// It does not search by flags.
    pub(crate) no_search: bool,
    /// Some lines of a FETCH are left out, and come when they are asked for again.
    pub(crate) gaps: bool,
    /// STORE does not show what came of it.
    pub(crate) mute_store: bool,
    /// Lines that mean nothing come in between.
    pub(crate) babbles: bool,
    /// It speaks IMAP4rev1: messages have UIDs, and numbers stand still while a command is carried out.
    pub(crate) is_modern: bool,
    /// It removes by UID.
    pub(crate) expunges_by_uid: bool,
    /// It counts changes.
    pub(crate) counts: bool,
    /// The last mailbox can be read and not changed.
    pub(crate) is_library: bool,
    /// A session loses its lock now and then: what is stored from then on is shown, and forgotten with the session.
    pub(crate) loses_locks: bool,
    /// It does not say so.
    pub(crate) hides_lost_locks: bool,
    /// What is stored is shown, and forgotten with the session, whatever is done about it.
    pub(crate) keeps_nothing: bool,
    /// STORE says OK and does nothing now and then.
    pub(crate) ignores: bool,
    /// It says NO now and then.
    pub(crate) refuses: bool,
    /// It says NO to everything that would change something.
    pub(crate) denies: bool,
    /// Now and then a session counts a message that is not there.
    pub(crate) has_ghosts: bool,
    /// Now and then a message is missing from the count, and nobody said that it went.
    pub(crate) shrinks: bool,
    /// It searches for several things at a time, and says what it found before it says which search has ended.
    pub(crate) hurries: bool,
    /// A message that is appended gets an end of line, and counts for more than it was.
    pub(crate) adds_lines: bool,
    /// In how many of a hundred commands somebody else acts.
    pub(crate) others: usize,
}

impl Manners {
    pub(crate) fn new(chance: &mut Random) -> Self {
        // Not drawn like the others, so that lives that were kept stay what they were.
        let mut apart = Random::new(chance.clone().number());
        let (hurries, is_frail) = (apart.percent(25), apart.percent(25));
        let mut odd = |share| chance.percent(share);
        let is_modern = odd(35);
        let expunges_by_uid = is_modern && odd(60);
        let counts = is_modern && odd(50);
        let is_library = odd(10);
        let loses_locks = odd(10);
        let refuses = odd(10);
        let adds_lines = is_modern && odd(30);
        let eager = !is_modern && odd(30);
        Self {
            is_modern,
            hurries,
            expunges_by_uid,
            counts,
            is_library,
            loses_locks,
            refuses,
            adds_lines,
            eager,
            frail: eager && is_frail,
            silent: odd(20),
            forgetful: odd(15),
            copy_reads: !is_modern && odd(50),
            no_search: odd(10),
            gaps: odd(15),
            mute_store: odd(20),
            babbles: odd(10),
            // Below IMAP4rev1 a text that was read would stay marked.
            hides_lost_locks: is_modern && odd(50),
            keeps_nothing: odd(3),
            ignores: odd(10),
            denies: odd(2),
            has_ghosts: odd(5),
            shrinks: odd(5),
            others: 0,
        }
    }
}
