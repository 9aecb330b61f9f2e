//! Bob's phone sends Alice on to Carol (RFC 3261 section 21.3.3): the server passes it up, her phone calls there.

use ruf_agent::DiversionReason;
use ruf_message::HeaderName;

use crate::stage::{Stage, uri};

#[test]
fn redirect_302() {
    // tests rfc3261 §8.1.3.4, rfc3261 §21.3.3, rfc5806 §6.1.2, rfc7044 §7, §9.4
    let (mut stage, carol) = Stage::with_carol();
    let call = stage.dial("bob");
    let forwarded = stage.is_called(stage.bob);
    stage.sends_on(stage.bob, forwarded, &uri("carol"), DiversionReason::Unconditional);
    let (there, diverted) = stage.rings_for(carol);
    assert_eq!(diverted, (uri("bob"), DiversionReason::Unconditional));
    let history = [
        "<sip:bob@example.org?Reason=SIP%3Bcause%3D302>;index=1",
        "<sip:bob@203.0.113.20:5060>;index=1.1;rc=1",
        "<sip:carol@example.org>;index=2;mp=1.1",
        "<sip:carol@203.0.113.40:5060>;index=2.1;rc=2",
    ];
    assert_eq!(stage.received(carol, HeaderName::HistoryInfo), history);
    stage.answer_at(carol, there);
    stage.hears_answer();
    stage.is_acknowledged_at(carol);
    stage.hang_up(stage.alice, call);
    stage.ended(carol);
    stage.expect(
        "redirect_302",
        "Forwarded by the phone
        Bob's phone answers with another address, and why. The server passes that up, and Alice's phone calls there; Carol's
        learns for whom the call was (Diversion), and where it has been (History-Info).",
        "a→s INVITE | s→a 407 | a→s ACK | a→s INVITE | s→a 100 | s→b INVITE | b→s 302 | s→b ACK |
         s→a 302 | a→s ACK | a→s INVITE | s→a 100 | s→c INVITE | c→s 180 | c→s 200 INVITE |
         s→a 180 | s→a 200 INVITE | a→s ACK | s→c ACK | a→s BYE | s→c BYE | c→s 200 BYE |
         s→a 200 BYE",
    );
}
