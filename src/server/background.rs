//! The tasks beside the requests, on a thread of their own, [supervised](crate::supervisor).

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use actix_web::{dev::ServerHandle, rt};
use tokio::signal::unix::{SignalKind, signal};

use super::{ServeError, parts::ReplicaParts};
use crate::{
    events,
    http::{ReplicaState, request_log::SUM_UP_EVERY},
    integrity::{self, HostingRanges},
    live,
    proof::{self, TransparencyLog},
    quota,
    store::{Store, StoreError},
    supervisor::Supervisor,
    telemetry, webhooks,
};

/// How often the store is asked, before the replica is ready.
const CONTACT_EVERY: Duration = Duration::from_millis(100);
/// How long streams may take to send their last line.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// Starts all background tasks on this thread.
pub(super) fn tasks(parts: &ReplicaParts) -> Supervisor<ServeError> {
    let ReplicaParts { stores, hub, shared, view_writer, events_days, hosting, dispatcher, detectors, proof, .. } =
        parts;
    let (signal, events_days) = (&shared.event_signal, *events_days);
    let began = Instant::now();
    let tasks = Supervisor::new(Arc::clone(&shared.metrics))
        .once("contact", make_contact(stores.connect(), Arc::clone(shared)))
        .keep("quota sweep", with(shared, sweep_quotas))
        .keep("refusals", with(shared, sum_refusals_up))
        .keep("refresher", {
            let store = stores.connect();
            with(hub, move |hub| live::refresher::refresh(hub, Arc::clone(&store), began))
        })
        .keep("views", {
            let store = stores.connect();
            with(view_writer, move |writer| writer.run(Arc::clone(&store)))
        })
        .keep("schedule", {
            let store = stores.connect();
            with(signal, move |signal| events::schedule::keep(signal, Arc::clone(&store)))
        })
        .keep("event retention", {
            let store = stores.connect();
            move || events::retention::forget(events_days, Arc::clone(&store))
        })
        .keep("webhooks", with(dispatcher, webhooks::deliver))
        .keep("detectors", with(detectors, integrity::watch::watch))
        .keep("transparency log", {
            let log = TransparencyLog::new(stores.connect(), Arc::clone(proof));
            with(signal, move |signal| proof::writer::write(log.clone(), signal))
        })
        .keep("articles' figures", {
            let log = TransparencyLog::new(stores.connect(), Arc::clone(proof));
            with(hub, move |hub| proof::articles::look(log.clone(), hub))
        });
    let hosting = hosting.clone();
    let tasks = tasks.keep("hosting ranges", move || read_ranges_again(hosting.clone()));
    match stores.broker() {
        Some(broker) => {
            let (to, store) = (Arc::clone(&broker), stores.connect());
            tasks
                .keep("event relay", with(signal, move |signal| events::relay::relay(signal, Arc::clone(&store))))
                .keep("subscriber", with(hub, move |hub| live::replicas::subscribe(hub, Arc::clone(&broker))))
                .keep("publisher", with(hub, move |hub| live::replicas::publish(hub, Arc::clone(&to))))
        }
        None => tasks,
    }
}

/// Gives a task its own handle each time it is started.
fn with<T: 'static, F>(on: &Arc<T>, begin: impl Fn(Arc<T>) -> F + 'static) -> impl Fn() -> F + 'static {
    let on = Arc::clone(on);
    move || begin(Arc::clone(&on))
}

/// Asks the store until it answers; then the replica is ready.
///
/// # Errors
/// The store must not be used as it is.
async fn make_contact(store: Arc<dyn Store>, shared: Arc<ReplicaState>) -> Result<(), ServeError> {
    let mut is_logged = false;
    loop {
        match store.contact().await {
            Ok(()) => {
                shared.readiness.ready();
                tracing::info!("ready");
                return Ok(());
            }
            Err(error @ (StoreError::Unfit(_) | StoreError::Damaged(_))) => {
                return Err(error.into());
            }
            Err(error) => {
                if !is_logged {
                    let cause = std::error::Error::source(&error).map(ToString::to_string);
                    tracing::warn!(error = %error, cause, "the store can't be reached yet; trying again until it can");
                    is_logged = true;
                }
                rt::time::sleep(CONTACT_EVERY).await;
            }
        }
    }
}

/// Forgets clients whose quotas are whole again. Runs beside the workers, so it delays no request.
async fn sweep_quotas(shared: Arc<ReplicaState>) {
    let mut every = rt::time::interval(quota::SWEEP_EVERY);
    loop {
        every.tick().await;
        shared.quotas.sweep();
    }
}

/// Logs, in one line, how many refusals had no line of their own.
async fn sum_refusals_up(shared: Arc<ReplicaState>) {
    let mut every = rt::time::interval(SUM_UP_EVERY);
    loop {
        every.tick().await;
        shared.request_log.sum_up();
    }
}

/// Reads the list of hosting ranges again whenever the operator says so, by SIGHUP. Without a list it is caught too: by
/// default it would end the program.
async fn read_ranges_again(hosting: HostingRanges) {
    let Ok(mut hangup) = signal(SignalKind::hangup()) else {
        tracing::error!("SIGHUP can't be caught; the hosting ranges stay as they were read");
        return std::future::pending().await;
    };
    while hangup.recv().await.is_some() {
        if hosting.path().is_none() {
            tracing::info!("there is no list of hosting ranges to read again");
            continue;
        }
        match hosting.read_again() {
            Ok(ranges) => tracing::info!(path = %hosting, ranges, "read the hosting ranges again"),
            Err(error) => {
                tracing::error!(path = %hosting, error = %error, "the hosting ranges can't be read again; the former ones stay");
            }
        }
    }
}

/// Waits for a signal, then stops the replica.
pub(super) async fn stop_on_signal(
    server: ServerHandle,
    shared: Arc<ReplicaState>,
    drain: Duration,
) -> Result<(), ServeError> {
    let (Ok(mut terminate), Ok(mut interrupt)) = (signal(SignalKind::terminate()), signal(SignalKind::interrupt()))
    else {
        tracing::error!("signals can't be caught; the replica stops only when it is killed");
        return Ok(());
    };
    let drain = tokio::select! {
        _ = terminate.recv() => drain,
        _ = interrupt.recv() => Duration::ZERO,
    };
    shared.readiness.stopping();
    // Their readers go to other replicas, and reconnect at different moments.
    shared.stream_limiter.close();
    shared.event_signal.close();
    tracing::info!(drain_secs = drain.as_secs(), "stopping");
    let stop = async {
        rt::time::sleep(drain).await;
        // The server does not know of streams. A reader who takes nothing does not delay the stop.
        let _ = rt::time::timeout(LAST_WORDS, shared.stream_limiter.emptied()).await;
        telemetry::note_stop();
        server.stop(true).await;
    };
    tokio::select! {
        () = stop => {}
        _ = terminate.recv() => server.stop(false).await,
        _ = interrupt.recv() => server.stop(false).await,
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use tokio::task::LocalSet;

    use super::*;
    use crate::{
        clock::Clock,
        config::Config,
        secret::{KeyHash, Secret},
        server::bounds::Bounds,
        store::{StoreSettings, Stores},
        telemetry::MetricsFormat,
    };

    #[tokio::test]
    async fn every_task_that_must_go_on_is_started_again_when_it_is_killed() {
        let mut config = Config::default();
        config.secret = Some(Secret::generate());
        // Nobody is there: all tasks are there all the same.
        config.store = "redis://127.0.0.1:1".parse().unwrap();
        let settings = StoreSettings { address: config.store.clone(), partitions: None, allow_eviction: false };
        let stores = Stores::open(&settings, Clock::default()).unwrap();
        let bounds = Bounds::lowered(&config, 1_024);
        let parts = ReplicaParts::new(&config, stores, bounds, KeyHash::of("key"), None, Clock::default()).unwrap();
        LocalSet::new()
            .run_until(async {
                let mut tasks = tasks(&parts);
                let kept = [
                    "quota sweep",
                    "refusals",
                    "refresher",
                    "views",
                    "schedule",
                    "event retention",
                    "webhooks",
                    "detectors",
                    "transparency log",
                    "articles' figures",
                    "hosting ranges",
                    "event relay",
                    "subscriber",
                    "publisher",
                ];
                for task in kept {
                    tasks.kill(task);
                    assert!(tasks.next_end().await.is_ok(), "{task}");
                }
                let text = parts.shared.metrics.encode(MetricsFormat::OpenMetrics);
                for task in kept {
                    let line = format!("sawt_background_task_restarts_total{{task=\"{task}\"}} 1");
                    assert!(text.contains(&line), "{task}\n{text}");
                }
                tasks.kill("contact");
                let ended = tasks.next_end().await.unwrap_err();
                assert_eq!(ended.to_string(), "the background task contact was ended, and can't be started again");
                assert_eq!(tasks.names(), [&["contact"][..], &kept].concat(), "no task is left out here");
            })
            .await;
    }
}
