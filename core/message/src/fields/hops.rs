//! The hops of a message: Via lines are pushed, popped and stamped (RFC 3261 §16.6, §16.7, §18.2.1;
//! RFC 3581 §4). Reading one is [`Via`](crate::Via).

use super::{Fields, Line, Span};
use crate::header::via::Via;
use crate::host::write_ip;
use crate::name::HeaderName;
use crate::params::{Param, Params};
use crate::scan::Scanner;
use smallvec::SmallVec;
use std::net::IpAddr;

impl Fields {
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

    /// Writes into the top Via where a request came from: its address, and its port where that was asked for.
    // rfc3261 §18.2.1, rfc3581 §4
    pub fn set_via_source(&mut self, address: IpAddr, rport: Option<u16>) {
        self.change_top_via(|value, text| with_source(value, address, rport, text));
    }

    /// Writes a parameter of the top Via, in the place of all of that name; after the others if there
    /// was none. Nothing changes if there is no top Via, or it cannot be read.
    pub fn set_via_param(&mut self, name: &str, value: impl AsRef<[u8]>) {
        self.change_top_via(|via, text| with_params(via, [(name, value.as_ref())], text));
    }

    /// Puts what `write` makes of the top Via in its place; `write` says where the hops below it begin.
    fn change_top_via(&mut self, write: impl FnOnce(&[u8], &mut Text) -> Option<Option<usize>>) {
        let Some(at) = self.position(HeaderName::Via.into()) else {
            return;
        };
        // On the stack: what is copied may stand in the very buffer that it is appended to.
        let mut text = Text::new();
        let Some(below) = write(self.first(HeaderName::Via).unwrap_or_default(), &mut text) else {
            return;
        };
        let start = self.own_len();
        self.own.extend_from_slice(&text);
        self.replace_top_via(at, start, below);
    }

    /// Puts what was appended since `start` in the place of the first element of line `at`; `below` is
    /// where the elements after it begin.
    fn replace_top_via(&mut self, at: usize, start: usize, below: Option<usize>) {
        self.one_line(start);
        let top = Line { id: HeaderName::Via, name: Span::default(), value: self.own_since(start) };
        let Some(line) = self.lines.value_mut(at) else {
            return;
        };
        match below {
            None => *line = top.value,
            Some(octets) => {
                *line = line.without_first(octets);
                self.lines.insert(at, top);
            }
        }
        let value = self.text(top.value);
        self.noted.via = Via::scan(&mut Scanner::new(value)).ok().map(|via| via.at(value, top.value));
    }
}

/// One hop, in the making.
pub(crate) type Text = SmallVec<[u8; 256]>;

/// Appends the first hop of a Via line with where its request came from; gives where the hops below it begin.
/// `None`: no hop can be read there.
// rfc3261 §18.2.1, rfc3581 §4
pub(crate) fn with_source(
    value: &[u8],
    address: IpAddr,
    rport: Option<u16>,
    text: &mut Text,
) -> Option<Option<usize>> {
    let (mut received, mut port) = (SmallVec::<[u8; 45]>::new(), itoa::Buffer::new());
    write_ip(address, |text| received.extend_from_slice(text.as_bytes()));
    let received = ("received", &received[..]);
    match rport {
        Some(number) => with_params(value, [("rport", port.format(number).as_bytes()), received], text),
        None => with_params(value, [received], text),
    }
}

/// The same with these parameters, each in the place of all of its name; after the others if there was none.
fn with_params<const N: usize>(
    value: &[u8],
    params: [(&str, &[u8]); N],
    text: &mut Text,
) -> Option<Option<usize>> {
    let mut written = [false; N];
    let mut scanner = Scanner::new(value);
    Via::scan_sent_by(&mut scanner).ok()?;
    text.extend_from_slice(scanner.since(0));
    let write = |text: &mut Text, (name, value): (&str, _)| {
        Param { name: name.as_bytes(), value: Some(value) }.write(text);
    };
    Params::scan_each(&mut scanner, |param| {
        let is = |(name, _): &(&str, _)| param.name.eq_ignore_ascii_case(name.as_bytes());
        match params.iter().zip(&mut written).find(|(new, _)| is(new)) {
            None => param.write(text),
            Some((_, true)) => {}
            Some((new, written)) => {
                *written = true;
                write(text, *new);
            }
        }
    })
    .ok()?;
    let new = params.into_iter().zip(written).filter(|(_, written)| !written);
    new.for_each(|(new, _)| write(text, new));
    Some(scanner.eat_around(b',').then(|| scanner.at()))
}

#[cfg(test)]
mod tests {
    use crate::{HeaderName, Message, Request};
    use bytes::Bytes;

    fn request(vias: &str) -> Request {
        let wire = format!(
            "BYE sip:b@h SIP/2.0\r\n{vias}f: <sip:a@h>;tag=1\r\nt: sip:b@h\r\ni: c\r\nCSeq: 1 BYE\r\nl: 0\r\n\r\n"
        );
        match Message::parse(Bytes::from(wire)) {
            Ok(Message::Request(request)) => request,
            other => panic!("{other:?}"),
        }
    }

    fn invite() -> Request {
        request("v: SIP/2.0/UDP a;branch=z9hG4bK1;rport, SIP/2.0/TCP b\r\nVia: SIP/2.0/TLS c\r\n")
    }

    fn values(request: &Request, name: HeaderName) -> Vec<String> {
        request.values(name).map(|value| value.escape_ascii().to_string()).collect()
    }

    #[test]
    fn hops_are_pushed_and_popped_across_lines_and_lists() {
        // tests rfc3261 §16.6, §16.7
        let mut invite = invite();
        invite.push_via("SIP/2.0/UDP z;branch=z9hG4bK0");
        let hosts = |request: &Request| {
            values(request, HeaderName::Via)
                .iter()
                .map(|via| via.split([' ', ';']).nth(1).unwrap().to_owned())
                .collect::<String>()
        };
        assert_eq!(hosts(&invite), "zabc");
        for left in ["abc", "bc", "c", ""] {
            assert!(invite.pop_via());
            assert_eq!(hosts(&invite), left);
        }
        assert!(!invite.pop_via());
        assert!(!invite.to_string().contains("Via"));
    }

    #[test]
    fn where_it_came_from_is_written_into_the_top_via_alone() {
        // tests rfc3261 §18.2.1 and rfc3581 §4
        let mut invite = invite();
        invite.set_via_source("2001:db8::1".parse().unwrap(), Some(5062));
        let top = "SIP/2.0/UDP a;branch=z9hG4bK1;rport=5062;received=2001:db8::1";
        assert_eq!(values(&invite, HeaderName::Via), [top, "SIP/2.0/TCP b", "SIP/2.0/TLS c"]);
        invite.set_via_source("192.0.2.1".parse().unwrap(), None);
        assert_eq!(
            (invite.via().received(), invite.via().rport()),
            ("192.0.2.1".parse().ok(), Some(Some(5062)))
        );
        assert_eq!(invite.via().params().iter().count(), 3);
    }

    #[test]
    fn a_stamp_changes_one_parameter_and_keeps_the_rest_as_written() {
        // tests rfc3261 §18.2.1
        for (vias, stamped) in [
            ("Via: SIP/2.0/UDP a\r\n", "SIP/2.0/UDP a;received=192.0.2.1"),
            (
                "Via: SIP / 2.0 / UDP a : 5 ; x = [y] ; Received = 1.1.1.1;b\r\n",
                "SIP / 2.0 / UDP a : 5;x=[y];received=192.0.2.1;b",
            ),
            ("Via: SIP/2.0/UDP a;received=x;rport;received=y\r\n", "SIP/2.0/UDP a;received=192.0.2.1;rport"),
            ("Via: SIP/2.0/UDP a\r\n ;branch=1\r\n", "SIP/2.0/UDP a;branch=1;received=192.0.2.1"),
        ] {
            let mut request = request(vias);
            request.set_via_source([192, 0, 2, 1].into(), None);
            assert_eq!(values(&request, HeaderName::Via), [stamped]);
            assert_eq!(request.via().received(), "192.0.2.1".parse().ok());
            assert!(Message::parse(request.to_bytes()).is_ok());
        }
    }

    #[test]
    fn without_a_via_nothing_is_stamped() {
        let mut request = invite();
        request.remove(HeaderName::Via);
        request.set_via_source([192, 0, 2, 1].into(), Some(1));
        assert!(!request.contains(HeaderName::Via));
        request.set(HeaderName::Via, "none");
        request.set_via_source([192, 0, 2, 1].into(), Some(1));
        assert_eq!(values(&request, HeaderName::Via), ["none"]);
    }
}
