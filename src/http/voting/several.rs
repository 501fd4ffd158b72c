//! Several tallies in one answer: those asked for by their ids, or those of a site.
//!
//! A reader sees of each poll what they would see if they asked for it alone; where they see no tally, the reason is
//! given. Caches may share the answer if they may share each part of it.

use std::{fmt::Write as _, sync::Arc};

use actix_web::{HttpRequest, HttpResponse, http::header, web};

use super::{
    disclosure::Disclosed,
    tallies::{POSITIONS_APART, caching_for, seen_by_tag},
    votes,
};
use crate::{
    http::{
        Worker,
        auth::{self, voter_in_body::RequestVoter},
        message::{
            caching::{self, Caching},
            conditional, cursor,
            paging::{DEFAULT_LIMIT, link_to_next, parse_limit},
            problem::{Code, Problem},
            query::{self, Query, parse_site},
        },
    },
    live::KnownTally,
    poll::{PollId, SiteId, State, Timestamp, Viewer, VoterId},
    secret::hex,
    voting::{PollTally, SiteQuery},
};

/// The most polls one request may ask for.
const MAX_POLLS: usize = 50;

/// `GET /v1/results?polls=A,B`, and `GET /v1/results?site=&state=&cursor=&limit=`.
pub(in crate::http) async fn read(req: HttpRequest, worker: web::Data<Worker>) -> Result<HttpResponse, Problem> {
    let mut query = Query::lenient(req.query_string())?;
    if let Some(polls) = query.take_parsed("polls", parse_polls)? {
        refuse_site(&mut query)?;
        return read_named(&req, &worker, &polls, None).await;
    }
    if query.take("site")?.is_none() {
        return Err(query::refused("polls", format!("{POLLS_RULE}, or site must name a site")));
    }
    // Boxed: keeps the common future small.
    Box::pin(read_site(&req, &worker)).await
}

/// `POST /v1/results?polls=A,B`: the same for a voter whom the body names.
pub(in crate::http) async fn read_mine(
    req: HttpRequest,
    payload: web::Payload,
    worker: web::Data<Worker>,
) -> Result<HttpResponse, Problem> {
    let polls = polls_in_query(&req)?;
    refuse_site(&mut Query::lenient(req.query_string())?)?;
    let RequestVoter { voter, .. } = votes::sender_by_body(&req, payload, &worker).await?;
    read_named(&req, &worker, &polls, Some(voter)).await
}

/// Polls are named one by one, or by their site.
fn refuse_site(query: &mut Query) -> Result<(), Problem> {
    let rule = "can't be given with polls: ask for one or the other";
    query.take("site")?.map_or(Ok(()), |_| Err(query::refused("site", rule)))
}

/// Tallies by the polls' ids.
async fn read_named(
    req: &HttpRequest,
    worker: &Worker,
    polls: &[PollId],
    voter: Option<VoterId>,
) -> Result<HttpResponse, Problem> {
    let mut several = Several::new(worker, None, polls.len());
    // What was asked by POST is nobody else's answer.
    if voter.is_some() {
        several.caching = Caching::Private;
    }
    let asker = auth::RequestAsker::of(req, worker).naming(voter);
    let seen = |id, nth| seen_by_tag(req.headers(), &worker.shared.position_keys, id, nth);
    for tally in worker.voting.tallies(&asker, polls, seen).await? {
        let disclosed = Disclosed::beside_one(worker, &tally).await;
        several.add(tally, disclosed);
    }
    Ok(several.respond(req, ""))
}

/// A site's tallies.
async fn read_site(req: &HttpRequest, worker: &Worker) -> Result<HttpResponse, Problem> {
    let mut query = Query::strict(req.query_string(), &["site", "state", "cursor", "limit"])?;
    let site = query.take_parsed("site", parse_site)?.unwrap_or_default();
    let state = query.take_parsed("state", |text| text.parse::<State>().map_err(str::to_owned))?;
    let start = query.take_parsed("cursor", cursor::parse)?;
    let limit = query.take_parsed("limit", |text| parse_limit(text, MAX_POLLS))?.unwrap_or(DEFAULT_LIMIT);
    let asked = SiteQuery { site, state, start, limit };
    let mut several = Several::new(worker, Some(&asked.site), limit);
    let asker = auth::RequestAsker::of(req, worker);
    let seen = |id, nth| {
        let seen = seen_by_tag(req.headers(), &worker.shared.position_keys, id, nth);
        // Another poll may have stood at this position then.
        seen.filter(|seen| seen.is_proven)
    };
    let page = worker.voting.tallies_of_site(&asker, &asked, several.now, seen).await?;
    let page = page.ok_or_else(|| Problem::new(Code::NotFound, "no site has this id"))?;
    // A publisher's list has polls that nobody else may learn of, and caches would keep it for the next who asks.
    if page.is_publishers {
        several.caching = Caching::Private;
    }
    for tally in page.tallies {
        let disclosed = Disclosed::beside_one(worker, &tally).await;
        several.add(tally, disclosed);
    }
    for schedule in page.left_out {
        several.caching = several.caching.and(Caching::until_it_moves(&schedule, several.now));
    }
    let cursor = page.next.map(cursor::write);
    let link = cursor.as_deref().map(|cursor| {
        let filters = [("site", Some(asked.site.as_str())), ("state", state.map(State::as_str))];
        link_to_next(worker.shared.base_path(), "/v1/results", &filters, limit, cursor)
    });
    let end =
        cursor.map_or_else(|| ",\"next_cursor\":null".to_owned(), |cursor| format!(",\"next_cursor\":\"{cursor}\""));
    let mut response = several.respond(req, &end);
    if let Some(link) = link.and_then(|link| link.parse().ok()) {
        response.headers_mut().insert(header::LINK, link);
    }
    Ok(response)
}

/// An answer that is being put together.
struct Several<'a> {
    worker: &'a Worker,
    now: Timestamp,
    body: String,
    /// The site whose polls they are, if the polls were not named. Other polls may stand at their positions later.
    site: Option<&'a SiteId>,
    /// How many polls are in it.
    count: usize,
    caching: Caching,
    /// The signed positions of all tallies, and a hash of their tags.
    positions: String,
    tags: blake3::Hasher,
    shown: Vec<Arc<KnownTally>>,
}

impl<'a> Several<'a> {
    fn new(worker: &'a Worker, site: Option<&'a SiteId>, expected: usize) -> Self {
        let mut body = String::with_capacity(32 + 512 * expected);
        body.push_str("{\"results\":[");
        Self {
            worker,
            now: worker.shared.clock.now(),
            body,
            site,
            count: 0,
            caching: if site.is_some() { Caching::LIVE } else { Caching::Final },
            positions: String::new(),
            tags: blake3::Hasher::new(),
            shown: Vec::with_capacity(expected),
        }
    }

    /// Adds what is seen of one poll.
    fn add(&mut self, tally: PollTally, disclosed: Option<Disclosed>) {
        match tally {
            PollTally::Shown(snapshot, viewer) => self.add_tally(snapshot, viewer, disclosed),
            PollTally::Hidden(id) => self.add_absence(id, Code::ResultsHidden),
            PollTally::Missing(id) => self.add_absence(id, Code::NotFound),
        }
    }

    fn add_tally(&mut self, snapshot: Arc<KnownTally>, viewer: Viewer, disclosed: Option<Disclosed>) {
        let keys = &self.worker.shared.position_keys;
        self.begin_next();
        self.tags.update(snapshot.poll.id.as_bytes()).update(snapshot.etag(keys).as_bytes());
        // Writing to a String can't fail.
        let _ = write!(self.positions, "{}", snapshot.signed(keys));
        let results = snapshot.results_text();
        match disclosed {
            None => self.body.push_str(results),
            Some(Disclosed { member, .. }) => {
                self.tags.update(member.as_bytes());
                let _ = write!(self.body, "{}{member}}}", results.strip_suffix('}').unwrap_or(results));
            }
        }
        self.caching = self.caching.and(caching_for(viewer, &snapshot, self.now));
        self.shown.push(snapshot);
    }

    /// Adds the reason why there is no tally. Others may be shown one, so caches must not share the answer.
    fn add_absence(&mut self, id: PollId, code: Code) {
        self.caching = Caching::Private;
        self.begin_next();
        // Writing to a String can't fail.
        let _ = write!(self.body, "{{\"poll\":\"{id}\",\"code\":\"{}\"}}", code.as_str());
    }

    fn begin_next(&mut self) {
        if self.count > 0 {
            self.body.push(',');
            self.positions.push(POSITIONS_APART);
        }
        self.count += 1;
    }

    /// The answer; `end` follows the tallies in it.
    fn respond(mut self, req: &HttpRequest, end: &str) -> HttpResponse {
        let mut response = HttpResponse::Ok();
        self.body.push(']');
        self.body.push_str(end);
        self.body.push('}');
        if self.caching.is_public() {
            let [b0, b1, b2, b3, b4, b5, b6, b7, ..] = *self.tags.update(end.as_bytes()).finalize().as_bytes();
            let etag = format!("\"{}-{}\"", self.positions, hex(&[b0, b1, b2, b3, b4, b5, b6, b7]));
            if conditional::is_current(req.headers(), &etag) {
                response = HttpResponse::NotModified();
                self.body.clear();
            }
            response.insert_header((header::ETAG, etag));
            let polls = self.shown.iter().map(|snapshot| &*snapshot.poll);
            match self.site {
                Some(site) => caching::name_site(&mut response, site, polls),
                None => caching::name(&mut response, polls),
            }
        }
        response.insert_header((header::CACHE_CONTROL, self.caching.header()));
        if self.body.is_empty() {
            return response.finish();
        }
        response.content_type("application/json").body(self.body)
    }
}

const POLLS_RULE: &str = "must be 1 to 50 ids of polls, separated by commas";

/// The polls that a query must name.
pub(super) fn polls_in_query(req: &HttpRequest) -> Result<Vec<PollId>, Problem> {
    let polls = Query::lenient(req.query_string())?.take_parsed("polls", parse_polls)?;
    polls.ok_or_else(|| query::refused("polls", POLLS_RULE))
}

fn parse_polls(text: &str) -> Result<Vec<PollId>, String> {
    // Splits off one more than allowed at most, so that a very long list costs no more than one that is slightly too
    // long.
    let polls: Vec<&str> = text.split(',').take(MAX_POLLS + 1).collect();
    if polls.len() > MAX_POLLS || text.is_empty() {
        return Err(POLLS_RULE.to_owned());
    }
    let parse = |(nth, id): (usize, &str)| id.parse().map_err(|rule| format!("{rule} (at place {})", nth + 1));
    polls.into_iter().enumerate().map(parse).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn polls_are_1_to_50_ids() {
        let id = "01932f6e-7c1a-7b60-8d5e-0b8f6a3c9d21";
        assert_eq!(parse_polls(id).unwrap().len(), 1);
        assert_eq!(parse_polls(&[id; 50].join(",")).unwrap().len(), 50);
        assert_eq!(parse_polls(&[id; 51].join(",")).unwrap_err(), POLLS_RULE);
        assert_eq!(parse_polls("").unwrap_err(), POLLS_RULE);
        assert!(parse_polls(&format!("{id},x")).unwrap_err().contains("place 2"));
        assert!(parse_polls(&format!("{id},")).is_err());
    }
}
