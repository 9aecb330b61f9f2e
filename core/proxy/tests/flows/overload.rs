//! Full tables: an answer, and nothing forwarded.

use ruf_proxy::Limits;

use crate::net::Net;

fn small() -> [(Limits, ruf_transaction::Limits); 2] {
    let (proxy, transactions) = (Limits::default(), ruf_transaction::Limits::default());
    [
        (Limits { contexts_max: 2, ..proxy }, transactions),
        (proxy, ruf_transaction::Limits { servers_max: 2, ..transactions }),
    ]
}

#[test]
fn a_request_too_many_gets_a_503_without_state_and_nobody_is_called() {
    for (proxy, transactions) in small() {
        let mut net = Net::with(proxy, transactions).at("bob", &[('b', 1000)]);
        for phone in ['c', 'd'] {
            let invite = net.request(phone, "INVITE", "sip:bob@example.org", "");
            net.send(phone, invite);
        }
        net.ladder();
        for _ in 0..1_000 {
            let invite = net.request('a', "INVITE", "sip:bob@example.org", "");
            net.send('a', invite.clone());
            let response = net.take_response('a');
            assert_eq!((response.status().as_u16(), response.to_tag().is_some()), (503, true));
            net.send('a', invite.ack_for(&response));
            assert_eq!(net.ladder(), "a→r INVITE | r→a 503 INVITE | a→r ACK");
        }
        net.expect_nothing_left();
    }
}

#[test]
fn a_branch_too_many_is_a_503_of_ours() {
    let limits = ruf_transaction::Limits { clients_max: 1, ..ruf_transaction::Limits::default() };
    let mut net = Net::with(Limits::default(), limits).at("bob", &[('b', 1000)]);
    let invite = net.request('c', "INVITE", "sip:bob@example.org", "");
    net.send('c', invite);
    net.ladder();
    let invite = net.request('a', "INVITE", "sip:bob@example.org", "");
    net.send('a', invite);
    assert_eq!(net.ladder(), "a→r INVITE | r→a 100 | r→a 503 INVITE");
    net.expect_nothing_left();
}

#[test]
fn only_so_many_targets_of_one_user_are_tried() {
    let limits = Limits { branches_max: 2, ..Limits::default() };
    let mut net = Net::with(limits, ruf_transaction::Limits::default())
        .at("bob", &[('b', 1), ('c', 1000), ('d', 1000), ('e', 2)]);
    let invite = net.request('a', "INVITE", "sip:bob@example.org", "");
    net.send('a', invite);
    let sent = ['c', 'd'].map(|phone| (phone, net.take_request(phone)));
    for (phone, request) in &sent {
        net.answer(*phone, request, 486);
    }
    assert!(net.ladder().ends_with("r→a 486 INVITE"));
    net.expect_nothing_left();
}
