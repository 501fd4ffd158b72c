//! Query strings of the requests that take parameters.

use actix_web::web;

use super::problem::{Code, Problem};
use crate::poll::{InvalidId, SiteId};

/// The parameters of one request, taken out by name.
pub(in crate::http) struct Query(Vec<(String, String)>);

impl Query {
    /// Reads a query string. A parameter that is not `known` is refused: a misspelt filter would list the wrong things.
    pub(in crate::http) fn strict(text: &str, known: &[&str]) -> Result<Self, Problem> {
        let query = Self::lenient(text)?;
        match query.0.iter().find(|(name, _)| !known.contains(&name.as_str())) {
            None => Ok(query),
            Some((name, _)) => {
                // A name may be empty, or as long as a query.
                let name: String = if name.is_empty() { "?".to_owned() } else { name.chars().take(64).collect() };
                let rule = format!("is not a parameter here; there are {}", known.join(", "));
                Err(refused(&name, rule))
            }
        }
    }

    /// Reads a query string and ignores unknown parameters: trackers and caches add some to readers' pages.
    pub(in crate::http) fn lenient(text: &str) -> Result<Self, Problem> {
        web::Query::from_query(text)
            .map(|query: web::Query<Vec<(String, String)>>| Self(query.into_inner()))
            .map_err(|_| Problem::new(Code::InvalidRequest, "the query can't be read"))
    }

    /// Takes a parameter out.
    ///
    /// # Errors
    /// `invalid-request` if it is given more than once.
    pub(in crate::http) fn take(&mut self, name: &str) -> Result<Option<String>, Problem> {
        let mut values = self.0.extract_if(.., |(given, _)| given == name);
        let value = values.next().map(|(_, value)| value);
        match values.next() {
            None => Ok(value),
            Some(_) => Err(refused(name, "must be given once")),
        }
    }

    /// Takes a parameter out, with all its values.
    pub(in crate::http) fn take_all(&mut self, name: &str) -> Vec<String> {
        self.0.extract_if(.., |(given, _)| given == name).map(|(_, value)| value).collect()
    }

    /// Takes a parameter out, however often it is given, and ignores values that mean nothing.
    pub(in crate::http) fn take_meant<T>(&mut self, name: &str, meant: impl FnMut(&str) -> Option<T>) -> Option<T> {
        let values: Vec<_> = self.0.extract_if(.., |(given, _)| given == name).map(|(_, value)| value).collect();
        values.iter().map(String::as_str).find_map(meant)
    }

    /// Takes a parameter out and parses it; the error's words follow the parameter's name.
    pub(in crate::http) fn take_parsed<T>(
        &mut self,
        name: &str,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> Result<Option<T>, Problem> {
        let value = self.take(name)?;
        value.map(|value| parse(&value).map_err(|rule| refused(name, rule))).transpose()
    }
}

/// A parameter is not what it must be.
pub(in crate::http) fn refused(name: &str, rule: impl Into<String>) -> Problem {
    Problem::of_field(Code::InvalidRequest, name, rule)
}

/// The id of a site in a body or a query.
pub(in crate::http) fn parse_site(text: &str) -> Result<SiteId, String> {
    text.parse().map_err(|rule: InvalidId| rule.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_taken_once_and_unknown_ones_are_refused() {
        let mut query = Query::strict("site=kuna&limit=5", &["site", "limit"]).unwrap();
        assert_eq!(query.take("site").unwrap().as_deref(), Some("kuna"));
        assert_eq!(query.take("site").unwrap(), None);
        assert_eq!(query.take_parsed("limit", |text| text.parse::<u8>().map_err(|_| String::new())).unwrap(), Some(5));
        assert!(Query::strict("limt=5", &["limit"]).is_err());
        assert!(Query::lenient("utm_source=x&polls=a%2Cb").unwrap().take("polls").unwrap().as_deref() == Some("a,b"));
        assert!(Query::lenient("polls=a&polls=b").unwrap().take("polls").is_err());
    }
}
