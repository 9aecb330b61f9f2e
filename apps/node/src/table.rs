//! Who answers whose question: the only place where services meet.
//!
//! | question | of | answered by |
//! | --- | --- | --- |
//! | `Locate`: where does this request go? | core/proxy | services/routing, from accounts and bindings, in the same turn |
//! | `Resolve`: where is this hop found? | core/proxy | from memory: only numeric hosts are found yet |
//! | `Reach`: which flow leads to this place? | core/proxy | the shell, by [`crate::Node::poll_reach`] |

use ruf_admission::AddressOfRecord;
use std::net::SocketAddr;

use ruf_accounts::Accounts;
use ruf_message::{Hop, Place, Tick, Transport};
use ruf_proxy::{Answer, Question, Target, TargetSet, Token, Unreachable};
use ruf_registrar::{Binding, Registrar};
use ruf_routing::{DialPlan, Directory};

/// What is at hand to answer with.
pub(crate) struct Asked<'a> {
    pub(crate) now: Tick,
    pub(crate) plan: &'a DialPlan,
    pub(crate) accounts: &'a Accounts,
    pub(crate) registrar: &'a Registrar,
}

/// How a question was answered.
pub(crate) enum Answered {
    /// From memory.
    Now(Answer),
    /// The shell must say.
    ByTheShell(Token, Place),
}

impl Asked<'_> {
    pub(crate) fn answer(&self, question: Question) -> Answered {
        match question {
            Question::Locate { token, destination, identity, method: _ } => {
                let targets = ruf_routing::route(self.plan, &destination, &identity, self);
                Answered::Now(Answer::Located { token, targets })
            }
            Question::Resolve { token, hop } => {
                let places = numeric(hop).map(|place| vec![place]).ok_or(Unreachable);
                Answered::Now(Answer::Resolved { token, places })
            }
            Question::Reach { token, place } => Answered::ByTheShell(token, place),
        }
    }
}

/// Where a hop with a numeric host is found.
// rfc3263 §4.1 and §4.2
fn numeric(hop: Hop) -> Option<Place> {
    let transport = hop.transport.unwrap_or(Transport::Udp);
    let address = SocketAddr::new(hop.host.ip()?, hop.port.unwrap_or(transport.default_port()));
    Some(Place { transport, address, host: hop.host })
}

impl Directory for Asked<'_> {
    fn accounts(&self) -> &dyn ruf_admission::Accounts {
        self.accounts
    }

    fn bindings(&self, address: &AddressOfRecord, targets: &mut TargetSet) {
        let bindings = self.registrar.locate(self.now, address).filter(|binding| binding.is_target());
        let mut bindings: Vec<&Binding> = bindings.collect();
        // Of several ways to one phone the latest comes first: the others may be of before it started anew.
        bindings.sort_by_key(|binding| std::cmp::Reverse(binding.expires()));
        targets.extend(bindings.into_iter().map(|binding| Target {
            uri: Some(binding.contact().to_owned()),
            flow: Some(binding.flow()),
            routes: binding.routes().map(|hop| hop.to_owned()).collect(),
            instance: binding.instance().map(Vec::into_boxed_slice),
            q: binding.q(),
        }));
    }
}
