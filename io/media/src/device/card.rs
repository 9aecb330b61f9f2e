//! [`Card`]: a sound card, or whatever the system offers as one, for all calls of a phone.
//!
//! Each call has a [lane](lane): what it hears is added to what the others hear, and what is spoken goes to all. The
//! card is open while there are lanes. One that is missing or lost ends no call: its lanes are silent, [`Card::trouble`]
//! says why, and it is tried again.
//!
//! What the system calls when it wants sound or has some must not wait: it takes the list of lanes as it is, allocates
//! nothing and frees nothing. Lists that are old are kept until it has let go of them.
//!
//! Not here: the system's devices (`system`), how two clocks meet (`lane`), echo and noise (`clean`).

#[cfg(feature = "card")]
mod clean;
#[cfg(not(feature = "card"))]
#[path = "card/no_clean.rs"]
mod clean;
mod lane;
#[cfg(feature = "card")]
mod system;
#[cfg(not(feature = "card"))]
#[path = "card/no_system.rs"]
mod system;

use std::fmt;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use ruf_audio::{Frame, Rate};

use self::lane::Lane;
use self::system::Opened;
use super::{Sink, Source};

pub use self::system::devices;

/// How often it is looked whether the card is wanted, and well.
const LOOK: Duration = Duration::from_millis(250);
/// Before a card that is missing is tried again.
const RETRY: Duration = Duration::from_secs(1);
/// One that neither takes nor gives sound for so long is lost, whatever it says.
const SILENT_MAX: Duration = Duration::from_secs(3);

/// A device that may be chosen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Device {
    /// By which the system knows it.
    pub name: String,
    /// In words.
    pub about: String,
    /// It is heard.
    pub speaks: bool,
    /// It hears.
    pub hears: bool,
}

/// Which end of a card.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Speaker,
    Microphone,
}

/// A speaker and a microphone. Clones are the same.
#[derive(Clone, Debug)]
pub struct Card(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    /// `None`: the one that the system takes.
    speaker: Option<String>,
    microphone: Option<String>,
    state: Mutex<State>,
    /// Locked for a look or a change of the list, never for longer: the system's callbacks take it.
    lanes: Mutex<Lanes>,
}

/// The lanes of a moment.
type Lanes = Arc<Vec<Arc<Lane>>>;

#[derive(Debug, Default)]
struct State {
    /// Lists that a callback may still hold: it must not be the last to let go.
    old: Vec<Lanes>,
    rates_hz: RatesHz,
    /// A thread keeps the card open.
    is_kept: bool,
    /// Of the speaker, and of the microphone.
    troubles: [Option<String>; 2],
}

/// At which the ends run, as far as that is known.
#[derive(Clone, Copy, Debug)]
struct RatesHz {
    speaker: u32,
    microphone: u32,
}

impl Default for RatesHz {
    fn default() -> RatesHz {
        RatesHz { speaker: Rate::Hz48000.hz(), microphone: Rate::Hz48000.hz() }
    }
}

impl Card {
    /// These devices, by their names or a part of them; the system's, where none is named. Nothing is opened yet.
    pub fn new(speaker: Option<String>, microphone: Option<String>) -> Card {
        Card(Arc::new(Shared { speaker, microphone, state: Mutex::default(), lanes: Mutex::default() }))
    }

    /// The system has a speaker that it takes where none is named.
    pub fn is_there() -> bool {
        system::is_there()
    }

    /// Both ends for one more call.
    pub fn ends(&self) -> (Box<dyn Source>, Box<dyn Sink>) {
        let mut state = self.0.state();
        let seat = self.0.seat(&mut state);
        if !state.is_kept {
            let shared = Arc::clone(&self.0);
            let keep = move || keep(&shared);
            match std::thread::Builder::new().name("ruf-card".to_owned()).spawn(keep) {
                Ok(_) => state.is_kept = true,
                Err(error) => state.troubles = [Some(format!("the system gives no thread: {error}")), None],
            }
        }
        (Box::new(Spoken(Arc::clone(&seat))), Box::new(Heard(seat)))
    }

    /// Why nothing is heard or spoken now: one sentence.
    pub fn trouble(&self) -> Option<String> {
        self.0.state().troubles.iter().flatten().next().cloned()
    }
}

// They mean the same devices.
impl PartialEq for Card {
    fn eq(&self, other: &Card) -> bool {
        (&self.0.speaker, &self.0.microphone) == (&other.0.speaker, &other.0.microphone)
    }
}

impl Eq for Card {}

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            End::Speaker => "the speaker",
            End::Microphone => "the microphone",
        })
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing panics while it is locked; a poisoned lock still holds a whole value.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One more lane, ready for both ends.
    fn seat(&self, state: &mut State) -> Arc<Seat> {
        let lane = Arc::new(Lane::new(state.rates_hz.speaker, state.rates_hz.microphone));
        self.change(state, |lanes| lanes.push(Arc::clone(&lane)));
        Arc::new(Seat(lane))
    }

    /// The lanes as they are now.
    fn lanes(&self) -> Lanes {
        Arc::clone(&self.lanes.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Puts another list in the place of the one that is. Whoever changes it holds the state.
    fn change(&self, state: &mut State, change: impl FnOnce(&mut Vec<Arc<Lane>>)) {
        let old = self.lanes();
        let mut lanes = old.to_vec();
        change(&mut lanes);
        let new = Arc::new(lanes);
        *self.lanes.lock().unwrap_or_else(PoisonError::into_inner) = new;
        state.old.push(old);
    }

    /// Takes away the lanes that no call has any more, and frees what no callback holds; `true`: none is left.
    fn tidy(&self, state: &mut State) -> bool {
        if self.lanes().iter().any(|lane| lane.is_left()) {
            self.change(state, |lanes| lanes.retain(|lane| !lane.is_left()));
        }
        // Nobody takes an old list anew.
        state.old.retain(|lanes| Arc::strong_count(lanes) > 1);
        self.lanes().is_empty()
    }
}

/// A call that has a lane: it is free when both ends are dropped.
struct Seat(Arc<Lane>);

/// What a call says.
struct Spoken(Arc<Seat>);

/// What a call hears.
struct Heard(Arc<Seat>);

impl Drop for Seat {
    fn drop(&mut self) {
        self.0.leave();
    }
}

impl Source for Spoken {
    fn frame(&mut self) -> Option<Frame> {
        Some(self.0.0.spoken())
    }
}

impl Sink for Heard {
    fn hear(&mut self, frame: &Frame) {
        self.0.0.hear(frame);
    }
}

/// Keeps a card open as long as there are lanes.
fn keep(shared: &Arc<Shared>) {
    let (lost, losses) = mpsc::channel();
    let mut ends = [End::Speaker, End::Microphone].map(|end| Kept { end, opened: None, tried: None });
    loop {
        for kept in &mut ends {
            kept.look(shared, &lost);
        }
        wait(&losses, &mut ends, shared);
        let mut state = shared.state();
        if shared.tidy(&mut state) {
            state.is_kept = false;
            state.troubles = [None, None];
            return;
        }
    }
}

/// Waits a moment, or until an end says that it is lost.
fn wait(losses: &Receiver<(End, String)>, ends: &mut [Kept; 2], shared: &Shared) {
    match losses.recv_timeout(LOOK) {
        Ok((end, why)) => {
            if let Some(kept) = ends.iter_mut().find(|kept| kept.end == end) {
                kept.lose(shared, why);
            }
        }
        Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {}
    }
}

/// One end of the card.
struct Kept {
    end: End,
    opened: Option<Opened>,
    tried: Option<Instant>,
}

impl Kept {
    /// Opens it if it is closed, and closes it if it does nothing.
    fn look(&mut self, shared: &Arc<Shared>, lost: &mpsc::Sender<(End, String)>) {
        if let Some(opened) = &mut self.opened {
            if opened.idle() > SILENT_MAX {
                self.lose(shared, format!("{} does not go on", self.end));
            }
        } else if self.tried.is_none_or(|tried| tried.elapsed() >= RETRY) {
            self.tried = Some(Instant::now());
            match Opened::open(self.end, shared, lost.clone()) {
                Ok(opened) => {
                    self.opened = Some(opened);
                    self.say(shared, None);
                }
                Err(why) => self.say(shared, Some(why)),
            }
        }
    }

    fn lose(&mut self, shared: &Shared, why: String) {
        self.opened = None;
        self.tried = Some(Instant::now());
        self.say(shared, Some(why));
    }

    fn say(&self, shared: &Shared, why: Option<String>) {
        let [speaker, microphone] = &mut shared.state().troubles;
        match self.end {
            End::Speaker => *speaker = why,
            End::Microphone => *microphone = why,
        }
    }
}
