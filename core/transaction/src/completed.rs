//! Non-INVITE server transactions in Completed, over UDP: nothing happens to them any more but that the
//! request comes again, until Timer J fires (RFC 3261 section 17.2.2).
//!
//! There are as many as requests in half a minute, so each is a few octets in a log: what it is found by,
//! where its request came from, and what was said. Timer J is as long for all of them, so the log ends at
//! the front as it grows at the back. Not here: the other states (`non_invite_server.rs`).
//!
//! What was said is kept as a [`Reply`] where it is our own: the request brings the rest when it comes
//! again. So it is an answer to the same question only (Call-ID, CSeq, From tag). A request that has but the
//! branch of another (a client that never changes its branch) is another, where section 17.2.3 would have it
//! told what was said to that: it would hear of a success that was not its own. And a copy from elsewhere
//! than the first is absorbed in silence, where section 17.2.2 would have it answered: nobody is sent what
//! others asked for, and no client that is right sends one.

use std::collections::VecDeque;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::time::Duration;

use bytes::{BufMut, Bytes};
use hashbrown::HashTable;
use ruf_message::{Reply, Request, Tick};

use crate::matching::{Fingerprint, MethodKey, SAME_FINGERPRINT_MAX, SPARSE, Whence, spread};
use crate::out::Event;
use crate::slab::{Id, ServerId};

/// Transactions that end within this time end together: only what is sent again by itself has to be
/// punctual.
const GRAIN: Duration = Duration::from_millis(250);

/// What a final response to a non-INVITE was.
#[derive(Debug, Clone)]
pub(crate) struct Said {
    /// Of which question these octets are [`Reply::as_kept`]; else they are all of a response.
    pub(crate) question: Option<Question>,
    pub(crate) octets: Bytes,
}

/// What tells a request that comes again from one that only has its branch. No secret: who makes two alike
/// deceives nobody else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Question(u32);

impl Question {
    pub(crate) fn of(request: &Request) -> Self {
        let mut hasher = DefaultHasher::new();
        (request.call_id(), request.from_tag(), request.cseq().number).hash(&mut hasher);
        Question(hasher.finish() as u32)
    }
}

/// What a transaction is found by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Key {
    /// The fingerprint, with the To tag of clients of RFC 2543.
    fingerprint: u64,
    /// The rest of it, with the method.
    method: u32,
}

impl Key {
    pub(crate) fn new(fingerprint: Fingerprint, method: MethodKey) -> Self {
        let (low, high) = fingerprint.hash;
        Key { fingerprint: low ^ fingerprint.to_tag.unwrap_or_default(), method: method.mixed(high) }
    }

    /// Most strangers are told by it.
    fn tag(self) -> u32 {
        self.fingerprint as u32
    }
}

/// A transaction that was found.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Found<'a> {
    head: Head,
    said: &'a [u8],
}

/// All of them.
#[derive(Debug)]
pub(crate) struct Completed {
    timer_j: Duration,
    pages: VecDeque<Vec<u8>>,
    /// The number of the first page.
    first: u32,
    /// Octets of the first page that are over.
    over: usize,
    by_key: HashTable<Place>,
    /// In the order of time.
    batches: VecDeque<Batch>,
    /// The page that was let go last, for the next one.
    spare: Option<Vec<u8>>,
}

/// Octets of one page.
const PAGE: usize = 1 << PAGE_BITS;
const PAGE_BITS: u32 = 14;
/// Pages that a place can tell apart: 4 GiB, or more where one response fills a page and makes it longer.
const PAGES_MAX: usize = 1 << (u32::BITS - PAGE_BITS);

/// Where a transaction stands in the log: the number of its page, which comes round, and its octet there.
#[derive(Debug, Clone, Copy)]
struct Place {
    /// The low half of the fingerprint: most strangers are known by it.
    tag: u32,
    at: u32,
}

/// Transactions that end together.
#[derive(Debug, Clone, Copy)]
struct Batch {
    due: Tick,
    count: u32,
}

/// What stands before the octets that were said.
#[derive(Debug, Clone, Copy)]
struct Head {
    key: Key,
    whence: Whence,
    /// Octets of what was said.
    len: u16,
    question: Option<Question>,
    /// Who is told of the end.
    owner: Option<(Id, u64)>,
}

impl Completed {
    pub(crate) fn new(timer_j: Duration) -> Self {
        Completed {
            timer_j,
            pages: VecDeque::new(),
            first: 0,
            over: 0,
            by_key: HashTable::new(),
            batches: VecDeque::new(),
            spare: None,
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.by_key.len()
    }

    /// A transaction whose final response has left. `owner` is told when it ends; `false`: there is no place
    /// for it, or there are [`SAME_FINGERPRINT_MAX`] with its branch, of whichever method, and it has ended.
    pub(crate) fn add(
        &mut self,
        now: Tick,
        (key, whence): (Key, Whence),
        (question, said): (Option<Question>, &[u8]),
        owner: Option<(Id, u64)>,
    ) -> bool {
        if self.of(key).nth(SAME_FINGERPRINT_MAX - 1).is_some() {
            return false;
        }
        // No datagram is longer.
        let len = u16::try_from(said.len()).unwrap_or(u16::MAX);
        let said = said.get(..usize::from(len)).unwrap_or_default();
        let head = Head { key, whence, len, question, owner };
        let octets = head.len() + said.len();
        let has_room = |page: &Vec<u8>| page.len() < PAGE && page.capacity() - page.len() >= octets;
        if !self.pages.back().is_some_and(has_room) {
            if self.pages.len() + 1 == PAGES_MAX {
                return false; // the next page would have a number that is taken
            }
            let spare = self.spare.take().filter(|page| page.capacity() >= octets);
            self.pages.push_back(spare.unwrap_or_else(|| Vec::with_capacity(PAGE.max(octets))));
        }
        let number = self.first.wrapping_add(self.pages.len() as u32 - 1);
        let Some(page) = self.pages.back_mut() else { return false };
        let place = Place { tag: key.tag(), at: number << PAGE_BITS | page.len() as u32 };
        head.write(page);
        page.extend_from_slice(said);
        self.by_key.insert_unique(spread(place.tag), place, |place| spread(place.tag));
        match self.batches.back_mut().filter(|batch| batch.due >= now + self.timer_j) {
            Some(batch) => batch.count += 1,
            None => self.batches.push_back(Batch { due: now + self.timer_j + GRAIN, count: 1 }),
        }
        true
    }

    /// Whether there is a transaction of a request with this branch and method.
    pub(crate) fn has(&self, key: Key) -> bool {
        self.with(key).next().is_some()
    }

    /// The transaction of a request that comes again.
    // rfc3261 §17.2.3
    pub(crate) fn of_copy(&self, key: Key, request: &Request) -> Option<Found<'_>> {
        self.with(key).find(|found| found.is_answer_to(request))
    }

    fn with(&self, key: Key) -> impl Iterator<Item = Found<'_>> {
        self.of(key).filter(move |found| found.head.key == key)
    }

    /// Transactions with the fingerprint of this key, whatever their method.
    pub(crate) fn of(&self, key: Key) -> impl Iterator<Item = Found<'_>> {
        let places = self.by_key.iter_hash(spread(key.tag())).filter(move |place| place.tag == key.tag());
        places
            .filter_map(|place| self.at(place.at))
            .filter(move |found| found.head.key.fingerprint == key.fingerprint)
    }

    fn at(&self, at: u32) -> Option<Found<'_>> {
        // As far behind the first page as its number is, which has come round like it.
        let page = (at >> PAGE_BITS).wrapping_sub(self.first) & (PAGES_MAX as u32 - 1);
        let octets = self.pages.get(page as usize)?.get(at as usize & (PAGE - 1)..)?;
        let (head, rest) = Head::read(octets)?;
        Some(Found { head, said: rest.get(..usize::from(head.len))? })
    }

    /// When [`Completed::expire`] has something to do.
    pub(crate) fn deadline(&self) -> Option<Tick> {
        self.batches.front().map(|batch| batch.due)
    }

    /// Ends what is due.
    // rfc3261 §17.2.2
    pub(crate) fn expire(&mut self, now: Tick, events: &mut VecDeque<Event>) {
        while let Some(batch) = self.batches.pop_front_if(|batch| batch.due <= now) {
            for _ in 0..batch.count {
                self.end_first(events);
            }
            // What a busy hour took is given back.
            if self.by_key.len() < self.by_key.capacity() / SPARSE {
                self.by_key.shrink_to(2 * self.by_key.len(), |place| spread(place.tag));
            }
        }
        if self.batches.is_empty() && !self.pages.is_empty() {
            *self = Completed::new(self.timer_j);
        }
    }

    /// Makes room for one more where so many may be: the oldest end before their time.
    pub(crate) fn make_room(&mut self, max: usize, events: &mut VecDeque<Event>) {
        while self.len() >= max
            && let Some(batch) = self.batches.front_mut()
        {
            batch.count -= 1; // it has one at least
            if batch.count == 0 {
                self.batches.pop_front();
            }
            self.end_first(events);
        }
    }

    fn end_first(&mut self, events: &mut VecDeque<Event>) {
        let Some(Found { head, .. }) = self.at(self.first << PAGE_BITS | self.over as u32) else { return };
        let (tag, at) = (head.key.tag(), self.first << PAGE_BITS | self.over as u32);
        if let Ok(place) = self.by_key.find_entry(spread(tag), |place| place.at == at) {
            place.remove();
        }
        events.extend(head.owner.map(|(id, user)| Event::ServerEnded { server: ServerId(id), user }));
        self.over += head.len() + usize::from(head.len);
        if self.pages.front().is_some_and(|page| self.over >= page.len()) && self.pages.len() > 1 {
            self.spare = self.pages.pop_front().filter(|page| page.capacity() <= PAGE);
            self.spare.iter_mut().for_each(Vec::clear);
            self.first = self.first.wrapping_add(1);
            self.over = 0;
        }
    }
}

impl Found<'_> {
    /// Where the request came from, as far as its response goes.
    pub(crate) fn whence(&self) -> Whence {
        self.head.whence
    }

    /// Whether the response is one to this request, and not only to its branch.
    fn is_answer_to(&self, request: &Request) -> bool {
        self.head.question.is_none_or(|question| question == Question::of(request))
    }

    /// Writes the response once more, to the request that came again.
    // rfc3261 §17.2.2
    pub(crate) fn write_to(&self, request: &Request, out: &mut impl BufMut) {
        if self.head.question.is_some() {
            Reply::write_kept(self.said, request, out);
        } else {
            out.put_slice(self.said);
        }
    }
}

const IS_REPLY: u8 = 1;
const HAS_OWNER: u8 = 2;

impl Head {
    /// Without what not all have.
    const LEN: usize = 8 + 4 + 8 + 2 + 1;
    const QUESTION_LEN: usize = 4;
    const OWNER_LEN: usize = 4 + 4 + 8;

    /// Octets of it.
    fn len(&self) -> usize {
        let question = if self.question.is_some() { Self::QUESTION_LEN } else { 0 };
        Self::LEN + question + if self.owner.is_some() { Self::OWNER_LEN } else { 0 }
    }

    fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.key.fingerprint.to_ne_bytes());
        out.extend_from_slice(&self.key.method.to_ne_bytes());
        out.extend_from_slice(&self.whence.0.to_ne_bytes());
        out.extend_from_slice(&self.len.to_ne_bytes());
        let reply = if self.question.is_some() { IS_REPLY } else { 0 };
        out.push(reply | if self.owner.is_some() { HAS_OWNER } else { 0 });
        if let Some(Question(question)) = self.question {
            out.extend_from_slice(&question.to_ne_bytes());
        }
        if let Some((Id { index, generation }, user)) = self.owner {
            out.extend_from_slice(&index.to_ne_bytes());
            out.extend_from_slice(&generation.to_ne_bytes());
            out.extend_from_slice(&user.to_ne_bytes());
        }
    }

    /// Reads what [`Head::write`] wrote; gives what follows, too.
    fn read(octets: &[u8]) -> Option<(Head, &[u8])> {
        let (fingerprint, rest) = octets.split_first_chunk()?;
        let (method, rest) = rest.split_first_chunk()?;
        let (whence, rest) = rest.split_first_chunk()?;
        let (len, rest) = rest.split_first_chunk()?;
        let (&flags, mut rest) = rest.split_first()?;
        let mut question = None;
        if flags & IS_REPLY != 0 {
            let (number, after) = rest.split_first_chunk()?;
            question = Some(Question(u32::from_ne_bytes(*number)));
            rest = after;
        }
        let mut owner = None;
        if flags & HAS_OWNER != 0 {
            let (index, after) = rest.split_first_chunk()?;
            let (generation, after) = after.split_first_chunk()?;
            let (user, after) = after.split_first_chunk()?;
            let (index, generation) = (u32::from_ne_bytes(*index), u32::from_ne_bytes(*generation));
            owner = Some((Id { index, generation }, u64::from_ne_bytes(*user)));
            rest = after;
        }
        let key = Key { fingerprint: u64::from_ne_bytes(*fingerprint), method: u32::from_ne_bytes(*method) };
        let (whence, len) = (Whence(u64::from_ne_bytes(*whence)), u16::from_ne_bytes(*len));
        Some((Head { key, whence, len, question, owner }, rest))
    }
}

#[cfg(test)]
impl Completed {
    /// With no place left.
    pub(crate) fn full(timer_j: Duration) -> Self {
        Completed { pages: (1..PAGES_MAX).map(|_| Vec::new()).collect(), ..Completed::new(timer_j) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ruf_message::{Entropy, Method};

    const TIMER_J: Duration = Duration::from_secs(32);

    fn key(number: u64) -> Key {
        let hash = (number.wrapping_mul(0x9e37_79b9_7f4a_7c15), number);
        Key::new(Fingerprint { hash, to_tag: None }, MethodKey::known(Method::Register))
    }

    fn question(number: u64) -> Option<Question> {
        number.is_multiple_of(2).then_some(Question(number as u32))
    }

    /// One that must be there.
    struct Kept {
        number: u64,
        said: Vec<u8>,
        at: Tick,
        owner: Option<(Id, u64)>,
    }

    fn check(completed: &Completed, kept: &VecDeque<Kept>) {
        assert_eq!(completed.len(), kept.len());
        for Kept { number, said, owner, .. } in kept {
            let found = completed.with(key(*number)).next().expect("kept");
            assert_eq!((found.head.whence, found.head.owner), (Whence(*number), *owner));
            assert_eq!((found.said, found.head.question), (&said[..], question(*number)));
        }
    }

    #[test]
    fn each_is_found_until_timer_j_and_soon_after_it_is_gone_and_told() {
        // tests rfc3261 §17.2.2
        for seed in 0..40 {
            let mut entropy = Entropy::from_seed([seed; 32]);
            let mut completed = Completed::new(TIMER_J);
            // So that the numbers of the pages come round, too.
            completed.first = 0u32.wrapping_sub(u32::from(seed));
            let (mut now, mut kept, mut told) = (Tick::ZERO, VecDeque::new(), VecDeque::new());
            for number in 0..600 {
                now = now + entropy.up_to(Duration::from_millis(400));
                let len = match entropy.u64() % 50 {
                    0 => 65_535,
                    1 => PAGE - Head::LEN,
                    2 => 0,
                    other => (entropy.u64() % (20 * other)) as usize,
                };
                let said: Vec<u8> = (0..len).map(|at| (at as u64 ^ number) as u8).collect();
                let id = Id { index: number as u32, generation: 3 };
                let owner = (entropy.u64().is_multiple_of(3)).then_some((id, number));
                assert!(completed.add(now, (key(number), Whence(number)), (question(number), &said), owner));
                kept.push_back(Kept { number, said, at: now, owner });
                completed.expire(now, &mut told);
                while let Some(gone) = kept.pop_front_if(|kept| !completed.has(key(kept.number))) {
                    assert!(
                        gone.at + TIMER_J <= now
                            && now <= gone.at + TIMER_J + GRAIN + Duration::from_millis(400)
                    );
                    let event =
                        gone.owner.map(|(id, user)| Event::ServerEnded { server: ServerId(id), user });
                    assert_eq!(event, event.and_then(|_| told.pop_front()));
                }
                assert!(kept.iter().all(|kept| now <= kept.at + TIMER_J + GRAIN));
                assert_eq!(completed.deadline().is_some_and(|due| due > now), !kept.is_empty());
                if number % 50 == 0 {
                    check(&completed, &kept);
                }
            }
            now = now + TIMER_J + GRAIN;
            completed.expire(now, &mut told);
            assert_eq!((completed.len(), completed.pages.len(), completed.deadline()), (0, 0, None));
            assert_eq!(told.len(), kept.iter().filter(|kept| kept.owner.is_some()).count());
        }
    }

    #[test]
    fn what_a_busy_half_minute_took_is_given_back() {
        let mut completed = Completed::new(TIMER_J);
        let mut told = VecDeque::new();
        for number in 0..20_000 {
            completed.add(Tick::from_micros(number), (key(number), Whence(1)), (question(2), &[0; 80]), None);
        }
        let octets = completed.pages.len() * PAGE / 20_000;
        assert!(octets < 80 + Head::LEN + Head::QUESTION_LEN + 2, "{octets} octets each");
        let later = Tick::ZERO + TIMER_J;
        completed.add(later, (key(20_000), Whence(1)), (question(2), &[0; 80]), None);
        completed.expire(later + GRAIN, &mut told);
        assert_eq!((completed.len(), completed.pages.len()), (1, 1));
        assert!(completed.by_key.capacity() < 16 && completed.spare.is_some());
        assert!(completed.has(key(20_000)));
    }

    #[test]
    fn who_never_changes_a_branch_makes_no_list_that_is_long_to_look_through() {
        for is_method_changed in [false, true] {
            let mut completed = Completed::new(TIMER_J);
            let key = |number| Key { fingerprint: 7, method: if is_method_changed { number } else { 0 } };
            let mut add = |number| {
                let said = (Some(Question(number)), &b"x"[..]);
                completed.add(Tick::ZERO, (key(number), Whence(1)), said, None)
            };
            let max = SAME_FINGERPRINT_MAX as u32;
            assert!((0..max).all(&mut add) && (max..100).all(|number| !add(number)));
            assert_eq!(
                (completed.len(), completed.of(key(0)).count()),
                (SAME_FINGERPRINT_MAX, SAME_FINGERPRINT_MAX)
            );
        }
    }

    #[test]
    fn a_log_with_no_more_places_keeps_nothing_more() {
        let mut completed = Completed::full(TIMER_J);
        assert!(!completed.add(Tick::ZERO, (key(1), Whence(1)), (None, b"x"), None), "it is over at once");
        assert_eq!((completed.len(), completed.deadline()), (0, None));
    }
}
