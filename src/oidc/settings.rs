//! Which identity provider, and what its groups may do here.

use std::{fmt, str::FromStr};

use serde_json::Value;
use url::{Host, Url};

use crate::{
    secret::Secret,
    site::{Grant, Role},
};

/// What is set about the provider.
#[derive(Debug, Clone)]
pub struct OidcSettings {
    /// Which it is.
    pub issuer: Issuer,
    /// What this service is called there.
    pub client_id: String,
    /// What this service shows there; `None` if it is a public client.
    pub client_secret: Option<Secret>,
    /// What is asked for: words, with a space between.
    pub scopes: String,
    /// The claim that names a person's groups; dots lead into objects.
    pub groups_claim: String,
    /// What the groups may do.
    pub roles: GroupRoles,
    /// What the provider is called where editors sign in.
    pub name: Option<String>,
    /// Where people come back to.
    pub redirect_uri: String,
}

impl OidcSettings {
    /// The groups that claims name; `None` if they say nothing of groups.
    pub(super) fn groups_in(&self, claims: &Value) -> Option<Vec<String>> {
        let by_dots = || self.groups_claim.split('.').try_fold(claims, |within, name| within.get(name));
        let said = claims.get(&self.groups_claim).or_else(by_dots)?;
        match said {
            Value::String(group) => Some(vec![group.clone()]),
            Value::Array(groups) => Some(groups.iter().filter_map(Value::as_str).map(str::to_owned).collect()),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => None,
        }
    }
}

/// An issuer's name, which is an address: `https`, or `http` on this machine, without query and fragment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Issuer(String);

impl Issuer {
    /// The name as it was set, which tokens must repeat to the letter.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Where it tells of itself (Discovery, section 4).
    pub(super) fn discovery(&self) -> Url {
        let address = format!("{}/.well-known/openid-configuration", self.0.trim_end_matches('/'));
        #[expect(clippy::expect_used, reason = "the name was read as an address, and a path is added to it")]
        address.parse().expect("an address")
    }
}

impl FromStr for Issuer {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const RULE: &str =
            "the https address by which the provider calls itself, such as https://id.example/realms/news";
        let url: Url = text.parse().map_err(|_| RULE)?;
        let is_bare = url.query().is_none() && url.fragment().is_none();
        let is_open = url.username().is_empty() && url.password().is_none();
        if is_safe(&url) && is_bare && is_open { Ok(Self(text.to_owned())) } else { Err(RULE) }
    }
}

impl fmt::Display for Issuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Whether what is sent to an address is read by nobody on the way.
pub(super) fn is_safe(url: &Url) -> bool {
    let is_here = match url.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    };
    url.scheme() == "https" || (url.scheme() == "http" && is_here)
}

/// What groups may do, and where: `editors=editor@news, desk=viewer@*`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GroupRoles(Vec<(String, Grant)>);

impl GroupRoles {
    /// Whether nobody may do anything.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What comes with these groups.
    pub fn grants(&self, groups: &[String]) -> Vec<Grant> {
        let given = self.0.iter().filter(|(group, _)| groups.contains(group));
        given.map(|(_, grant)| grant.clone()).collect()
    }

    /// Each group with what it may do.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Grant)> {
        self.0.iter().map(|(group, grant)| (group.as_str(), grant))
    }
}

impl FromStr for GroupRoles {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let read = |said: &str| {
            let (group, grant) = said.rsplit_once('=')?;
            let (role, site) = grant.trim().split_once('@')?;
            let role = Role::ALL.into_iter().find(|known| known.as_str() == role.trim())?;
            let site = match site.trim() {
                "*" => None,
                site => Some(site.parse().ok()?),
            };
            let group = group.trim();
            (!group.is_empty()).then(|| (group.to_owned(), Grant { role, site }))
        };
        let mut roles = Vec::new();
        for said in text.split(',').map(str::trim).filter(|said| !said.is_empty()) {
            let rule = "must be GROUP=ROLE@SITE, with a comma between several, ROLE one of viewer, editor, publisher and \
                        admin, and * for all sites, such as editors=editor@news, desk=viewer@*";
            roles.push(read(said).ok_or_else(|| format!("{rule}; {said:?} is not"))?);
        }
        Ok(Self(roles))
    }
}

impl fmt::Display for GroupRoles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (nth, (group, Grant { role, site })) in self.0.iter().enumerate() {
            let before = if nth == 0 { "" } else { ", " };
            let site = site.as_ref().map_or("*", |site| site.as_str());
            write!(f, "{before}{group}={}@{site}", role.as_str())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_issuer_is_reached_by_tls_or_on_this_machine() {
        let issuer: Issuer = "https://id.example/realms/news/".parse().unwrap();
        assert_eq!(issuer.discovery().as_str(), "https://id.example/realms/news/.well-known/openid-configuration");
        assert!("http://127.0.0.1:9000".parse::<Issuer>().is_ok() && "http://localhost".parse::<Issuer>().is_ok());
        for bad in
            ["", "id.example", "http://id.example", "https://id.example?x", "https://me:x@id.example", "ftp://[::1]"]
        {
            assert!(bad.parse::<Issuer>().is_err(), "{bad}");
        }
    }

    #[test]
    fn groups_are_given_roles_at_sites_and_what_is_none_is_named() {
        let text = "editors=editor@news, /desk=x=viewer@*,ops=admin@*";
        let roles: GroupRoles = text.parse().unwrap();
        assert_eq!(roles.to_string(), "editors=editor@news, /desk=x=viewer@*, ops=admin@*");
        let held = ["/desk=x".to_owned(), "editors".to_owned()];
        let grants = roles.grants(&held);
        assert_eq!(grants.iter().map(|grant| grant.role).collect::<Vec<_>>(), [Role::Editor, Role::Viewer]);
        assert!(roles.grants(&["Editors".to_owned()]).is_empty());
        assert!("".parse::<GroupRoles>().unwrap().is_empty());
        for bad in ["editors", "editors=editor", "=editor@news", "a=boss@news", "a=editor@Not A Site", "a=editor@"] {
            assert!(bad.parse::<GroupRoles>().unwrap_err().contains(bad), "{bad}");
        }
    }
}
