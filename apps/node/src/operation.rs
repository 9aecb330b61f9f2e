//! What an operator does to a running node: another configuration, and draining before the end.
//!
//! Neither touches what goes on. What a server cannot change while it runs (its listeners, its keys) is
//! no part of this.

use ruf_admission::{Admitted, Domain, Identity, Policy};
use ruf_message::{Method, Request};
use ruf_proxy::DialogId;
use ruf_routing::DialPlan;

use crate::node::Node;

impl Node {
    /// Serves these domains by this policy from now on. Transactions, contexts, tokens and bindings
    /// stay: a call of a domain that is gone goes on to its end, and its bindings lapse.
    pub fn reconfigure(&mut self, domains: Vec<Domain>, policy: &Policy) {
        self.gate.reconfigure(domains, policy);
    }

    /// Holds so many transactions from now on; those that are open stay.
    pub fn set_transaction_limits(&mut self, limits: ruf_transaction::Limits) {
        self.transactions.set_limits(limits);
    }

    /// What numbers and names mean from now on, and where they may lead.
    pub fn set_plan(&mut self, plan: DialPlan) {
        self.plan = plan;
    }

    /// Takes no new call from now on. What goes on goes on; [`Node::is_drained`] says when it is over.
    pub fn drain(&mut self) {
        self.is_draining = true;
    }

    /// Whether no new call is taken.
    #[must_use]
    pub fn is_draining(&self) -> bool {
        self.is_draining
    }

    /// A call was answered. The ACK ends no transaction, so a server that drains remembers to wait for it:
    /// without it the callee would give up a call that its caller believes to have.
    // rfc3261 §13.3.1.4
    pub(crate) fn note_answered(&mut self, dialog: &DialogId) {
        if self.is_draining {
            self.unacknowledged.insert(dialog.clone());
        }
    }

    /// An ACK goes on to its callee.
    pub(crate) fn note_acknowledged(&mut self, ack: &Request) {
        if self.is_draining {
            let tag = |tag: Option<&[u8]>| tag.unwrap_or_default().to_vec();
            let (caller, callee) = (tag(ack.from_tag()), tag(ack.to_tag()));
            self.unacknowledged.remove(&DialogId::new(ack.call_id(), &caller, &callee));
        }
    }

    /// Whether this would be a new call, and none is taken any more.
    pub(crate) fn refuses_new_call(&self, admitted: &Admitted) -> bool {
        let is_new = admitted.request().method() == Method::Invite
            && !matches!(admitted.identity(), Identity::Dialog(_));
        self.is_draining && is_new
    }
}
