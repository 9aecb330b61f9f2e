//! A GRUU is called: its device answers, and no other does for one that is away. What is no GRUU is not
//! found.

use ruf_agent::{EndReason, Failure};
use ruf_message::StatusCode;
use ruf_sim::nat::Nat;

use crate::stage::{DEVICE, Stage};

#[test]
fn gruu_device_away() {
    // tests rfc5627 §6.1, §5.3
    let mut stage = Stage::with_device_behind(Nat::new([203, 0, 113, 20].into()));
    stage.register(stage.alice);
    stage.register(stage.bob);
    stage.begin();
    let gruu = |device: &str| format!("sip:bob@example.org;gr={device}").parse().expect("a URI");
    let refused = |status| EndReason::Failed(Failure::Refused(status));
    stage.dial_uri(&gruu(DEVICE));
    let ringing = stage.rings();
    stage.refuse_at(stage.bob, ringing, StatusCode::BUSY_HERE);
    assert_eq!(stage.ended(stage.alice), refused(StatusCode::BUSY_HERE));
    stage.dial_uri(&gruu("urn:uuid:0"));
    assert_eq!(stage.ended(stage.alice), refused(StatusCode::TEMPORARILY_UNAVAILABLE));
    stage.dial_uri(&"sip:tgruu.none@example.org;gr".parse().expect("a URI"));
    assert_eq!(stage.ended(stage.alice), refused(StatusCode::NOT_FOUND));
    stage.expect(
        "gruu_device_away",
        "A GRUU is called
        The device that it names answers. Another device of Bob's is away, and a made-up temporary GRUU is
        nobody's.",
        "a→s INVITE | s→a 407 | a→s ACK | a→s INVITE | s→a 100 | s→b INVITE | b→s 180 | b→s 486 |
         s→a 180 | s→b ACK | s→a 486 | a→s ACK | a→s INVITE | s→a 407 | a→s ACK | a→s INVITE |
         s→a 480 | a→s ACK | a→s INVITE | s→a 407 | a→s ACK | a→s INVITE | s→a 404 | a→s ACK",
    );
}
