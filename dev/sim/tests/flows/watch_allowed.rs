//! Bob's user is asked whether Alice may watch him (RFC 3856 section 6.6.2).

use ruf_agent::AgentEvent;
use ruf_events::SubscriberEvent;

use crate::stage::{Stage, uri};

#[test]
fn watch_allowed() {
    // tests rfc3856 §6.6.2, rfc6665 §4.2.2
    let mut stage = Stage::with_consent();
    stage.shows(stage.bob, "at my desk");
    let watch = stage.watch_bob(3_600);
    let who = stage.until(stage.bob, |event| match event {
        AgentEvent::WatcherAsks { who, .. } => Some(who.clone()),
        _ => None,
    });
    assert_eq!(who, uri("alice"));
    stage.until(stage.alice, |event| match event {
        AgentEvent::Watch {
            event: SubscriberEvent::Notified { is_pending: true, body: None, .. }, ..
        } => Some(()),
        _ => None,
    });
    stage.phone(stage.bob, |agent, now| agent.allow(now, &who));
    assert_eq!(stage.reads(stage.alice), "at my desk");
    stage.unwatch(watch);
    stage.expect(
        "watch_allowed",
        "A watcher waits until the user allows it
        Bob's phone takes the subscription and tells nothing but that it waits, until Bob says that Alice may.",
        "a→s SUBSCRIBE | s→a 407 | a→s SUBSCRIBE | s→b SUBSCRIBE | b→s 200 SUBSCRIBE | b→s NOTIFY |
         s→a 200 SUBSCRIBE | s→a NOTIFY | a→s 200 NOTIFY | s→b 200 NOTIFY | b→s NOTIFY |
         s→a NOTIFY | a→s 200 NOTIFY | a→s SUBSCRIBE | s→b 200 NOTIFY | s→b SUBSCRIBE |
         b→s 200 SUBSCRIBE | b→s NOTIFY | s→a 200 SUBSCRIBE | s→a NOTIFY | a→s 200 NOTIFY |
         s→b 200 NOTIFY",
    );
}
