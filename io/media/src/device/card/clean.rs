//! [`Clean`]: what is spoken, without what the speaker plays (echo), with less noise, and as loud as people speak: by
//! sonora, which is WebRTC's audio processing.

use ruf_audio::Frame;
use sonora::config::{AdaptiveDigital, EchoCanceller, GainController2, NoiseSuppression};
use sonora::{AudioProcessing, Config, StreamConfig};

/// It processes 10 ms at a time.
const PARTS: usize = 2;

/// For one call.
pub(super) struct Clean(AudioProcessing);

impl Clean {
    pub(super) fn new() -> Clean {
        let config = Config {
            echo_canceller: Some(EchoCanceller::default()),
            noise_suppression: Some(NoiseSuppression::default()),
            gain_controller2: Some(GainController2 {
                adaptive_digital: Some(AdaptiveDigital::default()),
                ..GainController2::default()
            }),
            ..Config::default()
        };
        Clean(AudioProcessing::builder().config(config).build())
    }

    /// The speaker is going to play this.
    pub(super) fn play(&mut self, frame: &Frame) {
        let config = stream(frame);
        let mut played = Frame::silence(frame.rate());
        let len = frame.len() / PARTS;
        for (part, played) in frame.chunks(len).zip(played.chunks_mut(len)) {
            // What it cannot do it does not do: echo stays.
            let _ = self.0.process_render_i16_with_config(part, &config, &config, played);
        }
    }

    /// What the microphone recorded, cleaned.
    pub(super) fn record(&mut self, frame: &Frame) -> Frame {
        let config = stream(frame);
        let mut cleaned = frame.clone();
        let len = frame.len() / PARTS;
        for (part, cleaned) in frame.chunks(len).zip(cleaned.chunks_mut(len)) {
            let _ = self.0.process_capture_i16_with_config(part, &config, &config, cleaned);
        }
        cleaned
    }
}

fn stream(frame: &Frame) -> StreamConfig {
    StreamConfig::new(frame.rate().hz(), 1)
}

impl std::fmt::Debug for Clean {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Clean").finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ruf_audio::{Noise, Rate, Tone, ToneSource};

    const RATE: Rate = Rate::Hz48000;

    /// Something like a voice: syllables of harmonics at pitches that change, with pauses, in soft noise.
    fn voice(seed: u32, secs: usize) -> Vec<i16> {
        let mut noise = Noise::new(seed);
        let mut sound = vec![0; secs * 48_000];
        noise.fill(65, &mut sound);
        for (number, syllable) in sound.chunks_mut(48_000 / 4).enumerate() {
            let pitch_hz = 100.0 + ((number as u32 * 37 + seed * 53) % 90) as f32;
            let spoken = syllable.len() * 3 / 4;
            for harmonic in 1..20_u32 {
                let level = -22.0 - (harmonic * (number as u32 + seed) % 13) as f32;
                let mut one = vec![0; spoken];
                ToneSource::new(Tone::sine(pitch_hz * harmonic as f32, level), RATE).fill(&mut one);
                syllable.iter_mut().zip(one).for_each(|(sum, one)| *sum = sum.saturating_add(one));
            }
        }
        sound
    }

    /// What the microphone gets of it in a room: so much later, from several walls, at a quarter and less.
    fn echo(played: &[i16], delay: usize) -> Vec<i16> {
        let walls = [(0, 0.25), (190, 0.12), (613, -0.08), (1_481, 0.05), (2_903, -0.03)];
        let at = |n: usize, wall: usize| n.checked_sub(delay + wall).map_or(0.0, |n| f32::from(played[n]));
        let heard = |n| walls.iter().map(|(wall, share)| at(n, *wall) * share).sum::<f32>() as i16;
        (0..played.len()).map(heard).collect()
    }

    fn cleaned(clean: &mut Clean, played: &[i16], recorded: &[i16]) -> Vec<i16> {
        let frames = played.chunks(RATE.frame_len()).zip(recorded.chunks(RATE.frame_len()));
        let cleaned = frames.flat_map(|(played, recorded)| {
            clean.play(&Frame::of(RATE, played));
            clean.record(&Frame::of(RATE, recorded)).to_vec()
        });
        cleaned.collect()
    }

    fn power_db(sound: &[i16]) -> f32 {
        let sum: f32 = sound.iter().map(|sample| f32::from(*sample).powi(2)).sum();
        10.0 * (sum / sound.len() as f32).max(1e-3).log10()
    }

    #[test]
    fn an_echo_of_the_speaker_is_taken_out() {
        for delay_ms in [40, 120] {
            let played = voice(1, 8);
            let recorded = echo(&played, RATE.samples(delay_ms));
            let said = cleaned(&mut Clean::new(), &played, &recorded);
            let last = 5 * 48_000..;
            let loss_db = power_db(&recorded[last.clone()]) - power_db(&said[last]);
            assert!(loss_db > 25.0, "{delay_ms} ms: {loss_db} dB");
        }
    }

    #[test]
    fn who_speaks_is_heard_whether_the_speaker_plays_or_not() {
        let (played, mut spoken) = (voice(1, 8), voice(2, 8));
        let last = 5 * 48_000..;
        let alone = cleaned(&mut Clean::new(), &vec![0; spoken.len()], &spoken);
        let change_db = power_db(&alone[last.clone()]) - power_db(&spoken[last.clone()]);
        assert!((-3.0..15.0).contains(&change_db), "{change_db} dB");
        // It has heard the room before.
        spoken[..4 * 48_000].fill(0);
        let echo = echo(&played, RATE.samples(60));
        let both: Vec<i16> =
            spoken.iter().zip(&echo).map(|(spoken, echo)| spoken.saturating_add(*echo)).collect();
        let both = cleaned(&mut Clean::new(), &played, &both);
        let change_db = power_db(&both[last.clone()]) - power_db(&spoken[last]);
        assert!((-12.0..15.0).contains(&change_db), "{change_db} dB");
    }
}
