//! The poll as a plain form, for browsers that run no script.
//!
//! The page has a new voter's token in a hidden field, so a form that is sent twice is one voter's ballot sent twice,
//! and counted once. The answer is a redirect, so reloading the next page sends nothing. Its address holds a ballot
//! stub (see [`TokenKeys::stub`](crate::voter::TokenKeys::stub)), by which the page shows the results also in a poll
//! that shows them only to voters. A reader who goes back and chooses otherwise is still the same voter.
//!
//! Only a page of this service may send the form. Any site could hide a form in its page and make its readers vote, as
//! 318,000 once did through forum signatures. A browser says where a form comes from, and a request that does not say
//! so is refused (see [`origin::is_same_origin`]). The token proves nothing here: anybody can get one.
//!
//! A reaction that a reader has given is pressed again to take it back, and another to change, if their browser has
//! kept the token: without it they are nobody here.
//!
//! Before a vote nothing is kept on the reader's device. After it the voter's token is, as the cookie, so that a reader
//! who goes or comes back sees their ballot and not the form again. Where a browser keeps no cookie they may vote anew,
//! as after clearing the browser: the quotas bound that.

use std::{borrow::Cow, sync::Arc};

use actix_web::{
    HttpRequest, HttpResponse,
    http::{
        StatusCode,
        header::{self, HeaderValue},
    },
    web,
};

use super::{answers_beside, definition_of, lead_on, private, read_look, state_of, tally_for, window_of};
use crate::{
    embed::{
        article::form_address,
        look::Look,
        shown_poll::{HiddenFields, Mode, Notice, ShownPoll},
    },
    http::{
        Worker,
        auth::{self, Carrier, origin, voter_in_body::RequestVoter},
        message::{
            body, caching,
            path::poll_in_path,
            problem::{Code, Problem},
        },
        middleware::{limits, notes::note_outcome},
        trust::evidence::ShownMark,
        voting::votes,
    },
    live::PollWithSite,
    poll::{InvalidChoice, OTHER, Poll, Position, State, Viewer},
    quota::{QuotaName, Subject},
    voter::{Stub, Voter},
    voting::{ArticlePoll, BallotRequest, VoteError, VoteOutcome},
    wire::ReaderPosition,
};

/// A form's poll, as its reader came to it.
pub(in crate::http) enum FormPoll {
    /// By its id.
    ById(Arc<PollWithSite>),
    /// By its article. Perhaps nobody has voted in it.
    ByArticle(ArticlePoll),
}

impl FormPoll {
    fn known(&self) -> &Arc<PollWithSite> {
        match self {
            Self::ById(known) => known,
            Self::ByArticle(article) => &article.known,
        }
    }

    fn is_by_article(&self) -> bool {
        matches!(self, Self::ByArticle(_))
    }
}

/// `GET /embed/{poll}/form`: the form, or, with a ballot's stub, its result.
pub(in crate::http) async fn form(req: HttpRequest, worker: web::Data<Worker>) -> Result<HttpResponse, Problem> {
    let id = match poll_in_path(&req) {
        Ok(id) => id,
        Err(missing) => return lead_on(&req, worker.shared.base_path(), missing),
    };
    let known = worker.voting.poll(id).await?;
    read_form(&req, &worker, &FormPoll::ById(known)).await
}

/// The form of a poll, or, with a ballot's stub, its result.
pub(in crate::http) async fn read_form(
    req: &HttpRequest,
    worker: &Worker,
    poll: &FormPoll,
) -> Result<HttpResponse, Problem> {
    let (look, mut query) = read_look(req)?;
    let notice = query.take_meant("said", |word| match word {
        "counted" => Some(Notice::Counted),
        "changed" => Some(Notice::Changed),
        "withdrawn" => Some(Notice::Withdrawn),
        _ => None,
    });
    let stub = query.take_meant("ballot", |stub| Some(stub.to_owned()));
    let stub =
        stub.and_then(|stub| worker.shared.token_keys.stubbed(&stub, &poll.known().poll, worker.shared.clock.now()));
    let voter = auth::voter_if_any(req.headers(), &worker.shared).ok().flatten().map(|(voter, _)| voter);
    if stub.is_some() {
        let reader = FormReader { stub, voter, ..FormReader::default() };
        let notice = notice.filter(|notice| *notice != Notice::Withdrawn);
        return show(req, worker, poll, &look, StatusCode::OK, reader, notice).await;
    }
    let stub = match &voter {
        Some(voter) => match on_record(worker, poll.known(), voter).await {
            // A reader who sees the form though they have voted is told when they send it.
            Err(problem) if problem.is_the_stores() => None,
            stub => stub?,
        },
        None => None,
    };
    // Of all that an address may say, only this is true of whoever is known and has no ballot.
    let notice = notice.filter(|notice| *notice == Notice::Withdrawn && voter.is_some() && stub.is_none());
    let reader = FormReader { stub, voter, ..FormReader::default() };
    show(req, worker, poll, &look, StatusCode::OK, reader, notice).await
}

/// The page's reader, as far as known.
#[derive(Default)]
struct FormReader {
    /// The stub of their ballot.
    stub: Option<Stub>,
    /// The voter they are, if their browser kept the token.
    voter: Option<Voter>,
    /// The options they have ticked, each with its rank or 0, in a form that can't be cast so.
    ticked: Vec<(u8, u8)>,
}

/// A voter's ballot, as if they showed its stub.
async fn on_record(worker: &Worker, known: &PollWithSite, voter: &Voter) -> Result<Option<Stub>, Problem> {
    if !known.poll.is_made() {
        return Ok(None);
    }
    let ballot = worker.voting.ballot(&voter.id, &known.poll).await?;
    Ok(ballot.map(|choices| Stub { choices, position: Position::default() }))
}

/// `POST /embed/{poll}/form`.
pub(in crate::http) async fn vote(
    req: HttpRequest,
    payload: web::Payload,
    worker: web::Data<Worker>,
) -> Result<HttpResponse, Problem> {
    let id = poll_in_path(&req)?;
    // Known from here on, so a refusal can be in the poll's language and link to its form.
    let known = worker.voting.poll_to_vote(id).await?;
    take_form(&req, payload, &worker, FormPoll::ById(known)).await
}

/// Casts the ballot that a form says, or takes one back.
pub(in crate::http) async fn take_form(
    req: &HttpRequest,
    payload: web::Payload,
    worker: &Worker,
    poll: FormPoll,
) -> Result<HttpResponse, Problem> {
    let (look, _) = read_look(req)?;
    if !origin::is_same_origin(req, worker.shared.public_url.as_ref()) {
        return Err(Problem::new(Code::OriginRefused, "only a page of this service may send this form"));
    }
    let fields = body::read_form(req, payload, body::READER_LIMIT).await?;
    let token = fields.iter().find(|(name, _)| name == "voter").map(|(_, token)| token.as_str());
    let voter = token.and_then(|token| worker.shared.token_keys.verify(token, worker.shared.clock.now()).ok());
    // The page for script has no token. If its script did not load, its form leads to the page with one.
    let Some(voter) = voter else { return Ok(to_form(worker, &poll, &look, "")) };
    limits::count(req, worker, QuotaName::Vote, &Subject::from(*voter.id.as_bytes()))?;
    if fields.iter().any(|(name, _)| name == "withdraw") {
        return take_back(req, worker, &poll, &look, &voter).await;
    }
    let known = Arc::clone(poll.known());
    let is_ordered = known.poll.kind.is_ordered();
    let mut ticked = if is_ordered { ranked(&known.poll, &fields) } else { chosen(&fields) };
    ticked.sort_by_key(|(_, rank)| *rank);
    let named: Vec<Cow<'_, str>> = ticked.iter().map(|(id, _)| Cow::Borrowed(*id)).collect();
    let same = ticked.iter().zip(ticked.iter().skip(1)).find(|((_, rank), (_, next))| is_ordered && rank == next);
    if let Some(((_, rank), _)) = same {
        let refusal = VoteError::InvalidChoice { rule: InvalidChoice::SameRank(*rank), nth: None };
        return refused(req, worker, &poll, &look, (&voter, &ticked), refusal).await;
    }

    let mark = fields.iter().find(|(name, _)| name == "mark").map(|(_, mark)| ShownMark::read(mark));
    let note = |quota_state| limits::note(req, quota_state);
    let sender = RequestVoter::known(&voter, Carrier::Cookie);
    // A form can't work.
    let caster = votes::caster(req, worker, &known, &sender, (mark.unwrap_or_default(), None));
    // What stands in the field is said only with the option that it belongs to.
    let said = fields.iter().find(|(name, text)| name == "open_answer" && !text.trim().is_empty());
    let answer = said.map(|(_, text)| text.as_str()).filter(|_| named.iter().any(|id| id == OTHER));
    let asked = BallotRequest { choices: &named, answer };
    let cast = match &poll {
        FormPoll::ById(_) => worker.voting.cast(caster, known, asked, note).await,
        // Boxed: keeps the common future small.
        FormPoll::ByArticle(article) => {
            Box::pin(worker.voting.cast_in_article(caster, article.clone(), asked, note)).await
        }
    };
    match cast {
        Ok(vote) => {
            note_outcome(req, vote.cast.as_str());
            let notice = match vote.cast {
                VoteOutcome::Counted | VoteOutcome::Repeated => "counted",
                VoteOutcome::Changed => "changed",
            };
            let position = vote.shown.as_ref().map(|snapshot| snapshot.tally.position()).unwrap_or_default();
            let stub = Stub { choices: vote.choices, position };
            let stub = worker.shared.token_keys.stub(&vote.known.poll, stub, worker.shared.clock.now());
            let mut there = to_form(worker, &poll, &look, &format!("said={notice}&ballot={stub}"));
            if let Some(Ok(cookie)) = token.map(|token| HeaderValue::try_from(worker.shared.voter_cookie.set(token))) {
                there.headers_mut().insert(header::SET_COOKIE, cookie);
            }
            Ok(there)
        }
        Err(refusal) => refused(req, worker, &poll, &look, (&voter, &ticked), refusal).await,
    }
}

/// Takes the voter's ballot back. Having none is as good.
async fn take_back(
    req: &HttpRequest,
    worker: &Worker,
    poll: &FormPoll,
    look: &Look,
    voter: &Voter,
) -> Result<HttpResponse, Problem> {
    if poll.known().poll.is_made() {
        match worker.voting.withdraw(&voter.id, Arc::clone(poll.known())).await {
            Ok(withdrawal) => note_outcome(req, withdrawal.as_str()),
            // It went for another one, with all its ballots.
            Err(VoteError::NoPoll) if poll.is_by_article() => {}
            Err(refusal) => return refused(req, worker, poll, look, (voter, &[]), refusal).await,
        }
    }
    Ok(to_form(worker, poll, look, "said=withdrawn"))
}

/// The options that a form names, which have no rank.
fn chosen(fields: &[(String, String)]) -> Vec<(&str, u8)> {
    fields.iter().filter(|(name, _)| name == "choices").map(|(_, id)| (id.as_str(), 0)).collect()
}

/// The options that a form gives a rank. What is no number is none, as if it were left out.
fn ranked<'a>(poll: &Poll, fields: &'a [(String, String)]) -> Vec<(&'a str, u8)> {
    let rank = |(name, rank): &'a (String, String)| {
        let id = name.strip_prefix("rank.").filter(|id| poll.option(id).is_some())?;
        Some((id, rank.parse().ok().filter(|rank| *rank > 0)?))
    };
    fields.iter().filter_map(rank).collect()
}

/// Shows in the poll's page what the reader can correct, or should see.
async fn refused(
    req: &HttpRequest,
    worker: &Worker,
    poll: &FormPoll,
    look: &Look,
    (voter, ticked): (&Voter, &[(&str, u8)]),
    refusal: VoteError,
) -> Result<HttpResponse, Problem> {
    let known = poll.known();
    let (reader, notice) = match &refusal {
        VoteError::AlreadyVoted(_) | VoteError::NotTakenBack(_) => (
            FormReader { stub: on_record(worker, known, voter).await?, ..FormReader::default() },
            Some(Notice::AlreadyVoted),
        ),
        VoteError::NotOpen(..) => (FormReader::default(), None),
        VoteError::InvalidChoice { .. } | VoteError::InvalidAnswer(_) => {
            let index = |(id, rank): &(&str, u8)| Some((known.poll.option(id)?.index, *rank));
            let ticked = ticked.iter().filter_map(index).collect();
            let notice = if matches!(refusal, VoteError::InvalidAnswer(_)) {
                Notice::SayOtherwise
            } else if matches!(refusal, VoteError::InvalidChoice { rule: InvalidChoice::SameRank(_), .. }) {
                Notice::SameRank
            } else {
                Notice::ChooseFirst
            };
            (FormReader { voter: Some(*voter), ticked, ..FormReader::default() }, Some(notice))
        }
        VoteError::NoPoll
        | VoteError::NoArticle(_)
        | VoteError::QuotaExceeded(_)
        | VoteError::Hidden(_)
        | VoteError::Behind
        | VoteError::NoRunoff
        | VoteError::StillCounting
        | VoteError::Undecided
        | VoteError::KeptChanging
        | VoteError::Overloaded
        | VoteError::Store(_)
        | VoteError::NoPlace
        | VoteError::Internal(_) => return Err(refusal.into()),
    };
    let code = Problem::from(refusal).code();
    let page = show(req, worker, poll, look, code.status(), reader, notice).await?;
    note_outcome(req, code.as_str());
    Ok(page)
}

/// The page for this reader.
async fn show(
    req: &HttpRequest,
    worker: &Worker,
    of: &FormPoll,
    look: &Look,
    status: StatusCode,
    FormReader { stub, voter, ticked }: FormReader,
    notice: Option<Notice>,
) -> Result<HttpResponse, Problem> {
    let known = of.known();
    let position = stub.map(|stub| ReaderPosition { position: stub.position, is_proven: true });
    let chosen = stub.map(|stub| stub.choices);
    let viewer = if chosen.is_some() { Viewer::Voter } else { Viewer::Everyone };
    let seen = tally_for(viewer, worker, known, position).await?;
    let (poll, state) = (definition_of(known, seen.as_deref()), state_of(worker, known, seen.as_deref()));
    let (keys, now) = (&worker.shared.token_keys, worker.shared.clock.now());
    let mint = || keys.mint(now, Some(&known.poll.site));
    let token = || voter.map_or_else(mint, |voter| keys.sign(voter.id, voter.first_made, now)).0;
    // Without it the page says the rest.
    let run_off = match seen.as_deref() {
        Some(snapshot) if state == State::Closed => Box::pin(worker.voting.run_off(snapshot)).await.ok(),
        Some(_) | None => None,
    };
    // What is pressed is pressed again to take it back, or something else.
    let may_change = chosen.is_none() || (poll.kind.is_pressed() && voter.is_some());
    let hidden = (state == State::Open && may_change)
        .then(|| (token(), worker.shared.position_keys.mark(known.poll.id, now).to_string()));
    let hidden = hidden.as_ref().map(|(voter, mark)| HiddenFields { voter, mark });
    let answers = answers_beside(worker, seen.as_deref()).await?;
    let view = ShownPoll {
        poll,
        state,
        answers: &answers,
        tally: seen.as_deref().map(|snapshot| &snapshot.tally),
        chosen,
        ticked: &ticked,
        winner: run_off.as_ref().and_then(|counted| counted.runoff.winner.as_ref()),
        notice,
        look,
        site: &known.site.settings,
        public_url: worker.shared.public_url.as_ref(),
        is_kept: poll.is_made(),
        is_by_article: of.is_by_article(),
        mark: None,
        place: None,
        mode: Mode::Form(hidden),
        window: window_of(req),
    };
    private(req, status, &known.site, &view)
}

/// Redirects to the form's page, by GET (303).
fn to_form(worker: &Worker, poll: &FormPoll, look: &Look, more: &str) -> HttpResponse {
    let query = look.query();
    let join = match (query.is_empty(), more.is_empty()) {
        (_, true) => "",
        (true, false) => "?",
        (false, false) => "&",
    };
    let query = format!("{query}{join}{more}");
    let address = form_address(&poll.known().poll, worker.shared.base_path(), poll.is_by_article(), &query);
    HttpResponse::SeeOther()
        .insert_header((header::LOCATION, address))
        .insert_header((header::CACHE_CONTROL, caching::PRIVATE))
        .finish()
}
