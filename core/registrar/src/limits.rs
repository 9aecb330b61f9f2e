//! What a registrar grants, and how much one address-of-record may hold.

/// Durations and bounds of one address-of-record. The bound of the whole table is the service's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Granted where the request names none.
    pub expires_secs_default: u32,
    /// Less is refused with a 423, if it is also less than an hour (RFC 3261 §10.3 step 7).
    pub expires_secs_min: u32,
    /// More is cut down to this.
    pub expires_secs_max: u32,
    /// Bindings of one address-of-record.
    pub bindings_max: usize,
    /// Contacts in one request.
    pub contacts_per_request_max: usize,
    /// Contact, Call-ID, parameters and Path of one binding, in bytes. Below 65,536.
    pub binding_bytes_max: u16,
    /// Octets of an instance id.
    pub instance_bytes_max: usize,
    /// How often a phone with a flow over a connection must say that it is there (RFC 5626 §4.4). Over UDP
    /// it is not told: it then pings as often as translators need it (§4.4.2), which is more often.
    pub flow_timer_secs: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            expires_secs_default: 3_600,
            expires_secs_min: 60,
            expires_secs_max: 7_200,
            bindings_max: 16,
            contacts_per_request_max: 64,
            binding_bytes_max: 4_096,
            instance_bytes_max: 255,
            flow_timer_secs: 120,
        }
    }
}
