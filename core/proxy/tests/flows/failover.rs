//! A next hop that is found at several places: one that does not serve is followed by the next.

use std::time::Duration;

use ruf_message::{Request, Transport};

use crate::net::Net;
use crate::phone::{Phone, flow, shown};

/// Alice calls somebody far away, whose server is found at these places.
fn call(places: &[Phone]) -> (Net, Request) {
    let mut net = Net::new().far_away(places);
    let invite = net.request('a', "INVITE", "sip:bob@far.example", "");
    net.send('a', invite.clone());
    (net, invite)
}

/// The places that were found to be dead.
fn failed(net: &mut Net) -> Vec<Phone> {
    net.failed.drain(..).map(|place| crate::phone::phone(&flow_to(&place))).collect()
}

fn flow_to(place: &ruf_message::Place) -> ruf_message::Flow {
    ruf_message::Flow { transport: place.transport, remote: place.address, ..flow('a') }
}

#[test]
fn a_503_is_followed_by_the_next_place_on_a_branch_of_its_own() {
    // tests rfc3263 §4.3
    let (mut net, _) = call(&['f', 'g']);
    let to_f = net.take_request('f');
    net.answer('f', &to_f, 503);
    let to_g = net.take_request('g');
    assert_eq!(to_f.uri().as_bytes(), to_g.uri().as_bytes());
    assert_ne!(to_f.via().branch(), to_g.via().branch());
    assert_eq!(to_f.raw("Via").count(), to_g.raw("Via").count());
    net.answer('g', &to_g, 200);
    assert_eq!(
        net.ladder(),
        "a→r INVITE | r→a 100 | r→f INVITE | f→r 503 INVITE | r→f ACK | r→g INVITE | g→r 200 INVITE | r→a 200 INVITE"
    );
    assert_eq!(failed(&mut net), ['f']);
    net.expect_nothing_left();
}

#[test]
fn a_place_that_cannot_be_sent_to_is_followed_by_the_next() {
    // tests rfc3263 §4.3
    // tests rfc3261 §16.9
    let (mut net, _) = call(&['f', 'g', 'h']);
    net.unreachable('f');
    net.unreachable('g');
    assert_eq!(net.ladder(), "a→r INVITE | r→a 100 | r→f INVITE | r→g INVITE | r→h INVITE");
    net.unreachable('h');
    assert_eq!(net.ladder(), "r→a 500 INVITE");
    assert_eq!(failed(&mut net), ['f', 'g', 'h']);
    net.expect_nothing_left();
}

#[test]
fn a_connection_that_is_refused_or_not_made_within_two_seconds_is_followed_by_the_next() {
    // tests rfc3263 §4.3
    let mut net = Net::new().far_away(&['u', 'f']);
    net.closed.push(('u', Transport::Tcp));
    let invite = net.request('a', "INVITE", "sip:bob@far.example", "");
    net.send('a', invite);
    assert_eq!(net.ladder(), "a→r INVITE | r→a 100 | r→f INVITE");
    assert_eq!(failed(&mut net), ['u']);
    net.expect_nothing_left();

    let mut net = Net::new().far_away(&['u', 'f']);
    let question = net.hops.remove("far.example");
    let invite = net.request('a', "INVITE", "sip:bob@far.example", "");
    net.send('a', invite);
    let Some(ruf_proxy::Question::Resolve { token, hop, .. }) = net.open.pop() else { panic!("not asked") };
    let places = question.unwrap().unwrap().iter().map(|flow| crate::net::place(&hop.host, flow)).collect();
    net.reply(ruf_proxy::Answer::Resolved { token, places: Ok(places) });
    assert!(matches!(net.open.pop(), Some(ruf_proxy::Question::Reach { .. })));
    net.after(Duration::from_millis(1_900));
    assert!(net.open.is_empty());
    net.after(Duration::from_millis(200));
    let Some(ruf_proxy::Question::Reach { token, place }) = net.open.pop() else { panic!("not asked") };
    assert_eq!(place.address, flow('f').remote);
    net.reply(ruf_proxy::Answer::Reached { token, flow: Ok(flow('f')) });
    assert!(net.ladder().ends_with("r→f INVITE"));
    net.expect_nothing_left();
}

#[test]
fn four_seconds_of_silence_are_followed_by_the_next_and_the_silent_one_is_cancelled_when_it_speaks() {
    // tests rfc3263 §4.3
    let (mut net, _) = call(&['f', 'g']);
    let to_f = net.take_request('f');
    net.after(Duration::from_millis(3_900));
    assert!(!net.ladder().contains("r→g"));
    net.after(Duration::from_millis(200));
    assert_eq!(net.ladder(), "r→g INVITE");
    assert_eq!(failed(&mut net), ['f']);
    net.answer('f', &to_f, 180);
    assert_eq!(net.ladder(), "f→r 180 | r→f CANCEL", "nobody is told that it rings there");
    net.answer('f', &to_f, 487);
    let to_g = net.take_request('g');
    net.answer('g', &to_g, 486);
    assert_eq!(net.ladder(), "f→r 487 INVITE | r→f ACK | g→r 486 INVITE | r→g ACK | r→a 486 INVITE");
    net.expect_nothing_left();
}

#[test]
fn the_answer_of_one_that_was_silent_wins() {
    // tests rfc3263 §4.3
    // tests rfc3261 §16.7 step 5
    let (mut net, _) = call(&['f', 'g']);
    let to_f = net.take_request('f');
    net.after(Duration::from_millis(4_100));
    let to_g = net.take_request('g');
    net.answer('g', &to_g, 180);
    net.ladder();
    net.answer('f', &to_f, 200);
    assert_eq!(net.ladder(), "f→r 200 INVITE | r→a 200 INVITE | r→g CANCEL");
    net.expect_nothing_left();
}

#[test]
fn the_refusal_of_the_next_is_not_held_up_by_the_one_that_is_silent() {
    // tests rfc3263 §4.3
    let (mut net, _) = call(&['f', 'g']);
    net.after(Duration::from_millis(4_100));
    let to_g = net.take_request('g');
    net.ladder();
    net.answer('g', &to_g, 486);
    assert_eq!(net.ladder(), "g→r 486 INVITE | r→g ACK | r→a 486 INVITE");
    net.expect_nothing_left();
}

#[test]
fn of_one_that_was_silent_a_refusal_does_not_count_and_a_decline_does() {
    // tests rfc3263 §4.3
    // tests rfc3261 §16.7 step 5
    let (mut net, _) = call(&['f', 'g']);
    let to_f = net.take_request('f');
    net.after(Duration::from_millis(4_100));
    let to_g = net.take_request('g');
    net.answer('f', &to_f, 407);
    net.answer('g', &to_g, 486);
    assert_eq!(net.take_response('a').status().as_u16(), 486);
    net.expect_nothing_left();

    let (mut net, _) = call(&['f', 'g']);
    let to_f = net.take_request('f');
    net.after(Duration::from_millis(4_100));
    let to_g = net.take_request('g');
    net.answer('g', &to_g, 180);
    net.ladder();
    net.answer('f', &to_f, 603);
    net.answer('g', &to_g, 487);
    assert_eq!(
        net.ladder(),
        "f→r 603 INVITE | r→f ACK | r→g CANCEL | g→r 487 INVITE | r→g ACK | r→a 603 INVITE"
    );
    net.expect_nothing_left();
}

#[test]
fn a_100_is_no_silence() {
    // tests rfc3263 §4.3
    let (mut net, _) = call(&['f', 'g']);
    let to_f = net.take_request('f');
    net.answer('f', &to_f, 100);
    net.after(Duration::from_secs(60));
    assert_eq!(net.ladder(), "a→r INVITE | r→a 100 | r→f INVITE | f→r 100");
    net.expect_nothing_left();
}

#[test]
fn the_failure_of_a_silent_one_does_not_end_the_call_and_the_last_place_has_until_timer_b() {
    // tests rfc3263 §4.3
    let (mut net, _) = call(&['f', 'g']);
    let to_f = net.take_request('f');
    net.after(Duration::from_millis(4_100));
    net.ladder();
    net.answer('f', &to_f, 503);
    assert_eq!(net.ladder(), "f→r 503 INVITE | r→f ACK");
    net.after(Duration::from_secs(31));
    assert!(!net.ladder().contains("r→a"));
    net.after(Duration::from_secs(2));
    assert!(net.ladder().contains("r→a 408 INVITE"));
    assert_eq!(failed(&mut net), ['f', 'g']);
    net.expect_nothing_left();
}

#[test]
fn both_have_a_share_of_the_breadth_and_without_one_for_the_next_it_has_until_timer_b() {
    // tests rfc5393 §5.3.3
    use ruf_message::header::hops::MaxBreadth;
    for (header, expected) in [("", [Some(30), Some(30)]), ("Max-Breadth: 1\r\n", [Some(1), None])] {
        let mut net = Net::new().far_away(&['f', 'g']);
        let invite = net.request('a', "INVITE", "sip:bob@far.example", header);
        net.send('a', invite);
        net.after(Duration::from_millis(4_100));
        let breadth = ['f', 'g'].map(|phone| {
            let sent = net.take_all(phone).into_iter().find(|message| shown(message) == "INVITE")?;
            let MaxBreadth(breadth) = sent.header().unwrap().expect("a Max-Breadth");
            Some(breadth)
        });
        assert_eq!(breadth, expected);
        net.expect_nothing_left();
    }
}

#[test]
fn a_cancelled_call_goes_on_to_no_other_place() {
    // tests rfc3261 §16.10
    let (mut net, invite) = call(&['f', 'g']);
    net.send('a', invite.cancel());
    net.ladder();
    net.after(Duration::from_secs(5));
    assert!(!net.ladder().contains("r→g"));
    net.unreachable('f');
    assert_eq!(net.ladder(), "r→a 487 INVITE");
    net.expect_nothing_left();
}

#[test]
fn any_other_answer_is_the_answer() {
    // tests rfc3263 §4.3
    for status in [302, 404, 500, 600] {
        let (mut net, _) = call(&['f', 'g']);
        let to_f = net.take_request('f');
        net.ladder();
        net.answer('f', &to_f, status);
        assert_eq!(net.ladder(), format!("f→r {status} INVITE | r→f ACK | r→a {status} INVITE"));
        assert!(failed(&mut net).is_empty());
        net.expect_nothing_left();
    }
}

#[test]
fn a_message_is_not_sent_again_after_timer_f_and_its_place_is_known_to_be_dead() {
    // tests rfc4321 §1.4
    let mut net = Net::new().far_away(&['f', 'g']);
    let message = net.request('a', "MESSAGE", "sip:bob@far.example", "");
    net.send('a', message.clone());
    net.after(Duration::from_secs(33));
    assert!(!net.ladder().contains("r→g"));
    assert_eq!(failed(&mut net), ['f']);
    net.expect_nothing_left();
}

#[test]
fn a_message_goes_on_to_the_next_place_at_once_where_the_first_says_no() {
    // tests rfc3263 §4.3
    let mut net = Net::new().far_away(&['f', 'g', 'h']);
    let message = net.request('a', "MESSAGE", "sip:bob@far.example", "");
    net.send('a', message);
    let to_f = net.take_request('f');
    net.answer('f', &to_f, 503);
    net.unreachable('g');
    let to_h = net.take_request('h');
    net.answer('h', &to_h, 200);
    assert_eq!(
        net.ladder(),
        "a→r MESSAGE | r→f MESSAGE | f→r 503 MESSAGE | r→g MESSAGE | r→h MESSAGE | h→r 200 MESSAGE | r→a 200 MESSAGE"
    );
    net.expect_nothing_left();
}

/// How a request of about 2 kB goes out: each copy by its transport.
fn long_by(closed: &[(Phone, Transport)], then: impl FnOnce(&mut Net)) -> Vec<String> {
    let mut net = Net::new().far_away(&['f']);
    net.closed.extend_from_slice(closed);
    let header = format!("X: {}\r\n", "y".repeat(2_000));
    let invite = net.request('a', "INVITE", "sip:bob@far.example", &header);
    net.send('a', invite);
    then(&mut net);
    let sent = net.take_all('f').into_iter().filter(|message| shown(message) == "INVITE");
    let vias =
        sent.map(|message| String::from_utf8_lossy(message.raw("Via").next().unwrap())[8..11].to_owned());
    let vias = vias.collect();
    net.expect_nothing_left();
    vias
}

#[test]
fn a_long_request_leaves_by_tcp_and_once_more_by_udp_if_there_is_no_connection() {
    // tests rfc3261 §18.1.1
    assert_eq!(long_by(&[], |_| {}), ["TCP"]);
    assert_eq!(long_by(&[('f', Transport::Tcp)], |_| {}), ["UDP"]);
    let reset = |net: &mut Net| {
        let by_tcp = ruf_message::Flow { transport: Transport::Tcp, connection: 1, ..flow('f') };
        net.transactions.unreachable(net.now, by_tcp, &mut net.wire);
        net.after(Duration::ZERO);
    };
    assert_eq!(long_by(&[], reset), ["TCP", "UDP"]);
    let refuses = |net: &mut Net| {
        let sent = net.take_request('f');
        let mut busy = crate::phone::answer('f', &sent, 503);
        busy.add("X", "too much");
        net.send('f', busy);
    };
    assert!(long_by(&[], refuses).is_empty(), "it was heard");
}

#[test]
fn a_long_request_to_a_binding_stays_on_its_flow() {
    // tests rfc3261 §18.1.1
    let mut net = Net::new().at("bob", &[('b', 1000)]);
    let header = format!("X: {}\r\n", "y".repeat(4_000));
    let invite = net.request('a', "INVITE", "sip:bob@example.org", &header);
    net.send('a', invite);
    let sent = net.take_request('b');
    assert!(sent.raw("Via").next().unwrap().starts_with(b"SIP/2.0/UDP"));
    net.expect_nothing_left();
}
