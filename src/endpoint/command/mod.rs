//! The commands of a client that is logged in, one file for each.
//!
//! Each checks, asks the store, writes its untagged data, and returns its tagged answer. What others have changed is told
//! behind that data and before the answer, by the caller here, for all commands alike.

mod append;
mod bboard;
pub(super) mod capability;
mod check;
mod copy;
mod create;
mod delete;
mod expunge;
mod fetch;
mod find;
pub(super) mod login;
pub(super) mod logout;
mod noop;
mod partial;
mod rename;
mod search;
mod select;
mod store;
mod subscribe;

use super::reply::{Reply, Stop};
use super::session::{Opened, Session, Tell};
use super::wire::{Ended, Wire};
use crate::protocol::command::{Command, Numbering};
use crate::protocol::dialect::Dialect;
use crate::protocol::response::Condition;
use crate::protocol::types::StoreReply;
use crate::store::Kind;

/// Carries out a command and tells what it makes known; the tagged answer is left to the caller.
pub(super) async fn run(
    session: &mut Session,
    wire: &mut Wire,
    command: Command,
) -> Result<Reply, Ended> {
    let tell = what_to_tell(&command);
    let reply = settle(carry_out(session, wire, command).await)?;
    match session.tell(wire, tell).await {
        Ok(()) => Ok(reply),
        Err(Stop::Ended(ended)) => Err(ended),
        Err(Stop::Reply(trouble)) => Ok(trouble),
    }
}

async fn carry_out(
    session: &mut Session,
    wire: &mut Wire,
    command: Command,
) -> Result<Reply, Stop> {
    match command {
        Command::Noop => Ok(noop::run()),
        Command::Capability => Ok(capability::run(wire)),
        Command::Select(mailbox) => select::run(session, wire, &mailbox, Opened::ToWrite).await,
        Command::Examine(mailbox) => select::run(session, wire, &mailbox, Opened::ToRead).await,
        Command::Bboard(_) => Ok(bboard::run(session)),
        Command::Check => Ok(check::run()),
        Command::Expunge => expunge::run(session).await,
        Command::Create(mailbox) => create::run(session, mailbox).await,
        Command::Delete(mailbox) => delete::run(session, mailbox).await,
        Command::Rename { from, to } => rename::run(session, from, to).await,
        Command::Subscribe(space, mailbox) => subscribe::subscribe(session, space, &mailbox),
        Command::Unsubscribe(space, mailbox) => subscribe::unsubscribe(session, space, &mailbox),
        Command::Find {
            kind,
            scope,
            pattern,
        } => find::run(session, wire, kind, scope, &pattern).await,
        Command::Append {
            mailbox,
            flags,
            date,
            message,
        } => {
            let message = append::Appended {
                flags,
                date,
                octets: message,
            };
            append::run(session, wire, &mailbox, message).await
        }
        Command::Copy(Numbering::Sequence, set, to) => copy::run(session, wire, &set, to).await,
        Command::Fetch(Numbering::Sequence, set, request) => {
            fetch::run(session, wire, &set, &request).await
        }
        Command::Store {
            numbering: Numbering::Sequence,
            set,
            mode,
            reply: StoreReply::Report,
            flags,
        } => store::run(session, wire, &set, mode, &flags).await,
        Command::Search {
            numbering: Numbering::Sequence,
            charset: None,
            keys,
        } => search::run(session, wire, keys).await,
        Command::Partial => Ok(partial::run()),
        // What is left came with IMAP4, or belongs to a client that has not logged in.
        Command::SelectCounting(_)
        | Command::Copy(..)
        | Command::Fetch(..)
        | Command::Store { .. }
        | Command::Search { .. }
        | Command::UidExpunge(_)
        | Command::Close
        | Command::List { .. }
        | Command::Lsub { .. }
        | Command::Login { .. }
        | Command::AuthenticatePlain { .. }
        | Command::StartTls
        | Command::Logout => Ok(unknown()),
    }
}

/// The answer to what this protocol does not have. Row `1064-UNKNOWN`.
pub(super) fn unknown() -> Reply {
    Reply::bad("IMAP2 has no such command")
}

/// Messages go away only while NOOP, CHECK or EXPUNGE is answered. Row `1064-NUM-ENDPOINT`.
fn what_to_tell(command: &Command) -> Tell {
    match command {
        Command::Select(_) | Command::Examine(_) => Tell::Nothing,
        Command::Noop | Command::Expunge => Tell::Expunges,
        Command::Check => Tell::Counts,
        _ => Tell::Changes,
    }
}

fn settle(outcome: Result<Reply, Stop>) -> Result<Reply, Ended> {
    match outcome {
        Ok(reply) | Err(Stop::Reply(reply)) => Ok(reply),
        Err(Stop::Ended(ended)) => Err(ended),
    }
}

/// Refuses what cannot be done to the mailboxes of a server: those are made and removed there.
fn require_local(session: &Session) -> Result<(), Stop> {
    match session.store.kind() {
        Kind::Local => Ok(()),
        Kind::Mirror => Err(Reply::no(
            "The mailboxes of this account are a copy; make and remove them on its server",
        )
        .into()),
    }
}

/// The answer to a destination that is not there. IMAP2bis says it twice, because its clients look at the untagged line.
fn try_create(wire: &mut Wire) -> Reply {
    if wire.dialect() >= Dialect::Imap2bis {
        wire.writer()
            .untagged(Condition::Ok, "[TRYCREATE] There is no such mailbox");
    }
    Reply::no("[TRYCREATE] There is no such mailbox; nothing was changed")
}
