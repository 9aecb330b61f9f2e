//! Who answers whose question: the only place where services meet.
//!
//! | question | of | answered by |
//! | --- | --- | --- |
//! | `Locate`: where does this request go? | core/proxy | services/routing, from accounts and bindings, in the same turn |
//! | `Resolve`: where is this hop found? | core/proxy | core/locate, from memory or by way of [`crate::Node::poll_query`] |
//! | `Reach`: which flow leads to this place? | core/proxy | the shell, by [`crate::Node::poll_reach`] |

use std::cmp::Reverse;

use ruf_accounts::Reading;
use ruf_admission::{AddressOfRecord, Identity, Ourselves, Party};
use ruf_message::{Flow, Hop, Place, Tick, Uri};
use ruf_proxy::{Answer, Destination, Question, Reconnect, Target, TargetSet, Token};
use ruf_registrar::{Binding, Registrar};
use ruf_routing::{DialPlan, Directory};
use smallvec::SmallVec;

/// What is at hand to answer with.
pub(crate) struct Asked<'a> {
    pub(crate) now: Tick,
    pub(crate) ourselves: &'a Ourselves,
    pub(crate) plan: &'a DialPlan,
    pub(crate) accounts: Reading<'a>,
    pub(crate) registrar: &'a Registrar,
}

/// How a question was answered.
pub(crate) enum Answered {
    /// From memory.
    Now(Answer),
    /// The locator must say; whether for a call for help.
    ByTheLocator(Token, Hop, bool),
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
            Question::Resolve { token, hop, is_for_help } => Answered::ByTheLocator(token, hop, is_for_help),
            Question::Reach { token, place } => Answered::ByTheShell(token, place),
        }
    }

    /// Where a phone takes connections.
    fn reconnect(&self, address: &AddressOfRecord, binding: &Binding) -> Option<Box<Reconnect>> {
        let there = binding.listens_at(self.ourselves)?;
        let before = binding.flow();
        let place = Place { transport: before.transport, address: there, host: there.ip().into() };
        Some(Box::new(Reconnect { place, address: Some(address.clone()), before }))
    }

    /// The target to be tried first, if there is any.
    pub(crate) fn first_target(&self, destination: &Destination, identity: &Identity) -> Option<Target> {
        ruf_routing::route(self.plan, destination, identity, self).ok()?.into_iter().next()
    }
}

impl Directory for Asked<'_> {
    fn accounts(&self) -> &dyn ruf_admission::Accounts {
        &self.accounts
    }

    fn bindings(&self, address: &AddressOfRecord, targets: &mut TargetSet) {
        let mut found = Found::default();
        self.registrar.locate(self.now, address, |binding| {
            found.add(address, binding, None, self.reconnect(address, binding));
        });
        found.into_targets(targets);
    }

    fn owner(&self, gruu: &Uri) -> Option<AddressOfRecord> {
        Some(self.registrar.gruu(gruu.as_ref(), self.ourselves)?.address().clone())
    }

    fn device(
        &self,
        address: &AddressOfRecord,
        gruu: &Uri,
        onward: Option<Flow>,
        targets: &mut TargetSet,
    ) -> bool {
        let Some(gruu) = self.registrar.gruu(gruu.as_ref(), self.ourselves) else { return false };
        let mut found = Found::default();
        self.registrar.locate(self.now, address, |binding| {
            if gruu.leads_to(binding) {
                found.add(address, binding, onward, self.reconnect(address, binding));
            }
        });
        let is_valid = gruu.outlives_its_bindings() || !found.0.is_empty();
        found.into_targets(targets);
        is_valid
    }
}

/// Bindings as targets: of one instance, the one to be tried first in front.
#[derive(Default)]
struct Found(SmallVec<[(bool, i64, Target); 1]>);

impl Found {
    /// Adds a binding. In a dialog, a flow that the device keeps goes on to be used.
    // rfc5626 §4.3
    fn add(
        &mut self,
        address: &AddressOfRecord,
        binding: &Binding,
        onward: Option<Flow>,
        reconnect: Option<Box<Reconnect>>,
    ) {
        let keeps = binding.is_outbound() && onward == Some(binding.flow());
        let instance = binding.instance().map(Vec::into_boxed_slice);
        let target = Target {
            uri: Some(binding.contact().to_owned()),
            flow: Some(binding.flow()),
            // rfc3327 §5.4
            routes: binding.routes().map(|hop| hop.to_owned()).collect(),
            // rfc5627 §3.3: only an instance has GRUUs
            party: instance.as_ref().map(|_| Party::of(address)),
            instance,
            reconnect,
            q: binding.q(),
        };
        self.0.push((keeps, binding.refreshed_micros(), target));
    }

    // rfc5627 §6.1-2: the most recently refreshed of an instance, and only then the next
    fn into_targets(mut self, targets: &mut TargetSet) {
        self.0.sort_by_key(|(keeps, refreshed, _)| Reverse((*keeps, *refreshed)));
        targets.extend(self.0.into_iter().map(|(_, _, target)| target));
    }
}
