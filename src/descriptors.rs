//! How many files the system lets this process have open. Each connection is one.
//!
//! A process begins with a soft limit, often 1,024 for the sake of programs that know no more, and may raise it itself
//! up to the hard one.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Raises the limit to what the system allows, and says what it is then.
pub fn raise_limit() -> usize {
    let limit = getrlimit(Resource::Nofile);
    if limit.current != limit.maximum {
        // If that is refused, the limit is what it was.
        let _ = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum });
    }
    let raised = getrlimit(Resource::Nofile).current;
    raised.map_or(usize::MAX, |limit| usize::try_from(limit).unwrap_or(usize::MAX))
}
