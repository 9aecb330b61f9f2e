//! REGISTER: what changes a binding is answered when the disk has it.
//!
//! The server transaction is open meanwhile, so that the request, sent again, asks for nothing twice. What
//! changes nothing is answered at once, unless it rests on a change that is still on its way there; and so
//! is everything where the disk is not asked.

use std::time::Duration;

use ruf_admission::{Admitted, Identity};
use ruf_message::Tick;
use ruf_registrar::{Outcome, Registered, Ticket};
use ruf_transaction::{Fingerprint, ServerId};

use super::{Node, is_ours};

/// An answer that waits for the disk.
pub(super) struct Held {
    ticket: Ticket,
    server: ServerId,
    admitted: Admitted,
    registered: Registered,
}

impl Node {
    /// Bindings change here.
    pub(super) fn register(
        &mut self,
        now: Tick,
        admitted: Admitted,
        fingerprint: Fingerprint,
        octets: usize,
    ) {
        let (flow, request) = (admitted.flow(), admitted.request());
        if self.transactions.room_for(request, fingerprint).is_err() {
            let response = self.overloaded(now, request, is_ours(admitted.identity()));
            self.reply_without_state(now, flow, &response, octets);
            return;
        }
        let to_tag = self.gate.reply_tag(request);
        let registered = self.registrar.register(now, &admitted, self.gate.ourselves(), &to_tag);
        let Some(ticket) = registered.ticket else {
            self.note(now, &admitted, &registered);
            let (request, reply) = (admitted.request(), &registered.reply);
            // There was room.
            let _ = self.transactions.answer(now, flow, request, fingerprint, reply, &mut self.wire);
            self.transactions.recycle(admitted.into_request());
            return;
        };
        if let Ok(server) = self.transactions.accept_as(now, flow, request, fingerprint) {
            self.held.push_back(Held { ticket, server, admitted, registered });
        }
    }

    /// What was appended for this node up to a ticket is on the disk, or is not and was undone.
    pub fn committed(&mut self, now: Tick, outcome: Outcome) {
        while let Some(held) = self.held.pop_front_if(|held| held.ticket <= outcome.upto) {
            let Held { server, admitted, mut registered, .. } = held;
            let request = admitted.request();
            if !outcome.is_durable {
                registered = self.registrar.not_stored(&self.gate.reply_tag(request));
            }
            self.note(now, &admitted, &registered);
            self.transactions.respond_with(now, server, request, &registered.reply, &mut self.wire);
            self.transactions.recycle(admitted.into_request());
        }
        self.settle(now);
    }

    /// What proves itself by a binding may be answered at length, is slowed less, and is kept reachable.
    fn note(&mut self, now: Tick, admitted: &Admitted, registered: &Registered) {
        if let Some(secs) = registered.lasts_secs {
            let lifetime = Duration::from_secs(secs);
            self.gate.note_binding(now, admitted.flow().remote.ip(), lifetime);
            if let Identity::Account(address) = admitted.identity()
                && registered.is_translated
            {
                self.keepalive.note(now, &self.registrar, address, admitted.request().call_id());
            }
        }
    }
}
