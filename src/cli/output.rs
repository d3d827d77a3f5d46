//! Standard output: the only place that writes to it.

use std::io::{self, IsTerminal, Write};

use clap::builder::styling::{AnsiColor, Style};
use comfy_table::presets::NOTHING;
use comfy_table::{ContentArrangement, Row, Table};
use serde::Serialize;

use super::report::Problem;
use super::text::{visible, visible_json};

/// Where answers go. Text from outside is made visible here, so that no verb can forget to.
#[derive(Clone, Copy, Debug)]
pub(super) struct Output {
    quiet: bool,
}

/// What a line means, shown by its colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tone {
    Plain,
    Good,
    Notable,
    Bad,
    Faint,
}

impl Output {
    pub(super) fn new(quiet: bool) -> Self {
        Self { quiet }
    }

    /// Whether only problems are told.
    pub(super) fn is_quiet(self) -> bool {
        self.quiet
    }

    /// Whether somebody looks on.
    pub(super) fn is_terminal(self) -> bool {
        io::stdout().is_terminal()
    }

    /// Writes a line of news, which `--quiet` leaves out.
    pub(super) fn news(self, tone: Tone, line: &str) -> Result<(), Problem> {
        if self.quiet {
            return Ok(());
        }
        self.line(tone, line)
    }

    /// Writes a line that was asked for.
    pub(super) fn line(self, tone: Tone, line: &str) -> Result<(), Problem> {
        let style = tone.style();
        write(&format!("{style}{}{style:#}\n", visible(line)))
    }

    /// Writes a table: columns side by side, a row a line, cut where the terminal ends.
    pub(super) fn table<const N: usize>(
        self,
        header: [&str; N],
        rows: Vec<[String; N]>,
    ) -> Result<(), Problem> {
        let mut table = Table::new();
        table
            .load_style(NOTHING)
            .set_content_arrangement(ContentArrangement::Dynamic);
        table.add_row(header.to_vec());
        for row in rows {
            let mut shown = Row::from(row.map(|cell| visible(&cell).into_owned()).to_vec());
            shown.max_height(1);
            table.add_row(shown);
        }
        for column in table.column_iter_mut() {
            column.set_padding((0, 2));
        }
        let mut text = String::new();
        for (index, line) in table.lines().enumerate() {
            let style = if index == 0 {
                Style::new().bold()
            } else {
                Style::new()
            };
            text.push_str(&format!("{style}{}{style:#}\n", line.trim_end()));
        }
        write(&text)
    }

    /// Writes one JSON object, on one line: the version of the format, and what there is of one kind.
    pub(super) fn json(self, kind: &str, rows: &impl Serialize) -> Result<(), Problem> {
        let rows = serde_json::to_string(rows).map_err(|error| {
            Problem::internal("the answer could not be written as JSON", &error)
        })?;
        let object = format!("{{\"version\":{JSON_VERSION},\"{kind}\":{rows}}}");
        write(&format!("{}\n", visible_json(&object)))
    }

    /// Writes a document of our own as it is.
    pub(super) fn document(self, octets: &[u8]) -> Result<(), Problem> {
        told(io::stdout().lock().write_all(octets))
    }

    /// Begins a fresh screen, on a terminal.
    pub(super) fn clear(self) -> Result<(), Problem> {
        if self.is_terminal() {
            write("\x1b[H\x1b[2J\x1b[3J")
        } else {
            Ok(())
        }
    }
}

impl Tone {
    fn style(self) -> Style {
        match self {
            Self::Plain => Style::new(),
            Self::Good => AnsiColor::Green.on_default(),
            Self::Notable => AnsiColor::Yellow.on_default(),
            Self::Bad => AnsiColor::Red.on_default().bold(),
            Self::Faint => Style::new().dimmed(),
        }
    }
}

fn write(text: &str) -> Result<(), Problem> {
    let mut out = anstream::stdout().lock();
    told(out.write_all(text.as_bytes()).and_then(|()| out.flush()))
}

/// Whoever closes the pipe has read enough: that is the end, and nothing to complain about.
fn told(written: io::Result<()>) -> Result<(), Problem> {
    match written {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Err(Problem::silent()),
        Err(error) => Err(Problem::output(&error)),
    }
}

/// Raised when a field goes or changes its meaning; new fields may come at any time.
const JSON_VERSION: u32 = 1;
