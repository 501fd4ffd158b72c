//! Which trials there are, and how they run.
//!
//! A trial is an `async fn` listed by one of the macros below at the end of its file, and its file is listed in
//! [`rules`]. One that is written and listed nowhere is dead code, and the compiler says so.

use std::{process::ExitCode, sync::Arc, time::Duration};

use futures_util::future::LocalBoxFuture;
use libtest_mimic::{Arguments, Trial};
use parking_lot::{Condvar, Mutex};
use sawt::store::Store;

use crate::{
    api, attack,
    backends::{self, Backend, Storage},
    caches, closing, crash, crowd, cut_short, file, hostile, integrity, live, long_timelines, mounted, newsroom,
    outage, overload, privacy, quota, refusals, regressions, script_cache,
    service::{Service, Services},
    start, stop, store, topology, transparency, webhooks,
};

/// A trial that takes longer, its turn among the crowds awaited, hangs: something it waits for never comes.
const TRIAL_TIMEOUT: Duration = Duration::from_mins(10);

/// Every rule, file by file.
fn rules() -> Vec<Rule> {
    [
        backends::rules(),
        store::rules(),
        api::rules(),
        live::rules(),
        hostile::rules(),
        start::rules(),
        stop::rules(),
        privacy::rules(),
        crowd::rules(),
        script_cache::rules(),
        crash::rules(),
        cut_short::rules(),
        cut_short::articles::rules(),
        cut_short::events::rules(),
        cut_short::first_vote::rules(),
        cut_short::making::rules(),
        cut_short::sessions::rules(),
        outage::rules(),
        refusals::rules(),
        file::rules(),
        regressions::rules(),
        topology::rules(),
        quota::rules(),
        quota::together::rules(),
        overload::rules(),
        long_timelines::rules(),
        caches::rules(),
        mounted::rules(),
        newsroom::rules(),
        transparency::rules(),
        webhooks::rules(),
        integrity::rules(),
        integrity::replicas::rules(),
        attack::rules(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// One rule and what it asks for.
pub(crate) struct Rule {
    /// The file it stands in.
    pub(crate) module: &'static str,
    /// The name of its function.
    pub(crate) name: &'static str,
    /// How to run it.
    pub(crate) run: Run,
}

/// What a rule runs on.
pub(crate) enum Run {
    /// The service, once on each of these stores.
    OnService(&'static [Backend], OnService),
    /// A store that has been contacted, once on each kind.
    OnStore(fn(Arc<dyn Store>) -> LocalBoxFuture<'static, ()>),
    /// Nothing but what it starts itself.
    Alone(fn() -> LocalBoxFuture<'static, ()>),
}

type OnService = for<'a> fn(&'a Service) -> LocalBoxFuture<'a, ()>;

/// Lists the rules of a file that run on the service: on every store, or on those named.
macro_rules! service_rules {
    (on $backends:expr; $($name:ident),* $(,)?) => {
        pub(crate) fn rules() -> Vec<crate::registry::Rule> {
            vec![$(crate::registry::Rule {
                module: module_path!(),
                name: stringify!($name),
                run: crate::registry::Run::OnService(&$backends, |service| Box::pin($name(service))),
            }),*]
        }
    };
    ($($name:ident),* $(,)?) => { crate::registry::service_rules!(on crate::backends::Backend::ALL; $($name),*); };
}

/// Lists the rules of a file that every store keeps.
macro_rules! store_rules {
    ($($name:ident),* $(,)?) => {
        pub(crate) fn rules() -> Vec<crate::registry::Rule> {
            vec![$(crate::registry::Rule {
                module: module_path!(),
                name: stringify!($name),
                run: crate::registry::Run::OnStore(|store| Box::pin($name(store))),
            }),*]
        }
    };
}

/// Lists the rules of a file that start whatever they need.
macro_rules! lone_rules {
    ($($name:ident),* $(,)?) => {
        pub(crate) fn rules() -> Vec<crate::registry::Rule> {
            vec![$(crate::registry::Rule {
                module: module_path!(),
                name: stringify!($name),
                run: crate::registry::Run::Alone(|| Box::pin($name())),
            }),*]
        }
    };
}

pub(crate) use {lone_rules, service_rules, store_rules};

/// Runs what the command line asks for.
pub(crate) fn run() -> ExitCode {
    // The trials' own client can speak TLS because the service's can, and is told by whose. They never do.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut arguments = Arguments::from_args();
    // Most trials wait for a server most of the time.
    let threads = std::thread::available_parallelism().map_or(2, std::num::NonZero::get) * 2;
    arguments.test_threads = arguments.test_threads.or(Some(threads));
    let is_whole = arguments.filter.is_none() && arguments.skip.is_empty() && !arguments.ignored;

    let services = Arc::new(Services::default());
    let mut plan: Vec<Planned> = rules().iter().flat_map(|rule| plan(rule, &services)).collect();
    if is_whole {
        let open = Arc::new(Countdown::from(plan.len()));
        plan = plan.into_iter().map(|planned| planned.counted_by(&open)).collect();
        plan.extend(closing(&services, &open));
    }
    let conclusion = libtest_mimic::run(&arguments, plan.into_iter().map(Planned::into_trial).collect());
    // The trials that shared them are gone: this stops every process.
    drop(services);
    conclusion.exit_code()
}

/// The trials of a rule.
fn plan(rule: &Rule, services: &Arc<Services>) -> Vec<Planned> {
    // The last names in the path say enough: `it::api::votes` is about votes.
    let module = rule.module.trim_start_matches("it::").replace("api::", "").replace("store::conformance::", "store::");
    match rule.run {
        Run::Alone(run) => {
            let name = format!("{module}::{}", rule.name);
            vec![Planned { name, run: Box::new(move || block_on(run())) }]
        }
        Run::OnStore(run) => {
            let on_one = |backend: Backend| {
                let services = services.clone();
                let name = format!("{}::{module}::{}", backend.name(), rule.name);
                Planned { name, run: Box::new(move || on_store(&services, backend, run)) }
            };
            Backend::ALL.map(on_one).into()
        }
        Run::OnService(backends, run) => {
            let on_one = |backend: &Backend| {
                let (backend, services) = (*backend, services.clone());
                let name = format!("{}::{module}::{}", backend.name(), rule.name);
                Planned { name, run: Box::new(move || block_on(run(services.on(backend)))) }
            };
            backends.iter().map(on_one).collect()
        }
    }
}

/// Runs a rule on a store. A server is shared with the service; a file is the rule's own.
fn on_store(services: &Services, backend: Backend, run: fn(Arc<dyn Store>) -> LocalBoxFuture<'static, ()>) {
    let file = (backend == Backend::Sqlite).then(Storage::file);
    let storage = file.as_ref().unwrap_or_else(|| services.storage(backend));
    block_on(Box::pin(async {
        run(storage.store().await).await;
    }));
}

/// The trials that look back on all others.
fn closing(services: &Arc<Services>, open: &Arc<Countdown>) -> Vec<Planned> {
    type LookBack = fn(&Services);
    let closing: [(&str, LookBack); 2] = [
        ("every_documented_answer_was_seen", closing::every_documented_answer_was_seen),
        (
            "every_replica_stops_in_good_order_and_its_log_holds_no_secret",
            closing::every_replica_stops_in_good_order_and_its_log_holds_no_secret,
        ),
    ];
    let after_all = |(name, run): (&str, LookBack)| {
        let (services, open) = (services.clone(), open.clone());
        let run = move || {
            open.wait();
            run(&services);
        };
        Planned { name: format!("closing::{name}"), run: Box::new(run) }
    };
    closing.map(after_all).into()
}

/// Every trial has a runtime of its own, as a worker of the service has.
fn block_on(trial: LocalBoxFuture<'_, ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime can be built");
    let in_time = runtime.block_on(async { tokio::time::timeout(TRIAL_TIMEOUT, trial).await });
    // A task that still waits for a thread must not hold the run.
    runtime.shutdown_background();
    assert!(in_time.is_ok(), "the trial hangs");
}

struct Planned {
    name: String,
    run: Box<dyn FnOnce() + Send>,
}

impl Planned {
    fn counted_by(self, open: &Arc<Countdown>) -> Self {
        let open = open.clone();
        let run = move || {
            // Counts also when the trial panics.
            let _done = Done(open);
            (self.run)();
        };
        Self { name: self.name, run: Box::new(run) }
    }

    fn into_trial(self) -> Trial {
        Trial::test(self.name, move || {
            (self.run)();
            Ok(())
        })
    }
}

/// How many trials have not ended.
struct Countdown {
    left: Mutex<usize>,
    fell: Condvar,
}

impl Countdown {
    fn from(count: usize) -> Self {
        Self { left: Mutex::new(count), fell: Condvar::new() }
    }

    fn wait(&self) {
        self.fell.wait_while(&mut self.left.lock(), |left| *left > 0);
    }
}

struct Done(Arc<Countdown>);

impl Drop for Done {
    fn drop(&mut self) {
        *self.0.left.lock() -= 1;
        self.0.fell.notify_all();
    }
}
