//! Requests other than INVITE that come again after their final response: RFC 3261 section 17.2.2.

#![allow(clippy::panic, clippy::indexing_slicing)] // a test may

mod wire;

use std::time::Duration;

use bytes::Bytes;
use ruf_message::{Flow, HeaderName, Message, Reply, Request, StatusCode, Transport};
use ruf_transaction::{Event, Full, Heard, Limits};
use wire::*;

const VIA: &str = "SIP/2.0/UDP 10.0.0.1:5070;branch=z9hG4bKx1;rport";
const NAT: &str = "203.0.113.7:40000";

fn from(remote: &str) -> Flow {
    flow(Transport::Udp, BOB, remote)
}

fn reply_of_bob() -> Reply {
    let mut reply = Reply::new(StatusCode::OK, "b1");
    reply.add(HeaderName::Contact, "<sip:alice@10.0.0.1:5070>;expires=3600");
    reply
}

/// Hears a request; when it is new, answers it at once.
fn hear(side: &mut Side, flow: Flow, request: &Request) -> Result<Heard, Full> {
    let mut message = parse(&request.to_bytes());
    let heard = side.tx.hear(side.now, &flow, &mut message, &mut side.out);
    if let (Heard::New(fingerprint), Message::Request(request)) = (heard, &message) {
        side.tx.answer(side.now, flow, request, fingerprint, &reply_of_bob(), &mut side.out)?;
    }
    Ok(heard)
}

/// What left since the last look, and where to.
fn left(side: &mut Side) -> Vec<(Flow, Bytes)> {
    side.out.transmits.drain(..).map(|transmit| (transmit.flow, transmit.bytes)).collect()
}

#[test]
fn the_same_request_gets_the_same_octets_until_timer_j() {
    // tests rfc3261 §17.2.2
    let mut bob = Side::new();
    let register = with_via("REGISTER", VIA);
    assert!(matches!(hear(&mut bob, from(NAT), &register), Ok(Heard::New(_))));
    let first = left(&mut bob);
    assert!(first[0].1.starts_with(b"SIP/2.0 200 OK\r\n") && first[0].0 == from(NAT), "{first:?}");
    for _ in 0..10 {
        bob.wait(Duration::from_millis(3_200));
        assert_eq!(hear(&mut bob, from(NAT), &register), Ok(Heard::Absorbed));
        assert_eq!(left(&mut bob), first);
        assert_eq!((bob.tx.len(), bob.tx.counts().non_invite_servers), (1, 1));
    }
    bob.wait(Duration::from_millis(250));
    assert!(bob.tx.is_empty() && bob.events().is_empty(), "nobody hears of the end");
    assert!(matches!(hear(&mut bob, from(NAT), &register), Ok(Heard::New(_))));
}

#[test]
fn a_response_of_another_is_sent_again_octet_by_octet_and_its_user_hears_of_the_end() {
    // tests rfc3261 §17.2.2
    for status in [200, 302, 404, 500, 603] {
        let mut bob = Side::new();
        let message = with_via("MESSAGE", VIA);
        let server = bob.tx.accept(bob.now, from(NAT), &message).expect("room");
        bob.tx.set_user(server, 42);
        let mut response = reply(&message, status);
        response.set_body("text/plain", "seen");
        bob.tx.respond(bob.now, server, &response, &mut bob.out);
        bob.tx.respond(bob.now, server, &reply(&message, 500), &mut bob.out);
        let first = left(&mut bob);
        assert_eq!(first, [(from(NAT), response.to_bytes())], "another final response is discarded");
        bob.wait(Duration::from_secs(32));
        assert_eq!(hear(&mut bob, from(NAT), &message), Ok(Heard::Absorbed));
        assert_eq!((left(&mut bob), bob.events()), (first, vec![]));
        bob.wait(Duration::from_millis(250));
        assert_eq!(bob.events(), [Event::ServerEnded { server, user: 42 }]);
        assert!(bob.tx.is_empty());
    }
}

#[test]
fn a_reply_that_took_its_time_is_kept_like_one_given_at_once() {
    // tests rfc3261 §17.2.2, rfc4320 §4.1
    let mut bob = Side::new();
    let register = with_via("REGISTER", VIA);
    let server = bob.tx.accept(bob.now, from(NAT), &register).expect("room");
    bob.wait(Duration::from_secs(4));
    assert_eq!(bob.sent(), ["100"]);
    bob.tx.respond_with(bob.now, server, &register, &reply_of_bob(), &mut bob.out);
    let first = left(&mut bob);
    assert_eq!(hear(&mut bob, from(NAT), &register), Ok(Heard::Absorbed));
    let again = left(&mut bob);
    assert_eq!((again.len(), first.len()), (1, 1));
    // What was heard was stamped, what was accepted here was not.
    assert!(again[0].1.ends_with(&first[0].1[first[0].1.len() - 90..]));
    bob.wait(Duration::from_secs(33));
    assert_eq!(bob.events(), [Event::ServerEnded { server, user: 0 }]);
}

#[test]
fn a_request_that_only_has_the_branch_of_another_is_another() {
    // tests rfc3261 §17.2.3
    let mut bob = Side::new();
    let register = with_via("REGISTER", VIA);
    assert!(hear(&mut bob, from(NAT), &register).is_ok());
    let first = left(&mut bob);
    let text = register.to_string();
    for (from_text, to_text) in [("c1@192.0.2.1", "other"), ("tag=a1", "tag=a2"), ("CSeq: 1", "CSeq: 2")] {
        assert!(text.contains(from_text), "{text}");
        let other = request(&text.replace(from_text, to_text));
        // The 200 of the first would say that what it asks for was done.
        assert!(hear(&mut bob, from(NAT), &other).is_ok_and(|heard| heard != Heard::Absorbed));
        let own = left(&mut bob);
        assert_ne!(own, first, "{to_text}");
        assert_eq!(hear(&mut bob, from(NAT), &other), Ok(Heard::Absorbed));
        assert_eq!(left(&mut bob), own, "{to_text}");
    }
    assert_eq!(hear(&mut bob, from(NAT), &register), Ok(Heard::Absorbed));
    assert_eq!(left(&mut bob), first);
}

#[test]
fn nobody_elsewhere_is_sent_what_was_said_here() {
    // tests rfc3261 §18.2.2
    let v6 = flow(Transport::Udp, "[2001:db8::1]:5060", "[2001:db8::7]:40000");
    let other_v6 = flow(Transport::Udp, "[2001:db8::1]:5060", "[2001:db8::8]:40000");
    for (here, elsewhere) in
        [(from(NAT), from("203.0.113.8:40000")), (from(NAT), from("203.0.113.7:40001")), (v6, other_v6)]
    {
        let mut bob = Side::new();
        let register = with_via("REGISTER", VIA);
        assert!(hear(&mut bob, here, &register).is_ok());
        let first = left(&mut bob);
        assert_eq!(hear(&mut bob, elsewhere, &register), Ok(Heard::Absorbed));
        assert_eq!(left(&mut bob), [], "{elsewhere}");
        assert_eq!(hear(&mut bob, here, &register), Ok(Heard::Absorbed));
        assert_eq!(left(&mut bob), first);
    }
    // Who wants the answer at the port of its Via may send from another each time.
    let mut bob = Side::new();
    let register = with_via("REGISTER", &VIA.replace(";rport", ""));
    assert!(hear(&mut bob, from("203.0.113.7:40000"), &register).is_ok());
    let first = left(&mut bob);
    assert!(hear(&mut bob, from("203.0.113.7:40001"), &register).is_ok());
    assert_eq!((left(&mut bob), first[0].0), (first.clone(), from("203.0.113.7:5070")));
}

#[test]
fn over_a_connection_nothing_is_kept() {
    // tests rfc3261 §17.2.2
    let mut bob = Side::new();
    let flow = flow(Transport::Tcp, BOB, NAT);
    let register = with_via("REGISTER", &VIA.replace("UDP", "TCP"));
    assert!(matches!(hear(&mut bob, flow, &register), Ok(Heard::New(_))));
    assert_eq!(bob.sent(), ["200"]);
    assert!(bob.tx.is_empty() && bob.tx.deadline().is_none());
}

#[test]
fn other_methods_and_branches_are_other_requests() {
    // tests rfc3261 §17.2.3
    let mut bob = Side::new();
    for via in [VIA, "SIP/2.0/UDP 10.0.0.1:5070", &VIA.replace("x1", "x2"), &VIA.replace("5070", "5071")] {
        for method in ["REGISTER", "FOO", "BAR"] {
            let request = with_via(method, via);
            assert!(matches!(hear(&mut bob, from(NAT), &request), Ok(Heard::New(_))), "{method} {via}");
            assert_eq!(hear(&mut bob, from(NAT), &request), Ok(Heard::Absorbed));
            assert_eq!(bob.sent(), ["200"; 2]);
        }
    }
    let legacy = with_via("REGISTER", "SIP/2.0/UDP 10.0.0.1:5070").to_string();
    let other = request(&legacy.replace("To: <sip:bob@example.org>", "To: <sip:bob@example.org>;tag=b1"));
    assert!(matches!(hear(&mut bob, from(NAT), &other), Ok(Heard::New(_))));
}

#[test]
fn a_cancel_of_what_is_completed_is_answered_to_the_hop_that_sent_it() {
    // tests rfc3261 §9.2, rfc3261 §22.1
    let mut bob = Side::new();
    assert!(hear(&mut bob, from(NAT), &with_via("REGISTER", VIA)).is_ok());
    bob.sent();
    let cancel = with_via("CANCEL", VIA);
    let elsewhere = hear(&mut bob, from("203.0.113.8:40000"), &cancel);
    assert_eq!(elsewhere, Ok(Heard::Cancel { invite: None, user: 0 }));
    assert_eq!(hear(&mut bob, from("203.0.113.7:40001"), &cancel), Ok(Heard::Absorbed));
    assert_eq!(bob.sent(), ["200"]);
}

#[test]
fn what_is_completed_keeps_nothing_new_out_and_the_oldest_goes_before_its_time() {
    let mut bob = Side::with_limits(Limits { servers_max: 3, ..Limits::default() });
    let numbered = |number: u32| with_via("REGISTER", &VIA.replace("x1", &format!("x{number}")));
    for number in 0..5 {
        assert!(matches!(hear(&mut bob, from(NAT), &numbered(number)), Ok(Heard::New(_))));
    }
    assert_eq!((bob.sent().len(), bob.tx.len()), (5, 3));
    for number in 2..5 {
        assert_eq!(hear(&mut bob, from(NAT), &numbered(number)), Ok(Heard::Absorbed));
    }
    assert!(matches!(hear(&mut bob, from(NAT), &numbered(0)), Ok(Heard::New(_))));

    // Its user hears of the end, once, and what is not answered counts.
    let open = |bob: &mut Side, number: u32| bob.tx.accept(bob.now, from(NAT), &numbered(number));
    let [first, _, third] = [10, 11, 12].map(|number| open(&mut bob, number).expect("room"));
    assert_eq!(open(&mut bob, 13), Err(Full));
    bob.tx.set_user(first, 7);
    bob.tx.respond(bob.now, first, &numbered(10).reply(StatusCode::OK), &mut bob.out);
    assert!(bob.events().is_empty());
    open(&mut bob, 14).expect("room of one that is over");
    assert_eq!(hear(&mut bob, from(NAT), &numbered(15)), Err(Full));
    bob.tx.respond(bob.now, third, &numbered(12).reply(StatusCode::OK), &mut bob.out);
    for number in 20..22 {
        assert!(hear(&mut bob, from(NAT), &numbered(number)).is_ok());
    }
    assert_eq!(bob.events(), [Event::ServerEnded { server: first, user: 7 }]);
    bob.wait(Duration::from_secs(33));
    assert_eq!(bob.events(), [Event::ServerEnded { server: third, user: 0 }]);
}

#[test]
fn so_many_of_one_branch_are_enough() {
    let mut bob = Side::new();
    for method in ["A", "B", "C", "D"] {
        assert!(hear(&mut bob, from(NAT), &with_via(method, VIA)).is_ok());
    }
    assert_eq!(hear(&mut bob, from(NAT), &with_via("E", VIA)), Err(Full));
}
