//! What can be typed.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;

use super::exit::Exit;

/// Mirrors IMAP2 and IMAP4 mailboxes for offline reading, and carries what you did there back on return.
#[derive(Debug, Parser)]
#[command(name = "lowtide", version, max_term_width = 100, after_help = exit_codes())]
pub(super) struct Arguments {
    /// The configuration file [env: LOWTIDE_CONFIG] [default: ~/.config/lowtide/config.toml]
    #[arg(long, global = true, value_name = "FILE")]
    pub(super) config: Option<PathBuf>,
    /// Say nothing but what is wrong
    #[arg(long, short, global = true, conflicts_with = "verbose")]
    pub(super) quiet: bool,
    /// Log what is done, to standard error
    #[arg(long, short, global = true)]
    pub(super) verbose: bool,
    /// Use colours
    #[arg(
        long,
        global = true,
        value_enum,
        value_name = "WHEN",
        default_value = "auto",
        hide_possible_values = false
    )]
    pub(super) color: Color,
    #[command(subcommand)]
    pub(super) verb: Verb,
}

/// When to use colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Color {
    /// On a terminal, unless NO_COLOR is set
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

impl Color {
    /// Makes it so for everything this process prints.
    pub(super) fn apply(self) {
        match self {
            Self::Auto => anstream::ColorChoice::Auto,
            Self::Always => anstream::ColorChoice::AlwaysAnsi,
            Self::Never => anstream::ColorChoice::Never,
        }
        .write_global();
    }
}

#[derive(Debug, Subcommand)]
pub(super) enum Verb {
    /// Run the daemon in the foreground: mirror, replay, and serve mail clients on this machine
    Run,
    /// Synchronise now, and show what came of it
    Sync(SyncWish),
    /// Show accounts and mailboxes: how current they are, what waits, what needs you
    Status(StatusWish),
    /// Show what waits to be carried out on the servers; decide on what could not be
    Journal(JournalWish),
    /// Show where you and somebody else wanted different things, and what came of it
    Conflicts(ConflictsWish),
    /// Show what was removed in the last 30 days, here or by others, and bring messages back
    #[command(visible_alias = "undo")]
    Restore(RestoreWish),
    /// Let a mailbox go on that was stopped because much of it would go
    Approve {
        /// The account
        account: String,
        /// The mailbox
        mailbox: String,
    },
    /// Stay away from the server, until "online"; the daemon goes on serving what it has
    Offline {
        /// Only this account
        account: Option<String>,
    },
    /// Go back to the server, and carry out what waits
    Online {
        /// Only this account
        account: Option<String>,
    },
    /// Serve one mail client on standard input and output, logged in already
    Imapd {
        /// The account
        account: String,
    },
    /// Look at everything lowtide depends on, and say how to mend what is wrong
    Doctor(Json),
    /// Show everything in a minute, on built-in sample mail; needs no account, no network, no configuration
    Demo {
        /// Leave the server and the endpoint open afterwards, and say how to connect a mail client
        #[arg(long)]
        stay: bool,
    },
    /// Print a completion script for a shell
    Completions {
        /// The shell
        shell: Shell,
    },
    /// Print the manual page
    Man,
}

#[derive(Debug, Args)]
pub(super) struct SyncWish {
    /// Only this account
    pub(super) account: Option<String>,
    /// Only this mailbox of it
    pub(super) mailbox: Option<String>,
    /// Show what would be sent, and send nothing that writes
    #[arg(long)]
    pub(super) dry_run: bool,
    #[command(flatten)]
    pub(super) json: Json,
}

#[derive(Debug, Args)]
pub(super) struct StatusWish {
    /// Show it again whenever it changes
    #[arg(long)]
    pub(super) watch: bool,
    #[command(flatten)]
    pub(super) json: Json,
}

#[derive(Debug, Args)]
pub(super) struct JournalWish {
    #[command(subcommand)]
    pub(super) what: Option<JournalVerb>,
    #[command(flatten)]
    pub(super) json: Json,
}

#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
pub(super) enum JournalVerb {
    /// Show every action that waits
    List,
    /// Try an action again that was set aside
    Retry {
        /// The account
        account: String,
        /// The action's number
        id: i64,
    },
    /// Say that actions are meant which were found in a damaged or older journal, or are more than 30 days old
    Accept {
        /// The account
        account: String,
    },
    /// Give an action up: what it asked for is not carried out
    Drop {
        /// The account
        account: String,
        /// The action's number
        id: i64,
    },
}

#[derive(Debug, Args)]
pub(super) struct ConflictsWish {
    #[command(subcommand)]
    pub(super) what: Option<ConflictsVerb>,
    /// Print the rules instead: what becomes of what you did when others did something meanwhile
    #[arg(long, conflicts_with = "json")]
    pub(super) table: bool,
    #[command(flatten)]
    pub(super) json: Json,
}

#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
pub(super) enum ConflictsVerb {
    /// Show every conflict on record
    List,
    /// Ask once more for what you wanted, now that you know what others did
    Undo {
        /// The account
        account: String,
        /// The conflict's number
        id: i64,
    },
}

#[derive(Debug, Args)]
pub(super) struct RestoreWish {
    /// The account; without it, everything that can be restored is shown
    #[arg(requires = "id")]
    pub(super) account: Option<String>,
    /// The message's number, or several
    #[arg(conflicts_with = "json")]
    pub(super) id: Vec<i64>,
    /// Bring it into this mailbox instead of the one it was in
    #[arg(long, value_name = "MAILBOX", requires = "id")]
    pub(super) to: Option<String>,
    /// Bring it into this account instead, which may live on this machine
    #[arg(long, value_name = "ACCOUNT", requires = "id")]
    pub(super) into: Option<String>,
    /// Write it to this file instead; "-" is standard output
    #[arg(long, value_name = "FILE", requires = "id", conflicts_with_all = ["to", "into"])]
    pub(super) file: Option<PathBuf>,
    #[command(flatten)]
    pub(super) json: Json,
}

/// How the answer is written.
#[derive(Clone, Copy, Debug, Args)]
pub(super) struct Json {
    /// Write one JSON object, for programs
    #[arg(long, global = true)]
    pub(super) json: bool,
}

/// The exit codes, on the help page.
fn exit_codes() -> String {
    let codes = Exit::ALL.map(|exit| format!("{} {}", exit.code(), exit.about()));
    format!("Exit codes: {}.", codes.join("; "))
}
