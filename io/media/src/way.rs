//! [`Way`]: by which way packets of a stream go and come: where ICE says, once it has found one, and until then where
//! the latch says.

use std::net::SocketAddr;
use std::time::Duration;

use ruf_ice::{Agent, Both, Candidate, Component, Credentials, Event, Path, Received, Server, Transmit};

use crate::agreed::AgreedIce;
use crate::voice::Outgoing;

/// The way of one stream.
pub(crate) struct Way {
    agent: Agent,
    /// How the checks stand; `None`: they run, or there are none.
    stands: Option<Event>,
    told: Vec<WayEvent>,
}

/// What becomes of the way to the far side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WayEvent {
    /// One was chosen.
    Found {
        /// It goes by a TURN server, ours or the far side's.
        is_relayed: bool,
    },
    /// None leads there.
    None,
    /// The one that was chosen leads there no longer: nothing is sent.
    Lost,
}

impl Way {
    /// Of a stream with these ports. `seed`: 256 random bits.
    pub(crate) fn new(seed: [u8; 32], rtp: SocketAddr, rtcp: SocketAddr) -> Way {
        Way { agent: Agent::new(seed, Both { rtp, rtcp }), stands: None, told: Vec::new() }
    }

    /// Asks this server what our ports look like.
    pub(crate) fn ask(&mut self, now: Duration, server: &Server) {
        self.agent.ask(now, server);
    }

    /// Servers were asked, and none owes an answer.
    pub(crate) fn is_gathered(&self) -> bool {
        self.agent.is_gathered()
    }

    /// Where we may be reached, as far as it is known.
    pub(crate) fn candidates(&self) -> Vec<Candidate> {
        self.agent.candidates()
    }

    /// These credentials of ours go out.
    pub(crate) fn expect(&mut self, local: Credentials) {
        self.agent.expect(local);
    }

    /// What both said of ICE.
    pub(crate) fn agree(&mut self, now: Duration, ice: Option<&AgreedIce>) {
        match ice {
            Some(AgreedIce { local, remote, offered }) => {
                self.agent.start(now, local.clone(), remote, *offered);
            }
            None => {
                self.stands = None;
                self.agent.stop();
            }
        }
    }

    /// Nothing is wanted any more.
    pub(crate) fn close(&mut self, now: Duration) {
        self.agent.close(now);
    }

    /// A datagram came; what is left of it for others, and from where it really is.
    pub(crate) fn receive<'a>(
        &mut self,
        now: Duration,
        component: Component,
        from: SocketAddr,
        datagram: &'a [u8],
    ) -> Option<(Path, &'a [u8])> {
        match self.agent.receive(now, component, from, datagram) {
            Received::Taken => None,
            Received::Packet(path, packet) => Some((path, packet)),
        }
    }

    /// The far side proved that it is there.
    pub(crate) fn is_proved(&self, component: Component, path: Path) -> bool {
        self.agent.is_proved(component, path)
    }

    /// Time went by.
    pub(crate) fn tick(&mut self, now: Duration) {
        self.agent.tick(now);
        while let Some(event) = self.agent.poll_event() {
            self.stands = Some(event);
            let is_relayed = self.agent.is_relayed(Component::Rtp);
            self.told.push(match event {
                Event::Connected => WayEvent::Found { is_relayed },
                Event::Failed => WayEvent::None,
                Event::Lost => WayEvent::Lost,
            });
        }
    }

    /// When something is due while nobody talks.
    pub(crate) fn deadline(&self) -> Option<Duration> {
        self.agent.deadline()
    }

    /// What ICE has to send.
    pub(crate) fn take_due(&mut self, out: &mut Vec<Outgoing>) {
        out.extend(std::iter::from_fn(|| self.agent.poll_transmit()).map(outgoing));
    }

    /// What became of it.
    pub(crate) fn take_told(&mut self) -> Vec<WayEvent> {
        std::mem::take(&mut self.told)
    }

    /// How a packet goes: by the way that was found, else to `latched`, which is known to be heard or not. `None`: it
    /// must not go.
    // rfc8445 §12.1, rfc7675 §5.1
    pub(crate) fn forward(
        &mut self,
        component: Component,
        (latched, is_heard): (SocketAddr, bool),
        datagram: Vec<u8>,
        is_rtcp_port: bool,
    ) -> Option<Outgoing> {
        if let Some(path) = self.agent.path(component) {
            return self.agent.wrap(component, path, datagram).map(outgoing);
        }
        let may_go = match self.stands {
            None | Some(Event::Connected) => true,
            Some(Event::Failed) => is_heard,
            Some(Event::Lost) => false,
        };
        // That it is lost is told later, where the other may restart, but nothing is sent from then on.
        (may_go && !self.agent.is_lost()).then_some(Outgoing { to: latched, datagram, is_rtcp: is_rtcp_port })
    }
}

fn outgoing(Transmit { component, to, datagram }: Transmit) -> Outgoing {
    Outgoing { to, datagram, is_rtcp: component == Component::Rtcp }
}

#[cfg(test)]
mod tests {
    use ruf_ice::{Candidate, Kind, Remote};

    use super::*;

    const DEFAULT: &str = "192.0.2.9:6000";

    fn at(text: &str) -> SocketAddr {
        text.parse().unwrap()
    }

    /// A way whose far side is nowhere.
    fn alone() -> Way {
        let mut way = Way::new([1; 32], at("192.0.2.1:4000"), at("192.0.2.1:4001"));
        let credentials = |seed| Credentials::new([seed; 32]);
        let candidate = Candidate {
            foundation: "1".to_owned(),
            component: Component::Rtp,
            priority: 1,
            address: at(DEFAULT),
            kind: Kind::Host,
            related: None,
        };
        let remote = Remote {
            credentials: credentials(3),
            is_lite: false,
            has_rtcp: false,
            pace: None,
            candidates: vec![candidate],
        };
        way.agree(Duration::ZERO, Some(&AgreedIce { local: credentials(2), remote, offered: true }));
        way
    }

    fn goes(way: &mut Way, is_heard: bool) -> Option<SocketAddr> {
        way.forward(Component::Rtp, (at(DEFAULT), is_heard), vec![0x80], false).map(|out| out.to)
    }

    /// Two ways at these addresses, and what each says of itself: the first made the offer.
    fn two() -> [Way; 2] {
        let hosts = ["192.0.2.1:4000", DEFAULT].map(at);
        let mut ways = hosts.map(|host| Way::new([host.port() as u8; 32], host, host));
        let locals = [2, 3].map(|seed| Credentials::new([seed; 32]));
        let says = [0, 1].map(|side: usize| Remote {
            credentials: locals[side].clone(),
            is_lite: false,
            has_rtcp: false,
            pace: None,
            candidates: ways[side].candidates(),
        });
        for (side, way) in ways.iter_mut().enumerate() {
            let (local, remote) = (locals[side].clone(), says[1 - side].clone());
            way.agree(Duration::ZERO, Some(&AgreedIce { local, remote, offered: side == 0 }));
        }
        ways
    }

    #[test]
    fn without_consent_nothing_goes_to_the_default_either() {
        // tests rfc7675 §5.1
        let mut ways = two();
        let hosts = ["192.0.2.1:4000", DEFAULT].map(at);
        let mut told = Vec::new();
        for ms in (20..60_000).step_by(20) {
            let now = Duration::from_millis(ms);
            for side in [0, 1] {
                ways[side].tick(now);
                let mut due = Vec::new();
                ways[side].take_due(&mut due);
                // After five seconds nothing arrives any more.
                for out in due.into_iter().filter(|_| ms < 5_000) {
                    assert_eq!(ways[1 - side].receive(now, Component::Rtp, hosts[side], &out.datagram), None);
                }
            }
            told.extend(ways[1].take_told().into_iter().map(|event| (ms, event)));
            if ms == 5_000 {
                assert_eq!(goes(&mut ways[1], true), Some(hosts[0]));
            }
            // The last answer came before.
            if ms >= 35_000 {
                assert_eq!(goes(&mut ways[1], true), None, "after {ms} ms");
            }
        }
        let [(_, WayEvent::Found { is_relayed: false }), (lost, WayEvent::Lost)] = told[..] else {
            panic!("{told:?}")
        };
        assert!(lost > 40_000, "who is controlled leaves it to the other to restart, for a while");
    }

    #[test]
    fn until_there_is_a_way_packets_go_by_the_default_and_without_any_only_to_who_is_heard() {
        // tests rfc8445 §12.1
        let mut way = alone();
        for ms in (20..39_000).step_by(20) {
            way.tick(Duration::from_millis(ms));
            assert_eq!(goes(&mut way, false), Some(at(DEFAULT)));
        }
        for ms in (39_000..41_000).step_by(20) {
            way.tick(Duration::from_millis(ms));
        }
        assert_eq!(way.take_told(), [WayEvent::None]);
        assert_eq!((goes(&mut way, false), goes(&mut way, true)), (None, Some(at(DEFAULT))));
        // A plain call from now on.
        way.agree(Duration::from_secs(50), None);
        assert_eq!(goes(&mut way, false), Some(at(DEFAULT)));
    }
}
