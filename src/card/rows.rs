//! What stands below the question: answers, bars, the steps of a scale, or stars.

use super::{
    Card, CardBody, CardRow, CardRows, CardText,
    sheet::Sheet,
    text::{Block, TextStyle},
};

/// How large rows are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RowSize {
    Huge,
    Large,
    Medium,
    Small,
    Tiny,
}

/// The lengths of rows of one size.
struct RowMeasures {
    label: f32,
    /// How thick a bar is.
    bar: f32,
    /// Around an answer, above and below.
    inside: f32,
    /// Between two rows, at least and at most.
    gap: [f32; 2],
}

impl RowSize {
    fn measures(self) -> RowMeasures {
        let (label, bar, inside, gap) = match self {
            Self::Huge => (56.0, 40.0, 22.0, [36.0, 64.0]),
            Self::Large => (38.0, 24.0, 14.0, [18.0, 34.0]),
            Self::Medium => (33.0, 18.0, 11.0, [13.0, 26.0]),
            Self::Small => (28.0, 14.0, 9.0, [12.0, 22.0]),
            Self::Tiny => (25.0, 10.0, 6.0, [9.0, 18.0]),
        };
        RowMeasures { label, bar, inside, gap }
    }
}

/// So many times a length.
pub(super) fn times(count: usize, length: f32) -> f32 {
    u16::try_from(count).map_or(f32::MAX, f32::from) * length
}

/// How many rows a card would have if there were room for all.
pub(super) fn count(body: &CardBody) -> usize {
    match body {
        CardBody::Answers(rows) | CardBody::Bars(rows) => rows.rows.len(),
        CardBody::Columns { .. } | CardBody::Stars => 1,
    }
}

/// Rows whose texts are set.
pub(super) enum Rows {
    /// One below the other.
    Stacked(Box<Stack>),
    /// Two answers, side by side.
    Beside {
        rows: Vec<SetRow>,
        takes_one: bool,
    },
    Columns,
    Stars,
}

/// Rows one below the other.
pub(super) struct Stack {
    rows: Vec<SetRow>,
    /// What is said of the others.
    more: Option<Block>,
    size: RowSize,
    is_results: bool,
    takes_one: bool,
}

/// A row whose texts are set.
pub(super) struct SetRow {
    label: Block,
    share: Option<Block>,
    mark: CardText,
    bar: f32,
    leads: bool,
}

impl SetRow {
    fn height(&self, measures: &RowMeasures, is_results: bool) -> f32 {
        let text = self.label.height.max(self.share.as_ref().map_or(0.0, |share| share.height));
        text + if is_results { measures.bar + 2.0 } else { 2.0 * measures.inside }
    }
}

const MARK: f32 = 0.66;
/// Of a circle or a square beside an answer.
const TICK: f32 = 0.8;
const COLUMNS: f32 = 190.0;
const STEP: f32 = 76.0;
const STAR: f32 = 96.0;
const BESIDE: f32 = 112.0;
const BESIDE_GAP: f32 = 24.0;

impl Rows {
    /// Sets so many rows of a card.
    pub(super) fn set(sheet: &mut Sheet, card: &Card, count: usize, size: RowSize) -> Self {
        let is_results = card.body.is_results();
        let CardRows { rows, more, takes_one } = match &card.body {
            CardBody::Columns { .. } => return Self::Columns,
            CardBody::Stars => return Self::Stars,
            CardBody::Answers(rows) | CardBody::Bars(rows) => rows,
        };
        if !is_results
            && size != RowSize::Tiny
            && let Some(rows) = beside(sheet, rows)
        {
            return Self::Beside { rows, takes_one: *takes_one };
        }
        let shown = if is_results { most_voted(rows, count) } else { rows.iter().take(count).collect() };
        let hidden = rows.len().saturating_sub(shown.len());
        let width = sheet.room();
        let more = hidden
            .checked_sub(1)
            .and_then(|nth| more.get(nth))
            .map(|text| sheet.setter.fit(text, TextStyle::regular(size.measures().label * 0.9), width, 1));
        let rows = shown.into_iter().map(|row| set_row(sheet, row, size, is_results)).collect();
        Self::Stacked(Box::new(Stack { rows, more, size, is_results, takes_one: *takes_one }))
    }

    /// The least height that they need.
    pub(super) fn height(&self) -> f32 {
        match self {
            Self::Stacked(stack) => stack.height(),
            Self::Beside { .. } => BESIDE,
            Self::Columns => COLUMNS,
            Self::Stars => STAR,
        }
    }

    /// Whether something of a label is missing.
    pub(super) fn are_cut(&self) -> bool {
        matches!(self, Self::Stacked(stack) if stack.rows.iter().any(|row| row.label.is_cut))
    }

    /// Puts them below `top`, with some more room between them if there is some above `bottom`.
    pub(super) fn put(self, sheet: &mut Sheet, card: &Card, [top, bottom]: [f32; 2]) {
        let height = self.height();
        match self {
            Self::Stacked(stack) => stack.put(sheet, [top, bottom]),
            Self::Beside { rows, takes_one } => {
                let width = (sheet.room() - BESIDE_GAP) / 2.0;
                let mut start = sheet.margin;
                for row in rows {
                    put_answer(sheet, row, &RowSize::Large.measures(), [start, top, width, BESIDE], takes_one);
                    start += width + BESIDE_GAP;
                }
            }
            Self::Columns => put_columns(sheet, card, [top, bottom]),
            Self::Stars => {
                let mut start = sheet.margin;
                let (accent, ground, top) = (
                    sheet.colours.accent,
                    sheet.colours.ground,
                    top + ((bottom - top - height) / 2.0).clamp(0.0, 30.0),
                );
                // What is left out of a star leaves its outline.
                let (inner, aside, above) = (STAR * 0.8, STAR * 0.1, STAR * 0.108);
                for _ in 0..5 {
                    sheet.put_star([start, top, STAR], 100, accent);
                    sheet.put_star([start + aside, top + above, inner], 100, ground);
                    start += STAR + 18.0;
                }
            }
        }
    }
}

impl Stack {
    fn gaps(&self) -> usize {
        (self.rows.len() + usize::from(self.more.is_some())).saturating_sub(1)
    }

    fn height(&self) -> f32 {
        let measures = self.size.measures();
        let rows: f32 = self.rows.iter().map(|row| row.height(&measures, self.is_results)).sum();
        rows + self.more.as_ref().map_or(0.0, |more| more.height) + times(self.gaps(), measures.gap[0])
    }

    fn put(self, sheet: &mut Sheet, [top, bottom]: [f32; 2]) {
        let measures = self.size.measures();
        let [least, most] = measures.gap;
        let gap = (least + (bottom - top - self.height()) / times(self.gaps().max(1), 1.0)).clamp(least, most);
        let has_leader = self.rows.iter().any(|row| row.leads);
        let mut y = top;
        for row in self.rows {
            let height = row.height(&measures, self.is_results);
            if self.is_results {
                let is_strong = row.leads || !has_leader;
                put_bar(sheet, row, &measures, y, is_strong);
            } else {
                put_answer(sheet, row, &measures, [sheet.margin, y, sheet.room(), height], self.takes_one);
            }
            y += height + gap;
        }
        if let Some(more) = self.more {
            let (margin, quiet) = (sheet.margin, sheet.colours.quiet);
            sheet.put_text(more, margin, y.round(), quiet);
        }
    }
}

/// Those with the most votes, the most first; all of them in their own order, if there is room.
fn most_voted(rows: &[CardRow], count: usize) -> Vec<&CardRow> {
    let mut shown: Vec<_> = rows.iter().collect();
    if shown.len() > count {
        // Stable: of equals the first stays first.
        shown.sort_by_key(|row| std::cmp::Reverse(row.votes));
        shown.truncate(count);
    }
    shown
}

fn set_row(sheet: &mut Sheet, row: &CardRow, size: RowSize, is_results: bool) -> SetRow {
    let RowMeasures { label: text, .. } = size.measures();
    let share = is_results.then(|| sheet.setter.set_line(&row.share, TextStyle::bold(text * 1.06).close()));
    let beside = match &share {
        Some(share) => share.width + 28.0 + with_gap(sheet.mark_width(&row.mark, text * MARK)),
        None => text * TICK + 64.0,
    };
    let width = sheet.room() - beside;
    let style = if row.leads { TextStyle::bold(text) } else { TextStyle::regular(text) }.close();
    SetRow {
        label: set_label(sheet, &row.label, style, width),
        share,
        mark: row.mark.clone(),
        bar: f32::from(row.bar.min(1_000)) / 1_000.0,
        leads: row.leads,
    }
}

fn with_gap(width: f32) -> f32 {
    if width > 0.0 { width + 16.0 } else { 0.0 }
}

/// A label in one line, or else in two smaller ones.
fn set_label(sheet: &mut Sheet, text: &CardText, style: TextStyle, width: f32) -> Block {
    let block = sheet.setter.fit(text, style, width, 1);
    if !block.is_cut {
        return block;
    }
    let size = (style.size * 0.76).max(22.0);
    sheet.setter.fit(text, TextStyle { size, ..style }.close(), width, 2)
}

/// Two answers of few words.
fn beside(sheet: &mut Sheet, rows: &[CardRow]) -> Option<Vec<SetRow>> {
    if rows.len() != 2 {
        return None;
    }
    let RowMeasures { label: size, .. } = RowSize::Large.measures();
    let width = (sheet.room() - BESIDE_GAP) / 2.0 - size * TICK - 84.0;
    let set = |row: &CardRow| {
        let label = sheet.setter.fit(&row.label, TextStyle::bold(size), width, 1);
        (!label.is_cut).then(|| SetRow { label, share: None, mark: CardText::default(), bar: 0.0, leads: false })
    };
    rows.iter().map(set).collect()
}

/// A label, its share, and its bar, which is pale where another leads.
fn put_bar(sheet: &mut Sheet, row: SetRow, measures: &RowMeasures, top: f32, is_strong: bool) {
    let (margin, room, colours) = (sheet.margin, sheet.room(), sheet.colours);
    let SetRow { label, share, mark, bar, leads: _ } = row;
    let share_height = share.as_ref().map_or(0.0, |share| share.height);
    let (label_width, label_height) = (label.width, label.height);
    let height = label_height.max(share_height);
    sheet.put_text(label, margin, (top + (height - label_height) / 2.0).round(), colours.ink);
    if !mark.text.is_empty() {
        let start = margin + label_width + 16.0;
        sheet.put_mark(&mark, measures.label * MARK, start, top + height / 2.0);
    }
    if let Some(share) = share {
        let start = sheet.width - margin - share.width;
        sheet.put_text(share, start, (top + (height - share_height) / 2.0).round(), colours.ink);
    }
    let (top, round) = ((top + height + 2.0).round(), measures.bar / 2.0);
    sheet.put_box([margin, top, room, measures.bar], round, colours.track);
    if bar > 0.0 {
        // So short a bar is still a bar.
        let width = (room * bar).max(measures.bar);
        sheet.put_box([margin, top, width, measures.bar], round, if is_strong { colours.accent } else { colours.soft });
    }
}

fn put_answer(
    sheet: &mut Sheet,
    row: SetRow,
    measures: &RowMeasures,
    [start, top, width, height]: [f32; 4],
    takes_one: bool,
) {
    let colours = sheet.colours;
    let top = top.round();
    sheet.put_frame([start, top, width, height], 16.0, colours.frame);
    let tick = (measures.label * TICK).round();
    let round = if takes_one { tick / 2.0 } else { tick / 4.0 };
    sheet.put_frame([start + 24.0, top + (height - tick) / 2.0, tick, tick], round, colours.accent);
    let label_top = (top + (height - row.label.height) / 2.0).round();
    sheet.put_text(row.label, start + 24.0 + tick + 18.0, label_top, colours.ink);
}

/// The steps of a scale, from low to high.
fn put_columns(sheet: &mut Sheet, card: &Card, [top, bottom]: [f32; 2]) {
    const GAP: f32 = 10.0;
    let CardBody::Columns { columns, ends } = &card.body else { return };
    let (margin, room, colours, is_results) = (sheet.margin, sheet.room(), sheet.colours, card.body.is_results());
    let ends_height = if ends.iter().all(|end| end.text.is_empty()) { 0.0 } else { 36.0 };
    let height = (bottom - top).min(420.0) - ends_height;
    let width = (room + GAP) / times(columns.len().max(1), 1.0) - GAP;
    let number = TextStyle::bold(26.0);
    let share = TextStyle::regular(20.0);
    let mut start = margin;
    for column in columns {
        let label = sheet.setter.set_line(&column.label, number);
        if is_results {
            let foot = top + height - number.line;
            let most = height - number.line - share.line - 6.0;
            let bar = (most * f32::from(column.bar.min(1_000)) / 1_000.0).max(4.0);
            let colour = if column.bar == 0 { colours.track } else { colours.accent };
            sheet.put_box([start, foot - bar, width, bar], 6.0, colour);
            let text = sheet.setter.set_line(&column.share, share);
            let text_start = start + (width - text.width) / 2.0;
            sheet.put_text(text, text_start, (foot - bar - share.line - 2.0).round(), colours.quiet);
            let label_start = start + (width - label.width) / 2.0;
            sheet.put_text(label, label_start, (foot + 2.0).round(), colours.ink);
        } else {
            sheet.put_frame([start, top, width, STEP], 14.0, colours.frame);
            let label_start = start + (width - label.width) / 2.0;
            sheet.put_text(label, label_start, (top + (STEP - number.line) / 2.0).round(), colours.accent);
        }
        start += width + GAP;
    }
    let below = if is_results { top + height } else { top + STEP + 6.0 };
    let half = room / 2.0 - 12.0;
    let [low, high] = ends.each_ref().map(|end| sheet.setter.fit(end, TextStyle::regular(23.0), half, 1));
    // The block's box begins at its text.
    let high_start = sheet.width - margin - high.width;
    sheet.put_text(low, margin, below.round(), colours.quiet);
    sheet.put_text(high, high_start, below.round(), colours.quiet);
}
