//! What can be wrong: with a key, and with a packet.

use std::fmt;

/// Key and salt are not as long as the suite wants them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WrongKey;

impl fmt::Display for WrongKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("key and salt are not as long as the suite wants them")
    }
}

impl std::error::Error for WrongKey {}

/// Why a packet is neither sent nor taken. It is left as it came, and so is what is known of its stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refused {
    /// No packet of RTP or RTCP: too short for what it says it holds, of another version, or longer than
    /// [`PACKET_OCTETS_MAX`](crate::PACKET_OCTETS_MAX).
    Malformed,
    /// Receiving: its tag is not of this key. Forged, damaged, or protected with another key.
    NotAuthentic,
    /// Receiving: it names another master key than ours.
    OtherKey,
    /// Receiving: it was there before. Sending: its index was used, and would betray the key.
    Replayed,
    /// It lies further back than the [window](crate::WINDOW_PACKETS), and nobody knows whether it was there
    /// before.
    TooOld,
    /// The key has protected what one key may protect of a stream: 2^48 packets of RTP, 2^31 of RTCP. A
    /// new session needs a new key.
    KeyExhausted,
    /// It would begin one stream more than [`STREAMS_MAX`](crate::STREAMS_MAX).
    TooManyStreams,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Refused::Malformed => "not a packet of RTP or RTCP",
            Refused::NotAuthentic => "not protected with our key, or changed on its way",
            Refused::OtherKey => "protected with another master key",
            Refused::Replayed => "was there before",
            Refused::TooOld => "too old to tell whether it was there before",
            Refused::KeyExhausted => "the key has protected all it may",
            Refused::TooManyStreams => "one stream too many for one key",
        })
    }
}

impl std::error::Error for Refused {}
