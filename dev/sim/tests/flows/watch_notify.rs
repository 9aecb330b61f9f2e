//! Alice watches Bob, whose phone says itself how he is (RFC 6665, RFC 3856).

use ruf_agent::AgentEvent;
use ruf_events::{Ending, PRESENCE, SubscriberEvent};

use crate::stage::{Stage, document, uri};

#[test]
fn watch_notify() {
    // tests rfc6665 §4.1.2.1, §4.1.2.3, §4.2.1.2, §4.2.2
    let mut stage = Stage::registered();
    stage.phone(stage.bob, |agent, now| agent.show(now, Some(document("at my desk"))));
    let watch =
        stage.phone(stage.alice, |agent, now| agent.watch(now, &uri("bob"), PRESENCE, 3_600).expect("room"));
    assert_eq!(stage.reads(stage.alice), "at my desk");
    stage.pass_ms(10_000);
    stage.phone(stage.bob, |agent, now| agent.show(now, Some(document("at lunch"))));
    assert_eq!(stage.reads(stage.alice), "at lunch");
    stage.phone(stage.alice, |agent, now| agent.unwatch(now, watch));
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
