//! How many connections and streams a replica may have, going by its settings and by how many files may be open.

use crate::{config::Config, quota::ConcurrencyLimits};

/// How many connections there may be, and how many of them streams.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Bounds {
    pub(super) connections: ConcurrencyLimits,
    pub(super) streams: ConcurrencyLimits,
}

impl Bounds {
    /// The limits that are set, or lower ones if fewer files may be open; that is logged.
    pub(super) fn within(config: &Config, descriptors: usize) -> Self {
        let bounds = Self::lowered(config, descriptors);
        let (connections, streams) = (bounds.connections.in_all, bounds.streams.in_all);
        if bounds != Self::lowered(config, usize::MAX) {
            tracing::warn!(
                descriptors,
                connections,
                streams,
                "there can't be as many connections and streams as are set, but only {connections} and {streams}: raise \
                 the limit on open files (LimitNOFILE, ulimit -Hn), which is {descriptors}, or set fewer"
            );
        } else if bounds.cut_streams(config) {
            tracing::warn!(
                connections,
                streams,
                "there can't be as many streams as are set, but only {streams}: a quarter of the {connections} \
                 connections is left to other requests; set more connections (SAWT_CONNECTIONS), or fewer streams"
            );
        }
        bounds
    }

    /// Whether there may be fewer streams than are set.
    fn cut_streams(&self, config: &Config) -> bool {
        self.streams.in_all < config.streams.in_all
    }

    pub(super) fn lowered(config: &Config, descriptors: usize) -> Self {
        // For the store, operators, files, and connections that are being closed.
        let kept_free = 64 + 16 * config.workers + descriptors / 16;
        let connections = config.connections.in_all.min(descriptors.saturating_sub(kept_free).max(1));
        let streams = config.streams.in_all.min(connections - connections / 4);
        Self {
            connections: ConcurrencyLimits { in_all: connections, ..config.connections },
            streams: ConcurrencyLimits { in_all: streams, ..config.streams },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_fewer_connections_than_files_and_fewer_streams_than_connections() {
        let mut config = Config::default();
        config.workers = 2;
        let bounds = |descriptors| {
            let Bounds { connections, streams } = Bounds::lowered(&config, descriptors);
            (connections.in_all, streams.in_all)
        };
        assert_eq!(bounds(1_048_576), (30_000, 20_000));
        assert_eq!(bounds(usize::MAX), (30_000, 20_000));
        assert_eq!(bounds(1_024), (864, 648));
        assert_eq!(bounds(0), (1, 1));
    }

    #[test]
    fn more_streams_than_connections_leave_room_for_are_cut_and_not_silently() {
        let mut config = Config::default();
        assert!(!Bounds::lowered(&config, usize::MAX).cut_streams(&config));
        config.streams.in_all = 22_501;
        let bounds = Bounds::lowered(&config, usize::MAX);
        assert!(bounds.cut_streams(&config) && bounds.streams.in_all == 22_500);
    }
}
