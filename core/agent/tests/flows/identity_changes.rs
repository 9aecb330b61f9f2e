//! The far side is somebody else than before (RFC 4916), or than was called (RFC 3325).

use crate::pair::sdp;
use crate::stage::Stage;
use ruf_agent::AgentEvent;
use ruf_message::{HeaderName, Message, Method, StatusCode};

fn identity(event: &AgentEvent) -> Option<(String, String, bool)> {
    match event {
        AgentEvent::Identity { uri, display, is_asserted, .. } => {
            Some((uri.to_string(), display.clone(), *is_asserted))
        }
        _ => None,
    }
}

fn told(stage: &mut Stage) -> Vec<(String, String, bool)> {
    stage.events().iter().filter_map(identity).collect()
}

#[test]
fn who_names_itself_otherwise_is_called_so_from_then_on() {
    // tests rfc4916 §4.4.1, §4.4.2
    let mut stage = Stage::new();
    let talk = stage.talk();
    let as_carol = |method: &str, cseq: u32, more: &str| {
        talk.request(method, cseq, more)
            .replace("From: <sip:bob@example.org>", "From: \"Carol C\" <sip:carol@example.org>")
    };
    stage.give_text(&as_carol("UPDATE", 1, ""));
    assert_eq!(stage.response().status(), StatusCode::OK);
    let carol = ("sip:carol@example.org".to_owned(), "Carol C".to_owned(), false);
    assert_eq!(told(&mut stage), [carol]);
    // Once is enough.
    stage.give_text(&as_carol("INVITE", 2, "Content-Type: application/sdp\n\nx"));
    stage.sent();
    stage.give_text(&as_carol("ACK", 2, ""));
    assert!(told(&mut stage).is_empty());
    stage.agent.hang_up(stage.now, talk.call);
    let bye = stage.request();
    assert_eq!(bye.to().uri().to_string(), "sip:carol@example.org");
    assert_eq!((bye.to().display(), bye.to_tag()), (b"Carol C"[..].into(), Some(&b"bob"[..])));
}

#[test]
fn a_request_that_is_refused_changes_nothing() {
    // tests rfc4916 §4.4.2
    let mut stage = Stage::new();
    let talk = stage.talk();
    let text = talk
        .request("UPDATE", 1, "Require: nothing\n")
        .replace("sip:bob@example.org", "sip:carol@example.org");
    stage.give_text(&text);
    assert_eq!(stage.response().status(), StatusCode::BAD_EXTENSION);
    assert!(told(&mut stage).is_empty());
    stage.agent.hang_up(stage.now, talk.call);
    assert_eq!(stage.request().to().uri().to_string(), "sip:bob@example.org");
}

#[test]
fn the_server_says_who_answers_and_who_calls() {
    // tests rfc3325 §9.1
    let asserted = (HeaderName::PAssertedIdentity, "<tel:+12015550123>, \"Carol\" <sip:carol@example.org>");
    for trusts in [true, false] {
        let mut stage = Stage::with(|settings| settings.trusts_asserted = trusts);
        stage.agent.call(stage.now, &"sip:bob@example.org".parse().unwrap(), sdp("offer")).unwrap();
        let invite = stage.request();
        let contact = (HeaderName::Contact, "<sip:bob@192.0.2.2>");
        stage.answer(&invite, StatusCode::RINGING, "bob", &[contact, asserted]);
        let carol = ("sip:carol@example.org".to_owned(), "Carol".to_owned(), true);
        assert_eq!(told(&mut stage), vec![carol; usize::from(trusts)]);
        stage.answer(&invite, StatusCode::OK, "bob", &[contact, asserted]);
        assert!(told(&mut stage).is_empty());
        stage.give_text(
            "INVITE sip:alice@192.0.2.1 SIP/2.0
Via: SIP/2.0/UDP 192.0.2.9:5060;branch=z9hG4bK1
From: Anonymous <sip:anonymous@anonymous.invalid>;tag=b
To: <sip:alice@example.org>
Call-ID: 1@example.org
CSeq: 1 INVITE
P-Asserted-Identity: <sip:dave@example.org>
Contact: <sip:192.0.2.9>
",
        );
        let events = stage.events();
        let [AgentEvent::Incoming { asserted, .. }] = &events[..] else { panic!("{events:?}") };
        let dave = asserted.as_ref().map(ToString::to_string);
        assert_eq!(dave.as_deref(), trusts.then_some("sip:dave@example.org"));
    }
}

#[test]
fn who_was_called_and_answers_is_no_news() {
    // tests rfc3325 §9.1
    let mut stage = Stage::new();
    let bob = (HeaderName::PAssertedIdentity, "<sip:bob@example.org>");
    stage.agent.call(stage.now, &"sip:bob@example.org".parse().unwrap(), None).unwrap();
    let invite = stage.request();
    stage.answer(&invite, StatusCode::OK, "bob", &[(HeaderName::Contact, "<sip:bob@192.0.2.2>"), bob]);
    assert!(told(&mut stage).is_empty());
    let Some(Message::Request(ack)) = stage.sent().pop() else { panic!() };
    assert_eq!(ack.method(), Method::Ack);
}
