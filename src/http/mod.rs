//! The service on the wire. `openapi.yaml`, at the root of the repository, is the contract.
//!
//! A request goes through [`middleware`], which gives it an id and writes its log line, into the route table below.
//! Once its route is found, it is counted in its quotas, and goes to one handler: a function from the request to
//! `Result<HttpResponse, Problem>`. A handler translates: it calls a use case of [`Worker`], and knows neither the
//! store nor the hub.
//!
//! A handler checks in the order of cost: the address, the body's type and size, who asks, the JSON, the poll, the
//! choices; the store comes last. The client's quotas are checked before all that.
//!
//! - [`route`]: what a line of the table can say; [`pattern`]: the route that a request came by; [`worker`]: what
//!   handlers find.
//! - [`middleware`]: what every request passes.
//! - [`message`]: reading requests and writing answers, refusals among them.
//! - [`auth`]: who asks, and which pages may vote.
//! - Handlers, one file for each resource: [`voting`] for what readers do, [`publishing`] for what publishers do,
//!   [`trust`] for what can be checked, [`pages`] for what readers see, [`newsroom`] for what editors see. A resource
//!   is in one file though both readers and publishers ask for it: what readers ask of a place is in
//!   `publishing/places.rs`, and the work that is asked of them in `trust/challenges.rs`.

mod auth;
mod message;
mod middleware;
mod newsroom;
mod pages;
mod pattern;
mod publishing;
mod route;
mod trust;
mod voting;
mod worker;

use actix_web::{HttpRequest, HttpResponse, web};

pub use auth::voter_cookie::VoterCookie;
pub use message::{page_cache::CompressedPages, problem};
pub use middleware::{connections, limits::PolicyHeaders, observe::Observe, request_log, unparsed};
pub use newsroom::NewsroomAddress;
pub use pages::{contract::Contract, demo::DemoPages, drawn_cards::DrawnCards};
pub use worker::{Readiness, ReplicaPhase, ReplicaState, Worker};

use message::{
    path::PastPoll,
    problem::{Code, Problem},
};
use middleware::limits::Limits;
use pages::{contract, demo, docs, embed, health, home, oembed};
use pattern::POLLS;
use publishing::{announced, answers, events, keys, places, polls, qr, sessions, sites, templates, waiting, webhooks};
use route::{Route, at, register_all};
use trust::{challenges, integrity, snapshots, transparency};
use voting::{articles, exports, live, results, runoff, several, trending, views, voters, votes};

/// The one route table. The router tries its lines in order, so the most frequent come first; those of one poll come
/// before all others, and those below a path that many share stand where the first of them does.
fn routes() -> Vec<Route> {
    [poll_routes(), site_routes(), page_routes()].into_iter().flatten().collect()
}

/// Polls, and what readers do.
fn poll_routes() -> Vec<Route> {
    vec![
        at("/v1/polls/{poll}/votes").post(votes::cast).for_listed_pages(),
        at("/v1/polls/{poll}/results").get(results::read).for_any_page(),
        at("/v1/polls/{poll}").get(polls::read).for_any_page().patch(polls::edit).delete(polls::delete),
        at("/v1/voters").post(voters::mint).making_voters().for_any_page(),
        at("/v1/polls/{poll}/votes/mine").post(votes::read_mine).only_reading().for_listed_pages(),
        at("/v1/polls/{poll}/votes/withdraw").post(votes::withdraw_mine).for_listed_pages(),
        at("/v1/polls/{poll}/challenge").post(challenges::make).only_reading().for_listed_pages(),
        at("/v1/polls/{poll}/votes/me").get(votes::read).delete(votes::withdraw).for_listed_pages(),
        at("/v1/polls/{poll}/results.csv").get(exports::read_results).for_any_page(),
        at("/v1/polls/{poll}/results/runoff").get(runoff::read).for_any_page(),
        at("/v1/polls/{poll}/timeline").get(exports::read_timeline).for_any_page(),
        at("/v1/polls/{poll}/timeline.csv").get(exports::read_timeline_csv).for_any_page(),
        at("/v1/views").post(views::count).for_any_page(),
        at("/v1/results").get(several::read).post(several::read_mine).only_reading().for_any_page(),
        at("/v1/polls/{poll}/live").get(live::read).for_any_page(),
        at("/v1/live").get(live::read_several).post(live::read_mine).only_reading().for_any_page(),
        at("/v1/polls").get(polls::list).post(polls::create),
        at("/v1/polls/{poll}/open").post(polls::open),
        at("/v1/polls/{poll}/publish").post(polls::publish),
        at("/v1/polls/{poll}/close").post(polls::close),
        at("/v1/polls/{poll}/resolve").post(polls::resolve),
        at("/v1/polls/{poll}/qr.svg").get(qr::read),
        at("/v1/polls/{poll}/answers").get(answers::list),
        at("/v1/polls/{poll}/answers.csv").get(answers::table),
        at("/v1/polls/{poll}/answers/{answer}").post(answers::decide),
        at("/v1/polls/{poll}/integrity").get(integrity::read),
        at("/v1/polls/{poll}/integrity/labels/{label}").post(integrity::decide),
        at("/v1/polls/{poll}/integrity/incidents").post(integrity::open_incident),
        at("/v1/polls/{poll}/integrity/incidents/{label}/close").post(integrity::close_incident),
        at("/v1/polls/{poll}/snapshots").get(snapshots::list).for_any_page().post(snapshots::take),
        at("/v1/polls/{poll}/snapshots/{snapshot}").get(snapshots::read).for_any_page(),
        at("/v1/polls/{poll}/snapshots/{snapshot}/proof").get(snapshots::proof).for_any_page(),
        at("/v1/polls/{poll}/snapshots/{snapshot}/card.png").get(embed::snapshot_card).for_any_page(),
    ]
}

/// Sites, and what is theirs.
fn site_routes() -> Vec<Route> {
    vec![
        at("/v1/sites").get(sites::list),
        at("/v1/sites/{site}").get(sites::read).put(sites::put).delete(sites::delete),
        at("/v1/sites/{site}/trending").get(trending::read).for_any_page(),
        at("/v1/sites/{site}/events").get(events::list),
        at("/v1/sites/{site}/log").get(transparency::read).for_any_page(),
        at("/v1/sites/{site}/log/{log}/checkpoint").get(transparency::checkpoint).for_any_page(),
        at("/v1/sites/{site}/log/{log}/tile/{level}/{tile}").with_tail().get(transparency::tile).for_any_page(),
        at("/v1/sites/{site}/log/{log}/openings/{bundle}").get(transparency::openings).for_any_page(),
        at("/v1/sites/{site}/announced").get(announced::list),
        at("/v1/sites/{site}/articles/{article}").get(announced::read).put(announced::put).delete(announced::delete),
        at("/v1/sites/{site}/articles/{article}/{template}/votes").post(articles::cast).for_any_page(),
        at("/v1/sites/{site}/articles/{article}/{template}/results").get(results::read).for_any_page(),
        at("/v1/sites/{site}/articles/{article}/{template}").get(articles::read_poll).for_any_page(),
        at("/v1/sites/{site}/articles/{article}/{template}/votes/mine")
            .post(articles::read_mine)
            .only_reading()
            .for_any_page(),
        at("/v1/sites/{site}/articles/{article}/{template}/challenge")
            .post(articles::make_challenge)
            .only_reading()
            .for_any_page(),
        at("/v1/sites/{site}/articles/{article}/{template}/votes/withdraw").post(articles::withdraw).for_any_page(),
        at("/v1/sites/{site}/articles/{article}/{template}/live").get(articles::read_live).for_any_page(),
        at("/v1/sites/{site}/articles/{article}/{template}/results.csv").get(exports::read_results).for_any_page(),
        at("/v1/sites/{site}/articles/{article}/{template}/results/runoff").get(runoff::read).for_any_page(),
        at("/v1/sites/{site}/articles/{article}/{template}/timeline").get(exports::read_timeline).for_any_page(),
        at("/v1/sites/{site}/articles/{article}/{template}/timeline.csv")
            .get(exports::read_timeline_csv)
            .for_any_page(),
        at("/v1/sites/{site}/articles").get(articles::list).for_any_page(),
        at("/v1/sites/{site}/templates").get(templates::list),
        at("/v1/sites/{site}/templates/{template}").get(templates::read).put(templates::put).delete(templates::delete),
        at("/v1/sites/{site}/places/{place}/now").get(places::read_now).for_any_page(),
        at("/v1/sites/{site}/waiting").get(waiting::read),
        at("/v1/sites/{site}/places").get(places::list),
        at("/v1/sites/{site}/places/{place}").get(places::read).put(places::put).delete(places::delete),
        at("/v1/keys").get(keys::list).post(keys::create),
        at("/v1/keys/{key}").delete(keys::revoke),
        at("/v1/sites/{site}/sessions").get(sessions::list),
        at("/v1/sites/{site}/sessions/{session}").delete(sessions::end),
        at("/v1/sites/{site}/webhooks").get(webhooks::list).post(webhooks::create),
        at("/v1/sites/{site}/webhooks/{webhook}").get(webhooks::read).patch(webhooks::edit).delete(webhooks::delete),
        at("/v1/sites/{site}/webhooks/{webhook}/secret").post(webhooks::rotate),
        at("/v1/sites/{site}/webhooks/{webhook}/deliveries").get(webhooks::deliveries),
        at("/v1/sites/{site}/webhooks/{webhook}/deliveries/{event}/replay").post(webhooks::replay),
    ]
}

/// What people and programs are shown.
fn page_routes() -> Vec<Route> {
    vec![
        at("/embed.js").get(embed::loader).unlimited().for_any_page(),
        at("/embed/manifest.json").get(embed::manifest).unlimited().for_any_page(),
        at("/embed/view.js").get(embed::view).unlimited().for_any_page(),
        at("/embed/article.js").get(embed::article).unlimited().for_any_page(),
        at("/embed/most-read.js").get(embed::most_read).unlimited().for_any_page(),
        at("/embed/assets/{file}").get(embed::file).unlimited().for_any_page(),
        at("/embed/sites/{site}/articles/{article}/{template}").get(articles::read_page).for_people().for_any_page(),
        at("/embed/sites/{site}/articles/{article}/{template}/form")
            .get(articles::read_form)
            .post(articles::take_form)
            .bringing_voters()
            .for_people(),
        at("/embed/sites/{site}/places/{place}").get(places::read_page).for_people().for_any_page(),
        at("/embed/{poll}").get(embed::page).for_people().for_any_page(),
        at("/embed/{poll}/form").get(embed::form).post(embed::vote).bringing_voters().for_people(),
        at("/embed/{poll}/snapshots/{snapshot}").get(embed::snapshot_page).for_people().for_any_page(),
        at("/polls/{poll}/card.png").get(embed::card).for_any_page(),
        at("/oembed").get(oembed::read).for_any_page(),
        at("/livez").get(health::live).unlimited().for_probes(),
        at("/readyz").get(health::ready).unlimited().for_probes(),
        at("/openapi.yaml").get(contract::read).unlimited().for_any_page(),
        at("/openapi.json").get(contract::read_json).unlimited().for_any_page(),
        at("/docs").get(docs::page),
        at("/docs/{file}").get(docs::file),
        at("/").get(home::read),
    ]
}

/// What a demo serves as well.
fn demo_routes() -> Vec<Route> {
    vec![
        at("/").get(demo::home).unlimited(),
        at("/demo").get(demo::article).unlimited(),
        at("/demo/article.css").get(demo::style).unlimited(),
        at("/demo/article.js").get(demo::script).unlimited(),
    ]
}

/// Registers every route. The application must be wrapped in [`Observe`] and hold a `web::Data<Worker>`.
pub fn configure(cfg: &mut web::ServiceConfig) {
    let (of_polls, others): (Vec<_>, Vec<_>) = routes().into_iter().partition(|route| route.pattern.is_of_poll());
    let (all_polls, others): (Vec<_>, Vec<_>) = others.into_iter().partition(|route| route.pattern.path == POLLS);
    // Before the scope below it, which would match it too.
    for route in all_polls {
        route.register(cfg);
    }
    let of_poll = |cfg: &mut web::ServiceConfig| of_polls.into_iter().for_each(|route| route.register(cfg));
    cfg.service(web::scope(POLLS).configure(of_poll).wrap(PastPoll));
    register_all(others, cfg);
    cfg.default_service(web::to(unknown_path).wrap(Limits::of_refusals()));
}

/// Registers the routes that a demo serves as well.
pub fn configure_demo(cfg: &mut web::ServiceConfig) {
    register_all(demo_routes(), cfg);
}

/// Registers the newsroom's routes.
pub fn configure_newsroom(cfg: &mut web::ServiceConfig, address: &NewsroomAddress) {
    newsroom::configure(cfg, address);
}

/// Every path of the route table with its methods, to compare it with the contract.
pub fn served() -> Vec<(&'static str, Vec<&'static str>)> {
    routes().into_iter().map(|route| (route.pattern.path, route.methods)).collect()
}

/// The same of the newsroom.
pub fn served_to_editors() -> Vec<(&'static str, Vec<&'static str>)> {
    newsroom::served()
}

/// An unknown address. One that means a page of ours leads there.
async fn unknown_path(req: HttpRequest, worker: web::Data<Worker>) -> Result<HttpResponse, Problem> {
    let nothing = Problem::new(Code::NotFound, "nothing is served at this address");
    let is_served =
        worker.shared.demo_pages.is_some() || embed::ReaderPage::at(req.path()) != Some(embed::ReaderPage::Demo);
    if is_served { embed::lead_on(&req, worker.shared.base_path(), nothing) } else { Err(nothing) }
}
