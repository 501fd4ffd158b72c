//! Whose address a request came from, and how much one client may have.

use super::{Default, Setting, Shape};
use crate::config::values::{keep, keep_quota, keep_within, shown_quota, with_value};

/// The most connections, and event streams, a replica may be allowed.
const MAX_CONNECTIONS: usize = 1_000_000;

pub(super) const SETTINGS: &[Setting] = &[
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
];
