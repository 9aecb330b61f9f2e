//! [`Agent`]: ICE for one stream (RFC 8445): it gathers candidates at the servers that it is given, checks the ways to
//! the far side's, and says by which one packets go. Datagrams and time in, datagrams and events out.
//!
//! - [`Agent::expect`]: an offer or answer with these credentials is about to go out; checks may come before anything
//!   is known of the far side;
//! - [`Agent::start`]: the far side said what it has. With other credentials than before it is a restart: packets go
//!   by the old way until there is a new one;
//! - [`Agent::receive`]: what came to a port, and what is left of it that is not ICE's.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::Duration;

use crate::attribute::{UNKNOWN_ATTRIBUTE, UNKNOWN_ATTRIBUTES, USERNAME};
use crate::candidate::{Both, Candidate, Component, Kind};
use crate::checks::{Checks, Question};
use crate::credentials::Credentials;
use crate::lookup::Lookup;
use crate::message::{Class, Draft, Message, Method, is_stun};
use crate::pair::{Path, Via};
use crate::random::Random;
use crate::relay::{Login, Relay};

/// STUN servers that are asked.
const LOOKUPS_MAX: usize = 2;
/// Checks that come before the far side said who it is, and are remembered.
const EARLY_MAX: usize = 8;

/// A STUN or TURN server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Server {
    /// Where it is, by UDP.
    pub address: SocketAddr,
    /// Of TURN; `None`: it is one of STUN.
    pub login: Option<Login>,
}

/// What the far side says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remote {
    /// Its credentials.
    pub credentials: Credentials,
    /// It answers checks and makes none (RFC 8445 §2.5).
    pub is_lite: bool,
    /// RTCP has ports of its own.
    pub has_rtcp: bool,
    /// The least time between two checks of ours, if it said so.
    pub pace: Option<Duration>,
    /// Where it may be reached.
    pub candidates: Vec<Candidate>,
}

/// A datagram that is due.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transmit {
    /// From the port of this component.
    pub component: Component,
    /// To where.
    pub to: SocketAddr,
    /// The octets.
    pub datagram: Vec<u8>,
}

/// What became of a datagram that came.
#[derive(Debug, PartialEq, Eq)]
pub enum Received<'a> {
    /// It was ICE's.
    Taken,
    /// It is a packet of somebody's, by this way.
    Packet(Path, &'a [u8]),
}

/// How it stands, when that changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// A way was chosen.
    Connected,
    /// No way leads there.
    Failed,
    /// The way that was chosen leads there no longer (RFC 7675).
    Lost,
}

/// What the inner machines send: by a way, not yet to a server.
#[derive(Clone, Debug)]
pub(crate) struct Outgoing {
    pub(crate) component: Component,
    pub(crate) path: Path,
    pub(crate) datagram: Vec<u8>,
}

/// The addresses of ours that checks are sent from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bases {
    direct: Both<SocketAddr>,
    relay: Both<Option<SocketAddr>>,
}

impl Bases {
    #[cfg(test)]
    pub(crate) fn direct(direct: Both<SocketAddr>) -> Bases {
        Bases { direct, relay: Both::default() }
    }

    pub(crate) fn of(&self, component: Component, via: Via) -> Option<SocketAddr> {
        match via {
            Via::Direct => Some(*self.direct.of(component)),
            Via::Relay => *self.relay.of(component),
        }
    }
}

/// The servers of one port.
#[derive(Clone, Debug, Default)]
struct Gathering {
    lookups: Vec<Lookup>,
    relay: Option<Relay>,
}

/// ICE for one stream.
#[derive(Clone, Debug)]
pub struct Agent {
    random: Random,
    hosts: Both<SocketAddr>,
    gathering: Both<Gathering>,
    expected: Option<Credentials>,
    /// With the ufrag of whoever asked.
    early: VecDeque<(String, Question)>,
    current: Option<Checks>,
    /// Before a restart, until there is a new way.
    previous: Option<Checks>,
    told: Option<Event>,
    /// Of the last tick.
    now: Duration,
    events: VecDeque<Event>,
    out: VecDeque<Transmit>,
}

impl Agent {
    /// Of a stream with these ports. `seed`: 256 random bits.
    pub fn new(seed: [u8; 32], hosts: Both<SocketAddr>) -> Agent {
        Agent {
            random: Random::from_seed(seed),
            hosts,
            gathering: Both::default(),
            expected: None,
            early: VecDeque::new(),
            current: None,
            previous: None,
            told: None,
            now: Duration::ZERO,
            events: VecDeque::new(),
            out: VecDeque::new(),
        }
    }

    /// Asks this server, too, if it has an address of our family. Two of STUN and one of TURN are enough.
    pub fn ask(&mut self, now: Duration, server: &Server) {
        let Server { address, login } = server;
        for component in Component::ALL {
            if self.hosts.of(component).is_ipv4() != address.is_ipv4() {
                continue;
            }
            let Gathering { lookups, relay } = self.gathering.of_mut(component);
            match login {
                None if lookups.len() < LOOKUPS_MAX => lookups.push(Lookup::new(now, *address)),
                None => {}
                Some(login) => {
                    relay.get_or_insert_with(|| Relay::new(now, *address, login.clone()));
                }
            }
        }
    }

    /// Servers were asked, and none owes an answer.
    pub fn is_gathered(&self) -> bool {
        let all = || Component::ALL.into_iter().map(|component| self.gathering.of(component));
        let is_open = |of: &Gathering| {
            of.lookups.iter().any(Lookup::is_open) || of.relay.as_ref().is_some_and(Relay::is_open)
        };
        let is_asked = |of: &Gathering| !of.lookups.is_empty() || of.relay.is_some();
        all().any(is_asked) && !all().any(is_open)
    }

    /// Our candidates, as far as they are known; the first of each component is the default.
    // rfc8445 §5.1.1, §5.1.3
    pub fn candidates(&self) -> Vec<Candidate> {
        let mut candidates: Vec<Candidate> = Vec::new();
        for component in Component::ALL {
            let host = *self.hosts.of(component);
            candidates.push(Candidate::ours(Kind::Host, component, host, None));
            let Gathering { lookups, relay } = self.gathering.of(component);
            let seen = lookups.iter().filter_map(|lookup| lookup.mapped);
            let seen = seen.chain(relay.as_ref().and_then(Relay::mapped)).find(|mapped| *mapped != host);
            if let Some(mapped) = seen {
                candidates.push(Candidate::ours(Kind::ServerReflexive, component, mapped, Some(host)));
            }
            if let Some((relay, relayed)) = relay.as_ref().and_then(|relay| Some((relay, relay.relayed()?))) {
                let related = relay.mapped().unwrap_or(host);
                candidates.push(Candidate::ours(Kind::Relayed, component, relayed, Some(related)));
            }
        }
        candidates
    }

    /// Takes checks that come under these credentials of ours, from now on.
    // rfc8839 §4.2.4
    pub fn expect(&mut self, local: Credentials) {
        if self.expected.as_ref() != Some(&local) {
            (self.expected, self.early) = (Some(local), VecDeque::new());
        }
    }

    /// Both said what they have. `offered`: we made the offer, which says who controls, at first.
    // rfc8445 §6.1.1, §9; rfc8839 §4.4.3.1
    pub fn start(&mut self, now: Duration, local: Credentials, remote: &Remote, offered: bool) {
        let bases = self.bases();
        for component in Component::ALL {
            if let Some(relay) = &mut self.gathering.of_mut(component).relay {
                let of_it = remote.candidates.iter().filter(|candidate| candidate.component == component);
                of_it.for_each(|candidate| relay.permit(now, candidate.address.ip())); // rfc8445 §7.2.1
            }
        }
        let is_same = |checks: &&mut Checks| (&checks.local, &checks.remote) == (&local, &remote.credentials);
        if let Some(checks) = self.current.as_mut().filter(is_same) {
            return checks.learn(remote, &bases);
        }
        let before = self.current.take();
        let role = before.as_ref().map_or(offered, |before| before.is_controlling);
        let is_controlling = role || remote.is_lite;
        let mut checks = Checks::new(now, local.clone(), remote, is_controlling, &bases, &mut self.random);
        if self.expected.as_ref() == Some(&local) {
            for (theirs, question) in std::mem::take(&mut self.early) {
                if theirs == remote.credentials.ufrag {
                    checks.trigger(&question); // rfc8445 §7.3
                }
            }
        }
        self.previous =
            before.filter(|before| before.path(Component::Rtp).is_some()).or(self.previous.take());
        (self.current, self.told) = (Some(checks), None);
    }

    /// ICE is not used any more: the far side has none, or no more of it. That may be one of several whom our offer
    /// came to: what was lent stays until [`Agent::close`], and checks of others are taken.
    // rfc8839 §4.3.3, §4.4.3.1
    pub fn stop(&mut self) {
        (self.current, self.previous, self.told) = (None, None, None);
    }

    /// What was lent is given back. Nothing may be sent by it any more.
    pub fn close(&mut self, now: Duration) {
        for component in Component::ALL {
            if let Some(relay) = &mut self.gathering.of_mut(component).relay {
                relay.close(now, &mut self.random);
            }
        }
        self.flush();
    }

    /// A datagram came to the port of a component.
    pub fn receive<'a>(
        &mut self,
        now: Duration,
        component: Component,
        from: SocketAddr,
        datagram: &'a [u8],
    ) -> Received<'a> {
        let relay = self.gathering.of_mut(component).relay.as_mut().filter(|relay| relay.server == from);
        let (path, packet) = match relay.and_then(|relay| relay.unwrap(datagram)) {
            Some((peer, packet)) => (Path { via: Via::Relay, remote: peer }, packet),
            None => (Path { via: Via::Direct, remote: from }, datagram),
        };
        if !is_stun(packet) {
            return Received::Packet(path, packet);
        }
        if let Some(message) = Message::parse(packet) {
            match message.class {
                Class::Request => self.asked(component, path, &message),
                Class::Success | Class::Error => self.answered(now, component, path, &message),
                Class::Indication => {}
            }
        }
        self.flush();
        Received::Taken
    }

    /// Time went by. To be called every 20 ms while there is a far side, else when [`Agent::deadline`] says.
    pub fn tick(&mut self, now: Duration) {
        self.now = now;
        for component in Component::ALL {
            let Gathering { lookups, relay } = self.gathering.of_mut(component);
            for lookup in lookups {
                if let Some(datagram) = lookup.tick(now, &mut self.random) {
                    self.out.push_back(Transmit { component, to: lookup.server, datagram });
                }
            }
            if let Some(relay) = relay {
                relay.tick(now, &mut self.random);
            }
        }
        let mut out = Vec::new();
        for checks in [&mut self.previous, &mut self.current].into_iter().flatten() {
            if !checks.is_lost(now) {
                checks.tick(now, &mut self.random, &mut out);
            }
        }
        if self.current.as_ref().is_some_and(|checks| checks.is_completed) {
            self.previous = None;
            self.channel(now);
        }
        out.into_iter().for_each(|outgoing| self.send(outgoing));
        self.flush();
        let stands = self.current.as_ref().and_then(|checks| checks.stands(now));
        if self.told != stands {
            self.told = stands;
            self.events.extend(stands);
        }
    }

    /// The next datagram that is due.
    pub fn poll_transmit(&mut self) -> Option<Transmit> {
        self.out.pop_front()
    }

    /// The next thing that changed.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// When something is due of the gathering.
    pub fn deadline(&self) -> Option<Duration> {
        let all = Component::ALL.into_iter().flat_map(|component| {
            let Gathering { lookups, relay } = self.gathering.of(component);
            lookups.iter().map(Lookup::next).chain(relay.as_ref().map(Relay::next))
        });
        all.min().filter(|at| *at != Duration::MAX)
    }

    /// Whether it controls.
    #[cfg(test)]
    pub(crate) fn is_controlling(&self) -> bool {
        self.current.as_ref().is_some_and(|checks| checks.is_controlling)
    }

    /// By which way packets go; `None`: none is known yet, or it was lost.
    // rfc8445 §12.1
    pub fn path(&self, component: Component) -> Option<Path> {
        let of = |checks: &Option<Checks>| {
            // rfc7675 §5.1: without consent nothing is sent
            checks.as_ref().filter(|checks| !checks.is_lost(self.now))?.path(component)
        };
        match &self.current {
            Some(checks) if checks.is_concluded(component) => of(&self.current),
            Some(_) | None => of(&self.previous).or_else(|| of(&self.current)),
        }
    }

    /// The far side wants nothing any more by the way that was chosen, or was before a restart: there is none but
    /// [`Agent::path`], not even to an address that packets came from.
    // rfc7675 §5.1
    pub fn is_lost(&self) -> bool {
        let mut all = [&self.current, &self.previous].into_iter().flatten();
        all.any(|checks| checks.is_lost(self.now))
    }

    /// Whether packets of a component go by a relay, ours or the far side's.
    pub fn is_relayed(&self, component: Component) -> bool {
        let Some(path) = self.path(component) else { return false };
        let mut all = [&self.current, &self.previous].into_iter().flatten();
        path.via == Via::Relay || all.any(|checks| checks.is_relay(component, path.remote))
    }

    /// Whether the far side proved that it is there, by this way.
    pub fn is_proved(&self, component: Component, path: Path) -> bool {
        let all = [&self.current, &self.previous].into_iter().flatten();
        let mut proved = all.filter(|checks| checks.is_valid(component, path));
        proved.next().is_some()
    }

    /// How a packet goes by this way; `None`: there is no such way any more.
    pub fn wrap(&mut self, component: Component, path: Path, packet: Vec<u8>) -> Option<Transmit> {
        let (to, datagram) = match path.via {
            Via::Direct => (path.remote, packet),
            Via::Relay => {
                let relay = self.gathering.of(component).relay.as_ref()?;
                (relay.server, relay.wrap(path.remote, &packet, &mut self.random))
            }
        };
        Some(Transmit { component, to, datagram })
    }

    fn bases(&self) -> Bases {
        let relayed = |component| self.gathering.of(component).relay.as_ref().and_then(Relay::relayed);
        let relay = Both { rtp: relayed(Component::Rtp), rtcp: relayed(Component::Rtcp) };
        Bases { direct: self.hosts, relay }
    }

    /// Somebody asks. Who has not our name and password gets no answer.
    // rfc8445 §7.3
    fn asked(&mut self, component: Component, path: Path, request: &Message<'_>) {
        let name = request.text(USERNAME).and_then(|name| name.split_once(':'));
        let Some((ours, theirs)) = name.filter(|_| request.has_fingerprint) else { return };
        if request.method != Method::Binding {
            return;
        }
        let is_for =
            |local: &Credentials| local.ufrag == ours && request.is_signed_with(local.pwd.as_bytes());
        let unknown: Vec<u8> = request.unknown().flat_map(u16::to_be_bytes).collect();
        if !unknown.is_empty() {
            let current = [&self.current, &self.previous].into_iter().flatten().map(|checks| &checks.local);
            let Some(local) = current.chain(&self.expected).find(|local| is_for(local)) else { return };
            // rfc8489 §6.3.1
            let draft = Draft::new(Method::Binding, Class::Error, request.transaction)
                .put_error(UNKNOWN_ATTRIBUTE)
                .put(UNKNOWN_ATTRIBUTES, &unknown);
            let datagram = draft.sign(local.pwd.as_bytes()).finish();
            return self.send(Outgoing { component, path, datagram });
        }
        let Some(question) = Question::of(component, path, request) else { return };
        let all = [&mut self.current, &mut self.previous];
        let reply = match all.into_iter().flatten().find(|checks| is_for(&checks.local)) {
            Some(checks) if checks.remote.ufrag == theirs => checks.asked(&question, &mut self.random),
            // Another one that our offer came to.
            Some(checks) => question.reply(&checks.local),
            None => {
                let Some(local) = self.expected.as_ref().filter(|local| is_for(local)) else { return };
                if self.early.len() < EARLY_MAX {
                    self.early.push_back((theirs.to_owned(), question));
                }
                question.reply(local)
            }
        };
        self.send(reply);
    }

    fn answered(&mut self, now: Duration, component: Component, path: Path, response: &Message<'_>) {
        let Gathering { lookups, relay } = self.gathering.of_mut(component);
        if path.via == Via::Direct {
            if lookups.iter_mut().any(|lookup| lookup.answered(now, path.remote, response)) {
                return;
            }
            let relay = relay.as_mut().filter(|relay| relay.server == path.remote);
            if relay.is_some_and(|relay| relay.answered(now, response, &mut self.random)) {
                return;
            }
        }
        for checks in [&mut self.current, &mut self.previous].into_iter().flatten() {
            if checks.answered(now, (component, path), response, &mut self.random) {
                return;
            }
        }
    }

    /// Packets by a relay get a channel, once their way is chosen.
    // rfc8445 §12.1
    fn channel(&mut self, now: Duration) {
        for component in Component::ALL {
            let path = self.current.as_ref().and_then(|checks| checks.path(component));
            if let Some(path) = path.filter(|path| path.via == Via::Relay)
                && let Some(relay) = &mut self.gathering.of_mut(component).relay
            {
                relay.open_channel(now, path.remote);
            }
        }
    }

    fn send(&mut self, Outgoing { component, path, datagram }: Outgoing) {
        let due = self.wrap(component, path, datagram);
        self.out.extend(due);
    }

    /// What relays have to say to their servers.
    fn flush(&mut self) {
        for component in Component::ALL {
            if let Some(relay) = &mut self.gathering.of_mut(component).relay {
                let to = relay.server;
                while let Some(datagram) = relay.poll_transmit() {
                    self.out.push_back(Transmit { component, to, datagram });
                }
            }
        }
    }
}
