//! The connections of one worker: accepting, opening, reading, writing, ending them
//! (RFC 3261 §18, RFC 5923).
//!
//! A connection is known by its number, which is in every [`Flow`] over it and is never used again, also
//! not after a restart: bindings and the tokens in our Record-Route outlive both. A connection that we
//! opened is used for everything that goes to the same place; one that a peer opened is used for nothing
//! but the flows that came over it, since its source address proves nothing (RFC 5923 §9).
//!
//! | module | what |
//! | --- | --- |
//! | `connection` | one of them |
//! | `link` | what it is made of: octets, plain or through TLS, and messages in them |
//! | `figures` | what is counted of them for whoever asks |
//! | `frames` | of a WebSocket: whether part of a message is there |
//! | `opening` | how it comes to be open: connecting, handshakes |
//! | `census` | how many there are, from whom, and who says nothing |
//!
//! Not here: which place is tried next (core/locate), and what is in a message.

mod census;
mod connection;
mod figures;
mod frames;
mod link;
mod opening;

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, VecDeque};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::task::{Context, Poll};
use std::time::{SystemTime, UNIX_EPOCH};

use ruf_message::{Flow, Place, Tick, Transmit, Transport};
use tokio::net::{TcpListener, TcpStream};

use crate::limits::Limits;
use crate::listen::StreamListener;
use crate::reach::{self, Unreachable};
use crate::ready::ReadyList;
use crate::tls::Certificates;
use crate::worker::Node;
use census::{Census, source_of};
use connection::{Connection, Origin, State, Turn};
pub use figures::ConnectionFigures;
use opening::Accepted;

/// Connections accepted from one listener in one turn.
const ACCEPTS_PER_TURN_MAX: usize = 64;
/// Connections served in one turn.
const CONNECTIONS_PER_TURN_MAX: usize = 256;
/// Octets read at once. One buffer for all.
const SCRATCH_BYTES: usize = 16 << 10;
/// What the node must be told.
pub(crate) enum ConnectionEvent {
    /// What became of a question for a place.
    Reached { token: u64, flow: Result<Flow, Unreachable> },
    /// A flow that the node knows leads nowhere any more, or never did.
    Gone(Flow),
}

/// Accepts connections for a listener.
struct Door {
    listener: u16,
    transport: Transport,
    socket: TcpListener,
}

/// The connections of one worker.
pub(crate) struct Connections {
    /// The real addresses of all listeners, in the order that [`Flow::listener`] counts.
    listeners: Vec<(Transport, SocketAddr)>,
    doors: Vec<Door>,
    table: HashMap<u64, Connection>,
    /// The connections that we opened or are opening, by where they lead.
    opened: HashMap<Place, u64>,
    census: Census,
    ready: ReadyList,
    rung: Vec<u64>,
    /// Those that have something to be flushed, and those that end after it.
    dirty: Vec<u64>,
    ending: Vec<u64>,
    alarms: BinaryHeap<Reverse<(Tick, u64)>>,
    paused_until: Option<Tick>,
    numbers: Numbers,
    events: VecDeque<ConnectionEvent>,
    scratch: Box<[u8]>,
    limits: Limits,
    figures: ConnectionFigures,
    /// For TLS; without it, none is spoken.
    certificates: Option<Certificates>,
}

/// Numbers that are not used twice.
struct Numbers {
    next: u64,
    worker: u8,
}

impl Numbers {
    /// Begins where no earlier run can have come to: eight for each microsecond since 1970.
    fn new(worker: u8) -> Numbers {
        let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let micros = u64::try_from(since_1970.as_micros()).unwrap_or_default();
        Numbers { next: micros.wrapping_mul(8), worker }
    }

    /// The low octet is the number of the worker that owns the connection.
    fn next(&mut self) -> u64 {
        self.next = self.next.wrapping_add(1);
        self.next << 8 | u64::from(self.worker)
    }
}

impl Connections {
    /// None yet; `listeners` are the real addresses of all listeners, in their order.
    pub(crate) fn new(
        listeners: Vec<(Transport, SocketAddr)>,
        limits: Limits,
        certificates: Option<Certificates>,
        worker: u8,
        figures: ConnectionFigures,
    ) -> Connections {
        Connections {
            listeners,
            doors: Vec::new(),
            table: HashMap::new(),
            opened: HashMap::new(),
            census: Census::default(),
            ready: ReadyList::default(),
            rung: Vec::new(),
            dirty: Vec::new(),
            ending: Vec::new(),
            alarms: BinaryHeap::new(),
            paused_until: None,
            numbers: Numbers::new(worker),
            events: VecDeque::new(),
            scratch: vec![0; SCRATCH_BYTES].into(),
            limits,
            figures,
            certificates,
        }
    }

    /// Accepts connections on a socket from now on, as the listener of this number.
    pub(crate) fn add(&mut self, listener: u16, socket: StreamListener) -> io::Result<()> {
        let transport = socket.transport();
        let socket = TcpListener::from_std(socket.into_socket())?;
        self.doors.push(Door { listener, transport, socket });
        Ok(())
    }

    /// Accepts, and serves those that have something to do, a bounded number of each.
    pub(crate) fn poll_work<N: Node>(&mut self, cx: &mut Context<'_>, now: Tick, node: &mut N) -> Poll<()> {
        let accepted = self.poll_accept(cx, now);
        self.ready.take(cx, &mut self.rung);
        let count = self.rung.len().min(CONNECTIONS_PER_TURN_MAX);
        let turn: Vec<u64> = self.rung.drain(..count).collect();
        for number in &turn {
            self.serve(*number, now, node);
        }
        if accepted || !turn.is_empty() { Poll::Ready(()) } else { Poll::Pending }
    }

    fn poll_accept(&mut self, cx: &mut Context<'_>, now: Tick) -> bool {
        if self.paused_until.is_some_and(|until| now < until) {
            return false;
        }
        self.paused_until = None;
        let mut came = Vec::new();
        for door in &self.doors {
            for _ in 0..ACCEPTS_PER_TURN_MAX {
                match door.socket.poll_accept(cx) {
                    Poll::Pending => break,
                    Poll::Ready(Ok((stream, remote))) => {
                        came.push((door.listener, door.transport, stream, remote));
                    }
                    Poll::Ready(Err(error)) if is_of_the_peer(&error) => {}
                    Poll::Ready(Err(error)) => {
                        tracing::warn!(%error, "no connection can be accepted for a moment");
                        self.paused_until = Some(now + self.limits.accept_pause);
                        break;
                    }
                }
            }
        }
        let any = !came.is_empty();
        for (listener, transport, stream, remote) in came {
            self.accept(now, listener, transport, stream, remote);
        }
        any
    }

    /// Takes a connection in, or closes it at once if there is no room.
    fn accept(
        &mut self,
        now: Tick,
        listener: u16,
        transport: Transport,
        stream: TcpStream,
        remote: SocketAddr,
    ) {
        let source = source_of(remote.ip());
        if !self.make_room(source) {
            tracing::debug!(%remote, "closed: there are too many connections");
            self.figures.refused();
            return;
        }
        let Ok(local) = stream.local_addr() else { return };
        let flow = Flow { transport, listener, local, remote, connection: self.numbers.next() };
        let state = match opening::accepted(transport, stream, self.certificates.as_ref()) {
            Some(Accepted::Link(link)) => State::Open(link),
            Some(Accepted::Opening(opening)) => State::Opening(opening),
            None => return,
        };
        self.census.came(source, flow.connection);
        self.figures.accepted();
        self.insert(now, flow, Origin::Accepted { source }, state);
    }

    fn insert(&mut self, now: Tick, flow: Flow, origin: Origin, state: State) {
        let number = flow.connection;
        let connection = Connection::new(flow, origin, state, self.ready.bell(number), now);
        connection.ring();
        self.table.insert(number, connection);
        self.arm(number);
    }

    /// Whether another connection from there may come; the one that has been silent longest may go for it.
    fn make_room(&mut self, source: IpAddr) -> bool {
        let Connections { census, table, limits, .. } = self;
        if census.of_source(source) >= limits.connections_per_source_max {
            return false;
        }
        let is_silent = |number: u64| table.get(&number).is_some_and(Connection::is_silent);
        census.tidy(is_silent);
        if table.len() < limits.connections_max && census.silent() < limits.silent_max {
            return true;
        }
        match census.oldest_silent(is_silent) {
            Some(oldest) => {
                self.remove(oldest);
                true
            }
            None => false,
        }
    }

    fn serve<N: Node>(&mut self, number: u64, now: Tick, node: &mut N) {
        let Connections { table, scratch, census, dirty, ending, .. } = self;
        let Some(connection) = table.get_mut(&number) else { return };
        let was_silent = connection.is_silent();
        let turn = connection.turn(now, scratch, node);
        if was_silent && !connection.is_silent() {
            census.spoke();
        }
        if connection.queued_bytes() > 0 && !connection.is_listed {
            connection.is_listed = true;
            dirty.push(number);
        }
        match turn {
            Turn::Waits => self.arm(number),
            Turn::Opened => self.opened(number),
            Turn::Ends => ending.push(number),
            Turn::Gone => self.remove(number),
        }
    }

    /// What the node wants sent over a connection. This is the one place that looks for the connection
    /// of a flow.
    pub(crate) fn send(&mut self, transmit: Transmit) {
        let Transmit { flow, bytes } = transmit;
        let Some(connection) = self.table.get_mut(&flow.connection).filter(|found| found.flow == flow) else {
            self.events.push_back(ConnectionEvent::Gone(flow));
            return;
        };
        match connection.state {
            State::Open(_) => connection.queue(bytes),
            State::Opening(_) | State::Ending(_) => self.events.push_back(ConnectionEvent::Gone(flow)),
        }
        if !connection.is_listed {
            connection.is_listed = true;
            self.dirty.push(flow.connection);
        }
    }

    /// Writes what was queued in this turn; ends what has to end.
    pub(crate) fn settle(&mut self, now: Tick) {
        for number in std::mem::take(&mut self.dirty) {
            let Some(connection) = self.table.get_mut(&number) else { continue };
            connection.is_listed = false;
            let written = connection.flush();
            if connection.queued_bytes() > self.limits.queue_bytes_max {
                tracing::info!(flow = %connection.flow, "closed: the peer does not read");
                self.remove(number);
            } else if let Err(error) = written {
                tracing::debug!(flow = %connection.flow, %error, "writing");
                self.remove(number);
            }
        }
        for number in std::mem::take(&mut self.ending) {
            self.end(number, now);
        }
        self.figures.are(self.table.len(), self.census.silent());
    }

    /// A connection is nobody's flow from now on; its socket lives until the peer has read what is left.
    fn end(&mut self, number: u64, now: Tick) {
        let Some(connection) = self.table.get_mut(&number) else { return };
        if !connection.end(now) {
            return;
        }
        if connection.is_known {
            self.events.push_back(ConnectionEvent::Gone(connection.flow));
        }
        if let Origin::Opened { place, .. } = &connection.origin {
            self.opened.remove(place);
        }
        self.arm(number);
    }

    /// Closes a connection at once.
    fn remove(&mut self, number: u64) {
        self.remove_as(number, Unreachable::Refused);
    }

    /// Closes a connection at once; if it was being opened, this is what became of it.
    fn remove_as(&mut self, number: u64, cause: Unreachable) {
        let Some(connection) = self.table.remove(&number) else { return };
        let is_silent = connection.is_silent();
        // Of one that was ending, the node was told when it began to.
        if connection.is_known && !matches!(connection.state, State::Ending(_)) {
            self.events.push_back(ConnectionEvent::Gone(connection.flow));
        }
        match connection.origin {
            Origin::Accepted { source } => self.census.went(source, is_silent),
            Origin::Opened { place, waiting } => {
                if self.opened.get(&place) == Some(&number) {
                    self.opened.remove(&place);
                }
                let source = source_of(place.address.ip());
                self.census.went(source, false);
                if matches!(connection.state, State::Opening(_)) {
                    self.census.opened(source);
                    let flow = Err(cause);
                    let answers = waiting.into_iter().map(|token| ConnectionEvent::Reached { token, flow });
                    self.events.extend(answers);
                }
            }
        }
    }

    /// The way to a place: the connection that leads there, or one that is opened now. The answer comes as
    /// an event, at once or later.
    pub(crate) fn reach(&mut self, now: Tick, token: u64, place: Place) {
        let place = named_where_it_matters(place);
        if let Some(connection) = self.opened.get(&place).and_then(|number| self.table.get_mut(number)) {
            match (&mut connection.origin, &connection.state) {
                (Origin::Opened { waiting, .. }, State::Opening(_)) => waiting.push(token),
                _ => {
                    let flow = Ok(connection.flow);
                    self.events.push_back(ConnectionEvent::Reached { token, flow });
                }
            }
            return;
        }
        if let Err(unreachable) = self.open(now, token, place) {
            self.events.push_back(ConnectionEvent::Reached { token, flow: Err(unreachable) });
        }
    }

    fn open(&mut self, now: Tick, token: u64, place: Place) -> Result<(), Unreachable> {
        let (listener, local) = reach::our_end(place.transport, place.address, &self.listeners)?;
        let (source, limits) = (source_of(place.address.ip()), &self.limits);
        let (connecting_there, connecting) = self.census.connecting(source);
        if self.table.len() >= limits.connections_max
            || self.census.of_source(source) >= limits.connections_per_source_max
            || connecting_there >= limits.connecting_per_source_max
            || connecting >= limits.connecting_max
        {
            self.figures.refused();
            return Err(Unreachable::Full);
        }
        let opening = opening::open_to(&place, local.ip(), self.certificates.as_ref())?;
        let connection = self.numbers.next();
        let flow = Flow { transport: place.transport, listener, local, remote: place.address, connection };
        self.census.opens(source);
        self.figures.opened();
        self.opened.insert(place.clone(), connection);
        let origin = Origin::Opened { place, waiting: vec![token] };
        self.insert(now, flow, origin, State::Opening(opening));
        Ok(())
    }

    /// A connection is open: whoever waits for its place may use it.
    fn opened(&mut self, number: u64) {
        if let Some(connection) = self.table.get_mut(&number)
            && let Origin::Opened { place, waiting } = &mut connection.origin
        {
            self.census.opened(source_of(place.address.ip()));
            connection.is_known = true;
            let flow = Ok(connection.flow);
            let answers = std::mem::take(waiting);
            self.events.extend(answers.into_iter().map(|token| ConnectionEvent::Reached { token, flow }));
        }
        self.arm(number);
    }

    /// What the node must be told next.
    pub(crate) fn poll_event(&mut self) -> Option<ConnectionEvent> {
        self.events.pop_front()
    }

    /// Sets an alarm for the end of a connection's time, unless an earlier one is set.
    fn arm(&mut self, number: u64) {
        let Some(connection) = self.table.get_mut(&number) else { return };
        let deadlines = [Some(connection.deadline(&self.limits)), connection.asks_at(&self.limits)];
        let Some(deadline) = deadlines.into_iter().flatten().min() else { return };
        if connection.armed.is_none_or(|armed| deadline < armed) {
            connection.armed = Some(deadline);
            self.alarms.push(Reverse((deadline, number)));
        }
    }

    /// When [`Connections::tick`] has something to do.
    pub(crate) fn deadline(&self) -> Option<Tick> {
        let alarm = self.alarms.peek().map(|Reverse((tick, _))| *tick);
        [alarm, self.paused_until].into_iter().flatten().min()
    }

    /// Ends the connections whose time is over.
    pub(crate) fn tick(&mut self, now: Tick) {
        // The doors are looked at again with the next look at the sockets.
        self.paused_until = self.paused_until.filter(|until| now < *until);
        while let Some(Reverse((tick, number))) = self.alarms.peek().copied() {
            if tick > now {
                return;
            }
            self.alarms.pop();
            let Some(connection) = self.table.get_mut(&number) else { continue };
            if connection.armed != Some(tick) {
                continue;
            }
            connection.armed = None;
            if connection.deadline(&self.limits) > now {
                let asked = match connection.asks_at(&self.limits) {
                    Some(at) if at <= now => connection.ask(now),
                    Some(_) | None => Ok(()),
                };
                match asked {
                    Ok(()) => self.arm(number),
                    Err(_) => self.remove(number),
                }
                continue;
            }
            if connection.waits_no_longer() {
                continue;
            }
            tracing::debug!(flow = %connection.flow, "closed: its time is over");
            match connection.state {
                State::Opening(_) | State::Ending(_) => self.remove_as(number, Unreachable::Silent),
                State::Open(_) => self.end(number, now),
            }
        }
    }
}

/// Without TLS nobody proves to be a host, so the name does not matter.
fn named_where_it_matters(place: Place) -> Place {
    if place.transport.is_secure() { place } else { Place { host: place.address.ip().into(), ..place } }
}

/// Errors of `accept` that concern only the connection that was to be accepted.
fn is_of_the_peer(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset | io::ErrorKind::Interrupted
    )
}
