//! The API, resource by resource: each rule once, on every store.

mod votes;

use crate::registry::Rule;

/// Every rule of the API.
pub(crate) fn rules() -> Vec<Rule> {
    [votes::rules()].into_iter().flatten().collect()
}
