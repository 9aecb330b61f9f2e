//! [`Mouth`]: from frames to packets: encoding, packets of the length that was agreed on, keys.

use std::collections::VecDeque;

use ruf_audio::{Converter, Frame};
use ruf_rtp::{Event, EventSender, Packet, Sender};

use crate::agreed::{Agreed, AgreedCodec, AgreedEvents};
use crate::codec::Encoder;

/// How long a key sounds, and how long nothing does between two, in milliseconds.
const KEY_MS: u32 = 120;
const PAUSE_MS: u32 = 80;
/// In dBm0 without the sign.
const KEY_VOLUME: u8 = 10;
/// Keys that may wait.
const KEYS_MAX: usize = 128;
/// A frame, in milliseconds.
const FRAME_MS: u32 = ruf_audio::FRAME_MS;

/// The speaking half of a stream.
pub(crate) struct Mouth {
    sender: Sender,
    codec: AgreedCodec,
    events: Option<AgreedEvents>,
    frames_per_packet: u32,
    encoder: Encoder,
    /// Of what we send so much is lost.
    loss_percent: u8,
    converter: Converter,
    /// What the next packet holds so far.
    samples: Vec<i16>,
    payload: Vec<u8>,
    keys: VecDeque<Event>,
    pressed: Option<EventSender>,
    /// Frames until the next key.
    pause: u32,
    datagram: Vec<u8>,
}

impl Mouth {
    /// Speaks what was agreed on; `None` if no codec was. `seed`: 64 random bits.
    pub(crate) fn new(agreed: &Agreed, seed: u64) -> Option<Mouth> {
        let codec = *agreed.codecs.first()?;
        Some(Mouth {
            sender: Sender::new(seed),
            codec,
            events: agreed.events,
            frames_per_packet: frames_per_packet(agreed),
            encoder: Encoder::new(&codec),
            loss_percent: 0,
            converter: Converter::new(),
            samples: Vec::new(),
            payload: Vec::new(),
            keys: VecDeque::new(),
            pressed: None,
            pause: 0,
            datagram: Vec::new(),
        })
    }

    /// Another description of the same stream: the sequence goes on.
    pub(crate) fn agree(&mut self, agreed: &Agreed) {
        let Some(codec) = agreed.codecs.first() else { return };
        if (codec.codec, codec.opus) != (self.codec.codec, self.codec.opus) {
            let gathered = self.forget();
            self.sender.silence(gathered);
            self.encoder = Encoder::new(codec);
            self.encoder.expect_loss(self.loss_percent);
        }
        self.codec = *codec;
        self.events = agreed.events;
        self.frames_per_packet = frames_per_packet(agreed);
    }

    /// Presses a key, after those that were pressed before; `false`: the far side takes none, or there are too
    /// many.
    pub(crate) fn press(&mut self, key: char) -> bool {
        let Some(event) = Event::of_key(key).filter(|_| self.events.is_some()) else { return false };
        let has_room = self.keys.len() < KEYS_MAX;
        if has_room {
            self.keys.push_back(event);
        }
        has_room
    }

    /// What RTCP tells of what was sent.
    pub(crate) fn sender(&self) -> &Sender {
        &self.sender
    }

    /// The far side says how much of what we sent was lost since it last said so. A loss is prepared for at once;
    /// that there is none is believed after a while.
    pub(crate) fn loses(&mut self, percent: u8) {
        self.loss_percent = percent.max(percent.midpoint(self.loss_percent));
        self.encoder.expect_loss(self.loss_percent);
    }

    /// No key is pressed, and none waits.
    pub(crate) fn is_done_pressing(&self) -> bool {
        self.pressed.is_none() && self.keys.is_empty()
    }

    /// 20 ms go by; `frame`: what we say, or nothing. Each datagram that is due goes to `send`.
    pub(crate) fn speak(&mut self, frame: Option<&Frame>, mut send: impl FnMut(&mut Vec<u8>)) {
        if self.press_on(&mut send) {
            return;
        }
        let Some(frame) = frame else { return self.rest() };
        let rate = self.codec.codec.rate();
        self.samples.extend_from_slice(&self.converter.convert(frame.clone(), rate));
        if self.samples.len() < rate.frame_len() * self.frames_per_packet as usize {
            return;
        }
        self.encoder.encode(&self.samples, &mut self.payload);
        let ticks = self.forget();
        if self.payload.is_empty() {
            return self.sender.silence(ticks);
        }
        let packet = self.sender.audio(self.codec.send, ticks, &self.payload);
        write(&packet, &mut self.datagram, &mut send);
    }

    /// 20 ms go by, and nothing may be said. Keys that were not begun wait.
    // rfc3550 §5.1: the timestamp goes on, whatever is sent
    pub(crate) fn rest(&mut self) {
        let ticks = self.ticks() + self.forget();
        self.sender.silence(ticks);
        self.pressed = None;
    }

    /// A key is pressed, or its pause goes on: nothing else is said.
    fn press_on(&mut self, send: &mut impl FnMut(&mut Vec<u8>)) -> bool {
        let ticks = self.ticks();
        if self.pressed.is_none()
            && self.pause == 0
            && let Some(event) = self.keys.pop_front()
        {
            let gathered = self.forget();
            self.sender.silence(gathered);
            // rfc4733 §2.3.5, §2.4.1: durations are in units of the event's own clock
            let interval = self.event_ticks();
            let (at, length) = (self.sender.timestamp(), interval / FRAME_MS * KEY_MS);
            self.pressed = Some(EventSender::begin(event, KEY_VOLUME, at, interval, Some(length)));
        }
        let event_ticks = self.event_ticks();
        if let (Some(pressed), Some(events)) = (&mut self.pressed, self.events) {
            for update in pressed.advance(event_ticks) {
                write(&self.sender.event(events.send, &update), &mut self.datagram, send);
            }
            if pressed.is_done() {
                self.pressed = None;
                self.pause = PAUSE_MS / FRAME_MS;
            }
            self.sender.silence(ticks);
            return true;
        }
        self.pressed = None;
        if self.pause > 0 {
            self.pause -= 1;
            // Sound goes on between the last key and what follows it.
            if !self.keys.is_empty() {
                self.sender.silence(ticks);
                return true;
            }
        }
        false
    }

    /// Drops what was gathered for the next packet; says how much RTP time it would have taken.
    fn forget(&mut self) -> u32 {
        let frames = self.samples.len() / self.codec.codec.rate().frame_len();
        self.samples.clear();
        self.ticks() * u32::try_from(frames).unwrap_or(0)
    }

    #[cfg(test)]
    pub(crate) fn loss_percent(&self) -> u8 {
        self.loss_percent
    }

    #[cfg(test)]
    pub(crate) fn renew_encoder(&mut self) {
        self.encoder = Encoder::new(&self.codec);
    }

    /// Units of the events' clock in a frame.
    fn event_ticks(&self) -> u32 {
        self.events.map_or(0, |events| events.clock_rate_hz / 1_000 * FRAME_MS)
    }

    /// Units of the RTP clock in a frame.
    fn ticks(&self) -> u32 {
        self.codec.codec.clock_rate_hz() / 1_000 * FRAME_MS
    }
}

fn write(packet: &Packet<'_>, datagram: &mut Vec<u8>, send: &mut impl FnMut(&mut Vec<u8>)) {
    datagram.clear();
    datagram.resize(packet.written_bytes(), 0);
    if packet.write(datagram).is_ok() {
        send(datagram);
    }
}

fn frames_per_packet(agreed: &Agreed) -> u32 {
    let millis = u32::try_from(agreed.ptime.as_millis()).unwrap_or(FRAME_MS);
    (millis / FRAME_MS).clamp(1, 6)
}
