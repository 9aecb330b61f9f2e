//! How much may be sent to a source that proved nothing: no more than three times what it sent, or
//! anybody could have us flood an address by putting it on a few datagrams (the bound of RFC 9000 §8.1).
//!
//! A source proved itself by an answered nonce, a dialog's token, or a live binding; over TCP, TLS and
//! WebSocket, by the handshake of the connection.

use crate::bounded::Bounded;
use crate::limits::Limits;
use ruf_message::{Flow, Tick};
use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv6Addr};
use std::time::Duration;

/// Who may be sent what.
#[derive(Debug)]
pub(crate) struct Replies {
    unproven: Bounded<IpAddr, Sums>,
    proven: Bounded<IpAddr, ()>,
    /// Sources with live bindings, until the last of them ends.
    bound: BTreeMap<IpAddr, Tick>,
    /// The same, by their end.
    bound_order: BTreeSet<(Tick, IpAddr)>,
    bound_max: usize,
    times: u64,
}

/// Octets received from and sent to a source.
#[derive(Clone, Copy, Debug, Default)]
struct Sums {
    received: u64,
    sent: u64,
}

impl Replies {
    pub(crate) fn new(limits: &Limits) -> Self {
        Replies {
            unproven: Bounded::new(limits.unproven_max, limits.unproven_lifetime),
            proven: Bounded::new(limits.proven_max, limits.proven_lifetime),
            bound: BTreeMap::new(),
            bound_order: BTreeSet::new(),
            bound_max: limits.proven_max,
            times: limits.amplification_max,
        }
    }

    /// Counts a request and its reply, and says whether the reply may be sent.
    pub(crate) fn may_reply(&mut self, now: Tick, flow: &Flow, request: usize, reply: usize) -> bool {
        let source = neighbourhood(flow.remote.ip());
        if flow.transport.is_reliable()
            || self.is_bound(now, source)
            || self.proven.get(now, &source).is_some()
        {
            return true;
        }
        let (request, reply) = (request as u64, reply as u64);
        let before = self.unproven.get(now, &source).copied().unwrap_or_default();
        let received = before.received.saturating_add(request);
        let sent = before.sent.saturating_add(reply);
        let fits = sent <= received.saturating_mul(self.times);
        let sums = Sums { received, sent: if fits { sent } else { before.sent } };
        match self.unproven.get_mut(now, &source) {
            Some(entry) => *entry = sums,
            None => self.unproven.put(now, source, sums),
        }
        fits
    }

    /// This source holds an account, or a dialog.
    pub(crate) fn prove(&mut self, now: Tick, source: IpAddr) {
        self.proven.put(now, neighbourhood(source), ());
    }

    /// This source has a binding for so long.
    pub(crate) fn bind(&mut self, now: Tick, source: IpAddr, lifetime: Duration) {
        self.expire_bound(now);
        let (source, until) = (neighbourhood(source), now + lifetime);
        match self.bound.get(&source).copied() {
            Some(before) if before >= until => return,
            Some(before) => {
                self.bound_order.remove(&(before, source));
            }
            // What its REGISTER proved still counts.
            None if self.bound.len() >= self.bound_max => return,
            None => {}
        }
        self.bound.insert(source, until);
        self.bound_order.insert((until, source));
    }

    fn expire_bound(&mut self, now: Tick) {
        while let Some((until, source)) = self.bound_order.first().copied()
            && until <= now
        {
            self.bound_order.pop_first();
            self.bound.remove(&source);
        }
    }

    /// Phones that registered live at this source.
    pub(crate) fn is_bound(&self, now: Tick, source: IpAddr) -> bool {
        self.bound.get(&neighbourhood(source)).is_some_and(|until| *until > now)
    }

    pub(crate) fn expire(&mut self, now: Tick) {
        self.unproven.expire(now);
        self.proven.expire(now);
        self.expire_bound(now);
    }

    pub(crate) fn deadline(&self) -> Option<Tick> {
        let bound = self.bound_order.first().map(|(until, _)| *until);
        [self.unproven.deadline(), self.proven.deadline(), bound].into_iter().flatten().min()
    }

    /// Sources that proved nothing, and sources that did.
    pub(crate) fn len(&self) -> (usize, usize) {
        (self.unproven.len(), self.proven.len() + self.bound.len())
    }
}

/// What counts as one source: an IPv4 address, or an IPv6 /64, of which one household has all.
pub(crate) fn neighbourhood(source: IpAddr) -> IpAddr {
    match source.to_canonical() {
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & (u128::MAX << 64)).into(),
        v4 @ IpAddr::V4(_) => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ruf_message::Transport;

    fn at(secs: u64) -> Tick {
        Tick::from_micros(secs * 1_000_000)
    }

    fn flow(transport: Transport, remote: &str) -> Flow {
        let local = "192.0.2.1:5060".parse().unwrap();
        Flow { transport, listener: 0, local, remote: remote.parse().unwrap(), connection: 0 }
    }

    fn replies() -> (Replies, Flow) {
        (Replies::new(&Limits::default()), flow(Transport::Udp, "203.0.113.7:5060"))
    }

    #[test]
    fn a_binding_counts_as_long_as_its_longest() {
        let mut replies = Replies::new(&Limits { proven_max: 2, ..Limits::default() });
        let [one, two, three] = [1, 2, 3].map(|last| IpAddr::from([203, 0, 113, last]));
        replies.bind(at(0), one, Duration::from_secs(100));
        replies.bind(at(0), one, Duration::from_secs(50));
        assert!(replies.is_bound(at(99), one), "a shorter one takes nothing away");
        replies.bind(at(10), one, Duration::from_secs(100));
        assert!(replies.is_bound(at(109), one) && !replies.is_bound(at(110), one));
        replies.bind(at(10), two, Duration::from_secs(100));
        replies.bind(at(10), three, Duration::from_secs(100));
        assert!(replies.is_bound(at(11), two) && !replies.is_bound(at(11), three), "the table is full");
        replies.prove(at(10), three);
        assert_eq!(replies.len(), (0, 3));
    }

    #[test]
    fn a_source_that_proved_nothing_gets_three_times_what_it_sent() {
        let (mut replies, flow) = replies();
        assert!(replies.may_reply(at(0), &flow, 100, 300));
        assert!(!replies.may_reply(at(0), &flow, 100, 301));
        assert!(replies.may_reply(at(0), &flow, 0, 300));
        assert!(!replies.may_reply(at(0), &flow, 0, 1));
        assert_eq!(replies.len(), (1, 0));
    }

    #[test]
    fn another_port_or_a_neighbour_in_the_same_64_is_the_same_source() {
        let (mut replies, flow) = replies();
        let port = Flow { remote: "203.0.113.7:9".parse().unwrap(), ..flow };
        assert!(replies.may_reply(at(0), &flow, 100, 300) && !replies.may_reply(at(0), &port, 0, 1));
        let sixth = |remote: &str| Flow { remote: remote.parse().unwrap(), ..flow };
        assert!(replies.may_reply(at(0), &sixth("[2001:db8::1]:1"), 100, 300));
        assert!(!replies.may_reply(at(0), &sixth("[2001:db8::ffff:2]:1"), 0, 1));
        assert!(replies.may_reply(at(0), &sixth("[2001:db8:0:1::1]:1"), 1, 1));
    }

    #[test]
    fn what_a_neighbour_in_the_same_64_sent_counts_for_the_others() {
        let (mut replies, flow) = replies();
        let sixth = |remote: &str| Flow { remote: remote.parse().unwrap(), ..flow };
        assert!(replies.may_reply(at(0), &sixth("[2001:db8::1]:1"), 100, 0));
        assert!(!replies.may_reply(at(0), &sixth("[2001:db8:0:1::1]:1"), 0, 300), "another household");
        assert!(replies.may_reply(at(0), &sixth("[2001:db8::ffff:2]:1"), 0, 300));
    }

    #[test]
    fn a_connection_a_proof_or_a_binding_lifts_the_bound() {
        let (mut replies, udp) = replies();
        assert!(replies.may_reply(at(0), &flow(Transport::Tcp, "203.0.113.7:1"), 1, 10_000));
        replies.prove(at(0), udp.remote.ip());
        assert!(
            replies.may_reply(at(3_599), &udp, 1, 10_000) && !replies.may_reply(at(3_600), &udp, 1, 10_000)
        );
        replies.bind(at(3_600), udp.remote.ip(), Duration::from_secs(7_200));
        replies.bind(at(3_600), udp.remote.ip(), Duration::from_secs(10));
        assert!(
            replies.may_reply(at(10_799), &udp, 1, 10_000) && !replies.may_reply(at(10_800), &udp, 1, 10_000)
        );
    }

    #[test]
    fn nothing_is_kept_past_its_time() {
        let (mut replies, flow) = replies();
        replies.may_reply(at(0), &flow, 1, 1);
        replies.prove(at(0), flow.remote.ip());
        replies.bind(at(0), flow.remote.ip(), Duration::from_secs(9_000));
        let mut deadlines = Vec::new();
        while let Some(deadline) = replies.deadline() {
            replies.expire(deadline);
            deadlines.push(deadline);
        }
        assert_eq!(deadlines, [at(60), at(3_600), at(9_000)]);
        assert_eq!(replies.len(), (0, 0));
    }
}
