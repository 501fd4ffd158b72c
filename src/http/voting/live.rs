//! Event streams: tallies as they move.
//!
//! A stream lasts as long as its reader likes, so the [limiter](crate::live::StreamLimiter) admits it, and it counts
//! once in the quota of reads. [`Stream`] decides what is sent, and [`Writer`] sends it; this file reads the request.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use actix_web::{
    HttpRequest, HttpResponse, HttpResponseBuilder,
    body::{BodySize, MessageBody},
    http::{
        Method,
        header::{self, HeaderName, HeaderValue},
    },
    rt, web,
};
use bytes::Bytes;

use super::{several::polls_in_query, votes};
use crate::{
    http::{
        Worker,
        auth::{self, voter_in_body::RequestVoter},
        message::{
            path::poll_in_path,
            problem::{Code, Problem},
            query::Query,
        },
        middleware::{connections::CountedSocket, limits},
    },
    live::{Stream, StreamPermit, StreamRefusal},
    net::{connection::ConnectionHandle, writer::Writer},
    poll::{PollId, VoterId},
    site::Publisher,
    voting::{ArticlePoll, Asker, StreamPlan, StreamRequest},
};

const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");
const ACCEL_BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");
/// No cache may keep a stream, and no proxy may compress it: a proxy would hold events back until it has enough of
/// them.
const CACHING: HeaderValue = HeaderValue::from_static("no-cache, no-transform");

/// `GET /v1/polls/{poll}/live`.
pub(in crate::http) async fn read(req: HttpRequest, worker: web::Data<Worker>) -> Result<HttpResponse, Problem> {
    let id = poll_in_path(&req)?;
    stream(&req, &worker, &[id], None).await
}

/// `GET /v1/live?polls=A,B`.
pub(in crate::http) async fn read_several(
    req: HttpRequest,
    worker: web::Data<Worker>,
) -> Result<HttpResponse, Problem> {
    stream(&req, &worker, &polls_in_query(&req)?, None).await
}

/// `POST /v1/live?polls=A,B`: the same for a voter whom the body names. So a page needs no header for it, and no
/// preflight, and no token stands in an address.
pub(in crate::http) async fn read_mine(
    req: HttpRequest,
    payload: web::Payload,
    worker: web::Data<Worker>,
) -> Result<HttpResponse, Problem> {
    let polls = polls_in_query(&req)?;
    let RequestVoter { voter, .. } = votes::sender_by_body(&req, payload, &worker).await?;
    stream(&req, &worker, &polls, Some(voter)).await
}

async fn stream(
    req: &HttpRequest,
    worker: &Worker,
    polls: &[PollId],
    voter: Option<VoterId>,
) -> Result<HttpResponse, Problem> {
    let plan = async |permit, shown: Shown| {
        let asker = StreamAsker::of(req, worker, voter).await?;
        let request = |(nth, id): (usize, &PollId)| shown.request(worker, *id, nth);
        let requests = polls.iter().enumerate().map(request).collect();
        let plan = worker.voting.plan_stream(permit, &asker, requests).await?;
        plan.ok_or_else(|| if polls.len() == 1 { Problem::no_poll() } else { no_polls() })
    };
    open(req, worker, plan).await
}

/// A stream of an article's poll, which may begin before there is one.
pub(super) async fn stream_article(
    req: &HttpRequest,
    worker: &Worker,
    article: &ArticlePoll,
) -> Result<HttpResponse, Problem> {
    let plan = async |permit, shown: Shown| {
        let asker = StreamAsker::of(req, worker, None).await?;
        let request = shown.request(worker, article.known.poll.id, 0);
        worker.voting.plan_article_stream(permit, &asker, article, request).await
    };
    open(req, worker, plan).await
}

/// A stream of one poll for somebody whose site it is.
pub(in crate::http) async fn stream_to<A: Asker<Error = Problem>>(
    req: &HttpRequest,
    worker: &Worker,
    asker: &A,
    id: PollId,
) -> Result<HttpResponse, Problem> {
    let plan = async |permit, shown: Shown| {
        let plan = worker.voting.plan_stream(permit, asker, vec![shown.request(worker, id, 0)]).await?;
        plan.ok_or_else(Problem::no_poll)
    };
    open(req, worker, plan).await
}

/// Opens a stream by a plan, for which there must be a permit.
async fn open(
    req: &HttpRequest,
    worker: &Worker,
    plan: impl AsyncFnOnce(StreamPermit, Shown) -> Result<StreamPlan, Problem>,
) -> Result<HttpResponse, Problem> {
    let detail = match worker.voting.admit_stream(limits::subject(req, worker)) {
        Ok(permit) => return respond(req, worker, plan(permit, shown(req)?).await?),
        // By an error a browser would end its stream for good.
        Err(StreamRefusal::Closing) => return Ok(head().force_close().body(Stream::come_back())),
        Err(StreamRefusal::Full) => {
            "there are as many streams open as there may be; read the results instead, or come back"
        }
        Err(StreamRefusal::ClientFull) => {
            "there are as many streams open from this address as there may be; close some"
        }
    };
    Err(Problem::new(Code::Overloaded, detail))
}

/// What every stream begins with.
fn head() -> HttpResponseBuilder {
    let mut response = HttpResponse::Ok();
    response.insert_header((header::CACHE_CONTROL, CACHING));
    response.insert_header((header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream")));
    response.insert_header((ACCEL_BUFFERING, HeaderValue::from_static("no")));
    response
}

fn respond(req: &HttpRequest, worker: &Worker, plan: StreamPlan) -> Result<HttpResponse, Problem> {
    let mut response = head();
    if req.method() == Method::HEAD {
        return Ok(response.finish());
    }
    let connection = req.conn_data::<ConnectionHandle<CountedSocket>>().cloned();
    let connection = connection.ok_or_else(|| Problem::internal("the connection can't be handed over"))?;
    let stream = worker.voting.open_stream(plan);
    let mut response = response.force_close().body(StreamBody { stream: Some(stream), connection });
    response.head_mut().no_chunking(true);
    Ok(response)
}

/// The one who asks for a stream. Their key is looked up at once: what it shows, it shows now and later.
struct StreamAsker<'a> {
    publisher: Option<Publisher>,
    sender: auth::RequestAsker<'a>,
}

impl<'a> StreamAsker<'a> {
    async fn of(req: &'a HttpRequest, worker: &'a Worker, voter: Option<VoterId>) -> Result<Self, Problem> {
        let sender = auth::RequestAsker::of(req, worker).naming(voter);
        Ok(Self { publisher: sender.publisher().await?, sender })
    }
}

impl Asker for StreamAsker<'_> {
    type Error = Problem;

    fn known_publisher(&self) -> Option<&Publisher> {
        self.publisher.as_ref()
    }

    async fn publisher(&self) -> Result<Option<Publisher>, Problem> {
        Ok(None)
    }

    fn voter(&self) -> Result<Option<VoterId>, Problem> {
        self.sender.voter()
    }
}

/// What a reader says who asks for a stream.
#[derive(Debug, PartialEq, Eq)]
struct Shown {
    /// How far they have come with all the polls they ask for.
    positions: String,
    /// Whether they have those tallies. With `Last-Event-ID` they have: a browser keeps that only as long as the page
    /// that received the events.
    has_it: bool,
    /// Whether they want marks. Who does not ask gets none: they might take them for something else.
    wants_mark: bool,
}

impl Shown {
    /// How a poll is asked for that stands at this position.
    fn request(&self, worker: &Worker, id: PollId, nth: usize) -> StreamRequest {
        let position = self.positions.split(',').nth(nth);
        let seen = position.and_then(|text| worker.shared.position_keys.read(id, text.trim()));
        StreamRequest { id, seen, has_it: self.has_it, wants_mark: self.wants_mark }
    }
}

fn shown(req: &HttpRequest) -> Result<Shown, Problem> {
    let mut query = Query::lenient(req.query_string())?;
    let wants_mark = query.take_meant("mark", |word| (word == "true").then_some(true)).is_some();
    match req.headers().get(LAST_EVENT_ID).and_then(|id| id.to_str().ok()) {
        Some(id) => Ok(Shown { positions: id.to_owned(), has_it: true, wants_mark }),
        None => Ok(Shown { positions: query.take("seen")?.unwrap_or_default(), has_it: false, wants_mark }),
    }
}

fn no_polls() -> Problem {
    Problem::new(Code::NotFound, "no poll has any of these ids")
}

/// A stream as the body of an answer: when the framework has written the head and asks for more, the stream takes over
/// the connection.
struct StreamBody {
    stream: Option<Stream>,
    connection: ConnectionHandle<CountedSocket>,
}

impl MessageBody for StreamBody {
    type Error = std::convert::Infallible;

    fn size(&self) -> BodySize {
        BodySize::Stream
    }

    fn poll_next(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Bytes, Self::Error>>> {
        let body = self.get_mut();
        if let Some(stream) = body.stream.take() {
            body.connection.hand_over(|socket| drop(rt::spawn(Writer::new(stream, socket))));
        }
        // The framework notices the connection's end when it tries to write.
        Poll::Pending
    }
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    #[test]
    fn a_reader_shows_what_they_have_by_header_and_what_they_have_seen_by_query() {
        let shown = |request: TestRequest| shown(&request.to_http_request()).unwrap();
        let expected =
            |positions: &str, has_it, wants_mark| Shown { positions: positions.to_owned(), has_it, wants_mark };
        assert_eq!(shown(TestRequest::default()), expected("", false, false));
        let seen = TestRequest::with_uri("/v1/live?polls=x&seen=0:17:00ff,-&mark=true");
        assert_eq!(shown(seen), expected("0:17:00ff,-", false, true));
        let both = TestRequest::with_uri("/v1/live?seen=4&mark=1").insert_header((LAST_EVENT_ID, "17,-"));
        assert_eq!(shown(both), expected("17,-", true, false));
    }
}
