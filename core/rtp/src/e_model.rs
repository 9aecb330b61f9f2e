//! The E-model (ITU-T G.107), simplified: what a call sounds like, of loss and delay alone.
//!
//! R = 93.2 - Id - Ie,eff, and the MOS follows from R. All else that G.107 knows (levels, echo, noise) is at its default,
//! of which 93.2 is the sum. Id is the approximation of Cole and Rosenbluth, "Voice over IP performance monitoring"
//! (ACM SIGCOMM Computer Communication Review 31:2, 2001). Loss is taken as random (BurstR = 1).
//!
//! It is the scale of narrowband telephony, on which even a perfect call has 4.4: values are good for comparing calls,
//! and say nothing of how much better a wideband codec sounds.

use std::time::Duration;

/// R of a call without impairment.
const R_BEST: f32 = 93.2;
/// From here on a conversation suffers.
const DELAY_KNEE_MS: f32 = 177.3;

/// What a codec does to speech, and how well it stands loss.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Impairment {
    /// Ie: without loss.
    pub ie: f32,
    /// Bpl: the higher, the less a loss is heard.
    pub bpl: f32,
}

impl Impairment {
    /// G.711 with loss concealment: ITU-T G.113 (11/2007), Appendix I, table I.4.
    pub const G711: Impairment = Impairment { ie: 0.0, bpl: 25.1 };
    /// G.711 with silence instead of what is lost: as above.
    pub const G711_UNCONCEALED: Impairment = Impairment { ie: 0.0, bpl: 4.3 };
    /// G.722 with loss concealment. G.113 rates it on the wideband scale only, where it impairs less than G.711 (Ie,wb
    /// 13 and 36): so it counts as G.711 here. An assumption.
    pub const G722: Impairment = Impairment { ie: 0.0, bpl: 25.1 };
    /// Opus at 24 kbit/s and more. There is no value of the ITU for it on this scale: it counts as G.711. An assumption.
    pub const OPUS: Impairment = Impairment { ie: 0.0, bpl: 25.1 };

    /// R, of the packets that are missing and the delay from mouth to ear.
    pub fn rating(self, loss_percent: f32, delay: Duration) -> f32 {
        let loss = loss_percent.clamp(0.0, 100.0);
        let ie_eff = self.ie + (95.0 - self.ie) * loss / (loss + self.bpl);
        let delay_ms = delay.as_secs_f32() * 1_000.0;
        let id = 0.024 * delay_ms + 0.11 * (delay_ms - DELAY_KNEE_MS).max(0.0);
        (R_BEST - id - ie_eff).max(0.0)
    }
}

/// The MOS of an R: 1 to 4.5 (G.107, Annex B).
pub fn mos(rating: f32) -> f32 {
    match rating {
        r if r <= 0.0 => 1.0,
        r if r >= 100.0 => 4.5,
        r => (1.0 + 0.035 * r + r * (r - 60.0) * (100.0 - r) * 7.0e-6).max(1.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn the_mos_of_ratings_as_in_g_107() {
        // G.107 (2003), table B.1: lower limits of R and their MOS.
        for (rating, expected) in [(90.0, 4.34), (80.0, 4.03), (70.0, 3.60), (60.0, 3.10), (50.0, 2.58)] {
            assert!((mos(rating) - expected).abs() < 0.008, "{rating}: {}", mos(rating));
        }
        assert_eq!((mos(0.0), mos(-5.0), mos(100.0), mos(120.0)), (1.0, 1.0, 4.5, 4.5));
        assert!((mos(R_BEST) - 4.41).abs() < 0.005);
        assert!(mos(3.0) >= 1.0);
    }

    #[test]
    fn loss_and_delay_impair() {
        let rating = Impairment::G711.rating(0.0, ms(0));
        assert!((rating - 93.2).abs() < 1e-4);
        // Ie,eff of 5 percent: 95 * 5 / 30.1.
        assert!((Impairment::G711.rating(5.0, ms(0)) - (93.2 - 475.0 / 30.1)).abs() < 1e-3);
        // Id of 100 ms and of 277.3 ms.
        assert!((Impairment::G711.rating(0.0, ms(100)) - 90.8).abs() < 1e-3);
        let late = Impairment::G711.rating(0.0, Duration::from_micros(277_300));
        assert!((late - (93.2 - 0.024 * 277.3 - 11.0)).abs() < 1e-3);
        assert!(Impairment::G711_UNCONCEALED.rating(5.0, ms(0)) < Impairment::G711.rating(5.0, ms(0)));
        assert_eq!(Impairment::G711.rating(100.0, ms(5_000)), 0.0);
    }
}
