//! Measuring: seconds, taken in turns, and memory at its highest.

use std::fs;
use std::time::Instant;

use crate::lab::process::{Running, pause};

/// What several runs of one thing came to.
#[derive(Clone, Debug)]
pub(crate) struct Sample(Vec<f64>);

impl Sample {
    pub(crate) fn of(mut runs: Vec<f64>) -> Self {
        runs.sort_by(f64::total_cmp);
        Self(runs)
    }

    pub(crate) fn median(&self) -> f64 {
        let middle = self.0.len() / 2;
        if self.0.len().is_multiple_of(2) {
            f64::midpoint(self.0[middle - 1], self.0[middle])
        } else {
            self.0[middle]
        }
    }

    pub(crate) fn is_single(&self) -> bool {
        self.0.len() == 1
    }

    pub(crate) fn range(&self) -> (f64, f64) {
        (self.0[0], self.0[self.0.len() - 1])
    }
}

/// Measures the two in turn, after each was done once without being counted.
pub(crate) fn paired(
    runs: usize,
    mut ours: impl FnMut() -> f64,
    mut theirs: impl FnMut() -> f64,
) -> (Sample, Sample) {
    ours();
    theirs();
    let (one, other) = (0..runs).map(|_| (ours(), theirs())).unzip();
    (Sample::of(one), Sample::of(other))
}

/// How many seconds something takes.
#[expect(clippy::disallowed_methods, reason = "this is what a benchmark is for")]
pub(crate) fn timed(act: impl FnOnce()) -> f64 {
    let begun = Instant::now();
    act();
    begun.elapsed().as_secs_f64()
}

/// Waits until a process ends; the most memory it was seen to have, in MB.
pub(crate) fn peak_of(process: &mut Running) -> f64 {
    let mut highest: f64 = 0.0;
    loop {
        highest = highest.max(peak(process));
        if let Some(status) = process.0.try_wait().unwrap() {
            assert!(status.success(), "{status}");
            return highest;
        }
        pause(std::time::Duration::from_millis(5));
    }
}

/// The most memory that a process has had so far, in MB; 0 once it has ended.
pub(crate) fn peak(process: &Running) -> f64 {
    let status = fs::read_to_string(format!("/proc/{}/status", process.0.id())).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kilobytes = line.and_then(|line| line.split_whitespace().next()?.parse::<f64>().ok());
    kilobytes.unwrap_or(0.0) * 1024.0 / 1e6
}
