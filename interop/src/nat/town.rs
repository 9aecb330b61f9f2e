//! The networks, who lives where, and what watches the streets.
//!
//! ```text
//!   a phone each        home              street            front             room
//!   192.168.7.11 - 14   NAT,              phones            forwards          the server
//!          (bridge) --- 192.168.7.1       203.0.113.23      5060 to it   .1 - 10.0.0.2
//!                       203.0.113.2 ----- (bridge) -------- 203.0.113.1
//! ```
//!
//! The NAT at home is a harsh one: it gives every flow a port that has nothing to do with the phone's,
//! lets in only whom the phone has sent something to, and forgets a flow after 30 s of silence.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::digest::Account;
use crate::failure::{Outcome, ensure};
use crate::line::Line;
use crate::namespace::Namespace;
use crate::phone::{self, Codec, Make, Phone};
use crate::place;
use crate::server::{Server, Settings};
use crate::sip::Sip;
use crate::transport::Transport;
use crate::wire::{Mark, Tap, Wire};

/// How long anything that was asked for may take.
pub(super) const PATIENCE: Duration = Duration::from_secs(10);
/// How long the NATs remember a flow of UDP on which nothing is said.
pub(super) const MAPPING_SECS: u64 = 30;
/// Where the server is, as it knows it.
pub(super) const SERVER_INSIDE: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 2);
/// What the world calls the server.
pub(super) const SERVER_OUTSIDE: SocketAddr =
    SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::new(203, 0, 113, 1)), 5_060);
/// The same over TLS.
pub(super) const SERVER_OUTSIDE_TLS: SocketAddr =
    SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::new(203, 0, 113, 1)), 5_061);
/// What the world calls everybody at home.
pub(super) const HOME: Ipv4Addr = Ipv4Addr::new(203, 0, 113, 2);
/// The ports that the NAT at home gives to flows.
const MAPPED: std::ops::RangeInclusive<u16> = 20_000..=29_999;
/// Ports of RTP of each phone.
const RTP_PORTS: u16 = 20;

/// Lets a network pass on what is not for itself.
const ROUTER: &str = "echo 1 > /proc/sys/net/ipv4/ip_forward";

/// A phone on a machine of its own, and what comes to that machine. It goes before its machine.
pub(super) struct Party {
    pub(super) phone: Phone,
    pub(super) inbox: Tap,
    _machine: Namespace,
}

/// The networks, and everybody in them.
pub(super) struct Town {
    // Phones and the server first: they go before their networks.
    /// What the phones at home speak.
    pub(super) transport: Transport,
    /// At home: baresip.
    pub(super) anna: Party,
    /// At home: linphone.
    pub(super) bert: Party,
    /// At home: PJSIP.
    pub(super) fred: Party,
    /// In the street: baresip, over UDP.
    pub(super) carl: Party,
    /// At home, written by hand.
    pub(super) doro: Line,
    /// On the machine of doro, written by hand; says nothing after it has registered.
    pub(super) mute: Line,
    /// When `mute` had registered.
    pub(super) mute_registered: Instant,
    /// In the street, written by hand.
    pub(super) emil: Line,
    pub(super) server: Server,
    /// All that comes to the server.
    came_tap: Tap,
    /// All that the server sends.
    pub(super) sent_tap: Tap,
    _hers: Namespace,
    _networks: [Namespace; 4],
}

const ANNA: Account = Account { user: "anna", secret: "secret-of-anna" };
const BERT: Account = Account { user: "bert", secret: "secret-of-bert" };
const CARL: Account = Account { user: "carl", secret: "secret-of-carl" };
const DORO: Account = Account { user: "doro", secret: "secret-of-doro" };
const EMIL: Account = Account { user: "emil", secret: "secret-of-emil" };
const MUTE: Account = Account { user: "mute", secret: "secret-of-mute" };
const FRED: Account = Account { user: "fred", secret: "secret-of-fred" };

impl Town {
    /// Lays the networks and starts everybody; the phones register by themselves, those at home by
    /// `transport`.
    pub(super) fn start(folder: &Path, transport: Transport) -> Outcome<Town> {
        let networks = lay()?;
        let [home, street, front, room] = &networks;
        let tap =
            |network: &Namespace, address: Ipv4Addr| network.run(move || Ok(Wire::open()?.tap(address)));
        let (came_tap, sent_tap) = (tap(room, SERVER_INSIDE)?, tap(front, SERVER_INSIDE)?);

        let listen = SocketAddr::new(SERVER_INSIDE.into(), SERVER_OUTSIDE.port());
        let mut settings = Settings::new(&folder.join("data"), SERVER_INSIDE)
            .arguments(&format!("--advertise udp:{listen}={SERVER_OUTSIDE}"))
            .arguments(&format!("--listen tcp:{listen} --advertise tcp:{listen}={SERVER_OUTSIDE}"));
        let tls = SocketAddr::new(SERVER_INSIDE.into(), SERVER_OUTSIDE_TLS.port());
        settings =
            settings.arguments(&format!("--listen tls:{tls} --advertise tls:{tls}={SERVER_OUTSIDE_TLS}"));
        settings.listen = listen;
        for Account { user, secret } in [ANNA, BERT, CARL, DORO, EMIL, FRED, MUTE] {
            settings = settings.user(user, secret);
        }
        let server = room.run(move || Server::start(&settings))?;
        let authority = server.authority();

        let by_hand = |network: &Namespace, address, account| {
            network.run(move || {
                let line = Line::new(address, account, SERVER_OUTSIDE)?;
                line.register()?;
                Ok(line)
            })
        };
        let at_home = |make, last, account| {
            let mut settings = phone_settings(folder, host(AT_HOME, last), account, transport);
            if transport == Transport::Tls {
                (settings.server, settings.authority) = (SERVER_OUTSIDE_TLS, Some(authority.clone()));
            }
            party(make, settings, home)
        };
        let hers = machine(DORO.user, host(AT_HOME, 14), home)?;
        Ok(Town {
            transport,
            doro: by_hand(&hers, host(AT_HOME, 14), DORO)?,
            mute: by_hand(&hers, host(AT_HOME, 14), MUTE)?,
            mute_registered: Instant::now(),
            _hers: hers,
            emil: by_hand(street, host(IN_THE_STREET, 24), EMIL)?,
            anna: at_home(Make::Baresip, 11, ANNA)?,
            bert: at_home(Make::Linphone, 12, BERT)?,
            fred: at_home(Make::Pjsip, 13, FRED)?,
            carl: party(
                Make::Baresip,
                phone_settings(folder, host(IN_THE_STREET, 23), CARL, Transport::Udp),
                street,
            )?,
            server,
            came_tap,
            sent_tap,
            _networks: networks,
        })
    }

    /// Ends the server as an operator would.
    pub(super) fn end(self) -> Outcome<String> {
        let Town { server, anna, bert, carl, fred, _networks, .. } = self;
        drop([anna, bert, carl, fred]);
        let status = server.stop()?;
        ensure!(status.success(), "the server ended with {status}");
        Ok(status.to_string())
    }

    /// Where somebody at home is seen from the server, by their first request of this method.
    pub(super) fn mapped(&self, user: &str, method: &str) -> Outcome<SocketAddr> {
        let what = format!("a {method} of {user} at the server");
        let (source, _) = self.came_tap.wait(Mark::START, PATIENCE, &what, |packet| {
            let hers = packet.sip.as_ref().is_some_and(|sip| {
                sip.is_request(method) && sip.header("From").is_some_and(|from| from.contains(user))
            });
            hers.then_some(packet.source)
        })?;
        ensure!(is_mapped(source), "{user} came from {source}: no NAT");
        Ok(source)
    }

    /// Where those at home are seen from the server who speak TLS: that they connected is all that can be
    /// read on the way.
    pub(super) fn connected(&self) -> Outcome<Vec<SocketAddr>> {
        let packets = self.came_tap.since(Mark::START);
        let came = packets.iter().filter(|packet| packet.connects);
        let came: Vec<SocketAddr> = came.map(|packet| packet.source).collect();
        ensure!(came.iter().all(|source| is_mapped(*source)), "some came without NAT: {came:?}");
        Ok(came)
    }
}

impl Party {
    /// Waits for a message to this phone.
    pub(super) fn gets(&self, from: Mark, what: &str, wanted: impl Fn(&Sip) -> bool) -> Outcome<Sip> {
        let what = format!("{what} at {}", self.phone.settings.user);
        let (sip, _) = self
            .inbox
            .wait(from, PATIENCE, &what, |packet| packet.sip.as_ref().filter(|sip| wanted(sip)).cloned())?;
        Ok(sip)
    }
}

/// Is this somebody at home, as the NAT shows them?
fn is_mapped(source: SocketAddr) -> bool {
    source.ip() == HOME && MAPPED.contains(&source.port())
}

const AT_HOME: Ipv4Addr = Ipv4Addr::new(192, 168, 7, 0);
const IN_THE_STREET: Ipv4Addr = Ipv4Addr::new(203, 0, 113, 0);

fn host(net: Ipv4Addr, last: u8) -> Ipv4Addr {
    let [a, b, c, _] = net.octets();
    Ipv4Addr::new(a, b, c, last)
}

fn phone_settings(folder: &Path, ip: Ipv4Addr, account: Account, transport: Transport) -> phone::Settings {
    let number = u16::from(ip.octets()[3]) % 10;
    let home: PathBuf = folder.join(account.user);
    phone::Settings {
        home,
        ip,
        rtp_ports: place::rtp_ports(number, RTP_PORTS),
        hertz: 440,
        user: account.user.to_owned(),
        secret: account.secret.to_owned(),
        transport,
        server: SERVER_OUTSIDE,
        registers: true,
        codecs: &[Codec::Pcmu],
        encrypts: false,
        ice: false,
        turn: None,
        records: false,
        authority: None,
        papers: None,
    }
}

/// Starts a phone on a machine of its own, in the network whose bridge `at` holds.
fn party(make: Make, settings: phone::Settings, at: &Namespace) -> Outcome<Party> {
    let machine = machine(&settings.user, settings.ip, at)?;
    let ip = settings.ip;
    let inbox = machine.run(move || Ok(Wire::open()?.tap_address(ip.into())))?;
    let mut phone = machine.run(move || Phone::start(make, settings))?;
    if phone.settings.transport == Transport::Tls {
        phone.follow(&inbox)?;
    }
    Ok(Party { phone, inbox, _machine: machine })
}

/// A machine with one address, behind the bridge that `at` holds.
fn machine(name: &str, ip: Ipv4Addr, at: &Namespace) -> Outcome<Namespace> {
    let machine = Namespace::new(name)?;
    machine.cable("eth0", at, name)?;
    at.script(&format!("ip link set {name} master bridge"))?;
    // linphone believes itself offline without a default route; in the street it leads nowhere.
    let router = host(ip, 1);
    machine.script(&format!("ip addr add {ip}/24 dev eth0; ip route add default via {router}"))?;
    Ok(machine)
}

/// The four networks, from the NAT at home to the server.
fn lay() -> Outcome<[Namespace; 4]> {
    let home = Namespace::new("home")?;
    let street = Namespace::new("street")?;
    let front = Namespace::new("front")?;
    let room = Namespace::new("room")?;

    for (network, number) in [(&home, 1), (&street, 2)] {
        // A bridge without an address of its own takes the lowest of its ports', another one with many a
        // new port, and drops what still comes for the one before.
        network.script(&format!(
            "ip link add bridge type bridge; ip link set bridge address 02:00:00:00:00:0{number} up"
        ))?;
    }
    for (network, port) in [(&home, "home"), (&front, "front")] {
        street.cable(port, network, "wan")?;
        street.script(&format!("ip link set {port} master bridge"))?;
    }
    room.cable("eth0", &front, "lan")?;

    home.script("ip addr add 192.168.7.1/24 dev bridge; ip addr add 203.0.113.2/24 dev wan")?;
    street.script("ip addr add 203.0.113.24/24 dev bridge")?;
    front.script("ip addr add 203.0.113.1/24 dev wan; ip addr add 10.0.0.1/24 dev lan")?;
    room.script("ip addr add 10.0.0.2/24 dev eth0; ip route add default via 10.0.0.1")?;

    let (first, last) = (MAPPED.start(), MAPPED.end());
    for router in [&home, &front] {
        router.script(ROUTER)?;
    }
    home.script(&rules("", &format!("masquerade to :{first}-{last} random")))?;
    front.script(&rules(
        "chain in { type nat hook prerouting priority dstnat
            iifname wan meta l4proto { tcp, udp } th dport 5060-5063 dnat to 10.0.0.2
         }",
        "masquerade",
    ))?;
    for router in [&home, &front] {
        router.script(&forget())?;
    }
    Ok([home, street, front, room])
}

/// Loads a NAT into the kernel.
fn rules(inbound: &str, outbound: &str) -> String {
    format!(
        "nft -f - <<'RULES'
table ip nat {{
    {inbound}
    chain out {{
        type nat hook postrouting priority srcnat
        oifname wan meta l4proto {{ tcp, udp }} {outbound}
    }}
}}
RULES"
    )
}

/// Sets how long the NAT of a network remembers a silent flow of UDP, and reads it back.
fn forget() -> String {
    ["nf_conntrack_udp_timeout", "nf_conntrack_udp_timeout_stream"]
        .map(|name| {
            let file = format!("/proc/sys/net/netfilter/{name}");
            format!("echo {MAPPING_SECS} > {file}; test $(cat {file}) = {MAPPING_SECS}")
        })
        .join("; ")
}
