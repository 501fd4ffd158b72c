//! A card that is being laid out: what is drawn so far.

use parley::Layout;

use super::{
    CardText,
    palette::{Colours, Rgb},
    text::{Block, TextStyle, Typesetter},
};

/// What is drawn, what lies behind first.
pub(super) struct Scene {
    pub(super) size: (u16, u16),
    pub(super) colours: Colours,
    pub(super) drawn: Vec<Drawn>,
}

/// An outline in a colour.
pub(super) struct Drawn {
    pub(super) outline: Outline,
    pub(super) colour: Rgb,
}

/// What can be drawn.
pub(super) enum Outline {
    /// A box with round corners.
    Box {
        left: f32,
        top: f32,
        width: f32,
        height: f32,
        round: f32,
    },
    /// The line around one.
    Frame {
        left: f32,
        top: f32,
        width: f32,
        height: f32,
        round: f32,
        thickness: f32,
    },
    /// So many percent of a star: none, half or all.
    Star {
        left: f32,
        top: f32,
        size: f32,
        full: u64,
        is_rtl: bool,
    },
    Text {
        left: f32,
        top: f32,
        layout: Box<Layout<()>>,
    },
}

/// A card that is being laid out.
pub(super) struct Sheet {
    pub(super) width: f32,
    pub(super) margin: f32,
    pub(super) is_rtl: bool,
    pub(super) colours: Colours,
    pub(super) setter: Typesetter,
    pub(super) drawn: Vec<Drawn>,
}

impl Sheet {
    /// How wide what stands between the margins may be.
    pub(super) fn room(&self) -> f32 {
        self.width - 2.0 * self.margin
    }

    /// The left side of what is so wide and begins so far from where lines begin.
    fn left(&self, start: f32, width: f32) -> f32 {
        if self.is_rtl { self.width - start - width } else { start }
    }

    /// A filled box: where it begins, its top, width and height.
    pub(super) fn put_box(&mut self, [start, top, width, height]: [f32; 4], round: f32, colour: Rgb) {
        let outline = Outline::Box { left: self.left(start, width), top, width, height, round };
        self.drawn.push(Drawn { outline, colour });
    }

    /// The line around a box; it lies within the box.
    pub(super) fn put_frame(&mut self, [start, top, width, height]: [f32; 4], round: f32, colour: Rgb) {
        const THICKNESS: f32 = 2.0;
        let (half, both) = (THICKNESS / 2.0, THICKNESS);
        let outline = Outline::Frame {
            left: self.left(start, width) + half,
            top: top + half,
            width: width - both,
            height: height - both,
            round: round - half,
            thickness: THICKNESS,
        };
        self.drawn.push(Drawn { outline, colour });
    }

    /// A star, of which so many percent are full.
    pub(super) fn put_star(&mut self, [start, top, size]: [f32; 3], full: u64, colour: Rgb) {
        let outline = Outline::Star { left: self.left(start, size), top, size, full, is_rtl: self.is_rtl };
        self.drawn.push(Drawn { outline, colour });
    }

    /// A text, whose lines begin here.
    pub(super) fn put_text(&mut self, block: Block, start: f32, top: f32, colour: Rgb) {
        let outline = Outline::Text { left: self.left(start, block.room), top, layout: block.layout };
        self.drawn.push(Drawn { outline, colour });
    }

    /// A few words with a ground of their own, beginning here in the middle of this height; how wide they are.
    pub(super) fn put_mark(&mut self, text: &CardText, size: f32, start: f32, middle: f32) -> f32 {
        let block = self.setter.set_line(text, TextStyle::bold(size));
        let (inside, height) = (size * 0.7, (size * 1.75).round());
        let (width, text_height) = (block.width + 2.0 * inside, block.height);
        let (tint, accent) = (self.colours.tint, self.colours.accent);
        self.put_box([start, middle - height / 2.0, width, height], height / 2.0, tint);
        self.put_text(block, start + inside, (middle - text_height / 2.0).round(), accent);
        width
    }

    /// How wide such words will be.
    pub(super) fn mark_width(&mut self, text: &CardText, size: f32) -> f32 {
        if text.text.is_empty() { 0.0 } else { self.setter.set_line(text, TextStyle::bold(size)).width + size * 1.4 }
    }
}
