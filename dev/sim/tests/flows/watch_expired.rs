//! The refresh of a subscription does not arrive, and its time runs out.

use std::time::Duration;

use ruf_agent::AgentEvent;
use ruf_events::SubscriberEvent;

use crate::stage::Stage;

#[test]
fn watch_expired() {
    // tests rfc6665 §4.1.3, §4.2.1.4
    let mut stage = Stage::registered();
    stage.shows(stage.bob, "at my desk");
    let watch = stage.watch_bob(60);
    assert_eq!(stage.reads(stage.alice), "at my desk");
    stage.pass_ms(25_000);
    stage.sim.lose("a→s SUBSCRIBE", 10);
    let retry_in = stage.until(stage.alice, |event| match event {
        AgentEvent::Watch { event: SubscriberEvent::Interrupted { retry_in, .. }, .. } => Some(*retry_in),
        _ => None,
    });
    assert!(retry_in < Duration::from_secs(30));
    assert_eq!(stage.reads(stage.alice), "at my desk");
    stage.unwatch(watch);
    stage.expect(
        "watch_expired",
        "A subscription that is not refreshed ends, and begins anew
         Ten times Alice's refresh is lost. When its subscription is over her phone begins another,
         with a name of its own.",
        "a→s SUBSCRIBE | s→a 407 | a→s SUBSCRIBE | s→b SUBSCRIBE | b→s 200 SUBSCRIBE | b→s NOTIFY | s→a 200
         SUBSCRIBE | s→a NOTIFY | a→s 200 NOTIFY | s→b 200 NOTIFY | a→s SUBSCRIBE✗ | a→s SUBSCRIBE✗ | a→s
         SUBSCRIBE✗ | a→s SUBSCRIBE✗ | a→s SUBSCRIBE✗ | a→s SUBSCRIBE✗ | a→s SUBSCRIBE✗ | a→s SUBSCRIBE✗ |
         a→s SUBSCRIBE✗ | a→s SUBSCRIBE✗ | b→s NOTIFY | s→a NOTIFY | a→s 200 NOTIFY | a→s SUBSCRIBE | s→b 200
         NOTIFY | s→b SUBSCRIBE | b→s 200 SUBSCRIBE | b→s NOTIFY | s→a 200 SUBSCRIBE | s→a NOTIFY | a→s 200
         NOTIFY | a→s SUBSCRIBE | s→b 200 NOTIFY | s→b SUBSCRIBE | b→s 200 SUBSCRIBE | b→s NOTIFY | s→a 200
         SUBSCRIBE | s→a NOTIFY | a→s 200 NOTIFY | s→b 200 NOTIFY | a→s SUBSCRIBE | s→b SUBSCRIBE | b→s 481 |
         s→a 481",
    );
}
