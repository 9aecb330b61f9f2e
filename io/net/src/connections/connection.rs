//! One connection: its socket, what of a message has come, what waits to leave, and how long it may
//! live. Whatever concerns more than one is in [`super`].
//!
//! ```text
//! Opening ---> Open ---> Ending (what is left goes out, what still comes is read and thrown away)
//! ```
//!
//! Nothing is allocated for a connection that says nothing: it reads into the worker's one buffer, and
//! its framer holds octets only between the halves of a message.

use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use ruf_message::{Flow, Frame, FrameError, Place, Tick};

use super::link::{Came, Link, Queue};
use super::opening::Opening;
use crate::limits::Limits;
use crate::ready::Bell;
use crate::worker::Node;

/// Reads of one connection in one turn, so that none starves the others.
const READS_PER_TURN_MAX: usize = 4;
/// What a ping is, and the answer to one.
// rfc5626 §4.4.1
const PING: &[u8] = b"\r\n\r\n";
const PONG: &[u8] = b"\r\n";
/// Our pings that a WebSocket peer may leave unanswered.
const UNANSWERED_PINGS_MAX: u32 = 3;

pub(crate) enum State {
    Opening(Opening),
    Open(Link),
    Ending(Link),
}

/// What came of a turn.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Turn {
    /// Nothing more until the bell rings.
    Waits,
    /// It is open from now on.
    Opened,
    /// Nothing more can be read from it; what is queued may still leave.
    Ends,
    /// Neither direction works.
    Gone,
}

/// Who opened it.
#[derive(Debug)]
pub(crate) enum Origin {
    /// The peer; its source is counted.
    Accepted { source: IpAddr },
    /// We, to get to a place; the questions that wait for it.
    Opened { place: Place, waiting: Vec<u64> },
}

pub(crate) struct Connection {
    pub(crate) flow: Flow,
    pub(crate) origin: Origin,
    pub(crate) state: State,
    /// The node has heard of its flow.
    pub(crate) is_known: bool,
    /// When it began to be what its state says.
    pub(crate) since: Tick,
    /// The earliest alarm that is set for it.
    pub(crate) armed: Option<Tick>,
    /// It is in a list of those to be flushed or ended in this turn.
    pub(crate) is_listed: bool,
    bell: Arc<Bell>,
    waker: Waker,
    queue: Queue,
    /// When it last said anything whole.
    heard: Tick,
    /// When the message began of which a part is there.
    half_since: Option<Tick>,
    /// Requests that were handed over and have no final answer yet, as far as can be counted here.
    owed: u32,
    /// What came last, and nothing is read behind it.
    noise: Option<Box<Noise>>,
    pings: Pings,
    /// When we last asked the peer whether it is there.
    asked: Tick,
    /// It has answered such a question: it answers all.
    has_answered: bool,
}

/// What no message can be cut out of.
struct Noise {
    octets: Bytes,
    error: FrameError,
    since: Tick,
}

/// How often a peer sends pings.
#[derive(Default)]
struct Pings {
    last: Option<Tick>,
    gap: Option<Duration>,
}

impl Pings {
    fn note(&mut self, now: Tick) {
        self.gap = self.last.map(|last| now.saturating_sub(last));
        self.last = Some(now);
    }
}

impl Connection {
    pub(crate) fn new(flow: Flow, origin: Origin, state: State, bell: Arc<Bell>, now: Tick) -> Connection {
        Connection {
            flow,
            origin,
            state,
            is_known: false,
            since: now,
            armed: None,
            is_listed: false,
            waker: Waker::from(bell.clone()),
            bell,
            queue: Queue::default(),
            heard: now,
            half_since: None,
            owed: 0,
            noise: None,
            pings: Pings::default(),
            asked: now,
            has_answered: false,
        }
    }

    /// Has its turn come soon.
    pub(crate) fn ring(&self) {
        self.bell.ring();
    }

    /// Accepted, and not one whole message has come.
    pub(crate) fn is_silent(&self) -> bool {
        matches!(self.origin, Origin::Accepted { .. }) && !self.is_known
    }

    /// Does what can be done without waiting: opens, writes, reads; whole messages go to the node.
    pub(crate) fn turn<N: Node>(&mut self, now: Tick, scratch: &mut [u8], node: &mut N) -> Turn {
        self.bell.hear();
        if let State::Opening(opening) = &mut self.state {
            return match opening.as_mut().poll(&mut Context::from_waker(&self.waker)) {
                Poll::Pending => Turn::Waits,
                Poll::Ready(Ok(link)) => {
                    self.state = State::Open(link);
                    (self.since, self.heard, self.asked) = (now, now, now);
                    self.ring();
                    Turn::Opened
                }
                Poll::Ready(Err(error)) => {
                    tracing::debug!(flow = %self.flow, %error, "no connection");
                    Turn::Gone
                }
            };
        }
        if let Err(error) = self.flush() {
            tracing::debug!(flow = %self.flow, %error, "writing");
            return Turn::Gone;
        }
        match self.state {
            State::Ending(_) => self.finish(scratch),
            State::Open(_) | State::Opening(_) => self.read(now, scratch, node),
        }
    }

    fn read<N: Node>(&mut self, now: Tick, scratch: &mut [u8], node: &mut N) -> Turn {
        if self.noise.is_some() {
            return self.refuse(now, node);
        }
        let turn = self.read_on(now, scratch, node);
        if let State::Open(link) = &mut self.state {
            self.half_since = if link.is_half() { self.half_since.or(Some(now)) } else { None };
        }
        turn
    }

    fn read_on<N: Node>(&mut self, now: Tick, scratch: &mut [u8], node: &mut N) -> Turn {
        for _ in 0..READS_PER_TURN_MAX {
            let State::Open(link) = &mut self.state else { return Turn::Waits };
            let mut cx = Context::from_waker(&self.waker);
            match link.poll_read(&mut cx, scratch) {
                Poll::Pending => return Turn::Waits,
                Poll::Ready(Err(error)) => {
                    tracing::debug!(flow = %self.flow, %error, "reading");
                    return Turn::Gone;
                }
                Poll::Ready(Ok(Came::End)) => return Turn::Ends,
                Poll::Ready(Ok(Came::Keepalive)) => self.heard = now,
                Poll::Ready(Ok(Came::Message(message))) => self.take(now, whole(message), node),
                Poll::Ready(Ok(Came::Octets)) => {
                    self.take_frames(now, node);
                    if self.noise.is_some() {
                        return self.refuse(now, node);
                    }
                }
            }
        }
        self.ring();
        Turn::Waits
    }

    /// Hands over what is whole of a stream.
    fn take_frames<N: Node>(&mut self, now: Tick, node: &mut N) {
        loop {
            let State::Open(link) = &mut self.state else { return };
            match link.next_frame() {
                Some(Ok(frame)) => self.take(now, frame, node),
                Some(Err(error)) => {
                    tracing::debug!(flow = %self.flow, %error, "the stream cannot be read further");
                    let octets = link.take_refused();
                    self.noise = Some(Box::new(Noise { octets, error, since: now }));
                    return;
                }
                None => return,
            }
        }
    }

    /// Noise is answered, and ends the connection, when all that came before it is answered: a registration
    /// may be on its way to the disk.
    fn refuse<N: Node>(&mut self, now: Tick, node: &mut N) -> Turn {
        if self.owed > 0 {
            return Turn::Waits;
        }
        if let Some(noise) = self.noise.take() {
            self.is_known = true;
            node.unframed(now, self.flow, noise.octets, noise.error);
        }
        Turn::Ends
    }

    /// Answers that noise waits for are waited for no longer; says whether there were any.
    pub(crate) fn waits_no_longer(&mut self) -> bool {
        let waits = self.noise.is_some();
        if waits {
            self.owed = 0;
            self.ring();
        }
        waits
    }

    fn take<N: Node>(&mut self, now: Tick, frame: Frame, node: &mut N) {
        let is_asked = self.asked > self.heard;
        self.heard = now;
        match frame {
            Frame::Message(message) => {
                (self.half_since, self.is_known) = (None, true);
                self.owed += u32::from(asks(&message));
                node.receive(now, self.flow, message);
            }
            Frame::Ping => {
                self.pings.note(now);
                self.queue(Bytes::from_static(PONG));
            }
            // A stray empty line is no answer.
            Frame::Pong => self.has_answered |= is_asked,
        }
    }

    /// Queues octets to be written with the next [`Connection::flush`].
    pub(crate) fn queue(&mut self, octets: Bytes) {
        if is_final(&octets) {
            self.owed = self.owed.saturating_sub(1);
            if self.owed == 0 && self.noise.is_some() {
                self.ring();
            }
        }
        self.queue.push(octets);
    }

    /// Octets that wait to be written.
    pub(crate) fn queued_bytes(&self) -> usize {
        self.queue.bytes()
    }

    /// Writes what is queued, as far as the peer takes it; the rest when the bell rings.
    pub(crate) fn flush(&mut self) -> io::Result<()> {
        let (State::Open(link) | State::Ending(link)) = &mut self.state else { return Ok(()) };
        match link.poll_write(&mut Context::from_waker(&self.waker), &mut self.queue) {
            Poll::Ready(written) => written,
            Poll::Pending => {
                self.queue.wait();
                Ok(())
            }
        }
    }

    /// Nothing more is read as SIP. What is queued still leaves, then our end is closed. Says whether it was
    /// open until now.
    pub(crate) fn end(&mut self, now: Tick) -> bool {
        if !matches!(self.state, State::Open(_)) {
            return false;
        }
        // The state is put back at once: it was seen to be open.
        let nothing = State::Opening(Box::pin(std::future::pending()));
        if let State::Open(mut link) = std::mem::replace(&mut self.state, nothing) {
            link.forget();
            (self.state, self.since) = (State::Ending(link), now);
            self.ring();
        }
        true
    }

    /// Closes our end and waits for the peer's: a socket closed over unread octets is reset, and the reset
    /// would overtake our last answer.
    fn finish(&mut self, scratch: &mut [u8]) -> Turn {
        let State::Ending(link) = &mut self.state else { return Turn::Gone };
        let mut cx = Context::from_waker(&self.waker);
        if !self.queue.is_empty() {
            return Turn::Waits;
        }
        match link.poll_shutdown(&mut cx) {
            Poll::Pending => return Turn::Waits,
            Poll::Ready(Err(_)) => return Turn::Gone,
            Poll::Ready(Ok(())) => {}
        }
        for _ in 0..READS_PER_TURN_MAX {
            match link.poll_discard(&mut cx, scratch) {
                Poll::Pending => return Turn::Waits,
                Poll::Ready(true) => {}
                Poll::Ready(false) => return Turn::Gone,
            }
        }
        self.ring();
        Turn::Waits
    }

    /// When its time is over, if nothing happens until then.
    pub(crate) fn deadline(&self, limits: &Limits) -> Tick {
        match (&self.state, &self.origin) {
            (State::Opening(_), Origin::Opened { .. }) => self.since + limits.connect,
            (State::Opening(_), Origin::Accepted { .. }) => self.since + limits.handshake,
            (State::Ending(_), _) => self.since + limits.linger,
            (State::Open(link), _) => {
                if let Some(noise) = &self.noise {
                    return noise.since + limits.owed;
                }
                let idle = if self.is_silent() {
                    self.since + limits.silent
                } else {
                    self.heard + self.may_be_idle(limits)
                };
                let is_owed = self.has_answered && self.asked > self.heard && !link.is_websocket();
                let unanswered = is_owed.then(|| self.asked + limits.pong);
                let half = self.half_since.map(|since| since + limits.half_message);
                [unanswered, half].into_iter().flatten().fold(idle, Tick::min)
            }
        }
    }

    /// When the peer is to be asked next whether it is there: over WebSocket, and over what we opened ourselves.
    // rfc7118 §6
    // rfc5626 §4.4.1
    pub(crate) fn asks_at(&self, limits: &Limits) -> Option<Tick> {
        match (&self.state, &self.origin) {
            (State::Open(link), _) if link.is_websocket() => Some(self.asked + limits.websocket_ping),
            (State::Open(_), Origin::Opened { .. }) => limits.ping.map(|every| self.asked + every),
            (State::Open(_) | State::Opening(_) | State::Ending(_), _) => None,
        }
    }

    /// Asks the peer whether it is there.
    pub(crate) fn ask(&mut self, now: Tick) -> io::Result<()> {
        self.asked = now;
        let State::Open(link) = &mut self.state else { return Ok(()) };
        if link.is_websocket() {
            return link.ping(&mut Context::from_waker(&self.waker));
        }
        self.queue(Bytes::from_static(PING));
        self.flush()
    }

    /// A peer that sends pings is gone when they stop; one that sends them seldom is given twice its own
    /// time.
    // rfc5626 §4.4.1
    fn may_be_idle(&self, limits: &Limits) -> Duration {
        if let State::Open(link) = &self.state
            && link.is_websocket()
        {
            return limits.websocket_ping * UNANSWERED_PINGS_MAX;
        }
        match self.pings.gap {
            Some(gap) => limits.idle_between_pings.max(gap * 2).min(limits.idle),
            None => limits.idle,
        }
    }
}

/// Whether a message asks for an answer.
// rfc3261 §17: an ACK has none
fn asks(message: &[u8]) -> bool {
    !message.starts_with(b"SIP/") && !message.starts_with(b"ACK ")
}

/// Whether a message that leaves is a final answer.
fn is_final(message: &[u8]) -> bool {
    message.strip_prefix(b"SIP/2.0 ").and_then(<[u8]>::first).is_some_and(|class| *class != b'1')
}

/// A WebSocket message is a whole one, or a keepalive as on a stream.
// rfc7118 §6
fn whole(message: Bytes) -> Frame {
    match &*message {
        PING => Frame::Ping,
        PONG => Frame::Pong,
        _ => Frame::Message(message),
    }
}
