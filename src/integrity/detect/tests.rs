//! What the detectors' tests share.

// The simulation's too.
#[path = "../../../tests/bench/attack/dice.rs"]
mod dice;

pub(super) use dice::Dice;

impl Dice {
    /// A moment as whole milliseconds.
    #[expect(clippy::as_conversions, clippy::cast_possible_truncation, reason = "moments of some days")]
    pub(super) fn millis(at: f64) -> i64 {
        at as i64
    }

    pub(super) fn uniform(&mut self, from: f64, to: f64) -> f64 {
        from + self.unit() * (to - from)
    }
}
