//! Who talks to SQLite: one writer for each file, and a few connections that only read, on threads of their own.
//!
//! A job is one method of the store. Jobs of one file run one after the other in the order in which they were sent, so a
//! job that publishes what it committed publishes in the order of the commits.

use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::Connection;
use tokio::sync::{Semaphore, mpsc, oneshot, watch};

use super::error::StoreError;
use super::file::{Fault, StoreFile};
use super::open;

type Job = Box<dyn FnOnce(&mut Connection) -> Done + Send>;

/// What a job says about its file, and what tells whoever waits for it.
struct Done {
    verdict: Verdict,
    tell: Box<dyn FnOnce() + Send>,
}

/// What a job says about its file.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Sound,
    /// A write failed in a way after which later successes prove nothing.
    Poisoned,
}

/// Where an account's files are worked on.
#[derive(Clone, Default)]
pub enum Execution {
    /// On threads of their own.
    #[default]
    Threads,
    /// On the caller's, so that a program can be played again step by step. It is asked before and after each write whether
    /// the process dies here: then nothing is written any more.
    Inline(Arc<dyn Fn() -> bool + Send + Sync>),
}

impl std::fmt::Debug for Execution {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Threads => "Threads",
            Self::Inline(_) => "Inline",
        })
    }
}

impl Execution {
    /// Does something that takes its time.
    ///
    /// # Errors
    /// [`StoreError::Stopped`] when it came to no end.
    pub(super) async fn work<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, StoreError> {
        match self {
            Self::Threads => tokio::task::spawn_blocking(work)
                .await
                .map_err(|_| StoreError::Stopped),
            Self::Inline(_) => Ok(work()),
        }
    }
}

/// The one connection that writes a file.
#[derive(Clone, Debug)]
pub(super) struct Writer {
    file: StoreFile,
    place: Place,
}

#[derive(Clone, Debug)]
enum Place {
    Thread(mpsc::Sender<Job>),
    Here(Execution, Arc<Mutex<Option<Connection>>>),
}

impl Writer {
    /// Takes the connection over. A thread ends when the last handle is dropped, or after a failed write; then `in_use` is
    /// dropped.
    pub(super) fn start(
        execution: &Execution,
        file: &StoreFile,
        connection: Connection,
        in_use: watch::Sender<()>,
    ) -> std::io::Result<Self> {
        let place = match execution {
            Execution::Threads => Place::Thread(start_thread(file, connection, in_use)?),
            Execution::Inline(_) => {
                Place::Here(execution.clone(), Arc::new(Mutex::new(Some(connection))))
            }
        };
        Ok(Self {
            file: file.clone(),
            place,
        })
    }

    /// Returns once nothing more can be written: a write has failed, or a job of it.
    pub(super) async fn ended(&self) {
        match &self.place {
            Place::Thread(jobs) => jobs.closed().await,
            Place::Here(..) => std::future::pending().await,
        }
    }

    /// Whether nothing more can be written.
    pub(super) fn has_ended(&self) -> bool {
        match &self.place {
            Place::Thread(jobs) => jobs.is_closed(),
            Place::Here(_, connection) => {
                let place = connection.lock().unwrap_or_else(PoisonError::into_inner);
                place.is_none()
            }
        }
    }

    /// Runs a job and waits for its result.
    ///
    /// # Errors
    /// What the job returns, or [`StoreError::Stopped`] once a write has failed.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        job: impl FnOnce(&mut Connection) -> Result<T, Fault> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (answer, result) = oneshot::channel();
        let file = self.file.clone();
        let job: Job = Box::new(move |connection| {
            let outcome = job(connection);
            let verdict = if outcome.as_ref().is_err_and(Fault::poisons) {
                Verdict::Poisoned
            } else {
                Verdict::Sound
            };
            Done {
                verdict,
                // Nobody may be waiting any more; what was committed is committed all the same.
                tell: Box::new(move || {
                    drop(answer.send(outcome.map_err(|fault| file.told(fault))));
                }),
            }
        });
        match &self.place {
            Place::Thread(jobs) => jobs.send(job).await.map_err(|_| StoreError::Stopped)?,
            Place::Here(execution, connection) => run_here(execution, connection, job)?,
        }
        result.await.map_err(|_| StoreError::Stopped)?
    }
}

fn start_thread(
    file: &StoreFile,
    connection: Connection,
    in_use: watch::Sender<()>,
) -> std::io::Result<mpsc::Sender<Job>> {
    let (jobs, mut queue) = mpsc::channel::<Job>(QUEUE_JOBS);
    std::thread::Builder::new()
        .name(file.kind.name().to_owned())
        .spawn(move || {
            // Dropped in the reverse order: the file is closed before it is said to be free.
            let _in_use = in_use;
            let mut connection = connection;
            while let Some(job) = queue.blocking_recv() {
                let done = job(&mut connection);
                if done.verdict == Verdict::Poisoned {
                    // Whoever hears of the failure finds that nothing more is taken.
                    queue.close();
                }
                (done.tell)();
                if done.verdict == Verdict::Poisoned {
                    break;
                }
            }
        })?;
    Ok(jobs)
}

/// Runs a job, unless the process dies before it. If it dies right behind it, nobody hears of what came of it.
fn run_here(
    execution: &Execution,
    connection: &Mutex<Option<Connection>>,
    job: Job,
) -> Result<(), StoreError> {
    let dies = || matches!(execution, Execution::Inline(dies) if dies());
    let mut place = connection.lock().unwrap_or_else(PoisonError::into_inner);
    if dies() {
        *place = None;
    }
    let connection = place.as_mut().ok_or(StoreError::Stopped)?;
    let done = job(connection);
    if done.verdict == Verdict::Poisoned {
        *place = None;
    }
    (done.tell)();
    if dies() {
        *place = None;
        return Err(StoreError::Stopped);
    }
    Ok(())
}

/// Connections that only read; each is lent to one job at a time.
#[derive(Clone, Debug)]
pub(super) struct Readers {
    file: StoreFile,
    execution: Execution,
    idle: Arc<Mutex<Vec<Connection>>>,
    permits: Arc<Semaphore>,
}

impl Readers {
    pub(super) fn new(execution: &Execution, file: StoreFile) -> Self {
        Self {
            file,
            execution: execution.clone(),
            idle: Arc::default(),
            permits: Arc::new(Semaphore::new(READER_COUNT)),
        }
    }

    /// Runs a reading job on a blocking thread.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        job: impl FnOnce(&Connection) -> Result<T, Fault> + Send + 'static,
    ) -> Result<T, StoreError> {
        let permit = self
            .permits
            .clone()
            .acquire_owned()
            .await
            .map_err(|_| StoreError::Stopped)?;
        let (file, idle) = (self.file.clone(), self.idle.clone());
        let lend = move || {
            let _permit = permit;
            let kept = idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
            let connection = kept
                .map_or_else(|| open::reader(&file.path), Ok)
                .map_err(|fault| file.told(fault))?;
            let outcome = job(&connection).map_err(|fault| file.told(fault));
            idle.lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push(connection);
            outcome
        };
        self.execution.work(lend).await?
    }
}

/// How many jobs may wait for a writer.
const QUEUE_JOBS: usize = 64;
/// How many reading jobs run at once.
const READER_COUNT: usize = 4;
