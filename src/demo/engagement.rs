//! What else the demo's page has, besides the poll that started it: reactions and stars under the article, a question
//! of a quiz, a prediction, and what is read most. All of it is made over HTTP with the admin key, as a publisher
//! would.

use std::collections::BTreeMap;

use serde::{Deserialize, de::IgnoredAny};
use serde_json::{Value, json};

use super::{DemoError, DemoPoll, Replica};
use crate::secret::Secret;

const ENGAGEMENT: &str = include_str!("engagement.json");

/// The article that the page is about, which comes first.
pub(super) const ARTICLE: &str = "session";
/// The demo's site.
pub(super) const SITE: &str = "default";

/// What there is to be made.
#[derive(Deserialize)]
struct Wanted {
    templates: BTreeMap<String, Value>,
    polls: BTreeMap<String, Value>,
    articles: Vec<DemoArticle>,
}

#[derive(Debug, Deserialize)]
pub(super) struct DemoArticle {
    pub(super) id: String,
    title: String,
    section: String,
}

/// What was made.
pub(super) struct Engagement {
    pub(super) quiz: DemoPoll,
    pub(super) prediction: DemoPoll,
    /// What the article's polls may be answered, by their template.
    pub(super) templates: BTreeMap<String, Vec<String>>,
    pub(super) articles: Vec<DemoArticle>,
}

impl Engagement {
    /// Makes all of it, of a service that readers reach at this address.
    pub(super) async fn make(replica: &Replica, admin_key: &Secret, address: &str) -> Result<Self, DemoError> {
        let wanted: Wanted = serde_json::from_str(ENGAGEMENT).map_err(std::io::Error::from)?;
        let authorization = format!("Bearer {}", admin_key.expose());
        let put = async |path: String, body: &Value| {
            replica.ask::<IgnoredAny>("PUT", &path, Some(&authorization), Some(&body.to_string())).await
        };
        let mut polls = BTreeMap::new();
        for (name, poll) in wanted.polls {
            let body = poll.to_string();
            let made: DemoPoll = replica.ask("POST", "/v1/polls", Some(&authorization), Some(&body)).await?;
            polls.insert(name, made);
        }
        let mut templates = BTreeMap::new();
        for (name, template) in &wanted.templates {
            put(format!("/v1/sites/{SITE}/templates/{name}"), template).await?;
            let options = template.pointer("/poll/options").and_then(Value::as_array).map_or_else(stars, |options| {
                options.iter().filter_map(|option| option.get("id")?.as_str().map(str::to_owned)).collect()
            });
            templates.insert(name.clone(), options);
        }
        for article in &wanted.articles {
            let url = address_of(&article.id, address);
            let body = json!({
                "title": article.title,
                "section": article.section,
                "url": url,
                "published_at": "2026-11-23T18:00:00Z",
            });
            put(format!("/v1/sites/{SITE}/articles/{}", article.id), &body).await?;
        }
        let mut taken = |name| polls.remove(name).ok_or_else(|| std::io::Error::other("the demo lacks a poll"));
        let (quiz, prediction) = (taken("quiz")?, taken("prediction")?);
        Ok(Self { quiz, prediction, templates, articles: wanted.articles })
    }
}

/// Where an article of the demo is read: all of them on its one page.
pub(super) fn address_of(article: &str, address: &str) -> String {
    if article == ARTICLE { format!("{address}/demo") } else { format!("{address}/demo?article={article}") }
}

/// The best first, as of options.
fn stars() -> Vec<String> {
    ["5", "4", "3", "2", "1"].map(str::to_owned).into()
}
