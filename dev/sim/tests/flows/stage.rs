//! A server and its phones, registered and ready; and the assertion of a ladder, which is also the
//! page in docs/flows.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use ruf_agent::{Agent, AgentEvent, Body, CallKey, DialogId, EndReason, Settings};
use ruf_events::presence::CONTENT_TYPE;
use ruf_events::{Basic, Presence, SubscriberEvent};
use ruf_locate::{Kind, Query, Record, Srv};
use ruf_message::{Flow, StatusCode, Tick, Transport, Uri};
use ruf_sim::nat::Nat;
use ruf_sim::network::Conditions;
use ruf_sim::trace::{Kind as Said, Summary};
use ruf_sim::{HostId, Server, Sim, Site, check, ladder};

/// Set to `write`, the pages in docs/flows are written instead of compared.
const WRITE: &str = "RUF_FLOWS";
/// How long anything may be waited for.
const PATIENCE: Duration = Duration::from_secs(300);

pub(crate) struct Stage {
    pub(crate) sim: Sim,
    pub(crate) server: HostId,
    pub(crate) alice: HostId,
    pub(crate) bob: HostId,
    /// Datagrams before the flow begins.
    before: usize,
}

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
        let mut stage = Stage::with_bob(|sim, server| {
            sim.phone_as("bob", "bob", "203.0.113.20:5060", None, server, |settings| {
                Settings { joins: true, ..settings }.with_password("bob", &Site::secret("bob"))
            })
        });
        let carol = stage.sim.add_phone("carol", "203.0.113.40:5060", stage.server, &Site::secret("carol"));
        for phone in [stage.alice, stage.bob, carol] {
            stage.register(phone);
        }
        stage.begin();
        (stage, carol)
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

    /// Alice, who has no server, calls somebody where he is; gives her call.
    pub(crate) fn dial_at(&mut self, to: &Uri, body: Option<Body>) -> CallKey {
        let remote =
            SocketAddr::new(to.as_ref().host().and_then(|host| host.ip()).expect("an address"), 5060);
        self.phone(self.alice, |agent, now| {
            agent.aim(Flow { remote, ..agent.way_out() });
            agent.call(now, to, body).expect("room")
        })
    }

    /// Where Bob is without a server.
    pub(crate) fn at_bob() -> Uri {
        "sip:bob@203.0.113.20".parse().expect("a URI")
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

    /// Alice calls Carol, who is far away, and Carol answers.
    pub(crate) fn talk_to_carol(&mut self) {
        let carol: Uri = "sip:carol@far.example".parse().expect("a URI");
        self.phone(self.alice, |agent, now| agent.call(now, &carol, Some(sdp("alice"))).expect("room"));
        let call = self.rings();
        self.hears_ringing();
        self.answer(call);
        self.talks();
        self.hang_up(self.bob, call);
        self.ended(self.alice);
    }

    /// The ladder begins here.
    pub(crate) fn begin(&mut self) {
        self.before = self.sim.trace().sights.len();
    }

    pub(crate) fn register(&mut self, phone: HostId) {
        self.phone(phone, |agent, now| agent.register(now, 3600));
        self.until(phone, |event| matches!(event, AgentEvent::Registered { .. }).then_some(()));
    }

    pub(crate) fn phone<R>(&mut self, phone: HostId, act: impl FnOnce(&mut Agent, Tick) -> R) -> R {
        self.sim.phone(phone, act)
    }

    /// Alice calls; gives her call.
    pub(crate) fn dial(&mut self, whom: &str) -> CallKey {
        self.dial_uri(&uri(whom))
    }

    pub(crate) fn dial_uri(&mut self, uri: &Uri) -> CallKey {
        self.phone(self.alice, |agent, now| agent.call(now, uri, Some(sdp("alice"))).expect("room"))
    }

    /// Bob's phone starts to ring; gives his call.
    pub(crate) fn rings(&mut self) -> CallKey {
        self.rings_at(self.bob)
    }

    /// This phone starts to ring; gives its call.
    pub(crate) fn rings_at(&mut self, phone: HostId) -> CallKey {
        let call = self.until(phone, |event| match event {
            AgentEvent::Incoming { call, .. } => Some(*call),
            _ => None,
        });
        self.phone(phone, |agent, now| agent.ring(now, call));
        call
    }

    /// Alice hears it ring.
    pub(crate) fn hears_ringing(&mut self) {
        self.until(self.alice, |event| matches!(event, AgentEvent::Ringing { .. }).then_some(()));
    }

    /// Bob answers.
    pub(crate) fn answer(&mut self, call: CallKey) {
        self.answer_at(self.bob, call);
    }

    /// Somebody answers at this phone.
    pub(crate) fn answer_at(&mut self, phone: HostId, call: CallKey) {
        self.phone(phone, |agent, now| agent.answer(now, call, Some(sdp("bob"))));
    }

    /// Somebody refuses at this phone.
    pub(crate) fn refuse_at(&mut self, phone: HostId, call: CallKey, status: StatusCode) {
        self.phone(phone, |agent, now| agent.reject(now, call, status));
    }

    /// Alice hears that Bob answered; her ACK is on its way.
    pub(crate) fn hears_answer(&mut self) {
        self.until(self.alice, |event| matches!(event, AgentEvent::Answered { .. }).then_some(()));
    }

    /// Bob's answer is confirmed: both may talk.
    pub(crate) fn talks(&mut self) {
        self.hears_answer();
        self.is_acknowledged();
    }

    /// Alice's ACK comes to Bob.
    pub(crate) fn is_acknowledged(&mut self) {
        self.until(self.bob, |event| matches!(event, AgentEvent::Acknowledged { .. }).then_some(()));
    }

    /// Alice calls Bob, who rings and answers; gives both calls.
    pub(crate) fn talk(&mut self) -> (CallKey, CallKey) {
        let alice = self.dial("bob");
        let bob = self.rings();
        self.hears_ringing();
        self.answer(bob);
        self.talks();
        (alice, bob)
    }

    pub(crate) fn hang_up(&mut self, phone: HostId, call: CallKey) {
        self.phone(phone, |agent, now| agent.hang_up(now, call));
    }

    /// How the call ended for this phone.
    pub(crate) fn ended(&mut self, phone: HostId) -> EndReason {
        self.until(phone, |event| match event {
            AgentEvent::Ended { reason, .. } => Some(*reason),
            _ => None,
        })
    }

    /// The dialog that was opened last, as its caller names it.
    pub(crate) fn dialog_of_caller(&self) -> DialogId {
        let DialogId { call_id, local_tag, remote_tag } = self.dialog_of_callee();
        DialogId { call_id, local_tag: remote_tag, remote_tag: local_tag }
    }

    /// The same, as its callee names it.
    pub(crate) fn dialog_of_callee(&self) -> DialogId {
        let opens = |message: &&Summary| {
            let is_answer = matches!(message.kind, Said::Response(status) if status.is_success() || status.is_provisional());
            is_answer && message.method == "INVITE" && !message.to_tag.is_empty()
        };
        let last = self.sim.trace().messages().map(|(_, message)| message).filter(opens).last();
        let octets = |text: &String| text.as_bytes().into();
        let name = last.map(|last| DialogId {
            call_id: octets(&last.call_id),
            local_tag: octets(&last.to_tag),
            remote_tag: octets(&last.from_tag),
        });
        name.expect("a dialog")
    }

    /// Time passes until the phone is told something of which `wanted` makes something.
    pub(crate) fn until<R>(&mut self, phone: HostId, wanted: impl Fn(&AgentEvent) -> Option<R>) -> R {
        let deadline = self.sim.now() + PATIENCE;
        loop {
            while let Some(event) = self.sim.happened(phone) {
                if let Some(found) = wanted(&event) {
                    return found;
                }
            }
            if self.sim.now() > deadline || !self.sim.step() {
                let name = self.sim.name(phone).to_owned();
                panic!("{name} waits in vain\n{}", ladder::drawing(&self.sim, self.before));
            }
        }
    }

    /// What the next document says that this phone is told of whom it watches.
    pub(crate) fn reads(&mut self, phone: HostId) -> String {
        self.until(phone, |event| match event {
            AgentEvent::Watch { event: SubscriberEvent::Notified { body: Some(body), .. }, .. } => {
                Presence::read(&body.content).expect("a document").note().map(str::to_owned)
            }
            _ => None,
        })
    }

    pub(crate) fn pass_ms(&mut self, ms: u64) {
        self.sim.pass(Duration::from_millis(ms));
    }

    /// The last timer of everything that was said has fired.
    pub(crate) fn settle(&mut self) {
        self.sim.pass(Duration::from_secs(80));
    }

    /// Plays to the end and asserts the ladder, that every checker is content, and the page in
    /// docs/flows. `flow` is its file name, `title` its first line, the rest of `says` its text.
    pub(crate) fn expect(mut self, flow: &str, says: &str, expected: &str) {
        self.settle();
        let line = ladder::line(&self.sim, self.before);
        let drawing = ladder::drawing(&self.sim, self.before);
        let expected = expected.split_whitespace().collect::<Vec<_>>().join(" ");
        assert_eq!(line, expected, "\n{drawing}");
        assert_eq!(check::findings(&self.sim), [""; 0], "\n{drawing}");
        page(flow, says, &line, &drawing);
    }
}

fn page(flow: &str, says: &str, line: &str, drawing: &str) {
    let (title, text) = says.split_once('\n').unwrap_or((says, ""));
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let text = if text.is_empty() { text } else { format!("{text}\n\n") };
    let page = format!(
        "# {title}\n\n{text}`{line}`\n\n```text\n{drawing}```\n\n\
         Made from the simulated trace by `dev/sim/tests/flows/{flow}.rs`; seconds on the left.\n"
    );
    let path: PathBuf =
        [env!("CARGO_MANIFEST_DIR"), "..", "..", "docs", "flows", &format!("{flow}.md")].iter().collect();
    if std::env::var_os(WRITE).is_some_and(|value| value == "write") {
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("docs/flows can be made");
        std::fs::write(&path, page).expect("the page can be written");
        return;
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(kept == page, "docs/flows/{flow}.md is stale: run `{WRITE}=write cargo test -p ruf-sim`");
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

/// `name@example.org`.
pub(crate) fn uri(name: &str) -> Uri {
    format!("sip:{name}@example.org").parse().expect("a URI")
}

/// A document of Bob's presence that says this.
pub(crate) fn document(note: &str) -> Body {
    let presence = Presence::new("sip:bob@example.org", "sip:bob@example.org", Basic::Open).saying(note);
    Body { content_type: CONTENT_TYPE.to_owned(), content: presence.write().into() }
}

/// A description that nobody here reads.
pub(crate) fn sdp(of: &str) -> Body {
    Body::sdp(format!("v=0\r\no={of} 1 1 IN IP4 192.0.2.1\r\ns=-\r\nt=0 0\r\n"))
}
