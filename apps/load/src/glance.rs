//! Reading as little of a message as a load generator needs (RFC 3261 §7): one pass over its lines, no
//! copy, nothing proved that is not read. Whole parsing is ruf-message's; it is used where a challenge
//! is answered.

use ruf_message::header::cseq::CSeq;
use ruf_message::scan::{elements, trim};
use ruf_message::{Header, HeaderName, Method, NameAddr};

use crate::ident::Ident;

/// A message: its first line, and its header lines to walk over.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Glance<'a> {
    pub(crate) start: Start<'a>,
    head: &'a [u8],
}

/// What the first line says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Start<'a> {
    Request { method: Method, token: &'a [u8] },
    Response { code: u16 },
}

/// One header line, folds included.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Line<'a> {
    pub(crate) name: HeaderName,
    pub(crate) value: &'a [u8],
}

impl<'a> Glance<'a> {
    /// `None` for what does not begin as a message.
    pub(crate) fn read(message: &'a [u8]) -> Option<Glance<'a>> {
        let (first, head) = split_line(message)?;
        let start = match first.strip_prefix(b"SIP/2.0 ") {
            Some(status) => {
                let code: u16 = str::from_utf8(status.get(..3)?).ok()?.parse().ok()?;
                (100..700).contains(&code).then_some(Start::Response { code })?
            }
            None => {
                let end = memchr::memchr(b' ', first)?;
                let token = first.get(..end)?;
                first.ends_with(b" SIP/2.0").then_some(())?;
                Start::Request { method: Method::from_token(token), token }
            }
        };
        Some(Glance { start, head })
    }

    /// The header lines.
    pub(crate) fn lines(&self) -> impl Iterator<Item = Line<'a>> {
        let mut rest = self.head;
        std::iter::from_fn(move || {
            let (line, after) = split_field(rest)?;
            rest = after;
            let colon = memchr::memchr(b':', line)?;
            let (name, value) = line.split_at_checked(colon)?;
            Some(Line { name: HeaderName::from_text(trim(name)), value: trim(value.get(1..)?) })
        })
    }
}

/// A line without its end, and what follows it.
fn split_line(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = memchr::memchr(b'\n', text)?;
    let (line, rest) = text.split_at_checked(end)?;
    Some((line.strip_suffix(b"\r").unwrap_or(line), rest.get(1..)?))
}

/// A header line with its continuations; `None` at the empty line.
// rfc3261 §7.3.1
fn split_field(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut end = memchr::memchr(b'\n', text)?;
    while let Some(b' ' | b'\t') = text.get(end + 1) {
        end += 1 + memchr::memchr(b'\n', text.get(end + 1..)?)?;
    }
    let line = trim(text.get(..end)?);
    if line.is_empty() { None } else { Some((line, text.get(end + 1..)?)) }
}

/// A response to a request of this run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reply<'a> {
    pub(crate) code: u16,
    /// Whose request it answers.
    pub(crate) ident: Ident,
    pub(crate) branch: &'a [u8],
    pub(crate) cseq: u32,
    pub(crate) method: Method,
    pub(crate) from: &'a [u8],
    pub(crate) to: &'a [u8],
    pub(crate) call_id: &'a [u8],
    pub(crate) contact: Option<&'a [u8]>,
    glance: Glance<'a>,
}

/// Why a response is of no use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stray {
    /// Its branch is not one of this run.
    Foreign,
    /// It belongs to this unit, and does not say what every response says.
    Broken(Ident),
}

impl<'a> Reply<'a> {
    /// Reads a response.
    // rfc3261 §17.1.3 and §8.1.3.3
    pub(crate) fn read(glance: Glance<'a>, code: u16, run: &str) -> Result<Reply<'a>, Stray> {
        let (mut via, mut cseq, mut from, mut to, mut call_id, mut contact) =
            (None, None, None, None, None, None);
        for line in glance.lines() {
            let place = match line.name {
                HeaderName::Via => &mut via,
                HeaderName::CSeq => &mut cseq,
                HeaderName::From => &mut from,
                HeaderName::To => &mut to,
                HeaderName::CallId => &mut call_id,
                HeaderName::Contact => &mut contact,
                _ => continue,
            };
            place.get_or_insert(line.value);
        }
        let branch = via.and_then(branch_of).ok_or(Stray::Foreign)?;
        let ident = Ident::of_branch(run, branch).ok_or(Stray::Foreign)?;
        let broken = Stray::Broken(ident);
        let cseq = cseq.and_then(|value| CSeq::decode(value).ok()).ok_or(broken)?;
        let (from, to, call_id) = (from.ok_or(broken)?, to.ok_or(broken)?, call_id.ok_or(broken)?);
        if Ident::of_call_id(run, call_id) != Some(ident) {
            return Err(broken);
        }
        Ok(Reply {
            code,
            ident,
            branch,
            cseq: cseq.number,
            method: Method::from_token(cseq.method),
            from,
            to,
            call_id,
            contact,
            glance,
        })
    }

    /// The recorded routes, in the order of the message.
    pub(crate) fn record_routes(&self) -> impl Iterator<Item = &'a [u8]> {
        self.glance
            .lines()
            .filter(|line| line.name == HeaderName::RecordRoute)
            .flat_map(|line| elements(line.value))
            .filter(|element| !element.is_empty())
    }

    /// Where its sender wants to be reached.
    pub(crate) fn target(&self) -> Option<&'a [u8]> {
        let contact = NameAddr::decode(elements(self.contact?).next()?).ok()?;
        let uri = contact.uri().as_bytes();
        (!uri.is_empty()).then_some(uri)
    }
}

/// The branch of the first hop of a Via line.
pub(crate) fn branch_of(via: &[u8]) -> Option<&[u8]> {
    let hop = elements(via).next()?;
    let mut rest = hop;
    while let Some(at) = memchr::memchr(b';', rest) {
        rest = rest.get(at + 1..)?;
        let parameter = trim(rest);
        let Some((name, value)) = parameter.split_at_checked(6) else { continue };
        if name.eq_ignore_ascii_case(b"branch") {
            let value = trim(value).strip_prefix(b"=")?;
            let end = memchr::memchr3(b';', b' ', b'\r', trim(value)).unwrap_or(trim(value).len());
            return trim(value).get(..end);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    const OK: &str = "SIP/2.0 200 OK\r\nv: SIP/2.0/UDP h:1;rport=1;branch=z9hG4bKr.a.1.2;received=1.2.3.4, SIP/2.0/UDP x\r\n\
        f: <sip:a@h>;tag=1\r\nTo: <sip:b@h>\r\n ;tag=2\r\nCall-ID: r.a.1\r\nCSeq: 2 BYE\r\n\
        Record-Route: <sip:p1;lr>, <sip:p2;lr>\r\nRecord-Route: <sip:p3;lr>\r\nm: \"B\" <sip:b@1.2.3.4:5>;q=1\r\n\r\nVia: body";

    fn reply(text: &str) -> Result<Reply<'_>, Stray> {
        let glance = Glance::read(text.as_bytes()).expect("a message");
        let Start::Response { code } = glance.start else { panic!("{glance:?}") };
        Reply::read(glance, code, "r")
    }

    #[test]
    fn a_response_is_read_with_folds_compact_names_and_lists() {
        // tests rfc3261 §7.3.1, §7.3.3
        let reply = reply(OK).expect("ours");
        assert_eq!((reply.code, reply.cseq, reply.method), (200, 2, Method::Bye));
        assert_eq!(reply.ident, Ident { slot: 10, generation: 1 });
        assert_eq!(reply.to, b"<sip:b@h>\r\n ;tag=2");
        assert_eq!(reply.target(), Some(&b"sip:b@1.2.3.4:5"[..]));
        let routes: Vec<_> = reply.record_routes().collect();
        assert_eq!(routes, [&b"<sip:p1;lr>"[..], b"<sip:p2;lr>", b"<sip:p3;lr>"]);
    }

    #[test]
    fn an_answer_to_another_program_is_foreign_and_one_that_names_another_call_is_broken() {
        // tests rfc3261 §17.1.3
        let ident = Ident { slot: 10, generation: 1 };
        assert_eq!(reply(&OK.replace("z9hG4bKr", "z9hG4bKx")).unwrap_err(), Stray::Foreign);
        assert_eq!(reply(&OK.replace("v: ", "Subject: ")).unwrap_err(), Stray::Foreign);
        for broken in [
            OK.replace("Call-ID: r.a.1", "Call-ID: r.b.1"),
            OK.replace("CSeq: 2", "CSeq: x"),
            OK.replace("f: ", "s: "),
        ] {
            assert_eq!(reply(&broken).unwrap_err(), Stray::Broken(ident), "{broken}");
        }
    }

    #[test]
    fn what_does_not_begin_as_a_message_is_none() {
        for text in
            ["", "\r\n\r\n", "SIP/2.0 20\r\n", "SIP/2.0 999 X\r\n", "INVITE sip:a\r\n", "HTTP/1.1 200 OK\r\n"]
        {
            assert!(Glance::read(text.as_bytes()).is_none(), "{text}");
        }
        let request = Glance::read(b"FROB sip:a SIP/2.0\r\n\r\n").expect("a request");
        assert_eq!(request.start, Start::Request { method: Method::Other, token: b"FROB" });
        assert_eq!(request.lines().count(), 0);
    }

    #[test]
    fn a_branch_stands_anywhere_among_the_parameters() {
        for via in [
            "SIP/2.0/UDP h;branch=b",
            "SIP/2.0/UDP h ; BRANCH = b ; x",
            "SIP/2.0/UDP h;rport;branch=b,SIP/2.0/UDP i;branch=c",
        ] {
            assert_eq!(branch_of(via.as_bytes()), Some(&b"b"[..]), "{via}");
        }
        assert_eq!(branch_of(b"SIP/2.0/UDP h;branches=b"), None);
        assert_eq!(branch_of(b"SIP/2.0/UDP h"), None);
    }
}
