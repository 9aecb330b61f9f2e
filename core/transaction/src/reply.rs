//! The server transport's part in a Via: where a request came from is written into it, and where
//! its responses go is read from it (RFC 3261 sections 18.2.1 and 18.2.2, RFC 3581).
//!
//! `maddr` is not obeyed and the address of `sent-by` is never sent to: a response goes to the
//! address that the request came from, so nobody can aim our responses at a third party. Not here:
//! opening a new connection when the old one is gone (`ruf-net`).

use std::net::{IpAddr, SocketAddr};

use ruf_message::{Fields, Flow, Request, Via};

/// Writes `received` and `rport` into the top Via of a request from the network, or of the answer to
/// one that is too broken to be a request.
pub fn stamp(fields: &mut Fields, flow: &Flow) {
    if let Some((address, port)) = source_to_say(&fields.via(), flow) {
        fields.set_via_source(address, port);
    }
}

/// What the top Via of a request that came by `flow` is to say of where it came from: `received`, and `rport`
/// where that is asked for; `None` if it says so already.
pub fn source_to_say(via: &Via<'_>, flow: &Flow) -> Option<(IpAddr, Option<u16>)> {
    let wants_rport = via.rport().is_some();
    let differs = via.host().ip() != Some(flow.remote.ip());
    // A `received` that the client wrote itself is a lie or a mistake; ours replaces it.
    let claimed = via.received().is_some();
    // rfc3261 §18.2.1, rfc3581 §4
    (differs || wants_rport || claimed).then(|| (flow.remote.ip(), wants_rport.then_some(flow.remote.port())))
}

/// The flow on which the responses to `request`, which came in by `flow`, are sent.
pub fn reply_to(flow: Flow, request: &Request) -> Flow {
    reply_to_via(flow, &request.via())
}

/// As [`reply_to`], for a message that is no valid request: by its top Via alone.
pub fn reply_to_via(flow: Flow, via: &Via<'_>) -> Flow {
    if flow.transport.is_reliable() {
        return flow; // rfc3261 §18.2.2: the connection that the request came by
    }
    if via.rport().is_some() {
        return flow; // rfc3581 §4: to the source, from where it was received
    }
    // rfc3261 §18.2.2: the source address, with the port of sent-by
    Flow { remote: SocketAddr::new(flow.remote.ip(), via.port_or_default()), ..flow }
}
