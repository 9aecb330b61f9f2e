//! [`Binding`]: one contact of an address-of-record (RFC 3261 §10).

use std::fmt;
use std::time::Duration;

use ruf_message::scan::unquote;
use ruf_message::{Flow, Tick, UriRef};

use crate::packed;

/// Longer names of phones are cut.
const USER_AGENT_BYTES_MAX: usize = 64;

/// One contact of one address-of-record, and the way to it.
///
/// There is one for every phone, so it is small: flow, contact, Call-ID, parameters, User-Agent and
/// Path stand in one allocation, one after the other.
#[derive(Clone, PartialEq, Eq)]
pub struct Binding {
    expires: Tick,
    cseq: u32,
    q: u16,
    /// Where the flow, the contact, the Call-ID, the parameters and the User-Agent end in `bytes`.
    ends: [u16; 5],
    bytes: Box<[u8]>,
}

/// What a [`Binding`] is made of.
#[derive(Clone, Copy, Debug)]
pub struct Fresh<'a> {
    /// The contact URI, as the phone wrote it.
    pub contact: UriRef<'a>,
    /// The flow of the REGISTER: requests to this contact leave by it, whatever the URI says.
    pub flow: Flow,
    /// When the binding ends.
    pub expires: Tick,
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
        let mut bytes = Vec::with_capacity(packed::FLOW_BYTES_MAX + text_bytes);
        packed::write(&fresh.flow, &mut bytes);
        let mut ends = [0; 5];
        for (end, text) in ends.iter_mut().zip(texts) {
            *end = u16::try_from(bytes.len()).ok()?;
            bytes.extend_from_slice(text);
        }
        let Fresh { expires, cseq, q, .. } = *fresh;
        Some(Self { expires, cseq, q: q.min(1_000), ends, bytes: bytes.into_boxed_slice() })
    }

    /// The contact URI, as the phone wrote it: it becomes the Request-URI.
    #[must_use]
    pub fn contact(&self) -> UriRef<'_> {
        let [start, end, ..] = self.ends;
        // It was a URI when it was put in, and reads the same.
        UriRef::parse(self.part(start, end)).unwrap_or_default()
    }

    /// Whether its contact is equivalent to this URI.
    // rfc3261 §19.1.4
    #[must_use]
    pub fn is_of(&self, contact: UriRef<'_>) -> bool {
        let [start, end, ..] = self.ends;
        // A phone writes its contact the same way each time: most often no URI is read here.
        self.part(start, end) == contact.as_bytes() || self.contact().equivalent(&contact)
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
        packed::read(&self.bytes)
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

    /// The parameter `+sip.instance`, without its quotes (RFC 5626 §4.1).
    #[must_use]
    pub fn instance(&self) -> Option<Vec<u8>> {
        self.param(b"+sip.instance").map(|value| unquote(value).into_owned())
    }

    /// The parameter `reg-id` (RFC 5626 §4.2).
    #[must_use]
    pub fn reg_id(&self) -> Option<u32> {
        str::from_utf8(self.param(b"reg-id")?).ok()?.parse().ok()
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

    fn param(&self, name: &[u8]) -> Option<&[u8]> {
        params_of(self.params()).find(|(found, _)| found.eq_ignore_ascii_case(name))?.1
    }

    fn part(&self, start: u16, end: u16) -> &[u8] {
        self.bytes.get(usize::from(start)..usize::from(end)).unwrap_or_default()
    }
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
