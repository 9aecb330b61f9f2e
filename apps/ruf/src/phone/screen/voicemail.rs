//! [`Voicemail`]: how callers are answered whom nobody answers, and its table in `phone.toml`. What sounds then is in
//! `exchange/machine`, when it does in `model/voicemail`.

use std::path::{Path, PathBuf};

use ruf_sip::device::Player;
use serde::Deserialize;
use toml::Spanned;

use super::settings::{Forwarding, kept, placed};
use super::sound_file::{SoundFiles, SoundFormat};
use crate::config::{ConfigError, Source};

/// How long it rings before a caller is asked for a message, unless the file says otherwise; and at most, since callers'
/// phones give up.
const NO_ANSWER_SECS: u64 = 25;
const NO_ANSWER_SECS_MAX: u64 = 120;
/// How long a message may be, unless the file says otherwise; and at most.
const MESSAGE_SECS: u64 = 180;
const MESSAGE_SECS_MAX: u64 = 3_600;
/// How many there may be, unless the file says otherwise; and at most: each is an entry of the call list.
const MESSAGES: u64 = 50;
const MESSAGES_MAX: u64 = 200;
/// What they may take of the disk, unless the file says otherwise; and at most.
const SPACE_MIB: u64 = 100;
const SPACE_MIB_MAX: u64 = 100_000;
/// How long a greeting may be.
const GREETING_MILLIS_MAX: u64 = 120_000;

/// How callers are answered whom nobody answers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Voicemail {
    pub(crate) is_on: bool,
    /// Said to the caller; without it there is the beep alone.
    pub(crate) greeting: Option<PathBuf>,
    /// After so long.
    pub(crate) no_answer_secs: u64,
    /// At once who calls while we talk.
    pub(crate) answers_busy: bool,
    /// The longest message.
    pub(crate) message_secs: u64,
    /// So many are kept.
    pub(crate) messages_max: usize,
    /// So much of the disk.
    pub(crate) space_mib: u64,
    /// Where they are put; `None`: nobody says where.
    pub(crate) files: Option<SoundFiles>,
}

/// A message that is to be taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Taking {
    /// Into this file, or one of a name like it.
    pub(crate) file: PathBuf,
    pub(crate) greeting: Option<PathBuf>,
    /// Its longest.
    pub(crate) secs: u64,
    /// What all in its folder may take.
    pub(crate) space_mib: u64,
}

/// As it is written.
#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
pub(super) struct VoicemailTable {
    on: Option<Spanned<bool>>,
    greeting: Option<Spanned<PathBuf>>,
    no_answer_secs: Option<Spanned<u64>>,
    busy: Option<Spanned<bool>>,
    message_secs: Option<Spanned<u64>>,
    messages: Option<Spanned<u64>>,
    space_mib: Option<Spanned<u64>>,
    folder: Option<PathBuf>,
}

impl VoicemailTable {
    /// What it says, beside how callers are sent on.
    ///
    /// # Errors
    /// What is wrong, or could never happen, and where.
    pub(super) fn read(
        self,
        source: &Source<'_>,
        beside: &Path,
        forwarding: &Forwarding,
    ) -> Result<Voicemail, ConfigError> {
        let within = |number: Option<Spanned<u64>>, usual: u64, max: u64| match number {
            Some(number) if !(1..=max).contains(number.get_ref()) => {
                Err(source.at(number.span(), format!("expected 1 to {max}")))
            }
            number => Ok(number.map_or(usual, Spanned::into_inner)),
        };
        let on = self.on.filter(|on| *on.get_ref());
        let busy = self.busy.filter(|busy| *busy.get_ref());
        let no_answer_secs = within(self.no_answer_secs, NO_ANSWER_SECS, NO_ANSWER_SECS_MAX)?;
        if let Some(on) = &on {
            if forwarding.always.is_some() {
                let why = "voicemail would never answer: [forward] always sends everybody on";
                return Err(source.at(on.span(), why));
            }
            if forwarding.no_answer.is_some() {
                let why = "voicemail and [forward] no_answer cannot both take whom nobody answers";
                return Err(source.at(on.span(), why));
            }
            if let Some(busy) = busy.as_ref().filter(|_| forwarding.busy.is_some()) {
                return Err(source.at(busy.span(), "[forward] busy sends those on whom this would answer"));
            }
        }
        let folder = self.folder.map_or_else(|| kept("messages"), |folder| Some(placed(beside, &folder)));
        Ok(Voicemail {
            is_on: on.is_some(),
            greeting: self.greeting.map(|file| greeting(source, beside, &file)).transpose()?,
            no_answer_secs,
            answers_busy: busy.is_some(),
            message_secs: within(self.message_secs, MESSAGE_SECS, MESSAGE_SECS_MAX)?,
            messages_max: usize::try_from(within(self.messages, MESSAGES, MESSAGES_MAX)?)
                .unwrap_or(usize::MAX),
            space_mib: within(self.space_mib, SPACE_MIB, SPACE_MIB_MAX)?,
            files: folder.map(|folder| SoundFiles { folder, format: SoundFormat::Opus }),
        })
    }
}

/// A file that can be played, and ends before callers do.
fn greeting(source: &Source<'_>, beside: &Path, file: &Spanned<PathBuf>) -> Result<PathBuf, ConfigError> {
    let path = placed(beside, file.get_ref());
    let player = Player::open(&path).map_err(|error| source.at(file.span(), error))?;
    if player.millis() > GREETING_MILLIS_MAX {
        return Err(source.at(file.span(), format!("it is longer than {} s", GREETING_MILLIS_MAX / 1_000)));
    }
    Ok(path)
}
