//! One dialog: made from the messages that establish it, asked for the requests within it, told of
//! those that arrive (RFC 3261 §12.1, §12.2).

use crate::id::DialogId;
use crate::route_set::RouteSet;
use ruf_message::{Contact, HeaderName, Method, NameAddr, Request, RequestBuilder, Response, Scheme, Uri};
use std::fmt;

/// Who sent the request that established the dialog, and so owns its Call-ID.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// This end did.
    Caller,
    /// The peer did.
    Callee,
}

/// How far a dialog is.
///
/// ```text
///   1xx with a tag          2xx
///  ---------------> Early -------> Confirmed
///  ------------------------------>
///             2xx
/// ```
/// What ends it belongs to its usage: dropping the value is the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Made by a provisional response; gone when the request fails.
    Early,
    /// Made or confirmed by a 2xx.
    Confirmed,
}

/// A peer-to-peer relation of two user agents, as one of them sees it.
#[derive(Clone, Debug)]
pub struct Dialog {
    id: DialogId,
    role: Role,
    stage: Stage,
    /// What we write into From: display name, URI and tag.
    local: Vec<u8>,
    /// What we write into To.
    remote: Vec<u8>,
    local_cseq: Option<u32>,
    remote_cseq: Option<u32>,
    remote_target: Uri,
    route_set: RouteSet,
    secure: bool,
}

impl Dialog {
    /// The dialog that this response to our request establishes. `secure_flow`: it went over TLS.
    ///
    /// A response without Contact (many 180 and old 2xx) leaves the target where the request went.
    // rfc3261 §12.1.2
    pub fn caller(request: &Request, response: &Response, secure_flow: bool) -> Result<Self, Unestablished> {
        let mut route_set = routes(response.record_routes())?;
        // rfc3261 §12.1.2: Record-Route of the response, in reverse order
        route_set.reverse();
        Ok(Dialog {
            id: DialogId::of_response(response),
            role: Role::Caller,
            stage: stage(response),
            // rfc3261 §12.1.2: the remote URI is that of To, the local URI that of From
            local: party(&response.from()),
            remote: party(&response.to()),
            // rfc3261 §12.1.2: the local sequence number is that of the request, the remote one empty
            local_cseq: Some(request.cseq().number),
            remote_cseq: None,
            remote_target: target(response.contacts()).unwrap_or_else(|| request.uri().to_owned()),
            route_set: RouteSet::new(route_set),
            secure: secure_flow && request.uri().scheme() == Scheme::Sips,
        })
    }

    /// The dialog that our response with this tag to the request establishes. `secure_flow`: the
    /// request came over TLS.
    // rfc3261 §12.1.1
    pub fn callee(request: &Request, local_tag: &str, secure_flow: bool) -> Result<Self, Unestablished> {
        let mut local = party(&request.to());
        local.extend(b";tag=");
        local.extend(local_tag.as_bytes());
        Ok(Dialog {
            id: DialogId { local_tag: local_tag.as_bytes().into(), ..DialogId::of_request(request) },
            role: Role::Callee,
            stage: Stage::Early,
            local,
            remote: party(&request.from()),
            // rfc3261 §12.1.1: the remote sequence number is that of the request, the local one empty
            local_cseq: None,
            remote_cseq: Some(request.cseq().number),
            remote_target: target(request.contacts()).ok_or(Unestablished::NoContact)?,
            // rfc3261 §12.1.1: Record-Route of the request, in order
            route_set: RouteSet::new(routes(request.record_routes())?),
            secure: secure_flow && request.uri().scheme() == Scheme::Sips,
        })
    }

    /// The dialog that this NOTIFY establishes, after a SUBSCRIBE of ours with this number. `secure_flow`: it came
    /// over TLS.
    // rfc6665 §4.4.1: the route set is that of the NOTIFY, not of the response to the SUBSCRIBE
    pub fn subscriber(notify: &Request, local_cseq: u32, secure_flow: bool) -> Result<Self, Unestablished> {
        let remote_target = target(notify.contacts()).ok_or(Unestablished::NoContact)?;
        Ok(Dialog {
            id: DialogId::of_request(notify),
            role: Role::Caller,
            stage: Stage::Confirmed,
            local: party(&notify.to()),
            remote: party(&notify.from()),
            local_cseq: Some(local_cseq),
            remote_cseq: Some(notify.cseq().number),
            secure: secure_flow && remote_target.as_ref().scheme() == Scheme::Sips,
            remote_target,
            // rfc3261 §12.1.1: Record-Route of the request, in order
            route_set: RouteSet::new(routes(notify.record_routes())?),
        })
    }

    /// A 2xx came on an early dialog of ours: it is confirmed, its route set computed anew (an RFC
    /// 2543 peer repeats Record-Route in the 2xx only). Sequence numbers stay.
    // rfc3261 §13.2.2.4
    pub fn confirm_by(&mut self, response: &Response) -> Result<(), Unestablished> {
        let mut route_set = routes(response.record_routes())?;
        route_set.reverse();
        self.route_set = RouteSet::new(route_set);
        self.stage = Stage::Confirmed;
        self.refresh(response.contacts());
        Ok(())
    }

    /// We answered with a 2xx.
    pub fn confirm(&mut self) {
        self.stage = Stage::Confirmed;
    }

    /// The next request of ours: sequence number one higher than the last, addressed and routed by
    /// the dialog's state. It has no Via yet; `contact` belongs into target refresh requests.
    ///
    /// `first_cseq` is where our numbers start if this is the first of them.
    // rfc3261 §12.2.1.1
    pub fn request(&mut self, method: Method, first_cseq: u32) -> RequestBuilder {
        let number = self.next_cseq(first_cseq);
        self.build(method, number)
    }

    /// The ACK of a 2xx to the INVITE with this number.
    // rfc3261 §13.2.2.4: made like any request within the dialog, the number is the INVITE's
    pub fn ack(&self, invite_cseq: u32) -> RequestBuilder {
        self.build(Method::Ack, invite_cseq)
    }

    /// Takes the next sequence number of ours: for a request sent again with credentials.
    // rfc3261 §12.2.1.1
    pub fn next_cseq(&mut self, first_cseq: u32) -> u32 {
        let number = self.local_cseq.map_or(first_cseq, |last| last.saturating_add(1));
        self.local_cseq = Some(number);
        number
    }

    fn build(&self, method: Method, cseq: u32) -> RequestBuilder {
        let (uri, routes) = self.route_set.apply(&self.remote_target);
        let mut builder = Request::build(method, &uri);
        for route in &routes {
            builder = builder.header(HeaderName::Route, NameAddr::compose("", route));
        }
        builder.from(&self.local).to(&self.remote).call_id(&self.id.call_id).cseq(cseq)
    }

    /// A request of the peer arrived in this dialog; ACK and CANCEL are not asked about.
    ///
    /// # Errors
    /// Its number is lower than one seen before: the answer is 500.
    // rfc3261 §12.2.2
    pub fn accept(&mut self, request: &Request) -> Result<(), OutOfOrder> {
        let number = request.cseq().number;
        match self.remote_cseq {
            Some(last) if number < last => Err(OutOfOrder),
            // A gap is no error: a proxy may have challenged what was between.
            Some(_) | None => {
                self.remote_cseq = Some(number);
                Ok(())
            }
        }
    }

    /// A target refresh request, or the 2xx to one of ours, names where the peer is now.
    // rfc3261 §12.2.2 and rfc3261 §12.2.1.2
    pub fn refresh<'a>(&mut self, contacts: impl Iterator<Item = Contact<'a>>) {
        if let Some(target) = target(contacts) {
            self.remote_target = target;
        }
    }

    /// Its name.
    pub fn id(&self) -> &DialogId {
        &self.id
    }

    /// Whose request made it.
    pub fn role(&self) -> Role {
        self.role
    }

    /// Early or confirmed.
    pub fn stage(&self) -> Stage {
        self.stage
    }

    /// Who this end is: the URI of its From.
    // rfc3261 §12.1.1, §12.1.2
    pub fn local_uri(&self) -> Uri {
        NameAddr::decode(&self.local).map(|local| local.uri().to_owned()).unwrap_or_default()
    }

    /// Who the peer is: the URI of its From.
    // rfc3261 §12.1.1, §12.1.2
    pub fn remote_uri(&self) -> Uri {
        NameAddr::decode(&self.remote).map(|remote| remote.uri().to_owned()).unwrap_or_default()
    }

    /// The peer names itself otherwise, in a request that was accepted: what we write into To from here on.
    // rfc4916 §4.4.1, §4.4.2
    pub fn rename(&mut self, from: &NameAddr<'_>) {
        self.remote = party(from);
    }

    /// Where the peer wants its requests.
    pub fn remote_target(&self) -> &Uri {
        &self.remote_target
    }

    /// Where its requests are sent.
    // rfc3261 §12.2.1.1
    pub fn next_hop(&self) -> &Uri {
        self.route_set.next_hop(&self.remote_target)
    }

    /// The servers on the way.
    pub fn route_set(&self) -> &RouteSet {
        &self.route_set
    }

    /// Made over TLS for a `sips:` URI: our Contact must be one, too.
    // rfc3261 §12.1.1 and rfc3261 §12.1.2
    pub fn is_secure(&self) -> bool {
        self.secure
    }
}

/// Why a message establishes no dialog.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unestablished {
    /// The request has no Contact with a SIP or SIPS URI; the answer is 400.
    NoContact,
    /// More servers in Record-Route than [`RouteSet::SERVERS_MAX`].
    RouteTooLong,
}

impl fmt::Display for Unestablished {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Unestablished::NoContact => "no Contact with a SIP URI",
            Unestablished::RouteTooLong => "too many servers in Record-Route",
        })
    }
}

impl std::error::Error for Unestablished {}

/// A request within a dialog with a sequence number below one that was seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutOfOrder;

fn stage(response: &Response) -> Stage {
    if response.status().is_success() { Stage::Confirmed } else { Stage::Early }
}

/// The URIs of Record-Route with all their parameters, in the order of the message.
fn routes<'a>(values: impl Iterator<Item = NameAddr<'a>>) -> Result<Vec<Uri>, Unestablished> {
    let uris: Vec<Uri> = values.take(RouteSet::SERVERS_MAX + 1).map(|value| value.uri().to_owned()).collect();
    if uris.len() > RouteSet::SERVERS_MAX { Err(Unestablished::RouteTooLong) } else { Ok(uris) }
}

/// The first Contact that is a SIP or SIPS URI.
fn target<'a>(contacts: impl Iterator<Item = Contact<'a>>) -> Option<Uri> {
    contacts.filter_map(|contact| contact.uri()).find(|uri| uri.is_sip()).map(|uri| uri.to_owned())
}

/// Display name, URI and tag of a From or To, on one line and without other parameters.
fn party(address: &NameAddr<'_>) -> Vec<u8> {
    let display =
        String::from_utf8_lossy(&address.display()).replace(|character: char| character.is_control(), " ");
    let mut party = NameAddr::compose(&display, &address.uri().to_owned());
    if let Some(tag) = address.tag() {
        party.extend(b";tag=");
        party.extend(tag);
    }
    party
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;
    use ruf_message::{Message, StatusCode};

    fn parsed(text: &str) -> Message {
        Message::parse(Bytes::from(text.replace('\n', "\r\n") + "\r\n")).unwrap()
    }

    fn request(text: &str) -> Request {
        match parsed(text) {
            Message::Request(request) => request,
            Message::Response(_) => panic!("a response"),
        }
    }

    fn invite() -> Request {
        request(
            "INVITE sip:bob@biloxi.example.com SIP/2.0
Via: SIP/2.0/UDP pc33.example.com;branch=z9hG4bK776
Record-Route: <sip:p2.example.com;lr>, <sip:p1.example.com;lr;x=1>
Max-Forwards: 70
To: Bob <sip:bob@biloxi.example.com>
From: \"Alice \\\"A\\\"\" <sip:alice@atlanta.example.com>;tag=1928
Call-ID: a84b4c76e66710
CSeq: 314159 INVITE
Contact: <sip:alice@pc33.example.com>
",
        )
    }

    fn answer(status: StatusCode, contact: &str) -> Response {
        let mut response = invite().reply(status);
        response.set_to_tag("a6c8");
        for value in invite().raw(HeaderName::RecordRoute) {
            response.add(HeaderName::RecordRoute, value);
        }
        if !contact.is_empty() {
            response.add(HeaderName::Contact, contact);
        }
        response
    }

    fn routes_of(request: &Request) -> Vec<String> {
        request.routes().map(|route| route.uri().to_string()).collect()
    }

    #[test]
    fn the_caller_routes_back_through_the_servers_of_the_answer() {
        // tests rfc3261 §12.1.2, §12.2.1.1
        let mut dialog =
            Dialog::caller(&invite(), &answer(StatusCode::OK, "<sip:bob@192.0.2.4>"), false).unwrap();
        assert_eq!((dialog.role(), dialog.stage()), (Role::Caller, Stage::Confirmed));
        let bye = dialog.request(Method::Bye, 1).finish().unwrap();
        assert_eq!(bye.uri().to_string(), "sip:bob@192.0.2.4");
        assert_eq!(routes_of(&bye), ["sip:p1.example.com;lr;x=1", "sip:p2.example.com;lr"]);
        assert_eq!((bye.cseq().number, bye.call_id()), (314_160, &b"a84b4c76e66710"[..]));
        assert_eq!((bye.from_tag(), bye.to_tag()), (Some(&b"1928"[..]), Some(&b"a6c8"[..])));
        assert_eq!(bye.from().display(), &b"Alice \"A\""[..]);
        assert_eq!(bye.max_forwards(), Some(70));
        assert_eq!(dialog.ack(314_159).finish().unwrap().cseq().number, 314_159);
    }

    #[test]
    fn the_callee_routes_back_through_the_servers_of_the_request() {
        // tests rfc3261 §12.1.1, §12.2.1.1
        let mut dialog = Dialog::callee(&invite(), "a6c8", false).unwrap();
        assert_eq!((dialog.role(), dialog.stage()), (Role::Callee, Stage::Early));
        let uris = (dialog.local_uri().to_string(), dialog.remote_uri().to_string());
        assert_eq!(uris, ("sip:bob@biloxi.example.com".into(), "sip:alice@atlanta.example.com".into()));
        let bye = dialog.request(Method::Bye, 7).finish().unwrap();
        assert_eq!(bye.uri().to_string(), "sip:alice@pc33.example.com");
        assert_eq!(routes_of(&bye), ["sip:p2.example.com;lr", "sip:p1.example.com;lr;x=1"]);
        assert_eq!((bye.from_tag(), bye.to_tag()), (Some(&b"a6c8"[..]), Some(&b"1928"[..])));
        assert_eq!((bye.cseq().number, dialog.next_cseq(7)), (7, 8));
    }

    #[test]
    fn a_notify_makes_the_dialog_of_a_subscription() {
        // tests rfc6665 §4.4.1
        let mut notify = invite();
        notify.set(HeaderName::To, "Bob <sip:bob@biloxi.example.com>;tag=ours");
        let mut dialog = Dialog::subscriber(&notify, 7, false).unwrap();
        assert_eq!((dialog.role(), dialog.stage()), (Role::Caller, Stage::Confirmed));
        assert_eq!((&*dialog.id().local_tag, &*dialog.id().remote_tag), (&b"ours"[..], &b"1928"[..]));
        let refresh = dialog.request(Method::Subscribe, 1).finish().unwrap();
        assert_eq!(refresh.uri().to_string(), "sip:alice@pc33.example.com");
        assert_eq!(routes_of(&refresh), ["sip:p2.example.com;lr", "sip:p1.example.com;lr;x=1"]);
        assert_eq!((refresh.from_tag(), refresh.to_tag()), (Some(&b"ours"[..]), Some(&b"1928"[..])));
        assert_eq!((refresh.cseq().number, dialog.accept(&notify)), (8, Ok(())));
        notify.set(HeaderName::CSeq, "1 INVITE");
        assert_eq!(dialog.accept(&notify), Err(OutOfOrder));
        notify.remove(HeaderName::Contact);
        assert_eq!(Dialog::subscriber(&notify, 7, false).unwrap_err(), Unestablished::NoContact);
    }

    #[test]
    fn a_2xx_confirms_an_early_dialog_and_keeps_its_numbers() {
        // tests rfc3261 §13.2.2.4
        let mut early = Dialog::caller(&invite(), &answer(StatusCode::RINGING, ""), false).unwrap();
        assert_eq!(early.stage(), Stage::Early);
        assert_eq!(early.remote_target().to_string(), "sip:bob@biloxi.example.com");
        assert_eq!(early.next_cseq(1), 314_160);
        let mut ok = answer(StatusCode::OK, "<sip:bob@192.0.2.4>");
        ok.remove(HeaderName::RecordRoute);
        early.confirm_by(&ok).unwrap();
        assert_eq!((early.stage(), early.next_cseq(1)), (Stage::Confirmed, 314_161));
        assert!(early.route_set().servers().is_empty());
        assert_eq!(early.remote_target().to_string(), "sip:bob@192.0.2.4");
    }

    #[test]
    fn a_number_below_one_that_was_seen_is_out_of_order() {
        // tests rfc3261 §12.2.2
        let mut dialog = Dialog::callee(&invite(), "a6c8", false).unwrap();
        let numbered = |number: u32| {
            let mut request = invite();
            request.set(HeaderName::CSeq, format!("{number} INVITE"));
            request
        };
        assert_eq!(dialog.accept(&numbered(314_158)), Err(OutOfOrder));
        assert_eq!(dialog.accept(&numbered(314_170)), Ok(()), "a gap is no error");
        assert_eq!(dialog.accept(&numbered(314_160)), Err(OutOfOrder));
        let mut caller = Dialog::caller(&invite(), &answer(StatusCode::OK, "<sip:b@h>"), false).unwrap();
        assert_eq!(caller.accept(&numbered(5)), Ok(()), "the first number is the peer's choice");
        assert_eq!(caller.accept(&numbered(4)), Err(OutOfOrder));
    }

    #[test]
    fn a_target_refresh_moves_the_target_and_not_the_route() {
        // tests rfc3261 §12.2
        let mut dialog = Dialog::caller(&invite(), &answer(StatusCode::OK, "<sip:b@h>"), false).unwrap();
        let mut refresh = answer(StatusCode::OK, "<mailto:b@h>, <sip:b@elsewhere>");
        refresh.set(HeaderName::RecordRoute, "<sip:other;lr>");
        dialog.refresh(refresh.contacts());
        assert_eq!(dialog.remote_target().to_string(), "sip:b@elsewhere");
        assert_eq!(dialog.route_set().servers().len(), 2);
        refresh.remove(HeaderName::Contact);
        dialog.refresh(refresh.contacts());
        assert_eq!(dialog.remote_target().to_string(), "sip:b@elsewhere");
    }

    #[test]
    fn a_request_without_a_sip_contact_opens_no_dialog() {
        // tests rfc3261 §12.1.1
        let mut bare = invite();
        bare.set(HeaderName::Contact, "<tel:+1>");
        assert_eq!(Dialog::callee(&bare, "x", false).unwrap_err(), Unestablished::NoContact);
        let mut long = invite();
        long.set(HeaderName::RecordRoute, vec!["<sip:p;lr>"; RouteSet::SERVERS_MAX + 1].join(","));
        assert_eq!(Dialog::callee(&long, "x", false).unwrap_err(), Unestablished::RouteTooLong);
    }

    #[test]
    fn tags_of_rfc_2543_may_be_missing() {
        // tests rfc3261 §12.1.1, §12.2.1.1
        let mut old = invite();
        old.set(HeaderName::From, "<sip:alice@atlanta.example.com>");
        let mut dialog = Dialog::callee(&old, "a6c8", false).unwrap();
        assert!(dialog.id().remote_tag.is_empty());
        assert_eq!(dialog.request(Method::Bye, 1).finish().unwrap().to_tag(), None);
    }

    #[test]
    fn only_sips_over_tls_is_secure() {
        // tests rfc3261 §12.1.1
        let mut sips = invite();
        sips.set_uri(&"sips:bob@biloxi.example.com".parse::<Uri>().unwrap());
        assert!(Dialog::callee(&sips, "x", true).unwrap().is_secure());
        assert!(!Dialog::callee(&sips, "x", false).unwrap().is_secure());
        assert!(!Dialog::callee(&invite(), "x", true).unwrap().is_secure());
        let ok = answer(StatusCode::OK, "<sips:b@h>");
        assert!(Dialog::caller(&sips, &ok, true).unwrap().is_secure());
        assert!(!Dialog::caller(&sips, &ok, false).unwrap().is_secure());
        assert!(!Dialog::caller(&invite(), &ok, true).unwrap().is_secure());
    }
}
