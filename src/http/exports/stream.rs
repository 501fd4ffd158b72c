//! A timeline on its way to whoever asked: minutes are read a page at a time and leave as buckets a chunk at a time, so
//! an export of any length holds a page of minutes, a chunk of text, and nothing else.
//!
//! What is begun with 200 can't turn into a refusal any more. So the first page is read before the answer begins; later
//! ones are asked for again for some seconds if the store is away or busy with votes; and if that is in vain, or the
//! poll is deleted meanwhile, the connection is cut. A file that ends is whole.
//!
//! Long exports are for newsrooms, and votes come first: a replica reads [`PAGES_AT_ONCE`] pages at a time, whoever
//! asks and however many do. One that is sent holds a page for as long as its reader takes, so there are
//! [`UNDER_WAY`] at most that are not sent at once.

use std::{
    fmt::Write as _,
    ops::Range,
    sync::Arc,
    time::{Duration, Instant},
};

use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder, http::Method};
use bytes::Bytes;
use futures_util::stream;
use tokio::sync::Semaphore;

use super::{
    super::{
        Worker,
        problem::{Code, Problem},
    },
    ExportQuery, Form,
    csv::{self, CsvRow},
};
use crate::{
    live::Snapshot,
    poll::{Bucket, Interval, Minute, Poll, Step, Timeline},
    quota::{ConcurrencyLimiter, ConcurrencyLimits, Subject},
    store::{Minutes, Store, StoreError},
};

/// How many pages of minutes a replica reads at once.
const PAGES_AT_ONCE: usize = 2;

/// How many exports there may be that are longer than a chunk. Each takes some 100 KiB.
const UNDER_WAY: ConcurrencyLimits = ConcurrencyLimits { in_all: 256, per_client: 32 };

/// How long whoever asks for an export waits for the first page's turn.
const FIRST_PAGE_TIMEOUT: Duration = Duration::from_secs(2);
/// How long an export that has begun goes on asking for the next page.
const RETRY_FOR: Duration = Duration::from_secs(20);
/// How long it waits between two times.
const RETRY_EVERY: Duration = Duration::from_millis(200);

/// A chunk is sent once it is so long. One bucket more fits in any case: 32 long labels are some 100 KiB.
const CHUNK: usize = 16 * 1024;

/// Turns at reading minutes, shared by a replica's exports, and how many of these there are.
pub struct ExportLimits {
    reading: Semaphore,
    under_way: Arc<ConcurrencyLimiter>,
}

impl Default for ExportLimits {
    fn default() -> Self {
        Self { reading: Semaphore::new(PAGES_AT_ONCE), under_way: Arc::new(ConcurrencyLimiter::new(UNDER_WAY)) }
    }
}

/// One timeline being sent.
pub(super) struct Export {
    pages: Pages,
    timeline: Timeline,
    snapshot: Arc<Snapshot>,
    interval: Interval,
    query: ExportQuery,
    /// The cells of each option that are the same in every line.
    cells: Vec<(u8, String)>,
    has_buckets: bool,
    progress: Progress,
}

#[derive(PartialEq, Eq)]
enum Progress {
    Head,
    Buckets,
    Done,
}

impl Export {
    pub(super) fn new(worker: &Worker, snapshot: Arc<Snapshot>, interval: Interval, query: ExportQuery) -> Self {
        let (timeline, range) = Timeline::new(&snapshot.poll, &snapshot.tally, interval, &query.timezone);
        let pages = Pages { store: worker.store.clone(), shared: worker.shared.clone(), range };
        let cells = snapshot.poll.options.iter().map(|option| {
            let mut cells = String::new();
            if query.form.is_csv() {
                CsvRow::of(&mut cells, query.separator).text(option.id.as_str()).text(option.label.as_str()).end();
                cells.truncate(cells.trim_end_matches("\r\n").len());
            } else {
                // An id is made of characters that JSON takes as they are.
                let _ = write!(cells, "\"{}\":", option.id);
            }
            (option.index, cells)
        });
        let cells = cells.collect();
        let progress = Progress::Head;
        Self { pages, timeline, snapshot, interval, query, cells, has_buckets: false, progress }
    }

    /// Answers with the whole timeline, as it is read.
    pub(super) async fn send(
        mut self,
        req: &HttpRequest,
        mut response: HttpResponseBuilder,
    ) -> Result<HttpResponse, Problem> {
        let page = self.pages.first(&self.snapshot.poll).await?;
        self.take_in(page).await?;
        let chunk = self.chunk().await?;
        if self.progress == Progress::Done {
            return Ok(response.body(chunk));
        }
        if *req.method() == Method::HEAD {
            return Ok(response.streaming(stream::empty::<Result<Bytes, StoreError>>()));
        }
        let client = Subject::from(self.pages.shared.client_rule.client(req));
        let too_many = |_| Problem::new(Code::Overloaded, "too many exports are under way");
        let permit = self.pages.shared.turns.under_way.take(Some(client)).map_err(too_many)?;
        let rest = stream::try_unfold((self, permit), async |(mut export, permit)| {
            if export.progress == Progress::Done {
                return Ok(None);
            }
            match export.chunk().await {
                Ok(chunk) => Ok(Some((chunk, (export, permit)))),
                Err(error) => {
                    let poll = export.snapshot.poll.id;
                    tracing::warn!(%poll, %error, "a timeline was cut off before its end");
                    Err(error)
                }
            }
        });
        let first = stream::iter([Ok::<_, StoreError>(chunk)]);
        Ok(response.streaming(Box::pin(futures_util::StreamExt::chain(first, rest))))
    }

    /// The next piece of text, and only the last one may be short.
    async fn chunk(&mut self) -> Result<Bytes, StoreError> {
        let mut text = String::with_capacity(CHUNK + 1024);
        while text.len() < CHUNK {
            match self.progress {
                Progress::Head => {
                    self.write_head(&mut text);
                    self.progress = Progress::Buckets;
                }
                Progress::Buckets => match self.timeline.step() {
                    Step::Bucket(bucket) => self.write_bucket(&mut text, &bucket),
                    Step::NeedsMinutes => {
                        let page = self.pages.next(&self.snapshot.poll).await?;
                        self.take_in(page).await?;
                    }
                    Step::End => {
                        if !self.query.form.is_csv() {
                            text.push_str("]}");
                        }
                        self.progress = Progress::Done;
                    }
                },
                Progress::Done => break,
            }
        }
        Ok(text.into())
    }

    async fn take_in(&mut self, page: Minutes) -> Result<(), StoreError> {
        self.timeline.feed(page.changes);
        let Some(next) = page.next else {
            self.pages.check_end(&self.snapshot.poll).await?;
            self.timeline.end_feed();
            return Ok(());
        };
        self.pages.range.start = next;
        Ok(())
    }

    fn write_head(&self, text: &mut String) {
        match self.query.form {
            Form::Json => {
                text.push_str("{\"results\":");
                text.push_str(self.snapshot.results_text());
                // Writing to a String can't fail.
                let _ = write!(text, ",\"interval\":\"{}\",", self.interval);
                let _ = write!(text, "\"timezone\":\"{}\",\"buckets\":[", self.query.timezone);
            }
            Form::CsvFile | Form::Csv => {
                if self.query.form == Form::CsvFile {
                    text.push_str(csv::BOM);
                }
                let start = csv::time_column("start", &self.query.timezone);
                let names = ["poll", &start, "option", "label", "votes", "votes_so_far", "ballots", "ballots_so_far"];
                CsvRow::names(text, self.query.separator, &names);
            }
        }
    }

    fn write_bucket(&mut self, text: &mut String, bucket: &Bucket) {
        let Bucket { start, change, so_far } = bucket;
        let zone = &self.query.timezone;
        if self.query.form.is_csv() {
            let (poll, start) = (self.snapshot.poll.id, zone.local_time(start.start()).to_string());
            for (index, cells) in &self.cells {
                CsvRow::of(text, self.query.separator)
                    .plain(poll)
                    .plain(&start)
                    .plain(cells)
                    .plain(change.votes_in(*index))
                    .plain(so_far.votes_in(*index))
                    .plain(change.ballots)
                    .plain(so_far.ballots)
                    .end();
            }
            return;
        }
        let comma = if std::mem::replace(&mut self.has_buckets, true) { "," } else { "" };
        // Writing to a String can't fail.
        let start = zone.exact_time(start.start());
        let _ = write!(text, "{comma}{{\"start\":\"{start}\",\"ballots\":{},\"votes\":{{", change.ballots);
        for (place, (index, cells)) in self.cells.iter().enumerate() {
            let comma = if place == 0 { "" } else { "," };
            let _ = write!(text, "{comma}{cells}{}", change.votes_in(*index));
        }
        text.push_str("}}");
    }
}

/// Where an export's minutes come from.
struct Pages {
    store: Arc<dyn Store>,
    shared: Arc<super::super::ReplicaState>,
    /// What is still to be read.
    range: Range<Minute>,
}

impl Pages {
    /// The first page, or a quick refusal.
    async fn first(&self, poll: &Poll) -> Result<Minutes, StoreError> {
        let turn = tokio::time::timeout(FIRST_PAGE_TIMEOUT, self.shared.turns.reading.acquire()).await;
        let _turn = turn.map_err(|_| StoreError::Overloaded)?;
        self.store.minutes(poll, self.range.clone()).await
    }

    /// A page in the middle.
    async fn next(&self, poll: &Poll) -> Result<Minutes, StoreError> {
        persist(async || {
            let _turn = self.shared.turns.reading.acquire().await;
            self.store.minutes(poll, self.range.clone()).await
        })
        .await
    }

    /// That the poll is still there, as it was: of one that was deleted or reshaped on the way there would be some
    /// minutes and not the others. Ids are never used again, so to ask at the end is enough.
    async fn check_end(&self, poll: &Poll) -> Result<(), StoreError> {
        let indexes =
            |poll: &Poll| poll.options.iter().map(|option| (option.index, option.id.clone())).collect::<Vec<_>>();
        let is_there = persist(async || self.store.poll(poll.id).await).await?.is_some_and(|now| {
            let (mut now, mut then) = (indexes(&now), indexes(poll));
            now.sort_unstable();
            then.sort_unstable();
            now == then
        });
        if is_there { Ok(()) } else { Err(StoreError::unavailable("the poll was deleted while its timeline was read")) }
    }
}

/// Asks what is worth waiting for, until there is an answer.
async fn persist<T>(ask: impl AsyncFn() -> Result<T, StoreError>) -> Result<T, StoreError> {
    let begun = Instant::now();
    loop {
        match ask().await {
            Err(StoreError::Unavailable(_) | StoreError::Overloaded) if begun.elapsed() < RETRY_FOR => {
                tokio::time::sleep(RETRY_EVERY).await;
            }
            answer => return answer,
        }
    }
}
