//! For the machines' own tests: one machine, virtual time, and a log of what it did.

use std::time::Duration;

use bytes::Bytes;
use ruf_message::{Deadlines, Flow, Message, Request, Response, StatusCode, Tick, Transport};

use crate::entry::User;
use crate::limits::Timers;
use crate::out::Out;
use crate::slab::Id;
use crate::turn::{Alarm, Timer, Turn};

pub(crate) const INVITE: &str = "INVITE sip:bob@example.org SIP/2.0\r\n\
    Via: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK74bf9;rport\r\n\
    Route: <sip:192.0.2.2;lr>\r\n\
    Max-Forwards: 70\r\n\
    From: Alice <sip:alice@example.org>;tag=9fxced76sl\r\n\
    To: Bob <sip:bob@example.org>\r\n\
    Call-ID: 3848276298220188511@example.org\r\n\
    CSeq: 2 INVITE\r\n\
    Contact: <sip:alice@192.0.2.1>\r\n\
    Content-Length: 0\r\n\r\n";

pub(crate) fn request(text: &str) -> Request {
    match Message::parse(Bytes::copy_from_slice(text.as_bytes())) {
        Ok(Message::Request(request)) => request,
        other => panic!("no request: {other:?}"),
    }
}

/// A request like [`INVITE`], of another method.
pub(crate) fn of_method(method: &str) -> Request {
    request(&INVITE.replace("INVITE", method))
}

/// The response of another element to `request`.
pub(crate) fn response(request: &Request, status: u16) -> Response {
    let mut response = request.reply(StatusCode::new(status).expect("a status"));
    response.set_to_tag("314159");
    response
}

pub(crate) struct Rig {
    pub(crate) now: Tick,
    flow: Flow,
    timers: Timers,
    alarms: Deadlines<Alarm>,
    out: Out,
    /// Wire forms that were sent, in order.
    pub(crate) sent: Vec<Bytes>,
    /// Whether the last turn passed its message up.
    pub(crate) passed_up: bool,
    /// The INVITE whose CANCEL the last turn asked for.
    pub(crate) cancel: Option<Bytes>,
    log: Vec<String>,
}

impl Rig {
    pub(crate) fn new(transport: Transport) -> Self {
        let timers = Timers::default();
        Rig {
            now: Tick::ZERO,
            flow: flow(transport),
            timers,
            alarms: Deadlines::new(&timers.durations()),
            out: Out::new(),
            sent: Vec::new(),
            passed_up: false,
            cancel: None,
            log: Vec::new(),
        }
    }

    /// One turn.
    pub(crate) fn turn<M>(&mut self, step: impl FnOnce(&mut Turn<'_>) -> M) -> M {
        let mut turn = Turn {
            now: self.now,
            id: Id { index: 0, generation: 0 },
            flow: self.flow,
            user: User::of(7),
            timers: &self.timers,
            alarms: &mut self.alarms,
            out: &mut self.out,
            passed_up: false,
            cancel: None,
            #[cfg(feature = "mutants")]
            mutant: None,
        };
        let machine = step(&mut turn);
        self.passed_up = turn.passed_up;
        self.cancel = turn.cancel.take();
        let ms = self.now.as_micros() / 1000;
        for transmit in self.out.transmits.drain(..) {
            assert_eq!(transmit.flow, self.flow);
            let line = String::from_utf8_lossy(&transmit.bytes).into_owned();
            let mut words = line.split(' ');
            let (first, second) = (words.next().unwrap_or(""), words.next().unwrap_or(""));
            self.log.push(format!("{ms} {}", if first == "SIP/2.0" { second } else { first }));
            self.sent.push(transmit.bytes);
        }
        for event in self.out.events.drain(..) {
            let name = format!("{event:?}");
            self.log.push(format!("{ms} {}", name.split(' ').next().unwrap_or("")));
        }
        machine
    }

    /// Time passes; every timer that comes due in it fires at its time.
    pub(crate) fn wait<M>(
        &mut self,
        mut machine: M,
        time: Duration,
        step: impl Fn(M, Timer, &mut Turn<'_>) -> M,
    ) -> M {
        let until = self.now + time;
        while let Some(due) = self.alarms.next().filter(|due| *due <= until) {
            self.now = due;
            let (_, timer) = self.alarms.pop_due(due).expect("one is due");
            machine = self.turn(|turn| step(machine, timer, turn));
        }
        self.now = until;
        machine
    }

    /// What was sent and told since the last call: milliseconds, then method, status or event.
    pub(crate) fn log(&mut self) -> Vec<String> {
        std::mem::take(&mut self.log)
    }
}

pub(crate) fn flow(transport: Transport) -> Flow {
    Flow {
        transport,
        listener: 0,
        local: ([192, 0, 2, 1], 5060).into(),
        remote: ([192, 0, 2, 2], 5060).into(),
        connection: u64::from(transport.is_reliable()),
    }
}
