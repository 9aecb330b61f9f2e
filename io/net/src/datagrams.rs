//! The UDP sockets of one worker: draining them, and sending what is queued for them.
//!
//! A turn takes a bounded number of datagrams from each socket, so that no socket starves a timer.
//! The system calls are in `batch`; connections are in [`crate::connections`].

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::AsRawFd;
use std::task::{Context, Poll};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use ruf_message::{Flow, Tick, Transmit, Transport};
use tokio::io::unix::AsyncFd;

use crate::batch::{self, BATCH_MAX, Outgoing, ReceiveBatch, SendBatch, Undelivered};
use crate::clock::Clock;
use crate::listen::UdpListener;
use crate::stun;
use crate::trains::Trains;
use crate::worker::Node;

/// Batches taken from one socket in one turn.
const BATCHES_PER_TURN_MAX: usize = 4;

/// Datagrams after which no further batch is taken: of trains a batch brings many.
const TAKEN_PER_TURN_MAX: usize = BATCHES_PER_TURN_MAX * BATCH_MAX;

/// For each octet of a datagram that waits the kernel counts about so many: up to three of short ones, little more
/// than one of trains.
const HELD_FOR_AN_OCTET: f64 = 2.0;
/// A wait is told up to so many times the time that was measured.
const STILL: f64 = 100.0;
/// A socket that is full is as bad as this wait, however fast it is drained: datagrams are lost.
const FULL_IS_A_WAIT_OF: Duration = Duration::from_millis(200);

/// Reports of undelivered datagrams taken at once.
const REPORTS_PER_TURN_MAX: usize = 64;

/// Where fewer wait, each leaves by itself: little could be gained, and who watches the packets of a call, as people do
/// where there are few, sees each.
const COUPLED_MIN: usize = 8;
/// Datagrams that are looked at together for which of them leave as one.
const COUPLED_MAX: usize = 256;
/// A kernel that would not take so many trains is asked to take none any more.
const TRAINS_REFUSED_MAX: u8 = 16;

/// One UDP socket, and what is to leave by it.
struct Socket {
    socket: AsyncFd<UdpListener>,
    bound: SocketAddr,
    listener: u16,
    outgoing: Vec<Transmit>,
    /// Octets taken since somebody asked how long what comes waits.
    taken_octets: usize,
    /// The node is told how long each datagram has waited.
    is_timed: bool,
    /// How many trains the kernel may yet refuse; none: it gets no more.
    refusals_left: u8,
    /// Flows that lead nowhere, to be told with the next [`Datagrams::flush`].
    failed: Vec<Flow>,
}

/// The UDP sockets of one worker.
pub(crate) struct Datagrams {
    sockets: Vec<Socket>,
    incoming: ReceiveBatch,
    leaving: SendBatch,
    trains: Trains,
}

impl Datagrams {
    pub(crate) fn new() -> Datagrams {
        Datagrams {
            sockets: Vec::new(),
            incoming: ReceiveBatch::new(),
            leaving: SendBatch::new(),
            trains: Trains::default(),
        }
    }

    /// Puts a socket under the runtime's watch, as the listener of this number.
    pub(crate) fn add(&mut self, listener: u16, socket: UdpListener) -> io::Result<()> {
        let bound = socket.local();
        batch::take_trains(&socket);
        let refusals_left = if batch::cuts_trains(&socket) { TRAINS_REFUSED_MAX } else { 0 };
        let socket = batch::watch(socket)?;
        let (outgoing, failed) = (Vec::new(), Vec::new());
        self.sockets.push(Socket {
            socket,
            bound,
            listener,
            outgoing,
            taken_octets: 0,
            is_timed: false,
            refusals_left,
            failed,
        });
        Ok(())
    }

    /// From now on each datagram leaves by itself.
    pub(crate) fn uncouple(&mut self) {
        self.sockets.iter_mut().for_each(|socket| socket.refusals_left = 0);
    }

    /// From now on the node is told how long each datagram has waited.
    pub(crate) fn tell_waits(&mut self) -> io::Result<()> {
        for socket in &mut self.sockets {
            batch::report_arrival(socket.socket.get_ref())?;
            socket.is_timed = true;
        }
        Ok(())
    }

    /// Takes what the sockets have, a bounded share of each; pending when there was nothing.
    pub(crate) fn poll_receive<N: Node>(
        &mut self,
        cx: &mut Context<'_>,
        now: Tick,
        clock: Clock,
        node: &mut N,
    ) -> Poll<()> {
        let mut any = false;
        for socket in &mut self.sockets {
            any |= socket.poll_receive(cx, now, clock, &mut self.incoming, node).is_ready();
        }
        if any { Poll::Ready(()) } else { Poll::Pending }
    }

    /// How long what comes now will wait, more or less, if it goes on as `since` the last time that somebody asked.
    pub(crate) fn wait(&mut self, since: Duration) -> Duration {
        self.sockets.iter_mut().map(|socket| socket.wait(since)).max().unwrap_or_default()
    }

    /// Queues a datagram. It leaves with [`Datagrams::flush`].
    pub(crate) fn send(&mut self, transmit: Transmit) {
        match self.sockets.iter_mut().find(|socket| socket.listener == transmit.flow.listener) {
            Some(socket) => socket.outgoing.push(transmit),
            None => tracing::warn!(flow = ?transmit.flow, "no such listener; not sent"),
        }
    }

    /// Sends what is queued; the flows that lead nowhere are added to `failed`.
    pub(crate) fn flush(&mut self, failed: &mut Vec<Flow>) {
        for socket in &mut self.sockets {
            socket.flush(&mut self.leaving, &mut self.trains, failed);
        }
    }
}

impl Socket {
    fn wait(&mut self, since: Duration) -> Duration {
        let taken = std::mem::take(&mut self.taken_octets);
        let (held, room) = batch::waiting(self.socket.get_ref().as_raw_fd()).unwrap_or_default();
        let in_time = f64::from(held) / (taken.max(1) as f64 * HELD_FOR_AN_OCTET);
        let in_room = f64::from(held) / f64::from(room.max(1));
        since.mul_f64(in_time.min(STILL)).max(FULL_IS_A_WAIT_OF.mul_f64(in_room))
    }

    fn poll_receive<N: Node>(
        &mut self,
        cx: &mut Context<'_>,
        mut now: Tick,
        clock: Clock,
        batch: &mut ReceiveBatch,
        node: &mut N,
    ) -> Poll<()> {
        let Socket { socket, bound, listener, outgoing, taken_octets, is_timed, failed, .. } = self;
        let mut any = false;
        let mut taken = 0;
        for _ in 0..BATCHES_PER_TURN_MAX {
            if taken >= TAKEN_PER_TURN_MAX {
                break;
            }
            let mut guard = match socket.poll_read_ready(cx) {
                Poll::Ready(Ok(guard)) => guard,
                Poll::Ready(Err(_)) | Poll::Pending => break,
            };
            let today = is_timed.then(SystemTime::now);
            if *is_timed {
                now = clock.now();
            }
            let count = batch.receive(socket.get_ref(), |datagram| {
                taken += 1;
                if let (Some(today), Some(came)) = (today, datagram.came) {
                    // Nothing for one that came since then.
                    node.waited(today.duration_since(came).unwrap_or_default());
                }
                *taken_octets += datagram.payload.len();
                let local = datagram.local.filter(|_| bound.ip().is_unspecified()).unwrap_or(bound.ip());
                let flow = Flow {
                    transport: Transport::Udp,
                    listener: *listener,
                    local: SocketAddr::new(local, bound.port()),
                    remote: datagram.remote,
                    connection: 0,
                };
                if stun::is_stun(datagram.payload) {
                    if let Some((transaction, mapped)) = stun::mapped(datagram.payload) {
                        node.mapped(now, flow, transaction, mapped);
                    }
                    let answer = stun::answer(datagram.payload, datagram.remote);
                    outgoing.extend(answer.map(|bytes| Transmit { flow, bytes }));
                } else {
                    node.receive(now, flow, Bytes::copy_from_slice(datagram.payload));
                }
            });
            match count {
                Ok(BATCH_MAX..) => {
                    any = true;
                    now = clock.now();
                }
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
                // The report of a datagram that did not arrive comes before what can be read.
                Err(error) => {
                    any = true;
                    if !take_reports(socket, *bound, *listener, failed) {
                        tracing::debug!(%error, "receiving");
                        break;
                    }
                }
            }
        }
        if any { Poll::Ready(()) } else { Poll::Pending }
    }

    /// Sends what is queued. What the kernel has no room for is dropped: SIP over UDP repeats itself.
    fn flush(&mut self, batch: &mut SendBatch, trains: &mut Trains, failed: &mut Vec<Flow>) {
        let mut outgoing = std::mem::take(&mut self.outgoing);
        for waiting in outgoing.chunks(COUPLED_MAX) {
            if !self.send(waiting, batch, trains, failed) {
                tracing::debug!("the kernel's send queue is full");
                break;
            }
        }
        failed.append(&mut self.failed);
        outgoing.clear();
        self.outgoing = outgoing;
    }

    /// Sends these, several as one where they can; `false` when the kernel has no room for more.
    fn send(
        &mut self,
        waiting: &[Transmit],
        batch: &mut SendBatch,
        trains: &mut Trains,
        failed: &mut Vec<Flow>,
    ) -> bool {
        let Socket { socket, bound, listener, refusals_left, failed: reported, .. } = self;
        let source = |transmit: &Transmit| -> Option<IpAddr> {
            let ours = transmit.flow.local.ip();
            (bound.ip().is_unspecified() && !ours.is_unspecified()).then_some(ours)
        };
        trains.couple(waiting, *refusals_left > 0 && waiting.len() >= COUPLED_MIN, source);
        let (mut left, mut sent_again) = (0, false);
        loop {
            let next = trains.from(left);
            if next.len() == 0 {
                return true;
            }
            let next = next.map(|(remote, local, cars)| {
                let payload = |car: &u16| waiting.get(usize::from(*car)).map(|transmit| &*transmit.bytes);
                Outgoing { remote, local, payloads: cars.iter().filter_map(payload) }
            });
            match batch.send(socket.get_ref().as_raw_fd(), next) {
                Ok((sent, tried)) => {
                    sent_again = false;
                    if sent < tried {
                        // What stopped the rest was the report of an earlier datagram, most likely, and the
                        // kernel has forgotten that error now: no later call would say that one is waiting.
                        take_reports(socket, *bound, *listener, reported);
                    }
                    left += sent.max(1);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return false,
                Err(error) if is_of_the_train(&error) && trains.uncouple(left) => {
                    *refusals_left = refusals_left.saturating_sub(1);
                    tracing::debug!(%error, refusals_left, "a train of datagrams");
                }
                Err(error) => {
                    // It may be the report of an earlier datagram; then this one is still to be sent.
                    // A datagram that is too long makes a report of its own each time: once is enough there.
                    let once_more = !sent_again || is_of_the_flow(&error);
                    if once_more && take_reports(socket, *bound, *listener, reported) {
                        sent_again = true;
                        continue;
                    }
                    sent_again = false;
                    // The error belongs to the first of the batch.
                    let first = trains.from(left).next().and_then(|(_, _, cars)| cars.first());
                    if let Some(transmit) = first.and_then(|car| waiting.get(usize::from(*car))) {
                        tracing::debug!(%error, remote = %transmit.flow.remote, "sending");
                        if is_of_the_flow(&error) {
                            failed.push(transmit.flow);
                        }
                    }
                    left += 1;
                }
            }
        }
    }
}

/// Whether an error in sending may say that the kernel does not take this train, as where the way is narrower than its
/// datagrams are long, or what leaves is changed on its way (IPsec). Each by itself may go.
fn is_of_the_train(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::EMSGSIZE | libc::EINVAL | libc::EIO))
}

/// Takes what the system has to report of datagrams that did not arrive, a bounded number; whether there was
/// anything.
// rfc3261 §18.4
fn take_reports(
    socket: &AsyncFd<UdpListener>,
    bound: SocketAddr,
    listener: u16,
    failed: &mut Vec<Flow>,
) -> bool {
    let mut any = false;
    for _ in 0..REPORTS_PER_TURN_MAX {
        match batch::undelivered(socket.get_ref().as_raw_fd()) {
            Ok(Some(Undelivered { remote, local })) => {
                let local = local.filter(|_| bound.ip().is_unspecified()).unwrap_or(bound.ip());
                let local = SocketAddr::new(local, bound.port());
                failed.push(Flow { transport: Transport::Udp, listener, local, remote, connection: 0 });
            }
            Ok(None) => {}
            Err(_) => return any,
        }
        any = true;
    }
    any
}

/// Whether an error in sending says something of the way, and not of that one datagram: a message that
/// is too long for UDP must not end what else goes on with the same phone.
fn is_of_the_flow(error: &io::Error) -> bool {
    error.raw_os_error() != Some(libc::EMSGSIZE)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::listen::Listener;
    use std::net::UdpSocket;
    use std::time::Duration;

    fn open() -> UdpListener {
        match Listener::open(Transport::Udp, SocketAddr::from(([127, 0, 0, 1], 0))).expect("opens") {
            Listener::Datagrams(socket) => socket,
            Listener::Connections(_) => panic!("asked for datagrams"),
        }
    }

    #[tokio::test]
    async fn how_long_what_comes_waits_follows_from_what_waits_and_the_pace() {
        let (socket, mut datagrams) = (open(), Datagrams::new());
        let peer = UdpSocket::bind("127.0.0.1:0").expect("binds");
        let here = socket.local();
        datagrams.add(0, socket).expect("watched");
        let look = Duration::from_millis(50);
        assert_eq!(datagrams.wait(look), Duration::ZERO, "nothing waits");
        // Over loopback what is sent waits already.
        (0..10).for_each(|_| assert_eq!(peer.send_to(&[0; 1_000], here).expect("sends"), 1_000));
        let mut wait_after = |taken_octets| {
            datagrams.sockets[0].taken_octets = taken_octets;
            datagrams.wait(look)
        };
        let as_much = wait_after(10_000);
        assert!(as_much > look / 4 && as_much < look * 4, "{as_much:?}");
        assert!(wait_after(40_000) < as_much / 3, "the faster, the shorter");
        assert!(wait_after(0) > look * 10, "it stands still");
    }

    /// Sends so many messages of four calls in one turn, over a socket that was changed so; they come as they were
    /// sent, but for calls that overtake others. How many trains the kernel may refuse afterwards.
    fn arrive(count: usize, change: impl FnOnce(&UdpListener)) -> u8 {
        let socket = open();
        change(&socket);
        let peer = UdpSocket::bind("127.0.0.1:0").expect("binds");
        peer.set_read_timeout(Some(Duration::from_secs(5))).expect("is set");
        let (local, remote) = (socket.local(), peer.local_addr().expect("bound"));
        let flow = Flow { transport: Transport::Udp, listener: 0, local, remote, connection: 0 };
        let mut datagrams = Datagrams::new();
        datagrams.add(0, socket).expect("watched");
        let call = |number: usize| number % 4;
        let texts: Vec<String> = (0..count)
            .map(|number| format!("Call\r\nCall-ID: {}\r\n{}", call(number), "x".repeat(number / 7)))
            .collect();
        for text in &texts {
            datagrams.send(Transmit { flow, bytes: text.clone().into() });
        }
        let mut failed = Vec::new();
        datagrams.flush(&mut failed);
        assert_eq!(failed, []);
        let mut buffer = [0; 100];
        let mut got: Vec<String> = Vec::new();
        while got.len() < texts.len() {
            let length = peer.recv(&mut buffer).expect("one more");
            got.push(String::from_utf8_lossy(&buffer[..length]).into_owned());
        }
        for number in 0..4 {
            let of = |all: &[String]| -> Vec<String> {
                let mark = format!("Call-ID: {number}\r");
                all.iter().filter(|text| text.contains(&mark)).cloned().collect()
            };
            assert_eq!(of(&got), of(&texts), "call {number}");
        }
        datagrams.sockets[0].refusals_left
    }

    #[tokio::test]
    async fn what_leaves_together_comes_one_by_one() {
        assert_eq!(arrive(40, |_| {}), TRAINS_REFUSED_MAX);
    }

    #[tokio::test]
    async fn what_may_not_leave_together_leaves_one_by_one() {
        assert!(arrive(40, batch::refuse_trains) < TRAINS_REFUSED_MAX);
        assert!(arrive(8, batch::refuse_trains) < TRAINS_REFUSED_MAX);
    }

    #[tokio::test]
    async fn where_few_leave_each_does_by_itself() {
        assert_eq!(arrive(7, batch::refuse_trains), TRAINS_REFUSED_MAX, "none was tried");
    }
}
