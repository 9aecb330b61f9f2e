//! One call, drawn from a seed: two phones register, one calls the other, and they take it to its end.
//!
//! What they want to do follows from the seed ([`Plan`]), and so does what the network does to it. A
//! run is judged by what its plan promises: a call that was answered on time was set up and torn down
//! on both sides, a cancelled one ended on both, nothing is left. A failure is borne only where the
//! ladder shows that the network lost every retransmission ([`crate::excuse`]).

use std::collections::BTreeMap;
use std::time::Duration;

use ruf_agent::{AgentEvent, CallKey, EndReason};
use ruf_message::{Entropy, StatusCode, Tick, Uri};

use crate::check;
use crate::excuse::Subject;
use crate::network::Conditions;
use crate::server::{Server, Site};
use crate::sim::{HostId, Sim, seed_of};
use crate::verdict::{self, Broken, Run, Settings, Verdict, is_timeout};

/// How long a run may take before it is judged as it stands: registration, ringing, and every timer.
pub(crate) const RUN_MAX: Duration = Duration::from_secs(2_000);
/// What is registered for.
pub(crate) const EXPIRES_SECS: u32 = 3600;

/// What the two want to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Plan {
    /// Bob answers after this time, and one of them hangs up after the next.
    Talk {
        /// Milliseconds of ringing.
        ring_ms: u64,
        /// Milliseconds of talking.
        talk_ms: u64,
        /// Alice ends it, otherwise Bob.
        caller_ends: bool,
    },
    /// Alice gives up after this time. If Bob answers in between, she hangs up then.
    Cancel {
        /// Milliseconds from dialling.
        patience_ms: u64,
        /// Bob would answer after so many milliseconds of ringing.
        ring_ms: Option<u64>,
    },
    /// Bob is busy.
    Busy {
        /// Milliseconds of ringing.
        ring_ms: u64,
    },
}

impl Plan {
    fn draw(entropy: &mut Entropy) -> Self {
        let mut below = |n: u64| entropy.u64() % n;
        match below(10) {
            0..6 => Plan::Talk { ring_ms: below(8_000), talk_ms: below(20_000), caller_ends: below(2) == 0 },
            6..9 => {
                Plan::Cancel { patience_ms: below(12_000), ring_ms: (below(2) == 0).then(|| below(12_000)) }
            }
            _ => Plan::Busy { ring_ms: below(4_000) },
        }
    }
}

/// Runs one seed.
pub fn run(seed: u64, settings: Settings) -> Run {
    let mut entropy = Entropy::from_seed(seed_of(seed, 10_000));
    let plan = Plan::draw(&mut entropy);
    let mut call = Call::new(seed, settings, plan, entropy.u64().is_multiple_of(4));
    call.play();
    let verdict = call.verdict();
    Run { plan: format!("{plan:?}"), sim: call.sim, verdict }
}

/// Something that a user does at its time.
#[derive(Debug, Clone, Copy)]
enum Act {
    Register(HostId),
    Dial,
    Answer(CallKey),
    Refuse(CallKey),
    HangUp(HostId, CallKey),
    Unregister(HostId),
}

/// What one side saw of the call.
#[derive(Debug, Default)]
struct Side {
    call: Option<CallKey>,
    registered: bool,
    unregistered: bool,
    confirmed: bool,
    ended: Option<EndReason>,
}

struct Call {
    sim: Sim,
    plan: Plan,
    alice: HostId,
    bob: HostId,
    agenda: BTreeMap<(Tick, u64), Act>,
    serial: u64,
    sides: BTreeMap<HostId, Side>,
    dialled: bool,
}

impl Call {
    fn new(seed: u64, settings: Settings, plan: Plan, behind_nat: bool) -> Self {
        let mut sim = Sim::new(seed, Conditions::rough(settings.loss_percent));
        let site = settings.site(seed, &["alice", "bob"]);
        let server = sim.add_server(Server::new(site));
        let alice = sim.add_phone("alice", "192.0.2.10:5060", server, &Site::secret("alice"));
        let secret = Site::secret("bob");
        let bob = match behind_nat {
            true => {
                sim.add_phone_behind_nat("bob", "10.0.0.2:5060", [203, 0, 113, 20].into(), server, &secret)
            }
            false => sim.add_phone("bob", "203.0.113.20:5060", server, &secret),
        };
        let sides = [alice, bob].map(|host| (host, Side::default())).into();
        let (agenda, serial) = (BTreeMap::new(), 0);
        Call { sim, plan, alice, bob, agenda, serial, sides, dialled: false }
    }

    /// Plays to the end: until nothing happens any more, or for too long.
    fn play(&mut self) {
        self.later(0, Act::Register(self.alice));
        self.later(0, Act::Register(self.bob));
        loop {
            let act = self.agenda.first_key_value().map(|(&(at, _), _)| at);
            let next = self.sim.next();
            match (act, next) {
                (Some(at), next) if next.is_none_or(|next| at <= next) => {
                    self.sim.advance(at);
                    if let Some((_, act)) = self.agenda.pop_first() {
                        self.act(act);
                    }
                }
                (None, None) => return,
                (_, Some(next)) if next > Tick::ZERO + RUN_MAX => return,
                (_, _) => {
                    self.sim.step();
                }
            }
            for host in [self.alice, self.bob] {
                while let Some(event) = self.sim.happened(host) {
                    self.follow(host, event);
                }
            }
        }
    }

    fn later(&mut self, ms: u64, act: Act) {
        self.serial += 1;
        self.agenda.insert((self.sim.now() + Duration::from_millis(ms), self.serial), act);
    }

    fn act(&mut self, act: Act) {
        match act {
            Act::Register(host) => self.sim.phone(host, |phone, now| phone.register(now, EXPIRES_SECS)),
            Act::Unregister(host) => self.sim.phone(host, |phone, now| phone.unregister(now)),
            Act::Dial => {
                let bob: Uri = "sip:bob@example.org".parse().expect("a URI");
                let call = self.sim.phone(self.alice, |phone, now| phone.call(now, &bob, None));
                let call = call.expect("room for one call");
                self.side(self.alice).call = Some(call);
                if let Plan::Cancel { patience_ms, .. } = self.plan {
                    self.later(patience_ms, Act::HangUp(self.alice, call));
                }
            }
            Act::Answer(call) => self.sim.phone(self.bob, |phone, now| phone.answer(now, call, None)),
            Act::Refuse(call) => {
                self.sim.phone(self.bob, |phone, now| phone.reject(now, call, StatusCode::BUSY_HERE));
            }
            Act::HangUp(host, call) => self.sim.phone(host, |phone, now| phone.hang_up(now, call)),
        }
    }

    fn follow(&mut self, host: HostId, event: AgentEvent) {
        match event {
            AgentEvent::Registered { .. } => {
                self.side(host).registered = true;
                if !self.dialled && self.sides.values().all(|side| side.registered) {
                    self.dialled = true;
                    self.later(100, Act::Dial);
                }
            }
            AgentEvent::RegistrationFailed { .. } => {}
            AgentEvent::Unregistered => self.side(host).unregistered = true,
            AgentEvent::Incoming { call, .. } => {
                self.side(host).call = Some(call);
                self.sim.phone(host, |phone, now| phone.ring(now, call));
                match self.plan {
                    Plan::Talk { ring_ms, .. } | Plan::Cancel { ring_ms: Some(ring_ms), .. } => {
                        self.later(ring_ms, Act::Answer(call));
                    }
                    Plan::Cancel { ring_ms: None, .. } => {}
                    Plan::Busy { ring_ms } => self.later(ring_ms, Act::Refuse(call)),
                }
            }
            AgentEvent::Answered { call, .. } => {
                self.side(host).confirmed = true;
                if let Plan::Talk { talk_ms, caller_ends: true, .. } = self.plan {
                    self.later(talk_ms, Act::HangUp(host, call));
                }
            }
            AgentEvent::Acknowledged { call, .. } => {
                self.side(host).confirmed = true;
                if let Plan::Talk { talk_ms, caller_ends: false, .. } = self.plan {
                    self.later(talk_ms, Act::HangUp(host, call));
                }
            }
            AgentEvent::Ended { reason, .. } => {
                self.side(host).ended = Some(reason);
                if host == self.alice {
                    // After the last timer of the call.
                    self.later(70_000, Act::Unregister(self.alice));
                    self.later(70_000, Act::Unregister(self.bob));
                }
            }
            _ => {}
        }
    }

    fn verdict(&mut self) -> Verdict {
        let broken = self.broken_promises();
        let mut findings = check::findings(&self.sim);
        findings.extend(self.calls_left());
        verdict::judge(&self.sim, broken, findings)
    }

    /// What the plan promised and the run did not keep.
    fn broken_promises(&mut self) -> Vec<Broken> {
        let mut broken = Vec::new();
        let (caller, callee) = self.ends();
        let (plan, dialled) = (self.plan, self.dialled);
        let both = [self.alice, self.bob].map(Subject::Registration);
        let mut fail = |subject, may_be_excused, what| {
            // Who could not register could not call.
            let subjects = if subject == Subject::Call && !dialled { both.to_vec() } else { vec![subject] };
            broken.push(Broken { subjects, what, may_be_excused });
        };
        let is_cancel = matches!(plan, Plan::Cancel { .. });
        for (host, may_be_without, ends) in [(self.alice, false, caller), (self.bob, is_cancel, callee)] {
            let name = self.sim.name(host).to_owned();
            let side = self.side(host);
            if !side.registered {
                fail(Subject::Registration(host), true, format!("{name} never registered"));
            } else if dialled && !side.unregistered {
                fail(Subject::Registration(host), true, format!("{name} never unregistered"));
            }
            match (&side.call, &side.ended) {
                // A call that was cancelled early may never have reached Bob.
                (None, _) if may_be_without => {}
                (None, _) => fail(Subject::Call, true, format!("{name} never had a call")),
                // Without a timer on the session, one whose BYE is lost lasts for ever.
                (Some(_), None) => fail(Subject::Call, true, format!("the call never ended for {name}")),
                (Some(_), Some(reason)) if ends.contains(reason) => {}
                (Some(_), Some(reason)) => {
                    let what = format!("the call ended with {reason:?} for {name}, not with {ends:?}");
                    fail(Subject::Call, is_timeout(reason), what);
                }
            }
        }
        if let Plan::Talk { caller_ends, .. } = plan {
            if !self.side(self.alice).confirmed {
                fail(Subject::Call, true, "alice never heard an answer".to_owned());
            }
            // A BYE may overtake the ACK.
            if !caller_ends && !self.side(self.bob).confirmed {
                fail(Subject::Call, true, "bob's answer was never acknowledged".to_owned());
            }
        }
        broken
    }

    /// A call that ended is forgotten.
    fn calls_left(&mut self) -> Vec<String> {
        let mut left = Vec::new();
        for host in [self.alice, self.bob] {
            let calls = self.sim.phone(host, |phone, _| phone.counts().calls);
            if calls > 0 && self.side(host).ended.is_some() {
                left.push(format!("{} still holds a call that ended", self.sim.name(host)));
            }
        }
        left
    }

    /// How the call may end, for the caller and for the callee.
    fn ends(&self) -> (Vec<EndReason>, Vec<EndReason>) {
        use EndReason::{Cancelled, Declined, Failed, HungUp, RemoteCancelled, RemoteHungUp};
        match self.plan {
            Plan::Talk { caller_ends: true, .. } => (vec![HungUp], vec![RemoteHungUp]),
            Plan::Talk { caller_ends: false, .. } => (vec![RemoteHungUp], vec![HungUp]),
            Plan::Cancel { ring_ms: None, .. } => (vec![Cancelled], vec![RemoteCancelled]),
            // The answer and the CANCEL may cross.
            Plan::Cancel { ring_ms: Some(_), .. } => {
                (vec![Cancelled, HungUp], vec![RemoteCancelled, RemoteHungUp])
            }
            Plan::Busy { .. } => {
                let refused = ruf_agent::Failure::Refused(StatusCode::BUSY_HERE);
                (vec![Failed(refused)], vec![Declined(StatusCode::BUSY_HERE)])
            }
        }
    }

    fn side(&mut self, host: HostId) -> &mut Side {
        self.sides.entry(host).or_default()
    }
}
