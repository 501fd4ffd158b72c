//! Sites: which publishers there are, and the origins that may embed their polls.

use std::collections::BTreeMap;

use actix_web::{
    HttpRequest, HttpResponse,
    http::{StatusCode, header},
    web,
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};

use super::polls::DisclosureBody;
use crate::{
    article::AddressRules,
    embed::language::Language,
    http::{
        Worker, auth,
        message::{
            body, caching, conditional,
            paging::{CURSOR_RULE, DEFAULT_LIMIT, MAX_LIMIT, link_to_next, parse_limit},
            path::id_in_path,
            problem::{Code, FieldError, Problem},
            query::Query,
            refusals::no_site,
        },
    },
    poll::{
        Disclosure, IncidentPolicy, InvalidId, PollDefaults, ResultsPolicy, SiteId, Text, TimeZone, Timestamp,
        Violation, WebAddress, WorkPolicy,
    },
    site::{
        BUTTON, Colour, Density, ListedOrigin, MAX_ORIGINS, NAME, Publisher, Scope, Site, SiteLook, SiteSettings,
        SiteWords, THANKS,
    },
};

/// `PUT /v1/sites/{site}`: replaces the site's settings; with the admin key makes it too.
pub(in crate::http) async fn put(
    req: HttpRequest,
    payload: web::Payload,
    worker: web::Data<Worker>,
) -> Result<HttpResponse, Problem> {
    let publisher = auth::publisher_with(&req, &worker, Scope::SitesWrite).await?;
    let version = conditional::site_version_named(req.headers())?;
    let id: SiteId = match req.match_info().get("site").unwrap_or_default().parse() {
        Ok(id) => id,
        Err(rule) => return Err(Problem::of_field(Code::InvalidRequest, "site", rule.to_string())),
    };
    let bytes = body::read(&req, payload, body::PUBLISHER_LIMIT).await?;
    let settings = body::parse::<SiteBody>(&bytes)?.into_settings()?;
    let (site, is_new) = worker.publishing.put_site(&publisher, &id, settings, version).await?;
    Ok(send(if is_new { StatusCode::CREATED } else { StatusCode::OK }, &site))
}

/// `GET /v1/sites/{site}`, for the admin key and the site's own.
pub(in crate::http) async fn read(req: HttpRequest, worker: web::Data<Worker>) -> Result<HttpResponse, Problem> {
    let publisher = auth::publisher(&req, &worker).await?;
    let id: SiteId = id_in_path(&req, "site", no_site)?;
    let site = worker.publishing.site(&publisher, &id).await?;
    Ok(send(StatusCode::OK, &site))
}

fn send(status: StatusCode, site: &Site) -> HttpResponse {
    let mut response = HttpResponse::build(status);
    response.insert_header((header::CACHE_CONTROL, caching::PRIVATE));
    response.insert_header((header::ETAG, conditional::site_etag(site.updated_at))).json(SiteJson::of(site))
}

/// `GET /v1/sites?cursor=&limit=`, for the admin key alone: in the order of their ids, page by page. A page ends at a
/// site, so sites made or deleted meanwhile neither shift nor repeat the rest.
pub(in crate::http) async fn list(req: HttpRequest, worker: web::Data<Worker>) -> Result<HttpResponse, Problem> {
    require_admin(&req, &worker, "list").await?;
    let mut query = Query::strict(req.query_string(), &["cursor", "limit"])?;
    let after = query.take_parsed("cursor", parse_cursor)?;
    let limit = query.take_parsed("limit", |text| parse_limit(text, MAX_LIMIT))?.unwrap_or(DEFAULT_LIMIT);
    // One more than the page holds shows whether there is another page.
    let mut sites = worker.publishing.sites(after.as_ref(), limit + 1).await?;
    let is_last = sites.len() <= limit;
    sites.truncate(limit);
    let next_cursor = sites.last().filter(|_| !is_last).map(|site| URL_SAFE_NO_PAD.encode(site.id.as_str()));
    let mut response = HttpResponse::Ok();
    response.insert_header((header::CACHE_CONTROL, caching::PRIVATE));
    if let Some(cursor) = &next_cursor {
        response
            .insert_header((header::LINK, link_to_next(worker.shared.base_path(), "/v1/sites", &[], limit, cursor)));
    }
    Ok(response.json(Sites { items: sites.iter().map(SiteJson::of).collect(), next_cursor }))
}

/// `DELETE /v1/sites/{site}`, for the admin key alone: deletes an empty site.
pub(in crate::http) async fn delete(req: HttpRequest, worker: web::Data<Worker>) -> Result<HttpResponse, Problem> {
    require_admin(&req, &worker, "delete").await?;
    let id: SiteId = id_in_path(&req, "site", no_site)?;
    worker.publishing.delete_site(&id).await?;
    Ok(HttpResponse::NoContent().insert_header((header::CACHE_CONTROL, caching::PRIVATE)).finish())
}

/// Checks that the admin key is shown.
async fn require_admin(req: &HttpRequest, worker: &Worker, what: &str) -> Result<Publisher, Problem> {
    match auth::publisher(req, worker).await? {
        publisher if publisher.is_operator() => Ok(publisher),
        _ => Err(Problem::new(Code::ScopeMissing, format!("only the admin key may {what} sites"))),
    }
}

/// The id of the last site of the page before.
fn parse_cursor(text: &str) -> Result<SiteId, String> {
    let id = URL_SAFE_NO_PAD.decode(text).ok().and_then(|id| String::from_utf8(id).ok()?.parse().ok());
    id.ok_or_else(|| CURSOR_RULE.to_owned())
}

#[derive(Serialize)]
struct Sites<'a> {
    items: Vec<SiteJson<'a>>,
    next_cursor: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SiteBody {
    #[serde(default)]
    origins: Vec<String>,
    timezone: Option<String>,
    name: Option<String>,
    url: Option<String>,
    look: Option<LookBody>,
    addresses: Option<AddressesBody>,
    disclosure: Option<DisclosureBody>,
    incidents: Option<body::Word<IncidentPolicy>>,
    proof_of_work: Option<body::Word<WorkPolicy>>,
    poll_defaults: Option<PollDefaultsBody>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct PollDefaultsBody {
    results: Option<body::Word<ResultsPolicy>>,
    language: Option<String>,
}

impl PollDefaultsBody {
    fn into_defaults(self) -> Result<PollDefaults, Problem> {
        let results = self.results.map(|body::Word(policy)| policy);
        let language = self.language.map(|tag| tag.parse()).transpose().map_err(|rule: InvalidId| {
            Problem::of_field(Code::InvalidRequest, "poll_defaults.language", rule.to_string())
        })?;
        Ok(PollDefaults { results, language })
    }
}

impl SiteBody {
    fn into_settings(self) -> Result<SiteSettings, Problem> {
        let origins = parse_origins(&self.origins)?;
        let timezone = self.timezone.map_or(Ok(TimeZone::UTC), |name| name.parse());
        let timezone = timezone.map_err(|rule| Problem::of_field(Code::InvalidRequest, "timezone", rule))?;
        let name = self.name.map(|name| Text::parse(&name, NAME)).transpose();
        let name = name.map_err(|rule| Problem::of_field(Code::InvalidRequest, "name", rule))?;
        let url = self.url.map(|url| url.parse()).transpose();
        let url = url.map_err(|rule: String| Problem::of_field(Code::InvalidRequest, "url", rule))?;
        let look = self.look.map_or(Ok(SiteLook::default()), LookBody::into_look)?;
        let addresses = self.addresses.unwrap_or_default().into_rules()?;
        let disclosure = self.disclosure.map(|it| it.into_new_disclosure().checked()).transpose().map_err(|wrong| {
            let errors: Vec<FieldError> =
                wrong.into_iter().map(|Violation { field, detail, .. }| FieldError { field, detail }).collect();
            let told = errors.first().map_or_else(String::new, |first| format!("{} {}", first.field, first.detail));
            Problem::new(Code::InvalidRequest, told).with_errors(errors)
        })?;
        let disclosure = disclosure.filter(|disclosure| !disclosure.is_empty());
        let incidents = self.incidents.map_or_else(IncidentPolicy::default, |body::Word(policy)| policy);
        let proof_of_work = self.proof_of_work.map_or_else(WorkPolicy::default, |body::Word(policy)| policy);
        let poll_defaults = self.poll_defaults.unwrap_or_default().into_defaults()?;
        Ok(SiteSettings {
            origins,
            timezone,
            name,
            url,
            look,
            addresses,
            disclosure,
            incidents,
            proof_of_work,
            poll_defaults,
        })
    }
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct AddressesBody {
    hosts: BTreeMap<String, String>,
    path_prefixes: Vec<String>,
    path_suffixes: Vec<String>,
    parameters: Vec<String>,
}

impl AddressesBody {
    fn into_rules(self) -> Result<AddressRules, Problem> {
        let Self { hosts, path_prefixes, path_suffixes, parameters } = self;
        let rules = AddressRules { hosts, path_prefixes, path_suffixes, parameters }.checked();
        rules.map_err(|(field, rule)| Problem::of_field(Code::InvalidRequest, format!("addresses.{field}"), rule))
    }
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct LookBody {
    accent: Option<String>,
    accent_dark: Option<String>,
    density: Option<String>,
    #[serde(default)]
    words: BTreeMap<String, WordsBody>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WordsBody {
    vote: Option<String>,
    see_results: Option<String>,
    counted: Option<String>,
    most_read: Option<String>,
}

impl LookBody {
    fn into_look(self) -> Result<SiteLook, Problem> {
        let wrong =
            |member: &str, rule: String| Problem::of_field(Code::InvalidRequest, format!("look.{member}"), rule);
        let colour = |member: &str, text: Option<String>| {
            let colour = text.map(|text| text.parse::<Colour>()).transpose();
            colour.map_err(|rule| wrong(member, rule.to_owned()))
        };
        let (accent, accent_dark) = (colour("accent", self.accent)?, colour("accent_dark", self.accent_dark)?);
        if accent_dark.is_some() && accent.is_none() {
            return Err(wrong("accent", "must be there where accent_dark is".to_owned()));
        }
        let density = self.density.map_or(Some(Density::default()), |name| {
            Density::NAMES.into_iter().find_map(|(is, density)| (is == name).then_some(density))
        });
        let density = density.ok_or_else(|| wrong("density", "must be comfortable or compact".to_owned()))?;
        let mut words = BTreeMap::new();
        for (tag, said) in self.words {
            let known = Language::all().find(|language| language.tag() == tag);
            let Some(language) = known else {
                let tags: Vec<&str> = Language::all().map(Language::tag).collect();
                return Err(wrong("words", format!("must be by language, of {}", tags.join(", "))));
            };
            let text = |member: &str, text: Option<String>, limit| {
                let text = text.map(|text| Text::parse(&text, limit)).transpose();
                text.map_err(|rule| wrong(&format!("words.{}.{member}", language.tag()), rule))
            };
            let said = SiteWords {
                vote: text("vote", said.vote, BUTTON)?,
                see_results: text("see_results", said.see_results, BUTTON)?,
                counted: text("counted", said.counted, THANKS)?,
                most_read: text("most_read", said.most_read, BUTTON)?,
            };
            words.insert(tag, said);
        }
        let look = SiteLook { accent, accent_dark, density, words };
        look.unreadable().map_or(Ok(look.clone()), |poor| Err(wrong(poor.member, poor.to_string())))
    }
}

/// Names every origin that is wrong.
fn parse_origins(sent: &[String]) -> Result<Vec<ListedOrigin>, Problem> {
    if sent.len() > MAX_ORIGINS {
        let rule = format!("must be at most {MAX_ORIGINS}, is {}", sent.len());
        return Err(Problem::of_field(Code::InvalidRequest, "origins", rule));
    }
    let mut origins: Vec<ListedOrigin> = Vec::with_capacity(sent.len());
    let mut errors = Vec::new();
    for (nth, text) in sent.iter().enumerate() {
        match text.parse() {
            Ok(origin) if origins.contains(&origin) => {}
            Ok(origin) => origins.push(origin),
            Err(rule) => errors.push(FieldError { field: format!("origins[{nth}]"), detail: rule.to_owned() }),
        }
    }
    match errors.first() {
        None => Ok(origins),
        Some(FieldError { field, detail }) => {
            Err(Problem::new(Code::InvalidRequest, format!("{field} {detail}")).with_errors(errors))
        }
    }
}

#[derive(Serialize)]
struct SiteJson<'a> {
    id: &'a SiteId,
    name: Option<&'a Text>,
    url: Option<&'a WebAddress>,
    origins: &'a [ListedOrigin],
    timezone: &'a TimeZone,
    look: &'a SiteLook,
    addresses: &'a AddressRules,
    #[serde(skip_serializing_if = "Option::is_none")]
    disclosure: Option<&'a Disclosure>,
    incidents: IncidentPolicy,
    proof_of_work: WorkPolicy,
    #[serde(skip_serializing_if = "PollDefaults::is_empty")]
    poll_defaults: &'a PollDefaults,
    created_at: Timestamp,
    updated_at: Timestamp,
}

impl<'a> SiteJson<'a> {
    fn of(site: &'a Site) -> Self {
        let Site { id, settings, created_at, updated_at } = site;
        let SiteSettings {
            origins,
            timezone,
            name,
            url,
            look,
            addresses,
            disclosure,
            incidents,
            proof_of_work,
            poll_defaults,
        } = settings;
        Self {
            id,
            name: name.as_ref(),
            url: url.as_ref(),
            origins,
            timezone,
            look,
            addresses,
            disclosure: disclosure.as_ref(),
            incidents: *incidents,
            proof_of_work: *proof_of_work,
            poll_defaults,
            created_at: *created_at,
            updated_at: *updated_at,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_are_checked_each_and_kept_once() {
        let text = |origins: &[&str]| origins.iter().map(|origin| (*origin).to_owned()).collect::<Vec<_>>();
        assert_eq!(parse_origins(&text(&["https://a.example", "https://a.example"])).unwrap().len(), 1);
        assert!(parse_origins(&text(&["https://a.example"; 101])).is_err());
        let problem = parse_origins(&text(&["*", "https://a.example", "https://a.example/"])).unwrap_err();
        let body = format!("{problem:?}");
        assert!(body.contains("origins[0]") && body.contains("origins[2]") && !body.contains("origins[1]"), "{body}");
    }
}
