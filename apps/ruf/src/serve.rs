//! `ruf serve`: configuration, store, sockets, node, self-test, `ready`, and the way down again.

use std::io::Write;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use ruf_accounts::Accounts;
use ruf_admission::{AddressOfRecord, Domain, Gate, Keys, Neighbours, Ourselves, Overload};
use ruf_message::{Entropy, Flow, FrameError, Place, Tick, Transmit, Transport};
use ruf_net::{Clock, Stop, Unreachable};
use ruf_node::{Node, Parts, Seat, SharedNonces};
use ruf_proxy::Proxy;
use ruf_registrar::{Gruus, Outcome, Registrar};
use ruf_store::Store;
use ruf_transaction::{Timers, Transactions};
use tokio::signal::unix::{SignalKind, signal};

use crate::accounts::Done;
use crate::config::Config;
use crate::control::{self, Answer, BindingLine, Question, StatusLines};
use crate::crew::{Crew, Habits, Lines, Share};
use crate::log::LogLevel;
use crate::metrics::Figures;
use crate::notify::{self, Notify};
use crate::reload::Running;
use crate::{
    EXIT_CONFIG, EXIT_FAILED, EXIT_OK, EXIT_PORT_TAKEN, ServeArgs, certificates, durability, files,
    first_run, http, keys, listeners, settings,
};

/// How long a stopping server waits for what is going on.
const DRAIN: Duration = Duration::from_secs(10);

/// Why the server did not come up: one line, and the exit status.
pub(crate) struct Refused {
    pub(crate) line: String,
    pub(crate) status: u8,
}

impl Refused {
    pub(crate) fn config(line: impl std::fmt::Display) -> Refused {
        Refused { line: line.to_string(), status: EXIT_CONFIG }
    }

    pub(crate) fn failed(line: impl std::fmt::Display) -> Refused {
        Refused { line: line.to_string(), status: EXIT_FAILED }
    }
}

/// `ruf serve`; returns the exit status.
pub(crate) fn serve(args: &ServeArgs) -> u8 {
    match try_serve(args) {
        Ok(()) => EXIT_OK,
        Err(refused) => {
            eprintln!("ruf: {}", refused.line);
            refused.status
        }
    }
}

fn try_serve(args: &ServeArgs) -> Result<(), Refused> {
    let config = settings::of_serve(args).map_err(Refused::config)?;
    let log = LogLevel::begin(&config.log);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Refused::failed(format!("the system gives no event loop: {error}")))?;
    let local = tokio::task::LocalSet::new();
    local.block_on(&runtime, run(args.clone(), config, log))
}

async fn run(args: ServeArgs, config: Config, log: LogLevel) -> Result<(), Refused> {
    let mut signals = Signals::new().map_err(Refused::failed)?;
    let hangups = signal(SignalKind::hangup()).map_err(Refused::failed)?;
    let mut store = Store::open(&config.data).map_err(Refused::config)?;
    let kept = keys::Kept::of(&mut store).map_err(Refused::config)?;
    let opened = listeners::open(&config)?;
    let gruus = Gruus::new(&kept.gruu);
    let clock = Clock::start();
    let bindings = durability::load(&config, &mut store, gruus, clock)?;
    let first_run = first_run::prepare(&config, store)?;
    let ourselves = listeners::ourselves(&config, &first_run.domains, &opened)?;
    let certificates = certificates::open(&config, &ourselves).map_err(Refused::config)?;
    let places: Vec<_> = opened.iter().map(|one| (one.transport, one.bind)).collect();
    let served = |node, written| Served {
        node,
        written,
        places: places.clone(),
        domains: first_run.domains.clone(),
        trouble: bindings.trouble.clone(),
    };
    let mut shares = Vec::new();
    let registrar = &bindings.registrar;
    let nodes = nodes(&config, &ourselves, &first_run.accounts, registrar, &kept);
    let mut written = bindings.written();
    for (node, open) in nodes.into_iter().zip(listeners::by_worker(opened, config.workers)) {
        let node = served(node, written.take());
        shares.push(Share { node, open, dns: crate::finding::dns(&config)? });
    }
    let mut crew = Crew::start(
        shares,
        clock,
        &files::connections(config.limits.connections(), config.workers),
        &certificates,
        Habits { rest: config.rest, trains: config.udp_trains },
        DRAIN,
    )?;
    let lines = crew.lines().clone();
    let writing = bindings.write(lines.clone()).map_err(Refused::failed)?;
    let http = match config.http {
        Some(address) => Some(open_http(address).await?),
        None => None,
    };
    let control = control::open(&config.data).map_err(|error| {
        Refused::config(format!("{}: {error}", control::socket_path(&config.data).display()))
    })?;
    let mut named: Vec<String> = places.iter().map(listeners::place).collect();
    if let Some(http) = http {
        named.extend(http.local_addr().map(|address| format!("http:{address}")));
        tokio::task::spawn_local(http::serve(http, lines.clone()));
    }
    let notify = Notify::from_environment();
    let (authority, self_tests) = (certificates.authority(), config.self_test);
    let socket = control::socket_path(&config.data);
    let running =
        Running { args, config, ourselves, certificates, lines: lines.clone(), log, notify: notify.clone() };
    let reloads = running.attend(hangups);
    tokio::task::spawn_local(control::serve(control, lines.clone(), reloads));
    if self_tests {
        tokio::select! {
            tested = self_test(&places, &first_run.default_domain, &lines) => tested?,
            () = crew.failed() => return Err(Refused::failed("a worker failed")),
            () = signals.next() => return Ok(()),
        }
    }
    first_run::explain(&first_run.new_extensions, &first_run.default_domain, &places, &authority);
    ready(&named);
    notify.ready();
    let watched = tokio::task::spawn_local(feed_watchdog(notify.clone(), lines.clone()));
    tokio::select! {
        () = signals.next() => {}
        () = crew.failed() => return Err(Refused::failed("a worker failed")),
    }
    notify.stopping();
    let ended = stop(crew, signals).await?;
    watched.abort();
    writing.finish();
    if ended == Stop::Cut {
        tracing::info!("ended before everything was drained");
    }
    // A socket that is left behind is replaced at the next start.
    let _ = std::fs::remove_file(socket);
    Ok(())
}

/// The way down: nothing new is begun, what goes on is finished, and a second signal ends at once.
async fn stop(crew: Crew, mut signals: Signals) -> Result<Stop, Refused> {
    tracing::info!("draining, at most {} s; a second signal ends at once", DRAIN.as_secs());
    // None: they have stopped already.
    let _ = crew.lines().ask_each(|served, _| served.node.drain()).await;
    crew.drain();
    let cut = crew.cut();
    let second = tokio::spawn(async move {
        signals.next().await;
        cut();
    });
    let ended = crew.ended().await;
    second.abort();
    ended
}

/// The one line that scripts wait for.
fn ready(places: &[String]) {
    println!("ready {}", places.join(" "));
    // Whoever reads a pipe waits for this line; a reader that is gone is no reason to stop.
    let _ = std::io::stdout().flush();
}

/// Says that the server is alive, as often as the service manager wants it and only while the workers
/// answer.
async fn feed_watchdog(notify: Notify, lines: Lines) {
    let Some(interval) = notify::watchdog_interval() else { return };
    while lines.ask_each(|_, _| ()).await.is_some() {
        notify.alive();
        tokio::time::sleep(interval).await;
    }
}

async fn open_http(address: SocketAddr) -> Result<tokio::net::TcpListener, Refused> {
    tokio::net::TcpListener::bind(address).await.map_err(|error| {
        let is_taken = error.kind() == std::io::ErrorKind::AddrInUse;
        let status = if is_taken { EXIT_PORT_TAKEN } else { EXIT_CONFIG };
        Refused {
            line: format!("http:{address} cannot be opened: {error}; choose another place in [http]"),
            status,
        }
    })
}

struct Signals {
    terminate: tokio::signal::unix::Signal,
    interrupt: tokio::signal::unix::Signal,
}

impl Signals {
    fn new() -> std::io::Result<Signals> {
        Ok(Signals {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

/// The machines of each worker, ready to be driven. Bindings, accounts, keys and used nonces are shared.
fn nodes(
    config: &Config,
    ourselves: &Ourselves,
    accounts: &Accounts,
    registrar: &Registrar,
    kept: &keys::Kept,
) -> Vec<Node> {
    let entropy = || Entropy::from_seed(keys::fresh());
    let keys = Keys { nonce: keys::fresh(), dialog: kept.flow_token };
    let (policy, limits) = (settings::policy(config), config.limits.admission());
    let nonces = SharedNonces::new(&limits);
    let node = |seat: Seat| {
        let nonces = Box::new(nonces.clone());
        Node::new(Parts {
            transactions: Transactions::new(config.limits.transactions(), Timers::default(), entropy()),
            gate: Gate::of_worker(ourselves.clone(), policy.clone(), &limits, &keys, nonces, entropy()),
            proxy: Proxy::new(config.limits.proxy()),
            locator: crate::finding::locator(ourselves),
            registrar: registrar.of_worker(seat.index()),
            accounts: accounts.clone(),
            plan: settings::plan(config),
            seat,
            overload: if config.refuse_early { Overload::new(entropy()) } else { Overload::never() },
            neighbours: Neighbours::new(config.neighbours.clone(), entropy()),
        })
    };
    Seat::of_all(config.workers, &mut entropy()).into_iter().map(node).collect()
}

/// Places a call through the server's own sockets: two phones of ours with accounts of this moment.
async fn self_test(places: &[(Transport, SocketAddr)], domain: &str, lines: &Lines) -> Result<(), Refused> {
    let way = |transport| listeners::reachable(places, transport).map(|server| (transport, server));
    let Some(server) = way(Transport::Udp).or_else(|| way(Transport::Tcp)) else {
        tracing::warn!("no self-test: it calls over UDP or TCP, and nothing listens there");
        return Ok(());
    };
    let gone = || Refused::failed("the server stopped while it was testing itself");
    let mut entropy = Entropy::from_seed(keys::fresh());
    let people = [0, 1].map(|_| (format!("self-test-{}", entropy.token(12)), entropy.token(24)));
    let (names, of) = (people.clone(), domain.to_owned());
    lines
        .ask(move |served, _| {
            for (user, secret) in &names {
                served.node.accounts().add_ephemeral(&of, user, secret);
            }
        })
        .await
        .ok_or_else(gone)?;
    let outcome = crate::self_test::self_test(server, domain, people.clone()).await;
    let of = domain.to_owned();
    lines
        .ask_each(move |served, _| {
            served.node.reset_counters();
            for (user, _) in &people {
                served.node.accounts().forget(&of, user);
                served.node.registrar().remove_all(&AddressOfRecord::new(user, &of));
            }
        })
        .await
        .ok_or_else(gone)?;
    match outcome {
        Ok(report) => {
            tracing::info!("self-test: {report}");
            Ok(())
        }
        Err(cause) => Err(Refused::failed(format!("the self-test call failed: {cause}"))),
    }
}

/// The node as the worker drives it, with what the control socket wants to know beside it.
pub(crate) struct Served {
    pub(crate) node: Node,
    places: Vec<(Transport, SocketAddr)>,
    pub(crate) domains: Vec<Domain>,
    trouble: durability::Trouble,
    /// Of the journal of bindings, if there is one and this is the first worker.
    written: Option<durability::Written>,
}

impl Served {
    /// Named figures of this worker, in the order in which they are shown.
    pub(crate) fn figures(&self) -> Vec<(&'static str, u64)> {
        let written = self.written.iter();
        let written = written.flat_map(|written| written.gauges().into_iter().chain(written.counters()));
        self.node.figures().into_iter().chain(written).collect()
    }

    /// What became of changes of bindings.
    pub(crate) fn committed(&mut self, now: Tick, outcome: Outcome) {
        self.node.committed(now, outcome);
    }

    /// Answers the control socket.
    pub(crate) fn answer_question(&mut self, now: Tick, question: Question) -> Answer {
        match question {
            Question::Bindings => {
                let line = |aor: &_, binding: &_| BindingLine::of(now, aor, binding);
                Answer::Bindings { bindings: self.node.registrar().list(now, control::BINDINGS_MAX, line) }
            }
            Question::Status => Answer::Status(StatusLines {
                version: env!("CARGO_PKG_VERSION").to_owned(),
                uptime_secs: now.as_micros() / 1_000_000,
                listeners: self.places.iter().map(listeners::place).collect(),
                domains: self.domains.iter().map(|domain| domain.name.clone()).collect(),
                trouble: self.trouble.told(),
                // Summed up over the workers by who asks them all.
                figures: Vec::new(),
            }),
            // The task that reloads answers it, and asks here for nothing but the change itself.
            Question::Reload => Answer::Refused { cause: "a worker does not reload".to_owned() },
            Question::Accounts(change) => {
                match crate::accounts::perform(self.node.accounts(), &self.domains, change) {
                    Ok(done) => {
                        if let Done::Removed { user, domain } = &done {
                            self.node.registrar().remove_all(&AddressOfRecord::new(user, domain));
                        }
                        Answer::Accounts(done)
                    }
                    Err(cause) => Answer::Refused { cause },
                }
            }
        }
    }
}

impl http::Source for Lines {
    async fn figures(&self) -> Option<Vec<Figures>> {
        let ask = |served: &mut Served, now: Tick| {
            let mut figures = Figures {
                uptime_secs: now.as_micros() / 1_000_000,
                is_draining: served.node.is_draining(),
                gauges: served.node.gauges(),
                counters: served.node.counters().named().to_vec(),
            };
            if let Some(written) = &served.written {
                figures.gauges.extend(written.gauges());
                figures.counters.extend(written.counters());
            }
            figures
        };
        let mut workers = self.ask_each(ask).await?;
        for (figures, connections) in workers.iter_mut().zip(self.connections()) {
            figures.gauges.extend(connections.gauges());
            figures.counters.extend(connections.counters());
        }
        Some(workers)
    }
}

impl ruf_net::Node for Served {
    type Crossing = ruf_node::Crossing;

    fn receive(&mut self, now: Tick, flow: Flow, message: Bytes) {
        self.node.receive(now, flow, message);
    }

    fn unframed(&mut self, now: Tick, flow: Flow, octets: Bytes, error: FrameError) {
        self.node.unframed(now, flow, octets, error);
    }

    fn reached(&mut self, now: Tick, token: u64, flow: Result<Flow, Unreachable>) {
        self.node.reached(now, token, flow.ok());
    }

    fn unreachable(&mut self, now: Tick, flow: Flow) {
        self.node.unreachable(now, flow);
    }

    fn tick(&mut self, now: Tick) {
        self.node.tick(now);
    }

    fn poll_deadline(&self) -> Option<Tick> {
        self.node.poll_deadline()
    }

    fn poll_transmit(&mut self) -> Option<Transmit> {
        self.node.poll_transmit()
    }

    fn poll_reach(&mut self) -> Option<(u64, Place)> {
        self.node.poll_reach()
    }

    fn poll_crossing(&mut self) -> Option<(u8, Self::Crossing)> {
        self.node.poll_crossing()
    }

    fn crossed(&mut self, now: Tick, crossing: Self::Crossing) {
        self.node.crossed(now, crossing);
    }

    fn not_crossed(&mut self, now: Tick, crossing: Self::Crossing) {
        self.node.not_crossed(now, crossing);
    }

    fn poll_query(&mut self) -> Option<(u64, ruf_locate::Query)> {
        self.node.poll_query()
    }

    fn resolved(&mut self, now: Tick, number: u64, answer: ruf_locate::Answer) {
        self.node.resolved(now, number, answer);
    }

    fn busy(&mut self, worked: Duration, since: Duration, waits: Duration) {
        self.node.busy(worked, since, waits);
    }

    fn is_drained(&self) -> bool {
        self.node.is_drained()
    }
}
