//! The table of settings.

use std::{num::NonZeroU32, path::Path};

use tracing_subscriber::EnvFilter;

use super::{
    Config,
    values::{
        hidden, is_directive, keep, keep_quota, keep_secret, keep_some, keep_within, keep_words, shown_quota,
        with_value,
    },
};
use crate::{integrity::HostingRanges, site::BaseAddress, telemetry::LogFormat};

/// The most connections, and event streams, a replica may be allowed.
const MAX_CONNECTIONS: usize = 1_000_000;

/// The thinnest that reads may be logged: one line of so many.
const MAX_LOG_SAMPLE: u32 = 1_000_000;

/// What an issuer is.
const OIDC_ISSUER: &str =
    "the https address by which the provider calls itself, such as https://id.example/realms/news";

/// The most workers a replica may be given.
pub(super) const MAX_WORKERS: usize = 256;

const MIN_ADMIN_KEY_BYTES: usize = 16;
const MIN_SECRET_BYTES: usize = 32;

/// One setting.
pub struct Setting {
    /// Its key in `sawt.toml`. The flag and the variable follow from it: `ops_listen`, `--ops-listen`,
    /// `SAWT_OPS_LISTEN`.
    pub name: &'static str,
    /// How it is written.
    pub shape: Shape,
    /// What a value looks like, for `--help`.
    pub form: &'static str,
    /// What holds when nobody sets it.
    pub default: Default,
    /// What it is for, in sentences.
    pub about: &'static str,
    /// Checks a value and keeps it; the error is the rule, in words that follow the setting's name.
    pub set: fn(&mut Config, &str) -> Result<(), String>,
    /// The value in force, as it may be shown; `None` if there is none.
    pub show: fn(&Config) -> Option<String>,
}

/// How a setting is written in `sawt.toml` and on the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// A text.
    Text,
    /// A number.
    Number,
    /// `true` or `false`; the bare flag means `true`.
    Switch,
    /// A text that is never shown, is also read from a file, and has no flag of its own.
    Secret,
}

/// What holds when nobody sets a setting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Default {
    /// This value.
    Is(&'static str),
    /// No value, which means something too.
    Unset {
        /// What it means.
        means: &'static str,
        /// What a value could be.
        example: &'static str,
    },
}

impl Setting {
    /// The variable that sets it: `SAWT_OPS_LISTEN`.
    pub fn variable(&self) -> String {
        variable(self.name)
    }

    /// The flag that sets it, without dashes: `ops-listen`, or for a secret `secret-file`.
    pub fn flag(&self) -> String {
        flag(&self.keys().pop().unwrap_or_default())
    }

    /// The keys it is read by: its name, and for a secret also the file's.
    pub fn keys(&self) -> Vec<String> {
        let mut keys = vec![self.name.to_owned()];
        if self.shape == Shape::Secret {
            keys.push(format!("{}_file", self.name));
        }
        keys
    }
}

/// The environment variable of a key.
pub(super) fn variable(key: &str) -> String {
    format!("SAWT_{}", key.to_ascii_uppercase())
}

/// The flag of a key, without its dashes.
pub(super) fn flag(key: &str) -> String {
    key.replace('_', "-")
}

/// Every setting, in the order they are listed everywhere.
pub const SETTINGS: &[Setting] = &[
    Setting {
        name: "listen",
        shape: Shape::Text,
        form: "ADDRESS:PORT",
        default: Default::Is("127.0.0.1:8080"),
        about: "Where readers and publishers are served. To be reached from other hosts: 0.0.0.0:8080, or [::]:8080.",
        set: |config, text| keep(&mut config.listen, text, "an IP address and a port, like 127.0.0.1:8080"),
        show: |config| Some(config.listen.to_string()),
    },
    Setting {
        name: "ops_listen",
        shape: Shape::Text,
        form: "ADDRESS:PORT",
        default: Default::Is("127.0.0.1:8081"),
        about: "Where metrics are served, apart from readers; off: nowhere.",
        set: |config, text| {
            if text == "off" {
                config.ops_listen = None;
                return Ok(());
            }
            keep_some(&mut config.ops_listen, text, "an IP address and a port, like 127.0.0.1:8081, or off")
        },
        show: |config| Some(config.ops_listen.map_or_else(|| "off".to_owned(), |address| address.to_string())),
    },
    Setting {
        name: "store",
        shape: Shape::Text,
        form: "URL",
        default: Default::Is("sqlite:sawt.db"),
        about: "Where votes are kept: sqlite:PATH for one replica, or a Redis or Valkey that several replicas share: \
                redis://HOST:PORT/DB, rediss:// (TLS), redis-cluster://HOST:PORT,HOST:PORT,… or \
                redis-sentinel://HOST:PORT,HOST:PORT,…/NAME. A user and password go before the host: \
                redis://USER:PASSWORD@HOST.",
        set: |config, text| {
            // The text may hold a password, so unlike other values it is not repeated.
            text.parse().map(|store| config.store = store)
        },
        show: |config| Some(config.store.to_string()),
    },
    Setting {
        name: "admin_key",
        shape: Shape::Secret,
        form: "KEY",
        default: Default::Unset {
            means: "with SQLite one is made on first start and printed once; Redis needs it set",
            example: "/run/secrets/sawt_admin_key",
        },
        about: "The API key over all sites, at least 16 visible ASCII characters.",
        set: |config, text| {
            if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
                return Err("must be visible ASCII characters without spaces: it travels in a header".to_owned());
            }
            keep_secret(&mut config.admin_key, text, MIN_ADMIN_KEY_BYTES)
        },
        show: |config| hidden(config.admin_key.as_ref()),
    },
    Setting {
        name: "secret",
        shape: Shape::Secret,
        form: "SECRET",
        default: Default::Unset {
            means: "with SQLite one is made on first start and kept there; Redis needs it set",
            example: "/run/secrets/sawt_secret",
        },
        about: "What voter tokens are signed with, at least 32 bytes; the same on every replica.",
        set: |config, text| keep_secret(&mut config.secret, text, MIN_SECRET_BYTES),
        show: |config| hidden(config.secret.as_ref()),
    },
    Setting {
        name: "secret_previous",
        shape: Shape::Secret,
        form: "SECRET",
        default: Default::Unset {
            means: "only tokens signed with secret are good",
            example: "/run/secrets/sawt_secret_previous",
        },
        about: "The secret before the current one. Tokens signed with it stay good, so a rotation loses no voter.",
        set: |config, text| keep_secret(&mut config.secret_previous, text, MIN_SECRET_BYTES),
        show: |config| hidden(config.secret_previous.as_ref()),
    },
    Setting {
        name: "public_url",
        shape: Shape::Text,
        form: "URL",
        default: Default::Unset { means: "no page names its own address", example: "https://votes.example" },
        about: "The address at which readers reach this service: http or https, host and port, and the path if it is \
                mounted under one (https://news.example/polls), whether the proxy strips that or keeps it. Pages name \
                their own address by it, for link previews and oEmbed, and cookies are kept for it alone.",
        set: |config, text| {
            // A password is not shown, also where it should not be.
            let is_shown = |rule: &str| if text.contains('@') { rule.to_owned() } else { with_value(rule, text) };
            config.public_url = Some(text.parse().map_err(is_shown)?);
            Ok(())
        },
        show: |config| config.public_url.as_ref().map(ToString::to_string),
    },
    Setting {
        name: "newsroom_url",
        shape: Shape::Text,
        form: "URL",
        default: Default::Unset {
            means: "the public URL, if that has no path; under a path there is no newsroom",
            example: "https://newsroom.example",
        },
        about: "The address at which editors reach the newsroom: http or https, host and port, and no path, because \
                every script of a host could act as an editor. Requests to any other host find no newsroom then, so \
                proxies must pass the Host header on.",
        set: |config, text| {
            let address: BaseAddress = text.parse().map_err(|rule| with_value(rule, text))?;
            if !address.path().is_empty() {
                return Err(with_value("must be without a path: the newsroom has a host of its own", text));
            }
            config.newsroom_url = Some(address);
            Ok(())
        },
        show: |config| config.newsroom_url.as_ref().map(ToString::to_string),
    },
    Setting {
        name: "oidc_issuer",
        shape: Shape::Text,
        form: "URL",
        default: Default::Unset { means: "editors sign in by keys alone", example: "https://id.example/realms/news" },
        about: "The OpenID Connect provider that names editors, as it calls itself. Register sawt there with the \
                authorization code flow and PKCE, and the address to come back to: the newsroom's, with \
                /newsroom/oidc/callback.",
        set: |config, text| keep_some(&mut config.oidc_issuer, text, OIDC_ISSUER),
        show: |config| config.oidc_issuer.as_ref().map(ToString::to_string),
    },
    Setting {
        name: "oidc_client_id",
        shape: Shape::Text,
        form: "NAME",
        default: Default::Unset { means: "nothing, without a provider", example: "sawt" },
        about: "The name that the provider has given to sawt (client_id).",
        set: |config, text| keep_words(&mut config.oidc_client_id, text),
        show: |config| config.oidc_client_id.clone(),
    },
    Setting {
        name: "oidc_client_secret",
        shape: Shape::Secret,
        form: "SECRET",
        default: Default::Unset {
            means: "sawt is a public client, and shows the provider nothing",
            example: "/run/secrets/sawt_oidc_client_secret",
        },
        about: "What sawt shows the provider (client_secret).",
        set: |config, text| keep_secret(&mut config.oidc_client_secret, text, 1),
        show: |config| hidden(config.oidc_client_secret.as_ref()),
    },
    Setting {
        name: "oidc_scopes",
        shape: Shape::Text,
        form: "WORDS",
        default: Default::Is("openid profile"),
        about: "What the provider is asked for, with a space between; openid is one of it. Some want groups too.",
        set: |config, text| {
            if !text.split(' ').any(|scope| scope == "openid") || text.contains(char::is_control) {
                return Err(with_value("must be words with a space between, openid one of them", text));
            }
            text.clone_into(&mut config.oidc_scopes);
            Ok(())
        },
        show: |config| Some(config.oidc_scopes.clone()),
    },
    Setting {
        name: "oidc_groups_claim",
        shape: Shape::Text,
        form: "NAME",
        default: Default::Is("groups"),
        about: "The claim in which the provider names a person's groups; dots lead into objects: realm_access.roles.",
        set: |config, text| {
            if text.is_empty() || text.contains(char::is_control) {
                return Err(with_value("must be the name of a claim", text));
            }
            text.clone_into(&mut config.oidc_groups_claim);
            Ok(())
        },
        show: |config| Some(config.oidc_groups_claim.clone()),
    },
    Setting {
        name: "oidc_roles",
        shape: Shape::Text,
        form: "GROUP=ROLE@SITE,…",
        default: Default::Unset { means: "nobody may do anything", example: "editors=editor@news, ops=admin@*" },
        about: "What the provider's groups may do: viewer reads polls and results, editor makes and edits polls besides, \
                publisher makes keys besides, admin changes the site's settings besides; * is every site, and admin@* \
                may do what the admin key may. It counts from the next time somebody signs in, within 12 hours.",
        set: |config, text| {
            config.oidc_roles = text.parse()?;
            Ok(())
        },
        show: |config| (!config.oidc_roles.is_empty()).then(|| config.oidc_roles.to_string()),
    },
    Setting {
        name: "oidc_name",
        shape: Shape::Text,
        form: "WORDS",
        default: Default::Unset {
            means: "the button says that one signs in with one's account", example: "الراي"
        },
        about: "What the provider is called on the button at the newsroom's door.",
        set: |config, text| keep_words(&mut config.oidc_name, text),
        show: |config| config.oidc_name.clone(),
    },
    Setting {
        name: "trusted_proxies",
        shape: Shape::Text,
        form: "NETWORKS",
        default: Default::Unset {
            means: "no proxy is believed, and a request's client is whoever connects",
            example: "10.0.0.0/8, fd00::/8",
        },
        about: "The proxies in front of this service: addresses and networks, separated by commas. The client of a \
                request is whom they say they speak for, and quotas are counted by it. List none that others could \
                connect from.",
        set: |config, text| {
            config.trusted_proxies = text.parse().map_err(|rule| with_value(rule, text))?;
            Ok(())
        },
        show: |config| Some(config.trusted_proxies.to_string()).filter(|text| !text.is_empty()),
    },
    Setting {
        name: "proxy_header",
        shape: Shape::Text,
        form: "NAME",
        default: Default::Is("x-forwarded-for"),
        about: "The header in which the trusted proxies say whom they speak for: x-forwarded-for, or forwarded (RFC \
                7239). The other one is never read.",
        set: |config, text| {
            config.proxy_header = text.parse().map_err(|rule| with_value(rule, text))?;
            Ok(())
        },
        show: |config| Some(config.proxy_header.to_string()),
    },
    Setting {
        name: "ipv6_prefix",
        shape: Shape::Number,
        form: "BITS",
        default: Default::Is("64"),
        about: "How many leading bits of an IPv6 address make one client, 32 to 128. Providers give a subscriber a /64 \
                at least, and often a /56 or a /48. So of the networks /64, /56 and /48, those wider than a client have \
                quotas too, of two, four and eight times as much.",
        set: |config, text| keep_within(text, &(32..=128_u8), |bits| config.ipv6_prefix = bits),
        show: |config| Some(config.ipv6_prefix.to_string()),
    },
    Setting {
        name: "quota_vote",
        shape: Shape::Text,
        form: "QUOTA",
        default: Default::Is("10/60s"),
        about: "How many votes a voter may cast or withdraw: so many requests in so many seconds, or off.",
        set: |config, text| keep_quota(&mut config.quotas.vote, text),
        show: |config| Some(shown_quota(config.quotas.vote)),
    },
    Setting {
        name: "quota_ballot",
        shape: Shape::Text,
        form: "QUOTA",
        default: Default::Is("2000/3600s"),
        about: "How many ballots of one client a poll counts, on all replicas together; or off. A retry or a change of \
                a ballot is none. This is what bounds voter tokens that were saved up.",
        set: |config, text| keep_quota(&mut config.quotas.ballot, text),
        show: |config| Some(shown_quota(config.quotas.ballot)),
    },
    Setting {
        name: "quota_article",
        shape: Shape::Text,
        form: "QUOTA",
        default: Default::Is("60/3600s"),
        about: "How many articles that nobody has announced one client may bring into being by a first vote, on all \
                replicas together; or off.",
        set: |config, text| keep_quota(&mut config.quotas.article, text),
        show: |config| Some(shown_quota(config.quotas.article)),
    },
    Setting {
        name: "quota_sign_in",
        shape: Shape::Text,
        form: "QUOTA",
        default: Default::Is("10/60s"),
        about: "How many wrong keys a client may try at the newsroom, on all replicas together; or off.",
        set: |config, text| keep_quota(&mut config.quotas.sign_in, text),
        show: |config| Some(shown_quota(config.quotas.sign_in)),
    },
    Setting {
        name: "quota_mint",
        shape: Shape::Text,
        form: "QUOTA",
        default: Default::Is("120/60s"),
        about: "How many voter tokens a client may get, on all replicas together; or off. A first vote by nonce is one.",
        set: |config, text| keep_quota(&mut config.quotas.mint, text),
        show: |config| Some(shown_quota(config.quotas.mint)),
    },
    Setting {
        name: "quota_client",
        shape: Shape::Text,
        form: "QUOTA",
        default: Default::Is("600/60s"),
        about: "How many requests that may change something a client may make, votes and voter tokens included, on all \
                replicas together; or off. A client is an IPv4 address or an IPv6 network: a whole mobile carrier may be one.",
        set: |config, text| keep_quota(&mut config.quotas.client, text),
        show: |config| Some(shown_quota(config.quotas.client)),
    },
    Setting {
        name: "quota_read",
        shape: Shape::Text,
        form: "QUOTA",
        default: Default::Is("3000/60s"),
        about: "How many other requests a client may make of each replica; or off.",
        set: |config, text| keep_quota(&mut config.quotas.read, text),
        show: |config| Some(shown_quota(config.quotas.read)),
    },
    Setting {
        name: "quota_admin",
        shape: Shape::Text,
        form: "QUOTA",
        default: Default::Is("600/60s"),
        about: "How many requests may be made with one API key, of each replica; or off.",
        set: |config, text| keep_quota(&mut config.quotas.admin, text),
        show: |config| Some(shown_quota(config.quotas.admin)),
    },
    Setting {
        name: "quota_shadow",
        shape: Shape::Switch,
        form: "BOOL",
        default: Default::Is("false"),
        about: "Only count what the quotas would refuse, as a metric, and refuse nothing: to see what a quota would do \
                before it does.",
        set: |config, text| keep(&mut config.quotas.shadow, text, "true or false"),
        show: |config| Some(config.quotas.shadow.to_string()),
    },
    Setting {
        name: "connections",
        shape: Shape::Number,
        form: "NUMBER",
        default: Default::Is("30000"),
        about: "How many connections a replica has at a time, streams included, 1 to 1000000. Each takes a file \
                descriptor: the replica raises its limit to the one that the system allows, and if that is too low for \
                as many, has fewer and says so. As they become scarce idle connections end, and beyond them new ones \
                are closed at once.",
        set: |config, text| keep_within(text, &(1..=MAX_CONNECTIONS), |number| config.connections.in_all = number),
        show: |config| Some(config.connections.in_all.to_string()),
    },
    Setting {
        name: "connections_per_client",
        shape: Shape::Number,
        form: "NUMBER",
        default: Default::Is("4000"),
        about: "How many of them one address may have that is no trusted proxy, 1 to 1000000; and never more than half \
                of those that are free.",
        set: |config, text| keep_within(text, &(1..=MAX_CONNECTIONS), |number| config.connections.per_client = number),
        show: |config| Some(config.connections.per_client.to_string()),
    },
    Setting {
        name: "streams",
        shape: Shape::Number,
        form: "NUMBER",
        default: Default::Is("20000"),
        about: "How many event streams a replica keeps open at a time, 1 to 1000000. Each takes a connection, about \
                2 KiB; at most three in four connections are streams.",
        set: |config, text| keep_within(text, &(1..=MAX_CONNECTIONS), |number| config.streams.in_all = number),
        show: |config| Some(config.streams.in_all.to_string()),
    },
    Setting {
        name: "streams_per_client",
        shape: Shape::Number,
        form: "NUMBER",
        default: Default::Is("2000"),
        about: "How many of them one client may have, 1 to 1000000; and never more than half of those that are free. A \
                client is an IPv4 address or an IPv6 network: a whole mobile carrier may be one.",
        set: |config, text| keep_within(text, &(1..=MAX_CONNECTIONS), |number| config.streams.per_client = number),
        show: |config| Some(config.streams.per_client.to_string()),
    },
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
