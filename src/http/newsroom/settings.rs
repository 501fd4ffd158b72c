//! A site's settings.

use std::collections::BTreeMap;

use actix_web::{HttpRequest, HttpResponse, http::StatusCode, web};

use super::{desk::SiteDesk, page, posted, see};
use crate::{
    http::{
        Worker,
        message::{problem::Problem, query::Query},
    },
    newsroom::{
        frame::Section,
        settings::{SettingsPage, SiteChange, SiteFaults, TypedSite},
    },
    poll::Timestamp,
    publishing::PublishError,
    site::Scope,
};

/// A form that was sent, and what it was made from.
struct SentSettings {
    typed: TypedSite,
    was: TypedSite,
    version: Timestamp,
}

/// `GET /newsroom/sites/{site}/settings`.
pub(super) async fn read(req: HttpRequest, worker: web::Data<Worker>) -> Result<HttpResponse, Problem> {
    let desk = SiteDesk::with(&req, &worker, Scope::SitesWrite).await?;
    let is_saved = Query::lenient(req.query_string())?.take("said")?.is_some_and(|said| said == "saved");
    let was = TypedSite::of(&desk.site.settings);
    let opened = SentSettings { typed: was.clone(), was, version: desk.site.updated_at };
    show(&desk, StatusCode::OK, &opened, &SiteFaults::new(), None, is_saved)
}

/// `POST /newsroom/sites/{site}/settings`. Of two editors at once the second is shown what the first has changed, and
/// loses nothing of what they typed.
pub(super) async fn save(
    req: HttpRequest,
    payload: web::Payload,
    worker: web::Data<Worker>,
) -> Result<HttpResponse, Problem> {
    posted::take(&req, payload, &worker, Scope::SitesWrite, async |desk, form| {
        let typed = TypedSite::read(|name| form.text(name));
        let was = form.text("was").and_then(TypedSite::of_written);
        let version = form.text("version").and_then(|millis| millis.parse().ok());
        let mut sent = SentSettings {
            typed,
            was: was.unwrap_or_else(|| TypedSite::of(&desk.site.settings)),
            version: Timestamp::from_millis(version.unwrap_or_default()),
        };
        if form.shows_again() {
            return show(&desk, StatusCode::OK, &sent, &SiteFaults::new(), None, false);
        }
        let settings = match sent.typed.settings(desk.desk.language) {
            Ok(settings) => settings,
            Err(faults) => return show(&desk, StatusCode::UNPROCESSABLE_ENTITY, &sent, &faults, None, false),
        };
        let put = worker.publishing.put_site(&desk.publisher, &desk.site.id, settings, Some(sent.version)).await;
        match put {
            Ok(_) => Ok(see(&desk.path("/settings?said=saved"))),
            Err(PublishError::SiteChanged(site)) => {
                let now = TypedSite::of(&site.settings);
                let changes = sent.typed.take_over(&sent.was, &now);
                let next = SentSettings { typed: sent.typed, was: now, version: site.updated_at };
                show(&desk, StatusCode::CONFLICT, &next, &SiteFaults::new(), Some(&changes), false)
            }
            Err(error) => Err(error.into()),
        }
    })
    .await
}

fn show(
    desk: &SiteDesk,
    status: StatusCode,
    SentSettings { typed, was, version }: &SentSettings,
    faults: &SiteFaults,
    changes: Option<&BTreeMap<String, SiteChange>>,
    is_saved: bool,
) -> Result<HttpResponse, Problem> {
    let frame = desk.form_frame(Section::Settings, "settings", Scope::SitesWrite);
    page::send(status, &SettingsPage { frame, typed, was, version: *version, faults, changes, is_saved })
}
