//! The ACK of a 2xx: forwarded by its dialog's token, without a transaction and without keeping
//! anything (RFC 3261 sections 16.11 and 13.2.2.4).
//!
//! Every other request is forwarded statefully, and a response without a client transaction is not
//! forwarded at all (RFC 6026 section 8.2). The branch of the Via is computed from the message below.

use ruf_admission::Identity;
use ruf_message::{Flow, Request};

use crate::branch_request::BranchRequest;
use crate::proxy::Turn;
use crate::question::{Destination, Target};
use crate::{breadth, route, sips, target};

/// An ACK whose target must be looked up. Nothing is kept of it meanwhile: it goes out whole, and comes
/// back with its target.
#[derive(Debug)]
pub struct Ack {
    /// What it asks for: a [`Destination::Gruu`].
    pub destination: Destination,
    /// Whose it is.
    pub identity: Identity,
    request: Request,
    /// The way that the token names.
    onward: Target,
}

/// Forwards an ACK to the other side of its dialog; without a dialog it is dropped, for there is no
/// answer to an ACK.
// rfc3261 §16.11: validated, routed and forwarded by what the message itself says
pub(crate) fn receive(turn: &mut Turn<'_>, flow: &Flow, mut request: Request, identity: &Identity) {
    let Identity::Dialog(pass) = identity else {
        return;
    };
    // rfc3261 §16.3 step 3
    if request.max_forwards() == Some(0) {
        return;
    }
    route::preprocess(&mut request, flow, identity, turn.gate.ourselves());
    let onward = Target { flow: Some(pass.onward.flow), ..Target::unchanged() };
    match target::gruu(&request, pass, turn.gate.ourselves()) {
        Some(destination) => {
            turn.out.acks.push_back(Ack { destination, identity: identity.clone(), request, onward });
        }
        None => send(turn, request, &onward),
    }
}

/// Forwards an ACK to where its device is now, or by the token if it is nowhere.
pub(crate) fn forward(turn: &mut Turn<'_>, ack: Ack, target: Option<Target>) {
    send(turn, ack.request, &target.unwrap_or(ack.onward));
}

fn send(turn: &mut Turn<'_>, request: Request, target: &Target) {
    // A target that was looked up for a GRUU is a binding, which has a flow, and so has a token.
    let Some(onward) = target.flow else { return };
    let asked = request.uri().scheme();
    let breadth = breadth::incoming(&request);
    let mut copy = BranchRequest::of(request, target).into_request();
    copy.set_max_breadth(breadth); // rfc5393 §5.3.3
    if sips::settle(asked, &mut copy, &onward).is_ok() {
        let sent_by = turn.gate.ourselves().sent_by(&onward);
        turn.transactions.send_stateless(onward, copy, &sent_by, turn.wire);
    }
}
