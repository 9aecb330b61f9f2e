//! Who is called is at a name that stands for two places, and the first serves no more: the call goes to the second
//! (RFC 3263 section 4.3).

use ruf_agent::EndReason;
use ruf_message::{Flow, Method, StatusCode, Uri};

use crate::stage::{Stage, sdp};

#[test]
fn failover_of_a_call() {
    // tests rfc3263 §4.3, rfc3261 §8.1.2
    let mut stage = Stage::alone();
    let first = stage.sim.add_foreign("first", "203.0.113.21:5060");
    let second = stage.sim.add_foreign("good", "203.0.113.22:5060");
    stage.sim.name_places("home.example", &["203.0.113.21:5060", "203.0.113.22:5060"]);
    let carol: Uri = "sip:carol@home.example".parse().expect("a URI");
    let remote = "203.0.113.21:5060".parse().expect("an address");
    let call = stage.phone(stage.alice, |agent, now| {
        agent.aim(Flow { remote, ..agent.way_out() });
        agent.call(now, &carol, Some(sdp("alice"))).expect("room")
    });
    stage.replies(first, Method::Invite, StatusCode::SERVICE_UNAVAILABLE);
    stage.replies(second, Method::Invite, StatusCode::OK);
    stage.hears_answer();
    stage.hang_up(stage.alice, call);
    stage.replies(second, Method::Bye, StatusCode::OK);
    assert_eq!(stage.ended(stage.alice), EndReason::HungUp);
    stage.expect(
        "failover_of_a_call",
        "The server of who is called is overloaded
        The name has two places. The first answers the INVITE with 503, the second takes it: the same request, in a
        transaction of its own.",
        "a→f INVITE | f→a 503 | a→f ACK | a→g INVITE | g→a 200 INVITE | a→g ACK | a→g BYE | g→a 200 BYE",
    );
}
