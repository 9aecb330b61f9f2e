//! A [`Flow`] in few bytes: 15 for UDP over IPv4, where the struct takes 80.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};

use ruf_message::{Flow, Transport};

// The first byte: the transport's place in `Transport::ALL`, and these.
const LOCAL_IS_V6: u8 = 0x80;
const REMOTE_IS_V6: u8 = 0x40;
const HAS_CONNECTION: u8 = 0x20;
const TRANSPORT: u8 = 0x1f;

/// How many bytes [`write`] will append.
pub(crate) fn len(flow: &Flow) -> usize {
    let address = |address: SocketAddr| 2 + if address.is_ipv6() { 16 + 4 + 4 } else { 4 };
    3 + address(flow.local) + address(flow.remote) + if flow.connection != 0 { 8 } else { 0 }
}

pub(crate) fn write(flow: &Flow, out: &mut Vec<u8>) {
    let transport = Transport::ALL.iter().position(|transport| *transport == flow.transport);
    let mut first = transport.and_then(|place| u8::try_from(place).ok()).unwrap_or_default();
    first |= if flow.local.is_ipv6() { LOCAL_IS_V6 } else { 0 };
    first |= if flow.remote.is_ipv6() { REMOTE_IS_V6 } else { 0 };
    first |= if flow.connection != 0 { HAS_CONNECTION } else { 0 };
    out.push(first);
    out.extend_from_slice(&flow.listener.to_be_bytes());
    write_address(flow.local, out);
    write_address(flow.remote, out);
    if flow.connection != 0 {
        out.extend_from_slice(&flow.connection.to_be_bytes());
    }
}

/// Reads what [`write`] wrote; what follows it does not matter.
pub(crate) fn read(bytes: &[u8]) -> Flow {
    let mut bytes = Bytes(bytes);
    let [first] = bytes.take();
    Flow {
        transport: Transport::ALL.get(usize::from(first & TRANSPORT)).copied().unwrap_or(Transport::Udp),
        listener: u16::from_be_bytes(bytes.take()),
        local: bytes.address(first & LOCAL_IS_V6 != 0),
        remote: bytes.address(first & REMOTE_IS_V6 != 0),
        connection: if first & HAS_CONNECTION != 0 { u64::from_be_bytes(bytes.take()) } else { 0 },
    }
}

fn write_address(address: SocketAddr, out: &mut Vec<u8>) {
    out.extend_from_slice(&address.port().to_be_bytes());
    match address {
        SocketAddr::V4(v4) => out.extend_from_slice(&v4.ip().octets()),
        SocketAddr::V6(v6) => {
            out.extend_from_slice(&v6.ip().octets());
            out.extend_from_slice(&v6.flowinfo().to_be_bytes());
            // Without its scope, a link-local address leads nowhere.
            out.extend_from_slice(&v6.scope_id().to_be_bytes());
        }
    }
}

struct Bytes<'a>(&'a [u8]);

impl Bytes<'_> {
    /// Zeros where there is nothing more, which does not happen: we wrote it.
    fn take<const N: usize>(&mut self) -> [u8; N] {
        let (taken, rest) = self.0.split_first_chunk().unwrap_or((&[0; N], &[]));
        self.0 = rest;
        *taken
    }

    fn address(&mut self, is_v6: bool) -> SocketAddr {
        let port = u16::from_be_bytes(self.take());
        if !is_v6 {
            return SocketAddrV4::new(Ipv4Addr::from(self.take::<4>()), port).into();
        }
        let ip = Ipv6Addr::from(self.take::<16>());
        let (flowinfo, scope_id) = (u32::from_be_bytes(self.take()), u32::from_be_bytes(self.take()));
        SocketAddrV6::new(ip, port, flowinfo, scope_id).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_flow_is_read_back_and_none_is_longer_than_the_longest() {
        let v4 = || "192.0.2.1:5060".parse().unwrap();
        let v6 = || "[2001:db8::1]:5061".parse().unwrap();
        let scoped: SocketAddr = SocketAddrV6::new(Ipv6Addr::LOCALHOST, 1, 2, 3).into();
        let mut longest = 0;
        for transport in Transport::ALL {
            for (local, remote) in [(v4(), v4()), (v6(), scoped), (v4(), v6()), (scoped, v4())] {
                for (listener, connection) in [(0, 0), (u16::MAX, 7), (1, u64::MAX)] {
                    let flow = Flow { transport, listener, local, remote, connection };
                    let mut bytes = Vec::new();
                    write(&flow, &mut bytes);
                    assert_eq!(bytes.len(), len(&flow));
                    longest = longest.max(bytes.len());
                    bytes.extend_from_slice(b"what follows");
                    assert_eq!(read(&bytes), flow);
                }
            }
        }
        assert_eq!(longest, 1 + 2 + 2 * (2 + 16 + 4 + 4) + 8);
        let mut bytes = Vec::new();
        write(
            &Flow { transport: Transport::Udp, listener: 0, local: v4(), remote: v4(), connection: 0 },
            &mut bytes,
        );
        assert_eq!(bytes.len(), 15);
    }
}
