//! A poll's tally: bars with their words beside them.

use askama::Template;

use super::integrity::has_ballots;
use crate::{
    embed::{digits::Digits, language::Language},
    newsroom::{
        chart::Meter,
        labels::cause_text,
        texts::{PollTexts, fill, texts_of},
    },
    poll::{Grade, Poll, PollOption, Round, Runoff, State, Tally, TimeZone},
};

/// The tally.
#[derive(Template)]
#[template(path = "poll/tally.html", config = "src/newsroom/askama.toml")]
pub struct TallyPart<'a> {
    /// The language of the page.
    pub language: &'static Language,
    pub poll: &'a Poll,
    /// Its tally, if the editor may see it.
    pub tally: Option<&'a Tally>,
    /// Who wins it, if it is ranked and closed.
    pub runoff: Option<&'a Runoff>,
    /// The zone that times are in.
    pub timezone: &'a TimeZone,
    /// Its state now.
    pub state: State,
}

/// How far the figure can be relied on, in words.
struct GradeText {
    /// The sign beside it.
    sign: &'static str,
    name: &'static str,
    about: &'static str,
    /// Why, each once.
    reasons: Vec<&'static str>,
}

/// One option's line.
struct TallyLine<'a> {
    option: &'a PollOption,
    votes: String,
    share: String,
    points: Option<String>,
    meter: Meter,
    is_right: bool,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "templates pass references")]
impl TallyPart<'_> {
    fn texts(&self) -> &'static PollTexts {
        &texts_of(self.language).poll
    }

    /// What is said before a figure is printed; nothing before there is one.
    fn grade(&self) -> Option<GradeText> {
        let texts = &texts_of(self.language).incidents;
        let (sign, name, about) = match self.poll.grade() {
            _ if !has_ballots(self.state) => return None,
            Grade::Clean => ("open", texts.clean.as_str(), texts.clean_about.as_str()),
            Grade::Watched => ("scheduled", &*texts.watched, &*texts.watched_about),
            Grade::Disputed => ("failed", &*texts.disputed, &*texts.disputed_about),
        };
        let mut reasons: Vec<&str> = Vec::new();
        let found = self.poll.standing_incidents().map(|incident| cause_text(self.language, incident.about.cause));
        let held = (!self.poll.decisions_now().count_all()).then_some(texts.some_held.as_str());
        for reason in found.chain(held) {
            if !reasons.contains(&reason) {
                reasons.push(reason);
            }
        }
        Some(GradeText { sign, name, about, reasons })
    }

    fn number(&self, number: u64) -> String {
        self.language.number(number, Digits::Latn)
    }

    fn total(&self, tally: &Tally) -> String {
        let of = if self.poll.kind.takes_one() { "votes" } else { "voters" };
        self.language.ballots(of, tally, Digits::Latn)
    }

    fn lines(&self, tally: &Tally) -> Vec<TallyLine<'_>> {
        // Parts that add up to the whole give the first of equals more than the others. Here each stands beside its
        // votes, so equals are told alike.
        let parts = tally.parts(self.poll, 1_000);
        let part_of = |option: &PollOption| {
            let equals = self.poll.options.iter().zip(&parts).filter(|(other, _)| {
                tally.told_votes(option.index).is_some()
                    && tally.told_votes(other.index) == tally.told_votes(option.index)
            });
            equals.map(|(_, part)| *part).min()
        };
        let tenths: Vec<u64> =
            self.poll.options.iter().zip(&parts).map(|(option, part)| part_of(option).unwrap_or(*part)).collect();
        let points = tally.borda(self.poll);
        let right = self.right();
        let options = self.poll.options.iter().zip(tenths).enumerate();
        let lines = options.map(|(place, (option, tenths))| TallyLine {
            option,
            votes: tally
                .told_votes(option.index)
                .map_or_else(String::new, |votes| self.language.count("votes", votes, Digits::Latn)),
            share: self.language.share(tenths, Digits::Latn),
            points: points.as_ref().and_then(|points| points.get(place)).map(|points| self.points(*points)),
            meter: Meter::of(tenths, self.language.direction()),
            is_right: right == Some(option.id.as_str()),
        });
        lines.collect()
    }

    fn points(&self, points: u64) -> String {
        fill(&self.texts().points, &[("n", &self.number(points))])
    }

    fn right(&self) -> Option<&str> {
        let of_quiz = self.poll.quiz.as_ref().map(|quiz| quiz.correct.as_str());
        of_quiz.or_else(|| self.poll.resolution.as_ref().map(|resolution| resolution.option.as_str()))
    }

    fn right_text(&self) -> &'static str {
        if self.poll.quiz.is_some() { &self.texts().right } else { &self.texts().came_true }
    }

    /// "4.3 out of 5", and a scale's net promoter score.
    fn average(&self, tally: &Tally) -> Option<String> {
        let rating = tally.rating(self.poll)?;
        rating.average()?;
        let high = self.poll.scale.as_ref().map_or(0, |scale| scale.steps.high());
        let average = self.language.tenths(rating.average_in(10), Digits::Latn);
        let mut said = fill(&self.texts().average, &[("average", &average), ("high", &self.number(high.into()))]);
        if let Some(score) = rating.nps() {
            said.push_str(" · ");
            // To whole points, as such scores are told.
            said.push_str(&fill(&self.texts().net_promoters, &[("n", &format!("{score:.0}"))]));
        }
        Some(said)
    }

    fn label_of(&self, id: &str) -> &str {
        self.poll.option(id).map_or("", |option| option.label.as_str())
    }

    fn winner<'r>(&self, runoff: &'r Runoff) -> Option<&str>
    where
        Self: 'r,
    {
        runoff.winner.as_ref().map(|winner| self.label_of(winner.as_str()))
    }

    /// The votes of an option in a round, or a dash if it is out.
    fn votes_in_round(&self, round: &Round, option: &PollOption) -> String {
        let found = round.votes.iter().find(|(id, _)| *id == option.id);
        found.map_or_else(|| "–".to_owned(), |(_, votes)| self.number(*votes))
    }

    fn round_name(&self, place: &usize) -> String {
        fill(&self.texts().round, &[("n", &self.number(u64::try_from(place + 1).unwrap_or_default()))])
    }

    fn is_ranked(&self) -> bool {
        self.poll.kind.is_ordered()
    }

    fn as_of(&self, tally: &Tally) -> String {
        let at = self.timezone.local_time(tally.as_of).to_string();
        fill(&self.texts().as_of, &[("time", at.rsplit(' ').next().unwrap_or_default())])
    }
}
