//! [`Decoder`]: from payloads to samples, and to what is heard instead of those that did not come.

use ruf_audio::{ComfortNoise, Concealer, G722Decoder, Law, Rate, is_quiet, stretch};

use super::Codec;
use super::opus::OpusDecoder;

/// Samples of a payload that are decoded at most: 120 ms at the highest rate.
const SAMPLES_MAX: usize = 5_760;
/// Silence that is shorter belongs to a word, and is heard if it becomes shorter still.
const PAUSE_MS: u32 = 100;
/// Whoever speaks Opus and pauses says every 400 ms how quiet it is there: if nothing comes for so long it has stopped,
/// and what is made up of what it said last dies away in as much time again.
const DYING_MS: u32 = 500;
/// Any will do: nobody tells one noise from another.
const NOISE_SEED: u32 = 1;

/// Of one codec, in one direction of one stream.
pub struct Decoder {
    kind: Kind,
    rate: Rate,
    concealer: Concealer,
    noise: ComfortNoise,
    /// For so many samples nobody spoke.
    quiet: usize,
    /// For so many samples nothing came.
    unheard: usize,
    /// What came out last.
    samples: Vec<i16>,
}

enum Kind {
    G711(Law),
    G722(Box<G722>),
    Opus(OpusDecoder),
}

impl std::fmt::Debug for Decoder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Decoder").field("rate", &self.rate).finish_non_exhaustive()
    }
}

impl Decoder {
    /// That heard nothing yet.
    pub fn new(codec: Codec) -> Decoder {
        let kind = match codec {
            Codec::Pcmu => Kind::G711(Law::Mu),
            Codec::Pcma => Kind::G711(Law::A),
            Codec::G722 => Kind::G722(Box::default()),
            Codec::Opus => Kind::Opus(OpusDecoder::new()),
        };
        let rate = codec.rate();
        Decoder {
            kind,
            rate,
            concealer: Concealer::new(rate),
            noise: ComfortNoise::new(NOISE_SEED),
            quiet: 0,
            unheard: 0,
            samples: Vec::new(),
        }
    }

    /// The far side's encoder begins anew: one that goes on from another's state is heard as a bang.
    pub(crate) fn restart(&mut self) {
        match &mut self.kind {
            // Each sample stands alone.
            Kind::G711(_) => {}
            // Is made for encoders that come and go: it finds its way within a packet.
            Kind::Opus(_) => {}
            Kind::G722(g722) => **g722 = G722::default(),
        }
    }

    /// What a payload says. `stretch_by`: by how many samples it may become longer or, negative, shorter; `in_pauses`:
    /// only in a pause between words.
    pub fn decode(&mut self, payload: &[u8], stretch_by: i64, in_pauses: bool) -> &[i16] {
        self.unheard = 0;
        self.samples.clear();
        match &mut self.kind {
            Kind::G711(law) => g711(*law, payload, &mut self.samples),
            Kind::G722(g722) => g722.decode(payload, &mut self.samples),
            Kind::Opus(opus) => opus.decode(payload, &mut self.samples),
        }
        self.concealer.receive(&mut self.samples);
        self.quiet = if is_quiet(&self.samples) { self.quiet.saturating_add(self.samples.len()) } else { 0 };
        if !in_pauses || self.quiet > self.rate.samples(PAUSE_MS) {
            stretch(self.rate, &mut self.samples, isize::try_from(stretch_by).unwrap_or(0));
        }
        &self.samples
    }

    /// So many samples for what did not come; `next` is the payload behind it, if it is there.
    pub fn conceal(&mut self, len: usize, next: Option<&[u8]>) -> &[i16] {
        self.samples.clear();
        self.samples.resize(len.min(SAMPLES_MAX), 0);
        match &mut self.kind {
            Kind::G711(law) => {
                let mut behind = Vec::new();
                let behind = next.map(|next| {
                    g711(*law, next, &mut behind);
                    behind.as_slice()
                });
                self.concealer.conceal(&mut self.samples, behind);
            }
            Kind::G722(g722) => g722.conceal(&mut self.concealer, &mut self.samples, next),
            Kind::Opus(opus) => opus.conceal(&mut self.samples, next),
        }
        &self.samples
    }

    /// So many samples of this comfort noise.
    pub fn noise(&mut self, description: &[u8], len: usize) -> &[i16] {
        if let Some(told) = ruf_rtp::ComfortNoise::read(description) {
            self.noise.describe(told.level, told.reflections());
        }
        self.samples.clear();
        self.samples.resize(len.min(SAMPLES_MAX), 0);
        self.noise.fill(&mut self.samples);
        self.concealer.receive(&mut self.samples);
        &self.samples
    }

    /// So many samples while nothing comes.
    pub fn silence(&mut self, len: usize) -> &[i16] {
        let dying = self.rate.samples(DYING_MS);
        let (began, unheard) = (self.unheard, self.unheard.saturating_add(len));
        self.unheard = unheard;
        if matches!(self.kind, Kind::Opus(_)) && began < 2 * dying {
            // It knows how the other end sounds when nobody speaks.
            self.conceal(len, None);
            for (at, sample) in (began..).zip(&mut self.samples) {
                let left = (2 * dying).saturating_sub(at).min(dying);
                // As loud as it was, or less.
                *sample = (i64::from(*sample) * left as i64 / dying as i64) as i16;
            }
            return &self.samples;
        }
        self.samples.clear();
        self.samples.resize(len.min(SAMPLES_MAX), 0);
        // What was concealed before dies away in it.
        self.concealer.receive(&mut self.samples);
        &self.samples
    }
}

fn g711(law: Law, payload: &[u8], samples: &mut Vec<i16>) {
    samples.resize(payload.len().min(SAMPLES_MAX), 0);
    law.decode_to(payload, samples);
}

/// A decoder of G.722 that is told what was played for what it missed.
#[derive(Default)]
struct G722 {
    decoder: G722Decoder,
    /// The last samples before the newest piece.
    last: [i16; 2],
}

impl G722 {
    fn decode(&mut self, payload: &[u8], samples: &mut Vec<i16>) {
        samples.resize((2 * payload.len()).min(SAMPLES_MAX), 0);
        self.decoder.decode(payload, samples);
        self.remember(samples);
    }

    fn conceal(&mut self, concealer: &mut Concealer, samples: &mut [i16], next: Option<&[u8]>) {
        let behind = next.map(|next| {
            // What the payload behind would be, if the gap were as it is guessed from what was before it.
            let (mut guesser, mut guess) = (concealer.clone(), samples.to_vec());
            guesser.conceal(&mut guess, None);
            let mut decoder = self.decoder.clone();
            self.follow(&mut decoder, guesser, &guess);
            let mut behind = vec![0; (2 * next.len()).min(SAMPLES_MAX)];
            decoder.decode(next, &mut behind);
            behind
        });
        concealer.conceal(samples, behind.as_deref());
        let mut decoder = self.decoder.clone();
        self.follow(&mut decoder, concealer.clone(), samples);
        self.decoder = decoder;
        self.remember(samples);
    }

    /// Brings a decoder to where it would be behind this gap.
    fn follow(&self, decoder: &mut G722Decoder, mut ahead: Concealer, gap: &[i16]) {
        let mut further = [0; G722Decoder::LEAD];
        ahead.conceal(&mut further, None);
        let played = [&self.last, gap, &further].concat();
        if let Some((before, sound)) = played.split_first_chunk() {
            decoder.follow(before, sound);
        }
    }

    fn remember(&mut self, samples: &[i16]) {
        if let Some(last) = samples.last_chunk() {
            self.last = *last;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::agreed::AgreedCodec;
    use crate::codec::{Encoder, OpusParameters};
    use ruf_audio::{Noise, SILENCE_DBOV, Tone, ToneSource, level_dbov, tone_hz};

    /// 20 payloads of a tone, and its samples as they are decoded.
    fn payloads(codec: Codec, hz: f32) -> Vec<Vec<u8>> {
        let mut tone = ToneSource::new(Tone::sine(hz, -10.0), codec.rate());
        let opus = OpusParameters { inband_fec: true, ..OpusParameters::default() };
        let mut encoder = Encoder::new(&AgreedCodec { codec, send: 0, receive: 0, opus });
        let payload = |_| {
            let (mut samples, mut payload) = (vec![0; codec.rate().frame_len()], Vec::new());
            tone.fill(&mut samples);
            encoder.encode(&samples, &mut payload);
            payload
        };
        (0..20).map(payload).collect()
    }

    /// What is heard of these payloads without every fifth, in one piece.
    fn heard(codec: Codec, payloads: &[Vec<u8>], shows_next: bool) -> Vec<i16> {
        let mut decoder = Decoder::new(codec);
        let mut heard = Vec::new();
        for (n, payload) in payloads.iter().enumerate() {
            let next = payloads.get(n + 1).filter(|_| shows_next).map(Vec::as_slice);
            heard.extend_from_slice(match n % 5 {
                4 => decoder.conceal(codec.rate().frame_len(), next),
                _ => decoder.decode(payload, 0, false),
            });
        }
        heard
    }

    #[test]
    fn a_tone_goes_on_through_lost_payloads() {
        for codec in Codec::ALL {
            for shows_next in [false, true] {
                let heard = heard(codec, &payloads(codec, 440.0), shows_next);
                assert_eq!(heard.len(), 20 * codec.rate().frame_len());
                let (hz, level) = tone_hz(&heard, codec.rate().hz()).expect("a tone");
                // Opus makes up what is softer.
                let may_db = if codec == Codec::Opus { 4.0 } else { 1.0 };
                assert!((hz - 440.0).abs() < 2.0, "{codec:?}: {hz} Hz");
                assert!((level + 10.0).abs() < may_db, "{codec:?}: {level} dB");
            }
        }
    }

    #[test]
    fn a_payload_is_stretched_as_far_as_it_may() {
        for codec in Codec::ALL {
            let payloads = payloads(codec, 440.0);
            let mut decoder = Decoder::new(codec);
            let may = codec.rate().samples(8) as i64;
            let len = codec.rate().frame_len();
            for payload in &payloads[..5] {
                assert_eq!(decoder.decode(payload, 0, false).len(), len);
            }
            let longer = decoder.decode(&payloads[5], may, false).len();
            assert!(longer > len && longer <= len + may as usize);
            let shorter = decoder.decode(&payloads[6], -may, false).len();
            assert!(shorter < len && shorter >= len - may as usize);
        }
    }

    #[test]
    fn only_a_pause_is_shortened_for_who_waits_for_one() {
        for codec in Codec::ALL {
            let (rate, mut payload) = (codec.rate(), Vec::new());
            let opus = OpusParameters::default();
            let mut encoder = Encoder::new(&AgreedCodec { codec, send: 0, receive: 0, opus });
            let mut decoder = Decoder::new(codec);
            let (word, by) = (payloads(codec, 440.0), -(rate.samples(8) as i64));
            let mut spoken = word.iter().map(|payload| decoder.decode(payload, by, true).len());
            assert!(spoken.all(|len| len == rate.frame_len()), "{codec:?}");
            let pause = (0..40).map(|_| {
                encoder.encode(&vec![0; rate.frame_len()], &mut payload);
                decoder.decode(&payload, by, true).len()
            });
            let pause: Vec<usize> = pause.collect();
            assert!(pause[..5].iter().all(|len| *len == rate.frame_len()), "{codec:?}: a stop within a word");
            assert!(pause[20..].iter().all(|len| *len < rate.frame_len()), "{codec:?}: {pause:?}");
        }
    }

    #[test]
    fn comfort_noise_is_as_loud_as_described_and_silence_is_silent() {
        for codec in Codec::ALL {
            let mut decoder = Decoder::new(codec);
            let len = codec.rate().frame_len();
            decoder.noise(&[40], len);
            assert!(level_dbov(decoder.noise(&[40], len)).abs_diff(40) <= 2);
            assert!(level_dbov(decoder.noise(&[], len)).abs_diff(40) <= 2, "the last one goes on");
            assert_eq!(level_dbov(decoder.silence(len)), SILENCE_DBOV);
        }
    }

    #[test]
    fn what_goes_missing_before_a_silence_dies_away() {
        for codec in Codec::ALL {
            let mut decoder = Decoder::new(codec);
            for payload in payloads(codec, 300.0) {
                decoder.decode(&payload, 0, false);
            }
            let len = codec.rate().frame_len();
            let last = decoder.conceal(len, None).last().copied();
            let first = decoder.silence(len).first().copied();
            let step = last.zip(first).map(|(last, first)| last.abs_diff(first));
            assert!(step.is_some_and(|step| step < 3_000), "{codec:?}: {step:?}");
            // Opus takes its time.
            let levels: Vec<u8> = (0..60).map(|_| level_dbov(decoder.silence(len))).collect();
            assert_eq!(levels.first(), levels.iter().min(), "{codec:?}: {levels:?}");
            assert_eq!(levels.last(), Some(&SILENCE_DBOV));
        }
    }

    #[test]
    fn any_octets_of_any_length_are_a_payload() {
        let mut noise = Noise::new(8);
        for codec in Codec::ALL {
            let mut decoder = Decoder::new(codec);
            for len in [0, 1, 2, 159, 160, 161, 5_000, 20_000] {
                let mut sound = vec![0; len];
                noise.fill(3, &mut sound);
                let payload: Vec<u8> = sound.iter().map(|sample| sample.to_le_bytes()[0]).collect();
                assert!(decoder.decode(&payload, 0, false).len() <= SAMPLES_MAX);
                assert_eq!(decoder.conceal(len, Some(&payload)).len(), len.min(SAMPLES_MAX));
                assert_eq!(decoder.conceal(len, None).len(), len.min(SAMPLES_MAX));
            }
        }
    }
}
