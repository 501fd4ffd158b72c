//! Who stands behind a poll, as one sentence in each language: who asked, who paid, how many answered and when, and
//! that they chose to. It stands wherever results are shown or exported.

use super::{
    digits::{Digits, with_digits},
    language::Language,
};
use crate::poll::{Disclosure, Kind, Poll, State, Tally, Text, TimeZone, Timestamp};

/// Shares are told in tenths of a per cent.
const PERMILLE: u64 = 1_000;

/// The sentence, in three parts: the middle one tells how many have voted, and moves with the tally.
#[derive(Debug, PartialEq, Eq)]
pub struct DisclosureSentence {
    /// Before it.
    pub before: String,
    /// "1,234 votes"; empty where no tally is shown.
    pub ballots: String,
    /// After it.
    pub after: String,
}

impl DisclosureSentence {
    /// The whole sentence.
    pub fn whole(&self) -> String {
        format!("{}{}{}", self.before, self.ballots, self.after)
    }
}

impl Language {
    /// The sentence on a poll; `None` if it discloses nothing.
    pub fn disclosure(
        &self,
        poll: &Poll,
        tally: Option<&Tally>,
        zone: &TimeZone,
        digits: Digits,
    ) -> Option<DisclosureSentence> {
        let Disclosure { asked_by, paid_by, licence, note: _ } = poll.disclosure.as_ref()?;
        let texts = self.texts();
        // A name runs its own way, whatever way the sentence runs.
        let named = |clause: &str, name: &Option<Text>| {
            name.as_ref().map(|name| clause.replace("{name}", &format!("\u{2068}{name}\u{2069}")))
        };
        let named = [
            named(&texts.disclosed_asker, asked_by),
            named(&texts.disclosed_payer, paid_by),
            named(&texts.disclosed_licence, licence),
        ];
        let join = &texts.disclosed_join;
        let mut before = named.into_iter().flatten().map(|clause| clause + join).collect::<String>();
        if let Some(first) = before.chars().next() {
            before.replace_range(..first.len_utf8(), &first.to_uppercase().to_string());
        }
        let ballots = tally.map_or_else(String::new, |tally| self.ballots(counted(poll.kind), tally, digits));
        let dates = self.dates(poll, tally, zone, digits);
        let after = format!("{join}{dates}{join}{}", texts.disclosed_choice);
        Some(DisclosureSentence { before, ballots, after })
    }

    /// What the ballots of a closed poll come to by what was decided after its close; `None` if nothing was. Its figure
    /// at the close stays what it was: this stands beside it.
    pub fn addendum(&self, poll: &Poll, tally: &Tally, digits: Digits) -> Option<String> {
        let amended = tally.amended(poll.addendum.as_ref()?);
        let shares = poll.options.iter().zip(amended.parts(poll, PERMILLE)).map(|(option, tenths)| {
            // A label runs its own way, whatever way the sentence runs.
            format!("\u{2068}{}\u{2069} {}", option.label, self.share(tenths, digits))
        });
        let ballots = self.ballots(counted(poll.kind), &amended, digits);
        let figures: Vec<String> = std::iter::once(ballots).chain(shares).collect();
        let texts = self.texts();
        Some(texts.disclosed_addendum.replace("{figures}", &figures.join(&texts.disclosed_join)))
    }

    /// The same where there is no room for the shares: how many ballots count.
    pub(super) fn addendum_in_brief(&self, poll: &Poll, tally: &Tally, digits: Digits) -> Option<String> {
        let amended = tally.amended(poll.addendum.as_ref()?);
        let ballots = self.ballots(counted(poll.kind), &amended, digits);
        Some(self.texts().disclosed_addendum.replace("{figures}", &ballots))
    }

    /// From which day to which votes were taken, by the site's clock.
    fn dates(&self, poll: &Poll, tally: Option<&Tally>, zone: &TimeZone, digits: Digits) -> String {
        let start = poll.schedule.opens_at.unwrap_or(poll.created_at);
        let end = tally.map_or(start, |tally| counted_until(poll, tally)).max(start);
        let [start, end] = [start, end].map(|moment| self.date(moment, zone, digits));
        let texts = self.texts();
        let text = if start == end { &texts.disclosed_day } else { &texts.disclosed_days };
        text.replace("{start}", &start).replace("{end}", &end).replace("{zone}", self.zone(zone))
    }

    /// A day, as it is written in this language.
    pub(super) fn date(&self, moment: Timestamp, zone: &TimeZone, digits: Digits) -> String {
        let local = zone.local_time(moment).to_string();
        let mut parts = local.split([' ', '-']);
        let [year, month, day] = [(); 3].map(|()| parts.next().unwrap_or_default());
        let month = month.parse().unwrap_or(1_usize).saturating_sub(1);
        let month = self.months.get(month).map_or("", String::as_str);
        let day = day.trim_start_matches('0');
        with_digits(&format!("{day} {month} {year}"), digits).into_owned()
    }
}

/// Until when the votes of a tally were taken.
pub(super) fn counted_until(poll: &Poll, tally: &Tally) -> Timestamp {
    poll.schedule.closes_at.filter(|_| tally.state == State::Closed).unwrap_or(tally.as_of)
}

/// What a poll's total counts: where one voter has several votes, voters.
pub(super) fn counted(kind: Kind) -> &'static str {
    if kind.takes_one() { "votes" } else { "voters" }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::poll::{
        Addendum, Decisions, DigestKey, NewDisclosure, NewOption, NewPoll, Partitions, PollFields, PollId, SiteId,
        TallyDisplay,
    };

    fn poll() -> Poll {
        let option = |label: &str| NewOption { label: label.to_owned(), ..NewOption::default() };
        let disclosure = NewDisclosure {
            asked_by: Some("الراي".to_owned()),
            paid_by: Some("Ministry".to_owned()),
            licence: Some("2026/114".to_owned()),
            note: None,
        };
        let fields = PollFields {
            question: Some("؟".to_owned()),
            options: Some(vec![option("نعم"), option("لا")]),
            disclosure: Some(Some(disclosure)),
            ..PollFields::default()
        };
        // 23:30 in Kuwait, of the day before there than here.
        let made_at = "2026-02-28T21:30:00Z".parse().unwrap();
        let (id, key) = (PollId::generate(), DigestKey::from_bytes([0; 32]));
        NewPoll::from(fields).build(id, SiteId::default(), Partitions::unplaced(1), key, made_at).unwrap()
    }

    fn said(tag: &str, poll: &Poll, ballots: u64, as_of: &str) -> String {
        let mut tally = Tally::of_nothing(poll, as_of.parse().unwrap());
        tally.ballots = ballots;
        let language = Language::find(tag).unwrap();
        let zone = "Asia/Kuwait".parse().unwrap();
        language
            .disclosure(poll, Some(&tally), &zone, Digits::Latn)
            .unwrap()
            .whole()
            .replace(['\u{2068}', '\u{2069}'], "")
    }

    #[test]
    fn the_sentence_tells_who_how_many_when_and_that_readers_chose_in_every_language() {
        let (poll, later) = (poll(), "2026-03-05T12:00:00Z");
        assert_eq!(
            said("en", &poll, 1_234, later),
            "Asked by الراي; paid for by Ministry; licence 2026/114; 1,234 votes; from 1 March 2026 to 5 March 2026 Kuwait \
             time; readers chose to take part, so this does not stand for all people."
        );
        assert_eq!(
            said("ar", &poll, 1_234, later),
            "صاحب الاستطلاع: الراي؛ الممول: Ministry؛ الترخيص: 2026/114؛ 1,234 صوتًا؛ من 1 مارس 2026 إلى 5 مارس 2026 بتوقيت \
             الكويت؛ شارك القرّاء باختيارهم، فلا تمثّل النتيجة عموم الناس."
        );
        assert_eq!(
            said("fr", &poll, 1_234, later),
            "Question posée par الراي ; sondage payé par Ministry ; autorisation 2026/114 ; 1\u{202f}234 votes ; du 1 mars 2026 au 5 \
             mars 2026 (heure du Koweït) ; les lecteurs ont choisi de participer, et ce résultat ne vaut donc pas pour tous."
        );
    }

    #[test]
    fn what_is_decided_after_the_close_is_said_beside_the_figure_in_every_language() {
        let mut poll = poll();
        let tally = Tally::of_nothing(&poll, "2026-03-05T12:00:00Z".parse().unwrap());
        let said = |tag: &str, poll: &Poll| {
            let said = Language::find(tag).unwrap().addendum(poll, &tally, Digits::Latn);
            said.map(|said| said.replace(['\u{2068}', '\u{2069}'], ""))
        };
        assert_eq!(said("ar", &poll), None);
        poll.addendum = Some(Addendum {
            decisions: Decisions::default(),
            at: tally.as_of,
            revision: poll.revision,
            ballots: 3,
            votes: vec![2, 1],
        });
        for (tag, expected) in [
            ("en", "By what was decided of ballots after the close: 3 votes; نعم 66.7%; لا 33.3%."),
            ("ar", "بحسب ما تقرّر بشأن الأصوات بعد الإغلاق: 3 أصوات؛ نعم 66.7%؛ لا 33.3%."),
            ("fr", "D’après ce qui a été décidé des votes après la clôture : 3 votes ; نعم 66,7 % ; لا 33,3 %."),
        ] {
            let said = said(tag, &poll).unwrap().replace(['\u{202f}', '\u{a0}'], " ");
            assert_eq!(said.replace(['\u{200e}', '\u{61c}'], ""), expected);
        }
    }

    #[test]
    fn its_number_is_in_each_plural_form() {
        let poll = poll();
        for (tag, ballots, part) in [
            ("ar", 0, "لا أصوات"),
            ("ar", 1, "صوت واحد"),
            ("ar", 2, "صوتان"),
            ("ar", 3, "3 أصوات"),
            ("ar", 11, "11 صوتًا"),
            ("ar", 100, "100 صوت"),
            ("en", 1, "; 1 vote;"),
            ("en", 2, "; 2 votes;"),
            ("fr", 1, " ; 1 vote ;"),
            ("fr", 2, " ; 2 votes ;"),
        ] {
            let said = said(tag, &poll, ballots, "2026-03-05T12:00:00Z");
            assert!(said.contains(part), "{said}");
        }
    }

    #[test]
    fn it_says_one_day_once_rounds_as_the_tally_does_and_begins_with_a_capital_letter() {
        let mut poll = poll();
        let same_day = said("en", &poll, 2, "2026-03-01T20:59:59Z");
        assert!(same_day.contains("; on 1 March 2026 Kuwait time;"), "{same_day}");
        poll.disclosure = poll.disclosure.map(|told| Disclosure { asked_by: None, ..told });
        assert!(said("en", &poll, 2, "2026-03-05T12:00:00Z").starts_with("Paid for by Ministry; "));
        let mut tally = Tally::of_nothing(&poll, "2026-03-05T12:00:00Z".parse().unwrap());
        (tally.ballots, tally.display) = (1_200, TallyDisplay::Percent);
        let language = Language::find("en").unwrap();
        let sentence = language.disclosure(&poll, Some(&tally), &TimeZone::UTC, Digits::Latn).unwrap();
        assert_eq!(sentence.ballots, "At least 1,200 votes");
        poll.disclosure = None;
        assert_eq!(language.disclosure(&poll, Some(&tally), &TimeZone::UTC, Digits::Latn), None);
    }
}
