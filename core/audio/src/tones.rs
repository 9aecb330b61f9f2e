//! Tones: what a telephone network says without words (ITU-T E.180), and DTMF (ITU-T Q.23).
//!
//! A [`Tone`] is a few beats, each of up to two sines or of silence; [`ToneSource`] sounds it.
//! Hearing DTMF is in `dtmf`; sending it as events instead of sound (RFC 4733) in core/rtp.

use std::f64::consts::TAU;

use crate::Rate;
use crate::dtmf::frequencies_hz;

/// Beats of a tone, at most: two bursts and two pauses.
const BEATS_MAX: usize = 4;
/// Each sine of a call-progress tone, in dBFS.
const PROGRESS_DBFS: f32 = -19.0;
/// Each sine of a DTMF digit, in dBFS.
const DTMF_DBFS: f32 = -13.0;
/// A beat swells and dies away in this time, without a click.
const RAMP_MS: u32 = 2;

/// Whose tones.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Region {
    /// 425 Hz, in the cadence of Germany, which most of the continent is near to.
    Europe,
    /// The precise tone plan of North America.
    NorthAmerica,
    /// The United Kingdom.
    UnitedKingdom,
}

impl Region {
    /// By a country's code of two letters (ISO 3166), in either case; Europe for those not known.
    #[must_use]
    pub fn of_country(code: &str) -> Region {
        match code.to_ascii_uppercase().as_str() {
            "US" | "CA" => Region::NorthAmerica,
            "GB" | "UK" | "IM" | "JE" | "GG" => Region::UnitedKingdom,
            _ => Region::Europe,
        }
    }
}

/// One to four beats, once or for ever.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Tone {
    beats: [Beat; BEATS_MAX],
    /// Beats that count.
    count: usize,
    repeats: bool,
    /// Of each sine.
    level_dbfs: f32,
}

/// So long these frequencies sound; 0 Hz is none.
#[derive(Clone, Copy, PartialEq, Debug)]
struct Beat {
    hz: [f32; 2],
    ms: u32,
}

const fn on(hz: [f32; 2], ms: u32) -> Beat {
    Beat { hz, ms }
}

const fn off(ms: u32) -> Beat {
    Beat { hz: [0.0; 2], ms }
}

/// The length of a beat that never ends.
const FOR_EVER: u32 = u32::MAX;

impl Tone {
    /// Go ahead and dial.
    #[must_use]
    pub const fn dial(region: Region) -> Tone {
        match region {
            Region::Europe => Tone::progress([on([425.0, 0.0], FOR_EVER)]),
            Region::NorthAmerica | Region::UnitedKingdom => Tone::progress([on([350.0, 440.0], FOR_EVER)]),
        }
    }

    /// The far phone rings.
    #[must_use]
    pub const fn ringback(region: Region) -> Tone {
        match region {
            Region::Europe => Tone::progress([on([425.0, 0.0], 1_000), off(4_000)]),
            Region::NorthAmerica => Tone::progress([on([440.0, 480.0], 2_000), off(4_000)]),
            Region::UnitedKingdom => {
                Tone::progress([on([400.0, 450.0], 400), off(200), on([400.0, 450.0], 400), off(2_000)])
            }
        }
    }

    /// The far party is on another call.
    #[must_use]
    pub const fn busy(region: Region) -> Tone {
        match region {
            Region::Europe => Tone::progress([on([425.0, 0.0], 480), off(480)]),
            Region::NorthAmerica => Tone::progress([on([480.0, 620.0], 500), off(500)]),
            Region::UnitedKingdom => Tone::progress([on([400.0, 0.0], 375), off(375)]),
        }
    }

    /// The network cannot carry the call.
    #[must_use]
    pub const fn congestion(region: Region) -> Tone {
        match region {
            Region::Europe => Tone::progress([on([425.0, 0.0], 240), off(240)]),
            Region::NorthAmerica => Tone::progress([on([480.0, 620.0], 250), off(250)]),
            Region::UnitedKingdom => {
                Tone::progress([on([400.0, 0.0], 400), off(350), on([400.0, 0.0], 225), off(525)])
            }
        }
    }

    /// Three rising notes, the same everywhere: the call cannot be made as dialled.
    #[must_use]
    pub const fn special_information() -> Tone {
        Tone::progress([on([950.0, 0.0], 330), on([1_400.0, 0.0], 330), on([1_800.0, 0.0], 330), off(1_000)])
    }

    /// A digit, `0` to `9`, `*`, `#`, `A` to `D` in either case, for so long; `None` for anything else.
    #[must_use]
    pub fn dtmf(digit: char, ms: u32) -> Option<Tone> {
        let hz = frequencies_hz(digit)?;
        Some(Tone { repeats: false, level_dbfs: DTMF_DBFS, ..Tone::progress([on(hz, ms)]) })
    }

    /// One sine for ever; 0 dBFS is full scale.
    #[must_use]
    pub const fn sine(hz: f32, level_dbfs: f32) -> Tone {
        let tone = Tone::progress([on([hz, 0.0], FOR_EVER)]);
        Tone { level_dbfs, ..tone }
    }

    #[allow(clippy::indexing_slicing)] // the compiler sees to it that the beats have room
    const fn progress<const N: usize>(played: [Beat; N]) -> Tone {
        const { assert!(N <= BEATS_MAX) };
        let mut beats = [off(0); BEATS_MAX];
        let mut count = 0;
        while count < played.len() {
            beats[count] = played[count];
            count += 1;
        }
        Tone { beats, count, repeats: true, level_dbfs: PROGRESS_DBFS }
    }
}

/// Sounds a tone, piece by piece.
#[derive(Clone, Debug)]
pub struct ToneSource {
    tone: Tone,
    rate: Rate,
    /// Which beat, and how many samples of it have sounded.
    beat: usize,
    at: usize,
    sines: [Sine; 2],
}

impl ToneSource {
    /// From the tone's first beat.
    #[must_use]
    pub fn new(tone: Tone, rate: Rate) -> ToneSource {
        let mut source = ToneSource { tone, rate, beat: 0, at: 0, sines: [Sine::new(0.0, rate, 0.0); 2] };
        source.begin_beat();
        source
    }

    /// True if nothing of the tone is left.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.beat >= self.tone.count
    }

    /// Fills with what comes next; behind the tone's end with silence.
    pub fn fill(&mut self, samples: &mut [i16]) {
        for sample in samples {
            *sample = self.next();
        }
    }

    fn next(&mut self) -> i16 {
        let Some(beat) = self.beats().get(self.beat).copied() else { return 0 };
        let len = if beat.ms == FOR_EVER { usize::MAX } else { self.rate.samples(beat.ms) };
        let ramp = self.rate.samples(RAMP_MS);
        let swell = self.at.min(len - 1 - self.at.min(len - 1)).min(ramp) as f64 / ramp as f64;
        let sum: f64 = self.sines.iter_mut().map(Sine::next).sum();
        self.at = self.at.saturating_add(1);
        if self.at >= len {
            self.beat += 1;
            if self.beat >= self.tone.count && self.tone.repeats {
                self.beat = 0;
            }
            self.begin_beat();
        }
        (sum * swell).round() as i16
    }

    fn beats(&self) -> &[Beat] {
        self.tone.beats.get(..self.tone.count).unwrap_or_default()
    }

    /// Beats of no length are passed over.
    fn begin_beat(&mut self) {
        while self.beats().get(self.beat).is_some_and(|beat| beat.ms == 0) {
            self.beat += 1;
        }
        self.at = 0;
        let hz = self.beats().get(self.beat).map_or([0.0; 2], |beat| beat.hz);
        self.sines = hz.map(|hz| Sine::new(hz, self.rate, self.tone.level_dbfs));
    }
}

/// A sine by rotation: two products a sample, and no error to speak of within a day.
#[derive(Clone, Copy, Debug)]
struct Sine {
    now: (f64, f64),
    turn: (f64, f64),
}

impl Sine {
    fn new(hz: f32, rate: Rate, level_dbfs: f32) -> Sine {
        let (sin, cos) = (TAU * f64::from(hz) / f64::from(rate.hz())).sin_cos();
        let silent = hz <= 0.0;
        let amplitude = if silent { 0.0 } else { 32_767.0 * 10.0_f64.powf(f64::from(level_dbfs) / 20.0) };
        Sine { now: (amplitude, 0.0), turn: (cos, sin) }
    }

    fn next(&mut self) -> f64 {
        let ((re, im), (cos, sin)) = (self.now, self.turn);
        self.now = (re * cos - im * sin, re * sin + im * cos);
        im
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{level_dbov, tone_hz};

    fn sounded(tone: Tone, rate: Rate, ms: u32) -> Vec<i16> {
        let mut samples = vec![0; rate.samples(ms)];
        ToneSource::new(tone, rate).fill(&mut samples);
        samples
    }

    /// The lengths of sound and silence, in ms, in turns; sound comes first.
    fn cadence(samples: &[i16]) -> Vec<usize> {
        let loud: Vec<bool> = samples.chunks(8).map(|ms| level_dbov(ms) < 50).collect();
        loud.chunk_by(|a, b| a == b).map(<[bool]>::len).collect()
    }

    #[test]
    fn progress_tones_have_the_cadence_of_their_country() {
        let expected: [(Tone, &[usize]); 8] = [
            (Tone::ringback(Region::Europe), &[1_000, 4_000, 1_000]),
            (Tone::busy(Region::Europe), &[480, 480, 480]),
            (Tone::congestion(Region::Europe), &[240, 240, 240]),
            (Tone::ringback(Region::NorthAmerica), &[2_000, 4_000, 2_000]),
            (Tone::busy(Region::NorthAmerica), &[500, 500, 500]),
            (Tone::congestion(Region::NorthAmerica), &[250, 250, 250]),
            (Tone::ringback(Region::UnitedKingdom), &[400, 200, 400, 2_000, 400]),
            (Tone::congestion(Region::UnitedKingdom), &[400, 350, 225, 525, 400]),
        ];
        for (tone, beats) in expected {
            let heard = cadence(&sounded(tone, Rate::Hz8000, 20_000));
            for (heard, beat) in heard.iter().zip(beats) {
                assert!(heard.abs_diff(*beat) <= 4, "{tone:?}: {heard} ms for {beat}");
            }
            assert!(heard.len() >= beats.len());
        }
        for region in [Region::Europe, Region::NorthAmerica, Region::UnitedKingdom] {
            assert_eq!(cadence(&sounded(Tone::dial(region), Rate::Hz8000, 5_000)).len(), 1);
        }
    }

    #[test]
    fn single_tones_have_their_pitch_at_every_rate() {
        for rate in [Rate::Hz8000, Rate::Hz16000, Rate::Hz48000] {
            let heard = tone_hz(&sounded(Tone::dial(Region::Europe), rate, 1_000), rate.hz());
            assert!(heard.is_some_and(|(hz, _)| (hz - 425.0).abs() < 0.1), "{heard:?}");
            let (hz, level) = tone_hz(&sounded(Tone::sine(1_004.0, -10.0), rate, 1_000), rate.hz()).unwrap();
            assert!((hz - 1_004.0).abs() < 0.1 && (level + 10.0).abs() < 0.1, "{hz} Hz, {level} dB");
        }
        let notes = sounded(Tone::special_information(), Rate::Hz8000, 990);
        for (note, hz) in notes.chunks(8 * 330).zip([950.0, 1_400.0, 1_800.0]) {
            assert!(tone_hz(note, 8_000).is_some_and(|(heard, _)| (heard - hz).abs() < 2.0));
        }
    }

    #[test]
    fn a_digit_ends_and_a_beat_begins_and_ends_without_a_click() {
        let mut source = ToneSource::new(Tone::dtmf('5', 100).unwrap(), Rate::Hz8000);
        let mut samples = [0; 800];
        source.fill(&mut samples);
        assert!(source.is_over());
        assert!(samples[0] == 0 && samples[799].abs() < 500 && level_dbov(&samples) < 20);
        source.fill(&mut samples);
        assert_eq!(samples, [0; 800]);
        assert!(Tone::dtmf('x', 100).is_none());
        assert!(ToneSource::new(Tone::dtmf('1', 0).unwrap(), Rate::Hz8000).is_over());
    }

    #[test]
    fn a_tone_sounds_the_same_after_an_hour() {
        let mut source = ToneSource::new(Tone::sine(440.0, -6.0), Rate::Hz8000);
        let mut samples = vec![0; 8_000];
        (0..3_600).for_each(|_| source.fill(&mut samples));
        let (hz, level) = tone_hz(&samples, 8_000).unwrap();
        assert!((hz - 440.0).abs() < 0.1 && (level + 6.0).abs() < 0.1, "{hz} Hz, {level} dB");
    }

    #[test]
    fn countries_have_their_region() {
        assert_eq!(Region::of_country("de"), Region::Europe);
        assert_eq!(Region::of_country("US"), Region::NorthAmerica);
        assert_eq!(Region::of_country("gb"), Region::UnitedKingdom);
        assert_eq!(Region::of_country("?"), Region::Europe);
    }
}
