//! Watches that are challenged, refused, cancelled; watchers that ask for too much.

use crate::stage::{Stage, proved};
use crate::watch_notify::document;
use ruf_agent::{AgentEvent, Failure};
use ruf_events::{Ending, PRESENCE, SubscriberEvent};
use ruf_message::{HeaderName, Message, Method, Request, Response, StatusCode};

fn subscribe(stage: &mut Stage) -> Request {
    stage.agent.watch(stage.now, &"sip:bob@example.org".parse().unwrap(), PRESENCE, 600).unwrap();
    stage.request()
}

/// A NOTIFY of Bob's for what this SUBSCRIBE asked.
fn notify(subscribe: &Request, cseq: u32, more: &str) -> String {
    let text = |value: &[u8]| String::from_utf8_lossy(value).into_owned();
    format!(
        "NOTIFY sip:alice@192.0.2.1 SIP/2.0
Via: SIP/2.0/UDP 192.0.2.9:5060;branch=z9hG4bKn{cseq}
From: <sip:bob@example.org>;tag=bob
To: <sip:alice@example.org>;tag={}
Call-ID: {}
CSeq: {cseq} NOTIFY
Contact: <sip:bob@192.0.2.2>
{more}",
        text(subscribe.from_tag().unwrap()),
        text(subscribe.call_id())
    )
}

/// Carol's SUBSCRIBE.
fn watcher(branch: &str, more: &str) -> String {
    format!(
        "SUBSCRIBE sip:alice@192.0.2.1 SIP/2.0
Via: SIP/2.0/UDP 192.0.2.9:5060;branch=z9hG4bK{branch}
From: <sip:carol@example.org>;tag=c
To: <sip:alice@example.org>
Call-ID: {branch}
CSeq: 1 SUBSCRIBE
Contact: <sip:carol@192.0.2.3>
Event: presence
{more}"
    )
}

/// What Carol is answered, and what she is told.
fn asked(stage: &mut Stage, text: &str) -> (Response, Option<Request>) {
    stage.give_text(text);
    let mut sent = stage.sent().into_iter();
    let Some(Message::Response(response)) = sent.next() else { panic!("no response") };
    let told = sent.next().map(|message| match message {
        Message::Request(request) => request,
        Message::Response(response) => panic!("{response:?}"),
    });
    (response, told)
}

#[test]
fn a_challenged_subscribe_goes_out_again_and_so_do_those_behind_it() {
    // tests rfc3261 §22.2, §22.3
    let mut stage = Stage::new();
    let first = subscribe(&mut stage);
    stage.challenge(&first, StatusCode::PROXY_AUTHENTICATION_REQUIRED, "n1", false);
    let second = stage.request();
    assert_eq!((second.method(), second.cseq().number), (Method::Subscribe, 2));
    assert_eq!(second.call_id(), first.call_id());
    proved(&second, HeaderName::ProxyAuthorization);
    stage.answer(&second, StatusCode::OK, "bob", &[(HeaderName::Expires, "600")]);
    let state = "Event: presence\nSubscription-State: active;expires=600\n";
    stage.give_text(&notify(&second, 1, state));
    assert_eq!(stage.response().status(), StatusCode::OK);
    assert!(matches!(
        stage.events()[..],
        [AgentEvent::Watch { event: SubscriberEvent::Notified { .. }, .. }]
    ));
    stage.run(std::time::Duration::from_millis(300_100));
    let refresh = stage.request();
    assert_eq!((refresh.cseq().number, refresh.to_tag()), (3, Some(&b"bob"[..])));
    assert_eq!(proved(&refresh, HeaderName::ProxyAuthorization).1, Some(2), "without another challenge");
    // A wrong password is not tried for ever.
    stage.challenge(&refresh, StatusCode::PROXY_AUTHENTICATION_REQUIRED, "n2", true);
    let again = stage.request();
    assert_eq!(again.cseq().number, 4);
    stage.challenge(&again, StatusCode::PROXY_AUTHENTICATION_REQUIRED, "n3", false);
    assert!(stage.sent().is_empty());
}

#[test]
fn a_refusal_is_told_and_leaves_nothing() {
    // tests rfc6665 §4.1.2.1
    let mut stage = Stage::new();
    let request = subscribe(&mut stage);
    stage.answer(&request, StatusCode::BAD_EVENT, "bob", &[]);
    let why = Ending::Failed(Failure::Refused(StatusCode::BAD_EVENT));
    let told = stage.events();
    assert!(
        matches!(&told[..], [AgentEvent::Watch { event: SubscriberEvent::Over { why: of }, .. }] if *of == why)
    );
    assert_eq!(stage.agent.counts().subscriptions, 0);
    stage.give_text(&notify(&request, 1, "Event: presence\nSubscription-State: active\n"));
    assert_eq!(stage.response().status(), StatusCode::CALL_DOES_NOT_EXIST);
}

#[test]
fn a_cancel_of_a_notify_or_a_subscribe_is_answered_and_changes_nothing() {
    // tests rfc6665 §4.6
    let mut stage = Stage::new();
    let request = subscribe(&mut stage);
    let text = notify(&request, 1, "Event: presence\nSubscription-State: active\n");
    stage.give_text(&text);
    stage.sent();
    stage.give_text(&text.replace("NOTIFY sip", "CANCEL sip").replace("1 NOTIFY", "1 CANCEL"));
    assert_eq!(stage.response().status(), StatusCode::OK);
    stage.agent.show(stage.now, Some(document("one")));
    let text = watcher("w1", "");
    stage.give_text(&text);
    stage.sent();
    stage.give_text(&text.replace("SUBSCRIBE sip", "CANCEL sip").replace("1 SUBSCRIBE", "1 CANCEL"));
    assert_eq!(stage.response().status(), StatusCode::OK);
    assert_eq!(stage.agent.counts().subscriptions, 2);
}

#[test]
fn a_watcher_is_refused_for_what_it_asks() {
    // tests rfc6665 §4.2.1.1, rfc3856 §6.6.2
    let mut stage = Stage::with(|settings| settings.limits.subscriptions_max = 1);
    let of = |stage: &mut Stage, branch: &str, more: &str| asked(stage, &watcher(branch, more)).0.status();
    assert_eq!(of(&mut stage, "a", ""), StatusCode::FORBIDDEN, "nobody said that anybody may know");
    stage.agent.show(stage.now, Some(document("one")));
    assert_eq!(of(&mut stage, "b", "Accept: text/plain\n"), StatusCode::NOT_ACCEPTABLE);
    let brief = asked(&mut stage, &watcher("c", "Expires: 5\n")).0;
    assert_eq!(brief.status(), StatusCode::INTERVAL_TOO_BRIEF);
    assert_eq!(brief.raw(HeaderName::MinExpires).next(), Some(&b"60"[..]));
    assert_eq!(of(&mut stage, "d", ""), StatusCode::OK);
    assert_eq!(of(&mut stage, "e", ""), StatusCode::TEMPORARILY_UNAVAILABLE, "as many as may be");
}

#[test]
fn who_has_a_gruu_is_reached_by_it() {
    // tests rfc6665 §4.5.1, §4.4.4-1
    let mut stage = Stage::with(|settings| {
        settings.instance = Some("urn:uuid:00000000-0000-1000-8000-000A95A0E128".to_owned());
    });
    stage.agent.register(stage.now, 600);
    let register = stage.request();
    let contact = "<sip:alice@192.0.2.1:5060>;expires=600;pub-gruu=\"sip:alice@example.org;gr=x\"";
    stage.answer(&register, StatusCode::OK, "registrar", &[(HeaderName::Contact, contact)]);
    stage.events();
    stage.agent.show(stage.now, Some(document("one")));
    let (response, told) = asked(&mut stage, &watcher("a", ""));
    let told = told.unwrap();
    let gruu = Some(&b"<sip:alice@example.org;gr=x>"[..]);
    let contacts = [response.raw(HeaderName::Contact).next(), told.raw(HeaderName::Contact).next()];
    assert_eq!(contacts, [gruu, gruu]);
    assert_eq!(response.raw(HeaderName::AllowEvents).next(), Some(&b"presence, refer"[..]));
    assert_eq!((told.method(), told.body()), (Method::Notify, &b"one"[..]));
}

#[test]
fn a_subscribe_or_notify_in_the_dialog_of_a_call_makes_none() {
    // tests rfc6665 §4.1.3, §4.5.2
    let mut stage = Stage::new();
    stage.agent.show(stage.now, Some(document("one")));
    let talk = stage.talk();
    stage.give_text(&talk.request("SUBSCRIBE", 1, "Event: presence\n"));
    assert_eq!(stage.response().status(), StatusCode::FORBIDDEN);
    stage.give_text(&talk.request("NOTIFY", 2, "Event: presence\nSubscription-State: active\n"));
    assert_eq!(stage.response().status(), StatusCode::CALL_DOES_NOT_EXIST);
    assert_eq!(stage.agent.counts().subscriptions, 0);
}

/// Who is asked about, when Carol asks to watch with this From and says more.
fn asked_about(stage: &mut Stage, branch: &str, from: &str, more: &str) -> Vec<AgentEvent> {
    let text = watcher(branch, more).replace("<sip:carol@example.org>;tag=c", from);
    if let Some(told) = asked(stage, &text).1 {
        stage.answer(&told, StatusCode::OK, "", &[]);
    }
    stage.events()
}

#[test]
fn a_watcher_is_whom_the_server_says_if_it_is_believed() {
    // tests rfc3325 §9.1, rfc3856 §6.6.2
    let alike = "P-Asserted-Identity: \"Carol\" <sip:carol@example.org>\n";
    let (carol, mallory) = ("sip:carol@example.org", "sip:mallory@example.org");
    for (trusts, who, display) in [(true, carol, "Carol"), (false, mallory, "M")] {
        let mut stage = Stage::with(|settings| {
            (settings.trusts_asserted, settings.asks_consent) = (trusts, true);
        });
        stage.agent.show(stage.now, Some(document("one")));
        let asks = AgentEvent::WatcherAsks { who: who.parse().unwrap(), display: display.to_owned() };
        let from = "\"M\" <sip:mallory@example.org>;tag=m";
        assert_eq!(asked_about(&mut stage, "1", from, alike), [asks]);
        // Whoever is allowed is told.
        stage.agent.allow(stage.now, &who.parse().unwrap());
        assert_eq!(stage.request().body(), b"one");
        // And says so of themselves in vain, where the server is believed.
        let claims = format!("<{who}>;tag=x");
        let other = "P-Asserted-Identity: <sip:erin@example.org>\n";
        assert_eq!(asked_about(&mut stage, "2", &claims, other).len(), usize::from(trusts));
    }
}

#[test]
fn whoever_is_nobody_in_particular_is_never_allowed() {
    // tests rfc3323 §4.1.1.3, rfc3856 §6.6.2
    let status = |stage: &mut Stage, branch: &str, from: &str, more: &str| {
        let text = watcher(branch, more).replace("<sip:carol@example.org>;tag=c", from);
        asked(stage, &text).0.status()
    };
    let mut stage = Stage::with(|settings| settings.asks_consent = true);
    stage.agent.show(stage.now, Some(document("one")));
    let nobody = ["sip:anonymous@anonymous.invalid", "sip:x7@Anonymous.Invalid", "sip:Anonymous@example.org"];
    for (branch, who) in nobody.iter().enumerate() {
        stage.agent.allow(stage.now, &who.parse().unwrap());
        let from = format!("\"Anonymous\" <{who}>;tag=a");
        assert_eq!(status(&mut stage, &format!("a{branch}"), &from, ""), StatusCode::FORBIDDEN, "{who}");
        // The server knows who it is.
        let carol = format!("P-Asserted-Identity: <sip:carol{branch}@example.org>\n");
        assert_eq!(status(&mut stage, &format!("b{branch}"), &from, &carol), StatusCode::OK, "{who}");
    }
    assert_eq!((stage.events().len(), stage.agent.watchers()), (3, 3));
    // Who asks nobody tells everybody.
    let mut stage = Stage::new();
    stage.agent.show(stage.now, Some(document("one")));
    let from = "<sip:anonymous@anonymous.invalid>;tag=a";
    assert_eq!(status(&mut stage, "c", from, ""), StatusCode::OK);
}
