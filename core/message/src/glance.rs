//! A request that will most likely only be refused, read no further than that needs (RFC 3261 §8.2.7, §16.11,
//! §21.5.4), and its refusal.
//!
//! A glance finds the lines and where the tags stand; it costs a small part of what
//! [`Message::parse`](crate::Message::parse) does and proves as much less. What is folded, twice there or written
//! in a rare way is not read at a glance at all, so that nothing stands behind what it does not see. A malformed
//! request may so be told that there is too much to do, and not what is wrong with it.
//!
//! Not here: which requests are looked at so, and which of them are refused (core/admission, apps/node).

use crate::door::line_end;
use crate::fields::with_source;
use crate::header::via::Via;
use crate::method::Method;
use crate::name::HeaderName;
use crate::scan::{Scanner, class, is, trim};
use crate::status::StatusCode;
use bytes::BufMut;
use smallvec::SmallVec;
use std::net::IpAddr;

/// What a glance sees of a request.
#[derive(Clone, Debug)]
pub struct Glance<'a> {
    method: Method,
    uri: &'a [u8],
    /// The values of all lines, the top hop first.
    vias: SmallVec<[&'a [u8]; 4]>,
    from: Address<'a>,
    to: Address<'a>,
    call_id: &'a [u8],
    cseq: &'a [u8],
    claims: bool,
}

/// The value of From or To, and its tag.
#[derive(Clone, Copy, Debug)]
struct Address<'a> {
    value: &'a [u8],
    tag: Option<&'a [u8]>,
}

/// What a refusal says beside what it copies.
#[derive(Clone, Copy, Debug)]
pub struct Refusal<'r> {
    /// The status.
    pub status: StatusCode,
    /// The tag of To.
    pub to_tag: &'r str,
    /// What the top Via is to say of where the request came from: the address, and the port where that is asked
    /// for; `None` if it says so already.
    pub source: Option<(IpAddr, Option<u16>)>,
    /// When the request may come again.
    pub retry_after_secs: Option<u64>,
}

impl<'a> Glance<'a> {
    /// Looks at a datagram, or at what was cut out of a stream. `None`: a glance does not do, and it is to be
    /// read whole.
    pub fn of(message: &'a [u8]) -> Option<Self> {
        let mut end = line_end(message, 0)?;
        let start = message.get(..end)?;
        let (method, rest) = start.split_at(memchr::memchr(b' ', start)?);
        let uri = rest.get(1..)?.strip_suffix(b" SIP/2.0")?;
        if uri.is_empty() || uri.contains(&b' ') {
            return None;
        }
        let (mut vias, mut claims) = (SmallVec::new(), false);
        let [mut from, mut to, mut call_id, mut cseq] = [None; 4];
        loop {
            let at = end + 2;
            end = line_end(message, at)?;
            let line = message.get(at..end)?;
            if line.is_empty() {
                break;
            }
            let (name, value) = line.split_at(memchr::memchr(b':', line)?);
            // It goes on with the line before, or has white space where few have.
            if is(*name.first()?, class::LWS) || is(*name.last()?, class::LWS) {
                return None;
            }
            let value = trim(value.get(1..)?);
            let once = match HeaderName::from_text(name) {
                HeaderName::Via => {
                    vias.push(value);
                    continue;
                }
                HeaderName::Authorization | HeaderName::ProxyAuthorization | HeaderName::ResourcePriority => {
                    claims = true;
                    continue;
                }
                HeaderName::From => &mut from,
                HeaderName::To => &mut to,
                HeaderName::CallId => &mut call_id,
                HeaderName::CSeq => &mut cseq,
                _ => continue,
            };
            if value.is_empty() || once.replace(value).is_some() {
                return None;
            }
        }
        let (from, to) = (Address::of(from?)?, Address::of(to?)?);
        let cseq = cseq.filter(|value| value.ends_with(method))?;
        Some(Glance {
            method: Method::from_token(method),
            uri,
            vias,
            from,
            to,
            call_id: call_id?,
            cseq,
            claims,
        })
    }

    /// The method.
    pub const fn method(&self) -> Method {
        self.method
    }

    /// The Request-URI as written; it may be none.
    pub const fn uri(&self) -> &'a [u8] {
        self.uri
    }

    /// The top Via, if one can be read.
    pub fn via(&self) -> Option<Via<'a>> {
        let mut scanner = Scanner::new(self.vias.first()?);
        let via = Via::scan(&mut scanner).ok()?;
        (scanner.eat_around(b',') || scanner.end().is_ok()).then_some(via)
    }

    /// The Call-ID.
    pub const fn call_id(&self) -> &'a [u8] {
        self.call_id
    }

    /// The tag of From.
    pub const fn from_tag(&self) -> Option<&'a [u8]> {
        self.from.tag
    }

    /// The tag of To.
    pub const fn to_tag(&self) -> Option<&'a [u8]> {
        self.to.tag
    }

    /// Whether it says something of who it is or how urgent: there are credentials, or a Resource-Priority.
    pub const fn has_claims(&self) -> bool {
        self.claims
    }

    /// Appends the refusal: a response that nobody keeps.
    // rfc3261 §8.2.6.2
    pub fn write_refusal(&self, refusal: &Refusal<'_>, out: &mut impl BufMut) {
        let mut digits = itoa::Buffer::new();
        let status = digits.format(refusal.status.as_u16()).as_bytes();
        put(out, &[b"SIP/2.0 ", status, b" ", refusal.status.reason().as_bytes(), b"\r\n"]);
        let mut stamped = SmallVec::new();
        for (place, via) in self.vias.iter().enumerate() {
            let below = match refusal.source {
                Some((address, port)) if place == 0 => with_source(via, address, port, &mut stamped),
                Some(_) | None => None,
            };
            match below {
                None => put(out, &[b"Via: ", via, b"\r\n"]),
                Some(None) => put(out, &[b"Via: ", &stamped, b"\r\n"]),
                Some(Some(at)) => {
                    put(out, &[b"Via: ", &stamped, b", ", via.get(at..).unwrap_or_default(), b"\r\n"]);
                }
            }
        }
        put(out, &[b"From: ", self.from.value, b"\r\nTo: ", self.to.value]);
        if self.to.tag.is_none() {
            put(out, &[b";tag=", refusal.to_tag.as_bytes()]);
        }
        put(out, &[b"\r\nCall-ID: ", self.call_id, b"\r\nCSeq: ", self.cseq, b"\r\n"]);
        if let Some(secs) = refusal.retry_after_secs {
            put(out, &[b"Retry-After: ", itoa::Buffer::new().format(secs).as_bytes(), b"\r\n"]);
        }
        out.put_slice(b"Content-Length: 0\r\n\r\n");
    }
}

impl<'a> Address<'a> {
    /// A value whose tag, if there is one, is all that follows the URI; `None` for any other.
    fn of(value: &'a [u8]) -> Option<Self> {
        let rest = match memchr::memrchr(b'>', value) {
            Some(end) => value.get(end + 1..)?,
            // Behind a URI without brackets parameters are the header's.
            None => value.get(memchr::memchr(b';', value).unwrap_or(value.len())..)?,
        };
        if rest.is_empty() {
            return Some(Address { value, tag: None });
        }
        let tag = rest.strip_prefix(b";tag=").filter(|tag| !tag.is_empty())?;
        (class::run_len(tag, class::TOKEN) == tag.len()).then_some(Address { value, tag: Some(tag) })
    }
}

fn put(out: &mut impl BufMut, pieces: &[&[u8]]) {
    pieces.iter().for_each(|piece| out.put_slice(piece));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::Message;
    use bytes::Bytes;

    const INVITE: &str = "INVITE sip:bob@biloxi.com SIP/2.0\r\nVia: SIP/2.0/UDP pc33.atlanta.com;branch=z9hG4bKkjshdyff;rport\r\n\
        v: SIP/2.0/TCP x\r\nMax-Forwards: 12\r\nf: Alice <sip:alice@atlanta.com>;tag=88sja8x\r\nTo: Bob <sip:bob@biloxi.com>\r\n\
        Call-ID: 987asjd97y7atg\r\nCSeq: 986759 INVITE\r\nSubject: a: b\r\nContent-Length: 3\r\n\r\nxyz";

    const REFUSAL: Refusal<'_> = Refusal {
        status: StatusCode::SERVICE_UNAVAILABLE,
        to_tag: "99sa0xk",
        source: None,
        retry_after_secs: None,
    };

    fn refused(text: &str, refusal: &Refusal<'_>) -> String {
        let mut out = Vec::new();
        Glance::of(text.as_bytes()).unwrap().write_refusal(refusal, &mut out);
        String::from_utf8(out).unwrap()
    }

    /// What a message says, however its names are spelled and its hops are put on lines.
    fn said(wire: String) -> (u16, Vec<String>) {
        let Ok(Message::Response(response)) = Message::parse(Bytes::from(wire)) else {
            panic!("no response")
        };
        let text = |value: &[u8]| String::from_utf8_lossy(value).into_owned();
        let mut values: Vec<String> = response.values(HeaderName::Via).map(text).collect();
        for name in
            [HeaderName::From, HeaderName::To, HeaderName::CallId, HeaderName::CSeq, HeaderName::RetryAfter]
        {
            values.extend(response.raw(name).map(text));
        }
        (response.status().as_u16(), values)
    }

    #[test]
    fn a_glance_sees_what_the_whole_reading_does() {
        let Ok(Message::Request(whole)) = Message::parse(Bytes::from_static(INVITE.as_bytes())) else {
            panic!()
        };
        let glance = Glance::of(INVITE.as_bytes()).unwrap();
        assert_eq!((glance.method(), glance.uri()), (Method::Invite, whole.uri().as_bytes()));
        assert_eq!(
            (glance.call_id(), glance.from_tag(), glance.to_tag(), glance.has_claims()),
            (whole.call_id(), whole.from_tag(), None, false)
        );
        assert_eq!(format!("{:?}", glance.via().unwrap()), format!("{:?}", whole.via()));
        let ack =
            INVITE.replace("INVITE", "ACK").replace("<sip:bob@biloxi.com>", "<sip:bob@biloxi.com>;tag=1");
        let ack = Glance::of(ack.as_bytes()).unwrap();
        assert_eq!((ack.method(), ack.to_tag()), (Method::Ack, Some(&b"1"[..])));
        for claim in ["Proxy-Authorization: x", "authorization: x", "RESOURCE-priority: esnet.1"] {
            let text = INVITE.replace("Subject: a: b", claim);
            assert!(Glance::of(text.as_bytes()).unwrap().has_claims(), "{claim}");
        }
    }

    #[test]
    fn a_refusal_is_the_reply_of_the_whole_reading() {
        // tests rfc3261 §8.2.6.2, §18.2.1 and rfc3581 §4
        let one_line = INVITE.replace("\r\nv: ", ",\t");
        for text in [INVITE, &one_line] {
            let source = Some(("192.0.2.9".parse().unwrap(), Some(5062)));
            for source in [None, source] {
                let Ok(Message::Request(mut whole)) = Message::parse(Bytes::from(text.to_owned())) else {
                    panic!()
                };
                if let Some((address, port)) = source {
                    whole.set_via_source(address, port);
                }
                let mut reply = whole.reply(StatusCode::SERVICE_UNAVAILABLE);
                reply.set_to_tag("99sa0xk");
                reply.set(HeaderName::RetryAfter, "7");
                let refusal = Refusal { source, retry_after_secs: Some(7), ..REFUSAL };
                assert_eq!(said(refused(text, &refusal)), said(reply.to_string()));
            }
        }
        assert_eq!(
            refused(INVITE, &REFUSAL),
            "SIP/2.0 503 Service Unavailable\r\nVia: SIP/2.0/UDP pc33.atlanta.com;branch=z9hG4bKkjshdyff;rport\r\n\
            Via: SIP/2.0/TCP x\r\nFrom: Alice <sip:alice@atlanta.com>;tag=88sja8x\r\nTo: Bob <sip:bob@biloxi.com>;tag=99sa0xk\r\n\
            Call-ID: 987asjd97y7atg\r\nCSeq: 986759 INVITE\r\nContent-Length: 0\r\n\r\n"
        );
    }

    #[test]
    fn what_is_rare_is_not_read_at_a_glance() {
        for (is, odd) in [
            ("Bob <sip:bob@biloxi.com>", "Bob <sip:bob@biloxi.com> ;tag=1"),
            ("Bob <sip:bob@biloxi.com>", "Bob <sip:bob@biloxi.com>; tag = 1"),
            ("Bob <sip:bob@biloxi.com>", "Bob <sip:bob@biloxi.com>;x;tag=1"),
            ("Bob <sip:bob@biloxi.com>", "Bob <sip:bob@biloxi.com>;tag=1;x"),
            ("Bob <sip:bob@biloxi.com>", "Bob <sip:bob@biloxi.com>;tag="),
            ("Bob <sip:bob@biloxi.com>", "sip:bob@biloxi.com;x=y"),
            ("Bob <sip:bob@biloxi.com>", "Bob\r\n <sip:bob@biloxi.com>"),
            ("Bob <sip:bob@biloxi.com>", ""),
            ("Subject: a: b", "To: Bob <sip:bob@biloxi.com>"),
            ("Subject: a: b", "i: 2"),
            ("Subject: a: b", "Proxy-Authorization : x"),
            ("Subject: a: b", "x: y\r\n Proxy-Authorization: x"),
            ("Subject: a: b", "x: y\rProxy-Authorization: x"),
            ("Subject: a: b", "no colon"),
            ("Subject: a: b", ": x"),
            ("Call-ID: 987asjd97y7atg\r\n", ""),
            ("986759 INVITE", "986759 ACK"),
            ("sip:bob@biloxi.com SIP/2.0", "sip:bob@biloxi.com SIP/3.0"),
            ("sip:bob@biloxi.com SIP/2.0", "sip:bob @biloxi.com SIP/2.0"),
            ("sip:bob@biloxi.com SIP/2.0", " SIP/2.0"),
            ("Content-Length: 3\r\n\r\nxyz", "Content-Length: 3\r\n"),
        ] {
            assert!(INVITE.contains(is), "{is}");
            assert!(Glance::of(INVITE.replacen(is, odd, 1).as_bytes()).is_none(), "{odd}");
        }
        for noise in ["", "\r\n\r\n", "SIP/2.0 200 OK\r\n\r\n", "INVITE"] {
            assert!(Glance::of(noise.as_bytes()).is_none(), "{noise:?}");
        }
        for no_hop in ["Via: SIP/2.0/UDP", "Via: SIP/2.0/UDP h;branch=1 x", "X: y"] {
            let text = INVITE.replacen("v: SIP/2.0/TCP x\r\n", "", 1);
            let via = text.lines().nth(1).unwrap().to_owned();
            let text = text.replacen(&via, no_hop, 1);
            assert!(Glance::of(text.as_bytes()).unwrap().via().is_none(), "{no_hop}");
        }
    }
}
