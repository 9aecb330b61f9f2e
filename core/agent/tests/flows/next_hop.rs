//! Where a request within a call goes, and by which flow: to the first server of its route set, or else to its
//! target (RFC 3261 §12.2.1.1). The driver is asked for what only it knows.

use crate::pair::{flow, sdp};
use crate::stage::{Stage, invite};
use ruf_agent::{AgentEvent, CallKey, EndReason, Failure, WayKey, WayQuestion};
use ruf_message::{Flow, HeaderName, Message, Method, Request, StatusCode, Tick, Transport};
use std::time::Duration;

const US: &str = "192.0.2.1:5060";

/// The only question there is: what it is about.
#[track_caller]
fn asked(stage: &mut Stage) -> (WayKey, String) {
    let WayQuestion { key, hop, .. } = stage.agent.poll_question().expect("a question");
    let hop = hop.expect("not our server");
    assert_eq!(stage.agent.poll_question(), None);
    let port = hop.port.map_or(String::new(), |port| format!(":{port}"));
    (key, format!("{}{port}", hop.host))
}

/// What went out, and to where.
fn gone(stage: &mut Stage) -> Vec<(Method, String)> {
    let transmits: Vec<_> = std::iter::from_fn(|| stage.agent.poll_transmit()).collect();
    let requests =
        transmits.into_iter().filter_map(|transmit| match Message::parse(transmit.bytes).unwrap() {
            Message::Request(request) => Some((request.method(), transmit.flow.remote.to_string())),
            Message::Response(_) => None,
        });
    requests.collect()
}

/// What it tells; nobody answers its questions.
fn told(stage: &mut Stage) -> Vec<AgentEvent> {
    std::iter::from_fn(|| stage.agent.poll_event()).collect()
}

/// Bob answers a call of alice's like this; the ACK is not sent yet.
fn answered(stage: &mut Stage, fields: &[(HeaderName, &str)]) -> CallKey {
    let call = stage.agent.call(stage.now, &"sip:bob@example.org".parse().unwrap(), sdp("offer")).unwrap();
    let invite = stage.request();
    stage.answer(&invite, StatusCode::OK, "bob", fields);
    call
}

const CONTACT: (HeaderName, &str) = (HeaderName::Contact, "<sip:bob@192.0.2.2:5070>");

#[test]
fn what_has_no_route_goes_to_the_target_in_its_order() {
    // tests rfc3261 §12.2.1.1, §13.2.2.4
    let mut stage = Stage::new();
    let call = answered(&mut stage, &[CONTACT]);
    stage.agent.hang_up(stage.now, call);
    assert_eq!(gone(&mut stage), []);
    let (question, hop) = asked(&mut stage);
    assert_eq!(hop, "192.0.2.2:5070");
    let found = flow("192.0.2.1:5062", "192.0.2.2:5070");
    stage.agent.found(stage.now, question, Some(found));
    let there = || "192.0.2.2:5070".to_owned();
    assert_eq!(gone(&mut stage), [(Method::Ack, there()), (Method::Bye, there())]);
    assert_eq!((stage.agent.poll_question(), stage.agent.flow(call)), (None, Some(found)));
    // A second answer, or one to nothing, does nothing.
    stage.agent.found(stage.now, question, None);
    stage.run(Duration::from_secs(40));
    assert!(stage.agent.is_idle(), "{:?}", stage.agent.counts());
}

#[test]
fn an_answer_that_is_repeated_before_its_way_is_known_is_acknowledged_once() {
    // tests rfc3261 §13.2.2.4
    let mut stage = Stage::new();
    stage.agent.call(stage.now, &"sip:bob@example.org".parse().unwrap(), sdp("offer")).unwrap();
    let invite = stage.request();
    for _ in 0..50 {
        stage.answer(&invite, StatusCode::OK, "bob", &[CONTACT]);
    }
    let (question, _) = asked(&mut stage);
    stage.agent.found(stage.now, question, Some(flow(US, "192.0.2.2:5070")));
    let ack = || vec![(Method::Ack, "192.0.2.2:5070".to_owned())];
    assert_eq!(gone(&mut stage), ack());
    stage.answer(&invite, StatusCode::OK, "bob", &[CONTACT]);
    assert_eq!(gone(&mut stage), ack(), "each that comes afterwards");
}

#[test]
fn what_has_a_route_goes_to_the_first_server_loose_or_strict() {
    // tests rfc3261 §12.2.1.1, §8.1.2
    for (routes, wanted) in [
        ("<sip:far.example.net;lr>, <sip:near.example.net:5080;lr>", "near.example.net:5080"),
        ("<sip:far.example.net;lr>, <sip:strict.example.net>", "strict.example.net"),
    ] {
        let mut stage = Stage::new();
        let call = answered(&mut stage, &[CONTACT, (HeaderName::RecordRoute, routes)]);
        let (question, hop) = asked(&mut stage);
        assert_eq!(hop, wanted);
        // Nobody knows it here: who brought us together may.
        stage.agent.found(stage.now, question, None);
        stage.agent.hang_up(stage.now, call);
        let there = || "192.0.2.9:5060".to_owned();
        assert_eq!(gone(&mut stage), [(Method::Ack, there()), (Method::Bye, there())]);
        assert_eq!(stage.agent.poll_question(), None);
    }
}

#[test]
fn nobody_is_asked_where_the_flow_leads_there_or_nothing_else_does() {
    // tests rfc3261 §12.2.1.1, rfc5626 §4.3
    let contact = |value| vec![(HeaderName::Contact, value)];
    for fields in [
        contact("<sip:bob@192.0.2.9>"),
        contact("<sip:bob@192.0.2.9:5060;transport=udp>"),
        // As before: the name that was called.
        contact("<sip:bob@example.org>"),
        // Behind translators, or without a name.
        contact("<sip:bob@192.168.1.2:5070>"),
        contact("<sip:bob@127.0.0.1>"),
        contact("<sip:bob@[fd00::1]>"),
        contact("<sip:bob@[::ffff:10.0.0.1]>"),
        contact("<sip:bob@169.254.1.1>"),
        contact("<sip:bob@df7jal23ls0d.invalid;transport=ws>"),
        contact("<sip:bob@198.51.100.2;ob>"),
        vec![CONTACT, (HeaderName::RecordRoute, "<sip:token@192.0.2.9;lr>")],
    ] {
        let mut stage = Stage::new();
        let call = answered(&mut stage, &fields);
        assert_eq!(stage.agent.poll_question(), None, "{fields:?}");
        stage.agent.hang_up(stage.now, call);
        let methods: Vec<Method> = gone(&mut stage).into_iter().map(|(method, _)| method).collect();
        assert_eq!(methods, [Method::Ack, Method::Bye], "{fields:?}");
    }
}

#[test]
fn an_address_of_the_same_site_is_asked_for() {
    // tests rfc3261 §12.2.1.1
    for contact in [
        "<sip:bob@192.0.2.9:5070>",
        "<sip:bob@192.0.2.9;transport=tcp>",
        "<sip:bob@198.51.100.2>",
        "<sip:bob@[2001:db8::2]>",
    ] {
        let mut stage = Stage::new();
        answered(&mut stage, &[(HeaderName::Contact, contact)]);
        asked(&mut stage);
    }
}

fn over(transport: Transport, remote: &str, connection: u64) -> Flow {
    Flow { transport, connection, ..flow(US, remote) }
}

/// Carol calls alice over this flow with this Contact, is answered and confirms.
fn called(stage: &mut Stage, by: Flow, contact: &str) -> CallKey {
    let octets = |text: String| (text + "Content-Length: 0\n\n").replace('\n', "\r\n").into_bytes();
    let text = invite("1", "").replace("<sip:carol@192.0.2.3>", contact);
    stage.agent.receive(stage.now, by, octets(text).into());
    let call = told(stage).into_iter().find_map(|event| match event {
        AgentEvent::Incoming { call, .. } => Some(call),
        _ => None,
    });
    let call = call.unwrap();
    stage.agent.answer(stage.now, call, sdp("answer"));
    let ok = stage.response();
    let tag = String::from_utf8_lossy(ok.to_tag().unwrap()).into_owned();
    let ack = invite("2", "")
        .replace("INVITE", "ACK")
        .replace("Call-ID: 2", "Call-ID: 1")
        .replace("To: <sip:alice@example.org>", &format!("To: <sip:alice@example.org>;tag={tag}"));
    stage.agent.receive(stage.now, by, octets(ack).into());
    call
}

#[test]
fn who_connected_to_us_is_reached_by_that_connection_while_it_lasts() {
    // tests rfc3261 §18.1.1, §12.2.1.1
    let theirs = over(Transport::Tcp, "192.0.2.3:41000", 7);
    let contact = "<sip:carol@192.0.2.3;transport=tcp>";
    let mut stage = Stage::new();
    let call = called(&mut stage, theirs, contact);
    stage.agent.hang_up(stage.now, call);
    assert_eq!(gone(&mut stage), [(Method::Bye, "192.0.2.3:41000".to_owned())]);

    let mut stage = Stage::new();
    let call = called(&mut stage, theirs, contact);
    stage.agent.unreachable(stage.now, theirs);
    stage.agent.hang_up(stage.now, call);
    let (question, hop) = asked(&mut stage);
    assert_eq!((gone(&mut stage), hop), (vec![], "192.0.2.3".to_owned()));
    stage.agent.found(stage.now, question, Some(over(Transport::Tcp, "192.0.2.3:5060", 8)));
    assert_eq!(gone(&mut stage), [(Method::Bye, "192.0.2.3:5060".to_owned())]);

    // Over UDP a port that something came from is not the one that is listened at.
    let mut stage = Stage::new();
    let call = called(&mut stage, flow(US, "192.0.2.3:41000"), "<sip:carol@192.0.2.3>");
    stage.agent.hang_up(stage.now, call);
    assert_eq!(asked(&mut stage).1, "192.0.2.3");
}

#[test]
fn a_call_whose_connection_is_lost_for_good_ends() {
    // tests rfc3261 §15.1.1
    let theirs = over(Transport::Tcp, "192.0.2.3:41000", 7);
    for is_told in [true, false] {
        let mut stage = Stage::new();
        let call = called(&mut stage, theirs, "<sip:carol@192.0.2.3;transport=tcp>");
        told(&mut stage);
        stage.agent.unreachable(stage.now, theirs);
        stage.agent.hang_up(stage.now, call);
        let (question, _) = asked(&mut stage);
        if is_told {
            stage.agent.found(stage.now, question, None);
        } else {
            // The driver's deadline.
            stage.now = stage.now + Duration::from_secs(32);
            stage.agent.tick(stage.now);
        }
        assert_eq!(told(&mut stage), [AgentEvent::Ended { call, reason: EndReason::HungUp }]);
        stage.run(Duration::from_secs(64));
        assert!(stage.agent.is_idle(), "{:?}", stage.agent.counts());
    }
}

#[test]
fn what_began_over_tls_goes_on_over_nothing_less() {
    // tests rfc3261 §26.2.2
    let theirs = over(Transport::Tls, "192.0.2.3:41000", 7);
    let mut stage = Stage::new();
    let call = called(&mut stage, theirs, "<sip:carol@198.51.100.3>");
    stage.agent.hang_up(stage.now, call);
    let (question, _) = asked(&mut stage);
    stage.agent.found(stage.now, question, Some(flow(US, "198.51.100.3:5060")));
    assert_eq!(gone(&mut stage), [(Method::Bye, "192.0.2.3:41000".to_owned())]);

    let mut stage = Stage::new();
    let call = called(&mut stage, flow(US, "192.0.2.3:5060"), "<sips:carol@192.0.2.3:5060>");
    told(&mut stage);
    stage.agent.hang_up(stage.now, call);
    let (question, _) = asked(&mut stage);
    stage.agent.found(stage.now, question, Some(flow(US, "192.0.2.3:5061")));
    assert_eq!((gone(&mut stage), stage.agent.poll_question()), (vec![], None));
    assert!(matches!(told(&mut stage)[..], [AgentEvent::Ended { .. }]));
}

/// A call of a phone without a server, sent on to these places; the redirection is acknowledged.
fn sent_on(stage: &mut Stage, contacts: &str) -> (CallKey, Request) {
    let call = stage.agent.call(stage.now, &"sip:bob@192.0.2.9".parse().unwrap(), sdp("offer")).unwrap();
    let invite = stage.request();
    stage.answer(&invite, StatusCode::MOVED_TEMPORARILY, "x", &[(HeaderName::Contact, contacts)]);
    assert_eq!(gone(stage), [(Method::Ack, "192.0.2.9:5060".to_owned())]);
    (call, invite)
}

#[test]
fn without_a_server_a_call_is_sent_on_to_another_host() {
    // tests rfc3261 §8.1.3.4, §8.1.2
    let mut stage = Stage::with(|settings| settings.has_server = false);
    let (_, first) =
        sent_on(&mut stage, "<sip:carol@nowhere.example>, <sip:carol@carol.example;transport=tcp>");
    let (question, hop) = asked(&mut stage);
    assert_eq!(hop, "nowhere.example");
    stage.agent.found(stage.now, question, None);
    let (question, hop) = asked(&mut stage);
    assert_eq!(hop, "carol.example");
    // Another way out of this host, another Contact.
    let way =
        Flow { local: "203.0.113.1:5060".parse().unwrap(), ..over(Transport::Tcp, "192.0.2.3:5060", 3) };
    stage.agent.found(stage.now, question, Some(way));
    let transmit = stage.agent.poll_transmit().unwrap();
    assert_eq!(transmit.flow, way);
    let Ok(Message::Request(second)) = Message::parse(transmit.bytes) else { panic!("no request") };
    let contact = second.raw(HeaderName::Contact).next().unwrap();
    assert_eq!(contact, b"<sip:alice@203.0.113.1:5060;transport=tcp>");
    assert_eq!((second.body(), second.cseq().number), (first.body(), first.cseq().number + 2));
    let told = told(&mut stage);
    assert!(matches!(told[..], [AgentEvent::Redirected { .. }, AgentEvent::Redirected { .. }]), "{told:?}");
    // What follows goes there, too.
    let mut ok = second.reply(StatusCode::OK);
    ok.set_to_tag("carol");
    ok.add(HeaderName::Contact, "<sip:carol@192.0.2.3;transport=tcp>");
    stage.agent.receive(stage.now, way, ok.to_bytes());
    assert_eq!(gone(&mut stage), [(Method::Ack, "192.0.2.3:5060".to_owned())]);
}

#[test]
fn a_call_that_is_given_up_before_its_way_is_known_is_over_at_once() {
    // tests rfc3261 §9.1
    let mut stage = Stage::with(|settings| settings.has_server = false);
    let (call, _) = sent_on(&mut stage, "<sip:carol@carol.example>");
    told(&mut stage);
    stage.agent.hang_up(stage.now, call);
    assert_eq!(told(&mut stage), [AgentEvent::Ended { call, reason: EndReason::Cancelled }]);
    let (question, _) = asked(&mut stage);
    stage.agent.found(stage.now, question, Some(flow(US, "192.0.2.3:5060")));
    assert_eq!(gone(&mut stage), []);
    stage.run(Duration::from_secs(64));
    assert!(stage.agent.is_idle(), "{:?}", stage.agent.counts());
}

#[test]
fn a_call_that_is_sent_on_to_nowhere_ends() {
    // tests rfc3261 §8.1.3.4
    let mut stage = Stage::with(|settings| settings.has_server = false);
    let (call, _) = sent_on(&mut stage, "<sip:carol@carol.example>");
    told(&mut stage);
    let (question, _) = asked(&mut stage);
    stage.agent.found(stage.now, question, None);
    let reason = EndReason::Failed(Failure::Unreachable);
    assert_eq!(told(&mut stage), [AgentEvent::Ended { call, reason }]);
    stage.run(Duration::from_secs(64));
    assert!(stage.agent.is_idle(), "{:?}", stage.agent.counts());
    assert_ne!(stage.now, Tick::ZERO);
}
