//! The picture of a poll to share.

use futures_util::{StreamExt as _, stream};
use serde_json::{Value, json};

use crate::{
    backends::Backend,
    client::{Answer, Client, nonce},
    registry::service_rules,
    service::{PUBLIC_URL, Service, text},
};

/// The most bytes of a picture: what messengers still show.
const MOST_BYTES: usize = 300_000;

/// Asks for a picture; its bytes.
async fn picture(client: &Client, address: &str) -> Vec<u8> {
    let answer = client.get(address).send().await;
    assert_eq!((answer.status, answer.header("content-type").as_deref()), (200, Some("image/png")), "{answer}");
    answer.content()
}

/// The width and height of a PNG.
fn size(png: &[u8]) -> (u32, u32) {
    assert!(png.starts_with(b"\x89PNG\r\n\x1a\n") && &png[12..16] == b"IHDR");
    let number = |at: usize| u32::from_be_bytes(png[at..at + 4].try_into().expect("four bytes"));
    (number(16), number(20))
}

/// Where a poll's page says its picture is, below our own address; `None` if it names none.
async fn named(service: &Service, poll: &str) -> Option<String> {
    let page = service.client().get(&format!("/embed/{poll}")).send().await.page(200);
    let (_, rest) = page.split_once("<meta property=\"og:image\" content=\"")?;
    let address = rest.split('"').next().expect("an attribute ends").replace("&#38;", "&");
    let below = address.strip_prefix(PUBLIC_URL).unwrap_or_else(|| panic!("{address} is not ours"));
    Some(below.to_owned())
}

fn tag(answer: &Answer) -> String {
    answer.header("etag").expect("a picture has a tag")
}

async fn a_polls_page_names_a_picture_of_it_in_either_shape(service: &Service) {
    let poll = service.poll(json!({})).await;
    let client = service.client();
    let page = client.get(&format!("/embed/{poll}")).send().await.page(200);
    for line in [
        "<meta property=\"og:image:width\" content=\"1200\">",
        "<meta property=\"og:image:height\" content=\"630\">",
        "<meta property=\"og:image:alt\" content=\"هل تتوقع حل مجلس الأمة ؟ – نعم · لا\">",
        "<meta name=\"twitter:card\" content=\"summary_large_image\">",
    ] {
        assert!(page.contains(line), "no {line} in {page}");
    }
    let address = named(service, &poll).await.expect("a page names its poll's picture");
    assert!(address.starts_with(&format!("/polls/{poll}/card.png?v=")), "{address}");
    let wide = picture(&client, &address).await;
    let square = picture(&client, &format!("/polls/{poll}/card.png?shape=square")).await;
    assert_eq!((size(&wide), size(&square)), ((1_200, 630), (1_080, 1_080)));
    let tracked = client.get(&format!("{address}&utm_source=x&fbclid=y")).undocumented().send().await;
    assert!(tracked.content() == wide);
    assert!(picture(&client, &format!("/polls/{poll}/card.png?digits=latn")).await == wide);
    for (query, field, rule) in [
        ("shape=round", "shape", "must be wide or square"),
        ("digits=roman", "digits", "must be latn or arab"),
        ("shape=wide&shape=square", "shape", "must be given once"),
    ] {
        let refused = client.get(&format!("/polls/{poll}/card.png?{query}")).send().await;
        let refused = refused.refused(400, "invalid-request");
        assert_eq!(refused["errors"], json!([{ "field": field, "detail": rule }]));
    }
    let told = client.get(&format!("/oembed?url={PUBLIC_URL}/embed/{poll}")).send().await.is(200);
    assert_eq!(told["thumbnail_url"], format!("{PUBLIC_URL}{address}"));
    assert_eq!((&told["thumbnail_width"], &told["thumbnail_height"]), (&json!(1200), &json!(630)));
    let told = client.get(&format!("/oembed?url={PUBLIC_URL}/embed/{poll}&maxwidth=1199")).send().await.is(200);
    assert_eq!(told["thumbnail_url"], Value::Null, "larger than what was asked for");
}

async fn a_vote_changes_the_picture_its_tag_and_its_address(service: &Service) {
    let poll = service.poll(json!({})).await;
    let client = service.client();
    let path = format!("/polls/{poll}/card.png");
    let question = client.get(&path).send().await;
    let asked = named(service, &poll).await;
    client.new_voter().await.vote(&poll, &["yes"]).await.is(201);
    client.results_from(&poll, 1).await;
    let results = client.get(&path).send().await;
    let address = named(service, &poll).await.expect("a page names its poll's picture");
    assert!(address.contains("?v=1-"), "the tally's version is in {address}");
    assert!(asked.is_some_and(|asked| asked != address) && tag(&question) != tag(&results));
    assert_ne!(question.content(), results.content());
    // As its page, it is the same for everyone.
    for (name, value) in
        [("cache-control", "public, max-age=2, s-maxage=5"), ("surrogate-key", &format!("poll-{poll}"))]
    {
        assert!(results.header(name).is_some_and(|said| said.starts_with(value)), "{results}");
    }
    client.get(&path).header("if-none-match", &tag(&results)).send().await.is(304);
    assert_eq!(client.get(&path).header("if-none-match", &tag(&question)).send().await.status, 200);
    let head = client.request(reqwest::Method::HEAD, &path).undocumented().send().await;
    assert_eq!((head.status, tag(&head), head.content().len()), (200, tag(&results), 0));
    let told = client.get(&format!("/oembed?url={PUBLIC_URL}/embed/{poll}")).send().await.is(200);
    assert_eq!(told["thumbnail_url"], format!("{PUBLIC_URL}{address}"));
}

async fn a_tally_that_is_not_for_everyone_is_in_no_picture(service: &Service) {
    let client = service.client();
    for (rules, is_shown_at_last) in [
        (json!({ "results": "never" }), false),
        (json!({ "results": "after_vote" }), true),
        (json!({ "results": "after_close" }), true),
        (json!({ "minimum_ballots": 2 }), false),
        (json!({ "display": "delayed" }), true),
    ] {
        let poll = service.poll(rules.clone()).await;
        let path = format!("/polls/{poll}/card.png");
        let before = picture(&client, &path).await;
        let asked = named(service, &poll).await;
        let voter = client.new_voter().await;
        voter.vote(&poll, &["yes"]).await.is(201);
        service.admin().results_from(&poll, 1).await;
        // Also to whoever has voted.
        for reader in [&client, &voter] {
            assert!(picture(reader, &path).await == before, "{rules} is drawn");
        }
        assert_eq!(named(service, &poll).await, asked, "{rules}");
        service.admin().post(&format!("/v1/polls/{poll}/close")).send().await.is(200);
        let closed = named(service, &poll).await.expect("a page names its poll's picture");
        assert_ne!(Some(&closed), asked.as_ref(), "it says that the poll is closed");
        assert_eq!(closed.contains("?v=1-"), is_shown_at_last, "{rules}: {closed}");
    }
    // Of two tallies that readers are shown alike, the pictures are alike.
    let poll = service.poll(json!({ "display": "percent" })).await;
    let path = format!("/polls/{poll}/card.png");
    let mut pictures = Vec::new();
    for (votes, sum) in [(101, 101), (1, 102)] {
        let cast = (0..votes).map(|_| async { client.first_vote(&poll, &["yes"], &nonce()).await.is(201) });
        stream::iter(cast).buffer_unordered(16).collect::<Vec<_>>().await;
        service.admin().results_from(&poll, sum).await;
        pictures.push(picture(&client, &path).await);
    }
    assert!(pictures[0] == pictures[1], "a vote that readers are not shown can be told from the picture");
}

async fn a_poll_in_letters_that_the_font_lacks_has_no_picture_and_its_page_names_none(service: &Service) {
    let client = service.client();
    for members in [
        json!({ "question": "Ждёте ли вы роспуска?" }),
        json!({ "options": [{ "label": "נעם" }, { "label": "לא" }] }),
        json!({ "disclosure": { "asked_by": "通信社" } }),
    ] {
        let poll = service.poll(members).await;
        let refused = client.get(&format!("/polls/{poll}/card.png")).send().await.refused(404, "not-found");
        assert!(text(&refused["detail"]).contains("letters"), "{refused}");
        assert_eq!(named(service, &poll).await, None);
        let told = client.get(&format!("/oembed?url={PUBLIC_URL}/embed/{poll}")).send().await.is(200);
        assert_eq!(told["thumbnail_url"], Value::Null);
    }
    let with_emoji = service.poll(json!({ "question": "🗳️ هل تتوقع حل مجلس الأمة ؟" })).await;
    let without = service.poll(json!({ "question": "هل تتوقع حل مجلس الأمة ؟" })).await;
    let [one, other] = [with_emoji, without].map(|poll| format!("/polls/{poll}/card.png"));
    assert!(picture(&client, &one).await == picture(&client, &other).await, "emoji are left out");
}

async fn every_kind_of_poll_has_a_picture_that_messengers_show(service: &Service) {
    let client = service.client();
    let long = |word: &str, count: usize| word.repeat(200).chars().take(count).collect::<String>();
    let options =
        |count: usize| (0..count).map(|n| json!({ "label": long(&format!("الخيار {n} "), 199) })).collect::<Vec<_>>();
    for members in [
        json!({ "kind": "multiple", "question": long("هل ترى أن القرار ", 500), "options": options(32),
                "disclosure": { "asked_by": long("صحيفة ", 200), "paid_by": long("وزارة ", 200), "licence": long("رقم ", 200),
                                "note": long("ملاحظة ", 500) } }),
        json!({ "kind": "rating", "scale": { "low": 1, "high": 5, "low_label": "سيئ", "high_label": "ممتاز" } }),
        json!({ "kind": "rating", "scale": { "low": 0, "high": 10 }, "language": "en" }),
        json!({ "kind": "reaction", "options": [{ "emoji": "👍", "label": "أعجبني" }, { "emoji": "😡", "label": "أغضبني" }] }),
        json!({ "kind": "ranked", "options": options(15) }),
        json!({ "kind": "single", "correct": "1", "explanation": "؟", "options": options(2) }),
    ] {
        let mut asked = json!({ "question": "ما رأيك؟" });
        asked.as_object_mut().expect("an object").extend(members.as_object().expect("an object").clone());
        let made = service.admin().post("/v1/polls").json(&asked).send().await.is(201);
        let (poll, choice) = (text(&made["id"]), text(&made["options"][0]["id"]));
        for has_voted in [false, true] {
            if has_voted {
                client.new_voter().await.vote(&poll, &[&choice]).await.is(201);
                client.results_from(&poll, 1).await;
            }
            for shape in ["wide", "square"] {
                let png = picture(&client, &format!("/polls/{poll}/card.png?shape={shape}")).await;
                assert!(png.len() <= MOST_BYTES, "{} bytes: {asked}", png.len());
            }
        }
    }
}

async fn the_poll_of_an_article_and_of_a_place_has_its_picture(service: &Service) {
    let site = service.site().await;
    let path = service.article_poll(&site).await;
    let client = service.client();
    let page_path = path.replacen("/v1/sites", "/embed/sites", 1);
    let page = client.get(&page_path).send().await.page(200);
    assert!(!page.contains("og:image"), "nobody has voted, and so no address finds it");
    let vote = json!({ "choices": ["5"], "voter": { "nonce": nonce() } });
    let cast = client.post(&format!("{path}/votes")).json(&vote).send().await.is(201);
    let poll = text(&cast["results"]["poll"]);
    let page = client.get(&page_path).send().await.page(200);
    assert!(page.contains(&format!("{PUBLIC_URL}/polls/{poll}/card.png?v=1-")), "{page}");
    picture(&client, &format!("/polls/{poll}/card.png")).await;
}

service_rules![on [Backend::Sqlite];
    a_polls_page_names_a_picture_of_it_in_either_shape,
    a_vote_changes_the_picture_its_tag_and_its_address,
    a_tally_that_is_not_for_everyone_is_in_no_picture,
    a_poll_in_letters_that_the_font_lacks_has_no_picture_and_its_page_names_none,
    every_kind_of_poll_has_a_picture_that_messengers_show,
    the_poll_of_an_article_and_of_a_place_has_its_picture,
];
