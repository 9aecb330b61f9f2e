//! Why a REGISTER is refused. A [`Reject`] names what the peer did and knows its own response.

use ruf_message::{HeaderName, Request, Response, StatusCode};

/// What stopped a REGISTER. Nothing has changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reject {
    /// The Request-URI or the address-of-record is in no domain of ours: we do not register
    /// elsewhere on a phone's behalf.
    ForeignDomain,
    /// It requires extensions that we do not know.
    BadExtension(Vec<String>),
    /// They may not change this address-of-record.
    Forbidden,
    /// The To is no SIP or SIPS URI.
    NoAddress,
    /// The address-of-record is not one of the Request-URI's domain, or has no user.
    UnknownAddress,
    /// `*` beside another contact, or with an expiration other than 0.
    BadStar,
    /// It seems to come from this very server: a request to such a binding would come back for ever.
    FromOurselves,
    /// More contacts than one request may have.
    TooManyContacts,
    /// A contact, with its parameters and Path, that is too long to keep.
    ContactTooLarge,
    /// A contact wants to live for less than this, but not for 0.
    IntervalTooBrief {
        /// The shortest time granted.
        min_secs: u32,
    },
    /// The request is older than one that was processed.
    OutOfOrder,
    /// The address-of-record has as many bindings as it may.
    TooManyBindings {
        /// When the first of them ends.
        retry_after_secs: u64,
    },
    /// The table of the whole server is full.
    Overloaded {
        /// When to come back; `None` for a peer that would then send us nothing at all
        /// (RFC 3261 §21.5.4).
        retry_after_secs: Option<u32>,
    },
}

impl Reject {
    /// The response; its To still needs a tag.
    #[must_use]
    pub fn into_response(self, request: &Request) -> Response {
        let (status, reason) = self.status_and_reason();
        let mut response = request.reply(status);
        response.set_status(status, reason);
        match self {
            // rfc3261 §8.2.2.3
            Self::BadExtension(tags) => response.add(HeaderName::Unsupported, tags.join(", ")),
            // rfc3261 §10.3-19
            Self::IntervalTooBrief { min_secs } => {
                response.add(HeaderName::MinExpires, min_secs.to_string());
            }
            Self::TooManyBindings { retry_after_secs } => {
                response.add(HeaderName::RetryAfter, retry_after_secs.to_string());
            }
            Self::Overloaded { retry_after_secs: Some(secs) } => {
                response.add(HeaderName::RetryAfter, secs.to_string());
            }
            Self::Overloaded { retry_after_secs: None }
            | Self::ForeignDomain
            | Self::Forbidden
            | Self::NoAddress
            | Self::UnknownAddress
            | Self::BadStar
            | Self::FromOurselves
            | Self::TooManyContacts
            | Self::ContactTooLarge
            | Self::OutOfOrder => {}
        }
        response
    }

    /// The phrase tells a person in front of a capture more than the number's own would.
    // rfc3261 §10.3-1, §10.3-24: no 6xx among them, and 500 where an update fails
    const fn status_and_reason(&self) -> (StatusCode, &'static str) {
        match self {
            Self::ForeignDomain => (StatusCode::FORBIDDEN, "Domain Not Served Here"),
            Self::BadExtension(_) => (StatusCode::BAD_EXTENSION, ""),
            Self::Forbidden => (StatusCode::FORBIDDEN, ""),
            Self::NoAddress => (StatusCode::BAD_REQUEST, "To Is No SIP URI"),
            Self::UnknownAddress => (StatusCode::NOT_FOUND, ""),
            Self::BadStar => (StatusCode::BAD_REQUEST, "Contact * Needs Expires 0 And No Other Contact"),
            Self::FromOurselves => (StatusCode::FORBIDDEN, "Sent From This Server"),
            Self::TooManyContacts => (StatusCode::BAD_REQUEST, "Too Many Contacts"),
            Self::ContactTooLarge => (StatusCode::REQUEST_ENTITY_TOO_LARGE, "Contact Too Long"),
            Self::IntervalTooBrief { .. } => (StatusCode::INTERVAL_TOO_BRIEF, ""),
            Self::OutOfOrder => (StatusCode::SERVER_INTERNAL_ERROR, "CSeq Not Higher Than Before"),
            Self::TooManyBindings { .. } => (StatusCode::SERVER_INTERNAL_ERROR, "Too Many Bindings"),
            Self::Overloaded { .. } => (StatusCode::SERVICE_UNAVAILABLE, ""),
        }
    }
}
