//! More than can be done: new requests are refused before anything is done for them (RFC 6357), neighbours
//! are asked to send less, and what they ask of us is done (RFC 7339).
//!
//! What share of them, which never, and what stands in a Via is core/admission's to say; here it is asked.

use std::time::Duration;

use ruf_admission::Cidr;
use ruf_message::{Flow, Message, Place, Request, Tick, Transmit};

use super::Node;

impl Node {
    /// For so much of the time since the last such word the worker had something to do; `is_behind`: what
    /// comes waits long, or will be lost.
    pub fn busy(&mut self, worked: Duration, since: Duration, is_behind: bool) {
        self.overload.look(worked, since, is_behind);
    }

    /// Serves these neighbours from now on.
    pub fn set_neighbours(&mut self, configured: Vec<Cidr>) {
        self.neighbours.reconfigure(configured);
    }

    /// Whether a new request is refused at once. What it says to us as its next hop is taken out.
    // rfc7339 §5.10.2
    pub(super) fn refuses_early(&mut self, now: Tick, flow: Flow, request: &mut Request) -> bool {
        // Few say anything: where the answer goes is not sought for the others.
        let was_asked = request.via().has_oc() && {
            let back = ruf_transaction::reply_to(flow, request).remote;
            self.neighbours.hear_request(now, back, request)
        };
        if !self.overload.is_on() {
            return false;
        }
        let precedence = self.gate.precedence(now, &flow, request);
        !self.overload.takes(precedence, was_asked)
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
