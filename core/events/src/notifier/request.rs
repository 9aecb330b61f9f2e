//! What a SUBSCRIBE must say to be taken (RFC 6665 §4.2.1.1).

use crate::package::EventPackage;
use ruf_message::header::accept;
use ruf_message::header::event::Event;
use ruf_message::header::expires::Expires;
use ruf_message::{HeaderName, Request, Response, StatusCode};

/// A watcher that wants to come back sooner is told to take longer.
// rfc6665 §4.2.1.1: never asked of who wants an hour
const MIN_EXPIRES_SECS: u32 = 60;

/// Why a SUBSCRIBE is not taken, and so its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SubscribeRefused {
    /// Another package, or none.
    BadEvent,
    /// For too short a time.
    TooBrief {
        /// The shortest that is taken.
        min_secs: u32,
    },
    /// It takes no body of the type that we write.
    NotAcceptable,
    /// It opens no dialog.
    Malformed,
}

impl SubscribeRefused {
    /// The answer, from who knows these packages: the value of Allow-Events.
    // rfc6665 §4.2.1.1
    pub fn into_response(self, request: &Request, packages: &str) -> Response {
        let (status, field) = match self {
            SubscribeRefused::BadEvent => {
                (StatusCode::BAD_EVENT, Some((HeaderName::AllowEvents, packages.to_owned())))
            }
            SubscribeRefused::TooBrief { min_secs } => {
                (StatusCode::INTERVAL_TOO_BRIEF, Some((HeaderName::MinExpires, min_secs.to_string())))
            }
            SubscribeRefused::NotAcceptable => (StatusCode::NOT_ACCEPTABLE, None),
            SubscribeRefused::Malformed => (StatusCode::BAD_REQUEST, None),
        };
        let mut response = request.reply(status);
        if let Some((name, value)) = field {
            response.set(name, value);
        }
        response
    }
}

/// For how many seconds it is taken.
pub(super) fn asked_secs(package: &EventPackage, request: &Request) -> Result<u32, SubscribeRefused> {
    let event = request.header::<Event<'_>>().ok().flatten();
    if event.is_none_or(|event| event.event.as_str() != package.name) {
        return Err(SubscribeRefused::BadEvent);
    }
    // rfc6665 §3.1.3, §3.2.1-3, §4.1.2.1, rfc3856 §6.7: who does not say takes the package's own
    if accept::takes(request, package.content_type) == Some(false) {
        return Err(SubscribeRefused::NotAcceptable);
    }
    match request.header::<Expires>() {
        // rfc6665 §3.1.1
        Ok(None) => Ok(package.expires_secs),
        // rfc6665 §4.2.1.1: 0 asks how things are, once
        Ok(Some(Expires(secs))) if secs > 0 && secs < MIN_EXPIRES_SECS => {
            Err(SubscribeRefused::TooBrief { min_secs: MIN_EXPIRES_SECS })
        }
        // rfc6665 §4.2.1.1: shortened, and not lengthened
        Ok(Some(Expires(secs))) => Ok(secs.min(package.expires_secs)),
        Err(_) => Err(SubscribeRefused::Malformed),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::presence::PRESENCE;
    use ruf_message::Method;

    fn asked(fields: &[(HeaderName, &str)]) -> Result<u32, SubscribeRefused> {
        let uri = "sip:a@h".parse().unwrap();
        let mut builder = Request::build(Method::Subscribe, &uri).from("<sip:b@h>;tag=b").to("<sip:a@h>");
        for (name, value) in fields {
            builder = builder.header(*name, value);
        }
        asked_secs(&PRESENCE, &builder.call_id("1").cseq(1).finish().unwrap())
    }

    #[test]
    fn an_interval_is_shortened_and_never_lengthened() {
        // tests rfc6665 §3.1.1, §4.2.1.1
        let event = (HeaderName::Event, "presence");
        let secs = |secs| asked(&[event, (HeaderName::Expires, secs)]);
        assert_eq!(asked(&[event]), Ok(3_600));
        assert_eq!((secs("0"), secs("60"), secs("7200")), (Ok(0), Ok(60), Ok(3_600)));
        assert_eq!(
            (secs("59"), secs("1")),
            (
                Err(SubscribeRefused::TooBrief { min_secs: MIN_EXPIRES_SECS }),
                Err(SubscribeRefused::TooBrief { min_secs: MIN_EXPIRES_SECS })
            )
        );
        assert_eq!(secs("soon"), Err(SubscribeRefused::Malformed));
    }

    #[test]
    fn another_package_is_a_bad_event() {
        // tests rfc6665 §4.2.1.1
        for other in ["dialog", "presence.winfo", "Presence"] {
            assert_eq!(asked(&[(HeaderName::Event, other)]), Err(SubscribeRefused::BadEvent));
        }
        assert_eq!(asked(&[]), Err(SubscribeRefused::BadEvent));
    }

    #[test]
    fn who_takes_no_presence_document_gets_none() {
        // tests rfc6665 §3.1.3, §3.2.1-3, §4.1.2.1, rfc3856 §6.7
        let accepting = |accept| asked(&[(HeaderName::Event, "presence"), (HeaderName::Accept, accept)]);
        for good in ["application/pidf+xml", "text/plain, Application/PIDF+xml;q=0.1", "*/*", "application/*"]
        {
            assert_eq!(accepting(good), Ok(3_600), "{good}");
        }
        for bad in ["application/xpidf+xml", "application/pidf+xml;q=0, */*", ""] {
            assert_eq!(accepting(bad), Err(SubscribeRefused::NotAcceptable), "{bad}");
        }
    }
}
