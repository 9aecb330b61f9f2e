//! The registrar beside a naive model of RFC 3261 §10.3: random REGISTERs, time and removals, and
//! after each the same answers, the same bindings, the same order.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

mod desk;

use std::time::Duration;

use desk::{Desk, header, listed, status};
use proptest::prelude::*;
use ruf_admission::AddressOfRecord;
use ruf_message::HeaderName;
use ruf_registrar::{AddressLimits, Limits};

const USERS: [&str; 3] = ["alice", "bob", "carol"];
const CALLS: [&str; 3] = ["one", "two", "three"];
/// Each contact in two spellings; no two contacts are equivalent.
const CONTACTS: [[&str; 2]; 5] = [
    ["sip:a@h.example:5070", "sip:%61@H.EXAMPLE:5070"],
    ["sip:a@h.example", "sip:a@h.example;ob"],
    ["sip:a@h.example:5072", "sip:a@H.example:5072"],
    ["sip:b@192.0.2.7;transport=tcp", "sip:b@192.0.2.7;Transport=TCP"],
    ["sip:%00@h.example", "sip:%00@h.example;x=1"],
];
const MIN_SECS: u64 = 60;
const MAX_SECS: u64 = 900;
const DEFAULT_SECS: u64 = 300;
const OF_ONE_MAX: usize = 3;
const OF_ALL_MAX: usize = 6;

#[derive(Clone, Debug)]
struct Wanted {
    contact: usize,
    spelling: usize,
    expires: Option<u64>,
    q: Option<u16>,
}

#[derive(Clone, Debug)]
enum Step {
    Register { user: usize, call: usize, cseq: u32, wanted: Vec<Wanted>, expires: Option<u64>, star: bool },
    Wait(u64),
    Tick,
    RemoveAll(usize),
}

fn secs() -> impl Strategy<Value = Option<u64>> {
    prop_oneof![2 => Just(None), 2 => Just(Some(0)), 1 => Just(Some(59)), 1 => Just(Some(60)), 3 => Just(Some(400)), 1 => Just(Some(5_000))]
}

fn wanted() -> impl Strategy<Value = Wanted> {
    let q = prop_oneof![Just(None), Just(Some(500)), Just(Some(250)), Just(Some(1_000)), Just(Some(0))];
    (0..CONTACTS.len(), 0..2_usize, secs(), q).prop_map(|(contact, spelling, expires, q)| Wanted {
        contact,
        spelling,
        expires,
        q,
    })
}

fn step() -> impl Strategy<Value = Step> {
    let register = (
        0..USERS.len(),
        0..CALLS.len(),
        1..6_u32,
        prop::collection::vec(wanted(), 0..4),
        secs(),
        prop::bool::weighted(0.15),
    );
    prop_oneof![
        12 => register.prop_map(|(user, call, cseq, wanted, expires, star)| Step::Register { user, call, cseq, wanted, expires, star }),
        4 => (1..300_u64).prop_map(Step::Wait),
        1 => Just(Step::Tick),
        1 => (0..USERS.len()).prop_map(Step::RemoveAll),
    ]
}

/// A list of everything, searched from the front.
#[derive(Default)]
struct Model {
    now: u64,
    bound: Vec<Bound>,
}

#[derive(Clone, Debug)]
struct Bound {
    user: usize,
    contact: usize,
    spelling: usize,
    call: usize,
    cseq: u32,
    until: u64,
    q: u16,
}

impl Model {
    fn of(&self, user: usize) -> Vec<Bound> {
        self.bound.iter().filter(|bound| bound.user == user && bound.until > self.now).cloned().collect()
    }

    fn replace(&mut self, user: usize, bindings: Vec<Bound>) {
        self.bound.retain(|bound| bound.user != user);
        self.bound.extend(bindings);
    }

    fn register(
        &mut self,
        user: usize,
        call: usize,
        cseq: u32,
        wanted: &[Wanted],
        header: Option<u64>,
        star: bool,
    ) -> u16 {
        let live = self.of(user);
        let late = |bound: &Bound| bound.call == call && cseq <= bound.cseq;
        if star {
            if !wanted.is_empty() || header != Some(0) {
                return 400;
            }
            if live.iter().any(late) {
                return 500;
            }
            self.replace(user, Vec::new());
            return 200;
        }
        let (mut after, mut new): (Vec<Bound>, Vec<Bound>) = (live.clone(), Vec::new());
        for Wanted { contact, spelling, expires, q } in wanted.iter().cloned() {
            let secs = expires.or(header).unwrap_or(DEFAULT_SECS);
            if secs > 0 && secs < MIN_SECS {
                return 423;
            }
            let before = live.iter().find(|bound| bound.contact == contact);
            if before.is_some_and(late) {
                return 500;
            }
            let until = self.now + secs.min(MAX_SECS);
            let bound = Bound { user, contact, spelling, call, cseq, until, q: q.unwrap_or(1_000) };
            if before.is_some() {
                // In its place, or as a gap that is closed below.
                for place in after.iter_mut().filter(|place| place.contact == contact) {
                    *place = bound.clone();
                }
            } else {
                new.retain(|earlier| earlier.contact != contact);
                if secs > 0 {
                    new.push(bound);
                }
            }
        }
        after.retain(|bound| bound.until > self.now);
        let added = new.len();
        after.append(&mut new);
        if added > 0 && after.len() > OF_ONE_MAX {
            return 500;
        }
        let others = self.bound.iter().filter(|bound| bound.user != user && bound.until > self.now).count();
        if after.len() > live.len() && others + after.len() > OF_ALL_MAX {
            return 503;
        }
        self.replace(user, after);
        200
    }

    fn listed(&self, user: usize) -> Vec<String> {
        let one = |bound: &Bound| {
            let q = match bound.q {
                1_000 => String::new(),
                q => format!(";q={}", f64::from(q) / 1_000.0),
            };
            format!("<{}>{q};expires={}", CONTACTS[bound.contact][bound.spelling], bound.until - self.now)
        };
        self.of(user).iter().map(one).collect()
    }
}

fn lines(wanted: &[Wanted], expires: Option<u64>, star: bool) -> String {
    let mut lines = String::new();
    for Wanted { contact, spelling, expires, q } in wanted {
        lines += &format!("Contact: <{}>", CONTACTS[*contact][*spelling]);
        lines += &expires.map(|secs| format!(";expires={secs}")).unwrap_or_default();
        lines += &q.map(|q| format!(";q={}", f64::from(q) / 1_000.0)).unwrap_or_default();
        lines.push('\n');
    }
    if star {
        lines += "Contact: *\n";
    }
    lines + &expires.map(|secs| format!("Expires: {secs}\n")).unwrap_or_default()
}

fn compare(desk: &Desk, model: &Model) {
    let mut all = 0;
    for (index, user) in USERS.iter().enumerate() {
        let expected: Vec<String> =
            model.of(index).iter().map(|bound| CONTACTS[bound.contact][bound.spelling].to_owned()).collect();
        assert_eq!(desk.located(user), expected, "{user}");
        all += expected.len();
    }
    assert_eq!(desk.registrar.list(desk.now, usize::MAX, |_, _| ()).len(), all);
    assert!(desk.registrar.len() >= all);
    let soonest = model.bound.iter().map(|bound| bound.until).min();
    let due = desk.registrar.deadline().map(|due| due.as_micros() / 1_000_000);
    assert!(soonest.is_none_or(|soonest| due.is_some_and(|due| due <= soonest)), "{due:?} {soonest:?}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_registrar_does_what_the_model_does(steps in prop::collection::vec(step(), 1..60)) {
        // tests rfc3261 §10.3-4, §10.3-5, §10.3-6, §10.3 step 6, §10.3 step 7, §10.3 step 8
        let address = AddressLimits {
            expires_secs_default: DEFAULT_SECS as u32,
            expires_secs_min: MIN_SECS as u32,
            expires_secs_max: MAX_SECS as u32,
            bindings_max: OF_ONE_MAX,
            ..AddressLimits::default()
        };
        let mut desk = Desk::new(Limits { bindings_max: OF_ALL_MAX, address });
        let mut model = Model { now: 1, ..Model::default() };
        for step in steps {
            match step {
                Step::Register { user, call, cseq, wanted, expires, star } => {
                    // A phone's Call-ID is its own, but three phones here share theirs to meet often.
                    let expected = model.register(user, call, cseq, &wanted, expires, star);
                    let answer = desk.register(USERS[user], CALLS[call], cseq, &lines(&wanted, expires, star));
                    prop_assert_eq!(status(&answer), expected);
                    if expected == 200 {
                        prop_assert_eq!(listed(&answer), model.listed(user));
                    } else {
                        prop_assert!(listed(&answer).is_empty());
                    }
                    prop_assert_eq!(header(&answer, HeaderName::MinExpires).is_some(), expected == 423);
                }
                Step::Wait(secs) => {
                    model.now += secs;
                    desk.now = desk.now + Duration::from_secs(secs);
                }
                Step::Tick => {
                    desk.registrar.tick(desk.now);
                    let live = (0..USERS.len()).map(|user| model.of(user).len()).sum::<usize>();
                    prop_assert_eq!(desk.registrar.len(), live);
                }
                Step::RemoveAll(user) => {
                    desk.registrar.remove_all(&AddressOfRecord::new(USERS[user], "a.example"));
                    model.replace(user, Vec::new());
                }
            }
            model.bound.retain(|bound| bound.until > model.now);
            compare(&desk, &model);
        }
        desk.after(MAX_SECS);
        desk.registrar.tick(desk.now);
        prop_assert!(desk.registrar.is_empty());
        prop_assert_eq!((desk.registrar.addresses(), desk.registrar.deadline()), (0, None));
    }
}
