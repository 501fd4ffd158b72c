//! Which store a setting names, and how a worker gets its own handle on it.

use std::{
    fmt,
    path::PathBuf,
    str::FromStr,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use super::{
    Broker, ClockWatch, Store, StoreError,
    redis::{RedisBroker, RedisStore},
    sqlite::SqliteStore,
};
use crate::{clock::Clock, secret::Secret};

/// `SAWT_STORE`, read: which store, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StoreAddress {
    /// `sqlite:PATH`: a file.
    Sqlite(PathBuf),
    /// `redis://`, `rediss://`, `redis-cluster://`, `redis-sentinel://`.
    Redis(super::redis::RedisAddress),
}

impl FromStr for StoreAddress {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once(':') {
            Some(("sqlite", path)) if !path.is_empty() && path != ":memory:" => Ok(Self::Sqlite(path.into())),
            Some((
                "redis" | "rediss" | "redis-cluster" | "rediss-cluster" | "redis-sentinel" | "rediss-sentinel",
                _,
            )) => text.parse().map(Self::Redis),
            Some(_) | None => Err("must be sqlite:PATH, redis://HOST[:PORT][/DB], rediss://…, \
                 redis-cluster://HOST:PORT,HOST:PORT,… or redis-sentinel://HOST:PORT,HOST:PORT,…/NAME"
                .to_owned()),
        }
    }
}

impl StoreAddress {
    /// Whether the store is a file that only this replica uses.
    pub fn is_embedded(&self) -> bool {
        matches!(self, Self::Sqlite(_))
    }

    /// The path of a file beside an embedded store: its own with this behind it.
    pub fn file_beside(&self, ending: &str) -> Option<PathBuf> {
        match self {
            Self::Sqlite(path) => {
                let mut beside = path.clone().into_os_string();
                beside.push(ending);
                Some(beside.into())
            }
            Self::Redis(_) => None,
        }
    }
}

impl fmt::Display for StoreAddress {
    /// The address without its password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(path) => write!(f, "sqlite:{}", path.display()),
            Self::Redis(address) => address.fmt(f),
        }
    }
}

/// Opens stores. Every actix worker has one of its own: a Redis connection is driven by the runtime it was made on, so
/// an own connection saves each vote two wake-ups of another thread. Workers on SQLite share its one writer.
#[derive(Clone)]
pub enum Stores {
    /// The embedded store, open.
    Sqlite(Arc<SqliteStore>),
    /// Where Redis is.
    Redis(super::redis::RedisSettings),
}

impl Stores {
    /// Opens the embedded store, or keeps Redis's address: Redis is reached at the first call, on the worker that makes
    /// it.
    ///
    /// # Errors
    /// What is wrong with the file.
    pub fn open(settings: &StoreSettings, clock: Clock) -> Result<Self, StoreError> {
        match &settings.address {
            StoreAddress::Sqlite(path) => {
                Ok(Self::Sqlite(Arc::new(SqliteStore::open(path, settings.partitions.unwrap_or(1), clock)?)))
            }
            StoreAddress::Redis(address) => Ok(Self::Redis(super::redis::RedisSettings {
                address: address.clone(),
                partitions: settings.partitions,
                allow_eviction: settings.allow_eviction,
                trouble: Arc::default(),
                clocks: Arc::new(ClockWatch::new(clock)),
            })),
        }
    }

    /// A store for the runtime this is called on.
    pub fn connect(&self) -> Arc<dyn Store> {
        match self {
            Self::Sqlite(store) => store.clone(),
            Self::Redis(settings) => Arc::new(RedisStore::new(settings.clone())),
        }
    }

    /// The broker to other replicas, for the runtime this is called on; `None` if there can be no others.
    pub fn broker(&self) -> Option<Arc<dyn Broker>> {
        match self {
            Self::Sqlite(_) => None,
            Self::Redis(settings) => Some(Arc::new(RedisBroker::new(settings))),
        }
    }

    /// Closes the embedded store once nobody else holds it, and waits for that at most this long: the threads of
    /// workers end a moment after their server. After that the file may be deleted.
    pub fn close(self, within: Duration) {
        let Self::Sqlite(store) = self else { return };
        let began = Instant::now();
        while Arc::strong_count(&store) > 1 && began.elapsed() < within {
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// Compares the store's clock with this replica's.
    pub fn clocks(&self) -> &Arc<ClockWatch> {
        match self {
            Self::Sqlite(store) => store.clocks(),
            Self::Redis(settings) => &settings.clocks,
        }
    }

    /// What the embedded store keeps under a name.
    ///
    /// # Errors
    /// What is wrong with the file. A Redis store keeps no secrets: [`StoreError::Unfit`].
    pub fn secret(&self, name: &str) -> Result<Option<Secret>, StoreError> {
        match self {
            Self::Sqlite(store) => store.secret(name),
            Self::Redis(_) => Err(no_secrets(name)),
        }
    }

    /// What the embedded store keeps under a name, made if it is missing, and whether it was made.
    ///
    /// # Errors
    /// What is wrong with the file. A Redis store keeps no secrets: [`StoreError::Unfit`].
    pub fn kept_secret(&self, name: &str, make: impl FnOnce() -> Secret) -> Result<(Secret, bool), StoreError> {
        match self {
            Self::Sqlite(store) => store.kept_secret(name, make),
            Self::Redis(_) => Err(no_secrets(name)),
        }
    }
}

fn no_secrets(name: &str) -> StoreError {
    StoreError::Unfit(format!("{name} must be set: Redis keeps no secrets"))
}

/// Every setting of the store.
#[derive(Debug, Clone)]
pub struct StoreSettings {
    /// Which store, and where.
    pub address: StoreAddress,
    /// Partitions of a new poll; `None`: 1, on a cluster 12.
    pub partitions: Option<u16>,
    /// Take a Redis that may evict keys.
    pub allow_eviction: bool,
}
