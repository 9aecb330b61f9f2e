//! A call that is sent on: what its callee says of that, and what whoever is called then may know (RFC 5806,
//! RFC 7044). Not here: following it (core/agent).

use ruf_message::header::diversion::{Diversion, DiversionReason};
use ruf_message::header::history::History;
use ruf_message::header::privacy::Privacy;
use ruf_message::{Fields, HeaderName, NameAddr, Request, Response, Uri};

/// For whom a call was first, before it was sent on to us. Nothing proves it.
#[derive(Clone, Debug, PartialEq)]
pub struct Diverted {
    /// Whom.
    pub uri: Uri,
    /// By which name; may be empty.
    pub display: String,
    /// Why it did not stay there.
    pub reason: DiversionReason,
}

impl Diverted {
    /// What an INVITE says of it. Whoever does not want to be named is not.
    // rfc5806 §3 and rfc7044 §11
    pub fn of(invite: &Fields) -> Option<Self> {
        // rfc5806 §6.5.1: the last is the first
        if let Some(first) = invite.headers_of::<Diversion<'_>>().filter_map(Result::ok).last() {
            let display = String::from_utf8_lossy(&first.display()).into_owned();
            let uri = first.uri().without_headers().to_owned();
            return first.is_open().then(|| Diverted { uri, display, reason: first.reason() });
        }
        // rfc7044 §10.1.2: who forwards it should have hidden it
        if invite.header::<Privacy<'_>>().ok().flatten().is_some_and(|privacy| privacy.hides_history()) {
            return None;
        }
        let uri = History::of(invite).first_mapped()?;
        Some(Diverted { uri, display: String::new(), reason: DiversionReason::Unknown })
    }
}

/// Our response says where its request has been, to whoever wants to know.
// rfc7044 §9.4
pub(crate) fn tell(request: &Request, response: &mut Response) {
    if wants_history(request) {
        History::received(request).write(response);
    }
}

/// A redirection of ours says who redirects, and why.
pub(crate) fn divert(request: &Request, response: &mut Response, by: &[u8], to: &Uri, why: DiversionReason) {
    tell(request, response);
    let mut contact = NameAddr::compose("", to);
    // rfc7044 §8, §10.4: to another user than the URI that brought it here
    if wants_history(request)
        && let Some(here) = History::received(request).last()
    {
        contact.extend(format!(";mp={here}").into_bytes());
    }
    response.add(HeaderName::Contact, contact);
    // rfc5806 §5.1; §6.5.1: above those that are there
    response.add(HeaderName::Diversion, [by, b";reason=", why.as_str().as_bytes()].concat());
    for before in request.raw(HeaderName::Diversion) {
        response.add(HeaderName::Diversion, before);
    }
}

// rfc7044 §9.4
fn wants_history(request: &Request) -> bool {
    request.contains(HeaderName::HistoryInfo)
        || request.supported().any(|tag| tag.eq_ignore_ascii_case("histinfo"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use ruf_message::{Method, StatusCode};

    fn invite(fields: &[(HeaderName, &str)]) -> Request {
        let uri = "sip:bob@1.2.3.4".parse().unwrap();
        let mut builder = Request::build(Method::Invite, &uri).from("<sip:a@h>;tag=a").to("<sip:bob@h>");
        for (name, value) in fields {
            builder = builder.header(*name, value);
        }
        builder.call_id("1").cseq(1).finish().unwrap()
    }

    fn diverted(fields: &[(HeaderName, &str)]) -> Response {
        let request = invite(fields);
        let mut response = request.reply(StatusCode::MOVED_TEMPORARILY);
        let carol = "sip:carol@h".parse().unwrap();
        divert(&request, &mut response, b"\"Bob\" <sip:bob@h>", &carol, DiversionReason::Busy);
        response
    }

    fn lines(response: &Response, name: HeaderName) -> Vec<String> {
        response.raw(name).map(|value| String::from_utf8_lossy(value).into_owned()).collect()
    }

    #[test]
    fn whoever_sends_a_call_on_says_who_and_why() {
        // tests rfc5806 §5.1, rfc5806 §6.5.1
        let before = "<sip:dave@h>;reason=unconditional";
        let response = diverted(&[(HeaderName::Diversion, before)]);
        let expected = ["\"Bob\" <sip:bob@h>;reason=user-busy", before];
        assert_eq!(lines(&response, HeaderName::Diversion), expected);
        assert_eq!(lines(&response, HeaderName::Contact), ["<sip:carol@h>"]);
        assert_eq!(lines(&response, HeaderName::HistoryInfo), [""; 0]);
    }

    #[test]
    fn and_from_where_to_whoever_wants_to_know() {
        // tests rfc7044 §8, §9.4, §10.4
        let response = diverted(&[(HeaderName::Supported, "timer, histinfo")]);
        assert_eq!(lines(&response, HeaderName::HistoryInfo), ["<sip:bob@1.2.3.4>;index=1"]);
        assert_eq!(lines(&response, HeaderName::Contact), ["<sip:carol@h>;mp=1"]);
        let history = "<sip:bob@h>;index=1, <sip:bob@1.2.3.4>;index=1.1;rc=1";
        let response = diverted(&[(HeaderName::HistoryInfo, history)]);
        assert_eq!(lines(&response, HeaderName::HistoryInfo).join(", "), history);
        assert_eq!(lines(&response, HeaderName::Contact), ["<sip:carol@h>;mp=1.1"]);
    }

    #[test]
    fn the_first_who_sent_it_on_is_told() {
        // tests rfc5806 §3, rfc7044 §10.1.2, §11
        let told = |fields: &[(HeaderName, &str)]| {
            Diverted::of(&invite(fields)).map(|first| (first.uri.to_string(), first.display, first.reason))
        };
        let two = "<sip:carol@h>;reason=no-answer, \"Bob\" <sip:bob@h?x=y>;reason=user-busy";
        let first = ("sip:bob@h".to_owned(), "Bob".to_owned(), DiversionReason::Busy);
        assert_eq!(told(&[(HeaderName::Diversion, two)]), Some(first));
        let hidden = "<sip:carol@h>, <sip:bob@h>;privacy=full";
        assert_eq!(told(&[(HeaderName::Diversion, hidden)]), None);
        let history = "<sip:bob@h>;index=1, <sip:bob@1.2.3.4>;index=1.1;rc=1, <sip:c@h>;index=2;mp=1.1";
        let first = ("sip:bob@h".to_owned(), String::new(), DiversionReason::Unknown);
        assert_eq!(told(&[(HeaderName::HistoryInfo, history)]), Some(first));
        for privacy in ["history", "id;header", "History;none"] {
            let hidden = [(HeaderName::HistoryInfo, history), (HeaderName::Privacy, privacy)];
            assert_eq!(told(&hidden), None, "{privacy}");
        }
        let open = [(HeaderName::HistoryInfo, history), (HeaderName::Privacy, "id")];
        assert!(told(&open).is_some());
        assert_eq!((told(&[]), told(&[(HeaderName::HistoryInfo, "<sip:bob@h>;index=1")])), (None, None));
    }
}
