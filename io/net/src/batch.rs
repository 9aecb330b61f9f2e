//! Many datagrams per system call: `recvmmsg` and `sendmmsg` with the local address of each datagram, and trains
//! of them that the kernel cuts (`UDP_SEGMENT`) or has coupled (`UDP_GRO`).
//!
//! The only unsafe code of the house, kept to what the kernel's interface demands: arrays of
//! `mmsghdr` whose pointers lead into buffers that the same struct owns, and control messages
//! (`IP_PKTINFO`, `IPV6_PKTINFO`) that say which of our addresses a datagram came to or leaves from, or
//! (`IP_RECVERR`, `IPV6_RECVERR`) that one did not arrive, or (`SO_TIMESTAMPNS`) when it came. Nothing is parsed here.

use std::io;
use std::mem;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::time::{Duration, SystemTime};

use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

use crate::listen::UdpListener;
use crate::trains::CARS_MAX;

/// Datagrams per system call, at most; of those that leave, trains.
pub(crate) const BATCH_MAX: usize = 32;
/// The largest UDP payload.
const DATAGRAM_BYTES_MAX: usize = 65_535;
/// From the payload of one slot to that of the next: an odd number of cache lines beyond 64 KiB. Were it 64 KiB, the
/// first octets of all, which is what most datagrams have, would want the same few places of a cache.
const SLOT_BYTES: usize = 65_536 + 17 * 64;
/// Room for the control messages of one datagram or train, in units of their alignment.
const CONTROL_WORDS: usize = 12;
/// Datagrams that leave by one system call, at most.
const LEAVING_MAX: usize = 128;

/// Room for what a report of an undelivered datagram says: the error with the address of who reported it,
/// and our own address.
const ERROR_CONTROL_WORDS: usize = 32;

/// Room for the largest address, aligned as the kernel wants it.
type Address = libc::sockaddr_storage;
type Control = [u64; CONTROL_WORDS];
type ErrorControl = [u64; ERROR_CONTROL_WORDS];

/// One received datagram, borrowed from the batch.
pub(crate) struct Received<'a> {
    /// Who sent it.
    pub(crate) remote: SocketAddr,
    /// Which of our addresses it came to, where the kernel said so.
    pub(crate) local: Option<IpAddr>,
    /// When it came to this machine, by the clock on the wall, where the kernel was asked ([`report_arrival`]).
    pub(crate) came: Option<SystemTime>,
    /// Its payload.
    pub(crate) payload: &'a [u8],
}

/// Asks the kernel to say of each datagram which of our addresses it came to.
pub(crate) fn report_local_address(socket: &impl AsRawFd, v4: bool) -> io::Result<()> {
    if v4 {
        switch_on(socket, libc::IPPROTO_IP, libc::IP_PKTINFO)
    } else {
        switch_on(socket, libc::IPPROTO_IPV6, libc::IPV6_RECVPKTINFO)
    }
}

/// Asks the kernel to bring datagrams that came as a train in one piece; one that does not know the word does not.
pub(crate) fn take_trains(socket: &impl AsRawFd) {
    if let Err(error) = switch_on(socket, libc::SOL_UDP, libc::UDP_GRO) {
        tracing::debug!(%error, "trains of datagrams");
    }
}

/// Asks the kernel to say of each datagram when it came.
pub(crate) fn report_arrival(socket: &impl AsRawFd) -> io::Result<()> {
    switch_on(socket, libc::SOL_SOCKET, libc::SO_TIMESTAMPNS)
}

/// Asks the kernel to keep what ICMP says of our datagrams, and to call the socket readable then.
pub(crate) fn report_errors(socket: &impl AsRawFd, v4: bool) -> io::Result<()> {
    if v4 {
        switch_on(socket, libc::IPPROTO_IP, libc::IP_RECVERR)?;
    } else {
        switch_on(socket, libc::IPPROTO_IPV6, libc::IPV6_RECVERR)?;
    }
    switch_on(socket, libc::SOL_SOCKET, libc::SO_SELECT_ERR_QUEUE)
}

/// The octets that wait to be read from a socket, as the kernel counts them, and those it has room for.
pub(crate) fn waiting(socket: RawFd) -> io::Result<(u32, u32)> {
    const HELD: usize = libc::SK_MEMINFO_RMEM_ALLOC as usize;
    const ROOM: usize = libc::SK_MEMINFO_RCVBUF as usize;
    let mut figures = [0_u32; libc::SK_MEMINFO_DROPS as usize + 1];
    let mut length = mem::size_of_val(&figures) as libc::socklen_t;
    // SAFETY: an open socket, and an array of the length given, of which the kernel fills no more.
    let done = unsafe {
        libc::getsockopt(
            socket,
            libc::SOL_SOCKET,
            libc::SO_MEMINFO,
            figures.as_mut_ptr().cast(),
            &raw mut length,
        )
    };
    // Both places are constants below the array's length.
    if done == 0 { Ok((figures[HELD], figures[ROOM])) } else { Err(io::Error::last_os_error()) }
}

fn switch_on(socket: &impl AsRawFd, level: libc::c_int, option: libc::c_int) -> io::Result<()> {
    let on: libc::c_int = 1;
    // SAFETY: an open socket, and an option whose value is one int, of the size given.
    let done = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            level,
            option,
            std::ptr::from_ref(&on).cast(),
            mem::size_of::<libc::c_int>() as libc::socklen_t,
        )
    };
    if done == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Puts a listener under the runtime's watch for what it can read, errors included.
pub(crate) fn watch(listener: UdpListener) -> io::Result<AsyncFd<UdpListener>> {
    // SAFETY: a UdpListener owns its socket, always names the same one, and has no way to close it
    // before it is dropped with the AsyncFd that owns it.
    Ok(unsafe { AsyncFd::register_with_interest(listener, Interest::READABLE | Interest::PRIORITY) }?)
}

/// Puts a timer under the runtime's watch.
pub(crate) fn watch_timer(timer: OwnedFd) -> io::Result<AsyncFd<OwnedFd>> {
    // SAFETY: an OwnedFd owns its descriptor, always names the same one, and closes it only when it is
    // dropped, with the AsyncFd that owns it.
    Ok(unsafe { AsyncFd::register_with_interest(timer, Interest::READABLE) }?)
}

/// Buffers for one `recvmmsg`.
pub(crate) struct ReceiveBatch {
    payloads: Vec<u8>,
    addresses: Vec<Address>,
    controls: Vec<Control>,
    vectors: Vec<libc::iovec>,
    headers: Vec<libc::mmsghdr>,
}

// SAFETY: the raw pointers in `vectors` and `headers` lead into the Vecs of the same struct, which
// are never resized, and are used only inside `receive`, which has `&mut self`.
unsafe impl Send for ReceiveBatch {}

impl ReceiveBatch {
    pub(crate) fn new() -> ReceiveBatch {
        // SAFETY: all-zero bytes are a valid value of each of these C structs.
        let (address, vector, header) = unsafe {
            (mem::zeroed::<Address>(), mem::zeroed::<libc::iovec>(), mem::zeroed::<libc::mmsghdr>())
        };
        let mut batch = ReceiveBatch {
            payloads: vec![0; BATCH_MAX * SLOT_BYTES],
            addresses: vec![address; BATCH_MAX],
            controls: vec![[0; CONTROL_WORDS]; BATCH_MAX],
            vectors: vec![vector; BATCH_MAX],
            headers: vec![header; BATCH_MAX],
        };
        batch.lend(BATCH_MAX);
        batch
    }

    /// Lends the first `slots` to the kernel (again: it writes over the lengths of those that it fills).
    fn lend(&mut self, slots: usize) {
        let payloads = self.payloads.as_mut_ptr();
        for slot in 0..slots.min(BATCH_MAX) {
            // SAFETY: `slot` is below BATCH_MAX, the length of every Vec here, and the payload of a
            // slot is within the slot's own SLOT_BYTES octets of `payloads`.
            unsafe {
                let vector = self.vectors.as_mut_ptr().add(slot);
                (*vector).iov_base = payloads.add(slot * SLOT_BYTES).cast();
                (*vector).iov_len = DATAGRAM_BYTES_MAX;
                let header = &mut (*self.headers.as_mut_ptr().add(slot)).msg_hdr;
                header.msg_name = self.addresses.as_mut_ptr().add(slot).cast();
                header.msg_namelen = mem::size_of::<Address>() as libc::socklen_t;
                header.msg_iov = vector;
                header.msg_iovlen = 1;
                header.msg_control = self.controls.as_mut_ptr().add(slot).cast();
                header.msg_controllen = mem::size_of::<Control>();
                header.msg_flags = 0;
            }
        }
    }

    /// Takes what the socket has, without waiting, at most [`BATCH_MAX`] datagrams or trains; each datagram goes to
    /// `each`. Returns how many of those there were. `WouldBlock` is an error like any other.
    pub(crate) fn receive(
        &mut self,
        socket: &impl AsRawFd,
        mut each: impl FnMut(Received<'_>),
    ) -> io::Result<usize> {
        // SAFETY: `headers` holds BATCH_MAX headers, all lent.
        let count = unsafe {
            libc::recvmmsg(
                socket.as_raw_fd(),
                self.headers.as_mut_ptr(),
                BATCH_MAX as libc::c_uint,
                libc::MSG_DONTWAIT,
                std::ptr::null_mut(),
            )
        };
        let Ok(count) = usize::try_from(count) else {
            return Err(io::Error::last_os_error());
        };
        for (slot, header) in self.headers.iter().take(count).enumerate() {
            let length = (header.msg_len as usize).min(DATAGRAM_BYTES_MAX);
            let start = slot * SLOT_BYTES;
            let (Some(address), Some(payload)) =
                (self.addresses.get(slot), self.payloads.get(start..start + length))
            else {
                continue;
            };
            let Some(remote) = decode_address(address) else {
                continue;
            };
            let Told { local, came, car_bytes } = told(&header.msg_hdr);
            let (first, others) = payload.split_at(car_bytes.unwrap_or(length).min(length));
            each(Received { remote, local, came, payload: first });
            for payload in others.chunks(car_bytes.unwrap_or(DATAGRAM_BYTES_MAX)) {
                each(Received { remote, local, came, payload });
            }
        }
        self.lend(count);
        Ok(count)
    }
}

/// A datagram of ours that did not arrive.
pub(crate) struct Undelivered {
    /// To whom it was sent.
    pub(crate) remote: SocketAddr,
    /// From which of our addresses, where the kernel said so.
    pub(crate) local: Option<IpAddr>,
}

/// Takes one report of the kernel's, without waiting: `Ok(None)` for one that says nothing of the way.
/// `WouldBlock` is an error like any other: there is no report left.
// rfc3261 §18.4: unreachable counts; what says that a datagram was too long or lived too long does not
pub(crate) fn undelivered(socket: RawFd) -> io::Result<Option<Undelivered>> {
    // SAFETY: all-zero bytes are a valid value of each of these C structs.
    let (mut address, mut header) = unsafe { (mem::zeroed::<Address>(), mem::zeroed::<libc::msghdr>()) };
    let mut control: ErrorControl = [0; ERROR_CONTROL_WORDS];
    header.msg_name = std::ptr::from_mut(&mut address).cast();
    header.msg_namelen = mem::size_of::<Address>() as libc::socklen_t;
    header.msg_control = control.as_mut_ptr().cast();
    header.msg_controllen = mem::size_of::<ErrorControl>();
    // SAFETY: the header leads to an address and a control buffer of the sizes given, and to no payload.
    let got = unsafe { libc::recvmsg(socket, &raw mut header, libc::MSG_ERRQUEUE | libc::MSG_DONTWAIT) };
    if got < 0 {
        return Err(io::Error::last_os_error());
    }
    let (Some(remote), true) = (decode_address(&address), is_unreachable(&header)) else { return Ok(None) };
    Ok(Some(Undelivered { remote, local: told(&header).local }))
}

/// Whether a report is ICMP's word that nobody is there.
fn is_unreachable(header: &libc::msghdr) -> bool {
    const ICMP_UNREACHABLE: u8 = 3;
    const ICMP_TOO_LONG: u8 = 4;
    const ICMPV6_UNREACHABLE: u8 = 1;
    // SAFETY: `header` was filled in by recvmsg: msg_control and msg_controllen describe the control
    // messages in the caller's buffer, and CMSG_NXTHDR stays within them.
    unsafe {
        let mut message = libc::CMSG_FIRSTHDR(header);
        while !message.is_null() {
            let kind = ((*message).cmsg_level, (*message).cmsg_type);
            if matches!(kind, (libc::IPPROTO_IP, libc::IP_RECVERR) | (libc::IPPROTO_IPV6, libc::IPV6_RECVERR))
            {
                let report: libc::sock_extended_err =
                    std::ptr::read_unaligned(libc::CMSG_DATA(message).cast());
                return match report.ee_origin {
                    libc::SO_EE_ORIGIN_ICMP => {
                        report.ee_type == ICMP_UNREACHABLE && report.ee_code != ICMP_TOO_LONG
                    }
                    libc::SO_EE_ORIGIN_ICMP6 => report.ee_type == ICMPV6_UNREACHABLE,
                    _ => false,
                };
            }
            message = libc::CMSG_NXTHDR(header, message);
        }
    }
    false
}

/// Datagrams of one length to one place, of which the last may be shorter. One can be alone.
pub(crate) struct Outgoing<P> {
    /// To whom.
    pub(crate) remote: SocketAddr,
    /// From which of our addresses; `None` where the socket is bound to it already.
    pub(crate) local: Option<IpAddr>,
    /// The payload of each.
    pub(crate) payloads: P,
}

/// Buffers for one `sendmmsg`. They are written only as far as there are datagrams: most turns have one or two.
pub(crate) struct SendBatch {
    addresses: Vec<Address>,
    controls: Vec<Control>,
    vectors: Vec<libc::iovec>,
    headers: Vec<libc::mmsghdr>,
}

// SAFETY: the raw pointers in `vectors` and `headers` are used only inside `send`, which has `&mut self` and sets
// those that it uses.
unsafe impl Send for SendBatch {}

impl SendBatch {
    pub(crate) fn new() -> SendBatch {
        // SAFETY: all-zero bytes are a valid value of each of these C structs.
        let (address, vector, header) = unsafe {
            (mem::zeroed::<Address>(), mem::zeroed::<libc::iovec>(), mem::zeroed::<libc::mmsghdr>())
        };
        SendBatch {
            addresses: vec![address; BATCH_MAX],
            controls: vec![[0; CONTROL_WORDS]; BATCH_MAX],
            vectors: vec![vector; LEAVING_MAX],
            headers: vec![header; BATCH_MAX],
        }
    }

    /// Sends without waiting, in one system call, as many as there is room for: at most [`BATCH_MAX`] trains of at
    /// most [`LEAVING_MAX`] datagrams. Returns how many trains left, and of how many tried; an error belongs to the
    /// first that did not leave.
    pub(crate) fn send<'a, P: Iterator<Item = &'a [u8]>>(
        &mut self,
        socket: RawFd,
        trains: impl IntoIterator<Item = Outgoing<P>>,
    ) -> io::Result<(usize, usize)> {
        let SendBatch { addresses, controls, vectors, headers } = self;
        let slots = addresses.iter_mut().zip(&mut *headers).zip(controls);
        let mut room = vectors.as_mut_slice();
        let mut count = 0;
        for (((address, header), control), train) in slots.zip(trains) {
            let mut cars = 0;
            for (vector, payload) in room.iter_mut().zip(train.payloads) {
                vector.iov_base = payload.as_ptr().cast_mut().cast();
                vector.iov_len = payload.len();
                cars += 1;
            }
            let (used, rest) = room.split_at_mut(cars);
            room = rest;
            let header = &mut header.msg_hdr;
            header.msg_namelen = encode_address(train.remote, address);
            header.msg_name = std::ptr::from_mut(address).cast();
            header.msg_iov = used.as_mut_ptr();
            header.msg_iovlen = cars;
            (header.msg_control, header.msg_controllen) = (control.as_mut_ptr().cast(), 0);
            if let Some(local) = train.local {
                set_source(header, local);
            }
            if let [first, _, ..] = used {
                set_car_bytes(header, first.iov_len);
            }
            count += 1;
            // The next may be a whole train.
            if room.len() < CARS_MAX {
                break;
            }
        }
        // SAFETY: the first `count` headers point into arrays and payloads that outlive the call;
        // sendmmsg does not write to the payloads.
        let sent = unsafe {
            libc::sendmmsg(socket, headers.as_mut_ptr(), count, libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL)
        };
        let sent = usize::try_from(sent).map_err(|_| io::Error::last_os_error())?;
        Ok((sent, count as usize))
    }
}

/// Whether the kernel cuts trains: one that does not know the word would send them as they are.
pub(crate) fn cuts_trains(socket: &impl AsRawFd) -> bool {
    let mut car_bytes: libc::c_int = 0;
    let mut length = mem::size_of::<libc::c_int>() as libc::socklen_t;
    // SAFETY: an open socket, and room for the one int that the option has.
    let done = unsafe {
        libc::getsockopt(
            socket.as_raw_fd(),
            libc::SOL_UDP,
            libc::UDP_SEGMENT,
            (&raw mut car_bytes).cast(),
            &raw mut length,
        )
    };
    done == 0
}

/// Adds the control message that names the source address.
fn set_source(header: &mut libc::msghdr, local: IpAddr) {
    match local {
        IpAddr::V4(address) => {
            // SAFETY: all-zero bytes are a valid in_pktinfo.
            let mut info: libc::in_pktinfo = unsafe { mem::zeroed() };
            info.ipi_spec_dst.s_addr = u32::from_ne_bytes(address.octets());
            add_control(header, libc::IPPROTO_IP, libc::IP_PKTINFO, info);
        }
        IpAddr::V6(address) => {
            // SAFETY: all-zero bytes are a valid in6_pktinfo.
            let mut info: libc::in6_pktinfo = unsafe { mem::zeroed() };
            info.ipi6_addr.s6_addr = address.octets();
            add_control(header, libc::IPPROTO_IPV6, libc::IPV6_PKTINFO, info);
        }
    }
}

/// Adds the control message that has the kernel cut a train into datagrams of this length.
fn set_car_bytes(header: &mut libc::msghdr, car_bytes: usize) {
    let car_bytes = u16::try_from(car_bytes).unwrap_or(u16::MAX);
    add_control(header, libc::SOL_UDP, libc::UDP_SEGMENT, car_bytes);
}

/// Adds one control message behind those that `header` has, in the buffer of CONTROL_WORDS words that it leads to.
fn add_control<T: Copy>(header: &mut libc::msghdr, level: libc::c_int, kind: libc::c_int, value: T) {
    // SAFETY: msg_control leads to CONTROL_WORDS words, which have room for one control message of a source address
    // and one of a length (checked by the constant assertion below), and no more are added; each takes whole words,
    // so every one is aligned for cmsghdr.
    unsafe {
        let message: *mut libc::cmsghdr = header.msg_control.cast::<u8>().add(header.msg_controllen).cast();
        (*message).cmsg_level = level;
        (*message).cmsg_type = kind;
        (*message).cmsg_len = libc::CMSG_LEN(mem::size_of::<T>() as u32) as _;
        std::ptr::write_unaligned(libc::CMSG_DATA(message).cast(), value);
        header.msg_controllen += libc::CMSG_SPACE(mem::size_of::<T>() as u32) as usize;
    }
}

const _: () = assert!(SLOT_BYTES >= DATAGRAM_BYTES_MAX);

// A control message is a header of 16 octets and what it says, rounded up to words: at most 20 octets of in6_pktinfo,
// 2 of a length, or 4 when it is the kernel's, and 16 of a time.
const _: () = assert!(mem::size_of::<Control>() >= (16 + 24) + (16 + 8) + (16 + 16));

/// What the control messages of a datagram or a train say.
#[derive(Default)]
struct Told {
    /// The address it came to.
    local: Option<IpAddr>,
    /// When it came.
    came: Option<SystemTime>,
    /// The length of all but the last datagram of a train.
    car_bytes: Option<usize>,
}

fn told(header: &libc::msghdr) -> Told {
    let mut told = Told::default();
    // SAFETY: `header` was filled in by recvmmsg or recvmsg: msg_control and msg_controllen describe the control
    // messages in the caller's own buffer, and CMSG_NXTHDR stays within them.
    unsafe {
        let mut message = libc::CMSG_FIRSTHDR(header);
        while !message.is_null() {
            match ((*message).cmsg_level, (*message).cmsg_type) {
                (libc::IPPROTO_IP, libc::IP_PKTINFO) => {
                    let info: libc::in_pktinfo = std::ptr::read_unaligned(libc::CMSG_DATA(message).cast());
                    told.local = Some(Ipv4Addr::from(info.ipi_addr.s_addr.to_ne_bytes()).into());
                }
                (libc::IPPROTO_IPV6, libc::IPV6_PKTINFO) => {
                    let info: libc::in6_pktinfo = std::ptr::read_unaligned(libc::CMSG_DATA(message).cast());
                    told.local = Some(Ipv6Addr::from(info.ipi6_addr.s6_addr).into());
                }
                (libc::SOL_UDP, libc::UDP_GRO) => {
                    let bytes: libc::c_int = std::ptr::read_unaligned(libc::CMSG_DATA(message).cast());
                    told.car_bytes = usize::try_from(bytes).ok().filter(|bytes| *bytes > 0);
                }
                (libc::SOL_SOCKET, libc::SCM_TIMESTAMPNS) => {
                    let came: libc::timespec = std::ptr::read_unaligned(libc::CMSG_DATA(message).cast());
                    let (secs, nanos) = (came.tv_sec.try_into(), came.tv_nsec.try_into());
                    let since_epoch = Duration::new(secs.unwrap_or_default(), nanos.unwrap_or_default());
                    told.came = SystemTime::UNIX_EPOCH.checked_add(since_epoch);
                }
                _ => {}
            }
            message = libc::CMSG_NXTHDR(header, message);
        }
    }
    told
}

fn decode_address(address: &Address) -> Option<SocketAddr> {
    match i32::from(address.ss_family) {
        libc::AF_INET => {
            // SAFETY: the family says that the storage holds a sockaddr_in, which fits into it.
            let v4: libc::sockaddr_in = unsafe { std::ptr::read(std::ptr::from_ref(address).cast()) };
            let ip = Ipv4Addr::from(v4.sin_addr.s_addr.to_ne_bytes());
            Some(SocketAddrV4::new(ip, u16::from_be(v4.sin_port)).into())
        }
        libc::AF_INET6 => {
            // SAFETY: the family says that the storage holds a sockaddr_in6, which fits into it.
            let v6: libc::sockaddr_in6 = unsafe { std::ptr::read(std::ptr::from_ref(address).cast()) };
            let ip = Ipv6Addr::from(v6.sin6_addr.s6_addr);
            Some(SocketAddrV6::new(ip, u16::from_be(v6.sin6_port), 0, v6.sin6_scope_id).into())
        }
        _ => None,
    }
}

fn encode_address(address: SocketAddr, storage: &mut Address) -> libc::socklen_t {
    match address {
        SocketAddr::V4(v4) => {
            // SAFETY: all-zero bytes are a valid sockaddr_in, and one fits into the storage.
            unsafe {
                let mut raw: libc::sockaddr_in = mem::zeroed();
                raw.sin_family = libc::AF_INET as libc::sa_family_t;
                raw.sin_port = v4.port().to_be();
                raw.sin_addr.s_addr = u32::from_ne_bytes(v4.ip().octets());
                std::ptr::write(std::ptr::from_mut(storage).cast(), raw);
            }
            mem::size_of::<libc::sockaddr_in>() as libc::socklen_t
        }
        SocketAddr::V6(v6) => {
            // SAFETY: all-zero bytes are a valid sockaddr_in6, and one fits into the storage.
            unsafe {
                let mut raw: libc::sockaddr_in6 = mem::zeroed();
                raw.sin6_family = libc::AF_INET6 as libc::sa_family_t;
                raw.sin6_port = v6.port().to_be();
                raw.sin6_addr.s6_addr = v6.ip().octets();
                raw.sin6_scope_id = v6.scope_id();
                std::ptr::write(std::ptr::from_mut(storage).cast(), raw);
            }
            mem::size_of::<libc::sockaddr_in6>() as libc::socklen_t
        }
    }
}

/// Has the kernel take no trains from this socket: it leaves checksums out, without which none is cut.
#[cfg(test)]
pub(crate) fn refuse_trains(socket: &impl AsRawFd) {
    switch_on(socket, libc::SOL_SOCKET, libc::SO_NO_CHECK).expect("is set");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::listen::Listener;
    use ruf_message::Transport;
    use std::iter;

    fn open(address: &str) -> UdpListener {
        match Listener::open(Transport::Udp, address.parse().expect("an address")).expect("opens") {
            Listener::Datagrams(listener) => listener,
            Listener::Connections(_) => panic!("asked for datagrams"),
        }
    }

    fn pair(address: &str) -> (UdpListener, UdpListener) {
        (open(address), open(address))
    }

    /// Waits until the socket can be read, with a deadline of the test's own.
    fn wait_readable(socket: RawFd) {
        let mut poll = libc::pollfd { fd: socket, events: libc::POLLIN, revents: 0 };
        // SAFETY: one valid pollfd.
        assert_eq!(unsafe { libc::poll(&mut poll, 1, 5_000) }, 1, "nothing came within 5 s");
    }

    fn alone(remote: SocketAddr, local: Option<IpAddr>, payload: &[u8]) -> Outgoing<iter::Once<&[u8]>> {
        Outgoing { remote, local, payloads: iter::once(payload) }
    }

    #[test]
    fn what_waits_at_a_socket_is_told_beside_its_room() {
        let (a, b) = pair("127.0.0.1:0");
        let waits = || waiting(b.as_raw_fd()).expect("told");
        let (nothing, room) = waits();
        assert!(nothing == 0 && room > 0);
        let payload = [0; 1_000];
        let datagram = [alone(b.local(), None, &payload)];
        assert_eq!(SendBatch::new().send(a.as_raw_fd(), datagram).expect("sends"), (1, 1));
        wait_readable(b.as_raw_fd());
        assert!(waits().0 >= 1_000 && waits().1 == room);
    }

    fn crosses(address: &str, from: Option<&str>) {
        let (a, b) = pair(address);
        let to = match b.local().ip() {
            ip if ip.is_unspecified() && ip.is_ipv4() => {
                SocketAddr::new(Ipv4Addr::LOCALHOST.into(), b.local().port())
            }
            ip if ip.is_unspecified() => SocketAddr::new(Ipv6Addr::LOCALHOST.into(), b.local().port()),
            ip => SocketAddr::new(ip, b.local().port()),
        };
        let payloads: Vec<Vec<u8>> = (0..40u8).map(|n| vec![n; usize::from(n) * 100]).collect();
        let local = from.map(|ip| ip.parse().expect("an address"));
        let datagrams: Vec<&[u8]> = payloads.iter().map(Vec::as_slice).collect();
        let mut outgoing = SendBatch::new();
        let (first, last) = datagrams.split_at(BATCH_MAX);
        for part in [first, last] {
            let each = part.iter().map(|payload| alone(to, local, payload));
            let all = (part.len(), part.len());
            assert_eq!(outgoing.send(a.as_raw_fd(), each).expect("sends"), all);
        }
        arrive(&b, to, local, &datagrams);
        // The same as trains, of those of one length with a shorter one behind: cut on the way, and brought whole.
        assert!(cuts_trains(&a));
        crosses_as_trains(&mut outgoing, &a, &b, to, local);
        take_trains(&b);
        crosses_as_trains(&mut outgoing, &a, &b, to, local);
        // And of each is said when it came, beside all else that is said.
        report_arrival(&b).expect("is told");
        let start = SystemTime::now();
        let came = crosses_as_trains(&mut outgoing, &a, &b, to, local);
        let end = SystemTime::now();
        assert!(came.iter().all(|came| came.is_some_and(|came| start <= came && came <= end)), "{came:?}");
    }

    fn crosses_as_trains(
        outgoing: &mut SendBatch,
        a: &UdpListener,
        b: &UdpListener,
        to: SocketAddr,
        local: Option<IpAddr>,
    ) -> Vec<Option<SystemTime>> {
        let trains = [vec![[1_u8; 700].as_slice(); 16], vec![&[2; 300], &[3; 299]], vec![&[4; 1]]];
        let each = trains.iter().map(|cars| Outgoing { remote: to, local, payloads: cars.iter().copied() });
        assert_eq!(outgoing.send(a.as_raw_fd(), each).expect("sends"), (3, 3));
        arrive(b, to, local, &trains.concat())
    }

    /// These payloads come to `b`, in this order, at the address `to`, and from `local` where it is said. Gives when.
    fn arrive(
        b: &UdpListener,
        to: SocketAddr,
        local: Option<IpAddr>,
        payloads: &[&[u8]],
    ) -> Vec<Option<SystemTime>> {
        let mut batch = ReceiveBatch::new();
        let (mut got, mut came) = (Vec::new(), Vec::new());
        while got.len() < payloads.len() {
            wait_readable(b.as_raw_fd());
            batch
                .receive(b, |datagram| {
                    assert_eq!(datagram.local, Some(to.ip()), "which of our addresses it came to");
                    if let Some(local) = local {
                        assert_eq!(datagram.remote.ip(), local, "the source that was asked for");
                    }
                    got.push(datagram.payload.to_vec());
                    came.push(datagram.came);
                })
                .expect("receives");
        }
        assert_eq!(got, payloads);
        came
    }

    #[test]
    fn a_batch_takes_no_more_than_it_has_room_for() {
        let (a, b) = pair("127.0.0.1:0");
        let trains = vec![[[0_u8; 10].as_slice(); CARS_MAX]; 2 * LEAVING_MAX / CARS_MAX];
        let each = trains.iter().map(|cars| Outgoing {
            remote: b.local(),
            local: None,
            payloads: cars.iter().copied(),
        });
        let whole = LEAVING_MAX / CARS_MAX;
        assert_eq!(SendBatch::new().send(a.as_raw_fd(), each).expect("sends"), (whole, whole));
        arrive(&b, b.local(), None, &trains[..whole].concat());
    }

    #[test]
    fn forty_datagrams_cross_a_wildcard_socket_in_order_and_name_their_addresses() {
        crosses("0.0.0.0:0", Some("127.0.0.9"));
    }

    #[test]
    fn forty_datagrams_cross_a_bound_socket() {
        crosses("127.0.0.7:0", None);
    }

    #[test]
    fn forty_datagrams_cross_an_ipv6_socket() {
        crosses("[::]:0", Some("::1"));
    }

    #[test]
    fn an_empty_socket_would_block() {
        let (a, _) = pair("127.0.0.1:0");
        let error = ReceiveBatch::new().receive(&a, |_| panic!("nothing was sent")).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::WouldBlock);
    }
}
