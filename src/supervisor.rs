//! Background tasks that nobody waits for, and that must not end unnoticed.
//!
//! If the refresher ended, a replica would serve the same tallies for ever and look healthy. So every such task has a
//! name and belongs to a [`Supervisor`]. A task that ends or panics is logged, counted and started again; if it can't
//! be started again, it ends the replica, which its operator's system starts anew. Threads are kept running by
//! [`keep_thread_running`](crate::threads::keep_thread_running).

use std::{collections::HashMap, sync::Arc, time::Duration};

use futures_util::future::LocalBoxFuture;
use tokio::{
    task::{AbortHandle, Id, JoinError, JoinSet},
    time::{Instant, sleep},
};

use crate::{telemetry::Metrics, threads::panicked};

/// The first pause before a task that has ended is started again. Each further pause is twice as long, up to
/// [`LONGEST_REST`].
const FIRST_REST: Duration = Duration::from_millis(100);
/// The longest such wait.
const LONGEST_REST: Duration = Duration::from_secs(5);
/// A task that has run for so long begins with the first pause again.
const SETTLED: Duration = Duration::from_mins(1);

/// A background task has ended that the replica can't go on without.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("the background task {task} {reason}, and can't be started again")]
pub struct TaskEnded {
    /// Its name.
    pub task: &'static str,
    /// How it ended.
    pub reason: String,
}

/// Runs background tasks on the thread it is made on. Dropping it ends them.
pub struct Supervisor<E> {
    metrics: Arc<Metrics>,
    tasks: Vec<SupervisedTask<E>>,
    running: JoinSet<Result<(), E>>,
    by_id: HashMap<Id, usize>,
}

struct SupervisedTask<E> {
    name: &'static str,
    on_end: OnEnd<E>,
    started_at: Instant,
    rest: Duration,
    abort: AbortHandle,
}

/// What happens when a task ends.
enum OnEnd<E> {
    /// It is started again.
    Restart(Box<dyn Fn() -> LocalBoxFuture<'static, Result<(), E>>>),
    /// It is done, unless it panicked.
    Done,
    /// The replica ends.
    Stop,
}

impl<E: From<TaskEnded> + 'static> Supervisor<E> {
    /// Supervises nothing yet. Restarts are counted in `metrics`.
    pub fn new(metrics: Arc<Metrics>) -> Self {
        Self { metrics, tasks: Vec::new(), running: JoinSet::new(), by_id: HashMap::new() }
    }

    /// Starts a task that should never end, and starts it again whenever it does.
    #[must_use]
    pub fn keep<F: Future<Output = ()> + 'static>(
        mut self,
        name: &'static str,
        start: impl Fn() -> F + 'static,
    ) -> Self {
        let start: Box<dyn Fn() -> LocalBoxFuture<'static, Result<(), E>>> = Box::new(move || {
            let task = start();
            Box::pin(async move {
                task.await;
                Ok(())
            })
        });
        let first = start();
        self.begin(name, first, OnEnd::Restart(start));
        self
    }

    /// Starts a task that may end. An error, or a panic, ends the replica.
    #[must_use]
    pub fn once(mut self, name: &'static str, task: impl Future<Output = Result<(), E>> + 'static) -> Self {
        self.begin(name, task, OnEnd::Done);
        self
    }

    /// Starts a task without which the replica must not go on, and which can't be started again.
    #[must_use]
    pub fn require(mut self, name: &'static str, task: impl Future<Output = Result<(), E>> + 'static) -> Self {
        self.begin(name, task, OnEnd::Stop);
        self
    }

    fn begin(&mut self, name: &'static str, task: impl Future<Output = Result<(), E>> + 'static, on_end: OnEnd<E>) {
        let abort = self.running.spawn_local(task);
        self.by_id.insert(abort.id(), self.tasks.len());
        self.tasks.push(SupervisedTask { name, on_end, started_at: Instant::now(), rest: FIRST_REST, abort });
    }

    /// Supervises the tasks, and returns why the replica must end. Never returns if no task can end the replica.
    pub async fn run(mut self) -> E {
        loop {
            if let Err(error) = self.next_end().await {
                return error;
            }
        }
    }

    /// Waits until a task ends, and starts it again.
    pub(crate) async fn next_end(&mut self) -> Result<(), E> {
        let Some(ended) = self.running.join_next_with_id().await else {
            return std::future::pending().await;
        };
        let (id, reason) = match ended {
            Ok((_, Err(error))) => return Err(error),
            Ok((id, Ok(()))) => (id, None),
            Err(error) => (error.id(), Some(reason(error))),
        };
        let Some((number, task)) =
            self.by_id.remove(&id).and_then(|number| Some((number, self.tasks.get_mut(number)?)))
        else {
            return Ok(());
        };
        let again = match &task.on_end {
            OnEnd::Done if reason.is_none() => return Ok(()),
            OnEnd::Done | OnEnd::Stop => None,
            OnEnd::Restart(start) => Some(start()),
        };
        let reason = reason.unwrap_or_else(|| "has ended".to_owned());
        let Some(again) = again else {
            return Err(TaskEnded { task: task.name, reason }.into());
        };
        let rest = if task.started_at.elapsed() >= SETTLED { FIRST_REST } else { task.rest };
        tracing::error!(task = task.name, "the background task {} {reason}; it is started again", task.name);
        self.metrics.count_task_restart(task.name);
        task.rest = (rest * 2).min(LONGEST_REST);
        task.started_at = Instant::now() + rest;
        task.abort = self.running.spawn_local(async move {
            sleep(rest).await;
            again.await
        });
        self.by_id.insert(task.abort.id(), number);
        Ok(())
    }

    /// What is supervised.
    #[cfg(test)]
    pub(crate) fn names(&self) -> Vec<&'static str> {
        self.tasks.iter().map(|task| task.name).collect()
    }

    /// Ends a task, as a fault might.
    #[cfg(test)]
    pub(crate) fn kill(&self, name: &str) {
        self.tasks.iter().filter(|task| task.name == name).for_each(|task| task.abort.abort());
    }
}

fn reason(error: JoinError) -> String {
    match error.try_into_panic() {
        Ok(payload) => panicked(&*payload),
        Err(_) => "was ended".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::{cell::Cell, rc::Rc};

    use tokio::task::LocalSet;

    use super::*;
    use crate::telemetry::MetricsFormat;

    /// Ends, or panics, each time it is started, and notes when.
    fn short_lived(panics: bool) -> (Rc<Cell<u32>>, impl Fn() -> LocalBoxFuture<'static, ()>) {
        let starts = Rc::<Cell<u32>>::default();
        let count = Rc::clone(&starts);
        let start = move || {
            let count = Rc::clone(&count);
            let task: LocalBoxFuture<'static, ()> = Box::pin(async move {
                count.set(count.get() + 1);
                assert!(!panics, "on purpose");
            });
            task
        };
        (starts, start)
    }

    async fn here<T>(test: impl Future<Output = T>) -> T {
        LocalSet::new().run_until(test).await
    }

    #[tokio::test(start_paused = true)]
    async fn a_task_that_ends_or_panics_is_started_again_ever_more_rarely_and_counted() {
        for panics in [false, true] {
            here(async {
                let metrics = Arc::<Metrics>::default();
                let (starts, start) = short_lived(panics);
                let mut tasks = Supervisor::<TaskEnded>::new(Arc::clone(&metrics)).keep("sweep", start);
                let began = Instant::now();
                for _ in 0..8 {
                    tasks.next_end().await.unwrap();
                }
                assert_eq!(starts.get(), 8);
                let waited = began.elapsed();
                assert!(waited >= FIRST_REST * 127 / 2 && waited < LONGEST_REST * 8, "{waited:?}");
                let text = metrics.encode(MetricsFormat::OpenMetrics);
                assert!(text.contains("sawt_background_task_restarts_total{task=\"sweep\"} 8"), "{text}");
            })
            .await;
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_task_that_went_on_for_long_is_started_again_soon() {
        here(async {
            let mut tasks = Supervisor::<TaskEnded>::new(Arc::default()).keep("slow", || sleep(SETTLED * 2));
            for _ in 0..8 {
                tasks.next_end().await.unwrap();
            }
            let began = Instant::now();
            tasks.next_end().await.unwrap();
            let waited = began.elapsed();
            assert!(waited >= SETTLED * 2 && waited < SETTLED * 2 + FIRST_REST * 2, "{waited:?}");
        })
        .await;
    }

    #[tokio::test]
    async fn the_replica_ends_with_a_task_that_it_can_not_go_on_without_and_that_can_not_be_started_again() {
        let ended = |reason: &str| TaskEnded { task: "server", reason: reason.to_owned() };
        here(async {
            let tasks = || Supervisor::<TaskEnded>::new(Arc::default());
            assert_eq!(tasks().require("server", async { Ok(()) }).run().await, ended("has ended"));
            let panicking = || async { panic!("on purpose") };
            assert_eq!(tasks().require("server", panicking()).run().await, ended("has panicked: on purpose"));
            assert_eq!(tasks().once("server", panicking()).run().await, ended("has panicked: on purpose"));
            assert_eq!(
                tasks().once("server", std::future::ready(Err(ended("is unfit")))).run().await,
                ended("is unfit")
            );
            let mut done = tasks().once("server", async { Ok(()) });
            assert_eq!(done.next_end().await, Ok(()), "it is done, and that is all");
        })
        .await;
    }
}
