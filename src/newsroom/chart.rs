//! Charts as SVG, made here: bars, a line of the last day, a timeline with marks.
//!
//! They run as the page does: in Arabic a bar grows from the right, and time too begins there. Numbers in them are
//! attributes, since a page's policy allows no style of its own. What a chart says stands in the page as text as well.

use std::fmt::Write as _;

use crate::{embed::direction::Direction, poll::Timestamp};

/// The widest bar of a timeline, in thousandths of the width.
const WIDEST_BAR: u64 = 50;

/// The room that a mark's number takes, in thousandths of the width, and how far it stays from the ends.
const NUMBER_WIDTH: u64 = 36;
const NUMBER_MARGIN: u64 = 8;

/// A bar, in thousandths of the width.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Meter {
    /// Where it begins, from the left.
    pub left: u64,
    /// How long it is.
    pub length: u64,
}

impl Meter {
    /// A bar of so many thousandths.
    pub fn of(thousandths: u64, direction: Direction) -> Self {
        let length = thousandths.min(1_000);
        let left = match direction {
            Direction::Ltr => 0,
            Direction::Rtl => 1_000 - length,
        };
        Self { left, length }
    }
}

/// The votes of 24 hours, the last one last, as a path in a field of 96 to 24. Nothing if there are none.
pub fn day_path(hours: &[u64; 24], direction: Direction) -> Option<String> {
    let most = hours.iter().copied().max().filter(|most| *most > 0)?;
    let mut path = String::new();
    for (place, votes) in (0_u64..).zip(hours) {
        let height = (votes * 22).div_ceil(most);
        let left = match direction {
            Direction::Ltr => place * 4,
            Direction::Rtl => 92 - place * 4,
        };
        // Writing to a String can't fail. An hour without votes is a thin line, so that one sees that time went on.
        let _ = write!(path, "M{left} 24v-{}h3v{}z", height.max(1), height.max(1));
    }
    Some(path)
}

/// What a mark on a timeline stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MarkKind {
    /// The poll was made.
    Made,
    /// It opened.
    Opened,
    /// It was changed.
    Edited,
    /// Its question or answers were put in other words.
    Reworded,
    /// It closed.
    Closed,
    /// It was said which answer came true.
    Resolved,
    /// An incident was opened.
    IncidentOpened,
    /// It ended.
    IncidentEnded,
}

/// A mark on a timeline.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChartMark {
    /// What happened.
    pub kind: MarkKind,
    /// When.
    pub at: Timestamp,
    /// Where it stands, in thousandths of the width from the left.
    pub left: u64,
    /// Where its number stands: within the chart, and beside the number before.
    pub number_left: u64,
}

/// The bar of a part of a timeline.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChartBar {
    /// When the part begins.
    pub start: Timestamp,
    /// Ballots cast in it, less those taken back.
    pub ballots: u64,
    /// Where the bar stands, in thousandths of the width from the left.
    pub left: u64,
    /// How high it is, in thousandths of the highest.
    pub height: u64,
}

/// A timeline.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TimelineChart {
    /// Its bars, the earliest first.
    pub bars: Vec<ChartBar>,
    /// How wide one is, in thousandths of the width: one bar alone does not fill all of it.
    pub bar_width: u64,
    /// What happened, the earliest first.
    pub marks: Vec<ChartMark>,
    /// Where its axis begins: with the first bar or the first mark.
    pub begin: Timestamp,
    /// Where its axis ends: with the last bar or the last mark.
    pub end: Timestamp,
    /// The bar with the most ballots.
    pub most: Option<(Timestamp, u64)>,
}

impl TimelineChart {
    /// Of parts that follow one another, and so long each.
    pub fn of(
        parts: &[(Timestamp, u64)],
        part_millis: i64,
        marks: &[(MarkKind, Timestamp)],
        direction: Direction,
    ) -> Self {
        let at = |thousandths: u64| match direction {
            Direction::Ltr => thousandths.min(1_000),
            Direction::Rtl => 1_000_u64.saturating_sub(thousandths),
        };
        let highest = parts.iter().map(|(_, ballots)| *ballots).max().unwrap_or_default();
        // A mark before the first ballot, or after the last, stands where it was too: the axis reaches it.
        let starts = parts.iter().map(|(start, _)| *start).chain(marks.iter().map(|(_, at)| *at));
        let ends = parts.iter().map(|(start, _)| Timestamp::from_millis(start.as_millis().saturating_add(part_millis)));
        let begin = starts.min().unwrap_or(Timestamp::from_millis(0));
        let end = ends.chain(marks.iter().map(|(_, at)| *at)).max().unwrap_or(begin);
        let span = u64::try_from(end.as_millis() - begin.as_millis()).unwrap_or_default().max(1);
        let place = |moment: Timestamp| {
            let since = u64::try_from(moment.as_millis() - begin.as_millis()).unwrap_or_default().min(span);
            u64::try_from(u128::from(since) * 1_000 / u128::from(span)).unwrap_or(1_000)
        };
        let after = |start: Timestamp| Timestamp::from_millis(start.as_millis().saturating_add(part_millis));
        let widest = parts.first().map_or(0, |(start, _)| place(after(*start)).saturating_sub(place(*start)));
        let bar_width = widest.clamp(1, WIDEST_BAR);
        let bars = parts.iter().map(|(start, ballots)| {
            let (from, to) = (place(*start), place(after(*start)));
            let left = at(from).min(at(to)) + (to - from).saturating_sub(bar_width) / 2;
            ChartBar { start: *start, ballots: *ballots, left, height: ballots * 1_000 / highest.max(1) }
        });
        let mark = |(kind, moment): &(MarkKind, Timestamp)| (*kind, *moment, place(*moment));
        let mut next = NUMBER_MARGIN;
        let marks = marks.iter().map(mark).map(|(kind, moment, thousandths)| {
            let number = thousandths.clamp(next.min(1_000 - NUMBER_MARGIN), 1_000 - NUMBER_MARGIN);
            next = number + NUMBER_WIDTH;
            ChartMark { kind, at: moment, left: at(thousandths), number_left: at(number) }
        });
        Self {
            bars: bars.collect(),
            bar_width,
            marks: marks.collect(),
            begin,
            end,
            most: parts.iter().copied().rev().max_by_key(|(_, ballots)| *ballots).filter(|(_, most)| *most > 0),
        }
    }
}

/// So many thousandths as a percentage, for an attribute.
pub fn percent(thousandths: u64) -> String {
    format!("{}.{}%", thousandths / 10, thousandths % 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_and_time_begin_where_the_text_does() {
        assert_eq!(Meter::of(250, Direction::Ltr), Meter { left: 0, length: 250 });
        assert_eq!(Meter::of(250, Direction::Rtl), Meter { left: 750, length: 250 });
        assert_eq!(Meter::of(2_000, Direction::Rtl), Meter { left: 0, length: 1_000 });
        let moment = |minutes: i64| Timestamp::from_millis((minutes + 100) * 60_000);
        let parts = [(moment(0), 1), (moment(1), 4), (moment(2), 0), (moment(3), 4)];
        let marks = [(MarkKind::Opened, moment(-5)), (MarkKind::Edited, moment(1)), (MarkKind::Closed, moment(9))];
        for (direction, lefts, marked) in [
            (Direction::Ltr, [367, 438, 510, 581], [0, 428, 1_000]),
            (Direction::Rtl, [582, 510, 439, 368], [1_000, 572, 0]),
        ] {
            let chart = TimelineChart::of(&parts, 60_000, &marks, direction);
            assert_eq!(chart.bars.iter().map(|bar| bar.height).collect::<Vec<_>>(), [250, 1_000, 0, 1_000]);
            assert_eq!(chart.marks.iter().map(|mark| mark.left).collect::<Vec<_>>(), marked);
            assert_eq!((chart.begin, chart.end), (moment(-5), moment(9)));
            assert_eq!((chart.bar_width, chart.most), (50, Some((moment(1), 4))));
            let numbers: Vec<_> = chart.marks.iter().map(|mark| mark.number_left).collect();
            assert_eq!(numbers, if direction == Direction::Ltr { [8, 428, 992] } else { [992, 572, 8] });
            for (bar, left) in chart.bars.iter().zip(lefts) {
                assert!(bar.left.abs_diff(left) <= 12, "{direction:?}: {} is not near {left}", bar.left);
            }
        }
        // One without votes shows what has happened, too.
        let quiet = TimelineChart::of(&[], 60_000, &marks, Direction::Ltr);
        let lefts: Vec<_> = quiet.marks.iter().map(|mark| mark.left).collect();
        assert_eq!((quiet.bars.len(), lefts, quiet.most), (0, vec![0, 428, 1_000], None));
        let made = TimelineChart::of(&[], 60_000, &marks[..1], Direction::Ltr);
        assert_eq!((made.begin, made.end, made.marks.len()), (moment(-5), moment(-5), 1));
    }

    #[test]
    fn a_day_without_votes_has_no_line() {
        assert_eq!(day_path(&[0; 24], Direction::Ltr), None);
        let mut hours = [0; 24];
        hours[23] = 7;
        assert!(day_path(&hours, Direction::Ltr).unwrap().ends_with("M92 24v-22h3v22z"));
        assert!(day_path(&hours, Direction::Rtl).unwrap().ends_with("M0 24v-22h3v22z"));
    }
}
