//! How far a sync is: bars on a terminal, a line now and then elsewhere.

use std::collections::BTreeMap;
use std::io::IsTerminal;
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use tokio::time::Instant;

use super::report::note;
use super::text::visible;
use crate::daemon::control::Line;
use crate::daemon::{Part, Tick};

/// A bar for each mailbox and part of it that is being read.
pub(super) struct Bars {
    told: Told,
    screen: MultiProgress,
    bars: BTreeMap<(String, String, Part), ProgressBar>,
    style: ProgressStyle,
}

/// How progress is told.
enum Told {
    /// By bars that move.
    Bars,
    /// By a line now and then; the last came at this moment, or nothing has been said since.
    Lines(Instant),
    /// Not at all.
    Nothing,
}

impl Told {
    /// Whether the time has come for a line.
    fn is_due(&mut self) -> bool {
        match self {
            Self::Lines(since) if since.elapsed() >= BETWEEN_LINES => {
                *since = Instant::now();
                true
            }
            Self::Lines(_) | Self::Bars | Self::Nothing => false,
        }
    }
}

impl Bars {
    /// Bars on standard error, or lines if that is no terminal; nothing if `quiet`.
    pub(super) fn new(quiet: bool) -> Self {
        let told = match (quiet, std::io::stderr().is_terminal()) {
            (true, _) => Told::Nothing,
            (false, true) => Told::Bars,
            (false, false) => Told::Lines(Instant::now()),
        };
        let target = match told {
            Told::Bars => ProgressDrawTarget::stderr(),
            Told::Lines(_) | Told::Nothing => ProgressDrawTarget::hidden(),
        };
        Self {
            told,
            screen: MultiProgress::with_draw_target(target),
            bars: BTreeMap::new(),
            style: ProgressStyle::with_template(TEMPLATE)
                .unwrap_or_else(|_| ProgressStyle::default_bar()),
        }
    }

    /// Moves the bar that a tick is about.
    pub(super) fn hear(&mut self, line: Line) {
        let Line::Tick { account, tick } = line else {
            return;
        };
        let Tick {
            mailbox,
            part,
            done,
            of,
        } = tick;
        let prefix = format!(
            "{account}/{} {}",
            visible(&mailbox),
            match part {
                Part::Headers => "headers",
                Part::Bodies => "messages",
            }
        );
        if self.told.is_due() {
            note(&format!("{prefix}: {done} of {of}"));
        }
        let (screen, style) = (&self.screen, &self.style);
        let bar = self
            .bars
            .entry((account, mailbox, part))
            .or_insert_with(|| {
                screen.add(
                    ProgressBar::new(of)
                        .with_style(style.clone())
                        .with_prefix(prefix),
                )
            });
        bar.set_length(of);
        bar.set_position(done);
        if done >= of {
            bar.finish_and_clear();
        }
    }
}

/// What was drawn goes, so that the result stands alone.
impl Drop for Bars {
    fn drop(&mut self) {
        for bar in self.bars.values() {
            bar.finish_and_clear();
        }
    }
}

/// How long nothing is said where lines are written.
const BETWEEN_LINES: Duration = Duration::from_secs(10);
const TEMPLATE: &str = "{prefix:32!} {wide_bar} {pos}/{len} {eta:>4}";

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_long_sync_is_heard_of_a_few_times_a_minute_and_a_short_one_not_at_all() {
        let mut told = Told::Lines(Instant::now());
        let mut lines = Vec::new();
        for tenth in 1..=600 {
            tokio::time::advance(Duration::from_millis(100)).await;
            lines.extend(told.is_due().then_some(tenth));
        }
        assert_eq!(lines, [100, 200, 300, 400, 500, 600]);
        assert!(!Told::Nothing.is_due() && !Told::Bars.is_due());
    }
}
