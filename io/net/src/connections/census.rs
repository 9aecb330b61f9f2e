//! How many connections there are, from whom, and which of them have said nothing yet.

use std::collections::{HashMap, VecDeque};
use std::net::{IpAddr, Ipv6Addr};

/// Counts accepted connections.
#[derive(Default)]
pub(crate) struct Census {
    sources: HashMap<IpAddr, usize>,
    /// In the order of their coming. Those that have spoken since are skipped when their turn comes.
    silent: VecDeque<u64>,
    silent_count: usize,
}

/// What is counted as one source: an address, or the network of 64 bits that one IPv6 host has all of.
pub(crate) fn source_of(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(v4) => v4.into(),
        IpAddr::V6(v6) => {
            let network = v6.to_bits() & !u128::from(u64::MAX);
            Ipv6Addr::from_bits(network).into()
        }
    }
}

impl Census {
    /// Connections from one source.
    pub(crate) fn of_source(&self, source: IpAddr) -> usize {
        self.sources.get(&source).copied().unwrap_or_default()
    }

    /// Connections that have said nothing yet.
    pub(crate) fn silent(&self) -> usize {
        self.silent_count
    }

    /// One more, silent until [`Census::spoke`].
    pub(crate) fn came(&mut self, source: IpAddr, number: u64) {
        *self.sources.entry(source).or_default() += 1;
        self.silent.push_back(number);
        self.silent_count += 1;
    }

    /// One has said something.
    pub(crate) fn spoke(&mut self) {
        self.silent_count = self.silent_count.saturating_sub(1);
    }

    /// One less.
    pub(crate) fn went(&mut self, source: IpAddr, was_silent: bool) {
        if let Some(count) = self.sources.get_mut(&source) {
            *count -= 1;
            if *count == 0 {
                self.sources.remove(&source);
            }
        }
        if was_silent {
            self.spoke();
        }
    }

    /// The one that has been silent longest; `is_silent` tells whether a number still is.
    pub(crate) fn oldest_silent(&mut self, is_silent: impl Fn(u64) -> bool) -> Option<u64> {
        while let Some(number) = self.silent.pop_front() {
            if is_silent(number) {
                return Some(number);
            }
        }
        None
    }

    /// Forgets those at the front that have spoken or are gone.
    pub(crate) fn tidy(&mut self, is_silent: impl Fn(u64) -> bool) {
        while self.silent.front().is_some_and(|number| !is_silent(*number)) {
            self.silent.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ipv6_host_is_one_source_with_all_its_addresses() {
        let of = |text: &str| source_of(text.parse().expect("an address"));
        assert_eq!(of("2001:db8:1:2:3::4"), of("2001:db8:1:2::9"));
        assert_ne!(of("2001:db8:1:2::1"), of("2001:db8:1:3::1"));
        assert_ne!(of("192.0.2.1"), of("192.0.2.2"));
        assert_eq!(of("::ffff:192.0.2.1"), of("192.0.2.1"));
    }

    #[test]
    fn the_oldest_that_is_still_silent_is_found() {
        let (mut census, source) = (Census::default(), "192.0.2.1".parse().expect("an address"));
        for number in 1..=4 {
            census.came(source, number);
        }
        census.spoke();
        census.went(source, true);
        let silent = |number| number > 2;
        assert_eq!((census.of_source(source), census.silent()), (3, 2));
        assert_eq!(census.oldest_silent(silent), Some(3));
        census.tidy(|_| false);
        assert_eq!(census.oldest_silent(silent), None);
        census.went(source, false);
        census.went(source, false);
        census.went(source, false);
        assert_eq!(census.of_source(source), 0);
    }
}
