//! Thousands of connections that say nothing, from 200 addresses, to a server that was started with room
//! for 1,024 files, as most shells would start it. It raises that to what it may have; meanwhile it
//! answers its operator, keeps its registrations, and carries calls.
//!
//! Three crowds: over TCP; on the port of TLS without a handshake, whom the server closes; and behind
//! their handshakes.

use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use socket2::{Domain, Socket, Type};

use crate::failure::{Failure, Outcome, ensure};
use crate::line::{Line, call};
use crate::server::{Bound, Server};
use crate::transport::Transport;

use super::host;
use super::secure::Handshakes;

const CONNECTIONS: usize = 10_000;
/// Addresses they come from, each as often.
const SOURCES: usize = 200;
/// The room for files that a shell gives.
const FILES_OF_A_SHELL: u64 = 1_024;
/// Room for the files of the harness, and of a server with so many connections.
const FILES: u64 = CONNECTIONS as u64 + 2_000;
/// The memory that a connection may cost which says nothing, in octets.
const TCP_BYTES_MAX: u64 = 4_096;
/// The same behind a handshake, the state of TLS included.
const TLS_BYTES_MAX: u64 = 20_480;
/// How long handshakes are made: the first are closed for their silence after 30 s, and all are to stand
/// when memory is looked at.
const HANDSHAKES: Duration = Duration::from_secs(15);
/// So many must have been made by then.
const HANDSHAKES_MIN: usize = 2_000;
/// How long the server may take to accept what is connected, and to close what it does not wait for.
const PATIENCE: Duration = Duration::from_secs(20);

/// A server among a crowd, and what it was before the crowd came.
struct Scene {
    server: Server,
    phones: [Line; 2],
    bindings: Vec<Bound>,
    resident_bytes: u64,
    files: usize,
}

/// Connections over TCP.
pub(super) fn are_borne(folder: &Path, net: Ipv4Addr) -> Outcome<String> {
    let scene = Scene::start(folder, net, Transport::Tcp)?;
    let (crowd, asked) = scene.asked_meanwhile(|| scene.connect_all(net, Transport::Tcp))?;
    let each = scene.each_costs(crowd.len())?;
    scene.carries_calls()?;
    ensure!(each <= TCP_BYTES_MAX, "a silent connection costs {each} octets");
    drop(crowd);
    scene.end()?;
    Ok(format!("{each} octets each; {asked}"))
}

/// Connections to the port of TLS that never begin a handshake.
pub(super) fn without_handshakes(folder: &Path, net: Ipv4Addr) -> Outcome<String> {
    let scene = Scene::start(folder, net, Transport::Tls)?;
    let ((crowd, each), asked) = scene.asked_meanwhile(|| {
        let crowd = scene.connect_all(net, Transport::Tls)?;
        // On a slow machine the server has closed the first of them by now.
        let each = scene.each_costs(scene.server.open_files()?.saturating_sub(scene.files))?;
        scene.carries_calls()?;
        Ok((crowd, each))
    })?;
    scene.wait_files("all were closed", |open| open <= scene.files)?;
    scene.carries_calls()?;
    ensure!(each <= TCP_BYTES_MAX, "a connection without a handshake costs {each} octets");
    drop(crowd);
    scene.end()?;
    Ok(format!("{each} octets each, and closed by the server; {asked}"))
}

/// Connections that have shaken hands and then say nothing.
pub(super) fn behind_handshakes(folder: &Path, net: Ipv4Addr) -> Outcome<String> {
    let scene = Scene::start(folder, net, Transport::Tls)?;
    let handshakes = Handshakes::trusting(&scene.server.authority())?;
    let to = scene.server.at(Transport::Tls)?;
    let (crowd, asked) = scene
        .asked_meanwhile(|| handshakes.made(CONNECTIONS, HANDSHAKES, |number| connect(net, number, to)))?;
    ensure!(crowd.len() >= HANDSHAKES_MIN, "only {} handshakes in {} s", crowd.len(), HANDSHAKES.as_secs());
    scene.wait_files("all are there", |open| open >= scene.files + crowd.len())?;
    let each = scene.each_costs(crowd.len())?;
    scene.carries_calls()?;
    ensure!(each <= TLS_BYTES_MAX, "a silent connection over TLS costs {each} octets");
    let count = crowd.len();
    drop(crowd);
    scene.end()?;
    Ok(format!("{count} handshakes, {each} octets each; {asked}"))
}

impl Scene {
    fn start(folder: &Path, net: Ipv4Addr, transport: Transport) -> Outcome<Scene> {
        make_room()?;
        let mut settings = super::settings(folder, net);
        settings.streams = vec![transport];
        let ours = getrlimit(Resource::Nofile);
        setrlimit(Resource::Nofile, Rlimit { current: Some(FILES_OF_A_SHELL), ..ours })?;
        let server = Server::start(&settings);
        setrlimit(Resource::Nofile, ours)?;
        let server = server?;
        let phones = super::lines(&server, net)?;
        // The files first: who asks for bindings has one open for a moment longer.
        let (files, bindings) = (server.open_files()?, server.bindings()?);
        let resident_bytes = server.resident_kb()? << 10;
        Ok(Scene { server, phones, bindings, resident_bytes, files })
    }

    /// Does something while the server is asked for its status; says how often it was, and how long it took.
    fn asked_meanwhile<T: Send>(&self, deed: impl FnOnce() -> Outcome<T> + Send) -> Outcome<(T, String)> {
        let done = AtomicBool::new(false);
        let (deed, asked) = std::thread::scope(|scope| {
            let asking = scope.spawn(|| ask_until(&self.server, &done));
            let deed = deed();
            done.store(true, Ordering::Relaxed);
            (deed, asking.join().unwrap_or_else(|_| Err(Failure::new("the asking thread fell"))))
        });
        let (times, slowest) = asked?;
        let millis = slowest.as_millis();
        Ok((deed?, format!("`ruf status` answered {times} times meanwhile, after {millis} ms at most")))
    }

    /// Opens all connections, and waits until the server has accepted them: it then has so many files open.
    fn connect_all(&self, net: Ipv4Addr, transport: Transport) -> Outcome<Vec<TcpStream>> {
        let to = self.server.at(transport)?;
        let crowd: Vec<TcpStream> =
            (0..CONNECTIONS).map(|number| connect(net, number, to)).collect::<Outcome<_>>()?;
        if transport == Transport::Tcp {
            self.wait_files("all are there", |open| open >= self.files + CONNECTIONS)?;
        }
        Ok(crowd)
    }

    /// The memory that each of a crowd costs, in octets.
    fn each_costs(&self, crowd: usize) -> Outcome<u64> {
        let resident = self.server.resident_kb()? << 10;
        Ok(resident.saturating_sub(self.resident_bytes) / crowd.max(1) as u64)
    }

    fn wait_files(&self, what: &str, wanted: impl Fn(usize) -> bool) -> Outcome<()> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let open = self.server.open_files()?;
            if wanted(open) {
                return Ok(());
            }
            ensure!(Instant::now() < deadline, "{what}: no, the server has {open} files open");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// A call passes, the registrations are what they were, and the operator is answered.
    fn carries_calls(&self) -> Outcome<()> {
        let [anna, bert] = &self.phones;
        call::ring(anna, bert)?.answer(anna, bert)?.hang_up(anna, bert)?;
        let now = self.server.bindings()?;
        let same = now.iter().map(|bound| (&bound.aor, &bound.contact));
        let same = same.eq(self.bindings.iter().map(|bound| (&bound.aor, &bound.contact)));
        ensure!(same, "the registrations are not what they were: {now:?}");
        self.server.status()?;
        Ok(())
    }

    fn end(self) -> Outcome<()> {
        let status = self.server.stop()?;
        ensure!(status.success(), "the server ended with {status}");
        Ok(())
    }
}

/// Lets the harness, and what it starts, have enough files open.
fn make_room() -> Outcome<()> {
    let limit = getrlimit(Resource::Nofile);
    let enough = |bound: Option<u64>| bound.is_none_or(|bound| bound >= FILES);
    let maximum = if enough(limit.maximum) { limit.maximum } else { Some(FILES) };
    let current = if enough(limit.current) { limit.current } else { maximum };
    setrlimit(Resource::Nofile, Rlimit { current, maximum }).map_err(|error| {
        Failure::new(format!("{FILES} files may not be open at once here (ulimit -Hn): {error}"))
    })
}

/// Opens a connection; its number says from which address.
fn connect(net: Ipv4Addr, number: usize, to: SocketAddr) -> Outcome<TcpStream> {
    let from = SocketAddr::new(host(net, (10 + number % SOURCES) as u8).into(), 0);
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    socket.bind(&from.into())?;
    socket
        .connect_timeout(&to.into(), PATIENCE)
        .map_err(|error| Failure::new(format!("connection {number} is refused: {error}")))?;
    Ok(TcpStream::from(socket))
}

/// Asks for the status over and over: how often it came, and how long the slowest took.
fn ask_until(server: &Server, done: &AtomicBool) -> Outcome<(usize, Duration)> {
    let (mut times, mut slowest) = (0, Duration::ZERO);
    while !done.load(Ordering::Relaxed) {
        let began = Instant::now();
        server.status()?;
        slowest = slowest.max(began.elapsed());
        times += 1;
    }
    Ok((times, slowest))
}
