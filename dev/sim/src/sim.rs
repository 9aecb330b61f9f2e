//! [`Sim`]: hosts on a virtual network under a virtual clock. One event happens after another, in an
//! order that follows from the seed alone; nothing sleeps.

use std::collections::{BTreeMap, VecDeque};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use bytes::Bytes;
use ruf_agent::{Agent, AgentEvent, Counts, Settings, WayQuestion};
use ruf_message::{Entropy, Flow, Hop, Message, Tick, Transmit, Transport};

use crate::foreign::Foreign;
use crate::ladder;
use crate::nat::Nat;
use crate::network::{Conditions, Network};
use crate::registrant::{Registrant, Wish};
use crate::server::Server;
use crate::trace::{Sight, Summary, Trace};

/// A host of a simulation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HostId(usize);

/// What runs on a host.
enum Machine {
    Phone(Box<Agent>),
    Registrant(Box<Registrant>),
    Foreign(Foreign),
    Server(Box<Server>),
}

struct Host {
    letter: char,
    name: String,
    /// Its own address; behind a translator, a private one.
    address: SocketAddr,
    nat: Option<Nat>,
    machine: Machine,
    health: Health,
    happened: VecDeque<AgentEvent>,
}

/// Whether anything runs there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Health {
    Up,
    /// The machine is off: what is sent to it is lost, and its clock stands.
    Off,
    /// The program ended, its machine says so: whoever sends to it hears of it (ICMP).
    Quit,
}

/// Something under way to a host.
enum Arrival {
    Datagram {
        from: SocketAddr,
        to: HostId,
        bytes: Bytes,
    },
    /// What this host sent to `remote` met a closed port.
    PortUnreachable {
        to: HostId,
        flow: Flow,
    },
}

/// The simulation.
pub struct Sim {
    now: Tick,
    seed: u64,
    hosts: Vec<Host>,
    network: Network,
    arrivals: BTreeMap<(Tick, u64), Arrival>,
    serial: u64,
    pub(crate) trace: Trace,
    /// When servers started anew.
    restarts: Vec<Tick>,
    /// Datagrams that are to be lost, as the ladder writes them, and how many of each.
    doomed: Vec<(String, usize)>,
    /// What phones know of names.
    places: Places,
}

impl Sim {
    /// An empty network. Everything that will happen follows from `seed`.
    pub fn new(seed: u64, conditions: Conditions) -> Self {
        Sim {
            now: Tick::ZERO,
            seed,
            hosts: Vec::new(),
            network: Network::new(conditions, Entropy::from_seed(seed_of(seed, 0))),
            arrivals: BTreeMap::new(),
            serial: 0,
            trace: Trace::default(),
            restarts: Vec::new(),
            doomed: Vec::new(),
            places: Places::default(),
        }
    }

    // --- hosts ---

    /// Puts up a server: the letter `s` in ladders.
    pub fn add_server(&mut self, server: Server) -> HostId {
        let address = server.address();
        self.add("server", 's', address, None, Machine::Server(Box::new(server)))
    }

    /// Puts up another server, whose name's first letter stands for it in ladders.
    pub fn add_server_named(&mut self, name: &str, server: Server) -> HostId {
        let address = server.address();
        let letter = name.chars().next().unwrap_or('?');
        self.add(name, letter, address, None, Machine::Server(Box::new(server)))
    }

    /// Puts up a phone named `name`, whose first letter stands for it in ladders, at `address`. Its
    /// way leads to `server`.
    pub fn add_phone(&mut self, name: &str, address: &str, server: HostId, secret: &str) -> HostId {
        self.phone_as(name, name, address, None, server, |settings| settings.with_password(name, secret))
    }

    /// As [`add_phone`](Self::add_phone): one of several phones of `user`, perhaps behind a translator
    /// with this public address.
    pub fn add_phone_of(
        &mut self,
        user: &str,
        name: &str,
        address: &str,
        public: Option<IpAddr>,
        server: HostId,
        secret: &str,
    ) -> HostId {
        let nat = public.map(Nat::new);
        self.phone_as(user, name, address, nat, server, |settings| settings.with_password(user, secret))
    }

    /// As [`add_phone`](Self::add_phone), behind a translator with this public address.
    pub fn add_phone_behind_nat(
        &mut self,
        name: &str,
        address: &str,
        public: IpAddr,
        server: HostId,
        secret: &str,
    ) -> HostId {
        let nat = Some(Nat::new(public));
        self.phone_as(name, name, address, nat, server, |settings| settings.with_password(name, secret))
    }

    /// A phone of `user` as `equip` makes it of what most have in common; behind a translator, if there is
    /// one.
    pub fn phone_as(
        &mut self,
        user: &str,
        name: &str,
        address: &str,
        nat: Option<Nat>,
        server: HostId,
        equip: impl FnOnce(Settings) -> Settings,
    ) -> HostId {
        let local: SocketAddr = address.parse().expect("an address and port");
        let remote = self.host(server).address;
        let domain = match &self.host(server).machine {
            Machine::Server(server) => server.domain().to_owned(),
            Machine::Phone(_) | Machine::Registrant(_) | Machine::Foreign(_) => remote.ip().to_string(),
        };
        let aor = format!("sip:{user}@{domain}").parse().expect("a URI");
        let settings = equip(Settings::new(aor, flow(local, remote)));
        let entropy = Entropy::from_seed(seed_of(self.seed, 1 + self.hosts.len() as u64));
        let agent = Agent::new(settings, entropy);
        let letter = name.chars().next().unwrap_or('?');
        self.add(name, letter, local, nat, Machine::Phone(Box::new(agent)))
    }

    /// Puts up a phone without a server, whose name's first letter stands for it in ladders.
    pub fn add_phone_alone(&mut self, name: &str, settings: Settings) -> HostId {
        let entropy = Entropy::from_seed(seed_of(self.seed, 1 + self.hosts.len() as u64));
        let letter = name.chars().next().unwrap_or('?');
        let address = settings.flow.local;
        self.add(name, letter, address, None, Machine::Phone(Box::new(Agent::new(settings, entropy))))
    }

    /// A phone gets another address, and goes on from there.
    ///
    /// # Panics
    /// If the host is no phone.
    pub fn move_phone(&mut self, host: HostId, address: &str) {
        let address = address.parse().expect("an address and port");
        let host = self.host_mut(host);
        let Machine::Phone(agent) = &mut host.machine else { unreachable!("it is no phone") };
        agent.move_to(Flow { local: address, ..agent.way_out() });
        host.address = address;
    }

    /// A crashed phone starts again and knows nothing of what was.
    ///
    /// # Panics
    /// If the host is no phone.
    pub fn restart_phone(&mut self, host: HostId, settings: Settings) {
        let entropy = Entropy::from_seed(seed_of(self.seed, self.network.below(u64::MAX)));
        self.restarts.push(self.now);
        let host = self.host_mut(host);
        let Machine::Phone(agent) = &mut host.machine else { unreachable!("it is no phone") };
        **agent = Agent::new(settings, entropy);
        host.health = Health::Up;
        host.happened.clear();
    }

    /// Puts up a client that only registers, whose name's first letter stands for it in ladders.
    pub fn add_registrant(&mut self, name: &str, client: Registrant) -> HostId {
        let letter = name.chars().next().unwrap_or('?');
        self.add(name, letter, client.address(), None, Machine::Registrant(Box::new(client)))
    }

    /// Puts up a program of somebody else's, which says what it is made to say and nothing else.
    pub fn add_foreign(&mut self, name: &str, address: &str) -> HostId {
        let letter = name.chars().next().unwrap_or('?');
        let address = address.parse().expect("an address and port");
        self.add(name, letter, address, None, Machine::Foreign(Foreign::default()))
    }

    fn add(
        &mut self,
        name: &str,
        letter: char,
        address: SocketAddr,
        nat: Option<Nat>,
        machine: Machine,
    ) -> HostId {
        let (name, happened) = (name.to_owned(), VecDeque::new());
        self.hosts.push(Host { letter, name, address, nat, machine, health: Health::Up, happened });
        HostId(self.hosts.len() - 1)
    }

    /// All hosts, in the order in which they were added.
    pub fn hosts(&self) -> impl Iterator<Item = HostId> + use<> {
        (0..self.hosts.len()).map(HostId)
    }

    /// The letter that stands for a host.
    pub fn letter(&self, host: HostId) -> char {
        self.host(host).letter
    }

    /// The name of a host.
    pub fn name(&self, host: HostId) -> &str {
        &self.host(host).name
    }

    /// Whether a server runs on this host.
    pub fn is_server(&self, host: HostId) -> bool {
        matches!(self.host(host).machine, Machine::Server(_))
    }

    // --- what is done to them ---

    /// The user of a phone does something, and what it sends leaves at once.
    ///
    /// # Panics
    /// If the host is no phone.
    pub fn phone<R>(&mut self, host: HostId, act: impl FnOnce(&mut Agent, Tick) -> R) -> R {
        let now = self.now;
        let result = match &mut self.host_mut(host).machine {
            Machine::Phone(agent) => act(agent, now),
            Machine::Server(_) | Machine::Registrant(_) | Machine::Foreign(_) => {
                unreachable!("it has no user")
            }
        };
        self.settle(host);
        result
    }

    /// A client that only registers, to be looked at.
    ///
    /// # Panics
    /// If the host is another.
    pub fn registrant(&self, host: HostId) -> &Registrant {
        match &self.host(host).machine {
            Machine::Registrant(client) => client,
            Machine::Phone(_) | Machine::Foreign(_) | Machine::Server(_) => {
                unreachable!("it does more than register")
            }
        }
    }

    /// Such a client registers; gives the branch of its request.
    ///
    /// # Panics
    /// If the host is another.
    pub fn register(&mut self, host: HostId, wish: Wish) -> String {
        let now = self.now;
        let branch = match &mut self.host_mut(host).machine {
            Machine::Registrant(client) => client.register(now, wish),
            Machine::Phone(_) | Machine::Foreign(_) | Machine::Server(_) => {
                unreachable!("it does more than register")
            }
        };
        self.settle(host);
        branch
    }

    /// All servers.
    pub fn servers(&self) -> impl Iterator<Item = &Server> {
        self.hosts.iter().filter_map(|host| match &host.machine {
            Machine::Server(server) => Some(server.as_ref()),
            Machine::Phone(_) | Machine::Registrant(_) | Machine::Foreign(_) => None,
        })
    }

    /// The server's node, to be looked at or changed.
    ///
    /// # Panics
    /// If the host is no server.
    pub fn server(&mut self, host: HostId) -> &mut Server {
        match &mut self.host_mut(host).machine {
            Machine::Server(server) => server,
            Machine::Phone(_) | Machine::Registrant(_) | Machine::Foreign(_) => {
                unreachable!("a phone is no server")
            }
        }
    }

    /// A foreign program sends this to `to`.
    pub fn say(&mut self, host: HostId, to: SocketAddr, text: String) {
        let flow = flow(self.host(host).address, to);
        self.send(host, Transmit { flow, bytes: text.into() });
    }

    /// The oldest message that a foreign program received and was not asked for yet.
    ///
    /// # Panics
    /// If the host is another.
    pub fn heard(&mut self, host: HostId) -> Option<Message> {
        match &mut self.host_mut(host).machine {
            Machine::Foreign(foreign) => foreign.heard(),
            Machine::Phone(_) | Machine::Registrant(_) | Machine::Server(_) => unreachable!("it is ours"),
        }
    }

    /// The host stops in the middle of everything. What it has not sent it never sends.
    pub fn crash(&mut self, host: HostId) {
        self.stop(host, Health::Off);
    }

    /// The program on this host ends, and the machine stays: whoever sends to it is told.
    pub fn quit(&mut self, host: HostId) {
        self.stop(host, Health::Quit);
    }

    fn stop(&mut self, host: HostId, health: Health) {
        let host = self.host_mut(host);
        host.health = health;
        if let Machine::Server(server) = &mut host.machine {
            server.crash();
        }
    }

    /// A crashed server starts again with what its disk kept: accounts, the key of its tokens, bindings.
    pub fn restart(&mut self, host: HostId) {
        let now = self.now;
        self.host_mut(host).health = Health::Up;
        self.restarts.push(now);
        self.server(host).restart(now);
    }

    /// Whether a server started anew between these two.
    pub fn restarted_between(&self, first: Tick, last: Tick) -> bool {
        self.restarts.iter().any(|at| (first..=last).contains(at))
    }

    /// The translator before this phone forgets its mapping.
    pub fn rebind(&mut self, host: HostId) {
        if let Some(nat) = &mut self.host_mut(host).nat {
            nat.rebind();
        }
    }

    /// The weather from now on.
    pub fn conditions(&mut self) -> &mut Conditions {
        &mut self.network.conditions
    }

    /// The next `count` datagrams that the ladder would write so (`a→s ACK`) are lost.
    pub fn lose(&mut self, arrow: &str, count: usize) {
        self.doomed.push((arrow.to_owned(), count));
    }

    /// Phones know that this name stands for these places, the first to be tried first.
    pub fn name_places(&mut self, name: &str, places: &[&str]) {
        let places = places.iter().map(|place| place.parse().expect("an address and port")).collect();
        self.places.0.push((name.to_owned(), places));
    }

    /// A roll of the network's dice: a number below `n`.
    pub fn below(&mut self, n: u64) -> u64 {
        self.network.below(n)
    }

    // --- time ---

    /// The time.
    pub fn now(&self) -> Tick {
        self.now
    }

    /// When something happens next; `None`: never again.
    pub fn next(&self) -> Option<Tick> {
        let arrival = self.arrivals.keys().next().map(|(tick, _)| *tick);
        let timers = self.hosts.iter().filter(|host| host.is_up()).filter_map(|host| host.deadline());
        timers.chain(arrival).min().map(|tick| tick.max(self.now))
    }

    /// Lets the next thing happen. `false`: nothing ever will.
    pub fn step(&mut self) -> bool {
        let Some(next) = self.next() else { return false };
        self.now = next;
        if let Some(entry) = self.arrivals.first_entry()
            && entry.key().0 <= next
        {
            let arrival = entry.remove();
            self.arrive(arrival);
            return true;
        }
        for host in self.hosts() {
            let now = self.now;
            let host_mut = self.host_mut(host);
            if host_mut.is_up() && host_mut.deadline().is_some_and(|deadline| deadline <= now) {
                match &mut host_mut.machine {
                    Machine::Phone(agent) => agent.tick(now),
                    Machine::Registrant(client) => client.tick(now),
                    Machine::Foreign(_) => {}
                    Machine::Server(server) => server.tick(now),
                }
                self.settle(host);
            }
        }
        true
    }

    /// Lets everything happen that happens before `until`, which then is now.
    pub fn advance(&mut self, until: Tick) {
        while self.next().is_some_and(|next| next < until) {
            self.step();
        }
        self.now = self.now.max(until);
    }

    /// Lets `time` pass.
    pub fn pass(&mut self, time: Duration) {
        self.advance(self.now + time);
    }

    /// The oldest event of a phone that was not asked for yet.
    pub fn happened(&mut self, host: HostId) -> Option<AgentEvent> {
        self.host_mut(host).happened.pop_front()
    }

    /// Who still holds what. Calls that stand and bindings do not count.
    pub fn leftovers(&self) -> Vec<String> {
        let leftover = |host: &Host| match &host.machine {
            Machine::Phone(agent) => {
                let counts = Counts { calls: 0, ..agent.counts() };
                (counts != Counts::default()).then(|| format!("{} holds {counts:?}", host.name))
            }
            Machine::Foreign(_) => None,
            Machine::Registrant(client) => client.is_waiting().then(|| format!("{} waits", host.name)),
            Machine::Server(server) => Some(format!("{} holds {}", host.name, server.leftover()?)),
        };
        self.hosts.iter().filter(|host| host.is_up()).filter_map(leftover).collect()
    }

    // --- what is seen ---

    /// Every datagram so far.
    pub fn trace(&self) -> &Trace {
        &self.trace
    }

    // --- the wire ---

    fn arrive(&mut self, arrival: Arrival) {
        let now = self.now;
        let (Arrival::Datagram { to, .. } | Arrival::PortUnreachable { to, .. }) = arrival;
        let host = self.host_mut(to);
        if !host.is_up() {
            return;
        }
        match arrival {
            Arrival::Datagram { from, bytes, .. } => {
                let flow = flow(host.address, from);
                match &mut host.machine {
                    Machine::Phone(agent) => agent.receive(now, flow, bytes),
                    Machine::Registrant(client) => client.receive(bytes),
                    Machine::Foreign(foreign) => foreign.receive(bytes),
                    Machine::Server(server) => server.receive(now, flow, bytes),
                }
            }
            Arrival::PortUnreachable { flow, .. } => match &mut host.machine {
                Machine::Phone(agent) => agent.unreachable(now, flow),
                Machine::Registrant(_) | Machine::Foreign(_) => {}
                Machine::Server(server) => server.unreachable(now, flow),
            },
        }
        self.settle(to);
    }

    /// Sends what a host has to send, and keeps what it has to tell.
    fn settle(&mut self, id: HostId) {
        let (now, places) = (self.now, &self.places);
        let host = self.hosts.get_mut(id.0).expect("an id of this simulation");
        let mut transmits = Vec::new();
        match &mut host.machine {
            Machine::Phone(agent) => {
                while let Some(WayQuestion { key, hop, failed, .. }) = agent.poll_question() {
                    // Whose server does not serve knows of no other.
                    let places = hop.map_or_else(Vec::new, |hop| places.of(&hop));
                    let ways = places.into_iter().map(|place| flow(host.address, place));
                    agent.found(now, key, ways.into_iter().find(|way| !failed.contains(way)));
                }
                transmits.extend(std::iter::from_fn(|| agent.poll_transmit()));
                host.happened.extend(std::iter::from_fn(|| agent.poll_event()));
            }
            Machine::Registrant(client) => transmits.extend(client.transmit(now)),
            Machine::Foreign(_) => {}
            Machine::Server(server) => transmits.extend(std::iter::from_fn(|| server.transmit(now))),
        }
        for transmit in transmits {
            self.send(id, transmit);
        }
    }

    fn send(&mut self, id: HostId, transmit: Transmit) {
        let (now, to) = (self.now, transmit.flow.remote);
        let host = self.host_mut(id);
        let from = host.nat.as_mut().map_or(host.address, |nat| nat.leave(now, to));
        let receiver = self.hosts().find(|other| self.host(*other).is_at(to));
        let is_let_in = receiver.is_some_and(|receiver| self.host_mut(receiver).lets_in(now, from, to));
        let message = Summary::of(&transmit.bytes);
        let arrow = ladder::arrow(self, id, receiver, message.as_ref());
        let is_lost = !is_let_in || self.is_doomed(&arrow);
        let times = if is_lost { Vec::new() } else { self.network.carry() };
        let arrivals: Vec<Tick> = times.into_iter().map(|time| self.now + time).collect();
        for &at in &arrivals {
            let Some(to) = receiver else { continue };
            let bytes = transmit.bytes.clone();
            let arrival = match self.host(to).health {
                Health::Up | Health::Off => Arrival::Datagram { from, to, bytes },
                Health::Quit => Arrival::PortUnreachable { to: id, flow: transmit.flow },
            };
            self.serial += 1;
            self.arrivals.insert((at, self.serial), arrival);
        }
        let sight = Sight { at: self.now, from: id, to: receiver, arrivals, message, bytes: transmit.bytes };
        self.trace.sights.push(sight);
    }

    fn is_doomed(&mut self, arrow: &str) -> bool {
        let doom = self.doomed.iter_mut().find(|(doomed, count)| doomed == arrow && *count > 0);
        if let Some((_, count)) = doom {
            *count -= 1;
            return true;
        }
        false
    }

    fn host(&self, host: HostId) -> &Host {
        self.hosts.get(host.0).expect("an id of this simulation")
    }

    fn host_mut(&mut self, host: HostId) -> &mut Host {
        self.hosts.get_mut(host.0).expect("an id of this simulation")
    }
}

impl Host {
    fn deadline(&self) -> Option<Tick> {
        match &self.machine {
            Machine::Phone(agent) => agent.poll_deadline(),
            Machine::Registrant(client) => client.deadline(),
            Machine::Foreign(_) => None,
            Machine::Server(server) => server.deadline(),
        }
    }

    fn is_up(&self) -> bool {
        self.health == Health::Up
    }

    /// Whether the world reaches this host at `address`.
    fn is_at(&self, address: SocketAddr) -> bool {
        self.nat.as_ref().map_or(self.address, Nat::public) == address
    }

    fn lets_in(&mut self, now: Tick, from: SocketAddr, to: SocketAddr) -> bool {
        self.health != Health::Off && self.nat.as_mut().is_none_or(|nat| nat.lets_in(now, from, to))
    }
}

/// A datagram's flow, as the host at `local` sees it.
pub(crate) fn flow(local: SocketAddr, remote: SocketAddr) -> Flow {
    Flow { transport: Transport::Udp, listener: 0, local, remote, connection: 0 }
}

/// What names mean to phones.
#[derive(Default)]
struct Places(Vec<(String, Vec<SocketAddr>)>);

impl Places {
    /// Where a hop is, the first to be tried first.
    fn of(&self, hop: &Hop) -> Vec<SocketAddr> {
        let name = hop.host.to_string();
        let named = self.0.iter().find(|(known, _)| *known == name).map(|(_, places)| places.clone());
        let port = hop.port.unwrap_or(Transport::Udp.default_port());
        named.unwrap_or_else(|| hop.host.ip().map(|ip| SocketAddr::new(ip, port)).into_iter().collect())
    }
}

/// Independent seeds for the parts of a simulation.
pub(crate) fn seed_of(seed: u64, part: u64) -> [u8; 32] {
    let mut bytes = [0x5a; 32];
    for (to, from) in bytes.iter_mut().zip(seed.to_le_bytes().into_iter().chain(part.to_le_bytes())) {
        *to = from;
    }
    bytes
}
