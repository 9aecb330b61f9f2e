//! [`JsonLines`]: a file of JSON objects, one a line, for the owner alone. Lines are added; none is changed.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::path::PathBuf;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::private;

/// A file.
pub(super) struct JsonLines {
    path: PathBuf,
}

impl JsonLines {
    /// The file of this user that is called so, in the place for what programs keep; `None`: nobody says where.
    pub(super) fn usual(name: &str) -> Option<JsonLines> {
        super::settings::folder("XDG_STATE_HOME", ".local/state")
            .map(|folder| JsonLines { path: folder.join(name) })
    }

    /// What each line says, the oldest first; `None`: that is none of ours, or half of one, as after a power cut. A file
    /// that is not there has none.
    ///
    /// # Errors
    /// It cannot be read.
    pub(super) fn load<T: DeserializeOwned>(&self) -> io::Result<Vec<Option<T>>> {
        let text = match fs::read(&self.path) {
            Ok(octets) => String::from_utf8_lossy(&octets).into_owned(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        Ok(text.lines().map(|line| serde_json::from_str(line).ok()).collect())
    }

    /// Adds a line.
    ///
    /// # Errors
    /// It cannot be written.
    pub(super) fn add(&self, said: &impl Serialize) -> io::Result<()> {
        // In one piece: two phones may write.
        private::file(&self.path, OpenOptions::new().append(true))?.write_all(&line(said)?)
    }

    /// Puts a file of these lines into its place.
    ///
    /// # Errors
    /// It cannot be written; then it is as it was.
    pub(super) fn replace<T: Serialize>(&self, said: &[T]) -> io::Result<()> {
        let new = self.path.with_extension("new");
        let mut file = private::file(&new, OpenOptions::new().write(true).truncate(true))?;
        for said in said {
            file.write_all(&line(said)?)?;
        }
        file.sync_all()?;
        fs::rename(&new, &self.path)
    }
}

fn line(said: &impl Serialize) -> io::Result<Vec<u8>> {
    let mut line = serde_json::to_vec(said)?;
    line.push(b'\n');
    Ok(line)
}

#[cfg(test)]
pub(super) mod tests {
    use std::path::Path;

    use super::*;

    /// A file that is gone with the test, and its folder.
    pub(in super::super) struct Place {
        above: PathBuf,
        pub(in super::super) path: PathBuf,
    }

    impl Place {
        pub(in super::super) fn new(name: &str) -> Place {
            let above = std::env::temp_dir().join(format!("ruf-lines-{}-{name}", std::process::id()));
            let path = above.join("ruf").join("kept.jsonl");
            Place { above, path }
        }

        pub(in super::super) fn lines(&self) -> JsonLines {
            JsonLines { path: self.path.clone() }
        }

        /// Adds octets that are no line of ours.
        pub(in super::super) fn spoil(&self, octets: &[u8]) {
            OpenOptions::new().append(true).open(&self.path).unwrap().write_all(octets).unwrap();
        }
    }

    impl Drop for Place {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.above);
        }
    }

    #[test]
    fn what_is_none_of_ours_is_told_from_what_is_and_a_file_is_replaced_as_a_whole() {
        let place = Place::new("lines");
        let lines = place.lines();
        assert_eq!(lines.load::<u32>().unwrap(), []);
        lines.add(&1).unwrap();
        place.spoil(b"\"x\n\xff\n");
        lines.add(&2).unwrap();
        assert_eq!(lines.load::<u32>().unwrap(), [Some(1), None, None, Some(2)]);
        lines.replace(&[2, 3]).unwrap();
        assert_eq!(fs::read_to_string(&place.path).unwrap(), "2\n3\n");
        let folder: &Path = place.path.parent().unwrap();
        assert_eq!(fs::read_dir(folder).unwrap().count(), 1, "nothing else is left");
    }
}
