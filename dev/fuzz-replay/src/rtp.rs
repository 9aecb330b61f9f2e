//! RTP: a packet that is read writes itself again, and nothing in it is longer than it.

use ruf_rtp::{ComfortNoise, Packet, Protocol};

/// One datagram.
pub fn rtp(octets: &[u8]) {
    let protocol = Protocol::of(octets);
    let packet = match Packet::parse(octets) {
        Ok(packet) => packet,
        Err(error) => {
            assert!(!error.to_string().is_empty());
            return;
        }
    };
    assert!(matches!(protocol, Some(Protocol::Rtp | Protocol::Rtcp)));
    let mut out = vec![0; octets.len()];
    assert_eq!(packet.write(&mut out), Ok(octets.len()));
    assert_eq!(Packet::parse(&out), Ok(packet), "what is written is what was read");
    let padding = usize::from(packet.padding);
    assert!(out.iter().zip(octets).take(octets.len() - padding).all(|(a, b)| a == b));
    assert!(packet.write(out.split_last_mut().map_or(&mut [], |(_, rest)| rest)).is_err());
    assert!(packet.csrcs().count() <= 15);
    if let Some(extension) = packet.extension {
        let elements: usize = extension.elements().map(|(_, octets)| 1 + octets.len()).sum();
        assert!(elements <= extension.octets.len());
        planted(extension.elements().count());
    }
    if let Some(noise) = ComfortNoise::read(packet.payload) {
        assert!(noise.level <= ComfortNoise::LEVEL_MAX);
        assert!(noise.reflections().all(|reflection| reflection.abs() < 1.0));
    }
}

/// A fault for `dev/fuzz plant`: in what has three elements in its extension.
fn planted(elements: usize) {
    if cfg!(feature = "planted") && elements == 3 {
        panic!("planted in rtp");
    }
}
