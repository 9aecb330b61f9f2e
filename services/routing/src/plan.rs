//! The dial plan: what a number means before it is a user.

use ruf_admission::AddressOfRecord;
use ruf_message::Uri;

/// The rules of a server. Without any, every number is a user, and nobody answers an emergency.
#[derive(Clone, Default, Debug)]
pub struct DialPlan {
    /// Numbers that call for help: `112`, `911`. Dialled, they are `urn:service:sos`, never a user.
    pub emergency_numbers: Vec<String>,
    /// Who answers an emergency. `None`: nobody does, and start-up says so.
    pub emergency: Option<AddressOfRecord>,
    /// Hosts that we do not serve and accounts of ours may reach: names or addresses as a URI writes
    /// them, each for itself and not for what is below it.
    pub elsewhere: Vec<String>,
}

impl DialPlan {
    /// Whether this user is an emergency number.
    pub(crate) fn is_emergency(&self, user: &str) -> bool {
        self.emergency_numbers.iter().any(|number| number == user)
    }

    /// Whether an account of ours may reach this. An maddr would lead to another host than it names.
    pub(crate) fn leads_to(&self, uri: &Uri) -> bool {
        let uri = uri.as_ref();
        let Some(host) = uri.host().filter(|_| uri.maddr().is_none()) else {
            return false;
        };
        let host = host.to_string();
        self.elsewhere.iter().any(|known| known.eq_ignore_ascii_case(&host))
    }

    /// Who answers for a service, given as URN in lower case: `urn:service:sos`,
    /// `urn:service:sos.police`.
    // rfc5031 §4.2: a sub-service that is not known falls back to its parent
    pub(crate) fn service(&self, urn: &str) -> Option<&AddressOfRecord> {
        match urn.strip_prefix("urn:service:sos")? {
            "" => self.emergency.as_ref(),
            sub if sub.starts_with('.') => self.emergency.as_ref(),
            _ => None,
        }
    }
}
