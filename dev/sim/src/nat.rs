//! A network address translator between one host and the world, as most homes have it (RFC 4787):
//! the mapping does not depend on the peer, the filter does: who was never written to is not let in.
//! [`Nat::rebind`] forgets the mapping, as a reboot or an idle minute does.

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};

/// The first public port that is given out.
const FIRST_PORT: u16 = 40_000;

/// One translator with one host behind it.
#[derive(Debug)]
pub struct Nat {
    public: SocketAddr,
    peers: BTreeSet<SocketAddr>,
}

impl Nat {
    /// A translator with this public address.
    pub fn new(public: IpAddr) -> Self {
        Nat { public: SocketAddr::new(public, FIRST_PORT), peers: BTreeSet::new() }
    }

    /// The address that the world sees.
    pub fn public(&self) -> SocketAddr {
        self.public
    }

    /// A datagram leaves for `peer`; gives the source address that it then has.
    pub fn leave(&mut self, peer: SocketAddr) -> SocketAddr {
        self.peers.insert(peer);
        self.public
    }

    /// Whether a datagram of `peer` to `to` is let in.
    pub fn lets_in(&self, peer: SocketAddr, to: SocketAddr) -> bool {
        to == self.public && self.peers.contains(&peer)
    }

    /// The mapping is forgotten: the next datagram leaves from another port.
    pub fn rebind(&mut self) {
        self.public.set_port(self.public.port().wrapping_add(1).max(FIRST_PORT));
        self.peers.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_who_was_written_to_gets_in_and_a_rebinding_shuts_the_door() {
        let (server, stranger) = (([198, 51, 100, 1], 5060).into(), ([198, 51, 100, 9], 5060).into());
        let mut nat = Nat::new([203, 0, 113, 1].into());
        let public = nat.public();
        assert!(!nat.lets_in(server, public));
        assert_eq!(nat.leave(server), public);
        assert!(nat.lets_in(server, public));
        assert!(!nat.lets_in(stranger, public));
        nat.rebind();
        assert!(!nat.lets_in(server, public));
        assert_ne!(nat.leave(server), public);
        assert!(!nat.lets_in(server, public), "the old port leads nowhere");
        assert!(nat.lets_in(server, nat.public()));
    }
}
