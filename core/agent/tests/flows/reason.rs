//! Why a call ends, as whoever ends it says (RFC 3326).

use crate::pair::{Pair, Side, sdp};
use crate::stage::{Stage, invite};
use ruf_agent::{AgentEvent, Cause, EndReason, Failure};
use ruf_message::{HeaderName, Message, Request, StatusCode};
use std::time::Duration;

fn reason(request: &Request) -> Option<String> {
    request.raw(HeaderName::Reason).next().map(|value| String::from_utf8_lossy(value).into_owned())
}

/// What this side was told last: the cause, then the end.
#[track_caller]
fn last_words(pair: &Pair, side: Side) -> (Cause, EndReason) {
    let told = pair.told(side);
    match told[..] {
        [.., AgentEvent::Cause { cause, .. }, AgentEvent::Ended { reason, .. }] => (cause.clone(), *reason),
        _ => panic!("{told:?}"),
    }
}

#[test]
fn a_call_that_was_taken_elsewhere_is_no_missed_one() {
    // tests rfc3326 §2, rfc3261 §9.1
    for seed in [1, 2] {
        let mut pair = Pair::new(seed);
        let elsewhere = Cause::sip(StatusCode::OK, "Call completed elsewhere");
        let call = pair.a.call(pair.now, &"sip:bob@example.org".parse().unwrap(), sdp("offer")).unwrap();
        if seed == 2 {
            // The CANCEL waits for a provisional response.
            pair.a.hang_up_because(pair.now, call, elsewhere.clone());
        }
        let incoming = pair.incoming(Side::B);
        pair.b.ring(pair.now, incoming);
        pair.run_ms(200);
        pair.a.hang_up_because(pair.now, call, elsewhere.clone());
        pair.settle();
        assert_eq!(last_words(&pair, Side::B), (elsewhere, EndReason::RemoteCancelled));
        pair.expect_ladder(
            "a→b INVITE | b→a 180 INVITE | a→b CANCEL | b→a 200 CANCEL | b→a 487 INVITE | a→b ACK",
        );
    }
}

#[test]
fn a_bye_says_why() {
    // tests rfc3326 §2, rfc3261 §15.1.1
    let mut pair = Pair::new(3);
    let (call, _) = pair.connected();
    let cause = Cause { protocol: "Q.850".into(), code: Some(16), text: "Terminated".into() };
    pair.a.hang_up_because(pair.now, call, cause.clone());
    pair.settle();
    assert_eq!(last_words(&pair, Side::B), (cause, EndReason::RemoteHungUp));
    assert_eq!(pair.end(Side::A), EndReason::HungUp);
}

#[test]
fn a_refusal_may_say_more_than_its_status() {
    // tests rfc3326 §2
    let mut stage = Stage::new();
    let call = stage.agent.call(stage.now, &"sip:bob@example.org".parse().unwrap(), None).unwrap();
    let invite = stage.request();
    let said = (HeaderName::Reason, "Q.850;cause=17;text=\"User busy\"");
    stage.answer(&invite, StatusCode::BUSY_HERE, "bob", &[said]);
    let cause = Cause { protocol: "Q.850".into(), code: Some(17), text: "User busy".into() };
    let reason = EndReason::Failed(Failure::Refused(StatusCode::BUSY_HERE));
    assert_eq!(stage.events(), [AgentEvent::Cause { call, cause }, AgentEvent::Ended { call, reason }]);
}

#[test]
fn what_we_end_ourselves_says_why_too() {
    // tests rfc3326 §2, rfc4028 §10, rfc3261 §13.3.1.4
    let mut stage = Stage::new();
    let (talk, _) = stage.talk_with(&[(HeaderName::SessionExpires, "90;refresher=uas")]);
    stage.run(Duration::from_secs(60));
    assert_eq!(reason(&stage.request()).as_deref(), Some("SIP;cause=408;text=\"Session expired\""));
    // The peer's own BYE crosses: one end, and its reason is still told.
    stage.give_text(&talk.request("BYE", 1, "Reason: SIP;cause=480\n"));
    let told = stage.events();
    assert!(matches!(&told[..], [AgentEvent::Cause { cause, .. }] if cause.code == Some(480)), "{told:?}");

    let mut stage = Stage::new();
    stage.give_text(&invite("1", ""));
    let told = stage.events();
    let [AgentEvent::Incoming { call, .. }] = told[..] else { panic!("{told:?}") };
    stage.agent.answer(stage.now, call, None);
    stage.run(Duration::from_secs(32));
    let Some(Message::Request(bye)) = stage.sent().pop() else { panic!() };
    assert_eq!(reason(&bye).as_deref(), Some("SIP;cause=408;text=\"No ACK\""));
}
