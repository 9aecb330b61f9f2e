//! The first server of a domain is silent: the call goes on to the second after four seconds, the next call at once.

use crate::stage::Stage;

#[test]
fn failover_silence() {
    // tests rfc3263 §4.3
    let (mut stage, first) = Stage::far_away(false);
    stage.sim.crash(first);
    stage.talk_to_carol();
    stage.pass_ms(1_000);
    stage.talk_to_carol();
    stage.expect(
        "failover_silence",
        "The first server of a domain is silent
        After four seconds without any response the next server is tried beside it. For half a minute it is
        remembered: the second call goes to the other one at once.",
        "a→s INVITE | s→a 407 | a→s ACK | a→s INVITE | s→a 100 | s→f INVITE✗ | s→f INVITE✗ | s→f
         INVITE✗ | s→f INVITE✗ | s→g INVITE | g→s 100 | g→c INVITE | c→g 180 | g→s 180 | s→a 180 |
         c→g 200 INVITE | g→s 200 INVITE | s→a 200 INVITE | a→s ACK | s→g ACK | g→c ACK | c→g BYE |
         g→s BYE | s→a BYE | a→s 200 BYE | s→g 200 BYE | g→c 200 BYE | a→s INVITE | s→a 407 | a→s ACK
         | a→s INVITE | s→a 100 | s→g INVITE | g→s 100 | g→c INVITE | c→g 180 | g→s 180 | s→a 180 |
         c→g 200 INVITE | g→s 200 INVITE | s→a 200 INVITE | a→s ACK | s→g ACK | g→c ACK | c→g BYE |
         g→s BYE | s→a BYE | a→s 200 BYE | s→g 200 BYE | g→c 200 BYE | s→f INVITE✗ | s→f INVITE✗ |
         s→f INVITE✗",
    );
}
