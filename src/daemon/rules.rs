//! The table of conflicts as people read it: printed from the rules that run.

use std::fmt::Write;

use crate::mirror::{Meanwhile, Policy, Ruling, Sort, Wish, rule};

/// The rules, line by line.
#[must_use]
pub fn conflict_rules() -> String {
    let mut text = String::from("What you did meets what others did meanwhile:\n\n");
    line(&mut text, "", COLUMNS.map(|column| column.head));
    for meanwhile in Meanwhile::ALL {
        line(
            &mut text,
            words_of(meanwhile),
            COLUMNS.map(|column| column.cell(meanwhile)),
        );
    }
    text.push('\n');
    for column in COLUMNS {
        explain(&mut text, column.head, column.about);
    }
    text.push('\n');
    for (word, about) in LEGEND {
        explain(&mut text, word, about);
    }
    text.push('\n');
    text.push_str(ELSEWHERE);
    text
}

/// Wishes of which the same becomes in every case.
#[derive(Clone, Copy)]
struct Column {
    head: &'static str,
    about: &'static str,
    wishes: &'static [Wish],
}

impl Column {
    fn cell(self, meanwhile: Meanwhile) -> &'static str {
        let Some(&wish) = self.wishes.first() else {
            return "";
        };
        let otherwise = Policy {
            delete_what_others_marked: true,
            restore_what_others_removed: true,
        };
        match rule(wish, meanwhile, Policy::default()) {
            _ if never_meet(wish, meanwhile) => "-",
            Ruling::Keep(_) if rule(wish, meanwhile, otherwise) == Ruling::Apply => "keep*",
            ruling @ Ruling::Forgo(_) if rule(wish, meanwhile, otherwise) != ruling => "lost*",
            ruling => word_of(ruling),
        }
    }
}

/// What others do is never the same as a removal, or as a copy of ours; and only what was removed can be put back.
fn never_meet(wish: Wish, meanwhile: Meanwhile) -> bool {
    match meanwhile {
        Meanwhile::Same => matches!(wish, Wish::Remove | Wish::Copy),
        Meanwhile::PutBack => wish != Wish::Remove,
        _ => false,
    }
}

fn line(text: &mut String, label: &str, cells: [&str; COLUMNS.len()]) {
    let mut line = format!("{label:23}");
    for cell in cells {
        let _ = write!(line, "{cell:8}");
    }
    text.push_str(line.trim_end());
    text.push('\n');
}

fn explain(text: &mut String, word: &str, about: &str) {
    let _ = writeln!(text, "{word:8} {about}");
}

fn words_of(meanwhile: Meanwhile) -> &'static str {
    match meanwhile {
        Meanwhile::Nothing => "nothing",
        Meanwhile::Same => "the same",
        Meanwhile::Otherwise => "other flags",
        Meanwhile::Deleted => "marked it deleted",
        Meanwhile::Undeleted => "undeleted it",
        Meanwhile::Marked => "flagged, answered it",
        Meanwhile::PutBack => "put it back",
        Meanwhile::Gone => "removed it",
        Meanwhile::Returned => "moved it to the end",
        Meanwhile::Unclear => "left one of equals",
    }
}

fn word_of(ruling: Ruling) -> &'static str {
    match ruling {
        Ruling::Agreed => "agreed",
        Ruling::Drop => "drop",
        Ruling::Park => "ask",
        Ruling::Apply => "do",
        Ruling::Tell(_) => "tell",
        Ruling::Forgo(_) => "lost",
        Ruling::Keep(_) => "keep",
        Ruling::Follow => "follow",
        Ruling::Wait => "wait",
    }
}

const COLUMNS: [Column; 7] = [
    Column {
        head: "delete",
        about: "set \\Deleted",
        wishes: &[Wish::Set(Sort::Deleted)],
    },
    Column {
        head: "expunge",
        about: "remove the message",
        wishes: &[Wish::Remove],
    },
    Column {
        head: "undel.",
        about: "take \\Deleted off",
        wishes: &[Wish::Clear(Sort::Deleted)],
    },
    Column {
        head: "flag",
        about: "set \\Flagged",
        wishes: &[Wish::Set(Sort::Flagged)],
    },
    Column {
        head: "mark",
        about: "set \\Answered or a keyword",
        wishes: &[Wish::Set(Sort::Answered), Wish::Set(Sort::Keyword)],
    },
    Column {
        head: "other",
        about: "any other change of flags",
        wishes: &[
            Wish::Set(Sort::Seen),
            Wish::Clear(Sort::Seen),
            Wish::Clear(Sort::Answered),
            Wish::Clear(Sort::Flagged),
            Wish::Set(Sort::Draft),
            Wish::Clear(Sort::Draft),
            Wish::Clear(Sort::Keyword),
        ],
    },
    Column {
        head: "copy",
        about: "copy it to another mailbox",
        wishes: &[Wish::Copy],
    },
];

const LEGEND: [(&str, &str); 12] = [
    ("do", "it is carried out; what they did stays as well"),
    ("agreed", "both want the same: nothing is sent"),
    (
        "tell",
        "it is carried out, with a conflict on record: they may remove the message",
    ),
    ("keep", "the message stays, with a conflict on record"),
    (
        "keep*",
        "the same, but with deleted-here-changed-there = \"delete\": do",
    ),
    (
        "lost*",
        "the message is gone, with a conflict on record; with changed-here-deleted-there =",
    ),
    (
        "",
        "\"restore\" it goes back as a new message, if the server takes messages",
    ),
    ("drop", "nothing is left that it could be done to"),
    (
        "ask",
        "it is set aside: \"journal retry\" or \"journal drop\" decides",
    ),
    (
        "follow",
        "it is carried out on the message at its new place",
    ),
    ("wait", "it waits until it is clear which message is meant"),
    ("-", "this cannot be"),
];

const ELSEWHERE: &str = "\
Where they did several things, the lowest row decides; only for delete and expunge it matters
more that they flagged, answered or undeleted the message than that they marked it deleted.
\"conflicts undo\" does what you wanted after all, as long as the message is there; what was
removed, here or there, \"restore\" brings back for 30 days.

Where a message was changed on the server just as another was to be changed when the line broke,
it may be a mistake of ours or somebody's wish: it stays, and is told, and \"conflicts undo\" has
it as it was. If it was marked deleted, EXPUNGE leaves it until you have marked it too.

Whatever they did: in a mailbox that is open for reading only a copy is made and the rest waits;
so does all in a mailbox that the server does not open. What a server refuses, or says OK to and
does not keep, is tried again a few times and then set aside. In a mailbox that was indexed anew
messages are told by their headers. If the cache is lost, so are they; then what is found nowhere,
or more than once, is set aside.
";

#[cfg(test)]
mod tests;
