//! Wires everything, binds, becomes ready, serves and drains.

use std::{io, net::SocketAddr};

use crate::config::Config;

/// Where a replica listens, once it does: with port 0 in the settings the system has chosen.
#[derive(Debug, Clone, Copy)]
pub struct Addresses {
    /// For readers and publishers.
    pub listen: SocketAddr,
    /// For operators.
    pub ops_listen: Option<SocketAddr>,
}

/// Serves until told to stop. `announce` is called once, on the server's own runtime, when it listens.
///
/// # Errors
/// Why it could not start.
pub fn run(config: &Config, announce: impl FnOnce(Addresses)) -> io::Result<()> {
    drop(announce);
    Err(io::Error::other(format!("nothing serves {} yet", config.listen)))
}
