//! SIP written by hand: requests of a plain client, and replies and ACKs made of the octets of the
//! message they belong to, so that nothing is lost that a parser would tidy up.

use std::fmt::Write;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::sip::{Sip, find, tag};
use crate::transport::Transport;

/// A request of a plain client. What is not set has a value of its own.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    pub(crate) method: String,
    pub(crate) uri: String,
    /// What carries it: written into Via.
    pub(crate) transport: Transport,
    /// Where answers should go: written into Via.
    pub(crate) sent_by: SocketAddr,
    pub(crate) branch: String,
    /// The URI of From.
    pub(crate) from: String,
    pub(crate) from_tag: String,
    /// The URI of To.
    pub(crate) to: String,
    /// The tag of To, empty outside of a dialog.
    pub(crate) to_tag: String,
    pub(crate) call_id: String,
    pub(crate) cseq: u32,
    /// More header lines, in order.
    lines: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Request {
    /// A request with a branch, a tag and a Call-ID that nothing else here has.
    pub(crate) fn new(method: &str, uri: &str, sent_by: SocketAddr) -> Request {
        Request {
            method: method.to_owned(),
            uri: uri.to_owned(),
            transport: Transport::Udp,
            sent_by,
            branch: format!("z9hG4bK{}", unique()),
            from: "sip:nobody@invalid".to_owned(),
            from_tag: unique(),
            to: uri.to_owned(),
            to_tag: String::new(),
            call_id: unique(),
            cseq: 1,
            lines: Vec::new(),
            body: String::new(),
        }
    }

    /// The same request for a new transaction.
    pub(crate) fn again(&self) -> Request {
        Request { branch: format!("z9hG4bK{}", unique()), cseq: self.cseq + 1, ..self.clone() }
    }

    /// Sets what carries it.
    pub(crate) fn over(mut self, transport: Transport) -> Request {
        self.transport = transport;
        self
    }

    /// Sets the URIs of From and To.
    pub(crate) fn between(mut self, from: &str, to: &str) -> Request {
        self.from = from.to_owned();
        self.to = to.to_owned();
        self
    }

    /// Adds a header line.
    pub(crate) fn line(mut self, name: &str, value: &str) -> Request {
        self.lines.push((name.to_owned(), value.to_owned()));
        self
    }

    /// As it goes on the wire.
    pub(crate) fn text(&self) -> String {
        let mut text = format!(
            "{} {} SIP/2.0\r\nVia: SIP/2.0/{} {};branch={}\r\nMax-Forwards: 70\r\nFrom: <{}>;tag={}\r\nTo: <{}>",
            self.method,
            self.uri,
            self.transport.via(),
            self.sent_by,
            self.branch,
            self.from,
            self.from_tag,
            self.to
        );
        if !self.to_tag.is_empty() {
            text.push_str(";tag=");
            text.push_str(&self.to_tag);
        }
        text.push_str("\r\n");
        // Writing into a String does not fail.
        let _ = write!(text, "Call-ID: {}\r\nCSeq: {} {}\r\n", self.call_id, self.cseq, self.method);
        for (name, value) in &self.lines {
            let _ = write!(text, "{name}: {value}\r\n");
        }
        let _ = write!(text, "Content-Length: {}\r\n\r\n{}", self.body.len(), self.body);
        text
    }
}

/// A word that no other call gave, in this process or another.
pub(crate) fn unique() -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let mut octets = [0; 8];
    // Without randomness the count alone tells words of this process apart.
    let _ = getrandom::fill(&mut octets);
    format!("{:016x}{count:x}", u64::from_be_bytes(octets))
}

/// A reply to a request, of its own lines (RFC 3261 section 8.2.6).
pub(crate) fn reply(request: &[u8], status: &str) -> Vec<u8> {
    let mut reply = format!("SIP/2.0 {status}\r\n").into_bytes();
    for (name, line) in lines(request) {
        if ["via", "v", "from", "f", "call-id", "i", "cseq"].contains(&name.as_str()) {
            reply.extend_from_slice(line);
            reply.extend_from_slice(b"\r\n");
        } else if ["to", "t"].contains(&name.as_str()) {
            reply.extend_from_slice(line);
            if tag(&String::from_utf8_lossy(line)).is_empty() {
                reply.extend_from_slice(b";tag=callee");
            }
            reply.extend_from_slice(b"\r\n");
        }
    }
    reply.extend_from_slice(b"Content-Length: 0\r\n\r\n");
    reply
}

/// The ACK to a final answer other than 2xx, of the lines of its INVITE (RFC 3261 section 17.1.1.3);
/// `None` if it needs none.
pub(crate) fn ack(invite: &[u8], answer: &Sip) -> Option<Vec<u8>> {
    if answer.cseq_method() != "INVITE" || answer.status()? < 300 {
        return None;
    }
    let start_end = find(invite, b"\r\n")?;
    let start = invite.get(..start_end)?.strip_prefix(b"INVITE")?;
    let mut ack = b"ACK".to_vec();
    ack.extend_from_slice(start);
    ack.extend_from_slice(b"\r\n");
    let mut via = false;
    for (name, line) in lines(invite) {
        let top_via = ["via", "v"].contains(&name.as_str()) && !std::mem::replace(&mut via, true);
        if top_via || ["from", "f", "call-id", "i", "route", "max-forwards"].contains(&name.as_str()) {
            ack.extend_from_slice(line);
            ack.extend_from_slice(b"\r\n");
        }
    }
    let to = answer.header("To")?;
    let number = answer.cseq_number()?;
    ack.extend_from_slice(format!("To: {to}\r\nCSeq: {number} ACK\r\nContent-Length: 0\r\n\r\n").as_bytes());
    Some(ack)
}

/// The header lines of a message: the name in lower case, and the whole line with what is folded to it.
fn lines(message: &[u8]) -> Vec<(String, &[u8])> {
    let head = find(message, b"\r\n\r\n").unwrap_or(message.len());
    let head = message.get(..head).unwrap_or_default();
    let mut lines = Vec::new();
    let mut at = find(head, b"\r\n").map_or(head.len(), |end| end + 2);
    while at < head.len() {
        let mut end = at;
        loop {
            end = head.get(end..).and_then(|rest| find(rest, b"\r\n")).map_or(head.len(), |next| end + next);
            match head.get(end + 2) {
                Some(b' ' | b'\t') => end += 2,
                _ => break,
            }
        }
        let line = head.get(at..end).unwrap_or_default();
        let name: Vec<u8> = line.iter().copied().take_while(|&octet| octet != b':').collect();
        lines.push((String::from_utf8_lossy(&name).trim().to_lowercase(), line));
        at = end + 2;
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    const INVITE: &[u8] =
        b"INVITE sip:b@x SIP/2.0\r\nv: SIP/2.0/UDP h\r\n ;branch=z9hG4bKq\r\nVia: SIP/2.0/UDP g\r\n\
        f: <sip:a@x>;tag=1\r\nTo : <sip:b@x>\r\ni: 7\r\nCSeq: 4 INVITE\r\nSubject: x\r\n\r\nbody";

    #[test]
    fn a_reply_has_the_lines_of_its_request() {
        let reply = reply(INVITE, "486 Busy Here");
        assert_eq!(
            String::from_utf8_lossy(&reply),
            "SIP/2.0 486 Busy Here\r\nv: SIP/2.0/UDP h\r\n ;branch=z9hG4bKq\r\nVia: SIP/2.0/UDP g\r\n\
             f: <sip:a@x>;tag=1\r\nTo : <sip:b@x>;tag=callee\r\ni: 7\r\nCSeq: 4 INVITE\r\nContent-Length: 0\r\n\r\n"
        );
    }

    #[test]
    fn an_ack_has_the_top_via_of_its_invite_and_the_to_of_its_answer() {
        let answer = Sip::read(&reply(INVITE, "486 Busy Here")).expect("a message");
        let ack = ack(INVITE, &answer).expect("an ACK");
        assert_eq!(
            String::from_utf8_lossy(&ack),
            "ACK sip:b@x SIP/2.0\r\nv: SIP/2.0/UDP h\r\n ;branch=z9hG4bKq\r\nf: <sip:a@x>;tag=1\r\ni: 7\r\n\
             To: <sip:b@x>;tag=callee\r\nCSeq: 4 ACK\r\nContent-Length: 0\r\n\r\n"
        );
        let ok = Sip::read(&reply(INVITE, "200 OK")).expect("a message");
        assert_eq!(super::ack(INVITE, &ok), None);
    }

    #[test]
    fn requests_differ_in_what_must_differ() {
        let here = "127.0.0.1:9".parse().expect("an address");
        let one = Request::new("OPTIONS", "sip:x", here);
        let two = Request::new("OPTIONS", "sip:x", here);
        assert_ne!(one.branch, two.branch);
        assert_ne!(one.call_id, two.call_id);
        let again = one.again();
        assert_eq!((again.cseq, &again.call_id), (2, &one.call_id));
        assert_ne!(again.branch, one.branch);
        assert!(Sip::read(one.text().as_bytes()).is_some_and(|sip| sip.is_request("OPTIONS")));
    }
}
