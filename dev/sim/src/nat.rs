//! A network address translator between one host and the world, as most homes have it (RFC 4787):
//! the mapping does not depend on the peer, the filter does: who was never written to is not let in.
//! [`Nat::rebind`] forgets the mapping, as a reboot does; a [`Nat::forgetful`] one also forgets it when
//! nothing passes for a while, in either direction.

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use ruf_message::Tick;

/// The first public port that is given out.
const FIRST_PORT: u16 = 40_000;

/// One translator with one host behind it.
#[derive(Debug)]
pub struct Nat {
    public: SocketAddr,
    peers: BTreeSet<SocketAddr>,
    /// Idle for so long, it forgets.
    patience: Option<Duration>,
    used: Tick,
}

impl Nat {
    /// A translator with this public address.
    pub fn new(public: IpAddr) -> Self {
        let public = SocketAddr::new(public, FIRST_PORT);
        Nat { public, peers: BTreeSet::new(), patience: None, used: Tick::ZERO }
    }

    /// A translator that forgets a mapping which nothing passed for so long.
    pub fn forgetful(public: IpAddr, patience: Duration) -> Self {
        Nat { patience: Some(patience), ..Nat::new(public) }
    }

    /// The address that the world sees.
    pub fn public(&self) -> SocketAddr {
        self.public
    }

    /// A datagram leaves for `peer`; gives the source address that it then has.
    pub fn leave(&mut self, now: Tick, peer: SocketAddr) -> SocketAddr {
        self.forget_if_idle(now);
        self.used = now;
        self.peers.insert(peer);
        self.public
    }

    /// Whether a datagram of `peer` to `to` is let in.
    pub fn lets_in(&mut self, now: Tick, peer: SocketAddr, to: SocketAddr) -> bool {
        self.forget_if_idle(now);
        let is_let_in = to == self.public && self.peers.contains(&peer);
        if is_let_in {
            self.used = now;
        }
        is_let_in
    }

    /// The mapping is forgotten: the next datagram leaves from another port.
    pub fn rebind(&mut self) {
        self.public.set_port(self.public.port().wrapping_add(1).max(FIRST_PORT));
        self.peers.clear();
    }

    fn forget_if_idle(&mut self, now: Tick) {
        if self.patience.is_some_and(|patience| now.saturating_sub(self.used) >= patience)
            && !self.peers.is_empty()
        {
            self.rebind();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Tick = Tick::ZERO;

    #[test]
    fn only_who_was_written_to_gets_in_and_a_rebinding_shuts_the_door() {
        let (server, stranger) = (([198, 51, 100, 1], 5060).into(), ([198, 51, 100, 9], 5060).into());
        let mut nat = Nat::new([203, 0, 113, 1].into());
        let public = nat.public();
        assert!(!nat.lets_in(NOW, server, public));
        assert_eq!(nat.leave(NOW, server), public);
        assert!(nat.lets_in(NOW, server, public));
        assert!(!nat.lets_in(NOW, stranger, public));
        nat.rebind();
        assert!(!nat.lets_in(NOW, server, public));
        assert_ne!(nat.leave(NOW, server), public);
        assert!(!nat.lets_in(NOW, server, public), "the old port leads nowhere");
        assert!(nat.lets_in(NOW, server, nat.public()));
    }

    #[test]
    fn a_forgetful_one_forgets_what_is_idle_in_both_directions() {
        let server = ([198, 51, 100, 1], 5060).into();
        let mut nat = Nat::forgetful([203, 0, 113, 1].into(), Duration::from_secs(30));
        let at = |secs: u64| Tick::from_micros(secs * 1_000_000);
        let public = nat.leave(at(0), server);
        assert!(nat.lets_in(at(29), server, public) && nat.lets_in(at(58), server, public));
        assert!(!nat.lets_in(at(88), server, public));
        assert_ne!(nat.leave(at(88), server), public);
    }
}
