//! What this side would have in a stream: codecs, address, direction, protection (RFC 3264 §5.1).
//!
//! It is handed to each offer and answer as a list, whose order names the streams: a session's first
//! capabilities are those of the same stream for its lifetime. A stream that is not wanted any more keeps
//! its place, with port 0; a list that ends sooner does the same.

use std::net::SocketAddr;
use std::time::Duration;

use crate::{Codec, Crypto, Direction, Events, Feedback, Fingerprint, Ice, Kind, Line, Protocol};

/// How much audio a packet holds where nothing is said (RFC 3551 §4.5).
const PTIME: Duration = Duration::from_millis(20);

/// What this side would have in one stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Capabilities {
    /// What it carries.
    pub kind: Kind,
    /// Where we receive it. Port 0: it is not wanted.
    pub address: SocketAddr,
    /// The port of our RTCP, if it is not the next one.
    pub rtcp_port: Option<u16>,
    /// Whether RTCP may come to the port of RTP (RFC 5761).
    pub rtcp_mux: bool,
    /// In order of preference.
    pub codecs: Vec<Codec>,
    /// Whose order of preference an answer keeps.
    pub order: Order,
    /// The events that we receive by `telephone-event`; `None` for none.
    pub events: Option<Events>,
    /// Whether comfort noise (RFC 3389) is understood.
    pub comfort_noise: bool,
    /// How much media the packets should hold that we receive.
    pub ptime: Option<Duration>,
    /// How much they may hold.
    pub maxptime: Option<Duration>,
    /// Which way media may go, from our side.
    pub direction: Direction,
    /// Whether and how it is encrypted.
    pub security: Security,
    /// The feedback that we understand; if there is any, an offer has the profile with feedback.
    pub feedback: Vec<Feedback>,
    /// Our side of ICE, if we do it.
    pub ice: Option<Ice>,
    /// Attributes that are added as they are.
    pub lines: Vec<Line>,
}

/// Whose order of preference the formats of an answer keep.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Order {
    /// The offerer's, as RFC 3264 §6.1 recommends: then both sides send the same codec.
    #[default]
    Offer,
    /// Ours.
    Ours,
}

/// Whether and how a stream is encrypted.
///
/// A key is that of what we send. One that was used goes with its address: who changes the address hands in
/// new keys (RFC 4568 §7.1.4).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Security {
    /// Not at all.
    Plain,
    /// By SRTP with one of these keys if the peer does so too, else not at all: offered as `RTP/AVP` with keys, as
    /// RFC 8643 says. One line a suite, in order of preference; their tags are given anew.
    Optional(Vec<Crypto>),
    /// By SRTP with one of these keys, or not to be had. See [`Security::Optional`] for the lines.
    Required(Vec<Crypto>),
    /// By DTLS-SRTP with our certificate of this fingerprint, or not to be had (RFC 5763).
    Dtls(Fingerprint),
}

impl Capabilities {
    /// Audio, both ways, in packets of 20 ms, with the events of DTMF, not encrypted.
    pub fn audio(address: SocketAddr, codecs: impl Into<Vec<Codec>>) -> Capabilities {
        Capabilities {
            events: Some(Events::DTMF),
            ptime: Some(PTIME),
            ..Capabilities::new(Kind::Audio, address, codecs)
        }
    }

    /// Video, both ways, not encrypted.
    pub fn video(address: SocketAddr, codecs: impl Into<Vec<Codec>>) -> Capabilities {
        Capabilities::new(Kind::Video, address, codecs)
    }

    /// A stream with codecs and nothing else.
    pub fn new(kind: Kind, address: SocketAddr, codecs: impl Into<Vec<Codec>>) -> Capabilities {
        Capabilities {
            kind,
            address,
            rtcp_port: None,
            rtcp_mux: false,
            codecs: codecs.into(),
            order: Order::default(),
            events: None,
            comfort_noise: false,
            ptime: None,
            maxptime: None,
            direction: Direction::SendRecv,
            security: Security::Plain,
            feedback: Vec::new(),
            ice: None,
            lines: Vec::new(),
        }
    }

    /// The same stream, not wanted (any more).
    #[must_use]
    pub fn off(mut self) -> Capabilities {
        self.address.set_port(0);
        self
    }

    /// The same stream, in another direction.
    #[must_use]
    pub fn direction(mut self, direction: Direction) -> Capabilities {
        self.direction = direction;
        self
    }

    /// The same stream, encrypted so.
    #[must_use]
    pub fn security(mut self, security: Security) -> Capabilities {
        self.security = security;
        self
    }

    /// Whether it has a port and anything to carry.
    pub(crate) fn is_wanted(&self) -> bool {
        self.address.port() != 0 && (!self.codecs.is_empty() || self.events.is_some())
    }

    /// Which way we want media to go.
    pub(crate) fn wish(&self, is_held: bool) -> Direction {
        if is_held { self.direction.held() } else { self.direction }
    }

    /// Where we receive RTCP that is not multiplexed.
    pub(crate) fn rtcp_address(&self) -> SocketAddr {
        let next = self.address.port().saturating_add(1);
        SocketAddr::new(self.address.ip(), self.rtcp_port.unwrap_or(next))
    }

    /// Whether a stream of such a transport may be had at all.
    pub(crate) fn speaks(&self, protocol: &Protocol) -> bool {
        match &self.security {
            Security::Plain => protocol.is_rtp() && !protocol.demands_srtp() && !protocol.is_dtls(),
            Security::Optional(_) | Security::Required(_) => protocol.is_rtp() && !protocol.is_dtls(),
            Security::Dtls(_) => protocol.is_dtls(),
        }
    }
}

impl Security {
    /// The lines of keys.
    pub(crate) fn keys(&self) -> &[Crypto] {
        match self {
            Security::Optional(keys) | Security::Required(keys) => keys,
            Security::Plain | Security::Dtls(_) => &[],
        }
    }
}
