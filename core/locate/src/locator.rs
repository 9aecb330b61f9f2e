//! [`Locator`]: hops in, places out; questions to the DNS in between.
//!
//! A hop whose answers are in memory is found in the same call. Otherwise it waits, and nothing else
//! waits with it: equal questions of several hops are asked once, each has a deadline, and its number
//! is never used again, so that a late answer means nothing.
//!
//! Not here: the way through the records (`search`), their life (`cache`).

use std::collections::HashMap;
use std::collections::VecDeque;
use std::sync::Arc;

use ruf_message::{Deadlines, Entropy, Hop, Place, Tick};

use crate::avoided::Avoided;
use crate::cache::Cache;
use crate::limits::Limits;
use crate::query::{Answer, Query};
use crate::search::{Search, Sight, Step};
use crate::ways::Ways;

/// What comes out. Its owner drains it.
#[derive(Debug, Default)]
pub struct Out {
    /// Questions to the DNS, each with its number; to be answered by [`Locator::answer`].
    pub queries: VecDeque<(u64, Query)>,
    /// Hops that were found, or not.
    pub found: VecDeque<Found>,
}

/// The end of a search.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Found {
    /// Who asked, as given to [`Locator::locate`].
    pub user: u64,
    /// The places, the first to be tried first. None: the hop is nowhere, or we cannot know.
    pub places: Vec<Place>,
}

/// Finds hops (RFC 3263 section 4).
#[derive(Debug)]
pub struct Locator {
    limits: Limits,
    ways: Ways,
    entropy: Entropy,
    cache: Cache,
    avoided: Avoided,
    /// Searches that wait, by number.
    waiting: HashMap<u64, Waiting>,
    /// Questions that are open, by number.
    open: HashMap<u64, Open>,
    /// The number of the open question, by what it asks.
    asking: HashMap<Query, u64>,
    deadlines: Deadlines<u64>,
    /// The last number given; none is given twice.
    serial: u64,
}

#[derive(Debug)]
struct Waiting {
    user: u64,
    search: Search,
    /// Questions that are still open.
    missing: usize,
}

#[derive(Debug)]
struct Open {
    query: Query,
    /// Searches that wait for it.
    searches: Vec<u64>,
}

impl Locator {
    /// A locator with nothing in memory. `ways` are what we can send over.
    pub fn new(limits: Limits, ways: Ways, entropy: Entropy) -> Self {
        Locator {
            deadlines: Deadlines::new(&[limits.question]),
            limits,
            ways,
            entropy,
            cache: Cache::default(),
            avoided: Avoided::default(),
            waiting: HashMap::new(),
            open: HashMap::new(),
            asking: HashMap::new(),
            serial: 0,
        }
    }

    /// Finds a hop for `user`, who is told by [`Out::found`], exactly once. Every call draws anew
    /// among servers of equal priority.
    // rfc3263 §4
    pub fn locate(&mut self, now: Tick, user: u64, hop: Hop, out: &mut Out) {
        self.serial += 1;
        let number = self.serial;
        self.go_on(now, number, user, Search::new(hop), out);
    }

    /// Takes the answer to a question. One that was answered before, or came too late, is dropped.
    pub fn answer(&mut self, now: Tick, number: u64, mut answer: Answer, out: &mut Out) {
        let Some(open) = self.open.remove(&number) else {
            return;
        };
        self.asking.remove(&open.query);
        if let Answer::Records { records, .. } = &mut answer {
            records.truncate(self.limits.records_max);
        }
        let answer = Arc::new(answer);
        self.cache.put(now, &open.query, Arc::clone(&answer), &self.limits);
        for number in open.searches {
            let Some(waiting) = self.waiting.get_mut(&number) else { continue };
            waiting.search.learn(open.query.clone(), Arc::clone(&answer));
            waiting.missing = waiting.missing.saturating_sub(1);
            if waiting.missing == 0
                && let Some(waiting) = self.waiting.remove(&number)
            {
                self.go_on(now, number, waiting.user, waiting.search, out);
            }
        }
    }

    /// Takes one step of a search, and asks what it does not know.
    fn go_on(&mut self, now: Tick, number: u64, user: u64, mut search: Search, out: &mut Out) {
        let mut sight = Sight {
            now,
            ways: &self.ways,
            cache: &self.cache,
            limits: &self.limits,
            entropy: &mut self.entropy,
        };
        let asked = match search.step(&mut sight) {
            Step::Found(mut places) => {
                self.avoided.sort(now, &mut places);
                return out.found.push_back(Found { user, places });
            }
            Step::Ask(asked) => asked,
        };
        let new = asked.iter().filter(|query| !self.asking.contains_key(query)).count();
        let is_full =
            self.waiting.len() >= self.limits.hops_max || self.open.len() + new > self.limits.questions_max;
        if is_full {
            return out.found.push_back(Found { user, places: Vec::new() });
        }
        let missing = asked.len();
        for query in asked {
            self.ask(now, number, query, out);
        }
        self.waiting.insert(number, Waiting { user, search, missing });
    }

    /// Asks, or waits for the same question of another search.
    fn ask(&mut self, now: Tick, search: u64, query: Query, out: &mut Out) {
        if let Some(open) = self.asking.get(&query).and_then(|number| self.open.get_mut(number)) {
            return open.searches.push(search);
        }
        self.serial += 1;
        let number = self.serial;
        out.queries.push_back((number, query.clone()));
        self.deadlines.arm(now, self.limits.question, number);
        self.asking.insert(query.clone(), number);
        self.open.insert(number, Open { query, searches: vec![search] });
    }

    /// A place failed: 503, no way there, no connection, or silence. For a while it comes last.
    // rfc3263 §4.3
    pub fn failed(&mut self, now: Tick, place: &Place) {
        self.avoid(now, place, now + self.limits.avoid);
    }

    /// Passes over a place until then: what another worker saw fail.
    pub fn avoid(&mut self, now: Tick, place: &Place, until: Tick) {
        self.avoided.avoid(now, place, until, self.limits.avoided_max);
    }

    /// A place is seen to work, and is no longer passed over.
    pub fn works(&mut self, place: &Place) {
        self.avoided.forgive(place);
    }

    /// Gives up questions that nobody answered in time.
    pub fn tick(&mut self, now: Tick, out: &mut Out) {
        while let Some(number) = self.deadlines.pop_due(now) {
            self.answer(now, number, Answer::Failed, out);
        }
    }

    /// When [`Locator::tick`] has something to do next. It may turn out to be nothing.
    #[must_use]
    pub fn deadline(&self) -> Option<Tick> {
        self.deadlines.next()
    }

    /// Nobody waits.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.waiting.is_empty() && self.open.is_empty()
    }

    /// Questions open, hops waiting, answers in memory, and places passed over.
    #[must_use]
    pub fn figures(&self) -> [(&'static str, usize); 4] {
        [
            ("DNS questions open", self.open.len()),
            ("hops waiting for the DNS", self.waiting.len()),
            ("DNS answers in memory", self.cache.len()),
            ("failed places remembered", self.avoided.len()),
        ]
    }
}
