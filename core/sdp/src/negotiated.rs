//! What both sides agreed on: all that a media engine needs to know of each stream (RFC 3264 §6, §7).

use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

use crate::{
    Direction, Encoding, Events, Feedback, Fingerprint, Host, Ice, Kind, MasterKey, Mismatch, Protocol, Suite,
};

/// What was agreed on.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Negotiated {
    /// The streams that are had, in the order of their media.
    pub streams: Vec<Stream>,
    /// The media that the peer's answer takes but we cannot, and why. Nothing is sent, what comes is dropped.
    pub unusable: Vec<(usize, Mismatch)>,
}

impl Negotiated {
    /// The stream of one of our capabilities, by its place in the list; `None` if it is not had.
    pub fn of(&self, capability: usize) -> Option<&Stream> {
        self.streams.iter().find(|stream| stream.capability == capability)
    }

    /// The first stream of audio.
    pub fn audio(&self) -> Option<&Stream> {
        self.streams.iter().find(|stream| stream.kind == Kind::Audio)
    }
}

/// One stream, as it is from now on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stream {
    /// Which media of the descriptions it is, from 0.
    pub slot: usize,
    /// Which of our capabilities it is, from 0.
    pub capability: usize,
    /// What it carries.
    pub kind: Kind,
    /// The transport, as the peer wrote it.
    pub protocol: Protocol,
    /// Where we receive it.
    pub local: SocketAddr,
    /// Where we receive its RTCP; the same if it is multiplexed.
    pub local_rtcp: SocketAddr,
    /// Where the peer receives it. `None`: nothing may be sent, not even RTCP, because the peer gave the address
    /// of nowhere, as RFC 2543 did to hold.
    pub remote: Option<Destination>,
    /// Where the peer receives its RTCP; the same if it is multiplexed.
    pub remote_rtcp: Option<Destination>,
    /// Whether RTCP shares the port of RTP, on both sides.
    pub rtcp_mux: bool,
    /// Which way media goes now, from our side.
    pub direction: Direction,
    /// The codecs, at least one unless the stream is one of events; the first is to be sent with.
    pub codecs: Vec<AgreedFormat>,
    /// `telephone-event`, for each clock that both have it for.
    pub events: Vec<AgreedEvents>,
    /// Comfort noise (RFC 3389), for each clock.
    pub comfort_noise: Vec<AgreedFormat>,
    /// How much media our packets should hold, if the peer said so.
    pub ptime: Option<Duration>,
    /// How much they may hold, if the peer said so.
    pub maxptime: Option<Duration>,
    /// How it is encrypted.
    pub protection: Protection,
    /// The peer's feedback, if the profile has it.
    pub feedback: Vec<Feedback>,
    /// The peer's side of ICE, if both do it.
    pub ice: Option<Ice>,
}

impl Stream {
    /// The events to send beside a codec: those of its clock or, as old phones have it, of another.
    pub fn events_for(&self, codec: &Encoding) -> Option<&AgreedEvents> {
        let of_its_clock =
            self.events.iter().find(|events| events.format.encoding.clock_rate_hz == codec.clock_rate_hz);
        of_its_clock.or_else(|| self.events.first())
    }
}

/// A format and its payload types, which may differ for each way.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct AgreedFormat {
    /// What it is, with our spelling.
    pub encoding: Encoding,
    /// The payload type of what we send: the peer's number.
    pub send: u8,
    /// The payload type of what we receive: our number.
    pub receive: u8,
    /// The peer's parameters, which are for what we send.
    pub send_fmtp: String,
    /// Our parameters, which are for what we receive.
    pub receive_fmtp: String,
}

/// `telephone-event` with the events of both ways.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct AgreedEvents {
    /// The payload types.
    pub format: AgreedFormat,
    /// What the peer takes.
    pub send: Events,
    /// What we take.
    pub receive: Events,
}

/// Where to send.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Destination {
    /// The address, or a name that is to be found first.
    pub host: Host,
    /// The port.
    pub port: u16,
}

impl Destination {
    /// The address, if it is one.
    pub fn socket(&self) -> Option<SocketAddr> {
        self.host.ip().map(|address| SocketAddr::new(address, self.port))
    }
}

impl fmt::Display for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.socket() {
            Some(address) => write!(f, "{address}"),
            None => write!(f, "{}:{}", self.host, self.port),
        }
    }
}

/// How a stream is encrypted.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Protection {
    /// Not at all.
    Plain,
    /// By SRTP with keys of the descriptions (RFC 4568).
    Srtp {
        /// Both ways.
        suite: Suite,
        /// Ours.
        send: MasterKey,
        /// The peer's.
        receive: MasterKey,
    },
    /// By SRTP with keys of DTLS (RFC 5763).
    Dtls {
        /// Those of the peer's certificate; one of a hash that is known must be right.
        fingerprints: Vec<Fingerprint>,
        /// Whether we open the association.
        we_open: bool,
    },
}
