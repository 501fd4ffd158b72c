//! What makes figures trustworthy: transparency logs, and what is known of who is no reader. Beside them, where
//! webhooks may go.

use std::path::Path;

use super::{Default, MIN_SECRET_BYTES, Setting, Shape};
use crate::{
    config::values::{hidden, keep_secret, keep_some, keep_within, with_value},
    integrity::HostingRanges,
};

pub(super) const SETTINGS: &[Setting] = &[
    Setting {
        name: "proof_secret",
        shape: Shape::Secret,
        form: "SECRET",
        default: Default::Unset { means: "secret is taken", example: "/run/secrets/sawt_proof_secret" },
        about: "What the keys that sign the sites' transparency logs come of, at least 32 bytes; the same on every \
                replica. Set, it lets secret be rotated without them.",
        set: |config, text| keep_secret(&mut config.proof_secret, text, MIN_SECRET_BYTES),
        show: |config| hidden(config.proof_secret.as_ref()),
    },
    Setting {
        name: "proof_secret_previous",
        shape: Shape::Secret,
        form: "SECRET",
        default: Default::Unset {
            means: "secret_previous is taken, if proof_secret is not set",
            example: "/run/secrets/sawt_proof_secret_previous",
        },
        about: "The one before. Its keys sign beside the current ones, so that whoever knows them alone can go on.",
        set: |config, text| keep_secret(&mut config.proof_secret_previous, text, MIN_SECRET_BYTES),
        show: |config| hidden(config.proof_secret_previous.as_ref()),
    },
    Setting {
        name: "proof_tally_secs",
        shape: Shape::Number,
        form: "SECONDS",
        default: Default::Is("600"),
        about: "How often the tallies of open polls that have moved go into their site's transparency log, 1 to 86400.",
        set: |config, text| keep_within(text, &(1..=86_400), |secs| config.proof_tally_secs = secs),
        show: |config| Some(config.proof_tally_secs.to_string()),
    },
    Setting {
        name: "proof_checkpoints",
        shape: Shape::Text,
        form: "PATH",
        default: Default::Unset {
            means: "beside the file of an embedded store; with Redis in memory alone",
            example: "/var/lib/sawt/checkpoints.json",
        },
        about: "A file in which this replica keeps the newest checkpoint of each transparency log, outside the store: so a \
                store that was set back is found out also after a restart, and a new log begins.",
        set: |config, text| keep_some(&mut config.proof_checkpoints, text, "a path"),
        show: |config| config.proof_checkpoints.as_ref().map(|path| path.display().to_string()),
    },
    Setting {
        name: "webhook_networks",
        shape: Shape::Text,
        form: "NETWORKS",
        default: Default::Unset { means: "webhooks reach no such address", example: "10.1.0.0/16, 192.168.7.20" },
        about: "Addresses and networks inside, separated by commas, that webhooks may be sent to, also without TLS. \
                Whoever may make keys of a site names its webhooks, so list none that they must not reach.",
        set: |config, text| {
            config.webhook_networks = text.parse().map_err(|rule| with_value(rule, text))?;
            Ok(())
        },
        show: |config| Some(config.webhook_networks.to_string()).filter(|text| !text.is_empty()),
    },
    Setting {
        name: "hosting_ranges",
        shape: Shape::Text,
        form: "FILE",
        default: Default::Unset {
            means: "no network is taken for one of servers",
            example: "/etc/sawt/hosting-ranges",
        },
        about: "A file of the networks that servers have and readers don't: an address or a network (192.0.2.0/24) on each \
                line, and # before a remark. A ballot from one of them has the label hosting-network, and counts unless an \
                editor decides otherwise. The file is read again on SIGHUP.",
        set: |config, text| {
            let read = HostingRanges::read(Path::new(text));
            config.hosting_ranges = read.map_err(|error| {
                with_value(&format!("must be a file of networks, one on each line ({error})"), text)
            })?;
            Ok(())
        },
        show: |config| config.hosting_ranges.path().map(|path| path.display().to_string()),
    },
    Setting {
        name: "proof_of_work_hashes",
        shape: Shape::Number,
        form: "NUMBER",
        default: Default::Is("200000"),
        about: "How many hashes (SHA-256) the device of a new voter makes at most where a poll asks for proof of work, and \
                on average half as many, 1 to 100000000. A phone of five years ago makes some 125000 in a second, a \
                desktop six times as many.",
        set: |config, text| keep_within(text, &(1..=100_000_000), |hashes| config.proof_of_work_hashes = hashes),
        show: |config| Some(config.proof_of_work_hashes.to_string()),
    },
];
