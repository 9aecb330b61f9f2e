//! [`Agent`]: what it is made of, its registration, and the `poll_*` a driver asks. What a user does with calls is in
//! [`verbs`](crate::verbs).

use crate::alone::Seeking;
use crate::calls::Calls;
use crate::capabilities::{contact, nameless};
use crate::client::{Open, Owner};
use crate::event::{AgentEvent, CallKey, Counts};
use crate::inquiry::Caller;
use crate::register::{Device, Registration, Step};
use crate::server::{Served, Witness};
use crate::settings::Settings;
use crate::subscriptions::Subscriptions;
use crate::way::WayQuestion;
use bytes::Bytes;
use ruf_message::{Entropy, Flow, Message, NameAddr, Tick, Transmit, Uri};
use ruf_session::Failure;
use ruf_transaction::{Event, Received, Transactions};
use std::collections::{HashMap, HashSet, VecDeque};

/// A user agent: see the crate's front page.
///
/// What is asked of a call that is over, or that cannot be done in the state it is in, does nothing:
/// its user learns of the end by [`AgentEvent::Ended`] and may be a moment behind.
#[derive(Debug)]
pub struct Agent {
    pub(crate) settings: Settings,
    pub(crate) entropy: Entropy,
    pub(crate) transactions: Transactions,
    pub(crate) out: ruf_transaction::Out,
    pub(crate) registration: Registration,
    pub(crate) calls: Calls,
    pub(crate) subscriptions: Subscriptions,
    /// Requests of ours, by the tag of their client transaction.
    pub(crate) open: HashMap<u64, Open>,
    /// Requests of others, by the tag of their server transaction.
    pub(crate) served: HashMap<u64, Served>,
    /// What requests of others, out of dialog, are being served.
    pub(crate) witnessed: HashSet<Witness>,
    pub(crate) next: u64,
    pub(crate) events: VecDeque<AgentEvent>,
    pub(crate) questions: VecDeque<WayQuestion>,
    /// Requests of no call that wait for their way.
    pub(crate) seeking: Seeking,
    #[cfg(feature = "mutants")]
    pub(crate) mutant: Option<crate::Mutant>,
}

impl Agent {
    /// An agent that does nothing yet.
    pub fn new(settings: Settings, mut entropy: Entropy) -> Self {
        let aor = NameAddr::compose(&settings.display, &settings.aor);
        let registration = Registration::new(
            aor,
            registrar(&settings.aor),
            settings.route_set.clone(),
            contact(&settings, &settings.flow),
            Device::of(&settings),
            settings.keyring.clone(),
            &mut entropy,
        );
        Agent {
            transactions: Transactions::new(settings.limits.transactions, settings.timers, entropy.fork()),
            out: ruf_transaction::Out::new(),
            registration,
            calls: Calls::new(settings.limits.calls_max),
            subscriptions: Subscriptions::default(),
            open: HashMap::new(),
            served: HashMap::new(),
            witnessed: HashSet::new(),
            next: 1,
            events: VecDeque::new(),
            questions: VecDeque::new(),
            seeking: Seeking::default(),
            #[cfg(feature = "mutants")]
            mutant: None,
            settings,
            entropy,
        }
    }

    /// The way to the server, from here on: another server took over, or the connection was opened anew.
    /// Calls and subscriptions that used the way before go on over this one; what was sent is not sent again, and a
    /// registration moves with the next [`Self::register`].
    pub fn move_to(&mut self, flow: Flow) {
        let before = self.settings.flow;
        self.aim(flow);
        for key in self.calls.by(before) {
            if let Some(call) = self.calls.get_mut(key) {
                call.way.move_to(flow);
            }
            self.go_by(key, flow);
        }
        self.move_subscriptions(before, flow);
    }

    /// Where requests out of dialog go from here on, the next REGISTER among them; what goes on stays where it is. For
    /// an agent without a server, before it calls somebody elsewhere; and where the server is left for another place of
    /// its name, but not lost.
    pub fn aim(&mut self, flow: Flow) {
        self.settings.flow = flow;
        self.registration.move_to(contact(&self.settings, &flow));
    }

    /// Where requests out of dialog go.
    pub fn way_out(&self) -> Flow {
        self.settings.flow
    }

    /// The way that this call's requests of ours go.
    pub fn flow(&self, call: CallKey) -> Option<Flow> {
        self.calls.get(call).map(|call| call.way.flow())
    }

    // --- registration ---

    /// Registers our Contact for so many seconds and keeps it registered, until [`Self::unregister`]
    /// or a refusal.
    // rfc3261 §10.2
    pub fn register(&mut self, now: Tick, expires_secs: u32) {
        let step = self.registration.register(expires_secs);
        self.registered(now, step);
        self.drain(now);
    }

    /// Removes our Contact.
    // rfc3261 §10.2.2
    pub fn unregister(&mut self, now: Tick) {
        let step = self.registration.unregister();
        self.registered(now, step);
        self.drain(now);
    }

    /// The registrar keeps our Contact, as far as we know, and nothing is asked of it.
    pub fn is_registered(&self) -> bool {
        self.registration.is_registered()
    }

    /// The registrar may keep our Contact: it was asked to, and has not said that it does not or does no longer.
    pub fn is_bound(&self) -> bool {
        self.registration.is_bound()
    }

    /// Where a call of ours is continued; one that does not say who we are names no user.
    // rfc3323 §4.1.1.3
    pub(crate) fn contact_of(&self, caller: Caller, flow: &Flow) -> String {
        match caller {
            Caller::Known => self.dialog_contact(flow),
            Caller::Withheld => nameless(&self.settings, flow).to_string(),
        }
    }

    /// The registrar said that it keeps to our flow (RFC 5626 §6), and so that it answers STUN there.
    pub fn keeps_flow(&self) -> bool {
        self.registration.keeps_flow()
    }

    /// Where dialogs of ours are continued: our GRUU, if the registrar gave one.
    // rfc5627 §4.4
    pub(crate) fn dialog_contact(&self, flow: &Flow) -> String {
        match self.registration.gruu() {
            // rfc5626 §4.3: over this flow, if it lasts
            Some(gruu) if self.registration.is_outbound() => format!("{gruu};ob"),
            Some(gruu) => gruu.to_owned(),
            None => contact(&self.settings, flow).to_string(),
        }
    }

    pub(crate) fn registered(&mut self, now: Tick, step: Step) {
        self.events.extend(step.event);
        if let Some(mut request) = step.send {
            self.registration.keyring.authorize(&mut request);
            if self.send(now, self.settings.flow, Owner::Registration, request).is_err() {
                let step = self.registration.failed(now, &mut self.entropy, Failure::Unreachable, None);
                // A failure that may pass waits: this goes no deeper.
                self.events.extend(step.event);
            }
        }
    }

    // --- the driver's side ---

    /// Octets came in by this flow: one whole message. Keepalives and garbage are ignored.
    pub fn receive(&mut self, now: Tick, flow: Flow, bytes: Bytes) {
        match Message::parse(bytes) {
            Ok(message) => match self.transactions.receive(now, flow, message, &mut self.out) {
                Received::Absorbed => {}
                Received::New { flow, request } => self.requested(now, flow, request),
                Received::Ack { flow: _, request } => self.acknowledged(now, &request),
                Received::Cancel { flow, request, invite, user } => {
                    self.cancelled(now, flow, &request, invite.map(|_| user));
                }
                Received::Response { client: _, user, response } => self.responded(now, user, &response),
            },
            Err(malformed) => {
                // rfc3261 §21.4.1, without state
                if let Some(response) = malformed.reply(&self.entropy.token(12)) {
                    let to = ruf_transaction::reply_to_via(flow, &response.via());
                    self.out.transmits.push_back(Transmit { flow: to, bytes: response.to_bytes() });
                }
            }
        }
        self.drain(now);
    }

    /// This flow failed: an ICMP error, a closed connection.
    pub fn unreachable(&mut self, now: Tick, flow: Flow) {
        if flow.transport.is_reliable() {
            for key in self.calls.by(flow) {
                if let Some(call) = self.calls.get_mut(key) {
                    call.way.lose();
                }
            }
        }
        self.transactions.unreachable(now, flow, &mut self.out);
        self.drain(now);
    }

    /// Time passed. Early or extra ones do nothing.
    pub fn tick(&mut self, now: Tick) {
        self.transactions.tick(now, &mut self.out);
        self.drain(now);
        let step = self.registration.tick(now);
        self.registered(now, step);
        // Each call that is due gets one turn, which moves its deadline or was its last.
        let mut turns = self.calls.len();
        while let Some(key) = self.calls.due(now).filter(|_| turns > 0) {
            turns -= 1;
            self.tick_way(now, key);
            self.turn(now, key, |usage, turn| usage.tick(turn));
        }
        self.tick_subscriptions(now);
        self.tick_seeking(now);
        self.drain(now);
    }

    /// When [`Self::tick`] wants to be called next.
    #[must_use]
    pub fn poll_deadline(&self) -> Option<Tick> {
        let calls = [self.transactions.deadline(), self.registration.deadline(), self.calls.deadline()];
        let alone = [self.subscriptions.deadline(), self.seeking.deadline()];
        calls.into_iter().chain(alone).flatten().min()
    }

    /// The next datagram or stream octets to send.
    #[must_use]
    pub fn poll_transmit(&mut self) -> Option<Transmit> {
        self.out.transmits.pop_front()
    }

    /// What happened next.
    #[must_use]
    pub fn poll_event(&mut self) -> Option<AgentEvent> {
        self.events.pop_front()
    }

    /// No call, no transaction: nothing is owed to anybody. A registration may stand, and subscriptions.
    pub fn is_idle(&self) -> bool {
        let counts = Counts { subscriptions: 0, ..self.counts() };
        counts == Counts::default() && self.calls.is_empty() && self.witnessed.is_empty()
    }

    /// What it holds.
    pub fn counts(&self) -> Counts {
        Counts {
            calls: self.calls.len(),
            asked: self.open.len() + self.seeking.len(),
            served: self.served.len(),
            transactions: self.transactions.len(),
            subscriptions: self.subscriptions.len(),
        }
    }

    /// Plants a fault.
    #[cfg(feature = "mutants")]
    pub fn plant(&mut self, mutant: crate::Mutant) {
        match mutant {
            crate::Mutant::Transactions(mutant) => self.transactions.plant(mutant),
            mutant => (self.mutant, self.calls.mutant) = (Some(mutant), Some(mutant)),
        }
    }

    // --- within ---

    /// Hears what became of transactions.
    pub(crate) fn drain(&mut self, now: Tick) {
        while let Some(event) = self.out.events.pop_front() {
            match event {
                Event::Timeout { user, .. } => self.ended(now, user, Some(Failure::Silence)),
                Event::Unreachable { user, .. } => self.ended(now, user, Some(Failure::Unreachable)),
                Event::ClientEnded { user, .. } => self.ended(now, user, None),
                // Their end follows; what a call makes of silence it knows itself.
                Event::ServerTimedOut { .. } | Event::ServerUnreachable { .. } => {}
                Event::ServerEnded { user, .. } => self.served(user),
            }
        }
    }
}

/// The registrar of an address-of-record: its domain.
// rfc3261 §10.2: no user part
fn registrar(aor: &Uri) -> Uri {
    let uri = aor.as_ref();
    let scheme = String::from_utf8_lossy(uri.scheme_bytes()).into_owned();
    let host = uri.host().map_or_else(String::new, |host| host.to_string());
    let port = uri.port().map_or_else(String::new, |port| format!(":{port}"));
    format!("{scheme}:{host}{port}").parse().unwrap_or_else(|_| aor.clone())
}
