//! The way to another place of the server's name (RFC 3263 §4.3), and what becomes of what went by the one before.

use super::*;

/// A message goes out, and is answered by the first place with 503.
fn is_refused(stage: &mut Stage) -> (Request, oneshot::Receiver<Result<Answered, Error>>) {
    let (message, answered) = stage.writes();
    stage.answers(&message, StatusCode::SERVICE_UNAVAILABLE);
    (message, answered)
}

pub(super) fn named() -> Account {
    alice().server("example.org:5060").expect("a server")
}

#[tokio::test]
async fn what_finds_nobody_at_one_place_of_the_server_takes_the_phone_to_the_next() {
    // tests rfc3263 §4.3
    let mut stage = Stage::registered_at(named(), &[[192, 0, 2, 9], [192, 0, 2, 10]]);
    let before = stage.flow;
    let (first, mut answered) = is_refused(&mut stage);
    stage.reaches();
    assert_ne!(stage.flow, before);
    // It is at home there from now on.
    stage.grants();
    let second = stage.sent();
    assert_eq!((second.method(), second.call_id()), (Method::Message, first.call_id()));
    stage.answers(&second, StatusCode::OK);
    assert_eq!(answered.try_recv().map(|answer| answer.map(|answer| answer.status)), Ok(Ok(StatusCode::OK)));
}

#[tokio::test]
async fn a_server_with_one_place_is_not_left_for_a_503() {
    // tests rfc3263 §4.3
    for places in [&[[192, 0, 2, 9]][..], &[]] {
        let account = if places.is_empty() { alice() } else { named() };
        let mut stage = Stage::registered_at(account, places);
        let (_, mut answered) = is_refused(&mut stage);
        assert!(stage.desk.poll_reach().is_none());
        let status = answered.try_recv().map(|answer| answer.map(|answer| answer.status));
        assert_eq!(status, Ok(Ok(StatusCode::SERVICE_UNAVAILABLE)));
        assert!(stage.desk.poll_transmit().is_none(), "it registers again");
    }
}

#[tokio::test]
async fn a_running_call_stays_with_the_place_that_it_went_to() {
    // tests rfc3261 §12.2.1.1
    let mut stage = Stage::registered_at(named(), &[[192, 0, 2, 9], [192, 0, 2, 10]]);
    let before = stage.flow;
    let line = stage.talks().line;
    let (_, _answered) = is_refused(&mut stage);
    stage.reaches();
    stage.grants();
    assert_eq!(stage.sent().method(), Method::Message);
    stage.desk.with(stage.now, |desk, now| desk.hang_up(now, line, None));
    stage.flow = before;
    assert_eq!(stage.sent().method(), Method::Bye);
}

#[tokio::test]
async fn a_call_whose_way_is_gone_goes_on_by_the_next() {
    // tests rfc5626 §4.4
    for account in [over_tcp(), named()] {
        let mut stage = Stage::registered_at(account, &[[192, 0, 2, 9], [192, 0, 2, 10]]);
        let before = stage.flow;
        let line = stage.talks().line;
        stage.desk.unreachable(stage.now, before);
        let sought = stage.waits(SEEK_AGAIN.0);
        stage.finds(sought);
        assert_ne!(stage.flow.remote, before.remote);
        stage.grants();
        stage.desk.with(stage.now, |desk, now| desk.hang_up(now, line, None));
        assert_eq!(stage.sent().method(), Method::Bye);
    }
}

#[tokio::test]
async fn a_place_that_was_left_is_not_asked_any_more_whether_it_keeps_the_way() {
    let places = [[192, 0, 2, 9], [192, 0, 2, 10]];
    let mut stage = Stage::registered_at(named().device(URN).expect("a URN"), &places);
    stage.is_asked(Some(stage.flow.local));
    let (_, _answered) = is_refused(&mut stage);
    stage.reaches();
    let there = stage.flow;
    assert_eq!((stage.sent().method(), stage.sent().method()), (Method::Register, Method::Message));
    while let Some(due) = stage.desk.poll_deadline().filter(|due| *due < Tick::ZERO + Duration::from_secs(30))
    {
        stage.now = due;
        stage.desk.tick(due);
        while let Some(sent) = stage.desk.poll_transmit() {
            assert_eq!(sent.flow, there);
        }
    }
    assert!(stage.now > Tick::ZERO + Duration::from_secs(20));
}

pub(super) fn over_tcp() -> Account {
    alice().server("sip:example.org:5060;transport=tcp").expect("a server")
}

#[tokio::test]
async fn another_connection_to_the_same_place_is_no_other_place() {
    // tests rfc3263 §4.3
    for is_lost in [true, false] {
        let mut stage = Stage::registered_at(over_tcp(), &[[192, 0, 2, 9]]);
        let (message, mut answered) = stage.writes();
        match is_lost {
            true => stage.desk.unreachable(stage.now, stage.flow),
            false => stage.answers(&message, StatusCode::SERVICE_UNAVAILABLE),
        }
        assert!(stage.desk.poll_reach().is_none());
        assert!(answered.try_recv().is_ok());
        // A connection that is gone is opened anew.
        let sought = stage.waits(SEEK_AGAIN.0);
        assert_eq!(sought.is_some(), is_lost);
        if is_lost {
            stage.finds(sought);
            stage.grants();
        }
        assert!(stage.desk.poll_transmit().is_none());
    }
}

#[tokio::test]
async fn the_third_place_is_tried_however_long_the_first_two_were_silent() {
    // tests rfc3263 §4.3
    let mut stage = Stage::registered_at(named(), &[[192, 0, 2, 9], [192, 0, 2, 10], [192, 0, 2, 11]]);
    let mut seen = vec![stage.flow.remote];
    let (_, _answered) = stage.writes();
    for _ in 0..2 {
        let sought = stage.waits(Duration::from_secs(33));
        let (_, place) = sought.as_ref().expect("another place");
        assert!(!seen.contains(&place.address), "{seen:?} {place}");
        seen.push(place.address);
        stage.finds(sought);
        stage.grants();
        assert_eq!(stage.sent().method(), Method::Message);
    }
}

#[tokio::test]
async fn a_server_that_says_when_to_register_again_is_left_alone_until_then() {
    // tests rfc3261 §20.33, §21.5.4
    let mut stage = Stage::registered_at(named(), &[[192, 0, 2, 9]]);
    stage.desk.with(stage.now, |desk, now| desk.register(now, oneshot::channel().0));
    let register = stage.sent();
    let mut refused = register.reply(StatusCode::SERVICE_UNAVAILABLE);
    refused.add(HeaderName::RetryAfter, "120");
    stage.desk.receive(stage.now, stage.flow, refused.to_bytes());
    let began = stage.now;
    let mut sent = 0;
    while let Some(due) = stage.desk.poll_deadline().filter(|due| *due <= began + Duration::from_secs(120)) {
        stage.now = due;
        stage.desk.tick(due);
        assert!(stage.desk.poll_reach().is_none());
        while let Some(transmit) = stage.desk.poll_transmit() {
            let is_register = transmit.bytes.starts_with(b"REGISTER");
            assert!(!is_register || due == began + Duration::from_secs(120), "{due:?}");
            sent += usize::from(is_register);
        }
    }
    assert_eq!(sent, 1);
    let retry_in = Some(Duration::from_secs(120));
    let told = std::iter::from_fn(|| stage.told.try_recv().ok());
    let is_it = |told: &Told| matches!(told, Told::Event(PhoneEvent::RegistrationFailed { retry_in: again, .. }) if *again == retry_in);
    assert!(told.last().as_ref().is_some_and(is_it));
}

#[tokio::test]
async fn two_requests_that_are_refused_take_the_phone_to_the_next_place_once() {
    // tests rfc3263 §4.3
    let mut stage = Stage::registered_at(named(), &[[192, 0, 2, 9], [192, 0, 2, 10]]);
    let [(one, _first), (other, _second)] = [stage.writes(), stage.writes()];
    for message in [&one, &other] {
        stage.answers(message, StatusCode::SERVICE_UNAVAILABLE);
    }
    let sought = stage.desk.poll_reach();
    let later = stage.desk.poll_reach();
    stage.finds(sought);
    stage.grants();
    assert_eq!(stage.sent().call_id(), one.call_id());
    stage.finds(later);
    assert_eq!(stage.sent().call_id(), other.call_id());
    assert!(stage.desk.poll_transmit().is_none(), "one REGISTER");
}

#[tokio::test]
async fn a_server_is_not_left_for_what_is_refused_in_a_call() {
    // tests rfc3263 §4.3
    let mut stage = Stage::registered_at(named(), &[[192, 0, 2, 9]]);
    let line = stage.talks().line;
    stage.desk.with(stage.now, |desk, now| desk.change(now, line, crate::talk::Change::Hold));
    let hold = stage.sent();
    stage.answers(&hold, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(stage.sent().method(), Method::Ack);
    assert!(stage.waits(SEEK_AGAIN.1).is_none(), "it is sought again");
}

#[tokio::test]
async fn a_request_that_finds_another_place_sooner_than_the_phone_keeps_it_there() {
    let mut stage = Stage::registered_at(over_tcp(), &[[192, 0, 2, 9], [192, 0, 2, 10]]);
    let (_, _answered) = stage.writes();
    stage.desk.unreachable(stage.now, stage.flow);
    // The request seeks another place, and so does, after a while, the phone.
    let ours = stage.desk.poll_reach();
    let (token, _) = stage.waits(SEEK_AGAIN.0).expect("the way is sought");
    stage.finds(ours);
    stage.grants();
    assert_eq!(stage.sent().method(), Method::Message);
    stage.desk.reached(stage.now, token, Err(ruf_net::Unreachable::Refused));
    while let Some((token, _)) = stage.desk.poll_reach() {
        stage.desk.reached(stage.now, token, Err(ruf_net::Unreachable::Refused));
    }
    let (_, _answered) = stage.writes();
}

#[tokio::test]
async fn a_registration_is_kept_by_whichever_place_is_there() {
    // tests rfc3263 §4.3, rfc3261 §10.2.4
    let mut stage = Stage::registered_at(named(), &[[192, 0, 2, 9], [192, 0, 2, 10]]);
    let (first, mut number) = (stage.flow, 1);
    // Each in turn is silent when the registration is to be refreshed; the other takes it.
    for _ in 0..4 {
        let silent = stage.flow;
        let sought = stage.waits(Duration::from_secs(3_600));
        stage.finds(sought);
        assert_ne!(stage.flow, silent);
        let request = stage.grants();
        assert!(request.cseq().number > number, "{request}");
        number = request.cseq().number;
    }
    assert_eq!(stage.flow, first);
    // Both are silent: it is told once, and tried again until one answers.
    while stage.told.try_recv().is_ok() {}
    let sought = stage.waits(Duration::from_secs(3_600));
    stage.finds(sought);
    let sought = stage.waits(Duration::from_secs(60));
    let told = stage.told.try_recv();
    let Ok(Told::Event(PhoneEvent::RegistrationFailed { error, retry_in })) = told else {
        panic!("no failure")
    };
    assert_eq!((error, retry_in), (Error::Silence, Some(SEEK_AGAIN.0)));
    stage.finds(sought);
    stage.grants();
    assert!(matches!(stage.told.try_recv(), Ok(Told::Event(PhoneEvent::Registered { .. }))));
    assert!(stage.desk.poll_transmit().is_none());
}

#[tokio::test]
async fn a_place_that_says_for_how_long_it_serves_nobody_comes_last_until_then() {
    // tests rfc3261 §21.5.4
    for (wait, is_left_out) in [(100, true), (700, false)] {
        let mut stage = Stage::registered_at(named(), &[[192, 0, 2, 9], [192, 0, 2, 10]]);
        let first = stage.flow.remote;
        let (message, _answered) = stage.writes();
        let mut refused = message.reply(StatusCode::SERVICE_UNAVAILABLE);
        refused.add(HeaderName::RetryAfter, "600");
        stage.desk.receive(stage.now, stage.flow, refused.to_bytes());
        stage.reaches();
        stage.grants();
        let message = stage.sent();
        stage.answers(&message, StatusCode::OK);
        assert!(stage.waits(Duration::from_secs(wait)).is_none());
        // The other place breaks, too.
        stage.desk.unreachable(stage.now, stage.flow);
        let (_, place) = stage.waits(SEEK_AGAIN.0).expect("the way is sought");
        assert_eq!(place.address != first, is_left_out, "{place}");
    }
}

#[tokio::test]
async fn a_registration_that_is_under_way_when_the_phone_goes_elsewhere_goes_there_too() {
    // tests rfc3261 §10.2, rfc5626 §8
    let mut stage =
        Stage::registered_at(named().device(URN).expect("a URN"), &[[192, 0, 2, 9], [192, 0, 2, 10]]);
    stage.desk.with(stage.now, |desk, now| desk.register(now, oneshot::channel().0));
    let before = stage.flow;
    let refresh = stage.sent();
    let (_, _answered) = is_refused(&mut stage);
    stage.reaches();
    assert_eq!(stage.sent().method(), Method::Message);
    let mut granted = refresh.reply(StatusCode::OK);
    granted.set(HeaderName::Contact, refresh.raw(HeaderName::Contact).next().expect("a Contact"));
    granted.set(HeaderName::Require, "outbound");
    stage.desk.receive(stage.now, before, granted.to_bytes());
    // That it knows STUN only the first has said.
    assert_eq!(stage.desk.home.deadline(), None);
    assert!(stage.grants().cseq().number > refresh.cseq().number);
    assert!(stage.desk.home.deadline().is_some());
}
