//! Nobody said that anybody may know how Bob is.

use ruf_agent::AgentEvent;
use ruf_events::{Ending, Failure, SubscriberEvent};
use ruf_message::StatusCode;

use crate::stage::Stage;

#[test]
fn watch_refused() {
    // tests rfc6665 §4.1.2.1, §4.2.1.1, rfc3856 §6.6.2
    let mut stage = Stage::registered();
    stage.watch_bob(3_600);
    let why = stage.until(stage.alice, |event| match event {
        AgentEvent::Watch { event: SubscriberEvent::Over { why }, .. } => Some(*why),
        _ => None,
    });
    assert_eq!(why, Ending::Failed(Failure::Refused(StatusCode::FORBIDDEN)));
    stage.expect(
        "watch_refused",
        "A watcher is refused",
        "a→s SUBSCRIBE | s→a 407 | a→s SUBSCRIBE | s→b SUBSCRIBE | b→s 403 | s→a 403",
    );
}
