//! Alice watches Bob, whose phone says itself how he is (RFC 6665, RFC 3856).

use ruf_agent::AgentEvent;
use ruf_events::{Ending, SubscriberEvent};

use crate::stage::Stage;

#[test]
fn watch_notify() {
    // tests rfc6665 §4.1.2.1, §4.1.2.3, §4.2.1.2, §4.2.2
    let mut stage = Stage::registered();
    stage.shows(stage.bob, "at my desk");
    let watch = stage.watch_bob(3_600);
    assert_eq!(stage.reads(stage.alice), "at my desk");
    stage.pass_ms(10_000);
    stage.shows(stage.bob, "at lunch");
    assert_eq!(stage.reads(stage.alice), "at lunch");
    stage.unwatch(watch);
    let why = stage.until(stage.alice, |event| match event {
        AgentEvent::Watch { event: SubscriberEvent::Over { why }, .. } => Some(*why),
        _ => None,
    });
    assert_eq!(why, Ending::Unsubscribed);
    stage.expect(
        "watch_notify",
        "A watcher is told how somebody is
         Alice's phone subscribes to Bob's presence; his phone accepts and tells at once, and again when it changes.
         Then she wants to hear no more, and is told once more that it is over.",
        "a→s SUBSCRIBE | s→a 407 | a→s SUBSCRIBE | s→b SUBSCRIBE | b→s 200 SUBSCRIBE | b→s NOTIFY | s→a 200
         SUBSCRIBE | s→a NOTIFY | a→s 200 NOTIFY | s→b 200 NOTIFY | b→s NOTIFY | s→a NOTIFY | a→s 200 NOTIFY
         | a→s SUBSCRIBE | s→b 200 NOTIFY | s→b SUBSCRIBE | b→s 200 SUBSCRIBE | b→s NOTIFY | s→a 200
         SUBSCRIBE | s→a NOTIFY | a→s 200 NOTIFY | s→b 200 NOTIFY",
    );
}
