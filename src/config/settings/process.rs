//! The process: its threads, how it ends, what it logs.

use std::num::NonZeroU32;

use tracing_subscriber::EnvFilter;

use super::{Default, Setting, Shape};
use crate::{
    config::values::{is_directive, keep_within, with_value},
    telemetry::LogFormat,
};

/// The thinnest that reads may be logged: one line of so many.
const MAX_LOG_SAMPLE: u32 = 1_000_000;

/// The most workers a replica may be given.
pub(in super::super) const MAX_WORKERS: usize = 256;

pub(super) const SETTINGS: &[Setting] = &[
    Setting {
        name: "workers",
        shape: Shape::Number,
        form: "NUMBER",
        default: Default::Unset { means: "as many as there are cores", example: "4" },
        about: "How many threads answer requests, 1 to 256. Each has its own connection to Redis.",
        set: |config, text| keep_within(text, &(1..=MAX_WORKERS), |workers| config.workers = workers),
        show: |config| Some(config.workers.to_string()),
    },
    Setting {
        name: "drain_secs",
        shape: Shape::Number,
        form: "SECONDS",
        default: Default::Is("2"),
        about: "How long a replica that gets SIGTERM goes on answering, no longer ready, while load balancers notice, \
                0 to 300.",
        set: |config, text| keep_within(text, &(0..=300), |secs| config.drain_secs = secs),
        show: |config| Some(config.drain_secs.to_string()),
    },
    Setting {
        name: "shutdown_secs",
        shape: Shape::Number,
        form: "SECONDS",
        default: Default::Is("10"),
        about: "How long requests in flight may take to end when the service is stopped, 1 to 300.",
        set: |config, text| keep_within(text, &(1..=300), |secs| config.shutdown_secs = secs),
        show: |config| Some(config.shutdown_secs.to_string()),
    },
    Setting {
        name: "log",
        shape: Shape::Text,
        form: "DIRECTIVES",
        default: Default::Is("info,actix_server=warn,actix_http::h1=off"),
        about: "What is logged, on standard error: error, warn, info, debug, trace or off, and per module: \
                info,sawt::store=debug.",
        set: |config, text| {
            let rule = "must be error, warn, info, debug, trace or off, and may go on per module, like \
                        info,sawt::store=debug";
            let is_sound = text.split(',').all(is_directive) && EnvFilter::builder().parse(text).is_ok();
            if !is_sound {
                return Err(with_value(rule, text));
            }
            text.clone_into(&mut config.log);
            Ok(())
        },
        show: |config| Some(config.log.clone()),
    },
    Setting {
        name: "log_format",
        shape: Shape::Text,
        form: "FORMAT",
        default: Default::Is("text"),
        about: "How a log line looks: text, for people, or json, for machines.",
        set: |config, text| {
            let format = text.parse::<LogFormat>().map_err(|rule| with_value(rule, text))?;
            config.log_format = format;
            Ok(())
        },
        show: |config| Some(config.log_format.to_string()),
    },
    Setting {
        name: "log_sample",
        shape: Shape::Number,
        form: "NUMBER",
        default: Default::Is("1"),
        about: "Of so many reads that succeed, one has a line in the log, 1 to 1000000. Whatever changes something, is \
                refused or fails has one in any case; many refusals of one kind in a second share one, with their \
                count. Metrics count everything.",
        set: |config, text| {
            let bounds = NonZeroU32::MIN..=NonZeroU32::MIN.saturating_add(MAX_LOG_SAMPLE - 1);
            keep_within(text, &bounds, |number| config.log_sample = number)
        },
        show: |config| Some(config.log_sample.to_string()),
    },
];
