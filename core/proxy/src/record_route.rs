//! Record-Route (RFC 3261 section 16.6 item 4): we stay on the path of a dialog. Its URI names us as the
//! next hop reaches us, and carries the token of both flows. Where the previous hop reaches us in
//! another way (transport, listener, address), there are two: one for each side (RFC 5658 section 5).
//!
//! Not here: what is in a token (`ruf_admission`), and how both are taken away (`route.rs`).

use ruf_admission::{AddressOfRecord, Gate, Identity, Ourselves, Party, Side};
use ruf_message::{Flow, Method, Request, Scheme, Transport};
use smallvec::SmallVec;

/// We stay on the path of every dialog that the request may create: only through us do the ends
/// find each other's flow. An unknown method may create one. Inside a dialog the route set stands, but for a
/// NOTIFY: it is the first that a subscriber hears in its dialog, whose route set it makes.
// rfc3261 §16.6 step 4 and rfc6665 §4.3
pub(crate) fn is_recorded(request: &Request, in_dialog: bool) -> bool {
    let may_create = matches!(
        request.method(),
        Method::Invite | Method::Subscribe | Method::Refer | Method::Notify | Method::Other
    );
    may_create && (!in_dialog || request.method() == Method::Notify)
}

/// Writes the flows of both ends into a Record-Route that names us on the outgoing side, and into one
/// below it that names us on the incoming side, if that is another. `asked` is the scheme of the
/// Request-URI as received.
// rfc3261 §16.6 step 4; first position, a SIP or SIPS URI with lr
// rfc5658 §5
pub(crate) fn record_route(
    request: &mut Request,
    asked: Scheme,
    upstream: &Side,
    downstream: &Side,
    gate: &Gate,
) {
    let tag = request.from_tag().unwrap_or_default();
    let token = gate.token(request.call_id(), tag, upstream, downstream);
    let (upstream, downstream) = (&upstream.flow, &downstream.flow);
    let is_secure = request.uri().scheme() == Scheme::Sips
        || request.next_route().is_some_and(|route| route.scheme() == Scheme::Sips);
    let here =
        |flow: &Flow, is_secure| uri(is_secure, &token, &gate.ourselves().sent_by(flow), flow.transport);
    let outgoing = here(downstream, is_secure);
    let socket = |flow: &Flow| (flow.transport, flow.listener, flow.local);
    if socket(upstream) != socket(downstream) {
        // rfc3261 §26.2.2: nobody is told to come back over TLS who cannot
        let incoming = here(upstream, asked == Scheme::Sips && upstream.transport.is_secure());
        if incoming != outgoing {
            request.push_record_route(incoming);
        }
    }
    request.push_record_route(outgoing);
}

/// The port where whoever sent a request takes connections, if they came by one and say so.
// rfc3261 §18.1.1
pub(crate) fn listens(request: &Request, flow: &Flow, ourselves: &Ourselves) -> Option<u16> {
    // Most flows are none that could be gone, and that is seen at once.
    if !flow.transport.is_reliable() {
        return None;
    }
    let contact = request.contacts().next()?;
    Some(ourselves.listens_at(contact.uri()?, flow)?.port())
}

/// Who sent a request that may create a dialog, if its Contact may be a GRUU of theirs.
pub(crate) fn caller(request: &Request, identity: &Identity, ourselves: &Ourselves) -> Option<Party> {
    // rfc5627 §4.4: the Contact of a dialog-forming request is the GRUU
    request.contacts().next().filter(|contact| contact.uri().is_some_and(|uri| uri.gr().is_some()))?;
    match identity {
        Identity::Account(address) => Some(Party::of(address)),
        // Someone of an open domain is who they say.
        Identity::Guest => {
            let from = request.from().uri();
            let is_open = ourselves.domain(from.host()?)?.open;
            AddressOfRecord::of(from, ourselves).filter(|_| is_open).map(|address| Party::of(&address))
        }
        Identity::Peer(_) | Identity::Dialog(_) => None,
    }
}

fn uri(is_secure: bool, token: &str, sent_by: &str, transport: Transport) -> SmallVec<[u8; 192]> {
    let mut value = SmallVec::new();
    value.extend_from_slice(if is_secure { b"<sips:" } else { b"<sip:" });
    value.extend_from_slice(token.as_bytes());
    value.push(b'@');
    value.extend_from_slice(sent_by.as_bytes());
    value.extend_from_slice(match (transport, is_secure) {
        (Transport::Udp, _) => b"",
        (Transport::Tcp, _) => b";transport=tcp",
        // rfc5630 §3.1.4: sips: says it
        (Transport::Tls, true) => b"",
        // Deprecated, and the only way to say it: without it a phone sends UDP to the port of TLS.
        (Transport::Tls, false) => b";transport=tls",
        // rfc7118 §5.2: secure or not
        (Transport::Ws | Transport::Wss, _) => b";transport=ws",
    });
    value.extend_from_slice(b";lr>");
    value
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample;
    use ruf_admission::Domain;
    use ruf_message::HeaderName;

    #[test]
    fn the_path_of_dialogs_is_recorded_and_only_there() {
        // tests rfc3261 §16.6 step 4, rfc6665 §4.3
        for (method, recorded) in [
            ("INVITE", true),
            ("SUBSCRIBE", true),
            ("REFER", true),
            ("NOTIFY", true),
            ("NEWMETHOD", true),
            ("MESSAGE", false),
            ("OPTIONS", false),
            ("BYE", false),
        ] {
            let request = sample::request(method, "sip:bob@example.org", "");
            assert_eq!(is_recorded(&request, false), recorded, "{method}");
            assert_eq!(is_recorded(&request, true), method == "NOTIFY", "{method}");
        }
    }

    /// What is recorded above what was there, without the tokens, which are one and the same.
    fn recorded(uri: &str, routes: &str, upstream: Transport, downstream: Transport) -> String {
        let headers = format!("{routes}Record-Route: <sip:p1.example;lr>\r\n");
        let mut request = sample::request("INVITE", uri, &headers);
        let asked = request.uri().scheme();
        let by = |transport, phone| Side::by(Flow { transport, ..sample::flow(phone) });
        record_route(&mut request, asked, &by(upstream, 1), &by(downstream, 2), &sample::gate());
        let mut values: Vec<String> = request
            .raw(HeaderName::RecordRoute)
            .map(|value| String::from_utf8_lossy(value).into_owned())
            .collect();
        assert_eq!(values.pop().unwrap(), "<sip:p1.example;lr>");
        let parts: Vec<(&str, &str)> = values.iter().filter_map(|value| value.split_once('@')).collect();
        let token = |value: &str| value.split_once(':').unwrap().1.to_owned();
        assert!(parts.iter().all(|(start, _)| token(start) == token(parts[0].0)));
        let shown = parts.iter().map(|(start, end)| format!("{}:{end}", start.split_once(':').unwrap().0));
        shown.collect::<Vec<_>>().join(", ")
    }

    #[test]
    fn the_recorded_uri_names_us_and_the_transport() {
        // tests rfc3261 §16.6 step 4
        // tests rfc7118 §5.2
        let sip = "sip:bob@phone.example";
        let one = |uri, routes, transport| recorded(uri, routes, transport, transport);
        assert_eq!(one(sip, "", Transport::Udp), "<sip:192.0.2.1:5060;lr>");
        assert_eq!(one(sip, "", Transport::Tcp), "<sip:192.0.2.1:5060;transport=tcp;lr>");
        assert_eq!(one(sip, "", Transport::Tls), "<sip:192.0.2.1:5060;transport=tls;lr>");
        assert_eq!(one(sip, "", Transport::Ws), "<sip:192.0.2.1:5060;transport=ws;lr>");
        assert_eq!(one(sip, "", Transport::Wss), "<sip:192.0.2.1:5060;transport=ws;lr>");
        let sips = "sips:bob@phone.example";
        assert_eq!(one(sips, "", Transport::Tls), "<sips:192.0.2.1:5060;lr>");
        assert_eq!(one(sips, "", Transport::Wss), "<sips:192.0.2.1:5060;transport=ws;lr>");
        let edge = "Route: <sips:edge.example;lr>\r\n";
        assert!(one(sip, edge, Transport::Tls).starts_with("<sips:192.0.2.1:5060;lr>"));
    }

    #[test]
    fn between_two_transports_there_is_one_for_each_side() {
        // tests rfc5658 §5
        let sip = "sip:bob@phone.example";
        assert_eq!(
            recorded(sip, "", Transport::Udp, Transport::Wss),
            "<sip:192.0.2.1:5060;transport=ws;lr>, <sip:192.0.2.1:5060;lr>"
        );
        assert_eq!(
            recorded(sip, "Route: <sips:edge.example;lr>\r\n", Transport::Udp, Transport::Tls),
            "<sips:192.0.2.1:5060;lr>, <sip:192.0.2.1:5060;lr>"
        );
        let sips = "sips:bob@phone.example";
        assert_eq!(
            recorded(sips, "", Transport::Wss, Transport::Tls),
            "<sips:192.0.2.1:5060;lr>, <sips:192.0.2.1:5060;transport=ws;lr>"
        );
    }

    #[test]
    fn a_caller_with_a_gruu_is_whom_the_gate_knows() {
        // tests rfc5627 §4.4
        let named = |identity: &Identity, from: &str, contact: &str| {
            let mut request = sample::request("INVITE", "sip:bob@example.org", "");
            request.set(HeaderName::Contact, contact);
            request.set(HeaderName::From, format!("<{from}>;tag=1"));
            let ourselves = Ourselves {
                domains: vec![Domain::new("example.org"), Domain::open("open.example")],
                ..sample::ourselves()
            };
            caller(&request, identity, &ourselves)
        };
        let of = |user, domain| Some(Party::of(&AddressOfRecord::new(user, domain)));
        let account = Identity::Account(AddressOfRecord::new("alice", "example.org"));
        let gruu = "<sip:alice@example.org;gr=urn:uuid:1>";
        assert_eq!(named(&account, "sip:100@example.org", gruu), of("alice", "example.org"));
        assert_eq!(named(&account, "sip:100@example.org", "<sip:alice@192.0.2.7>"), None);
        let guest = Identity::Guest;
        assert_eq!(named(&guest, "sip:carol@open.example", gruu), of("carol", "open.example"));
        assert_eq!(named(&guest, "sip:alice@example.org", gruu), None, "a closed domain");
        assert_eq!(named(&guest, "sip:carol@far.example", gruu), None);
        assert_eq!(named(&Identity::Peer("pbx".into()), "sip:carol@open.example", gruu), None);
    }
}
