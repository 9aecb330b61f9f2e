//! Alice watches Bob, who says himself how he is.

use crate::pair::{Pair, Side, flow};
use ruf_agent::{AgentEvent, Body, WatchKey};
use ruf_events::{EndReason, Ending, PRESENCE, SubscriberEvent};
use ruf_message::Uri;

pub(crate) fn document(text: &'static str) -> Body {
    Body { content_type: "application/pidf+xml".into(), content: text.into() }
}

fn told(pair: &Pair) -> Vec<SubscriberEvent> {
    let told = pair.told(Side::A).into_iter();
    told.map(|event| match event {
        AgentEvent::Watch { event, .. } => event.clone(),
        other => panic!("{other:?}"),
    })
    .collect()
}

fn says(text: &'static str) -> SubscriberEvent {
    SubscriberEvent::Notified { notifier: 1, is_pending: false, body: Some(document(text)) }
}

/// Alice watches Bob, who shows `one`.
fn watching(seed: u8) -> (Pair, WatchKey) {
    let mut pair = Pair::new(seed);
    pair.b.show(pair.now, Some(document("one")));
    let watch = pair.a.watch(pair.now, &"sip:bob@example.org".parse().unwrap(), PRESENCE, 600).unwrap();
    pair.settle();
    (pair, watch)
}

#[test]
fn she_is_told_what_he_shows_and_what_changes_until_she_wants_no_more() {
    // tests rfc6665 §4.1.2.1, §4.1.2.3, §4.2.1.2, §4.2.2, rfc3856 §6.6.2, §6.7
    let (mut pair, watch) = watching(1);
    pair.expect_ladder("a→b SUBSCRIBE | b→a 200 SUBSCRIBE | b→a NOTIFY | a→b 200 NOTIFY");
    assert_eq!(told(&pair), [says("one")]);
    assert_eq!((pair.a.counts().subscriptions, pair.b.watchers()), (1, 1));
    pair.clear();
    pair.run_ms(10_000);
    pair.b.show(pair.now, Some(document("two")));
    pair.settle();
    pair.expect_ladder("b→a NOTIFY | a→b 200 NOTIFY");
    assert_eq!(told(&pair), [says("two")]);
    pair.clear();
    pair.a.unwatch(pair.now, watch);
    pair.settle();
    pair.expect_ladder("a→b SUBSCRIBE | b→a 200 SUBSCRIBE | b→a NOTIFY | a→b 200 NOTIFY");
    let over = SubscriberEvent::Over { why: Ending::Unsubscribed };
    assert_eq!(told(&pair), [says("two"), over]);
    assert_eq!((pair.a.counts().subscriptions, pair.b.watchers()), (0, 0));
}

#[test]
fn it_goes_on_for_as_long_as_she_refreshes_it() {
    // tests rfc6665 §4.1.2.2, §4.2.1.4
    let (mut pair, _) = watching(2);
    pair.clear();
    pair.run_ms(400_000);
    pair.expect_ladder("a→b SUBSCRIBE | b→a 200 SUBSCRIBE | b→a NOTIFY | a→b 200 NOTIFY");
    pair.run_ms(3_600_000);
    assert_eq!((pair.a.counts().subscriptions, pair.b.watchers()), (1, 1));
    // Alice is gone: it ends with its time, or with the first NOTIFY that nobody answers.
    pair.lose_all();
    pair.run_ms(700_000);
    assert_eq!(pair.b.watchers(), 0);
}

#[test]
fn he_may_show_no_more() {
    // tests rfc6665 §4.1.3, §4.2.2
    let (mut pair, _) = watching(3);
    pair.clear();
    pair.run_ms(60_000);
    pair.b.show(pair.now, None);
    pair.settle();
    pair.expect_ladder("b→a NOTIFY | a→b 200 NOTIFY");
    let over = SubscriberEvent::Over { why: Ending::Terminated(Some(EndReason::Rejected)) };
    assert_eq!(told(&pair), [over]);
    assert_eq!((pair.a.counts().subscriptions, pair.b.watchers()), (0, 0));
}

#[test]
fn whatever_is_lost_is_sent_again() {
    // tests rfc6665 §4.1.2.4, §4.1.3
    for (seed, lost) in
        ["a→b SUBSCRIBE", "b→a 200 SUBSCRIBE", "b→a NOTIFY", "a→b 200 NOTIFY"].iter().enumerate()
    {
        let mut pair = Pair::new(seed as u8);
        pair.b.show(pair.now, Some(document("one")));
        pair.lose(lost);
        pair.a.watch(pair.now, &"sip:bob@example.org".parse().unwrap(), PRESENCE, 600).unwrap();
        pair.settle();
        assert_eq!(told(&pair), [says("one")], "{lost}: {}", pair.ladder());
        assert_eq!((pair.a.counts().subscriptions, pair.b.watchers()), (1, 1), "{lost}");
    }
}

#[test]
fn a_watch_goes_on_by_the_new_way() {
    // tests rfc6665 §4.1.2.2
    let (mut pair, _) = watching(5);
    pair.clear();
    let new = flow("192.0.2.1:5070", "192.0.2.2:5060");
    pair.a.move_to(new);
    assert!(pair.a.poll_deadline().is_some_and(|deadline| deadline <= pair.now));
    pair.a.tick(pair.now);
    let transmit = pair.a.poll_transmit().unwrap();
    assert_eq!(transmit.flow, new);
    let text = String::from_utf8_lossy(&transmit.bytes).into_owned();
    assert!(text.contains("Contact: <sip:alice@192.0.2.1:5070>\r\n"), "{text}");
}

/// Alice asks to watch Bob, whose user is asked.
fn asking(seed: u64) -> (Pair, WatchKey, Uri) {
    let mut pair = Pair::with(seed, |settings| settings.asks_consent = true);
    pair.b.show(pair.now, Some(document("one")));
    let watch = pair.a.watch(pair.now, &"sip:bob@example.org".parse().unwrap(), PRESENCE, 600).unwrap();
    pair.settle();
    let alice: Uri = "sip:alice@example.org".parse().unwrap();
    let asks = AgentEvent::WatcherAsks { who: alice.clone(), display: String::new() };
    assert_eq!(pair.told(Side::B), [&asks]);
    assert_eq!(told(&pair), [SubscriberEvent::Notified { notifier: 1, is_pending: true, body: None }]);
    pair.clear();
    (pair, watch, alice)
}

#[test]
fn whoever_is_not_known_waits_until_the_user_allows_it_and_is_remembered() {
    // tests rfc3856 §6.6.2, rfc6665 §4.2.2
    let (mut pair, watch, alice) = asking(7);
    // What changes is not told.
    pair.run_ms(10_000);
    pair.b.show(pair.now, Some(document("two")));
    pair.settle();
    let pending = SubscriberEvent::Notified { notifier: 1, is_pending: true, body: None };
    assert!(told(&pair).iter().all(|event| *event == pending), "{:?}", told(&pair));
    pair.b.allow(pair.now, &alice);
    pair.settle();
    assert_eq!(told(&pair).last(), Some(&says("two")));
    pair.a.unwatch(pair.now, watch);
    pair.settle();
    pair.clear();
    pair.a.watch(pair.now, &"sip:bob@example.org".parse().unwrap(), PRESENCE, 600).unwrap();
    pair.settle();
    assert_eq!((told(&pair).last(), pair.told(Side::B).len()), (Some(&says("two")), 0));
}

#[test]
fn whoever_only_asks_how_things_are_waits_for_leave_too() {
    // tests rfc3856 §6.6.2, rfc6665 §4.4.3
    let mut pair = Pair::with(9, |settings| settings.asks_consent = true);
    pair.b.show(pair.now, Some(document("one")));
    let (alice, bob): (Uri, Uri) =
        ("sip:alice@example.org".parse().unwrap(), "sip:bob@example.org".parse().unwrap());
    let heard = |pair: &Pair| {
        told(pair).iter().any(|event| matches!(event, SubscriberEvent::Notified { body: Some(_), .. }))
    };
    for times_asked in [1, 0] {
        pair.a.watch(pair.now, &bob, PRESENCE, 0).unwrap();
        pair.settle();
        let asks = pair
            .told(Side::B)
            .into_iter()
            .filter(|event| matches!(event, AgentEvent::WatcherAsks { who, .. } if *who == alice));
        assert_eq!((asks.count(), heard(&pair)), (times_asked, false));
        pair.clear();
    }
    pair.b.allow(pair.now, &alice);
    pair.a.watch(pair.now, &bob, PRESENCE, 0).unwrap();
    pair.settle();
    assert!(heard(&pair));
}

#[test]
fn whoever_may_not_is_told_so_now_and_later() {
    // tests rfc3856 §6.6.2, rfc6665 §4.2.2
    let (mut pair, _, alice) = asking(8);
    pair.b.deny(pair.now, &alice);
    pair.settle();
    let over = SubscriberEvent::Over { why: Ending::Terminated(Some(EndReason::Rejected)) };
    assert_eq!(told(&pair), [over]);
    pair.clear();
    pair.a.watch(pair.now, &"sip:bob@example.org".parse().unwrap(), PRESENCE, 600).unwrap();
    pair.settle();
    pair.expect_ladder("a→b SUBSCRIBE | b→a 403 SUBSCRIBE");
    assert!(pair.told(Side::B).is_empty());
    assert_eq!(pair.b.watchers(), 0);
}
