//! What readers see: the poll's page and the widget's files. What a browser makes of them is tried in `tests/browser/`.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    client::{Answer, remember_secret, until},
    registry::service_rules,
    service::{PUBLIC_URL, Service, text},
};

/// What follows this text in a page, up to the next quotes.
pub(crate) fn after<'a>(page: &'a str, text: &str) -> &'a str {
    let (_, rest) = page.split_once(text).unwrap_or_else(|| panic!("no {text} in {page}"));
    rest.split('"').next().expect("a text has a beginning")
}

pub(super) fn state(page: &str) -> &str {
    after(page, "data-state=\"")
}

/// The text of a page, without markup.
pub(super) fn read(page: &str) -> String {
    let mut text = String::new();
    for part in page.split('<') {
        text.push_str(part.split_once('>').map_or(part, |(_, text)| text));
    }
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

async fn a_polls_page_is_the_same_for_everyone_and_may_be_kept(service: &Service) {
    let poll = service.poll(json!({})).await;
    service.client().new_voter().await.vote(&poll, &["yes"]).await.is(201);
    let path = format!("/embed/{poll}");
    let first = service.client().get(&path).send().await;
    let etag = first.header("etag").expect("a page has a tag");
    assert!(first.header("cache-control").is_some_and(|value| value.starts_with("public, ")), "{first}");
    assert_eq!(first.header("set-cookie"), None, "{first}");
    assert_eq!(first.header("vary").as_deref(), Some("Accept-Encoding"), "{first}");
    assert_eq!(first.header("access-control-allow-origin").as_deref(), Some("*"), "{first}");
    let page = first.page(200);
    assert!(!page.contains("name=\"voter\""), "a token in a page that is kept: {page}");
    let again = service.client().get(&path).header("if-none-match", &etag).send().await;
    assert_eq!((again.status, again.body.len()), (304, 0), "{again}");
    service.client().new_voter().await.vote(&poll, &["no"]).await.is(201);
    let changed = service.client().get(&path).header("if-none-match", &etag).send().await;
    assert_ne!(changed.header("etag"), Some(etag));
    changed.page(200);
}

async fn a_page_says_what_it_is_to_those_who_share_it(service: &Service) {
    let poll = service.poll(json!({})).await;
    let page = service.client().get(&format!("/embed/{poll}")).send().await.page(200);
    let address = format!("{PUBLIC_URL}/embed/{poll}");
    for line in [
        "<html lang=\"ar\" dir=\"rtl\"",
        "<title>هل تتوقع حل مجلس الأمة ؟</title>",
        "<meta property=\"og:title\" content=\"هل تتوقع حل مجلس الأمة ؟\">",
        "<meta property=\"og:description\" content=\"نعم · لا\">",
        &format!("<meta property=\"og:url\" content=\"{address}\">"),
        &format!("<link rel=\"canonical\" href=\"{address}\">"),
        &format!(
            "<link rel=\"alternate\" type=\"application/json+oembed\" href=\"{PUBLIC_URL}/oembed?format=json&#38;url=\
             https%3A%2F%2Fvotes.example%2Fembed%2F{poll}\""
        ),
        &format!("<noscript><meta http-equiv=\"refresh\" content=\"0; url=/embed/{poll}/form\"></noscript>"),
    ] {
        assert!(page.contains(line), "no {line} in {page}");
    }
    // WordPress looks for the address in the first 150 KB, and ours comes before anybody's text can be long.
    assert!(page.find("json+oembed").is_some_and(|place| place < 50_000));
    let asked = format!("/oembed?format=json&url={address}");
    service.client().get(&asked).send().await.is(200);
}

async fn a_poll_in_a_tab_leads_back_to_its_article(service: &Service) {
    let article = "https://news.example/مقال?a=1&b=\"><script>alert(1)</script>";
    let poll = service.poll(json!({ "article_url": article })).await;
    let client = service.client();
    let path = format!("/embed/{poll}");
    let page = client.get(&path).send().await.page(200);
    let link = "<a href=\"https://news.example/%D9%85%D9%82%D8%A7%D9%84?a=1&#38;b=%22%3E%3Cscript%3Ealert(1)%3C/script%3E\">\
                العودة إلى المقال</a></p>";
    // The page for script is the same for everybody, and finds out by itself where it stands.
    assert!(
        page.contains(link) && !page.contains("<html lang=\"ar\" dir=\"rtl\" data-theme=\"auto\" data-top>"),
        "{page}"
    );
    for (marks, is_top) in
        [(&[("sec-fetch-dest", "document")][..], true), (&[("sec-fetch-dest", "iframe")], false), (&[], false)]
    {
        let request = client.get(&format!("{path}/form"));
        let request = marks.iter().fold(request, |request, (name, value)| request.header(name, value));
        let page = request.send().await.page(200);
        remember_secret(after(&page, "name=\"voter\" value=\""));
        assert!(page.contains(link) && page.contains("data-theme=\"auto\" data-top>") == is_top, "{page}");
    }
    let read = client.get(&format!("/v1/polls/{poll}")).send().await.is(200);
    assert_eq!(
        read["article_url"],
        "https://news.example/%D9%85%D9%82%D8%A7%D9%84?a=1&b=%22%3E%3Cscript%3Ealert(1)%3C/script%3E"
    );
    let patch = |edit: Value| service.admin().patch(&format!("/v1/polls/{poll}")).json(&edit).send();
    let moved = patch(json!({ "revision": 1, "article_url": "http://news.example/2" })).await.is(200);
    assert_eq!(moved["article_url"], "http://news.example/2");
    let refused = patch(json!({ "revision": 2, "article_url": "news.example/2" })).await.refused(422, "invalid-poll");
    assert_eq!(refused["errors"][0]["field"], "article_url");
    assert_eq!(patch(json!({ "revision": 2, "article_url": null })).await.is(200)["article_url"], json!(null));
    assert!(!client.get(&path).send().await.page(200).contains("sawt-top"));
}

async fn a_polls_own_page_says_whose_it_is(service: &Service) {
    let site = service.site().await;
    let poll = service.poll(json!({ "site": site })).await;
    let path = format!("/embed/{poll}");
    let page = service.client().get(&path).send().await.page(200);
    assert!(!page.contains("og:site_name") && !page.contains("sawt-top"), "{page}");
    let named = json!({ "origins": [], "name": "الراي <b>", "url": "https://news.example/" });
    service.admin().put(&format!("/v1/sites/{site}")).json(&named).send().await.is(200);
    let line = "<p class=\"sawt-top\"><a href=\"https://news.example/\" dir=\"auto\">الراي &#60;b&#62;</a>";
    until(async || {
        let page = service.client().get(&path).send().await.page(200);
        let says = page.contains("<meta property=\"og:site_name\" content=\"الراي &#60;b&#62;\">");
        (says && page.contains(line)).then_some(())
    })
    .await;
}

async fn a_page_is_framed_by_the_pages_its_site_lists(service: &Service) {
    let listing = service.site_for(&["https://news.example", "http://localhost:3000"]).await;
    for (site, ancestors) in
        [(service.site().await, "*"), (listing, "'self' https://news.example http://localhost:3000")]
    {
        let poll = service.poll(json!({ "site": site })).await;
        let client = service.client();
        for asked in [
            client.get(&format!("/embed/{poll}")),
            client.get(&format!("/embed/{poll}/form")),
            // A refusal is a page too.
            client.post(&format!("/embed/{poll}/form")),
        ] {
            let answer = asked.send().await;
            let policy = answer.header("content-security-policy").unwrap_or_default();
            assert_eq!(policy.split_once("frame-ancestors ").map(|(_, value)| value), Some(ancestors), "{answer}");
            // Without it an isolated page frames nothing, not even a refusal.
            let isolated = answer.header("cross-origin-embedder-policy");
            assert_eq!(isolated.as_deref(), Some("require-corp"), "{answer}");
        }
    }
}

/// Poll text ran as script in the page: CVE-2021-24442, CVE-2014-10395, CVE-2019-9914.
async fn a_publishers_text_is_never_markup(service: &Service) {
    let hostile = "\"'><script>alert(1)</script>&amp;<img src=x onerror=alert(2)>";
    let poll = json!({
        "question": hostile,
        "options": [{ "id": "a", "label": hostile }, { "id": "b", "label": "\u{2067}ب\u{2069} {n} {time}" }],
    });
    let poll = service.poll(poll).await;
    for path in [format!("/embed/{poll}"), format!("/embed/{poll}/form")] {
        let page = service.client().get(&path).send().await.page(200);
        assert!(!page.contains("<script>alert") && !page.contains("<img") && !page.contains("\"'>"), "{page}");
        assert!(page.contains("&#60;script&#62;alert(1)"), "the text is there, as text: {page}");
        // A text runs as the poll does if it has a letter that does.
        assert_eq!((page.matches("dir=\"auto\"").count(), page.matches("<span dir=\"rtl\"").count()), (3, 1), "{page}");
    }
}

async fn a_page_speaks_the_polls_language_or_the_one_asked_for(service: &Service) {
    let poll = service.poll(json!({})).await;
    for (voters, said, asked) in [
        (0, "لا أصوات", ""),
        (1, "صوت واحد", ""),
        (2, "صوتان", ""),
        (3, "3 أصوات", ""),
        (3, "٣ أصوات", "?digits=arab"),
        (3, "3 votes", "?lang=en"),
        (3, "3 votes", "?lang=fr"),
        (11, "11 صوتًا", ""),
        (11, "١١ صوتًا", "?digits=arab&theme=dark&utm_source=x"),
    ] {
        let cast = service.client().results(&poll).await["ballots"].as_u64().expect("a number");
        for _ in cast..voters {
            service.client().new_voter().await.vote(&poll, &["yes"]).await.is(201);
        }
        let request = service.client().get(&format!("/embed/{poll}{asked}"));
        let request = if asked.contains("utm") { request.undocumented() } else { request };
        let page = request.send().await.page(200);
        assert!(read(&page).contains(&format!(" {said} ")), "{voters} {said}: {}", read(&page));
    }
    for (asked, line) in [
        ("?theme=dark", "data-theme=\"dark\""),
        ("?lang=en", "class=\"sawt\" part=\"poll\" lang=\"en\" dir=\"rtl\""),
        ("?lang=de", "class=\"sawt\" part=\"poll\" lang=\"ar\" dir=\"rtl\""),
        ("?lang=fr-CA", "class=\"sawt\" part=\"poll\" lang=\"fr\" dir=\"rtl\""),
        // What means something is taken for it.
        ("?lang=EN_us", "class=\"sawt\" part=\"poll\" lang=\"en\" dir=\"rtl\""),
        ("?theme=Dark", "data-theme=\"dark\""),
        ("?digits=Arabic", "data-digits=\"arab\""),
        ("?theme=dark&theme=dark", "data-theme=\"dark\""),
        ("?theme=&theme=DARK%20", "data-theme=\"dark\""),
        // And what means nothing is passed over.
        ("?theme=blue", "data-theme=\"auto\""),
        ("?lang=x_x", "class=\"sawt\" part=\"poll\" lang=\"ar\" dir=\"rtl\""),
        ("?digits=roman", "data-digits=\"latn\""),
        ("?view=all", "data-state=\"open\""),
        ("?%FF=%FF&theme=%FF&&=", "data-theme=\"auto\""),
    ] {
        for path in [format!("/embed/{poll}{asked}"), format!("/embed/{poll}/form{asked}")] {
            let request = service.client().get(&path);
            let request = if asked.contains("%FF") { request.undocumented() } else { request };
            let page = request.send().await.page(200);
            assert!(page.contains(line), "no {line} in {path}: {page}");
        }
    }
    // Where a language is not spoken here, the words around the poll are English, and the poll runs as its own does.
    let poll = service.poll(json!({ "language": "ur", "question": "کیا؟" })).await;
    let page = service.client().get(&format!("/embed/{poll}")).send().await.page(200);
    assert!(page.contains("lang=\"en\" dir=\"rtl\" data-state"), "{page}");
    assert!(page.contains("dir=\"rtl\" lang=\"ur\">کیا؟<"), "{page}");
}

/// Hidden results leaked: Discourse CVE-2026-27021.
async fn a_page_shows_the_tally_to_nobody_who_may_not_see_it(service: &Service) {
    for (policy, while_open, once_closed) in
        [("always", true, true), ("after_vote", false, true), ("after_close", false, true), ("never", false, false)]
    {
        let poll = service.poll(json!({ "results": policy })).await;
        for _ in 0..3 {
            service.client().new_voter().await.vote(&poll, &["yes"]).await.is(201);
        }
        let is_shown = async |path: String| {
            let page = service.client().get(&path).send().await.page(200);
            let is_shown = page.contains("3 أصوات") && page.contains("width=\"100.0%\"");
            assert!(is_shown || !(page.contains("3 أصوات") || page.contains("100.0")), "{policy}: {page}");
            (is_shown, state(&page).to_owned())
        };
        let paths = || [format!("/embed/{poll}"), format!("/embed/{poll}/form"), format!("/embed/{poll}?view=results")];
        for path in paths() {
            assert_eq!(is_shown(path).await, (while_open, "open".to_owned()), "{policy}");
        }
        service.admin().post(&format!("/v1/polls/{poll}/close")).send().await.is(200);
        let state = if once_closed { "closed" } else { "hidden" };
        for path in paths() {
            assert_eq!(is_shown(path).await, (once_closed, state.to_owned()), "{policy}");
        }
    }
}

/// What people type, or copy out of a message, means one page; and where it means none, they are told so by a page.
async fn an_address_that_people_have_leads_to_the_page_it_means(service: &Service) {
    let poll = service.poll(json!({})).await;
    let browser = |path: &str| service.client().get(path).undocumented().header("accept", "text/html,*/*;q=0.8");
    for (typed, meant) in [
        (format!("/embed/{poll}/"), format!("/embed/{poll}")),
        (format!("/embed/{poll}/?lang=en&theme=dark"), format!("/embed/{poll}?lang=en&theme=dark")),
        (format!("//embed//{poll}"), format!("/embed/{poll}")),
        (format!("/embed/{}", poll.to_uppercase()), format!("/embed/{poll}")),
        (format!("/embed/{poll}%E2%80%8E"), format!("/embed/{poll}")),
        (format!("/embed/{poll}%EF%BB%BF?lang=ar"), format!("/embed/{poll}?lang=ar")),
        (format!("/embed/{}/form", poll.to_uppercase()), format!("/embed/{poll}/form")),
        (format!("/embed/{poll}/form/"), format!("/embed/{poll}/form")),
    ] {
        for method in [Method::GET, Method::HEAD] {
            let answer = service.client().request(method, &typed).undocumented().send().await;
            assert_eq!((answer.status, answer.header("location")), (308, Some(meant.clone())), "{answer}");
        }
        browser(&meant).send().await.page(200);
        service.client().post(&typed).undocumented().body("text/plain", "").send().await;
    }
    for page in [format!("/embed/{}", poll.to_uppercase()), format!("/embed/{}/form", poll.to_uppercase())] {
        service.client().get(&page).send().await.is(308);
    }
    for nowhere in ["/x", "/embed", "/embed/", "/embed/x/y", "/demo/", "/polls", &format!("/embed/{poll}/x")] {
        let page = browser(nowhere).header("accept-language", "ar").send().await.page(404);
        assert!(read(&page).contains("لا توجد صفحة بهذا العنوان"), "{nowhere}: {page}");
    }
    let page = browser("/embed/x").header("accept-language", "en").send().await.page(404);
    assert!(read(&page).contains("This poll is not available"), "{page}");
    // Programs are told as ever.
    for path in ["/x", "/v1/polls/x/y", "/demo"] {
        service.client().get(path).undocumented().send().await.refused(404, "not-found");
    }
}

/// One page is for all who come without script, and a cache's, so it can't be in each reader's own zone.
async fn a_page_tells_times_by_the_clock_of_its_site(service: &Service) {
    let site = service.site().await;
    let members = json!({ "site": site, "opens_at": "2999-01-02T22:04:05Z" });
    let poll = service.poll(members).await;
    let pages = [format!("/embed/{poll}"), format!("/embed/{poll}/form")];
    for (zone, lang, said) in [
        ("Asia/Kuwait", "ar", "يبدأ التصويت 2999-01-03 01:04 بتوقيت الكويت"),
        ("Asia/Kuwait", "en", "Voting opens 2999-01-03 01:04 Kuwait time."),
        ("America/New_York", "fr", "2999-01-02 17:04 (heure de New York)"),
        // A zone that the language has no words for.
        ("Asia/Kathmandu", "ar", "يبدأ التصويت 2999-01-03 03:49 Asia/Kathmandu"),
        ("UTC", "ar", "يبدأ التصويت 2999-01-02 22:04 UTC"),
    ] {
        let put = service.admin().put(&format!("/v1/sites/{site}")).json(&json!({ "timezone": zone })).send().await;
        put.is(200);
        for client in service.clients() {
            for page in &pages {
                until(async || {
                    let page = client.get(&format!("{page}?lang={lang}")).send().await.page(200);
                    read(&page).contains(said).then_some(())
                })
                .await;
            }
        }
    }
}

/// What is served at an address to those who take these codings, best first.
async fn fetch_as(service: &Service, path: &str, taken: &str) -> Answer {
    let answer = service.client().get(path).header("accept-encoding", taken).send().await;
    assert_eq!((answer.status, answer.header("vary").as_deref()), (200, Some("Accept-Encoding")), "{answer}");
    let best = taken.split(", ").next().filter(|best| !best.is_empty());
    assert_eq!(answer.header("content-encoding").as_deref(), best, "{answer}");
    answer
}

/// What is served at an address as it is, by brotli, and by gzip: the same in three forms, each with its own tag.
async fn fetch(service: &Service, path: &str) -> [Answer; 3] {
    let [plain, brotli, gzip] = ["", "br, gzip", "gzip"].map(|taken| fetch_as(service, path, taken));
    let forms = [plain.await, brotli.await, gzip.await];
    let tags = forms.each_ref().map(|form| form.header("etag").expect("it has a tag"));
    assert!(tags[0] != tags[1] && tags[0] != tags[2] && tags[1] != tags[2], "{tags:?}");
    for (place, form) in forms.iter().enumerate() {
        assert_eq!(form.header("access-control-allow-origin").as_deref(), Some("*"), "{form}");
        assert_eq!(form.content(), forms[0].body);
        // Whoever holds one form has no other.
        for (other, tag) in tags.iter().enumerate() {
            let asked = service.client().get(path).header("if-none-match", tag);
            let again = asked.header("accept-encoding", ["", "br, gzip", "gzip"][place]).send().await;
            assert_eq!(again.status, if place == other { 304 } else { 200 }, "{again}");
            assert_eq!(again.header("vary").as_deref(), Some("Accept-Encoding"), "{again}");
        }
    }
    forms
}

async fn a_page_comes_compressed_to_those_who_take_that(service: &Service) {
    let poll = service.poll(json!({})).await;
    let [page, ..] = fetch(service, &format!("/embed/{poll}")).await;
    assert_eq!(state(&page.page(200)), "open");
    let path = format!("/embed/{poll}/form");
    for taken in ["", "br, gzip", "gzip"] {
        let form = fetch_as(service, &path, taken).await;
        let text = String::from_utf8(form.content()).expect("a page is UTF-8");
        remember_secret(after(&text, "name=\"voter\" value=\""));
        assert_eq!(form.header("cache-control").as_deref(), Some("private, no-store"), "{form}");
    }
}

/// What one kind of poll, or one state of it, needs.
const MODULES: [&str; 16] = [
    "edit.js",
    "reading.js",
    "multiple.js",
    "rating.js",
    "reaction.js",
    "ranked.js",
    "quiz.js",
    "open.js",
    "decided.js",
    "frames.js",
    "place.js",
    "receipt.js",
    "series.js",
    "work.js",
    "words.js",
    "article-poll.js",
];

/// What a reader's browser is sent until a poll stands there is bounded, by brotli.
async fn the_widgets_files_are_small_and_are_what_their_names_say(service: &Service) {
    let [manifest, ..] = fetch(service, "/embed/manifest.json").await;
    let [loader, small_loader, _] = fetch(service, "/embed.js").await;
    for file in [&manifest, &loader] {
        assert!(file.header("cache-control").is_some_and(|value| value.starts_with("public, max-age=300,")), "{file}");
    }
    let manifest = manifest.json();
    let mut script_with_style = 0;
    for file in manifest["files"].as_array().expect("files") {
        let path = text(&file["path"]);
        let [plain, brotli, gzip] = fetch(service, &path).await;
        let kept = "public, max-age=31536000, immutable";
        assert_eq!(plain.header("cache-control").as_deref(), Some(kept), "{plain}");
        let hash = ring::digest::digest(&ring::digest::SHA384, &plain.body);
        assert_eq!(text(&file["integrity"]), format!("sha384-{}", STANDARD.encode(hash)));
        for (form, member) in [(&plain, "bytes"), (&brotli, "brotli_bytes"), (&gzip, "gzip_bytes")] {
            assert_eq!(file[member], json!(form.body.len()), "{member} of {path}");
        }
        let name = text(&file["name"]);
        if name == "embed.js" {
            assert_eq!(plain.body, loader.body);
            continue;
        }
        // What stands in a publisher's page by a name that stays.
        if let Some(most) = [("view.js", 768), ("most-read.js", 4096), ("article.js", 1024)]
            .iter()
            .find(|(own, _)| *own == name)
            .map(|it| it.1)
        {
            assert!(brotli.body.len() <= most, "{name}: {} bytes", brotli.body.len());
            let [named, ..] = fetch(service, &format!("/embed/{name}")).await;
            assert!(named.header("cache-control").is_some_and(|it| it.starts_with("public, max-age=300,")), "{named}");
            assert_eq!(named.body, plain.body);
            continue;
        }
        // What one kind of poll needs lies beside the script, which finds it by its own name.
        if MODULES.contains(&name.as_str()) {
            let script = service.client().get(&of(&manifest, "app.js")).send().await.body;
            let (stem, own) = (name.trim_end_matches(".js"), of(&manifest, "app.js"));
            assert_eq!(path, own.replace("/app.", &format!("/{stem}.")));
            assert!(String::from_utf8_lossy(&script).contains(stem), "{name}");
            let most = match name.as_str() {
                "ranked.js" => 4096,
                "decided.js" => 2048,
                _ => 1536,
            };
            assert!(brotli.body.len() <= most, "{name}: {} bytes", brotli.body.len());
            continue;
        }
        // The script brings its style along. Those few who need that apart find it by the script's name.
        if name == "poll.css" {
            assert_eq!(path, of(&manifest, "app.js").replace("/app.", "/poll.").replace(".js", ".css"));
            continue;
        }
        // Whoever names a file says which bytes are meant.
        assert_eq!(name, "app.js");
        script_with_style = brotli.body.len();
        let naming = String::from_utf8_lossy(&loader.body);
        assert!(naming.contains(&path) && naming.contains(&text(&file["integrity"])), "{name}");
    }
    let poll = service.poll(json!({})).await;
    let [page, small_page, _] = fetch(service, &format!("/embed/{poll}")).await;
    for (what, bytes, most) in [
        // It holds what is done when nothing else comes, so that can be brought by nothing else.
        ("the loader", small_loader.body.len(), 1330),
        ("the script with the style in it", script_with_style, 11_000),
        ("a page", small_page.body.len(), 2368),
    ] {
        assert!(bytes <= most, "{what}: {bytes} bytes of {most}");
    }
    // And what the README says of them is so.
    let readme = include_str!("../../../README.md");
    let [loader, page_bytes] = [small_loader.body.len(), small_page.body.len()];
    for (before, bytes) in [
        ("in brotli, the loader is ", loader),
        ("the script with the style in it ", script_with_style),
        ("and a poll's page ", page_bytes),
        (", together ", loader + script_with_style + page_bytes),
    ] {
        let said = readme.split_once(before).and_then(|(_, rest)| rest.split_once(" KB")).map(|(said, _)| said);
        let said: f64 =
            said.and_then(|said| said.parse().ok()).unwrap_or_else(|| panic!("the README says no “{before}”"));
        let kilobytes = f64::from(u32::try_from(bytes).expect("a small file")) / 1_000.0;
        assert!((said - kilobytes).abs() < 0.11, "the README says {said} KB of {bytes} bytes: {before}");
    }
    let page = page.page(200);
    for name in ["app.js", "poll.css"] {
        assert!(page.contains(&format!("\"{}\" integrity=\"sha384-", of(&manifest, name))), "{page}");
    }
    service.client().get("/embed/assets/app.0000000000000000.js").send().await.refused(404, "not-found");
}

/// A file's address.
fn of(manifest: &Value, name: &str) -> String {
    let files = manifest["files"].as_array().expect("files");
    text(&files.iter().find(|file| file["name"] == name).unwrap_or_else(|| panic!("no {name}"))["path"])
}

service_rules![
    a_polls_page_is_the_same_for_everyone_and_may_be_kept,
    a_page_says_what_it_is_to_those_who_share_it,
    a_poll_in_a_tab_leads_back_to_its_article,
    a_polls_own_page_says_whose_it_is,
    a_page_is_framed_by_the_pages_its_site_lists,
    a_publishers_text_is_never_markup,
    a_page_speaks_the_polls_language_or_the_one_asked_for,
    a_page_shows_the_tally_to_nobody_who_may_not_see_it,
    an_address_that_people_have_leads_to_the_page_it_means,
    a_page_tells_times_by_the_clock_of_its_site,
    a_page_comes_compressed_to_those_who_take_that,
    the_widgets_files_are_small_and_are_what_their_names_say,
];
