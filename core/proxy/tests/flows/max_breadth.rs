//! Max-Breadth: how many branches there may be at a time.

use ruf_message::StatusCode;
use ruf_message::header::hops::MaxBreadth;

use crate::net::Net;
use crate::phone::Phone;

const ALL: [Phone; 4] = ['b', 'c', 'd', 'e'];

fn net(method: &str, headers: &str) -> Net {
    let mut net = Net::new().at("bob", &ALL.map(|phone| (phone, 1000)));
    let request = net.request('a', method, "sip:bob@example.org", headers);
    net.send('a', request);
    net
}

/// What the request that came to a phone may still make.
fn breadth(net: &mut Net, phone: Phone) -> u32 {
    let MaxBreadth(breadth) = net.take_request(phone).header().unwrap().expect("a Max-Breadth");
    breadth
}

#[test]
fn the_breadth_is_divided_among_the_branches() {
    // tests rfc5393 §5.3.3
    let mut wide = net("INVITE", "");
    assert_eq!(ALL.map(|phone| breadth(&mut wide, phone)), [15; 4]);
    wide.expect_nothing_left();
    let mut uneven = net("INVITE", "Max-Breadth: 7\r\n");
    assert_eq!(ALL.map(|phone| breadth(&mut uneven, phone)).iter().sum::<u32>(), 7);
    uneven.expect_nothing_left();
}

#[test]
fn one_phone_gets_all_of_it_and_no_more_than_the_most() {
    // tests rfc5393 §5.3.3
    for (header, expected) in [("", 60), ("Max-Breadth: 9\r\n", 9), ("Max-Breadth: 1000\r\n", 60)] {
        let mut net = Net::new().at("bob", &[('b', 1000)]);
        let message = net.request('a', "MESSAGE", "sip:bob@example.org", header);
        net.send('a', message);
        assert_eq!(breadth(&mut net, 'b'), expected);
        net.expect_nothing_left();
    }
}

#[test]
fn where_it_is_short_phones_ring_as_others_refuse() {
    // tests rfc5393 §5.3.3, §5.3.3.1
    let mut net = net("INVITE", "Max-Breadth: 2\r\n");
    let (to_b, to_c) = (net.take_request('b'), net.take_request('c'));
    net.answer('c', &to_c, 180);
    net.answer('b', &to_b, 486);
    let to_d = net.take_request('d');
    net.answer('d', &to_d, 486);
    assert_eq!(breadth(&mut net, 'e'), 1);
    assert_eq!(
        net.ladder(),
        "a→r INVITE | r→a 100 | r→b INVITE | r→c INVITE | c→r 180 | r→a 180 | b→r 486 INVITE | r→b ACK | r→d INVITE | \
         d→r 486 INVITE | r→d ACK | r→e INVITE"
    );
    net.answer('c', &to_c, 200);
    assert_eq!(net.ladder(), "c→r 200 INVITE | r→a 200 INVITE");
    net.expect_nothing_left();
}

#[test]
fn what_has_no_time_for_that_is_a_440() {
    // tests rfc5393 §5.3.3
    let mut net = net("MESSAGE", "Max-Breadth: 3\r\n");
    assert_eq!(net.ladder(), "a→r MESSAGE | r→a 440 MESSAGE");
    assert_eq!(net.take_response('a').status(), StatusCode::MAX_BREADTH_EXCEEDED);
    net.expect_nothing_left();
}

#[test]
fn a_group_that_is_tried_later_has_all_of_it_again() {
    // tests rfc5393 §5.3.3.1
    let mut net = Net::new().at("bob", &[('b', 1000), ('c', 500), ('d', 500)]);
    let message = net.request('a', "MESSAGE", "sip:bob@example.org", "Max-Breadth: 2\r\n");
    net.send('a', message);
    let to_b = net.take_request('b');
    net.answer('b', &to_b, 404);
    assert_eq!((breadth(&mut net, 'c'), breadth(&mut net, 'd')), (1, 1));
    net.expect_nothing_left();
}
