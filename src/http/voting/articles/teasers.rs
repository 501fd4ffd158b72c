//! Counts for a list of articles, as a section's page shows them.

use std::fmt::Write as _;

use actix_web::{HttpRequest, HttpResponse, http::header, web};
use futures_util::future::join_all;

use crate::{
    article::{ArticleId, ArticleName, TemplateId},
    http::{
        Worker, auth,
        message::{
            caching::{self, Caching},
            conditional,
            path::id_in_path,
            problem::{Code, Problem},
            query::{self, Query},
            refusals::{no_site, no_template},
        },
        voting::tallies::caching_for,
    },
    poll::SiteId,
    secret::{first_bytes, hex},
    voting::{AskedArticle, PollTally},
};

const MOST_IDS: usize = 100;
const MOST_URLS: usize = 20;
/// How many articles are looked for at the same time.
const AT_ONCE: usize = 20;

/// `GET /v1/sites/{site}/articles?template=&ids=`, or `url=` several times: what readers have said of each.
pub(in crate::http) async fn list(req: HttpRequest, worker: web::Data<Worker>) -> Result<HttpResponse, Problem> {
    let mut query = Query::lenient(req.query_string())?;
    let ids = query.take_parsed("ids", parse_ids)?;
    let urls = query.take_all("url");
    if ids.is_none() && urls.is_empty() {
        return Err(query::refused("ids", format!("must be 1 to {MOST_IDS} ids of articles, or url must be given")));
    }
    let site: SiteId = id_in_path(&req, "site", no_site)?;
    if ids.is_some() && !urls.is_empty() {
        return Err(query::refused("url", "can't be given with ids: ask for one or the other"));
    }
    if urls.len() > MOST_URLS {
        return Err(query::refused("url", format!("must be given at most {MOST_URLS} times, is {}", urls.len())));
    }
    let template = query.take("template")?.ok_or_else(|| query::refused("template", "must be given"))?;
    let template: TemplateId = template.parse().map_err(|_| no_template())?;
    let names =
        ids.unwrap_or_default().into_iter().map(ArticleName::Id).chain(urls.into_iter().map(ArticleName::Address));
    let asked: Vec<AskedArticle> =
        names.map(|article| AskedArticle { site: site.clone(), article, template: template.clone() }).collect();
    let mut teasers =
        Teasers { worker: &worker, items: Vec::new(), caching: Caching::LIVE, tags: blake3::Hasher::new() };
    let asker = auth::RequestAsker::of(&req, &worker);
    for some in asked.chunks(AT_ONCE) {
        let tallies = join_all(some.iter().map(|asked| worker.voting.tally_of_article(&asker, asked))).await;
        for (asked, tally) in some.iter().zip(tallies) {
            teasers.add(asked, tally)?;
        }
    }
    Ok(teasers.respond(&req, &site, &template))
}

/// An answer that is being put together.
struct Teasers<'a> {
    worker: &'a Worker,
    items: Vec<String>,
    caching: Caching,
    tags: blake3::Hasher,
}

impl Teasers<'_> {
    fn add(&mut self, asked: &AskedArticle, tally: Result<PollTally, Problem>) -> Result<(), Problem> {
        let (member, name) = match &asked.article {
            ArticleName::Id(id) => ("article", id.as_str()),
            ArticleName::Address(url) => ("url", url.as_str()),
        };
        let name = serde_json::to_string(name).map_err(Problem::internal)?;
        let mut item = format!("{{\"{member}\":{name},");
        self.tags.update(name.as_bytes());
        let code = match tally {
            Ok(PollTally::Shown(snapshot, viewer)) => {
                // Writing to a String can't fail.
                let _ = write!(item, "\"results\":{}}}", snapshot.tally_json());
                self.tags.update(snapshot.etag(&self.worker.shared.position_keys).as_bytes());
                self.caching = self.caching.and(caching_for(viewer, &snapshot, self.worker.shared.clock.now()));
                self.items.push(item);
                return Ok(());
            }
            // Somebody else may be shown it.
            Ok(PollTally::Hidden(_)) => {
                self.caching = Caching::Private;
                Code::ResultsHidden
            }
            Ok(PollTally::Missing(_)) => Code::NotFound,
            Err(problem) if is_of_one(problem.code()) => problem.code(),
            Err(problem) => return Err(problem),
        };
        let _ = write!(item, "\"code\":\"{}\"}}", code.as_str());
        self.tags.update(code.as_str().as_bytes());
        self.items.push(item);
        Ok(())
    }

    fn respond(self, req: &HttpRequest, site: &SiteId, template: &TemplateId) -> HttpResponse {
        let mut response = HttpResponse::Ok();
        response.insert_header((header::CACHE_CONTROL, self.caching.header()));
        if self.caching.is_public() {
            let etag = format!("\"{}\"", hex(&first_bytes::<8>(self.tags.finalize().into())));
            let is_current = conditional::is_current(req.headers(), &etag);
            response.insert_header((header::ETAG, etag));
            caching::name_site(&mut response, site, []);
            if is_current {
                response.status(actix_web::http::StatusCode::NOT_MODIFIED);
                return response.finish();
            }
        }
        let items = self.items.join(",");
        let body = format!("{{\"site\":\"{site}\",\"template\":\"{template}\",\"items\":[{items}]}}");
        response.content_type("application/json").body(body)
    }
}

/// Whether a refusal is about one article, and not about all of them.
fn is_of_one(code: Code) -> bool {
    matches!(code, Code::ArticleNotAnnounced | Code::ForeignAddress | Code::AddressTooLong | Code::InvalidRequest)
}

fn parse_ids(text: &str) -> Result<Vec<ArticleId>, String> {
    let rule = || format!("must be 1 to {MOST_IDS} ids of articles, separated by commas");
    let ids: Vec<&str> = text.split(',').take(MOST_IDS + 1).collect();
    if ids.len() > MOST_IDS || text.is_empty() {
        return Err(rule());
    }
    let parse = |(nth, id): (usize, &str)| {
        id.parse().map_err(|rule: crate::poll::InvalidId| format!("{rule} (at place {})", nth + 1))
    };
    ids.into_iter().enumerate().map(parse).collect()
}
