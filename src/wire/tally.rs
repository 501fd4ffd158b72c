//! A tally as it is sent.

use std::fmt::{self, Write as _};

use super::SignedPosition;
use crate::{
    poll::{Grade, Poll, Tally, TallyDisplay},
    secret::{first_bytes, hex},
};

/// A tally's JSON, for those who have the poll, which lists the options and their order.
pub fn tally_json(poll: &Poll, tally: &Tally) -> String {
    write_json(poll, tally, Labels::LeftOut)
}

/// The same with each option's label and the poll's article, for those who ask for results alone.
pub fn results_json(poll: &Poll, tally: &Tally) -> String {
    write_json(poll, tally, Labels::Written)
}

/// A tally's entity tag, with its quotes. It covers all that changes what the JSON says, except `as_of`.
pub fn tally_etag(poll: &Poll, tally: &Tally, signed: SignedPosition) -> String {
    let mut tag = format!("\"{signed}-{}-{}", poll.revision, tally.state.as_str());
    if !tally.display.is_exact() {
        // At one position there may be several.
        let mut counted = blake3::Hasher::new();
        counted.update(&tally.ballots.to_be_bytes());
        for votes in &tally.votes {
            counted.update(&votes.to_be_bytes());
        }
        // Writing to a String can't fail.
        let _ = write!(tag, "-{}", hex(&first_bytes::<8>(counted.finalize().into())));
    }
    tag.push('"');
    tag
}

/// Whether a tally says what readers see of the poll.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Labels {
    Written,
    LeftOut,
}

fn write_json(poll: &Poll, tally: &Tally, labels: Labels) -> String {
    let mut json = String::with_capacity(192 + 64 * poll.options.len());
    // Writing to a String can't fail.
    let _ = write_tally(&mut json, poll, tally, labels);
    json
}

/// Ids, states, times and emoji consist of characters that JSON need not escape.
fn write_tally(json: &mut String, poll: &Poll, tally: &Tally, labels: Labels) -> fmt::Result {
    write!(
        json,
        "{{\"poll\":\"{}\",\"state\":\"{}\",\"as_of\":\"{}\",\"epoch\":{},\"version\":{},\"ballots\":{},",
        tally.poll,
        tally.state.as_str(),
        tally.as_of,
        tally.epoch,
        tally.version,
        tally.ballots
    )?;
    if tally.is_under_100 {
        json.push_str("\"ballots_under\":100,");
    }
    if let Some(page) = poll.article_url.as_ref().filter(|_| labels == Labels::Written) {
        write!(json, "\"article_url\":{},", serde_json::Value::from(page.as_str()))?;
    }
    match tally.display {
        TallyDisplay::Exact => {}
        TallyDisplay::Percent => json.push_str("\"display\":\"percent\","),
        TallyDisplay::Delayed => json.push_str("\"display\":\"delayed\","),
    }
    if poll.grade() == Grade::Disputed {
        json.push_str("\"disputed\":true,");
    }
    json.push_str("\"options\":[");
    let borda = tally.borda(poll);
    for ((nth, option), share) in poll.options.iter().enumerate().zip(tally.shares(poll)) {
        let comma = if nth == 0 { "" } else { "," };
        write!(json, "{comma}{{\"id\":\"{}\",", option.id)?;
        if labels == Labels::Written {
            if let Some(emoji) = &option.emoji {
                write!(json, "\"emoji\":\"{}\",", emoji.as_str())?;
            }
            write!(json, "\"label\":{},", serde_json::Value::from(option.label.as_str()))?;
        }
        if let Some(votes) = tally.told_votes(option.index) {
            write!(json, "\"votes\":{votes},")?;
        }
        write!(json, "\"share\":{share}")?;
        if let Some(points) = borda.as_ref().and_then(|borda| borda.get(nth)) {
            write!(json, ",\"borda\":{points}")?;
        }
        json.push('}');
    }
    json.push(']');
    if let Some(resolution) = &poll.resolution {
        let mut options = poll.options.iter().zip(tally.shares(poll));
        let found = options.find(|(option, _)| option.id == resolution.option);
        let (votes, share) =
            found.map_or((0, 0.0), |(option, share)| (tally.told_votes(option.index).unwrap_or_default(), share));
        let (option, at) = (&resolution.option, resolution.at);
        write!(
            json,
            ",\"resolution\":{{\"option\":\"{option}\",\"resolved_at\":\"{at}\",\"votes\":{votes},\"share\":{share}"
        )?;
        if let Some(reason) = &resolution.reason {
            write!(json, ",\"reason\":{}", serde_json::Value::from(reason.as_str()))?;
        }
        json.push('}');
    }
    if let Some(addendum) = &poll.addendum {
        let amended = tally.amended(addendum);
        write!(
            json,
            ",\"addendum\":{{\"decided_at\":\"{}\",\"revision\":{},\"ballots\":{},\"options\":[",
            addendum.at, addendum.revision, addendum.ballots
        )?;
        for ((nth, option), share) in poll.options.iter().enumerate().zip(amended.shares(poll)) {
            let (comma, votes) = (if nth == 0 { "" } else { "," }, amended.height(option.index));
            write!(json, "{comma}{{\"id\":\"{}\",\"votes\":{votes},\"share\":{share}}}", option.id)?;
        }
        json.push_str("]}");
    }
    if let Some(rating) = tally.rating(poll) {
        if tally.display != TallyDisplay::Percent {
            write!(json, ",\"sum\":{}", rating.sum)?;
        }
        json.push_str(",\"average\":");
        write_number(json, rating.average())?;
        if rating.net_promoters.is_some() {
            json.push_str(",\"nps\":");
            write_number(json, rating.nps())?;
        }
    }
    json.push('}');
    Ok(())
}

/// A finite number as Rust writes it, in as many digits as tell it from all others, is one of JSON's.
fn write_number(json: &mut String, number: Option<f64>) -> fmt::Result {
    match number {
        Some(number) => write!(json, "{number}"),
        None => json.write_str("null"),
    }
}
