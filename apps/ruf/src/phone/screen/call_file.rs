//! [`CallFile`]: the call list on the disk, in [`JsonLines`]. What is written is never changed but
//! for being cut to the newest when the phone starts.

use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::call_list::{CALLS_MAX, CallEntry, CallList, Way};
use super::json_lines::JsonLines;

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
pub(super) struct CallFile(JsonLines);

impl CallFile {
    /// The file of this user; `None`: nobody says where.
    pub(super) fn usual() -> Option<CallFile> {
        JsonLines::usual(FILE).map(CallFile)
    }

    /// What was kept; a line that is none of ours is passed over.
    ///
    /// # Errors
    /// It cannot be read, or not be cut.
    pub(super) fn load(&self) -> io::Result<CallList> {
        let lines = self.0.load()?;
        let is_long = lines.len() > LINES_MAX;
        let mut list = CallList::default();
        for record in lines.into_iter().flatten() {
            match record {
                Record::Call(entry) => list.add(entry),
                Record::Looked { .. } => drop(list.look()),
                Record::Heard { heard } => drop(list.hear(&heard)),
                Record::Deleted { deleted } => list.delete(&deleted),
            }
        }
        if is_long {
            self.rewrite(&list)?;
        }
        Ok(list)
    }

    /// Adds a call.
    ///
    /// # Errors
    /// It cannot be written.
    pub(super) fn add(&self, entry: &CallEntry) -> io::Result<()> {
        self.0.add(&Record::Call(entry.clone()))
    }

    /// Adds that missed calls were seen.
    ///
    /// # Errors
    /// It cannot be written.
    pub(super) fn looked(&self) -> io::Result<()> {
        self.0.add(&Record::Looked { looked: true })
    }

    /// Adds that a message was heard.
    ///
    /// # Errors
    /// It cannot be written.
    pub(super) fn heard(&self, message: &Path) -> io::Result<()> {
        self.0.add(&Record::Heard { heard: message.to_owned() })
    }

    /// Adds that a message was deleted.
    ///
    /// # Errors
    /// It cannot be written.
    pub(super) fn deleted(&self, message: &Path) -> io::Result<()> {
        self.0.add(&Record::Deleted { deleted: message.to_owned() })
    }

    fn rewrite(&self, list: &CallList) -> io::Result<()> {
        let mut missed = list.entries().filter(|entry| entry.way == Way::Missed).count();
        let mut records = Vec::new();
        for entry in list.entries().rev() {
            records.push(Record::Call(entry.clone()));
            missed -= usize::from(entry.way == Way::Missed);
            if entry.way == Way::Missed && missed == list.missed() {
                records.push(Record::Looked { looked: true });
            }
        }
        self.0.replace(&records)
    }
}

#[cfg(test)]
mod tests {
    use super::super::call_list::VoiceMessage;
    use super::super::json_lines::tests::Place;
    use super::super::line::Party;
    use super::*;

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
        let place = Place::new("calls-kept");
        let file = CallFile(place.lines());
        assert_eq!(file.load().unwrap().len(), 0);
        file.add(&entry(Way::Missed, 1)).unwrap();
        file.looked().unwrap();
        file.add(&entry(Way::Received, 2)).unwrap();
        file.add(&entry(Way::Missed, 3)).unwrap();
        // Half a line, as after a power cut; and what others wrote.
        place.spoil(b"{\"way\":\"missed\"\n[]\n\xff\n");
        file.add(&entry(Way::Dialled, 4)).unwrap();
        let list = file.load().unwrap();
        let wanted =
            [entry(Way::Dialled, 4), entry(Way::Missed, 3), entry(Way::Received, 2), entry(Way::Missed, 1)];
        assert_eq!(list.entries().cloned().collect::<Vec<_>>(), wanted);
        assert_eq!(list.missed(), 1);
    }

    #[test]
    fn messages_outlive_the_phone_and_so_does_that_they_were_heard_or_deleted() {
        let place = Place::new("calls-messages");
        let file = CallFile(place.lines());
        let folder = place.path.parent().unwrap();
        file.add(&entry(Way::Missed, 1)).unwrap();
        let files: Vec<PathBuf> = ["a.opus", "b.opus", "c.opus"].map(|name| folder.join(name)).into();
        for sound in &files {
            let message = VoiceMessage { file: sound.clone(), secs: 9, is_heard: false };
            file.add(&CallEntry { message: Some(message), ..entry(Way::Missed, 2) }).unwrap();
        }
        file.heard(&files[0]).unwrap();
        file.deleted(&files[1]).unwrap();
        file.deleted(&files[1]).unwrap();
        let list = file.load().unwrap();
        let kept: Vec<(&Path, bool)> = list
            .entries()
            .filter_map(|entry| entry.message.as_ref())
            .map(|message| (message.file.as_path(), message.is_heard))
            .collect();
        assert_eq!(kept, [(files[2].as_path(), false), (files[0].as_path(), true)]);
    }

    #[test]
    fn a_file_is_bounded_and_keeps_the_newest() {
        let place = Place::new("calls-bounded");
        let file = CallFile(place.lines());
        for number in 0..(LINES_MAX as i64 + 10) {
            file.add(&entry(Way::Missed, number)).unwrap();
        }
        file.looked().unwrap();
        for _ in 0..2 {
            let list = file.load().unwrap();
            assert_eq!((list.len(), list.missed()), (CALLS_MAX, 0));
            assert_eq!(list.entries().next().unwrap().began_unix_secs, LINES_MAX as i64 + 9);
        }
        let lines = std::fs::read_to_string(&place.path).unwrap().lines().count();
        assert_eq!(lines, CALLS_MAX + 1);
    }
}
