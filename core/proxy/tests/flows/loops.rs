//! Requests that come back: those of two users whose phones send each other's calls on to the server.

use ruf_message::{Method, Request};
use ruf_proxy::Target;

use crate::net::Net;
use crate::phone::{Phone, flow, shown};

/// A phone that is registered as somebody else at the server, and sends on what it gets.
fn forwards(to: &str, phone: Phone) -> Target {
    Target::by_flow(format!("sip:{to}@example.org").parse().unwrap(), flow(phone))
}

/// The request as such a phone sends it on: with its Via on top.
fn sent_on(phone: Phone, request: &Request) -> Request {
    let mut request = request.clone();
    request.set_max_forwards(request.max_forwards().unwrap() - 1);
    let branch = String::from_utf8_lossy(request.via().branch().unwrap()).into_owned();
    request.push_via(format!("SIP/2.0/UDP {};branch={branch}{phone}", flow(phone).remote));
    request
}

#[test]
fn two_bindings_that_point_at_each_other_are_a_loop() {
    // tests rfc3261 §16.3 step 4
    // tests rfc5393 §4.2.2 step 4
    let mut net = Net::new();
    net.places.insert("bob".into(), Ok([forwards("carol", 'b')].into()));
    net.places.insert("carol".into(), Ok([forwards("bob", 'c')].into()));
    let invite = net.request('a', "INVITE", "sip:bob@example.org", "");
    net.send('a', invite);
    let to_b = net.take_request('b');
    let by_b = sent_on('b', &to_b);
    net.send('b', by_b.clone()); // to carol now: no loop, a spiral
    let to_c = net.take_request('c');
    let by_c = sent_on('c', &to_c);
    net.send('c', by_c.clone()); // to bob, as at first
    let refused = net.take_response('c');
    net.send('c', by_c.ack_for(&refused));
    net.answer('c', &to_c, 482);
    let refused = net.take_response('b');
    net.send('b', by_b.ack_for(&refused));
    net.answer('b', &to_b, 482);
    assert_eq!(
        net.ladder(),
        "a→r INVITE | r→a 100 | r→b INVITE | b→r INVITE | r→b 100 | r→c INVITE | c→r INVITE | r→c 482 INVITE | \
         c→r ACK | c→r 482 INVITE | r→c ACK | r→b 482 INVITE | b→r ACK | b→r 482 INVITE | r→b ACK | r→a 482 INVITE"
    );
    net.expect_nothing_left();
}

#[test]
fn a_fork_that_comes_back_is_stopped_on_each_of_its_branches() {
    // tests rfc5393 §4.1
    let mut net = Net::new();
    net.places.insert("bob".into(), Ok([forwards("bob", 'b'), forwards("bob", 'c')].into_iter().collect()));
    let invite = net.request('a', "INVITE", "sip:bob@example.org", "");
    net.send('a', invite);
    for phone in ['b', 'c'] {
        let sent = net.take_request(phone);
        net.send(phone, sent_on(phone, &sent));
        assert_eq!(net.take_response(phone).status().as_u16(), 482);
    }
    assert_eq!(net.ladder().matches("r→b INVITE").count(), 1);
    net.expect_nothing_left();
}

#[test]
fn the_same_call_dialled_again_is_no_loop() {
    // tests rfc5393 §4.2.4
    let mut net = Net::new().at("bob", &[('b', 1000)]);
    for _ in 0..2 {
        let invite = net.request('a', "INVITE", "sip:bob@example.org", "");
        net.send('a', invite);
        let sent = net.take_request('b');
        net.answer('b', &sent, 486);
    }
    assert_eq!(net.ladder().matches("r→a 486 INVITE").count(), 2);
    net.expect_nothing_left();
}

#[test]
fn the_cancel_and_the_ack_have_the_branch_of_their_invite() {
    // tests rfc5393 §4.2.1 step 8
    // tests rfc3261 §16.6 step 8
    let mut net = Net::new().at("bob", &[('b', 1000), ('c', 1000)]);
    let invite = net.request('a', "INVITE", "sip:bob@example.org", "");
    net.send('a', invite.clone());
    let to_b = net.take_request('b');
    net.answer('b', &to_b, 180);
    net.send('a', invite.cancel());
    let cancel = net.take_request('b');
    net.answer('b', &to_b, 487);
    let ack = net.take_request('b');
    assert_eq!((cancel.method(), ack.method()), (Method::Cancel, Method::Ack));
    let branch = to_b.via().branch().map(<[u8]>::to_vec);
    assert_eq!(branch.as_ref().map(Vec::len), Some("z9hG4bK".len() + 48));
    assert_eq!([cancel.via().branch(), ack.via().branch()], [branch.as_deref(); 2]);
    assert_eq!(shown(&net.take('c')), "INVITE");
    net.expect_nothing_left();
}
