//! What the caller is told when a call fails.

use ruf_message::HeaderName;

use crate::net::Net;
use crate::phone::answer;

/// What the caller is told when the only phone says this.
fn told(status: u16) -> (Net, ruf_message::Response) {
    let mut net = Net::new().at("bob", &[('b', 1000)]);
    let invite = net.request('a', "INVITE", "sip:bob@example.org", "");
    net.send('a', invite);
    let sent = net.take_request('b');
    let mut response = answer('b', &sent, status);
    response.add(HeaderName::Contact, "<sip:bob@other.example>");
    response.add(HeaderName::RetryAfter, "30");
    net.send('b', response);
    let told = net.take_response('a');
    (net, told)
}

#[test]
fn a_refusal_is_passed_up_as_it_is() {
    // tests rfc3261 §16.7 step 3, §16.7 step 6, §16.7 step 9
    for status in [302, 404, 486, 488, 500, 603] {
        let (mut net, told) = told(status);
        assert_eq!(told.status().as_u16(), status);
        assert_eq!(told.to_tag(), Some(&b"btag"[..]));
        assert!(told.contains(HeaderName::Contact) && told.contains(HeaderName::RetryAfter));
        assert_eq!(told.raw(HeaderName::Via).count(), 1);
        net.expect_nothing_left();
    }
}

#[test]
fn the_503_of_one_phone_is_not_passed_on_as_ours() {
    // tests rfc3261 §16.7 step 6
    let (mut net, told) = told(503);
    assert_eq!(told.status().as_u16(), 500);
    assert!(!told.contains(HeaderName::RetryAfter));
    net.expect_nothing_left();
}

#[test]
fn a_phone_that_cannot_be_reached_is_as_one_that_said_503() {
    // tests rfc3261 §16.9
    let mut net = Net::new().at("bob", &[('b', 1000)]);
    let invite = net.request('a', "INVITE", "sip:bob@example.org", "");
    net.send('a', invite);
    net.ladder();
    net.unreachable('b');
    assert_eq!(net.ladder(), "r→a 500 INVITE");
    net.expect_nothing_left();
}

#[test]
fn when_one_phone_cannot_be_reached_the_next_is_tried() {
    // tests rfc3261 §16.9
    let mut net = Net::new().at("bob", &[('b', 1000), ('c', 500)]);
    let invite = net.request('a', "INVITE", "sip:bob@example.org", "");
    net.send('a', invite);
    net.ladder();
    net.unreachable('b');
    assert_eq!(net.ladder(), "r→c INVITE");
    net.expect_nothing_left();
}

#[test]
fn a_caller_that_cannot_be_reached_stops_nobody_from_ringing() {
    // tests rfc3261 §16.9
    let mut net = Net::new().at("bob", &[('b', 1000)]);
    let invite = net.request('a', "INVITE", "sip:bob@example.org", "");
    net.send('a', invite);
    let sent = net.take_request('b');
    net.answer('b', &sent, 180);
    net.ladder();
    net.unreachable('a');
    assert_eq!(net.ladder(), "");
    net.answer('b', &sent, 200);
    assert_eq!(net.ladder(), "b→r 200 INVITE | r→a 200 INVITE");
    net.expect_nothing_left();
}

#[test]
fn a_response_with_no_other_via_is_not_forwarded() {
    // tests rfc3261 §16.7 step 3
    let mut net = Net::new().at("bob", &[('b', 1000)]);
    let invite = net.request('a', "INVITE", "sip:bob@example.org", "");
    net.send('a', invite);
    let sent = net.take_request('b');
    net.ladder();
    for (status, ladder) in [(180, "b→r 180"), (200, "b→r 200 INVITE | r→a 500 INVITE")] {
        let mut response = answer('b', &sent, status);
        let ours = response.raw(HeaderName::Via).next().unwrap().to_vec();
        response.set(HeaderName::Via, ours);
        net.send('b', response);
        assert_eq!(net.ladder(), ladder);
    }
    net.expect_nothing_left();
}
