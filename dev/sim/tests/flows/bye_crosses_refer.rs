//! One hangs up while the other sends the call on (RFC 5407 section 3.3.3).

use crate::stage::{Stage, uri};

#[test]
fn bye_crosses_refer() {
    // tests rfc5407 §3.3.3, rfc3515 §2.4.4
    let mut stage = Stage::registered();
    let (alice, bob) = stage.talk();
    stage.begin();
    stage.hang_up(stage.alice, alice);
    stage.phone(stage.bob, |agent, now| agent.transfer(now, bob, &uri("carol")));
    stage.ended(stage.bob);
    stage.ended(stage.alice);
    stage.expect(
        "bye_crosses_refer",
        "Hung up while the other sends it on
        For Alice the call is over: she is sent nowhere any more.",
        "a→s BYE | b→s REFER | s→b BYE | s→a REFER | b→s 200 BYE | a→s 481 | s→a 200 BYE | s→b 481",
    );
}
