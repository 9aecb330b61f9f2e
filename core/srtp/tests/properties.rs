//! What holds for any loss and order of packets, and for any octets.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;

use proptest::prelude::*;
use ruf_srtp::{Protect, Refused, Suite, Unprotect, WINDOW_PACKETS};

fn packet(sequence_number: u16) -> Vec<u8> {
    let mut packet = vec![0x80, 0];
    packet.extend(sequence_number.to_be_bytes());
    packet.extend([0, 0, 0, 0, 0, 0, 0, 1]);
    packet.extend(sequence_number.to_le_bytes());
    packet
}

fn suites() -> impl Strategy<Value = Suite> {
    prop::sample::select(Suite::ALL.as_slice())
}

/// A stream across a rollover, or near one: where it begins, and how each of its packets travels.
#[derive(Debug, Clone)]
struct Journey {
    first: u64,
    /// Not sent, before the packet of this place.
    gap: (usize, u64),
    /// How many packets later each arrives, each time it does.
    arrivals: Vec<Vec<usize>>,
}

fn journeys() -> impl Strategy<Value = Journey> {
    let first = prop_oneof![65_300_u64..65_536, 0_u64..100, 32_700_u64..32_800];
    let lateness = prop_oneof![8 => 0_usize..1, 3 => 0_usize..10, 1 => 0_usize..200];
    let arrivals = prop::collection::vec(prop::collection::vec(lateness, 0..3), 2..400);
    let gap = (0_usize..400, prop_oneof![Just(0_u64), 0_u64..32_000]);
    (first, gap, arrivals).prop_map(|(first, gap, arrivals)| Journey { first, gap, arrivals })
}

proptest! {
    #[test]
    fn across_a_rollover_each_packet_is_taken_once_or_is_too_old(suite in suites(), journey in journeys()) {
        // tests rfc3711 §3.3.1, §3.3.2
        let key = vec![5; suite.key_salt_octets()];
        let (mut here, mut there) = (Protect::new(suite, &key).unwrap(), Unprotect::new(suite, &key).unwrap());
        let mut arriving = Vec::new();
        for (place, lateness) in journey.arrivals.iter().enumerate() {
            let gap = if place >= journey.gap.0 { journey.gap.1 } else { 0 };
            let index = journey.first + place as u64 + gap;
            let plain = packet(index as u16);
            let mut protected = plain.clone();
            here.rtp(&mut protected).unwrap();
            for late in lateness {
                arriving.push((place + late, index, plain.clone(), protected.clone()));
            }
        }
        arriving.sort_by_key(|(at, ..)| *at);
        // Who hears nothing of a stream before its second round but a number of its upper half is lost.
        let heard = arriving.first().is_none_or(|(_, index, ..)| *index < 65_536 + 32_768);
        prop_assume!(heard);
        let (mut seen, mut highest) = (BTreeSet::new(), None);
        for (_, index, plain, mut arrived) in arriving {
            let expected = match highest {
                Some(highest) if index + WINDOW_PACKETS <= highest => Err(Refused::TooOld),
                _ if seen.contains(&index) => Err(Refused::Replayed),
                _ => Ok(()),
            };
            prop_assert_eq!(there.rtp(&mut arrived), expected, "{}", index);
            if expected.is_ok() {
                prop_assert_eq!(arrived, plain);
                seen.insert(index);
                highest = highest.max(Some(index));
            }
        }
    }

    #[test]
    fn any_octets_are_refused_as_they_came_and_change_nothing(
        suite in suites(),
        mki in prop::collection::vec(any::<u8>(), 0..5),
        rest in prop::collection::vec(any::<u8>(), 0..80),
        first in prop_oneof![0x80_u8..0xc0, any::<u8>()],
    ) {
        let octets = [&[first], rest.as_slice()].concat();
        let mut there = Unprotect::new(suite, &vec![5; suite.key_salt_octets()]).unwrap().with_mki(&mki);
        let known = format!("{there:?}");
        let mut left = octets.clone();
        prop_assert!(there.rtp(&mut left).is_err());
        prop_assert!(there.rtcp(&mut left).is_err());
        prop_assert_eq!(&left, &octets);
        prop_assert_eq!(format!("{:?}", there), known);
    }

    #[test]
    fn what_a_sender_takes_comes_back_and_what_it_refuses_stays(
        suite in suites(),
        mki in prop::collection::vec(any::<u8>(), 0..5),
        rest in prop::collection::vec(any::<u8>(), 0..120),
        first in prop_oneof![0x80_u8..0xa0, any::<u8>()],
        clear in any::<bool>(),
    ) {
        let octets = [&[first], rest.as_slice()].concat();
        let key = vec![5; suite.key_salt_octets()];
        let mut here = Protect::new(suite, &key).unwrap().with_mki(&mki);
        let mut there = Unprotect::new(suite, &key).unwrap().with_mki(&mki);
        if clear {
            here = here.with_clear_rtcp();
        }
        let mut packet = octets.clone();
        if here.rtp(&mut packet).is_ok() {
            prop_assert_eq!(packet.len(), octets.len() + suite.rtp_growth_octets() + mki.len());
            prop_assert_eq!(there.rtp(&mut packet), Ok(()));
        }
        prop_assert_eq!(&packet, &octets);
        if here.rtcp(&mut packet).is_ok() {
            prop_assert_eq!(packet.len(), octets.len() + suite.rtcp_growth_octets() + mki.len());
            prop_assert_eq!(there.rtcp(&mut packet), Ok(()));
        }
        prop_assert_eq!(&packet, &octets);
    }
}
