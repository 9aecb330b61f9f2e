//! [`CallList`]: the calls that were, and which of them is marked. What is marked stays where it is when calls are added.

use std::path::PathBuf;

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
        self.entries.truncate(CALLS_MAX);
        self.mark.grown(self.entries.len());
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
    fn grown(&mut self, len: usize) {
        if let Some(at) = &mut self.at {
            *at = (*at + 1).min(len.saturating_sub(1));
            self.first = (self.first + 1).min(len.saturating_sub(1));
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
