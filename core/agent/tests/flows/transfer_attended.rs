//! Alice has spoken to Carol, and hands Bob over (RFC 5589 §7.3, RFC 5359 §2.5).

use crate::pair::sdp;
use crate::trio::Trio;
use crate::trio::Who::{self, Alice, Bob, Carol};
use ruf_agent::{AgentEvent, CallKey, EndReason, Failure};
use ruf_message::StatusCode;

/// Alice talks to Bob and to Carol, and asks Bob to take her place; gives her calls and Bob's.
fn asked(trio: &mut Trio) -> (CallKey, CallKey, CallKey, CallKey) {
    let (with_bob, bob) = trio.connected(Alice, Bob);
    let (with_carol, carol) = trio.connected(Alice, Carol);
    trio.act(Alice, |agent, now| agent.transfer_attended(now, with_bob, with_carol));
    let replaced = trio.until(Bob, |event| match event {
        AgentEvent::Referred { to, replaces, .. } => {
            assert_eq!(to.as_ref().user(), Some(&b"carol"[..]));
            Some(replaces.clone())
        }
        _ => None,
    });
    assert!(replaced.is_some());
    (with_bob, with_carol, bob, carol)
}

/// A call comes in here that is to take the place of this one; gives it.
fn replacing(trio: &mut Trio, who: Who, old: CallKey) -> CallKey {
    trio.until(who, |event| match event {
        AgentEvent::Incoming { call, replaces, .. } => {
            assert_eq!(*replaces, Some(old));
            Some(*call)
        }
        _ => None,
    })
}

fn ended(trio: &mut Trio, who: Who, wanted: CallKey) -> EndReason {
    trio.until(who, |event| match event {
        AgentEvent::Ended { call, reason } if *call == wanted => Some(*reason),
        _ => None,
    })
}

#[test]
fn carol_takes_the_call_and_alice_is_out_of_both() {
    // tests rfc3891 §3, §4, rfc5589 §7.3, rfc5359 §2.5
    let mut trio = Trio::new(1);
    let (with_bob, with_carol, bob, carol) = asked(&mut trio);
    trio.act(Bob, |agent, now| agent.accept_referral(now, bob, sdp("offer")).unwrap());
    let new = replacing(&mut trio, Carol, carol);
    trio.act(Carol, |agent, now| agent.answer(now, new, sdp("answer")));
    assert_eq!(ended(&mut trio, Alice, with_carol), EndReason::RemoteHungUp);
    trio.until(Alice, |event| matches!(event, AgentEvent::Transferred { .. }).then_some(()));
    trio.act(Alice, |agent, now| agent.hang_up(now, with_bob));
    assert_eq!(ended(&mut trio, Carol, carol), EndReason::HungUp);
    trio.run_ms(500);
    trio.act(Carol, |agent, now| agent.hang_up(now, new));
    trio.settle();
    trio.expect_ladder(
        "a→b REFER | b→a 202 REFER | b→c INVITE | b→a NOTIFY | c→b 200 INVITE | c→a BYE | a→b 200 NOTIFY |
         b→c ACK | a→c 200 BYE | b→a NOTIFY | a→b 200 NOTIFY | a→b BYE | b→a 200 BYE | c→b BYE | b→c 200 BYE",
    );
}

#[test]
fn carol_refuses_and_all_is_as_it_was() {
    // tests rfc3891 §3
    let mut trio = Trio::new(2);
    let (with_bob, with_carol, bob, carol) = asked(&mut trio);
    trio.act(Bob, |agent, now| agent.accept_referral(now, bob, sdp("offer")).unwrap());
    let new = replacing(&mut trio, Carol, carol);
    trio.act(Carol, |agent, now| agent.reject(now, new, StatusCode::DECLINE));
    let failure = trio.until(Alice, |event| match event {
        AgentEvent::TransferFailed { failure, .. } => Some(*failure),
        _ => None,
    });
    assert_eq!(failure, Failure::Refused(StatusCode::DECLINE));
    for call in [with_bob, with_carol] {
        trio.act(Alice, |agent, now| agent.hang_up(now, call));
        assert_eq!(ended(&mut trio, Alice, call), EndReason::HungUp);
    }
    trio.settle();
}

#[test]
fn a_call_that_ended_meanwhile_is_not_replaced() {
    // tests rfc3891 §3
    let mut trio = Trio::new(3);
    let (_, with_carol, bob, carol) = asked(&mut trio);
    trio.act(Alice, |agent, now| agent.hang_up(now, with_carol));
    ended(&mut trio, Carol, carol);
    trio.act(Bob, |agent, now| agent.accept_referral(now, bob, sdp("offer")).unwrap());
    let failure = trio.until(Alice, |event| match event {
        AgentEvent::TransferFailed { failure, .. } => Some(*failure),
        _ => None,
    });
    assert_eq!(failure, Failure::Refused(StatusCode::DECLINE));
}

#[test]
fn a_call_that_only_rings_is_no_place_to_take() {
    // tests rfc3891 §4
    let mut trio = Trio::new(5);
    let (with_bob, _) = trio.connected(Alice, Bob);
    let with_carol = trio.act(Alice, |agent, now| agent.call(now, &Carol.uri(), sdp("offer")).unwrap());
    let carol = trio.incoming(Carol);
    trio.act(Carol, |agent, now| agent.ring(now, carol));
    trio.run_ms(500);
    let before = trio.ladder();
    trio.act(Alice, |agent, now| agent.transfer_attended(now, with_bob, with_carol));
    // Nor is one that rings here.
    trio.act(Carol, |agent, now| agent.transfer_attended(now, carol, carol));
    trio.run_ms(500);
    assert_eq!(trio.ladder(), before);
}

#[test]
fn a_phone_that_rings_elsewhere_is_picked_up_here() {
    // tests rfc3891 §3, §7.1
    let mut trio = Trio::new(4);
    // Alice calls Bob, and Carol, who knows of it, takes the call.
    let old = trio.act(Alice, |agent, now| agent.call(now, &Bob.uri(), sdp("offer")).unwrap());
    let ringing = trio.incoming(Bob);
    trio.act(Bob, |agent, now| agent.ring(now, ringing));
    trio.until(Alice, |event| matches!(event, AgentEvent::Ringing { .. }).then_some(()));
    let dialog = trio.dialog_of_180();
    let new = trio.act(Carol, |agent, now| {
        agent.call_replacing(now, &Alice.uri(), &dialog, true, sdp("offer")).unwrap()
    });
    let incoming = replacing(&mut trio, Alice, old);
    trio.act(Alice, |agent, now| agent.answer(now, incoming, sdp("answer")));
    assert_eq!(ended(&mut trio, Alice, old), EndReason::Cancelled);
    assert_eq!(ended(&mut trio, Bob, ringing), EndReason::RemoteCancelled);
    trio.act(Carol, |agent, now| agent.hang_up(now, new));
    trio.settle();
    trio.expect_ladder(
        "a→b INVITE | b→a 180 INVITE | c→a INVITE | a→c 200 INVITE | a→b CANCEL | c→a ACK | b→a 200 CANCEL |
         b→a 487 INVITE | a→b ACK | c→a BYE | a→c 200 BYE",
    );
}
