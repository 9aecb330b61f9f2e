//! The way to the server changes: what goes on goes on by the new one.

use crate::pair::{flow, sdp};
use crate::stage::{Stage, proved};
use ruf_agent::{AgentEvent, CallKey};
use ruf_message::{Flow, HeaderName, Message, Method, StatusCode};

#[test]
fn a_call_and_the_registration_go_on_by_the_new_way() {
    // tests rfc5626 §4.4
    let mut stage = Stage::new();
    let call = stage.agent.call(stage.now, &"sip:bob@example.org".parse().unwrap(), None).unwrap();
    let invite = stage.request();
    let contact = (HeaderName::Contact, "<sip:bob@192.0.2.7>");
    stage.answer(&invite, StatusCode::OK, "bob", &[contact]);
    assert!(matches!(stage.events().as_slice(), [AgentEvent::Answered { .. }]));
    assert_eq!(stage.request().method(), Method::Ack);

    let new = flow("198.51.100.1:5070", "192.0.2.10:5060");
    stage.agent.move_to(new);
    stage.agent.register(stage.now, 600);
    let register = stage.agent.poll_transmit().unwrap();
    assert_eq!(register.flow, new);
    let text = String::from_utf8_lossy(&register.bytes).into_owned();
    assert!(text.contains("Contact: <sip:alice@198.51.100.1:5070>;expires=600\r\n"), "{text}");

    // Where that leads was known of the way before.
    assert_eq!(stage.agent.flow(call), Some(new));
    stage.agent.hang_up(stage.now, call);
    let question = stage.agent.poll_question().unwrap();
    stage.agent.found(stage.now, question.key, None);
    let bye = stage.agent.poll_transmit().unwrap();
    assert_eq!(bye.flow, new);
    assert!(bye.bytes.starts_with(b"BYE sip:bob@192.0.2.7 "));
}

#[test]
fn what_is_called_after_another_way_was_aimed_at_goes_there_and_the_rest_stays() {
    // tests rfc3261 §8.1.2
    let mut stage = Stage::new();
    let to = "sip:bob@198.51.100.9".parse().unwrap();
    let first = stage.agent.call(stage.now, &to, None).unwrap();
    let way = stage.agent.poll_transmit().unwrap().flow;
    let other = flow("198.51.100.1:5070", "198.51.100.9:5060");
    stage.agent.aim(other);
    let second = stage.agent.call(stage.now, &to, None).unwrap();
    assert_eq!(stage.agent.poll_transmit().unwrap().flow, other);
    assert_eq!((stage.agent.flow(first), stage.agent.flow(second)), (Some(way), Some(other)));
}

/// A call that went through the server to a name, and is answered by that name.
fn named_call(stage: &mut Stage) -> CallKey {
    let to = "sip:bob@example.org".parse().unwrap();
    let call = stage.agent.call(stage.now, &to, sdp("offer")).unwrap();
    let invite = stage.request();
    stage.answer(&invite, StatusCode::OK, "bob", &[(HeaderName::Contact, "<sip:bob@example.org>")]);
    assert_eq!(stage.agent.poll_transmit().unwrap().flow, stage.agent.way_out());
    call
}

#[test]
fn what_is_said_in_a_call_goes_where_the_call_went_while_what_begins_goes_elsewhere() {
    // tests rfc3261 §12.2.1.1
    let mut stage = Stage::new();
    let call = named_call(&mut stage);
    let way = stage.agent.way_out();
    let other = flow("198.51.100.1:5070", "192.0.2.10:5060");
    stage.agent.aim(other);
    // The registration begins, too.
    stage.agent.register(stage.now, 600);
    let register = stage.agent.poll_transmit().unwrap();
    let text = String::from_utf8_lossy(&register.bytes).into_owned();
    assert!(register.flow == other && text.contains("Contact: <sip:alice@198.51.100.1:5070>;"), "{text}");
    stage.agent.hang_up(stage.now, call);
    let bye = stage.agent.poll_transmit().unwrap();
    assert_eq!((bye.flow, stage.agent.poll_question()), (way, None));
    assert!(bye.bytes.starts_with(b"BYE "));
}

#[test]
fn a_registration_that_is_asked_for_while_the_way_changes_is_asked_for_by_the_new_one_too() {
    // tests rfc3261 §10.2, rfc5626 §4.4
    let other = flow("192.0.2.1:5060", "192.0.2.10:5060");
    for is_challenged in [false, true] {
        let mut stage = Stage::new();
        stage.agent.register(stage.now, 600);
        let mut first = stage.request();
        stage.agent.aim(other);
        stage.agent.register(stage.now, 600);
        assert_eq!(stage.agent.poll_transmit(), None, "one at a time");
        if is_challenged {
            stage.challenge(&first, StatusCode::UNAUTHORIZED, "n", false);
            first = stage.request();
        }
        stage.answer(&first, StatusCode::OK, "", &[]);
        let second = stage.agent.poll_transmit().expect("another REGISTER");
        assert!(second.flow == other && second.bytes.starts_with(b"REGISTER "));
        let Ok(Message::Request(second)) = Message::parse(second.bytes) else { panic!("no request") };
        assert_eq!(second.cseq().number, first.cseq().number + 1);
        stage.answer(&second, StatusCode::OK, "", &[]);
        assert_eq!(stage.agent.poll_transmit(), None);
        assert!(stage.agent.is_registered());
    }
}

#[test]
fn a_call_that_is_challenged_by_the_way_before_proves_itself_by_the_new_one_when_that_asks() {
    // tests rfc3261 §22.1, §22.3
    let mut stage = Stage::new();
    stage.agent.call(stage.now, &"sip:bob@example.org".parse().unwrap(), sdp("offer")).unwrap();
    let first = stage.request();
    let new = flow("192.0.2.1:5060", "192.0.2.10:5060");
    stage.agent.move_to(new);
    stage.challenge(&first, StatusCode::PROXY_AUTHENTICATION_REQUIRED, "of one", false);
    let next = |stage: &mut Stage| {
        let sent = std::iter::from_fn(|| stage.agent.poll_transmit()).last().expect("an INVITE");
        let Ok(Message::Request(request)) = Message::parse(sent.bytes) else { panic!("no request") };
        assert_eq!((request.method(), sent.flow), (Method::Invite, new));
        request
    };
    let second = next(&mut stage);
    assert!(!second.contains(HeaderName::ProxyAuthorization), "{second}");
    stage.challenge(&second, StatusCode::PROXY_AUTHENTICATION_REQUIRED, "of the other", false);
    assert_eq!(proved(&next(&mut stage), HeaderName::ProxyAuthorization), ("of the other".into(), Some(1)));
}

#[test]
fn where_a_name_led_by_the_way_before_is_not_where_it_leads_by_another() {
    // tests rfc3261 §12.2.1.1, rfc3263 §4.3
    let mut stage = Stage::new();
    let call = named_call(&mut stage);
    let way = stage.agent.way_out();
    // Another connection to the same place leads where the one before did.
    let again = Flow { connection: 7, ..way };
    stage.agent.move_to(again);
    assert_eq!(stage.agent.flow(call), Some(again));
    stage.agent.move_to(flow("192.0.2.1:5060", "192.0.2.10:5060"));
    stage.agent.hang_up(stage.now, call);
    assert_eq!(stage.agent.poll_transmit(), None);
    let question = stage.agent.poll_question().expect("a question");
    assert_eq!(question.hop.unwrap().host.to_string(), "example.org");
    stage.agent.found(stage.now, question.key, Some(way));
    let bye = stage.agent.poll_transmit().unwrap();
    assert!(bye.flow == way && bye.bytes.starts_with(b"BYE "));

    let mut stage = Stage::new();
    let call = named_call(&mut stage);
    stage.agent.move_to(again);
    stage.agent.hang_up(stage.now, call);
    assert_eq!((stage.agent.poll_transmit().unwrap().flow, stage.agent.poll_question()), (again, None));
}

#[test]
fn an_agent_for_a_whole_host_is_called_by_any_name() {
    for any_user in [true, false] {
        let mut stage = Stage::with(|settings| settings.any_user = any_user);
        stage.give_text(
            "OPTIONS sip:anybody@192.0.2.1 SIP/2.0\nVia: SIP/2.0/UDP 192.0.2.9;branch=z9hG4bK1\nMax-Forwards: 70\n\
             From: <sip:x@example.org>;tag=1\nTo: <sip:anybody@192.0.2.1>\nCall-ID: 1\nCSeq: 1 OPTIONS",
        );
        let status = if any_user { StatusCode::OK } else { StatusCode::NOT_FOUND };
        assert_eq!(stage.response().status(), status);
    }
}
