//! The callee is busy.

use crate::pair::{Pair, Side};
use ruf_agent::{AgentEvent, Answer, EndReason, Failure};
use ruf_message::StatusCode;

#[test]
fn a_refusal_is_told_and_acknowledged() {
    // tests rfc3261 §13.2.2.3, §13.3.1.3
    let mut pair = Pair::new(1);
    pair.a.call(pair.now, &"sip:bob@example.org".parse().unwrap(), None).unwrap();
    let incoming = pair.incoming(Side::B);
    pair.b.reject(pair.now, incoming, StatusCode::BUSY_HERE);
    pair.settle();
    pair.expect_ladder("a→b INVITE | b→a 486 INVITE | a→b ACK");
    assert_eq!(pair.end(Side::A), EndReason::Failed(Failure::Refused(StatusCode::BUSY_HERE)));
    assert_eq!(pair.end(Side::B), EndReason::Declined(StatusCode::BUSY_HERE));
}

#[test]
fn a_call_too_many_is_486_and_options_says_so() {
    // tests rfc3261 §11.2, §21.4.24
    let mut pair = Pair::with(2, |settings| settings.limits.calls_max = 1);
    let bob = "sip:bob@example.org".parse().unwrap();
    let first = pair.a.call(pair.now, &bob, None).unwrap();
    assert!(pair.a.call(pair.now, &bob, None).is_err());
    pair.incoming(Side::B);
    pair.clear();
    let busy = pair.b.options(pair.now, &"sip:alice@example.org".parse().unwrap()).unwrap();
    let answered = pair.until(Side::B, |event| matches!(event, AgentEvent::OptionsAnswered { .. }));
    let reason = "Busy Here".to_owned();
    assert_eq!(
        answered,
        AgentEvent::OptionsAnswered {
            request: busy,
            answer: Answer::Final { status: StatusCode::BUSY_HERE, reason }
        }
    );
    pair.a.hang_up(pair.now, first);
    pair.settle();
}
