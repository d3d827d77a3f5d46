//! STORE: set and clear flags. RFC 1176 STORE; rows `1064-STORE-FLAGS`, `1064-STORE-PLUS`, `1064-STORE-MINUS`,
//! `1064-STORE-REPLY`, `1176-STORE-REPLY`.

use crate::endpoint::reply::{Reply, Stop};
use crate::endpoint::session::{Session, storable_flags};
use crate::endpoint::wire::Wire;
use crate::id::MailboxId;
use crate::journal::{Action, FlagIntent, NewEntry};
use crate::protocol::types::{Flag, FlagSet, SeqNum, SequenceSet, StoreMode};
use crate::store::{Kind, Store, View};

/// Stores all or nothing, and tells the flags of every message it was asked about.
///
/// What is meant is decided by the flags that this client was shown: a replacing STORE changes nothing that it neither
/// saw nor named. For a message that is gone there is nothing to do.
pub(super) async fn run(
    session: &mut Session,
    wire: &mut Wire,
    set: &SequenceSet,
    mode: StoreMode,
    flags: &[Flag],
) -> Result<Reply, Stop> {
    let mut view = session.view().await?;
    let store = session.store.clone();
    let selected = session.selected()?;
    let ranges = selected.numbers.resolve(set)?;
    refuse_unstorable(flags)?;
    if !selected.is_writable(&view) {
        return Ok(Reply::no("The mailbox is read-only; nothing was stored"));
    }
    let flags = known_flags(&store, selected.mailbox, &mut view, flags).await?;
    let intent = FlagIntent { mode, flags };
    let wishes: Vec<NewEntry> = ranges
        .iter()
        .cloned()
        .flatten()
        .filter_map(|number| selected.numbers.get(number))
        .map(|shown| NewEntry {
            message: shown.id,
            action: Action::Flags(intent.delta(shown.flags)),
        })
        .collect();
    store.accept(selected.mailbox, wishes).await?;
    report(session, wire, ranges.into_iter().flatten()).await?;
    Ok(Reply::ok("STORE completed"))
}

/// Rows `1064-STORE-RECENT`, `1064-STORE-UNKNOWNFLAG`.
fn refuse_unstorable(flags: &[Flag]) -> Result<(), Reply> {
    for flag in flags {
        match flag {
            Flag::Recent => return Err(Reply::bad("\\Recent cannot be stored")),
            Flag::Extension(_) => return Err(Reply::no("There is no such flag")),
            Flag::Seen | Flag::Answered | Flag::Flagged | Flag::Deleted | Flag::Draft => {}
            Flag::Keyword(_) => {}
        }
    }
    Ok(())
}

/// The flags as a set. A new keyword can be made only where no server has to keep it. Row `1064-STORE-KEYWORD`.
async fn known_flags(
    store: &Store,
    mailbox: MailboxId,
    view: &mut View,
    flags: &[Flag],
) -> Result<FlagSet, Stop> {
    let (mut known, unknown) = view.keywords.resolve(flags);
    if !unknown.is_empty() {
        if store.kind() == Kind::Mirror {
            return Err(Reply::no("The server of this mailbox has no such keyword").into());
        }
        let keywords = store.define_keywords(mailbox, unknown).await?;
        known = keywords.resolve(flags).0;
        *view = store.view(mailbox).await?;
    }
    if storable_flags(store.kind(), view).contains(known) {
        Ok(known)
    } else {
        Err(Reply::no("The server of this mailbox does not keep such a flag").into())
    }
}

async fn report(
    session: &mut Session,
    wire: &mut Wire,
    numbers: impl Iterator<Item = u32>,
) -> Result<(), Stop> {
    let view = session.view().await?;
    let kind = session.store.kind();
    let selected = session.selected()?;
    selected.tell_keywords(wire, kind, &view);
    for number in numbers {
        let (Some(seq), Some(shown)) = (SeqNum::new(number), selected.numbers.get(number)) else {
            continue;
        };
        let flags = view.find(shown.id).map_or(shown.flags, |(_, flags)| flags);
        selected.numbers.told(seq, flags);
        let recent = selected.recent(shown.id);
        wire.writer()
            .stored(seq)
            .flags(flags, recent, &selected.names)
            .finish();
        wire.make_room().await?;
    }
    Ok(())
}
