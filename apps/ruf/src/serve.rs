//! `ruf serve`: configuration, store, sockets, node, self-test, `ready`, and the way down again.

use std::io::Write;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use bytes::Bytes;
use ruf_accounts::Accounts;
use ruf_admission::{AddressOfRecord, Domain, Gate, Keys, Listener, Ourselves, Policy};
use ruf_message::{Entropy, Flow, Place, Tick, Transmit, Transport};
use ruf_net::{Commands, ListenSpec, Stop, UdpListener, Unreachable, Worker};
use ruf_node::{Node, Parts, Seat};
use ruf_proxy::Proxy;
use ruf_registrar::{Gruus, Registrar};
use ruf_routing::DialPlan;
use ruf_store::Store;
use ruf_transaction::{Timers, Transactions};
use tokio::signal::unix::{SignalKind, signal};

use crate::accounts::Done;
use crate::config::Config;
use crate::control::{self, Answer, BindingLine, Question, StatusLines};
use crate::{
    EXIT_CONFIG, EXIT_FAILED, EXIT_OK, EXIT_PORT_TAKEN, ServeArgs, certificates, first_run, keys, settings,
};

/// How long a stopping server waits for what is going on.
const DRAIN: Duration = Duration::from_secs(10);
/// The port of SIP over UDP.
const DEFAULT_PORT: u16 = 5060;

/// Why the server did not come up: one line, and the exit status.
pub(crate) struct Refused {
    pub(crate) line: String,
    pub(crate) status: u8,
}

impl Refused {
    pub(crate) fn config(line: impl std::fmt::Display) -> Refused {
        Refused { line: line.to_string(), status: EXIT_CONFIG }
    }

    fn failed(line: impl std::fmt::Display) -> Refused {
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
    log_to_standard_error(&config.log);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Refused::failed(format!("the system gives no event loop: {error}")))?;
    let local = tokio::task::LocalSet::new();
    local.block_on(&runtime, run(config))
}

fn log_to_standard_error(level: &str) {
    let filter = tracing_subscriber::EnvFilter::new(level);
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_target(false)
        .with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr()))
        .init();
}

async fn run(config: Config) -> Result<(), Refused> {
    say_what_has_no_effect(&config);
    let mut signals = Signals::new().map_err(Refused::failed)?;
    let mut store = Store::open(&config.data).map_err(Refused::config)?;
    let kept = keys::Kept::of(&mut store).map_err(Refused::config)?;
    let listeners = open_listeners(&config)?;
    let first_run = first_run::prepare(&config, store)?;
    let ourselves = ourselves(&config, &first_run.domains, &listeners)?;
    let certificates = certificates::open(&config, &ourselves).map_err(Refused::config)?;
    let addresses: Vec<SocketAddr> = listeners.iter().map(UdpListener::local).collect();
    let node = node(&config, ourselves, first_run.accounts, &kept);
    let served = Served {
        node,
        addresses: addresses.clone(),
        domains: first_run.domains.iter().map(|d| d.name.clone()).collect(),
    };
    let (worker, commands) = Worker::new(served, listeners).map_err(Refused::failed)?;
    let control = control::open(&config.data).map_err(|error| {
        Refused::config(format!("{}: {error}", control::socket_path(&config.data).display()))
    })?;
    tokio::task::spawn_local(control::serve(control, commands.clone()));
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let (cut, is_cut) = tokio::sync::oneshot::channel::<()>();
    let work = tokio::task::spawn_local(worker.run(
        async { drop(stopped.await) },
        async { drop(is_cut.await) },
        DRAIN,
    ));
    if config.self_test {
        tokio::select! {
            tested = self_test(&addresses, &first_run.default_domain, &commands) => tested?,
            () = signals.next() => return Ok(()),
        }
    }
    tracing::info!("phones that come by TLS can be told to trust {}", certificates.authority().display());
    first_run::explain(&first_run.new_extensions, &first_run.default_domain, &addresses);
    ready(&addresses);
    signals.next().await;
    tracing::info!("draining, at most {} s; a second signal ends at once", DRAIN.as_secs());
    // None: it has stopped already.
    let _ = commands.ask(|served, _| served.node.drain()).await;
    drop(stop);
    let second = tokio::spawn(async move {
        signals.next().await;
        drop(cut);
    });
    let ended = work.await.map_err(Refused::failed)?;
    second.abort();
    if ended == Stop::Cut {
        tracing::info!("ended before everything was drained");
    }
    // A socket that is left behind is replaced at the next start.
    let _ = std::fs::remove_file(control::socket_path(&config.data));
    Ok(())
}

/// What is accepted for scripts and not done yet must not look as if it were.
fn say_what_has_no_effect(config: &Config) {
    if config.workers > 1 {
        tracing::warn!("one worker serves in this version, not {}", config.workers);
    }
    if let Some(dns) = config.dns {
        tracing::warn!("names are not looked up in this version; {dns} will not be asked");
    }
}

/// The one line that scripts wait for.
fn ready(addresses: &[SocketAddr]) {
    let places: Vec<String> = addresses.iter().map(|address| format!("udp:{address}")).collect();
    println!("ready {}", places.join(" "));
    // Whoever reads a pipe waits for this line; a reader that is gone is no reason to stop.
    let _ = std::io::stdout().flush();
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

/// The listeners that were asked for, or both families on the default port.
fn open_listeners(config: &Config) -> Result<Vec<UdpListener>, Refused> {
    let refuse = |error: ruf_net::BindError| Refused {
        status: if error.is_taken() { EXIT_PORT_TAKEN } else { EXIT_CONFIG },
        line: error.to_string(),
    };
    if !config.listen.is_empty() {
        return config.listen.iter().map(|spec| UdpListener::open(spec).map_err(refuse)).collect();
    }
    let any: [IpAddr; 2] = [Ipv4Addr::UNSPECIFIED.into(), Ipv6Addr::UNSPECIFIED.into()];
    let mut open = Vec::new();
    for ip in any {
        let spec = ListenSpec { transport: Transport::Udp, address: SocketAddr::new(ip, DEFAULT_PORT) };
        match UdpListener::open(&spec) {
            Ok(listener) => open.push(listener),
            Err(error) if error.is_family_missing() => {
                tracing::warn!("this machine has no IPv6; listening on IPv4 alone");
            }
            Err(error) => return Err(refuse(error)),
        }
    }
    Ok(open)
}

fn ourselves(config: &Config, domains: &[Domain], listeners: &[UdpListener]) -> Result<Ourselves, Refused> {
    for advertise in &config.advertise {
        if !config.listen.contains(&advertise.listener) {
            return Err(Refused::config(format!(
                "--advertise {}: no such listener; name one exactly as --listen does",
                advertise.listener
            )));
        }
    }
    let every_address = ruf_net::local_addresses();
    let listeners = listeners
        .iter()
        .enumerate()
        .map(|(index, listener)| {
            let bind = listener.local();
            let spec = config.listen.get(index);
            let advertised = config.advertise.iter().find(|one| Some(&one.listener) == spec);
            let addresses = if bind.ip().is_unspecified() {
                every_address.iter().copied().filter(|ip| ip.is_ipv4() == bind.is_ipv4()).collect()
            } else {
                vec![bind.ip()]
            };
            Listener {
                transport: Transport::Udp,
                bind,
                addresses,
                advertised: advertised.map(|one| (one.host.clone(), one.port)),
            }
        })
        .collect();
    Ok(Ourselves { domains: domains.to_vec(), listeners })
}

/// The machines, ready to be driven.
fn node(config: &Config, ourselves: Ourselves, accounts: Accounts, kept: &keys::Kept) -> Node {
    let entropy = || Entropy::from_seed(keys::fresh());
    let policy =
        Policy { trusted: config.trust.clone(), algorithms: config.digest.clone(), ..Policy::default() };
    let keys = Keys { nonce: keys::fresh(), dialog: kept.flow_token };
    let gate = Gate::new(ourselves, policy, &config.limits.admission(), &keys, entropy());
    Node::new(Parts {
        transactions: Transactions::new(config.limits.transactions(), Timers::default(), entropy()),
        gate,
        proxy: Proxy::new(config.limits.proxy()),
        registrar: Registrar::new(config.limits.registrar(), Gruus::new(&kept.gruu), entropy()),
        accounts,
        plan: DialPlan::default(),
        seat: Seat::alone(),
    })
}

/// Places a call through the server's own sockets: two built-in agents with accounts of this moment.
async fn self_test(
    addresses: &[SocketAddr],
    domain: &str,
    commands: &Commands<Served>,
) -> Result<(), Refused> {
    let gone = || Refused::failed("the server stopped while it was testing itself");
    let mut entropy = Entropy::from_seed(keys::fresh());
    let people = [0, 1].map(|_| (format!("self-test-{}", entropy.token(12)), entropy.token(24)));
    let [alice, bob] = people.clone();
    let (names, of) = (people.clone(), domain.to_owned());
    commands
        .ask(move |served, _| {
            for (user, secret) in &names {
                served.node.accounts_mut().add_ephemeral(&of, user, secret);
            }
        })
        .await
        .ok_or_else(gone)?;
    let server = reachable(addresses);
    let outcome = crate::self_test::self_test(server, domain, alice, bob, &mut entropy).await;
    let of = domain.to_owned();
    commands
        .ask(move |served, _| {
            served.node.reset_counters();
            for (user, _) in &people {
                served.node.accounts_mut().forget(&of, user);
                served.node.forget_bindings(&AddressOfRecord::new(user, &of));
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

/// Where a program on this machine reaches the first listener.
fn reachable(addresses: &[SocketAddr]) -> SocketAddr {
    let first =
        addresses.first().copied().unwrap_or(SocketAddr::new(Ipv4Addr::LOCALHOST.into(), DEFAULT_PORT));
    match first {
        SocketAddr::V4(v4) if v4.ip().is_unspecified() => {
            SocketAddr::new(Ipv4Addr::LOCALHOST.into(), v4.port())
        }
        SocketAddr::V6(v6) if v6.ip().is_unspecified() => {
            SocketAddr::new(Ipv6Addr::LOCALHOST.into(), v6.port())
        }
        bound => bound,
    }
}

/// The node as the worker drives it, with what the control socket wants to know beside it.
pub(crate) struct Served {
    node: Node,
    addresses: Vec<SocketAddr>,
    domains: Vec<String>,
}

impl Served {
    /// Answers the control socket.
    pub(crate) fn answer_question(&mut self, now: Tick, question: Question) -> Answer {
        match question {
            Question::Bindings => Answer::Bindings {
                bindings: control::bounded(
                    self.node.bindings(now).map(|(aor, binding)| BindingLine::of(now, aor, binding)),
                ),
            },
            Question::Status => Answer::Status(StatusLines {
                version: env!("CARGO_PKG_VERSION").to_owned(),
                uptime_secs: now.as_micros() / 1_000_000,
                listeners: self.addresses.iter().map(|address| format!("udp:{address}")).collect(),
                domains: self.domains.clone(),
                figures: self
                    .node
                    .figures()
                    .into_iter()
                    .map(|(name, value)| (name.to_owned(), value))
                    .collect(),
            }),
            Question::Accounts(change) => {
                let default_domain = self.domains.first().cloned().unwrap_or_default();
                match crate::accounts::perform(self.node.accounts_mut(), &default_domain, change) {
                    Ok(done) => {
                        if let Done::Removed { user, domain } = &done {
                            self.node.forget_bindings(&AddressOfRecord::new(user, domain));
                        }
                        Answer::Accounts(done)
                    }
                    Err(error) => Answer::Refused { cause: error.to_string() },
                }
            }
        }
    }
}

impl ruf_net::Node for Served {
    fn receive(&mut self, now: Tick, flow: Flow, datagram: Bytes) {
        self.node.receive(now, flow, datagram);
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

    fn is_drained(&self) -> bool {
        self.node.is_drained()
    }
}
