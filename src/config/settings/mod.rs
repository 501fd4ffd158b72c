//! The table of settings, in parts, and what a row says.

mod clients;
mod process;
mod records;
mod service;
mod sign_in;
mod trust;

pub(super) use process::MAX_WORKERS;

use super::Config;

/// The table's parts, in the order in which settings are listed everywhere.
const PARTS: [&[Setting]; 6] =
    [service::SETTINGS, sign_in::SETTINGS, clients::SETTINGS, records::SETTINGS, trust::SETTINGS, process::SETTINGS];

/// The shortest secret that others are derived from.
const MIN_SECRET_BYTES: usize = 32;

/// Every setting, in the order in which they are listed everywhere.
pub fn settings() -> impl Iterator<Item = &'static Setting> {
    PARTS.into_iter().flatten()
}

/// One setting.
pub struct Setting {
    /// Its key in `sawt.toml`. The flag and the variable follow from it: `ops_listen`, `--ops-listen`,
    /// `SAWT_OPS_LISTEN`.
    pub name: &'static str,
    /// How it is written.
    pub shape: Shape,
    /// What a value looks like, for `--help`.
    pub form: &'static str,
    /// Its value if it is not set.
    pub default: Default,
    /// What it is for, in sentences.
    pub about: &'static str,
    /// Checks a value and keeps it; the error is the rule, in words that follow the setting's name.
    pub set: fn(&mut Config, &str) -> Result<(), String>,
    /// The value in force, as it may be shown; `None` if there is none.
    pub show: fn(&Config) -> Option<String>,
}

/// How a setting is written in `sawt.toml` and on the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    Text,
    Number,
    /// `true` or `false`; the bare flag means `true`.
    Switch,
    /// A text that is never shown, is also read from a file, and has no flag of its own.
    Secret,
}

/// The value of a setting that is not set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Default {
    /// This value.
    Is(&'static str),
    /// None; what that means is said beside it.
    Unset {
        /// What it means.
        means: &'static str,
        /// What a value could be.
        example: &'static str,
    },
}

impl Setting {
    /// The variable that sets it: `SAWT_OPS_LISTEN`.
    pub fn variable(&self) -> String {
        variable(self.name)
    }

    /// The flag that sets it, without dashes: `ops-listen`, or for a secret `secret-file`.
    pub fn flag(&self) -> String {
        flag(&self.keys().pop().unwrap_or_default())
    }

    /// The keys it is read by: its name, and for a secret also the file's.
    pub fn keys(&self) -> Vec<String> {
        let mut keys = vec![self.name.to_owned()];
        if self.shape == Shape::Secret {
            keys.push(format!("{}_file", self.name));
        }
        keys
    }
}

/// The environment variable of a key.
pub(super) fn variable(key: &str) -> String {
    format!("SAWT_{}", key.to_ascii_uppercase())
}

/// The flag of a key, without its dashes.
pub(super) fn flag(key: &str) -> String {
    key.replace('_', "-")
}
