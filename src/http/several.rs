//! Several tallies in one answer: those asked for by their ids, or those of a site.
//!
//! Whoever asks sees of each poll what they would see if they asked for it alone, and where they see no tally there is
//! the reason. The answer may be kept by everyone if each part of it may.
//!
//! A site's come newest poll first and page by page, as its [polls](super::polls) do. Its polls that are open or closed
//! are there for everyone, as the tallies are; those that are yet to open are told to its own keys alone, so that nobody
//! learns beforehand what will be asked.

use std::{fmt::Write as _, sync::Arc};

use actix_web::{HttpRequest, HttpResponse, http::header, web};

use super::{
    Worker, auth,
    caching::{self, Caching},
    conditional,
    cursor::{self, Cursor},
    paging::{DEFAULT_LIMIT, link_to_next, parse_limit},
    problem::{Code, Problem},
    query::{self, Query, parse_site},
    tallies::{POSITIONS_APART, caching_for, seen_by_tag},
};
use crate::{
    live::{List, Listed, Snapshot},
    poll::{ListCursor, PollId, SiteId, State, Timestamp},
    secret::hex,
    site::Scope,
    voting::VoteError,
};

/// The most polls one request may ask for.
const MAX_POLLS: usize = 50;

/// How many polls of a site are read at a time, and the most that one request looks at.
const LIST: usize = 100;
const MAX_EXAMINED: usize = 2 * LIST;

/// `GET /v1/results?polls=A,B`, and `GET /v1/results?site=&state=&cursor=&limit=`.
pub(super) async fn read(req: HttpRequest, worker: web::Data<Worker>) -> Result<HttpResponse, Problem> {
    let mut query = Query::lenient(req.query_string())?;
    let Some(polls) = query.take_parsed("polls", parse_polls)? else {
        let names_site = query.take("site")?.is_some();
        let neither = || query::refused("polls", format!("{POLLS_RULE}, or site must name a site"));
        // Boxed: keeps the common future small.
        return if names_site { Box::pin(read_site(&req, &worker)).await } else { Err(neither()) };
    };
    if query.take("site")?.is_some() {
        return Err(query::refused("site", "can't be given with polls: ask for one or the other"));
    }
    let mut several = Several::new(&req, &worker, None, polls.len());
    for id in polls {
        if !several.add(id, |_| true).await? {
            several.add_missing(id);
        }
    }
    Ok(several.respond(""))
}

/// A site's tallies. What is deleted while they are put together is not there.
async fn read_site(req: &HttpRequest, worker: &Worker) -> Result<HttpResponse, Problem> {
    let mut query = Query::strict(req.query_string(), &["site", "state", "cursor", "limit"])?;
    let site = query.take_parsed("site", parse_site)?.unwrap_or_default();
    let state = query.take_parsed("state", |text| text.parse::<State>().map_err(str::to_owned))?;
    let cursor = query.take_parsed("cursor", Cursor::parse)?;
    let limit = query.take_parsed("limit", |text| parse_limit(text, MAX_POLLS))?.unwrap_or(DEFAULT_LIMIT);
    let publisher = auth::publisher_if_any(req, worker).await?;
    let sees_all = publisher.is_some_and(|publisher| publisher.may(Scope::ResultsRead, &site));

    let mut last = Cursor::resolve(cursor, worker, &site).await?;
    let is_asked = |found: State| state.is_none_or(|asked| asked == found);
    let mut several = Several::new(req, worker, Some(&site), limit);
    let mut examined = 0;
    let next = 'pages: loop {
        let Some(list) = list(worker, &site, last, sees_all).await? else {
            return Err(Problem::new(Code::NotFound, "no site has this id"));
        };
        for Listed { cursor: place, schedule } in list.iter() {
            if several.count == limit || examined == MAX_EXAMINED {
                break 'pages last;
            }
            examined += 1;
            last = Some(*place);
            let found = schedule.state_at(several.now);
            if is_asked(found) && (sees_all || matches!(found, State::Open | State::Closed)) {
                several.add(place.id, is_asked).await?;
            } else {
                // It may be one of them by then.
                several.caching = several.caching.and(Caching::until_it_moves(schedule, several.now));
            }
        }
        if list.len() < LIST {
            break None;
        }
    };
    let cursor = next.map(cursor::write);
    let link = cursor.as_deref().map(|cursor| {
        let filters = [("site", Some(site.as_str())), ("state", state.map(State::as_str))];
        link_to_next("/v1/results", &filters, limit, cursor)
    });
    let end =
        cursor.map_or_else(|| ",\"next_cursor\":null".to_owned(), |cursor| format!(",\"next_cursor\":\"{cursor}\""));
    let mut response = several.respond(&end);
    if let Some(link) = link.and_then(|link| link.parse().ok()) {
        response.headers_mut().insert(header::LINK, link);
    }
    Ok(response)
}

/// A page of a site's polls. A publisher finds what they have just made.
async fn list(worker: &Worker, site: &SiteId, before: Option<ListCursor>, is_publisher: bool) -> Result<List, Problem> {
    let read = async {
        let polls = worker.store.polls(site, before, LIST).await?;
        if polls.is_empty() && worker.store.site(site).await?.is_none() {
            return Ok(None);
        }
        Ok(Some(polls.iter().map(Listed::of).collect()))
    };
    if is_publisher { read.await } else { worker.shared.site_lists.get(site, before, read).await }
}

/// An answer that is being put together.
struct Several<'a> {
    req: &'a HttpRequest,
    worker: &'a Worker,
    now: Timestamp,
    body: String,
    /// Whose polls they are, unless whoever asks names them. Of a site there may be others in their places later.
    site: Option<&'a SiteId>,
    /// How many are in it.
    count: usize,
    caching: Caching,
    /// How far each has come, and a hash of the tag of each.
    positions: String,
    tags: blake3::Hasher,
    shown: Vec<Arc<Snapshot>>,
}

impl<'a> Several<'a> {
    fn new(req: &'a HttpRequest, worker: &'a Worker, site: Option<&'a SiteId>, expected: usize) -> Self {
        let mut body = String::with_capacity(32 + 512 * expected);
        body.push_str("{\"results\":[");
        Self {
            req,
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

    /// Adds what is to be seen of a poll, unless it is not there, or its tally is of a state that is not asked for.
    /// Says whether it did.
    async fn add(&mut self, id: PollId, is_asked: impl Fn(State) -> bool) -> Result<bool, Problem> {
        let keys = &self.worker.shared.position_keys;
        let mut seen = seen_by_tag(self.req.headers(), keys, id, self.count);
        if self.site.is_some() {
            // Another poll may have stood in its place then.
            seen = seen.filter(|seen| seen.is_proven);
        }
        let sender = auth::RequestAsker { req: self.req, worker: self.worker };
        let Some(view) = self.worker.voting.view(&sender, id, seen).await? else { return Ok(false) };
        match view.shown() {
            Err(VoteError::Hidden(_)) => {
                self.add_absence(id, Code::ResultsHidden);
                self.caching = Caching::Private;
            }
            Err(refusal) => return Err(refusal.into()),
            Ok((snapshot, viewer)) => {
                if !is_asked(snapshot.tally.state) {
                    return Ok(false);
                }
                self.begin_next();
                self.tags.update(id.as_bytes()).update(snapshot.etag(keys).as_bytes());
                // Writing to a String can't fail.
                let _ = write!(self.positions, "{}", snapshot.signed(keys));
                self.body.push_str(snapshot.results_text());
                self.caching = self.caching.and(caching_for(viewer, &snapshot, self.now));
                self.shown.push(snapshot);
            }
        }
        Ok(true)
    }

    fn add_missing(&mut self, id: PollId) {
        self.add_absence(id, Code::NotFound);
        self.caching = Caching::Private;
    }

    fn add_absence(&mut self, id: PollId, code: Code) {
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

    /// The answer, with what follows the tallies in it.
    fn respond(mut self, end: &str) -> HttpResponse {
        let mut response = HttpResponse::Ok();
        self.body.push(']');
        self.body.push_str(end);
        self.body.push('}');
        if self.caching.is_public() {
            let [b0, b1, b2, b3, b4, b5, b6, b7, ..] = *self.tags.update(end.as_bytes()).finalize().as_bytes();
            let etag = format!("\"{}-{}\"", self.positions, hex(&[b0, b1, b2, b3, b4, b5, b6, b7]));
            if conditional::is_current(self.req.headers(), &etag) {
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

pub(super) const POLLS_RULE: &str = "must be 1 to 50 ids of polls, separated by commas";

pub(super) fn parse_polls(text: &str) -> Result<Vec<PollId>, String> {
    // One more than may be, so that a long list costs no more than a list that is a little too long.
    let polls: Vec<&str> = text.split(',').take(MAX_POLLS + 1).collect();
    if polls.len() > MAX_POLLS || text.is_empty() {
        return Err(POLLS_RULE.to_owned());
    }
    let parse = |(place, id): (usize, &str)| id.parse().map_err(|rule| format!("{rule} (at place {})", place + 1));
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
