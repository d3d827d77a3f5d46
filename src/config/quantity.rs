//! Numbers with a unit: `"5m"`, `"90d"`, `"5MB"`, `"256MiB"`.

/// Units with their size in the smallest one, largest first.
pub(super) type Units = &'static [(&'static str, u64)];

/// Units of time, in milliseconds. A day has 24 hours.
pub(super) const TIME: Units = &[
    ("d", 86_400_000),
    ("h", 3_600_000),
    ("m", 60_000),
    ("s", 1_000),
    ("ms", 1),
];

/// Units of size, in bytes: powers of 1000, and with an `i` powers of 1024.
pub(super) const SIZE: Units = &[
    ("GiB", 1 << 30),
    ("GB", 1_000_000_000),
    ("MiB", 1 << 20),
    ("MB", 1_000_000),
    ("KiB", 1 << 10),
    ("kB", 1_000),
    ("KB", 1_000),
    ("B", 1),
];

/// Reads a whole number and one unit, with or without a space between; `None` for anything else or an overflow.
pub(super) fn parse(text: &str, units: Units) -> Option<u64> {
    let digits = text.find(|c: char| !c.is_ascii_digit())?;
    let (number, unit) = text.split_at_checked(digits)?;
    let unit = unit.strip_prefix(' ').unwrap_or(unit);
    let (_, scale) = units.iter().find(|(name, _)| *name == unit)?;
    number.parse::<u64>().ok()?.checked_mul(*scale)
}

/// Writes a quantity in the largest unit that needs no fraction; [`parse`] reads it back.
pub(super) fn show(value: u64, units: Units) -> String {
    units
        .iter()
        .find(|(_, scale)| value.is_multiple_of(*scale))
        .map_or_else(String::new, |(name, scale)| {
            format!("{}{name}", value.checked_div(*scale).unwrap_or(value))
        })
}

#[cfg(test)]
mod tests {
    use super::{SIZE, TIME, Units, parse, show};
    use proptest::prelude::{any, proptest};

    #[test]
    fn times_and_sizes_are_a_number_and_a_unit() {
        let table: &[(&str, Units, Option<u64>)] = &[
            ("90s", TIME, Some(90_000)),
            ("5m", TIME, Some(300_000)),
            ("1h", TIME, Some(3_600_000)),
            ("90d", TIME, Some(7_776_000_000)),
            ("250ms", TIME, Some(250)),
            ("5 m", TIME, Some(300_000)),
            ("0s", TIME, Some(0)),
            ("5MB", SIZE, Some(5_000_000)),
            ("256MiB", SIZE, Some(268_435_456)),
            ("10KB", SIZE, Some(10_000)),
            ("7B", SIZE, Some(7)),
            ("", TIME, None),
            ("5", TIME, None),
            ("m", TIME, None),
            ("-5m", TIME, None),
            ("1.5h", TIME, None),
            ("5  m", TIME, None),
            ("5M", TIME, None),
            ("1h30m", TIME, None),
            ("5mb", SIZE, None),
            ("\u{0665}m", TIME, None),
            ("99999999999999999999s", TIME, None),
            ("18446744073709551615GiB", SIZE, None),
        ];
        for (text, units, expected) in table {
            assert_eq!(parse(text, units), *expected, "{text:?}");
        }
    }

    #[test]
    fn a_quantity_is_shown_in_its_largest_whole_unit() {
        let shown = [
            (300_000, TIME),
            (90_000, TIME),
            (604_800_000, TIME),
            (268_435_456, SIZE),
            (65_536, SIZE),
            (5_000_000, SIZE),
        ]
        .map(|(value, units)| show(value, units));
        assert_eq!(shown, ["5m", "90s", "7d", "256MiB", "64KiB", "5MB"]);
    }

    proptest! {
        #[test]
        fn what_is_shown_reads_back(value in any::<u64>()) {
            for units in [TIME, SIZE] {
                assert_eq!(parse(&show(value, units), units), Some(value));
            }
        }
    }
}
