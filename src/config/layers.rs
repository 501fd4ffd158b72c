//! The sources settings are read from: command line, environment, file.

use std::{
    collections::BTreeMap,
    ffi::OsString,
    fs,
    io::{self, Read as _},
    path::{Path, PathBuf},
};

use super::{
    Fault, Flags, SettingSource,
    settings::{flag, settings, variable},
};

/// The file that is read if no other is named, and if it exists.
const DEFAULT_FILE: &str = "sawt.toml";

/// No secret is longer; whoever names a larger file named the wrong one.
const MAX_SECRET_BYTES: u64 = 64 * 1024;

/// The values one source gives, by key.
#[derive(Debug)]
pub(super) struct Layer {
    kind: LayerKind,
    values: BTreeMap<String, String>,
}

#[derive(Debug)]
enum LayerKind {
    Flags,
    Environment,
    File(PathBuf),
}

impl Layer {
    /// The value under a key.
    pub(super) fn get(&self, key: &str) -> Option<&str> {
        self.values.get(key).map(String::as_str)
    }

    /// Where the value under a key came from, in the words its writer used.
    pub(super) fn source(&self, key: &str) -> SettingSource {
        match &self.kind {
            LayerKind::Flags => SettingSource::Flag(format!("--{}", flag(key))),
            LayerKind::Environment => SettingSource::Environment(variable(key)),
            LayerKind::File(path) => SettingSource::File(key.to_owned(), path.clone()),
        }
    }
}

/// Reads all sources, the one that overrides the others first.
pub(super) fn read(
    flags: &Flags,
    environment: impl IntoIterator<Item = (OsString, OsString)>,
    faults: &mut Vec<Fault>,
    warnings: &mut Vec<String>,
) -> Vec<Layer> {
    let mut variables = read_environment(environment, faults, warnings);
    let named = variables.remove("config");
    let file = match (&flags.file, named) {
        (Some(path), _) => read_file(path, "--config", faults),
        (None, Some(path)) => read_file(Path::new(&path), "SAWT_CONFIG", faults),
        (None, None) if Path::new(DEFAULT_FILE).exists() => read_file(Path::new(DEFAULT_FILE), DEFAULT_FILE, faults),
        (None, None) => None,
    };
    let flags = Layer { kind: LayerKind::Flags, values: flags.values.iter().cloned().collect() };
    let environment = Layer { kind: LayerKind::Environment, values: variables };
    [Some(flags), Some(environment), file].into_iter().flatten().collect()
}

/// The `SAWT_…` variables, by key. An empty one is as good as none: that is how compose files and unit files leave a
/// variable out.
fn read_environment(
    environment: impl IntoIterator<Item = (OsString, OsString)>,
    faults: &mut Vec<Fault>,
    warnings: &mut Vec<String>,
) -> BTreeMap<String, String> {
    let mut values = BTreeMap::new();
    for (name, value) in environment {
        let Some(key) = name.to_str().and_then(|name| name.strip_prefix("SAWT_")) else { continue };
        let (name, key) = (format!("SAWT_{key}"), key.to_ascii_lowercase());
        if variable(&key) != name || (key != "config" && !is_known(&key)) {
            if !is_foreign(&key) {
                warnings.push(format!("{name} is not a setting and is ignored{}", meant(&key, variable)));
            }
            continue;
        }
        match value.into_string() {
            Ok(text) if text.is_empty() => {}
            Ok(text) => {
                values.insert(key, text);
            }
            Err(_) => faults.push(Fault { place: name, rule: "must be UTF-8".to_owned() }),
        }
    }
    values
}

/// Whether a variable was put there by somebody else: Kubernetes gives every container `SAWT_PORT`,
/// `SAWT_SERVICE_HOST`, `SAWT_PORT_8080_TCP_ADDR` and so on where a service is called sawt, the same with `SAWT_REDIS_`
/// where one is called sawt-redis, and the tests have `SAWT_TEST_…`.
fn is_foreign(key: &str) -> bool {
    let key = format!("_{key}_");
    key.starts_with("_test_") || ["_service_host_", "_service_port_", "_port_"].iter().any(|mark| key.contains(mark))
}

fn read_file(path: &Path, named_by: &str, faults: &mut Vec<Fault>) -> Option<Layer> {
    let mut refuse = |place: String, rule: String| faults.push(Fault { place, rule });
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) => {
            refuse(named_by.to_owned(), format!("must name a file that can be read, is {}: {error}", path.display()));
            return None;
        }
    };
    let table = match text.parse::<toml::Table>() {
        Ok(table) => table,
        Err(error) => {
            // The error's own words would quote the line, and the line may hold a secret.
            let (line, column) = position(&text, error.span().map_or(0, |span| span.start));
            refuse(
                path.display().to_string(),
                format!("must be TOML, is broken at line {line}, column {column}: {}", error.message()),
            );
            return None;
        }
    };
    let mut values = BTreeMap::new();
    for (key, value) in table {
        let place = format!("{key} in {}", path.display());
        if !is_known(&key) {
            refuse(place, format!("is not a setting{}", meant(&key, str::to_owned)));
            continue;
        }
        let text = match value {
            toml::Value::String(text) => text,
            toml::Value::Integer(number) => number.to_string(),
            toml::Value::Boolean(switch) => switch.to_string(),
            toml::Value::Float(_) | toml::Value::Datetime(_) | toml::Value::Array(_) | toml::Value::Table(_) => {
                refuse(place, format!("must be a text, a whole number, true or false, is a {}", value.type_str()));
                continue;
            }
        };
        values.insert(key, text);
    }
    Some(Layer { kind: LayerKind::File(path.to_owned()), values })
}

/// Reads a secret from the file that a `…_FILE` setting names. The line break editors put at the end is not part of it.
pub(super) fn read_secret(path: &str, source: SettingSource) -> Result<(String, SettingSource), Fault> {
    let read = || -> io::Result<String> {
        let mut text = String::new();
        fs::File::open(path)?.take(MAX_SECRET_BYTES).read_to_string(&mut text)?;
        Ok(text)
    };
    match read() {
        Ok(text) => Ok((text.trim_end_matches(['\r', '\n']).to_owned(), source)),
        Err(error) => Err(Fault {
            place: source.to_string(),
            rule: format!("must name a file that can be read, is {path}: {error}"),
        }),
    }
}

fn is_known(key: &str) -> bool {
    settings().any(|setting| setting.keys().iter().any(|known| known == key))
}

/// The line and column, both from 1, of a byte in a text.
fn position(text: &str, offset: usize) -> (usize, usize) {
    let before = text.get(..offset).unwrap_or(text);
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    let line = before.matches('\n').count() + 1;
    (line, before.get(line_start..).unwrap_or_default().chars().count() + 1)
}

/// "; did you mean …?", if a setting is near enough to a key that is none.
fn meant(key: &str, written: impl Fn(&str) -> String) -> String {
    let keys = settings().flat_map(super::Setting::keys);
    let nearest = keys.map(|known| (edits(key, &known), known)).min();
    match nearest {
        Some((distance, known)) if distance <= 1 + known.len() / 4 => format!("; did you mean {}?", written(&known)),
        Some(_) | None => "; `sawt config --default` lists all".to_owned(),
    }
}

/// How many letters must be added, left out or replaced to turn one word into the other (Levenshtein).
fn edits(one: &str, other: &str) -> usize {
    let mut row: Vec<usize> = (0..=other.chars().count()).collect();
    for (letter, above) in one.chars().zip(1..) {
        let mut diagonal = above - 1;
        let mut left = above;
        for (cell, wanted) in row.iter_mut().skip(1).zip(other.chars()) {
            let replaced = diagonal + usize::from(letter != wanted);
            diagonal = *cell;
            left = replaced.min(left + 1).min(*cell + 1);
            *cell = left;
        }
        if let Some(first) = row.first_mut() {
            *first = above;
        }
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_misspelt_key_is_met_with_the_one_meant() {
        assert_eq!(edits("listen", "listen"), 0);
        assert_eq!(edits("listn", "listen"), 1);
        assert_eq!(edits("kitten", "sitting"), 3);
        assert_eq!(meant("lisen", str::to_owned), "; did you mean listen?");
        assert_eq!(meant("admin_key_fil", variable), "; did you mean SAWT_ADMIN_KEY_FILE?");
        assert!(meant("colour", str::to_owned).contains("lists all"));
    }

    #[test]
    fn what_kubernetes_sets_by_itself_is_no_misspelt_setting() {
        for theirs in ["port", "service_host", "service_port_http", "port_8080_tcp", "redis_service_host", "redis_port"]
        {
            assert!(is_foreign(theirs), "{theirs}");
        }
        for ours in ["listenn", "ports", "portal", "service", "hosts"] {
            assert!(!is_foreign(ours), "{ours}");
        }
    }

    #[test]
    fn lines_and_columns_count_from_one() {
        assert_eq!(position("ab\nصوت", 0), (1, 1));
        assert_eq!(position("ab\nصوت", 3), (2, 1));
        assert_eq!(position("ab\nصوت", 5), (2, 2));
    }
}
