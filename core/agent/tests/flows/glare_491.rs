//! Both change the session at once: 491 to both, then one after the other.

use crate::pair::{Pair, Side, sdp};
use ruf_agent::{AgentEvent, Body};

#[test]
fn both_are_refused_and_both_succeed_later() {
    // tests rfc3261 §14.1, §14.2, rfc5407 §3.3.1
    let mut pair = Pair::new(1);
    let (call, incoming) = pair.connected();
    pair.a.modify(pair.now, call, Body::sdp("from a"));
    pair.b.modify(pair.now, incoming, Body::sdp("from b"));
    pair.until(Side::A, |event| matches!(event, AgentEvent::Modified { .. }));
    pair.until(Side::B, |event| matches!(event, AgentEvent::Modified { .. }));
    pair.run_ms(1_000);
    // The owner of the Call-ID waits longer.
    pair.expect_ladder(concat!(
        "a→b INVITE | b→a INVITE | b→a 491 INVITE | a→b 491 INVITE | a→b ACK | b→a ACK",
        " | b→a INVITE | a→b 200 INVITE | b→a ACK | a→b INVITE | b→a 200 INVITE | a→b ACK"
    ));
    pair.a.hang_up(pair.now, call);
    pair.settle();
}

#[test]
fn a_change_waits_for_the_ack_of_our_answer() {
    // tests rfc3261 §14.1
    let mut pair = Pair::new(2);
    pair.a.call(pair.now, &"sip:bob@example.org".parse().unwrap(), sdp("offer")).unwrap();
    let incoming = pair.incoming(Side::B);
    pair.b.answer(pair.now, incoming, sdp("answer"));
    pair.b.modify(pair.now, incoming, Body::sdp("other codec"));
    pair.until(Side::B, |event| matches!(event, AgentEvent::Modified { .. }));
    pair.run_ms(1_000);
    pair.expect_ladder("a→b INVITE | b→a 200 INVITE | a→b ACK | b→a INVITE | a→b 200 INVITE | b→a ACK");
    pair.b.hang_up(pair.now, incoming);
    pair.settle();
}

#[test]
fn a_change_asked_twice_is_the_last_one_asked() {
    // tests rfc3261 §14.1
    let mut pair = Pair::new(3);
    let (call, _) = pair.connected();
    pair.a.modify(pair.now, call, Body::sdp("one"));
    pair.a.modify(pair.now, call, Body::sdp("two"));
    pair.run_ms(1_000);
    let told: Vec<_> = pair
        .told(Side::B)
        .into_iter()
        .filter_map(|event| match event {
            AgentEvent::Reinvited { body, .. } => body.clone(),
            _ => None,
        })
        .collect();
    assert_eq!(told, [Body::sdp("one"), Body::sdp("two")]);
    pair.a.hang_up(pair.now, call);
    pair.settle();
}
