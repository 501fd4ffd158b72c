//! All sites, for the operator: listed, made, deleted.

use askama::Template;

use crate::{
    newsroom::{frame::Frame, texts::SitesTexts},
    poll::SiteId,
    site::Site,
};

/// The list, and the form for another.
#[derive(Template)]
#[template(path = "sites/page.html", config = "src/newsroom/askama.toml")]
pub struct SitesPage<'a> {
    /// What stands around it.
    pub frame: Frame<'a>,
    /// In the order of their ids.
    pub sites: &'a [Site],
    /// Where the next are, as a query.
    pub more: Option<String>,
    /// The id that was typed for a new one.
    pub id: &'a str,
    /// What is wrong with it.
    pub id_fault: Option<&'a str>,
    /// The name that was typed.
    pub name: &'a str,
    /// What is wrong with that.
    pub name_fault: Option<String>,
    /// Whether one was just deleted.
    pub is_deleted: bool,
}

/// Asks whether a site is to be deleted.
#[derive(Template)]
#[template(path = "sites/delete.html", config = "src/newsroom/askama.toml")]
pub struct DeleteSitePage<'a> {
    /// What stands around it.
    pub frame: Frame<'a>,
    pub site: &'a Site,
    /// Why it was not.
    pub fault: Option<&'a str>,
}

impl SitesPage<'_> {
    fn texts(&self) -> &'static SitesTexts {
        &self.frame.texts().sites
    }
}

impl DeleteSitePage<'_> {
    fn texts(&self) -> &'static SitesTexts {
        &self.frame.texts().sites
    }
}
