//! Changing header fields and body. Every change is seen by the readers at once.

use super::{Body, FieldName, Fields, Line, OWN, Span};
use crate::header::Header;
use crate::header::address::NameAddr;
use crate::name::{HeaderName, Repeat};
use crate::params::Param;
use crate::scan::{class, elements, first_element, is};
use bytes::Bytes;
use std::net::IpAddr;

/// Values come from our own code, but parts of them from outside: a line break in one becomes a
/// space, so that no value can begin a header of its own.
impl Fields {
    /// Replaces all lines of `name` by one, where the first stood; appends it if there was none.
    pub fn set<'n>(&mut self, name: impl Into<FieldName<'n>>, value: impl AsRef<[u8]>) {
        let name = name.into();
        match self.position(name) {
            None => self.add(name, value),
            Some(at) => {
                let line = self.line(name, value.as_ref());
                let mut index = 0;
                let lines = std::mem::take(&mut self.lines);
                self.lines = lines
                    .into_iter()
                    .filter_map(|old| {
                        index += 1;
                        if index - 1 == at { Some(line) } else { (!self.is(&old, name)).then_some(old) }
                    })
                    .collect();
            }
        }
    }

    /// Appends a line after all others.
    pub fn add<'n>(&mut self, name: impl Into<FieldName<'n>>, value: impl AsRef<[u8]>) {
        let line = self.line(name.into(), value.as_ref());
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
        self.lines.insert(at, line);
    }

    /// Removes all lines of `name`.
    pub fn remove<'n>(&mut self, name: impl Into<FieldName<'n>>) {
        let name = name.into();
        let mut lines = std::mem::take(&mut self.lines);
        lines.retain(|line| !self.is(line, name));
        self.lines = lines;
    }

    /// Removes the values of `name` that `unwanted` says; of a comma list, single elements.
    pub fn remove_if<'n>(&mut self, name: impl Into<FieldName<'n>>, mut unwanted: impl FnMut(&[u8]) -> bool) {
        let name = name.into();
        let lines = std::mem::take(&mut self.lines);
        for line in lines {
            if !self.is(&line, name) {
                self.lines.push(line);
                continue;
            }
            let value = self.text(line.value);
            if name.id.repeat() != Repeat::List {
                if !unwanted(value) {
                    self.lines.push(line);
                }
                continue;
            }
            let all = elements(value).count();
            let kept: Vec<&[u8]> = elements(value).filter(|element| !unwanted(element)).collect();
            if kept.len() == all {
                self.lines.push(line);
            } else if !kept.is_empty() {
                let joined = kept.join(&b", "[..]);
                let value = self.append(&joined);
                self.lines.push(Line { value, ..line });
            }
        }
    }

    /// Puts a hop on top: `SIP/2.0/UDP host;branch=z9hG4bK...`.
    // rfc3261 §16.6 step 8
    pub fn push_via(&mut self, value: impl AsRef<[u8]>) {
        self.prepend(HeaderName::Via, value);
    }

    /// Takes the top hop off; `false` if there was none.
    // rfc3261 §16.7 step 3
    pub fn pop_via(&mut self) -> bool {
        self.pop(HeaderName::Via)
    }

    /// Writes the source address into the top Via.
    // rfc3261 §18.2.1
    pub fn set_via_received(&mut self, source: IpAddr) {
        self.set_via_param("received", &source.to_string());
    }

    /// Writes the source port into the top Via.
    // rfc3581 §4
    pub fn set_via_rport(&mut self, port: u16) {
        self.set_via_param("rport", &port.to_string());
    }

    /// Writes a parameter of the top Via, in the place of the one of that name.
    pub fn set_via_param(&mut self, name: &str, value: &str) {
        let via = self.via();
        let mut top = Vec::with_capacity(128);
        via.without_params().encode(&mut top);
        let mut found = false;
        for param in via.params().iter() {
            if !param.name.eq_ignore_ascii_case(name.as_bytes()) {
                write_param(param, &mut top);
            } else if !std::mem::replace(&mut found, true) {
                write_param(Param { value: Some(value.as_bytes()), ..param }, &mut top);
            }
        }
        if !found {
            write_param(Param { name: name.as_bytes(), value: Some(value.as_bytes()) }, &mut top);
        }
        self.pop_via();
        self.push_via(top);
    }

    /// Gives To a tag, if it has none.
    // rfc3261 §8.2.6.2
    pub fn set_to_tag(&mut self, tag: &str) {
        let Some(at) = self.position(HeaderName::To.into()) else {
            return;
        };
        let Some(line) = self.lines.get(at).copied() else {
            return;
        };
        let value = self.text(line.value);
        if NameAddr::decode(value).is_ok_and(|to| to.tag().is_none()) {
            let tagged = [value, b";tag=", tag.as_bytes()].concat();
            let value = self.append(&tagged);
            if let Some(line) = self.lines.get_mut(at) {
                line.value = value;
            }
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
        let Some(line) = self.lines.get(at).copied() else {
            return false;
        };
        let value = self.text(line.value);
        match first_element(value).1 {
            None => {
                self.lines.remove(at);
            }
            Some(rest) => {
                let white = rest.iter().take_while(|octet| is(**octet, class::LWS)).count();
                let gone = value.len() - rest.len() + white;
                if let Some(line) = self.lines.get_mut(at) {
                    line.value = line.value.without_first(gone);
                }
            }
        }
        true
    }

    /// Appends octets to our own buffer.
    pub(crate) fn append(&mut self, text: &[u8]) -> Span {
        if self.own.capacity() == 0 {
            self.own.reserve(256);
        }
        let start = self.own.len();
        self.own.extend(text);
        for octet in self.own.get_mut(start..).unwrap_or_default() {
            if matches!(octet, b'\r' | b'\n') {
                *octet = b' ';
            }
        }
        Span { start: start as u32 | OWN, len: text.len() as u32 }
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

    fn position(&self, name: FieldName<'_>) -> Option<usize> {
        self.lines.iter().position(|line| self.is(line, name))
    }
}

fn write_param(param: Param<'_>, out: &mut Vec<u8>) {
    out.push(b';');
    out.extend(param.name);
    if let Some(value) = param.value {
        out.push(b'=');
        out.extend(value);
    }
}
