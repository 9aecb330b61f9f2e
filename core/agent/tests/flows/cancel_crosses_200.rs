//! The CANCEL and the 200 to the INVITE cross: the caller acknowledges and leaves.

use crate::pair::{Pair, Side};
use ruf_agent::{AgentEvent, EndReason};

#[test]
fn the_caller_acknowledges_and_says_bye() {
    // tests rfc5407 §3.1.2, rfc3261 §9.2, §15
    let mut pair = Pair::new(7);
    let call = pair.a.call(pair.now, &"sip:bob@example.org".parse().unwrap(), None).unwrap();
    let incoming = pair.incoming(Side::B);
    pair.b.ring(pair.now, incoming);
    pair.until(Side::A, |event| matches!(event, AgentEvent::Ringing { .. }));
    pair.a.hang_up(pair.now, call);
    pair.b.answer(pair.now, incoming, None);
    pair.settle();
    pair.expect_ladder(concat!(
        "a→b INVITE | b→a 180 INVITE | a→b CANCEL | b→a 200 INVITE | b→a 200 CANCEL",
        " | a→b ACK | a→b BYE | b→a 200 BYE"
    ));
    assert_eq!((pair.end(Side::A), pair.end(Side::B)), (EndReason::Cancelled, EndReason::RemoteHungUp));
    assert!(!pair.told(Side::A).iter().any(|event| matches!(event, AgentEvent::Answered { .. })));
}
