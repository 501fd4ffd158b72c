//! What editors see, on the wire: pages and forms under `/newsroom`, on an origin of its own.
//!
//! Under a path of another host there is no newsroom: every script of that host could act as an editor. Where a setting
//! names its address, a request to any other host finds nothing.
//!
//! A form is taken if it comes from a page of this origin (`Sec-Fetch-Site`, or else `Origin`) and brings the token
//! that the page had for this session. What was done is answered by a redirect, so that reloading does nothing twice.
//! If the session has ended meanwhile, or the store is away, what was typed is kept in the answer, to be sent again.
//!
//! - [`desk`]: who asks, and at which site; [`posted`]: forms; [`offered`]: polls to choose from; [`page`]: how a page is sent.
//! - [`sign_in`], [`oidc`], [`polls`], [`make`] with its [`preview`], [`waiting`], [`templates`], [`site_log`], [`keys`], [`people`], [`webhooks`], [`settings`], [`sites`]: the pages; [`poll`],
//!   [`poll_forms`], [`poll_files`]: one poll.

mod desk;
mod keys;
mod make;
mod offered;
mod oidc;
mod page;
mod people;
mod places;
mod poll;
mod poll_files;
mod poll_forms;
mod polls;
mod posted;
mod preview;
mod settings;
mod sign_in;
mod site_log;
mod sites;
mod templates;
mod waiting;
mod webhooks;

use actix_web::{HttpRequest, HttpResponse, http::header, web};

pub(super) use page::refuse;

use super::{
    auth::origin::{host, is_at},
    message::{
        coding,
        problem::{Code, Problem},
    },
    route::{Route, at, register_all},
};
use crate::{newsroom::assets, site::BaseAddress};

const FOR_EVER: &str = "public, max-age=31536000, immutable";

/// Where the newsroom is.
#[derive(Debug, Clone)]
pub struct NewsroomAddress {
    /// Its own address, if a setting says it; or the public one.
    pub base: Option<BaseAddress>,
    /// Whether requests to other hosts find nothing: its address is not the public one.
    pub is_apart: bool,
}

impl NewsroomAddress {
    /// By the settings; `None` if there can be no newsroom.
    pub fn of(newsroom_url: Option<&BaseAddress>, public_url: Option<&BaseAddress>) -> Option<Self> {
        match (newsroom_url, public_url) {
            (Some(url), _) => Some(Self { base: Some(url.clone()), is_apart: true }),
            (None, Some(url)) if !url.path().is_empty() => None,
            (None, url) => Some(Self { base: url.cloned(), is_apart: false }),
        }
    }

    /// Whether it is at the host that a request was sent to.
    fn is_at(&self, host: Option<&str>) -> bool {
        let Some(base) = self.base.as_ref().filter(|_| self.is_apart) else { return true };
        host.is_some_and(|host| is_at(host, base.origin()))
    }

    /// Whether editors come by TLS, for all that is known.
    fn is_secure(&self, req: &HttpRequest) -> bool {
        let asked = || host(req).and_then(|host| format!("http://{host}").parse::<BaseAddress>().ok());
        !self.base.clone().or_else(asked).is_some_and(|base| base.is_plain_loopback())
    }
}

/// The newsroom's lines of the route table.
pub(super) fn routes() -> Vec<Route> {
    vec![
        at("/newsroom").get(sign_in::home),
        at("/newsroom/sign-in").get(sign_in::ask).post(sign_in::enter),
        at("/newsroom/sign-out").post(sign_in::leave),
        at("/newsroom/oidc/start").get(oidc::start),
        at("/newsroom/oidc/callback").get(oidc::callback),
        at("/newsroom/language").post(sign_in::speak),
        at("/newsroom/assets/{file}").get(file).unlimited(),
        at("/newsroom/sites").get(sites::list).post(sites::make),
        at("/newsroom/sites/{site}").get(polls::home),
        at("/newsroom/sites/{site}/delete").get(sites::ask).post(sites::delete),
        at("/newsroom/sites/{site}/polls").get(polls::list),
        at("/newsroom/sites/{site}/polls/new").get(make::start).post(make::create),
        at("/newsroom/sites/{site}/polls/{poll}/edit").get(make::edit).post(make::save),
        at("/newsroom/sites/{site}/preview").get(preview::nothing).post(preview::preview).only_reading(),
        at("/newsroom/sites/{site}/places").get(places::list).post(places::create),
        at("/newsroom/sites/{site}/places/{place}").get(places::read).post(places::save),
        at("/newsroom/sites/{site}/places/{place}/delete").post(places::delete),
        at("/newsroom/sites/{site}/templates").get(templates::list),
        at("/newsroom/sites/{site}/new-template").get(templates::start).post(templates::create),
        at("/newsroom/sites/{site}/templates/{template}").get(templates::edit).post(templates::save),
        at("/newsroom/sites/{site}/templates/{template}/delete").get(templates::ask).post(templates::delete),
        at("/newsroom/sites/{site}/waiting").get(waiting::page),
        at("/newsroom/sites/{site}/log").get(site_log::page),
        at("/newsroom/sites/{site}/polls/{poll}").get(poll::page),
        at("/newsroom/sites/{site}/polls/{poll}/live").get(poll::live),
        at("/newsroom/sites/{site}/polls/{poll}/open").post(poll_forms::open),
        at("/newsroom/sites/{site}/polls/{poll}/publish").post(poll_forms::publish),
        at("/newsroom/sites/{site}/polls/{poll}/close").get(poll_forms::ask_close).post(poll_forms::close),
        at("/newsroom/sites/{site}/polls/{poll}/delete").get(poll_forms::ask_delete).post(poll_forms::delete),
        at("/newsroom/sites/{site}/polls/{poll}/resolve").post(poll_forms::resolve),
        at("/newsroom/sites/{site}/polls/{poll}/answers/{answer}").post(poll_forms::decide),
        at("/newsroom/sites/{site}/polls/{poll}/labels/{label}").post(poll_forms::decide_label),
        at("/newsroom/sites/{site}/polls/{poll}/incidents").post(poll_forms::open_incident),
        at("/newsroom/sites/{site}/polls/{poll}/incidents/{label}/close").post(poll_forms::close_incident),
        at("/newsroom/sites/{site}/polls/{poll}/results.csv").get(poll_files::results),
        at("/newsroom/sites/{site}/polls/{poll}/timeline.csv").get(poll_files::timeline),
        at("/newsroom/sites/{site}/polls/{poll}/answers.csv").get(poll_files::answers),
        at("/newsroom/sites/{site}/polls/{poll}/qr.svg").get(poll_files::qr),
        at("/newsroom/sites/{site}/keys").get(keys::list).post(keys::make),
        at("/newsroom/sites/{site}/keys/{key}/revoke").get(keys::ask).post(keys::revoke),
        at("/newsroom/sites/{site}/people").get(people::list),
        at("/newsroom/sites/{site}/people/{session}/end").post(people::end),
        at("/newsroom/sites/{site}/webhooks").get(webhooks::list).post(webhooks::make),
        at("/newsroom/sites/{site}/webhooks/{webhook}").get(webhooks::read_one).post(webhooks::save),
        at("/newsroom/sites/{site}/webhooks/{webhook}/state").post(webhooks::pause),
        at("/newsroom/sites/{site}/webhooks/{webhook}/secret").post(webhooks::rotate),
        at("/newsroom/sites/{site}/webhooks/{webhook}/deliveries/{event}/replay").post(webhooks::replay),
        at("/newsroom/sites/{site}/webhooks/{webhook}/delete").get(webhooks::ask).post(webhooks::delete),
        at("/newsroom/sites/{site}/settings").get(settings::read).post(settings::save),
    ]
}

/// Every path of the newsroom with its methods.
pub(super) fn served() -> Vec<(&'static str, Vec<&'static str>)> {
    routes().into_iter().map(|route| (route.pattern.path, route.methods)).collect()
}

/// Registers the newsroom's routes, for its own host alone.
pub(super) fn configure(cfg: &mut web::ServiceConfig, address: &NewsroomAddress) {
    let of_editors = routes().into_iter().map(|route| {
        let address = address.clone();
        route.for_editors().where_host(move |host| address.is_at(host))
    });
    register_all(of_editors, cfg);
}

/// `GET /newsroom/assets/{file}`.
async fn file(req: HttpRequest) -> Result<HttpResponse, Problem> {
    let name = req.match_info().get("file").unwrap_or_default();
    let file = assets::all().find(name).ok_or_else(|| Problem::new(Code::NotFound, "no file has this name"))?;
    Ok(coding::send_file(&req, file, FOR_EVER))
}

/// Goes on to a page, by GET.
fn see(path: &str) -> HttpResponse {
    HttpResponse::SeeOther()
        .insert_header((header::LOCATION, path))
        .insert_header((header::CACHE_CONTROL, super::message::caching::PRIVATE))
        .finish()
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    fn address(newsroom_url: Option<&str>, public_url: Option<&str>) -> Option<NewsroomAddress> {
        let parse = |url: &str| url.parse().unwrap();
        NewsroomAddress::of(newsroom_url.map(parse).as_ref(), public_url.map(parse).as_ref())
    }

    #[test]
    fn under_a_path_there_is_no_newsroom_unless_it_has_a_host_of_its_own() {
        assert!(address(None, None).unwrap().is_at(Some("whatever.example")));
        assert!(address(None, Some("https://votes.example")).unwrap().is_at(Some("10.0.0.7:8080")));
        assert!(address(None, Some("https://news.example/polls")).is_none());
        let apart = address(Some("https://desk.example"), Some("https://news.example/polls")).unwrap();
        for (host, is_at) in [
            (Some("desk.example"), true),
            (Some("DESK.example:443"), true),
            (Some("desk.example:8443"), false),
            (Some("news.example"), false),
            (None, false),
        ] {
            assert_eq!(apart.is_at(host), is_at, "{host:?}");
        }
    }

    #[test]
    fn only_on_the_editors_own_machine_is_the_cookie_sent_without_tls() {
        let is_secure = |address: NewsroomAddress, host: &str| {
            address.is_secure(&TestRequest::default().insert_header(("host", host)).to_http_request())
        };
        assert!(!is_secure(address(None, None).unwrap(), "localhost:8080"));
        assert!(!is_secure(address(None, None).unwrap(), "127.0.0.1:8080"));
        assert!(is_secure(address(None, None).unwrap(), "votes.example"));
        assert!(is_secure(address(None, Some("https://votes.example")).unwrap(), "localhost"));
    }
}
