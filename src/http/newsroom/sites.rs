//! All sites, for the operator.

use actix_web::{HttpRequest, HttpResponse, http::StatusCode, web};
use url::form_urlencoded::byte_serialize;

use super::{
    desk::{Desk, SiteDesk},
    page, posted, see,
};
use crate::{
    http::{
        Worker,
        message::{problem::Problem, query::Query},
    },
    newsroom::{
        faults,
        frame::{Frame, Section},
        sites::{DeleteSitePage, SitesPage},
        texts::texts_of,
    },
    poll::SiteId,
    publishing::PublishError,
    site::{NAME, SiteSettings},
};

/// How many sites a page lists.
const PAGE: usize = 100;

/// What was typed for a new site, and is not right yet.
#[derive(Default)]
struct TypedNewSite<'a> {
    id: &'a str,
    id_fault: Option<&'a str>,
    name: &'a str,
    name_fault: Option<String>,
}

/// `GET /newsroom/sites?after=`.
pub(super) async fn list(req: HttpRequest, worker: web::Data<Worker>) -> Result<HttpResponse, Problem> {
    let desk = Desk::of(&req, &worker).await?;
    desk.require_operator()?;
    let mut query = Query::lenient(req.query_string())?;
    let after = query.take("after")?.and_then(|id| id.parse().ok());
    let is_deleted = query.take("said")?.is_some_and(|said| said == "deleted");
    show(&worker, &desk, StatusCode::OK, after.as_ref(), TypedNewSite::default(), is_deleted).await
}

/// `POST /newsroom/sites`.
pub(super) async fn make(
    req: HttpRequest,
    payload: web::Payload,
    worker: web::Data<Worker>,
) -> Result<HttpResponse, Problem> {
    posted::take_of_operator(&req, payload, &worker, async |desk, form| {
        let texts = &texts_of(desk.language).sites;
        let (typed_id, typed_name) = (form.text("id").unwrap_or_default(), form.text("name"));
        if form.shows_again() {
            let typed = TypedNewSite { id: typed_id, name: typed_name.unwrap_or_default(), ..TypedNewSite::default() };
            return show(&worker, &desk, StatusCode::OK, None, typed, false).await;
        }
        let id = typed_id.parse::<SiteId>().ok();
        let publisher = id.as_ref().and_then(|id| desk.editor.publisher_at(id));
        let is_taken = match (&publisher, &id) {
            (Some(publisher), Some(id)) => match worker.publishing.site(publisher, id).await {
                Ok(_) => true,
                Err(PublishError::NoSite) => false,
                Err(error) => return Err(error.into()),
            },
            _ => false,
        };
        let id_fault = match &id {
            None => Some(texts.id_fault.as_str()),
            Some(_) if is_taken => Some(texts.id_taken.as_str()),
            Some(_) => None,
        };
        match (id.zip(publisher), faults::text(typed_name, NAME, desk.language)) {
            (Some((id, publisher)), Ok(name)) if !is_taken => {
                let settings = SiteSettings { name, ..SiteSettings::default() };
                worker.publishing.put_site(&publisher, &id, settings, None).await?;
                Ok(see(&format!("/newsroom/sites/{id}/settings")))
            }
            (_, name) => {
                let name_fault = name.err();
                let typed = TypedNewSite { id: typed_id, id_fault, name: typed_name.unwrap_or_default(), name_fault };
                show(&worker, &desk, StatusCode::UNPROCESSABLE_ENTITY, None, typed, false).await
            }
        }
    })
    .await
}

/// `GET /newsroom/sites/{site}/delete`: asks.
pub(super) async fn ask(req: HttpRequest, worker: web::Data<Worker>) -> Result<HttpResponse, Problem> {
    let desk = SiteDesk::of(&req, &worker).await?;
    desk.desk.require_operator()?;
    show_deletion(&desk, StatusCode::OK, None)
}

/// `POST /newsroom/sites/{site}/delete`, with the site's id typed.
pub(super) async fn delete(
    req: HttpRequest,
    payload: web::Payload,
    worker: web::Data<Worker>,
) -> Result<HttpResponse, Problem> {
    posted::take_of_operator(&req, payload, &worker, async |_, form| {
        let desk = SiteDesk::of(&req, &worker).await?;
        let texts = &texts_of(desk.desk.language).sites;
        if form.text("id") != Some(desk.site.id.as_str()) {
            return show_deletion(&desk, StatusCode::UNPROCESSABLE_ENTITY, Some(&texts.delete_fault));
        }
        let fault = match worker.publishing.delete_site(&desk.site.id).await {
            Ok(()) => return Ok(see("/newsroom/sites?said=deleted")),
            Err(PublishError::SiteHasPolls(_)) => &texts.has_polls,
            Err(PublishError::SiteHasTemplates(_)) => &texts.has_templates,
            Err(PublishError::SiteHasPlaces(_)) => &texts.has_places,
            Err(PublishError::SiteHasWebhooks(_)) => &texts.has_webhooks,
            Err(PublishError::SiteHasKeys(_)) => &texts.has_keys,
            Err(PublishError::SiteIsDefault) => &texts.is_default,
            Err(error) => return Err(error.into()),
        };
        show_deletion(&desk, StatusCode::CONFLICT, Some(fault))
    })
    .await
}

fn show_deletion(desk: &SiteDesk, status: StatusCode, fault: Option<&str>) -> Result<HttpResponse, Problem> {
    page::send(status, &DeleteSitePage { frame: desk.frame(Section::Sites), site: &desk.site, fault })
}

async fn show(
    worker: &Worker,
    desk: &Desk,
    status: StatusCode,
    after: Option<&SiteId>,
    TypedNewSite { id, id_fault, name, name_fault }: TypedNewSite<'_>,
    is_deleted: bool,
) -> Result<HttpResponse, Problem> {
    // One more than the page holds shows whether there is another page.
    let mut sites = worker.publishing.sites(after, PAGE + 1).await?;
    let is_last = sites.len() <= PAGE;
    sites.truncate(PAGE);
    let last = sites.last().filter(|_| !is_last);
    let more = last.map(|site| format!("after={}", byte_serialize(site.id.as_str().as_bytes()).collect::<String>()));
    let frame = Frame { form: Some("site"), ..desk.frame(Section::Sites) };
    page::send(status, &SitesPage { frame, sites: &sites, more, id, id_fault, name, name_fault, is_deleted })
}
