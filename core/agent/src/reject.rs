//! Why a request of somebody is refused, and with what (RFC 3261 §8.2, §21).

use crate::capabilities::{ALLOW, ALLOW_EVENTS};
use ruf_events::SubscribeRefused;
use ruf_message::{HeaderName, Request, Response, StatusCode};

/// Why a request is refused, and so its answer.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Reject {
    /// A method we do not know.
    UnknownMethod,
    /// A method we know and do not serve.
    MethodNotAllowed,
    /// A Request-URI that is neither SIP nor SIPS.
    UnsupportedScheme,
    /// A Request-URI that is not us.
    NotFound,
    /// The same request came before, by another way.
    Merged,
    /// Extensions we must know and do not.
    BadExtension(String),
    /// A body of a type we do not take; these we do.
    UnsupportedType(String),
    /// A body in an encoding we do not undo.
    UnsupportedEncoding,
    /// A session interval below what we take.
    IntervalTooSmall { min_secs: u32 },
    /// A tag in To and no such dialog.
    NoDialog,
    /// It lacks what it must have, or has it twice.
    Malformed,
    /// A subscription that is not taken.
    Subscription(SubscribeRefused),
    /// As many subscriptions as may be.
    TooMany,
    /// It is understood, and not done.
    Forbidden,
    /// Our user was not asked, and does not want it.
    Declined,
    /// As many calls as may be.
    Busy,
}

impl Reject {
    // rfc3261 §8.2.6
    pub(crate) fn into_response(self, request: &Request) -> Response {
        let (status, field) = match self {
            Reject::UnknownMethod => {
                (StatusCode::NOT_IMPLEMENTED, Some((HeaderName::Allow, ALLOW.to_owned())))
            }
            // rfc3261 §8.2.1: with Allow
            Reject::MethodNotAllowed => {
                (StatusCode::METHOD_NOT_ALLOWED, Some((HeaderName::Allow, ALLOW.to_owned())))
            }
            Reject::UnsupportedScheme => (StatusCode::UNSUPPORTED_URI_SCHEME, None),
            Reject::NotFound => (StatusCode::NOT_FOUND, None),
            Reject::Merged => (StatusCode::LOOP_DETECTED, None),
            // rfc3261 §8.2.2.3: with Unsupported
            Reject::BadExtension(tags) => (StatusCode::BAD_EXTENSION, Some((HeaderName::Unsupported, tags))),
            // rfc3261 §8.2.3: with Accept
            Reject::UnsupportedType(types) => {
                (StatusCode::UNSUPPORTED_MEDIA_TYPE, Some((HeaderName::Accept, types)))
            }
            // rfc3261 §8.2.3: with Accept-Encoding
            Reject::UnsupportedEncoding => (
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                Some((HeaderName::AcceptEncoding, "identity".to_owned())),
            ),
            // rfc4028 §6: with Min-SE
            Reject::IntervalTooSmall { min_secs } => {
                (StatusCode::SESSION_INTERVAL_TOO_SMALL, Some((HeaderName::MinSe, min_secs.to_string())))
            }
            Reject::NoDialog => (StatusCode::CALL_DOES_NOT_EXIST, None),
            Reject::Malformed => (StatusCode::BAD_REQUEST, None),
            Reject::Subscription(refused) => return refused.into_response(request, ALLOW_EVENTS),
            Reject::TooMany => (StatusCode::TEMPORARILY_UNAVAILABLE, None),
            Reject::Forbidden => (StatusCode::FORBIDDEN, None),
            Reject::Declined => (StatusCode::DECLINE, None),
            Reject::Busy => (StatusCode::BUSY_HERE, None),
        };
        let mut response = request.reply(status);
        if let Some((name, value)) = field {
            response.set(name, value);
        }
        response
    }
}
