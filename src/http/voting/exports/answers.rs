//! Readers' own words as a table.

use actix_web::{HttpResponse, http::header};

use super::{
    super::disclosure::Disclosed,
    csv::{self, CsvRow, Separator},
};
use crate::{
    http::{
        Worker,
        message::{caching, problem::Problem, query::Query},
    },
    poll::{CountedAnswer, Poll},
};

/// How such a table is asked for.
#[derive(Clone, Copy)]
pub(in crate::http) struct AnswersTable {
    separator: Separator,
}

impl AnswersTable {
    /// Takes its parameters.
    ///
    /// # Errors
    /// `invalid-request`.
    pub(in crate::http) fn asked_for(query: &mut Query) -> Result<Self, Problem> {
        let separator = query.take_parsed("separator", Separator::parse)?.unwrap_or_default();
        Ok(Self { separator })
    }
}

/// One line for each text, with what readers are told of the poll wherever something of it is shown.
pub(in crate::http) async fn answers_table(
    worker: &Worker,
    poll: &Poll,
    answers: &[CountedAnswer],
    AnswersTable { separator }: AnswersTable,
) -> HttpResponse {
    let disclosed = Disclosed::of_poll(worker, poll).await;
    let mut table = String::with_capacity(256 * (1 + answers.len()));
    table.push_str(csv::BOM);
    let mut names = vec!["poll", "question", "answer", "text", "state", "ballots"];
    names.extend(disclosed.as_ref().map(|_| "disclosure"));
    CsvRow::names(&mut table, separator, &names);
    for CountedAnswer { id, text, state, ballots } in answers {
        let mut row = CsvRow::of(&mut table, separator)
            .plain(poll.id)
            .text(poll.question.as_str())
            .plain(id)
            .text(text.as_str())
            .plain(state.as_str())
            .plain(ballots);
        if let Some(disclosed) = &disclosed {
            row = row.text(&disclosed.text);
        }
        row.end();
    }
    HttpResponse::Ok()
        .content_type(csv::CONTENT_TYPE)
        .insert_header((header::CACHE_CONTROL, caching::PRIVATE))
        .insert_header((header::CONTENT_DISPOSITION, csv::disposition(poll.question.as_str(), "answers")))
        .body(table)
}
