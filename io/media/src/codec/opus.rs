//! Opus (RFC 6716) by libopus, as RTP carries it (RFC 7587): one channel at 48000 Hz.

use ::opus::{Application, Bandwidth, Bitrate, Channels, Decoder, Encoder, packet};
use ruf_audio::Rate;

/// Samples a second, whatever the bandwidth of the sound.
const RATE: Rate = Rate::Hz48000;
/// Bits a second of speech, at most; with its pauses it takes two thirds. As much as G.711: with the 40 kbit/s that
/// speech is said to need at full bandwidth, what is encoded twice and repaired on the way is heard.
const BITRATE_BPS: u32 = 64_000;
/// Bits a second below and above which Opus does not go.
// rfc7587 §6.1: maxaveragebitrate
const BITRATES_BPS: std::ops::RangeInclusive<u32> = 6_000..=510_000;
/// The loss that we are prepared for, where the far side takes the repair: most of a frame is sent
/// again, smaller, with the next one. The more, the less is left for the sound itself.
const LOSS_PERCENT: std::ops::RangeInclusive<u8> = 2..=20;
/// 0 to 10.
const COMPLEXITY: i32 = 10;
/// The longest payload that is sent.
const PAYLOAD_BYTES_MAX: usize = 1_275;
/// A payload this short says that nothing needs to be sent.
const PAYLOAD_BYTES_UNSENT: usize = 2;
/// Samples in a payload, at most: 120 ms.
const SAMPLES_MAX: usize = RATE.samples(120);
/// What is made up is a multiple of 2.5 ms.
const SAMPLES_STEP: usize = RATE.samples(5) / 2;

/// What the far side says of the Opus that it wants (RFC 7587 §6.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OpusParameters {
    /// `useinbandfec`: it can repair losses with what later packets repeat.
    pub inband_fec: bool,
    /// `usedtx`: nothing need be sent while nobody speaks.
    pub dtx: bool,
    /// `cbr`: all packets are to have one length.
    pub cbr: bool,
    /// `maxaveragebitrate`.
    pub bitrate_bps_max: Option<u32>,
    /// `maxplaybackrate`: it does not play more than so many samples a second.
    pub playback_hz_max: Option<u32>,
}

/// How much RTP time a payload takes; `None` if it is none.
pub(crate) fn ticks(payload: &[u8]) -> Option<u32> {
    let samples = packet::get_nb_samples(payload, RATE.hz()).ok()?;
    u32::try_from(samples).ok().filter(|samples| *samples > 0)
}

/// From samples to payloads.
pub(crate) struct OpusEncoder {
    encoder: Option<Encoder>,
    repairs: bool,
}

impl OpusEncoder {
    /// As the far side wants it.
    pub(super) fn new(wanted: &OpusParameters) -> OpusEncoder {
        // Only a lack of memory, or parameters that are none, make it fail; then nothing is sent.
        OpusEncoder { encoder: made(wanted).ok(), repairs: wanted.inband_fec }
    }

    /// So much is lost.
    pub(super) fn expect_loss(&mut self, percent: u8) {
        if let Some(encoder) = self.encoder.as_mut().filter(|_| self.repairs) {
            let percent = percent.clamp(*LOSS_PERCENT.start(), *LOSS_PERCENT.end());
            // It refuses only what is no percentage.
            let _ = encoder.set_packet_loss_perc(percent.into());
        }
    }

    pub(super) fn encode(&mut self, samples: &[i16], payload: &mut Vec<u8>) {
        payload.resize(PAYLOAD_BYTES_MAX, 0);
        let encoded = self.encoder.as_mut().and_then(|encoder| encoder.encode(samples, payload).ok());
        // rfc7587 §3.1.3
        payload.truncate(encoded.filter(|len| *len > PAYLOAD_BYTES_UNSENT).unwrap_or(0));
    }
}

fn made(wanted: &OpusParameters) -> ::opus::Result<Encoder> {
    let mut encoder = Encoder::new(RATE.hz(), Channels::Mono, Application::Voip)?;
    let bitrate = BITRATE_BPS.min(wanted.bitrate_bps_max.unwrap_or(BITRATE_BPS));
    let bitrate = bitrate.clamp(*BITRATES_BPS.start(), *BITRATES_BPS.end());
    encoder.set_bitrate(Bitrate::Bits(i32::try_from(bitrate).unwrap_or(i32::MAX)))?;
    encoder.set_complexity(COMPLEXITY)?;
    encoder.set_vbr(!wanted.cbr)?;
    encoder.set_dtx(wanted.dtx)?;
    encoder.set_inband_fec(wanted.inband_fec)?;
    encoder.set_packet_loss_perc(if wanted.inband_fec { i32::from(*LOSS_PERCENT.start()) } else { 0 })?;
    encoder.set_max_bandwidth(match wanted.playback_hz_max.unwrap_or(RATE.hz()) {
        ..=8_000 => Bandwidth::Narrowband,
        8_001..=12_000 => Bandwidth::Mediumband,
        12_001..=16_000 => Bandwidth::Wideband,
        16_001..=24_000 => Bandwidth::Superwideband,
        _ => Bandwidth::Fullband,
    })?;
    Ok(encoder)
}

/// From payloads to samples.
pub(super) struct OpusDecoder(Option<Decoder>);

impl OpusDecoder {
    pub(super) fn new() -> OpusDecoder {
        // Only a lack of memory makes it fail; then silence is heard.
        OpusDecoder(Decoder::new(RATE.hz(), Channels::Mono).ok())
    }

    /// What is no payload is made up, as if it had not come.
    pub(super) fn decode(&mut self, payload: &[u8], samples: &mut Vec<i16>) {
        let len = ticks(payload).map_or(RATE.frame_len(), |ticks| (ticks as usize).min(SAMPLES_MAX));
        samples.resize(len, 0);
        if self.run(payload, samples, false).is_none() {
            self.conceal(samples, None);
        }
    }

    /// `next` repeats, if the far side so wishes, what is missing.
    pub(super) fn conceal(&mut self, samples: &mut [i16], next: Option<&[u8]>) {
        let mut made = vec![0; samples.len().next_multiple_of(SAMPLES_STEP)];
        let repaired = next.filter(|next| !next.is_empty()).and_then(|next| self.run(next, &mut made, true));
        if repaired.is_none() {
            self.run(&[], &mut made, false);
        }
        for (sample, made) in samples.iter_mut().zip(made) {
            *sample = made;
        }
    }

    fn run(&mut self, payload: &[u8], samples: &mut [i16], repairs: bool) -> Option<usize> {
        self.0.as_mut()?.decode(payload, samples, repairs).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ruf_audio::{Noise, Tone, ToneSource};

    /// A second of a voice that changes all the time: noise through a wandering resonance.
    fn voice() -> Vec<i16> {
        let (mut noise, mut pulses) = (Noise::new(5), Vec::new());
        pulses.resize(48_000, 0);
        noise.fill(25, &mut pulses);
        let (mut newer, mut older) = (0.0_f32, 0.0_f32);
        let sound = pulses.iter().enumerate().map(|(n, pulse)| {
            let hz = 500.0 + 300.0 * (n as f32 / 2_400.0).sin();
            let next = f32::from(*pulse) + 1.98 * (std::f32::consts::TAU * hz / 48_000.0).cos() * newer
                - 0.98 * older;
            (newer, older) = (next, newer);
            (next / 8.0) as i16
        });
        sound.collect()
    }

    fn encoded(sound: &[i16], wanted: OpusParameters) -> Vec<Vec<u8>> {
        encoded_for_loss(sound, wanted, 0)
    }

    fn encoded_for_loss(sound: &[i16], wanted: OpusParameters, percent: u8) -> Vec<Vec<u8>> {
        let mut encoder = OpusEncoder::new(&wanted);
        encoder.expect_loss(percent);
        let payload = |samples: &[i16]| {
            let mut payload = Vec::new();
            encoder.encode(samples, &mut payload);
            payload
        };
        sound.chunks(960).map(payload).collect()
    }

    /// Squared differences from what is heard without a loss, in every tenth frame, which is lost.
    fn error(payloads: &[Vec<u8>], shows_next: bool) -> f64 {
        let (mut whole, mut decoder) = (OpusDecoder::new(), OpusDecoder::new());
        let mut error = 0.0;
        for (n, payload) in payloads.iter().enumerate() {
            let (mut sent, mut heard) = (Vec::new(), vec![0; 960]);
            whole.decode(payload, &mut sent);
            if n % 10 == 9 {
                let next = payloads.get(n + 1).filter(|_| shows_next).map(Vec::as_slice);
                decoder.conceal(&mut heard, next);
                let differences =
                    sent.iter().zip(&heard).map(|(a, b)| (f64::from(*a) - f64::from(*b)).powi(2));
                error += differences.sum::<f64>();
            } else {
                decoder.decode(payload, &mut heard);
            }
        }
        error
    }

    #[test]
    fn what_a_later_packet_repeats_repairs_a_loss() {
        let with = OpusParameters { inband_fec: true, ..OpusParameters::default() };
        let payloads = encoded(&voice(), with);
        assert!(error(&payloads, true) * 2.0 < error(&payloads, false));
        // Nothing is repeated for a far side that did not ask.
        let payloads = encoded(&voice(), OpusParameters::default());
        assert!(error(&payloads, true) * 2.0 > error(&payloads, false));
    }

    #[test]
    fn the_more_is_lost_the_better_is_the_repair() {
        let with = OpusParameters { inband_fec: true, ..OpusParameters::default() };
        let error_at = |percent| error(&encoded_for_loss(&voice(), with, percent), true);
        assert!(error_at(20) * 1.5 < error_at(0), "{} {}", error_at(20), error_at(0));
        // No more than is sensible, and nothing for a far side that did not ask.
        assert_eq!(encoded_for_loss(&voice(), with, 100), encoded_for_loss(&voice(), with, 20));
        let without = OpusParameters::default();
        assert_eq!(encoded_for_loss(&voice(), without, 20), encoded(&voice(), without));
    }

    #[test]
    fn silence_need_not_be_sent() {
        let sent = |dtx| {
            let wanted = OpusParameters { dtx, ..OpusParameters::default() };
            encoded(&[0; 96_000], wanted).iter().filter(|payload| !payload.is_empty()).count()
        };
        assert_eq!(sent(false), 100);
        assert!(sent(true) < 40, "{}", sent(true));
    }

    #[test]
    fn packets_are_as_the_far_side_wants_them() {
        let bytes = |wanted| -> Vec<usize> { encoded(&voice(), wanted).iter().map(Vec::len).collect() };
        let usual: usize = bytes(OpusParameters::default()).iter().sum();
        assert!((6_000..9_000).contains(&usual), "{usual}");
        let constant = bytes(OpusParameters { cbr: true, ..OpusParameters::default() });
        assert!(constant.iter().all(|len| *len == constant[0]));
        let few: usize =
            bytes(OpusParameters { bitrate_bps_max: Some(1), ..OpusParameters::default() }).iter().sum();
        assert!(few * 2 < usual, "{few}");
        let narrow = OpusParameters { playback_hz_max: Some(8_000), ..OpusParameters::default() };
        for payload in encoded(&voice(), narrow) {
            assert_eq!(packet::get_bandwidth(&payload).unwrap(), Bandwidth::Narrowband);
        }
    }

    #[test]
    fn a_payload_says_how_long_it_is_and_up_to_six_frames_fit() {
        let mut encoder = OpusEncoder::new(&OpusParameters::default());
        for frames in 1..=6_usize {
            let (mut sound, mut payload) = (vec![0; frames * 960], Vec::new());
            ToneSource::new(Tone::sine(440.0, -6.0), RATE).fill(&mut sound);
            encoder.encode(&sound, &mut payload);
            assert_eq!(ticks(&payload), u32::try_from(sound.len()).ok());
            let mut heard = Vec::new();
            OpusDecoder::new().decode(&payload, &mut heard);
            assert_eq!(heard.len(), sound.len());
        }
        assert_eq!(ticks(&[]), None);
        assert_eq!(ticks(&[0xFF, 0xFF]), None, "more than 120 ms");
    }
}
