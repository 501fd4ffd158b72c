//! The colours of a card.

use rustc_hash::FxHashMap;
use serde::Serialize;

/// A colour of sRGB: red, green, blue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
pub struct Rgb(pub [u8; 3]);

/// How many colours stand for the edge between two, where a pixel is partly covered.
const STEPS: u16 = 18;

impl Rgb {
    /// This with so many hundredths of another.
    fn mixed(self, other: Self, hundredths: u16) -> Self {
        let mut mixed = [0; 3];
        for (part, (one, other)) in mixed.iter_mut().zip(self.0.into_iter().zip(other.0)) {
            let sum = u16::from(one) * (100 - hundredths) + u16::from(other) * hundredths;
            *part = u8::try_from((sum + 50) / 100).unwrap_or(u8::MAX);
        }
        Self(mixed)
    }

    /// How different two colours are.
    fn distance(self, other: Self) -> u32 {
        self.0.into_iter().zip(other.0).map(|(one, other)| u32::from(one.abs_diff(other)).pow(2)).sum()
    }
}

/// What a card is drawn in.
#[derive(Debug, Clone, Copy)]
pub(super) struct Colours {
    /// Behind everything.
    pub(super) ground: Rgb,
    /// Of what is read first.
    pub(super) ink: Rgb,
    /// Of what is read last. Contrast with the ground is 6.
    pub(super) quiet: Rgb,
    /// Where a bar could be.
    pub(super) track: Rgb,
    /// Around answers.
    pub(super) frame: Rgb,
    /// The site's.
    pub(super) accent: Rgb,
    /// The same, of bars that do not lead.
    pub(super) soft: Rgb,
    /// The same, behind a few words. The accent can be read on it.
    pub(super) tint: Rgb,
}

impl Colours {
    pub(super) fn of(accent: Rgb) -> Self {
        let ground = Rgb([0xff, 0xff, 0xff]);
        Self {
            ground,
            ink: Rgb([0x15, 0x1a, 0x21]),
            quiet: Rgb([0x55, 0x60, 0x6e]),
            track: Rgb([0xe8, 0xec, 0xf0]),
            frame: Rgb([0xb9, 0xc3, 0xce]),
            accent,
            soft: ground.mixed(accent, 55),
            tint: ground.mixed(accent, 8),
        }
    }

    /// All that can stand in the picture: these colours, and the edges where one meets another.
    pub(super) fn palette(&self) -> Palette {
        let on_ground = [self.ink, self.quiet, self.track, self.frame, self.accent, self.soft, self.tint];
        let edges = on_ground.map(|colour| (self.ground, colour)).into_iter().chain([
            (self.track, self.accent),
            (self.track, self.soft),
            (self.tint, self.accent),
        ]);
        let mut colours = vec![self.ground];
        for (from, to) in edges {
            for step in 1..=STEPS {
                let colour = from.mixed(to, step * 100 / STEPS);
                if !colours.contains(&colour) {
                    colours.push(colour);
                }
            }
        }
        Palette { colours, known: FxHashMap::default() }
    }
}

/// The colours of a file: at most 256.
pub(super) struct Palette {
    pub(super) colours: Vec<Rgb>,
    known: FxHashMap<Rgb, u8>,
}

impl Palette {
    /// The number of the colour that is most like this one.
    pub(super) fn nearest(&mut self, colour: Rgb) -> u8 {
        let colours = &self.colours;
        *self.known.entry(colour).or_insert_with(|| {
            let numbered = (0..=u8::MAX).zip(colours);
            numbered.min_by_key(|(_, known)| known.distance(colour)).map_or(0, |(number, _)| number)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_palette_has_every_colour_as_it_is_and_no_more_than_a_file_can_name() {
        for accent in [[0; 3], [0xb3, 0x12, 0x2f], [0x76; 3], [0, 0, 0xff]] {
            let colours = Colours::of(Rgb(accent));
            let mut palette = colours.palette();
            assert!(palette.colours.len() <= 256, "{}", palette.colours.len());
            for colour in [colours.ground, colours.ink, colours.quiet, colours.track, colours.accent, colours.soft] {
                let number = palette.nearest(colour);
                assert_eq!(palette.colours[usize::from(number)], colour);
            }
        }
    }
}
