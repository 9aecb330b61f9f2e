//! What the proxy answers itself.

use ruf_message::{HeaderName, Response};
use ruf_proxy::{Refusal, TargetSet};

use crate::net::Net;

/// The answer to a request that reaches nobody.
fn refused(net: &mut Net, method: &str, uri: &str, headers: &str) -> Response {
    let mut request = net.request('a', method, uri, "");
    for line in headers.lines() {
        let (name, value) = line.split_once(": ").unwrap();
        request.set(name, value);
    }
    net.send('a', request.clone());
    let ladder = net.ladder();
    let response = net.take_response('a');
    assert_eq!(ladder, format!("a→r {method} | r→a {} {method}", response.status()));
    assert!(response.to_tag().is_some(), "as a user agent server, with a tag");
    if method == "INVITE" {
        net.send('a', request.ack_for(&response));
        assert_eq!(net.ladder(), "a→r ACK");
    }
    net.expect_nothing_left();
    response
}

#[test]
fn what_cannot_be_proxied_is_refused_by_name() {
    // tests rfc3261 §16.1, §16.3, §16.3 step 3, §16.3 step 5
    let bob = "sip:bob@example.org";
    let mut net = Net::new().at("bob", &[('b', 1000)]);
    for method in ["INVITE", "MESSAGE"] {
        assert_eq!(refused(&mut net, method, bob, "Max-Forwards: 0").status().as_u16(), 483);
        assert_eq!(refused(&mut net, method, "foo:bar", "").status().as_u16(), 416);
        let response = refused(&mut net, method, bob, "Proxy-Require: nothing, known");
        assert_eq!(response.status().as_u16(), 420);
        assert_eq!(response.raw(HeaderName::Unsupported).collect::<Vec<_>>(), [b"nothing, known"]);
    }
}

#[test]
fn routing_says_why_a_request_goes_nowhere() {
    // tests rfc3261 §16.5
    let mut net = Net::new().at("away", &[]);
    for (user, refusal) in [
        ("nobody", Refusal::NotFound),
        ("elsewhere", Refusal::Forbidden),
        ("urn:service:sos", Refusal::NotFound),
        ("ourselves", Refusal::NotFound),
        ("+12015550123", Refusal::NotFound),
    ] {
        net.places.insert(user.into(), Err(refusal));
    }
    for (uri, status) in [
        ("sip:nobody@example.org", 404),
        ("tel:+1-201-555-0123", 404),
        ("urn:service:sos", 404),
        ("sip:example.org", 404),
        ("sip:away@example.org", 480),
        ("sip:bob@far.example", 403),
        ("sip:b@192.0.2.101:5060", 403), // a phone's own address
    ] {
        for method in ["INVITE", "OPTIONS"] {
            assert_eq!(refused(&mut net, method, uri, "").status().as_u16(), status, "{uri}");
        }
    }
}

#[test]
fn a_foreign_route_is_refused_even_to_a_user_of_ours() {
    let mut net = Net::new().at("bob", &[('b', 1000)]);
    net.places.insert("elsewhere".into(), Err(Refusal::Forbidden));
    let route = "Route: <sip:far.example;lr>";
    assert_eq!(refused(&mut net, "INVITE", "sip:bob@example.org", route).status().as_u16(), 403);
}

#[test]
fn sips_is_not_sent_over_udp() {
    // tests rfc5630 §5.3
    let mut net = Net::new().at("bob", &[('b', 1000)]);
    let invite = net.request('a', "INVITE", "sips:bob@example.org", "");
    net.send('a', invite);
    let response = net.take_response('a');
    assert_eq!(response.status().as_u16(), 480);
    assert!(response.raw(HeaderName::Warning).next().unwrap().starts_with(b"380 192.0.2.1:5060 "));
    assert!(!net.ladder().contains("r→b"));
    net.expect_nothing_left();
}

#[test]
fn an_empty_set_of_targets_is_480() {
    // tests rfc3261 §16.5
    let mut net = Net::new();
    net.places.insert("bob".into(), Ok(TargetSet::new()));
    assert_eq!(refused(&mut net, "INVITE", "sip:bob@example.org", "").status().as_u16(), 480);
}
