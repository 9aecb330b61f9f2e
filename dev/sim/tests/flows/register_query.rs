//! Somebody asks where his phones are (RFC 3665 section 2.3).

use ruf_message::StatusCode;

use crate::stage::Stage;

const ASKING: &str = "192.0.2.30:5060";

#[test]
fn register_query() {
    // tests rfc3665 §2.3, rfc3261 §10.2.3
    let mut stage = Stage::asked_where_bob_is(ASKING);
    let server = stage.sim.server(stage.server).address();
    let request = format!(
        "REGISTER sip:example.org SIP/2.0\r\nVia: SIP/2.0/UDP {ASKING};branch=z9hG4bK-query\r\n\
         Max-Forwards: 70\r\nFrom: <sip:bob@example.org>;tag=q\r\nTo: <sip:bob@example.org>\r\n\
         Call-ID: query\r\nCSeq: 1 REGISTER\r\nContent-Length: 0\r\n\r\n"
    );
    stage.sim.say(stage.alice, server, request);
    let answer = stage.hears(StatusCode::OK);
    let listed: Vec<String> =
        answer.contacts().filter_map(|contact| Some(contact.address()?.uri.to_string())).collect();
    assert_eq!(listed, ["sip:bob@203.0.113.20:5060"]);
    assert_eq!(stage.sim.server(stage.server).bindings(), 1, "asking binds nothing");
    stage.expect(
        "register_query",
        "Where are my phones?
        A REGISTER without a Contact changes nothing; its answer lists all contacts of Bob. This server asks nobody for
        a password.",
        "q→s REGISTER | s→q 200 REGISTER",
    );
}
