//! The proxies between a phone and us: Path (RFC 3327 §5.3), and whether the first of them keeps the
//! flow to the phone (RFC 5626 §6).
//!
//! A request to a binding with Path leaves by the flow of its REGISTER and no other way, so nobody can
//! send us anywhere with it: not into our network, not to a trunk. What names another place than the
//! host at the other end of that flow is refused, so that nobody believes it was followed.

use std::net::SocketAddr;

use ruf_admission::Ourselves;
use ruf_message::header::outbound;
use ruf_message::{Flow, HeaderName, Request, UriRef};

use crate::reject::Reject;

/// The Path of a REGISTER.
#[derive(Debug)]
pub(crate) struct Path<'a> {
    /// The one nearest to us first.
    hops: Vec<outbound::Path<'a>>,
}

impl<'a> Path<'a> {
    /// The Path of `request`, which came by `flow`.
    // rfc3327 §5.3
    pub(crate) fn of(request: &'a Request, flow: &Flow, ourselves: &Ourselves) -> Result<Self, Reject> {
        if !request.contains(HeaderName::Path) {
            return Ok(Self { hops: Vec::new() });
        }
        let hops: Result<Vec<outbound::Path<'a>>, _> = request.headers_of().collect();
        let hops = hops.map_err(|_| Reject::BadPath)?;
        if hops.iter().any(|hop| !hop.uri().is_sip()) {
            return Err(Reject::BadPath);
        }
        let path = Self { hops };
        let Some(first) = path.first() else { return Ok(path) };
        // The policy that the RFC recommends: a phone that does not know Path cannot see who put himself
        // between.
        if !supports(request, "path") {
            return Err(Reject::PathNotSupported);
        }
        let port = first.port().unwrap_or(flow.transport.default_port());
        let leads_back = match first.host().and_then(|host| host.ip()) {
            Some(ip) => {
                ip.to_canonical() == flow.remote.ip().to_canonical()
                    && !is_own_socket(SocketAddr::new(ip, port), ourselves)
            }
            // A name is not looked up: whoever is at the other end of the flow is taken to bear it.
            None => !ourselves.is_us(first),
        };
        if leads_back { Ok(path) } else { Err(Reject::PathElsewhere) }
    }

    /// The proxy that we have the flow to.
    pub(crate) fn first(&self) -> Option<UriRef<'a>> {
        self.hops.first().map(|hop| hop.uri())
    }

    pub(crate) fn is_secure(&self) -> bool {
        self.hops.iter().all(|hop| hop.uri().scheme() == ruf_message::Scheme::Sips)
    }

    /// As a header's value, without folds.
    pub(crate) fn to_value(&self) -> Vec<u8> {
        let mut value = Vec::new();
        for hop in &self.hops {
            if !value.is_empty() {
                value.extend_from_slice(b", ");
            }
            hop.encode(&mut value);
        }
        value
    }
}

/// Whether the way from the phone holds: there is no proxy between, or the first one keeps the flow. Only
/// that one may write `ob`, so any one that stands in Path is its.
// rfc5626 §6, §5.1
pub(crate) fn is_outbound_way(request: &Request) -> bool {
    let is_first_hop = request.values(HeaderName::Via).nth(1).is_none();
    is_first_hop || request.headers_of::<outbound::Path<'_>>().flatten().any(|hop| hop.uri().is_outbound())
}

/// Whether the phone says that it knows an extension.
pub(crate) fn supports(request: &Request, tag: &str) -> bool {
    let says_anything = request.contains(HeaderName::Supported) || request.contains(HeaderName::Require);
    says_anything && request.supported().chain(request.require()).any(|named| named.eq_ignore_ascii_case(tag))
}

/// Whether what we send to this address comes back to us.
pub(crate) fn is_own_socket(remote: SocketAddr, ourselves: &Ourselves) -> bool {
    ourselves.listeners.iter().any(|listener| listener.is_socket(remote))
}
