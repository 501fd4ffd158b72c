//! Figures for programs to read: `bench.json` in the build's directory.

use std::{fs, path::PathBuf};

use serde_json::{Map, Value};

/// The build's directory.
pub(crate) fn target() -> PathBuf {
    PathBuf::from(env!("CARGO_TARGET_TMPDIR")).parent().expect("it is in the build's directory").to_owned()
}

/// Writes a part's figures, and leaves the other parts' as they are.
pub(crate) fn write(part: &str, figures: &[(&str, f64)]) {
    let path = target().join("bench.json");
    let before = fs::read_to_string(&path).ok().and_then(|text| serde_json::from_str(&text).ok());
    let mut parts: Map<String, Value> = before.unwrap_or_default();
    let figures = figures.iter().map(|(name, figure)| ((*name).to_owned(), Value::from(figure.round())));
    parts.insert(part.to_owned(), Value::Object(figures.collect()));
    let text = serde_json::to_string_pretty(&parts).expect("figures are JSON");
    fs::write(&path, text + "\n").expect("the build's directory can be written to");
    println!("\n  These figures are in {}.", path.display());
}
