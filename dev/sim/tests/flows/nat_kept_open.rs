//! The translator forgets what is idle for 30 seconds, and the server pings every 25: the phone can still
//! be called after ten minutes.

use std::time::Duration;

use ruf_agent::EndReason;
use ruf_sim::nat::Nat;

use crate::stage::Stage;

#[test]
fn nat_kept_open() {
    // tests rfc5626 §4.4.2
    let nat = Nat::forgetful([203, 0, 113, 20].into(), Duration::from_secs(30));
    let mut stage = Stage::with_device_behind(nat);
    stage.register(stage.alice);
    stage.register(stage.bob);
    stage.pass_ms(600_000);
    let figure = |stage: &mut Stage, wanted: &str| stage.sim.server(stage.server).figure(wanted);
    assert_eq!(figure(&mut stage, "pings sent"), 24, "to Bob every 25 seconds, to Alice none");
    stage.begin();
    let (call, _) = stage.talk();
    stage.hang_up(stage.alice, call);
    assert_eq!(stage.ended(stage.bob), EndReason::RemoteHungUp);
    stage.phone(stage.bob, |agent, now| agent.unregister(now));
    stage.pass_ms(30_000);
    assert_eq!(figure(&mut stage, "registrations kept alive"), 0, "who is gone is pinged no more");
    stage.expect(
        "nat_kept_open",
        "A translator that forgets what is idle
        Bob's forgets after 30 seconds. The server sends him an empty line every 25, and he is called
        after ten minutes.",
        "a→s INVITE | s→a 407 | a→s ACK | a→s INVITE | s→a 100 | s→b INVITE | b→s 180 | s→a 180 |
         b→s 200 INVITE | s→a 200 INVITE | a→s ACK | s→b ACK | a→s BYE | s→b BYE | b→s 200 BYE |
         b→s REGISTER | s→a 200 BYE | s→b 401 | b→s REGISTER | s→b 200 REGISTER",
    );
}
