//! What the program says and does before it serves.

use serde_json::json;

use crate::{
    api::labels::{labels, old_mark},
    backends::{Program, Storage, wait_until},
    client::{Client, nonce, remember_secret},
    registry::lone_rules,
    server::{ADMIN_KEY, Ended, Replica, SECRET, Settings, run},
    service::{seed_poll, text},
};

/// `EX_USAGE`: a mistake in the command line or the settings.
const USAGE: i32 = 64;
/// `EX_CONFIG`: the store must not be used as it is configured.
const UNFIT: i32 = 78;

#[track_caller]
fn is_refused_before_binding(ended: &Ended, names: &[&str]) {
    assert_eq!(ended.code, Some(USAGE), "{ended:?}");
    for name in names {
        assert!(ended.stderr.contains(name), "{name} is not named in {:?}", ended.stderr);
    }
    assert!(!ended.stderr.contains("listening"), "{ended:?}");
}

async fn a_bad_setting_is_named_with_what_it_may_be_before_anything_binds() {
    let storage = Storage::file();
    for (name, value, rule) in [
        ("SAWT_LISTEN", "8080", "127.0.0.1:8080"),
        ("SAWT_LISTEN", "localhost", "127.0.0.1:8080"),
        ("SAWT_OPS_LISTEN", "yes", "off"),
        ("SAWT_STORE", "mysql://127.0.0.1", "redis://"),
        ("SAWT_STORE", "sqlite:", "sqlite:PATH"),
        ("SAWT_SECRET", "short", "32"),
        ("SAWT_ADMIN_KEY", "short", "16"),
        ("SAWT_ADMIN_KEY", "with a space in it", "spaces"),
        ("SAWT_SECRET_PREVIOUS", "short", "32"),
        ("SAWT_PUBLIC_URL", "votes.example/polls", "https://"),
        ("SAWT_PARTITIONS", "0", "1"),
        ("SAWT_WORKERS", "many", "256"),
        ("SAWT_SHUTDOWN_SECS", "-1", "300"),
        ("SAWT_ALLOW_EVICTION", "perhaps", "true or false"),
        ("SAWT_LOG", "info,=", "info"),
        ("SAWT_LOG", "verbose", "error, warn, info, debug, trace or off"),
        ("SAWT_LOG", "info,sawt::store=loud", "debug"),
        ("SAWT_LOG", "info,", "info"),
        ("SAWT_LOG_FORMAT", "xml", "text or json"),
        ("SAWT_CONFIG", "/nowhere/sawt.toml", "/nowhere/sawt.toml"),
        ("SAWT_SECRET_FILE", "/nowhere/secret", "SAWT_SECRET"),
    ] {
        let settings = Settings::on(storage.address());
        let settings = if name == "SAWT_SECRET_FILE" { settings.without("SAWT_SECRET") } else { settings };
        is_refused_before_binding(&run(&settings.with(name, value), &["serve"]), &[name, rule]);
    }
}

async fn every_bad_setting_is_named_at_once() {
    let settings = Settings::bare().with("SAWT_LISTEN", "x").with("SAWT_LOG_FORMAT", "y").with("SAWT_WORKERS", "z");
    let names = ["SAWT_LISTEN", "SAWT_LOG_FORMAT", "SAWT_WORKERS"];
    is_refused_before_binding(&run(&settings, &["serve"]), &names);
}

async fn on_redis_missing_secrets_are_named_before_anything_binds() {
    // Nobody listens there; nobody is asked.
    let settings = Settings::on("redis://127.0.0.1:1").without("SAWT_ADMIN_KEY").without("SAWT_SECRET");
    is_refused_before_binding(&run(&settings, &["serve"]), &["SAWT_ADMIN_KEY", "SAWT_SECRET"]);
}

async fn a_command_or_flag_that_is_none_is_refused() {
    for arguments in [&["vote"][..], &["serve", "--colour"], &["--listen"], &["demo", "--readers", "many"]] {
        assert_eq!(run(&Settings::bare(), arguments).code, Some(USAGE), "{arguments:?}");
    }
}

/// What Kubernetes sets by itself, for a service called sawt, is no mistake.
async fn a_variable_that_is_no_setting_is_met_with_the_one_meant_and_stops_nothing() {
    let storage = Storage::file();
    let settings = Settings::on(storage.address()).with("SAWT_WORKER", "3").with("SAWT_PORT", "tcp://10.0.0.1:8080");
    let replica = Replica::start(&settings.with("SAWT_PORT_8080_TCP", "tcp://10.0.0.1:8080"));
    let log = replica.log().text();
    assert!(log.contains("SAWT_WORKER is not a setting and is ignored; did you mean SAWT_WORKERS?"), "{log}");
    assert_eq!(log.matches("is not a setting").count(), 1, "{log}");
}

async fn a_demo_refuses_a_store_and_needs_no_secrets_for_one_that_is_set_elsewhere() {
    is_refused_before_binding(&run(&Settings::bare(), &["demo", "--store", "redis://127.0.0.1:1"]), &["--store"]);
    let elsewhere = Settings::bare().with("SAWT_STORE", "redis://127.0.0.1:1").with("SAWT_LOG", "info");
    drop(Replica::start_command(&elsewhere, &["demo"]));
}

async fn an_admin_key_is_not_shown_by_a_start_that_fails_and_is_by_the_next() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let storage = Storage::file();
    let settings = Settings::bare().with("SAWT_STORE", storage.address());
    for name in ["SAWT_LISTEN", "SAWT_OPS_LISTEN"] {
        let ended = run(&settings.clone().with(name, &taken.local_addr().unwrap().to_string()), &["serve"]);
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(1), ""), "{ended:?}");
    }
    let replica = Replica::start(&settings);
    let printed = replica.printed(|line| line.contains("shown this once"));
    let key = printed.lines().find_map(|line| line.split_once("shown this once: ")).expect("a key").1;
    Client::new(replica.address()).with_key(key).get("/v1/sites/default").send().await.is(200);
}

async fn help_names_every_command_and_the_settings() {
    let ended = run(&Settings::bare(), &["--help"]);
    assert_eq!(ended.code, Some(0));
    for named in ["serve", "demo", "healthcheck", "config", "--listen", "--store", "SAWT_", "64"] {
        assert!(ended.stdout.contains(named), "{named} is not in\n{}", ended.stdout);
    }
}

async fn the_settings_in_force_are_shown_without_secrets() {
    let settings = Settings::on("redis://reader:canary-store-password@127.0.0.1:1/3");
    let ended = run(&settings, &["config"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    for shown in ["127.0.0.1:0", "SAWT_LISTEN", "127.0.0.1:1/3", "default"] {
        assert!(ended.stdout.contains(shown), "{shown} is not in\n{}", ended.stdout);
    }
    for hidden in [ADMIN_KEY, SECRET, "canary-store-password"] {
        assert!(!ended.stdout.contains(hidden) && !ended.stderr.contains(hidden), "{hidden} is in {ended:?}");
    }
}

/// A flag overrides a variable, which overrides the file.
async fn the_nearest_source_of_a_setting_counts() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("sawt.toml");
    std::fs::write(&file, "workers = 3\nshutdown_secs = 4\nlog_format = \"text\"\n").unwrap();
    let settings = Settings::bare().with("SAWT_CONFIG", file.to_str().unwrap()).with("SAWT_SHUTDOWN_SECS", "5");
    let shown = run(&settings, &["config", "--log-format", "json"]).stdout;
    let value = |name: &str| {
        let line = shown.lines().find(|line| line.starts_with(&format!("{name} "))).expect("a line per setting");
        line.split_whitespace().nth(1).map(str::to_owned)
    };
    assert_eq!(value("workers").as_deref(), Some("3"));
    assert_eq!(value("shutdown_secs").as_deref(), Some("5"));
    assert_eq!(value("log_format").as_deref(), Some("json"));
}

async fn a_secret_can_be_kept_in_a_file() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("admin-key");
    std::fs::write(&file, format!("{ADMIN_KEY}\n")).unwrap();
    let storage = Storage::file();
    let settings = Settings::on(storage.address()).without("SAWT_ADMIN_KEY");
    let replica = Replica::start(&settings.with("SAWT_ADMIN_KEY_FILE", file.to_str().unwrap()));
    let client = Client::new(replica.address()).with_key(ADMIN_KEY);
    client.get("/v1/sites/default").send().await.is(200);
}

/// With no setting at all a reader can vote, and the publisher is told the key: once.
async fn on_sqlite_nothing_need_be_set_and_the_admin_key_is_printed_once() {
    let storage = Storage::file();
    let settings = Settings::bare().with("SAWT_STORE", storage.address());
    let replica = Replica::start(&settings);
    replica.stop();
    let first = replica.output();
    let key = first
        .split(|character: char| !(character.is_ascii_alphanumeric() || matches!(character, '_' | '-')))
        .filter(|word| word.len() >= 32)
        .map(str::to_owned)
        .next()
        .unwrap_or_else(|| panic!("no key is printed in\n{first}"));
    let again = Replica::start(&settings);
    let admin = Client::new(again.address()).with_key(&key);
    let poll = text(&admin.post("/v1/polls").json(&seed_poll(json!({}))).send().await.is(201)["id"]);
    let voter = Client::new(again.address()).new_voter().await;
    voter.vote(&poll, &["yes"]).await.is(201);
    again.stop();
    assert!(!again.output().contains(&key), "the key is printed once");
    // The secret is kept too: the voter is still the same one.
    let third = Replica::start(&settings);
    remember_secret(&key);
    let voter = Client::new(third.address()).with_voter(voter.token());
    voter.vote(&poll, &["yes"]).await.is(200);
}

async fn a_redis_that_may_evict_is_refused_with_the_remedy_unless_allowed() {
    let storage = Storage::single(Program::Redis, &[("maxmemory-policy", "allkeys-lru")]);
    let settings = Settings::on(storage.address());
    let ended = run(&settings, &["serve"]);
    assert_eq!(ended.code, Some(UNFIT), "{ended:?}");
    for named in ["maxmemory-policy", "noeviction", "allkeys-lru", "SAWT_ALLOW_EVICTION"] {
        assert!(ended.stderr.contains(named), "{named} is not in {:?}", ended.stderr);
    }
    drop(Replica::start(&settings.clone().with("SAWT_ALLOW_EVICTION", "true")));
    storage.server().ask(&["CONFIG", "SET", "maxmemory-policy", "noeviction"]);
    drop(Replica::start(&settings));
}

async fn an_address_in_use_is_named() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let storage = Storage::file();
    for name in ["SAWT_LISTEN", "SAWT_OPS_LISTEN"] {
        let ended = run(&Settings::on(storage.address()).with(name, &address), &["serve"]);
        assert_eq!(ended.code, Some(1), "{ended:?}");
        assert!(ended.stderr.contains(&address), "{ended:?}");
    }
}

async fn a_file_that_is_no_database_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("sawt.db");
    std::fs::write(&path, "this is a letter to the editor, not a database, and it is long enough to be sure").unwrap();
    let ended = run(&Settings::on(&format!("sqlite:{}", path.display())), &["serve"]);
    assert!(matches!(ended.code, Some(1 | UNFIT)), "{ended:?}");
    assert!(ended.stderr.contains("sawt.db"), "{ended:?}");
}

async fn a_health_check_tells_a_ready_replica_from_none() {
    let storage = Storage::file();
    let replica = Replica::start(&Settings::on(storage.address()));
    let listen = replica.address().to_string();
    let check = || run(&Settings::bare().with("SAWT_LISTEN", &listen), &["healthcheck"]);
    assert_eq!(check().code, Some(0));
    replica.stop();
    let ended = check();
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.stderr.contains(&listen), "{ended:?}");
}

async fn the_demo_serves_the_seed_poll_and_prints_what_to_try() {
    // By itself a demo logs only trouble, and this reads where it listens from the log.
    let demo = Replica::start_command(&Settings::bare().with("SAWT_LOG", "info"), &["demo"]);
    let printed = demo.printed(|line| line.contains("/votes"));
    assert!(printed.contains("curl"), "{printed}");
    let id = printed
        .split(|character: char| !(character.is_ascii_hexdigit() || character == '-'))
        .find(|word| word.len() == 36)
        .unwrap_or_else(|| panic!("no poll is named in\n{printed}"));
    let client = Client::new(demo.address());
    let poll = client.get(&format!("/v1/polls/{id}")).send().await.is(200);
    assert_eq!(poll["question"], "هل تتوقع حل مجلس الأمة ؟");
    client.new_voter().await.vote(id, &["yes"]).await.is(201);

    assert!(printed.starts_with(&format!("Open http://{}/demo ", demo.address())), "{printed}");
    let home = client.get("/").undocumented().send().await;
    assert_eq!((home.status, home.header("location").as_deref()), (303, Some("/demo")), "{home}");
    let article = client.get("/demo").undocumented().send().await;
    assert_eq!(article.status, 200, "{article}");
    let snippet = format!("<script async src=\"/embed.js\" data-sawt-poll=\"{id}\"></script>");
    assert!(String::from_utf8_lossy(&article.body).contains(&snippet), "{article}");
    for file in ["/demo/article.css", "/demo/article.js"] {
        assert_eq!(client.get(file).undocumented().send().await.status, 200, "{file}");
    }
    demo.printed(|line| line.starts_with("the tally: 1 ballots, نعم 1, لا 0"));
}

async fn who_comes_from_a_hosting_range_is_labelled_and_the_list_is_read_again() {
    let (storage, directory) = (Storage::file(), tempfile::tempdir().unwrap());
    let path = directory.path().join("ranges");
    let settings = Settings::on(storage.address()).with("SAWT_HOSTING_RANGES", path.to_str().unwrap());
    std::fs::write(&path, "192.0.2.0/24\nnobody\n").unwrap();
    let ended = run(&settings, &["serve"]);
    assert_eq!(ended.code, Some(USAGE), "{ended:?}");
    assert!(ended.stderr.contains("SAWT_HOSTING_RANGES") && ended.stderr.contains("line 2"), "{ended:?}");

    std::fs::write(&path, "192.0.2.0/24\n").unwrap();
    let replica = Replica::start(&settings);
    let admin = Client::new(replica.address()).with_key(ADMIN_KEY);
    let poll = admin.post("/v1/polls").json(&seed_poll(json!({}))).send().await.is(201);
    let poll = text(&poll["id"]);
    let vote = async || {
        let body = json!({ "choices": ["yes"], "voter": { "nonce": nonce() }, "mark": old_mark(&poll) });
        admin.post(&format!("/v1/polls/{poll}/votes")).json(&body).send().await.is(201);
    };
    let read_again = |text: &str, said: &str| {
        std::fs::write(&path, text).unwrap();
        let before = replica.log().text().matches(said).count();
        replica.signal("HUP");
        wait_until("the list is read again", || (replica.log().text().matches(said).count() > before).then_some(()));
    };
    vote().await;
    assert_eq!(labels(&admin, &poll).await, [("clean".to_owned(), 1)]);
    read_again("127.0.0.0/8 # this machine\n", "read the hosting ranges again");
    vote().await;
    let with_one = [("clean".to_owned(), 1), ("hosting-network".to_owned(), 1)];
    assert_eq!(labels(&admin, &poll).await, with_one);
    read_again("192.0.2.0/24\nnobody\n", "can't be read again");
    vote().await;
    assert_eq!(labels(&admin, &poll).await[1], ("hosting-network".to_owned(), 2), "the former list is in force");
}

lone_rules![
    who_comes_from_a_hosting_range_is_labelled_and_the_list_is_read_again,
    a_bad_setting_is_named_with_what_it_may_be_before_anything_binds,
    every_bad_setting_is_named_at_once,
    on_redis_missing_secrets_are_named_before_anything_binds,
    a_command_or_flag_that_is_none_is_refused,
    a_variable_that_is_no_setting_is_met_with_the_one_meant_and_stops_nothing,
    a_demo_refuses_a_store_and_needs_no_secrets_for_one_that_is_set_elsewhere,
    an_admin_key_is_not_shown_by_a_start_that_fails_and_is_by_the_next,
    help_names_every_command_and_the_settings,
    the_settings_in_force_are_shown_without_secrets,
    the_nearest_source_of_a_setting_counts,
    a_secret_can_be_kept_in_a_file,
    on_sqlite_nothing_need_be_set_and_the_admin_key_is_printed_once,
    a_redis_that_may_evict_is_refused_with_the_remedy_unless_allowed,
    an_address_in_use_is_named,
    a_file_that_is_no_database_is_named,
    a_health_check_tells_a_ready_replica_from_none,
    the_demo_serves_the_seed_poll_and_prints_what_to_try,
];
