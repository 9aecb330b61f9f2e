//! Two phones without a server, over sockets of this machine.

#![allow(clippy::unwrap_used, clippy::panic)]

mod two;

use std::net::Ipv4Addr;
use std::time::Duration;

use ruf_sip::{Account, Call, CallEvent, Ended, Error, Phone, StatusCode};
use two::{Phones, within};

/// Alice, Bob, and how Alice calls Bob over this transport.
async fn pair(transport: &str) -> (Phone, Phone, String) {
    let phones = Phones::new().await;
    let to = phones.bob_over(transport);
    (phones.alice, phones.bob, to)
}

async fn until(call: &mut Call, wanted: &CallEvent) {
    while let Some(event) = within(call.next()).await {
        if event == *wanted {
            return;
        }
        assert!(!matches!(event, CallEvent::Ended(_)), "{event} before {wanted}");
    }
    panic!("no {wanted}");
}

#[tokio::test]
async fn a_call_is_answered_and_either_side_hangs_up() {
    for (transport, caller_ends) in [("udp", true), ("udp", false), ("tcp", true), ("tcp", false)] {
        let (alice, mut bob, to) = pair(transport).await;
        let mut call = alice.call(&to).await.expect("called");
        let incoming = within(bob.incoming()).await.expect("called");
        assert_eq!(incoming.from(), alice.aor().to_string());
        incoming.ring();
        let ringing = CallEvent::Ringing { status: StatusCode::RINGING, early_media: false };
        until(&mut call, &ringing).await;
        let mut answered = incoming.answer();
        until(&mut call, &CallEvent::Answered).await;
        until(&mut answered, &CallEvent::Answered).await;
        if caller_ends {
            call.hang_up()
        } else {
            answered.hang_up()
        }
        let (caller, callee) = (within(call.ended()).await, within(answered.ended()).await);
        let ends = (Ended::HungUp, Ended::RemoteHungUp);
        assert_eq!(if caller_ends { (caller, callee) } else { (callee, caller) }, ends, "{transport}");
        within(alice.close()).await;
        within(bob.close()).await;
    }
}

#[tokio::test]
async fn a_change_is_told_as_what_it_is_and_not_as_an_answer() {
    let mut phones = Phones::new().await;
    let (mut alice, mut bob) = phones.call("udp").await;
    alice.hold();
    alice.resume();
    let told = [within(bob.next()).await, within(bob.next()).await];
    assert_eq!(told, [Some(CallEvent::Held), Some(CallEvent::Resumed)]);
    let told = [within(alice.next()).await, within(alice.next()).await];
    assert_eq!(told, [Some(CallEvent::Holding), Some(CallEvent::Released)]);
    alice.hang_up();
    assert_eq!(within(bob.next()).await, Some(CallEvent::Ended(Ended::RemoteHungUp)));
}

#[tokio::test]
async fn what_is_dropped_hangs_up() {
    let (alice, mut bob, to) = pair("udp").await;
    // Before an answer: CANCEL.
    let call = alice.call(&to).await.expect("called");
    let mut incoming = within(bob.incoming()).await.expect("called");
    drop(call);
    assert_eq!(within(incoming.ended()).await, Ended::RemoteCancelled);
    // Too late.
    assert_eq!(within(incoming.answer().ended()).await, Ended::RemoteCancelled);
    // After it: BYE.
    let mut call = alice.call(&to).await.expect("called");
    let mut answered = within(bob.incoming()).await.expect("called").answer();
    until(&mut call, &CallEvent::Answered).await;
    drop(call);
    assert_eq!(within(answered.ended()).await, Ended::RemoteHungUp);
    // A call that nobody takes.
    let mut call = alice.call(&to).await.expect("called");
    drop(within(bob.incoming()).await.expect("called"));
    let unavailable = Ended::Failed(Error::Refused(StatusCode::TEMPORARILY_UNAVAILABLE));
    assert_eq!(within(call.ended()).await, unavailable);
    // A whole phone.
    let mut call = alice.call(&to).await.expect("called");
    let mut answered = within(bob.incoming()).await.expect("called").answer();
    until(&mut call, &CallEvent::Answered).await;
    drop((call, alice));
    assert_eq!(within(answered.ended()).await, Ended::RemoteHungUp);
}

#[tokio::test]
async fn refusals_and_silence_have_their_words() {
    let (alice, mut bob, to) = pair("udp").await;
    let mut call = alice.call(&to).await.expect("called");
    within(bob.incoming()).await.expect("called").reject(StatusCode::BUSY_HERE);
    assert_eq!(within(call.ended()).await.to_string(), "busy");
    let nobody = std::net::UdpSocket::bind("127.0.0.1:0").expect("a port").local_addr().expect("its address");
    let mut call = alice.call(&format!("sip:bob@{nobody}")).await.expect("called");
    assert_eq!(within(call.ended()).await.to_string(), "nobody listens there");
    let mut call = alice.call(&format!("sip:bob@{nobody};transport=tcp")).await.expect("called");
    let ended = within(call.ended()).await.to_string();
    assert!(ended.starts_with("nobody accepts connections there"), "{ended}");
    assert!(matches!(alice.call("sip:bob@").await, Err(Error::Address(_))));
}

#[tokio::test]
async fn texts_and_questions_are_answered() {
    let (alice, mut bob, to) = pair("tcp").await;
    let (sent, text) = tokio::join!(within(alice.message(&to, "Grüße")), within(bob.text()));
    assert_eq!(sent, Ok(()));
    let text = text.expect("it came");
    assert_eq!((text.text.as_str(), text.from), ("Grüße", alice.aor().to_string()));
    let answered = within(alice.options(&to)).await.unwrap();
    assert_eq!((answered.status, answered.from), (StatusCode::OK, format!("tcp:{}", bob.address())));
}

#[tokio::test]
async fn a_phone_without_a_server_does_not_register() {
    let account = Account::direct("alice").listen((Ipv4Addr::LOCALHOST, 0).into());
    assert!(matches!(within(Phone::register(account)).await, Err(Error::Address(_))));
}

#[tokio::test]
async fn a_server_that_is_not_there_is_said_at_once_and_sought_again() {
    let nobody = std::net::UdpSocket::bind("127.0.0.1:0").expect("a port").local_addr().expect("its address");
    let account = |transport: &str| {
        let account = Account::new("sip:alice@example.org").expect("an address");
        let account = account.listen((Ipv4Addr::LOCALHOST, 0).into());
        account.server(&format!("{nobody};transport={transport}")).expect("a server")
    };
    assert_eq!(within(Phone::register(account("udp"))).await.err(), Some(Error::Unreachable));
    assert!(matches!(within(Phone::register(account("tcp"))).await, Err(Error::NoWay(_))));
    // One that is opened tries again, and finds the server when it is there.
    let mut phone = Phone::open(account("tcp")).await.expect("opened");
    assert!(within(phone.options("bob")).await.is_err());
    let server = tokio::net::TcpListener::bind(nobody).await.expect("a port");
    let asked = async { within(phone.options("bob")).await };
    tokio::select! {
        accepted = server.accept() => assert!(accepted.is_ok()),
        answer = asked => panic!("{answer:?}"),
    }
    assert!(tokio::time::timeout(Duration::ZERO, phone.next()).await.is_err(), "told of what was not asked");
}

#[tokio::test]
async fn one_task_waits_for_what_comes_while_another_calls_and_writes() {
    let (alice, mut bob, to) = pair("udp").await;
    let dialer = alice.dialer();
    let mut alice = alice;
    let waits = tokio::spawn(async move { within(alice.incoming()).await.is_some() });
    let (text, wrote) = tokio::join!(within(bob.text()), within(dialer.message(&to, "hello")));
    assert_eq!((text.map(|text| text.text).as_deref(), wrote), (Some("hello"), Ok(())));
    let mut call = dialer.call(&to).await.expect("called");
    let mut answered = within(bob.incoming()).await.expect("called").answer();
    until(&mut call, &CallEvent::Answered).await;
    until(&mut answered, &CallEvent::Answered).await;
    let back = format!("sip:alice@{}", call_address(&answered));
    let second = bob.call(&back).await.expect("called");
    assert!(waits.await.unwrap());
    drop(second);
}

/// Host and port of the far party.
fn call_address(call: &Call) -> String {
    call.remote().rsplit('@').next().unwrap().to_owned()
}

#[tokio::test]
async fn a_phone_whose_server_is_not_there_opens_and_says_so() {
    let nobody = std::net::UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap();
    let account = Account::new(&format!("sip:alice@{nobody}")).unwrap();
    let mut phone = Phone::open(account.listen((Ipv4Addr::LOCALHOST, 0).into())).await.expect("opened");
    phone.stay_registered();
    let event = within(phone.next()).await;
    let Some(ruf_sip::PhoneEvent::RegistrationFailed { error, retry_in }) = event else {
        panic!("{event:?}")
    };
    assert!(error == Error::Unreachable && retry_in.is_some(), "{error}");
}
