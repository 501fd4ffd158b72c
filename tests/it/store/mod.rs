//! What the stores promise, checked on each of them.
//!
//! A rule is a sentence and a function that is given a store. It makes a site of its own, so rules may run at the same
//! time and on a store that others have used. The store must have been contacted.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::as_conversions,
    clippy::wildcard_enum_match_arm,
    reason = "a test stops at the first surprise"
)]

mod conformance;
mod histories;
mod model;
mod sqlite;
mod stage;

use std::sync::Arc;

use futures_util::future::LocalBoxFuture;
use sawt::store::Store;

use crate::registry::{self, Run};

/// One rule.
struct Rule {
    /// The rule, as a sentence with underscores.
    name: &'static str,
    /// Panics if the store breaks it.
    check: fn(Arc<dyn Store>) -> LocalBoxFuture<'static, ()>,
}

/// The rules every store keeps, then those of SQLite alone.
pub(crate) fn rules() -> Vec<registry::Rule> {
    let every_store = conformance::RULES.into_iter().flatten().chain(histories::RULES);
    every_store
        .map(|rule| registry::Rule { module: module_path!(), name: rule.name, run: Run::OnStore(rule.check) })
        .chain(sqlite::rules())
        .collect()
}

/// Lists the rules of a module. They are private functions, so one that is not listed is dead code, which the compiler
/// reports.
macro_rules! store_rules {
    ($($rule:ident),+ $(,)?) => {
        /// The rules of this module.
        pub(in crate::store) const RULES: &[$crate::store::Rule] = &[
            $($crate::store::Rule { name: stringify!($rule), check: |store| Box::pin($rule(store)) },)+
        ];
    };
}
use store_rules;
