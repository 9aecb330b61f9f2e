//! Proxies that stay on the path: their Record-Route is mirrored, and routes what follows.

use crate::stage::Stage;
use ruf_agent::AgentEvent;
use ruf_message::{HeaderName, Method, Request, StatusCode};

fn routes(request: &Request) -> Vec<String> {
    request.routes().map(|route| route.uri().to_string()).collect()
}

#[test]
fn the_callee_mirrors_it_in_order_and_routes_by_it() {
    // tests rfc3261 §12.1.1, §12.2.1.1
    let mut stage = Stage::new();
    stage.give_text(
        "INVITE sip:alice@192.0.2.1 SIP/2.0
Via: SIP/2.0/UDP 192.0.2.9:5060;branch=z9hG4bK1
Record-Route: <sip:near;lr;x=y>;z, <sip:middle;lr>
Record-Route: <sip:far>
From: <sip:bob@example.org>;tag=b
To: <sip:alice@example.org>
Call-ID: 1@example.org
CSeq: 1 INVITE
Contact: <sip:bob@192.0.2.2>
",
    );
    let [AgentEvent::Incoming { call, .. }] = stage.events()[..] else { panic!() };
    let mirrored = ["<sip:near;lr;x=y>;z, <sip:middle;lr>", "<sip:far>"];
    stage.agent.ring(stage.now, call);
    let ringing = stage.response();
    assert!(ringing.raw(HeaderName::RecordRoute).eq(mirrored.map(str::as_bytes)));
    stage.agent.answer(stage.now, call, None);
    let answer = stage.response();
    assert!(answer.raw(HeaderName::RecordRoute).eq(mirrored.map(str::as_bytes)));
    assert_eq!(answer.raw(HeaderName::Contact).next(), Some(&b"<sip:alice@192.0.2.1:5060>"[..]));
    assert!(answer.contains(HeaderName::Allow) && answer.contains(HeaderName::Supported));
    let tag = String::from_utf8_lossy(answer.to_tag().unwrap()).into_owned();
    stage.give_text(&format!(
        "ACK sip:alice@192.0.2.1 SIP/2.0
Via: SIP/2.0/UDP 192.0.2.9:5060;branch=z9hG4bK2
From: <sip:bob@example.org>;tag=b
To: <sip:alice@example.org>;tag={tag}
Call-ID: 1@example.org
CSeq: 1 ACK
"
    ));
    stage.agent.hang_up(stage.now, call);
    let bye = stage.request();
    assert_eq!((bye.method(), bye.uri().to_string()), (Method::Bye, "sip:bob@192.0.2.2".into()));
    assert_eq!(routes(&bye), ["sip:near;lr;x=y", "sip:middle;lr", "sip:far"]);
}

#[test]
fn the_caller_routes_by_it_in_reverse_and_a_preloaded_route_is_forgotten() {
    // tests rfc3261 §8.1.1.1, §12.1.2
    let mut stage = Stage::with(|settings| settings.route_set = vec!["sip:outbound;lr".parse().unwrap()]);
    let call = stage.agent.call(stage.now, &"sip:bob@example.org".parse().unwrap(), None).unwrap();
    let invite = stage.request();
    assert_eq!(
        (invite.uri().to_string(), routes(&invite)),
        ("sip:bob@example.org".into(), vec!["sip:outbound;lr".into()])
    );
    let record = (HeaderName::RecordRoute, "<sip:far;lr>, <sip:near;lr>");
    stage.answer(&invite, StatusCode::OK, "bob", &[record, (HeaderName::Contact, "<sip:bob@192.0.2.2>")]);
    let ack = stage.request();
    assert_eq!((ack.method(), routes(&ack)), (Method::Ack, vec!["sip:near;lr".into(), "sip:far;lr".into()]));
    stage.agent.hang_up(stage.now, call);
    assert_eq!(routes(&stage.request()), ["sip:near;lr", "sip:far;lr"]);
    stage.agent.register(stage.now, 60);
    assert_eq!(routes(&stage.request()), ["sip:outbound;lr"]);
}
