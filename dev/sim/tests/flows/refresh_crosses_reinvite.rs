//! A sign of life crosses a change of the session (RFC 5407 section 3.3.2).

use crate::stage::Stage;

#[test]
fn refresh_crosses_reinvite() {
    // tests rfc5407 §3.3.2, rfc4028 §7.2
    let mut stage = Stage::registered();
    let (alice, bob) = stage.talk();
    stage.begin();
    // Half of half an hour, since the answer came.
    let due = |stage: &mut Stage| stage.phone(stage.alice, |agent, _| agent.poll_deadline());
    // Transactions end first.
    stage.pass_ms(60_000);
    let refresh = due(&mut stage).expect("a session timer");
    stage.sim.advance(refresh);
    stage.modify(stage.bob, bob, "held");
    stage.pass_ms(1_000);
    stage.hang_up(stage.alice, alice);
    stage.ended(stage.bob);
    stage.expect(
        "refresh_crosses_reinvite",
        "A sign of life crosses a change
        Alice's UPDATE describes nothing, so it is in nobody's way: both are answered 200.",
        "b→s INVITE | a→s UPDATE | s→b 100 | s→a INVITE | s→b UPDATE | a→s 200 INVITE |
         b→s 200 UPDATE | s→b 200 INVITE | s→a 200 UPDATE | b→s ACK | s→a ACK | a→s BYE | s→b BYE |
         b→s 200 BYE | s→a 200 BYE",
    );
}
