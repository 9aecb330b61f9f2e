//! Route information: what is removed on the way in (RFC 3261 section 16.4) and rewritten for a
//! strict router on the way out (16.6 item 6).
//!
//! Not here: which flow a token names, and whether the request belongs to its dialog: the gate has
//! read that before.

use ruf_admission::{Identity, Ourselves};
use ruf_message::{Flow, HeaderName, Host, Request, Scheme, Transport, Uri, UriRef};
use smallvec::SmallVec;

/// A token, beside the message that it is taken out of.
type Held = SmallVec<[u8; 128]>;

/// Makes the request look as if every router before us had been a loose one, and removes ourselves
/// from its Route.
pub(crate) fn preprocess(request: &mut Request, flow: &Flow, identity: &Identity, ourselves: &Ourselves) {
    let token = restore_request_uri(request, ourselves);
    strip_maddr(request, flow, ourselves);
    remove_ourselves(request, token, identity, ourselves);
}

/// A strict router before us put our Record-Route into the Request-URI, and the Request-URI at the
/// end of the Route. Our Record-Routes, and nobody else's URIs, name us with `lr`. Gives the token that
/// it held.
// rfc3261 §16.4
fn restore_request_uri(request: &mut Request, ourselves: &Ourselves) -> Option<Held> {
    let uri = request.uri();
    if !(uri.is_loose_router() && ourselves.is_us(uri)) {
        return None;
    }
    let last = request.routes().last().map(|route| owned_for_request(route.uri()))?;
    let token = uri.user().map(Held::from_slice);
    let mut before_last = request.routes().count() - 1;
    request.set_uri(&last);
    request.remove_if(HeaderName::Route, |_| match before_last.checked_sub(1) {
        Some(left) => {
            before_last = left;
            false
        }
        None => true,
    });
    token
}

/// An maddr that led here has done its work.
// rfc3261 §16.4
fn strip_maddr(request: &mut Request, flow: &Flow, ourselves: &Ourselves) {
    let uri = request.uri();
    let Some(maddr) = uri.maddr() else { return };
    let transport = match (uri.transport(), uri.scheme()) {
        (Some(Some(transport)), _) => transport,
        (Some(None), _) => return,
        (None, Scheme::Sips) => Transport::Tls,
        (None, Scheme::Sip | Scheme::Tel | Scheme::Other) => Transport::Udp,
    };
    let port = uri.port().unwrap_or(transport.default_port());
    if (transport, port) != (flow.transport, flow.local.port()) || !is_our_address(maddr, port, ourselves) {
        return;
    }
    let port = uri.port().filter(|&port| port == transport.default_port());
    let stripped = rewritten(uri, port, |name| !is(name, "maddr") && !is(name, "transport"));
    request.set_uri(&stripped);
}

fn is_our_address(host: Host<'_>, port: u16, ourselves: &Ourselves) -> bool {
    let text = format!("sip:{host}:{port}");
    UriRef::parse(text.as_bytes()).is_ok_and(|uri| ourselves.is_us(uri))
}

/// Takes our own entries off the top of the Route: in a dialog up to the first that holds a token, and
/// the one of the other side, which holds the same; the next would be of another passage through us. A
/// preloaded route, of which some phones have two, as far as it names us.
// rfc3261 §16.4
// rfc5658 §5: a proxy may remove both of a pair
fn remove_ourselves(
    request: &mut Request,
    mut token: Option<Held>,
    identity: &Identity,
    ourselves: &Ourselves,
) {
    let in_dialog = matches!(identity, Identity::Dialog(_));
    loop {
        let Some(first) = request.next_route().filter(|route| ourselves.is_us(*route)) else {
            return;
        };
        let user = first.user();
        match (&token, user) {
            (None, Some(user)) if in_dialog => token = Some(Held::from_slice(user)),
            (Some(token), user) if in_dialog && user != Some(token) => return,
            (None | Some(_), _) => {}
        }
        request.pop_route();
    }
}

/// Rewrites the request if its next hop is a strict router: that one finds itself in the
/// Request-URI, and the Request-URI at the end of the Route. Says whether it did.
// rfc3261 §16.6 step 6
pub(crate) fn yield_to_strict_router(request: &mut Request) -> bool {
    let strict = match request.next_route() {
        Some(first) if !first.is_loose_router() => owned_for_request(first),
        Some(_) | None => return false,
    };
    let last = [b"<", request.uri().as_bytes(), b">"].concat();
    request.add(HeaderName::Route, last);
    request.pop_route();
    request.set_uri(&strict);
    true
}

/// The URI without what may not stand in a Request-URI: headers and a method parameter. `None` if it
/// has neither.
// rfc3261 §16.6 step 2
// rfc3261 §19.1.1: table 1
pub(crate) fn in_request(uri: UriRef<'_>) -> Option<Uri> {
    let unfit = uri.has_headers() || uri.param("method").is_some();
    unfit.then(|| rewritten(uri, uri.port(), |name| !is(name, "method")))
}

fn owned_for_request(uri: UriRef<'_>) -> Uri {
    in_request(uri).unwrap_or_else(|| uri.to_owned())
}

/// The same with the scheme `sip:`.
pub(crate) fn without_security(uri: UriRef<'_>) -> Uri {
    let rest = uri.as_bytes().get(uri.scheme_bytes().len()..).unwrap_or_default();
    Uri::parse([b"sip", rest].concat()).unwrap_or_else(|_| uri.to_owned())
}

/// Without headers, with this port and the parameters that `keep` says.
pub(crate) fn rewritten(uri: UriRef<'_>, port: Option<u16>, keep: impl Fn(&[u8]) -> bool) -> Uri {
    let Some(host) = uri.host() else {
        return uri.to_owned();
    };
    let mut text = Vec::with_capacity(uri.as_bytes().len());
    text.extend_from_slice(uri.scheme_bytes());
    text.push(b':');
    if let Some(user) = uri.user() {
        text.extend_from_slice(user);
        if let Some(password) = uri.password() {
            text.push(b':');
            text.extend_from_slice(password);
        }
        text.push(b'@');
    }
    text.extend_from_slice(host.to_string().as_bytes());
    if let Some(port) = port {
        text.extend_from_slice(format!(":{port}").as_bytes());
    }
    for (name, value) in uri.params().filter(|(name, _)| keep(name)) {
        text.push(b';');
        text.extend_from_slice(name);
        if let Some(value) = value {
            text.push(b'=');
            text.extend_from_slice(value);
        }
    }
    Uri::parse(text).unwrap_or_else(|_| uri.to_owned())
}

fn is(name: &[u8], other: &str) -> bool {
    name.eq_ignore_ascii_case(other.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample;

    /// The Request-URI and the Route after preprocessing, as `uri | route, route`.
    fn preprocessed(uri: &str, routes: &str, identity: &Identity) -> String {
        let mut request = sample::request("BYE", uri, routes);
        preprocess(&mut request, &sample::flow(1), identity, &sample::ourselves());
        shown(&request)
    }

    fn shown(request: &Request) -> String {
        let routes: Vec<String> = request.routes().map(|route| route.uri().to_string()).collect();
        format!("{} | {}", request.uri(), routes.join(", "))
    }

    #[test]
    fn a_strict_router_before_us_is_undone() {
        // tests rfc3261 §16.4
        let routes = "Route: <sip:p1.example.com;lr>\r\nRoute: <sip:a@phone.example.com>, <sip:caller@u1.example.com>\r\n";
        assert_eq!(
            preprocessed("sip:TOKEN@example.org;lr", routes, &Identity::Guest),
            "sip:caller@u1.example.com | sip:p1.example.com;lr, sip:a@phone.example.com"
        );
        assert_eq!(
            preprocessed("sip:192.0.2.1:5060;lr", "Route: <sip:caller@u1.example.com>\r\n", &Identity::Guest),
            "sip:caller@u1.example.com | "
        );
    }

    #[test]
    fn a_request_uri_that_is_no_record_route_of_ours_stays() {
        // tests rfc3261 §16.4
        let route = "Route: <sip:p1.example.com;lr>\r\n";
        for uri in ["sip:bob@example.org", "sip:x@elsewhere.example;lr"] {
            assert_eq!(preprocessed(uri, route, &Identity::Guest), format!("{uri} | sip:p1.example.com;lr"));
        }
        assert_eq!(preprocessed("sip:example.org;lr", "", &Identity::Guest), "sip:example.org;lr | ");
    }

    #[test]
    fn ourselves_are_removed_from_the_top_of_the_route() {
        // tests rfc3261 §16.4
        // tests rfc5658 §5
        let routes = "Route: <sip:example.org;lr>, <sip:192.0.2.1;lr>\r\nRoute: <sip:far.example;lr>, <sip:example.org;lr>\r\n";
        assert_eq!(
            preprocessed("sip:bob@u2.example", routes, &Identity::Guest),
            "sip:bob@u2.example | sip:far.example;lr, sip:example.org;lr"
        );
        let twice = "Route: <sip:example.org;lr>, <sip:ONE@192.0.2.1;lr>, <sip:TWO@192.0.2.1;lr>\r\n";
        assert_eq!(
            preprocessed("sip:bob@u2.example", twice, &sample::dialog(2)),
            "sip:bob@u2.example | sip:TWO@192.0.2.1;lr"
        );
        let pair =
            "Route: <sip:ONE@192.0.2.1;transport=tcp;lr>, <sip:ONE@192.0.2.1;lr>, <sip:TWO@192.0.2.1;lr>\r\n";
        assert_eq!(
            preprocessed("sip:bob@u2.example", pair, &sample::dialog(2)),
            "sip:bob@u2.example | sip:TWO@192.0.2.1;lr"
        );
        let caller = "<sip:caller@u1.example>";
        let strict = format!("Route: <sip:ONE@192.0.2.1;lr>, <sip:TWO@192.0.2.1;lr>, {caller}\r\n");
        assert_eq!(
            preprocessed("sip:ONE@192.0.2.1;transport=tcp;lr", &strict, &sample::dialog(2)),
            "sip:caller@u1.example | sip:TWO@192.0.2.1;lr"
        );
        let far = "Route: <sip:far.example;lr>, <sip:example.org;lr>\r\n";
        assert_eq!(
            preprocessed("sip:bob@u2.example", far, &Identity::Guest),
            "sip:bob@u2.example | sip:far.example;lr, sip:example.org;lr"
        );
    }

    #[test]
    fn an_maddr_that_led_here_is_stripped_with_its_port_and_transport() {
        // tests rfc3261 §16.4
        let stripped = |uri: &str| preprocessed(uri, "", &Identity::Guest);
        assert_eq!(stripped("sip:bob:pw@far.example;maddr=192.0.2.1"), "sip:bob:pw@far.example | ");
        assert_eq!(
            stripped("sip:bob@far.example:5060;maddr=192.0.2.1;transport=UDP;x=y"),
            "sip:bob@far.example:5060;x=y | "
        );
        for stays in [
            "sip:bob@far.example;maddr=192.0.2.99",
            "sip:bob@far.example:5070;maddr=192.0.2.1",
            "sip:bob@far.example;maddr=192.0.2.1;transport=tcp",
            "sips:bob@far.example;maddr=192.0.2.1",
            "sip:bob@far.example;maddr=192.0.2.1;transport=sctp",
        ] {
            assert_eq!(stripped(stays), format!("{stays} | "));
        }
    }

    #[test]
    fn a_strict_next_hop_finds_itself_in_the_request_uri() {
        // tests rfc3261 §16.6 step 6
        let routes = "Route: <sip:p3.middle.com?subject=x>,<sip:p2.example.com;lr>\r\nRoute: <sip:p1.example.com;lr>\r\n";
        let mut request = sample::request("BYE", "sip:caller@u1.example.com", routes);
        assert!(yield_to_strict_router(&mut request));
        assert_eq!(
            shown(&request),
            "sip:p3.middle.com | sip:p2.example.com;lr, sip:p1.example.com;lr, sip:caller@u1.example.com"
        );
        let text = request.to_string();
        assert!(text.contains("Route: <sip:caller@u1.example.com>\r\n"), "{text}");
    }

    #[test]
    fn a_loose_next_hop_leaves_the_request_as_it_is() {
        // tests rfc3261 §16.6 step 6
        for routes in ["", "Route: <sip:p2.example.com;lr>, <sip:strict.example>\r\n"] {
            let mut request = sample::request("BYE", "sip:caller@u1.example.com", routes);
            let before = shown(&request);
            assert!(!yield_to_strict_router(&mut request));
            assert_eq!(shown(&request), before);
        }
    }

    #[test]
    fn what_a_request_uri_may_not_hold_is_removed() {
        // tests rfc3261 §16.6 step 2
        let shown = |uri: &str| owned_for_request(uri.parse::<Uri>().unwrap().as_ref()).to_string();
        assert_eq!(
            shown("sip:bob@phone.example:5070;method=INVITE;transport=tcp;ob?Subject=x"),
            "sip:bob@phone.example:5070;transport=tcp;ob"
        );
        assert_eq!(shown("sips:b:p@[2001:db8::1]:5070;lr?a=b"), "sips:b:p@[2001:db8::1]:5070;lr");
        assert_eq!(shown("tel:+1-2;ext=3"), "tel:+1-2;ext=3");
    }
}
