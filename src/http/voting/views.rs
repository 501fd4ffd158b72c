//! Views: a page says that a poll or an article was seen. Made for `navigator.sendBeacon`, which sends a text without a
//! preflight and reads no answer.

use actix_web::{
    HttpRequest, HttpResponse,
    http::header::{self, HeaderMap},
    web,
};
use serde::Deserialize;

use crate::{
    article::ArticleName,
    http::{
        Worker,
        auth::origin,
        message::{
            body, caching,
            header_text::ascii,
            problem::{Code, FieldError, Problem},
            query::parse_site,
        },
        middleware::notes::note_outcome,
    },
    poll::InvalidId,
    views::ViewTarget,
};

/// `POST /v1/views`.
pub(in crate::http) async fn count(
    req: HttpRequest,
    payload: web::Payload,
    worker: web::Data<Worker>,
) -> Result<HttpResponse, Problem> {
    let (body_type, bytes) = body::read_reader(&req, payload).await?;
    let target = body::parse::<ViewBody>(&bytes)?.into_target()?;
    let viewed = worker.viewing.find(target).await?;
    origin::check_view(&req, viewed.site(), worker.shared.public_url.as_ref(), body_type)?;
    if is_bot(req.headers()) {
        worker.viewing.leave_out();
        note_outcome(&req, "left-out");
    } else {
        worker.viewing.count(&viewed);
    }
    Ok(HttpResponse::NoContent().insert_header((header::CACHE_CONTROL, caching::PRIVATE)).finish())
}

/// What was seen: `{"poll"}`, `{"site","article"}` or `{"site","url"}`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ViewBody {
    #[serde(default, deserialize_with = "body::given")]
    poll: Option<String>,
    #[serde(default, deserialize_with = "body::given")]
    site: Option<String>,
    #[serde(default, deserialize_with = "body::given")]
    article: Option<String>,
    #[serde(default, deserialize_with = "body::given")]
    url: Option<String>,
}

impl ViewBody {
    fn into_target(self) -> Result<ViewTarget, Problem> {
        let wrong = |field: &str, rule: String| Problem::of_field(Code::InvalidRequest, field, rule);
        let Self { poll, site, article, url } = self;
        if let Some(poll) = poll {
            let others = [("site", site), ("article", article), ("url", url)];
            if let Some((field, _)) = others.into_iter().find(|(_, other)| other.is_some()) {
                return Err(wrong(field, "must not be given beside poll".to_owned()));
            }
            let id = poll.parse().map_err(|rule: InvalidId| wrong("poll", rule.to_string()))?;
            return Ok(ViewTarget::Poll(id));
        }
        let Some(site) = site else {
            let detail = "must be given, unless poll is".to_owned();
            return Err(wrong("site", detail));
        };
        let site = parse_site(&site).map_err(|rule| wrong("site", rule))?;
        match (article, url) {
            (Some(id), None) => {
                let id = id.parse().map_err(|rule: InvalidId| wrong("article", rule.to_string()))?;
                Ok(ViewTarget::Article(site, ArticleName::Id(id)))
            }
            (None, Some(url)) => Ok(ViewTarget::Article(site, ArticleName::Address(url))),
            (None, None) => Err(wrong("article", "must be given, or url".to_owned())),
            (Some(_), Some(_)) => {
                let error =
                    FieldError { field: "url".to_owned(), detail: "must not be given beside article".to_owned() };
                Err(Problem::new(Code::InvalidRequest, "an article is named by article or by url").with_errors([error]))
            }
        }
    }
}

/// Words by which programs that fetch pages say in `User-Agent` that they do. The rest can't be told from readers.
const BOTS: [&str; 10] = [
    "bot",
    "crawl",
    "spider",
    "slurp",
    "facebookexternalhit",
    "mediapartners",
    "preview",
    "lighthouse",
    "pingdom",
    "archiver",
];
/// A telephone, by its maker's name.
const NO_BOT: &str = "cubot";

/// Whether the sender says that it is no reader.
fn is_bot(headers: &HeaderMap) -> bool {
    let Some(agent) = headers.get(header::USER_AGENT).and_then(ascii) else { return false };
    let agent = agent.to_ascii_lowercase().replace(NO_BOT, "");
    BOTS.iter().any(|word| agent.contains(word))
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::HeaderValue;

    use super::*;

    #[test]
    fn bots_are_those_that_say_so() {
        for (agent, expected) in [
            ("Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)", true),
            ("Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)", true),
            ("facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)", true),
            ("Mozilla/5.0 (compatible; YandexBot/3.0; +http://yandex.com/bots)", true),
            ("Baiduspider+(+http://www.baidu.com/search/spider.htm)", true),
            (
                "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 Version/17.5 Safari/605.1.15",
                false,
            ),
            ("Mozilla/5.0 (Linux; Android 13; CUBOT P80) AppleWebKit/537.36 Chrome/124.0 Mobile Safari/537.36", false),
            ("Mozilla/5.0 (Linux; Android 13; CUBOT P80) AppleWebKit/537.36 (compatible; Googlebot/2.1)", true),
            ("", false),
        ] {
            let headers = HeaderMap::from_iter([(header::USER_AGENT, HeaderValue::from_str(agent).unwrap())]);
            assert_eq!(is_bot(&headers), expected, "{agent}");
        }
        assert!(!is_bot(&HeaderMap::new()));
    }

    #[test]
    fn a_view_names_a_poll_or_a_site_and_an_article_and_nothing_else() {
        let field_of = |text: &str| {
            let parsed = body::parse::<ViewBody>(text.as_bytes()).and_then(ViewBody::into_target);
            parsed.err().map(|problem| format!("{problem:?}"))
        };
        for good in [
            r#"{"poll":"01932f6e-7c1a-7b60-8d5e-0b8f6a3c9d21"}"#,
            r#"{"site":"news","article":"20261123-17"}"#,
            r#"{"site":"news","url":"https://news.example/1"}"#,
        ] {
            assert_eq!(field_of(good), None, "{good}");
        }
        for (bad, field) in [
            ("{}", "site"),
            (r#"{"poll":null}"#, "poll"),
            (r#"{"poll":"x"}"#, "poll"),
            (r#"{"poll":"01932f6e-7c1a-7b60-8d5e-0b8f6a3c9d21","site":"news"}"#, "site"),
            (r#"{"site":"news"}"#, "article"),
            (r#"{"article":"1"}"#, "site"),
            (r#"{"site":"No Site","article":"1"}"#, "site"),
            (r#"{"site":"news","article":""}"#, "article"),
            (r#"{"site":"news","article":"a/b"}"#, "article"),
            (r#"{"site":"news","article":"1","url":"https://news.example/"}"#, "url"),
            (r#"{"site":"news","article":"1","colour":"red"}"#, "colour"),
        ] {
            let refused = field_of(bad).unwrap_or_else(|| panic!("{bad} is taken"));
            assert!(refused.contains(&format!("field: \"{field}\"")), "{bad}: {refused}");
        }
    }
}
