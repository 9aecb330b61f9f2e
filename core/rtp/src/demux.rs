//! Which protocol a datagram speaks, when several share one port: RFC 7983 §7 by the first octet, RFC 5761 §4
//! for RTP and RTCP by the second. That it is well-formed is for its parser to say.

/// What a datagram is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// STUN: ICE's checks and what keeps a NAT open.
    Stun,
    /// ZRTP.
    Zrtp,
    /// DTLS.
    Dtls,
    /// A TURN channel.
    TurnChannel,
    /// RTP.
    Rtp,
    /// RTCP.
    Rtcp,
}

impl Protocol {
    /// The protocol of a datagram; `None` is to be dropped.
    // rfc7983 §7
    pub fn of(datagram: &[u8]) -> Option<Protocol> {
        match datagram.first()? {
            0..=3 => Some(Protocol::Stun),
            16..=19 => Some(Protocol::Zrtp),
            20..=63 => Some(Protocol::Dtls),
            64..=79 => Some(Protocol::TurnChannel),
            // rfc5761 §4: RTCP's packet types are where a marker and a payload type of 64 to 95 would be
            128..=191 => match datagram.get(1)? {
                192..=223 => Some(Protocol::Rtcp),
                _ => Some(Protocol::Rtp),
            },
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_octet_tells_the_protocol() {
        // tests rfc7983 §7
        let of = |first: u8| Protocol::of(&[first, 0]);
        let edges = [(0, 3, Protocol::Stun), (16, 19, Protocol::Zrtp), (20, 63, Protocol::Dtls)];
        for (first, last, protocol) in edges {
            assert_eq!((of(first), of(last)), (Some(protocol), Some(protocol)));
        }
        assert_eq!((of(64), of(79)), (Some(Protocol::TurnChannel), Some(Protocol::TurnChannel)));
        assert_eq!((of(128), of(191)), (Some(Protocol::Rtp), Some(Protocol::Rtp)));
        assert_eq!([of(4), of(15), of(80), of(127), of(192), of(255)], [None; 6]);
        assert_eq!((Protocol::of(&[]), Protocol::of(&[0x80])), (None, None));
    }

    #[test]
    fn rtcp_is_told_by_its_packet_type() {
        // tests rfc5761 §4
        for (second, protocol) in [
            (0, Protocol::Rtp),
            (128 + 63, Protocol::Rtp),
            (192, Protocol::Rtcp),
            (200, Protocol::Rtcp),
            (207, Protocol::Rtcp),
            (223, Protocol::Rtcp),
            (128 + 96, Protocol::Rtp),
        ] {
            assert_eq!(Protocol::of(&[0x80, second]), Some(protocol), "{second}");
        }
    }
}
