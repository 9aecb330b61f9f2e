//! The subscriber's side (RFC 6665 §4.1).

use crate::stage::{Stage, answer, terms, value};
use ruf_events::{
    Asked, Effect, EndReason, Ending, EventPackage, Failure, MESSAGE_SUMMARY, PRESENCE, Subscriber,
    SubscriberEvent,
};
use ruf_message::{HeaderName, Method, Request, Response, StatusCode};
use std::time::Duration;

struct Watch {
    stage: Stage<SubscriberEvent>,
    subscriber: Subscriber,
}

const ACTIVE: &str = "active;expires=600";

impl Watch {
    /// Alice watches Bob for 600 s at a time; the SUBSCRIBE is out.
    fn begin(package: EventPackage, expires_secs: u32) -> (Watch, Asked, Request) {
        let mut stage = Stage::new();
        let to = "sip:bob@example.org".parse().unwrap();
        let subscriber = Subscriber::subscribe(&mut stage.turn(), terms(), package, to, expires_secs);
        let mut watch = Watch { stage, subscriber };
        let (asked, request) = watch.stage.request();
        (watch, asked, request)
    }

    /// The same; a notifier with the tag `bob` said that it is active.
    fn active() -> (Watch, Request) {
        let (mut watch, asked, request) = Watch::begin(PRESENCE, 600);
        watch.answered(asked, &answer(&request, 200, &[(HeaderName::Expires, "600")]));
        watch.stage.nothing();
        assert_eq!(watch.notify("bob", 1, ACTIVE), (200, vec![]));
        (watch, request)
    }

    fn answered(&mut self, asked: Asked, response: &Response) {
        self.subscriber.answered(&mut self.stage.turn(), asked, Ok(response));
    }

    fn notify_with(
        &mut self,
        tag: &str,
        cseq: u32,
        change: impl FnOnce(&mut Request),
    ) -> Vec<Effect<SubscriberEvent>> {
        let uri = "sip:alice@192.0.2.1".parse().unwrap();
        let (call_id, ours) = self.subscriber.name();
        let to = [b"<sip:alice@example.org>;tag=", ours].concat();
        let mut notify = Request::build(Method::Notify, &uri)
            .from(format!("<sip:bob@example.org>;tag={tag}"))
            .to(to)
            .call_id(call_id)
            .cseq(cseq)
            .header(HeaderName::Contact, format!("<sip:{tag}@192.0.2.2>"))
            .header(HeaderName::RecordRoute, "<sip:p1.example.org;lr>, <sip:p2.example.org;lr>")
            .header(HeaderName::Event, "presence")
            .finish()
            .unwrap();
        change(&mut notify);
        self.subscriber.notified(&mut self.stage.turn(), 9, &notify);
        self.stage.effects()
    }

    /// A NOTIFY without a body: its status, and the events that are not its own.
    fn notify(&mut self, tag: &str, cseq: u32, state: &str) -> (u16, Vec<SubscriberEvent>) {
        let effects = self.notify_with(tag, cseq, |notify| notify.set(HeaderName::SubscriptionState, state));
        let mut effects = effects.into_iter();
        let Some(Effect::Respond { server: 9, response }) = effects.next() else { panic!("no response") };
        let mut events = Vec::new();
        for effect in effects {
            match effect {
                Effect::Event(SubscriberEvent::Notified { body: None, is_pending, .. }) => {
                    assert_eq!(is_pending, state.starts_with("pending"));
                }
                Effect::Event(event) => events.push(event),
                other => panic!("{other:?}"),
            }
        }
        (response.status().as_u16(), events)
    }

    /// The answer to a NOTIFY that tells nobody anything.
    fn refusal(&mut self, tag: &str, cseq: u32, change: impl FnOnce(&mut Request)) -> Response {
        match <[Effect<SubscriberEvent>; 1]>::try_from(self.notify_with(tag, cseq, change)) {
            Ok([Effect::Respond { response, .. }]) => response,
            other => panic!("{other:?}"),
        }
    }

    /// Lets time pass to the next deadline: how many seconds.
    fn next_secs(&mut self) -> u64 {
        let deadline = self.subscriber.deadline().expect("something to wait for");
        let waited = deadline.saturating_sub(self.stage.now);
        self.stage.now = deadline;
        self.subscriber.tick(&mut self.stage.turn());
        waited.as_secs()
    }

    #[track_caller]
    fn interrupted(&mut self, wanted: Ending) -> Duration {
        match self.stage.event() {
            SubscriberEvent::Interrupted { why, retry_in } => {
                assert_eq!(why, wanted);
                retry_in
            }
            other => panic!("{other:?}"),
        }
    }
}

fn state(value: &'static str) -> impl FnOnce(&mut Request) {
    move |notify| notify.set(HeaderName::SubscriptionState, value)
}

#[test]
fn a_subscribe_says_what_is_wanted() {
    // tests rfc6665 §3.1.2, §4.1.2.1, rfc3856 §6.1, §6.5
    let (watch, asked, request) = Watch::begin(PRESENCE, 600);
    assert_eq!(
        (request.method(), request.to_tag(), asked),
        (Method::Subscribe, None, Asked { dialog: 0, cseq: 1 })
    );
    assert_eq!(request.uri().to_string(), "sip:bob@example.org");
    assert_eq!(value(&request, HeaderName::Event), "presence");
    assert_eq!(value(&request, HeaderName::Accept), "application/pidf+xml");
    assert_eq!(value(&request, HeaderName::Expires), "600");
    assert_eq!(value(&request, HeaderName::Contact), "<sip:alice@192.0.2.1>");
    assert_eq!(watch.subscriber.name(), (request.call_id(), request.from_tag().unwrap()));
}

#[test]
fn a_notify_may_come_before_the_answer_and_its_route_is_that_of_the_dialog() {
    // tests rfc6665 §4.1.2.4, §4.4.1, §4.1.2.2, rfc3842 §3.6-2
    let (mut watch, asked, request) = Watch::begin(PRESENCE, 600);
    assert_eq!(watch.notify("bob", 1, "pending;expires=600"), (200, vec![]));
    assert_eq!(watch.notify("bob", 2, ACTIVE), (200, vec![]));
    let elsewhere = [(HeaderName::RecordRoute, "<sip:other;lr>"), (HeaderName::Expires, "600")];
    watch.answered(asked, &answer(&request, 200, &elsewhere));
    watch.stage.nothing();
    assert_eq!(watch.next_secs(), 300);
    let (asked, refresh) = watch.stage.request();
    assert_eq!((refresh.cseq().number, refresh.to_tag(), asked.dialog), (2, Some(&b"bob"[..]), 1));
    assert_eq!(refresh.uri().to_string(), "sip:bob@192.0.2.2");
    let routes: Vec<String> = refresh.routes().map(|route| route.uri().to_string()).collect();
    assert_eq!(routes, ["sip:p1.example.org;lr", "sip:p2.example.org;lr"]);
    for name in [HeaderName::Event, HeaderName::Accept, HeaderName::Contact, HeaderName::Expires] {
        assert_eq!(value(&refresh, name), value(&request, name));
    }
}

#[test]
fn what_it_brings_is_told() {
    // tests rfc6665 §4.1.3, rfc3856 §6.8
    let (mut watch, ..) = Watch::begin(PRESENCE, 600);
    let effects = watch.notify_with("bob", 1, |notify| {
        notify.set(HeaderName::SubscriptionState, "pending");
        notify.set_body("Application/PIDF+xml;charset=utf-8", "<presence/>");
    });
    let [
        Effect::Respond { response, .. },
        Effect::Event(SubscriberEvent::Notified { notifier: 1, is_pending: true, body: Some(body) }),
    ] = &effects[..]
    else {
        panic!("{effects:?}")
    };
    assert_eq!((response.status(), &body.content[..]), (StatusCode::OK, &b"<presence/>"[..]));
}

#[test]
fn what_cannot_be_understood_is_refused_and_changes_nothing() {
    // tests rfc6665 §4.1.3, §4.4.1, §8.2.1
    let (mut watch, _) = Watch::active();
    let status = |response: Response| response.status().as_u16();
    let other = watch.refusal("bob", 2, |notify| notify.set(HeaderName::Event, "dialog"));
    assert_eq!(other.raw(HeaderName::AllowEvents).next(), Some(&b"presence"[..]));
    assert_eq!(status(other), 489);
    assert_eq!(status(watch.refusal("bob", 2, |notify| notify.set(HeaderName::Event, "presence;id=1"))), 489);
    assert_eq!(status(watch.refusal("bob", 2, |notify| notify.remove(HeaderName::Event))), 489);
    assert_eq!(status(watch.refusal("bob", 2, |_| ())), 400, "without Subscription-State");
    let html = watch.refusal("bob", 2, |notify| {
        notify.set(HeaderName::SubscriptionState, ACTIVE);
        notify.set_body("text/html", "x");
    });
    assert_eq!(html.raw(HeaderName::Accept).next(), Some(&b"application/pidf+xml"[..]));
    assert_eq!(status(html), 415);
    assert_eq!(watch.notify("bob", 7, ACTIVE), (200, vec![]));
    assert_eq!(status(watch.refusal("bob", 6, state("terminated"))), 500, "rfc3261 §12.2.2");
    // A dialog that nobody made, and none can be made any more.
    assert_eq!(status(watch.refusal("eve", 1, state(ACTIVE))), 481);
    assert!(!watch.subscriber.is_over());
}

#[test]
fn without_a_notify_until_timer_n_it_failed_and_begins_anew_with_another_name() {
    // tests rfc6665 §4.1.2.4, §4.1.2.2, rfc3842 §3.6
    let (mut watch, asked, request) = Watch::begin(PRESENCE, 600);
    watch.answered(asked, &answer(&request, 200, &[]));
    assert_eq!(watch.next_secs(), 32);
    let pause = watch.interrupted(Ending::NotNotified);
    assert!((15..=30).contains(&pause.as_secs()), "{pause:?}");
    assert_eq!(watch.refusal("bob", 1, state(ACTIVE)).status().as_u16(), 481);
    watch.next_secs();
    let (_, again) = watch.stage.request();
    assert_ne!((again.call_id(), again.from_tag()), (request.call_id(), request.from_tag()));
    assert_eq!((again.cseq().number, again.to_tag()), (2, None));
    // The next pause is longer.
    assert_eq!(watch.next_secs(), 32);
    assert!((30..=60).contains(&watch.interrupted(Ending::NotNotified).as_secs()));
}

#[test]
fn what_becomes_of_the_one_before_says_nothing_of_the_next() {
    // tests rfc6665 §4.1.2.1
    let (mut watch, old, request) = Watch::begin(PRESENCE, 600);
    // Its 200 is lost; a NOTIFY ends what it began.
    let (status, events) = watch.notify("bob", 1, "terminated;reason=probation;retry-after=1");
    assert!(status == 200 && matches!(events[..], [SubscriberEvent::Interrupted { .. }]), "{events:?}");
    watch.next_secs();
    let (new, _) = watch.stage.request();
    assert_ne!(new, old);
    watch.answered(old, &answer(&request, 401, &[]));
    watch.subscriber.answered(&mut watch.stage.turn(), old, Err(Failure::Silence));
    assert!(watch.stage.effects().is_empty());
    assert_eq!(watch.subscriber.retry(watch.stage.now, old), None);
    assert_eq!(watch.notify("carol", 1, "active").0, 200);
}

#[test]
fn a_refusal_is_the_end_or_another_attempt() {
    // tests rfc6665 §4.1.2.1
    let refused = |code| Ending::Failed(Failure::Refused(StatusCode::new(code).unwrap()));
    let (mut watch, asked, request) = Watch::begin(PRESENCE, 600);
    watch.answered(asked, &answer(&request, 489, &[]));
    assert_eq!(watch.stage.event(), SubscriberEvent::Over { why: refused(489) });
    assert!(watch.subscriber.is_over() && watch.subscriber.deadline().is_none());
    assert_eq!(watch.refusal("bob", 1, state(ACTIVE)).status().as_u16(), 481);

    let (mut watch, asked, request) = Watch::begin(PRESENCE, 600);
    watch.answered(asked, &answer(&request, 503, &[(HeaderName::RetryAfter, "7 (busy)")]));
    assert_eq!(watch.interrupted(refused(503)), Duration::from_secs(7));
    assert_eq!(watch.next_secs(), 7);
    let (asked, _) = watch.stage.request();
    watch.subscriber.answered(&mut watch.stage.turn(), asked, Err(Failure::Unreachable));
    watch.interrupted(Ending::Failed(Failure::Unreachable));
}

#[test]
fn a_longer_interval_is_asked_for_if_the_notifier_says_so() {
    // tests rfc3261 §21.4.17
    let (mut watch, asked, request) = Watch::begin(PRESENCE, 600);
    watch.answered(asked, &answer(&request, 423, &[(HeaderName::MinExpires, "1800")]));
    let (asked, longer) = watch.stage.request();
    assert_eq!((longer.call_id(), longer.cseq().number), (request.call_id(), 2));
    assert_eq!(value(&longer, HeaderName::Expires), "1800");
    // Once more, in the dialog.
    assert_eq!(watch.notify("bob", 1, "active"), (200, vec![]));
    watch.answered(asked, &answer(&longer, 200, &[]));
    assert_eq!(watch.next_secs(), 1_200);
    let (asked, refresh) = watch.stage.request();
    watch.answered(asked, &answer(&refresh, 423, &[(HeaderName::MinExpires, "3600")]));
    let (asked, refresh) = watch.stage.request();
    assert_eq!((value(&refresh, HeaderName::Expires), refresh.cseq().number), ("3600", 4));
    // A notifier that is never content is believed once.
    watch.answered(asked, &answer(&refresh, 423, &[(HeaderName::MinExpires, "3600")]));
    watch.stage.nothing();
}

#[test]
fn a_notifier_to_whom_nothing_is_long_enough_is_not_asked_for_ever() {
    // tests rfc3261 §21.4.17
    let refused = Ending::Failed(Failure::Refused(StatusCode::INTERVAL_TOO_BRIEF));
    let (mut watch, mut asked, mut request) = Watch::begin(PRESENCE, 600);
    for min_secs in (601..).take(4) {
        let longer = min_secs.to_string();
        watch.answered(asked, &answer(&request, 423, &[(HeaderName::MinExpires, &longer)]));
        (asked, request) = watch.stage.request();
        assert_eq!(value(&request, HeaderName::Expires), longer);
    }
    watch.answered(asked, &answer(&request, 423, &[(HeaderName::MinExpires, "605")]));
    assert_eq!(watch.stage.event(), SubscriberEvent::Over { why: refused });

    // In a dialog it lasts as long as was known before, and is refreshed later.
    let (mut watch, _) = Watch::active();
    watch.next_secs();
    let (mut asked, mut refresh) = watch.stage.request();
    for min_secs in (601..).take(4) {
        let longer = min_secs.to_string();
        watch.answered(asked, &answer(&refresh, 423, &[(HeaderName::MinExpires, &longer)]));
        (asked, refresh) = watch.stage.request();
        assert_eq!(value(&refresh, HeaderName::Expires), longer);
    }
    watch.answered(asked, &answer(&refresh, 423, &[(HeaderName::MinExpires, "605")]));
    watch.stage.nothing();
    assert!(watch.next_secs() >= 5);
    // What is granted begins the count anew.
    let (asked, refresh) = watch.stage.request();
    watch.answered(asked, &answer(&refresh, 200, &[]));
    assert_eq!(watch.notify("bob", 2, "active").0, 200);
    watch.next_secs();
    let (asked, refresh) = watch.stage.request();
    watch.answered(asked, &answer(&refresh, 423, &[(HeaderName::MinExpires, "605")]));
    assert_eq!(value(&watch.stage.request().1, HeaderName::Expires), "605");
}

#[test]
fn the_notifier_may_shorten_it() {
    // tests rfc6665 §4.1.2.1, §4.1.3
    let (mut watch, asked, request) = Watch::begin(PRESENCE, 600);
    assert_eq!(watch.notify("bob", 1, "active"), (200, vec![]));
    watch.answered(asked, &answer(&request, 200, &[(HeaderName::Expires, "100")]));
    assert_eq!(watch.notify("bob", 2, "active;expires=60"), (200, vec![]));
    assert_eq!(watch.next_secs(), 30);
    watch.stage.request();
}

#[test]
fn a_refresh_is_answered_and_told_of_and_then_there_is_quiet() {
    // tests rfc6665 §4.1.2.2
    let (mut watch, _) = Watch::active();
    for cseq in 2..5 {
        assert_eq!(watch.next_secs(), 300);
        let (asked, refresh) = watch.stage.request();
        watch.answered(asked, &answer(&refresh, 200, &[(HeaderName::Expires, "600")]));
        assert_eq!(watch.notify("bob", cseq, ACTIVE), (200, vec![]));
    }
    // The NOTIFY first, and no word of how long.
    assert_eq!(watch.next_secs(), 300);
    let (asked, refresh) = watch.stage.request();
    assert_eq!(watch.notify("bob", 9, "active"), (200, vec![]));
    watch.answered(asked, &answer(&refresh, 200, &[(HeaderName::Expires, "400")]));
    assert_eq!(watch.next_secs(), 200);
    // No NOTIFY will follow.
    let (asked, refresh) = watch.stage.request();
    watch.answered(asked, &answer(&refresh, 204, &[(HeaderName::Expires, "600")]));
    assert_eq!(watch.next_secs(), 300);
}

#[test]
fn a_refresh_without_a_notify_until_timer_n_is_the_end_of_it() {
    // tests rfc6665 §4.1.2.2
    let (mut watch, _) = Watch::active();
    watch.next_secs();
    let (asked, refresh) = watch.stage.request();
    watch.answered(asked, &answer(&refresh, 200, &[(HeaderName::Expires, "600")]));
    assert_eq!(watch.next_secs(), 32);
    watch.interrupted(Ending::NotNotified);
}

#[test]
fn some_refusals_of_a_refresh_end_it_and_others_do_not() {
    // tests rfc6665 §4.1.2.2
    let (mut watch, first) = Watch::active();
    watch.next_secs();
    let (asked, refresh) = watch.stage.request();
    watch.answered(asked, &answer(&refresh, 481, &[]));
    let forgotten = Ending::Failed(Failure::Refused(StatusCode::CALL_DOES_NOT_EXIST));
    assert_eq!(watch.interrupted(forgotten), Duration::ZERO, "it lasted long enough to begin at once");
    watch.next_secs();
    let (_, again) = watch.stage.request();
    assert_ne!(again.call_id(), first.call_id());

    let (mut watch, _) = Watch::active();
    watch.next_secs();
    let (asked, refresh) = watch.stage.request();
    watch.answered(asked, &answer(&refresh, 500, &[]));
    watch.stage.nothing();
    assert_eq!(watch.next_secs(), 150, "half of what is left");
    let (asked, refresh) = watch.stage.request();
    watch.answered(asked, &answer(&refresh, 503, &[(HeaderName::RetryAfter, "1000")]));
    // What was known before stands until its time is over.
    assert_eq!(watch.notify("bob", 2, "active"), (200, vec![]));
    assert_eq!(watch.next_secs(), 150);
    watch.interrupted(Ending::Lapsed);
}

#[test]
fn what_the_notifier_ends_begins_anew_as_it_says() {
    // tests rfc6665 §4.1.3, §4.4.2
    let ended = |after_secs, state: &str| {
        let (mut watch, _) = Watch::active();
        watch.stage.wait_secs(after_secs);
        let (status, events) = watch.notify("bob", 2, state);
        assert_eq!((status, events.len()), (200, 1));
        events[0].clone()
    };
    let deactivated = Ending::Terminated(Some(EndReason::Deactivated));
    assert_eq!(
        ended(60, "terminated;reason=deactivated;retry-after=90"),
        SubscriberEvent::Interrupted { why: deactivated, retry_in: Duration::ZERO }
    );
    // Who ends it at once, always, is not asked at once, always.
    let SubscriberEvent::Interrupted { retry_in, .. } = ended(1, "terminated;reason=deactivated") else {
        panic!()
    };
    assert!(retry_in >= Duration::from_secs(15));
    assert_eq!(
        ended(60, "terminated;reason=probation;retry-after=90;expires=5"),
        SubscriberEvent::Interrupted {
            why: Ending::Terminated(Some(EndReason::Probation)),
            retry_in: Duration::from_secs(90)
        }
    );
    for (text, reason) in [
        ("rejected", EndReason::Rejected),
        ("noresource", EndReason::Noresource),
        ("invariant", EndReason::Invariant),
    ] {
        let why = Ending::Terminated(Some(reason));
        assert_eq!(
            ended(60, &format!("terminated;reason={text};retry-after=90")),
            SubscriberEvent::Over { why }
        );
    }
}

#[test]
fn presence_comes_from_one_and_messages_from_many() {
    // tests rfc6665 §4.1.4, §5.4.9, rfc3856 §6.9, rfc3842 §3.9, §3.10
    let (mut watch, asked, request) = Watch::begin(PRESENCE, 600);
    assert_eq!(watch.notify("bob", 1, ACTIVE), (200, vec![]));
    assert_eq!(watch.refusal("carol", 1, state(ACTIVE)).status().as_u16(), 481);
    // The answer may be carol's.
    watch.answered(asked, &answer(&request, 200, &[]));
    assert_eq!(watch.notify("bob", 2, ACTIVE), (200, vec![]));

    let (mut watch, asked, request) = Watch::begin(MESSAGE_SUMMARY, 600);
    let told = |watch: &mut Watch, tag: &str, state: &str| {
        let effects = watch.notify_with(tag, 1, |notify| {
            notify.set(HeaderName::Event, "message-summary");
            notify.set(HeaderName::SubscriptionState, state);
        });
        let events = effects.into_iter().filter_map(|effect| match effect {
            Effect::Event(event) => Some(event),
            Effect::Respond { .. } | Effect::Request { .. } => None,
        });
        events.collect::<Vec<_>>()
    };
    watch.answered(asked, &answer(&request, 200, &[(HeaderName::Expires, "600")]));
    for (tag, notifier) in [("bob", 1), ("carol", 2), ("dave", 3)] {
        let told = told(&mut watch, tag, ACTIVE);
        assert_eq!(told, [SubscriberEvent::Notified { notifier, is_pending: false, body: None }]);
    }
    let left = told(&mut watch, "carol", "terminated;reason=noresource");
    assert_eq!(left, [SubscriberEvent::Left { notifier: 2 }]);
    assert_eq!(watch.next_secs(), 32, "Timer N");
    assert!(told(&mut watch, "eve", ACTIVE).is_empty(), "too late");
    // Each is refreshed by itself.
    assert_eq!(watch.next_secs(), 268);
    let refreshed: Vec<u32> = watch
        .stage
        .effects()
        .into_iter()
        .map(|effect| match effect {
            Effect::Request { asked, .. } => asked.dialog,
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(refreshed, [1, 3]);
}

#[test]
fn it_ends_when_it_is_not_wanted_any_more() {
    // tests rfc6665 §4.1.2.3
    let over = SubscriberEvent::Over { why: Ending::Unsubscribed };
    let (mut watch, _) = Watch::active();
    watch.subscriber.unsubscribe(&mut watch.stage.turn());
    let (asked, end) = watch.stage.request();
    assert_eq!((value(&end, HeaderName::Expires), end.to_tag()), ("0", Some(&b"bob"[..])));
    watch.answered(asked, &answer(&end, 200, &[(HeaderName::Expires, "0")]));
    watch.stage.nothing();
    assert!(!watch.subscriber.is_over(), "rfc6665 §4.4.1: not before the NOTIFY");
    assert_eq!(watch.notify("bob", 2, "terminated;reason=timeout"), (200, vec![over.clone()]));
    assert!(watch.subscriber.is_over());

    // Before anybody said anything: with the NOTIFY.
    let (mut watch, ..) = Watch::begin(PRESENCE, 600);
    watch.subscriber.unsubscribe(&mut watch.stage.turn());
    watch.stage.nothing();
    let effects = watch.notify_with("bob", 1, state(ACTIVE));
    let Some(Effect::Request { request, .. }) = effects.last() else { panic!("{effects:?}") };
    assert_eq!(value(request, HeaderName::Expires), "0");
    // Nobody says that it is over: Timer N does.
    assert_eq!(watch.next_secs(), 32);
    assert_eq!(watch.stage.event(), over);

    // While it waits to begin anew.
    let (mut watch, asked, request) = Watch::begin(PRESENCE, 600);
    watch.answered(asked, &answer(&request, 500, &[]));
    watch.stage.event();
    watch.subscriber.unsubscribe(&mut watch.stage.turn());
    assert_eq!(watch.stage.event(), over);
    // While a refresh is out: after it.
    let (mut watch, _) = Watch::active();
    watch.next_secs();
    let (asked, refresh) = watch.stage.request();
    watch.subscriber.unsubscribe(&mut watch.stage.turn());
    watch.stage.nothing();
    watch.answered(asked, &answer(&refresh, 481, &[]));
    assert_eq!(watch.stage.event(), over);
}

#[test]
fn how_things_are_may_be_asked_once() {
    // tests rfc6665 §4.4.3
    let over = SubscriberEvent::Over { why: Ending::Unsubscribed };
    for state in ["terminated;reason=timeout", "terminated", "active;expires=0"] {
        let (mut watch, _, request) = Watch::begin(PRESENCE, 0);
        assert_eq!(value(&request, HeaderName::Expires), "0");
        assert_eq!(watch.notify("bob", 1, state), (200, vec![over.clone()]));
    }
    let (mut watch, ..) = Watch::begin(PRESENCE, 0);
    let rejected = SubscriberEvent::Over { why: Ending::Terminated(Some(EndReason::Rejected)) };
    assert_eq!(watch.notify("bob", 1, "terminated;reason=rejected"), (200, vec![rejected]));
    let (mut watch, asked, request) = Watch::begin(PRESENCE, 0);
    watch.answered(asked, &answer(&request, 480, &[]));
    let away = Ending::Failed(Failure::Refused(StatusCode::TEMPORARILY_UNAVAILABLE));
    assert_eq!(watch.stage.event(), SubscriberEvent::Over { why: away });
}

#[test]
fn with_credentials_it_goes_out_again() {
    // tests rfc3261 §22.2
    let (mut watch, asked, request) = Watch::begin(PRESENCE, 600);
    let again = watch.subscriber.retry(watch.stage.now, asked).unwrap();
    assert_eq!(again, Asked { dialog: 0, cseq: 2 });
    assert_eq!(watch.subscriber.retry(watch.stage.now, asked), None, "only the last");
    // What became of the first is of no interest.
    watch.answered(asked, &answer(&request, 500, &[]));
    watch.stage.nothing();
    assert_eq!(watch.notify("bob", 1, ACTIVE), (200, vec![]));
    watch.next_secs();
    let (asked, refresh) = watch.stage.request();
    assert_eq!(refresh.cseq().number, 3);
    let again = watch.subscriber.retry(watch.stage.now, asked).unwrap();
    assert_eq!(again.cseq, 4);
    watch.answered(again, &answer(&refresh, 200, &[]));
    assert_eq!(watch.subscriber.retry(watch.stage.now, again), None);
}

#[test]
fn who_moves_says_so_at_once() {
    // tests rfc6665 §4.1.2.2
    let (mut watch, _) = Watch::active();
    watch.stage.wait_secs(1);
    watch.subscriber.move_to("sip:alice@192.0.2.99".into(), false);
    watch.subscriber.tick(&mut watch.stage.turn());
    let (_, refresh) = watch.stage.request();
    assert_eq!(value(&refresh, HeaderName::Contact), "<sip:alice@192.0.2.99>");
}
