//! The service mounted under a path of a host that is somebody else's: whether a proxy strips the path or keeps it,
//! every address it names has it, and nothing is done to the rest of the host.

use std::collections::BTreeSet;

use reqwest::Url;
use serde_json::json;

use crate::{
    backends::{Backend, Storage},
    client::{Answer, Client, nonce, remember_secret, until},
    proxy::Proxy,
    registry::lone_rules,
    server::{ADMIN_KEY, Replica, Settings, run},
    service::{Service, seed_poll, text},
    wire::Wire,
};

/// Where the news site is.
const HOST: &str = "https://news.example";
const PATH: &str = "/polls";
/// Where its readers reach the service.
const BASE: &str = "https://news.example/polls";
/// The voter's cookie there.
const COOKIE: &str = "__Secure-sawt_voter+polls";

fn service() -> Service {
    service_at(BASE)
}

fn service_at(public_url: &str) -> Service {
    let storage = Storage::file();
    let settings = Settings::on(storage.address()).with("SAWT_PUBLIC_URL", public_url);
    Service::start_with(Backend::Sqlite, storage, &settings)
}

/// What a proxy that strips the path asks, and one that keeps it.
fn both_ways(service: &Service) -> [Client; 2] {
    [service.client(), service.client().under(PATH)]
}

/// Whether a client finds the whole service: a poll is made, voted in, watched and taken back.
async fn works_for(client: &Client) {
    let admin = client.with_key(ADMIN_KEY);
    let made = admin.post("/v1/polls").json(&seed_poll(json!({ "changeable": true }))).send().await.is(201);
    let poll = text(&made["id"]);
    let token = client.first_vote(&poll, &["yes"], &nonce()).await;
    let voter = client.with_voter(&token.token().expect("a first vote is answered with a token"));
    let mine = format!("/v1/polls/{poll}/votes/me");
    assert_eq!(voter.get(&mine).send().await.is(200)["choices"], json!(["yes"]));
    let mut stream = client.live(&poll).await;
    voter.vote(&poll, &["no"]).await.is(200);
    let tally = client.results_from(&poll, 2).await;
    assert_eq!((&tally["ballots"], &tally["options"][1]["votes"]), (&json!(1), &json!(1)));
    stream.tally_from(2).await;
    voter.delete(&mine).send().await.is(204);
    assert_eq!(admin.get("/v1/polls?site=default").send().await.is(200)["items"][0]["id"], poll);
    client.get(&format!("/embed/{poll}")).send().await.page(200);
    client.get("/readyz").send().await.is(200);
    client.get("/").send().await.is(200);
}

async fn a_path_is_answered_whether_a_proxy_strips_it_or_keeps_it() {
    let service = service();
    for client in both_ways(&service) {
        works_for(&client).await;
    }
    // The address that a newsroom writes down has no slash at its end.
    service.client().under(PATH).get("").undocumented().send().await.is(200);
    for path in [
        "/pollsters/v1/polls",
        "/pollsv1/polls",
        "/Polls/livez",
        "/polls/polls/livez",
        "//polls/livez",
        "/%70olls/livez",
    ] {
        service.client().get(path).undocumented().send().await.refused(404, "not-found");
    }
}

/// Else every proxy's way would be a series of its own, and any path that somebody makes up.
async fn logs_and_metrics_name_the_route_and_not_the_path_it_is_mounted_under() {
    let service = service();
    let poll = service.poll(json!({})).await;
    for client in both_ways(&service) {
        client.first_vote(&poll, &["yes"], &nonce()).await.is(201);
        client.get("/nowhere").undocumented().send().await.refused(404, "not-found");
    }
    let replica = &service.replicas()[0];
    let metrics = replica.told_to_operators("/metrics");
    let counted = |route: &str, status: u16, method: &str| {
        format!("sawt_http_requests_total{{method=\"{method}\",route=\"{route}\",status=\"{status}\"}} 2\n")
    };
    for line in [counted("/v1/polls/{poll}/votes", 201, "POST"), counted("unmatched", 404, "GET")] {
        assert!(metrics.contains(&line), "no {line} in {metrics}");
    }
    assert!(!metrics.contains("\"/polls"), "{metrics}");
    let lines = || replica.log().text().matches("\"route\":\"/v1/polls/{poll}/votes\"").count();
    until(async || (lines() == 2).then_some(())).await;
    let log = replica.log().text();
    assert!(!log.contains("\"route\":\"/polls"), "{log}");
}

async fn every_location_and_link_begins_with_the_path() {
    let service = service();
    for client in both_ways(&service) {
        let admin = client.with_key(ADMIN_KEY);
        let location =
            |answer: &Answer| answer.header("location").unwrap_or_else(|| panic!("it leads nowhere: {answer}"));
        let made = admin.post("/v1/polls").json(&seed_poll(json!({}))).send().await;
        let there = location(&made);
        let poll = text(&made.is(201)["id"]);
        assert_eq!(there, format!("{PATH}/v1/polls/{poll}"));

        let key = json!({ "site": "default", "scopes": ["polls:read"], "name": "a trial's" });
        let made = admin.post("/v1/keys").json(&key).send().await;
        let there = location(&made);
        let key = made.is(201);
        remember_secret(&text(&key["key"]));
        assert_eq!(there, format!("{PATH}/v1/keys/{}", text(&key["id"])));

        service.poll(json!({})).await;
        admin.put("/v1/sites/another").json(&json!({ "origins": [] })).send().await;
        for list in ["/v1/polls?site=default&limit=1", "/v1/sites?limit=1", "/v1/results?site=default&limit=1"] {
            let answer = admin.get(list).send().await;
            let link = answer.header("link").unwrap_or_else(|| panic!("there is no next page: {answer}"));
            let next = link.strip_prefix('<').and_then(|link| link.split_once(">; rel=\"next\""));
            let (next, _) = next.unwrap_or_else(|| panic!("{link} is no link"));
            let path = list.split('?').next().expect("a list has a path");
            let rest = next.strip_prefix(&format!("{PATH}{path}?")).unwrap_or_else(|| panic!("{link} leads elsewhere"));
            admin.get(&format!("{path}?{rest}")).send().await.is(200);
        }

        // To a page's own address, from one that means it.
        for (asked, own) in [
            (format!("/embed/{poll}/?lang=ar"), format!("{PATH}/embed/{poll}?lang=ar")),
            (format!("/embed/{}/form", poll.to_uppercase()), format!("{PATH}/embed/{poll}/form")),
            (format!("//embed/{poll}"), format!("{PATH}/embed/{poll}")),
        ] {
            let answer = client.get(&asked).undocumented().send().await;
            // An id that was made without letters is the same in capitals.
            if answer.status != 200 {
                assert_eq!((answer.status, location(&answer)), (308, own));
            }
        }
    }
}

/// Every address in a page, as a browser resolves it that has the page from this address. What leads out of the service
/// is named.
fn addresses(page: &str, at: &str, out: &[&str]) -> Vec<String> {
    let at = Url::parse(at).expect("a page has an address");
    let quoted = |attribute: &'static str| {
        page.split(attribute).skip(1).filter_map(|rest| rest.split('"').next()).map(str::to_owned).collect::<Vec<_>>()
    };
    let named = [" href=\"", " src=\"", " action=\"", "content=\"0; url="].into_iter().flat_map(quoted);
    let named = named.filter(|address| !address.starts_with("data:") && !out.contains(&address.as_str()));
    named.map(|address| at.join(&address.replace("&#38;", "&")).expect("an address").into()).collect()
}

async fn every_address_in_a_page_is_below_the_base_address_and_leads_somewhere() {
    let service = service();
    let poll = service.poll(json!({ "article_url": "https://news.example/article" })).await;
    let place = json!({ "fallback": poll });
    service.admin().put("/v1/sites/default/places/side").json(&place).send().await.is(201);
    let out = ["https://news.example/article"];
    let (html, program) = (("accept", "text/html"), ("accept", "*/*"));
    let mut seen = BTreeSet::new();
    for client in both_ways(&service) {
        for (path, status, (accept, kinds)) in [
            (format!("/embed/{poll}"), 200, program),
            (format!("/embed/{poll}/form"), 200, program),
            (format!("/embed/{poll}/form?lang=ar&view=results"), 200, program),
            ("/embed/01932f6e-7c1a-7b60-8d5e-0b8f6a3c9d21".to_owned(), 404, program),
            ("/embed/sites/default/places/side".to_owned(), 200, program),
            ("/embed/sites/default/places/nowhere".to_owned(), 404, program),
            ("/nowhere".to_owned(), 404, html),
            ("/".to_owned(), 200, html),
            ("/docs".to_owned(), 200, html),
        ] {
            let request = client.get(&path).header(accept, kinds).header("accept-language", "ar");
            let page = request.undocumented().send().await.page(status);
            if let Some((_, rest)) = page.split_once("name=\"voter\" value=\"") {
                remember_secret(rest.split('"').next().expect("a token ends"));
            }
            let found = addresses(&page, &format!("{BASE}{path}"), &out);
            assert!(!found.is_empty(), "{path} names nothing: {page}");
            for address in found {
                let below = address.strip_prefix(BASE).filter(|rest| rest.starts_with('/'));
                let below = below.unwrap_or_else(|| panic!("{path} leads to {address}"));
                if seen.insert(format!("{below} {}", seen.len() / 1_000)) {
                    let answer = client.get(below).undocumented().send().await;
                    assert!(answer.status == 200, "{path} leads to {address}, which is {answer}");
                }
            }
        }
    }
    for kind in [
        "/embed/assets/app.",
        "/embed/assets/place.",
        "/embed/assets/poll.",
        "/embed.js",
        "/oembed?",
        "/docs/start.js",
        "/openapi.yaml",
    ] {
        assert!(seen.iter().any(|address| address.starts_with(kind)), "{kind} in {seen:?}");
    }
}

async fn what_is_told_to_programs_is_below_the_base_address() {
    let service = service();
    for client in both_ways(&service) {
        let home = client.get("/").send().await.is(200);
        assert_eq!((&home["openapi"], &home["docs"]), (&json!("/polls/openapi.json"), &json!("/polls/docs")));
        let contract = client.get("/openapi.json").send().await.is(200);
        assert_eq!(contract["servers"][0]["url"], PATH);
        assert_eq!(contract["components"]["securitySchemes"]["voterCookie"]["name"], COOKIE);

        let made = client.with_key(ADMIN_KEY).post("/v1/polls").json(&seed_poll(json!({}))).send().await.is(201);
        let poll = text(&made["id"]);
        let address = format!("{BASE}/embed/{poll}");
        assert_eq!(made["embed"]["url"], address);
        for snippet in ["script", "element"] {
            assert!(text(&made["embed"][snippet]).contains(&format!("src=\"{BASE}/embed.js\"")), "{made}");
        }
        assert!(text(&made["embed"]["frame"]).contains(&format!("src=\"{address}\"")), "{made}");

        let page = client.get(&format!("/embed/{poll}")).send().await.page(200);
        assert!(page.contains(&format!("<meta property=\"og:url\" content=\"{address}\">")), "{page}");
        let found =
            page.split("type=\"application/json+oembed\" href=\"").nth(1).and_then(|rest| rest.split('"').next());
        let found = found.expect("a page names its oEmbed").replace("&#38;", "&");
        let asked = found.strip_prefix(BASE).unwrap_or_else(|| panic!("{found} is elsewhere"));
        let told = client.get(asked).send().await.is(200);
        assert_eq!(told["provider_url"], BASE);
        assert!(text(&told["html"]).starts_with(&format!("<iframe src=\"{address}\"")), "{told}");
        // Also where the proxy leaves a path that begins like the one it has stripped.
        let card = text(&told["thumbnail_url"]);
        let asked = card.strip_prefix(BASE).unwrap_or_else(|| panic!("{card} is elsewhere"));
        assert_eq!(client.get(asked).send().await.status, 200, "{asked}");
        assert!(page.contains(&format!("<meta property=\"og:image\" content=\"{card}\">")), "{page}");
        // The rest of the host is no poll's page.
        for other in [HOST, "https://news.example/pollsters", "https://news.example/polls/polls"] {
            let asked = format!("/oembed?url={other}/embed/{poll}");
            client.get(&asked).send().await.refused(404, "not-found");
        }
    }
}

/// It would be for the whole host, for a year.
async fn a_service_under_a_path_does_not_tie_the_host_to_tls() {
    for (base, is_tied) in [(BASE, false), (HOST, true)] {
        let answer = service_at(base).client().get("/livez").send().await;
        assert_eq!(answer.header("strict-transport-security").is_some(), is_tied, "{base}");
    }
}

async fn vote_by_form(client: &Client, poll: &str, origin: &str) -> Answer {
    let page = client.get(&format!("/embed/{poll}/form")).send().await.page(200);
    let token = page.split("name=\"voter\" value=\"").nth(1).and_then(|rest| rest.split('"').next()).expect("a token");
    remember_secret(token);
    let body = format!("voter={token}&choices=yes");
    let form = client.post(&format!("/embed/{poll}/form")).body("application/x-www-form-urlencoded", body);
    form.header("origin", origin).send().await
}

async fn a_form_votes_under_the_path_and_its_cookie_is_for_that_path_alone() {
    let service = service();
    for client in both_ways(&service) {
        let poll = service.poll(json!({})).await;
        vote_by_form(&client, &poll, "https://evil.example").await.page(403);
        let voted = vote_by_form(&client, &poll, HOST).await;
        let there = voted.header("location").expect("it leads to what came of it");
        assert!(there.starts_with(&format!("{PATH}/embed/{poll}/form?said=counted&ballot=")), "{voted}");
        let cookie = voted.header("set-cookie").expect("who has voted is remembered");
        let parts: Vec<&str> = cookie.split("; ").collect();
        let (name, token) = parts[0].split_once('=').expect("a cookie has a value");
        assert_eq!(name, COOKIE);
        assert_eq!(
            parts[1..],
            ["Path=/polls", "Secure", "HttpOnly", "SameSite=None", "Partitioned", "Max-Age=34560000"]
        );

        // Read under the name that was set here; another mount's is another's.
        let ballot = format!("/v1/polls/{poll}/votes/me");
        let with = |name: &str| client.get(&ballot).header("cookie", &format!("a=1; {name}={token}")).send();
        assert_eq!(with(COOKIE).await.is(200)["choices"], json!(["yes"]));
        for other in ["__Host-sawt_voter", "__Secure-sawt_voter", "__Secure-sawt_voter+pollsters", "sawt_voter+polls"] {
            with(other).await.refused(401, "voter-required");
        }
        let form = client.get(&format!("/embed/{poll}/form")).header("cookie", &format!("{COOKIE}={token}"));
        assert!(form.send().await.page(200).contains("data-state=\"voted\""));
    }
}

/// As `deploy/` sets them up: what the trials above ask by hand, real proxies pass on.
async fn nginx_and_haproxy_serve_the_whole_service_under_a_path_whether_they_strip_it_or_keep_it() {
    let service = service();
    let replica = service.replicas()[0].address();
    for keeps in [false, true] {
        for proxy in [Proxy::nginx_with_path(replica, keeps), Proxy::haproxy_with_path(replica, keeps)] {
            let client = Client::new(proxy.address()).under(PATH);
            works_for(&client).await;
            let poll = service.poll(json!({})).await;
            let voted = vote_by_form(&client, &poll, HOST).await;
            let there = voted.header("location").expect("it leads to what came of it");
            let there = there.strip_prefix(PATH).unwrap_or_else(|| panic!("{there} is not below {PATH}"));
            let cookie = voted.header("set-cookie").expect("who has voted is remembered");
            assert!(cookie.starts_with(COOKIE) && cookie.contains("; Path=/polls; Secure"), "{cookie}");
            assert!(client.get(there).send().await.page(200).contains("data-state=\"voted\""));
            // The rest of the host is the news site's.
            let mut wire = Wire::to(proxy.address());
            let (status, _) =
                wire.ask(b"GET /pollsters/livez HTTP/1.1\r\nHost: news.example\r\n\r\n").await.expect("an answer");
            assert_ne!(status, 200);
        }
    }
}

/// Safari keeps no `Secure` cookie of the reader's own host.
async fn on_the_readers_own_host_without_tls_the_cookie_has_no_prefix_and_is_not_secure() {
    for (base, name, path) in
        [("http://127.0.0.1:8080", "sawt_voter", "/"), ("http://localhost:8080/polls", "sawt_voter+polls", "/polls")]
    {
        let service = service_at(base);
        let answer = service.client().post("/v1/voters").send().await;
        let cookie = answer.header("set-cookie").expect("a mint sets the cookie");
        let token = text(&answer.is(201)["voter"]);
        remember_secret(&token);
        assert_eq!(cookie, format!("{name}={token}; Path={path}; HttpOnly; SameSite=Lax; Max-Age=34560000"));
        let poll = service.poll(json!({})).await;
        let vote = service.client().post(&format!("/v1/polls/{poll}/votes")).json(&json!({ "choices": ["yes"] }));
        vote.header("cookie", &format!("{name}={token}")).send().await.is(201);
    }
}

/// Pages of the news site are of the service's own origin, and browsers take them for it.
async fn a_page_of_the_host_votes_by_cookie_and_a_strange_one_does_not() {
    let service = service();
    let site = service.site_for(&["https://other.example"]).await;
    let poll = service.poll(json!({ "site": site })).await;
    for client in both_ways(&service) {
        let token = client.mint().await;
        let vote = |origin: &str| {
            let request = client.post(&format!("/v1/polls/{poll}/votes")).json(&json!({ "choices": ["yes"] }));
            request.header("cookie", &format!("{COOKIE}={token}")).header("origin", origin).send()
        };
        vote("https://evil.example").await.refused(403, "origin-refused");
        let answer = vote(HOST).await;
        assert_eq!(answer.header("access-control-allow-origin").as_deref(), Some(HOST));
        answer.is(201);
    }
}

async fn a_replica_under_a_path_is_found_healthy() {
    let service = service();
    let listen = service.replicas()[0].address().to_string();
    let settings = Settings::bare().with("SAWT_PUBLIC_URL", BASE).with("SAWT_LISTEN", &listen);
    let ended = run(&settings, &["healthcheck"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let url = format!("http://{listen}{PATH}/readyz");
    let ended = run(&settings, &["healthcheck", "--url", &url]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
}

async fn a_demo_under_a_path_shows_its_article_there() {
    let settings = Settings::bare().with("SAWT_LOG", "info").with("SAWT_PUBLIC_URL", BASE);
    let demo = Replica::start_command(&settings, &["demo"]);
    let printed = demo.printed(|line| line.contains("/votes"));
    assert!(
        printed.contains(&format!("Open {BASE}/demo ")) && printed.contains(&format!("curl -s {BASE}/v1/")),
        "{printed}"
    );
    for client in [Client::new(demo.address()), Client::new(demo.address()).under(PATH)] {
        let there = client.get("/").undocumented().send().await;
        assert_eq!((there.status, there.header("location").as_deref()), (303, Some("/polls/demo")));
        let page = client.get("/demo").undocumented().send().await.page(200);
        let found = addresses(&page, &format!("{BASE}/demo"), &[]);
        assert!(found.len() >= 4, "{found:?}");
        for address in found {
            let below = address.strip_prefix(BASE).unwrap_or_else(|| panic!("the article leads to {address}"));
            assert_eq!(client.get(below).undocumented().send().await.status, 200, "{address}");
        }
        assert!(page.contains("src=&quot;https://news.example/polls/embed.js&quot;"), "{page}");
    }
}

lone_rules!(
    a_path_is_answered_whether_a_proxy_strips_it_or_keeps_it,
    logs_and_metrics_name_the_route_and_not_the_path_it_is_mounted_under,
    every_location_and_link_begins_with_the_path,
    every_address_in_a_page_is_below_the_base_address_and_leads_somewhere,
    what_is_told_to_programs_is_below_the_base_address,
    a_service_under_a_path_does_not_tie_the_host_to_tls,
    a_form_votes_under_the_path_and_its_cookie_is_for_that_path_alone,
    on_the_readers_own_host_without_tls_the_cookie_has_no_prefix_and_is_not_secure,
    a_page_of_the_host_votes_by_cookie_and_a_strange_one_does_not,
    nginx_and_haproxy_serve_the_whole_service_under_a_path_whether_they_strip_it_or_keep_it,
    a_replica_under_a_path_is_found_healthy,
    a_demo_under_a_path_shows_its_article_there,
);
