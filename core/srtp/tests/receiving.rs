//! What a receiver takes, what it refuses, and that a refusal changes nothing.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use ruf_srtp::{Protect, Refused, STREAMS_MAX, Suite, Unprotect, WINDOW_PACKETS};

fn rtp(ssrc: u32, sequence_number: u16) -> Vec<u8> {
    let mut packet = vec![0x80, 0];
    packet.extend(sequence_number.to_be_bytes());
    packet.extend([0; 4]);
    packet.extend(ssrc.to_be_bytes());
    packet.extend((0..40).map(|octet| octet ^ sequence_number as u8));
    packet
}

/// A receiver report with a source description behind it.
fn rtcp(ssrc: u32) -> Vec<u8> {
    let ssrc = ssrc.to_be_bytes();
    [&[0x80, 201, 0, 1][..], &ssrc, &[0x81, 202, 0, 2], &ssrc, &[1, 1, b'a', 0]].concat()
}

fn key(suite: Suite) -> Vec<u8> {
    (0..suite.key_salt_octets() as u8).collect()
}

fn pair(suite: Suite) -> (Protect, Unprotect) {
    (Protect::new(suite, &key(suite)).unwrap(), Unprotect::new(suite, &key(suite)).unwrap())
}

fn sealed(protect: &mut Protect, ssrc: u32, sequence_number: u16) -> Vec<u8> {
    let mut packet = rtp(ssrc, sequence_number);
    protect.rtp(&mut packet).unwrap();
    packet
}

#[test]
fn what_is_protected_comes_back() {
    for suite in Suite::ALL {
        let (mut here, mut there) = pair(suite);
        let mut packet = sealed(&mut here, 1, 7);
        assert_eq!(packet.len(), rtp(1, 7).len() + suite.rtp_growth_octets());
        assert_ne!(packet[12..52], rtp(1, 7)[12..]);
        assert_eq!(there.rtp(&mut packet), Ok(()));
        assert_eq!(packet, rtp(1, 7));
        let mut packet = rtcp(1);
        here.rtcp(&mut packet).unwrap();
        assert_eq!(packet.len(), rtcp(1).len() + suite.rtcp_growth_octets());
        assert_ne!(packet[8..20], rtcp(1)[8..]);
        assert_eq!(there.rtcp(&mut packet), Ok(()));
        assert_eq!(packet, rtcp(1));
    }
}

#[test]
fn a_change_of_any_bit_and_a_cut_anywhere_is_refused() {
    // tests rfc3711 §3.3, §3.4, §4.2, §3.3.2, rfc7714 §8.2, §9.2, §9.3
    for suite in Suite::ALL {
        for clear in [false, true] {
            let (here, there) = pair(suite);
            let mut here = here.with_mki(&[9, 8]);
            let mut there = there.with_mki(&[9, 8]);
            if clear {
                here = here.with_clear_rtcp();
            }
            let one = sealed(&mut here, 1, 7);
            let mut other = rtcp(1);
            here.rtcp(&mut other).unwrap();
            let known = format!("{there:?}");
            for (packet, is_rtp) in [(&one, true), (&other, false)] {
                let mut refused = |wrong: Vec<u8>| {
                    let mut left = wrong.clone();
                    let outcome = if is_rtp { there.rtp(&mut left) } else { there.rtcp(&mut left) };
                    assert!(outcome.is_err(), "{suite:?} {wrong:02x?}");
                    assert_eq!(left, wrong, "{suite:?} {outcome:?}");
                    assert_eq!(format!("{there:?}"), known);
                };
                for bit in 0..8 * packet.len() {
                    let mut wrong = packet.clone();
                    wrong[bit / 8] ^= 1 << (bit % 8);
                    refused(wrong);
                }
                (0..packet.len()).for_each(|end| refused(packet[..end].to_vec()));
                refused([&packet[..], &[0]].concat());
            }
            let (mut one, mut other) = (one, other);
            assert_eq!((there.rtp(&mut one), there.rtcp(&mut other)), (Ok(()), Ok(())));
            assert_eq!((one, other), (rtp(1, 7), rtcp(1)));
        }
    }
}

#[test]
fn a_packet_is_taken_once_and_not_when_it_is_old() {
    // tests rfc3711 §3.3.2
    for suite in Suite::ALL {
        let (mut here, mut there) = pair(suite);
        let last = 1_000 + WINDOW_PACKETS as u16;
        let mut packets: Vec<_> = (1_000..=last).map(|number| sealed(&mut here, 1, number)).collect();
        assert_eq!(there.rtp(&mut packets[WINDOW_PACKETS as usize].clone()), Ok(()));
        let late: Vec<_> = packets.iter().map(|packet| there.rtp(&mut packet.clone())).collect();
        assert_eq!(late[0], Err(Refused::TooOld));
        assert!(late[1..late.len() - 1].iter().all(Result::is_ok));
        assert!(packets[1..].iter_mut().all(|packet| there.rtp(packet) == Err(Refused::Replayed)));
    }
}

#[test]
fn rtcp_has_a_window_of_its_own() {
    // tests rfc3711 §3.4
    for suite in Suite::ALL {
        let (mut here, mut there) = pair(suite);
        let mut packets = vec![rtcp(1); WINDOW_PACKETS as usize + 1];
        packets.iter_mut().for_each(|packet| here.rtcp(packet).unwrap());
        let mut again = packets.clone();
        let last = packets.len() - 1;
        assert_eq!(there.rtcp(&mut packets[last]), Ok(()));
        assert_eq!(there.rtp(&mut sealed(&mut here, 1, 9)), Ok(()));
        assert_eq!(there.rtcp(&mut packets[0]), Err(Refused::TooOld));
        assert!(packets[1..last].iter_mut().all(|packet| there.rtcp(packet).is_ok()));
        assert!(again[1..].iter_mut().all(|packet| there.rtcp(packet) == Err(Refused::Replayed)));
    }
}

#[test]
fn a_stranger_moves_nothing() {
    // tests rfc3711 §3.3, rfc4568 §6.4.1
    for suite in Suite::ALL {
        let (mut here, mut there) = pair(suite);
        let mut stranger = Protect::new(suite, &vec![0xaa; suite.key_salt_octets()]).unwrap();
        for number in [65_000, 65_001] {
            assert_eq!(there.rtp(&mut sealed(&mut here, 1, number)), Ok(()));
        }
        let known = format!("{there:?}");
        for number in [65_002, 400, 30_000, 50_000] {
            let mut forged = rtp(1, number);
            stranger.rtp(&mut forged).unwrap_or_default(); // what it refuses itself is forged as well
            assert!(there.rtp(&mut forged).is_err(), "{suite:?} {number}");
        }
        for ssrc in 10..20 {
            assert_eq!(there.rtp(&mut sealed(&mut stranger, ssrc, 5)), Err(Refused::NotAuthentic));
            let mut forged = rtcp(ssrc);
            stranger.rtcp(&mut forged).unwrap();
            assert_eq!(there.rtcp(&mut forged), Err(Refused::NotAuthentic));
        }
        assert_eq!(format!("{there:?}"), known);
        assert_eq!(there.rtp(&mut sealed(&mut here, 1, 65_002)), Ok(()));
    }
}

#[test]
fn a_stream_that_rolled_over_unheard_is_heard() {
    // tests rfc3711 §3.3.1
    for suite in Suite::ALL {
        let (mut here, mut there) = pair(suite);
        sealed(&mut here, 1, 65_500);
        let mut late = sealed(&mut here, 1, 65_535);
        sealed(&mut here, 1, 3);
        assert_eq!(there.rtp(&mut sealed(&mut here, 1, 4)), Ok(()));
        assert_eq!(there.rtp(&mut late), Ok(()));
        assert_eq!(there.rtp(&mut sealed(&mut here, 1, 5)), Ok(()));
    }
}

#[test]
fn another_key_than_the_one_that_is_named_is_refused() {
    // tests rfc3711 §3.3
    for suite in Suite::ALL {
        let (here, there) = pair(suite);
        let (mut here, mut there) = (here.with_mki(&[0, 0, 0, 1]), there.with_mki(&[0, 0, 0, 2]));
        let mut packet = rtcp(1);
        here.rtcp(&mut packet).unwrap();
        assert_eq!(there.rtp(&mut sealed(&mut here, 1, 1)), Err(Refused::OtherKey));
        assert_eq!(there.rtcp(&mut packet), Err(Refused::OtherKey));
        let mut there = there.with_mki(&[0, 0, 0, 1]);
        let mut packet_rtp = sealed(&mut here, 1, 2);
        assert_eq!(packet_rtp.len(), rtp(1, 2).len() + 4 + suite.rtp_growth_octets());
        assert_eq!((there.rtp(&mut packet_rtp), there.rtcp(&mut packet)), (Ok(()), Ok(())));
        assert_eq!((packet_rtp, packet), (rtp(1, 2), rtcp(1)));
    }
}

#[test]
fn rtcp_in_the_clear_is_readable_and_still_signed() {
    // tests rfc3711 §3.4, rfc7714 §9.3
    for suite in Suite::ALL {
        let (here, mut there) = pair(suite);
        let mut here = here.with_clear_rtcp();
        let mut packet = rtcp(1);
        here.rtcp(&mut packet).unwrap();
        assert!(packet.starts_with(&rtcp(1)));
        assert_eq!(there.rtcp(&mut packet), Ok(()));
        assert_eq!(packet, rtcp(1));
    }
}

#[test]
fn the_next_key_goes_on_where_the_last_one_was() {
    // tests rfc3711 §3.3.1, §3.4
    for suite in Suite::ALL {
        let (mut here, mut there) = pair(suite);
        for number in [65_534, 65_535, 0] {
            assert_eq!(there.rtp(&mut sealed(&mut here, 1, number)), Ok(()));
        }
        let next = vec![3; suite.key_salt_octets()];
        here.rekey(&next).unwrap();
        assert_eq!(there.rtp(&mut sealed(&mut here, 1, 1)), Err(Refused::NotAuthentic));
        assert!(there.rekey(&[]).is_err());
        there.rekey(&next).unwrap();
        assert_eq!(there.rtp(&mut sealed(&mut here, 1, 2)), Ok(()));
    }
}

#[test]
fn there_is_an_end_to_streams() {
    let suite = Suite::AesCm128HmacSha1_80;
    let (_, mut there) = pair(suite);
    for ssrc in 0..=STREAMS_MAX as u32 {
        let (mut here, _) = pair(suite);
        let expected = if ssrc < STREAMS_MAX as u32 { Ok(()) } else { Err(Refused::TooManyStreams) };
        let mut packet = rtcp(ssrc);
        here.rtcp(&mut packet).unwrap();
        assert_eq!(there.rtp(&mut sealed(&mut here, ssrc, 1)), expected);
        assert_eq!(there.rtcp(&mut packet), expected);
    }
    let (mut here, _) = pair(suite);
    assert_eq!(there.rtp(&mut sealed(&mut here, 0, 2)), Ok(()));
}
