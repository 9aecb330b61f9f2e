//! Subscriptions, before a notifier that the test plays.

use std::time::Duration;

use ruf_load::Plan;
use ruf_load::mix::{Kind, Mix};
use ruf_load::tally::{Outcome, Span};
use ruf_message::{HeaderName, Message, Method, Request, Response, StatusCode, Transport, Uri};

use crate::stage::{CALLER, Fate, SERVER, Stage, flow, is, plan};

fn stage() -> Stage {
    Stage::new(Plan { mix: Mix::only(Kind::Subscribe), ..plan() })
}

fn accepted(subscribe: &Request) -> Response {
    let mut response = subscribe.reply(StatusCode::OK);
    response.set_to_tag("notifier");
    response.set(HeaderName::Contact, format!("<sip:{SERVER}>"));
    response
}

/// The NOTIFY of a subscription.
fn notify(subscribe: &Request, cseq: u32) -> Message {
    let target: Uri = format!("sip:{CALLER}").parse().unwrap();
    let text = |name| String::from_utf8(subscribe.raw(name).flatten().copied().collect()).unwrap();
    let notify = Request::build(Method::Notify, &target)
        .via(format!("SIP/2.0/UDP {SERVER};branch=z9hG4bKnotify{cseq}"))
        .from(format!("{};tag=notifier", text(HeaderName::To)))
        .to(text(HeaderName::From))
        .call_id(text(HeaderName::CallId))
        .cseq(cseq)
        .finish();
    notify.unwrap().into()
}

/// Waits for the SUBSCRIBE.
fn subscribed(stage: &mut Stage) -> Request {
    let (sender, receiver) = std::sync::mpsc::channel();
    stage.begin_with(move |message| match message {
        Message::Request(request) if request.method() == Method::Subscribe => {
            let _ = sender.send(request.clone()); // only the first is waited for
            Fate::Say(vec![accepted(request)])
        }
        _ => Fate::Pass,
    });
    receiver.recv().unwrap()
}

#[test]
fn a_subscription_is_notified_and_ended() {
    // tests rfc6665 §4.1.2.3, §4.1.3
    let mut stage = stage();
    let subscribe = subscribed(&mut stage);
    assert_eq!(subscribe.raw(HeaderName::Event).next(), Some(&b"presence"[..]));
    let to_us = flow(Transport::Udp, 0, CALLER, 0);
    stage.deliver(to_us, &notify(&subscribe, 1), Duration::from_millis(80));
    stage.deliver(to_us, &notify(&subscribe, 2), Duration::from_secs(2));
    let tally = stage.finish();
    assert_eq!((tally.good(None), tally.notifies), (1, 2));
    assert_eq!(tally.spanned(Span::Subscribe).unwrap().max(), Duration::from_millis(20));
    assert_eq!(tally.spanned(Span::Notify).unwrap().max(), Duration::from_millis(100));
    stage.expect_ladder(
        "a→s SUBSCRIBE | s→a 200 SUBSCRIBE | s→a NOTIFY | s→a NOTIFY | a→s 200 NOTIFY | a→s 200 NOTIFY |
         a→s SUBSCRIBE | s→a 200 SUBSCRIBE",
    );
}

#[test]
fn a_notify_may_come_before_the_answer() {
    // tests rfc6665 §4.1.2.4
    let mut stage = stage();
    let (sender, receiver) = std::sync::mpsc::channel();
    let mut first = true;
    stage.begin_with(move |message| match message {
        Message::Request(request) if request.method() == Method::Subscribe => {
            let _ = sender.send(request.clone()); // only the first is waited for
            let fate = if first { Fate::Lost } else { Fate::Say(vec![accepted(request)]) };
            first = false;
            fate
        }
        _ => Fate::Pass,
    });
    let subscribe = receiver.recv().unwrap();
    stage.deliver(flow(Transport::Udp, 0, CALLER, 0), &notify(&subscribe, 1), Duration::ZERO);
    let tally = stage.finish();
    assert_eq!((tally.good(None), tally.notifies), (1, 1));
}

#[test]
fn a_subscription_that_is_not_notified_is_silence() {
    let mut stage = stage();
    subscribed(&mut stage);
    stage.finish();
    assert_eq!(stage.failure(), Outcome::Silence(Method::Notify));
}

#[test]
fn a_refused_subscription_is_counted_by_its_code() {
    let mut stage = stage();
    stage.begin_with(|message| {
        if is(message, Method::Subscribe) { Fate::Answer(StatusCode::BAD_EVENT) } else { Fate::Pass }
    });
    stage.finish();
    assert_eq!(stage.failure(), Outcome::Refused(Method::Subscribe, 489));
}
