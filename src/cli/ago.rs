//! How long ago something was, as people say it.

use crate::clock;

/// A time in seconds since 1970, seen from now.
pub(super) fn ago(at: i64) -> String {
    words(clock::unix_seconds().saturating_sub(at))
}

fn words(seconds: i64) -> String {
    let counted = |count: i64, one: &str, many: &str| match count {
        1 => format!("1 {one} ago"),
        count => format!("{count} {many} ago"),
    };
    match seconds {
        ..10 => "just now".to_owned(),
        10..60 => counted(seconds, "second", "seconds"),
        60..3600 => counted(seconds.div_euclid(60), "minute", "minutes"),
        3600..86_400 => counted(seconds.div_euclid(3600), "hour", "hours"),
        _ => counted(seconds.div_euclid(86_400), "day", "days"),
    }
}

#[cfg(test)]
mod tests {
    use super::words;

    #[test]
    fn the_unit_fits_the_distance() {
        for (seconds, expected) in [
            (-5, "just now"),
            (9, "just now"),
            (59, "59 seconds ago"),
            (60, "1 minute ago"),
            (7200, "2 hours ago"),
            (86_400 * 3, "3 days ago"),
        ] {
            assert_eq!(words(seconds), expected);
        }
    }
}
