//! On what terms a stream can be had: which formats both have, how it is encrypted, where the peer is.
//! Both who writes an answer and who reads one ask here (RFC 3264 §6.1, §7).

use crate::codec::is_same_format;
use crate::ice::Found;
use crate::negotiated::{AgreedEvents, AgreedFormat, Destination, Protection, Stream};
use crate::{
    Capabilities, Crypto, Direction, Events, Fingerprint, Format, Ice, MaxPtime, Media, MediaLine, Mismatch,
    ParseError, Ptime, Rtcp, Setup,
};

/// The name of named events (RFC 4733).
pub(crate) const TELEPHONE_EVENT: &str = "telephone-event";
/// The name of comfort noise (RFC 3389).
pub(crate) const COMFORT_NOISE: &str = "CN";
/// The clock of events that old phones offer beside any codec.
pub(crate) const OLD_EVENTS_CLOCK_HZ: u32 = 8_000;

/// A format as each side numbers it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Pair {
    pub(crate) ours: Format,
    pub(crate) theirs: Format,
}

/// Whether a format carries no media of its own: it goes beside a codec.
pub(crate) fn is_beside(format: &Format) -> bool {
    format.encoding.is(TELEPHONE_EVENT) || format.encoding.is(COMFORT_NOISE)
}

/// A line of the peer's that a key of ours is for: of a suite that both have, with one key of the right
/// length, and without a parameter that would have to be understood.
pub(crate) fn is_acceptable(theirs: &Crypto) -> bool {
    // rfc4568 §6.3.7
    theirs.is_valid()
        && theirs.keys.len() == 1
        && theirs.session_parameters.iter().all(|word| word.starts_with('-'))
}

/// The first of the peer's lines that we can take, with ours for it; the tag is the peer's. One key is never
/// both ways: what is sent back to us as its own is refused.
pub(crate) fn choose_crypto(ours: &[Crypto], media: &Media<'_>) -> Option<(Crypto, Crypto)> {
    // rfc4568 §4, §5.1.2, §7.1.2
    media.section().readable::<Crypto>().filter(is_acceptable).find_map(|theirs| {
        let own = ours.iter().find(|own| own.suite == theirs.suite && own.is_valid())?;
        differ(own, &theirs).then(|| (Crypto { tag: theirs.tag, ..own.clone() }, theirs))
    })
}

fn differ(ours: &Crypto, theirs: &Crypto) -> bool {
    ours.keys.iter().all(|own| theirs.keys.iter().all(|key| key.key_salt != own.key_salt))
}

/// SRTP with the keys of both lines, if they differ.
pub(crate) fn srtp(ours: &Crypto, theirs: &Crypto) -> Option<Protection> {
    if !differ(ours, theirs) {
        return None;
    }
    let (send, receive) = (ours.keys.first()?.clone(), theirs.keys.first()?.clone());
    Some(Protection::Srtp { suite: theirs.suite.clone(), send, receive })
}

/// DTLS with the peer's certificate.
pub(crate) fn dtls(media: &Media<'_>, we_open: bool) -> Result<Protection, Mismatch> {
    let fingerprints: Vec<Fingerprint> = media.readable().collect();
    if fingerprints.is_empty() { Err(Mismatch::Keys) } else { Ok(Protection::Dtls { fingerprints, we_open }) }
}

/// What the peer says of who opens; the default is that of an offer.
pub(crate) fn setup(media: &Media<'_>) -> Setup {
    media.get().ok().flatten().unwrap_or(Setup::ActPass)
}

/// The stream that both agreed on.
pub(crate) struct Terms<'a> {
    pub(crate) slot: usize,
    pub(crate) capability: usize,
    pub(crate) ours: &'a Capabilities,
    /// Which way media may go, by what both said.
    pub(crate) direction: Direction,
    pub(crate) theirs: Media<'a>,
    pub(crate) line: &'a MediaLine,
    pub(crate) pairs: &'a [Pair],
    pub(crate) protection: Protection,
}

impl Terms<'_> {
    /// The stream.
    pub(crate) fn stream(self) -> Result<Stream, ParseError> {
        let Terms { slot, capability, ours, direction, theirs, line, pairs, protection } = self;
        let rtcp_mux = ours.rtcp_mux && theirs.rtcp_mux();
        let ice = match Ice::find(&theirs, line, rtcp_mux) {
            Found::Ice(ice) if ours.ice.is_some() => Some(ice),
            Found::Ice(_) | Found::Nothing | Found::Mismatch => None,
        };
        let connection = theirs.connection()?;
        // With ICE nowhere only means that there is no default candidate.
        let somewhere = connection.filter(|connection| ice.is_some() || !connection.host.is_nowhere()); // rfc3264 §8.4
        let remote = somewhere.map(|connection| Destination { host: connection.host, port: line.port });
        let remote_rtcp = match &remote {
            Some(remote) if rtcp_mux => Some(remote.clone()),
            Some(remote) => rtcp_of(&theirs, remote),
            None => None,
        };
        let agreed =
            |wanted: fn(&Format) -> bool| pairs.iter().filter(move |pair| wanted(&pair.theirs)).map(agreed);
        let maxptime = theirs.get().ok().flatten().map(|MaxPtime(time)| time);
        let ptime =
            theirs.get().ok().flatten().map(|Ptime(time)| maxptime.map_or(time, |most| time.min(most)));
        let may_send = Direction::new(remote.is_some(), true);
        Ok(Stream {
            slot,
            capability,
            kind: line.kind.clone(),
            protocol: line.protocol.clone(),
            local: ours.address,
            local_rtcp: if rtcp_mux { ours.address } else { ours.rtcp_address() },
            remote,
            remote_rtcp,
            rtcp_mux,
            direction: direction.and(may_send),
            codecs: agreed(|format| !is_beside(format)).collect(),
            events: agreed(|format| format.encoding.is(TELEPHONE_EVENT)).map(events).collect(),
            comfort_noise: agreed(|format| format.encoding.is(COMFORT_NOISE)).collect(),
            ptime,
            maxptime,
            protection,
            feedback: if line.protocol.has_feedback() {
                theirs.section().readable().collect()
            } else {
                Vec::new()
            },
            ice,
        })
    }
}

fn agreed(pair: &Pair) -> AgreedFormat {
    let Pair { ours, theirs } = pair.clone();
    AgreedFormat {
        encoding: ours.encoding,
        send: theirs.payload_type,
        receive: ours.payload_type,
        send_fmtp: theirs.fmtp,
        receive_fmtp: ours.fmtp,
    }
}

/// Without a list DTMF is meant (RFC 4733 §2.4.1).
fn events(format: AgreedFormat) -> AgreedEvents {
    // rfc4733 §2.4.1
    let of = |fmtp: &str| Events::parse(fmtp).unwrap_or(Events::DTMF);
    AgreedEvents { send: of(&format.send_fmtp), receive: of(&format.receive_fmtp), format }
}

/// Where a media's RTCP goes: where it says, or to the next port.
pub(crate) fn rtcp_of(media: &Media<'_>, rtp: &Destination) -> Option<Destination> {
    // rfc3605 §2.1, rfc8866 §5.14
    match media.section().get::<Rtcp>() {
        Ok(Some(Rtcp { port, host })) => {
            Some(Destination { host: host.map_or_else(|| rtp.host.clone(), |(_, host)| host), port })
        }
        Ok(None) | Err(_) => Some(Destination { host: rtp.host.clone(), port: rtp.port.checked_add(1)? }),
    }
}

/// The pairs of an answer that was read: its formats, in its order, that our offer has. One that says nothing
/// of a payload type of ours means what we said.
pub(crate) fn pairs_of_answer(offered: &[Format], media: &Media<'_>, line: &MediaLine) -> Vec<Pair> {
    // rfc3264 §7
    let pair = |theirs: Format| {
        let same_number = offered
            .iter()
            .find(|ours| ours.payload_type == theirs.payload_type && is_same_format(ours, &theirs));
        let ours = same_number.or_else(|| offered.iter().find(|ours| is_same_format(ours, &theirs)))?.clone();
        Some(Pair { ours, theirs })
    };
    media.formats_of(line, offered).into_iter().filter_map(pair).collect()
}

/// Whether the media goes to many: such a stream is not for us (RFC 3264 §6.2).
pub(crate) fn is_multicast(media: &Media<'_>) -> bool {
    let connection = media.connection().ok().flatten();
    connection.and_then(|connection| connection.host.ip()).is_some_and(|address| address.is_multicast())
}

/// Whether these formats make a stream of what was offered: a codec, or nothing but events where nothing else
/// was offered.
pub(crate) fn suffices(pairs: &[Pair], offered: &[Format]) -> bool {
    let has_codec = pairs.iter().any(|pair| !is_beside(&pair.theirs));
    has_codec || (!pairs.is_empty() && offered.iter().all(is_beside))
}
