//! The loop of one worker: drain the sockets, hand over, flush, sleep until the next deadline.
//!
//! The worker owns its sockets and its node; nothing is locked. Whoever wants something of the node
//! while it runs (the control socket, a test) sends a [`Command`], which runs between two turns.
//! A turn takes a bounded share of each socket and each connection, so that none starves a timer.

use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use bytes::Bytes;
use ruf_locate::{Answer, Query};
use ruf_message::{Flow, FrameError, Place, Tick, Transmit, Transport};
use tokio::sync::mpsc;

use crate::clock::Clock;
use crate::connections::{ConnectionEvent, ConnectionFigures, Connections};
use crate::datagrams::Datagrams;
use crate::dns::Dns;
use crate::limits::Limits;
use crate::listen::Listener;
use crate::neighbours::{Letter, Neighbours};
use crate::occupancy::{Look, Occupancy};
use crate::reach::{self, Unreachable};
use crate::rest::{FineTimer, Rests};
use crate::tls::Certificates;

/// Messages that leave in the time that a busy worker rests, from which on it rests.
const TOGETHER_MIN: u32 = 3;
/// While it stops, a worker that has nothing left to do itself looks this often whether others have.
const DRAIN_LOOK: Duration = Duration::from_millis(50);
/// Deadlines are kept at whole numbers of this, so that those of a busy server come due together: it wakes for them a
/// hundred times a second, and not for each of thousands. T1 is fifty of it.
const DEADLINE_GRAIN: Duration = Duration::from_millis(10);

/// What a worker drives: bytes, time and answers in; transmits and questions out. Pure.
pub trait Node {
    /// What one worker's node hands to another's.
    type Crossing: Send + 'static;
    /// The datagram that is received next came to this machine so long before: told to who asked for it
    /// ([`Worker::timed`]).
    fn waited(&mut self, waited: Duration) {
        let _ = waited;
    }
    /// A datagram, or a message cut out of a stream, came over a flow.
    fn receive(&mut self, now: Tick, flow: Flow, message: Bytes);
    /// A stream brought what no message can be cut out of; it is closed as soon as the answer has left.
    fn unframed(&mut self, now: Tick, flow: Flow, octets: Bytes, error: FrameError);
    /// What became of a question from [`Node::poll_reach`].
    fn reached(&mut self, now: Tick, token: u64, flow: Result<Flow, Unreachable>);
    /// This flow leads nowhere: what was sent over it did not arrive, or its connection is gone.
    fn unreachable(&mut self, now: Tick, flow: Flow);
    /// The far side of a flow answered a [`stun::question`](crate::stun::question): this is where it saw us. A node
    /// that asks none has no use for it.
    fn mapped(&mut self, now: Tick, flow: Flow, transaction: [u8; 12], mapped: SocketAddr) {
        let _ = (now, flow, transaction, mapped);
    }
    /// Time has passed; early or extra calls do nothing.
    fn tick(&mut self, now: Tick);
    /// When the node wants to be ticked next.
    fn poll_deadline(&self) -> Option<Tick>;
    /// The next message to send.
    fn poll_transmit(&mut self) -> Option<Transmit>;
    /// The next place that needs a flow.
    fn poll_reach(&mut self) -> Option<(u64, Place)>;
    /// The next thing that belongs to the worker of this number.
    fn poll_crossing(&mut self) -> Option<(u8, Self::Crossing)>;
    /// Another worker's node handed this over.
    fn crossed(&mut self, now: Tick, crossing: Self::Crossing);
    /// The worker that this belongs to has no room for it.
    fn not_crossed(&mut self, now: Tick, crossing: Self::Crossing);
    /// The next question to the DNS.
    fn poll_query(&mut self) -> Option<(u64, Query)>;
    /// What the DNS said to a question from [`Node::poll_query`].
    fn resolved(&mut self, now: Tick, number: u64, answer: Answer);
    /// For so much of the time since the last such word there was something to do, and what comes now waits so
    /// long. A node that never refuses anything has no use for it.
    fn busy(&mut self, worked: Duration, since: Duration, waits: Duration) {
        let _ = (worked, since, waits);
    }
    /// Nothing is going on that a drain should wait for.
    fn is_drained(&self) -> bool;
}

/// Something to do with the node between two turns.
pub type Command<N> = Box<dyn FnOnce(&mut N, Tick) + Send>;

/// The sending side of a worker's commands, and what it counts.
pub struct Commands<N> {
    sender: mpsc::UnboundedSender<Command<N>>,
    connections: ConnectionFigures,
}

impl<N> Clone for Commands<N> {
    fn clone(&self) -> Self {
        Commands { sender: self.sender.clone(), connections: self.connections.clone() }
    }
}

impl<N: 'static> Commands<N> {
    /// Runs `ask` on the node and returns what it said; `None` when the worker is gone.
    pub async fn ask<T: Send + 'static>(
        &self,
        ask: impl FnOnce(&mut N, Tick) -> T + Send + 'static,
    ) -> Option<T> {
        let (answer, answered) = tokio::sync::oneshot::channel();
        let command: Command<N> = Box::new(move |node, now| {
            // The one who asked may have gone; then nobody misses the answer.
            let _ = answer.send(ask(node, now));
        });
        self.sender.send(command).ok()?;
        answered.await.ok()
    }

    /// Has `tell` run on the node, and waits for nothing: what is dropped can tell, too. Whoever tells bounds
    /// how much. `false`: the worker is gone.
    pub fn tell(&self, tell: impl FnOnce(&mut N, Tick) + Send + 'static) -> bool {
        self.sender.send(Box::new(tell)).is_ok()
    }

    /// The figures of its connections, as of its last turn.
    pub fn connections(&self) -> &ConnectionFigures {
        &self.connections
    }
}

/// Why the loop ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stop {
    /// Told to, and nothing was left to wait for.
    Drained,
    /// Told to, and the time for draining ran out or a second signal came.
    Cut,
}

/// Who may have something for a worker.
#[derive(Clone, Copy)]
enum Source {
    Sockets,
    Order,
    Deadline,
    Dns,
    Commands,
    Neighbours,
}

impl Source {
    const ALL: [Source; 6] =
        [Source::Sockets, Source::Order, Source::Deadline, Source::Dns, Source::Commands, Source::Neighbours];
}

/// What ends a worker's sleep.
enum Came<N: Node> {
    /// The sockets had something, which is done.
    Work,
    /// It is time for what is due.
    Due,
    /// The answer to a question of this number.
    Answer(u64, Answer),
    Command(Command<N>),
    Letters(Vec<Letter<N::Crossing>>),
    /// To stop: first by draining, then at once.
    Order,
}

/// Where one worker stands: the clock it shares with the others, the ways to them, and its commands.
pub struct Berth<N: Node> {
    clock: Clock,
    neighbours: Neighbours<N::Crossing>,
    commands: mpsc::UnboundedReceiver<Command<N>>,
    figures: ConnectionFigures,
}

impl<N: Node> Berth<N> {
    /// The berths of so many workers of one clock, in their order, each with the sending side of its
    /// commands.
    pub fn of_all(workers: u8, clock: Clock) -> Vec<(Berth<N>, Commands<N>)> {
        Neighbours::of_all(workers)
            .into_iter()
            .map(|neighbours| {
                let (sender, commands) = mpsc::unbounded_channel();
                let figures = ConnectionFigures::default();
                let connections = figures.clone();
                (Berth { clock, neighbours, commands, figures }, Commands { sender, connections })
            })
            .collect()
    }
}

/// One worker: its sockets, its connections, its node, its clock.
pub struct Worker<N: Node> {
    node: N,
    listeners: Vec<(Transport, SocketAddr)>,
    datagrams: Datagrams,
    connections: Connections,
    dns: Dns,
    clock: Clock,
    occupancy: Occupancy,
    neighbours: Neighbours<N::Crossing>,
    commands: mpsc::UnboundedReceiver<Command<N>>,
    timer: FineTimer,
    deadline_grain: Duration,
    rests: Rests,
    /// Messages since it last went to sleep.
    sent: u32,
}

impl<N: Node + 'static> Worker<N> {
    /// The worker of a berth over open listeners, which must be registered inside a tokio runtime. Their
    /// order is that of [`Flow::listener`]. Without certificates nobody is spoken to over TLS.
    pub fn new(
        node: N,
        listeners: Vec<Listener>,
        limits: Limits,
        certificates: Option<Certificates>,
        berth: Berth<N>,
    ) -> io::Result<Worker<N>> {
        let Berth { clock, neighbours, commands, figures } = berth;
        let real: Vec<_> = listeners.iter().map(|open| (open.transport(), open.local())).collect();
        let mut datagrams = Datagrams::new();
        let mut connections = Connections::new(real.clone(), limits, certificates, neighbours.me(), figures);
        for (index, listener) in (0..=u16::MAX).zip(listeners) {
            match listener {
                Listener::Datagrams(socket) => datagrams.add(index, socket)?,
                Listener::Connections(socket) => connections.add(index, socket)?,
            }
        }
        let dns = Dns::none();
        let timer = FineTimer::new()?;
        Ok(Worker {
            node,
            listeners: real,
            datagrams,
            connections,
            dns,
            clock,
            occupancy: Occupancy::new(clock.now()),
            neighbours,
            commands,
            timer,
            deadline_grain: DEADLINE_GRAIN,
            rests: Rests::new(Duration::ZERO, 0),
            sent: 0,
        })
    }

    /// Asks this DNS; without one, every question fails at once.
    #[must_use]
    pub fn with_dns(self, dns: Dns) -> Self {
        Worker { dns, ..self }
    }

    /// Keeps the node's deadlines to the microsecond, where others are kept up to ten milliseconds late. For who
    /// measures; a server needs it not.
    #[must_use]
    pub fn exact(self) -> Self {
        Worker { deadline_grain: Duration::ZERO, ..self }
    }

    /// Has the node told how long each datagram has waited for it in this machine, by the kernel's clock: for who
    /// measures, and rests.
    ///
    /// # Errors
    /// The kernel does not tell.
    pub fn timed(mut self) -> io::Result<Self> {
        self.datagrams.tell_waits()?;
        Ok(self)
    }

    /// When all that came is done, hears nothing until a `grain` after it was woken, so that what comes meanwhile is
    /// done together: cheaper, and later by up to a grain.
    #[must_use]
    pub fn resting(self, grain: Duration) -> Self {
        Worker { rests: Rests::new(grain, 0), ..self }
    }

    /// The same only while several messages leave in a grain: for one alone there is nothing to wait for.
    #[must_use]
    pub fn resting_when_busy(self, grain: Duration) -> Self {
        Worker { rests: Rests::new(grain, TOGETHER_MIN), ..self }
    }

    /// Hands every datagram to the kernel by itself, also where several could leave as one: for who watches the
    /// machine's own packets with a program that does not cut them.
    #[must_use]
    pub fn without_trains(mut self) -> Self {
        self.datagrams.uncouple();
        self
    }

    /// Serves until `stop` resolves, then drains for at most `drain`, or until `cut` resolves.
    pub async fn run(
        mut self,
        stop: impl Future<Output = ()>,
        cut: impl Future<Output = ()>,
        drain: Duration,
    ) -> Stop {
        tokio::pin!(stop, cut);
        let mut draining: Option<Instant> = None;
        // Whoever is asked first: whoever was served last comes last, so that none starves another.
        let mut first = 0;
        loop {
            let now = self.clock.now();
            self.settle(now);
            let mut look = None;
            if draining.is_some() {
                let drained = self.node.is_drained();
                if self.neighbours.all_drained(drained) {
                    return Stop::Drained;
                }
                // The others cannot wake a worker by being drained, and may yet need it.
                look = drained.then(|| Instant::now() + DRAIN_LOOK);
            }
            let deadline = self.sleep_until(draining.map(|since| since + drain), look);
            // One that always has something to do lets the runtime look at its sockets now and then.
            tokio::task::consume_budget().await;
            let came = poll_fn(|cx| {
                let now = self.clock.now();
                self.rests.look(now);
                for turn in 0..Source::ALL.len() {
                    let place = (first + turn) % Source::ALL.len();
                    let Some(source) = Source::ALL.get(place) else { continue };
                    let came = match source {
                        Source::Order if draining.is_none() => stop.as_mut().poll(cx).map(|()| Came::Order),
                        Source::Order => cut.as_mut().poll(cx).map(|()| Came::Order),
                        source => self.poll_source(cx, *source, now, deadline),
                    };
                    if came.is_ready() {
                        self.occupancy.work(now);
                        first = place + 1;
                        return came;
                    }
                }
                self.occupancy.rest(now);
                // The thread sleeps: to be woken is what is to be saved.
                let rest = self.rests.sleep(now, std::mem::take(&mut self.sent));
                if !rest.is_zero() {
                    std::thread::sleep(rest);
                }
                // Who is woken by a socket asks nobody else before it.
                first = 0;
                Poll::Pending
            })
            .await;
            let now = self.clock.now();
            match came {
                Came::Work => {}
                Came::Order if draining.is_some() => return Stop::Cut,
                Came::Order => draining = Some(Instant::now()),
                Came::Due if draining.is_some_and(|since| since.elapsed() >= drain) => return Stop::Cut,
                Came::Due => {
                    self.node.tick(now);
                    self.connections.tick(now);
                }
                Came::Command(command) => command(&mut self.node, now),
                Came::Letters(letters) => self.read(now, letters),
                Came::Answer(number, answer) => self.node.resolved(now, number, answer),
            }
        }
    }

    /// Takes what sockets and connections have, a bounded share of each; pending when there was nothing.
    fn poll_sockets(&mut self, cx: &mut Context<'_>, now: Tick) -> Poll<()> {
        self.occupancy.turn(now);
        // Before the node takes anything: what it learned may be long ago.
        if let Some(Look { worked, since, longest_turn }) = self.occupancy.look(now) {
            // What came over one of many connections waited for a turn; what comes by a single one waits at its sender.
            self.node.busy(worked, since, longest_turn.max(self.datagrams.wait(since)));
        }
        let received = self.datagrams.poll_receive(cx, now, self.clock, &mut self.node).is_ready();
        let now = if received { self.clock.now() } else { now };
        let worked = self.connections.poll_work(cx, now, &mut self.node).is_ready();
        if received || worked { Poll::Ready(()) } else { Poll::Pending }
    }

    /// What one of them has, but for orders.
    fn poll_source(
        &mut self,
        cx: &mut Context<'_>,
        source: Source,
        now: Tick,
        deadline: Option<Instant>,
    ) -> Poll<Came<N>> {
        match (source, deadline) {
            (Source::Sockets, _) => self.poll_sockets(cx, now).map(|()| Came::Work),
            (Source::Deadline, Some(deadline)) => {
                let now = self.clock.instant(now, Duration::ZERO);
                self.timer.poll_until(cx, deadline, now).map(|()| Came::Due)
            }
            (Source::Deadline, None) | (Source::Order, _) => Poll::Pending,
            (Source::Dns, _) => {
                self.dns.poll_answered(cx).map(|(number, answer)| Came::Answer(number, answer))
            }
            (Source::Commands, _) => match self.commands.poll_recv(cx) {
                Poll::Ready(Some(command)) => Poll::Ready(Came::Command(command)),
                Poll::Ready(None) | Poll::Pending => Poll::Pending,
            },
            (Source::Neighbours, _) => self.neighbours.poll_next(cx).map(Came::Letters),
        }
    }

    /// The earliest of the deadlines of the node and of the connections, the drain's end, and the next look
    /// at the others.
    fn sleep_until(&self, drained_by: Option<Instant>, look: Option<Instant>) -> Option<Instant> {
        let deadlines = [self.node.poll_deadline(), self.connections.deadline()];
        let earliest =
            deadlines.into_iter().flatten().min().map(|tick| self.clock.instant(tick, self.deadline_grain));
        [earliest, drained_by, look].into_iter().flatten().min()
    }

    /// Answers the node's questions and sends what it wants sent, until it wants nothing more.
    fn settle(&mut self, now: Tick) {
        loop {
            let mut any = false;
            while let Some((token, place)) = self.node.poll_reach() {
                match place.transport {
                    Transport::Udp => {
                        let flow = reach::datagrams_to(&place, &self.listeners);
                        self.node.reached(now, token, flow);
                    }
                    _ => self.connections.reach(now, token, place),
                }
            }
            while let Some((number, query)) = self.node.poll_query() {
                self.dns.ask(number, query);
            }
            while let Some(transmit) = self.node.poll_transmit() {
                self.sent = self.sent.saturating_add(1);
                match transmit.flow.transport {
                    Transport::Udp => self.datagrams.send(transmit),
                    _ => self.send(transmit),
                }
            }
            while let Some((to, crossing)) = self.node.poll_crossing() {
                if let Err(Letter::Crossing(crossing)) = self.neighbours.post(to, Letter::Crossing(crossing))
                {
                    self.node.not_crossed(now, crossing);
                    any = true;
                }
            }
            let mut failed = Vec::new();
            self.datagrams.flush(&mut failed);
            self.connections.settle(now);
            any |= !failed.is_empty();
            for flow in failed {
                self.node.unreachable(now, flow);
                // The system brings what ICMP says to any of the sockets that share a port.
                self.neighbours.tell_gone(flow);
            }
            while let Some(event) = self.connections.poll_event() {
                any = true;
                match event {
                    ConnectionEvent::Reached { token, flow } => self.node.reached(now, token, flow),
                    ConnectionEvent::Gone(flow) => {
                        self.node.unreachable(now, flow);
                        self.neighbours.tell_gone(flow);
                    }
                }
            }
            if !any {
                self.neighbours.flush();
                return;
            }
        }
    }

    /// Sends over a connection, by whoever has it: its number says whose it is.
    fn send(&mut self, transmit: Transmit) {
        let [.., owner] = transmit.flow.connection.to_be_bytes();
        if owner == self.neighbours.me() {
            return self.connections.send(transmit);
        }
        if let Err(Letter::Transmit(transmit)) = self.neighbours.post(owner, Letter::Transmit(transmit)) {
            self.node.unreachable(self.clock.now(), transmit.flow);
        }
    }

    /// Does what other workers want done.
    fn read(&mut self, now: Tick, letters: Vec<Letter<N::Crossing>>) {
        for letter in letters {
            match letter {
                Letter::Crossing(crossing) => self.node.crossed(now, crossing),
                Letter::Transmit(transmit) => self.connections.send(transmit),
                Letter::Gone(flow) => self.node.unreachable(now, flow),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::VecDeque;
    use std::net::UdpSocket;

    /// Sends back what it gets, upside down, and counts ticks.
    #[derive(Default)]
    struct Mirror {
        transmits: VecDeque<Transmit>,
        deadline: Option<Tick>,
        ticks: usize,
        busy: bool,
        is_always_due: bool,
        reach: Option<(u64, Place)>,
        reached: Vec<(u64, Result<Flow, Unreachable>)>,
        unreachable: Vec<Flow>,
        query: Option<(u64, Query)>,
        resolved: Vec<(u64, Answer)>,
        looks: Vec<(Duration, Duration)>,
        waits: Vec<Duration>,
    }

    impl Node for Mirror {
        type Crossing = std::convert::Infallible;

        fn waited(&mut self, waited: Duration) {
            self.waits.push(waited);
        }
        fn receive(&mut self, _: Tick, flow: Flow, datagram: Bytes) {
            let bytes = datagram.iter().rev().copied().collect();
            self.transmits.push_back(Transmit { flow, bytes });
        }
        fn unframed(&mut self, _: Tick, flow: Flow, octets: Bytes, _: FrameError) {
            self.transmits.push_back(Transmit { flow, bytes: octets });
        }
        fn reached(&mut self, _: Tick, token: u64, flow: Result<Flow, Unreachable>) {
            self.reached.push((token, flow));
        }
        fn unreachable(&mut self, _: Tick, flow: Flow) {
            self.unreachable.push(flow);
        }
        fn tick(&mut self, _: Tick) {
            self.ticks += 1;
            self.deadline = None;
        }
        fn poll_deadline(&self) -> Option<Tick> {
            self.deadline.or(self.is_always_due.then_some(Tick::ZERO))
        }
        fn poll_transmit(&mut self) -> Option<Transmit> {
            self.transmits.pop_front()
        }
        fn poll_reach(&mut self) -> Option<(u64, Place)> {
            self.reach.take()
        }
        fn poll_crossing(&mut self) -> Option<(u8, Self::Crossing)> {
            None
        }
        fn crossed(&mut self, _: Tick, crossing: Self::Crossing) {
            match crossing {}
        }
        fn not_crossed(&mut self, _: Tick, crossing: Self::Crossing) {
            match crossing {}
        }
        fn poll_query(&mut self) -> Option<(u64, Query)> {
            self.query.take()
        }
        fn resolved(&mut self, _: Tick, number: u64, answer: Answer) {
            self.resolved.push((number, answer));
        }
        fn busy(&mut self, worked: Duration, since: Duration, _: Duration) {
            self.looks.push((worked, since));
        }
        fn is_drained(&self) -> bool {
            !self.busy
        }
    }

    /// Runs a worker on one socket while `test` talks to it; says how it stopped.
    fn with_worker<F: Future<Output = ()>>(
        test: impl FnOnce(SocketAddr, Commands<Mirror>) -> F,
        drain: Duration,
    ) -> Stop {
        with_worker_as(|worker| worker, test, drain)
    }

    /// The same with a worker that is told how to wait.
    fn with_worker_as<F: Future<Output = ()>>(
        change: impl FnOnce(Worker<Mirror>) -> Worker<Mirror>,
        test: impl FnOnce(SocketAddr, Commands<Mirror>) -> F,
        drain: Duration,
    ) -> Stop {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async {
            let here = "127.0.0.1:0".parse().expect("an address");
            let listener = Listener::open(Transport::Udp, here).expect("opens");
            let address = listener.local();
            let (berth, commands) = Berth::of_all(1, Clock::start()).pop().expect("one");
            let worker = Worker::new(Mirror::default(), vec![listener], Limits::default(), None, berth);
            let worker = change(worker.expect("a worker"));
            worker.run(test(address, commands), std::future::pending(), drain).await
        })
    }

    #[test]
    fn a_datagram_is_answered_from_the_address_it_came_to() {
        let stop = with_worker(
            |address, _| async move {
                let phone = tokio::net::UdpSocket::bind("127.0.0.1:0").await.expect("binds");
                phone.send_to(b"call", address).await.expect("sends");
                let mut buffer = [0; 16];
                let (length, from) = phone.recv_from(&mut buffer).await.expect("an answer");
                assert_eq!((&buffer[..length], from), (&b"llac"[..], address));
            },
            Duration::from_secs(5),
        );
        assert_eq!(stop, Stop::Drained);
    }

    #[test]
    fn commands_deadlines_and_questions_have_their_turn() {
        with_worker(
            |address, commands| async move {
                let asked = commands.ask(move |node, now| {
                    node.deadline = Some(now);
                    node.reach = Some((
                        7,
                        Place {
                            transport: Transport::Udp,
                            address: SocketAddr::new(address.ip(), 9),
                            host: address.ip().into(),
                        },
                    ));
                });
                asked.await.expect("asked");
                let seen = loop {
                    let seen =
                        commands.ask(|node, _| (node.ticks, node.reached.clone())).await.expect("alive");
                    if seen.0 > 0 && !seen.1.is_empty() {
                        break seen;
                    }
                };
                assert_eq!(seen.0, 1, "a deadline that passed is ticked once");
                assert_eq!(seen.1[0].0, 7);
                assert_eq!(seen.1[0].1.expect("reached").local, address);
            },
            Duration::from_secs(5),
        );
    }

    #[test]
    fn a_node_that_is_always_due_is_reached_by_its_socket() {
        let (told, address) = std::sync::mpsc::channel();
        let (end, ended) = tokio::sync::oneshot::channel::<()>();
        let worker = std::thread::spawn(move || {
            let test = |address, commands: Commands<Mirror>| async move {
                commands.ask(|node, _| node.is_always_due = true).await.expect("asked");
                told.send(address).expect("somebody listens");
                drop(ended.await);
                commands.ask(|node, _| node.is_always_due = false).await.expect("asked");
            };
            with_worker(test, Duration::from_secs(5))
        });
        let address = address.recv().expect("the worker's address");
        let phone = UdpSocket::bind("127.0.0.1:0").expect("binds");
        phone.set_read_timeout(Some(Duration::from_secs(10))).expect("is set");
        for _ in 0..3 {
            phone.send_to(b"call", address).expect("sends");
            let mut buffer = [0; 16];
            let (length, _) = phone.recv_from(&mut buffer).expect("an answer");
            assert_eq!(&buffer[..length], b"llac");
        }
        drop(end);
        worker.join().expect("it ends");
    }

    #[test]
    fn a_node_is_told_how_much_of_the_time_there_was_something_to_do() {
        with_worker(
            |_, commands| async move {
                loop {
                    // Commands wake the worker, and it rests between them.
                    tokio::time::sleep(Duration::from_millis(1)).await;
                    let looks = commands.ask(|node, _| node.looks.clone()).await.expect("alive");
                    if let [(worked, since), ..] = *looks {
                        assert!(worked < since && since >= Duration::from_millis(50), "{looks:?}");
                        break;
                    }
                }
            },
            Duration::from_secs(5),
        );
    }

    #[test]
    fn a_busy_node_is_cut_when_the_time_for_draining_is_over() {
        let stop = with_worker(
            |_, commands| async move {
                commands.ask(|node, _| node.busy = true).await.expect("asked");
            },
            Duration::from_millis(20),
        );
        assert_eq!(stop, Stop::Cut);
    }

    #[test]
    fn a_datagram_too_long_to_leave_is_no_failure_of_the_flow() {
        with_worker(
            |address, commands| async move {
                let remote = |text: &str| text.parse::<SocketAddr>().expect("an address");
                let send = |remote: SocketAddr, length: usize| {
                    let flow = Flow {
                        transport: Transport::Udp,
                        listener: 0,
                        local: address,
                        remote,
                        connection: 0,
                    };
                    Transmit { flow, bytes: vec![b'x'; length].into() }
                };
                let long = send(remote("127.0.0.1:9"), 65_508);
                let nowhere = send(remote("127.0.0.1:0"), 1);
                commands.ask(move |node, _| node.transmits.extend([long, nowhere])).await.expect("asked");
                let failed = commands.ask(|node, _| node.unreachable.clone()).await.expect("alive");
                let remotes: Vec<SocketAddr> = failed.iter().map(|flow| flow.remote).collect();
                assert_eq!(remotes, [remote("127.0.0.1:0")]);
            },
            Duration::from_secs(5),
        );
    }

    #[test]
    fn a_storm_on_one_socket_reaches_the_node_whole() {
        with_worker(
            |address, commands| async move {
                let phone = UdpSocket::bind("127.0.0.1:0").expect("binds");
                for _ in 0..200 {
                    phone.send_to(b"x", address).expect("sends");
                }
                phone.set_nonblocking(true).expect("set");
                let phone = tokio::net::UdpSocket::from_std(phone).expect("a socket");
                let mut buffer = [0; 16];
                for _ in 0..200 {
                    phone.recv(&mut buffer).await.expect("an answer");
                }
                drop(commands);
            },
            Duration::from_secs(5),
        );
    }

    #[test]
    fn who_rests_and_asks_is_told_how_long_each_datagram_has_waited() {
        const REST: Duration = Duration::from_millis(20);
        with_worker_as(
            |worker| worker.resting(REST).timed().expect("the kernel tells"),
            |address, commands| async move {
                let start = Instant::now();
                let phone = tokio::net::UdpSocket::bind("127.0.0.1:0").await.expect("binds");
                let mut buffer = [0; 16];
                // Until one has come while the worker rested: most do.
                loop {
                    phone.send_to(b"x", address).await.expect("sends");
                    phone.recv(&mut buffer).await.expect("an answer");
                    let waits = commands.ask(|node, _| node.waits.clone()).await.expect("alive");
                    assert!(
                        !waits.is_empty() && waits.iter().sum::<Duration>() <= start.elapsed(),
                        "{waits:?}"
                    );
                    if waits.iter().any(|wait| *wait >= REST / 4) {
                        break;
                    }
                }
            },
            Duration::from_secs(5),
        );
    }

    #[test]
    fn a_worker_that_rests_and_is_exact_misses_nothing() {
        with_worker_as(
            |worker| worker.exact().resting(Duration::from_millis(2)),
            |address, commands| async move {
                let phone = tokio::net::UdpSocket::bind("127.0.0.1:0").await.expect("binds");
                let mut buffer = [0; 16];
                for round in 0..5u64 {
                    for _ in 0..100 {
                        phone.send_to(b"x", address).await.expect("sends");
                    }
                    for _ in 0..100 {
                        phone.recv(&mut buffer).await.expect("an answer");
                    }
                    let soon = move |node: &mut Mirror, now: Tick| {
                        node.deadline = Some(now + Duration::from_micros(round * 700));
                    };
                    commands.ask(soon).await.expect("asked");
                    while commands.ask(|node, _| node.deadline).await.expect("alive").is_some() {}
                }
                let ticks = commands.ask(|node, _| node.ticks).await.expect("alive");
                assert_eq!(ticks, 5, "a deadline is ticked once, and not before it is due");
            },
            Duration::from_secs(5),
        );
    }
}
