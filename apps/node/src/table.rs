//! Who answers whose question: the only place where services meet.
//!
//! | question | of | answered by |
//! | --- | --- | --- |
//! | `Locate`: where does this request go? | core/proxy | services/routing, from accounts and bindings, in the same turn |
//! | `Reach`: which flow leads to this hop? | core/proxy | the shell, by [`crate::Node::poll_reach`] |

use ruf_accounts::Accounts;
use ruf_admission::AddressOfRecord;
use ruf_message::{Hop, Tick};
use ruf_proxy::{Answer, Question, Target, TargetSet, Token};
use ruf_registrar::Registrar;
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
    ByTheShell(Token, Hop),
}

impl Asked<'_> {
    pub(crate) fn answer(&self, question: Question) -> Answered {
        match question {
            Question::Locate { token, destination, identity, method: _ } => {
                let targets = ruf_routing::route(self.plan, &destination, &identity, self);
                Answered::Now(Answer::Located { token, targets })
            }
            Question::Reach { token, hop } => Answered::ByTheShell(token, hop),
        }
    }
}

impl Directory for Asked<'_> {
    fn accounts(&self) -> &dyn ruf_admission::Accounts {
        self.accounts
    }

    fn bindings(&self, address: &AddressOfRecord, targets: &mut TargetSet) {
        let bindings = self.registrar.locate(self.now, address).filter(|binding| binding.is_target());
        targets.extend(bindings.map(|binding| Target {
            uri: Some(binding.contact().to_owned()),
            flow: Some(binding.flow()),
            routes: Vec::new(),
            q: binding.q(),
        }));
    }
}
