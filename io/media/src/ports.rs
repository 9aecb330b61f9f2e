//! A pair of ports for one stream: RTP at an even one, RTCP at the next (RFC 3550 §11).

use std::io;
use std::net::{IpAddr, SocketAddr, UdpSocket};

/// The ports that streams may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PortRange {
    first: u16,
    last: u16,
}

impl PortRange {
    /// From `first` to `last`, both included.
    ///
    /// # Errors
    /// There is no even port with the next one in it.
    pub fn new(first: u16, last: u16) -> Result<PortRange, NoPorts> {
        let even = u32::from(first) + u32::from(first % 2);
        if first == 0 || even + 1 > u32::from(last) { Err(NoPorts) } else { Ok(PortRange { first, last }) }
    }

    /// The even ports that have the next one, each once, from a place that `random` chooses: who guesses the
    /// port of a call shall not have it easy.
    fn pairs(self, random: u64) -> impl Iterator<Item = u16> {
        let even = self.first + self.first % 2;
        let count = u64::from((self.last - even).div_ceil(2));
        (0..count).map(move |step| even + 2 * ((random % count + step) % count) as u16)
    }
}

impl Default for PortRange {
    /// 16384 to 32766: below what systems give to clients.
    fn default() -> PortRange {
        PortRange { first: 16_384, last: 32_766 }
    }
}

/// A range without a pair of ports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoPorts;

impl std::fmt::Display for NoPorts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a stream needs an even port and the next one: this range has none")
    }
}

impl std::error::Error for NoPorts {}

/// The sockets of one stream.
#[derive(Debug)]
pub(crate) struct Pair {
    pub(crate) rtp: UdpSocket,
    pub(crate) rtcp: UdpSocket,
}

/// Opens a pair that is free.
pub(crate) fn open(at: IpAddr, range: PortRange, random: u64) -> io::Result<Pair> {
    let mut last = io::Error::new(io::ErrorKind::AddrInUse, "no port of the range is free");
    for port in range.pairs(random) {
        let bind = |port| UdpSocket::bind(SocketAddr::new(at, port));
        match bind(port).and_then(|rtp| Ok(Pair { rtp, rtcp: bind(port + 1)? })) {
            Ok(pair) => {
                pair.rtp.set_nonblocking(true)?;
                pair.rtcp.set_nonblocking(true)?;
                return Ok(pair);
            }
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => last = error,
            Err(error) => return Err(error),
        }
    }
    Err(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pair_comes_once_wherever_it_begins() {
        let range = PortRange::new(10_001, 10_008).unwrap();
        for random in 0..5 {
            let mut pairs: Vec<u16> = range.pairs(random).collect();
            pairs.sort_unstable();
            assert_eq!(pairs, [10_002, 10_004, 10_006]);
        }
        assert_eq!(PortRange::new(65_534, 65_535).unwrap().pairs(9).collect::<Vec<_>>(), [65_534]);
    }

    #[test]
    fn a_range_without_a_pair_is_none() {
        for (first, last) in [(10_001, 10_002), (10_000, 10_000), (0, 9), (10, 9), (65_535, 65_535)] {
            assert_eq!(PortRange::new(first, last), Err(NoPorts), "{first} to {last}");
        }
    }

    #[test]
    fn what_is_taken_is_passed_over_and_all_taken_is_said() {
        let at: IpAddr = "127.0.0.1".parse().unwrap();
        let range = PortRange::new(23_000, 23_003).unwrap();
        let one = open(at, range, 0).unwrap();
        let two = open(at, range, 0).unwrap();
        let ports = |pair: &Pair| [&pair.rtp, &pair.rtcp].map(|socket| socket.local_addr().unwrap().port());
        assert_eq!((ports(&one), ports(&two)), ([23_000, 23_001], [23_002, 23_003]));
        assert_eq!(open(at, range, 0).unwrap_err().kind(), io::ErrorKind::AddrInUse);
        drop(one);
        assert_eq!(ports(&open(at, range, 1).unwrap()), [23_000, 23_001]);
    }
}
