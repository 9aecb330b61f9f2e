//! Where a flow leads (RFC 3261 §8.1.2, RFC 5626 §4.3, ADR 25): to the same address as a URI, or by the connection that
//! the peer opened. Also towards an address that nobody reaches from here, because the peer behind a translator gave its
//! own (ADR 8), and where the peer asks for that with `ob`. Not here: where a name leads, which only the driver knows.

use ruf_message::{Flow, Hop, HostBuf, Transport, UriRef};
use std::net::{IpAddr, SocketAddr};

/// This flow leads to where the URI of this hop says; `is_theirs`: the peer's first request came by it.
pub(crate) fn leads(flow: &Flow, is_theirs: bool, to: &UriRef<'_>, hop: &Hop) -> bool {
    // The peer opened this connection from the host of this hop.
    let is_of = || {
        let Flow { transport, remote, .. } = *flow;
        is_theirs && transport.is_reliable() && is_over(hop, transport) && ip(hop) == Some(remote.ip())
    };
    // rfc5626 §4.3: with `ob` over this flow, if it lasts
    let is_kept = || to.param("ob").is_some() || is_at(hop, flow) || is_of() || is_hidden(hop, flow);
    is_safe(hop, flow) && is_kept()
}

/// The flow is as secure as the hop wants.
// rfc3261 §26.2.2
pub(crate) fn is_safe(hop: &Hop, flow: &Flow) -> bool {
    flow.transport.is_secure() || !hop.secure
}

/// The hop is the far end of this flow.
// rfc3263 §4.2: the default port of the transport
fn is_at(hop: &Hop, flow: &Flow) -> bool {
    let port = hop.port.unwrap_or(flow.transport.default_port());
    ip(hop) == Some(flow.remote.ip()) && port == flow.remote.port() && is_over(hop, flow.transport)
}

/// The hop may be reached over this transport.
fn is_over(hop: &Hop, transport: Transport) -> bool {
    hop.transport.is_none_or(|wanted| {
        wanted == transport || (hop.secure && wanted == Transport::Tcp && transport == Transport::Tls)
    })
}

fn ip(hop: &Hop) -> Option<IpAddr> {
    hop.host.ip()
}

/// The hop is named as its own network knows it, and the flow leads out of ours.
fn is_hidden(hop: &Hop, flow: &Flow) -> bool {
    match &hop.host {
        HostBuf::Name(name) => name.ends_with(".invalid"),
        HostBuf::V4(_) | HostBuf::V6(_) => ip(hop).is_some_and(|ip| reach(ip) < reach(flow.remote.ip())),
    }
}

/// How far an address is known: this host, this link, this site, everywhere.
fn reach(ip: IpAddr) -> u8 {
    let of_v4 = |[first, second, ..]: [u8; 4]| match (first, second) {
        (127, _) | (0, _) => 0,
        (169, 254) => 1,
        // rfc1918 and rfc6598
        (10, _) | (192, 168) | (172, 16..=31) | (100, 64..=127) => 2,
        _ => 3,
    };
    match ip.to_canonical() {
        IpAddr::V4(ip) => of_v4(ip.octets()),
        IpAddr::V6(ip) if ip.is_loopback() || ip.is_unspecified() => 0,
        IpAddr::V6(ip) if ip.is_unicast_link_local() => 1,
        IpAddr::V6(ip) if ip.is_unique_local() => 2,
        IpAddr::V6(_) => 3,
    }
}

/// It leads to the same place as one of these, whatever the connection.
pub(crate) fn is_among(flows: &[Flow], flow: &Flow) -> bool {
    is_at_one(flows, flow.transport, flow.remote)
}

/// One of these leads there.
pub(crate) fn is_at_one(flows: &[Flow], transport: Transport, remote: SocketAddr) -> bool {
    flows.iter().any(|flow| flow.transport == transport && flow.remote == remote)
}
