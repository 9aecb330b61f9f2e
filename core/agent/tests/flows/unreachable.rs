//! The flow fails, or as many requests are open as may be: each request has its end at once.

use crate::pair::flow;
use crate::stage::Stage;
use ruf_agent::{AgentEvent, Answer, EndReason, Failure};
use ruf_message::{HeaderName, StatusCode};
use std::time::Duration;

#[test]
fn a_flow_that_fails_ends_what_went_by_it() {
    // tests rfc3261 §8.1.3.1
    let mut stage = Stage::new();
    let bob = "sip:bob@example.org".parse().unwrap();
    let call = stage.agent.call(stage.now, &bob, None).unwrap();
    let request = stage.agent.options(stage.now, &bob).unwrap();
    stage.agent.register(stage.now, 60);
    stage.agent.unreachable(stage.now, flow("192.0.2.1:5060", "192.0.2.9:5060"));
    let told = stage.events();
    let ended = AgentEvent::Ended { call, reason: EndReason::Failed(Failure::Unreachable) };
    assert!(told.contains(&ended), "{told:?}");
    let unanswered = AgentEvent::OptionsAnswered { request, answer: Answer::None(Failure::Unreachable) };
    assert!(told.contains(&unanswered), "{told:?}");
    let failure = Failure::Unreachable;
    assert!(
        told.iter().any(|event| matches!(event, AgentEvent::RegistrationFailed { failure: of, retry_in: Some(_) } if *of == failure))
    );
    assert!(stage.agent.is_idle(), "{:?}", stage.agent.counts());
}

#[test]
fn a_full_table_is_an_end_too() {
    // tests rfc3261 §8.1.3.1
    let bob = "sip:bob@example.org".parse().unwrap();
    let mut stage = Stage::with(|settings| settings.limits.transactions.clients_max = 0);
    let call = stage.agent.call(stage.now, &bob, None).unwrap();
    let ended = AgentEvent::Ended { call, reason: EndReason::Failed(Failure::Unreachable) };
    assert_eq!(stage.events(), [ended]);
    assert!(stage.agent.options(stage.now, &bob).is_err());
    stage.agent.register(stage.now, 60);
    assert!(matches!(
        stage.events()[..],
        [AgentEvent::RegistrationFailed { failure: Failure::Unreachable, retry_in: Some(_) }]
    ));
    assert!(stage.agent.is_idle(), "{:?}", stage.agent.counts());
}

#[test]
fn a_challenge_that_cannot_be_answered_for_want_of_room_ends_the_call() {
    // tests rfc3261 §8.1.3.1
    let mut stage = Stage::with(|settings| settings.limits.transactions.clients_max = 1);
    let call = stage.agent.call(stage.now, &"sip:bob@example.org".parse().unwrap(), None).unwrap();
    let invite = stage.request();
    stage.challenge(&invite, StatusCode::PROXY_AUTHENTICATION_REQUIRED, "n", false);
    let ended = AgentEvent::Ended { call, reason: EndReason::Failed(Failure::Unreachable) };
    assert_eq!(stage.events(), [ended]);
}

#[test]
fn a_bye_that_finds_no_room_ends_the_call() {
    // tests rfc3261 §15.1.1
    let mut stage = Stage::with(|settings| settings.limits.transactions.clients_max = 1);
    let call = stage.agent.call(stage.now, &"sip:bob@example.org".parse().unwrap(), None).unwrap();
    let invite = stage.request();
    stage.answer(&invite, StatusCode::OK, "bob", &[(HeaderName::Contact, "<sip:bob@192.0.2.2>")]);
    stage.events();
    stage.agent.hang_up(stage.now, call);
    assert_eq!(stage.events(), [AgentEvent::Ended { call, reason: EndReason::HungUp }]);
    stage.run(Duration::from_secs(64));
    assert!(stage.agent.is_idle(), "{:?}", stage.agent.counts());
}
