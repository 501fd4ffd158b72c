//! The tally of one poll.

use std::fmt::Write as _;

use actix_web::{
    HttpRequest, HttpResponse,
    http::header::{self, HeaderValue},
    web,
};
use serde::Serialize;
use serde_json::Value;

use super::{
    disclosure::Disclosed,
    exports::{self, ExportForm, ExportQuery},
    tallies::{self, tag_ending},
};
use crate::{
    http::{
        Worker, auth,
        message::{
            caching::{self, Caching},
            conditional,
            header_text::ascii,
            problem::Problem,
        },
    },
    live::KnownTally,
    poll::CountedAnswer,
};

/// `GET /v1/polls/{poll}/results`, and of an article.
pub(in crate::http) async fn read(req: HttpRequest, worker: web::Data<Worker>) -> Result<HttpResponse, Problem> {
    let query = ExportQuery::of_results(&req, ExportForm::preferred(req.headers()))?;
    let (snapshot, caching) = tallies::shown(&worker, &req).await?;
    let disclosed = Disclosed::beside(&worker, &snapshot).await;
    if query.is_for_table() {
        return Ok(exports::results_table(&req, &worker, &snapshot, caching, &query, disclosed.as_ref()));
    }
    let mut told = Told::default();
    told.add_disclosure(disclosed.as_ref());
    if snapshot.poll.open_answer {
        Box::pin(told.add_words(&worker, &snapshot)).await?;
    }
    let caching = if snapshot.poll.open_answer { caching.and(Caching::LIVE) } else { caching };
    if auth::may_read_results(&req, &worker, &snapshot.poll.site).await {
        told.add_publishers(&snapshot, worker.viewing.views_of(&snapshot.poll).await.ok());
        return answer(&req, &worker, &snapshot, Caching::Private, &told);
    }
    answer(&req, &worker, &snapshot, caching, &told)
}

/// What is told beside a tally: as members of its JSON, and as an ending of its tag.
#[derive(Default)]
struct Told {
    members: String,
    mark: String,
}

impl Told {
    /// What readers are shown of each other's own words. An editor may let more be shown at any time, of a closed poll
    /// too.
    async fn add_words(&mut self, worker: &Worker, snapshot: &KnownTally) -> Result<(), Problem> {
        let answers = worker.voting.shown_answers(snapshot).await?;
        let shown = |CountedAnswer { text, ballots, .. }: &CountedAnswer| {
            format!("{{\"text\":{},\"ballots\":{ballots}}}", Value::from(text.as_str()))
        };
        let answers = answers.iter().map(shown).collect::<Vec<_>>().join(",");
        // Writing to a String can't fail.
        self.mark.push_str(&tag_ending(&answers));
        let _ = write!(self.members, ",\"open_answers\":[{answers}]");
        Ok(())
    }

    /// Who stands behind the poll.
    fn add_disclosure(&mut self, disclosed: Option<&Disclosed>) {
        if let Some(disclosed) = disclosed {
            self.members.push_str(&disclosed.member);
            self.mark.push_str(&disclosed.mark());
        }
    }

    /// What the publisher alone is told. Whoever prints by the grade finds it also while views can't be read.
    fn add_publishers(&mut self, snapshot: &KnownTally, views: Option<u64>) {
        if let Some(views) = views {
            self.add_views(snapshot, views);
        }
        self.add_grade(snapshot);
    }

    /// How often the poll was seen, and which share of that voted.
    fn add_views(&mut self, snapshot: &KnownTally, views: u64) {
        let turnout = snapshot.tally.turnout(views).filter(|_| snapshot.poll.counts_every_view());
        let turnout = turnout.map_or_else(|| "null".to_owned(), |turnout| turnout.to_string());
        // Writing to a String can't fail.
        let _ = write!(self.members, ",\"views\":{views},\"turnout\":{turnout}");
        let _ = write!(self.mark, "-views{views}");
    }

    /// How far its publisher can rely on the figure, and why: by a revision of the poll.
    fn add_grade(&mut self, snapshot: &KnownTally) {
        let poll = &snapshot.poll;
        let told = GradeJson { grade: poll.grade().as_str(), grade_reasons: poll.grade_reasons() };
        // Texts can always be written.
        let told = serde_json::to_string(&told).unwrap_or_default();
        // Writing to a String can't fail.
        let _ = write!(
            self.members,
            ",{}",
            told.strip_prefix('{').and_then(|told| told.strip_suffix('}')).unwrap_or_default()
        );
        let _ = write!(self.mark, "-{}", poll.revision);
    }
}

/// How far a poll's figure can be relied on, and why.
#[derive(Serialize)]
struct GradeJson {
    grade: &'static str,
    grade_reasons: Vec<String>,
}

fn answer(
    req: &HttpRequest,
    worker: &Worker,
    snapshot: &KnownTally,
    caching: Caching,
    Told { members, mark }: &Told,
) -> Result<HttpResponse, Problem> {
    let mut etag = snapshot.etag(&worker.shared.position_keys).clone();
    if !mark.is_empty() {
        let of_tally = ascii(&etag).unwrap_or_default();
        etag = format!("{}{mark}\"", of_tally.trim_end_matches('"')).try_into().map_err(Problem::internal)?;
    }
    let is_current = conditional::is_current(req.headers(), ascii(&etag).unwrap_or_default());
    let mut response = if is_current { HttpResponse::NotModified() } else { HttpResponse::Ok() };
    response.insert_header((header::CACHE_CONTROL, caching.header()));
    response.insert_header((header::ETAG, etag));
    if caching.is_public() {
        caching::name_tally(&mut response, snapshot);
    }
    response.insert_header((header::VARY, HeaderValue::from_static("Accept")));
    if is_current {
        return Ok(response.finish());
    }
    response.insert_header((header::CONTENT_TYPE, HeaderValue::from_static("application/json")));
    if members.is_empty() {
        return Ok(response.body(snapshot.results_json().clone()));
    }
    let tally = snapshot.results_text();
    Ok(response.body(format!("{}{members}}}", tally.strip_suffix('}').unwrap_or(tally))))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::poll::{DigestKey, NewOption, NewPoll, Partitions, PollFields, PollId, SiteId, Timestamp};

    #[test]
    fn the_grade_is_told_also_while_views_cannot_be_read() {
        let now: Timestamp = "2026-03-01T12:00:00Z".parse().unwrap();
        let option = |label: &str| NewOption { label: label.to_owned(), ..NewOption::default() };
        let fields = PollFields {
            question: Some("هل تتوقع حل مجلس الأمة؟".to_owned()),
            options: Some(vec![option("نعم"), option("لا")]),
            ..PollFields::default()
        };
        let (id, key) = (PollId::generate(), DigestKey::from_bytes([0; 32]));
        let poll = NewPoll::from(fields).build(id, SiteId::default(), Partitions::unplaced(1), key, now).unwrap();
        let snapshot = KnownTally::of_nothing(&Arc::new(poll), now);
        let told = |views| {
            let mut told = Told::default();
            told.add_publishers(&snapshot, views);
            (told.members, told.mark)
        };
        let grade = ",\"grade\":\"clean\",\"grade_reasons\":[]";
        assert_eq!(told(None), (grade.to_owned(), "-1".to_owned()));
        assert_eq!(told(Some(4)), (format!(",\"views\":4,\"turnout\":0{grade}"), "-views4-1".to_owned()));
    }
}
