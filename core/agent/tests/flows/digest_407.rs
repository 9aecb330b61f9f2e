//! A proxy asks for the password: the INVITE goes out again with credentials.

use crate::stage::{Stage, proved};
use ruf_agent::{AgentEvent, Body, EndReason, Failure};
use ruf_message::{HeaderName, Message, Method, Request, StatusCode};

const PROXY: StatusCode = StatusCode::PROXY_AUTHENTICATION_REQUIRED;

/// The ACK of the challenge, and the request that was sent again.
#[track_caller]
fn again(stage: &mut Stage) -> Request {
    let mut requests = stage.sent().into_iter().filter_map(|message| match message {
        Message::Request(request) => Some(request),
        Message::Response(_) => None,
    });
    let ack = requests.next().unwrap();
    assert_eq!(ack.method(), Method::Ack);
    let again = requests.next().unwrap();
    assert!(requests.next().is_none());
    again
}

#[test]
fn the_same_call_with_the_next_number_and_credentials() {
    // tests rfc3261 §8.1.3.5, §22.2, §22.3, §13.2.2.4, §22.1
    let mut stage = Stage::new();
    let call = stage.agent.call(stage.now, &"sip:bob@example.org".parse().unwrap(), None).unwrap();
    let first = stage.request();
    stage.challenge(&first, PROXY, "n1", false);
    let second = again(&mut stage);
    assert_eq!(second.method(), Method::Invite);
    assert_eq!((second.call_id(), second.from_tag()), (first.call_id(), first.from_tag()));
    assert_eq!((second.cseq().number, second.to_tag()), (first.cseq().number + 1, None));
    assert_ne!(second.via().branch(), first.via().branch());
    assert_eq!(proved(&second, HeaderName::ProxyAuthorization), ("n1".into(), Some(1)));

    let contact = [(HeaderName::Contact, "<sip:bob@192.0.2.2>")];
    stage.answer(&second, StatusCode::OK, "bob", &contact);
    let ack = stage.request();
    assert_eq!((ack.method(), ack.cseq().number), (Method::Ack, second.cseq().number));
    assert_eq!(
        ack.raw(HeaderName::ProxyAuthorization).next(),
        second.raw(HeaderName::ProxyAuthorization).next()
    );
    let answered = AgentEvent::Answered { call, body: None, answer_due: false };
    assert_eq!(stage.events(), [answered]);

    stage.agent.hang_up(stage.now, call);
    let bye = stage.request();
    assert_eq!((bye.method(), bye.cseq().number), (Method::Bye, second.cseq().number + 1));
    assert_eq!(proved(&bye, HeaderName::ProxyAuthorization), ("n1".into(), Some(2)));
    // rfc5407 appendix D: a BYE may be challenged, too
    stage.challenge(&bye, PROXY, "n2", true);
    let bye_again = stage.request();
    assert_eq!((bye_again.method(), bye_again.cseq().number), (Method::Bye, bye.cseq().number + 1));
    assert_eq!(proved(&bye_again, HeaderName::ProxyAuthorization), ("n2".into(), Some(1)));
    assert!(stage.events().is_empty());
    stage.answer(&bye_again, StatusCode::OK, "", &[]);
    assert_eq!(stage.events(), [AgentEvent::Ended { call, reason: EndReason::HungUp }]);
    stage.run(std::time::Duration::from_secs(64));
    assert!(stage.agent.is_idle(), "{:?}", stage.agent.counts());
}

#[test]
fn a_refused_password_is_not_tried_again() {
    // tests rfc3261 §22.1
    let mut stage = Stage::new();
    let call = stage.agent.call(stage.now, &"sip:bob@example.org".parse().unwrap(), None).unwrap();
    let first = stage.request();
    stage.challenge(&first, PROXY, "n1", false);
    let second = again(&mut stage);
    stage.challenge(&second, PROXY, "n2", false);
    assert_eq!(stage.request().method(), Method::Ack);
    assert_eq!(
        stage.events(),
        [AgentEvent::Ended { call, reason: EndReason::Failed(Failure::Refused(PROXY)) }]
    );
}

#[test]
fn a_call_given_up_is_not_sent_again() {
    // tests rfc3261 §9.1
    let mut stage = Stage::new();
    let call = stage.agent.call(stage.now, &"sip:bob@example.org".parse().unwrap(), None).unwrap();
    let first = stage.request();
    stage.agent.hang_up(stage.now, call);
    stage.challenge(&first, PROXY, "n1", false);
    assert_eq!(stage.request().method(), Method::Ack);
    assert_eq!(stage.events(), [AgentEvent::Ended { call, reason: EndReason::Cancelled }]);
}

#[test]
fn the_end_of_the_first_transaction_is_not_the_end_of_the_call() {
    // tests rfc3261 §22.2
    let mut stage = Stage::new();
    let call = stage.agent.call(stage.now, &"sip:bob@example.org".parse().unwrap(), None).unwrap();
    let first = stage.request();
    stage.challenge(&first, PROXY, "n1", false);
    let second = again(&mut stage);
    stage.answer(&second, StatusCode::RINGING, "bob", &[]);
    stage.run(std::time::Duration::from_secs(30));
    stage.answer(&second, StatusCode::OK, "bob", &[(HeaderName::Contact, "<sip:bob@192.0.2.2>")]);
    // Nor does it close the door on the other branches of a fork.
    stage.sent();
    stage.run(std::time::Duration::from_secs(5));
    stage.answer(&second, StatusCode::OK, "carol", &[(HeaderName::Contact, "<sip:carol@192.0.2.3>")]);
    assert_eq!(stage.sent().len(), 2, "ACK and BYE");
    let told = stage.events();
    assert!(
        matches!(told[..], [AgentEvent::Ringing { .. }, AgentEvent::Answered { call: answered, .. }] if answered == call)
    );
}

#[test]
fn a_change_of_the_call_is_acknowledged_with_its_credentials() {
    // tests rfc3261 §13.2.2.4, §22.3
    let mut stage = Stage::new();
    let call = stage.agent.call(stage.now, &"sip:bob@example.org".parse().unwrap(), None).unwrap();
    let first = stage.request();
    stage.challenge(&first, PROXY, "n1", false);
    let second = again(&mut stage);
    let contact = [(HeaderName::Contact, "<sip:bob@192.0.2.2>")];
    stage.answer(&second, StatusCode::OK, "bob", &contact);
    assert_eq!(stage.request().method(), Method::Ack);
    stage.agent.modify(stage.now, call, Body::sdp("hold"));
    let change = stage.request();
    assert_eq!(proved(&change, HeaderName::ProxyAuthorization), ("n1".into(), Some(2)));
    stage.answer(&change, StatusCode::OK, "bob", &contact);
    let ack = stage.request();
    assert_eq!((ack.method(), ack.cseq().number), (Method::Ack, change.cseq().number));
    assert_eq!(
        ack.raw(HeaderName::ProxyAuthorization).next(),
        change.raw(HeaderName::ProxyAuthorization).next()
    );
}
