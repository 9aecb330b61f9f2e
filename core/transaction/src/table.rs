//! The life of an entry: it is opened with its machine's first turn, takes turns, and is cleared
//! away in the turn in which its machine terminates.
//!
//! Not here: who calls (`transactions.rs`, `receive.rs`).

use std::mem;

use bytes::Bytes;
use ruf_message::{Flow, HeaderName, Method, Request, Tick};

use crate::completed::{Key, Question};
use crate::entry::{Entry, Machine, Matching, ServerMatching, ToTags, User};
use crate::invite_client::reread;
use crate::invite_server::InviteServer;
use crate::matching::{Fingerprint, SAME_FINGERPRINT_MAX, Whence};
use crate::non_invite_client::NonInviteClient;
use crate::non_invite_server::NonInviteServer;
use crate::out::{Event, Full, Out};
use crate::reply;
use crate::silent::Silent;
use crate::slab::{Id, ServerId};
use crate::transactions::Transactions;
use crate::turn::{Ending, Turn};

impl Transactions {
    /// Opens a server transaction in its first state. Nothing is sent yet.
    pub(crate) fn open_server(
        &mut self,
        now: Tick,
        flow: Flow,
        request: &Request,
        fingerprint: Fingerprint,
        user: User,
    ) -> Result<Id, Full> {
        self.has_room(request, fingerprint)?;
        let matching = Matching::Server(ServerMatching {
            fingerprint: fingerprint.hash,
            method: self.keyed.method(request),
            to_tags: fingerprint.to_tag.map(|request| Box::new(ToTags { request, response: None })),
        });
        let silent = Silent::of(request);
        let flow = reply::reply_to(flow, request);
        let is_invite = request.method() == Method::Invite;
        // A first turn only arms.
        let mut nothing = Out::new();
        let id = self.open(now, flow, user, matching, &mut nothing, |turn| match is_invite {
            true => Machine::InviteServer(InviteServer::start(silent, turn)),
            false => Machine::NonInviteServer(NonInviteServer::start(silent, turn)),
        });
        self.servers.insert(fingerprint.hash, id);
        Ok(id)
    }

    /// Whether a server transaction of this request may be opened.
    pub(crate) fn has_room(&self, request: &Request, fingerprint: Fingerprint) -> Result<(), Full> {
        let servers = self.counts.invite_servers + self.counts.non_invite_servers;
        let completed = self.completed.of(Key::new(fingerprint, self.keyed.method(request)));
        let same = self.servers.with(fingerprint.hash).count() + completed.count();
        if servers >= self.limits.servers_max || same >= SAME_FINGERPRINT_MAX { Err(Full) } else { Ok(()) }
    }

    /// Opens an entry and lets its machine start.
    pub(crate) fn open(
        &mut self,
        now: Tick,
        flow: Flow,
        user: User,
        matching: Matching,
        out: &mut Out,
        start: impl FnOnce(&mut Turn<'_>) -> Machine,
    ) -> Id {
        let id = self.entries.next_id();
        let seat = self.by_flow.insert(flow, id);
        self.entries.insert(Entry { flow, seat, user, matching, machine: Machine::GONE });
        self.turn(now, id, out, |_, turn| start(turn));
        if let Some(entry) = self.entries.get(id) {
            *entry.machine.count(&mut self.counts) += 1;
        }
        id
    }

    /// Lets a machine make one transition, and does what follows from it. Gives the user's tag if
    /// the message that caused it is for the user.
    pub(crate) fn turn(
        &mut self,
        now: Tick,
        id: Id,
        out: &mut Out,
        step: impl FnOnce(Machine, &mut Turn<'_>) -> Machine,
    ) -> Option<u64> {
        let entry = self.entries.get_mut(id)?;
        let mut turn = Turn {
            now,
            id,
            flow: entry.flow,
            user: entry.user,
            timers: &self.timers,
            alarms: &mut self.alarms,
            out,
            passed_up: false,
            cancel: None,
            #[cfg(feature = "mutants")]
            mutant: self.mutant,
        };
        entry.machine = step(mem::replace(&mut entry.machine, Machine::GONE), &mut turn);
        let (passed_up, cancel) = (turn.passed_up, turn.cancel.take());
        let user = entry.user;
        if let Some(wire) = cancel {
            self.open_cancel(now, id, wire, out);
        }
        self.clear_away(now, id, out);
        user.tag().filter(|_| passed_up)
    }

    /// Sends the CANCEL of an INVITE, as a transaction of its own that nobody hears of, to where
    /// the INVITE went.
    fn open_cancel(&mut self, now: Tick, invite: Id, wire: Bytes, out: &mut Out) {
        let Some(entry) = self.entries.get(invite) else { return };
        let flow = entry.flow;
        let Matching::Client { sent_by, .. } = entry.matching else { return };
        let wire = match self.reasons.remove(&invite) {
            Some(reason) => saying(&wire, &reason),
            None => wire,
        };
        // Found through its INVITE only: its own random bits never leave.
        let matching = Matching::Client { random: self.entropy.u64(), sent_by, cancel: None };
        let id = self.open(now, flow, User::NOBODY, matching, out, |turn| {
            Machine::NonInviteClient(NonInviteClient::start(|out| out.extend_from_slice(&wire), turn))
        });
        self.cancels += 1;
        if let Some(Entry { matching: Matching::Client { cancel, .. }, .. }) = self.entries.get_mut(invite) {
            *cancel = Some(id);
        }
    }

    /// Removes an entry whose machine has terminated, and tells its user, once. One that is completed leaves
    /// the table, too, for the log.
    fn clear_away(&mut self, now: Tick, id: Id, out: &mut Out) {
        // rfc3261 §17.1.1.2, rfc3261 §17.1.2.2, rfc3261 §17.2.1, rfc3261 §17.2.2: at once
        let Some(over) = self.entries.get(id).and_then(|entry| entry.machine.over()) else { return };
        let Some(entry) = self.entries.remove(id) else { return };
        *entry.machine.count(&mut self.counts) -= 1;
        if let Some(moved) = self.by_flow.remove(&entry.flow, entry.seat)
            && let Some(other) = self.entries.get_mut(moved)
        {
            other.seat = entry.seat;
        }
        if !self.reasons.is_empty() {
            self.reasons.remove(&id);
        }
        let user = entry.user.tag();
        out.events.extend(user.and_then(|user| over.event(id, user)));
        match entry.matching {
            Matching::Server(server) => {
                self.servers.remove(server.fingerprint, id);
                if let Machine::NonInviteServer(NonInviteServer::Completed { said }) = entry.machine {
                    let whence = self.keyed.whence(entry.flow.remote);
                    let owner = user.map(|user| (id, user));
                    let said = (said.question, &*said.octets);
                    if !self.complete(now, (server.key(), whence), said, owner, out) {
                        let ended = |user| Event::ServerEnded { server: ServerId(id), user };
                        out.events.extend(user.map(ended));
                    }
                }
            }
            Matching::Client { cancel, .. } => {
                if matches!((entry.user, &entry.machine), (User::NOBODY, Machine::NonInviteClient(_))) {
                    self.cancels -= 1;
                }
                if let Some(cancel) = cancel {
                    self.end_cancel(now, cancel, out);
                }
            }
        }
    }

    /// Keeps what was said until Timer J, as [`Completed::add`](crate::completed::Completed::add) does. Where as many
    /// are kept as servers may be open, the oldest goes: nothing new is refused for what is over, and who asks again
    /// after so many others have asked is answered anew.
    // rfc3261 §17.2.2
    pub(crate) fn complete(
        &mut self,
        now: Tick,
        found_by: (Key, Whence),
        said: (Option<Question>, &[u8]),
        owner: Option<(Id, u64)>,
        out: &mut Out,
    ) -> bool {
        self.completed.make_room(self.limits.servers_max, &mut out.events);
        self.completed.add(now, found_by, said, owner)
    }

    /// The INVITE is over, so nothing can come of its CANCEL: on a reliable transport it would wait
    /// for Timer F in vain.
    fn end_cancel(&mut self, now: Tick, cancel: Id, out: &mut Out) {
        if let Some(entry) = self.entries.get_mut(cancel) {
            entry.machine = Machine::NonInviteClient(NonInviteClient::Terminated(Ending::Finished));
            self.clear_away(now, cancel, out);
        }
    }
}

/// The CANCEL that was printed to `wire`, with a Reason.
// rfc3326 §2
fn saying(wire: &Bytes, reason: &[u8]) -> Bytes {
    reread(wire).map_or_else(
        || wire.clone(),
        |mut cancel| {
            cancel.set(HeaderName::Reason, reason);
            cancel.to_bytes()
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::completed::Completed;
    use crate::limits::{Limits, Timers};
    use bytes::Bytes;
    use ruf_message::{Entropy, Message, StatusCode, Transport};

    #[test]
    fn who_answers_when_the_log_is_full_hears_of_the_end_at_once() {
        let timers = Timers::default();
        let mut transactions = Transactions::new(Limits::default(), timers, Entropy::from_seed([3; 32]));
        transactions.completed = Completed::full(timers.timeout());
        let text = "MESSAGE sip:bob@example.org SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKx\r\n\
            From: <sip:a@example.org>;tag=a\r\nTo: <sip:bob@example.org>\r\nCall-ID: c\r\nCSeq: 1 MESSAGE\r\n\
            Max-Forwards: 70\r\nContent-Length: 0\r\n\r\n";
        let Ok(Message::Request(request)) = Message::parse(Bytes::from_static(text.as_bytes())) else {
            panic!("a request")
        };
        let [local, remote] =
            ["192.0.2.9:5060", "192.0.2.1:5060"].map(|end| end.parse().expect("an address"));
        let flow = Flow { transport: Transport::Udp, listener: 0, local, remote, connection: 0 };
        let mut out = Out::default();
        let server = transactions.accept(Tick::ZERO, flow, &request).expect("room");
        transactions.set_user(server, 7);
        transactions.respond(Tick::ZERO, server, &request.reply(StatusCode::OK), &mut out);
        assert_eq!(out.transmits.len(), 1);
        assert_eq!(out.events, [Event::ServerEnded { server, user: 7 }]);
    }
}
