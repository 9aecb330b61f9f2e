//! More than can be done: new requests are refused before anything is done for them (RFC 6357), neighbours
//! are asked to send less, and what they ask of us is done (RFC 7339).
//!
//! What share of them, which never, and what stands in a Via is core/admission's to say; here it is asked.

use std::time::Duration;

use ruf_admission::{Cidr, Gate, Precedence};
use ruf_message::{Flow, Glance, Message, Place, Refusal, Request, StatusCode, Tick, Transmit, Via};

use super::{Node, retry_after_secs};

/// What was done with a message that came while there was too much to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lot {
    /// Nothing yet.
    Undrawn,
    /// It is taken.
    Taken,
    /// It needs no more.
    Done,
}

/// What a request draws its lot by: its repetitions draw the same.
fn lot_of<'a>(via: &Via<'a>, call_id: &'a [u8]) -> &'a [u8] {
    via.branch().unwrap_or(call_id)
}

impl Node {
    /// While new requests are refused, most of what comes can be dealt with at a glance: those, and the ACKs of
    /// their refusals. All else goes the whole way.
    // rfc3261 §16.11 and §21.5.4: a refusal without state
    pub(super) fn glance(&mut self, now: Tick, flow: Flow, message: &[u8]) -> Lot {
        let glance = if self.overload.is_on() { Glance::of(message) } else { None };
        let Some(glance) = glance else { return Lot::Undrawn };
        if self.gate.is_ack_of_refusal(&glance) {
            return Lot::Done;
        }
        if !Gate::is_plainly_new(&glance) || self.seat.owner_elsewhere(glance.call_id()).is_some() {
            return Lot::Undrawn;
        }
        // What belongs to an open transaction has its answer there.
        let via = glance.via().filter(|via| !via.has_oc() && self.transactions.is_new(glance.method(), via));
        let Some(via) = via else { return Lot::Undrawn };
        if self.overload.takes(Precedence::New, false, lot_of(&via, glance.call_id())) {
            return Lot::Taken;
        }
        self.counters.overloaded += 1;
        let to_tag = self.gate.refusal_tag(&glance, &via);
        let ours = self.gate.has_phones_at(now, flow.remote.ip());
        let refusal = Refusal {
            status: StatusCode::SERVICE_UNAVAILABLE,
            to_tag: &to_tag,
            source: ruf_transaction::source_to_say(&via, &flow),
            retry_after_secs: ours.then(|| retry_after_secs(now)),
        };
        let to = ruf_transaction::reply_to_via(flow, &via);
        self.write_without_state(now, (flow, to), message.len(), |out| glance.write_refusal(&refusal, out));
        Lot::Done
    }

    /// For so much of the time since the last such word the worker had something to do, and what comes now waits
    /// so long.
    pub fn busy(&mut self, worked: Duration, since: Duration, waits: Duration) {
        self.overload.look(worked, since, waits);
    }

    /// Serves these neighbours from now on.
    pub fn set_neighbours(&mut self, configured: Vec<Cidr>) {
        self.neighbours.reconfigure(configured);
    }

    /// Whether a new request is refused at once. What it says to us as its next hop is taken out.
    // rfc7339 §5.10.2
    pub(super) fn refuses_early(&mut self, now: Tick, flow: Flow, request: &mut Request, lot: Lot) -> bool {
        // Few say anything: where the answer goes is not sought for the others.
        let was_asked = request.via().has_oc() && {
            let back = ruf_transaction::reply_to(flow, request).remote;
            self.neighbours.hear_request(now, back, request)
        };
        if lot == Lot::Taken || !self.overload.is_on() {
            return false;
        }
        let precedence = self.gate.precedence(now, &flow, request);
        !self.overload.takes(precedence, was_asked, lot_of(&request.via(), request.call_id()))
    }

    /// Leaves out places that want less, by lot.
    // rfc7339 §5.10: another place is found for it, or none
    pub(super) fn spare_neighbours(&mut self, now: Tick, places: &mut Vec<Place>) {
        places.retain(|place| self.neighbours.may_send(now, place.address));
    }

    /// Writes into the Via of what goes to a neighbour what it should know.
    pub(super) fn sign(&mut self, transmit: &mut Transmit) {
        let to = transmit.flow.remote;
        // What is no message, such as a keepalive, says nothing.
        let Ok(mut message) = Message::parse(transmit.bytes.clone()) else { return };
        let is_signed = match &mut message {
            Message::Request(request) => self.neighbours.sign_request(to, request),
            Message::Response(response) => {
                self.neighbours.sign_response(self.now, to, self.overload.wish(), response)
            }
        };
        if is_signed {
            transmit.bytes = message.to_bytes();
        }
    }
}
