//! A call is sent on: Bob asks Alice to call Carol (RFC 3515, RFC 5589).

#![allow(clippy::unwrap_used, clippy::panic)]

mod two;

use ruf_sip::{Call, CallEvent, DiversionReason, Ended, Error, StatusCode};
use two::{Phones, phone, within};

async fn until(call: &mut Call, wanted: impl Fn(&CallEvent) -> bool) -> CallEvent {
    loop {
        let event = within(call.next()).await.expect("it goes on");
        if wanted(&event) {
            return event;
        }
        assert!(!matches!(event, CallEvent::Ended(_)), "{event}");
    }
}

#[tokio::test]
async fn who_is_sent_on_talks_to_the_other() {
    // tests rfc3515 §2.4.4, rfc5589 §6.1
    let mut phones = Phones::new().await;
    let mut carol = phone("carol", |account| account).await;
    let (mut alice, mut bob) = phones.call("udp").await;
    let to = format!("sip:carol@{}", carol.address());
    bob.transfer(&to).unwrap();
    let asked = until(&mut alice, |event| matches!(event, CallEvent::Referred { .. })).await;
    let CallEvent::Referred { to: whom, .. } = asked else { panic!("{asked}") };
    assert_eq!(whom, to);
    let mut new = alice.follow().await.unwrap();
    let incoming = within(carol.incoming()).await.unwrap();
    assert_eq!(incoming.from(), phones.alice.aor().to_string());
    incoming.ring();
    until(&mut bob, |event| *event == CallEvent::TransferProgress(StatusCode::RINGING)).await;
    let mut answered = incoming.answer();
    within(new.answered()).await.unwrap();
    until(&mut bob, |event| *event == CallEvent::Transferred).await;
    bob.hang_up();
    assert_eq!(within(alice.ended()).await, Ended::RemoteHungUp);
    // What was made by the transfer goes on.
    new.hang_up();
    assert_eq!(within(answered.ended()).await, Ended::RemoteHungUp);
}

#[tokio::test]
async fn who_stays_or_finds_nobody_talks_on() {
    // tests rfc3515 §2.4.2, §2.4.5
    let mut phones = Phones::new().await;
    let (mut alice, mut bob) = phones.call("tcp").await;
    bob.transfer("sip:carol@127.0.0.1:9").unwrap();
    until(&mut alice, |event| matches!(event, CallEvent::Referred { .. })).await;
    alice.stay();
    let failed = until(&mut bob, |event| matches!(event, CallEvent::TransferFailed(_))).await;
    assert_eq!(failed, CallEvent::TransferFailed(Error::Refused(StatusCode::DECLINE)));
    // Nothing is asked for any more.
    assert!(alice.follow().await.is_err());
    let nobody = std::net::UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    bob.transfer(&format!("sip:carol@{nobody}")).unwrap();
    until(&mut alice, |event| matches!(event, CallEvent::Referred { .. })).await;
    let mut new = alice.follow().await.unwrap();
    assert!(!within(new.ended()).await.is_orderly());
    until(&mut bob, |event| matches!(event, CallEvent::TransferFailed(_))).await;
    alice.hang_up();
    assert_eq!(within(bob.ended()).await, Ended::RemoteHungUp);
    assert!(matches!(bob.transfer("sip:carol@"), Err(Error::Address(_))));
}

#[tokio::test]
async fn two_far_sides_are_put_together() {
    // tests rfc5589 §7.3, rfc3891 §3
    let mut phones = Phones::new().await;
    let mut carol = phone("carol", |account| account).await;
    let (mut alice, mut bob) = phones.call("udp").await;
    // Bob asks Carol first.
    let mut asked = phones.bob.call(&format!("sip:carol@{}", carol.address())).await.unwrap();
    let mut by_carol = within(carol.incoming()).await.unwrap().answer();
    within(asked.answered()).await.unwrap();
    within(by_carol.answered()).await.unwrap();
    bob.transfer_to(&asked);
    until(&mut alice, |event| matches!(event, CallEvent::Referred { .. })).await;
    let mut new = alice.follow().await.unwrap();
    let incoming = within(carol.incoming()).await.unwrap();
    assert!(incoming.replaces_a_call());
    let mut answered = incoming.answer();
    within(new.answered()).await.unwrap();
    within(answered.answered()).await.unwrap();
    until(&mut bob, |event| *event == CallEvent::Transferred).await;
    // What Bob had with Carol is over; what he has with Alice, he ends.
    within(by_carol.ended()).await;
    within(asked.ended()).await;
    bob.hang_up();
    within(alice.ended()).await;
    new.hang_up();
    assert_eq!(within(answered.ended()).await, Ended::RemoteHungUp);
}

#[tokio::test]
async fn calls_of_two_phones_are_put_together() {
    // tests rfc5589 §7.3
    let mut phones = Phones::new().await;
    let (desk, mut carol) = (phone("desk", |account| account).await, phone("carol", |account| account).await);
    let (mut alice, mut bob) = phones.call("udp").await;
    let mut asked = desk.call(&format!("sip:carol@{}", carol.address())).await.unwrap();
    let incoming = within(carol.incoming()).await.unwrap();
    assert_eq!(asked.replacement().await, None);
    let mut by_carol = incoming.answer();
    within(asked.answered()).await.unwrap();
    let to = asked.replacement().await.unwrap();
    assert!(to.starts_with(&format!("sip:carol@{}", carol.address())) && to.contains("?Replaces="), "{to}");
    bob.transfer_to(&asked);
    until(&mut alice, |event| matches!(event, CallEvent::Referred { .. })).await;
    let mut new = alice.follow().await.unwrap();
    let incoming = within(carol.incoming()).await.unwrap();
    assert!(incoming.replaces_a_call());
    let _answered = incoming.answer();
    within(new.answered()).await.unwrap();
    until(&mut bob, |event| *event == CallEvent::Transferred).await;
    within(by_carol.ended()).await;
    within(asked.ended()).await;
}

#[tokio::test]
async fn a_caller_is_sent_on_without_an_answer() {
    // tests rfc3261 §21.3.3, §8.1.3.4
    for transport in ["udp", "tcp"] {
        let mut phones = Phones::new().await;
        let mut carol = phone("carol", |account| account).await;
        let mut call = phones.alice.call(&phones.bob_over("udp")).await.unwrap();
        let mut incoming = within(phones.bob.incoming()).await.unwrap();
        assert!(!incoming.replaces_a_call());
        assert!(matches!(incoming.forward("sip:carol@", DiversionReason::Busy), Err(Error::Address(_))));
        incoming
            .forward(&format!("sip:carol@{};transport={transport}", carol.address()), DiversionReason::Busy)
            .unwrap();
        let incoming = within(carol.incoming()).await.unwrap();
        let first = incoming.diverted().map(|first| (first.uri.clone(), first.reason));
        assert!(matches!(first, Some((uri, DiversionReason::Busy)) if uri.starts_with("sip:bob@")));
        let mut answered = incoming.answer();
        within(call.answered()).await.unwrap();
        within(answered.answered()).await.unwrap();
        assert_eq!(phones.bob.calls().await, 0);
        answered.hang_up();
        assert_eq!(within(call.ended()).await, Ended::RemoteHungUp);
        within(answered.ended()).await;
    }
}

#[tokio::test]
async fn a_caller_who_is_sent_to_nobody_hears_so() {
    // tests rfc3261 §8.1.3.4
    let mut phones = Phones::new().await;
    let mut call = phones.alice.call(&phones.bob_over("udp")).await.unwrap();
    let mut incoming = within(phones.bob.incoming()).await.unwrap();
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    incoming.forward(&format!("sip:carol@{nobody};transport=tcp"), DiversionReason::Busy).unwrap();
    assert!(!within(call.ended()).await.is_orderly());
}
