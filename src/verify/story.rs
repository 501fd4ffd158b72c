//! Whether the statements of a log fit together.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde_json::Value;

/// Checks that the log says first what it is, and which keys sign it; that a poll has one final figure, and that its
/// tallies only grow. Returns the checkpoint that the log goes on from.
pub(super) fn check_story(
    origin: &str,
    published_keys: &BTreeSet<String>,
    statements: &BTreeMap<u64, Value>,
) -> Result<Option<String>, String> {
    let began = statements.get(&0).filter(|first| text(first, "type") == Some("log.began"));
    let began = began.ok_or("its first entry does not say that it begins")?;
    if text(began, "origin") != Some(origin) {
        return Err("its first entry is of another log".to_owned());
    }
    let mut keys: BTreeSet<String> = text(began, "key").map(str::to_owned).into_iter().collect();
    let (mut closed, mut positions) = (BTreeSet::new(), HashMap::new());
    for (index, statement) in statements {
        match text(statement, "type") {
            Some("log.began") if *index > 0 => return Err(format!("entry {index} begins the log again")),
            Some("log.key") => keys.extend(text(statement, "key").map(str::to_owned)),
            Some("poll.final") => {
                if which_closed(statement).is_some_and(|poll| !closed.insert(poll)) {
                    return Err(format!("entry {index} gives a second final figure of a poll"));
                }
            }
            Some("poll.tally") => {
                let number = |name| statement.get(name).and_then(Value::as_u64);
                let version = number("version").ok_or("a tally has no version")?;
                // Entries of older versions don't say the epoch: a lower version may be one of the next.
                let Some(epoch) = number("epoch") else { continue };
                let poll = (text(statement, "poll"), text(statement, "made_at"));
                let before = positions.insert(poll, (epoch, version));
                if before.is_some_and(|before| (epoch, version) < before) {
                    return Err(format!("entry {index} gives an older tally than one before it"));
                }
            }
            Some(_) | None => {}
        }
    }
    if keys != *published_keys {
        return Err("the keys that are published are not those that it names".to_owned());
    }
    Ok(text(began, "after").map(str::to_owned))
}

/// Which poll a final figure is of. That of an article may go and come again under its id, made at another moment;
/// `None` if an older entry does not say when.
fn which_closed(statement: &Value) -> Option<(Option<&str>, Option<&str>)> {
    let (poll, made_at) = (text(statement, "poll"), text(statement, "made_at"));
    if statement.get("article").is_none() {
        return Some((poll, None));
    }
    made_at.map(|made_at| (poll, Some(made_at)))
}

fn text<'a>(statement: &'a Value, name: &str) -> Option<&'a str> {
    statement.get(name).and_then(Value::as_str)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn check(statements: &[Value]) -> Result<(), String> {
        let began = json!({ "type": "log.began", "origin": "log", "key": "key" });
        let statements = std::iter::once(&began).chain(statements).cloned();
        check_story("log", &["key".to_owned()].into(), &(0..).zip(statements).collect()).map(drop)
    }

    fn with(mut statement: Value, more: &Value) -> Value {
        statement.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        statement
    }

    #[test]
    fn a_poll_has_one_final_figure_and_one_that_comes_again_another() {
        let said = |more: Value| with(json!({ "type": "poll.final", "poll": "p" }), &more);
        let of_article = |made_at: &str| said(json!({ "article": "a", "made_at": made_at }));
        let (old, old_of_article) = (said(json!({})), said(json!({ "article": "a" })));
        let new = said(json!({ "made_at": "1" }));
        for right in [
            [of_article("1"), of_article("2")],
            // Before entries said when a poll was made.
            [old_of_article.clone(), old_of_article.clone()],
            [old_of_article, of_article("2")],
        ] {
            assert_eq!(check(&right), Ok(()), "{right:?}");
        }
        for wrong in [
            [of_article("1"), of_article("1")],
            [old.clone(), old.clone()],
            [old, new.clone()],
            [new.clone(), with(new, &json!({ "made_at": "2" }))],
        ] {
            assert!(check(&wrong).unwrap_err().contains("entry 2 gives a second final figure"), "{wrong:?}");
        }
    }

    #[test]
    fn a_polls_tallies_only_grow_and_a_later_epoch_is_later() {
        let said =
            |version: u64, more: Value| with(json!({ "type": "poll.tally", "poll": "p", "version": version }), &more);
        let at = |epoch: u64, version| said(version, json!({ "epoch": epoch, "made_at": "1" }));
        let again = said(1, json!({ "epoch": 0, "made_at": "2" }));
        for right in [
            [at(0, 5), at(0, 5)],
            [at(0, 5), at(0, 6)],
            [at(0, 5), at(1, 3)],
            [at(0, 5), again],
            [said(5, json!({})), said(3, json!({}))],
            [said(5, json!({})), at(1, 3)],
        ] {
            assert_eq!(check(&right), Ok(()), "{right:?}");
        }
        for wrong in [[at(0, 5), at(0, 4)], [at(1, 5), at(0, 6)], [at(1, 5), at(1, 4)]] {
            assert!(check(&wrong).unwrap_err().contains("entry 2 gives an older tally"), "{wrong:?}");
        }
    }
}
