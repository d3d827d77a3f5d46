//! When to try again, as a pure function.

use std::time::Duration;

use super::error::Retry;

/// How long to wait between two tries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backoff {
    /// The first wait at most.
    pub first: Duration,
    /// Any wait at most.
    pub longest: Duration,
}

impl Default for Backoff {
    fn default() -> Self {
        Self {
            first: Duration::from_secs(2),
            longest: Duration::from_secs(15 * 60),
        }
    }
}

impl Backoff {
    /// The wait after `failures` failures in a row: anything between nothing and twice as long as last time, so that
    /// clients that failed together do not come back together. `chance` is a fraction of 2^32.
    #[must_use]
    pub fn wait(self, failures: u32, chance: u32, retry: Retry) -> Duration {
        let doubled = self.first.saturating_mul(
            1_u32
                .checked_shl(failures.saturating_sub(1))
                .unwrap_or(u32::MAX),
        );
        let ceiling = doubled.min(self.longest);
        let jittered = ceiling.mul_f64(f64::from(chance) / f64::from(u32::MAX));
        match retry {
            Retry::Soon => jittered,
            Retry::Later => jittered.max(self.longest.div_f64(3.0)),
            Retry::Rarely => LOCKED_OUT,
        }
    }
}

/// After a refused login nothing is tried for an hour, so that no account is locked for trying too often.
const LOCKED_OUT: Duration = Duration::from_secs(60 * 60);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wait_doubles_up_to_its_limit_and_keeps_below_its_ceiling() {
        let backoff = Backoff::default();
        for (failures, ceiling_secs) in [
            (0, 2),
            (1, 2),
            (2, 4),
            (5, 32),
            (9, 512),
            (10, 900),
            (40, 900),
            (u32::MAX, 900),
        ] {
            assert_eq!(
                backoff.wait(failures, u32::MAX, Retry::Soon),
                Duration::from_secs(ceiling_secs),
                "{failures}"
            );
            assert_eq!(
                backoff.wait(failures, 0, Retry::Soon),
                Duration::ZERO,
                "{failures}"
            );
        }
    }

    #[test]
    fn a_busy_server_and_a_refused_login_wait_longer() {
        let backoff = Backoff::default();
        assert_eq!(backoff.wait(1, 0, Retry::Later), Duration::from_secs(300));
        assert_eq!(
            backoff.wait(1, u32::MAX, Retry::Rarely),
            Duration::from_secs(3600)
        );
    }
}
