//! The ACK of a 2xx.

use ruf_message::{HeaderName, Request, Response, Uri};

use crate::net::Net;
use crate::phone::contact;

fn answered() -> (Net, Response) {
    let mut net = Net::new().at("bob", &[('b', 1000)]);
    let invite = net.request('a', "INVITE", "sip:bob@example.org", "");
    net.send('a', invite);
    let sent = net.take_request('b');
    net.answer('b', &sent, 200);
    let ok = net.take_response('a');
    net.ladder();
    (net, ok)
}

#[test]
fn it_goes_to_the_flow_of_its_dialog_and_leaves_nothing_behind() {
    // tests rfc3261 §16.11
    let (mut net, ok) = answered();
    let ack = net.by_caller('a', "ACK", &ok);
    let kept = (net.proxy.len(), net.transactions.len());
    net.send('a', ack.clone());
    assert_eq!((net.proxy.len(), net.transactions.len()), kept);
    let passed = net.take_request('b');
    assert_eq!(passed.uri().to_string(), contact('b'));
    assert_eq!(passed.max_forwards(), Some(69));
    assert_eq!(passed.raw(HeaderName::Via).count(), 2);
    assert!(!passed.contains(HeaderName::Route) && !passed.contains(HeaderName::RecordRoute));
    assert_eq!(passed.body(), ack.body());
    net.expect_nothing_left();
}

#[test]
fn each_repetition_is_the_same_down_to_the_branch() {
    // tests rfc3261 §16.11
    let (mut net, ok) = answered();
    let ack = net.by_caller('a', "ACK", &ok);
    let mut pass = |ack: &Request| {
        net.send('a', ack.clone());
        net.take_request('b').to_bytes()
    };
    let first = pass(&ack);
    assert_eq!(first, pass(&ack));
    let mut other = ack.clone();
    other.set_via_param("branch", "z9hG4bKother");
    assert_ne!(first, pass(&other));
}

#[test]
fn an_ack_that_has_no_hops_left_or_no_dialog_goes_nowhere() {
    // tests rfc3261 §16.3 step 3, §16.11-2
    let (mut net, ok) = answered();
    let mut ack = net.by_caller('a', "ACK", &ok);
    ack.set_max_forwards(0);
    net.send('a', ack);
    let mut stranger = net.by_caller('a', "ACK", &ok);
    stranger.set(HeaderName::CallId, "another");
    net.send('a', stranger);
    let without_route = net.request('a', "ACK", "sip:bob@example.org", "");
    net.send('a', without_route);
    assert_eq!(net.ladder(), "a→r ACK | a→r ACK | a→r ACK");
}

#[test]
fn an_ack_without_max_forwards_gets_70() {
    // tests rfc3261 §16.6 step 3
    let (mut net, ok) = answered();
    let mut ack = net.by_caller('a', "ACK", &ok);
    ack.remove(HeaderName::MaxForwards);
    net.send('a', ack);
    assert_eq!(net.take_request('b').max_forwards(), Some(70));
}

#[test]
fn an_ack_to_a_sips_contact_is_not_sent_over_udp() {
    // tests rfc3261 §26.2.2
    let (mut net, ok) = answered();
    let mut ack = net.by_caller('a', "ACK", &ok);
    let secure: Uri = "sips:b@phone.example".parse().unwrap();
    ack.set_uri(&secure);
    net.send('a', ack);
    assert_eq!(net.ladder(), "a→r ACK");
}
