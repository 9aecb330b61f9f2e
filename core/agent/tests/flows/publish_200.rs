//! Alice publishes how she is.

use crate::stage::{Stage, proved};
use crate::watch_notify::document;
use ruf_agent::AgentEvent;
use ruf_events::PublicationEvent;
use ruf_message::{HeaderName, Method, StatusCode};

#[test]
fn challenged_kept_changed_and_removed() {
    // tests rfc3903 §4.1, §4.2, §4.4, §4.5, rfc3261 §22.2
    let mut stage = Stage::new();
    stage.agent.publish(stage.now, document("one"));
    let first = stage.request();
    assert_eq!((first.method(), first.uri().to_string()), (Method::Publish, "sip:alice@example.org".into()));
    assert_eq!(first.to().uri().to_string(), "sip:alice@example.org");
    stage.challenge(&first, StatusCode::UNAUTHORIZED, "n1", false);
    let second = stage.request();
    assert_eq!((second.cseq().number, second.body()), (2, &b"one"[..]));
    proved(&second, HeaderName::Authorization);
    let kept = [(HeaderName::SipETag, "e1"), (HeaderName::Expires, "3600")];
    stage.answer(&second, StatusCode::OK, "server", &kept);
    let published = AgentEvent::Publication(PublicationEvent::Published { expires_secs: 3_600 });
    assert_eq!(stage.events(), [published]);

    stage.agent.publish(stage.now, document("two"));
    let modify = stage.request();
    assert_eq!(modify.raw(HeaderName::SipIfMatch).next(), Some(&b"e1"[..]));
    assert_eq!((modify.cseq().number, modify.body()), (3, &b"two"[..]));
    assert_eq!(proved(&modify, HeaderName::Authorization).1, Some(2));
    stage.answer(&modify, StatusCode::OK, "server", &[(HeaderName::SipETag, "e2")]);
    stage.events();
    stage.agent.unpublish(stage.now);
    let remove = stage.request();
    assert_eq!(remove.raw(HeaderName::Expires).next(), Some(&b"0"[..]));
    assert!(stage.agent.is_published());
    stage.answer(&remove, StatusCode::OK, "server", &[]);
    assert_eq!(stage.events(), [AgentEvent::Publication(PublicationEvent::Removed)]);
    assert!(!stage.agent.is_published());
    stage.run(std::time::Duration::from_secs(40));
    assert!(stage.agent.is_idle());
}

#[test]
fn it_is_refreshed_in_time() {
    // tests rfc3903 §4.3
    let mut stage = Stage::new();
    stage.agent.publish(stage.now, document("one"));
    let first = stage.request();
    stage.answer(
        &first,
        StatusCode::OK,
        "server",
        &[(HeaderName::SipETag, "e1"), (HeaderName::Expires, "60")],
    );
    stage.run(std::time::Duration::from_millis(30_100));
    let refresh = stage.request();
    assert_eq!(refresh.raw(HeaderName::SipIfMatch).next(), Some(&b"e1"[..]));
    assert!(refresh.body().is_empty());
}
