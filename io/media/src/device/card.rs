//! [`Card`]: a sound card, or whatever the system offers as one, for all calls of a phone.
//!
//! Each call has a [lane](lane): what it hears is added to what the others hear, and what is spoken goes to all. The
//! card is open while there are lanes. One that is missing or lost ends no call: its lanes are silent, [`Card::trouble`]
//! says why, and it is tried again.
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

use ruf_audio::Frame;

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
}

#[derive(Debug, Default)]
struct State {
    lanes: Vec<Arc<Lane>>,
    /// A thread keeps the card open.
    is_kept: bool,
    /// Of the speaker, and of the microphone.
    troubles: [Option<String>; 2],
}

impl Card {
    /// These devices, by their names or a part of them; the system's, where none is named. Nothing is opened yet.
    pub fn new(speaker: Option<String>, microphone: Option<String>) -> Card {
        Card(Arc::new(Shared { speaker, microphone, state: Mutex::default() }))
    }

    /// The system has a speaker that it takes where none is named.
    pub fn is_there() -> bool {
        system::is_there()
    }

    /// Both ends for one more call.
    pub fn ends(&self) -> (Box<dyn Source>, Box<dyn Sink>) {
        let lane = Arc::new(Lane::new());
        let mut state = self.0.state();
        state.lanes.push(Arc::clone(&lane));
        if !state.is_kept {
            let shared = Arc::clone(&self.0);
            let keep = move || keep(&shared);
            match std::thread::Builder::new().name("ruf-card".to_owned()).spawn(keep) {
                Ok(_) => state.is_kept = true,
                Err(error) => state.troubles = [Some(format!("the system gives no thread: {error}")), None],
            }
        }
        (Box::new(Spoken(Arc::clone(&lane))), Box::new(Heard(lane)))
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
}

/// What a call says.
struct Spoken(Arc<Lane>);

/// What a call hears.
struct Heard(Arc<Lane>);

impl Source for Spoken {
    fn frame(&mut self) -> Option<Frame> {
        Some(self.0.spoken())
    }
}

impl Sink for Heard {
    fn hear(&mut self, frame: &Frame) {
        self.0.hear(frame);
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
        // A lane that only we hold is no call's any more.
        state.lanes.retain(|lane| Arc::strong_count(lane) > 1);
        if state.lanes.is_empty() {
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
