//! Lines of text, in both directions.
//!
//! The direction is always said: left to itself, a question that begins with a Latin name would run from left to right.
//! What comes before an ellipsis is found by trying, since how wide a text is depends on all its letters.

use parley::{
    Alignment, AlignmentOptions, BaseDirection, FontContext, FontFamilyName, FontWeight, Layout, LayoutContext,
    LineHeight, OverflowWrap, StyleProperty,
};
use rustc_hash::FxHashMap;
use unicode_segmentation::UnicodeSegmentation;

use super::{CardText, Runs, faces};

/// How a text is set.
#[derive(Debug, Clone, Copy)]
pub(super) struct TextStyle {
    /// In pixels.
    pub(super) size: f32,
    /// From one line to the next, in pixels.
    pub(super) line: f32,
    pub(super) is_bold: bool,
}

impl TextStyle {
    pub(super) fn regular(size: f32) -> Self {
        Self { size, line: (size * 1.45).round(), is_bold: false }
    }

    pub(super) fn bold(size: f32) -> Self {
        Self { is_bold: true, ..Self::regular(size) }
    }

    /// The same with lines closer to each other: for a text that has few.
    pub(super) fn close(self) -> Self {
        Self { line: (self.size * 1.32).round(), ..self }
    }
}

/// A text that is set.
#[derive(Clone)]
pub(super) struct Block {
    /// Boxed: keeps what holds it small.
    pub(super) layout: Box<Layout<()>>,
    /// How wide its lines might be: they begin at one side of that.
    pub(super) room: f32,
    /// How wide the longest is.
    pub(super) width: f32,
    pub(super) height: f32,
    pub(super) lines: usize,
    /// Whether something of it is missing, and an ellipsis stands for it.
    pub(super) is_cut: bool,
}

/// What sets texts.
pub(super) struct Typesetter {
    fonts: FontContext,
    layouts: LayoutContext<()>,
    /// Whether lines begin at the right, whatever way they run.
    is_rtl: bool,
    /// What was set: to find what fits, the same texts are tried with each other again and again.
    known: FxHashMap<SetText, Block>,
}

/// A text as it was to be set: its size, width and most lines.
#[derive(PartialEq, Eq, Hash)]
struct SetText {
    text: String,
    runs: Runs,
    is_bold: bool,
    lengths: [u32; 3],
    most_lines: usize,
}

const ELLIPSIS: char = '…';

impl Typesetter {
    pub(super) fn new(is_rtl: bool) -> Self {
        Self { fonts: faces::fonts(), layouts: LayoutContext::new(), is_rtl, known: FxHashMap::default() }
    }

    /// A text in one line, however long that is.
    pub(super) fn set_line(&mut self, text: &CardText, style: TextStyle) -> Block {
        self.fit(text, style, f32::MAX, 1)
    }

    /// A text in lines of this width, and no more than so many of them.
    pub(super) fn fit(&mut self, text: &CardText, style: TextStyle, width: f32, most_lines: usize) -> Block {
        let key = SetText {
            text: text.text.clone(),
            runs: text.runs,
            is_bold: style.is_bold,
            lengths: [style.size, style.line, width].map(f32::to_bits),
            most_lines,
        };
        if let Some(known) = self.known.get(&key) {
            return known.clone();
        }
        let block = self.set_within(text, style, width, most_lines);
        self.known.insert(key, block.clone());
        block
    }

    fn set_within(&mut self, text: &CardText, style: TextStyle, width: f32, most_lines: usize) -> Block {
        let block = self.set(&text.text, text.runs, style, width);
        if block.lines <= most_lines {
            return block;
        }
        // Lines lie within the text, and end between characters.
        let end = block.layout.get(most_lines.saturating_sub(1)).map_or(0, |line| line.text_range().end);
        let mut shorter = text.text.get(..end).unwrap_or_default();
        loop {
            // After a mark an ellipsis looks like a fault.
            shorter = shorter.trim_end_matches(|last: char| last.is_whitespace() || ",;:.-–،؛".contains(last));
            let cut = self.set(&format!("{shorter}{ELLIPSIS}"), text.runs, style, width);
            if cut.lines <= most_lines || shorter.is_empty() {
                return Block { is_cut: true, ..cut };
            }
            let last = shorter.grapheme_indices(true).next_back();
            shorter = last.and_then(|(start, _)| shorter.get(..start)).unwrap_or_default();
        }
    }

    /// The same, in lines that are about as long as one another: a last line of one word looks like a fault.
    pub(super) fn fit_evenly(&mut self, text: &CardText, style: TextStyle, width: f32, most_lines: usize) -> Block {
        let mut block = self.fit(text, style, width, most_lines);
        if block.is_cut || block.lines < 2 {
            return block;
        }
        // Between a width that may be too little and one that is enough. No word is broken for it.
        let longest_word = block.layout.calculate_content_widths().min;
        let (mut less, mut enough) = (longest_word.clamp(width / 2.0, width), width);
        for _ in 0..6 {
            let between = f32::midpoint(less, enough);
            block.layout.break_all_lines(Some(between));
            if block.layout.len() > block.lines { less = between } else { enough = between }
        }
        block.layout.break_all_lines(Some(enough));
        self.align(&mut block.layout);
        Block {
            room: enough,
            width: block.layout.width(),
            height: block.layout.height(),
            lines: block.layout.len(),
            ..block
        }
    }

    fn set(&mut self, text: &str, runs: Runs, style: TextStyle, width: f32) -> Block {
        let mut builder = self.layouts.ranged_builder(&mut self.fonts, text, 1.0, true);
        builder.set_base_direction(match runs {
            Runs::Auto => BaseDirection::Auto,
            Runs::Ltr => BaseDirection::Ltr,
            Runs::Rtl => BaseDirection::Rtl,
        });
        builder.push_default(FontFamilyName::named(faces::FAMILY));
        builder.push_default(StyleProperty::FontSize(style.size));
        builder.push_default(LineHeight::Absolute(style.line));
        builder.push_default(FontWeight::new(if style.is_bold { 700.0 } else { 400.0 }));
        // A word longer than a line goes on in the next.
        builder.push_default(OverflowWrap::BreakWord);
        let mut layout = builder.build(text);
        layout.break_all_lines((width < f32::MAX).then_some(width));
        self.align(&mut layout);
        Block {
            room: if width < f32::MAX { width } else { layout.width() },
            width: layout.width(),
            height: layout.height(),
            lines: layout.len(),
            is_cut: false,
            layout: Box::new(layout),
        }
    }

    fn align(&self, layout: &mut Layout<()>) {
        layout.align(if self.is_rtl { Alignment::Right } else { Alignment::Left }, AlignmentOptions::default());
    }
}

#[cfg(test)]
mod tests {
    use parley::PositionedLayoutItem;

    use super::*;

    fn text(text: &str, runs: Runs) -> CardText {
        CardText { text: text.to_owned(), runs }
    }

    /// The ids of a text's glyphs, from left to right, and how wide they are, in units of the font.
    fn glyphs(typesetter: &mut Typesetter, text: &CardText, is_bold: bool) -> (Vec<u32>, f32) {
        let style = TextStyle { is_bold, ..TextStyle::regular(2_048.0) };
        let block = typesetter.set_line(text, style);
        let mut ids = Vec::new();
        for line in block.layout.lines() {
            for item in line.items() {
                if let PositionedLayoutItem::GlyphRun(run) = item {
                    ids.extend(run.positioned_glyphs().map(|glyph| glyph.id));
                }
            }
        }
        (ids, block.width)
    }

    /// What `HarfBuzz` makes of them, by uharfbuzz 0.57.
    #[test]
    fn letters_are_joined_as_harfbuzz_joins_them() {
        let mut typesetter = Typesetter::new(true);
        let question = text("هل تتوقع حل مجلس الأمة قبل نهاية دور الانعقاد الحالي، أم بعدها؟", Runs::Rtl);
        let (ids, width) = glyphs(&mut typesetter, &question, true);
        let shaped = [
            674, 1173, 1276, 1209, 1243, 1176, 592, 718, 677, 592, 667, 1284, 1262, 1173, 1203, 1262, 681, 592, 689,
            1173, 1255, 1243, 1272, 1301, 681, 592, 691, 721, 689, 592, 1183, 1285, 1173, 1277, 1272, 592, 1261, 1179,
            1254, 592, 1183, 1266, 1297, 681, 592, 1217, 1263, 1199, 1266, 592, 1261, 1202, 592, 1241, 1254, 1280,
            1188, 1187, 592, 1261, 1276,
        ];
        assert_eq!((ids.as_slice(), width), (&shaped[..], 54_622.0));
        let marked = text("لا إله إلا الله محمد، والسؤال: أيُّ الأمرين أهمّ؟", Runs::Rtl);
        let (ids, width) = glyphs(&mut typesetter, &marked, true);
        assert_eq!((ids.len(), width), (42, 36_740.0));
        let (ids, width) = glyphs(&mut typesetter, &text("difficult office", Runs::Ltr), false);
        assert_eq!(
            (ids.as_slice(), width),
            (&[368, 455, 410, 352, 619, 472, 597, 592, 510, 410, 352, 381][..], 12_394.0)
        );
    }

    #[test]
    fn a_name_at_the_beginning_does_not_turn_an_arabic_question_around() {
        let mut typesetter = Typesetter::new(true);
        let question = text("iPhone أم Galaxy؟", Runs::Rtl);
        let (ids, _) = glyphs(&mut typesetter, &question, false);
        let (name, _) = glyphs(&mut typesetter, &text("iPhone", Runs::Ltr), false);
        assert!(ids.ends_with(&name), "the first word stands at the right: {ids:?}");
        let (share, _) = glyphs(&mut typesetter, &text("63.2%", Runs::Rtl), false);
        assert_eq!(share, glyphs(&mut typesetter, &text("63.2%", Runs::Ltr), false).0, "the sign stays at the right");
    }

    #[test]
    fn a_question_does_not_end_in_a_line_of_one_word() {
        let mut typesetter = Typesetter::new(true);
        let (style, question) = (TextStyle::bold(88.0), text("هل تتوقع حل مجلس الأمة؟", Runs::Rtl));
        let last_width = |block: &Block| block.layout.lines().last().map_or(0.0, |line| line.metrics().advance);
        let (greedy, even) =
            (typesetter.fit(&question, style, 936.0, 3), typesetter.fit_evenly(&question, style, 936.0, 3));
        assert_eq!((greedy.lines, even.lines), (2, 2));
        assert!(last_width(&greedy) < greedy.width / 2.0 && last_width(&even) > even.width * 0.8);
    }

    #[test]
    fn a_text_that_does_not_fit_ends_in_an_ellipsis_within_its_lines() {
        let mut typesetter = Typesetter::new(true);
        let style = TextStyle::bold(40.0);
        for (said, runs) in
            [("هل تتوقع حل مجلس الأمة، ", Runs::Rtl), ("Should it be rebuilt? ", Runs::Ltr), ("x", Runs::Auto)]
        {
            let long = text(&said.repeat(150), runs);
            for lines in 1..4 {
                let block = typesetter.fit(&long, style, 700.0, lines);
                assert!(block.is_cut && block.lines == lines && block.width <= 700.0, "{said}");
            }
            assert!(!typesetter.fit(&text(said.trim(), runs), style, 700.0, 1).is_cut);
        }
    }
}
