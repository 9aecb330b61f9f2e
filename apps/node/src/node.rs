//! The way of a datagram through the machines: parse, transaction, gate, user; and back out.
//!
//! Read [`Node::receive`] downwards: it is the life of a request. What belongs to a machine is in
//! its own crate; which service answers whose question is in [`crate::table`].

use std::collections::VecDeque;

use bytes::Bytes;
use ruf_accounts::Accounts;
use ruf_admission::{AddressOfRecord, Admitted, Gate, Verdict};
use ruf_message::{Flow, Hop, Malformed, Message, Method, Request, Response, StatusCode, Tick, Transmit};
use ruf_proxy::Proxy;
use ruf_registrar::{Binding, Registrar};
use ruf_transaction::{Event, Received, Transactions};

use crate::counters::Counters;
use crate::{own, table};

/// What a node is made of; each machine comes ready.
pub struct Parts {
    /// The transaction layer.
    pub transactions: Transactions,
    /// The gate, which knows where we are.
    pub gate: Gate,
    /// The proxy.
    pub proxy: Proxy,
    /// The bindings.
    pub registrar: Registrar,
    /// Who may use this server.
    pub accounts: Accounts,
}

/// One worker's machines.
pub struct Node {
    pub(crate) transactions: Transactions,
    pub(crate) gate: Gate,
    pub(crate) proxy: Proxy,
    pub(crate) registrar: Registrar,
    pub(crate) accounts: Accounts,
    pub(crate) out: ruf_transaction::Out,
    pub(crate) asked: ruf_proxy::Out,
    pub(crate) reach: VecDeque<(u64, Hop)>,
    pub(crate) counters: Counters,
    #[cfg(feature = "mutants")]
    pub(crate) mutant: Option<crate::mutant::Mutant>,
}

impl Node {
    /// Composes the machines.
    pub fn new(parts: Parts) -> Node {
        Node {
            transactions: parts.transactions,
            gate: parts.gate,
            proxy: parts.proxy,
            registrar: parts.registrar,
            accounts: parts.accounts,
            out: ruf_transaction::Out::new(),
            asked: ruf_proxy::Out::default(),
            reach: VecDeque::new(),
            counters: Counters::default(),
            #[cfg(feature = "mutants")]
            mutant: None,
        }
    }

    /// A datagram came over a flow.
    pub fn receive(&mut self, now: Tick, flow: Flow, datagram: Bytes) {
        self.counters.received += 1;
        if is_keepalive(&datagram) {
            return;
        }
        let octets = datagram.len();
        match Message::parse(datagram) {
            Ok(message) => self.receive_message(now, flow, message, octets),
            Err(malformed) => self.refuse_malformed(now, flow, &malformed, octets),
        }
        self.settle(now);
    }

    fn receive_message(&mut self, now: Tick, flow: Flow, message: Message, octets: usize) {
        match self.transactions.receive(now, flow, message, &mut self.out) {
            Received::Absorbed => {}
            Received::New { flow, request } => self.admit(now, flow, request, octets),
            Received::Ack { flow, request } => self.acknowledge(now, flow, request),
            Received::Cancel { flow, request, invite, user } => {
                self.cancel(now, flow, &request, invite.map(|_| user), octets);
            }
            Received::Response { client, user, response } => self.proxy.response(
                now,
                user,
                client,
                response,
                &self.gate,
                &mut self.transactions,
                &mut self.out,
                &mut self.asked,
            ),
        }
    }

    /// A request that no transaction knows: through the gate, then to its user.
    fn admit(&mut self, now: Tick, flow: Flow, request: Request, octets: usize) {
        let copy = request.clone();
        match self.gate.admit(now, flow, request, &self.accounts) {
            Verdict::Admitted(admitted) => {
                self.counters.admitted += 1;
                self.dispatch(now, admitted, octets);
            }
            Verdict::Reply(response) => {
                self.counters.refused += 1;
                self.reply_stateless(now, flow, &copy, &response, octets);
            }
            Verdict::Drop => self.counters.dropped += 1,
        }
    }

    /// To whom an admitted request goes. The registrar and the server itself answer at once;
    /// everything else is the proxy's.
    fn dispatch(&mut self, now: Tick, admitted: Admitted, octets: usize) {
        let request = admitted.request();
        if own::is_for_us(request, self.gate.ourselves()) {
            let flow = admitted.flow();
            let request = request.clone();
            let response = match request.method() {
                Method::Register => self.register(now, admitted),
                _ => own::answer(&request, &self.gate),
            };
            self.respond(now, flow, &request, response, octets);
            return;
        }
        self.proxy.request(
            now,
            admitted,
            &self.gate,
            &mut self.transactions,
            &mut self.out,
            &mut self.asked,
        );
    }
}
