//! The service on the wire. `openapi.yaml`, at the root of the repository, is the contract.
//!
//! A request goes through [`observe`], which gives it an id and writes its log line, into the route table below, and to
//! one handler: a function from the request to `Result<HttpResponse, Problem>`. There is one file of handlers per
//! resource. A handler translates: it calls a use case of [`Worker`], and knows neither the store nor the hub.
//!
//! A handler checks in the order of cost: the address, the body's type and size, who asks, the JSON, the poll, the
//! choices; the store comes last. The client's quotas are checked before all that, in [`limits`].
//!
//! - [`problem`]: the one table of errors; [`refusals`]: what the use cases refuse, translated.
//! - [`route`]: what a line of the route table can say; [`pattern`]: the route that a request came by; [`path`]: reading ids
//!   in paths.
//! - [`observe`]: ids, fixed headers, the log line; [`request_log`]: which requests have one.
//! - [`mount`]: the path that the service is mounted under, taken off.
//! - [`auth`]: keys, scopes and voter tokens; [`voter_cookie`]: the cookie; [`voter_in_body`]: voters whom a body names;
//!   [`origin`]: which pages may vote; [`cors`]: what browsers are told of it.
//! - [`evidence`]: what a vote's request says beside the ballot.
//! - [`limits`]: which quotas a request counts in; [`notes`]: what is recorded about a request.
//! - [`connections`]: how many a client may have; [`net`](crate::net) says how long each is waited for.
//! - [`body`], [`query`], [`conditional`], [`cursor`], [`header_text`]: reading requests.
//! - [`caching`]: who may keep an answer, and for how long; [`coding`], [`page_cache`]: how it is compressed;
//!   [`drawn_cards`]: pictures, drawn once.
//! - [`home`], [`docs`], [`contract`]: what the service is, and how to use it.
//! - [`articles`]: what articles are given to answer.
//! - [`voters`], [`votes`], [`challenges`], [`answers`], [`results`], [`runoff`], [`several`], [`exports`], [`live`], [`views`],
//!   [`trending`], [`polls`], [`sites`], [`places`], [`announced`], [`events`], [`webhooks`], [`keys`], [`sessions`],
//!   [`integrity`], [`oembed`], [`health`], [`transparency`], [`snapshots`]: the resources; [`embed`]: what
//!   readers see; [`newsroom`]: what editors see; and [`demo`], which only a demo serves.

mod announced;
mod answers;
mod articles;
mod auth;
mod body;
mod caching;
mod challenges;
mod coding;
mod conditional;
pub mod connections;
mod contract;
mod cors;
mod cursor;
mod demo;
mod disclosure;
mod docs;
mod drawn_cards;
mod embed;
mod events;
mod evidence;
mod exports;
mod header_text;
mod health;
mod home;
mod integrity;
mod keys;
mod limits;
mod live;
mod mount;
mod newsroom;
mod notes;
mod observe;
mod oembed;
mod origin;
mod page_cache;
mod paging;
mod path;
mod pattern;
mod places;
mod polls;
pub mod problem;
mod qr;
mod query;
mod refusals;
pub mod request_log;
mod results;
mod route;
mod runoff;
mod sessions;
mod several;
mod sites;
mod snapshots;
mod tallies;
mod transparency;
mod trending;
pub mod unparsed;
mod views;
mod voter_cookie;
mod voter_in_body;
mod voters;
mod votes;
mod waiting;
mod webhooks;
mod worker;

use actix_web::{HttpRequest, HttpResponse, web};

pub use contract::Contract;
pub use demo::DemoPages;
pub use drawn_cards::DrawnCards;
pub use limits::PolicyHeaders;
pub use newsroom::NewsroomAddress;
pub use observe::Observe;
pub use page_cache::CompressedPages;
pub use voter_cookie::VoterCookie;
pub use worker::{Readiness, ReplicaPhase, ReplicaState, Worker};

use limits::Limits;
use path::PastPoll;
use pattern::POLLS;
use problem::{Code, Problem};
use route::{Route, at, register_all};

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
        at("/v1/sites/{site}/templates").get(articles::list_templates),
        at("/v1/sites/{site}/templates/{template}")
            .get(articles::read_template)
            .put(articles::put_template)
            .delete(articles::delete_template),
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
