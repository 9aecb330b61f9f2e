//! Requests find their server transactions: RFC 3261 section 17.2.3, with and without the magic
//! cookie, and CANCEL (9.2).

#![allow(clippy::panic, clippy::indexing_slicing)] // a test may

mod wire;

use ruf_message::{Method, Transport};
use ruf_transaction::{Event, Received, ServerId};
use wire::*;

const VIA: &str = "SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKx1;rport";
/// RFC 2543: no branch at all.
const OLD: &str = "SIP/2.0/UDP 192.0.2.1:5060";

fn accept(side: &mut Side, via: &str, method: &str) -> ServerId {
    match side.receive(from_alice(), &with_via(method, via)) {
        Received::New { flow, request } => side.tx.accept(side.now, flow, &request).expect("room"),
        other => panic!("not new: {other:?}"),
    }
}

fn respond(side: &mut Side, server: ServerId, method: &str, via: &str, status: u16) {
    side.tx.respond(side.now, server, &reply(&with_via(method, via), status), &mut side.out);
}

fn is_new(received: Received) -> bool {
    matches!(received, Received::New { .. })
}

fn is_absorbed(received: Received) -> bool {
    matches!(received, Received::Absorbed)
}

/// The ACK of Bob's response.
fn ack(via: &str, to_tag: &str) -> ruf_message::Request {
    let text = with_via("ACK", via).to_string();
    request(&text.replace("To: <sip:bob@example.org>", &format!("To: <sip:bob@example.org>;tag={to_tag}")))
}

#[test]
fn what_is_certainly_new_is_told_by_its_top_via_alone() {
    // tests rfc3261 §17.2.3
    let mut bob = Side::new();
    accept(&mut bob, VIA, "INVITE");
    let is_new = |via: &str| bob.tx.is_new(Method::Invite, &with_via("INVITE", via).via());
    assert!(is_new("SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKx2"));
    assert!(!is_new("SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKx1"), "a retransmission, or its CANCEL");
    for uncertain in [OLD, "SIP/2.0/UDP 192.0.2.9;branch=1"] {
        assert!(!is_new(uncertain), "{uncertain}");
    }
}

#[test]
fn branch_sent_by_and_method_make_a_retransmission() {
    // tests rfc3261 §17.2.3, rfc3261 §18.2.1
    let mut bob = Side::new();
    accept(&mut bob, VIA, "OPTIONS");
    for same in [
        "SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKx1;rport",
        "SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKx1",
        "SIP/2.0/UDP 192.0.2.1:5060;rport;x=y;branch=z9hG4bKx1",
    ] {
        assert!(is_absorbed(bob.receive(from_alice(), &with_via("OPTIONS", same))), "{same}");
    }
    for other in [
        "SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKx2",
        "SIP/2.0/UDP 192.0.2.1:5061;branch=z9hG4bKx1",
        "SIP/2.0/UDP 192.0.2.3:5060;branch=z9hG4bKx1",
        "SIP/2.0/UDP phone.example.org:5060;branch=z9hG4bKx1",
    ] {
        assert!(is_new(bob.receive(from_alice(), &with_via("OPTIONS", other))), "{other}");
    }
    assert!(is_new(bob.receive(from_alice(), &with_via("MESSAGE", VIA))));
    assert!(is_new(bob.receive(from_alice(), &with_via("FOO", VIA))));
    assert_eq!(bob.tx.len(), 1, "what is not accepted is not kept");
}

#[test]
fn the_host_of_sent_by_has_no_case() {
    let mut bob = Side::new();
    accept(&mut bob, "SIP/2.0/UDP Phone.Example.org;branch=z9hG4bKx1", "OPTIONS");
    let again = with_via("OPTIONS", "SIP/2.0/UDP phone.example.ORG:5060;branch=z9hG4bKx1");
    assert!(is_absorbed(bob.receive(from_alice(), &again)));
}

#[test]
fn unknown_methods_are_told_apart() {
    // tests rfc3261 §17.2.3
    let mut bob = Side::new();
    accept(&mut bob, VIA, "FOO");
    assert!(is_new(bob.receive(from_alice(), &with_via("BAR", VIA))));
    assert!(is_absorbed(bob.receive(from_alice(), &with_via("FOO", VIA))));
}

#[test]
fn the_ack_of_a_failure_is_absorbed_and_any_other_is_passed_up() {
    // tests rfc3261 §17.2.1, rfc3261 §17.2.3, rfc3261 §18.2.1
    let mut bob = Side::new();
    let server = accept(&mut bob, VIA, "INVITE");
    respond(&mut bob, server, "INVITE", VIA, 486);
    assert!(is_absorbed(bob.receive(from_alice(), &ack(VIA, "b1"))));
    assert!(is_absorbed(bob.receive(from_alice(), &ack(VIA, "b1"))));
    let other = "SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKother";
    assert!(matches!(bob.receive(from_alice(), &ack(other, "b1")), Received::Ack { .. }));
}

#[test]
fn in_accepted_an_ack_under_the_same_branch_is_passed_up() {
    // tests rfc6026 §7.1
    let mut bob = Side::new();
    let server = accept(&mut bob, VIA, "INVITE");
    respond(&mut bob, server, "INVITE", VIA, 200);
    assert!(matches!(bob.receive(from_alice(), &ack(VIA, "b1")), Received::Ack { .. }));
    assert!(is_absorbed(bob.receive(from_alice(), &with_via("INVITE", VIA))));
    assert_eq!(bob.sent(), ["200"]);
}

#[test]
fn a_merged_request_is_a_transaction_of_its_own() {
    // The same request over two paths: what to do about it is its user's (8.2.2.2).
    let mut bob = Side::new();
    accept(&mut bob, VIA, "INVITE");
    let merged = "SIP/2.0/UDP 192.0.2.9:5060;branch=z9hG4bKy1";
    accept(&mut bob, merged, "INVITE");
    assert_eq!(bob.tx.counts().invite_servers, 2);
}

#[test]
fn without_the_cookie_the_request_itself_is_compared() {
    // tests rfc3261 §17.2.3
    for via in [OLD, "SIP/2.0/UDP 192.0.2.1:5060;branch=1", "SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4b"] {
        let mut bob = Side::new();
        accept(&mut bob, via, "INVITE");
        let text = with_via("INVITE", via).to_string();
        assert!(is_absorbed(bob.receive(from_alice(), &request(&text))));
        for (from, to) in [
            ("INVITE sip:bob@example.org", "INVITE sip:carol@example.org"),
            ("tag=a1", "tag=a2"),
            ("To: <sip:bob@example.org>", "To: <sip:bob@example.org>;tag=b1"),
            ("Call-ID: c1", "Call-ID: c2"),
            ("CSeq: 1", "CSeq: 2"),
            ("192.0.2.1:5060", "192.0.2.1:5061"),
        ] {
            assert!(text.contains(from));
            assert!(is_new(bob.receive(from_alice(), &request(&text.replace(from, to)))), "{to}");
        }
        assert!(is_new(bob.receive(from_alice(), &request(&text.replace("INVITE", "MESSAGE")))));
    }
}

#[test]
fn without_the_cookie_an_ack_carries_the_to_tag_of_its_response() {
    // tests rfc3261 §17.2.3
    let mut bob = Side::new();
    let server = accept(&mut bob, OLD, "INVITE");
    assert!(matches!(bob.receive(from_alice(), &ack(OLD, "b1")), Received::Ack { .. }));
    respond(&mut bob, server, "INVITE", OLD, 486);
    assert!(matches!(bob.receive(from_alice(), &ack(OLD, "b2")), Received::Ack { .. }));
    assert!(is_absorbed(bob.receive(from_alice(), &ack(OLD, "b1"))));
    bob.sent();
    bob.wait(std::time::Duration::from_secs(4));
    assert!(bob.sent().is_empty(), "confirmed: no more retransmissions");
}

#[test]
fn without_the_cookie_an_ack_in_accepted_is_passed_up() {
    // tests rfc6026 §6
    let mut bob = Side::new();
    let server = accept(&mut bob, OLD, "INVITE");
    respond(&mut bob, server, "INVITE", OLD, 200);
    assert!(matches!(bob.receive(from_alice(), &ack(OLD, "b1")), Received::Ack { .. }));
}

#[test]
fn a_cancel_finds_the_invite_of_its_branch() {
    // tests rfc3261 §9.2
    for via in [VIA, OLD] {
        let mut bob = Side::new();
        let server = accept(&mut bob, via, "INVITE");
        bob.tx.set_user(server, 42);
        let cancel = with_via("CANCEL", via);
        let Received::Cancel { flow, request, invite, user } = bob.receive(from_alice(), &cancel) else {
            panic!("no CANCEL")
        };
        assert_eq!((invite, user), (Some(server), 42));
        let answer = bob.tx.accept(bob.now, flow, &request).expect("room");
        bob.tx.respond(bob.now, answer, &reply(&request, 200), &mut bob.out);
        respond(&mut bob, server, "INVITE", via, 487);
        assert_eq!(bob.sent(), ["200", "487"]);
        assert!(is_absorbed(bob.receive(from_alice(), &cancel)), "the CANCEL again");
        assert!(is_absorbed(bob.receive(from_alice(), &with_via("INVITE", via))), "the INVITE again");
        assert_eq!(bob.sent(), ["200", "487"]);
    }
}

#[test]
fn a_cancel_from_another_address_finds_nothing() {
    // tests rfc3261 §22.1
    let mut bob = Side::new();
    accept(&mut bob, VIA, "INVITE");
    let cancel = with_via("CANCEL", VIA);
    let flow_from = |remote| flow(Transport::Udp, BOB, remote);
    let mallory = flow_from("192.0.2.66:5060");
    assert!(matches!(bob.receive(mallory, &cancel), Received::Cancel { invite: None, .. }));
    let another_port = flow_from("192.0.2.1:40000");
    assert!(matches!(bob.receive(another_port, &cancel), Received::Cancel { invite: Some(_), .. }));
}

#[test]
fn a_cancel_of_nothing_says_so() {
    // tests rfc3261 §9.2
    let mut bob = Side::new();
    let received = bob.receive(from_alice(), &with_via("CANCEL", VIA));
    assert!(matches!(received, Received::Cancel { invite: None, user: 0, .. }));
    assert!(bob.tx.is_empty());
}

#[test]
fn a_cancel_of_another_method_is_answered_and_has_no_effect() {
    // tests rfc3261 §9.2
    let mut bob = Side::new();
    let server = accept(&mut bob, VIA, "MESSAGE");
    assert!(is_absorbed(bob.receive(from_alice(), &with_via("CANCEL", VIA))));
    assert!(is_absorbed(bob.receive(from_alice(), &with_via("CANCEL", VIA))));
    assert_eq!(bob.sent(), ["200", "200"]);
    respond(&mut bob, server, "MESSAGE", VIA, 202);
    assert_eq!(bob.sent(), ["202"]);
    bob.wait(std::time::Duration::from_secs(40));
    assert_eq!(bob.events(), [Event::ServerEnded { server, user: 0 }], "nobody hears of the CANCEL");
    assert!(bob.tx.is_empty());
}

#[test]
fn the_top_via_says_where_a_request_came_from() {
    // tests rfc3261 §18.2.1, rfc3581 §4
    let seen = |via: &str| match Side::new().receive(from_alice(), &with_via("OPTIONS", via)) {
        Received::New { request, .. } => {
            let received = request.via().received().map(|ip| ip.to_string());
            (received, request.via().rport())
        }
        other => panic!("not new: {other:?}"),
    };
    let alice = Some("192.0.2.1".to_owned());
    assert_eq!(seen("SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1"), (None, None));
    assert_eq!(seen("SIP/2.0/UDP 10.0.0.1;branch=z9hG4bK1"), (alice.clone(), None));
    assert_eq!(seen("SIP/2.0/UDP phone.example.org;branch=z9hG4bK1"), (alice.clone(), None));
    assert_eq!(seen("SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1;rport"), (alice.clone(), Some(Some(5060))));
    assert_eq!(seen("SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1;received=203.0.113.9"), (alice.clone(), None));
    let forged = "SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1;rport=99;received=203.0.113.9";
    assert_eq!(seen(forged), (alice, Some(Some(5060))));
}

#[test]
fn a_response_goes_to_the_source_and_to_the_port_that_was_asked_for() {
    // tests rfc3261 §18.2.2, rfc3581 §4
    let to = |transport: Transport, via: &str| {
        let flow = flow(transport, BOB, "203.0.113.7:40000");
        let request = with_via("OPTIONS", via);
        let to = ruf_transaction::reply_to(flow, &request);
        assert_eq!((to.local, to.connection), (flow.local, flow.connection));
        to.remote.to_string()
    };
    assert_eq!(to(Transport::Udp, "SIP/2.0/UDP 10.0.0.1:5070;branch=z9hG4bK1;rport"), "203.0.113.7:40000");
    assert_eq!(to(Transport::Udp, "SIP/2.0/UDP 10.0.0.1:5070;branch=z9hG4bK1"), "203.0.113.7:5070");
    assert_eq!(to(Transport::Udp, "SIP/2.0/UDP 10.0.0.1;branch=z9hG4bK1"), "203.0.113.7:5060");
    // Nobody can aim our responses at a third party.
    let aimed = "SIP/2.0/UDP 10.0.0.1;branch=z9hG4bK1;maddr=198.51.100.1;received=198.51.100.1";
    assert_eq!(to(Transport::Udp, aimed), "203.0.113.7:5060");
    assert_eq!(to(Transport::Tcp, "SIP/2.0/TCP 10.0.0.1:5070;branch=z9hG4bK1"), "203.0.113.7:40000");
}

#[test]
fn responses_of_a_transaction_go_where_its_request_came_from() {
    // tests rfc3261 §18.2.2
    let mut bob = Side::new();
    let nat = flow(Transport::Udp, BOB, "203.0.113.7:40000");
    let via = "SIP/2.0/UDP 10.0.0.1:5060;branch=z9hG4bK1;rport";
    let Received::New { flow, request } = bob.receive(nat, &with_via("OPTIONS", via)) else {
        panic!("not new")
    };
    let server = bob.tx.accept(bob.now, flow, &request).expect("room");
    bob.tx.respond(bob.now, server, &reply(&request, 200), &mut bob.out);
    let transmit = bob.out.transmits.pop_front().expect("a response");
    assert_eq!(transmit.flow, nat);
    let via = response(&transmit.bytes).to_string();
    assert!(via.contains("received=203.0.113.7") && via.contains("rport=40000"), "{via}");
    assert_eq!(request.method(), Method::Options);
}

#[test]
fn a_transaction_hears_once_that_its_flow_is_gone_and_ends_as_ever() {
    // tests rfc6026 §8.8
    let mut bob = Side::new();
    let server = accept(&mut bob, VIA, "INVITE");
    respond(&mut bob, server, "INVITE", VIA, 180);
    let told = [Event::ServerUnreachable { server, user: 0 }];
    bob.tx.unreachable(bob.now, from_alice(), &mut bob.out);
    assert_eq!(bob.events(), told);
    bob.tx.unreachable(bob.now, from_alice(), &mut bob.out);
    assert_eq!(bob.events(), []);
    let other = VIA.replace("x1", "x2");
    let later = accept(&mut bob, &other, "INVITE");
    respond(&mut bob, later, "INVITE", &other, 180);
    let third = VIA.replace("x1", "x3");
    let done = accept(&mut bob, &third, "OPTIONS");
    respond(&mut bob, done, "OPTIONS", &third, 200);
    bob.tx.unreachable(bob.now, from_alice(), &mut bob.out);
    assert_eq!(
        bob.events(),
        [Event::ServerUnreachable { server: later, user: 0 }],
        "what came since is told, but of nothing that is over for its user"
    );
    respond(&mut bob, server, "INVITE", VIA, 200);
    respond(&mut bob, later, "INVITE", &other, 200);
    bob.wait(std::time::Duration::from_secs(33));
    let ended = bob.events();
    assert_eq!(ended.len(), 3, "{ended:?}");
    assert!(bob.tx.is_empty());
}
