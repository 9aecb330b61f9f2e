//! A call from its first ring to its end.

use std::time::Duration;

use ruf_message::HeaderName;
use ruf_proxy::{CallEvent, End};

use crate::net::Net;
use crate::phone::contact;

#[test]
fn a_call_is_made_and_ended_by_the_caller() {
    // tests rfc3261 §16.2, §16.6 step 10, §16.7
    let mut net = Net::new().at("bob", &[('b', 1000)]);
    let invite = net.request('a', "INVITE", "sip:bob@example.org", "");
    net.send('a', invite);
    let invite = net.take_request('b');
    net.answer('b', &invite, 100);
    net.answer('b', &invite, 180);
    net.answer('b', &invite, 200);
    let ok = net.take_response('a');
    let ack = net.by_caller('a', "ACK", &ok);
    net.send('a', ack);
    net.after(Duration::from_secs(20));
    let bye = net.by_caller('a', "BYE", &ok);
    net.send('a', bye);
    let bye = net.take_request('b');
    net.answer('b', &bye, 200);
    assert_eq!(
        net.ladder(),
        "a→r INVITE | r→a 100 | r→b INVITE | b→r 100 | b→r 180 | r→a 180 | b→r 200 INVITE | r→a 200 INVITE | \
         a→r ACK | r→b ACK | a→r BYE | r→b BYE | b→r 200 BYE | r→a 200 BYE"
    );
    net.expect_nothing_left();
    assert_eq!(net.ladder(), "");
}

#[test]
fn a_call_is_ended_by_the_callee() {
    // tests rfc3261 §16.12
    let mut net = Net::new().at("bob", &[('b', 1000)]);
    let invite = net.request('a', "INVITE", "sip:bob@example.org", "");
    net.send('a', invite);
    let invite = net.take_request('b');
    net.answer('b', &invite, 200);
    let ok = net.take_response('a');
    let ack = net.by_caller('a', "ACK", &ok);
    net.send('a', ack);
    net.ladder();
    let again = net.by_callee('b', "INVITE", &invite);
    net.send('b', again);
    let again = net.take_request('a');
    assert!(!again.contains(HeaderName::Route) && !again.contains(HeaderName::RecordRoute));
    net.answer('a', &again, 488);
    let bye = net.by_callee('b', "BYE", &invite);
    net.send('b', bye);
    let bye = net.take_request('a');
    assert_eq!(bye.uri().to_string(), contact('a'));
    net.answer('a', &bye, 200);
    assert_eq!(
        net.ladder(),
        "b→r INVITE | r→b 100 | r→a INVITE | a→r 488 INVITE | r→a ACK | r→b 488 INVITE | \
         b→r BYE | r→a BYE | a→r 200 BYE | r→b 200 BYE"
    );
    let ended = net.calls.iter().filter_map(|event| match event {
        CallEvent::Ended { dialog, end, .. } => Some((dialog.callers_tag(), dialog.callees_tag(), *end)),
        CallEvent::Attempt { .. } | CallEvent::Ringing { .. } | CallEvent::Answered { .. } => None,
    });
    assert_eq!(ended.collect::<Vec<_>>(), [(&b"atag"[..], &b"btag"[..], End::HungUp { by_caller: false })]);
}

#[test]
fn what_is_forwarded_is_what_came_but_for_the_proxys_own_headers() {
    // tests rfc3261 §16.6 step 1, §16.6 step 2, §16.6 step 3, §16.6 step 4, §16.6 step 8
    let mut net = Net::new().at("bob", &[('b', 1000)]);
    let headers = "X-Odd:  a ,b\r\nDate: no date at all\r\nSupported: x\r\nX-Odd: c\r\n\
                   Record-Route: <sip:p1.example;lr>\r\nRequire: what-only-the-phone-knows\r\n";
    let invite = net.request('a', "INVITE", "sip:bob@example.org", headers);
    net.send('a', invite.clone());
    let sent = net.take_request('b');

    assert_eq!(sent.uri().to_string(), contact('b'));
    assert_eq!(sent.max_forwards(), Some(69));
    assert_eq!(sent.body(), invite.body());
    let vias: Vec<&[u8]> = sent.raw(HeaderName::Via).collect();
    assert_eq!(vias.len(), 2);
    assert!(vias[0].starts_with(b"SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK"));
    let recorded: Vec<&[u8]> = sent.raw(HeaderName::RecordRoute).collect();
    assert!(recorded[0].starts_with(b"<sip:") && recorded[0].ends_with(b"@192.0.2.1:5060;lr>"));
    assert_eq!(recorded[1], b"<sip:p1.example;lr>");

    let ours = ["Via", "Record-Route", "Max-Forwards", "Max-Breadth"];
    let others = |request: &ruf_message::Request| -> Vec<String> {
        let lines = request.lines().map(|(name, value)| {
            format!("{}: {}", String::from_utf8_lossy(name), String::from_utf8_lossy(value))
        });
        lines.filter(|line| !ours.iter().any(|name| line.starts_with(name))).collect()
    };
    assert_eq!(others(&sent), others(&invite));
}

#[test]
fn a_repeated_200_is_passed_on_each_time_and_a_stray_one_never() {
    // tests rfc3261 §16.7 step 5
    // tests rfc6026 §7.2, §8.2
    let mut net = Net::new().at("bob", &[('b', 1000)]);
    let invite = net.request('a', "INVITE", "sip:bob@example.org", "");
    net.send('a', invite);
    let invite = net.take_request('b');
    for _ in 0..3 {
        net.answer('b', &invite, 200);
        net.after(Duration::from_secs(1));
    }
    assert_eq!(
        net.ladder(),
        "a→r INVITE | r→a 100 | r→b INVITE | b→r 200 INVITE | r→a 200 INVITE | \
         b→r 200 INVITE | r→a 200 INVITE | b→r 200 INVITE | r→a 200 INVITE"
    );
    net.answer('b', &invite, 180);
    net.answer('b', &invite, 486);
    assert_eq!(net.ladder(), "b→r 180 | b→r 486 INVITE");
    net.expect_nothing_left();
    net.answer('b', &invite, 200);
    assert_eq!(net.ladder(), "b→r 200 INVITE");
}

#[test]
fn a_response_keeps_its_tag_its_body_and_all_but_our_via() {
    // tests rfc3261 §16.7 step 6, §16.7 step 9
    let mut net = Net::new().at("bob", &[('b', 1000)]);
    let invite = net.request('a', "INVITE", "sip:bob@example.org", "");
    net.send('a', invite);
    let invite = net.take_request('b');
    for status in [183, 200] {
        let mut given = crate::phone::answer('b', &invite, status);
        given.add("X-Odd", "kept ,as it is");
        net.send('b', given.clone());
        given.pop_via();
        assert_eq!(net.take_response('a').to_bytes(), given.to_bytes());
    }
}

#[test]
fn a_retransmitted_invite_is_answered_and_not_forwarded_again() {
    // tests rfc3261 §16.2
    let mut net = Net::new().at("bob", &[('b', 1000)]);
    let invite = net.request('a', "INVITE", "sip:bob@example.org", "");
    net.send('a', invite.clone());
    net.send('a', invite);
    assert_eq!(net.ladder(), "a→r INVITE | r→a 100 | r→b INVITE | a→r INVITE | r→a 100");
}

#[test]
fn once_a_call_is_answered_nobody_waits_for_us() {
    let mut net = Net::new().at("bob", &[('b', 1000)]);
    assert!(net.proxy.owes_nothing());
    let invite = net.request('a', "INVITE", "sip:bob@example.org", "");
    net.send('a', invite);
    let invite = net.take_request('b');
    net.answer('b', &invite, 180);
    assert!(!net.proxy.owes_nothing(), "the caller hears it ring");
    net.answer('b', &invite, 200);
    assert!(net.proxy.owes_nothing() && net.proxy.len() == 1, "kept for a 2xx that is repeated");
}

#[test]
fn who_follows_calls_is_told_each_step() {
    let mut net = Net::new().at("bob", &[('b', 1000)]);
    let invite = net.request('a', "INVITE", "sip:bob@example.org", "");
    net.send('a', invite);
    let invite = net.take_request('b');
    net.answer('b', &invite, 180);
    net.answer('b', &invite, 180);
    net.answer('b', &invite, 183);
    net.answer('b', &invite, 200);
    let ok = net.take_response('a');
    let bye = net.by_caller('a', "BYE", &ok);
    net.send('a', bye);
    assert_eq!(
        told(&net),
        ["attempt ", "180 btag", "183 btag", "answered btag", "HungUp { by_caller: true } btag"]
    );
    assert!(net.calls.iter().all(|event| event.dialog().call_id() == b"call-a"));
    assert!(net.calls.iter().all(|event| event.dialog().callers_tag() == b"atag"));
}

#[test]
fn who_follows_calls_is_told_why_one_failed_and_only_of_calls() {
    let mut net = Net::new().at("bob", &[('b', 1000)]);
    for method in ["INVITE", "MESSAGE"] {
        let request = net.request('a', method, "sip:bob@example.org", "");
        net.send('a', request);
        let request = net.take_request('b');
        net.answer('b', &request, 486);
    }
    assert_eq!(told(&net), ["attempt ", "Refused(StatusCode(486)) "]);
}

/// What whoever follows calls was told, with the callee's tag.
fn told(net: &Net) -> Vec<String> {
    let shown = |event: &CallEvent| match event {
        CallEvent::Attempt { dialog, .. } => format!("attempt {}", text(dialog.callees_tag())),
        CallEvent::Ringing { dialog, status, .. } => format!("{status} {}", text(dialog.callees_tag())),
        CallEvent::Answered { dialog, .. } => format!("answered {}", text(dialog.callees_tag())),
        CallEvent::Ended { dialog, end, .. } => format!("{end:?} {}", text(dialog.callees_tag())),
    };
    net.calls.iter().map(shown).collect()
}

fn text(octets: &[u8]) -> String {
    String::from_utf8_lossy(octets).into_owned()
}

#[test]
fn a_call_between_transports_is_found_again_from_both_sides() {
    // tests rfc3261 §16.1-3, §16.6 step 4
    // tests rfc5658 §5
    let mut net = Net::new().at("bob", &[('t', 1000)]);
    let invite = net.request('a', "INVITE", "sip:bob@example.org", "");
    net.send('a', invite);
    let invite = net.take_request('t');
    let recorded = invite.raw(HeaderName::RecordRoute).next().unwrap();
    assert!(recorded.ends_with(b"@192.0.2.1:5060;transport=tcp;lr>"));
    assert_eq!(invite.raw(HeaderName::RecordRoute).count(), 2);
    net.answer('t', &invite, 200);
    let ok = net.take_response('a');
    let ack = net.by_caller('a', "ACK", &ok);
    net.send('a', ack);
    let bye = net.by_callee('t', "BYE", &invite);
    net.send('t', bye);
    let bye = net.take_request('a');
    assert_eq!(bye.routes().count(), 0, "both of our pair are removed");
    net.answer('a', &bye, 200);
    assert_eq!(
        net.ladder(),
        "a→r INVITE | r→a 100 | r→t INVITE | t→r 200 INVITE | r→a 200 INVITE | a→r ACK | r→t ACK | \
         t→r BYE | r→a BYE | a→r 200 BYE | r→t 200 BYE"
    );
    net.expect_nothing_left();
}
