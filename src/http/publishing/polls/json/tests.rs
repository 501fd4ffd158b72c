use super::*;
use crate::{
    poll::{Partitions, Poll, PollId, SiteId},
    wire::{Audience, PollJson},
};

#[test]
fn null_clears_a_time_or_an_address_and_absence_leaves_it() {
    let edit = |body: &str| read_edit(body.as_bytes()).unwrap().1;
    assert_eq!(edit(r#"{"language":"ar"}"#).closes_at, None);
    assert_eq!(edit(r#"{"closes_at":null}"#).closes_at, Some(None));
    assert_eq!(edit(r#"{"article_url":null}"#).article_url, Some(None));
    assert!(matches!(edit(r#"{"closes_at":"2026-11-23T18:00:00Z"}"#).closes_at, Some(Some(_))));
    assert!(read_edit(br#"{"question":null}"#).is_err());
}

#[test]
fn an_edit_of_nothing_is_refused() {
    for body in ["{}", r#"{"revision":3}"#] {
        let problem = read_edit(body.as_bytes()).unwrap_err();
        assert_eq!(problem.code(), Code::InvalidRequest);
    }
}

#[test]
fn what_can_never_change_is_refused_by_name() {
    for field in ["id", "site", "kind", "state", "open_answer"] {
        let body = format!("{{\"{field}\":\"x\"}}");
        let problem = read_edit(body.as_bytes()).unwrap_err();
        assert_eq!(problem.code(), Code::InvalidPoll);
        assert!(format!("{problem:?}").contains(field));
    }
    assert!(read_edit(br#"{"created_at":"x"}"#).is_err());
}

#[test]
fn the_one_state_a_new_poll_may_name_is_draft() {
    let new = |state: &str| {
        let body = format!("{{\"question\":\"?\",\"options\":[],\"state\":\"{state}\"}}");
        read_new_poll(body.as_bytes()).unwrap()
    };
    assert!(matches!(new("draft"), AskedPoll { new: NewPoll { draft: true, .. }, violation: None, .. }));
    assert!(matches!(new("open"), AskedPoll { violation: Some(violation), .. } if violation.field == "state"));
}

#[test]
fn a_new_poll_has_a_question_and_names_no_revision() {
    for (body, field) in [("{\"options\":[]}", "question"), ("{\"question\":\"?\",\"revision\":1}", "revision")] {
        let problem = read_new_poll(body.as_bytes()).err().unwrap();
        assert_eq!(problem.code(), Code::InvalidRequest);
        assert!(format!("{problem:?}").contains(&format!("FieldError {{ field: {field:?}")), "{problem:?}");
    }
}

/// Something that may stand where a poll's field should.
fn anything() -> impl proptest::strategy::Strategy<Value = serde_json::Value> {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "\\PC{0,12}|.{0,12}".prop_map(Value::from),
        prop::sample::select(vec![
            "yes",
            "ar-KW",
            "single",
            "multiple",
            "rating",
            "draft",
            "never",
            "percent",
            "delayed",
            "2030-01-01T00:00:00Z"
        ])
        .prop_map(Value::from),
        (0..5_i64).prop_map(Value::from),
        Just(json!([{ "label": "نعم" }, { "id": "no", "label": "لا" }])),
        Just(json!({ "low": 0, "high": 10, "low_label": "سيئ" })),
        Just(json!({ "low": 1, "high": 5 })),
        Just(json!({ "asked_by": "الراي", "note": null })),
        Just(json!({ "thanks": "شكرًا", "link": { "url": "https://news.example/1", "label": "اقرأ" } })),
        Just(
            json!([{ "label": "نعم", "note": "…", "image": { "url": "https://i.example/1", "alt": "صورة" } }, { "label": "لا" }])
        ),
        Just(json!([{ "emoji": "👍", "label": "أعجبني" }, { "label": "أحزنني" }])),
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((prop::sample::select(vec!["id", "label", "emoji", "x"]), inner), 0..4)
                .prop_map(|members| members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()),
        ]
    })
}

/// Holds what always must: what is taken is a poll within its bounds that is written as it was asked for, and what
/// is refused is refused by name. Says what became of it.
fn check(body: &[u8]) -> String {
    let edit = read_edit(body).err().map(|problem| problem.code());
    let AskedPoll { new, violation: wrong_state, .. } = match read_new_poll(body) {
        Ok(new) => new,
        Err(problem) => {
            let told = format!("{problem:?}");
            let is_object = serde_json::from_slice::<serde_json::Value>(body).is_ok_and(|value| value.is_object());
            let names_a_field = told.contains("FieldError { field: ") && !told.contains("field: \"\"");
            assert!(names_a_field || !is_object, "{told}");
            assert_eq!(problem.code(), Code::InvalidRequest);
            return told;
        }
    };
    let now = Timestamp::from_millis(1_800_000_000_000);
    let build = |new: NewPoll| {
        let key = crate::poll::DigestKey::from_bytes([0; 32]);
        new.build(PollId::generate(), SiteId::default(), Partitions::unplaced(1), key, now)
    };
    let poll = match build(new) {
        Ok(poll) => poll,
        Err(violations) => {
            let mut fields = Vec::new();
            for Violation { field, detail, .. } in violations {
                let name = field.split(['[', '.']).next().unwrap_or_default().to_owned();
                let known = [
                    "question",
                    "language",
                    "scale",
                    "options",
                    "min_choices",
                    "max_choices",
                    "opens_at",
                    "closes_at",
                    "article_url",
                    "correct",
                    "explanation",
                    "changeable",
                    "open_answer",
                    "minimum_ballots",
                    "display",
                    "shuffle",
                    "disclosure",
                    "after_vote",
                ];
                assert!(known.contains(&name.as_str()) && !detail.is_empty(), "{field} {detail}");
                fields.push(field);
            }
            assert!(!fields.is_empty());
            return fields.join(" ");
        }
    };
    assert!((2..=32).contains(&poll.options.len()));
    assert!(1 <= poll.min_choices && poll.min_choices <= poll.max_choices);
    assert!(usize::from(poll.max_choices) <= poll.options.len());
    assert!(poll.kind == Kind::Multiple || poll.max_choices == 1);
    assert_eq!(poll.scale.is_some(), poll.kind == Kind::Rating);
    assert!(poll.question.as_str().len() <= 8_000 && !poll.question.as_str().trim().is_empty());
    let ids: std::collections::HashSet<_> = poll.options.iter().map(|option| option.id.as_str()).collect();
    let labels: std::collections::HashSet<_> = poll.options.iter().map(|option| option.label.as_str()).collect();
    assert_eq!((ids.len(), labels.len()), (poll.options.len(), poll.options.len()));
    assert!(labels.iter().all(|label| label.len() <= 3_200 && !label.trim().is_empty()));
    assert!(poll.schedule.closes_at.is_none_or(|closes_at| closes_at > now));
    assert!(poll.schedule.closes_at.is_none_or(|closes_at| poll.schedule.opens_at < Some(closes_at)));

    // What was written can be asked for again, and is the same poll but for its name.
    let mut written =
        serde_json::to_value(PollJson::of(&poll, State::Draft, Audience::Publisher)).expect("a poll can be written");
    for given in ["id", "revision", "created_at", "updated_at"] {
        written.as_object_mut().expect("an object").remove(given);
    }
    let again = read_new_poll(written.to_string().as_bytes()).expect("a poll that was written can be read");
    let again = build(again.new).expect("it was valid before");
    let schedule = crate::poll::Schedule { phase: again.schedule.phase, ..poll.schedule };
    assert_eq!(again, Poll { id: again.id, schedule, ..poll });
    format!("taken {wrong_state:?} {edit:?} {} {}", again.options.len(), again.max_choices)
}

#[test]
fn fuzzed_polls_are_within_their_bounds_or_are_refused_by_name() {
    let seeds: [&[u8]; 9] = [
        r#"{"question":"هل تتوقع حل مجلس الأمة؟","options":[{"label":"نعم"},{"label":"لا"}]}"#.as_bytes(),
        br#"{"question":"?","language":"en-GB","kind":"multiple","min_choices":1,"max_choices":2,"options":
            [{"id":"a","label":"A"},{"id":"b","label":"B"},{"label":"C"}],"results":"after_vote","changeable":true}"#,
        br#"{"question":"?","options":[{"label":"A"},{"label":"B"}],"opens_at":"2030-01-01T00:00:00+03:00",
            "closes_at":"2030-01-02T00:00:00.5Z","state":"draft","site":"default"}"#,
        r#"{"question":"?","kind":"rating","scale":{"low":0,"high":10,"low_label":"سيئ","high_label":null}}"#
            .as_bytes(),
        r#"{"question":"?","kind":"reaction","options":[{"emoji":"👍","label":"A"},{"emoji":"❤️","label":"B"}]}"#
            .as_bytes(),
        br#"{"revision":3,"question":"?","closes_at":null}"#,
        br#"{"question":"?","options":[{"label":"A","image":{"url":"https://i.example/a","alt":"a"}},{"label":"B"}],
            "display":"percent","minimum_ballots":50,"disclosure":{"asked_by":"A"},"after_vote":{"thanks":"T"}}"#,
        br#"{"question":"?","options":[{"label":"A"},{"label":"B"}],"kind":[]}"#,
        b"[]",
    ];
    let words: [&[u8]; 24] = [
        b"{",
        b"}",
        b"[",
        b"]",
        b",",
        b":",
        b"\"",
        b"\\u202e",
        b"\\ud800",
        b"null",
        b"true",
        b"0",
        b"33",
        b"1e99",
        b"-1",
        b"{\"label\":\"x\"},",
        b"\"id\":\"1\",",
        b"\"max_choices\":2,",
        b"\"kind\":\"single\",",
        b"\"kind\":\"rating\",",
        b"\"scale\":{\"low\":1,\"high\":5},",
        b"\"question\":",
        b"2026-01-01T00:00:00Z",
        b"\xd9\x8e",
    ];
    crate::fuzz::fuzz(&seeds, &words, check);
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig {
        cases: 1_000, failure_persistence: None, ..proptest::prelude::ProptestConfig::default()
    })]

    /// Whatever is sent for a poll makes a poll that is valid or is refused; what was made is written as JSON.
    #[test]
    fn anything_at_all_is_a_poll_or_is_refused(
        fields in proptest::collection::vec(
            (
                proptest::sample::select(vec![
                    "question", "options", "language", "kind", "scale", "min_choices", "max_choices", "results",
                    "changeable", "opens_at", "closes_at", "article_url", "state", "site", "minimum_ballots",
                    "display", "shuffle", "disclosure", "after_vote",
                ]),
                anything(),
            ),
            0..6,
        ),
    ) {
        let mut body = serde_json::json!({ "question": "؟", "options": [{ "label": "نعم" }, { "label": "لا" }] });
        for (name, value) in fields {
            body[name] = value;
        }
        check(body.to_string().as_bytes());
    }

    #[test]
    fn any_bytes_at_all_are_read_or_refused(bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..200)) {
        let _ = read_new_poll(&bytes);
        let _ = read_edit(&bytes);
    }
}
