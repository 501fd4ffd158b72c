//! The form that a request asks for: JSON or CSV.

use actix_web::http::header::{self, HeaderMap};

/// How an export is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::http) enum ExportForm {
    /// For programs and pages.
    Json,
    /// A table, because `Accept` asks for one.
    Csv,
    /// A table, because its address ends in `.csv`: a file that is opened in a spreadsheet.
    CsvFile,
}

impl ExportForm {
    /// What `Accept` (RFC 9110, section 12.5.1) prefers: a table only if it says so; JSON in doubt. Every read of a
    /// tally asks this, so the header is read in place: actix-web's `Accept` allocates for each of its ranges, and
    /// ranks them without the doubt.
    pub(in crate::http) fn preferred(headers: &HeaderMap) -> Self {
        // So nearly everybody asks, if they say anything.
        if headers.get_all(header::ACCEPT).all(|range| range == "*/*") {
            return Self::Json;
        }
        let (mut json, mut csv) = (Preference::default(), Preference::default());
        for line in headers.get_all(header::ACCEPT).filter_map(|line| line.to_str().ok()) {
            for range in line.split(',') {
                let mut parts = range.split(';').map(str::trim);
                let kind = parts.next().unwrap_or_default();
                let weight = parts.find_map(|part| part.strip_prefix("q=").or_else(|| part.strip_prefix("Q=")));
                let weight = weight.map_or(1.0, |weight| weight.parse().unwrap_or(0.0));
                json.take(kind, "application/json", "application/*", weight);
                csv.take(kind, "text/csv", "text/*", weight);
            }
        }
        if csv.weight > json.weight { Self::Csv } else { Self::Json }
    }

    /// Whether it is a table.
    pub(super) fn is_csv(self) -> bool {
        match self {
            Self::Json => false,
            Self::Csv | Self::CsvFile => true,
        }
    }
}

/// How much a media type is wanted, by the most specific range that matches it.
#[derive(Default)]
struct Preference {
    closeness: u8,
    weight: f32,
}

impl Preference {
    fn take(&mut self, range: &str, exact: &str, family: &str, weight: f32) {
        let closeness = match range {
            "*/*" => 1,
            _ if range.eq_ignore_ascii_case(family) => 2,
            _ if range.eq_ignore_ascii_case(exact) => 3,
            _ => return,
        };
        if closeness >= self.closeness {
            (self.closeness, self.weight) = (closeness, weight);
        }
    }
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::HeaderValue;

    use super::*;

    fn preferred(accept: &'static str) -> ExportForm {
        let mut headers = HeaderMap::new();
        headers.insert(header::ACCEPT, HeaderValue::from_static(accept));
        ExportForm::preferred(&headers)
    }

    #[test]
    fn a_table_is_sent_to_whoever_prefers_one() {
        for accept in
            ["text/csv", "Text/CSV; q=0.5", "application/json;q=0.5, text/csv", "text/csv, */*;q=0.1", "text/*"]
        {
            assert_eq!(preferred(accept), ExportForm::Csv, "{accept}");
        }
        for accept in [
            "*/*",
            "application/json",
            "application/json, text/csv",
            "text/csv;q=0.5, */*",
            "text/csv;q=0",
            "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
            "text/csv;q=x",
            "",
        ] {
            assert_eq!(preferred(accept), ExportForm::Json, "{accept}");
        }
        assert_eq!(ExportForm::preferred(&HeaderMap::new()), ExportForm::Json);
    }
}
