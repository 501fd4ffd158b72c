//! Where the service is reached, where it keeps what it keeps, and its secrets.

use super::{Default, MIN_SECRET_BYTES, Setting, Shape};
use crate::{
    config::values::{hidden, keep, keep_secret, keep_some, with_value},
    site::BaseAddress,
};

const MIN_ADMIN_KEY_BYTES: usize = 16;

pub(super) const SETTINGS: &[Setting] = &[
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
];
