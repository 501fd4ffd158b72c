//! Clients that ask other services.

use reqwest::{Client, ClientBuilder, redirect::Policy};

/// What a client is made of that asks services others have named: it follows no redirects, which could lead elsewhere,
/// and keeps no connections.
pub fn client_builder() -> ClientBuilder {
    use_ring();
    Client::builder()
        .user_agent(concat!("sawt/", env!("CARGO_PKG_VERSION")))
        .redirect(Policy::none())
        .pool_max_idle_per_host(0)
}

/// TLS is ring's. The first call says so, for the whole program.
pub fn use_ring() {
    let _ = rustls::crypto::ring::default_provider().install_default();
}
