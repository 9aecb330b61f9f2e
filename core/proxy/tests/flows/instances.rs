//! Phones with several flows: those of one instance are tried one after the other.

use ruf_message::StatusCode;

use crate::net::Net;
use crate::phone::{Phone, target};

/// `user@example.org` is at these flows, each with its preference and the phone that it leads to.
fn net(flows: &[(Phone, u16, &str)]) -> Net {
    let mut net = Net::new();
    let targets = flows.iter().map(|&(phone, q, instance)| ruf_proxy::Target {
        instance: Some(instance.as_bytes().into()),
        ..target(phone, q)
    });
    net.places.insert("bob".into(), Ok(targets.collect()));
    let invite = net.request('a', "INVITE", "sip:bob@example.org", "");
    net.send('a', invite);
    net
}

#[test]
fn the_second_flow_is_used_when_the_first_is_gone_and_the_other_phone_rings_meanwhile() {
    // tests rfc5626 §7
    let mut net = net(&[('b', 1000, "desk"), ('c', 1000, "desk"), ('d', 1000, "mobile")]);
    let (to_b, to_d) = (net.take_request('b'), net.take_request('d'));
    net.answer('d', &to_d, 180);
    net.answer('b', &to_b, 430);
    let to_c = net.take_request('c');
    assert_ne!(to_b.via().branch(), to_c.via().branch());
    net.answer('c', &to_c, 200);
    assert_eq!(
        net.ladder(),
        "a→r INVITE | r→a 100 | r→b INVITE | r→d INVITE | d→r 180 | r→a 180 | b→r 430 INVITE | r→b ACK | r→c INVITE | \
         c→r 200 INVITE | r→a 200 INVITE | r→d CANCEL"
    );
    net.expect_nothing_left();
}

#[test]
fn a_flow_that_fails_is_followed_by_the_next_whatever_its_preference() {
    // tests rfc5626 §7
    let mut net = net(&[('b', 1000, "desk"), ('c', 100, "desk"), ('d', 500, "mobile")]);
    net.ladder();
    net.unreachable('b');
    assert_eq!(net.ladder(), "r→c INVITE");
    let to_c = net.take_request('c');
    net.answer('c', &to_c, 408);
    assert_eq!(net.ladder(), "c→r 408 INVITE | r→c ACK | r→d INVITE");
    net.expect_nothing_left();
}

#[test]
fn a_phone_that_has_given_its_response_is_not_asked_by_its_other_flow() {
    // tests rfc5626 §7
    // tests rfc5627 §6.1-3
    for status in [302, 486, 500, 503] {
        let mut net = net(&[('b', 1000, "desk"), ('c', 1000, "desk")]);
        let to_b = net.take_request('b');
        net.ladder();
        net.answer('b', &to_b, status);
        assert!(!net.ladder().contains("r→c"), "{status}");
        net.expect_nothing_left();
    }
}

#[test]
fn a_caller_is_never_told_430() {
    // tests rfc5626 §11.5
    let mut net = net(&[('b', 1000, "desk"), ('c', 1000, "desk")]);
    for phone in ['b', 'c'] {
        let sent = net.take_request(phone);
        net.answer(phone, &sent, 430);
    }
    assert_eq!(net.take_response('a').status(), StatusCode::TEMPORARILY_UNAVAILABLE);
    net.expect_nothing_left();
}

#[test]
fn a_cancelled_call_tries_no_other_flow() {
    // tests rfc3261 §16.10
    let mut net = Net::new();
    let of_desk =
        |phone| ruf_proxy::Target { instance: Some(b"desk".as_slice().into()), ..target(phone, 1000) };
    net.places.insert("bob".into(), Ok([of_desk('b'), of_desk('c')].into_iter().collect()));
    let invite = net.request('a', "INVITE", "sip:bob@example.org", "");
    net.send('a', invite.clone());
    let to_b = net.take_request('b');
    net.answer('b', &to_b, 180);
    net.send('a', invite.cancel());
    net.ladder();
    net.answer('b', &to_b, 408);
    assert_eq!(net.ladder(), "b→r 408 INVITE | r→b ACK | r→a 408 INVITE");
    net.expect_nothing_left();
}

#[test]
fn a_connection_that_is_gone_is_480_and_430_to_a_proxy_before_us() {
    // tests rfc5626 §5.3.1, §7, §11.5
    for (lines, status) in [("", 480), ("Via: SIP/2.0/UDP phone.example;branch=z9hG4bKp\r\n", 430)] {
        let mut net = Net::new();
        net.places.insert("bob".into(), Ok([target('t', 1000)].into_iter().collect()));
        let invite = net.request('a', "INVITE", "sip:bob@example.org", lines);
        net.send('a', invite);
        net.unreachable('t');
        assert_eq!(net.take_response('a').status().as_u16(), status);
        net.expect_nothing_left();
    }
}

#[test]
fn a_connection_that_goes_while_the_phone_rings_is_answered_as_if_all_of_the_request_were_there() {
    // tests rfc5626 §5.3.1, §11.5
    for (lines, status) in [("", 480), ("Via: SIP/2.0/UDP phone.example;branch=z9hG4bKp\r\n", 430)] {
        let mut net = Net::new();
        net.places.insert("bob".into(), Ok([target('t', 1000)].into_iter().collect()));
        let invite = net.request('a', "INVITE", "sip:bob@example.org", lines);
        net.send('a', invite.clone());
        let to_t = net.take_request('t');
        net.answer('t', &to_t, 180);
        net.ladder();
        net.unreachable('t');
        let answer = net.take_response('a');
        assert_eq!(answer.status().as_u16(), status);
        let ours = |message: &ruf_message::Fields| {
            let lines = |name: &str| message.raw(name).map(<[u8]>::to_vec).collect::<Vec<_>>();
            ["From", "Call-ID", "CSeq"].map(lines)
        };
        assert_eq!(ours(&answer), ours(&invite));
        assert_eq!(answer.values("Via").count(), if lines.is_empty() { 1 } else { 2 });
        net.expect_nothing_left();
    }
}

#[test]
fn a_connection_that_is_gone_is_followed_by_the_next_flow() {
    // tests rfc5626 §7
    let mut net = net(&[('t', 1000, "desk"), ('u', 1000, "desk")]);
    net.ladder();
    net.unreachable('t');
    assert_eq!(net.ladder(), "r→u INVITE");
    let to_u = net.take_request('u');
    net.answer('u', &to_u, 486);
    net.expect_nothing_left();
}
