//! What a server refuses, in words that say what to do about it.

#![allow(clippy::unwrap_used, clippy::panic)]

mod two;

use std::net::UdpSocket;

use bytes::Bytes;
use ruf_message::{HeaderName, Message, Method, Request, Response};
use ruf_sip::{Account, Ended, Error, Phone, Presence, StatusCode, Unwatched, WatchEvent};
use two::within;

/// An account at a server that answers whatever comes so.
fn account(answer: impl Fn(&Request) -> Response + Send + 'static) -> Account {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = socket.local_addr().unwrap();
    std::thread::spawn(move || {
        let mut octets = [0; 4_000];
        while let Ok((len, from)) = socket.recv_from(&mut octets) {
            let message = Message::parse(Bytes::copy_from_slice(octets.get(..len).unwrap()));
            if let Ok(Message::Request(request)) = message
                && request.method() != Method::Ack
            {
                socket.send_to(&answer(&request).to_bytes(), from).unwrap();
            }
        }
    });
    let account = Account::new(&format!("sip:alice@{address}")).unwrap();
    account.listen(([127, 0, 0, 1], 0).into())
}

/// It asks for a password, and takes none.
fn challenges(request: &Request) -> Response {
    let mut refused = request.reply(StatusCode::UNAUTHORIZED);
    refused.set(HeaderName::WwwAuthenticate, r#"Digest realm="h", nonce="n", algorithm=MD5, qop="auth""#);
    refused
}

#[tokio::test]
async fn who_has_no_password_is_told_that_one_is_asked_for() {
    let error = within(Phone::register(account(challenges))).await.unwrap_err();
    assert_eq!(error, Error::NoPassword);
    assert_eq!(error.to_string(), "a password is asked for, and none was given");
    let phone = Phone::open(account(challenges)).await.unwrap();
    assert_eq!(within(phone.message("bob", "hello")).await, Err(Error::NoPassword));
    assert_eq!(within(phone.publish(&Presence::busy())).await, Err(Error::NoPassword));
    let mut call = phone.call("bob").await.unwrap();
    assert_eq!(within(call.ended()).await, Ended::Failed(Error::NoPassword));
    let mut watch = phone.watch("bob").await.unwrap();
    let over = WatchEvent::Ended(Unwatched::Failed(Error::NoPassword));
    assert_eq!(within(watch.next()).await, Some(over));
    // One that is refused is wrong.
    let error = within(Phone::register(account(challenges).password("x"))).await.unwrap_err();
    assert_eq!(error, Error::Refused(StatusCode::UNAUTHORIZED));
    assert_eq!(error.to_string(), "the name or the password is wrong");
}

#[tokio::test]
async fn a_registration_for_no_time_at_all_is_said_to_be_that() {
    // tests rfc3261 §10.2.4
    let for_nothing = |request: &Request| {
        let mut granted = request.reply(StatusCode::OK);
        let contact = String::from_utf8_lossy(request.raw(HeaderName::Contact).next().unwrap()).into_owned();
        let (contact, _) = contact.rsplit_once(";expires=").unwrap();
        granted.set(HeaderName::Contact, format!("{contact};expires=0"));
        granted
    };
    let error = within(Phone::register(account(for_nothing))).await.unwrap_err();
    assert_eq!(error, Error::NotKept);
    assert_eq!(error.to_string(), "the server accepts the registration, but for 0 seconds");
}
