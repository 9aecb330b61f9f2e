//! What comes to the [`Model`](super::model::Model), and what it wants done.

use std::path::PathBuf;

use ruf_sip::{DiversionReason, Diverted, Ended, Error, Mailbox, StatusCode};

use super::call_list::CallEntry;
use super::consent_file::Consent;
use super::hooks::Run;
use super::standing::Standing;
use super::voicemail::Taking;

/// One call, by who began it: the model counts its own, the exchange those that come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum LineId {
    /// We call.
    Out(u64),
    /// We are called.
    In(u64),
}

/// What happened.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Event {
    /// A key was pressed.
    Key(Key),
    /// Text was pasted.
    Paste(String),
    /// The terminal has so many columns and rows.
    Size(u16, u16),
    /// Time passed; nothing else.
    Tick,
    /// What the server of this account knows of us.
    Account { account: usize, registration: Registration },
    /// This waits in the mailbox of the account; `None`: nobody says so any more.
    Mailbox { account: usize, mailbox: Option<Mailbox> },
    /// Somebody calls; perhaps somebody else, who sent the call on to us.
    Incoming {
        line: LineId,
        account: usize,
        from: String,
        display: String,
        diverted: Option<Diverted>,
        /// The call that they want to be mixed into.
        joins: Option<LineId>,
    },
    /// A call went on.
    Progress { line: LineId, progress: Progress },
    /// How a call sounds.
    Sound { line: LineId, sound: Sound },
    /// Somebody asks to watch us.
    WatcherAsks { who: String, display: String },
    /// Somebody wrote to this account.
    Message { account: usize, from: String, text: String },
    /// What became of a message of ours.
    Written { note: u64, outcome: Result<(), Error> },
    /// A contact, by its number, is so.
    Standing { contact: usize, standing: Standing },
    /// What was played is over; or why it could not be played.
    Played { number: u64, outcome: Result<(), String> },
    /// Something that was wanted could not be done; why.
    Failed(String),
    /// The system wants us to end.
    Stop,
}

/// Whether an account can be called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Registration {
    /// It has no server: it is called at its own address.
    Direct,
    /// Nothing is known yet.
    Trying,
    /// The server knows where we are.
    Registered,
    /// It does not.
    Failed { error: Error, is_retried: bool },
}

/// How a call goes on.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Progress {
    /// This address is called.
    Placed(String),
    /// It rings there.
    Ringing,
    /// There is sound before an answer.
    EarlyMedia,
    /// Both talk.
    Answered,
    /// The far side holds us.
    HeldByThem,
    /// It does no longer.
    ResumedByThem,
    /// The far side pressed a key.
    Digit(char),
    /// The far side asks us to call somebody else.
    Referred(String),
    /// The far side talks to whom we sent it on to.
    Transferred,
    /// It does not.
    TransferFailed(Error),
    /// The far side wrote within the call.
    Wrote(String),
    /// It is held, as we wanted.
    Holding,
    /// It is taken back, as we wanted.
    Released,
    /// The far side refused to be held, or to be taken back.
    NotChanged,
    /// No way for sound leads to the far side.
    NoWay,
    /// The way for sound leads there no longer; another one is sought.
    WayLost,
    /// The far side takes no keys.
    NoKeys,
    /// It is being recorded, into this file.
    Recording(PathBuf),
    /// It cannot be recorded, or no longer; why.
    NotRecorded(String),
    /// A part of what is being recorded is silence, since the disk is too slow.
    NotAllRecorded,
    /// Voicemail cannot answer; why.
    NoMessage(String),
    /// The caller left a message in this file, so long.
    LeftMessage { file: PathBuf, millis: u64 },
    /// The file or device for sound cannot be used; why.
    NoSound(String),
    /// It is over.
    Ended(Ended),
}

/// How a call sounds.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Sound {
    /// The codec, once both agreed.
    pub(crate) codec: Option<&'static str>,
    /// What it is encrypted with.
    pub(crate) encryption: Option<String>,
    /// From here on: what is heard from the far side; `None` before the first packet.
    pub(crate) quality: Option<Quality>,
    /// How loud the far side is: 0 to 10.
    pub(crate) heard: u8,
    /// How loud we are: 0 to 10.
    pub(crate) said: u8,
}

/// How good what comes is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Quality {
    /// 1 to 4.5, by the E-model.
    pub(crate) mos: f32,
    /// Lost, in percent.
    pub(crate) loss_percent: f32,
    /// Interarrival jitter.
    pub(crate) jitter_ms: f32,
    /// There and back, if the far side tells it.
    pub(crate) round_trip_ms: Option<f32>,
}

/// A key, as this phone knows them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Key {
    Char(char),
    /// With Ctrl held.
    Control(char),
    /// F1 to F12.
    F(u8),
    Enter,
    Escape,
    Backspace,
    Delete,
    Left,
    Right,
    Up,
    Down,
    Home,
    End,
    PageUp,
    PageDown,
    Tab,
    BackTab,
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Effect {
    /// Call this text, as a phone of this account understands it.
    Call { line: LineId, account: usize, to: String },
    /// Let the caller hear that it rings.
    Ring(LineId),
    /// Answer.
    Answer(LineId),
    /// Refuse with this status.
    Refuse(LineId, StatusCode),
    /// Send the caller on to this text, as a phone of the account understands it.
    Forward { line: LineId, to: String, why: DiversionReason },
    /// Answer, and ask for a message.
    TakeMessage { line: LineId, taking: Taking },
    /// Whoever this is may watch us, or may not: from here on, and kept.
    Consent(Consent),
    /// Hang up.
    HangUp(LineId),
    /// Put the far side on hold.
    Hold(LineId),
    /// Take it back.
    Resume(LineId),
    /// Say silence, or no longer.
    Mute(LineId, bool),
    /// Press a key.
    Press(LineId, char),
    /// Record it into this file, or one of a name like it; or no longer.
    Record { line: LineId, file: Option<PathBuf> },
    /// Ask the far side to call this text.
    Transfer { line: LineId, to: String },
    /// Ask the far side to take our place in another call.
    Connect { line: LineId, with: LineId },
    /// These calls hear each other, and us.
    Confer(Vec<LineId>),
    /// These calls hear us alone again.
    Part(Vec<LineId>),
    /// Do what the far side asks for: call somebody else.
    Follow { line: LineId, new: LineId },
    /// Write.
    Write { note: u64, account: usize, to: String, text: String },
    /// Do what the user wants done at this moment.
    Run(Run),
    /// Tell whoever watches us that we are so.
    Tell(Standing),
    /// Keep this call in the list for the next time.
    Remember(CallEntry),
    /// Keep that missed calls were seen.
    RememberLook,
    /// Play this file.
    Play { number: u64, file: PathBuf },
    /// Play nothing any more.
    StopPlaying,
    /// Keep that this message was heard.
    RememberHeard(PathBuf),
    /// Delete this message.
    DeleteMessage(PathBuf),
    /// Let the terminal ring.
    Bell,
    /// End the program, once every call is over.
    Quit,
}
