//! The two text formats of metrics, and the choice between them.

use std::fmt::Write as _;

use rustc_hash::FxHashMap;

/// How metrics are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MetricsFormat {
    /// OpenMetrics 1.0.
    OpenMetrics,
    /// Prometheus's text format 0.0.4.
    Prometheus,
}

impl MetricsFormat {
    /// The format that an `Accept` header prefers; OpenMetrics if it prefers none.
    pub fn accepted(accept: &str) -> Self {
        let (mut open_metrics, mut prometheus) = (0.0_f32, 0.0_f32);
        for range in accept.split(',') {
            let mut parts = range.split(';').map(str::trim);
            let media = parts.next().unwrap_or_default().to_ascii_lowercase();
            let quality = parts.find_map(|part| part.strip_prefix("q=")?.parse::<f32>().ok()).unwrap_or(1.0);
            match media.as_str() {
                "application/openmetrics-text" => open_metrics = open_metrics.max(quality),
                "text/plain" | "text/*" => prometheus = prometheus.max(quality),
                _ => {}
            }
        }
        if prometheus > open_metrics { Self::Prometheus } else { Self::OpenMetrics }
    }

    pub fn content_type(self) -> &'static str {
        match self {
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
            Self::Prometheus => "text/plain; version=0.0.4; charset=utf-8",
        }
    }
}

/// OpenMetrics in the older format: there a metric has the name of its samples, infos are gauges, and units and the end
/// are not marked.
pub(super) fn as_prometheus(open_metrics: &str) -> String {
    let types: FxHashMap<&str, &str> =
        open_metrics.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split_once(' ')).collect();
    let mut text = String::with_capacity(open_metrics.len());
    for line in open_metrics.lines() {
        let Some(comment) = line.strip_prefix("# ") else {
            text.push_str(line);
            text.push('\n');
            continue;
        };
        let mut words = comment.splitn(3, ' ');
        let (Some(what @ ("HELP" | "TYPE")), Some(name), Some(rest)) = (words.next(), words.next(), words.next())
        else {
            continue;
        };
        let (suffix, kind) = match types.get(name).copied() {
            Some("counter") => ("_total", "counter"),
            Some("info") => ("_info", "gauge"),
            Some(kind) => ("", kind),
            None => ("", "untyped"),
        };
        let rest = if what == "TYPE" { kind } else { rest };
        // Writing to a String can't fail.
        let _ = writeln!(text, "# {what} {name}{suffix} {rest}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_asks_for_the_older_format_alone_or_more_gets_it() {
        use MetricsFormat::{OpenMetrics, Prometheus};
        for (accept, format) in [
            ("", OpenMetrics),
            ("*/*", OpenMetrics),
            ("text/html", OpenMetrics),
            ("text/plain", Prometheus),
            ("text/plain;version=0.0.4", Prometheus),
            ("Text/Plain; version=0.0.4; q=0.5, */*;q=0.1", Prometheus),
            (
                "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
                OpenMetrics,
            ),
            ("application/openmetrics-text;q=0.2,text/plain;q=0.3", Prometheus),
        ] {
            assert_eq!(MetricsFormat::accepted(accept), format, "{accept}");
        }
    }

    #[test]
    fn the_older_format_names_metrics_as_their_samples() {
        let text = "# HELP a_seconds Ours.\n# TYPE a_seconds counter\n# UNIT a_seconds seconds\na_seconds_total 1\n\
                    # HELP b What.\n# TYPE b info\nb_info{version=\"1\"} 1\n# EOF\n";
        let older = "# HELP a_seconds_total Ours.\n# TYPE a_seconds_total counter\na_seconds_total 1\n\
                     # HELP b_info What.\n# TYPE b_info gauge\nb_info{version=\"1\"} 1\n";
        assert_eq!(as_prometheus(text), older);
    }
}
