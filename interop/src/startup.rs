//! How a server starts, refuses to start, and ends: what a script may rely on.

use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

use crate::failure::{Outcome, ensure};
use crate::place;
use crate::program::{self, LineMark, Program};
use crate::server::{self, Server, Settings};
use crate::sip::Sip;
use crate::wire::{Mark, Wire};

/// How long a server may take to refuse.
const REFUSAL: Duration = Duration::from_secs(10);

type Check = (&'static str, fn(&Path, Ipv4Addr) -> Outcome<()>);

const CHECKS: [Check; 7] = [
    ("a port that is taken", port_taken),
    ("a data directory that is a file", data_is_a_file),
    ("a data directory that may not be read", data_may_not_be_read),
    ("a configuration that is broken", broken_configuration),
    ("the self-test on the real sockets", self_test_is_seen),
    ("an OPTIONS of sipsak", sipsak_is_answered),
    ("the end by SIGTERM", ends_when_asked),
];

/// Runs all checks; true if each went well.
pub(crate) fn run(folder: &Path) -> Outcome<bool> {
    program::present("sipsak", "sipsak")?;
    let mut fine = true;
    for (number, (title, check)) in CHECKS.into_iter().enumerate() {
        let folder = folder.join(number.to_string());
        std::fs::create_dir_all(&folder)?;
        let [a, b, c, _] = place::net(120).octets();
        match check(&folder, Ipv4Addr::new(a, b, c, number as u8 + 1)) {
            Ok(()) => println!("ok      {title}"),
            Err(failure) => {
                fine = false;
                println!("FAILED  {title}: {failure}");
            }
        }
    }
    Ok(fine)
}

fn port_taken(folder: &Path, ip: Ipv4Addr) -> Outcome<()> {
    let taken = UdpSocket::bind((ip, 0))?;
    let mut settings = Settings::new(&folder.join("data"), ip);
    settings.listen = taken.local_addr()?;
    refused(settings.launch()?, 3, &settings.listen.port().to_string())
}

fn data_is_a_file(folder: &Path, ip: Ipv4Addr) -> Outcome<()> {
    let data = folder.join("data");
    std::fs::write(&data, "not a directory")?;
    refused(Settings::new(&data, ip).launch()?, 2, &data.display().to_string())
}

/// Without the capabilities of root, which may read everything.
fn data_may_not_be_read(folder: &Path, ip: Ipv4Addr) -> Outcome<()> {
    let data = folder.join("data");
    std::fs::create_dir(&data)?;
    std::fs::set_permissions(&data, std::fs::Permissions::from_mode(0o000))?;
    let mut line = ["--bounding-set=-all", "--inh-caps=-all", "--no-new-privs"].map(str::to_owned).to_vec();
    line.push(server::binary()?.display().to_string());
    line.extend(Settings::new(&data, ip).command_line());
    refused(Program::start("ruf", "setpriv", line, |_| {})?, 2, &data.display().to_string())
}

fn broken_configuration(folder: &Path, ip: Ipv4Addr) -> Outcome<()> {
    let file = folder.join("ruf.toml");
    std::fs::write(&file, "[server]\nlisten = [\"udp:127.0.0.1:5060\"\nworkers = 1\n")?;
    let settings = Settings::new(&folder.join("data"), ip).arguments(&format!("--config {}", file.display()));
    refused(settings.launch()?, 2, &file.display().to_string())?;
    std::fs::write(&file, "[server]\nlisen = [\"udp:127.0.0.1:5060\"]\n")?;
    refused(settings.launch()?, 2, "listen")
}

/// The program ends with `status`, never says `ready`, and names the cause in the one line it says.
fn refused(mut program: Program, status: i32, cause: &str) -> Outcome<()> {
    let ended = program.wait_end(REFUSAL)?;
    let (said, complained) = (program.output(), program.errors());
    ensure!(!said.iter().any(|line| line.starts_with("ready")), "it says `ready`");
    ensure!(ended.code() == Some(status), "{ended}, not {status}: {complained:?}");
    let lines: Vec<&String> = complained.iter().filter(|line| line.starts_with("ruf: ")).collect();
    ensure!(lines.len() == 1, "not one line for its user: {complained:?}");
    ensure!(lines.iter().any(|line| line.contains(cause)), "{lines:?} does not name {cause}");
    Ok(())
}

/// Before `ready`, two phones register and one calls the other, through the server's own socket.
fn self_test_is_seen(folder: &Path, ip: Ipv4Addr) -> Outcome<()> {
    let wire = Wire::open()?;
    let tap = wire.tap_address(ip.into());
    let mut settings = Settings::new(&folder.join("data"), ip);
    settings.more.clear();
    let server = Server::start(&settings)?;
    // What was on the wire before a datagram of ours, sent after `ready`, was there before `ready`. The
    // packet socket may lag behind the line that the server prints.
    let ours = UdpSocket::bind((ip, 0))?;
    let here = ours.local_addr()?;
    ours.send_to(b"\r\n\r\n", server.address)?;
    tap.wait(Mark::START, REFUSAL, "our own datagram", |packet| (packet.source == here).then_some(()))?;
    let before: Vec<_> =
        tap.since(Mark::START).into_iter().take_while(|packet| packet.source != here).collect();
    let sent = |to_server: bool, wanted: &dyn Fn(&Sip) -> bool| {
        let ours = |address: SocketAddr| address == server.address;
        before
            .iter()
            .filter(|packet| if to_server { ours(packet.destination) } else { ours(packet.source) })
            .filter_map(|packet| packet.sip.as_ref())
            .filter(|sip| wanted(sip))
            .count()
    };
    let registered = sent(false, &|sip| sip.is_response(200, "REGISTER"));
    ensure!(registered >= 2, "{registered} registrations were accepted before `ready`");
    for method in ["INVITE", "ACK", "BYE"] {
        let (came, went) =
            (sent(true, &|sip| sip.is_request(method)), sent(false, &|sip| sip.is_request(method)));
        ensure!(came > 0 && went > 0, "{came} {method} came and {went} went before `ready`");
    }
    let ended = sent(false, &|sip| sip.is_response(200, "BYE"));
    ensure!(ended > 0, "the call was not over before `ready`");
    let bindings = server.bindings()?;
    ensure!(bindings.is_empty(), "the phones of the self-test are still there: {bindings:?}");
    server.stop()?;
    Ok(())
}

fn sipsak_is_answered(folder: &Path, ip: Ipv4Addr) -> Outcome<()> {
    // sipsak 0.9.8 cuts a port of five digits to four.
    let mut settings = Settings::new(&folder.join("data"), ip);
    settings.listen.set_port(5060);
    let server = Server::start(&settings)?;
    let mut sipsak = Program::start("sipsak", "sipsak", ["-s", &format!("sip:{}", server.address)], |_| {})?;
    let ended = sipsak.wait_end(REFUSAL)?;
    ensure!(ended.success(), "sipsak says {ended}: {:?}", sipsak.output());
    server.stop()?;
    Ok(())
}

fn ends_when_asked(folder: &Path, ip: Ipv4Addr) -> Outcome<()> {
    let settings = Settings::new(&folder.join("data"), ip);
    let status = Server::start(&settings)?.stop()?;
    ensure!(status.success(), "it ended with {status}");
    // And it starts again on what it left.
    let again = settings.launch()?;
    again.wait_line(LineMark::START, REFUSAL, "a second `ready`", |line| {
        line.starts_with("ready").then_some(())
    })
}
