//! The server crashes and starts again during a call with a phone whose Contact is its GRUU: who is
//! behind it is on the disk, and each side's BYE arrives.

use ruf_agent::{CallKey, EndReason};
use ruf_sim::HostId;

use crate::stage::Stage;

/// The two talk, the server crashes, starts again, and somebody hangs up.
fn hung_up(by: impl FnOnce(&Stage, CallKey, CallKey) -> (HostId, CallKey, HostId)) -> Stage {
    let mut stage = Stage::with_device();
    stage.register(stage.alice);
    stage.register(stage.bob);
    stage.begin();
    let (alice, bob) = stage.talk();
    stage.pass_ms(1_000);
    stage.sim.crash(stage.server);
    stage.pass_ms(2_000);
    stage.sim.restart(stage.server);
    assert_eq!(stage.sim.server(stage.server).bindings(), 2, "the disk has both");
    let (first, call, second) = by(&stage, alice, bob);
    stage.hang_up(first, call);
    assert_eq!(stage.ended(second), EndReason::RemoteHungUp);
    assert_eq!(stage.ended(first), EndReason::HungUp);
    stage
}

#[test]
fn gruu_call_after_restart() {
    // tests rfc5627 §6.1
    let stage = hung_up(|stage, alice, _| (stage.alice, alice, stage.bob));
    stage.expect(
        "gruu_call_after_restart",
        "The server restarts during a call of a phone with a GRUU
        Bob's Contact is his public GRUU, so a BYE to it asks who is behind it: the disk has his binding.
        The token in the route is enough for a BYE of his own.",
        "a→s INVITE | s→a 407 | a→s ACK | a→s INVITE | s→a 100 | s→b INVITE | b→s 180 | s→a 180 |
         b→s 200 INVITE | s→a 200 INVITE | a→s ACK | s→b ACK | a→s BYE | s→b BYE | b→s 200 BYE |
         s→a 200 BYE",
    );
}

#[test]
fn the_phone_with_the_gruu_hangs_up_after_the_restart() {
    hung_up(|stage, _, bob| (stage.bob, bob, stage.alice));
}
