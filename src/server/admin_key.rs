//! The key over all sites: set, kept, or made now.

use std::io::{self, Write as _};

use crate::{
    config::Config,
    secret::{KeyHash, Secret},
    store::{StoreError, Stores},
};

/// The embedded store's name for the admin key's hash.
const ADMIN_KEY_HASH: &str = "admin_key_hash";

/// The admin key's hash, and the key itself if it was made now: it must be [kept](keep_admin_key).
pub(super) fn admin_key(config: &Config, stores: &Stores) -> Result<(KeyHash, Option<Secret>), StoreError> {
    if let Some(key) = &config.admin_key {
        return Ok((KeyHash::of(key.expose()), None));
    }
    if let Some(hash) = stores.secret(ADMIN_KEY_HASH)? {
        let hash = KeyHash::from_hex(hash.expose());
        return Ok((hash.ok_or_else(|| StoreError::Corrupt("the admin key's hash".to_owned()))?, None));
    }
    let made = Secret::generate();
    Ok((KeyHash::of(made.expose()), Some(made)))
}

/// Keeps the hash of a new admin key, and prints the key, this once. This happens only when the replica listens: a
/// start that fails earlier has printed no key, and the next start makes one.
pub(super) fn keep_admin_key(stores: &Stores, key: &Secret) -> Result<(), StoreError> {
    let (_, is_kept) = stores.kept_secret(ADMIN_KEY_HASH, || Secret::new(KeyHash::of(key.expose()).to_hex()))?;
    if !is_kept {
        return Err(StoreError::Unfit(
            "another process has made this file's admin key meanwhile; start again".to_owned(),
        ));
    }
    // Not in the log, which is kept and sent on. If nobody reads it, SAWT_ADMIN_KEY sets another key.
    let _ = writeln!(io::stdout(), "The admin key, shown this once: {}", key.expose());
    Ok(())
}
