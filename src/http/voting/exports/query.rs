//! The query of an export, read as a whole before anything is looked up.

use std::fmt::Write as _;

use actix_web::HttpRequest;

use super::{ExportForm, csv::Separator};
use crate::{
    http::message::{problem::Problem, query::Query},
    poll::{Interval, TimeZone},
};

/// How an export is asked for. A wrong parameter is refused even where it would change nothing, such as a separator for
/// JSON: its sender learns of the mistake at once.
pub(in crate::http) struct ExportQuery {
    pub(super) form: ExportForm,
    pub(super) separator: Separator,
    pub(super) timezone: TimeZone,
}

impl ExportQuery {
    /// Of a tally.
    pub(in crate::http) fn of_results(req: &HttpRequest, form: ExportForm) -> Result<Self, Problem> {
        // Most readers ask for nothing special.
        if req.query_string().is_empty() {
            return Ok(Self { form, separator: Separator::default(), timezone: TimeZone::UTC });
        }
        Self::take(&mut Query::lenient(req.query_string())?, form)
    }

    /// Of a timeline, with the length of its buckets.
    pub(super) fn of_timeline(req: &HttpRequest, form: ExportForm) -> Result<(Self, Interval), Problem> {
        let mut query = Query::lenient(req.query_string())?;
        let interval = query.take_parsed("interval", |text| text.parse().map_err(str::to_owned))?;
        Ok((Self::take(&mut query, form)?, interval.unwrap_or(Interval::HOUR)))
    }

    /// Of a file for an editor, in their site's zone unless they ask for another; with the length of a timeline's
    /// buckets.
    pub(in crate::http) fn of_editor(req: &HttpRequest, zone: &TimeZone) -> Result<(Self, Interval), Problem> {
        let (query, interval) = Self::of_timeline(req, ExportForm::CsvFile)?;
        let names_zone = Query::lenient(req.query_string())?.take("timezone")?.is_some();
        Ok((if names_zone { query } else { Self { timezone: zone.clone(), ..query } }, interval))
    }

    /// Whether a table is asked for.
    pub(in crate::http) fn is_for_table(&self) -> bool {
        self.form.is_csv()
    }

    fn take(query: &mut Query, form: ExportForm) -> Result<Self, Problem> {
        let separator = query.take_parsed("separator", Separator::parse)?.unwrap_or_default();
        let timezone = query.take_parsed("timezone", |name| name.parse().map_err(str::to_owned))?.unwrap_or_default();
        Ok(Self { form, separator, timezone })
    }

    /// Adds to a tag what is special to this form of an export.
    pub(super) fn mark(&self, tag: &mut String) {
        // Writing to a String can't fail.
        let _ = write!(tag, "-{}", self.timezone);
        if self.form.is_csv() {
            tag.push_str("-csv");
            if self.separator != Separator::default() {
                let _ = write!(tag, "-{}", self.separator.as_str());
            }
        }
    }
}
