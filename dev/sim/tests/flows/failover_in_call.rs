//! The phone that is called gives a name that stands for two places, and the first serves no more: what is said within
//! the call goes to the second (RFC 3263 section 4.3).

use ruf_agent::EndReason;
use ruf_message::{Method, StatusCode};

use crate::stage::{Stage, sdp};

#[test]
fn failover_in_call() {
    // tests rfc3263 §4.3, rfc3261 §12.2.1.1
    let mut stage = Stage::alone();
    let first = stage.sim.add_foreign("first", "203.0.113.21:5060");
    let second = stage.sim.add_foreign("good", "203.0.113.22:5060");
    stage.sim.name_places("home.example", &["203.0.113.21:5060", "203.0.113.22:5060"]);
    let call = stage.dial_at(&"sip:carol@203.0.113.21".parse().expect("a URI"), Some(sdp("alice")));
    stage.replies(first, Method::Invite, StatusCode::OK);
    stage.hears_answer();
    stage.hang_up(stage.alice, call);
    stage.replies(first, Method::Bye, StatusCode::SERVICE_UNAVAILABLE);
    stage.replies(second, Method::Bye, StatusCode::OK);
    assert_eq!(stage.ended(stage.alice), EndReason::HungUp);
    stage.expect(
        "failover_in_call",
        "The far side moves to another server during a call
        Its Contact is a name with two places. The first answers the BYE with 503, the second takes it.",
        "a→f INVITE | f→a 200 INVITE | a→f ACK | a→f BYE | f→a 503 | a→g BYE | g→a 200 BYE",
    );
}
