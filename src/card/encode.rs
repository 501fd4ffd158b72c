//! A picture's file.

use png::{BitDepth, ColorType, DeflateCompression, Encoder, Filter};

use super::{
    DrawError,
    paint::Pixels,
    palette::{Palette, Rgb},
};

/// How much is done for a smaller file, of 9. More takes a half longer, for a thirtieth.
const EFFORT: u8 = 4;

/// Writes pixels as a PNG in which each is the number of its colour.
pub(super) fn encode(pixels: &Pixels, mut palette: Palette) -> Result<Vec<u8>, DrawError> {
    let (width, height) = pixels.size();
    let mut indexed = Vec::with_capacity(usize::from(width) * usize::from(height));
    // Nearly always a pixel is like the one before.
    let mut last = (palette.nearest(Rgb([0xff; 3])), Rgb([0xff; 3]));
    for colour in pixels.colours() {
        if colour != last.1 {
            last = (palette.nearest(colour), colour);
        }
        indexed.push(last.0);
    }
    let mut file = Vec::with_capacity(32 * 1024);
    let mut encoder = Encoder::new(&mut file, width.into(), height.into());
    encoder.set_color(ColorType::Indexed);
    encoder.set_depth(BitDepth::Eight);
    encoder.set_palette(palette.colours.iter().flat_map(|colour| colour.0).collect::<Vec<u8>>());
    encoder.set_deflate_compression(DeflateCompression::Level(EFFORT));
    // Numbers of colours have no differences that mean anything.
    encoder.set_filter(Filter::NoFilter);
    let mut writer = encoder.write_header()?;
    writer.write_image_data(&indexed)?;
    writer.finish()?;
    Ok(file)
}
