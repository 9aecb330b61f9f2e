//! One row: a peer, and a server if the two meet at one.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::transfer::Scene;
use super::{CODECS, Call, Cast, Media, Way, call, text};
use crate::failure::{Failure, Outcome, ensure, fail};
use crate::phone::{Make, Papers, Phone, Settings};
use crate::place;
use crate::server::{self, DOMAIN, Server};
use crate::tone;
use crate::transport::Transport;
use crate::wire::{Tap, Wire};

/// How long a phone may take to be registered.
const REGISTERED: Duration = Duration::from_secs(15);
/// Between two looks at the bindings.
const REST: Duration = Duration::from_millis(50);
/// Ports of RTP of the peer.
const RTP_PORTS: u16 = 20;
/// Where ruf is called directly.
const SIP_PORT: u16 = 5060;
const TLS_PORT: u16 = 5061;
/// What the three say, in hertz, and for how long: longer than any call here.
pub(super) const OUR_HERTZ: u32 = 440;
pub(super) const PEER_HERTZ: u32 = 620;
pub(super) const THIRD_HERTZ: u32 = 840;
const TONE_SECS: u32 = 90;

const PEER: &str = "bert";

/// A ruf of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Who {
    /// Who talks to the peer.
    Ours,
    /// The third of a transfer.
    Third,
}

impl Who {
    fn name(self) -> &'static str {
        match self {
            Who::Ours => "anna",
            Who::Third => "cara",
        }
    }

    fn hertz(self) -> u32 {
        match self {
            Who::Ours => OUR_HERTZ,
            Who::Third => THIRD_HERTZ,
        }
    }
}

/// A row being played.
pub(super) struct Row {
    pub(super) tap: Tap,
    pub(super) cast: Cast,
    /// Where ruf is, and the third.
    pub(super) ip: IpAddr,
    pub(super) third_ip: IpAddr,
    pub(super) peer: Phone,
    folder: PathBuf,
    began: Instant,
    server: Option<Server>,
    /// What everybody shows over TLS where there is no server, and the authority that vouches for it.
    papers: Option<(Papers, PathBuf)>,
}

impl Row {
    /// Starts the server and the peer. `number`: of its network; `slot`: of its ports.
    pub(super) fn start(wire: &Wire, folder: PathBuf, number: u8, slot: u16, cast: Cast) -> Outcome<Row> {
        std::fs::create_dir_all(&folder)?;
        for who in [Who::Ours, Who::Third] {
            tone::write_wav(&folder.join(format!("{}.wav", who.name())), who.hertz(), TONE_SECS)?;
        }
        let [a, b, c, _] = place::net(number).octets();
        let host = |last| Ipv4Addr::new(a, b, c, last);
        let tap = wire.tap(host(0));
        let server = match cast.way {
            Way::Direct => None,
            Way::Served => {
                let mut settings = server::Settings::new(&folder.join("data"), host(1));
                settings.streams = [cast.transport].into_iter().filter(|of| *of != Transport::Udp).collect();
                let names = [Who::Ours.name(), Who::Third.name(), PEER];
                Some(Server::start(&names.iter().fold(settings, |all, name| all.user(name, &secret(name))))?)
            }
        };
        let is_tls = cast.transport == Transport::Tls;
        let papers = match &server {
            None if is_tls => Some(issued(&folder.join("data"), [host(12), host(20), host(21)])?),
            Some(_) | None => None,
        };
        let at = match &server {
            Some(server) => server.at(cast.transport)?,
            None => SocketAddr::new(host(20).into(), if is_tls { TLS_PORT } else { SIP_PORT }),
        };
        let authority = match (&server, &papers) {
            (Some(server), _) if is_tls => Some(server.authority()),
            (_, papers) => papers.as_ref().map(|(_, authority)| authority.clone()),
        };
        let peer = Phone::start(
            cast.peer,
            Settings {
                home: folder.join(PEER),
                ip: host(12),
                rtp_ports: place::rtp_ports(slot, RTP_PORTS),
                hertz: PEER_HERTZ,
                user: PEER.to_owned(),
                secret: secret(PEER),
                transport: cast.transport,
                server: at,
                registers: server.is_some(),
                codecs: CODECS,
                encrypts: cast.media == Media::Srtp,
                ice: cast.media == Media::Ice,
                turn: None,
                records: true,
                authority,
                papers: papers.as_ref().map(|(papers, _)| papers.clone()),
            },
        )?;
        let row = Row {
            tap,
            began: Instant::now(),
            cast,
            ip: host(20).into(),
            third_ip: host(21).into(),
            peer,
            folder,
            server,
            papers,
        };
        row.registered()?;
        Ok(row)
    }

    /// Plays all calls; gives what was seen.
    pub(super) fn play(mut self) -> Outcome<String> {
        let calls = self.cast.calls();
        for (number, call) in calls.iter().enumerate() {
            call::play(&mut self, *call, number + 1)
                .map_err(|failure| Failure::new(format!("{}: {failure}", call.title())))?;
        }
        if self.cast.transport != Transport::Tls {
            call::check_silence_behind_byes(&self, calls.len())?;
        }
        let is_called = self.cast.peer_listens();
        if is_called {
            text::play(&mut self)?;
        }
        let scenes = Scene::ALL.into_iter().filter(|scene| is_called && scene.is_for(self.cast));
        let scenes: Vec<Scene> = scenes.collect();
        for (number, scene) in scenes.iter().enumerate() {
            scene.play(&mut self, calls.len() + number + 1)?;
        }
        call::check_transport(&self)?;
        if let Some(server) = self.server {
            let status = server.stop()?;
            ensure!(status.success(), "the server ended with {status}");
        }
        let mut titles: Vec<String> = calls.into_iter().map(Call::title).collect();
        titles.extend(is_called.then(|| "texts".to_owned()));
        titles.extend(scenes.into_iter().map(|scene| scene.title().to_owned()));
        Ok(format!("{}; {} s", titles.join("; "), self.began.elapsed().as_secs()))
    }

    /// The arguments of `ruf call` or `ruf answer` that say who we are, and what we say.
    pub(super) fn identity(&self, who: Who) -> Vec<String> {
        let tone = self.folder.join(format!("{}.wav", who.name()));
        let (srtp, ice) = match self.cast.media {
            Media::Plain => ("off", "auto"),
            Media::Ice => ("off", "offered"),
            Media::Srtp => ("required", "auto"),
        };
        let mut line = self.account(who);
        line.extend(["--play".to_owned(), tone.display().to_string()]);
        line.extend(["--srtp", srtp, "--ice", ice].map(str::to_owned));
        line
    }

    /// The arguments that say who we are.
    pub(super) fn account(&self, who: Who) -> Vec<String> {
        let ip = match who {
            Who::Ours => self.ip,
            Who::Third => self.third_ip,
        };
        let (name, port) = (who.name(), if self.server.is_some() { 0 } else { SIP_PORT });
        let mut line = format!("--listen {}", SocketAddr::new(ip, port));
        if let Some(server) = &self.server {
            let (at, over) = (self.peer.settings.server, self.cast.transport.name());
            line += &format!(
                " --account {name}@{DOMAIN} --password {} --server {at};transport={over}",
                secret(name)
            );
            if self.cast.transport == Transport::Tls {
                line += &format!(" --ca {}", server.authority().display());
            }
        }
        if let Some((Papers { certificate, key }, authority)) = &self.papers {
            let (certificate, key) = (certificate.display(), key.display());
            line += &format!(" --listen-tls {}", SocketAddr::new(ip, TLS_PORT));
            line += &format!(" --certificate {certificate} --key {key} --ca {}", authority.display());
        }
        line.split(' ').map(str::to_owned).collect()
    }

    /// How ruf calls the peer.
    pub(super) fn peer_uri(&self) -> String {
        let at = self.peer.settings.sip();
        // baresip takes TLS at the next port.
        let is_next = self.cast.transport == Transport::Tls && self.cast.peer == Make::Baresip;
        let port = at.port() + u16::from(is_next);
        match self.server {
            Some(_) => PEER.to_owned(),
            None => format!("sip:{PEER}@{}:{port};transport={}", at.ip(), self.cast.transport.name()),
        }
    }

    /// How the peer calls ruf.
    pub(super) fn our_uri(&self) -> String {
        self.uri(Who::Ours.name(), self.ip)
    }

    /// How the third is called.
    pub(super) fn third_uri(&self) -> String {
        self.uri(Who::Third.name(), self.third_ip)
    }

    fn uri(&self, name: &str, ip: IpAddr) -> String {
        let over = self.cast.transport.name();
        match self.server {
            Some(_) => format!("sip:{name}@{DOMAIN}"),
            None if self.papers.is_none() => format!("sip:{name}@{ip}:{SIP_PORT};transport={over}"),
            // linphone reads no address in a certificate, and knows one name.
            None if self.cast.peer == Make::Linphone => {
                format!("sip:{name}@{DOMAIN}:{TLS_PORT};transport={over}")
            }
            None => format!("sip:{name}@{ip}:{TLS_PORT};transport={over}"),
        }
    }

    /// Where a ruf keeps what it hears in a call.
    pub(super) fn recording(&self, who: Who, number: usize) -> PathBuf {
        self.folder.join(format!("{}-{number}.wav", who.name()))
    }

    /// Waits until the peer can be called.
    fn registered(&self) -> Outcome<()> {
        let Some(server) = &self.server else { return Ok(()) };
        let (aor, deadline) = (format!("{PEER}@{DOMAIN}"), Instant::now() + REGISTERED);
        while !server.bindings()?.iter().any(|bound| bound.aor == aor) {
            if Instant::now() > deadline {
                fail!("{} is not registered within {} s", self.cast.peer.name(), REGISTERED.as_secs());
            }
            std::thread::sleep(REST);
        }
        Ok(())
    }
}

/// A certificate for these addresses and the domain, by the authority of a server that is started for that.
fn issued(data: &Path, addresses: [Ipv4Addr; 3]) -> Outcome<(Papers, PathBuf)> {
    let mut settings = server::Settings::new(data, addresses[0]);
    for address in addresses {
        settings = settings.arguments(&format!("--listen tls:{address}:0"));
    }
    let server = Server::start(&settings)?;
    let authority = server.authority();
    server.stop()?;
    let file = |end: &str| authority.with_file_name(format!("{DOMAIN}.{end}"));
    Ok((Papers { certificate: file("pem"), key: file("key") }, authority))
}

fn secret(user: &str) -> String {
    format!("secret-of-{user}")
}
