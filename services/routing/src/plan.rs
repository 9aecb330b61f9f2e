//! The dial plan: what a number means before it is a user.

use ruf_admission::AddressOfRecord;

/// The rules of a server. Without any, every number is a user, and nobody answers an emergency.
#[derive(Clone, Default, Debug)]
pub struct DialPlan {
    /// Numbers that call for help: `112`, `911`. Dialled, they are `urn:service:sos`, never a user.
    pub emergency_numbers: Vec<String>,
    /// Who answers an emergency. `None`: nobody does, and start-up says so.
    pub emergency: Option<AddressOfRecord>,
}

impl DialPlan {
    /// Whether this user is an emergency number.
    pub(crate) fn is_emergency(&self, user: &str) -> bool {
        self.emergency_numbers.iter().any(|number| number == user)
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
