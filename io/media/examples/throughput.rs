//! What sound costs: rooms of three in which all speak, each decoded, mixed, and encoded for by itself.
//!
//! `cargo run --release -p ruf-media --example throughput` prints a table: CPU time for a second of one party, and how
//! many parties one core would bear. Nothing depends on the clock but the figures.

use ruf_audio::{Frame, Mix, Noise, Tone, ToneSource};
use ruf_media::{AgreedCodec, Codec, Decoder, Encoder, OpusParameters};
use rustix::time::{ClockId, clock_gettime};

/// Seconds of sound in which a figure is taken.
const SECONDS: usize = 10;
/// Parties of a room.
const PARTIES: usize = 3;
/// One frame in so many is lost, in the rows that say so.
const LOST: usize = 20;

fn main() {
    println!("| codec | lost | decode, µs/s | mix, µs/s | encode, µs/s | parties a core |");
    println!("| --- | ---: | ---: | ---: | ---: | ---: |");
    for codec in [Codec::Pcma, Codec::G722, Codec::Opus] {
        for loses in [false, true] {
            let Costs { decode, mix, encode } = room(codec, loses);
            let all = decode + mix + encode;
            let lost = if loses { 100 / LOST } else { 0 };
            let name = codec.name();
            println!("| {name} | {lost} % | {decode:.0} | {mix:.0} | {encode:.0} | {:.0} |", 1e6 / all);
        }
    }
}

/// Microseconds for a second of one party.
#[derive(Default)]
struct Costs {
    decode: f64,
    mix: f64,
    encode: f64,
}

fn room(codec: Codec, loses: bool) -> Costs {
    let sent: Vec<Vec<Vec<u8>>> = (0..PARTIES).map(|party| spoken(codec, party)).collect();
    let mut decoders: Vec<Decoder> = (0..PARTIES).map(|_| Decoder::new(codec)).collect();
    let mut encoders: Vec<Encoder> = (0..PARTIES).map(|_| encoder(codec)).collect();
    let (mut costs, mut payload) = (Costs::default(), Vec::new());
    for at in 0..SECONDS * 50 {
        let parties = decoders.iter_mut().zip(&sent).enumerate();
        let frames: Vec<Frame> = timed(&mut costs.decode, || {
            let heard = parties.map(|(party, (decoder, sent))| {
                let next = sent.get(at + 1).map(Vec::as_slice);
                let samples = if loses && (at + party) % LOST == 0 {
                    decoder.conceal(codec.rate().frame_len(), next)
                } else {
                    decoder.decode(sent.get(at).map_or(&[], Vec::as_slice), 0)
                };
                Frame::of(codec.rate(), samples)
            });
            heard.collect()
        });
        let said: Vec<Frame> = timed(&mut costs.mix, || {
            let mut mix = Mix::new(codec.rate());
            assert!(frames.iter().all(|frame| mix.add(frame)));
            frames.iter().map(|frame| mix.without(frame)).collect()
        });
        timed(&mut costs.encode, || {
            encoders.iter_mut().zip(&said).for_each(|(encoder, frame)| encoder.encode(frame, &mut payload));
        });
    }
    let share = 1.0 / (SECONDS * PARTIES) as f64;
    Costs { decode: costs.decode * share, mix: costs.mix * share, encode: costs.encode * share }
}

/// What a party says: a voice's worth of harmonics, in noise.
fn spoken(codec: Codec, party: usize) -> Vec<Vec<u8>> {
    let rate = codec.rate();
    let pitch_hz = 110.0 + 40.0 * party as f32;
    let mut harmonics: Vec<ToneSource> =
        (1..12).map(|n| ToneSource::new(Tone::sine(pitch_hz * n as f32, -20.0 - n as f32), rate)).collect();
    let (mut noise, mut encoder) = (Noise::new(party as u32 + 1), encoder(codec));
    let payload = |_| {
        let (mut sum, mut one, mut payload) = (Frame::silence(rate), Frame::silence(rate), Vec::new());
        noise.fill(50, &mut sum);
        for harmonic in &mut harmonics {
            harmonic.fill(&mut one);
            sum.iter_mut().zip(one.iter()).for_each(|(sum, one)| *sum = sum.saturating_add(*one));
        }
        encoder.encode(&sum, &mut payload);
        payload
    };
    (0..SECONDS * 50).map(payload).collect()
}

fn encoder(codec: Codec) -> Encoder {
    let opus = OpusParameters { inband_fec: true, ..OpusParameters::default() };
    Encoder::new(&AgreedCodec { codec, send: 0, receive: 0, opus })
}

/// Adds the CPU time of this thread, in microseconds.
fn timed<T>(micros: &mut f64, work: impl FnOnce() -> T) -> T {
    let now = || {
        let now = clock_gettime(ClockId::ThreadCPUTime);
        now.tv_sec as f64 * 1e6 + now.tv_nsec as f64 / 1e3
    };
    let start = now();
    let done = work();
    *micros += now() - start;
    done
}
