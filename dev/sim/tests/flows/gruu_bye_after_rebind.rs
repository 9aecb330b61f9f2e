//! A phone behind a translator moves to another port in the middle of a call: what is sent to its GRUU
//! finds it, though the token in the route names the old port.

use ruf_agent::EndReason;
use ruf_sim::nat::Nat;

use crate::stage::Stage;

#[test]
fn gruu_bye_after_rebind() {
    // tests rfc5627 §6.1
    let mut stage = Stage::with_device_behind(Nat::new([203, 0, 113, 20].into()));
    stage.register(stage.alice);
    stage.register(stage.bob);
    stage.begin();
    let (call, _) = stage.talk();
    stage.sim.rebind(stage.bob);
    stage.register(stage.bob);
    // The ACK of the change has no transaction, and finds him too.
    stage.modify(stage.alice, call, "alice");
    stage.is_modified(stage.alice);
    stage.pass_ms(1_000);
    stage.hang_up(stage.alice, call);
    assert_eq!(stage.ended(stage.bob), EndReason::RemoteHungUp);
    assert_eq!(stage.ended(stage.alice), EndReason::HungUp);
    stage.expect(
        "gruu_bye_after_rebind",
        "A phone with a GRUU moves during a call
        Bob's translator forgets him, and he registers again from another port. His Contact is his public
        GRUU: INVITE, ACK and BYE go to his binding, not to the flow that the route names.",
        "a→s INVITE | s→a 407 | a→s ACK | a→s INVITE | s→a 100 | s→b INVITE | b→s 180 | s→a 180 |
         b→s 200 INVITE | s→a 200 INVITE | a→s ACK | s→b ACK | b→s REGISTER | s→b 200 REGISTER |
         a→s INVITE | s→a 100 | s→b INVITE | b→s 200 INVITE | s→a 200 INVITE | a→s ACK | s→b ACK |
         a→s BYE | s→b BYE | b→s 200 BYE | s→a 200 BYE",
    );
}
