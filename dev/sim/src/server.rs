//! A [`Node`] at an address: the very thing that serves, and what a restart keeps of it.
//!
//! The accounts, the key of the dialog tokens and what the disk has of the bindings are the data
//! directory's and stay (DESIGN section 4, Flows). Each start counts its time from zero, as a process
//! does; the wall clock goes on.

use std::net::{IpAddr, SocketAddr};

use bytes::Bytes;
use ruf_accounts::Accounts;
use ruf_admission::{
    AddressOfRecord, Cidr, Domain, Gate, Keys, Listener, Neighbours, Ourselves, Overload, Policy,
};
use ruf_locate::{Answer, Locator, Query, Record, Ways};
use ruf_message::{Entropy, Flow, Place, Tick, Transmit, Transport};
use ruf_node::{Node, Parts, Seat, SharedNonces};
use ruf_proxy::Proxy;
use ruf_registrar::{Binding, Epoch, Gruus, Registrar};
use ruf_routing::DialPlan;
use ruf_store::Store;
use ruf_transaction::{Mutant, Timers, Transactions};

use crate::disk::{Disk, Speed};
use crate::sim::seed_of;

/// The wall clock when the simulation begins, in microseconds since 1970.
const BEGIN_MICROS: u64 = 1_800_000_000_000_000;

/// What a server is told, and what its disk keeps.
#[derive(Debug, Clone)]
pub struct Site {
    /// The domain it serves.
    pub domain: String,
    /// Where it listens.
    pub address: SocketAddr,
    /// Who may use it: name and secret.
    pub users: Vec<(String, String)>,
    /// How many workers serve; where nobody says, `SIM_WORKERS` does, or one.
    pub workers: u8,
    /// Where its randomness begins.
    pub seed: u64,
    /// A fault to plant.
    pub mutant: Option<Mutant>,
    /// Hosts of others that its users may call.
    pub elsewhere: Vec<String>,
    /// What the DNS tells it.
    pub zone: Vec<(Query, Record)>,
    /// Domains whose name server never answers.
    pub silent: Vec<String>,
    /// Servers that are asked to send less, and may ask for it.
    pub neighbours: Vec<Cidr>,
    /// Users of domains that it does not serve may call its own.
    pub guests: bool,
    /// It asks nobody for a password.
    pub is_open: bool,
    /// Its table of transactions is full.
    pub is_full: bool,
    /// How its disk works.
    pub disk: Speed,
}

impl Site {
    /// `example.org` at 198.51.100.1:5060 with these users, each with the name backwards for a secret.
    pub fn new(seed: u64, users: &[&str]) -> Self {
        let user = |name: &&str| ((*name).to_owned(), Site::secret(name));
        Site {
            domain: "example.org".to_owned(),
            address: ([198, 51, 100, 1], 5060).into(),
            users: users.iter().map(user).collect(),
            seed,
            workers: std::env::var("SIM_WORKERS").ok().and_then(|count| count.parse().ok()).unwrap_or(1),
            mutant: None,
            elsewhere: Vec::new(),
            zone: Vec::new(),
            silent: Vec::new(),
            neighbours: Vec::new(),
            guests: false,
            is_open: false,
            is_full: false,
            disk: Speed::instant(),
        }
    }

    /// What the DNS says; `None`: nothing, ever.
    fn answer(&self, query: &Query) -> Option<Answer> {
        if self.silent.iter().any(|domain| query.name.ends_with(domain)) {
            return None;
        }
        let known = self.zone.iter().filter(|(asked, _)| asked == query);
        let records: Vec<Record> = known.map(|(_, record)| record.clone()).collect();
        Some(match records.is_empty() {
            true => Answer::Nothing { ttl_secs: 60 },
            false => Answer::Records { ttl_secs: 60, records },
        })
    }

    /// There is UDP here, and nothing else.
    fn flow_to(&self, place: &Place) -> Option<Flow> {
        (place.transport == Transport::Udp).then_some(Flow {
            transport: Transport::Udp,
            listener: 0,
            local: self.address,
            remote: place.address,
            connection: 0,
        })
    }

    /// The secret of a user of [`Site::new`].
    pub fn secret(name: &str) -> String {
        name.chars().rev().collect()
    }
}

/// The nodes of all workers at their one address.
pub struct Server {
    site: Site,
    nodes: Vec<Node>,
    disk: Disk,
    starts: u64,
    /// When it started: what its nodes call zero.
    zero: Tick,
}

impl Server {
    /// Starts a server.
    pub fn new(site: Site) -> Self {
        let mut disk = Disk::new(site.disk.clone(), Entropy::from_seed(seed_of(site.seed, 4_000)));
        let nodes = start(&site, &mut disk, (0, Tick::ZERO));
        Server { site, nodes, disk, starts: 0, zero: Tick::ZERO }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.site.address
    }

    /// The domain it serves.
    pub fn domain(&self) -> &str {
        &self.site.domain
    }

    /// How many bindings it keeps.
    pub fn bindings(&self) -> u64 {
        self.figure("bindings")
    }

    /// A figure by its name, of all workers together.
    pub fn figure(&self, wanted: &str) -> u64 {
        let figures = self.nodes.iter().flat_map(Node::figures);
        figures.filter(|(name, _)| *name == wanted).map(|(_, count)| count).sum()
    }

    /// Its nodes, one for each worker.
    pub fn nodes(&mut self) -> &mut [Node] {
        &mut self.nodes
    }

    /// Nobody waits for an answer any more.
    pub fn is_drained(&self) -> bool {
        self.nodes.iter().all(Node::is_drained)
    }

    /// Each binding it has, as `copy` makes it of whose it is, when it ends, and what it is.
    pub fn list<T>(&self, now: Tick, mut copy: impl FnMut(&AddressOfRecord, Tick, &Binding) -> T) -> Vec<T> {
        let (now, zero) = (self.own(now), self.zero);
        let ends = |binding: &Binding| zero + binding.expires().saturating_sub(Tick::ZERO);
        let copy = |address: &_, binding: &_| copy(address, ends(binding), binding);
        // All workers have handles on one table.
        self.nodes.first().map(|node| node.registrar().list(now, usize::MAX, copy)).unwrap_or_default()
    }

    /// How many syncs of its disk failed.
    pub fn failed_syncs(&self) -> u64 {
        self.disk.failed()
    }

    /// It stops in the middle of everything.
    pub(crate) fn crash(&mut self) {
        self.disk.crash();
    }

    /// Starts again with nothing but what the disk kept.
    pub(crate) fn restart(&mut self, now: Tick) {
        self.starts += 1;
        self.zero = now;
        self.nodes = start(&self.site, &mut self.disk, (self.starts, now));
        self.tick(now);
    }

    /// The time as its nodes count it.
    fn own(&self, now: Tick) -> Tick {
        Tick::ZERO + now.saturating_sub(self.zero)
    }

    /// Which worker reads a datagram follows from its source, as the system spreads them.
    pub fn receive(&mut self, now: Tick, flow: Flow, datagram: Bytes) {
        let [.., last] = match flow.remote.ip() {
            IpAddr::V4(ip) => ip.to_ipv6_mapped().octets(),
            IpAddr::V6(ip) => ip.octets(),
        };
        let own = self.own(now);
        let reader = (usize::from(last) + usize::from(flow.remote.port())) % self.nodes.len();
        if let Some(node) = self.nodes.get_mut(reader) {
            node.receive(own, flow, datagram);
        }
        self.carry(now);
    }

    pub(crate) fn unreachable(&mut self, now: Tick, flow: Flow) {
        let own = self.own(now);
        self.nodes.iter_mut().for_each(|node| node.unreachable(own, flow));
        self.carry(now);
    }

    pub(crate) fn tick(&mut self, now: Tick) {
        let own = self.own(now);
        self.nodes.iter_mut().for_each(|node| node.tick(own));
        self.sync(now);
        self.carry(now);
    }

    /// What the disk has, or has not, is told to those who wait for it.
    fn sync(&mut self, now: Tick) {
        let own = self.own(now);
        while let Some(outcome) = self.disk.poll(now) {
            if let Some(node) = self.nodes.first() {
                node.registrar().settle(&outcome);
            }
            if !outcome.is_durable {
                self.disk.recovered();
            }
            for (number, node) in self.nodes.iter_mut().enumerate() {
                if outcome.owners >> number & 1 == 1 {
                    node.committed(own, outcome);
                }
            }
        }
    }

    /// Brings to each worker what others have for it.
    fn carry(&mut self, now: Tick) {
        let own = self.own(now);
        while let Some((to, crossing)) = self.nodes.iter_mut().find_map(Node::poll_crossing) {
            if let Some(node) = self.nodes.get_mut(usize::from(to)) {
                node.crossed(own, crossing);
            }
        }
    }

    pub(crate) fn deadline(&self) -> Option<Tick> {
        let since_zero = |own: Tick| self.zero + own.saturating_sub(Tick::ZERO);
        let nodes = self.nodes.iter().filter_map(Node::poll_deadline).map(since_zero);
        nodes.chain(self.disk.deadline()).min()
    }

    /// The next datagram; names and places that the nodes ask for are found and reached first.
    pub fn transmit(&mut self, now: Tick) -> Option<Transmit> {
        let own = self.own(now);
        self.sync(now);
        for index in 0..self.nodes.len() {
            let Some(node) = self.nodes.get_mut(index) else { continue };
            loop {
                if let Some((number, query)) = node.poll_query() {
                    if let Some(answer) = self.site.answer(&query) {
                        node.resolved(own, number, answer);
                    }
                } else if let Some((token, place)) = node.poll_reach() {
                    node.reached(own, token, self.site.flow_to(&place));
                } else {
                    break;
                }
            }
            if let Some(transmit) = node.poll_transmit() {
                return Some(transmit);
            }
        }
        self.carry(now);
        None
    }

    /// What it still holds, bindings aside; `None`: nothing.
    pub(crate) fn leftover(&self) -> Option<String> {
        (!self.nodes.iter().all(Node::is_idle)).then(|| {
            let figures = OPEN.map(|name| (name, self.figure(name)));
            let open = figures.iter().filter(|(_, count)| *count > 0);
            open.map(|(name, count)| format!("{count} {name}")).collect::<Vec<_>>().join(", ")
        })
    }
}

/// The figures of a node that must be zero when nothing goes on.
const OPEN: [&str; 2] = ["transactions open", "requests in the proxy"];

/// The nodes of a process that starts for the so manieth time, and when.
fn start(site: &Site, disk: &mut Disk, (starts, at): (u64, Tick)) -> Vec<Node> {
    let entropy = |part: u64| Entropy::from_seed(seed_of(site.seed, 1_000 + starts * 10 + part));
    let accounts = Accounts::load(Store::memory()).expect("an empty store loads");
    for (user, secret) in &site.users {
        accounts.add(&site.domain, user, secret).expect("a good name and secret");
    }
    let ourselves = Ourselves {
        domains: vec![if site.is_open { Domain::open(&site.domain) } else { Domain::new(&site.domain) }],
        listeners: vec![Listener::new(Transport::Udp, site.address)],
    };
    let ways = Ways::new(ourselves.listeners.iter().map(|one| (one.transport, one.bind.ip())));
    // The key of nonces is new at each start, those of dialog tokens and GRUUs are kept.
    let gruus = Gruus::new(&seed_of(site.seed, 3_001));
    let keys = Keys { nonce: seed_of(site.seed, 2_000 + starts), dialog: seed_of(site.seed, 3_000) };
    let limits = ruf_admission::Limits::default();
    let policy = Policy { guests: site.guests, ..Policy::default() };
    let servers_max = if site.is_full { 0 } else { ruf_transaction::Limits::default().servers_max };
    let epoch = Epoch { zero_micros: BEGIN_MICROS + at.as_micros() };
    let limits_of_bindings = ruf_registrar::Limits::default();
    let (registrar, loaded) =
        Registrar::load(limits_of_bindings, gruus, entropy(2), disk.open(), (epoch, Tick::ZERO))
            .expect("memory can be read");
    assert_eq!((loaded.unreadable, loaded.damaged_bytes), (0, 0), "the disk kept what is no record");
    let nonces = SharedNonces::new(&limits);
    let node = |seat: Seat| {
        let part = |part: u64| entropy(part + u64::from(seat.index()) * 1_000_000);
        let mut transactions = Transactions::new(
            ruf_transaction::Limits { servers_max, ..Default::default() },
            Timers::default(),
            part(0),
        );
        if let Some(mutant) = site.mutant {
            transactions.plant(mutant);
        }
        let (ourselves, nonces) = (ourselves.clone(), Box::new(nonces.clone()));
        Node::new(Parts {
            transactions,
            gate: Gate::of_worker(ourselves, policy.clone(), &limits, &keys, nonces, part(1)),
            locator: Locator::new(ruf_locate::Limits::default(), ways.clone(), part(3)),
            proxy: Proxy::new(ruf_proxy::Limits::default()),
            registrar: registrar.of_worker(seat.index()),
            accounts: accounts.clone(),
            plan: DialPlan { elsewhere: site.elsewhere.clone(), ..DialPlan::default() },
            overload: Overload::new(part(5)),
            neighbours: Neighbours::new(site.neighbours.clone(), part(6)),
            seat,
        })
    };
    Seat::of_all(site.workers, &mut entropy(4)).into_iter().map(node).collect()
}
