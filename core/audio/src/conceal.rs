//! [`Concealer`]: what is played for a packet that did not come.
//!
//! The voice before the gap goes on as it was ([`extrapolate`]), ever softer, and what comes behind
//! the gap is faded in. Where that is known already, because a jitter buffer holds it while the gap
//! is played, the voice behind is also led backwards into the gap and both are blended: a lost
//! beginning or end of a word is then heard, and no seam is left. Done for any codec of samples at
//! any rate, in the spirit of G.711 Appendix I but without its delay.
//!
//! Not here: which packet is missing and for how long (the jitter buffer, core/rtp), and what Opus
//! knows of its own lost packets.

mod extrapolate;

use crate::Rate;
use extrapolate::{Extrapolation, PERIOD_MAX_MS, WINDOW_MS};

/// The voice is made up for so long and gets softer all the while.
const FADE_MS: u32 = 66;
/// What comes behind a gap is faded in during this.
const RETURN_MS: u32 = 4;

/// Conceals the gaps of one stream.
#[derive(Clone, Debug)]
pub struct Concealer {
    rate: Rate,
    /// The newest samples played, whether they were received or made up.
    history: Vec<f32>,
    forward: Extrapolation,
    backward: Extrapolation,
    /// Samples made up since the last one received.
    made: usize,
    /// What was made up leads right into what comes next.
    leads_on: bool,
}

impl Concealer {
    /// For sound of this rate, of which nothing was heard yet.
    #[must_use]
    pub fn new(rate: Rate) -> Concealer {
        let extrapolation = Extrapolation::new(rate, rate.samples(FADE_MS + RETURN_MS));
        Concealer {
            rate,
            history: vec![0.0; rate.samples(WINDOW_MS + PERIOD_MAX_MS)],
            backward: extrapolation.clone(),
            forward: extrapolation,
            made: 0,
            leads_on: false,
        }
    }

    /// Takes in samples that came, before they are played. Behind a gap their beginning is changed.
    pub fn receive(&mut self, samples: &mut [i16]) {
        if self.made > 0 && !self.leads_on {
            let len = self.rate.samples(RETURN_MS);
            for (n, sample) in samples.iter_mut().take(len).enumerate() {
                let share = (n as f32 + 0.5) / len as f32;
                *sample = (f32::from(*sample) * share + self.fading() * (1.0 - share)) as i16;
            }
        }
        self.made = 0;
        self.leads_on = false;
        self.remember(samples);
    }

    /// Makes up samples for a gap. `next` are those right behind it, if they are there already;
    /// [`Self::receive`] takes them in afterwards as ever.
    pub fn conceal(&mut self, samples: &mut [i16], next: Option<&[i16]>) {
        if self.made == 0 {
            self.forward.start(self.history.iter().copied());
        }
        self.leads_on = next.is_some_and(|next| {
            let longest = self.rate.samples(WINDOW_MS + PERIOD_MAX_MS);
            self.backward.start(next.iter().take(longest).rev().map(|sample| f32::from(*sample)))
        });
        if self.leads_on {
            self.bridge(samples);
        } else {
            samples.iter_mut().for_each(|sample| *sample = self.fading() as i16);
        }
        self.remember(samples);
    }

    /// From what was to what comes.
    fn bridge(&mut self, samples: &mut [i16]) {
        samples.iter_mut().rev().for_each(|sample| *sample = self.backward.next() as i16);
        let len = samples.len() as f32;
        for (n, sample) in samples.iter_mut().enumerate() {
            let share = (n as f32 + 0.5) / len;
            *sample = (f32::from(*sample) * share + self.fading() * (1.0 - share)) as i16;
        }
    }

    /// The voice before the gap, one sample further.
    fn fading(&mut self) -> f32 {
        let left = self.rate.samples(FADE_MS).saturating_sub(self.made);
        self.made += 1;
        if left == 0 {
            return 0.0;
        }
        self.forward.next() * left as f32 / self.rate.samples(FADE_MS) as f32
    }

    fn remember(&mut self, samples: &[i16]) {
        let len = self.history.len();
        let newest = samples.get(samples.len().saturating_sub(len)..).unwrap_or_default();
        self.history.copy_within(newest.len().., 0);
        for (place, sample) in self.history.iter_mut().skip(len - newest.len()).zip(newest) {
            *place = f32::from(*sample);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{SILENCE_DBOV, level_dbov};
    use proptest::prelude::*;

    const RATES: [Rate; 3] = [Rate::Hz8000, Rate::Hz16000, Rate::Hz48000];

    /// A voice of 125 Hz: pulses through a resonance of 500 Hz.
    fn voice(rate: Rate, ms: u32) -> Vec<i16> {
        let hz = rate.hz() as f32;
        let (angle, decay) = (std::f32::consts::TAU * 500.0 / hz, (-600.0 / hz).exp());
        let (mut newer, mut older) = (0.0_f32, 0.0_f32);
        let sound = (0..rate.samples(ms)).map(|n| {
            let pulse = if n % rate.samples(8) == 0 { 4_000.0 } else { 0.0 };
            let next = pulse + 2.0 * decay * angle.cos() * newer - decay * decay * older;
            (newer, older) = (next, newer);
            next as i16
        });
        sound.collect()
    }

    /// The voice with 20 ms lost at 200 ms, and the voice as it was.
    fn with_gap(rate: Rate, knows_next: bool) -> (Vec<i16>, Vec<i16>) {
        let sent = voice(rate, 400);
        let mut heard = sent.clone();
        let mut concealer = Concealer::new(rate);
        for (n, frame) in heard.chunks_mut(rate.frame_len()).enumerate() {
            if n == 10 {
                let behind = &sent[rate.samples(220)..rate.samples(240)];
                concealer.conceal(frame, knows_next.then_some(behind));
            } else {
                concealer.receive(frame);
            }
        }
        (sent, heard)
    }

    /// How far the sound is above its difference from what was sent.
    fn likeness_db(sent: &[i16], heard: &[i16]) -> f32 {
        let power = |a: i16, b: i16| (f32::from(a) - f32::from(b)).powi(2);
        let error: f32 = sent.iter().zip(heard).map(|(a, b)| power(*a, *b)).sum();
        let whole: f32 = sent.iter().map(|a| power(*a, 0)).sum();
        10.0 * (whole / error.max(1.0)).log10()
    }

    #[test]
    fn a_steady_voice_goes_on_through_a_gap() {
        for rate in RATES {
            let gap = rate.samples(200)..rate.samples(220);
            let (sent, heard) = with_gap(rate, false);
            assert!(likeness_db(&sent[gap.clone()], &heard[gap.clone()]) > 13.0, "{rate:?}");
            let behind = rate.samples(220)..rate.samples(224);
            assert!(likeness_db(&sent[behind.clone()], &heard[behind]) > 11.0, "{rate:?}");
            let (sent, heard) = with_gap(rate, true);
            assert!(likeness_db(&sent[gap.clone()], &heard[gap]) > 18.0, "{rate:?}");
        }
    }

    #[test]
    fn nothing_but_the_first_four_ms_behind_a_gap_is_changed_and_nothing_if_it_was_known() {
        for rate in RATES {
            let (sent, heard) = with_gap(rate, false);
            assert_ne!(
                sent[rate.samples(220)..rate.samples(224)],
                heard[rate.samples(220)..rate.samples(224)]
            );
            assert_eq!(sent[rate.samples(224)..], heard[rate.samples(224)..]);
            let (sent, heard) = with_gap(rate, true);
            assert_eq!(sent[rate.samples(220)..], heard[rate.samples(220)..]);
        }
    }

    #[test]
    fn a_long_gap_fades_to_silence_within_seventy_ms_and_costs_no_more_memory() {
        let rate = Rate::Hz16000;
        let mut concealer = Concealer::new(rate);
        concealer.receive(&mut voice(rate, 100));
        let mut levels = Vec::new();
        let capacity = concealer.forward.capacity();
        for _ in 0..50 {
            let mut frame = vec![1; rate.frame_len()];
            concealer.conceal(&mut frame, None);
            levels.push(level_dbov(&frame));
        }
        assert!(levels[0] < levels[1] && levels[1] < levels[2], "{levels:?}");
        assert!(levels[4..].iter().all(|level| *level == SILENCE_DBOV), "{levels:?}");
        assert_eq!(concealer.forward.capacity(), capacity);
        // What comes then is faded in from silence.
        let mut frame = [8_000; 320];
        concealer.receive(&mut frame);
        assert!(frame[0] < 200 && frame[..64].is_sorted() && frame[64..] == [8_000; 256]);
    }

    #[test]
    fn a_word_that_begins_behind_a_gap_is_led_into_it() {
        let rate = Rate::Hz8000;
        let mut concealer = Concealer::new(rate);
        concealer.receive(&mut [0; 1_600]);
        let (mut unknown, mut known) = ([0; 160], [0; 160]);
        concealer.clone().conceal(&mut unknown, None);
        concealer.conceal(&mut known, Some(&voice(rate, 120)[800..]));
        assert_eq!(unknown, [0; 160]);
        assert!(level_dbov(&known[120..]) < 25 && level_dbov(&known[..40]) > level_dbov(&known[120..]));
    }

    #[test]
    fn what_is_known_of_the_next_is_not_used_if_it_is_too_short() {
        let rate = Rate::Hz8000;
        let mut concealer = Concealer::new(rate);
        concealer.receive(&mut voice(rate, 100));
        let (mut without, mut with) = ([0; 160], [0; 160]);
        concealer.clone().conceal(&mut without, None);
        concealer.conceal(&mut with, Some(&[9_000; 50]));
        assert_eq!(without, with);
    }

    proptest! {
        #[test]
        fn any_sound_in_pieces_of_any_length_is_concealed_without_a_howl(
            pieces in proptest::collection::vec((0_usize..1_000, any::<bool>(), any::<bool>(), -32_768_i32..32_768), 1..40),
        ) {
            let mut concealer = Concealer::new(Rate::Hz8000);
            for (len, lost, knows_next, top) in pieces {
                let mut sound: Vec<i16> = (0..len).map(|n| (top * (n as i32 * 7 % 13 - 6) / 6) as i16).collect();
                if lost {
                    let next = sound.clone();
                    concealer.conceal(&mut sound, knows_next.then_some(&next));
                } else {
                    concealer.receive(&mut sound);
                }
            }
            // Whatever was heard, it is silent in the end.
            let mut rest = [1; 800];
            concealer.conceal(&mut rest, None);
            prop_assert_eq!(&rest[600..], &[0; 200][..]);
        }
    }
}
