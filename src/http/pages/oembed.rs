//! What a page that is given a poll's address puts in its place: oEmbed (<https://oembed.com>), version 1.0.
//!
//! The consumer asks with the address that an editor pasted, and gets a frame of `/embed/{poll}` to put in its page. It
//! is an element and nothing else, because consumers take what they do not know to pieces: WordPress keeps the
//! `iframe`, drops its unusual attributes, and adds `sandbox="allow-scripts"` unless it was told of this service
//! (`deploy/wordpress/` tells it). The frame's page works in either.
//!
//! Only this service's own addresses are answered for, in whatever way they were written: editors paste them from
//! address bars and messages. What is put in the frame is our base address and the poll's id, and nothing else of what
//! was sent. Where no setting says what our address is, it is that of the host asked: then no cache may keep the
//! answer, for anybody can send any host.

use actix_web::{
    HttpRequest, HttpResponse,
    http::header::{self, HeaderValue},
    web,
};
use serde::Serialize;

use url::Url;

use super::embed::{self, ReaderPage};
use crate::{
    card::CardShape,
    embed::{
        card::{NamedCard, ShownCard},
        digits::Digits,
        markup::escape,
        snippets,
    },
    http::{
        Worker,
        auth::origin,
        message::{
            caching::{self, Caching},
            conditional,
            problem::{Code, Problem},
            query::{self, Query},
        },
    },
    live::PollWithSite,
    poll::{Grade, Poll, PollId, Viewer, is_invisible},
    site::BaseAddress,
};

/// What a page that asks for no size gets, in CSS pixels: the width of a column of text.
const WIDTH: u32 = 600;
/// Consumers clamp a frame's height to these (WordPress does), so a frame that fits needs no scrolling there.
const HEIGHTS: (u32, u32) = (200, 1_000);
/// How long a consumer may keep an answer, in seconds. The frame in it shows the poll as it is; only its name and its
/// size grow old.
const CACHE_AGE_SECS: u32 = 3_600;
const CACHE_CONTROL: HeaderValue =
    HeaderValue::from_static("public, max-age=300, stale-while-revalidate=30, stale-if-error=300");

#[derive(Serialize)]
struct Rich<'a> {
    r#type: &'static str,
    version: &'static str,
    title: &'a str,
    provider_name: &'static str,
    provider_url: &'a str,
    cache_age: u32,
    html: String,
    width: u32,
    height: u32,
    #[serde(flatten)]
    thumbnail: Option<Thumbnail>,
}

/// The picture, for consumers that show one in place of the frame. They are told all of it or nothing.
#[derive(Serialize)]
struct Thumbnail {
    #[serde(rename = "thumbnail_url")]
    url: String,
    #[serde(rename = "thumbnail_width")]
    width: u16,
    #[serde(rename = "thumbnail_height")]
    height: u16,
}

/// `GET /oembed?url=`. Parameters that are not known are passed over: consumers add their own.
pub(in crate::http) async fn read(req: HttpRequest, worker: web::Data<Worker>) -> Result<HttpResponse, Problem> {
    let mut query = Query::lenient(req.query_string())?;
    let url = query.take("url")?.ok_or_else(|| query::refused("url", "must be the address of a poll's page"))?;
    let most_wide = query.take_parsed("maxwidth", parse_length)?;
    let most_high = query.take_parsed("maxheight", parse_length)?;
    if query.take("format")?.is_some_and(|format| format != "json") {
        return Err(Problem::new(Code::FormatNotOffered, "format must be json"));
    }
    let public_url = worker.shared.public_url.as_ref();
    let own = match public_url {
        Some(base) => Url::parse(base.as_str()).ok(),
        None => origin::host(&req).and_then(|host| Url::parse(&format!("http://{host}")).ok()),
    };
    let (id, asked_by) = own
        .and_then(|own| poll_at(&url, &own))
        .ok_or_else(|| Problem::new(Code::NotFound, "url is not the address of a poll's page here"))?;
    let base = public_url.map_or(asked_by.as_str(), BaseAddress::as_str);
    let known = worker.voting.poll(id).await?;

    let poll = &*known.poll;
    let width = most_wide.unwrap_or(WIDTH).min(WIDTH);
    let height = snippets::height(width, poll).clamp(HEIGHTS.0, HEIGHTS.1).min(most_high.unwrap_or(u32::MAX));
    let card = named_card(&worker, &known).await.filter(|card| {
        let [width, height] = [card.size.0, card.size.1].map(u32::from);
        // It must be no larger than what was asked for.
        most_wide.is_none_or(|most| width <= most) && most_high.is_none_or(|most| height <= most)
    });
    let picture = card.as_ref().and_then(|card| card.address.split_once("v=")).map_or("", |(_, version)| version);
    let etag = format!("\"{}-{width}-{height}-{picture}\"", poll.revision);
    let rich = Rich {
        r#type: "rich",
        version: "1.0",
        title: poll.question.as_str(),
        provider_name: "sawt",
        provider_url: base,
        cache_age: CACHE_AGE_SECS,
        html: frame(base, poll, height),
        width,
        height,
        thumbnail: card.map(|NamedCard { address, size: (width, height), .. }| Thumbnail {
            url: format!("{base}{address}"),
            width,
            height,
        }),
    };
    let is_current = conditional::is_current(req.headers(), &etag);
    let mut response = if is_current { HttpResponse::NotModified() } else { HttpResponse::Ok() };
    response.insert_header((header::ETAG, etag));
    if public_url.is_some() {
        let is_unconfirmed = worker.shared.voting.is_unconfirmed(poll.id);
        let caching = if is_unconfirmed { Caching::BRIEF.header() } else { CACHE_CONTROL };
        response.insert_header((header::CACHE_CONTROL, caching));
        caching::name(&mut response, [poll]);
    } else {
        response.insert_header((header::CACHE_CONTROL, caching::PRIVATE));
    }
    Ok(if is_current { response.finish() } else { response.json(rich) })
}

/// The poll's picture, as everyone sees it now. Without its tally it is named all the same.
async fn named_card(worker: &Worker, known: &PollWithSite) -> Option<NamedCard> {
    let seen = worker.voting.visible(Viewer::Everyone, known, None).await.ok().flatten();
    let poll = embed::definition_of(known, seen.as_deref());
    let view = ShownCard {
        poll,
        state: embed::state_of(worker, known, seen.as_deref()),
        tally: seen.as_deref().map(|snapshot| &snapshot.tally),
        is_disputed: poll.grade() == Grade::Disputed,
        winner: None,
        site: &known.site.settings,
        digits: Digits::default(),
        shape: CardShape::default(),
    };
    view.named()
}

/// The poll whose page has this address, if that is one of our own, and the origin in it. What follows the path is the
/// page's own business, and what nobody sees at either end is no part of it. With TLS or without, it is the same page.
fn poll_at(text: &str, own: &Url) -> Option<(PollId, String)> {
    let url = Url::parse(text.trim_matches(is_invisible)).ok()?;
    let is_of_web = matches!(url.scheme(), "https" | "http");
    let has_user = !url.username().is_empty() || url.password().is_some();
    // The parser leaves out a port that is the scheme's own; the other scheme's is no other place either.
    let port = |url: &Url| url.port().filter(|port| !matches!(port, 80 | 443));
    let is_own = url.host_str() == own.host_str() && port(&url) == port(own);
    match ReaderPage::below(own.path(), url.path()) {
        Some(ReaderPage::Poll(id)) if is_of_web && !has_user && is_own => {
            Some((id, url.origin().ascii_serialization()))
        }
        Some(ReaderPage::Poll(_) | ReaderPage::Form(_) | ReaderPage::Demo) | None => None,
    }
}

fn parse_length(text: &str) -> Result<u32, String> {
    text.parse().ok().filter(|length| *length > 0).ok_or_else(|| "must be a length in pixels, 1 or more".to_owned())
}

/// Attributes that consumers know, and no others: they drop the rest. As wide as its column, and not so many pixels:
/// WordPress and its themes take two lengths for the shape of a film, and make the frame lower where it is narrower.
fn frame(base: &str, poll: &Poll, height: u32) -> String {
    let (base, id, question) = (escape(base), poll.id, escape(poll.question.as_str()));
    format!(
        "<iframe src=\"{base}/embed/{id}\" width=\"100%\" height=\"{height}\" title=\"{question}\" \
         frameborder=\"0\" loading=\"lazy\"></iframe>"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const OWN: &str = "https://votes.example";

    #[test]
    fn our_own_address_is_known_however_it_is_written_and_no_other_is() {
        let id = "01932f6e-7c1a-7b60-8d5e-0b8f6a3c9d21";
        let known = |text: &str, own: &str| {
            poll_at(text, &Url::parse(own).unwrap()).map(|(poll, origin)| {
                assert_eq!(poll.to_string(), id, "{text}");
                origin
            })
        };
        for text in [
            format!("{OWN}/embed/{id}"),
            format!("{OWN}/embed/{id}/"),
            format!("{OWN}:443/embed/{id}"),
            format!("HTTPS://Votes.EXAMPLE/embed/{}", id.to_uppercase()),
            format!("{OWN}/embed/{id}\u{200E}"),
            format!("\u{202B}{OWN}/embed/{id}\u{202C}\u{FEFF} "),
            format!("{OWN}/embed/{id}%E2%80%8F"),
            format!("{OWN}/%65mbed/{id}"),
            format!("{OWN}//embed/{id}"),
            format!("{OWN}/embed/{id}?lang=ar"),
            format!("{OWN}/embed/{id}/?lang=ar#?secret=x"),
        ] {
            assert_eq!(known(&text, OWN).as_deref(), Some(OWN), "{text}");
        }
        for (text, own, origin) in [
            ("http://votes.example", OWN, "http://votes.example"),
            ("http://votes.example:80", OWN, "http://votes.example"),
            ("https://votes.example", "http://votes.example", OWN),
            ("https://votes.example", "http://votes.example:443", OWN),
            ("https://votes.example:8443", "https://votes.example:8443", "https://votes.example:8443"),
            ("http://[0:0::1]:8080", "http://[::1]:8080", "http://[::1]:8080"),
            ("https://votes.example/polls", "https://votes.example/polls", OWN),
            ("http://votes.example//%70olls/", "https://votes.example/polls", "http://votes.example"),
            ("https://votes.example/a/b", "https://votes.example/a/b", OWN),
        ] {
            assert_eq!(known(&format!("{text}/embed/{id}"), own).as_deref(), Some(origin), "{text} at {own}");
        }
        for text in [
            format!("/embed/{id}"),
            format!("https://www.votes.example/embed/{id}"),
            format!("https://votes.example.evil.example/embed/{id}"),
            format!("https://votes.example:8443/embed/{id}"),
            format!("https://votes.example@evil.example/embed/{id}"),
            format!("https://user@votes.example/embed/{id}"),
            format!("https://evil.example\\@votes.example/embed/{id}"),
            format!("ftp://votes.example/embed/{id}"),
            format!("javascript://votes.example/embed/{id}"),
            format!("{OWN}/embed/{id}/form"),
            format!("{OWN}/v1/polls/{id}"),
            format!("{OWN}/embed/x"),
            format!("{OWN}?/embed/{id}"),
        ] {
            assert_eq!(known(&text, OWN), None, "{text}");
        }
        // The rest of the host is somebody else's.
        for path in ["", "/pollsters", "/poll", "/Polls", "/x/polls", "/polls/x", "/polls/polls", "/polls/.."] {
            let text = format!("{OWN}{path}/embed/{id}");
            assert_eq!(known(&text, "https://votes.example/polls"), None, "{text}");
        }
    }
}
