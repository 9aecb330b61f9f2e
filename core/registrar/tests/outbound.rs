//! Flows of an instance: RFC 5626 §6, and the ways that phones have of saying so.
#![allow(clippy::unwrap_used)]

mod desk;

use desk::{Desk, listed, parse, request};
use ruf_message::{HeaderName, Response, Transport};
use ruf_registrar_core::Reject;

const SUPPORTED: &str = "Supported: path, outbound";

/// A contact of the instance `urn:uuid:a1`.
fn flow(user: &str, reg_id: u32, more: &str) -> String {
    format!("Contact: <sip:{user}@10.0.0.2:5060>;+sip.instance=\"<urn:uuid:a1>\";reg-id={reg_id}{more}")
}

fn required(response: &Response) -> Vec<&str> {
    response.require().collect()
}

#[test]
fn instance_and_reg_id_are_the_key_whatever_the_contact() {
    // tests rfc5626 §6
    let mut desk = Desk::new();
    let one = flow("old", 1, "");
    assert_eq!(required(&desk.register("one", 1, &format!("{one}\n{SUPPORTED}")).unwrap()), ["outbound"]);
    desk.flow.remote.set_port(41_000);
    desk.register("again", 1, &format!("{}\n{SUPPORTED}", flow("new", 1, "").replace("a1", "A1"))).unwrap();
    assert_eq!(desk.contacts(), ["sip:new@10.0.0.2:5060"]);
    assert_eq!(desk.bindings[0].flow(), desk.flow, "the flow is the newest");
    assert_eq!((desk.bindings[0].is_outbound(), desk.bindings[0].reg_id()), (true, Some(1)));
    // Another flow of the same instance, from the same contact; and the same reg-id of another instance.
    desk.register("two", 1, &format!("{}\n{SUPPORTED}", flow("new", 2, ""))).unwrap();
    desk.register("three", 1, &format!("{}\n{SUPPORTED}", flow("new", 1, "").replace("a1", "b2"))).unwrap();
    assert_eq!(desk.bindings.len(), 3);
    desk.register("two", 2, &format!("{}\n{SUPPORTED}", flow("new", 2, ";expires=0"))).unwrap();
    assert_eq!(desk.bindings.iter().map(|binding| binding.reg_id()).collect::<Vec<_>>(), [Some(1), Some(1)]);
}

#[test]
fn flows_and_plain_contacts_live_side_by_side() {
    // tests rfc5626 §6
    let mut desk = Desk::new();
    let plain = "Contact: <sip:new@10.0.0.2:5060>";
    desk.register("one", 1, &format!("{}\n{SUPPORTED}", flow("new", 1, ""))).unwrap();
    assert!(required(&desk.register("two", 1, plain).unwrap()).is_empty());
    assert_eq!(desk.bindings.len(), 2);
    desk.register("two", 2, &format!("{plain};expires=0")).unwrap();
    assert!(desk.bindings.len() == 1 && desk.bindings[0].is_outbound());
    desk.register("three", 1, "Contact: *\nExpires: 0").unwrap();
    assert!(desk.bindings.is_empty());
}

#[test]
fn outbound_is_required_only_of_who_knows_it_and_where_it_was_done() {
    // tests rfc5626 §6
    let with = |lines: &str| {
        let response = Desk::new().register("one", 1, lines).unwrap();
        required(&response).join(" ")
    };
    assert_eq!(with(&flow("a", 1, "")), "", "the phone does not say that it knows it");
    assert_eq!(with(&format!("{}\n{SUPPORTED}", flow("a", 1, ""))), "outbound");
    assert_eq!(with(&format!("{}\nRequire: outbound", flow("a", 1, ""))), "outbound");
    let gruu_only = "Contact: <sip:a@10.0.0.2>;+sip.instance=\"<urn:uuid:a1>\"";
    assert_eq!(with(&format!("{gruu_only}\n{SUPPORTED}")), "");
    assert_eq!(with(SUPPORTED), "", "a question");
}

#[test]
fn a_reg_id_without_an_instance_or_of_no_number_is_ignored() {
    // tests rfc5626 §6, §10
    for params in [
        ";reg-id=1",
        ";reg-id=1;+sip.instance=\"\"",
        ";reg-id=1;+sip.instance=\"<>\"",
        ";+sip.instance=\"<urn:uuid:a1>\";reg-id=0",
        ";+sip.instance=\"<urn:uuid:a1>\";reg-id=x",
        ";+sip.instance=\"<urn:uuid:a1>\";reg-id",
        ";+sip.instance=\"<urn:uuid:a1>\";reg-id=4294967297",
    ] {
        let mut desk = Desk::new();
        let contact = format!("Contact: <sip:a@10.0.0.2>{params}");
        let response = desk.register("one", 1, &format!("{contact}\n{SUPPORTED}")).unwrap();
        assert!(required(&response).is_empty(), "{params}");
        assert!(!desk.bindings[0].is_outbound() && desk.bindings[0].reg_id().is_none(), "{params}");
        assert_eq!(listed(&response), [format!("<sip:a@10.0.0.2>{params};expires=3600")]);
    }
}

#[test]
fn a_flow_stands_beside_removals_only() {
    // tests rfc5626 §6
    let mut desk = Desk::new();
    desk.register("one", 1, "Contact: <sip:old@10.0.0.2>").unwrap();
    let mixed = format!("{}\nContact: <sip:b@10.0.0.2>\n{SUPPORTED}", flow("a", 1, ""));
    assert_eq!(desk.refusal("one", 2, &mixed), Reject::FlowBesideContacts);
    let two = format!("{}\n{}\n{SUPPORTED}", flow("a", 1, ""), flow("a", 2, ""));
    assert_eq!(desk.refusal("one", 3, &two), Reject::FlowBesideContacts);
    assert_eq!(Reject::FlowBesideContacts.into_reply("ours").status().as_u16(), 400);
    let removing = format!("{}\nContact: <sip:old@10.0.0.2>;expires=0\n{SUPPORTED}", flow("a", 1, ""));
    desk.register("one", 4, &removing).unwrap();
    assert_eq!(desk.contacts(), ["sip:a@10.0.0.2:5060"]);
}

#[test]
fn a_phone_that_learned_its_address_takes_back_the_old_contact_in_one_request() {
    // PJSIP sends both with the same instance and reg-id, the old one in either place.
    for old_first in [true, false] {
        let mut desk = Desk::new();
        desk.register("one", 1, &format!("{}\n{SUPPORTED}", flow("old", 1, ""))).unwrap();
        let (old, new) = (flow("old", 1, ";expires=0"), flow("new", 1, ""));
        let lines = if old_first { format!("{old}\n{new}") } else { format!("{new}\n{old}") };
        desk.register("one", 2, &format!("{lines}\n{SUPPORTED}")).unwrap();
        assert_eq!(desk.contacts(), ["sip:new@10.0.0.2:5060"], "{old_first}");
    }
}

/// A REGISTER that came through a proxy.
fn through_a_proxy(lines: &str) -> ruf_message::Request {
    let text = request("one", 1, lines).to_string();
    parse(&text.replacen("Via:", "Via: SIP/2.0/UDP edge.example;branch=z9hG4bKe\r\nVia:", 1))
}

#[test]
fn a_first_hop_that_does_not_keep_the_flow_gets_439() {
    // tests rfc5626 §6, §11.6
    let mut desk = Desk::new();
    let edge = "Path: <sip:t0ken@203.0.113.9;lr;ob>";
    let refused = Reject::FirstHopLacksOutbound;
    let contact = flow("a", 1, "");
    for path in ["", "Path: <sip:203.0.113.9;lr>"] {
        assert_eq!(
            desk.take(&through_a_proxy(&format!("{contact}\n{path}\n{SUPPORTED}"))).unwrap_err(),
            refused
        );
    }
    assert_eq!(Reject::FirstHopLacksOutbound.into_reply("ours").status().as_u16(), 439);
    // A phone that does not know outbound is not told: its reg-id is ignored.
    let response = desk.take(&through_a_proxy(&contact)).unwrap();
    assert!(required(&response).is_empty() && !desk.bindings[0].is_outbound());
    // An edge proxy that keeps the flow, and one behind it that need not.
    for path in [edge, "Path: <sip:203.0.113.9;lr>, <sip:t0ken@edge.example;lr;ob>"] {
        let mut desk = Desk::new();
        let response = desk.take(&through_a_proxy(&format!("{contact}\n{path}\n{SUPPORTED}"))).unwrap();
        assert_eq!(required(&response), ["outbound"]);
        assert!(desk.bindings[0].is_outbound());
    }
}

#[test]
fn a_connection_is_told_how_often_to_ping_and_udp_is_not() {
    // tests rfc5626 §5.4, §4.4.2
    let timer = |transport: Transport, request: &ruf_message::Request| {
        let mut desk = Desk::new();
        desk.flow.transport = transport;
        let response = desk.take(request).unwrap();
        response.raw(HeaderName::FlowTimer).next().map(|value| String::from_utf8(value.to_vec()).unwrap())
    };
    let lines = format!("{}\n{SUPPORTED}", flow("a", 1, ""));
    let direct = request("one", 1, &lines);
    assert_eq!(timer(Transport::Tls, &direct).as_deref(), Some("120"));
    assert_eq!(timer(Transport::Ws, &direct).as_deref(), Some("120"));
    assert_eq!(timer(Transport::Udp, &direct), None);
    assert_eq!(timer(Transport::Tcp, &request("one", 1, &flow("a", 1, ""))), None);
    let edge = through_a_proxy(&format!("{lines}\nPath: <sip:t0ken@203.0.113.9;lr;ob>"));
    assert_eq!(timer(Transport::Tcp, &edge), None, "the flow is the edge proxy's");
}

#[test]
fn without_a_timer_in_the_limits_no_phone_is_told_one() {
    // tests rfc5626 §5.4
    let mut desk = Desk::new();
    desk.flow.transport = Transport::Tls;
    desk.limits.flow_timer_secs = 0;
    let response = desk.register("one", 1, &format!("{}\n{SUPPORTED}", flow("a", 1, ""))).unwrap();
    assert_eq!(required(&response), ["outbound"]);
    assert!(!response.contains(HeaderName::FlowTimer), "0 would mean: all the time");
}

#[test]
fn older_requests_of_a_flow_are_refused() {
    // tests rfc3261 §10.3-21, rfc5626 §6
    let mut desk = Desk::new();
    desk.register("one", 5, &format!("{}\n{SUPPORTED}", flow("a", 1, ""))).unwrap();
    let late = desk.refusal("one", 5, &format!("{}\n{SUPPORTED}", flow("b", 1, "")));
    assert_eq!(late, Reject::OutOfOrder);
}

#[test]
fn an_instance_of_any_length_does_no_harm() {
    let mut desk = Desk::new();
    let long = flow("a", 1, "").replace("a1", &"a".repeat(247));
    assert_eq!(desk.refusal("one", 1, &long), Reject::ContactTooLarge);
    desk.register("one", 2, &flow("a", 1, "").replace("a1", &"a".repeat(246))).unwrap();
    assert_eq!(desk.bindings.len(), 1);
}
