//! The machine: messages and time in, messages out. It registers the callees, starts units as the
//! schedule says, brings each answer to its unit, and counts what becomes of them.
//!
//! It reads no clock and opens no socket: `shell` does, and a test can stand in for both.

mod phases;
mod preparation;
mod units;

use std::collections::VecDeque;
use std::time::Duration;

use bytes::Bytes;
use ruf_message::{Entropy, Flow, HeaderName, Method, Place, Tick, Transmit};
use ruf_net::Unreachable;

use crate::answering::{self, Answering, Extra, Sink};
use crate::glance::{Glance, Reply, Start, Stray};
use crate::ident::Ident;
use crate::limits::Limits;
use crate::mix::{Kind, Mix};
use crate::plan::Plan;
use crate::render;
use crate::schedule::Schedule;
use crate::tally::{Outcome, Tally};
use crate::turn::Turn;
use crate::unit::Unit;
use crate::way::{Link, Way, Ways};
pub(crate) use preparation::Preparation;
pub(crate) use units::Units;

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
    /// All units are over; the bindings of the callees are removed.
    Leaving,
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
    units: Units,
    answering: Answering,
    /// Units of each kind that were started, to choose whom they concern.
    turns: [u32; Kind::ALL.len()],
    preparation: Preparation,
    leaving: Preparation,
    leave_until: Tick,
    counts: Counts,
    stopped_starting: Option<Tick>,
    has_heard: bool,
    /// How long what is handled has waited for us in this machine.
    waited: Duration,
    entropy: Entropy,
    out: VecDeque<Transmit>,
}

/// What was counted.
#[derive(Default)]
struct Counts {
    run: Tally,
    /// What happened before the run began, and after it ended; nobody asks.
    around: Tally,
    began: Option<Tick>,
    ended: Option<Tick>,
}

impl Counts {
    /// Where what happens now is counted.
    fn current(&mut self) -> &mut Tally {
        match (self.began, self.ended) {
            (Some(_), None) => &mut self.run,
            _ => &mut self.around,
        }
    }
}

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
            units: Units::default(),
            answering,
            turns: [0; Kind::ALL.len()],
            preparation: Preparation::default(),
            leaving: Preparation::default(),
            leave_until: Tick::ZERO,
            counts: Counts::default(),
            stopped_starting: None,
            has_heard: false,
            waited: Duration::ZERO,
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
        &self.counts.run
    }

    /// Callees that are registered so far.
    pub fn registered(&self) -> u64 {
        self.preparation.good()
    }

    /// Units under way.
    pub fn in_flight(&self) -> u32 {
        self.units.in_flight()
    }

    /// When the run began, when its last unit was to start, and when its last unit ended, if those are past.
    pub fn span(&self) -> (Option<Tick>, Option<Tick>, Option<Tick>) {
        (self.counts.began, self.stopped_starting, self.counts.ended)
    }

    /// Begins the run, once it is ready.
    pub fn start(&mut self, now: Tick) {
        if self.phase == Phase::Ready {
            let Plan { pace, duration, units_max, .. } = self.plan;
            self.schedule = Some(Schedule::new(pace, now, duration, units_max));
            self.phase = Phase::Running;
            self.counts.began = Some(now);
            self.go_on(now);
        }
    }

    /// When the schedule wants to be looked at next; `None`: not by the clock.
    fn next_start(&self, now: Tick) -> Option<Tick> {
        self.schedule.as_ref().and_then(|schedule| schedule.next_start(now))
    }

    /// Starts nothing more, hangs up what is answered, withdraws what rings, and waits for the rest.
    pub fn wind_down(&mut self, now: Tick) {
        match self.phase {
            Phase::Running | Phase::Ending => {
                if let Some(schedule) = &mut self.schedule {
                    schedule.stop();
                }
                if let Some((units, mut turn)) = self.turn(now) {
                    units.step_all(&mut turn, Unit::wind_down);
                }
                self.go_on(now);
            }
            Phase::Preparing | Phase::Ready | Phase::Leaving => self.cut(now),
            Phase::Over | Phase::Failed(_) => {}
        }
    }

    /// Ends at once: what is under way counts as cut off.
    pub fn cut(&mut self, now: Tick) {
        if let Some(schedule) = &mut self.schedule {
            schedule.stop();
        }
        self.end_all(Outcome::Cut);
        if !matches!(self.phase, Phase::Failed(_)) {
            self.phase = Phase::Over;
        }
        self.stopped_starting = self.stopped_starting.or(Some(now));
        self.counts.ended = self.counts.ended.or(Some(now));
    }

    /// What is received next has waited so long for us: no time of the server's.
    pub fn waited(&mut self, waited: Duration) {
        self.waited = waited;
    }

    /// A datagram, or a message cut out of a stream, came over a flow.
    pub fn receive(&mut self, now: Tick, flow: Flow, message: &Bytes) {
        self.has_heard = true;
        match Glance::read(message) {
            Some(glance) => match glance.start {
                Start::Response { code } => self.answered(now, glance, code, message),
                Start::Request { method, .. } => self.asked(now, flow, &glance, method),
            },
            None => self.counts.current().strays += 1,
        }
        self.waited = Duration::ZERO;
        self.go_on(now);
    }

    /// A response came.
    fn answered(&mut self, now: Tick, glance: Glance<'_>, code: u16, wire: &Bytes) {
        let reply = match Reply::read(glance, code, &self.run) {
            Ok(reply) => reply,
            Err(Stray::Foreign) => return self.counts.current().strays += 1,
            Err(Stray::Broken(ident)) => {
                let wrong = |unit: &mut Unit, _: &mut Turn<'_>| {
                    Some(Outcome::Wrong(unit.waits_for(), "an answer that names another call or none"))
                };
                if !self.step(now, ident, wrong) {
                    self.counts.current().strays += 1;
                }
                return;
            }
        };
        if reply.method == Method::Invite && (200..300).contains(&code) && !self.plan.ring.is_zero() {
            self.waited += self.answering.late(reply.call_id);
        }
        if self.step(now, reply.ident, |unit, turn| unit.reply(&reply, wire, turn)) {
            return;
        }
        self.counts.current().strays += 1;
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
        if matches!(method, Method::Notify | Method::Bye)
            && let Some(ident) = self.caller_of(flow, request, method)
        {
            let bytes = answering::answer(request, "200 OK", None, Extra::Nothing);
            self.out.push_back(Transmit { flow, bytes });
            self.counts.run.notifies += u64::from(method == Method::Notify);
            self.step(now, ident, |unit, turn| unit.request(method, turn));
            return;
        }
        if let Some((answering, mut sink)) = self.sink(now) {
            answering.receive(flow, request, method, &mut sink);
        }
    }

    /// The unit of ours whose caller a request is for. Over one connection, both sides of a call have the same
    /// Call-ID and hear the same BYE: it is for the callee.
    fn caller_of(&self, flow: Flow, request: &Glance<'_>, method: Method) -> Option<Ident> {
        let is_by_datagram = match &self.link {
            Link::Datagrams { caller, .. } if caller.listener != flow.listener => return None,
            Link::Datagrams { .. } => true,
            Link::Connection(_) => false,
        };
        let call_id = request.lines().find(|line| line.name == HeaderName::CallId)?;
        let ident = Ident::of_call_id(&self.run, call_id.value)?;
        let is_notify = method == Method::Notify && self.units.is_live(ident);
        (is_by_datagram || is_notify).then_some(ident)
    }

    /// Time has passed; early or extra calls do nothing.
    pub fn tick(&mut self, now: Tick) {
        if let Some((units, mut turn)) = self.turn(now) {
            units.tick(&mut turn);
        }
        if let Some((answering, mut sink)) = self.sink(now) {
            answering.tick(&mut sink);
        }
        self.go_on(now);
    }

    /// When it wants to be ticked next.
    pub fn poll_deadline(&self, now: Tick) -> Option<Tick> {
        let reach = match self.reach {
            Reach::Wanted(at) => Some(at),
            Reach::Asked | Reach::There => None,
        };
        let leave = (self.phase == Phase::Leaving).then_some(self.leave_until);
        [leave, self.units.deadline(), self.answering.deadline(), self.next_start(now), reach]
            .into_iter()
            .flatten()
            .min()
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
                self.preparation.again();
            }
            Err(error) if !self.has_heard => self.phase = Phase::Failed(self.link.nobody(error)),
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
                self.phase = Phase::Failed(self.link.nobody(Unreachable::Refused));
                self.end_all(Outcome::Lost);
            }
            Link::Connection(_) => {
                self.ways = None;
                self.reach = Reach::Wanted(now + self.limits.reopen);
                self.answering.clear();
                self.end_all(Outcome::Lost);
            }
        }
        self.go_on(now);
    }

    /// Lets a unit do something; `false` if it is not under way.
    fn step(
        &mut self,
        now: Tick,
        ident: Ident,
        act: impl FnOnce(&mut Unit, &mut Turn<'_>) -> Option<Outcome>,
    ) -> bool {
        let Some((units, mut turn)) = self.turn(now) else { return false };
        let is_live = units.is_live(ident);
        if is_live {
            units.step(ident.slot, &mut turn, act);
        }
        is_live
    }

    /// The callees, and where their answers go; `None` while there is no way to the server.
    fn sink(&mut self, now: Tick) -> Option<(&mut Answering, Sink<'_>)> {
        let sink = Sink {
            now,
            waited: self.waited,
            host: &self.ways.as_ref()?.answering.host,
            run: &self.run,
            units: &mut self.units,
            tally: self.counts.current(),
            out: &mut self.out,
        };
        Some((&mut self.answering, sink))
    }

    /// The units, and what one works with; `None` while there is no way to the server.
    fn turn(&mut self, now: Tick) -> Option<(&mut Units, Turn<'_>)> {
        let turn = Turn {
            now,
            waited: self.waited,
            kept: Duration::ZERO,
            plan: &self.plan,
            limits: &self.limits,
            run: &self.run,
            ways: self.ways.as_ref()?,
            tally: self.counts.current(),
            entropy: &mut self.entropy,
            preparation: match self.phase {
                Phase::Leaving => &mut self.leaving,
                _ => &mut self.preparation,
            },
            out: &mut self.out,
        };
        Some((&mut self.units, turn))
    }

    fn end_all(&mut self, outcome: Outcome) {
        let tally = self.counts.current();
        for unit in self.units.take_all() {
            unit.count(outcome, tally, &mut self.preparation);
        }
    }
}
