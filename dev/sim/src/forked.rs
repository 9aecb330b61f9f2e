//! One call to somebody with two or three phones, drawn from a seed: they ring at once, and each does
//! what its plan says. Meanwhile the caller may give up, the translator before one phone may forget it,
//! or the server may start anew.
//!
//! What is promised: the caller has one end, the one that the plan allows. Every phone that rang stops,
//! because it was answered or refused there, or because the server told it to; none rings until its own
//! patience ends. Where the server started anew in between, nobody could tell them: there they only
//! have to come to an end, and nothing may be left.

use std::collections::BTreeMap;
use std::time::Duration;

use ruf_agent::{AgentEvent, CallKey, EndReason, Failure};
use ruf_message::{Entropy, StatusCode, Tick, Uri};

use crate::check;
use crate::excuse::Subject;
use crate::network::Conditions;
use crate::scenario::{EXPIRES_SECS, RUN_MAX};
use crate::server::{Server, Site};
use crate::sim::{HostId, Sim, seed_of};
use crate::verdict::{self, Broken, Run, Settings, Verdict, is_timeout};

/// The patience of a caller who waits for whatever comes.
const PATIENCE_MS: u64 = 60_000;
/// How long the server is away when it starts anew.
const AWAY_MS: u64 = 500;

/// What somebody at a phone does when it rings, after so many milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Will {
    Answer {
        ring_ms: u64,
    },
    Busy {
        ring_ms: u64,
    },
    Decline {
        ring_ms: u64,
    },
    /// Nobody is there.
    Nothing,
}

/// What else happens, so many milliseconds after the call was dialled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Misfortune {
    None,
    /// The translator before the last phone forgets its mapping.
    Rebinding {
        after_ms: u64,
    },
    /// The server stops, and starts again half a second later.
    Restart {
        after_ms: u64,
    },
}

#[derive(Debug)]
struct Plan {
    wills: Vec<Will>,
    /// Alice gives up after so long.
    patience_ms: u64,
    /// She hangs up so long after an answer.
    talk_ms: u64,
    misfortune: Misfortune,
}

impl Plan {
    fn draw(entropy: &mut Entropy) -> Self {
        let mut below = |n: u64| entropy.u64() % n;
        let phones = 2 + below(2);
        let mut will = || match below(20) {
            0..8 => Will::Answer { ring_ms: below(10_000) },
            8..12 => Will::Busy { ring_ms: below(6_000) },
            12 => Will::Decline { ring_ms: below(6_000) },
            _ => Will::Nothing,
        };
        let wills = (0..phones).map(|_| will()).collect();
        Plan {
            wills,
            patience_ms: if below(10) < 3 { below(12_000) } else { PATIENCE_MS },
            // The long ones outlast the repetitions of an answer that nobody acknowledges.
            talk_ms: if below(2) == 0 { below(10_000) } else { 40_000 },
            misfortune: match below(10) {
                0..2 => Misfortune::Rebinding { after_ms: below(15_000) },
                2 => Misfortune::Restart { after_ms: below(15_000) },
                _ => Misfortune::None,
            },
        }
    }

    /// How the call may end for the caller, if these are the phones that ring.
    fn ends(&self, wills: &[Will]) -> Vec<EndReason> {
        let any = |is: fn(&Will) -> bool| wills.iter().any(is);
        let refused = |status| EndReason::Failed(Failure::Refused(status));
        let mut ends = Vec::new();
        let answers = any(|will| matches!(will, Will::Answer { .. }));
        let declines = any(|will| matches!(will, Will::Decline { .. }));
        if answers {
            ends.push(EndReason::HungUp);
        }
        if declines {
            ends.push(refused(StatusCode::DECLINE));
        }
        let has_nobody = any(|will| matches!(will, Will::Nothing));
        if self.patience_ms < PATIENCE_MS || (has_nobody && !answers && !declines) {
            ends.push(EndReason::Cancelled);
        }
        if !answers && !declines && !has_nobody {
            ends.push(refused(StatusCode::BUSY_HERE));
        }
        ends
    }
}

impl Will {
    /// How a ringing phone may stop.
    fn ends(self) -> Vec<EndReason> {
        use EndReason::{Declined, RemoteCancelled, RemoteHungUp};
        match self {
            Will::Answer { .. } => vec![RemoteHungUp, RemoteCancelled],
            Will::Busy { .. } => vec![Declined(StatusCode::BUSY_HERE), RemoteCancelled],
            Will::Decline { .. } => vec![Declined(StatusCode::DECLINE), RemoteCancelled],
            Will::Nothing => vec![RemoteCancelled],
        }
    }
}

/// Runs one seed.
pub fn run(seed: u64, settings: Settings) -> Run {
    let mut entropy = Entropy::from_seed(seed_of(seed, 20_000));
    let mut fork = Fork::new(seed, settings, Plan::draw(&mut entropy));
    fork.play();
    let verdict = fork.verdict();
    Run { plan: format!("{:?}", fork.plan), sim: fork.sim, verdict }
}

/// Something that happens at its time.
#[derive(Debug, Clone, Copy)]
enum Act {
    Register(HostId),
    Dial,
    Answer(HostId, CallKey),
    Refuse(HostId, CallKey, StatusCode),
    HangUp(CallKey),
    Rebind,
    Crash,
    Restart,
    Unregister(HostId),
}

/// What one phone saw.
#[derive(Debug, Default)]
struct Side {
    registered: bool,
    rang: bool,
    ends: Vec<EndReason>,
}

struct Fork {
    sim: Sim,
    plan: Plan,
    server: HostId,
    alice: HostId,
    phones: Vec<HostId>,
    agenda: BTreeMap<(Tick, u64), Act>,
    serial: u64,
    sides: BTreeMap<HostId, Side>,
    dialled: bool,
}

impl Fork {
    fn new(seed: u64, settings: Settings, plan: Plan) -> Self {
        let mut sim = Sim::new(seed, Conditions::rough(settings.loss_percent));
        let site = settings.site(seed, &["alice", "bob"]);
        let server = sim.add_server(Server::new(site));
        let alice = sim.add_phone("alice", "192.0.2.10:5060", server, &Site::secret("alice"));
        let secret = Site::secret("bob");
        let last = plan.wills.len() - 1;
        let phones: Vec<HostId> = (0..=last)
            .zip(["desk", "mobile", "tablet"])
            .map(|(at, name)| match at == last {
                true => {
                    let public = Some([203, 0, 113, 30].into());
                    sim.add_phone_of("bob", name, "10.0.0.2:5060", public, server, &secret)
                }
                false => {
                    let address = format!("203.0.113.{}:5060", 20 + at);
                    sim.add_phone_of("bob", name, &address, None, server, &secret)
                }
            })
            .collect();
        let sides = phones.iter().chain([&alice]).map(|&host| (host, Side::default())).collect();
        let agenda = BTreeMap::new();
        Fork { sim, plan, server, alice, phones, agenda, serial: 0, sides, dialled: false }
    }

    fn hosts(&self) -> Vec<HostId> {
        self.sides.keys().copied().collect()
    }

    /// Plays to the end: until nothing happens any more, or for too long.
    fn play(&mut self) {
        for host in self.hosts() {
            self.later(0, Act::Register(host));
        }
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
            for host in self.hosts() {
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
            Act::Dial => self.dial(),
            Act::Answer(host, call) => self.sim.phone(host, |phone, now| phone.answer(now, call, None)),
            Act::Refuse(host, call, status) => {
                self.sim.phone(host, |phone, now| phone.reject(now, call, status));
            }
            Act::HangUp(call) => self.sim.phone(self.alice, |phone, now| phone.hang_up(now, call)),
            Act::Rebind => {
                if let Some(&last) = self.phones.last() {
                    self.sim.rebind(last);
                }
            }
            Act::Crash => {
                self.sim.crash(self.server);
                self.later(AWAY_MS, Act::Restart);
            }
            Act::Restart => self.sim.restart(self.server),
        }
    }

    fn dial(&mut self) {
        let bob: Uri = "sip:bob@example.org".parse().expect("a URI");
        let call = self.sim.phone(self.alice, |phone, now| phone.call(now, &bob, None));
        self.later(self.plan.patience_ms, Act::HangUp(call.expect("room for one call")));
        match self.plan.misfortune {
            Misfortune::None => {}
            Misfortune::Rebinding { after_ms } => self.later(after_ms, Act::Rebind),
            Misfortune::Restart { after_ms } => self.later(after_ms, Act::Crash),
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
            AgentEvent::Incoming { call, .. } => {
                self.side(host).rang = true;
                self.sim.phone(host, |phone, now| phone.ring(now, call));
                let at = self.phones.iter().position(|phone| *phone == host);
                match at.and_then(|at| self.plan.wills.get(at)).copied() {
                    Some(Will::Answer { ring_ms }) => self.later(ring_ms, Act::Answer(host, call)),
                    Some(Will::Busy { ring_ms }) => {
                        self.later(ring_ms, Act::Refuse(host, call, StatusCode::BUSY_HERE));
                    }
                    Some(Will::Decline { ring_ms }) => {
                        self.later(ring_ms, Act::Refuse(host, call, StatusCode::DECLINE));
                    }
                    Some(Will::Nothing) | None => {}
                }
            }
            AgentEvent::Answered { call, .. } => {
                self.later(self.plan.talk_ms, Act::HangUp(call));
            }
            AgentEvent::Ended { reason, .. } => {
                self.side(host).ends.push(reason);
                if host == self.alice {
                    // After the last timer of the call.
                    for host in self.hosts() {
                        self.later(70_000, Act::Unregister(host));
                    }
                }
            }
            _ => {}
        }
    }

    fn verdict(&mut self) -> Verdict {
        let broken = self.broken_promises();
        let mut findings = check::findings(&self.sim);
        for host in self.hosts() {
            let calls = self.sim.phone(host, |phone, _| phone.counts().calls);
            if calls > 0 && !self.side(host).ends.is_empty() {
                findings.push(format!("{} still holds a call that ended", self.sim.name(host)));
            }
        }
        verdict::judge(&self.sim, broken, findings)
    }

    /// What the plan promised and the run did not keep.
    fn broken_promises(&mut self) -> Vec<Broken> {
        let mut broken = Vec::new();
        let registrations: Vec<Subject> = self.hosts().into_iter().map(Subject::Registration).collect();
        let is_told = !matches!(self.plan.misfortune, Misfortune::Restart { .. });
        if !self.dialled {
            let what = "not everybody registered".to_owned();
            return vec![Broken { subjects: registrations, what, may_be_excused: true }];
        }
        let mut fail = |may_be_excused, what| {
            broken.push(Broken { subjects: vec![Subject::Call], what, may_be_excused });
        };
        let allowed = self.plan.ends(&self.plan.wills);
        let rings = |phone: &HostId| self.sides.get(phone).is_some_and(|side| side.rang);
        let of_phones = self.phones.iter().zip(&self.plan.wills);
        let heard: Vec<Will> = of_phones.filter(|(phone, _)| rings(phone)).map(|(_, will)| *will).collect();
        // Where the network kept the call from a phone, the others decide.
        let is_of_others = |end: &EndReason| self.plan.ends(&heard).contains(end);
        let alice = self.sides.get(&self.alice);
        match alice.map_or(&[][..], |side| &side.ends) {
            [] => fail(true, "the call never ended for alice".to_owned()),
            [end] if !is_told || allowed.contains(end) => {}
            [end] => {
                let what = format!("the call ended with {end:?} for alice, not with {allowed:?}");
                fail(is_timeout(end) || is_of_others(end), what);
            }
            ends => fail(false, format!("alice was told several ends: {ends:?}")),
        }
        for (phone, will) in self.phones.iter().zip(&self.plan.wills) {
            let (name, allowed) = (self.sim.name(*phone), will.ends());
            let Some(side) = self.sides.get(phone) else { continue };
            match (side.rang, &side.ends[..]) {
                (false, []) => {}
                (true, []) => fail(true, format!("{name} has a call that never ended")),
                (true, [end]) if !is_told || allowed.contains(end) => {}
                (true, [end]) => {
                    fail(is_timeout(end), format!("{name} stopped with {end:?}, not with {allowed:?}"));
                }
                (_, ends) => fail(false, format!("{name} was told several ends: {ends:?}")),
            }
        }
        if is_told && self.plan.patience_ms == PATIENCE_MS && heard.len() < self.phones.len() {
            fail(true, "not every phone rang".to_owned());
        }
        broken
    }

    fn side(&mut self, host: HostId) -> &mut Side {
        self.sides.entry(host).or_default()
    }
}
