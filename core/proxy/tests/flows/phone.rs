//! The phones `a` to `z`: where they are, what they answer, and how their messages are drawn.

use ruf_message::{Flow, HeaderName, Message, Method, Request, Response, StatusCode, Transport, Uri};
use ruf_proxy::Target;

/// The phone of this letter.
pub(crate) type Phone = char;

/// The flow between the server and a phone: over TCP from `t` on, over UDP before.
pub(crate) fn flow(phone: Phone) -> Flow {
    let transport = if phone < 't' { Transport::Udp } else { Transport::Tcp };
    Flow {
        transport,
        listener: 0,
        local: ([192, 0, 2, 1], 5060).into(),
        remote: ([192, 0, 2, 100 + (phone as u8 - b'a')], 5060).into(),
        connection: u64::from(transport.is_reliable()),
    }
}

pub(crate) fn phone(flow: &Flow) -> Phone {
    match flow.remote.ip() {
        std::net::IpAddr::V4(address) => char::from(address.octets()[3] - 100 + b'a'),
        std::net::IpAddr::V6(_) => panic!("no phone is at {flow}"),
    }
}

/// Where a phone can be reached directly: `b@192.0.2.101`.
pub(crate) fn contact(phone: Phone) -> String {
    format!("sip:{phone}@{}", flow(phone).remote.ip())
}

pub(crate) fn target(phone: Phone, q: u16) -> Target {
    Target { q, ..Target::by_flow(contact(phone).parse().unwrap(), flow(phone)) }
}

/// A phone's answer to a request, with its tag and contact.
pub(crate) fn answer(from: Phone, request: &Request, status: u16) -> Response {
    let status = StatusCode::new(status).unwrap();
    let mut response = request.reply(status);
    if status != StatusCode::TRYING {
        response.set_to_tag(&tag_of(from));
    }
    if request.method() == Method::Invite && (101..300).contains(&status.as_u16()) {
        for route in request.raw(HeaderName::RecordRoute) {
            response.add(HeaderName::RecordRoute, route);
        }
        response.add(HeaderName::Contact, format!("<{}>", contact(from)));
        response.set_body("application/sdp", format!("sdp of {from}").into_bytes());
    }
    response
}

pub(crate) fn tag_of(phone: Phone) -> String {
    format!("{phone}tag")
}

/// `INVITE`, `180`, `200 INVITE`: a final answer says to what.
pub(crate) fn shown(message: &Message) -> String {
    let method = || String::from_utf8_lossy(message.cseq().method).into_owned();
    match message {
        Message::Request(request) => String::from_utf8_lossy(request.method_bytes()).into_owned(),
        Message::Response(response) if response.status().is_provisional() => response.status().to_string(),
        Message::Response(response) => format!("{} {}", response.status(), method()),
    }
}

pub(crate) fn lines(name: &str, values: &[&[u8]]) -> String {
    values.iter().map(|value| format!("{name}: {}\r\n", String::from_utf8_lossy(value))).collect()
}

/// The URI of the first Contact, as written.
pub(crate) trait ContactUri {
    fn contact_uri(&self) -> String;
}

impl<T: std::ops::Deref<Target = ruf_message::Fields>> ContactUri for T {
    fn contact_uri(&self) -> String {
        let value = self.raw(HeaderName::Contact).next().expect("a Contact");
        let text = String::from_utf8_lossy(value).into_owned();
        let uri: Uri = text.trim_start_matches('<').split('>').next().unwrap().parse().unwrap();
        uri.to_string()
    }
}
