//! [`CallList`]: the calls that were, and which of them is marked. What is marked stays where it is when calls are added.

use std::path::{Path, PathBuf};

use super::line::Party;

/// Calls that are remembered.
pub(crate) const CALLS_MAX: usize = 500;

/// A call that is over.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(crate) struct CallEntry {
    pub(crate) way: Way,
    #[serde(flatten)]
    pub(crate) party: Party,
    /// When it began, in seconds since 1970.
    pub(crate) began_unix_secs: i64,
    /// How long both talked.
    pub(crate) talked_secs: Option<u64>,
    /// How it ended, in words.
    pub(crate) why: String,
    /// The files in which it is recorded.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) recordings: Vec<PathBuf>,
    /// What the caller left.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) message: Option<VoiceMessage>,
}

/// What a caller left who was not answered.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(crate) struct VoiceMessage {
    pub(crate) file: PathBuf,
    pub(crate) secs: u64,
    #[serde(default)]
    pub(crate) is_heard: bool,
}

/// Who called, and what came of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Way {
    /// We called.
    Dialled,
    /// We were called, and answered.
    Received,
    /// We were called, and did not answer.
    Missed,
    /// We were called, and did not want to.
    Refused,
    /// We were called, and the caller was sent on.
    Forwarded,
}

/// The calls that were, the newest first.
#[derive(Clone, Debug, Default)]
pub(crate) struct CallList {
    entries: std::collections::VecDeque<CallEntry>,
    /// Missed since the list was last looked at.
    missed: usize,
    pub(crate) mark: Mark,
}

impl CallList {
    pub(crate) fn add(&mut self, entry: CallEntry) {
        self.missed += usize::from(entry.way == Way::Missed);
        self.entries.push_front(entry);
        self.mark.grown();
        if self.entries.len() > CALLS_MAX {
            // A message does not go with its call.
            let goes = self.entries.iter().rposition(|entry| entry.message.is_none()).unwrap_or(CALLS_MAX);
            self.entries.remove(goes);
            self.mark.shrunk(goes, self.entries.len());
        }
    }

    pub(crate) fn entries(&self) -> impl ExactSizeIterator<Item = &CallEntry> + DoubleEndedIterator {
        self.entries.iter()
    }

    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    /// The one that is marked.
    pub(crate) fn marked(&self) -> Option<&CallEntry> {
        self.entries.get(self.mark.at?)
    }

    /// Missed since the list was last looked at.
    pub(crate) fn missed(&self) -> usize {
        self.missed
    }

    /// The list is being looked at; `true`: something was missed.
    pub(crate) fn look(&mut self) -> bool {
        std::mem::take(&mut self.missed) > 0
    }

    /// Messages that are kept.
    pub(crate) fn messages(&self) -> usize {
        self.entries.iter().filter(|entry| entry.message.is_some()).count()
    }

    /// Those of them that nobody has heard yet.
    pub(crate) fn new_messages(&self) -> usize {
        let messages = self.entries.iter().filter_map(|entry| entry.message.as_ref());
        messages.filter(|message| !message.is_heard).count()
    }

    /// A message is heard; `true`: for the first time.
    pub(crate) fn hear(&mut self, file: &Path) -> bool {
        let mut messages = self.entries.iter_mut().filter_map(|entry| entry.message.as_mut());
        let message = messages.find(|message| message.file == file);
        message.is_some_and(|message| !std::mem::replace(&mut message.is_heard, true))
    }

    /// A message is there no longer.
    pub(crate) fn delete(&mut self, file: &Path) {
        for entry in &mut self.entries {
            entry.message.take_if(|message| message.file == file);
        }
    }

    /// Whom we called last.
    pub(crate) fn last_dialled(&self) -> Option<&CallEntry> {
        self.entries.iter().find(|entry| entry.way == Way::Dialled)
    }
}

/// Which entry of a list is marked, and which is the first that is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Mark {
    pub(crate) at: Option<usize>,
    pub(crate) first: usize,
}

impl Mark {
    /// Moves by so many entries of `len`, with so many rows in sight.
    pub(crate) fn step(&mut self, by: isize, len: usize, rows: usize) {
        if len == 0 {
            return;
        }
        let at = match self.at {
            Some(at) => at.saturating_add_signed(by).min(len - 1),
            None => self.first.min(len - 1),
        };
        self.at = Some(at);
        self.keep(len, rows);
    }

    /// The rows changed.
    pub(crate) fn keep(&mut self, len: usize, rows: usize) {
        let rows = rows.max(1);
        let at = self.at.unwrap_or(self.first);
        self.first = self.first.min(at).max((at + 1).saturating_sub(rows)).min(len.saturating_sub(1));
    }

    /// One came before all others: what is in sight stays, if anything is marked.
    fn grown(&mut self) {
        if let Some(at) = &mut self.at {
            *at += 1;
            self.first += 1;
        }
    }

    /// The one here went, and left so many: what is marked stays in its row; if that went, what comes into its place.
    fn shrunk(&mut self, here: usize, len: usize) {
        if let Some(at) = &mut self.at {
            let by = usize::from(*at > here);
            *at = (*at - by).min(len.saturating_sub(1));
            self.first = self.first.saturating_sub(by).min(*at);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(way: Way, name: &str) -> CallEntry {
        CallEntry {
            way,
            party: Party::of(name, &format!("sip:{name}@h")),
            began_unix_secs: 0,
            talked_secs: None,
            why: String::new(),
            recordings: Vec::new(),
            message: None,
        }
    }

    #[test]
    fn what_is_marked_stays_when_calls_are_added() {
        let mut list = CallList::default();
        for at in 0..30 {
            list.add(entry(Way::Received, &format!("n{at}")));
        }
        for _ in 0..12 {
            list.mark.step(1, list.len(), 10);
        }
        let (marked, row) = (list.marked().cloned(), list.mark.at.unwrap() - list.mark.first);
        assert_eq!((marked.as_ref().unwrap().party.title(), row), ("n18", 9));
        list.add(entry(Way::Missed, "late"));
        assert_eq!(list.marked(), marked.as_ref());
        assert_eq!(list.mark.at.unwrap() - list.mark.first, row);
        // Without a mark the newest is in sight.
        list.mark = Mark::default();
        list.add(entry(Way::Missed, "later"));
        assert_eq!((list.mark.first, list.entries().next().unwrap().party.title()), (0, "later"));
    }

    #[test]
    fn a_message_does_not_go_with_the_oldest_calls() {
        let mut list = CallList::default();
        let file = PathBuf::from("/m/1.opus");
        let message = Some(VoiceMessage { file: file.clone(), secs: 3, is_heard: false });
        list.add(CallEntry { message, ..entry(Way::Missed, "Bob") });
        for at in 0..CALLS_MAX + 5 {
            list.add(entry(Way::Dialled, &at.to_string()));
        }
        assert_eq!((list.len(), list.messages(), list.new_messages()), (CALLS_MAX, 1, 1));
        assert_eq!(list.entries().next_back().unwrap().party.title(), "Bob");
        assert!(list.hear(&file) && !list.hear(&file));
        list.delete(&file);
        assert_eq!((list.len(), list.messages()), (CALLS_MAX, 0));
    }

    #[test]
    fn what_is_marked_stays_when_the_list_is_full_whatever_goes() {
        let mut list = CallList::default();
        for at in 0..3 {
            let message = VoiceMessage { file: format!("/m/{at}.opus").into(), secs: 3, is_heard: false };
            list.add(CallEntry { message: Some(message), ..entry(Way::Missed, &format!("m{at}")) });
        }
        for at in 0..CALLS_MAX - 3 {
            list.add(entry(Way::Dialled, &format!("c{at}")));
        }
        // Behind what goes: nothing moves.
        for by in [1, isize::MAX, -1] {
            list.mark.step(by, list.len(), 10);
        }
        let (marked, mark) = (list.marked().cloned(), list.mark);
        assert_eq!(marked.as_ref().unwrap().party.title(), "m1");
        for at in 0..5 {
            list.add(entry(Way::Missed, &format!("late{at}")));
            assert_eq!((list.marked(), list.mark), (marked.as_ref(), mark));
        }
        // What goes itself leaves the mark where it was.
        list.mark.step(-2, list.len(), 10);
        assert_eq!(list.marked().unwrap().party.title(), "c5");
        list.add(entry(Way::Missed, "later"));
        assert_eq!(list.marked().unwrap().party.title(), "m2");
        // Before what goes: it moves with its call.
        list.mark.step(-5, list.len(), 10);
        let marked = list.marked().cloned();
        list.add(entry(Way::Missed, "last"));
        assert_eq!(list.marked(), marked.as_ref());
    }

    #[test]
    fn missed_calls_count_until_they_are_looked_at_and_the_list_is_bounded() {
        let mut list = CallList::default();
        for at in 0..CALLS_MAX + 5 {
            list.add(entry(if at % 2 == 0 { Way::Missed } else { Way::Dialled }, &at.to_string()));
        }
        assert_eq!((list.len(), list.missed()), (CALLS_MAX, 253));
        assert!(list.look() && !list.look());
        assert_eq!(list.missed(), 0);
        assert_eq!(list.last_dialled().unwrap().party.title(), "503");
    }
}
