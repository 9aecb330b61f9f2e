//! `[limits]`: the bounds an operator may move, as each machine takes them. What is not said keeps the
//! default that the machine itself names.

use std::num::NonZeroUsize;

use serde::Deserialize;

/// The section as it is written; a bound of zero is no bound.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct LimitsConfig {
    /// Transactions at once, of each side.
    pub(crate) transactions: Option<NonZeroUsize>,
    /// Requests that wait in the proxy for an answer, calls that ring among them.
    pub(crate) requests: Option<NonZeroUsize>,
    /// Bindings in all.
    pub(crate) bindings: Option<NonZeroUsize>,
    /// Bindings of one account.
    pub(crate) bindings_per_account: Option<NonZeroUsize>,
    /// Connections at once; the open files that the system grants may hold fewer.
    pub(crate) connections: Option<NonZeroUsize>,
    /// Connections at once from one source.
    pub(crate) connections_per_source: Option<NonZeroUsize>,
    /// Accepted connections that have not sent one whole message yet.
    pub(crate) silent_connections: Option<NonZeroUsize>,
    /// Connections that are being opened to others at once.
    pub(crate) connecting: Option<NonZeroUsize>,
    /// Octets that may wait for one peer to read them.
    pub(crate) unread_bytes_per_connection: Option<NonZeroUsize>,
    /// Nonces that were used and are not over.
    pub(crate) nonces: Option<NonZeroUsize>,
    /// Sources of which something is remembered: that they proved themselves, or failed to.
    pub(crate) sources: Option<NonZeroUsize>,
}

impl LimitsConfig {
    /// Of the transaction layer.
    pub(crate) fn transactions(&self) -> ruf_transaction::Limits {
        let mut limits = ruf_transaction::Limits::default();
        set(&mut limits.clients_max, self.transactions);
        set(&mut limits.servers_max, self.transactions);
        limits
    }

    /// Of the proxy.
    pub(crate) fn proxy(&self) -> ruf_proxy::Limits {
        let mut limits = ruf_proxy::Limits::default();
        set(&mut limits.contexts_max, self.requests);
        limits
    }

    /// Of the registrar.
    pub(crate) fn registrar(&self) -> ruf_registrar::Limits {
        let mut limits = ruf_registrar::Limits::default();
        set(&mut limits.bindings_max, self.bindings);
        set(&mut limits.address.bindings_max, self.bindings_per_account);
        limits
    }

    /// Of the sockets.
    pub(crate) fn connections(&self) -> ruf_net::Limits {
        let mut limits = ruf_net::Limits::default();
        set(&mut limits.connections_max, self.connections);
        set(&mut limits.connections_per_source_max, self.connections_per_source);
        set(&mut limits.silent_max, self.silent_connections);
        set(&mut limits.connecting_max, self.connecting);
        set(&mut limits.queue_bytes_max, self.unread_bytes_per_connection);
        limits
    }

    /// Of the gate.
    pub(crate) fn admission(&self) -> ruf_admission::Limits {
        let mut limits = ruf_admission::Limits::default();
        set(&mut limits.used_nonces_max, self.nonces);
        for table in [
            &mut limits.failures_max,
            &mut limits.challenged_max,
            &mut limits.unproven_max,
            &mut limits.proven_max,
        ] {
            set(table, self.sources);
        }
        limits
    }
}

fn set(bound: &mut usize, said: Option<NonZeroUsize>) {
    if let Some(said) = said {
        *bound = said.get();
    }
}
