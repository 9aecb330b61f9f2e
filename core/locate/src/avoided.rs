//! Places that failed: passed over for a while, by every request (RFC 3263 section 4.3; RFC 4321
//! section 1.3 says why a non-INVITE request lives on this memory alone).

use std::collections::HashMap;
use std::net::SocketAddr;

use ruf_message::{Place, Tick, Transport};

/// What failed is a transport at an address, whichever name led there.
type Key = (Transport, SocketAddr);

#[derive(Debug, Default)]
pub(crate) struct Avoided {
    until: HashMap<Key, Tick>,
}

impl Avoided {
    /// Passes over a place until then, or longer if it is already.
    pub(crate) fn avoid(&mut self, now: Tick, place: &Place, until: Tick, max: usize) {
        let key = key(place);
        if !self.until.contains_key(&key) && self.until.len() >= max {
            self.make_room(now);
        }
        if max > 0 {
            let end = self.until.entry(key).or_insert(until);
            *end = until.max(*end);
        }
    }

    /// The place works: no longer passed over.
    pub(crate) fn forgive(&mut self, place: &Place) {
        self.until.remove(&key(place));
    }

    /// Until when a place is passed over.
    pub(crate) fn until(&self, now: Tick, place: &Place) -> Option<Tick> {
        self.until.get(&key(place)).copied().filter(|until| now < *until)
    }

    /// Moves what is passed over to the end: it is still tried when all others have failed.
    pub(crate) fn sort(&self, now: Tick, places: &mut [Place]) {
        if !self.until.is_empty() {
            places.sort_by_key(|place| self.until(now, place));
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.until.len()
    }

    /// What has ended goes, or else what ends first.
    fn make_room(&mut self, now: Tick) {
        let before = self.until.len();
        self.until.retain(|_, until| now < *until);
        if self.until.len() == before
            && let Some(first) =
                self.until.iter().min_by_key(|(key, until)| (**until, **key)).map(|(key, _)| *key)
        {
            self.until.remove(&first);
        }
    }
}

fn key(place: &Place) -> Key {
    (place.transport, place.address)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(n: u8) -> Place {
        let address: SocketAddr = ([192, 0, 2, n], 5060).into();
        Place { transport: Transport::Udp, address, host: address.ip().into() }
    }

    fn at(secs: u64) -> Tick {
        Tick::from_micros(secs * 1_000_000)
    }

    #[test]
    fn what_failed_comes_last_until_its_time_is_over() {
        let mut avoided = Avoided::default();
        avoided.avoid(at(0), &place(1), at(30), 8);
        avoided.avoid(at(5), &place(2), at(20), 8);
        let order = |now| {
            let mut places = [place(1), place(2), place(3), place(4)];
            avoided.sort(at(now), &mut places);
            places.map(|place| place.address.ip().to_string().pop().unwrap())
        };
        assert_eq!(order(10), ['3', '4', '2', '1']);
        assert_eq!(order(25), ['2', '3', '4', '1']);
        assert_eq!(order(30), ['1', '2', '3', '4']);
    }

    #[test]
    fn another_transport_at_the_same_address_is_another_place_and_another_name_is_not() {
        let mut avoided = Avoided::default();
        avoided.avoid(at(0), &place(1), at(30), 8);
        let tcp = Place { transport: Transport::Tcp, ..place(1) };
        let named = Place { host: "far.example".parse().unwrap(), ..place(1) };
        assert_eq!((avoided.until(at(1), &tcp), avoided.until(at(1), &named)), (None, Some(at(30))));
        avoided.forgive(&named);
        assert_eq!(avoided.until(at(1), &place(1)), None);
    }

    #[test]
    fn a_longer_time_stands_and_a_full_memory_gives_up_what_ends_first() {
        let mut avoided = Avoided::default();
        avoided.avoid(at(0), &place(1), at(30), 2);
        avoided.avoid(at(0), &place(1), at(10), 2);
        assert_eq!(avoided.until(at(20), &place(1)), Some(at(30)));
        avoided.avoid(at(0), &place(2), at(20), 2);
        avoided.avoid(at(0), &place(3), at(40), 2);
        assert_eq!((avoided.len(), avoided.until(at(1), &place(2))), (2, None));
        avoided.avoid(at(35), &place(4), at(65), 2);
        assert!(avoided.until(at(36), &place(3)).is_some() && avoided.until(at(36), &place(4)).is_some());
    }
}
