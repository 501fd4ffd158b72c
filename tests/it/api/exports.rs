//! Tallies and timelines as newsrooms take them away.

use serde_json::{Value, json};

use crate::{
    client::{Answer, Client},
    registry::service_rules,
    service::{Service, text},
};

/// Every address of an export, after the poll's own.
const EXPORTS: [&str; 3] = ["results.csv", "timeline", "timeline.csv"];

async fn get(client: &Client, poll: &str, rest: &str) -> Answer {
    client.get(&format!("/v1/polls/{poll}/{rest}")).send().await
}

/// Whether a cell is a time as spreadsheets read one: `2026-11-23 18:00:07`.
fn is_time(cell: &str) -> bool {
    let shape: String = cell.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
    shape == "0000-00-00 00:00:00"
}

/// A table's lines, each with its cells, if it is one for spreadsheets. No cell of these polls needs quotes.
fn rows(answer: &Answer) -> Vec<Vec<String>> {
    assert_eq!(answer.status, 200, "{answer}");
    assert_eq!(answer.header("content-type").as_deref(), Some("text/csv; charset=utf-8; header=present"), "{answer}");
    let table = std::str::from_utf8(&answer.body).expect("a table is UTF-8");
    let table = table.strip_suffix("\r\n").unwrap_or_else(|| panic!("the last line ends too: {answer}"));
    table.split("\r\n").map(|line| line.split(',').map(str::to_owned).collect()).collect()
}

async fn a_tally_is_a_table_that_excel_opens_in_arabic(service: &Service) {
    let poll = service.poll(json!({})).await;
    service.client().new_voter().await.vote(&poll, &["no"]).await.is(201);
    let file = get(&service.client(), &poll, "results.csv").await;
    assert!(file.body.starts_with(b"\xEF\xBB\xBF"), "without a byte order mark Excel takes it for another script");
    let disposition = file.header("content-disposition").expect("it is a file");
    let name = "%D9%87%D9%84%20%D8%AA%D8%AA%D9%88%D9%82%D8%B9%20%D8%AD%D9%84%20%D9%85%D8%AC%D9%84%D8%B3%20\
                %D8%A7%D9%84%D8%A3%D9%85%D8%A9";
    assert!(
        disposition.starts_with(&format!("attachment; filename=\"results.csv\"; filename*=UTF-8''{name}")),
        "{disposition}"
    );
    let tally = service.client().results(&poll).await;
    let lines = rows(&file);
    let question = text(&service.client().get(&format!("/v1/polls/{poll}")).send().await.is(200)["question"]);
    let columns = ["poll", "question", "as_of (UTC)", "state", "option", "label", "votes", "share", "ballots"];
    assert_eq!(lines[0].join(","), format!("\u{FEFF}{}", columns.join(",")));
    for (line, (id, label, votes)) in lines[1..].iter().zip([("yes", "نعم", "0"), ("no", "لا", "1")]) {
        let expected = [&poll, &question, &line[2], "open", id, label, votes, votes, "1"];
        assert_eq!(line.as_slice(), expected);
    }
    assert_eq!(lines.len(), 3);
    assert!(text(&tally["as_of"]) >= lines[1][2].replace(' ', "T"), "{tally}");
}

async fn whoever_accepts_a_table_gets_one_at_the_same_address(service: &Service) {
    let poll = service.poll(json!({})).await;
    for (path, file) in [("results", "results.csv"), ("timeline", "timeline.csv")] {
        let path = format!("/v1/polls/{poll}/{path}");
        let json = service.client().get(&path).send().await;
        let table = service.client().get(&path).header("accept", "text/csv").send().await;
        assert_eq!((json.header("vary").as_deref(), table.header("vary").as_deref()), (Some("Accept"), Some("Accept")));
        assert_ne!(json.header("etag"), table.header("etag"), "two forms, two tags");
        let file = get(&service.client(), &poll, file).await;
        let without_mark = file.body.strip_prefix(b"\xEF\xBB\xBF".as_slice()).expect("a byte order mark");
        let head = |body: &[u8]| body.split(|byte| *byte == b'\r').next().map(<[u8]>::to_vec);
        assert_eq!(head(&table.body), head(without_mark), "programs are spared the mark");
        rows(&table);
    }
}

/// The cells that a spreadsheet would run: another's words are never a formula.
async fn a_label_that_is_a_formula_is_a_text(service: &Service) {
    let options = json!([{ "id": "a", "label": "=1+1" }, { "id": "b", "label": "@SUM(A1)" }]);
    let poll = service.poll(json!({ "options": options, "question": "-1+1؟" })).await;
    service.client().new_voter().await.vote(&poll, &["a"]).await.is(201);
    for line in &rows(&get(&service.client(), &poll, "results.csv").await)[1..] {
        assert_eq!(line[1], "'-1+1؟");
        assert!(matches!(line[5].as_str(), "'=1+1" | "'@SUM(A1)"), "{line:?}");
    }
    let lines = rows(&get(&service.client(), &poll, "timeline.csv").await);
    assert_eq!((lines[1][3].as_str(), lines[2][3].as_str()), ("'=1+1", "'@SUM(A1)"));
}

/// Where a comma is usual before decimals, Excel opens files with semicolons as tables, and no others.
async fn a_table_has_the_separator_that_is_asked_for(service: &Service) {
    let options = json!([{ "id": "a", "label": "=نعم;\"لا\"" }, { "id": "b", "label": "أ, ب" }]);
    let poll = service.poll(json!({ "options": options, "question": "؟" })).await;
    service.client().new_voter().await.vote(&poll, &["a"]).await.is(201);
    let ask = async |rest: &str, accept: &str| {
        let request = service.client().get(&format!("/v1/polls/{poll}/{rest}")).header("accept", accept).send();
        let answer = request.await;
        let table =
            std::str::from_utf8(&answer.body).expect("a table is UTF-8").trim_start_matches('\u{FEFF}').to_owned();
        ((answer.status == 200).then_some(table), answer)
    };
    for (rest, accept) in
        [("results.csv", "*/*"), ("results", "text/csv"), ("timeline.csv", "*/*"), ("timeline", "text/csv")]
    {
        let usual = ask(rest, accept).await.0.expect("a table");
        let mut tags = std::collections::BTreeSet::new();
        for (asked, between) in [
            ("comma", ","),
            (",", ","),
            ("%2C", ","),
            ("semicolon", ";"),
            (";", ";"),
            ("%3B", ";"),
            ("tab", "\t"),
            ("%09", "\t"),
        ] {
            let (table, answer) = ask(&format!("{rest}?separator={asked}"), accept).await;
            let table = table.unwrap_or_else(|| panic!("{answer}"));
            let cells = |line: &str, between: &str| -> Vec<String> {
                let (mut cells, mut is_quoted) = (vec![String::new()], false);
                for character in line.chars() {
                    is_quoted ^= character == '"';
                    if !is_quoted && between.starts_with(character) {
                        cells.push(String::new());
                    } else {
                        cells.last_mut().expect("a cell").push(character);
                    }
                }
                cells
            };
            for (line, usual) in table.lines().zip(usual.lines()) {
                // The time a tally was read at differs between two.
                let without_time =
                    |cells: Vec<String>| cells.into_iter().filter(|cell| !is_time(cell)).collect::<Vec<_>>();
                assert_eq!(without_time(cells(line, between)), without_time(cells(usual, ",")), "{asked}: {table}");
            }
            assert!(table.contains("\"'=نعم;\"\"لا\"\"\"") && table.contains("\"أ, ب\""), "{table}");
            tags.insert(answer.header("etag"));
        }
        assert_eq!(tags.len(), 3, "each has a tag of its own");
        for bad in ["", "%7C", ";;", "Comma", ";&separator=;"] {
            let refused = ask(&format!("{rest}?separator={bad}"), accept).await.1.refused(400, "invalid-request");
            assert_eq!(refused["errors"][0]["field"], "separator", "{bad}");
        }
    }
    // Also where there is no table that it would separate.
    for rest in ["results", "timeline"] {
        let request = service.client().get(&format!("/v1/polls/{poll}/{rest}?separator=none"));
        request.send().await.refused(400, "invalid-request");
    }
}

async fn a_timeline_adds_up_to_the_tally_it_begins_with(service: &Service) {
    let poll = service.poll(json!({ "changeable": true })).await;
    let mut voters = Vec::new();
    for option in ["yes", "no", "yes", "no", "yes"] {
        let voter = service.client().new_voter().await;
        voter.vote(&poll, &[option]).await.is(201);
        voters.push(voter);
    }
    voters[0].vote(&poll, &["no"]).await.is(200);
    voters[1].delete(&format!("/v1/polls/{poll}/votes/me")).send().await.is(204);
    for interval in ["PT1M", "PT7H", "PT90M", "P1D", "PT24H"] {
        let answer = get(&service.client(), &poll, &format!("timeline?interval={interval}")).await;
        if interval == "PT7H" {
            answer.refused(400, "invalid-request");
            continue;
        }
        let timeline = answer.is(200);
        let expected = json!({ "PT90M": "PT1H30M", "PT24H": "P1D" });
        assert_eq!(timeline["interval"], *expected.get(interval).unwrap_or(&json!(interval)));
        let buckets = timeline["buckets"].as_array().expect("buckets");
        let sum = |of: &dyn Fn(&Value) -> Option<i64>| buckets.iter().map(|bucket| of(bucket).expect("a number")).sum();
        let ballots: i64 = sum(&|bucket| bucket["ballots"].as_i64());
        assert_eq!((json!(ballots), &timeline["results"]["ballots"]), (json!(4), &json!(4)), "{timeline}");
        for option in timeline["results"]["options"].as_array().expect("options") {
            let votes: i64 = sum(&|bucket| bucket["votes"][text(&option["id"])].as_i64());
            assert_eq!(json!(votes), option["votes"], "{timeline}");
        }
        // The trial may run past midnight or the end of a minute; every store would have to be slow to do both.
        assert!((1..=3).contains(&buckets.len()), "{timeline}");

        let lines = rows(&get(&service.client(), &poll, &format!("timeline.csv?interval={interval}")).await);
        let columns = "\u{FEFF}poll,start (UTC),option,label,votes,votes_so_far,ballots,ballots_so_far";
        assert_eq!(lines[0].join(","), columns);
        assert_eq!(lines.len(), 1 + 2 * buckets.len());
        for (line, (id, votes)) in lines[lines.len() - 2..].iter().zip([("yes", "2"), ("no", "2")]) {
            assert_eq!((line[2].as_str(), line[5].as_str(), line[7].as_str()), (id, votes, "4"), "{lines:?}");
            let start = text(&buckets.last().expect("a bucket")["start"]).replace('T', " ");
            assert_eq!(format!("{}.000Z", line[1]), start);
        }
    }
}

/// The days of a newsroom in Kuwait begin at nine in the evening in UTC, those of one in Nepal at a quarter past six.
async fn a_timeline_is_told_by_the_clock_of_the_zone_asked_for(service: &Service) {
    let poll = service.poll(json!({})).await;
    service.client().new_voter().await.vote(&poll, &["yes"]).await.is(201);
    assert_eq!(get(&service.client(), &poll, "timeline").await.is(200)["timezone"], "UTC");
    let mut tags = std::collections::BTreeSet::new();
    for (asked, zone, offset) in [
        ("UTC", "UTC", "Z"),
        ("Asia/Kuwait", "Asia/Kuwait", "+03:00"),
        ("asia%2Fkuwait", "Asia/Kuwait", "+03:00"),
        ("Asia/Kathmandu", "Asia/Kathmandu", "+05:45"),
    ] {
        let query = format!("interval=P1D&timezone={asked}");
        let answer = get(&service.client(), &poll, &format!("timeline?{query}")).await;
        tags.insert(answer.header("etag"));
        let timeline = answer.is(200);
        assert_eq!(timeline["timezone"], zone);
        let start = text(&timeline["buckets"][0]["start"]);
        assert!(start.ends_with(&format!("T00:00:00.000{offset}")), "{start}");

        let table = get(&service.client(), &poll, &format!("timeline.csv?{query}")).await;
        tags.insert(table.header("etag"));
        let lines = rows(&table);
        assert_eq!(lines[0][1], format!("start ({zone})"));
        assert!(is_time(&lines[1][1]) && lines[1][1].ends_with(" 00:00:00"), "{lines:?}");
    }
    assert_eq!(tags.len(), 6, "each has a tag of its own");
}

/// Excel takes neither a `T`, a fraction nor an offset for a part of a time.
async fn a_table_has_times_that_a_spreadsheet_reads_as_times(service: &Service) {
    let poll = service.poll(json!({})).await;
    service.client().new_voter().await.vote(&poll, &["yes"]).await.is(201);
    let mut tags = std::collections::BTreeSet::new();
    let mut told = std::collections::BTreeSet::new();
    for zone in ["UTC", "Asia/Kuwait", "Pacific/Kiritimati"] {
        for (rest, place, name) in [("results.csv", 2, "as_of"), ("timeline.csv", 1, "start")] {
            let table = get(&service.client(), &poll, &format!("{rest}?timezone={zone}")).await;
            tags.insert(table.header("etag"));
            let lines = rows(&table);
            assert_eq!(lines[0][place], format!("{name} ({zone})"));
            for line in &lines[1..] {
                assert!(is_time(&line[place]), "{line:?}");
            }
            told.insert((rest, lines[1][place].get(.."2026-11-23 18".len()).map(str::to_owned)));
        }
    }
    assert_eq!((tags.len(), told.len()), (6, 6), "no zone's times are another's");
}

async fn a_time_zone_that_is_none_is_named_and_so_is_what_it_may_be(service: &Service) {
    let poll = service.poll(json!({})).await;
    for rest in EXPORTS.into_iter().chain(["results"]) {
        for bad in ["", "Kuwait%20City", "%2B03:00", "Asia/Kuwait&timezone=Asia/Kuwait"] {
            let refused = get(&service.client(), &poll, &format!("{rest}?timezone={bad}")).await;
            let refused = refused.refused(400, "invalid-request");
            assert_eq!(refused["errors"][0]["field"], "timezone", "{bad}");
            let detail = text(&refused["errors"][0]["detail"]);
            assert!(detail.contains("such as Asia/Kuwait") || detail.contains("once"), "{detail}");
        }
    }
}

async fn a_poll_nobody_voted_in_has_an_empty_timeline(service: &Service) {
    let poll = service.poll(json!({ "opens_at": "2126-11-23T18:00:00Z" })).await;
    let timeline = get(&service.client(), &poll, "timeline").await.is(200);
    assert_eq!((&timeline["interval"], &timeline["buckets"]), (&json!("PT1H"), &json!([])));
    assert_eq!(timeline["results"]["state"], "scheduled");
    assert_eq!(rows(&get(&service.client(), &poll, "timeline.csv").await).len(), 1, "the names of the columns");
}

async fn an_interval_is_what_the_contract_says(service: &Service) {
    let poll = service.poll(json!({})).await;
    for query in ["interval=", "interval=1m", "interval=PT30S", "interval=P2D", "interval=PT1M&interval=PT1M"] {
        for path in ["timeline", "timeline.csv"] {
            get(&service.client(), &poll, &format!("{path}?{query}")).await.refused(400, "invalid-request");
        }
    }
}

async fn an_unchanged_export_is_not_sent_again(service: &Service) {
    let poll = service.poll(json!({})).await;
    let voter = service.client().new_voter().await;
    voter.vote(&poll, &["yes"]).await.is(201);
    for rest in EXPORTS.into_iter().chain(["timeline?interval=PT1M", "timeline.csv?interval=PT1M"]) {
        let first = get(&service.client(), &poll, rest).await;
        assert!(first.header("cache-control").is_some_and(|value| value.contains("public")), "{first}");
        let etag = first.header("etag").expect("an export has an ETag");
        let path = format!("/v1/polls/{poll}/{rest}");
        let again = service.client().get(&path).header("if-none-match", &etag).send().await;
        assert_eq!(again.header("etag"), Some(etag));
        again.is(304);
    }
    let tag = async |rest| get(&service.client(), &poll, rest).await.header("etag");
    assert_ne!(tag("timeline?interval=PT1M").await, tag("timeline?interval=PT2M").await, "another interval");
    let before = tag("timeline").await;
    service.client().new_voter().await.vote(&poll, &["yes"]).await.is(201);
    assert_ne!(tag("timeline").await, before, "another tally");
}

/// Hidden results leak where nobody looks: Discourse CVE-2026-27021.
async fn an_export_is_shown_to_whom_the_tally_is(service: &Service) {
    for (policy, is_closed) in
        [("always", false), ("after_vote", false), ("after_vote", true), ("after_close", false), ("never", true)]
    {
        let site = service.site().await;
        let poll = service.poll(json!({ "site": site, "results": policy })).await;
        let voter = service.client().new_voter().await;
        voter.vote(&poll, &["yes"]).await.is(201);
        if is_closed {
            service.admin().post(&format!("/v1/polls/{poll}/close")).send().await.is(200);
        }
        let (_, key) = service.key(&site, &["results:read"]).await;
        let (_, other) = service.key(&service.site().await, &["results:read"]).await;
        let keyed = |key: &str| service.client().with_key(key);
        for client in [service.client(), voter, keyed(&key), keyed(&other)] {
            let mut tally = get(&client, &poll, "results").await;
            // A key is told views with the tally, which no cache may keep; exports have none.
            if tally.json()["views"].is_number() {
                let readers = get(&service.client(), &poll, "results").await;
                tally = if readers.status == 200 { readers } else { tally };
            }
            for rest in EXPORTS {
                let export = get(&client, &poll, rest).await;
                let shown = |answer: &Answer| (answer.status, answer.header("cache-control"));
                assert_eq!(shown(&export), shown(&tally), "{policy}, closed: {is_closed}\n{export}");
            }
            let path = format!("/v1/polls/{poll}/results");
            let table = client.get(&path).header("accept", "text/csv").send().await;
            assert_eq!((table.status, table.header("cache-control")), (tally.status, tally.header("cache-control")));
        }
    }
}

async fn what_is_not_there_has_no_export(service: &Service) {
    let site = service.site().await;
    let draft = service.poll(json!({ "site": site, "state": "draft" })).await;
    let (_, key) = service.key(&site, &["results:read"]).await;
    let (_, other) = service.key(&service.site().await, &["results:read"]).await;
    for rest in EXPORTS {
        for poll in [draft.as_str(), "01932f6e-7c1a-7b60-8d5e-0b8f6a3c9d21", "no-poll"] {
            get(&service.client(), poll, rest).await.refused(404, "not-found");
            get(&service.client().with_key(&other), poll, rest).await.refused(404, "not-found");
        }
        assert_eq!(get(&service.client().with_key(&key), &draft, rest).await.status, 200);
        get(&service.client().with_key("nonsense"), &draft, rest).await.refused(401, "key-required");
        let deleted = service.poll(json!({ "site": site })).await;
        get(&service.client(), &deleted, rest).await.is(200);
        service.admin().delete(&format!("/v1/polls/{deleted}")).send().await.is(204);
        get(&service.client(), &deleted, rest).await.refused(404, "not-found");
    }
}

service_rules![
    a_tally_is_a_table_that_excel_opens_in_arabic,
    whoever_accepts_a_table_gets_one_at_the_same_address,
    a_label_that_is_a_formula_is_a_text,
    a_table_has_the_separator_that_is_asked_for,
    a_timeline_adds_up_to_the_tally_it_begins_with,
    a_timeline_is_told_by_the_clock_of_the_zone_asked_for,
    a_table_has_times_that_a_spreadsheet_reads_as_times,
    a_time_zone_that_is_none_is_named_and_so_is_what_it_may_be,
    a_poll_nobody_voted_in_has_an_empty_timeline,
    an_interval_is_what_the_contract_says,
    an_unchanged_export_is_not_sent_again,
    an_export_is_shown_to_whom_the_tally_is,
    what_is_not_there_has_no_export,
];
