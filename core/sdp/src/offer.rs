//! Writing an offer (RFC 3264 §5, §8).

use std::net::IpAddr;

use crate::ice;
use crate::numbers::{Numbers, Wish};
use crate::terms::{COMFORT_NOISE, OLD_EVENTS_CLOCK_HZ, TELEPHONE_EVENT};
use crate::wording::{Wording, refused};
use crate::{Capabilities, Crypto, Encoding, Format, MediaLine, Protocol, Section, Security, Setup};

/// The number that events have nearly everywhere.
const EVENTS_PAYLOAD_TYPE: u8 = 101;

/// What a session knows of one of its media.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Slot {
    /// Which of our capabilities it is; `None` while it is not had.
    pub(crate) capability: Option<usize>,
    pub(crate) numbers: Numbers,
    /// Our formats, as we last said them.
    pub(crate) formats: Vec<Format>,
    /// Our keys, as we last said them.
    pub(crate) crypto: Vec<Crypto>,
    /// Its name in groups, once it has one.
    pub(crate) mid: Option<String>,
}

impl Slot {
    /// One that is not had. What comes to its place is another stream, with other numbers.
    pub(crate) fn empty(mid: Option<&str>) -> Slot {
        Slot { mid: mid.map(str::to_owned), ..Slot::default() }
    }
}

/// The media of a description of ours, each with its address, and what we know of them once it is sent.
#[derive(Debug, Clone, Default)]
pub(crate) struct Draft {
    pub(crate) sections: Vec<(Section, Option<IpAddr>)>,
    pub(crate) slots: Vec<Slot>,
}

/// An offer of these capabilities. `before` are the media of the session with their `m=` lines: each keeps its
/// place; a new stream takes one that is free, or a new one.
pub(crate) fn offer(capabilities: &[Capabilities], is_held: bool, before: Vec<(Slot, MediaLine)>) -> Draft {
    // rfc3264 §8, §8.1, §8.2
    let mut places: Vec<(Slot, Option<MediaLine>)> =
        before.into_iter().map(|(slot, line)| (slot, Some(line))).collect();
    for (at, _) in capabilities.iter().enumerate().filter(|(_, ours)| ours.is_wanted()) {
        if places.iter().any(|(slot, _)| slot.capability == Some(at)) {
            continue;
        }
        match places.iter_mut().find(|(slot, _)| slot.capability.is_none()) {
            Some((slot, _)) => slot.capability = Some(at),
            None => places.push((Slot { capability: Some(at), ..Slot::default() }, None)),
        }
    }
    let mut draft = Draft::default();
    for (mut slot, line) in places {
        let ours = slot.capability.and_then(|at| capabilities.get(at)).filter(|ours| ours.is_wanted());
        let section = ours.and_then(|ours| Some((offered(ours, is_held, &mut slot)?, ours.address.ip())));
        match (section, line) {
            (Some((section, address)), _) => {
                draft.sections.push((section, Some(address)));
                draft.slots.push(slot);
            }
            (None, Some(line)) => {
                draft.sections.push((refused(&line, slot.mid.as_deref()), None));
                draft.slots.push(Slot::empty(slot.mid.as_deref()));
            }
            (None, None) => {} // no place was made for what is not wanted
        }
    }
    draft
}

/// The section of a stream; `None` if there are no payload types left for any of its formats.
fn offered(ours: &Capabilities, is_held: bool, slot: &mut Slot) -> Option<Section> {
    // rfc3264 §5.1
    slot.formats.clear();
    for (format, wish) in wanted(ours) {
        if let Some(payload_type) = slot.numbers.give(&format, wish, &slot.formats) {
            slot.formats.push(Format { payload_type, ..format });
        }
    }
    if slot.formats.is_empty() {
        return None;
    }
    // rfc4568 §4.1, §5.1.1, §5.1.4, §7.1.1, §7.1.4: in each offer one line a suite, each with its own tag
    slot.crypto = (1..).zip(ours.security.keys()).map(|(tag, line)| Crypto { tag, ..line.clone() }).collect();
    let wording = Wording {
        ours,
        protocol: protocol(ours),
        formats: &slot.formats,
        direction: ours.wish(is_held),
        crypto: slot.crypto.clone(),
        setup: Setup::ActPass, // rfc5763 §5
        rtcp_mux: ours.rtcp_mux,
        ice: ice::Wording::Whole,
        mid: slot.mid.as_deref(),
    };
    Some(wording.section())
}

fn protocol(ours: &Capabilities) -> Protocol {
    match (&ours.security, !ours.feedback.is_empty()) {
        (Security::Plain | Security::Optional(_), false) => Protocol::RtpAvp,
        (Security::Plain | Security::Optional(_), true) => Protocol::RtpAvpf,
        (Security::Required(_), false) => Protocol::RtpSavp,
        (Security::Required(_), true) => Protocol::RtpSavpf,
        (Security::Dtls(_), false) => Protocol::UdpTlsRtpSavp,
        (Security::Dtls(_), true) => Protocol::UdpTlsRtpSavpf,
    }
}

/// All formats of an offer, in their order, each with the number that it wants.
fn wanted(ours: &Capabilities) -> Vec<(Format, Wish)> {
    let mut wanted = Vec::new();
    let mut want = |encoding: Encoding, fmtp: String, payload_type: Option<u8>| {
        let (payload_type, wish) = match (encoding.static_payload_type(), payload_type) {
            (Some(number), _) => (number, Wish::First),
            (None, Some(number)) => (number, Wish::Later),
            (None, None) => (0, Wish::None),
        };
        wanted.push((Format { payload_type, encoding, fmtp }, wish));
    };
    for codec in &ours.codecs {
        want(codec.encoding.clone(), codec.fmtp.clone(), codec.payload_type);
    }
    let mut clocks: Vec<u32> = Vec::new();
    for codec in &ours.codecs {
        if !clocks.contains(&codec.encoding.clock_rate_hz) {
            clocks.push(codec.encoding.clock_rate_hz);
        }
    }
    if ours.comfort_noise && clocks.contains(&OLD_EVENTS_CLOCK_HZ) {
        want(Encoding::new(COMFORT_NOISE, OLD_EVENTS_CLOCK_HZ), String::new(), None); // rfc3389 §4
    }
    if let Some(events) = ours.events {
        // For a stream of events alone, and for phones that have them by no other clock.
        if !clocks.contains(&OLD_EVENTS_CLOCK_HZ) {
            clocks.push(OLD_EVENTS_CLOCK_HZ);
        }
        for clock in clocks {
            let number = (clock == OLD_EVENTS_CLOCK_HZ).then_some(EVENTS_PAYLOAD_TYPE);
            want(Encoding::new(TELEPHONE_EVENT, clock), events.to_string(), number);
        }
    }
    wanted
}
