//! Pixels.

use skrifa::{
    FontRef, GlyphId, MetadataProvider as _,
    instance::{LocationRef, Size},
    outline::{DrawSettings, OutlinePen},
};
use tiny_skia::{FillRule, Paint, Path, PathBuilder, Pixmap, Rect, Stroke, Transform};

use parley::{Layout, PositionedLayoutItem};

use super::sheet::{Drawn, Outline, Scene};
use super::{DrawError, palette::Rgb};

/// A picture that is drawn.
pub(super) struct Pixels(Pixmap, (u16, u16));

impl Pixels {
    pub(super) fn size(&self) -> (u16, u16) {
        self.1
    }

    /// From the top left, line by line.
    pub(super) fn colours(&self) -> impl Iterator<Item = Rgb> {
        // Everything is opaque.
        self.0.pixels().iter().map(|pixel| Rgb([pixel.red(), pixel.green(), pixel.blue()]))
    }
}

/// Draws a scene, what comes first behind what comes later.
pub(super) fn paint(scene: &Scene) -> Result<Pixels, DrawError> {
    let (width, height) = scene.size;
    let mut pixmap = Pixmap::new(width.into(), height.into()).ok_or(DrawError::Size(width, height))?;
    let Rgb([red, green, blue]) = scene.colours.ground;
    pixmap.fill(tiny_skia::Color::from_rgba8(red, green, blue, u8::MAX));
    for Drawn { outline, colour } in &scene.drawn {
        let Some(path) = path_of(outline) else { continue };
        let mut paint = Paint { anti_alias: true, ..Paint::default() };
        let Rgb([red, green, blue]) = *colour;
        paint.set_color_rgba8(red, green, blue, u8::MAX);
        match outline {
            Outline::Frame { thickness, .. } => {
                let stroke = Stroke { width: *thickness, ..Stroke::default() };
                pixmap.stroke_path(&path, &paint, &stroke, Transform::identity(), None);
            }
            Outline::Box { .. } | Outline::Star { .. } | Outline::Text { .. } => {
                pixmap.fill_path(&path, &paint, FillRule::Winding, Transform::identity(), None);
            }
        }
    }
    Ok(Pixels(pixmap, scene.size))
}

/// The path of an outline; `None` of one that has no area.
fn path_of(outline: &Outline) -> Option<Path> {
    match outline {
        Outline::Box { left, top, width, height, round } | Outline::Frame { left, top, width, height, round, .. } => {
            rounded([*left, *top, *width, *height], *round)
        }
        Outline::Star { left, top, size, full, is_rtl } => star([*left, *top, *size], *full, *is_rtl),
        Outline::Text { left, top, layout } => letters(layout, *left, *top),
    }
}

/// A box with round corners.
fn rounded([left, top, width, height]: [f32; 4], round: f32) -> Option<Path> {
    let round = round.min(width / 2.0).min(height / 2.0);
    if round <= 0.0 {
        return Some(PathBuilder::from_rect(Rect::from_xywh(left, top, width, height)?));
    }
    // How far from its end a cubic curve's handle lies, for a quarter of a circle.
    let near = round * (1.0 - 0.552_284_8);
    let (right, bottom) = (left + width, top + height);
    let mut path = PathBuilder::new();
    path.move_to(left + round, top);
    path.line_to(right - round, top);
    path.cubic_to(right - near, top, right, top + near, right, top + round);
    path.line_to(right, bottom - round);
    path.cubic_to(right, bottom - near, right - near, bottom, right - round, bottom);
    path.line_to(left + round, bottom);
    path.cubic_to(left + near, bottom, left, bottom - near, left, bottom - round);
    path.line_to(left, top + round);
    path.cubic_to(left, top + near, left + near, top, left + round, top);
    path.close();
    path.finish()
}

/// The points of a star in a square of 1, clockwise from the top; each comes before a corner between two points.
const STAR: [(f32, f32); 10] = [
    (0.5, 0.025),
    (0.641, 0.330),
    (0.976, 0.370),
    (0.728, 0.599),
    (0.794, 0.930),
    (0.5, 0.765),
    (0.206, 0.930),
    (0.272, 0.599),
    (0.024, 0.370),
    (0.359, 0.330),
];

/// A star, or the half of it that is full first.
fn star([left, top, size]: [f32; 3], full: u64, is_rtl: bool) -> Option<Path> {
    let half = |right: bool| STAR.iter().filter(move |(x, _)| if right { *x >= 0.5 } else { *x <= 0.5 });
    let points: Vec<_> = match full {
        0 => return None,
        100.. => STAR.iter().collect(),
        // The points of the left half begin and end in the middle, too, once they are in their order.
        _ if is_rtl => half(true).collect(),
        _ => half(false).collect(),
    };
    let mut path = PathBuilder::new();
    for (nth, (x, y)) in points.into_iter().enumerate() {
        let (x, y) = (left + x * size, top + y * size);
        if nth == 0 { path.move_to(x, y) } else { path.line_to(x, y) }
    }
    path.close();
    path.finish()
}

/// The outlines of all letters of a text.
fn letters(layout: &Layout<()>, left: f32, top: f32) -> Option<Path> {
    let mut pen = Pen { path: PathBuilder::new(), left: 0.0, baseline: 0.0 };
    for item in layout.lines().flat_map(|line| line.items().collect::<Vec<_>>()) {
        let PositionedLayoutItem::GlyphRun(run) = item else { continue };
        let font = run.run().font();
        let Ok(face) = FontRef::from_index(font.data.as_ref(), font.index) else { continue };
        let outlines = face.outline_glyphs();
        let size = Size::new(run.run().font_size());
        for glyph in run.positioned_glyphs() {
            let Some(outline) = outlines.get(GlyphId::new(glyph.id)) else { continue };
            (pen.left, pen.baseline) = (left + glyph.x, top + glyph.y);
            // A glyph that can't be drawn is left out.
            let _ = outline.draw(DrawSettings::unhinted(size, LocationRef::default()), &mut pen);
        }
    }
    pen.path.finish()
}

/// Turns outlines, whose y grows upwards, into a path.
struct Pen {
    path: PathBuilder,
    left: f32,
    baseline: f32,
}

impl OutlinePen for Pen {
    fn move_to(&mut self, x: f32, y: f32) {
        self.path.move_to(self.left + x, self.baseline - y);
    }

    fn line_to(&mut self, x: f32, y: f32) {
        self.path.line_to(self.left + x, self.baseline - y);
    }

    fn quad_to(&mut self, cx0: f32, cy0: f32, x: f32, y: f32) {
        self.path.quad_to(self.left + cx0, self.baseline - cy0, self.left + x, self.baseline - y);
    }

    fn curve_to(&mut self, cx0: f32, cy0: f32, cx1: f32, cy1: f32, x: f32, y: f32) {
        let (left, base) = (self.left, self.baseline);
        self.path.cubic_to(left + cx0, base - cy0, left + cx1, base - cy1, left + x, base - y);
    }

    fn close(&mut self) {
        self.path.close();
    }
}
