//! One branch's own copy of the request (RFC 3261 section 16.6, items 1 to 7): what is changed in it,
//! and where it goes next.
//!
//! Not here: when it is made and sent (`forward.rs`), strict routers (`route.rs`).

use ruf_admission::Gate;
use ruf_message::{Flow, Hop, Method, Request, Scheme, Transport, UriRef};

use crate::question::Target;
use crate::route;

/// What a request without Max-Forwards gets.
// rfc3261 §16.6 step 3
const MAX_FORWARDS: u8 = 70;

/// A copy of the request for one branch, complete but for what depends on its flow.
#[derive(Debug)]
pub(crate) struct BranchRequest {
    request: Request,
    /// It was rewritten for a strict router, which its Request-URI names.
    strict: bool,
}

impl BranchRequest {
    // rfc3261 §16.6 step 1, all header fields and the body as received
    pub(crate) fn of(mut request: Request, target: &Target) -> Self {
        if let Some(uri) = &target.uri {
            // rfc3261 §16.6 step 2
            match route::in_request(uri.as_ref()) {
                None => request.set_uri(uri),
                Some(fit) => request.set_uri(&fit),
            }
        }
        // rfc3261 §16.6 step 3; zero was refused by 16.3
        request.set_max_forwards(request.max_forwards().map_or(MAX_FORWARDS, |hops| hops.saturating_sub(1)));
        for route in target.routes.iter().rev() {
            request.push_route([b"<", route.as_bytes(), b">"].concat()); // rfc3261 §16.6 step 6; rfc3327 §5.3
        }
        let strict = route::yield_to_strict_router(&mut request);
        BranchRequest { request, strict }
    }

    pub(crate) fn into_request(self) -> Request {
        self.request
    }

    /// Where RFC 3263 begins; `None` where the URI names no host.
    // rfc3261 §16.6 step 7; the Request-URI after a rewrite for a strict router, else the first
    // Route, else the Request-URI
    pub(crate) fn next_hop(&self) -> Option<Hop> {
        let secure = self.request.uri().scheme() == Scheme::Sips;
        let hop = match self.request.routes().next() {
            Some(route) if !self.strict => hop_of(route.uri()),
            Some(_) | None => hop_of(self.request.uri()),
        }?;
        // rfc3261 §16.6 step 7; as if it were a SIPS URI
        Some(if secure { Hop { transport: Some(Transport::Tls), ..hop } } else { hop })
    }
}

fn hop_of(uri: UriRef<'_>) -> Option<Hop> {
    let host = uri.maddr().or_else(|| uri.host())?;
    let transport =
        if uri.scheme() == Scheme::Sips { Some(Transport::Tls) } else { uri.transport().flatten() };
    Some(Hop { host: host.to_owned(), port: uri.port(), transport })
}

/// Writes the flows of both ends into a Record-Route that names us on the outgoing side.
// rfc3261 §16.6 step 4; first position, a SIP or SIPS URI with lr
pub(crate) fn record_route(
    request: &mut Request,
    upstream: &Flow,
    downstream: &Flow,
    sent_by: &str,
    gate: &Gate,
) {
    let tag = request.from_tag().unwrap_or_default();
    let token = gate.token(request.call_id(), tag, upstream, downstream);
    let secure = request.uri().scheme() == Scheme::Sips
        || request.routes().next().is_some_and(|route| route.uri().scheme() == Scheme::Sips);
    let mut value = String::with_capacity(token.len() + sent_by.len() + 32);
    value.push_str(if secure { "<sips:" } else { "<sip:" });
    value.push_str(&token);
    value.push('@');
    value.push_str(sent_by);
    match downstream.transport {
        Transport::Udp => {}
        // rfc5630 §3.1.4: never transport=tls
        Transport::Tls => {}
        transport @ (Transport::Tcp | Transport::Ws | Transport::Wss) => {
            value.push_str(";transport=");
            value.push_str(transport.as_param());
        }
    }
    value.push_str(";lr>");
    request.push_record_route(value);
}

/// We stay on the path of every dialog that the request may create: only through us do the ends
/// find each other's flow. An unknown method may create one. Inside a dialog the route set stands.
// rfc3261 §16.6 step 4
pub(crate) fn is_recorded(request: &Request, in_dialog: bool) -> bool {
    let may_create = matches!(
        request.method(),
        Method::Invite | Method::Subscribe | Method::Refer | Method::Notify | Method::Other
    );
    may_create && !in_dialog
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample;
    use ruf_message::HeaderName;

    fn target(uri: &str) -> Target {
        Target::by_flow(uri.parse().unwrap(), sample::flow(1))
    }

    #[test]
    fn a_copy_differs_in_what_section_16_says_and_in_nothing_else() {
        // tests rfc3261 §16.6 step 1, §16.6 step 2, §16.6 step 3
        let headers = "Max-Forwards: 5\r\nX-Odd:  a ,b\r\ns: hi\r\nX-Odd: c\r\nDate: no date\r\n";
        let request = sample::request("INVITE", "sip:bob@example.org", headers);
        let copy = BranchRequest::of(request.clone(), &target("sip:bob@phone.example")).into_request();
        let expected = request
            .to_string()
            .replace("INVITE sip:bob@example.org ", "INVITE sip:bob@phone.example ")
            .replace("Max-Forwards: 5", "Max-Forwards: 4");
        assert_eq!(copy.to_string(), expected);
        assert_eq!(copy.body(), request.body());
    }

    #[test]
    fn a_request_without_max_forwards_gets_70() {
        // tests rfc3261 §16.6 step 3
        let request = sample::request("INVITE", "sip:bob@example.org", "");
        let copy = BranchRequest::of(request, &Target::unchanged()).into_request();
        assert_eq!(copy.max_forwards(), Some(70));
    }

    #[test]
    fn the_next_hop_is_the_first_route_or_the_request_uri() {
        // tests rfc3261 §16.6 step 7
        let hop = |uri: &str, routes: &str| {
            let request = sample::request("BYE", uri, routes);
            let hop = BranchRequest::of(request, &Target::unchanged()).next_hop()?;
            Some(format!("{} {:?} {:?}", hop.host, hop.port, hop.transport))
        };
        let of = |text: &str| Some(text.to_owned());
        assert_eq!(hop("sip:b@h.example", ""), of("h.example None None"));
        assert_eq!(hop("sip:b@h.example:70;transport=tcp", ""), of("h.example Some(70) Some(Tcp)"));
        assert_eq!(hop("sip:b@h.example;maddr=192.0.2.9", ""), of("192.0.2.9 None None"));
        assert_eq!(
            hop("sip:b@h.example", "Route: <sip:loose.example;lr>, <sip:strict.example>\r\n"),
            of("loose.example None None")
        );
        assert_eq!(
            hop("sip:b@h.example", "Route: <sip:strict.example>, <sip:loose.example;lr>\r\n"),
            of("strict.example None None")
        );
        assert_eq!(
            hop("sips:b@h.example", "Route: <sip:loose.example;lr>\r\n"),
            of("loose.example None Some(Tls)")
        );
        assert_eq!(hop("sips:b@h.example", ""), of("h.example None Some(Tls)"));
        assert_eq!(hop("tel:+1", ""), None);
    }

    #[test]
    fn a_path_is_visited_in_its_order_before_any_route() {
        // tests rfc3261 §16.6 step 6
        let routes = ["sip:edge.example;lr", "sip:inner.example;lr"].map(|uri| uri.parse().unwrap());
        let target = Target { routes: routes.into(), ..target("sip:b@phone") };
        let request = sample::request("INVITE", "sip:bob@example.org", "Route: <sip:own.example;lr>\r\n");
        let copy = BranchRequest::of(request, &target).into_request();
        let shown: Vec<String> = copy.routes().map(|route| route.uri().to_string()).collect();
        assert_eq!(shown, ["sip:edge.example;lr", "sip:inner.example;lr", "sip:own.example;lr"]);
    }

    #[test]
    fn the_path_of_dialogs_is_recorded_and_only_there() {
        // tests rfc3261 §16.6 step 4
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
            assert!(!is_recorded(&request, true), "{method}");
        }
    }

    #[test]
    fn the_recorded_uri_names_us_on_the_outgoing_side() {
        // tests rfc3261 §16.6 step 4
        let gate = sample::gate();
        let recorded = |uri: &str, routes: &str, transport: Transport| {
            let mut request =
                sample::request("INVITE", uri, &format!("{routes}Record-Route: <sip:p1.example;lr>\r\n"));
            let downstream = Flow { transport, ..sample::flow(2) };
            record_route(&mut request, &sample::flow(1), &downstream, "192.0.2.1:5060", &gate);
            let values: Vec<String> = request
                .raw(HeaderName::RecordRoute)
                .map(|value| String::from_utf8_lossy(value).into_owned())
                .collect();
            assert_eq!(values.last().unwrap(), "<sip:p1.example;lr>");
            let (scheme, rest) = values[0].split_once(':').unwrap();
            format!("{scheme}:{}", rest.split_once('@').unwrap().1)
        };
        let sip = "sip:bob@phone.example";
        assert_eq!(recorded(sip, "", Transport::Udp), "<sip:192.0.2.1:5060;lr>");
        assert_eq!(recorded(sip, "", Transport::Tcp), "<sip:192.0.2.1:5060;transport=tcp;lr>");
        assert_eq!(recorded(sip, "", Transport::Wss), "<sip:192.0.2.1:5060;transport=wss;lr>");
        assert_eq!(recorded("sips:bob@phone.example", "", Transport::Tls), "<sips:192.0.2.1:5060;lr>");
        assert_eq!(
            recorded(sip, "Route: <sips:edge.example;lr>\r\n", Transport::Tls),
            "<sips:192.0.2.1:5060;lr>"
        );
    }
}
