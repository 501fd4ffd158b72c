//! The tally that a request asks for, in whatever form.
//!
//! A tally that everyone may see is the same for all, so shared caches may keep it. One that is shown because of who
//! asks is private, and so is every refusal: the next reader may be one who may see it.

use std::sync::Arc;

use actix_web::{
    HttpRequest,
    http::header::{self, HeaderMap},
};

use super::articles;
use crate::{
    http::{
        Worker, auth,
        message::{caching::Caching, header_text::ascii, path::poll_in_path, problem::Problem},
    },
    live::KnownTally,
    poll::{PollId, Timestamp, Viewer},
    secret::{first_bytes, hex},
    voting::{TallyForViewer, VoteError},
    wire::{PositionKeys, ReaderPosition},
};

/// Separates the positions of several tallies in their tag.
pub(super) const POSITIONS_APART: char = '+';

/// How many tags are read. A reader has one of a tally, and some caches have another.
const MOST_TAGS: usize = 8;

/// An ending for the tag of a tally, by what is told beside it.
pub(super) fn tag_ending(told: &str) -> String {
    format!("-{}", hex(&first_bytes::<8>(blake3::hash(told.as_bytes()).into())))
}

/// The tally of the poll that a request's path names, by its id or by its article, if its sender may see it, and who
/// else may keep it. An article's poll that is not made yet has zeros.
///
/// # Errors
/// `not-found` and what there is to say of an article; `results-hidden`; what finding out who asks failed with.
pub(in crate::http) async fn shown(worker: &Worker, req: &HttpRequest) -> Result<(Arc<KnownTally>, Caching), Problem> {
    let view = if articles::is_named(req) {
        // Boxed: keeps the common future small.
        Box::pin(view_of_article(worker, req)).await?
    } else {
        let id = poll_in_path(req)?;
        let seen = seen_by_tag(req.headers(), &worker.shared.position_keys, id, 0);
        worker.voting.tally_for(&auth::RequestAsker::of(req, worker), id, seen).await?.ok_or(VoteError::NoPoll)?
    };
    let (snapshot, viewer) = view.shown()?;
    let caching = caching_for(viewer, &snapshot, worker.shared.clock.now());
    Ok((snapshot, caching))
}

async fn view_of_article(worker: &Worker, req: &HttpRequest) -> Result<TallyForViewer, Problem> {
    let article = worker.voting.find_article(&articles::asked(req)?).await?;
    let seen = seen_by_tag(req.headers(), &worker.shared.position_keys, article.known.poll.id, 0);
    worker.voting.view_article(&auth::RequestAsker::of(req, worker), &article, seen).await
}

/// Who may keep a tally that is shown to this viewer.
pub(super) fn caching_for(viewer: Viewer, snapshot: &KnownTally, now: Timestamp) -> Caching {
    match viewer {
        Viewer::Everyone => Caching::of_tally(snapshot, now),
        Viewer::Voter | Viewer::Publisher => Caching::Private,
    }
}

/// How far a reader has come with a poll, by the entity tag they show; `place` is the poll's position among those asked
/// for. The replica that wrote the tag may be ahead of this one. Of several tags a signed one counts first.
pub(super) fn seen_by_tag(headers: &HeaderMap, keys: &PositionKeys, id: PollId, nth: usize) -> Option<ReaderPosition> {
    let tags = ascii(headers.get(header::IF_NONE_MATCH)?)?;
    let seen = |tag: &str| {
        let tag = tag.trim();
        let positions = tag.strip_prefix("W/").unwrap_or(tag).strip_prefix('"')?.split('-').next()?;
        // Earlier versions separated them by a dot.
        let is_signed = positions.contains(':');
        keys.read(id, positions.split(if is_signed { POSITIONS_APART } else { '.' }).nth(nth)?)
    };
    tags.split(',').take(MOST_TAGS).filter_map(seen).max_by_key(|seen| (seen.is_proven, seen.position))
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::HeaderValue;

    use super::*;
    use crate::{poll::Position, secret::Secret};

    #[test]
    fn a_reader_says_by_their_tag_how_far_they_have_come() {
        let keys = PositionKeys::new(&Secret::new("a secret".to_owned()), None);
        let [id, other] = [PollId::generate(), PollId::generate()];
        let at = |version| Position { epoch: 1, version };
        let seen_of = |tags: &str, id, nth| {
            let headers = HeaderMap::from_iter([(header::IF_NONE_MATCH, HeaderValue::try_from(tags).unwrap())]);
            seen_by_tag(&headers, &keys, id, nth).map(|seen| (seen.position, seen.is_proven))
        };
        let seen = |tags: &str| seen_of(tags, id, 0);
        assert_eq!(seen_by_tag(&HeaderMap::new(), &keys, id, 0), None);
        let [one, two] = [keys.sign(id, at(17)), keys.sign(other, at(4))];
        assert_eq!(seen(&format!("\"{one}-1-open\"")), Some((at(17), true)));
        assert_eq!(seen(&format!("W/\"9-1-open\", \"{one}-1-open-PT1M-csv\"")), Some((at(17), true)));
        let both = format!("\"{one}+{two}-00ff\"");
        assert_eq!((seen(&both), seen_of(&both, other, 1)), (Some((at(17), true)), Some((at(4), true))));
        assert_eq!(seen_of(&both, other, 0), Some((at(17), false)), "it is another poll's");
        // Of an earlier version, or made up.
        let version = |version| Some((Position { epoch: 0, version }, false));
        assert_eq!((seen("\"17-1-open\""), seen_of("\"17.4-00ff\"", other, 1)), (version(17), version(4)));
        for strange in ["*", "\"\"", "\"x-1\"", "17-1-open", "\"99999999999999999999-1-open\"", "\"1:2\""] {
            assert_eq!(seen(strange), None, "{strange}");
        }
    }
}
