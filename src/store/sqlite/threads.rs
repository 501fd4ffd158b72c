//! The threads that hold the connections, and the queues in front of them.
//!
//! A task is a closure that gets a connection; its caller waits on a channel, so no async thread ever waits for the
//! disk. The queues are bounded: when one is full, calling waits too. The ballot batcher has its own bound for that.
//!
//! Tasks share a transaction, but not failures: each runs in a savepoint, and one that fails or panics is undone alone.
//! If the transaction itself fails, it is unknown what the disk has, and all tasks fail; likewise if the file is no
//! longer at its path after it has been written ([`Condition`]).

use std::{
    io,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    thread::{self, JoinHandle},
};

use parking_lot::Mutex;
use rusqlite::{Connection, TransactionBehavior};
use tokio::sync::{mpsc, oneshot};

use super::{
    condition::{Condition, Failure},
    watch::leave_as_found,
};
use crate::{
    store::StoreError,
    threads::{keep_thread_running, panicked},
};

/// How many tasks wait in a queue before callers wait too. A task is at most a batch of ballots, so this is far more
/// than the workers' ballot batchers ever have in flight.
const QUEUE: usize = 1_024;

/// The most tasks in one transaction, which bounds how long its first task waits for its last.
const TRANSACTION: usize = 128;

/// One or more threads that work off a queue. Dropping this waits until they have closed their connections.
pub(super) struct Threads {
    // `None` only while being dropped: the threads end when the queue is empty and closed.
    queue: Option<mpsc::Sender<Box<dyn Job>>>,
    threads: Vec<JoinHandle<()>>,
}

impl Threads {
    /// One thread that writes, many tasks in a transaction.
    pub(super) fn writing(mut db: Connection, condition: Arc<Condition>) -> Result<Self, StoreError> {
        let (queue, mut tasks) = mpsc::channel(QUEUE);
        let thread = spawn("sqlite-writer", move || {
            keep_thread_running("sqlite-writer", || {
                let mut batch = Vec::with_capacity(TRANSACTION);
                while tasks.blocking_recv_many(&mut batch, TRANSACTION) > 0 {
                    let failure = write(&mut db, &condition, &mut batch).err();
                    for task in batch.drain(..) {
                        task.answer(failure.as_ref());
                    }
                }
            });
            leave_as_found(&db, &condition);
        })?;
        Ok(Self { queue: Some(queue), threads: vec![thread] })
    }

    /// One thread per connection that reads. Each task sees one state of the file throughout.
    pub(super) fn reading(connections: Vec<Connection>, condition: &Arc<Condition>) -> Result<Self, StoreError> {
        let (queue, tasks) = mpsc::channel::<Box<dyn Job>>(QUEUE);
        // The thread that holds the lock waits for a task, and releases the lock before it works.
        let tasks = Arc::new(Mutex::new(tasks));
        let read = |mut db: Connection| {
            let (tasks, condition) = (Arc::clone(&tasks), Arc::clone(condition));
            let next = move || tasks.lock().blocking_recv();
            spawn("sqlite-reader", move || {
                keep_thread_running("sqlite-reader", || {
                    while let Some(mut task) = next() {
                        let failure =
                            snapshot(&mut db, &condition, task.as_mut()).map_err(|error| failed(&condition, &error));
                        task.answer(failure.err().as_ref());
                    }
                });
            })
        };
        let threads = connections.into_iter().map(read).collect::<Result<_, _>>()?;
        Ok(Self { queue: Some(queue), threads })
    }

    /// Queues work and waits for its answer. If the future is dropped before the work begins, it is not done.
    pub(super) async fn ask<T, W>(&self, work: W) -> Result<T, StoreError>
    where
        T: Send + 'static,
        W: FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    {
        let stopped = || StoreError::unavailable("the store's threads have stopped");
        let (reply, answer) = oneshot::channel();
        let task = Box::new(PendingWork { work: Some(work), done: None, reply });
        self.queue.as_ref().ok_or_else(stopped)?.send(task).await.map_err(|_| stopped())?;
        answer.await.map_err(|_| stopped())?
    }
}

impl Drop for Threads {
    fn drop(&mut self) {
        self.queue = None;
        for thread in self.threads.drain(..) {
            // A thread that panics goes on, so it ends without an error.
            let _ = thread.join();
        }
    }
}

fn spawn(name: &str, work: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>, StoreError> {
    let spawned: io::Result<_> = thread::Builder::new().name(name.to_owned()).spawn(work);
    spawned.map_err(StoreError::unavailable)
}

/// Runs a batch if the file is at its path, and checks that it still is before anybody is answered.
fn write(db: &mut Connection, condition: &Condition, batch: &mut [Box<dyn Job>]) -> Result<(), Failure> {
    condition.admit()?;
    commit(db, condition, batch).map_err(|error| failed(condition, &error))?;
    condition.look()
}

fn failed(condition: &Condition, error: &rusqlite::Error) -> Failure {
    let failure = Failure::of(error);
    if let Failure::Damaged(what) = &failure {
        condition.note_damage(what);
    }
    failure
}

/// Runs a batch in one transaction. Immediate: if a transaction began by reading, another process could have written
/// before it comes to write.
fn commit(db: &mut Connection, condition: &Condition, batch: &mut [Box<dyn Job>]) -> rusqlite::Result<()> {
    let mut transaction = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
    for task in batch {
        let savepoint = transaction.savepoint()?;
        if task.run(&savepoint, condition) {
            savepoint.commit()?;
        } else {
            // Fails if SQLite has undone the whole transaction, as it may when the disk is full.
            savepoint.finish()?;
        }
    }
    transaction.commit()
}

fn snapshot(db: &mut Connection, condition: &Condition, task: &mut dyn Job) -> rusqlite::Result<()> {
    let transaction = db.transaction()?;
    task.run(&transaction, condition);
    transaction.commit()
}

/// Work with an answer of any type.
trait Job: Send {
    /// Does the work. Returns whether to keep what it did.
    fn run(&mut self, db: &Connection, condition: &Condition) -> bool;

    /// Answers the caller; `failure` means that the work, or the transaction around it, was undone.
    fn answer(self: Box<Self>, failure: Option<&Failure>);
}

/// Work, its result once it is done, and where the result goes.
struct PendingWork<W, T> {
    work: Option<W>,
    done: Option<Result<T, StoreError>>,
    reply: oneshot::Sender<Result<T, StoreError>>,
}

impl<W, T> Job for PendingWork<W, T>
where
    T: Send,
    W: FnOnce(&Connection) -> Result<T, StoreError> + Send,
{
    fn run(&mut self, db: &Connection, condition: &Condition) -> bool {
        let Some(work) = self.work.take() else { return false };
        if self.reply.is_closed() {
            return false;
        }
        // The savepoint undoes a panic's half-done work, so no broken state remains.
        let done = catch_unwind(AssertUnwindSafe(|| work(db)))
            .unwrap_or_else(|payload| Err(StoreError::unavailable(format!("the store {}", panicked(&*payload)))));
        if let Err(StoreError::Damaged(what)) = &done {
            condition.note_damage(what);
        }
        let keep = done.is_ok();
        self.done = Some(done);
        keep
    }

    fn answer(self: Box<Self>, failure: Option<&Failure>) {
        let answer = match failure {
            None => self.done,
            Some(failure) => Some(Err(failure.to_error())),
        };
        if let Some(answer) = answer {
            // The caller may be gone.
            let _ = self.reply.send(answer);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc as std_mpsc;

    use super::*;

    struct WriterFixture {
        _folder: tempfile::TempDir,
        path: std::path::PathBuf,
        writer: Arc<Threads>,
    }

    fn fixture() -> WriterFixture {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("threads.db");
        let db = Connection::open(&path).unwrap();
        db.execute_batch("pragma journal_mode=wal; create table notes (words text) strict").unwrap();
        let condition = Arc::new(Condition::of(&path).unwrap());
        WriterFixture { _folder: folder, path, writer: Arc::new(Threads::writing(db, condition).unwrap()) }
    }

    fn note(db: &Connection, words: &str) -> Result<usize, StoreError> {
        Ok(db.execute("insert into notes values (?)", [words])?)
    }

    fn notes(db: &Connection) -> Vec<String> {
        let mut statement = db.prepare("select words from notes order by rowid").unwrap();
        statement.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
    }

    /// Holds the writer up until the returned sender speaks, so that what is asked meanwhile is one batch.
    async fn hold(writer: &Arc<Threads>) -> std_mpsc::Sender<()> {
        let (release, released) = std_mpsc::channel::<()>();
        let (start, started) = oneshot::channel();
        let writer = Arc::clone(writer);
        tokio::spawn(async move {
            let held = writer.ask(move |_| {
                start.send(()).unwrap();
                released.recv().unwrap();
                Ok(())
            });
            held.await.unwrap();
        });
        started.await.unwrap();
        release
    }

    /// Waits until so many tasks stand in the queue.
    async fn queued(writer: &Threads, count: usize) {
        let queue = writer.queue.as_ref().unwrap();
        while queue.max_capacity() - queue.capacity() < count {
            tokio::task::yield_now().await;
        }
    }

    #[tokio::test]
    async fn tasks_that_wait_share_a_transaction_and_none_is_answered_before_its_commit() {
        let WriterFixture { _folder, path, writer } = fixture();
        let release = hold(&writer).await;
        let (answer, mut answered) = oneshot::channel();
        let first = Arc::clone(&writer);
        tokio::spawn(async move { answer.send(first.ask(|db| note(db, "first")).await.unwrap()) });
        queued(&writer, 1).await;
        let second = Arc::clone(&writer);
        let second = tokio::spawn(async move {
            let look = move |db: &Connection| {
                let outside = notes(&Connection::open(path).unwrap());
                Ok((notes(db), outside, answered.try_recv().is_err(), answered))
            };
            second.ask(look).await
        });
        queued(&writer, 2).await;
        release.send(()).unwrap();
        let (inside, outside, unanswered, answered) = second.await.unwrap().unwrap();
        assert_eq!(inside, ["first"]);
        assert!(outside.is_empty(), "the first task was committed alone");
        assert!(unanswered, "the first task was answered before its commit");
        assert_eq!(answered.await, Ok(1));
    }

    #[tokio::test]
    async fn a_task_that_fails_or_panics_is_undone_alone() {
        let WriterFixture { _folder, path, writer } = fixture();
        let release = hold(&writer).await;
        let ask = |words: &'static str, end: fn() -> Result<(), StoreError>| {
            let writer = Arc::clone(&writer);
            tokio::spawn(async move { writer.ask(move |db| note(db, words).and_then(|_| end())).await })
        };
        let good = ask("good", || Ok(()));
        let failing = ask("failing", || Err(StoreError::Corrupt("on purpose".to_owned())));
        let panicking = ask("panicking", || panic!("on purpose"));
        let last = ask("last", || Ok(()));
        queued(&writer, 4).await;
        release.send(()).unwrap();
        assert!(good.await.unwrap().is_ok());
        assert!(matches!(failing.await.unwrap(), Err(StoreError::Corrupt(_))));
        assert!(
            matches!(panicking.await.unwrap(), Err(StoreError::Unavailable(why)) if why.to_string().contains("on purpose"))
        );
        assert!(last.await.unwrap().is_ok());
        assert_eq!(notes(&Connection::open(path).unwrap()), ["good", "last"]);
    }

    #[tokio::test]
    async fn if_the_transaction_fails_everybody_in_it_is_told() {
        let WriterFixture { _folder, path, writer } = fixture();
        let release = hold(&writer).await;
        let ask = |words: &'static str, spoil: bool| {
            let writer = Arc::clone(&writer);
            let work = move |db: &Connection| {
                note(db, words)?;
                // What SQLite itself does to a transaction when the disk is full.
                if spoil { db.execute_batch("rollback").map_err(StoreError::from) } else { Ok(()) }
            };
            tokio::spawn(async move { writer.ask(work).await })
        };
        let asked = [ask("first", false), ask("spoiling", true), ask("last", false)];
        queued(&writer, 3).await;
        release.send(()).unwrap();
        for answer in asked {
            assert!(matches!(answer.await.unwrap(), Err(StoreError::Unavailable(_))));
        }
        assert!(notes(&Connection::open(path).unwrap()).is_empty());
        assert!(writer.ask(|db| note(db, "afterwards")).await.is_ok(), "the writer goes on");
    }

    #[tokio::test]
    async fn work_that_nobody_waits_for_any_more_is_not_done() {
        let WriterFixture { _folder, path, writer } = fixture();
        let release = hold(&writer).await;
        let asking = Arc::clone(&writer);
        let abandoned = tokio::spawn(async move { asking.ask(|db| note(db, "abandoned")).await });
        queued(&writer, 1).await;
        abandoned.abort();
        assert!(abandoned.await.is_err_and(|end| end.is_cancelled()));
        release.send(()).unwrap();
        writer.ask(|db| note(db, "awaited")).await.unwrap();
        assert_eq!(notes(&Connection::open(path).unwrap()), ["awaited"]);
    }

    /// A task whose answer panics, outside of what a task's work is guarded by.
    struct Poison;

    impl Job for Poison {
        fn run(&mut self, _: &Connection, _: &Condition) -> bool {
            true
        }

        fn answer(self: Box<Self>, _: Option<&Failure>) {
            panic!("on purpose");
        }
    }

    #[tokio::test]
    async fn a_thread_that_panics_goes_on_with_what_comes_next() {
        let WriterFixture { _folder, path, writer } = fixture();
        assert!(writer.queue.as_ref().unwrap().send(Box::new(Poison)).await.is_ok());
        // What was taken out of the queue with it has lost its answer too.
        while writer.ask(|db| note(db, "afterwards")).await.is_err() {}
        assert_eq!(notes(&Connection::open(path).unwrap()).last().unwrap(), "afterwards");
    }

    #[tokio::test]
    async fn dropping_the_threads_closes_the_file() {
        let WriterFixture { _folder, path, writer } = fixture();
        writer.ask(|db| note(db, "kept")).await.unwrap();
        drop(writer);
        // The last connection to close folds the log into the file.
        assert!(!path.with_extension("db-wal").exists());
        assert_eq!(notes(&Connection::open(path).unwrap()), ["kept"]);
    }
}
