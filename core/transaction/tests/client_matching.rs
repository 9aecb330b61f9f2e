//! Responses find their client transactions, and strangers find none: RFC 3261 section 17.1.3,
//! 18.1.2; RFC 6026 section 7.3; the CANCEL of 9.1.

#![allow(clippy::panic, clippy::indexing_slicing)] // a test may

mod wire;

use std::time::Duration;

use bytes::Bytes;
use ruf_message::{Method, Request, Transport};
use ruf_transaction::{ClientId, Event, Limits, Received};
use wire::*;

const SENT_BY: &str = "192.0.2.1:5060";

fn send(side: &mut Side, method: Method, user: u64) -> (ClientId, Request) {
    let client =
        side.tx.send(side.now, to_bob(), unsent(method, "c1"), SENT_BY, user, &mut side.out).expect("room");
    let transmit = side.out.transmits.pop_back().expect("it was sent");
    assert_eq!(transmit.flow, to_bob());
    (client, request(&String::from_utf8_lossy(&transmit.bytes)))
}

fn is_absorbed(received: Received) -> bool {
    matches!(received, Received::Absorbed)
}

fn edited(message: &ruf_message::Response, from: &str, to: &str) -> Bytes {
    let text = message.to_string();
    assert!(text.contains(from), "{text}");
    Bytes::from(text.replace(from, to))
}

#[test]
fn a_request_leaves_with_one_new_via_on_top() {
    // tests rfc3261 §8.1.1.7, rfc3261 §18.1.1, rfc3581 §3
    let mut alice = Side::new();
    let (_, invite) = send(&mut alice, Method::Invite, 1);
    let vias: Vec<String> = invite.raw("Via").map(|v| String::from_utf8_lossy(v).into_owned()).collect();
    assert_eq!(vias.len(), 1);
    assert!(vias[0].starts_with("SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK"), "{vias:?}");
    assert!(vias[0].ends_with(";rport"), "{vias:?}");
    let (_, other) = send(&mut alice, Method::Invite, 1);
    assert_ne!(invite.via().branch(), other.via().branch());
}

#[test]
fn a_response_reaches_the_user_of_its_request() {
    // tests rfc3261 §17.1.3
    let mut alice = Side::new();
    let (client, invite) = send(&mut alice, Method::Invite, 11);
    let (other, bye) = send(&mut alice, Method::Bye, 22);
    for (request, id, tag) in [(&invite, client, 11), (&bye, other, 22)] {
        match alice.receive(to_bob(), &reply(request, 200)) {
            Received::Response { client, user, response } => {
                assert_eq!((client, user), (id, tag));
                assert_eq!(response.status().as_u16(), 200);
            }
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn a_response_that_matches_nothing_is_absorbed() {
    // tests rfc6026 §7.3, rfc6026 §6, rfc4320 §4.2, rfc3261 §18.1.2
    let mut alice = Side::new();
    let (_, invite) = send(&mut alice, Method::Invite, 1);
    let ok = reply(&invite, 200);
    let branch = String::from_utf8_lossy(invite.via().branch().expect("a branch")).into_owned();
    let mut digits = branch.clone().into_bytes();
    for i in 7..digits.len() {
        let digit = digits[i];
        digits[i] = if digit == b'0' { b'1' } else { b'0' };
        let stray = edited(&ok, &branch, &String::from_utf8_lossy(&digits));
        assert!(is_absorbed(alice.receive(to_bob(), stray)), "digit {i}");
        digits[i] = digit;
    }
    for (from, to) in [
        (branch.as_str(), "z9hG4bK1"),
        (branch.as_str(), "1"),
        (SENT_BY, "192.0.2.1:5070"),
        (SENT_BY, "192.0.2.99:5060"),
        (" INVITE\r\n", " BYE\r\n"),
        (" INVITE\r\n", " CANCEL\r\n"),
        (" INVITE\r\n", " ACK\r\n"),
    ] {
        assert!(is_absorbed(alice.receive(to_bob(), edited(&ok, from, to))), "{to}");
    }
    assert!(alice.sent().is_empty() && alice.events().is_empty());
    assert!(matches!(alice.receive(to_bob(), &ok), Received::Response { .. }));

    let (_, bye) = send(&mut alice, Method::Bye, 1);
    for other in ["INVITE", "CANCEL", "BY", "BYEBYE"] {
        let other = edited(&reply(&bye, 200), " BYE\r\n", &format!(" {other}\r\n"));
        assert!(is_absorbed(alice.receive(to_bob(), other)));
    }
}

#[test]
fn a_late_answer_to_a_reused_slot_is_absorbed() {
    let mut alice = Side::new();
    let (client, bye) = send(&mut alice, Method::Bye, 1);
    alice.wait(Duration::from_secs(32));
    assert_eq!(alice.events(), [Event::Timeout { client, user: 1 }]);
    let (reused, _) = send(&mut alice, Method::Bye, 2);
    assert_ne!(client, reused);
    assert!(is_absorbed(alice.receive(to_bob(), &reply(&bye, 200))));
    alice.tx.cancel(alice.now, client, &mut alice.out);
    assert_eq!(alice.tx.len(), 1);
}

#[test]
fn a_timer_of_an_ended_transaction_does_not_touch_the_next_one_in_its_slot() {
    let mut alice = Side::new();
    let (first, bye) = send(&mut alice, Method::Bye, 1);
    assert!(matches!(alice.receive(to_bob(), &reply(&bye, 200)), Received::Response { .. }));
    alice.wait(Duration::from_secs(5));
    assert_eq!(alice.events(), [Event::ClientEnded { client: first, user: 1 }]);
    let (second, _) = send(&mut alice, Method::Bye, 2);
    alice.wait(Duration::from_millis(31_999)); // Timer F of the first would have fired
    assert!(alice.events().is_empty());
    alice.wait(Duration::from_millis(1));
    assert_eq!(alice.events(), [Event::Timeout { client: second, user: 2 }]);
}

#[test]
fn a_cancel_is_a_transaction_that_nobody_hears_of() {
    // tests rfc3261 §9.1, rfc3261 §17.1.3
    let mut alice = Side::new();
    let (client, invite) = send(&mut alice, Method::Invite, 1);
    alice.tx.cancel(alice.now, client, &mut alice.out);
    assert!(alice.sent().is_empty(), "no provisional yet");
    assert!(matches!(alice.receive(to_bob(), &reply(&invite, 100)), Received::Response { .. }));
    let transmit = alice.out.transmits.pop_front().expect("the CANCEL");
    assert_eq!(transmit.flow, to_bob());
    let cancel = request(&String::from_utf8_lossy(&transmit.bytes));
    assert_eq!(cancel.method(), Method::Cancel);
    assert_eq!(cancel.uri().as_bytes(), invite.uri().as_bytes());
    assert_eq!(cancel.call_id(), invite.call_id());
    assert_eq!(cancel.from_tag(), invite.from_tag());
    assert_eq!(cancel.to_tag(), None);
    assert_eq!((cancel.cseq().number, cancel.cseq().method), (1, &b"CANCEL"[..]));
    let via = |request: &Request| request.raw("Via").map(<[u8]>::to_vec).collect::<Vec<_>>();
    assert_eq!(via(&cancel), via(&invite));
    assert_eq!(cancel.require().count() + cancel.proxy_require().count(), 0);

    alice.wait(Duration::from_millis(500));
    assert_eq!(alice.sent(), ["CANCEL"], "it is retransmitted");
    assert!(is_absorbed(alice.receive(to_bob(), &reply(&cancel, 200))));
    alice.wait(Duration::from_secs(10));
    assert!(alice.sent().is_empty());
    assert!(matches!(alice.receive(to_bob(), &reply(&invite, 487)), Received::Response { .. }));
    assert_eq!(alice.sent(), ["ACK"]);
    alice.wait(Duration::from_secs(32));
    assert_eq!(alice.events(), [Event::ClientEnded { client, user: 1 }]);
    assert!(alice.tx.is_empty());
}

#[test]
fn a_cancel_says_why_whether_it_waits_or_not() {
    // tests rfc3326 §2
    for waits in [true, false] {
        let mut alice = Side::new();
        let (client, invite) = send(&mut alice, Method::Invite, 1);
        let because = |alice: &mut Side| {
            alice.tx.cancel_because(alice.now, client, "SIP;cause=200", &mut alice.out);
        };
        if waits {
            because(&mut alice);
        }
        assert!(matches!(alice.receive(to_bob(), &reply(&invite, 180)), Received::Response { .. }));
        if !waits {
            because(&mut alice);
        }
        let transmit = alice.out.transmits.pop_front().expect("the CANCEL");
        let cancel = request(&String::from_utf8_lossy(&transmit.bytes));
        assert_eq!(cancel.raw("Reason").collect::<Vec<_>>(), [b"SIP;cause=200"]);
        assert!(matches!(alice.receive(to_bob(), &reply(&invite, 487)), Received::Response { .. }));
        let transmit = alice.out.transmits.pop_front().expect("the ACK");
        assert!(!request(&String::from_utf8_lossy(&transmit.bytes)).contains("Reason"));
        // Too late, and of no consequence.
        because(&mut alice);
        alice.wait(Duration::from_secs(33));
        because(&mut alice);
        assert!(alice.tx.is_empty());
    }
}

#[test]
fn only_an_answer_to_the_cancel_itself_ends_the_cancel() {
    // tests rfc3261 §17.1.3
    let mut alice = Side::new();
    let (client, invite) = send(&mut alice, Method::Invite, 1);
    let _ = alice.receive(to_bob(), &reply(&invite, 180));
    alice.tx.cancel(alice.now, client, &mut alice.out);
    let cancel = alice.out.transmits.pop_front().expect("the CANCEL");
    let ok = reply(&request(&String::from_utf8_lossy(&cancel.bytes)), 200);
    assert!(is_absorbed(alice.receive(to_bob(), edited(&ok, " CANCEL\r\n", " BYE\r\n"))));
    alice.wait(Duration::from_millis(500));
    assert_eq!(alice.sent(), ["CANCEL"], "it is still unanswered");
}

#[test]
fn a_cancelled_invite_without_an_answer_times_out_and_takes_its_cancel_along() {
    // tests rfc3261 §9.1
    let mut alice = Side::new();
    let (client, invite) = send(&mut alice, Method::Invite, 1);
    let _ = alice.receive(to_bob(), &reply(&invite, 180));
    alice.tx.cancel(alice.now, client, &mut alice.out);
    assert_eq!(alice.tx.len(), 2);
    alice.wait(Duration::from_secs(32));
    assert_eq!(alice.events(), [Event::Timeout { client, user: 1 }]);
    assert!(alice.tx.is_empty());
}

#[test]
fn a_cancel_that_crosses_a_200_does_no_harm() {
    // tests rfc3261 §9.1
    let mut alice = Side::new();
    let (client, invite) = send(&mut alice, Method::Invite, 1);
    let _ = alice.receive(to_bob(), &reply(&invite, 180));
    alice.tx.cancel(alice.now, client, &mut alice.out);
    let received = alice.receive(to_bob(), &reply(&invite, 200));
    assert!(matches!(received, Received::Response { response, .. } if response.status().is_success()));
    alice.wait(Duration::from_secs(32));
    assert_eq!(alice.events(), [Event::ClientEnded { client, user: 1 }]);
    assert!(alice.tx.is_empty());
}

#[test]
fn every_2xx_of_a_fork_is_delivered() {
    // tests rfc6026 §7.2
    let mut alice = Side::new();
    let (_, invite) = send(&mut alice, Method::Invite, 1);
    let ok = reply(&invite, 200);
    let fork = edited(&ok, "tag=b1", "tag=c1");
    for wire in [ok.to_bytes(), fork, ok.to_bytes()] {
        assert!(matches!(alice.receive(to_bob(), wire), Received::Response { .. }));
    }
    assert!(alice.sent().is_empty(), "their ACKs are the user's");
}

#[test]
fn over_a_reliable_transport_a_failed_invite_ends_with_its_response() {
    let mut alice = Side::new();
    let tcp = flow(Transport::Tcp, ALICE, BOB);
    let client = alice
        .tx
        .send(alice.now, tcp, unsent(Method::Invite, "c1"), SENT_BY, 1, &mut alice.out)
        .expect("room");
    let sent = alice.out.transmits.pop_front().expect("it was sent");
    let invite = request(&String::from_utf8_lossy(&sent.bytes));
    assert!(String::from_utf8_lossy(&sent.bytes).contains("SIP/2.0/TCP "));
    let _ = alice.receive(tcp, &reply(&invite, 180));
    alice.tx.cancel(alice.now, client, &mut alice.out);
    assert!(matches!(alice.receive(tcp, &reply(&invite, 487)), Received::Response { .. }));
    assert_eq!(alice.events(), [Event::ClientEnded { client, user: 1 }]);
    assert_eq!(alice.sent(), ["CANCEL", "ACK"]);
    assert!(alice.tx.is_empty(), "nothing waits for the answer to the CANCEL");
}

#[test]
fn a_broken_flow_ends_its_own_transactions_only() {
    // tests rfc3261 §17.1.4
    let mut alice = Side::new();
    let (one, _) = send(&mut alice, Method::Invite, 1);
    let (two, _) = send(&mut alice, Method::Bye, 2);
    let elsewhere = flow(Transport::Udp, ALICE, "192.0.2.3:5060");
    let three = alice
        .tx
        .send(alice.now, elsewhere, unsent(Method::Bye, "c1"), SENT_BY, 3, &mut alice.out)
        .expect("room");
    alice.tx.unreachable(alice.now, to_bob(), &mut alice.out);
    let mut events = alice.events();
    events.sort_by_key(|event| match event {
        Event::Unreachable { user, .. } => *user,
        other => panic!("{other:?}"),
    });
    assert_eq!(
        events,
        [Event::Unreachable { client: one, user: 1 }, Event::Unreachable { client: two, user: 2 }]
    );
    assert_eq!(alice.tx.len(), 1);
    alice.wait(Duration::from_secs(32));
    assert_eq!(alice.events(), [Event::Timeout { client: three, user: 3 }]);
}

#[test]
fn a_full_table_refuses_and_sends_nothing_but_still_cancels() {
    let mut alice = Side::with_limits(Limits { clients_max: 2, servers_max: 1 });
    let (client, invite) = send(&mut alice, Method::Invite, 1);
    let (_, bye) = send(&mut alice, Method::Bye, 2);
    let refused = alice.tx.send(alice.now, to_bob(), unsent(Method::Bye, "c2"), SENT_BY, 3, &mut alice.out);
    assert!(refused.is_err());
    assert!(alice.sent().is_empty());
    let _ = alice.receive(to_bob(), &reply(&invite, 180));
    alice.tx.cancel(alice.now, client, &mut alice.out);
    assert_eq!(alice.sent(), ["CANCEL"], "a ringing phone can always be stopped");
    let _ = alice.receive(to_bob(), &reply(&bye, 200));
    alice.wait(Duration::from_secs(5));
    send(&mut alice, Method::Bye, 3);

    let mut bob = Side::with_limits(Limits { clients_max: 1, servers_max: 1 });
    let mut accept = |branch: &str| {
        let via = format!("SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK{branch}");
        match bob.receive(from_alice(), &with_via("OPTIONS", &via)) {
            Received::New { flow, request } => bob.tx.accept(bob.now, flow, &request).is_ok(),
            other => panic!("{other:?}"),
        }
    };
    assert!(accept("1"));
    assert!(!accept("2"));
}

#[test]
fn a_bound_that_is_lowered_holds_for_the_next_and_ends_nothing() {
    let mut alice = Side::new();
    let (_, bye) = send(&mut alice, Method::Bye, 1);
    alice.tx.set_limits(Limits { clients_max: 1, servers_max: 1 });
    let refused = alice.tx.send(alice.now, to_bob(), unsent(Method::Bye, "c2"), SENT_BY, 2, &mut alice.out);
    assert!(refused.is_err());
    assert!(matches!(alice.receive(to_bob(), &reply(&bye, 200)), Received::Response { .. }));
}

#[test]
fn an_ack_without_a_transaction_keeps_its_branch_when_sent_again() {
    // tests rfc3261 §16.11
    let mut alice = Side::new();
    let via = "SIP/2.0/UDP 192.0.2.9:5060;branch=z9hG4bKup";
    for ack in [with_via("ACK", via), with_via("ACK", via), with_via("ACK", &format!("{via}2"))] {
        alice.tx.send_stateless(to_bob(), ack, SENT_BY, &mut alice.out);
    }
    let branches: Vec<Vec<u8>> = alice
        .out
        .transmits
        .drain(..)
        .map(|transmit| {
            let ack = request(&String::from_utf8_lossy(&transmit.bytes));
            assert_eq!(ack.raw("Via").count(), 2);
            ack.via().branch().expect("a branch").to_vec()
        })
        .collect();
    assert!(branches[0].starts_with(b"z9hG4bK"));
    assert_eq!(branches[0], branches[1]);
    assert_ne!(branches[0], branches[2]);
    assert!(alice.tx.is_empty());
}
