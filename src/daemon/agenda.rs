//! When a server is looked at next, as a function of what has happened. Nothing here waits.

use std::time::Duration;

use tokio::time::Instant;

use crate::upstream::{Backoff, Retry};

/// What is due at the server of one account, and when.
///
/// Two times say it all: nothing is tried before the end of the wait after a failure, whoever rings; and only a full round
/// puts off the next full round, so that no amount of ringing hides what is new.
#[derive(Clone, Debug)]
pub(super) struct Agenda {
    poll: Duration,
    backoff: Backoff,
    /// When all mailboxes are due.
    poll_at: Instant,
    /// Until when nothing is tried after a failure; in the past if there was none.
    not_before: Instant,
    /// Failures in a row.
    failures: u32,
    /// Whether somebody has rung and was not attended to.
    is_pressed: bool,
}

/// What a round is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Round {
    /// All mailboxes.
    Full,
    /// Those in which something waits.
    Pressing,
    /// What somebody asked for, short of a full round.
    Asked,
}

impl Agenda {
    /// Everything is due.
    pub(super) fn new(poll: Duration, backoff: Backoff, now: Instant) -> Self {
        Self {
            poll,
            backoff,
            poll_at: now,
            not_before: now,
            failures: 0,
            is_pressed: false,
        }
    }

    /// When the next round begins, if nobody asks for one.
    pub(super) fn next_at(&self) -> Instant {
        if self.is_pressed {
            self.not_before
        } else {
            self.poll_at.max(self.not_before)
        }
    }

    /// What the round is for that begins now.
    pub(super) fn due(&self, now: Instant) -> Round {
        if now >= self.poll_at {
            Round::Full
        } else {
            Round::Pressing
        }
    }

    /// Whether nothing is to be tried now.
    pub(super) fn is_backing_off(&self, now: Instant) -> bool {
        now < self.not_before
    }

    /// The user did something, or waits for a text.
    pub(super) fn press(&mut self) {
        self.is_pressed = true;
    }

    /// It turned out that nothing waits.
    pub(super) fn nothing_presses(&mut self) {
        self.is_pressed = false;
    }

    /// A person wants the connection: whatever failed before is forgotten, and everything is due.
    pub(super) fn start_over(&mut self, now: Instant) {
        *self = Self::new(self.poll, self.backoff, now);
    }

    /// A round came to its end.
    pub(super) fn succeeded(&mut self, round: Round, now: Instant) {
        self.failures = 0;
        self.not_before = now;
        match round {
            Round::Full => {
                self.poll_at = after(now, self.poll);
                self.is_pressed = false;
            }
            Round::Pressing => self.is_pressed = false,
            Round::Asked => {}
        }
    }

    /// A round failed, and what it was for is still to be done. Once it can be, so is a look at everything.
    pub(super) fn failed(&mut self, retry: Retry, chance: u32, now: Instant) {
        self.failures = self.failures.saturating_add(1);
        self.not_before = after(now, self.backoff.wait(self.failures, chance, retry));
        self.poll_at = self.poll_at.min(self.not_before);
    }
}

fn after(now: Instant, wait: Duration) -> Instant {
    now.checked_add(wait).unwrap_or(now)
}

#[cfg(test)]
mod tests {
    use super::*;

    const POLL: Duration = Duration::from_secs(300);
    const MOST: u32 = u32::MAX;

    fn agenda(now: Instant) -> Agenda {
        Agenda::new(POLL, Backoff::default(), now)
    }

    /// Seconds from one moment to the next round, and what it is for.
    fn next(agenda: &Agenda, from: Instant) -> (u64, Round) {
        let at = agenda.next_at().max(from);
        (at.duration_since(from).as_secs(), agenda.due(at))
    }

    fn later(from: Instant, secs: u64) -> Instant {
        after(from, Duration::from_secs(secs))
    }

    #[test]
    fn a_full_round_is_due_at_once_and_then_after_the_poll_interval() {
        let start = Instant::now();
        let mut agenda = agenda(start);
        assert_eq!(next(&agenda, start), (0, Round::Full));
        agenda.succeeded(Round::Full, later(start, 7));
        assert_eq!(next(&agenda, start), (307, Round::Full));
    }

    #[test]
    fn no_amount_of_ringing_puts_off_the_poll() {
        let start = Instant::now();
        let mut agenda = agenda(start);
        agenda.succeeded(Round::Full, start);
        for secs in (4..300).step_by(4) {
            let now = later(start, secs);
            agenda.press();
            assert_eq!(next(&agenda, now), (0, Round::Pressing));
            agenda.succeeded(Round::Pressing, now);
            agenda.succeeded(Round::Asked, now);
        }
        assert_eq!(next(&agenda, start), (300, Round::Full));
        agenda.press();
        assert_eq!(next(&agenda, later(start, 300)), (0, Round::Full));
    }

    #[test]
    fn a_doorbell_waits_for_the_end_of_back_off() {
        let start = Instant::now();
        let mut agenda = agenda(start);
        agenda.failed(Retry::Rarely, MOST, start);
        agenda.press();
        assert!(agenda.is_backing_off(start));
        assert_eq!(next(&agenda, start), (3600, Round::Full));
        assert!(!agenda.is_backing_off(later(start, 3600)));
    }

    #[test]
    fn failures_double_the_wait_until_a_round_succeeds() {
        let start = Instant::now();
        let mut agenda = agenda(start);
        for wait in [2, 4, 8, 16] {
            agenda.failed(Retry::Soon, MOST, start);
            assert_eq!(next(&agenda, start), (wait, Round::Full));
        }
        agenda.succeeded(Round::Full, start);
        agenda.press();
        agenda.failed(Retry::Soon, MOST, start);
        assert_eq!(next(&agenda, start), (2, Round::Full));
    }

    #[test]
    fn what_pressed_when_a_round_failed_presses_afterwards() {
        let start = Instant::now();
        let mut agenda = agenda(start);
        agenda.succeeded(Round::Full, start);
        agenda.press();
        agenda.failed(Retry::Soon, MOST, start);
        agenda.succeeded(Round::Asked, later(start, 1));
        assert_eq!(next(&agenda, later(start, 1)), (0, Round::Pressing));
        agenda.nothing_presses();
        // The failure had moved the look at everything nearer.
        assert_eq!(next(&agenda, later(start, 1)), (1, Round::Full));
    }

    #[test]
    fn a_person_who_goes_online_waits_for_nothing() {
        let start = Instant::now();
        let mut agenda = agenda(start);
        agenda.failed(Retry::Rarely, MOST, start);
        agenda.start_over(later(start, 1));
        assert_eq!(next(&agenda, later(start, 1)), (0, Round::Full));
        agenda.failed(Retry::Soon, MOST, start);
        assert_eq!(next(&agenda, start), (2, Round::Full));
    }
}
