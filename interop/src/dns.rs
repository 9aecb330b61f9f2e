//! Finding servers (RFC 3263): calls to domains whose first server does not serve, whose only server has
//! an IPv6 address, that do not exist, and whose name server is silent.

mod names;

use std::io::{Read, Write};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, UdpSocket};
use std::path::Path;
use std::time::{Duration, Instant};

use names::Names;

use crate::digest::Account;
use crate::failure::{Outcome, ensure};
use crate::line::{Came, Line, PATIENCE};
use crate::place;
use crate::raw;
use crate::server::{Server, Settings};
use crate::sip::Sip;
use crate::transport::Transport;
use crate::verdict;

type Check = (&'static str, fn(&Scene) -> Outcome<String>);

const CHECKS: [Check; 7] = [
    ("the first server's port is closed", closed_port),
    ("the first server is silent", silent_server),
    ("the first server refuses connections", refused_connection),
    ("the first server answers 503", overloaded),
    ("a server with an IPv6 address alone", ipv6_alone),
    ("a domain that does not exist is asked for once", negative_cache),
    ("a name server that is silent delays no other call", silent_name_server),
];

const NET: u8 = 100;
/// Calls to a domain that does not exist, for each worker: nearly sure to come to each of them.
const CALLS_PER_WORKER: usize = 6;
const ANNA: Account = Account { user: "anna", secret: "secret-of-anna" };
/// How long a server may be silent before the next one is tried, as the product has it.
const SILENCE: Duration = Duration::from_secs(4);
/// How much longer than it should anything may take on a busy machine.
const TOLERANCE: Duration = Duration::from_millis(1_500);

/// A server, its name server, and Anna.
struct Scene {
    names: Names,
    server: Server,
    anna: Line,
}

/// Runs all checks; true if each went well.
pub(crate) fn run(folder: &Path) -> Outcome<bool> {
    let scene = Scene::start(folder)?;
    let mut fine = true;
    for (title, check) in CHECKS {
        fine &= verdict::say(title, check(&scene));
    }
    let status = scene.server.stop()?;
    ensure!(status.success(), "the server ended with {status}");
    Ok(fine)
}

fn host(last: u8) -> Ipv4Addr {
    let [a, b, c, _] = place::net(NET).octets();
    Ipv4Addr::new(a, b, c, last)
}

impl Scene {
    fn start(folder: &Path) -> Outcome<Scene> {
        let names = Names::start(host(9))?;
        let domains = ["closed", "mute", "rst", "busy", "six", "none", "slow", "good"];
        let domains: Vec<String> = domains.iter().map(|name| format!("\"{name}.test\"")).collect();
        let config = folder.join("ruf.toml");
        std::fs::write(&config, format!("[routing]\nelsewhere = [{}]\n", domains.join(", ")))?;
        let line = format!("--config {} --dns {} --listen udp:[::1]:0", config.display(), names.address);
        let mut settings =
            Settings::new(&folder.join("data"), host(1)).user(ANNA.user, ANNA.secret).arguments(&line);
        settings.streams.push(Transport::Tcp);
        let server = Server::start(&settings)?;
        let anna = Line::new(host(2), ANNA, server.address)?;
        Ok(Scene { names, server, anna })
    }

    /// A server of a domain, after those that were added before.
    fn server_of(&self, domain: &str, last: u8) -> Outcome<Line> {
        let line = Line::new(host(last), ANNA, self.server.address)?;
        self.names.add(domain, "udp", line.address);
        Ok(line)
    }

    /// Anna calls; gives her INVITE and when she began.
    fn call(&self, domain: &str) -> Outcome<(raw::Request, Instant)> {
        let uri = format!("sip:bob@{domain}");
        let began = Instant::now();
        let (invite, _) = self.anna.ask_by_right(&self.anna.request("INVITE", &uri))?;
        Ok((invite, began))
    }

    /// The end of Anna's call, which she acknowledges.
    fn end(&self, invite: &raw::Request) -> Outcome<u16> {
        let last = self
            .anna
            .wait("the final answer", |sip| sip.call_id() == invite.call_id && sip.status() >= Some(200))?;
        if let Some(ack) = raw::ack(invite.text().as_bytes(), &last.sip) {
            self.anna.send(&ack)?;
        }
        Ok(last.sip.status().unwrap_or_default())
    }

    /// The INVITE comes to this server, which is busy; gives it, and how long it took.
    fn served(&self, server: &Line, (invite, began): (raw::Request, Instant)) -> Outcome<(Came, Duration)> {
        let came = server.wait("the INVITE", |sip| sip.is_request("INVITE"))?;
        let took = began.elapsed();
        server.send(&raw::reply(&came.octets, "486 Busy Here"))?;
        let status = self.end(&invite)?;
        ensure!(status == 486, "Anna got {status}");
        Ok((came, took))
    }
}

fn in_time(took: Duration, least: Duration) -> Outcome<String> {
    ensure!(took >= least, "the next was asked after {took:?}, before {least:?} were over");
    ensure!(took <= least + TOLERANCE, "the next was asked after {took:?}");
    Ok(format!("the next after {} ms", took.as_millis()))
}

fn branch(sip: &Sip) -> &str {
    let via = sip.header("Via").unwrap_or_default();
    via.split_once("branch=").map_or("", |(_, rest)| rest.split([';', ',']).next().unwrap_or_default())
}

fn closed_port(scene: &Scene) -> Outcome<String> {
    let closed = UdpSocket::bind((host(20), 0))?.local_addr()?;
    scene.names.add("closed.test", "udp", closed);
    let next = scene.server_of("closed.test", 21)?;
    let (_, took) = scene.served(&next, scene.call("closed.test")?)?;
    in_time(took, Duration::ZERO)
}

fn silent_server(scene: &Scene) -> Outcome<String> {
    let mute = scene.server_of("mute.test", 22)?;
    let next = scene.server_of("mute.test", 23)?;
    let (came, took) = scene.served(&next, scene.call("mute.test")?)?;
    let first = mute.wait("the INVITE", |sip| sip.is_request("INVITE"))?;
    ensure!(branch(&first.sip) != branch(&came.sip), "both tries have the branch {}", branch(&came.sip));
    // The clock of the four seconds starts a little after Anna's.
    in_time(took, SILENCE)
}

fn refused_connection(scene: &Scene) -> Outcome<String> {
    let closed = TcpListener::bind((host(24), 0))?.local_addr()?;
    scene.names.add("rst.test", "tcp", closed);
    let listener = TcpListener::bind((host(25), 0))?;
    scene.names.add("rst.test", "tcp", listener.local_addr()?);
    let (invite, began) = scene.call("rst.test")?;
    socket2::SockRef::from(&listener).set_read_timeout(Some(PATIENCE))?;
    let (mut stream, _) = listener.accept()?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let (mut octets, mut buffer) = (Vec::new(), [0; 4_096]);
    while !octets.windows(4).any(|four| four == b"\r\n\r\n") {
        let length = stream.read(&mut buffer)?;
        ensure!(length > 0, "the connection was closed before a request came");
        octets.extend_from_slice(buffer.get(..length).unwrap_or_default());
    }
    let took = began.elapsed();
    ensure!(Sip::read(&octets).is_some_and(|sip| sip.is_request("INVITE")), "no INVITE came");
    stream.write_all(&raw::reply(&octets, "486 Busy Here"))?;
    let status = scene.end(&invite)?;
    ensure!(status == 486, "Anna got {status}");
    in_time(took, Duration::ZERO)
}

fn overloaded(scene: &Scene) -> Outcome<String> {
    let busy = scene.server_of("busy.test", 26)?;
    let next = scene.server_of("busy.test", 27)?;
    let call = scene.call("busy.test")?;
    let first = busy.wait("the INVITE", |sip| sip.is_request("INVITE"))?;
    busy.send(&raw::reply(&first.octets, "503 Service Unavailable"))?;
    let (came, took) = scene.served(&next, call)?;
    ensure!(branch(&first.sip) != branch(&came.sip), "both tries have the branch {}", branch(&came.sip));
    // Known to be overloaded now: the next call does not ask it again.
    let call = scene.call("busy.test")?;
    scene.served(&next, call)?;
    in_time(took, Duration::ZERO)
}

fn ipv6_alone(scene: &Scene) -> Outcome<String> {
    let socket = UdpSocket::bind((Ipv6Addr::LOCALHOST, 0))?;
    socket.set_read_timeout(Some(PATIENCE))?;
    scene.names.add("six.test", "udp", socket.local_addr()?);
    let (invite, _) = scene.call("six.test")?;
    let mut buffer = [0; 65_535];
    let (length, from): (usize, SocketAddr) = socket.recv_from(&mut buffer)?;
    let octets = buffer.get(..length).unwrap_or_default();
    ensure!(Sip::read(octets).is_some_and(|sip| sip.is_request("INVITE")), "no INVITE came");
    socket.send_to(&raw::reply(octets, "486 Busy Here"), from)?;
    let status = scene.end(&invite)?;
    ensure!(status == 486, "Anna got {status}");
    Ok(format!("the INVITE came from {from}"))
}

/// Each worker remembers for itself what the DNS said.
fn negative_cache(scene: &Scene) -> Outcome<String> {
    let (first, _) = scene.call("none.test")?;
    let status = scene.end(&first)?;
    let once = scene.names.asked("none.test");
    ensure!(once > 0, "nothing was asked");
    let workers = scene.server.workers()?;
    let calls = CALLS_PER_WORKER * workers;
    for _ in 1..calls {
        let (call, _) = scene.call("none.test")?;
        let again = scene.end(&call)?;
        ensure!(again == status, "a later call ended with {again}, the first with {status}");
    }
    let asked = scene.names.asked("none.test");
    ensure!(asked <= once * workers, "{asked} questions for {calls} calls, and {once} for the first");
    Ok(format!("{asked} questions for {calls} calls, which all ended with {status}"))
}

fn silent_name_server(scene: &Scene) -> Outcome<String> {
    scene.names.silence("slow.test");
    let (slow, _) = scene.call("slow.test")?;
    let good = scene.server_of("good.test", 28)?;
    let (_, took) = scene.served(&good, scene.call("good.test")?)?;
    let status = scene.end(&slow)?;
    ensure!(status >= 400, "the call to nowhere ended with {status}");
    in_time(took, Duration::ZERO)
}
