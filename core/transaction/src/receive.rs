//! A message from the network finds its transaction, or is handed to the caller as new.
//!
//! Not here: parsing (`ruf-message`), admission of what is new (`ruf-admission`).

use ruf_message::{Flow, Message, Method, Request, Response, StatusCode, Tick, Transmit, Via};

use crate::completed::Key;
use crate::entry::{Entry, Machine, Matching, ServerMatching, User};
use crate::matching::{Fingerprint, MethodKey};
use crate::out::{Heard, Out, Received};
use crate::slab::{ClientId, Id, ServerId};
use crate::transactions::Transactions;
use crate::{branch, reply};

impl Transactions {
    /// A message came in by `flow`, and comes back with what it turned out to be.
    pub fn receive(&mut self, now: Tick, flow: Flow, mut message: Message, out: &mut Out) -> Received {
        let heard = self.hear(now, &flow, &mut message, out);
        match message {
            Message::Request(request) => match heard {
                Heard::New(_) => Received::New { flow, request },
                Heard::Ack(_) => Received::Ack { flow, request },
                Heard::Cancel { invite, user } => Received::Cancel { flow, request, invite, user },
                Heard::Absorbed | Heard::Response { .. } => Received::Absorbed,
            },
            Message::Response(response) => match heard {
                Heard::Response { client, user } => Received::Response { client, user, response },
                Heard::Absorbed | Heard::New(_) | Heard::Ack(_) | Heard::Cancel { .. } => Received::Absorbed,
            },
        }
    }

    /// A message came in by `flow`. It is changed where it stands, since moving one costs as much as a part of
    /// reading it: a request's top Via gets `received` and `rport`.
    pub fn hear(&mut self, now: Tick, flow: &Flow, message: &mut Message, out: &mut Out) -> Heard {
        match message {
            Message::Request(request) => {
                #[cfg(feature = "mutants")]
                if self.is_lost_on_a_mutant(request.method()) {
                    return Heard::Absorbed;
                }
                let fingerprint = self.fingerprint(request);
                match request.method() {
                    Method::Ack => self.hear_ack(now, flow, request, fingerprint, out),
                    _ => self.hear_request(now, flow, request, fingerprint, out),
                }
            }
            Message::Response(response) => self.hear_response(now, response, out),
        }
    }

    /// What a server transaction of this request is found by.
    pub fn fingerprint(&self, request: &Request) -> Fingerprint {
        self.keyed.fingerprint(request)
    }

    /// Whether it is certain that no transaction of a request of this method with this top Via is known.
    pub fn is_new(&self, method: Method, via: &Via<'_>) -> bool {
        let of_known = |fingerprint: Fingerprint| {
            self.servers.with(fingerprint.hash).next().is_none()
                && !self.completed.has(Key::new(fingerprint, MethodKey::known(method)))
        };
        method != Method::Other && self.keyed.of_branch(via).is_some_and(of_known)
    }

    fn hear_ack(
        &mut self,
        now: Tick,
        flow: &Flow,
        request: &mut Request,
        fingerprint: Fingerprint,
        out: &mut Out,
    ) -> Heard {
        let invite = self.find_server(fingerprint, |server| server.is_acked_by(fingerprint.to_tag));
        if let Some(id) = invite {
            let passed_up = self.turn(now, id, out, |machine, turn| match machine {
                Machine::InviteServer(machine) => Machine::InviteServer(machine.ack(turn)),
                Machine::InviteClient(_) | Machine::NonInviteClient(_) | Machine::NonInviteServer(_) => {
                    machine
                }
            });
            if passed_up.is_none() {
                return Heard::Absorbed;
            }
        }
        // rfc6026 §6 in Accepted; rfc3261 §18.2.1 where there is no transaction
        reply::stamp(request, flow);
        Heard::Ack(fingerprint)
    }

    fn hear_request(
        &mut self,
        now: Tick,
        flow: &Flow,
        request: &mut Request,
        fingerprint: Fingerprint,
        out: &mut Out,
    ) -> Heard {
        let method = self.keyed.method(request);
        if let Some(id) = self.find_server(fingerprint, |server| server.is_same(method, fingerprint.to_tag)) {
            self.turn(now, id, out, |machine, turn| match machine {
                Machine::InviteServer(machine) => Machine::InviteServer(machine.retransmission(turn)),
                Machine::NonInviteServer(machine) => Machine::NonInviteServer(machine.retransmission(turn)),
                client @ (Machine::InviteClient(_) | Machine::NonInviteClient(_)) => client,
            });
            return Heard::Absorbed; // rfc3261 §17.2.3
        }
        if let Some(found) = self.completed.of_copy(Key::new(fingerprint, method), request) {
            reply::stamp(request, flow);
            let flow = reply::reply_to(*flow, request);
            if found.whence() == self.keyed.whence(flow.remote) {
                let bytes = out.written_once(|out| found.write_to(request, out)); // rfc3261 §17.2.2
                out.transmits.push_back(Transmit { flow, bytes });
            }
            return Heard::Absorbed; // rfc3261 §17.2.3
        }
        reply::stamp(request, flow); // rfc3261 §18.2.1
        match request.method() {
            Method::Cancel => self.hear_cancel(now, flow, request, fingerprint, out),
            _ => Heard::New(fingerprint),
        }
    }

    /// Finds what a CANCEL cancels: any request of its branch but CANCEL or ACK.
    fn hear_cancel(
        &mut self,
        now: Tick,
        flow: &Flow,
        request: &Request,
        fingerprint: Fingerprint,
        out: &mut Out,
    ) -> Heard {
        let to_tag = fingerprint.to_tag;
        // rfc3261 §9.2
        let invite = self.find_server(fingerprint, |server| server.is_same(MethodKey::INVITE, to_tag));
        if let Some(id) = invite.filter(|id| self.is_of_hop(*id, flow)) {
            let user = self.entries.get(id).and_then(|entry| entry.user.tag()).unwrap_or_default();
            return Heard::Cancel { invite: Some(ServerId(id)), user };
        }
        let other = self.find_server(fingerprint, |server| server.is_same(server.method, to_tag));
        if (other.is_some_and(|id| self.is_of_hop(id, flow)) || self.is_completed(fingerprint, request, flow))
            && let Ok(server) = self.open_server(now, *flow, request, fingerprint, User::NOBODY)
        {
            // It has no effect on a request that is no INVITE, but is answered.
            let mut ok = request.reply(StatusCode::OK);
            ok.set_to_tag(&self.entropy.token(TAG_LEN));
            self.respond(now, ServerId(server), &ok, out); // rfc3261 §9.2
            return Heard::Absorbed;
        }
        Heard::Cancel { invite: None, user: 0 }
    }

    /// Whether a flow comes from the hop that sent the request of this transaction. Nobody is asked
    /// for a password with a CANCEL, and every callee has read the branch that it takes.
    // rfc3261 §22.1
    fn is_of_hop(&self, id: Id, flow: &Flow) -> bool {
        self.entries.get(id).is_some_and(|entry| entry.flow.remote.ip() == flow.remote.ip())
    }

    /// The same of any transaction of this branch that is completed.
    fn is_completed(&self, fingerprint: Fingerprint, request: &Request, flow: &Flow) -> bool {
        let whence = self.keyed.whence(flow.remote);
        let mut same = self.completed.of(Key::new(fingerprint, self.keyed.method(request)));
        same.any(|found| found.whence().is_of_host(whence))
    }

    fn hear_response(&mut self, now: Tick, response: &Response, out: &mut Out) -> Heard {
        let Some(id) = self.find_client(response) else {
            // Stray: neither forwarded nor passed up.
            return Heard::Absorbed; // rfc6026 §7.3, rfc4320 §4.2
        };
        let passed_up = self.turn(now, id, out, |machine, turn| match machine {
            Machine::InviteClient(machine) => Machine::InviteClient(machine.response(response, turn)),
            Machine::NonInviteClient(machine) => Machine::NonInviteClient(machine.response(response, turn)),
            server @ (Machine::InviteServer(_) | Machine::NonInviteServer(_)) => server,
        });
        match passed_up {
            Some(user) => Heard::Response { client: ClientId(id), user },
            None => Heard::Absorbed,
        }
    }

    /// The client transaction of a response, by branch, `sent-by` and the method of its CSeq.
    fn find_client(&self, response: &Response) -> Option<Id> {
        let via = response.via();
        let (id, random) = branch::read(via.branch()?)?;
        let entry = self.entries.get(id)?;
        let Matching::Client { random: ours, sent_by, cancel } = entry.matching else { return None };
        // rfc3261 §17.1.3: the branch; rfc3261 §18.1.2: the sent-by
        if random != ours || self.keyed.sent_by(&via) != sent_by {
            return None;
        }
        let cseq = response.cseq();
        match &entry.machine {
            // rfc3261 §17.1.3: the CANCEL shares its INVITE's branch
            Machine::InviteClient(_) if cseq.method == b"INVITE" => Some(id),
            Machine::InviteClient(_) if cseq.method == b"CANCEL" => cancel,
            Machine::NonInviteClient(machine) if machine.is_method(cseq.method) => Some(id),
            Machine::InviteClient(_)
            | Machine::NonInviteClient(_)
            | Machine::InviteServer(_)
            | Machine::NonInviteServer(_) => None,
        }
    }

    fn find_server(&self, fingerprint: Fingerprint, wanted: impl Fn(&ServerMatching) -> bool) -> Option<Id> {
        self.servers.with(fingerprint.hash).find(|id| match self.entries.get(*id) {
            Some(Entry { matching: Matching::Server(server), .. }) => {
                server.fingerprint == fingerprint.hash && wanted(server)
            }
            Some(Entry { matching: Matching::Client { .. }, .. }) | None => false,
        })
    }

    #[cfg(feature = "mutants")]
    fn is_lost_on_a_mutant(&self, method: Method) -> bool {
        matches!(
            (self.mutant, method),
            (Some(crate::Mutant::AckDropped), Method::Ack)
                | (Some(crate::Mutant::CancelIgnored), Method::Cancel)
        )
    }
}

/// Characters of a To tag: 95 bits.
const TAG_LEN: usize = 16;
