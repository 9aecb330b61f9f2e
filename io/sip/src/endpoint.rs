//! [`Endpoint`]: the thread, the sockets and the loop of one phone (io/net), and the ways to its desk.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::Duration;

use ruf_locate::Ways;
use ruf_message::{Entropy, Tick, Transport, Uri};
use ruf_net::{Berth, Certificates, Clock, Commands, Dns, Limits, Listener, Worker};
use tokio::sync::{mpsc, oneshot};

use crate::account::{Account, sip_uri};
use crate::desk::{Desk, Opening};
use crate::error::Error;
use crate::phone::Told;
use crate::talk::Media;

/// How long what a closed phone owes others may take.
const FAREWELL: Duration = Duration::from_secs(2);
/// Events that may wait for a phone's user.
const EVENTS_MAX: usize = 1_024;
/// Ports that are tried until one is free for UDP and for TCP.
const PORTS_TRIED: usize = 16;

/// The least time between two empty lines over a connection, and by how much it may be longer.
// rfc5626 §4.4.1: a random number between 95 and 120 seconds
const PING: Duration = Duration::from_secs(95);
const PING_SPREAD: Duration = Duration::from_secs(25);

/// One phone's thread. The last one that drops it has the thread end.
#[derive(Debug)]
pub(crate) struct Endpoint {
    line: Line,
    address: SocketAddr,
    address_tls: Option<SocketAddr>,
    aor: Uri,
    has_server: bool,
    has_password: bool,
    /// Taken by whoever closes it.
    running: Mutex<Option<Running>>,
}

/// The way to the desk.
struct Line(Commands<Desk>);

impl std::fmt::Debug for Line {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Line")
    }
}

#[derive(Debug)]
struct Running {
    stop: oneshot::Sender<()>,
    stopped: oneshot::Receiver<()>,
}

/// What the thread is made of.
struct Plan {
    desk: Desk,
    listeners: Vec<Listener>,
    certificates: Option<Certificates>,
    berth: Berth<Desk>,
    limits: Limits,
    stop: oneshot::Receiver<()>,
    stopped: oneshot::Sender<()>,
}

impl Endpoint {
    pub(crate) async fn start(account: Account) -> Result<(Endpoint, mpsc::Receiver<Told>), Error> {
        let mut entropy = Entropy::from_seed(seed()?);
        let certificates = if account.is_secure() {
            let opened = Certificates::of_a_client(
                account.trust.clone(),
                account.certificate.clone(),
                &entropy.token(16),
            );
            Some(opened.map_err(|error| Error::System(error.to_string()))?)
        } else {
            None
        };
        let (listeners, address) = open(&account, certificates.is_some())?;
        let is_tls = |open: &&Listener| open.transport() == Transport::Tls;
        let tls = listeners.iter().find(is_tls).map(Listener::local);
        let address_tls = tls.map(|at| SocketAddr::new(visible(&account, at), at.port()));
        let aor = account.aor_at(address)?;
        let has_server = account.server.is_some();
        let has_password = !account.keyring.is_empty();
        let (told, events) = mpsc::channel(EVENTS_MAX);
        let (berth, commands) =
            Berth::of_all(1, Clock::start()).pop().ok_or_else(|| Error::System("no worker".to_owned()))?;
        let ways = Ways::new(listeners.iter().map(|open| (open.transport(), open.local().ip())));
        let media = Media::start(&account, commands.clone(), entropy.fork())
            .map_err(|error| Error::System(format!("the system gives no thread for media: {error}")))?;
        let gathered = media.prepare(address.ip());
        let ping = PING + entropy.up_to(PING_SPREAD);
        let limits = Limits { connections_max: 1_024, ping: Some(ping), ..Limits::default() };
        let desk = Desk::new(Opening { account, aor: aor.clone(), address, ways, told, media, entropy });
        let (stop, to_stop) = oneshot::channel();
        let (is_stopped, stopped) = oneshot::channel();
        let (is_up, up) = oneshot::channel();
        let plan = Plan { desk, listeners, certificates, berth, limits, stop: to_stop, stopped: is_stopped };
        std::thread::Builder::new()
            .name("ruf-sip".to_owned())
            .spawn(move || run(plan, is_up))
            .map_err(|error| Error::System(format!("the system gives no thread: {error}")))?;
        up.await
            .map_err(|_| Error::System("the phone's thread ended".to_owned()))?
            .map_err(|error| Error::System(format!("the sockets cannot be watched: {error}")))?;
        gathered.wait().await;
        let running = Mutex::new(Some(Running { stop, stopped }));
        Ok((
            Endpoint { line: Line(commands), address, address_tls, aor, has_server, has_password, running },
            events,
        ))
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn address_tls(&self) -> Option<SocketAddr> {
        self.address_tls
    }

    pub(crate) fn aor(&self) -> &Uri {
        &self.aor
    }

    /// Whom `to` means: a SIP address; a bare name or number is one of our own domain.
    ///
    /// # Errors
    /// It is no SIP address.
    pub(crate) fn target(&self, to: &str) -> Result<Uri, Error> {
        let to = to.trim();
        let lower = to.to_ascii_lowercase();
        let is_whole = to.contains('@') || lower.starts_with("sip:") || lower.starts_with("sips:");
        match self.aor.as_ref().host() {
            Some(host) if !is_whole && self.has_server => sip_uri(&format!("{to}@{host}")),
            Some(_) | None => sip_uri(to),
        }
    }

    /// It has something to prove who it is with.
    pub(crate) fn has_password(&self) -> bool {
        self.has_password
    }

    /// Has the desk do something soon.
    pub(crate) fn tell(&self, what: impl FnOnce(&mut Desk, Tick) + Send + 'static) {
        // A phone that is closed has nothing left to do it to.
        let _ = self.line.0.tell(move |desk, now| desk.with(now, what));
    }

    /// Has the desk do something, and waits for what it says.
    pub(crate) async fn ask<T: Send + 'static>(
        &self,
        what: impl FnOnce(&mut Desk, Tick) -> T + Send + 'static,
    ) -> Result<T, Error> {
        self.line.0.ask(move |desk, now| desk.with(now, what)).await.ok_or(Error::Closed)
    }

    /// Has the desk begin something, and waits until it is done.
    pub(crate) async fn ask_later<T: Send + 'static>(
        &self,
        what: impl FnOnce(&mut Desk, Tick, oneshot::Sender<T>) + Send + 'static,
    ) -> Result<T, Error> {
        let (answer, answered) = oneshot::channel();
        self.tell(move |desk, now| what(desk, now, answer));
        answered.await.map_err(|_| Error::Closed)
    }

    /// Has the desk say goodbye, and waits until that was sent.
    pub(crate) async fn leave(&self) {
        // A phone that is closed has done so. What a command wants sent is sent before the next one is carried out.
        if self.ask(Desk::close).await.is_ok() {
            let _ = self.ask(|_, _| ()).await;
        }
    }

    /// Ends the thread in good order, and waits for it.
    pub(crate) async fn close(&self) {
        self.tell(Desk::close);
        let running = self.running.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(Running { stop, stopped }) = running {
            let _ = stop.send(());
            let _ = stopped.await;
        }
    }
}

impl Drop for Endpoint {
    // The stop is told by dropping its sender.
    fn drop(&mut self) {
        self.tell(Desk::close);
    }
}

fn run(plan: Plan, is_up: oneshot::Sender<io::Result<()>>) {
    let Plan { desk, listeners, certificates, berth, limits, stop, stopped } = plan;
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return drop(is_up.send(Err(error))),
    };
    runtime.block_on(async move {
        match Worker::new(desk, listeners, limits, certificates, berth) {
            Ok(worker) => {
                let dns = Dns::system().unwrap_or_else(|_| Dns::none());
                let _ = is_up.send(Ok(()));
                // A sender that is dropped stops it, too.
                let stop = async move { drop(stop.await) };
                worker.exact().with_dns(dns).run(stop, std::future::pending(), FAREWELL).await;
            }
            Err(error) => drop(is_up.send(Err(error))),
        }
    });
    let _ = stopped.send(());
}

/// Opens UDP and TCP at one port, and TLS at any; gives where we are reached.
fn open(account: &Account, tls: bool) -> Result<(Vec<Listener>, SocketAddr), Error> {
    let wanted = account.listen;
    let mut last = None;
    for _ in 0..PORTS_TRIED {
        let udp = Listener::open(Transport::Udp, wanted).map_err(|error| Error::System(error.to_string()))?;
        let address = udp.local();
        match Listener::open(Transport::Tcp, address) {
            Ok(tcp) => {
                let mut listeners = vec![udp, tcp];
                let has_other = wanted.ip() == Ipv4Addr::UNSPECIFIED;
                if has_other {
                    // The other family too, if this machine has it.
                    let same = SocketAddr::from((Ipv6Addr::UNSPECIFIED, address.port()));
                    let open = |transport| Listener::open(transport, same).ok();
                    listeners.extend([Transport::Udp, Transport::Tcp].into_iter().filter_map(open));
                }
                if tls {
                    let at = account.listen_tls.unwrap_or(SocketAddr::new(wanted.ip(), 0));
                    let tls = Listener::open(Transport::Tls, at);
                    listeners.push(tls.map_err(|error| Error::System(error.to_string()))?);
                    if has_other && account.listen_tls.is_none() {
                        let other = SocketAddr::from((Ipv6Addr::UNSPECIFIED, 0));
                        listeners.extend(Listener::open(Transport::Tls, other).ok());
                    }
                }
                return Ok((listeners, SocketAddr::new(visible(account, address), address.port())));
            }
            Err(error) if wanted.port() == 0 => last = Some(error.to_string()),
            Err(error) => return Err(Error::System(error.to_string())),
        }
    }
    Err(Error::System(last.unwrap_or_else(|| "no port is free".to_owned())))
}

/// The address by which others see us, where we listen on all: the one towards the world, else loopback.
fn visible(account: &Account, address: SocketAddr) -> std::net::IpAddr {
    if !address.ip().is_unspecified() {
        return address.ip();
    }
    // Documentation addresses: nothing is sent there.
    let (world, alone): (SocketAddr, std::net::IpAddr) = match account.is_ipv4() {
        true => ((Ipv4Addr::new(192, 0, 2, 1), 9).into(), Ipv4Addr::LOCALHOST.into()),
        false => ((Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1), 9).into(), Ipv6Addr::LOCALHOST.into()),
    };
    ruf_net::local_address_towards(world).unwrap_or(alone)
}

fn seed() -> Result<[u8; 32], Error> {
    let mut seed = [0; 32];
    getrandom::fill(&mut seed)
        .map_err(|error| Error::System(format!("the system gives no randomness: {error}")))?;
    Ok(seed)
}
