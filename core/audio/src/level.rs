//! How loud: [`level_dbov`] as RFC 6464 carries it, and [`Activity`], which tells speech from the
//! noise of the room.

/// The level that stands for silence, digital or near enough.
pub const SILENCE_DBOV: u8 = 127;

/// The level in -dBov, 0 (overload) to 127 (silence): what RFC 6464 puts into a packet.
///
/// Overload is a square wave of full scale, so a sine of full scale is at 3.
// rfc6464 §3
#[must_use]
pub fn level_dbov(samples: &[i16]) -> u8 {
    let power = power(samples);
    if power == 0.0 {
        return SILENCE_DBOV;
    }
    // The cast saturates at 0; nothing is louder.
    (-10.0 * (power / 32_768.0_f64.powi(2)).log10()).round().min(f64::from(SILENCE_DBOV)) as u8
}

/// Mean square.
fn power(samples: &[i16]) -> f64 {
    let sum: u64 = samples.iter().map(|sample| u64::from(sample.unsigned_abs()).pow(2)).sum();
    sum as f64 / samples.len().max(1) as f64
}

/// Frames that still count as speech after the last loud one: ends of words are soft.
const HANGOVER_FRAMES: u8 = 15;
/// By how much speech is louder than the room, in dB.
const ABOVE_FLOOR_DB: f32 = 9.0;
/// What is louder than this is speech, whatever the room; what is softer than [`SOFTEST_DBOV`] never.
const LOUDEST_FLOOR_DBOV: f32 = -35.0;
const SOFTEST_DBOV: f32 = -65.0;

/// Tells speech from silence, frame by frame, by loudness over the noise of the room.
///
/// A simple detector, for a talker's mark, comfort noise and the ends of a recording; it does not
/// tell music or a barking dog from speech.
#[derive(Clone, Debug)]
pub struct Activity {
    /// The noise of the room, in dBov: falls at once, rises by 1.5 dB a second.
    floor_dbov: f32,
    hangover: u8,
}

impl Activity {
    /// It knows nothing of the room yet.
    #[must_use]
    pub const fn new() -> Activity {
        Activity { floor_dbov: LOUDEST_FLOOR_DBOV, hangover: 0 }
    }

    /// True if this frame is speech, or stands shortly after it.
    #[must_use]
    pub fn is_speech(&mut self, samples: &[i16]) -> bool {
        let level = -f32::from(level_dbov(samples));
        self.floor_dbov = level.min(self.floor_dbov + 0.03).min(LOUDEST_FLOOR_DBOV);
        if level > (self.floor_dbov + ABOVE_FLOOR_DB).max(SOFTEST_DBOV) {
            self.hangover = HANGOVER_FRAMES;
            return true;
        }
        let still = self.hangover > 0;
        self.hangover = self.hangover.saturating_sub(1);
        still
    }
}

impl Default for Activity {
    fn default() -> Activity {
        Activity::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Frame, Noise, Rate, Tone, ToneSource};

    #[test]
    fn levels_are_those_of_the_rfc() {
        // tests rfc6464 §3
        assert_eq!(level_dbov(&[]), 127);
        assert_eq!(level_dbov(&[0; 160]), 127);
        assert_eq!(level_dbov(&[i16::MIN; 160]), 0);
        assert_eq!(level_dbov(&[i16::MAX, i16::MIN]), 0);
        assert_eq!(level_dbov(&[1, 0, 0, 0, 0, 0, 0, 0]), 99);
        let mut samples = [0; 160];
        ToneSource::new(Tone::sine(1_000.0, 0.0), Rate::Hz8000).fill(&mut samples);
        assert_eq!(level_dbov(&samples[20..140]), 3);
    }

    #[test]
    fn speech_stands_out_of_the_noise_of_the_room() {
        let mut activity = Activity::new();
        let mut noise = Noise::new(7);
        let mut frame = Frame::silence(Rate::Hz8000);
        let mut heard = |activity: &mut Activity, dbov: u8| {
            noise.fill(dbov, &mut frame);
            activity.is_speech(&frame)
        };
        let quiet = (0..250).filter(|_| heard(&mut activity, 50)).count();
        assert!(quiet <= 15, "{quiet}");
        assert!((0..50).all(|_| heard(&mut activity, 25)));
        // 300 ms behind the last word still count.
        let after: Vec<bool> = (0..100).map(|_| heard(&mut activity, 50)).collect();
        assert!(after[..15].iter().all(|speech| *speech) && after[15..].iter().all(|speech| !speech));
    }

    #[test]
    fn silence_is_never_speech() {
        let mut activity = Activity::new();
        assert!((0..2_000).all(|_| !activity.is_speech(&[0; 160])));
        // Nor is what is hardly more.
        assert!(!activity.is_speech(&[9; 160]));
        assert!(activity.is_speech(&[3_000; 160]));
    }
}
