//! [`CallFile`]: the call list on the disk, a JSON object a line, for the owner alone. What is written is never changed but
//! for being cut to the newest when the phone starts.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::call_list::{CALLS_MAX, CallEntry, CallList, Way};

/// The name of the file in the place for what programs keep.
const FILE: &str = "phone-calls.jsonl";
/// Lines above which a file is cut to its newest calls.
const LINES_MAX: usize = 2 * CALLS_MAX;

/// A line of the file.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Record {
    Call(CallEntry),
    /// The missed calls above were seen.
    Looked {
        looked: bool,
    },
    /// This message was heard.
    Heard {
        heard: PathBuf,
    },
    /// This message was deleted.
    Deleted {
        deleted: PathBuf,
    },
}

/// Where calls are kept.
pub(super) struct CallFile {
    path: PathBuf,
}

impl CallFile {
    /// The file of this user; `None`: nobody says where.
    pub(super) fn usual() -> Option<CallFile> {
        super::settings::folder("XDG_STATE_HOME", ".local/state")
            .map(|folder| CallFile { path: folder.join(FILE) })
    }

    /// What was kept; a line that is none of ours is passed over.
    ///
    /// # Errors
    /// It cannot be read, or not be cut.
    pub(super) fn load(&self) -> io::Result<CallList> {
        let text = match fs::read(&self.path) {
            Ok(octets) => String::from_utf8_lossy(&octets).into_owned(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(CallList::default()),
            Err(error) => return Err(error),
        };
        let mut list = CallList::default();
        for record in text.lines().filter_map(|line| serde_json::from_str(line).ok()) {
            match record {
                Record::Call(entry) => list.add(entry),
                Record::Looked { .. } => drop(list.look()),
                Record::Heard { heard } => drop(list.hear(&heard)),
                Record::Deleted { deleted } => list.delete(&deleted),
            }
        }
        if text.lines().count() > LINES_MAX {
            self.rewrite(&list)?;
        }
        Ok(list)
    }

    /// Adds a call.
    ///
    /// # Errors
    /// It cannot be written.
    pub(super) fn add(&self, entry: &CallEntry) -> io::Result<()> {
        self.append(&Record::Call(entry.clone()))
    }

    /// Adds that missed calls were seen.
    ///
    /// # Errors
    /// It cannot be written.
    pub(super) fn looked(&self) -> io::Result<()> {
        self.append(&Record::Looked { looked: true })
    }

    /// Adds that a message was heard.
    ///
    /// # Errors
    /// It cannot be written.
    pub(super) fn heard(&self, message: &Path) -> io::Result<()> {
        self.append(&Record::Heard { heard: message.to_owned() })
    }

    /// Adds that a message was deleted.
    ///
    /// # Errors
    /// It cannot be written.
    pub(super) fn deleted(&self, message: &Path) -> io::Result<()> {
        self.append(&Record::Deleted { deleted: message.to_owned() })
    }

    fn append(&self, record: &Record) -> io::Result<()> {
        let mut file = self.open(&self.path, OpenOptions::new().append(true))?;
        // In one piece: two phones may write.
        file.write_all(&line(record)?)
    }

    fn rewrite(&self, list: &CallList) -> io::Result<()> {
        let new = self.path.with_extension("new");
        let mut file = self.open(&new, OpenOptions::new().write(true).truncate(true))?;
        let mut missed = list.entries().filter(|entry| entry.way == Way::Missed).count();
        for entry in list.entries().rev() {
            file.write_all(&line(&Record::Call(entry.clone()))?)?;
            missed -= usize::from(entry.way == Way::Missed);
            if entry.way == Way::Missed && missed == list.missed() {
                file.write_all(&line(&Record::Looked { looked: true })?)?;
            }
        }
        file.sync_all()?;
        fs::rename(&new, &self.path)
    }

    fn open(&self, path: &Path, how: &mut OpenOptions) -> io::Result<File> {
        if let Some(folder) = path.parent() {
            fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        }
        how.create(true).mode(0o600).open(path)
    }
}

fn line(record: &Record) -> io::Result<Vec<u8>> {
    let mut line = serde_json::to_vec(record)?;
    line.push(b'\n');
    Ok(line)
}

#[cfg(test)]
mod tests {
    use super::super::call_list::VoiceMessage;
    use super::super::line::Party;
    use super::*;

    struct Place(CallFile);

    impl Place {
        fn new(name: &str) -> Place {
            let folder = std::env::temp_dir().join(format!("ruf-calls-{}-{name}", std::process::id()));
            Place(CallFile { path: folder.join("ruf").join(FILE) })
        }
    }

    impl Drop for Place {
        fn drop(&mut self) {
            let folder = self.0.path.ancestors().nth(2).unwrap();
            let _ = fs::remove_dir_all(folder);
        }
    }

    fn entry(way: Way, number: i64) -> CallEntry {
        CallEntry {
            way,
            party: Party::of("Böb\"", &format!("sip:{number}@h")),
            began_unix_secs: number,
            talked_secs: (way == Way::Received).then_some(7),
            why: "busy".to_owned(),
            message: None,
            recordings: (way == Way::Dialled).then(|| "/calls/a.wav".into()).into_iter().collect(),
        }
    }

    #[test]
    fn calls_outlive_the_phone_and_so_does_whether_they_were_seen() {
        let place = Place::new("kept");
        assert_eq!(place.0.load().unwrap().len(), 0);
        place.0.add(&entry(Way::Missed, 1)).unwrap();
        place.0.looked().unwrap();
        place.0.add(&entry(Way::Received, 2)).unwrap();
        place.0.add(&entry(Way::Missed, 3)).unwrap();
        // Half a line, as after a power cut; and what others wrote.
        let mut file = OpenOptions::new().append(true).open(&place.0.path).unwrap();
        file.write_all(b"{\"way\":\"missed\"\n[]\n\xff\n").unwrap();
        place.0.add(&entry(Way::Dialled, 4)).unwrap();
        let list = place.0.load().unwrap();
        let wanted =
            [entry(Way::Dialled, 4), entry(Way::Missed, 3), entry(Way::Received, 2), entry(Way::Missed, 1)];
        assert_eq!(list.entries().cloned().collect::<Vec<_>>(), wanted);
        assert_eq!(list.missed(), 1);
    }

    #[test]
    fn messages_outlive_the_phone_and_so_does_that_they_were_heard_or_deleted() {
        let place = Place::new("messages");
        let folder = place.0.path.parent().unwrap();
        place.0.add(&entry(Way::Missed, 1)).unwrap();
        let files: Vec<PathBuf> = ["a.opus", "b.opus", "c.opus"].map(|name| folder.join(name)).into();
        for file in &files {
            let message = VoiceMessage { file: file.clone(), secs: 9, is_heard: false };
            place.0.add(&CallEntry { message: Some(message), ..entry(Way::Missed, 2) }).unwrap();
        }
        place.0.heard(&files[0]).unwrap();
        place.0.deleted(&files[1]).unwrap();
        place.0.deleted(&files[1]).unwrap();
        let list = place.0.load().unwrap();
        let kept: Vec<(&Path, bool)> = list
            .entries()
            .filter_map(|entry| entry.message.as_ref())
            .map(|message| (message.file.as_path(), message.is_heard))
            .collect();
        assert_eq!(kept, [(files[2].as_path(), false), (files[0].as_path(), true)]);
    }

    #[test]
    fn a_file_is_bounded_and_keeps_the_newest() {
        let place = Place::new("bounded");
        for number in 0..(LINES_MAX as i64 + 10) {
            place.0.add(&entry(Way::Missed, number)).unwrap();
        }
        place.0.looked().unwrap();
        for _ in 0..2 {
            let list = place.0.load().unwrap();
            assert_eq!((list.len(), list.missed()), (CALLS_MAX, 0));
            assert_eq!(list.entries().next().unwrap().began_unix_secs, LINES_MAX as i64 + 9);
        }
        let lines = fs::read_to_string(&place.0.path).unwrap().lines().count();
        assert_eq!(lines, CALLS_MAX + 1);
    }
}
