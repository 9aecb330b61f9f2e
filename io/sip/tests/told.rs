//! What a call's user is told besides its progress, by a server that the test plays.

#![allow(clippy::unwrap_used, clippy::panic)]

mod two;

use std::net::UdpSocket;
use std::time::Duration;

use bytes::Bytes;
use ruf_message::{HeaderName, Message, Method, Request, StatusCode};
use ruf_sip::{Account, CallEvent, Cause, DiversionReason, Ended, Phone};
use two::{Phones, phone, within};

/// Answers the first INVITE with these, one after the other, each with these header fields.
fn serve(socket: UdpSocket, answers: Vec<(StatusCode, HeaderName, &'static str)>) -> Request {
    let mut octets = vec![0; 4_000];
    loop {
        let (len, from) = socket.recv_from(&mut octets).unwrap();
        let message = Message::parse(Bytes::copy_from_slice(octets.get(..len).unwrap())).unwrap();
        let Message::Request(request) = message else { continue };
        if request.method() != Method::Invite {
            continue;
        }
        for (status, name, value) in answers {
            let mut response = request.reply(status);
            response.set_to_tag("s");
            response.add(name, value);
            socket.send_to(&response.to_bytes(), from).unwrap();
        }
        return request;
    }
}

/// A phone of alice's, and the server that it goes by.
async fn with_server() -> (Phone, UdpSocket) {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let account = Account::new("sip:alice@example.org").unwrap();
    let account = account.server(&socket.local_addr().unwrap().to_string()).unwrap();
    (Phone::open(account.listen(([127, 0, 0, 1], 0).into())).await.unwrap(), socket)
}

#[tokio::test]
async fn who_it_is_and_when_to_try_again_is_told() {
    // tests rfc3325 §9.1, rfc3261 §20.33
    let (alice, socket) = with_server().await;
    let asserted = (StatusCode::RINGING, HeaderName::PAssertedIdentity, "\"Carol\" <sip:carol@example.org>");
    let later = (StatusCode::TEMPORARILY_UNAVAILABLE, HeaderName::RetryAfter, "90");
    let serving = std::thread::spawn(move || serve(socket, vec![asserted, later]));
    let mut call = alice.call("bob").await.unwrap();
    let mut told = Vec::new();
    while let Some(event) = within(call.next()).await {
        told.push(event);
    }
    let identity = CallEvent::Identity {
        uri: "sip:carol@example.org".to_owned(),
        display: "Carol".to_owned(),
        is_asserted: true,
    };
    assert!(told.contains(&identity), "{told:?}");
    assert!(told.contains(&CallEvent::RetryAfter { secs: 90 }), "{told:?}");
    assert_eq!(
        told.iter().find(|event| **event == identity).unwrap().to_string(),
        "talks to Carol <sip:carol@example.org>"
    );
    assert!(serving.join().unwrap().from().uri().to_string().contains("alice"));
}

const OFFER: &str =
    "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 40000 RTP/AVP 8\r\n";

/// Refuses an offer with 413, makes one itself, and gives the ACK of that.
fn offer_instead(socket: UdpSocket) -> Request {
    let mut octets = vec![0; 4_000];
    loop {
        let (len, from) = socket.recv_from(&mut octets).unwrap();
        let message = Message::parse(Bytes::copy_from_slice(octets.get(..len).unwrap())).unwrap();
        let Message::Request(request) = message else { continue };
        let is_last = request.method() == Method::Ack && request.to_tag() == Some(b"ok");
        if is_last {
            return request;
        }
        if request.method() != Method::Invite {
            continue;
        }
        let is_first = !request.body().is_empty();
        let (status, tag) = match is_first {
            true => (StatusCode::REQUEST_ENTITY_TOO_LARGE, "no"),
            false => (StatusCode::OK, "ok"),
        };
        let mut response = request.reply(status);
        response.set_to_tag(tag);
        if !is_first {
            response.add(HeaderName::Contact, format!("<sip:bob@{}>", socket.local_addr().unwrap()));
            response.set_body("application/sdp", OFFER);
        }
        socket.send_to(&response.to_bytes(), from).unwrap();
    }
}

#[tokio::test]
async fn who_takes_no_offer_of_ours_makes_one() {
    // tests rfc3261 §8.1.3.5, §13.2.1
    let (alice, socket) = with_server().await;
    let serving = std::thread::spawn(move || offer_instead(socket));
    let mut call = alice.call("bob").await.unwrap();
    within(call.answered()).await.unwrap();
    let ack = serving.join().unwrap();
    let answer = String::from_utf8_lossy(ack.body()).into_owned();
    assert!(answer.contains("m=audio") && answer.contains("RTP/AVP 8"), "{answer}");
    assert_eq!(call.codec().await, Some(ruf_sip::Codec::Pcma));
}

#[tokio::test]
async fn an_anonymous_call_names_nobody() {
    // tests rfc3323 §4.1.1.3
    let (alice, socket) = with_server().await;
    let busy = (StatusCode::BUSY_HERE, HeaderName::Reason, "Q.850;cause=17;text=\"User busy\"");
    let serving = std::thread::spawn(move || serve(socket, vec![busy]));
    let mut call = alice.call_anonymously("bob").await.unwrap();
    let mut told = Vec::new();
    while let Some(event) = within(call.next()).await {
        told.push(event.to_string());
    }
    assert!(told.contains(&"because: User busy".to_owned()), "{told:?}");
    let invite = serving.join().unwrap();
    assert!(!String::from_utf8_lossy(&invite.to_bytes()).contains("alice"));
}

#[tokio::test]
async fn without_a_server_nobody_asserts_anything_and_where_a_call_goes_is_told() {
    // tests rfc3261 §8.1.3.4
    let mut phones = Phones::new().await;
    let mut carol = phone("carol", |account| account).await;
    let mut call = phones.alice.call(&phones.bob_over("udp")).await.unwrap();
    let mut incoming = within(phones.bob.incoming()).await.unwrap();
    let of_nobody = (incoming.asserted(), incoming.referred_by(), incoming.joins());
    assert_eq!(of_nobody, (None, None, None));
    let to = format!("sip:carol@{}", carol.address());
    incoming.forward(&to, DiversionReason::NoAnswer).unwrap();
    let mut answered = within(carol.incoming()).await.unwrap().answer();
    while within(call.next()).await.unwrap() != (CallEvent::Redirected { to: to.clone() }) {}
    within(call.answered()).await.unwrap();
    answered.hang_up();
    within(answered.ended()).await;
}

#[tokio::test]
async fn a_call_that_somebody_else_took_was_not_missed() {
    // tests rfc3326 §2
    let mut phones = Phones::new().await;
    let call = phones.alice.call(&phones.bob_over("udp")).await.unwrap();
    let mut incoming = within(phones.bob.incoming()).await.unwrap();
    incoming.ring();
    call.hang_up_because(Cause::sip(StatusCode::OK, "Call completed elsewhere"));
    assert_eq!(within(incoming.ended()).await, Ended::Elsewhere);
}

#[tokio::test]
async fn who_leaves_has_told_the_server_and_the_far_side_before_anybody_answers() {
    // tests rfc3261 §10.2.2, §15.1.1
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let at = socket.local_addr().unwrap();
    let serving = std::thread::spawn(move || {
        let mut octets = vec![0; 4_000];
        loop {
            let (len, from) = socket.recv_from(&mut octets).unwrap();
            let message = Message::parse(Bytes::copy_from_slice(octets.get(..len).unwrap()));
            // What keeps the flow alive is none.
            let Ok(Message::Request(request)) = message else { continue };
            let mut ok = request.reply(StatusCode::OK);
            ok.set_to_tag("s");
            match request.method() {
                Method::Register => {
                    ok.set(HeaderName::Contact, format!("<{}>;expires=600", contact(&request)))
                }
                // Nobody answers; who calls gives up.
                Method::Invite => {
                    socket.send_to(&request.reply(StatusCode::RINGING).to_bytes(), from).unwrap();
                    return socket;
                }
                _ => continue,
            }
            socket.send_to(&ok.to_bytes(), from).unwrap();
        }
    });
    let account = Account::new("sip:alice@example.org").unwrap().server(&at.to_string()).unwrap();
    let alice = within(Phone::register(account.listen(([127, 0, 0, 1], 0).into()))).await.unwrap();
    let mut call = alice.call("bob").await.unwrap();
    assert!(matches!(within(call.next()).await, Some(CallEvent::Ringing { .. })));
    let socket = serving.join().unwrap();
    within(alice.leave()).await;
    // Nothing is waited for: it lies there.
    socket.set_nonblocking(true).unwrap();
    let mut octets = vec![0; 4_000];
    let mut came = Vec::new();
    while let Ok((len, _)) = socket.recv_from(&mut octets) {
        let message = Message::parse(Bytes::copy_from_slice(octets.get(..len).unwrap()));
        if let Ok(Message::Request(request)) = message {
            came.push((request.method(), request.raw(HeaderName::Expires).next().map(<[u8]>::to_vec)));
        }
    }
    assert_eq!(came, [(Method::Cancel, None), (Method::Register, Some(b"0".to_vec()))]);
}

#[tokio::test]
async fn who_closes_has_taken_the_registration_back_though_that_is_lost_and_asked_for_a_password() {
    // tests rfc3261 §10.2.2, §17.1.2.2, §22.2
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let at = socket.local_addr().unwrap();
    let serving = std::thread::spawn(move || {
        let (mut octets, mut removals) = (vec![0; 4_000], 0);
        loop {
            let (len, from) = socket.recv_from(&mut octets).unwrap();
            let message = Message::parse(Bytes::copy_from_slice(octets.get(..len).unwrap()));
            let Ok(Message::Request(request)) = message else { continue };
            let mut answer = request.reply(StatusCode::OK);
            if request.raw(HeaderName::Expires).next() != Some(b"0") {
                answer.set(HeaderName::Contact, format!("<{}>;expires=600", contact(&request)));
            } else if request.raw(HeaderName::Authorization).next().is_none() {
                removals += 1;
                if removals == 1 {
                    continue;
                }
                answer = request.reply(StatusCode::UNAUTHORIZED);
                answer.set(HeaderName::WwwAuthenticate, r#"Digest realm="h", nonce="n", qop="auth""#);
            } else {
                return socket.send_to(&answer.to_bytes(), from).unwrap();
            }
            socket.send_to(&answer.to_bytes(), from).unwrap();
        }
    });
    let account = Account::new("sip:alice@example.org").unwrap().password("secret");
    let account = account.server(&at.to_string()).unwrap().listen(([127, 0, 0, 1], 0).into());
    let alice = within(Phone::register(account)).await.unwrap();
    within(alice.close()).await;
    within(tokio::task::spawn_blocking(|| serving.join())).await.unwrap().unwrap();
}

fn contact(request: &Request) -> String {
    request.contacts().next().unwrap().uri().unwrap().to_string()
}
