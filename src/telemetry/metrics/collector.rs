//! Writes what was counted, under the names that [`telemetry`](crate::telemetry) lists.

use std::{fmt, sync::atomic::Ordering::Relaxed};

use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeMetric as _, MetricEncoder, NoLabelSet},
    metrics::{MetricType, gauge::ConstGauge},
    registry::Unit,
};

use super::{Counts, to_f64};
use crate::telemetry::{
    process,
    series::{Family, Series, Spread},
};

impl Collector for Counts {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let requests =
            encoder.encode_descriptor("sawt_http_requests", "Requests answered.", None, MetricType::Counter)?;
        each(&self.requests, ["method", "route", "status"], requests, |spread, metric| {
            counter(spread.count(), metric)
        })?;

        let about = "From the head of a request to the head of its answer.";
        let durations = encoder.encode_descriptor(
            "sawt_http_request_duration",
            about,
            Some(&Unit::Seconds),
            MetricType::Histogram,
        )?;
        each(&self.requests, ["method", "route", "status"], durations, |spread, metric| {
            histogram(spread, NANOS_PER_SECOND, metric)
        })?;

        let about = "Ballots the store decided on.";
        let ballots = encoder.encode_descriptor("sawt_ballots", about, None, MetricType::Counter)?;
        each(&self.ballots, ["outcome"], ballots, |count, metric| counter(count.load(Relaxed), metric))?;

        let about = "Ballots per store call.";
        let mut batches = encoder.encode_descriptor("sawt_batch_ballots", about, None, MetricType::Histogram)?;
        histogram(&self.batches, 1.0, &mut batches)?;

        let about = "Answered store calls.";
        let calls = encoder.encode_descriptor(
            "sawt_store_call_duration",
            about,
            Some(&Unit::Seconds),
            MetricType::Histogram,
        )?;
        each(&self.store_calls, ["operation"], calls, |spread, metric| histogram(spread, NANOS_PER_SECOND, metric))?;

        let about = "Store calls without an answer.";
        let failures = encoder.encode_descriptor("sawt_store_failures", about, None, MetricType::Counter)?;
        each(&self.store_failures, ["operation"], failures, |count, metric| counter(count.load(Relaxed), metric))?;

        let about = "Requests counted in a quota.";
        let quotas = encoder.encode_descriptor("sawt_quota_requests", about, None, MetricType::Counter)?;
        each(&self.quotas, ["quota", "outcome"], quotas, |count, metric| counter(count.load(Relaxed), metric))?;

        let open = i64::try_from(self.connections.load(Relaxed)).unwrap_or(i64::MAX);
        let about = "Connections that are open.";
        let connections = encoder.encode_descriptor("sawt_connections", about, None, MetricType::Gauge)?;
        ConstGauge::new(open).encode(connections)?;

        let about = "Connections for which there was no room.";
        let dropped = encoder.encode_descriptor("sawt_connections_dropped", about, None, MetricType::Counter)?;
        each(&self.connections_dropped, ["outcome"], dropped, |count, metric| counter(count.load(Relaxed), metric))?;

        let ended: u64 = self.streams_ended.iter().map(|series| series.value.load(Relaxed)).sum();
        let open = self.streams_opened.load(Relaxed).saturating_sub(ended);
        let streams = encoder.encode_descriptor("sawt_streams", "Streams that are open.", None, MetricType::Gauge)?;
        ConstGauge::new(i64::try_from(open).unwrap_or(i64::MAX)).encode(streams)?;

        let about = "Streams that have ended.";
        let ends = encoder.encode_descriptor("sawt_streams_ended", about, None, MetricType::Counter)?;
        each(&self.streams_ended, ["outcome"], ends, |count, metric| counter(count.load(Relaxed), metric))?;

        let about = "Events that streams were given.";
        let events = encoder.encode_descriptor("sawt_stream_events", about, None, MetricType::Counter)?;
        each(&self.stream_events, ["event"], events, |count, metric| counter(count.load(Relaxed), metric))?;

        let about = "Views of polls and articles.";
        let views = encoder.encode_descriptor("sawt_views", about, None, MetricType::Counter)?;
        each(&self.views, ["outcome"], views, |count, metric| counter(count.load(Relaxed), metric))?;

        let about = "Tries to deliver to webhooks.";
        let tries = encoder.encode_descriptor("sawt_webhook_tries", about, None, MetricType::Counter)?;
        each(&self.webhook_tries, ["outcome"], tries, |count, metric| counter(count.load(Relaxed), metric))?;

        let about = "Background tasks that ended, and were started again.";
        let restarts = encoder.encode_descriptor("sawt_background_task_restarts", about, None, MetricType::Counter)?;
        each(&self.task_restarts, ["task"], restarts, |count, metric| counter(count.load(Relaxed), metric))?;

        let about = "How far the store's clock is ahead of this replica's; 0 while they agree.";
        let unit = Some(&Unit::Seconds);
        let ahead = encoder.encode_descriptor("sawt_store_clock_ahead", about, unit, MetricType::Gauge)?;
        let ahead_millis = self.store_clock_ahead_millis.get().map_or(0, |millis| millis.load(Relaxed));
        ConstGauge::new(seconds(ahead_millis)).encode(ahead)?;

        let about = "When this replica started, since 1970.";
        let unit = Some(&Unit::Seconds);
        let started = encoder.encode_descriptor("process_start_time", about, unit, MetricType::Gauge)?;
        ConstGauge::new(self.started_secs).encode(started)?;
        encode_process(encoder)
    }
}

/// What the system knows of this process, read now.
fn encode_process(mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
    let process = process::Usage::read();
    if let Some(secs) = process.cpu_secs {
        let about = "Processor time this replica has used, for itself and in the system.";
        let mut cpu = encoder.encode_descriptor("process_cpu", about, Some(&Unit::Seconds), MetricType::Counter)?;
        cpu.encode_counter::<NoLabelSet, _, f64>(&secs, None)?;
    }
    let gauges = [
        ("process_resident_memory", "Memory this replica holds.", Some(&Unit::Bytes), process.resident_bytes),
        ("process_open_fds", "File descriptors that are open.", None, process.open_fds),
        ("process_max_fds", "File descriptors that may be open.", None, process.max_fds),
    ];
    for (name, about, unit, value) in gauges {
        let Some(value) = value else { continue };
        let gauge = encoder.encode_descriptor(name, about, unit, MetricType::Gauge)?;
        ConstGauge::new(i64::try_from(value).unwrap_or(i64::MAX)).encode(gauge)?;
    }
    Ok(())
}

const NANOS_PER_SECOND: f64 = 1e9;

/// Encodes every number of a family under its labels.
fn each<const N: usize, V>(
    family: &Family<N, V>,
    names: [&'static str; N],
    mut metric: MetricEncoder<'_>,
    encode: impl Fn(&V, &mut MetricEncoder<'_>) -> fmt::Result,
) -> fmt::Result {
    for Series { labels, value } in family.iter() {
        let mut labels = labels.iter();
        let labels = names.map(|name| (name, labels.next().map_or("", AsRef::as_ref)));
        encode(value, &mut metric.encode_family(&labels)?)?;
    }
    Ok(())
}

fn counter(count: u64, metric: &mut MetricEncoder<'_>) -> fmt::Result {
    metric.encode_counter::<NoLabelSet, _, f64>(&count, None)
}

fn histogram(spread: &Spread, scale: f64, metric: &mut MetricEncoder<'_>) -> fmt::Result {
    let buckets: Vec<(f64, u64)> = spread
        .buckets()
        .map(|(bound, count)| (bound.map_or(f64::INFINITY, |bound| to_f64(bound) / scale), count))
        .collect();
    let count = buckets.iter().map(|(_, count)| count).sum();
    metric.encode_histogram::<NoLabelSet>(to_f64(spread.sum()) / scale, count, &buckets, None)
}

fn seconds(millis: i64) -> f64 {
    to_f64(millis.unsigned_abs()).copysign(if millis < 0 { -1.0 } else { 1.0 }) / 1e3
}
