//! Lines of text, in both directions.
//!
//! The direction is always said: left to itself, a question that begins with a Latin name would run from left to right.
//! What comes before an ellipsis is found by trying, since how wide a text is depends on all its letters.

use parley::{
    Alignment, AlignmentOptions, BaseDirection, FontContext, FontFamilyName, FontWeight, Layout, LayoutContext,
    LineHeight, OverflowWrap, StyleProperty,
};
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
        Self { line: (self.size * 1.3).round(), ..self }
    }
}

/// A text that is set.
pub(super) struct Block {
    /// Boxed: keeps what holds it small.
    pub(super) layout: Box<Layout<()>>,
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
}

const ELLIPSIS: char = '…';

impl Typesetter {
    pub(super) fn new(is_rtl: bool) -> Self {
        Self { fonts: faces::fonts(), layouts: LayoutContext::new(), is_rtl }
    }

    /// A text in one line, however long that is.
    pub(super) fn set_line(&mut self, text: &CardText, style: TextStyle) -> Block {
        self.set(&text.text, text.runs, style, f32::MAX)
    }

    /// A text in lines of this width, and no more than so many of them.
    pub(super) fn fit(&mut self, text: &CardText, style: TextStyle, width: f32, most_lines: usize) -> Block {
        let block = self.set(&text.text, text.runs, style, width);
        if block.lines <= most_lines {
            return block;
        }
        // Lines lie within the text, and end between characters.
        let end = block.layout.get(most_lines.saturating_sub(1)).map_or(0, |line| line.text_range().end);
        let mut shorter = text.text.get(..end).unwrap_or_default();
        loop {
            // After a mark an ellipsis looks like a fault.
            shorter = shorter.trim_end_matches(|last: char| last.is_whitespace() || ",;:.،؛".contains(last));
            let cut = self.set(&format!("{shorter}{ELLIPSIS}"), text.runs, style, width);
            if cut.lines <= most_lines || shorter.is_empty() {
                return Block { is_cut: true, ..cut };
            }
            let last = shorter.grapheme_indices(true).next_back();
            shorter = last.and_then(|(start, _)| shorter.get(..start)).unwrap_or_default();
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
        builder.push_default(OverflowWrap::Anywhere);
        let mut layout = builder.build(text);
        layout.break_all_lines((width < f32::MAX).then_some(width));
        layout.align(if self.is_rtl { Alignment::Right } else { Alignment::Left }, AlignmentOptions::default());
        Block {
            width: layout.width(),
            height: layout.height(),
            lines: layout.len(),
            is_cut: false,
            layout: Box::new(layout),
        }
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

    /// What `HarfBuzz` makes of them, by uharfbuzz 0.56.
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
