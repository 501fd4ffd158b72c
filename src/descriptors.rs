//! How many files this process may open. Each connection is one.
//!
//! A process begins with a soft limit, often 1,024 because old programs can't use more, and may raise it itself up to
//! the hard limit.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Raises the limit to what the system allows, and returns it.
pub fn raise_limit() -> usize {
    let limit = getrlimit(Resource::Nofile);
    if limit.current != limit.maximum {
        // If this fails, the limit stays as it was.
        let _ = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum });
    }
    let raised = getrlimit(Resource::Nofile).current;
    raised.map_or(usize::MAX, |limit| usize::try_from(limit).unwrap_or(usize::MAX))
}
