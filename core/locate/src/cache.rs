//! What the DNS said, kept for as long as it holds and never beyond a cap: records by their TTL,
//! "there is none" and failures by RFC 2308.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use ruf_message::Tick;

use crate::limits::Limits;
use crate::query::{Answer, Query};

/// Answers and when they die.
#[derive(Debug, Default)]
pub(crate) struct Cache {
    entries: HashMap<Query, Entry>,
    /// The same, by the time of death; the number parts those that die together.
    deaths: BTreeMap<(Tick, u64), Query>,
    serial: u64,
}

#[derive(Debug)]
struct Entry {
    answer: Arc<Answer>,
    dies: (Tick, u64),
}

impl Cache {
    /// What is known at this time.
    pub(crate) fn get(&self, now: Tick, query: &Query) -> Option<Arc<Answer>> {
        self.entries.get(query).filter(|entry| now < entry.dies.0).map(|entry| Arc::clone(&entry.answer))
    }

    /// Keeps an answer in the place of an earlier one.
    pub(crate) fn put(&mut self, now: Tick, query: &Query, answer: Arc<Answer>, limits: &Limits) {
        self.remove(query);
        let lifetime = lifetime(&answer, limits);
        if lifetime.is_zero() || limits.cache_max == 0 {
            return;
        }
        while self.entries.len() >= limits.cache_max {
            let Some((_, first)) = self.deaths.pop_first() else { break };
            self.entries.remove(&first);
        }
        self.serial += 1;
        let dies = (now + lifetime, self.serial);
        self.deaths.insert(dies, query.clone());
        self.entries.insert(query.clone(), Entry { answer, dies });
    }

    /// Entries held, dead ones included.
    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    fn remove(&mut self, query: &Query) {
        if let Some(entry) = self.entries.remove(query) {
            self.deaths.remove(&entry.dies);
        }
    }
}

fn lifetime(answer: &Answer, limits: &Limits) -> Duration {
    let secs = |ttl: u32| Duration::from_secs(ttl.into());
    match answer {
        Answer::Records { ttl_secs, .. } => secs(*ttl_secs).min(limits.ttl_max),
        Answer::Nothing { ttl_secs } => secs(*ttl_secs).min(limits.negative_ttl_max),
        Answer::Failed => limits.failure_ttl,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::query::{Kind, Record};

    fn at(secs: u64) -> Tick {
        Tick::from_micros(secs * 1_000_000)
    }

    fn query(name: &str) -> Query {
        Query::new(Kind::A, name)
    }

    fn records(ttl_secs: u32) -> Arc<Answer> {
        Arc::new(Answer::Records { ttl_secs, records: vec![Record::Address([192, 0, 2, 1].into())] })
    }

    /// Whether it is known this many seconds after 100.
    fn lives(answer: Arc<Answer>, secs: u64) -> bool {
        let mut cache = Cache::default();
        cache.put(at(100), &query("a"), answer, &Limits::default());
        cache.get(at(100 + secs), &query("a")).is_some()
    }

    #[test]
    fn each_kind_of_answer_lives_its_time_and_no_longer() {
        assert!(lives(records(60), 59) && !lives(records(60), 60));
        assert!(!lives(records(0), 0));
        assert!(lives(records(u32::MAX), 86_399) && !lives(records(u32::MAX), 86_400));
        let nothing = |ttl_secs| Arc::new(Answer::Nothing { ttl_secs });
        assert!(lives(nothing(10), 9) && !lives(nothing(10), 10) && !lives(nothing(900), 300));
        assert!(lives(Arc::new(Answer::Failed), 4) && !lives(Arc::new(Answer::Failed), 5));
    }

    #[test]
    fn of_a_full_cache_the_one_that_dies_first_goes() {
        let limits = Limits { cache_max: 2, ..Limits::default() };
        let mut cache = Cache::default();
        for (name, ttl) in [("a", 30), ("b", 10), ("c", 20), ("a", 5), ("d", 50)] {
            cache.put(at(0), &query(name), records(ttl), &limits);
            assert!(cache.len() <= 2 && cache.deaths.len() == cache.entries.len());
        }
        let known: Vec<&str> = ["a", "b", "c", "d"]
            .into_iter()
            .filter(|name| cache.get(at(1), &query(name)).is_some())
            .collect();
        assert_eq!(known, ["c", "d"]);
    }
}
