//! A request that begins something goes to the next place of its hop where the first finds nobody (RFC 3263 §4.3).

use crate::pair::{flow, sdp};
use crate::stage::{Stage, proved};
use crate::watch_notify::document;
use ruf_agent::{AgentEvent, Answer, Body, EndReason, Failure, WayQuestion};
use ruf_events::{PRESENCE, PublicationEvent};
use ruf_message::{Flow, HeaderName, Message, Method, Request, StatusCode, Tick, Transport, Uri};
use std::time::Duration;

const US: &str = "192.0.2.1:5060";
/// The first is where the stage begins.
const PLACES: [&str; 5] =
    ["192.0.2.9:5060", "192.0.2.22:5060", "192.0.2.23:5060", "192.0.2.24:5060", "192.0.2.25:5060"];

fn place(number: usize) -> Flow {
    flow(US, PLACES[number])
}

fn bob() -> Uri {
    "sip:bob@example.org".parse().unwrap()
}

fn hello() -> Body {
    Body { content_type: "text/plain".into(), content: "Hello".into() }
}

/// All that begins something.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Verb {
    Register,
    Call,
    Watch,
    Publish,
    Message,
    Options,
}

const VERBS: [Verb; 6] =
    [Verb::Register, Verb::Call, Verb::Watch, Verb::Publish, Verb::Message, Verb::Options];

impl Verb {
    fn begin(self, stage: &mut Stage) {
        let (agent, now) = (&mut stage.agent, stage.now);
        match self {
            Verb::Register => agent.register(now, 600),
            Verb::Call => drop(agent.call(now, &bob(), sdp("offer")).unwrap()),
            Verb::Watch => drop(agent.watch(now, &bob(), PRESENCE, 600).unwrap()),
            Verb::Publish => agent.publish(now, document("one")),
            Verb::Message => drop(agent.message(now, &bob(), hello()).unwrap()),
            Verb::Options => drop(agent.options(now, &bob()).unwrap()),
        }
    }
}

/// How a place finds nobody.
#[derive(Clone, Copy, Debug)]
enum Vain {
    Refused,
    Silent,
    Unreachable,
}

/// What went out since, retransmissions left out, and by which flow; questions are answered by the first of so many
/// places that has not failed.
fn gone(stage: &mut Stage, places: usize, is_ours: bool) -> Vec<(Request, Flow)> {
    let mut gone: Vec<(Request, Flow)> = Vec::new();
    loop {
        let before = gone.len();
        while let Some(WayQuestion { key, hop, failed, .. }) = stage.agent.poll_question() {
            assert_eq!(hop.is_none(), is_ours, "{hop:?}");
            let next = (0..places).map(place).find(|place| !failed.contains(place));
            stage.agent.found(stage.now, key, next);
        }
        while let Some(transmit) = stage.agent.poll_transmit() {
            if let Message::Request(request) = Message::parse(transmit.bytes).unwrap()
                && request.method() != Method::Ack
                && gone.last().is_none_or(|(last, _)| last.via().branch() != request.via().branch())
            {
                gone.push((request, transmit.flow));
            }
        }
        if gone.len() == before {
            return gone;
        }
    }
}

#[track_caller]
fn one(sent: Vec<(Request, Flow)>) -> (Request, Flow) {
    let count = sent.len();
    let [one] = <[_; 1]>::try_from(sent).unwrap_or_else(|sent| panic!("{count}: {sent:?}"));
    one
}

/// It finds nobody there; what goes out next.
fn fails(
    stage: &mut Stage,
    places: usize,
    is_ours: bool,
    sent: &(Request, Flow),
    how: Vain,
) -> Vec<(Request, Flow)> {
    match how {
        Vain::Refused => stage.answer(&sent.0, StatusCode::SERVICE_UNAVAILABLE, "x", &[]),
        Vain::Unreachable => stage.agent.unreachable(stage.now, sent.1),
        Vain::Silent => {
            // Until it is given up; retransmissions are not looked at.
            let end = stage.now + Duration::from_secs(33);
            let branch = sent.0.via().branch().unwrap().to_vec();
            let mut next = Vec::new();
            while next.is_empty() {
                let Some(due) = stage.agent.poll_deadline().filter(|due| *due <= end) else { break };
                stage.now = due;
                stage.agent.tick(due);
                next = gone(stage, places, is_ours);
                next.retain(|(request, _)| request.via().branch() != Some(&branch));
            }
            return next;
        }
    }
    gone(stage, places, is_ours)
}

#[test]
fn whatever_begins_goes_to_the_next_place_in_a_transaction_of_its_own() {
    // tests rfc3263 §4.3, rfc3261 §8.1.2, §10.2
    for is_ours in [true, false] {
        for verb in VERBS {
            for how in [Vain::Refused, Vain::Silent, Vain::Unreachable] {
                let mut stage = Stage::with(|settings| settings.has_server = is_ours);
                verb.begin(&mut stage);
                let first = one(gone(&mut stage, 3, is_ours));
                assert_eq!(first.1, place(0));
                let second = one(fails(&mut stage, 3, is_ours, &first, how));
                assert_eq!(second.1, place(1), "{verb:?} {how:?}");
                assert_ne!(second.0.via().branch(), first.0.via().branch());
                let same = |request: &Request| {
                    let text = |value: &[u8]| String::from_utf8_lossy(value).into_owned();
                    let cseq = (request.cseq().number, request.method());
                    (text(request.call_id()), cseq, request.uri().to_string(), text(request.body()))
                };
                let (id, (number, method), uri, body) = same(&first.0);
                // rfc3261 §10.2: one higher for each REGISTER
                let number = number + u32::from(verb == Verb::Register);
                assert_eq!(same(&second.0), (id, (number, method), uri, body));
                // Nothing is told, and the third serves.
                let third = one(fails(&mut stage, 3, is_ours, &second, Vain::Refused));
                assert_eq!((third.1, stage.events()), (place(2), vec![]), "{verb:?} {how:?}");
            }
        }
    }
}

#[test]
fn what_comes_of_the_last_place_counts_and_so_does_a_fourth() {
    // tests rfc3263 §4.3
    for (places, tried) in [(1, 1), (2, 2), (5, 4)] {
        for verb in VERBS {
            let mut stage = Stage::new();
            verb.begin(&mut stage);
            let mut sent = one(gone(&mut stage, places, true));
            for number in 1..tried {
                sent = one(fails(&mut stage, places, true, &sent, Vain::Refused));
                assert_eq!(sent.1, place(number));
            }
            // A retry of a registration, a watch or a publication comes much later.
            let silence = fails(&mut stage, places, true, &sent, Vain::Refused);
            assert!(silence.is_empty(), "{verb:?} {places}");
            let failure = Failure::Refused(StatusCode::SERVICE_UNAVAILABLE);
            let told = stage.events();
            let is_told = match (&told[..], verb) {
                ([AgentEvent::RegistrationFailed { failure: why, .. }], Verb::Register) => *why == failure,
                ([AgentEvent::Ended { reason, .. }], Verb::Call) => *reason == EndReason::Failed(failure),
                ([AgentEvent::Watch { .. }], Verb::Watch) => true,
                (
                    [AgentEvent::Publication(PublicationEvent::PublicationFailed { failure: why, .. })],
                    Verb::Publish,
                ) => *why == failure,
                ([AgentEvent::MessageAnswered { answer, .. }], Verb::Message)
                | ([AgentEvent::OptionsAnswered { answer, .. }], Verb::Options) => {
                    matches!(answer, Answer::Final { status: StatusCode::SERVICE_UNAVAILABLE, .. })
                }
                _ => false,
            };
            assert!(is_told, "{verb:?} {places}: {told:?}");
        }
    }
}

#[test]
fn a_call_and_a_watch_go_on_by_the_place_that_answered_and_say_so() {
    // tests rfc3261 §8.1.1.8, rfc3263 §4.3
    for verb in [Verb::Call, Verb::Watch, Verb::Register] {
        let mut stage = Stage::new();
        verb.begin(&mut stage);
        let first = one(gone(&mut stage, 2, true));
        stage.agent.unreachable(stage.now, first.1);
        // The next place is reached by another address of ours.
        let WayQuestion { key, failed, .. } = stage.agent.poll_question().unwrap();
        assert_eq!(failed, [place(0)]);
        let other = flow("192.0.2.77:5077", PLACES[1]);
        stage.agent.found(stage.now, key, Some(other));
        let (second, way) = one(gone(&mut stage, 2, true));
        let contact = |request: &Request| {
            String::from_utf8_lossy(request.raw(HeaderName::Contact).next().unwrap()).into_owned()
        };
        assert_eq!(way, other);
        assert!(contact(&second).starts_with("<sip:alice@192.0.2.77:5077"), "{}", contact(&second));
        let rest = |request: &Request| contact(request).split_once('>').unwrap().1.to_owned();
        assert_eq!(rest(&second), rest(&first.0));
    }
}

#[test]
fn a_phone_that_rang_is_not_called_again_elsewhere_nor_is_one_that_nobody_wants() {
    // tests rfc3263 §4.3, rfc3261 §9.1
    let mut stage = Stage::new();
    Verb::Call.begin(&mut stage);
    let (invite, _) = one(gone(&mut stage, 2, true));
    stage.answer(&invite, StatusCode::RINGING, "bob", &[(HeaderName::Contact, "<sip:bob@192.0.2.2>")]);
    stage.answer(&invite, StatusCode::SERVICE_UNAVAILABLE, "bob", &[]);
    assert!(gone(&mut stage, 2, true).is_empty());
    assert!(matches!(stage.events()[..], [AgentEvent::Ringing { .. }, AgentEvent::Ended { .. }]));
    // Hung up while the next place is sought.
    let call = stage.agent.call(stage.now, &bob(), sdp("offer")).unwrap();
    let (invite, _) = one(gone(&mut stage, 2, true));
    stage.answer(&invite, StatusCode::SERVICE_UNAVAILABLE, "x", &[]);
    stage.agent.hang_up(stage.now, call);
    assert!(gone(&mut stage, 2, true).is_empty());
    assert_eq!(stage.events(), [AgentEvent::Ended { call, reason: EndReason::Cancelled }]);
    // And while the next place is at it: nobody else hears of that.
    let call = stage.agent.call(stage.now, &bob(), sdp("offer")).unwrap();
    let first = one(gone(&mut stage, 2, true));
    let (invite, _) = one(fails(&mut stage, 2, true, &first, Vain::Refused));
    stage.answer(&invite, StatusCode::TRYING, "", &[]);
    stage.agent.hang_up(stage.now, call);
    let (cancel, way) = one(gone(&mut stage, 2, true));
    assert_eq!((cancel.method(), way), (Method::Cancel, place(1)));
    assert_eq!(cancel.via().branch(), invite.via().branch());
    stage.answer(&invite, StatusCode::SERVICE_UNAVAILABLE, "x", &[]);
    assert!(gone(&mut stage, 2, true).is_empty());
    assert_eq!(stage.events(), [AgentEvent::Ended { call, reason: EndReason::Cancelled }]);
    stage.run(Duration::from_secs(40));
    assert!(stage.agent.is_idle(), "{:?}", stage.agent.counts());
}

#[test]
fn a_driver_that_does_not_answer_is_not_waited_for_for_ever() {
    for verb in VERBS {
        let mut stage = Stage::new();
        verb.begin(&mut stage);
        let first = one(gone(&mut stage, 2, true));
        stage.answer(&first.0, StatusCode::SERVICE_UNAVAILABLE, "x", &[]);
        let end = stage.now + Duration::from_secs(33);
        let told = loop {
            if let Some(told) = stage.agent.poll_event() {
                break told;
            }
            stage.now =
                stage.agent.poll_deadline().filter(|due| *due <= end).expect("it waits for something");
            stage.agent.tick(stage.now);
        };
        assert!(stage.now > Tick::ZERO, "{verb:?} {told:?}");
    }
}

const PROXY: StatusCode = StatusCode::PROXY_AUTHENTICATION_REQUIRED;

/// What goes out in answer to a challenge.
fn challenged(stage: &mut Stage, sent: &(Request, Flow), nonce: &str) -> (Request, Flow) {
    stage.challenge(&sent.0, PROXY, nonce, false);
    let again = one(gone(stage, 3, true));
    assert_eq!(proved(&again.0, HeaderName::ProxyAuthorization), (nonce.into(), Some(1)));
    assert_eq!(again.1, sent.1);
    again
}

#[test]
fn the_next_place_asks_for_the_password_itself_and_gets_an_answer_of_its_own() {
    // tests rfc3263 §4.3, rfc3261 §22.1, §22.3
    for verb in VERBS {
        let mut stage = Stage::new();
        verb.begin(&mut stage);
        let mut sent = one(gone(&mut stage, 3, true));
        for (number, nonce) in ["first", "second", "third"].into_iter().enumerate() {
            assert_eq!(sent.1, place(number), "{verb:?}");
            assert!(!sent.0.contains(HeaderName::ProxyAuthorization), "{verb:?}: {}", sent.0);
            sent = challenged(&mut stage, &sent, nonce);
            if number < 2 {
                sent = one(fails(&mut stage, 3, true, &sent, Vain::Refused));
            }
        }
        let fields = [
            (HeaderName::Contact, "<sip:bob@192.0.2.9>"),
            (HeaderName::SipETag, "1"),
            (HeaderName::Expires, "600"),
        ];
        stage.answer(&sent.0, StatusCode::OK, "bob", &fields);
        let told = stage.events();
        let is_served = match (&told[..], verb) {
            ([AgentEvent::Registered { .. }], Verb::Register)
            | ([AgentEvent::Answered { .. }], Verb::Call)
            | ([AgentEvent::Publication(PublicationEvent::Published { .. })], Verb::Publish)
            // A NOTIFY is still to come.
            | ([], Verb::Watch) => true,
            ([AgentEvent::MessageAnswered { answer, .. }], Verb::Message)
            | ([AgentEvent::OptionsAnswered { answer, .. }], Verb::Options) => {
                matches!(answer, Answer::Final { status: StatusCode::OK, .. })
            }
            _ => false,
        };
        assert!(is_served, "{verb:?}: {told:?}");
    }
}

#[test]
fn what_acknowledges_an_answer_of_the_next_place_proves_nothing_that_only_the_first_asked_for() {
    // tests rfc3261 §13.2.2.4, §22.1
    let mut stage = Stage::new();
    Verb::Call.begin(&mut stage);
    let first = one(gone(&mut stage, 2, true));
    let again = challenged(&mut stage, &first, "first");
    let second = one(fails(&mut stage, 2, true, &again, Vain::Refused));
    stage.answer(&second.0, StatusCode::OK, "bob", &[(HeaderName::Contact, "<sip:bob@192.0.2.22>")]);
    let sent = stage.agent.poll_transmit().expect("an ACK");
    let Ok(Message::Request(ack)) = Message::parse(sent.bytes) else { panic!("no request") };
    assert_eq!((ack.method(), ack.cseq().number), (Method::Ack, second.0.cseq().number));
    assert!(!ack.contains(HeaderName::ProxyAuthorization), "{ack}");
}

#[test]
fn another_connection_to_the_same_place_is_no_other_place() {
    // tests rfc3263 §4.3
    let by = |connection| Flow { transport: Transport::Tcp, connection, ..place(0) };
    for verb in VERBS {
        for how in [Vain::Refused, Vain::Silent, Vain::Unreachable] {
            let mut stage = Stage::with(|settings| settings.flow = by(1));
            verb.begin(&mut stage);
            let first = one(gone(&mut stage, 0, true));
            assert_eq!(first.1, by(1));
            match how {
                Vain::Refused => stage.answer(&first.0, StatusCode::SERVICE_UNAVAILABLE, "x", &[]),
                Vain::Unreachable => stage.agent.unreachable(stage.now, by(1)),
                Vain::Silent => {
                    stage.now = stage.now + Duration::from_secs(32);
                    stage.agent.tick(stage.now);
                }
            }
            let question = stage.agent.poll_question().expect("a question");
            assert!(question.rules_out(Transport::Tcp, by(2).remote));
            stage.agent.found(stage.now, question.key, Some(by(2)));
            assert!(gone(&mut stage, 0, true).is_empty(), "{verb:?} {how:?}");
            assert_eq!(stage.events().len(), 1, "{verb:?} {how:?}");
        }
    }
}

#[test]
fn for_how_long_a_place_serves_nobody_is_told_to_who_seeks_the_next() {
    // tests rfc3261 §21.5.4, §20.33
    for verb in VERBS {
        for (fields, secs) in [(&[(HeaderName::RetryAfter, "120 (busy)")][..], Some(120)), (&[], None)] {
            let mut stage = Stage::new();
            verb.begin(&mut stage);
            let (request, _) = one(gone(&mut stage, 2, true));
            stage.answer(&request, StatusCode::SERVICE_UNAVAILABLE, "x", fields);
            assert_eq!(stage.agent.poll_question().expect("a question").retry_after_secs, secs, "{verb:?}");
        }
    }
}
