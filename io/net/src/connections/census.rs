//! How many connections there are, from whom, and which of them have said nothing yet.

use std::collections::{HashMap, VecDeque};
use std::net::{IpAddr, Ipv6Addr};

/// How many there are of each source.
#[derive(Default)]
struct Tally(HashMap<IpAddr, usize>);

impl Tally {
    fn of(&self, source: IpAddr) -> usize {
        self.0.get(&source).copied().unwrap_or_default()
    }

    fn add(&mut self, source: IpAddr) {
        *self.0.entry(source).or_default() += 1;
    }

    fn take(&mut self, source: IpAddr) {
        if let Some(count) = self.0.get_mut(&source) {
            *count -= 1;
            if *count == 0 {
                self.0.remove(&source);
            }
        }
    }
}

/// Counts connections: those that peers opened by their source, and those that we opened by where they
/// lead, which is a source like any other.
#[derive(Default)]
pub(crate) struct Census {
    sources: Tally,
    /// Those of them that we are opening.
    connecting: Tally,
    connecting_count: usize,
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
    /// Connections from one source, or to it.
    pub(crate) fn of_source(&self, source: IpAddr) -> usize {
        self.sources.of(source)
    }

    /// Connections that we are opening to one source, and to all.
    pub(crate) fn connecting(&self, source: IpAddr) -> (usize, usize) {
        (self.connecting.of(source), self.connecting_count)
    }

    /// We open one.
    pub(crate) fn opens(&mut self, source: IpAddr) {
        self.sources.add(source);
        self.connecting.add(source);
        self.connecting_count += 1;
    }

    /// One that we opened is open, or will not be.
    pub(crate) fn opened(&mut self, source: IpAddr) {
        self.connecting.take(source);
        self.connecting_count = self.connecting_count.saturating_sub(1);
    }

    /// Connections that have said nothing yet.
    pub(crate) fn silent(&self) -> usize {
        self.silent_count
    }

    /// One more, silent until [`Census::spoke`].
    pub(crate) fn came(&mut self, source: IpAddr, number: u64) {
        self.sources.add(source);
        self.silent.push_back(number);
        self.silent_count += 1;
    }

    /// One has said something.
    pub(crate) fn spoke(&mut self) {
        self.silent_count = self.silent_count.saturating_sub(1);
    }

    /// One less.
    pub(crate) fn went(&mut self, source: IpAddr, was_silent: bool) {
        self.sources.take(source);
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
    fn what_we_open_counts_where_it_leads() {
        let (mut census, source) = (Census::default(), "192.0.2.1".parse().expect("an address"));
        let other = "192.0.2.2".parse().expect("an address");
        for to in [source, source, other] {
            census.opens(to);
        }
        census.opened(source);
        assert_eq!((census.of_source(source), census.connecting(source)), (2, (1, 2)));
        census.opened(source);
        census.went(source, false);
        assert_eq!((census.of_source(source), census.connecting(source)), (1, (0, 1)));
        assert_eq!((census.of_source(other), census.silent()), (1, 0));
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
