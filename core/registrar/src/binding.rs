//! [`Binding`]: one contact of an address-of-record (RFC 3261 §10), or one flow of an instance of it
//! (RFC 5626 §6).

use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

use ruf_admission::Ourselves;
use ruf_message::scan::{elements, trim, unquote};
use ruf_message::{Flow, NameAddr, Tick, Transport, UriRef};
use smallvec::SmallVec;

use crate::instance::canonical;
use crate::packed;

/// Longer names of phones are cut.
const USER_AGENT_BYTES_MAX: usize = 64;

/// One contact of one address-of-record, and the way to it.
///
/// There is one for every phone, so it is small: what is granted, flow, contact, Call-ID, parameters,
/// User-Agent and Path stand in one allocation, one after the other.
#[derive(Clone, PartialEq, Eq)]
pub struct Binding {
    expires: Tick,
    cseq: u32,
    q: u16,
    /// Where the head, the contact, the Call-ID, the parameters and the User-Agent end in `bytes`.
    ends: [u16; 5],
    /// The head is one octet of marks, four of the seconds granted, eight of the run if it has one, and
    /// the flow.
    bytes: Box<[u8]>,
}

/// The bindings of an address-of-record. Most have one, and no list to it.
pub type Bindings = SmallVec<[Binding; 1]>;

/// It is the binding of an instance and a `reg-id`.
const IS_OUTBOUND: u8 = 1;
/// It has a run.
const HAS_RUN: u8 = 2;
/// See [`Binding::is_translated`]; follows from the rest.
const IS_TRANSLATED: u8 = 4;
const RUN_AT: usize = 5;

/// What a [`Binding`] is made of.
#[derive(Clone, Copy, Debug)]
pub struct Fresh<'a> {
    /// The contact URI, as the phone wrote it.
    pub contact: UriRef<'a>,
    /// The flow of the REGISTER: requests to this contact leave by it, whatever the URI says.
    pub flow: Flow,
    /// When the binding ends.
    pub expires: Tick,
    /// For how long it was granted.
    pub granted_secs: u32,
    /// Instance and `reg-id` are its key, not its contact (RFC 5626 §6).
    pub is_outbound: bool,
    /// The run of its instance, if it has temporary GRUUs.
    pub run: Option<u64>,
    /// Preference in thousandths, 0 to 1000.
    pub q: u16,
    /// Call-ID of the REGISTER.
    pub call_id: &'a [u8],
    /// Number of its CSeq.
    pub cseq: u32,
    /// The contact's other parameters as a header writes them, each with its `;`.
    pub params: &'a [u8],
    /// What the phone calls itself; may be empty.
    pub user_agent: &'a [u8],
    /// The values of Path, a comma list; may be empty.
    pub path: &'a [u8],
}

impl Binding {
    /// `None` if its texts are longer than `bytes_max`.
    #[must_use]
    pub fn new(fresh: &Fresh<'_>, bytes_max: u16) -> Option<Self> {
        let user_agent = fresh.user_agent.get(..USER_AGENT_BYTES_MAX).unwrap_or(fresh.user_agent);
        let texts = [fresh.contact.as_bytes(), fresh.call_id, fresh.params, user_agent, fresh.path];
        let text_bytes: usize = texts.iter().map(|text| text.len()).sum();
        if text_bytes > usize::from(bytes_max) {
            return None;
        }
        let run_bytes = if fresh.run.is_some() { 8 } else { 0 };
        let mut bytes = Vec::with_capacity(RUN_AT + run_bytes + packed::len(&fresh.flow) + text_bytes);
        let mark = |is_so, mark| if is_so { mark } else { 0 };
        let is_translated = is_translated(fresh.contact, &fresh.flow, fresh.path);
        bytes.push(
            mark(fresh.is_outbound, IS_OUTBOUND)
                | mark(fresh.run.is_some(), HAS_RUN)
                | mark(is_translated, IS_TRANSLATED),
        );
        bytes.extend_from_slice(&fresh.granted_secs.to_be_bytes());
        bytes.extend(fresh.run.iter().flat_map(|run| run.to_be_bytes()));
        packed::write(&fresh.flow, &mut bytes);
        let mut ends = [0; 5];
        for (end, text) in ends.iter_mut().zip(texts) {
            *end = u16::try_from(bytes.len()).ok()?;
            bytes.extend_from_slice(text);
        }
        let Fresh { expires, cseq, q, .. } = *fresh;
        Some(Self { expires, cseq, q: q.min(1_000), ends, bytes: bytes.into_boxed_slice() })
    }

    /// What it is made of: end, CSeq, q, and the texts with their ends.
    pub(crate) fn parts(&self) -> (Tick, u32, u16, [u16; 5], &[u8]) {
        (self.expires, self.cseq, self.q, self.ends, &self.bytes)
    }

    /// A binding of what [`Binding::parts`] gave; `None`: they are no parts of one.
    pub(crate) fn from_parts(expires: Tick, cseq: u32, q: u16, ends: [u16; 5], bytes: &[u8]) -> Option<Self> {
        let mut binding = Self { expires, cseq, q: q.min(1_000), ends, bytes: bytes.into() };
        let in_order = ends.is_sorted() && ends.iter().all(|end| usize::from(*end) <= bytes.len());
        let [start, end, ..] = ends;
        let is_sound = in_order && binding.flow_at() < usize::from(start);
        if !is_sound || UriRef::parse(binding.part(start, end)).is_err() {
            return None;
        }
        binding.mark_translated();
        Some(binding)
    }

    /// Where it stands is another place than before, or was written by an earlier version.
    fn mark_translated(&mut self) {
        let is_translated = is_translated(self.contact(), &self.flow(), self.path());
        if let Some(marks) = self.bytes.first_mut() {
            *marks = *marks & !IS_TRANSLATED | if is_translated { IS_TRANSLATED } else { 0 };
        }
    }

    /// It ends by then at the latest.
    pub(crate) fn end_by(&mut self, latest: Tick) {
        self.expires = self.expires.min(latest);
    }

    /// The contact URI, as the phone wrote it: it becomes the Request-URI.
    #[must_use]
    pub fn contact(&self) -> UriRef<'_> {
        // It was a URI when it was put in, and reads the same.
        UriRef::parse(self.contact_bytes()).unwrap_or_default()
    }

    /// The same as octets.
    #[must_use]
    pub(crate) fn contact_bytes(&self) -> &[u8] {
        let [start, end, ..] = self.ends;
        self.part(start, end)
    }

    /// Whether its contact is equivalent to this URI.
    // rfc3261 §19.1.4
    #[must_use]
    pub fn is_of(&self, contact: UriRef<'_>) -> bool {
        // A phone writes its contact the same way each time: most often no URI is read here.
        self.contact_bytes() == contact.as_bytes() || self.contact().equivalent(&contact)
    }

    /// Whether requests can be sent to it. Contacts of any scheme may be registered (`mailto:`) and are
    /// listed, but a request leaves by the flow of a phone, as SIP.
    // rfc3261 §10.2.1
    #[must_use]
    pub fn is_target(&self) -> bool {
        self.contact().is_sip()
    }

    /// The flow that leads to it (DESIGN: "Flows"; RFC 5626 §5.3 in spirit).
    #[must_use]
    pub fn flow(&self) -> Flow {
        packed::read(self.bytes.get(self.flow_at()..).unwrap_or_default())
    }

    /// The same, reached by another flow.
    #[must_use]
    pub fn by_flow(&self, flow: &Flow) -> Self {
        let [texts_at, ..] = self.ends;
        let mut bytes = self.bytes.get(..self.flow_at()).unwrap_or_default().to_vec();
        packed::write(flow, &mut bytes);
        let moved = u16::try_from(bytes.len()).unwrap_or_default();
        bytes.extend_from_slice(self.bytes.get(usize::from(texts_at)..).unwrap_or_default());
        let ends = self.ends.map(|end| end - texts_at + moved);
        let mut moved = Self { ends, bytes: bytes.into_boxed_slice(), ..*self };
        moved.mark_translated();
        moved
    }

    /// Where the phone takes connections, if we may open one to it when its own is gone: its Contact names,
    /// with the transport of its flow, the very address that it registered from. A phone that keeps flows is
    /// left to make new ones, and one behind a proxy is the proxy's to reach.
    // rfc3261 §18.1.1 and §10.2.1; rfc5626 §5.3
    #[must_use]
    pub fn listens_at(&self, ourselves: &Ourselves) -> Option<SocketAddr> {
        if self.is_outbound() || !self.path().is_empty() {
            return None;
        }
        ourselves.listens_at(self.contact(), &self.flow())
    }

    /// Whether it is the binding of an instance and a `reg-id`, not of a contact.
    // rfc5626 §6
    #[must_use]
    pub fn is_outbound(&self) -> bool {
        self.has(IS_OUTBOUND)
    }

    /// The run of its instance: what its temporary GRUUs lead to (see [`Gruus`](crate::Gruus)).
    #[must_use]
    pub fn run(&self) -> Option<u64> {
        let run = self.bytes.get(RUN_AT..)?.first_chunk().filter(|_| self.has(HAS_RUN))?;
        Some(u64::from_be_bytes(*run))
    }

    /// The same in another run of its instance. One without temporary GRUUs stays so.
    #[must_use]
    pub(crate) fn in_run(mut self, run: u64) -> Self {
        if self.has(HAS_RUN)
            && let Some(place) = self.bytes.get_mut(RUN_AT..).and_then(|rest| rest.first_chunk_mut())
        {
            *place = run.to_be_bytes();
        }
        self
    }

    /// For how long it was granted.
    #[must_use]
    pub fn granted_secs(&self) -> u32 {
        self.bytes.get(1..).and_then(|rest| rest.first_chunk()).copied().map_or(0, u32::from_be_bytes)
    }

    /// When it was registered or refreshed last, in microseconds from the start of this run of ours: before
    /// it, if it outlived a restart.
    // rfc5626 §6
    #[must_use]
    pub fn refreshed_micros(&self) -> i64 {
        let expires = i64::try_from(self.expires.as_micros()).unwrap_or(i64::MAX);
        expires.saturating_sub(i64::from(self.granted_secs()) * 1_000_000)
    }

    /// Whether the phone is behind a translator, as far as can be told: it is reached over UDP, and not
    /// where it believes to be.
    #[must_use]
    pub fn is_translated(&self) -> bool {
        self.has(IS_TRANSLATED)
    }

    /// When it ends.
    #[must_use]
    pub const fn expires(&self) -> Tick {
        self.expires
    }

    /// Whether it has not ended.
    #[must_use]
    pub fn is_live(&self, now: Tick) -> bool {
        self.expires > now
    }

    /// Seconds until it ends, rounded up: a live one never shows 0, which would mean "removed".
    #[must_use]
    pub fn remaining_secs(&self, now: Tick) -> u64 {
        let left = self.expires.saturating_sub(now);
        left.as_secs() + u64::from(left > Duration::from_secs(left.as_secs()))
    }

    /// Preference in thousandths, 0 to 1000; 1000 where the phone named none.
    #[must_use]
    pub const fn q(&self) -> u16 {
        self.q
    }

    /// Call-ID of the REGISTER that made or refreshed it.
    #[must_use]
    pub fn call_id(&self) -> &[u8] {
        let [_, start, end, ..] = self.ends;
        self.part(start, end)
    }

    /// CSeq number of that REGISTER.
    #[must_use]
    pub const fn cseq(&self) -> u32 {
        self.cseq
    }

    /// Parameters of the contact other than `q` and `expires`, each with its `;`.
    #[must_use]
    pub fn params(&self) -> &[u8] {
        let [_, _, start, end, _] = self.ends;
        self.part(start, end)
    }

    /// The device that registered it, in the form in which equal ones have equal octets; `None` if the
    /// phone did not say.
    // rfc5626 §4.1
    #[must_use]
    pub fn instance(&self) -> Option<Vec<u8>> {
        let value = unquote(self.param(b"+sip.instance")?);
        let instance = trim(&value).strip_prefix(b"<")?.strip_suffix(b">")?;
        (!instance.is_empty()).then(|| canonical(instance))
    }

    /// Which of the instance's flows it is, if it has any number: a binding without instance has none.
    // rfc5626 §4.2
    #[must_use]
    pub fn reg_id(&self) -> Option<u32> {
        str::from_utf8(self.param(b"reg-id").filter(|_| self.is_outbound())?).ok()?.parse().ok()
    }

    /// What the phone calls itself; may be empty, and is cut when long.
    #[must_use]
    pub fn user_agent(&self) -> &[u8] {
        let [.., start, end] = self.ends;
        self.part(start, end)
    }

    /// The values of Path that came with it, a comma list; may be empty (RFC 3327).
    #[must_use]
    pub fn path(&self) -> &[u8] {
        let [.., start] = self.ends;
        self.bytes.get(usize::from(start)..).unwrap_or_default()
    }

    /// The proxies of its Path, the one nearest to us first: the route of requests to it.
    // rfc3327 §5.4
    pub fn routes(&self) -> impl Iterator<Item = UriRef<'_>> {
        elements(self.path()).filter_map(|value| NameAddr::decode(value).ok()).map(|hop| hop.uri())
    }

    fn flow_at(&self) -> usize {
        if self.has(HAS_RUN) { RUN_AT + 8 } else { RUN_AT }
    }

    fn has(&self, mark: u8) -> bool {
        self.bytes.first().is_some_and(|marks| marks & mark != 0)
    }

    fn param(&self, name: &[u8]) -> Option<&[u8]> {
        params_of(self.params()).find(|(found, _)| found.eq_ignore_ascii_case(name))?.1
    }

    fn part(&self, start: u16, end: u16) -> &[u8] {
        self.bytes.get(usize::from(start)..usize::from(end)).unwrap_or_default()
    }
}

fn is_translated(contact: UriRef<'_>, flow: &Flow, path: &[u8]) -> bool {
    let port = contact.port().unwrap_or(flow.transport.default_port());
    flow.transport == Transport::Udp
        && path.is_empty()
        && (port != flow.remote.port() || {
            let there = contact.host().and_then(|host| host.ip()).map(|ip| ip.to_canonical());
            there != Some(flow.remote.ip().to_canonical())
        })
}

/// The parameters in a text of ours: no white space, quotes closed.
fn params_of(text: &[u8]) -> impl Iterator<Item = (&[u8], Option<&[u8]>)> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let text = rest.strip_prefix(b";")?;
        let (mut quoted, mut escaped) = (false, false);
        let end = text.iter().position(|&octet| {
            match (escaped, octet) {
                (true, _) => escaped = false,
                (false, b'\\') if quoted => escaped = true,
                (false, b'"') => quoted = !quoted,
                (false, b';') if !quoted => return true,
                (false, _) => {}
            }
            false
        });
        let (param, after) = text.split_at(end.unwrap_or(text.len()));
        rest = after;
        Some(match param.iter().position(|&octet| octet == b'=') {
            Some(at) => (param.get(..at).unwrap_or_default(), param.get(at + 1..)),
            None => (param, None),
        })
    })
}

impl fmt::Debug for Binding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Binding")
            .field("contact", &self.contact())
            .field("flow", &format_args!("{}", self.flow()))
            .field("expires", &format_args!("{}", self.expires))
            .field("q", &self.q)
            .field("call_id", &self.call_id().escape_ascii().to_string())
            .field("cseq", &self.cseq)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn binding(contact: &str, transport: Transport, path: &[u8]) -> Binding {
        let uri: ruf_message::Uri = contact.parse().unwrap();
        let (local, remote) = ("192.0.2.1:5060".parse().unwrap(), "198.51.100.7:5062".parse().unwrap());
        let flow = Flow { transport, listener: 0, local, remote, connection: 1 };
        let fresh = Fresh {
            contact: uri.as_ref(),
            flow,
            expires: Tick::from_micros(3_600_000_000),
            granted_secs: 3_600,
            is_outbound: false,
            run: None,
            q: 1_000,
            call_id: b"c",
            cseq: 1,
            params: b"",
            user_agent: b"",
            path,
        };
        Binding::new(&fresh, 1_000).unwrap()
    }

    #[test]
    fn behind_a_translator_is_who_is_reached_elsewhere_than_it_says() {
        let over = |contact, transport| binding(contact, transport, b"").is_translated();
        let udp = |contact| over(contact, Transport::Udp);
        assert!(udp("sip:a@10.0.0.2:5062") && udp("sip:a@198.51.100.7:5070") && udp("sip:a@198.51.100.7"));
        assert!(udp("sip:a@phone.example:5062"), "a name says nothing");
        assert!(!udp("sip:a@198.51.100.7:5062"));
        assert!(!udp("sip:a@[::ffff:198.51.100.7]:5062"));
        assert!(!over("sip:a@10.0.0.2:5062", Transport::Tcp));
        assert!(!binding("sip:a@10.0.0.2:5062", Transport::Udp, b"<sip:edge.example;lr>").is_translated());
    }

    #[test]
    fn parts_out_of_order_are_no_binding() {
        let whole = binding("sip:a@10.0.0.2:5062", Transport::Udp, b"");
        let (expires, cseq, q, ends, bytes) = whole.parts();
        let from = |ends, bytes: &[u8]| Binding::from_parts(expires, cseq, q, ends, bytes).is_some();
        assert!(from(ends, bytes));
        let [start, uri, call_id, params, agent] = ends;
        let past = u16::try_from(bytes.len()).unwrap() + 1;
        for wrong in [
            [uri, start, call_id, params, agent],
            [start, uri, call_id, params, past],
            [5, uri, call_id, params, agent],
            [start, start, call_id, params, agent],
        ] {
            assert!(!from(wrong, bytes), "{wrong:?}");
        }
    }
}
