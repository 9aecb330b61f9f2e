//! [`Room`]: a conference on this machine: each party hears all the others and whoever sits here, never itself.
//!
//! A party's stream drives its seat: what the stream hears is kept for each of the others until their streams ask for
//! it, so that a room has no clock of its own. Whoever sits here is driven by the first seat. Each party's own sum is
//! made: a phone has few; a server that mixes many takes shares out of one sum ([`ruf_audio::Mix::without`]).

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ruf_audio::{Converter, Frame, Mix, Rate};

use super::{Sink, Source};

/// The rate at which sound is mixed: that of wideband speech.
const RATE: Rate = Rate::Hz16000;
/// Frames of one party that may wait for another: streams take turns, and no delay grows.
const FRAMES_MAX: usize = 3;
/// The seat of whoever sits here.
const HERE: u64 = 0;

/// A conference. What is behind it lives as long as a seat or this.
#[derive(Clone)]
pub struct Room(Arc<Mutex<Inside>>);

struct Inside {
    source: Box<dyn Source>,
    sink: Box<dyn Sink>,
    converter: Converter,
    is_muted: bool,
    next: u64,
    /// What each party has not heard yet of each other.
    seats: BTreeMap<u64, BTreeMap<u64, VecDeque<Frame>>>,
}

impl Room {
    /// A room in which this source speaks and this sink hears all parties.
    pub fn new(source: Box<dyn Source>, sink: Box<dyn Sink>) -> Room {
        let seats = BTreeMap::from([(HERE, BTreeMap::new())]);
        let converter = Converter::new();
        Room(Arc::new(Mutex::new(Inside { source, sink, converter, is_muted: false, next: 1, seats })))
    }

    /// One more party: what is said to it, and what it says. It leaves when both are dropped.
    pub fn seat(&self) -> (Box<dyn Source>, Box<dyn Sink>) {
        let mut inside = self.lock();
        let number = inside.next;
        inside.next += 1;
        inside.seats.insert(number, BTreeMap::new());
        let seat = Arc::new(Seat { room: self.clone(), number });
        (Box::new(Said(Arc::clone(&seat))), Box::new(Heard { seat, converter: Converter::new() }))
    }

    /// Whoever sits here is not heard, or is again.
    pub fn mute(&self, is_muted: bool) {
        self.lock().is_muted = is_muted;
    }

    fn lock(&self) -> MutexGuard<'_, Inside> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Room {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Room").field("parties", &(self.lock().seats.len() - 1)).finish()
    }
}

impl Inside {
    /// A party said this: it waits for the others.
    fn said(&mut self, by: u64, frame: &Frame) {
        for (number, waiting) in &mut self.seats {
            if *number != by {
                let frames = waiting.entry(by).or_default();
                frames.push_back(frame.clone());
                if frames.len() > FRAMES_MAX {
                    frames.pop_front();
                }
            }
        }
    }

    /// What a party hears next.
    fn heard(&mut self, number: u64) -> Frame {
        let mut mix = Mix::new(RATE);
        for frames in self.seats.get_mut(&number).into_iter().flat_map(BTreeMap::values_mut) {
            if let Some(frame) = frames.pop_front() {
                // All have the rate of the room.
                let _ = mix.add(&frame);
            }
        }
        mix.all()
    }

    /// 20 ms of whoever sits here.
    fn turn_here(&mut self) {
        if let Some(frame) = self.source.frame().filter(|_| !self.is_muted) {
            let frame = self.converter.convert(frame, RATE);
            self.said(HERE, &frame);
        }
        let frame = self.heard(HERE);
        self.sink.hear(&frame);
    }

    fn leave(&mut self, number: u64) {
        self.seats.remove(&number);
        for waiting in self.seats.values_mut() {
            waiting.remove(&number);
        }
    }
}

/// A party's place.
struct Seat {
    room: Room,
    number: u64,
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.room.lock().leave(self.number);
    }
}

/// What is said to a party.
struct Said(Arc<Seat>);

impl Source for Said {
    fn frame(&mut self) -> Option<Frame> {
        let mut inside = self.0.room.lock();
        let is_first = inside.seats.keys().find(|number| **number != HERE) == Some(&self.0.number);
        if is_first {
            inside.turn_here();
        }
        Some(inside.heard(self.0.number))
    }
}

/// What a party says.
struct Heard {
    seat: Arc<Seat>,
    converter: Converter,
}

impl Sink for Heard {
    fn hear(&mut self, frame: &Frame) {
        let frame = self.converter.convert(frame.clone(), RATE);
        self.seat.room.lock().said(self.seat.number, &frame);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::ToneGenerator;
    use ruf_audio::{Tone, tone_hz};

    #[derive(Clone, Default)]
    struct Ear(Arc<Mutex<Vec<i16>>>);

    impl Sink for Ear {
        fn hear(&mut self, frame: &Frame) {
            assert_eq!(frame.rate(), RATE);
            self.0.lock().unwrap().extend(frame.iter());
        }
    }

    fn tone(hz: f32, rate: Rate) -> Box<dyn Source> {
        Box::new(ToneGenerator::new(Tone::sine(hz, -20.0), rate))
    }

    /// How loud a tone is among others, beside what one alone would be.
    fn share(samples: &[i16], hz: f32) -> f32 {
        let step = std::f32::consts::TAU * hz / RATE.hz() as f32;
        let sum = |wave: fn(f32) -> f32| -> f32 {
            let of = samples
                .iter()
                .zip(0_u16..)
                .map(|(sample, at)| f32::from(*sample) * wave(step * f32::from(at)));
            of.sum::<f32>() / samples.len() as f32
        };
        (sum(f32::sin).hypot(sum(f32::cos))) / (0.5 * 3_276.7 * std::f32::consts::SQRT_2)
    }

    #[test]
    fn everybody_hears_all_others_and_nobody_themselves() {
        let ear = Ear::default();
        let room = Room::new(tone(400.0, Rate::Hz48000), Box::new(ear.clone()));
        let mut parties: Vec<_> = [(600.0, Rate::Hz8000), (900.0, Rate::Hz16000), (1_300.0, Rate::Hz48000)]
            .map(|(hz, rate)| (hz, tone(hz, rate), room.seat(), Vec::new()))
            .into();
        for _ in 0..60 {
            for (_, voice, (said, heard), ear) in &mut parties {
                heard.hear(&voice.frame().unwrap());
                ear.extend(said.frame().unwrap().iter().copied());
            }
        }
        let tones = [400.0, 600.0, 900.0, 1_300.0];
        let here = (400.0, ear.0.lock().unwrap().clone());
        let all = parties.iter().map(|(own, _, _, heard)| (*own, heard.clone())).chain([here]);
        for (own, heard) in all {
            let heard = &heard[3_200..16_000];
            for hz in tones {
                let share = share(heard, hz);
                let wanted = if hz == own { share < 0.05 } else { (0.7..1.3).contains(&share) };
                assert!(wanted, "{own} hears {share} of {hz}");
            }
        }
    }

    #[test]
    fn who_is_muted_or_gone_is_not_heard_and_the_next_seat_keeps_the_time() {
        let ear = Ear::default();
        let room = Room::new(tone(400.0, RATE), Box::new(ear.clone()));
        let first = room.seat();
        let (mut said, mut heard) = room.seat();
        let mut voice = tone(600.0, RATE);
        assert_eq!(format!("{room:?}"), "Room { parties: 2 }");
        // Not the first: nobody turns.
        said.frame().unwrap();
        assert!(ear.0.lock().unwrap().is_empty());
        drop(first);
        let mut turn = |count| -> Vec<i16> {
            let frames = (0..count).map(|_| {
                heard.hear(&voice.frame().unwrap());
                said.frame().unwrap().to_vec()
            });
            frames.collect::<Vec<_>>().concat()
        };
        let near = |samples: &[i16], hz: f32| {
            tone_hz(samples, RATE.hz()).is_some_and(|(heard, _)| (heard - hz).abs() < 3.0)
        };
        assert!(near(&turn(50), 400.0));
        room.mute(true);
        turn(2);
        assert!(turn(10).iter().all(|sample| *sample == 0));
        assert!(near(&ear.0.lock().unwrap()[3_200..], 600.0));
    }
}
