//! CANCEL at every moment of an INVITE.

use std::time::Duration;

use ruf_admission::Identity;
use ruf_message::{Message, Request};
use ruf_proxy::{Answer, Question};

use crate::net::Net;
use crate::phone::flow;

fn ringing() -> (Net, Request, Request) {
    let mut net = Net::new().at("bob", &[('b', 1000)]);
    let invite = net.request('a', "INVITE", "sip:bob@example.org", "");
    net.send('a', invite.clone());
    let sent = net.take_request('b');
    net.answer('b', &sent, 180);
    net.ladder();
    (net, invite, sent)
}

#[test]
fn a_ringing_phone_is_cancelled() {
    // tests rfc3261 §16.10
    let (mut net, invite, sent) = ringing();
    net.send('a', invite.cancel());
    let cancel = net.take_request('b');
    assert_eq!(cancel.uri().as_bytes(), sent.uri().as_bytes());
    assert_eq!(cancel.via().branch(), sent.via().branch());
    net.answer('b', &cancel, 200);
    net.answer('b', &sent, 487);
    net.take_response('a');
    assert_eq!(
        net.ladder(),
        "a→r CANCEL | r→a 200 CANCEL | r→b CANCEL | b→r 200 CANCEL | b→r 487 INVITE | r→b ACK | r→a 487 INVITE"
    );
    net.expect_nothing_left();
}

#[test]
fn a_cancel_waits_for_the_first_provisional_response() {
    // tests rfc3261 §16.10, §9.1
    let mut net = Net::new().at("bob", &[('b', 1000)]);
    let invite = net.request('a', "INVITE", "sip:bob@example.org", "");
    net.send('a', invite.clone());
    let sent = net.take_request('b');
    net.ladder();
    net.send('a', invite.cancel());
    assert_eq!(net.ladder(), "a→r CANCEL | r→a 200 CANCEL");
    net.answer('b', &sent, 180);
    assert_eq!(net.ladder(), "b→r 180 | r→b CANCEL | r→a 180");
    net.answer('b', &sent, 487);
    assert_eq!(net.ladder(), "b→r 487 INVITE | r→b ACK | r→a 487 INVITE");
    net.expect_nothing_left();
}

#[test]
fn cancel_crosses_200() {
    // tests rfc3261 §16.7 step 5
    let (mut net, invite, sent) = ringing();
    net.send('a', invite.cancel());
    net.answer('b', &sent, 200);
    net.answer('b', &sent, 200);
    assert_eq!(
        net.ladder(),
        "a→r CANCEL | r→a 200 CANCEL | r→b CANCEL | b→r 200 INVITE | r→a 200 INVITE | b→r 200 INVITE | r→a 200 INVITE"
    );
    net.expect_nothing_left();
}

#[test]
fn a_cancel_after_the_answer_changes_nothing() {
    // tests rfc3261 §9.2
    let (mut net, invite, sent) = ringing();
    net.answer('b', &sent, 200);
    net.ladder();
    net.send('a', invite.cancel());
    net.answer('b', &sent, 200);
    assert_eq!(net.ladder(), "a→r CANCEL | r→a 200 CANCEL | b→r 200 INVITE | r→a 200 INVITE");
    net.expect_nothing_left();
}

#[test]
fn a_cancelled_phone_that_says_nothing_more_is_given_up() {
    // tests rfc3261 §9.1
    let (mut net, invite, _) = ringing();
    net.send('a', invite.cancel());
    net.after(Duration::from_secs(31));
    net.ladder();
    net.after(Duration::from_secs(2));
    assert!(net.ladder().contains("r→a 487 INVITE"));
    net.expect_nothing_left();
}

#[test]
fn who_cancels_before_the_callee_is_found_gets_his_487_and_nobody_is_called() {
    // tests rfc3261 §16.10
    let mut net = Net::new();
    let invite = net.request('a', "INVITE", "sip:bob@example.org", "");
    net.send('a', invite.clone());
    net.send('a', invite.clone());
    net.send('a', invite.cancel());
    assert_eq!(net.ladder(), "a→r INVITE | a→r INVITE | a→r CANCEL | r→a 200 CANCEL | r→a 487 INVITE");
    let Some(Question::Locate { token, identity, .. }) = net.open.pop() else { panic!("not asked") };
    assert!(!matches!(identity, Identity::Dialog(_)));
    let targets = Ok([crate::phone::target('b', 1000)].into());
    net.reply(Answer::Located { token, targets });
    assert_eq!(net.ladder(), "");
    net.expect_nothing_left();
}

#[test]
fn who_cancels_before_the_hop_is_found_gets_his_487_and_nobody_is_called() {
    // tests rfc3261 §16.10
    let mut net = Net::new().elsewhere(&[]);
    let invite = net.request('a', "INVITE", "sip:bob@far.example", "");
    net.send('a', invite.clone());
    net.send('a', invite.cancel());
    assert_eq!(net.ladder(), "a→r INVITE | r→a 100 | a→r CANCEL | r→a 200 CANCEL | r→a 487 INVITE");
    let Some(Question::Resolve { token, .. }) = net.open.pop() else { panic!("not asked") };
    net.reply(Answer::Reached { token, flow: Ok(flow('b')) });
    assert_eq!(net.ladder(), "");
    net.expect_nothing_left();
}

#[test]
fn a_cancel_ends_the_search_among_the_other_targets() {
    // tests rfc3261 §16.10
    let mut net = Net::new().at("bob", &[('b', 1000), ('c', 500)]);
    let invite = net.request('a', "INVITE", "sip:bob@example.org", "");
    net.send('a', invite.clone());
    let sent = net.take_request('b');
    net.answer('b', &sent, 180);
    net.send('a', invite.cancel());
    net.ladder();
    net.answer('b', &sent, 486);
    assert_eq!(net.ladder(), "b→r 486 INVITE | r→b ACK | r→a 486 INVITE");
    net.expect_nothing_left();
}

#[test]
fn a_cancel_of_nothing_finds_nothing() {
    // tests rfc3261 §16.10
    let mut net = Net::new();
    let invite = net.request('a', "INVITE", "sip:bob@example.org", "");
    net.send('a', invite.cancel());
    let Message::Response(response) = net.take('a') else { panic!("no response") };
    assert_eq!(response.status().as_u16(), 481);
    net.expect_nothing_left();
}
