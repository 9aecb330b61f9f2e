//! What a phone that is not ours sends within a call, over a socket of its own.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod by_hand;
mod two;

use by_hand::Foreign;
use ruf_agent::{AgentEvent, Body};
use ruf_sip::{Account, CallEvent, Ended, Error, Phone, PhoneEvent, StatusCode};
use two::{phone, within};

const OFFER: &str =
    "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 40000 RTP/AVP 8\r\n";

#[tokio::test]
async fn keys_of_an_old_phone_come_by_info() {
    // tests rfc6086 §4.2.2
    let mut bob = phone("bob", |account| account).await;
    let mut foreign = Foreign::towards(&bob);
    let to = format!("sip:bob@{}", bob.address()).parse().unwrap();
    let call = foreign.agent.call(foreign.now(), &to, Some(Body::sdp(OFFER))).unwrap();
    let calling = std::thread::spawn(move || {
        foreign.until(|event| matches!(event, AgentEvent::Answered { .. }));
        let content_type = "application/dtmf-relay".to_owned();
        let now = foreign.now();
        foreign.agent.info(now, call, Body { content_type, content: "Signal=*\r\nDuration=160\r\n".into() });
        foreign.until(|event| matches!(event, AgentEvent::Ended { .. }));
    });
    let mut answered = within(bob.incoming()).await.unwrap().answer();
    while within(answered.next()).await.unwrap() != CallEvent::Digit('*') {}
    answered.hang_up();
    calling.join().unwrap();
}

#[tokio::test]
async fn what_an_account_says_of_itself_breaks_no_request() {
    let evil = "a\r\nX-Evil: 1\r\n\r\n\u{0}\u{7f}\"\\";
    let mut bob = phone("bob", |account| account).await;
    let to = format!("sip:bob@{}", bob.address());
    let account = Account::direct(evil).display(evil).user_agent(evil).listen(([127, 0, 0, 1], 0).into());
    let alice = Phone::open(account).await.unwrap();
    assert_eq!(within(alice.options(&to)).await.unwrap().status, StatusCode::OK);
    let mut call = alice.call(&to).await.unwrap();
    let mut answered = within(bob.incoming()).await.unwrap().answer();
    within(call.answered()).await.unwrap();
    call.hang_up();
    within(answered.ended()).await;
    assert!(within(alice.message(&to, evil)).await.is_ok());
}

/// It is called, and answers so.
fn answers(mut foreign: Foreign, answer: Option<Body>) -> std::thread::JoinHandle<()> {
    std::thread::spawn(move || {
        let incoming = foreign.until(|event| matches!(event, AgentEvent::Incoming { .. }));
        foreign.agent.answer(foreign.now(), incoming.call().unwrap(), answer);
        foreign.until(|event| matches!(event, AgentEvent::Ended { .. }));
    })
}

#[tokio::test]
async fn an_answer_without_sound_ends_the_call_in_words() {
    // tests rfc3261 §13.2.1, rfc3264 §6
    let no_stream = OFFER.replace("40000", "0");
    for (answer, why) in [(None, Ended::Undescribed), (Some(Body::sdp(no_stream)), Ended::NothingInCommon)] {
        let alice = phone("alice", |account| account).await;
        let foreign = Foreign::towards(&alice);
        let mut call = alice.call(&foreign.address()).await.unwrap();
        let answering = answers(foreign, answer);
        assert_eq!(within(call.answered()).await, Err(why));
        answering.join().unwrap();
    }
}

#[tokio::test]
async fn who_asks_for_an_offer_and_never_answers_it_is_hung_up_on() {
    // tests rfc3261 §13.2.1
    let mut bob = phone("bob", |account| account).await;
    let mut foreign = Foreign::towards(&bob);
    let to = format!("sip:bob@{}", bob.address()).parse().unwrap();
    let call = foreign.agent.call(foreign.now(), &to, None).unwrap();
    let calling = std::thread::spawn(move || {
        foreign.until(|event| matches!(event, AgentEvent::Answered { answer_due: true, .. }));
        foreign.agent.answer(foreign.now(), call, None);
        foreign.until(|event| matches!(event, AgentEvent::Ended { .. }));
    });
    let mut answered = within(bob.incoming()).await.unwrap().answer();
    assert_eq!(within(answered.answered()).await, Err(Ended::Undescribed));
    calling.join().unwrap();
}

#[tokio::test]
async fn an_offer_that_was_asked_for_in_vain_is_in_nobodys_way() {
    // tests rfc3261 §14.1
    let mut bob = phone("bob", |account| account).await;
    let mut foreign = Foreign::towards(&bob);
    let to = format!("sip:bob@{}", bob.address()).parse().unwrap();
    let call = foreign.agent.call(foreign.now(), &to, Some(Body::sdp(OFFER))).unwrap();
    let (asked, was_asked) = tokio::sync::oneshot::channel();
    let calling = std::thread::spawn(move || {
        foreign.until(|event| matches!(event, AgentEvent::Answered { .. }));
        foreign.agent.modify(foreign.now(), call, Body::sdp(""));
        foreign.until(|event| matches!(event, AgentEvent::Modified { .. }));
        asked.send(()).unwrap();
        foreign.until(|event| matches!(event, AgentEvent::Ended { .. }));
    });
    let mut answered = within(bob.incoming()).await.unwrap().answer();
    within(answered.answered()).await.unwrap();
    within(was_asked).await.unwrap();
    // It goes out when the far side has said nothing to the offer before, and is answered with nothing, too.
    answered.hold();
    let not_changed = CallEvent::NotChanged(StatusCode::NOT_ACCEPTABLE_HERE);
    assert_eq!(within(answered.next()).await, Some(not_changed));
    answered.hang_up();
    calling.join().unwrap();
}

#[tokio::test]
async fn both_hold_at_once_and_both_get_it() {
    // tests rfc3261 §14.1
    let alice = phone("alice", |account| account).await;
    let mut foreign = Foreign::towards(&alice);
    let mut call = alice.call(&foreign.address()).await.unwrap();
    let (up, is_up) = tokio::sync::oneshot::channel();
    let answering = std::thread::spawn(move || {
        let incoming = foreign.until(|event| matches!(event, AgentEvent::Incoming { .. })).call().unwrap();
        foreign.agent.answer(foreign.now(), incoming, Some(Body::sdp(OFFER)));
        foreign.until(|event| matches!(event, AgentEvent::Acknowledged { .. }));
        up.send(()).unwrap();
        // Alice's INVITE is here, and not read, when ours leaves.
        while foreign.socket.peek_from(&mut [0; 4_000]).is_err() {}
        foreign.agent.modify(foreign.now(), incoming, Body::sdp(format!("{OFFER}a=sendonly\r\n")));
        // Whoever was called waits less. Theirs was refused once, and ours is not refused again.
        let told = foreign
            .until(|event| matches!(event, AgentEvent::Modified { .. } | AgentEvent::NotModified { .. }));
        assert!(matches!(told, AgentEvent::Modified { .. }), "{told:?}");
        foreign.until(|event| matches!(event, AgentEvent::Ended { .. }));
    });
    within(call.answered()).await.unwrap();
    within(is_up).await.unwrap();
    call.hold();
    assert_eq!(within(call.next()).await, Some(CallEvent::Held));
    assert_eq!(within(call.next()).await, Some(CallEvent::Holding));
    call.hang_up();
    answering.join().unwrap();
}

#[tokio::test]
async fn who_wants_to_be_mixed_into_a_call_says_into_which() {
    // tests rfc3911 §4
    let mut bob = phone("bob", |account| account.mixes(true)).await;
    let to: ruf_message::Uri = format!("sip:bob@{}", bob.address()).parse().unwrap();
    let (mut first, mut second) = (Foreign::towards(&bob), Foreign::towards(&bob));
    first.agent.call(first.now(), &to, Some(Body::sdp(OFFER))).unwrap();
    let calling = std::thread::spawn(move || {
        first.until(|event| matches!(event, AgentEvent::Answered { .. }));
        let dialog = first.dialog.clone().unwrap();
        second.agent.call_joining(second.now(), &to, &dialog, Some(Body::sdp(OFFER))).unwrap();
        second.until(|event| matches!(event, AgentEvent::Answered { .. }));
        for foreign in [&mut first, &mut second] {
            foreign.until(|event| matches!(event, AgentEvent::Ended { .. }));
        }
    });
    let one = within(bob.incoming()).await.unwrap();
    assert_eq!(one.joins(), None);
    let mut one = one.answer();
    within(one.answered()).await.unwrap();
    let other = within(bob.incoming()).await.unwrap();
    assert_eq!(other.joins(), Some(one.name()));
    let mut other = other.answer();
    within(other.answered()).await.unwrap();
    for call in [&mut one, &mut other] {
        call.hang_up();
        within(call.ended()).await;
    }
    calling.join().unwrap();
}

#[tokio::test]
async fn who_takes_sound_out_of_the_call_holds() {
    // tests rfc3264 §8.2
    let mut bob = phone("bob", |account| account).await;
    let mut foreign = Foreign::towards(&bob);
    let to = format!("sip:bob@{}", bob.address()).parse().unwrap();
    let call = foreign.agent.call(foreign.now(), &to, Some(Body::sdp(OFFER))).unwrap();
    let calling = std::thread::spawn(move || {
        foreign.until(|event| matches!(event, AgentEvent::Answered { .. }));
        for offer in [OFFER.replace("40000", "0"), OFFER.to_owned()] {
            foreign.agent.modify(foreign.now(), call, Body::sdp(offer));
            foreign.until(|event| matches!(event, AgentEvent::Modified { .. }));
        }
        foreign.until(|event| matches!(event, AgentEvent::Ended { .. }));
    });
    let mut answered = within(bob.incoming()).await.unwrap().answer();
    within(answered.answered()).await.unwrap();
    assert_eq!(within(answered.next()).await, Some(CallEvent::Held));
    assert_eq!(within(answered.next()).await, Some(CallEvent::Resumed));
    answered.hang_up();
    calling.join().unwrap();
}

#[tokio::test]
async fn a_text_is_as_long_as_a_message_may_be_or_refused_at_once() {
    let mut bob = phone("bob", |account| account).await;
    let alice = phone("alice", |account| account).await;
    let (to, longest) = (format!("sip:bob@{}", bob.address()), "x".repeat(60_000));
    assert_eq!(within(alice.message(&to, &format!("{longest}x"))).await, Err(Error::TooLong));
    assert_eq!(within(alice.message(&to, &longest)).await, Ok(()));
    let Some(PhoneEvent::Message(message)) = within(bob.next()).await else { panic!("no message") };
    assert_eq!(message.text.len(), longest.len());
}
