//! [`Transactions`] and the verbs of its user: accept, respond, send, cancel, tick.
//!
//! Not here: [`Transactions::receive`] (`receive.rs`), how an entry comes, takes its turn and goes
//! (`table.rs`), what the machines do (their own files), who may open a transaction (the caller).

use std::collections::HashMap;

use ruf_message::{Deadlines, Entropy, Flow, Method, Reply, Request, Response, Room, Tick, Transmit};

use crate::branch;
use crate::by_flow::{ByFlow, STANDING};
use crate::completed::{Completed, Key, Question};
use crate::entry::{Entry, Machine, Matching, User};
use crate::invite_client::InviteClient;
use crate::limits::{Limits, Timers};
use crate::mark::{Mark, OurVia};
use crate::matching::{Fingerprint, Keyed, Servers};
use crate::non_invite_client::NonInviteClient;
use crate::out::{Counts, Full, Out};
use crate::reply;
use crate::slab::{ClientId, Id, ServerId, Slab};
use crate::turn::{Alarm, Says, Timer};

/// Messages that are worked on at once are few. What is kept of a storm's may be one of each page of the allocator,
/// which can give none of these back.
const ROOMS_MAX: usize = 16;

/// All transactions of one worker.
///
/// Time and messages go in, [`Out`] comes out. Call [`tick`](Self::tick) when
/// [`deadline`](Self::deadline) has come; earlier or more often does nothing. What the user owes
/// and is owed stands in the crate's documentation.
#[derive(Debug)]
pub struct Transactions {
    pub(crate) limits: Limits,
    pub(crate) timers: Timers,
    pub(crate) entropy: Entropy,
    pub(crate) keyed: Keyed,
    pub(crate) entries: Slab<Entry>,
    pub(crate) servers: Servers,
    pub(crate) by_flow: ByFlow,
    /// Server transactions that have left the table, but for retransmissions.
    pub(crate) completed: Completed,
    pub(crate) alarms: Deadlines<Alarm>,
    pub(crate) counts: Counts,
    /// CANCELs of our own: among the counts, not under the limit.
    pub(crate) cancels: usize,
    /// What the CANCELs of these INVITEs say why, until they leave.
    pub(crate) reasons: HashMap<Id, Box<[u8]>>,
    /// The next Via is written here.
    pub(crate) scratch: Vec<u8>,
    /// What the next messages are read and changed in.
    pub(crate) rooms: Vec<Room>,
    #[cfg(feature = "mutants")]
    pub(crate) mutant: Option<crate::Mutant>,
}

impl Transactions {
    /// An empty table. `entropy` makes the branches and the keys of the look-up.
    pub fn new(limits: Limits, timers: Timers, mut entropy: Entropy) -> Self {
        let keyed = Keyed::new(&mut entropy);
        Transactions {
            limits,
            timers,
            entropy,
            by_flow: ByFlow::new(keyed.clone()),
            keyed,
            entries: Slab::new(),
            servers: Servers::default(),
            completed: Completed::new(timers.timeout()),
            alarms: Deadlines::new(&timers.durations()),
            counts: Counts::default(),
            cancels: 0,
            reasons: HashMap::new(),
            scratch: Vec::new(),
            rooms: Vec::new(),
            #[cfg(feature = "mutants")]
            mutant: None,
        }
    }

    /// Room for the next message that comes or is to leave. That of one that leaves comes back when it was sent; that of
    /// any other is given back by [`Transactions::recycle`], or it is lost, which does no harm.
    pub fn room(&mut self) -> Room {
        self.rooms.pop().unwrap_or_default()
    }

    /// A message is done with.
    pub fn recycle(&mut self, message: impl Into<Room>) {
        if self.rooms.len() < ROOMS_MAX {
            self.rooms.push(message.into());
        }
    }

    /// Holds to these limits from now on; transactions that are open stay.
    pub fn set_limits(&mut self, limits: Limits) {
        self.limits = limits;
    }

    /// Opens a server transaction for a request that [`crate::Received::New`] or [`crate::Received::Cancel`]
    /// brought. Its user's tag is 0 until [`set_user`](Self::set_user).
    pub fn accept(&mut self, now: Tick, flow: Flow, request: &Request) -> Result<ServerId, Full> {
        self.accept_as(now, flow, request, self.fingerprint(request))
    }

    /// The same of a request whose fingerprint is known: [`crate::Heard::New`] brought it.
    pub fn accept_as(
        &mut self,
        now: Tick,
        flow: Flow,
        request: &Request,
        fingerprint: Fingerprint,
    ) -> Result<ServerId, Full> {
        self.open_server(now, flow, request, fingerprint, User::of(0)).map(ServerId)
    }

    /// The user's own tag for a server transaction, echoed in its events.
    pub fn set_user(&mut self, server: ServerId, user: u64) {
        if let Some(entry) = self.entries.get_mut(server.0) {
            entry.user = User::of(user);
        }
    }

    /// Answers the request of a server transaction. What its machine does not allow is dropped:
    /// anything after a final response (but a 2xx again to an INVITE), and to a non-INVITE a 408,
    /// a provisional other than 100, or a 100 too early (RFC 4320).
    pub fn respond(&mut self, now: Tick, server: ServerId, response: &Response, out: &mut Out) {
        if response.status().is_final()
            && let Some(Entry { matching: Matching::Server(matching), .. }) = self.entries.get_mut(server.0)
            && let Some(to_tags) = &mut matching.to_tags
        {
            to_tags.response = Some(self.keyed.tag(response.to_tag()));
        }
        self.says(now, server, Says::Response(response), out);
    }

    /// The same with a reply of our own to `request`, which is the one that the transaction was opened for and no
    /// INVITE: less has to be kept of it than of a response.
    pub fn respond_with(
        &mut self,
        now: Tick,
        server: ServerId,
        request: &Request,
        reply: &Reply,
        out: &mut Out,
    ) {
        self.says(now, server, Says::Reply(reply, request), out);
    }

    fn says(&mut self, now: Tick, server: ServerId, says: Says<'_>, out: &mut Out) {
        self.turn(now, server.0, out, |machine, turn| match machine {
            Machine::InviteServer(machine) => Machine::InviteServer(machine.respond(&says, turn)),
            Machine::NonInviteServer(machine) => Machine::NonInviteServer(machine.respond(&says, turn)),
            client @ (Machine::InviteClient(_) | Machine::NonInviteClient(_)) => client,
        });
    }

    /// Whether there is room for the server transaction of a request that [`crate::Heard::New`] brought.
    /// If there is, [`Transactions::answer`] and [`Transactions::accept_as`] succeed.
    pub fn room_for(&self, request: &Request, fingerprint: Fingerprint) -> Result<(), Full> {
        self.has_room(request, fingerprint)
    }

    /// Answers a request (no INVITE) whose user knows the final answer at once, by a server transaction
    /// that is completed when it begins: [`accept_as`](Self::accept_as) and
    /// [`respond_with`](Self::respond_with) in one. Nobody hears of its end.
    pub fn answer(
        &mut self,
        now: Tick,
        flow: Flow,
        request: &Request,
        fingerprint: Fingerprint,
        reply: &Reply,
        out: &mut Out,
    ) -> Result<(), Full> {
        debug_assert!(request.method() != Method::Invite && reply.status().is_final());
        self.has_room(request, fingerprint)?;
        let flow = reply::reply_to(flow, request);
        let bytes = out.written_once(|out| reply.write_to(request, out));
        out.transmits.push_back(Transmit { flow, bytes });
        // rfc3261 §17.2.2: over a reliable transport, Timer J is zero
        if !flow.transport.is_reliable() {
            let key = Key::new(fingerprint, self.keyed.method(request));
            let whence = self.keyed.whence(flow.remote);
            let said = (Some(Question::of(request)), reply.as_kept());
            // Where there is no place for it, the same question is asked once more.
            self.complete(now, (key, whence), said, None, out);
        }
        Ok(())
    }

    /// Opens a client transaction: pushes our Via (`host[:port]`, or an [`OurVia`]) with a new branch
    /// onto `request` and sends it. Not for ACK ([`send_stateless`](Self::send_stateless)) nor for
    /// CANCEL ([`cancel`](Self::cancel)).
    pub fn send<'v>(
        &mut self,
        now: Tick,
        flow: Flow,
        mut request: Request,
        via: impl Into<OurVia<'v>>,
        user: u64,
        out: &mut Out,
    ) -> Result<ClientId, Full> {
        debug_assert!(!matches!(request.method(), Method::Ack | Method::Cancel));
        let clients = self.counts.invite_clients + self.counts.non_invite_clients - self.cancels;
        if clients >= self.limits.clients_max {
            return Err(Full);
        }
        let random = self.entropy.u64();
        let id = self.entries.next_id();
        let OurVia { sent_by, mark } = via.into();
        let mark = mark.map(|Mark(mark)| mark);
        self.push_via(flow, &mut request, sent_by, |via| branch::write(via, id, random, mark));
        let sent_by = self.keyed.our_sent_by(sent_by, flow.transport);
        debug_assert_eq!(sent_by, self.keyed.sent_by(&request.via()), "as its responses will say it");
        let matching = Matching::Client { random, sent_by, cancel: None };
        let is_invite = request.method() == Method::Invite;
        // rfc3261 §9.1
        let cancel = if is_invite { request.cancel_bytes() } else { Box::default() };
        let id = self.open(now, flow, User::of(user), matching, out, |turn| match is_invite {
            true => Machine::InviteClient(InviteClient::start(|out| request.write_to(out), cancel, turn)),
            false => Machine::NonInviteClient(NonInviteClient::start(|out| request.write_to(out), turn)),
        });
        self.recycle(request);
        Ok(ClientId(id))
    }

    /// Sends a request without a transaction: the ACK of a 2xx, which nobody answers. Its branch
    /// is the same for each retransmission of the same ACK (RFC 3261 sections 16.6 and 16.11).
    pub fn send_stateless(&mut self, flow: Flow, mut request: Request, sent_by: &str, out: &mut Out) {
        let key = self.keyed.stateless(&request);
        self.push_via(flow, &mut request, sent_by, |via| branch::write_stateless(via, key));
        let bytes = out.written_once(|out| request.write_to(out));
        out.transmits.push_back(Transmit { flow, bytes });
        self.recycle(request);
    }

    /// Cancels a pending INVITE (RFC 3261 section 9.1). The CANCEL leaves as soon as a provisional
    /// response is there, and its own responses are absorbed. The INVITE still ends as any does:
    /// with its 487, with another final response that was faster, or with [`crate::Event::Timeout`] if
    /// none comes within 64*T1 of the CANCEL. Does nothing after a final response, or to a request
    /// that is no INVITE.
    pub fn cancel(&mut self, now: Tick, client: ClientId, out: &mut Out) {
        #[cfg(feature = "mutants")]
        if self.mutant == Some(crate::Mutant::CancelUnsent) {
            return;
        }
        self.turn(now, client.0, out, |machine, turn| match machine {
            Machine::InviteClient(machine) => Machine::InviteClient(machine.cancel(turn)),
            Machine::NonInviteClient(_) | Machine::InviteServer(_) | Machine::NonInviteServer(_) => machine,
        });
    }

    /// The same, and the CANCEL says why: the value of its Reason.
    // rfc3326 §2
    pub fn cancel_because(&mut self, now: Tick, client: ClientId, reason: &str, out: &mut Out) {
        if self.entries.get(client.0).is_some() {
            self.reasons.insert(client.0, reason.as_bytes().into());
            self.cancel(now, client, out);
        }
    }

    /// The transport reports that `flow` failed: an ICMP error, a connection closed. Each transaction is told
    /// once, so that reports of a phone that is gone cost no more than what was sent to it since the last.
    pub fn unreachable(&mut self, now: Tick, flow: Flow, out: &mut Out) {
        for id in self.by_flow.take(&flow) {
            if let Some(entry) = self.entries.get_mut(id) {
                entry.seat = STANDING;
            }
            self.turn(now, id, out, |machine, turn| match machine {
                Machine::InviteClient(machine) => Machine::InviteClient(machine.unreachable()),
                Machine::NonInviteClient(machine) => Machine::NonInviteClient(machine.unreachable()),
                Machine::InviteServer(machine) => Machine::InviteServer(machine.unreachable(turn)),
                Machine::NonInviteServer(machine) => Machine::NonInviteServer(machine.unreachable(turn)),
            });
        }
    }

    /// Lets every timer that is due fire.
    pub fn tick(&mut self, now: Tick, out: &mut Out) {
        while let Some((id, timer)) = self.alarms.pop_due(now) {
            self.turn(now, id, out, |machine, turn| match (machine, timer) {
                (Machine::InviteClient(machine), Timer::InviteClient(timer)) => {
                    Machine::InviteClient(machine.timer(timer, turn))
                }
                (Machine::NonInviteClient(machine), Timer::NonInviteClient(timer)) => {
                    Machine::NonInviteClient(machine.timer(timer, turn))
                }
                (Machine::InviteServer(machine), Timer::InviteServer(timer)) => {
                    Machine::InviteServer(machine.timer(timer, turn))
                }
                (Machine::NonInviteServer(machine), Timer::NonInviteServer(timer)) => {
                    Machine::NonInviteServer(machine.timer(timer, turn))
                }
                // The generation of the id lets no timer reach another transaction's machine.
                (
                    machine,
                    Timer::InviteClient(_)
                    | Timer::NonInviteClient(_)
                    | Timer::InviteServer(_)
                    | Timer::NonInviteServer(_),
                ) => machine,
            });
        }
        self.completed.expire(now, &mut out.events);
    }

    /// When [`tick`](Self::tick) next has something to do (or nothing any more: a timer is
    /// cancelled by ignoring it).
    #[must_use]
    pub fn deadline(&self) -> Option<Tick> {
        [self.alarms.next(), self.completed.deadline()].into_iter().flatten().min()
    }

    /// Open transactions, the CANCELs of our own included.
    pub fn len(&self) -> usize {
        self.entries.len() + self.completed.len()
    }

    /// Whether no transaction is open.
    pub fn is_empty(&self) -> bool {
        let is_empty = self.len() == 0;
        debug_assert!(
            !is_empty || (self.servers.is_empty() && self.by_flow.is_empty() && self.reasons.is_empty())
        );
        is_empty
    }

    /// Open transactions by kind.
    pub fn counts(&self) -> Counts {
        let non_invite_servers = self.counts.non_invite_servers + self.completed.len();
        Counts { non_invite_servers, ..self.counts }
    }

    /// Plants a fault.
    #[cfg(feature = "mutants")]
    pub fn plant(&mut self, mutant: crate::Mutant) {
        self.mutant = Some(mutant);
    }

    /// Pushes our Via. // rfc3261 §8.1.1.7, rfc3261 §18.1.1, rfc3581 §3
    fn push_via(
        &mut self,
        flow: Flow,
        request: &mut Request,
        sent_by: &str,
        branch: impl FnOnce(&mut Vec<u8>),
    ) {
        let via = &mut self.scratch;
        via.clear();
        via.extend_from_slice(b"SIP/2.0/");
        via.extend_from_slice(flow.transport.as_str().as_bytes());
        via.push(b' ');
        via.extend_from_slice(sent_by.as_bytes());
        via.extend_from_slice(b";branch=");
        branch(via);
        via.extend_from_slice(b";rport");
        request.push_via(via);
    }
}
