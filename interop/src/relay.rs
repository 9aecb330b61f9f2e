//! Sound through NATs: ruf with ruf and with PJSIP, each at a home of its own, with coturn in the street.
//!
//! ```text
//!   anna             her NAT                street                her or his NAT      bert
//!   192.168.7.11 --- 203.0.113.7 --------- (bridge) ------------- 203.0.113.8 --- 192.168.8.12
//!                                              |
//!                              203.0.113.1: the server, and coturn
//! ```
//!
//! A kind NAT keeps a port as it is for everybody, and lets in whom the phone has sent something to: STUN is enough. A
//! harsh one gives every flow a port that has nothing to do with the phone's: only TURN leads through.

use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::failure::{Outcome, ensure, fail};
use crate::namespace::Namespace;
use crate::phone::{self, Codec, Make, Phone};
use crate::place;
use crate::program::{self, Program};
use crate::recording;
use crate::server::{DOMAIN, Server, Settings};
use crate::talk::ours::Ours;
use crate::tone;
use crate::transport::Transport;
use crate::verdict;

/// How long anything that was asked for may take.
const PATIENCE: Duration = Duration::from_secs(15);
/// Between two looks.
const REST: Duration = Duration::from_millis(50);
const OFFICE: Ipv4Addr = Ipv4Addr::new(203, 0, 113, 1);
const SIP_PORT: u16 = 5_060;
const TURN_PORT: u16 = 3_478;
const ANNA: &str = "anna";
const BERT: &str = "bert";
const ANNA_HERTZ: u32 = 440;
const BERT_HERTZ: u32 = 620;
/// Longer than any call here.
const TONE_SECS: u32 = 60;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Nat {
    Kind,
    Harsh,
}

/// One call.
#[derive(Debug, Clone, Copy)]
struct Case {
    title: &'static str,
    nat: Nat,
    has_turn: bool,
    /// Who is called, or `None`: PJSIP calls.
    bert: Who,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Who {
    Ruf,
    Pjsip,
    /// Calls, the others are called.
    PjsipCalling,
}

const CASES: [Case; 5] = [
    Case { title: "two ruf behind kind NATs, by STUN", nat: Nat::Kind, has_turn: false, bert: Who::Ruf },
    Case { title: "two ruf behind harsh NATs, by TURN", nat: Nat::Harsh, has_turn: true, bert: Who::Ruf },
    Case { title: "ruf calls PJSIP behind kind NATs", nat: Nat::Kind, has_turn: true, bert: Who::Pjsip },
    Case { title: "ruf calls PJSIP behind harsh NATs", nat: Nat::Harsh, has_turn: true, bert: Who::Pjsip },
    Case {
        title: "PJSIP calls ruf behind harsh NATs",
        nat: Nat::Harsh,
        has_turn: true,
        bert: Who::PjsipCalling,
    },
];

/// Plays all calls; true if all went well.
pub(crate) fn run(folder: &Path) -> Outcome<bool> {
    Make::Pjsip.present()?;
    for (program, package) in [("nft", "nftables"), ("ip", "iproute2"), ("turnserver", "coturn")] {
        program::present(program, package)?;
    }
    let mut fine = true;
    for (number, case) in CASES.iter().enumerate() {
        let folder = folder.join(format!("case-{}", number + 1));
        std::fs::create_dir_all(&folder)?;
        let outcome = Town::start(&folder, *case).and_then(|town| town.play(*case));
        fine &= verdict::say(case.title, outcome);
    }
    Ok(fine)
}

/// The networks, and what is in them. Programs go before their networks.
struct Town {
    folder: PathBuf,
    server: Server,
    _turn: Program,
    anna: Namespace,
    bert: Namespace,
    _networks: [Namespace; 4],
}

impl Town {
    fn start(folder: &Path, case: Case) -> Outcome<Town> {
        let [street, office, hers, his] = ["street", "office", "hers", "his"].map(Namespace::new);
        let (street, office, hers, his) = (street?, office?, hers?, his?);
        street.script("ip link add bridge type bridge; ip link set bridge address 02:00:00:00:00:09 up")?;
        for (name, network) in [("office", &office), ("hers", &hers), ("his", &his)] {
            street.cable(name, network, "wan")?;
            street.script(&format!("ip link set {name} master bridge"))?;
        }
        // coturn 4.6 hands nothing on any more once it was to send where no route leads: here one leads nowhere.
        office.script(&format!(
            "ip addr add {OFFICE}/24 dev wan; ip link add void type veth peer name end; ip link set void arp off up; ip link set end up
             ip route add default dev void"
        ))?;
        let anna = home(ANNA, &hers, 7, 11, case.nat)?;
        let bert = home(BERT, &his, 8, 12, case.nat)?;
        let mut settings = Settings::new(&folder.join("data"), OFFICE);
        settings.listen = (OFFICE, SIP_PORT).into();
        let settings = [ANNA, BERT].iter().fold(settings, |all, name| all.user(name, &secret(name)));
        let server = office.run(move || Server::start(&settings))?;
        let data = folder.join("turn");
        std::fs::create_dir_all(&data)?;
        let turn = office.run(move || turn_server(&data))?;
        for (name, hertz) in [(ANNA, ANNA_HERTZ), (BERT, BERT_HERTZ)] {
            tone::write_wav(&folder.join(format!("{name}.wav")), hertz, TONE_SECS)?;
        }
        let folder = folder.to_owned();
        Ok(Town { folder, server, _turn: turn, anna, bert, _networks: [street, office, hers, his] })
    }

    fn play(self, case: Case) -> Outcome<String> {
        let relayed = match case.bert {
            Who::Ruf => self.two_of_ours(case)?,
            Who::Pjsip => self.ours_calls(case)?,
            Who::PjsipCalling => self.ours_is_called(case)?,
        };
        ensure!(relayed == (case.nat == Nat::Harsh), "a relay was taken: {relayed}");
        let status = self.server.stop()?;
        ensure!(status.success(), "the server ended with {status}");
        Ok(format!("both heard, {}", if relayed { "by a relay" } else { "directly" }))
    }

    fn two_of_ours(&self, case: Case) -> Outcome<bool> {
        let mut bert = self.ours(BERT, &["answer", "--once"], case)?;
        self.registered(BERT)?;
        let mut anna = self.ours(ANNA, &["call", BERT], case)?;
        let relayed = [found(&anna)?, found(&bert)?];
        self.heard(&anna.recording, &bert.recording)?;
        anna.interrupt()?;
        anna.ends_because("hung up")?;
        bert.ends_because("the far side hung up")?;
        ensure!(relayed[0] == relayed[1], "one says that it goes by a relay, one that it does not");
        Ok(relayed[0])
    }

    fn ours_calls(&self, case: Case) -> Outcome<bool> {
        let mut bert = self.pjsip()?;
        self.registered(BERT)?;
        let mut anna = self.ours(ANNA, &["call", BERT], case)?;
        anna.tells("ringing")?;
        bert.keys().answer()?;
        let relayed = found(&anna)?;
        lasted(&anna.recording)?;
        anna.interrupt()?;
        anna.ends_because("hung up")?;
        self.heard(&anna.recording, &bert.keys().recording()?)?;
        Ok(relayed)
    }

    fn ours_is_called(&self, case: Case) -> Outcome<bool> {
        let mut anna = self.ours(ANNA, &["answer", "--once"], case)?;
        self.registered(ANNA)?;
        let mut bert = self.pjsip()?;
        self.registered(BERT)?;
        bert.keys().dial(&format!("sip:{ANNA}@{DOMAIN}"))?;
        let relayed = found(&anna)?;
        lasted(&anna.recording)?;
        bert.keys().hang_up()?;
        anna.ends_because("the far side hung up")?;
        self.heard(&anna.recording, &bert.keys().recording()?)?;
        Ok(relayed)
    }

    /// Starts a ruf at its home.
    fn ours(&self, name: &'static str, verb: &[&str], case: Case) -> Outcome<Ours> {
        let mut line: Vec<String> = verb.iter().map(|&word| word.to_owned()).collect();
        let tone = self.folder.join(format!("{name}.wav"));
        let mut more = format!(
            "--account {name}@{DOMAIN} --password {} --server {OFFICE} --play {} --stun {OFFICE}:{TURN_PORT}",
            secret(name),
            tone.display()
        );
        if case.has_turn {
            more += &format!(" --turn {name}@{OFFICE}:{TURN_PORT} --turn-password {}", secret(name));
        }
        line.extend(more.split(' ').map(str::to_owned));
        let recording = self.folder.join(format!("{name}-heard.wav"));
        let home = if name == ANNA { &self.anna } else { &self.bert };
        home.run(move || Ours::start(&line, recording))
    }

    fn pjsip(&self) -> Outcome<Phone> {
        let settings = phone::Settings {
            home: self.folder.join("pjsip"),
            ip: Ipv4Addr::new(192, 168, 8, 12),
            rtp_ports: place::rtp_ports(1, 20),
            hertz: BERT_HERTZ,
            user: BERT.to_owned(),
            secret: secret(BERT),
            transport: Transport::Udp,
            server: (OFFICE, SIP_PORT).into(),
            registers: true,
            codecs: &[Codec::Pcmu],
            encrypts: false,
            ice: true,
            turn: Some((OFFICE, TURN_PORT).into()),
            records: true,
            authority: None,
            papers: None,
        };
        self.bert.run(move || Phone::start(Make::Pjsip, settings))
    }

    fn registered(&self, name: &str) -> Outcome<()> {
        let (aor, deadline) = (format!("{name}@{DOMAIN}"), Instant::now() + PATIENCE);
        while !self.server.bindings()?.iter().any(|bound| bound.aor == aor) {
            if Instant::now() > deadline {
                fail!("{name} is not registered within {} s", PATIENCE.as_secs());
            }
            std::thread::sleep(REST);
        }
        Ok(())
    }

    fn heard(&self, by_anna: &Path, by_bert: &Path) -> Outcome<()> {
        recording::ends_with(by_anna, 0, BERT_HERTZ, PATIENCE)?;
        recording::ends_with(by_bert, 0, ANNA_HERTZ, PATIENCE)
    }
}

/// Waits until a ruf says that it has found a way, and whether it goes by a relay.
fn found(ours: &Ours) -> Outcome<bool> {
    let way = ours.tells("way")?;
    Ok(way.get("relayed").and_then(Value::as_bool) == Some(true))
}

/// Waits until a recording holds three seconds of G.711. What PJSIP keeps is whole when its call is over.
fn lasted(recording: &Path) -> Outcome<()> {
    const OCTETS: u64 = 3 * 2 * 2 * tone::RATE as u64;
    let deadline = Instant::now() + PATIENCE;
    while std::fs::metadata(recording)?.len() < OCTETS {
        ensure!(Instant::now() < deadline, "{} stays short", recording.display());
        std::thread::sleep(REST);
    }
    Ok(())
}

/// A machine at a home of its own, behind the NAT of that home.
fn home(name: &str, router: &Namespace, net: u8, last: u8, nat: Nat) -> Outcome<Namespace> {
    let machine = Namespace::new(name)?;
    machine.cable("eth0", router, "lan")?;
    machine.script(&format!(
        "ip addr add 192.168.{net}.{last}/24 dev eth0; ip route add default via 192.168.{net}.1"
    ))?;
    let masked = match nat {
        Nat::Kind => "masquerade",
        Nat::Harsh => "meta l4proto udp masquerade to :20000-29999 random",
    };
    // What comes unasked is dropped before it gets a flow of its own, which would take the port of ours.
    router.script(&format!(
        "ip addr add 192.168.{net}.1/24 dev lan; ip addr add 203.0.113.{net}/24 dev wan
         echo 1 > /proc/sys/net/ipv4/ip_forward
         nft -f - <<'RULES'
table ip home {{
    chain out {{
        type nat hook postrouting priority srcnat
        oifname wan {masked}
    }}
    chain in {{
        type filter hook input priority filter
        iifname wan ct state new drop
    }}
}}
RULES"
    ))?;
    Ok(machine)
}

/// coturn, for everybody who has an account at the server.
fn turn_server(data: &Path) -> Outcome<Program> {
    let at = SocketAddr::from((OFFICE, TURN_PORT));
    let mut line = format!(
        "-n --no-tls --no-dtls --no-cli --lt-cred-mech --realm {DOMAIN} --log-file stdout --simple-log \
         --listening-ip {ip} --listening-port {port} --relay-ip {ip} --pidfile {data}/pid --userdb {data}/users",
        ip = at.ip(),
        port = at.port(),
        data = data.display()
    );
    for name in [ANNA, BERT] {
        line += &format!(" --user {name}:{}", secret(name));
    }
    let line: Vec<&str> = line.split_whitespace().collect();
    let program = Program::start("coturn", "turnserver", &line, |command| {
        command.current_dir(data);
    })?;
    // It says nothing before it ends: it is asked.
    let (socket, deadline) = (UdpSocket::bind((OFFICE, 0))?, Instant::now() + PATIENCE);
    socket.set_read_timeout(Some(REST))?;
    let question = [&[0, 1, 0, 0, 0x21, 0x12, 0xA4, 0x42][..], b"twelve octet"].concat();
    loop {
        socket.send_to(&question, at)?;
        if socket.recv_from(&mut [0; 200]).is_ok() {
            return Ok(program);
        }
        ensure!(Instant::now() < deadline, "coturn does not answer: {:?}", program.output());
        std::thread::sleep(REST);
    }
}

fn secret(user: &str) -> String {
    format!("secret-of-{user}")
}
