//! Several phones of one user.

use std::time::Duration;

use ruf_message::HeaderName;

use crate::net::Net;

#[test]
fn phones_of_equal_q_ring_at_once_and_the_first_to_answer_gets_the_call() {
    // tests rfc3261 §16.1, §16.6 step 7, §16.7 step 5, §16.7 step 10
    let mut net = Net::new().at("bob", &[('b', 1000), ('c', 1000)]);
    let invite = net.request('a', "INVITE", "sip:bob@example.org", "");
    net.send('a', invite);
    let (to_b, to_c) = (net.take_request('b'), net.take_request('c'));
    assert_ne!(to_b.via().branch(), to_c.via().branch());
    net.answer('b', &to_b, 180);
    net.answer('c', &to_c, 180);
    net.answer('c', &to_c, 200);
    net.answer('b', &to_b, 487);
    net.answer('c', &to_c, 200);
    assert_eq!(
        net.ladder(),
        "a→r INVITE | r→a 100 | r→b INVITE | r→c INVITE | b→r 180 | r→a 180 | c→r 180 | r→a 180 | \
         c→r 200 INVITE | r→a 200 INVITE | r→b CANCEL | b→r 487 INVITE | r→b ACK | c→r 200 INVITE | r→a 200 INVITE"
    );
    net.expect_nothing_left();
}

#[test]
fn a_late_200_of_another_phone_is_passed_on_too() {
    // tests rfc3261 §16.7 step 5, §16.7 step 9
    let mut net = Net::new().at("bob", &[('b', 1000), ('c', 1000)]);
    let invite = net.request('a', "INVITE", "sip:bob@example.org", "");
    net.send('a', invite);
    let (to_b, to_c) = (net.take_request('b'), net.take_request('c'));
    net.answer('b', &to_b, 180);
    net.answer('c', &to_c, 200);
    net.ladder();
    net.answer('b', &to_b, 200);
    let late = net.take_response('a');
    assert_eq!(late.to_tag(), Some(&b"btag"[..]));
    assert_eq!(net.ladder(), "b→r 200 INVITE | r→a 200 INVITE");
    net.expect_nothing_left();
}

#[test]
fn the_others_are_tried_in_the_order_of_q() {
    // tests rfc3261 §16.6, §16.7 step 6
    let mut net = Net::new().at("bob", &[('d', 100), ('b', 1000), ('c', 500), ('e', 100)]);
    let invite = net.request('a', "INVITE", "sip:bob@example.org", "");
    net.send('a', invite);
    let to_b = net.take_request('b');
    net.answer('b', &to_b, 486);
    let to_c = net.take_request('c');
    net.answer('c', &to_c, 480);
    let (to_d, to_e) = (net.take_request('d'), net.take_request('e'));
    net.answer('d', &to_d, 404);
    net.answer('e', &to_e, 200);
    assert_eq!(
        net.ladder(),
        "a→r INVITE | r→a 100 | r→b INVITE | b→r 486 INVITE | r→b ACK | r→c INVITE | c→r 480 INVITE | r→c ACK | \
         r→d INVITE | r→e INVITE | d→r 404 INVITE | r→d ACK | e→r 200 INVITE | r→a 200 INVITE"
    );
    net.expect_nothing_left();
}

#[test]
fn a_decline_ends_it_for_all_once_the_others_have_ended() {
    // tests rfc3261 §16.7 step 5, §16.7 step 6
    let mut net = Net::new().at("bob", &[('b', 1000), ('c', 1000), ('d', 500)]);
    let invite = net.request('a', "INVITE", "sip:bob@example.org", "");
    net.send('a', invite);
    let (to_b, to_c) = (net.take_request('b'), net.take_request('c'));
    net.answer('c', &to_c, 180);
    net.ladder();
    net.answer('b', &to_b, 603);
    assert_eq!(net.ladder(), "b→r 603 INVITE | r→b ACK | r→c CANCEL");
    net.answer('c', &to_c, 487);
    assert_eq!(net.ladder(), "c→r 487 INVITE | r→c ACK | r→a 603 INVITE");
    net.expect_nothing_left();
}

#[test]
fn a_200_that_crosses_a_decline_wins() {
    // tests rfc3261 §16.7 step 5
    let mut net = Net::new().at("bob", &[('b', 1000), ('c', 1000)]);
    let invite = net.request('a', "INVITE", "sip:bob@example.org", "");
    net.send('a', invite);
    let (to_b, to_c) = (net.take_request('b'), net.take_request('c'));
    net.answer('c', &to_c, 180);
    net.answer('b', &to_b, 603);
    net.ladder();
    net.answer('c', &to_c, 200);
    assert_eq!(net.ladder(), "c→r 200 INVITE | r→a 200 INVITE");
    net.expect_nothing_left();
}

#[test]
fn the_caller_gets_the_challenges_of_all_phones_at_once() {
    // tests rfc3261 §16.7 step 7
    let mut net = Net::new().at("bob", &[('b', 1000), ('c', 1000), ('d', 1000)]);
    let invite = net.request('a', "INVITE", "sip:bob@example.org", "");
    net.send('a', invite);
    let sent = ['b', 'c', 'd'].map(|phone| (phone, net.take_request(phone)));
    for ((phone, request), (status, name)) in
        sent.iter().zip([(407, "Proxy-Authenticate"), (404, "X-None"), (401, "WWW-Authenticate")])
    {
        let mut response = crate::phone::answer(*phone, request, status);
        response.add(name, format!("Digest realm=\"{phone}\", nonce=\"1\""));
        net.send(*phone, response);
    }
    let response = net.take_response('a');
    assert_eq!(response.status().as_u16(), 407);
    let challenge = |name| response.raw(name).map(<[u8]>::to_vec).collect::<Vec<_>>();
    assert_eq!(challenge(HeaderName::ProxyAuthenticate), [b"Digest realm=\"b\", nonce=\"1\""]);
    assert_eq!(challenge(HeaderName::WwwAuthenticate), [b"Digest realm=\"d\", nonce=\"1\""]);
    net.expect_nothing_left();
}

#[test]
fn a_message_goes_to_all_phones_and_one_answer_comes_back() {
    // tests rfc3261 §16.7 step 5
    let mut net = Net::new().at("bob", &[('b', 1000), ('c', 1000)]);
    let message = net.request('a', "MESSAGE", "sip:bob@example.org", "");
    net.send('a', message);
    let (to_b, to_c) = (net.take_request('b'), net.take_request('c'));
    net.answer('b', &to_b, 200);
    net.answer('c', &to_c, 200);
    assert_eq!(
        net.ladder(),
        "a→r MESSAGE | r→b MESSAGE | r→c MESSAGE | b→r 200 MESSAGE | r→a 200 MESSAGE | c→r 200 MESSAGE"
    );
    net.expect_nothing_left();
}

#[test]
fn one_dead_phone_holds_up_the_bad_news_of_the_other_until_timer_b() {
    // tests rfc3261 §16.7 step 6
    let mut net = Net::new().at("bob", &[('b', 1000), ('c', 1000)]);
    let invite = net.request('a', "INVITE", "sip:bob@example.org", "");
    net.send('a', invite);
    let to_b = net.take_request('b');
    net.answer('b', &to_b, 486);
    net.after(Duration::from_secs(31));
    assert!(!net.ladder().contains("r→a 4"));
    net.after(Duration::from_secs(2));
    assert!(net.ladder().contains("r→a 486 INVITE"));
    net.expect_nothing_left();
}
