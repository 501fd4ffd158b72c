//! Every setting: its default, its bounds, and where its value came from.
//!
//! There is one table, [`settings()`]. The command line, the environment, `sawt.toml`, `--help`, `sawt config` and the
//! commented default file are all read off it, so a new setting is a field in [`Config`] and a row in the table, and
//! cannot be forgotten in any of them.
//!
//! A value is looked for on the command line, then in the environment (`SAWT_…`), then in `sawt.toml`, then in the
//! table; the first one found holds. All of it is read once, before anything binds. Whatever the source, a value is a
//! text that goes through the one parser of its setting, defaults included. Everything that is wrong is gathered and
//! said at once: an operator who fixes a configuration should not have to find the mistakes one restart at a time.
//!
//! Secrets can be kept out of the environment and the process list: each is also read from a file (`…_FILE`, as
//! container platforms mount them), and none can be given on the command line, which every user of a host can read.

mod layers;
mod listing;
mod settings;
mod values;

use std::{
    ffi::OsString,
    fmt,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    num::NonZeroU32,
    path::PathBuf,
    thread,
};

pub use listing::{default_file, listing};
pub use settings::{Default as DefaultValue, Setting, Shape, settings};

use crate::{
    client::{ProxyHeader, TrustedProxies},
    integrity::HostingRanges,
    net::outside::Outside,
    oidc::{GroupRoles, Issuer, OidcSettings},
    quota::{ConcurrencyLimits, Policies},
    secret::Secret,
    site::BaseAddress,
    store::StoreAddress,
    telemetry::LogFormat,
};
use layers::Layer;

/// The settings in force. [`settings()`] says what each may be.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where readers and publishers are served.
    pub listen: SocketAddr,
    /// Where metrics are served; `None`: nowhere.
    pub ops_listen: Option<SocketAddr>,
    /// Which store, and where.
    pub store: StoreAddress,
    /// The key over all sites; `None` (SQLite only): the one kept in the store, made on first start.
    pub admin_key: Option<Secret>,
    /// What voter tokens are signed with; `None` (SQLite only): the one kept in the store, made on first start.
    pub secret: Option<Secret>,
    /// What voter tokens were signed with before.
    pub secret_previous: Option<Secret>,
    /// The address that readers reach this service at; `None`: the origin they asked.
    pub public_url: Option<BaseAddress>,
    /// Where editors reach the newsroom, if that is not the public URL.
    pub newsroom_url: Option<BaseAddress>,
    /// The provider that names editors; `None`: they sign in by keys alone.
    pub oidc_issuer: Option<Issuer>,
    /// What this service is called there.
    pub oidc_client_id: Option<String>,
    /// What it shows there.
    pub oidc_client_secret: Option<Secret>,
    /// What is asked of the provider.
    pub oidc_scopes: String,
    /// The claim with a person's groups.
    pub oidc_groups_claim: String,
    /// What the groups may do.
    pub oidc_roles: GroupRoles,
    /// What the provider is called.
    pub oidc_name: Option<String>,
    /// The proxies that are believed about whom they speak for.
    pub trusted_proxies: TrustedProxies,
    /// The header they write it in.
    pub proxy_header: ProxyHeader,
    /// How many leading bits of an IPv6 address name a client, 32 to 128.
    pub ipv6_prefix: u8,
    /// How many requests a voter, a client or a key may make, and whether that is only counted.
    pub quotas: Policies,
    /// How many connections there may be, in all and per client, 1 to 1,000,000 each.
    pub connections: ConcurrencyLimits,
    /// How many event streams there may be, in all and per client, 1 to 1,000,000 each.
    pub streams: ConcurrencyLimits,
    /// Partitions of a new poll, 1 to 1024; `None`: as the store advises.
    pub partitions: Option<u16>,
    /// Take a Redis that may evict keys.
    pub allow_eviction: bool,
    /// For how many days events are kept, 1 to 3650.
    pub events_days: u32,
    /// What the keys that sign transparency logs come of; `None`: of `secret`.
    pub proof_secret: Option<Secret>,
    /// The one before.
    pub proof_secret_previous: Option<Secret>,
    /// How often the tallies of open polls go into the logs, 1 to 86400 seconds.
    pub proof_tally_secs: u64,
    /// Where the newest checkpoints are kept outside the store; `None`: beside an embedded one.
    pub proof_checkpoints: Option<PathBuf>,
    /// Where webhooks may be sent to, beside all that lies outside.
    pub webhook_networks: Outside,
    /// The networks of servers.
    pub hosting_ranges: HostingRanges,
    /// How many hashes a proof of work takes at most, 1 to 100,000,000.
    pub proof_of_work_hashes: u32,
    /// How many threads answer requests, 1 to 256.
    pub workers: usize,
    /// How long a replica that is told to stop goes on answering, no longer ready, 0 to 300 seconds.
    pub drain_secs: u64,
    /// How long requests in flight may take when stopping, 1 to 300 seconds.
    pub shutdown_secs: u64,
    /// What is logged, as `tracing` directives.
    pub log: String,
    /// How a log line looks.
    pub log_format: LogFormat,
    /// Of so many reads that succeeded, one has a log line: 1 to 1,000,000.
    pub log_sample: NonZeroU32,
    /// One source per setting, in the order of [`settings()`].
    sources: Vec<SettingSource>,
    /// What is odd but not wrong, to be said once at start.
    warnings: Vec<String>,
}

impl Default for Config {
    /// What holds when nothing is set anywhere.
    fn default() -> Self {
        let mut config = Self {
            listen: SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0),
            ops_listen: None,
            store: StoreAddress::Sqlite(PathBuf::new()),
            admin_key: None,
            secret: None,
            secret_previous: None,
            public_url: None,
            newsroom_url: None,
            oidc_issuer: None,
            oidc_client_id: None,
            oidc_client_secret: None,
            oidc_scopes: String::new(),
            oidc_groups_claim: String::new(),
            oidc_roles: GroupRoles::default(),
            oidc_name: None,
            trusted_proxies: TrustedProxies::default(),
            proxy_header: ProxyHeader::default(),
            ipv6_prefix: 0,
            quotas: Policies::default(),
            connections: ConcurrencyLimits { in_all: 0, per_client: 0 },
            streams: ConcurrencyLimits { in_all: 0, per_client: 0 },
            partitions: None,
            allow_eviction: false,
            events_days: 0,
            proof_secret: None,
            proof_secret_previous: None,
            proof_tally_secs: 0,
            proof_checkpoints: None,
            webhook_networks: Outside::default(),
            hosting_ranges: HostingRanges::default(),
            proof_of_work_hashes: 0,
            workers: thread::available_parallelism().map_or(1, |cores| cores.get().min(settings::MAX_WORKERS)),
            drain_secs: 0,
            shutdown_secs: 0,
            log: String::new(),
            log_format: LogFormat::Text,
            log_sample: NonZeroU32::MIN,
            sources: vec![SettingSource::Default; settings().count()],
            warnings: Vec::new(),
        };
        for setting in settings() {
            if let DefaultValue::Is(text) = setting.default {
                // A test holds that no default breaks its own rule.
                let _ = (setting.set)(&mut config, text);
            }
        }
        config
    }
}

/// Settings as given on the command line, not yet checked.
#[derive(Debug, Clone, Default)]
pub struct Flags {
    /// `--config`: the file to read.
    pub file: Option<PathBuf>,
    /// Settings by their key, like `listen` or `secret_file`.
    pub values: Vec<(String, String)>,
}

/// Where a value came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SettingSource {
    /// Nobody set it.
    Default,
    Flag(String),
    /// An environment variable.
    Environment(String),
    /// A key of the file.
    File(String, PathBuf),
}

impl fmt::Display for SettingSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::Flag(name) | Self::Environment(name) => f.write_str(name),
            Self::File(key, path) => write!(f, "{key} in {}", path.display()),
        }
    }
}

/// One thing wrong with the configuration, as a line that can be read alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Where the bad value came from, or the setting that is missing.
    pub place: String,
    /// What it must be.
    pub rule: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.rule)
    }
}

impl Config {
    /// Reads every source and checks every setting.
    ///
    /// # Errors
    /// Everything that is wrong: sources in the order they are asked, then settings in the order of [`settings()`],
    /// then what does not fit together.
    pub fn load(
        flags: &Flags,
        environment: impl IntoIterator<Item = (OsString, OsString)>,
    ) -> Result<Self, Vec<Fault>> {
        let mut faults = Vec::new();
        let mut config = Self::default();
        let layers = layers::read(flags, environment, &mut faults, &mut config.warnings);
        let mut sources = Vec::with_capacity(settings().count());
        for setting in settings() {
            let found = find(setting, &layers).unwrap_or_else(|fault| {
                faults.push(fault);
                None
            });
            let Some((text, source)) = found else {
                sources.push(SettingSource::Default);
                continue;
            };
            if let Err(rule) = (setting.set)(&mut config, &text) {
                faults.push(Fault { place: source.to_string(), rule });
            }
            sources.push(source);
        }
        config.sources = sources;
        // Only sound values can be held against each other: a mistake should be named once, where it is.
        if faults.is_empty() {
            config.check_together(&mut faults);
        }
        if faults.is_empty() { Ok(config) } else { Err(faults) }
    }

    /// Where a setting's value came from.
    pub fn source(&self, name: &str) -> &SettingSource {
        let index = settings().position(|setting| setting.name == name);
        index.and_then(|index| self.sources.get(index)).unwrap_or(&SettingSource::Default)
    }

    /// What is odd but not wrong, like a variable `SAWT_…` that is no setting; each a line that can be read alone.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// The identity provider, if one is set.
    pub fn oidc(&self) -> Option<OidcSettings> {
        let base = self.newsroom_url.as_ref().or(self.public_url.as_ref())?;
        Some(OidcSettings {
            issuer: self.oidc_issuer.clone()?,
            client_id: self.oidc_client_id.clone()?,
            client_secret: self.oidc_client_secret.clone(),
            scopes: self.oidc_scopes.clone(),
            groups_claim: self.oidc_groups_claim.clone(),
            roles: self.oidc_roles.clone(),
            name: self.oidc_name.clone(),
            redirect_uri: format!("{}/newsroom/oidc/callback", base.origin()),
        })
    }

    /// A provider without whom the rest says nothing, or the rest without a provider.
    fn check_oidc(&self, faults: &mut Vec<Fault>) {
        let mut refuse = |name: &str, rule: &str| {
            faults.push(Fault { place: settings::variable(name), rule: rule.to_owned() });
        };
        if self.oidc_issuer.is_none() {
            for (name, is_set) in [
                ("oidc_client_id", self.oidc_client_id.is_some()),
                ("oidc_client_secret", self.oidc_client_secret.is_some()),
                ("oidc_roles", !self.oidc_roles.is_empty()),
            ] {
                if is_set {
                    refuse(name, "means nothing without oidc_issuer");
                }
            }
            return;
        }
        if self.oidc_client_id.is_none() {
            refuse("oidc_client_id", "must be set with oidc_issuer: the name that the provider has given to sawt");
        }
        if self.oidc_roles.is_empty() {
            refuse("oidc_roles", "must be set with oidc_issuer: without a role nobody could do anything");
        }
        let has_newsroom =
            self.newsroom_url.is_some() || self.public_url.as_ref().is_some_and(|url| url.path().is_empty());
        if !has_newsroom {
            let rule = "must be set with oidc_issuer, or public_url without a path: people come back to it";
            refuse("newsroom_url", rule);
        }
    }

    fn check_together(&self, faults: &mut Vec<Fault>) {
        self.check_oidc(faults);
        if self.ops_listen == Some(self.listen) && self.listen.port() != 0 {
            faults.push(Fault {
                place: self.source("ops_listen").place_of("ops_listen"),
                rule: format!("must differ from listen, is {} as well; or off", self.listen),
            });
        }
        if self.store.is_embedded() {
            return;
        }
        for (name, value) in [("admin_key", &self.admin_key), ("secret", &self.secret)] {
            if value.is_none() {
                let variable = settings::variable(name);
                faults.push(Fault {
                    place: variable.clone(),
                    rule: format!(
                        "must be set, or {variable}_FILE: the store is {}, and every replica on it needs the same one",
                        self.store
                    ),
                });
            }
        }
    }
}

impl SettingSource {
    /// The source, or for a default the setting itself: "default" alone would not say whose.
    fn place_of(&self, name: &str) -> String {
        match self {
            Self::Default => name.to_owned(),
            Self::Flag(_) | Self::Environment(_) | Self::File(..) => self.to_string(),
        }
    }
}

/// The value of a setting in the first layer that has one.
fn find(setting: &Setting, layers: &[Layer]) -> Result<Option<(String, SettingSource)>, Fault> {
    for layer in layers {
        let file_key = format!("{}_file", setting.name);
        let value = layer.get(setting.name);
        let path = if setting.shape == Shape::Secret { layer.get(&file_key) } else { None };
        match (value, path) {
            (None, None) => {}
            (Some(text), None) => return Ok(Some((text.to_owned(), layer.source(setting.name)))),
            (None, Some(path)) => return layers::read_secret(path, layer.source(&file_key)).map(Some),
            (Some(_), Some(_)) => {
                return Err(Fault {
                    place: layer.source(setting.name).to_string(),
                    rule: format!("must not be given together with {}", layer.source(&file_key)),
                });
            }
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests;
