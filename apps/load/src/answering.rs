//! The other side of the calls and messages: our callees. They ring, answer, and wait for the BYE
//! (RFC 3261 §8.2, §13.3.1, §15.1.2, §9.2, §17.2; RFC 3428 §7).
//!
//! ```text
//!   INVITE ──▶ Ringing ── its time is over: 200 ──▶ Answered ── ACK ──▶ Confirmed ── BYE: 200 ──▶ the end
//!                 └── CANCEL: 200, 487 ──▶ Refused ── ACK ──▶ the end
//! ```
//!
//! 200 and 487 are sent again until the ACK comes, for 32 seconds at most (§13.3.1.4, §17.2.1). A call is
//! found by its Call-ID, whoever began it.

mod recent;

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, VecDeque};
use std::time::Duration;

use bytes::Bytes;
use ruf_message::{Flow, HeaderName, Method, Tick, Transmit};

use crate::client::{PATIENCE, T1, T2};
use crate::glance::{Glance, branch_of};
use crate::ident::Ident;
use crate::load::Units;
use crate::render::DESCRIPTION;
use crate::tally::Tally;
use recent::Recent;

/// All our callees.
pub(crate) struct Answering {
    calls: HashMap<Bytes, Incoming>,
    alarms: BinaryHeap<Reverse<(Tick, Bytes)>>,
    recent: Recent,
    calls_max: usize,
    ring: Duration,
    /// What the tags of To begin with, and how many were given.
    tag: String,
    tags: u64,
}

/// A call that came in.
struct Incoming {
    flow: Flow,
    /// The branch of its INVITE.
    branch: Bytes,
    /// The last answer to the INVITE.
    answer: Bytes,
    /// How much later than it was to its 200 left.
    late: Duration,
    state: State,
}

enum State {
    /// Until then; what every answer to the INVITE repeats of it is kept.
    Ringing {
        repeated: Vec<u8>,
        until: Tick,
    },
    /// Answered or refused, and waiting for the ACK.
    Unacknowledged {
        resend: Tick,
        pause: Duration,
        end: Tick,
        is_refused: bool,
    },
    Confirmed,
}

/// Where answers go.
pub(crate) struct Sink<'a> {
    pub(crate) now: Tick,
    /// How long the request has waited for us in this machine.
    pub(crate) waited: Duration,
    /// `192.0.2.1:5060`: where our callees are reached.
    pub(crate) host: &'a str,
    /// What all Call-IDs of this run begin with, and its units: a callee may keep one waiting.
    pub(crate) run: &'a str,
    pub(crate) units: &'a mut Units,
    pub(crate) tally: &'a mut Tally,
    pub(crate) out: &'a mut VecDeque<Transmit>,
}

impl Sink<'_> {
    fn send(&mut self, flow: Flow, bytes: Bytes) {
        self.out.push_back(Transmit { flow, bytes });
    }

    /// An answer of this call leaves so much later than it could: no time of the server's.
    fn keep_waiting(&mut self, call_id: &[u8], time: Duration) {
        if let Some(ident) = Ident::of_call_id(self.run, call_id).filter(|_| !time.is_zero()) {
            self.units.keep_waiting(ident, time);
        }
    }
}

impl Answering {
    pub(crate) fn new(ring: Duration, tag: String, calls_max: usize, remembered_max: usize) -> Answering {
        Answering {
            calls: HashMap::new(),
            alarms: BinaryHeap::new(),
            recent: Recent::new(remembered_max),
            calls_max,
            ring,
            tag,
            tags: 0,
        }
    }

    /// A request came to one of our callees.
    pub(crate) fn receive(&mut self, flow: Flow, request: &Glance<'_>, method: Method, sink: &mut Sink<'_>) {
        let Some(asked) = Asked::read(request) else {
            sink.tally.strays += 1;
            return;
        };
        if method != Method::Ack {
            sink.keep_waiting(asked.call_id, sink.waited);
        }
        match method {
            Method::Invite => self.invited(flow, request, &asked, sink),
            Method::Ack => self.acknowledged(&asked, sink),
            Method::Bye => self.hung_up(flow, request, &asked, sink),
            Method::Cancel => self.withdrawn(flow, request, &asked, sink),
            Method::Message => {
                sink.tally.answered.messages += u64::from(self.recent.is_new(asked.branch));
                let tag = self.next_tag();
                sink.send(flow, answer(request, "200 OK", Some(&tag), Extra::Nothing));
            }
            Method::Options | Method::Notify => {
                let tag = self.next_tag();
                sink.send(flow, answer(request, "200 OK", Some(&tag), Extra::Nothing));
            }
            _ => {
                sink.tally.answered.refused += 1;
                sink.send(flow, answer(request, "501 Not Implemented", None, Extra::Nothing));
            }
        }
    }

    fn invited(&mut self, flow: Flow, request: &Glance<'_>, asked: &Asked<'_>, sink: &mut Sink<'_>) {
        if let Some(call) = self.calls.get(asked.call_id) {
            sink.tally.strays += 1;
            if *call.branch == *asked.branch && !matches!(call.state, State::Confirmed) {
                sink.send(call.flow, call.answer.clone());
            }
            return;
        }
        if !self.recent.is_new(asked.branch) {
            sink.tally.strays += 1; // its call is over
            return;
        }
        if asked.is_inside || self.calls.len() >= self.calls_max {
            let status = if asked.is_inside { "481 Call Does Not Exist" } else { "503 Service Unavailable" };
            sink.tally.answered.refused += 1;
            sink.send(flow, answer(request, status, None, Extra::Nothing));
            return;
        }
        let tag = self.next_tag();
        let repeated = repeated(request, Some(&tag));
        let ringing = finish("180 Ringing", &repeated, Extra::Contact(sink.host));
        sink.send(flow, ringing.clone());
        let call_id = Bytes::copy_from_slice(asked.call_id);
        let branch = Bytes::copy_from_slice(asked.branch);
        let state = State::Ringing { repeated, until: sink.now + self.ring };
        let mut call = Incoming { flow, branch, answer: ringing, late: Duration::ZERO, state };
        let due = call.tick(sink);
        self.arm(due, &call_id);
        self.calls.insert(call_id, call);
    }

    fn acknowledged(&mut self, asked: &Asked<'_>, sink: &mut Sink<'_>) {
        let Some(call) = self.calls.get_mut(asked.call_id) else {
            sink.tally.strays += 1;
            return;
        };
        match call.state {
            State::Unacknowledged { is_refused: false, .. } => {
                sink.tally.answered.acknowledged += 1;
                call.state = State::Confirmed;
                call.answer = Bytes::new();
            }
            State::Unacknowledged { is_refused: true, .. } => {
                self.calls.remove(asked.call_id);
            }
            State::Ringing { .. } | State::Confirmed => sink.tally.strays += 1,
        }
    }

    fn hung_up(&mut self, flow: Flow, request: &Glance<'_>, asked: &Asked<'_>, sink: &mut Sink<'_>) {
        let is_known = self.calls.remove(asked.call_id).is_some();
        let is_new = self.recent.is_new(asked.branch);
        sink.tally.answered.ended += u64::from(is_known);
        // rfc3261 §15.1.2
        let status = match (is_known, is_new) {
            (true, _) | (false, false) => "200 OK",
            (false, true) => {
                sink.tally.answered.refused += 1;
                "481 Call Does Not Exist"
            }
        };
        sink.send(flow, answer(request, status, None, Extra::Nothing));
    }

    // rfc3261 §9.2
    fn withdrawn(&mut self, flow: Flow, request: &Glance<'_>, asked: &Asked<'_>, sink: &mut Sink<'_>) {
        let call = self.calls.get_mut(asked.call_id).filter(|call| *call.branch == *asked.branch);
        let Some(call) = call else {
            sink.tally.answered.refused += 1;
            sink.send(flow, answer(request, "481 Call Does Not Exist", None, Extra::Nothing));
            return;
        };
        sink.send(flow, answer(request, "200 OK", None, Extra::Nothing));
        if let State::Ringing { .. } = call.state {
            sink.tally.answered.cancelled += 1;
            let due = call.conclude(true, sink);
            let call_id = Bytes::copy_from_slice(asked.call_id);
            self.arm(due, &call_id);
        }
    }

    /// How much later than it was to the 200 of this call left, for which its ACK has not come.
    pub(crate) fn late(&self, call_id: &[u8]) -> Duration {
        self.calls.get(call_id).map_or(Duration::ZERO, |call| call.late)
    }

    /// When something is to be done; early is no harm.
    pub(crate) fn deadline(&self) -> Option<Tick> {
        self.alarms.peek().map(|Reverse((due, _))| *due)
    }

    /// Time has passed.
    pub(crate) fn tick(&mut self, sink: &mut Sink<'_>) {
        while let Some(Reverse((due, _))) = self.alarms.peek()
            && *due <= sink.now
        {
            let Some(Reverse((_, call_id))) = self.alarms.pop() else { return };
            let Some(call) = self.calls.get_mut(&call_id) else { continue };
            match call.tick(sink) {
                Due::At(due) => self.alarms.push(Reverse((due, call_id))),
                Due::Never => {}
                Due::Over => drop(self.calls.remove(&call_id)),
            }
        }
    }

    /// The connection is lost, and with it all calls.
    pub(crate) fn clear(&mut self) {
        self.calls.clear();
        self.alarms.clear();
    }

    fn arm(&mut self, due: Due, call_id: &Bytes) {
        if let Due::At(due) = due {
            self.alarms.push(Reverse((due, call_id.clone())));
        }
    }

    fn next_tag(&mut self) -> String {
        self.tags += 1;
        format!("{}.{:x}", self.tag, self.tags)
    }
}

/// When a call wants to be ticked.
enum Due {
    At(Tick),
    Never,
    Over,
}

impl Incoming {
    fn tick(&mut self, sink: &mut Sink<'_>) -> Due {
        match &mut self.state {
            State::Ringing { until, .. } if *until > sink.now => Due::At(*until),
            State::Ringing { until, .. } => {
                self.late = sink.now.saturating_sub(*until);
                sink.tally.answered.calls += 1;
                self.conclude(false, sink)
            }
            State::Unacknowledged { end, .. } if *end <= sink.now => Due::Over,
            State::Unacknowledged { resend, .. } if *resend > sink.now => Due::At(*resend),
            State::Unacknowledged { resend, pause, end, .. } => {
                sink.tally.resent += 1;
                sink.out.push_back(Transmit { flow: self.flow, bytes: self.answer.clone() });
                *pause = (*pause * 2).min(T2);
                *resend = (sink.now + *pause).min(*end);
                Due::At(*resend)
            }
            State::Confirmed => Due::Never,
        }
    }

    /// Sends the final answer, and again until it is acknowledged: a 200 over every transport, a refusal
    /// where datagrams may be lost.
    // rfc3261 §13.3.1.4 and §17.2.1
    fn conclude(&mut self, is_refused: bool, sink: &mut Sink<'_>) -> Due {
        if let State::Ringing { repeated, .. } = &self.state {
            self.answer = match is_refused {
                true => finish("487 Request Terminated", repeated, Extra::Nothing),
                false => finish("200 OK", repeated, Extra::Description(sink.host)),
            };
        }
        sink.send(self.flow, self.answer.clone());
        let end = sink.now + PATIENCE;
        let resend = if is_refused && self.flow.transport.is_reliable() { end } else { sink.now + T1 };
        self.state = State::Unacknowledged { resend, pause: T1, end, is_refused };
        Due::At(resend)
    }
}

/// What an answer needs to know of a request beyond the lines it repeats.
struct Asked<'a> {
    branch: &'a [u8],
    call_id: &'a [u8],
    /// To has a tag.
    is_inside: bool,
}

impl<'a> Asked<'a> {
    fn read(request: &Glance<'a>) -> Option<Asked<'a>> {
        let (mut branch, mut call_id, mut is_inside) = (None, None, false);
        for line in request.lines() {
            match line.name {
                HeaderName::Via if branch.is_none() => branch = branch_of(line.value),
                HeaderName::CallId => call_id = Some(line.value),
                HeaderName::To => is_inside = has_tag(line.value),
                _ => {}
            }
        }
        Some(Asked { branch: branch?, call_id: call_id?, is_inside })
    }
}

fn has_tag(to: &[u8]) -> bool {
    let parameters = memchr::memchr(b'>', to).and_then(|end| to.get(end..)).unwrap_or(to);
    memchr::memmem::find(parameters, b"tag=").is_some()
}

/// What an answer has beyond the lines it repeats.
#[derive(Clone, Copy)]
pub(crate) enum Extra<'a> {
    Nothing,
    /// A Contact at this host.
    Contact(&'a str),
    /// A Contact and a description of the session.
    Description(&'a str),
}

/// Answers a request.
pub(crate) fn answer(request: &Glance<'_>, status: &str, tag: Option<&str>, extra: Extra<'_>) -> Bytes {
    finish(status, &repeated(request, tag), extra)
}

/// What an answer repeats of its request.
// rfc3261 §8.2.6.2
fn repeated(request: &Glance<'_>, tag: Option<&str>) -> Vec<u8> {
    let mut out = Vec::with_capacity(640);
    let mut put = |parts: &[&[u8]]| parts.iter().for_each(|part| out.extend_from_slice(part));
    for line in request.lines() {
        match line.name {
            HeaderName::Via
            | HeaderName::From
            | HeaderName::CallId
            | HeaderName::CSeq
            | HeaderName::RecordRoute => {
                put(&[line.name.as_str().as_bytes(), b": ", line.value, b"\r\n"]);
            }
            HeaderName::To => {
                put(&[b"To: ", line.value]);
                if let Some(tag) = tag.filter(|_| !has_tag(line.value)) {
                    put(&[b";tag=", tag.as_bytes()]);
                }
                put(&[b"\r\n"]);
            }
            _ => {}
        }
    }
    out
}

/// An answer with this status.
fn finish(status: &str, repeated: &[u8], extra: Extra<'_>) -> Bytes {
    let mut out = Vec::with_capacity(repeated.len() + 480);
    let mut put = |parts: &[&[u8]]| parts.iter().for_each(|part| out.extend_from_slice(part));
    put(&[b"SIP/2.0 ", status.as_bytes(), b"\r\n", repeated]);
    match extra {
        Extra::Nothing => put(&[b"Content-Length: 0\r\n\r\n"]),
        Extra::Contact(host) => put(&[b"Contact: <sip:", host.as_bytes(), b">\r\nContent-Length: 0\r\n\r\n"]),
        Extra::Description(host) => {
            let length = DESCRIPTION.len().to_string();
            put(&[
                b"Contact: <sip:",
                host.as_bytes(),
                b">\r\nContent-Type: application/sdp\r\nContent-Length: ",
            ]);
            put(&[length.as_bytes(), b"\r\n\r\n", DESCRIPTION.as_bytes()]);
        }
    }
    out.into()
}
