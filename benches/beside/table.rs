//! The result, as a table.

use comfy_table::{CellAlignment, presets};

use crate::sample::Sample;

/// What is demanded of a ratio of ours to theirs.
#[derive(Clone, Copy)]
pub(crate) enum Want {
    AtMost(f64),
    AtLeast(f64),
    /// Of ours alone.
    OursAtMost(f64),
    Nothing,
}

/// One thing that both did.
pub(crate) struct Row {
    what: String,
    ours: Sample,
    theirs: Sample,
    peer: &'static str,
    want: Want,
    unit: &'static str,
}

/// Everything that was measured.
#[derive(Default)]
pub(crate) struct Table {
    rows: Vec<Row>,
    peaks: Vec<(String, f64)>,
}

impl Row {
    pub(crate) fn seconds(
        what: String,
        ours: Sample,
        theirs: Sample,
        peer: &'static str,
        want: Want,
    ) -> Self {
        Self {
            what,
            ours,
            theirs,
            peer,
            want,
            unit: "s",
        }
    }

    pub(crate) fn rate(
        what: String,
        ours: Sample,
        theirs: Sample,
        peer: &'static str,
        want: Want,
    ) -> Self {
        Self {
            unit: "MB/s",
            ..Self::seconds(what, ours, theirs, peer, want)
        }
    }

    /// What was counted once.
    pub(crate) fn counted(
        what: String,
        (ours, theirs): (f64, f64),
        unit: &'static str,
        want: Want,
    ) -> Self {
        let [ours, theirs] = [ours, theirs].map(|one| Sample::of(vec![one]));
        Self {
            unit,
            ..Self::seconds(what, ours, theirs, "mbsync", want)
        }
    }

    fn cells(&self) -> Vec<String> {
        let ratio = self.ours.median() / self.theirs.median();
        let (demanded, verdict) = match self.want {
            Want::AtMost(most) => (format!("<= {most}"), word(ratio <= most)),
            Want::AtLeast(least) => (format!(">= {least}"), word(ratio >= least)),
            Want::OursAtMost(most) => (
                format!("<= {most:.1} {}", self.unit),
                word(self.ours.median() <= most),
            ),
            Want::Nothing => (String::new(), ""),
        };
        vec![
            self.what.clone(),
            self.show(&self.ours),
            format!("{} {}", self.peer, self.show(&self.theirs)),
            format!("{ratio:.2}"),
            demanded,
            verdict.to_owned(),
        ]
    }

    fn show(&self, sample: &Sample) -> String {
        let (least, most) = sample.range();
        let unit = self.unit;
        if sample.is_single() {
            return format!("{:.3} {unit}", sample.median());
        }
        format!("{:.3} {unit} ({least:.3} to {most:.3})", sample.median())
    }
}

impl Table {
    pub(crate) fn push(&mut self, row: Row) {
        eprintln!("{}", row.cells().join("  "));
        self.rows.push(row);
    }

    pub(crate) fn peak(&mut self, what: String, megabytes: f64) {
        eprintln!("{what}: {megabytes:.1} MB");
        self.peaks.push((what, megabytes));
    }

    pub(crate) fn print(&self) {
        let mut table = comfy_table::Table::new();
        table.load_style(presets::ASCII_MARKDOWN);
        table.set_header(vec!["", "lowtide", "beside", "ratio", "wanted", ""]);
        table.add_rows(self.rows.iter().map(Row::cells));
        for (what, megabytes) in &self.peaks {
            let verdict = word(*megabytes < MOST_MEGABYTES);
            let wanted = format!("< {MOST_MEGABYTES} MB");
            let cells = [
                what.as_str(),
                &format!("{megabytes:.1} MB"),
                "",
                "",
                &wanted,
                verdict,
            ];
            table.add_row(cells);
        }
        for column in 1..=3 {
            if let Some(column) = table.column_mut(column) {
                column.set_cell_alignment(CellAlignment::Right);
            }
        }
        println!("{table}");
    }
}

fn word(holds: bool) -> &'static str {
    if holds { "holds" } else { "MISSED" }
}

/// What the daemon may take.
const MOST_MEGABYTES: f64 = 100.0;
