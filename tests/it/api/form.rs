//! The poll as a plain form, for browsers that run no script.

use reqwest::Method;
use serde_json::json;

use super::embed::{after, read, state};
use crate::{
    client::{Answer, Client, remember_secret, until},
    registry::service_rules,
    service::{PUBLIC_URL, Service, announcement, text},
};

/// What a browser says when a page of ours sends a form.
const OWN_PAGE: [(&str, &str); 2] = [("origin", PUBLIC_URL), ("sec-fetch-site", "same-origin")];

/// The form's page: its text, and the token in it.
async fn form(client: &Client, poll: &str) -> (String, String) {
    form_at(client, &format!("/embed/{poll}/form")).await
}

async fn form_at(client: &Client, path: &str) -> (String, String) {
    let answer = client.get(path).send().await;
    assert_eq!(answer.header("cache-control").as_deref(), Some("private, no-store"), "{answer}");
    assert_eq!(answer.header("set-cookie"), None, "{answer}");
    let page = answer.page(200);
    let token = after(&page, "name=\"voter\" value=\"").to_owned();
    remember_secret(&token);
    (page, token)
}

async fn send(client: &Client, poll: &str, body: &str, marks: &[(&str, &str)]) -> Answer {
    send_to(client, &format!("/embed/{poll}/form"), body, marks).await
}

async fn send_to(client: &Client, path: &str, body: &str, marks: &[(&str, &str)]) -> Answer {
    let request = client.post(path).body("application/x-www-form-urlencoded", body);
    marks.iter().fold(request, |request, (name, value)| request.header(name, value)).send().await
}

/// Where a redirect leads.
fn location(answer: &Answer) -> String {
    assert_eq!(answer.status, 303, "{answer}");
    answer.header("location").expect("a redirect leads somewhere")
}

async fn a_form_votes_once_however_often_it_is_sent(service: &Service) {
    let poll = service.poll(json!({})).await;
    let (page, token) = form(&service.client(), &poll).await;
    assert!(!page.contains("<script") && page.contains("method=\"post\""), "{page}");
    let body = format!("voter={token}&choices=yes");
    // Also by way of another replica.
    for client in service.clients().iter().cycle().take(4) {
        let answer = send(client, &poll, &body, &OWN_PAGE).await;
        assert_eq!(answer.header("cache-control").as_deref(), Some("private, no-store"), "{answer}");
        let there = service.client().get(&location(&answer)).send().await;
        let page = there.page(200);
        assert_eq!(state(&page), "voted");
        let said = read(&page);
        assert!(said.contains("سُجّل صوتك") && said.contains("100%") && said.contains("صوت واحد"), "{said}");
        assert!(page.contains("data-option=\"yes\" part=\"result\" data-chosen"), "{page}");
    }
    assert_eq!(service.client().results(&poll).await["ballots"], 1);
    // Whoever goes back and chooses otherwise is the same voter.
    let page = send(&service.client(), &poll, &format!("voter={token}&choices=no"), &OWN_PAGE).await.page(409);
    assert!(state(&page) == "voted" && read(&page).contains("صوتك مسجّل من قبل"), "{page}");
    assert!(page.contains("data-option=\"yes\" part=\"result\" data-chosen"), "{page}");
    assert_eq!(service.client().results(&poll).await["ballots"], 1);
}

/// Stars and emoji are radio buttons there, each with its words.
async fn a_form_takes_stars_and_reactions(service: &Service) {
    let emoji =
        json!([{ "id": "like", "emoji": "👍", "label": "أعجبني" }, { "id": "sad", "emoji": "😢", "label": "أحزنني" }]);
    for (members, choice, said) in [
        (json!({ "question": "ما تقييمك؟", "kind": "rating" }), "4", "نجوم"),
        (json!({ "question": "ما شعورك؟", "kind": "reaction", "options": emoji }), "sad", "أحزنني"),
    ] {
        let made = service.admin().post("/v1/polls").json(&members).send().await.is(201);
        let poll = text(&made["id"]);
        let (page, token) = form(&service.client(), &poll).await;
        assert!(page.contains(&format!("name=\"choices\" value=\"{choice}\"")), "{page}");
        assert!(read(&page).contains(said), "{page}");
        let voted = send(&service.client(), &poll, &format!("voter={token}&choices={choice}"), &OWN_PAGE).await;
        let page = service.client().get(&location(&voted)).send().await.page(200);
        assert_eq!(state(&page), "voted");
        let results = service.client().results(&poll).await;
        assert_eq!(results["ballots"], 1);
        let counted = results["options"].as_array().unwrap().iter().find(|option| option["id"] == choice).unwrap();
        assert_eq!(counted["votes"], 1, "{results}");
    }
}

async fn whoever_voted_by_form_and_comes_back_is_the_same_voter(service: &Service) {
    let poll = service.poll(json!({ "changeable": true })).await;
    let other = service.poll(json!({})).await;
    let (_, token) = form(&service.client(), &poll).await;
    let voted = send(&service.client(), &poll, &format!("voter={token}&choices=yes"), &OWN_PAGE).await;
    let cookie = voted.header("set-cookie").expect("who has voted is remembered");
    assert!(cookie.starts_with(&format!("__Host-sawt_voter={token}; ")) && cookie.contains("HttpOnly"), "{cookie}");
    let cookie = cookie.split(';').next().expect("a cookie has a value");
    let there = service.client().get(&format!("/embed/{poll}/form")).header("cookie", cookie).send().await;
    let page = there.page(200);
    assert!(state(&page) == "voted" && !page.contains("name=\"voter\""), "{page}");
    assert!(page.contains("data-option=\"yes\" part=\"result\" data-chosen"), "{page}");
    // In another poll they may vote, as the same voter.
    let page = service.client().get(&format!("/embed/{other}/form")).header("cookie", cookie).send().await.page(200);
    let renewed = after(&page, "name=\"voter\" value=\"").to_owned();
    remember_secret(&renewed);
    location(&send(&service.client(), &other, &format!("voter={renewed}&choices=yes"), &OWN_PAGE).await);
    let mine = service.client().with_voter(&token).get(&format!("/v1/polls/{other}/votes/me")).send().await.is(200);
    assert_eq!(mine["choices"], json!(["yes"]));
    // The page that everyone gets knows nobody.
    let page = service.client().get(&format!("/embed/{poll}")).header("cookie", cookie).send().await.page(200);
    assert!(state(&page) == "open" && !page.contains("data-chosen"), "{page}");
}

async fn whoever_voted_by_form_sees_what_voters_see_for_a_while(service: &Service) {
    let poll = service.poll(json!({ "results": "after_vote", "changeable": true })).await;
    let other = service.poll(json!({ "results": "after_vote" })).await;
    let (page, token) = form(&service.client(), &poll).await;
    assert!(read(&page).contains("تظهر لك النتائج بعد أن تصوّت"), "{page}");
    let voted = send(&service.client(), &poll, &format!("voter={token}&choices=yes"), &OWN_PAGE).await;
    let path = location(&voted);
    assert!(!path.contains(&token), "a token in an address");
    let page = service.client().get(&path).send().await.page(200);
    assert!(state(&page) == "voted" && page.contains("width=\"100.0%\""), "{page}");
    // A stub is of one poll, and of one ballot.
    for strange in [path.replace(&poll, &other), format!("{}x", &path), path.replace("ballot=", "ballot=A")] {
        let page = service.client().get(&strange).send().await.page(200);
        assert!(state(&page) == "open" && !page.contains("100.0"), "{page}");
    }
    let changed = send(&service.client(), &poll, &format!("voter={token}&choices=no"), &OWN_PAGE).await;
    let page = service.client().get(&location(&changed)).send().await.page(200);
    assert!(
        read(&page).contains("غُيّر صوتك") && page.contains("data-option=\"no\" part=\"result\" data-chosen"),
        "{page}"
    );
}

/// A GET, or any site's hidden form, voted; 318,000 votes came through forum signatures: wp-polls #80, #81;
/// CVE-2016-20067.
async fn a_form_hidden_in_another_page_does_not_vote(service: &Service) {
    let poll = service.poll(json!({ "site": service.site_for(&["https://news.example"]).await })).await;
    let (_, token) = form(&service.client(), &poll).await;
    let body = format!("voter={token}&choices=yes");
    for marks in [
        &[("origin", "https://evil.example"), ("sec-fetch-site", "cross-site")][..],
        &[("origin", "https://news.example"), ("sec-fetch-site", "cross-site")],
        &[("origin", "null"), ("sec-fetch-site", "cross-site")],
        &[("origin", "null")],
        &[("origin", "https://evil.example")],
        &[("sec-fetch-site", "same-site")],
        &[("sec-fetch-site", "none")],
        &[("referer", "https://evil.example/")],
        &[("referer", "https://votes.example.evil.example/")],
        &[("referer", PUBLIC_URL), ("origin", "null")],
        &[("origin", PUBLIC_URL), ("sec-fetch-site", "cross-site")],
        &[],
    ] {
        // Also at a replica that has not read the poll yet: in its language, with a way on to the form.
        for client in service.clients() {
            let page = send(&client, &poll, &body, marks).await.page(403);
            assert!(read(&page).contains("لا يمكن التصويت من هذه الصفحة"), "{page}");
            assert!(page.contains(&format!("<a href=\"/embed/{poll}/form\">أعد المحاولة</a>")), "{page}");
        }
    }
    for query in ["?voter={token}&choices=yes", "?choices=yes"] {
        let path = format!("/embed/{poll}/form{}", query.replace("{token}", &token));
        service.client().get(&path).undocumented().send().await.page(200);
    }
    assert_eq!(service.client().results(&poll).await["ballots"], 0);
    assert!(matches!(send(&service.client(), &poll, &body, &OWN_PAGE).await.status, 303));
}

/// Browsers say differently, or less, where a page of ours stands: old ones, those in a sandbox, those of the careful.
async fn a_form_of_our_own_votes_whichever_way_its_browser_says_so(service: &Service) {
    let poll = service.poll(json!({})).await;
    let referer = format!("{PUBLIC_URL}/embed/{poll}/form?lang=ar");
    let ways = [
        &[("sec-fetch-site", "same-origin")][..],
        &[("origin", "null"), ("sec-fetch-site", "same-origin")],
        &[("origin", PUBLIC_URL)],
        &[("referer", referer.as_str())],
    ];
    for marks in ways {
        let (_, token) = form(&service.client(), &poll).await;
        let answer = send(&service.client(), &poll, &format!("voter={token}&choices=yes"), marks).await;
        assert!(location(&answer).contains("said=counted"), "{marks:?}: {answer}");
    }
    assert_eq!(service.client().results(&poll).await["ballots"], ways.len());
}

async fn what_a_form_is_refused_is_said_in_a_page_of_the_polls_language(service: &Service) {
    let client = service.client();
    let poll = service.poll(json!({ "kind": "multiple", "max_choices": 1 })).await;
    let (_, token) = form(&client, &poll).await;
    for (choices, said, ticks) in [
        ("", "اختر إجابة أولًا", 0),
        ("&choices=yes&choices=no", "اخترت 2. اختر 1 على الأكثر.", 2),
        ("&choices=maybe", "اختر إجابة أولًا", 0),
        ("&choices=no&choices=maybe", "اختر إجابة أولًا", 1),
    ] {
        let page = send(&client, &poll, &format!("voter={token}{choices}"), &OWN_PAGE).await.page(422);
        assert!(state(&page) == "open" && read(&page).contains(said), "{page}");
        assert_eq!(page.matches(" checked>").count(), ticks, "{page}");
        after(&page, "name=\"voter\" value=\"");
    }
    // A page that was kept has no token; what its form leads to has.
    for none in ["choices=yes", "voter=&choices=yes", "voter=forged&choices=yes"] {
        assert_eq!(location(&send(&client, &poll, none, &OWN_PAGE).await), format!("/embed/{poll}/form"));
    }
    let path = format!("/embed/{poll}/form");
    let post = |media_type: &str, body: Vec<u8>| {
        let request = client.post(&path).body(media_type, body);
        OWN_PAGE.iter().fold(request, |request, (name, value)| request.header(name, value)).send()
    };
    post("application/json", b"{\"choices\":[\"yes\"]}".to_vec()).await.page(415);
    post("application/x-www-form-urlencoded", vec![b'a'; 20_000]).await.page(413);
    post("application/x-www-form-urlencoded", b"voter=\xff".to_vec()).await.page(400);

    service.admin().post(&format!("/v1/polls/{poll}/close")).send().await.is(200);
    let page = send(&client, &poll, &format!("voter={token}&choices=yes"), &OWN_PAGE).await.page(409);
    assert!(state(&page) == "closed" && read(&page).contains("انتهى التصويت"), "{page}");
    assert!(!page.contains("name=\"voter\""), "{page}");

    let draft = service.poll(json!({ "state": "draft" })).await;
    let gone = "01932f6e-7c1a-7b60-8d5e-0b8f6a3c9d21";
    for id in [draft.as_str(), gone, "x"] {
        for (sent, said) in
            [("ar-KW, en;q=0.5", "لم يعد متاحًا"), ("de", "not available"), ("fr;q=0.9, en;q=0.1", "disponible")]
        {
            for path in [format!("/embed/{id}"), format!("/embed/{id}/form")] {
                let page = client.get(&path).header("accept-language", sent).send().await.page(404);
                assert!(state(&page) == "gone" && read(&page).contains(said), "{sent}: {page}");
            }
        }
        send(&client, id, &format!("voter={token}&choices=yes"), &OWN_PAGE).await.page(404);
    }
    let scheduled = service.poll(json!({ "opens_at": "2999-01-02T03:04:05Z" })).await;
    let page = client.get(&format!("/embed/{scheduled}/form")).send().await.page(200);
    assert_eq!(state(&page), "scheduled");
    assert!(read(&page).contains("يبدأ التصويت 2999-01-02 03:04 UTC"), "{}", read(&page));
    assert!(page.contains("disabled") && !page.contains("name=\"voter\""), "{page}");
}

async fn a_form_brings_a_token_nobody_else_can_read(service: &Service) {
    let poll = service.poll(json!({})).await;
    let path = format!("/embed/{poll}/form");
    let (_, one) = form(&service.client(), &poll).await;
    let (_, other) = form(&service.client(), &poll).await;
    assert_ne!(one, other);
    for origin in ["https://evil.example", "null"] {
        let answer = service.client().get(&path).header("origin", origin).send().await;
        assert_eq!(answer.header("access-control-allow-origin"), None, "{answer}");
        let asked = service.client().request(Method::OPTIONS, &path).undocumented().header("origin", origin);
        let asked = asked.header("access-control-request-method", "POST").send().await;
        assert_eq!(asked.header("access-control-allow-origin"), None, "{asked}");
    }
}

async fn a_form_ranks_by_numbers_and_says_so_if_one_comes_twice(service: &Service) {
    let options = json!([{ "id": "bus", "label": "الحافلات" }, { "id": "park", "label": "الحدائق" }, { "id": "art", "label": "الفن" }]);
    let ranking = json!({ "question": "رتّب", "kind": "ranked", "options": options });
    let poll = text(&service.admin().post("/v1/polls").json(&ranking).send().await.is(201)["id"]);
    let (page, token) = form(&service.client(), &poll).await;
    assert!(page.contains("<select name=\"rank.park\"") && !page.contains("name=\"choices\""), "{page}");
    let sent = async |ranks: &str| send(&service.client(), &poll, &format!("voter={token}&{ranks}"), &OWN_PAGE).await;
    let page = sent("rank.bus=2&rank.park=2&rank.art=").await.page(422);
    assert!(read(&page).contains("أعطيت خيارين المرتبة نفسها"), "{page}");
    assert!(page.contains("<option value=\"2\" selected>"), "what was chosen is still there: {page}");
    for nothing in ["", "rank.bus=", "rank.bus=0&rank.park=first&rank.tram=1"] {
        assert!(read(&sent(nothing).await.page(422)).contains("اختر إجابة"));
    }
    assert_eq!(service.client().results(&poll).await["ballots"], 0);
    // Numbers need not follow on each other.
    let there = location(&sent("rank.bus=3&rank.park=&rank.art=1").await);
    let said = read(&service.client().get(&there).send().await.page(200));
    assert!(said.contains("ترتيبك: 1") && said.contains("ترتيبك: 2") && said.contains("3 نقاط"), "{said}");
    let tally = service.client().results(&poll).await;
    let borda: Vec<_> = (0..3).map(|place| tally["options"][place]["borda"].clone()).collect();
    assert_eq!(borda, [2, 0, 3]);
    service.admin().post(&format!("/v1/polls/{poll}/close")).send().await.is(200);
    let closed = service.client().get(&format!("/embed/{poll}/form")).send().await.page(200);
    assert_eq!(closed.matches("الفائز بعد جولات الإقصاء").count(), 1, "{closed}");
}

/// A site with an article, `a-1`, that readers react to.
async fn site_with_reactions(service: &Service) -> String {
    let site = service.site_for(&["https://news.example"]).await;
    let options =
        json!([{ "id": "like", "emoji": "👍", "label": "أعجبني" }, { "id": "sad", "emoji": "😢", "label": "أحزنني" }]);
    let poll = json!({ "kind": "reaction", "question": "ما رأيك في المقال؟", "options": options });
    let template = json!({ "poll": poll, "articles": "own-origins" });
    service.admin().put(&format!("/v1/sites/{site}/templates/reactions")).json(&template).send().await.is(201);
    let said = announcement("https://news.example/a-1");
    service.admin().put(&format!("/v1/sites/{site}/articles/a-1")).json(&said).send().await.is(201);
    site
}

/// Who runs no script makes an article's poll like anybody else: by a ballot that fits, and by nothing before it.
async fn a_form_makes_an_articles_poll_with_its_first_ballot(service: &Service) {
    let site = site_with_reactions(service).await;
    for (article, look) in
        [("a-1/reactions/form", ""), ("@url/reactions/form?url=https%3A%2F%2Fnews.example%2Fb-1", "&theme=dark")]
    {
        let path = format!("/embed/sites/{site}/articles/{article}{look}");
        let asked = format!("/v1/sites/{site}/articles/{}", article.replacen("/form", "", 1));
        let revision = async || service.client().get(&asked).send().await.is(200)["revision"].clone();
        let shown = service.client().get(&path.replacen("/form", "", 1)).send().await.page(200);
        let mut token = String::new();
        for client in service.clients() {
            let (page, own) = form_at(&client, &path).await;
            // It is announced under its address, which is its poll's name.
            let action = after(&page, "method=\"post\" action=\"").replace("&#38;", "&");
            assert!(action.starts_with(&format!("/embed/sites/{site}/articles/@url/reactions/form?url=")), "{page}");
            assert!(action.ends_with(look) && state(&page) == "open" && !page.contains("<script"), "{page}");
            assert!(shown.contains(&format!("url={}\"></noscript>", action.replace('&', "&#38;"))), "{shown}");
            token = own;
        }
        let wrong =
            send_to(&service.client(), &path, &format!("voter={token}&choices=angry"), &OWN_PAGE).await.page(422);
        assert!(state(&wrong) == "open" && wrong.contains("name=\"voter\""), "{wrong}");
        let strange = send_to(&service.client(), &path, &format!("voter={token}&choices=like"), &[]).await.page(403);
        assert!(
            strange.contains(&format!("<a href=\"{}\">", path.replace('&', "&#38;"))),
            "there is a way on: {strange}"
        );
        let nobody = send_to(&service.client(), &path, "choices=like", &OWN_PAGE).await;
        assert!(!location(&nobody).contains("said"), "{nobody}");
        let nothing = send_to(&service.client(), &path, &format!("voter={token}&withdraw=like"), &OWN_PAGE).await;
        assert!(location(&nothing).ends_with("said=withdrawn"), "{nothing}");
        assert_eq!(revision().await, 0, "nothing was made");
        for client in service.clients().iter().cycle().take(4) {
            let voted = send_to(client, &path, &format!("voter={token}&choices=like"), &OWN_PAGE).await;
            for client in service.clients() {
                let page = client.get(&location(&voted)).send().await.page(200);
                assert!(state(&page) == "voted" && read(&page).contains("سُجّل صوتك"), "{page}");
                assert!(page.contains("data-option=\"like\" aria-pressed=\"true\" data-votes=\"1\""), "{page}");
            }
        }
        until(async || (revision().await == 1).then_some(())).await;
    }
}

async fn a_reaction_is_taken_back_by_form_and_changed(service: &Service) {
    let site = site_with_reactions(service).await;
    let path = format!("/embed/sites/{site}/articles/a-1/reactions/form");
    let (_, token) = form_at(&service.client(), &path).await;
    let sent = async |client: &Client, body: &str| {
        let cookie = format!("__Host-sawt_voter={token}");
        let there = location(&send_to(client, &path, &format!("voter={token}&{body}"), &OWN_PAGE).await);
        // A replica hears of it a moment later.
        (client.get(&there).header("cookie", &cookie).send().await.page(200), there)
    };
    let pressed = |page: &str, name: &str, option: &str, is: bool, votes: u8| {
        let button = format!(
            "name=\"{name}\" value=\"{option}\" data-option=\"{option}\" aria-pressed=\"{is}\" data-votes=\"{votes}\""
        );
        assert!(page.contains(&button), "{button}: {page}");
    };
    for client in service.clients() {
        let (page, there) = sent(&client, "choices=like").await;
        pressed(&page, "withdraw", "like", true, 1);
        pressed(&page, "choices", "sad", false, 0);
        let renewed = after(&page, "name=\"voter\" value=\"").to_owned();
        remember_secret(&renewed);
        // Without the cookie its reader is nobody, and can press nothing.
        let page = client.get(&there).send().await.page(200);
        assert!(
            !page.contains("name=\"voter\"")
                && page.contains("<fieldset aria-labelledby=\"sawt-question sawt-rule\" disabled>")
        );
        let (page, _) = sent(&client, "choices=sad").await;
        assert!(read(&page).contains("غُيّر صوتك"), "{page}");
        pressed(&page, "withdraw", "sad", true, 1);
        pressed(&page, "choices", "like", false, 0);
        for _ in 0..2 {
            let (page, there) = sent(&client, "withdraw=sad").await;
            assert!(state(&page) == "open" && read(&page).contains("سُحب صوتك"), "{page}");
            pressed(&page, "choices", "sad", false, 0);
            let page = client.get(&there).send().await.page(200);
            assert!(!read(&page).contains("سُحب صوتك"), "nobody is told so by an address: {page}");
        }
    }
    // Where a vote stays, nothing takes it back.
    let poll = service.poll(json!({})).await;
    location(&send(&service.client(), &poll, &format!("voter={token}&choices=yes"), &OWN_PAGE).await);
    let page = send(&service.client(), &poll, &format!("voter={token}&withdraw=yes"), &OWN_PAGE).await.page(409);
    assert!(state(&page) == "voted" && read(&page).contains("صوتك مسجّل من قبل"), "{page}");
    assert!(!page.contains("name=\"withdraw\""), "{page}");
    assert_eq!(service.client().results(&poll).await["ballots"], 1);
}

async fn what_a_form_of_an_article_is_refused_is_said_in_a_page(service: &Service) {
    let site = site_with_reactions(service).await;
    let client = service.client();
    let (_, token) = form_at(&client, &format!("/embed/sites/{site}/articles/a-1/reactions/form")).await;
    let body = format!("voter={token}&choices=like");
    for (rest, status) in [
        ("@url/reactions/form", 400),
        ("@url/reactions/form?url=javascript:alert(1)", 400),
        ("a-1/nothing/form", 404),
        ("a-2/reactions/form", 404),
        ("@url/reactions/form?url=https%3A%2F%2Fevil.example%2F1", 422),
    ] {
        let path = format!("/embed/sites/{site}/articles/{rest}");
        client.get(&path).send().await.page(status);
        send_to(&client, &path, &body, &OWN_PAGE).await.page(status);
    }
    let path = format!("/embed/sites/{site}/articles/a-1/reactions/form");
    let post = |media_type: &str, body: Vec<u8>| {
        let request = client.post(&path).body(media_type, body);
        OWN_PAGE.iter().fold(request, |request, (name, value)| request.header(name, value)).send()
    };
    post("application/json", b"{\"choices\":[\"like\"]}".to_vec()).await.page(415);
    post("application/x-www-form-urlencoded", vec![b'a'; 20_000]).await.page(413);
    let mut full = service.admin().get(&format!("/v1/sites/{site}/templates/reactions")).send().await.is(200);
    let poll = json!({ "kind": "reaction", "question": "؟", "options": full["poll"]["options"].take() });
    let full = json!({ "poll": poll, "most_articles": 1 });
    service.admin().put(&format!("/v1/sites/{site}/templates/full")).json(&full).send().await.is(201);
    let said = announcement("https://news.example/a-2");
    service.admin().put(&format!("/v1/sites/{site}/articles/a-2")).json(&said).send().await.is(201);
    let full = |article: &str| format!("/embed/sites/{site}/articles/{article}/full/form");
    location(&send_to(&client, &full("a-1"), &body, &OWN_PAGE).await);
    send_to(&client, &full("a-2"), &body, &OWN_PAGE).await.page(409);
}

service_rules![
    a_form_makes_an_articles_poll_with_its_first_ballot,
    a_reaction_is_taken_back_by_form_and_changed,
    what_a_form_of_an_article_is_refused_is_said_in_a_page,
    a_form_ranks_by_numbers_and_says_so_if_one_comes_twice,
    a_form_votes_once_however_often_it_is_sent,
    a_form_takes_stars_and_reactions,
    whoever_voted_by_form_and_comes_back_is_the_same_voter,
    whoever_voted_by_form_sees_what_voters_see_for_a_while,
    a_form_hidden_in_another_page_does_not_vote,
    a_form_of_our_own_votes_whichever_way_its_browser_says_so,
    what_a_form_is_refused_is_said_in_a_page_of_the_polls_language,
    a_form_brings_a_token_nobody_else_can_read,
];
