//! [`ConsentFile`]: who may know how we are, on the disk, in [`JsonLines`]. What was said last of an address counts.

use std::io;

use serde::{Deserialize, Serialize};

use super::json_lines::JsonLines;

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
pub(super) struct ConsentFile(JsonLines);

impl ConsentFile {
    /// The file of this user; `None`: nobody says where.
    pub(super) fn usual() -> Option<ConsentFile> {
        JsonLines::usual(FILE).map(ConsentFile)
    }

    /// What was kept, the oldest first; a line that is none of ours is passed over.
    ///
    /// # Errors
    /// It cannot be read.
    pub(super) fn load(&self) -> io::Result<Vec<Consent>> {
        Ok(self.0.load()?.into_iter().flatten().collect())
    }

    /// Adds what was said.
    ///
    /// # Errors
    /// It cannot be written.
    pub(super) fn add(&self, consent: &Consent) -> io::Result<()> {
        self.0.add(consent)
    }
}

#[cfg(test)]
mod tests {
    use super::super::json_lines::tests::Place;
    use super::*;

    #[test]
    fn what_was_said_is_kept_and_what_is_none_of_ours_passed_over() {
        let place = Place::new("consents");
        let file = ConsentFile(place.lines());
        assert_eq!(file.load().unwrap(), []);
        let said = |may| Consent { who: "sip:bob@example.org".to_owned(), may };
        file.add(&said(false)).unwrap();
        place.spoil(b"nonsense\n");
        file.add(&said(true)).unwrap();
        assert_eq!(file.load().unwrap(), [said(false), said(true)]);
    }
}
