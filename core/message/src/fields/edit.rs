//! Changing header fields and body. Every change is seen by the readers at once.

use super::{Body, FieldName, Fields, Line, OWN, Span};
use crate::header::address::NameAddr;
use crate::name::{HeaderName, Repeat};
use crate::scan::{class, elements, first_element, is};
use bytes::Bytes;
use smallvec::SmallVec;

/// Values come from our own code, but parts of them from outside: a line break in one becomes a
/// space, so that no value can begin a header of its own.
impl Fields {
    /// Replaces all lines of `name` by one, where the first stood; appends it if there was none.
    pub fn set<'n>(&mut self, name: impl Into<FieldName<'n>>, value: impl AsRef<[u8]>) {
        let name = name.into();
        let line = self.line(name, value.as_ref());
        self.place(line, name);
    }

    /// The same, of a number.
    pub(crate) fn set_number(&mut self, id: HeaderName, number: u32) {
        let start = self.own_len();
        self.own.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
        let line = Line { id, name: Span::default(), value: self.own_since(start) };
        self.place(line, id.into());
    }

    /// Puts a line in the place of all lines of `name`.
    fn place(&mut self, line: Line, name: FieldName<'_>) {
        self.noted.forget(line.id);
        match self.position(name) {
            None => self.lines.push(line),
            Some(at) => {
                self.remove_after(at, name);
                self.lines.replace(at, line);
            }
        }
    }

    /// Appends a line after all others.
    pub fn add<'n>(&mut self, name: impl Into<FieldName<'n>>, value: impl AsRef<[u8]>) {
        let line = self.line(name.into(), value.as_ref());
        self.noted.forget(line.id);
        self.lines.push(line);
    }

    /// Puts a line before all others of its name; before all but Via if there are none.
    pub fn prepend<'n>(&mut self, name: impl Into<FieldName<'n>>, value: impl AsRef<[u8]>) {
        let name = name.into();
        let after_via =
            || self.lines.iter().rposition(|line| line.id == HeaderName::Via).map_or(0, |at| at + 1);
        let at = match self.position(name) {
            Some(at) => at,
            None if name.id == HeaderName::Via => 0,
            None => after_via(),
        };
        let line = self.line(name, value.as_ref());
        self.noted.forget(line.id);
        self.lines.insert(at, line);
    }

    /// Removes all lines of `name`.
    pub fn remove<'n>(&mut self, name: impl Into<FieldName<'n>>) {
        let name = name.into();
        self.noted.forget(name.id);
        if let Some(at) = self.position(name) {
            self.remove_after(at, name);
            self.lines.remove(at);
        }
    }

    /// Removes the values of `name` that are `unwanted`; of a comma list, single elements.
    pub fn remove_if<'n>(&mut self, name: impl Into<FieldName<'n>>, mut unwanted: impl FnMut(&[u8]) -> bool) {
        let name = name.into();
        if !self.lines.may_have(name.id) {
            return;
        }
        self.noted.forget(name.id);
        let mut at = 0;
        while let Some(line) = self.lines.get(at).copied() {
            let kept = if self.is(&line, name) { self.wanted(line, &mut unwanted) } else { Some(line) };
            match kept {
                Some(kept) => {
                    self.lines.replace(at, kept);
                    at += 1;
                }
                None => drop(self.lines.remove(at)),
            }
        }
    }

    /// The line without its unwanted values; `None` if none is left.
    fn wanted(&mut self, line: Line, unwanted: &mut impl FnMut(&[u8]) -> bool) -> Option<Line> {
        let value = self.text(line.value);
        if line.id.repeat() != Repeat::List {
            return (!unwanted(value)).then_some(line);
        }
        let mut any_gone = false;
        let mut kept = Vec::new();
        for element in elements(value).filter(|element| !element.is_empty()) {
            if unwanted(element) {
                any_gone = true;
            } else {
                kept.extend_from_slice(if kept.is_empty() { b"" } else { b", " });
                kept.extend_from_slice(element);
            }
        }
        match (any_gone, kept.is_empty()) {
            (false, _) => Some(line),
            (true, true) => None,
            (true, false) => Some(Line { value: self.append(&kept), ..line }),
        }
    }

    /// Gives To a tag, if it has none.
    // rfc3261 §8.2.6.2
    pub fn set_to_tag(&mut self, tag: &str) {
        let Some(to) = self.lines.iter().find(|line| line.id == HeaderName::To).copied() else { return };
        let has_none = match self.noted.to_tag {
            Some(tag) => tag.is_none(),
            None => NameAddr::decode(self.text(to.value)).is_ok_and(|to| to.tag().is_none()),
        };
        if has_none {
            let value = SmallVec::<[u8; 128]>::from_slice(self.text(to.value));
            let start = self.own_len();
            self.own.extend_from_slice(&value);
            self.own.extend_from_slice(b";tag=");
            self.own.extend_from_slice(tag.as_bytes());
            self.one_line(start);
            let line = Line { id: HeaderName::To, name: Span::default(), value: self.own_since(start) };
            self.place(line, HeaderName::To.into());
        }
    }

    /// Replaces the body and its Content-Type; the length follows when the message is written.
    pub fn set_body(&mut self, content_type: impl AsRef<[u8]>, body: impl Into<Bytes>) {
        self.set(HeaderName::ContentType, content_type);
        self.body = Body::Own(body.into());
    }

    /// Removes the body and the headers that describe it.
    pub fn remove_body(&mut self) {
        for name in [
            HeaderName::ContentType,
            HeaderName::ContentDisposition,
            HeaderName::ContentEncoding,
            HeaderName::ContentLanguage,
        ] {
            self.remove(name);
        }
        self.body = Body::default();
    }

    /// Takes the first element of the first line of a list header off.
    pub(crate) fn pop(&mut self, id: HeaderName) -> bool {
        let Some(at) = self.position(id.into()) else {
            return false;
        };
        self.noted.forget(id);
        let value = self.first(id).unwrap_or_default();
        match first_element(value).1 {
            None => drop(self.lines.remove(at)),
            Some(rest) => {
                let white = rest.iter().take_while(|octet| is(**octet, class::LWS)).count();
                let gone = value.len() - rest.len() + white;
                if let Some(value) = self.lines.value_mut(at) {
                    *value = value.without_first(gone);
                }
            }
        }
        true
    }

    /// Appends octets to our own buffer.
    pub(crate) fn append(&mut self, text: &[u8]) -> Span {
        let start = self.own_len();
        self.own.extend_from_slice(text);
        self.one_line(start);
        self.own_since(start)
    }

    /// Makes a space of every line break in our own buffer since `start`.
    pub(super) fn one_line(&mut self, start: usize) {
        one_line(self.own.get_mut(start..).unwrap_or_default());
    }

    /// Where the next octet of our own buffer will stand. Its first use makes it large enough for the
    /// edits of one hop.
    pub(super) fn own_len(&mut self) -> usize {
        if self.own.capacity() == 0 {
            self.own.reserve(256);
        }
        self.own.len()
    }

    pub(super) fn own_since(&self, start: usize) -> Span {
        Span { start: start as u32 | OWN, len: (self.own.len() - start) as u32 }
    }

    fn line(&mut self, name: FieldName<'_>, value: &[u8]) -> Line {
        let text = match name.id {
            HeaderName::Other => self.append_name(name.text),
            _ => Span::default(),
        };
        let value = self.append(crate::scan::trim(value));
        Line { id: name.id, name: text, value }
    }

    /// A name that is no token would not be read back: what no token may hold becomes `-`.
    fn append_name(&mut self, name: &str) -> Span {
        let token: Vec<u8> =
            name.bytes().map(|octet| if is(octet, class::TOKEN) { octet } else { b'-' }).collect();
        self.append(if token.is_empty() { b"-" } else { &token })
    }

    pub(super) fn position(&self, name: FieldName<'_>) -> Option<usize> {
        self.lines.that_may_be(name.id).iter().position(|line| self.is(line, name))
    }

    /// Removes all lines of `name` but the first, which stands at `at`.
    fn remove_after(&mut self, at: usize, name: FieldName<'_>) {
        let mut next = at + 1;
        while let Some(line) = self.lines.get(next) {
            if self.is(line, name) {
                self.lines.remove(next);
            } else {
                next += 1;
            }
        }
    }
}

/// Makes a space of every line break.
pub(crate) fn one_line(mut text: &mut [u8]) {
    while let Some(at) = memchr::memchr2(b'\r', b'\n', text) {
        text = text.get_mut(at..).unwrap_or_default();
        if let Some(line_break) = text.first_mut() {
            *line_break = b' ';
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::request::is_copied;
    use crate::{HeaderName, Message, Request, StatusCode};
    use bytes::Bytes;

    const INVITE: &str = "INVITE sip:b@h SIP/2.0\r\nv: SIP/2.0/UDP a;branch=z9hG4bK1;rport, SIP/2.0/TCP b\r\nVia: SIP/2.0/TLS c\r\n\
        f: <sip:a@h>;tag=1\r\nt: sip:b@h\r\ni: c\r\nCSeq: 1 INVITE\r\nX-Z: 1\r\nx-z: 2\r\nSupported: a, b ,c\r\nl: 0\r\n\r\n";

    fn invite() -> Request {
        match Message::parse(Bytes::from_static(INVITE.as_bytes())) {
            Ok(Message::Request(request)) => request,
            other => panic!("{other:?}"),
        }
    }

    fn values(request: &Request, name: HeaderName) -> Vec<String> {
        request.values(name).map(|value| value.escape_ascii().to_string()).collect()
    }

    #[test]
    fn setting_leaves_one_line_where_the_first_stood() {
        let mut invite = invite();
        invite.set("X-Z", "3");
        assert_eq!(invite.raw("x-Z").collect::<Vec<_>>(), [b"3"]);
        invite.set(HeaderName::Via, "SIP/2.0/UDP z");
        assert_eq!(invite.lines().next(), Some((&b"Via"[..], &b"SIP/2.0/UDP z"[..])));
        assert_eq!(invite.via().host().to_string(), "z");
        invite.set(HeaderName::Subject, "new");
        assert_eq!(invite.lines().last(), Some((&b"Subject"[..], &b"new"[..])));
    }

    #[test]
    fn a_line_break_in_a_value_begins_no_header() {
        let mut invite = invite();
        invite.set(HeaderName::Subject, "x\r\nRoute: <sip:evil;lr>");
        invite.set("Bad Name\r\n", "v");
        let Ok(Message::Request(again)) = Message::parse(invite.to_bytes()) else {
            panic!("{invite}");
        };
        assert_eq!((again.routes().count(), again.lines().count()), (0, invite.lines().count()));
        assert_eq!(again.raw("Bad-Name--").next(), Some(&b"v"[..]));
    }

    #[test]
    fn single_elements_are_taken_out_of_lists() {
        let mut invite = invite();
        invite.remove_if(HeaderName::Supported, |tag| tag == b"b");
        assert_eq!(values(&invite, HeaderName::Supported), ["a", "c"]);
        invite.remove_if(HeaderName::Supported, |_| true);
        assert!(!invite.contains(HeaderName::Supported));
        invite.remove_if("X-Z", |value| value == b"1");
        assert_eq!(invite.raw("X-Z").collect::<Vec<_>>(), [b"2"]);
        invite.remove("x-z");
        assert!(!invite.contains("X-Z"));
        assert_eq!(invite.to_string().matches("\r\n").count(), INVITE.matches("\r\n").count() - 3);
    }

    #[test]
    fn a_tag_is_given_once() {
        // tests rfc3261 §8.2.6.2
        let mut invite = invite();
        invite.set_to_tag("x");
        invite.set_to_tag("y");
        assert_eq!(
            (invite.to_tag(), values(&invite, HeaderName::To)),
            (Some(&b"x"[..]), vec!["sip:b@h;tag=x".to_owned()])
        );
    }

    #[test]
    fn a_body_brings_its_type_and_length() {
        // tests rfc3261 §20.14, §20.15
        let mut invite = invite();
        invite.set_body("application/sdp", "v=0\r\n");
        assert!(
            invite.to_string().ends_with("Content-Length: 5\r\nContent-Type: application/sdp\r\n\r\nv=0\r\n")
        );
        assert_eq!((invite.body(), invite.body_bytes()), (&b"v=0\r\n"[..], Bytes::from_static(b"v=0\r\n")));
        invite.remove_body();
        assert!(!invite.contains(HeaderName::ContentType) && invite.to_string().ends_with("l: 0\r\n\r\n"));
    }

    #[test]
    fn what_was_noted_of_a_message_is_what_its_lines_say_after_every_edit() {
        let edits: [fn(&mut Request); 21] = [
            |_| {},
            |request| request.set_via_source([192, 0, 2, 2].into(), Some(4)),
            |request| request.set_via_source([192, 0, 2, 1].into(), None),
            |request| request.push_via("SIP/2.0/TLS [2001:db8::1]:7;branch=z9hG4bKz"),
            |request| assert!(request.pop_via()),
            |request| request.set(HeaderName::Via, "SIP/2.0/UDP z"),
            |request| request.set(HeaderName::From, "<sip:x@h>;x;tag=from"),
            |request| request.set(HeaderName::To, "<sip:x@h>;tag=to"),
            |request| request.set_to_tag("given"),
            |request| request.prepend(HeaderName::From, "<sip:first@h>;tag=first"),
            |request| request.add(HeaderName::To, "<sip:last@h>;tag=last"),
            |request| request.remove_if(HeaderName::Via, |value| value.ends_with(b"a")),
            |request| request.remove(HeaderName::From),
            |request| request.remove(HeaderName::Via),
            |request| request.push_route("<sip:first;lr>"),
            |request| _ = request.pop_route(),
            |request| request.add(HeaderName::Route, "<sip:last;lr>"),
            |request| request.set(HeaderName::CSeq, "8 BYE"),
            |request| request.remove(HeaderName::CSeq),
            |request| request.set_max_breadth(3),
            |request| request.set_body("text/plain", "hello"),
        ];
        for first in edits {
            for second in edits {
                let mut request = invite();
                first(&mut request);
                // Nothing may be left on top to be taken off.
                if request.contains(HeaderName::Via) {
                    second(&mut request);
                }
                let mut anew = request.clone();
                anew.fields.noted = Default::default();
                assert_eq!(
                    (
                        format!("{:?}", request.via()),
                        request.from_tag(),
                        request.to_tag(),
                        request.next_route(),
                        request.cseq()
                    ),
                    (
                        format!("{:?}", anew.via()),
                        anew.from_tag(),
                        anew.to_tag(),
                        anew.next_route(),
                        anew.cseq()
                    ),
                    "{request}"
                );
                for name in HeaderName::KNOWN {
                    let is_there = request.fields.lines.iter().any(|line| line.id == *name);
                    let is_copied = is_there && is_copied(*name, StatusCode::OK);
                    let reply = request.reply(StatusCode::OK);
                    assert_eq!((request.contains(*name), reply.contains(*name)), (is_there, is_copied));
                }
            }
        }
    }

    #[test]
    fn a_copy_is_changed_alone() {
        let original = invite();
        let mut copy = original.clone();
        copy.set(HeaderName::CallId, "other");
        copy.add(HeaderName::Subject, "x");
        assert_eq!((original.call_id(), copy.call_id()), (&b"c"[..], &b"other"[..]));
        assert_eq!(original.to_string(), INVITE);
    }
}
