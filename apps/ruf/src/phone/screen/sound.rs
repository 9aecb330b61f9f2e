//! [`SoundPlan`]: where the sound of calls comes from and goes to.

use std::path::{Path, PathBuf};
use std::str::FromStr;

use ruf_sip::device::{self, Card, Null, Player, Recorder, Silence};
use ruf_sip::{Sink, Source};

use super::model::SoundKind;
use crate::phone::recording::unused;

/// Where the sound of calls comes from and goes to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum SoundPlan {
    /// Nothing is said and heard.
    #[default]
    None,
    /// A speaker and a microphone.
    Card(Card),
    /// What is heard is said again.
    Loopback,
    /// A file is said, over and over; each call is recorded into one of its own.
    Files { say: PathBuf, record: PathBuf },
}

/// Both ends of a call's sound.
pub(super) struct Ends {
    pub(super) source: Box<dyn Source>,
    pub(super) sink: Box<dyn Sink>,
    /// What goes through them is recorded for as long as there is this.
    pub(super) recorder: Option<Recorder>,
}

impl FromStr for SoundPlan {
    type Err = String;

    fn from_str(text: &str) -> Result<SoundPlan, String> {
        let files = text.strip_prefix("file:").and_then(|files| files.split_once(','));
        match (text, files) {
            ("none", _) => Ok(SoundPlan::None),
            ("card", _) => Ok(SoundPlan::Card(Card::new(None, None))),
            ("loopback", _) => Ok(SoundPlan::Loopback),
            (_, Some((say, record))) if !say.is_empty() && !record.is_empty() => {
                Ok(SoundPlan::Files { say: say.into(), record: record.into() })
            }
            _ => Err(format!("`{text}`: expected card, none, loopback or file:IN.wav,OUT.wav")),
        }
    }
}

impl SoundPlan {
    pub(super) fn kind(&self) -> SoundKind {
        match self {
            SoundPlan::None => SoundKind::None,
            SoundPlan::Card(_) => SoundKind::Card,
            SoundPlan::Loopback => SoundKind::Loopback,
            SoundPlan::Files { .. } => SoundKind::File,
        }
    }

    /// These devices if any is named; else the system's if it has some, or none.
    pub(super) fn of_card(speaker: Option<&str>, microphone: Option<&str>) -> SoundPlan {
        let is_named = speaker.is_some() || microphone.is_some();
        match is_named || Card::is_there() {
            true => SoundPlan::Card(Card::new(speaker.map(str::to_owned), microphone.map(str::to_owned))),
            false => SoundPlan::None,
        }
    }

    /// Why nothing is heard or said now, though it should be.
    pub(super) fn trouble(&self) -> Option<String> {
        match self {
            SoundPlan::Card(card) => card.trouble(),
            SoundPlan::None | SoundPlan::Loopback | SoundPlan::Files { .. } => None,
        }
    }

    /// With files in this folder, unless they say more.
    pub(super) fn beside(self, folder: &Path) -> SoundPlan {
        match self {
            SoundPlan::Files { say, record } => {
                SoundPlan::Files { say: folder.join(say), record: folder.join(record) }
            }
            plan @ (SoundPlan::None | SoundPlan::Card(_) | SoundPlan::Loopback) => plan,
        }
    }

    /// Both ends of one more call.
    ///
    /// # Errors
    /// A file cannot be used, in words.
    pub(super) fn ends(&self) -> Result<Ends, String> {
        match self {
            SoundPlan::None => Ok(Ends::silent()),
            SoundPlan::Card(card) => Ok(card.ends().into()),
            SoundPlan::Loopback => Ok(device::echo().into()),
            SoundPlan::Files { say, record } => {
                let player = Player::open(say).map_err(|error| error.to_string())?.looping();
                let recorder = Recorder::create(&unused(record)).map_err(|error| error.to_string())?;
                let (source, sink) = (recorder.said(Box::new(player)), recorder.heard(Box::new(Null)));
                Ok(Ends { source, sink, recorder: Some(recorder) })
            }
        }
    }
}

impl Ends {
    /// Nothing is said and heard.
    pub(super) fn silent() -> Ends {
        Ends { source: Box::new(Silence), sink: Box::new(Null), recorder: None }
    }
}

impl From<(Box<dyn Source>, Box<dyn Sink>)> for Ends {
    fn from((source, sink): (Box<dyn Source>, Box<dyn Sink>)) -> Ends {
        Ends { source, sink, recorder: None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_plan_is_said() {
        assert_eq!("none".parse(), Ok(SoundPlan::None));
        assert_eq!("loopback".parse(), Ok(SoundPlan::Loopback));
        assert_eq!("card".parse(), Ok(SoundPlan::Card(Card::new(None, None))));
        let files = SoundPlan::Files { say: "a.wav".into(), record: "b.wav".into() };
        assert_eq!("file:a.wav,b.wav".parse(), Ok(files));
        for text in ["", "alsa", "file:a.wav", "file:,b.wav"] {
            let error = text.parse::<SoundPlan>().unwrap_err();
            assert!(error.contains("expected card, none, loopback or file:"), "{error}");
        }
    }
}
