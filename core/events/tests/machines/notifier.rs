//! The notifier's side (RFC 6665 §4.2).

use crate::stage::{Stage, answer, terms, value};
use ruf_events::{Asked, Effect, EndReason, Failure, Notifier, PRESENCE, Standing};
use ruf_message::body::Body;
use ruf_message::{HeaderName, Method, Request, Response};
use std::convert::Infallible;

struct Watched {
    stage: Stage<Infallible>,
    notifier: Notifier,
}

fn subscribe(cseq: u32, to_tag: &str, expires: &str) -> Request {
    let uri = "sip:alice@192.0.2.1".parse().unwrap();
    Request::build(Method::Subscribe, &uri)
        .from("<sip:bob@example.org>;tag=bob")
        .to(format!("<sip:alice@example.org>{to_tag}"))
        .call_id("1@bob")
        .cseq(cseq)
        .header(HeaderName::Contact, "<sip:bob@192.0.2.2>")
        .header(HeaderName::RecordRoute, "<sip:p1.example.org;lr>, <sip:p2.example.org;lr>")
        .header(HeaderName::Event, "presence;id=7")
        .header(HeaderName::Expires, expires)
        .finish()
        .unwrap()
}

fn document(text: &'static str) -> Body {
    Body { content_type: "application/pidf+xml".into(), content: text.into() }
}

impl Watched {
    fn begin(standing: Standing, expires: &str) -> (Watched, Response, Asked, Request) {
        let mut stage = Stage::new();
        let request = subscribe(1, "", expires);
        let notifier = Notifier::subscribed(
            &mut stage.turn(),
            terms(),
            PRESENCE,
            (9, &request),
            "ours",
            (standing, Some(document("one"))),
        );
        let mut watched = Watched { stage, notifier: notifier.unwrap() };
        let (response, asked, notify) = watched.both();
        (watched, response, asked, notify)
    }

    /// A 200 and the NOTIFY right behind it.
    #[track_caller]
    fn both(&mut self) -> (Response, Asked, Request) {
        match <[Effect<Infallible>; 2]>::try_from(self.stage.effects()) {
            Ok([Effect::Respond { server: 9, response }, Effect::Request { asked, request }]) => {
                (response, asked, request)
            }
            other => panic!("{other:?}"),
        }
    }

    fn answered(&mut self, asked: Asked, notify: &Request, code: u16) {
        self.notifier.answered(&mut self.stage.turn(), asked, Ok(&answer(notify, code, &[])));
    }

    fn next_secs(&mut self) -> u64 {
        let deadline = self.notifier.deadline().expect("something to wait for");
        let waited = deadline.saturating_sub(self.stage.now);
        self.stage.now = deadline;
        self.notifier.tick(&mut self.stage.turn());
        waited.as_secs()
    }
}

#[test]
fn who_subscribes_is_answered_and_told_at_once() {
    // tests rfc6665 §3.1.1, §3.2.1, §4.2.1, §4.2.1.1, §4.2.1.2, §8.2.3, §4.2.2, §4.5.2, rfc3261 §12.1.1
    let (_, response, asked, notify) = Watched::begin(Standing::Active, "600");
    assert_eq!((response.status().as_u16(), response.to_tag()), (200, Some(&b"ours"[..])));
    let of = |name| {
        response.raw(name).map(|value| String::from_utf8_lossy(value).into_owned()).collect::<Vec<_>>()
    };
    assert_eq!(
        (of(HeaderName::Expires), of(HeaderName::Contact)),
        (vec!["600".into()], vec!["<sip:alice@192.0.2.1>".into()])
    );
    assert!(of(HeaderName::SubscriptionState).is_empty());
    assert_eq!(of(HeaderName::RecordRoute), ["<sip:p1.example.org;lr>, <sip:p2.example.org;lr>"]);
    assert_eq!(
        (notify.method(), asked.cseq, notify.uri().to_string()),
        (Method::Notify, 1, "sip:bob@192.0.2.2".into())
    );
    assert_eq!((notify.from_tag(), notify.to_tag()), (Some(&b"ours"[..]), Some(&b"bob"[..])));
    assert_eq!(value(&notify, HeaderName::SubscriptionState), "active;expires=600");
    assert_eq!(value(&notify, HeaderName::Event), "presence;id=7");
    assert_eq!((notify.routes().count(), notify.body()), (2, &b"one"[..]));
}

#[test]
fn a_change_is_told_one_at_a_time_and_not_too_often() {
    // tests rfc6665 §4.2.2, rfc3856 §6.10
    let (mut watched, _, asked, notify) = Watched::begin(Standing::Active, "600");
    watched.notifier.change(&mut watched.stage.turn(), document("two"));
    watched.stage.nothing();
    watched.answered(asked, &notify, 200);
    watched.stage.nothing();
    watched.notifier.change(&mut watched.stage.turn(), document("three"));
    assert_eq!(watched.next_secs(), 5);
    let (asked, notify) = watched.stage.request();
    assert_eq!(
        (notify.body(), value(&notify, HeaderName::SubscriptionState)),
        (&b"three"[..], "active;expires=595")
    );
    watched.answered(asked, &notify, 200);
    watched.notifier.change(&mut watched.stage.turn(), document("three"));
    assert_eq!(watched.next_secs(), 595, "no news");
}

#[test]
fn it_ends_with_its_time_with_our_wish_and_with_theirs() {
    // tests rfc6665 §4.2.1.4, §4.2.2, §4.4.2
    let (mut watched, _, asked, notify) = Watched::begin(Standing::Active, "600");
    watched.answered(asked, &notify, 200);
    assert_eq!(watched.next_secs(), 600);
    let (asked, last) = watched.stage.request();
    assert_eq!(value(&last, HeaderName::SubscriptionState), "terminated;reason=timeout");
    watched.answered(asked, &last, 200);
    assert!(watched.notifier.is_over() && watched.notifier.deadline().is_none());

    let (mut watched, _, asked, notify) = Watched::begin(Standing::Active, "600");
    watched.notifier.end(&mut watched.stage.turn(), EndReason::Deactivated);
    watched.stage.nothing();
    watched.answered(asked, &notify, 200);
    let (_, last) = watched.stage.request();
    assert_eq!(value(&last, HeaderName::SubscriptionState), "terminated;reason=deactivated");
    assert_eq!(last.body(), b"one");

    let (mut watched, _, asked, notify) = Watched::begin(Standing::Active, "600");
    watched.answered(asked, &notify, 200);
    watched.notifier.refreshed(&mut watched.stage.turn(), 9, &subscribe(2, ";tag=ours", "0"));
    let (response, _, last) = watched.both();
    assert_eq!(response.raw(HeaderName::Expires).next(), Some(&b"0"[..]));
    assert_eq!(value(&last, HeaderName::SubscriptionState), "terminated;reason=timeout");
    assert_eq!(last.body(), b"one");
    // What comes behind it finds nobody.
    watched.notifier.refreshed(&mut watched.stage.turn(), 9, &subscribe(3, ";tag=ours", "600"));
    let effects = watched.stage.effects();
    assert!(matches!(&effects[..], [Effect::Respond { response, .. }] if response.status().as_u16() == 481));
}

#[test]
fn who_goes_says_so_and_is_asked_again_later() {
    // tests rfc6665 §4.1.3, §4.2.2
    let (mut watched, _, asked, notify) = Watched::begin(Standing::Active, "600");
    watched.answered(asked, &notify, 200);
    watched.notifier.leave(&mut watched.stage.turn(), document("gone"));
    let (_, last) = watched.stage.request();
    assert_eq!(value(&last, HeaderName::SubscriptionState), "terminated;reason=probation");
    assert_eq!(last.body(), b"gone");
}

#[test]
fn who_asks_once_is_told_once() {
    // tests rfc6665 §4.4.3
    let (mut watched, response, asked, notify) = Watched::begin(Standing::Active, "0");
    assert_eq!(response.raw(HeaderName::Expires).next(), Some(&b"0"[..]));
    assert_eq!(
        (value(&notify, HeaderName::SubscriptionState), notify.body()),
        ("terminated;reason=timeout", &b"one"[..])
    );
    watched.answered(asked, &notify, 200);
    assert!(watched.notifier.is_over());
}

#[test]
fn a_refresh_is_told_of_at_once() {
    // tests rfc6665 §4.2.1.2, §4.2.1.4
    let (mut watched, _, asked, notify) = Watched::begin(Standing::Active, "600");
    watched.answered(asked, &notify, 200);
    watched.stage.wait_secs(1);
    watched.notifier.refreshed(&mut watched.stage.turn(), 9, &subscribe(2, ";tag=ours", "9999"));
    let (response, asked, notify) = watched.both();
    assert_eq!(response.raw(HeaderName::Expires).next(), Some(&b"3600"[..]));
    assert_eq!(value(&notify, HeaderName::SubscriptionState), "active;expires=3600");
    watched.answered(asked, &notify, 200);
    let mut refused = |request: &Request| {
        watched.notifier.refreshed(&mut watched.stage.turn(), 9, request);
        match &watched.stage.effects()[..] {
            [Effect::Respond { response, .. }] => response.status().as_u16(),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(refused(&subscribe(1, ";tag=ours", "600")), 500, "rfc3261 §12.2.2");
    assert_eq!(refused(&subscribe(3, ";tag=ours", "5")), 423);
    let mut second = subscribe(3, ";tag=ours", "600");
    second.set(HeaderName::Event, "presence;id=8");
    assert_eq!(refused(&second), 403, "rfc6665 §4.5.2");
}

#[test]
fn who_waits_to_be_allowed_hears_nothing_but_that() {
    // tests rfc6665 §4.2.1.3, §4.2.2
    let (mut watched, _, asked, notify) = Watched::begin(Standing::Pending, "600");
    assert_eq!(value(&notify, HeaderName::SubscriptionState), "pending;expires=600");
    assert!(notify.body().is_empty());
    watched.answered(asked, &notify, 200);
    watched.stage.wait_secs(1);
    watched.notifier.allow(&mut watched.stage.turn());
    let (_, notify) = watched.stage.request();
    assert_eq!(
        (value(&notify, HeaderName::SubscriptionState), notify.body()),
        ("active;expires=599", &b"one"[..])
    );

    let (mut watched, _, asked, notify) = Watched::begin(Standing::Pending, "600");
    watched.answered(asked, &notify, 200);
    watched.notifier.end(&mut watched.stage.turn(), EndReason::Rejected);
    let (_, notify) = watched.stage.request();
    assert_eq!(value(&notify, HeaderName::SubscriptionState), "terminated;reason=rejected");
    assert!(notify.body().is_empty());
}

#[test]
fn who_was_never_allowed_learns_nothing_however_it_ends() {
    // tests rfc6665 §4.2.1.3, §4.2.2
    let ends: [fn(&mut Watched); 4] = [
        |watched| {
            watched.next_secs();
        },
        |watched| {
            watched.notifier.refreshed(&mut watched.stage.turn(), 9, &subscribe(2, ";tag=ours", "0"));
        },
        |watched| watched.notifier.leave(&mut watched.stage.turn(), document("gone")),
        |watched| watched.notifier.end(&mut watched.stage.turn(), EndReason::Other),
    ];
    for end in ends {
        let (mut watched, _, asked, notify) = Watched::begin(Standing::Pending, "600");
        watched.answered(asked, &notify, 200);
        watched.stage.wait_secs(1);
        end(&mut watched);
        let last = watched.stage.effects().into_iter().find_map(|effect| match effect {
            Effect::Request { request, .. } => Some(request),
            _ => None,
        });
        let last = last.expect("a last NOTIFY");
        assert!(value(&last, HeaderName::SubscriptionState).starts_with("terminated"), "{last}");
        assert!(last.body().is_empty(), "{last}");
    }
    // Asked for nothing but how things are.
    let (_, _, _, notify) = Watched::begin(Standing::Pending, "0");
    assert!(value(&notify, HeaderName::SubscriptionState).starts_with("terminated"), "{notify}");
    assert!(notify.body().is_empty(), "{notify}");
}

#[test]
fn who_does_not_answer_or_knows_nothing_of_it_is_told_no_more() {
    // tests rfc6665 §4.2.2
    for code in [481, 404, 489] {
        let (mut watched, _, asked, notify) = Watched::begin(Standing::Active, "600");
        watched.answered(asked, &notify, code);
        assert!(watched.notifier.is_over(), "{code}");
    }
    let (mut watched, _, asked, notify) = Watched::begin(Standing::Active, "600");
    watched.answered(asked, &notify, 500);
    assert!(!watched.notifier.is_over());
    let (mut watched, _, asked, _) = Watched::begin(Standing::Active, "600");
    watched.notifier.answered(&mut watched.stage.turn(), asked, Err(Failure::Silence));
    assert!(watched.notifier.is_over());
}

#[test]
fn with_credentials_it_goes_out_again() {
    // tests rfc3261 §22.2
    let (mut watched, _, asked, notify) = Watched::begin(Standing::Active, "600");
    let again = watched.notifier.retry(asked).unwrap();
    assert_eq!((again.cseq, watched.notifier.retry(asked)), (2, None));
    watched.answered(asked, &notify, 481);
    assert!(!watched.notifier.is_over());
    watched.answered(again, &notify, 200);
    assert_eq!(watched.notifier.retry(again), None);
}
