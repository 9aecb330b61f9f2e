//! Phones that take connections where they registered from.
#![allow(clippy::unwrap_used)]

mod desk;

use desk::{Desk, parse, request};
use ruf_admission::Listener;
use ruf_message::{Flow, Transport};

/// A desk that is registered at over TCP, from this address.
fn desk(from: &str) -> Desk {
    let mut desk = Desk::new();
    desk.flow = Flow { transport: Transport::Tcp, remote: from.parse().unwrap(), connection: 7, ..desk.flow };
    desk
}

/// Where a phone that registers so may be connected to.
fn there(desk: &mut Desk, lines: &str) -> Option<String> {
    desk.register("one", 1, lines).unwrap();
    let there = desk.bindings.first().unwrap().listens_at(&desk.ourselves);
    there.map(|address| address.to_string())
}

fn of(from: &str, contact: &str) -> Option<String> {
    there(&mut desk(from), &format!("Contact: <{contact}>"))
}

#[test]
fn it_is_the_address_that_the_register_came_from_and_the_port_of_the_contact() {
    // tests rfc3261 §10.2.1
    let v4 = "203.0.113.9:40000";
    assert_eq!(of(v4, "sip:a@203.0.113.9:5080;transport=tcp").as_deref(), Some("203.0.113.9:5080"));
    assert_eq!(of(v4, "sip:a@203.0.113.9;transport=TCP").as_deref(), Some("203.0.113.9:5060"));
    assert!(of("[::ffff:203.0.113.9]:4", "sip:a@203.0.113.9;transport=tcp").is_some());
    let v6 = "[2001:db8::9]:40000";
    assert_eq!(of(v6, "sip:a@[2001:db8:0::9]:5080;transport=tcp").as_deref(), Some("[2001:db8::9]:5080"));
}

#[test]
fn over_tls_it_is_the_same() {
    // tests rfc3261 §26.2.2
    let of = |uri: &str| {
        let mut desk = desk("203.0.113.9:40000");
        desk.flow.transport = Transport::Tls;
        let register = request("one", 1, &format!("Contact: <{uri}>")).to_string();
        let scheme = uri.split_once(':').unwrap().0;
        let register = register.replace("REGISTER sip:", &format!("REGISTER {scheme}:"));
        desk.take(&parse(&register)).unwrap();
        desk.bindings[0].listens_at(&desk.ourselves).map(|address| address.to_string())
    };
    let there = Some("203.0.113.9:5061".to_owned());
    assert_eq!(of("sip:a@203.0.113.9;transport=tls"), there);
    assert_eq!(of("sips:a@203.0.113.9"), there);
    assert_eq!(of("sips:a@203.0.113.9;transport=tcp"), there);
    for contact in ["sip:a@203.0.113.9;transport=tcp", "sip:a@203.0.113.9", "sips:a@203.0.113.9;transport=ws"]
    {
        assert_eq!(of(contact), None, "{contact}");
    }
}

#[test]
fn no_other_host_is_ever_connected_to() {
    let from = "203.0.113.9:40000";
    for contact in [
        "sip:a@10.0.0.2:5080;transport=tcp",
        "sip:a@127.0.0.1:5080;transport=tcp",
        "sip:a@phone.example:5080;transport=tcp",
        "sip:a@203.0.113.9:5080;maddr=10.0.0.2;transport=tcp",
        "sip:a@203.0.113.9:5080",
        "sip:a@203.0.113.9:5080;transport=udp",
        "sip:a@203.0.113.9:5080;transport=tls",
        "sip:a@203.0.113.9:5080;transport=ws",
    ] {
        assert_eq!(of(from, contact), None, "{contact}");
    }
    let mut desk = desk("192.0.2.1:40000");
    desk.ourselves.listeners.push(Listener::new(Transport::Tcp, "192.0.2.1:5080".parse().unwrap()));
    assert_eq!(there(&mut desk, "Contact: <sip:a@192.0.2.1:5080;transport=tcp>"), None, "that is us");
}

#[test]
fn other_transports_kept_flows_and_proxies_lead_by_their_flow_alone() {
    // tests rfc5626 §5.3
    let contact = "Contact: <sip:a@203.0.113.9:5080;transport=tcp>";
    for transport in [Transport::Udp, Transport::Tls, Transport::Ws, Transport::Wss] {
        let mut desk = desk("203.0.113.9:40000");
        desk.flow.transport = transport;
        assert_eq!(there(&mut desk, contact), None, "{transport}");
    }
    let from = "203.0.113.9:40000";
    let instance = ";+sip.instance=\"<urn:uuid:a1>\"";
    assert!(there(&mut desk(from), &format!("{contact}{instance}")).is_some());
    assert_eq!(there(&mut desk(from), &format!("{contact}{instance};reg-id=1")), None);
    let path = "Path: <sip:203.0.113.9;lr>\nSupported: path";
    assert_eq!(there(&mut desk(from), &format!("{contact}\n{path}")), None);
}

#[test]
fn a_binding_by_another_flow_differs_in_nothing_else() {
    let mut desk = desk("203.0.113.9:40000");
    let contact = "Contact: <sip:a@203.0.113.9:5080;transport=tcp>;q=0.5;+sip.instance=\"<urn:uuid:a1>\"";
    desk.register("one", 1, &format!("{contact}\nUser-Agent: desk\nSupported: gruu")).unwrap();
    let before = desk.bindings[0].clone();
    assert!(before.run().is_some());
    let longer = Flow { remote: "[2001:db8::9]:1".parse().unwrap(), connection: 8, ..desk.flow };
    let after = before.by_flow(&longer);
    assert_eq!(after.flow(), longer);
    assert_ne!(after, before);
    assert_eq!(after.by_flow(&before.flow()), before);
    assert_eq!(
        (after.contact(), after.call_id(), after.run()),
        (before.contact(), before.call_id(), before.run())
    );
    assert_eq!((after.params(), after.user_agent()), (before.params(), before.user_agent()));
}
