//! `ruf phone` at a server that keeps messages: what waits there stands on the screen (RFC 3842).

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod scene;
mod server;

use std::fs;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};

use ruf_message::{HeaderName, Message, Method, Request, StatusCode, Uri};
use scene::Screen;
use server::Place;

/// A registrar whose mailboxes say what waits there to whoever asks.
fn mailboxes() -> SocketAddr {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let at = socket.local_addr().unwrap();
    std::thread::spawn(move || {
        let mut octets = vec![0; 4_000];
        while let Ok((len, from)) = socket.recv_from(&mut octets) {
            let octets = octets[..len].to_vec();
            let Ok(Message::Request(request)) = Message::parse(octets.into()) else { continue };
            let mut ok = request.reply(StatusCode::OK);
            ok.set_to_tag("box");
            match request.method() {
                Method::Register => {
                    let contacts: Vec<Vec<u8>> =
                        request.raw(HeaderName::Contact).map(<[u8]>::to_vec).collect();
                    contacts.into_iter().for_each(|contact| ok.set(HeaderName::Contact, contact));
                    ok.set(HeaderName::Expires, "600");
                    socket.send_to(&ok.to_bytes(), from).unwrap();
                }
                Method::Subscribe => {
                    ok.set(HeaderName::Expires, "600");
                    socket.send_to(&ok.to_bytes(), from).unwrap();
                    socket.send_to(&notify(&request, at).to_bytes(), from).unwrap();
                }
                _ => {}
            }
        }
    });
    at
}

/// Three new messages, eight old ones.
fn notify(subscribe: &Request, at: SocketAddr) -> Request {
    let field = |name| String::from_utf8_lossy(subscribe.raw(name).next().unwrap()).into_owned();
    assert_eq!(field(HeaderName::Event), "message-summary");
    let mut notify = Request::build(Method::Notify, &"sip:alice@127.0.0.1".parse().unwrap())
        .via(format!("SIP/2.0/UDP {at};branch=z9hG4bKbox"))
        .from(format!("{};tag=box", field(HeaderName::To)))
        .to(field(HeaderName::From))
        .call_id(subscribe.call_id())
        .cseq(1)
        .header(HeaderName::Contact, format!("<sip:box@{at}>"))
        .header(HeaderName::Event, "message-summary")
        .header(HeaderName::SubscriptionState, "active;expires=600")
        .body("application/simple-message-summary", "Messages-Waiting: yes\r\nVoice-Message: 3/8\r\n")
        .finish()
        .unwrap();
    let contact: Uri = subscribe.contacts().next().unwrap().uri().unwrap().to_owned();
    notify.set_uri(&contact);
    notify
}

#[test]
fn what_waits_at_the_server_stands_beside_the_account() {
    let place = Place::new("tui-mailbox");
    let config = place.path("phone.toml");
    let text = format!(
        "sound = \"none\"\n[[account]]\naddress = \"sip:alice@phones.test\"\nserver = \"{}\"\nlisten = \"127.0.0.1:0\"\n",
        mailboxes()
    );
    fs::write(&config, &text).unwrap();
    let screen = Screen::open(&place.path(""), &config);
    screen.shows(&["* sip:alice@phones.test  registered", "mailbox: 3 new\n"]);
    screen.keys(&["C-q"]);
    screen.ends();
    drop(screen);
    // Nobody asks whom nobody wants to.
    fs::write(&config, text + "mailbox = false\n").unwrap();
    let screen = Screen::open(&place.path(""), &config);
    let shown = screen.shows(&["* sip:alice@phones.test  registered"]);
    assert!(!shown.contains("mailbox"), "{shown}");
    screen.keys(&["C-q"]);
    screen.ends();
}
