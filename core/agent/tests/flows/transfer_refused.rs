//! Whoever is referred does nothing without its user's consent (RFC 3515 §2.4.2, §2.4.5).

use crate::pair::{Pair, Side};
use ruf_agent::{AgentEvent, CallKey, Failure};
use ruf_message::{StatusCode, Uri};

fn carol() -> Uri {
    "sip:carol@example.org".parse().unwrap()
}

/// Alice asks Bob to call Carol; gives both their calls.
fn asked(pair: &mut Pair) -> (CallKey, CallKey) {
    let (alice, bob) = pair.connected();
    pair.a.transfer(pair.now, alice, &carol());
    pair.until(Side::B, |event| matches!(event, AgentEvent::Referred { call, .. } if *call == bob));
    (alice, bob)
}

fn failed(pair: &mut Pair, alice: CallKey) -> Failure {
    match pair.until(Side::A, |event| matches!(event, AgentEvent::TransferFailed { .. })) {
        AgentEvent::TransferFailed { call, failure } if call == alice => failure,
        other => panic!("{other:?}"),
    }
}

#[test]
fn at_once_it_is_603() {
    // tests rfc3515 §2.4.2
    let mut pair = Pair::new(1);
    let (alice, bob) = asked(&mut pair);
    pair.b.refuse_referral(pair.now, bob);
    assert_eq!(failed(&mut pair, alice), Failure::Refused(StatusCode::DECLINE));
    assert!(pair.b.accept_referral(pair.now, bob, None).is_none());
    pair.a.hang_up(pair.now, alice);
    pair.settle();
    pair.expect_ladder("a→b REFER | b→a 603 REFER | a→b BYE | b→a 200 BYE");
}

#[test]
fn a_user_who_thinks_about_it_may_still_refuse() {
    // tests rfc3515 §2.4.2, §2.4.5, §2.4.7
    let mut pair = Pair::new(2);
    let (alice, bob) = asked(&mut pair);
    pair.run_ms(10_000);
    pair.b.refuse_referral(pair.now, bob);
    assert_eq!(failed(&mut pair, alice), Failure::Refused(StatusCode::DECLINE));
    pair.a.hang_up(pair.now, alice);
    pair.settle();
    pair.expect_ladder(concat!(
        "a→b REFER | a→b REFER | a→b REFER | b→a 202 REFER | b→a NOTIFY | a→b 200 NOTIFY",
        " | b→a NOTIFY | a→b 200 NOTIFY | a→b BYE | b→a 200 BYE"
    ));
}

#[test]
fn who_says_nothing_does_not_consent() {
    // tests rfc3515 §2.4.2, §2.4.5
    let mut pair = Pair::new(3);
    let (alice, bob) = asked(&mut pair);
    pair.run_ms(61_000);
    assert!(pair.told(Side::A).iter().all(|event| !matches!(event, AgentEvent::TransferFailed { .. })));
    pair.run_ms(1_200);
    assert_eq!(failed(&mut pair, alice), Failure::Refused(StatusCode::DECLINE));
    assert!(pair.b.accept_referral(pair.now, bob, None).is_none());
    pair.a.hang_up(pair.now, alice);
    pair.settle();
}

#[test]
fn a_call_that_ends_takes_the_question_with_it() {
    // tests rfc3261 §15.1.2
    let mut pair = Pair::new(4);
    let (_, bob) = asked(&mut pair);
    pair.b.hang_up(pair.now, bob);
    assert!(pair.b.accept_referral(pair.now, bob, None).is_none());
    pair.settle();
    pair.expect_ladder("a→b REFER | b→a 487 REFER | b→a BYE | a→b 200 BYE");
    assert!(!pair.told(Side::A).iter().any(|event| matches!(event, AgentEvent::Transferred { .. })));
}

#[test]
fn no_room_for_another_call_is_486() {
    // tests rfc3515 §2.4.2
    let mut pair = Pair::with(5, |settings| settings.limits.calls_max = 1);
    let (alice, bob) = asked(&mut pair);
    assert!(pair.b.accept_referral(pair.now, bob, None).is_none());
    assert_eq!(failed(&mut pair, alice), Failure::Refused(StatusCode::BUSY_HERE));
    pair.a.hang_up(pair.now, alice);
    pair.settle();
}

#[test]
fn only_one_transfer_is_under_way_at_a_time() {
    // tests rfc3515 §2.4.6
    let mut pair = Pair::new(6);
    let (alice, bob) = asked(&mut pair);
    pair.a.transfer(pair.now, alice, &carol());
    pair.b.refuse_referral(pair.now, bob);
    pair.run_ms(1_000);
    pair.expect_ladder("a→b REFER | b→a 603 REFER");
    pair.a.hang_up(pair.now, alice);
    pair.settle();
}
