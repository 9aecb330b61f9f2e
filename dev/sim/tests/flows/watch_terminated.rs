//! Who is watched goes, and comes back.

use ruf_agent::AgentEvent;
use ruf_events::{EndReason, Ending, SubscriberEvent};

use crate::stage::{Stage, document};

#[test]
fn watch_terminated() {
    // tests rfc6665 §4.1.3, §4.2.2
    let mut stage = Stage::registered();
    stage.shows(stage.bob, "at my desk");
    let watch = stage.watch_bob(3_600);
    assert_eq!(stage.reads(stage.alice), "at my desk");
    stage.phone(stage.bob, |agent, now| agent.leave(now, &document("gone")));
    assert_eq!(stage.reads(stage.alice), "gone");
    let why = stage.until(stage.alice, |event| match event {
        AgentEvent::Watch { event: SubscriberEvent::Interrupted { why, .. }, .. } => Some(*why),
        _ => None,
    });
    assert_eq!(why, Ending::Terminated(Some(EndReason::Probation)));
    stage.shows(stage.bob, "back");
    assert_eq!(stage.reads(stage.alice), "back");
    stage.unwatch(watch);
    stage.expect(
        "watch_terminated",
        "Who is watched goes, and comes back
         Bob's phone is closed: it says so, and that watchers may come back later (`reason=probation`). Alice's phone
         does, after a pause that is its own.",
        "a→s SUBSCRIBE | s→a 407 | a→s SUBSCRIBE | s→b SUBSCRIBE | b→s 200 SUBSCRIBE | b→s NOTIFY | s→a 200
         SUBSCRIBE | s→a NOTIFY | a→s 200 NOTIFY | s→b 200 NOTIFY | b→s NOTIFY | s→a NOTIFY | a→s 200 NOTIFY
         | s→b 200 NOTIFY | a→s SUBSCRIBE | s→b SUBSCRIBE | b→s 200 SUBSCRIBE | b→s NOTIFY | s→a 200
         SUBSCRIBE | s→a NOTIFY | a→s 200 NOTIFY | a→s SUBSCRIBE | s→b 200 NOTIFY | s→b SUBSCRIBE | b→s 200
         SUBSCRIBE | b→s NOTIFY | s→a 200 SUBSCRIBE | s→a NOTIFY | a→s 200 NOTIFY | s→b 200 NOTIFY",
    );
}
