//! The first server of a domain is overloaded: the call goes on to the second.

use crate::stage::Stage;

#[test]
fn failover_503() {
    // tests rfc3263 §4.3
    let (mut stage, _) = Stage::far_away(true);
    stage.talk_to_carol();
    stage.expect(
        "failover_503",
        "The first server of a domain is overloaded
        A 503 is followed by the next server at once, with a new branch.",
        "a→s INVITE | s→a 407 | a→s ACK | a→s INVITE | s→a 100 | s→f INVITE | f→s 503 | s→f ACK | s→g
         INVITE | g→s 100 | g→c INVITE | c→g 180 | g→s 180 | s→a 180 | c→g 200 INVITE | g→s 200
         INVITE | s→a 200 INVITE | a→s ACK | s→g ACK | g→c ACK | c→g BYE | g→s BYE | s→a BYE | a→s
         200 BYE | s→g 200 BYE | g→c 200 BYE",
    );
}
