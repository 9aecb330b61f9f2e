//! A phone that listens where it registered from, and whose connection is gone: another is opened to it.

use std::net::SocketAddr;

use ruf_admission::AddressOfRecord;
use ruf_message::{Flow, HeaderName, Place, Request, StatusCode, Transport, Uri};
use ruf_proxy::{Reconnect, Target};

use crate::net::Net;
use crate::phone::{Phone, flow, target};

/// Where a phone listens: on another port than it registered from.
fn listening(phone: Phone) -> SocketAddr {
    SocketAddr::new(flow(phone).remote.ip(), 5080)
}

/// The connection that is opened to it.
fn opened(phone: Phone) -> Flow {
    Flow { remote: listening(phone), connection: 2, ..flow(phone) }
}

fn listener(phone: Phone) -> Target {
    let place =
        Place { transport: Transport::Tcp, address: listening(phone), host: listening(phone).ip().into() };
    let address = AddressOfRecord::new("bob", "example.org");
    let reconnect = Some(Box::new(Reconnect { place, address: Some(address), before: flow(phone) }));
    Target { reconnect, ..target(phone, 1000) }
}

/// Alice calls Bob, who has these phones.
fn call(targets: &[Target], headers: &str) -> Net {
    let mut net = Net::new();
    net.places.insert("bob".into(), Ok(targets.iter().cloned().collect()));
    net.hops.insert("phones".into(), Ok(vec![opened('t'), opened('u')]));
    let invite = net.request('a', "INVITE", "sip:bob@example.org", headers);
    net.send('a', invite);
    net
}

#[test]
fn it_rings_by_the_new_connection_and_the_dialog_stays_on_that() {
    // tests rfc3261 §18.1.1
    let mut net = call(&[listener('t')], "");
    let first = net.take_request('t');
    net.unreachable('t');
    assert_eq!(net.last, Some(opened('t')));
    let second = net.take_request('t');
    assert_ne!(first.via().branch(), second.via().branch());
    assert_eq!(first.uri().as_bytes(), second.uri().as_bytes());
    net.answer('t', &second, 200);
    let answered = net.take_response('a');
    let ack = net.by_caller('a', "ACK", &answered);
    net.send('a', ack);
    assert_eq!(net.last, Some(opened('t')));
    assert_eq!(
        net.ladder(),
        "a→r INVITE | r→a 100 | r→t INVITE | r→t INVITE | t→r 200 INVITE | r→a 200 INVITE | a→r ACK | r→t ACK"
    );
    let told = net.reconnected.pop().unwrap();
    assert_eq!((told.address.as_str(), told.before, told.after), ("bob@example.org", flow('t'), opened('t')));
    assert!(net.reconnected.is_empty() && net.failed.is_empty());
    net.expect_nothing_left();
}

#[test]
fn nobody_who_listens_is_480_and_430_to_a_proxy_before_us() {
    // tests rfc5626 §5.3.1, §11.5
    for (lines, status) in [("", 480), ("Via: SIP/2.0/UDP phone.example;branch=z9hG4bKp\r\n", 430)] {
        let mut net = Net::new();
        net.closed.push(('t', Transport::Tcp));
        net.places.insert("bob".into(), Ok([listener('t')].into_iter().collect()));
        net.hops.insert("phones".into(), Ok(vec![opened('t')]));
        let invite = net.request('a', "INVITE", "sip:bob@example.org", lines);
        net.send('a', invite);
        net.unreachable('t');
        assert_eq!(net.take_response('a').status().as_u16(), status);
        assert!(net.reconnected.is_empty() && net.failed.is_empty(), "it is no place of the DNS");
        net.expect_nothing_left();
    }
}

#[test]
fn a_connection_that_works_is_used_whatever_comes_of_it() {
    for status in [408, 430, 486, 503] {
        let mut net = call(&[listener('t')], "");
        let sent = net.take_request('t');
        net.answer('t', &sent, status);
        assert_eq!(net.ladder().matches("r→t INVITE").count(), 1, "{status}");
        assert!(net.reconnected.is_empty());
        net.expect_nothing_left();
    }
}

#[test]
fn a_phone_that_rang_is_not_asked_again() {
    // tests rfc3261 §8.2.2.2
    let mut net = call(&[listener('t')], "");
    let sent = net.take_request('t');
    net.answer('t', &sent, 180);
    net.ladder();
    net.unreachable('t');
    assert_eq!(net.ladder(), "r→a 480 INVITE");
    net.expect_nothing_left();
}

#[test]
fn the_next_flow_of_a_phone_is_tried_after_it() {
    // tests rfc5626 §7
    let of_desk = |target| Target { instance: Some(b"desk".as_slice().into()), ..target };
    let mut net = call(&[of_desk(listener('t')), of_desk(target('b', 1000))], "");
    net.closed.push(('t', Transport::Tcp));
    net.ladder();
    net.unreachable('t');
    assert_eq!(net.ladder(), "r→b INVITE");
    net.expect_nothing_left();
}

#[test]
fn a_call_that_is_cancelled_meanwhile_rings_nowhere() {
    // tests rfc3261 §16.10
    let mut net = Net::new();
    net.places.insert("bob".into(), Ok([listener('t')].into_iter().collect()));
    let invite = net.request('a', "INVITE", "sip:bob@example.org", "");
    net.send('a', invite.clone());
    net.unreachable('t');
    let Some(ruf_proxy::Question::Reach { token, .. }) = net.open.pop() else { panic!("not asked") };
    net.send('a', invite.cancel());
    assert_eq!(net.take_response('a').status(), StatusCode::REQUEST_TERMINATED);
    net.ladder();
    net.reply(ruf_proxy::Answer::Reached { token, flow: Ok(opened('t')) });
    assert_eq!(net.ladder(), "");
    net.expect_nothing_left();
}

/// Tom, who is nowhere registered, calls Alice over TCP, and listens at this Contact.
fn called_by(contact: &str) -> (Net, Request) {
    let mut net = Net::new().at("bob", &[('a', 1000)]);
    net.hops.insert("phones".into(), Ok(vec![opened('t'), opened('u')]));
    let mut invite = net.request('t', "INVITE", "sip:bob@example.org", "");
    invite.set(HeaderName::Contact, format!("<{contact}>"));
    net.send('t', invite);
    let invite = net.take_request('a');
    net.answer('a', &invite, 200);
    let answered = net.take_response('t');
    let ack = net.by_caller('t', "ACK", &answered);
    net.send('t', ack);
    net.take_request('a');
    (net, invite)
}

#[test]
fn in_a_dialog_a_phone_without_a_binding_is_reached_where_it_listens_too() {
    // tests rfc3261 §18.1.1
    let (mut net, invite) = called_by(&format!("sip:t@{};transport=tcp", listening('t')));
    let bye = net.by_callee('a', "BYE", &invite);
    net.send('a', bye);
    net.take_request('t');
    net.unreachable('t');
    assert_eq!(net.last, Some(opened('t')));
    let bye = net.take_request('t');
    net.answer('t', &bye, 200);
    assert_eq!(net.take_response('a').status(), StatusCode::OK);
    assert!(net.reconnected.is_empty(), "no binding was known by it");
    net.expect_nothing_left();
}

#[test]
fn in_a_dialog_nobody_but_the_other_side_is_connected_to() {
    // tests rfc5626 §4.3
    let (here, other) = (listening('t'), listening('u'));
    for contact in [
        format!("sip:t@{other};transport=tcp"),
        format!("sip:t@{here}"),
        format!("sip:t@{here};transport=tls"),
        format!("sip:t@{here};transport=tcp;ob"),
        format!("sip:t@{here};transport=tcp;maddr={}", other.ip()),
        "sip:t@phones.example;transport=tcp".to_owned(),
    ] {
        let (mut net, invite) = called_by(&contact);
        let bye = net.by_callee('a', "BYE", &invite);
        net.send('a', bye);
        net.take_request('t');
        net.unreachable('t');
        assert_eq!(net.take_response('a').status().as_u16(), 480, "{contact}");
        net.expect_nothing_left();
    }
}

#[test]
fn in_a_dialog_no_other_port_of_the_other_side_is_connected_to() {
    // tests rfc3261 §18.1.1
    let there = listening('t');
    for port in [there.port() + 1, 22] {
        let (mut net, invite) = called_by(&format!("sip:t@{there};transport=tcp"));
        let mut bye = net.by_callee('a', "BYE", &invite);
        let uri: Uri = format!("sip:t@{}:{port};transport=tcp", there.ip()).parse().unwrap();
        bye.set_uri(&uri);
        net.send('a', bye);
        net.take_request('t');
        net.unreachable('t');
        assert_eq!(net.take_response('a').status().as_u16(), 480, "{port}");
        net.expect_nothing_left();
    }
}

#[test]
fn in_a_dialog_the_callee_is_reached_where_its_binding_says_that_it_listens() {
    // tests rfc3261 §18.1.1
    for (port, is_reached) in [(listening('t').port(), true), (22, false)] {
        let mut net = call(&[listener('t')], "");
        let invite = net.take_request('t');
        net.answer('t', &invite, 200);
        let answered = net.take_response('a');
        let mut bye = net.by_caller('a', "BYE", &answered);
        let uri: Uri = format!("sip:t@{}:{port};transport=tcp", listening('t').ip()).parse().unwrap();
        bye.set_uri(&uri);
        net.send('a', bye);
        net.take_request('t');
        net.unreachable('t');
        if is_reached {
            assert_eq!(net.last, Some(opened('t')));
            let bye = net.take_request('t');
            net.answer('t', &bye, 200);
        }
        let status = net.take_response('a').status().as_u16();
        assert_eq!(status, if is_reached { 200 } else { 480 }, "{port}");
    }
}
