//! The order of look-ups: rule, account, bindings.

use ruf_admission::{Accounts, AddressOfRecord, Identity, Lookup};
use ruf_proxy::{Destination, Refusal, TargetSet};

use crate::plan::DialPlan;

/// What routing looks things up in. The node joins the services behind it.
pub trait Directory {
    /// Everybody who has an account.
    fn accounts(&self) -> &dyn Accounts;

    /// Adds the bindings of an account to the targets.
    fn bindings(&self, address: &AddressOfRecord, targets: &mut TargetSet);
}

/// To which targets a request goes, or why to none.
// rfc3261 §16.5
pub fn route(
    plan: &DialPlan,
    destination: &Destination,
    identity: &Identity,
    directory: &impl Directory,
) -> Result<TargetSet, Refusal> {
    match destination {
        Destination::User(address) if plan.is_emergency(address.user()) => {
            service(plan, "urn:service:sos", identity, directory)
        }
        Destination::User(address) => account(address, identity, directory),
        Destination::Service(urn) => service(plan, urn, identity, directory),
        // rfc3261 §16.5: a resource of ours that does not exist
        Destination::Ourselves => Err(Refusal::NotFound),
        // Nothing leaves for somewhere else without a rule, and there is none yet.
        Destination::Elsewhere(_) => Err(Refusal::Forbidden),
    }
}

fn service(
    plan: &DialPlan,
    urn: &str,
    identity: &Identity,
    directory: &impl Directory,
) -> Result<TargetSet, Refusal> {
    let address = plan.service(urn).ok_or(Refusal::NotFound)?;
    account(address, identity, directory)
}

fn account(
    address: &AddressOfRecord,
    identity: &Identity,
    directory: &impl Directory,
) -> Result<TargetSet, Refusal> {
    let account = match directory.accounts().by_alias(address.domain(), address.user()) {
        Lookup::Found(account) => account,
        Lookup::Unknown => return Err(Refusal::NotFound),
        Lookup::Unavailable => return Err(Refusal::Unanswered),
    };
    // A built-in account is reached by its like only; to all others it does not exist.
    if account.hidden && !is_hidden(identity, directory) {
        return Err(Refusal::NotFound);
    }
    let mut targets = TargetSet::new();
    directory.bindings(&account.address, &mut targets);
    match targets.is_empty() {
        true => Err(Refusal::Unavailable),
        false => Ok(targets),
    }
}

fn is_hidden(identity: &Identity, directory: &impl Directory) -> bool {
    match identity {
        Identity::Account(address) => {
            matches!(directory.account(address), Lookup::Found(account) if account.hidden)
        }
        Identity::Peer(_) | Identity::Dialog(_) | Identity::Guest => false,
    }
}
