//! OPTIONS, asked and answered.

use crate::pair::{Pair, Side};
use crate::stage::Stage;
use ruf_agent::{AgentEvent, Answer, Failure};
use ruf_message::{HeaderName, StatusCode};

#[test]
fn the_answer_says_what_we_can_do() {
    // tests rfc3261 §11.2, rfc3891 §6.2, rfc4488 §4, rfc6665 §4.4.4-1
    let mut stage = Stage::new();
    stage.give_text(
        "OPTIONS sip:alice@192.0.2.1 SIP/2.0
Via: SIP/2.0/UDP 192.0.2.9:5060;branch=z9hG4bK1
From: <sip:bob@example.org>;tag=b
To: <sip:alice@example.org>
Call-ID: 1@example.org
CSeq: 1 OPTIONS
",
    );
    let response = stage.response();
    assert_eq!(response.status(), StatusCode::OK);
    let value = |name| String::from_utf8_lossy(response.raw(name).next().unwrap()).into_owned();
    assert_eq!(
        value(HeaderName::Allow),
        "INVITE, ACK, CANCEL, BYE, OPTIONS, MESSAGE, PRACK, UPDATE, INFO, REFER, NOTIFY, SUBSCRIBE"
    );
    assert_eq!(value(HeaderName::Accept), "application/sdp");
    assert_eq!(value(HeaderName::Supported), "100rel, histinfo, norefersub, replaces, timer");
    assert_eq!(value(HeaderName::AllowEvents), "presence, refer");
    assert!(response.to_tag().is_some());
}

#[test]
fn a_ping_hears_of_an_answer_and_of_silence() {
    // tests rfc3261 §11, §8.1.3.1
    let mut pair = Pair::new(1);
    let bob = "sip:bob@example.org".parse().unwrap();
    let request = pair.a.options(pair.now, &bob).unwrap();
    pair.settle();
    pair.expect_ladder("a→b OPTIONS | b→a 200 OPTIONS");
    let told = |request, answer| AgentEvent::OptionsAnswered { request, answer };
    let reason = "OK".to_owned();
    let ok = Answer::Final { status: StatusCode::OK, reason };
    assert_eq!(pair.told(Side::A), [&told(request, ok)]);
    pair.clear();
    pair.lose_all();
    let request = pair.a.options(pair.now, &bob).unwrap();
    pair.settle();
    assert_eq!(pair.told(Side::A), [&told(request, Answer::None(Failure::Silence))]);
}
