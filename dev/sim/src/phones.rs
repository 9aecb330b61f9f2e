//! Two restless phones, drawn from a seed: each calls the other, rings, answers, holds, resumes, changes, transfers,
//! presses keys, writes, asks, hangs up, at any time and in any state, on a network that loses, doubles and
//! reorders. One of them may be started anew in the middle. There is no server.
//!
//! Whatever happened, each call has one end, who asked was answered, and in the end nothing is left: no dialog,
//! no transaction, no timer, no port of sound.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use ruf_agent::{AgentEvent, Body, CallKey, DiversionReason, EndReason, Mutant};
use ruf_message::{Entropy, Method, StatusCode, Uri};

use crate::check;
use crate::network::Conditions;
use crate::sim::{HostId, Sim, flow, seed_of};
use crate::trace::Kind;
use crate::verdict::{Fault, Run, Settings, Verdict};

const ALICE: &str = "192.0.2.10:5060";
const BOB: &str = "203.0.113.20:5060";
/// Between two moves of a user.
const STEP: Duration = Duration::from_millis(100);
/// Moves of each user.
const STEPS: u64 = 300;
/// How long everything may take to come to its end once nobody wants anything any more.
const END_MAX: Duration = Duration::from_secs(600);
/// Calls that a user has at once.
const CALLS_MAX: usize = 3;

/// Runs one seed.
pub fn run(seed: u64, settings: Settings) -> Run {
    let mut play = Play::new(seed, settings);
    let plan = play.plan();
    play.play();
    let failures = play.failures();
    let verdict = if failures.is_empty() { Verdict::Good } else { Verdict::Bad { failures } };
    Run { plan, sim: play.sim, verdict }
}

/// Which of the two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Side {
    Alice,
    Bob,
}

const BOTH: [Side; 2] = [Side::Alice, Side::Bob];

/// One phone is off from one move to another.
struct Restart {
    side: Side,
    off_at: u64,
    on_at: u64,
}

/// A phone and who has it.
struct User {
    phone: HostId,
    settings: ruf_agent::Settings,
    peer: Uri,
    /// Calls that go on: each has a port for its sound.
    open: BTreeSet<CallKey>,
    over: BTreeSet<CallKey>,
}

struct Play {
    sim: Sim,
    entropy: Entropy,
    users: [User; 2],
    mutant: Option<Mutant>,
    restart: Option<Restart>,
    /// How long calls go on after the last move: they must be refreshed.
    quiet: Duration,
    failures: Vec<String>,
}

impl Play {
    fn new(seed: u64, settings: Settings) -> Self {
        let mut entropy = Entropy::from_seed(seed_of(seed, 20_000));
        let mut below = |n: u64| entropy.u64() % n;
        let restart = (below(3) == 0).then(|| {
            let (side, off_at) = (if below(2) == 0 { Side::Alice } else { Side::Bob }, below(STEPS));
            Restart { side, off_at, on_at: off_at + below(50) }
        });
        let quiet = if below(4) == 0 { Duration::from_secs(30 + below(170)) } else { Duration::ZERO };
        let mutant = match settings.fault {
            Some(Fault::Phones(mutant)) => Some(mutant),
            Some(Fault::Transactions(_) | Fault::HastyDisk) | None => None,
        };
        let mut sim = Sim::new(seed, Conditions::rough(settings.loss_percent));
        let mut user = |name: &str, at: &str, peer: &str, peer_at: &str| {
            let address = |text: &str| text.parse().expect("an address");
            let uri = |name: &str, at: &str| format!("sip:{name}@{at}").parse::<Uri>().expect("a URI");
            let of_both = ruf_agent::Settings::new(uri(name, at), flow(address(at), address(peer_at)));
            let settings = ruf_agent::Settings {
                has_server: false,
                any_user: true,
                answer_reinvites: below(2) == 0,
                session_expires_secs: Some(90),
                ringing_max: Duration::from_secs(15),
                ..of_both
            };
            let phone = sim.add_phone_alone(name, settings.clone());
            let (open, over) = (BTreeSet::new(), BTreeSet::new());
            User { phone, settings, peer: uri(peer, peer_at), open, over }
        };
        let users = [user("alice", ALICE, "bob", BOB), user("bob", BOB, "alice", ALICE)];
        Play { sim, entropy, users, mutant, restart, quiet, failures: Vec::new() }
    }

    fn plan(&self) -> String {
        let restart =
            self.restart.as_ref().map_or("no restart".to_owned(), |Restart { side, off_at, on_at }| {
                let phone = self.sim.name(self.user(*side).phone);
                format!("{phone} is off from move {off_at} to move {on_at}")
            });
        format!("{restart}, quiet for {:?}", self.quiet)
    }

    fn user(&self, side: Side) -> &User {
        let [alice, bob] = &self.users;
        match side {
            Side::Alice => alice,
            Side::Bob => bob,
        }
    }

    fn user_mut(&mut self, side: Side) -> &mut User {
        let [alice, bob] = &mut self.users;
        match side {
            Side::Alice => alice,
            Side::Bob => bob,
        }
    }

    fn play(&mut self) {
        BOTH.into_iter().for_each(|side| self.plant(side));
        for step in 0..STEPS {
            self.pass(STEP);
            let off = self.turn_off_or_on(step);
            BOTH.into_iter().filter(|side| Some(*side) != off).for_each(|side| self.act(side));
        }
        if let Some(off) = self.turn_off_or_on(STEPS) {
            self.start_anew(off);
        }
        let until = self.sim.now() + self.quiet;
        while self.sim.now() < until {
            self.pass(STEP);
        }
        self.end();
    }

    /// Gives who is off at this move.
    fn turn_off_or_on(&mut self, step: u64) -> Option<Side> {
        let Restart { side, off_at, on_at } = *self.restart.as_ref()?;
        if step == off_at {
            self.sim.crash(self.user(side).phone);
            self.user_mut(side).open.clear();
        }
        if step == on_at {
            self.start_anew(side);
        }
        (off_at..on_at).contains(&step).then_some(side)
    }

    fn plant(&mut self, side: Side) {
        if let Some(mutant) = self.mutant {
            self.sim.phone(self.user(side).phone, |agent, _| agent.plant(mutant));
        }
    }

    fn start_anew(&mut self, side: Side) {
        let User { phone, settings, .. } = self.user(side);
        let (phone, settings) = (*phone, settings.clone());
        self.sim.restart_phone(phone, settings);
        self.user_mut(side).over.clear();
        self.plant(side);
    }

    /// Nobody wants anything any more: everything comes to its end.
    fn end(&mut self) {
        let until = self.sim.now() + END_MAX;
        while self.sim.next().is_some_and(|next| next < until) {
            for User { phone, open, .. } in &self.users {
                for call in open {
                    self.sim.phone(*phone, |agent, now| agent.hang_up(now, *call));
                }
            }
            let next = self.sim.next().map_or(Duration::ZERO, |next| next.saturating_sub(self.sim.now()));
            self.pass(next.max(STEP));
        }
    }

    /// Time passes, and the users hear what happens.
    fn pass(&mut self, time: Duration) {
        self.sim.pass(time);
        for user in &mut self.users {
            while let Some(event) = self.sim.happened(user.phone) {
                self.failures.extend(user.hear(&event, self.restart.is_some()));
                // Without it the ACK waits.
                if let AgentEvent::Answered { call, answer_due: true, .. } = event {
                    self.sim.phone(user.phone, |agent, now| agent.answer(now, call, sdp("answer")));
                }
            }
        }
    }

    /// A user does something, or nothing, with each call and besides.
    fn act(&mut self, side: Side) {
        let Play { sim, entropy, users: [alice, bob], .. } = self;
        let user = match side {
            Side::Alice => alice,
            Side::Bob => bob,
        };
        let mut below = |n: u64| entropy.u64() % n;
        let busy = user.open.len();
        let (phone, peer) = (user.phone, user.peer.clone());
        if busy < CALLS_MAX && below(if busy == 0 { 20 } else { 80 }) == 0 {
            let offer = sdp("offer").filter(|_| below(4) > 0);
            user.open.extend(sim.phone(phone, |agent, now| agent.call(now, &peer, offer)));
        }
        if below(100) == 0 {
            let text = Body { content_type: "text/plain".into(), content: "hello".into() };
            let _ = sim.phone(phone, |agent, now| agent.message(now, &peer, text));
        }
        if below(200) == 0 {
            let _ = sim.phone(phone, |agent, now| agent.options(now, &peer));
        }
        for call in user.open.clone() {
            let (roll, other) = (below(200), below(busy.max(1) as u64) as usize);
            let other = user.open.iter().copied().nth(other).unwrap_or(call);
            let followed = sim.phone(phone, |agent, now| {
                match roll {
                    0..8 => agent.ring(now, call),
                    8..16 => agent.answer(now, call, sdp("answer")),
                    16..21 => agent.progress(now, call, StatusCode::SESSION_PROGRESS, sdp("early")),
                    21..24 => agent.modify(now, call, Body::sdp("hold")),
                    24..27 => agent.modify(now, call, Body::sdp("resume")),
                    27..31 => agent.info(now, call, key()),
                    31..33 => agent.hang_up(now, call),
                    33..34 => agent.reject(now, call, StatusCode::BUSY_HERE),
                    34..35 => agent.redirect(now, call, &peer, DiversionReason::Deflection),
                    35..37 => agent.transfer(now, call, &peer),
                    37..39 => agent.transfer_attended(now, call, other),
                    39..49 => return agent.accept_referral(now, call, sdp("offer")),
                    49..50 => agent.refuse_referral(now, call),
                    _ => {}
                }
                None
            });
            user.open.extend(followed);
        }
    }

    /// What must hold and does not.
    fn failures(&mut self) -> Vec<String> {
        let mut failures = std::mem::take(&mut self.failures);
        failures.extend(check::findings(&self.sim));
        failures.extend(self.unanswered());
        for User { phone, open, .. } in &self.users {
            let name = self.sim.name(*phone).to_owned();
            if !open.is_empty() {
                failures.push(format!("{name} has ports of calls that never ended: {open:?}"));
            }
            let (is_idle, counts, deadline) =
                self.sim.phone(*phone, |agent, _| (agent.is_idle(), agent.counts(), agent.poll_deadline()));
            if !is_idle {
                failures.push(format!("{name} holds {counts:?}"));
            }
            if let Some(deadline) = deadline {
                failures.push(format!("{name} has a timer at {deadline:?}"));
            }
        }
        failures.dedup();
        failures
    }

    /// Whoever received a request, and was not started anew, answered it.
    fn unanswered(&self) -> Vec<String> {
        if self.restart.is_some() {
            return Vec::new();
        }
        let mut asked: BTreeMap<(&str, &str), (HostId, bool)> = BTreeMap::new();
        for (sight, message) in self.sim.trace().messages() {
            let key = (message.branch.as_str(), message.method.as_str());
            match (message.kind, sight.to) {
                (Kind::Request(Method::Ack), _) | (Kind::Request(_), None) => {}
                (Kind::Request(_), Some(to)) if !sight.is_lost() => {
                    asked.entry(key).or_insert((to, false));
                }
                (Kind::Request(_), Some(_)) => {}
                (Kind::Response(status), _) if status.is_final() => {
                    if let Some((_, is_answered)) = asked.get_mut(&key) {
                        *is_answered = true;
                    }
                }
                (Kind::Response(_), _) => {}
            }
        }
        let unanswered = asked.into_iter().filter(|(_, (_, is_answered))| !is_answered);
        unanswered
            .map(|((branch, method), (by, _))| {
                format!("{} never answered the {method} {branch}", self.sim.name(by))
            })
            .collect()
    }
}

impl User {
    /// Takes note; gives what must not be.
    fn hear(&mut self, event: &AgentEvent, may_be_deaf: bool) -> Option<String> {
        let call = event.call()?;
        if self.over.contains(&call) {
            return Some(format!("{event:?} after the end"));
        }
        match event {
            AgentEvent::Incoming { .. } => {
                self.open.insert(call);
            }
            AgentEvent::Ended { reason, .. } => {
                self.open.remove(&call);
                self.over.insert(call);
                // Eleven in a row are not lost.
                if *reason == EndReason::Unacknowledged && !may_be_deaf {
                    return Some("an answer was never acknowledged".to_owned());
                }
            }
            _ => {}
        }
        None
    }
}

fn sdp(text: &'static str) -> Option<Body> {
    Some(Body::sdp(text.as_bytes()))
}

/// A key of the kind that comes by INFO.
fn key() -> Body {
    Body { content_type: "application/dtmf-relay".into(), content: "Signal=5\r\nDuration=160\r\n".into() }
}
