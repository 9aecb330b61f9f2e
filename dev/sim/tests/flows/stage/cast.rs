//! Who is on the stage when a flow begins: a server or none, and which phones.

use ruf_agent::Settings;
use ruf_locate::{Kind, Query, Record, Srv};
use ruf_message::{Flow, Transport};
use ruf_sim::nat::Nat;
use ruf_sim::network::Conditions;
use ruf_sim::{HostId, Server, Sim, Site};

use super::Stage;

impl Stage {
    /// Alice and Bob are registered.
    pub(crate) fn registered() -> Self {
        let mut stage = Stage::new();
        stage.register(stage.alice);
        stage.register(stage.bob);
        stage.begin();
        stage
    }

    /// Alice and Bob are there, and nobody has said anything.
    pub(crate) fn new() -> Self {
        Stage::with_bob(|sim, server| sim.add_phone("bob", "203.0.113.20:5060", server, &Site::secret("bob")))
    }

    /// Alice and Bob are registered, and Bob has a second phone, `tablet`.
    pub(crate) fn with_tablet() -> (Self, HostId) {
        let mut stage = Stage::new();
        let secret = Site::secret("bob");
        let tablet =
            stage.sim.add_phone_of("bob", "tablet", "203.0.113.30:5060", None, stage.server, &secret);
        for phone in [stage.alice, stage.bob, tablet] {
            stage.register(phone);
        }
        stage.begin();
        (stage, tablet)
    }

    /// Alice, Bob and Carol are registered; gives Carol's phone.
    pub(crate) fn with_carol() -> (Self, HostId) {
        let mut stage = Stage::new();
        let carol = stage.sim.add_phone("carol", "203.0.113.40:5060", stage.server, &Site::secret("carol"));
        for phone in [stage.alice, stage.bob, carol] {
            stage.register(phone);
        }
        stage.begin();
        (stage, carol)
    }

    /// The same, and Bob's phone mixes.
    pub(crate) fn with_mixer() -> (Self, HostId) {
        let mut stage = Stage::with_bob_as(|settings| Settings { joins: true, ..settings });
        let carol = stage.sim.add_phone("carol", "203.0.113.40:5060", stage.server, &Site::secret("carol"));
        for phone in [stage.alice, stage.bob, carol] {
            stage.register(phone);
        }
        stage.begin();
        (stage, carol)
    }

    /// Alice is there, and Bob, whose phone is changed like this; nobody has said anything.
    fn with_bob_as(change: impl FnOnce(Settings) -> Settings) -> Self {
        Stage::with_bob(|sim, server| {
            sim.phone_as("bob", "bob", "203.0.113.20:5060", None, server, |settings| {
                change(settings).with_password("bob", &Site::secret("bob"))
            })
        })
    }

    /// Alice and Bob are registered, and Bob's user is asked who may watch him.
    pub(crate) fn with_consent() -> Self {
        let mut stage = Stage::with_bob_as(|settings| Settings { asks_consent: true, ..settings });
        stage.register(stage.alice);
        stage.register(stage.bob);
        stage.begin();
        stage
    }

    /// Alice and Bob have no server.
    pub(crate) fn alone() -> Self {
        let mut sim = Sim::new(7, Conditions::fair());
        let alice = sim.add_phone_alone("alice", direct("alice", "192.0.2.10:5060"));
        let bob = sim.add_phone_alone("bob", direct("bob", "203.0.113.20:5060"));
        // Nobody asks for one.
        Stage { sim, server: alice, alice, bob, before: 0 }
    }

    /// Another phone without a server.
    pub(crate) fn add_alone(&mut self, name: &str, address: &str) -> HostId {
        self.sim.add_phone_alone(name, direct(name, address))
    }

    /// Neither has a server, and Alice's phone is none of ours.
    pub(crate) fn alone_with_foreign(address: &str) -> Self {
        let mut sim = Sim::new(7, Conditions::fair());
        let alice = sim.add_foreign("alice", address);
        let bob = sim.add_phone_alone("bob", direct("bob", "203.0.113.20:5060"));
        // Nobody asks for one.
        Stage { sim, server: alice, alice, bob, before: 0 }
    }

    /// Bob is registered with a server that asks nobody for a password, and somebody asks where he is, with what is
    /// none of our phones: it stands in the place of Alice.
    pub(crate) fn asked_where_bob_is(address: &str) -> Self {
        let mut sim = Sim::new(7, Conditions::fair());
        let site = Site { is_open: true, ..Site::new(7, &["bob"]) };
        let server = sim.add_server(Server::new(site));
        let alice = sim.add_foreign("query", address);
        let bob = sim.add_phone("bob", "203.0.113.20:5060", server, "");
        let mut stage = Stage { sim, server, alice, bob, before: 0 };
        stage.register(bob);
        stage.begin();
        stage
    }

    /// Bob is registered with a server that asks nobody for a password, and all that Alice sends goes to a gateway that
    /// is none of ours; gives that.
    pub(crate) fn behind_gateway(address: &str) -> (Self, HostId) {
        let mut sim = Sim::new(7, Conditions::fair());
        let site = Site { is_open: true, ..Site::new(7, &["bob"]) };
        let server = sim.add_server(Server::new(site));
        let gateway = sim.add_foreign("gateway", address);
        let alice = sim.add_phone_alone("alice", direct("alice", "192.0.2.10:5060"));
        let bob = sim.add_phone("bob", "203.0.113.20:5060", server, "");
        let mut stage = Stage { sim, server, alice, bob, before: 0 };
        stage.register(bob);
        stage.begin();
        let remote = address.parse().expect("an address and port");
        stage.phone(alice, |agent, _| agent.aim(Flow { remote, ..agent.way_out() }));
        (stage, gateway)
    }

    /// Bob is behind a translator.
    pub(crate) fn behind_nat() -> Self {
        Stage::with_bob(|sim, server| {
            let public = [203, 0, 113, 20].into();
            sim.add_phone_behind_nat("bob", "10.0.0.2:5060", public, server, &Site::secret("bob"))
        })
    }

    /// Bob's phone says which device it is, and is behind a translator.
    pub(crate) fn with_device_behind(nat: Nat) -> Self {
        Stage::with_bob(|sim, server| {
            sim.phone_as("bob", "bob", "10.0.0.2:5060", Some(nat), server, |settings| device(settings, None))
        })
    }

    /// Bob's phone says which device it is.
    pub(crate) fn with_device() -> Self {
        Stage::with_bob(|sim, server| {
            sim.phone_as("bob", "bob", "203.0.113.20:5060", None, server, |settings| device(settings, None))
        })
    }

    /// Bob's phone has two flows to the server, each from an address of its own; gives the second.
    pub(crate) fn with_two_flows() -> (Self, HostId) {
        let flow = |sim: &mut Sim, server: HostId, name: &str, address: &str, reg_id: u32| {
            sim.phone_as("bob", name, address, None, server, |settings| device(settings, Some(reg_id)))
        };
        let mut stage = Stage::with_bob(|sim, server| flow(sim, server, "bob", "203.0.113.20:5060", 1));
        let second = flow(&mut stage.sim, stage.server, "way 2", "203.0.113.21:5060", 2);
        (stage, second)
    }

    fn with_bob(bob: impl FnOnce(&mut Sim, HostId) -> HostId) -> Self {
        let mut sim = Sim::new(7, Conditions::fair());
        let alice = Site::secret("alice");
        let server = sim.add_server(Server::new(Site::new(7, &["alice", "bob", "carol"])));
        let alice = sim.add_phone("alice", "192.0.2.10:5060", server, &alice);
        let bob = bob(&mut sim, server);
        Stage { sim, server, alice, bob, before: 0 }
    }

    /// Alice is registered here, and Carol at `far.example`, whose first server is `first`, a neighbour with
    /// which overload is agreed, and whose second one, `good`, serves. Carol stands in the place of Bob.
    pub(crate) fn far_away(is_full: bool) -> (Self, HostId) {
        Stage::far_away_of(Site::new(7, &["alice"]).workers, is_full)
    }

    /// The same, with so many workers here.
    pub(crate) fn far_away_of(workers: u8, is_full: bool) -> (Self, HostId) {
        let mut sim = Sim::new(7, Conditions::fair());
        let elsewhere = ["far.example", "silent.example"].map(str::to_owned).into();
        let silent = vec!["silent.example".to_owned()];
        let neighbours = vec!["198.51.100.11".parse().expect("an address")];
        let alices = Site::new(7, &["alice"]);
        let here = Site { elsewhere, zone: zone_of_far(), silent, neighbours, workers, ..alices };
        let server = sim.add_server(Server::new(here));
        let far = |last, is_full| Site {
            domain: "far.example".into(),
            address: ([198, 51, 100, last], 5060).into(),
            guests: true,
            is_full,
            neighbours: vec!["198.51.100.1".parse().expect("an address")],
            ..Site::new(8, &["carol"])
        };
        let first = sim.add_server_named("first", Server::new(far(11, is_full)));
        let good = sim.add_server_named("good", Server::new(far(12, false)));
        let alice = sim.add_phone("alice", "192.0.2.10:5060", server, &Site::secret("alice"));
        let carol = sim.add_phone("carol", "203.0.113.20:5060", good, &Site::secret("carol"));
        let mut stage = Stage { sim, server, alice, bob: carol, before: 0 };
        stage.register(alice);
        stage.register(carol);
        stage.begin();
        (stage, first)
    }
}

/// Which device Bob's phone says it is.
pub(crate) const DEVICE: &str = "urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6";

/// A phone without a server.
fn direct(name: &str, address: &str) -> Settings {
    let local = address.parse().expect("an address");
    let flow = Flow { transport: Transport::Udp, listener: 0, local, remote: local, connection: 0 };
    let aor = format!("sip:{name}@{}", local.ip()).parse().expect("a URI");
    Settings { has_server: false, any_user: true, ..Settings::new(aor, flow) }
}

fn device(settings: Settings, reg_id: Option<u32>) -> Settings {
    let settings = Settings { instance: Some(DEVICE.to_owned()), reg_id, ..settings };
    settings.with_password("bob", &Site::secret("bob"))
}

/// `far.example` has two servers for UDP, one before the other.
fn zone_of_far() -> Vec<(Query, Record)> {
    let server = |priority, name: &str, last| {
        let host = format!("{name}.far.example");
        let srv = Srv { priority, weight: 0, port: 5060, target: host.clone() };
        let address = std::net::Ipv4Addr::new(198, 51, 100, last).into();
        [
            (Query::new(Kind::Srv, "_sip._udp.far.example"), Record::Srv(srv)),
            (Query::new(Kind::A, &host), Record::Address(address)),
        ]
    };
    [server(2, "good", 12), server(1, "first", 11)].concat()
}
