//! Questions whose answers come late, twice, or never.

use std::time::Duration;

use ruf_message::Response;
use ruf_proxy::{Answer, Question, Refusal, Token, Unreachable};

use crate::net::{Net, place};
use crate::phone::{flow, target};

fn asked(net: &mut Net) -> Token {
    match net.open.pop() {
        Some(Question::Locate { token, .. } | Question::Resolve { token, .. }) => token,
        Some(Question::Reach { .. }) | None => panic!("nothing was asked"),
    }
}

#[test]
fn an_answer_in_another_turn_is_as_good() {
    let mut net = Net::new();
    let invite = net.request('a', "INVITE", "sip:bob@example.org", "");
    net.send('a', invite);
    net.after(Duration::from_millis(300));
    assert_eq!(net.ladder(), "a→r INVITE | r→a 100");
    let token = asked(&mut net);
    net.reply(Answer::Located { token, targets: Ok([target('b', 1000)].into()) });
    let sent = net.take_request('b');
    net.reply(Answer::Located { token, targets: Ok([target('c', 1000)].into()) });
    net.reply(Answer::Located { token, targets: Err(Refusal::NotFound) });
    net.answer('b', &sent, 200);
    assert_eq!(net.ladder(), "r→a 100 | r→b INVITE | b→r 200 INVITE | r→a 200 INVITE");
    net.expect_nothing_left();
}

#[test]
fn a_hop_is_asked_for_and_the_100_is_out_meanwhile() {
    // tests rfc3261 §16.6 step 7
    let mut net = Net::new().elsewhere(&[]);
    let invite = net.request('a', "INVITE", "sip:bob@far.example:5070;transport=tcp", "");
    net.send('a', invite);
    assert_eq!(net.ladder(), "a→r INVITE | r→a 100");
    let Some(Question::Resolve { token, hop, .. }) = net.open.pop() else { panic!("not asked") };
    assert_eq!((hop.host.to_string().as_str(), hop.port), ("far.example", Some(5070)));
    let far = place(&hop.host, &flow('f'));
    net.reply(Answer::Resolved { token, places: Ok(vec![far.clone()]) });
    let Some(Question::Reach { place, .. }) = net.open.pop() else { panic!("not asked") };
    assert_eq!(place, far);
    net.reply(Answer::Reached { token, flow: Ok(flow('f')) });
    net.reply(Answer::Reached { token, flow: Ok(flow('g')) });
    let sent = net.take_request('f');
    assert_eq!(sent.uri().to_string(), "sip:bob@far.example:5070;transport=tcp");
    net.answer('f', &sent, 200);
    assert_eq!(net.ladder(), "r→f INVITE | f→r 200 INVITE | r→a 200 INVITE");
    net.expect_nothing_left();
}

/// What the caller is told, after this time.
fn told(mut net: Net, uri: &str, secs: u64) -> Response {
    let invite = net.request('a', "INVITE", uri, "");
    net.send('a', invite);
    net.after(Duration::from_secs(secs));
    let token = asked(&mut net);
    let told = net.take_response('a');
    net.ladder();
    net.reply(Answer::Located { token, targets: Ok([target('b', 1000)].into()) });
    net.reply(Answer::Resolved {
        token,
        places: Ok(vec![place(&"far.example".parse().unwrap(), &flow('b'))]),
    });
    net.reply(Answer::Reached { token, flow: Ok(flow('b')) });
    assert_eq!(net.ladder(), "", "too late");
    net.expect_nothing_left();
    told
}

#[test]
fn a_question_that_nobody_answers_is_a_500() {
    assert_eq!(told(Net::new(), "sip:bob@example.org", 9).status().as_u16(), 500);
    assert_eq!(told(Net::new().elsewhere(&[]), "sip:bob@far.example", 9).status().as_u16(), 500);
}

#[test]
fn a_hop_that_does_not_exist_is_as_one_that_said_503() {
    // tests rfc3261 §16.9
    let mut net = Net::new().elsewhere(&[]);
    net.hops.insert("far.example".into(), Err(Unreachable));
    let invite = net.request('a', "INVITE", "sip:bob@far.example", "");
    net.send('a', invite);
    assert_eq!(net.ladder(), "a→r INVITE | r→a 100 | r→a 500 INVITE");
    net.expect_nothing_left();
}

#[test]
fn an_answer_to_a_slot_that_is_used_again_is_dropped() {
    let mut net = Net::new();
    let first = net.request('a', "INVITE", "sip:bob@example.org", "");
    net.send('a', first.clone());
    let old = asked(&mut net);
    net.send('a', first.cancel());
    let second = net.request('c', "INVITE", "sip:bob@example.org", "");
    net.send('c', second);
    let new = asked(&mut net);
    assert_ne!(old, new);
    net.ladder();
    net.reply(Answer::Located { token: old, targets: Ok([target('b', 1000)].into()) });
    assert_eq!(net.ladder(), "");
    net.reply(Answer::Located { token: new, targets: Ok([target('b', 1000)].into()) });
    assert_eq!(net.ladder(), "r→c 100 | r→b INVITE");
    net.expect_nothing_left();
}
