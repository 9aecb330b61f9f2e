//! Path (RFC 3327 §5.3), and `sips:` contacts (RFC 5630 §5.2).
#![allow(clippy::unwrap_used)]

mod desk;

use desk::{Desk, parse, request};
use ruf_message::{HeaderName, Response, Transport};
use ruf_registrar_core::Reject;

const A: &str = "Contact: <sip:a@10.0.0.2>\nSupported: path";

fn refused(reject: Reject) -> Response {
    desk::response(&reject.into_reply("ours"), &request("x", 1, ""))
}

#[test]
fn a_path_is_kept_in_its_order_and_comes_back() {
    // tests rfc3327 §5.3
    let mut desk = Desk::new();
    let lines = format!(
        "{A}\nPath: <sip:203.0.113.9:5060;lr>\nPath: \"E\" <sip:edge.example;lr> , <sips:c.example;lr>"
    );
    let response = desk.register("one", 1, &lines).unwrap();
    let path: Vec<&[u8]> = response.values(HeaderName::Path).collect();
    assert_eq!(
        path,
        [&b"<sip:203.0.113.9:5060;lr>"[..], b"\"E\" <sip:edge.example;lr>", b"<sips:c.example;lr>"]
    );
    assert_eq!(
        desk.bindings[0].path(),
        b"<sip:203.0.113.9:5060;lr>, \"E\" <sip:edge.example;lr>, <sips:c.example;lr>"
    );
    let routes: Vec<String> = desk.bindings[0].routes().map(|hop| hop.to_string()).collect();
    assert_eq!(routes, ["sip:203.0.113.9:5060;lr", "sip:edge.example;lr", "sips:c.example;lr"]);
    assert!(!desk.register("one", 2, A).unwrap().contains(HeaderName::Path));
    assert_eq!(desk.bindings[0].path(), b"", "the newest REGISTER says all");
}

#[test]
fn a_path_that_the_phone_does_not_know_of_is_420() {
    // tests rfc3327 §5.3
    let mut desk = Desk::new();
    let lines = "Contact: <sip:a@10.0.0.2>\nPath: <sip:203.0.113.9;lr>";
    assert_eq!(desk.refusal("one", 1, lines), Reject::PathNotSupported);
    let response = refused(Reject::PathNotSupported);
    assert_eq!(response.status().as_u16(), 420);
    assert_eq!(response.raw(HeaderName::Unsupported).next(), Some(&b"path"[..]));
    assert!(desk.register("one", 1, &format!("{lines}\nRequire: path")).is_ok());
}

#[test]
fn a_path_to_anywhere_but_the_peer_is_refused() {
    let mut desk = Desk::new();
    for elsewhere in
        ["<sip:10.1.2.3;lr>", "<sip:[2001:db8::1];lr>", "<sip:a.example;lr>", "<sip:127.0.0.1:25>"]
    {
        let refused = desk.refusal("one", 1, &format!("{A}\nPath: {elsewhere}, <sip:203.0.113.9;lr>"));
        assert_eq!(refused, Reject::PathElsewhere, "{elsewhere}");
    }
    assert_eq!(refused(Reject::PathElsewhere).status().as_u16(), 403);
    // A name may be the peer's, and the flow is the way whatever it is.
    desk.register("one", 1, &format!("{A}\nPath: <sip:trunk.example;lr>")).unwrap();
    assert_eq!(desk.bindings[0].flow(), desk.flow);
}

#[test]
fn an_edge_proxy_on_our_host_is_no_ghost_of_ourselves() {
    let mut desk = Desk::new();
    desk.flow.remote = "192.0.2.1:5080".parse().unwrap();
    assert!(desk.register("one", 1, &format!("{A}\nPath: <sip:192.0.2.1:5080;lr>")).is_ok());
    let ourselves = desk.refusal("two", 1, &format!("{A}\nPath: <sip:192.0.2.1:5060;lr>"));
    assert_eq!(ourselves, Reject::PathElsewhere);
}

#[test]
fn an_edge_proxy_that_sends_from_another_port_is_reached_where_it_listens() {
    let mut desk = Desk::new();
    desk.register("one", 1, &format!("{A}\nPath: <sip:203.0.113.9:5060;lr>")).unwrap();
    assert_eq!(desk.bindings[0].flow().remote.to_string(), "203.0.113.9:5060");
    assert!(!desk.bindings[0].is_translated());
}

#[test]
fn what_is_no_path_is_400() {
    // tests rfc3327 §5.3
    let mut desk = Desk::new();
    for bad in ["<tel:+1>", "no path", "<sip:203.0.113.9;lr>, <mailto:a@b>"] {
        assert_eq!(desk.refusal("one", 1, &format!("{A}\nPath: {bad}")), Reject::BadPath, "{bad}");
    }
    assert_eq!(refused(Reject::BadPath).status().as_u16(), 400);
}

#[test]
fn a_sips_contact_needs_sips_all_the_way_and_tls() {
    // tests rfc5630 §5.2, rfc3261 §26.2.2
    let take = |transport: Transport, uri: &str, path: &str| {
        let mut desk = Desk::new();
        desk.flow.transport = transport;
        let lines = format!("Contact: <sips:a@10.0.0.2>\nSupported: path\n{path}");
        let text = request("one", 1, &lines).to_string().replacen("REGISTER sip:", uri, 1);
        desk.take(&parse(&text)).map(|_| ())
    };
    let (sip, sips) = ("REGISTER sip:", "REGISTER sips:");
    let path = |scheme: &str| format!("Path: <sips:203.0.113.9;lr>, <{scheme}:edge.example;lr>");
    assert_eq!(take(Transport::Tls, sips, ""), Ok(()));
    assert_eq!(take(Transport::Wss, sips, &path("sips")), Ok(()));
    assert_eq!(take(Transport::Tls, sip, ""), Err(Reject::SipsBesideSip));
    assert_eq!(take(Transport::Tls, sips, &path("sip")), Err(Reject::SipsBesideSip));
    assert_eq!(take(Transport::Tcp, sips, ""), Err(Reject::SipsWithoutTls));
    assert_eq!(refused(Reject::SipsBesideSip).status().as_u16(), 400);
    assert_eq!(refused(Reject::SipsWithoutTls).status().as_u16(), 403);
}

#[test]
fn an_address_of_record_has_no_scheme() {
    // tests rfc5630 §5.2
    let mut desk = Desk::new();
    desk.flow.transport = Transport::Tls;
    desk.register("one", 1, "Contact: <sip:a@10.0.0.2>").unwrap();
    let text = request("two", 1, "Contact: <sips:a@10.0.0.2>").to_string();
    let secure = text.replacen("REGISTER sip:", "REGISTER sips:", 1).replace("To: <sip:", "To: <sips:");
    desk.take(&parse(&secure)).unwrap();
    assert_eq!(desk.bindings.len(), 2);
}
