//! What clients were told of their bindings is what a restart finds: registrations of two users, syncs
//! that are slow or fail, and crashes, all drawn from a seed.
//!
//! Of one address-of-record the server takes the requests in the order in which they come, and what is on
//! the disk of them is a beginning of that order. So after a crash its bindings are what they were by the
//! last 200, or that and some of the first requests behind it that were never answered; nothing else. A
//! 200 lists what its request made of that, and a 500 made nothing of it.
//!
//! Not here: what the disk does (`disk.rs`), the clients (`registrant.rs`), calls (`scenario.rs`).

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::time::Duration;

use ruf_message::{Entropy, Message, Method, Tick};

use crate::check;
use crate::disk::Speed;
use crate::network::Conditions;
use crate::registrant::{Registrant, Wish};
use crate::server::{Server, Site};
use crate::sim::{HostId, Sim, flow, seed_of};
use crate::trace::Kind;
use crate::verdict::{self, Run, Settings};

/// Each has three clients.
const USERS: [&str; 2] = ["alice", "bob"];
const CLIENTS_OF_USER: u8 = 3;
/// How long clients register.
const PLAY_MS: u64 = 60_000;
/// After that everybody waits for the last timer.
const REST: Duration = Duration::from_secs(80);
/// How far an end may be from what was told: times are told in whole seconds.
const SECOND: Duration = Duration::from_secs(1);

/// What is drawn.
#[derive(Debug)]
struct Plan {
    speed: Speed,
    /// When the server crashes, and for how long it is away, in milliseconds.
    crashes: Vec<(u64, u64)>,
}

impl Plan {
    fn draw(entropy: &mut Entropy) -> Self {
        let mut below = |n: u64| entropy.u64() % n;
        let sync_ms = if below(2) == 0 { 1..=40 } else { 10..=900 };
        let fails_percent = if below(2) == 0 { 0 } else { 10 };
        let crashes = (0..1 + below(3)).map(|nth| (nth * 20_000 + 1 + below(15_000), below(4_000))).collect();
        Plan { speed: Speed { sync_ms, fails_percent, is_hasty: false }, crashes }
    }
}

/// A contact's binding.
#[derive(Clone, PartialEq, Eq)]
struct Bound {
    ends: Tick,
    path: Option<String>,
    instance: Option<String>,
}

/// The bindings of an address-of-record by their contacts.
#[derive(Clone, Default, PartialEq, Eq)]
struct Bindings(BTreeMap<String, Bound>);

/// A REGISTER that came to the server in this life of it.
struct Came {
    at: Tick,
    branch: String,
    client: usize,
    wish: Wish,
    /// The status, and the octets, of the answer that left.
    answer: Option<(u16, bytes::Bytes)>,
}

struct Play {
    sim: Sim,
    server: HostId,
    clients: Vec<HostId>,
    speed: Speed,
    /// Who asked for what, by the branch.
    wishes: BTreeMap<String, (usize, Wish)>,
    /// When this life of the server began, what it found then by users, and how many came before.
    since: Tick,
    found: BTreeMap<&'static str, Bindings>,
    lives: u64,
    findings: Vec<String>,
}

/// Runs one seed.
pub fn run(seed: u64, settings: Settings) -> Run {
    let mut entropy = Entropy::from_seed(seed_of(seed, 30_000));
    let plan = Plan::draw(&mut entropy);
    let mut play = Play::new(seed, settings, &plan.speed);
    play.play(&plan, &mut entropy);
    play.sim.pass(REST);
    let mut findings = check::findings(&play.sim);
    play.crash(Duration::ZERO);
    findings.append(&mut play.findings);
    let verdict = verdict::judge(&play.sim, Vec::new(), findings);
    Run { plan: format!("{plan:?}"), sim: play.sim, verdict }
}

impl Play {
    fn new(seed: u64, settings: Settings, speed: &Speed) -> Self {
        let mut sim = Sim::new(seed, Conditions::rough(settings.loss_percent));
        let site = settings.site(seed, &USERS);
        let disk = Speed { is_hasty: site.disk.is_hasty, ..speed.clone() };
        let server = Server::new(Site { is_open: true, disk, ..site });
        let address = server.address();
        let server = sim.add_server(server);
        let mut clients = Vec::new();
        for (number, letter) in (0..).zip(["a", "b", "c", "x", "y", "z"]) {
            let user = if number < CLIENTS_OF_USER { "alice" } else { "bob" };
            let local = ([203, 0, 113, 50 + number], 5060).into();
            let mut client = Registrant::new(user, flow(local, address));
            match number % CLIENTS_OF_USER {
                0 => {}
                1 => client.path = Some(format!("<sip:edge@{};lr>", local.ip())),
                _ => client.instance = Some(format!("urn:uuid:00000000-0000-4000-8000-00000000000{number}")),
            }
            clients.push(sim.add_registrant(letter, client));
        }
        let (wishes, found) = (BTreeMap::new(), BTreeMap::new());
        let speed = speed.clone();
        let since = Tick::ZERO;
        Play { sim, server, clients, speed, wishes, since, found, lives: 0, findings: Vec::new() }
    }

    /// Clients register when they like to, and the server crashes in between.
    fn play(&mut self, plan: &Plan, entropy: &mut Entropy) {
        let mut below = |n: u64| entropy.u64() % n;
        let mut crashes = plan.crashes.iter().peekable();
        let mut at_ms = 0;
        while at_ms < PLAY_MS {
            at_ms += 1 + below(600);
            if let Some((crash_ms, away_ms)) = crashes.next_if(|(crash_ms, _)| *crash_ms <= at_ms) {
                self.sim.advance(at(*crash_ms));
                self.crash(Duration::from_millis(*away_ms));
            }
            self.sim.advance(at(at_ms));
            let client = usize::try_from(below(self.clients.len() as u64)).unwrap_or_default();
            let wish = match below(12) {
                0..3 => Wish::Bind { secs: 60 + below(20) as u32 },
                3..6 => Wish::Bind { secs: 60 + below(3_000) as u32 },
                6..8 => Wish::Remove,
                8..10 => Wish::Star,
                _ => Wish::Ask,
            };
            self.register(client, wish);
        }
    }

    /// Unless it still waits for an answer.
    fn register(&mut self, client: usize, wish: Wish) {
        let Some(&host) = self.clients.get(client) else { return };
        if !self.sim.registrant(host).is_waiting() {
            let branch = self.sim.register(host, wish);
            self.wishes.insert(branch, (client, wish));
        }
    }

    /// The server crashes, is away, and starts again; and what it found is compared.
    fn crash(&mut self, away: Duration) {
        self.sim.crash(self.server);
        let came = self.came();
        let may_be = USERS.map(|user| {
            let of_user = came.iter().filter(|came| self.client(came.client).user == user);
            let of_user: Vec<&Came> = of_user.collect();
            (user, self.may_be(user, &of_user))
        });
        self.sim.pass(away);
        self.sim.restart(self.server);
        let kept = self.kept();
        for (user, may_be) in may_be {
            let kept = kept.get(user).cloned().unwrap_or_default();
            let now = self.sim.now();
            if !may_be.iter().any(|bindings| kept.is_like(bindings, now)) {
                let may_be: Vec<String> =
                    may_be.iter().map(|bindings| bindings.at(now).to_string()).collect();
                self.findings.push(format!(
                    "after the restart at {now} {user} has {kept}, and should have {}",
                    may_be.join(" or ")
                ));
            }
            // Two that may be can be alike: what is there now is what the next answers start from.
            self.found.insert(user, kept);
        }
        (self.since, self.lives) = (self.sim.now(), self.lives + 1);
    }

    fn client(&self, client: usize) -> &Registrant {
        self.sim.registrant(*self.clients.get(client).expect("a client of this play"))
    }

    /// What came in this life, in its order, each request once.
    fn came(&self) -> Vec<Came> {
        let (from, to) = (self.since, self.sim.now());
        let mut came: Vec<(Tick, usize, &str)> = Vec::new();
        let mut answers = BTreeMap::new();
        for (index, (sight, message)) in self.sim.trace().messages().enumerate() {
            match message.kind {
                Kind::Request(Method::Register) => {
                    let alive = sight.arrivals.iter().filter(|at| (from..to).contains(*at));
                    came.extend(alive.map(|at| (*at, index, message.branch.as_str())));
                }
                Kind::Response(status) if status.is_final() && sight.at >= from => {
                    answers.entry(message.branch.as_str()).or_insert((status.as_u16(), sight.bytes.clone()));
                }
                Kind::Request(_) | Kind::Response(_) => {}
            }
        }
        came.sort_unstable();
        let mut seen = BTreeSet::new();
        came.retain(|(_, _, branch)| seen.insert(*branch));
        let whole = |(at, _, branch): (Tick, usize, &str)| {
            let (client, wish) = *self.wishes.get(branch)?;
            Some(Came { at, branch: branch.to_owned(), client, wish, answer: answers.get(branch).cloned() })
        };
        came.into_iter().filter_map(whole).collect()
    }

    /// What the server has, by users.
    fn kept(&mut self) -> BTreeMap<String, Bindings> {
        let (now, server) = (self.sim.now(), self.server);
        let mut kept: BTreeMap<String, Bindings> = BTreeMap::new();
        let text = |octets: &[u8]| String::from_utf8_lossy(octets).into_owned();
        let listed = self.sim.server(server).list(now, |address, ends, binding| {
            let user = address.as_str().split('@').next().unwrap_or_default().to_owned();
            let path = Some(text(binding.path())).filter(|path| !path.is_empty());
            let instance = binding.instance().map(|instance| text(&instance));
            (user, binding.contact().to_string(), Bound { ends, path, instance })
        });
        for (user, contact, bound) in listed {
            kept.entry(user).or_default().0.insert(contact, bound);
        }
        kept
    }

    /// All that a user's bindings may be after a crash.
    fn may_be(&mut self, user: &'static str, came: &[&Came]) -> Vec<Bindings> {
        let mut bindings = self.found.get(user).cloned().unwrap_or_default();
        let told = came.iter().rposition(|came| came.is_done()).map_or(0, |last| last + 1);
        let (certain, open) = came.split_at(told);
        for came in certain {
            self.is_answered(came);
            if came.answer.is_none() || came.is_done() {
                bindings.apply(came, self.client(came.client));
            }
            if let Some((200, octets)) = &came.answer {
                let listed = listed(octets, came.at);
                if !listed.is_told(&bindings, came.at) {
                    let should = bindings.at(came.at);
                    self.findings.push(format!("{} was told {listed} of {should}", came.branch));
                }
            }
        }
        let mut may_be = vec![bindings.clone()];
        for came in open {
            self.is_answered(came);
            if came.answer.is_none() {
                bindings.apply(came, self.client(came.client));
                may_be.push(bindings.clone());
            }
        }
        may_be
    }

    /// Nobody waits for longer than two syncs take, and nobody is refused without a cause.
    fn is_answered(&mut self, came: &Came) {
        let syncs = Duration::from_millis(2 * self.speed.sync_ms.end() + 1);
        let finding = match &came.answer {
            None if self.sim.now() <= came.at + syncs => return,
            None => "was never answered".to_owned(),
            Some((200, _)) => return,
            // The disk failed; or this is a REGISTER that came before a crash, again.
            Some((500, _)) if self.lives > 0 || self.speed.fails_percent > 0 => return,
            Some((status, _)) => format!("was answered {status}"),
        };
        self.findings.push(format!("{} {finding}", came.branch));
    }
}

impl Came {
    fn is_done(&self) -> bool {
        matches!(self.answer, Some((200, _)))
    }
}

impl Bindings {
    /// What a request makes of them when it comes.
    fn apply(&mut self, came: &Came, client: &Registrant) {
        *self = self.at(came.at);
        match came.wish {
            Wish::Bind { secs } => {
                let ends = came.at + Duration::from_secs(secs.into());
                let Registrant { path, instance, .. } = client.clone();
                self.0.insert(client.contact.clone(), Bound { ends, path, instance });
            }
            Wish::Remove => drop(self.0.remove(&client.contact)),
            Wish::Star => self.0.clear(),
            Wish::Ask => {}
        }
    }

    /// Those that have not ended by then.
    fn at(&self, now: Tick) -> Bindings {
        let live = self.0.iter().filter(|(_, bound)| bound.ends > now);
        Bindings(live.map(|(contact, bound)| (contact.clone(), bound.clone())).collect())
    }

    /// The same contacts, with the same path and instance, that end within a second of each other.
    fn is_like(&self, other: &Bindings, now: Tick) -> bool {
        self.matches(&other.at(now), |one, other| one == other)
    }

    /// As [`Bindings::is_like`] for what a 200 lists, which has no path.
    fn is_told(&self, other: &Bindings, now: Tick) -> bool {
        self.matches(&other.at(now), |_, _| true)
    }

    fn matches(&self, other: &Bindings, paths: impl Fn(&Option<String>, &Option<String>) -> bool) -> bool {
        self.0.len() == other.0.len()
            && self.0.iter().zip(&other.0).all(|((contact, one), (other_contact, other))| {
                let apart = one.ends.saturating_sub(other.ends).max(other.ends.saturating_sub(one.ends));
                contact == other_contact
                    && one.instance == other.instance
                    && apart <= SECOND
                    && paths(&one.path, &other.path)
            })
    }
}

impl fmt::Display for Bindings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[")?;
        for (contact, Bound { ends, path, instance }) in &self.0 {
            let (path, instance) = (path.as_deref().unwrap_or("-"), instance.as_deref().unwrap_or("-"));
            write!(f, " {contact} until {ends} {path} {instance}")?;
        }
        f.write_str(" ]")
    }
}

/// What a 200 lists, as of `at`.
fn listed(octets: &bytes::Bytes, at: Tick) -> Bindings {
    let text = |octets: &[u8]| String::from_utf8_lossy(octets).into_owned();
    let mut listed = Bindings::default();
    if let Ok(Message::Response(response)) = Message::parse(octets.clone()) {
        for contact in response.contacts() {
            let (Some(uri), Some(secs)) = (contact.uri(), contact.expires_secs()) else { continue };
            let instance = contact.address().and_then(|address| Some(text(&address.instance()?)));
            let ends = at + Duration::from_secs(secs.into());
            listed.0.insert(uri.to_string(), Bound { ends, path: None, instance });
        }
    }
    listed
}

fn at(ms: u64) -> Tick {
    Tick::from_micros(ms * 1_000)
}
