//! Sockets, clock and signals around the machine. The sockets are those of the server
//! ([`ruf_net::Worker`]): datagrams in batches, connections, TLS.
//!
//! They keep deadlines to the microsecond, since a start that is late is charged to the server.

use std::convert::Infallible;
use std::io::{IsTerminal, Write};
use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use ruf_locate::{Answer, Query};
use ruf_message::{Entropy, Flow, FrameError, Place, Tick, Transmit, Transport};
use ruf_net::{
    Berth, Certificates, Clock, Commands, Listener, Node, Unreachable, Worker, local_address_towards,
};
use rustix::time::{ClockId, clock_gettime};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;

use crate::limits::Limits;
use crate::load::{Load, Phase};
use crate::plan::Plan;
use crate::report::{self, Report};
use crate::tally::Tally;
use crate::way::Link;

/// How often the live line is written.
const LIVE: Duration = Duration::from_millis(500);

/// Where to, and how.
pub(crate) struct Towards {
    pub(crate) place: Place,
    pub(crate) certificates: Option<Certificates>,
    /// Say `ready`, and begin when a line comes on standard input.
    pub(crate) waits: bool,
}

/// Runs a plan.
///
/// # Errors
/// One sentence: why it could not be run.
pub(crate) async fn go(
    plan: Plan,
    limits: Limits,
    towards: Towards,
    entropy: Entropy,
) -> Result<Report, String> {
    let Towards { place, certificates, waits } = towards;
    let grain = plan.grain;
    let (listeners, link) = open(&place)?;
    let (told, phases) = watch::channel(Phase::Preparing);
    let load = Load::new(plan.clone(), limits, link, entropy);
    let shell = Shell { load, told, last: Phase::Preparing, now: Tick::ZERO };
    let Some((berth, commands)) = Berth::of_all(1, Clock::start()).pop() else {
        return Err("there is no worker".to_owned());
    };
    let mut worker = Worker::new(shell, listeners, ruf_net::Limits::default(), certificates, berth)
        .map(Worker::exact)
        .map_err(|error| format!("the sockets cannot be watched: {error}"))?
        .resting(grain);
    if !grain.is_zero() {
        worker = worker.timed().map_err(|error| {
            format!("the system does not say when datagrams come: {error}; give --grain 0s")
        })?;
    }
    let named = format!("{}:{}", place.transport.as_param(), place.address);
    let interrupt = signal(SignalKind::interrupt()).map_err(|error| format!("no signals: {error}"))?;
    let live = std::io::stderr().is_terminal();
    let mut conductor = Conductor { commands, phases, interrupt, waits, live };
    let mut report = Err("the worker ended".to_owned());
    let conduct = async { report = conductor.conduct(plan, named).await };
    worker.run(conduct, std::future::ready(()), Duration::ZERO).await;
    report
}

/// Opens what the server is to be reached by, at the address that the kernel would use.
fn open(place: &Place) -> Result<(Vec<Listener>, Link), String> {
    let local = local_address_towards(place.address)
        .map_err(|error| format!("no way leads to {}: {error}", place.address))?;
    let open = || {
        let address = SocketAddr::new(local, 0);
        Listener::open(place.transport, address).map_err(|error| error.to_string())
    };
    if place.transport != Transport::Udp {
        return Ok((vec![open()?], Link::Connection(place.clone())));
    }
    let (caller, answering) = (open()?, open()?);
    let flow = |listener, socket: &Listener| Flow {
        transport: Transport::Udp,
        listener,
        local: socket.local(),
        remote: place.address,
        connection: 0,
    };
    let link = Link::Datagrams { caller: flow(0, &caller), answering: flow(1, &answering) };
    Ok((vec![caller, answering], link))
}

/// The machine as a node.
struct Shell {
    load: Load,
    told: watch::Sender<Phase>,
    /// What was told last.
    last: Phase,
    /// The last time it was told.
    now: Tick,
}

impl Shell {
    fn tell(&mut self, now: Tick) {
        self.now = now;
        if self.load.phase() != &self.last {
            self.last = self.load.phase().clone();
            self.told.send_replace(self.last.clone());
        }
    }

    /// Does something with the machine between two turns.
    fn with(&mut self, now: Tick, act: impl FnOnce(&mut Load, Tick)) {
        act(&mut self.load, now);
        self.tell(now);
    }
}

impl Node for Shell {
    type Crossing = Infallible;

    fn waited(&mut self, waited: Duration) {
        self.load.waited(waited);
    }

    fn receive(&mut self, now: Tick, flow: Flow, message: Bytes) {
        self.with(now, |load, now| load.receive(now, flow, &message));
    }

    fn unframed(&mut self, now: Tick, flow: Flow, octets: Bytes, _: FrameError) {
        self.with(now, |load, now| load.receive(now, flow, &octets));
    }

    fn reached(&mut self, now: Tick, _: u64, flow: Result<Flow, Unreachable>) {
        self.with(now, |load, now| load.reached(now, flow));
    }

    fn unreachable(&mut self, now: Tick, flow: Flow) {
        self.with(now, |load, now| load.unreachable(now, flow));
    }

    fn tick(&mut self, now: Tick) {
        self.with(now, Load::tick);
    }

    fn poll_deadline(&self) -> Option<Tick> {
        self.load.poll_deadline(self.now)
    }

    fn poll_transmit(&mut self) -> Option<Transmit> {
        self.load.poll_transmit()
    }

    fn poll_reach(&mut self) -> Option<(u64, Place)> {
        Some((0, self.load.poll_reach(self.now)?))
    }

    fn poll_crossing(&mut self) -> Option<(u8, Infallible)> {
        None
    }

    fn crossed(&mut self, _: Tick, crossing: Infallible) {
        match crossing {}
    }

    fn not_crossed(&mut self, _: Tick, crossing: Infallible) {
        match crossing {}
    }

    fn poll_query(&mut self) -> Option<(u64, Query)> {
        None
    }

    fn resolved(&mut self, _: Tick, _: u64, _: Answer) {}

    fn is_drained(&self) -> bool {
        true
    }
}

/// Leads a run from its preparation to its report.
struct Conductor {
    commands: Commands<Shell>,
    phases: watch::Receiver<Phase>,
    interrupt: Signal,
    waits: bool,
    live: bool,
}

/// What the live line and the report are made of.
struct Seen {
    tally: Tally,
    in_flight: u32,
    registered: u64,
    began: Option<Tick>,
    stopped_starting: Option<Tick>,
    ended: Option<Tick>,
    now: Tick,
}

impl Conductor {
    async fn conduct(&mut self, plan: Plan, place: String) -> Result<Report, String> {
        self.prepare(&plan).await?;
        if self.waits {
            wait_for_a_line().await;
        }
        let before = cpu();
        self.tell(Load::start).await?;
        let after = self.run().await?;
        let seen = self.look().await?;
        self.clear();
        let began = seen.began.ok_or("it was ended before it began")?;
        let until = |tick: Tick| tick.saturating_sub(began);
        Ok(Report {
            place,
            plan,
            tally: seen.tally,
            starting: seen.stopped_starting.map_or(Duration::ZERO, until),
            lasted: until(seen.ended.unwrap_or(seen.now)),
            cpu: after.saturating_sub(before),
        })
    }

    /// Waits until the callees are registered.
    async fn prepare(&mut self, plan: &Plan) -> Result<(), String> {
        self.tell(Load::tick).await?;
        loop {
            match self.phases.borrow_and_update().clone() {
                Phase::Preparing => {}
                Phase::Failed(why) => return Err(why),
                Phase::Ready | Phase::Running | Phase::Ending | Phase::Leaving => break,
                Phase::Over => return Err("it was ended before it began".to_owned()),
            }
            tokio::select! {
                _ = self.phases.changed() => {}
                _ = self.interrupt.recv() => self.tell(Load::wind_down).await?,
                () = tokio::time::sleep(LIVE) => {
                    let registered = self.look().await?.registered;
                    self.say(&format!("registering: {registered} of {}", plan.users.count));
                }
            }
        }
        let registered = self.look().await?.registered;
        if registered > 0 {
            self.clear();
            eprintln!("{registered} callees registered");
        }
        Ok(())
    }

    /// Looks on until the run is over; gives the CPU time that was spent when its last unit ended.
    async fn run(&mut self) -> Result<Duration, String> {
        let mut live = tokio::time::interval(LIVE);
        let mut is_ending = false;
        let mut spent = None;
        loop {
            match &*self.phases.borrow_and_update() {
                Phase::Failed(why) => return Err(why.clone()),
                Phase::Over => return Ok(spent.unwrap_or_else(cpu)),
                Phase::Leaving => drop(spent.get_or_insert_with(cpu)),
                Phase::Preparing | Phase::Ready | Phase::Running | Phase::Ending => {}
            }
            tokio::select! {
                _ = self.phases.changed() => {}
                _ = live.tick(), if self.live => {
                    let seen = self.look().await?;
                    let since = seen.now.saturating_sub(seen.began.unwrap_or(seen.now));
                    self.say(&report::progress(&seen.tally, seen.in_flight, since));
                }
                _ = self.interrupt.recv() => {
                    self.clear();
                    eprintln!("{}", if is_ending { "ending at once" } else { "ending; once more ends at once" });
                    self.tell(if is_ending { Load::cut } else { Load::wind_down }).await?;
                    is_ending = true;
                }
            }
        }
    }

    async fn tell(&self, act: fn(&mut Load, Tick)) -> Result<(), String> {
        self.commands.ask(move |shell, now| shell.with(now, act)).await.ok_or_else(gone)
    }

    async fn look(&self) -> Result<Seen, String> {
        let look = |shell: &mut Shell, now: Tick| {
            let (began, stopped_starting, ended) = shell.load.span();
            Seen {
                tally: shell.load.tally().clone(),
                in_flight: shell.load.in_flight(),
                registered: shell.load.registered(),
                began,
                stopped_starting,
                ended,
                now,
            }
        };
        self.commands.ask(look).await.ok_or_else(gone)
    }

    fn say(&self, line: &str) {
        if self.live {
            // The line is for people; that it cannot be written must not end the run.
            let _ = write!(std::io::stderr(), "\r\x1b[2K{line}");
        }
    }

    fn clear(&self) {
        self.say("");
    }
}

fn gone() -> String {
    "the worker ended".to_owned()
}

/// Says `ready`, and waits for a line or the end of standard input.
async fn wait_for_a_line() {
    println!("ready");
    let read = || {
        let mut line = String::new();
        let _ = std::io::stdin().read_line(&mut line);
    };
    let _ = tokio::task::spawn_blocking(read).await;
}

/// CPU time of this process.
fn cpu() -> Duration {
    let spent = clock_gettime(ClockId::ProcessCPUTime);
    let (secs, nanos) = (u64::try_from(spent.tv_sec), u32::try_from(spent.tv_nsec));
    Duration::new(secs.unwrap_or_default(), nanos.unwrap_or_default())
}
