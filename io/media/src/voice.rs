//! [`Voice`]: one stream of audio without a socket or a clock: datagrams and time in, datagrams out; between them a
//! source that is heard there and a sink that hears what is said there.

use std::net::SocketAddr;
use std::time::Duration;

use ruf_audio::Frame;
use ruf_ice::{Component, Path};
use ruf_rtp::{Packet, Protocol, Quality};

use crate::agreed::Agreed;
use crate::device::{Null, Silence, Sink, Source};
use crate::ear::Ear;
use crate::latch::{Latch, Verdict};
use crate::mouth::Mouth;
use crate::reports::{Reports, destination};
use crate::shield::Shield;
use crate::way::Way;

/// One stream.
pub(crate) struct Voice {
    seed: u64,
    active: Option<Active>,
    source: Box<dyn Source>,
    sink: Box<dyn Sink>,
    is_muted: bool,
    is_closed: bool,
    counts: Counts,
    /// Of what was stopped.
    last: Quality,
    way: Way,
    /// Leaves with the next tick.
    farewell: Vec<Outgoing>,
    now: Duration,
    /// The wall clock at the start of the stream's, as NTP has it.
    ntp_at_start: u64,
}

struct Active {
    agreed: Agreed,
    ear: Ear,
    mouth: Mouth,
    latch: Option<Latch>,
    /// `None`: nothing is encrypted.
    shield: Option<Shield>,
    reports: Reports,
}

/// What went over the wire.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Packets of RTP.
    pub sent: u64,
    /// Packets of RTP from the far side.
    pub received: u64,
    /// Datagrams that are no RTP.
    pub malformed: u64,
    /// Packets that came from strangers.
    pub refused: u64,
    /// Reports of RTCP from the far side.
    pub reports: u64,
}

/// A datagram that is due.
#[derive(Debug)]
pub(crate) struct Outgoing {
    pub(crate) to: SocketAddr,
    pub(crate) datagram: Vec<u8>,
    /// It leaves from our port of RTCP.
    pub(crate) is_rtcp: bool,
}

impl Voice {
    /// Hears and says nothing yet. `seed`: 64 random bits; `ntp_at_start`: the wall clock when the clock of the stream
    /// was at nought, as NTP has it.
    pub(crate) fn new(
        seed: u64,
        ntp_at_start: u64,
        way: Way,
        source: Box<dyn Source>,
        sink: Box<dyn Sink>,
    ) -> Voice {
        Voice {
            seed,
            active: None,
            source,
            sink,
            is_muted: false,
            is_closed: false,
            counts: Counts::default(),
            last: Quality::default(),
            way,
            farewell: Vec::new(),
            now: Duration::ZERO,
            ntp_at_start,
        }
    }

    /// From now on this is how both talk. Without a codec, or with keys that are none, nothing is said or heard.
    pub(crate) fn agree(&mut self, agreed: Agreed) {
        self.way.agree(self.now, agreed.ice.as_ref());
        let active = match self.active.take() {
            Some(mut active) => {
                let fits = match (&mut active.shield, agreed.keys.clone()) {
                    (Some(shield), Some(keys)) => shield.agree(keys),
                    (shield, keys) => {
                        let is_wanted = keys.is_some();
                        *shield = keys.and_then(Shield::new);
                        shield.is_some() == is_wanted
                    }
                };
                if !fits {
                    return;
                }
                active.ear.agree(&agreed);
                // So do most phones when anything changes; a new way for the same sound is nothing to begin anew for.
                let of_sound = |agreed: &Agreed| Agreed { ice: None, ..agreed.clone() };
                if of_sound(&active.agreed) != of_sound(&agreed) {
                    active.ear.restart();
                }
                active.mouth.agree(&agreed);
                match (&mut active.latch, agreed.remote) {
                    (Some(latch), Some(remote)) => latch.signal(remote),
                    (latch, remote) => *latch = remote.map(Latch::new),
                }
                Some(Active { agreed, ..active })
            }
            None => Active::new(agreed, self.now, self.seed, self.ntp_at_start),
        };
        self.active = active;
    }

    /// Nothing more is said or heard.
    pub(crate) fn stop(&mut self) {
        self.last = self.quality();
        if let Some(Active { agreed, ear, mouth, latch: Some(latch), mut shield, mut reports }) =
            self.active.take()
        {
            let bye = reports.bye(self.now, (mouth.sender(), ear.receiver()), shield.as_mut());
            let goes = bye.and_then(|datagram| report(&agreed, &latch, &mut self.way, datagram));
            self.farewell.extend(goes);
        }
    }

    /// Stops for good: whoever drives it drives it once more, for what is left to be said, and no longer.
    pub(crate) fn close(&mut self) {
        self.stop();
        // A file is whole, and a card free, before anybody who waits for that goes on.
        (self.source, self.sink) = (Box::new(Silence), Box::new(Null));
        // After the last report, which may go by what is given back.
        self.way.close(self.now);
        self.way.take_due(&mut self.farewell);
        self.is_closed = true;
    }

    /// Nobody wants it any more.
    pub(crate) fn is_closed(&self) -> bool {
        self.is_closed
    }

    /// What is said from now on.
    pub(crate) fn say(&mut self, source: Box<dyn Source>) {
        self.source = source;
    }

    /// Where what is heard goes from now on.
    pub(crate) fn hear_with(&mut self, sink: Box<dyn Sink>) {
        self.sink = sink;
    }

    /// Says silence instead, or no longer.
    pub(crate) fn mute(&mut self, is_muted: bool) {
        self.is_muted = is_muted;
    }

    /// Presses a key; `false`: the far side takes none.
    pub(crate) fn press(&mut self, key: char) -> bool {
        self.active.as_mut().is_some_and(|active| active.mouth.press(key))
    }

    /// No key waits to be sent.
    pub(crate) fn is_done_pressing(&self) -> bool {
        self.active.as_ref().is_none_or(|active| active.mouth.is_done_pressing())
    }

    /// The next key that the far side pressed.
    pub(crate) fn digit(&mut self) -> Option<char> {
        self.active.as_mut()?.ear.digit()
    }

    /// The way of its packets.
    pub(crate) fn way(&mut self) -> &mut Way {
        &mut self.way
    }

    /// A datagram came to the port of RTP.
    pub(crate) fn receive(&mut self, now: Duration, from: SocketAddr, datagram: &[u8]) {
        self.now = self.now.max(now);
        let Some((path, datagram)) = self.way.receive(now, Component::Rtp, from, datagram) else { return };
        let from = path.remote;
        let is_proved = self.way.is_proved(Component::Rtp, path);
        let Some(Active { agreed, ear, latch: Some(latch), shield, .. }) = &mut self.active else { return };
        match Protocol::of(datagram) {
            Some(Protocol::Rtp) => {}
            // rfc5761 §4: told apart, whether it was agreed on or not
            Some(Protocol::Rtcp) => return self.report(now, Component::Rtp, path, datagram),
            Some(_) => return,
            None => return self.counts.malformed += 1,
        }
        let mut datagram = datagram.to_vec();
        if let Some(shield) = shield
            && !shield.open(&mut datagram)
        {
            return self.counts.refused += 1;
        }
        let Ok(packet) = Packet::parse(&datagram) else { return self.counts.malformed += 1 };
        // What was not agreed on proves nothing.
        if !agreed.receives || !agreed.takes(packet.payload_type) {
            return;
        }
        match latch.hear(now, from, &packet, &datagram, shield.is_some() || is_proved) {
            Verdict::Take(kept) => {
                for kept in &kept {
                    if let Ok(packet) = Packet::parse(kept) {
                        self.counts.received += 1;
                        ear.receive(now, &packet);
                    }
                }
                self.counts.received += 1;
                ear.receive(now, &packet);
            }
            Verdict::Kept => {}
            Verdict::Refuse => self.counts.refused += 1,
        }
    }

    /// A datagram came to the port of RTCP.
    pub(crate) fn receive_rtcp(&mut self, now: Duration, from: SocketAddr, datagram: &[u8]) {
        self.now = self.now.max(now);
        if let Some((path, datagram)) = self.way.receive(now, Component::Rtcp, from, datagram) {
            self.report(now, Component::Rtcp, path, datagram);
        }
    }

    fn report(&mut self, now: Duration, component: Component, path: Path, datagram: &[u8]) {
        let is_proved = self.way.is_proved(component, path);
        let Some(Active { ear, mouth, latch: Some(latch), shield, reports, .. }) = &mut self.active else {
            return;
        };
        let mut datagram = datagram.to_vec();
        let is_believed = match shield {
            Some(shield) => shield.open_rtcp(&mut datagram),
            None => is_proved || latch.is_host(path.remote),
        };
        if !is_believed {
            return self.counts.refused += 1;
        }
        match reports.receive(now, mouth.sender().ssrc(), &datagram) {
            Some(said) => {
                self.counts.reports += 1;
                said.ended.into_iter().for_each(|ssrc| ear.bye(ssrc));
                said.lost_percent.into_iter().for_each(|percent| mouth.loses(percent));
                ear.travels(reports.round_trip());
            }
            None => self.counts.malformed += 1,
        }
    }

    /// 20 ms went by.
    pub(crate) fn tick(&mut self, now: Duration, out: &mut Vec<Outgoing>) {
        self.now = now;
        self.way.tick(now);
        self.take_due(out);
        let Some(Active { agreed, ear, mouth, latch, shield, reports }) = &mut self.active else { return };
        if agreed.receives {
            self.sink.hear(&ear.frame(now));
        }
        // A source goes on, whoever listens.
        let frame = self.source.frame();
        let Some(latch) = latch else { return mouth.rest() };
        if agreed.sends {
            let silence = frame.as_ref().map(|frame| Frame::silence(frame.rate()));
            let frame = if self.is_muted { silence } else { frame };
            let (counts, way) = (&mut self.counts, &mut self.way);
            let latched = (latch.remote(), latch.is_heard());
            mouth.speak(frame.as_ref(), |datagram| {
                // rfc3711 §9.2: what cannot be protected does not go out
                if shield.as_mut().is_none_or(|shield| shield.protect(datagram))
                    && let Some(goes) = way.forward(Component::Rtp, latched, datagram.clone(), false)
                {
                    counts.sent += 1;
                    out.push(goes);
                }
            });
        } else {
            mouth.rest();
        }
        let due = reports.due(now, (mouth.sender(), ear.receiver()), shield.as_mut());
        out.extend(due.and_then(|datagram| report(agreed, latch, &mut self.way, datagram)));
    }

    /// What is not said with a frame: it need not wait for the next one.
    pub(crate) fn take_due(&mut self, out: &mut Vec<Outgoing>) {
        out.append(&mut self.farewell);
        self.way.take_due(out);
    }

    /// How good it is received, now or when it was stopped.
    pub(crate) fn quality(&self) -> Quality {
        self.active.as_ref().map_or(self.last, |active| active.ear.quality())
    }

    /// What went over the wire.
    pub(crate) fn counts(&self) -> Counts {
        self.counts
    }
}

impl Active {
    fn new(agreed: Agreed, now: Duration, seed: u64, ntp_at_start: u64) -> Option<Active> {
        let (ear, mouth) = (Ear::new(&agreed)?, Mouth::new(&agreed, seed)?);
        let latch = agreed.remote.map(Latch::new);
        let shield = match &agreed.keys {
            Some(keys) => Some(Shield::new(keys.clone())?),
            None => None,
        };
        let clock_rate_hz = agreed.codecs.first()?.codec.clock_rate_hz();
        let reports = Reports::new(now, seed.rotate_left(32), ntp_at_start, clock_rate_hz);
        Some(Active { agreed, ear, mouth, latch, shield, reports })
    }
}

/// How a report goes.
fn report(agreed: &Agreed, latch: &Latch, way: &mut Way, datagram: Vec<u8>) -> Option<Outgoing> {
    let component = if agreed.rtcp_mux { Component::Rtp } else { Component::Rtcp };
    let latched = (destination(agreed, latch.remote()), latch.is_heard());
    way.forward(component, latched, datagram, !agreed.rtcp_mux)
}

#[cfg(test)]
impl Voice {
    /// As phones do that take their stream down and set up another.
    fn renew_encoder(&mut self) {
        if let Some(active) = &mut self.active {
            active.mouth.renew_encoder();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::agreed::{AgreedCodec, AgreedEvents};
    use crate::codec::{Codec, OpusParameters};
    use crate::device::{Null, Silence, ToneGenerator};
    use crate::shield::{Keys, MasterKey};
    use ruf_audio::{Rate, Tone, tone_hz};
    use ruf_rtp::rtcp::{ReportBlock, RtcpWriter};
    use ruf_srtp::Suite;
    use std::sync::{Arc, Mutex};

    const A: &str = "192.0.2.1:4000";
    const B: &str = "192.0.2.2:5000";

    /// Keeps what it hears.
    #[derive(Clone, Default)]
    struct Heard(Arc<Mutex<(u32, Vec<i16>)>>);

    impl Sink for Heard {
        fn hear(&mut self, frame: &Frame) {
            let mut heard = self.0.lock().unwrap();
            heard.0 = frame.rate().hz();
            heard.1.extend(frame.iter());
        }
    }

    impl Heard {
        /// The tone of the last half second, in Hz.
        fn tone(&self) -> Option<f32> {
            let heard = self.0.lock().unwrap();
            let half = heard.0 as usize / 2;
            tone_hz(&heard.1[heard.1.len() - half..], heard.0).map(|(hz, _)| hz)
        }
    }

    fn agreed(remote: &str, codec: Codec) -> Agreed {
        Agreed {
            remote: Some(remote.parse().unwrap()),
            remote_rtcp: None,
            rtcp_mux: false,
            sends: true,
            receives: true,
            codecs: vec![AgreedCodec { codec, send: 9, receive: 9, opus: OpusParameters::default() }],
            events: Some(AgreedEvents { send: 101, receive: 101, clock_rate_hz: 8_000 }),
            noise: None,
            ptime: Duration::from_millis(20),
            keys: None,
            ice: None,
        }
    }

    fn way() -> Way {
        Way::new([7; 32], A.parse().unwrap(), A.parse().unwrap())
    }

    /// The same, encrypted: `us` and `them` stand for the two keys.
    fn encrypted(remote: &str, suite: Suite, us: u8, them: u8) -> Agreed {
        let key = |octet| MasterKey { key_salt: vec![octet; suite.key_salt_octets()], mki: Vec::new() };
        let keys = Keys { suite, send: key(us), receive: key(them) };
        Agreed { keys: Some(keys), ..agreed(remote, Codec::Pcma) }
    }

    /// Alice says a tone of 440 Hz, and Bob one of 700.
    struct Pair {
        now: Duration,
        alice: Voice,
        bob: Voice,
        heard_by_alice: Heard,
        heard_by_bob: Heard,
        /// From where Alice's packets come.
        alice_from: SocketAddr,
    }

    impl Pair {
        fn new(codec: Codec) -> Pair {
            let (heard_by_alice, heard_by_bob) = (Heard::default(), Heard::default());
            let voice = |seed, hz, heard: &Heard| {
                let tone = ToneGenerator::new(Tone::sine(hz, -10.0), Rate::Hz16000);
                Voice::new(seed, seed << 32, way(), Box::new(tone), Box::new(heard.clone()))
            };
            let (mut alice, mut bob) = (voice(1, 440.0, &heard_by_alice), voice(2, 700.0, &heard_by_bob));
            alice.agree(agreed(B, codec));
            bob.agree(agreed(A, codec));
            Pair {
                now: Duration::ZERO,
                alice,
                bob,
                heard_by_alice,
                heard_by_bob,
                alice_from: A.parse().unwrap(),
            }
        }

        fn run(&mut self, frames: u32) {
            for _ in 0..frames {
                self.now += Duration::from_millis(20);
                let mut out = Vec::new();
                self.alice.tick(self.now, &mut out);
                for Outgoing { to, datagram, is_rtcp } in out.drain(..) {
                    let port = |address: SocketAddr| {
                        SocketAddr::new(address.ip(), address.port() + u16::from(is_rtcp))
                    };
                    assert_eq!(to, port(B.parse().unwrap()));
                    match is_rtcp {
                        true => self.bob.receive_rtcp(self.now, port(self.alice_from), &datagram),
                        false => self.bob.receive(self.now, self.alice_from, &datagram),
                    }
                }
                self.bob.tick(self.now, &mut out);
                for Outgoing { to, datagram, is_rtcp } in out {
                    if to.ip() != self.alice_from.ip() {
                        continue;
                    }
                    match is_rtcp {
                        true => self.alice.receive_rtcp(self.now, B.parse().unwrap(), &datagram),
                        false => self.alice.receive(self.now, B.parse().unwrap(), &datagram),
                    }
                }
            }
        }

        fn tones(&self) -> (Option<f32>, Option<f32>) {
            (self.heard_by_alice.tone(), self.heard_by_bob.tone())
        }
    }

    fn is(tone: Option<f32>, hz: f32) -> bool {
        tone.is_some_and(|heard| (heard - hz).abs() < 3.0)
    }

    #[test]
    fn both_hear_each_other_with_every_codec() {
        for codec in Codec::ALL {
            let mut pair = Pair::new(codec);
            pair.run(60);
            let (alice, bob) = pair.tones();
            assert!(is(alice, 700.0) && is(bob, 440.0), "{codec:?}: {alice:?}, {bob:?}");
            assert_eq!(pair.alice.counts().sent, 60);
        }
    }

    #[test]
    fn from_behind_a_nat_both_hear_each_other() {
        let mut pair = Pair::new(Codec::Pcma);
        pair.alice_from = "198.51.100.7:777".parse().unwrap();
        pair.run(60);
        let (alice, bob) = pair.tones();
        assert!(is(alice, 700.0) && is(bob, 440.0), "{alice:?}, {bob:?}");
        assert_eq!(pair.bob.counts().received, 60);
    }

    #[test]
    fn keys_come_in_order_and_once_and_the_tone_goes_on() {
        // tests rfc4733 §2.5
        let mut pair = Pair::new(Codec::G722);
        pair.run(10);
        assert!("12#".chars().all(|key| pair.alice.press(key)));
        assert!(!pair.alice.press('x'));
        pair.run(60);
        assert!(pair.alice.is_done_pressing());
        let digits: String = std::iter::from_fn(|| pair.bob.digit()).collect();
        assert_eq!(digits, "12#");
        assert!(is(pair.heard_by_bob.tone(), 440.0));
    }

    #[test]
    fn keys_beside_opus_last_as_long_by_their_own_clock() {
        // tests rfc4733 §2.3.5, §2.4.1
        let mut pair = Pair::new(Codec::Opus);
        pair.run(10);
        assert!(pair.alice.press('5'));
        let (mut out, mut durations) = (Vec::new(), Vec::new());
        for _ in 0..12 {
            pair.now += Duration::from_millis(20);
            pair.alice.tick(pair.now, &mut out);
        }
        for Outgoing { datagram, is_rtcp, .. } in out {
            match Packet::parse(&datagram) {
                Ok(packet) if !is_rtcp && packet.payload_type == 101 => {
                    durations.push(u16::from_be_bytes([packet.payload[2], packet.payload[3]]));
                }
                _ => {}
            }
        }
        // 120 ms, told three times at the end.
        assert_eq!(durations.iter().rev().take(3).collect::<Vec<_>>(), [&960, &960, &960]);
    }

    #[test]
    fn who_is_muted_or_may_not_send_is_not_heard() {
        let mut pair = Pair::new(Codec::Pcmu);
        pair.alice.mute(true);
        pair.run(60);
        assert_eq!((pair.heard_by_bob.tone(), pair.alice.counts().sent), (None, 60));
        pair.alice.mute(false);
        pair.alice.agree(Agreed { sends: false, ..agreed(B, Codec::Pcmu) });
        pair.run(60);
        assert_eq!((pair.heard_by_bob.tone(), pair.alice.counts().sent), (None, 60));
        pair.alice.agree(agreed(B, Codec::Pcmu));
        pair.run(60);
        assert!(is(pair.heard_by_bob.tone(), 440.0));
    }

    #[test]
    fn the_clock_goes_on_while_nothing_may_be_said() {
        // tests rfc3550 §5.1, rfc3551 §4.1
        let mut voice = Voice::new(1, 0, way(), Box::new(Silence), Box::new(Null));
        let mut said = Vec::new();
        let held = [
            (true, Some(B)),
            // On hold by direction, and by an address of nobody.
            (false, Some(B)),
            (true, None),
            (true, Some(B)),
        ];
        for (sends, remote) in held {
            let remote = remote.map(|remote| remote.parse().unwrap());
            voice.agree(Agreed { sends, remote, ..agreed(B, Codec::Pcma) });
            for _ in 0..50 {
                let mut out = Vec::new();
                voice.tick(Duration::ZERO, &mut out);
                said.extend(out.iter().filter(|out| !out.is_rtcp).map(|out| {
                    let packet = Packet::parse(&out.datagram).unwrap();
                    (packet.sequence, packet.timestamp, packet.marker)
                }));
            }
        }
        assert_eq!(said.len(), 100);
        let (last, next) = (said[49], said[50]);
        assert_eq!(next.0, last.0.wrapping_add(1));
        assert_eq!((next.1.wrapping_sub(last.1), next.2), (101 * 160, true));
    }

    #[test]
    fn packets_of_forty_milliseconds_hold_two_frames() {
        let mut pair = Pair::new(Codec::Pcma);
        pair.alice.agree(Agreed { ptime: Duration::from_millis(40), ..agreed(B, Codec::Pcma) });
        pair.run(60);
        assert_eq!(pair.alice.counts().sent, 30);
        assert!(is(pair.heard_by_bob.tone(), 440.0));
    }

    #[test]
    fn each_side_may_send_with_another_codec_though_its_clock_is_another() {
        let both = |first: Codec, second: Codec| {
            [first, second].map(|codec| AgreedCodec {
                codec,
                send: codec as u8,
                receive: codec as u8,
                opus: OpusParameters::default(),
            })
        };
        let mut pair = Pair::new(Codec::Opus);
        let codecs = both(Codec::Pcma, Codec::Opus).to_vec();
        pair.alice.agree(Agreed { codecs, ..agreed(B, Codec::Pcma) });
        let codecs = both(Codec::Opus, Codec::Pcma).to_vec();
        pair.bob.agree(Agreed { codecs, ..agreed(A, Codec::Opus) });
        pair.run(80);
        let (alice, bob) = pair.tones();
        assert!(is(alice, 700.0) && is(bob, 440.0), "{alice:?}, {bob:?}");
    }

    #[test]
    fn another_codec_within_a_call_is_followed() {
        let mut pair = Pair::new(Codec::Pcma);
        pair.run(20);
        for (voice, remote) in [(&mut pair.alice, B), (&mut pair.bob, A)] {
            voice.agree(agreed(remote, Codec::G722));
        }
        pair.run(60);
        let (alice, bob) = pair.tones();
        assert!(is(alice, 700.0) && is(bob, 440.0), "{alice:?}, {bob:?}");
    }

    #[test]
    fn who_comes_back_with_a_new_encoder_is_not_heard_as_a_bang() {
        let mut pair = Pair::new(Codec::G722);
        pair.run(60);
        // On hold Alice says silence; then her phone sets up its stream anew: of the same SSRC, going on.
        pair.alice.mute(true);
        pair.bob.agree(Agreed { sends: false, ..agreed(A, Codec::G722) });
        pair.run(60);
        pair.alice.renew_encoder();
        pair.alice.mute(false);
        pair.bob.agree(agreed(A, Codec::G722));
        pair.heard_by_bob.0.lock().unwrap().1.clear();
        pair.run(60);
        let loudest = pair.heard_by_bob.0.lock().unwrap().1.iter().map(|sample| sample.unsigned_abs()).max();
        let amplitude = 32_768.0 * 10.0_f32.powf(-10.0 / 20.0);
        assert!(f32::from(loudest.unwrap()) < 1.5 * amplitude, "{loudest:?}");
        assert!(is(pair.heard_by_bob.tone(), 440.0));
    }

    #[test]
    fn what_is_encrypted_is_heard_and_what_is_not_is_refused() {
        // tests rfc3711 §3.3
        for suite in Suite::ALL {
            let mut pair = Pair::new(Codec::Pcma);
            pair.alice.agree(encrypted(B, suite, 1, 2));
            pair.bob.agree(encrypted(A, suite, 2, 1));
            pair.run(40);
            // The same again, as for a hold: the indices go on.
            pair.alice.agree(encrypted(B, suite, 1, 2));
            pair.bob.agree(encrypted(A, suite, 2, 1));
            pair.run(30);
            // New keys.
            pair.alice.agree(encrypted(B, suite, 3, 4));
            pair.bob.agree(encrypted(A, suite, 4, 3));
            pair.run(30);
            let (alice, bob) = pair.tones();
            assert!(is(alice, 700.0) && is(bob, 440.0), "{suite:?}: {alice:?}, {bob:?}");
            assert_eq!((pair.bob.counts().received, pair.bob.counts().refused), (100, 0), "{suite:?}");
            pair.alice.agree(agreed(B, Codec::Pcma));
            pair.run(30);
            // Each packet, and the report if one was due.
            let counts = pair.bob.counts();
            assert!(counts.received == 100 && (30..=31).contains(&counts.refused), "{suite:?} {counts:?}");
        }
    }

    #[test]
    fn a_key_of_the_wrong_length_silences_a_stream_and_never_makes_it_plain() {
        let mut wrong = encrypted(B, Suite::AeadAes128Gcm, 1, 2);
        if let Some(keys) = &mut wrong.keys {
            keys.send.key_salt.pop();
        }
        let mut pair = Pair::new(Codec::Pcma);
        pair.alice.agree(wrong);
        pair.run(10);
        assert_eq!(pair.alice.counts().sent, 0);
    }

    #[test]
    fn each_hears_how_it_is_received_and_that_the_other_leaves() {
        // tests rfc3550 §6.4, §6.3.7; rfc5761 §5.1.1
        for (is_encrypted, is_mux) in [(false, false), (true, false), (false, true), (true, true)] {
            let with = |remote, us, them| {
                let plain = agreed(remote, Codec::Pcma);
                let keyed = encrypted(remote, Suite::AesCm128HmacSha1_80, us, them);
                Agreed { rtcp_mux: is_mux, ..if is_encrypted { keyed } else { plain } }
            };
            let mut pair = Pair::new(Codec::Pcma);
            pair.alice.stop();
            pair.bob.stop();
            pair.alice.agree(with(B, 1, 2));
            pair.bob.agree(with(A, 2, 1));
            pair.run(1_500);
            let (alice, bob) = (pair.alice.counts(), pair.bob.counts());
            assert!(alice.reports >= 2 && bob.reports >= 2, "{alice:?} {bob:?}");
            assert_eq!((alice.refused, bob.refused, bob.malformed), (0, 0, 0));
            let trip = pair.alice.quality().round_trip_ms.expect("reports came").mean;
            assert!(trip < 41.0, "{trip} ms");
            let before = pair.bob.counts().reports;
            pair.alice.stop();
            pair.run(1);
            assert_eq!(pair.bob.counts().reports, before + 1, "a BYE");
        }
    }

    #[test]
    fn what_the_far_side_says_it_lost_is_prepared_for() {
        // tests rfc3550 §6.4.1
        let mut pair = Pair::new(Codec::Opus);
        pair.run(10);
        let ours = pair.alice.active.as_ref().unwrap().mouth.sender().ssrc();
        let mut reported = |ssrc, fraction_lost| {
            let mut report = [0; 64];
            let mut writer = RtcpWriter::new(&mut report);
            writer
                .receiver_report(9, &[ReportBlock { ssrc, fraction_lost, ..ReportBlock::default() }])
                .unwrap();
            let len = writer.bytes();
            pair.alice.receive_rtcp(pair.now, "192.0.2.2:5001".parse().unwrap(), &report[..len]);
            pair.alice.active.as_ref().unwrap().mouth.loss_percent()
        };
        // At once, and no longer after a while; of others it is no matter.
        assert_eq!(
            [(ours, 26), (ours ^ 1, 255), (ours, 0), (ours, 0), (ours, 255)]
                .map(|(ssrc, lost)| reported(ssrc, lost)),
            [11, 11, 5, 2, 100]
        );
    }

    #[test]
    fn reports_of_strangers_are_refused() {
        let mut pair = Pair::new(Codec::Pcma);
        pair.run(10);
        let report = [0x80, 201, 0, 1, 0, 0, 0, 9];
        pair.bob.receive_rtcp(pair.now, "203.0.113.9:4001".parse().unwrap(), &report);
        assert_eq!((pair.bob.counts().reports, pair.bob.counts().refused), (0, 1));
        pair.bob.receive_rtcp(pair.now, "192.0.2.1:4001".parse().unwrap(), &report);
        assert_eq!((pair.bob.counts().reports, pair.bob.counts().refused), (1, 1));
    }

    #[test]
    fn garbage_is_counted_and_harms_nobody() {
        let mut pair = Pair::new(Codec::Pcma);
        pair.run(10);
        let from = A.parse().unwrap();
        for len in 0..40 {
            pair.bob.receive(pair.now, from, &vec![0x80; len]);
            pair.bob.receive(pair.now, from, &vec![0xFF; len]);
        }
        pair.run(60);
        assert!(is(pair.heard_by_bob.tone(), 440.0));
        assert!(pair.bob.counts().malformed > 0);
    }

    #[test]
    fn nothing_goes_out_before_it_was_agreed_on_nor_after_the_end() {
        let mut voice = Voice::new(1, 0, way(), Box::new(Silence), Box::new(Null));
        let mut out = Vec::new();
        voice.tick(Duration::from_millis(20), &mut out);
        voice.receive(Duration::from_millis(20), A.parse().unwrap(), &[0x80; 20]);
        voice.agree(agreed(A, Codec::Pcma));
        voice.tick(Duration::from_millis(40), &mut out);
        assert_eq!(out.len(), 1);
        voice.stop();
        // A BYE, and nothing more.
        voice.tick(Duration::from_millis(60), &mut out);
        assert!(out.len() == 2 && out[1].is_rtcp && out[1].to == "192.0.2.1:4001".parse().unwrap());
        voice.tick(Duration::from_millis(80), &mut out);
        assert_eq!(out.len(), 2);
    }

    #[test]
    fn who_is_held_and_taken_back_is_heard_again() {
        let mut pair = Pair::new(Codec::G722);
        pair.run(30);
        pair.alice.agree(Agreed { receives: false, ..agreed(B, Codec::G722) });
        pair.bob.agree(Agreed { sends: false, ..agreed(A, Codec::G722) });
        pair.run(3);
        pair.alice.agree(agreed(B, Codec::G722));
        pair.bob.agree(agreed(A, Codec::G722));
        pair.run(60);
        let (alice, bob) = pair.tones();
        assert!(is(alice, 700.0) && is(bob, 440.0), "{alice:?}, {bob:?}");
    }
}
