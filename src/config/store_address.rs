//! `SAWT_STORE` as text: checked for its shape, shown without its password.

use std::{fmt, str::FromStr};

const RULE: &str = "must be sqlite:PATH, redis://HOST[:PORT][/DB], rediss://…, redis-cluster://HOST:PORT,HOST:PORT,… \
                    or redis-sentinel://HOST:PORT,HOST:PORT,…/NAME";

const REDIS_SCHEMES: [&str; 6] =
    ["redis", "rediss", "redis-cluster", "rediss-cluster", "redis-sentinel", "rediss-sentinel"];

/// Which store, and where.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct StoreAddress(String);

impl StoreAddress {
    /// Whether the store is a file that only this replica uses.
    pub fn is_embedded(&self) -> bool {
        self.0.starts_with("sqlite:")
    }

    /// The whole address, password included.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl FromStr for StoreAddress {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let is_valid = match text.split_once(':') {
            Some(("sqlite", path)) => !path.is_empty() && path != ":memory:",
            Some((scheme, rest)) => {
                REDIS_SCHEMES.contains(&scheme) && rest.strip_prefix("//").is_some_and(|rest| !rest.is_empty())
            }
            None => false,
        };
        if is_valid { Ok(Self(text.to_owned())) } else { Err(RULE.to_owned()) }
    }
}

impl fmt::Display for StoreAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts = self.0.split_once("://").and_then(|(scheme, rest)| Some((scheme, rest.rsplit_once('@')?)));
        let Some((scheme, (user_info, hosts))) = parts else { return f.write_str(&self.0) };
        match user_info.split_once(':') {
            Some((user, _)) => write!(f, "{scheme}://{user}:***@{hosts}"),
            None => write!(f, "{scheme}://***@{hosts}"),
        }
    }
}

impl fmt::Debug for StoreAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "StoreAddress({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_shown_without_its_password() {
        for (address, shown) in [
            ("sqlite:/var/lib/sawt/a@b:c.db", "sqlite:/var/lib/sawt/a@b:c.db"),
            ("redis://cache:6379/2", "redis://cache:6379/2"),
            ("redis://:canary@cache", "redis://:***@cache"),
            ("rediss://sawt:can:a@ry@cache:6379", "rediss://sawt:***@cache:6379"),
            ("redis-cluster://canary@a:1,b:2", "redis-cluster://***@a:1,b:2"),
        ] {
            let parsed: StoreAddress = address.parse().unwrap();
            assert_eq!(parsed.to_string(), shown);
            assert_eq!(parsed.expose(), address);
            assert!(!format!("{parsed:?}").contains("canary"));
        }
        for bad in ["", "sawt.db", "sqlite:", "sqlite::memory:", "redis:cache", "redis://", "postgres://db"] {
            assert!(bad.parse::<StoreAddress>().is_err(), "{bad}");
        }
    }
}
