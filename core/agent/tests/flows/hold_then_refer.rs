//! baresip sends a hold and a REFER back to back: the hold is accepted, the REFER refused, the call
//! stands.

use crate::stage::Stage;
use ruf_agent::{AgentEvent, EndReason};
use ruf_message::{HeaderName, Message, Method, StatusCode};
use std::time::Duration;

#[test]
fn the_hold_is_200_and_the_refer_405() {
    // tests rfc3261 §8.2.1, §12.2.2, §14.2
    let mut stage = Stage::new();
    let call = stage.agent.call(stage.now, &"sip:bob@example.org".parse().unwrap(), None).unwrap();
    let invite = stage.request();
    stage.answer(&invite, StatusCode::OK, "bob", &[(HeaderName::Contact, "<sip:bob@192.0.2.2>")]);
    assert_eq!(stage.request().method(), Method::Ack);
    stage.events();
    let text = |value: &[u8]| String::from_utf8_lossy(value).into_owned();
    let (tag, call_id) = (text(invite.from_tag().unwrap()), text(invite.call_id()));
    let within = |method: &str, number: u32, more: &str| {
        format!(
            "{method} sip:alice@192.0.2.1 SIP/2.0
Via: SIP/2.0/UDP 192.0.2.9:5060;branch=z9hG4bK{method}{number}
From: <sip:bob@example.org>;tag=bob
To: <sip:alice@example.org>;tag={tag}
Call-ID: {call_id}
CSeq: {number} {method}
Contact: <sip:bob@192.0.2.2>
{more}"
        )
    };
    stage.give_text(&within("INVITE", 1, "Content-Type: application/sdp\n\na=sendonly"));
    stage.give_text(&within("REFER", 2, "Refer-To: <sip:carol@example.org>\n"));
    let sent = stage.sent();
    let [Message::Response(hold), Message::Response(refer)] = &sent[..] else { panic!("{sent:?}") };
    assert_eq!((hold.status(), hold.cseq().method), (StatusCode::OK, &b"INVITE"[..]));
    assert_eq!((refer.status(), refer.cseq().method), (StatusCode::METHOD_NOT_ALLOWED, &b"REFER"[..]));
    assert!(refer.contains(HeaderName::Allow));
    stage.give_text(&within("ACK", 1, ""));
    // Out of order now.
    stage.give_text(&within("BYE", 0, ""));
    assert_eq!(stage.response().status(), StatusCode::SERVER_INTERNAL_ERROR);
    stage.give_text(&within("BYE", 3, ""));
    assert_eq!(stage.response().status(), StatusCode::OK);
    let told = stage.events();
    let end = AgentEvent::Ended { call, reason: EndReason::RemoteHungUp };
    assert!(
        matches!(&told[..], [AgentEvent::Reinvited { .. }, AgentEvent::Acknowledged { .. }, last] if *last == end),
        "{told:?}"
    );
    stage.run(Duration::from_secs(64));
    assert!(stage.agent.is_idle(), "{:?}", stage.agent.counts());
}
