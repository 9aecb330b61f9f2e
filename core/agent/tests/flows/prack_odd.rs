//! PRACK and reliable responses as others send them: twice, out of order, of nothing; and when all are wanted so.

use crate::pair::sdp;
use crate::stage::{Stage, from_bob};
use ruf_agent::{AgentEvent, CallKey};
use ruf_message::header::reliable::RSeq;
use ruf_message::{HeaderName, Message, Method, Request, Response, StatusCode, Tick};
use std::time::Duration;

const BOB: (HeaderName, &str) = (HeaderName::Contact, "<sip:bob@192.0.2.2>");
const REQUIRE: (HeaderName, &str) = (HeaderName::Require, "100rel");

fn text(message: &Request, name: HeaderName) -> String {
    String::from_utf8_lossy(message.raw(name).next().unwrap_or(b"-")).into_owned()
}

/// Bob calls Alice, and knows or wants reliable responses.
struct Rung {
    stage: Stage,
    call: CallKey,
    tag: String,
}

impl Rung {
    fn new(more: &str) -> Self {
        Rung::at(Stage::new(), more)
    }

    fn at(mut stage: Stage, more: &str) -> Self {
        stage.give_text(&from_bob("INVITE", 1, "", more));
        let told = stage.events();
        let [AgentEvent::Incoming { call, .. }] = told[..] else { panic!("{told:?}") };
        Rung { stage, call, tag: String::new() }
    }

    fn progress(&mut self, status: StatusCode, body: Option<ruf_agent::Body>) {
        self.stage.agent.progress(self.stage.now, self.call, status, body);
    }

    /// The only response that went out.
    #[track_caller]
    fn sent(&mut self) -> Response {
        let response = self.stage.response();
        self.tag = String::from_utf8_lossy(response.to_tag().unwrap()).into_owned();
        response
    }

    /// A PRACK with these header lines: what it is answered.
    #[track_caller]
    fn prack(&mut self, cseq: u32, more: &str) -> Response {
        self.stage.give_text(&from_bob("PRACK", cseq, &format!(";tag={}", self.tag), more));
        self.stage.response()
    }
}

/// The number of a reliable response.
#[track_caller]
fn number(response: &Response) -> u32 {
    assert!(response.require().eq(["100rel"]));
    let RSeq(number) = response.header().unwrap().unwrap();
    number
}

#[test]
fn all_are_reliable_if_the_caller_wants_it_and_one_is_out_at_a_time() {
    // tests rfc3262 §3, §7.1
    let mut rung = Rung::new("Require: 100rel\nContent-Type: application/sdp\n\noffer");
    rung.progress(StatusCode::RINGING, None);
    let ringing = rung.sent();
    let first = number(&ringing);
    assert!((1..1 << 31).contains(&first));
    rung.progress(StatusCode::QUEUED, None);
    rung.progress(StatusCode::SESSION_PROGRESS, sdp("answer"));
    assert!(rung.stage.sent().is_empty(), "they wait");
    rung.stage.give_text(&from_bob(
        "PRACK",
        2,
        &format!(";tag={}", rung.tag),
        &format!("RAck: {first} 1 INVITE\n"),
    ));
    let sent = rung.stage.sent();
    let [Message::Response(ok), Message::Response(queued)] = &sent[..] else { panic!("{sent:?}") };
    assert_eq!((ok.status(), queued.status()), (StatusCode::OK, StatusCode::QUEUED));
    assert!(!ok.contains(HeaderName::Contact));
    assert_eq!(number(queued), first + 1);
    rung.stage.give_text(&from_bob(
        "PRACK",
        3,
        &format!(";tag={}", rung.tag),
        &format!("RAck: {} 1 INVITE\n", first + 1),
    ));
    let sent = rung.stage.sent();
    let [_, Message::Response(progress)] = &sent[..] else { panic!("{sent:?}") };
    assert_eq!((number(progress), progress.body()), (first + 2, &b"answer"[..]));
}

#[test]
fn no_more_wait_than_may() {
    // tests rfc3262 §3
    let mut rung = Rung::new("Require: 100rel\n");
    for _ in 0..20 {
        rung.progress(StatusCode::RINGING, None);
    }
    let mut next = number(&rung.sent());
    let mut sent = 1;
    for cseq in 2.. {
        let more = format!("RAck: {next} 1 INVITE\n");
        rung.stage.give_text(&from_bob("PRACK", cseq, &format!(";tag={}", rung.tag), &more));
        let [_, Message::Response(ringing)] = &rung.stage.sent()[..] else { break };
        next = number(ringing);
        sent += 1;
    }
    assert_eq!(sent, 1 + 8);
}

#[test]
fn who_does_not_know_them_gets_none() {
    // tests rfc3262 §3
    let mut rung = Rung::new("Supported: timer\nContent-Type: application/sdp\n\noffer");
    rung.progress(StatusCode::SESSION_PROGRESS, sdp("answer"));
    let response = rung.sent();
    assert!(!response.contains(HeaderName::RSeq) && !response.contains(HeaderName::Require));
    rung.stage.agent.answer(rung.stage.now, rung.call, sdp("answer"));
    assert_eq!(rung.stage.response().body(), b"answer");
}

#[test]
fn a_prack_of_nothing_is_481() {
    // tests rfc3262 §3
    let mut rung = Rung::new("Require: 100rel\n");
    rung.progress(StatusCode::RINGING, None);
    let first = number(&rung.sent());
    assert_eq!(rung.prack(2, "").status(), StatusCode::BAD_REQUEST);
    for wrong in [format!("{} 1 INVITE", first + 1), format!("{first} 2 INVITE"), format!("{first} 1 UPDATE")]
    {
        assert_eq!(rung.prack(3, &format!("RAck: {wrong}\n")).status(), StatusCode::CALL_DOES_NOT_EXIST);
        rung.stage.run(Duration::from_secs(64));
        rung = Rung::new("Require: 100rel\n");
        rung.progress(StatusCode::RINGING, None);
        rung.sent();
    }
    let mut rung = Rung::new("Require: 100rel\n");
    rung.progress(StatusCode::RINGING, None);
    let rack = format!("RAck: {} 1 INVITE\n", number(&rung.sent()));
    assert_eq!(rung.prack(4, &rack).status(), StatusCode::OK);
    assert_eq!(rung.prack(5, &rack).status(), StatusCode::CALL_DOES_NOT_EXIST, "once is enough");
}

#[test]
fn it_is_sent_again_at_doubled_times_and_the_call_is_refused_at_64_t1() {
    // tests rfc3262 §3
    let mut rung = Rung::new("Require: 100rel\n");
    rung.progress(StatusCode::RINGING, None);
    let mut seen = Vec::new();
    while !rung.stage.agent.is_idle() {
        for message in rung.stage.sent() {
            let Message::Response(response) = message else { panic!("{message:?}") };
            seen.push((response.status().as_u16(), rung.stage.now.saturating_sub(Tick::ZERO).as_millis()));
        }
        let Some(deadline) = rung.stage.agent.poll_deadline() else { break };
        rung.stage.run(deadline.saturating_sub(rung.stage.now));
        if seen.last().is_some_and(|(status, _)| *status == 504) {
            break;
        }
    }
    let times = [0, 500, 1_500, 3_500, 7_500, 15_500, 31_500];
    let expected: Vec<_> = times.into_iter().map(|at| (180, at)).chain([(504, 32_000)]).collect();
    assert_eq!(seen[..8], expected);
}

#[test]
fn the_2xx_need_not_wait_for_a_response_without_a_description_and_its_prack_may_come_later() {
    // tests rfc3262 §3
    let mut rung = Rung::new("Require: 100rel\nContent-Type: application/sdp\n\noffer");
    rung.progress(StatusCode::RINGING, None);
    let first = number(&rung.sent());
    rung.stage.agent.answer(rung.stage.now, rung.call, sdp("answer"));
    let answer = rung.stage.response();
    assert_eq!((answer.status(), answer.body()), (StatusCode::OK, &b"answer"[..]));
    assert!(!answer.contains(HeaderName::RSeq));
    rung.stage.give_text(&from_bob("ACK", 1, &format!(";tag={}", rung.tag), ""));
    rung.stage.run(Duration::from_secs(2));
    assert!(rung.stage.sent().is_empty(), "the 180 is not sent again");
    assert_eq!(
        rung.prack(2, &format!("RAck: {} 1 INVITE\n", first + 1)).status(),
        StatusCode::CALL_DOES_NOT_EXIST
    );
    assert_eq!(rung.prack(3, "").status(), StatusCode::BAD_REQUEST);
    assert_eq!(rung.prack(4, &format!("RAck: {first} 1 INVITE\n")).status(), StatusCode::OK);
    assert_eq!(rung.prack(5, &format!("RAck: {first} 1 INVITE\n")).status(), StatusCode::CALL_DOES_NOT_EXIST);
}

/// Alice has answered in a reliable 183, and Bob's PRACK makes a further offer.
fn offered(stage: Stage) -> (Rung, u32) {
    let mut rung = Rung::at(stage, "Supported: 100rel\nContent-Type: application/sdp\n\noffer");
    rung.progress(StatusCode::SESSION_PROGRESS, sdp("answer"));
    let first = number(&rung.sent());
    (rung, first)
}

#[test]
fn an_offer_in_a_prack_is_answered_in_its_200() {
    // tests rfc3262 §5
    let (mut rung, first) = offered(Stage::new());
    let response = rung.prack(2, &format!("RAck: {first} 1 INVITE\nContent-Type: application/sdp\n\nmore"));
    assert_eq!((response.status(), response.body()), (StatusCode::OK, &b"answer"[..]));
    let call = rung.call;
    let told = rung.stage.events();
    let reinvited = AgentEvent::Reinvited { call, body: sdp("more"), answer_due: false };
    assert_eq!(told, [AgentEvent::ProgressConfirmed { call, body: None }, reinvited]);
    // That is settled: another may follow.
    let update =
        from_bob("UPDATE", 3, &format!(";tag={}", rung.tag), "Content-Type: application/sdp\n\nyet more");
    rung.stage.give_text(&update);
    assert_eq!(rung.stage.response().status(), StatusCode::OK);
}

#[test]
fn the_user_may_be_asked_for_that_answer_and_the_call_waits_for_it() {
    // tests rfc3262 §5
    let asks = || Stage::with(|settings| settings.answer_reinvites = false);
    let prack = |rung: &mut Rung, first: u32| {
        let more = format!("RAck: {first} 1 INVITE\nContent-Type: application/sdp\n\nmore");
        rung.stage.give_text(&from_bob("PRACK", 2, &format!(";tag={}", rung.tag), &more));
        rung.stage.agent.answer(rung.stage.now, rung.call, sdp("second answer"));
        let response = rung.stage.response();
        assert_eq!((response.status(), response.cseq().method), (StatusCode::OK, &b"PRACK"[..]));
        assert_eq!(response.body(), b"second answer");
    };
    let (mut rung, first) = offered(asks());
    prack(&mut rung, first);
    rung.stage.agent.answer(rung.stage.now, rung.call, None);
    assert_eq!(rung.stage.response().cseq().method, b"INVITE");

    // The user accepts the call before the change is answered.
    let (mut rung, first) = offered(asks());
    rung.stage.agent.answer(rung.stage.now, rung.call, None);
    assert!(rung.stage.sent().is_empty());
    // All stages draw the same numbers.
    let more = format!("RAck: {first} 1 INVITE\nContent-Type: application/sdp\n\nmore");
    rung.stage.give_text(&from_bob("PRACK", 2, &format!(";tag={}", rung.tag), &more));
    assert!(rung.stage.sent().is_empty());
    rung.stage.agent.reject(rung.stage.now, rung.call, StatusCode::NOT_ACCEPTABLE_HERE);
    let sent = rung.stage.sent();
    let [Message::Response(prack), Message::Response(invite)] = &sent[..] else { panic!("{sent:?}") };
    assert_eq!((prack.status(), invite.status()), (StatusCode::NOT_ACCEPTABLE_HERE, StatusCode::OK));

    // Nobody answers it.
    let (mut rung, _) = offered(asks());
    rung.stage.give_text(&from_bob("PRACK", 2, &format!(";tag={}", rung.tag), &more));
    rung.stage.run(Duration::from_secs(20));
    assert!(rung.stage.sent().iter().any(
        |message| matches!(message, Message::Response(response) if response.status() == StatusCode::SERVER_TIMEOUT)
    ));

    // The call ends first.
    let (mut rung, _) = offered(asks());
    rung.stage.give_text(&from_bob("PRACK", 2, &format!(";tag={}", rung.tag), &more));
    rung.stage.agent.hang_up(rung.stage.now, rung.call);
    let sent = rung.stage.sent();
    let [Message::Response(prack), Message::Response(invite)] = &sent[..] else { panic!("{sent:?}") };
    assert_eq!((prack.status(), invite.status()), (StatusCode::REQUEST_TERMINATED, StatusCode::BUSY_HERE));
}

/// Alice calls Bob, who answers provisionally.
fn calling(stage: &mut Stage) -> (CallKey, Request) {
    let call = stage.agent.call(stage.now, &"sip:bob@example.org".parse().unwrap(), sdp("offer")).unwrap();
    let invite = stage.request();
    assert!(invite.supported().any(|tag| tag == "100rel"));
    (call, invite)
}

fn reliable(stage: &mut Stage, invite: &Request, status: StatusCode, tag: &str, rseq: &str) {
    stage.answer(invite, status, tag, &[BOB, REQUIRE, (HeaderName::RSeq, rseq)]);
}

#[test]
fn each_is_confirmed_once_and_in_order() {
    // tests rfc3262 §4, §7.2
    let mut stage = Stage::new();
    let (_, invite) = calling(&mut stage);
    reliable(&mut stage, &invite, StatusCode::RINGING, "bob", "7");
    let prack = stage.request();
    assert_eq!((prack.method(), text(&prack, HeaderName::RAck)), (Method::Prack, "7 1 INVITE".into()));
    assert_eq!((prack.uri().to_string(), prack.to_tag()), ("sip:bob@192.0.2.2".into(), Some(&b"bob"[..])));
    assert_eq!((prack.cseq().number, prack.contains(HeaderName::Contact)), (2, false));
    stage.answer(&prack, StatusCode::OK, "", &[]);
    assert_eq!(stage.events().len(), 1);
    for (status, rseq) in [(180, "7"), (183, "9"), (183, "6"), (183, "7")] {
        reliable(&mut stage, &invite, StatusCode::new(status).unwrap(), "bob", rseq);
        assert!(stage.sent().is_empty() && stage.events().is_empty(), "{rseq}");
    }
    reliable(&mut stage, &invite, StatusCode::SESSION_PROGRESS, "bob", "8");
    assert_eq!(text(&stage.request(), HeaderName::RAck), "8 1 INVITE");
    // Another branch of a fork counts for itself.
    reliable(&mut stage, &invite, StatusCode::RINGING, "carol", "1");
    let prack = stage.request();
    assert_eq!((text(&prack, HeaderName::RAck), prack.to_tag()), ("1 1 INVITE".into(), Some(&b"carol"[..])));
}

#[test]
fn what_is_no_reliable_response_is_told_and_not_confirmed() {
    // tests rfc3262 §4
    let mut stage = Stage::new();
    let (_, invite) = calling(&mut stage);
    reliable(&mut stage, &invite, StatusCode::TRYING, "bob", "1");
    assert!(stage.sent().is_empty() && stage.events().is_empty());
    stage.answer(&invite, StatusCode::RINGING, "bob", &[BOB, REQUIRE]);
    stage.answer(&invite, StatusCode::RINGING, "bob", &[BOB, (HeaderName::RSeq, "1")]);
    reliable(&mut stage, &invite, StatusCode::RINGING, "bob", "x");
    assert!(stage.sent().is_empty());
    assert_eq!(stage.events().len(), 3);
    // A callee sends no PRACK.
    let text = |value: &[u8]| String::from_utf8_lossy(value).into_owned();
    stage.give_text(&format!(
        "PRACK sip:alice@192.0.2.1 SIP/2.0
Via: SIP/2.0/UDP 192.0.2.9:5060;branch=z9hG4bKp
From: <sip:bob@example.org>;tag=bob
To: <sip:alice@example.org>;tag={}
Call-ID: {}
CSeq: 1 PRACK
RAck: 1 1 INVITE
",
        text(invite.from_tag().unwrap()),
        text(invite.call_id()),
    ));
    assert_eq!(stage.response().status(), StatusCode::CALL_DOES_NOT_EXIST);
}

#[test]
fn a_prack_answers_a_challenge_and_its_end_changes_nothing() {
    // tests rfc3262 §4, rfc3261 §22.2
    let mut stage = Stage::new();
    let (call, invite) = calling(&mut stage);
    reliable(&mut stage, &invite, StatusCode::RINGING, "bob", "7");
    let prack = stage.request();
    stage.challenge(&prack, StatusCode::PROXY_AUTHENTICATION_REQUIRED, "n", false);
    let again = stage.request();
    assert_eq!((again.method(), again.cseq().number), (Method::Prack, prack.cseq().number + 1));
    assert!(again.contains(HeaderName::ProxyAuthorization));
    stage.answer(&invite, StatusCode::OK, "bob", &[BOB]);
    assert_eq!(stage.request().method(), Method::Ack);
    stage.challenge(&again, StatusCode::PROXY_AUTHENTICATION_REQUIRED, "m", true);
    let last = stage.request();
    assert_eq!((last.method(), last.cseq().number), (Method::Prack, prack.cseq().number + 2));
    stage.answer(&last, StatusCode::CALL_DOES_NOT_EXIST, "", &[]);
    stage.agent.hang_up(stage.now, call);
    assert_eq!(stage.request().method(), Method::Bye);
}
