//! The server crashes and starts again while two talk: the BYE still finds its way, by the token.

use ruf_agent::EndReason;

use crate::stage::Stage;

#[test]
fn server_restarts_in_call() {
    let mut stage = Stage::registered();
    let (call, _) = stage.talk();
    stage.pass_ms(1_000);
    stage.sim.crash(stage.server);
    stage.pass_ms(2_000);
    stage.sim.restart(stage.server);
    stage.hang_up(stage.alice, call);
    assert_eq!(stage.ended(stage.bob), EndReason::RemoteHungUp);
    assert_eq!(stage.ended(stage.alice), EndReason::HungUp);
    stage.expect(
        "server_restarts_in_call",
        "The server restarts during a call
        It remembers neither of the two. The token in the route that it recorded names both flows,
        and its key survived on disk.",
        "a→s INVITE | s→a 407 | a→s ACK | a→s INVITE | s→a 100 | s→b INVITE | b→s 180 | s→a 180 |
         b→s 200 INVITE | s→a 200 INVITE | a→s ACK | s→b ACK | a→s BYE | s→b BYE | b→s 200 BYE |
         s→a 200 BYE",
    );
}
