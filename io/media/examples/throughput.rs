//! What sound costs: rooms of three in which all speak: from the datagrams of each through its jitter buffer and decoder
//! into the mix, and from what it hears of the others through an encoder of its own to a datagram.
//!
//! `cargo run --release -p ruf-media --example throughput [-- SPEECH.wav]` prints a table: CPU time for a second of one party, and how
//! many parties one core would bear. What is said is the file's, from another second for each party, or made up.
//! Nothing depends on the clock but the figures.

use std::time::Duration;

use ruf_audio::{Converter, Frame, Mix, Noise, Rate, Tone, ToneSource};
use ruf_media::device::Player;
use ruf_media::{AgreedCodec, Codec, Decoder, Encoder, OpusParameters, Source};
use ruf_rtp::{Content, JitterBuffer, JitterLimits, Packet, Playout, Received, Receiver, Sender};
use rustix::time::{ClockId, clock_gettime};

/// Seconds of sound in which a figure is taken.
const SECONDS: usize = 10;
const FRAME: Duration = Duration::from_millis(20);
/// Parties of a room.
const PARTIES: usize = 3;
/// One frame in so many is lost, in the rows that say so.
const LOST: usize = 20;

fn main() {
    println!(
        "| codec | lost | RTP in, µs/s | decode, µs/s | mix, µs/s | encode, µs/s | RTP out, µs/s | parties a core |"
    );
    println!("| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |");
    for codec in [Codec::Pcma, Codec::G722, Codec::Opus] {
        for loses in [false, true] {
            let Costs { receive, decode, mix, encode, send } = room(codec, loses);
            let all = receive + decode + mix + encode + send;
            let lost = if loses { 100 / LOST } else { 0 };
            let name = codec.name();
            println!(
                "| {name} | {lost} % | {receive:.0} | {decode:.0} | {mix:.0} | {encode:.0} | {send:.0} | {:.0} |",
                1e6 / all
            );
        }
    }
}

/// Microseconds for a second of one party.
#[derive(Default)]
struct Costs {
    /// Packets read, their source known, put in order, and taken out at their turn.
    receive: f64,
    decode: f64,
    mix: f64,
    encode: f64,
    /// Packets written.
    send: f64,
}

/// One who speaks and hears in a room.
struct Party {
    /// The datagrams of what it says.
    says: Vec<Vec<u8>>,
    receiver: Receiver,
    jitter: JitterBuffer,
    decoder: Decoder,
    encoder: Encoder,
    payload: Vec<u8>,
    sender: Sender,
}

/// What the jitter buffer gave: a payload, or that one is missing, perhaps with the one behind it.
enum Turn {
    Play(Vec<u8>),
    Miss(Option<Vec<u8>>),
    Silence,
}

fn room(codec: Codec, loses: bool) -> Costs {
    let clock_rate_hz = codec.clock_rate_hz();
    let party = |number| Party {
        says: spoken(codec, number),
        receiver: Receiver::new(clock_rate_hz),
        jitter: JitterBuffer::new(clock_rate_hz, JitterLimits::default()),
        decoder: Decoder::new(codec),
        encoder: encoder(codec),
        payload: Vec::new(),
        sender: Sender::new(100 + number as u64),
    };
    let mut parties: Vec<Party> = (0..PARTIES).map(party).collect();
    let (mut costs, mut datagram) = (Costs::default(), Vec::new());
    for at in 0..SECONDS * 50 {
        let now = FRAME * at as u32;
        let turns: Vec<Turn> = timed(&mut costs.receive, || {
            let turns = parties.iter_mut().enumerate().map(|(number, party)| {
                let comes = !loses || (at + number) % LOST != 0;
                party.turn(codec, now, party.says.get(at).filter(|_| comes).cloned())
            });
            turns.collect()
        });
        let frames: Vec<Frame> = timed(&mut costs.decode, || {
            let heard = parties.iter_mut().zip(&turns).map(|(Party { decoder, .. }, turn)| {
                let len = codec.rate().frame_len();
                let samples = match turn {
                    Turn::Play(payload) => decoder.decode(payload, 0, false),
                    Turn::Miss(next) => decoder.conceal(len, next.as_deref()),
                    Turn::Silence => decoder.silence(len),
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
            for (party, frame) in parties.iter_mut().zip(&said) {
                party.encoder.encode(frame, &mut party.payload);
            }
        });
        timed(&mut costs.send, || {
            for Party { sender, payload, .. } in &mut parties {
                write(codec, sender, payload, &mut datagram);
            }
        });
    }
    let share = 1.0 / (SECONDS * PARTIES) as f64;
    let Costs { receive, decode, mix, encode, send } = costs;
    let [receive, decode, mix, encode, send] =
        [receive, decode, mix, encode, send].map(|micros| micros * share);
    Costs { receive, decode, mix, encode, send }
}

impl Party {
    /// A datagram comes, or none, and a frame is due.
    fn turn(&mut self, codec: Codec, now: Duration, datagram: Option<Vec<u8>>) -> Turn {
        if let Some(packet) = datagram.as_deref().and_then(|datagram| Packet::parse(datagram).ok())
            && let Some(ticks) = codec.ticks(packet.payload)
            && let Received::Accepted(arrival) = self.receiver.receive(now, &packet)
        {
            self.jitter.insert(now, arrival, &packet, Content::Audio { ticks });
        }
        match self.jitter.pull(now) {
            Playout::Frame(frame) => Turn::Play(frame.payload.to_vec()),
            Playout::Missing { next, .. } => Turn::Miss(next.map(|next| next.payload.to_vec())),
            Playout::Noise(_) | Playout::Silence => Turn::Silence,
        }
    }
}

/// The next datagram of a sender.
fn write(codec: Codec, sender: &mut Sender, payload: &[u8], datagram: &mut Vec<u8>) {
    let packet = sender.audio(9, codec.clock_rate_hz() / 50, payload);
    datagram.clear();
    datagram.resize(packet.written_bytes(), 0);
    assert!(packet.write(datagram).is_ok());
}

/// The datagrams of what a party says.
fn spoken(codec: Codec, party: usize) -> Vec<Vec<u8>> {
    let rate = codec.rate();
    let mut voice: Box<dyn Source> = match std::env::args_os().nth(1) {
        Some(file) => Box::new(Player::open(file.as_ref()).expect("a file that can be played").looping()),
        None => Box::new(MadeUp::new(party, rate)),
    };
    for _ in 0..party * 50 {
        voice.frame();
    }
    let (mut converter, mut encoder) = (Converter::new(), encoder(codec));
    let (mut sender, mut payload) = (Sender::new(party as u64), Vec::new());
    let datagram = |_| {
        let said = voice.frame().unwrap_or(Frame::silence(rate));
        encoder.encode(&converter.convert(said, rate), &mut payload);
        let mut datagram = Vec::new();
        write(codec, &mut sender, &payload, &mut datagram);
        datagram
    };
    (0..SECONDS * 50).map(datagram).collect()
}

/// A voice's worth of harmonics, in noise.
struct MadeUp {
    harmonics: Vec<ToneSource>,
    noise: Noise,
    rate: Rate,
}

impl MadeUp {
    fn new(party: usize, rate: Rate) -> MadeUp {
        let pitch_hz = 110.0 + 40.0 * party as f32;
        let harmonic = |n| ToneSource::new(Tone::sine(pitch_hz * n as f32, -20.0 - n as f32), rate);
        MadeUp { harmonics: (1..12).map(harmonic).collect(), noise: Noise::new(party as u32 + 1), rate }
    }
}

impl Source for MadeUp {
    fn frame(&mut self) -> Option<Frame> {
        let (mut sum, mut one) = (Frame::silence(self.rate), Frame::silence(self.rate));
        self.noise.fill(50, &mut sum);
        for harmonic in &mut self.harmonics {
            harmonic.fill(&mut one);
            sum.iter_mut().zip(one.iter()).for_each(|(sum, one)| *sum = sum.saturating_add(*one));
        }
        Some(sum)
    }
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
