//! Writing requests: the same few lines each time, without a message object in between
//! (RFC 3261 §8.1.1, §9.1, §12.2.1.1, §17.1.1.3).

use std::io::Write;

use bytes::Bytes;
use ruf_message::Method;

use crate::glance::Reply;
use crate::ident::{Ident, put_number, write_branch};
use crate::turn::Turn;
use crate::way::Way;

/// Room for any of our requests, so that none is moved while it is written.
const REQUEST_BYTES: usize = 1_100;

const AGENT: &str = concat!("User-Agent: ruf-load/", env!("CARGO_PKG_VERSION"), "\r\n");
const ALLOW: &str = "Allow: INVITE, ACK, CANCEL, BYE, MESSAGE, NOTIFY, OPTIONS\r\n";
/// Audio that nobody sends.
pub(crate) const DESCRIPTION: &str = "v=0\r\no=load 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n\
    m=audio 9 RTP/AVP 0 8 101\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:101 telephone-event/8000\r\n\
    a=fmtp:101 0-16\r\na=inactive\r\n";
const TEXT: &str = "Hello, this is a short text message of a load test.";
/// How long our callees are bound, in seconds.
const EXPIRES_SECS: u32 = 7_200;
/// How long a subscription would live if nobody ended it, in seconds.
const SUBSCRIPTION_SECS: u32 = 3_600;

/// Who asks whom, in which unit.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Errand {
    pub(crate) ident: Ident,
    pub(crate) from: u32,
    pub(crate) to: u32,
}

/// A request outside any dialog.
// rfc3261 §8.1.1
pub(crate) fn request(turn: &Turn<'_>, way: &Way, errand: Errand, method: Method, cseq: u32) -> Bytes {
    if method == Method::Register {
        return register(turn, way, errand, EXPIRES_SECS);
    }
    let mut out = outside(turn, way, errand, method, cseq);
    match method {
        Method::Invite => {
            contact(&mut out, turn, way, errand.from);
            body(&mut out, "application/sdp", DESCRIPTION);
        }
        Method::Message => body(&mut out, "text/plain", TEXT),
        Method::Subscribe => {
            contact(&mut out, turn, way, errand.from);
            let _ = write!(out, "Event: {}\r\nExpires: {SUBSCRIPTION_SECS}\r\n", turn.plan.event);
            nothing(&mut out);
        }
        _ => nothing(&mut out),
    }
    out.into()
}

/// A REGISTER; the binding is removed where it is to live for 0 seconds.
// rfc3261 §10.2, §10.2.2
pub(crate) fn register(turn: &Turn<'_>, way: &Way, errand: Errand, expires_secs: u32) -> Bytes {
    let mut out = outside(turn, way, errand, Method::Register, 1);
    contact(&mut out, turn, way, errand.from);
    let _ = write!(out, "Expires: {expires_secs}\r\n");
    nothing(&mut out);
    out.into()
}

/// The start line and the lines that every request has.
fn outside(turn: &Turn<'_>, way: &Way, errand: Errand, method: Method, cseq: u32) -> Vec<u8> {
    let mut out = Vec::with_capacity(REQUEST_BYTES);
    put(&mut out, &[method.as_str().as_bytes(), b" sip:"]);
    if !matches!(method, Method::Register | Method::Options) {
        turn.plan.users.write(errand.to, &mut out);
        out.push(b'@');
    }
    put(&mut out, &[turn.plan.domain.as_bytes(), b" SIP/2.0\r\n"]);
    top(&mut out, turn, way, errand.ident, cseq, false);
    names(&mut out, turn, errand, method);
    number(&mut out, cseq, method);
    out
}

/// The CANCEL of an INVITE that was sent with this number.
// rfc3261 §9.1: the same branch, number and Request-URI
pub(crate) fn cancel(turn: &Turn<'_>, way: &Way, errand: Errand, cseq: u32) -> Bytes {
    request(turn, way, errand, Method::Cancel, cseq)
}

/// The ACK to a final response other than 2xx, made of that response alone: it is the same for the first
/// and for its repetitions, also when the unit is long over.
// rfc3261 §17.1.1.3
pub(crate) fn ack_refusal(way: &Way, reply: &Reply<'_>) -> Bytes {
    let mut out = Vec::with_capacity(REQUEST_BYTES);
    // Our INVITEs go to the address in their To.
    let uri = between(reply.to, b'<', b'>').unwrap_or(reply.to);
    put(&mut out, &[b"ACK ", uri, b" SIP/2.0\r\nVia: ", way.via.as_bytes(), reply.branch]);
    put(&mut out, &[b"\r\nMax-Forwards: 70\r\nFrom: ", reply.from, b"\r\nTo: ", reply.to]);
    put(&mut out, &[b"\r\nCall-ID: ", reply.call_id, b"\r\n"]);
    number(&mut out, reply.cseq, Method::Ack);
    nothing(&mut out);
    out.into()
}

/// What the requests inside a dialog have in common.
#[derive(Clone, Debug)]
pub(crate) struct Inside {
    target: Box<[u8]>,
    /// Route, From, To and Call-ID.
    lines: Box<[u8]>,
    /// To as the first 2xx had it.
    pub(crate) to: Box<[u8]>,
}

impl Inside {
    /// The dialog that a 2xx opened; `None` if it does not say where to send to.
    // rfc3261 §12.1.2: the recorded routes in reverse
    pub(crate) fn open(reply: &Reply<'_>) -> Option<Inside> {
        let target = reply.target()?.into();
        let mut lines = Vec::with_capacity(512);
        let routes: Vec<&[u8]> = reply.record_routes().collect();
        for route in routes.iter().rev() {
            put(&mut lines, &[b"Route: ", route, b"\r\n"]);
        }
        put(
            &mut lines,
            &[b"From: ", reply.from, b"\r\nTo: ", reply.to, b"\r\nCall-ID: ", reply.call_id, b"\r\n"],
        );
        Some(Inside { target, lines: lines.into(), to: reply.to.into() })
    }

    /// A request inside it.
    // rfc3261 §12.2.1.1
    pub(crate) fn request(
        &self,
        turn: &Turn<'_>,
        way: &Way,
        errand: Errand,
        method: Method,
        cseq: u32,
    ) -> Bytes {
        let mut out = Vec::with_capacity(REQUEST_BYTES);
        put(&mut out, &[method.as_str().as_bytes(), b" ", &self.target, b" SIP/2.0\r\n"]);
        top(&mut out, turn, way, errand.ident, cseq, method == Method::Ack);
        out.extend_from_slice(&self.lines);
        number(&mut out, cseq, method);
        if method == Method::Subscribe {
            contact(&mut out, turn, way, errand.from);
            // rfc6665 §4.1.2.3: it ends the subscription
            let _ = write!(out, "Event: {}\r\nExpires: 0\r\n", turn.plan.event);
        }
        nothing(&mut out);
        out.into()
    }
}

fn put(out: &mut Vec<u8>, parts: &[&[u8]]) {
    for part in parts {
        out.extend_from_slice(part);
    }
}

fn top(out: &mut Vec<u8>, turn: &Turn<'_>, way: &Way, ident: Ident, cseq: u32, is_ack: bool) {
    put(out, &[b"Via: ", way.via.as_bytes()]);
    write_branch(turn.run, ident, cseq, is_ack, out);
    out.extend_from_slice(b"\r\nMax-Forwards: 70\r\n");
}

fn names(out: &mut Vec<u8>, turn: &Turn<'_>, errand: Errand, method: Method) {
    let domain = turn.plan.domain.as_bytes();
    out.extend_from_slice(b"From: <sip:");
    turn.plan.users.write(errand.from, out);
    put(out, &[b"@", domain]);
    let Ident { slot, generation } = errand.ident;
    out.extend_from_slice(b">;tag=");
    put_number(slot, 16, out);
    out.push(b'.');
    put_number(generation, 16, out);
    out.extend_from_slice(b"\r\nTo: <sip:");
    if method != Method::Options {
        turn.plan.users.write(errand.to, out);
        out.push(b'@');
    }
    put(out, &[domain, b">\r\nCall-ID: "]);
    errand.ident.write(turn.run, out);
    out.extend_from_slice(b"\r\n");
}

fn number(out: &mut Vec<u8>, cseq: u32, method: Method) {
    out.extend_from_slice(b"CSeq: ");
    put_number(cseq, 10, out);
    put(out, &[b" ", method.as_str().as_bytes(), b"\r\n"]);
}

fn contact(out: &mut Vec<u8>, turn: &Turn<'_>, way: &Way, user: u32) {
    out.extend_from_slice(b"Contact: <sip:");
    turn.plan.users.write(user, out);
    put(out, &[b"@", way.host.as_bytes(), b">\r\n"]);
}

fn body(out: &mut Vec<u8>, kind: &str, body: &str) {
    put(out, &[ALLOW.as_bytes(), AGENT.as_bytes()]);
    // To a vector: cannot fail, as all others here.
    let _ = write!(out, "Content-Type: {kind}\r\nContent-Length: {}\r\n\r\n{body}", body.len());
}

fn nothing(out: &mut Vec<u8>) {
    put(out, &[AGENT.as_bytes(), b"Content-Length: 0\r\n\r\n"]);
}

/// What stands between the first `open` and the `close` after it.
fn between(text: &[u8], open: u8, close: u8) -> Option<&[u8]> {
    let start = memchr::memchr(open, text)? + 1;
    let rest = text.get(start..)?;
    rest.get(..memchr::memchr(close, rest)?)
}
