//! The loopback as it is: every UDP datagram and every SIP message over TCP that crosses it, seen by a
//! packet socket of our own, so that an assertion rests on what was sent and not on what a program says
//! it sent. What TLS carries only its two ends can read: `trace` adds what phones wrote of it.
//!
//! The packet socket asks for one protocol (IPv4 or IPv6), so the kernel shows it each datagram once,
//! as it is received. It needs root or CAP_NET_RAW.

mod stream;
pub(crate) mod websocket;

use std::io::Read;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use socket2::{Domain, Protocol, SockFilter, Socket, Type};

use crate::failure::{Failure, Outcome, fail};
use crate::place;
use crate::rtp::Rtp;
use crate::sip::Sip;
pub(crate) use stream::cut;
use stream::{Segment, Streams};

/// The kernel's names of the two protocols.
const ETHERTYPE_IPV4: u16 = 0x0800;
const ETHERTYPE_IPV6: u16 = 0x86dd;
/// Room for bursts between two turns of the reading thread, in octets; the kernel may grant less.
const BUFFER_BYTES: usize = 8 << 20;

/// One datagram on the wire, or one message of a stream.
#[derive(Debug)]
pub(crate) struct Packet {
    /// When it was read here.
    pub(crate) at: Instant,
    /// From where.
    pub(crate) source: SocketAddr,
    /// To where.
    pub(crate) destination: SocketAddr,
    /// What.
    pub(crate) payload: Vec<u8>,
    /// The payload read as SIP, if it is SIP.
    pub(crate) sip: Option<Sip>,
    /// No message: the first sign of a connection from `source` to `destination`.
    pub(crate) connects: bool,
}

impl Packet {
    pub(crate) fn new(source: SocketAddr, destination: SocketAddr, payload: Vec<u8>) -> Packet {
        let sip = Sip::read(&payload);
        Packet { at: Instant::now(), source, destination, payload, sip, connects: false }
    }

    /// The payload read as audio.
    pub(crate) fn rtp(&self) -> Option<Rtp> {
        Rtp::read(&self.payload)
    }
}

/// The capture. All taps share it; it lives as long as the harness.
#[derive(Clone, Default)]
pub(crate) struct Wire(Arc<Mutex<Vec<Tap>>>);

/// The datagrams of one network, from the moment the tap was opened.
#[derive(Clone)]
pub(crate) struct Tap(Arc<Tapped>);

struct Tapped {
    network: fn(IpAddr, IpAddr) -> bool,
    base: IpAddr,
    packets: Mutex<Vec<Arc<Packet>>>,
    news: Condvar,
}

/// A place in the datagrams of a tap, to look or wait from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Mark(usize);

impl Mark {
    /// Before the first datagram.
    pub(crate) const START: Mark = Mark(0);
}

impl Wire {
    /// Starts to capture.
    pub(crate) fn open() -> Outcome<Wire> {
        let wire = Wire::default();
        for ethertype in [ETHERTYPE_IPV4, ETHERTYPE_IPV6] {
            let protocol = Protocol::from(i32::from(ethertype.to_be()));
            let mut socket = Socket::new(Domain::PACKET, Type::DGRAM, Some(protocol)).map_err(|error| {
                Failure::new(format!(
                    "the loopback cannot be watched ({error}): run as root, or with CAP_NET_RAW"
                ))
            })?;
            // Less room than asked for is still room.
            let _ = socket.set_recv_buffer_size(BUFFER_BYTES);
            if ethertype == ETHERTYPE_IPV4 {
                socket.attach_filter(&ours(place::second_octet()))?;
            }
            let wire = wire.clone();
            std::thread::spawn(move || {
                let mut streams = Streams::default();
                let mut frame = vec![0; 1 << 16];
                while let Ok(length) = socket.read(&mut frame) {
                    wire.distribute(&mut streams, frame.get(..length).unwrap_or_default());
                }
            });
        }
        Ok(wire)
    }

    /// Opens a tap on a `/24` of the loopback (`base` is any address in it): all that comes from it
    /// or goes to it.
    pub(crate) fn tap(&self, base: Ipv4Addr) -> Tap {
        self.add(base.into(), |base, address| match (base, address) {
            (IpAddr::V4(base), IpAddr::V4(address)) => base.octets().get(..3) == address.octets().get(..3),
            (IpAddr::V6(_), _) | (_, IpAddr::V6(_)) => false,
        })
    }

    /// Opens a tap on one address.
    pub(crate) fn tap_address(&self, address: IpAddr) -> Tap {
        self.add(address, |base, address| base == address)
    }

    fn add(&self, base: IpAddr, network: fn(IpAddr, IpAddr) -> bool) -> Tap {
        let tap = Tap(Arc::new(Tapped { network, base, packets: Mutex::default(), news: Condvar::new() }));
        self.taps().push(tap.clone());
        tap
    }

    fn taps(&self) -> MutexGuard<'_, Vec<Tap>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gives what a frame holds to the taps that want it; what nobody wants is not even copied.
    fn distribute(&self, streams: &mut Streams, frame: &[u8]) {
        let Some(seen) = decode(frame) else { return };
        let taps = self.taps();
        let (source, destination) = seen.ends();
        let wants = |tap: &&Tap| [source, destination].iter().any(|end| tap.covers(end.ip()));
        let mut wanting = taps.iter().filter(wants).peekable();
        if wanting.peek().is_none() {
            return;
        }
        let (payloads, connects) = match seen {
            Seen::Datagram { payload, .. } => (vec![payload.to_vec()], false),
            Seen::Segment { segment, connects } => {
                let messages = streams.take(&segment);
                (if connects { vec![Vec::new()] } else { messages }, connects)
            }
        };
        let packet = |payload| Arc::new(Packet { connects, ..Packet::new(source, destination, payload) });
        let packets: Vec<Arc<Packet>> = payloads.into_iter().map(packet).collect();
        wanting.for_each(|tap| packets.iter().for_each(|packet| tap.push(packet.clone())));
    }
}

impl Tap {
    /// Adds what was seen, here or by somebody else.
    pub(crate) fn push(&self, packet: Arc<Packet>) {
        self.lock().push(packet);
        self.0.news.notify_all();
    }

    fn covers(&self, address: IpAddr) -> bool {
        (self.0.network)(self.0.base, address)
    }

    /// The place after the last datagram seen so far.
    pub(crate) fn mark(&self) -> Mark {
        Mark(self.lock().len())
    }

    /// The datagrams since `from`.
    pub(crate) fn since(&self, from: Mark) -> Vec<Arc<Packet>> {
        self.lock().get(from.0..).unwrap_or_default().to_vec()
    }

    /// Waits for a datagram after `from` in which `wanted` finds something; gives it with the place
    /// behind it.
    pub(crate) fn wait<T>(
        &self,
        from: Mark,
        patience: Duration,
        what: &str,
        wanted: impl Fn(&Packet) -> Option<T>,
    ) -> Outcome<(T, Mark)> {
        let deadline = Instant::now() + patience;
        let mut packets = self.lock();
        let mut next = from.0;
        loop {
            for packet in packets.get(next..).unwrap_or_default() {
                next += 1;
                if let Some(found) = wanted(packet) {
                    return Ok((found, Mark(next)));
                }
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                fail!("{what}: not seen within {} s", patience.as_secs());
            }
            packets = self.0.news.wait_timeout(packets, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Waits until `done` says so of the datagrams since `from`; it is asked again at each datagram,
    /// and when `rest` has passed without one.
    pub(crate) fn wait_until<T>(
        &self,
        from: Mark,
        patience: Duration,
        rest: Duration,
        mut done: impl FnMut(&[Arc<Packet>]) -> Option<T>,
    ) -> Option<T> {
        let deadline = Instant::now() + patience;
        let mut packets = self.lock();
        loop {
            if let Some(found) = done(packets.get(from.0..).unwrap_or_default()) {
                return Some(found);
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return None;
            }
            let news = self.0.news.wait_timeout(packets, left.min(rest));
            packets = news.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Waits for a SIP message after `from` that goes from `source` to `destination` and pleases
    /// `wanted`; gives it with the place behind it.
    pub(crate) fn wait_sip(
        &self,
        from: Mark,
        patience: Duration,
        (source, destination): (SocketAddr, SocketAddr),
        what: &str,
        wanted: impl Fn(&Sip) -> bool,
    ) -> Outcome<(Sip, Mark)> {
        self.wait(from, patience, what, |packet| {
            let sip = packet.sip.as_ref()?;
            let ours = packet.source == source && packet.destination == destination && wanted(sip);
            ours.then(|| sip.clone())
        })
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Arc<Packet>>> {
        self.0.packets.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What the kernel asks of an IPv4 packet before it shows it: on the loopback network 127/8 either end
/// is 127.`second`, so that the load of a neighbour fills no buffer of ours. Elsewhere everything is shown.
fn ours(second: u8) -> [SockFilter; 8] {
    const LOAD_OCTET: u16 = 0x30;
    const JUMP_IF_EQUAL: u16 = 0x15;
    const RETURN: u16 = 0x06;
    let octet = |at| SockFilter::new(LOAD_OCTET, 0, 0, at);
    [
        octet(12),
        SockFilter::new(JUMP_IF_EQUAL, 0, 4, 127),
        octet(13),
        SockFilter::new(JUMP_IF_EQUAL, 2, 0, second.into()),
        octet(17),
        SockFilter::new(JUMP_IF_EQUAL, 0, 1, second.into()),
        SockFilter::new(RETURN, 0, 0, u32::MAX),
        SockFilter::new(RETURN, 0, 0, 0),
    ]
}

/// What a frame holds.
enum Seen<'a> {
    Datagram {
        source: SocketAddr,
        destination: SocketAddr,
        payload: &'a [u8],
    },
    /// `connects`: the first of a connection, not the answer to it.
    Segment {
        segment: Segment<'a>,
        connects: bool,
    },
}

impl Seen<'_> {
    fn ends(&self) -> (SocketAddr, SocketAddr) {
        match self {
            Seen::Datagram { source, destination, .. } => (*source, *destination),
            Seen::Segment { segment, .. } => (segment.source, segment.destination),
        }
    }
}

const UDP: u8 = 17;
const TCP: u8 = 6;

/// Reads an IP packet; `None` unless it is a whole UDP datagram or TCP segment.
fn decode(packet: &[u8]) -> Option<Seen<'_>> {
    let (protocol, source, destination, rest): (u8, IpAddr, IpAddr, &[u8]) = match packet.first()? >> 4 {
        4 => {
            let header_bytes = usize::from(packet.first()? & 0x0f) * 4;
            if u16::from_be_bytes(array(packet, 6)?) & 0x3fff != 0 {
                return None; // a fragment
            }
            let total = usize::from(u16::from_be_bytes(array(packet, 2)?));
            let address = |at| Some(Ipv4Addr::from(array::<4>(packet, at)?));
            (*packet.get(9)?, address(12)?.into(), address(16)?.into(), packet.get(header_bytes..total)?)
        }
        6 => {
            let total = 40 + usize::from(u16::from_be_bytes(array(packet, 4)?));
            let address = |at| Some(Ipv6Addr::from(array::<16>(packet, at)?));
            (*packet.get(6)?, address(8)?.into(), address(24)?.into(), packet.get(40..total)?)
        }
        _ => return None,
    };
    let [from, to] = [0, 2].map(|at| array(rest, at).map(u16::from_be_bytes));
    let (source, destination) = (SocketAddr::new(source, from?), SocketAddr::new(destination, to?));
    match protocol {
        UDP => {
            let length = usize::from(u16::from_be_bytes(array(rest, 4)?));
            Some(Seen::Datagram { source, destination, payload: rest.get(8..length)? })
        }
        TCP => {
            let header_bytes = usize::from(rest.get(12)? >> 4) * 4;
            let flags = rest.get(13)?;
            let (opens, answers) = (flags & 0x02 != 0, flags & 0x10 != 0);
            let sequence = u32::from_be_bytes(array(rest, 4)?);
            let payload = rest.get(header_bytes..)?;
            let segment = Segment { source, destination, sequence, opens, payload };
            Some(Seen::Segment { segment, connects: opens && !answers })
        }
        _ => None,
    }
}

fn array<const N: usize>(octets: &[u8], at: usize) -> Option<[u8; N]> {
    octets.get(at..at + N)?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_datagram_is_read_with_its_ends() {
        let mut packet = vec![0x45, 0, 0, 31, 0, 0, 0x40, 0, 64, 17, 0, 0, 127, 0, 1, 2, 127, 0, 1, 3];
        packet.extend([0x13, 0xce, 0x13, 0xc4, 0, 11, 0, 0]);
        packet.extend(b"abc and what the link padded");
        let Some(Seen::Datagram { source, destination, payload }) = decode(&packet) else {
            panic!("no datagram");
        };
        assert_eq!(source, "127.0.1.2:5070".parse().expect("an address"));
        assert_eq!(destination, "127.0.1.3:5060".parse().expect("an address"));
        assert_eq!(payload, b"abc");
    }

    #[test]
    fn a_segment_is_read_behind_its_options() {
        let mut packet = vec![0x45, 0, 0, 47, 0, 0, 0x40, 0, 64, 6, 0, 0, 127, 0, 1, 2, 127, 0, 1, 3];
        packet.extend([0x13, 0xce, 0x13, 0xc4, 0, 0, 0, 9, 0, 0, 0, 0, 0x60, 0x18, 0, 0, 0, 0, 0, 0]);
        packet.extend([1, 1, 1, 1]);
        packet.extend(b"abc and what the link padded");
        let Some(Seen::Segment { segment, connects }) = decode(&packet) else { panic!("no segment") };
        assert_eq!((segment.sequence, segment.opens, connects), (9, false, false));
        assert_eq!(segment.payload, b"abc");
        packet[33] = 0x02;
        assert!(matches!(decode(&packet), Some(Seen::Segment { connects: true, .. })));
        packet[33] = 0x12;
        assert!(matches!(decode(&packet), Some(Seen::Segment { connects: false, .. })));
    }

    #[test]
    fn what_is_neither_or_not_whole_is_passed_over() {
        assert!(decode(&[]).is_none());
        let mut icmp = vec![0x45, 0, 0, 20, 0, 0, 0, 0, 64, 1, 0, 0, 127, 0, 0, 1, 127, 0, 0, 1];
        assert!(decode(&icmp).is_none());
        icmp[9] = 17;
        icmp[6] = 0x20; // more fragments
        icmp.extend([0; 16]);
        assert!(decode(&icmp).is_none());
    }
}
