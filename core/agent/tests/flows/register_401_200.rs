//! A binding: made with a password, refreshed, removed.

use crate::stage::{Stage, proved};
use ruf_agent::{AgentEvent, Failure};
use ruf_message::{HeaderName, Method, Request, StatusCode};
use std::time::Duration;

const CONTACT: &str = "<sip:alice@192.0.2.1:5060>";

fn granted(stage: &mut Stage, request: &Request, expires_secs: u32) {
    let other = "<sip:alice@198.51.100.7>;expires=5";
    let ours = format!("{CONTACT};expires={expires_secs}");
    let fields: &[_] = if expires_secs == 0 { &[other] } else { &[other, &ours] };
    let fields: Vec<_> = fields.iter().map(|value| (HeaderName::Contact, *value)).collect();
    stage.answer(request, StatusCode::OK, "registrar", &fields);
}

#[test]
fn challenged_granted_refreshed_and_removed() {
    // tests rfc3261 §10.2, §10.2.1, §10.2.2, §10.2.4, §22.2
    let mut stage = Stage::new();
    stage.agent.register(stage.now, 3_600);
    stage.agent.register(stage.now, 3_600);
    let first = stage.request();
    assert_eq!((first.method(), first.uri().to_string()), (Method::Register, "sip:example.org".into()));
    assert_eq!(first.to().uri().to_string(), "sip:alice@example.org");
    assert_eq!(first.from().uri().to_string(), "sip:alice@example.org");
    assert_eq!(first.to_tag(), None);
    let contact = first.raw(HeaderName::Contact).next().unwrap();
    assert_eq!(String::from_utf8_lossy(contact), format!("{CONTACT};expires=3600"));

    stage.challenge(&first, StatusCode::UNAUTHORIZED, "n1", false);
    let second = stage.request();
    assert_eq!((second.call_id(), second.cseq().number), (first.call_id(), first.cseq().number + 1));
    assert_eq!(proved(&second, HeaderName::Authorization), ("n1".into(), Some(1)));
    granted(&mut stage, &second, 100);
    assert_eq!(stage.events(), [AgentEvent::Registered { expires_secs: 100 }]);
    assert!(stage.agent.is_registered());

    // Half of what was granted later, with the same nonce.
    stage.run(Duration::from_millis(49_999));
    assert!(stage.sent().is_empty());
    stage.run(Duration::from_millis(1));
    let refresh = stage.request();
    assert_eq!((refresh.call_id(), refresh.cseq().number), (first.call_id(), first.cseq().number + 2));
    assert_eq!(refresh.from_tag(), first.from_tag());
    assert_eq!(proved(&refresh, HeaderName::Authorization), ("n1".into(), Some(2)));
    // It went stale meanwhile.
    stage.challenge(&refresh, StatusCode::UNAUTHORIZED, "n2", true);
    let refresh = stage.request();
    assert_eq!(proved(&refresh, HeaderName::Authorization), ("n2".into(), Some(1)));

    // A wish that comes while one is out waits for its end.
    stage.agent.unregister(stage.now);
    assert!(stage.sent().is_empty());
    granted(&mut stage, &refresh, 3_600);
    let removal = stage.request();
    assert_eq!(removal.raw(HeaderName::Expires).next(), Some(&b"0"[..]));
    assert_eq!(
        String::from_utf8_lossy(removal.raw(HeaderName::Contact).next().unwrap()),
        format!("{CONTACT};expires=0")
    );
    // It is not gone because we want it gone.
    assert!(stage.agent.is_bound());
    stage.challenge(&removal, StatusCode::UNAUTHORIZED, "n3", true);
    let removal = stage.request();
    assert!(stage.agent.is_bound());
    granted(&mut stage, &removal, 0);
    assert!(!stage.agent.is_bound());
    assert_eq!(stage.events(), [AgentEvent::Registered { expires_secs: 3_600 }, AgentEvent::Unregistered]);
    stage.run(Duration::from_secs(100_000));
    assert!(stage.sent().is_empty() && stage.agent.is_idle(), "{:?}", stage.agent.counts());
}

#[test]
fn a_long_lifetime_is_refreshed_ten_minutes_before_its_end() {
    // tests rfc3261 §10.2.4
    let mut stage = Stage::new();
    stage.agent.register(stage.now, 3_600);
    let register = stage.request();
    granted(&mut stage, &register, 3_600);
    stage.run(Duration::from_secs(2_999));
    assert!(stage.sent().is_empty());
    stage.run(Duration::from_secs(1));
    assert_eq!(stage.request().method(), Method::Register);
}

#[test]
fn a_wrong_password_is_told_and_not_tried_again() {
    // tests rfc3261 §22.1
    let mut stage = Stage::with(|settings| *settings = settings.clone().with_password("alice", "wrong"));
    stage.agent.register(stage.now, 3_600);
    let first = stage.request();
    stage.challenge(&first, StatusCode::UNAUTHORIZED, "n1", false);
    let second = stage.request();
    stage.challenge(&second, StatusCode::UNAUTHORIZED, "n2", false);
    let failed = AgentEvent::RegistrationFailed {
        failure: Failure::Refused(StatusCode::UNAUTHORIZED),
        retry_in: None,
    };
    assert_eq!(stage.events(), [failed]);
    stage.run(Duration::from_secs(100_000));
    assert!(stage.sent().is_empty() && stage.agent.is_idle());
}

#[test]
fn a_silent_registrar_is_asked_again_later_and_later() {
    // tests rfc3261 §10.2.7, rfc5626 §4.5
    let mut stage = Stage::new();
    stage.agent.register(stage.now, 3_600);
    let mut pauses = Vec::new();
    while pauses.len() < 9 {
        let deadline = stage.agent.poll_deadline().unwrap();
        stage.run(deadline.saturating_sub(stage.now));
        stage.sent();
        for event in stage.events() {
            match event {
                AgentEvent::RegistrationFailed { failure, retry_in: Some(pause) } => {
                    assert_eq!(failure, Failure::Silence);
                    pauses.push(pause.as_secs());
                }
                other => panic!("{other:?}"),
            }
        }
    }
    for (pause, whole) in pauses.iter().zip([30, 60, 120, 240, 480, 960, 1_800, 1_800, 1_800]) {
        assert!((whole / 2..=whole).contains(pause), "{pauses:?}");
    }
    stage.agent.unregister(stage.now);
    let removal = stage.request();
    granted(&mut stage, &removal, 0);
    assert_eq!(stage.events(), [AgentEvent::Unregistered]);
}

#[test]
fn retry_after_is_obeyed() {
    // tests rfc3261 §20.33
    let mut stage = Stage::new();
    stage.agent.register(stage.now, 3_600);
    let first = stage.request();
    let later = [(HeaderName::RetryAfter, "7 (in maintenance)")];
    stage.answer(&first, StatusCode::SERVICE_UNAVAILABLE, "x", &later);
    let retry_in = Some(Duration::from_secs(7));
    let failed = AgentEvent::RegistrationFailed {
        failure: Failure::Refused(StatusCode::SERVICE_UNAVAILABLE),
        retry_in,
    };
    assert_eq!(stage.events(), [failed]);
    stage.run(Duration::from_secs(7));
    assert_eq!(stage.request().cseq().number, first.cseq().number + 1);
}
