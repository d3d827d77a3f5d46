//! The only reader of the wall clock.
//!
//! Wall time is for people: stamps in the journal, ages of bodies, lines of a report. Order, ids and deadlines never
//! depend on it, because it jumps; waiting is `tokio::time`'s, which tests can pause.

use jiff::Timestamp;

/// The time now.
#[must_use]
pub fn now() -> Timestamp {
    Timestamp::now()
}

/// Seconds since 1970 in UTC, rounded down; negative before.
#[must_use]
pub fn unix_seconds() -> i64 {
    now().as_microsecond().div_euclid(1_000_000)
}

/// Microseconds since 1970 in UTC; negative before.
#[must_use]
pub fn unix_micros() -> i64 {
    now().as_microsecond()
}

#[cfg(test)]
mod tests {
    use super::{now, unix_micros, unix_seconds};

    #[test]
    fn the_three_readings_agree() {
        let before = now();
        let (seconds, micros) = (unix_seconds(), unix_micros());
        let after = now();
        assert!((before.as_second()..=after.as_second()).contains(&seconds));
        assert!((before.as_microsecond()..=after.as_microsecond()).contains(&micros));
    }
}
