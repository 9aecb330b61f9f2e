//! The loop of one worker: drain the sockets, hand over, flush, sleep until the next deadline.
//!
//! The worker owns its sockets and its node; nothing is locked. Whoever wants something of the node
//! while it runs (the control socket, a test) sends a [`Command`], which runs between two turns.
//! A turn takes a bounded number of datagrams from each socket, so that no socket starves a timer.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::AsRawFd;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use bytes::Bytes;
use ruf_message::{Flow, Place, Tick, Transmit, Transport};
use tokio::io::unix::AsyncFd;
use tokio::sync::mpsc;

use crate::batch::{self, BATCH_MAX, Outgoing, ReceiveBatch};
use crate::listen::UdpListener;
use crate::reach::{self, Unreachable};

/// Batches taken from one socket in one turn.
const BATCHES_PER_TURN_MAX: usize = 4;
/// Commands that may wait for a worker.
const COMMANDS_MAX: usize = 64;

/// What a worker drives: bytes, time and answers in; transmits and questions out. Pure.
pub trait Node {
    /// A datagram came over a flow.
    fn receive(&mut self, now: Tick, flow: Flow, datagram: Bytes);
    /// What became of a question from [`Node::poll_reach`].
    fn reached(&mut self, now: Tick, token: u64, flow: Result<Flow, Unreachable>);
    /// A datagram could not be sent over this flow.
    fn unreachable(&mut self, now: Tick, flow: Flow);
    /// Time has passed; early or extra calls do nothing.
    fn tick(&mut self, now: Tick);
    /// When the node wants to be ticked next.
    fn poll_deadline(&self) -> Option<Tick>;
    /// The next datagram to send.
    fn poll_transmit(&mut self) -> Option<Transmit>;
    /// The next place that needs a flow.
    fn poll_reach(&mut self) -> Option<(u64, Place)>;
    /// Nothing is going on that a drain should wait for.
    fn is_drained(&self) -> bool;
}

/// Something to do with the node between two turns.
pub type Command<N> = Box<dyn FnOnce(&mut N, Tick) + Send>;

/// The sending side of a worker's commands.
pub struct Commands<N>(mpsc::Sender<Command<N>>);

impl<N> Clone for Commands<N> {
    fn clone(&self) -> Self {
        Commands(self.0.clone())
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
        self.0.send(command).await.ok()?;
        answered.await.ok()
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

/// One worker: its sockets, its node, its clock.
pub struct Worker<N> {
    node: N,
    sockets: Vec<AsyncFd<UdpListener>>,
    addresses: Vec<SocketAddr>,
    outgoing: Vec<VecDeque<Transmit>>,
    batch: ReceiveBatch,
    start: Instant,
    commands: mpsc::Receiver<Command<N>>,
}

impl<N: Node + 'static> Worker<N> {
    /// A worker over open listeners, which must be registered inside a tokio runtime.
    pub fn new(node: N, listeners: Vec<UdpListener>) -> io::Result<(Worker<N>, Commands<N>)> {
        let (sender, commands) = mpsc::channel(COMMANDS_MAX);
        let addresses: Vec<SocketAddr> = listeners.iter().map(UdpListener::local).collect();
        let outgoing = addresses.iter().map(|_| VecDeque::new()).collect();
        let sockets = listeners.into_iter().map(batch::watch).collect::<io::Result<_>>()?;
        let worker = Worker {
            node,
            sockets,
            addresses,
            outgoing,
            batch: ReceiveBatch::new(),
            start: Instant::now(),
            commands,
        };
        Ok((worker, Commands(sender)))
    }

    fn now(&self) -> Tick {
        Tick::from_micros(u64::try_from(self.start.elapsed().as_micros()).unwrap_or(u64::MAX))
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
        loop {
            self.settle();
            if draining.is_some() && self.node.is_drained() {
                return Stop::Drained;
            }
            let deadline = self.sleep_until(draining.map(|since| since + drain));
            tokio::select! {
                // Not biased: under a storm no arm may starve another.
                () = &mut stop, if draining.is_none() => draining = Some(Instant::now()),
                () = &mut cut, if draining.is_some() => return Stop::Cut,
                Some(command) = self.commands.recv() => {
                    let now = self.now();
                    command(&mut self.node, now);
                }
                () = poll_fn(|cx| poll_receive(cx, &self.sockets, &self.addresses, &mut self.batch, &mut self.node, self.start)) => {}
                () = sleep(deadline) => {
                    if draining.is_some_and(|since| since.elapsed() >= drain) {
                        return Stop::Cut;
                    }
                    let now = self.now();
                    self.node.tick(now);
                }
            }
        }
    }

    /// The earlier of the node's deadline and the drain's end.
    fn sleep_until(&self, drained_by: Option<Instant>) -> Option<Instant> {
        let deadline =
            self.node.poll_deadline().map(|tick| self.start + Duration::from_micros(tick.as_micros()));
        [deadline, drained_by].into_iter().flatten().min()
    }

    /// Answers the node's questions and sends what it wants sent, until it wants nothing more.
    fn settle(&mut self) {
        loop {
            while let Some((token, place)) = self.node.poll_reach() {
                let flow = reach::flow_to(&place, &self.addresses);
                let now = self.now();
                self.node.reached(now, token, flow);
            }
            while let Some(transmit) = self.node.poll_transmit() {
                match self.outgoing.get_mut(usize::from(transmit.flow.listener)) {
                    Some(queue) => queue.push_back(transmit),
                    None => tracing::warn!(flow = ?transmit.flow, "no such listener; not sent"),
                }
            }
            let mut failed = Vec::new();
            for ((socket, bound), queue) in self.sockets.iter().zip(&self.addresses).zip(&mut self.outgoing) {
                flush(socket, bound, queue, &mut failed);
            }
            if failed.is_empty() {
                return;
            }
            for flow in failed {
                let now = self.now();
                self.node.unreachable(now, flow);
            }
        }
    }
}

async fn sleep(until: Option<Instant>) {
    match until {
        Some(until) => tokio::time::sleep_until(until.into()).await,
        None => std::future::pending().await,
    }
}

/// Takes what the sockets have, a bounded share of each; pending when there was nothing.
fn poll_receive<N: Node>(
    cx: &mut Context<'_>,
    sockets: &[AsyncFd<UdpListener>],
    addresses: &[SocketAddr],
    batch: &mut ReceiveBatch,
    node: &mut N,
    start: Instant,
) -> Poll<()> {
    let mut any = false;
    for (index, (socket, bound)) in sockets.iter().zip(addresses).enumerate() {
        any |= poll_socket(cx, socket, *bound, index, batch, node, start).is_ready();
    }
    if any { Poll::Ready(()) } else { Poll::Pending }
}

fn poll_socket<N: Node>(
    cx: &mut Context<'_>,
    socket: &AsyncFd<UdpListener>,
    bound: SocketAddr,
    index: usize,
    batch: &mut ReceiveBatch,
    node: &mut N,
    start: Instant,
) -> Poll<()> {
    let listener = u16::try_from(index).unwrap_or(u16::MAX);
    let mut any = false;
    for _ in 0..BATCHES_PER_TURN_MAX {
        let mut guard = match socket.poll_read_ready(cx) {
            Poll::Ready(Ok(guard)) => guard,
            Poll::Ready(Err(_)) | Poll::Pending => break,
        };
        let now = Tick::from_micros(u64::try_from(start.elapsed().as_micros()).unwrap_or(u64::MAX));
        let count = batch.receive(socket.get_ref(), |datagram| {
            let local = datagram.local.filter(|_| bound.ip().is_unspecified()).unwrap_or(bound.ip());
            let flow = Flow {
                transport: Transport::Udp,
                listener,
                local: SocketAddr::new(local, bound.port()),
                remote: datagram.remote,
                connection: 0,
            };
            node.receive(now, flow, Bytes::copy_from_slice(datagram.payload));
        });
        match count {
            Ok(BATCH_MAX..) => any = true,
            Ok(_) => {
                // Less than a full batch: the socket is empty, and epoll tells when it no longer is.
                guard.clear_ready();
                any = true;
                break;
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                guard.clear_ready();
                if any {
                    break;
                }
            }
            Err(error) => {
                tracing::debug!(%error, "receiving");
                any = true;
                break;
            }
        }
    }
    if any { Poll::Ready(()) } else { Poll::Pending }
}

/// Sends what is queued. What the kernel has no room for is dropped: SIP over UDP repeats itself.
fn flush(
    socket: &AsyncFd<UdpListener>,
    bound: &SocketAddr,
    queue: &mut VecDeque<Transmit>,
    failed: &mut Vec<Flow>,
) {
    let source = |flow: &Flow| -> Option<IpAddr> {
        bound.ip().is_unspecified().then(|| flow.local.ip()).filter(|ip| !ip.is_unspecified())
    };
    while !queue.is_empty() {
        let datagrams: Vec<Outgoing<'_>> = queue
            .iter()
            .take(BATCH_MAX)
            .map(|transmit| Outgoing {
                remote: transmit.flow.remote,
                local: source(&transmit.flow),
                payload: &transmit.bytes,
            })
            .collect();
        match batch::send(socket.get_ref().as_raw_fd(), &datagrams) {
            Ok(sent) => {
                queue.drain(..sent.max(1).min(queue.len()));
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                tracing::debug!(dropped = queue.len(), "the kernel's send queue is full");
                queue.clear();
            }
            Err(error) => {
                // The error belongs to the first of the batch.
                if let Some(transmit) = queue.pop_front() {
                    tracing::debug!(%error, remote = %transmit.flow.remote, "sending");
                    if is_of_the_flow(&error) {
                        failed.push(transmit.flow);
                    }
                }
            }
        }
    }
}

/// Whether an error in sending says something of the way, and not of that one datagram: a message that
/// is too long for UDP must not end what else goes on with the same phone.
fn is_of_the_flow(error: &io::Error) -> bool {
    error.raw_os_error() != Some(libc::EMSGSIZE)
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
        reach: Option<(u64, Place)>,
        reached: Vec<(u64, Result<Flow, Unreachable>)>,
        unreachable: Vec<Flow>,
    }

    impl Node for Mirror {
        fn receive(&mut self, _: Tick, flow: Flow, datagram: Bytes) {
            let bytes = datagram.iter().rev().copied().collect();
            self.transmits.push_back(Transmit { flow, bytes });
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
            self.deadline
        }
        fn poll_transmit(&mut self) -> Option<Transmit> {
            self.transmits.pop_front()
        }
        fn poll_reach(&mut self) -> Option<(u64, Place)> {
            self.reach.take()
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
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async {
            let listener = UdpListener::open(&"udp:127.0.0.1:0".parse().expect("a spec")).expect("opens");
            let address = listener.local();
            let (worker, commands) = Worker::new(Mirror::default(), vec![listener]).expect("a worker");
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
}
