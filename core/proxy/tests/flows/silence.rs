//! Messages for which there is nobody: nothing happens, and nothing is kept.

use ruf_message::Response;
use ruf_proxy::{Answer, Turn};

use crate::net::Net;
use crate::phone::answer;

#[test]
fn responses_and_events_of_contexts_that_are_gone_do_nothing() {
    // tests rfc6026 §8.3
    let mut net = Net::new().at("bob", &[('b', 1000)]);
    let message = net.request('a', "MESSAGE", "sip:bob@example.org", "");
    net.send('a', message);
    let sent = net.take_request('b');
    net.answer('b', &sent, 200);
    assert!(net.proxy.is_empty());
    net.ladder();
    let late: Response = answer('b', &sent, 200);
    let (mut wire, mut out) = (ruf_transaction::Out::new(), ruf_proxy::Out::default());
    let mut turn = Turn {
        now: net.now,
        gate: &net.gate,
        transactions: &mut net.transactions,
        wire: &mut wire,
        out: &mut out,
    };
    for user in [0, 1, u64::MAX, 0x1_0000_0001, 0x0101] {
        net.proxy.response(&mut turn, user, late.clone());
        net.proxy.cancel(&mut turn, user, None);
        let token = ruf_proxy::Token::from_user(user);
        net.proxy.answer(&mut turn, Answer::Reached { token, flow: Ok(crate::phone::flow('b')) });
    }
    net.proxy.tick(&mut turn);
    assert!(wire.transmits.is_empty() && wire.events.is_empty());
    assert!(out.questions.is_empty() && out.calls.is_empty());
    net.expect_nothing_left();
}

#[test]
fn an_extra_tick_does_nothing() {
    let mut net = Net::new().at("bob", &[('b', 1000)]);
    let invite = net.request('a', "INVITE", "sip:bob@example.org", "");
    net.send('a', invite);
    let before = net.ladder();
    for _ in 0..10 {
        net.after(std::time::Duration::ZERO);
    }
    assert_eq!((before.as_str(), net.ladder().as_str()), ("a→r INVITE | r→a 100 | r→b INVITE", ""));
}
