//! Sends a timeline: [buckets](crate::voting::TimelineReader) are written to text and sent chunk by chunk. So an export
//! of any length holds one chunk of text.
//!
//! An answer that has begun with 200 can't become a refusal. If the timeline can't be read to its end, the connection
//! is cut: a file that ends is complete.

use std::{fmt::Write as _, sync::Arc};

use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder, http::Method};
use bytes::Bytes;
use futures_util::stream;

use super::{
    ExportForm, ExportQuery,
    csv::{self, CsvRow},
};
use crate::{
    http::{
        Worker,
        message::problem::{Code, Problem},
        middleware::{connections::CountedSocket, limits},
        voting::disclosure::Disclosed,
    },
    live::KnownTally,
    net::connection::ConnectionHandle,
    poll::{Bucket, Interval},
    voting::{TimelineReader, VoteError},
};

/// A chunk is sent once it has this length. One more bucket always fits: 32 long labels are some 100 KiB.
const CHUNK: usize = 16 * 1024;

/// One timeline being sent.
pub(super) struct Export {
    timeline: TimelineReader,
    snapshot: Arc<KnownTally>,
    interval: Interval,
    query: ExportQuery,
    /// The cells of each option that are the same in every line.
    cells: Vec<(u8, String)>,
    /// Who stands behind the poll: in a table in the first line alone.
    disclosed: Option<Disclosed>,
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
    /// Begins an export, or refuses it while that is still possible.
    pub(super) async fn begin(
        worker: &Worker,
        snapshot: Arc<KnownTally>,
        interval: Interval,
        query: ExportQuery,
        disclosed: Option<Disclosed>,
    ) -> Result<Self, Problem> {
        let timeline = worker.voting.timeline(&snapshot, interval, &query.timezone).await?;
        let cells = snapshot.poll.options.iter().map(|option| {
            let mut cells = String::new();
            if query.form.is_csv() {
                CsvRow::of(&mut cells, query.separator).text(option.id.as_str()).text(option.label.as_str()).end();
                cells.truncate(cells.trim_end_matches("\r\n").len());
            } else {
                // JSON needs no escapes for an id.
                let _ = write!(cells, "\"{}\":", option.id);
            }
            (option.index, cells)
        });
        let cells = cells.collect();
        let progress = Progress::Head;
        Ok(Self { timeline, snapshot, interval, query, cells, disclosed, has_buckets: false, progress })
    }

    /// Answers with the whole timeline, as it is read.
    pub(super) async fn send(
        mut self,
        req: &HttpRequest,
        worker: &Worker,
        mut response: HttpResponseBuilder,
    ) -> Result<HttpResponse, Problem> {
        let chunk = self.chunk().await?;
        if self.progress == Progress::Done {
            return Ok(response.body(chunk));
        }
        if *req.method() == Method::HEAD {
            return Ok(response.streaming(stream::empty::<Result<Bytes, VoteError>>()));
        }
        let permit = self.timeline.permit(limits::subject(req, worker));
        let permit = permit.ok_or_else(|| Problem::new(Code::Overloaded, "too many exports are under way"))?;
        // Between two chunks the connection is not idle, which would end it where connections are scarce.
        let hold = req.conn_data::<ConnectionHandle<CountedSocket>>().map(ConnectionHandle::hold);
        let rest = stream::try_unfold((self, permit, hold), async |(mut export, permit, hold)| {
            if export.progress == Progress::Done {
                return Ok(None);
            }
            match export.chunk().await {
                Ok(chunk) => Ok(Some((chunk, (export, permit, hold)))),
                Err(error) => {
                    let poll = export.snapshot.poll.id;
                    tracing::warn!(%poll, %error, "a timeline was cut off before its end");
                    Err(error)
                }
            }
        });
        let first = stream::iter([Ok::<_, VoteError>(chunk)]);
        Ok(response.streaming(Box::pin(futures_util::StreamExt::chain(first, rest))))
    }

    /// The next piece of text; only the last one may be shorter than [`CHUNK`].
    async fn chunk(&mut self) -> Result<Bytes, VoteError> {
        let mut text = String::with_capacity(CHUNK + 1024);
        while text.len() < CHUNK {
            match self.progress {
                Progress::Head => {
                    self.write_head(&mut text);
                    self.progress = Progress::Buckets;
                }
                Progress::Buckets => {
                    if let Some(bucket) = self.timeline.next().await? {
                        self.write_bucket(&mut text, &bucket);
                        continue;
                    }
                    if !self.query.form.is_csv() {
                        text.push_str("]}");
                    }
                    self.progress = Progress::Done;
                }
                Progress::Done => break,
            }
        }
        Ok(text.into())
    }

    fn write_head(&self, text: &mut String) {
        match self.query.form {
            ExportForm::Json => {
                text.push_str("{\"results\":");
                let results = self.snapshot.results_text();
                match &self.disclosed {
                    None => text.push_str(results),
                    Some(Disclosed { member, .. }) => {
                        text.push_str(results.strip_suffix('}').unwrap_or(results));
                        text.push_str(member);
                        text.push('}');
                    }
                }
                // Writing to a String can't fail.
                let _ = write!(text, ",\"interval\":\"{}\",", self.interval);
                let _ = write!(text, "\"timezone\":\"{}\",\"buckets\":[", self.query.timezone);
            }
            ExportForm::CsvFile | ExportForm::Csv => {
                if self.query.form == ExportForm::CsvFile {
                    text.push_str(csv::BOM);
                }
                let start = csv::time_column("start", &self.query.timezone);
                let mut names =
                    vec!["poll", &start, "option", "label", "votes", "votes_so_far", "ballots", "ballots_so_far"];
                names.extend(self.disclosed.as_ref().map(|_| "disclosure"));
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
                let mut row = CsvRow::of(text, self.query.separator)
                    .plain(poll)
                    .plain(&start)
                    .plain(cells)
                    .plain(change.votes_in(*index))
                    .plain(so_far.votes_in(*index))
                    .plain(change.ballots)
                    .plain(so_far.ballots);
                if let Some(disclosed) = &self.disclosed {
                    let is_first = !std::mem::replace(&mut self.has_buckets, true);
                    row = row.text(if is_first { &disclosed.text } else { "" });
                }
                row.end();
            }
            return;
        }
        let comma = if std::mem::replace(&mut self.has_buckets, true) { "," } else { "" };
        // Writing to a String can't fail.
        let start = zone.exact_time(start.start());
        let _ = write!(text, "{comma}{{\"start\":\"{start}\",\"ballots\":{},\"votes\":{{", change.ballots);
        for (nth, (index, cells)) in self.cells.iter().enumerate() {
            let comma = if nth == 0 { "" } else { "," };
            let _ = write!(text, "{comma}{cells}{}", change.votes_in(*index));
        }
        text.push_str("}}");
    }
}
