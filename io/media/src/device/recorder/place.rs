//! The file that a recording goes into: opened for it alone, and kept by the disk at its end.

use std::fs::{self, OpenOptions, TryLockError};
use std::io;
use std::path::Path;

/// A file, empty now, that no other recording goes into until this one is over.
pub(super) fn emptied(path: &Path) -> io::Result<fs::File> {
    let file = OpenOptions::new().write(true).create(true).truncate(false).open(path)?;
    if file.metadata()?.is_file() {
        match file.try_lock() {
            Err(TryLockError::WouldBlock) => return Err(io::Error::other("another recording goes into it")),
            // Or the disk knows no locks.
            Ok(()) | Err(TryLockError::Error(_)) => file.set_len(0)?,
        }
    }
    Ok(file)
}

/// A new file for its owner alone.
pub(super) fn private(path: &Path) -> io::Result<fs::File> {
    let mut how = OpenOptions::new();
    how.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut how, 0o600);
    how.open(path)
}

/// Has the disk keep what a file holds. A full or broken one may say so only now.
pub(super) fn keep(file: &fs::File) -> io::Result<()> {
    match file.sync_all() {
        // There is nothing to keep, in a pipe.
        Err(error) if error.kind() == io::ErrorKind::InvalidInput => {}
        outcome => outcome?,
    }
    #[cfg(unix)]
    if std::os::unix::fs::MetadataExt::nlink(&file.metadata()?) == 0 {
        return Err(io::Error::other("the file was deleted meanwhile"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use ruf_audio::{Frame, Rate};

    use super::super::{Recorded, Recorder};
    use crate::device::Null;
    use crate::device::scratch::Place;

    /// The longest that is waited for the disk.
    const WAIT: Duration = Duration::from_secs(20);

    /// A second.
    fn heard(recorder: &Recorder) {
        let mut sink = recorder.heard(Box::new(Null));
        (0..50).for_each(|_| sink.hear(&Frame::silence(Rate::Hz16000)));
    }

    #[test]
    fn no_two_recordings_go_into_one_file() {
        let place = Place::new("two.wav");
        let recorder = Recorder::create(&place.0).unwrap();
        heard(&recorder);
        let error = Recorder::create(&place.0).unwrap_err();
        assert!(error.to_string().ends_with("two.wav cannot be written: another recording goes into it"));
        assert_eq!(recorder.finish(WAIT), Recorded { millis: 1_000, lost_millis: 0, trouble: None });
        assert_eq!(hound::WavReader::open(&place.0).unwrap().duration(), 50 * 320);
        // What was recorded once may be written over.
        drop(Recorder::create(&place.0).unwrap());
        assert_eq!(hound::WavReader::open(&place.0).unwrap().duration(), 0);
    }

    #[cfg(unix)]
    #[test]
    fn a_file_that_was_deleted_is_no_recording() {
        let place = Place::new("deleted.opus");
        let recorder = Recorder::create(&place.0).unwrap();
        heard(&recorder);
        std::fs::remove_file(&place.0).unwrap();
        let trouble = recorder.finish(WAIT).trouble.unwrap();
        assert_eq!(trouble, "the file was deleted meanwhile");
    }

    #[cfg(unix)]
    #[test]
    fn what_is_private_is_new_and_for_its_owner_alone() {
        use std::os::unix::fs::PermissionsExt;
        let place = Place::new("private.wav");
        let recorder = Recorder::create_private(&place.0).unwrap();
        heard(&recorder);
        assert_eq!(recorder.millis(), 1_000);
        assert_eq!(std::fs::metadata(&place.0).unwrap().permissions().mode() & 0o777, 0o600);
        assert!(Recorder::mixed_private(&place.0).unwrap_err().to_string().contains("exists"));
        assert_eq!(recorder.finish(WAIT), Recorded { millis: 1_000, lost_millis: 0, trouble: None });
        assert_eq!(hound::WavReader::open(&place.0).unwrap().duration(), 50 * 320);
    }
}
