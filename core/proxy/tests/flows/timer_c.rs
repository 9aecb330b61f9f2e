//! Callees that never answer: Timers B and C.

use std::time::Duration;

use crate::net::Net;

const MINUTE: Duration = Duration::from_secs(60);

#[test]
fn a_phone_that_says_nothing_is_a_408() {
    // tests rfc3261 §16.6 step 7, §16.7 step 6
    let mut net = Net::new().at("bob", &[('b', 1000)]);
    let invite = net.request('a', "INVITE", "sip:bob@example.org", "");
    net.send('a', invite);
    net.after(Duration::from_secs(31));
    net.ladder();
    net.after(Duration::from_secs(2));
    assert!(net.ladder().contains("r→a 408 INVITE"));
    net.expect_nothing_left();
}

#[test]
fn a_phone_that_rings_for_more_than_three_minutes_is_cancelled_and_is_a_408() {
    // tests rfc3261 §16.6 step 11, §16.8
    let mut net = Net::new().at("bob", &[('b', 1000)]);
    let invite = net.request('a', "INVITE", "sip:bob@example.org", "");
    net.send('a', invite);
    let sent = net.take_request('b');
    net.answer('b', &sent, 180);
    net.ladder();
    net.after(MINUTE * 3);
    assert_eq!(net.ladder(), "");
    net.after(MINUTE / 2);
    assert_eq!(net.ladder().split(" | ").next(), Some("r→b CANCEL"));
    net.answer('b', &sent, 487);
    assert_eq!(net.ladder(), "b→r 487 INVITE | r→b ACK | r→a 408 INVITE");
    net.expect_nothing_left();
}

#[test]
fn a_phone_that_answers_the_cancel_of_timer_c_with_200_is_answered() {
    // tests rfc3261 §16.8
    let mut net = Net::new().at("bob", &[('b', 1000)]);
    let invite = net.request('a', "INVITE", "sip:bob@example.org", "");
    net.send('a', invite);
    let sent = net.take_request('b');
    net.answer('b', &sent, 180);
    net.after(MINUTE * 7 / 2);
    net.ladder();
    net.answer('b', &sent, 200);
    assert_eq!(net.ladder(), "b→r 200 INVITE | r→a 200 INVITE");
    net.expect_nothing_left();
}

#[test]
fn every_provisional_response_but_100_gives_three_more_minutes() {
    // tests rfc3261 §16.7 step 2, §16.6 step 11
    let mut net = Net::new().at("bob", &[('b', 1000)]);
    let invite = net.request('a', "INVITE", "sip:bob@example.org", "");
    net.send('a', invite);
    let sent = net.take_request('b');
    for _ in 0..4 {
        net.answer('b', &sent, 183);
        net.after(MINUTE * 3);
    }
    assert!(!net.ladder().contains("CANCEL"));
    net.answer('b', &sent, 100);
    net.after(MINUTE / 2);
    assert!(net.ladder().contains("r→b CANCEL"));
    net.expect_nothing_left();
}

#[test]
fn after_timer_c_the_next_target_is_tried() {
    // tests rfc3261 §16.8
    let mut net = Net::new().at("bob", &[('b', 1000), ('c', 500)]);
    let invite = net.request('a', "INVITE", "sip:bob@example.org", "");
    net.send('a', invite);
    let sent = net.take_request('b');
    net.answer('b', &sent, 180);
    net.after(MINUTE * 7 / 2);
    net.ladder();
    net.answer('b', &sent, 487);
    assert_eq!(net.ladder(), "b→r 487 INVITE | r→b ACK | r→c INVITE");
    let sent = net.take_request('c');
    net.answer('c', &sent, 200);
    assert_eq!(net.ladder(), "c→r 200 INVITE | r→a 200 INVITE");
    net.expect_nothing_left();
}

#[test]
fn timer_c_without_any_provisional_response_is_a_408_at_once() {
    // tests rfc3261 §16.8-3
    let mut net = Net::slow(Duration::from_secs(4)).at("bob", &[('b', 1000)]);
    let invite = net.request('a', "INVITE", "sip:bob@example.org", "");
    net.send('a', invite);
    let sent = net.take_request('b');
    net.after(MINUTE * 3);
    net.ladder();
    net.after(MINUTE / 2);
    assert_eq!(net.ladder().split(" | ").next(), Some("r→a 408 INVITE"));
    net.answer('b', &sent, 180);
    assert!(net.ladder().starts_with("b→r 180 | r→b CANCEL"));
    net.answer('b', &sent, 200);
    assert_eq!(net.ladder(), "b→r 200 INVITE");
    net.expect_nothing_left();
}
