//! Requests that are not INVITE (RFC 4320).

use std::time::Duration;

use ruf_message::HeaderName;

use crate::net::Net;

#[test]
fn a_message_is_relayed_without_100_and_without_record_route() {
    // tests rfc3261 §16.2
    let mut net = Net::new().at("bob", &[('b', 1000)]);
    let message = net.request('a', "MESSAGE", "sip:bob@example.org", "");
    net.send('a', message);
    let sent = net.take_request('b');
    assert!(!sent.contains(HeaderName::RecordRoute));
    net.answer('b', &sent, 200);
    assert_eq!(net.ladder(), "a→r MESSAGE | r→b MESSAGE | b→r 200 MESSAGE | r→a 200 MESSAGE");
    net.expect_nothing_left();
}

#[test]
fn a_method_nobody_knows_is_relayed_like_any_other() {
    // tests rfc3261 §16.2, §16.3 step 1
    let mut net = Net::new().at("bob", &[('b', 1000)]);
    let message = net.request('a', "NEWMETHOD", "sip:bob@example.org", "");
    net.send('a', message);
    let sent = net.take_request('b');
    assert!(sent.contains(HeaderName::RecordRoute));
    net.answer('b', &sent, 501);
    assert_eq!(net.ladder(), "a→r NEWMETHOD | r→b NEWMETHOD | b→r 501 NEWMETHOD | r→a 501 NEWMETHOD");
    net.expect_nothing_left();
}

#[test]
fn a_phone_that_says_nothing_to_a_message_is_no_408() {
    // tests rfc4320 §4.2
    let mut net = Net::new().at("bob", &[('b', 1000)]);
    let message = net.request('a', "MESSAGE", "sip:bob@example.org", "");
    net.send('a', message);
    net.after(Duration::from_secs(60));
    let ladder = net.ladder();
    assert!(ladder.contains("r→b MESSAGE | r→b MESSAGE"));
    assert!(!ladder.contains("408"), "{ladder}");
    net.expect_nothing_left();
}

#[test]
fn a_408_to_a_message_goes_no_further() {
    // tests rfc4320 §4.2
    let mut net = Net::new().at("bob", &[('b', 1000)]);
    let message = net.request('a', "MESSAGE", "sip:bob@example.org", "");
    net.send('a', message);
    let sent = net.take_request('b');
    net.answer('b', &sent, 408);
    assert_eq!(net.ladder(), "a→r MESSAGE | r→b MESSAGE | b→r 408 MESSAGE");
    net.expect_nothing_left();
}

#[test]
fn a_provisional_response_to_a_message_goes_no_further() {
    // tests rfc4320 §4.1
    let mut net = Net::new().at("bob", &[('b', 1000)]);
    let message = net.request('a', "MESSAGE", "sip:bob@example.org", "");
    net.send('a', message);
    let sent = net.take_request('b');
    net.answer('b', &sent, 100);
    net.answer('b', &sent, 183);
    net.answer('b', &sent, 200);
    assert_eq!(
        net.ladder(),
        "a→r MESSAGE | r→b MESSAGE | b→r 100 | b→r 183 | b→r 200 MESSAGE | r→a 200 MESSAGE"
    );
    net.expect_nothing_left();
}

#[test]
fn a_late_answer_to_a_message_is_dropped() {
    // tests rfc4320 §4.2
    let mut net = Net::new().at("bob", &[('b', 1000)]);
    let message = net.request('a', "MESSAGE", "sip:bob@example.org", "");
    net.send('a', message);
    let sent = net.take_request('b');
    net.after(Duration::from_secs(60));
    net.ladder();
    net.answer('b', &sent, 200);
    assert_eq!(net.ladder(), "b→r 200 MESSAGE");
    net.expect_nothing_left();
}

#[test]
fn a_subscription_takes_the_path_of_its_dialog_both_ways() {
    // tests rfc3261 §16.6 step 4
    let mut net = Net::new().at("bob", &[('b', 1000)]);
    let subscribe = net.request('a', "SUBSCRIBE", "sip:bob@example.org", "Event: presence\r\n");
    net.send('a', subscribe);
    let sent = net.take_request('b');
    net.answer('b', &sent, 200);
    let notify = net.by_callee('b', "NOTIFY", &sent);
    net.send('b', notify);
    let notify = net.take_request('a');
    net.answer('a', &notify, 200);
    assert_eq!(
        net.ladder(),
        "a→r SUBSCRIBE | r→b SUBSCRIBE | b→r 200 SUBSCRIBE | r→a 200 SUBSCRIBE | \
         b→r NOTIFY | r→a NOTIFY | a→r 200 NOTIFY | r→b 200 NOTIFY"
    );
    net.expect_nothing_left();
}

#[test]
fn a_408_of_one_phone_does_not_hide_what_the_other_said() {
    // tests rfc4320 §4.2
    let mut net = Net::new().at("bob", &[('b', 1000), ('c', 1000)]);
    let message = net.request('a', "MESSAGE", "sip:bob@example.org", "");
    net.send('a', message);
    let (to_b, to_c) = (net.take_request('b'), net.take_request('c'));
    net.answer('b', &to_b, 408);
    net.answer('c', &to_c, 500);
    assert!(net.ladder().ends_with("c→r 500 MESSAGE | r→a 500 MESSAGE"));
    net.expect_nothing_left();
}

#[test]
fn over_tcp_too_a_message_gets_one_final_answer_and_nothing_else() {
    // tests rfc4320 §4.1
    let mut net = Net::new().at("bob", &[('b', 1000)]);
    let message = net.request('t', "MESSAGE", "sip:bob@example.org", "");
    net.send('t', message);
    let sent = net.take_request('b');
    net.answer('b', &sent, 100);
    net.answer('b', &sent, 180);
    net.answer('b', &sent, 200);
    assert_eq!(
        net.ladder(),
        "t→r MESSAGE | r→b MESSAGE | b→r 100 | b→r 180 | b→r 200 MESSAGE | r→t 200 MESSAGE"
    );
    net.expect_nothing_left();
}
