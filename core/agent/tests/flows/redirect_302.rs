//! A call is sent on to other places, and tries them one after the other (RFC 3261 §8.1.3.4).

use crate::pair::sdp;
use crate::stage::Stage;
use crate::trio::Trio;
use crate::trio::Who::{Alice, Bob, Carol};
use ruf_agent::{AgentEvent, CallKey, DiversionReason, Diverted, EndReason, Failure};
use ruf_message::{HeaderName, Message, Method, Request, StatusCode};
use std::time::Duration;

fn call(stage: &mut Stage) -> (CallKey, Request) {
    let call = stage.agent.call(stage.now, &"sip:bob@example.org".parse().unwrap(), sdp("offer")).unwrap();
    (call, stage.request())
}

/// The last INVITE that went out.
#[track_caller]
fn invite(stage: &mut Stage) -> Request {
    let sent = stage.sent();
    match sent.last() {
        Some(Message::Request(request)) if request.method() == Method::Invite => request.clone(),
        other => panic!("{other:?}"),
    }
}

#[track_caller]
fn redirect(stage: &mut Stage, invite: &Request, contacts: &str) {
    stage.answer(invite, StatusCode::MOVED_TEMPORARILY, "server", &[(HeaderName::Contact, contacts)]);
}

#[test]
fn bob_sends_alice_on_to_carol() {
    // tests rfc3261 §21.3.3, §8.1.3.4, rfc5806 §5.1, rfc5806 §5.2
    let mut trio = Trio::new(1);
    let call = trio.act(Alice, |agent, now| agent.call(now, &Bob.uri(), sdp("offer")).unwrap());
    let bob = trio.incoming(Bob);
    trio.act(Bob, |agent, now| agent.redirect(now, bob, &Carol.uri(), DiversionReason::Busy));
    let (carol, diverted) = trio.until(Carol, |event| match event {
        AgentEvent::Incoming { call, diverted, .. } => Some((*call, diverted.clone())),
        _ => None,
    });
    let first = Diverted { uri: Bob.uri(), display: String::new(), reason: DiversionReason::Busy };
    assert_eq!(diverted.as_deref(), Some(&first));
    trio.act(Carol, |agent, now| agent.answer(now, carol, sdp("answer")));
    trio.until(Alice, |event| matches!(event, AgentEvent::Answered { .. }).then_some(()));
    let end = EndReason::Declined(StatusCode::MOVED_TEMPORARILY);
    trio.until(Bob, |event| {
        matches!(event, AgentEvent::Ended { reason, .. } if *reason == end).then_some(())
    });
    trio.act(Alice, |agent, now| agent.hang_up(now, call));
    trio.settle();
    trio.expect_ladder(
        "a→b INVITE | b→a 302 INVITE | a→b ACK | a→c INVITE | c→a 200 INVITE | a→c ACK | a→c BYE | c→a 200 BYE",
    );
}

#[test]
fn the_next_place_is_called_with_the_same_names_and_the_next_number() {
    // tests rfc3261 §8.1.3.4
    let mut stage = Stage::new();
    let (key, first) = call(&mut stage);
    redirect(&mut stage, &first, "<sip:carol@192.0.2.3;method=BYE?Subject=x>;q=0.5, <sip:bob@192.0.2.2>");
    let second = invite(&mut stage);
    assert_eq!(second.uri().to_string(), "sip:bob@192.0.2.2");
    let names = |request: &Request| {
        let text = |value: &[u8]| String::from_utf8_lossy(value).into_owned();
        (text(request.call_id()), request.from_tag().map(text), request.to().uri().to_string())
    };
    assert_eq!((names(&second), second.body()), (names(&first), first.body()));
    assert_eq!((second.cseq().number, second.to_tag()), (first.cseq().number + 1, None));
    assert_ne!(second.via().branch(), first.via().branch());
    // Bob is busy there: the next is tried.
    stage.answer(&second, StatusCode::BUSY_HERE, "bob", &[]);
    let third = invite(&mut stage);
    assert_eq!(
        (third.uri().to_string(), third.raw(HeaderName::Subject).count()),
        ("sip:carol@192.0.2.3".into(), 0)
    );
    stage.answer(&third, StatusCode::OK, "carol", &[(HeaderName::Contact, "<sip:carol@192.0.2.3>")]);
    assert_eq!(stage.request().method(), Method::Ack);
    let told = stage.events();
    let to = |event: &AgentEvent| match event {
        AgentEvent::Redirected { call, to } if *call == key => to.as_ref().user().unwrap().to_vec(),
        other => panic!("{other:?}"),
    };
    assert_eq!((to(&told[0]), to(&told[1])), (b"bob".to_vec(), b"carol".to_vec()));
    assert!(matches!(told[2..], [AgentEvent::Answered { .. }]), "{told:?}");
}

#[test]
fn places_that_name_each_other_are_no_loop() {
    // tests rfc3261 §8.1.3.4
    let mut stage = Stage::new();
    let (key, first) = call(&mut stage);
    redirect(&mut stage, &first, "<sip:carol@192.0.2.3>");
    let second = invite(&mut stage);
    redirect(&mut stage, &second, "<sip:bob@example.org>, <sip:carol@192.0.2.3>");
    let reason = EndReason::Failed(Failure::Refused(StatusCode::MOVED_TEMPORARILY));
    assert_eq!(stage.events()[1..], [AgentEvent::Ended { call: key, reason }]);
    stage.run(Duration::from_secs(100));
    assert!(stage.agent.is_idle(), "{:?}", stage.agent.counts());
}

#[test]
fn there_is_a_bound_and_it_may_be_none() {
    // tests rfc3261 §8.1.3.4
    for redirects_max in [0, 2, 5] {
        let mut stage = Stage::with(|settings| settings.redirects_max = redirects_max);
        let (_, mut next) = call(&mut stage);
        for place in 0..redirects_max {
            redirect(&mut stage, &next, &format!("<sip:{place}@192.0.2.3>"));
            next = invite(&mut stage);
        }
        redirect(&mut stage, &next, "<sip:last@192.0.2.3>");
        assert!(matches!(stage.events().last(), Some(AgentEvent::Ended { .. })));
    }
}

#[test]
fn a_place_that_is_silent_is_left_and_a_6xx_is_for_all() {
    // tests rfc3261 §8.1.3.4, §21.6
    let mut stage = Stage::new();
    let (key, first) = call(&mut stage);
    redirect(&mut stage, &first, "<sip:1@192.0.2.3>, <sip:2@192.0.2.3>, <sip:3@192.0.2.3>");
    assert_eq!(invite(&mut stage).uri().to_string(), "sip:1@192.0.2.3");
    stage.run(Duration::from_secs(32));
    let second = invite(&mut stage);
    assert_eq!(second.uri().to_string(), "sip:2@192.0.2.3");
    stage.answer(&second, StatusCode::DECLINE, "2", &[]);
    let reason = EndReason::Failed(Failure::Refused(StatusCode::DECLINE));
    assert_eq!(stage.events().last(), Some(&AgentEvent::Ended { call: key, reason }));
    stage.run(Duration::from_secs(100));
    assert!(stage.agent.is_idle(), "{:?}", stage.agent.counts());
}

#[test]
fn who_has_hung_up_goes_nowhere() {
    // tests rfc3261 §9.1
    let mut stage = Stage::new();
    let (key, first) = call(&mut stage);
    stage.answer(&first, StatusCode::TRYING, "", &[]);
    stage.agent.hang_up(stage.now, key);
    let cancel = stage.request();
    stage.answer(&cancel, StatusCode::OK, "x", &[]);
    redirect(&mut stage, &first, "<sip:carol@192.0.2.3>");
    assert_eq!(stage.request().method(), Method::Ack);
    assert_eq!(stage.events(), [AgentEvent::Ended { call: key, reason: EndReason::Cancelled }]);
}

#[test]
fn credentials_are_made_anew_for_the_other_place() {
    // tests rfc3261 §8.1.3.4, §22.2
    let mut stage = Stage::new();
    let (_, first) = call(&mut stage);
    stage.challenge(&first, StatusCode::PROXY_AUTHENTICATION_REQUIRED, "n", false);
    let second = invite(&mut stage);
    redirect(&mut stage, &second, "<sip:carol@192.0.2.3>");
    let third = invite(&mut stage);
    assert_eq!(third.cseq().number, first.cseq().number + 2);
    let value =
        String::from_utf8_lossy(third.raw(HeaderName::ProxyAuthorization).next().unwrap()).into_owned();
    assert!(value.contains("uri=\"sip:carol@192.0.2.3\""), "{value}");
    crate::stage::proved(&third, HeaderName::ProxyAuthorization);
}

#[test]
fn each_place_is_told_of_those_before() {
    // tests rfc7044 §6.1, §9.3, §10.2, §10.4, rfc5806 §5.2
    let mut stage = Stage::new();
    let (_, first) = call(&mut stage);
    let history = |request: &Request| -> Vec<String> {
        request
            .raw(HeaderName::HistoryInfo)
            .map(|value| String::from_utf8_lossy(value).into_owned())
            .collect()
    };
    assert_eq!(history(&first), ["<sip:bob@example.org>;index=1"]);
    assert!(first.supported().any(|tag| tag == "histinfo"));
    let (busy, away) = ("<sip:bob@example.org>;reason=user-busy", "<sip:carol@example.org>;reason=away");
    let fields = [
        (HeaderName::Contact, "<sip:carol@example.org>;mp=1.1, <sip:dave@example.org>;q=0.5"),
        (HeaderName::HistoryInfo, "<sip:bob@example.org>;index=1, <sip:bob@192.0.2.2>;index=1.1;rc=1"),
        (HeaderName::Diversion, busy),
    ];
    stage.answer(&first, StatusCode::MOVED_TEMPORARILY, "bob", &fields);
    let second = invite(&mut stage);
    let before =
        ["<sip:bob@example.org?Reason=SIP%3Bcause%3D302>;index=1", "<sip:bob@192.0.2.2>;index=1.1;rc=1"];
    assert_eq!(history(&second), [&before[..], &["<sip:carol@example.org>;index=2;mp=1.1"]].concat());
    assert_eq!(second.values(HeaderName::Diversion).collect::<Vec<_>>(), [busy.as_bytes()]);
    // Carol is away, too, and her phone says so above what it heard.
    let diversions = format!("{away}, {busy}");
    let fields = [(HeaderName::Contact, "<sip:erin@example.org>;mp=2"), (HeaderName::Diversion, &diversions)];
    stage.answer(&second, StatusCode::MOVED_TEMPORARILY, "carol", &fields);
    let third = invite(&mut stage);
    let carol = "<sip:carol@example.org?Reason=SIP%3Bcause%3D302>;index=2;mp=1.1";
    assert_eq!(history(&third)[2..], [carol, "<sip:erin@example.org>;index=3;mp=2"]);
    assert_eq!(third.values(HeaderName::Diversion).count(), 2);
    // Erin's phone is silent: what is left is of Bob's redirection.
    stage.run(Duration::from_secs(33));
    let fourth = invite(&mut stage);
    let erin = "<sip:erin@example.org?Reason=SIP%3Bcause%3D408>;index=3;mp=2";
    assert_eq!(history(&fourth)[3..], [erin, "<sip:dave@example.org>;index=4"]);
    assert_eq!(fourth.values(HeaderName::Diversion).collect::<Vec<_>>(), [busy.as_bytes()]);
}

#[test]
fn what_is_told_at_too_great_a_length_is_not_told_on() {
    // tests rfc7044 §9.3, §10.4, rfc5806 §5.2
    // So many octets, the last of which is the end of this.
    let long = |octets: usize, start: &str, end: &str| {
        format!("{start}{}{end}", "x".repeat(octets - start.len() - end.len()))
    };
    for (more, is_kept) in [(0, true), (1, false)] {
        let mut stage = Stage::new();
        let (_, first) = call(&mut stage);
        let contact = long(512 + more, "<sip:carol@example.org;a=", ">;mp=1");
        let entry = long(512 + more, "<sip:bob@192.0.2.2;a=", ">;index=1.1;rc=1");
        let diversion = long(256 + more, "<sip:bob@", ">;reason=away");
        let reason = long(256 + more, "Q.850;cause=17;text=", "");
        let fields = [
            (HeaderName::Contact, contact.as_str()),
            (HeaderName::HistoryInfo, &entry),
            (HeaderName::Diversion, &diversion),
            (HeaderName::Diversion, "<sip:dave@example.org>"),
            (HeaderName::Reason, &reason),
        ];
        stage.answer(&first, StatusCode::MOVED_TEMPORARILY, "bob", &fields);
        let second = invite(&mut stage);
        assert!(second.uri().to_string().starts_with("sip:carol@example.org;a=xxx"));
        let said = |name| {
            second.values(name).map(|value| String::from_utf8_lossy(value).into_owned()).collect::<Vec<_>>()
        };
        let history = said(HeaderName::HistoryInfo);
        assert_eq!(history[0].contains("&Reason=Q.850"), is_kept, "{}", history[0]);
        assert_eq!(history.contains(&entry), is_kept);
        assert_eq!(history.last().unwrap().ends_with(";index=2;mp=1"), is_kept);
        assert_eq!(said(HeaderName::Diversion).contains(&diversion), is_kept);
        assert_eq!(said(HeaderName::Diversion).last().unwrap(), "<sip:dave@example.org>");
    }
}
