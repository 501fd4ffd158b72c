//! A code that a phone's camera reads as an address.

use std::fmt::Write as _;

use qrcode::{Color, EcLevel, QrCode};

/// The white around it, which readers of codes need, in modules.
const MARGIN: usize = 4;

/// The code of an address as SVG: dark on white in both themes, since some readers know no other. `None` of an address
/// that is too long for any.
pub fn qr_svg(address: &str) -> Option<String> {
    let code = QrCode::with_error_correction_level(address, EcLevel::M).ok()?;
    let width = code.width();
    let modules = code.to_colors();
    let side = width + 2 * MARGIN;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {side} {side}\" shape-rendering=\"crispEdges\">\
         <path fill=\"#fff\" d=\"M0 0h{side}v{side}H0z\"/><path d=\""
    );
    for (row, modules) in modules.chunks(width.max(1)).enumerate() {
        let mut column = 0;
        for run in modules.chunk_by(|one, other| one == other) {
            if run.first() == Some(&Color::Dark) {
                // Writing to a String can't fail.
                let _ = write!(svg, "M{} {}h{}v1h-{}z", column + MARGIN, row + MARGIN, run.len(), run.len());
            }
            column += run.len();
        }
    }
    svg.push_str("\"/></svg>");
    Some(svg)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_dark_on_white_whatever_the_theme_and_has_its_margin() {
        let svg = qr_svg("https://votes.example/embed/01932f6e-7c1a-7b60-8d5e-0b8f6a3c9d21").unwrap();
        // The first row of a code of version 5 begins with the seven modules of a finder pattern.
        assert!(svg.contains("viewBox=\"0 0 45 45\"") && svg.contains("d=\"M4 4h7v1h-7z"), "{svg}");
        assert!(svg.contains("fill=\"#fff\"") && !svg.contains("currentColor"), "{svg}");
        assert_eq!(qr_svg(&"x".repeat(5_000)), None);
    }
}
