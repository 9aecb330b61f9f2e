//! [`Agreed`]: what both sides agreed on for one stream of audio. Who negotiates it says it here; SDP is not known.

use std::net::SocketAddr;
use std::time::Duration;

use ruf_ice::{Credentials, Remote};

use crate::codec::{Codec, OpusParameters};
use crate::shield::Keys;

/// One stream of audio, as it is from now on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Agreed {
    /// Where the far side receives RTP; `None`: nothing may be sent.
    pub remote: Option<SocketAddr>,
    /// Where it receives RTCP.
    pub remote_rtcp: Option<SocketAddr>,
    /// RTCP shares the port of RTP (RFC 5761).
    pub rtcp_mux: bool,
    /// We may send audio.
    pub sends: bool,
    /// We take audio.
    pub receives: bool,
    /// The codecs, at least one; the first is sent with.
    pub codecs: Vec<AgreedCodec>,
    /// Telephone events (RFC 4733); `None`: there are none.
    pub events: Option<AgreedEvents>,
    /// The payload type of comfort noise that we take (RFC 3389).
    pub noise: Option<u8>,
    /// How much audio our packets hold: whole frames of 20 ms, at most six.
    pub ptime: Duration,
    /// With what it is encrypted; `None`: it is not.
    pub keys: Option<Keys>,
    /// What both said of ICE; `None`: it is not used.
    pub ice: Option<AgreedIce>,
}

impl Agreed {
    /// This payload type means something.
    pub(crate) fn takes(&self, payload_type: u8) -> bool {
        self.codecs.iter().any(|codec| codec.receive == payload_type)
            || self.events.is_some_and(|events| events.receive == payload_type)
            || self.noise == Some(payload_type)
    }
}

/// What both said of ICE (RFC 8445).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AgreedIce {
    /// Our credentials.
    pub local: Credentials,
    /// What the far side said.
    pub remote: Remote,
    /// We made the offer.
    pub offered: bool,
}

/// One codec and its payload types.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AgreedCodec {
    /// Which.
    pub codec: Codec,
    /// Of what we send.
    pub send: u8,
    /// Of what we receive.
    pub receive: u8,
    /// What the far side asked for, if it is Opus.
    pub opus: OpusParameters,
}

/// Telephone events and their payload types.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AgreedEvents {
    /// Of what we send.
    pub send: u8,
    /// Of what we receive.
    pub receive: u8,
    /// What durations count in, which need not be the clock of the codec, in Hz.
    pub clock_rate_hz: u32,
}
