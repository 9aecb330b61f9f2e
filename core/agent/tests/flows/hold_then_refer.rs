//! baresip sends a hold and a REFER back to back: the hold is accepted, the REFER waits for the user, who
//! refuses; the call stands.

use crate::stage::Stage;
use ruf_agent::{AgentEvent, EndReason};
use ruf_message::{Message, StatusCode};
use std::time::Duration;

#[test]
fn the_hold_is_200_and_the_refer_603() {
    // tests rfc3515 §2.4.2, rfc3261 §12.2.2, §14.2
    let mut stage = Stage::new();
    let talk = stage.talk();
    let call = talk.call;
    stage.give_text(&talk.request("INVITE", 1, "Content-Type: application/sdp\n\na=sendonly"));
    stage.give_text(&talk.request("REFER", 2, "Refer-To: <sip:carol@example.org>\n"));
    let hold = stage.response();
    assert_eq!((hold.status(), hold.cseq().method), (StatusCode::OK, &b"INVITE"[..]));
    stage.agent.refuse_referral(stage.now, call);
    let refer = stage.response();
    assert_eq!((refer.status(), refer.cseq().method), (StatusCode::DECLINE, &b"REFER"[..]));
    stage.give_text(&talk.request("ACK", 1, ""));
    // Out of order now.
    stage.give_text(&talk.request("BYE", 0, ""));
    assert_eq!(stage.response().status(), StatusCode::SERVER_INTERNAL_ERROR);
    stage.give_text(&talk.request("BYE", 3, ""));
    assert!(matches!(&stage.sent()[..], [Message::Response(ok)] if ok.status() == StatusCode::OK));
    let told = stage.events();
    let end = AgentEvent::Ended { call, reason: EndReason::RemoteHungUp };
    assert!(
        matches!(
            &told[..],
            [AgentEvent::Reinvited { .. }, AgentEvent::Referred { .. }, AgentEvent::Acknowledged { .. }, last]
                if *last == end
        ),
        "{told:?}"
    );
    stage.run(Duration::from_secs(64));
    assert!(stage.agent.is_idle(), "{:?}", stage.agent.counts());
}
