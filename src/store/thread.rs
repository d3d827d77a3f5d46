//! The threads that talk to SQLite: one writer for each file, and a few connections that only read.
//!
//! A job is one method of the store. Jobs of one file run one after the other in the order in which they were sent, so a
//! job that publishes what it committed publishes in the order of the commits.

use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::Connection;
use tokio::sync::{Semaphore, mpsc, oneshot, watch};

use super::error::StoreError;
use super::file::{Fault, StoreFile};
use super::open;

type Job = Box<dyn FnOnce(&mut Connection) -> Verdict + Send>;

/// What a job says about its file.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Sound,
    /// A write failed in a way after which later successes prove nothing.
    Poisoned,
}

/// The one connection that writes a file, on a thread of its own.
#[derive(Clone, Debug)]
pub(super) struct Writer {
    file: StoreFile,
    jobs: mpsc::Sender<Job>,
}

impl Writer {
    /// Starts the thread. It ends when the last handle is dropped, or after a failed write; then `in_use` is dropped.
    pub(super) fn start(
        file: &StoreFile,
        connection: Connection,
        in_use: watch::Sender<()>,
    ) -> std::io::Result<Self> {
        let (jobs, mut queue) = mpsc::channel::<Job>(QUEUE_JOBS);
        std::thread::Builder::new()
            .name(file.kind.name().to_owned())
            .spawn(move || {
                let _in_use = in_use;
                let mut connection = connection;
                while let Some(job) = queue.blocking_recv() {
                    if job(&mut connection) == Verdict::Poisoned {
                        break;
                    }
                }
            })?;
        Ok(Self {
            file: file.clone(),
            jobs,
        })
    }

    /// Returns once the thread has ended: a write has failed, or a job of it.
    pub(super) async fn ended(&self) {
        self.jobs.closed().await;
    }

    /// Runs a job on the thread and waits for its result.
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
            // Nobody may be waiting any more; what was committed is committed all the same.
            drop(answer.send(outcome.map_err(|fault| file.told(fault))));
            verdict
        });
        self.jobs.send(job).await.map_err(|_| StoreError::Stopped)?;
        result.await.map_err(|_| StoreError::Stopped)?
    }
}

/// Connections that only read; each is lent to one job at a time.
#[derive(Clone, Debug)]
pub(super) struct Readers {
    file: StoreFile,
    idle: Arc<Mutex<Vec<Connection>>>,
    permits: Arc<Semaphore>,
}

impl Readers {
    pub(super) fn new(file: StoreFile) -> Self {
        Self {
            file,
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
        tokio::task::spawn_blocking(lend)
            .await
            .map_err(|_| StoreError::Stopped)?
    }
}

/// How many jobs may wait for a writer.
const QUEUE_JOBS: usize = 64;
/// How many reading jobs run at once.
const READER_COUNT: usize = 4;
