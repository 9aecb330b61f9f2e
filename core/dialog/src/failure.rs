//! Why a request that was to open a dialog, or one within it, came to nothing (RFC 3261 §8.1.3.1).

use ruf_message::StatusCode;
use std::fmt;

/// Why a request of ours came to nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The far side, or a server on the way, refused with this status.
    Refused(StatusCode),
    /// Nobody answered in time.
    Silence,
    /// It could not be sent: the flow failed, or too many requests of ours are open.
    Unreachable,
    /// A registrar took it, and keeps us for no time at all.
    NotKept,
}

impl Failure {
    /// The status that it counts as.
    // rfc3261 §8.1.3.1: silence is 408, a transport that failed 503
    pub fn status(self) -> StatusCode {
        match self {
            Failure::Refused(status) => status,
            Failure::Silence => StatusCode::REQUEST_TIMEOUT,
            Failure::Unreachable => StatusCode::SERVICE_UNAVAILABLE,
            Failure::NotKept => StatusCode::OK,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::Refused(status) => write!(f, "refused with {status} {}", status.reason()),
            Failure::Silence => f.write_str("not answered in time"),
            Failure::Unreachable => f.write_str("not sent: the peer cannot be reached"),
            Failure::NotKept => f.write_str("accepted, and kept for no time at all"),
        }
    }
}
