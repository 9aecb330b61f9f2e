//! [`ConsentFile`]: who may know how we are, on the disk: a JSON object a line, for the owner alone. What was said last of
//! an address counts.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// The name of the file in the place for what programs keep.
const FILE: &str = "phone-watchers.jsonl";

/// What the user said of whom.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Consent {
    /// An address.
    pub(super) who: String,
    pub(super) may: bool,
}

/// Where that is kept.
pub(super) struct ConsentFile {
    path: PathBuf,
}

impl ConsentFile {
    /// The file of this user; `None`: nobody says where.
    pub(super) fn usual() -> Option<ConsentFile> {
        super::settings::folder("XDG_STATE_HOME", ".local/state")
            .map(|folder| ConsentFile { path: folder.join(FILE) })
    }

    /// What was kept, the oldest first; a line that is none of ours is passed over.
    ///
    /// # Errors
    /// It cannot be read.
    pub(super) fn load(&self) -> io::Result<Vec<Consent>> {
        let text = match fs::read(&self.path) {
            Ok(octets) => String::from_utf8_lossy(&octets).into_owned(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        Ok(text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect())
    }

    /// Adds what was said.
    ///
    /// # Errors
    /// It cannot be written.
    pub(super) fn add(&self, consent: &Consent) -> io::Result<()> {
        if let Some(folder) = self.path.parent() {
            fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        }
        let mut line = serde_json::to_vec(consent)?;
        line.push(b'\n');
        // In one piece: two phones may write.
        OpenOptions::new().append(true).create(true).mode(0o600).open(&self.path)?.write_all(&line)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_said_is_kept_and_what_is_none_of_ours_passed_over() {
        let folder = std::env::temp_dir().join(format!("ruf-consent-{}", std::process::id()));
        let file = ConsentFile { path: folder.join(FILE) };
        assert_eq!(file.load().unwrap(), []);
        let said = |may| Consent { who: "sip:bob@example.org".to_owned(), may };
        file.add(&said(false)).unwrap();
        OpenOptions::new().append(true).open(&file.path).unwrap().write_all(b"nonsense\n").unwrap();
        file.add(&said(true)).unwrap();
        assert_eq!(file.load().unwrap(), [said(false), said(true)]);
        fs::remove_dir_all(folder).unwrap();
    }
}
