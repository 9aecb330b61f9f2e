//! The UDP sockets of one worker: draining them, and sending what is queued for them.
//!
//! A turn takes a bounded number of datagrams from each socket, so that no socket starves a timer.
//! The system calls are in `batch`; connections are in [`crate::connections`].

use std::collections::VecDeque;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::AsRawFd;
use std::task::{Context, Poll};

use bytes::Bytes;
use ruf_message::{Flow, Tick, Transmit, Transport};
use tokio::io::unix::AsyncFd;

use crate::batch::{self, BATCH_MAX, Outgoing, ReceiveBatch, SendBatch, Undelivered};
use crate::clock::Clock;
use crate::listen::UdpListener;
use crate::stun;
use crate::worker::Node;

/// Batches taken from one socket in one turn.
const BATCHES_PER_TURN_MAX: usize = 4;

/// Reports of undelivered datagrams taken at once.
const REPORTS_PER_TURN_MAX: usize = 64;

/// One UDP socket, and what is to leave by it.
struct Socket {
    socket: AsyncFd<UdpListener>,
    bound: SocketAddr,
    listener: u16,
    outgoing: VecDeque<Transmit>,
    /// Flows that lead nowhere, to be told with the next [`Datagrams::flush`].
    failed: Vec<Flow>,
}

/// The UDP sockets of one worker.
pub(crate) struct Datagrams {
    sockets: Vec<Socket>,
    incoming: ReceiveBatch,
    leaving: SendBatch,
}

impl Datagrams {
    pub(crate) fn new() -> Datagrams {
        Datagrams { sockets: Vec::new(), incoming: ReceiveBatch::new(), leaving: SendBatch::new() }
    }

    /// Puts a socket under the runtime's watch, as the listener of this number.
    pub(crate) fn add(&mut self, listener: u16, socket: UdpListener) -> io::Result<()> {
        let bound = socket.local();
        let socket = batch::watch(socket)?;
        self.sockets.push(Socket { socket, bound, listener, outgoing: VecDeque::new(), failed: Vec::new() });
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

    /// What waits to be read from a socket fills half of its room or more: soon datagrams will be lost.
    pub(crate) fn are_behind(&self) -> bool {
        self.sockets.iter().any(|socket| {
            batch::waiting(socket.socket.get_ref().as_raw_fd())
                .is_ok_and(|(held, room)| held >= room / 2 && room > 0)
        })
    }

    /// Queues a datagram. It leaves with [`Datagrams::flush`].
    pub(crate) fn send(&mut self, transmit: Transmit) {
        match self.sockets.iter_mut().find(|socket| socket.listener == transmit.flow.listener) {
            Some(socket) => socket.outgoing.push_back(transmit),
            None => tracing::warn!(flow = ?transmit.flow, "no such listener; not sent"),
        }
    }

    /// Sends what is queued; the flows that lead nowhere are added to `failed`.
    pub(crate) fn flush(&mut self, failed: &mut Vec<Flow>) {
        for socket in &mut self.sockets {
            socket.flush(&mut self.leaving, failed);
        }
    }
}

impl Socket {
    fn poll_receive<N: Node>(
        &mut self,
        cx: &mut Context<'_>,
        mut now: Tick,
        clock: Clock,
        batch: &mut ReceiveBatch,
        node: &mut N,
    ) -> Poll<()> {
        let Socket { socket, bound, listener, outgoing, failed } = self;
        let mut any = false;
        for _ in 0..BATCHES_PER_TURN_MAX {
            let mut guard = match socket.poll_read_ready(cx) {
                Poll::Ready(Ok(guard)) => guard,
                Poll::Ready(Err(_)) | Poll::Pending => break,
            };
            let count = batch.receive(socket.get_ref(), |datagram| {
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
    fn flush(&mut self, batch: &mut SendBatch, failed: &mut Vec<Flow>) {
        let Socket { socket, bound, listener, outgoing, failed: reported } = self;
        let source = |flow: &Flow| -> Option<IpAddr> {
            bound.ip().is_unspecified().then(|| flow.local.ip()).filter(|ip| !ip.is_unspecified())
        };
        let mut sent_again = false;
        while !outgoing.is_empty() {
            let datagrams = outgoing.iter().map(|transmit| Outgoing {
                remote: transmit.flow.remote,
                local: source(&transmit.flow),
                payload: &transmit.bytes,
            });
            match batch.send(socket.get_ref().as_raw_fd(), datagrams) {
                Ok(sent) => {
                    sent_again = false;
                    if sent < outgoing.len().min(BATCH_MAX) {
                        // What stopped the rest was the report of an earlier datagram, most likely, and the
                        // kernel has forgotten that error now: no later call would say that one is waiting.
                        take_reports(socket, *bound, *listener, reported);
                    }
                    outgoing.drain(..sent.max(1).min(outgoing.len()));
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    tracing::debug!(dropped = outgoing.len(), "the kernel's send queue is full");
                    outgoing.clear();
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
                    if let Some(transmit) = outgoing.pop_front() {
                        tracing::debug!(%error, remote = %transmit.flow.remote, "sending");
                        if is_of_the_flow(&error) {
                            failed.push(transmit.flow);
                        }
                    }
                }
            }
        }
        failed.append(reported);
    }
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
