//! Readers' own words as a table.

use actix_web::{HttpResponse, http::header};

use super::csv::{self, CsvRow, Separator};
use crate::{
    http::message::{caching, problem::Problem, query::Query},
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

/// One line for each text.
pub(in crate::http) fn answers_table(
    poll: &Poll,
    answers: &[CountedAnswer],
    AnswersTable { separator }: AnswersTable,
) -> HttpResponse {
    let mut table = String::with_capacity(256 * (1 + answers.len()));
    table.push_str(csv::BOM);
    CsvRow::names(&mut table, separator, &["poll", "question", "answer", "text", "state", "ballots"]);
    for CountedAnswer { id, text, state, ballots } in answers {
        CsvRow::of(&mut table, separator)
            .plain(poll.id)
            .text(poll.question.as_str())
            .plain(id)
            .text(text.as_str())
            .plain(state.as_str())
            .plain(ballots)
            .end();
    }
    HttpResponse::Ok()
        .content_type(csv::CONTENT_TYPE)
        .insert_header((header::CACHE_CONTROL, caching::PRIVATE))
        .insert_header((header::CONTENT_DISPOSITION, csv::disposition(poll.question.as_str(), "answers")))
        .body(table)
}
