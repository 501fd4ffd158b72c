//! The picture of a poll, for those who share it: its question, and its answers or its results.
//!
//! A [`Card`] says what stands in it; nothing here knows a poll, a request or a language. [`draw`] makes the file, from
//! the same card always the same:
//!
//! - `faces`: the font, which is part of the program, so the picture is the same on every machine. It has Latin and
//!   Arabic letters, and no emoji: [`drawable`] says what it can show of a text.
//! - `text`: lines of text in both directions, wrapped, and cut with an ellipsis where there is no more room.
//! - `layout`: where everything goes. It takes the largest question and the most answers that fit, and mirrors the whole
//!   card where the poll runs from right to left.
//! - `paint`: pixels. `palette` and `encode`: their file. Few colours are in it, so it is a PNG with a palette: a third
//!   of the size of one with full colours.
//!
//! Crates were chosen over a renderer of SVG, which would set every paragraph from left to right and wrap none.

mod encode;
mod faces;
mod layout;
mod paint;
mod palette;
mod rows;
mod sheet;
mod text;

use serde::Serialize;

pub use faces::drawable;
pub use palette::Rgb;

/// The media type of a picture.
pub const MEDIA_TYPE: &str = "image/png";

/// Part of a picture's name: it changes whenever the same card is drawn otherwise.
const STYLE: u8 = 1;

/// What a picture shows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Card {
    /// How wide and high it is.
    pub shape: CardShape,
    /// Whether it begins at the right.
    pub is_rtl: bool,
    /// The site's colour. It must be readable on white.
    pub accent: Rgb,
    /// The site's name, or nothing.
    pub site: CardText,
    /// What results these are, or whether the poll takes votes; or nothing.
    pub status: CardText,
    pub question: CardText,
    /// What is said below it, or nothing.
    pub hint: CardText,
    /// The mean of a rating.
    pub mean: Option<CardMean>,
    /// The answers, or the results.
    pub body: CardBody,
    /// How many have voted, and when; or nothing.
    pub total: CardText,
    /// Who stands behind the poll: the first of these that there is room for. The last is the shortest.
    pub disclosure: Vec<CardText>,
}

/// The shapes there are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum CardShape {
    /// 1200 × 630: what pages name as their picture (`og:image`).
    #[default]
    Wide,
    /// 1080 × 1080: what is posted where pictures are square.
    Square,
}

impl CardShape {
    /// All there are, by their names.
    pub const NAMES: [(&'static str, Self); 2] = [("wide", Self::Wide), ("square", Self::Square)];

    /// Its width and height in pixels.
    pub fn size(self) -> (u16, u16) {
        match self {
            Self::Wide => (1_200, 630),
            Self::Square => (1_080, 1_080),
        }
    }
}

/// A text, and the way it runs.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct CardText {
    /// What [`drawable`] has left of it.
    pub text: String,
    /// Its direction.
    pub runs: Runs,
}

/// The way a text runs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Runs {
    /// As its first letter does.
    #[default]
    Auto,
    /// From left to right.
    Ltr,
    /// From right to left.
    Rtl,
}

/// The mean of a rating.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CardMean {
    /// In words.
    pub text: CardText,
    /// How much of each star is full, in percent; `None` of what is no stars.
    pub stars: Option<[u64; 5]>,
}

/// What stands below the question.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum CardBody {
    /// What may be answered.
    Answers(CardRows),
    /// How many chose what.
    Bars(CardRows),
    /// The steps of a scale, one beside the other: with bars, or as what may be answered.
    Columns {
        /// The steps.
        columns: Vec<CardRow>,
        /// What the first and the last mean, or nothing.
        ends: [CardText; 2],
    },
    /// Five stars to choose from.
    Stars,
}

/// One row for each option.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CardRows {
    /// In the poll's order.
    pub rows: Vec<CardRow>,
    /// What is said of rows there is no room for: of one, of two, and so on.
    pub more: Vec<CardText>,
    /// Whether one of them is chosen, or several: circles, or squares.
    pub takes_one: bool,
}

/// An option.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct CardRow {
    /// What readers see of it.
    pub label: CardText,
    /// Its share; or nothing, where that is not shown.
    pub share: CardText,
    /// The length of its bar, of a thousand.
    pub bar: u16,
    /// What it is compared with others by, where there is no room for all.
    pub votes: u64,
    /// What is said of it, such as that it came true; or nothing.
    pub mark: CardText,
    /// Whether it has the most votes in the end.
    pub leads: bool,
}

impl Card {
    /// What tells it from any other card.
    pub fn hash(&self) -> blake3::Hash {
        // Strings, numbers and truth values: they can always be written.
        let said = serde_json::to_vec(&(STYLE, self)).unwrap_or_default();
        blake3::hash(&said)
    }
}

/// Why there is no picture: a defect.
#[derive(Debug, thiserror::Error)]
pub enum DrawError {
    /// There is no room for its pixels.
    #[error("a picture of {0} × {1} pixels can't be drawn")]
    Size(u16, u16),
    /// Its file can't be written.
    #[error("the picture's file can't be written")]
    Encode(#[from] png::EncodingError),
}

/// Draws a card: a PNG.
///
/// # Errors
/// A defect.
pub fn draw(card: &Card) -> Result<Vec<u8>, DrawError> {
    let scene = layout::compose(card);
    let pixels = paint::paint(&scene)?;
    encode::encode(&pixels, scene.colours.palette())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn text(text: &str) -> CardText {
        CardText { text: text.to_owned(), runs: Runs::Rtl }
    }

    fn row(label: &str, share: &str, votes: u64) -> CardRow {
        let bar = u16::try_from(votes).unwrap();
        CardRow { label: text(label), share: text(share), bar, votes, ..CardRow::default() }
    }

    fn card(body: CardBody) -> Card {
        Card {
            shape: CardShape::Wide,
            is_rtl: true,
            accent: Rgb([0xb3, 0x12, 0x2f]),
            site: text("الراي"),
            status: text("النتائج النهائية"),
            question: text("هل تتوقع حل مجلس الأمة؟"),
            hint: CardText::default(),
            mean: None,
            body,
            total: text("1,234 صوتًا · 29 نوفمبر 2026"),
            disclosure: vec![text("صاحب الاستطلاع: الراي")],
        }
    }

    fn bars(rows: Vec<CardRow>) -> CardBody {
        let more = (1..=rows.len()).map(|number| text(&format!("و{number} غيرها"))).collect();
        CardBody::Bars(CardRows { rows, more, takes_one: true })
    }

    /// The picture's colours, line by line.
    fn drawn(card: &Card) -> (u32, u32, Vec<[u8; 3]>) {
        let file = draw(card).unwrap();
        let mut decoder = png::Decoder::new(std::io::Cursor::new(file));
        decoder.set_transformations(png::Transformations::EXPAND);
        let mut reader = decoder.read_info().unwrap();
        let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
        let info = reader.next_frame(&mut pixels).unwrap();
        let colours = pixels.chunks_exact(3).map(|pixel| pixel.try_into().unwrap()).collect();
        (info.width, info.height, colours)
    }

    #[test]
    fn a_picture_has_its_size_the_sites_colour_and_bars_as_long_as_they_are_from_where_the_poll_begins() {
        for (shape, (width, height)) in [(CardShape::Wide, (1_200, 630)), (CardShape::Square, (1_080, 1_080))] {
            for is_rtl in [true, false] {
                let base = card(bars(vec![row("نعم", "75%", 750), row("لا", "25%", 250)]));
                let card = Card { shape, is_rtl, accent: Rgb([0x14, 0x59, 0x7f]), ..base };
                let (drawn_width, drawn_height, pixels) = drawn(&card);
                assert_eq!((drawn_width, drawn_height), (width, height));
                assert_eq!(pixels[0], [0x14, 0x59, 0x7f], "the band along the top");
                // The longest line of that colour below the band is the first bar's.
                let line = |line: &[[u8; 3]]| line.iter().filter(|pixel| **pixel == [0x14, 0x59, 0x7f]).count();
                let lines: Vec<_> = pixels.chunks_exact(usize::try_from(width).unwrap()).skip(20).collect();
                let longest = lines.iter().max_by_key(|pixels| line(pixels)).unwrap();
                let margin = if shape == CardShape::Wide { 64 } else { 72 };
                let whole = usize::try_from(width).unwrap() - 2 * margin;
                assert!(line(longest).abs_diff(whole * 3 / 4) <= 30, "{} of {whole}", line(longest));
                let first = longest.iter().position(|pixel| *pixel == [0x14, 0x59, 0x7f]).unwrap();
                assert_eq!(first < margin + 30, !is_rtl, "it begins at {first}");
            }
        }
    }

    #[test]
    fn where_not_all_results_fit_those_with_the_most_votes_are_shown() {
        let rows = |best: usize| {
            let row = |nth| row(&format!("الخيار {nth}"), "3%", if nth == best { 900 } else { 30 });
            drawn(&card(bars((0..32).map(row).collect()))).2
        };
        // Whichever of them it is, it stands first, and its bar is the longest.
        let line = |pixels: &[[u8; 3]]| {
            pixels
                .chunks_exact(1_200)
                .skip(20)
                .map(|line| line.iter().filter(|pixel| **pixel == [0xb3, 0x12, 0x2f]).count())
                .max()
        };
        assert_eq!(line(&rows(31)), line(&rows(0)));
        assert!(line(&rows(31)) > Some(900));
    }

    #[test]
    fn the_longest_poll_has_a_picture_of_less_than_300_kb() {
        let long = |said: &str, count: usize| text(&said.chars().cycle().take(count).collect::<String>());
        for shape in [CardShape::Wide, CardShape::Square] {
            let rows = (0..32)
                .map(|nth| CardRow { label: long("هل ترى القرار ", 200), ..row("", "3.1%", 300 - nth) });
            let card = Card {
                shape,
                site: long("صحيفة الراي ", 100),
                question: long("هل ترى أن القرار في مصلحة المستهلك ", 500),
                disclosure: vec![long("صاحب الاستطلاع وزارة التجارة ", 1_300), long("صاحب الاستطلاع ", 700)],
                ..card(bars(rows.collect()))
            };
            let bytes = draw(&card).unwrap().len();
            assert!((10_000..300_000).contains(&bytes), "{bytes}");
        }
    }

    #[test]
    fn whatever_differs_in_a_card_has_another_hash() {
        let one = card(bars(vec![row("نعم", "75%", 750), row("لا", "25%", 250)]));
        let others = [
            Card { shape: CardShape::Square, ..one.clone() },
            Card { accent: Rgb([0; 3]), ..one.clone() },
            Card { site: text("القبس"), ..one.clone() },
            Card { total: text("1,235 صوتًا"), ..one.clone() },
            Card { body: bars(vec![row("نعم", "76%", 760), row("لا", "24%", 240)]), ..one.clone() },
        ];
        let mut hashes: Vec<_> = others.iter().chain([&one]).map(|card| *card.hash().as_bytes()).collect();
        hashes.sort_unstable();
        hashes.dedup();
        assert_eq!(hashes.len(), 6);
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

        /// What `drawable` refuses as well: nothing may stop a replica.
        #[test]
        fn every_text_can_be_drawn(
            question in any::<String>(),
            labels in prop::collection::vec("\\PC{0,40}", 0..40),
            disclosure in prop::collection::vec(any::<String>(), 0..3),
            runs in prop::sample::select(vec![Runs::Auto, Runs::Ltr, Runs::Rtl]),
            is_rtl in any::<bool>(),
            kind in 0..4_usize,
        ) {
            let text = |text: &String| CardText { text: text.clone(), runs };
            let rows: Vec<_> = labels.iter().map(|label| CardRow { label: text(label), share: text(label), ..row("", "", 7) }).collect();
            let body = match kind {
                0 => bars(rows),
                1 => CardBody::Answers(CardRows { rows, more: Vec::new(), takes_one: false }),
                2 => CardBody::Columns { columns: rows, ends: [text(&question), CardText::default()] },
                _ => CardBody::Stars,
            };
            let card = Card {
                is_rtl,
                site: text(&question),
                hint: text(&question),
                question: text(&question),
                disclosure: disclosure.iter().map(text).collect(),
                ..card(body)
            };
            prop_assert!(draw(&card).is_ok());
        }
    }
}
