//! What a page puts in the place of a poll's address.

use serde_json::{Value, json};

use crate::{
    client::Answer,
    registry::service_rules,
    service::{PUBLIC_URL, Service, seed_poll, text},
};

/// Asks as consumers do, with the address encoded.
async fn ask(service: &Service, url: &str, rest: &str) -> Answer {
    let asked = reqwest::Url::parse_with_params("http://sawt/oembed", [("url", url)]).unwrap();
    service.client().get(&format!("/oembed?{}{rest}", asked.query().unwrap())).send().await
}

async fn a_polls_address_is_answered_with_a_frame_of_its_page(service: &Service) {
    for members in [json!({}), json!({ "opens_at": "2999-01-01T00:00:00Z" })] {
        let poll = service.poll(members).await;
        let url = format!("{PUBLIC_URL}/embed/{poll}");
        for rest in ["", "&format=json", "&format=json&maxwidth=640"] {
            let answer = ask(service, &url, rest).await;
            assert!(answer.header("cache-control").is_some_and(|value| value.starts_with("public")), "{answer}");
            assert!(answer.header("surrogate-key").is_some_and(|value| value.contains(&poll)), "{answer}");
            let etag = answer.header("etag").expect("it has a tag");
            let held = service.client().get(&format!("/oembed?url={url}{rest}")).header("if-none-match", &etag);
            held.send().await.is(304);
            let told = answer.is(200);
            assert_eq!((&told["type"], &told["version"]), (&json!("rich"), &json!("1.0")));
            assert_eq!(told["title"], "هل تتوقع حل مجلس الأمة ؟");
            assert_eq!(told["provider_url"], PUBLIC_URL);
            // Two lengths in pixels would be the shape of a film, which themes of WordPress keep as they make it
            // narrower.
            assert_eq!(told["width"], 600);
            let height = &told["height"];
            let frame = format!(
                "<iframe src=\"{url}\" width=\"100%\" height=\"{height}\" title=\"هل تتوقع حل مجلس الأمة ؟\" \
                 frameborder=\"0\" loading=\"lazy\"></iframe>"
            );
            assert_eq!(told["html"], frame);
        }
        // What follows the address is not part of it, and what consumers add to the query is passed over.
        let told = ask(service, &format!("{url}?x=\"#y"), "").await.is(200);
        assert!(told["html"].as_str().is_some_and(|html| html.contains(&format!("src=\"{url}\""))), "{told}");
        let answer =
            service.client().get(&format!("/oembed?url={url}&dnt=1&discover=true")).undocumented().send().await;
        answer.is(200);
    }
}

async fn a_polls_answer_has_what_puts_it_into_a_page_with_room_for_it(service: &Service) {
    let made = service.admin().post("/v1/polls").json(&seed_poll(json!({}))).send().await.is(201);
    let poll = text(&made["id"]);
    let embed = &made["embed"];
    assert_eq!(embed["url"], format!("{PUBLIC_URL}/embed/{poll}"));
    let height = embed["height"].as_u64().expect("a height");
    // As high as a frame on a phone.
    let told = ask(service, &text(&embed["url"]), "&maxwidth=328").await.is(200);
    assert_eq!(told["height"], height);
    for snippet in ["script", "element", "frame"] {
        let snippet = text(&embed[snippet]);
        assert!(snippet.contains(&format!("min-height: {height}px")) && snippet.contains(&poll), "{snippet}");
    }
    let read = service.client().get(&format!("/v1/polls/{poll}")).send().await.is(200);
    assert_eq!(&read["embed"], embed);
    // Longer texts take more.
    let long = "هل ترى أن مجلس الأمة أحسن في تأجيل النظر في تقرير اللجنة المالية إلى الأسبوع المقبل ؟";
    let edit = json!({ "revision": made["revision"], "question": long });
    let edited = service.admin().patch(&format!("/v1/polls/{poll}")).json(&edit).send().await.is(200);
    assert!(edited["embed"]["height"].as_u64().expect("a height") > height, "{edited}");
}

/// As editors paste it; what each may look like is tried beside the rule.
async fn our_own_address_is_known_however_it_is_written(service: &Service) {
    let poll = service.poll(json!({})).await;
    let url = format!("{PUBLIC_URL}/embed/{poll}");
    for written in [
        format!("{url}/"),
        format!("{url}\u{200E}"),
        format!("{url}\u{200F} "),
        format!("{url}\u{FEFF}"),
        format!("{url}\u{200B}"),
        format!("{url}?lang=ar"),
        format!("{url}#x"),
        url.replace("/embed", ":443/embed"),
        url.replace("https", "http"),
        url.replace("votes.example", "Votes.Example"),
        url.replace("/embed", "/%65mbed"),
    ] {
        let told = ask(service, &written, "").await.is(200);
        assert_eq!(told["provider_url"], PUBLIC_URL, "{written}");
        assert!(told["html"].as_str().is_some_and(|html| html.contains(&format!("src=\"{url}\""))), "{told}");
    }
}

/// Poll text ran as script in the page: CVE-2021-24442, CVE-2014-10395, CVE-2019-9914.
async fn a_question_can_not_leave_the_frames_title(service: &Service) {
    let question = "\"><script>alert('x')</script>";
    let poll = service.poll(json!({ "question": question })).await;
    let told = ask(service, &format!("{PUBLIC_URL}/embed/{poll}"), "").await.is(200);
    assert_eq!(told["title"], question);
    let html = told["html"].as_str().unwrap();
    assert!(html.contains("title=\"&quot;&gt;&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;\""), "{html}");
    assert_eq!(html.matches(['<', '>']).count(), 4, "{html}");
}

async fn a_frame_is_no_larger_than_asked_and_higher_for_more_to_read(service: &Service) {
    let short = service.poll(json!({})).await;
    let options: Vec<Value> = (0..9).map(|id| json!({ "id": id.to_string(), "label": "و".repeat(80 + id) })).collect();
    let long = service.poll(json!({ "options": options, "question": "س ".repeat(100) + "؟" })).await;
    let size = async |poll: &str, rest: &str| {
        let told = ask(service, &format!("{PUBLIC_URL}/embed/{poll}"), rest).await.is(200);
        (told["width"].as_u64().unwrap(), told["height"].as_u64().unwrap())
    };
    let (width, height) = size(&short, "").await;
    assert_eq!(size(&short, "&maxwidth=4000&maxheight=4000").await, (width, height));
    assert_eq!(size(&short, "&maxwidth=320&maxheight=150").await, (320, 150));
    assert_eq!(size(&short, "&maxwidth=1&maxheight=1").await, (1, 1));
    let (_, long_height) = size(&long, "").await;
    assert!((height + 1..=1_000).contains(&long_height), "{height} and {long_height}");
    assert!(size(&long, "&maxwidth=300").await.1 >= long_height);
}

async fn an_address_that_is_no_polls_page_here_is_not_found(service: &Service) {
    let poll = service.poll(json!({})).await;
    let draft = service.poll(json!({ "state": "draft" })).await;
    for url in [
        String::new(),
        "no address".to_owned(),
        format!("/embed/{poll}"),
        format!("https://evil.example/embed/{poll}"),
        format!("{PUBLIC_URL}.evil.example/embed/{poll}"),
        format!("https://www.votes.example/embed/{poll}"),
        PUBLIC_URL.to_owned(),
        format!("{PUBLIC_URL}/v1/polls/{poll}"),
        format!("{PUBLIC_URL}/embed/{poll}/form"),
        format!("{PUBLIC_URL}/embed/01932f6e-7c1a-7b60-8d5e-0b8f6a3c9d21"),
        format!("{PUBLIC_URL}/embed/{draft}"),
    ] {
        ask(service, &url, "").await.refused(404, "not-found");
    }
}

async fn a_size_that_is_none_and_an_address_that_is_missing_are_refused(service: &Service) {
    let poll = service.poll(json!({})).await;
    let url = format!("url={PUBLIC_URL}/embed/{poll}");
    for (query, field) in [
        (String::new(), "url"),
        ("format=json".to_owned(), "url"),
        (format!("{url}&{url}"), "url"),
        (format!("{url}&maxwidth=0"), "maxwidth"),
        (format!("{url}&maxwidth=wide"), "maxwidth"),
        (format!("{url}&maxheight=-1"), "maxheight"),
        (format!("{url}&maxheight=4294967296"), "maxheight"),
    ] {
        let answer = service.client().get(&format!("/oembed?{query}")).send().await;
        assert_eq!(answer.refused(400, "invalid-request")["errors"][0]["field"], field, "{query}");
    }
}

async fn another_format_than_json_is_not_offered(service: &Service) {
    let poll = service.poll(json!({})).await;
    for format in ["xml", "", "JSON"] {
        let answer = ask(service, &format!("{PUBLIC_URL}/embed/{poll}"), &format!("&format={format}")).await;
        answer.refused(501, "format-not-offered");
    }
}

service_rules![
    a_polls_address_is_answered_with_a_frame_of_its_page,
    a_polls_answer_has_what_puts_it_into_a_page_with_room_for_it,
    our_own_address_is_known_however_it_is_written,
    a_question_can_not_leave_the_frames_title,
    a_frame_is_no_larger_than_asked_and_higher_for_more_to_read,
    an_address_that_is_no_polls_page_here_is_not_found,
    a_size_that_is_none_and_an_address_that_is_missing_are_refused,
    another_format_than_json_is_not_offered,
];
