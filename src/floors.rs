//! The floors of the house: a module uses those on floors below its own, and never one above or beside it.
//!
//! So a change of what readers see stays above, the rules of a poll can be read without knowing a store, and no page
//! and no use case knows a request. Below the handlers only three modules use the framework's types: `client`, which
//! reads addresses from a request's head, `net`, whose sockets the framework reads, and `live`, which keeps a header
//! ready. Handlers only translate: they call use cases, never the store or the hub. And one type name has one meaning.
//! These tests read the code; tests within it may use whatever they like.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
};

/// From the top down. Modules on one floor don't know one another.
const FLOORS: [&[&str]; 18] = [
    &["demo"],
    &["server", "healthcheck"],
    &["cli"],
    &["config", "http"],
    &["newsroom"],
    &["embed", "http_client", "oidc", "verify"],
    // Use cases: none knows a request.
    &["voting", "publishing", "integrity", "proof", "webhooks"],
    &["events", "views"],
    &["live"],
    &["quota"],
    &["store"],
    // Domain and ground: pure, or knows only the machine.
    &["client", "net", "site", "voter", "wire"],
    &["supervisor"],
    &["telemetry"],
    &["clock"],
    &["tlog"],
    &["article", "card", "descriptors", "place", "secret", "threads"],
    &["poll"],
];

/// Modules that don't know the framework for HTTP.
const WITHOUT_HTTP: [&str; 19] = [
    "newsroom",
    "embed",
    "voting",
    "publishing",
    "integrity",
    "proof",
    "tlog",
    "webhooks",
    "events",
    "views",
    "quota",
    "store",
    "site",
    "voter",
    "wire",
    "article",
    "card",
    "place",
    "poll",
];

/// All that handlers may name of the floors below the use cases: plain values, errors, and handles that a use case
/// returned.
const FOR_HANDLERS: [&str; 8] = [
    "live::PollWithSite",
    "live::KnownTally",
    "live::Stream",
    "live::StreamLimiter", // in what a replica's workers share, for the server to close
    "live::StreamPermit",  // from one use case to the next
    "live::StreamRefusal",
    "store::IdempotencyKey",
    "store::StoreError",
];

const SOURCE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src");
const TESTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests");

/// Not on any floor: the map, and what only tests use.
const OUTSIDE: [&str; 4] = ["lib", "main", "floors", "fuzz"];

#[test]
fn no_module_uses_one_that_is_not_below_it() {
    let mut wrong = Vec::new();
    for (module, file) in files(Path::new(SOURCE)).unwrap() {
        if OUTSIDE.contains(&module.as_str()) || is_of_tests(&file) {
            continue;
        }
        let text = fs::read_to_string(&file).unwrap();
        let floor = floor_of(&module).unwrap_or_else(|| panic!("{module} is on no floor: give it one"));
        for used in modules_used(&code(&text)) {
            let is_below = floor_of(&used).is_some_and(|other| other > floor);
            if used != module && !is_below {
                wrong.push(format!("{} uses {used}", file.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "arrows that point up or sideways: {wrong:#?}");
}

#[test]
fn no_page_and_no_use_case_knows_a_request() {
    for (module, file) in files(Path::new(SOURCE)).unwrap() {
        if WITHOUT_HTTP.contains(&module.as_str()) && !is_of_tests(&file) {
            assert!(!code(&fs::read_to_string(&file).unwrap()).contains("actix"), "{}", file.display());
        }
    }
}

#[test]
fn no_handler_asks_the_store_or_the_hub() {
    let mut wrong = Vec::new();
    for (module, file) in files(Path::new(SOURCE)).unwrap() {
        if !["http", "embed", "newsroom"].contains(&module.as_str()) || is_of_tests(&file) {
            continue;
        }
        let text = fs::read_to_string(&file).unwrap();
        let code = code(&text);
        let of_store_or_hub =
            |path: &String| ["live", "store"].contains(&first(path)) && !FOR_HANDLERS.contains(&&**path);
        wrong.extend(paths_used(&code).into_iter().filter(of_store_or_hub).map(|path| (file.clone(), path)));
        if code.contains(".store()") {
            wrong.push((file, "Voting::store".to_owned()));
        }
    }
    assert!(wrong.is_empty(), "call a use case instead: {wrong:#?}");
}

#[test]
fn every_type_has_a_name_of_its_own() {
    let mut places: BTreeMap<String, Vec<PathBuf>> = BTreeMap::new();
    for (_, file) in files(Path::new(SOURCE)).unwrap() {
        if !is_of_tests(&file) {
            for name in types_defined(&code(&fs::read_to_string(&file).unwrap())) {
                places.entry(name.to_owned()).or_default().push(file.clone());
            }
        }
    }
    places.retain(|_, files| files.len() > 1);
    assert!(places.is_empty(), "names that mean more than one thing: {places:#?}");
}

/// The most lines of a file: one that is longer is two things.
const MOST_LINES: usize = 500;

#[test]
fn no_file_is_two_things() {
    let lines = |file: &Path| fs::read_to_string(file).unwrap().lines().count();
    let all = |root: &str| files_of(Path::new(root), &["rs", "css", "js", "mjs", "lua"]).unwrap();
    let files = [SOURCE, TESTS].into_iter().flat_map(all);
    let too_long: Vec<PathBuf> = files.filter(|file| !is_packed(file) && lines(file) > MOST_LINES).collect();
    assert!(too_long.is_empty(), "longer than {MOST_LINES} lines: {too_long:?}");
}

#[test]
fn the_architecture_shows_the_floors_as_they_are() {
    let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/architecture.md")).unwrap();
    let rows =
        text.lines().skip_while(|line| !line.starts_with("| floor |")).skip(2).take_while(|line| line.starts_with('|'));
    let floors = rows.filter_map(|row| row.split('|').nth(1)).flat_map(|floors| floors.split(';'));
    let shown: Vec<Vec<&str>> = floors.map(|floor| floor.split('`').skip(1).step_by(2).collect()).collect();
    assert_eq!(shown, FLOORS);
}

/// Two pages, which is what a newcomer reads at once.
const MOST_WORDS: usize = 1_200;

#[test]
fn the_architecture_is_two_pages() {
    let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/architecture.md")).unwrap();
    let words = text.split_whitespace().count();
    assert!(words <= MOST_WORDS, "docs/architecture.md has {words} words: move some to the modules they are about");
}

#[test]
fn every_file_that_the_architecture_names_is_there() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let text = fs::read_to_string(root.join("docs/architecture.md")).unwrap();
    let named = text.split('`').filter(|it| it.starts_with("src/") || it.starts_with("tests/"));
    let missing: Vec<_> = named.filter(|path| !root.join(path).exists()).collect();
    assert!(missing.is_empty(), "named in docs/architecture.md: {missing:?}");
}

#[test]
fn every_way_to_write_a_use_is_understood() {
    let text = "use crate::poll::Poll;\nuse crate::{\n    live::{Hub, PollWithSite}, // crate::http\n    store::Store as _,\n};\n\
                fn f(it: crate::site::Site) {}\n#[cfg(test)]\nmod tests {\n    use crate::server;\n}\n";
    let expected = ["poll::Poll", "live::Hub", "live::PollWithSite", "store::Store", "site::Site"];
    assert_eq!(paths_used(&code(text)), expected);
}

#[test]
fn every_way_to_define_a_type_is_understood() {
    let text = "pub struct Poll<'a> {}\npub(super) enum Kind {}\n    struct Row(u8);\npub trait Store: Polls {}\ntype Fx = u8;\n\
                impl Iterator for Poll {\n    type Item = u8;\n}\n// struct Comment\nfn structure() {}\n";
    assert_eq!(types_defined(&code(text)), ["Poll", "Kind", "Row", "Store", "Fx"]);
}

fn floor_of(module: &str) -> Option<usize> {
    FLOORS.iter().position(|floor| floor.contains(&module))
}

/// Every file of the code, with the module that it belongs to.
fn files(source: &Path) -> io::Result<Vec<(String, PathBuf)>> {
    let module_of = |path: &Path| {
        let below = path.strip_prefix(source).unwrap();
        let first = Path::new(below.iter().next().unwrap());
        first.file_stem().unwrap().to_string_lossy().into_owned()
    };
    Ok(files_of(source, &["rs"])?.into_iter().map(|path| (module_of(&path), path)).collect())
}

/// Every file below a folder whose name ends in one of these, but for what package managers fetched.
fn files_of(root: &Path, extensions: &[&str]) -> io::Result<Vec<PathBuf>> {
    let (mut found, mut left) = (Vec::new(), vec![root.to_owned()]);
    while let Some(directory) = left.pop() {
        for entry in fs::read_dir(directory)? {
            let path = entry?.path();
            if path.is_dir() {
                if !path.ends_with("node_modules") && !path.ends_with(".venv") {
                    left.push(path);
                }
            } else if path.extension().is_some_and(|extension| extensions.iter().any(|one| extension == *one)) {
                found.push(path);
            }
        }
    }
    Ok(found)
}

/// Whether a program wrote a file: the packed scripts and style sheets of the widget.
fn is_packed(file: &Path) -> bool {
    file.starts_with(Path::new(SOURCE).join("embed/packed"))
}

fn is_of_tests(file: &Path) -> bool {
    file.ends_with("tests.rs") || file.ends_with("fuzz.rs")
}

/// A file without its comments, up to its tests, which come last.
fn code(text: &str) -> String {
    let mut lines = Vec::new();
    let mut all = text.lines().peekable();
    while let Some(line) = all.next() {
        let begins_tests = |next: &&str| next.contains("mod ") && next.ends_with('{');
        if line == "#[cfg(test)]" && all.peek().is_some_and(begins_tests) {
            break;
        }
        lines.push(line.split("//").next().unwrap_or_default());
    }
    lines.join("\n")
}

/// The types and traits that a file defines, also within functions. An implementation's associated types, such as
/// `Item`, don't count.
fn types_defined(code: &str) -> Vec<&str> {
    code.lines().filter_map(type_defined).collect()
}

fn type_defined(line: &str) -> Option<&str> {
    let item = line.trim_start();
    let item = match item.strip_prefix("pub") {
        Some(rest) if rest.starts_with('(') => rest.split_once(") ")?.1,
        Some(rest) => rest.trim_start(),
        None => item,
    };
    let (keyword, rest) = item.split_once(' ')?;
    let is_indented = line.starts_with(' ');
    if !matches!(keyword, "struct" | "enum" | "union" | "trait") && (keyword != "type" || is_indented) {
        return None;
    }
    // A macro's `$name` is none.
    rest.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').next().filter(|name| !name.is_empty())
}

/// The modules that paths from the crate's root begin with.
fn modules_used(code: &str) -> Vec<String> {
    paths_used(code).iter().map(|path| first(path).to_owned()).collect()
}

fn first(path: &str) -> &str {
    path.split("::").next().unwrap_or_default()
}

/// All paths from the crate's root, those in braces one by one.
fn paths_used(code: &str) -> Vec<String> {
    let mut paths = Vec::new();
    for rest in code.split("crate::").skip(1) {
        expand("", rest, &mut paths);
    }
    paths
}

/// Adds the path that a text begins with, or each path within its braces. Returns the text after it.
fn expand<'a>(prefix: &str, text: &'a str, paths: &mut Vec<String>) -> &'a str {
    let Some(mut rest) = text.strip_prefix('{') else {
        let end = text.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(text.len());
        let (name, rest) = text.split_at(end);
        let path = format!("{prefix}{name}");
        if let Some(below) = rest.strip_prefix("::") {
            return expand(&format!("{path}::"), below, paths);
        }
        paths.push(path);
        return rest;
    };
    loop {
        rest = rest.trim_start_matches(|c: char| c.is_whitespace() || c == ',');
        if rest.is_empty() || rest.starts_with('}') {
            return rest.get(1..).unwrap_or_default();
        }
        let after = expand(prefix, rest, paths);
        // Skips what follows a path, such as `as _`.
        rest = after.get(after.find([',', '}']).unwrap_or(after.len())..).unwrap_or_default();
    }
}
