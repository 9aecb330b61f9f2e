//! What a dialog is called: Call-ID and two tags (RFC 3261 §12).

use ruf_message::{Request, Response};
use std::fmt;

/// The name of a dialog at this end: the peer's has the tags the other way round.
///
/// A tag that was not there (RFC 2543) is the empty one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DialogId {
    /// The value of Call-ID, compared octet by octet.
    pub call_id: Box<[u8]>,
    /// The tag of this end.
    pub local_tag: Box<[u8]>,
    /// The tag of the peer.
    pub remote_tag: Box<[u8]>,
}

impl DialogId {
    /// The dialog that a received request names: To is this end.
    // rfc3261 §12
    pub fn of_request(request: &Request) -> Self {
        DialogId {
            call_id: request.call_id().into(),
            local_tag: request.to_tag().unwrap_or_default().into(),
            remote_tag: request.from_tag().unwrap_or_default().into(),
        }
    }

    /// The dialog that a received response names: From is this end.
    // rfc3261 §12
    pub fn of_response(response: &Response) -> Self {
        DialogId {
            call_id: response.call_id().into(),
            local_tag: response.from_tag().unwrap_or_default().into(),
            remote_tag: response.to_tag().unwrap_or_default().into(),
        }
    }
}

impl fmt::Display for DialogId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = String::from_utf8_lossy;
        write!(f, "{} {}/{}", text(&self.call_id), text(&self.local_tag), text(&self.remote_tag))
    }
}
