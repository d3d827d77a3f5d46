//! Progress bars, where somebody looks on.

use std::collections::BTreeMap;
use std::io::IsTerminal;

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::text::visible;
use crate::daemon::control::Line;
use crate::daemon::{Part, Tick};

/// A bar for each mailbox and part of it that is being read.
pub(super) struct Bars {
    screen: MultiProgress,
    bars: BTreeMap<(String, String, Part), ProgressBar>,
    style: ProgressStyle,
}

impl Bars {
    /// Bars on standard error; none that can be seen if that is no terminal, or if `quiet`.
    pub(super) fn new(quiet: bool) -> Self {
        let seen = !quiet && std::io::stderr().is_terminal();
        let target = if seen {
            ProgressDrawTarget::stderr()
        } else {
            ProgressDrawTarget::hidden()
        };
        Self {
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

const TEMPLATE: &str = "{prefix:32!} {wide_bar} {pos}/{len} {eta:>4}";
