//! `[account.NAME]`: a remote account to mirror, or a mailbox store on this machine.

use crate::config::error::Fault;
use crate::config::filter::{MailboxFilter, Pattern};
use crate::config::keep::Bodies;
use crate::config::limits::{Bounds, Timeouts};
use crate::config::paths::Paths;
use crate::config::raw::{Entry, Section};
use crate::config::route::Route;
use crate::config::secret::SecretSource;
use crate::config::word::words;
use crate::id::AccountName;
use std::time::Duration;

/// One account. Two that are equal need no restart after a reload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// Its name: what clients log in as, and its directory.
    pub name: AccountName,
    /// The server it mirrors; `None` for a mailbox store on this machine, which is a server by itself.
    pub upstream: Option<Upstream>,
}

/// The remote side of an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upstream {
    /// How the server is reached.
    pub route: Route,
    /// How to log in; `None` where the tunnel has logged in already.
    pub login: Option<Login>,
    /// Which protocol the server speaks. Default: `auto`.
    pub protocol: Protocol,
    /// Which mailboxes are mirrored. Default: INBOX and what the server lists.
    pub mailboxes: MailboxFilter,
    /// The longest time between two passes. Default: 5 minutes.
    pub poll: Duration,
    /// The longest time between two listings of every message, where messages have no UIDs. Default: 7 days.
    pub scrub: Duration,
    /// Which bodies are held. Default: all.
    pub bodies: Bodies,
    /// Bodies up to this size, in bytes, are read before their message is removed. Default: 1 MB.
    pub before_removal: u64,
    /// What happens where both sides changed one message.
    pub conflict: ConflictRules,
    /// From how many messages on a loss waits for a person.
    pub brake: Brake,
    /// How long the server may be silent. Default: what `[limits.timeouts]` says.
    pub timeouts: Timeouts,
    /// How much the server may send, and how often it is asked for one thing.
    pub bounds: Bounds,
}

/// A user name and where its password is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Login {
    /// The user name on the server.
    pub user: String,
    /// Where the password is kept.
    pub password: SecretSource,
}

/// How many messages may go in one pass before a person is asked. Where all of a mailbox is gone on the server, one always is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Brake {
    /// Half of a mailbox, if it is this many messages. Default: 20.
    pub few: u32,
    /// Removals made here, however large the mailbox is. Default: 500.
    pub many: u32,
}

/// What happens where both sides changed one message; the defaults keep mail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConflictPolicy {
    /// Expunged here, changed there. Default: keep.
    pub deleted_here_changed_there: DeletedHere,
    /// Changed here, expunged there. Default: accept.
    pub changed_here_deleted_there: DeletedThere,
}

/// The same for most mailboxes, and for those that have rules of their own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConflictRules {
    usual: ConflictPolicy,
    /// The longest name first.
    own: Vec<(Pattern, ConflictPolicy)>,
}

impl ConflictRules {
    /// What holds for a mailbox.
    #[must_use]
    pub fn of(&self, mailbox: &[u8]) -> ConflictPolicy {
        let own = self.own.iter().find(|(pattern, _)| pattern.fits(mailbox));
        own.map_or(self.usual, |&(_, policy)| policy)
    }

    fn read(section: &Section<'_>) -> Result<Self, Fault> {
        let mailboxes = section.child("mailbox")?;
        let mut names: Vec<(&str, usize)> = mailboxes.names().collect();
        names.sort_by_key(|(name, _)| std::cmp::Reverse(name.len()));
        let read = |(name, offset)| {
            let pattern = Pattern::new(name).ok_or_else(|| {
                let problem = format!("{} has a mailbox without a name", mailboxes.name);
                mailboxes.key_fault(
                    name,
                    offset,
                    problem,
                    "Write the name, or a pattern with \"*\"",
                )
            })?;
            let own = mailboxes.child(name)?.backed_by(section);
            Ok((pattern, ConflictPolicy::read(&own)?))
        };
        Ok(Self {
            usual: ConflictPolicy::read(section)?,
            own: names.into_iter().map(read).collect::<Result<_, _>>()?,
        })
    }
}

impl Brake {
    fn read(section: &Section<'_>) -> Result<Self, Fault> {
        Ok(Self {
            few: section.require("few")?.count()?,
            many: section.require("many")?.count()?,
        })
    }
}

impl ConflictPolicy {
    fn read(section: &Section<'_>) -> Result<Self, Fault> {
        Ok(Self {
            deleted_here_changed_there: section.require("deleted-here-changed-there")?.word()?,
            changed_here_deleted_there: section.require("changed-here-deleted-there")?.word()?,
        })
    }
}

words! {
    /// When TLS begins.
    Tls {
        /// With the first byte.
        Implicit = "implicit",
        /// After STARTTLS, which must succeed.
        StartTls = "starttls",
        /// Never.
        None = "none",
    }
}

words! {
    /// The protocol of a server.
    Protocol {
        /// Found out after the greeting.
        Auto = "auto",
        /// RFC 1064 and RFC 1176.
        Imap2 = "imap2",
        /// IMAP2bis.
        Imap2bis = "imap2bis",
        /// RFC 3501.
        Imap4rev1 = "imap4rev1",
    }
}

words! {
    /// What becomes of a message that was expunged here and changed there.
    DeletedHere {
        /// It stays there and comes back here.
        Keep = "keep",
        /// It is expunged there too.
        Delete = "delete",
    }
}

words! {
    /// What becomes of a message that was changed here and expunged there.
    DeletedThere {
        /// It is gone here too.
        Accept = "accept",
        /// It goes back there as a new message, where the server takes messages.
        Restore = "restore",
    }
}

impl Account {
    /// Reads one account; `limits` is `[limits]`.
    pub(super) fn read(
        section: &Section<'_>,
        name: AccountName,
        paths: &Paths,
        limits: &Section<'_>,
    ) -> Result<Self, Fault> {
        let upstream = match Route::read(section, paths)? {
            Some(route) => Some(Upstream::read(section, route, paths, limits)?),
            None => {
                refuse_remote_keys(section)?;
                None
            }
        };
        Ok(Self { name, upstream })
    }
}

impl Upstream {
    fn read(
        section: &Section<'_>,
        route: Route,
        paths: &Paths,
        limits: &Section<'_>,
    ) -> Result<Self, Fault> {
        Ok(Self {
            login: login(section, &route, paths)?,
            route,
            protocol: section.require("protocol")?.word()?,
            mailboxes: match section.given("mailboxes") {
                Some(entry) => mailboxes(&entry)?,
                None => MailboxFilter::default(),
            },
            poll: section.require("poll")?.duration()?,
            scrub: section.require("scrub")?.duration()?,
            bodies: Bodies::read(&section.child("keep")?)?,
            before_removal: section.child("keep")?.require("before-removal")?.size()?,
            conflict: ConflictRules::read(&section.child("conflict")?)?,
            brake: Brake::read(&section.child("brake")?)?,
            timeouts: Timeouts::read(
                &section
                    .child("timeouts")?
                    .backed_by(&limits.child("timeouts")?),
            )?,
            bounds: Bounds::read(limits)?,
        })
    }
}

/// A mailbox store on this machine has no settings: each key would be one that its writer believes in, in vain.
fn refuse_remote_keys(section: &Section<'_>) -> Result<(), Fault> {
    match section.names().min_by_key(|(_, offset)| *offset) {
        None => Ok(()),
        Some((key, offset)) => {
            let problem = format!(
                "{} has neither host nor tunnel, so it is a mailbox store on this machine, which has no {key}",
                section.name
            );
            Err(section.key_fault(
                key,
                offset,
                problem,
                format!("Add host to mirror a server, or remove {key}"),
            ))
        }
    }
}

/// Both halves of the login; a tunnel may do without, since it usually has logged in already.
fn login(section: &Section<'_>, route: &Route, paths: &Paths) -> Result<Option<Login>, Fault> {
    let given = ["user", "password"]
        .iter()
        .any(|key| section.given(key).is_some());
    match route {
        Route::Tunnel { .. } if !given => Ok(None),
        Route::Tunnel { .. } | Route::Network { .. } => Ok(Some(Login {
            user: section.require("user")?.text()?.to_owned(),
            password: SecretSource::read(&section.require("password")?, paths)?,
        })),
    }
}

fn mailboxes(entry: &Entry<'_>) -> Result<MailboxFilter, Fault> {
    let list = entry.list()?;
    let patterns = list
        .iter()
        .map(Entry::text)
        .collect::<Result<Vec<_>, _>>()?;
    if patterns.is_empty() {
        return Err(entry.fault(
            format!("{} is empty, so that nothing would be mirrored", entry.name),
            "Name some, or remove the key to mirror all",
        ));
    }
    MailboxFilter::new(patterns).ok_or_else(|| {
        entry.fault(
            format!("{} has a \"!\" without a name", entry.name),
            "Write the name to leave out after the \"!\"",
        )
    })
}
