//! Where everything in a card goes.
//!
//! From the top: the site's name and what results these are; the question; its answers or bars; how many have voted;
//! who stands behind the poll. All lengths are in pixels, and across the card they are reckoned from the side at which
//! the poll's language begins: so one layout serves both directions.

use super::{
    Card, CardBody, CardShape,
    palette::Colours,
    rows::{self, RowSize},
    sheet::{Scene, Sheet},
    text::{Block, TextStyle, Typesetter},
};

/// What differs between the shapes.
struct Measures {
    /// Between what stands in the card and its sides.
    margin: f32,
    /// Above the head, and below the foot.
    edge: f32,
    /// The most rows.
    rows: usize,
    /// The most lines of the disclosure, and the sizes it may have.
    disclosure: (usize, [f32; 2]),
    /// Of the question: how large it may be, and in how many lines, with which rows. The first that fits is taken.
    tries: &'static [(f32, usize, RowSize)],
}

const WIDE: Measures = Measures {
    margin: 64.0,
    edge: 40.0,
    rows: 5,
    disclosure: (3, [21.0, 18.0]),
    tries: &[
        (64.0, 2, RowSize::Large),
        (56.0, 2, RowSize::Large),
        (52.0, 3, RowSize::Large),
        (56.0, 2, RowSize::Medium),
        (48.0, 3, RowSize::Medium),
        (48.0, 2, RowSize::Small),
        (42.0, 3, RowSize::Small),
        (42.0, 2, RowSize::Tiny),
        (38.0, 4, RowSize::Small),
        (36.0, 5, RowSize::Tiny),
        (32.0, 6, RowSize::Tiny),
    ],
};

const SQUARE: Measures = Measures {
    margin: 72.0,
    edge: 56.0,
    rows: 9,
    disclosure: (5, [23.0, 20.0]),
    tries: &[
        (88.0, 3, RowSize::Huge),
        (76.0, 4, RowSize::Huge),
        (76.0, 4, RowSize::Large),
        (64.0, 5, RowSize::Large),
        (56.0, 5, RowSize::Medium),
        (52.0, 6, RowSize::Medium),
        (48.0, 6, RowSize::Small),
        (42.0, 8, RowSize::Small),
        (42.0, 6, RowSize::Tiny),
        (36.0, 9, RowSize::Tiny),
        (32.0, 11, RowSize::Tiny),
    ],
};

/// The band of the site's colour along the top.
const BAND: f32 = 14.0;
/// Between the question and what is said below it, and between that and the rows, at least.
const GAP: f32 = 14.0;
/// The fewest rows that are shown of a poll that has more, before its question is cut.
const FEWEST_ROWS: usize = 3;

/// Puts everything in its place.
pub(super) fn compose(card: &Card) -> Scene {
    let size = card.shape.size();
    let measures = match card.shape {
        CardShape::Wide => WIDE,
        CardShape::Square => SQUARE,
    };
    let mut sheet = Sheet {
        width: size.0.into(),
        margin: measures.margin,
        is_rtl: card.is_rtl,
        colours: Colours::of(card.accent),
        setter: Typesetter::new(card.is_rtl),
        drawn: Vec::new(),
    };
    let (width, height) = (f32::from(size.0), f32::from(size.1));
    sheet.put_box([0.0, 0.0, width, BAND], 0.0, card.accent);
    let top = head(&mut sheet, card, BAND + measures.edge - 4.0);
    let bottom = foot(&mut sheet, card, height - measures.edge, &measures);
    body(&mut sheet, card, [top, bottom], &measures);
    Scene { size, colours: sheet.colours, drawn: sheet.drawn }
}

/// Puts the site's name and what results these are. Returns where that ends.
fn head(sheet: &mut Sheet, card: &Card, top: f32) -> f32 {
    const HEIGHT: f32 = 48.0;
    const STATUS: f32 = 23.0;
    if card.site.text.is_empty() && card.status.text.is_empty() {
        return top;
    }
    let (margin, accent, middle) = (sheet.margin, sheet.colours.accent, top + HEIGHT / 2.0);
    let status = sheet.mark_width(&card.status, STATUS);
    if status > 0.0 {
        let start = if card.site.text.is_empty() { margin } else { sheet.width - margin - status };
        sheet.put_mark(&card.status, STATUS, start, middle);
    }
    if !card.site.text.is_empty() {
        let width = sheet.room() - status - 24.0;
        let name = sheet.setter.fit(&card.site, TextStyle::bold(32.0), width, 1);
        let top = (middle - name.height / 2.0).round();
        sheet.put_text(name, margin, top, accent);
    }
    top + HEIGHT + GAP
}

/// Puts how many have voted and who stands behind the poll. Returns where that begins.
fn foot(sheet: &mut Sheet, card: &Card, bottom: f32, measures: &Measures) -> f32 {
    let (margin, room, quiet, ink) = (sheet.margin, sheet.room(), sheet.colours.quiet, sheet.colours.ink);
    let mut top = bottom;
    let (lines, sizes) = measures.disclosure;
    let mut told = None;
    'found: for text in &card.disclosure {
        for size in sizes {
            let block = sheet.setter.fit(text, TextStyle::regular(size), room, lines);
            let is_cut = block.is_cut;
            told = Some(block);
            if !is_cut {
                break 'found;
            }
        }
    }
    if let Some(told) = told {
        top -= told.height;
        sheet.put_text(told, margin, top.round(), quiet);
        top -= 4.0;
    }
    if !card.total.text.is_empty() {
        let total = sheet.setter.fit(&card.total, TextStyle::bold(27.0), room, 1);
        top -= total.height;
        sheet.put_text(total, margin, top.round(), ink);
    }
    top - 26.0
}

/// Puts the question and what stands below it.
fn body(sheet: &mut Sheet, card: &Card, [top, bottom]: [f32; 2], measures: &Measures) {
    let (margin, room, ink, quiet) = (sheet.margin, sheet.room(), sheet.colours.ink, sheet.colours.quiet);
    let hint = (!card.hint.text.is_empty()).then(|| sheet.setter.fit(&card.hint, TextStyle::regular(26.0), room, 2));
    let between = hint.as_ref().map_or(0.0, |hint| hint.height + 2.0) + mean_height(card) + GAP;
    let (question, rows) = choose(sheet, card, bottom - top - between, measures);
    // What is left over goes between the question and the rows, between the rows, and around it all.
    let spare = (bottom - top - between - question.height - rows.height()).max(0.0);
    let gap = GAP + (spare * 0.3).min(44.0);
    let mut y = top + ((spare - 100.0).max(0.0) * 0.3).min(90.0) + (spare * 0.08).min(16.0);
    let height = question.height;
    sheet.put_text(question, margin, y.round(), ink);
    y += height;
    if let Some(hint) = hint {
        let height = hint.height;
        sheet.put_text(hint, margin, (y + 2.0).round(), quiet);
        y += height + 2.0;
    }
    y = mean(sheet, card, y);
    rows.put(sheet, card, [y + gap, bottom]);
}

/// The largest question with as many rows as fit.
fn choose(sheet: &mut Sheet, card: &Card, room: f32, measures: &Measures) -> (Block, rows::Rows) {
    let (width, text) = (sheet.room(), &card.question);
    let all = rows::count(&card.body);
    // Where not all fit, what is said of the others takes the place of a row.
    let most = if all > measures.rows { measures.rows - 1 } else { all };
    // The first in which a label is cut, if there is none without.
    let mut with_cut = None;
    for count in (FEWEST_ROWS.min(most)..=most).rev() {
        for (size, lines, row_size) in measures.tries {
            let style = TextStyle::bold(*size).close();
            let question = sheet.setter.fit(text, style, width, *lines);
            if question.is_cut {
                continue;
            }
            let rows = rows::Rows::set(sheet, card, count, *row_size);
            if question.height + rows.height() > room {
                continue;
            }
            if !rows.are_cut() {
                return (sheet.setter.fit_evenly(text, style, width, *lines), rows);
            }
            with_cut.get_or_insert((style, *lines, rows));
        }
        if let Some((style, lines, rows)) = with_cut {
            return (sheet.setter.fit_evenly(text, style, width, lines), rows);
        }
    }
    let rows = rows::Rows::set(sheet, card, FEWEST_ROWS.min(most), RowSize::Tiny);
    let (size, most_lines) = measures.tries.last().map_or((32.0, 1), |(size, lines, _)| (*size, *lines));
    let style = TextStyle::bold(size).close();
    let lines = (1..=most_lines).rev().find(|lines| rows::times(*lines, style.line) + rows.height() <= room);
    (sheet.setter.fit(text, style, width, lines.unwrap_or(1)), rows)
}

const MEAN: f32 = 46.0;

fn mean_height(card: &Card) -> f32 {
    if card.mean.is_some() { TextStyle::bold(MEAN).line } else { 0.0 }
}

/// Puts the mean of a rating, in words and in stars. Returns where that ends.
fn mean(sheet: &mut Sheet, card: &Card, top: f32) -> f32 {
    let Some(mean) = &card.mean else { return top };
    let (margin, colours) = (sheet.margin, sheet.colours);
    let text = sheet.setter.set_line(&mean.text, TextStyle::bold(MEAN));
    let (width, height) = (text.width, text.height);
    sheet.put_text(text, margin, top.round(), colours.accent);
    if let Some(stars) = mean.stars {
        let top = top + (height - MEAN) / 2.0;
        let mut start = margin + width + 28.0;
        for full in stars {
            sheet.put_star([start, top, MEAN], 100, colours.track);
            sheet.put_star([start, top, MEAN], full, colours.accent);
            start += MEAN + 6.0;
        }
    }
    top + height
}

impl CardBody {
    /// Whether results are shown.
    pub(super) fn is_results(&self) -> bool {
        match self {
            Self::Answers(_) | Self::Stars => false,
            Self::Bars(_) => true,
            Self::Columns { columns, .. } => columns.iter().any(|column| !column.share.text.is_empty()),
        }
    }
}
