//! [`Mix`]: what each party of a conference hears: all the others, never itself.
//!
//! The sum of all is made once, and each party's own share is taken out of it, so that N parties
//! cost 2N frames and not N squared. All who say nothing hear [`Mix::all`], which is encoded once.
//! Which parties are let into the sum, and the encoding, are with the conference.

use crate::{Frame, Rate};

/// From here up the sum bends; below, nothing is changed.
const KNEE: i32 = 24_576;

/// The sum of one frame of every party.
#[derive(Clone)]
pub struct Mix {
    rate: Rate,
    sum: [i32; Rate::Hz48000.frame_len()],
}

impl Mix {
    /// Nobody speaks yet. Make one for each 20 ms.
    #[must_use]
    pub const fn new(rate: Rate) -> Mix {
        Mix { rate, sum: [0; Rate::Hz48000.frame_len()] }
    }

    /// Adds what a party says. Its frame must have the rate of the mix; of another one, nothing is
    /// added, and false comes back.
    #[must_use]
    pub fn add(&mut self, party: &Frame) -> bool {
        if party.rate() != self.rate {
            return false;
        }
        for (sum, sample) in self.sum.iter_mut().zip(party.iter()) {
            *sum += i32::from(*sample);
        }
        true
    }

    /// What everybody hears who said nothing.
    #[must_use]
    pub fn all(&self) -> Frame {
        self.bent(|out, sum| out.copy_from_slice(sum))
    }

    /// What the party hears that said this, and had it added.
    #[must_use]
    pub fn without(&self, party: &Frame) -> Frame {
        self.bent(|out, sum| {
            for (out, (sum, own)) in out.iter_mut().zip(sum.iter().zip(party.iter())) {
                *out = sum - i32::from(*own);
            }
        })
    }

    fn bent(&self, fill: impl FnOnce(&mut [i32], &[i32])) -> Frame {
        let len = self.rate.frame_len();
        let mut sound = [0; Rate::Hz48000.frame_len()];
        let (sound, sum) = (sound.split_at_mut(len).0, self.sum.split_at(len).0);
        fill(sound, sum);
        // Few frames reach the knee, and the others need no look at each sample.
        if sound.iter().map(|sample| sample.unsigned_abs()).max().unwrap_or(0) > KNEE as u32 {
            sound.iter_mut().for_each(|sample| *sample = bend(*sample));
        }
        let mut frame = Frame::silence(self.rate);
        for (out, sample) in frame.iter_mut().zip(sound) {
            *out = *sample as i16;
        }
        frame
    }
}

/// Saturates softly: straight up to the knee, then ever flatter, never beyond full scale.
fn bend(sample: i32) -> i32 {
    const ROOM: i64 = (i16::MAX as i32 - KNEE) as i64;
    let above = i64::from(sample.abs()) - i64::from(KNEE);
    if above <= 0 {
        return sample;
    }
    // Slope 1 at the knee, so that it is no corner.
    sample.signum() * (KNEE + (ROOM * above / (ROOM + above)) as i32)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tone_hz;

    fn sine(hz: f32, amplitude: f32) -> Vec<i16> {
        (0..8_000)
            .map(|n| (amplitude * (std::f32::consts::TAU * hz * n as f32 / 8_000.0).sin()) as i16)
            .collect()
    }

    #[test]
    fn each_hears_the_others_and_not_itself() {
        let parties = [400.0, 1_000.0].map(|hz| sine(hz, 9_000.0));
        let (mut first, mut second, mut listener) = (Vec::new(), Vec::new(), Vec::new());
        for at in (0..8_000).step_by(160) {
            let [a, b] = [0, 1].map(|n: usize| Frame::of(Rate::Hz8000, &parties[n][at..]));
            let mut mix = Mix::new(Rate::Hz8000);
            assert!(mix.add(&a) && mix.add(&b));
            first.extend_from_slice(&mix.without(&a));
            second.extend_from_slice(&mix.without(&b));
            listener.extend_from_slice(&mix.all());
        }
        assert_eq!(first, parties[1]);
        assert_eq!(second, parties[0]);
        assert_eq!(tone_hz(&listener, 8_000), None, "both tones");
    }

    #[test]
    fn many_loud_parties_bend_and_never_wrap() {
        let loud = Frame::of(Rate::Hz16000, &[i16::MAX; 320]);
        let deep = Frame::of(Rate::Hz16000, &[i16::MIN; 320]);
        let mut mix = Mix::new(Rate::Hz16000);
        for _ in 0..2_000 {
            assert!(mix.add(&loud));
        }
        assert!(mix.all().iter().all(|sample| *sample > 32_000));
        assert!(mix.without(&loud).iter().all(|sample| *sample > 32_000));
        for _ in 0..4_000 {
            assert!(mix.add(&deep));
        }
        assert!(mix.all().iter().all(|sample| *sample < -32_000));
    }

    #[test]
    fn the_bend_is_straight_below_the_knee_and_rises_steadily_above() {
        assert_eq!([0, 1, -1, KNEE, -KNEE].map(bend), [0, 1, -1, KNEE, -KNEE]);
        let steps = |from: i32, to: i32| (from..to).map(|sample| bend(sample + 1) - bend(sample));
        assert!(steps(-200_000, 200_000).all(|step| (0..=1).contains(&step)));
        assert_eq!(bend(i32::MAX), 32_766);
        assert_eq!(bend(i32::MIN + 1), -32_766);
    }

    #[test]
    fn a_frame_of_another_rate_is_not_mixed() {
        let mut mix = Mix::new(Rate::Hz8000);
        assert!(!mix.add(&Frame::of(Rate::Hz16000, &[1_000; 320])));
        assert_eq!(mix.all(), Frame::silence(Rate::Hz8000));
    }
}
