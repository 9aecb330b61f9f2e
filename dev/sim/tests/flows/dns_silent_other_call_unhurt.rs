//! The name server of one domain never answers: a call there ends, and a call elsewhere does not notice.

use ruf_agent::{EndReason, Failure};
use ruf_message::StatusCode;

use crate::stage::Stage;

#[test]
fn dns_silent_other_call_unhurt() {
    // tests rfc3263 §4.1, §4.2
    let (mut stage, _) = Stage::far_away(true);
    stage.dial_uri(&"sip:bob@silent.example".parse().expect("a URI"));
    stage.pass_ms(200);
    stage.talk_to_carol();
    let refused = EndReason::Failed(Failure::Refused(StatusCode::SERVER_INTERNAL_ERROR));
    assert_eq!(stage.ended(stage.alice), refused);
    stage.expect(
        "dns_silent_other_call_unhurt",
        "A name server that never answers
        Alice calls a domain whose name server is silent, and another one meanwhile. The second call is
        set up at once; the first ends when NAPTR, SRV and addresses have been waited for, two seconds each.",
        "a→s INVITE | s→a 407 | a→s ACK | a→s INVITE | s→a 100 | a→s INVITE | s→a 407 | a→s ACK | a→s
         INVITE | s→a 100 | s→f INVITE | f→s 503 | s→f ACK | s→g INVITE | g→s 100 | g→c INVITE | c→g
         180 | g→s 180 | s→a 180 | c→g 200 INVITE | g→s 200 INVITE | s→a 200 INVITE | a→s ACK | s→g
         ACK | g→c ACK | c→g BYE | g→s BYE | s→a BYE | a→s 200 BYE | s→g 200 BYE | g→c 200 BYE | s→a
         500 | a→s ACK",
    );
}
