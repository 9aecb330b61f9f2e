//! Publishing (RFC 3903 §4, §5).

use crate::stage::{Stage, answer, terms, value};
use ruf_events::{Asked, Failure, PRESENCE, Publication, PublicationEvent};
use ruf_message::body::Body;
use ruf_message::{HeaderName, Method, Request, StatusCode};
use std::time::Duration;

struct Published {
    stage: Stage<PublicationEvent>,
    publication: Publication,
}

fn document(text: &'static str) -> Body {
    Body { content_type: "application/pidf+xml".into(), content: text.into() }
}

const KEPT: [(HeaderName, &str); 2] = [(HeaderName::SipETag, "e1"), (HeaderName::Expires, "600")];

impl Published {
    fn new() -> Self {
        let mut stage = Stage::new();
        let to = "sip:alice@example.org".parse().unwrap();
        let publication = Publication::new(&mut stage.entropy, terms(), PRESENCE, to, 600);
        Published { stage, publication }
    }

    /// Something is published, under the tag `e1`.
    fn kept() -> Self {
        let mut published = Published::new();
        let (asked, request) = published.publish("one");
        published.answered(asked, &request, 200, &KEPT);
        assert_eq!(published.stage.event(), PublicationEvent::Published { expires_secs: 600 });
        published
    }

    fn publish(&mut self, text: &'static str) -> (Asked, Request) {
        self.publication.publish(&mut self.stage.turn(), document(text));
        self.stage.request()
    }

    fn answered(&mut self, asked: Asked, request: &Request, code: u16, fields: &[(HeaderName, &str)]) {
        self.publication.answered(&mut self.stage.turn(), asked, Ok(&answer(request, code, fields)));
    }

    fn next_secs(&mut self) -> u64 {
        let deadline = self.publication.deadline().expect("something to wait for");
        let waited = deadline.saturating_sub(self.stage.now);
        self.stage.now = deadline;
        self.publication.tick(&mut self.stage.turn());
        waited.as_secs()
    }
}

/// What is asked: the entity tag, the body and the interval.
fn operation(request: &Request) -> (Option<&str>, &[u8], &str) {
    let tag = request.raw(HeaderName::SipIfMatch).next().map(|tag| std::str::from_utf8(tag).unwrap());
    (tag, request.body(), value(request, HeaderName::Expires))
}

#[test]
fn each_operation_is_what_the_table_says() {
    // tests rfc3903 §4, §4.1, §4.2, §4.3, §4.4, §4.5
    let mut published = Published::new();
    let (asked, initial) = published.publish("one");
    assert_eq!((initial.method(), value(&initial, HeaderName::Event)), (Method::Publish, "presence"));
    assert_eq!(initial.uri().to_string(), "sip:alice@example.org");
    assert_eq!(operation(&initial), (None, &b"one"[..], "600"));
    published.answered(asked, &initial, 200, &KEPT);
    published.stage.event();

    assert_eq!(published.next_secs(), 300);
    let (asked, refresh) = published.stage.request();
    assert_eq!(operation(&refresh), (Some("e1"), &b""[..], "600"));
    assert_eq!((refresh.call_id(), refresh.cseq().number), (initial.call_id(), 2));
    let second =
        [(HeaderName::SipETag, "e2"), (HeaderName::Expires, "600"), (HeaderName::RecordRoute, "<sip:x;lr>")];
    published.answered(asked, &refresh, 200, &second);
    published.stage.event();

    let (asked, modify) = published.publish("two");
    assert_eq!(operation(&modify), (Some("e2"), &b"two"[..], "600"));
    assert_eq!(modify.routes().count(), 0, "Record-Route means nothing");
    published.answered(asked, &modify, 200, &[(HeaderName::SipETag, "e3"), (HeaderName::Expires, "60")]);
    assert_eq!(published.stage.event(), PublicationEvent::Published { expires_secs: 60 });

    published.publication.remove(&mut published.stage.turn());
    let (asked, remove) = published.stage.request();
    assert_eq!(operation(&remove), (Some("e3"), &b""[..], "0"));
    published.answered(asked, &remove, 200, &[]);
    assert_eq!(published.stage.event(), PublicationEvent::Removed);
    assert!(!published.publication.is_published() && published.publication.deadline().is_none());
}

#[test]
fn one_publish_at_a_time() {
    // tests rfc3903 §4
    let mut published = Published::new();
    let (asked, initial) = published.publish("one");
    published.publication.publish(&mut published.stage.turn(), document("two"));
    published.publication.publish(&mut published.stage.turn(), document("three"));
    published.stage.nothing();
    published.answered(asked, &initial, 200, &KEPT);
    let effects = published.stage.effects();
    let Some(ruf_events::Effect::Request { asked, request }) = effects.last() else { panic!("{effects:?}") };
    assert_eq!(operation(request), (Some("e1"), &b"three"[..], "600"));
    // The same again is no news.
    published.answered(*asked, request, 200, &KEPT);
    published.stage.event();
    published.publication.publish(&mut published.stage.turn(), document("three"));
    published.stage.nothing();
}

#[test]
fn what_the_server_has_forgotten_is_published_anew() {
    // tests rfc3903 §5, §8.2
    let mut published = Published::kept();
    published.next_secs();
    let (asked, refresh) = published.stage.request();
    published.answered(asked, &refresh, 412, &[]);
    let (asked, again) = published.stage.request();
    assert_eq!(operation(&again), (None, &b"one"[..], "600"));
    // A server that has never anything is not asked for ever.
    published.answered(asked, &again, 412, &[]);
    let refused = Failure::Refused(StatusCode::CONDITIONAL_REQUEST_FAILED);
    assert_eq!(
        published.stage.event(),
        PublicationEvent::PublicationFailed { failure: refused, retry_in: None }
    );

    // What is to be removed is gone.
    let mut published = Published::kept();
    published.publication.remove(&mut published.stage.turn());
    let (asked, remove) = published.stage.request();
    published.answered(asked, &remove, 412, &[]);
    assert_eq!(published.stage.event(), PublicationEvent::Removed);
}

#[test]
fn a_longer_interval_is_asked_for_if_the_server_says_so() {
    // tests rfc3903 §5
    let mut published = Published::kept();
    published.next_secs();
    let (asked, refresh) = published.stage.request();
    published.answered(asked, &refresh, 423, &[(HeaderName::MinExpires, "3600")]);
    let (asked, again) = published.stage.request();
    assert_eq!(operation(&again), (Some("e1"), &b"one"[..], "3600"));
    published.answered(asked, &again, 423, &[(HeaderName::MinExpires, "3600")]);
    assert!(matches!(published.stage.event(), PublicationEvent::PublicationFailed { retry_in: None, .. }));
}

#[test]
fn a_server_to_whom_nothing_is_long_enough_is_not_asked_for_ever() {
    // tests rfc3903 §5
    let mut published = Published::kept();
    published.next_secs();
    for asked_secs in (600..).take(5) {
        let (asked, refresh) = published.stage.request();
        assert_eq!(value(&refresh, HeaderName::Expires), asked_secs.to_string());
        let longer = (asked_secs + 1).to_string();
        published.answered(asked, &refresh, 423, &[(HeaderName::MinExpires, &longer)]);
    }
    assert!(matches!(published.stage.event(), PublicationEvent::PublicationFailed { retry_in: None, .. }));
    // Another document begins anew.
    let (asked, initial) = published.publish("two");
    published.answered(asked, &initial, 423, &[(HeaderName::MinExpires, "3600")]);
    let (asked, again) = published.stage.request();
    published.answered(asked, &again, 200, &[(HeaderName::SipETag, "e2")]);
    assert_eq!(published.stage.event(), PublicationEvent::Published { expires_secs: 3_600 });
}

#[test]
fn a_failure_that_may_pass_is_tried_again() {
    // tests rfc3903 §9
    let mut published = Published::new();
    let (asked, initial) = published.publish("one");
    published.answered(asked, &initial, 503, &[(HeaderName::RetryAfter, "7")]);
    let failure = Failure::Refused(StatusCode::SERVICE_UNAVAILABLE);
    let retry_in = Some(Duration::from_secs(7));
    assert_eq!(published.stage.event(), PublicationEvent::PublicationFailed { failure, retry_in });
    assert_eq!(published.next_secs(), 7);
    let (asked, _) = published.stage.request();
    published.publication.answered(&mut published.stage.turn(), asked, Err(Failure::Silence));
    let PublicationEvent::PublicationFailed { retry_in: Some(pause), .. } = published.stage.event() else {
        panic!()
    };
    assert!(pause >= Duration::from_secs(15));
    // What is wanted meanwhile does not wait.
    let (asked, now) = published.publish("two");
    assert_eq!(operation(&now).1, b"two");
    published.answered(asked, &now, 403, &[]);
    let failure = Failure::Refused(StatusCode::FORBIDDEN);
    assert_eq!(published.stage.event(), PublicationEvent::PublicationFailed { failure, retry_in: None });
    assert!(published.publication.deadline().is_none());
}

#[test]
fn what_failed_gives_way_to_what_is_wanted_now() {
    // tests rfc3903 §4
    let mut published = Published::new();
    let (asked, initial) = published.publish("one");
    published.publication.publish(&mut published.stage.turn(), document("two"));
    published.answered(asked, &initial, 400, &[]);
    let (asked, second) = published.stage.request();
    assert_eq!(operation(&second), (None, &b"two"[..], "600"));
    // Removed before it was ever kept.
    published.publication.remove(&mut published.stage.turn());
    published.answered(asked, &second, 200, &KEPT);
    let effects = published.stage.effects();
    let Some(ruf_events::Effect::Request { request, .. }) = effects.last() else { panic!("{effects:?}") };
    assert_eq!(operation(request), (Some("e1"), &b""[..], "0"));
}

#[test]
fn a_removal_goes_out_though_what_went_before_it_failed() {
    // tests rfc3903 §4.5
    for code in [503, 403] {
        let mut published = Published::kept();
        let (asked, second) = published.publish("two");
        published.publication.remove(&mut published.stage.turn());
        published.answered(asked, &second, code, &[]);
        let (asked, removal) = published.stage.request();
        assert_eq!(operation(&removal), (Some("e1"), &b""[..], "0"));
        // It is tried once.
        published.answered(asked, &removal, code, &[]);
        let failure = Failure::Refused(StatusCode::new(code).unwrap());
        assert_eq!(published.stage.event(), PublicationEvent::PublicationFailed { failure, retry_in: None });
    }
}

#[test]
fn with_credentials_it_goes_out_again() {
    // tests rfc3261 §22.2
    let mut published = Published::new();
    let (asked, initial) = published.publish("one");
    let again = published.publication.retry(asked).unwrap();
    assert_eq!((again.cseq, published.publication.retry(asked)), (2, None));
    published.answered(asked, &initial, 403, &[]);
    published.stage.nothing();
    published.answered(again, &initial, 200, &KEPT);
    published.stage.event();
    assert_eq!(published.publication.retry(again), None);
}
