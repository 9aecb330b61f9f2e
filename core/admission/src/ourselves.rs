//! Where we are: the domains served, the addresses listened on, and the question whether a URI means
//! us (RFC 3261 §16.4, §16.5, §10.3 step 1). Which of several addresses the kernel would use towards
//! a peer is io/net's to know; it is in the [`Flow`].

use ruf_auth::Algorithm;
use ruf_message::{Flow, Host, HostBuf, Scheme, Transport, UriRef, address_text};
use std::borrow::Cow;
use std::net::{IpAddr, SocketAddr};

/// Every domain and every address that is us.
#[derive(Clone, Debug, Default)]
pub struct Ourselves {
    /// The first is the default: our addresses and `localhost` are aliases of it.
    pub domains: Vec<Domain>,
    /// In the order that [`Flow::listener`] counts.
    pub listeners: Vec<Listener>,
}

/// A domain that is served. Its name is the realm.
#[derive(Clone, Debug, Default)]
pub struct Domain {
    /// In lower case.
    pub name: String,
    /// Other names of it, in lower case.
    pub aliases: Vec<String>,
    /// No password is asked for, and no account is needed: whoever registers a name has it.
    pub open: bool,
    /// Phones are told to send their requests through us (Service-Route, RFC 3608). Some that would anyway
    /// do worse with it than without.
    pub service_route: bool,
    /// Offered in this order; empty: what [`Policy`](crate::Policy) says.
    pub algorithms: Vec<Algorithm>,
}

impl Domain {
    /// A domain that asks for passwords.
    pub fn new(name: &str) -> Self {
        Domain { name: name.to_ascii_lowercase(), ..Domain::default() }
    }

    /// A domain that asks nobody for a password: for a laboratory.
    pub fn open(name: &str) -> Self {
        Domain { open: true, ..Domain::new(name) }
    }

    fn is_called(&self, name: &[u8]) -> bool {
        let is_it = |known: &String| known.as_bytes().eq_ignore_ascii_case(name);
        // Most write it as we do, and that is seen at once.
        self.name.as_bytes() == name || is_it(&self.name) || self.aliases.iter().any(is_it)
    }
}

/// A socket that waits for messages.
#[derive(Clone, Debug)]
pub struct Listener {
    /// How octets travel.
    pub transport: Transport,
    /// Where it is bound; the address may be a wildcard, the port is the real one.
    pub bind: SocketAddr,
    /// For a wildcard: all local addresses.
    pub addresses: Vec<IpAddr>,
    /// What the world calls it, if that differs.
    pub advertised: Option<(HostBuf, Option<u16>)>,
    /// `bind` as a Via has it.
    written: String,
}

impl Listener {
    /// A listener on one address, known by it.
    pub fn new(transport: Transport, bind: SocketAddr) -> Self {
        Listener { transport, bind, addresses: Vec::new(), advertised: None, written: written(bind) }
    }

    fn has_address(&self, address: IpAddr) -> bool {
        let bound = self.bind.ip().to_canonical();
        let wildcard = bound.is_unspecified() && bound.is_ipv4() == address.is_ipv4();
        bound == address
            || wildcard && address.is_loopback()
            || self.addresses.iter().any(|own| own.to_canonical() == address)
    }

    fn is_advertised_as(&self, host: Host<'_>) -> bool {
        self.advertised.as_ref().is_some_and(|(name, _)| name.as_ref() == host)
    }

    /// Whether what is sent to this address over the listener's transport arrives at the listener: also
    /// by any loopback address, if it listens on all addresses.
    pub fn is_socket(&self, address: SocketAddr) -> bool {
        self.bind.port() == address.port() && self.has_address(address.ip().to_canonical())
    }

    /// Whether `host` with this port is this listener.
    fn is_at(&self, host: Host<'_>, port: u16) -> bool {
        let here = host.ip().is_some_and(|address| self.has_address(address.to_canonical()));
        let advertised = self.advertised.as_ref().is_some_and(|(name, advertised)| {
            name.as_ref() == host && advertised.unwrap_or(self.transport.default_port()) == port
        });
        here && self.bind.port() == port || advertised
    }

    fn uses_port(&self, port: u16) -> bool {
        let advertised =
            self.advertised.as_ref().map(|(_, port)| port.unwrap_or(self.transport.default_port()));
        self.bind.port() == port || advertised == Some(port)
    }
}

impl Ourselves {
    /// Where a phone takes connections, if we may open one to it when this flow of its own is gone: its Contact names,
    /// with the transport of that flow, the very address that it came from.
    // rfc3261 §18.1.1
    pub fn listens_at(&self, contact: UriRef<'_>, flow: &Flow) -> Option<SocketAddr> {
        let named = contact.transport().flatten();
        let is_named = match (flow.transport, contact.scheme()) {
            (Transport::Tcp | Transport::Tls, Scheme::Sip) => named == Some(flow.transport),
            // rfc3261 §26.2.2: the scheme says it
            (Transport::Tls, Scheme::Sips) => matches!(named, None | Some(Transport::Tcp | Transport::Tls)),
            // A WebSocket client takes no connections; over UDP there is none that could be gone.
            // rfc7118 §4.1
            (Transport::Udp | Transport::Tcp | Transport::Tls | Transport::Ws | Transport::Wss, _) => false,
        };
        if !is_named || contact.maddr().is_some() {
            return None;
        }
        let ip = contact.host()?.ip()?.to_canonical();
        let mut there = flow.remote;
        there.set_port(contact.port().unwrap_or(flow.transport.default_port()));
        let is_own = self.listeners.iter().any(|listener| listener.is_socket(there));
        (ip == there.ip().to_canonical() && !is_own).then_some(there)
    }

    /// Whether a URI leads to us: its host and port are a listening or advertised address, or its host
    /// a domain or alias. Without a port, an address of ours is us on any port: it is an alias of the
    /// default domain. With one, the port must be ours too, since a phone may share our address; but who
    /// writes SIP's own port behind the name of a domain means the domain, wherever we listen.
    // rfc3261 §16.4 and §16.5
    pub fn is_us(&self, uri: UriRef<'_>) -> bool {
        let Some(port) = uri.port() else { return self.domain_of(uri).is_some() };
        let Some(host) = uri.host() else { return false };
        match host {
            Host::Name(name) => {
                let is_default = port == default_port(uri.scheme()) && self.named(name).is_some();
                let uses = || self.listeners.iter().any(|listener| listener.uses_port(port));
                self.domain(host).is_some() && (is_default || uses())
            }
            Host::V4(_) | Host::V6(_) => self.listeners.iter().any(|listener| listener.is_at(host, port)),
        }
    }

    /// The domain that a host belongs to, by its name, an alias, or (the default one) as an address of
    /// ours. Ports do not matter: `alice@192.0.2.1` is the same person as `alice@192.0.2.1:5070`.
    pub fn domain(&self, host: Host<'_>) -> Option<&Domain> {
        if let Host::Name(name) = host
            && let Some(named) = self.named(name)
        {
            return Some(named);
        }
        let ours = match host {
            Host::Name(name) if name.eq_ignore_ascii_case("localhost") => true,
            Host::Name(_) => false,
            Host::V4(_) | Host::V6(_) => {
                let address = host.ip().map(|address| address.to_canonical());
                address.is_some_and(|address| {
                    self.listeners.iter().any(|listener| listener.has_address(address))
                })
            }
        };
        if ours || self.listeners.iter().any(|listener| listener.is_advertised_as(host)) {
            self.domains.first()
        } else {
            None
        }
    }

    /// The [`Ourselves::domain`] of a URI's host.
    pub fn domain_of(&self, uri: UriRef<'_>) -> Option<&Domain> {
        match uri.host_bytes() {
            // No address, and one of our names it is mostly: nothing need be read for that.
            name @ [.., b'a'..=b'z' | b'A'..=b'Z'] => self.called(name).or_else(|| self.domain(uri.host()?)),
            _ => self.domain(uri.host()?),
        }
    }

    /// The domain of this name or alias; addresses are not looked at.
    pub fn named(&self, name: &str) -> Option<&Domain> {
        self.called(name.as_bytes())
    }

    fn called(&self, name: &[u8]) -> Option<&Domain> {
        self.domains.iter().find(|domain| domain.is_called(name))
    }

    /// The default domain.
    pub fn default_domain(&self) -> Option<&Domain> {
        self.domains.first()
    }

    /// What we write of ourselves into Via and Record-Route of what leaves on a flow: `host:port`, as
    /// advertised or as the flow has it, never a wildcard.
    // rfc3261 §18.1.1
    pub fn sent_by(&self, flow: &Flow) -> Cow<'_, str> {
        match self.listeners.get(usize::from(flow.listener)) {
            Some(Listener { advertised: Some((host, Some(port))), .. }) => format!("{host}:{port}").into(),
            Some(Listener { advertised: Some((host, None)), .. }) => host.to_string().into(),
            Some(listener) if listener.bind == flow.local => (&*listener.written).into(),
            Some(_) | None => written(flow.local).into(),
        }
    }
}

/// An address of ours as a Via has it.
fn written(address: SocketAddr) -> String {
    address_text(SocketAddr::new(address.ip().to_canonical(), address.port()))
}

/// The port that people write where nothing need be written.
// rfc3261 §19.1.2
fn default_port(scheme: Scheme) -> u16 {
    if scheme == Scheme::Sips { 5061 } else { 5060 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ruf_message::Uri;

    fn ourselves() -> Ourselves {
        let mut wildcard = Listener::new(Transport::Udp, "0.0.0.0:5070".parse().unwrap());
        wildcard.addresses = vec!["192.0.2.1".parse().unwrap(), "127.0.0.1".parse().unwrap()];
        let mut advertised = Listener::new(Transport::Tcp, "10.0.0.1:5060".parse().unwrap());
        advertised.advertised = Some(("sip.example.org".parse().unwrap(), Some(15060)));
        let sixth = Listener::new(Transport::Udp, "[2001:db8::1]:5060".parse().unwrap());
        let mut domains = vec![Domain::new("Example.org"), Domain::open("open.example")];
        domains[0].aliases.push("example.net".into());
        Ourselves { domains, listeners: vec![wildcard, advertised, sixth] }
    }

    fn is_us(uri: &str) -> bool {
        ourselves().is_us(uri.parse::<Uri>().unwrap().as_ref())
    }

    #[test]
    fn a_socket_is_its_port_at_one_of_its_addresses() {
        let ourselves = ourselves();
        let is_socket = |text: &str| ourselves.listeners[0].is_socket(text.parse().unwrap());
        assert!(
            is_socket("192.0.2.1:5070")
                && is_socket("127.0.0.9:5070")
                && is_socket("[::ffff:192.0.2.1]:5070")
        );
        assert!(!is_socket("192.0.2.1:5060") && !is_socket("198.51.100.1:5070"));
    }

    #[test]
    fn every_domain_alias_and_address_is_us() {
        // tests rfc3261 §16.4, §16.5
        for us in [
            "sip:example.org",
            "sips:bob@EXAMPLE.net;lr",
            "sip:example.org:5070",
            "sip:open.example",
            "sip:192.0.2.1:5070",
            "sip:192.0.2.1",
            "sip:127.0.0.99:5070",
            "sip:localhost",
            "sip:localhost:5060",
            "sip:10.0.0.1:5060",
            "sip:sip.example.org:15060",
            "sip:sip.example.org",
            "sip:[2001:db8::1]:5060",
            "sip:[2001:db8:0::1]",
        ] {
            assert!(is_us(us), "{us}");
        }
    }

    #[test]
    fn the_port_of_sip_behind_the_name_of_a_domain_is_us_wherever_we_listen() {
        let mut elsewhere = ourselves();
        elsewhere.listeners.truncate(1); // at port 5070
        let is_us = |uri: &str| elsewhere.is_us(uri.parse::<Uri>().unwrap().as_ref());
        assert!(is_us("sip:bob@example.org:5060") && is_us("sips:bob@example.net:5061"));
        for phone in ["sip:bob@localhost:5060", "sip:bob@192.0.2.1:5060", "sip:bob@example.org:5061"] {
            assert!(!is_us(phone), "{phone}");
        }
    }

    #[test]
    fn the_public_address_of_a_translator_before_us_is_us_at_its_port() {
        // tests rfc3261 §16.4
        let mut behind = ourselves();
        behind.listeners[1].advertised = Some(("198.51.100.7".parse().unwrap(), None));
        let is_us = |uri: &str| behind.is_us(uri.parse::<Uri>().unwrap().as_ref());
        assert!(is_us("sip:198.51.100.7") && is_us("sip:198.51.100.7:5060"));
        for other in ["sip:198.51.100.7:5080", "sip:198.51.100.8:5060", "sip:198.51.100.8"] {
            assert!(!is_us(other), "{other}");
        }
    }

    #[test]
    fn a_phone_on_our_host_and_anybody_else_is_not() {
        for other in [
            "sip:bob@192.0.2.1:5080",
            "sip:bob@127.0.0.1:5060",
            "sip:192.0.2.2",
            "sip:example.org:5080",
            "sip:www.example.org",
            "sip:[2001:db8::2]",
            "sip:[::1]",
            "tel:+4930123",
            "urn:service:sos",
        ] {
            assert!(!is_us(other), "{other}");
        }
    }

    #[test]
    fn addresses_belong_to_the_default_domain_whatever_the_port() {
        let ourselves = ourselves();
        let name = |host: &str| {
            ourselves.domain(Host::parse(host.as_bytes()).unwrap()).map(|domain| domain.name.as_str())
        };
        for host in [
            "192.0.2.1",
            "localhost",
            "sip.example.org",
            "example.NET",
            "127.0.0.1",
            "[2001:db8::1]",
            "[::ffff:10.0.0.1]",
        ] {
            assert_eq!(name(host), Some("example.org"), "{host}");
        }
        assert_eq!(
            (name("OPEN.example"), name("192.0.2.9"), name("org")),
            (Some("open.example"), None, None)
        );
    }

    #[test]
    fn what_is_written_of_us_is_advertised_or_real() {
        // tests rfc3261 §18.1.1
        let ourselves = ourselves();
        let sent_by = |listener, local: &str| {
            let remote = "203.0.113.1:5060".parse().unwrap();
            let flow = Flow {
                transport: Transport::Udp,
                listener,
                local: local.parse().unwrap(),
                remote,
                connection: 0,
            };
            ourselves.sent_by(&flow)
        };
        assert_eq!(sent_by(0, "192.0.2.1:5070"), "192.0.2.1:5070");
        assert_eq!(sent_by(0, "[::ffff:192.0.2.1]:5070"), "192.0.2.1:5070");
        assert_eq!(sent_by(1, "10.0.0.1:5060"), "sip.example.org:15060");
        assert_eq!(sent_by(2, "[2001:db8::1]:5060"), "[2001:db8::1]:5060");
        assert_eq!(sent_by(9, "10.9.9.9:5060"), "10.9.9.9:5060");
    }
}
