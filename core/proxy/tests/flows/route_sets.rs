//! Route sets of loose and strict routers, after the examples of RFC 3261 section 16.12.1.

use ruf_message::{HeaderName, Request};

use crate::net::Net;
use crate::phone::contact;

/// `Request-URI | route, route`.
fn routing(request: &Request) -> String {
    let routes: Vec<String> = request.routes().map(|route| route.uri().to_string()).collect();
    format!("{} | {}", request.uri(), routes.join(", "))
}

/// The URI that we put into Record-Route.
fn ours(request: &Request) -> String {
    let value = String::from_utf8_lossy(request.raw(HeaderName::RecordRoute).next().unwrap()).into_owned();
    value.trim_matches(['<', '>']).to_owned()
}

#[test]
fn as_p1_of_the_trapezoid_we_leave_a_foreign_request_as_it_is() {
    // tests rfc3261 §16.12.1.1
    let mut net = Net::new().elsewhere(&[("domain.com", 'p')]);
    let invite = net.request('a', "INVITE", "sip:callee@domain.com", "");
    net.send('a', invite);
    let sent = net.take_request('p');
    assert_eq!(routing(&sent), "sip:callee@domain.com | ");
    // P2 answers for U2, and puts itself before us.
    let mut ok = crate::phone::answer('p', &sent, 200);
    let recorded = format!("<sip:p2.domain.com;lr>, <{}>", ours(&sent));
    ok.set(HeaderName::RecordRoute, recorded);
    ok.set(HeaderName::Contact, "<sip:callee@u2.domain.com>");
    net.send('p', ok);
    let ok = net.take_response('a');
    let mut bye = net.by_caller('a', "BYE", &ok);
    bye.set(HeaderName::Route, format!("<{}>, <sip:p2.domain.com;lr>", ours(&sent)));
    net.send('a', bye);
    assert_eq!(routing(&net.take_request('p')), "sip:callee@u2.domain.com | sip:p2.domain.com;lr");
}

#[test]
fn as_p2_of_the_trapezoid_we_look_the_callee_up_and_find_him_again_by_the_route() {
    // tests rfc3261 §16.12.1.1
    let mut net = Net::new().at("callee", &[('b', 1000)]);
    let headers = "Record-Route: <sip:p1.example.com;lr>\r\n";
    let invite = net.request('p', "INVITE", "sip:callee@example.org", headers);
    net.send('p', invite);
    let sent = net.take_request('b');
    assert_eq!(routing(&sent), format!("{} | ", contact('b')));
    let recorded: Vec<&[u8]> = sent.raw(HeaderName::RecordRoute).collect();
    assert_eq!(recorded[1], b"<sip:p1.example.com;lr>");
    net.answer('b', &sent, 200);
    net.take_response('p');
    let mut bye = net.request('p', "BYE", &contact('b'), &format!("Route: <{}>\r\n", ours(&sent)));
    bye.set(HeaderName::To, "<sip:bob@example.org>;tag=btag");
    net.send('p', bye);
    assert_eq!(routing(&net.take_request('b')), format!("{} | ", contact('b')));
    // And back: through P1, which is a loose router.
    let bye = net.by_callee('b', "BYE", &sent);
    net.send('b', bye);
    assert_eq!(routing(&net.take_request('p')), format!("{} | sip:p1.example.com;lr", contact('p')));
}

#[test]
fn as_p4_we_rewrite_the_request_for_the_strict_router_p3() {
    // tests rfc3261 §16.12.1.2, §16.6 step 6
    let mut net = Net::new().at("callee", &[('b', 1000)]);
    let headers = "Record-Route: <sip:p3.middle.com>\r\nRecord-Route: <sip:p2.example.com;lr>\r\n\
                   Record-Route: <sip:p1.example.com;lr>\r\n";
    let invite = net.request('p', "INVITE", "sip:callee@example.org", headers);
    net.send('p', invite);
    let sent = net.take_request('b');
    net.answer('b', &sent, 200);
    let bye = net.by_callee('b', "BYE", &sent);
    net.send('b', bye);
    assert_eq!(
        routing(&net.take_request('p')),
        format!("sip:p3.middle.com | sip:p2.example.com;lr, sip:p1.example.com;lr, {}", contact('p'))
    );
}

#[test]
fn as_p2_behind_the_strict_router_p3_we_restore_the_request() {
    // tests rfc3261 §16.12.1.2, §16.4
    let mut net = Net::new().elsewhere(&[("domain.com", 's')]);
    let headers = "Record-Route: <sip:p1.example.com;lr>\r\n";
    let invite = net.request('p', "INVITE", "sip:callee@domain.com", headers);
    net.send('p', invite);
    let sent = net.take_request('s');
    net.answer('s', &sent, 200);
    net.ladder();
    let mut bye = net.by_callee('s', "BYE", &sent);
    bye.set_uri(&ours(&sent).parse::<ruf_message::Uri>().unwrap());
    bye.set(HeaderName::Route, "<sip:p1.example.com;lr>");
    bye.add(HeaderName::Route, "<sip:caller@u1.example.com>");
    net.send('s', bye);
    assert_eq!(net.ladder(), "s→r BYE | r→p BYE");
    assert_eq!(routing(&net.take_request('p')), "sip:caller@u1.example.com | sip:p1.example.com;lr");
}

#[test]
fn a_strict_router_right_before_and_right_after_us() {
    // tests rfc3261 §16.4, §16.6 step 6
    let mut net = Net::new().elsewhere(&[("domain.com", 's')]);
    let headers = "Record-Route: <sip:strict.example.com>\r\nRecord-Route: <sip:p1.example.com;lr>\r\n";
    let invite = net.request('p', "INVITE", "sip:callee@domain.com", headers);
    net.send('p', invite);
    let sent = net.take_request('s');
    net.answer('s', &sent, 200);
    let mut bye = net.by_callee('s', "BYE", &sent);
    bye.set_uri(&ours(&sent).parse::<ruf_message::Uri>().unwrap());
    bye.set(
        HeaderName::Route,
        "<sip:strict.example.com>, <sip:p1.example.com;lr>, <sip:caller@u1.example.com>",
    );
    net.send('s', bye);
    assert_eq!(
        routing(&net.take_request('p')),
        "sip:strict.example.com | sip:p1.example.com;lr, sip:caller@u1.example.com"
    );
}

#[test]
fn a_preloaded_route_that_names_us_is_taken_off() {
    // tests rfc3261 §16.4
    let mut net = Net::new().at("bob", &[('b', 1000)]);
    let headers = "Route: <sip:192.0.2.1;lr>, <sip:example.org;lr>\r\n";
    let invite = net.request('a', "INVITE", "sip:bob@example.org", headers);
    net.send('a', invite);
    assert_eq!(routing(&net.take_request('b')), format!("{} | ", contact('b')));
}

#[test]
fn a_preloaded_route_through_others_is_followed_where_a_rule_allows_it() {
    // tests rfc3261 §16.6 step 6, §16.6 step 7
    let mut net = Net::new().elsewhere(&[("loose.example", 'l'), ("strict.example", 's')]);
    let loose = "Route: <sip:example.org;lr>, <sip:loose.example;lr>, <sip:strict.example>\r\n";
    let invite = net.request('a', "INVITE", "sip:bob@far.example", loose);
    net.send('a', invite);
    assert_eq!(
        routing(&net.take_request('l')),
        "sip:bob@far.example | sip:loose.example;lr, sip:strict.example"
    );
    let strict = "Route: <sip:strict.example>, <sip:loose.example;lr>\r\n";
    let invite = net.request('c', "INVITE", "sip:bob@far.example", strict);
    net.send('c', invite);
    assert_eq!(
        routing(&net.take_request('s')),
        "sip:strict.example | sip:loose.example;lr, sip:bob@far.example"
    );
}
