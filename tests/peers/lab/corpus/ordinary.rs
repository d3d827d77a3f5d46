//! Mail as a person has it, for measuring: half below 5 KB, 20 KB on average, up to 1 MB.

use super::super::date::InternalDate;
use super::super::random::Random;
use super::letter::{Letter, base64, prose};
use super::{Message, some_flags};

/// So many messages, made one at a time, since all together may not fit into memory.
pub(crate) fn ordinary(seed: u64, count: usize) -> impl Iterator<Item = Message> {
    let mut random = Random::new(seed);
    // Bodies are cut from two supplies, which is as good as new text to any server and much faster to make.
    let (text, encoded) = (
        prose(&mut random, 2 * LARGEST),
        base64(&mut random, 2 * LARGEST),
    );
    (0..count).map(move |number| {
        let size = some_size(&mut random);
        let supply = if size > 30_000 { &encoded } else { &text };
        let letter = Letter::new(&mut random);
        let (start, room) = (random.below(LARGEST), size.saturating_sub(HEADER));
        let received = InternalDate(820_454_400 + i64::try_from(number).unwrap() * 600);
        let body = whole_lines(&supply[start..start + room]);
        Message {
            kind: "ordinary",
            bytes: letter.body(body).bytes(),
            internal_date: received,
            flags: some_flags(&mut random, &[]),
        }
    })
}

/// Lognormal: the median is as given, and the deviation makes the mean four times as large.
#[expect(
    clippy::cast_possible_truncation,
    reason = "clamped to sizes just before"
)]
fn some_size(random: &mut Random) -> usize {
    const MEDIAN: f64 = 5000.0;
    const DEVIATION: f64 = 1.72;
    let size = (MEDIAN.ln() + DEVIATION * random.normal()).exp();
    size.clamp(400.0, LARGEST as f64) as usize
}

/// From after the first line break to the last one.
fn whole_lines(bytes: &[u8]) -> &[u8] {
    let start = bytes
        .iter()
        .position(|byte| *byte == b'\n')
        .map_or(0, |end| end + 1);
    let end = bytes
        .iter()
        .rposition(|byte| *byte == b'\n')
        .map_or(start, |end| end + 1);
    &bytes[start..end]
}

const LARGEST: usize = 1 << 20;
/// About the size of the header.
const HEADER: usize = 220;

#[test]
fn sizes_are_as_claimed() {
    let mut sizes: Vec<usize> = ordinary(1, 10_000)
        .map(|message| message.bytes.len())
        .collect();
    sizes.sort_unstable();
    let (median, mean) = (sizes[5000], sizes.iter().sum::<usize>() / sizes.len());
    assert!(
        (4500..5500).contains(&median) && (18_000..22_000).contains(&mean),
        "median {median}, mean {mean}"
    );
    assert!(
        sizes[9999] > 500_000 && sizes[9999] <= LARGEST + 400,
        "largest {}",
        sizes[9999]
    );
}
