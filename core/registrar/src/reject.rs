//! Why a REGISTER is refused. A [`Reject`] names what the peer did and knows its own answer.

use ruf_message::{HeaderName, Reply, StatusCode};

/// What stopped a REGISTER. Nothing has changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reject {
    /// It requires extensions that we do not know.
    BadExtension(Vec<String>),
    /// They may not change this address-of-record.
    Forbidden,
    /// `*` beside another contact, or with an expiration other than 0.
    BadStar,
    /// It seems to come from this very server: a request to such a binding would come back for ever.
    FromOurselves,
    /// More contacts than one request may have.
    TooManyContacts,
    /// A contact, with its parameters and Path, that is too long to keep.
    ContactTooLarge,
    /// It carries a Path, and the phone does not say that it knows what that is (RFC 3327 §5.3).
    PathNotSupported,
    /// Its Path is no list of SIP URIs.
    BadPath,
    /// The first proxy in its Path is not where it came from: requests would not find it.
    PathElsewhere,
    /// A flow is to be registered through a proxy that does not keep it (RFC 5626 §11.6).
    FirstHopLacksOutbound,
    /// A flow is to be bound beside other contacts (RFC 5626 §6).
    FlowBesideContacts,
    /// A `sips:` contact with a Request-URI or Path that is not (RFC 5630 §5.2).
    SipsBesideSip,
    /// A `sips:` contact that is reached without TLS.
    SipsWithoutTls,
    /// A phone whose contact is its own address-of-record or GRUU (RFC 5627 §5.1).
    ContactIsItself,
    /// An instance whose contact is no SIP URI (RFC 5627 §5.1).
    InstanceWithoutSip,
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
    /// The change could not be written to the disk, and was undone.
    NotStored {
        /// When to come back.
        retry_after_secs: u32,
    },
    /// The table of the whole server is full.
    Overloaded {
        /// When to come back; `None` for a peer that would then send us nothing at all
        /// (RFC 3261 §21.5.4).
        retry_after_secs: Option<u32>,
    },
}

impl Reject {
    /// The reply, which gives To this tag.
    #[must_use]
    pub fn into_reply(self, to_tag: &str) -> Reply {
        let (status, reason) = self.status_and_reason();
        let mut reply = Reply::saying(status, reason, to_tag);
        match self {
            // rfc3261 §8.2.2.3
            Self::BadExtension(tags) => reply.add(HeaderName::Unsupported, tags.join(", ")),
            // rfc3327 §5.3
            Self::PathNotSupported => reply.add(HeaderName::Unsupported, "path"),
            // rfc3261 §10.3-19
            Self::IntervalTooBrief { min_secs } => {
                reply.add(HeaderName::MinExpires, min_secs.to_string());
            }
            Self::TooManyBindings { retry_after_secs } => {
                reply.add(HeaderName::RetryAfter, retry_after_secs.to_string());
            }
            Self::NotStored { retry_after_secs } => {
                reply.add(HeaderName::RetryAfter, retry_after_secs.to_string());
            }
            Self::Overloaded { retry_after_secs: Some(secs) } => {
                reply.add(HeaderName::RetryAfter, secs.to_string());
            }
            Self::Overloaded { retry_after_secs: None }
            | Self::Forbidden
            | Self::BadStar
            | Self::FromOurselves
            | Self::TooManyContacts
            | Self::ContactTooLarge
            | Self::BadPath
            | Self::PathElsewhere
            | Self::FirstHopLacksOutbound
            | Self::FlowBesideContacts
            | Self::SipsBesideSip
            | Self::SipsWithoutTls
            | Self::ContactIsItself
            | Self::InstanceWithoutSip
            | Self::OutOfOrder => {}
        }
        reply
    }

    /// The phrase tells a person in front of a capture more than the number's own would.
    // rfc3261 §10.3-1, §10.3-24: no 6xx among them, and 500 where an update fails
    const fn status_and_reason(&self) -> (StatusCode, &'static str) {
        match self {
            Self::BadExtension(_) => (StatusCode::BAD_EXTENSION, ""),
            Self::Forbidden => (StatusCode::FORBIDDEN, ""),
            Self::BadStar => (StatusCode::BAD_REQUEST, "Contact * Needs Expires 0 And No Other Contact"),
            Self::FromOurselves => (StatusCode::FORBIDDEN, "Sent From This Server"),
            Self::TooManyContacts => (StatusCode::BAD_REQUEST, "Too Many Contacts"),
            Self::ContactTooLarge => (StatusCode::REQUEST_ENTITY_TOO_LARGE, "Contact Too Long"),
            Self::PathNotSupported => {
                (StatusCode::BAD_EXTENSION, "Path Through A Proxy Unknown To The Phone")
            }
            Self::BadPath => (StatusCode::BAD_REQUEST, "Path Is No List Of SIP URIs"),
            Self::PathElsewhere => (StatusCode::FORBIDDEN, "Path Does Not Lead Back"),
            // rfc5626 §11.6
            Self::FirstHopLacksOutbound => (StatusCode::FIRST_HOP_LACKS_OUTBOUND_SUPPORT, ""),
            Self::FlowBesideContacts => (StatusCode::BAD_REQUEST, "Contact With reg-id Beside Another"),
            Self::SipsBesideSip => (StatusCode::BAD_REQUEST, "SIPS Contact Needs SIPS Request-URI And Path"),
            Self::SipsWithoutTls => (StatusCode::FORBIDDEN, "SIPS Contact Not Over TLS"),
            Self::ContactIsItself => (StatusCode::FORBIDDEN, "Contact Is The Registered Address"),
            Self::InstanceWithoutSip => (StatusCode::FORBIDDEN, "Contact With An Instance Is No SIP URI"),
            Self::IntervalTooBrief { .. } => (StatusCode::INTERVAL_TOO_BRIEF, ""),
            Self::OutOfOrder => (StatusCode::SERVER_INTERNAL_ERROR, "CSeq Not Higher Than Before"),
            Self::TooManyBindings { .. } => (StatusCode::SERVER_INTERNAL_ERROR, "Too Many Bindings"),
            Self::NotStored { .. } => (StatusCode::SERVER_INTERNAL_ERROR, "Bindings Could Not Be Stored"),
            Self::Overloaded { .. } => (StatusCode::SERVICE_UNAVAILABLE, ""),
        }
    }
}
