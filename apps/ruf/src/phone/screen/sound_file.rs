//! [`SoundFiles`]: where sound that is kept is put, and what its files are called: so that they sort by when they began.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use jiff::tz::TimeZone;
use ruf_sip::device::{FileError, Recorder};

use super::line::Party;
use super::private;
use crate::phone::recording;

/// Letters of a name that are kept, and octets: the names of files are counted in those (255), and there is a date before it,
/// and a number and an ending behind it.
const WHOM_MAX: usize = 60;
const WHOM_OCTETS_MAX: usize = 200;

/// What a file holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum SoundFormat {
    /// 230 MB an hour, and everything plays it.
    #[default]
    Wav,
    /// A tenth of that.
    Opus,
}

/// A folder for files of sound.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SoundFiles {
    pub(crate) folder: PathBuf,
    pub(crate) format: SoundFormat,
}

impl SoundFiles {
    /// What a file is to be called that begins now: date, time, whom.
    pub(crate) fn named(&self, unix_secs: i64, zone: &TimeZone, party: &Party) -> PathBuf {
        let now = Timestamp::from_second(unix_secs).unwrap_or_default().to_zoned(zone.clone());
        let ending = match self.format {
            SoundFormat::Wav => "wav",
            SoundFormat::Opus => "opus",
        };
        self.folder.join(format!("{}_{}.{ending}", now.strftime("%Y-%m-%d_%H-%M-%S"), whom(party)))
    }
}

/// Whom a call is with, in letters that every system takes in a name.
fn whom(party: &Party) -> String {
    let title = party.title();
    let title = title.strip_prefix("sips:").or(title.strip_prefix("sip:")).unwrap_or(title);
    let plain = |c: char| if c.is_alphanumeric() || "@.+-".contains(c) { c } else { '_' };
    let mut whom: String = title.chars().take(WHOM_MAX).map(plain).collect();
    whom.truncate(whom.floor_char_boundary(WHOM_OCTETS_MAX));
    whom
}

/// Begins a recording of this name, or of one like it that no file has yet, for the owner alone.
///
/// # Errors
/// It cannot be written, in words.
pub(super) async fn begin(
    path: &Path,
    record: fn(&Path) -> Result<Recorder, FileError>,
) -> Result<(Recorder, PathBuf), String> {
    let begin = move |path: &Path| {
        if let Some(folder) = path.parent() {
            private::folder(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
        }
        record(path).map_err(|error| error.to_string())
    };
    recording::begin(path, begin).await
}

/// Deletes a file; one that is gone already is deleted.
///
/// # Errors
/// It cannot be deleted, in words.
pub(super) fn delete(file: &Path) -> Result<(), String> {
    match fs::remove_file(file) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(format!("{}: {error}", file.display())),
        Ok(()) | Err(_) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn files_sort_by_time_and_are_called_like_who_calls_whatever_that_is() {
        let files = SoundFiles { folder: "/calls".into(), format: SoundFormat::Opus };
        let named = |party: Party| files.named(1_795_961_000, &TimeZone::UTC, &party).display().to_string();
        assert_eq!(named(Party::of("Bob Müller", "sip:b@h")), "/calls/2026-11-29_14-03-20_Bob_Müller.opus");
        assert_eq!(named(Party::of("", "sip:+49@h.org")), "/calls/2026-11-29_14-03-20_+49@h.org.opus");
        let evil = named(Party::of("../../etc/x\"$(y)", "sip:b@h"));
        assert_eq!(evil, "/calls/2026-11-29_14-03-20_.._.._etc_x___y_.opus");
        assert!(named(Party::of(&"ä".repeat(300), "sip:b@h")).chars().count() < 100);
        let long = named(Party::of(&"𠀀".repeat(300), "sip:b@h"));
        assert_eq!(long, format!("/calls/2026-11-29_14-03-20_{}.opus", "𠀀".repeat(50)));
    }

    #[tokio::test]
    async fn a_recording_is_for_its_owner_alone_and_takes_no_other_ones_place() {
        let folder = std::env::temp_dir().join(format!("ruf-sound-file-{}", std::process::id()));
        let wanted = folder.join("calls").join("a.wav");
        let begin = async |path: &Path| begin(path, Recorder::create_private).await;
        let paths = [begin(&wanted).await.unwrap().1, begin(&wanted).await.unwrap().1];
        assert_eq!(paths, [wanted.clone(), folder.join("calls").join("a-2.wav")]);
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&folder.join("calls")), mode(&wanted)), (0o700, 0o600));
        let error = begin(&wanted.join("no.wav")).await.unwrap_err();
        assert!(error.contains("a.wav"), "{error}");
        fs::remove_dir_all(&folder).unwrap();
    }
}
