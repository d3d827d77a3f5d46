//! `lowtide completions` and `lowtide man`: for those who package lowtide.

use std::io::{self, Write};

use clap::{Command, CommandFactory};
use clap_complete::Shell;
use clap_mangen::Man;

use super::args::Arguments;
use super::exit::Exit;
use super::output::Output;
use super::report::Problem;
use crate::config::{Fallback, KEYS, Key};
use crate::daemon::conflict_rules;

pub(super) fn completions(out: &Output, shell: Shell) -> Result<Exit, Problem> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Arguments::command(), "lowtide", &mut script);
    out.document(&script)?;
    Ok(Exit::Done)
}

/// One page, as roff: every verb with its options, every key of the configuration, files, environment and exit codes.
pub(super) fn man(out: &Output) -> Result<Exit, Problem> {
    let mut command = Arguments::command();
    command.build();
    let mut page = Vec::new();
    write_page(&mut page, &command).map_err(|error| Problem::output(&error))?;
    out.document(&page)?;
    Ok(Exit::Done)
}

fn write_page(page: &mut Vec<u8>, command: &Command) -> io::Result<()> {
    let man = Man::new(command.clone()).manual("lowtide");
    man.render_title(page)?;
    man.render_name_section(page)?;
    man.render_synopsis_section(page)?;
    man.render_description_section(page)?;
    man.render_options_section(page)?;
    writeln!(page, ".SH COMMANDS")?;
    for verb in command.get_subcommands() {
        write_verb(page, verb, command)?;
    }
    writeln!(page, ".SH CONFIGURATION")?;
    for keys in KEYS.chunk_by(|one, next| one.table == next.table) {
        write_keys(page, keys)?;
    }
    writeln!(page, ".SH CONFLICTS\n.nf")?;
    for line in conflict_rules().lines() {
        writeln!(page, "{}", roff(line))?;
    }
    writeln!(page, ".fi")?;
    for (title, rows) in [("FILES", FILES), ("ENVIRONMENT", ENVIRONMENT)] {
        writeln!(page, ".SH {title}")?;
        for (name, about) in rows {
            writeln!(page, ".TP\n\\fB{}\\fR\n{}", roff(name), roff(about))?;
        }
    }
    writeln!(page, ".SH EXIT STATUS")?;
    for exit in Exit::ALL {
        let about = roff(exit.about());
        writeln!(page, ".TP\n\\fB{}\\fR\n{about}.", exit.code())?;
    }
    man.render_version_section(page)
}

/// A verb and those under it, each with the options that it does not have from `parent`.
fn write_verb(page: &mut Vec<u8>, verb: &Command, parent: &Command) -> io::Result<()> {
    if verb.get_name() == "help" {
        return Ok(());
    }
    let usage = verb.clone().render_usage().to_string();
    let about = verb.get_about().map(ToString::to_string);
    writeln!(
        page,
        ".SS \"{}\"",
        roff(usage.trim_start_matches("Usage: "))
    )?;
    writeln!(page, "{}.", roff(&about.unwrap_or_default()))?;
    let inherited: Vec<_> = parent.get_arguments().map(clap::Arg::get_id).collect();
    let own = verb
        .get_arguments()
        .filter(|argument| !inherited.contains(&argument.get_id()));
    for argument in own {
        let help = argument.get_help().map(ToString::to_string);
        let help = roff(&help.unwrap_or_default());
        writeln!(page, ".TP\n\\fB{}\\fR\n{help}", roff(&argument.to_string()))?;
    }
    for below in verb.get_subcommands() {
        write_verb(page, below, verb)?;
    }
    Ok(())
}

/// The keys of one table: what each is for, what it accepts, and what holds without it.
fn write_keys(page: &mut Vec<u8>, keys: &[Key]) -> io::Result<()> {
    let table = keys.first().map_or("", |key| key.table);
    if !table.is_empty() {
        writeln!(page, ".SS \"[{}]\"", roff(table))?;
    }
    for key in keys {
        let default = match key.default {
            Fallback::Value(value) => format!(" Default: {value}."),
            Fallback::Depends(words) => format!(" Default: {words}."),
            Fallback::Nothing => String::new(),
        };
        let about = roff(&format!("{}: {}.{default}", key.about, key.kind));
        writeln!(page, ".TP\n\\fB{}\\fR\n{about}", roff(key.name))?;
    }
    Ok(())
}

/// Text that roff takes for what it is.
fn roff(text: &str) -> String {
    let escaped = text.replace('\\', "\\e").replace('-', "\\-");
    let escaped = escaped.replace('"', "\\(dq").replace('\n', " ");
    if escaped.starts_with(['.', '\'']) {
        format!("\\&{escaped}")
    } else {
        escaped
    }
}

const FILES: &[(&str, &str)] = &[
    ("~/.config/lowtide/config.toml", "The configuration."),
    (
        "~/.config/lowtide/endpoint-password",
        "What mail clients on this machine log in with; made when the daemon first starts.",
    ),
    (
        "~/.local/share/lowtide/ACCOUNT/journal.db",
        "What you did and what is still to be carried out. It cannot be fetched again: keep it.",
    ),
    (
        "~/.local/share/lowtide/ACCOUNT/cache.db",
        "The copy of the mail. If it is lost, it is fetched again, and nothing you did is lost with it.",
    ),
    (
        "~/.local/share/lowtide/ACCOUNT/mail.db",
        "The mail of an account that has no server. It is nowhere else.",
    ),
];
const ENVIRONMENT: &[(&str, &str)] = &[
    (
        "LOWTIDE_CONFIG",
        "The configuration file, if none is named with --config.",
    ),
    ("NO_COLOR", "If set, nothing is coloured."),
    (
        "XDG_CONFIG_HOME, XDG_DATA_HOME, XDG_RUNTIME_DIR",
        "Where configuration, mail and sockets are, instead of in the places above.",
    ),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_names_every_verb_option_and_key() {
        let mut command = Arguments::command();
        command.build();
        let mut page = Vec::new();
        write_page(&mut page, &command).unwrap();
        let page = String::from_utf8(page).unwrap().replace("\\-", "-");
        let verbs = command.get_subcommands();
        for verb in verbs.filter(|verb| verb.get_name() != "help") {
            assert!(page.contains(&format!("lowtide {}", verb.get_name())));
        }
        for words in [
            "--dry-run",
            "journal retry",
            "--json",
            "LOWTIDE_CONFIG",
            "EXIT STATUS",
        ] {
            assert!(page.contains(words), "{words}");
        }
        for key in KEYS {
            assert!(
                page.contains(&format!("\\fB{}\\fR", key.name)),
                "{}",
                key.name
            );
        }
    }

    #[test]
    fn what_roff_would_act_on_is_escaped() {
        assert_eq!(
            roff(".dot \\ \"quoted\" a-b"),
            "\\&.dot \\e \\(dqquoted\\(dq a\\-b"
        );
    }
}
