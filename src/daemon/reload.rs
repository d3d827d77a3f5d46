//! Watching the configuration file: a file that can be read whole and makes sense takes effect, any other is reported and
//! the one in force stays.

use std::path::PathBuf;
use std::time::Duration;

use notify::{RecursiveMode, Watcher};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

use super::error::chain;
use crate::config::Config;
use crate::endpoint::stopped;

/// Starts watching; each configuration that is new and sound is sent.
pub(super) fn watch(
    path: PathBuf,
    running: Config,
    stop: watch::Receiver<bool>,
    tasks: &mut JoinSet<()>,
) -> mpsc::Receiver<Config> {
    let (send, receive) = mpsc::channel(1);
    tasks.spawn(look_on(path, running, stop, send));
    receive
}

async fn look_on(
    path: PathBuf,
    mut running: Config,
    mut stop: watch::Receiver<bool>,
    send: mpsc::Sender<Config>,
) {
    let bell = watch::Sender::new(());
    let mut rung = bell.subscribe();
    let watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
        if event.as_ref().is_ok_and(changes_nothing) {
            return;
        }
        bell.send_replace(());
    });
    // The directory, since editors put a new file in the old one's place. Where it cannot be watched, the clock remains.
    let mut watcher = watcher
        .inspect_err(|error| tracing::warn!(%error, "the configuration is looked at once a minute"))
        .ok();
    if let (Some(watcher), Some(directory)) = (watcher.as_mut(), path.parent())
        && let Err(error) = watcher.watch(directory, RecursiveMode::NonRecursive)
    {
        tracing::warn!(%error, "the configuration is looked at once a minute");
    }
    let mut reported = String::new();
    loop {
        tokio::select! {
            () = stopped(&mut stop) => return,
            _ = rung.changed() => tokio::time::sleep(SETTLE).await,
            () = tokio::time::sleep(LOOK_EVERY) => {}
        }
        rung.mark_unchanged();
        let from = path.clone();
        let loaded = tokio::task::spawn_blocking(move || Config::load(&from)).await;
        match loaded {
            Ok(Ok(config)) if config == running => reported.clear(),
            Ok(Ok(config)) => {
                tracing::info!("the configuration has changed");
                running = config.clone();
                reported.clear();
                if send.send(config).await.is_err() {
                    return;
                }
            }
            Ok(Err(error)) => {
                let problem = chain(&error);
                if problem != reported {
                    tracing::error!(%problem, "the configuration cannot be used; the one in force stays");
                    reported = problem;
                }
            }
            Err(_) => return,
        }
    }
}

/// Whether somebody has only looked, as we do ourselves when the bell rings.
fn changes_nothing(event: &notify::Event) -> bool {
    event.kind.is_access()
}

/// Editors write in several steps.
const SETTLE: Duration = Duration::from_millis(200);
/// For changes that nobody tells us of.
const LOOK_EVERY: Duration = Duration::from_secs(60);

#[cfg(test)]
mod tests {
    use notify::event::{AccessKind, AccessMode, CreateKind, ModifyKind, RemoveKind, RenameMode};
    use notify::{Event, EventKind};

    use super::*;

    #[test]
    fn reading_the_configuration_rings_no_bell_to_read_it_again() {
        for (kind, rings) in [
            (EventKind::Access(AccessKind::Open(AccessMode::Any)), false),
            (
                EventKind::Access(AccessKind::Close(AccessMode::Read)),
                false,
            ),
            (EventKind::Create(CreateKind::File), true),
            (EventKind::Modify(ModifyKind::Any), true),
            (EventKind::Modify(ModifyKind::Name(RenameMode::To)), true),
            (EventKind::Remove(RemoveKind::File), true),
        ] {
            assert_eq!(!changes_nothing(&Event::new(kind)), rings, "{kind:?}");
        }
    }
}
