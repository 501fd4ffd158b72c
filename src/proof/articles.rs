//! Takes the figures of articles' polls into the transparency logs of their sites.
//!
//! Such a poll comes to be with its first ballot and tells no events, and a site may have tens of thousands of them. So every
//! so often one replica looks through them, in a *round*: of each poll that has moved since its last tally in the log, it
//! adds another; of each that has closed, the final figure and the root of its ballots. Only then, and after a day in
//! which their voters can ask for receipts, are the records of its voters forgotten; who won a ranked one is kept with the poll. A poll closes at the moment that was fixed
//! when it was made; if its template says fewer days by now, the round closes it before.
//!
//! A round looks at [`MOST_LOOKED_AT`] polls at most and adds about [`MOST_ADDED`] figures; it rests between pages for as
//! long as each took. The next round goes on where it stopped: the log's head says where. What was added of each poll is
//! noted beside the log, so it makes no difference which replica looks, or whether one was restarted. Polls are read
//! without the log's lease: snapshots and events don't wait for them.

use std::{
    collections::HashMap,
    mem,
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::time::{MissedTickBehavior, interval};

use super::{
    ArticleRound, LogLeaf, LoggedTally, PollNotes, ProofError, TransparencyLog,
    append::{Additions, OpenLog},
    names, read_file, write_file,
    writer::{AtClose, FinalFigures},
};
use crate::{
    article::{Template, TemplateId},
    events::TaskLog,
    live::Hub,
    poll::{ListCursor, Orders, PollId, Position, SiteId, State, Tally, Timestamp},
    store::{Replacement, StoreError, all_sites, scan_ballots},
};

/// How often it is checked whether a round is due.
const EVERY: Duration = Duration::from_mins(1);
/// How many polls are read at once.
const PAGE: usize = 100;
/// How many polls a round looks at.
const MOST_LOOKED_AT: usize = 10_000;
/// After how many figures a round ends, once it is through with a page.
const MOST_ADDED: usize = 250;
/// For how long the records of a poll's voters are kept once its final figure is in the log, in milliseconds: a day.
const RECEIPTS_FOR_MILLIS: i64 = 24 * 60 * 60 * 1_000;

/// The last round that this replica knows of, for each site.
#[derive(Debug, Default)]
pub struct ArticleRounds {
    of_sites: HashMap<SiteId, ArticleRound>,
    /// The polls that were closed, which the replica was not told of yet.
    ended: Vec<PollId>,
}

/// What there is to add of an article's poll.
#[derive(Clone)]
struct ArticleFigure {
    poll: PollId,
    made_at: Timestamp,
    says: FigureKind,
}

#[derive(Clone)]
enum FigureKind {
    /// Its tally has come that far.
    Tally(Position, LogLeaf),
    /// It has closed.
    Final(Box<FinalFigures>),
}

/// What was found in a page of polls.
#[derive(Default)]
struct FoundInPage {
    figures: Vec<ArticleFigure>,
    /// Whose voters may be forgotten.
    settled: Vec<PollId>,
    /// That were closed, because they are older than their template has days by now.
    ended: Vec<PollId>,
}

/// Looks through the article polls of all sites, until it is dropped.
pub async fn look(log: TransparencyLog, hub: Arc<Hub>) {
    let mut ticks = interval(log.replica.tally_every.clamp(Duration::from_millis(1), EVERY));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut task = TaskLog::of("articles' figures");
    let mut rounds = ArticleRounds::default();
    loop {
        ticks.tick().await;
        task.note(log.look_through_articles(&mut rounds).await);
        for poll in mem::take(&mut rounds.ended) {
            hub.note_made_change(&log.store, poll).await;
        }
    }
}

impl TransparencyLog {
    /// Makes the rounds that are due, of all sites.
    ///
    /// # Errors
    /// What the store failed with. One site that fails keeps none of the others waiting.
    pub async fn look_through_articles(&self, rounds: &mut ArticleRounds) -> Result<(), StoreError> {
        let mut failure = None;
        let now = self.store.now().await?;
        for site in all_sites(&*self.store).await? {
            if let Err(error) = self.look_through_articles_of(&site, now, rounds).await {
                failure = Some(error);
            }
        }
        failure.map_or(Ok(()), Err)
    }

    /// Makes a site's round, if one is due.
    ///
    /// # Errors
    /// What the store failed with.
    pub async fn look_through_articles_of(
        &self,
        site: &SiteId,
        now: Timestamp,
        rounds: &mut ArticleRounds,
    ) -> Result<(), StoreError> {
        let is_due = |last: &ArticleRound| self.replica.is_due_since(last.at, now);
        let own = rounds.of_sites.get(site);
        if !own.is_none_or(is_due) {
            return Ok(());
        }
        let logged = self.open(site).await?.head.articles;
        // This replica may have gone on in its round after it last added something.
        let own_is_last = own.map(|own| own.at) >= logged.as_ref().map(|logged| logged.at);
        let last = if own_is_last { own.cloned() } else { logged.clone() };
        let round = match last {
            // Another replica's.
            Some(last) if !is_due(&last) => last,
            last => self.round((site, now), logged, last.and_then(|last| last.after), &mut rounds.ended).await?,
        };
        rounds.of_sites.insert(site.clone(), round);
        Ok(())
    }

    /// Makes a round. `logged` is the one that the log's head says.
    async fn round(
        &self,
        (site, now): (&SiteId, Timestamp),
        mut logged: Option<ArticleRound>,
        from: Option<(TemplateId, ListCursor)>,
        all_ended: &mut Vec<PollId>,
    ) -> Result<ArticleRound, StoreError> {
        let (mut looked_at, mut added) = (0, 0);
        let mut round = ArticleRound { at: now, after: from.clone() };
        for template in self.store.templates(site).await? {
            let mut after = match &from {
                Some((first, _)) if template.id < *first => continue,
                Some((first, place)) if template.id == *first => Some(*place),
                Some(_) | None => None,
            };
            loop {
                let begun = Instant::now();
                let page = self.store.article_polls(site, &template.id, after, PAGE).await?;
                let Some(last) = page.last().copied() else { break };
                let FoundInPage { figures, settled, ended } = self.look_at(&template, &page, now).await?;
                added += ended.len();
                all_ended.extend(ended);
                let next = ArticleRound { at: now, after: Some((template.id.clone(), last)) };
                if !figures.is_empty() {
                    added += figures.len();
                    if !self.add_figures(site, logged.as_ref(), &next, &figures).await? {
                        return Ok(round);
                    }
                    logged = Some(next.clone());
                }
                round = next;
                for poll in settled {
                    if self.keep_runoff(poll, now).await? {
                        self.store.forget_voters(site, &template.id, poll).await?;
                    }
                }
                looked_at += page.len();
                if looked_at >= MOST_LOOKED_AT || added >= MOST_ADDED {
                    return Ok(round);
                }
                if page.len() < PAGE {
                    break;
                }
                after = Some(last);
                tokio::time::sleep(begun.elapsed()).await;
            }
        }
        Ok(ArticleRound { at: now, after: None })
    }

    /// Keeps who has won a ranked poll, since its ballots are about to be forgotten. Returns whether they may be.
    async fn keep_runoff(&self, id: PollId, now: Timestamp) -> Result<bool, StoreError> {
        let Some(poll) = self.store.poll(id).await? else { return Ok(true) };
        if !poll.kind.is_ordered() || poll.runoff.is_some() {
            return Ok(true);
        }
        let Some(tallies) = self.store.tally(&poll).await? else { return Ok(true) };
        let mut orders = Orders::default();
        let is_there = scan_ballots(
            |from| self.store.ballots(&poll, from),
            |page| {
                for ballot in page.ballots.iter().filter(|ballot| poll.decisions.count(ballot.label)) {
                    orders.add(&poll, ballot.counters);
                }
            },
        );
        // Else they were forgotten before, by a version that kept nothing.
        let adds_up =
            is_there.await? && Tally::sum(&poll, &tallies).is_some_and(|tally| orders.add_up_to(&poll, &tally));
        if !adds_up {
            return Ok(true);
        }
        // Of a million different orders this takes a part of a second.
        let counted = tokio::task::spawn_blocking(move || poll.with_runoff(orders.run_off(&poll), now)).await;
        let kept = self.store.replace_poll(&counted.map_err(StoreError::unavailable)?, &[]).await?;
        Ok(matches!(kept, Replacement::Done(_)))
    }

    /// What is to be added of a page of polls, and which of them are settled or were closed.
    async fn look_at(
        &self,
        template: &Template,
        page: &[ListCursor],
        now: Timestamp,
    ) -> Result<FoundInPage, StoreError> {
        let site = &template.pattern.site;
        let oldest_open = now.as_millis().saturating_sub(template.open_for_millis());
        let mut found = FoundInPage::default();
        for (place, notes) in page.iter().zip(self.notes_of(site, page.iter().map(|place| place.id)).await?) {
            // One may have gone for another.
            let Some(poll) = self.store.poll(place.id).await? else { continue };
            if let Some(logged) = notes.final_figure.filter(|logged| logged.made_at == poll.created_at) {
                if logged.at.as_millis().saturating_add(RECEIPTS_FOR_MILLIS) <= now.as_millis() {
                    found.settled.push(poll.id);
                }
                continue;
            }
            if poll.state_at(now) != State::Closed && poll.created_at.as_millis() < oldest_open {
                // Its final figure comes with the next round. If others change it meanwhile, so does its close.
                let closed = self.store.replace_poll(&poll.closed(now), &[]).await?;
                found.ended.extend(matches!(closed, Replacement::Done(_)).then_some(poll.id));
                continue;
            }
            let says = if poll.state_at(now) == State::Closed {
                match self.at_close(site, poll.id, async || Ok(())).await? {
                    AtClose::Figures(figures) => Some(FigureKind::Final(figures)),
                    AtClose::Gone | AtClose::NotYet => None,
                }
            } else {
                let logged = notes.tallied.filter(|logged| logged.made_at == Some(poll.created_at));
                let tally = self.tally_of(&poll, logged.map(|logged| logged.position)).await?;
                tally.map(|(position, leaf)| FigureKind::Tally(position, leaf))
            };
            let figure = |says| ArticleFigure { poll: poll.id, made_at: poll.created_at, says };
            found.figures.extend(says.map(figure));
        }
        Ok(found)
    }

    /// Adds figures to the log, if nobody else has added any of articles meanwhile. Returns whether it has.
    async fn add_figures(
        &self,
        site: &SiteId,
        logged: Option<&ArticleRound>,
        round: &ArticleRound,
        figures: &[ArticleFigure],
    ) -> Result<bool, StoreError> {
        let added = async |log: &OpenLog| {
            if log.head.articles.as_ref() != logged {
                return Err(ProofError::Busy);
            }
            let mut added = Additions { articles: Some(round.clone()), ..Additions::default() };
            // Read again: a snapshot of a poll may have been noted since.
            let notes = self.notes_of(site, figures.iter().map(|figure| figure.poll)).await?;
            for (figure, mut notes) in figures.iter().cloned().zip(notes) {
                let is_logged = notes.final_figure.is_some_and(|logged| logged.made_at == figure.made_at);
                if is_logged {
                    continue;
                }
                let name = names::poll(figure.poll);
                notes.note_article(figure, log, &mut added.leaves);
                added.files.push((name, write_file(&notes)?));
            }
            Ok(added)
        };
        match self.add(site, added).await {
            Ok(_) => Ok(true),
            Err(ProofError::Busy) => Ok(false),
            Err(ProofError::Store(error)) => Err(error),
            Err(
                error @ (ProofError::NotThere
                | ProofError::NoSnapshot
                | ProofError::NotYet
                | ProofError::TooMany
                | ProofError::Internal(_)),
            ) => Err(StoreError::unavailable(error)),
        }
    }

    async fn notes_of(&self, site: &SiteId, polls: impl Iterator<Item = PollId>) -> Result<Vec<PollNotes>, StoreError> {
        let files: Vec<String> = polls.map(names::poll).collect();
        let read = |notes: Option<Vec<u8>>| {
            notes.map_or(Ok(PollNotes::default()), |notes| read_file("what is noted of a poll", &notes))
        };
        self.store.log_files(site, &files).await?.into_iter().map(read).collect()
    }
}

impl PollNotes {
    /// Adds an article's figure to these leaves, the next of the log.
    fn note_article(&mut self, figure: ArticleFigure, log: &OpenLog, leaves: &mut Vec<LogLeaf>) {
        // There was a poll of the same article before: what is to be opened at this one's close is not opened by that.
        if self.final_figure.take().is_some() {
            (self.is_closed, self.ballots) = (false, None);
        }
        self.is_opened = true;
        match figure.says {
            FigureKind::Tally(position, leaf) => {
                self.tallied = Some(LoggedTally { made_at: Some(figure.made_at), position });
                leaves.push(leaf);
            }
            FigureKind::Final(figures) => {
                self.is_closed = true;
                figures.add(log, leaves, self);
            }
        }
    }
}
