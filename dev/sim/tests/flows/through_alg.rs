//! A call through a gateway that is none of ours and puts itself into the way of the sound (RFC 3665 section 3.5).

use std::net::SocketAddr;

use ruf_agent::{Body, EndReason};
use ruf_message::{Fields, Message, Method, StatusCode};
use ruf_sim::HostId;

use crate::stage::{Stage, uri};

const GATEWAY: &str = "192.0.2.128:5060";
/// Where it takes sound for each side.
const FOR_ALICE: &str = "c=IN IP4 192.0.2.128\r\nt=0 0\r\nm=audio 1000 ";
const FOR_BOB: &str = "c=IN IP4 192.0.2.128\r\nt=0 0\r\nm=audio 2000 ";
const ALICES: &str = "c=IN IP4 192.0.2.10\r\nt=0 0\r\nm=audio 49172 ";
const BOBS: &str = "c=IN IP4 203.0.113.20\r\nt=0 0\r\nm=audio 3456 ";

#[test]
fn through_alg() {
    // tests rfc3665 §3.5
    let (mut stage, gateway) = Stage::behind_gateway(GATEWAY);
    let described =
        |place: &str| Body::sdp(format!("v=0\r\no=- 1 1 IN IP4 host.invalid\r\ns=-\r\n{place}RTP/AVP 0\r\n"));
    let alice = stage.phone(stage.alice, |agent, now| {
        agent.call(now, &uri("bob"), Some(described(ALICES))).expect("room")
    });
    passes(&mut stage, gateway, "INVITE");
    let bob = stage.rings();
    assert!(stage.last_to(stage.bob).contains(FOR_BOB), "Bob's phone sends sound to the gateway");
    passes(&mut stage, gateway, "100");
    passes(&mut stage, gateway, "180");
    stage.hears_ringing();
    stage.phone(stage.bob, |agent, now| agent.answer(now, bob, Some(described(BOBS))));
    passes(&mut stage, gateway, "200");
    stage.hears_answer();
    assert!(stage.last_to(stage.alice).contains(FOR_ALICE), "and so does Alice's");
    passes(&mut stage, gateway, "ACK");
    stage.is_acknowledged();
    stage.hang_up(stage.alice, alice);
    passes(&mut stage, gateway, "BYE");
    passes(&mut stage, gateway, "200");
    assert_eq!(stage.ended(stage.alice), EndReason::HungUp);
    assert_eq!(stage.ended(stage.bob), EndReason::RemoteHungUp);
    stage.expect(
        "through_alg",
        "Through a gateway
        Alice's calls leave through a gateway (g), which is none of ours: it records its route and changes the
        descriptions, so that the sound of both sides goes to it. The server changes none, and records its own route,
        which the RFC's proxy does not.",
        "a→g INVITE | g→a 100 | g→s INVITE | s→g 100 | s→b INVITE | b→s 180 | s→g 180 | g→a 180 | b→s 200 INVITE |
         s→g 200 INVITE | g→a 200 INVITE | a→g ACK | g→s ACK | s→b ACK | a→g BYE | g→s BYE | s→b BYE | b→s 200 BYE |
         s→g 200 BYE | g→a 200 BYE",
    );
}

/// The gateway passes on what comes next to it, which is this.
fn passes(stage: &mut Stage, gateway: HostId, wanted: &str) {
    let server = stage.sim.server(stage.server).address();
    let message = loop {
        match stage.sim.heard(gateway) {
            Some(message) => break message,
            None => assert!(stage.sim.step(), "the gateway waits in vain for {wanted}"),
        }
    };
    match message {
        Message::Request(mut request) => {
            assert_eq!(request.method().as_str(), wanted);
            let back = from(&request);
            if request.method() == Method::Invite {
                stage.sim.say(gateway, back, request.reply(StatusCode::TRYING).to_string());
                request.push_record_route(format!("<sip:{GATEWAY};lr>"));
                describe(&mut request, ALICES, FOR_BOB);
            } else {
                assert!(request.pop_route(), "it recorded its route");
            }
            request.set_max_forwards(request.max_forwards().unwrap_or(70) - 1);
            request.push_via(format!("SIP/2.0/UDP {GATEWAY};branch=z9hG4bK-of-{wanted}"));
            stage.sim.say(gateway, server, request.to_string());
        }
        Message::Response(mut response) => {
            assert_eq!(response.status().as_u16().to_string(), wanted);
            // Its own 100 went out before.
            if response.status() != StatusCode::TRYING {
                response.pop_via();
                describe(&mut response, BOBS, FOR_ALICE);
                let back = from(&response);
                stage.sim.say(gateway, back, response.to_string());
            }
        }
    }
}

/// Where the sender of a request is, and its answers go.
fn from(message: &Fields) -> SocketAddr {
    let via = message.via();
    (via.host().ip().expect("an address"), via.port_or_default()).into()
}

fn describe(message: &mut Fields, theirs: &str, ours: &str) {
    let body = String::from_utf8_lossy(message.body()).replace(theirs, ours);
    if !body.is_empty() {
        message.set_body("application/sdp", body);
    }
}
