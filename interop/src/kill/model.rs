//! One client of the kill test: what it sends, what it was told, and what may be there.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use crate::failure::{Outcome, ensure, fail};
use crate::raw::Request;
use crate::server::{Bound, DOMAIN};
use crate::sip::Sip;

/// Contacts of one user.
const CONTACTS: u64 = 3;
/// Expiry stands to a second: both sides speak of whole ones.
const SLACK: Duration = Duration::from_secs(1);

/// SplitMix64: all that happens follows from the seed, but for the machine's own timing.
pub(super) struct Dice(u64);

impl Dice {
    pub(super) fn new(seed: u64) -> Dice {
        Dice(seed)
    }

    /// A number below `n`.
    pub(super) fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % n
    }
}

/// What a binding is, but for its end.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Kind {
    path: Option<String>,
    instance: Option<String>,
}

/// Contacts, each with its kind and when it ends.
type Bindings = BTreeMap<String, (Kind, End)>;

/// Between which moments a binding ends: whole seconds from some moment between a request and its answer.
#[derive(Debug, Clone, Copy)]
struct End {
    earliest: Instant,
    latest: Instant,
}

/// What a REGISTER asks for.
#[derive(Debug, Clone)]
enum Wish {
    Bind(String, Kind, u64),
    Remove(String),
    Star,
}

pub(super) struct User {
    number: usize,
    local: SocketAddr,
    cseq: u32,
    told: Bindings,
    /// Sent and not answered, and when.
    waiting: Option<(Wish, Instant)>,
}

impl User {
    pub(super) fn new(number: usize, local: SocketAddr) -> User {
        User { number, local, cseq: 0, told: Bindings::new(), waiting: None }
    }

    pub(super) fn aor(&self) -> String {
        format!("u{}@{DOMAIN}", self.number)
    }

    pub(super) fn waits(&self) -> bool {
        self.waiting.is_some()
    }

    /// How many bindings it was told of.
    pub(super) fn bound(&self) -> usize {
        self.told.len()
    }

    /// A REGISTER that binds.
    pub(super) fn first(&mut self) -> String {
        let wish = Wish::Bind(self.contact(0), Kind { path: None, instance: None }, 600);
        self.send(wish)
    }

    /// A REGISTER of some kind: new, refresh, remove, `*`.
    pub(super) fn next(&mut self, dice: &mut Dice) -> String {
        let number = dice.below(CONTACTS);
        let contact = self.contact(number);
        let wish = match dice.below(10) {
            0 => Wish::Star,
            1 | 2 => Wish::Remove(contact),
            _ => {
                let path = (number == 1).then(|| format!("<sip:edge{}.example;lr>", dice.below(5)));
                let instance =
                    (number == 2).then(|| format!("urn:uuid:00000000-0000-4000-8000-{:012x}", self.number));
                Wish::Bind(contact, Kind { path, instance }, 60 + dice.below(3_000))
            }
        };
        self.send(wish)
    }

    fn contact(&self, number: u64) -> String {
        format!("sip:u{}-{number}@{}", self.number, self.local)
    }

    fn send(&mut self, wish: Wish) -> String {
        self.cseq += 1;
        let aor = format!("sip:{}", self.aor());
        let mut request = Request::new("REGISTER", &format!("sip:{DOMAIN}"), self.local).between(&aor, &aor);
        request.call_id = format!("kill-{}", self.number);
        request.cseq = self.cseq;
        request = match &wish {
            Wish::Star => request.line("Contact", "*").line("Expires", "0"),
            Wish::Remove(contact) => request.line("Contact", &format!("<{contact}>;expires=0")),
            Wish::Bind(contact, kind, secs) => {
                let instance = kind.instance.as_ref().map(|urn| format!(";+sip.instance=\"<{urn}>\""));
                let line = format!("<{contact}>;expires={secs}{}", instance.unwrap_or_default());
                let request = request.line("Contact", &line);
                match &kind.path {
                    Some(path) => request.line("Supported", "path").line("Path", path),
                    None => request,
                }
            }
        };
        self.waiting = Some((wish, Instant::now()));
        request.text()
    }

    /// An answer came: what it lists is what the client was told.
    pub(super) fn told(&mut self, answer: &Sip, now: Instant) -> Outcome<()> {
        if answer.cseq_number() != Some(self.cseq) {
            fail!("an answer to an older REGISTER of {}", self.aor());
        }
        let Some((wish, sent)) = self.waiting.take() else { fail!("{} was answered twice", self.aor()) };
        ensure!(answer.status() == Some(200), "{} was answered {:?}", self.aor(), answer.status());
        let mut expected = applied(&self.told, &wish, sent, now);
        let listed: Vec<&str> = answer.headers("contact");
        ensure!(listed.len() == expected.len(), "{} was told {listed:?} after {wish:?}", self.aor());
        for line in listed {
            let uri = line.split_once('<').and_then(|(_, rest)| rest.split_once('>')).map(|(uri, _)| uri);
            let secs =
                line.split_once(";expires=").and_then(|(_, secs)| secs.split(';').next()?.parse().ok());
            match (uri.and_then(|uri| expected.get_mut(uri)), secs) {
                (Some((_, end)), Some(secs)) => *end = End::after(secs, sent, now),
                (None, _) | (_, None) => fail!("{} was told {line} after {wish:?}", self.aor()),
            }
        }
        self.told = expected;
        Ok(())
    }

    /// What is there after a restart, seen between two moments, is what it was told; of what was not
    /// answered, either. From here on what is there counts.
    pub(super) fn compare(&mut self, found: Vec<Bound>, before: Instant, after: Instant) -> Outcome<()> {
        let told = differs(&self.told, &found, before, after);
        let Some(why) = told else {
            self.waiting = None;
            return Ok(());
        };
        let Some((wish, sent)) = self.waiting.take() else { fail!("{}: {why}", self.aor()) };
        // It was done at some moment after it was sent, if it was done.
        let done = applied(&self.told, &wish, sent, before);
        if let Some(other) = differs(&done, &found, before, after) {
            fail!("{}: {why}; and if {wish:?} was done, {other}", self.aor());
        }
        self.told = done;
        Ok(())
    }
}

impl End {
    /// So many seconds after some moment between these two.
    fn after(secs: u64, from: Instant, to: Instant) -> End {
        let secs = Duration::from_secs(secs);
        End { earliest: from + secs, latest: to + secs }
    }
}

/// The bindings after a wish that was granted at some moment between these two.
fn applied(bindings: &Bindings, wish: &Wish, from: Instant, to: Instant) -> Bindings {
    let mut bindings = bindings.clone();
    match wish {
        Wish::Star => bindings.clear(),
        Wish::Remove(contact) => drop(bindings.remove(contact)),
        Wish::Bind(contact, kind, secs) => {
            bindings.insert(contact.clone(), (kind.clone(), End::after(*secs, from, to)));
        }
    }
    bindings
}

/// The first difference between what should be and what was found, in words.
fn differs(expected: &Bindings, found: &[Bound], before: Instant, after: Instant) -> Option<String> {
    if expected.len() != found.len() {
        return Some(format!("{} bindings should be there, and these are: {found:?}", expected.len()));
    }
    for bound in found {
        let Some((kind, end)) = expected.get(&bound.contact) else {
            return Some(format!("{} should not be there", bound.contact));
        };
        if (&kind.path, &kind.instance) != (&bound.path, &bound.instance) {
            return Some(format!("{kind:?} became {bound:?}"));
        }
        let left = Duration::from_secs(bound.expires_secs);
        if before + left > end.latest + SLACK || after + left + SLACK < end.earliest {
            let should = end.earliest.saturating_duration_since(before);
            return Some(format!("{} should end in {should:?}, and ends in {left:?}", bound.contact));
        }
    }
    None
}
