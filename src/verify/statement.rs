//! What statements say, in words; and whether their numbers add up.

use std::fmt::Write as _;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::Value;

use super::{Unverified, text_in, wrong};
use crate::tlog::{Opening, TreeHash, is_included, leaf_hash};

/// Whether a statement's numbers add up.
pub(super) fn check_statement(statement: &Value) -> Result<(), String> {
    if statement.get("type").and_then(Value::as_str) != Some("poll.final") {
        return Ok(());
    }
    let figure = |name: &str| statement.get(name).ok_or_else(|| format!("a final figure has no {name}"));
    let (raw, parts) = (figure("raw")?, [figure("counted")?, figure("held")?, figure("void")?]);
    let ballots = |figure: &Value| figure.get("ballots").and_then(Value::as_u64);
    let sum = parts.iter().map(|part| ballots(part)).sum::<Option<u64>>();
    if sum.is_none() || sum != ballots(raw) {
        return Err("counted, held and void ballots are not together all ballots".to_owned());
    }
    let options = |figure: &Value| figure.get("options").and_then(Value::as_array).cloned().unwrap_or_default();
    let votes = |figure: &Value, nth: usize| {
        let option = options(figure).get(nth).cloned()?;
        Some((option.get("id")?.as_str()?.to_owned(), option.get("votes")?.as_u64()?))
    };
    for (nth, _) in options(raw).iter().enumerate() {
        let all = votes(raw, nth).ok_or("an option has no votes")?;
        let parts = parts.iter().map(|part| votes(part, nth)).collect::<Option<Vec<_>>>();
        let parts = parts.ok_or("an option has no votes")?;
        let is_same = parts.iter().all(|(id, _)| *id == all.0);
        if !is_same || parts.iter().map(|(_, votes)| votes).sum::<u64>() != all.1 {
            return Err(format!("the votes for {} do not add up", all.0));
        }
    }
    Ok(())
}

/// A snapshot, in words.
pub(super) fn describe_snapshot(statement: &str) -> Result<String, Unverified> {
    let says: Value = serde_json::from_str(statement).map_err(|_| wrong("the statement is not JSON"))?;
    let results = says.get("results");
    let Some(results) = results.filter(|_| text_in(&says, "type").is_ok_and(|it| it == "poll.snapshot")) else {
        return Ok(format!("The log has this statement: {statement}\n"));
    };
    let number = |json: &Value, name: &str| json.get(name).map(Value::to_string).unwrap_or_default();
    let mut words = format!(
        "\"{}\" ({}), as of {}: {} ballots.\n",
        text_in(&says, "question")?,
        text_in(results, "state")?,
        text_in(results, "as_of")?,
        number(results, "ballots")
    );
    for option in results.get("options").and_then(Value::as_array).into_iter().flatten() {
        let votes = option.get("votes").map(|votes| format!("{votes} votes, ")).unwrap_or_default();
        // Writing to a String can't fail.
        let _ = writeln!(words, "  {}: {votes}share {}", text_in(option, "label")?, number(option, "share"));
    }
    if let Ok(disclosure) = text_in(&says, "disclosure") {
        let _ = writeln!(words, "{disclosure}");
    }
    Ok(words)
}

/// Checks that a receipt's ballot is among those whose root the log has, and says so.
pub(super) fn describe_receipt(receipt: &Value, logged: &str) -> Result<String, Unverified> {
    let logged: Value = serde_json::from_str(logged).map_err(|_| wrong("the statement is not JSON"))?;
    if text_in(&logged, "type")? != "poll.ballots" || text_in(receipt, "type")? != "sawt.receipt/v1" {
        return Err(wrong("it is not a receipt"));
    }
    let read = || -> Option<_> {
        let ballot: Opening = serde_json::from_value(receipt.get("ballot")?.clone()).ok()?;
        let hash = |text: &Value| -> Option<TreeHash> { STANDARD.decode(text.as_str()?).ok()?.try_into().ok() };
        let path = receipt.get("path")?.as_array()?.iter().map(hash).collect::<Option<Vec<_>>>()?;
        let (index, size) = (receipt.get("index")?.as_u64()?, logged.get("ballots")?.as_u64()?);
        Some((ballot, index, size, path, hash(logged.get("root")?)?))
    };
    let (ballot, index, size, path, root) = read().ok_or_else(|| wrong("the receipt is not written as one"))?;
    let leaf = leaf_hash(&ballot.commitment().ok_or_else(|| wrong("the ballot's salt is none"))?);
    if !is_included(leaf, index, size, &path, &root) {
        return Err(wrong("the ballot is not among those that the log has"));
    }
    let says: Value = serde_json::from_str(&ballot.statement).map_err(|_| wrong("the ballot is not JSON"))?;
    if says.get("poll") != logged.get("poll") {
        return Err(wrong("the ballot is of another poll"));
    }
    let choices = says.get("choices").map(Value::to_string).unwrap_or_default();
    Ok(format!("Recorded: a ballot for {choices} in the poll {}, one of {size}.\n", text_in(&logged, "poll")?))
}
