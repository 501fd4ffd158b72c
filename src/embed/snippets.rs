//! What a publisher puts into a page to have a poll there, with room for it.
//!
//! A poll comes when the page is there already. What stands below it is moved down then, under the eyes of whoever
//! reads it, unless its room was kept. So each snippet says how high the poll will be. That is [reckoned](height) from
//! its texts, for a phone, where lines are shortest: on a wider page a poll with long labels leaves some room below it.

use serde::Serialize;

use super::markup::escape;
use crate::{
    poll::{Poll, ResultsPolicy},
    site::BaseAddress,
};

/// How wide a poll is on a phone, in CSS pixels: 360, without a margin of 16 at each side.
pub const PHONE: u32 = 328;

/// The address of a poll's page, and the three ways to have the poll in a page of one's own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Snippets {
    /// The poll on a page of its own.
    pub url: String,
    /// The height that each of them keeps, in CSS pixels.
    pub height: u32,
    /// A script, in whose place the poll stands.
    pub script: String,
    /// The same as an element, for any number of polls.
    pub element: String,
    /// A frame, where no script is wanted.
    pub frame: String,
}

impl Snippets {
    /// Those of a poll of the service that readers reach at this address.
    pub fn of(poll: &Poll, base: &BaseAddress) -> Self {
        Self::new(base.as_str(), &poll.id.to_string(), poll.question.as_str(), height(PHONE, poll))
    }

    /// Those of a poll with this id and question.
    pub fn new(base: &str, id: &str, question: &str, height: u32) -> Self {
        let (base, id, question) = (escape(base), escape(id), escape(question));
        let url = format!("{base}/embed/{id}");
        Self {
            height,
            script: format!(
                "<div style=\"min-height: {height}px\"><script async src=\"{base}/embed.js\" \
                 data-sawt-poll=\"{id}\"></script></div>"
            ),
            element: format!(
                "<sawt-poll poll=\"{id}\" style=\"display: block; min-height: {height}px\"></sawt-poll>\n\
                 <script async src=\"{base}/embed.js\"></script>"
            ),
            frame: format!(
                "<iframe src=\"{url}\" title=\"{question}\" height=\"{height}\" loading=\"lazy\" \
                 style=\"width: 100%; min-height: {height}px; border: 0\"></iframe>"
            ),
            url,
        }
    }
}

/// How high a poll becomes, in CSS pixels, in a place so wide, or a little more: in sizes of the usual font, with
/// letters as wide as wide ones are, and whatever may be said below. Some 2,300 for 32 options on a phone, if each
/// label takes one line.
pub fn height(width: u32, poll: &Poll) -> u32 {
    /// The card's frame and padding, and the margin below the question.
    const CARD: u32 = 34 + 14;
    const QUESTION_LINE: u32 = 30;
    /// What says how many may be chosen, and the gap below.
    const RULE: u32 = 33;
    const OPTION_LINE: u32 = 24;
    /// An option's frame and padding, and the gap to the next.
    const OPTION: u32 = 32 + 10;
    /// The button. Below the last option the gap is 4 wider.
    const ACTIONS: u32 = 44 + 4;
    /// What is said below, in lines of 22.4, and the margin above.
    const NOTES: u32 = 51;
    const MORE_NOTES: u32 = 23;
    /// What the lines of a text have in width less than the card.
    const QUESTION_AROUND: u32 = 42;
    const OPTION_AROUND: u32 = 108;
    /// The same where options are ranked: with a place, the buttons that move it, and a grip.
    const RANKED_AROUND: u32 = 210;
    /// A rating's mean and how the ballots are spread.
    const STEPS: u32 = 166;
    /// A reaction's button beside what stands for it: padding, count, and the gap to the next.
    const BUTTON_AROUND: u32 = 62;
    const BUTTON_LINE: u32 = 56;
    let lines = |text: &str, pixels_per_character: u32, around: u32| {
        let characters = u32::try_from(text.chars().count()).unwrap_or(u32::MAX);
        characters.saturating_mul(pixels_per_character).div_ceil(width.saturating_sub(around).max(80)).max(1)
    };
    let question = lines(poll.question.as_str(), 11, QUESTION_AROUND).saturating_mul(QUESTION_LINE);
    let rule = if poll.kind.takes_one() { 0 } else { RULE };
    let is_explained = poll.results != ResultsPolicy::Always && poll.schedule.closes_at.is_some();
    let notes = if is_explained { NOTES + MORE_NOTES } else { NOTES };
    // The two words for changing a vote take a line of their own beside the total.
    let changes = if poll.changeable && width < 480 { 32 } else { 0 };
    if poll.scale.is_some() {
        return question.saturating_add(CARD + STEPS + ACTIONS + notes + changes);
    }
    if poll.kind.is_pressed() {
        // Buttons stand beside each other, each as wide as what is seen of it.
        let wide = poll.options.iter().fold(0_u32, |sum, option| {
            let words = u32::try_from(option.label.as_str().chars().count()).unwrap_or(u32::MAX).saturating_mul(9);
            sum.saturating_add(if option.emoji.is_some() { 28 } else { words }).saturating_add(BUTTON_AROUND)
        });
        let lines = wide.div_ceil(width.saturating_sub(QUESTION_AROUND).max(80)).max(1);
        return question.saturating_add(CARD + ACTIONS + notes).saturating_add(lines.saturating_mul(BUTTON_LINE));
    }
    let around = if poll.kind.is_ordered() { RANKED_AROUND } else { OPTION_AROUND };
    let options = poll
        .options
        .iter()
        .map(|option| lines(option.label.as_str(), 9, around).saturating_mul(OPTION_LINE).saturating_add(OPTION));
    let around = question.saturating_add(CARD + rule + ACTIONS + notes + changes);
    options.fold(around, u32::saturating_add)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::poll::{DigestKey, NewOption, NewPoll, Partitions, PollFields, PollId, SiteId, Timestamp};

    /// The README's are those of the poll it begins with.
    #[test]
    fn the_readme_shows_the_snippets_as_they_are() {
        let readme = include_str!("../../README.md");
        let option = |label: &str| NewOption { id: None, label: label.to_owned(), ..NewOption::default() };
        let options = Some(vec![option("نعم"), option("لا")]);
        let new = PollFields {
            question: Some("هل تتوقع حل مجلس الأمة ؟".to_owned()), options, ..PollFields::default()
        };
        let key = DigestKey::from_bytes([0; 32]);
        let poll = NewPoll::from(new)
            .build(PollId::generate(), SiteId::default(), Partitions::unplaced(1), key, Timestamp::EARLIEST)
            .unwrap();
        let height = height(PHONE, &poll);
        let Snippets { url, script, element, frame, .. } = Snippets::new("https://votes.example", "ID", "Poll", height);
        for snippet in [script, element, frame] {
            assert!(readme.contains(&format!("\n{snippet}\n")), "the README lacks {snippet}");
        }
        assert!(readme.contains(&url));
    }

    #[test]
    fn what_a_publisher_wrote_stays_in_its_quotes() {
        let Snippets { frame, .. } = Snippets::new("https://votes.example", "ID", "\"><script>", 312);
        assert!(frame.contains("title=\"&quot;&gt;&lt;script&gt;\""), "{frame}");
    }
}
