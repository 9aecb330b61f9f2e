//! Step 8 of RFC 3261 §10.3 and the refusals, as they stand on the wire.
#![allow(clippy::unwrap_used)]

mod desk;

use desk::{Desk, listed, request};
use ruf_message::{HeaderName, Transport};
use ruf_registrar_core::Reject;

#[test]
fn all_bindings_are_listed_with_what_is_left_of_them() {
    // tests rfc3261 §10.3 step 8, §10.3-3
    let mut desk = Desk::new();
    desk.register("one", 1, "Contact: <sip:a@h>;q=0.5;expires=100;methods=\"INVITE, BYE\"").unwrap();
    desk.register("two", 1, "Contact: sip:b@h;q=0.001\nExpires: 200").unwrap();
    desk.after(40);
    let response = desk.register("three", 1, "Contact: <sip:c@h;x=%3c>;q=1.0, \"D\" <sip:d@h>;q=0").unwrap();
    assert_eq!(
        listed(&response),
        [
            "<sip:a@h>;methods=\"INVITE, BYE\";q=0.5;expires=60",
            "<sip:b@h>;q=0.001;expires=160",
            "<sip:c@h;x=%3c>;expires=3600",
            "<sip:d@h>;q=0;expires=3600",
        ]
    );
    assert_eq!((response.status().as_u16(), response.reason()), (200, &b"OK"[..]));
    assert_eq!(response.to_tag(), Some(&b"ours"[..]));
    assert!(!response.contains(HeaderName::RecordRoute));
}

#[test]
fn a_record_route_is_ignored() {
    // tests rfc3261 §10.3-2, §10.3-3
    let mut desk = Desk::new();
    let response = desk.register("one", 1, "Record-Route: <sip:p.example;lr>\nContact: <sip:a@h>").unwrap();
    assert!(!response.contains(HeaderName::RecordRoute));
    assert_eq!(desk.bindings.len(), 1);
}

#[test]
fn a_live_binding_never_shows_zero_and_an_expired_one_is_not_shown() {
    let mut desk = Desk::new();
    desk.register("one", 1, "Contact: <sip:a@h>;expires=60").unwrap();
    let almost = desk.now + std::time::Duration::from_micros(59_999_999);
    assert_eq!(desk.bindings[0].remaining_secs(almost), 1);
    desk.now = almost;
    assert_eq!(listed(&desk.register("q", 1, "").unwrap()), ["<sip:a@h>;expires=1"]);
    desk.now = desk.now + std::time::Duration::from_micros(1);
    assert_eq!(desk.bindings[0].remaining_secs(desk.now), 0);
    assert!(!desk.bindings[0].is_live(desk.now));
    assert!(listed(&desk.register("q", 2, "").unwrap()).is_empty());
}

#[test]
fn folds_in_parameters_do_not_reach_the_answer() {
    let mut desk = Desk::new();
    let text = request("one", 1, "").to_string().replace(
        "Content-Length",
        "Contact: <sip:a@h>;a=\"x\r\n y\"\r\n ;b=1;\r\n expires=100\r\nContent-Length",
    );
    let response = desk.take(&desk::parse(&text)).unwrap();
    assert_eq!(listed(&response), ["<sip:a@h>;a=\"x   y\";b=1;expires=100"]);
}

#[test]
fn every_refusal_has_its_status_and_what_must_go_with_it() {
    // tests rfc3261 §10.3-1, §10.3 step 7, §8.2.2.3, §21.4.17
    let register = request("one", 1, "Contact: <sip:a@h>");
    let tags = vec!["foo".to_owned(), "bar".to_owned()];
    for (reject, code, header, value) in [
        (Reject::BadExtension(tags), 420, HeaderName::Unsupported, Some("foo, bar")),
        (Reject::Forbidden, 403, HeaderName::Contact, None),
        (Reject::BadStar, 400, HeaderName::Contact, None),
        (Reject::FromOurselves, 403, HeaderName::Contact, None),
        (Reject::TooManyContacts, 400, HeaderName::Contact, None),
        (Reject::ContactTooLarge, 413, HeaderName::Contact, None),
        (Reject::IntervalTooBrief { min_secs: 60 }, 423, HeaderName::MinExpires, Some("60")),
        (Reject::OutOfOrder, 500, HeaderName::RetryAfter, None),
        (Reject::TooManyBindings { retry_after_secs: 70 }, 500, HeaderName::RetryAfter, Some("70")),
        (Reject::Overloaded { retry_after_secs: Some(31) }, 503, HeaderName::RetryAfter, Some("31")),
        (Reject::Overloaded { retry_after_secs: None }, 503, HeaderName::RetryAfter, None),
    ] {
        let response = desk::response(&reject.clone().into_reply("ours"), &register);
        assert_eq!(response.status().as_u16(), code, "{reject:?}");
        assert_eq!(response.raw(header).next(), value.map(str::as_bytes), "{reject:?}");
        assert!(!response.reason().is_empty() && !response.contains(HeaderName::Contact));
        assert_eq!(response.call_id(), b"one");
        assert!(response.status().as_u16() < 600, "a registrar MUST not generate 6xx responses");
    }
}

#[test]
fn phones_are_told_to_come_back_through_us_only_where_the_domain_says_so() {
    // tests rfc3608 §6.3
    // tests rfc5630 §5.2
    let route = |transport: Transport, wanted: bool| {
        let mut desk = Desk::new();
        desk.flow.transport = transport;
        desk.ourselves.domains[0].service_route = wanted;
        let response = desk.register("one", 1, "Contact: <sip:a@10.0.0.2>").unwrap();
        response.raw(HeaderName::ServiceRoute).next().map(|value| String::from_utf8(value.to_vec()).unwrap())
    };
    assert_eq!(route(Transport::Udp, false), None);
    for (transport, param) in [
        (Transport::Udp, ""),
        (Transport::Tcp, ";transport=tcp"),
        (Transport::Tls, ";transport=tls"),
        (Transport::Ws, ";transport=ws"),
        (Transport::Wss, ";transport=ws"),
    ] {
        assert_eq!(route(transport, true), Some(format!("<sip:192.0.2.1:5060{param};lr>")));
    }
}
