//! An editor who has signed in, with forms and streams as a trial wants them.

use super::Browser;
use crate::{
    client::{Answer, Client, Request, remember_secret},
    service::Service,
};

/// Somebody with a session.
pub(crate) struct SignedIn {
    client: Client,
    cookie: String,
    /// What the forms of their pages send along.
    pub(crate) token: String,
}

impl SignedIn {
    /// Signs in with a key.
    pub(crate) async fn with_key(client: Client, key: &str) -> Self {
        let browser = Browser::signed_in(client.clone(), key).await;
        let (cookie, token) = (browser.session().expect("it is signed in"), browser.form_token().await);
        remember_secret(&token);
        Self { client, cookie, token }
    }

    /// An editor of a site with a key of these scopes.
    pub(crate) async fn at(service: &Service, site: &str, scopes: &[&str]) -> Self {
        let (_, key) = service.key(site, scopes).await;
        Self::with_key(service.client(), &key).await
    }

    /// The same, by way of another replica.
    pub(crate) fn through(&self, client: Client) -> Self {
        Self { client, cookie: self.cookie.clone(), token: self.token.clone() }
    }

    /// A request for a page.
    pub(crate) fn get(&self, path: &str) -> Request {
        self.client.get(path).undocumented().header("cookie", &self.cookie)
    }

    /// A page.
    pub(crate) async fn page(&self, path: &str) -> String {
        self.get(path).send().await.page(200)
    }

    /// A form as a page of theirs sends it, with its token.
    pub(crate) async fn send(&self, path: &str, fields: &str) -> Answer {
        self.send_with(path, &format!("form_token={}&{fields}", self.token), "same-origin").await
    }

    /// A form with these fields and no others, from a page of this origin or another.
    pub(crate) async fn send_with(&self, path: &str, fields: &str, from: &str) -> Answer {
        let request = self.client.post(path).undocumented().header("cookie", &self.cookie);
        request.header("sec-fetch-site", from).body("application/x-www-form-urlencoded", fields).send().await
    }
}
