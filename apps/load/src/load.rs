//! The machine: messages and time in, messages out. It registers the callees, starts units as the
//! schedule says, brings each answer to its unit, and counts what becomes of them.
//!
//! It reads no clock and opens no socket: `shell` does, and a test can stand in for both.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

use bytes::Bytes;
use ruf_message::{Entropy, Flow, Method, Place, Tick, Transmit};
use ruf_net::Unreachable;

use crate::answering::{self, Answering, Extra, Sink};
use crate::glance::{Glance, Reply, Start, Stray};
use crate::ident::Ident;
use crate::limits::Limits;
use crate::mix::{Kind, Mix};
use crate::plan::Plan;
use crate::render::{self, Errand};
use crate::schedule::Schedule;
use crate::tally::{Outcome, Tally};
use crate::turn::Turn;
use crate::unit::Unit;
use crate::way::{Link, Way, Ways};

/// How far a run has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Phase {
    /// The connection is being opened, or the callees are being registered.
    Preparing,
    /// All is prepared; [`Load::start`] begins the run.
    Ready,
    /// Units start and end.
    Running,
    /// Nothing starts any more; what is under way comes to its end.
    Ending,
    /// Nothing is left.
    Over,
    /// It could not be run: one sentence says why.
    Failed(String),
}

/// A load generator, without its sockets.
pub struct Load {
    plan: Plan,
    limits: Limits,
    run: String,
    link: Link,
    ways: Option<Ways>,
    reach: Reach,
    phase: Phase,
    schedule: Option<Schedule>,
    mix: Mix,
    slots: Vec<Slot>,
    free: Vec<u32>,
    in_flight: u32,
    alarms: BinaryHeap<Reverse<(Tick, Key)>>,
    answering: Answering,
    /// Units of each kind that were started, to choose whom they concern.
    turns: [u32; Kind::ALL.len()],
    registering: u32,
    preparation: Tally,
    tally: Tally,
    began: Option<Tick>,
    stopped_starting: Option<Tick>,
    has_heard: bool,
    entropy: Entropy,
    out: VecDeque<Transmit>,
}

/// A place in the table of units.
struct Slot {
    generation: u32,
    unit: Option<Unit>,
    /// The earliest alarm that is set for it.
    alarm: Option<Tick>,
}

/// Slot and generation, in the order of the alarms.
type Key = (u32, u32);

/// Whether there is a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reach {
    /// It is to be asked for at this time.
    Wanted(Tick),
    Asked,
    There,
}

impl Load {
    /// A run that has not begun.
    pub fn new(plan: Plan, limits: Limits, link: Link, mut entropy: Entropy) -> Load {
        let (ways, reach) = match &link {
            Link::Datagrams { caller, answering } => {
                (Some(Ways { caller: Way::new(*caller), answering: Way::new(*answering) }), Reach::There)
            }
            Link::Connection(_) => (None, Reach::Wanted(Tick::ZERO)),
        };
        let answering =
            Answering::new(plan.ring, entropy.token(8), limits.answered_max, limits.remembered_max);
        let mut load = Load {
            mix: plan.mix.clone(),
            run: entropy.token(10),
            plan,
            limits,
            link,
            ways,
            reach,
            phase: Phase::Preparing,
            schedule: None,
            slots: Vec::new(),
            free: Vec::new(),
            in_flight: 0,
            alarms: BinaryHeap::new(),
            answering,
            turns: [0; Kind::ALL.len()],
            registering: 0,
            preparation: Tally::default(),
            tally: Tally::default(),
            began: None,
            stopped_starting: None,
            has_heard: false,
            entropy,
            out: VecDeque::new(),
        };
        load.prepare(Tick::ZERO);
        load
    }

    /// How far it has come.
    pub fn phase(&self) -> &Phase {
        &self.phase
    }

    /// What became of the units so far.
    pub fn tally(&self) -> &Tally {
        &self.tally
    }

    /// Callees that are registered so far.
    pub fn registered(&self) -> u64 {
        self.preparation.good(None)
    }

    /// Units under way.
    pub fn in_flight(&self) -> u32 {
        self.in_flight
    }

    /// When the run began, and when the last unit was to start, if those are past.
    pub fn span(&self) -> (Option<Tick>, Option<Tick>) {
        (self.began, self.stopped_starting)
    }

    /// Begins the run, once it is ready.
    pub fn start(&mut self, now: Tick) {
        if self.phase == Phase::Ready {
            let Plan { pace, duration, units_max, .. } = self.plan;
            self.schedule = Some(Schedule::new(pace, now, duration, units_max));
            self.phase = Phase::Running;
            self.began = Some(now);
            self.go_on(now);
        }
    }

    /// When the schedule wants to be looked at next; `None`: not by the clock.
    pub fn next_start(&self, now: Tick) -> Option<Tick> {
        self.schedule.as_ref().and_then(|schedule| schedule.next_start(now))
    }

    /// Starts nothing more, hangs up what is answered, withdraws what rings, and waits for the rest.
    pub fn wind_down(&mut self, now: Tick) {
        match self.phase {
            Phase::Running | Phase::Ending => {
                if let Some(schedule) = &mut self.schedule {
                    schedule.stop();
                }
                for slot in (0u32..).take(self.slots.len()) {
                    self.step(now, slot, Unit::wind_down);
                }
                self.go_on(now);
            }
            Phase::Preparing | Phase::Ready => self.cut(now),
            Phase::Over | Phase::Failed(_) => {}
        }
    }

    /// Ends at once: what is under way counts as cut off.
    pub fn cut(&mut self, now: Tick) {
        if let Some(schedule) = &mut self.schedule {
            schedule.stop();
        }
        self.end_all(now, Outcome::Cut);
        if !matches!(self.phase, Phase::Failed(_)) {
            self.phase = Phase::Over;
        }
        self.stopped_starting = self.stopped_starting.or(Some(now));
    }

    /// A datagram, or a message cut out of a stream, came over a flow.
    pub fn receive(&mut self, now: Tick, flow: Flow, message: &Bytes) {
        self.has_heard = true;
        match Glance::read(message) {
            Some(glance) => match glance.start {
                Start::Response { code } => self.answered(now, glance, code, message),
                Start::Request { method, .. } => self.asked(now, flow, &glance, method),
            },
            None => self.current().strays += 1,
        }
        self.go_on(now);
    }

    /// A response came.
    fn answered(&mut self, now: Tick, glance: Glance<'_>, code: u16, wire: &Bytes) {
        let reply = match Reply::read(glance, code, &self.run) {
            Ok(reply) => reply,
            Err(Stray::Foreign) => return self.current().strays += 1,
            Err(Stray::Broken(ident)) => {
                let wrong = |unit: &mut Unit, _: &mut Turn<'_>| {
                    Some(Outcome::Wrong(unit.waits_for(), "an answer that names another call or none"))
                };
                return match self.live(ident) {
                    true => self.step(now, ident.slot, wrong),
                    false => self.current().strays += 1,
                };
            }
        };
        if self.live(reply.ident) {
            self.step(now, reply.ident.slot, |unit, turn| unit.reply(&reply, wire, turn));
            return;
        }
        self.current().strays += 1;
        // rfc3261 §17.1.1.2: a refusal is sent until its ACK has come, and the first may have been lost
        if let Some(ways) = &self.ways
            && reply.method == Method::Invite
            && code >= 300
        {
            let bytes = render::ack_refusal(&ways.caller, &reply);
            self.out.push_back(Transmit { flow: ways.caller.flow, bytes });
        }
    }

    /// A request came: inside a dialog of a caller of ours, or to a callee.
    fn asked(&mut self, now: Tick, flow: Flow, request: &Glance<'_>, method: Method) {
        let call_id = request.lines().find(|line| line.name == ruf_message::HeaderName::CallId);
        let ident = call_id.and_then(|line| Ident::of_call_id(&self.run, line.value));
        if matches!(method, Method::Notify | Method::Bye)
            && let Some(ident) = ident
            && self.is_for_a_caller(flow, ident, method)
        {
            self.out.push_back(Transmit {
                flow,
                bytes: answering::answer(request, "200 OK", None, Extra::Nothing),
            });
            self.tally.notifies += u64::from(method == Method::Notify);
            if self.live(ident) {
                self.step(now, ident.slot, |unit, turn| unit.request(method, turn));
            }
            return;
        }
        let Some(ways) = &self.ways else { return };
        let tally = if self.began.is_some() { &mut self.tally } else { &mut self.preparation };
        let mut sink = Sink { now, host: &ways.answering.host, tally, out: &mut self.out };
        self.answering.receive(flow, request, method, &mut sink);
    }

    /// Over one connection, both sides of a call have the same Call-ID and hear the same BYE: it is for
    /// the callee.
    fn is_for_a_caller(&self, flow: Flow, ident: Ident, method: Method) -> bool {
        match &self.link {
            Link::Datagrams { caller, .. } => caller.listener == flow.listener,
            Link::Connection(_) => method == Method::Notify && self.live(ident),
        }
    }

    /// Time has passed; early or extra calls do nothing.
    pub fn tick(&mut self, now: Tick) {
        while let Some(Reverse((due, _))) = self.alarms.peek()
            && *due <= now
        {
            let Some(Reverse((_, (slot, generation)))) = self.alarms.pop() else { break };
            if self.live(Ident { slot, generation }) {
                if let Some(slot) = self.slots.get_mut(slot as usize) {
                    slot.alarm = None;
                }
                self.step(now, slot, Unit::tick);
            }
        }
        if let Some(ways) = &self.ways {
            let tally = if self.began.is_some() { &mut self.tally } else { &mut self.preparation };
            self.answering.tick(&mut Sink { now, host: &ways.answering.host, tally, out: &mut self.out });
        }
        self.go_on(now);
    }

    /// When it wants to be ticked next. The starts of the schedule come apart from it, by
    /// [`Load::next_start`]: they want a finer clock.
    pub fn poll_deadline(&self) -> Option<Tick> {
        let alarm = self.alarms.peek().map(|Reverse((due, _))| *due);
        let reach = match self.reach {
            Reach::Wanted(at) => Some(at),
            Reach::Asked | Reach::There => None,
        };
        [alarm, self.answering.deadline(), reach].into_iter().flatten().min()
    }

    /// The next message to send.
    pub fn poll_transmit(&mut self) -> Option<Transmit> {
        self.out.pop_front()
    }

    /// The place that a connection is wanted to.
    pub fn poll_reach(&mut self, now: Tick) -> Option<Place> {
        match (&self.link, self.reach) {
            (Link::Connection(place), Reach::Wanted(at)) if at <= now => {
                self.reach = Reach::Asked;
                Some(place.clone())
            }
            _ => None,
        }
    }

    /// What became of the connection.
    pub fn reached(&mut self, now: Tick, flow: Result<Flow, Unreachable>) {
        match flow {
            Ok(flow) => {
                self.reach = Reach::There;
                self.ways = Some(Ways { caller: Way::new(flow), answering: Way::new(flow) });
                self.prepare(now);
            }
            Err(error) if !self.has_heard => self.phase = Phase::Failed(self.nobody(error)),
            Err(_) => self.reach = Reach::Wanted(now + self.limits.reopen),
        }
        self.go_on(now);
    }

    /// This flow leads nowhere.
    pub fn unreachable(&mut self, now: Tick, flow: Flow) {
        let is_ours = self.ways.as_ref().is_some_and(|ways| {
            flow.remote == ways.caller.flow.remote && flow.connection == ways.caller.flow.connection
        });
        if !is_ours {
            return;
        }
        match &self.link {
            // Datagrams may come through again; timers decide, as they do for a lost one.
            Link::Datagrams { .. } if self.has_heard => {}
            Link::Datagrams { .. } => {
                self.phase = Phase::Failed(self.nobody(Unreachable::Refused));
                self.end_all(now, Outcome::Lost);
            }
            Link::Connection(_) => {
                self.ways = None;
                self.reach = Reach::Wanted(now + self.limits.reopen);
                self.end_all(now, Outcome::Lost);
            }
        }
        self.go_on(now);
    }

    fn nobody(&self, error: Unreachable) -> String {
        let place = match &self.link {
            Link::Datagrams { caller, .. } => format!("udp:{}", caller.remote),
            Link::Connection(place) => format!("{}:{}", place.transport.as_param(), place.address),
        };
        match error {
            Unreachable::Refused if place.starts_with("tls:") => format!(
                "nobody whom we believe listens at {place}; start the server, or name the authority of its certificate with --ca"
            ),
            Unreachable::Refused => {
                format!("nobody listens at {place}; start the server, or look at its port")
            }
            Unreachable::Silent => {
                format!("{place} does not answer; look for a firewall between here and there")
            }
            Unreachable::NoRoute => format!("no way leads to {place}; look at this machine's routes"),
            Unreachable::NoListener | Unreachable::Full => format!("no socket of ours can reach {place}"),
        }
    }

    /// Does what follows from what happened: the next registration, the next units, the next phase.
    fn go_on(&mut self, now: Tick) {
        match self.phase {
            Phase::Preparing => self.prepare(now),
            Phase::Running => self.start_units(now),
            Phase::Ready | Phase::Ending | Phase::Over | Phase::Failed(_) => {}
        }
        let is_over = self.schedule.as_ref().is_some_and(|schedule| schedule.is_over(now));
        if self.phase == Phase::Running && is_over {
            self.phase = Phase::Ending;
            self.stopped_starting = Some(now);
        }
        if self.phase == Phase::Ending && self.in_flight == 0 {
            self.phase = Phase::Over;
        }
    }

    /// Registers the callees, so many at a time.
    fn prepare(&mut self, now: Tick) {
        let Some(_) = &self.ways else { return };
        let wanted = if self.plan.mix.needs_callees() { self.plan.users.count } else { 0 };
        while self.registering < wanted && self.in_flight < self.limits.registering_max {
            let user = self.registering;
            self.registering += 1;
            self.begin(now, now, Kind::Register, user, user);
        }
        let failure = self.preparation.failures().next();
        if let Some((_, outcome, _)) = failure {
            let hint = match outcome {
                Outcome::Refused(_, 401 | 407) if self.plan.users.password.is_none() => "; give --password",
                Outcome::Refused(_, 401 | 403 | 407) => "; look at --password, --user-pattern and --domain",
                _ => "",
            };
            self.phase = Phase::Failed(format!(
                "a callee could not be registered at {}: {outcome}{hint}",
                self.plan.domain
            ));
            self.end_all(now, Outcome::Cut);
        } else if self.registering == wanted && self.in_flight == 0 {
            self.phase = Phase::Ready;
        }
    }

    fn start_units(&mut self, now: Tick) {
        while let Some(schedule) = &mut self.schedule
            && let Some(intended) = schedule.take(now, self.in_flight, &mut self.entropy)
        {
            let kind = self.mix.next_kind();
            self.tally.start(kind, now.saturating_sub(intended));
            let count = self.plan.users.count.max(1);
            let turn = self.turns.get_mut(kind as usize).map_or(0, |turns| {
                let turn = *turns % count;
                *turns = turn + 1;
                turn
            });
            // Everybody calls whom stands half a round away.
            let from = if kind == Kind::Register { turn } else { (turn + count.div_ceil(2)) % count };
            if self.ways.is_none() {
                self.tally.end(kind, Outcome::Lost);
            } else if self.in_flight >= self.limits.in_flight_max {
                self.tally.end(kind, Outcome::Unsent);
            } else {
                self.begin(now, intended, kind, from, turn);
            }
        }
    }

    fn begin(&mut self, now: Tick, intended: Tick, kind: Kind, from: u32, to: u32) {
        let slot = self.free.pop().unwrap_or_else(|| {
            self.slots.push(Slot { generation: 0, unit: None, alarm: None });
            u32::try_from(self.slots.len() - 1).unwrap_or(u32::MAX) // as many as may be in flight
        });
        let Some(place) = self.slots.get_mut(slot as usize) else { return };
        place.generation = place.generation.wrapping_add(1);
        place.alarm = None;
        let errand = Errand { ident: Ident { slot, generation: place.generation }, from, to };
        self.in_flight += 1;
        self.step_with(now, slot, |unit, turn| {
            *unit = Some(Unit::start(kind, errand, intended, turn));
            None
        });
    }

    fn live(&self, ident: Ident) -> bool {
        self.slots
            .get(ident.slot as usize)
            .is_some_and(|slot| slot.generation == ident.generation && slot.unit.is_some())
    }

    fn current(&mut self) -> &mut Tally {
        if self.began.is_some() { &mut self.tally } else { &mut self.preparation }
    }

    /// Lets the unit of a slot, if there is one, do something.
    fn step(&mut self, now: Tick, slot: u32, act: impl FnOnce(&mut Unit, &mut Turn<'_>) -> Option<Outcome>) {
        self.step_with(now, slot, |unit, turn| unit.as_mut().and_then(|unit| act(unit, turn)));
    }

    fn step_with(
        &mut self,
        now: Tick,
        slot: u32,
        act: impl FnOnce(&mut Option<Unit>, &mut Turn<'_>) -> Option<Outcome>,
    ) {
        let (Some(ways), Some(place)) = (&self.ways, self.slots.get_mut(slot as usize)) else { return };
        let tally = if self.began.is_some() { &mut self.tally } else { &mut self.preparation };
        let mut turn = Turn {
            now,
            plan: &self.plan,
            limits: &self.limits,
            run: &self.run,
            ways,
            tally,
            entropy: &mut self.entropy,
            out: &mut self.out,
        };
        let outcome = act(&mut place.unit, &mut turn);
        let Some(unit) = &place.unit else { return };
        match outcome {
            Some(outcome) => {
                tally.end(unit.kind(), outcome);
                place.unit = None;
                self.free.push(slot);
                self.in_flight -= 1;
            }
            None => {
                let due = unit.due();
                if place.alarm.is_none_or(|alarm| due < alarm) {
                    place.alarm = Some(due);
                    self.alarms.push(Reverse((due, (slot, place.generation))));
                }
            }
        }
    }

    fn end_all(&mut self, now: Tick, outcome: Outcome) {
        let tally = if self.began.is_some() { &mut self.tally } else { &mut self.preparation };
        for (number, slot) in (0u32..).zip(&mut self.slots) {
            if let Some(unit) = slot.unit.take() {
                tally.end(unit.kind(), outcome);
                self.free.push(number);
                self.in_flight -= 1;
            }
        }
        let _ = now;
    }
}
