//! Answers that no server may give, and messages that belong to nobody.

use std::time::Duration;

use bytes::Bytes;
use ruf_load::Plan;
use ruf_load::mix::{Kind, Mix};
use ruf_load::tally::Outcome;
use ruf_message::{HeaderName, Message, Method, StatusCode, Transport};

use crate::stage::{CALLEE, CALLER, Fate, Stage, flow, is, plan};

/// What becomes of a call, of whose INVITE the server makes this.
fn outcome(kind: Kind, fate: impl Fn(&ruf_message::Request) -> ruf_message::Response + 'static) -> Outcome {
    let mut stage = Stage::new(Plan { mix: Mix::only(kind), ..plan() });
    stage.begin_with(move |message| match message {
        Message::Request(request) if request.method() != Method::Ack => Fate::Say(vec![fate(request)]),
        _ => Fate::Lost,
    });
    stage.finish();
    stage.failure()
}

#[test]
fn a_200_that_does_not_say_where_to_go_on_is_wrong() {
    // tests rfc3261 §12.1.1
    let found = outcome(Kind::Call, |invite| invite.reply(StatusCode::OK));
    assert_eq!(found, Outcome::Wrong(Method::Invite, "200 without a Contact to send to"));
}

#[test]
fn a_200_that_lists_no_binding_is_wrong() {
    // tests rfc3261 §10.3
    let found = outcome(Kind::Register, |register| register.reply(StatusCode::OK));
    assert_eq!(found, Outcome::Wrong(Method::Register, "200 that lists no contact"));
}

#[test]
fn an_answer_that_names_another_call_is_wrong() {
    let found = outcome(Kind::Options, |options| {
        let mut response = options.reply(StatusCode::OK);
        response.set(HeaderName::CallId, "somebody-else");
        response
    });
    assert_eq!(found, Outcome::Wrong(Method::Options, "an answer that names another call or none"));
}

#[test]
fn an_answer_to_another_method_of_the_same_branch_is_not_taken_for_ours() {
    // tests rfc3261 §17.1.3
    let mut stage = Stage::new(Plan { mix: Mix::only(Kind::Options), ..plan() });
    stage.begin_with(|message| match message {
        Message::Request(request) => {
            let mut response = request.reply(StatusCode::OK);
            response.set(HeaderName::CSeq, "1 MESSAGE");
            Fate::Say(vec![response])
        }
        Message::Response(_) => Fate::Pass,
    });
    assert!(stage.finish().strays > 0);
    assert_eq!(stage.failure(), Outcome::Silence(Method::Options));
}

#[test]
fn a_bye_that_is_refused_is_a_failure_of_the_call() {
    let mut stage = Stage::new(plan());
    stage.begin_with(|message| {
        if is(message, Method::Bye) { Fate::Answer(StatusCode::CALL_DOES_NOT_EXIST) } else { Fate::Pass }
    });
    stage.finish();
    assert_eq!(stage.failure(), Outcome::Refused(Method::Bye, 481));
}

#[test]
fn noise_and_requests_of_strangers_are_counted_and_answered_and_end_nothing() {
    let mut stage = Stage::new(plan());
    stage.begin();
    let (caller, callee) = (flow(Transport::Udp, 0, CALLER, 0), flow(Transport::Udp, 1, CALLEE, 0));
    for noise in
        [&b""[..], b"\r\n\r\n", b"\xff\xfe", b"SIP/2.0 200 OK\r\n\r\n", b"INVITE sip:x SIP/2.0\r\n\r\n"]
    {
        for flow in [caller, callee] {
            stage.load.receive(stage.now, flow, &Bytes::from_static(noise));
        }
    }
    let stranger = "BYE sip:u1@h SIP/2.0\r\nVia: SIP/2.0/UDP x;branch=z9hG4bKs\r\nFrom: <sip:x@y>;tag=1\r\n\
        To: <sip:u1@h>;tag=2\r\nCall-ID: stranger\r\nCSeq: 1 BYE\r\nContent-Length: 0\r\n\r\n";
    stage.load.receive(stage.now, callee, &Bytes::from(stranger));
    let answer = std::iter::from_fn(|| stage.load.poll_transmit()).last().unwrap();
    assert!(answer.bytes.starts_with(b"SIP/2.0 481 "));
    stage.pass(Duration::from_secs(1));
    let tally = stage.load.tally();
    assert_eq!((tally.strays, tally.answered.refused), (10, 1));
}
