//! Comfort noise (RFC 3389): how loud the silence at the other end is, and perhaps how it sounds. Making it audible
//! is core/audio's.

/// A payload of comfort noise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ComfortNoise<'a> {
    /// In dBov without the sign: 0 is the loudest that there is, 127 nothing.
    pub level: u8,
    /// Reflection coefficients of an all-pole model, quantised; mostly none.
    pub coefficients: &'a [u8],
}

impl<'a> ComfortNoise<'a> {
    /// The static payload type, for a clock of 8 kHz.
    // rfc3389 §4
    pub const PAYLOAD_TYPE: u8 = 13;
    /// The quietest level.
    pub const LEVEL_MAX: u8 = 127;

    /// Reads a payload; `None` if it is empty.
    // rfc3389 §3.3, §3.1
    pub fn read(payload: &'a [u8]) -> Option<ComfortNoise<'a>> {
        let (level, coefficients) = payload.split_first()?;
        Some(ComfortNoise { level: level & Self::LEVEL_MAX, coefficients })
    }

    /// The payload of a level alone.
    // rfc3389 §3.3
    pub fn of_level(level: u8) -> [u8; 1] {
        [level.min(Self::LEVEL_MAX)]
    }

    /// The reflection coefficients, each between -1 and 1; the reserved value counts as 0.
    // rfc3389 §3.2
    pub fn reflections(&self) -> impl Iterator<Item = f32> + 'a {
        self.coefficients.iter().map(|index| match index {
            255 => 0.0,
            index => 258.0 * (f32::from(*index) - 127.0) / 32_768.0,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_level_and_how_it_sounds() {
        // tests rfc3389 §3.1, §3.2, §3.3
        let noise = ComfortNoise::read(&[0xC0, 127, 254, 0, 255]).unwrap();
        assert_eq!(noise.level, 64);
        let reflections: Vec<f32> = noise.reflections().collect();
        assert_eq!((reflections[0], reflections[3]), (0.0, 0.0));
        assert!((reflections[1] - 0.99994).abs() < 1e-4 && (reflections[2] + 0.99994).abs() < 1e-4);
        assert_eq!(ComfortNoise::read(&[]), None);
        assert_eq!(ComfortNoise::of_level(200), [127]);
    }
}
