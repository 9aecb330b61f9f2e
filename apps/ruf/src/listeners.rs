//! Where the server listens: what was asked for or the default, opened, and how the world calls it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use ruf_admission::{Domain, Ourselves};
use ruf_message::Transport;
use ruf_net::{BindError, ListenSpec, Listener, Service};

use crate::config::Config;
use crate::serve::Refused;
use crate::{EXIT_CONFIG, EXIT_PORT_TAKEN};

/// Where the server listens in both address families when nobody says where.
const DEFAULTS: [(Transport, u16); 4] = [
    (Transport::Udp, ESSENTIAL_PORT),
    (Transport::Tcp, ESSENTIAL_PORT),
    (Transport::Tls, 5061),
    // Browsers refuse to open 5060 and 5061.
    (Transport::Wss, 7443),
];
/// The one port without which a server by default makes no sense; another one that is taken is warned of.
const ESSENTIAL_PORT: u16 = 5060;

/// An open place, and how it was asked for.
pub(crate) struct Opened {
    /// One for each worker.
    pub(crate) listeners: Vec<Listener>,
    pub(crate) transport: Transport,
    /// The real address, the port resolved.
    pub(crate) bind: SocketAddr,
    pub(crate) spec: ListenSpec,
}

impl Opened {
    fn open(config: &Config, transport: Transport, spec: ListenSpec) -> Result<Opened, BindError> {
        let listeners = Listener::open_for(config.workers, transport, spec.address)?;
        let bind = listeners.first().map_or(spec.address, Listener::local);
        Ok(Opened { listeners, transport, bind, spec })
    }
}

/// What each worker has of each place.
pub(crate) fn by_worker(opened: Vec<Opened>, workers: u8) -> Vec<Vec<Listener>> {
    let mut shares: Vec<Vec<Listener>> = (0..workers).map(|_| Vec::new()).collect();
    for one in opened {
        for (share, listener) in shares.iter_mut().zip(one.listeners) {
            share.push(listener);
        }
    }
    shares
}

/// A transport and a real address: `tcp:192.0.2.1:5060`.
pub(crate) fn place((transport, address): &(Transport, SocketAddr)) -> String {
    format!("{}:{address}", transport.as_param())
}

/// The listeners that were asked for, or the default ones.
pub(crate) fn open(config: &Config) -> Result<Vec<Opened>, Refused> {
    if config.listen.is_empty() {
        return open_defaults(config);
    }
    let mut opened = Vec::new();
    for spec in &config.listen {
        let Service::Sip(transport) = spec.service else { continue };
        opened.push(Opened::open(config, transport, *spec).map_err(refuse)?);
    }
    Ok(opened)
}

fn open_defaults(config: &Config) -> Result<Vec<Opened>, Refused> {
    let any: [IpAddr; 2] = [Ipv4Addr::UNSPECIFIED.into(), Ipv6Addr::UNSPECIFIED.into()];
    let mut opened = Vec::new();
    for ip in any {
        for (transport, port) in DEFAULTS {
            let spec = ListenSpec { service: Service::Sip(transport), address: SocketAddr::new(ip, port) };
            match Opened::open(config, transport, spec) {
                Ok(one) => opened.push(one),
                Err(error) if error.is_family_missing() => {
                    tracing::warn!("this machine has no IPv6; listening on IPv4 alone");
                    break;
                }
                Err(error) if error.is_taken() && port != ESSENTIAL_PORT => {
                    tracing::warn!("{error}; going on without");
                }
                Err(error) => return Err(refuse(error)),
            }
        }
    }
    Ok(opened)
}

fn refuse(error: BindError) -> Refused {
    Refused { status: if error.is_taken() { EXIT_PORT_TAKEN } else { EXIT_CONFIG }, line: error.to_string() }
}

/// Who we are: our domains, and our listeners as the world calls them.
pub(crate) fn ourselves(
    config: &Config,
    domains: &[Domain],
    opened: &[Opened],
) -> Result<Ourselves, Refused> {
    for advertise in &config.advertise {
        if !config.listen.contains(&advertise.listener) {
            return Err(Refused::config(format!(
                "--advertise {}: no such listener; name one exactly as --listen does",
                advertise.listener
            )));
        }
    }
    let every_address = ruf_net::local_addresses();
    let listeners = opened
        .iter()
        .map(|&Opened { transport, bind, spec, .. }| {
            let advertised = config.advertise.iter().find(|one| one.listener == spec);
            let addresses = if bind.ip().is_unspecified() {
                every_address.iter().copied().filter(|ip| ip.is_ipv4() == bind.is_ipv4()).collect()
            } else {
                vec![bind.ip()]
            };
            let mut listener = ruf_admission::Listener::new(transport, bind);
            listener.addresses = addresses;
            listener.advertised = advertised.map(|one| (one.host.clone(), one.port));
            listener
        })
        .collect();
    Ok(Ourselves { domains: domains.to_vec(), listeners })
}

/// Where a program on this machine reaches the first listener of a transport.
pub(crate) fn reachable(places: &[(Transport, SocketAddr)], transport: Transport) -> Option<SocketAddr> {
    let (_, first) = places.iter().find(|(spoken, _)| *spoken == transport)?;
    let ip: IpAddr = match first.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        bound => bound,
    };
    Some(SocketAddr::new(ip, first.port()))
}
