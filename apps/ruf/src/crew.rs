//! The workers of a running server, each in a thread with an event loop of its own.
//!
//! The thread that started them keeps the control socket, HTTP and signals, and asks them things by
//! their commands. Not here: what a worker does (io/net) and what is asked (`control`).

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread::JoinHandle;
use std::time::Duration;

use ruf_message::Tick;
use ruf_net::{Berth, Certificates, Clock, Commands, ConnectionFigures, Dns, Listener, Stop, Worker};
use tokio::sync::{mpsc, watch};

use crate::serve::{Refused, Served};

/// What the workers are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Order {
    Serve,
    Drain,
    Cut,
}

/// The ways to all workers. Clones are ways to the same.
#[derive(Clone)]
pub(crate) struct Lines(Vec<Commands<Served>>);

impl Lines {
    /// Asks one worker: what all of them share, any of them knows.
    pub(crate) async fn ask<T: Send + 'static>(
        &self,
        ask: impl FnOnce(&mut Served, Tick) -> T + Send + 'static,
    ) -> Option<T> {
        self.0.first()?.ask(ask).await
    }

    /// Tells the workers whose bits are set, from a thread that is none of theirs.
    pub(crate) fn tell(&self, workers: u64, tell: impl FnOnce(&mut Served, Tick) + Clone + Send + 'static) {
        for (number, line) in self.0.iter().enumerate().filter(|(number, _)| workers & (1 << number) != 0) {
            if !line.tell(tell.clone()) {
                tracing::debug!(number, "a worker that has stopped has nobody left who waits");
            }
        }
    }

    /// What each worker counts of its connections, in their order.
    pub(crate) fn connections(&self) -> impl Iterator<Item = &ConnectionFigures> {
        self.0.iter().map(Commands::connections)
    }

    /// Asks each worker; in their order. `None`: one of them is gone.
    pub(crate) async fn ask_each<T: Send + 'static>(
        &self,
        ask: impl FnOnce(&mut Served, Tick) -> T + Clone + Send + 'static,
    ) -> Option<Vec<T>> {
        let mut answers = Vec::with_capacity(self.0.len());
        for line in &self.0 {
            answers.push(line.ask(ask.clone()).await?);
        }
        Some(answers)
    }
}

/// What is one worker's alone.
pub(crate) struct Share {
    pub(crate) node: Served,
    pub(crate) open: Vec<Listener>,
    pub(crate) dns: Dns,
}

/// How all of them work.
#[derive(Clone, Copy)]
pub(crate) struct Habits {
    /// How long one rests that is busy.
    pub(crate) rest: Duration,
    /// Whether datagrams leave as trains.
    pub(crate) trains: bool,
}

/// All workers, and how they are told to stop.
pub(crate) struct Crew {
    lines: Lines,
    order: watch::Sender<Order>,
    /// How each worker ended; `None`: it failed.
    ended: mpsc::UnboundedReceiver<Option<Stop>>,
    threads: Vec<JoinHandle<()>>,
}

impl Crew {
    /// Starts a worker for each share; they live by one clock.
    pub(crate) fn start(
        shares: Vec<Share>,
        clock: Clock,
        limits: &ruf_net::Limits,
        certificates: &Certificates,
        habits: Habits,
        drain: Duration,
    ) -> Result<Crew, Refused> {
        let count = u8::try_from(shares.len()).unwrap_or(u8::MAX);
        let (order, orders) = watch::channel(Order::Serve);
        let (ending, ended) = mpsc::unbounded_channel();
        let (mut lines, mut threads) = (Vec::new(), Vec::new());
        for ((share, (berth, line)), number) in shares.into_iter().zip(Berth::of_all(count, clock)).zip(0..) {
            let (ending, limits, certificates) = (ending.clone(), limits.clone(), certificates.clone());
            let (ready, is_ready) = std::sync::mpsc::channel();
            let orders = orders.clone();
            let shift = Shift { share, limits, certificates, habits, berth, drain, orders, ready };
            let work = move || {
                let stopped = catch_unwind(AssertUnwindSafe(|| shift.serve())).ok().flatten();
                // A crew that is gone does not ask.
                let _ = ending.send(stopped);
            };
            let thread = std::thread::Builder::new().name(format!("worker-{number}")).spawn(work);
            threads.push(thread.map_err(Refused::failed)?);
            match is_ready.recv() {
                Ok(Ok(())) => lines.push(line),
                Ok(Err(error)) => return Err(Refused::failed(error)),
                Err(_) => return Err(Refused::failed("a worker ended before it began")),
            }
        }
        Ok(Crew { lines: Lines(lines), order, ended, threads })
    }

    /// The ways to the workers.
    pub(crate) fn lines(&self) -> &Lines {
        &self.lines
    }

    /// What goes on is finished, as far as the time for it allows.
    pub(crate) fn drain(&self) {
        self.order.send_replace(Order::Drain);
    }

    /// Nothing is waited for any more.
    pub(crate) fn cut(&self) -> impl FnOnce() + use<> {
        let order = self.order.clone();
        move || {
            order.send_replace(Order::Cut);
        }
    }

    /// Waits until a worker ends that was not told to.
    pub(crate) async fn failed(&mut self) {
        let _ = self.ended.recv().await;
    }

    /// Waits until all have ended; says whether each had nothing left to do.
    pub(crate) async fn ended(mut self) -> Result<Stop, Refused> {
        let mut together = Stop::Drained;
        for _ in &self.threads {
            match self.ended.recv().await {
                Some(Some(Stop::Drained)) => {}
                Some(Some(Stop::Cut)) => together = Stop::Cut,
                Some(None) | None => return Err(Refused::failed("a worker failed")),
            }
        }
        for thread in self.threads {
            drop(thread.join());
        }
        Ok(together)
    }
}

/// What a worker's thread is handed.
struct Shift {
    share: Share,
    limits: ruf_net::Limits,
    certificates: Certificates,
    habits: Habits,
    berth: Berth<Served>,
    drain: Duration,
    orders: watch::Receiver<Order>,
    ready: std::sync::mpsc::Sender<std::io::Result<()>>,
}

impl Shift {
    /// Serves until told to stop; `None`: it did not begin.
    fn serve(self) -> Option<Stop> {
        let Shift { share, limits, certificates, habits, berth, drain, orders, ready } = self;
        let Share { node, open, dns } = share;
        let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
            Ok(runtime) => runtime,
            Err(error) => {
                drop(ready.send(Err(error)));
                return None;
            }
        };
        let told = |order: Order| {
            let mut orders = orders.clone();
            // A crew that is gone has told everything.
            async move { drop(orders.wait_for(|now| *now >= order).await) }
        };
        runtime.block_on(async {
            match Worker::new(node, open, limits, Some(certificates), berth) {
                Ok(worker) => {
                    let worker = worker.with_dns(dns).resting_when_busy(habits.rest);
                    let worker = if habits.trains { worker } else { worker.without_trains() };
                    drop(ready.send(Ok(())));
                    Some(worker.run(told(Order::Drain), told(Order::Cut), drain).await)
                }
                Err(error) => {
                    drop(ready.send(Err(error)));
                    None
                }
            }
        })
    }
}
