//! How polls are spread over the store, and what of the past is kept.

use super::{Default, Setting, Shape};
use crate::config::values::{keep, keep_within};

pub(super) const SETTINGS: &[Setting] = &[
    Setting {
        name: "partitions",
        shape: Shape::Number,
        form: "NUMBER",
        default: Default::Unset { means: "1, and 12 on a Redis Cluster", example: "12" },
        about: "How many independent slices the voters of a new poll fall into, 1 to 1024. More let one poll use more \
                nodes of a cluster, which share them evenly if there are 1, 2, 3, 4, 6 or 12 with the usual 12. A poll \
                keeps the number it was created with.",
        set: |config, text| keep_within(text, &(1..=1024_u16), |partitions| config.partitions = Some(partitions)),
        show: |config| config.partitions.as_ref().map(ToString::to_string),
    },
    Setting {
        name: "allow_eviction",
        shape: Shape::Switch,
        form: "BOOL",
        default: Default::Is("false"),
        about: "Start even on a Redis that may evict keys (maxmemory-policy other than noeviction). It may then forget \
                ballots: voters could vote twice.",
        set: |config, text| keep(&mut config.allow_eviction, text, "true or false"),
        show: |config| Some(config.allow_eviction.to_string()),
    },
    Setting {
        name: "events_days",
        shape: Shape::Number,
        form: "DAYS",
        default: Default::Is("365"),
        about: "For how many days the log of a site keeps what happened, 1 to 3650.",
        set: |config, text| keep_within(text, &(1..=3_650), |days| config.events_days = days),
        show: |config| Some(config.events_days.to_string()),
    },
];
