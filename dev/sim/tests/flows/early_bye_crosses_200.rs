//! The caller ends the early dialog by BYE, and the BYE crosses the answer (RFC 5407 section 3.1.3).

use ruf_agent::EndReason;
use ruf_message::StatusCode;

use crate::stage::Stage;

const ALICE: &str = "192.0.2.10:5060";

#[test]
fn early_bye_crosses_200() {
    // tests rfc5407 §3.1.3, rfc3261 §15
    let mut stage = Stage::alone_with_foreign(ALICE);
    stage.says(request("INVITE", 1, ""));
    let bob = stage.rings();
    let ringing = stage.hears(StatusCode::RINGING);
    let tag = format!(";tag={}", String::from_utf8_lossy(ringing.to_tag().expect("a tag")));
    stage.answer(bob);
    stage.says(request("BYE", 2, &tag));
    stage.hears(StatusCode::OK);
    stage.says(request("ACK", 1, &tag));
    assert_eq!(stage.ended(stage.bob), EndReason::RemoteHungUp);
    stage.expect(
        "early_bye_crosses_200",
        "The early dialog is ended by BYE, which crosses the answer
        Our own phones send CANCEL before the answer, which ends all early dialogs of a call. Alice's is another's: its
        BYE is meant for this one, and ends it all the same.",
        "a→b INVITE | b→a 180 | b→a 200 INVITE | a→b BYE | a→b ACK | b→a 200 BYE",
    );
}

/// A request of Alice's phone, which is none of ours.
fn request(method: &str, cseq: u32, tag: &str) -> String {
    format!(
        "{method} sip:bob@203.0.113.20 SIP/2.0\r\nVia: SIP/2.0/UDP {ALICE};branch=z9hG4bK-{method}\r\n\
         Max-Forwards: 70\r\nFrom: <sip:alice@192.0.2.10>;tag=a\r\nTo: <sip:bob@203.0.113.20>{tag}\r\n\
         Call-ID: of-alice\r\nCSeq: {cseq} {method}\r\nContact: <sip:alice@{ALICE}>\r\nContent-Length: 0\r\n\r\n"
    )
}
