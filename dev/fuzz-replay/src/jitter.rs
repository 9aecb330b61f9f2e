//! The jitter buffer: whatever comes, what is played is in order and unharmed, each packet once, and when nothing comes
//! any more there is silence.
//!
//! The input is a script of records of eight octets: how long after the last, what, the sequence number, the
//! timestamp in units of 40 ticks, the source and the length of the audio.

use std::time::Duration;

use ruf_rtp::{Arrival, Content, JitterBuffer, JitterLimits, Packet, Playout, Received, Receiver, Start};

/// Nothing is concealed for so many pulls.
const CONCEALED_MAX: usize = 1_000;

/// Any script.
pub fn jitter(octets: &[u8]) {
    let mut receiver = Receiver::new(8_000);
    let mut buffer = JitterBuffer::new(8_000, JitterLimits::default());
    let (mut now, mut inserted, mut last) = (Duration::ZERO, 0, None);
    for record in octets.as_chunks::<8>().0 {
        let &[pause, what, s0, s1, t0, t1, ssrc, length] = record;
        now += Duration::from_millis(u64::from(pause));
        let sequence = u16::from_be_bytes([s0, s1]);
        let timestamp = u32::from(u16::from_be_bytes([t0, t1])) * 40;
        let content = match what & 3 {
            0 => Content::Noise,
            1 => Content::Event,
            _ => Content::Audio { ticks: u32::from(length) * 8 },
        };
        let ssrc = u32::from(ssrc & 3);
        let packet = Packet { sequence, timestamp, ssrc, ..Packet::default() };
        if what & 0x80 != 0 {
            receiver.expect_change();
        }
        if let Received::Accepted(arrival) = receiver.receive(now, &packet) {
            let payload = arrival.sequence.to_be_bytes();
            buffer.insert(now, arrival, &Packet { payload: &payload, ..packet }, content);
            planted(arrival, &buffer);
            inserted += 1;
        }
        for _ in 0..what >> 4 & 7 {
            pull(&mut buffer, now, &mut last);
        }
    }
    for concealed in 0.. {
        now += Duration::from_millis(20);
        if pull(&mut buffer, now, &mut last) {
            break;
        }
        assert!(concealed < CONCEALED_MAX, "it ends");
    }
    assert!(buffer.counts().played <= inserted);
    assert!(buffer.target() >= JitterLimits::default().delay_min);
    assert!(buffer.target() <= JitterLimits::default().delay_max);
}

/// Whether it was silent.
fn pull(buffer: &mut JitterBuffer, now: Duration, last: &mut Option<u64>) -> bool {
    match buffer.pull(now) {
        Playout::Frame(frame) => {
            let sequence = frame.payload.try_into().map(u64::from_be_bytes).expect("what went in");
            assert!(last.is_none_or(|last| last < sequence), "in order, and each once");
            *last = Some(sequence);
            false
        }
        Playout::Missing { ticks, next } => {
            assert!(ticks > 0);
            assert!(next.is_none_or(|next| next.payload.len() == 8));
            false
        }
        Playout::Noise(noise) => {
            assert!(noise.len() <= 16);
            true
        }
        Playout::Silence => true,
    }
}

/// A fault for `dev/fuzz plant`: in a sender that began anew, after something was played.
fn planted(arrival: Arrival, buffer: &JitterBuffer) {
    if cfg!(feature = "planted") && arrival.start == Some(Start::Restarted) && buffer.counts().played > 2 {
        panic!("planted in jitter");
    }
}
