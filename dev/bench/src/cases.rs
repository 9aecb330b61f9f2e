//! What is measured.

use bytes::Bytes;
use ruf_message::{Frame, Framer, Message, Request, Room, StatusCode};

use crate::serving::Serving;

/// One case.
pub(crate) struct Case {
    pub(crate) name: &'static str,
    pub(crate) what: &'static str,
    pub(crate) work: Work,
}

/// What a case does.
#[derive(Clone, Copy)]
pub(crate) enum Work {
    /// On one message; gives some number that depends on it.
    Message(fn(&mut Rooms) -> usize),
    /// One unit of a server.
    Unit(fn(&mut Serving)),
}

/// In the order of the table.
pub(crate) const CASES: &[Case] = &[
    Case { name: "parse_invite", what: "Message::parse of a 1 kB INVITE", work: Work::Message(parse_invite) },
    Case {
        name: "frame_invite",
        what: "the INVITE cut out of a stream, not read yet",
        work: Work::Message(frame_invite),
    },
    Case { name: "parse_200", what: "Message::parse of its 200", work: Work::Message(parse_200) },
    Case {
        name: "stamp_invite",
        what: "parse, received and rport into the top Via",
        work: Work::Message(stamp_invite),
    },
    Case {
        name: "forward_invite",
        what: "parse, pop Route, push Via and Record-Route, new Request-URI, Max-Forwards, to_bytes",
        work: Work::Message(forward_invite),
    },
    Case { name: "forward_200", what: "parse, pop Via, to_bytes", work: Work::Message(forward_200) },
    Case { name: "reply_trying", what: "parse, 100 Trying, to_bytes", work: Work::Message(reply_trying) },
    Case { name: "unit_options", what: "OPTIONS to the server", work: Work::Unit(Serving::options) },
    Case {
        name: "unit_register",
        what: "REGISTER that refreshes a binding",
        work: Work::Unit(Serving::register),
    },
    Case {
        name: "unit_register_auth",
        what: "REGISTER, 401, REGISTER with MD5, 200",
        work: Work::Unit(Serving::register_auth),
    },
    Case { name: "unit_message", what: "MESSAGE relayed, with its 200", work: Work::Unit(Serving::message) },
    Case {
        name: "unit_call",
        what: "INVITE, 100, 180, 200, ACK, BYE, 200 through the proxy",
        work: Work::Unit(Serving::call),
    },
    Case {
        name: "unit_refused",
        what: "INVITE, 503, ACK of a server that has too much to do",
        work: Work::Unit(Serving::refused),
    },
    Case {
        name: "unit_call_auth",
        what: "the same with INVITE, 407, ACK before it, by MD5",
        work: Work::Unit(Serving::call_auth),
    },
];

/// An INVITE of 1023 octets as a phone behind a proxy sends it.
pub(crate) static INVITE: &[u8] = include_bytes!("../invite.sip");
static OK: &[u8] = include_bytes!("../ok.sip");

/// What messages are read in, from one to the next: two are enough.
pub(crate) type Rooms = Vec<Room>;

fn parse(wire: &'static [u8], rooms: &mut Rooms) -> Option<Message> {
    Message::parse_in(Bytes::from_static(wire), rooms.pop().unwrap_or_default()).ok()
}

fn invite(rooms: &mut Rooms) -> Option<Request> {
    match parse(INVITE, rooms)? {
        Message::Request(request) => Some(request),
        Message::Response(_) => None,
    }
}

/// A number that depends on the message, which is done with.
fn done(message: impl Into<Room>, number: usize, rooms: &mut Rooms) -> usize {
    rooms.push(message.into());
    number
}

fn parse_invite(rooms: &mut Rooms) -> usize {
    invite(rooms).map_or(0, |request| {
        let body = request.body().len();
        done(request, body, rooms)
    })
}

fn frame_invite(_: &mut Rooms) -> usize {
    let mut framer = Framer::new();
    framer.push(INVITE);
    match framer.next_frame() {
        Some(Ok(Frame::Message(message))) => message.len(),
        _ => 0,
    }
}

fn parse_200(rooms: &mut Rooms) -> usize {
    let Some(Message::Response(response)) = parse(OK, rooms) else {
        return 0;
    };
    let body = response.body().len();
    done(response, body, rooms)
}

fn stamp_invite(rooms: &mut Rooms) -> usize {
    let Some(mut request) = invite(rooms) else {
        return 0;
    };
    request.set_via_source([192, 0, 2, 101].into(), Some(5060));
    let params = request.via().params().as_bytes().len();
    done(request, params, rooms)
}

fn forward_invite(rooms: &mut Rooms) -> usize {
    let Some(mut request) = invite(rooms) else {
        return 0;
    };
    let contact = ruf_message::UriRef::parse(b"sip:bob@192.0.2.77:49172;ob").unwrap_or_default();
    let hops = request.max_forwards().unwrap_or(70).saturating_sub(1);
    request.pop_route();
    request.set_uri(contact);
    request.set_max_forwards(hops);
    request.push_record_route("<sip:dGhlIHRva2VuIG9mIGEgZGlhbG9n@192.0.2.10:5060;lr>");
    request.push_via("SIP/2.0/UDP 192.0.2.10:5060;branch=z9hG4bKmM3gq1Zw9fAa;rport");
    let octets = request.to_bytes().len();
    done(request, octets, rooms)
}

fn forward_200(rooms: &mut Rooms) -> usize {
    let Some(Message::Response(mut response)) = parse(OK, rooms) else {
        return 0;
    };
    response.pop_via();
    let octets = response.to_bytes().len();
    done(response, octets, rooms)
}

fn reply_trying(rooms: &mut Rooms) -> usize {
    let Some(request) = invite(rooms) else {
        return 0;
    };
    let trying = request.reply(StatusCode::TRYING).to_bytes().len();
    done(request, trying, rooms)
}
