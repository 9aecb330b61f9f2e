//! Phones that watch each other, over sockets of this machine; and a server that keeps what they publish.

#![allow(clippy::unwrap_used, clippy::panic)]

mod two;

use std::net::{Ipv4Addr, UdpSocket};

use ruf_message::{HeaderName, Message, Method, Request};
use ruf_sip::{
    Account, Error, Mailbox, Phone, PhoneEvent, Presence, StatusCode, Unwatched, Watch, WatchEvent,
};
use tokio::io::AsyncReadExt;
use two::{Phones, phone, within};

async fn presence(watch: &mut Watch) -> Presence {
    match within(watch.next()).await {
        Some(WatchEvent::Presence(presence)) => presence,
        other => panic!("{other:?}"),
    }
}

/// Its last watcher has said that it heard so.
async fn nobody_watches(phone: &Phone) {
    let gone = async {
        while phone.watchers().await > 0 {
            tokio::task::yield_now().await;
        }
    };
    within(gone).await;
}

#[tokio::test]
async fn who_is_watched_is_told_of_and_so_is_what_changes() {
    for transport in ["udp", "tcp"] {
        let phones = Phones::new().await;
        let here = Presence::available().saying("at my desk");
        assert_eq!(within(phones.bob.publish(&here)).await, Ok(()));
        let mut watch = phones.alice.watch(&phones.bob_over(transport)).await.expect("watched");
        assert_eq!(presence(&mut watch).await, here, "{transport}");
        assert_eq!(phones.bob.watchers().await, 1);
        let busy = Presence::busy().doing("on-the-phone");
        assert_eq!(within(phones.bob.publish(&busy)).await, Ok(()));
        assert_eq!(presence(&mut watch).await, busy);
        watch.stop();
        while let Some(event) = within(watch.next()).await {
            assert!(
                matches!(event, WatchEvent::Presence(_) | WatchEvent::Ended(Unwatched::Stopped)),
                "{event}"
            );
        }
        within(phones.alice.close()).await;
        nobody_watches(&phones.bob).await;
        within(phones.bob.close()).await;
    }
}

#[tokio::test]
async fn nobody_is_told_who_was_not_meant_to_be() {
    let phones = Phones::new().await;
    let mut watch = phones.alice.watch(&phones.bob_over("udp")).await.expect("watched");
    let refused = Unwatched::Failed(Error::Refused(StatusCode::FORBIDDEN));
    assert_eq!(within(watch.next()).await, Some(WatchEvent::Ended(refused)));
    assert_eq!(within(watch.next()).await, None);
    assert_eq!(within(phones.bob.publish(&Presence::available())).await, Ok(()));
    let mut watch = phones.alice.watch(&phones.bob_over("udp")).await.expect("watched");
    presence(&mut watch).await;
    phones.bob.unpublish();
    assert_eq!(within(watch.next()).await, Some(WatchEvent::Ended(Unwatched::Rejected)));
    assert!(matches!(phones.alice.watch("sip:bob@").await, Err(Error::Address(_))));
}

#[tokio::test]
async fn what_is_dropped_watches_no_longer() {
    let phones = Phones::new().await;
    within(phones.bob.publish(&Presence::available())).await.expect("published");
    let mut watch = phones.alice.watch(&phones.bob_over("udp")).await.expect("watched");
    presence(&mut watch).await;
    drop(watch);
    // One that never got as far.
    drop(phones.alice.watch(&phones.bob_over("tcp")).await.expect("watched"));
    nobody_watches(&phones.bob).await;
}

#[tokio::test]
async fn who_goes_is_not_there_and_is_sought_again() {
    let phones = Phones::new().await;
    within(phones.bob.publish(&Presence::available())).await.expect("published");
    let mut watch = phones.alice.watch(&phones.bob_over("tcp")).await.expect("watched");
    presence(&mut watch).await;
    within(phones.bob.close()).await;
    assert_eq!(presence(&mut watch).await, Presence::offline());
    let event = within(watch.next()).await;
    assert!(matches!(event, Some(WatchEvent::Lost { why: Unwatched::Dropped, .. })), "{event:?}");
    // Where nobody listens at all.
    let nobody = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap();
    let mut watch = phones.alice.watch(&format!("sip:x@{nobody}")).await.expect("watched");
    let event = within(watch.next()).await;
    let unreachable = Unwatched::Failed(Error::Unreachable);
    assert!(matches!(event, Some(WatchEvent::Lost { ref why, .. }) if *why == unreachable), "{event:?}");
}

/// A server that answers each request as it is told to, until it is told nothing.
fn server(answer: impl Fn(&Request) -> Option<(u16, &'static str)> + Send + 'static) -> String {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = socket.local_addr().unwrap().to_string();
    std::thread::spawn(move || {
        let mut octets = vec![0; 4_000];
        while let Ok((len, from)) = socket.recv_from(&mut octets) {
            let octets = octets.get(..len).unwrap().to_vec();
            let Ok(Message::Request(request)) = Message::parse(octets.into()) else { continue };
            let Some((code, tag)) = answer(&request) else { return };
            let mut response = request.reply(StatusCode::new(code).unwrap());
            response.set_to_tag("x");
            if !tag.is_empty() {
                response.add(HeaderName::SipETag, tag);
            }
            socket.send_to(&response.to_bytes(), from).unwrap();
        }
    });
    address
}

async fn phone_of(server: &str) -> Phone {
    let account = Account::new("sip:alice@example.org").unwrap().server(server).unwrap();
    Phone::open(account.listen((Ipv4Addr::LOCALHOST, 0).into())).await.expect("opened")
}

#[tokio::test]
async fn a_server_keeps_what_is_published_until_the_phone_goes() {
    let at = server(|request| {
        assert_eq!(request.method(), Method::Publish);
        match request.raw(HeaderName::Expires).next() {
            // The last: it is removed.
            Some(b"0") => Some((200, "")),
            Some(_) => Some((200, "e1")),
            None => None,
        }
    });
    let phone = phone_of(&at).await;
    assert_eq!(within(phone.publish(&Presence::available())).await, Ok(()));
    assert_eq!(within(phone.publish(&Presence::available())).await, Ok(()), "the server has it already");
    assert_eq!(within(phone.publish(&Presence::busy())).await, Ok(()));
    within(phone.close()).await;
}

#[tokio::test]
async fn a_mailbox_says_what_waits() {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let at = socket.local_addr().unwrap();
    std::thread::spawn(move || {
        let mut octets = vec![0; 4_000];
        // The mailbox accepts, and tells; that is all it does.
        while let Ok((len, from)) = socket.recv_from(&mut octets) {
            let octets = octets.get(..len).unwrap().to_vec();
            let Ok(Message::Request(subscribe)) = Message::parse(octets.into()) else { continue };
            let mut ok = subscribe.reply(StatusCode::OK);
            ok.set_to_tag("box");
            socket.send_to(&ok.to_bytes(), from).unwrap();
            let text = |value: &[u8]| String::from_utf8_lossy(value).into_owned();
            let field = |name| text(subscribe.raw(name).next().unwrap());
            assert_eq!(
                (field(HeaderName::Event), subscribe.uri().to_string()),
                ("message-summary".into(), "sip:alice@example.org".into())
            );
            let body = "Messages-Waiting: yes\r\nVoice-Message: 2/8 (0/2)\r\n";
            let notify = Request::build(Method::Notify, &"sip:alice@127.0.0.1".parse().unwrap())
                .via(format!("SIP/2.0/UDP {at};branch=z9hG4bKbox"))
                .from(format!("{};tag=box", field(HeaderName::To)))
                .to(field(HeaderName::From))
                .call_id(subscribe.call_id())
                .cseq(1)
                .header(HeaderName::Contact, format!("<sip:box@{at}>"))
                .header(HeaderName::Event, "message-summary")
                .header(HeaderName::SubscriptionState, "active;expires=600")
                .body("application/simple-message-summary", body)
                .finish()
                .unwrap();
            let mut notify = notify;
            let contact: ruf_message::Uri = subscribe.contacts().next().unwrap().uri().unwrap().to_owned();
            notify.set_uri(&contact);
            socket.send_to(&notify.to_bytes(), from).unwrap();
        }
    });
    let phone = phone_of(&at.to_string()).await;
    let mut mailbox = phone.mailbox().await.expect("watched");
    let waits = Mailbox { is_waiting: true, new_voice: Some(2), old_voice: Some(8) };
    assert_eq!(within(mailbox.next()).await, Some(WatchEvent::Mailbox(waits)));
}

#[tokio::test]
async fn a_server_that_keeps_nothing_says_so() {
    let at = server(|_| Some((405, "")));
    let mut phone = phone_of(&at).await;
    let refused = Error::Refused(StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(within(phone.publish(&Presence::available())).await, Err(refused.clone()));
    let event = within(phone.next()).await;
    assert!(
        matches!(event, Some(PhoneEvent::NotPublished { ref error, retry_in: None }) if *error == refused)
    );
}

#[tokio::test]
async fn a_server_that_comes_later_hears_who_is_watched_and_how_we_are() {
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind((Ipv4Addr::LOCALHOST, 0).into()).unwrap();
    // Bound, and nobody listens: who connects is refused.
    let at = socket.local_addr().unwrap();
    let account = Account::new("alice@example.test").unwrap().server(&format!("{at};transport=tcp")).unwrap();
    let mut phone = Phone::open(account).await.unwrap();
    let refused = within(phone.publish(&Presence::available())).await.unwrap_err();
    assert!(matches!(refused, Error::NoWay(_)), "{refused}");
    let told = within(phone.next()).await;
    let is_retried =
        matches!(&told, Some(PhoneEvent::NotPublished { error, retry_in: Some(_) }) if *error == refused);
    assert!(is_retried, "{told:?}");
    let mut watch = phone.watch("bob").await.unwrap();
    let why = Unwatched::Failed(refused);
    let lost = within(watch.next()).await;
    assert!(matches!(&lost, Some(WatchEvent::Lost { why: told, .. }) if *told == why), "{lost:?}");
    let listener = socket.listen(8).unwrap();
    let mut asked = Vec::new();
    within(async {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut octets = vec![0; 8_000];
        let mut len = 0;
        while asked.len() < 2 {
            len += stream.read(&mut octets[len..]).await.unwrap();
            let text = String::from_utf8_lossy(&octets[..len]).into_owned();
            asked = [Method::Publish, Method::Subscribe]
                .into_iter()
                .filter(|method| text.contains(&format!("{method} sip:")))
                .collect();
        }
    })
    .await;
    assert_eq!(asked, [Method::Publish, Method::Subscribe]);
}

#[tokio::test]
async fn who_asks_to_watch_waits_until_it_is_allowed() {
    // tests rfc3856 §6.6.2
    let alice = phone("alice", |account| account).await;
    let mut bob = phone("bob", |account| account.asks_consent(true)).await;
    let here = Presence::available().saying("at my desk");
    assert_eq!(within(bob.publish(&here)).await, Ok(()));
    let mut watch = alice.watch(&format!("sip:bob@{}", bob.address())).await.expect("watched");
    let asks = async {
        loop {
            match bob.next().await {
                Some(PhoneEvent::WatcherAsks { who, .. }) => return who,
                Some(_) => {}
                None => panic!("it is closed"),
            }
        }
    };
    let who = within(asks).await;
    assert!(who.starts_with("sip:alice@"), "{who}");
    assert_eq!(within(watch.next()).await, Some(WatchEvent::Pending));
    bob.allow(&who).unwrap();
    assert_eq!(presence(&mut watch).await, here);
    bob.deny(&who).unwrap();
    assert_eq!(within(watch.next()).await, Some(WatchEvent::Ended(Unwatched::Rejected)));
    assert!(matches!(bob.allow("sip:alice@"), Err(Error::Address(_))));
}
