//! What an operator does to a running node: another configuration, and draining before the end.
//!
//! Neither touches what goes on. What a server cannot change while it runs (its listeners, its keys) is
//! no part of this.

use ruf_admission::{Admitted, Domain, Identity, Policy};
use ruf_message::Method;

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

    /// Takes no new call from now on. What goes on goes on; [`Node::is_drained`] says when it is over.
    pub fn drain(&mut self) {
        self.is_draining = true;
    }

    /// Whether no new call is taken.
    #[must_use]
    pub fn is_draining(&self) -> bool {
        self.is_draining
    }

    /// Whether this would be a new call, and none is taken any more.
    pub(crate) fn refuses_new_call(&self, admitted: &Admitted) -> bool {
        let is_new = admitted.request().method() == Method::Invite
            && !matches!(admitted.identity(), Identity::Dialog(_));
        self.is_draining && is_new
    }
}
