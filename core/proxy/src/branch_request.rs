//! One branch's own copy of the request (RFC 3261 section 16.6, items 1 to 7): what is changed in it,
//! and where it goes next.
//!
//! Not here: where it has been (`history.rs`), when it is made and sent (`forward.rs`), strict routers (`route.rs`), Record-Route, which
//! depends on the flow (`record_route.rs`).

use ruf_message::{Hop, Request, Scheme};

use crate::question::Target;
use crate::route;

/// What a request without Max-Forwards gets.
// rfc3261 §16.6 step 3
const MAX_FORWARDS: u8 = 70;

/// Around the name and the value of a header line.
const LINE: usize = ": \r\n".len();
/// The request line but for its URI, and what is added later: a Via (some 80 octets), one or two
/// Record-Routes (some 100 each), Max-Breadth.
const ADDED: usize = 320;

/// A copy of the request for one branch, complete but for what depends on its flow.
#[derive(Clone, Debug)]
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

    /// Its length with what its flow will add, about.
    pub(crate) fn bytes_when_sent(&self) -> usize {
        let request = &self.request;
        let lines: usize = request.lines().map(|(name, value)| name.len() + value.len() + LINE).sum();
        request.uri().as_bytes().len() + lines + request.body().len() + ADDED
    }

    /// Where RFC 3263 begins; `None` where the URI names no host.
    // rfc3261 §16.6 step 7; the Request-URI after a rewrite for a strict router, else the first
    // Route, else the Request-URI
    pub(crate) fn next_hop(&self) -> Option<Hop> {
        let secure = self.request.uri().scheme() == Scheme::Sips;
        let hop = match self.request.next_route() {
            Some(route) if !self.strict => route.hop(),
            Some(_) | None => self.request.uri().hop(),
        }?;
        // rfc3261 §16.6 step 7; as if it were a SIPS URI
        Some(Hop { secure: secure || hop.secure, ..hop })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample;

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
            let tls = if hop.secure { " secure" } else { "" };
            Some(format!("{} {:?} {:?}{tls}", hop.host, hop.port, hop.transport))
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
            of("loose.example None None secure")
        );
        assert_eq!(hop("sips:b@h.example", ""), of("h.example None None secure"));
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
}
