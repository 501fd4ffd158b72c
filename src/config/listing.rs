//! The settings as text: those in force, for `sawt config`, and the commented default file.

use std::fmt::Write as _;

use super::{Config, DefaultValue, Setting, Shape, settings};

/// How wide the prose of the default file is.
const WIDTH: usize = 100;

/// The settings in force, one per line: name, value, and where it came from. Secrets show as `(set)`, and the store's
/// password as `***`.
pub fn listing(config: &Config) -> String {
    let rows: Vec<[String; 3]> = settings()
        .map(|setting| {
            let value = (setting.show)(config).unwrap_or_else(|| "(not set)".to_owned());
            [setting.name.to_owned(), value, config.source(setting.name).to_string()]
        })
        .collect();
    let width = |column: usize| rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max();
    let (names, values) = (width(0).unwrap_or(0), width(1).unwrap_or(0));
    rows.iter().fold(String::new(), |mut text, [name, value, source]| {
        // Writing to a String can't fail, here and below.
        let _ = writeln!(text, "{name:names$}  {value:values$}  {source}");
        text
    })
}

/// A `sawt.toml` that says everything there is to set and changes nothing: every line is a comment, and every
/// commented value is what holds without it, or an example where nothing does.
pub fn default_file() -> String {
    let mut text = String::from(
        "# sawt.toml: every setting, with its default.\n\
         #\n\
         # Take the # away to change one. SAWT_… variables override this file, and flags override both:\n\
         # listen here, SAWT_LISTEN and --listen are one setting. `sawt config` shows what is in force, and why.\n",
    );
    for setting in settings() {
        text.push('\n');
        for line in wrapped(&about(setting)) {
            let _ = writeln!(text, "# {line}");
        }
        match setting.default {
            DefaultValue::Is(value) => {
                let _ = writeln!(text, "#{} = {}", setting.name, toml_value(setting, value));
            }
            DefaultValue::Unset { example, .. } => {
                let key = setting.keys().pop().unwrap_or_default();
                let _ = writeln!(text, "#{key} = {}", toml_value(setting, example));
            }
        }
    }
    text
}

/// What a setting is for, and what holds without it.
fn about(setting: &Setting) -> String {
    let also = match setting.shape {
        Shape::Secret => format!(" Given as {0}, or {0}_file: the path of a file that holds it.", setting.name),
        Shape::Text | Shape::Number | Shape::Switch => String::new(),
    };
    match setting.default {
        DefaultValue::Is(_) => format!("{}{also}", setting.about),
        DefaultValue::Unset { means, .. } => format!("{}{also} Not set: {means}.", setting.about),
    }
}

fn toml_value(setting: &Setting, value: &str) -> String {
    match setting.shape {
        Shape::Number | Shape::Switch => value.to_owned(),
        Shape::Text | Shape::Secret => format!("{value:?}"),
    }
}

fn wrapped(text: &str) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let Some(line) = lines.last_mut() else { break };
        if line.is_empty() {
            line.push_str(word);
        } else if line.chars().count() + 1 + word.chars().count() <= WIDTH {
            line.push(' ');
            line.push_str(word);
        } else {
            lines.push(word.to_owned());
        }
    }
    lines
}
