use std::{fs, path::Path};

use super::*;

const SECRET: &str = "canary-0123456789-0123456789-0123456789";

fn load(file: Option<&str>, flags: &[(&str, &str)], variables: &[(&str, &str)]) -> Result<Config, Vec<String>> {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("sawt.toml");
    // A file that says nothing keeps the tests away from whatever lies in the working directory.
    fs::write(&path, file.unwrap_or_default()).unwrap();
    load_from(&path, flags, variables)
}

fn load_from(path: &Path, flags: &[(&str, &str)], variables: &[(&str, &str)]) -> Result<Config, Vec<String>> {
    let flags = Flags {
        file: Some(path.to_owned()),
        values: flags.iter().map(|(key, text)| ((*key).to_owned(), (*text).to_owned())).collect(),
    };
    let variables = variables.iter().map(|(name, text)| (OsString::from(name), OsString::from(text)));
    Config::load(&flags, variables).map_err(|faults| faults.iter().map(ToString::to_string).collect())
}

#[test]
fn no_default_breaks_its_own_rule() {
    for setting in settings() {
        if let DefaultValue::Is(text) = setting.default {
            let mut config = Config::default();
            assert_eq!((setting.set)(&mut config, text), Ok(()), "{}", setting.name);
            assert_eq!((setting.show)(&config).as_deref(), Some(text), "{}", setting.name);
        }
    }
    let config = load(None, &[], &[]).unwrap();
    assert_eq!(config.listen.to_string(), "127.0.0.1:8080");
    assert_eq!(config.shutdown_secs, 10);
    assert!(config.workers >= 1);
}

#[test]
fn flags_override_the_environment_which_overrides_the_file() {
    let file = "shutdown_secs = 1\nworkers = 1\nlog = \"error\"\nallow_eviction = true";
    let variables = [("SAWT_WORKERS", "2"), ("SAWT_LOG", "warn"), ("SAWT_PUBLIC_URL", "")];
    let config = load(Some(file), &[("log", "debug")], &variables).unwrap();
    assert_eq!((config.shutdown_secs, config.workers, config.log.as_str()), (1, 2, "debug"));
    assert!(config.allow_eviction);
    assert!(matches!(config.source("shutdown_secs"), SettingSource::File(key, _) if key == "shutdown_secs"));
    assert_eq!(config.source("workers"), &SettingSource::Environment("SAWT_WORKERS".to_owned()));
    assert_eq!(config.source("log"), &SettingSource::Flag("--log".to_owned()));
    assert_eq!(config.source("public_url"), &SettingSource::Default);
    assert_eq!(config.public_url, None);
}

#[test]
fn everything_wrong_is_said_at_once_with_where_it_came_from_and_what_it_may_be() {
    let file = "workers = 0\nlisten = 8080\nlog_format = \"xml\"\nlissten = \"a\"\npartitions = 1.5";
    let variables = [("SAWT_SHUTDOWN_SECS", "301"), ("SAWT_STORE", "redis:canary"), ("SAWT_SECRET", "canary")];
    let faults = load(Some(file), &[("allow_eviction", "maybe")], &variables).unwrap_err();
    for (place, rule) in [
        ("workers in ", "must be a whole number from 1 to 256, is \"0\""),
        ("listen in ", "must be an IP address and a port, like 127.0.0.1:8080, is \"8080\""),
        ("log_format in ", "must be text or json, is \"xml\""),
        ("lissten in ", "is not a setting; did you mean listen?"),
        ("partitions in ", "must be a text, a whole number, true or false, is a float"),
        ("SAWT_SHUTDOWN_SECS", "must be a whole number from 1 to 300, is \"301\""),
        ("SAWT_STORE", "must be redis://"),
        ("SAWT_SECRET", "must be at least 32 bytes long, is 6"),
        ("--allow-eviction", "must be true or false, is \"maybe\""),
    ] {
        let found = faults.iter().any(|fault| fault.starts_with(place) && fault.contains(rule));
        assert!(found, "{place} {rule}: {faults:#?}");
    }
    assert_eq!(faults.len(), 9, "{faults:#?}");
    assert!(!format!("{faults:?}").contains("canary"), "{faults:#?}");
}

#[test]
fn every_setting_has_bounds() {
    for (name, good, bad) in [
        ("listen", vec!["0.0.0.0:80", "[::]:8080"], vec!["localhost:80", "8080", "127.0.0.1"]),
        ("ops_listen", vec!["off", "127.0.0.1:9"], vec!["no", ""]),
        ("store", vec!["sqlite:/tmp/a.db"], vec!["sqlite:", "mysql://a"]),
        ("admin_key", vec!["0123456789abcdef"], vec!["0123456789abcde", "0123456789 abcdef", "مفتاح طويل جدا"]),
        ("secret", vec![SECRET], vec!["short"]),
        ("secret_previous", vec![SECRET], vec!["short"]),
        (
            "public_url",
            vec!["https://votes.example", "http://localhost:8080/polls"],
            vec!["https://a/b/", "votes", "ftp://a"],
        ),
        ("newsroom_url", vec!["https://desk.example", "http://localhost:8080"], vec!["https://a/b", "desk"]),
        ("trusted_proxies", vec!["10.0.0.0/8", "192.0.2.7, fd00::/8"], vec!["proxy", "10.0.0.0/33", "0.0.0.0/0"]),
        ("proxy_header", vec!["x-forwarded-for", "forwarded"], vec!["x-real-ip", "X-Forwarded-For, Forwarded"]),
        ("ipv6_prefix", vec!["32", "64", "128"], vec!["0", "31", "129", "/64"]),
        ("partitions", vec!["1", "1024"], vec!["0", "1025", "-1", "x"]),
        ("allow_eviction", vec!["true", "false"], vec!["yes", "1"]),
        ("events_days", vec!["1", "3650"], vec!["0", "3651", "x"]),
        ("proof_secret", vec![SECRET], vec!["short"]),
        ("proof_secret_previous", vec![SECRET], vec!["short"]),
        ("proof_tally_secs", vec!["1", "86400"], vec!["0", "86401"]),
        ("webhook_networks", vec!["10.0.0.0/8", "192.0.2.7, fd00::/8"], vec!["inside", "10.0.0.0/33"]),
        ("proof_of_work_hashes", vec!["1", "100000000"], vec!["0", "100000001", "x"]),
        ("hosting_ranges", vec!["/dev/null"], vec!["/nowhere", "Cargo.toml"]),
        ("workers", vec!["1", "256"], vec!["0", "257"]),
        ("drain_secs", vec!["0", "300"], vec!["-1", "301"]),
        ("shutdown_secs", vec!["1", "300"], vec!["0", "301", "1.5"]),
        ("log", vec!["info", "off", "info,sawt::store=debug"], vec!["sawt=loud", "a=b=c"]),
        ("log_format", vec!["text", "json"], vec!["JSON", "xml"]),
    ] {
        let setting = settings().find(|setting| setting.name == name).unwrap();
        for text in good {
            assert_eq!((setting.set)(&mut Config::default(), text), Ok(()), "{name} {text}");
        }
        for text in bad {
            let rule = (setting.set)(&mut Config::default(), text).unwrap_err();
            assert!(rule.starts_with("must be "), "{name} {text}: {rule}");
        }
    }
}

#[test]
fn a_redis_store_needs_its_secrets_set() {
    let faults = load(None, &[], &[("SAWT_STORE", "redis://:canary@cache")]).unwrap_err();
    assert_eq!(faults.len(), 2, "{faults:?}");
    assert!(
        faults[0].starts_with("SAWT_ADMIN_KEY: must be set, or SAWT_ADMIN_KEY_FILE: the store is redis://:(set)@cache")
    );
    assert!(faults[1].starts_with("SAWT_SECRET: must be set"));
    let set = [("SAWT_STORE", "redis://cache"), ("SAWT_ADMIN_KEY", SECRET), ("SAWT_SECRET", SECRET)];
    assert!(load(None, &[], &set).is_ok());
}

#[test]
fn a_secret_is_read_from_a_file() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("secret");
    fs::write(&path, format!("{SECRET}\r\n")).unwrap();
    let path = path.to_str().unwrap();
    let config = load(None, &[], &[("SAWT_SECRET_FILE", path)]).unwrap();
    assert_eq!(config.secret, Some(Secret::new(SECRET.to_owned())));
    assert_eq!(config.source("secret").to_string(), "SAWT_SECRET_FILE");
    let config = load(None, &[("secret_file", path)], &[("SAWT_SECRET", "overridden, so its length is no matter")]);
    assert_eq!(config.unwrap().source("secret").to_string(), "--secret-file");

    let both = load(None, &[], &[("SAWT_SECRET_FILE", path), ("SAWT_SECRET", SECRET)]).unwrap_err();
    assert_eq!(both, ["SAWT_SECRET: must not be given together with SAWT_SECRET_FILE"]);
    let missing = load(None, &[], &[("SAWT_SECRET_FILE", "/nowhere/at/all")]).unwrap_err();
    assert!(missing[0].starts_with("SAWT_SECRET_FILE: must name a file that can be read, is /nowhere/at/all"));
}

#[test]
fn a_broken_or_missing_file_is_named_without_quoting_it() {
    let broken = load(Some("log = \"info\"\nsecret = canary"), &[], &[]).unwrap_err();
    assert_eq!(broken.len(), 1);
    assert!(broken[0].contains("must be TOML, is broken at line 2, column 10"), "{broken:?}");
    assert!(!broken[0].contains("canary"), "{broken:?}");
    let missing = load_from(Path::new("/nowhere/sawt.toml"), &[], &[]).unwrap_err();
    assert!(missing[0].starts_with("--config: must name a file that can be read"), "{missing:?}");
}

#[test]
fn metrics_and_readers_cannot_share_an_address() {
    let faults = load(None, &[("listen", "127.0.0.1:8081")], &[]).unwrap_err();
    assert_eq!(faults, ["ops_listen: must differ from listen, is 127.0.0.1:8081 as well; or off"]);
}

#[test]
fn a_variable_that_is_no_setting_is_named_and_ignored() {
    let variables =
        [("SAWT_LISTN", "x"), ("SAWT_PORT", "tcp://10.0.0.1:80"), ("SAWT_SERVICE_HOST", "x"), ("HOME", "x")];
    let config = load(None, &[], &variables).unwrap();
    assert_eq!(config.warnings(), ["SAWT_LISTN is not a setting and is ignored; did you mean SAWT_LISTEN?"]);
}

#[test]
fn the_listing_hides_secrets_and_says_where_each_value_came_from() {
    let variables = [("SAWT_STORE", "redis://:canary@cache"), ("SAWT_ADMIN_KEY", SECRET), ("SAWT_SECRET", SECRET)];
    let text = listing(&load(None, &[("workers", "3")], &variables).unwrap());
    assert!(!text.contains("canary"), "{text}");
    let words = |name: &str| -> Vec<&str> {
        text.lines().find(|line| line.starts_with(&format!("{name} "))).unwrap().split_whitespace().collect()
    };
    assert_eq!(words("store"), ["store", "redis://:(set)@cache:6379", "SAWT_STORE"]);
    assert_eq!(words("secret"), ["secret", "(set)", "SAWT_SECRET"]);
    assert_eq!(words("workers"), ["workers", "3", "--workers"]);
    assert_eq!(words("listen"), ["listen", "127.0.0.1:8080", "default"]);
    assert_eq!(text.lines().count(), settings().count());
}

#[test]
fn the_default_file_names_every_setting_and_its_commented_values_are_the_real_ones() {
    let text = default_file();
    assert_eq!(text.parse::<toml::Table>().unwrap().len(), 0, "every line is a comment");
    let uncommented: Vec<&str> =
        text.lines().filter(|line| !line.starts_with("# ")).map(|line| line.trim_matches('#')).collect();
    let table: toml::Table = uncommented.join("\n").parse().unwrap();
    assert_eq!(table.len(), settings().count());
    for setting in settings() {
        let value = table.get(&setting.keys().pop().unwrap()).unwrap_or_else(|| panic!("{} is missing", setting.name));
        let value = match value {
            toml::Value::String(text) => text.clone(),
            toml::Value::Integer(number) => number.to_string(),
            toml::Value::Boolean(switch) => switch.to_string(),
            toml::Value::Float(_) | toml::Value::Datetime(_) | toml::Value::Array(_) | toml::Value::Table(_) => {
                panic!("{}: {value:?}", setting.name)
            }
        };
        match setting.default {
            DefaultValue::Is(default) => assert_eq!(value, default, "{}", setting.name),
            DefaultValue::Unset { example, .. } => assert_eq!(value, example, "{}", setting.name),
        }
        // A file is another on each machine.
        if setting.shape != Shape::Secret && setting.form != "FILE" {
            assert_eq!((setting.set)(&mut Config::default(), &value), Ok(()), "{}", setting.name);
        }
    }
}

#[test]
fn the_default_file_in_the_repository_is_what_the_binary_prints() {
    assert_eq!(include_str!("../../deploy/sawt.toml"), default_file(), "write it with `sawt config --default`");
}

#[test]
fn the_readme_names_every_setting_and_its_default() {
    let readme = include_str!("../../README.md");
    for setting in settings() {
        let row = match setting.default {
            DefaultValue::Is(value) => format!("| `{}` | `{value}`", setting.variable()),
            DefaultValue::Unset { .. } => format!("| `{}` | ", setting.variable()),
        };
        assert!(readme.contains(&row), "{row}");
    }
}

#[test]
fn no_secret_shows_in_the_settings_as_programmers_print_them() {
    let secrets = [("SAWT_STORE", "redis://reader:canary-password@cache"), ("SAWT_ADMIN_KEY", SECRET)];
    let more = [("SAWT_SECRET", SECRET), ("SAWT_SECRET_PREVIOUS", SECRET)];
    let config = load(None, &[], &[&secrets[..], &more].concat()).unwrap();
    let printed = format!("{config:?} {config:#?}");
    assert!(printed.contains("secret_previous") && !printed.contains("canary"), "{printed}");
}

#[test]
fn an_identity_provider_lacks_nothing_that_editors_need() {
    let issuer = ("SAWT_OIDC_ISSUER", "https://id.example");
    let (client, roles) = (("SAWT_OIDC_CLIENT_ID", "sawt"), ("SAWT_OIDC_ROLES", "editors=editor@news"));
    let url = ("SAWT_PUBLIC_URL", "https://votes.example");
    let config = load(None, &[], &[issuer, client, roles, url]).unwrap();
    let oidc = config.oidc().unwrap();
    assert_eq!(oidc.redirect_uri, "https://votes.example/newsroom/oidc/callback");
    assert_eq!((oidc.scopes.as_str(), oidc.groups_claim.as_str()), ("openid profile", "groups"));
    for (set, missing) in [
        (vec![issuer, roles, url], "SAWT_OIDC_CLIENT_ID"),
        (vec![issuer, client, url], "SAWT_OIDC_ROLES"),
        (vec![issuer, client, roles], "SAWT_NEWSROOM_URL"),
        (vec![issuer, client, roles, ("SAWT_PUBLIC_URL", "https://news.example/polls")], "SAWT_NEWSROOM_URL"),
        (vec![client], "SAWT_OIDC_CLIENT_ID"),
        (vec![issuer, client, url, ("SAWT_OIDC_ROLES", "editors=boss@news")], "SAWT_OIDC_ROLES"),
        (vec![("SAWT_OIDC_ISSUER", "http://id.example"), client, roles, url], "SAWT_OIDC_ISSUER"),
    ] {
        let faults = load(None, &[], &set).unwrap_err();
        assert!(faults.iter().any(|fault| fault.starts_with(missing)), "{missing}: {faults:?}");
    }
    assert!(load(None, &[], &[url]).unwrap().oidc().is_none());
}
