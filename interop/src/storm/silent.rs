//! Ten thousand connections that say nothing, from 200 addresses, to a server that was started with room
//! for 1,024 files, as most shells would start it. It raises that to what it may have; meanwhile it
//! answers its operator, keeps its registrations, and carries calls.

use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use socket2::{Domain, Socket, Type};

use crate::failure::{Failure, Outcome, ensure};
use crate::line::call;
use crate::server::Server;
use crate::transport::Transport;

use super::host;

const CONNECTIONS: usize = 10_000;
/// Addresses they come from, each as often.
const SOURCES: usize = 200;
/// The room for files that a shell gives.
const FILES_OF_A_SHELL: u64 = 1_024;
/// Room for the files of the harness, and of a server with so many connections.
const FILES: u64 = CONNECTIONS as u64 + 2_000;
/// The memory that a connection which says nothing may cost, in kB.
const MEMORY_EACH_KB_MAX: u64 = 16;
/// How long the server may take to accept what is connected.
const PATIENCE: Duration = Duration::from_secs(20);

pub(super) fn are_borne(folder: &Path, net: Ipv4Addr) -> Outcome<String> {
    make_room()?;
    let mut settings = super::settings(folder, net);
    settings.streams = vec![Transport::Tcp];
    let ours = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: Some(FILES_OF_A_SHELL), ..ours })?;
    let server = Server::start(&settings);
    setrlimit(Resource::Nofile, ours)?;
    let server = server?;
    let [anna, bert] = super::lines(&server, net)?;
    let (before, files) = (server.resident_kb()?, server.open_files()?);
    let bindings = server.bindings()?;

    let done = AtomicBool::new(false);
    let (crowd, asked) = std::thread::scope(|scope| {
        let asking = scope.spawn(|| ask_until(&server, &done));
        let crowd = connect_all(&server, net, files);
        done.store(true, Ordering::Relaxed);
        let asked = asking.join().unwrap_or_else(|_| Err(Failure::new("the asking thread fell")));
        (crowd, asked)
    });
    let (crowd, asked) = (crowd?, asked?);
    call::ring(&anna, &bert)?.answer(&anna, &bert)?.hang_up(&anna, &bert)?;
    let after = server.resident_kb()?;
    ensure!(server.bindings()? == bindings, "the registrations are not what they were: {bindings:?}");
    server.status()?;
    let each = after.saturating_sub(before) / CONNECTIONS as u64;
    ensure!(each <= MEMORY_EACH_KB_MAX, "a silent connection costs {each} kB");
    drop(crowd);
    let status = server.stop()?;
    ensure!(status.success(), "the server ended with {status}");
    Ok(format!(
        "{before} kB before, {after} kB with them; `ruf status` answered {} times meanwhile, after {} ms at most",
        asked.0,
        asked.1.as_millis()
    ))
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

/// Opens all connections, and waits until the server has accepted them: it then has so many files open.
fn connect_all(server: &Server, net: Ipv4Addr, files_before: usize) -> Outcome<Vec<TcpStream>> {
    let to = server.at(Transport::Tcp)?;
    let mut crowd = Vec::with_capacity(CONNECTIONS);
    for number in 0..CONNECTIONS {
        let from = SocketAddr::new(host(net, (10 + number % SOURCES) as u8).into(), 0);
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
        socket.bind(&from.into())?;
        socket
            .connect_timeout(&to.into(), PATIENCE)
            .map_err(|error| Failure::new(format!("connection {number} is refused: {error}")))?;
        crowd.push(TcpStream::from(socket));
    }
    let deadline = Instant::now() + PATIENCE;
    loop {
        let accepted = server.open_files()?.saturating_sub(files_before);
        if accepted >= CONNECTIONS {
            return Ok(crowd);
        }
        ensure!(Instant::now() < deadline, "of {CONNECTIONS} connections the server has {accepted}");
        std::thread::sleep(Duration::from_millis(20));
    }
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
