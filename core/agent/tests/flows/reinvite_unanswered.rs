//! A change that nobody answers, though somebody said 100, is cancelled: by time or by the end.

use crate::pair::sdp;
use crate::stage::Stage;
use ruf_agent::{AgentEvent, Body, CallKey};
use ruf_message::{HeaderName, Message, Method, Request, StatusCode};
use std::time::Duration;

/// A call that is up, and a change of it that is pending.
fn pending(stage: &mut Stage) -> (CallKey, Request) {
    let call = stage.agent.call(stage.now, &"sip:bob@example.org".parse().unwrap(), sdp("offer")).unwrap();
    let invite = stage.request();
    stage.answer(&invite, StatusCode::OK, "bob", &[(HeaderName::Contact, "<sip:bob@192.0.2.2>")]);
    stage.sent();
    stage.agent.modify(stage.now, call, Body::sdp("hold"));
    let change = stage.request();
    stage.answer(&change, StatusCode::TRYING, "", &[]);
    stage.events();
    (call, change)
}

#[test]
fn it_is_cancelled_after_a_time_and_the_call_stands() {
    // tests rfc3261 §9.1, §14.1
    let mut stage = Stage::new();
    let (call, change) = pending(&mut stage);
    stage.run(Duration::from_millis(179_999));
    stage.agent.tick(stage.now);
    assert!(stage.sent().is_empty());
    stage.run(Duration::from_millis(1));
    let cancel = stage.request();
    assert_eq!((cancel.method(), cancel.cseq().number), (Method::Cancel, change.cseq().number));
    stage.answer(&cancel, StatusCode::OK, "bob", &[]);
    stage.answer(&change, StatusCode::REQUEST_TERMINATED, "bob", &[]);
    assert_eq!(stage.events(), [AgentEvent::NotModified { call, status: StatusCode::REQUEST_TERMINATED }]);
}

#[test]
fn the_end_of_the_call_cancels_it() {
    // tests rfc3261 §9.1
    let mut stage = Stage::new();
    let (call, _) = pending(&mut stage);
    stage.agent.hang_up(stage.now, call);
    let sent = stage.sent();
    let [Message::Request(cancel), Message::Request(bye)] = &sent[..] else { panic!("{sent:?}") };
    assert_eq!((cancel.method(), bye.method()), (Method::Cancel, Method::Bye));
    // Nobody answers any of it.
    stage.run(Duration::from_secs(100));
    assert!(matches!(stage.events()[..], [AgentEvent::Ended { call: ended, .. }] if ended == call));
    assert!(stage.agent.is_idle(), "{:?}", stage.agent.counts());
}
